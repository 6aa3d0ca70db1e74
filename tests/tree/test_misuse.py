# SPDX-License-Identifier: MIT
"""Misuse by a careless caller causes no crash, no hang and no broken tree."""

import gc
import itertools
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest

import samara
from interpreter import COUNTS_REFERENCES, c_only, run_python
from samara import Cursor, MapleTree, TreeLock

# ---- the types -----------------------------------------------------------------------------------


def hidden_types():
    tree = MapleTree([(1, 5, "a")])
    iterators = iter(tree), tree.entries(), tree.gaps(), tree.diff(tree)
    return [type(tree.lock), *map(type, iterators)]


@c_only
@pytest.mark.parametrize("make", [lambda cls: cls(), lambda cls: object.__new__(cls)])
def test_types_that_only_a_tree_makes(make):
    made = {thing for thing in gc.get_referents(sys.modules["samara._core"]) if type(thing) is type}
    made = {cls for cls in made if cls.__module__ == "samara._core"} | {TreeLock}
    assert made >= set(hidden_types())
    assert {cls.__name__ for cls in made} == {
        *("DiffIterator", "Family", "Kind", "Policy", "TreeIterator", "TreeLock")
    }
    for cls in made:
        with pytest.raises(TypeError):
            make(cls)
        with pytest.raises(TypeError):
            type("Sub", (cls,), {})


def test_a_cursor_has_a_tree():
    for make in (lambda: Cursor(), lambda: Cursor(None), lambda: Cursor(object())):
        with pytest.raises(TypeError):
            make()
    # In pure Python an instance can be made, but it is useless.
    with pytest.raises((TypeError, AttributeError)):
        object.__new__(Cursor).find()


@c_only
@pytest.mark.parametrize("cls", [MapleTree, Cursor, *hidden_types()])
def test_types_do_not_change(cls):
    with pytest.raises(TypeError):
        cls.fork = None
    with pytest.raises(TypeError):
        cls.__class__ = type("Meta", (type,), {})


def test_a_tree_that_init_never_saw():
    tree = MapleTree.__new__(MapleTree)
    assert (len(tree), list(tree), list(tree.fork())) == (0, [], [])
    tree[3:5] = "a"
    tree.check()
    assert list(tree) == [(3, 4, "a")]


class Slotted(MapleTree):
    __slots__ = ("name", "other")


class SlottedAlike(MapleTree):
    __slots__ = ("name", "other")


class WithDict(MapleTree):
    pass


class WithDictToo(MapleTree):
    def fork(self):
        return "mine"


def test_classes_of_one_layout_can_be_exchanged():
    for first, second in [(Slotted, SlottedAlike), (WithDict, WithDictToo)]:
        tree = first([(1, 5, "a")])
        tree.name = tree  # a cycle
        cursor, iterator = tree.cursor(2), iter(tree)
        tree.__class__ = second
        assert type(tree) is second and tree.name is tree
        tree[3] = "b"
        tree.check()
        assert next(iterator) == (1, 5, "a")
        assert cursor.walk().value == "a"
    assert tree.fork() == "mine"


@c_only
def test_classes_of_another_layout_cannot():
    kinds = [MapleTree, Slotted, WithDict, Cursor, dict, type(MapleTree().lock)]
    for old, new in itertools.permutations(kinds[:3], 2):
        with pytest.raises(TypeError):
            old().__class__ = new
    for thing in (MapleTree(), Cursor(MapleTree()), MapleTree().lock, iter(MapleTree())):
        for new in kinds:
            with pytest.raises(TypeError):
                thing.__class__ = new


# ---- the module ----------------------------------------------------------------------------------


def another_core():
    """Load the extension again, as a module with another name."""
    spec = spec_from_file_location("elsewhere._core", sys.modules["samara._core"].__file__)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@c_only
def test_the_extension_by_another_name():
    path = sys.modules["samara._core"].__file__
    with pytest.raises(ImportError, match="PyInit_other"):
        module_from_spec(spec_from_file_location("other", path))
    before = samara._implementation._pool_stats()[1]
    other = another_core()
    assert other.MapleTree is not MapleTree
    tree = other.MapleTree([(1, 5, ["a"]), (9, 9, "b")])
    tree[3] = tree.fork()
    tree.check()
    assert [entry.first for entry in tree] == [1, 3, 4, 9]
    assert other._pool_stats()[0] > 0
    # The second module has everything of its own, including the pool.
    assert samara._implementation._pool_stats()[1] == before


@c_only
def test_two_extensions_do_not_take_each_others_objects():
    other = another_core()
    ours, theirs = MapleTree([(1, 5, "a")]), other.MapleTree([(1, 5, "a")])
    assert ours != theirs
    for call in (
        lambda: MapleTree.fork(theirs),
        lambda: other.MapleTree.fork(ours),
        lambda: Cursor(theirs),
        lambda: other.Cursor(ours),
        lambda: type(iter(ours)).__next__(iter(theirs)),
        lambda: type(ours.lock).acquire(theirs.lock),
        lambda: MapleTree.__reduce__(theirs),
    ):
        with pytest.raises(TypeError):
            call()
    # To the first module, such a tree is like any iterable and any value.
    assert list(MapleTree(theirs)) == list(ours)
    ours[2], theirs[2] = theirs, ours
    other = ours = theirs = None
    gc.collect()


@c_only
def test_a_module_that_was_emptied():
    run_python(
        """
import sys, gc, samara, samara._core as core
t = samara.MapleTree([(1, 5, "a")])
core.__dict__.clear()
for name in list(sys.modules):
    if name.startswith("samara"):
        del sys.modules[name]
del samara, core
gc.collect()
u = t.fork()
u[3] = t
assert (len(u), next(u.entries(2)), t.pop_range(0, 9)) == (3, (1, 2, "a"), [(1, 5, "a")])
u.check()
cursor = u.cursor(3)
del t, u
gc.collect()
assert cursor.walk().first == 3
"""
    )


# ---- the interpreter's end -----------------------------------------------------------------------

AT_EXIT = """
import atexit, builtins, gc, os, sys, threading, samara
from samara import MapleTree

class Value:
    def __init__(self, tree, things):
        self.tree, self.things = tree, things
    def __del__(self, write=os.write):
        tree = self.tree
        copy = tree.fork()
        copy[50] = tree[50:60] = self.things
        tree.check()
        list(tree), list(self.things[0]), self.things[1].find()
        write(1, b"ended ")

def grow(name):
    tree = MapleTree([(key, key + 1, str(key)) for key in range(100, 400, 2)])
    things = [iter(tree), tree.cursor(120), tree.fork(), tree.entries(200)]
    next(things[0])
    tree[7] = Value(tree, things)
    setattr(builtins, name, things)
    return tree

kept = grow("first")
builtins.second = grow("first_things")
sys.kept = [grow("third"), Value(kept, builtins.third)]
"""
ENDS = {
    "as it is": "",
    "without modules": "sys.modules.clear()",
    "a module emptied": "sys.modules['samara._implementation'].__dict__.clear()",
    "at exit": "atexit.register(lambda: (list(kept), kept.fork(), kept.pop_range(0, 9)))",
    "by exit in a loop": """
for entry in kept:
    if entry.first > 200:
        sys.exit(0)
""",
    "under a lock that a thread holds": """
locked = MapleTree([(1, 5, Value(kept, builtins.first))])
ready = threading.Event()
def hold():
    with locked.lock:
        locked[9] = things = [Value(kept, builtins.first)]
        ready.set()
        threading.Event().wait()
threading.Thread(target=hold, daemon=True).start()
ready.wait()
""",
    "while threads run": """
def loop():
    tree = grow("other")
    while True:
        with tree.lock:
            tree[5:9] = list(tree)[:3]
for _ in range(3):
    threading.Thread(target=loop, daemon=True).start()
""",
}


@pytest.mark.parametrize("end", ENDS)
def test_the_end_with_trees_alive(end):
    # Finalizers run at the end only if references are counted.
    assert "ended" in run_python(AT_EXIT + ENDS[end]) or not COUNTS_REFERENCES


# ---- the interpreter's options -------------------------------------------------------------------

USE = """
import hashlib, io, pickle, sys
from contextlib import redirect_stdout
import samara, samara.mm
from samara.cli import main

tree = samara.MapleTree([(10 * key, 10 * key + 5, f"value {key % 7}") for key in range(500)])
copy = tree.fork()
for key in range(0, 5000, 37):
    copy[key : key + 20] = str(key)
copy.check()
print(repr(tree), sorted({entry.value for entry in copy}), *copy.gaps(0, 99))
print(hashlib.sha256(pickle.dumps([tree, copy], 4)).hexdigest())
space = samara.mm.synthetic(221)
space.fork()
print(space.maps())
main(["maps", "--json", "MAPS"])
main(["diff", "MAPS", "MAPS"])
try:
    tree.insert_range(0, 9, 1)
except samara.RangeOccupiedError as error:
    print(error)
"""


@pytest.fixture
def use(tmp_path):
    from samara.mm import synthetic

    maps = tmp_path / "maps"
    maps.write_text(synthetic(121).maps())
    return USE.replace("MAPS", str(maps))


def test_warnings_are_errors_and_nothing_is_documented(use):
    plain = run_python(use)
    assert run_python(use, "-W", "error", "-OO") == plain
    assert run_python(use, "-W", "error", "-b", "-b", "-X", "utf8") == plain
    assert run_python(use, "-I", "-S", "-c", f"import sys; sys.path = {sys.path}\n{use}") == plain


def test_the_seed_of_hashes_changes_nothing(use):
    assert len({run_python(use, PYTHONHASHSEED=seed) for seed in ("0", "1", "4242")}) == 1


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("samara", "argparse ctypes inspect json subprocess"),
        ("samara.mm", "argparse ctypes subprocess"),
        ("samara.cli", "asyncio ctypes"),
    ],
)
def test_an_import_brings_little(module, never):
    heavy = f"numpy rich matplotlib hypothesis pytest ptrace socket {never}"
    code = f"import sys, {module}; print(*set(sys.modules) & set({heavy.split()}))"
    assert run_python(code).split() == []
    # Without development mode, which imports modules of its own.
    assert module in run_python(f"import sys, {module}; print(*sys.modules)").split()
