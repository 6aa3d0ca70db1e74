# SPDX-License-Identifier: MIT
"""Maple trees of a Linux kernel, read from its memory into trees of this package.

Owns the meaning of a tree's entries. Called by `address_space` and by users.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from samara import MapleTree
from samara.kernel.memory import ByteOrder, Damage, Read, Report, raise_damage
from samara.kernel.nodes import is_node, read_nodes

_ALLOC_RANGE: Final = 1
_HEIGHT_SHIFT, _HEIGHT_BITS = 2, 0x1F
_RESERVED: Final = 4096


class ValueEntry(NamedTuple):
    """A number that the kernel stored in place of a pointer (`xa_mk_value`)."""

    value: int


class ReservedEntry(NamedTuple):
    """An entry that the kernel keeps for itself, such as the mark of an unfinished fork.

    Attributes:
        word: the entry as it is in memory
    """

    word: int


def decode_entry(word: int) -> int | ValueEntry | ReservedEntry:
    """Return the meaning of an entry: a pointer (an int), a number, or a reserved entry. O(1).

    >>> decode_entry(0xffff888003d55000), decode_entry(15), decode_entry(0x406)
    (18446612682134343680, ValueEntry(value=7), ReservedEntry(word=1030))
    """
    if word & 1:
        return ValueEntry(word >> 1)
    if word & 3 == 2 and word < _RESERVED:
        return ReservedEntry(word)
    return word


def read_tree(
    read: Read,
    root: int,
    *,
    flags: int | None = None,
    byteorder: ByteOrder = "little",
    report: Report = raise_damage,
) -> MapleTree[int, int | ValueEntry | ReservedEntry]:
    """Return a tree of the kernel as a tree of this package. O(entries).

    Reads nothing but nodes. The values are the kernel's pointers, as ints: what they point to is
    not read. A number that was stored in place of a pointer is a `ValueEntry`, an entry that the
    kernel keeps for itself a `ReservedEntry`.

    Args:
        read: `read(address, size)` returns the bytes there. It may raise OSError, ValueError,
            LookupError or EOFError.
        root: The word `ma_root` of the tree's head (`struct maple_tree`).
        flags: The word `ma_flags` there. With it, the result tracks gaps if the kernel's tree does,
            and a wrong height is reported as damage.
        byteorder: "little" or "big".
        report: Called with each `Damage`: a range that is missing in the result. The default raises
            DamagedMemoryError. The memory of a running kernel changes while it is read, so some
            damage is to be expected there.

    Raises:
        DamagedMemoryError: Something is damaged, and there is no `report`.

    Example:
        A tree whose only entry, at index 0, is in its head:

        >>> read_tree(lambda address, size: b"", 0xffff888003d55000)
        MapleTree([(0, 0, 18446612682134343680)])
    """
    gaps = True if flags is None else bool(flags & _ALLOC_RANGE)
    height = None if flags is None else flags >> _HEIGHT_SHIFT & _HEIGHT_BITS
    firsts: list[int] = []
    lasts: list[int] = []
    values: list[int | ValueEntry | ReservedEntry] = []
    depth = 0
    if root and not is_node(root):
        firsts, lasts, values = [0], [0], [decode_entry(root)]
    for node in read_nodes(read, root, byteorder=byteorder, report=report):
        depth = max(depth, node.depth + 1)
        if not node.type.is_leaf:
            continue
        first = node.first
        for last, word in zip(node.pivots, node.slots, strict=True):
            if word:
                firsts.append(first)
                lasts.append(last)
                values.append(decode_entry(word))
            first = last + 1
    if is_node(root) and height not in (None, depth):
        what = f"the tree has {depth} levels, but its flags say {height}"
        report(Damage(root, what, 0, 2**64 - 1))
    return MapleTree.from_arrays(firsts, lasts, values, track_gaps=gaps)
