# SPDX-License-Identifier: MIT
"""An address space from what the user names: a process, or a file."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from samara.cli.errors import InputError, WorkError
from samara.cli.streams import standard_input
from samara.mm import AddressSpace

# A number, signed or not, of not many more digits than a process id has: what is longer is a file.
_PID = re.compile(r"-?[0-9]{1,10}", re.ASCII)


class Source(NamedTuple):
    """An address space, and whether its VmFlags were told: where they were not, they are those that
    the permissions imply."""

    space: AddressSpace
    has_flags: bool


def is_pid(text: str) -> bool:
    """Is it a process that the user names? A file whose name is a number can be named with its
    folder.

    >>> is_pid("4242"), is_pid("./4242"), is_pid("-")
    (True, False, False)
    """
    return _PID.fullmatch(text) is not None


def open_space(text: str) -> Source:
    """The address space of a process (a number), of a text of maps or smaps in a file, or of
    standard input ("-"). WorkError for a process that cannot be read; InputError for a number that
    no process has, for a file that cannot be read, and for what is no maps."""
    return open_process(int(text)) if is_pid(text) else open_file(text)


def open_process(pid: int) -> Source:
    """The address space of a running process."""
    try:
        return Source(AddressSpace.from_pid(pid), os.path.exists("/proc/self/smaps"))
    except OSError as error:
        raise WorkError(error.strerror or str(error)) from None
    except ValueError as error:
        raise InputError(str(error)) from None


def open_file(path: str) -> Source:
    """The address space in a text of maps or smaps; "-" is standard input."""
    source = file_name(path)
    try:
        text = os.fsdecode(_read(path))
        space = AddressSpace.from_maps(text)
    except OSError as error:
        raise InputError(f"{source}: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{source}: {error}") from None
    if not space:
        raise InputError(f"{source}: there is no VMA in it")
    return Source(space, "\nVmFlags:" in text)


def _read(path: str) -> bytes:
    if path == "-":
        return standard_input().read()
    with open(path, "rb") as file:
        return file.read()


def file_name(path: str) -> str:
    """How a file is called in what is printed."""
    return "standard input" if path == "-" else path
