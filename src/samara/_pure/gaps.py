"""The gap search: the lowest or the highest place for so many free keys.

Nodes know the largest gap in each slot, so the search goes down only where there is one of the
size: O(log n), and with an alignment O(log n) for each gap of the size without an aligned place.
No gap spans two leaves, since neighbouring gaps are one slot.
"""

from bisect import bisect_left
from typing import NamedTuple

from samara._errors import NoSpaceError
from samara._pure.nodes import MAX, Head
from samara._pure.walking import Level


class Request(NamedTuple):
    """`size` free keys in [first, last] that begin at a multiple of `align`."""

    size: int
    first: int
    last: int
    align: int
    reverse: bool

    def fit(self, first: int, last: int) -> int | None:
        """Where they begin in this gap, if they have room."""
        low, high = max(first, self.first), min(last, self.last) - self.size + 1
        start = high - high % self.align if self.reverse else low + -low % self.align
        return start if low <= start <= high else None


def search(head: Head, request: Request) -> int:
    """NoSpaceError where there is no place; ValueError where the tree does not know its gaps."""
    if not head.tracks_gaps:
        text = "this tree does not track gaps: make it with track_gaps=True to search for free room"
        raise ValueError(text)
    if request.first > request.last:
        raise NoSpaceError(f"no room for {request.size} indices outside 0 ... {MAX}")
    root = Level(head.root, 0, MAX, 0) if head.root else None
    start = search_below(root, request) if root else request.fit(0, MAX)
    if start is not None:
        return start
    text = f"no {request.size} free indices in [{request.first}, {request.last}]"
    if request.align > 1:
        align = request.align if request.align <= MAX else f"more than {MAX}"
        text += f" that begin at a multiple of {align}"
    raise NoSpaceError(text)


def search_below(level: Level, request: Request) -> int | None:
    """In a subtree; the recursion is as deep as the tree is high."""
    low, high = (bisect_left(level.pivots, end) for end in (request.first, request.last))
    for slot in range(high, low - 1, -1) if request.reverse else range(low, high + 1):
        level.slot = slot
        start = None
        if level.gaps[slot] >= request.size and level.node.is_leaf:
            start = request.fit(level.slot_first, level.slot_last)
        elif level.gaps[slot] >= request.size:
            start = search_below(level.enter(0), request)
        if start is not None:
            return start
    return None
