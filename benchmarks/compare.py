# SPDX-License-Identifier: MIT
"""Compare this build's speed with another's: run the benchmarks on both in turn.

    python benchmarks/compare.py OTHER [core] [fork] [mm] [python] [--rounds N] [--placements]

OTHER is a checkout of another commit. Build both before: `make .venv/.dev bench-core`, then
`.venv/bin/pip install ".[bench]"`. OTHER's builds run the benchmarks of this checkout. For core and
fork, `make build/base/COMMIT/.built` makes such a checkout.
A round measures both builds, one directly after the other. Each figure is the median over the
rounds of the ratio of this build's time to the other's. Prints each benchmark's median ratio and
the figures that are more than 3 % worse, and exits with 1 if there are any.

Where the compiler happens to place a function changes its speed: the same source, compiled with
another alignment of functions, differs by up to 6 % in a figure. With --placements, mm and python
compile both packages once for each of several alignments, and the rounds take them in turn. A
figure is then the ratio of two sums: of the least times with each alignment. (C. Curtsinger and E.
Berger, "Stabilizer: statistically sound performance evaluation", 2013.)
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
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
ALIGNMENTS = [16, 32, 64, 128]  # of functions, in bytes; compilers use 16
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


def place(build: Path, alignment: int, folder: Path) -> Path:
    """Compile a checkout's package with functions aligned to that; return the folder it is in."""
    print(f"compiling {build.name} with functions at multiples of {alignment}", file=sys.stderr)
    tools = build / ".venv/bin"
    environment = os.environ | {
        "CFLAGS": f"-falign-functions={alignment}",
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
    }
    command = [str(tools / "python"), "-m", "pip", "install", "--quiet", "--no-build-isolation",
               "--no-deps", "--target", str(folder), str(build)]  # fmt: skip
    subprocess.run(command, env=environment, check=True)
    return folder


def place_all(build: Path, folder: Path) -> Iterator[Path]:
    """Return the packages to measure, round by round."""
    return itertools.cycle(
        [place(build, alignment, folder / str(alignment)) for alignment in ALIGNMENTS]
    )


def run(benchmark: str, build: Path, packages: Iterator[Path] | None = None) -> Figures:
    words, key = BENCHMARKS[benchmark]
    environment = os.environ | ({"PYTHONPATH": str(next(packages))} if packages else {})
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder, "figures.json")
        script, *options = (word.format(build=build) for word in words)
        # A C program is the build by itself. The others measure the package of its environment.
        python = sys.executable if "--program" in words else str(build / ".venv/bin/python")
        command = [python, str(HERE / script), *options]
        # Ignore the exit status: it says whether bounds are met, which does not matter here.
        subprocess.run(
            [*command, "--json", str(figures)], cwd=ROOT, capture_output=True, env=environment
        )
        return dict(leaves(json.loads(figures.read_text())[key]))


def compare(
    benchmark: str, other: Path, rounds: int, placed: list[Iterator[Path]]
) -> dict[str, float]:
    times: dict[str, list[tuple[float, float]]] = {}
    print(f"{benchmark}:", file=sys.stderr)
    placed = placed if "--program" not in BENCHMARKS[benchmark][0] else []
    this_packages, other_packages = placed or (None, None)
    run_this = partial(run, benchmark, ROOT, this_packages)
    run_other = partial(run, benchmark, other, other_packages)
    for ours, theirs in alternate(run_this, run_other, rounds):
        for name, time in theirs.items():
            if time and name in ours:
                times.setdefault(name, []).append((ours[name], time))
    ratio = ratio_of_least if placed else ratio_of_median
    return {name: ratio(pairs) for name, pairs in times.items()}


def ratio_of_median(pairs: list[tuple[float, float]]) -> float:
    return statistics.median(ours / theirs for ours, theirs in pairs)


def ratio_of_least(pairs: list[tuple[float, float]]) -> float:
    """Take the least times with each alignment; return the ratio of their sums."""
    by_placement = [pairs[at :: len(ALIGNMENTS)] for at in range(len(ALIGNMENTS))]
    ours, theirs = (
        sum(min(pair[side] for pair in some) for some in by_placement if some) for side in (0, 1)
    )
    return ours / theirs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("other", type=Path, help="the folder of the other build's checkout")
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=", ".join(BENCHMARKS))
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each (default 7)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there")
    parser.add_argument(
        "--placements", action="store_true", help="compile the packages for several alignments"
    )
    arguments = parser.parse_intermixed_args()
    if unknown := set(arguments.benchmarks) - set(BENCHMARKS):
        parser.error(f"unknown benchmark: {', '.join(sorted(unknown))}")

    other = arguments.other.resolve()
    with tempfile.TemporaryDirectory() as folder:
        builds = [(ROOT, Path(folder, "this")), (other, Path(folder, "other"))]
        placed = [place_all(*build) for build in builds] if arguments.placements else []
        return print_all(arguments, other, placed)


def print_all(arguments: argparse.Namespace, other: Path, placed: list[Iterator[Path]]) -> int:
    """Compare and print all benchmarks; return the exit status."""
    worse = 0
    table = {}
    for benchmark in arguments.benchmarks or BENCHMARKS:
        ratios = compare(benchmark, other, arguments.rounds, placed)
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
