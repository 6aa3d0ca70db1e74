# SPDX-License-Identifier: MIT
"""Walking: from the root down to a key, and along the slots from there.

A path has a `Level` for each node on the way down from the root: the node, the keys that it covers
and the slot taken. There are no parent pointers. To move from leaf to leaf, a walk goes up its path
to the lowest node with another slot on that side, and down again along the edge.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

from samara._entry import Entry
from samara._pure.node import GAP, Head, Item, Node


class Level:
    """One node of a path, as it was when the path reached it, whatever is written later."""

    __slots__ = ("first", "gaps", "last", "node", "pivots", "slot", "slots")

    def __init__(self, node: Node, first: int, last: int, index: int) -> None:
        self.node, self.first, self.last = node, first, last
        self.pivots, self.slots, self.gaps = node.pivots, node.slots, node.gaps
        self.slot = bisect_left(self.pivots, index)

    @property
    def content(self) -> Any:
        return self.slots[self.slot]

    @property
    def slot_first(self) -> int:
        return self.pivots[self.slot - 1] + 1 if self.slot else self.first

    @property
    def slot_last(self) -> int:
        return self.pivots[self.slot] if self.slot < len(self.pivots) else self.last

    def enter(self, index: int) -> "Level":
        return Level(self.content, self.slot_first, self.slot_last, index)

    def enter_from(self, way: int) -> "Level":
        """Enter the node at its first slot (way 1) or at its last one (-1)."""
        return self.enter(self.slot_first if way > 0 else self.slot_last)

    def items(self, start: int, stop: int) -> list[Item]:
        """Return slots [start, stop) as items."""
        lasts = (*self.pivots, self.last)
        return list(zip(lasts, self.slots, self.gaps, strict=True))[start:stop]


def descend(head: Head, index: int) -> list[Level]:
    """Return the path to the slot around a key; an empty path in an empty tree. O(log n)."""
    path = [Level(head.root, 0, head.limit, index)] if head.root else []
    while path and not path[-1].node.is_leaf:
        path.append(path[-1].enter(index))
    return path


def room_beside(path: list[Level], way: int) -> int:
    """Return the depth of the lowest node with a slot after (way 1) or before (-1) the one taken.

    Returns -1 if there is none.
    """
    for depth in reversed(range(len(path))):
        if 0 <= path[depth].slot + way < len(path[depth].slots):
            return depth
    return -1


def step(path: list[Level], way: int) -> bool:
    """Move to the next slot (way 1) or the previous one (-1). O(1) amortised.

    Returns False at the end of the tree.
    """
    depth = room_beside(path, way)
    if depth >= 0:
        path[depth].slot += way
        for below in range(depth + 1, len(path)):
            path[below] = path[below - 1].enter_from(way)
    return depth >= 0


def slot_around(head: Head, index: int) -> tuple[int, int]:
    """Return the ends of the entry or gap around a key. O(log n)."""
    path = descend(head, index)
    return (path[-1].slot_first, path[-1].slot_last) if path else (0, head.limit)


def load(head: Head, index: int) -> Any:
    """Return the value at a key, or GAP. O(log n)."""
    path = descend(head, index)
    return path[-1].content if path else GAP


def pieces_of(head: Head, first: int, last: int) -> Iterator[tuple[int, int, Any]]:
    """Iterate over the entries and gaps of [first, last], cut at the ends. A gap's value is GAP.

    The tree must not change meanwhile.
    """
    for low, high, value in entries_of(head, first, last):
        if low > first:
            yield first, low - 1, GAP
        yield max(low, first), min(high, last), value
        first = high + 1
    if first <= last:
        yield first, last, GAP


def entries_of(head: Head, first: int, last: int, way: int = 1) -> Iterator[Entry[Any, Any]]:
    """Iterate over the entries that overlap [first, last], whole.

    The tree must not change meanwhile.
    """
    path = descend(head, first if way > 0 else last)
    more = bool(path)
    while more and path[-1].slot_first <= last and path[-1].slot_last >= first:
        if path[-1].content is not GAP:
            yield Entry(path[-1].slot_first, path[-1].slot_last, path[-1].content)
        more = step(path, way)
