# SPDX-License-Identifier: MIT
"""Address spaces of 1,000 to 50,000 VMAs: calls compared with the sorted list of emulators.

    python benchmarks/bench_mm.py [--json FILE]

Prints a table, and whether each bound of `BOUNDS` is met. One core, medians of `RUNS` runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable

from samara.mm import AddressSpace, Map, Prot, synthetic

SIZES = (1_000, 10_000, 50_000)
RUNS = 5
CALLS = 2_000
PAGE = 4096
RW = Prot.READ | Prot.WRITE
ANONYMOUS = Map.PRIVATE | Map.ANONYMOUS
# Microseconds at the largest size, and how much a call may grow from the smallest size to it.
BOUNDS = {
    "find": (1.0, None),
    "mmap": (15.0, 2.0),
    "munmap": (15.0, 2.0),
    "mprotect": (15.0, 2.0),
    "fork": (50.0, None),
    "from_maps": (500_000.0, None),
}


class SortedListModel:
    """The way of emulators: one sorted list of (start, end, prot), searched by bisection or
    linearly. A fork copies it."""

    def __init__(self, ranges: list[tuple[int, int, int]], base: int) -> None:
        self.ranges = ranges
        self.base = base

    def find(self, addr: int) -> tuple[int, int, int] | None:
        index = bisect_right(self.ranges, (addr, sys.maxsize, 0)) - 1
        if index >= 0 and addr < self.ranges[index][1]:
            return self.ranges[index]
        return None

    def mmap(self, length: int, prot: int) -> int:
        above = self.base
        for start, end, _prot in reversed(self.ranges):
            if start >= above:
                continue
            if above - end >= length:
                break
            above = start
        self.ranges.insert(bisect_left(self.ranges, (above,)), (above - length, above, prot))
        return above - length

    def change(self, start: int, end: int, prot: int | None) -> None:
        ranges = self.ranges
        low = max(bisect_right(ranges, (start, sys.maxsize, 0)) - 1, 0)
        high = bisect_left(ranges, (end,))
        pieces = []
        for first, last, old in ranges[low:high]:
            if first < start:
                pieces.append((first, min(last, start), old))
            if prot is not None and last > start:
                pieces.append((max(first, start), min(last, end), prot))
            if last > end:
                pieces.append((end, last, old))
        ranges[low:high] = pieces

    def fork(self) -> SortedListModel:
        return SortedListModel(self.ranges.copy(), self.base)


def per_call(calls: int, work: Callable[[], object]) -> float:
    """Return the microseconds of one call."""
    started = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - started) / calls / 1000


# Microseconds of samara and of the sorted list.
Pair = tuple[float, float | None]


def measure(size: int, rng: random.Random) -> dict[str, Pair]:
    """Return for each call the microseconds of samara and of the sorted list."""
    mm = synthetic(size)
    vmas = mm.vmas()
    listed = SortedListModel(
        [(vma.start, vma.end, int(vma.prot)) for vma in vmas], mm.limits.mmap_base
    )
    addrs = [rng.choice(vmas).start for _ in range(CALLS)]
    inside = [vma for vma in vmas if vma.pages > 2]
    middles = [rng.choice(inside).start + PAGE for _ in range(min(CALLS, len(inside) // 2))]
    figures: dict[str, Pair] = {}
    figures["find"] = measure_find(mm, listed, addrs)
    figures["mmap"], figures["munmap"] = measure_mmap(mm, listed, rng)
    figures["mprotect"] = measure_mprotect(mm, listed, middles)
    figures["fork"] = measure_fork(mm, listed)
    text = synthetic(size).maps()
    figures["from_maps"] = per_call(1, lambda: AddressSpace.from_maps(text)), None
    return figures


def measure_find(mm: AddressSpace, listed: SortedListModel, addrs: list[int]) -> Pair:
    def find() -> None:
        look = mm.find
        for addr in addrs:
            look(addr)

    def find_listed() -> None:
        look = listed.find
        for addr in addrs:
            look(addr)

    return per_call(CALLS, find), per_call(CALLS, find_listed)


def measure_mmap(
    mm: AddressSpace, listed: SortedListModel, rng: random.Random
) -> tuple[Pair, Pair]:
    """Measure mmap, and munmap of what it mapped."""
    count = min(CALLS, 500)
    # Neighbours must not merge, or there would be no VMAs to place.
    prots = (Prot.READ, RW)
    mine: list[int] = []
    theirs: list[int] = []

    def mmap() -> None:
        for number in range(count):
            mine.append(mm.mmap(0, PAGE, prots[number % 2], ANONYMOUS))

    def mmap_listed() -> None:
        for number in range(count):
            theirs.append(listed.mmap(PAGE, int(prots[number % 2])))

    def munmap() -> None:
        for addr in mine:
            mm.munmap(addr, PAGE)

    def munmap_listed() -> None:
        for addr in theirs:
            listed.change(addr, addr + PAGE, None)

    mapped = per_call(count, mmap), per_call(count, mmap_listed)
    rng.shuffle(mine)
    rng.shuffle(theirs)
    return mapped, (per_call(count, munmap), per_call(count, munmap_listed))


def measure_mprotect(mm: AddressSpace, listed: SortedListModel, addrs: list[int]) -> Pair:
    def mprotect() -> None:
        for addr in addrs:
            mm.mprotect(addr, PAGE, Prot.EXEC)

    def mprotect_listed() -> None:
        for addr in addrs:
            listed.change(addr, addr + PAGE, 4)

    return per_call(len(addrs), mprotect), per_call(len(addrs), mprotect_listed)


def measure_fork(mm: AddressSpace, listed: SortedListModel) -> Pair:
    def fork() -> None:
        for _ in range(200):
            mm.fork()

    def fork_listed() -> None:
        for _ in range(200):
            listed.fork()

    return per_call(200, fork), per_call(200, fork_listed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    table: dict[str, dict[int, Pair]] = {name: {} for name in BOUNDS}
    for size in SIZES:
        runs = [measure(size, random.Random(run)) for run in range(RUNS)]
        for name in BOUNDS:
            ours = statistics.median(run[name][0] for run in runs)
            listed = [run[name][1] for run in runs]
            theirs = None if listed[0] is None else statistics.median(x for x in listed if x)
            table[name][size] = ours, theirs
    heads = "".join(f"{size:>12,} VMAs" for size in SIZES)
    print(f"{'microseconds':<12}{heads}   (the sorted list's in brackets)")
    missed = 0
    for name, (bound, growth) in BOUNDS.items():
        cells = ""
        for ours, theirs in table[name].values():
            shown = f"{ours:,.2f}" + (f" ({theirs:,.1f})" if theirs is not None else "")
            cells += f"{shown:>17}"
        grown = table[name][SIZES[-1]][0] / table[name][SIZES[0]][0]
        met = table[name][SIZES[-1]][0] <= bound and (growth is None or grown <= growth)
        missed += not met
        limit = f"bound {bound:,g}" + (f", growth {growth:g}" if growth else "")
        print(f"{name:<12}{cells}   x {grown:.2f}  {limit}: {'met' if met else 'MISSED'}")
    if options.json:
        machine = {"machine": platform.platform(), "python": platform.python_version()}
        with open(options.json, "w") as file:
            figures = {
                name: {str(size): pair for size, pair in row.items()} for name, row in table.items()
            }
            json.dump(
                {**machine, "command": "make bench-mm", "microseconds": figures}, file, indent=1
            )
            file.write("\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
