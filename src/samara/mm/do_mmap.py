# SPDX-License-Identifier: MIT
"""Making a mapping: what mmap, shmat and remap_file_pages have in common.

Owns the place, the VmFlags and the checks of a new mapping, and how mappings of special files
differ from others. Called by these system calls, after they have checked their own arguments.
"""

from __future__ import annotations

from errno import EACCES, EAGAIN, EEXIST, EINVAL, EOPNOTSUPP, EOVERFLOW, EPERM
from functools import lru_cache
from typing import Final

from samara.mm.constants import Map
from samara.mm.errors import os_error
from samara.mm.fault import fault_in
from samara.mm.file import UNNAMED, File, is_perf_event, is_secret, is_zero
from samara.mm.keys import for_execution
from samara.mm.limit_checks import (
    check_commit,
    check_count,
    check_locked,
    check_may_lock,
    check_size,
)
from samara.mm.placement import shared_memory, unmapped_area
from samara.mm.state import State
from samara.mm.units import page_end
from samara.mm.vm_flags import LOCKED_ON_FAULT, rights
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
_SYNC: Final = int(Map.SYNC)
_POPULATE: Final = int(Map.POPULATE)
_NONBLOCK: Final = int(Map.NONBLOCK)
_NOREPLACE: Final = int(Map.FIXED_NOREPLACE)
_HUGE_SHIFT: Final = 26
_MAX_FILE_SIZE: Final = 2**63 - 1
_EXECUTE_ONLY: Final = 4

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
# What mappings of memfd_secret(2) and perf_event_open(2) have besides.
_SECRET_CODES: Final = frozenset(("lo", "dd"))
_PERF_EVENT_CODES: Final = frozenset(("pf", "io", "dc", "de", "dd"))
_NOT_EXECUTABLE: Final = frozenset(("me",))


def do_mmap(
    space: State,
    addr: int,
    length: int,
    prot: int,
    flags: int,
    file: File | None,
    offset: int,
    mode: str = "rw",
) -> int:
    """Make a mapping of whole pages, and return its address.

    The arguments are those of mmap(2). `length` is not 0.

    Raises:
        OSError: as mmap(2).
    """
    check_count(space, 0)
    pkey = 0
    if prot == _EXECUTE_ONLY:
        counters = space._counters
        counters.keys, pkey = for_execution(counters.keys, space.limits.pkeys)
    if flags & _ANONYMOUS:
        offset, mode = 0, "rw"
    start = _place(space, addr, length, flags, file, offset)
    if flags & _LOCKED or space._counters.future_locks:
        _check_locks(space, length, flags)
    if flags & _ANONYMOUS:
        kind = _anonymous_kind(flags)
    else:
        kind = _file_kind(flags, prot, file, mode, offset, length)
    _map_region(space, start, start + length, prot & 7, flags, kind, mode, file, offset, pkey)
    return start


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
    if prot & 4 and _is_not_executable(file):
        raise os_error(EPERM)
    if flags & _GROWSDOWN:
        raise os_error(EINVAL)
    return kind


def _is_not_executable(file: File | None) -> bool:
    return is_secret(file) or is_perf_event(file)


def _new_shared_memory(space: State) -> File:
    return File("00:01", next(space._shared_memory), UNNAMED)


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
    pkey: int,
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
    vm_flags = _of_special_file(space, backing, kind, end - start, offset, vm_flags)
    if kind == _SHARED and is_zero(backing):
        backing = file = None
    if backing is None and kind == _SHARED:
        if not flags & _NORESERVE:
            check_commit(space, end - start)
        backing = file or _new_shared_memory(space)
    shown = _FINISHED[kind == _SHARED, backing is None]
    vma = make_vma(start, end, prot, shown, vm_flags, backing, offset, pkey=pkey)
    if kind == _DROPPABLE and future_locks:
        insert_apart(space, vma)  # it cannot have the locks, but they keep it from merging
    else:
        insert(space, vma)
    populate = flags & (_POPULATE | _NONBLOCK) == _POPULATE
    if (populate or "lo" in vm_flags or future_locks) and "lf" not in vm_flags:
        fault_in(space, start, end)


def _of_special_file(
    space: State, file: File | None, kind: int, size: int, offset: int, vm_flags: frozenset[str]
) -> frozenset[str]:
    """Return the VmFlags that a file gives its mapping. It may refuse the mapping."""
    if not _is_not_executable(file):
        return vm_flags
    vm_flags -= _NOT_EXECUTABLE
    if kind != _SHARED:
        raise os_error(EINVAL)
    if is_secret(file):
        check_locked(space, size, EAGAIN)
        return vm_flags | _SECRET_CODES
    data_pages = size // space.limits.page_size - 1
    if offset or data_pages & (data_pages - 1) or "sh" not in vm_flags:
        raise os_error(EINVAL)
    return (vm_flags - LOCKED_ON_FAULT) | _PERF_EVENT_CODES


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
