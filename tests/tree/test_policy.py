# SPDX-License-Identifier: MIT
"""Policies: values that are cut with their ranges, and neighbours that merge.

The values here know their range and what they are made of, so each can be checked against its
entry. A plain array of cells says what should be where.
"""

import copy
import gc
import pickle
import weakref
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

    def merge(self, left, right):
        self.question("merge", left, right)
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
    ]


def cursor_store(tree, first, last, value):
    cursor = tree.cursor()
    cursor.set_range(first, last)
    cursor.store(value)


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
    assert tree.alloc_range(Piece(0, 9, 1), 10) == 0
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
            if name == question:
                cursor.set(900)
                cursor.walk()
                cursor.next()

    triples = [(i * 10, i * 10 + 9, Piece(i * 10, i * 10 + 9, i % 3)) for i in range(200)]
    tree = MapleTree(triples, policy=Moving())
    there = tree.dup()
    cursor = tree.cursor(503, 505)
    cursor.store(Piece(503, 505, 5))
    tree.check()
    assert (cursor.index, cursor.last, cursor.value) == (503, 505, (503, 505, 5))
    there[503:506] = Piece(503, 505, 5)
    assert tree == there


def test_sorted_triples_are_taken_as_they_are():
    triples = [(i * 10, i * 10 + 9, Piece(i * 10, i * 10 + 9, 1)) for i in range(50)]
    policy = Pieces()
    assert len(MapleTree(triples, policy=policy)) == 50
    assert not policy.asked


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
        def merge(self, left, right):
            kept.append((tree.fork(), list(tree), iter(tree)))
            return super().merge(left, right)

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
    with pytest.raises(ValueError, match="a tree with dtype 'u8' cannot have a policy"):
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

        def merge(self, left, right):
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
        def merge(self, left, right):
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
def test_a_cursor_replaces_the_value_it_stands_on_and_asks_nothing(how):
    """Once it did this only if no other tree shared the nodes. Otherwise the two merged."""
    tree = MapleTree([(0, 4, Piece(0, 4, 1)), (5, 9, Piece(5, 9, 2))], policy=Pieces())
    cursor = tree.cursor(0)
    cursor.walk()
    relative = tree.fork() if how == "shared" else None
    if how == "written since":
        tree[20:25] = Piece(20, 24, 3)
    tree.policy.asked.clear()
    cursor.store(Piece(0, 4, 2))
    assert not tree.policy.asked
    assert [entry[:2] for entry in tree][:2] == [(0, 4), (5, 9)]
    tree.check()
    # A part of the entry, more than the entry, or no walk before: an ordinary store.
    cursor.set_range(0, 4)
    cursor.store(Piece(0, 4, 2))
    assert len(tree.policy.asked) == 1 and tree.entry(0) == (0, 9, Piece(0, 9, 2))
    assert relative is None or len(relative) == 2
