# SPDX-License-Identifier: MIT
"""Python's calls in one thread and in two, on a free-threaded interpreter and on one with the GIL.

Both interpreters run this file as a worker, which prints the calls per second of each method: of
the thread that made the tree, of another one, and of two others at once. Without the GIL, counting
references of a value costs the thread that made it less than others. Turns of both interpreters
alternate. Needs two processors. `abs` is no method of a tree: it shows what two threads of this
machine and interpreter reach at best. Exits with 1 if a bound is not met.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

RANGES = 100_000
CALLS = 1000
SEED = 22

Batch = Callable[[], object]


def batches() -> dict[str, list[Batch]]:
    """Return for each method a batch of CALLS calls for each of two threads."""
    from samara import MapleTree

    chosen = random.Random(SEED)
    packed, objects = MapleTree[int, int](dtype="u8"), MapleTree[int, object]()
    for i in range(RANGES):
        packed.store_range(10 * i, 10 * i + 5, i % 200)
        objects.store_range(10 * i, 10 * i + 5, (i,))
    relatives = [packed.fork(), packed.fork()]

    def keys() -> list[int]:
        return [10 * chosen.randrange(RANGES) for _ in range(CALLS)]

    def each(call: Callable[[int], object]) -> Batch:
        own = keys()

        def batch() -> None:
            for key in own:
                call(key)

        return batch

    def stores(tree: MapleTree[int, int] | MapleTree[int, object], value: int) -> Batch:
        own = keys()

        def batch() -> None:
            store = tree.store_range
            for key in own:
                store(key, key + 5, value)

        return batch

    def first_writes(tree: MapleTree[int, int]) -> Batch:
        return each(lambda key: tree.fork().store_range(key, key + 5, 1))

    return {
        "abs": [each(abs), each(abs)],
        "get, numbers": [each(packed.get), each(packed.get)],
        "get, objects": [each(objects.get), each(objects.get)],
        "entry, numbers": [each(packed.entry), each(packed.entry)],
        "in": [each(objects.__contains__), each(objects.__contains__)],
        "store, two trees": [stores(packed.dup(), 1), stores(packed.dup(), 1)],
        "store, objects": [stores(objects.dup(), 1), stores(objects.dup(), 1)],
        "store, relatives": [stores(relatives[0], 1), stores(relatives[1], 1)],
        "store, one tree": [stores(packed, 1)] * 2,
        "fork and store": [first_writes(packed.dup()), first_writes(packed.dup())],
    }


def repeat(batch: Batch, seconds: float) -> float:
    """Repeat a batch until the time is up; return the calls per second."""
    count, start = 0, time.perf_counter()
    while (now := time.perf_counter()) < start + seconds:
        batch()
        count += CALLS
    return count / (now - start)


def together(work: list[Batch], seconds: float) -> float:
    """Run each batch in a thread of its own; return the calls per second of all."""
    started = threading.Barrier(len(work))
    rates = []

    def run(batch: Batch) -> None:
        started.wait()
        rates.append(repeat(batch, seconds))

    threads = [threading.Thread(target=run, args=(batch,)) for batch in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(rates)


def worker(milliseconds: int) -> None:
    """For each line of input, print method, threads and calls per second of all methods."""
    methods, seconds = batches(), milliseconds / 1000
    for _ in sys.stdin:
        for method, work in methods.items():
            print(method, "own", repeat(work[0], seconds), sep="\t")
            print(method, "1", together(work[:1], seconds), sep="\t")
            print(method, "2", together(work, seconds), sep="\t")
        print(flush=True)


def turns(pythons: dict[str, Path], runs: int, milliseconds: int) -> tuple[str, dict[str, float]]:
    """Return the output of the workers, and the medians by "interpreter, method, threads"."""
    command = [__file__, "--worker", str(milliseconds)]
    pipe = subprocess.PIPE
    workers = {
        name: subprocess.Popen([str(python), *command], text=True, stdin=pipe, stdout=pipe)
        for name, python in pythons.items()
    }
    rates = defaultdict(list)
    output = []
    for _ in range(runs):
        for name, process in workers.items():
            assert process.stdin and process.stdout
            print(file=process.stdin, flush=True)
            while line := process.stdout.readline().strip():
                method, count, rate = line.split("\t")
                rates[f"{name}, {method}, {count}"].append(float(rate))
                output.append(f"{name}\t{line}")
    for process in workers.values():
        process.communicate()
    return "\n".join(output), {key: statistics.median(values) for key, values in rates.items()}


def bounds(rates: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Return the bounds: (value, bound). A ratio of times must be below, of rates above."""

    def two(method: str) -> float:
        return rates[f"free, {method}, 2"] / rates[f"free, {method}, 1"]

    found = {f"{method}: two threads / one >= 1.8": (two(method), 1.8) for method in READS}
    found |= {f"{method}: two threads / one >= 1.7": (two(method), 1.7) for method in WRITES}
    for method in READS + WRITES if "gil, abs, 1" in rates else ():
        times = rates[f"gil, {method}, own"] / rates[f"free, {method}, own"]
        found[f"{method}: one thread, free-threaded / GIL <= 1.3"] = (times, 1.3)
    return found


READS = ("get, numbers", "get, objects")
WRITES = ("store, two trees", "store, objects")


def main() -> int:
    from bench_run import options, turn, write_json

    parser = options(__doc__)
    parser.add_argument("--gil", type=Path, help="the same version with the GIL")
    arguments = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two processors are needed")
    pythons = {"free": arguments.program} | ({"gil": arguments.gil} if arguments.gil else {})
    output, rates = turns(pythons, arguments.runs, turn(arguments))
    print(f"nanoseconds for a call in the tree's thread and in another, {RANGES:,} ranges;")
    print("calls of two other threads / those of one")
    for key in [key[:-3] for key in rates if key.endswith(", 1")]:
        own, one, two = (rates[f"{key}, {count}"] for count in ("own", "1", "2"))
        print(f"{key:<24}{1e9 / own:>8.1f}{1e9 / one:>8.1f}{two / one:>8.2f}")
    results = []
    for text, (value, bound) in bounds(rates).items():
        met = value <= bound if "<=" in text else value >= bound
        results.append({"bound": text, "value": value, "met": met})
        print(f"{'met' if met else 'NOT MET':<8}{text}: {value:.3f}")
    versions = {
        name: subprocess.check_output([python, "-VV"], text=True).strip()
        for name, python in pythons.items()
    }
    command = ["bench_free_threading.py", *(python.name for python in pythons.values())]
    figures = {"versions": versions, "rates": rates, "bounds": results}
    write_json(arguments, command, output, {}, figures)
    return 0 if all(result["met"] for result in results) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(int(sys.argv[2]))
    else:
        sys.exit(main())
