# SPDX-License-Identifier: MIT
"""update(), |, & and -, and their in-place forms: compared with arrays, and what they take."""

import operator
import pickle

import pytest

from interpreter import collect, counted_nodes, fails, live_nodes, references, scaled
from samara import MAX, Entry, Gap, MapleTree
from tree_oracle import Oracle, random_write, seeded

SIZE = 90
NAMES = ["or", "and", "sub"]
NEW = {"or": operator.or_, "and": operator.and_, "sub": operator.sub}
IN_PLACE = {"or": operator.ior, "and": operator.iand, "sub": operator.isub}
names = pytest.mark.parametrize("name", NAMES)


def expected(name, oracle, other):
    made = oracle.copy()
    if name == "or":
        made.unite(other)
    else:
        made.clear_where(other, covered=name == "sub")
    return made.entries()


def plain(entries):
    return [tuple(entry) for entry in entries]


def random_member(random, base):
    tree, oracle = MapleTree(track_gaps=random.random() < 0.5), Oracle(base, SIZE)
    change(random, tree, oracle, random.randrange(40))
    return tree, oracle


def change(random, tree, oracle, count):
    for _ in range(count):
        random_write(random, tree, oracle, [None, 1, "a"])


@names
@pytest.mark.parametrize("base", [0, 2**63 - SIZE // 2, MAX - SIZE + 1])
def test_against_arrays(name, base):
    random = seeded(f"sets {name} {base}")
    for _ in range(scaled(300)):
        tree, oracle = random_member(random, base)
        if random.random() < 0.5:
            other, of_other = tree.fork(), oracle.copy()
            change(random, other, of_other, random.randrange(4))
            change(random, tree, oracle, random.randrange(4))
        else:
            other, of_other = random_member(random, base)
        before, given = plain(tree), plain(other)
        result = expected(name, oracle, of_other)
        made = NEW[name](tree, other)
        assert plain(made) == result and made.track_gaps == tree.track_gaps
        assert plain(NEW[name](tree, iter(other))) == result
        assert plain(NEW[name](tree, given)) == result
        if name != "or":
            assert plain(NEW[name](tree, [Gap(*entry[:2]) for entry in other])) == result
        assert (plain(tree), plain(other)) == (before, given)
        for right in (other, iter(other)):
            copy = tree.fork()
            same = copy
            copy = IN_PLACE[name](copy, right)
            assert copy is same and plain(copy) == result
            copy.check()
        if name == "or":
            copy = tree.fork()
            assert copy.update(other) is None and copy == made
        for one in (made, tree, other):
            one.check()
            assert len(one) == len(plain(one))
            assert one.covered == sum(entry.size for entry in one)


@names
def test_a_tree_and_itself(name):
    t = MapleTree((10 * n, 10 * n + 4, n) for n in range(100))
    before = plain(t)
    result = [] if name == "sub" else before
    assert plain(NEW[name](t, t)) == result and plain(t) == before
    copy = t.fork()
    copy = IN_PLACE[name](copy, copy)
    assert plain(copy) == result
    copy.check()


def test_relatives_share_nodes():
    collect()
    t = MapleTree((10 * n, 10 * n + 4, n) for n in range(20_000))
    u = t.fork()
    u[70_000:70_005] = "new"
    del u[90_000:90_005]
    nodes = counted_nodes()
    made = [t | u, t & u, t - u]
    assert counted_nodes() - nodes <= 4 * 2 * t.height
    assert [len(one) for one in made] == [20_000, 19_999, 1]
    assert made[0][70_003] == "new" and made[0][90_003] == 9000
    assert made[1][70_003] == 7000 and 90_003 not in made[1]
    assert plain(made[2]) == [(90_000, 90_004, 9000)]
    for one in made:
        one.check()


def test_the_right_wins_and_keeps_its_ranges():
    t = MapleTree([(0, 99, "a")])
    assert plain(t | MapleTree([(10, 19, "b"), (20, 29, "b")])) == [
        (0, 9, "a"),
        (10, 19, "b"),
        (20, 29, "b"),
        (30, 99, "a"),
    ]
    assert plain(t | [(10, 29, "b"), (15, 19, "c")]) == [
        (0, 9, "a"),
        (10, 14, "b"),
        (15, 19, "c"),
        (20, 29, "b"),
        (30, 99, "a"),
    ]
    # A stored value that is equal, but not the same object or not with the same ends, is new.
    one, two = [1], [1]
    assert (MapleTree([(1, 2, one)]) | MapleTree([(1, 2, two)]))[1] is two
    assert plain(MapleTree([(1, 9, "a")]) | MapleTree([(1, 4, "a")])) == [(1, 4, "a"), (5, 9, "a")]


def test_packed_trees_convert_what_they_get():
    t = MapleTree([(0, 9, 1)], dtype="f8")
    made = t | MapleTree([(5, 14, 7)], dtype="u8")
    assert plain(made) == [(0, 4, 1.0), (5, 14, 7.0)] and made.dtype == "f8"
    assert type(made[14]) is float
    t |= MapleTree([(2, 3, True)])
    assert plain(t) == [(0, 1, 1.0), (2, 3, 1.0), (4, 9, 1.0)]
    for right in (MapleTree([(0, 0, 5), (2, 3, "x")]), [(0, 0, 5), (2, 3, "x")]):
        with pytest.raises(TypeError, match="item 1: value must be a number, not str"):
            t | right
        before = plain(t)
        with pytest.raises(TypeError, match="item 1: value must be a number, not str"):
            t |= right
        assert plain(t) == before
    # Only the ranges count, so the values may be anything.
    assert plain(t & MapleTree([(3, 4, "x")])) == plain(t & [(3, 4, "x")])
    assert plain(t - MapleTree([(1, 8, object())])) == [(0, 0, 1.0), (9, 9, 1.0)]
    assert plain(MapleTree([(0, 0, 0.0)], dtype="f8") | MapleTree([(0, 0, -0.0)], dtype="f8")) == [
        (0, 0, 0)
    ]


@names
def test_what_is_refused(name):
    t = MapleTree([(10, 19, "a")])
    for wrong in (None, 5, object()):
        with pytest.raises(TypeError, match="unsupported operand"):
            NEW[name](t, wrong)
        with pytest.raises(TypeError, match="unsupported operand"):
            IN_PLACE[name](t, wrong)
        with pytest.raises(TypeError, match="unsupported operand"):
            NEW[name](wrong, t)
    with pytest.raises(TypeError, match="unsupported operand"):
        NEW[name]([(1, 2, 3)], t)
    sizes = "(first, last, value)" if name == "or" else "(first, last) or (first, last, value)"
    count = 1 if name != "or" else 2
    message = f"item 1: expected {sizes}, got {count} items"
    bad = {
        message: [(1, 2, 3), (1, 2)[:count]],
        "item 0: first 5 is above last 1": [(5, 1, "x")],
        f"item 0: last {2**64} is outside 0 ... {MAX}": [(5, 2**64, "x")],
        "item 0: first must be an integer, not str": [("x", 5, "x")],
        "item 2: 'int' object is not iterable": [(1, 2, 3), (5, 6, 7), 5],
    }
    for text, items in bad.items():
        for act in (NEW[name], IN_PLACE[name]):
            with pytest.raises((TypeError, ValueError)) as caught:
                act(t, items)
            assert str(caught.value) == text
            assert plain(t) == [(10, 19, "a")]


def test_update_takes_one_iterable():
    t = MapleTree([(10, 19, "a")])
    with pytest.raises(TypeError, match="'int' object is not iterable"):
        t.update(5)
    for arguments in ((), ([], [])):
        with pytest.raises(TypeError):
            t.update(*arguments)
    t.update(other=[(1, 2, "b")])
    t.update({(5, 6, "c"): None})
    t.update(Entry(n, n, "d") for n in range(2))
    assert plain(t) == [(0, 0, "d"), (1, 1, "d"), (2, 2, "b"), (5, 6, "c"), (10, 19, "a")]


def failing(triples):
    yield from triples
    raise OSError("no more")


@names
def test_an_iterable_that_fails_changes_nothing(name):
    t = MapleTree([(10, 19, "a")])
    for act in (NEW[name], IN_PLACE[name]):
        with pytest.raises(OSError, match="no more"):
            act(t, failing([(12, 13, "b"), (1, 2, "c")]))
        assert plain(t) == [(10, 19, "a")]


class Named(MapleTree):
    """Instances have attributes, which results get too."""


class Changed(MapleTree):
    """A class that shows other entries than it has."""

    def __iter__(self):
        return iter([(0, 9, "shown")])


@names
def test_the_result_is_like_the_left_side(name):
    t = Named([(10, 19, "a")], track_gaps=False)
    t.note = ["n"]
    made = NEW[name](t, MapleTree([(10, 14, "b")]))
    assert type(made) is Named and made.note is t.note and not made.track_gaps
    assert type(NEW[name](MapleTree([(1, 2, 3)]), t)) is MapleTree
    again = pickle.loads(pickle.dumps(made))
    assert type(again) is Named and again == made and again.note == ["n"]
    same = t
    t = IN_PLACE[name](t, [(1, 2, "x")])
    assert t is same and t.note == ["n"]


@names
def test_a_class_with_an_iterator_of_its_own(name):
    t = MapleTree([(5, 19, "a")])
    right = Changed([(15, 99, "hidden")])
    assert plain(NEW[name](t, right)) == plain(NEW[name](t, [(0, 9, "shown")]))


class Offsets:
    """Values rise with the index. Records what it is asked."""

    def __init__(self):
        self.asked = []
        self.fail_at = 0

    def split(self, entry, first, last):
        self.asked.append((tuple(entry), first, last))
        if len(self.asked) == self.fail_at:
            raise OSError("no")
        return entry.value + first - entry.first

    def merge(self, left, right, stored):
        goes_on = left.value - left.first == right.value - right.first
        return left.value if goes_on else NotImplemented


@names
def test_a_policy_is_asked_about_what_is_cut(name):
    policy = Offsets()
    t = MapleTree([(10, 49, 100), (60, 99, 500)], policy=policy)
    before = plain(t)
    others = [(20, 24, 0), (25, 29, 700), (40, 69, 900)]
    results = {
        "or": [
            *((10, 19, 100), (20, 24, 0), (25, 29, 700), (30, 39, 120), (40, 69, 900)),
            (70, 99, 510),
        ],
        "and": [(20, 29, 110), (40, 49, 130), (60, 69, 500)],
        "sub": [(10, 19, 100), (30, 39, 120), (70, 99, 510)],
    }
    counts = {"or": 5, "and": 4, "sub": 4}
    for right in (others, MapleTree(others)):
        policy.asked.clear()
        made = NEW[name](t, right)
        assert plain(made) == results[name] and made.policy is policy
        assert len(policy.asked) == counts[name]
        for policy.fail_at in range(1, counts[name] + 1):
            for act in (NEW[name], IN_PLACE[name]):
                policy.asked.clear()
                with pytest.raises(OSError, match="no"):
                    act(t, right)
                assert plain(t) == before
        policy.fail_at = 0
        policy.asked.clear()
        copy = t.fork()
        copy = IN_PLACE[name](copy, right)
        assert plain(copy) == results[name]
        copy.check()


def test_a_policy_merges_what_is_stored():
    t = MapleTree([(10, 19, 100)], policy=Offsets())
    assert plain(t | [(20, 29, 110)]) == [(10, 29, 100)]
    assert plain(t | MapleTree([(20, 29, 110), (0, 4, 7)])) == [(0, 4, 7), (10, 29, 100)]


class Value:
    pass


VALUES = [Value() for _ in range(600)]


@names
@pytest.mark.parametrize("act", [NEW, IN_PLACE], ids=["new", "in place"])
@pytest.mark.parametrize("kind", ["tree", "items"])
def test_each_node_allocation_failing(name, act, kind):
    collect()  # nothing here makes cycles, so nothing else is collected while nodes are counted
    t = MapleTree((10 * n, 10 * n + 4, VALUES[n]) for n in range(600))
    other = MapleTree((10 * n + 3, 10 * n + 6, VALUES[-n]) for n in range(0, 600, 7))
    right = other if kind == "tree" else list(other)
    relative, before = t.fork(), plain(t)
    nodes, counts = counted_nodes(), references(VALUES)
    n = 1
    while fails(n, lambda: act[name](t, right)):
        assert counted_nodes() == nodes and references(VALUES) == counts
        assert plain(t) == before
        n += 7
    assert n > 1
    t.check()
    relative.check()
    assert plain(relative) == before


def test_nothing_is_left():
    collect()
    nodes = live_nodes()
    t = MapleTree((10 * n, 10 * n + 4, n) for n in range(300))
    u = t.fork()
    u[100:2000] = "x"
    made = [act(t, u) for act in NEW.values()] + [act(u, t) for act in NEW.values()]
    t |= u
    u -= made[0]
    del t, u, made
    collect()
    assert live_nodes() == nodes


class Ends:
    """A value whose finalizer calls something."""

    def __init__(self, function):
        self.function = function

    def __del__(self):
        self.function()


@names
def test_a_value_whose_end_writes_both_trees(name):
    trees = []

    def end():
        for tree in trees:
            tree[55] = "end"
            tree.check()

    t = MapleTree([(10, 19, Ends(end)), (30, 39, "a")])
    u = MapleTree([(10, 34, Ends(end))])
    trees += [t, u]
    t = IN_PLACE[name](t, u)
    u.clear()
    collect()
    t.check()
    u.check()
    t.clear()
    collect()
    assert plain(t) in ([], [(55, 55, "end")])
    trees.clear()


def test_items_that_change_the_tree_they_are_for():
    """Another dtype: the values are converted again."""

    class Number:
        def __float__(self):
            return 5.0

        def __index__(self):
            if t.dtype is None:
                return 5
            t.__init__([(1, 2, 3)], dtype="f8")
            return 5

    t = MapleTree([(1, 2, 3)], dtype="u8")
    t |= [(5, 6, Number())]
    assert plain(t) == [(1, 2, 3.0), (5, 6, 5.0)] and t.dtype == "f8"
    t = MapleTree([(1, 2, 3)], dtype="u8")
    made = t | [(5, 6, Number())]
    assert plain(made) == [(1, 2, 3.0), (5, 6, 5.0)] and made.dtype == "f8"
