# SPDX-License-Identifier: MIT
"""Cursors: steps checked against a plain array, writes through them, and writes by others."""

import copy
import pickle
import weakref

import pytest

from interpreter import collect, settle
from samara import MAX, Cursor, Entry, Gap, MapleTree, NoSpaceError
from tree_oracle import Oracle, seeded


def tree():
    return MapleTree([(10, 19, "a"), (30, 39, "b"), (40, 49, "c")])


def place(cursor):
    return cursor.index, cursor.last, cursor.value, cursor.status


def test_where_a_cursor_begins():
    t = tree()
    assert place(t.cursor()) == (0, 0, None, "start")
    assert place(t.cursor(15)) == (15, 15, None, "start")
    assert place(t.cursor(15, 35)) == (15, 35, None, "start")
    assert place(t.cursor(first=MAX, last=MAX)) == (MAX, MAX, None, "start")
    assert place(Cursor(t, 5, 6)) == (5, 6, None, "start")
    assert place(Cursor(tree=t, first=7)) == (7, 7, None, "start")
    assert t.cursor().tree is t
    assert repr(t.cursor(5, 6)) == "<samara.Cursor [5, 6] start>"
    with pytest.raises(TypeError):
        Cursor([])
    with pytest.raises(TypeError):
        Cursor()


def test_walking():
    cursor = tree().cursor(15)
    assert cursor.walk() == Entry(10, 19, "a")
    assert place(cursor) == (10, 19, "a", "active")
    cursor.set(25)
    assert place(cursor) == (25, 25, None, "start")
    assert cursor.walk() is None
    assert place(cursor) == (20, 29, None, "gap")
    cursor.set(MAX)
    assert cursor.walk() is None
    assert place(cursor) == (50, MAX, None, "gap")
    empty = MapleTree().cursor(7)
    assert empty.walk() is None
    assert (empty.index, empty.last) == (0, MAX)


def test_steps_up():
    cursor = tree().cursor(0)
    assert [cursor.next() for _ in range(4)] == [
        (10, 19, "a"),
        (30, 39, "b"),
        (40, 49, "c"),
        None,
    ]
    assert cursor.status in ("overflow", "none")
    assert (cursor.index, cursor.last, cursor.value) == (40, 49, None)
    cursor.set(0)
    steps = [cursor.find_range() for _ in range(7)]
    assert steps == [(0, 9), (10, 19, "a"), (20, 29), (30, 39, "b"), (40, 49, "c"), (50, MAX), None]
    assert [type(step) for step in steps[:3]] == [Gap, Entry, Gap]
    cursor.set(12)
    assert cursor.next_range() == Gap(20, 29)
    assert cursor.next_range(29) is None
    assert cursor.next_range(30) == (30, 39, "b")


def test_steps_down():
    cursor = tree().cursor(MAX)
    assert [cursor.prev() for _ in range(4)] == [
        (40, 49, "c"),
        (30, 39, "b"),
        (10, 19, "a"),
        None,
    ]
    assert cursor.status in ("underflow", "none")
    assert (cursor.index, cursor.last, cursor.value) == (10, 19, None)
    cursor.set(MAX)
    steps = [cursor.find_range_rev() for _ in range(7)]
    assert steps == [(50, MAX), (40, 49, "c"), (30, 39, "b"), (20, 29), (10, 19, "a"), (0, 9), None]
    cursor.set(35)
    assert cursor.find_rev_range() == (30, 39, "b")
    assert cursor.prev_range() == Gap(20, 29)
    assert cursor.prev_range(20) is None
    assert cursor.prev_range(19) == (10, 19, "a")


def test_find_begins_at_the_index():
    cursor = tree().cursor(15)
    assert cursor.find() == (10, 19, "a")
    assert cursor.find() == (30, 39, "b")
    cursor.set(20)
    assert cursor.find(29) is None
    assert cursor.find(30) == (30, 39, "b")
    cursor.set(29)
    assert cursor.find_rev(20) is None
    assert cursor.find_rev(19) == (10, 19, "a")
    assert cursor.find_rev() is None


def test_a_limit_on_the_wrong_side_of_the_index_finds_nothing():
    t = tree()
    cursor = t.cursor(15)
    assert cursor.find(12) is None
    cursor.set(15)
    assert cursor.find_range(12) is None
    cursor.set(15)
    assert cursor.find_rev(17) is None
    cursor.set(15)
    assert cursor.find_range_rev(17) is None


def test_limits_outside():
    cursor = tree().cursor(0)
    assert cursor.find(-1) is None and cursor.status == "overflow"
    cursor.set(0)
    assert cursor.find(2**64) == (10, 19, "a")
    assert cursor.next(10**30) == (30, 39, "b")
    assert cursor.prev(2**64) is None and cursor.status == "underflow"
    cursor.set(30)
    assert cursor.prev(-5) == (10, 19, "a")
    cursor.set(30)
    assert cursor.find_rev(-5) == (30, 39, "b")
    for call in (cursor.next, cursor.prev, cursor.find, cursor.find_rev, cursor.next_range):
        with pytest.raises(TypeError, match="must be an integer, not str"):
            call("x")
        with pytest.raises(TypeError):
            call(1, 2)
    with pytest.raises(TypeError, match=r"next\(\) got an unexpected keyword argument 'min'"):
        cursor.next(min=5)


def test_a_limit_outside_does_not_bring_an_old_place_back():
    t = tree()
    cursor = t.cursor(10)
    cursor.walk()
    cursor.set(30)
    assert cursor.next(-1) is None
    assert cursor.erase() == (30, 39, "b")
    assert 15 in t and 35 not in t
    cursor = t.cursor(10)
    cursor.walk()
    cursor.set(50)
    assert cursor.prev(2**64) is None
    assert cursor.prev() == (40, 49, "c")


def test_a_loop_over_a_cursor():
    t = tree()
    cursor = t.cursor(15)
    assert iter(cursor) is cursor
    assert [tuple(entry) for entry in cursor] == [(10, 19, "a"), (30, 39, "b"), (40, 49, "c")]
    cursor.set(0)
    assert next(cursor) == (10, 19, "a")
    assert cursor.next() == (30, 39, "b")
    assert [entry.value for entry in cursor] == ["c"]
    # A loop that erases what it has passed.
    cursor.set(0)
    for _ in cursor:
        cursor.erase()
    assert not t


def test_turning_round():
    cursor = tree().cursor(0)
    assert cursor.next() == (10, 19, "a")
    assert cursor.next() == (30, 39, "b")
    assert cursor.prev() == (10, 19, "a")
    assert cursor.next() == (30, 39, "b")
    assert cursor.next_range() == (40, 49, "c")
    assert cursor.prev_range() == (30, 39, "b")
    assert cursor.prev_range() == Gap(20, 29)


def test_storing():
    t = tree()
    cursor = t.cursor(15, 34)
    assert cursor.store("x") is None
    assert place(cursor) == (15, 34, "x", "active")
    assert [tuple(e) for e in t] == [
        (10, 14, "a"),
        (15, 34, "x"),
        (35, 39, "b"),
        (40, 49, "c"),
    ]
    assert cursor.next() == (35, 39, "b")
    cursor.store("y")
    assert t[37] == "y"
    cursor.set_range(0, MAX)
    cursor.store(None)
    assert place(cursor) == (0, MAX, None, "active")
    assert t.covered == 2**64
    t.check()


def test_a_run_of_stores():
    t = MapleTree()
    cursor = t.cursor()
    for index in range(2000):
        cursor.set_range(3 * index, 3 * index + 1)
        cursor.store(index)
    assert t == MapleTree((3 * index, 3 * index + 1, index) for index in range(2000))
    t.check()


def test_erasing():
    t = tree()
    cursor = t.cursor(15)
    assert cursor.erase() == Entry(10, 19, "a")
    assert (cursor.index, cursor.last) == (10, 19)
    assert cursor.value is None
    assert cursor.find() == (30, 39, "b")
    cursor.set(25)
    assert cursor.erase() is None
    assert t == MapleTree([(30, 39, "b"), (40, 49, "c")])
    t.check()


def test_free_room():
    t = tree()
    cursor = t.cursor(3)
    assert cursor.empty_area(10) == 0
    assert (cursor.index, cursor.last) == (0, 9)
    assert cursor.empty_area(5, 12, 28) == 20
    assert (cursor.index, cursor.last) == (20, 24)
    assert cursor.empty_area_rev(5, 12, 28) == 24
    assert (cursor.index, cursor.last) == (24, 28)
    cursor.store("x")
    assert t.entry(26) == (24, 28, "x")
    with pytest.raises(NoSpaceError, match=r"no 11 free indices in \[0, 49\]"):
        cursor.empty_area(11, max=49)
    assert (cursor.index, cursor.last) == (24, 28)
    with pytest.raises(ValueError, match="size must be 1 or more, not 0"):
        cursor.empty_area(0)
    with pytest.raises(NoSpaceError):
        cursor.empty_area(2**64)
    empty = MapleTree().cursor(5)
    assert empty.empty_area(2**64) == 0
    assert (empty.index, empty.last) == (0, MAX)
    with pytest.raises(ValueError, match="track_gaps"):
        MapleTree(track_gaps=False).cursor().empty_area(1)


def test_pause_and_reset():
    t = tree()
    cursor = t.cursor(0)
    cursor.find()
    cursor.pause()
    assert cursor.status == "pause" and cursor.value is None
    t[12:15] = "x"
    assert cursor.find() == (30, 39, "b")
    cursor.reset()
    assert place(cursor) == (30, 39, None, "start")
    assert cursor.find() == (30, 39, "b")
    cursor.set(35)
    cursor.find_rev()
    cursor.pause()
    assert cursor.find_rev() == (15, 19, "a")


def test_after_another_writer():
    t = tree()
    cursor = t.cursor(15)
    cursor.walk()
    t.store_range(0, MAX, "x")
    assert cursor.value == "x" and cursor.status == "active"
    assert cursor.next() is None
    t.clear()
    cursor.set(5)
    cursor.walk()
    t[3:8] = "new"
    assert cursor.index == 0 and cursor.value is None
    cursor.set(5)
    assert cursor.walk() == (3, 7, "new")
    t.clear()
    assert cursor.value is None and cursor.status == "gap"
    for step in (cursor.next, cursor.prev, cursor.find, cursor.find_rev):
        assert step() is None


def test_a_step_does_not_believe_an_end_of_before():
    t = MapleTree()
    cursor = t.cursor(0)
    assert cursor.walk() is None
    assert cursor.last == MAX
    t[10:20] = "a"
    assert cursor.next() == Entry(10, 19, "a")
    t[15:18] = "b"
    assert cursor.next(17) == Entry(15, 17, "b")


def test_a_cursor_never_gives_out_a_value_that_is_gone():
    class Value:
        pass

    t = MapleTree()
    t[5] = Value()
    reference = weakref.ref(t[5])
    cursor = t.cursor(5)
    cursor.walk()
    t[5] = "other"
    assert cursor.value == "other"
    settle()
    assert reference() is None
    t.clear()
    assert cursor.value is None


def test_a_cursor_keeps_its_tree():
    t = tree()
    reference = weakref.ref(t)
    cursor = t.cursor(15)
    del t
    assert cursor.walk() == (10, 19, "a")
    assert reference() is cursor.tree
    del cursor
    settle()
    assert reference() is None


def test_a_cursor_in_a_cycle_is_collected():
    t = tree()
    reference = weakref.ref(t)
    t[100] = t.cursor(15)
    t[100].walk()
    del t
    collect()
    assert reference() is None


def test_what_a_cursor_is_not():
    cursor = tree().cursor()
    with pytest.raises(TypeError):
        pickle.dumps(cursor)
    with pytest.raises(TypeError):
        copy.copy(cursor)
    for name in ("index", "last", "value", "status", "tree"):
        with pytest.raises(AttributeError):
            setattr(cursor, name, 1)
    with pytest.raises(TypeError):

        class Sub(Cursor):
            pass

    assert Cursor[int].__origin__ is Cursor


# ---- against the oracle


class Model:
    """The documented steps over the oracle's ranges, from the cursor's position."""

    def __init__(self, oracle):
        self.oracle = oracle

    def runs(self, gaps):
        return [
            (a, b) if cell is None else (a, b, cell[1])
            for a, b, cell in self.oracle.runs()
            if gaps or cell
        ]

    def up(self, above, limit, gaps):
        """Return the first range that begins above `above`, and at or below the limit."""
        return next((r for r in self.runs(gaps) if above < r[0] <= limit), None)

    def down(self, below, limit, gaps):
        return next((r for r in self.runs(gaps)[::-1] if limit <= r[1] < below), None)

    def at_or_up(self, index, limit, gaps):
        return next((r for r in self.runs(gaps) if r[1] >= index and r[0] <= limit), None)

    def at_or_down(self, index, limit, gaps):
        return next((r for r in self.runs(gaps)[::-1] if r[0] <= index and r[1] >= limit), None)


def random_tree(random, base, size):
    tree, oracle = MapleTree(), Oracle(base, size)
    for _ in range(size // 2):
        first = random.randrange(size)
        last = min(size - 1, first + random.choice([0, 0, 1, 4]))
        value = object()
        tree.store_range(base + first, base + last, value)
        oracle.store(base + first, base + last, value)
    return tree, oracle


@pytest.mark.parametrize("base", [0, 2**50, MAX - 299], ids=["bottom", "middle", "top"])
def test_runs_of_steps_against_the_oracle(base):
    random = seeded(f"cursor {base}")
    tree, oracle = random_tree(random, base, 300)
    model = Model(oracle)
    for _ in range(150):
        index = base + random.randrange(300)
        gaps = random.random() < 0.5
        cursor = tree.cursor(index)
        way = random.choice(["next", "prev", "find", "find_rev"])
        names = {
            "next": "next_range",
            "prev": "prev_range",
            "find": "find_range",
            "find_rev": "find_range_rev",
        }
        step = getattr(cursor, names[way] if gaps else way)
        limit = base + random.randrange(300)
        if way == "find":
            limit = max(limit, index)
        elif way == "find_rev":
            limit = min(limit, index)
        for number in range(random.randrange(1, 25)):
            if number == 0:
                here = oracle.range_at(index)
                low, high = here[0], here[1]
            else:
                low, high = cursor.index, cursor.last
            if way == "next":
                expected = model.up(high, limit, gaps)
            elif way == "prev":
                expected = model.down(low, limit, gaps)
            elif way == "find":
                expected = (
                    model.at_or_up(index, limit, gaps)
                    if number == 0
                    else model.up(high, limit, gaps)
                )
            else:
                expected = (
                    model.at_or_down(index, limit, gaps)
                    if number == 0
                    else model.down(low, limit, gaps)
                )
            assert step(limit) == expected, (way, gaps, number, index, limit)
            if expected is None:
                break
            assert (cursor.index, cursor.last) == expected[:2]


def test_writes_between_steps_against_the_oracle():
    random = seeded("cursor writes")
    tree, oracle = random_tree(random, 0, 400)
    for _ in range(200):
        first = random.randrange(400)
        last = min(399, first + random.choice([0, 1, 5, 30]))
        cursor = tree.cursor(first, last)
        way = random.choice(["store", "erase", "store and erase", "other writer"])
        value = object()
        if way.startswith("store"):
            cursor.store(value)
            oracle.store(first, last, value)
            assert place(cursor) == (first, last, value, "active")
        if way.endswith("erase"):
            assert cursor.erase() == oracle.erase(first)
        if way == "other writer":
            cursor.walk()
            tree.store_range(0, 399, value)
            oracle.store(0, 399, value)
            tree.pop_range(first, last)
            oracle.clear(first, last)
            for index in range(0, 400, 3):
                tree[index] = index
                oracle.store(index, index, index)
        tree.check()
        assert [tuple(entry) for entry in tree] == oracle.entries()
        cursor.set(first)
        assert cursor.walk() == oracle.entry(first)
        assert cursor.next() == oracle.next(first)
