# SPDX-License-Identifier: MIT
"""Run bench_kernel, the kernel's small benchmarks of its maple tree, and store the figures.

Times are nanoseconds for one operation, the median of the runs; bench_kernel.c says what each
method does. With --base, the same program on an older core takes turns with this one. A ratio is
the median over the runs of this core's time divided by the older core's. Exits with 1 if a ratio
is above its bound.
"""

from __future__ import annotations

import statistics
import sys
from functools import partial
from pathlib import Path

from bench_run import Times, alternate, measure, medians, number, options, turn, write_json

# The bounds of the ratios: what the work on these methods was meant to gain.
BOUNDS = {
    "slot_store": 0.80,
    "node_store": 0.70,
    "walk": 0.70,
    "load": 0.85,
    "awalk": 1.03,
    "mt_for_each": 0.70,
    "mas_for_each": 1.03,
    "mas_prev": 0.70,
    "forking": 1.03,
}


class Side:
    """One build of the program, with the output of all its runs."""

    def __init__(self, program: Path) -> None:
        self.program = program
        self.command: list[str] = []
        self.output = ""

    def run(self, options: list[int]) -> Times:
        self.command, output, _nodes = measure(self.program, options, [])
        self.output += output
        return by_method(output)


def by_method(output: str) -> Times:
    """Return the medians of the runs; each method has a tree of its own."""
    return {method: time for times in medians(output).values() for method, time in times.items()}


def print_ratios(here: Times, base: Times, ratios: Times) -> None:
    print("nanoseconds for one operation, medians of the runs; ratios are medians too")
    print(f"{'':14}{'base':>10}{'now':>10}{'ratio':>8}{'bound':>8}")
    for method, time in here.items():
        print(
            f"{method:14}{number(base[method]):>10}{number(time):>10}{ratios[method]:>8.3f}"
            f"{BOUNDS[method]:>8.2f}  {'PASS' if ratios[method] <= BOUNDS[method] else 'FAIL'}"
        )


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--base", type=Path, metavar="PROGRAM", help="the benchmark on an old core")
    parser.add_argument("--commit", help="the commit of the old core, for the figures")
    arguments = parser.parse_args()
    here = Side(arguments.program)
    figures: dict[str, object] = {}
    met = True

    if arguments.base:
        base = Side(arguments.base)
        run = [partial(side.run, [1, turn(arguments)]) for side in (here, base)]
        pairs = list(alternate(run[0], run[1], arguments.runs))
        times, base_times = by_method(here.output), by_method(base.output)
        ratios = {
            method: statistics.median(ours[method] / theirs[method] for ours, theirs in pairs)
            for method in times
        }
        met = all(ratios[method] <= BOUNDS[method] for method in ratios)
        figures["base"] = {
            "commit": arguments.commit,
            "command": base.command,
            "nanoseconds": base_times,
            "output": base.output.splitlines(),
        }
        figures["ratios"] = ratios
        figures["bounds"] = BOUNDS
        print_ratios(times, base_times, ratios)
    else:
        times = here.run([arguments.runs, turn(arguments)])
        print("nanoseconds for one operation, median of the runs")
        for method, time in times.items():
            print(f"{method:14}{number(time):>10}")
    figures = {"nanoseconds": times, **figures}
    write_json(arguments, here.command, here.output, {}, figures)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
