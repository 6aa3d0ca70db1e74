# SPDX-License-Identifier: MIT
"""Kinds of arguments that several subcommands take: from text to value, as argparse calls it."""

from __future__ import annotations

import argparse
import math

MOST_VMAS = 10_000_000


def parse_count(text: str, what: str) -> int:
    """A number of at least 1.

    >>> parse_count("21", "a number of VMAs")
    21
    """
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{what} is an integer, not {text!r}") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"{what} is at least 1, not {value}")
    return value


def parse_vma_counts(text: str) -> list[int]:
    """A list of numbers of VMAs.

    >>> parse_vma_counts("21, 121")
    [21, 121]
    """
    if not text.strip(" ,"):
        raise argparse.ArgumentTypeError("the list of VMA counts is empty")
    counts = [parse_count(part.strip(), "a number of VMAs") for part in text.split(",")]
    for vmas in counts:
        if vmas > MOST_VMAS:
            raise argparse.ArgumentTypeError(f"{vmas} VMAs are more than {MOST_VMAS:,}")
    return counts


def parse_seconds(text: str) -> float:
    """A time in seconds, with or without the unit.

    >>> parse_seconds("2"), parse_seconds("0.5s")
    (2.0, 0.5)
    """
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"seconds are a number above 0, not {text!r}")
    return value
