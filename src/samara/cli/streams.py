# SPDX-License-Identifier: MIT
"""The standard streams of the process, which may be closed or full."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from io import TextIOWrapper
from typing import Any, BinaryIO, TextIO, cast

from samara.cli.errors import InputError, WorkError


def standard_input() -> BinaryIO:
    """Return standard input as a stream of bytes. Raises InputError if it is closed."""
    if sys.stdin is None:
        raise InputError("standard input is closed")
    return sys.stdin.buffer


@contextmanager
def standard_output() -> Generator[None, None, None]:
    """Raise WorkError if something cannot be written to standard output while the block runs or at
    its end; BrokenPipeError if the reader went away."""
    if sys.stdout is None:
        raise WorkError("standard output is closed")
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="surrogateescape")  # paths of any bytes
    with redirect_stdout(cast(TextIO, _Output(sys.stdout))):
        yield
        sys.stdout.flush()


class _Output:
    """Standard output, with other exceptions when a write fails."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._failing():
            return self._stream.write(text)

    def flush(self) -> None:
        with self._failing():
            self._stream.flush()

    @contextmanager
    def _failing(self) -> Generator[None, None, None]:
        try:
            yield
        except OSError as error:
            # Otherwise Python would try to write the rest at its end, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            if isinstance(error, BrokenPipeError):
                raise
            raise WorkError(f"standard output: {error.strerror}") from None
