# SPDX-License-Identifier: MIT
"""The address space that the user names: of a process, or in a file.

Two rules for all subcommands. `[vsyscall]` is not counted: /proc/PID/maps ends with that line on
many kernels, but the page lies in the kernel's half of the addresses and is in no process's tree of
VMAs. Linux does not count it towards vm.max_map_count either. And lines of a file that are not
mappings are skipped, which is reported on stderr.
"""

from __future__ import annotations

import os
import re
import sys
from typing import NamedTuple

from samara.cli.errors import InputError, WorkError
from samara.cli.streams import standard_input
from samara.mm import VMA, AddressSpace, SkippedLine
from samara.mm.proc.maps import summarize_skipped

# A number, signed or not, with not many more digits than a process id has. Longer ones are files.
_PID = re.compile(r"-?[0-9]{1,10}", re.ASCII)
_VM_FLAGS = re.compile(r"^[ \t>]*VmFlags[ \t]*:", re.MULTILINE)


class Source(NamedTuple):
    """An address space that was read.

    space        the VMAs of the process
    has_flags    whether the VmFlags were read too; if not, they are those that permissions imply
    not_counted  the kernel's own that were read with them: nothing, or [vsyscall]
    """

    space: AddressSpace
    has_flags: bool
    not_counted: list[VMA]


def is_pid(text: str) -> bool:
    """Return whether the user names a process. A file whose name is a number is written ./4242.

    >>> is_pid("4242"), is_pid("./4242"), is_pid("-")
    (True, False, False)
    """
    return _PID.fullmatch(text) is not None


def open_space(text: str, *, report: bool = True) -> Source:
    """Read the address space of a process (a number), of a file, or of standard input ("-").

    Without `report`, it is not reported which lines of a file were skipped.

    Raises:
        WorkError: The process cannot be read.
        InputError: No process can have this number, or the file cannot be read or is not in the
            format of /proc/PID/maps or smaps.
    """
    return open_process(int(text)) if is_pid(text) else open_file(text, report=report)


def open_process(pid: int) -> Source:
    """Read the address space of a running process."""
    try:
        space = AddressSpace.from_pid(pid)
    except OSError as error:
        raise WorkError(error.strerror or str(error)) from None
    except ValueError as error:
        raise InputError(str(error)) from None
    return _source(space, os.path.exists("/proc/self/smaps"))


def open_file(path: str, *, report: bool = True) -> Source:
    """Read the address space in a text of maps or smaps; "-" is standard input."""
    name = file_name(path)
    skipped: list[SkippedLine] = []
    try:
        text = os.fsdecode(_read(path))
        space = AddressSpace.from_maps(text, skipped=skipped)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None
    source = _source(space, _VM_FLAGS.search(text) is not None)
    if not source.space:
        raise InputError(f"{name}: there is no VMA in it")
    if skipped and report and sys.stderr is not None:
        print(f"{name}: {summarize_skipped(skipped)}", file=sys.stderr)
    return source


def _source(space: AddressSpace, has_flags: bool) -> Source:
    limits = space.limits
    not_counted = [vma for vma in space if limits.is_gate(vma.start)]
    if not_counted:
        counted = (vma for vma in space if not limits.is_gate(vma.start))
        space = AddressSpace(counted, limits=limits)
    return Source(space, has_flags, not_counted)


def _read(path: str) -> bytes:
    if path == "-":
        return standard_input().read()
    with open(path, "rb") as file:
        return file.read()


def file_name(path: str) -> str:
    """Return what a file is called in the output."""
    return "standard input" if path == "-" else path
