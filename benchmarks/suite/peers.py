# SPDX-License-Identifier: MIT
"""samara, its peers and the yardsticks: one small class for each.

An instance is made from Ranges. Each operation that it can do is an attribute with the operation's
name: a callable with as little overhead as Python allows, so closures and bound methods. `build`
makes the map itself again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import pandas
import polars
from BTrees.QOBTree import QOBTree
from collections_extended import RangeMap
from intervaltree import Interval, IntervalTree
from sortedcontainers import SortedDict

from samara import MapleTree

from .workloads import AREA, BASE, MISSING, Array, Ranges


class Peer(ABC):
    name: ClassVar[str]
    # Packages whose versions are stored with the figures.
    packages: ClassVar[tuple[str, ...]] = ()
    # Whether it has empty_area(), which is measured on a separate map.
    searches: ClassVar[bool] = False

    @abstractmethod
    def __init__(self, ranges: Ranges) -> None: ...


# ---- samara -------------------------------------------------------------------------------------


class Samara(Peer):
    name = "samara"
    searches = True
    packages = ("samara",)

    def __init__(self, ranges: Ranges) -> None:
        first, last, objects = ranges.first, ranges.last, ranges.objects

        def build() -> MapleTree[int, int]:
            return MapleTree.from_arrays(first, last, objects)

        self.build = build
        self.tree = tree = build()
        self.get = tree.get
        self.subscript = tree
        self.contains = tree
        self.entry = tree.entry
        self.store = tree.store_range
        self.fork = tree.fork
        self.dup = tree.dup
        empty_area = tree.empty_area
        self.empty_area = lambda start: empty_area(AREA, start)
        self.iterate = tree.__iter__

        def fork_store(first: int, last: int, value: int) -> None:
            tree.fork().store_range(first, last, value)

        self.fork_store = fork_store


class SamaraPacked(Peer):
    name = "samara, packed"
    packages = ("samara",)

    def __init__(self, ranges: Ranges) -> None:
        first, last, values = ranges.first, ranges.last, ranges.values

        def build() -> MapleTree[int, int]:
            return MapleTree.from_arrays(first, last, values, dtype="u8")

        self.build = build
        self.tree = tree = build()
        load_many = tree.load_many
        self.get = tree.get
        self.load_many = self.load_many_sorted = lambda keys: load_many(keys, MISSING)
        self.store = tree.store_range
        self.dup_packed = tree.dup
        self.to_arrays = tree.to_arrays
        self.iterate = tree.__iter__


# ---- other lists, trees and arrays --------------------------------------------------------------


class ListBisect(Peer):
    name = "list + bisect"
    searches = True

    def __init__(self, ranges: Ranges) -> None:
        self.build: Callable[[], Any] = lambda: (
            ranges.firsts.copy(), ranges.lasts.copy(), ranges.objects.copy()
        )  # fmt: skip
        firsts, lasts, values = self.build()
        bisect = bisect_right

        def get(key: int) -> int | None:
            at = bisect(firsts, key) - 1
            if at >= 0 and key <= lasts[at]:
                return values[at]
            return None

        def entry(key: int) -> tuple[int, int, int] | None:
            at = bisect(firsts, key) - 1
            if at >= 0 and key <= lasts[at]:
                return firsts[at], lasts[at], values[at]
            return None

        def store(first: int, last: int, value: int) -> None:
            low = bisect_left(lasts, first)
            high = bisect_right(firsts, last)
            starts, ends, new = [first], [last], [value]
            if low < high:
                if firsts[low] < first:
                    starts.insert(0, firsts[low])
                    ends.insert(0, first - 1)
                    new.insert(0, values[low])
                if lasts[high - 1] > last:
                    starts.append(last + 1)
                    ends.append(lasts[high - 1])
                    new.append(values[high - 1])
            firsts[low:high] = starts
            lasts[low:high] = ends
            values[low:high] = new

        def empty_area(start: int) -> int:
            at = bisect(firsts, start) - 1
            free = max(start, lasts[at] + 1 if at >= 0 else BASE)
            for later in range(at + 1, len(firsts)):
                if firsts[later] - free >= AREA:
                    break
                free = lasts[later] + 1
            return free

        self.get = get
        self.entry = entry
        self.store = store
        self.dup = lambda: (firsts.copy(), lasts.copy(), values.copy())
        self.empty_area = empty_area


class StartsPeer(Peer):
    """A sorted mapping from a range's start to its last index and value."""

    mapping: Any

    @abstractmethod
    def last_start(self, key: int) -> int | None:
        """Return the start of the last range that begins at or below a key."""

    @abstractmethod
    def starts(self, first: int, last: int) -> list[int]:
        """Return the starts in [first, last]."""

    def adopt(self) -> None:
        mapping, last_start, starts = self.mapping, self.last_start, self.starts

        def store(first: int, last: int, value: int) -> None:
            right = None
            start = last_start(first - 1)
            if start is not None:
                end, old = mapping[start]
                if end >= first:
                    mapping[start] = first - 1, old
                    right = end, old
            for start in starts(first, last):
                right = mapping.pop(start)
            if right and right[0] > last:
                mapping[last + 1] = right
            mapping[first] = last, value

        self.store = store

        def iterate() -> Iterator[tuple[int, int, int]]:
            return ((first, last, value) for first, (last, value) in mapping.items())

        self.iterate = iterate


class Sorted(StartsPeer):
    name = "sortedcontainers SortedDict"
    packages = ("sortedcontainers",)

    def __init__(self, ranges: Ranges) -> None:
        def build() -> Any:
            values = zip(ranges.lasts, ranges.objects, strict=True)
            return SortedDict(zip(ranges.firsts, values, strict=True))

        self.build = build
        self.mapping = mapping = build()
        bisect, peek = mapping.bisect_right, mapping.peekitem

        def get(key: int) -> Any:
            at = bisect(key) - 1
            if at >= 0:
                _, (last, value) = peek(at)
                if key <= last:
                    return value
            return None

        self.get = get
        self.dup = mapping.copy
        self.adopt()

    def last_start(self, key: int) -> int | None:
        at = self.mapping.bisect_right(key) - 1
        return self.mapping.keys()[at] if at >= 0 else None

    def starts(self, first: int, last: int) -> list[int]:
        return list(self.mapping.irange(first, last))


class BTree(StartsPeer):
    name = "BTrees QOBTree"
    packages = ("BTrees",)

    def __init__(self, ranges: Ranges) -> None:
        def build() -> Any:
            values = zip(ranges.lasts, ranges.objects, strict=True)
            return QOBTree(list(zip(ranges.firsts, values, strict=True)))

        self.build = build
        self.mapping = mapping = build()
        max_key = mapping.maxKey

        def get(key: int) -> Any:
            try:
                last, value = mapping[max_key(key)]
            except ValueError:
                return None
            return value if key <= last else None

        self.get = get
        self.dup = lambda: QOBTree(mapping)
        self.adopt()

    def last_start(self, key: int) -> int | None:
        try:
            return int(self.mapping.maxKey(key))
        except ValueError:
            return None

    def starts(self, first: int, last: int) -> list[int]:
        return list(self.mapping.keys(first, last))


class Collections(Peer):
    name = "collections-extended RangeMap"
    packages = ("collections-extended",)

    def __init__(self, ranges: Ranges) -> None:
        def build() -> Any:
            columns = ranges.firsts, (last + 1 for last in ranges.lasts), ranges.objects
            return RangeMap.from_iterable(zip(*columns, strict=True))

        self.build = build
        mapping = build()
        self.get = mapping.get
        self.store = lambda first, last, value: mapping.set(value, first, last + 1)
        self.iterate = lambda: (
            (item.start, item.stop - 1, item.value) for item in mapping.ranges()
        )  # fmt: skip


class Intervals(Peer):
    name = "intervaltree"
    packages = ("intervaltree",)

    def __init__(self, ranges: Ranges) -> None:
        def build() -> Any:
            columns = ranges.firsts, (last + 1 for last in ranges.lasts), ranges.objects
            return IntervalTree(Interval(*item) for item in zip(*columns, strict=True))

        self.build = build
        tree = build()
        at = tree.at

        def get(key: int) -> Any:
            for interval in at(key):
                return interval.data
            return None

        def store(first: int, last: int, value: int) -> None:
            tree.chop(first, last + 1)
            tree.addi(first, last + 1, value)

        self.get = get
        self.dup = tree.copy
        self.store = store
        self.iterate = lambda: ((item.begin, item.end - 1, item.data) for item in sorted(tree))


class Numpy(Peer):
    name = "numpy"
    searches = True
    packages = ("numpy",)

    def __init__(self, ranges: Ranges) -> None:
        self.build: Callable[[], Any] = lambda: (
            ranges.first.copy(),
            ranges.last.copy(),
            ranges.values.copy(),
        )
        first, last, values = self.build()

        def load_many(keys: Array) -> Array:
            at = np.searchsorted(first, keys, "right") - 1
            found = values.take(at)
            found[keys > last.take(at)] = MISSING
            return found

        def empty_area(start: int) -> int:
            at = int(np.searchsorted(first, start, "right")) - 1
            free = max(start, int(last[at]) + 1)
            if int(first[at + 1]) - free >= AREA:
                return free
            room = first[at + 2 :] - last[at + 1 : -1] > AREA
            return int(last[at + 1 + int(room.argmax())]) + 1

        self.load_many = self.load_many_sorted = load_many
        self.dup_packed = lambda: (first.copy(), last.copy(), values.copy())
        self.to_arrays = self.dup_packed
        self.empty_area = empty_area


class NumpyUnchecked(Peer):
    """searchsorted and one take: it does not notice whether a key is in a gap."""

    name = "numpy, gaps unseen"
    packages = ("numpy",)

    def __init__(self, ranges: Ranges) -> None:
        first, values = ranges.first, ranges.values

        def load_many(keys: Array) -> Array:
            return values.take(np.searchsorted(first, keys, "right") - 1)

        self.load_many = self.load_many_sorted = load_many


class Pandas(Peer):
    name = "pandas IntervalIndex"
    packages = ("pandas",)

    def __init__(self, ranges: Ranges) -> None:
        first, last = ranges.first.astype(np.int64), ranges.last.astype(np.int64)
        values, objects = ranges.values, ranges.objects
        self.build: Callable[[], Any] = lambda: pandas.IntervalIndex.from_arrays(
            first, last, closed="both"
        )
        index = self.build()

        def get(key: int) -> Any:
            try:
                return objects[index.get_loc(key)]
            except KeyError:
                return None

        def load_many(keys: Array) -> Array:
            at = index.get_indexer(keys.astype(np.int64))
            found = values.take(at)
            found[at < 0] = MISSING
            return found

        self.get = get
        self.load_many = self.load_many_sorted = load_many


class Polars(Peer):
    """A row for each range and each gap. Random keys are sorted; the results stay in that order."""

    name = "polars join_asof"
    packages = ("polars",)

    def __init__(self, ranges: Ranges) -> None:
        count = ranges.n

        def build() -> Any:
            starts = np.full(2 * count + 1, BASE, dtype=np.uint64)
            values = np.full(2 * count + 1, MISSING, dtype=np.uint64)
            starts[1::2], starts[2::2] = ranges.first, ranges.last + np.uint64(1)
            values[1::2] = ranges.values
            return polars.DataFrame({"k": starts, "v": values}).set_sorted("k")

        self.build = build
        table = build()

        def load_many(keys: Array) -> Any:
            return polars.DataFrame({"k": keys}).sort("k").join_asof(table, on="k")["v"]

        def load_many_sorted(keys: Array) -> Any:
            return polars.DataFrame({"k": keys}).set_sorted("k").join_asof(table, on="k")["v"]

        self.load_many = load_many
        self.load_many_sorted = load_many_sorted


# ---- yardsticks ---------------------------------------------------------------------------------


class EmptyPython(Peer):
    """The cost of a Python function that does nothing, called in the same loop as the others."""

    name = "empty Python call"
    searches = True

    def __init__(self, ranges: Ranges) -> None:
        self.subscript = self.contains = self

    @staticmethod
    def get(key: int) -> None:
        pass

    entry = empty_area = get

    @staticmethod
    def fork() -> None:
        pass

    @staticmethod
    def store(first: int, last: int, value: int) -> None:
        pass

    fork_store = store

    def __getitem__(self, key: int) -> None:
        pass

    def __contains__(self, key: int) -> bool:
        return True


class EmptyC(Peer):
    """The builtin callable(), which returns at once."""

    name = "empty C call"
    searches = True

    def __init__(self, ranges: Ranges) -> None:
        self.get = self.entry = self.empty_area = callable


class ListCopy(Peer):
    name = "list.copy of the values"

    def __init__(self, ranges: Ranges) -> None:
        self.dup = ranges.objects.copy


class BytesCopy(Peer):
    name = "numpy copy of the tree's bytes"

    def __init__(self, ranges: Ranges) -> None:
        tree = SamaraPacked(ranges).tree
        self.dup_packed = np.ones(tree.node_count * 256, dtype=np.uint8).copy


class Zip(Peer):
    name = "zip of three lists"

    def __init__(self, ranges: Ranges) -> None:
        firsts, lasts, objects = ranges.firsts, ranges.lasts, ranges.objects
        self.iterate: Callable[[], Any] = lambda: zip(firsts, lasts, objects, strict=False)


PEERS: list[type[Peer]] = [
    Samara, SamaraPacked, ListBisect, Sorted, BTree, Collections, Intervals, Numpy,
    NumpyUnchecked, Pandas, Polars,
]  # fmt: skip
YARDSTICKS: list[type[Peer]] = [EmptyPython, EmptyC, ListCopy, BytesCopy, Zip]
# Peers without results, or with other rules. (A copy of bytes has nothing to compare, a zip has.)
UNCHECKED = {NumpyUnchecked.name, EmptyPython.name, EmptyC.name}
