# SPDX-License-Identifier: MIT
"""Long calls on packed trees release the GIL, and are atomic all the same.

The interpreter asks no thread to release the GIL here: the switch interval is longer than any test.
So another thread runs only while the thread that makes the calls releases it by itself. Whatever
the other thread does while a call is running, it does inside that call.
"""

import pickle
import sys
import threading
import time
from array import array
from itertools import islice

import pytest

from interpreter import GIL, HANGS, c_only, collect, counted_nodes, scaled
from samara import COALESCE, OFFSET, MapleTree
from threads import elsewhere, run
from tree_oracle import seeded

pytestmark = [c_only, pytest.mark.skipif(not GIL, reason="threads do not take turns here")]
LARGE = 70_000
FEW = 512
ATTEMPTS = 20_000


@pytest.fixture(autouse=True)
def no_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(2 * HANGS)
    yield
    sys.setswitchinterval(before)


class Other:
    """Another thread. It acts whenever it gets the GIL during a call."""

    def __init__(self, act=None):
        self.act, self.inside, self.acts = act, False, 0

    def body(self, stop):
        while not stop.is_set():
            if self.inside:
                if self.act:
                    self.act()
                self.acts += 1
                self.inside = False  # once for each call
            time.sleep(0)

    def beside(self, call, attempts=ATTEMPTS):
        """Repeat a call until the other thread has acted during it. Return its result, or None."""
        result = None
        with elsewhere(self.body):
            for _ in range(attempts):
                acts = self.acts
                self.inside = True
                result = call()
                self.inside = False
                if self.acts > acts:
                    return result
        return None


def columns(count, gap=10):
    numpy = pytest.importorskip("numpy")
    first = numpy.arange(count, dtype="u8") * gap
    return first, first + 4, first % 1000


def packed(count=LARGE, **options):
    return MapleTree.from_arrays(*columns(count), **options)


def pickled(t):
    buffers = []
    return pickle.dumps(t, 5, buffer_callback=buffers.append), buffers


def contents(tree):
    return [column.tolist() for column in tree.to_arrays()]


def changed(tree):
    """Return a fork whose last key has another value."""
    fork = tree.fork()
    fork[fork.last_key] = 5
    return fork


# A call on a tree, and what is to be the same as if nothing else ran.
READS = {
    "dup": (lambda t, u: t.dup(), contents),
    "==": (lambda t, u: (t == u, u == t), repr),
    "!=": (lambda t, u: t != u, repr),
    "pickle": (lambda t, u: pickled(t), lambda got: [bytes(buffer) for buffer in got[1]]),
    "pickle in band": (lambda t, u: pickle.dumps(t, 4), bytes),
    "to_arrays": (lambda t, u: t.to_arrays(), lambda got: [column.tolist() for column in got]),
    "load_many": (lambda t, u: t.load_many(range(0, 5 * LARGE, 5), 7), lambda got: got.tolist()),
}
# The same, with results that share nodes.
SHARING = {
    "|": (lambda t, u: t | u, contents),
    "| triples": (lambda t, u: t | TRIPLES, contents),
    "&": (lambda t, u: t & u, contents),
    "& objects": (lambda t, u: t & OBJECTS[0], contents),
    "-": (lambda t, u: t - u, contents),
    "- objects": (lambda t, u: t - OBJECTS[0], contents),
    "diff": (lambda t, u: list(t.diff(changed(u))), repr),
}
DATA, TRIPLES, OBJECTS = [], [], []
KEYS = {"uint64": {}, "uint128": {"keys": "uint128"}, "f8": {"dtype": "f8"}}


def tree_of(count, kind):
    return packed(count, **KEYS[kind])


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(("call", "shown"), (READS | SHARING).values(), ids=READS | SHARING)
def test_another_thread_writes_during_a_read(call, shown, kind):
    t, u = tree_of(LARGE, kind), tree_of(LARGE, kind)
    u.store_range(10 * LARGE, 10 * LARGE + 5, 1)
    t.store_range(10 * LARGE, 10 * LARGE + 5, 1)
    TRIPLES[:] = [(10 * n + 3, 10 * n + 6, n) for n in range(2 * FEW)]
    OBJECTS[:] = [MapleTree(TRIPLES, keys=t.keys_dtype)]
    expected = shown(call(t, u))
    other = Other()

    def act():
        for tree in (t, u):
            tree.clear()
            tree.store_many([0, 100], [50, 150], [1, 2])
        states.append((t, u))

    def again():
        """The call, on trees as they were."""
        nonlocal t, u
        t, u = first.fork(), second.fork()
        return call(t, u)

    first, second, states = t, u, []
    other.act = act
    got = other.beside(again)
    assert states, "no other thread ran during the call"
    assert shown(got) == expected, "the call saw the write"
    assert list(t) == list(u) == [(0, 50, 1), (100, 150, 2)], "the write was lost"
    for tree in (t, u, first, second, *OBJECTS):
        tree.check()
    TRIPLES.clear()
    OBJECTS.clear()


BUILDS = {
    "from_arrays": lambda given: MapleTree.from_arrays(*given),
    "from_arrays of 128 bits": lambda given: MapleTree.from_arrays(*given, keys="uint128"),
    "from_arrays with a policy": lambda given: MapleTree.from_arrays(*given, policy=COALESCE),
    "from_arrays of what merges": lambda given: MapleTree.from_arrays(
        given[0], given[0] + 9, given[2] // 50, policy=COALESCE
    ),
    "from_arrays, sorted": lambda given: MapleTree.from_arrays(
        *[column[::-1] for column in given], sort=True
    ),
    "from_arrays, last wins": lambda given: MapleTree.from_arrays(
        given[0], given[0] + 12, given[2], overlap="last"
    ),
    "unpickling": lambda given: pickle.loads(DATA[0], buffers=DATA[1]),
    "MapleTree()": lambda given: MapleTree(TRIPLES, dtype="u8"),
}


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_another_thread_runs_while_a_tree_is_made(build):
    given = columns(LARGE)
    t = MapleTree.from_arrays(*given)
    DATA[:] = pickled(t)
    TRIPLES[:] = list(t)[:5000]
    collect()
    before = counted_nodes()
    expected = build(given)
    relatives = []

    def act():
        """Take and give back nodes."""
        own = t.fork()
        own.store_many([5, 7], [6, 8], [1, 1])
        relatives[:] = [own, t.dup()]

    made = Other(act).beside(lambda: build(given))
    assert made is not None, "no other thread ran during the call"
    assert made == expected and relatives[1] == t and relatives[0] != t
    for tree in (made, t, *relatives):
        tree.check()
    del made, expected, tree
    relatives.clear()
    TRIPLES.clear()
    collect()
    assert counted_nodes() == before


STORES = {
    "u8": {},
    "f8": {"dtype": "f8"},
    "wide": {"keys": "uint128"},
    "COALESCE": {"policy": COALESCE},
}
# Writes of a tree, from three columns and from a tree of them.
WRITES = {
    "store_many": lambda tree, given, other: tree.store_many(*given),
    "accumulate_many": lambda tree, given, other: tree.accumulate_many(*given),
    "accumulate_many of one": lambda tree, given, other: tree.accumulate_many(*given[:2], 3),
    "update": lambda tree, given, other: tree.update(other),
    "update by triples": lambda tree, given, other: tree.update(TRIPLES),
    "|=": lambda tree, given, other: tree.__ior__(other),
    "&=": lambda tree, given, other: tree.__iand__(other),
    "-=": lambda tree, given, other: tree.__isub__(other),
}


def given_to_write(**options):
    """Return three columns, and a tree of them; TRIPLES are its first ones."""
    first, last, values = columns(LARGE // 2, 20)
    given = first + 3, last + 9, values
    other = MapleTree.from_arrays(*given, **options)
    TRIPLES[:] = list(other)[: 4 * FEW]
    return given, other


@pytest.mark.parametrize("options", STORES.values(), ids=STORES)
@pytest.mark.parametrize("way", ["write", "lock", "clear", "init"])
@pytest.mark.parametrize("operation", WRITES.values(), ids=WRITES)
def test_another_thread_writes_during_a_write(operation, way, options):
    """The write comes first. Both are there in the end."""
    t = packed(LARGE, **options)
    given, other_tree = given_to_write(**options)
    before = t.fork()
    used = []

    def write(tree):
        if way == "clear":
            tree.clear()
        elif way == "init":
            tree.__init__([(5, 6, 7)], **{"dtype": tree.dtype, **options})
        else:
            tree.store_range(1, 25, 77)
            tree.store_range(10 * LARGE, 10 * LARGE, 78)

    def act():
        if way == "lock":
            with used[-1].lock:
                time.sleep(0)
                write(used[-1])
        else:
            write(used[-1])

    def call():
        used.append(before.fork())
        operation(used[-1], given, other_tree)
        return used[-1]

    got = Other(act).beside(call)
    assert got is not None, "no other thread ran during the call"
    expected = before.fork()
    write(expected)
    operation(expected, given, other_tree)
    assert got == expected
    got.check()
    assert before == t
    t.check()
    TRIPLES.clear()


@pytest.mark.parametrize("operation", [n for n in WRITES if "by" not in n])
def test_another_dtype_during_a_write(operation):
    """A tree that is emptied can get another dtype: the values are converted again."""
    given, other_tree = given_to_write()
    used = []
    source = packed()

    def call():
        used.append(source.fork())
        WRITES[operation](used[-1], given, other_tree)
        return used[-1]

    got = Other(lambda: used[-1].__init__([(5, 6, 0.5)], dtype="f8")).beside(call)
    assert got is not None and got.dtype == "f8"
    expected = MapleTree([(5, 6, 0.5)], dtype="f8")
    WRITES[operation](expected, given, other_tree)
    assert got == expected
    got.check()


@pytest.mark.parametrize("operation", ["|", "&", "-", "dup"])
def test_a_result_is_like_its_tree_was(operation):
    """Another thread gives the tree another dtype while the call runs."""
    made = {
        "|": lambda t, u: t | u,
        "&": lambda t, u: t & u,
        "-": lambda t, u: t - u,
        "dup": lambda t, u: t.dup(),
    }[operation]
    source = packed(LARGE, policy=COALESCE)
    other_tree = MapleTree.from_arrays(*given_to_write()[0], policy=COALESCE)
    expected = made(source, other_tree)
    used = []

    def call():
        used.append(source.fork())
        return made(used[-1], other_tree)

    def act():
        used[-1].clear()
        used[-1].__init__([(5, 6, 0.5)], dtype="f8", policy=COALESCE)

    got = Other(act).beside(call)
    assert got is not None and got == expected
    assert (got.dtype, got.policy) == ("u8", COALESCE)
    assert list(used[-1]) == [(5, 6, 0.5)]
    got.check()


def test_a_sum_that_does_not_fit_is_told():
    """The tree is as it was, also if another thread runs meanwhile."""
    t = packed()
    t[777] = 2**64 - 1
    before = t.dup()
    first, last, values = columns(LARGE)

    def call():
        with pytest.raises(OverflowError, match=r"the sum over \[777, 777\]"):
            t.accumulate_many(first, first + 9, values + 1)
        return True

    assert Other().beside(call)
    assert t == before
    t.check()


FILLS = ["write", "lock", "fill", "dtype", "clear"]


@pytest.mark.parametrize("way", FILLS)
def test_another_thread_writes_during_dup_into(way):
    """Its write comes first: it is in the copy, or the other tree can no longer be filled."""
    source = packed()
    used = []

    def write(t, u):
        if way == "fill":
            u[5] = 6
        elif way == "dtype":
            u.__init__([], dtype="f8")
        elif way == "clear":
            t.clear()
        else:
            t.store_range(1, 25, 77)

    def act():
        t, u = used[-1]
        if way == "lock":
            with u.lock, t.lock:
                time.sleep(0)
                write(t, u)
        else:
            write(t, u)

    def call():
        t, u = source.fork(), MapleTree(dtype="u8")
        used.append((t, u))
        try:
            t.dup_into(u)
        except ValueError as error:
            return str(error)
        return t, u

    got = Other(act).beside(call)
    t, u = used[-1]
    if way == "fill":
        assert got == "other must be empty, but it has 1 ranges"
        assert list(u) == [(5, 5, 6)] and t == source
    elif way == "dtype":
        assert got.startswith("other must have the attributes ")
        assert not u and t == source
    else:
        assert got == (t, u) and t == u and t != source
    for tree in (source, t, u):
        tree.check()


@pytest.mark.parametrize("takes", [1, 2, 100])
def test_another_thread_uses_a_difference_during_a_step(takes):
    """Each change goes to one thread; and the step of the other goes on after what was taken."""
    t = objects(LARGE)
    u = t.dup()
    for change in range(3):
        u[10 * LARGE + change] = "new"
    expected = list(t.diff(u))
    taken, iterators = [], []

    def act():
        """With 100, it may use the iterator up, which drops its forks."""
        taken.extend(islice(iterators[-1], takes))

    def call():
        iterators.append(t.fork().diff(u.fork()))
        taken.clear()
        return list(iterators[-1])

    for _ in range(100):
        got = Other(act).beside(call)
        assert got is not None, "no other thread ran during the call"
        assert sorted(got + taken) == expected
        assert got == sorted(got) and taken == sorted(taken)
        if taken:  # it can also be that the other one is too late
            return
    raise AssertionError("the other thread never takes a change")


def test_relatives_are_written_in_all_threads():
    """Several threads store without the GIL into relatives that share nodes, and drop them."""
    random = seeded("relatives in all threads")
    numpy = pytest.importorskip("numpy")
    collect()
    nodes = counted_nodes()
    source = packed(LARGE)
    plain = source.dup()
    count = 2 * FEW

    def live(number, seed):
        def body():
            own = numpy.random.default_rng(seed)
            mine = source.fork()
            expected = plain.dup()
            for step in range(scaled(30)):
                first = numpy.sort(own.integers(0, 10 * LARGE, count).astype("u8"))
                values = own.integers(0, 5, count).astype("u8")
                last = first + own.integers(0, 40, count).astype("u8")
                mine.store_many(first, last, values)
                for row in zip(first.tolist(), last.tolist(), values.tolist(), strict=True):
                    expected.store_range(*row)
                assert mine == expected
                if step % 5 == number:
                    mine, expected = mine.fork(), expected.dup()
                if step % 7 == number:
                    copy = mine.dup()
                    copy.check()
                    assert copy == mine
            mine.check()

        return body

    sys.setswitchinterval(1e-5)
    run(*[live(number, random.randrange(2**32)) for number in range(4)])
    assert source == plain
    source.check()
    source.clear()
    plain.clear()
    collect()
    assert counted_nodes() == nodes


# ---- what keeps the GIL --------------------------------------------------------------------------


def objects(count):
    return MapleTree((10 * n, 10 * n + 4, n) for n in range(count))


KEEPING = {
    "few: dup": lambda few, many: few.dup(),
    "few: ==": lambda few, many: few == few.dup(),
    "few: pickle": lambda few, many: pickled(few),
    "few: from_arrays": lambda few, many: MapleTree.from_arrays(*GIVEN),
    "few: store_many": lambda few, many: many.fork().store_many(*GIVEN),
    "few: accumulate_many": lambda few, many: many.fork().accumulate_many(*GIVEN),
    "few: |": lambda few, many: few | few.dup(),
    "few: | triples": lambda few, many: many | list(few)[:-1],
    "few: |=": lambda few, many: few.fork().__ior__(few.dup()),
    "few: diff": lambda few, many: list(few.diff(few.dup())),
    "few: dup_into": lambda few, many: few.dup_into(MapleTree(dtype="u8")),
    "relatives: &": lambda few, many: WITH_OFFSET[1] & changed(WITH_OFFSET[1]),
    "objects: dup": lambda few, many: MANY_OBJECTS[0].dup(),
    "objects: dup_into": lambda few, many: MANY_OBJECTS[0].dup_into(MapleTree()),
    "objects: |": lambda few, many: MANY_OBJECTS[0] | many,
    "OFFSET: |": lambda few, many: WITH_OFFSET[0] | many,
    "OFFSET: store_many": lambda few, many: WITH_OFFSET[0].fork().store_many(*MANY_GIVEN),
}
GIVEN, MANY_GIVEN, MANY_OBJECTS, WITH_OFFSET = [], [], [], []


@pytest.mark.parametrize("call", KEEPING.values(), ids=KEEPING)
def test_short_calls_keep_the_gil(call):
    GIVEN[:] = columns(FEW - 1)
    MANY_GIVEN[:] = columns(2 * FEW)
    MANY_OBJECTS[:] = [objects(2 * FEW)]
    WITH_OFFSET[:] = [packed(2 * FEW, policy=OFFSET), packed(LARGE)]
    few, many = packed(FEW - 1), packed(2 * FEW)
    other = Other()
    assert other.beside(lambda: call(few, many), attempts=300) is None and not other.acts
    for kept in (GIVEN, MANY_GIVEN, MANY_OBJECTS, WITH_OFFSET):
        kept.clear()


def test_a_tree_is_written_in_place_after_it_was_read():
    """A call that has read a snapshot leaves no trace: no later write copies nodes."""
    t, u = packed(), packed()
    for read, _ in READS.values():
        read(t, u)
    nodes = allocated()
    t.store_range(10, 14, 3)
    u.store_range(10, 14, 3)
    assert allocated() == nodes


def allocated():
    """Return how many nodes have been handed out so far."""
    from samara import _implementation

    return _implementation._pool_stats()[1]


# ---- arrays that change --------------------------------------------------------------------------


def test_arrays_that_change_during_the_call():
    """Another thread breaks this rule. The tree is sound, or there is none."""
    random = seeded("arrays that change")
    collect()
    nodes = counted_nodes()
    given = columns(LARGE)
    good = [column.copy() for column in given]
    outcomes = set()

    def act():
        for _ in range(3):
            at = random.randrange(LARGE)
            given[random.randrange(2)][at] = random.choice([0, 2**64 - 1, 10 * at + 5, 10 * at])

    def restore():
        for column, whole in zip(given, good, strict=True):
            column[:] = whole

    def call(make):
        restore()
        try:
            tree = make()
        except (RuntimeError, ValueError) as error:
            assert "changed during the call" in str(error) or type(error) is ValueError
            outcomes.add("refused")
        else:
            tree.check()
            contents(tree)
            outcomes.add("sound")
        return True

    target = packed()

    def stored():
        own = target.fork()
        own.store_many(*given)
        return own

    def accumulated():
        own = target.fork()
        own.accumulate_many(*given)
        return own

    for make in (lambda: MapleTree.from_arrays(*given), stored, accumulated):
        other = Other(act)
        for _ in range(20):
            assert other.beside(lambda make=make: call(make))
    assert outcomes, outcomes
    target.check()
    assert target == MapleTree.from_arrays(*good)
    target.clear()
    collect()
    assert counted_nodes() == nodes


def test_accumulate_many_copies_its_arrays():
    random = seeded("arrays of accumulate_many")
    good = [array("Q", column.tolist()) for column in columns(LARGE)]
    given = [column[:] for column in good]
    target = packed()
    expected = target.fork()
    expected.accumulate_many(*good)

    def act():
        for _ in range(300):
            at = random.randrange(LARGE)
            given[random.randrange(3)][at] = random.choice([0, 2**64 - 1, 10 * at + 5])

    def call():
        for column, whole in zip(given, good, strict=True):
            column[:] = whole
        own = target.fork()
        own.accumulate_many(*given)
        return own

    for _ in range(5):
        assert Other(act).beside(call) == expected


def test_the_thread_that_waits_is_not_the_one_that_calls():
    """The class Other: without a call that releases the GIL, it never acts."""
    other = Other()
    assert other.beside(lambda: sum(range(1000)), attempts=300) is None
    assert not other.acts and threading.active_count() >= 1
