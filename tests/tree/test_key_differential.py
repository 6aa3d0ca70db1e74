# SPDX-License-Identifier: MIT
"""Both implementations side by side with keys of each kind: same results, same messages.

Arguments are valid, in any form that a key may have, and invalid: of another kind, NaN, NaT,
outside the limits, networks.
"""

import datetime
import ipaddress
import math

import pytest
from test_differential import SIDES, STEPS, Arguments, Both, Fails, ask, attribute, drive, method

import samara
from key_universes import LINES, Universe
from samara import MAX
from tree_oracle import Index, seeded

OTHERS = [True, -1, 5, 2**64, 2**128, -(2**127), 10**30, 1.5, math.nan, math.inf, -math.inf, -0.0]
OTHERS += ["10.0.0.1", "10.0.0.0/24", "10.0.0.1/24", "::1", "::/64", "x", "", b"1" * 16, (1, 2)]
OTHERS += [datetime.date.min, datetime.date.max, datetime.datetime.min, datetime.datetime.max]
OTHERS += [datetime.datetime(2024, 3, 31, 2, 30, tzinfo=datetime.UTC), datetime.timedelta(5)]
OTHERS += [ipaddress.ip_address("1.2.3.4"), ipaddress.ip_network("10.0.0.0/24"), (2**31, 2**32)]
OTHERS += [ipaddress.ip_address("fe80::1%x"), ipaddress.ip_network("fe80::/64"), Index(5), Fails()]


class KeyedArguments(Arguments):
    """Arguments for trees with keys of a universe."""

    def __init__(self, random, universe):
        super().__init__(random, universe.base, universe.size)
        self.universe, line = universe, universe.line
        self.options = {"keys": universe.keys}
        self.load_options = {} if isinstance(universe.keys, str) else self.options
        here = universe.here
        self.strange = [*line.junk, *line.bad, *OTHERS, here[0], here[MAX]]
        if line.after is not None:
            self.strange += [line.after, line.after + 1, here[0] - 1, line.after, 2 * here[0] - 1]

    def wild(self):
        return self.random.choice(self.strange)

    def at(self, number):
        return self.universe.key(self.base + number)

    def form(self, number):
        return self.universe.form(self.base + number, self.random)

    def good(self):
        return self.form(self.random.randrange(self.size))

    def numbers(self):
        first = self.random.randrange(self.size)
        width = self.random.choice([1, 1, 2, 3, 5, self.size // 3 + 1])
        return first, min(first + width, self.size) - 1

    def window(self):
        first, last = self.numbers()
        draw = self.random.random()
        if draw < self.wildness:
            return self.wild(), self.form(last)
        if draw < 2 * self.wildness:
            return self.form(first), self.wild()
        if draw < 2.5 * self.wildness and last + 1 < self.size:
            return self.form(last + 1), self.form(first)
        return self.form(first), self.form(last)

    def key(self):
        draw = self.random.random()
        if draw < 0.5:
            return self.index()
        first, last = self.numbers()
        start, stop = self.form(first), self.universe.stop(self.base + last + 1)
        if self.random.random() < self.wildness:
            start, stop = self.random.choice([(start, self.wild()), (self.wild(), stop)])
        if draw < 0.53:
            start = None
        elif draw < 0.56:
            stop = None
        elif draw < 0.57:
            return slice(start, stop, self.random.choice([1, 2, -1, "x"]))
        return slice(start, stop)

    def size_of(self, number):
        """Return a number of keys as a size, or sometimes as an int."""
        if self.universe.unit is None or self.random.random() < self.wildness:
            return number
        return self.universe.length(number)

    def area(self):
        options = {}
        if self.random.random() < 0.7:
            options["first"], options["last"] = self.window()
        if self.random.random() < 0.4:
            options["align"] = self.size_of(self.random.choice([1, 2, 3, 8, 60, 64, 0, -1]))
            if self.random.random() < self.wildness:
                options["align"] = self.random.choice([None, self.wild()])
        if self.random.random() < 0.5:
            options["reverse"] = self.random.choice([True, False, 1, 0, "x", None])
        return options

    def count(self):
        if self.random.random() < 2 * self.wildness:
            return self.wild()
        return self.size_of(self.random.choice([1, 1, 2, 3, 7, self.size, 10**6, 0, -1]))


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_same_answers_with_keys_of_each_kind(line):
    random = seeded(f"differential {line.name}")
    for place in line.places:
        given = KeyedArguments(random, Universe(line, place, 70))
        drive(given, STEPS // 40 + 1, track_gaps=random.random() < 0.8)


class NumberArguments(KeyedArguments):
    """The same with values that are mostly numbers."""

    def value(self):
        if self.random.random() < 0.05:
            return super().value()
        return self.random.choice([0, 1, 5, 2**63 - 20, 2**64 - 20, -20, 0.5, ("f", 5), ("f", 9)])


TREES = [{"dtype": dtype, "policy": policy} for dtype in (None, "u8", "i8", "f8")
         for policy in (None, samara.COALESCE, samara.OFFSET)]  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_same_answers_of_numbers_and_policies(line):
    random = seeded(f"differential numbers {line.name}")
    for options in TREES[1:]:
        universe = Universe(line, random.choice([*line.places]), 70)
        drive(NumberArguments(random, universe), STEPS // 200 + 1, **options)


KEYS = ["uint64", "u8", "", "float", "int32", "datetime64", "datetime64[m]", "datetime64[us,UTC]"]
KEYS += ["datetime64[us, Nowhere]", "datetime64[us, ]", "ipv5", "date ", "DATE", b"date", 5, None]
KEYS += [object(), int, Fails(), ["date"], "datetime64[us, ../UTC]", "datetime64[us, UTC]\0"]


@pytest.mark.parametrize("keys", KEYS, ids=repr)
def test_same_errors_for_what_is_no_kind(keys):
    """Such an error settles nothing: the tree takes any keys afterwards."""
    trees = ask(lambda side: side.MapleTree.__new__(side.MapleTree), Both(SIDES))
    ask(method("__init__"), trees, keys=keys)
    ask(method("__init__"), trees, [(5, 6, "a")], keys="int64")
    ask(method("__init__"), trees, [(5, 6, "a")], keys=keys)
    ask(method("__init__"), trees, [(5, 6, "a")])
    for name in ("keys_dtype", "first_key", "last_key"):
        ask(attribute(name), trees)
    columns = [[], [], []]
    ask(lambda side, *given: side.MapleTree.from_arrays(*given, keys=keys), Both(SIDES), *columns)
    ask(lambda side: side.MapleTree.load("no such file", keys=keys), Both(SIDES))
