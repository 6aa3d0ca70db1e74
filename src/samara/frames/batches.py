# SPDX-License-Identifier: MIT
"""Files of rows, read and written a batch at a time: CSV, Parquet and Arrow IPC.

So a file of any size needs the memory of a few batches. Everything in a CSV file is text here, and
leaves as it came.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from samara.frames.errors import FrameError
from samara.frames.files import read_ipc

BLOCK: Final = 4 << 20  # bytes of a CSV file in a batch
ROWS: Final = 1 << 16  # rows of a Parquet file in a batch
SUFFIXES: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
PACKED: Final = (".gz", ".bz2")


def format_of(path: str) -> str:
    """Return "csv", "parquet" or "arrow", by the end of a file's name; "-" is CSV.

    >>> format_of("log.csv.gz"), format_of("log.parquet"), format_of("-")
    ('csv', 'parquet', 'csv')
    """
    name = Path(path)
    suffix = Path(name.stem).suffix if name.suffix in PACKED else name.suffix
    if path == "-":
        return "csv"
    if suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise FrameError(f"{path}: the name must end in one of {known}")
    return SUFFIXES[suffix.lower()]


def opener_of(path: str) -> Callable[..., Any] | None:
    """Return what opens a compressed file in an open file, or None for others."""
    return gzip.open if path.endswith(".gz") else bz2.open if path.endswith(".bz2") else None


def delimiter_of(path: str) -> str:
    return "\t" if ".tsv" in Path(path).suffixes else ","


def read_whole(path: str) -> Any:
    """Read a file into an Arrow table; values of CSV files get the types that they look like."""
    kind = format_of(path)
    try:
        if kind == "parquet":
            return pq.read_table(path)
        if kind == "arrow":
            return read_ipc(path)
        with pa.input_stream(path, compression="detect") as stream:
            parse = pa.csv.ParseOptions(delimiter=delimiter_of(path), newlines_in_values=True)
            return pa.csv.read_csv(stream, parse_options=parse)
    except pa.ArrowInvalid as error:
        raise FrameError(f"{path}: {error}") from None


@dataclass(frozen=True)
class Source:
    """A file that is being read."""

    schema: Any
    batches: Iterator[Any]
    size: int
    """The bytes or rows of the file, 0 if nobody knows."""
    done: Callable[[], int]
    """Returns how many of these have been read."""


@contextmanager
def reading(path: str, standard_input: BinaryIO | None = None) -> Generator[Source, None, None]:
    """Open a file; "-" is standard input.

    Raises:
        OSError: The file cannot be read.
        FrameError: It is not what its name says, or empty.
    """
    kind = format_of(path)
    with ExitStack() as stack:
        try:
            if kind == "csv":
                yield csv_source(path, standard_input, stack)
            elif kind == "parquet":
                yield parquet_source(path, stack)
            else:
                yield arrow_source(path, stack)
        except pa.ArrowInvalid as error:
            raise FrameError(f"{path}: {error}") from None


def csv_source(path: str, standard_input: BinaryIO | None, stack: ExitStack) -> Source:
    size, done = 0, nowhere
    if standard_input is not None:
        source: Any = standard_input
    else:
        source = file = stack.enter_context(open(path, "rb"))
        size, done = os.fstat(file.fileno()).st_size, file.tell
    if (opener := opener_of(path)) is not None:
        source = stack.enter_context(opener(source, "rb"))
    delimiter = delimiter_of(path)
    head = source.readline().decode("utf-8-sig")
    names = next(csv.reader([head], delimiter=delimiter), [])
    if not names:
        raise FrameError(f"{path}: the file is empty")
    try:
        reader = pa.csv.open_csv(
            pa.PythonFile(source, "r"),
            read_options=pa.csv.ReadOptions(block_size=BLOCK, column_names=names),
            parse_options=pa.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=len(names) > 1
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV file" not in str(error):
            raise
        schema = pa.schema([(name, pa.string()) for name in names])
        return Source(schema, iter(()), size, done)
    return Source(reader.schema, iter(reader), size, done)


def nowhere() -> int:
    return 0


def parquet_source(path: str, stack: ExitStack) -> Source:
    # Buffered: otherwise whole columns of a row group would be read at once.
    file = pq.ParquetFile(path, buffer_size=1 << 20)
    stack.callback(file.close)
    return Counting(file.schema_arrow, file.iter_batches(ROWS)).source(file.metadata.num_rows)


def arrow_source(path: str, stack: ExitStack) -> Source:
    """Open a file or a stream of Arrow IPC."""
    mapped = stack.enter_context(pa.memory_map(path))
    if mapped.read(6) != b"ARROW1":
        mapped.seek(0)
        reader = pa.ipc.open_stream(mapped)
        return Counting(reader.schema, iter(reader)).source(0)
    file = pa.ipc.open_file(mapped)
    batches = (file.get_batch(at) for at in range(file.num_record_batches))
    return Counting(file.schema, batches).source(0)


class Counting:
    """Batches whose rows are counted as they are read."""

    def __init__(self, schema: Any, batches: Iterable[Any]) -> None:
        self._schema, self._batches, self._rows = schema, batches, 0

    def source(self, size: int) -> Source:
        return Source(self._schema, self._counted(), size, lambda: self._rows)

    def _counted(self) -> Iterator[Any]:
        for batch in self._batches:
            self._rows += len(batch)
            yield batch


@contextmanager
def writing(path: str, schema: Any, standard_output: Any) -> Generator[Callable[[Any], None]]:
    """Open a file to write batches to; "-" is CSV on standard output.

    The file appears under its name when all of it is written. Until then, it has another one.
    """
    kind = format_of(path)
    if path == "-":
        write_csv(standard_output, csv_header(schema, ","))
        yield lambda batch: write_csv(standard_output, csv_lines(batch, ","))
        return
    part = f"{path}.part"
    try:
        with open(part, "wb") as sink, writer_of(kind, path, sink, schema) as write:
            yield write
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


@contextmanager
def writer_of(
    kind: str, path: str, sink: BinaryIO, schema: Any
) -> Generator[Callable[[Any], None], None, None]:
    if kind == "csv":
        delimiter = delimiter_of(path)
        opener = opener_of(path)
        with opener(sink, "wb") if opener else nullcontext(sink) as out:
            out.write(csv_header(schema, delimiter))

            def write(batch: Any) -> None:
                out.write(csv_lines(batch, delimiter))

            yield write
    elif kind == "parquet":
        with pq.ParquetWriter(sink, schema) as writer:
            yield writer.write_batch
    else:
        with pa.ipc.new_file(sink, schema) as writer:
            yield writer.write_batch


def csv_header(schema: Any, delimiter: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(schema.names)
    return out.getvalue().encode()


def csv_lines(batch: Any, delimiter: str) -> Any:
    """Return the lines of a batch as bytes. Only values that need quotes get them.

    >>> bytes(csv_lines(pa.record_batch({"a": ["x", "y,z", None], "b": [1, None, 3]}), ","))
    b'x,1\\n"y,z",\\n,3\\n'
    """
    if not len(batch):
        return b""
    columns = [csv_texts(column, delimiter) for column in batch.columns]
    columns[-1] = joined([columns[-1], text("\n")], "")
    lines = joined(columns, delimiter)
    # The values of this array lie one after the other.
    buffers, width = lines.buffers(), 8
    ends = np.frombuffer(buffers[1], np.int64, len(lines) + 1, lines.offset * width)
    return memoryview(buffers[2])[ends[0] : ends[-1]]


def csv_texts(column: Any, delimiter: str) -> Any:
    """Return a column as text for CSV."""
    if pa.types.is_dictionary(column.type):
        items = csv_texts(column.dictionary, delimiter)
        return pa.DictionaryArray.from_arrays(column.indices, items).dictionary_decode()
    texts = column.cast(pa.large_string())
    special = pc.match_substring_regex(texts, f'["\r\n{delimiter}]')
    if not pc.any(special).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    quoted = joined([text('"'), doubled, text('"')], "")
    return pc.if_else(special, quoted, texts)


def text(value: str) -> Any:
    return pa.scalar(value, pa.large_string())


def joined(parts: Sequence[Any], delimiter: str) -> Any:
    """Join columns of text row by row; nulls are empty."""
    return pc.binary_join_element_wise(*parts, text(delimiter), null_handling="replace")


def write_csv(out: Any, data: Any) -> None:
    """Write bytes to a stream of text."""
    out.write(bytes(data).decode("utf-8", "surrogateescape"))
