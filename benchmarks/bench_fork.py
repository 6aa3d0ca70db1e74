# SPDX-License-Identifier: MIT
"""Run bench_fork, print its table beside samara's own bounds, and store the figures.

Times are microseconds for one repetition, the median of the runs. Each includes destroying the
child. Exits with 1 if a bound is not met.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from bench_run import Times, measure, medians, number, options, turn, write_json

AXIS = [135, 21, 121, 221, 421, 821, 1621, 3221, 6421, 12821, 25621, 51221]
QUICK = [135, 821, 6421]
METHODS = ["insert", "dup_replace", "dup", "fork", "fork_store", "memcpy"]
LARGE = 6421


@dataclass
class Bound:
    """A claim about the medians of one size, and the sizes that it applies to."""

    text: str
    value: Callable[[Times], float]
    most: float
    least_entries: int = 0


BOUNDS = [
    Bound("dup / memcpy <= 2.5 from 6,421 entries", lambda t: t["dup"] / t["memcpy"], 2.5, LARGE),
    Bound("dup_replace / insert <= 0.3", lambda t: t["dup_replace"] / t["insert"], 0.3),
    Bound("fork < 1 us", lambda t: t["fork"], 1.0),
]
# Flat: the slowest fork takes at most this many times as long as the fastest.
FLAT = 2.0


def print_table(table: dict[int, Times], nodes: dict[int, int]) -> None:
    heads = ["entries", "nodes", *METHODS, "dup/memcpy", "replace/insert", "fork gain"]
    print("microseconds, median of the runs, destroy included")
    print("  ".join(f"{head:>{max(len(head), 9)}}" for head in heads))
    for entries, times in table.items():
        row = [f"{entries:,}", f"{nodes[entries]:,}", *(number(times[m]) for m in METHODS)]
        row.append(f"{times['dup'] / times['memcpy']:.2f}")
        row.append(f"{times['dup_replace'] / times['insert']:.3f}")
        row.append(f"{times['insert'] / times['fork']:,.0f}x")
        print(
            "  ".join(f"{cell:>{max(len(head), 9)}}" for cell, head in zip(row, heads, strict=True))
        )


def check_bounds(table: dict[int, Times]) -> list[dict[str, object]]:
    """Return each bound with its worst value, and whether it is met."""
    results: list[dict[str, object]] = []
    for bound in BOUNDS:
        values = {n: bound.value(t) for n, t in table.items() if n >= bound.least_entries}
        if values:
            worst = max(values, key=lambda n: values[n])
            met = values[worst] <= bound.most
            results.append(
                {"bound": bound.text, "worst": values[worst], "entries": worst, "met": met}
            )
    forks = {n: t["fork"] for n, t in table.items()}
    dearest = max(forks, key=lambda n: forks[n])
    spread = forks[dearest] / min(forks.values())
    results.append(
        {
            "bound": f"fork flat in n: dearest / cheapest <= {FLAT:g}",
            "worst": spread,
            "entries": dearest,
            "met": spread <= FLAT,
        }
    )
    return results


def main() -> int:
    arguments = options(__doc__).parse_args()
    sizes = QUICK if arguments.quick else AXIS
    command, output, nodes = measure(arguments.program, [arguments.runs, turn(arguments)], sizes)
    table = medians(output)
    results = check_bounds(table)

    print_table(table, nodes)
    print()
    for result in results:
        mark = "PASS" if result["met"] else "FAIL"
        print(f"{mark}  {result['bound']}: {result['worst']:.3g} at {result['entries']:,} entries")
    figures: dict[str, object] = {
        "microseconds": {str(entries): times for entries, times in table.items()},
        "bounds": results,
    }
    write_json(arguments, command, output, nodes, figures)
    return 0 if all(result["met"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
