# SPDX-License-Identifier: MIT
"""`samara replay`: a recorded run from start to end, held to the kernel's maps."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from samara.cli.errors import InputError
from samara.cli.plot import add_plot_argument, check_can_plot, draw, drawable
from samara.cli.source import file_name
from samara.cli.streams import standard_input
from samara.cli.table import print_table
from samara.cli.units import format_count, format_size
from samara.mm import ReplayMismatch, Step, Trace, read_trace, replay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROWS = 20  # of the table, spread over the run
_HEADERS = ("step", "VMAs", "mapped", "call")
_DIFFERENT = 1


class Moment(NamedTuple):
    """The address space after a step. Size in bytes."""

    step: int
    call: str
    vmas: int
    size: int


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "replay",
        help="replay a recorded run and hold the model to the kernel's maps",
        description=(
            "Make the memory calls of a recorded run on the model, compare its VMAs with the "
            "kernel's after every step, and print VMA count and mapped size over time. Stops at "
            "the first step where model and recording part, and shows it."
        ),
        epilog="exit status: 0; 1 model and recording part; 2 bad arguments or no trace",
    )
    parser.add_argument(
        "trace",
        metavar="TRACE",
        help="a file of samara record, or *.mm.json.gz; - is standard input",
    )
    parser.add_argument(
        "--placement",
        choices=("recorded", "own"),
        default="recorded",
        help="where the kernel put a mapping, or where the model would (default: %(default)s)",
    )
    add_plot_argument(parser, "VMA count and mapped size over the run")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; the exit status."""
    check_can_plot(arguments.plot)
    trace = _read(arguments.trace)
    history: list[Moment] = []
    parted = refused = None
    try:
        for number, (step, mm) in enumerate(replay(trace, arguments.placement)):
            history.append(Moment(number, step["call"], len(mm), mm.size))
    except ReplayMismatch as error:
        parted = error
    except ValueError as error:
        refused = error
    if arguments.plot and history:
        title = f"{trace.get('program', '?')}, {trace.get('kernel', '?')}"
        draw(arguments.plot, 6.4, 4.2, lambda figure: _plot(figure, history, parted, title))
    if refused is not None:
        raise InputError(f"{file_name(arguments.trace)}: {refused}")
    if arguments.json:
        print(json.dumps(_document(trace, history, parted)))
    else:
        _print(trace, history, parted)
    return _DIFFERENT if parted else 0


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
        # Some of its messages begin with the name that it was given.
        raise InputError(f"{source}: {str(error).removeprefix(f'{path!r} is ')}") from None


def _document(
    trace: Trace, history: Sequence[Moment], parted: ReplayMismatch | None
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "program": trace.get("program", ""),
        "kernel": trace.get("kernel", ""),
        "steps": [moment._asdict() for moment in history],
        "parted": None,
    }
    if parted is not None:
        document["parted"] = {
            "step": parted.number,
            "call": parted.step["call"],
            "args": parted.step["args"],
            "problem": parted.problem,
            "only_kernel": parted.missing,
            "only_model": parted.unexpected,
        }
    return document


def _print(trace: Trace, history: Sequence[Moment], parted: ReplayMismatch | None) -> None:
    steps = format_count(len(trace["steps"]), "step")
    print(f"{trace.get('program', '?')}, {trace.get('kernel', '?')}: {steps}\n")
    last = len(history) - 1
    shown = sorted({round(last * part / (_ROWS - 1)) for part in range(_ROWS)}) if history else []
    rows = [
        [str(number), f"{vmas:,}", format_size(size), call]
        for number, call, vmas, size in (history[index] for index in shown)
    ]
    print_table(_HEADERS, rows, text_last=True)
    print()
    if parted is None:
        print("no step differs")
        return
    print(f"model and recording part at {parted}")
    print(_call(parted.step))
    for mark, only in (("kernel", parted.missing), ("model ", parted.unexpected)):
        for start, end, perms, offset, dev, inode, path in only:
            print(f"  only the {mark} {start:x}-{end:x} {perms} {offset:08x} {dev} {inode} {path}")


def _call(step: Step) -> str:
    return f"  {step['call']}({', '.join(map(hex, step['args']))})"


def _plot(
    figure: Figure, history: Sequence[Moment], parted: ReplayMismatch | None, title: str
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
        if parted is not None:
            axes.axvline(parted.number, color="#d55e00")
    if parted is not None:
        title += f": parts from the recording at step {parted.number}"
    count.set_title(drawable(title))
