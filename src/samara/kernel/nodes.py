# SPDX-License-Identifier: MIT
"""The nodes of a Linux kernel's maple tree, read from its memory.

Owns what a node is made of. On 64-bit machines, Linux 6.1 and newer, a node has 256 bytes and lies
at a multiple of 256: the parent, the pivots, the slots, in nodes of type arange_64 also the gaps,
and the metadata. A pointer to a node has its type and marks in the lower eight bits. The sizes
follow from the kernel's BTF (`struct maple_node`), the marks were found in memory dumps.

Called by `read_tree` and by users.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from samara.kernel.memory import ByteOrder, Damage, Read, Report, raise_damage, read_bytes

NODE_BYTES: Final = 256
_MAX: Final = 2**64 - 1
_ADDRESS: Final = _MAX & ~(NODE_BYTES - 1)
_TYPE_SHIFT, _TYPE_BITS = 3, 0xF
# Marks of a pointer: all have the one for nodes, and only a root has the other.
_MARKS, _INTERNAL, _NODE = 7, 2, 4
_LEAST_NODE: Final = 4096  # internal entries below this are reserved, not nodes
_MOST_DEPTH: Final = 31  # as the five bits for the height in a tree's flags
_MOST_NODES: Final = 1 << 24


class NodeType(IntEnum):
    """The types of nodes, with the kernel's numbers."""

    DENSE = 0
    LEAF_64 = 1
    RANGE_64 = 2
    ARANGE_64 = 3

    @property
    def is_leaf(self) -> bool:
        """Whether the slots are entries, not nodes."""
        return self < NodeType.RANGE_64


class Node(NamedTuple):
    """A node.

    Attributes:
        address: where it is
        type: its `NodeType`
        depth: 0 for the root
        first: the first key that it is for; it follows from the path to the node
        last: the last one, which is included
        parent: the word that points to the parent, with its marks
        pivots: the last key of each slot in use; the last of them is `last`
        slots: the word in each slot in use: an entry in a leaf, else a pointer to a node
        gaps: the largest gap below each slot in use, in nodes of type arange_64; else nothing
        end: the metadata's last slot in use. In full nodes of other types than arange_64, this byte
            and the next are part of the last slot.
        gap: the metadata's slot with the largest gap, in nodes of type arange_64. Linux 6.1 has 15
            there if there is no gap.
    """

    address: int
    type: NodeType
    depth: int
    first: int
    last: int
    parent: int
    pivots: tuple[int, ...]
    slots: tuple[int, ...]
    gaps: tuple[int, ...]
    end: int
    gap: int


def is_node(root: int) -> bool:
    """Return whether the root of a tree, the word in its head, points to a node.

    If not, it is 0 or the entry at index 0. O(1).

    >>> is_node(0xffff888003d5501e), is_node(0xffff888003d55000), is_node(0x406)
    (True, False, False)
    """
    return root & 3 == _INTERNAL and root >= _LEAST_NODE


class _Shape(NamedTuple):
    pivots: int  # how many
    slots: int  # how many
    slot: int  # word of the first
    gaps: int  # word of the first; 0 if there are none
    metadata: int  # byte


_SHAPES: Final = {
    NodeType.DENSE: _Shape(0, 31, 1, 0, 248),
    NodeType.LEAF_64: _Shape(15, 16, 16, 0, 248),
    NodeType.RANGE_64: _Shape(15, 16, 16, 0, 248),
    NodeType.ARANGE_64: _Shape(9, 10, 10, 20, 240),
}


def read_nodes(
    read: Read,
    root: int,
    *,
    byteorder: ByteOrder = "little",
    most: int = _MOST_NODES,
    report: Report = raise_damage,
) -> Iterator[Node]:
    """Yield the nodes of a tree, each before its children. O(nodes).

    Never reads a node twice, and never goes deeper than 31 levels, so it ends on any memory.

    Args:
        read: `read(address, size)` returns the bytes there. It may raise OSError, ValueError,
            LookupError or EOFError.
        root: The word `ma_root` of the tree's head (`struct maple_tree`). If it is no node (see
            `is_node`), there are no nodes.
        byteorder: "little" or "big".
        most: More nodes than this are reported as damage.
        report: Called with each `Damage`: a subtree that is left out. The default raises
            DamagedMemoryError.

    Raises:
        DamagedMemoryError: Something is damaged, and there is no `report`.

    Example:
        A tree with a single leaf: "a" is at 0...9, "b" at 10 and above.

        >>> import struct
        >>> words = [0x5001, 9, 2**64 - 1] + [0] * 13 + [0xa00, 0xb00] + [0] * 13 + [1]
        >>> memory = struct.pack("<32Q", *words)
        >>> [node] = read_nodes(lambda address, size: memory, 0x100000e)
        >>> node.type.name, node.pivots == (9, 2**64 - 1), node.slots
        ('LEAF_64', True, (2560, 2816))
    """
    if not is_node(root):
        return
    unpack = struct.Struct("<32Q" if byteorder == "little" else ">32Q").unpack
    todo = [(root, 0, 0, _MAX, -1, 0)]
    seen: set[int] = set()
    while todo:
        word, first, depth, last, parent, slot = todo.pop()
        address = word & _ADDRESS

        def fault(what: str, address: int = address, first: int = first, last: int = last) -> None:
            report(Damage(address, what, first, last))

        if address in seen:
            fault("a node is in the tree twice")
            continue
        if len(seen) >= most:
            fault(f"the tree has more than {most:,} nodes")
            return
        seen.add(address)
        number = word >> _TYPE_SHIFT & _TYPE_BITS
        if number not in _SHAPES or word & _MARKS != (_NODE if depth else _NODE | _INTERNAL):
            fault(f"{word:#x} is no pointer to a node")
            continue
        data = read_bytes(read, address, NODE_BYTES)
        if data is None:
            fault("a node cannot be read")
            continue
        words = unpack(data)
        if parent >= 0 and words[0] & ~(NODE_BYTES - 1) != parent:
            fault(f"a node has another parent, {words[0]:#x}, than the node {parent:#x} above it")
            continue
        node = _node(address, NodeType(number), depth, first, last, words, data)
        if isinstance(node, str):
            fault(node)
            continue
        yield node
        if node.type.is_leaf:
            continue
        if depth + 1 >= _MOST_DEPTH:
            fault(f"the tree has more than {_MOST_DEPTH} levels")
            continue
        lows = (first, *(pivot + 1 for pivot in node.pivots[:-1]))
        children = zip(node.slots, lows, node.pivots, range(len(lows)), strict=True)
        todo += [
            (child, low, depth + 1, high, address, place) for child, low, high, place in children
        ][::-1]


def _node(
    address: int,
    type_: NodeType,
    depth: int,
    first: int,
    last: int,
    words: tuple[int, ...],
    data: bytes,
) -> Node | str:
    """Return the node in these words, or what is wrong with it."""
    shape = _SHAPES[type_]
    if type_ is NodeType.DENSE:
        used = min(shape.slots, last - first + 1)
        pivots = tuple(range(first, first + used - 1)) + (last,)
    else:
        used, pivots = 0, ()
        below = first - 1
        for pivot in words[1 : 1 + shape.pivots]:
            used += 1
            if pivot == last or (pivot == 0 and used > 1):
                break
            if not below < pivot < last:
                return f"the pivots of a node are out of order: {pivot:#x} after {below:#x}"
            below = pivot
        else:
            used += 1
        pivots = words[1:used] + (last,)
    slots = words[shape.slot : shape.slot + used]
    gaps = words[shape.gaps : shape.gaps + used] if shape.gaps else ()
    end, gap = data[shape.metadata], data[shape.metadata + 1]
    return Node(address, type_, depth, first, last, words[0], pivots, slots, gaps, end, gap)
