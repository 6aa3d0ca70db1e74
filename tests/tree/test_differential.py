# SPDX-License-Identifier: MIT
"""Both implementations side by side: the same operations give the same results and errors.

Arguments are valid and invalid: of a wrong type, out of range, reversed, huge. A call with too few,
too many or unknown arguments must raise TypeError on both; the message is Python's and may differ.
"""

import copy
import inspect
import operator
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from types import MappingProxyType

import pytest

import samara
from interpreter import steps
from samara import MAX, Gap, _docs, _pure
from tree_oracle import Index, seeded

_core = pytest.importorskip("samara._core", reason="there is no extension to compare with")

SIDES = (_core, _pure)
STEPS = steps(4000)
MEMBERS = 6


class Fails:
    """An object that fails if asked for its number, truth value or members."""

    def fail(self):
        raise OSError("no")

    __index__ = __bool__ = __iter__ = fail


class Both:
    """One object of each side, as an argument or a result."""

    def __init__(self, things):
        self.things = things


def plain(answer):
    """Return a result in a form that does not depend on its side."""
    if type(answer).__name__ == "MapleTree":
        return "MapleTree", answer.track_gaps, plain(list(answer))
    if type(answer).__name__ == "Cursor":
        return "Cursor", answer.index, answer.last, answer.value, answer.status
    if type(answer).__name__ == "RangeOccupiedError":
        return type(answer), str(answer), answer.first, answer.last, plain(answer.entry)
    if isinstance(answer, BaseException):
        return type(answer), str(answer), plain(answer.args)
    if isinstance(answer, tuple | list):
        return type(answer), [plain(member) for member in answer]
    if hasattr(answer, "__next__"):
        return "iterator"
    if type(answer) is tuple:
        return [plain(part) for part in answer]
    if hasattr(answer, "tolist"):  # an array
        return str(answer.dtype), repr(answer.tolist())
    # Equal keys can differ: 0.0 and -0.0, or moments of two zones.
    return type(answer), answer, repr(answer) if isinstance(answer, tuple | list | float) else None


def outcome(call, thing, arguments, options):
    try:
        return call(thing, *arguments, **options)
    except Exception as error:
        return error


def side_of(thing, number):
    return thing.things[number] if isinstance(thing, Both) else thing


def ask(call, both, *arguments, **options):
    """Make the same call on both sides. Check that the results are alike, and return them."""
    answers = []
    for number in range(len(SIDES)):
        mine = [side_of(argument, number) for argument in arguments]
        answers.append(outcome(call, side_of(both, number), mine, options))
    if plain(answers[0]) != plain(answers[1]):
        name = getattr(call, "__name__", call)
        raise AssertionError(
            f"{name} of {side_of(both, 0)!r} with {arguments}, {options}\n"
            f"C: {answers[0]!r}\nPython: {answers[1]!r}"
        )
    return Both(answers)


def method(name):
    def call(thing, *arguments, **options):
        return getattr(thing, name)(*arguments, **options)

    call.__name__ = name
    return call


def attribute(name):
    def read(thing):
        return getattr(thing, name)

    read.__name__ = name
    return read


def in_full(iterator):
    return list(iterator) if hasattr(iterator, "__next__") else iterator


class Arguments:
    """Valid arguments around a place, and now and then invalid ones."""

    options = load_options = MappingProxyType({})  # for new trees, and for those of files

    def __init__(self, random, base, size):
        self.random = random
        self.base = base
        self.size = size
        self.wildness = 0.04

    def at(self, number):
        """Return the number-th key of the place."""
        return self.base + number

    def wild(self):
        return self.random.choice(
            [-1, -(2**63), -(2**64), -(10**30), 2**64, 2**64 + 1, 2**65, 10**30, 2**2000]
            + [0, 1, MAX - 1, MAX, True, False, Index(self.good()), Index(-3), Index(2**64)]
            + ["15", 1.0, b"1", None, [1], (), 1j, object, Fails()]
        )

    def good(self):
        return self.base + self.random.randrange(self.size)

    def index(self):
        return self.wild() if self.random.random() < self.wildness else self.good()

    def window(self):
        """Return both ends, sometimes in the wrong order."""
        first = self.good()
        width = self.random.choice([1, 1, 2, 3, 5, self.size // 3 + 1])
        last = min(first + width - 1, self.base + self.size - 1)
        draw = self.random.random()
        if draw < self.wildness:
            first = self.wild()
        elif draw < 2 * self.wildness:
            last = self.wild()
        elif draw < 2.5 * self.wildness:
            first, last = last + 1, first
        return first, last

    def key(self):
        """Return a key for [ ]."""
        draw = self.random.random()
        if draw < 0.5:
            return self.index()
        first, last = self.window()
        try:
            stop = last + 1
        except TypeError:
            stop = last
        if draw < 0.53:
            first = None
        elif draw < 0.56:
            stop = None
        elif draw < 0.57:
            return slice(first, stop, self.random.choice([1, 2, -1, "x"]))
        return slice(first, stop)

    def area(self):
        """Return options for a search for free room."""
        options = {}
        if self.random.random() < 0.7:
            options["first"], options["last"] = self.window()
        if self.random.random() < 0.4:
            options["align"] = self.random.choice([1, 2, 3, 8, 64, 2**40, 2**64, 10**30, 0, -1])
            if self.random.random() < self.wildness:
                options["align"] = self.wild()
        if self.random.random() < 0.5:
            options["reverse"] = self.random.choice([True, False, 1, 0, "x", None])
        return options

    def count(self):
        if self.random.random() < 2 * self.wildness:
            return self.wild()
        return self.random.choice([1, 1, 2, 3, 7, self.size, MAX, 2**64, 0])

    def value(self):
        return self.random.choice([None, 7, 7.0, "v", ("a", 1), self.random.randrange(1000)])

    def operation(self):
        if self.random.random() < 0.3:
            return ()
        return (self.random.choice(["add", "min", "max", "or", "and", "xor", "", None, 5]),)

    def number(self):
        if self.random.random() < self.wildness:
            return self.wild()
        return self.random.choice([0, 1, -1, 5, self.random.randrange(2**40), 2**62, -(2**62), 0.5])

    def addends(self):
        """Return columns for accumulate_many(), sometimes with one number for all."""
        count = self.random.choice([0, 1, 2, 5, 30])
        windows = [self.window() for _ in range(count)]
        values = [self.number() for _ in range(count + (self.random.random() < 0.03))]
        if self.random.random() < 0.4:
            values = self.number()
        return [first for first, _ in windows], [last for _, last in windows], values

    def triple(self):
        triple = (*self.window(), self.value())
        if self.random.random() < self.wildness:
            return self.random.choice([triple[:2], (*triple, 1), 5, "abc", None, Fails(), []])
        return self.random.choice([tuple, list])(triple)

    def triples(self):
        count = self.random.choice([0, 1, 5, self.size // 2])
        if self.random.random() < self.wildness:
            return self.random.choice([None, 5, "abc", Fails()])
        triples = [self.triple() for _ in range(count)]
        if self.random.random() < 0.5:
            return triples
        # Ranges in order are built at once, not stored one by one.
        return [(self.at(3 * n), self.at(3 * n + n % 3), n) for n in range(self.size // 3)]

    def pairs(self):
        return [self.window() for _ in range(self.random.choice([0, 1, 5, self.size // 2]))]


class Member:
    """One tree of each side, with its cursors and iterators."""

    def __init__(self, given, trees):
        self.given = given
        self.random = given.random
        self.trees = trees
        self.cursors = []
        self.iterators = []

    def new(self, side, *arguments, **options):
        return side.MapleTree(*arguments, **self.given.options, **options)

    def news(self, *arguments, **options):
        """Make a tree of each side, which may fail on both."""
        classes = Both([side.MapleTree for side in SIDES])
        options = {**self.given.options, **options}
        return ask(lambda cls, *given: cls(*given, **options), classes, *arguments)

    def ask(self, name, *arguments, **options):
        return ask(method(name), self.trees, *arguments, **options)

    def compare(self):
        """Compare everything that is visible of the two trees."""
        for tree in self.trees.things:
            tree.check()
        ask(list, self.trees)
        ask(len, self.trees)
        ask(bool, self.trees)
        for name in ("covered", "track_gaps"):
            ask(attribute(name), self.trees)
        heights = [tree.height for tree in self.trees.things]
        assert abs(heights[0] - heights[1]) <= 1, heights
        gaps = [list(tree.gaps()) for tree in self.trees.things]
        assert gaps[0] == gaps[1]
        for cursor in self.cursors:
            self.compare_cursor(cursor)

    def compare_cursor(self, cursor):
        for name in ("index", "last", "value", "status"):
            ask(attribute(name), cursor)
        ask(repr, cursor)

    # ---- writes

    def write(self):
        given = self.given
        name = self.random.choice(
            ["store_range"] * 4
            + ["__setitem__"] * 4
            + ["__delitem__", "insert_range", "erase", "pop_range", "alloc_range"] * 2
            + ["cursor store", "cursor insert", "cursor clear", "cursor erase"]
            + ["map_range", "accumulate", "accumulate_many", "combine"]
            + ["alloc_many", "alloc_cyclic", "clear", "__init__", "__setstate__"]
        )
        if name == "__setitem__":
            ask(operator.setitem, self.trees, given.key(), given.value())
        elif name == "__delitem__":
            ask(operator.delitem, self.trees, given.key())
        elif name in ("store_range", "insert_range"):
            self.ask(name, *given.window(), given.value())
        elif name == "map_range":
            default = self.random.choice([given.value(), ...])
            options = {"default": default} if self.random.random() < 0.3 else {}
            function = self.random.choice([lambda v: [v], repr, type, len, None, Fails()])
            self.ask(name, *given.window(), function, **options)
        elif name == "accumulate":
            self.ask(name, *given.window(), given.value(), *given.operation())
        elif name == "accumulate_many":
            self.ask(name, *given.addends(), *given.operation())
        elif name == "erase":
            self.ask(name, given.index())
        elif name == "pop_range":
            self.ask(name, *given.window())
        elif name == "alloc_range":
            self.ask(name, given.count(), given.value(), **given.area())
        elif name == "alloc_many":
            sizes = [given.count() for _ in range(self.random.choice([0, 1, 2, 3]))]
            sizes += [1] * self.random.choice([0, 0, 1, 9])
            values = [given.value() for _ in sizes] + [7] * (self.random.random() < given.wildness)
            self.ask(name, sizes, values, **given.area())
        elif name == "alloc_cyclic":
            options = dict(zip(("first", "last"), given.window(), strict=True))
            if self.random.random() < 0.3:
                options = {"first": given.at(given.size - 1)}  # up to MAX
            self.ask(name, given.value(), next=given.index(), **options)
        elif name.startswith("cursor") and self.cursors:
            name, cursor = name.removeprefix("cursor "), self.random.choice(self.cursors)
            ask(method(name), cursor, *([given.value()] if name in ("store", "insert") else []))
            self.compare_cursor(cursor)
        elif name == "__setstate__":
            self.restore()
        elif name == "combine":
            self.combine(self.given.pairs() if self.random.random() < 0.5 else given.triples())
        elif self.random.random() < 0.2:
            if name == "clear":
                self.ask("clear")
            elif name == "__init__":
                self.initialise()

    def combine(self, other):
        """A set operation with triples, pairs or another member's trees."""
        new, again, name = self.random.choice(
            [
                (operator.or_, operator.ior, "or"),
                (operator.and_, operator.iand, "and"),
                (operator.sub, operator.isub, "sub"),
            ]
        )
        # Both name the type in a message of Python's, in different ways.
        if isinstance(other, Both) or hasattr(type(other), "__iter__"):
            ask(new, self.trees, other)
            if self.random.random() < 0.3:
                ask(again, self.trees, other)
        if name == "or" and self.random.random() < 0.2:
            self.ask("update", other)

    def initialise(self):
        options = {}
        if self.random.random() < 0.1:
            options["track_gaps"] = self.random.choice([True, False, 0, "x", Fails()])
        self.ask("__init__", self.given.triples(), **self.given.options, **options)

    def restore(self):
        """Restore a genuine or forged state; a tree that is not empty refuses both."""
        donor = self.new(self.random.choice(SIDES))
        donor.update([(self.given.at(2 * n), self.given.at(2 * n), n) for n in range(5)])
        state = donor.__reduce_ex__(self.random.choice([2, 5]))[2]
        if self.random.random() < 0.5:
            self.ask("__setstate__", state)
            return
        self.ask("clear")
        state = list(state)
        if self.random.random() < 0.6:
            state[self.random.randrange(len(state))] = self.random.choice(
                [
                    *(0, 2, None, "x", b"", b"1234567", bytes(40), bytes(80), [], [1] * 10),
                    *({"x": 1}, bytearray(40), memoryview(bytes(80))[::2]),
                    *(memoryview(bytes(40)).cast(code) for code in "dIcQ"),
                ]
            )
        self.ask("__setstate__", self.random.choice([tuple(state)] * 9 + [state, None, ()]))

    # ---- look-ups

    def look(self):
        given = self.given
        index, (first, last) = given.index(), given.window()
        for name in ("get", "entry", "next", "prev", "find", "find_rev"):
            self.ask(name, index)
        self.ask("get", index, given.value())
        self.ask("get", index=index, default=given.value())
        self.ask("find", first, last)
        self.ask("find_rev", last, first)
        for name in ("is_free", "overlaps", "covers"):
            self.ask(name, first, last)
        self.ask("first_entry")
        self.ask("last_entry")
        ask(operator.contains, self.trees, index)
        key = given.key()
        ask(operator.getitem, self.trees, key)
        ask(operator.contains, self.trees, self.random.choice([key, range(5), (1, 2), Gap(1, 2)]))
        self.ask("empty_area", given.count(), **given.area())
        options = {}
        if self.random.random() < 0.5:
            options["reverse"] = self.random.choice([True, False, 1, "x", Fails()])
            options["clip"] = self.random.choice([True, False, 1, "x", Fails()])
        for name in ("entries", "ranges", "values", "items"):
            ask(in_full, self.ask(name, first, last, **options))
        ask(in_full, self.ask("gaps", first, last))
        ask(list, ask(reversed, self.trees))
        ask(repr, self.trees)
        self.ask("_repr_html_")
        ask(list, self.ask("__rich_repr__"))
        keys = [given.index() for _ in range(self.random.choice([0, 1, 5]))]
        options = {"found": self.random.choice([True, False, 1, Fails()])}
        if self.random.random() < 0.5:
            options["default"] = self.random.choice([given.value(), ...])
        if self.random.random() < 0.3:
            options["dtype"] = self.random.choice(["u4", "i4", "f4", "int32", "u8", 5, None])
        self.ask("load_many", keys, **options)
        states = [tree.__reduce__() for tree in self.trees.things]
        assert states[0][0] is states[1][0] and states[0][2:] == states[1][2:]
        buffered = [tree.__reduce_ex__(5)[2] for tree in self.trees.things]
        kinds = [[type(item) for item in state] for state in buffered]
        columns = [
            [bytes(item) for item in state if isinstance(item, bytes | pickle.PickleBuffer)]
            for state in buffered
        ]
        assert kinds[0] == kinds[1] and columns[0] == columns[1]

    def call_wrongly(self):
        """Call with too few, too many or unknown arguments."""
        documented = {_core.MapleTree: _docs.MAPLE_TREE, _core.Cursor: _docs.CURSOR}
        cls = self.random.choice(list(documented))
        name = self.random.choice(list(documented[cls])[1:]).partition("(")[0]
        if name in ("__reduce__", "__copy__", "__class_getitem__") or not callable(
            getattr(cls, name)
        ):
            return
        both = self.trees
        if cls is _core.Cursor:
            both = Both([tree.cursor() for tree in self.trees.things])
        wrong = self.random.choice([([None] * 9, {}), ([], {"unknown": 1})])
        for number in range(len(SIDES)):
            answer = outcome(method(name), side_of(both, number), *wrong)
            assert isinstance(answer, TypeError), (SIDES[number], name, wrong, answer)

    # ---- cursors and iterators, which stay valid while others write

    def make_cursor(self):
        arguments = self.random.choice([self.given.window(), (self.given.index(),), ()])
        if self.random.random() < 0.5:
            cursor = self.ask("cursor", *arguments)
        else:
            classes = Both([side.Cursor for side in SIDES])
            cursor = ask(lambda cls, *given: cls(*given), classes, self.trees, *arguments)
        if not isinstance(cursor.things[0], Exception):
            assert all(c.tree is t for c, t in zip(cursor.things, self.trees.things, strict=True))
            self.cursors = [*self.cursors[-3:], cursor]

    def use_cursor(self):
        if not self.cursors:
            return self.make_cursor()
        given, cursor = self.given, self.random.choice(self.cursors)
        up = ["next", "next_range", "find", "find_range"]
        down = ["prev", "prev_range", "find_rev", "find_range_rev"]
        name = self.random.choice(
            up * 2 + down * 2 + ["set", "set_range", "walk", "pause", "reset", "__next__"]
            + ["empty_area", "empty_area_rev"]
        )  # fmt: skip
        arguments = []
        if name in up + down and self.random.random() < 0.4:
            arguments = [given.index()]
        elif name == "set":
            arguments = [given.index()]
        elif name == "set_range":
            arguments = given.window()
        elif name.startswith("empty_area"):
            arguments = [given.count(), *given.window()][: self.random.choice([1, 3])]
        answer = ask(method(name), cursor, *arguments)
        self.compare_cursor(cursor)
        return answer

    def use_iterator(self):
        if self.iterators and self.random.random() < 0.7:
            ask(method("__next__"), self.random.choice(self.iterators))
            return
        name = self.random.choice(
            ["entries", "ranges", "values", "items", "gaps", "__iter__", "__reversed__"]
        )
        iterator = self.ask(name)
        self.iterators = [*self.iterators[-3:], iterator]

    # ---- relatives

    def child(self):
        """Make a new member in one of all possible ways, or return None if that is refused."""
        way = self.random.choice(
            ["fork", "dup", "copy", "deepcopy", "dup_into", "slice", "init", "entries", "state"]
            + ["arrays", "file"]
        )
        if way in ("fork", "dup"):
            trees = self.ask(way)
        elif way in ("copy", "deepcopy"):
            trees = ask(getattr(copy, way), self.trees)
        elif way == "dup_into":
            trees = self.news()
            self.ask(way, trees)
        elif way == "slice":
            first, last = self.given.window()
            trees = ask(operator.getitem, self.trees, slice(first, last))
        elif way == "init":
            trees = self.news(self.trees, **self.random.choice([{}, {"track_gaps": False}]))
        elif way == "entries":
            trees = self.news(self.ask("entries"))
        elif way == "arrays":
            trees = self.from_arrays()
        elif way == "file":
            trees = self.exchanged_files()
        else:
            # Each tree is filled with the other's state.
            trees = self.news()
            for tree, other in zip(trees.things, self.trees.things[::-1], strict=True):
                tree.__setstate__(other.__reduce__()[2])
        if isinstance(trees.things[0], Exception):
            return None
        return Member(self.given, trees)

    def from_arrays(self):
        """Make trees of columns that may be out of order, overlap, or hold anything."""
        windows = [self.given.window() for _ in range(self.random.choice([0, 1, 5, 20]))]
        options = {
            **self.given.options,
            "closed": self.random.choice(["both", "both", "left", "x"]),
            "sort": self.random.choice([True, True, False, Fails()]),
            "overlap": self.random.choice(["last", "last", "error", None]),
        }
        if self.random.random() < 0.3:
            windows.sort(key=str)
        first, last = ([window[n] for window in windows] for n in (0, 1))
        columns = first, last, [self.given.value() for _ in windows]
        classes = Both([side.MapleTree for side in SIDES])
        return ask(lambda cls, *given: cls.from_arrays(*given, **options), classes, *columns)

    def exchanged_files(self):
        """Save each tree, compare the files, and let each side load the other's.

        Both refuse the same values, such as types.
        """
        trees, refusals = [], []
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, name) for name in ("c", "python")]
            for tree, path in zip(self.trees.things, paths, strict=True):
                try:
                    tree.save(path)
                except (TypeError, ValueError) as error:
                    refusals.append(error)
            if refusals:
                one, two = map(repr, refusals)
                assert one == two
                return Both(refusals)
            assert paths[0].read_bytes() == paths[1].read_bytes()
            for side, path in zip(SIDES, paths[::-1], strict=True):
                trees.append(side.MapleTree.load(path, **self.given.load_options))
        return Both(trees)

    def meet(self, other):
        """Compare or combine two members, or one with itself."""
        ask(operator.eq, self.trees, other.trees)
        ask(operator.ne, self.trees, other.trees)
        ask(operator.eq, self.trees, self.given.value())
        ask(in_full, self.ask("diff", other.trees))
        self.ask("diff", self.given.wild())
        self.combine(other.trees)
        self.ask("dup_into", self.random.choice([other.trees, self.given.wild()]))
        other.compare()


def step(family, random):
    member = random.choice(family)
    draw = random.randrange(100)
    if draw < 45:
        member.write()
    elif draw < 55:
        member.look()
    elif draw < 72:
        member.use_cursor()
    elif draw < 75:
        member.make_cursor()
    elif draw < 84:
        member.use_iterator()
    elif draw < 87:
        member.meet(random.choice(family))
    elif draw < 89:
        member.call_wrongly()
    elif draw < 95 and len(family) < MEMBERS:
        child = member.child()
        if child:
            family.append(child)
            child.compare()
    elif len(family) > 1:
        family.remove(member)
        return
    member.compare()


@pytest.mark.parametrize("size", [80, 900])
@pytest.mark.parametrize("place", range(3), ids=["bottom", "middle", "top"])
@pytest.mark.parametrize("track_gaps", [True, False], ids=["gaps", "plain"])
def test_same_answers_to_the_same_operations(size, place, track_gaps):
    random = seeded(f"differential {size} {place} {track_gaps}")
    given = Arguments(random, [0, 2**63 - size // 2, MAX - size + 1][place], size)
    # Comparing a larger tree costs more.
    drive(given, STEPS // (6 if size < 100 else 60) + 1, track_gaps=track_gaps)


def drive(given, steps, **options):
    """Begin with trees that have every other key, and do so many operations."""
    random = given.random
    trees = [side.MapleTree(**given.options, **options) for side in SIDES]
    family = [Member(given, Both(trees))]
    family[0].ask("update", [(given.at(n), given.at(n), n) for n in range(0, given.size, 2)])
    for number in range(steps):
        try:
            step(family, random)
            if number % 20 == 0:
                for member in family:
                    member.compare()
        except AssertionError as error:
            error.add_note(f"step {number}")
            raise


@pytest.mark.parametrize("dtype", ["u8", "i8", "f8"])
@pytest.mark.parametrize("place", range(3), ids=["bottom", "middle", "top"])
def test_same_arithmetic(dtype, place):
    """Sums of floats are equal to the bit, whatever the order in which they are added."""
    random = seeded(f"arithmetic {dtype} {place}")
    size = 90
    given = Arguments(random, [0, 2**63 - size // 2, MAX - size + 1][place], size)
    for _ in range(STEPS // 100 + 1):
        member = Member(given, Both([side.MapleTree(dtype=dtype) for side in SIDES]))
        for _ in range(12):
            given.wildness = random.choice([0, 0, 0, 0.04])
            name = random.choice(["store_range", "accumulate", "accumulate_many", "map_range"])
            if name == "accumulate_many":
                member.ask(name, *given.addends(), *given.operation())
            elif name == "map_range":
                options = {"default": given.number()} if random.random() < 0.3 else {}
                member.ask(name, *given.window(), lambda value: value / 2 or value, **options)
            else:
                operation = given.operation() if name == "accumulate" else ()
                member.ask(name, *given.window(), given.number(), *operation)
            member.compare()


# ---- the names


TYPES = ["MapleTree", "Cursor", "TreeLock"]
types = pytest.mark.parametrize("name", TYPES)


def names_of(cls):
    return sorted(name for name in dir(cls) if not name.startswith("_"))


def documented_names(name):
    docs = {"MapleTree": _docs.MAPLE_TREE, "Cursor": _docs.CURSOR, "TreeLock": _docs.TREE_LOCK}
    return [key.partition("(")[0] for key in docs[name]][1:]


@types
def test_same_names(name):
    ours, theirs = (getattr(side, name) for side in SIDES)
    assert names_of(ours) == names_of(theirs)
    assert (ours.__name__, ours.__qualname__) == (theirs.__name__, theirs.__qualname__)
    if hasattr(samara, name):
        assert ours.__module__ == theirs.__module__ == "samara"
    assert (ours.__hash__ is None) == (theirs.__hash__ is None)
    for documented in documented_names(name):
        assert hasattr(theirs, documented)


@types
def test_same_docstrings(name):
    ours, theirs = (getattr(side, name) for side in SIDES)
    assert inspect.getdoc(ours) == inspect.getdoc(theirs)
    for member in documented_names(name):
        mine, other = (inspect.getdoc(getattr(cls, member)) for cls in (ours, theirs))
        assert mine == other, member


def parameters_of(thing):
    """Return the parameters of a callable. It does not matter whether `self` can be named."""
    parameters = inspect.signature(thing).parameters.values()
    return [(p.name, p.name == "self" or p.kind, repr(p.default)) for p in parameters]


@types
def test_same_signatures(name):
    ours, theirs = (getattr(side, name) for side in SIDES)
    if name != "TreeLock":
        assert parameters_of(ours) == parameters_of(theirs)
    for member in documented_names(name):
        if callable(getattr(ours, member)):
            mine, other = (parameters_of(getattr(cls, member)) for cls in (ours, theirs))
            assert mine == other, member


class Asking:
    """A policy that records its calls. Values are kinds; equal kinds merge."""

    def __init__(self):
        self.asked = []

    def split(self, entry, first, last):
        self.asked.append(("split", tuple(entry), first, last))
        return entry.value

    def merge(self, left, right, stored):
        self.asked.append(("merge", tuple(left), tuple(right), stored is left, stored is right))
        return left.value if left.value == right.value else NotImplemented


def test_same_questions_to_a_policy():
    random = seeded("questions")
    policies = Asking(), Asking()
    trees = [side.MapleTree(policy=policy) for side, policy in zip(SIDES, policies, strict=True)]
    for _ in range(STEPS):
        first = random.randrange(300)
        last = first + random.randrange(30)
        kind = random.randrange(3)
        for tree in trees:
            if kind:
                tree.store_range(first, last, kind)
            else:
                tree.pop_range(first, last)
        assert list(trees[0]) == list(trees[1])
        assert policies[0].asked == policies[1].asked
        for policy in policies:
            policy.asked.clear()


def test_same_questions_while_a_tree_is_made():
    random = seeded("questions of a new tree")
    for _ in range(STEPS // 10):
        triples, first = [], 0
        for _ in range(random.randrange(60)):
            first += random.choice((0, 0, 0, 2))
            last = first + random.randrange(5)
            triples.append((first, last, random.randrange(3)))
            first = last + 1
        for make in (
            lambda side, policy, triples: side.MapleTree.from_arrays(
                *([t[n] for t in triples] for n in range(3)), policy=policy
            ),
            lambda side, policy, triples: side.MapleTree(triples, policy=policy),
            lambda side, policy, triples: side.MapleTree(
                triples[: len(triples) // 2] + triples[::-1], policy=policy
            ),
        ):
            policies = Asking(), Asking()
            trees = [
                make(side, policy, triples) for side, policy in zip(SIDES, policies, strict=True)
            ]
            assert list(trees[0]) == list(trees[1])
            assert policies[0].asked == policies[1].asked


class Equal:
    """Equal to the others, or raises, as its number says."""

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        if self.number > 2:
            raise LookupError(self.number)
        return isinstance(other, Equal) and self.number == other.number

    __hash__ = None


NUMBERS = [0, 3, -5, 2**63 - 30, 2**64 - 40, 0.0, -0.0, 7.5, float("inf"), True]
ODD = [2**70, -(2**63), 10**400, "a", b"a", None, (), ("f",), ("f", 1, 2), ("f", "x")]
OBJECTS = ["f", *map(Equal, range(4))]


def value_in(random, first):
    value = random.choice(NUMBERS * 6 + ODD)
    number = type(value) is int and random.random() < 0.9
    value = value + first if number else value
    if random.random() < 0.1:
        return random.choice(OBJECTS)
    return (random.choice(OBJECTS), value) if random.random() < 0.4 else value


@pytest.mark.parametrize("dtype", [None, "u8", "i8", "f8"])
@pytest.mark.parametrize("policy", [samara.COALESCE, samara.OFFSET], ids=repr)
def test_same_answers_of_built_in_policies(policy, dtype):
    random = seeded(f"{policy} {dtype}")
    classes = Both([side.MapleTree for side in SIDES])
    options = {"dtype": dtype, "policy": policy}
    for _ in range(STEPS // 200):
        trees = ask(lambda cls: cls(**options), classes)
        for _ in range(60):
            first = random.randrange(60)
            last = first + random.choice((0, 0, 1, 3, 9))
            value = value_in(random, first)
            way = random.randrange(8)
            if way < 4:
                ask(method("store_range"), trees, first, last, value)
            elif way == 4:
                values = [value, value_in(random, first + 4)]
                ask(method("store_many"), trees, [first, first + 4], [last, last + 4], values)
            elif way == 5:
                ask(lambda tree, *ends: repr(tree.pop_range(*ends)), trees, first, last)
            elif way == 6:
                entries = ask(method("entries"), trees, first, last, clip=True)
                ask(lambda found: repr(in_full(found)), entries)
                ask(lambda tree, *ends: repr(tree[slice(*ends)]), trees, first, last)
            else:
                ask(method("insert_range"), trees, first, last, value)
            ask(repr, trees)
        columns = [[], [], []]
        for first in range(0, 60, 5):
            member = first, first + random.randrange(3, 5), value_in(random, first)
            for column, item in zip(columns, member, strict=True):
                column.append(item)
        triples = list(zip(*columns, strict=True))
        ask(lambda cls, *given: repr(cls.from_arrays(*given, **options)), classes, *columns)
        ask(lambda cls, given: repr(cls(given, **options)), classes, triples)
        ask(lambda cls, given: repr(cls(given[::-1], **options)), classes, triples)


def test_same_questions_of_set_operations():
    random = seeded("questions of set operations")
    policies = Asking(), Asking()
    trees = [side.MapleTree(policy=policy) for side, policy in zip(SIDES, policies, strict=True)]
    for _ in range(STEPS // 4):
        others = [tree.fork() for tree in trees]
        if random.random() < 0.5:
            others = [side.MapleTree() for side in SIDES]
        for _ in range(random.randrange(6)):
            first, width, kind = random.randrange(300), random.randrange(30), random.randrange(3)
            for other in others:
                other.store_range(first, first + width, kind)
        act = random.choice([operator.ior, operator.ior, operator.iand, operator.isub])
        if random.random() < 0.5:
            others = [list(other) for other in others]
        for policy in policies:
            policy.asked.clear()
        for tree, other in zip(trees, others, strict=True):
            act(tree, other)
        assert list(trees[0]) == list(trees[1])
        assert policies[0].asked == policies[1].asked


def test_same_answers_of_locks():
    locks = Both([side.MapleTree().lock for side in SIDES])
    for name in ("release", "acquire", "acquire", "release", "__enter__", "release", "release"):
        ask(method(name), locks)
        ask(repr, locks)
    ask(method("release"), locks)
    ask(method("__exit__"), locks, None, None, None)


# ---- pickles


# Prints the pickles of some trees in hexadecimal, or reads them and describes them.
PICKLES = """
import pickle, sys
import samara
from samara import MAX, MapleTree

VALUES = ["a", None, 1.5, ("t", 1), "a"]

def trees():
    yield MapleTree()
    yield MapleTree(track_gaps=False)
    yield MapleTree([(0, 0, None), (1, 2**63, "a"), (MAX, MAX, MAX)])
    yield MapleTree(((3 * n, 3 * n + n % 3, VALUES[n % 5]) for n in range(1000)))
    shared = ["v"]
    own = MapleTree([(1, 2, shared), (5, 6, shared)], track_gaps=False)
    own[MAX] = own
    yield own
    yield [own, own.fork(), own[2:6]]

if sys.argv[1] == "dump":
    for tree in trees():
        print(pickle.dumps(tree, int(sys.argv[2])).hex())
else:
    for line, tree in zip(sys.stdin, trees(), strict=True):
        again = pickle.loads(bytes.fromhex(line))
        if isinstance(again, list):
            first, fork, part = again
            assert fork[MAX] is part.get(MAX, first) is first
            assert fork[1] is part[5] is first[1]
        elif MAX in again and again[MAX] is again:
            assert again[1] is again[5] and not again.track_gaps
            again.check()
        else:
            assert again == tree and again.track_gaps == tree.track_gaps
            assert again.covered == tree.covered
            again.check()
print(samara.implementation, file=sys.stderr)
"""


def run(pure, *arguments, given=""):
    environment = {**os.environ, "SAMARA_PURE": pure}
    done = subprocess.run(
        [sys.executable, "-c", PICKLES, *arguments],
        input=given,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == ("python" if pure == "1" else "c")
    return done.stdout


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_one_are_read_by_the_other(protocol):
    dumps = {pure: run(pure, "dump", str(protocol)) for pure in "01"}
    assert dumps["0"] == dumps["1"]
    for pure in "01":
        run(pure, "load", given=dumps["0"])
