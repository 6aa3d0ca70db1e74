# SPDX-License-Identifier: MIT
"""A table of right-aligned columns: with rich on a terminal, else as plain text."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print to stdout; a header may have several lines, each row has one text for each header."""
    if sys.stdout.isatty():
        try:
            _print_rich(headers, rows)
            return
        except ImportError:
            pass
    print(plain_table(headers, rows), end="")


def plain_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table as aligned text, each line ended by a newline.

    >>> print(plain_table(["n", "forks\\nin 10 s"], [["21", "1234567"], ["3", "-"]]), end="")
          forks
     n  in 10 s
    21  1234567
     3        -
    """
    split = [header.split("\n") for header in headers]
    height = max(map(len, split))
    top = zip(*([""] * (height - len(lines)) + lines for lines in split), strict=True)
    texts = [*top, *rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "".join(
        "  ".join(f"{text:>{width}}" for text, width in zip(line, widths, strict=True)) + "\n"
        for line in texts
    )


def _print_rich(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right", vertical="bottom", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
