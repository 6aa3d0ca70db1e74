# SPDX-License-Identifier: MIT
"""Free ranges that several trees have in common.

The trees take turns, each from where the last one got to: where is the next place of that size?
Once all of them name the same place, it is free in all. A tree that tracks gaps skips whatever is
too small in O(log n). Another one walks over its gaps.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from typing import Any, Self

from samara._entry import Entry, Gap
from samara._errors import NoSpaceError, type_name
from samara._implementation import MapleTree
from samara._keys import UINT64, Kind, kind_of
from samara._keys.windows import Window, clipped_window, required_count


def common_gaps(
    trees: Iterable[MapleTree[Any, Any]],
    size: Any = None,
    first: Any = None,
    last: Any = None,
) -> Iterator[Gap[Any]]:
    """Iterate over the ranges of [first, last] that are free in all trees.

    They are as long as possible, cut at both ends of the window, in ascending order. The iterator
    sees each tree as it is now: it takes a fork of each. With gap tracking, it costs O(log n) for
    each tree and place that it tries. A tree without gap tracking costs O(1) for each of its
    entries up to there.

    Args:
        trees: any number of MapleTrees with the same keys. With none, all of the window is free,
            and its bounds are integers.
        size: only ranges of at least that size: a number of indices, 1 or more; a timedelta if keys
            are dates or moments. None: of any size. Keys "float64" have no sizes.
        first: the first index of the window. None: the first of all.
        last: the last index of the window. None: the last of all. Bounds outside the limits are
            cut.

    Returns:
        An iterator of Gap.

    Raises:
        TypeError: One of the trees is not a MapleTree, or a bound or the size is of another type
            than the trees' keys and sizes.
        ValueError: first is above last, size is below 1, or not all trees have the same keys.

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
    kinds = [kind_of(tree.keys_dtype) for tree in given] or [UINT64]
    kind = kinds[0]
    for other in kinds:
        if not kind.same_as(other):
            text = f"each tree must have keys {kind.name!r}, not {other.name!r}"
            raise ValueError(text)
    smallest = 1 if size is None else required_count(kind, size, "size")
    window = clipped_window(kind, first, last)
    if window is None:
        return iter(())
    return CommonGaps(kind, [tree.fork() for tree in given], smallest, window)


common_gaps.__module__ = "samara"  # the public module


class Coded:
    """A tree whose methods take and return codes instead of keys."""

    def __init__(self, kind: Kind, tree: MapleTree[Any, Any]) -> None:
        self.kind, self.tree = kind, tree

    def code(self, key: Any) -> int:
        return self.kind.code(key, "index")

    def empty_area(self, size: int, first: int, last: int) -> int:
        bounds = map(self.kind.key, (first, last))
        return self.code(self.tree.empty_area(self.kind.size(size), *bounds))

    def find(self, index: int, last: int) -> Entry[int, Any] | None:
        entry = self.tree.find(*map(self.kind.key, (index, last)))
        return entry and Entry(self.code(entry.first), self.code(entry.last), entry.value)

    def gaps(self, first: int, last: int) -> Iterator[Gap[int]]:
        gaps = self.tree.gaps(*map(self.kind.key, (first, last)))
        return (Gap(*map(self.code, gap)) for gap in gaps)


Tree = MapleTree[int, Any] | Coded


class Searched:
    """The gaps of a tree that tracks gaps. `first` and `last` are the current gap's ends."""

    def __init__(self, tree: Tree, window: Window) -> None:
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

    def __init__(self, tree: Tree, window: Window) -> None:
        self.gaps = tree.gaps(*window)
        self.first, self.last = 0, -1

    def seek(self, size: int, start: int) -> bool:
        for gap in self.gaps:
            if gap.last - max(gap.first, start) >= size - 1:
                self.first, self.last = gap
                return True
        return False


def gap_maker(kind: Kind) -> Callable[[int, int], Gap[Any]]:
    """Return what makes a Gap of two codes."""
    if kind is UINT64:
        return Gap
    return lambda first, last: kind.gap(kind.key(first), kind.key(last))


class CommonGaps(Iterator[Gap[Any]]):
    """The iterator. A step that runs out of memory can be repeated: none of its gaps is lost."""

    def __init__(
        self, kind: Kind, trees: Iterable[MapleTree[Any, Any]], size: int, window: Window
    ) -> None:
        self.gap = gap_maker(kind)
        self.size, (self.start, self.last) = size, window
        self.trees: list[Searched | Walked] = []
        for tree in trees:
            searchable = tree.track_gaps and kind.zero is not None  # with sizes
            coded = tree if kind is UINT64 else Coded(kind, tree)
            self.trees.append((Searched if searchable else Walked)(coded, window))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Gap[Any]:
        if not self.find():
            self.trees, self.start = [], self.last + 1  # the next writes of the trees copy no nodes
            raise StopIteration
        last = min((tree.last for tree in self.trees), default=self.last)
        gap = self.gap(self.start, last)
        self.start = last + 2  # the index after the gap has a value
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
