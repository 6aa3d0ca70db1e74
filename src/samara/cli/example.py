# SPDX-License-Identifier: MIT
"""A real program to look at if the user names none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

# Loads what an ordinary program would, says so, and waits until its input ends.
_PROGRAM = """
for name in ("asyncio", "ctypes", "decimal", "json", "lzma", "sqlite3", "ssl", "zoneinfo"):
    try:
        __import__(name)
    except ImportError:
        pass
import sys, threading
threading.Thread(target=sys.stdin.read).start()
print("ready", flush=True)
"""


@contextmanager
def example_process() -> Generator[int, None, None]:
    """Start a Python interpreter with some libraries and a thread, yield its id, and end it."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the command, not for this process
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
    finally:
        # Closes its input, so that it ends by itself.
        try:
            process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
