#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A router's table: one thread stores routes at a steady rate, the others look addresses up.

Four tables do the same work, one after the other: samara's MapleTree, which threads use without a
lock, and a dict, a SortedDict and a pair of lists, each with a lock. README.md in this folder says
how to read the output.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import sys
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import cycle, islice
from threading import Barrier, Lock
from typing import Any, NamedTuple, Protocol

import rich
from rich.table import Table

import samara

# The first and last IPv4 address, and the number of the next hop. None: there is no route any more.
Change = tuple[int, int, int | None]
HOPS = 64
BLOCK = 256  # the addresses of a /24, the smallest prefix in this program
LOWEST = 1 << 24  # 1.0.0.0
CHECKED = 5000  # changes and look-ups that are checked before anything is timed
CHANGES = 50_000  # the writer repeats these
BATCH, BATCHES = 16, 2048  # look-ups for each reading of the clock; a reader repeats the batches


class RoutingTable(Protocol):
    @property
    def lookup(self) -> Callable[[int], int | None]: ...

    def store(self, first: int, last: int, hop: int | None) -> None: ...


class Maple:
    def __init__(self) -> None:
        self.routes: samara.MapleTree[int, int] = samara.MapleTree()
        self.lookup = self.routes.get  # is atomic, like each call on a tree

    def store(self, first: int, last: int, hop: int | None) -> None:
        if hop is None:
            del self.routes[first : last + 1]
        else:
            self.routes.store_range(first, last, hop)


class Blocks:
    """A dict knows no ranges, so it has an entry for each /24."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.hops: dict[int, int | None] = {}

    def lookup(self, address: int) -> int | None:
        with self.lock:
            return self.hops.get(address // BLOCK)

    def store(self, first: int, last: int, hop: int | None) -> None:
        with self.lock:
            self.hops.update(dict.fromkeys(range(first // BLOCK, last // BLOCK + 1), hop))


class SortedStarts:
    """Each key is the first address of a range that ends before the next key."""

    def __init__(self) -> None:
        from sortedcontainers import SortedDict

        self.lock = Lock()
        self.hops: Any = SortedDict({0: None})

    def lookup(self, address: int) -> Any:
        with self.lock:
            return self.hops.peekitem(self.hops.bisect_right(address) - 1)[1]

    def store(self, first: int, last: int, hop: int | None) -> None:
        with self.lock:
            at_end = self.hops.bisect_right(last + 1) - 1
            self.hops.setdefault(last + 1, self.hops.peekitem(at_end)[1])
            for start in list(self.hops.irange(first, last)):
                del self.hops[start]
            self.hops[first] = hop


class Lists:
    """The same in two lists."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.starts: list[int] = [0]
        self.hops: list[int | None] = [None]

    def lookup(self, address: int) -> int | None:
        with self.lock:
            return self.hops[bisect_right(self.starts, address) - 1]

    def store(self, first: int, last: int, hop: int | None) -> None:
        with self.lock:
            low, high = bisect_left(self.starts, first), bisect_right(self.starts, last + 1)
            self.hops[low:high] = [hop, self.hops[high - 1]]
            self.starts[low:high] = [first, last + 1]


HAS_SORTED = find_spec("sortedcontainers") is not None
TABLES: dict[str, Callable[[], RoutingTable]] = {
    "samara.MapleTree": Maple,
    "dict of /24s + lock": Blocks,
    **({"SortedDict + lock": SortedStarts} if HAS_SORTED else {}),
    "lists + bisect + lock": Lists,
}


class Run(NamedTuple):
    routes: list[Change]
    readers: int
    rate: int
    seconds: float
    seed: int


def make_routes(rng: random.Random, count: int) -> list[Change]:
    """Return routes of prefixes from /21 to /24, one after the other."""
    routes: list[Change] = []
    free = LOWEST
    for _ in range(count):
        size = BLOCK << rng.randrange(4)
        first = (free + size - 1) // size * size
        free = first + size
        routes.append((first, free - 1, rng.randrange(HOPS)))
    return routes


def make_changes(rng: random.Random, routes: list[Change]) -> Iterator[Change]:
    while True:
        first, last, _ = rng.choice(routes)
        kind = rng.choice(["another hop", "withdrawn", "overwritten"])
        if kind == "withdrawn":  # and comes back
            yield first, last, None
        elif kind == "overwritten":  # by a range that cuts the routes beside it too
            first, last = first - BLOCK, last + BLOCK
        yield first, last, rng.randrange(HOPS)


def make_addresses(rng: random.Random, routes: list[Change], count: int) -> list[int]:
    return [rng.randrange(LOWEST, routes[-1][1] + 1) for _ in range(count)]


def build(name: str, changes: list[Change]) -> RoutingTable:
    table = TABLES[name]()
    for change in changes:
        table.store(*change)
    return table


def check(run: Run) -> None:
    """Check that all tables return the same next hops after the same changes."""
    rng = random.Random(run.seed)
    changes = run.routes + list(islice(make_changes(rng, run.routes), CHECKED))
    addresses = make_addresses(rng, run.routes, CHECKED)
    found = [[*map(build(name, changes).lookup, addresses)] for name in TABLES]
    if any(hops != found[0] for hops in found):
        sys.exit("the tables do not agree")


def read(table: RoutingTable, run: Run, number: int, start: Barrier) -> tuple[float, float]:
    """Return the look-ups in a second, and the longest wait for one in microseconds.

    Reading the clock takes half as long as a fast look-up, so it is read once for each batch. No
    wait is missed: the time of the longest batch is the longest wait and 15 short ones.
    """
    rng = random.Random(f"{run.seed} {number}")
    batches = [make_addresses(rng, run.routes, BATCH) for _ in range(BATCHES)]
    lookup, clock = table.lookup, time.perf_counter_ns
    done = longest = 0
    start.wait()
    begin = now = clock()
    while now < begin + run.seconds * 1e9:
        for address in batches[done % BATCHES]:
            lookup(address)
        before, now = now, clock()
        longest = max(longest, now - before)
        done += 1
    return done * BATCH / (now - begin) * 1e9, longest / 1e3


def write(table: RoutingTable, run: Run, start: Barrier) -> float:
    """Store a millisecond's changes at a time, on schedule. Return the stores in a second."""
    changes = cycle(list(islice(make_changes(random.Random(run.seed), run.routes), CHANGES)))
    store, batch, done = table.store, max(1, run.rate // 1000), 0
    start.wait()
    begin, elapsed = time.perf_counter(), 0.0
    while elapsed < run.seconds:
        if elapsed < done / run.rate:
            time.sleep(done / run.rate - elapsed)
        else:
            for change in islice(changes, batch):
                store(*change)
            done += batch
        elapsed = time.perf_counter() - begin
    return done / elapsed


def measure(name: str, run: Run) -> list[str]:
    """Run all threads on a new table. Return its row of the output."""
    table, start = build(name, run.routes), Barrier(run.readers + 1)
    with ThreadPoolExecutor(run.readers + 1) as pool:
        writing = pool.submit(write, table, run, start)
        reading = [pool.submit(read, table, run, n, start) for n in range(run.readers)]
    rates, waits = zip(*(future.result() for future in reading), strict=True)
    return [name, f"{sum(rates):,.0f}", f"{max(waits):,.0f}", f"{writing.result():,.0f}"]


def options() -> Run:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--ranges", type=int, default=100_000, help="routes in the table")
    parser.add_argument("--readers", type=int, default=os.cpu_count(), help="threads that read")
    parser.add_argument("--rate", type=int, default=100_000, help="stores in a second")
    parser.add_argument("--seconds", type=float, default=2, help="time for each table")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="random numbers")
    values = parser.parse_args()
    if min(values.ranges, values.readers, values.rate, values.seconds) <= 0:
        parser.error("numbers must be positive")
    routes = make_routes(random.Random(values.seed), values.ranges)
    return Run(routes, values.readers, values.rate, values.seconds, values.seed)


def main() -> None:
    run = options()
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    print(
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"GIL {'on' if gil else 'off'}, {os.cpu_count()} cores, samara in {samara.implementation}"
    )
    print(f"routes: {len(run.routes):,}, readers: {run.readers}, writers: 1, seed: {run.seed}")
    if not HAS_SORTED:
        print("SortedDict is left out: pip install sortedcontainers")
    check(run)
    print(f"All tables agree on {CHECKED:,} addresses after {CHECKED:,} changes.")
    output = Table("table", box=None)
    for title in ("look-ups/s", "longest wait, µs", "stores/s"):
        output.add_column(title, justify="right")
    for name in TABLES:
        output.add_row(*measure(name, run))
    rich.print(output)


if __name__ == "__main__":
    main()
