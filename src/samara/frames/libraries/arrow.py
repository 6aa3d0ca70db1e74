# SPDX-License-Identifier: MIT
"""Tables and record batches of pyarrow."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from samara.frames.libraries.missing import no_column

NAME: Final = "pyarrow"


def is_frame(thing: Any) -> bool:
    return isinstance(thing, pa.Table | pa.RecordBatch)


def is_column(thing: Any) -> bool:
    return isinstance(thing, pa.Array | pa.ChunkedArray)


def names(frame: Any) -> list[str]:
    return list(frame.schema.names)


def column(frame: Any, name: str) -> Any:
    if names(frame).count(name) != 1:
        raise no_column(name, names(frame))
    return frame.column(name)


def take(frame: Any, rows: Any) -> Any:
    return frame.take(pa.array(rows))


def append(frame: Any, outputs: Any) -> Any:
    fields, arrays = list(frame.schema), list(frame.columns)
    for name, taken in outputs:
        arrays.append(taken.array)
        fields.append(pa.field(name, taken.column.type))
    # Metadata of pandas would tell of the old columns only. It still tells the index.
    schema = pa.schema(fields, frame.schema.metadata)
    if isinstance(frame, pa.RecordBatch):
        return pa.RecordBatch.from_arrays(arrays, schema=schema)
    if not arrays:
        return frame
    return pa.Table.from_arrays(arrays, schema=schema)


def table(frame: Any) -> Any:
    return pa.Table.from_batches([frame]) if isinstance(frame, pa.RecordBatch) else frame


def column_of(given: Any) -> Any:
    return given


def look_up(given: Any, outputs: Any) -> Any:
    return pa.table({name: taken.array for name, taken in outputs})


def of_table(given: Any) -> Any:
    return given


# ---- for parts of a frame ------------------------------------------------------------------------


def with_column(frame: Any, name: str, values: Any) -> Any:
    return frame.append_column(name, pa.array(values))


def without_column(frame: Any, name: str) -> Any:
    return frame.drop_columns([name])


def concat(frames: Any) -> Any:
    return pa.concat_tables(frames)
