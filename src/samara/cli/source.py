# SPDX-License-Identifier: MIT
"""An address space from what the user names: a process, or a file."""

from __future__ import annotations

import os
import sys

from samara.cli.errors import InputError, WorkError
from samara.mm import AddressSpace


def open_space(text: str) -> AddressSpace:
    """The address space of a process (a number), of a text of maps or smaps in a file, or of
    standard input ("-"). A file whose name is a number can be named with its folder. InputError for
    what is no maps; WorkError for what cannot be read."""
    try:
        if text.isascii() and text.isdigit():
            return AddressSpace.from_pid(int(text))
        if text == "-":
            return AddressSpace.from_maps(os.fsdecode(sys.stdin.buffer.read()))
        with open(text, "rb") as file:
            return AddressSpace.from_maps(os.fsdecode(file.read()))
    except ValueError as error:
        raise InputError(f"{text}: {error}") from None
    except OSError as error:
        raise WorkError(f"{text}: {error.strerror}") from None
