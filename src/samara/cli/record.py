# SPDX-License-Identifier: MIT
"""`samara record`: a program's memory calls into a file."""

from __future__ import annotations

import argparse
import json
import os
import sys

from samara.cli.errors import InputError, WorkError, reason
from samara.cli.units import format_count
from samara.mm import write_trace


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "record",
        help="record a program's memory calls with the kernel's maps after each",
        description=(
            "Run COMMAND, its addresses not randomised, and record the memory calls of all its "
            "threads, with what the kernel's maps lost and gained by each. The file is for samara "
            "replay. Needs x86-64 Linux and the package python-ptrace."
        ),
        epilog=(
            "exit status: 0; 1 the command cannot be run and traced, or FILE not be written; "
            "2 bad arguments"
        ),
    )
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="*.gz is compressed")
    parser.add_argument(
        "--json", action="store_true", help="the summary, on stderr, is one JSON document"
    )
    parser.add_argument("program", metavar="COMMAND", nargs=argparse.REMAINDER)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; the exit status."""
    command = arguments.program[arguments.program[:1] == ["--"] :]
    output = arguments.output
    try:
        from samara.mm.trace.record import record_with_status

        _check_can_write(output)
        trace, status = record_with_status(command)
    except ImportError:
        raise WorkError("recording needs python-ptrace: pip install python-ptrace") from None
    except ValueError as error:
        raise InputError(str(error)) from None
    except OSError as error:
        raise WorkError(reason(error)) from None
    try:
        write_trace(output, trace)
    except OSError as error:
        raise WorkError(f"{output}: {error.strerror}") from None
    steps, vmas = len(trace["steps"]), len(trace["final"])
    if arguments.json:
        document = {"file": output, "steps": steps, "vmas": vmas, "status": status}
        print(json.dumps(document), file=sys.stderr)
    else:
        counts = f"{format_count(steps, 'step')}, {format_count(vmas, 'VMA')} at the end"
        print(f"{counts}{_ending(status)}: {output}", file=sys.stderr)
    return 0


def _check_can_write(path: str) -> None:
    """OSError where there can be no such file: before the command runs, not after. What is there is
    left as it is."""
    there = os.path.exists(path)
    if there and not os.path.isfile(path) and not os.path.isdir(path):
        return  # a pipe or a device, which to open may do something
    with open(path, "ab"):
        pass
    if not there:
        os.unlink(os.path.realpath(path))


def _ending(status: int) -> str:
    if status < 0:
        return f", killed by signal {-status}"
    return f", exit status {status}" if status else ""
