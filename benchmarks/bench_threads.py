# SPDX-License-Identifier: MIT
"""Run bench_threads, print its table and its bounds, and store the figures.

Times are nanoseconds of a thread's own processor time for one call: the tenth percentile of many
short turns, since other work on the machine only makes a turn slower. bench_threads.c says what
each method does. Needs two processors. With two, a reader and a writer have one each, so what a
writer costs is said for one reader: beside the writer it must reach 0.85 of the look-ups that it
does alone, which is 1.7 of 2.

With --base, the same program on an older core: one reader, which takes no lock and checks that
nothing has changed, is compared with how that core read a tree that its caller had locked. The two
programs take turns, and the ratio is the median of the rounds.
Exits with 1 if a bound is not met.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench_run import Times, alternate, number, options, turn, write_json

RANGES = 100_000


@dataclass
class Bound:
    """A claim about the methods' times."""

    text: str
    value: Callable[[Times], float]
    least: float | None = None
    most: float | None = None


ROUNDS = 21
TO_BASE = 1.05
BOUNDS = [
    Bound("two readers / one, look-ups >= 1.9", lambda t: 2 * t["one"] / t["two"], least=1.9),
    Bound(
        "a reader beside a writer / alone >= 0.85", lambda t: t["alone"] / t["beside"], least=0.85
    ),
]


def tenth_percentiles(runs: dict[str, list[float]]) -> Times:
    return {name: statistics.quantiles(values, n=10)[0] for name, values in runs.items()}


def run_times(command: list[str]) -> tuple[str, dict[str, list[float]], int]:
    """Run the program; return its output, the times of each method, and the number of nodes."""
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    runs: dict[str, list[float]] = defaultdict(list)
    count = 0
    for line in output.splitlines():
        _ranges, nodes, method, _run, _calls, time = line.split("\t")
        runs[method].append(float(time))
        count = int(nodes)
    return output, runs, count


def to_base(here: list[str], base: list[str]) -> list[float]:
    """Return the ratios of the rounds: one reader here / a reader under a lock in the base."""

    def side(command: list[str], method: str) -> Times:
        return tenth_percentiles(run_times([*command, method])[1])

    rounds = alternate(lambda: side(here, "one"), lambda: side(base, "unlocked"), ROUNDS)
    return [ours["one"] / theirs["unlocked"] for ours, theirs in rounds]


def judged(text: str, value: float, met: bool) -> dict[str, object]:
    """Print whether a bound is met; return it for the figures."""
    print(f"{'met' if met else 'NOT MET':<8}{text}: {value:.3f}")
    return {"bound": text, "value": value, "met": met}


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--base", type=Path, metavar="PROGRAM", help="the benchmark on an old core")
    parser.add_argument("--commit", help="the commit of the old core, for the figures")
    arguments = parser.parse_args()
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        sys.exit("two processors are needed")
    tail = [str(processors[-1]), str(processors[0]), str(arguments.runs), str(turn(arguments))]
    command = [str(arguments.program), *tail, str(RANGES)]
    output, runs, nodes = run_times(command)
    times = tenth_percentiles(runs)
    print(
        f"nanoseconds for one call in one thread, {RANGES:,} ranges, tenth percentile of the runs"
    )
    for method, figure in times.items():
        print(f"{method:<14}{number(figure):>10}")
    results = []
    for bound in BOUNDS:
        value = bound.value(times)
        met = (bound.least is None or value >= bound.least) and (
            bound.most is None or value <= bound.most
        )
        results.append(judged(bound.text, value, met))
    print(f"        one reader / unlocked, time: {times['one'] / times['unlocked']:.3f}")
    figures: dict[str, object] = {"tenth_percentiles": times, "bounds": results}
    if arguments.base:
        base = [str(arguments.base), *tail, str(RANGES)]
        ratios = to_base(command, base)
        text = f"one reader / unlocked in {arguments.commit}, time <= {TO_BASE}"
        value = statistics.median(ratios)
        results.append(judged(text, value, value <= TO_BASE))
        figures["base"] = {"commit": arguments.commit, "command": base, "ratios": ratios}
    write_json(arguments, command, output, {RANGES: nodes}, figures)
    return 0 if all(result["met"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
