# SPDX-License-Identifier: MIT
"""mmap and munmap."""

from __future__ import annotations

from errno import EACCES, EAGAIN, EBADF, EEXIST, EINVAL, ENOMEM, EOPNOTSUPP, EOVERFLOW
from functools import lru_cache
from typing import Final, NoReturn

from samara.mm.constants import Map
from samara.mm.placement import HUGE_PAGE_SIZE, shared_memory, unmapped_area
from samara.mm.state import Space
from samara.mm.vma import ADDRESS_END, FILES, PAGE_SIZE, File, rights
from samara.mm.vma_ops import (
    check_commit,
    check_count,
    check_locked,
    check_may_lock,
    check_size,
    check_unmap,
    checked,
    cut,
    failed,
    insert,
    insert_apart,
    made,
    page_end,
    remove,
    touch,
    unmap,
)

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
# By their logarithms; 0 stands for the size that is the default.
_HUGE_SIZES: Final = {
    0: HUGE_PAGE_SIZE,
    HUGE_PAGE_SIZE.bit_length() - 1: HUGE_PAGE_SIZE,
    30: 1 << 30,
}
_HUGE_SHIFT: Final = 26
_MAX_FILE_SIZE: Final = 2**63 - 1
_MODES: Final = frozenset(("r", "w", "rw"))

# What a VMA shows, by (is it shared, has it no file). Shared memory without a name has a file too.
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


def mmap(
    space: Space,
    addr: int,
    length: int,
    prot: int,
    flags: int,
    file: File | None,
    offset: int,
    mode: str,
) -> int:
    addr, length, prot, flags, offset = checked(addr, length, prot, flags, offset)
    if file is not None and type(file) not in FILES:
        raise TypeError(f"file must be a File or None, not {file!r}")
    if mode not in _MODES:
        raise ValueError(f"a file is opened for 'r', 'w' or 'rw', not {mode!r}")
    if offset % PAGE_SIZE:
        raise failed(EINVAL)
    anonymous = flags & _ANONYMOUS
    if not anonymous and file is None:
        raise failed(EBADF)
    if flags & _HUGETLB:
        if not anonymous:
            raise failed(EINVAL)
        _refuse_huge(space, addr, length, flags)
    if not length:
        raise failed(EINVAL)
    if flags & _NOREPLACE:
        flags |= _FIXED
    limits = space.limits
    if not flags & _FIXED:
        addr &= -PAGE_SIZE
        if addr and addr < limits.mmap_min_addr:
            addr = page_end(limits.mmap_min_addr)
    length = page_end(length)
    if not length:
        raise failed(ENOMEM)
    check_count(space, 0)
    backing = None if anonymous else file
    shared = flags & _TYPE in (_SHARED, _SHARED_VALIDATE)
    at = 0 if anonymous else offset
    start = unmapped_area(space, addr, length, flags, backing, at, shared=shared)
    end = start + length
    tree = space.tree
    if flags & _NOREPLACE and not tree.is_free(start, end - 1):
        raise failed(EEXIST)
    if flags & _LOCKED:
        check_may_lock(space)
    if flags & _LOCKED or space._future_locks:
        check_locked(space, length, EAGAIN)
    if anonymous:
        kind = _anonymous_kind(flags)
    else:
        kind = _file_kind(flags, prot, file, mode, offset, length)
    vm_flags = _vm_flags(prot & 7, kind, flags & _CODED, "rw" if anonymous else mode)
    if space._future_locks and kind != _DROPPABLE:
        vm_flags |= space._future_locks
    if flags & _FIXED:
        _make_room(space, start, end, vm_flags)
    else:
        check_size(space, length, vm_flags)
    if flags & _SYNC and _on_disk(backing):
        raise failed(EOPNOTSUPP)  # the file system says so, when room has been made
    if anonymous:
        offset = 0
        if kind == _SHARED:
            if not flags & _NORESERVE:
                check_commit(space, length)
            backing = file or space._new_shared_memory()
    shown = _FINISHED[kind == _SHARED, backing is None]
    vma = made(start, end, prot, shown, vm_flags, backing, offset)
    if kind == _DROPPABLE and space._future_locks:
        insert_apart(space, vma)  # locks that it cannot have keep it apart
    else:
        insert(space, vma)
    populate = flags & (_POPULATE | _NONBLOCK) == _POPULATE
    if (populate or "lo" in vm_flags or space._future_locks) and "lf" not in vm_flags:
        touch(space, start, end)
    return start


def _refuse_huge(space: Space, addr: int, length: int, flags: int) -> NoReturn:
    """There is no pool of huge pages: what Linux says then."""
    size = _HUGE_SIZES.get(flags >> _HUGE_SHIFT & 63)
    # A length that wraps when it is rounded up is none.
    if size is None or not (length + size - 1) % ADDRESS_END // size:
        raise failed(EINVAL)
    fixed = flags & (_FIXED | _NOREPLACE)
    if fixed and length <= space.limits.task_size and addr % size:
        raise failed(EINVAL)
    raise failed(ENOMEM)


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
    raise failed(EINVAL)


def _file_kind(
    flags: int, prot: int, file: File | None, mode: str, offset: int, length: int
) -> int:
    if length > _MAX_FILE_SIZE or offset > _MAX_FILE_SIZE - length:
        raise failed(EOVERFLOW)
    kind = flags & _TYPE
    if kind in (_SHARED, _SHARED_VALIDATE):
        if kind == _SHARED_VALIDATE:
            if flags & ~(_VALIDATED | (_SYNC if _on_disk(file) else 0)):
                raise failed(EOPNOTSUPP)
        if prot & 2 and "w" not in mode:
            raise failed(EACCES)
        kind = _SHARED
    elif kind != _PRIVATE:
        raise failed(EINVAL)
    if "r" not in mode:
        raise failed(EACCES)
    if flags & _GROWSDOWN:
        raise failed(EINVAL)
    return kind


@lru_cache(maxsize=4096)
def _vm_flags(prot: int, kind: int, flags: int, mode: str) -> frozenset[str]:
    """The VmFlags of a new mapping. All that shares them has one object."""
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


def _make_room(space: Space, start: int, end: int, vm_flags: frozenset[str]) -> None:
    """Unmap what a fixed mapping will cover, if it may then be made."""
    check_unmap(space, start, end)
    pieces = space.tree[start:end]
    try:
        check_size(space, end - start - pieces.covered, vm_flags)
    except OSError:
        # Linux has cut the VMAs at both ends by now, and leaves them so.
        cut(space, start)
        cut(space, end)
        raise
    if pieces:
        remove(space, start, end)


def munmap(space: Space, addr: int, length: int) -> None:
    addr, length = checked(addr, length)
    length = page_end(length)
    if addr % PAGE_SIZE or not length:
        raise failed(EINVAL)
    unmap(space, addr, addr + length)
