# SPDX-License-Identifier: MIT
"""Frames of PySpark: each batch is joined in Arrow where it is, with `mapInArrow()`.

The table is broadcast: each executor gets it once. With Spark Connect, which has no broadcasts, it
is part of the function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from inspect import signature
from typing import Any, Final

import pyarrow as pa
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

from samara.frames.libraries import arrow

NAME: Final = "pyarrow"
# Spark has no unsigned integers.
SIGNED: Final = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20),
}


def is_frame(thing: Any) -> bool:
    return hasattr(thing, "mapInArrow")


def apply(request: Any, frame: Any) -> Any:
    schema = spark_schema(request.apply(empty(frame), arrow).schema)
    table = shared(request.table, frame)
    return frame.mapInArrow(
        function(table, replace(request, table=None), schema), from_arrow_schema(schema)
    )


def empty(frame: Any) -> Any:
    """Return an Arrow table with the frame's columns and no rows."""
    # Newer versions ask for the time zone of moments.
    newer = "timezone" in signature(to_arrow_schema).parameters
    return to_arrow_schema(frame.schema, **({"timezone": "UTC"} if newer else {})).empty_table()


def shared(table: Any, frame: Any) -> Callable[[], Any]:
    """Return a function that returns the table in a worker."""
    context = getattr(frame.sparkSession, "_sc", None)
    if context is None:
        return lambda: table
    broadcast = context.broadcast(table)
    return lambda: broadcast.value


def function(
    table: Callable[[], Any], request: Any, schema: Any
) -> Callable[[Iterable[Any]], Iterator[Any]]:
    def joined(batches: Iterable[Any]) -> Iterator[Any]:
        whole = replace(request, table=table())
        for batch in batches:
            result = whole.apply_to_part(pa.Table.from_batches([batch]), arrow)
            yield from as_spark(result, schema).to_batches()

    return joined


def spark_schema(schema: Any) -> Any:
    """Return a schema with the nearest types that Spark has."""
    return pa.schema([pa.field(field.name, spark_type(field.type)) for field in schema])


def spark_type(kind: Any) -> Any:
    types = pa.types
    if types.is_dictionary(kind):
        return spark_type(kind.value_type)
    if types.is_large_string(kind):
        return pa.string()
    if types.is_fixed_size_binary(kind) or types.is_large_binary(kind):
        return pa.binary()
    if types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return SIGNED.get(kind, kind)


def as_spark(table: Any, schema: Any) -> Any:
    """Return the table with these types. Moments lose what is finer than a microsecond."""
    columns = [
        column.cast(kind, safe=not pa.types.is_timestamp(kind))
        for column, kind in zip(table.columns, schema.types, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def table(frame: Any) -> Any:
    """Return all rows in Arrow."""
    if hasattr(frame, "toArrow"):
        return frame.toArrow()
    return pa.Table.from_pandas(frame.toPandas(), preserve_index=False)


# ---- joins to ranges that are a frame of Spark ---------------------------------------------------

PARTS: Final = "pyarrow"


def sample(frame: Any, name: str, count: int) -> Any:
    """Return about so many items of a column, in Arrow."""
    column = frame.select(name)
    share = min(1.0, count / max(column.count(), 1))
    return table(column.sample(share, seed=0) if share < 1 else column).column(name)


def shuffled(cut: Any, frame: Any, ranges: Any, parts: int) -> Any:
    """Shuffle both frames by the part, and join the groups of each part."""
    sides, samples = [], []
    for side, with_parts in ((frame, cut.rows_with_parts), (ranges, cut.ranges_with_parts)):
        samples.append(with_parts(empty(side)))
        schema = from_arrow_schema(samples[-1].schema)
        numbered = side.mapInArrow(each_batch(with_parts), schema)
        sides.append(numbered.groupBy("samara_part"))
    schema = spark_schema(cut.joined(*samples).schema)

    def joined(rows: Any, some: Any) -> Any:
        if not len(rows):
            return schema.empty_table()
        return as_spark(cut.joined(rows, some), schema)

    return sides[0].cogroup(sides[1]).applyInArrow(joined, from_arrow_schema(schema))


def each_batch(change: Callable[[Any], Any]) -> Callable[[Iterable[Any]], Iterator[Any]]:
    def changed(batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            yield from change(pa.Table.from_batches([batch])).to_batches()

    return changed
