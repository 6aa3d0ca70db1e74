# SPDX-License-Identifier: MIT
"""Tables: drawn by rich on a terminal, plain text elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_BETWEEN = 2  # blanks between columns
_LEAST = 12  # the fewest columns of a text, however narrow the terminal


def print_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    text_last: bool = False,
    styles: Sequence[str] = (),
) -> None:
    """Print a table to stdout.

    A header may have several lines. Each row has one text for each header. Columns are aligned to
    the right. With `text_last` the last is aligned to the left, and shortened as a path if it is
    too long for the terminal. Numbers are never cut: on a terminal that is too narrow for them, the
    table is plain text that wraps.

    Args:
        headers: The header of each column.
        rows: The texts of each row.
        text_last: Whether the last column is text.
        styles: A style of rich for each row, or nothing.
    """
    if sys.stdout.isatty():
        try:
            if _print_rich(headers, rows, text_last, styles):
                return
        except ImportError:
            pass
    print(plain_table(headers, rows, text_last=text_last), end="")


def plain_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, text_last: bool = False
) -> str:
    """Return the table as aligned text. Each line ends with a newline.

    >>> print(plain_table(["n", "forks\\nin 10 s"], [["21", "1234567"], ["3", "-"]]), end="")
          forks
     n  in 10 s
    21  1234567
     3        -
    >>> print(plain_table(["n", "what"], [["21", "heap"]], text_last=True), end="")
     n  what
    21  heap
    """
    split = [header.split("\n") for header in headers]
    height = max(map(len, split))
    top = zip(*([""] * (height - len(lines)) + lines for lines in split), strict=True)
    texts = [*top, *rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    if text_last:
        widths[-1] = 0
    return "".join(
        "  ".join(f"{text:>{width}}" for text, width in zip(line, widths, strict=True)) + "\n"
        for line in texts
    )


def shortened(path: str, width: int) -> str:
    """Shorten a path that is too long: drop its folders, then the middle of its name.

    >>> shortened("/usr/lib/libc.so.6", 12), shortened("/usr/lib/libc.so.6", 6)
    ('…/libc.so.6', 'lib….6')
    """
    if len(path) <= width:
        return path
    name = path.rpartition("/")[2]
    if len(name) + 2 <= width:
        return f"…/{name}"
    tail = (width - 1) // 2
    return f"{name[: width - 1 - tail]}…{name[len(name) - tail :]}"


def _print_rich(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    text_last: bool,
    styles: Sequence[str],
) -> bool:
    """Print the table and return True; if it does not fit the terminal, only return False."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    *widths, last = (
        max(len(line) for text in column for line in text.split("\n"))
        for column in zip(headers, *rows, strict=True)
    )
    room = console.width - sum(widths) - _BETWEEN * len(widths)
    if room < (min(last, _LEAST) if text_last else last):
        return False
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    for header in headers[: len(headers) - text_last]:
        table.add_column(header, justify="right", vertical="bottom", no_wrap=True)
    if text_last:
        table.add_column(headers[-1], vertical="bottom", no_wrap=True)
        rows = [[*row[:-1], shortened(row[-1], room)] for row in rows]
    for number, row in enumerate(rows):
        table.add_row(*map(escape, row), style=styles[number] if styles else None)
    console.print(table)
    return True
