# SPDX-License-Identifier: MIT
"""Joins to tables that are too big for one worker: dask's and Spark's own shuffle cuts both sides.

The keys are cut into parts, which have about the same number of ranges. Rows and ranges get the
number of their part, a range of several parts once for each, and the engine brings those of a part
together. There, each part is an ordinary table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np

from samara.frames import libraries
from samara.frames.content import Spec
from samara.frames.keys import Kind, is_text, keys_of, native, plain, stored
from samara.frames.table import SUFFIX, Columns, How, RangeTable, one_of

Frame = TypeVar("Frame")
PART: Final = "samara_part"
# Ranges that are looked at for each part, to find out where to cut.
SAMPLE: Final = 200


@dataclass(frozen=True)
class Cut:
    """How rows and ranges are cut into parts. The frames are those of one library in memory."""

    spec: Spec
    kind: Kind
    places: Any
    on: str
    how: str
    columns: Any
    suffix: str
    library: str

    @property
    def _library(self) -> Any:
        return libraries.module_of(self.library)

    def _part_of(self, keys: Any) -> Any:
        """Return the part of each key: it begins at the key or below it."""
        return np.searchsorted(self.places, keys, side="right").astype(np.int32)

    def rows_with_parts(self, rows: Any) -> Any:
        """Return rows with their part in a column. Those without a key are in the first one."""
        library = self._library
        keys = keys_of(plain(library.column(rows, self.on)), self.kind, self.on)
        parts = self._part_of(keys.values)
        if keys.valid is not None:
            parts[~keys.valid] = 0
        return library.with_column(rows, PART, parts)

    def ranges_with_parts(self, ranges: Any) -> Any:
        """Return ranges with their part in a column, each range once for each of its parts."""
        library = self._library
        first, last = (
            native(stored(library.column(ranges, name), self.kind, name))
            for name in self.spec.names
        )
        low, high = self._part_of(first), self._part_of(last)
        # A range that ends before it begins stays, to be an error later.
        count = np.maximum(high - low + 1, 1)
        at = np.repeat(np.arange(len(count)), count)
        steps = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
        parts = (low.take(at) + steps).astype(np.int32)
        return library.with_column(library.take(ranges, at), PART, parts)

    def joined(self, rows: Any, ranges: Any) -> Any:
        """Join rows to ranges; both are of the same parts."""
        library = self._library
        ours, theirs = (np.asarray(library.column(side, PART)) for side in (rows, ranges))
        rows, ranges = (library.without_column(side, PART) for side in (rows, ranges))
        results = []
        for part in np.unique(ours).tolist() or [0]:
            some = library.take(ranges, np.flatnonzero(theirs == part))
            results.append(self._joined(library.take(rows, np.flatnonzero(ours == part)), some))
        return results[0] if len(results) == 1 else library.concat(results)

    def _joined(self, rows: Any, ranges: Any) -> Any:
        end = {"both": "last", "left": "end"}[self.spec.closed]
        bounds: dict[str, Any] = {"first": self.spec.first, end: self.spec.last}
        # Parts would have different categories.
        table = RangeTable.from_frame(ranges, keys=self.kind.name, categories=False, **bounds)
        how: Any = self.how
        return table.join(rows, self.on, how, columns=self.columns, suffix=self.suffix)


def join_partitioned(
    frame: Frame,
    ranges: Any,
    on: str,
    how: How = "left",
    *,
    first: str,
    last: str | None = None,
    end: str | None = None,
    keys: str | None = None,
    parts: int = 32,
    columns: Columns = None,
    suffix: str = SUFFIX,
) -> Frame:
    """Join a frame of dask or Spark to ranges that are a frame of that engine too.

    Use this if the ranges are too many for the memory of a worker; otherwise `RangeTable.join()`
    is faster, since it moves no rows. The engine shuffles both frames. Rows come in another order.

    Args:
        frame: a DataFrame of dask or of PySpark
        ranges: a DataFrame of the same engine, whose rows are ranges that do not overlap
        on: the column of the frame with the keys
        how: as in `RangeTable.join()`
        first, last, end, keys: as in `RangeTable.from_frame()`. Columns of text are not supported.
        parts: how many parts to make. A worker needs the memory of a part of each side.
        columns, suffix: as in `RangeTable.join()`

    Raises:
        KeyError, TypeError, ValueError: as in these methods, and FrameError when it is computed
    """
    one_of("how", how, ("left", "inner"))
    if (last is None) == (end is None):
        raise TypeError("give one of last and end")
    if parts < 1:
        raise ValueError(f"parts must be 1 or more, not {parts}")
    engine = libraries.lazy(frame)
    if engine is None or not hasattr(engine, "shuffled") or libraries.lazy(ranges) is not engine:
        raise TypeError("frame and ranges must both be frames of dask, or both of Spark")
    closed = "both" if end is None else "left"
    spec = Spec(first, last if end is None else end, None, closed, "error", keys)
    kind, *_ = spec.ends(engine.empty(ranges))
    if kind.name == "ip" or is_text(engine.empty(frame).schema.field(on).type):
        raise TypeError("columns of text, and keys='ip', are not supported here")
    places = np.sort(native(stored(engine.sample(ranges, first, SAMPLE * parts), kind, first)))
    if len(places):
        places = np.unique(places[np.linspace(0, len(places), parts + 1, dtype=int)[1:-1]])
    cut = Cut(spec, kind, places, on, how, columns, suffix, engine.PARTS)
    result: Frame = engine.shuffled(cut, frame, ranges, parts)
    return result
