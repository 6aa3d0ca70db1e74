# SPDX-License-Identifier: MIT
"""MapleTree: the public interface of a tree. Its docstrings are in `samara/_docs/tree.py`.

Each operation takes the tree's lock, so it is atomic for other threads. Values that it displaces
are dropped after the lock is released. An iterator runs over a fork of its own.
"""

import copyreg
import functools
import reprlib
from collections.abc import Callable, Iterator
from operator import attrgetter, index, itemgetter
from threading import RLock
from types import GenericAlias
from typing import Any, Final, Self, SupportsIndex, cast

from samara import _display as display
from samara._columns import array_of, import_numpy
from samara._dtypes import checked_dtype
from samara._entry import Change, Entry, Gap
from samara._errors import NoSpaceError, RangeOccupiedError, type_name
from samara._keys import Kind, NoKey, kind_of
from samara._keys.windows import (
    NO_CODE,
    Window,
    alignment_of,
    clipped_window,
    code_inside,
    cut_window,
    required_code,
    required_count,
    required_window,
    slice_window,
)
from samara._pure import arrays, dup, pickling, sets, validate
from samara._pure.accumulate import accumulated, check_dtype, checked_operation
from samara._pure.arrays import NO_DEFAULT
from samara._pure.build import Triple, fill
from samara._pure.columns import open_column, open_keys
from samara._pure.cursor import Cursor
from samara._pure.diff import Diff, equal
from samara._pure.dump import dump
from samara._pure.gap import Request, covers, gaps_of, search
from samara._pure.lock import TreeLock
from samara._pure.node import GAP, NODE_BYTES, Head, OvertakenError, node_count
from samara._pure.packed import checked_policy, convert, is_built_in
from samara._pure.ranges import layout_of, open_ranges
from samara._pure.results import Results, entry_of, keys_once
from samara._pure.walk import entries_of, load, pieces_of, slot_around
from samara._pure.write import write_range


class MapleTree:
    __slots__ = ("__weakref__", "_head", "_lock")
    __hash__ = None  # type: ignore[assignment]

    _head: Head
    _lock: TreeLock

    def __init__(
        self,
        iterable: Any = (),
        /,
        *,
        keys: Any = "uint64",
        dtype: Any = None,
        track_gaps: Any = True,
        policy: Any = None,
    ) -> None:
        track_gaps, dtype, kind = bool(track_gaps), checked_dtype(dtype), kind_of(keys)
        head = Head(track_gaps, dtype, checked_policy(policy, dtype, self.policy), kind)
        if isinstance(iterable, MapleTree) and type(iterable).__iter__ is MapleTree.__iter__:
            relative = iterable._fork_head()
            if relative.kind is kind and relative.is_like(head):
                head, iterable = relative, ()
        fill(head, iterable)
        self._become(head, policy)

    # inspect.signature() looks here first, so this wraps __init__().
    @functools.wraps(__init__, assigned=(), updated=())  # type: ignore[misc]
    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = cls._of(Head(True))
        self._head.settled = False
        return self

    @classmethod
    def _of(cls, head: Head) -> Self:
        self = object.__new__(cls)
        for name, value in (("_head", head), ("_lock", TreeLock(RLock()))):
            object.__setattr__(self, name, value)
        return self

    def _become(self, head: Head, policy: Any, *, if_empty: bool = False) -> None:
        def become(seen: int) -> None:
            if if_empty:
                self._require_empty()
            self._settle(head.kind)
            checked_policy(policy, head.dtype, self.policy)  # the tree may have a new one by now
            self._head.swap(head, seen)

        with self._lock._gate:
            self._head.whole(become)

    def _settle(self, kind: Kind) -> None:
        """Give the tree this kind, unless it has one, which must then be the same."""
        self._head.settle(kind)
        own = self._head.kind
        if not own.same_as(kind):
            raise ValueError(f"this tree has keys {own.name!r}, not {kind.name!r}")

    @property
    def _kind(self) -> Kind:
        """The kind of keys, which cannot change any more after this."""
        self._head.settled = True
        return self._head.kind

    @property
    def _gate(self) -> Any:
        self._head.settled = True
        return self._lock._gate

    def _same_kind(self, other: "MapleTree") -> "MapleTree":
        """Return the other tree, if both can be combined."""
        own, its = self._kind, other._kind
        if not own.same_as(its):
            raise ValueError(f"other must have keys {own.name!r}, not {its.name!r}")
        return other

    def _fork_head(self) -> Head:
        with self._gate:
            return dup.fork(self._head)

    def _slice_head(self, first: int, last: int) -> Head:
        with self._gate:
            return dup.slice_of(self._head, first, last)

    def _relative(self, head: Head) -> Self:
        """Return a tree of the same class with the instance's own attributes."""
        tree = self._of(head)
        pickling.set_attributes(tree, pickling.attributes_of(self))
        return tree

    def dup(self) -> Self:
        # Duplicate a fork: it stays as it is if a finalizer writes the tree meanwhile.
        return self._relative(dup.duplicate(self._fork_head()))

    def dup_into(self, other: "MapleTree") -> None:
        if not isinstance(other, MapleTree):
            raise TypeError(f"other must be a MapleTree, not {type_name(other)}")
        if other is self:
            raise ValueError("other must not be the tree itself")
        self._same_kind(other)
        head = self._fork_head()

        def fill_other(seen: int) -> None:
            if other:
                raise ValueError(f"other must be empty, but it has {len(other)} ranges")
            if not head.is_like(other._head):
                here, there = head.attributes(), other._head.attributes()
                raise ValueError(f"other must have the attributes {here}, not {there}")
            other._head.swap(dup.duplicate(head), seen)

        with other._gate:
            other._head.whole(fill_other)

    def fork(self) -> Self:
        return self._relative(self._fork_head())

    def __copy__(self) -> Self:
        return self.fork()

    def diff(self, other: Any) -> Iterator[Change[Any, Any]]:
        if not isinstance(other, MapleTree):
            raise TypeError(f"other must be a MapleTree, not {type_name(other)}")
        self._same_kind(other)
        return Diff(self._fork_head(), other._fork_head())

    def _combined(self, other: Any, convert: Any, combine: Any) -> Any:
        """Return a new tree: convert `other`, then combine both."""
        if not is_iterable(other):
            return NotImplemented
        given = self._operand(other)
        while True:
            right = convert(self._kind, given, dtype := self.dtype)
            left = self._fork_head()
            if left.dtype == dtype:  # the conversion may have run t.__init__()
                return self._relative(combine(left, right))

    def _combine(self, other: Any, convert: Any, combine: Any) -> None:
        """Give this tree the result: all of it or nothing."""

        def replace(right: Any, seen: int) -> Head:
            return self._replace(seen, lambda left: combine(left, right))

        way = functools.partial(convert, self._kind)
        self._change(self._operand(other), replace, way)

    def _operand(self, other: Any) -> sets.Given:
        """Return what a set operation takes from its right side: a tree's contents, or items."""
        if isinstance(other, MapleTree) and type(other).__iter__ is MapleTree.__iter__:
            return self._same_kind(other)._fork_head()
        return self._kind.ranges_in(other)

    def _assign(self, other: Any, convert: Any, combine: Any) -> Self:
        if not is_iterable(other):
            return cast(Self, NotImplemented)
        self._combine(other, convert, combine)
        return self

    def update(self, other: Any) -> None:
        self._combine(other, *UNION)

    def __or__(self, other: Any, /) -> Self:
        return cast(Self, self._combined(other, *UNION))

    def __and__(self, other: Any, /) -> Self:
        return cast(Self, self._combined(other, *INTERSECTION))

    def __sub__(self, other: Any, /) -> Self:
        return cast(Self, self._combined(other, *DIFFERENCE))

    def __ior__(self, other: Any, /) -> Self:
        return self._assign(other, *UNION)

    def __iand__(self, other: Any, /) -> Self:
        return self._assign(other, *INTERSECTION)

    def __isub__(self, other: Any, /) -> Self:
        return self._assign(other, *DIFFERENCE)

    def clear(self) -> None:
        head = self._head.empty()

        def clear(seen: int) -> None:
            head.took_max = self._head.took_max
            self._head.swap(head, seen)

        with self._gate:
            self._head.whole(clear)

    def __reduce__(self) -> tuple[Any, ...]:
        state = pickling.state_of(self._fork_head(), pickling.attributes_of(self))
        return copyreg.__newobj__, (type(self),), state  # type: ignore[attr-defined]

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> str | tuple[Any, ...]:
        has_buffers = index(protocol) >= 5
        reduced = self.__reduce__()
        if not has_buffers or type(self).__reduce__ is not MapleTree.__reduce__:
            return reduced
        return *reduced[:2], pickling.wrapped(reduced[2])

    def __setstate__(self, state: tuple[Any, ...], /) -> None:
        self._settle(pickling.kind_in(state))
        state = pickling.checked_state(self, state)
        policy = checked_policy(*pickling.policy_in(state), self.policy)
        self._require_empty()
        head = pickling.head_of(state, self._kind, policy)
        pickling.set_attributes(self, state[5])  # this can fail, and can run any code
        self._become(head, policy, if_empty=True)

    def _require_empty(self) -> None:
        if self._head.height:
            raise ValueError("__setstate__() requires an empty tree")

    def get(self, index: Any, default: Any = None) -> Any:
        code = code_inside(self._kind, index)
        with self._gate:
            value = load(self._head, code) if code >= 0 else GAP
        return default if value is GAP else value

    def __contains__(self, key: Any, /) -> bool:
        try:
            return self.get(key, GAP) is not GAP
        except TypeError as error:
            one = not isinstance(key, range | slice | tuple)
            if one or type(error) is not TypeError or not isinstance(self.keys_dtype, str):
                raise  # what encode() raises stays as it is
            hint = "use covers(first, last) or overlaps(first, last) for a range"
            raise TypeError(f"{error}: `in` takes one index; {hint}") from None

    def _first(self, first: int, last: int, way: int = 1) -> Entry[Any, Any] | None:
        """Return the first entry of a window of codes, or with way -1 the last."""
        with self._gate:
            return next(entries_of(self._head, first, last, way), None)

    def _first_entry(self, window: Window | None, way: int = 1) -> Entry[Any, Any] | None:
        """Return the same with keys."""
        entry = self._first(*window, way) if window else None
        return entry_of(self._kind, entry) if entry else None

    def entry(self, index: Any) -> Entry[Any, Any] | None:
        code = code_inside(self._kind, index)
        return self._first_entry((code, code)) if code >= 0 else None

    def find(self, index: Any, last: Any = None) -> Entry[Any, Any] | None:
        names, optional = ("index", "last"), (False, True)
        return self._first_entry(clipped_window(self._kind, index, last, names, optional))

    def find_rev(self, index: Any, first: Any = None) -> Entry[Any, Any] | None:
        names, optional = ("first", "index"), (True, False)
        return self._first_entry(clipped_window(self._kind, first, index, names, optional), -1)

    def first_entry(self) -> Entry[Any, Any] | None:
        return self._first_entry((0, self._kind.top))

    def last_entry(self) -> Entry[Any, Any] | None:
        return self._first_entry((0, self._kind.top), -1)

    def next(self, index: Any) -> Entry[Any, Any] | None:
        return self._beside(index, 1)

    def prev(self, index: Any) -> Entry[Any, Any] | None:
        return self._beside(index, -1)

    def _beside(self, index: Any, way: int) -> Entry[Any, Any] | None:
        kind = self._kind
        try:
            code = kind.code(index, "index")
        except NoKey:
            return None
        with self._gate:
            around = slot_around(self._head, code) if 0 <= code <= kind.top else (code, code)
            first, last = (around[1] + 1, kind.top) if way > 0 else (0, around[0] - 1)
            first, last = max(first, 0), min(last, kind.top)
            return self._first_entry((first, last) if first <= last else None, way)

    def covers(self, first: Any, last: Any) -> bool:
        kind = self._kind
        codes = kind.code(first, "first"), kind.code(last, "last")
        window = cut_window(kind, *codes, (first, last))
        with self._gate:
            return window == codes and covers(self._head, *codes)

    def overlaps(self, first: Any, last: Any) -> bool:
        window = clipped_window(self._kind, first, last, optional=(False, False))
        return window is not None and self._first(*window) is not None

    def is_free(self, first: Any, last: Any) -> bool:
        return not self.overlaps(first, last)

    def _request(self, size: int, window: Window | None, align: Any, reverse: Any) -> Request:
        kind = self._kind
        return Request(size, window, alignment_of(kind, align), bool(reverse), kind.zero or 0)

    def empty_area(
        self,
        size: Any,
        first: Any = None,
        last: Any = None,
        *,
        align: Any = None,
        reverse: Any = False,
    ) -> Any:
        kind = self._kind
        size = required_count(kind, size, "size")
        request = self._request(size, clipped_window(kind, first, last), align, reverse)
        with self._gate:
            start = search(self._head, request)
        return kind.key(start)

    def __iter__(self) -> Iterator[Entry[Any, Any]]:
        return self._keyed(entries_of(self._fork_head(), 0, self._kind.top))

    def __reversed__(self) -> Iterator[Entry[Any, Any]]:
        return self._keyed(entries_of(self._fork_head(), 0, self._kind.top, -1))

    def _keyed(self, entries: Iterator[Entry[Any, Any]]) -> Iterator[Entry[Any, Any]]:
        """Return an iterator over the same entries with keys."""
        return Results(entries, functools.partial(entry_of, self._kind))

    def _entries(self, first: Any, last: Any, reverse: Any, clip: Any) -> Iterator[Entry[Any, Any]]:
        """Return an iterator over entries with codes."""
        window = clipped_window(self._kind, first, last)
        way, clip = -1 if reverse else 1, bool(clip)
        if window is None:
            return iter(())
        if not clip:
            return entries_of(self._fork_head(), *window, way)
        return self._clipped(*window, way)

    def _clipped(self, low: int, high: int, way: int = 1) -> Iterator[Entry[Any, Any]]:
        """Return an iterator over entries with codes, cut at the ends of a window."""
        # If there is a policy, the slice asks it for the values of cut entries.
        head = self._fork_head() if self.policy is None else self._slice_head(low, high)
        entries = entries_of(head, low, high, way)
        return (Entry(max(a, low), min(b, high), v) for a, b, v in entries)

    def entries(
        self, first: Any = None, last: Any = None, *, reverse: Any = False, clip: Any = False
    ) -> Iterator[Entry[Any, Any]]:
        return self._keyed(self._entries(first, last, reverse, clip))

    def ranges(
        self, first: Any = None, last: Any = None, *, reverse: Any = False, clip: Any = False
    ) -> Iterator[tuple[Any, Any]]:
        entries, key = self._entries(first, last, reverse, clip), self._kind.key
        return Results(entries, lambda entry: (key(entry.first), key(entry.last)))

    def values(
        self, first: Any = None, last: Any = None, *, reverse: Any = False, clip: Any = False
    ) -> Iterator[Any]:
        return Results(self._entries(first, last, reverse, clip), itemgetter(2))

    def items(
        self, first: Any = None, last: Any = None, *, reverse: Any = False, clip: Any = False
    ) -> Iterator[tuple[tuple[Any, Any], Any]]:
        entries, key = self._entries(first, last, reverse, clip), self._kind.key
        return Results(entries, lambda entry: ((key(entry.first), key(entry.last)), entry.value))

    def gaps(self, first: Any = None, last: Any = None) -> Iterator[Gap[Any]]:
        kind = self._kind
        window = clipped_window(kind, first, last)
        gaps = gaps_of(self._fork_head(), *window) if window else iter(())
        return Results(gaps, lambda gap: kind.gap(*map(kind.key, gap)))

    def _change(
        self, given: Any, change: Callable[[Any, int], Any], way: Callable[..., Any] = convert
    ) -> Any:
        """Convert something to the tree's dtype, then call change(converted, generation).

        That call is made under the lock. `generation` is the one that it may write.
        """
        while True:
            converted = way(given, dtype := self.dtype)

            def attempt(seen: int, given: Any = converted, dtype: str | None = dtype) -> Any:
                # The conversion may have run t.__init__().
                return [change(given, seen)] if self._head.dtype == dtype else None

            with self._gate:
                answer = self._head.whole(attempt)
            if answer:
                return answer[0]

    def _write(self, window: Window | None, value: Any) -> None:
        def write(value: Any, seen: int) -> Any:
            return window and write_range(self._head, *window, value, seen=seen)

        # The result is what was displaced. It is dropped without the lock: finalizers of values can
        # run any code.
        self._change(value, write)

    def store_range(self, first: Any, last: Any, value: Any) -> None:
        self._write(required_window(self._kind, first, last), value)

    def insert_range(self, first: Any, last: Any, value: Any) -> None:
        kind = self._kind
        window, key = required_window(kind, first, last), keys_once(kind)

        def insert(value: Any, seen: int) -> None:
            occupied = self._first(*window)
            if occupied:
                occupied = entry_of(kind, occupied, key)
                raise RangeOccupiedError(key(window[0]), key(window[1]), occupied)
            write_range(self._head, *window, value, seen=seen)

        self._change(value, insert)

    def erase(self, index: Any) -> Entry[Any, Any] | None:
        kind = self._kind
        code, key = required_code(kind, index, "index"), keys_once(kind)

        def erase(gap: Any, seen: int) -> Entry[Any, Any] | None:
            entry = self._first(code, code)
            if entry is None:
                return None
            result = entry_of(kind, entry, key)
            write_range(self._head, *entry[:2], gap, seen=seen)
            return result

        return cast(Entry[Any, Any] | None, self._change(GAP, erase))

    def pop_range(self, first: Any, last: Any) -> list[Entry[Any, Any]]:
        kind = self._kind
        window, key = required_window(kind, first, last), keys_once(kind)

        def pop(gap: Any, seen: int) -> list[Entry[Any, Any]]:
            # A policy must not write the tree, or this would start again each time.
            with self._head.busy():
                removed = list(self._clipped(*window))
            result = [entry_of(kind, entry, key) for entry in removed]
            write_range(self._head, *window, gap, seen=seen)
            return result

        return cast(list[Entry[Any, Any]], self._change(GAP, pop))

    def alloc_range(
        self,
        size: Any,
        value: Any,
        *,
        first: Any = None,
        last: Any = None,
        align: Any = None,
        reverse: Any = False,
    ) -> Any:
        kind = self._kind
        count, key = required_count(kind, size, "size"), keys_once(kind)
        request = self._request(count, self._window(first, last), align, reverse)

        def take(value: Any, seen: int) -> Any:
            start = search(self._head, request)
            result = key(start)
            write_range(self._head, start, start + count - 1, value, seen=seen)
            return result

        return self._change(value, take)

    def _window(self, first: Any, last: Any) -> Window:
        """Return the window of a method that allocates."""
        return required_window(self._kind, first, last, optional=True)

    def alloc_many(
        self,
        sizes: Any,
        values: Any,
        *,
        first: Any = None,
        last: Any = None,
        align: Any = None,
        reverse: Any = False,
    ) -> list[Any]:
        kind = self._kind
        column = open_column(sizes, "sizes", objects=not kind.has_int_keys)
        counts = column.converted(functools.partial(required_count, kind, name="size"))
        request = self._request(1, self._window(first, last), align, reverse)
        requests = [request._replace(size=count) for count in counts]
        starts: list[Any] = []
        key = keys_once(kind)

        def write(head: Head, values: list[Any]) -> Head:
            starts.clear()
            for position, (request, value) in enumerate(zip(requests, values, strict=True)):
                try:
                    start = search(head, request)
                except NoSpaceError as error:
                    raise NoSpaceError(f"position {position}: {error}") from None
                end = start + request.size - 1
                write_range(head, start, end, value, seen=head.generation)
                starts.append(key(start))
            return head

        def take(values: list[Any], seen: int) -> Head:
            return self._replace(seen, lambda head: write(head, values))

        self._change(values, take, functools.partial(arrays.values_beside, column))
        return starts

    def alloc_cyclic(
        self, value: Any, *, first: Any = None, last: Any = None, next: Any
    ) -> tuple[Any, Any, bool]:
        kind = self._kind
        (low, high), key = self._window(first, last), keys_once(kind)
        start = max(required_code(kind, next, "next"), low)

        def look(first: int) -> int:
            return search(self._head, Request(1, (first, high), one=True))

        def take(value: Any, seen: int) -> tuple[Any, Any, bool]:
            wrapped = start > high
            try:
                index = look(low if wrapped else start)
            except NoSpaceError:
                wrapped, index = True, look(low)
            result = key(index), key(index + 1 if index < kind.top else 0)
            write_range(self._head, index, index, value, seen=seen)
            told = not wrapped and self._head.took_max
            self._head.took_max = index == kind.top or (self._head.took_max and not told)
            return *result, wrapped or told

        return cast(tuple[Any, Any, bool], self._change(value, take))

    @classmethod
    def from_arrays(
        cls,
        first: Any,
        last: Any,
        values: Any,
        *,
        keys: Any = "uint64",
        dtype: Any = None,
        track_gaps: Any = True,
        policy: Any = None,
        closed: Any = "both",
        sort: Any = False,
        overlap: Any = "error",
    ) -> Self:
        kind, dtype, track_gaps = kind_of(keys), checked_dtype(dtype), bool(track_gaps)
        layout = layout_of(closed, sort, overlap)
        policy = checked_policy(policy, dtype, None)
        objects = policy is not None and not is_built_in(policy)
        columns = open_ranges(kind, first, last, values, objects)
        return cls._of(arrays.head_of(kind, columns, dtype, track_gaps, policy, layout))

    def to_arrays(self) -> tuple[Any, ...]:
        numpy = import_numpy("to_arrays")
        head = self._fork_head()
        entries = entries_of(head, 0, head.kind.top)
        firsts, lasts, values = list(zip(*entries, strict=True)) or ((), (), ())
        ends = (head.kind.array(numpy, codes) for codes in (firsts, lasts))
        return *ends, array_of(numpy, values, head.dtype)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        from samara._arrow.outgoing import stream_of

        head = self._fork_head()
        entries = entries_of(head, 0, head.kind.top)
        columns = list(zip(*entries, strict=True)) or ((), (), ())
        return stream_of(head.kind, head.dtype, cast(Any, tuple(columns)))

    @classmethod
    def from_arrow(
        cls,
        table: Any,
        *,
        first: Any = "first",
        last: Any = "last",
        value: Any = "value",
        keys: Any = None,
        dtype: Any = None,
        track_gaps: Any = True,
        policy: Any = None,
        closed: Any = "both",
        sort: Any = False,
        overlap: Any = "error",
    ) -> Self:
        from samara._arrow.tables import from_arrow

        make = functools.partial(cls.from_arrays, dtype=dtype, track_gaps=track_gaps)
        make = functools.partial(make, policy=policy, closed=closed, sort=sort, overlap=overlap)
        made: Self = from_arrow(make, table, first=first, last=last, value=value, keys=keys)
        return made

    def load_many(
        self, keys: Any, default: Any = NO_DEFAULT, found: Any = False, *, dtype: Any = None
    ) -> Any:
        kind, found = self._kind, bool(found)
        column = open_keys(kind, keys, "keys")
        look = functools.partial(code_inside, kind, name="key")
        codes = column.converted(look, floats=not kind.has_int_keys, null=NO_CODE)
        return arrays.look_up(self._fork_head(), column, codes, default, found, dtype)

    def store_many(self, first: Any, last: Any, values: Any) -> None:
        way = functools.partial(arrays.stores_of, self._kind)
        self._change((first, last, values), self._store_all, way)

    def _store_all(self, triples: list[Triple], seen: int, erase: bool = False) -> Head:
        """Store all triples. With `erase`, first erase from the first range to the last one.

        Returns:
            The old contents, to be dropped without the lock.
        """

        def write(head: Head) -> Head:
            if erase:
                write_range(head, triples[0][0], triples[-1][1], GAP, seen=head.generation)
            return arrays.store_all(head, triples)

        return self._replace(seen, write)

    def accumulate(self, first: Any, last: Any, value: Any, op: Any = "add") -> None:
        window, op = required_window(self._kind, first, last), checked_operation(op)

        def way(value: Any, dtype: str | None) -> list[Triple]:
            check_dtype(dtype, op, "accumulate")
            return [(*window, convert(value, dtype))]

        self._accumulate(value, op, way)

    def accumulate_many(self, first: Any, last: Any, values: Any, op: Any = "add") -> None:
        kind, op = self._kind, checked_operation(op)

        def way(given: tuple[Any, Any, Any], dtype: str | None) -> list[Triple]:
            check_dtype(dtype, op, "accumulate_many")
            return arrays.addends_of(kind, given, dtype)

        self._accumulate((first, last, values), op, way)

    def _accumulate(self, given: Any, op: str, way: Callable[..., list[Triple]]) -> None:
        def change(ranges: list[Triple], seen: int) -> Head:
            return self._replace(seen, lambda source: accumulated(source, ranges, op))

        self._change(given, change, way)

    def map_range(self, first: Any, last: Any, function: Any, default: Any = NO_DEFAULT) -> None:
        window = required_window(self._kind, first, last)
        if not callable(function):
            raise TypeError(f"function must be callable, not {type_name(function)}")

        def read(seen: int) -> tuple[int, Head]:
            with self._head.busy():
                cut = dup.slice_of(self._head, *window)
            if self._head.generation != seen:
                raise OvertakenError
            return seen, cut

        with self._gate:
            seen, cut = self._head.whole(read)
        results = [
            (low, high, convert(function(default if value is GAP else value), cut.dtype))
            for low, high, value in pieces_of(cut, *window)
            if value is not GAP or default is not NO_DEFAULT
        ]

        def store(now: int) -> Head:
            if now != seen:
                text = "the tree has changed while map_range() called the function"
                raise RuntimeError(text)
            return self._store_all(results, seen, erase=cut.policy is not None)

        if results:
            with self._gate:
                displaced = self._head.whole(store)
            del displaced  # without the lock

    def _replace(self, seen: int, make: Callable[[Head], Head]) -> Head:
        """Replace the contents by what make() makes of a fork of them; it may write the fork.

        Returns:
            The old contents, to be dropped without the lock.
        """
        fork = dup.fork(self._head)
        # What a policy wrote meanwhile would be lost, so it must not write the tree.
        with self._head.busy():
            head = make(fork)
        self._head.swap(head, seen)
        return head

    def save(self, path: Any) -> None:
        from samara import _file  # not at once: it imports json

        _file.save(path, arrays.saved(self._fork_head()))

    @classmethod
    def load(cls, path: Any, *, policy: Any = None, keys: Any = None) -> Self:
        from samara import _file

        return _file.load(path, policy, keys, lambda *columns: cls._of(arrays.restored(*columns)))

    def __getitem__(self, key: Any, /) -> Any:
        window = self._window_of(key, clip=True)
        if window != NO_WINDOW:
            return self._relative(self._slice_head(*window) if window else self._head.empty())
        value = self.get(key, GAP)
        if value is GAP:
            raise KeyError(key)
        return value

    def _window_of(self, key: Any, clip: bool) -> Window | None:
        """Return the window of a slice or network, None if it is empty, and else NO_WINDOW."""
        kind = self._kind
        if isinstance(key, slice):
            return slice_window(kind, key, clip)
        return kind.window_of(key) or NO_WINDOW

    def __setitem__(self, key: Any, value: Any, /) -> None:
        window = self._window_of(key, clip=False)
        if window == NO_WINDOW:
            window = (required_code(self._kind, key, "index"),) * 2
        self._write(window, value)

    def __delitem__(self, key: Any, /) -> None:
        window = self._window_of(key, clip=False)
        if window != NO_WINDOW:
            self._write(window, GAP)
            return
        index = required_code(self._kind, key, "index")

        def delete(gap: Any, seen: int) -> list[Any]:
            if load(self._head, index) is GAP:
                raise KeyError(key)
            return write_range(self._head, index, index, gap, seen=seen)

        self._change(GAP, delete)

    def __len__(self) -> int:
        with self._gate:
            return self._head.known_counts()[0]

    def __bool__(self) -> bool:
        return self.height > 0

    def __eq__(self, other: object, /) -> bool:
        if not isinstance(other, MapleTree):
            return NotImplemented
        if not self._kind.same_as(other._kind):
            return False
        return equal(self._fork_head(), other._fork_head())  # each as it is at one moment

    @reprlib.recursive_repr("...")
    def __repr__(self) -> str:
        with self._gate:
            count, head = self._head.known_counts()[0], dup.fork(self._head)
        ways = (entries_of(head, 0, head.kind.top, way) for way in (1, -1))
        shown, key = display.shortened(*ways), head.kind.key
        parts = ", ".join(
            f"({key(entry.first)!r}, {key(entry.last)!r}, {entry.value!r})" if entry else "..."
            for entry in shown
        )
        if None in shown:
            return f"<{display.caption(self, count)}: {parts}>"
        return f"{type(self).__name__}([{parts}]{display.options(self)})"

    def _repr_html_(self) -> str:
        return display.as_html(self)

    def __rich_repr__(self) -> Iterator[Any]:
        return display.for_rich(self)

    @property
    def covered(self) -> Any:
        with self._gate:
            covered = self._head.known_counts()[1]
        return self._kind.size(covered)

    @property
    def height(self) -> int:
        with self._gate:
            return self._head.height

    @property
    def node_count(self) -> int:
        with self._gate:
            return node_count(self._head.root)

    @property
    def nbytes(self) -> int:
        return (self.node_count + 1) * NODE_BYTES[self._head.kind.bits]

    def __sizeof__(self) -> int:
        return self.nbytes

    track_gaps = property(attrgetter("_head.tracks_gaps"))
    dtype = property(attrgetter("_head.dtype"))
    policy = property(attrgetter("_head.policy"))
    keys_dtype = property(attrgetter("_head.kind.name"))

    @property
    def first_key(self) -> Any:
        return self._kind.key(0)

    @property
    def last_key(self) -> Any:
        return self._kind.key(self._kind.top)

    lock = property(attrgetter("_lock"))

    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        return GenericAlias(cls, item)

    def cursor(self, first: Any = None, last: Any = None) -> Cursor:
        return Cursor(self, first, last)

    def check(self) -> None:
        with self._gate:
            validate.check(self._head)

    def dump(self, *, hex: bool = False) -> str:
        with self._gate:
            return dump(self._head, bool(hex))


NO_WINDOW: Final = (-1, -1)  # of one key

UNION: Final = sets.stores_from, sets.union
INTERSECTION: Final = sets.ranges_from, sets.intersection
DIFFERENCE: Final = sets.ranges_from, sets.difference


def is_iterable(thing: Any) -> bool:
    return any(hasattr(type(thing), way) for way in ("__iter__", "__getitem__"))
