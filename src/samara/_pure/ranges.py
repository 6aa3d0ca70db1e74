# SPDX-License-Identifier: MIT
"""Ranges that come in as three columns: converted, checked, sorted, and laid over each other."""

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple

from samara._columns import Columns, require_same_length
from samara._keys import Kind
from samara._keys.windows import code_to_end, required_code
from samara._pure.build import Triple
from samara._pure.columns import open_column, open_keys
from samara._pure.packed import convert


def open_ranges(kind: Kind, first: Any, last: Any, values: Any, objects: bool = False) -> Columns:
    ends = open_keys(kind, first, "first"), open_keys(kind, last, "last")
    columns = *ends, open_column(values, "values", objects)
    require_same_length(columns)
    return columns


class Layout(NamedTuple):
    """How the caller's rows are laid out."""

    half_open: bool = False  # `last` is exclusive
    sort: bool = False  # the rows may be in any order
    last_wins: bool = False  # where ranges overlap, the later row wins; otherwise it is an error


PLAIN: Final = Layout()


def layout_of(closed: Any, sort: Any, overlap: Any) -> Layout:
    half_open, any_order = second_of(closed, "closed", ("both", "left")), bool(sort)
    return Layout(half_open, any_order, second_of(overlap, "overlap", ("error", "last")))


def second_of(given: Any, name: str, words: tuple[str, str]) -> bool:
    """Return whether the second of two words is given."""
    if not isinstance(given, str) or given not in words:
        raise ValueError(f"{name} must be {words[0]!r} or {words[1]!r}, not {given!r}")
    return given == words[1]


def last_of(kind: Kind, end: Any) -> int:
    """Return the code below an exclusive end."""
    code = code_to_end(kind, end, "last", low=1)
    return code - 1


class Ranges:
    """Triples, whose ends are closed however they were given.

    `rows` has the position of each in the caller's columns, once they are sorted.
    """

    def __init__(self, kind: Kind, triples: list[Triple], layout: Layout = PLAIN) -> None:
        self.kind, self.layout, self.triples = kind, layout, triples
        self.rows: list[int] | range = range(len(triples))

    @classmethod
    def read(
        cls, kind: Kind, columns: Columns, dtype: str | None, layout: Layout = PLAIN
    ) -> "Ranges":
        first, last, values = columns
        closed: Callable[[Any], int] = partial(required_code, kind, name="last")
        floats = not kind.has_int_keys
        lists = [
            first.converted(partial(required_code, kind, name="first"), floats),
            last.converted(partial(last_of, kind) if layout.half_open else closed, floats),
            values.converted(partial(convert, dtype=dtype), floats=dtype not in ("u8", "i8")),
        ]
        return cls(kind, list(zip(*lists, strict=True)), layout)

    def shown(self, at: int) -> str:
        first, last, _ = self.triples[at]
        if self.layout.half_open:
            return f"[{self.key(first)}, {self.end(last)})"
        return f"[{self.key(first)}, {self.key(last)}]"

    def key(self, code: int) -> str:
        """Return a key for a message."""
        return self.kind.shown(self.kind.key(code))

    def end(self, last: int) -> str:
        """Return an exclusive end for a message."""
        return self.kind.shown(self.kind.stop(last))

    def require_sound(self) -> None:
        """Check that no range ends before it begins."""
        for at, (first, last, _) in enumerate(self.triples):
            if first <= last:
                continue
            text = f"position {at}: first {self.key(first)} is"
            if self.layout.half_open:
                raise ValueError(f"{text} not below last {self.end(last)}")
            raise ValueError(f"{text} above last {self.key(last)}")

    def require_rising(self) -> None:
        """Check that no range begins before the one above it. Those up to there must be sound."""
        low = 0
        for at, (first, last, _) in enumerate(self.triples):
            if first > last:
                self.require_sound()
            if first < low:
                ends = self.key(first), self.key(low)
                raise ValueError(f"position {at}: first {ends[0]} is below first {ends[1]}")
            low = first

    def first_overlap(self) -> int | None:
        """Return where a range overlaps or is below the one before. Those up to there are sound."""
        high = -1
        for at, (first, last, _) in enumerate(self.triples):
            if first > last:
                self.require_sound()
            if first <= high:
                return at
            high = last
        return None

    def require_apart(self) -> None:
        at = self.first_overlap()
        if at is None:
            return
        before, this = self.shown(at - 1), self.shown(at)
        if self.layout.sort:
            rows = f"positions {self.rows[at - 1]} and {self.rows[at]}"
            raise ValueError(f"{rows} overlap: {before} and {this}")
        raise ValueError(f"position {at}: {this} overlaps or is below {before}")

    def sort(self) -> None:
        """Sort by the first index. Equal ones keep their order."""
        self.rows = sorted(self.rows, key=lambda row: self.triples[row][0])
        self.triples = [self.triples[row] for row in self.rows]

    def disjoint(self) -> list[Triple]:
        """Return sorted triples that do not overlap, as the layout says."""
        if self.layout.last_wins and self.first_overlap() is not None:
            return self.overlaid()
        self.require_apart()
        return self.triples

    def overlaid(self) -> list[Triple]:
        """Return what is on top where ranges overlap: the last one in the caller's order.

        The heap has the ranges that have begun, the topmost first. Those that have ended stay in
        it until they are first.
        """
        pieces: list[Triple] = []
        heap: list[tuple[int, int]] = []  # (-row, place in the triples)
        next_one = key = 0
        owner = -1
        while next_one < len(self.triples) or heap:
            if not heap:
                key = self.triples[next_one][0]
            while next_one < len(self.triples) and self.triples[next_one][0] == key:
                heappush(heap, (-self.rows[next_one], next_one))
                next_one += 1
            top = heap[0][1]
            _, end, value = self.triples[top]
            if end < key:
                heappop(heap)
                continue
            if next_one < len(self.triples):
                end = min(end, self.triples[next_one][0] - 1)
            if owner == top and pieces[-1][1] + 1 == key:
                pieces[-1] = pieces[-1][0], end, value
            else:
                pieces.append((key, end, value))
            owner, key = top, end + 1
        return pieces
