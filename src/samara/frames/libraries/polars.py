# SPDX-License-Identifier: MIT
"""Frames of polars in memory."""

from __future__ import annotations

from dataclasses import replace
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


def append(frame: Any, outputs: Any) -> Any:
    return frame.hstack(new_columns(outputs))


def new_columns(outputs: Any) -> list[Any]:
    return [polars_column(taken).alias(name) for name, taken in outputs]


def polars_column(taken: Any) -> Any:
    """Return rows of a column as a series. Strings of a dictionary are an Enum."""
    given = taken.column
    if not given.is_dictionary:
        return pl.from_arrow(taken.array)
    # An Enum has the same categories in each part of a lazy frame.
    known = given.__dict__.get("enum")
    if known is None:
        known = given.__dict__["enum"] = Enum(given.array.dictionary.to_pylist())
    return known.of_codes(taken)


class Enum:
    """The Enum of a column's strings, which is made once."""

    def __init__(self, items: list[str]) -> None:
        self._type = pl.Enum(items)
        self._items = pl.Series(items, dtype=self._type)
        self._codes = self._items.to_physical().to_arrow().type

    def of_codes(self, taken: Any) -> Any:
        """Return the series of these codes. polars checks them. Newer versions copy nothing."""
        bits = taken.bits.astype(f"u{self._codes.bit_width // 8}", copy=False)
        codes = pl.from_arrow(replace(taken, bits=bits).codes(self._codes))
        if hasattr(codes.cat, "to"):
            return codes.cat.to(self._type)
        return self._items.gather(codes)


def table(frame: Any) -> Any:
    return frame.to_arrow()


def column_of(given: Any) -> Any:
    if given.dtype == pl.Binary and hasattr(pa.types, "is_binary_view"):
        # As it is in memory: otherwise polars copies all of it.
        return given.to_arrow(compat_level=pl.CompatLevel.newest())
    return given.to_arrow()


def look_up(given: Any, outputs: Any) -> Any:
    return pl.DataFrame(new_columns(outputs))


def of_table(given: Any) -> Any:
    return pl.from_arrow(given)
