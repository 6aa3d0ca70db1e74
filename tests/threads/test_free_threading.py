# SPDX-License-Identifier: MIT
"""Free-threaded Python: the extension runs without the GIL from 3.14 on, and 3.13 turns it on.

The other tests of this folder run there too. These are about what only threads that run at the same
time can do: look-ups that wait for nobody, and objects that several threads use.
`make test-free-threaded` provides such an interpreter.
"""

import gc
import os
import subprocess
import sys
import sysconfig
import threading

import pytest

from interpreter import GIL, c_only, steps
from samara import MapleTree
from threads import elsewhere, in_child, run
from tree_oracle import seeded

if not sysconfig.get_config_var("Py_GIL_DISABLED"):
    pytest.skip("this interpreter always has its lock", allow_module_level=True)

RUNS_WITHOUT = sys.version_info >= (3, 14)
LOOK = "import samara, sys; print(samara.implementation, sys._is_gil_enabled())"
THREADS = 4
STEPS = steps(20_000)

without_gil = pytest.mark.skipif(GIL, reason="the GIL is on")


def start(**variables):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    environment.pop("PYTHONWARNINGS", None)
    return subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, env=environment
    )


# ---- the GIL


@c_only
@pytest.mark.skipif(not RUNS_WITHOUT, reason="from 3.14 on")
@pytest.mark.parametrize("variables", [{}, {"PYTHON_GIL": "0"}])
def test_the_extension_leaves_the_gil_off(variables):
    result = start(SAMARA_PURE="0", **variables)
    assert (result.stdout, result.stderr) == ("c False\n", "")


@c_only
@pytest.mark.skipif(RUNS_WITHOUT, reason="up to 3.13")
def test_the_extension_turns_the_gil_on():
    result = start(SAMARA_PURE="0")
    assert result.stdout == "c True\n"
    assert "has been enabled to load module 'samara._core'" in result.stderr


@c_only
@pytest.mark.skipif(RUNS_WITHOUT, reason="up to 3.13")
def test_the_extension_is_refused_where_the_gil_must_stay_off():
    result = start(SAMARA_PURE="0", PYTHON_GIL="0")
    assert result.returncode == 1
    assert "ImportError: samara._core requires the GIL" in result.stderr


def test_plain_python_leaves_the_gil_off():
    result = start(SAMARA_PURE="1")
    assert (result.stdout, result.stderr) == ("python False\n", "")


# ---- look-ups beside a writer


class Value:
    """A value that knows where it was stored, and is gone soon after."""

    __slots__ = ("first", "last")

    def __init__(self, first, last):
        self.first, self.last = first, last


def look_up(tree, key, random):
    """One look-up of any kind, and a check of what it found."""
    kind = random.randrange(5)
    if kind == 0:
        value = tree.get(key)
    elif kind == 1:
        try:
            value = tree[key]
        except KeyError:
            value = None
    elif kind == 2:
        entry = tree.entry(key)
        value = entry.value if entry else None
        assert entry is None or value.first <= entry.first <= key <= entry.last <= value.last
    elif kind == 3:
        assert (key in tree) in (True, False)
        value = None
    else:
        value = tree.get(key, None)
    if value is not None:
        assert type(value) is Value and value.first <= key <= value.last


@without_gil
def test_readers_beside_a_writer():
    """A reader gets what was stored there, though the writer drops its values all the time."""
    random = seeded("readers beside a writer")
    t, size = MapleTree(), 2000
    seeds = [random.getrandbits(64) for _ in range(THREADS)]

    def read(stop):
        own = seeded(f"reader {seeds.pop()}")
        while not stop.is_set():
            for _ in range(100):
                look_up(t, own.randrange(size), own)

    with elsewhere(*[read] * THREADS):
        for step in range(STEPS):
            first = random.randrange(size)
            last = min(size - 1, first + random.choice([0, 3, 50]))
            way = random.random()
            cursor = t.cursor(first)
            if way < 0.2:
                del t[first : last + 1]
            elif way < 0.4 and (entry := cursor.walk()):
                cursor.store(Value(entry.first, entry.last))
            else:
                t.store_range(first, last, Value(first, last))
            if step % 5000 == 4999:
                gc.collect()
    t.check()


@without_gil
def test_a_reader_never_takes_a_number_for_an_object():
    """While __init__() gives a tree numbers, objects, numbers."""
    t = MapleTree([(0, 99, 5)], dtype="u8")

    def read(stop):
        while not stop.is_set():
            for key in range(0, 100, 9):
                assert t.get(key) in (5, "five", None)
                entry = t.entry(key)
                assert entry is None or entry in ((0, 99, 5), (0, 99, "five"))

    with elsewhere(read, read):
        for _ in range(STEPS // 20):
            t.__init__([(0, 99, "five")])
            t.__init__([(0, 99, 5)], dtype="u8")
    t.check()


@without_gil
def test_a_lock_that_is_new_is_waited_for():
    """Readers that wait for nobody begin to wait when a thread takes t.lock for the first time."""
    for _ in range(steps(150)):
        t = MapleTree([(0, 9, 0)])
        started = threading.Barrier(3)

        def write(t=t, started=started):
            started.wait()
            with t.lock:
                for _ in range(20):
                    t.store_range(0, 9, 1)  # nobody sees this
                    t.store_range(0, 9, 0)

        def read(t=t, started=started):
            started.wait()
            for _ in range(60):
                assert t.get(5) == 0
                assert t.entry(3) == (0, 9, 0)

        run(write, read, read)


# ---- objects of several threads


@without_gil
def test_the_first_call_settles_the_width():
    """Threads that all make the first call on a tree without a kind."""
    for _ in range(steps(60)):
        t = MapleTree.__new__(MapleTree)
        started = threading.Barrier(THREADS)
        outcomes = []

        def use(number, t=t, started=started, outcomes=outcomes):
            started.wait()
            try:
                if number == 0:
                    t.__init__([(2**70, 2**71, "wide")], keys="uint128")
                else:
                    t.get(number)
                    t[number] = number
                outcomes.append(number)
            except ValueError as error:
                assert number == 0 and "this tree has keys" in str(error)

        run(*[lambda number=number: use(number) for number in range(THREADS)])
        t.check()
        wide = t.keys_dtype == "uint128"
        assert wide == (0 in outcomes)
        assert sorted(outcomes)[-3:] == [1, 2, 3]


@without_gil
@pytest.mark.parametrize("name", ["entries", "ranges", "values", "items", "gaps"])
def test_threads_share_an_iterator(name):
    """Each result goes to one thread."""
    t = MapleTree([(i * 10, i * 10 + 5, i) for i in range(2000)])
    expected = list(getattr(t, name)())
    iterator, got = getattr(t, name)(), []

    def step():
        own = []
        for result in iterator:
            own.append(result if isinstance(result, int) else tuple(result))
        got.extend(own)

    run(*[step] * THREADS)
    assert sorted(got) == sorted(map(tuple, expected) if name != "values" else expected)


@without_gil
def test_threads_share_a_cursor():
    t = MapleTree([(i * 10, i * 10 + 5, i) for i in range(2000)])
    cursor, got = t.cursor(), []

    def step():
        own = []
        while (entry := cursor.find()) is not None:
            own.append(entry.value)
        got.extend(own)

    run(*[step] * THREADS)
    assert sorted(got) == list(range(2000))


@without_gil
@pytest.mark.parametrize("apart", [1, 15_000])
def test_threads_share_a_difference(apart):
    """Changes that are far from each other are searched for while the other threads go on."""
    before = MapleTree([(i * 10, i * 10 + 5, i) for i in range(2000 * min(apart, 50))])
    after = before.dup()
    changed = range(0, len(before), apart)
    for key in changed:
        after.store_range(10 * key, 10 * key + 5, -key - 1)
    difference, got = before.diff(after), []

    def step():
        got.extend([change.before for change in difference])

    run(*[step] * THREADS)
    assert sorted(got) == list(changed)


@without_gil
def test_each_thread_writes_a_relative_while_the_collector_runs():
    source = MapleTree([(i * 10, i * 10 + 5, [i]) for i in range(500)])
    for _, _, value in source:
        value.append(source)  # cycles, through nodes that all share

    def write(number):
        random = seeded(f"writer {number}")
        tree = source.fork()
        for _ in range(STEPS // 40):
            index = random.randrange(500)
            assert tree.get(index * 10) is None or tree[index * 10][0] in (index, "new")
            tree[index * 10] = ["new", tree]
            if random.random() < 0.02:
                tree = random.choice([tree, source]).fork()
            if random.random() < 0.01:
                gc.collect()
        tree.check()

    run(*[lambda number=number: write(number) for number in range(THREADS)])
    source.check()
    assert [entry.value[0] for entry in source] == list(range(500))


# ---- fork()


@without_gil
@pytest.mark.parametrize("method", ["store_range", "find", "lock"])
def test_a_fork_while_others_are_about_to_enter(method):
    """In the child nobody owns the tree, though at that moment a thread may have."""
    t = MapleTree([(0, 9, 0)])
    calls = {
        "store_range": lambda: t.store_range(0, 9, 1),
        "find": lambda: t.find(0),
        "lock": lambda: t.lock.acquire() and t.lock.release(),
    }
    t.lock  # noqa: B018

    def work(stop):
        while not stop.is_set():
            for _ in range(50):
                calls[method]()

    def child():
        for call in calls.values():
            call()
        with t.lock:
            t.store_range(5, 7, "child")
        t.check()

    with elsewhere(*[work] * THREADS):
        for _ in range(steps(15)):
            in_child(child)
    t.check()
