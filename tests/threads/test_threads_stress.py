# SPDX-License-Identifier: MIT
"""Threads under the GIL, which is switched as often as possible: each call is atomic.

Each thread writes its own indices of a shared tree, and its own array. Meanwhile it forks,
duplicates, slices and reads the whole tree.
"""

import copy
import pickle
import sys
import threading

import pytest

from interpreter import HANGS, PURE, collect, live_nodes, steps
from samara import MapleTree, NoSpaceError, RangeOccupiedError
from threads import elsewhere, run
from tree_oracle import Oracle, seeded

THREADS = 4
SIZE = 90
STEPS = steps(4000)


@pytest.fixture(autouse=True)
def many_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Region:
    """The indices of a tree that only one thread writes."""

    def __init__(self, random, tree, oracle):
        self.random, self.tree, self.oracle = random, tree, oracle
        self.low, self.high = oracle.base, oracle.base + SIZE - 1

    def relative(self, tree):
        return Region(self.random, tree, self.oracle.copy())

    def window(self):
        first = self.random.randint(self.low, self.high)
        return first, min(self.high, first + self.random.choice([0, 1, 5, 30]))

    def check(self):
        got = [tuple(entry) for entry in self.tree.entries(self.low, self.high)]
        assert got == self.oracle.entries()

    # ---- writes

    def store(self):
        (first, last), value = self.window(), self.random.randrange(1000)
        if self.random.random() < 0.5:
            self.tree.store_range(first, last, value)
        else:
            self.tree[first : last + 1] = value
        self.oracle.store(first, last, value)

    def store_one(self):
        index, value = self.window()[0], self.random.randrange(1000)
        self.tree[index] = value
        self.oracle.store(index, index, value)

    def store_many(self):
        windows = [self.window() for _ in range(4)]
        self.tree.store_many([a for a, _ in windows], [b for _, b in windows], [1, 2, 3, 4])
        for number, window in enumerate(windows, 1):
            self.oracle.store(*window, number)

    def insert(self):
        first, last = self.window()
        occupied = self.oracle.find(first, last)
        if occupied:
            with pytest.raises(RangeOccupiedError) as error:
                self.tree.insert_range(first, last, 5)
            assert error.value.entry == occupied
        else:
            self.tree.insert_range(first, last, 5)
            self.oracle.store(first, last, 5)

    def alloc(self):
        size, reverse = self.random.randint(1, 20), self.random.random() < 0.5
        window = {"first": self.low, "last": self.high, "reverse": reverse}
        start = self.oracle.empty_area(size, **window)
        if start is None:
            with pytest.raises(NoSpaceError):
                self.tree.alloc_range(size, 6, **window)
        else:
            assert start == self.tree.alloc_range(size, 6, **window)
            self.oracle.store(start, start + size - 1, 6)

    def erase(self):
        index = self.window()[0]
        assert self.tree.erase(index) == self.oracle.erase(index)

    def pop(self):
        window = self.window()
        assert self.tree.pop_range(*window) == self.oracle.pop(*window)

    def delete(self):
        index = self.window()[0]
        if self.oracle.cell(index):
            del self.tree[index]
            self.oracle.clear(index, index)
        else:
            with pytest.raises(KeyError):
                del self.tree[index]

    def update(self):
        triples = [(*self.window(), value) for value in range(4)]
        other = MapleTree(triples, dtype=self.tree.dtype)
        if self.random.random() < 0.5:
            self.tree.update(triples)
        else:
            self.tree.update(other)
            triples = other
        for triple in triples:
            self.oracle.store(*triple)

    def subtract(self):
        windows = [self.window() for _ in range(3)]
        self.tree.__isub__(windows)
        for window in windows:
            self.oracle.clear(*window)

    def sweep(self):
        """Replace with a cursor what it finds."""
        cursor = self.tree.cursor(self.low)
        for first, last, value in self.oracle.entries():
            assert cursor.find(self.high) == (first, last, value)
            if self.random.random() < 0.5:
                cursor.store(value + 1)
                self.oracle.store(first, last, value + 1)
                assert cursor.value == value + 1
        assert cursor.find(self.high) is None

    # ---- reads

    def read(self):
        index = self.window()[0]
        tree, oracle = self.tree, self.oracle
        assert tree.get(index) == oracle.get(index)
        assert (index in tree) == (oracle.cell(index) is not None)
        assert tree.entry(index) == oracle.entry(index)
        assert tree.find(index, self.high) == oracle.find(index)
        assert tree.find_rev(index, self.low) == oracle.find_rev(index)
        window = self.window()
        assert tree.is_free(*window) == oracle.is_free(*window)
        assert tree.covers(*window) == oracle.covers(*window)
        assert list(tree.values(*window)) == [value for _, _, value in oracle.within(*window)]
        assert list(tree.gaps(*window)) == oracle.gaps(*window)
        keys = range(self.low, self.high + 1)
        if tree.dtype is None:
            assert tree.load_many(keys, -1) == [oracle.get(key, -1) for key in keys]

    def read_whole(self):
        """Read what all threads write, while they write it."""
        tree = self.tree
        entries = list(tree)
        assert all(a.last < b.first for a, b in zip(entries, entries[1:], strict=False))
        entries = list(reversed(tree))
        assert all(a.first > b.last for a, b in zip(entries, entries[1:], strict=False))
        tree.check()
        assert 0 <= len(tree) <= SIZE * THREADS and 0 <= tree.covered <= SIZE * THREADS
        assert tree.height < 9 and tree.nbytes > tree.node_count
        assert tree.dump() and repr(tree).startswith(("MapleTree([", "<MapleTree of "))

    def copies(self):
        """Copies are as the tree was, and independent from then on."""
        make = self.random.choice(
            [
                MapleTree.fork,
                MapleTree.dup,
                copy.copy,
                lambda tree: tree[self.low : self.high + 1],
                lambda tree: tree & [(self.low, self.high)],
                lambda tree: tree - [(0, self.low - 1)] if self.low else tree | [],
                lambda tree: MapleTree(tree, dtype=tree.dtype),
                lambda tree: pickle.loads(pickle.dumps(tree)),
                self.dup_into,
            ]
        )
        relative = self.relative(make(self.tree))
        relative.check()
        for _ in range(3):
            relative.write()
        relative.check()
        relative.tree.check()
        self.check()

    def dup_into(self, tree):
        other = MapleTree(dtype=tree.dtype)
        tree.dup_into(other)
        return other

    def map_range(self):
        first, last = self.window()
        with self.tree.lock:  # or else other threads may write the tree during the call
            self.tree.map_range(first, last, lambda value: value + 1)
        self.oracle.map(first, last, lambda value: value + 1)

    def accumulate(self):
        (first, last), value = self.window(), self.random.randrange(1000)
        if self.tree.dtype:
            self.tree.accumulate(first, last, value, "max")
            self.tree.accumulate_many([first, first], [last, last], [0, value], "max")
            self.oracle.accumulate(first, last, value, "max")

    WRITES = (store, store_one, store_many, insert, alloc, erase, pop, delete, sweep)
    WRITES += (map_range, accumulate, update, subtract)
    READS = (read, read, read, read_whole, copies, copies)

    def write(self):
        self.random.choice(self.WRITES)(self)

    def live(self):
        for step in range(STEPS):
            if self.random.random() < 0.7:
                self.write()
            else:
                self.random.choice(self.READS)(self)
            if step % 8 == 0:
                self.check()


@pytest.mark.parametrize("dtype", [None, "u8"])
def test_every_method_in_all_threads(dtype):
    random = seeded(f"every method {dtype}")
    collect()
    nodes = live_nodes()
    tree = MapleTree(dtype=dtype)
    regions = [
        Region(type(random)(random.random()), tree, Oracle(number * SIZE, SIZE))
        for number in range(THREADS)
    ]
    run(*[region.live for region in regions])
    tree.check()
    expected = [entry for region in regions for entry in region.oracle.entries()]
    assert [tuple(entry) for entry in tree] == expected
    assert len(tree) == len(expected)
    assert tree.covered == sum(region.oracle.covered() for region in regions)
    del tree, regions
    collect()  # caught exceptions keep their frames alive
    if not PURE:  # the pure-Python count is exact only with a single thread
        assert live_nodes() == nodes


RANGES = 300


def shown_values(tree):
    """Return the values in the repr() of a large tree: three at each end."""
    values = [part.split(",")[2].strip(" )>") for part in repr(tree).split("(")[1:]]
    assert len(values) == 6
    return values


ALL_AT_ONCE = {
    "iter": lambda t: [value for _, _, value in t],
    "reversed": lambda t: [value for _, _, value in reversed(t)],
    "entries": lambda t: [value for _, _, value in t.entries(0, RANGES * 10)],
    "fork": lambda t: [value for _, _, value in t.fork()],
    "dup": lambda t: [value for _, _, value in t.dup()],
    "slice": lambda t: [value for _, _, value in t[0 : RANGES * 10]],
    "union": lambda t: [value for _, _, value in t | []],
    "intersection": lambda t: [value for _, _, value in t & [(0, RANGES * 10)]],
    "difference": lambda t: [value for _, _, value in t - MapleTree()],
    "diff": lambda t: [before for _, _, before, _ in t.diff(MapleTree())],
    "init": lambda t: [value for _, _, value in MapleTree(t, dtype=t.dtype)],
    "pickle": lambda t: [value for _, _, value in pickle.loads(pickle.dumps(t))],
    "values": lambda t: list(t.values()),
    "items": lambda t: [value for _, value in t.items()],
    "repr": lambda t: shown_values(t) * (RANGES // 6),
    "load_many": lambda t: list(t.load_many(range(0, RANGES * 10, 10))),
    "to_arrays": lambda t: list(t.to_arrays()[2]),
}


@pytest.mark.parametrize("dtype", [None, "u8"])
@pytest.mark.parametrize("read", ALL_AT_ONCE.values(), ids=ALL_AT_ONCE)
def test_a_reader_sees_one_moment(read, dtype):
    pytest.importorskip("numpy")
    firsts = range(0, RANGES * 10, 10)
    lasts = range(5, RANGES * 10 + 5, 10)
    t = MapleTree([(a, b, 0) for a, b in zip(firsts, lasts, strict=True)], dtype=dtype)

    def write(stop):
        number = 0
        while not stop.is_set():
            number += 1
            t.store_many(firsts, lasts, [number % 7] * RANGES)

    seen = set()
    with elsewhere(write):
        for _ in range(steps(200)):
            values = read(t)
            assert len(values) == RANGES
            assert len(set(map(str, values))) == 1, "two moments in one answer"
            seen.add(str(values[0]))
    t.check()


def test_equality_is_of_one_moment():
    # At no moment equal to t: either as many entries but others, or the same ones and more.
    t, u = MapleTree([(0, 0, 1)]), MapleTree([(0, 0, 2)])
    states = MapleTree([(0, 0, 1), (5, 5, 1)]), MapleTree([(0, 0, 2)])

    def write(stop):
        while not stop.is_set():
            for state in states:
                u.__init__(state)

    with elsewhere(write):
        for _ in range(steps(5000)):
            assert t != u
            assert u != t

    class Growing(MapleTree):
        """A tree that changes between two calls, as another thread could change it."""

        def __len__(self):
            length = super().__len__()
            self.__init__(states[0])
            return length

    assert t != Growing(states[1])


@pytest.mark.parametrize("dtype", [None, "u8"])
def test_equality_waits_for_both_locks(dtype):
    """Another thread takes the first tree's lock while the comparison waits for the second's."""
    t = MapleTree([(0, 9, 1), (10, 19, 2)], dtype=dtype)
    u = t.dup()
    u_is_held, t_is_held, compared = (threading.Event() for _ in range(3))

    def hold_u():
        with u.lock:
            u_is_held.set()
            assert t_is_held.wait(HANGS)

    def write_t():
        assert u_is_held.wait(HANGS)
        compared.wait(0.05)  # long enough for the comparison to begin
        with t.lock:
            t[0:10] = 7
            t_is_held.set()
            compared.wait(0.2)  # the comparison ends only if it does not wait
            t[0:10] = 1

    def compare():
        assert u_is_held.wait(HANGS)
        assert t == u
        compared.set()

    run(hold_u, write_t, compare)


@pytest.mark.parametrize("way", ["keys", "places"])
def test_one_thread_gets_what_all_want(way):
    t = MapleTree()
    won = [[] for _ in range(THREADS)]
    many = steps(2000)

    def claim(number):
        for key in range(many):
            if way == "keys":
                try:
                    t.insert_range(key * 3, key * 3 + 1, number)
                    won[number].append(key * 3)
                except RangeOccupiedError as error:
                    assert error.entry[:2] == (key * 3, key * 3 + 1)
            else:
                won[number].append(t.alloc_range(2, number, last=many * THREADS * 3))

    run(*[lambda number=number: claim(number) for number in range(THREADS)])
    t.check()
    starts = sorted(start for starts in won for start in starts)
    assert len(starts) == len(set(starts)) == len(t)
    for number, starts in enumerate(won):
        assert all(t[start] == number for start in starts)
    assert len(t) == (many if way == "keys" else many * THREADS)


LONG = 100 if PURE else 700  # ranges: calls on so many release the GIL
WRITES = {
    "accumulate_many": lambda tree, rows: tree.accumulate_many(*zip(*rows, strict=True)),
    "store_many": lambda tree, rows: tree.store_many(*zip(*rows, strict=True)),
    "update": lambda tree, rows: tree.update(MapleTree(rows, dtype="u8")),
    "update by triples": lambda tree, rows: tree.update(rows),
    "|=": lambda tree, rows: tree.__ior__(MapleTree(rows, dtype="u8")),
    "-=": lambda tree, rows: tree.__isub__(MapleTree(rows, dtype="u8")),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_no_long_write_is_lost(write):
    """Each thread writes ranges of its own, which lie between those of the others."""
    tree = MapleTree(dtype="u8")
    tree.store_range(0, 10 * THREADS * LONG, 1)
    expected = tree.dup()

    def rows_of(number, turn):
        start = 10 * (number + turn % 2 * THREADS * LONG // 2)
        return [(start + 10 * THREADS * i, start + 10 * THREADS * i + 5, turn) for i in range(LONG)]

    def body_of(number):
        def body():
            for turn in range(4):
                write(tree, rows_of(number, turn))
                copy = MapleTree(dtype="u8")
                tree.dup_into(copy)
                list(copy.diff(tree | copy))
                copy.check()

        return body

    run(*[body_of(number) for number in range(THREADS)])
    for turn in range(4):
        for number in range(THREADS):
            write(expected, rows_of(number, turn))
    assert tree == expected
    tree.check()


def test_an_exception_gives_the_lock_back():
    t = MapleTree([(0, 0, 0), (1, 1, 0)])
    rounds = steps(400)

    def add():
        for number in range(rounds):
            with pytest.raises(ZeroDivisionError), t.lock:
                t[0] += 1
                with t.lock:
                    t[1] += 1
                    number / 0

    def look():
        while t[0] < rounds * THREADS:
            with t.lock:
                assert t[0] == t[1]

    run(*[add] * THREADS, look)
    assert t[0] == t[1] == rounds * THREADS
    assert repr(t.lock) == "<samara.TreeLock free>"


def test_calls_on_two_trees_never_wait_for_each_other():
    # Both orders at once: a call waits for one tree at a time, and holds no lock meanwhile.
    a, b = (MapleTree((n, n, n) for n in range(40)) for _ in range(2))

    def use(one, other):
        def body():
            for _ in range(steps(300)):
                with pytest.raises(ValueError, match="must be empty"):
                    one.dup_into(other)
                assert one == other
                assert MapleTree(one) == other
                with one.lock:
                    one[5] = 5

        return body

    run(use(a, b), use(b, a), use(a, b), use(b, a))


def test_threads_that_share_a_cursor_keep_the_tree_whole():
    # The cursor's position is then arbitrary, but no call may break the tree.
    t = MapleTree((n * 10, n * 10 + 5, n) for n in range(200))
    cursor = t.cursor()

    def use(number):
        def body():
            for step in range(steps(2000)):
                found = (cursor.next, cursor.prev, cursor.find, cursor.walk)[step % 4]()
                assert found is None or found.last - found.first <= 5
                if found is None:
                    cursor.set(step * 7 % 2000 // 10 * 10)
                elif step % 50 == number:
                    cursor.erase()

        return body

    run(*[use(number) for number in range(THREADS)])
    t.check()
    assert all(entry.last - entry.first == 5 for entry in t)


def test_an_iterator_goes_on_in_another_thread():
    t = MapleTree((n, n, n) for n in range(1000))
    iterator, seen = iter(t), []

    def take_half():
        seen.extend(value for _, _, value in (next(iterator) for _ in range(500)))

    run(take_half)
    t.clear()
    run(take_half)
    assert seen == list(range(1000))


def test_waiting_for_the_lock_lets_others_run():
    t = MapleTree([(0, 0, 0)])
    go = threading.Event()

    def hold():
        with t.lock:
            go.set()
            # The other threads must be able to run for as long as they need for this.
            for _ in range(100):
                run(lambda: MapleTree([(1, 1, 1)])[1])
            t[0] = 1

    def wait():
        assert go.wait(HANGS)
        assert t[0] == 1

    run(hold, wait, wait)
