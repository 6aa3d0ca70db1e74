# SPDX-License-Identifier: MIT
"""The `samara` command: arguments in, tables out.

Each subcommand is a module with `add_parser(subparsers)`. Its parser sets `run`, a function that
takes the parsed arguments and returns the exit status. A subcommand with an exit status of its own
for trouble sets `trouble` too.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import samara
from samara.cli import demo, diff, fork, join, maps, record, replay, spawn
from samara.cli.arguments import BAD_USAGE, CommandParser
from samara.cli.errors import CommandError, ProgramError, WorkError
from samara.cli.streams import standard_output

INTERRUPTED = 128 + 2  # as a shell reports SIGINT
BROKEN_PIPE = 128 + 13  # and SIGPIPE
_DESCRIPTION = """\
Look at the memory map of a process, compare two of them, and measure how fast
they fork. A memory map is a list of VMAs (virtual memory areas). A VMA is one
line of /proc/PID/maps: a range of addresses with one set of permissions, and
what is mapped there (a part of a file, the heap, a stack, plain memory).
And join files of data to tables of ranges.
"""
_EPILOG = """\
examples:
  samara demo                         what this package can do, in a few seconds
  samara maps PID                     the memory map of a process
  samara diff PID --every 2s          what changes in it, every two seconds
  samara fork --pid PID               how fast it forks, by three methods
  samara join --geoip /usr/share/tor log.csv --on client
                                      the country of each client of a log

"samara COMMAND --help" explains a command and its options. With --json, every
command but demo and join prints JSON documents, each on one line.

exit status: 0 success; 1 the work could not be done; 2 bad arguments or bad
input; 130 after Ctrl-C; 141 if the reader of the output went away. diff and
record have their own: diff ends as diff(1) does, record as its program does.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (default: the process's arguments) and return its exit status.

    The statuses are those of `samara --help`. Raises SystemExit for --help, --version, and the bad
    arguments that argparse finds.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # otherwise messages would go to stdout
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.exit(BAD_USAGE, parser.format_help())
    try:
        with standard_output():
            status: int = arguments.run(arguments)
        return status
    except CommandError as error:
        print(f"samara {arguments.command}: {error}", file=sys.stderr)
        if arguments.trouble is None or isinstance(error, ProgramError):
            return error.status
        return int(arguments.trouble)
    except MemoryError:
        print(f"samara {arguments.command}: out of memory", file=sys.stderr)
        return int(arguments.trouble or WorkError.status)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="samara",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"samara {samara.__version__}")
    parser.set_defaults(trouble=None)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for subcommand in (demo, maps, diff, fork, spawn, record, replay, join):
        subcommand.add_parser(subparsers)
    return parser
