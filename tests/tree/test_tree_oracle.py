# SPDX-License-Identifier: MIT
"""Random operations against a plain array, at the bottom, the middle and the top of the keys."""

import copy
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpreter import scaled
from key_universes import LINES, Universe, universes
from placed import NO_SIZES, PlacedTree
from samara import MAX, MapleTree, NoSpaceError, RangeOccupiedError
from tree_oracle import Oracle, seeded

SIZES = [12, 60, 900]


def bases(size):
    return [0, 2**40, 2**63 - size // 2, MAX - size + 1]


def plain(entries):
    return [tuple(entry) for entry in entries]


def same(tree, oracle):
    tree.check()
    entries = oracle.entries()
    assert plain(tree) == entries
    assert len(tree) == len(entries)
    assert bool(tree) == bool(entries)
    assert tree.covered == oracle.covered()


class Driver:
    """One tree and its oracle, driven by one random generator.

    With a universe, the tree has keys of its kind, and is called with their positions.
    """

    def __init__(self, random, base, size, track_gaps=True, universe=None):
        self.random, self.universe = random, universe
        self.tree = self.new(track_gaps=track_gaps)
        self.oracle = Oracle(base, size, universe.origin if universe else 0)
        self.sized = universe is None or universe.unit is not None

    @classmethod
    def over(cls, universe, random, track_gaps=True):
        return cls(random, universe.base, universe.size, track_gaps, universe)

    def new(self, *arguments, **options):
        """Make a tree with the keys of this driver."""
        if self.universe:
            return PlacedTree(self.universe, *arguments, random=self.random, **options)
        return MapleTree(*arguments, **options)

    def index(self):
        return self.oracle.base + self.random.randrange(len(self.oracle.cells))

    def window(self):
        first = self.index()
        widest = self.oracle.base + len(self.oracle.cells) - 1
        width = self.random.choice([1, 1, 2, 3, 5, len(self.oracle.cells) // 3 + 1])
        return first, min(first + width - 1, widest)

    # ---- writes: each does the same to both and compares the results

    def store_range(self):
        first, last = self.window()
        value = object()
        self.oracle.store(first, last, value)
        self.tree.store_range(first, last, value)

    def store_slice(self):
        first, last = self.window()
        value = object()
        self.oracle.store(first, last, value)
        if self.random.random() < 0.5 and first == last:
            self.tree[first] = value
        else:
            self.tree[first : last + 1] = value

    def delete(self):
        first, last = self.window()
        if self.random.random() < 0.5:
            self.oracle.clear(first, last)
            del self.tree[first : last + 1]
        elif self.oracle.cell(first) is None:
            with pytest.raises(KeyError):
                del self.tree[first]
        else:
            self.oracle.clear(first, first)
            del self.tree[first]

    def insert(self):
        first, last = self.window()
        value = object()
        blocking = self.oracle.within(first, last)
        if blocking:
            with pytest.raises(RangeOccupiedError) as caught:
                self.tree.insert_range(first, last, value)
            assert caught.value.entry == blocking[0]
        else:
            self.tree.insert_range(first, last, value)
            self.oracle.store(first, last, value)

    def erase(self):
        index = self.index()
        assert self.tree.erase(index) == self.oracle.erase(index)

    def pop(self):
        first, last = self.window()
        assert self.tree.pop_range(first, last) == self.oracle.pop(first, last)

    def area(self):
        first, last = self.window()
        return {
            "size": self.random.choice([1, 1, 2, 3, 7]),
            "first": first,
            "last": last,
            "align": self.random.choice([1, 1, 2, 3, 4, 8]),
            "reverse": self.random.random() < 0.5,
        }

    def alloc(self):
        area = self.area()
        value = object()
        start = self.oracle.empty_area(**area)
        if not self.sized:
            with pytest.raises(TypeError, match=NO_SIZES):
                self.tree.alloc_range(value=value, **area)
        elif not self.tree.track_gaps:
            with pytest.raises(ValueError, match="track_gaps"):
                self.tree.alloc_range(value=value, **area)
        elif start is None:
            with pytest.raises(NoSpaceError):
                self.tree.alloc_range(value=value, **area)
        else:
            assert self.tree.alloc_range(value=value, **area) == start
            self.oracle.store(start, start + area["size"] - 1, value)

    def map_range(self):
        first, last = self.window()
        made = []

        def function(value):
            made.append(object())
            return made[-1]

        def again(value):
            return made.pop(0)

        gaps = self.random.random() < 0.5
        self.tree.map_range(first, last, function, *([None] if gaps else []))
        self.oracle.map(first, last, again, gaps)
        assert not made

    def alloc_many(self):
        area = self.area()
        sizes = [self.random.choice([1, 1, 2, area["size"]]) for _ in range(4)]
        sizes = sizes[: self.random.randrange(5)]
        del area["size"]
        values, starts, oracle = [object() for _ in sizes], [], self.oracle.copy()
        for size, value in zip(sizes, values, strict=True):
            starts.append(oracle.empty_area(size, **area))
            if starts[-1] is None:
                break
            oracle.store(starts[-1], starts[-1] + size - 1, value)
        if sizes and not self.sized:
            with pytest.raises(TypeError, match=NO_SIZES):
                self.tree.alloc_many(sizes, values, **area)
        elif sizes and not self.tree.track_gaps:
            with pytest.raises(ValueError, match="track_gaps"):
                self.tree.alloc_many(sizes, values, **area)
        elif None in starts:
            at = starts.index(None)
            with pytest.raises(NoSpaceError, match=f"^position {at}: no "):
                self.tree.alloc_many(sizes, values, **area)
        else:
            assert self.tree.alloc_many(sizes, values, **area) == starts
            self.oracle = oracle

    def clear(self):
        if self.random.random() < 0.02:
            self.tree.clear()
            self.oracle.clear(self.oracle.base, self.oracle.base + len(self.oracle.cells) - 1)

    def write(self):
        choice = self.random.choice
        choice(
            [self.store_range, self.store_range, self.store_slice, self.delete]
            + [self.insert, self.erase, self.pop, self.alloc, self.alloc_many, self.map_range]
            + [self.clear]
        )()

    # ---- look-ups

    def look(self):
        tree, oracle = self.tree, self.oracle
        index = self.index()
        first, last = self.window()
        assert (index in tree) == (oracle.cell(index) is not None)
        assert tree.get(index) is oracle.get(index)
        assert tree.entry(index) == oracle.entry(index)
        assert tree.next(index) == oracle.next(index)
        assert tree.prev(index) == oracle.prev(index)
        assert tree.find(index) == oracle.find(index)
        assert tree.find(first, last) == oracle.find(first, last)
        assert tree.find_rev(index) == oracle.find_rev(index)
        assert tree.find_rev(last, first) == oracle.find_rev(last, first)
        assert tree.is_free(first, last) == oracle.is_free(first, last)
        assert tree.overlaps(first, last) != oracle.is_free(first, last)
        assert tree.covers(first, last) == oracle.covers(first, last)
        assert plain(tree.entries(first, last)) == oracle.within(first, last)
        assert plain(tree.entries(first, last, clip=True)) == oracle.clipped(first, last)
        assert plain(tree.entries(first, last, reverse=True)) == oracle.within(first, last)[::-1]
        assert (
            plain(tree.entries(first, last, reverse=True, clip=True))
            == oracle.clipped(first, last)[::-1]
        )
        for clip, reverse in itertools.product([False, True], repeat=2):
            entries = oracle.clipped(first, last) if clip else oracle.within(first, last)
            entries = entries[::-1] if reverse else entries
            options = {"clip": clip, "reverse": reverse}
            assert list(tree.ranges(first, last, **options)) == [e[:2] for e in entries]
            assert list(tree.values(first, last, **options)) == [e[2] for e in entries]
            assert list(tree.items(first, last, **options)) == [(e[:2], e[2]) for e in entries]
        assert plain(tree.gaps(first, last)) == oracle.gaps(first, last)
        assert plain(tree[first : last + 1]) == oracle.clipped(first, last)
        area = self.area()
        if not self.sized:
            with pytest.raises(TypeError, match=NO_SIZES):
                tree.empty_area(**area)
        elif tree.track_gaps:
            start = oracle.empty_area(**area)
            if start is None:
                with pytest.raises(NoSpaceError):
                    tree.empty_area(**area)
            else:
                assert tree.empty_area(**area) == start

    def look_everywhere(self):
        tree, oracle = self.tree, self.oracle
        same(tree, oracle)
        assert plain(tree.gaps()) == oracle.gaps()
        assert plain(reversed(tree)) == oracle.entries()[::-1]
        assert tree.first_entry() == oracle.find(0)
        assert tree.last_entry() == oracle.find_rev(MAX)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("place", range(4), ids=["bottom", "middle", "across", "top"])
@pytest.mark.parametrize("track_gaps", [True, False], ids=["gaps", "plain"])
def test_random_operations(size, place, track_gaps):
    random = seeded(f"operations {size} {place} {track_gaps}")
    driver = Driver(random, bases(size)[place], size, track_gaps)
    for step in range(400 if size < 900 else 250):
        driver.write()
        if step % 5 == 0:
            driver.look()
        if step % 25 == 0:
            driver.look_everywhere()
    driver.look_everywhere()


@pytest.mark.parametrize("universe", universes(), ids=repr)
def test_keys_of_each_kind(universe):
    random = seeded(f"operations {universe}")
    driver = Driver.over(universe, random, track_gaps=random.random() < 0.8)
    for step in range(scaled(200, least=60)):
        driver.write()
        if step % 5 == 0:
            driver.look()
        if step % 25 == 0:
            driver.look_everywhere()
    driver.look_everywhere()


def test_a_tall_tree():
    random = seeded("tall")
    size = 6000
    driver = Driver(random, 1000, size)
    for index in range(1000, 1000 + size, 2):
        value = object()
        driver.tree[index] = value
        driver.oracle.store(index, index, value)
    assert driver.tree.height >= 3
    driver.look_everywhere()
    for _ in range(60):
        driver.write()
    driver.look()
    driver.look_everywhere()


@pytest.mark.parametrize("count", [100, 200, 450])
@pytest.mark.parametrize("track_gaps", [True, False], ids=["gaps", "plain"])
def test_spanning_writes(count, track_gaps):
    """Store ranges over many leaves that leave too little for a node at either end."""
    random = seeded(f"spanning {count} {track_gaps}")
    entries = [(2 * n, 2 * n, n) for n in range(count)]
    tree = MapleTree(entries, track_gaps=track_gaps)
    for _ in range(scaled(2000, least=200)):
        first = random.randrange(2 * count)
        last = random.randrange(first, 2 * count + 1)
        below = [entry for entry in entries if entry[1] < first]
        inside = [entry for entry in entries if first <= entry[0] <= last]
        above = [entry for entry in entries if entry[0] > last]
        part = tree[first : last + 1]
        written = random.choice([tree.fork, tree.dup])()
        written.store_range(first, last, "x")
        emptied = random.choice([tree.fork, tree.dup])()
        assert emptied.pop_range(first, last) == inside
        for result, expected in (
            (part, inside),
            (written, [*below, (first, last, "x"), *above]),
            (emptied, below + above),
        ):
            assert plain(result) == expected, (first, last)
            result.check()
    assert plain(tree) == entries
    tree.check()


def test_a_family_of_copies():
    copy_at_random(Driver(seeded("family"), 5, 200), 400)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_a_family_of_each_kind(line):
    random = seeded(f"family {line.name}")
    universe = Universe(line, random.choice([*line.places]), 60)
    print(universe)
    copy_at_random(Driver.over(universe, random), scaled(200, least=40))


def copy_at_random(driver, steps):
    random, family = driver.random, [driver]
    for step in range(steps):
        driver = random.choice(family)
        for _ in range(random.randrange(4)):
            driver.write()
        way = random.choice(["fork", "dup", "copy", "init", "slice", "loop", "into", "drop"])
        if way == "drop" and len(family) > 3:
            family.remove(driver)
        elif way not in ("drop", "loop") and len(family) < 10:
            family.append(make_copy(driver, way))
        elif way == "loop":
            before = driver.oracle.entries()
            seen = []
            for entry in driver.tree:
                seen.append(tuple(entry))
                driver.write()
                if len(seen) > 20:
                    break
            assert seen == before[: len(seen)]
        if step % 20 == 0:
            for member in family:
                member.look_everywhere()
    for member in family:
        member.look_everywhere()


def make_copy(driver, way):
    base, size = driver.oracle.base, len(driver.oracle.cells)
    other = Driver(driver.random, base, size, universe=driver.universe)
    other.oracle = driver.oracle.copy()
    if way == "fork":
        other.tree = driver.tree.fork()
    elif way == "dup":
        other.tree = driver.tree.dup()
    elif way == "copy":
        other.tree = copy.copy(driver.tree)
    elif way == "into":
        driver.tree.dup_into(other.tree)
    elif way == "init":
        other.tree = driver.new(driver.tree)
    elif way == "slice":
        first, last = driver.window()
        other.tree = driver.tree[first : last + 1]
        low = other.oracle.base
        high = low + len(other.oracle.cells) - 1
        other.oracle.fill(low, first - 1, None)
        other.oracle.fill(last + 1, high, None)
    assert other.tree == driver.new(other.oracle.entries())
    return other


triples = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers()).map(
        lambda t: (min(t[0], t[1]), max(t[0], t[1]), t[2])
    ),
    max_size=40,
)


@given(triples, st.sampled_from([0, 2**63, MAX - 40]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_building_from_triples_in_any_order(triples, base, ordered):
    if ordered:
        triples = sorted(triples)
    oracle = Oracle(base, 41)
    for first, last, value in triples:
        oracle.store(base + first, base + last, value)
    tree = MapleTree((base + first, base + last, value) for first, last, value in triples)
    same(tree, oracle)
    # Store the same again over what is there.
    tree.__init__(tree.entries(reverse=True))
    same(tree, oracle)
