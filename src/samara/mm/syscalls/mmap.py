# SPDX-License-Identifier: MIT
"""mmap(2). Called as a method of `AddressSpace`."""

from __future__ import annotations

from errno import EBADF, EINVAL, ENOMEM
from typing import Final, NoReturn

from samara.mm.constants import Map
from samara.mm.do_mmap import do_mmap
from samara.mm.errors import os_error
from samara.mm.file import FILES, File
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import ADDRESS_END, as_u64, page_end

_FIXED: Final = int(Map.FIXED)
_ANONYMOUS: Final = int(Map.ANONYMOUS)
_HUGETLB: Final = int(Map.HUGETLB)
_NOREPLACE: Final = int(Map.FIXED_NOREPLACE)
_GIANT_SHIFT: Final = 30  # of the huge pages of one GiB
_HUGE_SHIFT: Final = 26
_MODES: Final = frozenset(("r", "w", "rw"))


@atomic
def mmap(
    space: State,
    addr: int,
    length: int,
    prot: int,
    flags: int,
    file: File | None = None,
    offset: int = 0,
    *,
    mode: str = "rw",
) -> int:
    """mmap(2): map `length` bytes, rounded up to pages.

    Args:
        addr: the address, with MAP_FIXED or MAP_FIXED_NOREPLACE; else a hint. With 0, the model
            chooses as Linux does: the highest place below `limits.mmap_base`.
        length: in bytes
        prot: the rights, a `Prot`
        flags: a `Map`
        file: the file to map, or None for no file descriptor. With MAP_ANONYMOUS, it is used only
            for shared memory, as the file that /proc will show; without it, one is made. A mapping
            of an `OpenFile` merges only with mappings of the same object.
        offset: the offset in the file, a multiple of the page size
        mode: how the file was opened: "r", "w" or "rw"

    Returns:
        The address of the mapping.

    Raises:
        OSError: EINVAL (length 0, an unaligned offset or fixed address, neither shared nor private,
            flags that exclude each other), EBADF (neither file nor MAP_ANONYMOUS), EACCES (`mode`
            does not allow it), EEXIST (MAP_FIXED_NOREPLACE), ENOMEM (no room, too long, too many
            VMAs, a limit, no huge pages), EPERM (below mmap_min_addr; locked memory if none is
            allowed), EAGAIN (too much locked memory), EOVERFLOW (beyond the largest file),
            EOPNOTSUPP (a flag that MAP_SHARED_VALIDATE does not know).

    >>> from samara.mm import AddressSpace, Map, Prot
    >>> mm = AddressSpace()
    >>> rw, anonymous = Prot.READ | Prot.WRITE, Map.PRIVATE | Map.ANONYMOUS
    >>> hex(mm.mmap(0, 10_000, rw, anonymous))
    '0x7ffff7ffc000'
    >>> hex(mm.mmap(0, 4096, rw, anonymous))
    '0x7ffff7ffb000'
    >>> mm.vmas()
    [VMA(0x7ffff7ffb000-0x7ffff7fff000 rw-p)]
    """
    addr, length, prot, flags, offset = as_u64(addr, length, prot, flags, offset)
    _check_arguments(space, addr, length, flags, file, offset, mode)
    length = page_end(length, space.limits.page_size)
    if not length:
        raise os_error(ENOMEM)
    return do_mmap(space, addr, length, prot, flags, file, offset, mode)


def _check_arguments(
    space: State, addr: int, length: int, flags: int, file: File | None, offset: int, mode: str
) -> None:
    if file is not None and type(file) not in FILES:
        raise TypeError(f"file must be a File or None, not {file!r}")
    if mode not in _MODES:
        raise ValueError(f"mode must be 'r', 'w' or 'rw', not {mode!r}")
    if offset % space.limits.page_size:
        raise os_error(EINVAL)
    if file is None and not flags & _ANONYMOUS:
        raise os_error(EBADF)
    if flags & _HUGETLB:
        if not flags & _ANONYMOUS:
            raise os_error(EINVAL)
        _refuse_huge(space, addr, length, flags)
    if not length:
        raise os_error(EINVAL)


def _refuse_huge(space: State, addr: int, length: int, flags: int) -> NoReturn:
    """Raise Linux's error for a machine without a pool of huge pages."""
    size = _huge_size(flags >> _HUGE_SHIFT & 63, space.limits.huge_page_size)
    # A length that wraps around when it is rounded up counts as 0.
    if size is None or not (length + size - 1) % ADDRESS_END // size:
        raise os_error(EINVAL)
    fixed = flags & (_FIXED | _NOREPLACE)
    if fixed and length <= space.limits.task_size and addr % size:
        raise os_error(EINVAL)
    raise os_error(ENOMEM)


def _huge_size(shift: int, huge: int) -> int | None:
    """Return the size of huge pages by its logarithm, of which 0 stands for the default size."""
    if shift in (0, huge.bit_length() - 1):
        return huge
    return 1 << _GIANT_SHIFT if shift == _GIANT_SHIFT else None
