# SPDX-License-Identifier: MIT
"""What is measured: ranges, keys and stores, all made from seeds, and operations on them.

A map of n ranges is at addresses where a process has its memory, so each number is an int of two
digits to Python. Ranges and gaps are 1 to 8,191 long. Values are the numbers from 1,000 on, as
objects or packed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, repeat
from typing import Any

import numpy as np

BASE = 0x5555_5555_4000
LONGEST = 8191
MISSING = 2**64 - 1
MANY = 1_000_000
AREA = 64
CHECK = 99  # the seed of the inputs that are compared before anything is timed

Array = Any
Call = Callable[..., Any]


@dataclass
class Ranges:
    """n ranges in three columns, with or without gaps between them."""

    n: int
    gaps: bool = True
    longest_gap: int = LONGEST

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.n)
        lengths = random.integers(1, LONGEST + 1, self.n, dtype=np.uint64)
        between = random.integers(1, self.longest_gap + 1, self.n, dtype=np.uint64)
        if not self.gaps:
            between[:] = 0
        ends = np.cumsum(lengths + between) + np.uint64(BASE)
        self.first: Array = ends - lengths
        self.last: Array = ends - np.uint64(1)
        self.values: Array = np.arange(1000, 1000 + self.n, dtype=np.uint64)

    @cached_property
    def firsts(self) -> list[int]:
        return list(self.first.tolist())

    @cached_property
    def lasts(self) -> list[int]:
        return list(self.last.tolist())

    @cached_property
    def objects(self) -> list[int]:
        return list(self.values.tolist())

    def hits(self, count: int, seed: int) -> Array:
        """Return random keys in random ranges."""
        random = np.random.default_rng((seed, 1))
        at = random.integers(0, self.n, count)
        return random.integers(self.first[at], self.last[at], dtype=np.uint64, endpoint=True)

    def keys(self, count: int, seed: int) -> Array:
        """Return random keys; each is in a gap with a probability of one half."""
        random = np.random.default_rng((seed, 2))
        keys = self.hits(count, seed)
        at = np.flatnonzero(random.integers(0, 2, count))
        # The gap after a range. No key is below the first range, so numpy need not check.
        gap = random.integers(0, self.n - 1, at.size)
        low, high = self.last[gap] + np.uint64(1), self.first[gap + 1]
        keys[at] = random.integers(low, high, dtype=np.uint64)
        return keys

    def stores(self, count: int, seed: int) -> list[tuple[int, int, int]]:
        """Return random windows, on average as long as a range and a gap."""
        random = np.random.default_rng((seed, 3))
        first = random.integers(BASE, int(self.last[-1]), count, dtype=np.uint64)
        last = first + random.integers(0, 2 * LONGEST, count, dtype=np.uint64)
        values = random.integers(1000, 1000 + self.n, count)
        return list(zip(first.tolist(), last.tolist(), values.tolist(), strict=True))


class Crowded(Ranges):
    """Ranges with gaps below AREA, except one in each sixteenth of them."""

    def __init__(self, n: int) -> None:
        super().__init__(n, longest_gap=AREA // 2)
        rooms = np.zeros(n, dtype=np.uint64)
        rooms[n // 32 :: max(n // 16, 1)] = AREA
        moved = np.cumsum(rooms)
        self.first += moved
        self.last += moved

    def starts(self, count: int, seed: int) -> list[int]:
        """Return where to search from: anywhere in the middle half."""
        random = np.random.default_rng((seed, 4))
        low, high = int(self.first[self.n // 4]), int(self.last[3 * self.n // 4])
        return list(random.integers(low, high, count, dtype=np.uint64).tolist())


# Processor time of all threads: a turn that others interrupt does not look longer.
clock = time.process_time_ns

# ---- loops: nanoseconds of `call` over the inputs -----------------------------------------------


def each_key(call: Call, keys: Sequence[Any]) -> int:
    start = clock()
    for key in keys:
        call(key)
    return clock() - start


def each_subscript(tree: Any, keys: Sequence[Any]) -> int:
    start = clock()
    for key in keys:
        tree[key]
    return clock() - start


def each_contained(tree: Any, keys: Sequence[Any]) -> int:
    start = clock()
    for key in keys:
        key in tree  # noqa: B015
    return clock() - start


def each_store(call: Call, stores: Sequence[tuple[int, int, int]]) -> int:
    start = clock()
    for first, last, value in stores:
        call(first, last, value)
    return clock() - start


def each_time(call: Call, times: Sequence[Any]) -> int:
    count = len(times)
    start = clock()
    for _ in repeat(None, count):
        call()
    return clock() - start


def each_item(call: Call, times: Sequence[Any]) -> int:
    """Loop over everything that `call` makes, once for each input."""
    count = len(times)
    start = clock()
    for _ in repeat(None, count):
        for _item in call():
            pass
    return clock() - start


# ---- operations ---------------------------------------------------------------------------------

INPUTS = 100_000
INPUTS_LARGE = 200_000


def inputs_at(n: int) -> int:
    """Return the most calls of a turn: more if they should not all be in the cache."""
    return INPUTS_LARGE if n > 100_000 else INPUTS


@dataclass
class Operation:
    """One row of the results. `name` is also the name of the peers' attribute for it."""

    name: str
    title: str
    unit: str
    loop: Callable[[Any, Sequence[Any]], int]
    inputs: Callable[[Ranges, int], Sequence[Any]]
    # The nanoseconds of one input are divided by this.
    per: Callable[[int], int] = lambda _n: 1
    # The result that must be the same for all peers; None if there is nothing to compare.
    answer: Callable[[Any, Ranges], Any] | None = None
    data: Callable[[int], Ranges] = Ranges


def no_inputs(ranges: Ranges, seed: int) -> range:
    return range(10_000)


def key_list(ranges: Ranges, seed: int) -> list[int]:
    return list(ranges.keys(inputs_at(ranges.n), seed).tolist())


def hit_list(ranges: Ranges, seed: int) -> list[int]:
    return list(ranges.hits(inputs_at(ranges.n), seed).tolist())


def key_arrays(ranges: Ranges, seed: int) -> list[Array]:
    return [ranges.keys(MANY, seed)]


def sorted_key_arrays(ranges: Ranges, seed: int) -> list[Array]:
    return [np.sort(ranges.keys(MANY, seed))]


def store_list(ranges: Ranges, seed: int) -> list[tuple[int, int, int]]:
    return ranges.stores(inputs_at(ranges.n), seed)


def searches(ranges: Ranges, seed: int) -> list[int]:
    assert isinstance(ranges, Crowded)
    return ranges.starts(20_000, seed)


def answer_calls(peer: Any, name: str, inputs: Sequence[Any]) -> list[Any]:
    return list(map(getattr(peer, name), inputs))


def answer_get(peer: Any, ranges: Ranges) -> list[Any]:
    return answer_calls(peer, "get", key_list(ranges, CHECK)[:2000])


def answer_entry(peer: Any, ranges: Ranges) -> list[Any]:
    return answer_calls(peer, "entry", key_list(ranges, CHECK)[:2000])


def answer_many(peer: Any, ranges: Ranges) -> list[int]:
    """Return results that are alike for peers that keep the keys' order and peers that sort."""
    return sorted(np.asarray(peer.load_many(ranges.keys(20_000, CHECK))).tolist())


def answer_sorted(peer: Any, ranges: Ranges) -> list[int]:
    keys = np.sort(ranges.keys(20_000, CHECK))
    return list(np.asarray(peer.load_many_sorted(keys)).tolist())


def answer_iterate(peer: Any, ranges: Ranges) -> list[tuple[Any, ...]]:
    return [tuple(item) for item in islice(peer.iterate(), 10_000)]


def answer_columns(peer: Any, ranges: Ranges) -> list[list[int]]:
    return [list(np.asarray(column).tolist()) for column in peer.to_arrays()]


def answer_area(peer: Any, ranges: Ranges) -> list[Any]:
    return answer_calls(peer, "empty_area", searches(ranges, CHECK)[:500])


def answer_store(peer: Any, ranges: Ranges) -> list[Any]:
    """Return the contents after some stores. The stores stay."""
    for first, last, value in ranges.stores(300, CHECK):
        peer.store(first, last, value)
    return answer_get(peer, ranges)


def one(n: int) -> int:
    return 1


def all_keys(n: int) -> int:
    return MANY


def all_ranges(n: int) -> int:
    return n


OPERATIONS = [
    Operation(
        "get", "get, one call each", "ns per call, random keys, half of them hits",
        each_key, key_list, one, answer_get,
    ),
    Operation(
        "subscript", "t[k]", "ns per look-up, random keys, all of them hits",
        each_subscript, hit_list,
    ),
    Operation(
        "contains", "k in t", "ns per look-up, random keys, half of them hits",
        each_contained, key_list,
    ),
    Operation(
        "entry", "entry, one call each", "ns per call, random keys, half of them hits",
        each_key, key_list, one, answer_entry,
    ),
    Operation(
        "load_many", "load_many, random keys", "ns per key, a million keys, half of them hits",
        each_key, key_arrays, all_keys, answer_many,
    ),
    Operation(
        "load_many_sorted", "load_many, sorted keys",
        "ns per key, a million keys, half of them hits",
        each_key, sorted_key_arrays, all_keys, answer_sorted,
    ),
    Operation(
        "fork", "fork", "ns per fork, which is dropped at once", each_time, no_inputs,
    ),
    Operation(
        "dup", "dup, object values", "µs per copy, which is dropped at once", each_time, no_inputs,
    ),
    Operation(
        "dup_packed", "dup, packed values", "µs per copy, which is dropped at once",
        each_time, no_inputs,
    ),
    Operation(
        "iterate", "iteration", "ns per range", each_item, no_inputs, all_ranges,
        answer_iterate,
    ),
    Operation(
        "build", "from_arrays", "ns per range, from sorted columns, dropped at once",
        each_time, no_inputs, all_ranges,
    ),
    Operation(
        "to_arrays", "to_arrays", "ns per range, dropped at once", each_time, no_inputs, all_ranges,
        answer_columns,
    ),
    Operation(
        "empty_area", "empty_area of 64",
        "ns per call, from the middle of a tree with sixteen such gaps",
        each_key, searches, one, answer_area, data=Crowded,
    ),
    Operation(
        "fork_store", "fork and one store", "ns per fork and store, dropped at once",
        each_store, store_list,
    ),
    Operation(
        "store", "overwriting store", "ns per store, random windows", each_store, store_list,
        one, answer_store,
    ),
]  # fmt: skip
