# SPDX-License-Identifier: MIT
"""Frames of dask: each partition is joined where it is.

The table is one piece of the graph, which the scheduler sends to each worker once. With a client of
distributed it is scattered first, so that the graph itself stays small.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any, Final

import dask.dataframe as dd
from dask import delayed

from samara.frames.libraries import pandas

NAME: Final = "pandas"


def is_frame(thing: Any) -> bool:
    return isinstance(thing, dd.DataFrame)


def apply(request: Any, frame: Any) -> Any:
    meta = request.apply(frame._meta, pandas)
    return frame.map_partitions(
        joined,
        shared(request.table),
        replace(request, table=None),
        meta=meta,
        align_dataframes=False,
    )


def joined(part: Any, table: Any, request: Any) -> Any:
    """Return the result for one partition, in a worker."""
    return replace(request, table=table).apply_to_part(part, pandas)


def shared(table: Any) -> Any:
    """Return the table as an argument that a graph has once."""
    client = client_in_use()
    if client is None:
        return delayed(table, traverse=False)
    # By its content: the same table is scattered once, however many joins it has.
    return client.scatter(table, broadcast=True)


def client_in_use() -> Any:
    """Return the client of distributed that computes what is computed now, or None."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.get_client()
    except ValueError:
        return None


def table(frame: Any) -> Any:
    return pandas.table(frame.compute())


# ---- joins to ranges that are a frame of dask ----------------------------------------------------

PARTS: Final = "pandas"


def empty(frame: Any) -> Any:
    return pandas.table(frame._meta)


def sample(frame: Any, name: str, count: int) -> Any:
    """Return about so many items of a column, in Arrow."""
    share = min(1.0, count / max(len(frame), 1))
    return pandas.column_of(frame[name].sample(frac=share, random_state=0).compute())


def shuffled(cut: Any, frame: Any, ranges: Any, parts: int) -> Any:
    """Shuffle both frames by the part, and join the partitions that have the same parts."""
    sides = []
    for side, with_parts in ((frame, cut.rows_with_parts), (ranges, cut.ranges_with_parts)):
        numbered = side.map_partitions(with_parts, meta=with_parts(side._meta))
        sides.append(numbered.shuffle(on="samara_part", npartitions=parts))
    meta = cut.joined(*(side._meta for side in sides))
    joined = sides[0].map_partitions(cut.joined, sides[1], meta=meta, align_dataframes=False)
    return joined.clear_divisions()
