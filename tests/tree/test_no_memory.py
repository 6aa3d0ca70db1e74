# SPDX-License-Identifier: MIT
"""Out of memory in every public name: MemoryError, nothing changed, and then success.

The table below has a case for each name of the public types. A name without a case fails
`test_every_name_has_a_case`.
"""

import copy
import gc
import importlib.util
import operator
import pickle
import subprocess
import sys
import tempfile
import weakref
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

import samara
from interpreter import (
    COUNTS_REFERENCES,
    PURE,
    SANITIZED,
    c_only,
    collect,
    counted_nodes,
    pool_nodes,
    references,
)
from no_memory import (
    AND_MORE,
    FUNCTIONS_ARE_SAFE,
    HAS_HOOKS,
    MESSAGES_ARE_SAFE,
    NO_FUNCTIONS,
    NO_HOOKS,
    WAYS,
    WAYS_IN_PYTHON,
    each_failure,
    out_of_memory,
)
from samara import (
    COALESCE,
    MAX,
    OFFSET,
    Change,
    Cursor,
    Entry,
    FileFormatError,
    Gap,
    MapleTree,
    NoSpaceError,
    RangeOccupiedError,
    _file,
    common_gaps,
)
from samara._implementation import TreeLock

if not PURE:
    from samara import _core
try:
    import numpy
except ImportError:
    numpy = None

ENTRIES = 40


class Value:
    pass


class Policy:
    """A policy that allocates memory, but changes no value and merges nothing."""

    def split(self, entry, first, last):
        return list(entry).pop()

    def merge(self, left, right, stored):
        return NotImplemented if [left.value] != [right.value] else left.value


class Subclass(MapleTree):
    """Instances have attributes, which are copied with them."""


VALUES = [Value() for _ in range(ENTRIES)]
POLICY = Policy()
TreeIterator = type(iter(MapleTree()))
DiffIterator = type(MapleTree().diff(MapleTree()))
needs_hooks = pytest.mark.skipif(not HAS_HOOKS, reason=NO_HOOKS)


class Kind:
    """A kind of tree: how to make it, and what can be stored in it."""

    def __init__(self, name, values=VALUES, new=None, shared=False, cls=MapleTree, **options):
        self.name, self.values, self.new, self.shared = name, values, new or Value(), shared
        self.cls, self.options = cls, options

    def make(self, count=ENTRIES):
        triples = ((10 * n, 10 * n + 4, self.values[n]) for n in range(count))
        tree = self.cls(triples, **self.options)
        if self.cls is Subclass:
            tree.note = self.new
        return tree


PRIVATE = Kind("private")
SHARED = Kind("shared", shared=True)
PLAIN = Kind("plain", track_gaps=False)
KINDS = {
    kind.name: kind
    for kind in (
        PRIVATE,
        SHARED,
        PLAIN,
        Kind("policy", policy=POLICY),
        Kind("coalesce", policy=COALESCE),
        Kind("offset", [2**70 + 10 * n for n in range(ENTRIES)], 2**64, policy=OFFSET),
        Kind("subclass", cls=Subclass),
        Kind("u8", [2**62 + n for n in range(ENTRIES)], 2**63 + 5, dtype="u8"),
        Kind("i8", [-(2**62) - n for n in range(ENTRIES)], -(2**63), dtype="i8", shared=True),
        Kind("f8", [n / 3 for n in range(ENTRIES)], 0.1, dtype="f8"),
        Kind("f8 coalesce", [n / 3 for n in range(ENTRIES)], 0.1, dtype="f8", policy=COALESCE),
    )
}


class Scene:
    """A tree, and what else a case needs."""

    def __init__(self, kind):
        self.kind, self.value = kind, kind.new
        self.tree = kind.make()
        self.relative = self.tree.fork() if kind.shared else None
        self.cursor = self.iterator = self.other = self.given = None

    def look(self):
        """Return everything that must not change."""
        trees = [tree for tree in (self.tree, self.relative, self.other) if tree is not None]
        for tree in trees:
            tree.check()
        cursor = self.cursor
        place = cursor and (cursor.index, cursor.last, cursor.status, cursor.value)
        return [(list(tree), tree.dump(), vars_of(tree)) for tree in trees], place

    def look_after(self, answer):
        trees, place = self.look()
        rest = list(self.iterator) if self.iterator is not None else None
        return [(entries, own) for entries, _, own in trees], place, rest, plain(answer)


def vars_of(tree):
    return dict(vars(tree)) if isinstance(tree, Subclass) else None


def plain(answer):
    """Return a result in a form that can be compared."""
    if isinstance(answer, MapleTree):
        answer.check()
        attributes = answer.dtype, answer.track_gaps, answer.policy
        return type(answer), attributes, list(answer), vars_of(answer)
    if isinstance(answer, Cursor):
        return answer.index, answer.last, answer.status
    if isinstance(answer, BaseException):
        return type(answer), str(answer), type(answer.__cause__)
    if isinstance(answer, tuple | list):
        return type(answer), [plain(part) for part in answer]
    if isinstance(answer, Iterator):
        return list(answer)
    if isinstance(answer, TreeLock):
        return repr(answer)
    if numpy is not None and isinstance(answer, numpy.ndarray):
        return answer.dtype.name, answer.tolist()
    return answer


class Case:
    """
    prepare  puts what the case needs into the scene
    kinds    the names of the kinds of trees that the case is for; all, if not given
    needs    whether the case needs memory in one of the ways
    counted  False if CPython's own code in the case leaks references when memory runs out, with
             objects of any class; then references are not counted
    in_python  the case runs Python's own library, which promises nothing if its allocations fail;
               then only those of nodes do
    """

    def __init__(self, call, prepare=None, kinds=None, needs=True, counted=True, in_python=False):
        self.call, self.prepare, self.kinds = call, prepare, kinds
        self.needs, self.counted, self.in_python = needs, counted, in_python
        self.made = []

    def runs_on(self, kind):
        return self.kinds is None or kind.name in self.kinds

    def make(self, kind):
        scene = Scene(kind)
        if self.prepare:
            self.prepare(scene)
        if not self.counted:
            self.made.append(scene.tree)
        return scene


OBJECTS = {"private", "shared", "plain", "policy", "coalesce", "offset", "subclass"}
GAPS = set(KINDS) - {"plain"}
PACKED = {"u8", "i8", "f8", "f8 coalesce"}
ONCE = {"private"}


def stand(index, last=None, walk=False):
    def prepare(s):
        s.cursor = s.tree.cursor(index, last)
        if walk:
            s.cursor.walk()

    return prepare


def iterate(*steps, **options):
    def prepare(s):
        s.iterator = s.tree.entries(**options)
        s.given = [next(s.iterator) for _ in range(*steps)]

    return prepare


def iterate_others(name):
    def prepare(s):
        s.iterator = getattr(s.tree, name)(333)
        s.given = [next(s.iterator) for _ in range(3)]

    return prepare


def iterate_gaps(s):
    s.iterator = s.tree.gaps(3, 27)


def iterate_last_gap(s):
    s.iterator = s.tree.gaps(395, 399)


def other_tree(s):
    s.other = s.kind.cls(**s.kind.options)


def equal_tree(s):
    s.other = s.tree.dup()


def changed_tree(s):
    """Another tree: a relative with two changes, one of which cuts values."""
    s.other = s.tree.fork()
    s.other[103:107] = s.value
    del s.other[200:205]


def alien_tree(s):
    """Another tree: of objects if this one is packed, and packed if this one is not."""
    if s.tree.dtype:
        s.other = MapleTree([(103, 106, 5), (2**62, 2**63, 7)])
    else:
        s.other = MapleTree([(103, 106, 2**62), (2**62, 2**63, 2**63)], dtype="u8")


def three_triples(s):
    s.given = [(2**62, 2**63, s.value), (103, 106, s.value), (104, 104, s.value)]


def pairs(s):
    s.given = [(2**62, 2**63), Gap(103, 117), (110, 111)]


def bad_pairs(s):
    s.given = [(2**62, 2**63), (7, 3)]


def differ(make, steps=0):
    def prepare(s):
        make(s)
        s.iterator = s.tree.diff(s.other)
        for _ in range(steps):
            next(s.iterator)

    return prepare


def in_place(act):
    def call(s):
        assert act(s.tree, s.given if s.other is None else s.other) is s.tree

    return call


def columns(s):
    """Return sequences of Python numbers, which are converted one by one."""
    s.given = [5, 2**62, 2**63], [7, 2**62 + 1, 2**63], [s.value] * 3


def typed_columns(s):
    code = {"u8": "Q", "i8": "q", "f8": "d"}[s.tree.dtype]
    s.given = array("Q", [5, 9]), array("L", [7, 9]), array(code, [s.value] * 2)


def narrow_columns(s):
    s.given = array("B", [5, 9]), array("H", [7, 9]), array("B", [1, 2])


def ones(s):
    """Return ranges for numbers to be added, in no order."""
    s.given = [5 * n for n in range(100, 0, -1)], [5 * n + 9 for n in range(100, 0, -1)], [1] * 100


def constant(s):
    s.given = lambda _, value=s.value: value


def shuffled_columns(s):
    s.given = [2**63, 5, 2**62, 2], [2**63 + 5, 2**61, 2**62 + 1, 9], [s.value] * 4


def bad_columns(s):
    s.given = [5, 6], [5, -1], [s.value] * 2


def overlapping_columns(s):
    s.given = [5, 5], [5, 6], [s.value] * 2


def touching_columns(s):
    """Return ranges some of which merge, as the policy says."""
    values = [s.value, s.value, s.value, VALUES[0], s.value]
    s.given = [5, 8, 2**62, 2**62 + 1, 2**63], [7, 9, 2**62, 2**63 - 1, MAX], values


def touching_numbers(s):
    touching_columns(s)
    s.given = *s.given[:2], array("Q", [7, 7, 7, 8, 9])


def touching_triples(s):
    touching_columns(s)
    s.given = list(zip(*s.given, strict=True))


def offset_pairs(s):
    triples = [(0, 99, ("f", 2**70)), (100, 199, Gap(5, 7)), (200, 299, ("f", 2**63 - 20))]
    s.other = MapleTree(triples, policy=OFFSET)


def keys(s):
    s.given = [3, 2**64, 100, -1, 391]


def known_keys(s):
    s.given = array("Q", [3, 100, 391])


def large_number(s):
    s.tree.store_range(2**50, 2**51, 2**40)
    s.given = [2**50]


def texts(s):
    s.other = MapleTree([(1, 2, "a"), (4, 5, None)])


def pickled(s):
    s.given = pickle.dumps(s.tree)
    s.other = None


def state(s):
    s.given = s.tree.__reduce__()[2]
    s.other = s.kind.cls()


def unaligned_state(s):
    state = s.tree.__reduce__()[2]
    columns = [memoryview(b"x" + column)[1:] for column in state[2:5]]
    s.given = (*state[:2], *columns, *state[5:])
    s.other = s.kind.cls()


def reduced(tree):
    """Return what can be compared of what pickle gets."""
    function, arguments, state = tree.__reduce_ex__(5)
    plain = [bytes(item) if type(item) is pickle.PickleBuffer else item for item in state]
    return function, arguments, plain


def bad_state(s):
    version, gaps, firsts, lasts, *rest = s.tree.__reduce__()[2]
    s.given = (version, gaps, lasts, firsts, *rest)
    s.other = s.kind.cls()


def many_stores(s):
    s.given = [(n, n, s.value) for n in range(150, 0, -1)]


def entry(s):
    s.given = Entry(10**10, 10**11, s.value)


def change(s):
    s.given = Change(10**10, 10**11, s.value, None)


def gap(s):
    s.given = Gap(10**10, 10**11)


def lock(s):
    s.given = s.tree.lock


def held_lock(s):
    s.given = s.tree.lock
    s.given.acquire()


def errors(s):
    s.given = RangeOccupiedError(2**40, 2**41, Entry(2**40, 2**42, "text"))


def in_cursor(name, *arguments):
    """Return the cases of a step: from the start, from an entry, from a pause, at the end."""
    call = lambda s: getattr(s.cursor, name)(*arguments)  # noqa: E731
    paused = stand(102, walk=True)

    def pause(s):
        paused(s)
        s.cursor.pause()

    return {
        f"Cursor.{name}: fresh": Case(call, stand(107)),
        f"Cursor.{name}: on an entry": Case(call, stand(102, walk=True)),
        f"Cursor.{name}: paused": Case(call, pause),
        f"Cursor.{name}: at the end": Case(call, stand(MAX, walk=True), needs=False),
    }


def key_error(s):
    return s.tree[2**62 + 7]


# Saved trees.
FOLDER = tempfile.TemporaryDirectory()
FILES = Path(FOLDER.name)
SAVED = PACKED
for saved in SAVED:
    KINDS[saved].make().save(FILES / saved)
(FILES / "bad").write_bytes((FILES / "f8").read_bytes()[:-1])


CASES = {
    "MapleTree.__new__": Case(lambda s: type(s.tree).__new__(type(s.tree))),
    "MapleTree.__init__": Case(lambda s: type(s.tree)(**s.kind.options)),
    "MapleTree.__init__: triples": Case(
        lambda s: s.tree.__init__([(2**60, MAX, s.value), (1, 2, s.value)], **s.kind.options)
    ),
    "MapleTree.__init__: unsorted": Case(
        lambda s: s.tree.__init__(s.given, **s.kind.options), many_stores
    ),
    "MapleTree.__init__: touching": Case(
        lambda s: s.tree.__init__(s.given, **s.kind.options), touching_triples, OBJECTS
    ),
    "MapleTree.__init__: a tree": Case(lambda s: type(s.tree)(s.tree, **s.kind.options)),
    "MapleTree.__init__: bad": Case(lambda s: s.tree.__init__([(1, 2, s.value), (7, 3, s.value)])),
    "MapleTree.__init__: dtype": Case(lambda s: s.tree.__init__(dtype="x"), kinds=ONCE),
    "MapleTree.__bool__": Case(lambda s: bool(s.tree), needs=False),
    "MapleTree.__len__": Case(lambda s: len(s.tree), needs=False),
    "MapleTree.__class_getitem__": Case(lambda s: MapleTree[int], kinds=ONCE),
    "MapleTree.__contains__": Case(lambda s: (2**62 in s.tree, 104 in s.tree), needs=False),
    "MapleTree.__copy__": Case(lambda s: copy.copy(s.tree)),
    "MapleTree.__delitem__": Case(lambda s: s.tree.__delitem__(102)),
    "MapleTree.__delitem__: slice": Case(lambda s: s.tree.__delitem__(slice(33, 351))),
    "MapleTree.__delitem__: absent": Case(lambda s: s.tree.__delitem__(2**63)),
    "MapleTree.__eq__": Case(lambda s: s.tree == s.other, equal_tree),
    "MapleTree.__eq__: a changed relative": Case(lambda s: s.tree == s.other, changed_tree),
    "MapleTree.__or__": Case(lambda s: s.tree | s.other, changed_tree),
    "MapleTree.__or__: another dtype": Case(lambda s: s.tree | s.other, alien_tree),
    "MapleTree.__or__: triples": Case(lambda s: s.tree | s.given, three_triples),
    "MapleTree.__ror__": Case(lambda s: s.given | s.tree, three_triples),
    "MapleTree.__ior__": Case(in_place(operator.ior), changed_tree),
    "MapleTree.__ior__: triples": Case(in_place(operator.ior), three_triples),
    "MapleTree.__and__": Case(lambda s: s.tree & s.other, changed_tree),
    "MapleTree.__and__: pairs": Case(lambda s: s.tree & s.given, pairs),
    "MapleTree.__and__: bad": Case(lambda s: s.tree & s.given, bad_pairs),
    "MapleTree.__rand__": Case(lambda s: s.given & s.tree, pairs),
    "MapleTree.__iand__": Case(in_place(operator.iand), changed_tree),
    "MapleTree.__iand__: pairs": Case(in_place(operator.iand), pairs),
    "MapleTree.__sub__": Case(lambda s: s.tree - s.other, changed_tree),
    "MapleTree.__sub__: pairs": Case(lambda s: s.tree - s.given, pairs),
    "MapleTree.__rsub__": Case(lambda s: s.given - s.tree, pairs),
    "MapleTree.__isub__": Case(in_place(operator.isub), changed_tree),
    "MapleTree.__isub__: pairs": Case(in_place(operator.isub), pairs),
    "MapleTree.__ne__": Case(lambda s: s.tree != s.other, equal_tree),
    "MapleTree.__lt__": Case(lambda s: s.tree < s.other, equal_tree),
    "MapleTree.__le__": Case(lambda s: s.tree <= s.other, equal_tree),
    "MapleTree.__gt__": Case(lambda s: s.tree > s.other, equal_tree),
    "MapleTree.__ge__": Case(lambda s: s.tree >= s.other, equal_tree),
    "MapleTree.__getitem__": Case(lambda s: s.tree[102], needs=False),
    "MapleTree.__getitem__: absent": Case(key_error),
    "MapleTree.__getitem__: slice": Case(lambda s: s.tree[33:351]),
    "MapleTree.__getitem__: empty slice": Case(lambda s: s.tree[2**64 :]),
    "MapleTree.__iter__": Case(lambda s: iter(s.tree)),
    "MapleTree.__reduce__": Case(lambda s: s.tree.__reduce__()),
    "MapleTree.__reduce__: pickle": Case(lambda s: pickle.dumps(s.tree), kinds=PACKED),
    "MapleTree.__reduce__: deepcopy": Case(
        lambda s: copy.deepcopy(s.tree), kinds=PACKED, counted=False
    ),
    "MapleTree.__reduce_ex__": Case(lambda s: reduced(s.tree)),
    "MapleTree.__reduce_ex__: pickle": Case(
        lambda s: pickle.dumps(s.tree, 5, buffer_callback=[].append), kinds=PACKED
    ),
    "MapleTree.__repr__": Case(lambda s: repr(s.tree)),
    "MapleTree.__reversed__": Case(lambda s: reversed(s.tree)),
    "MapleTree.__setitem__": Case(lambda s: s.tree.__setitem__(102, s.value)),
    "MapleTree.__setitem__: slice": Case(lambda s: s.tree.__setitem__(slice(33, 351), s.value)),
    "MapleTree.__setitem__: all": Case(lambda s: s.tree.__setitem__(slice(None), s.value)),
    "MapleTree.__setitem__: bad": Case(lambda s: s.tree.__setitem__(2**64, s.value)),
    "MapleTree.__setstate__": Case(lambda s: s.other.__setstate__(s.given), state),
    "MapleTree.__setstate__: bad": Case(lambda s: s.other.__setstate__(s.given), bad_state),
    "MapleTree.__setstate__: buffers": Case(
        lambda s: s.other.__setstate__(s.given), unaligned_state, PACKED
    ),
    "MapleTree.__setstate__: pickle": Case(lambda s: pickle.loads(s.given), pickled, PACKED),
    "MapleTree.__sizeof__": Case(lambda s: sys.getsizeof(s.tree), needs=False),
    "MapleTree.accumulate": Case(lambda s: s.tree.accumulate(33, 351, 1), kinds=PACKED),
    "MapleTree.accumulate: in a value": Case(
        lambda s: s.tree.accumulate(202, 203, 1, "min"), kinds=PACKED
    ),
    "MapleTree.accumulate: bad": Case(lambda s: s.tree.accumulate(33, 351, 1, "x")),
    "MapleTree.accumulate: sum": Case(
        lambda s: s.tree.accumulate(33, 351, s.value), kinds=PACKED - {"f8"}
    ),
    "MapleTree.accumulate_many": Case(lambda s: s.tree.accumulate_many(*s.given), ones, PACKED),
    "MapleTree.accumulate_many: few": Case(
        lambda s: s.tree.accumulate_many([5, 33], [70, 35], 1, "max"), kinds=PACKED
    ),
    "MapleTree.accumulate_many: bad": Case(lambda s: s.tree.accumulate_many(*s.given), bad_columns),
    "MapleTree.alloc_range": Case(
        lambda s: s.tree.alloc_range(3, s.value, first=2**61), kinds=GAPS
    ),
    "MapleTree.alloc_range: no room": Case(
        lambda s: s.tree.alloc_range(3, s.value, first=100, last=102), kinds=GAPS
    ),
    "MapleTree.alloc_many": Case(
        lambda s: s.tree.alloc_many([3, 40, 2], [s.value] * 3, first=2**61), kinds=GAPS
    ),
    "MapleTree.alloc_many: typed": Case(
        lambda s: s.tree.alloc_many(array("B", [3, 1]), s.given[2]), typed_columns, PACKED
    ),
    "MapleTree.alloc_many: no room": Case(
        lambda s: s.tree.alloc_many([3, 3], [s.value] * 2, first=95, last=102), kinds=GAPS
    ),
    "MapleTree.alloc_cyclic": Case(lambda s: s.tree.alloc_cyclic(s.value, next=2**61), kinds=GAPS),
    "MapleTree.alloc_cyclic: wrapped": Case(
        lambda s: s.tree.alloc_cyclic(s.value, last=2**61, next=2**61 + 1), kinds=GAPS
    ),
    "MapleTree.alloc_cyclic: no room": Case(
        lambda s: s.tree.alloc_cyclic(s.value, first=100, last=102, next=101), kinds=GAPS
    ),
    "MapleTree.check": Case(lambda s: s.tree.check(), needs=False),
    "MapleTree.clear": Case(lambda s: s.tree.clear(), needs=False),
    "MapleTree.covered": Case(lambda s: s.tree.covered, needs=False),
    "MapleTree.cursor": Case(lambda s: s.tree.cursor(2**40, 2**41)),
    "MapleTree.diff": Case(lambda s: s.tree.diff(s.other), changed_tree),
    "MapleTree.diff: refused": Case(lambda s: s.tree.diff(5)),
    "MapleTree.dtype": Case(lambda s: s.tree.dtype, needs=False),
    "MapleTree.keys_dtype": Case(lambda s: s.tree.keys_dtype, needs=False),
    "MapleTree.first_key": Case(lambda s: s.tree.first_key, needs=False),
    "MapleTree.last_key": Case(lambda s: s.tree.last_key),
    "MapleTree.dump": Case(lambda s: s.tree.dump(hex=True)),
    "MapleTree.dup": Case(lambda s: s.tree.dup()),
    "MapleTree.dup_into": Case(lambda s: s.tree.dup_into(s.other), other_tree),
    "MapleTree.dup_into: refused": Case(lambda s: s.tree.dup_into(s.other), equal_tree),
    "MapleTree.dup_into: unlike": Case(
        lambda s: s.tree.dup_into(type(s.tree)(track_gaps=not s.tree.track_gaps))
    ),
    "MapleTree.empty_area": Case(lambda s: s.tree.empty_area(3, 2**61), kinds=GAPS),
    "MapleTree.empty_area: no room": Case(lambda s: s.tree.empty_area(3, 100, 102), kinds=GAPS),
    "MapleTree.entries": Case(lambda s: s.tree.entries(33, 351, clip=True)),
    "MapleTree.entry": Case(lambda s: s.tree.entry(393)),
    "MapleTree.erase": Case(lambda s: s.tree.erase(393)),
    "MapleTree.find": Case(lambda s: s.tree.find(387)),
    "MapleTree.find_rev": Case(lambda s: s.tree.find_rev(2**62)),
    "MapleTree.fork": Case(lambda s: s.tree.fork()),
    "MapleTree.from_arrays": Case(lambda s: MapleTree.from_arrays(*s.given), columns),
    "MapleTree.from_arrays: typed": Case(
        lambda s: MapleTree.from_arrays(*s.given), typed_columns, PACKED
    ),
    "MapleTree.from_arrays: narrow": Case(
        lambda s: MapleTree.from_arrays(*s.given), narrow_columns, ONCE
    ),
    "MapleTree.from_arrays: with a policy": Case(
        lambda s: MapleTree.from_arrays(*s.given, policy=POLICY), touching_columns, ONCE
    ),
    "MapleTree.from_arrays: overlapping, with a policy": Case(
        lambda s: MapleTree.from_arrays(*s.given, policy=POLICY), overlapping_columns, ONCE
    ),
    "MapleTree.from_arrays: coalescing": Case(
        lambda s: MapleTree.from_arrays(*s.given, policy=COALESCE), touching_columns, ONCE
    ),
    "MapleTree.from_arrays: coalescing numbers": Case(
        lambda s: MapleTree.from_arrays(*s.given, dtype="u8", policy=COALESCE),
        touching_numbers,
        ONCE,
    ),
    "MapleTree.from_arrays: sorted": Case(
        lambda s: MapleTree.from_arrays(*s.given, sort=True), shuffled_columns
    ),
    "MapleTree.from_arrays: laid over": Case(
        lambda s: MapleTree.from_arrays(*s.given, sort=True, overlap="last", closed="left"),
        shuffled_columns,
    ),
    "MapleTree.from_arrays: laid over, with a policy": Case(
        lambda s: MapleTree.from_arrays(*s.given, sort=True, overlap="last", policy=POLICY),
        shuffled_columns,
        ONCE,
    ),
    "MapleTree.from_arrays: bad": Case(lambda s: MapleTree.from_arrays(*s.given), bad_columns),
    "MapleTree.from_arrays: overlapping": Case(
        lambda s: MapleTree.from_arrays(*s.given), overlapping_columns
    ),
    "MapleTree.first_entry": Case(lambda s: s.tree.first_entry()),
    "MapleTree.gaps": Case(lambda s: s.tree.gaps(3, 27)),
    "MapleTree.get": Case(lambda s: s.tree.get(102), needs=False),
    "MapleTree.height": Case(lambda s: s.tree.height, needs=False),
    "MapleTree.insert_range": Case(lambda s: s.tree.insert_range(2**40, 2**41, s.value)),
    "MapleTree.insert_range: occupied": Case(lambda s: s.tree.insert_range(103, 106, s.value)),
    "MapleTree._repr_html_": Case(lambda s: s.tree._repr_html_()),
    "MapleTree.__rich_repr__": Case(lambda s: next(s.tree.__rich_repr__())),
    "MapleTree.covers": Case(lambda s: s.tree.covers(5, 9), needs=False),
    "MapleTree.overlaps": Case(lambda s: s.tree.overlaps(5, 9), needs=False),
    "MapleTree.items": Case(lambda s: s.tree.items(33, 351, clip=True)),
    "MapleTree.last_entry": Case(lambda s: s.tree.last_entry()),
    "MapleTree.ranges": Case(lambda s: s.tree.ranges(33, 351, clip=True)),
    "MapleTree.values": Case(lambda s: s.tree.values(33, 351, clip=True)),
    "MapleTree.is_free": Case(lambda s: s.tree.is_free(5, 9), needs=False),
    "MapleTree.load_many": Case(lambda s: s.tree.load_many(s.given, s.value), keys),
    "MapleTree.load_many: found": Case(lambda s: s.tree.load_many(s.given, found=True), keys),
    "MapleTree.load_many: known": Case(lambda s: s.tree.load_many(s.given), known_keys),
    "MapleTree.load_many: absent": Case(lambda s: s.tree.load_many(s.given), keys),
    "MapleTree.load_many: of 32 bits": Case(
        lambda s: s.tree.load_many(s.given, 0, dtype="i4"), known_keys, {"u8", "i8"}
    ),
    "MapleTree.load_many: too large": Case(
        lambda s: s.tree.load_many(s.given, dtype="i4"), large_number, {"u8"}
    ),
    "MapleTree.load": Case(
        lambda s: MapleTree.load(FILES / s.kind.name), kinds=SAVED, in_python=True
    ),
    "MapleTree.load: refused": Case(
        lambda s: MapleTree.load(FILES / "bad"), kinds=ONCE, in_python=True
    ),
    "MapleTree.lock": Case(lambda s: s.tree.lock),
    "MapleTree.nbytes": Case(lambda s: s.tree.nbytes, needs=False),
    "MapleTree.map_range": Case(lambda s: s.tree.map_range(33, 351, s.given), constant),
    "MapleTree.map_range: gaps": Case(
        lambda s: s.tree.map_range(33, 351, lambda value: value, default=s.value)
    ),
    "MapleTree.map_range: made": Case(
        lambda s: s.tree.map_range(33, 351, lambda value: [value].pop()),
    ),
    "MapleTree.map_range: bad": Case(lambda s: s.tree.map_range(33, 351, None)),
    "MapleTree.next": Case(lambda s: s.tree.next(382)),
    "MapleTree.node_count": Case(lambda s: s.tree.node_count, needs=False),
    "MapleTree.policy": Case(lambda s: s.tree.policy, needs=False),
    "MapleTree.pop_range": Case(lambda s: s.tree.pop_range(33, 351)),
    "MapleTree.prev": Case(lambda s: s.tree.prev(2**62)),
    "MapleTree.save": Case(lambda s: s.tree.save(FILES / "new"), kinds=SAVED, in_python=True),
    "MapleTree.save: refused": Case(
        lambda s: s.tree.save(FILES / "new"), kinds=ONCE, in_python=True
    ),
    "MapleTree.store_many": Case(lambda s: s.tree.store_many(*s.given), columns),
    "MapleTree.store_many: typed": Case(
        lambda s: s.tree.store_many(*s.given), typed_columns, PACKED
    ),
    "MapleTree.store_many: bad": Case(lambda s: s.tree.store_many(*s.given), bad_columns),
    "MapleTree.store_range": Case(lambda s: s.tree.store_range(33, 351, s.value)),
    "MapleTree.store_range: in a gap": Case(lambda s: s.tree.store_range(206, 207, s.value)),
    "MapleTree.store_range: in a value": Case(lambda s: s.tree.store_range(202, 203, s.value)),
    "MapleTree.to_arrays": Case(lambda s: s.tree.to_arrays()),
    "MapleTree.__arrow_c_stream__": Case(lambda s: bool(s.tree.__arrow_c_stream__()), kinds=PACKED),
    "MapleTree.__arrow_c_stream__: objects": Case(
        lambda s: bool(s.other.__arrow_c_stream__()), texts, ONCE
    ),
    "MapleTree.from_arrow": Case(
        lambda s: MapleTree.from_arrow(s.tree), kinds=PACKED, in_python=True
    ),
    "MapleTree.store_range: pairs": Case(
        lambda s: s.other.store_range(40, 149, ("f", 2**70 + 7)), offset_pairs, ONCE
    ),
    "MapleTree.store_range: pairs that go on": Case(
        lambda s: s.other.store_range(140, 249, Gap(5, 47)), offset_pairs, ONCE
    ),
    "MapleTree.track_gaps": Case(lambda s: s.tree.track_gaps, needs=False),
    "MapleTree.update": Case(lambda s: s.tree.update(s.other), changed_tree),
    "MapleTree.update: another dtype": Case(lambda s: s.tree.update(s.other), alien_tree),
    "MapleTree.update: triples": Case(lambda s: s.tree.update(s.given), three_triples),
    "MapleTree.update: refused": Case(lambda s: s.tree.update(5)),
    "Cursor.__class_getitem__": Case(lambda s: Cursor[int], kinds=ONCE),
    "Cursor.__new__": Case(lambda s: Cursor(s.tree, 2**40, 2**41)),
    "Cursor.__iter__": Case(lambda s: iter(s.cursor) is s.cursor, stand(0), needs=False),
    "Cursor.__next__": Case(lambda s: next(s.cursor), stand(107)),
    "Cursor.__next__: on an entry": Case(lambda s: next(s.cursor), stand(102, walk=True)),
    "Cursor.__repr__": Case(lambda s: repr(s.cursor), stand(107)),
    "Cursor.empty_area": Case(lambda s: s.cursor.empty_area(3, 2**61), stand(102), GAPS),
    "Cursor.empty_area_rev": Case(lambda s: s.cursor.empty_area_rev(3), stand(102), GAPS),
    "Cursor.erase": Case(lambda s: s.cursor.erase(), stand(392)),
    "Cursor.erase: on an entry": Case(lambda s: s.cursor.erase(), stand(392, walk=True)),
    **in_cursor("find"),
    **in_cursor("find_range"),
    **in_cursor("find_range_rev"),
    **in_cursor("find_rev"),
    **in_cursor("next"),
    **in_cursor("next_range"),
    **in_cursor("prev"),
    **in_cursor("prev_range"),
    "Cursor.clear": Case(lambda s: s.cursor.clear(), stand(33, 351)),
    "Cursor.clear: of a gap": Case(lambda s: s.cursor.clear(), stand(2**40, 2**41), needs=False),
    "Cursor.insert": Case(lambda s: s.cursor.insert(s.value), stand(2**40, 2**41)),
    "Cursor.insert: refused": Case(lambda s: s.cursor.insert(s.value), stand(33, 351)),
    "Cursor.walk": Case(lambda s: s.cursor.walk(), stand(392)),
    "Cursor.index": Case(lambda s: s.cursor.index, stand(2**40)),
    "Cursor.last": Case(lambda s: s.cursor.last, stand(2**40)),
    "Cursor.pause": Case(lambda s: s.cursor.pause(), stand(102), needs=False),
    "Cursor.reset": Case(lambda s: s.cursor.reset(), stand(102), needs=False),
    "Cursor.set": Case(lambda s: s.cursor.set(2**40), stand(102), needs=False),
    "Cursor.set_range": Case(lambda s: s.cursor.set_range(5, 2**40), stand(102), needs=False),
    "Cursor.status": Case(lambda s: s.cursor.status, stand(102)),
    "Cursor.store": Case(lambda s: s.cursor.store(s.value), stand(33, 351)),
    "Cursor.store: on an entry": Case(lambda s: s.cursor.store(s.value), stand(102, walk=True)),
    "Cursor.store: apart": Case(
        lambda s: s.cursor.store(s.value, merge=False), stand(102, walk=True)
    ),
    "Cursor.tree": Case(lambda s: s.cursor.tree is s.tree, stand(102), needs=False),
    "Cursor.value": Case(lambda s: s.cursor.value, stand(102, walk=True), needs=False),
    "TreeIterator.__iter__": Case(
        lambda s: iter(s.iterator) is s.iterator, iterate(0), needs=False
    ),
    "TreeIterator.__next__": Case(lambda s: next(s.iterator), iterate(0, first=360)),
    "TreeIterator.__next__: going on": Case(lambda s: next(s.iterator), iterate(3, first=333)),
    "TreeIterator.__next__: clipped": Case(
        lambda s: next(s.iterator), iterate(0, first=362, last=363, clip=True)
    ),
    "TreeIterator.__next__: reversed": Case(lambda s: next(s.iterator), iterate(2, reverse=True)),
    "TreeIterator.__next__: ranges": Case(lambda s: next(s.iterator), iterate_others("ranges")),
    "TreeIterator.__next__: values": Case(
        lambda s: next(s.iterator), iterate_others("values"), PACKED - {"i8"}
    ),
    "TreeIterator.__next__: items": Case(lambda s: next(s.iterator), iterate_others("items")),
    "TreeIterator.__next__: at the end": Case(
        lambda s: next(s.iterator, None), iterate(2, first=380), needs=False
    ),
    "TreeIterator.__next__: gap": Case(lambda s: next(s.iterator), iterate_gaps),
    "TreeIterator.__next__: gaps": Case(lambda s: next(s.iterator), iterate_last_gap),
    "DiffIterator.__iter__": Case(
        lambda s: iter(s.iterator) is s.iterator, differ(changed_tree), needs=False
    ),
    "DiffIterator.__next__": Case(lambda s: next(s.iterator), differ(changed_tree)),
    "DiffIterator.__next__: going on": Case(lambda s: next(s.iterator), differ(changed_tree, 2)),
    "DiffIterator.__next__: two dtypes": Case(lambda s: next(s.iterator), differ(alien_tree)),
    "DiffIterator.__next__: at the end": Case(
        lambda s: next(s.iterator, None), differ(equal_tree), needs=False
    ),
    "TreeLock.__enter__": Case(lambda s: s.given.__enter__(), lock, ONCE, needs=False),
    "TreeLock.__exit__": Case(lambda s: s.given.__exit__(), held_lock, ONCE, needs=False),
    "TreeLock.__repr__": Case(lambda s: repr(s.given), lock, ONCE),
    "TreeLock.acquire": Case(lambda s: s.given.acquire(), lock, ONCE, needs=False),
    "TreeLock.release": Case(lambda s: s.given.release(), held_lock, ONCE, needs=False),
    "TreeLock.release: free": Case(lambda s: s.given.release(), lock, ONCE),
    "Entry.__class_getitem__": Case(lambda s: Entry[int], kinds=ONCE),
    "Entry.__new__": Case(lambda s: Entry(10**10, 10**11, s.value), kinds=ONCE),
    "Entry.__repr__": Case(lambda s: repr(s.given), entry, ONCE),
    "Entry.__getnewargs__": Case(lambda s: pickle.dumps(Entry(1, 2, 3)), kinds=ONCE),
    "Entry._asdict": Case(lambda s: s.given._asdict(), entry, ONCE),
    "Entry._make": Case(lambda s: Entry._make([1, 2, 3]), kinds=ONCE),
    "Entry._replace": Case(lambda s: s.given._replace(last=2**60), entry, ONCE, counted=False),
    "Entry.first": Case(lambda s: s.given.first, entry, ONCE, needs=False),
    "Entry.last": Case(lambda s: s.given.last, entry, ONCE, needs=False),
    "Entry.value": Case(lambda s: s.given.value, entry, ONCE, needs=False),
    "Entry.stop": Case(lambda s: Entry(0, 2**70, s.value).stop, kinds=ONCE),
    "Entry.size": Case(lambda s: Entry(0, 2**70, s.value).size, kinds=ONCE),
    "Change.__class_getitem__": Case(lambda s: Change[int], kinds=ONCE),
    "Change.__new__": Case(lambda s: Change(10**10, 10**11, s.value, None), kinds=ONCE),
    "Change.__repr__": Case(lambda s: repr(s.given), change, ONCE),
    "Change.__getnewargs__": Case(lambda s: pickle.dumps(Change(1, 2, 3, 4)), kinds=ONCE),
    "Change._asdict": Case(lambda s: s.given._asdict(), change, ONCE),
    "Change._make": Case(lambda s: Change._make([1, 2, 3, 4]), kinds=ONCE),
    "Change._replace": Case(lambda s: s.given._replace(last=2**60), change, ONCE, counted=False),
    "Change.first": Case(lambda s: s.given.first, change, ONCE, needs=False),
    "Change.last": Case(lambda s: s.given.last, change, ONCE, needs=False),
    "Change.before": Case(lambda s: s.given.before, change, ONCE, needs=False),
    "Change.after": Case(lambda s: s.given.after, change, ONCE, needs=False),
    "Change.stop": Case(lambda s: Change(0, 2**70, s.value, None).stop, kinds=ONCE),
    "Change.size": Case(lambda s: Change(0, 2**70, s.value, None).size, kinds=ONCE),
    "Gap.__class_getitem__": Case(lambda s: Gap[int], kinds=ONCE),
    "Gap.__new__": Case(lambda s: Gap(10**10, 10**11), kinds=ONCE),
    "Gap.__repr__": Case(lambda s: repr(s.given), gap, ONCE),
    "Gap.__getnewargs__": Case(lambda s: pickle.dumps(Gap(1, 2)), kinds=ONCE),
    "Gap._asdict": Case(lambda s: s.given._asdict(), gap, ONCE),
    "Gap._make": Case(lambda s: Gap._make([1, 2]), kinds=ONCE),
    "Gap._replace": Case(lambda s: s.given._replace(last=2**60), gap, ONCE),
    "Gap.first": Case(lambda s: s.given.first, gap, ONCE, needs=False),
    "Gap.last": Case(lambda s: s.given.last, gap, ONCE, needs=False),
    "Gap.stop": Case(lambda s: Gap(0, 2**70).stop, kinds=ONCE),
    "Gap.size": Case(lambda s: Gap(0, 2**70).size, kinds=ONCE),
    "RangeOccupiedError.__init__": Case(
        lambda s: RangeOccupiedError(2**40, 2**41, s.given), entry, ONCE
    ),
    "RangeOccupiedError.__str__": Case(lambda s: str(s.given), errors, ONCE),
    "common_gaps": Case(lambda s: next(common_gaps([s.tree, s.tree], 6))),
    "NoSpaceError": Case(lambda s: NoSpaceError("none"), kinds=ONCE),
    "FileFormatError": Case(lambda s: FileFormatError("none"), kinds=ONCE),
}


@pytest.fixture(autouse=True)
def no_collections():
    """Turn collections off. One could run without memory, and call other code's callbacks."""
    collect()
    nodes = pool_nodes()
    if COUNTS_REFERENCES:
        gc.disable()
    yield
    gc.enable()
    collect()
    assert pool_nodes() == nodes


def fail_each(way, case, kind):
    """Run the case on a kind of tree and check for leaks. Return how many calls failed."""
    things = [*VALUES, kind.new, POLICY]
    for _ in range(2 if HAS_HOOKS else 1):  # the first run may fill CPython's caches
        counts, nodes = references(things), counted_nodes()
        failures = each_failure(
            way, case.call, lambda: case.make(kind), Scene.look, Scene.look_after
        )
        lost = counted_nodes() - nodes, references(things) == counts
    assert lost == (0, True) or not case.counted
    while case.made:
        case.made.pop().clear()  # what CPython has leaked stays, but without nodes
    return failures


# Names of the public types without a case: they describe the type, or the interpreter makes them
# for every class.
OF_THE_TYPE = {
    *("__doc__", "__module__", "__hash__", "__slots__", "__annotations__", "__match_args__"),
    *("__orig_bases__", "__parameters__", "_fields", "_field_defaults", "__dict__", "__weakref__"),
    "__slotnames__",  # exists once an instance has been copied
    # The first line: from Python 3.13 on, where __replace__() is _replace(). The second: from 3.14.
    *("__static_attributes__", "__firstlineno__", "__replace__"),
    *("__classdictcell__", "__annotate_func__"),
}


@c_only
def test_every_name_has_a_case():
    """`Policy` is covered too: each tree of the kind "policy" has one. The errors are made by their
    own __init__() or by ValueError's."""
    tested = {name.split(":")[0] for name in CASES}
    there = set()
    for kind in (
        *(MapleTree, Cursor, TreeLock, TreeIterator, DiffIterator),
        *(Entry, Gap, Change, RangeOccupiedError),
    ):
        there |= {f"{kind.__name__}.{name}" for name in vars(kind) if name not in OF_THE_TYPE}
    assert not (vars(NoSpaceError).keys() | vars(FileFormatError).keys()) - OF_THE_TYPE
    assert tested == there | {"NoSpaceError", "FileFormatError", "common_gaps"}
    named = {"MAX", "Change", "Cursor", "Entry", "Gap", "MapleTree", "NoSpaceError", "Policy"}
    named |= {"TreeLock", "RangeOccupiedError", "__version__", "common_gaps", "implementation"}
    named |= {"FileFormatError"}
    named |= {"KeyType"}  # a protocol: test_key_no_memory.py has trees of some
    named |= {"COALESCE", "OFFSET"}  # there is a tree of each kind with one of them
    assert set(samara.__all__) == named
    hooks = {
        name for name, thing in vars(_core).items() if callable(thing) and name != "__loader__"
    }
    assert hooks == {"MapleTree", "Cursor", "TreeLock", "_pool_stats", "_fail_nth"}


@pytest.mark.parametrize("name", CASES)
def test_each_allocation_failing(name):
    case = CASES[name]
    kinds = [kind for kind in KINDS.values() if case.runs_on(kind)]
    ways = WAYS if case.counted else WAYS_IN_PYTHON
    if case.in_python:
        ways = ["nodes"]
    failures = sum(fail_each(way, case, kind) for way in ways for kind in kinds)
    assert failures or "one" not in ways or not case.needs, "this case shows nothing"


@c_only
@needs_hooks
@pytest.mark.parametrize("way", ["one", "rest"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_save_and_load_without_the_file(kind, way, monkeypatch):
    """The columns that the extension makes of a tree, and the tree that it makes of columns."""
    columns = []

    def build(given, policy, keys, build):
        return build(*given)

    monkeypatch.setattr(_file, "save", lambda path, given: columns.append(given))
    kind.make().save("path")
    (given,) = columns
    cases = {
        "save": Case(lambda s: s.tree.save("path")),
        "load": Case(lambda s: type(s.tree).load(given)),
    }
    monkeypatch.setattr(_file, "save", operator.is_)
    monkeypatch.setattr(_file, "load", build)
    first, last, values, keys, dtype, *rest = given
    if dtype:
        values = memoryview(values).cast(_file.CODES[dtype])
    given = *(memoryview(ends).cast("Q") for ends in (first, last)), values, keys, dtype, *rest
    for case in cases.values():
        assert fail_each(way, case, kind)


# ---- regressions ---------------------------------------------------------------------------------

LOOPS = {
    "entries": iter,
    "reversed": reversed,
    "clipped": lambda t: t.entries(12, 373, clip=True),
    "ranges": lambda t: t.ranges(),
    "values": lambda t: t.values(),
    "items": lambda t: t.items(reverse=True),
    "common gaps": lambda t: common_gaps([t, MapleTree(t, dtype="f8", track_gaps=False)]),
    "gaps": lambda t: t.gaps(2, 390),
    "last gap": lambda t: t.gaps(391),
    "diff": lambda t: t.diff(KINDS["i8"].make()),
    "cursor": lambda t: t.cursor(),
    "cursor back": lambda t: iter(t.cursor(MAX).find_rev, None),
}


@c_only
@needs_hooks
@pytest.mark.parametrize("way", ["one", "rest"])
@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_a_loop_that_runs_out_of_memory_loses_no_entry(loop, way):
    """The iterator continues where it was."""
    tree = KINDS["f8"].make()
    expected = list(loop(tree))
    failures = 0
    for n in range(1, 6):
        steps = loop(tree)
        found = []
        while True:
            failed, answer = out_of_memory(way, n, lambda s: next(s, None), steps)
            failures += failed
            if failed:
                answer = next(steps, None)
            if answer is None:
                break
            found.append(answer)
        assert found == expected
    assert failures


@c_only
@needs_hooks
def test_a_cursor_that_finds_room_but_no_memory_stays_where_it_is():
    cursor = PRIVATE.make().cursor(102)
    assert cursor.walk()
    for way in ("one", "rest"):
        assert out_of_memory(way, 1, lambda s: s.empty_area(3, 2**61), cursor)[0]
        assert (cursor.index, cursor.last, cursor.status) == (100, 104, "active")


@c_only
@needs_hooks
def test_a_cursor_that_cannot_step_keeps_its_value_too():
    """On a part of an entry: the next step did not read the value again, and had forgotten it."""

    class Joins:
        def split(self, entry, first, last):
            return entry.value

        def merge(self, left, right, stored):
            return left.value if left.value is right.value else NotImplemented

    joined, other = object(), object()
    tree = MapleTree([(0, 9, joined), (15, 20, joined), (30, 39, other)], policy=Joins())
    cursor = tree.cursor(10, 14)
    cursor.store(joined)
    assert list(tree) == [(0, 20, joined), (30, 39, other)]
    assert out_of_memory("one", 1, lambda s: s.next(), cursor)[0]
    assert cursor.find(17) is None
    assert (cursor.index, cursor.last, cursor.status, cursor.value) == (10, 14, "active", joined)


def test_a_cursor_that_cannot_erase_stays_where_it_is():
    tree = SHARED.make()
    relative = tree.fork()
    cursor = tree.cursor(393)
    assert out_of_memory("nodes", 1, lambda s: s.erase(), cursor)[0]
    assert (cursor.index, cursor.last, cursor.status) == (393, 393, "start")
    assert cursor.erase() == Entry(390, 394, VALUES[39]) and relative[393] is VALUES[39]


@c_only
@needs_hooks
def test_no_memory_to_look_for_attributes_is_no_lack_of_them():
    """Once __setstate__() raised a ValueError instead: the class had none."""
    state = KINDS["subclass"].make().__reduce__()[2]
    for n in range(1, 20):
        tree = Subclass()
        failed, answer = out_of_memory("one", n, lambda s: s.__setstate__(state), tree)
        assert failed or answer is None
        assert bool(tree) is not failed


# ---- other cases ---------------------------------------------------------------------------------


# importlib asks a new module for attributes that are not there yet. Before CPython 3.11.5 the
# AttributeError needs no memory for its message: five allocations in a row can fail unnoticed.
LOADS_AND_MORE = AND_MORE if MESSAGES_ARE_SAFE else 10


@c_only
@needs_hooks
@pytest.mark.skipif(not FUNCTIONS_ARE_SAFE, reason=NO_FUNCTIONS)
@pytest.mark.parametrize("way", ["one", "rest"])
def test_loading_the_extension(way):
    spec = importlib.util.find_spec("samara._core")

    def load(_):
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    n = through = 0
    while through <= LOADS_AND_MORE:
        n += 1
        failed, module = out_of_memory(way, n, load, None)
        through = 0 if failed or isinstance(module, ImportError | SystemError) else through + 1
        if through:
            tree = module.MapleTree([(1, 2, "a")])
            assert tree[2] == "a" and module._pool_stats()[0] == tree.node_count
        module = tree = None
        gc.collect()
    assert n > 100


@c_only
@needs_hooks
def test_a_collection_needs_no_memory():
    """The collector finds and frees a cycle with the trees of a family and an iterator."""
    nodes = pool_nodes()
    callbacks = gc.callbacks[:]
    gc.callbacks.clear()
    for way in ("one", "rest"):
        for n in range(1, 5):
            tree = SHARED.make()
            relative = tree.fork()
            tree[5] = relative[2**40] = [tree, relative, iter(relative), tree.cursor()]
            gone = weakref.ref(tree), weakref.ref(relative)
            tree = relative = None
            out_of_memory(way, n, lambda _: gc.collect(), None)
            assert [reference() for reference in gone] == [None, None]
            assert pool_nodes() == nodes
    gc.callbacks[:] = callbacks


TO_THE_END = """
import mmap, resource
from samara import MapleTree

STEP = 2
tree = MapleTree({options})
for n in range(10_000):
    tree[STEP * n] = n
fork = tree.fork()
spare = mmap.mmap(-1, 2 << 20)  # for the interpreter itself, when all is used up
with open("/proc/self/statm") as statm:
    used = int(statm.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (48 << 20),) * 2)
try:
    while True:
        n += 1
        tree[STEP * n] = n
except MemoryError:
    spare.close()
tree.check()
count = len(tree)
assert n - 1 <= count <= n + 1 and count > 100_000, (n, count)
assert fork.node_count < tree.node_count and len(fork) == 10_000
assert all(first == last == STEP * value for first, last, value in tree)
assert tree.covered == count and tree.find_rev(2**64 - 1).value == count - 1
for n in range(count // 2, count):
    del tree[STEP * n]
tree.check()
assert len(tree) == count // 2
for n in range(count // 2, count):
    tree[STEP * n] = 5
tree.check()
assert len(tree) == count and tree[STEP * n] == 5
tree.clear()
tree[:] = 5
assert list(tree) == [(0, 2**64 - 1, 5)] and fork[STEP * 9_999] == 9_999
fork.check()
print(count)
"""


@c_only
@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS as Linux has it")
@pytest.mark.skipif(SANITIZED, reason="it takes all addresses")
@pytest.mark.parametrize("options", ["", "dtype='u8'", "track_gaps=False"])
def test_filling_a_tree_to_the_end_of_memory(options):
    """Set a real limit, RLIMIT_AS, in a separate process."""
    program = TO_THE_END.format(options=options)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 100_000
