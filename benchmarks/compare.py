# SPDX-License-Identifier: MIT
"""Compare this build's speed with another's: run the benchmarks on both in turn.

    python benchmarks/compare.py OTHER [core] [fork] [mm] [python] [--rounds N]

OTHER is a checkout of another commit. Build both before: `make .venv/.dev bench-core`, then
`.venv/bin/pip install ".[bench]"`. OTHER's builds run the benchmarks of this checkout. For core and
fork, `make build/base/COMMIT/.built` makes such a checkout.
A round measures both builds, one directly after the other. Each figure is the median over the
rounds of the ratio of this build's time to the other's. Prints each benchmark's median ratio and
the figures that are more than 3 % worse, and exits with 1 if there are any.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench_run import alternate

HERE = Path(__file__).parent
ROOT = HERE.parent
MOST = 1.03
Figures = dict[str, float]

# For each benchmark: its command, and where its JSON has the times.
BENCHMARKS = {
    "core": (["bench_core.py", "--quick", "--program", "{build}/build/release/bench_core"],
             "nanoseconds"),
    "fork": (["bench_fork.py", "--quick", "--program", "{build}/build/release/bench_fork"],
             "microseconds"),
    "mm": (["bench_mm.py"], "microseconds"),
    "python": (["bench.py", "--quick", "--only", "samara"], "samples"),
}  # fmt: skip


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield each number in a value: the median of a list, the first of (samara, its peer)."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, f"{name} {key}".strip())
    elif isinstance(value, list):
        numbers = [one for one in value if isinstance(one, int | float)]
        if numbers:
            yield name, numbers[0] if len(value) == 2 else statistics.median(numbers)
    elif isinstance(value, int | float):
        yield name, value


def run(benchmark: str, build: Path) -> Figures:
    words, key = BENCHMARKS[benchmark]
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder, "figures.json")
        script, *options = (word.format(build=build) for word in words)
        # A C program is the build by itself. The others measure the package of its environment.
        python = sys.executable if "--program" in words else str(build / ".venv/bin/python")
        command = [python, str(HERE / script), *options]
        # Ignore the exit status: it says whether bounds are met, which does not matter here.
        subprocess.run([*command, "--json", str(figures)], cwd=ROOT, capture_output=True)
        return dict(leaves(json.loads(figures.read_text())[key]))


def compare(benchmark: str, other: Path, rounds: int) -> dict[str, float]:
    ratios: dict[str, list[float]] = {}
    print(f"{benchmark}:", file=sys.stderr)
    for ours, theirs in alternate(
        partial(run, benchmark, ROOT), partial(run, benchmark, other), rounds
    ):
        for name, time in theirs.items():
            if time and name in ours:
                ratios.setdefault(name, []).append(ours[name] / time)
    return {name: statistics.median(values) for name, values in ratios.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("other", type=Path, help="the folder of the other build's checkout")
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=", ".join(BENCHMARKS))
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each (default 7)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there")
    arguments = parser.parse_intermixed_args()
    if unknown := set(arguments.benchmarks) - set(BENCHMARKS):
        parser.error(f"unknown benchmark: {', '.join(sorted(unknown))}")

    worse = 0
    table = {}
    for benchmark in arguments.benchmarks or BENCHMARKS:
        ratios = compare(benchmark, arguments.other.resolve(), arguments.rounds)
        table[benchmark] = ratios
        slower = {name: ratio for name, ratio in ratios.items() if ratio > MOST}
        worse += len(slower)
        middle = statistics.median(ratios.values())
        print(f"{benchmark}: {len(ratios)} figures, median ratio {middle:.3f}, "
              f"{len(slower)} worse by more than 3 %")  # fmt: skip
        for name, ratio in sorted(slower.items(), key=lambda row: -row[1]):
            print(f"  {ratio:.3f}  {name}")
    if arguments.json:
        arguments.json.write_text(json.dumps(table, indent=1) + "\n")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
