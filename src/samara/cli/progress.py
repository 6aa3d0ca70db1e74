# SPDX-License-Identifier: MIT
"""A progress bar on stderr if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

_BAR = 24
_TEXT = 40

# Called with how much of the total is done, and a text that says what comes next.
Step = Callable[[float, str], None]


@contextmanager
def progress(total: float) -> Generator[Step, None, None]:
    """Show a bar while the block runs, then clear it. rich draws it if that is installed."""
    if not sys.stderr.isatty():
        yield lambda done, text: None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    except ImportError:
        try:
            yield _plain(total)
        finally:
            print("\r" + " " * (_BAR + _TEXT + 3) + "\r", end="", file=sys.stderr, flush=True)
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    # Without a thread, which would take time from what is measured.
    with Progress(
        *columns, console=Console(stderr=True), transient=True, auto_refresh=False
    ) as bar:
        task = bar.add_task("", total=total)

        def step(done: float, text: str) -> None:
            bar.update(task, completed=done, description=text)
            bar.refresh()

        yield step


def _plain(total: float) -> Step:
    def step(done: float, text: str) -> None:
        filled = int(_BAR * done / total) if total else _BAR
        bar = "#" * filled + "-" * (_BAR - filled)
        print(f"\r[{bar}] {text:{_TEXT}.{_TEXT}}", end="", file=sys.stderr, flush=True)

    return step
