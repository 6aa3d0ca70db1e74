# SPDX-License-Identifier: MIT
"""`samara record`: a program's memory calls into a file."""

from __future__ import annotations

import argparse
import json
import sys

from samara.cli.errors import InputError, WorkError
from samara.mm import write_trace


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "record",
        help="record a program's memory calls with the kernel's maps after each",
        description=(
            "Run COMMAND, its addresses not randomised, and record the memory calls of all its "
            "threads, with what the kernel's maps lost and gained by each. The file is for samara "
            "replay. Needs x86-64 Linux and the extra samara[record]."
        ),
        epilog="exit status: 0; 1 the command cannot be traced; 2 bad arguments",
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
    try:
        from samara.mm.record import record

        trace = record(command)
        write_trace(arguments.output, trace)
    except ImportError:
        raise WorkError("recording needs python-ptrace: pip install samara[record]") from None
    except ValueError as error:
        raise InputError(str(error)) from None
    except OSError as error:
        raise WorkError(f"cannot record: {error}") from None
    steps, vmas = len(trace["steps"]), len(trace["final"])
    if arguments.json:
        print(json.dumps({"file": arguments.output, "steps": steps, "vmas": vmas}), file=sys.stderr)
    else:
        print(f"{steps} steps, {vmas} VMAs at the end: {arguments.output}", file=sys.stderr)
    return 0
