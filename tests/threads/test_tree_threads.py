# SPDX-License-Identifier: MIT
"""t.lock is re-entrant, and others wait for it. Without it, each operation is atomic."""

import signal
import threading
import time

import pytest

from interpreter import HANGS, settle
from samara import MAX, MapleTree
from threads import OPERATIONS, run


def test_the_lock_is_one_object_and_re_entrant():
    t = MapleTree()
    assert t.lock is t.lock and t.lock is not MapleTree().lock
    assert repr(t.lock) == "<samara.TreeLock free>"
    with t.lock as taken, t.lock:
        assert taken is True
        assert repr(t.lock) == "<samara.TreeLock held>"
        t[5] = 1
        assert t.lock.acquire() is True
        t.lock.release()
        assert t[5] == 1
    with pytest.raises(RuntimeError, match="this thread does not hold the lock"):
        t.lock.release()
    with pytest.raises(OSError), t.lock:
        raise OSError
    assert repr(t.lock) == "<samara.TreeLock free>"


def test_another_thread_cannot_release_it():
    t = MapleTree()

    def other():
        with pytest.raises(RuntimeError):
            t.lock.release()

    with t.lock:
        run(other)
        assert repr(t.lock) == "<samara.TreeLock held>"


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_operation_of_others_waits(operation):
    t = MapleTree([(5, 5, "a")])
    u = MapleTree()
    done = threading.Event()

    def other():
        operation(t, u)
        done.set()

    with t.lock:
        thread = threading.Thread(target=other, daemon=True)
        thread.start()
        assert not done.wait(0.02)
        assert list(t) == [(5, 5, "a")]
    assert done.wait(HANGS)
    thread.join()
    t.check()


@pytest.mark.parametrize(
    "operation",
    [lambda t: t.accumulate(5, 6, 1), lambda t: t.accumulate_many([5, 6], [5, 9], 1)],
    ids=["accumulate", "accumulate_many"],
)
def test_arithmetic_of_others_waits(operation):
    t = MapleTree([(5, 5, 1)], dtype="u8")
    done = threading.Event()

    def other():
        operation(t)
        done.set()

    with t.lock:
        thread = threading.Thread(target=other, daemon=True)
        thread.start()
        assert not done.wait(0.02)
        assert list(t) == [(5, 5, 1)]
    assert done.wait(HANGS)
    thread.join()
    assert t[5] == 2 and t[6] == 1


def test_map_range_notices_writes_of_others():
    t = MapleTree([(5, 5, 1), (7, 7, 2)])

    def function(value):
        run(lambda: t.store_range(50, 50, value))
        return value + 1

    with pytest.raises(RuntimeError, match="has changed"):
        t.map_range(0, 9, function)
    assert list(t) == [(5, 5, 1), (7, 7, 2), (50, 50, 2)]


def test_several_operations_as_one():
    t = MapleTree([(0, 0, 0)])

    def add():
        for _ in range(300):
            with t.lock:
                value = t[0]
                if value % 7 == 0:
                    time.sleep(0)
                t[0] = value + 1

    run(*[add] * 4)
    assert t[0] == 1200


def test_readers_never_see_the_middle():
    t = MapleTree([(0, 9, "a"), (10, 19, "a")])
    stop = threading.Event()

    def write():
        for n in range(100):
            with t.lock:
                t[0:10] = n
                time.sleep(0)
                t[10:20] = n
        stop.set()

    def read():
        while not stop.is_set():
            first, second = t
            assert first.value == second.value

    run(write, read, read)


def test_an_iterator_needs_no_lock_once_it_is_made():
    t = MapleTree((n, n, n) for n in range(50))
    iterator = iter(t)
    with t.lock:
        run(lambda: list(iterator))


def test_a_signal_ends_the_waiting():
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        pytest.skip("needs Python's own handler")
    t = MapleTree([(5, 5, "a")])
    held, finish, ended = threading.Event(), threading.Event(), threading.Event()

    def end(number, frame):
        if not ended.is_set():
            ended.set()
            raise KeyboardInterrupt

    def hold():
        with t.lock:
            held.set()
            finish.wait(HANGS)

    def interrupt():
        # More than once: without the GIL, CPython may at first go on waiting for an RLock.
        while not ended.wait(0.05):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    assert held.wait(HANGS)
    interrupter = threading.Thread(target=interrupt, daemon=True)
    # polars, once imported, calls Python's handler from one that lets system calls go on: then no
    # wait ends. So this sets the handler again.
    signal.signal(signal.SIGINT, end)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupter.start()
            t.get(5)
        finish.set()
        holder.join()
        interrupter.join()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert t[5] == "a"


def test_a_subtraction_that_is_overtaken_subtracts():
    """It begins again if another thread has written the tree, and had lost its ranges then."""
    count = 20_000
    t = MapleTree(dtype="u8")
    for i in range(count):
        t.store_range(10 * i, 10 * i + 5, i)
    begun, finish = threading.Event(), threading.Event()

    def write():
        while not finish.is_set():
            t.store_range(10 * count, 10 * count + 5, 1)
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait(HANGS)
    t -= [(10 * i, 10 * i + 5) for i in range(0, count, 2)]
    finish.set()
    writer.join()
    assert [entry.value for entry in t] == [*range(1, count, 2), 1]


def test_a_lock_outlives_its_tree():
    lock = MapleTree().lock
    with lock:
        pass
    t = MapleTree()
    lock = t.lock
    lock.acquire()
    del t
    lock.release()


def test_threads_without_the_lock():
    t = MapleTree()
    stop = threading.Event()

    def write(base):
        def body():
            for n in range(1500):
                index = base + n % 97
                t.store_range(index, index + n % 5, [n])
                if n % 3 == 0:
                    t.erase(index)
                if n % 11 == 0:
                    t.pop_range(base, base + 20)
            stop.set()

        return body

    def read():
        while not stop.is_set():
            entries = list(t)
            assert all(a.last < b.first for a, b in zip(entries, entries[1:], strict=False))
            fork = t.fork()
            fork[50:60] = "own"
            assert fork[55] == "own"
            t.find(0), t.get(MAX), t.covered

    run(write(0), write(40), read, read)
    t.check()


@pytest.mark.parametrize(
    "way",
    [
        *(lambda t: t.fork(), lambda t: t.dup(), lambda t: t[1:2]),
        *(lambda t: t | [(1, 2, 3)], lambda t: t & [(1, 2)], lambda t: t - MapleTree()),
    ],
)
def test_a_copy_that_was_not_made_is_an_empty_tree_to_its_finalizer(way):
    seen = []

    class Seen(MapleTree):
        def __del__(self):
            seen.append(list(self))

    class Interrupted(Exception):
        pass

    def interrupt(*_):
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise Interrupted

    t = Seen([(1, 2, 3)])
    held, done = threading.Event(), threading.Event()

    def hold():
        with t.lock:
            held.set()
            done.wait()

    old = signal.signal(signal.SIGALRM, interrupt)
    thread = threading.Thread(target=hold)
    thread.start()
    try:
        held.wait()
        with pytest.raises(Interrupted):
            # Again and again: without the GIL, CPython may at first go on waiting for an RLock.
            signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
            way(t)
    finally:
        done.set()
        thread.join()
        signal.signal(signal.SIGALRM, old)
    settle()
    assert seen in ([], [[]])
