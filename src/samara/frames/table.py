# SPDX-License-Identifier: MIT
"""RangeTable: ranges with columns, which frames are joined to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Literal, TypeVar

import pyarrow as pa

from samara.frames import files, libraries
from samara.frames.columns import Column
from samara.frames.content import Content, Spec, build, content_of
from samara.frames.errors import FrameError
from samara.frames.found import Search
from samara.frames.index import RangeIndex, Ranks
from samara.frames.keys import Kind
from samara.frames.libraries.missing import no_column
from samara.frames.request import Join, Overlapping, taken

Frame = TypeVar("Frame")
How = Literal["left", "inner"]
Closed = Literal["both", "left"]
Overlap = Literal["error", "last"]
Invalid = Literal["error", "miss"]
Columns = Sequence[str] | Mapping[str, str] | None
SUFFIX: Final = "_right"


class RangeTable:
    """Ranges with any columns behind them, to join frames of many libraries to.

    Make one with `from_frame()`, `read_parquet()` or `read_ipc()`. A table is immutable, so
    threads can share it. It pickles; with protocol 5, its columns are buffers that need no copy.

    Ranges do not overlap. The columns are in Arrow; strings that repeat are dictionary-encoded.
    A look-up costs O(log n) for each row.

    >>> prices = pa.table({"since": [1, 5], "until": [5, 9], "price": [1.5, 2.5]})
    >>> table = RangeTable.from_frame(prices, first="since", end="until")
    >>> table.join(pa.table({"day": [4, 5, 9]}), on="day").to_pydict()
    {'day': [4, 5, 9], 'price': [1.5, 2.5, None]}
    >>> table
    RangeTable(2 ranges, keys='int64', columns=['price'])
    """

    _content: Content
    _path: str | None

    def __init__(self) -> None:
        raise TypeError("use RangeTable.from_frame(), read_parquet() or read_ipc()")

    # ---- making tables ---------------------------------------------------------------------------

    @classmethod
    def _of(cls, content: Content, path: str | None = None) -> RangeTable:
        table = object.__new__(cls)
        table._content, table._path = content, path
        table._index  # noqa: B018  (errors come now)
        libraries.register_expressions()
        return table

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        first: str | None = None,
        last: str | None = None,
        end: str | None = None,
        network: str | None = None,
        closed: Closed | None = None,
        keys: str | None = None,
        overlap: Overlap = "error",
        categories: bool = True,
    ) -> RangeTable:
        """Make a table of the rows of a frame. O(n log n), or O(n) if they are sorted.

        Args:
            frame: a frame of pandas, polars, pyarrow, duckdb, dask, Spark or narwhals, a dict of
                columns, or anything that exports an Arrow stream. Its columns are copied to Arrow.
            first: the column with the first key of each range
            last: the column with its last key, which is included
            end: instead of last, the column with its exclusive end
            network: instead of first and last, a column of networks such as "10.0.0.0/8"
            closed: "both" or "left": whether last is included. Default: as last or end say.
            keys: the kind of keys: "ipv4", "ipv6" or "ip" (both families) for columns of text, or
                of integers; otherwise what the columns hold: "int64", "uint64", "float64", "date",
                "datetime64[us]" (or s, ms, ns), "datetime64[us, UTC]" for any time zone, or "ipv6"
                for 16 bytes.
            overlap: "error", or "last": where ranges overlap, the one in the later row wins. Of
                networks, the smallest ones win, whatever their order.
            categories: strings that repeat are dictionary-encoded, and come out of joins as
                categories. False: all strings come out as strings, which takes longer.

        Raises:
            FrameError: A bound is null or NaN, a range is empty or ends before it begins, or two
                ranges overlap. The message names the column and the row.
            KeyError: The frame has no such column.
            TypeError: The columns hold no keys, or different kinds of keys: moments with and
                without a time zone, for instance.

        >>> sites = {"network": ["10.0.0.0/8", "10.9.0.0/16"], "site": ["office", "lab"]}
        >>> table = RangeTable.from_frame(sites, network="network", overlap="last")
        >>> table.look_up(["10.1.2.3", "10.9.2.3", "::1"]).to_pydict()
        {'site': ['office', 'lab', None]}
        """
        ends = [name for name in (last, end) if name is not None]
        if network is not None:
            if first is not None or ends or closed == "left":
                raise TypeError("give either network, or first and last or end")
        elif first is None or len(ends) != 1:
            raise TypeError("give first and one of last and end, or network")
        if closed is None:
            closed = "both" if end is None else "left"
        one_of("closed", closed, ("both", "left"))
        one_of("overlap", overlap, ("error", "last"))
        table, library = libraries.to_arrow(frame)
        named = (first, ends[0] if ends else None, network)
        spec = Spec(*named, closed, overlap, keys, library, categories)
        return cls._of(build(table, spec))

    @classmethod
    def read_parquet(cls, path: Any, **ranges: Any) -> RangeTable:
        """Read a table from a Parquet file, or from a folder of them.

        Args:
            path: the file
            ranges: the keyword arguments of `from_frame()`, for a file that `write_parquet()` has
                not written
        """
        return cls._read(files.read_parquet(path), ranges, None)

    @classmethod
    def read_ipc(cls, path: Any, *, share: bool = False, **ranges: Any) -> RangeTable:
        """Read a table from an Arrow IPC file (also known as Feather).

        The file is mapped into memory: processes that read the same file share one copy of the
        columns, if `write_ipc()` has written it. Each has a tree of its own, of 17 to 40 bytes for
        each range. The file must not change meanwhile.

        Args:
            path: the file
            share: pickles have only the path. Use this with engines whose workers can read the
                file there.
            ranges: the keyword arguments of `from_frame()`, for a file from elsewhere
        """
        if share and ranges:
            raise TypeError("only files that write_ipc() has written can be shared")
        return cls._read(files.read_ipc(path), ranges, str(path) if share else None)

    @classmethod
    def _read(cls, table: Any, ranges: dict[str, Any], path: str | None) -> RangeTable:
        if ranges:
            return cls.from_frame(table, **ranges)
        content = content_of(table)
        if content is None:
            raise FrameError("samara did not write this file: name its columns, as in from_frame()")
        return cls._of(content, path)

    def write_parquet(self, path: Any) -> None:
        """Write the table to a Parquet file, which other programs can read too.

        Bounds that are text are also written as numbers, in two more columns.
        """
        files.write_parquet(self._content, path)

    def write_ipc(self, path: Any) -> None:
        """Write the table to an Arrow IPC file that `read_ipc()` can map into memory."""
        files.write_ipc(self._content, path)

    def __reduce__(self) -> Any:
        if self._path is not None:
            return table_at, (type(self), self._path)
        return table_in, (type(self), files.to_buffer(self._content))

    # ---- joins -----------------------------------------------------------------------------------

    def join(
        self,
        frame: Frame,
        on: str,
        how: How = "left",
        *,
        columns: Columns = None,
        suffix: str = SUFFIX,
        invalid: Invalid = "error",
    ) -> Frame:
        """Add the columns of the range that contains each row's key. O(log n) for each row.

        The result is a frame of the same library, with the caller's own columns as they are. The
        order of the rows stays the same. The types of new columns do not depend on the data: in
        pandas, integers and bools of a left join are nullable; strings that repeat come as
        categories (pandas), an Enum (polars) or a dictionary (pyarrow).

        Lazy frames of polars, readers of pyarrow, and frames of dask and Spark are joined part by
        part when they are computed. A relation of duckdb is run at once. Large frames are joined in
        as many threads as `pyarrow.cpu_count()` says.

        Args:
            frame: a frame of pandas, polars, pyarrow, duckdb, dask, Spark or narwhals
            on: the column with the keys; with pandas, also a level of the index. Nulls find
                nothing.
            how: "left" keeps all rows, with nulls for those without a range; "inner" drops these
            columns: which of the table's columns to add, in this order, or a dict of the names
                that they get. Default: all except the bounds.
            suffix: added to a new column's name if the frame has that name
            invalid: "error", or "miss": text that is not an address finds nothing

        Raises:
            FrameError: A value in the column is no key of the table.
            KeyError: The frame or the table has no such column.
            TypeError: The column's type does not go with the table's keys.

        >>> table = RangeTable.from_frame(
        ...     {"low": [0.0, 18.5], "high": [18.5, 25.0], "class": ["under", "normal"]},
        ...     first="low",
        ...     end="high",
        ... )
        >>> table.join(pa.table({"bmi": [18.4, 30.0]}), on="bmi", how="inner").to_pydict()
        {'bmi': [18.4], 'class': ['under']}
        """
        one_of("how", how, ("left", "inner"))
        one_of("invalid", invalid, ("error", "miss"))
        joined: Frame = self._apply(Join(self, how, columns, suffix, on, invalid), frame)
        return joined

    def overlapping(
        self,
        frame: Frame,
        first: str,
        last: str | None = None,
        *,
        end: str | None = None,
        how: How = "inner",
        columns: Columns = None,
        suffix: str = SUFFIX,
    ) -> Frame:
        """Return one row for each overlap of a row, which is a range itself, and a range here.

        O(log n) for each row and O(1) for each overlap. Rows stay in order; the overlaps of a row
        are in the order of their keys. If the table was made with overlap="last", a range that a
        later one cuts in two counts as two.

        Args:
            frame: as in `join()`
            first: the column with the first key of each row
            last: the column with its last key, which is included
            end: instead of last, the column with its exclusive end
            how: "left" also keeps rows without an overlap
            columns, suffix: as in `join()`

        Raises:
            FrameError: A bound is null, or a row's range is empty or ends before it begins.
            KeyError, TypeError: as in `join()`

        >>> table = RangeTable.from_frame(
        ...     {"since": [1, 5], "until": [5, 9], "price": [1.5, 2.5]}, first="since", end="until"
        ... )
        >>> stays = pa.table({"guest": ["Ana", "Bo"], "from": [4, 9], "to": [6, 11]})
        >>> table.overlapping(stays, "from", end="to", columns=["price"]).to_pydict()
        {'guest': ['Ana', 'Ana'], 'from': [4, 4], 'to': [6, 6], 'price': [1.5, 2.5]}
        """
        if (last is None) == (end is None):
            raise TypeError("give one of last and end")
        one_of("how", how, ("left", "inner"))
        closed = "both" if end is None else "left"
        name = str(last if end is None else end)
        request = Overlapping(self, how, columns, suffix, first, name, closed)
        found: Frame = self._apply(request, frame)
        return found

    def look_up(self, column: Any, *, columns: Columns = None, invalid: Invalid = "error") -> Any:
        """Return the table's columns for each key of a column, as a frame of the same library.

        Args:
            column: a Series or Index of pandas, a Series of polars, an array of pyarrow; or a numpy
                array or a sequence, for which the result is a table of pyarrow
            columns, invalid: as in `join()`

        >>> table = RangeTable.from_frame(
        ...     {"since": [1, 5], "until": [5, 9], "price": [1.5, 2.5]}, first="since", end="until"
        ... )
        >>> table.look_up([8, 9])["price"].to_pylist()
        [2.5, None]
        """
        one_of("invalid", invalid, ("error", "miss"))
        library = libraries.column_library(column)
        if library is None:
            column, library = pa.array(column), libraries.column_library(pa.array([]))
        outputs = [(new, self.column(name)) for name, new in self.chosen(columns)]
        array = library.column_of(column)
        search = self.search(array, str(getattr(column, "name", None) or "column"), invalid)
        return library.look_up(column, taken(outputs, search))

    def _apply(self, request: Any, frame: Any) -> Any:
        request.outputs([])  # unknown columns are an error now, not in a worker
        return libraries.apply(request, frame)

    # ---- what is in the table --------------------------------------------------------------------

    def to_frame(self, library: str | None = None) -> Any:
        """Return the table's rows, in the order of their ranges, as a frame.

        Args:
            library: "pandas", "polars" or "pyarrow". Default: that of the frame that the table was
                made from, or else "pyarrow".

        >>> table = RangeTable.from_frame({"a": [5, 1], "b": [9, 2]}, first="a", last="b")
        >>> table.to_frame().to_pydict()
        {'a': [1, 5], 'b': [2, 9]}
        """
        return libraries.from_arrow(self._content.plain(), library or self._content.spec.library)

    @property
    def keys(self) -> str:
        """The kind of keys, as in `from_frame()`."""
        return self._content.bounds.kind.name

    @property
    def columns(self) -> list[str]:
        """The names of the columns that `join()` adds by default: all except the bounds."""
        bounds = self._content.spec.names
        return [name for name in self._content.columns if name not in bounds]

    @property
    def nbytes(self) -> int:
        """The bytes of the columns and of the trees."""
        bounds = self._content.bounds
        arrays = [*self._content.columns.values(), bounds.first, bounds.last]
        trees = self._index.trees.values()
        return sum(int(thing.nbytes) for thing in (*arrays, *trees))

    def __len__(self) -> int:
        return len(self._content.bounds)

    def __repr__(self) -> str:
        return f"RangeTable({len(self):,} ranges, keys={self.keys!r}, columns={self.columns})"

    # ---- for requests ----------------------------------------------------------------------------

    @property
    def kind(self) -> Kind:
        return self._content.bounds.kind

    @cached_property
    def _index(self) -> RangeIndex:
        return RangeIndex(self._content.bounds)

    @cached_property
    def ranks(self) -> Ranks:
        return Ranks(self._content.bounds)

    @cached_property
    def _columns(self) -> dict[str, Column]:
        return {name: Column(name, array) for name, array in self._content.columns.items()}

    def column(self, name: str) -> Column:
        return self._columns[name]

    def chosen(self, columns: Columns) -> list[tuple[str, str]]:
        """Return the names of columns, and their new names."""
        if isinstance(columns, str):
            raise TypeError("columns must be a list of names or a dict, not a str")
        chosen = columns if columns is not None else self.columns
        renamed = dict(chosen) if isinstance(chosen, Mapping) else {name: name for name in chosen}
        for name in renamed:
            if name not in self._content.columns:
                raise no_column(name, list(self._content.columns))
        return list(renamed.items())

    def search(self, column: Any, name: str, invalid: str, start: int = 0) -> Search:
        return self._index.search(column, name, invalid, start)


def table_in(kind: type[RangeTable], buffer: Any) -> RangeTable:
    """Return the table in a buffer, for pickle."""
    return kind._of(files.from_buffer(buffer))


def table_at(kind: type[RangeTable], path: str) -> RangeTable:
    """Return the table in a file, for pickle."""
    return kind.read_ipc(path, share=True)


def one_of(name: str, given: Any, words: Sequence[str]) -> None:
    if given not in words:
        raise ValueError(f"{name} must be {' or '.join(map(repr, words))}, not {given!r}")
