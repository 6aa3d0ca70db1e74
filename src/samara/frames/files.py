# SPDX-License-Identifier: MIT
"""Tables in files: Parquet, and Arrow IPC, which is mapped into memory."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from samara.frames.content import Content, content_of
from samara.frames.errors import FrameError


@contextmanager
def of_file(path: Any) -> Generator[None, None, None]:
    """Name the file in the exception if it is not what it should be."""
    try:
        yield
    except pa.ArrowInvalid as error:
        raise FrameError(f"{path}: {error}") from None


def read_parquet(path: Any) -> Any:
    """Return a Parquet file, or a folder of them, as an Arrow table."""
    with of_file(path):
        return pq.read_table(path)


def write_parquet(content: Content, path: Any) -> None:
    pq.write_table(content.to_arrow(), path)


def read_ipc(path: Any) -> Any:
    """Return an Arrow IPC file as an Arrow table whose buffers are those of the mapped file."""
    with of_file(path), pa.memory_map(os.fspath(path)) as source:
        return pa.ipc.open_file(source).read_all()


def write_ipc(content: Content, path: Any) -> None:
    """Write one batch, uncompressed, so that each column can be used in place."""
    with pa.OSFile(os.fspath(path), "wb") as sink:
        write(content, pa.ipc.new_file, sink)


def write(content: Content, writer_of: Any, sink: Any) -> None:
    table = content.to_arrow()
    with writer_of(sink, table.schema) as writer:
        for batch in table.to_batches():
            writer.write_batch(batch)


def to_buffer(content: Content) -> Any:
    """Return the table as one buffer, for pickles."""
    sink = pa.BufferOutputStream()
    write(content, pa.ipc.new_stream, sink)
    return sink.getvalue()


def from_buffer(buffer: Any) -> Content:
    content = content_of(pa.ipc.open_stream(buffer).read_all())
    assert content is not None
    return content
