# SPDX-License-Identifier: MIT
"""`samara fork`: fork an address space by three methods, beside the published figures."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from samara.cli.arguments import CommandParser, parse_count, parse_seconds, parse_vma_counts
from samara.cli.document import add_json_argument, print_document
from samara.cli.errors import WorkError
from samara.cli.example import example_process
from samara.cli.machine import machine
from samara.cli.measure import METHODS, TURNS, Measured, measure, verify_children
from samara.cli.progress import Step, progress
from samara.cli.series import Published, nearest, published
from samara.cli.source import file_name, open_file, open_process
from samara.cli.table import print_table
from samara.cli.units import format_count, format_times
from samara.mm import AddressSpace, synthetic

_DESCRIPTION = """\
Fork a memory map by three methods and print how many forks each makes in ten
seconds. A fork includes the child's exit. Before that, check that the three
children are equal VMA by VMA and that the parent is unchanged.

  insert  store a copy of each VMA in a new tree: Linux before __mt_dup()
  dup     duplicate the tree, then replace each VMA by its copy: Linux today
  cow     fork the tree in O(1), copy on write: only VMAs that fork changes are
          touched

The kernel patch series that samara implements changed Linux from insert to dup
("Introduce __mt_dup() to improve the performance of fork()", 2023). The columns
"series" show its published figures. A VMA is one line of /proc/PID/maps;
[vsyscall] is not counted.
"""
_EPILOG = """\
exit status: 0; 1 no such process, no permission, or children that differ;
2 bad arguments or bad input; 130 after Ctrl-C
"""
_NOTE = """\
insert: store each VMA in a new tree. dup: duplicate the tree, then replace each
VMA. cow: fork the tree, O(1). A fork includes the child's exit. gain: 2.1x is
2.1 times as many forks as by insert. The three children were equal VMA by VMA,
the parent was unchanged, and nothing leaked. series: the published figures of
the kernel patch series that samara implements. They count fork() calls of whole
processes, with page tables and scheduling: compare the gains, not the counts.
"""
_HEADERS = [
    "VMAs",
    *METHODS,
    "dup\ngain",
    "cow\ngain",
    "series\nbefore",
    "series\nafter",
    "series\ngain",
]


def add_parser(subparsers: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "fork",
        help="measure how fast a memory map forks, by three methods",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--pid",
        type=partial(parse_count, what="the process id"),
        help="fork the map of this process (default: of a Python interpreter, started for it)",
    )
    source.add_argument(
        "--maps",
        metavar="FILE",
        help="fork the map in a file in the format of /proc/PID/maps or smaps; - is standard input",
    )
    source.add_argument(
        "--vmas",
        metavar="N,N,...",
        nargs="?",
        type=parse_vma_counts,
        const=[row.vmas for row in published()],
        help="fork made-up maps of N VMAs (without a list: the sizes of the published table)",
    )
    parser.add_argument(
        "--seconds",
        type=parse_seconds,
        default=0.3,
        metavar="S",
        help="measure each method for S seconds at each size (default: %(default)s)",
    )
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    builds: dict[int, Callable[[], AddressSpace]]
    on_axis = arguments.vmas is not None
    if on_axis:
        source = "made-up address spaces"
        builds = {count: partial(synthetic, count) for count in arguments.vmas}
    else:
        source, space = _real(arguments)
        builds = {len(space): lambda: space}
    results = _fork_all(builds, arguments.seconds)
    table = published()
    series = [nearest(result.vmas, table, exact=on_axis) for result in results]
    if arguments.json:
        print_document("fork", _fields(source, arguments.seconds, results, series))
    else:
        _print(source, results, series)
    return 0


def _real(arguments: argparse.Namespace) -> tuple[str, AddressSpace]:
    if arguments.maps is not None:
        return file_name(arguments.maps), open_file(arguments.maps).space
    if arguments.pid is not None:
        return _process(arguments.pid)
    with example_process() as pid:
        return _process(pid)


def _process(pid: int) -> tuple[str, AddressSpace]:
    space = open_process(pid).space
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            name = file.read().strip()
    except OSError:
        name = "has ended"
    return f"process {pid} ({name})", space


def _fork_all(builds: Mapping[int, Callable[[], AddressSpace]], seconds: float) -> list[Measured]:
    steps = 2 + TURNS
    with progress(steps * len(builds)) as show:
        return [
            _fork_one(
                count, build, seconds, partial(_step, show, itertools.count(number * steps), count)
            )
            for number, (count, build) in enumerate(builds.items())
        ]


def _step(show: Step, done: Iterator[int], count: int, text: str) -> None:
    show(next(done), f"{format_count(count, 'VMA')}: {text}")


def _fork_one(
    count: int, build: Callable[[], AddressSpace], seconds: float, step: Callable[[str], None]
) -> Measured:
    step("building")
    space = build()
    step("comparing the children")
    wrong = verify_children(space)
    if wrong is not None:
        raise WorkError(f"{format_count(count, 'VMA')}: {wrong}")
    measured = measure(space, seconds, lambda method: step(f"fork by {method}"))
    space.exit()
    return measured


def _fields(
    source: str, seconds: float, results: list[Measured], series: list[Published | None]
) -> dict[str, object]:
    return {
        "source": source,
        "machine": machine(),
        "seconds_per_measurement": seconds,
        "rows": [
            {
                "vmas": result.vmas,
                "changed_by_fork": result.changed,
                "children_equal": True,
                "microseconds": {method: result.seconds[method] * 1e6 for method in METHODS},
                "forks_per_10s": {method: result.forks(method) for method in METHODS},
                "speedup": {
                    method: result.speedup(method) for method in METHODS if method != "insert"
                },
                "series": row and row._asdict(),
            }
            for result, row in zip(results, series, strict=True)
        ],
    }


def _print(source: str, results: list[Measured], series: list[Published | None]) -> None:
    print(f"{source}: forks in ten seconds\n")
    print_table(
        _HEADERS,
        [
            [
                str(result.vmas),
                *(f"{result.forks(method):.0f}" for method in METHODS),
                f"{format_times(result.speedup('dup'))}x",
                f"{format_times(result.speedup('cow'))}x",
                *_series_texts(row),
            ]
            for result, row in zip(results, series, strict=True)
        ],
    )
    print()
    print(_NOTE, end="")
    changed = sum(result.changed for result in results)
    if changed:
        print(f"{format_count(changed, 'VMA')} left out or changed by fork.")
    for result, row in zip(results, series, strict=True):
        if row is not None and row.vmas != result.vmas:
            print(f"The published figures are for {row.vmas} VMAs, the nearest size.")


def _series_texts(row: Published | None) -> list[str]:
    if row is None:
        return ["-", "-", "-"]
    return [str(row.insert), str(row.dup), f"{format_times(row.dup / row.insert)}x"]
