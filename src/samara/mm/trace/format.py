# SPDX-License-Identifier: MIT
"""The format of recorded runs: a program's memory calls, and how each changed the kernel's maps.

Owns the format of traces. Called by `record`, `replay` and users.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from collections.abc import Sequence
from itertools import product
from reprlib import repr as shown
from typing import Any, Final, NotRequired, TypedDict

from samara.mm.constants import Map, Prot
from samara.mm.file import UNNAMED, File
from samara.mm.vma import VMA

COLUMNS: Final = ("start", "end", "perms", "offset", "dev", "inode", "path")
# The limit for a decompressed trace: so many bytes, plus so many times its compressed size.
# Recorded traces grow to ten times their size; a file made to fill memory, to a thousand times.
_GROWN: Final = 1 << 20
_GROWTH: Final = 100
_LEAST_ERRNO: Final = -4095  # what the kernel returns is an address or the negative of an errno
# A VMA as a list, in the order of COLUMNS.
Row = Sequence[Any]


class Step(TypedDict):
    """One call: its name, its six raw arguments, what it returned, and how it changed the maps.

    `ret` is a negative errno if the call failed. `removed` and `added` are the rows that the
    kernel's maps lost and gained. A step "external" has the changes between two calls. It needs
    neither `args` nor `ret`, and `record` writes neither. `data` is what a pointer among the
    arguments points at: the name that prctl() gives, and the nodes of mbind() as a bit mask.
    """

    call: str
    args: NotRequired[list[int]]
    ret: NotRequired[int]
    removed: list[Row]
    added: list[Row]
    data: NotRequired[str | int]


class Trace(TypedDict):
    """A recorded run, as decoded from its JSON."""

    program: str
    kernel: str
    columns: list[str]
    initial: list[Row]
    steps: list[Step]
    final: list[Row]


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """Read a trace from a JSON file, compressed by gzip or not. O(size).

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not a trace, or it decompresses to more than a hundred times its size plus
            a MiB.
    """
    with open(path, "rb") as file:
        data: bytes | bytearray = file.read()
    try:
        if data[:2] == b"\x1f\x8b":
            data = _decompressed(data)
        trace = json.loads(data)
    except (ValueError, EOFError, OSError, zlib.error, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)!r} is not a trace: {error}") from None
    return check_trace(trace)


def _decompressed(data: bytes | bytearray) -> bytearray:
    limit = _GROWN + _GROWTH * len(data)
    found = bytearray()
    with gzip.open(io.BytesIO(data)) as file:
        while chunk := file.read(1 << 16):
            found += chunk
            if len(found) > limit:
                raise ValueError(f"{len(data)} bytes decompress to more than {limit} bytes")
    return found


def write_trace(path: str | os.PathLike[str], trace: Trace) -> None:
    """Write a trace, compressed if the name ends in .gz. The same trace gives the same bytes."""
    data = json.dumps(trace, separators=(",", ":")).encode()
    if os.fspath(path).endswith(".gz"):
        data = gzip.compress(data, mtime=0)
    with open(path, "wb") as file:
        file.write(data)


def check_trace(trace: object) -> Trace:
    """Check that an object has the form of a trace, and return it. O(size).

    Raises:
        ValueError: It has not. The message says what is wrong.

    >>> check_trace({"steps": []})
    Traceback (most recent call last):
        ...
    ValueError: not a trace: 'columns' is missing or not a list
    """
    if not isinstance(trace, dict):
        raise ValueError(f"not a trace: expected an object, not {type(trace).__name__}")
    for key in ("columns", "initial", "steps"):
        if not isinstance(trace.get(key), list):
            raise ValueError(f"not a trace: {key!r} is missing or not a list")
    if trace["columns"] != list(COLUMNS):
        raise ValueError(
            f"not a trace: columns must be {list(COLUMNS)}, not {shown(trace['columns'])}"
        )
    _check_rows(trace["initial"], "initial")
    for number, step in enumerate(trace["steps"]):
        _check_step(step, f"step {number}")
    return trace  # type: ignore[return-value]


def _check_step(step: object, where: str) -> None:
    if not isinstance(step, dict) or not isinstance(step.get("call"), str):
        raise ValueError(f"not a trace: {where} has no call: {shown(step)}")
    external = step["call"] == "external"
    args = step.get("args", [] if external else None)
    if not isinstance(args, list) or (not external and len(args) != 6):
        raise ValueError(f"not a trace: {where} must have six arguments: {shown(step)}")
    if not all(type(word) is int and 0 <= word < 2**64 for word in args):
        raise ValueError(
            f"not a trace: {where} has an argument outside 0 ... 2**64-1: {shown(args)}"
        )
    ret = step.get("ret")
    if not external and not (type(ret) is int and _LEAST_ERRNO <= ret < 2**64):
        raise ValueError(f"not a trace: {where} has an invalid return value: {shown(ret)}")
    if not isinstance(step.get("data", 0), (str, int)):
        raise ValueError(f"not a trace: data of {where} must be a str or an int: {shown(step)}")
    for key in ("removed", "added"):
        _check_rows(step.get(key), f"{key} of {where}")


def _check_rows(rows: object, where: str) -> None:
    if not isinstance(rows, list):
        raise ValueError(f"not a trace: {where} is not a list")
    for row in rows:
        try:
            vma_of(row)
        except (TypeError, ValueError, AttributeError, IndexError):
            raise ValueError(f"not a trace: a row of {where} is not a VMA: {shown(row)}") from None


_PERMS: Final = frozenset(map("".join, product("r-", "w-", "x-", "ps")))


def vma_of(row: Row) -> VMA:
    """Return the VMA of a row, with the VmFlags that most such mappings have. O(1).

    >>> vma_of([4096, 8192, "rw-p", 0, "00:00", 0, "[heap]"])
    VMA(0x1000-0x2000 rw-p '[heap]')
    """
    start, end, perms, offset, dev, inode, path = row
    if perms not in _PERMS:
        raise ValueError(f"permissions must be in the form 'rwxp', not {perms!r}")
    bits = sum(bit for bit, letter in zip((1, 2, 4), perms, strict=False) if letter != "-")
    name = path if path.startswith("[") else ""
    file = None
    if name.startswith("[anon_shmem:"):
        path, name = UNNAMED, path
        file = File(dev, inode, path)
    elif not name and (path or inode or dev != "00:00"):
        file = File(dev, inode, path)
    kind = Map.SHARED if perms[3] == "s" else Map.PRIVATE
    if file is None:
        kind |= Map.ANONYMOUS
    return VMA(start, end, Prot(bits), kind, offset, file, name)


def row_of(vma: VMA) -> list[Any]:
    """Return the row of a VMA: the columns of /proc/PID/maps. O(1).

    >>> row_of(VMA(4096, 8192, Prot.READ))
    [4096, 8192, 'r--p', 0, '00:00', 0, '']
    """
    file = vma.file
    dev, inode = ("00:00", 0) if file is None else (file.dev, file.inode)
    return [vma.start, vma.end, vma.perms, vma.offset, dev, inode, vma.label]
