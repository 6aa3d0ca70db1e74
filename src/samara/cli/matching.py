# SPDX-License-Identifier: MIT
"""Compare two address spaces by what is mapped, wherever it lies.

`AddressSpace.diff` compares by address. That says little about two processes whose addresses are
randomised: every VMA of the one went, and every VMA of the other came.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Literal, NamedTuple

from samara.mm import VMA, AddressSpace, Difference, File


class _Known(NamedTuple):
    """A VMA, and what it can be recognised by in another address space: None if by nothing."""

    vma: VMA
    thing: Hashable


def layouts_differ(before: AddressSpace, after: AddressSpace) -> bool:
    """Return whether less than half of what both have mapped lies at the same address. O(VMAs).

    Only parts of files and VMAs with a name count, since other memory cannot be recognised.

    >>> heap = VMA(0x1000, 0x3000, 3, name="[heap]")
    >>> moved = heap._replace(start=0x5000, end=0x7000)
    >>> layouts_differ(AddressSpace([heap]), AddressSpace([moved]))
    True
    """
    here, there = _places(before), _places(after)
    both = here.keys() & there.keys()
    return 2 * sum(1 for thing in both if here[thing] & there[thing]) < len(both)


def differences_by_content(before: AddressSpace, after: AddressSpace) -> list[Difference]:
    """Return what changed, in order of the addresses in `before`, then what came. O(VMAs).

    Each is about whole VMAs: its stretch is the VMA as it was, or the one that came.

    VMAs that differ only in their address are equal, and not listed. Of the others, two with the
    same part of a file, or with the same name, are one VMA that changed. So are two anonymous ones
    that continue the mapping of the same file, as the .bss section of a library does.

    >>> heap, rest = VMA(0x1000, 0x3000, 3, name="[heap]"), VMA(0x8000, 0x9000)
    >>> larger, moved = heap._replace(start=0x5000, end=0x8000), VMA(0xA000, 0xB000)
    >>> changes = differences_by_content(AddressSpace([heap, rest]), AddressSpace([larger, moved]))
    >>> [(change.kind, change.before.label) for change in changes]
    [('grew', '[heap]')]
    """
    _, old, new = _pair(_known(before), _known(after), lambda one: (one.thing, _content(one.vma)))
    _, old, new = _pair(old, new, lambda one: _content(one.vma))
    pairs, old, new = _pair(old, new, lambda one: one.thing)
    changes = [Difference(_kind(one, two), one.start, one.end, one, two) for one, two in pairs]
    changes += [Difference("went", one.start, one.end, one, None) for one, _ in old]
    changes.sort(key=lambda change: change.start)
    return changes + [Difference("came", two.start, two.end, None, two) for two, _ in new]


def _known(vmas: Iterable[VMA]) -> list[_Known]:
    known = []
    file: File | None = None  # whose mapping goes on without a gap
    end = 0
    for vma in vmas:
        if vma.start != end or vma.name:
            file = None
        end = vma.end
        file = vma.file or file
        if vma.file is not None:
            thing: Hashable = (vma.file, vma.offset, vma.shared)
        else:
            thing = vma.name or file
        known.append(_Known(vma, thing))
    return known


def _places(space: AddressSpace) -> dict[Hashable, set[int]]:
    """Return the addresses at which each thing begins that can be recognised by itself."""
    places: defaultdict[Hashable, set[int]] = defaultdict(set)
    for vma, thing in _known(space):
        if vma.label:
            places[thing].add(vma.start)
    return places


def _pair(
    old: Iterable[_Known], new: Sequence[_Known], key: Callable[[_Known], Hashable]
) -> tuple[list[tuple[VMA, VMA]], list[_Known], list[_Known]]:
    """Pair those with equal keys, in order of address; return the pairs, and what is left of each.
    A key of None is equal to no other."""
    waiting: defaultdict[Hashable, deque[_Known]] = defaultdict(deque)
    for two in new:
        waiting[key(two)].append(two)
    waiting.pop(None, None)
    pairs, left = [], []
    taken = set()
    for one in old:
        others = waiting.get(key(one))
        if others:
            two = others.popleft()
            taken.add(two.vma.start)
            pairs.append((one.vma, two.vma))
        else:
            left.append(one)
    return pairs, left, [two for two in new if two.vma.start not in taken]


def _content(vma: VMA) -> Hashable:
    """Return all but the address. The offset of anonymous memory is an address too."""
    offset = 0 if vma.file is None else vma.offset
    return vma.size, vma.prot, vma.flags, offset, vma.file, vma.name, vma.vm_flags


def _kind(one: VMA, two: VMA) -> Literal["protected", "grew", "shrank", "flagged"]:
    if one.prot != two.prot:
        return "protected"
    if one.size != two.size:
        return "grew" if two.size > one.size else "shrank"
    return "flagged"
