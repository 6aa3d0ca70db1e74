# SPDX-License-Identifier: MIT
"""Frames of polars in memory."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import pyarrow as pa

from samara.frames.libraries.missing import no_column

NAME: Final = "polars"


def is_frame(thing: Any) -> bool:
    return isinstance(thing, pl.DataFrame)


def is_column(thing: Any) -> bool:
    return isinstance(thing, pl.Series)


def names(frame: Any) -> list[str]:
    return list(frame.columns)


def column(frame: Any, name: str) -> Any:
    if name not in frame.columns:
        raise no_column(name, frame.columns)
    return column_of(frame.get_column(name))


def take(frame: Any, rows: Any) -> Any:
    return frame[rows]


def append(frame: Any, outputs: Any, found: Any) -> Any:
    return frame.with_columns(new_columns(outputs, found))


def new_columns(outputs: Any, found: Any) -> list[Any]:
    return [polars_column(given, found).alias(name) for name, given in outputs]


def polars_column(given: Any, found: Any) -> Any:
    """Return rows of a column as a series. Strings of a dictionary are an Enum."""
    if not given.is_dictionary:
        return pl.from_arrow(given.take(found))
    # An Enum has the same categories in each part of a lazy frame.
    known = given.__dict__.get("enum")
    if known is None:
        items = given.array.dictionary_decode().to_pylist()
        known = pl.Series(items, dtype=pl.Enum(given.array.dictionary.to_pylist()))
        given.__dict__["enum"] = known
    rows = pa.array(found.rows.astype("u4"), mask=~found.hits)
    return known.gather(pl.from_arrow(rows))


def table(frame: Any) -> Any:
    return frame.to_arrow()


def column_of(given: Any) -> Any:
    return given.to_arrow()


def look_up(given: Any, outputs: Any, found: Any) -> Any:
    return pl.DataFrame(new_columns(outputs, found))


def of_table(given: Any) -> Any:
    return pl.from_arrow(given)
