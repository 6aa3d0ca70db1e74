# SPDX-License-Identifier: MIT
"""The `samara` command: arguments in, tables out.

Each subcommand is a module with `add_parser(subparsers)`, which sets `run`: a function of the
parsed arguments that returns the exit status.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import samara
from samara.cli import diff, fork, maps, record, replay, spawn
from samara.cli.errors import CommandError
from samara.cli.streams import standard_output

INTERRUPTED = 128 + 2  # as a shell shows an end by SIGINT
BROKEN_PIPE = 128 + 13  # and by SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (default: the process's arguments) and return its exit status: 0,
    1 where it could not do its work, 2 for bad arguments or bad input (argparse raises SystemExit
    for those that it finds), 130 after Ctrl-C, 141 where the reader of its output went away."""
    arguments = _parser().parse_args(argv)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # else messages would go to stdout
    try:
        with standard_output():
            status: int = arguments.run(arguments)
        return status
    except CommandError as error:
        print(f"samara {arguments.command}: {error}", file=sys.stderr)
        return error.status
    except MemoryError:
        print(f"samara {arguments.command}: out of memory", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="samara", description="Maple trees and the address spaces of processes."
    )
    parser.add_argument("--version", action="version", version=f"samara {samara.__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for subcommand in (fork, spawn, maps, diff, replay, record):
        subcommand.add_parser(subparsers)
    return parser
