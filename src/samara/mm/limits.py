# SPDX-License-Identifier: MIT
"""`Limits`: the limits for the memory calls of a process. Anybody may call it."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import Any, Final, Literal, NamedTuple, Self, TypeAlias

from samara.mm.units import PAGE_SIZE

TASK_SIZE: Final = 0x7FFF_FFFF_F000  # where user addresses of x86-64 end
Layout: TypeAlias = Literal[
    "x86-64", "x86-64-5level", "i386", "i386-3g", "arm", "arm-4g", "aarch64", "aarch64-39bit",
    "aarch64-52bit",
]  # fmt: skip
_MAY_BE_UNLIMITED: Final = frozenset(
    (
        "map_window",
        "rlimit_as",
        "rlimit_data",
        "rlimit_data_max",
        "rlimit_memlock",
        "rlimit_stack",
        "total_memory",
    )
)
_MAX_PAGE_SIZE: Final = 65536
_STACK_GUARD_PAGES: Final = 256
_BELOW_STACK: Final = 128 << 20  # the least distance of `mmap_base` from the end of addresses
# Pages that /proc shows but that are in no process's tree: [vsyscall] of x86-64, [vectors] of arm,
# and the fixed [vdso] of old i386 kernels.
GATES: Final = (0xFFFF_FFFF_FF60_0000, 0xFFFF_0000, 0xFFFF_E000)


class _Addresses(NamedTuple):
    """Where user addresses end, and where they end for a call without a hint above."""

    task_size: int
    map_window: int


_LAYOUTS: Final[dict[Layout, _Addresses]] = {
    "x86-64": _Addresses(TASK_SIZE, TASK_SIZE),
    "x86-64-5level": _Addresses(0xFF_FFFF_FFFF_F000, TASK_SIZE),
    "i386": _Addresses(0xFFFF_E000, 0xFFFF_E000),
    "i386-3g": _Addresses(0xC000_0000, 0xC000_0000),
    "arm": _Addresses(0xBF00_0000, 0xBF00_0000),
    "arm-4g": _Addresses(1 << 32, 1 << 32),
    "aarch64": _Addresses(1 << 48, 1 << 48),
    "aarch64-39bit": _Addresses(1 << 39, 1 << 39),
    "aarch64-52bit": _Addresses(1 << 52, 1 << 48),
}

_BOOLEAN: Final = frozenset(("privileged", "pkeys", "anon_names", "bottom_up"))


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a process, as set by the kernel and setrlimit(2).

    Sizes are in bytes. None is unlimited. The defaults are those of a process on x86-64;
    `Limits.of` has those of other processors.

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
        page_size: a power of 2 from 4096 to 65536. All calls round and align by it.
        map_window: only a hint above this address lets mmap() choose an address there. None
            is `task_size`. With 5-level page tables it is where 4 levels end.
        bottom_up: whether new mappings are placed above `mmap_base` instead, from the bottom up
            (vm.legacy_va_layout)

    Raises:
        TypeError: A limit is not an int.
        ValueError: A limit is negative, or there is no such page size.

    >>> Limits(rlimit_as=1 << 30).max_map_count
    65530
    """

    task_size: int = TASK_SIZE
    mmap_base: int = TASK_SIZE - _BELOW_STACK
    mmap_min_addr: int = 65536
    max_map_count: int = 65530
    rlimit_as: int | None = None
    rlimit_data: int | None = None
    rlimit_stack: int | None = 8 << 20
    rlimit_memlock: int | None = None
    stack_guard_gap: int = _STACK_GUARD_PAGES * PAGE_SIZE
    total_memory: int | None = None
    privileged: bool = False
    rlimit_data_max: int | None = None
    page_size: int = PAGE_SIZE
    map_window: int | None = None
    bottom_up: bool = False
    pkeys: bool = False
    nodes: int = 1
    anon_names: bool = True

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if name in _BOOLEAN or (value is None and name in _MAY_BE_UNLIMITED):
                continue
            if not isinstance(value, int):
                raise TypeError(f"{name} must be an integer, not {value!r}")
            if value < 0:
                raise ValueError(f"{name} must be 0 or more, not {value}")
        if not is_page_size(self.page_size):
            raise ValueError(
                f"page_size must be a power of 2 from 4096 to 65536, not {self.page_size}"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), astuple(self)

    @classmethod
    def of(cls, layout: Layout, **fields: Any) -> Self:
        """Return the limits of a process with this layout of addresses. O(1).

        Args:
            layout: "x86-64", also "x86-64-5level" (page tables of 5 levels); "i386", a 32-bit
                process of a 64-bit kernel, and "i386-3g", one of a 32-bit kernel; "arm" and
                "arm-4g", the same for arm; "aarch64" (48-bit addresses), also "aarch64-39bit"
                (Android) and "aarch64-52bit"
            fields: other fields of `Limits`

        Raises:
            ValueError: The layout is unknown, or a limit is bad.
            TypeError: A limit is not an int, or has an unknown name.

        >>> hex(Limits.of("aarch64", page_size=65536).task_size)
        '0x1000000000000'
        """
        if layout not in _LAYOUTS:
            raise ValueError(f"layout must be one of {', '.join(_LAYOUTS)}, not {layout!r}")
        task_size, window = _LAYOUTS[layout]
        given: dict[str, Any] = {
            "task_size": task_size,
            "mmap_base": window - _BELOW_STACK,
            "map_window": None if window == task_size else window,
            **fields,
        }
        limits = cls(**given)
        if "stack_guard_gap" in given:
            return limits
        return replace(limits, stack_guard_gap=_STACK_GUARD_PAGES * limits.page_size)

    @property
    def window(self) -> int:
        """The end of the addresses that mmap() chooses from if no hint lies above: `map_window`.

        >>> Limits().window == Limits.of("x86-64-5level").window == TASK_SIZE
        True
        """
        return self.task_size if self.map_window is None else min(self.map_window, self.task_size)

    @property
    def bottom_up_base(self) -> int:
        """The address where the upward search begins if there is no room below `mmap_base`.

        >>> hex(Limits().bottom_up_base)
        '0x2aaaaaaab000'
        """
        return -(-(self.window // 3) // self.page_size) * self.page_size

    @property
    def huge_page_size(self) -> int:
        """The size of a huge page, which fills one lowest page table.

        >>> Limits().huge_page_size == 2 << 20
        True
        """
        return self.page_size * self.page_size // 8

    def is_gate(self, start: int) -> bool:
        """Return whether a VMA that starts here is one of the kernel's own pages. O(1).

        /proc/PID/maps shows such pages after user space, [vsyscall] for example, but they are in no
        process's tree of VMAs, and no limit counts them.

        >>> Limits().is_gate(0xffffffffff600000), Limits.of("aarch64").is_gate(0xfffff7fff000)
        (True, False)
        """
        return start >= self.task_size and start in GATES


def is_page_size(size: int) -> bool:
    """Return whether a processor that Linux runs on has pages of this size. O(1).

    >>> [size for size in (2048, 4096, 6000, 8192, 1 << 21) if is_page_size(size)]
    [4096, 8192]
    """
    return PAGE_SIZE <= size <= _MAX_PAGE_SIZE and not size & (size - 1)
