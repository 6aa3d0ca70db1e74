# SPDX-License-Identifier: MIT
"""An index of ranges: which row of a table has the range that contains a key.

The trees hold numbers of rows. There is one tree, or for "ip" one for each family of addresses: so
IPv4 look-ups cost what they cost alone, and a column of one family never pays for the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from samara import MapleTree
from samara.frames.addresses import FAMILY, is_mapped, packed_address, shown_address, v4_part
from samara.frames.errors import FrameError
from samara.frames.found import Found, Part, Search, nothing
from samara.frames.keys import ADDRESSES, PER_SECOND, Keys, Kind, is_text, keys_of, native

LARGEST: Final = 2**63 - 1


@dataclass(frozen=True)
class Bounds:
    """The bounds of all rows in Arrow, in the storage of their kind of keys."""

    kind: Kind
    first: Any
    last: Any
    closed: str
    overlap: str
    names: tuple[str, str]

    def __len__(self) -> int:
        return len(self.first)

    def take(self, order: Any) -> Bounds:
        first, last = self.first.take(order), self.last.take(order)
        return Bounds(self.kind, first, last, self.closed, self.overlap, self.names)

    def order(self) -> Any:
        """Return the rows in the order of their keys as an Arrow array, or None if they are.

        Raises:
            FrameError: A range ends before it begins, or is empty; or two ranges overlap.
        """
        first, last = native(self.first), native(self.last)
        wrong = np.flatnonzero(last < first if self.closed == "both" else last <= first)
        if len(wrong):
            row = int(wrong[0])
            how = "is empty" if first[row] == last[row] else "ends before it begins"
            raise FrameError(f"row {row}: the range {self.shown(row)} {how}")
        if self.overlap == "last":
            return None
        order = None
        if not (first[1:] >= first[:-1]).all():
            order = np.argsort(first, kind="stable")
            first, last = first[order], last[order]
        if self.closed == "both":
            wrong = np.flatnonzero(first[1:] <= last[:-1])
        else:
            wrong = np.flatnonzero(first[1:] < last[:-1])
        if len(wrong):
            at = int(wrong[0])
            one, two = (at, at + 1) if order is None else sorted(map(int, order[at : at + 2]))
            raise FrameError(
                f"rows {one} and {two} overlap: {self.shown(one)} and {self.shown(two)}; with "
                "overlap='last' the later row wins"
            )
        return None if order is None else pa.array(order)

    def shown(self, row: int) -> str:
        """Return the range of a row for a message."""
        ends = [self.first[row], self.last[row]]
        if self.kind.name in ADDRESSES:
            texts = [shown_address(end.as_py(), self.kind.name) for end in ends]
        else:
            texts = [str(end) for end in ends]
        return f"[{texts[0]}, {texts[1]}" + ("]" if self.closed == "both" else ")")


class RangeIndex:
    """The rows of a table by their keys."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._finer: dict[str, MapleTree[Any, int]] = {}
        rows = np.arange(len(bounds))
        first, last = native(bounds.first), native(bounds.last)
        if bounds.kind.name == "ip":
            v4 = is_mapped(first) & is_mapped(last)
            v4_ends = v4_part(first[v4]), v4_part(last[v4])
            trees = {
                "ipv4": self._tree("ipv4", *v4_ends, rows[v4]),
                "ipv6": self._tree("ipv6", first[~v4], last[~v4], rows[~v4]),
            }
        else:
            name = bounds.kind.name
            trees = {name: self._tree(name, first, last, rows)}
        self.trees: dict[str, MapleTree[Any, int]] = trees

    def _tree(
        self, keys: str, first: Any, last: Any, rows: Any, closed: str | None = None
    ) -> MapleTree[Any, int]:
        try:
            how = closed or self._bounds.closed
            return tree_of(keys, first, last, rows, how, self._bounds.overlap)
        except ValueError as error:
            one, two = self._bounds.names
            raise FrameError(f"columns {one!r} and {two!r}: {error}") from None

    def search(self, column: Any, name: str, invalid: str, start: int = 0) -> Search:
        """Return a look-up of a column: an Arrow array or chunked array.

        Args:
            name: the column's name, for messages
            invalid: "error", or "miss" for text that is not an address
            start: the number of its first row, for messages

        Raises:
            FrameError: A value is no key of the table's kind.
            TypeError: No value of this type is.
        """
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        parts = []
        for chunk in chunks:
            parts.append(self._part(chunk, name, invalid, start))
            start += len(chunk)
        if not parts:
            keys_of(pa.array([], column.type), self._bounds.kind, name)
        return Search(parts)

    def _part(self, array: Any, name: str, invalid: str, start: int) -> Part:
        kind = self._bounds.kind
        if pa.types.is_dictionary(array.type):
            return self._of_dictionary(array, name, invalid, start)
        if kind.name in ADDRESSES and is_text(array.type):
            array = pa.array(array.cast(pa.large_string()).dictionary_encode())
            return self._of_dictionary(array, name, invalid, start)
        keys = keys_of(array, kind, name, start)
        if kind.name == "ip":
            return self._of_families(keys)
        tree = self.trees[kind.name]
        if kind.is_moment and pa.types.is_timestamp(array.type):
            tree = self._tree_in(array.type.unit)
        return Lookup(tree, keys)

    def _of_dictionary(self, array: Any, name: str, invalid: str, start: int) -> Found:
        """Look each item of the dictionary up once."""
        codes = array.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        items = array.dictionary
        if self._bounds.kind.name not in ADDRESSES or not is_text(items.type):
            return Search([self._part(items, name, invalid, start)]).found().take(codes)
        texts = np.array([*items.to_pylist(), None], object)[:-1]
        if self._bounds.kind.name != "ip":
            found, bad = look_up_texts(self.trees[self._bounds.kind.name], texts)
        else:
            found, bad = nothing(len(texts)), np.zeros(len(texts), bool)
            mapped = np.array([text is not None and ":" in text for text in texts], bool)
            for family, part in (("ipv4", ~mapped), ("ipv6", mapped)):
                one, bad[part] = look_up_texts(self.trees[family], texts[part])
                found.rows[part], found.hits[part] = one.rows, one.hits
            self._correct_mapped(texts, found, mapped & ~bad)
        if invalid == "error" and bad.any():
            rows = np.flatnonzero(bad.take(codes, mode="clip") & (codes >= 0))
            if len(rows):
                text = texts[codes[rows[0]]]
                what = FAMILY[self._bounds.kind.name]
                raise FrameError(f"row {start + rows[0]} of {name!r}: {text!r} is not {what}")
        return found.take(codes)

    def _correct_mapped(self, texts: Any, found: Found, wide: Any) -> None:
        """Look the texts of IPv4-mapped addresses up as what they are: IPv4 addresses."""
        for at in np.flatnonzero(wide).tolist():
            packed = packed_address(texts[at], "ipv6")
            if is_mapped(np.frombuffer(packed, "S16"))[0]:
                row = self.trees["ipv4"].get(int.from_bytes(packed[12:], "big"))
                found.hits[at] = row is not None
                found.rows[at] = row or 0

    def _of_families(self, keys: Keys) -> Part:
        """Look numbers of IPv4, or addresses of 16 bytes, up in the tree of their family."""
        if keys.values.dtype.kind != "S":
            return Lookup(self.trees["ipv4"], keys)
        mapped = is_mapped(keys.values)
        wide = Lookup(self.trees["ipv6"], keys)
        if not mapped.any():
            return wide
        found = Search([wide]).found()
        there = None if keys.valid is None else keys.valid[mapped]
        v4 = Search([Lookup(self.trees["ipv4"], Keys(v4_part(keys.values[mapped]), there))]).found()
        found.rows[mapped], found.hits[mapped] = v4.rows, v4.hits
        return found

    def _tree_in(self, unit: str) -> MapleTree[Any, int]:
        """Return the tree for moments in this unit, made at the first use if it is a finer one."""
        kind = self._bounds.kind
        if PER_SECOND[unit] <= PER_SECOND[kind.unit]:
            return self.trees[kind.name]
        if unit not in self._finer:
            self._finer[unit] = self._finer_tree(kind.with_unit(unit))
        return self._finer[unit]

    def _finer_tree(self, kind: Kind) -> MapleTree[Any, int]:
        """Make a tree of the same ranges in a finer unit, cut at the limits of 64 bits."""
        factor = PER_SECOND[kind.unit] // PER_SECOND[self._bounds.kind.unit]
        limit = LARGEST // factor
        first = native(self._bounds.first).view("i8")
        # An exclusive end is one finer unit after the last moment.
        last = native(self._bounds.last).view("i8")
        rows = np.flatnonzero((first <= limit) & (last >= -limit))
        first, last = first[rows], last[rows]
        low = np.where(first < -limit, -LARGEST, first * factor)
        high = np.where(last > limit, LARGEST, last * factor - (self._bounds.closed == "left"))
        unit = f"datetime64[{kind.unit}]"
        return self._tree(kind.name, low.view(unit), high.view(unit), rows, "both")


def tree_of(
    keys: str, first: Any, last: Any, rows: Any, closed: str, overlap: str
) -> MapleTree[Any, int]:
    how: dict[str, Any] = {"closed": closed, "overlap": overlap, "track_gaps": False}
    tree: MapleTree[Any, int] = MapleTree.from_arrays(
        first, last, rows, keys=keys, dtype="i8", **how
    )
    return tree


@dataclass(frozen=True)
class Lookup:
    """Keys that are looked up in a tree, as far as somebody asks."""

    tree: MapleTree[Any, int]
    keys: Keys

    def __len__(self) -> int:
        return len(self.keys)

    def at(self, part: slice) -> Found:
        rows, hits = self.tree.load_many(self.keys.values[part], found=True)
        if self.keys.valid is not None:
            hits &= self.keys.valid[part]
        return Found(rows, hits)


def look_up_texts(tree: MapleTree[Any, int], texts: Any) -> tuple[Found, Any]:
    """Look addresses up. Return what they found, and which are not addresses; None is one."""
    kind = str(tree.keys_dtype)
    bad = np.zeros(len(texts), bool)
    try:
        return Found(*tree.load_many(texts.tolist(), found=True)), bad
    except (TypeError, ValueError):
        good = bad.copy()
    for at, text in enumerate(texts.tolist()):
        try:
            good[at] = text is not None and bool(packed_address(text, kind))
        except ValueError:
            bad[at] = True
    found = nothing(len(texts))
    found.rows[good], found.hits[good] = tree.load_many(texts[good].tolist(), found=True)
    return found, bad


class Ranks:
    """The ranges of a table in the order of their keys, to find those that overlap a range.

    Ranges that later ones cut in pieces count as several.
    """

    def __init__(self, bounds: Bounds) -> None:
        keys = "ipv6" if bounds.kind.name == "ip" else bounds.kind.name
        first, last = native(bounds.first), native(bounds.last)
        rows = np.arange(len(bounds))
        self._ranges = tree_of(keys, first, last, rows, bounds.closed, bounds.overlap)
        self._starts, self._rows = first, rows
        if bounds.overlap == "last":
            starts, _, self._rows = self._ranges.to_arrays()
            wide = starts.ndim == 2
            self._starts = starts.astype(">u8").view("S16").ravel() if wide else starts
        self._below = self._below_tree(keys)

    def _below_tree(self, keys: str) -> MapleTree[Any, int]:
        """Make a tree of the last range that begins at a key or below it."""
        count = len(self._starts)
        ranks = np.arange(max(count - 1, 0))
        tree = tree_of(keys, self._starts[:-1], self._starts[1:], ranks, "left", "error")
        entry = self._ranges.last_entry()
        if entry is not None:
            tree.store_range(entry.first, tree.last_key, count - 1)
        return tree

    def overlaps(self, first: Any, last: Any, closed: str) -> tuple[Any, Any]:
        """Return the first rank that overlaps each range, and how many do."""
        low = self._below.load_many(first, default=-1)
        _, inside = self._ranges.load_many(first, found=True)
        low = np.where(inside, low, low + 1)
        high = self._below.load_many(last, default=-1)
        if closed == "left" and len(self._starts):
            high = high - ((high >= 0) & (self._starts.take(high, mode="clip") == last))
        return low, np.maximum(high - low + 1, 0)

    def found(self, ranks: Any, hits: Any) -> Found:
        """Return the rows of ranks; those that are not hits can be any number."""
        if not len(self._rows):
            return nothing(len(ranks))
        return Found(self._rows.take(ranks, mode="clip"), hits)
