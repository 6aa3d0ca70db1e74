# SPDX-License-Identifier: MIT
"""Cursors checked against a flat model of the rules: the same random steps give the same results.

Several cursors share a tree, so each meets the writes of others at any time, without a reset. The
recordings of Linux (`test_cursor_traces.py`) do not hold such steps.
"""

import errno

import pytest

from cursor_model import FlatCursor, FlatTree
from interpreter import steps
from key_universes import universes
from placed import PlacedTree
from samara import MAX, Gap, MapleTree, NoSpaceError, RangeOccupiedError
from tree_oracle import seeded

STEPS = steps(20_000)
UP = ["next", "next_range", "find", "find_range"]
DOWN = ["prev", "prev_range", "find_rev", "find_range_rev"]


def triple(found):
    """Return what a step returned in the form of the model's results."""
    return (*found, 0) if isinstance(found, Gap) else found


class Pair:
    """A tree and its model, with cursors on both. Each method makes one random step on both."""

    def __init__(self, random, base, size, track_gaps, universe=None):
        self.random, self.base, self.size, self.universe = random, base, size, universe
        self.flat = FlatTree(track_gaps)
        if universe:
            self.tree = PlacedTree(universe, random=random, track_gaps=track_gaps)
        else:
            self.tree = MapleTree(track_gaps=track_gaps)
        self.cursors = [(self.tree.cursor(), FlatCursor(self.flat)) for _ in range(3)]
        self.values = 0

    # ---- arguments

    def key(self):
        if self.random.random() < 0.03:
            return self.random.choice([0, 1, MAX - 1, MAX])
        return self.base + self.random.randrange(self.size)

    def window(self):
        first = self.key()
        last = min(MAX, first + self.random.choice([0, 0, 1, 2, 5, self.size // 4]))
        if self.universe:
            inside = self.base <= first < self.base + self.size
            last = min(last, self.base + self.size - 1) if inside else first
        return first, last

    def limit(self):
        if self.universe:
            return self.key()
        return self.random.choice([-1, 2**64, -(2**70), 2**70, *[self.key() for _ in range(40)]])

    def value(self):
        self.values += 1
        return self.values

    # ---- steps of a cursor

    def step(self, cursor, model):
        name = self.random.choice(UP + DOWN)
        limits = [self.limit()] if self.random.random() < 0.6 else []
        found = triple(getattr(cursor, name)(*limits))
        return name, limits, found, getattr(model, name)(*limits)

    def move(self, cursor, model):
        name = self.random.choice(["set", "set_range", "reset", "pause", "walk"])
        given = {"set": [self.key()], "set_range": self.window()}.get(name, [])
        found = getattr(cursor, name)(*given)
        return name, given, found, getattr(model, name)(*given)

    def write(self, cursor, model):
        name = self.random.choice(["store", "store", "insert", "clear", "erase"])
        given = [self.value()] if name in ("store", "insert") else []
        try:
            result = getattr(cursor, name)(*given)
        except RangeOccupiedError as error:
            assert error.entry == self.flat.find(cursor.index, cursor.last)
            result = -errno.EEXIST
        expected = getattr(model, name)(*given)
        return name, given, result, expected if name in ("erase", "insert") and expected else None

    def search(self, cursor, model):
        (low, high), size = self.window(), self.random.choice([1, 1, 2, 3, 9, self.size, 0])
        reverse = self.random.random() < 0.5
        if self.random.random() < 0.3:
            low, high = 0, MAX
            size = min(size, 3) if self.universe else size
        try:
            start = (cursor.empty_area_rev if reverse else cursor.empty_area)(size, low, high)
        except NoSpaceError:
            start = -errno.EINVAL if size > high - low + 1 else -errno.EBUSY
        except ValueError:
            start = -errno.EINVAL
        expected = model.empty_area(low, high, size, reverse)
        return "empty_area", [size, low, high, reverse], start, expected

    # ---- steps of others

    def others(self, *_):
        name = self.random.choice(["store", "store", "clear", "erase", "alloc_cyclic", "destroy"])
        (first, last), value = self.window(), self.value()
        result = expected = None
        if name == "store":
            self.tree.store_range(first, last, value)
            self.flat.store(first, last, value)
        elif name == "clear":
            self.tree.pop_range(first, last)
            self.flat.store(first, last, 0)
        elif name == "erase":
            result, expected = self.tree.erase(first), self.flat.erase(first)
            result = result.value if result else 0
        elif name == "alloc_cyclic" and self.tree.track_gaps:
            following = self.key()
            expected = self.flat.alloc_cyclic(first, last, following, value)
            try:
                result = self.tree.alloc_cyclic(value, first=first, last=last, next=following)
                result = int(result[2]), *result[:2]
            except NoSpaceError:
                result = -errno.EBUSY, 0, following
        elif name == "destroy" and self.random.random() < 0.05:
            self.tree.clear()
            self.flat.destroy()
        return name, [first, last], result, expected

    def check(self, kind):
        chosen = self.random.choice(self.cursors)
        before = repr(chosen[0])
        name, given, result, expected = getattr(self, kind)(*chosen)
        note = f"{before} {name} {given}"
        assert result == expected, note
        for cursor, model in self.cursors:
            value = cursor.value or 0
            assert (cursor.status, cursor.index, cursor.last, value) == model.state(), note


KINDS = ["step"] * 12 + ["move"] * 3 + ["write"] * 2 + ["search", "others", "others"]


def drive(pair, steps, kinds=KINDS):
    random = pair.random
    if random.random() < 0.8:
        for _ in range(pair.size // 3):
            (first, last), value = pair.window(), pair.value()
            pair.tree.store_range(first, last, value)
            pair.flat.store(first, last, value)
    for number in range(steps):
        kind = random.choice(kinds)
        try:
            pair.check(kind)
        except Exception as error:
            error.add_note(f"step {number}")
            raise
    assert [tuple(entry) for entry in pair.tree] == pair.flat.entries
    pair.tree.check()


@pytest.mark.parametrize("track_gaps", [True, False], ids=["gaps", "plain"])
@pytest.mark.parametrize("size", [12, 60, 2000])
@pytest.mark.parametrize("place", range(3), ids=["bottom", "middle", "top"])
def test_cursors_follow_the_rules(place, size, track_gaps):
    random = seeded(f"cursor model {place} {size} {track_gaps}")
    pair = Pair(random, [0, 2**63 - size // 2, MAX - size + 1][place], size, track_gaps)
    drive(pair, STEPS // (4 if size < 100 else 2))


@pytest.mark.parametrize("universe", universes(60), ids=repr)
def test_cursors_over_keys_of_each_kind(universe):
    random = seeded(f"cursor model {universe}")
    track_gaps = random.random() < 0.8
    pair = Pair(random, universe.base, universe.size, track_gaps, universe)
    kinds = KINDS if universe.unit is not None else [kind for kind in KINDS if kind != "search"]
    drive(pair, STEPS // 50, kinds)
