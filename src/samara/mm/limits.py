# SPDX-License-Identifier: MIT
"""`Limits`: the limits for the memory calls of a process. Anybody may call it."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any, Final

from samara.mm.units import PAGE_SIZE

TASK_SIZE: Final = 0x7FFF_FFFF_F000  # where user addresses of x86-64 end
_MAY_BE_UNLIMITED: Final = frozenset(
    "rlimit_as rlimit_data rlimit_data_max rlimit_stack rlimit_memlock total_memory".split()
)

_BOOLEAN: Final = frozenset(("privileged", "pkeys", "anon_names"))


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a process, as set by the kernel and setrlimit(2).

    Sizes are in bytes. None is unlimited.

    Args:
        task_size: the end of user addresses
        mmap_base: new mappings are placed below this, from the top down. The default is that of a
            process with a stack limit of 8 MiB, without address randomisation.
        mmap_min_addr: the lowest address that may be mapped (vm.mmap_min_addr)
        max_map_count: the largest number of VMAs (vm.max_map_count)
        rlimit_as, rlimit_data, rlimit_stack, rlimit_memlock: the soft limits of setrlimit(2)
        stack_guard_gap: the space kept free below a stack that can grow
        total_memory: memory and swap of the machine. A single private writable range that is larger
            is refused (vm.overcommit_memory 0).
        privileged: whether the process may map below mmap_min_addr and lock without limit
            (CAP_SYS_RAWIO and CAP_IPC_LOCK)
        rlimit_data_max: the hard limit of RLIMIT_DATA. If the soft limit is 0, all calls but brk()
            use this one.
        pkeys: whether processor and kernel have protection keys (pkeys(7))
        nodes: the NUMA nodes of the machine, as a bit mask
        anon_names: whether the kernel lets programs name anonymous memory (CONFIG_ANON_VMA_NAME)

    Raises:
        TypeError: A limit is not an int.
        ValueError: A limit is negative.

    >>> Limits(rlimit_as=1 << 30).max_map_count
    65530
    """

    task_size: int = TASK_SIZE
    mmap_base: int = TASK_SIZE - (128 << 20)
    mmap_min_addr: int = 65536
    max_map_count: int = 65530
    rlimit_as: int | None = None
    rlimit_data: int | None = None
    rlimit_stack: int | None = 8 << 20
    rlimit_memlock: int | None = None
    stack_guard_gap: int = 256 * PAGE_SIZE
    total_memory: int | None = None
    privileged: bool = False
    rlimit_data_max: int | None = None
    pkeys: bool = False
    nodes: int = 1
    anon_names: bool = True

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if name in _BOOLEAN or (value is None and name in _MAY_BE_UNLIMITED):
                continue
            if not isinstance(value, int):
                raise TypeError(f"{name} is a number of bytes or pages, not {value!r}")
            if value < 0:
                raise ValueError(f"{name} {value:#x} is below 0")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), astuple(self)

    @property
    def bottom_up_base(self) -> int:
        """The address where the upward search begins if there is no room below `mmap_base`.

        >>> hex(Limits().bottom_up_base)
        '0x2aaaaaaab000'
        """
        return -(-(self.task_size // 3) // PAGE_SIZE) * PAGE_SIZE
