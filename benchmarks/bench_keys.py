# SPDX-License-Identifier: MIT
"""What other kinds of keys cost: get() and load_many(), relative to trees of uint64 keys.

    python benchmarks/bench_keys.py [--quick] [--json FILE]

Trees of all kinds have the same ranges, and are asked for the same keys in the same order. In each
round all kinds take turns, so that each has a ratio to uint64 in that round; a figure is the median
of the rounds. A turn runs twice, and the shorter time counts: the turns before took the processor's
caches. Processor time, on one processor. Exits with 1 if a bound is not met.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import numpy

from bench_run import machine
from samara import MapleTree
from samara._implementation import PURE
from suite.sections import UINT64, print_keys

SIZES = [1_000, 51_221, 1_000_000]
ROUNDS, QUICK_ROUNDS = 15, 5
MANY = 1_000_000
SINGLE = 100_000  # calls in a turn
STEP = 10  # from one range to the next; the first seven keys of each have a value
LENGTH = 7
SECONDS = datetime.datetime(2026, 1, 1)
TEN = 10 << 24  # keys of IPv4 begin at 10.0.0.0
WIDE = 0x20010DB8 << 96  # keys of 128 bits begin here
# Bounds, as ratios to uint64; None: no bound. Each kind in BOUNDS is measured.
GET = {"int64": 1.25, "float64": 1.25, "datetime64[us]": 2.5, "datetime64[us, UTC]": None,
       "uint128": 1.6, "date": None, "ipv4": None, "ipv6": None,
       "ipv4, text": None, "ipv6, text": None}  # fmt: skip
LOAD_MANY = {"int64": 1.25, "float64": 1.25, "datetime64[us]": 1.25, "uint128": 2.0,
             "ipv4": None, "ipv6": 2.0}  # fmt: skip
BOUNDS = {"get": GET, "load_many": LOAD_MANY}


class Kind:
    """How the position of a key becomes a key, and positions an array of keys."""

    def __init__(
        self, keys: str, key: Callable[[int], Any], array: Callable[[Any], Any] | None = None
    ) -> None:
        self.keys, self.key, self.array = keys, key, array


def moment(position: int) -> datetime.datetime:
    return SECONDS + datetime.timedelta(microseconds=position)


def wide(positions: Any) -> Any:
    """Return 128-bit keys as (n, 2) words, high and low."""
    high = numpy.full(len(positions), WIDE >> 64, numpy.uint64)
    return numpy.column_stack([high, positions.astype(numpy.uint64)])


KINDS = {
    UINT64: Kind("uint64", int, lambda at: at.astype("u8")),
    "int64": Kind("int64", lambda at: at - 5_000_000, lambda at: at - 5_000_000),
    "float64": Kind("float64", lambda at: at - 5e6, lambda at: at - 5e6),
    "datetime64[us]": Kind(
        "datetime64[us]", moment, lambda at: numpy.datetime64(SECONDS, "us") + at.astype("m8[us]")
    ),
    "datetime64[us, UTC]": Kind(
        "datetime64[us, UTC]", lambda at: moment(at).replace(tzinfo=datetime.UTC)
    ),
    "date": Kind("date", lambda at: datetime.date.fromordinal(at % 3_652_059 + 1)),
    "uint128": Kind("uint128", lambda at: WIDE + at, wide),
    "ipv4": Kind("ipv4", lambda at: IPv4Address(TEN + at), lambda at: (at + TEN).astype("u4")),
    "ipv6": Kind("ipv6", lambda at: IPv6Address(WIDE + at), wide),
    "ipv4, text": Kind("ipv4", lambda at: str(IPv4Address(TEN + at))),
    "ipv6, text": Kind("ipv6", lambda at: str(IPv6Address(WIDE + at))),
}  # fmt: skip
Turn = Callable[[], float]


def nanoseconds(work: Callable[[], object]) -> float:
    started = time.process_time_ns()
    work()
    return time.process_time_ns() - started


def tree_of(kind: Kind, n: int, dtype: Any) -> MapleTree[Any, Any]:
    starts = numpy.arange(n, dtype=numpy.int64) * STEP
    ends = starts + LENGTH - 1
    first, last = [
        kind.array(column) if kind.array else [kind.key(at) for at in column.tolist()]
        for column in (starts, ends)
    ]
    keys: Any = kind.keys
    tree: MapleTree[Any, Any] = MapleTree.from_arrays(first, last, range(n), keys=keys, dtype=dtype)
    return tree


def get_turn(kind: Kind, n: int, positions: list[int]) -> Turn:
    tree = tree_of(kind, n, None)
    keys = [kind.key(at) for at in positions]
    expected = [at // STEP if at % STEP < LENGTH else None for at in positions]
    get = tree.get
    assert [get(key) for key in keys] == expected, kind.keys

    def loop() -> None:
        for key in keys:
            get(key)

    return lambda: nanoseconds(loop) / len(keys)


def load_many_turn(kind: Kind, n: int, positions: Any) -> Turn:
    tree = tree_of(kind, n, "i8")
    assert kind.array is not None
    keys = kind.array(positions)
    load_many = tree.load_many
    expected = numpy.where(positions % STEP < LENGTH, positions // STEP, -1)
    assert (load_many(keys, -1) == expected).all(), kind.keys
    return lambda: nanoseconds(lambda: load_many(keys, -1)) / len(keys)


def fits(kind: Kind, n: int) -> bool:
    """Return whether the kind has this many ranges: there are few dates."""
    return kind.keys != "date" or n * STEP <= 3_652_059


def measure_size(n: int, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return the nanoseconds of a key by operation, kind and round."""
    positions = numpy.random.default_rng(1).integers(0, n * STEP, MANY)
    single = positions[:SINGLE].tolist()
    samples: dict[str, dict[str, list[float]]] = {}
    for operation, bounds in BOUNDS.items():
        turns: dict[str, Turn] = {}
        for name in (UINT64, *bounds):
            kind = KINDS[name]
            if fits(kind, n):
                turns[name] = (
                    get_turn(kind, n, single)
                    if operation == "get"
                    else load_many_turn(kind, n, positions)
                )
        found: dict[str, list[float]] = {name: [] for name in turns}
        order = list(turns)
        for turn in range(rounds + 1):  # the first one warms up
            random.Random(turn).shuffle(order)
            for name in order:
                value = float(f"{min(turns[name](), turns[name]()):.5g}")
                if turn:
                    found[name].append(value)
        samples[operation] = found
    return samples


def measure(rounds: int, sizes: list[int]) -> dict[str, Any]:
    processors = os.sched_getaffinity(0)
    pinned = max(processors)
    os.sched_setaffinity(0, {pinned})
    gc.disable()
    samples: dict[str, Any] = {}
    for n in sizes:
        print(f"measuring {n:,} ranges ...", file=sys.stderr)
        samples[str(n)] = measure_size(n, rounds)
    return {
        "command": ["make", "bench-keys"],
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine() | {"pinned_to": pinned},
        "versions": {"python": platform.python_version(), "numpy": numpy.__version__},
        "rounds": rounds,
        "bounds": BOUNDS,
        "samples": samples,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of ranges")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if PURE:
        sys.exit("bench_keys: the pure-Python tree is in use; this measures the extension")
    data = measure(QUICK_ROUNDS if options.quick else ROUNDS, options.sizes)
    if options.json:
        options.json.write_text(json.dumps(data, indent=1) + "\n")
    return 0 if print_keys(data) else 1


if __name__ == "__main__":
    sys.exit(main())
