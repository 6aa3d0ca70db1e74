# SPDX-License-Identifier: MIT
"""`samara record`: record a program's memory calls in a file."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from typing import TYPE_CHECKING

from samara.cli.arguments import CommandParser
from samara.cli.document import add_json_argument, print_document
from samara.cli.errors import InputError, ProgramError, WorkError, reason
from samara.cli.units import format_count
from samara.mm import write_trace

if TYPE_CHECKING:
    from samara.mm.trace.record import Recorded

_TROUBLE = 125  # as env(1), timeout(1) and nohup(1) end if they fail themselves
_SIGNALLED = 128  # and the number of the signal, as a shell reports it
_DESCRIPTION = """\
Run COMMAND with address randomisation off and record the memory calls of all
its threads (mmap, munmap, mprotect, brk, ...), with what each call changed in
/proc/PID/maps. The program keeps its standard streams. A summary is printed on
stderr. "samara replay FILE" replays the recording.

Needs x86-64 Linux and the package python-ptrace. Programs that make 32-bit
system calls are refused.
"""
_EPILOG = """\
exit status: that of COMMAND, or 128+N if signal N killed it; 125 samara failed
(bad arguments, COMMAND cannot be traced, FILE cannot be written); 126 COMMAND
cannot be executed; 127 COMMAND was not found
"""


def add_parser(subparsers: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "record",
        help="record a program's memory calls, for replay",
        usage="%(prog)s -o FILE [--] COMMAND [ARG ...]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.usage_status = _TROUBLE
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="write the recording to FILE, compressed if its name ends in .gz",
    )
    add_json_argument(parser, "print the summary as one JSON document, on one line of stderr")
    parser.add_argument(
        "program",
        metavar="COMMAND",
        nargs=argparse.REMAINDER,
        help="the program to run, and its arguments",
    )
    parser.set_defaults(run=run, trouble=_TROUBLE)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    command = arguments.program[arguments.program[:1] == ["--"] :]
    output = arguments.output
    if not command:
        raise InputError("there is no command to record")
    try:
        _check_can_write(output)
    except OSError as error:
        raise WorkError(reason(error)) from None
    trace, status = _record(command)
    try:
        write_trace(output, trace)
    except OSError as error:
        raise WorkError(f"{output}: {error.strerror}") from None
    steps, vmas = len(trace["steps"]), len(trace["final"])
    if arguments.json:
        fields = {"file": output, "steps": steps, "vmas": vmas, "status": status}
        print_document("record", fields, sys.stderr)
    else:
        counts = f"{format_count(steps, 'step')}, {format_count(vmas, 'VMA')} at the end"
        print(f"{counts}{_ending(status)}: {output}", file=sys.stderr)
    return status if status >= 0 else _SIGNALLED - status


def _record(command: list[str]) -> Recorded:
    try:
        from samara.mm.trace.record import record_with_status

        return record_with_status(command)
    except ImportError:
        raise WorkError("recording needs python-ptrace: pip install python-ptrace") from None
    except ValueError as error:
        raise InputError(str(error)) from None
    except OSError as error:
        if error.filename == command[0] and error.errno != errno.EPERM:  # which tracing gives
            raise ProgramError(reason(error), found=error.errno != errno.ENOENT) from None
        raise WorkError(reason(error)) from None


def _check_can_write(path: str) -> None:
    """Raise OSError if the file cannot be written: before the command runs, not after. An existing
    file is left as it is."""
    exists = os.path.exists(path)
    if exists and not os.path.isfile(path) and not os.path.isdir(path):
        return  # opening a pipe or a device can have an effect
    with open(path, "ab"):
        pass
    if not exists:
        os.unlink(os.path.realpath(path))


def _ending(status: int) -> str:
    if status < 0:
        return f", killed by signal {-status}"
    return f", exit status {status}" if status else ""
