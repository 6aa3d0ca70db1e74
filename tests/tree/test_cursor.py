# SPDX-License-Identifier: MIT
"""Cursors: how they begin, each step and write by example, writes by others, and lifetimes.

`test_cursor_model.py` checks random steps; `test_cursor_traces.py` checks Linux's recordings."""

import copy
import pickle
import weakref

import pytest

from interpreter import collect, settle
from samara import MAX, Cursor, Entry, Gap, MapleTree, NoSpaceError, RangeOccupiedError
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
    assert place(cursor) == (20, 29, None, "active")
    cursor.set(MAX)
    assert cursor.walk() is None
    assert place(cursor) == (50, MAX, None, "active")
    empty = MapleTree().cursor(7)
    assert empty.walk() is None
    assert place(empty) == (0, MAX, None, "none")


def test_steps_up():
    cursor = tree().cursor(0)
    assert [cursor.next() for _ in range(4)] == [
        (10, 19, "a"),
        (30, 39, "b"),
        (40, 49, "c"),
        None,
    ]
    assert place(cursor) == (50, MAX, None, "overflow")
    cursor.set(0)
    steps = [cursor.find_range() for _ in range(6)]
    assert steps == [(10, 19, "a"), (20, 29), (30, 39, "b"), (40, 49, "c"), (50, MAX), None]
    assert [type(step) for step in steps[:2]] == [Entry, Gap]
    # Met by the place itself: nothing moves, and nothing else changes.
    assert place(cursor) == (50, MAX, None, "active")
    cursor.set(12)
    assert cursor.next_range() == Gap(20, 29)
    assert cursor.next_range(29) is None
    assert place(cursor) == (20, 29, None, "overflow")
    assert cursor.next_range(30) == (30, 39, "b")


def test_steps_down():
    cursor = tree().cursor(MAX)
    assert [cursor.prev() for _ in range(4)] == [
        (40, 49, "c"),
        (30, 39, "b"),
        (10, 19, "a"),
        None,
    ]
    assert place(cursor) == (0, 9, None, "underflow")
    cursor.set(MAX)
    steps = [cursor.find_range_rev() for _ in range(6)]
    assert steps == [(40, 49, "c"), (30, 39, "b"), (20, 29), (10, 19, "a"), (0, 9), None]
    cursor.set(35)
    assert cursor.find_range_rev() == (30, 39, "b")
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
    assert cursor.find(2**64) == (10, 19, "a")
    assert cursor.next(10**30) == (30, 39, "b")
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


# Cursors at [10, 19], in each status, and the status after a step with a limit that no index is
# within: find(-1), next(-1), find_rev(2**64) and prev(2**64).
STANDING = {
    "start": (lambda c: c.set_range(10, 19), ["start", "overflow", "start", "underflow"]),
    "active": (lambda c: c.walk(), ["active", "overflow", "active", "underflow"]),
    "pause": (lambda c: c.pause(), ["pause", "overflow", "underflow", "underflow"]),
    "overflow": (lambda c: c.next(19), ["overflow", "overflow", "underflow", "underflow"]),
    "underflow": (lambda c: c.prev(10), ["overflow", "overflow", "underflow", "underflow"]),
}


@pytest.mark.parametrize("status", STANDING)
def test_a_limit_that_no_index_is_within_finds_nothing_and_moves_nothing(status):
    stand, expected = STANDING[status]
    got = []
    for name in ("find", "next", "find_rev", "prev"):
        for suffix in ("", "_range"):
            whole = "find_range_rev" if name + suffix == "find_rev_range" else name + suffix
            cursor = tree().cursor(10, 19)
            stand(cursor)
            assert cursor.status == status
            assert getattr(cursor, whole)(2**64 if name in ("find_rev", "prev") else -1) is None
            assert (cursor.index, cursor.last) == (10, 19)
            got.append(cursor.status)
    assert got[::2] == got[1::2] == expected


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


def test_turning_round_at_a_limit_begins_with_the_entry_last_left():
    cursor = MapleTree([(10, 19, "a")]).cursor(10)
    assert cursor.next() is None
    assert place(cursor) == (20, MAX, None, "overflow")
    assert cursor.prev() == (10, 19, "a")
    assert cursor.prev() is None
    assert place(cursor) == (0, 9, None, "underflow")
    assert cursor.next() == (10, 19, "a")
    # The entry itself meets the limit: it comes again.
    assert cursor.next(15) is None
    assert place(cursor) == (10, 19, None, "overflow")
    assert cursor.prev() == (10, 19, "a")


def test_a_step_after_a_limit_that_was_met_in_an_empty_tree():
    # The first step ends before it looks, so it does not learn that the tree is empty.
    limits_met = {"overflow": lambda c: c.next(6), "underflow": lambda c: c.prev(5)}
    for name, limit in (("next", 9), ("find_range", 9), ("prev", 1), ("find_rev", 1)):
        for status, meet in limits_met.items():
            cursor = MapleTree().cursor(5, 6)
            assert meet(cursor) is None
            assert place(cursor) == (5, 6, None, status)
            assert getattr(cursor, name)(limit) is None
            assert place(cursor) == (0, MAX, None, "none")


def test_a_search_that_has_ended_goes_on_behind_its_place():
    cursor = tree().cursor(0)
    assert [entry.value for entry in iter(lambda: cursor.find(25), None)] == ["a"]
    assert place(cursor) == (20, 29, None, "active")
    assert [entry.value for entry in cursor] == ["b", "c"]


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
    assert place(cursor) == (0, 29, None, "active")
    assert cursor.find() == (30, 39, "b")
    cursor.set(25)
    assert cursor.erase() is None
    assert place(cursor) == (0, 29, None, "active")
    assert t == MapleTree([(30, 39, "b"), (40, 49, "c")])
    t.check()


def test_erasing_the_last_entry():
    t = MapleTree([(10, 19, "a")])
    cursor = t.cursor(15)
    assert cursor.erase() == (10, 19, "a")
    assert place(cursor) == (0, MAX, None, "none")
    cursor.set_range(5, 8)
    assert cursor.erase() is None
    assert place(cursor) == (5, 8, None, "none")


def test_clearing():
    t = tree()
    cursor = t.cursor(15, 44)
    assert cursor.clear() is None
    assert t == MapleTree([(10, 14, "a"), (45, 49, "c")])
    assert place(cursor) == (15, 44, None, "active")
    cursor.set_range(20, 21)
    cursor.clear()
    assert place(cursor) == (15, 44, None, "active")
    assert cursor.next() == (45, 49, "c")
    cursor.set_range(0, MAX)
    cursor.clear()
    assert not t and place(cursor) == (0, MAX, None, "none")
    cursor.set_range(5, 8)
    cursor.clear()
    assert place(cursor) == (5, 8, None, "none")


def test_inserting():
    t = tree()
    cursor = t.cursor(20, 24)
    assert cursor.insert("x") is None
    assert place(cursor) == (20, 24, "x", "active")
    assert cursor.next() == (30, 39, "b")
    cursor.set_range(25, 45)
    with pytest.raises(RangeOccupiedError, match=r"\[25, 45\] is not free: \[30, 39\]") as caught:
        cursor.insert("y")
    assert caught.value.entry == (30, 39, "b")
    assert place(cursor) == (25, 45, None, "error")
    assert len(t) == 4
    # From an error, a step begins at index.
    assert cursor.find() == (30, 39, "b")


def test_bad_arguments_change_nothing():
    t = tree()
    for stand in (lambda c: c.walk(), lambda c: c.pause(), lambda c: c.next()):
        cursor = t.cursor(15)
        stand(cursor)
        before = place(cursor)
        for call, error in (
            (lambda c: c.find("x"), TypeError),
            (lambda c: c.set(-1), ValueError),
            (lambda c: c.set(2**64), ValueError),
            (lambda c: c.set_range(5, 4), ValueError),
            (lambda c: c.set_range(5, None), TypeError),
            (lambda c: c.empty_area(0), ValueError),
            (lambda c: c.empty_area(1, 5, 4), ValueError),
            (lambda c: c.empty_area(6, 20, 24), NoSpaceError),
            (lambda c: c.empty_area(1, 2**64, 2**65), NoSpaceError),
            (lambda c: c.empty_area_rev(2**70), NoSpaceError),
            (lambda c: c.store(), TypeError),
            (lambda c: c.insert(1, 2), TypeError),
        ):
            with pytest.raises(error):
                call(cursor)
            assert place(cursor) == before
    assert t == tree()


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
    assert place(cursor) == (24, 28, None, "error")
    assert cursor.walk() == (24, 28, "x")
    with pytest.raises(ValueError, match="size must be 1 or more, not 0"):
        cursor.empty_area(0)
    with pytest.raises(NoSpaceError):
        cursor.empty_area(2**64)
    empty = MapleTree().cursor(5)
    assert empty.empty_area(2**64) == 0
    assert place(empty) == (0, MAX, None, "none")
    with pytest.raises(ValueError, match="track_gaps"):
        MapleTree(track_gaps=False).cursor().empty_area(1)


def test_a_step_from_a_part_of_a_gap():
    t = tree()
    cursor = t.cursor()
    assert cursor.empty_area(3, 22, 29) == 22
    assert place(cursor) == (22, 24, None, "active")
    assert cursor.next(24) is None
    assert place(cursor) == (22, 24, None, "overflow")
    cursor.empty_area(3, 22, 29)
    assert cursor.next(27) is None
    assert place(cursor) == (22, 24, None, "overflow")
    cursor.empty_area(3, 22, 29)
    assert cursor.find() == (30, 39, "b")
    cursor.empty_area(3, 22, 29)
    assert cursor.walk() is None
    assert place(cursor) == (20, 29, None, "active")


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
    assert cursor.value is None and cursor.status == "active"
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


def random_tree(random, base, size):
    tree, oracle = MapleTree(), Oracle(base, size)
    for _ in range(size // 2):
        first = random.randrange(size)
        last = min(size - 1, first + random.choice([0, 0, 1, 4]))
        value = object()
        tree.store_range(base + first, base + last, value)
        oracle.store(base + first, base + last, value)
    return tree, oracle


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
