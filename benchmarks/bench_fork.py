# SPDX-License-Identifier: MIT
"""Run bench_fork, print its table beside the bounds that samara sets itself, and keep the figures.

Times are microseconds of one repetition, the median of the runs; destroying the child is part
of each. Exits with 1 where a bound is not met.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

AXIS = [135, 21, 121, 221, 421, 821, 1621, 3221, 6421, 12821, 25621, 51221]
QUICK = [135, 821, 6421]
METHODS = ["insert", "dup_replace", "dup", "fork", "fork_store", "memcpy"]
LARGE = 6421

Times = dict[str, float]


@dataclass
class Bound:
    """A claim about the medians of one size, and the sizes that it is about."""

    text: str
    value: Callable[[Times], float]
    most: float
    least_entries: int = 0


BOUNDS = [
    Bound("dup / memcpy <= 2.5 from 6,421 entries", lambda t: t["dup"] / t["memcpy"], 2.5, LARGE),
    Bound("dup_replace / insert <= 0.3", lambda t: t["dup_replace"] / t["insert"], 0.3),
    Bound("fork < 1 us", lambda t: t["fork"], 1.0),
]
# Flat: the dearest fork costs no more than this many times the cheapest.
FLAT = 2.0


def measure(
    program: Path, sizes: list[int], runs: int, milliseconds: int
) -> tuple[list[str], str, dict[int, int]]:
    """Run the C program on one of our processors; its command, its output and the nodes by size."""
    cpu = max(os.sched_getaffinity(0))
    command = [str(program), str(cpu), str(runs), str(milliseconds), *map(str, sizes)]
    lines = []
    nodes: dict[int, int] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            entries, count, *_ = line.split("\t")
            if int(entries) not in nodes:
                print(f"measuring {int(entries):,} entries ...", file=sys.stderr)
            nodes[int(entries)] = int(count)
    if process.returncode:
        sys.exit(f"bench_fork ended with {process.returncode}")
    return command, "".join(lines), nodes


def medians(output: str) -> dict[int, Times]:
    """The median over the runs, by size and method."""
    runs: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in output.splitlines():
        entries, _nodes, method, _run, _repetitions, microseconds = line.split("\t")
        runs[int(entries)][method].append(float(microseconds))
    return {
        entries: {method: statistics.median(times) for method, times in methods.items()}
        for entries, methods in runs.items()
    }


def number(value: float) -> str:
    """Three or four figures that matter."""
    return f"{value:,.3f}" if value < 10 else f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


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
    """Each bound with its worst value, and whether it is met."""
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


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def compiler(program: Path) -> dict[str, object]:
    """What built the program, from its build folder."""
    about = program.parent / "meson-info" / "intro-compilers.json"
    if not about.exists():
        return {}
    c = json.loads(about.read_text())["host"]["c"]
    return {"id": c["id"], "version": c["full_version"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, required=True, help="the compiled bench_fork")
    parser.add_argument("--runs", type=int, default=5, help="runs of each method (default 5)")
    parser.add_argument("--milliseconds", type=int, default=60, help="the least that a turn takes")
    parser.add_argument("--quick", action="store_true", help="three sizes, short turns")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    arguments = parser.parse_args()

    sizes = QUICK if arguments.quick else AXIS
    milliseconds = 10 if arguments.quick else arguments.milliseconds
    command, output, nodes = measure(arguments.program, sizes, arguments.runs, milliseconds)
    table = medians(output)
    results = check_bounds(table)

    print_table(table, nodes)
    print()
    for result in results:
        mark = "PASS" if result["met"] else "FAIL"
        print(f"{mark}  {result['bound']}: {result['worst']:.3g} at {result['entries']:,} entries")
    if arguments.json:
        figures = {
            "command": command,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": {
                "processor": processor(),
                "processors": os.cpu_count(),
                "kernel": platform.release(),
                "architecture": platform.machine(),
            },
            "compiler": compiler(arguments.program),
            "runs": arguments.runs,
            "milliseconds_per_turn": milliseconds,
            "microseconds": {str(entries): times for entries, times in table.items()},
            "nodes": {str(entries): count for entries, count in nodes.items()},
            "bounds": results,
            "output": output.splitlines(),
        }
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0 if all(result["met"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
