# SPDX-License-Identifier: MIT
"""Frames of all libraries with the same content, and joins in plain Python to compare with."""

import random

import pytest

pa = pytest.importorskip("pyarrow")
pytest.importorskip("narwhals")


def pandas_frame(columns):
    pd = pytest.importorskip("pandas")
    return pd.DataFrame({name: array.to_pandas() for name, array in columns.items()})


def pandas_arrow_frame(columns):
    """Return a frame of pandas whose columns are in Arrow."""
    pd = pytest.importorskip("pandas")
    return pa.table(columns).to_pandas(types_mapper=pd.ArrowDtype)


def polars_frame(columns):
    return pytest.importorskip("polars").from_arrow(pa.table(columns))


def polars_lazy(columns):
    return polars_frame(columns).lazy()


def arrow_table(columns):
    return pa.table(columns)


def arrow_chunks(columns):
    """Return a table whose columns have several chunks, one of which is empty."""
    table = pa.table(columns)
    third = len(table) // 3
    parts = [table.slice(0, third), table.slice(third, 0), table.slice(third)]
    return pa.concat_tables(parts)


def arrow_batch(columns):
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def arrow_reader(columns):
    table = arrow_chunks(columns)
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches())


def duckdb_relation(columns):
    # The connection of a relation in old versions ends with its last name.
    CONNECTIONS.append(pytest.importorskip("duckdb").connect())
    return CONNECTIONS[-1].from_arrow(pa.table(columns))


CONNECTIONS: list[object] = []


def narwhals_frame(columns):
    return pytest.importorskip("narwhals").from_native(polars_frame(columns))


FRAMES = {
    "pandas": pandas_frame,
    "pandas_arrow": pandas_arrow_frame,
    "polars": polars_frame,
    "polars_lazy": polars_lazy,
    "pyarrow": arrow_table,
    "pyarrow_chunks": arrow_chunks,
    "pyarrow_batch": arrow_batch,
    "pyarrow_reader": arrow_reader,
    "duckdb": duckdb_relation,
    "narwhals": narwhals_frame,
}
# Those that begin with all columns in memory.
EAGER = ("pandas", "pandas_arrow", "polars", "pyarrow", "pyarrow_chunks", "pyarrow_batch")


def streamed(lazy):
    """Collect a lazy frame of polars with its streaming engine."""
    try:
        return lazy.collect(engine="streaming")
    except ValueError:
        return lazy.collect(streaming=True)  # old versions


def content(frame):
    """Return a frame's columns as lists, with None for all that is missing."""
    if hasattr(frame, "to_native"):
        frame = frame.to_native()
    if hasattr(frame, "collect"):
        frame = frame.collect()
    if hasattr(frame, "read_all"):
        frame = frame.read_all()
    if hasattr(frame, "to_arrow_table"):
        frame = frame.to_arrow_table()
    if hasattr(frame, "fetch_arrow_table"):
        frame = frame.fetch_arrow_table()
    if hasattr(frame, "iloc"):
        return {name: [item(value) for value in frame[name].tolist()] for name in frame.columns}
    if hasattr(frame, "to_pydict"):
        return frame.to_pydict()
    return frame.to_dict(as_series=False)


def item(value):
    """Return an item of pandas as other libraries have it."""
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return value.tolist()
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return None
    return value.to_pydatetime(warn=False) if hasattr(value, "to_pydatetime") else value


def row_with(ranges, key, closed="both"):
    """Return the position of the range that contains a key, or None."""
    if key is None or key != key:
        return None
    for row, (first, last) in enumerate(ranges):
        if first <= key and (key <= last if closed == "both" else key < last):
            return row
    return None


def joined(ranges, values, keys, closed="both"):
    """Return the value for each key."""
    rows = [row_with(ranges, key, closed) for key in keys]
    return [None if row is None else values[row] for row in rows]


def overlaps(ranges, rows, closed="both", closed_rows="both"):
    """Return the pairs (position in rows, position in ranges) that overlap."""
    pairs = []
    for at, (a, b) in enumerate(rows):
        for row, (first, last) in sorted(enumerate(ranges), key=lambda pair: pair[1]):
            begins = first <= b if closed_rows == "both" else first < b
            ends = a <= last if closed == "both" else a < last
            if begins and ends:
                pairs.append((at, row))
    return pairs


def some_ranges(rng: random.Random, count, top, closed="both"):
    """Return ranges of integers in random order, which touch, and some of one key."""
    places = sorted(rng.sample(range(top), 2 * count))
    ranges = list(zip(places[::2], places[1::2], strict=True))
    for at in range(0, count - 1, 3):  # touching the next one
        next_first = ranges[at + 1][0]
        ranges[at] = (ranges[at][0], next_first - 1 if closed == "both" else next_first)
    if closed == "both":
        for at in range(1, count, 4):
            ranges[at] = (ranges[at][0], ranges[at][0])
    rng.shuffle(ranges)
    return ranges
