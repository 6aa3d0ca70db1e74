"""t.lock: re-entrant, and others wait. And threads without it: each operation is whole."""

import signal
import threading
import time

import pytest

from samara import MAX, MapleTree


def run(*functions):
    """Run each function in a thread; the first error of any comes out here."""
    errors = []

    def call(function):
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=call, args=(function,), daemon=True) for function in functions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


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


OPERATIONS = {
    "get": lambda t, u: t.get(5),
    "getitem": lambda t, u: t[5],
    "slice": lambda t, u: t[3:8],
    "in": lambda t, u: 5 in t,
    "len": lambda t, u: len(t),
    "bool": lambda t, u: bool(t),
    "entry": lambda t, u: t.entry(5),
    "find": lambda t, u: t.find(5),
    "find_rev": lambda t, u: t.find_rev(5),
    "next": lambda t, u: t.next(5),
    "prev": lambda t, u: t.prev(5),
    "iter": lambda t, u: iter(t),
    "reversed": lambda t, u: reversed(t),
    "entries": lambda t, u: t.entries(),
    "gaps": lambda t, u: t.gaps(),
    "is_free": lambda t, u: t.is_free(1, 2),
    "empty_area": lambda t, u: t.empty_area(5),
    "covered": lambda t, u: t.covered,
    "height": lambda t, u: t.height,
    "node_count": lambda t, u: t.node_count,
    "nbytes": lambda t, u: t.nbytes,
    "eq": lambda t, u: t == u,
    "eq, other way": lambda t, u: u == t,
    "repr": lambda t, u: repr(t),
    "check": lambda t, u: t.check(),
    "dump": lambda t, u: t.dump(),
    "reduce": lambda t, u: t.__reduce__(),
    "fork": lambda t, u: t.fork(),
    "dup": lambda t, u: t.dup(),
    "dup_into": lambda t, u: t.dup_into(u),
    "init from it": lambda t, u: MapleTree(t),
    "init": lambda t, u: t.__init__([(5, 5, "x")]),
    "store": lambda t, u: t.__setitem__(5, "x"),
    "store slice": lambda t, u: t.__setitem__(slice(5, 6), "x"),
    "delete": lambda t, u: t.__delitem__(5),
    "store_range": lambda t, u: t.store_range(5, 6, "x"),
    "insert_range": lambda t, u: t.insert_range(50, 60, "x"),
    "erase": lambda t, u: t.erase(5),
    "pop_range": lambda t, u: t.pop_range(5, 6),
    "alloc_range": lambda t, u: t.alloc_range("x", 5),
    "clear": lambda t, u: t.clear(),
    "cursor walk": lambda t, u: t.cursor(5).walk(),
    "cursor next": lambda t, u: t.cursor(5).next(),
    "cursor prev": lambda t, u: t.cursor(5).prev(),
    "cursor loop": lambda t, u: next(t.cursor(5)),
    "cursor store": lambda t, u: t.cursor(5).store("x"),
    "cursor erase": lambda t, u: t.cursor(5).erase(),
    "cursor empty_area": lambda t, u: t.cursor(5).empty_area(1),
    "cursor value": lambda t, u: t.cursor(5).value,
    "acquire": lambda t, u: t.lock.acquire() and t.lock.release(),
}


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
    assert done.wait(60)
    thread.join()
    t.check()


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
    held, finish = threading.Event(), threading.Event()

    def hold():
        with t.lock:
            held.set()
            finish.wait(60)

    def interrupt():
        time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    assert held.wait(60)
    interrupter = threading.Thread(target=interrupt, daemon=True)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        t.get(5)
    finish.set()
    holder.join()
    interrupter.join()
    assert t[5] == "a"


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
