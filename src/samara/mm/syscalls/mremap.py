# SPDX-License-Identifier: MIT
"""mremap."""

from __future__ import annotations

from errno import EAGAIN, EFAULT, EINVAL, ENOMEM, EPERM
from typing import Final, NamedTuple

from samara.mm.constants import Map, Mremap
from samara.mm.placement import unmapped_area
from samara.mm.state import Space
from samara.mm.vma import (
    ADDRESS_END,
    PAGE_SIZE,
    VMA,
    AnonVma,
    TouchedVMA,
    is_touched,
    same_kind,
    untouched,
)
from samara.mm.vma_ops import (
    LOCKED_ON_FAULT,
    change_apart,
    check_locked,
    check_size,
    checked,
    failed,
    find_vma,
    flagged,
    insert,
    is_special,
    page_end,
    touch,
    unmap,
    vma_at,
    vma_count,
)

_MAYMOVE: Final = int(Mremap.MAYMOVE)
_FIXED: Final = int(Mremap.FIXED)
_DONTUNMAP: Final = int(Mremap.DONTUNMAP)
_MAP_FIXED: Final = int(Map.FIXED)
# A move may need this many VMAs more for a while, and Linux asks for them beforehand.
_MOVE_NEEDS: Final = 3


class _Move(NamedTuple):
    """What a call is about: sizes are of whole pages."""

    old: int
    old_size: int
    new_size: int
    flags: int


def mremap(space: Space, old: int, old_size: int, new_size: int, flags: int, new_addr: int) -> int:
    old, old_size, new_size, flags, new_addr = checked(old, old_size, new_size, flags, new_addr)
    old_size, new_size = page_end(old_size), page_end(new_size)
    move = _Move(old, old_size, new_size, flags)
    _check_arguments(space, move, new_addr)
    vma = vma_at(space, old, EFAULT)
    if flags & (_FIXED | _DONTUNMAP):
        if flags & _FIXED and old_size == new_size and old + old_size > vma[1]:
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
        raise failed(ENOMEM)
    offset = _offset_at(vma, old)
    target = unmapped_area(space, 0, new_size, 0, vma[5], offset, shared=vma.shared)
    return _move(space, vma, move, target)


def _check_arguments(space: Space, move: _Move, new_addr: int) -> None:
    old, old_size, new_size, flags = move
    task_size = space.limits.task_size
    if flags & ~(_MAYMOVE | _FIXED | _DONTUNMAP) or old % PAGE_SIZE:
        raise failed(EINVAL)
    if not new_size or new_size > task_size:
        raise failed(EINVAL)
    if not flags & (_FIXED | _DONTUNMAP):
        return
    if new_addr > task_size - new_size or new_addr % PAGE_SIZE or not flags & _MAYMOVE:
        raise failed(EINVAL)
    if flags & _DONTUNMAP and old_size != new_size:
        raise failed(EINVAL)
    if old + old_size > new_addr and new_addr + new_size > old:
        raise failed(EINVAL)
    if vma_count(space) + 2 >= space.limits.max_map_count - _MOVE_NEEDS:
        raise failed(ENOMEM)


def _check_vma(space: Space, vma: VMA, move: _Move) -> None:
    """What Linux asks of the one VMA that a call is about."""
    old, old_size, new_size, flags = move
    vm_flags = vma[7]
    if "sl" in vm_flags:
        raise failed(EPERM)
    if not old_size and "ms" not in vm_flags:
        raise failed(EINVAL)
    unmoving = not vm_flags.isdisjoint(("de", "pf"))
    if flags & _DONTUNMAP and unmoving:
        raise failed(EINVAL)
    if new_size < old_size or (new_size == old_size and not flags & (_FIXED | _DONTUNMAP)):
        return
    if old_size > vma[1] - old:
        raise failed(EFAULT)
    if new_size == old_size:
        return
    if _offset_at(vma, old) + new_size > ADDRESS_END * PAGE_SIZE:
        raise failed(EINVAL)
    if unmoving:
        raise failed(EFAULT)
    if "lo" in vm_flags:
        check_locked(space, new_size - old_size, EAGAIN)
    check_size(space, new_size - old_size, vm_flags)


def _offset_at(vma: VMA, addr: int) -> int:
    return vma[4] + addr - vma[0] if vma[5] is not None else 0


def _grow_in_place(space: Space, vma: VMA, old: int, old_size: int, new_size: int) -> bool:
    end = vma[1]
    more = new_size - old_size
    if old_size != end - old or end + more > space.limits.task_size:
        return False
    if not space.tree.is_free(end, end + more - 1):
        return False
    grown = flagged(vma, end, end + more, vma[2], vma[7])
    insert(space, grown)
    return True


def _move_to(space: Space, vma: VMA, move: _Move, new_addr: int) -> int:
    _check_vma(space, vma, move)
    old, old_size, new_size, flags = move
    if min(old_size, new_size) > vma[1] - old:
        raise failed(EFAULT)
    if flags & _FIXED:
        unmap(space, new_addr, new_addr + new_size)
    if new_size < old_size:
        unmap(space, old + new_size, old + old_size)
        move = move._replace(old_size=new_size)
        vma = vma_at(space, old, EFAULT)
    if flags & _DONTUNMAP:
        check_size(space, new_size, vma[7])
    fixed = _MAP_FIXED if flags & _FIXED else 0
    offset = _offset_at(vma, old)
    target = unmapped_area(space, new_addr, new_size, fixed, vma[5], offset, shared=vma.shared)
    # What was unmapped may have been of the same VMA.
    return _move(space, vma_at(space, old, EFAULT), move, target)


def _move_several(space: Space, move: _Move, new_addr: int) -> int:
    """All VMAs of a range to another place, with the gaps between them."""
    old, size, _, flags = move
    end = old + size
    at = old
    while at < end:
        vma = find_vma(space, at)
        if vma is None or vma[0] >= end:
            break
        start = max(at, vma[0])
        part = min(end, vma[1]) - start
        _move_to(space, vma, _Move(start, part, part, flags), new_addr + start - old)
        at = start + part
    return new_addr


def _move(space: Space, vma: VMA, move: _Move, target: int) -> int:
    old, old_size, new_size, flags = move
    if vma_count(space) >= space.limits.max_map_count - _MOVE_NEEDS:
        raise failed(ENOMEM)
    if is_special(vma) and (vma[0] != old or vma[1] != old + old_size):
        raise failed(EINVAL)
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
    """What was at `old` of a VMA, at `target`. Memory that has no pages begins anew there."""
    name = vma[6] if is_special(vma) else ""
    offset = _offset_at(vma, old)
    fields = (target, target + size, vma[2], vma[3], offset, vma[5], name, vma[7])
    if not is_touched(vma):
        return tuple.__new__(VMA, fields)
    moved = same_kind(vma, fields)
    if isinstance(moved, TouchedVMA) and vma[5] is None:
        identity, shift = moved.anon_vma
        moved.anon_vma = AnonVma(identity, shift + old - target)
    return moved


def _leave(space: Space, old: int, size: int) -> None:
    """What MREMAP_DONTUNMAP leaves: no pages where a whole VMA was moved; no locks, nor on what was
    moved where the two have become one. They stay counted, and nothing takes that back."""
    vma = vma_at(space, old, EFAULT)
    left = vma
    if vma[0] == old and vma[1] == old + size:
        left = untouched(vma)
    vm_flags = vma[7]
    if not vm_flags.isdisjoint(LOCKED_ON_FAULT):
        space._left_locked += vma[1] - vma[0]
        left = flagged(left, vma[0], vma[1], vma[2], vm_flags - LOCKED_ON_FAULT)
    if left is not vma:
        change_apart(space, left, vma)


def _bring_in(space: Space, vma: VMA, start: int, size: int) -> None:
    """Locked memory that has grown has all its pages."""
    if "lo" in vma[7] and "lf" not in vma[7]:
        touch(space, start, start + size)
