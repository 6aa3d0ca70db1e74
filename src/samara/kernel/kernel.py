# SPDX-License-Identifier: MIT
"""A kernel in memory: its types, its processes and their address spaces.

Owns what can be found from VMCOREINFO alone: the symbols, the BTF, the list of processes. Called by
`Vmcore`, `from_drgn` and users.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final, NamedTuple

from samara.kernel.btf import Btf
from samara.kernel.layout import Layout
from samara.kernel.memory import Damage, Read, Report, raise_damage, read_bytes, read_word
from samara.kernel.space import address_space, tree_head
from samara.kernel.symbols import read_symbols
from samara.mm import AddressSpace

_WANTED: Final = ("init_task", "__start_BTF", "__stop_BTF", "sysctl_max_map_count")
_MOST_BTF: Final = 1 << 28  # bytes
_COMM: Final = 16  # bytes
_MOST_TASKS: Final = 1 << 22  # as many process ids as Linux has


class Task(NamedTuple):
    """A process: the leader of a group of threads.

    Attributes:
        pid: its process id
        name: its name (comm)
        address: the address of its `task_struct`
        mm: that of its `mm_struct`; 0 for a kernel thread, or after the end of the process
    """

    pid: int
    name: str
    address: int
    mm: int


class Kernel:
    """A Linux kernel, 6.1 or newer and little-endian, whose memory can be read by address.

    Args:
        read: `read(address, size)` returns the bytes at an address of the kernel's. It may raise
            OSError, ValueError, LookupError or EOFError.
        info: The lines of the kernel's VMCOREINFO, by name (`parse_vmcoreinfo`).
        btf: The types of the kernel. The default is its own, from its memory.

    Attributes:
        read: as given
        info: as given

    >>> from samara.kernel import parse_vmcoreinfo
    >>> info = parse_vmcoreinfo(b"OSRELEASE=6.12.1\\nPAGESIZE=4096\\n")
    >>> Kernel(lambda address, size: bytes(size), info).release
    '6.12.1'
    """

    def __init__(self, read: Read, info: Mapping[str, str], *, btf: Btf | None = None) -> None:
        self.read = read
        self.info = info
        self._btf = btf

    @property
    def release(self) -> str:
        """The kernel's release, as `uname -r` prints it."""
        return self.info.get("OSRELEASE", "")

    @cached_property
    def symbols(self) -> dict[str, int]:
        """The addresses of the symbols that reading needs. O(symbols) the first time, 0.3 s."""
        return read_symbols(self.read, self.info, _WANTED)

    @property
    def max_map_count(self) -> int:
        """The kernel's vm.max_map_count; 0 if it cannot be found."""
        place = self.symbols.get("sysctl_max_map_count", 0)
        return (read_word(self.read, place, size=4) if place else None) or 0

    @cached_property
    def btf(self) -> Btf:
        """The types of the kernel. O(types) the first time, 0.3 s.

        Raises:
            ValueError: They are not in the dump.
        """
        if self._btf is not None:
            return self._btf
        start, stop = (self.symbols.get(name, 0) for name in ("__start_BTF", "__stop_BTF"))
        if not 0 < stop - start < _MOST_BTF:
            raise ValueError("the kernel has no BTF: give it as btf=")
        return Btf(self.read(start, stop - start))

    @cached_property
    def layout(self) -> Layout:
        """Where the fields are that reading needs. O(types) the first time.

        Raises:
            KeyError: The kernel lacks one of them: it is older than Linux 6.1, or too new.
            ValueError: There is no BTF, or it is damaged.
        """
        return Layout.from_btf(self.btf)

    def tasks(self, *, report: Report = raise_damage) -> Iterator[Task]:
        """Yield the processes, kernel threads included, in the order of their start. O(processes).

        Args:
            report: Called with each `Damage`. The default raises DamagedMemoryError.
        """
        layout = self.layout.task
        first = self.symbols.get("init_task")
        if first is None:
            raise ValueError("the kernel has no symbol init_task")
        address, seen = first, {first}
        while True:
            following = read_word(self.read, address + layout["tasks"])
            if following is None:
                report(Damage(address, "a task cannot be read", 0, 0))
                return
            address = (following - layout["tasks"]) % 2**64
            if address == first:
                return
            if address in seen or len(seen) >= _MOST_TASKS:
                report(Damage(address, "the list of tasks is a circle without init_task", 0, 0))
                return
            seen.add(address)
            task = self._task(address)
            if task is None:
                report(Damage(address, "a task cannot be read", 0, 0))
                return
            yield task

    def _task(self, address: int) -> Task | None:
        layout = self.layout.task
        pid = read_word(self.read, address + layout["pid"], size=4)
        mm = read_word(self.read, address + layout["mm"])
        name = read_bytes(self.read, address + layout["comm"], _COMM)
        if pid is None or mm is None or name is None:
            return None
        return Task(pid, name.partition(b"\0")[0].decode(errors="replace"), address, mm)

    def task(self, pid: int) -> Task:
        """Return a process by its id. O(processes).

        Raises:
            ProcessLookupError: There is no such process.
            DamagedMemoryError: The list of processes is damaged.
        """
        for task in self.tasks():
            if task.pid == pid:
                return task
        raise ProcessLookupError(f"the dump has no process {pid}")

    def tree(self, task: Task) -> tuple[int, int]:
        """Return the root of a process's tree of VMAs, for `read_nodes`, and its flags. O(1).

        Raises:
            ProcessLookupError: The process has none: it is a kernel thread, or has ended.
            LookupError: It cannot be read.
        """
        if not task.mm:
            raise ProcessLookupError(f"process {task.pid} ({task.name}) has no address space")
        head = tree_head(self.read, task.mm, self.layout)
        if head is None:
            raise LookupError(f"the tree of process {task.pid} ({task.name}) cannot be read")
        return head

    def address_space(self, task: Task, *, report: Report = raise_damage) -> AddressSpace:
        """Return the address space of a process. O(VMAs).

        Args:
            task: One of `tasks()`.
            report: Called with each `Damage`. The default raises DamagedMemoryError.

        Raises:
            ProcessLookupError: The process has none: it is a kernel thread, or has ended.
        """
        if not task.mm:
            raise ProcessLookupError(f"process {task.pid} ({task.name}) has no address space")
        return address_space(self.read, task.mm, self.layout, report=report)
