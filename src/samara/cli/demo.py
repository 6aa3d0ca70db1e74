# SPDX-License-Identifier: MIT
"""`samara demo`: what the package can do, in a few seconds and 22 lines."""

from __future__ import annotations

import argparse
import os
from typing import Any

import samara
from samara.cli.arguments import CommandParser, parse_seconds
from samara.cli.bars import Bar, print_bars
from samara.cli.errors import WorkError
from samara.cli.example import example_process
from samara.cli.measure import METHODS, TURNS, Measured, measure, verify_children
from samara.cli.progress import progress
from samara.cli.source import open_process
from samara.cli.units import format_count, format_times
from samara.mm import AddressSpace, ForkMethod, synthetic

_DESCRIPTION = """\
Show a range map at work. Then fork the memory map of a real process by three
methods, and draw how fast each is.
"""
_EPILOG = """\
exit status: 0; 1 the process cannot be read, or the children of its forks
differ; 2 bad arguments; 130 after Ctrl-C
"""
# Each line runs, and what it gives is printed below it.
_LINES = (
    ("room = MapleTree()", "hours of a day and who has the room"),
    ('room[9:12] = "Ann"', "a half-open range, like a slice"),
    ('room[14:17] = "Bob"', ""),
    ("room[10], room.get(12)", ""),
    ("room.empty_area(2, 9, 17)", "where are two free hours?"),
    ("plan = room.fork()", "O(1), however large the tree is"),
    ('plan[11:15] = "Cy"', "cuts both; room stays as it is"),
    ("plan", ""),
)
_WITHOUT_PROC = 150  # VMAs of the made-up process if there is no /proc
_BAR = 30  # columns of the longest bar
_METHODS: dict[ForkMethod, str] = {
    "insert": "one VMA at a time",
    "dup": "the whole tree",
    "cow": "copy on write",
}


def add_parser(subparsers: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "demo",
        help="show what this package can do, in a few seconds",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seconds",
        type=parse_seconds,
        default=0.5,
        metavar="S",
        help="measure each method for S seconds (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    print("A range map holds one value for all keys of a range:")
    _show_range_map()
    who, space = _real_process()
    wrong = verify_children(space)
    if wrong is not None:
        raise WorkError(wrong)
    with progress(TURNS) as show:
        turns = iter(range(TURNS))
        measured = measure(
            space, arguments.seconds, lambda method: show(next(turns), f"fork by {method}")
        )
    ranges = format_count(measured.vmas, "range")
    print("\nThe memory map of a process is a range map too, and fork() copies it. This is")
    print(f"that of {who}, {ranges}. Forks per second, by three methods:")
    print_bars(_bars(measured), _BAR)
    print("\nTry next:")
    print("  samara fork --vmas                   larger maps: the gain grows with the size")
    print("  samara maps PID                      the memory map of a process of yours")
    print("  samara --help                        all commands")
    print("  python -m pydoc samara.MapleTree     the tree, with examples")
    return 0


def _show_range_map() -> None:
    names: dict[str, Any] = {"MapleTree": samara.MapleTree}
    for line, comment in _LINES:
        print(f"  >>> {line:28}{f'# {comment}' if comment else ''}".rstrip())
        try:
            code = compile(line, "<demo>", "eval")
        except SyntaxError:
            exec(line, names)
        else:
            print(f"  {eval(code, names)!r}")


def _real_process() -> tuple[str, AddressSpace]:
    """Return what to call a process, and its address space; a made-up one if there is no /proc."""
    if not os.path.exists("/proc/self/maps"):
        return "a made-up process", synthetic(_WITHOUT_PROC)
    with example_process() as pid:
        return "a Python process", open_process(pid).space


def _bars(measured: Measured) -> list[Bar]:
    bars = []
    for method in METHODS:
        forks = measured.forks(method) / 10
        times = "" if method == "insert" else f", {format_times(measured.speedup(method))} times"
        bars.append(Bar(f"{method:6}  {_METHODS[method]}", forks, f"{forks:,.0f}{times}"))
    return bars
