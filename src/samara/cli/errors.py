# SPDX-License-Identifier: MIT
"""How a subcommand ends when it cannot go on."""

from __future__ import annotations


class CommandError(Exception):
    """End the command with this message on stderr.

    `status` is the exit status, unless the subcommand has one of its own for trouble.
    """

    status: int


class InputError(CommandError):
    """The arguments or the input are wrong."""

    status = 2


class WorkError(CommandError):
    """The work could not be done."""

    status = 1


class ProgramError(CommandError):
    """A program that `samara` should run cannot be run.

    The exit status is that of env(1) and the shells: 127 if there is no such program, 126 if it
    cannot be executed.
    """

    def __init__(self, message: str, *, found: bool) -> None:
        super().__init__(message)
        self.status = 126 if found else 127


def reason(error: OSError) -> str:
    """Return why the system refused, after the name of the file if there is one.

    >>> reason(OSError(2, "No such file or directory", "a"))
    'a: No such file or directory'
    """
    why = error.strerror or str(error)
    return why if error.filename is None else f"{error.filename}: {why}"
