# SPDX-License-Identifier: MIT
"""mremap(2). Called as a method of `AddressSpace`."""

from __future__ import annotations

from errno import EAGAIN, EFAULT, EINVAL, ENOMEM, EPERM
from typing import Final, NamedTuple

from samara.mm.constants import Map, Mremap
from samara.mm.errors import os_error
from samara.mm.fault import fault_in
from samara.mm.file import is_segment, is_zero
from samara.mm.limit_checks import check_locked, check_size, vma_count
from samara.mm.placement import unmapped_area
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import ADDRESS_END, as_u64, page_end
from samara.mm.vm_flags import LOCKED_ON_FAULT
from samara.mm.vma import (
    VMA,
    AnonVma,
    TouchedVMA,
    anon_label,
    is_anonymous,
    is_indivisible,
    is_special,
    is_touched,
    same_kind,
    untouched,
    with_flags,
)
from samara.mm.vma_ops import change_apart, find_vma, insert, unmap, vma_at

_MAYMOVE: Final = int(Mremap.MAYMOVE)
_FIXED: Final = int(Mremap.FIXED)
_DONTUNMAP: Final = int(Mremap.DONTUNMAP)
_MAP_FIXED: Final = int(Map.FIXED)
# A move may need this many more VMAs for a while. Linux checks for them beforehand.
_MOVE_NEEDS: Final = 3


class _Move(NamedTuple):
    """The arguments of a call. Sizes are in bytes, rounded up to whole pages."""

    old: int
    old_size: int
    new_size: int
    flags: int


@atomic
def mremap(
    space: State,
    old: int,
    old_size: int,
    new_size: int,
    flags: int = 0,
    new_addr: int = 0,
) -> int:
    """mremap(2): shrink, grow or move a mapping.

    Args:
        old: the address of the mapping
        old_size: its size in bytes. 0 makes a second mapping of shared memory.
        new_size: the new size in bytes. With FIXED and equal sizes, the range may contain several
            VMAs (Linux 6.17).
        flags: `Mremap.MAYMOVE`, with or without FIXED (move to `new_addr`) and DONTUNMAP
        new_addr: the new address, with FIXED; with DONTUNMAP alone, a hint

    Returns:
        The address of the mapping now.

    Raises:
        OSError: EFAULT (nothing at `old`; growing over more than one VMA), ENOMEM (no room, or not
            allowed to move; a limit), EINVAL (unaligned, new size 0, overlapping, flags that
            exclude each other), EAGAIN (too much locked memory).

    >>> from samara.mm import VMA, AddressSpace, Mremap
    >>> mm = AddressSpace([VMA(0x10000, 0x12000), VMA(0x13000, 0x14000)])
    >>> hex(mm.mremap(0x10000, 0x2000, 0x3000))
    '0x10000'
    >>> hex(mm.mremap(0x10000, 0x4000, 0x5000, Mremap.MAYMOVE))
    '0x10000'
    """
    old, old_size, new_size, flags, new_addr = as_u64(old, old_size, new_size, flags, new_addr)
    page_size = space.limits.page_size
    old_size, new_size = page_end(old_size, page_size), page_end(new_size, page_size)
    move = _Move(old, old_size, new_size, flags)
    _check_arguments(space, move, new_addr)
    vma = vma_at(space, old, EFAULT)
    if flags & (_FIXED | _DONTUNMAP):
        if flags & _FIXED and old_size == new_size and old + old_size > vma.end:
            return _move_several(space, move, new_addr)
        return _move_to(space, vma, move, new_addr)
    _check_vma(space, vma, move)
    if new_size == old_size:
        return old
    if new_size < old_size:
        unmap(space, old + new_size, old + old_size)
        return old
    if _grow_in_place(space, vma, old, old_size, new_size):
        _bring_in(space, vma, old, new_size)
        return old
    if not flags & _MAYMOVE:
        raise os_error(ENOMEM)
    offset = _offset_at(vma, old)
    target = unmapped_area(space, 0, new_size, 0, vma.file, offset, shared=vma.shared)
    return _move(space, vma, move, target)


def _check_arguments(space: State, move: _Move, new_addr: int) -> None:
    old, old_size, new_size, flags = move
    task_size, page_size = space.limits.task_size, space.limits.page_size
    if flags & ~(_MAYMOVE | _FIXED | _DONTUNMAP) or old % page_size:
        raise os_error(EINVAL)
    if not new_size or new_size > task_size:
        raise os_error(EINVAL)
    if not flags & (_FIXED | _DONTUNMAP):
        return
    if new_addr > task_size - new_size or new_addr % page_size or not flags & _MAYMOVE:
        raise os_error(EINVAL)
    if flags & _DONTUNMAP and old_size != new_size:
        raise os_error(EINVAL)
    if old + old_size > new_addr and new_addr + new_size > old:
        raise os_error(EINVAL)
    if vma_count(space) + 2 >= space.limits.max_map_count - _MOVE_NEEDS:
        raise os_error(ENOMEM)


def _check_vma(space: State, vma: VMA, move: _Move) -> None:
    """Make Linux's checks of the one VMA that a call is about."""
    old, old_size, new_size, flags = move
    vm_flags = vma.vm_flags
    if "sl" in vm_flags:
        raise os_error(EPERM)
    if not old_size and "ms" not in vm_flags:
        raise os_error(EINVAL)
    unmoving = not vm_flags.isdisjoint(("de", "pf"))
    if flags & _DONTUNMAP and unmoving:
        raise os_error(EINVAL)
    if new_size < old_size or (new_size == old_size and not flags & (_FIXED | _DONTUNMAP)):
        return
    if old_size > vma.end - old:
        raise os_error(EFAULT)
    if new_size == old_size:
        return
    if _offset_at(vma, old) + new_size > ADDRESS_END * space.limits.page_size:
        raise os_error(EINVAL)
    if unmoving:
        raise os_error(EFAULT)
    if "lo" in vm_flags:
        check_locked(space, new_size - old_size, EAGAIN)
    check_size(space, new_size - old_size, vm_flags)


def _offset_at(vma: VMA, addr: int) -> int:
    return vma.offset + addr - vma.start if vma.file is not None else 0


def _grow_in_place(space: State, vma: VMA, old: int, old_size: int, new_size: int) -> bool:
    end = vma.end
    more = new_size - old_size
    if old_size != end - old or end + more > space.limits.task_size:
        return False
    if not space.tree.is_free(end, end + more - 1):
        return False
    grown = with_flags(vma, end, end + more, vma.prot, vma.vm_flags)
    insert(space, grown)
    return True


def _move_to(space: State, vma: VMA, move: _Move, new_addr: int) -> int:
    _check_vma(space, vma, move)
    old, old_size, new_size, flags = move
    if min(old_size, new_size) > vma.end - old:
        raise os_error(EFAULT)
    if flags & _FIXED:
        unmap(space, new_addr, new_addr + new_size)
    if new_size < old_size:
        unmap(space, old + new_size, old + old_size)
        move = move._replace(old_size=new_size)
        vma = vma_at(space, old, EFAULT)
    if flags & _DONTUNMAP:
        check_size(space, new_size, vma.vm_flags)
    fixed = _MAP_FIXED if flags & _FIXED else 0
    offset = _offset_at(vma, old)
    target = unmapped_area(space, new_addr, new_size, fixed, vma.file, offset, shared=vma.shared)
    # A part of the same VMA may have been unmapped.
    return _move(space, vma_at(space, old, EFAULT), move, target)


def _move_several(space: State, move: _Move, new_addr: int) -> int:
    """Move all VMAs of a range to another place, with the gaps between them."""
    old, size, _, flags = move
    end = old + size
    at = old
    while at < end:
        vma = find_vma(space, at)
        if vma is None or vma.start >= end:
            break
        if is_segment(vma.file) or (is_zero(vma.file) and not vma.shared):
            raise os_error(EFAULT)  # their files choose addresses of their own
        start = max(at, vma.start)
        part = min(end, vma.end) - start
        _move_to(space, vma, _Move(start, part, part, flags), new_addr + start - old)
        at = start + part
    return new_addr


def _move(space: State, vma: VMA, move: _Move, target: int) -> int:
    old, old_size, new_size, flags = move
    if vma_count(space) >= space.limits.max_map_count - _MOVE_NEEDS:
        raise os_error(ENOMEM)
    if is_indivisible(vma) and (vma.start != old or vma.end != old + old_size):
        raise os_error(EINVAL)
    moved = _moved(vma, old, target, new_size)
    if flags & _DONTUNMAP:
        insert(space, moved)
        _leave(space, old, old_size)
    else:
        if old_size:
            unmap(space, old, old + old_size)
        insert(space, moved)
    if new_size > old_size:
        _bring_in(space, vma, target, new_size)
    return target


def _moved(vma: VMA, old: int, target: int, size: int) -> VMA:
    """Return the part of a VMA that was at `old`, at `target`.

    Memory without pages is not touched there.
    """
    file = vma.file
    name = vma.name if is_special(vma) else anon_label(vma.anon_name, file)
    offset = _offset_at(vma, old)
    touched = is_touched(vma)
    if file is not None and not touched and is_anonymous(vma):
        offset = target  # /dev/zero: as if the memory had always been there
    fields = (target, target + size, vma.prot, vma.flags, offset, file, name, *vma[7:])
    if not touched:
        return tuple.__new__(VMA, fields)
    moved = same_kind(vma, fields)
    if isinstance(moved, TouchedVMA) and vma.file is None:
        identity, shift = moved.anon_vma
        moved.anon_vma = AnonVma(identity, shift + old - target)
    return moved


def _leave(space: State, old: int, size: int) -> None:
    """Change what MREMAP_DONTUNMAP leaves behind.

    If a whole VMA was moved, the old one has no pages. It also loses its locks. If the two have
    merged, the moved part loses them too. The locks stay counted; nothing ever uncounts them.
    """
    vma = vma_at(space, old, EFAULT)
    left = vma
    if vma.start == old and vma.end == old + size:
        left = untouched(vma)
    vm_flags = vma.vm_flags
    if not vm_flags.isdisjoint(LOCKED_ON_FAULT):
        space._counters.left_locked += vma.end - vma.start
        left = with_flags(left, vma.start, vma.end, vma.prot, vm_flags - LOCKED_ON_FAULT)
    if left is not vma:
        change_apart(space, left, vma)


def _bring_in(space: State, vma: VMA, start: int, size: int) -> None:
    """Fault in all pages of locked memory that has grown."""
    if "lo" in vma.vm_flags and "lf" not in vma.vm_flags:
        fault_in(space, start, start + size)
