# SPDX-License-Identifier: MIT
"""Operations on whole trees: differences, unions, sums over ranges, policies, files.

    python benchmarks/bench_operations.py [--json FILE]

Prints a table, and whether each bound of `BOUNDS` is met. One core, medians of `RUNS` runs. Answers
that can be computed in another way are compared with it first.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy

import samara
from bench_run import machine, number
from samara import MapleTree
from samara.mm import Prot, synthetic

RUNS = 11
RANGES = 1_000_000
STORED = 100_000
VMAS = 40_000
CHANGES = 10
GENOME = 250_000_000
ONE = numpy.uint64(1)
# What is measured: its unit, how many of it are in a second, and the bound.
BOUNDS = {
    "diff of relatives, 10 of 1,000,000 ranges differ": ("us", 1e6, 50.0),
    "the same, object values": ("us", 1e6, 50.0),
    "fork == source, 1,000,000 ranges": ("us", 1e6, 5.0),
    "union of relatives, 10 of 1,000,000 ranges differ": ("us", 1e6, 100.0),
    "AddressSpace.diff, 1 change in 40,000 VMAs": ("us", 1e6, 100.0),
    "accumulate_many, 1,000,000 sorted ranges": ("ns/range", 1e9 / RANGES, 150.0),
    "the same, into a tree of that size": ("ns/range", 1e9 / RANGES, 150.0),
    "coverage depth of 1,000,000 reads / numpy's sorted sweep": ("ratio", 1.0, 2.0),
    "store with COALESCE / store without": ("ratio", 1.0, 1.2),
    "save 1,000,000 ranges": ("ms", 1e3, 50.0),
    "load 1,000,000 ranges": ("ms", 1e3, 50.0),
}
Seconds = dict[str, float]


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def per_call(work: Callable[[], object], calls: int) -> float:
    """Return the seconds of one call, of many."""

    def repeat() -> None:
        for _ in range(calls):
            work()

    return seconds(repeat) / calls


def large_tree(dtype: Any) -> MapleTree[int, Any]:
    first = numpy.arange(RANGES, dtype=numpy.uint64) * numpy.uint64(10)
    values: Any = first if dtype else list(range(RANGES))
    return MapleTree.from_arrays(first, first + numpy.uint64(6), values, dtype=dtype)


def changed_fork(tree: MapleTree[int, Any], rng: random.Random) -> MapleTree[int, Any]:
    """Return a fork in which `CHANGES` entries have other values."""
    fork = tree.fork()
    for place in rng.sample(range(RANGES), CHANGES):
        fork.store_range(10 * place, 10 * place + 6, -place - 1 if tree.dtype is None else place)
    return fork


def measure_relatives(rng: random.Random) -> Seconds:
    packed, objects = large_tree("u8"), large_tree(None)
    changed, changed_objects = changed_fork(packed, rng), changed_fork(objects, rng)
    fork = objects.fork()
    assert len(list(packed.diff(changed))) in (CHANGES, CHANGES - 1)  # place 0 may be unchanged
    assert (packed | changed) == changed
    return {
        "diff of relatives, 10 of 1,000,000 ranges differ": per_call(
            lambda: list(packed.diff(changed)), 100
        ),
        "the same, object values": per_call(lambda: list(objects.diff(changed_objects)), 100),
        "fork == source, 1,000,000 ranges": per_call(lambda: objects == fork, 1000),
        "union of relatives, 10 of 1,000,000 ranges differ": per_call(lambda: packed | changed, 20),
    }


def measure_address_spaces(rng: random.Random) -> Seconds:
    parent = synthetic(VMAS)
    child = parent.fork()
    vma = rng.choice([vma for vma in child.vmas() if vma.pages > 2])
    child.mprotect(vma.start + 4096, 4096, Prot.EXEC)
    assert len(list(parent.diff(child))) == 1
    return {"AddressSpace.diff, 1 change in 40,000 VMAs": per_call(lambda: parent.diff(child), 100)}


def numpy_depth(first: Any, last: Any) -> tuple[Any, Any]:
    """Return where the depth changes, and the depth from there on: numpy's sorted sweep."""
    places = numpy.concatenate([first, last + ONE])
    steps = numpy.concatenate(
        [numpy.ones(len(first), numpy.int64), -numpy.ones(len(last), numpy.int64)]
    )
    order = numpy.argsort(places, kind="stable")
    places, depth = places[order], numpy.cumsum(steps[order])
    ends = numpy.append(places[1:] != places[:-1], True)
    return places[ends], depth[ends]


def tree_depth(first: Any, last: Any) -> MapleTree[int, int]:
    tree: MapleTree[int, int] = MapleTree(dtype="u8")
    tree.accumulate_many(first, last, 1)
    return tree


def check_depth(first: Any, last: Any) -> None:
    places, depth = numpy_depth(first, last)
    asked = numpy.concatenate([places, first, last])
    expected = depth[numpy.searchsorted(places, asked, side="right") - 1]
    found = tree_depth(first, last).load_many(asked, 0)
    assert (found == expected.astype(numpy.uint64)).all(), "the depths differ"


def measure_accumulate(rng: random.Random) -> Seconds:
    draw = numpy.random.default_rng(rng.randrange(2**32))
    first = numpy.sort(draw.integers(0, GENOME, RANGES, dtype=numpy.uint64))
    last = first + draw.integers(99, 150, RANGES, dtype=numpy.uint64)
    check_depth(first, last)
    empty: MapleTree[int, int] = MapleTree(dtype="u8")
    full = large_tree("u8")
    ones = numpy.ones(RANGES, numpy.uint64)
    sweep = seconds(lambda: numpy_depth(first, last))
    ours = seconds(lambda: tree_depth(first, last).to_arrays())
    return {
        "accumulate_many, 1,000,000 sorted ranges": seconds(
            lambda: empty.accumulate_many(first, last, ones)
        ),
        "the same, into a tree of that size": seconds(
            lambda: full.accumulate_many(first, last, ones)
        ),
        "coverage depth of 1,000,000 reads / numpy's sorted sweep": ours / sweep,
    }


def measure_policies(rng: random.Random) -> Seconds:
    entries = [(10 * i, 10 * i + 6, i % 7) for i in range(STORED)]
    stores = [(10 * rng.randrange(STORED), rng.randrange(7)) for _ in range(20_000)]
    times: list[float] = []
    for policy in (samara.COALESCE, None):
        tree: MapleTree[int, int] = MapleTree(entries, policy=policy)

        def store(tree: MapleTree[int, int]) -> None:
            store_range = tree.store_range
            for place, value in stores:
                store_range(place + 2, place + 4, value)

        times.append(seconds(partial(store, tree)))
    return {"store with COALESCE / store without": times[0] / times[1]}


def measure_files(_rng: random.Random) -> Seconds:
    tree = large_tree("u8")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ranges.npz"
        saved = seconds(lambda: tree.save(path))
        loaded = seconds(lambda: MapleTree.load(path))
        assert MapleTree.load(path) == tree
    return {"save 1,000,000 ranges": saved, "load 1,000,000 ranges": loaded}


PARTS = (
    measure_relatives,
    measure_address_spaces,
    measure_accumulate,
    measure_policies,
    measure_files,
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    runs: dict[str, list[float]] = {name: [] for name in BOUNDS}
    for run in range(RUNS):
        print(f"run {run + 1} of {RUNS}", file=sys.stderr)
        for part in PARTS:
            for name, value in part(random.Random(run)).items():
                runs[name].append(value * BOUNDS[name][1])
    medians = {name: statistics.median(values) for name, values in runs.items()}
    missed = 0
    for name, (unit, _, bound) in BOUNDS.items():
        met = medians[name] <= bound
        missed += not met
        print(
            f"{name:<58}{number(medians[name]):>8} {unit:<9} bound {bound:g}: "
            f"{'met' if met else 'MISSED'}"
        )
    if options.json:
        about = {
            "command": ["make", "bench-operations"],
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "runs": RUNS,
            "bounds": {name: bound for name, (_, _, bound) in BOUNDS.items()},
            "units": {name: unit for name, (unit, _, _) in BOUNDS.items()},
            "medians": medians,
            "values": runs,
        }
        options.json.write_text(json.dumps(about, indent=1) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
