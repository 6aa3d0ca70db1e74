# SPDX-License-Identifier: MIT
"""Compare samara with its peers, print the table of bounds, and store the figures.

Figures are medians of the rounds; ratios are within one run, on one processor. Times are processor
time of this process: other work on the machine does not count. --docs draws the tables and the
plots of docs/performance.md from the figures of a run; it measures nothing.

Exits with 1 if a bound is not met.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_run import machine

if TYPE_CHECKING:
    from suite.measure import Plan, Results

# Set before polars is imported: as many threads as processors that this runs on.
os.environ["POLARS_MAX_THREADS"] = "1"
# Set before numpy is imported: its arithmetic libraries need no more threads.
os.environ["OMP_NUM_THREADS"] = "1"

SIZES = [100, 135, 1_000, 6_421, 10_000, 50_000, 51_221, 1_000_000]
QUICK_SIZES = [135, 6_421, 51_221]
GROWTH_SIZES = [10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000,
                1_000_000, 3_000_000, 10_000_000]  # fmt: skip
ROOT = Path(__file__).parent.parent


def arguments_of(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="three sizes, three short rounds")
    parser.add_argument("--rounds", type=int, help="rounds (default 5)")
    parser.add_argument("--sizes", type=int, nargs="+", help="numbers of ranges")
    parser.add_argument("--only", metavar="PEER", default="", help="names that begin with PEER")
    parser.add_argument("--no-growth", action="store_true", help="only the sizes of the bounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument(
        "--docs", type=Path, metavar="FILE", help="from these figures: the page and its plots"
    )
    parser.add_argument("--footprint", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def versions() -> dict[str, str]:
    from suite.peers import PEERS

    packages = {package for kind in PEERS for package in kind.packages}
    found = {package: importlib.metadata.version(package) for package in sorted(packages)}
    return {"python": platform.python_version(), **found}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    from samara._implementation import PURE
    from suite import measure as clock
    from suite.workloads import OPERATIONS

    if PURE:
        sys.exit("bench: the pure-Python tree is in use; the benchmarks measure the extension")
    plan = plan_of(arguments)
    processors = os.sched_getaffinity(0)
    pinned = max(processors)
    os.sched_setaffinity(0, {pinned})
    load_before = os.getloadavg()
    results = clock.Results()
    figures = run(plan, processors, results, arguments.only)
    return {
        "command": ["python", "benchmarks/bench.py", *sys.argv[1:]],
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine() | {"pinned_to": pinned},
        "load": {"before": load_before, "after": os.getloadavg()},
        "versions": versions(),
        "sizes": plan.sizes,
        "rounds": plan.rounds,
        "seconds_per_turn": plan.turn,
        "patience": plan.patience,
        "operations": {
            operation.name: {"title": operation.title, "unit": operation.unit}
            for operation in OPERATIONS
        },
        "samples": results.samples,
        **figures,
        "left_out": results.left_out,
        "checked": results.checked,
    }


def plan_of(arguments: argparse.Namespace) -> Plan:
    from suite.measure import Plan

    quick = arguments.quick
    sizes = arguments.sizes or (QUICK_SIZES if quick else SIZES)
    large = [n for n in sizes if n >= 51_221]
    return Plan(
        sizes=sizes,
        rounds=arguments.rounds or (3 if quick else 5),
        turn=0.003 if quick else 0.03,
        patience=2.0 if quick else 20.0,
        growth_sizes=[] if quick or arguments.no_growth else GROWTH_SIZES,
        footprint_sizes=[] if quick else large,
        threads_sizes=large,
    )


def run(plan: Plan, processors: set[int], results: Results, only: str) -> dict[str, Any]:
    """Carry out the plan, with a progress bar. Put the samples of the peers `only` in `results`."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from suite import measure as clock
    from suite.peers import PEERS, YARDSTICKS
    from suite.workloads import OPERATIONS

    columns = (
        TextColumn("{task.description:<50}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    steps = len(OPERATIONS) * (len(plan.sizes) + len(plan.growth_sizes))
    steps += len(plan.threads_sizes) + len(plan.footprint_sizes) * len(PEERS)
    kinds = [kind for kind in (*PEERS, *YARDSTICKS) if kind.name.startswith(only)]
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=steps)

        def advance(text: str) -> None:
            progress.update(task, advance=1, description=text)

        for n in plan.sizes:
            clock.measure_size(kinds, n, plan, results, advance)
        return {
            "growth": clock.measure_growth(plan, advance),
            "threads": clock.measure_threads(plan, processors, advance),
            "memory": {str(n): clock.tree_bytes(n) for n in plan.threads_sizes},
            "footprints": clock.measure_footprints(Path(__file__), plan, results.left_out, advance),
        }


def section_ip(arguments: argparse.Namespace) -> bool:
    """Measure and print the section IP; return whether its bounds are met."""
    import bench_ip
    from suite.sections import print_ip

    if arguments.only:
        return True
    try:
        data = bench_ip.measure(bench_ip.QUICK_ROUNDS if arguments.quick else bench_ip.ROUNDS)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"IP: left out, because its data cannot be downloaded: {error}")
        return True
    if arguments.json:
        bench_ip.write(data, arguments.json.with_name("bench_ip.json"))
    return print_ip(data)


def main() -> int:
    arguments = arguments_of()
    if arguments.footprint:
        from suite.measure import footprint

        name, n = arguments.footprint
        print(footprint(name, int(n)))
        return 0

    from suite import report
    from suite.figures import Figures

    if arguments.docs:
        from suite import plots

        figures = Figures.read(arguments.docs)
        page = ROOT / "docs" / "performance.md"
        page.write_text(report.fill_page(page.read_text(), figures))
        plots.draw_all(figures, ROOT / "docs" / "plots")
        return 0

    data = measure(arguments)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(report.compact_json(data))
    met = report.print_bounds(Figures(data))
    return 0 if met & section_ip(arguments) else 1


if __name__ == "__main__":
    sys.exit(main())
