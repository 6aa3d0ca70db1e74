# SPDX-License-Identifier: MIT
"""Run bench_threads, print its table and its bounds, and store the figures.

Times are nanoseconds of a thread's own processor time for one call: the tenth percentile of many
short turns, since other work on the machine only makes a turn slower. bench_threads.c says what
each method does. Needs two processors. With two, a reader and a writer have one each, so what a
writer costs is said for one reader: beside the writer it must reach 0.85 of the look-ups that it
does alone, which is 1.7 of 2.
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

from bench_run import Times, number, options, turn, write_json

RANGES = 100_000


@dataclass
class Bound:
    """A claim about the methods' times."""

    text: str
    value: Callable[[Times], float]
    least: float | None = None
    most: float | None = None


BOUNDS = [
    Bound("one reader / unlocked, time <= 1.05", lambda t: t["one"] / t["unlocked"], most=1.05),
    Bound("two readers / one, look-ups >= 1.9", lambda t: 2 * t["one"] / t["two"], least=1.9),
    Bound(
        "a reader beside a writer / alone >= 0.85", lambda t: t["alone"] / t["beside"], least=0.85
    ),
]


def main() -> int:
    arguments = options(__doc__).parse_args()
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        sys.exit("two processors are needed")
    command = [str(arguments.program), str(processors[-1]), str(processors[0])]
    command += [str(arguments.runs), str(turn(arguments)), str(RANGES)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    runs: dict[str, list[float]] = defaultdict(list)
    nodes = {}
    for line in output.splitlines():
        _ranges, count, method, _run, _calls, time = line.split("\t")
        runs[method].append(float(time))
        nodes[RANGES] = int(count)
    times: Times = {name: statistics.quantiles(values, n=10)[0] for name, values in runs.items()}
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
        results.append({"bound": bound.text, "value": value, "met": met})
        print(f"{'met' if met else 'NOT MET':<8}{bound.text}: {value:.3f}")
    write_json(arguments, command, output, nodes, {"tenth_percentiles": times, "bounds": results})
    return 0 if all(result["met"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
