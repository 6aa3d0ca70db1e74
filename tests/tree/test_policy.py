# SPDX-License-Identifier: MIT
"""Policies: values that are cut with their ranges, and neighbours that merge.

The values here know their range and what they are made of, so each can be checked against its
entry. A plain array of cells says what should be where.
"""

import copy
import gc
import itertools
import pickle
import weakref
from array import array
from typing import NamedTuple

import pytest

import interpreter
from samara import MAX, Entry, MapleTree
from tree_oracle import seeded

CELLS = 120


class Piece(NamedTuple):
    first: int
    last: int
    kind: int  # pieces of a kind merge


class Pieces:
    """The policy. `asked` records its calls; `fail` makes the n-th call raise."""

    def __init__(self):
        self.asked = []
        self.fail = 0

    def question(self, *given):
        self.asked.append(given)
        if self.fail:
            self.fail -= 1
            if not self.fail:
                raise LookupError("no answer")

    def split(self, entry, first, last):
        self.question("split", entry, first, last)
        assert type(entry) is Entry
        assert entry[:2] == entry.value[:2]
        assert entry.first <= first <= last <= entry.last
        assert (first, last) != entry[:2]
        return Piece(first, last, entry.value.kind)

    def merge(self, left, right, stored):
        self.question("merge", left, right)
        assert stored is left or stored is right
        assert left[:2] == left.value[:2]
        assert right[:2] == right.value[:2]
        assert right.first <= left.last + 1
        if left.value.kind != right.value.kind:
            return NotImplemented
        return Piece(left.first, right.last, left.value.kind)

    def __eq__(self, other):
        return isinstance(other, Pieces)

    __hash__ = None


def expected(cells):
    """Return the entries of an array of kinds: neighbours of one kind are one entry."""
    entries = []
    for index, kind in enumerate(cells):
        if kind is None:
            continue
        if entries and entries[-1].last == index - 1 and entries[-1].kind == kind:
            entries[-1] = Piece(entries[-1].first, index, kind)
        else:
            entries.append(Piece(index, index, kind))
    return [Entry(piece.first, piece.last, piece) for piece in entries]


def stores(tree, first, last, kind):
    """Store in one of the possible ways."""
    return [
        lambda: tree.store_range(first, last, Piece(first, last, kind)),
        lambda: tree.__setitem__(slice(first, last + 1), Piece(first, last, kind)),
        lambda: tree.store_many([first], [last], [Piece(first, last, kind)]),
        lambda: cursor_store(tree, first, last, Piece(first, last, kind)),
        lambda: cursor_store(tree, first, last, Piece(first, last, kind), walk=True),
    ]


def cursor_store(tree, first, last, value, walk=False):
    cursor = tree.cursor(first)
    if walk:
        cursor.walk()
    if not walk or (cursor.index, cursor.last) != (first, last):
        cursor.set_range(first, last)
    cursor.store(value)


def store_over_another(tree, piece):
    """Store a value over an entry that the cursor is on, and that merges with nothing."""
    first, last, _ = piece
    tree.store_range(first, last, Piece(first, last, ("only", first)))
    cursor = tree.cursor(first)
    assert cursor.walk()[:2] == (first, last)
    cursor.store(piece)


def one_by_one(store):
    def make(pieces):
        tree = MapleTree(policy=Pieces())
        for piece in pieces:
            store(tree, piece)
        return tree

    return make


def at_once(tree, pieces):
    tree.store_many(*columns(pieces))
    return tree


def triples(pieces):
    return [(piece.first, piece.last, piece) for piece in pieces]


def columns(pieces):
    return [p.first for p in pieces], [p.last for p in pieces], list(pieces)


# Every way to put pieces that do not overlap into a tree, in the order in which they are given.
WAYS = {
    "MapleTree(triples)": lambda pieces: MapleTree(triples(pieces), policy=Pieces()),
    "MapleTree(iterator)": lambda pieces: MapleTree(iter(triples(pieces)), policy=Pieces()),
    "MapleTree(tree)": lambda pieces: MapleTree(MapleTree(triples(pieces)), policy=Pieces()),
    "MapleTree(triples without gaps)": lambda pieces: MapleTree(
        triples(pieces), policy=Pieces(), track_gaps=False
    ),
    "from_arrays": lambda pieces: MapleTree.from_arrays(*columns(sorted(pieces)), policy=Pieces()),
    "store_many": lambda pieces: at_once(MapleTree(policy=Pieces()), pieces),
    "store_range": one_by_one(lambda tree, p: tree.store_range(p.first, p.last, p)),
    "slice": one_by_one(lambda tree, p: tree.__setitem__(slice(p.first, p.last + 1), p)),
    "insert_range": one_by_one(lambda tree, p: tree.insert_range(p.first, p.last, p)),
    "alloc_range": one_by_one(
        lambda tree, p: tree.alloc_range(p.last - p.first + 1, p, first=p.first, last=p.last)
    ),
    "alloc_many": one_by_one(
        lambda tree, p: tree.alloc_many([p.last - p.first + 1], [p], first=p.first, last=p.last)
    ),
    "from_arrays, sort": lambda pieces: MapleTree.from_arrays(
        *columns(pieces), policy=Pieces(), sort=True
    ),
    "from_arrays, overlap": lambda pieces: MapleTree.from_arrays(
        *columns(pieces), policy=Pieces(), sort=True, overlap="last"
    ),
    "Cursor.store": one_by_one(lambda tree, p: cursor_store(tree, p.first, p.last, p)),
    "Cursor.store on an entry": one_by_one(store_over_another),
}
every_way = pytest.mark.parametrize("make", WAYS.values(), ids=WAYS)


def cells_of(pieces):
    cells = [None] * CELLS
    for first, last, kind in pieces:
        cells[first : last + 1] = [kind] * (last + 1 - first)
    return cells


@every_way
def test_equal_neighbours_merge_in_whatever_order_they_come(make):
    """Sorted triples were taken as they were, and a cursor on an entry did not ask."""
    pieces = [
        Piece(0, 9, 1),
        Piece(10, 19, 1),
        Piece(20, 29, 2),
        Piece(30, 39, 1),
        Piece(50, 59, 1),
    ]
    for order in itertools.permutations(pieces):
        tree = make(order)
        assert list(tree) == expected(cells_of(pieces))
        tree.check()
    assert [entry[:2] for entry in tree] == [(0, 19), (20, 29), (30, 39), (50, 59)]


@every_way
def test_random_pieces_merge_in_whatever_order_they_come(make):
    choose = seeded("orders")
    for _ in range(interpreter.steps(300)):
        pieces, first = [], choose.randrange(3)
        while first < CELLS and choose.random() < 0.97:
            last = min(CELLS - 1, first + choose.choice((0, 0, 1, 5)))
            pieces.append(Piece(first, last, choose.randrange(3)))
            first = last + choose.choice((1, 1, 1, 2))
        orders = [pieces, pieces[::-1], choose.sample(pieces, len(pieces))]
        # Sorted at first, then not: what was read before is built, the rest is stored.
        middle = choose.randrange(len(pieces) + 1)
        orders.append(pieces[middle:] + choose.sample(pieces[:middle], middle))
        for order in orders:
            tree = make(order)
            assert list(tree) == expected(cells_of(pieces))
            assert tree.covered == len(cells_of(pieces)) - cells_of(pieces).count(None)
            tree.check()


def test_the_ends_of_the_keys_do_not_meet():
    pieces = [Piece(0, 0, 1), Piece(MAX, MAX, 1)]
    for make in WAYS.values():
        assert [entry.value for entry in make(pieces)] == pieces


class Newest:
    """All neighbours merge, and the value that is stored wins. `sides` says where it was."""

    def __init__(self):
        self.sides = []

    def split(self, entry, first, last):
        return entry.value

    def merge(self, left, right, stored):
        assert (stored is left) != (stored is right)
        self.sides.append("left" if stored is left else "right")
        return stored.value


def test_merge_is_told_which_one_is_stored():
    policy = Newest()
    tree = MapleTree([(0, 9, "a"), (20, 29, "b")], policy=policy)
    tree[10:20] = "c"
    assert list(tree) == [(0, 29, "c")]
    assert policy.sides == ["right", "left"]
    tree[5:10] = "d"  # the same entry is on both sides
    assert list(tree) == [(0, 29, "d")]
    assert policy.sides == ["right", "left"] * 2


@pytest.mark.parametrize(
    "make",
    [
        lambda triples, policy: MapleTree(triples, policy=policy),
        lambda triples, policy: MapleTree.from_arrays(*zip(*triples, strict=True), policy=policy),
    ],
    ids=["MapleTree", "from_arrays"],
)
def test_of_sorted_ranges_the_right_one_is_stored(make):
    policy = Newest()
    tree = make([(0, 9, "a"), (10, 19, "b"), (20, 29, "c"), (40, 49, "d")], policy)
    assert list(tree) == [(0, 29, "c"), (40, 49, "d")]
    assert policy.sides == ["right", "right"]
    assert tree.policy is policy


def test_erasing_merges_nothing():
    policy = Pieces()
    tree = MapleTree(triples([Piece(0, 9, 1), Piece(10, 19, 2), Piece(20, 29, 1)]), policy=policy)
    policy.asked.clear()
    tree.erase(15)
    del tree[25:]
    assert tree.pop_range(0, 4) == [(0, 4, Piece(0, 4, 1))]
    assert [entry.value for entry in tree] == [Piece(5, 9, 1), Piece(20, 24, 1)]
    assert {question for question, *_ in policy.asked} == {"split"}


def test_copies_take_the_entries_as_they_are():
    """What was kept apart stays apart in copies of a tree."""
    policy = Pieces()
    tree = MapleTree([(0, 9, Piece(0, 9, 1)), (10, 19, Piece(10, 19, 2))], policy=policy)
    cursor = tree.cursor(12)
    cursor.walk()
    cursor.store(Piece(10, 19, 1), merge=False)
    policy.asked.clear()
    other = MapleTree(policy=policy)
    tree.dup_into(other)
    copies = tree.fork(), tree.dup(), tree[:], pickle.loads(pickle.dumps(tree)), other
    for relative in (*copies, MapleTree(tree, policy=policy)):
        assert [entry[:2] for entry in relative] == [(0, 9), (10, 19)]
    assert not policy.asked


@pytest.mark.parametrize("make", ["MapleTree", "from_arrays", "__init__", "unsorted"])
def test_what_the_policy_raises_while_a_tree_is_made_leaves_nothing_behind(make):
    pieces = [Piece(10 * n, 10 * n + 9, n // 3) for n in range(200)]
    policy = Pieces()
    old = MapleTree([(0, 9, Piece(0, 9, 7))], policy=policy)
    makers = {
        "MapleTree": lambda: MapleTree(triples(pieces), policy=policy),
        "from_arrays": lambda: MapleTree.from_arrays(*columns(pieces), policy=policy),
        "__init__": lambda: old.__init__(triples(pieces), policy=policy),
        "unsorted": lambda: MapleTree(triples(pieces[50:] + pieces[:50]), policy=policy),
    }
    interpreter.collect()
    live, counts = interpreter.pool_nodes(), interpreter.references(pieces)
    for question in (1, 2, 3, 100, 199):
        policy.fail = question
        with pytest.raises(LookupError, match="no answer"):
            makers[make]()
        policy.asked.clear()
        assert list(old) == [(0, 9, Piece(0, 9, 7))]
        interpreter.collect()
        assert interpreter.pool_nodes() == live
        assert interpreter.references(pieces) == counts
    policy.fail = 0
    made = makers[make]() or old
    assert len(made) == 67 and made.entry(5) == (0, 29, Piece(0, 29, 0))
    made.check()


@interpreter.counts_references
def test_references_balance_in_a_tree_that_is_made():
    pieces = [Piece(10 * n, 10 * n + 9, n // 3) for n in range(100)]
    counts = interpreter.references(pieces)
    for make in WAYS.values():
        make(pieces)
        assert interpreter.references(pieces) == counts
    tree = MapleTree.from_arrays(*zip(*triples(pieces), strict=True), policy=Newest())
    assert list(tree) == [(0, 999, pieces[-1])]
    assert interpreter.references(pieces) == [*counts[:-1], counts[-1] + 1]


class SameValue:
    def split(self, entry, first, last):
        return entry.value

    def merge(self, left, right, stored):
        return left.value if left.value == right.value else NotImplemented


def test_from_arrays_with_a_policy_makes_objects_of_numbers():
    policy = SameValue()
    values = array("d", [1.5, 1.5, 2.5])
    tree = MapleTree.from_arrays(array("Q", [0, 10, 20]), [9, 19, MAX], values, policy=policy)
    assert list(tree) == [(0, 19, 1.5), (20, MAX, 2.5)]
    assert tree.dtype is None and tree.policy is policy and tree.track_gaps
    tree[30:40] = "object"
    tree = MapleTree.from_arrays([], [], [], policy=policy, track_gaps=False)
    assert not tree and tree.policy is policy and not tree.track_gaps
    assert MapleTree.from_arrays([1], [2], [3], policy=None).policy is None


def test_what_from_arrays_refuses_with_a_policy():
    policy = Pieces()
    pieces = [Piece(0, 9, 1), Piece(10, 19, 1)]
    for dtype in ("u8", "i8", "f8"):
        with pytest.raises(ValueError, match=f"policy of a tree with dtype '{dtype}' must be"):
            MapleTree.from_arrays([0], [9], [1], dtype=dtype, policy=policy)
    with pytest.raises(ValueError, match=r"position 2: \[19, 20\] overlaps or is below \[10, 19\]"):
        MapleTree.from_arrays([0, 10, 19], [9, 19, 20], [*pieces, "x"], policy=policy)
    with pytest.raises(ValueError, match="position 2: first 21 is above last 20"):
        MapleTree.from_arrays([0, 10, 21], [9, 19, 20], [*pieces, "x"], policy=policy)
    with pytest.raises(AttributeError, match="split"):
        MapleTree.from_arrays([0], [9], [1], policy=object())
    assert not policy.asked  # everything is checked first


def test_a_policy_that_changes_what_the_tree_is_made_from():
    class Changing(SameValue):
        def merge(self, left, right, stored):
            firsts[:] = lasts[:] = array("Q", [MAX] * 3)
            values[:] = [None] * 3
            gc.collect()
            return super().merge(left, right, stored)

    firsts, lasts = array("Q", [0, 10, 20]), array("Q", [9, 19, 29])
    values = [(n,) for n in (1, 1, 2)]
    tree = MapleTree.from_arrays(firsts, lasts, values, policy=Changing())
    assert list(tree) == [(0, 19, (1,)), (20, 29, (2,))]
    tree.check()


def test_a_tree_that_is_made_within_its_policy():
    class Nested(SameValue):
        depth = 0

        def merge(self, left, right, stored):
            if self.depth < 3:
                self.depth += 1
                ends = [left.first, right.first], [left.last, right.last]
                inner = MapleTree.from_arrays(*ends, [left.value, right.value], policy=self)
                inner[MAX] = "more"
                assert inner == MapleTree(list(inner), policy=self)
                self.depth -= 1
            return super().merge(left, right, stored)

    tree = MapleTree([(n, n, n // 2) for n in range(6)], policy=Nested())
    assert list(tree) == [(0, 1, 0), (2, 3, 1), (4, 5, 2)]
    tree.check()


def test_none_for_an_answer_is_refused_while_a_tree_is_made():
    class Forgetful(SameValue):
        def merge(self, left, right, stored):
            left.value == right.value  # noqa: B015

    for make in (
        lambda *values: MapleTree([(0, 1, values[0]), (2, 3, values[1])], policy=Forgetful()),
        lambda *values: MapleTree.from_arrays([0, 2], [1, 3], values, policy=Forgetful()),
    ):
        with pytest.raises(TypeError, match=r"merge\(\) returned None: .* NotImplemented"):
            make(1, 1)
        assert list(make(None, 1)) == [(0, 3, None)]


@pytest.mark.parametrize("track_gaps", [True, False])
def test_random_writes_against_an_array(track_gaps):
    choose = seeded("policy")
    tree = MapleTree(policy=Pieces(), track_gaps=track_gaps)
    cells = [None] * CELLS
    relatives = []
    for _ in range(interpreter.steps(4000)):
        first = choose.randrange(CELLS)
        last = min(CELLS - 1, first + choose.randrange(12))
        if choose.random() < 0.3:
            tree.pop_range(first, last)
            cells[first : last + 1] = [None] * (last + 1 - first)
        else:
            kind = choose.randrange(3)
            choose.choice(stores(tree, first, last, kind))()
            cells[first : last + 1] = [kind] * (last + 1 - first)
        assert list(tree) == expected(cells)
        if choose.random() < 0.05:
            relatives = [*relatives[-3:], (tree, list(cells))]
            tree = choose.choice([tree.fork, tree.dup, lambda tree=tree: copy.copy(tree)])()
        if choose.random() < 0.05:
            low = choose.randrange(CELLS)
            part = [None] * low + cells[low : low + 30]
            assert list(tree[low : low + 30]) == expected(part)
        tree.check()
    for relative, then in relatives:
        assert list(relative) == expected(then)


def test_insert_and_allocation_merge_too():
    tree = MapleTree([(10, 19, Piece(10, 19, 1))], policy=Pieces())
    tree.insert_range(20, 29, Piece(20, 29, 1))
    assert list(tree) == [(10, 29, (10, 29, 1))]
    assert tree.alloc_range(10, Piece(0, 9, 1)) == 0
    assert list(tree) == [(0, 29, (0, 29, 1))]
    tree[MAX] = Piece(MAX, MAX, 1)
    tree[MAX - 1] = Piece(MAX - 1, MAX - 1, 1)
    assert tree.entry(MAX) == (MAX - 1, MAX, (MAX - 1, MAX, 1))


def test_a_store_into_its_own_kind_is_one_entry():
    tree = MapleTree([(0, 99, Piece(0, 99, 1))], policy=Pieces())
    tree[40:60] = Piece(40, 59, 1)
    assert list(tree) == [(0, 99, (0, 99, 1))]
    tree[40:60] = Piece(40, 59, 2)
    assert [entry.value.kind for entry in tree] == [1, 2, 1]


@pytest.mark.parametrize(
    "window", [(10, 19), (50, 250), (0, 99), (99, 200), (250, 260), (100, 199), (0, MAX)]
)
def test_what_leaves_a_tree_cut_is_cut_by_the_policy(window):
    first, last = window
    tree = MapleTree([(0, 99, Piece(0, 99, 1)), (200, 299, Piece(200, 299, 2))], policy=Pieces())
    cut = list(tree[first : last + 1])
    assert all(entry[:2] == entry.value[:2] for entry in cut)
    assert list(tree.entries(first, last, clip=True)) == cut
    assert list(tree.entries(first, last, clip=True, reverse=True)) == cut[::-1]
    assert tree.pop_range(first, last) == cut
    for entry in cut:
        tree.store_range(*entry)
    assert [entry.value for entry in tree] == [(0, 99, 1), (200, 299, 2)]


def test_what_the_policy_raises_cuts_nothing_out():
    policy = Pieces()
    tree = MapleTree([(0, 99, Piece(0, 99, 1))], policy=policy)
    for take in (tree.pop_range, lambda first, last: tree.entries(first, last, clip=True)):
        for policy.fail in (1, 2):
            with pytest.raises(LookupError, match="no answer"):
                take(10, 19)
            assert list(tree) == [(0, 99, (0, 99, 1))]


@pytest.mark.parametrize("question", ["split", "merge"])
def test_a_policy_that_moves_the_cursor_does_not_move_its_store(question):
    class Moving(Pieces):
        def question(self, name, *given):
            if cursor and name == question:
                cursor.set(900)
                cursor.walk()
                cursor.next()

    cursor = None
    triples = [(i * 10, i * 10 + 9, Piece(i * 10, i * 10 + 9, i % 3)) for i in range(200)]
    tree = MapleTree(triples, policy=Moving())
    there = tree.dup()
    cursor = tree.cursor(503, 505)
    cursor.store(Piece(503, 505, 5))
    tree.check()
    assert (cursor.index, cursor.last, cursor.value) == (503, 505, (503, 505, 5))
    there[503:506] = Piece(503, 505, 5)
    assert tree == there


@pytest.mark.parametrize("question", [1, 2, 3, 4])
def test_what_the_policy_raises_ends_the_write(question):
    policy = Pieces()
    triples = [(i * 10, i * 10 + 9, Piece(i * 10, i * 10 + 9, i % 3)) for i in range(50)]
    tree = MapleTree(triples, policy=policy)
    before = list(tree)
    interpreter.collect()
    live = interpreter.pool_nodes()
    policy.fail = question
    with pytest.raises(LookupError, match="no answer"):
        tree[104:296] = Piece(104, 295, 7)
    assert list(tree) == before
    tree.check()
    assert interpreter.pool_nodes() == live
    if question > 2:
        with pytest.raises(LookupError):
            policy.fail = question - 2
            tree.pop_range(104, 295)
        assert list(tree) == before


@pytest.mark.parametrize(
    "write",
    [
        lambda tree: tree.store_range(0, 5, Piece(0, 5, 0)),
        lambda tree: tree.clear(),
        lambda tree: tree.pop_range(0, MAX),
        lambda tree: tree.store_many([0], [5], [Piece(0, 5, 0)]),
        lambda tree: tree.__init__([], policy=tree.policy),
        lambda tree: cursor_store(tree, 0, 5, Piece(0, 5, 0)),
    ],
)
def test_a_policy_cannot_write_its_tree(write):
    class Writing(Pieces):
        def split(self, entry, first, last):
            with pytest.raises(RuntimeError, match="calls its policy"):
                write(tree)
            assert list(tree) == before
            return super().split(entry, first, last)

    tree = MapleTree([(10, 99, Piece(10, 99, 1))], policy=Writing())
    before = list(tree)
    tree[40:50] = Piece(40, 49, 2)
    assert [entry.value for entry in tree] == [(10, 39, 1), (40, 49, 2), (50, 99, 1)]


def test_a_policy_cannot_write_its_tree_amid_store_many():
    class Writing(Pieces):
        def split(self, entry, first, last):
            with pytest.raises(RuntimeError, match="calls its policy"):
                tree[500] = Piece(500, 500, 3)
            return super().split(entry, first, last)

    tree = MapleTree([(10, 99, Piece(10, 99, 1))], policy=Writing())
    tree.store_many([40, 120], [49, 129], [Piece(40, 49, 2), Piece(120, 129, 2)])
    assert [entry.value for entry in tree] == [
        (10, 39, 1), (40, 49, 2), (50, 99, 1), (120, 129, 2),
    ]  # fmt: skip
    tree[500] = Piece(500, 500, 3)
    assert len(tree) == 5


def test_a_policy_can_fork_its_tree():
    kept = []

    class Forking(Pieces):
        def merge(self, left, right, stored):
            if tree:
                kept.append((tree.fork(), list(tree), iter(tree)))
            return super().merge(left, right, stored)

    tree = None
    triples = [(i * 10, i * 10 + 9, Piece(i * 10, i * 10 + 9, i % 2)) for i in range(400)]
    tree = MapleTree(triples, policy=Forking())
    for index in range(5, 3900, 130):
        tree[index : index + 20] = Piece(index, index + 19, 5)
    assert len(kept) == 2 * len(range(5, 3900, 130))
    for fork, then, iterator in kept:
        assert list(fork) == then == list(iterator)
        fork.check()
    tree.check()


def test_relatives_and_pickles_keep_it():
    policy = Pieces()
    tree = MapleTree([(0, 9, Piece(0, 9, 1))], policy=policy)
    for relative in (tree.fork(), tree.dup(), tree[2:7], copy.copy(tree), tree[5:5]):
        assert relative.policy is policy
    other = MapleTree(policy=policy)
    tree.dup_into(other)
    assert other == tree
    other[4] = Piece(4, 4, 2)
    assert [entry.value for entry in other] == [(0, 3, 1), (4, 4, 2), (5, 9, 1)]
    assert MapleTree(tree, policy=policy) == tree
    assert MapleTree(tree).policy is None
    again = pickle.loads(pickle.dumps(tree))
    assert again == tree
    assert type(again.policy) is Pieces
    assert copy.deepcopy(tree).policy is not policy


def test_what_is_refused():
    policy = Pieces()
    tree = MapleTree(policy=policy)
    with pytest.raises(ValueError, match="cannot change the policy of a tree"):
        tree.__init__()
    with pytest.raises(ValueError, match="cannot change the policy of a tree"):
        tree.__init__(policy=Pieces())
    tree.__init__([(1, 2, Piece(1, 2, 1))], policy=policy)
    assert tree[1] == (1, 2, 1)
    with pytest.raises(ValueError, match="policy of a tree with dtype 'u8' must be"):
        MapleTree(dtype="u8", policy=policy)
    with pytest.raises(AttributeError):
        MapleTree(policy=object())
    policy.merge = 3
    with pytest.raises(TypeError, match="the policy's merge must be callable, not 3"):
        MapleTree(policy=policy)
    with pytest.raises(ValueError, match="other must have the attributes"):
        MapleTree(policy=Pieces()).dup_into(MapleTree())
    assert MapleTree().policy is None


def test_an_iterator_outlives_its_tree():
    tree = MapleTree([(0, 9, Piece(0, 9, 1)), (20, 29, Piece(20, 29, 1))], policy=Pieces())
    iterator = iter(tree)
    del tree
    gc.collect()
    assert [entry.value for entry in iterator] == [(0, 9, 1), (20, 29, 1)]


def test_a_cycle_through_the_policy_is_collected():
    policy = Pieces()
    policy.tree = tree = MapleTree([(0, 9, Piece(0, 9, 1))], policy=policy)
    gone = weakref.ref(policy)
    del policy, tree
    interpreter.collect()
    assert gone() is None


def test_a_cycle_through_a_policy_that_is_a_tuple_is_collected():
    class Tuple(NamedTuple):
        tree: MapleTree

        def split(self, entry, first, last):
            return entry.value

        merge = split

    class Watched(MapleTree):
        pass

    tree = Watched.__new__(Watched)
    tree.__init__(policy=Tuple(tree))
    gone = weakref.ref(tree)
    del tree
    interpreter.collect()
    assert gone() is None


def test_none_for_an_answer_is_refused_but_for_none():
    class Forgetful:
        def split(self, entry, first, last):
            entry.value + first

        def merge(self, left, right, stored):
            if left.value == right.value:
                return left.value

    tree = MapleTree([(0, 9, 1)], policy=Forgetful())
    with pytest.raises(TypeError, match=r"merge\(\) returned None: .* NotImplemented"):
        tree[10:20] = 2
    with pytest.raises(TypeError, match=r"split\(\) returned None for \[3, 9\]"):
        tree.pop_range(3, 5)
    assert list(tree) == [(0, 9, 1)]
    tree[10:20] = None
    assert list(tree) == [(0, 19, None)]
    assert tree.pop_range(0, 19) == [(0, 19, None)]


def test_a_policy_that_comes_while_the_triples_are_read():
    """The tree keeps that policy. Its contents must not be built with another that is gone."""
    policy = Pieces()
    tree = MapleTree()

    def triples(present):
        tree.__init__(policy=present)
        yield (0, 9, Piece(0, 9, 1))

    tree.__init__(triples(policy), policy=policy)
    tree[5] = Piece(5, 5, 2)
    assert tree.policy is policy and len(policy.asked) > 0
    assert list(tree.entries(6)) == [(6, 9, Piece(6, 9, 1))]
    other = MapleTree()
    tree = other
    with pytest.raises(ValueError, match="cannot change the policy of a tree"):
        other.__init__(triples(policy), policy=Pieces())
    assert other.policy is policy and not other


def test_no_memory_changes_nothing():
    triples = [(i * 10, i * 10 + 9, Piece(i * 10, i * 10 + 9, i % 3)) for i in range(200)]
    tree = MapleTree(triples, policy=Pieces())
    before = list(tree)
    for nth in range(1, 40):
        fork = tree.fork()
        if not interpreter.fails(nth, lambda fork=fork: fork.store_range(55, 65, Piece(55, 65, 9))):
            break
        assert list(fork) == before == list(tree)
        fork.check()
    else:
        pytest.fail("it never came to an end")
    assert nth > 1


@interpreter.counts_references
def test_references_balance():
    values = [Piece(i * 10, i * 10 + 9, i % 3) for i in range(50)]
    counts = interpreter.references(values)
    tree = MapleTree([(value.first, value.last, value) for value in values], policy=Pieces())
    for start in range(5, 400, 35):
        tree[start : start + 20] = Piece(start, start + 19, start % 4)
    tree.policy.fail = 1
    with pytest.raises(LookupError):
        tree[5:400] = Piece(5, 399, 1)
    tree.policy.asked.clear()
    del tree
    assert interpreter.references(values) == counts


@pytest.mark.parametrize("how", ["dup_into", "__init__", "__setstate__", "clear"])
def test_an_empty_tree_that_is_busy_stays_empty(how):
    """store_many() stores into a fork and calls the policy meanwhile. Once, writes to the tree in
    that time were lost."""
    refused = []

    class Filling(Pieces):
        def merge(self, left, right, stored):
            with pytest.raises(RuntimeError, match="calls its policy"):
                acts[how]()
            refused.append(how)
            return NotImplemented

    tree = MapleTree(policy=Filling())
    acts = {
        "dup_into": lambda: MapleTree([(1, 2, 3)], policy=tree.policy).dup_into(tree),
        "__init__": lambda: tree.__init__([(1, 2, 3)], policy=tree.policy),
        "__setstate__": lambda: tree.__setstate__(
            MapleTree([(1, 2, 3)], policy=tree.policy).__reduce_ex__(4)[2]
        ),
        "clear": lambda: tree.clear(),
    }
    tree.store_many([10, 20], [19, 29], [Piece(10, 19, 1), Piece(20, 29, 2)])
    assert refused and [entry[:2] for entry in tree] == [(10, 19), (20, 29)]
    tree.check()


@pytest.mark.parametrize("how", ["alone", "shared", "written since"])
@pytest.mark.parametrize("merge", [True, False])
def test_a_cursor_that_replaces_the_value_it_stands_on(how, merge):
    """It did not ask, so the result differed from that of store_range(). Now it must be told so.
    Once it asked if another tree shared the nodes."""
    tree = MapleTree([(0, 4, Piece(0, 4, 1)), (5, 9, Piece(5, 9, 2))], policy=Pieces())
    cursor = tree.cursor(0)
    cursor.walk()
    relative = tree.fork() if how == "shared" else None
    if how == "written since":
        tree[20:25] = Piece(20, 24, 3)
    tree.policy.asked.clear()
    cursor.store(Piece(0, 4, 2), merge=merge)
    assert len(tree.policy.asked) == merge
    assert (cursor.index, cursor.last, cursor.status) == (0, 4, "active")
    assert [entry[:2] for entry in tree.entries(0, 9)] == ([(0, 9)] if merge else [(0, 4), (5, 9)])
    tree.check()
    assert relative is None or list(relative) == [(0, 4, (0, 4, 1)), (5, 9, (5, 9, 2))]


def test_a_value_stored_apart_may_cut_entries():
    """It does not merge, whatever it is stored over. Later stores ask about it as about any."""
    tree = MapleTree([(0, 9, Piece(0, 9, 1)), (10, 19, Piece(10, 19, 1))], policy=Pieces())
    assert len(tree) == 1
    cursor = tree.cursor(8, 11)
    cursor.store(Piece(8, 11, 1), merge=False)
    assert [entry.value for entry in tree] == [(0, 7, 1), (8, 11, 1), (12, 19, 1)]
    tree.check()
    tree[20] = Piece(20, 20, 1)
    assert [entry[:2] for entry in tree] == [(0, 7), (8, 11), (12, 20)]
    plain = MapleTree([(0, 9, 1)])
    plain.cursor(5).store(1, merge=False)  # without a policy, nothing merges anyway
    assert [entry[:2] for entry in plain] == [(0, 4), (5, 5), (6, 9)]


def test_a_replaced_value_is_not_lost_where_memory_runs_out():
    tree = MapleTree([(n, n, Piece(n, n, n)) for n in range(300)], policy=Pieces())
    for merge in (True, False):
        relative = tree.fork()
        cursor = relative.cursor(100)
        cursor.walk()
        assert interpreter.fails(1, lambda: cursor.store(Piece(100, 100, 7), merge=merge))  # noqa: B023
        assert relative == tree
        relative.check()
