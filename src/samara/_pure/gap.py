# SPDX-License-Identifier: MIT
"""The gap search: find the lowest or the highest place with a number of free keys.

Nodes know the largest gap in each slot, so the search only enters slots with a gap of that size.
It costs O(log n); with an alignment, O(log n) for each gap of that size without an aligned place.
No gap spans two leaves, since neighbouring gaps are one slot.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from samara._errors import NoSpaceError
from samara._keys import Kind
from samara._keys.windows import Window, shown_size
from samara._pure.node import Head
from samara._pure.walk import Level, entries_of


class Request(NamedTuple):
    """A request for `size` free keys in a window.

    They begin at a code whose distance from `zero` is a multiple of `align`.
    """

    size: int
    window: Window | None
    align: int = 1
    reverse: bool = False
    zero: int = 0
    one: bool = False  # one key is asked for, not a size

    def fit(self, first: int, last: int) -> int | None:
        """Return where the keys begin in this gap, or None if they do not fit."""
        low, high = first, last - self.size + 1
        if self.reverse:
            start = high - (high - self.zero) % self.align
        else:
            start = low + (self.zero - low) % self.align
        return start if low <= start <= high else None

    def search(self, level: Level, first: int, last: int) -> int | None:
        """Search the part of a subtree in the window. The recursion is as deep as the tree."""
        low, high = bisect_left(level.pivots, first), bisect_left(level.pivots, last)
        start = None
        for slot in range(high, low - 1, -1) if self.reverse else range(low, high + 1):
            level.slot = slot
            if level.gaps[slot] >= self.size and level.node.is_leaf:
                start = self.fit(max(level.slot_first, first), min(level.slot_last, last))
            elif level.gaps[slot] >= self.size:
                start = self.search(level.enter(0), first, last)
            if start is not None:
                break
        return start


def covers(head: Head, first: int, last: int) -> bool:
    """Return whether every key of [first, last] has a value."""
    if not head.tracks_gaps:
        return next(gaps_of(head, first, last), None) is None
    try:
        search(head, Request(1, (first, last), one=True))
    except NoSpaceError:
        return True
    return False


def gaps_of(head: Head, first: int, last: int) -> Iterator[Window]:
    """Iterate over the gaps: the ranges between the end of one entry and the start of the next."""
    for low, high, _ in entries_of(head, first, last):
        if low > first:
            yield first, low - 1
        first = high + 1
    if first <= last:
        yield first, last


def search(head: Head, request: Request) -> int:
    """Return where the requested keys begin.

    Raises:
        NoSpaceError: There is no such place.
        ValueError: The tree does not track gaps.
    """
    if not head.tracks_gaps:
        raise ValueError(
            "this tree does not track gaps: create it with track_gaps=True to "
            "search for free indices"
        )
    window = request.window
    if window is None:
        raise no_space(head.kind, request, "outside {} ... {}", (0, head.kind.top))
    root = Level(head.root, 0, head.limit, 0) if head.root else None
    start = request.search(root, *window) if root else request.fit(*window)
    if start is None:
        raise no_space(head.kind, request, "in [{}, {}]", window)
    return start


def no_space(kind: Kind, request: Request, where: str, ends: Window) -> NoSpaceError:
    size = "1" if request.one else shown_size(kind, request.size)
    text = f"no {size} free indices " + where.format(*(kind.shown(kind.key(end)) for end in ends))
    if request.window and request.align > 1:
        text += f" that start at a multiple of {shown_size(kind, request.align)}"
    return NoSpaceError(text)
