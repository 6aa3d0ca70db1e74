# SPDX-License-Identifier: MIT
"""A table of Arrow that plain Python gives away, as a capsule with a stream of one batch.

The consumer owns the structures, and calls back to release each. Until then LIVE keeps what they
point to. The extension does the same in C (`binding/arrow_stream.c`), where a release needs no
interpreter.
"""

import ctypes
from collections.abc import Callable, Sequence
from ctypes import POINTER, byref, c_char_p, c_void_p, py_object
from errno import EINVAL
from itertools import count
from typing import Any, Final, NamedTuple

from samara._arrow.abi import (
    CArray,
    CSchema,
    CStream,
    GetLastError,
    GetNext,
    GetSchema,
    ReleaseArray,
    ReleaseSchema,
    ReleaseStream,
)
from samara._arrow.values import Buffers

NULLABLE: Final = 2
NAME: Final = b"arrow_array_stream"
LIVE: Final[dict[int, Any]] = {}
NUMBERS: Final = count(1)


class OutColumn(NamedTuple):
    name: str
    buffers: Buffers
    metadata: bytes | None
    nullable: bool


class Table:
    """What a stream gives, once."""

    def __init__(self, columns: Sequence[OutColumn], length: int) -> None:
        self.columns, self.length, self.given = columns, length, False


def keep(struct: Any, release: Any, *kept: Any) -> Any:
    """Give a structure its release function, and keep what it points to until that is called."""
    number = next(NUMBERS)
    LIVE[number] = kept
    struct.private_data, struct.release = number, release
    return struct


def forget(pointer: Any) -> None:
    struct = pointer.contents
    for n in range(getattr(struct, "n_children", 0)):
        child = struct.children[n].contents
        if child.release:
            child.release(byref(child))
    struct.release = type(struct.release)()
    del LIVE[struct.private_data]


release_schema: Final = ReleaseSchema(forget)
release_array: Final = ReleaseArray(forget)
release_stream: Final = ReleaseStream(forget)


def family(struct: Any, children: list[Any], *kept: Any) -> None:
    """Fill in the children of a structure, which is kept with them."""
    of_type = type(struct)
    pointers = (POINTER(of_type) * len(children))(*(ctypes.pointer(child) for child in children))
    struct.n_children, struct.children = len(children), pointers
    release = release_schema if of_type is CSchema else release_array
    keep(struct, release, children, pointers, *kept)


def write_schema(table: Table, out: Any) -> None:
    children = []
    for column in table.columns:
        child: Any = CSchema()
        child.format, child.name = column.buffers.format.encode(), column.name.encode()
        metadata = column.metadata and ctypes.create_string_buffer(column.metadata)
        child.metadata = ctypes.cast(metadata, c_void_p) if metadata else None
        child.flags = NULLABLE if column.nullable else 0
        children.append(keep(child, release_schema, metadata))
    ctypes.memset(ctypes.addressof(out), 0, ctypes.sizeof(out))
    out.format, out.name = b"+s", b""
    family(out, children)


def write_array(array: Any, length: int, buffers: Sequence[bytes | None]) -> Any:
    """Fill in an array without children. Returns the pointers to its buffers."""
    addresses = (ctypes.cast(c_char_p(data), c_void_p).value for data in buffers)
    pointers: Any = (c_void_p * len(buffers))(*addresses)
    array.length, array.n_buffers, array.buffers = length, len(buffers), pointers
    return pointers


def write_batch(table: Table, out: Any) -> None:
    ctypes.memset(ctypes.addressof(out), 0, ctypes.sizeof(out))
    if table.given:
        return
    children = []
    for column in table.columns:
        child: Any = CArray()
        form, child.null_count, validity, data = column.buffers
        pointers = write_array(child, table.length, () if form == "n" else (validity, *data))
        children.append(keep(child, release_array, pointers, column))
    family(out, children, write_array(out, table.length, (None,)))
    table.given = True


def answering(write: Callable[[Table, Any], None]) -> Callable[[Any, Any], int]:
    def answer(stream: Any, out: Any) -> int:
        try:
            write(LIVE[stream.contents.private_data][0], out.contents)
        except Exception:
            return EINVAL
        return 0

    return answer


get_schema: Final = GetSchema(answering(write_schema))
get_next: Final = GetNext(answering(write_batch))
get_last_error: Final = GetLastError(lambda stream: None)


def forget_capsule(capsule: int) -> None:
    """Release a stream that nobody has taken, when its capsule goes."""
    address = capsule_pointer(capsule, NAME)
    stream: Any = CStream.from_address(address)
    if stream.release:
        stream.release(byref(stream))
    del LIVE[address]


drop: Final = ctypes.PYFUNCTYPE(None, c_void_p)(forget_capsule)
capsule_pointer: Final = ctypes.PYFUNCTYPE(c_void_p, c_void_p, c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
capsule_new: Final = ctypes.PYFUNCTYPE(py_object, c_void_p, c_char_p, c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi)
)


def capsule_of(columns: Sequence[OutColumn], length: int) -> Any:
    """Return a capsule with a stream of the columns."""
    stream: Any = CStream()
    stream.get_schema, stream.get_next = get_schema, get_next
    stream.get_last_error = get_last_error
    keep(stream, release_stream, Table(columns, length))
    address = ctypes.addressof(stream)
    LIVE[address] = stream
    return capsule_new(address, NAME, ctypes.cast(drop, c_void_p))
