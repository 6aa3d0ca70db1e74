# SPDX-License-Identifier: MIT
"""What changed between two address spaces. Called by `AddressSpace.diff`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import filterfalse
from typing import Literal, NamedTuple, TypeAlias

from samara.mm.vma import VMA

Kind: TypeAlias = Literal["came", "went", "grew", "shrank", "protected", "flagged"]


class Difference(NamedTuple):
    """One VMA that changed.

    Attributes:
        kind: "came" or "went"; "grew" or "shrank" at one end or both; "protected" for other
            permissions, perhaps with another size; "flagged" for other VmFlags or another name
            at the same addresses
        before: the VMA as it was, None if it came
        after: the VMA as it is, None if it went
    """

    kind: Kind
    before: VMA | None
    after: VMA | None

    @property
    def start(self) -> int:
        """The lowest address of the change."""
        return min(vma.start for vma in (self.before, self.after) if vma is not None)


def differences(before: Iterable[VMA], after: Iterable[VMA]) -> list[Difference]:
    """Return what changed from one address space to the other, by address. O(VMAs).

    VMAs with equal fields are skipped. Of the others, an old and a new VMA are one that changed, if
    they overlap and have the same backing at the same offset. Each VMA is paired once, in order of
    address.

    >>> old = [VMA(0x1000, 0x3000), VMA(0x5000, 0x6000)]
    >>> new = [VMA(0x1000, 0x4000), VMA(0x8000, 0x9000)]
    >>> [change.kind for change in differences(old, new)]
    ['grew', 'went', 'came']
    """
    old, new = list(before), list(after)
    kept = set(old).intersection(new)
    old = list(filterfalse(kept.__contains__, old))
    new = list(filterfalse(kept.__contains__, new))
    found = []
    at = 0
    for vma in old:
        while at < len(new) and new[at].end <= vma.start:
            found.append(Difference("came", None, new[at]))
            at += 1
        if at < len(new) and new[at].start < vma.end and _is_same_thing(vma, new[at]):
            found.append(Difference(_kind(vma, new[at]), vma, new[at]))
            at += 1
        else:
            found.append(Difference("went", vma, None))
    found.extend(Difference("came", None, vma) for vma in new[at:])
    found.sort(key=lambda change: change.start)
    return found


def _is_same_thing(one: VMA, two: VMA) -> bool:
    if one.shared != two.shared or one.file != two.file:
        return False
    return one.file is None or one.offset - one.start == two.offset - two.start


def _kind(one: VMA, two: VMA) -> Kind:
    if one.prot != two.prot:
        return "protected"
    if one.size != two.size or one.start != two.start:
        return "grew" if two.size >= one.size else "shrank"
    return "flagged"
