# SPDX-License-Identifier: MIT
"""A tree of any kind of keys, called with positions in a universe (see `key_universes.py`).

Each argument that is a key is given as the universe's key, or as another object that means it;
each key that comes back must be exactly the universe's own, and becomes its position. So a test
that checks a tree of ints against an array can check any tree.
"""

import contextlib
import copy

import pytest

from samara import MAX, Change, Entry, Gap, MapleTree, RangeOccupiedError

NO_SIZES = "float64 keys have no sizes"


class Placed:
    """What is common to trees and cursors: how keys go in and come out."""

    def __init__(self, universe, raw, random=None):
        self.universe, self.raw, self.random = universe, raw, random

    @property
    def sized(self):
        return self.universe.unit is not None

    def inward(self, position):
        return self.universe.form(position, self.random)

    def size_in(self, count):
        """Return a size as this kind has it. (Keys without sizes refuse anything.)"""
        return self.universe.length(count) if self.sized else count

    def outward(self, found):
        """Return a result with its keys replaced by positions."""
        at = self.universe.position
        if found is None:
            return None
        if isinstance(found, Entry):
            self.check_ends(found, Entry)
            return Entry(at(found.first), at(found.last), found.value)
        if isinstance(found, Gap):
            self.check_ends(found, Gap)
            return Gap(at(found.first), at(found.last))
        if isinstance(found, Change):
            self.check_ends(found, Change)
            return Change(at(found.first), at(found.last), found.before, found.after)
        if isinstance(found, list):
            return [self.outward(one) for one in found]
        raise AssertionError(f"{found!r} is no result")

    def check_ends(self, found, cls):
        """Check a result's type, its size, and where it stops."""
        universe = self.universe
        assert type(found).__name__ == cls.__name__
        first, last = universe.position(found.first), universe.position(found.last)
        if universe.line.after is not None:
            assert found.stop == found.last + 1
        elif last == MAX:
            assert found.stop is None
        elif last + 1 in universe.here:
            assert universe.position(found.stop) == last + 1
        if not self.sized:
            with pytest.raises(TypeError, match=NO_SIZES):
                _ = found.size
        elif universe.base <= first and last < universe.base + universe.size:
            assert universe.count(found.size) == last - first + 1

    @contextlib.contextmanager
    def placed_errors(self):
        try:
            yield
        except RangeOccupiedError as error:
            at = self.universe.position
            ends, entry = (at(error.first), at(error.last)), self.outward(error.entry)
            raise RangeOccupiedError(*ends, entry) from None


class PlacedCursor(Placed):
    """A cursor whose steps take and return positions."""

    STEPS = frozenset(
        ["next", "next_range", "find", "find_range", "walk", "erase", "__next__"]
        + ["prev", "prev_range", "find_rev", "find_range_rev"]
    )

    def __init__(self, tree, raw):
        super().__init__(tree.universe, raw, tree.random)
        self.owner = tree

    def __repr__(self):
        return f"{self.universe}: {self.raw!r}"

    @property
    def tree(self):
        assert self.raw.tree is self.owner.raw
        return self.owner

    @property
    def index(self):
        return self.universe.position(self.raw.index)

    @property
    def last(self):
        return self.universe.position(self.raw.last)

    @property
    def status(self):
        return self.raw.status

    @property
    def value(self):
        return self.raw.value

    def __getattr__(self, name):
        if name not in self.STEPS:
            return getattr(self.raw, name)

        def step(*limits):
            return self.outward(getattr(self.raw, name)(*map(self.inward, limits)))

        return step

    def __iter__(self):
        return self

    def __next__(self):
        return self.outward(next(self.raw))

    def set(self, position):
        self.raw.set(self.inward(position))

    def set_range(self, first, last):
        self.raw.set_range(self.inward(first), self.inward(last))

    def insert(self, value):
        with self.placed_errors():
            self.raw.insert(value)

    def area(self, name, size, ends):
        found = getattr(self.raw, name)(self.size_in(size), *map(self.inward, ends))
        return self.universe.position(found)

    def empty_area(self, size, *ends):
        return self.area("empty_area", size, ends)

    def empty_area_rev(self, size, *ends):
        return self.area("empty_area_rev", size, ends)


class PlacedTree(Placed):
    """A tree whose methods take and return positions."""

    def __init__(self, universe, iterable=(), /, *, random=None, **options):
        super().__init__(universe, None, random)
        self.raw = MapleTree(self.given(iterable), keys=universe.keys, **options)

    def fill(self, iterable, **options):
        """Call __init__() again."""
        self.raw.__init__(self.given(iterable), keys=self.universe.keys, **options)

    def like(self, raw):
        """Return a placed tree around a tree of the same universe."""
        return around(self.universe, raw, self.random)

    def __repr__(self):
        return f"{self.universe}: {self.raw!r}"

    def __getattr__(self, name):
        if name in ("check", "clear", "track_gaps", "dtype", "policy", "height", "dump", "lock"):
            return getattr(self.raw, name)
        raise AttributeError(name)

    def __len__(self):
        return len(self.raw)

    def __bool__(self):
        return bool(self.raw)

    def __eq__(self, other):
        return self.raw == (other.raw if isinstance(other, PlacedTree) else other)

    __hash__ = None

    @property
    def covered(self):
        if self.sized:
            return self.universe.count(self.raw.covered)
        with pytest.raises(TypeError, match=NO_SIZES):
            _ = self.raw.covered
        return sum(entry.last - entry.first + 1 for entry in self)

    # ---- keys and slices

    def inside(self, key):
        """Return a key for [ ]."""
        if not isinstance(key, slice):
            return self.inward(key)
        start = None if key.start is None else self.inward(key.start)
        stop = key.stop
        if stop is not None:
            stop = self.universe.stop(stop) if stop not in self.universe.here else self.inward(stop)
        return slice(start, stop)

    def __getitem__(self, key):
        found = self.raw[self.inside(key)]
        return self.like(found) if isinstance(key, slice) else found

    def __setitem__(self, key, value):
        self.raw[self.inside(key)] = value

    def __delitem__(self, key):
        del self.raw[self.inside(key)]

    def __contains__(self, position):
        return self.inward(position) in self.raw

    # ---- one key or one range

    def one(self, name, *positions, **options):
        return self.outward(getattr(self.raw, name)(*map(self.inward, positions), **options))

    def get(self, position, default=None):
        return self.raw.get(self.inward(position), default)

    def entry(self, position):
        return self.one("entry", position)

    def next(self, position):
        return self.one("next", position)

    def prev(self, position):
        return self.one("prev", position)

    def find(self, position, *last):
        return self.one("find", position, *last)

    def find_rev(self, position, *first):
        return self.one("find_rev", position, *first)

    def first_entry(self):
        return self.one("first_entry")

    def last_entry(self):
        return self.one("last_entry")

    def erase(self, position):
        return self.one("erase", position)

    def pop_range(self, first, last):
        return self.one("pop_range", first, last)

    def is_free(self, *ends):
        return self.raw.is_free(*map(self.inward, ends))

    def overlaps(self, *ends):
        return self.raw.overlaps(*map(self.inward, ends))

    def covers(self, *ends):
        return self.raw.covers(*map(self.inward, ends))

    def store_range(self, first, last, value):
        self.raw.store_range(self.inward(first), self.inward(last), value)

    def insert_range(self, first, last, value):
        with self.placed_errors():
            self.raw.insert_range(self.inward(first), self.inward(last), value)

    def map_range(self, first, last, function, *default):
        self.raw.map_range(self.inward(first), self.inward(last), function, *default)

    def accumulate(self, first, last, value, *op):
        self.raw.accumulate(self.inward(first), self.inward(last), value, *op)

    def store_many(self, firsts, lasts, values):
        ends = ([self.inward(position) for position in column] for column in (firsts, lasts))
        self.raw.store_many(*ends, values)

    # ---- iterators

    def __iter__(self):
        return map(self.outward, iter(self.raw))

    def __reversed__(self):
        return map(self.outward, reversed(self.raw))

    def entries(self, *ends, **options):
        return map(self.outward, self.raw.entries(*map(self.inward, ends), **options))

    def ranges(self, *ends, **options):
        found = self.raw.ranges(*map(self.inward, ends), **options)
        return (tuple(map(self.universe.position, pair)) for pair in found)

    def values(self, *ends, **options):
        return self.raw.values(*map(self.inward, ends), **options)

    def items(self, *ends, **options):
        found = self.raw.items(*map(self.inward, ends), **options)
        return ((tuple(map(self.universe.position, pair)), value) for pair, value in found)

    def gaps(self, *ends):
        return map(self.outward, self.raw.gaps(*map(self.inward, ends)))

    # ---- free room

    def area_in(self, options):
        options = dict(options)
        for name in ("first", "last", "next"):
            if name in options:
                options[name] = self.inward(options[name])
        if options.get("align", 1) == 1 or not self.sized:
            # 1 means "no alignment", as None does.
            options.pop("align", None)
        else:
            options["align"] = self.size_in(options["align"])
        return options

    def empty_area(self, size, **options):
        found = self.raw.empty_area(self.size_in(size), **self.area_in(options))
        return self.universe.position(found)

    def alloc_range(self, size, value, **options):
        found = self.raw.alloc_range(self.size_in(size), value, **self.area_in(options))
        return self.universe.position(found)

    def alloc_many(self, sizes, values, **options):
        sizes = [self.size_in(size) for size in sizes]
        found = self.raw.alloc_many(sizes, values, **self.area_in(options))
        return [self.universe.position(start) for start in found]

    def alloc_cyclic(self, value, **options):
        index, following, wrapped = self.raw.alloc_cyclic(value, **self.area_in(options))
        return self.universe.position(index), self.universe.position(following), wrapped

    # ---- copies, and operations on whole trees

    def fork(self):
        return self.like(self.raw.fork())

    def dup(self):
        return self.like(self.raw.dup())

    def __copy__(self):
        return self.like(copy.copy(self.raw))

    def __reduce__(self):
        return around, (self.universe, self.raw)

    def dup_into(self, other):
        self.raw.dup_into(other.raw)

    def diff(self, other):
        return map(self.outward, self.raw.diff(other.raw))

    def given(self, other):
        """Return the other operand: a tree or some ranges."""
        if isinstance(other, PlacedTree):
            return other.raw
        return [(self.inward(a), self.inward(b), *rest) for a, b, *rest in other]

    def update(self, other):
        self.raw.update(self.given(other))

    def __or__(self, other):
        return self.like(self.raw | self.given(other))

    def __and__(self, other):
        return self.like(self.raw & self.given(other))

    def __sub__(self, other):
        return self.like(self.raw - self.given(other))

    def in_place(self, result):
        assert result is self.raw
        return self

    def __ior__(self, other):
        return self.in_place(self.raw.__ior__(self.given(other)))

    def __iand__(self, other):
        return self.in_place(self.raw.__iand__(self.given(other)))

    def __isub__(self, other):
        return self.in_place(self.raw.__isub__(self.given(other)))

    def cursor(self, *ends):
        return PlacedCursor(self, self.raw.cursor(*map(self.inward, ends)))


def around(universe, raw, random=None):
    """Return a placed tree around a tree."""
    tree = object.__new__(PlacedTree)
    Placed.__init__(tree, universe, raw, random)
    return tree
