# SPDX-License-Identifier: MIT
"""Pickling and deep copies; what a forged state must not do."""

import contextlib
import copy
import pickle
import re
import struct

import pytest

import surface_inputs
from interpreter import collect, counted_nodes, scaled
from samara import COALESCE, MAX, OFFSET, Cursor, MapleTree, _implementation
from surface import Apart, calls_of
from surface_inputs import UNPICKLING, load_pickle


def tree(count=100, **options):
    return MapleTree(((10 * n, 10 * n + 4, f"v{n}") for n in range(count)), **options)


protocols = pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))


class Sub(MapleTree):
    def __init__(self, name):
        super().__init__()
        self.name = name


class Slotted(MapleTree):
    __slots__ = ("name",)


@protocols
@pytest.mark.parametrize("track_gaps", [True, False])
@pytest.mark.parametrize("count", [0, 1, 17, 1000])
def test_there_and_back(protocol, track_gaps, count):
    t = tree(count, track_gaps=track_gaps)
    u = pickle.loads(pickle.dumps(t, protocol))
    assert u == t and u.track_gaps is track_gaps and u.covered == t.covered
    u.check()
    u[5:20] = "x"
    u.check()


def test_the_ends_of_the_key_space():
    t = MapleTree([(0, 0, None), (1, 2**63, "a"), (MAX, MAX, MAX)])
    assert pickle.loads(pickle.dumps(t)) == t
    t[:] = "all"
    assert pickle.loads(pickle.dumps(t)) == t


def test_a_million_ranges():
    count = scaled(1_000_000)
    t = MapleTree((3 * n, 3 * n + 1, n % 100) for n in range(count))
    data = pickle.dumps(t)
    assert len(data) < 25 * count
    u = pickle.loads(data)
    assert len(u) == count and u == t
    u.check()


@protocols
def test_a_tree_that_contains_itself(protocol):
    t = tree()
    t[MAX] = t
    u = pickle.loads(pickle.dumps(t, protocol))
    assert u[MAX] is u and u[10] == "v1"
    v = copy.deepcopy(t)
    assert v[MAX] is v and v is not t
    w = [t, t.fork()]
    x = pickle.loads(pickle.dumps(w, protocol))
    assert x[1][MAX] is x[0] and x[0][MAX] is x[0]


def test_a_value_that_appears_twice_stays_one():
    value = ["v"]
    t = MapleTree([(1, 2, value), (5, 6, value)])
    for u in (pickle.loads(pickle.dumps(t)), copy.deepcopy(t)):
        assert u[1] is u[5] and u[1] is not value and u[1] == value


@protocols
def test_subclasses(protocol):
    t = Sub("n")
    t[5:10] = "x"
    t.more = t
    u = pickle.loads(pickle.dumps(t, protocol))
    assert type(u) is Sub and u == t and u.name == "n" and u.more is u
    if protocol >= 2:
        s = Slotted([(1, 2, 3)])
        s.name = "n"
        u = pickle.loads(pickle.dumps(s, protocol))
        assert type(u) is Slotted and u == s and u.name == "n"


def test_the_format():
    t = MapleTree([(1, 2, "a"), (2**63, MAX, None)], track_gaps=False)
    function, arguments, state = t.__reduce__()
    assert arguments == (MapleTree,) and type(function(*arguments)) is MapleTree
    assert state == (
        1,
        False,
        struct.pack("<2Q", 1, 2**63),
        struct.pack("<2Q", 2, MAX),
        ["a", None],
        None,
    )
    assert state[1] is False


def test_what_a_later_change_does_to_a_state():
    t = tree(3)
    state = t.__reduce__()[2]
    t.clear()
    u = MapleTree()
    u.__setstate__(state)
    assert u == tree(3)
    state[4][0] = "changed"
    assert u == tree(3)


def ranges(*numbers):
    return struct.pack(f"<{len(numbers)}Q", *numbers)


GOOD = (1, True, ranges(1, 5), ranges(2, 6), ["a", "b"], None)


def forged(**changes):
    names = ["version", "track_gaps", "firsts", "lasts", "values", "attributes"]
    return tuple(changes.get(name, member) for name, member in zip(names, GOOD, strict=True))


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (None, "expected a tuple of 6"),
        ((), "expected a tuple of 6"),
        (list(GOOD), "expected a tuple of 6"),
        (GOOD[:5], "expected a tuple of 6"),
        ((*GOOD, 1), "expected a tuple of 6"),
        (forged(version=4), "expected a tuple of 8"),
        (forged(version=5), "expected a tuple of 9"),
        (forged(version=2), "expected a tuple of 7"),
        (forged(version=0), "must be 1, 2, 3, 4 or 5, not 0"),
        (forged(version=2**80), f"must be 1, 2, 3, 4 or 5, not {2**80}"),
        (forged(version="1"), "format is not an integer"),
        (forged(version=True), "format is not an integer"),
        (forged(track_gaps=1), "track_gaps is not a bool"),
        (forged(track_gaps=None), "track_gaps is not a bool"),
        (forged(firsts="ab"), "the ranges are not bytes"),
        (forged(lasts=bytearray(16)), "the ranges are not bytes"),
        (forged(firsts=ranges(1)), "lasts differ in number"),
        (forged(firsts=ranges(1, 5)[:-1], lasts=ranges(2, 6)[:-1]), "lasts differ in number"),
        (forged(values=("a", "b")), "the values are not a list"),
        (forged(values=["a"]), "ranges and values differ in number"),
        (forged(values=["a", "b", "c"]), "ranges and values differ in number"),
        (forged(firsts=ranges(5, 1), lasts=ranges(6, 2)), r"range 1, \[1, 2\], is out of order"),
        (forged(firsts=ranges(1, 2)), r"range 1, \[2, 6\], is out of order"),
        (forged(firsts=ranges(1, 7)), r"range 1, \[7, 6\], is out of order"),
        (forged(firsts=ranges(3, 5)), r"range 0, \[3, 2\], is out of order"),
        (forged(lasts=ranges(MAX, 6)), r"range 1, \[5, 6\], is out of order"),
        (forged(attributes={"x": 1}), "instances cannot have any"),
        (forged(attributes=[]), "attributes are not a dict"),
        (forged(attributes=(None,)), "not a pair of dicts"),
        (forged(attributes=(None, None)), "not a pair of dicts"),
        (forged(attributes=(1, {})), "attributes are not a dict"),
    ],
    ids=str,
)
def test_a_forged_state_is_refused(state, text):
    t = MapleTree()
    t.check()
    with pytest.raises(ValueError, match=text):
        t.__setstate__(state)
    assert not t and t.track_gaps
    t.check()
    t.__setstate__(GOOD)
    assert list(t) == [(1, 2, "a"), (5, 6, "b")]


def test_a_tree_that_is_not_empty_refuses_a_state():
    t = tree(2)
    with pytest.raises(ValueError, match="requires an empty tree"):
        t.__setstate__(GOOD)
    assert t == tree(2)


def test_a_state_that_the_unpickler_changes_half_way():
    values = ["a", "b"]

    class Sly(MapleTree):
        @property
        def __dict__(self):
            values.append("c")
            return {}

    with pytest.raises(ValueError, match="differ in number"):
        Sly().__setstate__(forged(values=values, attributes={"x": 1}))


def test_out_of_memory_while_unpickling():
    t = tree(1000)
    data = pickle.dumps(t)
    collect()
    before = counted_nodes()
    u = None
    for n in range(1, 10_000):
        _implementation._fail_nth(n)
        with contextlib.suppress(MemoryError):
            u = pickle.loads(data)
        _implementation._fail_nth(0)
        if u is not None:
            break
        assert counted_nodes() == before
    assert n > 1 and u == t


def test_attributes_that_cannot_be_set_leave_the_tree_empty():
    class Stubborn(MapleTree):
        __slots__ = ("mark",)

        def __setattr__(self, name, value):
            raise LookupError(name)

    state = MapleTree([(1, 2, "a")]).__reduce__()[2]
    stubborn = Stubborn()
    with pytest.raises(LookupError, match="mark"):
        stubborn.__setstate__((*state[:5], (None, {"mark": 1})))
    assert not stubborn
    stubborn.__setstate__(state)
    assert list(stubborn) == [(1, 2, "a")]


def test_a_tree_that_is_filled_while_attributes_are_set_keeps_that():
    class Busy(MapleTree):
        __slots__ = ("mark",)

        def __setattr__(self, name, value):
            self[5] = value

    busy = Busy()
    with pytest.raises(ValueError, match="requires an empty tree"):
        state = MapleTree([(1, 2, "a")]).__reduce__()[2]
        busy.__setstate__((*state[:5], (None, {"mark": 1})))
    assert list(busy) == [(5, 5, 1)]


def test_deepcopy_copies_the_values_once():
    copies = []

    class Value:
        def __deepcopy__(self, memo):
            copies.append(self)
            return Value()

    value = Value()
    t = MapleTree([(1, 2, value), (5, 6, value), (8, 9, Value())])
    u = copy.deepcopy(t)
    assert len(copies) == 2 and u[1] is u[5] is not value


# ---- pickles that were cut or changed ------------------------------------------------------------


def small_trees():
    sub = surface_inputs.Sub([(5, 9, "x")])
    sub.name = "n"
    slotted = surface_inputs.Slotted([(1, 2, 3), (7, 7, None)])
    slotted.name = "n"
    itself = tree(2)
    itself[MAX] = itself
    return {
        "empty": MapleTree(),
        "one": MapleTree([(0, MAX, "all")]),
        "three": MapleTree([(1, 2, "a"), (5, 300, "b"), (301, 2**40, "c")], track_gaps=False),
        "u8": MapleTree([(0, 0, 5), (4, 255, 2**64 - 1)], dtype="u8"),
        "f8": MapleTree([(9, 9, 0.5), (10, 600, -1.5)], dtype="f8"),
        "coalesce": MapleTree([(9, 9, 5), (10, 600, 7)], dtype="i8", policy=COALESCE),
        "policy": MapleTree([(9, 9, 0.5), (10, 600, -1.5)], policy=Apart()),
        "many": tree(40),
        "itself": itself,
        "subclass": sub,
        "slots": slotted,
    }


# By name: trees made here would keep nodes alive, which other tests count.
small = pytest.mark.parametrize("name", list(small_trees()))
later_protocols = pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))


@small
@later_protocols
def test_every_cut_of_a_pickle_is_refused(name, protocol):
    data = pickle.dumps(small_trees()[name], protocol)
    for size in range(len(data)):
        with pytest.raises(UNPICKLING):
            pickle.loads(data[:size])


@small
@later_protocols
def test_what_a_cut_pickle_holds_so_far_is_whole(name, protocol):
    """The same with an end appended after the cut: what was made up to there comes out."""
    data = pickle.dumps(small_trees()[name], protocol)
    came = sum(load_pickle(data[:size] + b".") for size in range(len(data)))
    assert came >= 1


# (Before protocol 3, a pickle spells bytes as text.)
@pytest.mark.parametrize("name", ["three", "u8", "f8", "coalesce", "policy", "slots"])
@pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))
def test_every_change_of_a_byte_of_the_ranges(name, protocol):
    """If it loads, it is what the bytes say. If not, they were not ranges in order."""
    t = small_trees()[name]
    firsts, lasts = (bytes(end) for end in t.__reduce__()[2][2:4])
    data = pickle.dumps(t, protocol)
    values = [value for _, _, value in t]
    outcomes = set()
    for ends in (firsts, lasts):
        start = data.index(ends)
        for at in range(start, start + len(ends)):
            for byte in range(256):
                changed = data[:at] + bytes([byte]) + data[at + 1 :]
                pair = [
                    struct.unpack(f"<{len(values)}Q", changed[place : place + len(ends)])
                    for place in (data.index(firsts), data.index(lasts))
                ]
                expected = list(zip(*pair, values, strict=True))
                free = -1
                sound = True
                for first, last, _ in expected:
                    sound = sound and free < first <= last
                    free = last
                if sound:
                    u = pickle.loads(changed)
                    u.check()
                    assert list(u) == expected and type(u) is type(t)
                else:
                    with pytest.raises(ValueError, match="out of order"):
                        pickle.loads(changed)
                outcomes.add(sound)
    assert outcomes == {True, False}


@pytest.mark.parametrize("name", ["u8", "f8"])
def test_every_change_of_a_byte_of_packed_values(name):
    """Any 64 bits are a valid number."""
    t = small_trees()[name]
    words = t.__reduce__()[2][4]
    data = pickle.dumps(t)
    start = data.index(words)
    for at in range(start, start + len(words)):
        for byte in range(256):
            u = pickle.loads(data[:at] + bytes([byte]) + data[at + 1 :])
            u.check()
            assert u.__reduce__()[2][2:4] == t.__reduce__()[2][2:4]


@small
@later_protocols
def test_every_changed_bit_of_a_pickle(name, protocol):
    """Whatever the change is, the result is an error or an intact tree."""
    if name == "many":
        return  # the other cases have enough ranges
    data = pickle.dumps(small_trees()[name], protocol)
    assert load_pickle(data)
    for at in range(len(data)):
        for bit in range(0, 8, 1 if scaled(100) == 100 else 3):
            load_pickle(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])


JUNK = [
    None,
    0,
    -1,
    2**70,
    1.5,
    "",
    "x",
    b"",
    b"12345",
    [],
    {},
    (),
    object(),
    MapleTree,
    MapleTree(),
]


@pytest.mark.parametrize("cls", [MapleTree, Slotted])
def test_a_state_called_by_hand_with_junk(cls):
    """Replace the state and each of its members, for an empty tree and for one that is not."""
    trees = [MapleTree([(1, 2, 3)], dtype="i8", policy=policy) for policy in (None, OFFSET)]
    for good in (GOOD, *(t.__reduce__()[2] for t in trees)):
        for at in range(-1, len(good)):
            for junk in JUNK:
                state = junk if at < 0 else (*good[:at], junk, *good[at + 1 :])
                full = cls([(7, 9, "x")])
                with pytest.raises((ValueError, TypeError)):
                    full.__setstate__(state)
                assert list(full) == [(7, 9, "x")]
                full.check()
                t = cls.__new__(cls)
                with contextlib.suppress(ValueError, TypeError):
                    t.__setstate__(state)
                    assert at >= 0 and [entry[:2] for entry in t] in ([(1, 2), (5, 6)], [(1, 2)])
                t.check()


def test_a_policy_that_is_none_in_a_forged_state():
    state = (3, *GOOD[1:], object())
    t = MapleTree()
    with pytest.raises(AttributeError):
        t.__setstate__(state)
    assert not t and t.policy is None


@pytest.mark.parametrize("name", calls_of(MapleTree))
def test_a_tree_that_was_never_initialised_is_an_empty_one(name):
    bare, made = MapleTree.__new__(MapleTree), MapleTree()
    assert bare == made and bare.track_gaps and bare.dtype is None
    answers = []
    for t in (bare, made):
        member = getattr(t, name)
        for arguments in ((), (5,), (5, 9), (5, 9, 1), (slice(3, 9), 1), (MapleTree(),)):
            try:
                answer = member(*arguments) if callable(member) else member
            except Exception as error:
                answer = error
            answers.append(str(answer).replace(hex(id(t)), "here"))
        t.check()
    same = [re.sub("0x[0-9a-f]+", "there", answer) for answer in answers]
    assert same[: len(same) // 2] == same[len(same) // 2 :]
    assert list(bare) == list(made)


def test_there_is_no_cursor_without_a_tree():
    for arguments in ((), (5,), (None,), ([],)):
        with pytest.raises(TypeError):
            Cursor.__new__(Cursor, *arguments)
    t = MapleTree([(1, 5, "a")])
    cursor = Cursor.__new__(Cursor, t, 3)
    assert cursor.tree is t and cursor.walk() == (1, 5, "a")
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(cursor)
