# SPDX-License-Identifier: MIT
"""`samara spawn`: the published fork benchmark, on this machine's kernel."""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from samara.cli.arguments import CommandParser, parse_seconds, parse_vma_counts
from samara.cli.document import add_json_argument, print_document
from samara.cli.errors import InputError, WorkError
from samara.cli.machine import machine, max_map_count
from samara.cli.plot import add_plot_argument, check_can_plot, draw
from samara.cli.progress import Step, progress
from samara.cli.series import Published, nearest, published
from samara.cli.table import print_table
from samara.cli.units import format_count, format_times

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROGRAM = Path(__file__).with_name("spawn-loop")
_ROUNDS = 5
_PERIOD = 10.0  # seconds, as in the published table
_DESCRIPTION = """\
Measure how many fork() calls this machine's kernel makes in ten seconds, for a
process with N VMAs (a VMA is one line of /proc/PID/maps). A C program calls
fork, _exit and wait in a loop, on one core. It maps single pages that cannot
merge, and never touches them, so what is measured is the copying of VMAs.

The columns "series" show the published figures of the kernel patch series that
samara implements, before and after it. It added __mt_dup() to Linux.
"""
_EPILOG = """\
exit status: 0; 1 the kernel refuses, or the package was installed without its
extension and so without the C program; 2 bad arguments; 130 after Ctrl-C
"""
_HEADERS = (
    "VMAs",
    "forks\nin 10 s",
    "spread",
    "µs\na fork",
    "series\nbefore",
    "series\nafter",
    "ours to\nafter",
)


class Spawned(NamedTuple):
    """Forks in ten seconds of a process with `vmas` VMAs, one figure for each round."""

    vmas: int
    rounds: list[float]

    @property
    def forks(self) -> float:
        """The median of the rounds."""
        return median(self.rounds)

    @property
    def spread(self) -> float:
        """How far apart the rounds are: the largest minus the smallest, divided by the median."""
        return (max(self.rounds) - min(self.rounds)) / self.forks


def add_parser(subparsers: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "spawn",
        help="measure how fast this machine's kernel forks, by number of VMAs",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--vmas",
        metavar="N,N,...",
        type=parse_vma_counts,
        help="measure with N VMAs (default: the sizes of the published table)",
    )
    parser.add_argument(
        "--seconds",
        type=parse_seconds,
        default=1.0,
        metavar="S",
        help=f"measure each size for S seconds, in {_ROUNDS} rounds (default: %(default)s)",
    )
    add_plot_argument(parser, "forks by number of VMAs, and the published figures,")
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    check_can_plot(arguments.plot)
    most = max_map_count()
    wanted = arguments.vmas or [row.vmas for row in published()]
    sizes = [vmas for vmas in wanted if vmas <= most]
    above = [vmas for vmas in wanted if vmas > most]
    if not sizes:
        raise InputError(
            f"the number of VMAs must be at most {most:,} (vm.max_map_count), not {min(above):,}"
        )
    results = _spawn_all(sizes, arguments.seconds)
    series = [nearest(result.vmas, published(), exact=True) for result in results]
    if arguments.plot:
        draw(arguments.plot, 6.4, 4.2, lambda figure: _plot(figure, results))
    if arguments.json:
        print_document("spawn", _fields(arguments.seconds, most, above, results, series))
    else:
        _print(most, above, results, series)
    return 0


def _spawn_all(sizes: Sequence[int], seconds: float) -> list[Spawned]:
    with progress(len(sizes) * _ROUNDS) as show:
        return [
            Spawned(vmas, list(_rounds(vmas, seconds, show, number * _ROUNDS)))
            for number, vmas in enumerate(sizes)
        ]


def _rounds(vmas: int, seconds: float, show: Step, done: int) -> Iterator[float]:
    may_run_on = getattr(os, "sched_getaffinity", lambda _: {0})  # PyPy has none
    cpu = max(may_run_on(0))
    command: list[str | Path] = [PROGRAM, *map(str, (cpu, vmas, seconds / _ROUNDS, _ROUNDS))]
    text = format_count(vmas, "VMA")
    show(done, text)
    try:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    except FileNotFoundError:
        raise WorkError(
            "the C program is missing: samara was installed without its extension"
        ) from None
    with process:
        assert process.stdout is not None and process.stderr is not None
        try:
            for number, line in enumerate(process.stdout, done + 1):
                forks, took = line.split("\t")
                show(number, text)
                yield int(forks) / float(took) * _PERIOD
        except BaseException:  # Ctrl-C, or the caller does not want the rest
            process.kill()
            raise
        problem = process.stderr.read().strip()
    if process.returncode:
        problem = problem.removeprefix(f"{PROGRAM.name}: ") or f"status {process.returncode}"
        raise WorkError(f"{text}: {problem}")


def _fields(
    seconds: float,
    most: int,
    above: Sequence[int],
    results: Sequence[Spawned],
    series: Sequence[Published | None],
) -> dict[str, object]:
    return {
        "machine": machine(),
        "seconds_per_measurement": seconds,
        "max_map_count": most,
        "left_out": list(above),
        "rows": [
            {
                "vmas": result.vmas,
                "forks_per_10s": result.forks,
                "rounds": result.rounds,
                "series": None if row is None else row._asdict(),
            }
            for result, row in zip(results, series, strict=True)
        ],
    }


def _print(
    most: int,
    above: Sequence[int],
    results: Sequence[Spawned],
    series: Sequence[Published | None],
) -> None:
    about = machine()
    print(f"fork() of a real process on {about['system']}, {about['processor']}, one core\n")
    print_table(_HEADERS, [_row(*pair) for pair in zip(results, series, strict=True)])
    print(
        "\nEach child exits at once and is waited for. spread: the fastest round minus the"
        "\nslowest, divided by the median. series: published with __mt_dup(), measured on"
        "\nanother machine: compare how the numbers fall, not the counts."
    )
    if above:
        left_out = ", ".join(map(str, above))
        print(f"Not measured, because vm.max_map_count is {most}: {left_out} VMAs.")


def _row(result: Spawned, published: Published | None) -> list[str]:
    own = [
        str(result.vmas),
        f"{result.forks:.0f}",
        f"{result.spread:.0%}",
        f"{_PERIOD / result.forks * 1e6:.1f}",
    ]
    if published is None:
        return [*own, "-", "-", "-"]
    ratio = result.forks / published.dup
    return [*own, str(published.insert), str(published.dup), f"{format_times(ratio)}x"]


def _plot(figure: Figure, results: Sequence[Spawned]) -> None:
    axes = figure.add_subplot()
    table = published()
    own = sorted(results)
    lines: tuple[tuple[str, str, str, list[tuple[int, float]]], ...] = (
        ("series, before", "#56b4e9", "--", [(row.vmas, row.insert) for row in table]),
        ("series, after", "#0072b2", "--", [(row.vmas, row.dup) for row in table]),
        ("this machine", "#d55e00", "-", [(result.vmas, result.forks) for result in own]),
    )
    for label, colour, style, points in lines:
        vmas, forks = zip(*points, strict=True)
        axes.plot(vmas, forks, style, color=colour, label=label, marker="o", markersize=3)
    axes.fill_between(
        [result.vmas for result in own],
        [min(result.rounds) for result in own],
        [max(result.rounds) for result in own],
        color="#d55e00",
        alpha=0.2,
        linewidth=0,
    )
    axes.set(xscale="log", yscale="log", xlabel="VMAs of the process")
    axes.set_ylabel("fork() calls in ten seconds")
    for axis in (axes.xaxis, axes.yaxis):  # their own texts would be powers, in TeX
        axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_title(f"fork, _exit and wait on {machine()['system']}, one core")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(frameon=False)
