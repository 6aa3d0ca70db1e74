# SPDX-License-Identifier: MIT
"""Free ranges that several trees have in common.

The trees take turns, each from where the last one got to: where is the next place of that size?
Once all of them name the same place, it is free in all. A tree that tracks gaps skips whatever is
too small in O(log n). Another one walks over its gaps.
"""

from collections.abc import Iterable, Iterator
from itertools import cycle
from typing import Any, Self, SupportsIndex

from samara._arguments import MAX, Window, clipped_window, positive
from samara._entry import Gap
from samara._errors import NoSpaceError, type_name
from samara._implementation import MapleTree


def common_gaps(
    trees: Iterable[MapleTree[Any, Any]],
    size: SupportsIndex = 1,
    first: SupportsIndex = 0,
    last: SupportsIndex = MAX,
) -> Iterator[Gap[Any]]:
    """Iterate over the ranges of [first, last] that are free in all trees.

    They are as long as possible, cut at both ends of the window, in ascending order. The iterator
    sees each tree as it is now: it takes a fork of each. With gap tracking, it costs O(log n) for
    each tree and place that it tries. A tree without gap tracking costs O(1) for each of its
    entries up to there.

    Args:
        trees: any number of MapleTrees of any kind. With none, all of the window is free.
        size: only ranges of at least so many indices, 1 or more
        first: the first index of the window
        last: the last index of the window. Bounds outside 0 ... MAX are cut.

    Returns:
        An iterator of Gap.

    Raises:
        TypeError: One of the trees is not a MapleTree, or a number is not an integer.
        ValueError: first is above last, or size is below 1.

    >>> ana = MapleTree([(9, 10, "call"), (14, 16, "visit")])
    >>> ben = MapleTree([(8, 9, "bus"), (12, 12, "lunch")])
    >>> list(common_gaps([ana, ben], 1, 8, 17))
    [Gap(first=11, last=11), Gap(first=13, last=13), Gap(first=17, last=17)]
    >>> list(common_gaps([ana, ben], size=2, first=0, last=23))
    [Gap(first=0, last=7), Gap(first=17, last=23)]
    """
    if isinstance(trees, MapleTree) or not isinstance(trees, Iterable):
        raise TypeError(f"trees must be an iterable of MapleTrees, not {type_name(trees)}")
    given = tuple(trees)
    for tree in given:
        if not isinstance(tree, MapleTree):
            raise TypeError(f"each tree must be a MapleTree, not {type_name(tree)}")
    smallest, window = positive(size, "size"), clipped_window(first, last)
    if window is None:
        return iter(())
    return CommonGaps([tree.fork() for tree in given], smallest, window)


common_gaps.__module__ = "samara"  # the public module


class Searched:
    """The gaps of a tree that tracks gaps. `first` and `last` are the current gap's ends."""

    def __init__(self, tree: MapleTree[Any, Any], window: Window) -> None:
        self.tree, self.end = tree, window[1]
        self.first, self.last = 0, -1

    def seek(self, size: int, start: int) -> bool:
        """Go to the next gap with room for `size` indices from `start` on, if there is one."""
        try:
            first = self.tree.empty_area(size, start, self.end)
        except NoSpaceError:
            return False
        entry = self.tree.find(first, self.end)
        self.first, self.last = first, entry.first - 1 if entry else self.end
        return True


class Walked:
    """The same for a tree that does not track gaps: one after the other."""

    def __init__(self, tree: MapleTree[Any, Any], window: Window) -> None:
        self.gaps = tree.gaps(*window)
        self.first, self.last = 0, -1

    def seek(self, size: int, start: int) -> bool:
        for gap in self.gaps:
            if gap.last - max(gap.first, start) >= size - 1:
                self.first, self.last = gap
                return True
        return False


class CommonGaps(Iterator[Gap[Any]]):
    """The iterator. A step that runs out of memory can be repeated: none of its gaps is lost."""

    def __init__(self, trees: Iterable[MapleTree[Any, Any]], size: int, window: Window) -> None:
        self.size, (self.start, self.last) = size, window
        self.trees: list[Searched | Walked] = []
        for tree in trees:
            self.trees.append((Searched if tree.track_gaps else Walked)(tree, window))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Gap[Any]:
        if not self.find():
            self.trees, self.start = [], MAX + 1  # the next writes of the trees copy no nodes
            raise StopIteration
        gap = Gap(self.start, min((tree.last for tree in self.trees), default=self.last))
        self.start = gap.last + 2  # the index after the gap has a value
        return gap

    def find(self) -> bool:
        """Move `start` up to the lowest place that is free in all trees, if there is one."""
        size, start, agreed = self.size, self.start, 0
        if self.last - start < size - 1:
            return False
        for tree in cycle(self.trees):
            if tree.last - start < size - 1 and not tree.seek(size, start):
                return False
            if tree.first > start:
                start, agreed = tree.first, 0
            agreed += 1
            if agreed == len(self.trees):
                break
        self.start = start
        return True
