# SPDX-License-Identifier: MIT
"""Joins of keys to ranges in each library: by samara, and by what the library has itself.

A join takes a case's frame and returns the value of each row, in the order of the rows: the row of
the table, or -1. What it returns is compared before anything is timed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import duckdb
import numpy
import pandas
import polars
import pyarrow

from samara import RangeTable

Join = Callable[[], Any]


@dataclass
class Case:
    """Ranges that include both ends, in ascending order, and keys; as numpy arrays."""

    name: str
    keys_dtype: str
    first: Any
    last: Any
    keys: Any
    text: list[str] = field(default_factory=list)
    """A string for each range."""

    @cached_property
    def arrow(self) -> Any:
        return pyarrow.table(
            {
                "first": arrow_column(self.first),
                "last": arrow_column(self.last),
                "row": pyarrow.array(numpy.arange(len(self.first), dtype="i4")),
                "text": self.text,
            }
        )

    @cached_property
    def keyed(self) -> Any:
        return pyarrow.table({"key": arrow_column(self.keys)})

    @cached_property
    def table(self) -> RangeTable:
        return RangeTable.from_frame(self.arrow, first="first", last="last", keys=self.keys_dtype)

    @cached_property
    def expected(self) -> Any:
        """The row of each key, by numpy's binary search."""
        at = numpy.searchsorted(self.first, self.keys, side="right") - 1
        return numpy.where((at >= 0) & (self.keys <= self.last[at]), at, -1)


def arrow_column(array: Any) -> Any:
    """Return a numpy array in Arrow; strings of 16 bytes without looking at each."""
    if array.dtype.kind != "S":
        return pyarrow.array(array)
    buffers = [None, pyarrow.py_buffer(array)]
    return pyarrow.Array.from_buffers(pyarrow.binary(16), len(array), buffers)


class Library(ABC):
    """The joins of one library. `frame` and `ranges` are frames of it."""

    name: str
    in_parts = False
    """Whether the library calls samara for parts of a frame, in threads of its own."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.frame, self.ranges = self.made(case.keyed), self.made(case.arrow)

    @abstractmethod
    def made(self, table: Any) -> Any:
        """Return a frame of the library."""

    @abstractmethod
    def rows(self, result: Any) -> Any:
        """Return column "row" of a result as a numpy array, with -1 for missing."""

    def samara(self, column: str = "row") -> Any:
        return self.case.table.join(self.frame, on="key", columns=[column])

    def peers(self) -> dict[str, Join]:
        return {}


class PyArrow(Library):
    name = "pyarrow"

    def made(self, table: Any) -> Any:
        return table

    def rows(self, result: Any) -> Any:
        return result.column("row").fill_null(-1).to_numpy()


class Pandas(Library):
    name = "pandas"

    def made(self, table: Any) -> Any:
        if any(pyarrow.types.is_fixed_size_binary(kind) for kind in table.schema.types):
            return table.to_pandas(types_mapper=pandas.ArrowDtype)
        return table.to_pandas()

    def rows(self, result: Any) -> Any:
        return result["row"].fillna(-1).to_numpy("i8")

    def peers(self) -> dict[str, Join]:
        if self.case.keys_dtype == "ipv6":
            return {}  # merge_asof() has no keys of bytes
        return {"merge_asof": self.merge_asof, "IntervalIndex": self.interval_index}

    def merge_asof(self) -> Any:
        ordered = self.frame.sort_values("key", kind="stable")
        ranges = self.ranges[["first", "last", "row"]]
        found = pandas.merge_asof(ordered, ranges, left_on="key", right_on="first")
        found.index = ordered.index
        found = found.sort_index()
        return found.assign(row=found["row"].where(found["key"] <= found["last"]))

    def interval_index(self) -> Any:
        at = self.intervals.get_indexer(self.frame["key"])
        return self.frame.assign(row=at)

    @cached_property
    def intervals(self) -> Any:
        return pandas.IntervalIndex.from_arrays(
            self.ranges["first"], self.ranges["last"], closed="both"
        )


class Polars(Library):
    name = "polars"

    def made(self, table: Any) -> Any:
        return polars.from_arrow(table)

    def rows(self, result: Any) -> Any:
        return result["row"].fill_null(-1).to_numpy()

    def peers(self) -> dict[str, Join]:
        return {} if self.case.keys_dtype == "ipv6" else {"join_asof": self.join_asof}

    def asof(self, frame: Any, ranges: Any) -> Any:
        ordered = frame.with_row_index("at").sort("key")
        found = ordered.join_asof(ranges, left_on="key", right_on="first", strategy="backward")
        row = polars.when(polars.col("key") <= polars.col("last")).then(polars.col("row"))
        return found.sort("at").select("key", row.alias("row"))

    def join_asof(self) -> Any:
        return self.asof(self.frame, self.ranges.select("first", "last", "row"))


class PolarsLazy(Polars):
    name = "polars lazy"
    in_parts = True

    def samara(self, column: str = "row") -> Any:
        lazy = self.frame.lazy()
        joined = self.case.table.join(lazy, on="key", columns=[column])
        return joined.collect(engine="streaming")

    def join_asof(self) -> Any:
        ranges = self.ranges.lazy().select("first", "last", "row")
        return self.asof(self.frame.lazy(), ranges).collect(engine="streaming")


class DuckDB(Library):
    name = "duckdb"

    def made(self, table: Any) -> Any:
        """Return a table of duckdb, in its own memory."""
        name = f"{self.case.name}_{table.schema.names[0]}"
        duckdb.from_arrow(table).create(name)
        return duckdb.table(name)

    def rows(self, result: Any) -> Any:
        if not isinstance(result, pyarrow.Table):
            result = result.to_arrow_table()
        return result.column("row").fill_null(-1).to_numpy()

    def peers(self) -> dict[str, Join]:
        return {} if self.case.keys_dtype == "ipv6" else {"ASOF": self.asof}

    def asof(self) -> Any:
        """Join without the order of the rows, which duckdb does not promise."""
        keyed, ranges = self.frame, self.ranges  # noqa: F841  (names in the query)
        return duckdb.sql(
            """SELECT k.key, CASE WHEN k.key <= r.last THEN r.row END AS row
            FROM keyed k ASOF LEFT JOIN ranges r ON k.key >= r.first"""
        ).to_arrow_table()


LIBRARIES: tuple[type[Library], ...] = (PyArrow, Pandas, Polars, PolarsLazy, DuckDB)
# Joins by inequalities: too slow for all keys.
SLOW = 20_000


def inequality_joins(case: Case) -> dict[str, Join]:
    """Return joins of the first SLOW keys by two inequalities, in polars and duckdb."""
    keys = case.keyed.slice(0, SLOW)
    frame, ranges = polars.from_arrow(keys), polars.from_arrow(case.arrow)

    def join_where() -> Any:
        lazy = frame.with_row_index("at").lazy()
        key = polars.col("key")
        joined = lazy.join_where(
            ranges.lazy().select("first", "last", "row"),
            key >= polars.col("first"),
            key <= polars.col("last"),
        )
        return joined.collect(engine="streaming").sort("at")["row"].to_numpy()

    def iejoin() -> Any:
        keyed, wanted = keys.append_column("at", pyarrow.array(range(len(keys)))), case.arrow  # noqa: F841
        found = duckdb.sql(
            """SELECT k.at, r.row FROM keyed k JOIN wanted r
            ON k.key >= r.first AND k.key <= r.last"""
        ).to_arrow_table()
        return found.sort_by("at").column("row").to_numpy()

    return {"polars join_where": join_where, "duckdb IEJoin": iejoin}
