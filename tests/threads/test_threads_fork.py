# SPDX-License-Identifier: MIT
"""os.fork() beside threads: the child, which does not have them, can use every tree."""

import os
import pickle
import signal
import threading
import time

import pytest

from interpreter import HANGS, PURE, c_only, scaled
from samara import MapleTree
from threads import OPERATIONS, elsewhere, held_elsewhere, in_child, run

if not hasattr(os, "fork"):
    pytest.skip("needs fork()", allow_module_level=True)

HELD, FREE = "<samara.TreeLock held>", "<samara.TreeLock free>"


def check_lock(lock):
    """Check that a lock is free, and excludes other threads once it is taken."""
    entered = threading.Event()

    def enter():
        with lock:
            entered.set()

    assert repr(lock) == FREE
    with pytest.raises(RuntimeError, match="does not hold"):
        lock.release()
    with lock, lock:
        other = threading.Thread(target=enter, daemon=True)
        other.start()
        assert not entered.wait(0.01)
    assert entered.wait(HANGS)
    other.join()


@pytest.mark.parametrize("waiters", [0, 3])
def test_the_child_can_use_trees_that_another_thread_has_locked(waiters):
    trees = {name: (MapleTree([(5, 5, "a")]), MapleTree()) for name in OPERATIONS}
    locks = [t.lock for t, _ in trees.values()]

    def wait(stop):
        for lock in locks:
            with lock:
                pass

    def child():
        for name, (t, u) in trees.items():
            OPERATIONS[name](t, u)
            t.check()
            check_lock(t.lock)

    with held_elsewhere(*locks, beside=[wait] * waiters):
        in_child(child)
        assert {repr(lock) for lock in locks} == {HELD}
    for t, _ in trees.values():
        assert list(t) == [(5, 5, "a")]
    check_lock(locks[0])


def test_the_thread_that_forks_keeps_its_locks():
    t = MapleTree([(5, 5, "a")])

    def child():
        got = []
        other = threading.Thread(target=lambda: got.append(t[5]), daemon=True)
        other.start()
        other.join(0.02)
        assert not got
        t[5] = "b"
        t.lock.release()
        t.lock.release()
        other.join(HANGS)
        assert got == ["b"]
        check_lock(t.lock)

    with t.lock, t.lock:
        in_child(child)
        assert repr(t.lock) == HELD
    assert list(t) == [(5, 5, "a")]
    check_lock(t.lock)


def test_a_new_thread_of_the_child_is_not_taken_for_the_one_that_had_the_lock():
    # New threads get the stacks of threads that stayed behind, and so their identifiers.
    t = MapleTree([(5, 5, "a")])

    def first_use():
        check_lock(t.lock)
        assert t[5] == "a"

    with held_elsewhere(t.lock):
        in_child(lambda: run(*[first_use]))
        in_child(lambda: run(*[lambda: t.get(5)] * 3))


def test_the_child_of_a_child():
    t, u = MapleTree([(5, 5, "a")]), MapleTree([(5, 5, "a")])

    def child():
        with held_elsewhere(u.lock):
            in_child(grandchild)
            assert repr(u.lock) == HELD
        grandchild()

    def grandchild():
        for tree in (t, u):
            tree[5:9] = "b"
            check_lock(tree.lock)

    with held_elsewhere(t.lock):
        in_child(child)


def use_tree(t, entries):
    """Make all kinds of calls on a tree with these entries."""
    assert list(t) == entries
    t.check()
    u = t.fork()
    v = t.dup()
    u.store_range(0, 999, 1)
    t.store_range(500, 1499, 2)
    assert v != t and list(v) == entries
    keys = range(0, 1500, 5)
    assert list(t.load_many(keys, 0)) == [t.get(key, 0) for key in keys]
    t.store_many([0, 10], [5, 15], [3, 4])
    t.map_range(0, 12, lambda value: value + 1)
    if t.dtype:
        t.accumulate(3, 20, 1)
        t.accumulate_many([3, 7], [20, 9], 1)
    t.clear()
    assert not t and list(u)[0] == (0, 999, 1) and list(v) == entries
    for tree in (t, u, v):
        tree.check()


@pytest.mark.parametrize("dtype", [None, "u8"])
def test_a_fork_amid_load_many(dtype):
    pytest.importorskip("numpy")
    ranges = scaled(20000)
    t = MapleTree([(i * 10, i * 10 + 9, i) for i in range(ranges)], dtype=dtype)
    entries = list(t)
    keys = list(range(0, ranges * 10, 7))
    inside = [0, 0]

    def look_up(number, read):
        def body(stop):
            while not stop.is_set():
                inside[number] = 1
                read()
                inside[number] = 0

        return body

    reads = (lambda: t.load_many(keys), t.to_arrays)
    with elsewhere(*[look_up(number, read) for number, read in enumerate(reads)]) as stop:
        for round in range(10):
            while not inside[round % 2] and not stop.is_set():
                time.sleep(0)
            in_child(lambda: use_tree(t, entries))
    use_tree(t, entries)


LONG_CALLS = {
    "dup": lambda t, columns: t.dup(),
    "==": lambda t, columns: t == t.dup(),
    "pickle": lambda t, columns: pickle.dumps(t, 5, buffer_callback=[].append),
    "from_arrays": lambda t, columns: MapleTree.from_arrays(*columns),
    "store_many": lambda t, columns: t.fork().store_many(*columns),
}


@pytest.mark.parametrize("keys", ["uint64", "uint128"])
def test_a_fork_amid_calls_that_write_without_the_gil(keys):
    numpy = pytest.importorskip("numpy")
    ranges = scaled(4000)
    first = numpy.arange(ranges, dtype="u8") * 10
    t = MapleTree.from_arrays(first, first + 9, first, keys=keys)
    shifted = first + 3, first + 12, first + 1
    entries = list(t)
    inside = dict.fromkeys(LONG_CALLS, 0)

    def repeat(name):
        def body(stop):
            while not stop.is_set():
                inside[name] = 1
                LONG_CALLS[name](t, shifted)
                inside[name] = 0

        return body

    def child():
        use_tree(t, entries)
        for call in LONG_CALLS.values():  # t is empty now
            call(t, shifted)
        t.store_many(*shifted)
        run(*[lambda: t.dup().check()] * 2)
        t.check()

    with elsewhere(*map(repeat, LONG_CALLS)) as stop:
        for _ in range(3):
            for name in LONG_CALLS:
                while not inside[name] and not stop.is_set():
                    time.sleep(0)
                in_child(child)
    use_tree(t, entries)


def test_a_fork_while_others_write():
    t = MapleTree()
    u = MapleTree([(0, 999, 0)])

    def write(stop):
        number = 0
        while not stop.is_set():
            number += 1
            t.store_range(number * 7 % 500, number * 7 % 500 + 40, number)
            t.erase(number * 13 % 500)
            t.store_many([0, 300], [9, 309], [number, number])
            u.store_many([0, 500], [499, 999], [number, number])
            if number % 50 == 0:
                t.clear()

    def child():
        first, second = {value for _, _, value in u}, u.get(0)
        assert first == {second}, "half of a write"
        for tree in (t, u):
            tree.check()
            use_tree(tree, list(tree))
            check_lock(tree.lock)

    with elsewhere(write, write):
        for _ in range(10):
            in_child(child)
    t.check()


class Slow:
    """A policy that waits or does something before it returns."""

    def __init__(self, answer):
        self.answer = answer

    def split(self, entry, first, last):
        self.answer()
        return entry.value

    def merge(self, left, right, stored):
        return NotImplemented


STORES = {
    "store_range": lambda t: t.store_range(40, 49, "b"),
    "store_many": lambda t: t.store_many([40], [49], ["b"]),
}


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
def test_a_fork_while_another_thread_asks_the_policy(store):
    asked, answer = threading.Event(), threading.Event()

    def wait():
        asked.set()
        assert answer.wait(HANGS)

    t = MapleTree([(0, 99, "a")], policy=Slow(wait))

    def child():
        assert list(t) == [(0, 99, "a")]
        answer.set()
        t[40:50] = "c"
        assert [value for _, _, value in t] == ["a", "c", "a"]
        t.clear()
        t.check()

    with elsewhere(lambda stop: store(t)):
        assert asked.wait(HANGS)
        in_child(child)
        if not PURE:  # in pure Python, other writers wait instead
            with pytest.raises(RuntimeError, match="calls its policy"):
                t.clear()
        answer.set()
    assert [value for _, _, value in t] == ["a", "b", "a"]


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
def test_a_policy_that_forks(store):
    result = []

    def fork():
        process = os.fork()
        result.append(process)
        if process == 0:
            signal.alarm(HANGS)
            with pytest.raises(RuntimeError, match="calls its policy"):
                t.clear()

    t = MapleTree([(0, 99, "a"), (200, 299, "a")], policy=Slow(lambda: result or fork()))
    try:
        store(t)
        t[250:260] = "c"
        whole = [value for _, _, value in t] == ["a", "b", "a", "a", "c", "a"]
    finally:
        if result == [0]:
            os._exit(0 if whole else 1)
    assert whole
    assert os.waitstatus_to_exitcode(os.waitpid(result[0], 0)[1]) == 0


@c_only
def test_a_signal_that_forks_while_the_lock_is_waited_for():
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals come to the main thread")
    t = MapleTree([(5, 5, "a")])
    processes = []

    taken, forked = threading.Event(), threading.Event()

    def fork(signum, frame):
        processes.append(os.fork())
        if processes[-1] == 0:
            signal.alarm(HANGS)
        else:
            forked.set()

    def interrupt(stop):
        with t.lock:
            taken.set()
            time.sleep(0.05)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            assert forked.wait(HANGS)

    before = signal.signal(signal.SIGUSR1, fork)
    try:
        with elsewhere(interrupt):
            assert taken.wait(HANGS)
            value = t.get(5)
            if processes == [0]:
                os._exit(0 if value == "a" and repr(t.lock) == FREE else 1)
    finally:
        if processes == [0]:
            os._exit(2)
        signal.signal(signal.SIGUSR1, before)
    assert value == "a"
    assert os.waitstatus_to_exitcode(os.waitpid(processes[0], 0)[1]) == 0


def test_a_lock_that_ended_with_its_thread():
    # Like threading.RLock: no other thread can release it. A child of fork() starts again.
    t = MapleTree([(5, 5, "a")])
    run(t.lock.acquire)
    assert repr(t.lock) == HELD
    in_child(lambda: check_lock(t.lock))
