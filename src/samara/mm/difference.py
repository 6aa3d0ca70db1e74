# SPDX-License-Identifier: MIT
"""What changed between two address spaces. Called by `AddressSpace.diff`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from samara.mm.merging import DERIVED_NAMES
from samara.mm.state import State, Tree
from samara.mm.vma import VMA

Kind: TypeAlias = Literal["came", "went", "grew", "shrank", "protected", "flagged", "replaced"]


class Difference(NamedTuple):
    """A stretch of addresses where two address spaces differ.

    Attributes:
        kind: what happened there.
            "came" or "went": a mapping that is new or gone;
            "grew" or "shrank": memory that is new or gone, next to a part of the same VMA with
            the same backing that was there before or is there still;
            "protected": other permissions;
            "flagged": other VmFlags, or another name, protection key or NUMA policy;
            "replaced": another file, another offset in it, anonymous instead of a file, or shared
            instead of private
        start: the first address of the stretch
        end: the address after it
        before: the whole VMA that was there, or None
        after: the whole VMA that is there, or None

    >>> Difference("came", 0x1000, 0x3000, None, VMA(0x1000, 0x4000)).size
    8192
    """

    kind: Kind
    start: int
    end: int
    before: VMA | None
    after: VMA | None

    @property
    def size(self) -> int:
        """The size of the stretch in bytes."""
        return self.end - self.start


def differences(before: State, after: State) -> Iterator[Difference]:
    """Yield what changed from one address space to the other, by address.

    O(log n) for each change of relatives, which share nodes; otherwise O(VMAs).

    >>> from samara.mm import AddressSpace
    >>> old = AddressSpace([VMA(0x1000, 0x3000), VMA(0x5000, 0x6000)])
    >>> new = AddressSpace([VMA(0x1000, 0x4000), VMA(0x8000, 0x9000)])
    >>> [(change.kind, hex(change.start), hex(change.end)) for change in differences(old, new)]
    [('grew', '0x3000', '0x4000'), ('went', '0x5000', '0x6000'), ('came', '0x8000', '0x9000')]
    """
    old, new = _own_tree(before), _own_tree(after)
    kind: Kind | None
    for first, last, _, _ in old.diff(new):
        was, now = old.get(first), new.get(first)  # whole: diff() has those of the parts
        if was is not None and now is not None:
            kind = _kind(was, now)
        elif now is not None:
            kind = "grew" if _goes_on(now, first, last, old) else "came"
        else:
            kind = "shrank" if _goes_on(was, first, last, new) else "went"
        if kind is not None:
            yield Difference(kind, first, last + 1, was, now)


def _own_tree(space: State) -> Tree:
    """Return the tree of the space's VMAs: of a half-made child, what lies below the mark."""
    return space.tree[: space._limit] if space.half_made else space.tree


def _goes_on(vma: VMA | None, first: int, last: int, tree: Tree) -> bool:
    """Return whether a VMA goes on beside [first, last] as memory that is in `tree` too."""
    for beside in (first - 1, last + 1):
        if vma is not None and vma.start <= beside < vma.end:
            other = tree.get(beside)
            if other is not None and _same_backing(vma, other):
                return True
    return False


def _same_backing(one: VMA, two: VMA) -> bool:
    if one.shared != two.shared or one.file != two.file:
        return False
    return one.file is None or one.offset - one.start == two.offset - two.start


def _kind(one: VMA, two: VMA) -> Kind | None:
    """Return how the memory differs where both VMAs are; None if it does not."""
    if not _same_backing(one, two):
        return "replaced"
    if one.prot != two.prot:
        return "protected"
    rest = (one.vm_flags, one.flags, one.pkey, one.policy, one.anon_name)
    if rest != (two.vm_flags, two.flags, two.pkey, two.policy, two.anon_name):
        return "flagged"
    return "flagged" if _shown_differently(one, two) else None


def _shown_differently(one: VMA, two: VMA) -> bool:
    """Return whether /proc shows another name, or for anonymous memory another offset.

    A VMA that was cut or merged can lose a name that only its place gave it.
    """
    if one[:2] == two[:2]:
        return one.name != two.name or one.offset != two.offset
    return one.name != two.name and not {one.name, two.name} <= DERIVED_NAMES
