# SPDX-License-Identifier: MIT
"""The structures of the Arrow C data interface, and how an object that offers them is read.

What a producer hands over is released when nothing refers to it any more: a `Batch` owns one array
with its children, and each view of its memory keeps it alive.
"""

import ctypes
from collections.abc import Iterator
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_int64, c_void_p
from typing import Any, Final, NamedTuple

from samara._columns import ARRAY, STREAM
from samara._errors import type_name


class CSchema(Structure):
    format: bytes
    name: bytes | None
    metadata: Any
    flags: int
    n_children: int
    children: Any
    dictionary: Any
    release: Any
    private_data: Any


class CArray(Structure):
    length: int
    null_count: int
    offset: int
    n_buffers: int
    n_children: int
    buffers: Any
    children: Any
    dictionary: Any
    release: Any
    private_data: Any


class CStream(Structure):
    get_schema: Any
    get_next: Any
    get_last_error: Any
    release: Any
    private_data: Any


GetSchema: Final = ctypes.CFUNCTYPE(c_int, POINTER(CStream), POINTER(CSchema))
GetNext: Final = ctypes.CFUNCTYPE(c_int, POINTER(CStream), POINTER(CArray))
GetLastError: Final = ctypes.CFUNCTYPE(c_char_p, POINTER(CStream))
ReleaseSchema: Final = ctypes.CFUNCTYPE(None, POINTER(CSchema))
ReleaseArray: Final = ctypes.CFUNCTYPE(None, POINTER(CArray))
ReleaseStream: Final = ctypes.CFUNCTYPE(None, POINTER(CStream))

CSchema._fields_ = [
    ("format", c_char_p),
    ("name", c_char_p),
    ("metadata", c_void_p),
    ("flags", c_int64),
    ("n_children", c_int64),
    ("children", POINTER(POINTER(CSchema))),
    ("dictionary", POINTER(CSchema)),
    ("release", ReleaseSchema),
    ("private_data", c_void_p),
]
CArray._fields_ = [
    ("length", c_int64),
    ("null_count", c_int64),
    ("offset", c_int64),
    ("n_buffers", c_int64),
    ("n_children", c_int64),
    ("buffers", POINTER(c_void_p)),
    ("children", POINTER(POINTER(CArray))),
    ("dictionary", POINTER(CArray)),
    ("release", ReleaseArray),
    ("private_data", c_void_p),
]
CStream._fields_ = [
    ("get_schema", GetSchema),
    ("get_next", GetNext),
    ("get_last_error", GetLastError),
    ("release", ReleaseStream),
    ("private_data", c_void_p),
]


class Field(NamedTuple):
    """What a schema says about one column."""

    name: str
    format: str
    dictionary: "Field | None"
    metadata: dict[bytes, bytes]
    children: "tuple[Field, ...]"

    @classmethod
    def of(cls, schema: Any) -> "Field":
        return cls(
            (schema.name or b"").decode(),
            schema.format.decode(),
            cls.of(schema.dictionary.contents) if schema.dictionary else None,
            metadata_at(schema.metadata),
            tuple(cls.of(schema.children[n].contents) for n in range(schema.n_children)),
        )


class Batch:
    """One array, which is released when this object goes."""

    def __init__(self) -> None:
        self.array: Any = CArray()

    def __del__(self) -> None:
        if self.array.release:
            self.array.release(byref(self.array))


class Chunk(NamedTuple):
    """Rows of one column in a batch."""

    array: Any
    start: int  # in the array's buffers
    length: int
    owner: Any


def read(given: Any) -> tuple[Field, list[Chunk]]:
    """Return what an object says about its column, and the chunks of it."""
    if hasattr(type(given), STREAM):
        return read_stream(given)
    schema, array = getattr(given, ARRAY)()
    content = CArray.from_address(pointer(array, b"arrow_array"))
    field = Field.of(CSchema.from_address(pointer(schema, b"arrow_schema")))
    return field, [Chunk(content, content.offset, content.length, array)]


def pointer(capsule: Any, name: bytes) -> int:
    get: Any = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = c_void_p, [ctypes.py_object, c_char_p]
    address: int = get(capsule, name)
    return address


def read_stream(given: Any) -> tuple[Field, list[Chunk]]:
    capsule = getattr(given, STREAM)()
    stream: Any = CStream.from_address(pointer(capsule, b"arrow_array_stream"))
    schema: Any = CSchema()
    require(stream, stream.get_schema(byref(stream), byref(schema)), given)
    try:
        field = Field.of(schema)
    finally:
        schema.release(byref(schema))
    return field, list(chunks_of(stream, given))


def chunks_of(stream: Any, given: Any) -> Iterator[Chunk]:
    while True:
        batch = Batch()
        require(stream, stream.get_next(byref(stream), byref(batch.array)), given)
        if not batch.array.release:
            return
        yield Chunk(batch.array, batch.array.offset, batch.array.length, batch)


def require(stream: Any, status: int, given: Any) -> None:
    if status:
        reason = (stream.get_last_error(byref(stream)) or b"").decode(errors="replace")
        text = f"{type_name(given)} did not give its Arrow data: {reason or status}"
        raise RuntimeError(text)


def metadata_at(address: int | None) -> dict[bytes, bytes]:
    """Read pairs of bytes: their number, then each with its length before it."""
    if not address:
        return {}
    at = address

    def integer() -> int:
        nonlocal at
        number = ctypes.c_int32.from_address(at).value
        at += 4
        return number

    def text() -> bytes:
        nonlocal at
        size = integer()
        data = ctypes.string_at(at, size)
        at += size
        return data

    return {text(): text() for _ in range(integer())}
