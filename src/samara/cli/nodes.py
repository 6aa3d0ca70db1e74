# SPDX-License-Identifier: MIT
"""The nodes of a kernel's maple tree, drawn as text and listed in documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from samara.cli.units import format_count
from samara.kernel import Node, NodeType

_SLOTS = {NodeType.DENSE: 31, NodeType.LEAF_64: 16, NodeType.RANGE_64: 16, NodeType.ARANGE_64: 10}
_BAR = "█"
_FREE = "·"
_MAX = 2**64 - 1


def node_document(node: Node) -> dict[str, Any]:
    """Return a node as it stands in a document."""
    return {
        "address": node.address,
        "type": node.type.name.lower(),
        "depth": node.depth,
        "first": node.first,
        "last": node.last,
        "pivots": list(node.pivots),
        "slots": list(node.slots),
        "gaps": list(node.gaps),
    }


def drawn_nodes(nodes: Sequence[Node]) -> str:
    """Return the tree as text: a line for each node, indented below its parent.

    A bar has a place for each slot: full for a child or an entry, a dot for a slot that is empty or
    not in use.

    >>> leaf = Node(0x5000, NodeType.LEAF_64, 0, 0, 2**64 - 1, 1, (9, 2**64 - 1), (0, 8), (), 1, 0)
    >>> print(drawn_nodes([leaf]))
    1 node on 1 level: 1 entry in 1 leaf, 12% of the slots in use
    <BLANKLINE>
    leaf_64  ·█··············   2/16  0-MAX
    """
    return "\n".join([_summary(nodes), "", *map(_line, nodes)])


def _summary(nodes: Sequence[Node]) -> str:
    leaves = [node for node in nodes if node.type.is_leaf]
    levels = max((node.depth + 1 for node in nodes), default=0)
    entries = sum(1 for leaf in leaves for word in leaf.slots if word)
    used = sum(len(node.slots) for node in nodes)
    slots = sum(_SLOTS[node.type] for node in nodes)
    noun = "leaf" if len(leaves) == 1 else "leaves"
    count = "1 entry" if entries == 1 else f"{entries:,} entries"
    return (
        f"{format_count(len(nodes), 'node')} on {format_count(levels, 'level')}: {count} in "
        f"{len(leaves):,} {noun}, {used / slots if slots else 0:.0%} of the slots in use"
    )


def _line(node: Node) -> str:
    slots = _SLOTS[node.type]
    bar = "".join(_BAR if word else _FREE for word in node.slots).ljust(slots, _FREE)
    last = "MAX" if node.last == _MAX else f"{node.last:x}"
    gap = f"  largest gap {max(node.gaps):x}" if node.gaps else ""
    return (
        f"{'  ' * node.depth}{node.type.name.lower()}  {bar}  {len(node.slots):2}/{slots}"
        f"  {node.first:x}-{last}{gap}"
    )
