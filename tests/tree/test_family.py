# SPDX-License-Identifier: MIT
"""Forks, duplicates and slices, driven by every operation, each compared with its own array.

`make test-long` sets SAMARA_STEPS to a million. After each step every member is fully checked.
"""

import copy
import operator
import pickle

import pytest
from test_tree_oracle import Driver

from interpreter import collect, live_nodes, steps
from key_universes import LINES, Universe
from samara import MAX, _implementation
from tree_oracle import seeded

STEPS = steps(60_000)
SIZE = 90
MEMBERS = 6


class Member(Driver):
    """A tree and its array. The driver has single operations; this adds cursors and failures."""

    def __init__(self, random, base, size=SIZE, track_gaps=True, universe=None):
        super().__init__(random, base, size, track_gaps, universe)
        # The array's contents now. Computing them is most of the cost of a step.
        self.expected = []

    def remember(self):
        self.expected = self.oracle.entries()

    def check(self):
        self.tree.check()
        assert [tuple(entry) for entry in self.tree] == self.expected
        assert len(self.tree) == len(self.expected)

    def value(self):
        """Return a value: None, equal values, or a tuple, which the collector tracks."""
        return self.random.choice([None, 7, (self.random.random(),)])

    def write_without_memory(self):
        """Write while an allocation may fail. If it fails, nothing at all has changed."""
        before = self.oracle.copy()
        _implementation._fail_nth(self.random.randrange(1, 8))
        try:
            self.write()
        except MemoryError:
            self.oracle = before
        finally:
            _implementation._fail_nth(0)

    def sweep(self):
        """Read the entries with one cursor, and replace or erase them."""
        cursor = self.tree.cursor()
        start = self.index()
        cursor.set(start)
        coming = [entry for entry in self.oracle.entries() if entry[1] >= start]
        for first, last, value in coming[: self.random.randrange(12)]:
            assert cursor.find() == (first, last, value)
            assert (cursor.index, cursor.last, cursor.value) == (first, last, value)
            way = self.random.randrange(3)
            if way == 0:
                new = self.value()
                cursor.store(new)
                self.oracle.store(first, last, new)
            elif way == 1:
                assert cursor.erase() == (first, last, value)
                self.oracle.clear(first, last)

    def step_by_cursor(self):
        cursor, index = self.tree.cursor(), self.index()
        for name, expected in [
            ("walk", self.oracle.entry(index)),
            ("next", self.oracle.next(index)),
            ("prev", self.oracle.prev(index)),
            ("find", self.oracle.find(index)),
            ("find_rev", self.oracle.find_rev(index)),
        ]:
            cursor.set(index)
            assert getattr(cursor, name)() == expected, name

    def store_by_cursor(self):
        first, last = self.window()
        value = self.value()
        cursor = self.tree.cursor()
        cursor.set_range(first, last)
        cursor.store(value)
        self.oracle.store(first, last, value)

    def loop_and_write(self):
        """Write inside a loop: the loop sees the tree as it was."""
        before = self.oracle.entries()
        for number, entry in enumerate(self.tree):
            assert entry == before[number]
            self.write()
            if number > 3:
                return

    def adopt_values(self):
        """Put the tree's own objects into the array, for tests of identity."""
        for position, cell in enumerate(self.oracle.cells):
            if cell:
                value = self.tree[self.oracle.base + position]
                self.oracle.cells[position] = (cell[0], value)

    def combine(self, other):
        """Change the tree in place by another member, while an allocation may fail."""
        way = self.random.choice(["update", "and", "sub"])
        made = self.oracle.copy()
        if way == "update":
            made.unite(other.oracle)
        else:
            made.clear_where(other.oracle, covered=way == "sub")
        _implementation._fail_nth(self.random.randrange(12))
        try:
            if way == "update":
                self.tree.update(other.tree)
            elif way == "and":
                self.tree &= other.tree
            else:
                self.tree -= other.tree
            self.oracle = made
        except MemoryError:
            pass
        finally:
            _implementation._fail_nth(0)

    def empty(self):
        self.tree.clear()
        self.oracle.clear(self.oracle.base, self.oracle.base + len(self.oracle.cells) - 1)


def child_of(parent, other):
    """Make a new member from the parent in one of all possible ways, some with another member."""
    base, size = parent.oracle.base, len(parent.oracle.cells)
    child = Member(parent.random, base, size, parent.tree.track_gaps, parent.universe)
    child.oracle = parent.oracle.copy()
    way = parent.random.choice(
        ["fork", "copy", "dup", "dup_into", "slice", "pickle", "build", "or", "and", "sub"]
    )
    if way == "fork":
        child.tree = parent.tree.fork()
    elif way == "or":
        child.tree = parent.tree | other.tree
        child.oracle.unite(other.oracle)
    elif way in ("and", "sub"):
        act = operator.and_ if way == "and" else operator.sub
        child.tree = act(parent.tree, other.tree)
        child.oracle.clear_where(other.oracle, covered=way == "sub")
    elif way == "copy":
        child.tree = copy.copy(parent.tree)
    elif way == "dup":
        child.tree = parent.tree.dup()
    elif way == "dup_into":
        parent.tree.dup_into(child.tree)
    elif way == "slice":
        first, last = parent.window()
        child.tree = parent.tree[first : last + 1]
        child.oracle.clear(base, first - 1)
        child.oracle.clear(last + 1, base + size - 1)
    elif way == "pickle" and all(type(value) is not object for _, _, value in parent.expected):
        # An object() equals only itself, so a copy of one would not compare equal.
        child.tree = pickle.loads(pickle.dumps(parent.tree))
        assert child.tree == parent.tree
        child.adopt_values()
    else:
        child.tree = parent.new(parent.tree.entries(), track_gaps=parent.tree.track_gaps)
    return child


def step(family, random):
    member = random.choice(family)
    draw = random.randrange(100)
    if draw < 40:
        member.write()
    elif draw < 55:
        member.write_without_memory()
    elif draw < 62:
        member.store_by_cursor()
    elif draw < 68:
        member.sweep()
    elif draw < 74:
        member.step_by_cursor()
    elif draw < 80:
        member.look()
    elif draw < 83:
        member.loop_and_write()
    elif draw < 84:
        member.empty()
    elif draw < 85:
        member.combine(random.choice(family))
    elif draw < 87:
        other = random.choice(family)
        assert (member.tree == other.tree) == (member.expected == other.expected)
        assert [*map(tuple, member.tree.diff(other.tree))] == member.oracle.diff(other.oracle)
    elif draw < 94 and len(family) < MEMBERS:
        child = child_of(member, random.choice(family))
        child.remember()
        family.append(child)
    elif len(family) > 1:
        family.remove(member)
        return
    member.remember()


def drive(family, random, steps):
    for number in range(steps):
        try:
            step(family, random)
            for member in family:
                member.check()
        except Exception as error:
            error.add_note(f"step {number}")
            raise


@pytest.mark.parametrize("base", [0, 2**63 - SIZE // 2, MAX - SIZE + 1])
@pytest.mark.parametrize("track_gaps", [True, False], ids=["gaps", "plain"])
def test_every_member_is_as_if_alone(base, track_gaps):
    random = seeded(f"family of {base} {track_gaps}")
    collect()
    before = live_nodes()
    family = [Member(random, base, track_gaps=track_gaps)]
    drive(family, random, STEPS // 6 + 1)
    family.clear()
    collect()
    assert live_nodes() == before


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_every_member_of_each_kind(line):
    random = seeded(f"family of {line.name}")
    universe = Universe(line, random.choice([*line.places]), 70)
    print(universe)
    collect()
    before = live_nodes()
    family = [Member.over(universe, random, random.random() < 0.8)]
    drive(family, random, STEPS // 80 + 1)
    family.clear()
    collect()
    assert live_nodes() == before
