# SPDX-License-Identifier: MIT
"""An address space from what the user names: a process, or a file."""

from __future__ import annotations

import os
import sys

from samara.cli.errors import InputError, WorkError
from samara.mm import AddressSpace

_PID_DIGITS = 10  # more than any process's id has


def open_space(text: str) -> AddressSpace:
    """The address space of a process (a number), of a text of maps or smaps in a file, or of
    standard input ("-"). A file whose name is a number can be named with its folder. WorkError for
    a process that cannot be read; InputError for such a file, and for what is no maps."""
    if text.isascii() and text.isdigit() and len(text) <= _PID_DIGITS:
        return open_process(int(text))
    return open_file(text)


def open_process(pid: int) -> AddressSpace:
    """The address space of a running process."""
    try:
        return AddressSpace.from_pid(pid)
    except OSError as error:
        raise WorkError(error.strerror or str(error)) from None


def open_file(path: str) -> AddressSpace:
    """The address space in a text of maps or smaps; "-" is standard input."""
    source = file_name(path)
    try:
        if path == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
        return AddressSpace.from_maps(os.fsdecode(data))
    except OSError as error:
        raise InputError(f"{source}: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{source}: {error}") from None


def file_name(path: str) -> str:
    """How a file is called in what is printed."""
    return "standard input" if path == "-" else path
