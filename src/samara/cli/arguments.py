# SPDX-License-Identifier: MIT
"""The argument parser of the command, and the types of arguments that several subcommands take."""

from __future__ import annotations

import argparse
import math
import sys
from typing import Any, NoReturn

BAD_USAGE = 2
MOST_VMAS = 10_000_000


class CommandParser(argparse.ArgumentParser):
    """A parser that reports errors with the usage of the subcommand at fault.

    argparse itself leaves arguments that a subcommand does not know to the top-level parser, which
    then prints its own usage.
    """

    usage_status = BAD_USAGE  # the exit status after bad arguments

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(self.usage_status, f"{self.prog}: error: {message}\n")


def parse_count(text: str, what: str) -> int:
    """Parse a number of at least 1.

    >>> parse_count("21", "the number of VMAs")
    21
    """
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{what} must be an integer, not {text!r}") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"{what} must be 1 or more, not {value}")
    return value


def parse_vma_counts(text: str) -> list[int]:
    """Parse a list of numbers of VMAs.

    >>> parse_vma_counts("21, 121")
    [21, 121]
    """
    if not text.strip(" ,"):
        raise argparse.ArgumentTypeError("expected a list of numbers of VMAs")
    counts = [parse_count(part.strip(), "the number of VMAs") for part in text.split(",")]
    for vmas in counts:
        if vmas > MOST_VMAS:
            raise argparse.ArgumentTypeError(
                f"the number of VMAs must be at most {MOST_VMAS:,}, not {vmas:,}"
            )
    return counts


def parse_seconds(text: str) -> float:
    """Parse a time in seconds, with or without the unit.

    >>> parse_seconds("2"), parse_seconds("0.5s")
    (2.0, 0.5)
    """
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"the number of seconds must be above 0, not {text!r}")
    return value
