# SPDX-License-Identifier: MIT
"""What is asked of a table, apart from the frame: joins, and ranges that overlap.

`apply()` works on every frame in memory, whatever library it is of. Lazy frames and engines apply
the same request to each of their parts, so a request pickles.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from samara.frames.columns import Column, take_columns
from samara.frames.errors import FrameError
from samara.frames.found import Search
from samara.frames.keys import native, stored


@dataclass(frozen=True)
class Request(ABC):
    """Rows of a frame, together with columns of the table that belongs to them."""

    table: Any
    how: str
    columns: Any
    suffix: str

    def apply_to_part(self, part: Any, library: Any) -> Any:
        """Apply the request to a part of a frame, if nobody knows which rows it has."""
        try:
            return self.apply(part, library)
        except FrameError as error:
            raise FrameError(f"{error} (rows are counted from the start of a part)") from None

    @abstractmethod
    def apply(self, frame: Any, library: Any, start: int = 0) -> Any:
        """Return the frame with the table's columns.

        Args:
            frame: a frame in memory
            library: the module with the operations on it
            start: the number of its first row, for messages
        """

    def outputs(self, names: list[str]) -> list[tuple[str, Column]]:
        """Return the table's columns, each with its name beside columns of these names."""
        chosen = []
        taken = set(names)
        for name, new in self.table.chosen(self.columns):
            final = new if new not in taken else new + self.suffix
            if final in taken:
                raise ValueError(f"there are two columns {final!r}: give another suffix")
            taken.add(final)
            chosen.append((final, self.table.column(name)))
        return chosen


@dataclass(frozen=True)
class Join(Request):
    """A row for each row of the frame, or with how="inner" for those that are found."""

    on: str
    invalid: str

    def apply(self, frame: Any, library: Any, start: int = 0) -> Any:
        outputs = self.outputs(library.names(frame))
        search = self.table.search(library.column(frame, self.on), self.on, self.invalid, start)
        if self.how == "inner":
            found = search.found()
            if not found.hits.all():
                rows = np.flatnonzero(found.hits)
                frame, found = library.take(frame, rows), found.take(rows)
            search = Search([found])
        return library.append(frame, taken(outputs, search))


@dataclass(frozen=True)
class Overlapping(Request):
    """A row for each pair of a row of the frame and a range of the table that overlap."""

    first: str
    last: str
    closed: str

    def apply(self, frame: Any, library: Any, start: int = 0) -> Any:
        outputs = self.outputs(library.names(frame))
        names = (self.first, self.last)
        ends = [stored(library.column(frame, name), self.table.kind, name, start) for name in names]
        require_order(*ends, closed=self.closed, names=names, start=start)
        low, count = self.table.ranks.overlaps(*map(native, ends), self.closed)
        size = np.maximum(count, 1) if self.how == "left" else count
        rows = np.repeat(np.arange(len(size)), size)
        # The position of each pair among those of its row.
        steps = np.arange(len(rows)) - np.repeat(np.cumsum(size) - size, size)
        found = self.table.ranks.found(low.take(rows) + steps, count.take(rows) > 0)
        return library.append(library.take(frame, rows), taken(outputs, Search([found])))


def taken(outputs: list[tuple[str, Column]], search: Search) -> list[tuple[str, Any]]:
    """Return what a search finds of columns, with their names."""
    names = [name for name, _ in outputs]
    return list(zip(names, take_columns([column for _, column in outputs], search), strict=True))


def require_order(
    first: Any, last: Any, *, closed: str, names: tuple[str, str], start: int
) -> None:
    one, two = native(first), native(last)
    wrong = np.flatnonzero(two < one if closed == "both" else two <= one)
    if len(wrong):
        row = int(wrong[0])
        a, b = (repr(name) for name in names)
        if two[row] < one[row]:
            reason = f"{b} ({last[row]}) is before {a} ({first[row]})"
        else:
            reason = f"the range from {a} to {b} is empty ({first[row]})"
        raise FrameError(f"row {start + row}: {reason}")
