# SPDX-License-Identifier: MIT
"""Horizontal bar charts: in colour by rich on a terminal, plain text elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple


class Bar(NamedTuple):
    """One line of a chart: a text, a bar of this length, and a text after it."""

    label: str
    value: float
    note: str


def print_bars(bars: Sequence[Bar], width: int) -> None:
    """Print a chart to stdout, drawn to scale; the longest bar takes `width` columns."""
    lines = plain_bars(bars, width, _block())
    if sys.stdout.isatty():
        try:
            from rich.console import Console
            from rich.text import Text
        except ImportError:
            pass
        else:
            console = Console(highlight=False)
            for label, bar, note in lines:
                console.print(Text.assemble(label, (bar, "green"), (note, "bold")), soft_wrap=True)
            return
    for parts in lines:
        print("".join(parts))


def plain_bars(bars: Sequence[Bar], width: int, block: str) -> list[tuple[str, str, str]]:
    """Return label, bar and note of each line. No bar is shorter than one column.

    >>> bars = [Bar("a", 1, "x"), Bar("bcd", 40, "y")]
    >>> for parts in plain_bars(bars, 10, "#"): print("".join(parts))
    a    #  x
    bcd  ##########  y
    """
    room = max(len(bar.label) for bar in bars)
    longest = max(bar.value for bar in bars)
    return [
        (
            f"{bar.label:{room}}  ",
            block * max(1, round(width * bar.value / longest)),
            f"  {bar.note}",
        )
        for bar in bars
    ]


def _block() -> str:
    """Return a full block if stdout can encode it."""
    try:
        "█".encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return "#"
    return "█"
