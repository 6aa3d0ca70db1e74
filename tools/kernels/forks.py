# SPDX-License-Identifier: MIT
"""Count the instructions of a fork() on kernels before and after __mt_dup().

Boots Debian's cloud kernels in QEMU and runs the C program of `samara spawn` in each, over the
sizes of the table that was published with the patch series. QEMU's `-icount` makes the guest's
clock count instructions. So the figures do not depend on the machine, and two runs agree.

samara's core is counted in the same way: bench_fork runs in the last guest.

Exits with 1 if a bound is not met.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from guest import ROOT, Guest, Kernel, compile_c, fetch, qemu_version

from samara.cli.plot import draw
from samara.cli.progress import Step, progress
from samara.cli.series import published
from samara.cli.table import print_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES = [row.vmas for row in published()]
SECONDS, ROUNDS = 0.1, 3  # of the guest's time; the first round is for warming up
# Addresses are the same in each run. With random ones, some figures change by a tenth.
BOOT = "nokaslr norandmaps randomize_kstack_offset=off"
SETTLE = 10  # seconds of the guest's time until the work after booting is done
# Methods of benchmarks/bench_fork.c, by samara's name for the method.
METHODS = {"insert": "insert", "dup": "dup_replace", "cow": "fork_store"}
SMALLEST, LARGEST = 10.0, 25.0  # bounds of the gain in percent
Counts = dict[int, float]  # instructions of a fork, by VMAs


def job(with_samara: bool) -> str:
    """Return the script that the guest runs."""
    clock = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
    sizes = " ".join(map(str, SIZES))
    lines = [
        f"sleep {SETTLE}",
        f"echo clock $(cat {clock})",
        f"echo {2 * max(SIZES)} > /proc/sys/vm/max_map_count",
        f"for vmas in {sizes}; do",
        '  echo "vmas $vmas"',
        # The serial line is quiet while forks are counted.
        f"  spawn-loop 0 $vmas {SECONDS} {ROUNDS} >/tmp/rounds || exit",
        "  cat /tmp/rounds",
        "done",
    ]
    if with_samara:
        lines.append(f"bench-fork 0 1 1 {sizes}")
    return "\n".join(lines)


def count(
    kernel: Kernel, programs: dict[str, Path], with_samara: bool, show: Step, done: int
) -> tuple[Counts, dict[str, Counts], str]:
    """Boot a kernel; return its counts, samara's by method, and the guest's clock."""
    forks: Counts = {}
    samara: dict[str, Counts] = defaultdict(dict)
    rounds: list[list[float]] = []
    clock, vmas = "", 0
    show(done, f"{kernel.series}: booting")
    files = {f"bin/{name}": path for name, path in programs.items()}
    with Guest(kernel, job(with_samara), files, append=BOOT) as guest:
        for line in guest.lines():
            words = line.split()
            match words:
                case ["clock", name]:
                    clock = name
                case ["vmas", number]:
                    vmas, rounds = int(number), []
                    show(done, f"{kernel.series}: {vmas:,} VMAs")
                case [_, _] if vmas:
                    rounds.append([float(word) for word in words])
                    if len(rounds) == ROUNDS:
                        made, took = (sum(column) for column in zip(*rounds[1:], strict=True))
                        forks[vmas] = took / made * 1e9
                        done += 1
                case [number, _nodes, method, _run, _repetitions, time]:
                    samara[method][int(number)] = float(time) * 1e3
    return forks, samara, clock


def gain(before: float, after: float) -> float:
    """Return how many more forks the same number of instructions makes, in percent.

    >>> gain(300.0, 200.0)
    50.0
    """
    return (before / after - 1) * 100


def thousands(value: float) -> str:
    return f"{value / 1e3:,.0f}" if value >= 1e5 else f"{value / 1e3:,.1f}"


def show_table(kernels: Sequence[Kernel], forks: list[Counts], samara: dict[str, Counts]) -> None:
    names = [kernel.series for kernel in kernels]
    headers = ["VMAs", *names, *(f"gain\n{name}" for name in names[1:]), "gain\nseries"]
    headers += [f"samara\n{method}" for method in METHODS]
    rows = []
    for row in published():
        counts = [of_kernel[row.vmas] for of_kernel in forks]
        gains = [f"{gain(counts[0], after):.1f} %" for after in counts[1:]]
        cells = [f"{row.vmas:,}", *map(thousands, counts), *gains, f"{row.gain_percent:.1f} %"]
        own = [thousands(samara[name][row.vmas]) for name in METHODS.values()]
        rows.append(cells + own)
    print("thousands of instructions for each fork(), _exit() and wait()\n")
    print_table(headers, rows)
    print(
        f"\ngain: more forks than {names[0]} makes with the same instructions. series: published"
        "\nin forks per ten seconds. samara: the work on the tree alone, destroy included."
    )


def plot(figure: Figure, kernels: Sequence[Kernel], forks: list[Counts]) -> None:
    left, right = figure.subplots(1, 2)
    for kernel, counts in zip(kernels, forks, strict=True):
        label = f"Linux {kernel.series}"
        left.plot(SIZES, [counts[n] / 1e3 for n in SIZES], marker="o", markersize=3, label=label)
    left.set(xscale="log", yscale="log", xlabel="VMAs", ylabel="thousands of instructions per fork")
    series = [row.gain_percent for row in published()]
    right.plot(SIZES, series, "--", marker="o", markersize=3, color="#56b4e9", label="series")
    for kernel, counts in zip(kernels[1:], forks[1:], strict=True):
        gains = [gain(forks[0][n], counts[n]) for n in SIZES]
        label = f"Linux {kernel.series} against {kernels[0].series}"
        right.plot(SIZES, gains, marker="o", markersize=3, label=label)
    right.set(xscale="log", xlabel="VMAs", ylabel="gain in forks, percent")
    for axes in (left, right):
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.grid(True, which="major", alpha=0.3)
        axes.legend(frameon=False)


def check(kernels: Sequence[Kernel], forks: list[Counts]) -> bool:
    """Print whether the gains of the second kernel rise as the published ones do."""
    gains = [gain(forks[0][n], forks[1][n]) for n in SIZES]
    bounds: Iterable[tuple[str, float, bool]] = (
        (f"gain at {SIZES[0]:,} VMAs < {SMALLEST:g} %", gains[0], gains[0] < SMALLEST),
        (f"gain at {SIZES[-1]:,} VMAs > {LARGEST:g} %", gains[-1], gains[-1] > LARGEST),
    )
    print()
    for text, value, met in bounds:
        print(f"{'PASS' if met else 'FAIL'}  {text}: {value:.1f} %")
    return all(met for _, _, met in bounds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "suites",
        nargs="+",
        metavar="SUITE",
        help="a Debian release, whose newest cloud kernel is used; gains are over the first",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them there")
    arguments = parser.parse_args()
    if len(arguments.suites) < 2:
        parser.error("two kernels or more are needed for a gain")
    kernels = [fetch(suite) for suite in arguments.suites]
    core = ROOT / "core"
    sources = [*sorted((core / "src").glob("*.c")), *benchmarks("bench_fork.c", "bench.c")]
    programs = {
        "spawn-loop": compile_c("spawn-loop", ROOT / "programs" / "spawn.c"),
        "bench-fork": compile_c("bench-fork", f"-I{core / 'include'}", "-pthread", *sources),
    }
    forks: list[Counts] = []
    samara: dict[str, Counts] = {}
    clocks: list[str] = []
    with progress(len(kernels) * len(SIZES)) as show:
        for number, kernel in enumerate(kernels):
            last = kernel is kernels[-1]
            counts, samara, clock = count(kernel, programs, last, show, number * len(SIZES))
            forks.append(counts)
            clocks.append(clock)
    show_table(kernels, forks, samara)
    met = check(kernels, forks)
    if arguments.json:
        figures = {
            "command": ["python", *sys.argv],
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "unit": "instructions",
            "qemu": qemu_version(),
            "boot": BOOT,
            "seconds_per_round": SECONDS,
            "rounds": ROUNDS - 1,
            "kernels": [
                {"suite": kernel.suite, "version": kernel.version, "clock": clock, "fork": counts}
                for kernel, clock, counts in zip(kernels, clocks, forks, strict=True)
            ],
            "samara": samara,
            "series_gain_percent": {row.vmas: row.gain_percent for row in published()},
        }
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    if arguments.plot:
        draw(arguments.plot, 7.2, 3.4, lambda figure: plot(figure, kernels, forks))
    return 0 if met else 1


def benchmarks(*names: str) -> list[Path]:
    return [ROOT / "benchmarks" / name for name in names]


if __name__ == "__main__":
    sys.exit(main())
