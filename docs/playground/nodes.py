# SPDX-License-Identifier: MIT
"""The nodes of live trees, for the page. No other module of the page uses samara's internals."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from samara._arguments import MAX
from samara._pure import MapleTree
from samara._pure.node import GAP, POOL, Head, Node
from samara._pure.walk import Level

__all__ = ["GAP", "MAX", "MapleTree", "Node", "Slot", "Spot", "copy_trees", "spots_of"]

Tree: TypeAlias = MapleTree


@dataclass(frozen=True)
class Slot:
    """One slot of a node. `content` is a value or GAP in a leaf, and a node in a branch."""

    first: int
    last: int
    content: Any
    largest_gap: int


@dataclass(frozen=True)
class Spot:
    """A node and its place in a tree. `level` is 0 for leaves."""

    node: Node
    level: int
    first: int
    last: int
    slots: tuple[Slot, ...]
    written: tuple[Any, ...]  # replaced by each write into the node, so `is` tells of one


def spots_of(tree: Tree) -> Iterator[Spot]:
    """Yield every node of a tree, parents first."""
    head = tree._head
    if head.root:
        yield from _below(Level(head.root, 0, MAX, 0), head.height - 1)


def _below(level: Level, height: int) -> Iterator[Spot]:
    slots, children = [], []
    for slot, content in enumerate(level.slots):
        level.slot = slot
        slots.append(Slot(level.slot_first, level.slot_last, content, level.gaps[slot]))
        if height:
            children.append(level.enter(0))
    yield Spot(level.node, height, level.first, level.last, tuple(slots), level.slots)
    for child in children:
        yield from _below(child, height - 1)


def copy_trees(trees: Mapping[str, Tree]) -> tuple[dict[str, Tree], dict[Node, Node]]:
    """Copy trees and their nodes; what was shared is shared in the copies. O(n).

    The history keeps such copies, not forks: a fork makes the next write copy its path, and the
    page would show that instead of what the statement did.

    Returns:
        The copies by name, and the copy of each node.
    """
    nodes: dict[Node, Node] = {}
    owners: dict[object, object] = {}
    heads: dict[int, Tree] = {}

    def copy_node(node: Node) -> Node:
        if node not in nodes:
            (copy,) = POOL.take(1, owners.setdefault(node.owner, object()))
            nodes[node] = copy
            copy.is_leaf, copy.pivots, copy.gaps = node.is_leaf, node.pivots, node.gaps
            copy.slots = node.slots if node.is_leaf else tuple(map(copy_node, node.slots))
        return nodes[node]

    def copy_head(head: Head) -> Head:
        copy = head.empty()
        copy.owner = owners.setdefault(head.owner, object())
        copy.root = copy_node(head.root) if head.root else None
        copy.height, copy.counts = head.height, head.counts
        return copy

    for tree in trees.values():
        if id(tree) not in heads:
            heads[id(tree)] = tree._relative(copy_head(tree._head))
    return {name: heads[id(tree)] for name, tree in trees.items()}, nodes
