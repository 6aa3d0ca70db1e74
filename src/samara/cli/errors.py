# SPDX-License-Identifier: MIT
"""How a subcommand ends when it cannot go on."""

from __future__ import annotations


class CommandError(Exception):
    """Says on stderr why the command ends, with this exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class InputError(CommandError):
    """What the user gave is no good: exit status 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 2)


class WorkError(CommandError):
    """The work could not be done: exit status 1."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 1)


def reason(error: OSError) -> str:
    """Why the system refuses, behind the name of the file where there is one.

    >>> reason(OSError(2, "No such file or directory", "a"))
    'a: No such file or directory'
    """
    why = error.strerror or str(error)
    return why if error.filename is None else f"{error.filename}: {why}"
