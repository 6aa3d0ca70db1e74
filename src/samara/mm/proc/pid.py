# SPDX-License-Identifier: MIT
"""Reading a running process's files in /proc: its maps, and where its heap and stack are.

Owns reading these files, and what it means if they are missing. Called by `AddressSpace`.
"""

from __future__ import annotations

import errno
import os


def read_maps(pid: int) -> str:
    """Read the text of /proc/PID/smaps, or of maps if the kernel has no smaps.

    Raises:
        ProcessLookupError: There is no such process, or it has no address space (a kernel thread,
            or a process that has ended).
        PermissionError: The map may not be read.
        FileNotFoundError: There is no /proc at all.
    """
    if not isinstance(pid, int) or isinstance(pid, bool):
        raise TypeError(f"pid must be an integer, not {pid!r}")
    if pid < 1:
        raise ValueError(f"pid must be 1 or more, not {pid}")
    for kind in ("smaps", "maps"):
        text = _read(pid, kind)
        if text:
            return text
        if text is not None:
            raise ProcessLookupError(
                errno.ESRCH,
                f"process {pid} has no address space: it is a kernel thread, or has ended",
            )
    if not os.path.exists("/proc/self/maps"):
        raise FileNotFoundError(errno.ENOENT, "reading memory maps requires Linux's /proc", "/proc")
    raise ProcessLookupError(errno.ESRCH, f"no such process: {pid}")


def _read(pid: int, kind: str) -> str | None:
    path = f"/proc/{pid}/{kind}"
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read())
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError as error:
        raise PermissionError(
            error.errno, f"no permission to read the memory map of process {pid}", path
        ) from None


def read_layout(pid: int) -> tuple[int, int, int]:
    """Read the layout of a process from /proc/PID/stat.

    Returns:
        The start of the heap, an address of the stack, and the size of the data segment in bytes.
        Each is 0 if the kernel does not tell.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0, 0, 0
    # Field numbers as in proc(5). The first two fields, up to the bracket, are cut off.
    start_brk, start_stack = int(fields[47 - 3]), int(fields[28 - 3])
    return start_brk, start_stack, int(fields[46 - 3]) - int(fields[45 - 3])
