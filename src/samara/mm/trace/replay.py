# SPDX-License-Identifier: MIT
"""Replay of a recorded run: the model makes the calls and is checked against the kernel's maps.

Owns the comparison. Called by users and the command.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter
from typing import Any, Final, Literal, TypeAlias

from samara.mm.address_space import AddressSpace
from samara.mm.constants import Map, Mremap
from samara.mm.fault import fault_in
from samara.mm.file import File
from samara.mm.layout import guess_limits
from samara.mm.limits import Limits
from samara.mm.merging import merging_disabled
from samara.mm.trace.format import Row, Step, Trace, check_trace, row_of, vma_of
from samara.mm.units import ADDRESS_END
from samara.mm.vma import VMA
from samara.mm.vma_ops import insert, remove, rename

Placement: TypeAlias = Literal["recorded", "own"]
_FIXED: Final = int(Map.FIXED)
_NOREPLACE: Final = int(Map.FIXED_NOREPLACE)
_ANONYMOUS: Final = int(Map.ANONYMOUS)
_SHARED: Final = int(Map.SHARED)
_MAYMOVE: Final = int(Mremap.MAYMOVE)
_MOVE_FIXED: Final = int(Mremap.FIXED)
# Calls with the same arguments as a method: the method's name and the number of arguments.
_PLAIN: Final = {
    "munmap": ("munmap", 2),
    "mprotect": ("mprotect", 3),
    "brk": ("brk", 1),
    "madvise": ("madvise", 3),
    "mlock": ("mlock", 2),
    "mlock2": ("mlock", 3),
    "munlock": ("munlock", 2),
    "mlockall": ("mlockall", 1),
    "munlockall": ("munlockall", 0),
    "mseal": ("mseal", 3),
    "pkey_alloc": ("pkey_alloc", 2),
    "pkey_free": ("pkey_free", 1),
    "pkey_mprotect": ("pkey_mprotect", 4),
    "remap_file_pages": ("remap_file_pages", 5),
    "shmdt": ("shmdt", 1),
}


class ReplayMismatch(Exception):
    """A step after which the model differs from the recording.

    Attributes:
        number: the number of the step, from 0
        step: the step as it was recorded
        problem: what differs, in words
        missing: rows that only the kernel's maps had
        unexpected: rows that only the model has
    """

    def __init__(
        self,
        number: int,
        step: Step,
        problem: str,
        missing: list[list[Any]],
        unexpected: list[list[Any]],
    ) -> None:
        super().__init__(f"step {number}, {step['call']}: {problem}")
        self._given = number, step, problem, missing, unexpected
        self.number = number
        self.step = step
        self.problem = problem
        self.missing = missing
        self.unexpected = unexpected

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given


def replay(
    trace: Trace, placement: Placement = "recorded", *, limits: Limits | None = None
) -> Iterator[tuple[Step, AddressSpace]]:
    """Make the calls of a recorded run, and yield (step, mm) after each.

    `mm` is always the same address space, which the calls change. With n VMAs, each step costs
    O(n): all of them are compared. The file behind a descriptor is taken from the step's rows. An
    "external" step applies its rows as they are.

    Args:
        trace: the decoded JSON of a recording (`read_trace`)
        placement: "recorded" puts a mapping where the kernel put it; "own" lets the model choose
        limits: the limits of the process. The default is guessed from the VMAs at the beginning, as
            by `AddressSpace.from_maps`, with `privileged`, and with the `pkeys` and `anon_names`
            that the recorded calls show.

    Raises:
        ReplayMismatch: The model's VMAs (start, end, permissions, offset, device, inode, path), the
            returned address or the errno differ from the recorded ones.
        ValueError: This is not a trace, or the placement is unknown.

    >>> row = [4096, 12288, "rw-p", 0, "00:00", 0, ""]
    >>> rest = [4096, 8192, "rw-p", 0, "00:00", 0, ""]
    >>> step = {"call": "munmap", "args": [8192, 4096, 0, 0, 0, 0], "ret": 0,
    ...         "removed": [row], "added": [rest]}
    >>> columns = ["start", "end", "perms", "offset", "dev", "inode", "path"]
    >>> for step, mm in replay({"columns": columns, "initial": [row], "steps": [step]}):
    ...     print(step["call"], mm.vmas())
    munmap [VMA(0x1000-0x2000 rw-p)]
    """
    if placement not in ("recorded", "own"):
        raise ValueError(f"placement must be 'recorded' or 'own', not {placement!r}")
    check_trace(trace)
    return _replay(trace, placement == "own", limits)


def _limits_of(trace: Trace, initial: list[VMA]) -> Limits:
    """Return the default limits. What the recorded calls returned tells what the machine had."""
    results: dict[str, set[int]] = {"pkey_alloc": set(), "prctl": set()}
    for step in trace["steps"]:
        if step["call"] in results:
            results[step["call"]].add(step["ret"])
    names = 0 in results["prctl"] or -errno.EINVAL not in results["prctl"]
    keys = max(results["pkey_alloc"], default=-1) >= 0
    limits = guess_limits(sorted(initial, key=attrgetter("start")))
    return replace(limits, privileged=True, pkeys=keys, anon_names=names)


def _replay(trace: Trace, own: bool, limits: Limits | None) -> Iterator[tuple[Step, AddressSpace]]:
    initial = list(map(vma_of, trace["initial"]))
    if limits is None:
        limits = _limits_of(trace, initial)
    mm = AddressSpace(initial, limits=limits)
    _set_break(mm, trace)
    kernel = _Kernel(trace["initial"])
    for number, step in enumerate(trace["steps"]):
        problem, missing, unexpected = _take(mm, kernel, step, own)
        if problem:
            raise ReplayMismatch(number, step, problem, missing, unexpected)
        yield step, mm


def _take(
    mm: AddressSpace, kernel: _Kernel, step: Step, own: bool
) -> tuple[str, list[list[Any]], list[list[Any]]]:
    """Make a step on both sides. Return the problem, or "", and the rows that differ."""
    before = _Before(mm)
    problem = _make(mm, step, own)
    kernel.apply(step)
    missing, unexpected = kernel.compare(mm)
    if (problem or missing or unexpected) and before.fault_in(mm, [*missing, *unexpected]):
        problem = _make(mm, step, own)
        missing, unexpected = kernel.compare(mm)
    if not problem and (missing or unexpected):
        problem = "the maps differ"
    return problem, missing, unexpected


def _set_break(mm: AddressSpace, trace: Trace) -> None:
    """Set the break to where it was, as the program's first brk() tells."""
    for step in trace["steps"]:
        if step["call"] == "brk":
            if not step["args"][0] or step["ret"] != step["args"][0]:
                counters = mm._counters
                counters.brk = step["ret"]
                counters.start_brk = counters.start_brk or step["ret"]
                rename(mm, 0, ADDRESS_END)
            return


def _external(mm: AddressSpace, step: Step) -> str:
    for row in step["removed"]:
        remove(mm, row[0], row[1])
    with merging_disabled():
        for row in step["added"]:
            vma = vma_of(row)
            if not mm.tree.is_free(vma.start, vma.end - 1):
                return f"{vma!r} is added where the model already has memory"
            insert(mm, vma)
    return ""


def _make(mm: AddressSpace, step: Step, own: bool) -> str:
    """Make a call. Return what is wrong with its result, or ""."""
    if step["call"] == "external":
        return _external(mm, step)
    wanted = step["ret"]
    if wanted == -errno.ENOSYS:
        return ""  # the kernel did not have this call
    try:
        answer = _call(mm, step, own)
    except OSError as error:
        answer = -(error.errno or 0)
    if answer == wanted:
        return ""
    return f"the model returned {_shown(answer)}, the kernel {_shown(wanted)}"


def _shown(answer: int) -> str:
    if answer < 0:
        return f"{answer} ({errno.errorcode.get(-answer, '?')})"
    return hex(answer)


def _call(mm: AddressSpace, step: Step, own: bool) -> int:
    args = step["args"]
    name = step["call"]
    if name == "mmap":
        return _mmap(mm, step, own)
    if name == "mremap":
        return _mremap(mm, step, own)
    if name == "shmat":
        return _shmat(mm, step, own)
    if name == "prctl":
        mm.prctl(args[0], args[1], args[2], args[3], _name_given(step))
        return 0
    if name == "mbind":
        nodes = step.get("data", int(args[3] != 0))  # without data, the first node
        mm.mbind(args[0], args[1], args[2], nodes if isinstance(nodes, int) else 0, args[5])
        return 0
    if name not in _PLAIN:
        raise ValueError(f"the model does not know the call {name!r}")
    method, count = _PLAIN[name]
    return getattr(mm, method)(*args[:count]) or 0


def _mmap(mm: AddressSpace, step: Step, own: bool) -> int:
    addr, length, prot, flags, descriptor, offset = step["args"]
    wanted = step["ret"]
    file = None
    if flags & _ANONYMOUS == 0 or flags & _SHARED:
        file = _file_at(step["added"], wanted)
        if file is None and not flags & _ANONYMOUS and wanted != -errno.EBADF:
            # Nothing was added: the new mapping merged with an existing VMA.
            file = _file_before(mm, wanted) or File("00:00", 0, "")
    if not own and wanted >= 0 and not flags & (_FIXED | _NOREPLACE):
        addr, flags = wanted, flags | _FIXED
    return mm.mmap(addr, length, prot, flags, file, offset)


def _file_at(rows: list[Row], addr: int) -> File | None:
    for row in rows:
        if row[0] <= addr < row[1]:
            return vma_of(row).file
    return None


def _file_before(mm: AddressSpace, addr: int) -> File | None:
    vma = mm.find(addr) if addr >= 0 else None
    return None if vma is None else vma.file


def _mremap(mm: AddressSpace, step: Step, own: bool) -> int:
    old, old_size, new_size, flags, new_addr, _ = step["args"]
    wanted = step["ret"]
    if not own and wanted >= 0 and wanted != old and not flags & _MOVE_FIXED:
        if flags & _MAYMOVE:
            return mm.mremap(old, old_size, new_size, flags | _MOVE_FIXED, wanted)
    return mm.mremap(old, old_size, new_size, flags, new_addr)


def _shmat(mm: AddressSpace, step: Step, own: bool) -> int:
    """Attach the segment of the row that appeared. A call that failed may name no segment."""
    _, addr, flags, *_ = step["args"]
    wanted = step["ret"]
    vma = next((vma_of(row) for row in step["added"] if row[0] == wanted), None)
    if vma is None or vma.file is None:
        return wanted
    if not own and not addr:
        addr = wanted
    return mm.shmat(vma.file, vma.size, addr, flags)


def _name_given(step: Step) -> str | None:
    """Return the name that a prctl() gives. Without data, the rows tell it."""
    if not step["args"][4]:
        return None
    data = step.get("data")
    if isinstance(data, str):
        return data
    return next((vma.anon_name for vma in map(vma_of, step["added"]) if vma.anon_name), None)


class _Before:
    """An address space as it was before a step, kept in O(1) so that the step can be made again.

    Writes to memory are not recorded, but some of them decide what merges (`AddressSpace.touch`).
    So if a step's maps differ, replay assumes that the memory there was written before the step,
    and makes the step again. Only a difference that remains is reported.
    """

    def __init__(self, mm: AddressSpace) -> None:
        self._tree = mm.tree.fork()
        self._changed = mm._changed.fork()
        self._counters = mm._counters.copy()

    def fault_in(self, mm: AddressSpace, rows: list[list[Any]]) -> bool:
        """Restore the address space, and write the memory of these rows. False without rows."""
        made = len(mm.tree)
        mm.tree, mm._changed, mm._counters = self._tree, self._changed, self._counters
        mm.ledger.note_opened(len(mm.tree))
        mm.ledger.note_closed(made)
        for row in rows:
            fault_in(mm, max(row[0] - 1, 0), row[1] + 1)
        return bool(rows)


class _Kernel:
    """The kernel's maps, according to the rows of a trace."""

    def __init__(self, initial: list[Row]) -> None:
        self._rows = {row[0]: list(row) for row in initial}
        # VMAs of the model that are known to equal the row with the same start.
        self._equal: dict[int, VMA] = {}

    def apply(self, step: Step) -> None:
        for row in step["removed"]:
            self._rows.pop(row[0], None)
            self._equal.pop(row[0], None)
        for row in step["added"]:
            self._rows[row[0]] = list(row)
            self._equal.pop(row[0], None)

    def compare(self, mm: AddressSpace) -> tuple[list[list[Any]], list[list[Any]]]:
        """Return the rows that only the kernel has, and the rows that only the model has. O(n)."""
        rows, equal = self._rows, self._equal
        unexpected = []
        count = 0
        for _first, _last, vma in mm.tree:
            start = vma.start
            if equal.get(start) is not vma:
                row = row_of(vma)
                if row != rows.get(start):
                    unexpected.append(row)
                    continue
                equal[start] = vma
            count += 1
        if count == len(rows):
            return [], unexpected
        return [row for row in rows.values() if row_at(mm, row[0]) != row], unexpected


def row_at(mm: AddressSpace, addr: int) -> list[Any] | None:
    """Return the row of the VMA around an address. O(log n)."""
    vma = mm.find(addr)
    return None if vma is None else row_of(vma)
