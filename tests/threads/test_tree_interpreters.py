# SPDX-License-Identifier: MIT
"""The extension in a second interpreter, and when an interpreter exits."""

import sys

import pytest

from interpreter import run_python

# Interpreters that share the GIL, and those with their own.
try:
    import _interpreters as interpreters

    CREATE, CREATE_ISOLATED = "create('legacy')", "create('isolated')"
except ImportError:
    interpreters = pytest.importorskip("_xxsubinterpreters")
    CREATE, CREATE_ISOLATED = "create(isolated=False)", "create(isolated=True)"

BODY = """
import samara, gc
t = samara.MapleTree([(1, 5, "a"), (9, 9, [])])
t[100] = t
u = t.fork()
t[2] = u
assert [entry.value for entry in u.entries(0, 50)] == ["a", []]
kept = iter(t)
next(kept)
try:
    t.insert_range(0, 9, 1)
except samara.RangeOccupiedError as error:
    assert error.entry == (1, 1, "a")
else:
    raise AssertionError
w = samara.MapleTree([(0, 9, [t]), (10, 19, [t])], policy=samara.COALESCE)
w[15] = w
x = samara.MapleTree([(0, 9, 5), (10, 19, 15)], dtype="u8", policy=samara.OFFSET)
assert len(w) == 3 and list(x) == [(0, 19, 5)] and x[7:][7] == 12
wide = samara.MapleTree([(5, 2**64, []), (2**100, 2**100, t)], keys="uint128")
wide[2**127] = wide
assert len(wide.fork()) == 3 and wide.first_entry().size == 2**64 - 4
nets = samara.MapleTree(keys="ipv6")
nets["fe80::/64"] = nets
assert str(nets.last_entry().last) == "fe80::ffff:ffff:ffff:ffff"
"""


# Only in one interpreter at a time: CPython 3.11 drops references to None each time that one with
# datetimes and zones ends.
KEYED = """
for keys in ("date", "datetime64[us]", "datetime64[s, Europe/Berlin]", "float64", "ipv4"):
    keyed = samara.MapleTree(keys=keys)
    keyed[keyed.first_key :] = keyed
    entry = keyed.first_entry()
    assert (entry.first, entry.last) == (keyed.first_key, keyed.last_key)
    assert keyed[entry.last] is keyed and entry.stop is None
"""


# The work of each interpreter, several at once: a tree and an array, its relatives, its lock.
WORK = """
import random, samara
rng, t, cells = random.Random(SEED), samara.MapleTree(), [None] * 300
for step in range(400):
    first = rng.randrange(300)
    last = min(299, first + rng.randrange(20))
    value = [SEED, step]
    t.store_range(first, last, value)
    cells[first : last + 1] = [value] * (last + 1 - first)
    if step % 10 == 0:
        u, v = t.fork(), t.dup()
        del u[:150]
        with t.lock:
            assert t == v and all(t.get(i) is cells[i] for i in range(300))
        assert t.load_many(range(300), None) == cells
        assert [e.value for e in u] == [e.value for e in t.entries(first=150)]
        for tree in (t, u, v):
            tree.check()
"""


@pytest.mark.parametrize("rounds", [1, 5])
def test_other_interpreters(rounds):
    body = BODY + KEYED if rounds == 1 else BODY
    run_python(
        f"""
import {interpreters.__name__} as interpreters
import samara
before = samara._implementation._pool_stats()
for _ in range({rounds}):
    interpreter = interpreters.{CREATE}
    error = interpreters.run_string(interpreter, {body!r})
    assert error is None, error
    interpreters.destroy(interpreter)
assert samara._implementation._pool_stats() == before
{body}
"""
    )


def test_several_interpreters_at_once():
    run_python(
        f"""
import {interpreters.__name__} as interpreters
import sys, threading
import samara
sys.setswitchinterval(1e-6)
WORK = {WORK!r}
before = samara._implementation._pool_stats()
errors = []

def work(seed):
    try:
        interpreter = interpreters.{CREATE}
        error = interpreters.run_string(interpreter, f"SEED = {{seed}}\\n" + WORK)
        assert error is None, error
        interpreters.destroy(interpreter)
    except BaseException as error:
        errors.append(error)

threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
for thread in threads:
    thread.start()
names = {{"SEED": 7}}
exec(WORK, names)
names.clear()
for thread in threads:
    thread.join()
assert not errors, errors
import gc
gc.collect()
assert samara._implementation._pool_stats()[0] == before[0]
"""
    )


# An interpreter that has begun waits for another one, and never releases its GIL meanwhile.
MEETING = """
import mmap, sys
sys.setswitchinterval(1e6)
here = mmap.mmap(FILE, 2)
other = samara.MapleTree([(0, 9, "a")], keys="int64")
here[SEED] = 1
while not here[1 - SEED]:
    assert other.get(5) == "a"
here.close()
"""
own_locks = pytest.mark.skipif(sys.version_info < (3, 12), reason="all interpreters share one lock")


@own_locks
def test_interpreters_with_locks_of_their_own_run_at_once():
    run_python(
        f"""
import {interpreters.__name__} as interpreters
import tempfile, threading
errors = []
file = tempfile.TemporaryFile()
file.truncate(2)

def work(seed):
    try:
        one = interpreters.{CREATE_ISOLATED}
        names = f"SEED, FILE = {{seed}}, {{file.fileno()}}\\n"
        error = interpreters.run_string(one, names + {BODY + WORK + MEETING!r})
        assert error is None, error
        interpreters.destroy(one)
    except BaseException as error:
        errors.append(error)

threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
file.close()
assert not errors, errors
"""
    )


@own_locks
def test_all_kinds_of_keys_in_an_interpreter_with_a_lock_of_its_own():
    keyed = KEYED
    if sys.version_info < (3, 13):  # its zoneinfo cannot be imported there
        keyed = KEYED.replace('"datetime64[s, Europe/Berlin]", ', "")
    run_python(
        f"""
import {interpreters.__name__} as interpreters
one = interpreters.{CREATE_ISOLATED}
error = interpreters.run_string(one, {BODY + keyed!r})
assert error is None, error
interpreters.destroy(one)
"""
    )


def test_the_end_of_the_interpreter():
    assert (
        run_python(
            f"""
{BODY}
class Last:
    def __init__(self, tree):
        self.tree = tree
    def __del__(self):
        self.tree[7] = "x"
        print(len(self.tree), self.tree.find(0).first, list(self.tree.gaps(0, 3)))
import sys, builtins
v = samara.MapleTree()
v[5] = Last(v)
builtins.kept = v
del v
"""
        )
        == "2 5 [Gap(first=0, last=3)]\n"
    )


def test_importing_it_again():
    run_python(
        """
import sys, gc
import samara
first, policy = samara.MapleTree, samara.COALESCE
t = first([(1, 2, 3)])
kept = first([(0, 9, 1), (10, 19, 1)], dtype="u8", policy=policy)
for name in [name for name in sys.modules if name.startswith("samara")]:
    del sys.modules[name]
import samara
assert samara.MapleTree is not first
u = samara.MapleTree([(1, 2, 3)])
assert u != t and list(u) == list(t)
kept[20] = 1
assert len(kept) == 1 and samara.COALESCE is not policy
try:
    samara.MapleTree(dtype="u8", policy=policy)
except ValueError:
    pass
else:
    raise AssertionError
del first, t
gc.collect()
u.fork()
"""
    )
