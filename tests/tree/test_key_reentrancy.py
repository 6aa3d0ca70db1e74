# SPDX-License-Identifier: MIT
"""Re-entrant keys: a KeyType whose encode() or decode() writes, empties or frees the tree.

Each method converts keys. Whatever the conversion does, the tree stays intact, what the conversion
wrote stays there, and an exception leaves the tree as it was.
"""

import contextlib
import gc
import operator
import pickle
import threading
import weakref

import pytest

import keyed_calls
from interpreter import c_only, collect, live_nodes
from keyed_calls import READS, REPLACES, WRITES, Ints
from samara import Cursor, MapleTree, NoSpaceError, RangeOccupiedError, common_gaps
from tree_oracle import Index, seeded

K = Ints()
FAR = K.far  # a key that no call here writes


class Planted(Exception):
    pass


class Acting:
    """Keys that are ints. After being armed, encode() or decode() calls something.

    often    every time, not only once
    skipped  so many calls pass before
    """

    name = "acting"

    def __init__(self, bits=64):
        self.bits, self.act = bits, None
        self.disarm()

    def arm(self, method, act, skipped=0, often=False):
        self.method, self.act, self.skipped, self.often = method, act, skipped, often

    def disarm(self):
        self.act, self.ran = None, 0

    def called(self, method):
        if self.act is None or method != self.method:
            return
        if self.skipped:
            self.skipped -= 1
            return
        act, self.act = self.act, None  # what it does uses keys too
        self.ran += 1
        act()
        if self.often:
            self.act = act

    def encode(self, key):
        self.called("encode")
        return int(key) + 1000

    def decode(self, code):
        self.called("decode")
        return code - 1000


def filled(keys, count=keyed_calls.COUNT):
    return keyed_calls.filled(keys, K, count)


def plain(tree):
    return [tuple(entry) for entry in tree]


CALLS = READS | WRITES | REPLACES
# What an encode() or decode() does meanwhile.
ACTS = {
    "store": lambda t: t.__setitem__(FAR, "inner"),
    "store near": lambda t: t.store_range(14, 26, "inner"),
    "many": lambda t: [t.__setitem__(n, "inner") for n in range(1, 300, 3)],
    "clear": lambda t: t.clear(),
    "store over all": lambda t: t.__setitem__(slice(None), "inner"),
    "pop": lambda t: t.pop_range(0, FAR),
    "init": lambda t: t.__init__([(3, 4, "inner")], keys=t.keys_dtype),
    "init packed": lambda t: t.__init__([(3, 4, 5)], keys=t.keys_dtype, dtype="i8"),
    "fork and write": lambda t: t.fork().__setitem__(3, "inner"),
    "loop": list,
    "collect": lambda t: gc.collect(),
}
REFUSED = KeyError, NoSpaceError, RangeOccupiedError
MAY_RAISE = (*REFUSED, RuntimeError, TypeError, ValueError)
widths = pytest.mark.parametrize("bits", [64, 128])
methods = pytest.mark.parametrize("method", ["encode", "decode"])
acts = pytest.mark.parametrize("act", ACTS)


@widths
@methods
@acts
def test_a_conversion_that_writes_the_tree(bits, method, act):
    for name, call in CALLS.items():
        for skipped, often in ((0, True), (0, False), (1, False), (2, False), (3, False)):
            keys = Acting(bits)
            t = filled(keys)
            keys.arm(method, lambda t=t: ACTS[act](t), skipped, often)
            try:
                with contextlib.suppress(*MAY_RAISE):
                    call(t, K)
                ran = keys.ran
                keys.disarm()
                t.check()
                if act == "store" and ran and name not in REPLACES:
                    assert t[FAR] == "inner"
            except Exception as error:
                error.add_note(f"{name}, {skipped=}, {often=}, {t!r}")
                raise
            if not ran:
                break


@widths
@methods
def test_a_conversion_that_fails_changes_nothing(bits, method):
    def fail():
        raise Planted

    for name, call in CALLS.items():
        for skipped in range(40):
            keys = Acting(bits)
            t = filled(keys)
            relative, before = t.fork(), plain(t)
            keys.arm(method, fail, skipped)
            failed = False
            try:
                call(t, K)
            except Planted:
                failed = True
            except REFUSED:
                pass
            ran = keys.ran
            keys.disarm()
            t.check()
            assert failed == bool(ran), name
            if failed:
                assert plain(t) == before, f"{name}: changed, although call {skipped} failed"
                with contextlib.suppress(*MAY_RAISE):
                    call(t, K)  # it works again
            assert plain(relative) == before
            if not ran:
                break


@widths
@methods
def test_results_are_those_without_the_conversion(bits, method):
    """A conversion that writes elsewhere changes no result, even if the call begins again."""
    same = dict(WRITES)
    same |= {name: READS[name] for name in ("entry", "find", "next", "prev", "ranges", "load_many")}
    for name, call in same.items():
        expected = outcome(call, filled(Acting(bits)))
        for skipped in range(9):
            keys = Acting(bits)
            t = filled(keys)
            keys.arm(method, lambda t=t: t.__setitem__(FAR, "inner"), skipped)
            found = outcome(call, t)
            if not keys.ran:
                break
            assert found == expected, f"{name}, {skipped=}"


def outcome(call, tree):
    """Return what a call returns or raises, and what it leaves."""
    try:
        answer = call(tree, K)
    except REFUSED as error:
        answer = type(error), str(error)
    if isinstance(answer, MapleTree):
        answer = None
    return answer, [entry for entry in plain(tree) if entry[0] != FAR]


@widths
@methods
def test_a_conversion_that_drops_the_last_name_of_the_tree(bits, method):
    collect()
    before = live_nodes()
    for call in CALLS.values():
        for skipped in range(4):
            keys = Acting(bits)
            names = {"t": filled(keys)}
            keys.arm(method, names.clear, skipped)
            with contextlib.suppress(*MAY_RAISE):
                call(names["t"], K)
            ran = keys.ran
            keys.disarm()
            assert bool(names) is not bool(ran)
            names.clear()
    collect()
    assert live_nodes() == before


@widths
def test_a_conversion_that_drops_what_iterates(bits):
    keys = Acting(bits)
    for make in (iter, reversed, MapleTree.gaps, MapleTree.ranges, MapleTree.cursor):
        names = {"t": filled(keys)}
        names["i"] = make(names["t"])
        keys.arm("decode", names.clear)
        next(names["i"])
        keys.disarm()
        assert not names
    names = {"t": filled(keys)}
    names["i"] = names["t"].diff(names["t"][30:])
    keys.arm("decode", names.clear)
    assert next(names["i"]) == (0, 4, 0, None)
    keys.disarm()


@widths
def test_a_conversion_that_steps_the_iterator_that_waits_for_it(bits):
    keys = Acting(bits)
    for make in (iter, MapleTree.ranges, MapleTree.items, MapleTree.gaps, MapleTree.cursor):
        t = filled(keys)
        found, inner = make(t), []
        keys.arm("decode", lambda found=found, inner=inner: inner.append(next(found)))
        outer = next(found)
        keys.disarm()
        assert inner and outer
        assert len(list(found)) in (9, 10, 11, 12)
        t.check()


def test_an_iterator_whose_decode_fails_goes_on():
    keys = Acting()

    def fail():
        raise Planted

    for name in ("entries", "ranges", "items", "gaps"):
        found = getattr(filled(keys, 3), name)()
        keys.arm("decode", fail, 1)
        with pytest.raises(Planted):
            next(found)
        keys.disarm()
        assert list(found) == list(getattr(filled(keys, 3), name)())


# ---- the kind itself


def test_a_conversion_that_settles_the_tree_first():
    """While a tree is made, encode() makes it one of other keys. The first one wins."""
    for bits in (64, 128):
        keys = Acting(bits)
        t = MapleTree.__new__(MapleTree)
        keys.arm("encode", lambda t=t: t.__init__([(1, 2, "inner")], keys="int64"))
        with pytest.raises(ValueError, match="this tree has keys 'int64', not "):
            t.__init__([(1, 2, "outer")], keys=keys)
        keys.disarm()
        assert t.keys_dtype == "int64" and plain(t) == [(1, 2, "inner")]
    other = Acting(128)
    t = MapleTree.__new__(MapleTree)
    keys = Acting(64)
    keys.arm("encode", lambda: t.__init__([(1, 2, "inner")], keys=other))
    with pytest.raises(ValueError, match="this tree has keys "):
        t.__init__([(1, 2, "outer")], keys=keys)
    assert t.keys_dtype is other and plain(t) == [(1, 2, "inner")]


class Returns:
    """A KeyType whose methods return what they are told."""

    name, bits, code, key = "returns", 64, 5, "key"

    def __init__(self, **members):
        for name, value in members.items():
            setattr(self, name, value)

    def encode(self, key):
        return self.code

    def decode(self, code):
        return self.key


@widths
def test_what_encode_may_return(bits):
    top = 2**bits - 1
    keys = Returns(bits=bits)
    t = MapleTree(keys=keys)
    for code in (0, 1, 2**63, 2**64 - 1, top, True, Index(7)):
        keys.code = code
        t["k"] = code
        assert t["k"] == code and "k" in t
    before = len(t)
    for code in (-1, top + 1, 2**200, -(2**200), Index(-1), Index(top + 1)):
        keys.code = code
        with pytest.raises(ValueError, match="index k is outside key ... key"):
            t["k"] = 1
        assert t.get("k", "d") == "d" and "k" not in t and t.entry("k") is None
    for code in (None, "5", 1.0, b"", [1], object()):
        keys.code = code
        for call in (lambda: t.get("k"), lambda: t.__setitem__("k", 1), lambda: "k" in t):
            with pytest.raises(TypeError):
                call()
    assert len(t) == before
    t.check()


@widths
def test_what_decode_may_return(bits):
    """Anything is a key."""
    for key in (None, 5, float("nan"), (), (1, 2), [], object(), Returns):
        keys = Returns(bits=bits, key=key)
        t = MapleTree([("a", "b", "v")], keys=keys)
        assert t.entry("x").first is key and t.first_key is key
        (entry,) = t
        assert entry.last is key and entry.value == "v" and entry.stop is key
        assert next(t.gaps()).first is key
        assert repr(key) in repr(t)
        t.check()


class Disorderly:
    """Keys whose codes are in no order. Answers may be senseless, but nothing breaks."""

    name = "disorderly"

    def __init__(self, bits, random):
        self.bits, self.random = bits, random

    def encode(self, key):
        return self.random.choice([0, 5, key, 2**self.bits - 1, -1, 2**self.bits])

    def decode(self, code):
        return self.random.randrange(100)


@widths
def test_codes_without_order(bits):
    random = seeded(f"disorderly {bits}")
    for call in CALLS.values():
        for _ in range(20):
            t = MapleTree(keys=Disorderly(bits, random))
            for n in range(10):
                with contextlib.suppress(*MAY_RAISE):
                    t.store_range(10 * n, 10 * n + 4, n)
            with contextlib.suppress(*MAY_RAISE):
                call(t, K)
            t.check()


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"bits": 32}, ValueError),
        ({"bits": 64.0}, ValueError),
        ({"bits": None}, ValueError),
        ({"bits": True}, ValueError),
        ({"bits": "64"}, ValueError),
        ({"name": 5}, TypeError),
        ({"name": None}, TypeError),
        ({"encode": 5}, TypeError),
        ({"decode": None}, TypeError),
    ],
)
def test_what_is_no_key_type(members, error):
    with pytest.raises(error, match=f"{next(iter(members))} of a KeyType"):
        MapleTree(keys=Returns(**members))


class Fails:
    """A KeyType with members that cannot be read, or that is compared with an error."""

    name, bits = "fails", 64

    def __init__(self, what):
        self.what = what

    def __getattribute__(self, name):
        if name in ("encode", "decode") and object.__getattribute__(self, "what") == name:
            raise Planted(name)
        return object.__getattribute__(self, name)

    def encode(self, key):
        return key

    def decode(self, code):
        return code

    def __eq__(self, other):
        if self.what == "__eq__":
            raise Planted("__eq__")
        return self.what == "equal"

    def __hash__(self):
        raise Planted("__hash__")


def test_members_that_cannot_be_read():
    for name in ("encode", "decode"):
        with pytest.raises(Planted, match=name):
            MapleTree(keys=Fails(name))


BOTH = {
    "or": operator.or_,
    "and": operator.and_,
    "sub": operator.sub,
    "ior": operator.ior,
    "iand": operator.iand,
    "isub": operator.isub,
    "update": MapleTree.update,
    "diff": MapleTree.diff,
    "dup_into": MapleTree.dup_into,
    "common_gaps": lambda t, u: list(common_gaps([t, u])),
}


@pytest.mark.parametrize("call", BOTH.values(), ids=BOTH)
def test_kinds_are_the_same_if_the_objects_are_equal(call):
    one, other, third = Fails("equal"), Fails("equal"), Fails("unequal")
    t, u, v = (MapleTree([(1, 5, "a")], keys=keys) for keys in (one, other, third))
    empty = MapleTree(keys=other)
    call(t, empty if call is MapleTree.dup_into else u)
    with pytest.raises(ValueError, match="must have keys "):
        call(v, u)
    assert t == t.fork() and v != u
    failing = MapleTree([(1, 5, "a")], keys=Fails("__eq__"))
    with pytest.raises(Planted):
        call(failing, u)
    with pytest.raises(Planted):
        assert failing == u
    for tree in (t, u, v, failing):
        tree.check()


def test_an_equality_that_writes_both_trees():
    class Equal(Acting):
        def __eq__(self, other):
            for tree in trees:
                tree.clear()
                tree[FAR] = "inner"
            return True

        __hash__ = None

    for call in BOTH.values():
        trees = []
        trees += [filled(Equal()), filled(Equal())]
        with contextlib.suppress(ValueError):
            call(*trees)
        for tree in trees:
            tree.check()
            if call not in (operator.iand, operator.isub):
                assert tree[FAR] == "inner"


# ---- what keeps the object alive


@widths
def test_a_key_type_lives_as_long_as_what_uses_it(bits):
    keys = Acting(bits)
    alive = weakref.ref(keys)
    t = filled(keys, 3)
    held = [iter(t), t.cursor(), t.fork(), t.entry(3), next(t.gaps()), t.lock]
    del t, keys
    collect()
    assert alive() is not None
    assert [tuple(entry) for entry in held[0]] == [(0, 4, 0), (10, 14, 1), (20, 24, 2)]
    assert held[3].stop == 5 and held[4].size > 0
    held.clear()
    collect()
    assert alive() is None


@widths
def test_a_tree_whose_keys_refer_to_it_is_garbage(bits):
    collect()
    before = live_nodes()
    keys = Acting(bits)
    keys.tree = filled(keys)
    alive = weakref.ref(keys)
    del keys
    collect()
    assert alive() is None and live_nodes() == before


@widths
def test_cursors_of_trees_that_were_emptied_meanwhile(bits):
    keys = Acting(bits)
    for name in ("next", "prev", "find", "find_rev", "next_range", "prev_range", "walk", "erase"):
        t = filled(keys)
        cursor = Cursor(t, 23)
        keys.arm("decode", t.clear)
        with contextlib.suppress(*MAY_RAISE):
            getattr(cursor, name)()
        keys.disarm()
        t.check()
        for attribute in ("index", "last", "value", "status"):
            getattr(cursor, attribute)
        t[3:40] = "again"
        cursor.set(5)
        assert cursor.walk() == (3, 39, "again")


@c_only  # in pure Python, other writers wait
@widths
def test_allocations_whose_decode_waits_for_a_thread_that_asks_its_policy(bits):
    class Waiting:
        def __init__(self):
            self.asked, self.answer = threading.Event(), threading.Event()

        def merge(self, left, right, stored):
            self.asked.set()
            self.answer.wait()
            return NotImplemented

        def split(self, entry, first, last):
            return entry.value

    def begin_a_store():
        thread.start()
        policy.asked.wait()

    policy, keys = Waiting(), Acting(bits)
    policy.answer.set()
    t = MapleTree([(0, 9, "a")], keys=keys, policy=policy)
    policy.asked.clear()
    policy.answer.clear()
    thread = threading.Thread(target=lambda: t.store_range(10, 19, "b"))
    keys.arm("decode", begin_a_store)
    with pytest.raises(RuntimeError, match="policy"):
        t.alloc_many([5], ["c"], first=100)
    policy.answer.set()
    thread.join()
    t.check()
    assert plain(t) == [(0, 9, "a"), (10, 19, "b")]


@widths
def test_pickles_of_trees_whose_keys_act(bits):
    keys = PICKLED[bits]
    for method in ("encode", "decode"):
        t = filled(keys)
        keys.arm(method, t.clear)
        again = pickle.loads(pickle.dumps(t))
        keys.disarm()
        assert not again or plain(again) == plain(filled(keys))
        again.check()


class Named(Acting):
    """One of two objects that pickles refer to."""

    def __reduce__(self):
        return operator.getitem, (Lookup(), self.bits)


class Lookup:
    """Stands for PICKLED in a pickle."""

    def __getitem__(self, bits):
        return PICKLED[bits]


PICKLED = {bits: Named(bits) for bits in (64, 128)}
