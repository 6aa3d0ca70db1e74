"""Values and arguments that come back: __del__, __eq__, __repr__, __index__ that write the tree."""

import contextlib
import gc

import pytest

from interpreter import collect, counts_references, live_nodes, settle
from samara import MAX, Entry, MapleTree, NoSpaceError, RangeOccupiedError


class Calls:
    """A value whose end calls something, once."""

    def __init__(self, function):
        self.function = function

    def __del__(self):
        self.function()


class Index:
    """An index that does something when it is asked for its number."""

    def __init__(self, number, function):
        self.number = number
        self.function = function

    def __index__(self):
        self.function()
        return self.number


def filled(count=50):
    return MapleTree((10 * n, 10 * n + 4, n) for n in range(count))


WRITES = {
    "store": lambda t: t.__setitem__(105, "x"),
    "store over all": lambda t: t.store_range(0, MAX, "x"),
    "delete": lambda t: t.__delitem__(slice(100, 110)),
    "delete one": lambda t: t.__delitem__(105),
    "erase": lambda t: t.erase(105),
    "pop": lambda t: t.pop_range(50, 200),
    "clear": lambda t: t.clear(),
    "cursor store": lambda t: t.cursor(100, 110).store("x"),
    "cursor erase": lambda t: t.cursor(105).erase(),
    "init": lambda t: t.__init__([(1, 2, "x")]),
    "init from tree": lambda t: t.__init__(filled(3)),
}
INNER = {
    "store": lambda t: t.__setitem__(107, "inner"),
    "store over all": lambda t: t.__setitem__(slice(None), "inner"),
    "clear": lambda t: t.clear(),
    "fork and write": lambda t: t.fork().__setitem__(3, "inner"),
    "many": lambda t: [t.__setitem__(n, "inner") for n in range(0, 300, 3)],
    "loop": lambda t: list(t),
    "collect": lambda t: gc.collect(),
    "init": lambda t: t.__init__([(3, 4, "inner")]),
    "pop": lambda t: t.pop_range(0, MAX),
}


@pytest.mark.parametrize("inner", INNER.values(), ids=INNER)
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("shared", [False, True])
def test_a_value_whose_end_writes_the_tree(write, inner, shared):
    t = filled()
    ran = []

    def end():
        t.check()
        inner(t)
        t.check()
        ran.append(True)

    t[105] = Calls(end)
    relative = t.fork() if shared else None
    result = write(t)
    t.check()
    if relative is not None:
        assert not ran
        relative.check()
        del relative
    del result
    collect()
    assert ran or 105 in t
    t.clear()
    settle()
    assert ran
    t.check()


def test_a_chain_of_ends():
    t = MapleTree()

    def end(depth):
        if depth:
            t[5] = Calls(lambda: end(depth - 1))
        t[5] = "done"

    t[5] = Calls(lambda: end(50))
    t[5] = "go"
    assert list(t) == [(5, 5, "go")] or t[5] == "done"
    t.check()


@counts_references
def test_an_end_that_drops_the_last_name_of_the_tree():
    names = {"t": filled()}
    names["t"][105] = Calls(names.clear)
    names["t"].clear()
    assert not names
    names["t"] = filled()
    names["t"][105] = Calls(names.clear)
    cursor = names["t"].cursor(105)
    cursor.erase()
    assert not names and cursor.next() == (110, 114, 11)


def test_an_end_that_runs_while_the_tree_ends():
    seen = []
    t = filled()
    u = t.fork()
    t[105] = Calls(lambda: seen.append(u[105]))
    u[105] = "u"
    del t
    settle()
    assert seen == ["u"]


def test_an_index_that_writes_the_tree():
    calls = [
        lambda t, i: t[i],
        lambda t, i: t.get(i),
        lambda t, i: i in t,
        lambda t, i: t.entry(i),
        lambda t, i: t.find(i),
        lambda t, i: t.find(0, i),
        lambda t, i: t.find_rev(i),
        lambda t, i: t.next(i),
        lambda t, i: t.prev(i),
        lambda t, i: list(t.entries(i)),
        lambda t, i: list(t.gaps(0, i)),
        lambda t, i: t.is_free(0, i),
        lambda t, i: t.empty_area(i),
        lambda t, i: t.empty_area(1, i, align=i),
        lambda t, i: t[i:],
        lambda t, i: t[:i],
        lambda t, i: t.__setitem__(i, "x"),
        lambda t, i: t.__setitem__(slice(i, None), "x"),
        lambda t, i: t.__delitem__(slice(i)),
        lambda t, i: t.store_range(0, i, "x"),
        lambda t, i: t.alloc_range("x", i),
        lambda t, i: t.erase(i),
        lambda t, i: t.pop_range(0, i),
        lambda t, i: t.cursor(i).walk(),
        lambda t, i: t.cursor(105).next(i),
        lambda t, i: t.cursor(105).find_rev(i),
        lambda t, i: t.cursor(105).empty_area(i),
        lambda t, i: MapleTree([(i, 200, "x")]),
        lambda t, i: t.__init__([(0, i, "x")]),
    ]
    for call in calls:
        for inner in INNER.values():
            t = filled()
            with contextlib.suppress(KeyError, NoSpaceError):
                call(t, Index(105, lambda t=t, inner=inner: inner(t)))
            t.check()


def test_insert_where_the_index_fills_the_place():
    t = MapleTree()
    value = object()
    with pytest.raises(RangeOccupiedError) as caught:
        t.insert_range(10, Index(20, lambda: t.__setitem__(15, value)), "x")
    assert caught.value.entry == Entry(15, 15, value)


def test_a_list_as_triple_that_changes_while_it_is_read():
    triple = [0, 9, "v"]
    triple[1] = Index(9, triple.clear)
    assert list(MapleTree([triple])) == [(0, 9, "v")]


def test_an_iterable_that_writes_the_tree_it_fills():
    t = filled(3)

    def triples():
        yield 1, 2, "a"
        t.clear()
        yield 5, 6, "b"
        t[7] = "lost"

    t.__init__(triples())
    assert list(t) == [(1, 2, "a"), (5, 6, "b")]


def test_an_iterable_that_fails_half_way():
    class Watched:
        pass

    collect()
    before = live_nodes()

    def triples():
        for n in range(100):
            yield 2 * n, 2 * n, Watched()
        yield 0, 0, "now unsorted"
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        MapleTree(triples())
    assert live_nodes() == before
    assert not any(isinstance(o, Watched) for o in gc.get_objects())


def test_an_eq_that_changes_both_trees():
    class Value:
        def __eq__(self, other):
            t.clear()
            u[0:1000] = "x"
            gc.collect()
            return True

        __hash__ = None

    t = MapleTree((n, n, Value()) for n in range(20))
    u = MapleTree((n, n, Value()) for n in range(20))
    assert t == u
    assert not t and u[500] == "x"


def test_a_repr_that_changes_the_tree():
    class Value:
        def __repr__(self):
            t.clear()
            t[0:100] = "y"
            return "V"

    t = MapleTree((n, n, Value()) for n in range(3))
    assert repr(t) == "MapleTree([(0, 0, V), (1, 1, V), (2, 2, V)])"
    assert list(t) == [(0, 99, "y")]


def test_a_loop_whose_values_end_as_it_goes():
    ended = []
    t = MapleTree((n, n, Calls(lambda n=n: ended.append(n))) for n in range(10))
    iterator = iter(t)
    t.clear()
    assert not ended
    for entry in iterator:
        t[entry.first] = "x"
    del entry
    settle()
    assert sorted(ended) == list(range(10))


def test_an_end_that_advances_the_iterator_that_drops_it():
    t = MapleTree([(0, 0, "a"), (1, 1, "b"), (2, 2, "c")])
    iterator = iter(t)
    seen = []
    t[1] = Calls(lambda: seen.append(next(iterator, None)))
    own = iter(t)
    del t
    for _ in own:
        pass
    del own
    del _
    settle()
    assert seen == [(0, 0, "a")]


@pytest.mark.skipif(
    not hasattr(gc, "get_threshold"), reason="this interpreter's collector has no thresholds"
)
@pytest.mark.parametrize("threshold", [1, 2, 5])
def test_finalizers_that_the_collector_runs_inside_pop_and_erase(threshold):
    """Making a result can collect garbage whose end writes the tree: the method begins again."""
    gc.collect()
    old = gc.get_threshold()
    for n in range(60):
        t = filled(30)
        count = [0]

        class Garbage:
            def __init__(self):
                self.own = self

            def __del__(self, t=t, count=count):
                count[0] += 1
                t[3 * count[0]] = f"garbage {count[0]}"
                t[100:140] = "garbage"

        gc.disable()
        for _ in range(n % 7 + 1):
            Garbage()
        gc.set_threshold(threshold)
        gc.enable()
        if n % 2:
            removed = t.pop_range(0, MAX)
            assert removed or count[0]
        else:
            entry = t.erase(105)
            assert entry is None or entry.value in (10, "garbage")
            assert 105 not in t or count[0]
        gc.set_threshold(*old)
        t.check()
        gc.collect()
