"""The extension in a second interpreter, and at an interpreter's end."""

import pytest

from interpreter import run_python

# Interpreters that share the lock: nothing is claimed for those that have one of their own.
try:
    import _interpreters as interpreters

    CREATE = "create('legacy')"
except ImportError:
    interpreters = pytest.importorskip("_xxsubinterpreters")
    CREATE = "create(isolated=False)"

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
"""


@pytest.mark.parametrize("rounds", [1, 5])
def test_other_interpreters(rounds):
    run_python(
        f"""
import {interpreters.__name__} as interpreters
import samara
before = samara._implementation._pool_stats()
for _ in range({rounds}):
    interpreter = interpreters.{CREATE}
    error = interpreters.run_string(interpreter, {BODY!r})
    assert error is None, error
    interpreters.destroy(interpreter)
assert samara._implementation._pool_stats() == before
{BODY}
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
first = samara.MapleTree
t = first([(1, 2, 3)])
for name in [name for name in sys.modules if name.startswith("samara")]:
    del sys.modules[name]
import samara
assert samara.MapleTree is not first
u = samara.MapleTree([(1, 2, 3)])
assert u != t and list(u) == list(t)
del first, t
gc.collect()
u.fork()
"""
    )
