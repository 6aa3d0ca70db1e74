# SPDX-License-Identifier: MIT
"""mmap(2). Called as a method of `AddressSpace`."""

from __future__ import annotations

from errno import EACCES, EAGAIN, EBADF, EEXIST, EINVAL, ENOMEM, EOPNOTSUPP, EOVERFLOW
from functools import lru_cache
from typing import Final, NoReturn

from samara.mm.constants import Map
from samara.mm.errors import os_error
from samara.mm.fault import fault_in
from samara.mm.file import FILES, File
from samara.mm.limit_checks import (
    check_commit,
    check_count,
    check_locked,
    check_may_lock,
    check_size,
)
from samara.mm.placement import shared_memory, unmapped_area
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import ADDRESS_END, as_u64, page_end
from samara.mm.vm_flags import rights
from samara.mm.vma import make_vma
from samara.mm.vma_ops import check_unmap, cut, insert, insert_apart, remove

_TYPE: Final = 0x0F
_SHARED: Final = int(Map.SHARED)
_PRIVATE: Final = int(Map.PRIVATE)
_SHARED_VALIDATE: Final = int(Map.SHARED_VALIDATE)
_DROPPABLE: Final = int(Map.DROPPABLE)
_FIXED: Final = int(Map.FIXED)
_ANONYMOUS: Final = int(Map.ANONYMOUS)
_GROWSDOWN: Final = int(Map.GROWSDOWN)
_LOCKED: Final = int(Map.LOCKED)
_NORESERVE: Final = int(Map.NORESERVE)
_STACK: Final = int(Map.STACK)
_HUGETLB: Final = int(Map.HUGETLB)
_SYNC: Final = int(Map.SYNC)
_POPULATE: Final = int(Map.POPULATE)
_NONBLOCK: Final = int(Map.NONBLOCK)
_NOREPLACE: Final = int(Map.FIXED_NOREPLACE)
_GIANT_SHIFT: Final = 30  # of the huge pages of one GiB
_HUGE_SHIFT: Final = 26
_MAX_FILE_SIZE: Final = 2**63 - 1
_MODES: Final = frozenset(("r", "w", "rw"))

# The flags that a VMA shows, by (shared, without a file). Unnamed shared memory has a file too.
_FINISHED: Final = {
    (False, False): Map.PRIVATE,
    (False, True): Map.PRIVATE | Map.ANONYMOUS,
    (True, False): Map.SHARED,
}
_CODES: Final = (
    (_GROWSDOWN, "gd"),
    (_LOCKED, "lo"),
    (_NORESERVE, "nr"),
    (_STACK, "nh"),
    (_SYNC, "sf"),
)
_CODED: Final = _GROWSDOWN | _LOCKED | _NORESERVE | _STACK | _SYNC
# What MAP_SHARED_VALIDATE accepts: the flags that are older than it.
_VALIDATED: Final = 0x7F9F3 | 0x04000000 | (31 << _HUGE_SHIFT)


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
    check_count(space, 0)
    if flags & _ANONYMOUS:
        offset, mode = 0, "rw"
    start = _place(space, addr, length, flags, file, offset)
    if flags & _LOCKED or space._counters.future_locks:
        _check_locks(space, length, flags)
    if flags & _ANONYMOUS:
        kind = _anonymous_kind(flags)
    else:
        kind = _file_kind(flags, prot, file, mode, offset, length)
    _map_region(space, start, start + length, prot & 7, flags, kind, mode, file, offset)
    return start


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


def _place(space: State, addr: int, length: int, flags: int, file: File | None, offset: int) -> int:
    """Return the address of the mapping: Linux's get_unmapped_area()."""
    if flags & _NOREPLACE:
        flags |= _FIXED
    if not flags & _FIXED:
        addr &= -space.limits.page_size
        if addr and addr < space.limits.mmap_min_addr:
            addr = page_end(space.limits.mmap_min_addr, space.limits.page_size)
    if flags & _ANONYMOUS:
        file = None
    shared = flags & _TYPE in (_SHARED, _SHARED_VALIDATE)
    start = unmapped_area(space, addr, length, flags, file, offset, shared=shared)
    if flags & _NOREPLACE and not space.tree.is_free(start, start + length - 1):
        raise os_error(EEXIST)
    return start


def _check_locks(space: State, length: int, flags: int) -> None:
    if flags & _LOCKED:
        check_may_lock(space)
    check_locked(space, length, EAGAIN)


def _on_disk(file: File | None) -> bool:
    return file is not None and not shared_memory(file)


def _anonymous_kind(flags: int) -> int:
    kind = flags & _TYPE
    if kind == _SHARED and not flags & _GROWSDOWN:
        return kind
    if kind == _DROPPABLE and not flags & (_LOCKED | _GROWSDOWN):
        return kind
    if kind == _PRIVATE:
        return kind
    raise os_error(EINVAL)


def _file_kind(
    flags: int, prot: int, file: File | None, mode: str, offset: int, length: int
) -> int:
    if length > _MAX_FILE_SIZE or offset > _MAX_FILE_SIZE - length:
        raise os_error(EOVERFLOW)
    kind = flags & _TYPE
    if kind in (_SHARED, _SHARED_VALIDATE):
        if kind == _SHARED_VALIDATE:
            if flags & ~(_VALIDATED | (_SYNC if _on_disk(file) else 0)):
                raise os_error(EOPNOTSUPP)
        if prot & 2 and "w" not in mode:
            raise os_error(EACCES)
        kind = _SHARED
    elif kind != _PRIVATE:
        raise os_error(EINVAL)
    if "r" not in mode:
        raise os_error(EACCES)
    if flags & _GROWSDOWN:
        raise os_error(EINVAL)
    return kind


def _new_shared_memory(space: State) -> File:
    return File("00:01", next(space._shared_memory), "/dev/zero (deleted)")


@lru_cache(maxsize=4096)
def _vm_flags(prot: int, kind: int, flags: int, mode: str) -> frozenset[str]:
    """Return the VmFlags of a new mapping. Equal flags are the same object."""
    codes = {"mr", "mw", "me"} | rights(prot)
    for bit, code in _CODES:
        if flags & bit:
            codes.add(code)
    if kind == _SHARED:
        codes.update(("sh", "ms") if "w" in mode else ("ms",))
        if "w" not in mode:
            codes.discard("mw")
    elif kind == _DROPPABLE:
        codes.update(("nr", "wf", "dd", "dp"))
    elif "wr" in codes and "nr" not in codes:
        codes.add("ac")
    return frozenset(codes)


def _map_region(
    space: State,
    start: int,
    end: int,
    prot: int,
    flags: int,
    kind: int,
    mode: str,
    file: File | None,
    offset: int,
) -> None:
    """Make room for the mapping and store it there: Linux's mmap_region()."""
    future_locks = space._counters.future_locks
    vm_flags = _vm_flags(prot, kind, flags & _CODED, mode)
    if future_locks and kind != _DROPPABLE:
        vm_flags |= future_locks
    if flags & (_FIXED | _NOREPLACE):
        _make_room(space, start, end, vm_flags)
    else:
        check_size(space, end - start, vm_flags)
    backing = None if flags & _ANONYMOUS else file
    if flags & _SYNC and _on_disk(backing):
        raise os_error(EOPNOTSUPP)  # from the file system, after room has been made
    if backing is None and kind == _SHARED:
        if not flags & _NORESERVE:
            check_commit(space, end - start)
        backing = file or _new_shared_memory(space)
    shown = _FINISHED[kind == _SHARED, backing is None]
    vma = make_vma(start, end, prot, shown, vm_flags, backing, offset)
    if kind == _DROPPABLE and future_locks:
        insert_apart(space, vma)  # it cannot have the locks, but they keep it from merging
    else:
        insert(space, vma)
    populate = flags & (_POPULATE | _NONBLOCK) == _POPULATE
    if (populate or "lo" in vm_flags or future_locks) and "lf" not in vm_flags:
        fault_in(space, start, end)


def _make_room(space: State, start: int, end: int, vm_flags: frozenset[str]) -> None:
    """Unmap what a fixed mapping will cover, if the limits allow the mapping."""
    check_unmap(space, start, end)
    pieces = space.tree[start:end]
    try:
        check_size(space, end - start - pieces.covered, vm_flags)
    except OSError:
        # By now Linux has cut the VMAs at both ends. The cuts stay.
        cut(space, start)
        cut(space, end)
        raise
    if pieces:
        remove(space, start, end)
