# SPDX-License-Identifier: MIT
"""Shared code for thread tests: starting threads, forking beside them, a tree's operations."""

import os
import signal
import tempfile
import threading
import traceback
import warnings
from contextlib import contextmanager

from interpreter import HANGS
from samara import MapleTree, common_gaps


def run(*functions):
    """Run each function in a thread, and raise the first error of any of them here."""
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
        thread.join(HANGS)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


def in_child(body):
    """Run body() in the child of a fork(). An error there fails the test here."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():  # newer Pythons warn about threads
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process == 0:
        status = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(HANGS)  # kill the child if it hangs
            body()
            status = 0
        except BaseException:
            os.write(writer, traceback.format_exc().encode())
        finally:
            os._exit(status)
    os.close(writer)
    with open(reader) as pipe:
        said = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert status == 0, said or f"the child ended with {status}"


@contextmanager
def elsewhere(*functions):
    """Run each function in a thread meanwhile, with an event `stop`. Raise their errors here."""
    stop = threading.Event()
    errors = []

    def work():
        try:
            run(*[lambda function=function: function(stop) for function in functions])
        except BaseException as error:
            errors.append(error)

    starter = threading.Thread(target=work, daemon=True)
    starter.start()
    try:
        yield stop
    finally:
        stop.set()
        starter.join(60)
    if errors:
        raise errors[0]


@contextmanager
def held_elsewhere(*locks, beside=()):
    """Let another thread hold these locks meanwhile, and others run the functions."""
    held = threading.Event()

    def hold(stop):
        for lock in locks:
            lock.acquire()
        held.set()
        stop.wait(60)
        for lock in locks:
            lock.release()

    with elsewhere(hold, *beside):
        assert held.wait(60)
        yield


def saved(tree):
    with tempfile.TemporaryDirectory() as folder:
        tree.save(os.path.join(folder, "tree"))


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
    "first_entry": lambda t, u: t.first_entry(),
    "last_entry": lambda t, u: t.last_entry(),
    "ranges": lambda t, u: t.ranges(),
    "values": lambda t, u: t.values(),
    "items": lambda t, u: t.items(),
    "covers": lambda t, u: t.covers(1, 2),
    "overlaps": lambda t, u: t.overlaps(1, 2),
    "is_free": lambda t, u: t.is_free(1, 2),
    "common_gaps": lambda t, u: common_gaps([t, u]),
    "empty_area": lambda t, u: t.empty_area(5),
    "covered": lambda t, u: t.covered,
    "height": lambda t, u: t.height,
    "node_count": lambda t, u: t.node_count,
    "nbytes": lambda t, u: t.nbytes,
    "eq": lambda t, u: t == u,
    "eq, other way": lambda t, u: u == t,
    "repr": lambda t, u: repr(t),
    "repr in a notebook": lambda t, u: t._repr_html_(),
    "repr in rich": lambda t, u: list(t.__rich_repr__()),
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
    "map_range": lambda t, u: t.map_range(5, 6, str, default="x"),
    "alloc_range": lambda t, u: t.alloc_range(5, "x"),
    "alloc_many": lambda t, u: t.alloc_many([5, 2], "xy"),
    "alloc_cyclic": lambda t, u: t.alloc_cyclic("x", next=5),
    "clear": lambda t, u: t.clear(),
    "cursor walk": lambda t, u: t.cursor(5).walk(),
    "cursor next": lambda t, u: t.cursor(5).next(),
    "cursor prev": lambda t, u: t.cursor(5).prev(),
    "cursor loop": lambda t, u: next(t.cursor(5)),
    "cursor store": lambda t, u: t.cursor(5).store("x"),
    "cursor insert": lambda t, u: t.cursor(2**40).insert("x"),
    "cursor clear": lambda t, u: t.cursor(5).clear(),
    "cursor erase": lambda t, u: t.cursor(5).erase(),
    "cursor empty_area": lambda t, u: t.cursor(5).empty_area(1),
    "cursor value": lambda t, u: t.cursor(5).value,
    "load_many": lambda t, u: t.load_many([5, 6], found=True),
    "store_many": lambda t, u: t.store_many([5], [6], "x"),
    "save": lambda t, u: saved(t),
    "acquire": lambda t, u: t.lock.acquire() and t.lock.release(),
}
