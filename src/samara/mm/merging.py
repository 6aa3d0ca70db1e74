# SPDX-License-Identifier: MIT
"""How VMAs are cut and merged: the policy of an address space's tree.

Owns Linux's rules for merging two VMAs. The trees call the policy; `vma_ops` and fork switch
merging off.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import NotImplementedType
from typing import Any, Final

from samara import Entry
from samara.mm.file import is_one_file, is_segment
from samara.mm.vma import VMA, AnonVma, anon_label, is_touched, same_kind

# Names that /proc derives from a VMA's place. Such a VMA merges with one without a name.
DERIVED_NAMES: Final = frozenset(("", "[heap]", "[stack]"))
_PLACES: Final = frozenset(("[heap]", "[stack]"))
# VMAs with these never merge: not grown on remapping, memory of devices, memory without pages.
_APART: Final = frozenset(("de", "io", "pf", "mm", "ht"))
# Flags of pages: soft-dirty, guard regions. If a part has one, so has the whole merged VMA.
_INHERITED: Final = frozenset(("sd", "gu"))

_UNTOUCHED: Final = AnonVma(0, 0)


class _Switch(threading.local):
    off = False


_switch: Final = _Switch()


@contextmanager
def merging_disabled() -> Generator[None, None, None]:
    """Keep what this thread stores from merging, inside the `with` block.

    Fork needs this: a child has each VMA of its parent, even if two of them no longer differ.
    """
    before, _switch.off = _switch.off, True
    try:
        yield
    finally:
        _switch.off = before


class Merging:
    """Cuts VMAs, and merges two neighbours if Linux does.

    Everything about the two must be equal, except their places, soft-dirty (sd) and guard regions
    (gu). That includes protection keys, policies and names. If they have a file, the offset of the
    second must continue that of the first. Private memory that was written (`TouchedVMA`) merges
    only with memory that was not, or that belongs to the same anon_vma.

    >>> from samara import MapleTree
    >>> tree = MapleTree(policy=Merging())
    >>> for start in (0x1000, 0x4000, 0x2000):
    ...     tree.store_range(start, start + 0xfff, VMA(start, start + 0x1000))
    >>> [vma for _, _, vma in tree]
    [VMA(0x1000-0x3000 ---p), VMA(0x4000-0x5000 ---p)]
    """

    __slots__ = ()

    def __reduce__(self) -> str:
        return "MERGING"

    def split(self, entry: Entry[int, Any], first: int, last: int) -> Any:
        """Return the part [first, last] of a VMA.

        A part of a stack keeps the name only if it is the upper end.
        """
        vma = entry.value
        if not isinstance(vma, VMA):
            return vma
        start, end, prot, flags, offset, file, name, vm_flags, pkey, policy, anon_name = vma
        if file is not None:
            offset += first - start
        if name == "[stack]" and last + 1 != end:
            name = anon_label(anon_name, file)
        end = last + 1
        fields = (first, end, prot, flags, offset, file, name, vm_flags, pkey, policy, anon_name)
        return same_kind(vma, fields)

    def merge(
        self, left: Entry[int, Any], right: Entry[int, Any], stored: Entry[int, Any]
    ) -> Any | NotImplementedType:
        """Return the merged VMA of two neighbours, or NotImplemented.

        Attached segments merge with one neighbour only, and not if a whole VMA changes. `stored`
        does not tell that, so `vma_ops` merges them.
        """
        merged = joined(left, right)
        if merged is not NotImplemented and is_segment(merged.file):
            return NotImplemented
        return merged


def joined(left: Entry[int, Any], right: Entry[int, Any]) -> Any | NotImplementedType:
    """Return the VMA that two neighbours can merge into, or NotImplemented. O(1)."""
    one, two = left.value, right.value
    touched = one
    if one.__class__ is not VMA or two.__class__ is not VMA:
        if not isinstance(one, VMA) or not isinstance(two, VMA) or not _share_pages(one, two):
            return NotImplemented
        if not is_touched(one) and two.__class__ is not VMA:
            touched = two
    start, _, prot, flags, offset, file, name, vm_flags, pkey, policy, anon_name = one
    start2, _, prot2, flags2, offset2, file2, name2, vm_flags2, pkey2, policy2, _ = two
    if prot != prot2 or flags != flags2 or not (file is file2 or is_one_file(file, file2)):
        return NotImplemented
    if file is not None and offset2 - start2 != offset - start:
        return NotImplemented
    if vm_flags is not vm_flags2 and vm_flags != vm_flags2:
        if not vm_flags ^ vm_flags2 <= _INHERITED:
            return NotImplemented
        vm_flags |= vm_flags2
    if pkey != pkey2 or policy != policy2 or anon_name != two.anon_name:
        return NotImplemented
    if name != name2 or name not in DERIVED_NAMES:
        if not _are_one_name(name, name2):
            return NotImplemented
        if name not in _PLACES:
            name = name2
    if _switch.off or not _APART.isdisjoint(vm_flags):
        return NotImplemented
    first = left.first
    if file is not None:
        offset += first - start
    end = right.last + 1
    fields = (first, end, prot, flags, offset, file, name, vm_flags, pkey, policy, anon_name)
    return same_kind(touched, fields)


def _share_pages(one: VMA, two: VMA) -> bool:
    left, right = getattr(one, "anon_vma", None), getattr(two, "anon_vma", None)
    if one.file is None and (left or _UNTOUCHED).shift != (right or _UNTOUCHED).shift:
        return False
    one_identity, other_identity = (left or _UNTOUCHED).identity, (right or _UNTOUCHED).identity
    return not one_identity or not other_identity or one_identity == other_identity


def _are_one_name(name: str, other: str) -> bool:
    """Return whether two names do not keep VMAs apart. Their `anon_name` is the same."""
    if name == other:
        return not name.startswith("[") or name.startswith("[anon")
    if name in _PLACES:
        name, other = other, name
    return other in _PLACES and (not name or name.startswith("[anon:"))


MERGING: Final = Merging()
