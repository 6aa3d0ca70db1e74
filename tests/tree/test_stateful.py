# SPDX-License-Identifier: MIT
"""Forks, duplicates, slices, iterators and cursors side by side, in any order that hypothesis
chooses. Each is compared with a model: an array, the list to yield, a position in an array.

SAMARA_STEPS=N runs N examples of each machine.
"""

import copy
import operator
import pickle

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cursor_model import FlatCursor
from examples import profile, repeatable
from key_universes import universes
from placed import NO_SIZES, PlacedTree
from samara import COALESCE, MAX, Entry, Gap, MapleTree, NoSpaceError, RangeOccupiedError
from tree_oracle import Oracle

SIZE = 60
MEMBERS = 6
END = object()
HELD = 4  # iterators and cursors for each member

picks = st.integers(0, 2**16)
values = st.sampled_from([None, 0, 1, "v"])
places = st.integers(0, SIZE - 1)
widths = st.sampled_from([1, 1, 1, 2, 3, 7, SIZE // 2, SIZE])


class Joins:
    """A policy that merges equal neighbours."""

    def split(self, entry, first, last):
        return entry.value

    def merge(self, left, right, stored):
        return left.value if left.value == right.value else NotImplemented


class JoinedOracle(Oracle):
    """An array in which a store merges with neighbouring ranges of an equal value."""

    def copy(self):
        other = super().copy()
        other.__class__ = JoinedOracle
        return other

    def store(self, first, last, value):
        for beside in (first - 1, last + 1):
            cell = self.cell(beside)
            if cell and cell[1] == value:
                low, high, _ = self.range_at(beside)
                first, last = min(first, low), max(last, high)
        super().store(first, last, value)

    def replace(self, first, last, value):
        """Store a value apart from its neighbours, as a cursor does if it is told to."""
        super().store(first, last, value)


class Place(FlatCursor):
    """Where a cursor must be, computed on the array. A step finds (first, last, cell)."""

    def __init__(self, member, cursor, index):
        super().__init__(member.oracle, index)
        self.member = member
        self.cursor = cursor

    def compare(self):
        seen = self.cursor.status, self.cursor.index, self.cursor.last, self.cursor.value
        *place, cell = self.state()
        assert seen == (*place, cell[1] if cell else None)
        assert self.cursor.tree is self.member.tree

    def expect(self, name, *limit):
        """Return what a step of the cursor must return."""
        found = getattr(self, name)(*limit)
        if found is None:
            return None
        first, last, cell = found
        return Entry(first, last, cell[1]) if cell else Gap(first, last)


UP = ["next", "next_range", "find", "find_range"]
DOWN = ["prev", "prev_range", "find_rev", "find_range_rev"]


class Member:
    """A tree, its array, and its iterators and cursors."""

    def __init__(self, tree, oracle):
        self.tree = tree
        self.oracle = oracle
        self.iterators = []  # (iterator, what it must still yield)
        self.places = []


class Family(RuleBasedStateMachine):
    """Relatives: each behaves as if it were alone."""

    policy = None
    oracle = Oracle

    @initialize(
        base=st.sampled_from([0, 2**63 - SIZE // 2, MAX - SIZE + 1]),
        track_gaps=st.booleans(),
        universe=st.none() | st.sampled_from(universes(SIZE)),
    )
    def begin(self, base, track_gaps, universe):
        """Make a tree of ints, or one of another kind of keys, called with positions."""
        self.universe = universe
        self.base = universe.base if universe else base
        self.sized = universe is None or universe.unit is not None
        tree = self.new(policy=self.policy, track_gaps=track_gaps)
        oracle = self.oracle(self.base, SIZE, universe.origin if universe else 0)
        self.members = [Member(tree, oracle)]

    def new(self, *arguments, **options):
        if self.universe:
            return PlacedTree(self.universe, *arguments, **options)
        return MapleTree(*arguments, **options)

    def member(self, pick):
        return self.members[pick % len(self.members)]

    def window(self, place, width):
        return self.base + place, self.base + min(place + width, SIZE) - 1

    # ---- writes

    @rule(pick=picks, place=places, width=widths, value=values, way=st.integers(0, 4))
    def store(self, pick, place, width, value, way):
        member, (first, last) = self.member(pick), self.window(place, width)
        if way == 0:
            member.tree[first : last + 1] = value
        elif way == 1:
            member.tree.cursor(first, last).store(value)
        elif way == 2:
            member.tree.store_many([first], [last], [value])
        else:
            member.tree.store_range(first, last, value)
        member.oracle.store(first, last, value)

    @rule(pick=picks, place=places, width=widths, value=values)
    def insert(self, pick, place, width, value):
        member, (first, last) = self.member(pick), self.window(place, width)
        blocking = member.oracle.within(first, last)
        if blocking:
            with pytest.raises(RangeOccupiedError) as caught:
                member.tree.insert_range(first, last, value)
            assert caught.value.entry == blocking[0]
        else:
            member.tree.insert_range(first, last, value)
            member.oracle.store(first, last, value)

    @rule(pick=picks, place=places, width=widths, pop=st.booleans())
    def clear(self, pick, place, width, pop):
        member, (first, last) = self.member(pick), self.window(place, width)
        gone = member.oracle.pop(first, last)
        if pop:
            assert member.tree.pop_range(first, last) == gone
        else:
            del member.tree[first : last + 1]

    @rule(pick=picks, place=places)
    def erase(self, pick, place):
        member = self.member(pick)
        assert member.tree.erase(self.base + place) == member.oracle.erase(self.base + place)

    @rule(
        pick=picks,
        size=st.integers(1, 9),
        place=places,
        width=widths,
        align=st.sampled_from([1, 2, 8]),
        reverse=st.booleans(),
    )
    def alloc(self, pick, size, place, width, align, reverse):
        member, (first, last) = self.member(pick), self.window(place, width)
        start = member.oracle.empty_area(size, first, last, align, reverse)
        call = member.tree.alloc_range
        options = {"first": first, "last": last, "align": align, "reverse": reverse}
        if not self.sized:
            with pytest.raises(TypeError, match=NO_SIZES):
                call(size, "a", **options)
        elif not member.tree.track_gaps:
            with pytest.raises(ValueError, match="track_gaps"):
                call(size, "a", **options)
        elif start is None:
            with pytest.raises(NoSpaceError):
                call(size, "a", **options)
        else:
            assert call(size, "a", **options) == start
            member.oracle.store(start, start + size - 1, "a")

    @rule(
        pick=picks,
        sizes=st.lists(st.integers(1, 5), max_size=5),
        place=places,
        width=widths,
        reverse=st.booleans(),
    )
    def alloc_many(self, pick, sizes, place, width, reverse):
        member, (first, last) = self.member(pick), self.window(place, width)
        if not member.tree.track_gaps or not self.sized:
            return
        starts, oracle = [], member.oracle.copy()
        for size in sizes:
            starts.append(oracle.empty_area(size, first, last, 1, reverse))
            if starts[-1] is None:
                break
            oracle.store(starts[-1], starts[-1] + size - 1, "a")
        values, window = ["a"] * len(sizes), {"first": first, "last": last, "reverse": reverse}
        if None in starts:
            with pytest.raises(NoSpaceError):
                member.tree.alloc_many(sizes, values, **window)
            return
        assert member.tree.alloc_many(sizes, values, **window) == starts
        for start, size in zip(starts, sizes, strict=True):
            member.oracle.store(start, start + size - 1, "a")

    @rule(pick=picks, place=places, width=widths, value=values, gaps=st.booleans())
    def map_range(self, pick, place, width, value, gaps):
        member, (first, last) = self.member(pick), self.window(place, width)
        # With a policy, the range is erased and stored again.
        pieces = member.oracle.runs() if gaps else []
        pieces = [(a, b, c) for a, b, c in pieces if a <= last and b >= first and c is None]
        pieces = [(max(a, first), min(b, last)) for a, b, _ in pieces]
        pieces = sorted(pieces + [(a, b) for a, b, _ in member.oracle.clipped(first, last)])
        member.tree.map_range(first, last, lambda _: value, *(["gap"] if gaps else []))
        if pieces:
            member.oracle.clear(pieces[0][0], pieces[-1][1])
        for low, high in pieces:
            member.oracle.store(low, high, value)

    @rule(pick=picks)
    def empty(self, pick):
        member = self.member(pick)
        member.tree.clear()
        member.oracle.clear(self.base, self.base + SIZE - 1)

    # ---- relatives

    @precondition(lambda self: len(self.members) < MEMBERS)
    @rule(
        pick=picks,
        way=st.sampled_from(["fork", "fork", "copy", "dup", "dup_into", "slice", "pickle", "init"]),
        place=places,
        width=widths,
    )
    def branch(self, pick, way, place, width):
        parent = self.member(pick)
        oracle = parent.oracle.copy()
        options = {"track_gaps": parent.tree.track_gaps, "policy": parent.tree.policy}
        if way == "fork":
            tree = parent.tree.fork()
        elif way == "copy":
            tree = copy.copy(parent.tree)
        elif way == "dup":
            tree = parent.tree.dup()
        elif way == "dup_into":
            tree = self.new(**options)
            parent.tree.dup_into(tree)
        elif way == "pickle":
            tree = pickle.loads(pickle.dumps(parent.tree))
        elif way == "init":
            tree = self.new([(self.base, self.base, "old")], **options)
            refill = tree.fill if self.universe else tree.__init__
            refill(parent.tree, **options)
        else:
            first, last = self.window(place, width)
            tree = parent.tree[first : last + 1]
            for low, high in ((self.base, first - 1), (last + 1, self.base + SIZE - 1)):
                oracle.clear(low, high)
        self.members.append(Member(tree, oracle))

    @rule(pick=picks, other=picks, way=st.sampled_from(["or", "and", "sub"]), new=st.booleans())
    def combine(self, pick, other, way, new):
        """A set operation of two members: in place, or as a new member if there is room."""
        left, right = self.member(pick), self.member(other)
        oracle = left.oracle.copy()
        if way == "or":
            oracle.unite(right.oracle)
        else:
            oracle.clear_where(right.oracle, covered=way == "sub")
        if new and len(self.members) < MEMBERS:
            act = {"or": operator.or_, "and": operator.and_, "sub": operator.sub}[way]
            self.members.append(Member(act(left.tree, right.tree), oracle))
            return
        act = {"or": operator.ior, "and": operator.iand, "sub": operator.isub}[way]
        assert act(left.tree, right.tree) is left.tree
        left.oracle.cells, left.oracle.stores = oracle.cells, oracle.stores
        left.oracle.changes += 1

    @rule(pick=picks, other=picks)
    def compare(self, pick, other):
        left, right = self.member(pick), self.member(other)
        assert (left.tree == right.tree) is (left.oracle.entries() == right.oracle.entries())
        held = left.tree.diff(right.tree), left.oracle.diff(right.oracle)
        left.iterators = [*left.iterators[1 - HELD :], held]

    @precondition(lambda self: len(self.members) > 1)
    @rule(pick=picks)
    def drop(self, pick):
        """Drop a member. Its iterators and cursors may live a while longer."""
        del self.members[pick % len(self.members)]

    # ---- iterators, which are snapshots

    @rule(
        pick=picks,
        kind=st.sampled_from(
            ["iter", "reversed", "entries", "clipped", "ranges", "values", "items", "gaps"]
        ),
        place=places,
        width=widths,
        reverse=st.booleans(),
    )
    def look(self, pick, kind, place, width, reverse):
        member, (first, last) = self.member(pick), self.window(place, width)
        tree, oracle = member.tree, member.oracle
        way = -1 if reverse else 1
        if kind == "iter":
            held = iter(tree), oracle.entries()
        elif kind == "reversed":
            held = reversed(tree), oracle.entries()[::-1]
        elif kind == "entries":
            held = tree.entries(first, last, reverse=reverse), oracle.within(first, last)[::way]
        elif kind == "clipped":
            iterator = tree.entries(first, last, reverse=reverse, clip=True)
            held = iterator, oracle.clipped(first, last)[::way]
        elif kind == "ranges":
            iterator = tree.ranges(first, last, reverse=reverse, clip=True)
            held = iterator, [entry[:2] for entry in oracle.clipped(first, last)[::way]]
        elif kind == "values":
            iterator = tree.values(first, last, reverse=reverse)
            held = iterator, [entry[2] for entry in oracle.within(first, last)[::way]]
        elif kind == "items":
            iterator = tree.items(first, last, reverse=reverse)
            held = iterator, [(entry[:2], entry[2]) for entry in oracle.within(first, last)[::way]]
        else:
            held = tree.gaps(first, last), oracle.gaps(first, last)
        member.iterators = [*member.iterators[1 - HELD :], held]

    @rule(pick=picks, place=places, width=widths)
    def ask_about(self, pick, place, width):
        member, (first, last) = self.member(pick), self.window(place, width)
        assert member.tree.covers(first, last) == member.oracle.covers(first, last)
        assert member.tree.overlaps(first, last) != member.oracle.is_free(first, last)

    @rule(pick=picks, which=picks, count=st.integers(1, 9))
    def go_on(self, pick, which, count):
        """Advance an iterator: it yields what was there when it was made, despite later writes."""
        iterators = self.member(pick).iterators
        if not iterators:
            return
        iterator, expected = iterators[which % len(iterators)]
        for _ in range(count):
            assert next(iterator, END) == (expected.pop(0) if expected else END)

    # ---- cursors, which see what is written

    @rule(pick=picks, place=places)
    def put_cursor(self, pick, place):
        member, index = self.member(pick), self.base + place
        made = Place(member, member.tree.cursor(index), index)
        member.places = [*member.places[1 - HELD :], made]

    def place(self, pick, which):
        places = self.member(pick).places
        return places[which % len(places)] if places else None

    @rule(
        pick=picks,
        which=picks,
        names=st.lists(st.sampled_from(UP + DOWN), min_size=1, max_size=4),
        limit=st.none() | places,
    )
    def step(self, pick, which, names, limit):
        place = self.place(pick, which)
        for name in names if place else ():
            given = [] if limit is None else [self.base + limit]
            assert getattr(place.cursor, name)(*given) == place.expect(name, *given)

    @rule(pick=picks, which=picks, act=st.sampled_from(["walk", "pause", "reset", "set", "value"]))
    def move(self, pick, which, act):
        place = self.place(pick, which)
        if place is None:
            return
        given = [self.base] if act == "set" else []
        if act == "walk":
            assert place.cursor.walk() == place.expect("walk")
        elif act != "value":
            getattr(place.cursor, act)(*given)
            getattr(place, act)(*given)

    @rule(pick=picks, which=picks, value=values, merge=st.booleans())
    def store_there(self, pick, which, value, merge):
        """Store over the cursor's range, whatever is there now."""
        place = self.place(pick, which)
        inside = range(self.base, self.base + SIZE)
        if place and place.index in inside and place.last in inside:
            here, oracle = (place.index, place.last), place.member.oracle
            place.cursor.store(value, merge=merge)
            if self.policy and not merge:
                oracle.replace(*here, value)
            else:
                oracle.store(*here, value)  # with a policy, the entry may be longer than `here`
            place.status, place.seen = "active", oracle.changes

    @rule(pick=picks, which=picks)
    def insert_there(self, pick, which):
        """Insert where the range is not free. (Where it is, `store_there` does the same.)"""
        place = self.place(pick, which)
        taken = place and place.member.oracle.within(place.index, place.last)
        if taken:
            with pytest.raises(RangeOccupiedError) as caught:
                place.cursor.insert("v")
            assert caught.value.entry == taken[0]
            place.status = "error"

    @rule(pick=picks, which=picks)
    def clear_there(self, pick, which):
        place = self.place(pick, which)
        inside = range(self.base, self.base + SIZE)
        if place and place.index in inside and place.last in inside:
            place.cursor.clear()
            place.clear()

    @rule(pick=picks, which=picks)
    def erase_there(self, pick, which):
        place = self.place(pick, which)
        if place:
            assert place.cursor.erase() == place.expect("erase")

    # ---- invariants

    @invariant()
    def all_are_whole(self):
        for member in self.members:
            member.tree.check()
            assert list(member.tree) == member.oracle.entries()
            assert member.tree.covered == member.oracle.covered()
            for place in member.places:
                place.compare()

    def teardown(self):
        for member in getattr(self, "members", ()):
            for iterator, expected in member.iterators:
                assert list(iterator) == expected


class JoiningFamily(Family):
    """The same with a policy that merges equal neighbours."""

    policy = Joins()
    oracle = JoinedOracle


class CoalescingFamily(JoiningFamily):
    """The same with the policy that does it without Python."""

    policy = COALESCE


repeatable(Family)
repeatable(JoiningFamily)
repeatable(CoalescingFamily)
TestFamily = Family.TestCase
TestFamily.settings = profile(60, 30, stateful_step_count=50)
TestJoiningFamily = JoiningFamily.TestCase
TestJoiningFamily.settings = profile(40, 30, stateful_step_count=50)
TestCoalescingFamily = CoalescingFamily.TestCase
TestCoalescingFamily.settings = profile(40, 30, stateful_step_count=50)
