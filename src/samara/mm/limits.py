# SPDX-License-Identifier: MIT
"""`Limits`: the bounds within which the memory calls of a process stay. Anybody may call it."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any, Final

from samara.mm.units import PAGE_SIZE

TASK_SIZE: Final = 0x7FFF_FFFF_F000  # where user addresses of x86-64 end
_MAY_BE_UNLIMITED: Final = frozenset(
    "rlimit_as rlimit_data rlimit_data_max rlimit_stack rlimit_memlock total_memory".split()
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the kernel and setrlimit(2) allow a process. Sizes in bytes; None is unlimited.

    Args:
        task_size: where user addresses end
        mmap_base: new mappings are placed below, from the top down; the default is that of a
            process with a stack limit of 8 MiB, without address randomisation
        mmap_min_addr: the least address that may be mapped (vm.mmap_min_addr)
        max_map_count: how many VMAs (vm.max_map_count)
        rlimit_as, rlimit_data, rlimit_stack, rlimit_memlock: the soft limits of setrlimit(2)
        stack_guard_gap: kept free below a stack that can grow
        total_memory: memory and swap of the machine: a single private writable range that is
            larger is refused (vm.overcommit_memory 0)
        privileged: may map below mmap_min_addr and lock without limit (CAP_SYS_RAWIO and
            CAP_IPC_LOCK)
        rlimit_data_max: the hard limit of RLIMIT_DATA, which counts for all but brk() if the soft
            one is 0

    TypeError for what is no int, ValueError for a negative one.

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

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if name == "privileged" or (value is None and name in _MAY_BE_UNLIMITED):
                continue
            if not isinstance(value, int):
                raise TypeError(f"{name} is a number of bytes or pages, not {value!r}")
            if value < 0:
                raise ValueError(f"{name} {value:#x} is below 0")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), astuple(self)

    @property
    def bottom_up_base(self) -> int:
        """Where the search begins that goes upwards when there is no room below `mmap_base`.

        >>> hex(Limits().bottom_up_base)
        '0x2aaaaaaab000'
        """
        return -(-(self.task_size // 3) // PAGE_SIZE) * PAGE_SIZE
