# SPDX-License-Identifier: MIT
"""`samara replay`: replay a recorded run on the model, and check it against the kernel's maps."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from samara.cli.arguments import CommandParser, parse_count
from samara.cli.document import add_json_argument, print_document
from samara.cli.errors import InputError
from samara.cli.plot import add_plot_argument, check_can_plot, draw, drawable
from samara.cli.source import file_name
from samara.cli.streams import standard_input
from samara.cli.table import print_table
from samara.cli.units import format_count, format_size
from samara.mm import ReplayMismatch, Step, Trace, read_trace, replay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROWS = 20  # of the table, unless the user asks for others
_HEADERS = ("step", "VMAs", "mapped", "call")
_DIFFERENT = 1  # exit status
_DESCRIPTION = """\
Make the memory calls of a recorded run on samara's model of an address space,
and compare its VMAs with the kernel's after every step. (A VMA is one line of
/proc/PID/maps.) Print the number of VMAs and the mapped size over time. Stop at
the first step after which model and recording differ, and show how.
"""
_EPILOG = """\
exit status: 0; 1 model and recording differ; 2 bad arguments, or TRACE cannot
be read or is not a recording
"""


class Moment(NamedTuple):
    """The address space after a step. Size in bytes."""

    step: int
    call: str
    vmas: int
    size: int


def add_parser(subparsers: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "replay",
        help="replay a recorded run, and check the model against the kernel",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "trace",
        metavar="TRACE",
        help="a file that samara record wrote; - is standard input",
    )
    parser.add_argument(
        "--placement",
        choices=("recorded", "own"),
        default="recorded",
        help=(
            "put mappings where the kernel put them, or where the model would "
            "(default: %(default)s)"
        ),
    )
    table = parser.add_mutually_exclusive_group()
    table.add_argument(
        "--rows",
        type=partial(parse_count, what="the number of rows"),
        default=_ROWS,
        metavar="N",
        help="show at most N steps, evenly spread over the run (default: %(default)s)",
    )
    table.add_argument("--all", action="store_true", help="show every step")
    add_plot_argument(parser, "the number of VMAs and the mapped size over the run")
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    check_can_plot(arguments.plot)
    trace = _read(arguments.trace)
    history: list[Moment] = []
    mismatch = refused = None
    try:
        for number, (step, mm) in enumerate(replay(trace, arguments.placement)):
            history.append(Moment(number, step["call"], len(mm), mm.size))
    except ReplayMismatch as error:
        mismatch = error
    except ValueError as error:
        refused = error
    if arguments.plot and history:
        title = f"{trace.get('program', '?')}, {trace.get('kernel', '?')}"
        draw(arguments.plot, 6.4, 4.2, lambda figure: _plot(figure, history, mismatch, title))
    if refused is not None:
        raise InputError(f"{file_name(arguments.trace)}: {refused}")
    if arguments.json:
        source = file_name(arguments.trace)
        print_document("replay", {"source": source, **_fields(trace, history, mismatch)})
    else:
        _print(trace, history, mismatch, len(history) if arguments.all else arguments.rows)
    return _DIFFERENT if mismatch else 0


def _read(path: str) -> Trace:
    source = file_name(path)
    if path == "-":
        standard_input()
        path = "/dev/stdin"
    try:
        return read_trace(path)
    except OSError as error:
        raise InputError(f"{source}: {error.strerror}") from None
    except ValueError as error:
        # Some of its messages begin with the path.
        raise InputError(f"{source}: {str(error).removeprefix(f'{path!r} is ')}") from None


def _fields(
    trace: Trace, history: Sequence[Moment], mismatch: ReplayMismatch | None
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "program": trace.get("program", ""),
        "kernel": trace.get("kernel", ""),
        "steps": len(trace["steps"]),
        "steps_listed": [moment._asdict() for moment in history],
        "mismatch": None,
    }
    if mismatch is not None:
        document["mismatch"] = {
            "step": mismatch.number,
            "call": mismatch.step["call"],
            "args": mismatch.step.get("args", []),
            "problem": mismatch.problem,
            "only_kernel": mismatch.missing,
            "only_model": mismatch.unexpected,
        }
    return document


def _print(
    trace: Trace, history: Sequence[Moment], mismatch: ReplayMismatch | None, most: int
) -> None:
    steps = format_count(len(trace["steps"]), "step")
    shown = _spread(len(history), most)
    if len(shown) < len(history):
        steps += f"; the table shows {len(shown):,} of {len(history):,}, --all shows each"
    print(f"{trace.get('program', '?')}, {trace.get('kernel', '?')}: {steps}\n")
    rows = [
        [str(number), f"{vmas:,}", format_size(size), call]
        for number, call, vmas, size in (history[index] for index in shown)
    ]
    print_table(_HEADERS, rows, text_last=True)
    print()
    if mismatch is None:
        print("no step differs")
        return
    print(f"model and recording differ at {mismatch}")
    print(_call(mismatch.step))
    for mark, only in (("kernel", mismatch.missing), ("model ", mismatch.unexpected)):
        for start, end, perms, offset, dev, inode, path in only:
            print(f"  only the {mark} {start:x}-{end:x} {perms} {offset:08x} {dev} {inode} {path}")


def _spread(length: int, most: int) -> list[int]:
    """Return at most `most` indices of a sequence, evenly spread; the last is always one of them.

    >>> _spread(5, 9), _spread(9, 3), _spread(9, 1), _spread(0, 3)
    ([0, 1, 2, 3, 4], [0, 4, 8], [8], [])
    """
    if length <= most:
        return list(range(length))
    if most == 1:
        return [length - 1]
    return [round((length - 1) * part / (most - 1)) for part in range(most)]


def _call(step: Step) -> str:
    return f"  {step['call']}({', '.join(map(hex, step.get('args', [])))})"


def _plot(
    figure: Figure, history: Sequence[Moment], mismatch: ReplayMismatch | None, title: str
) -> None:
    count, size = figure.subplots(2, sharex=True)
    steps = [moment.step for moment in history]
    count.step(steps, [moment.vmas for moment in history], color="#0072b2", where="post")
    count.set_ylabel("VMAs")
    mapped = [moment.size / (1 << 20) for moment in history]
    size.step(steps, mapped, color="#009e73", where="post")
    size.set(ylabel="MiB mapped", xlabel="step", ylim=(0, None))
    for axes in (count, size):
        axes.grid(True, alpha=0.3)
        if mismatch is not None:
            axes.axvline(mismatch.number, color="#d55e00")
    if mismatch is not None:
        title += f": differs from the recording at step {mismatch.number}"
    count.set_title(drawable(title))
