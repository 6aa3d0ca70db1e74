# SPDX-License-Identifier: MIT
"""MapleTree: the public interface of a tree. Its docstrings are in `samara/_docs/tree.py`.

Each operation takes the tree's lock, so it is atomic for other threads. Values that it displaces
are dropped after the lock is released. An iterator runs over a fork of its own.
"""

import copyreg
import functools
import reprlib
from collections.abc import Callable, Iterator
from operator import attrgetter
from threading import RLock
from types import GenericAlias
from typing import Any, Final, Self, cast

from samara import _arguments as arguments
from samara import _display as display
from samara._arguments import MAX, clipped_window, index_of, required_index, required_window
from samara._columns import array_of, import_numpy, open_column, open_ranges
from samara._entry import Change, Entry, Gap
from samara._errors import NoSpaceError, RangeOccupiedError, type_name
from samara._pure import arrays, dup, pickling, sets, validate
from samara._pure.accumulate import accumulated, check_dtype, checked_operation
from samara._pure.arrays import NO_DEFAULT
from samara._pure.build import Triple, fill
from samara._pure.cursor import Cursor
from samara._pure.diff import Diff, equal
from samara._pure.dump import dump
from samara._pure.gap import Request, covers, gaps_of, search
from samara._pure.lock import TreeLock
from samara._pure.node import GAP, NODE_BYTES, Head, OvertakenError, node_count
from samara._pure.packed import checked_dtype, checked_policy, convert, is_built_in
from samara._pure.ranges import layout_of
from samara._pure.walk import entries_of, load, pieces_of
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
        dtype: Any = None,
        track_gaps: Any = True,
        policy: Any = None,
    ) -> None:
        dtype = checked_dtype(dtype)
        head = Head(bool(track_gaps), dtype, checked_policy(policy, dtype, self.policy))
        if isinstance(iterable, MapleTree) and type(iterable).__iter__ is MapleTree.__iter__:
            relative = iterable._fork_head()
            if relative.is_like(head):
                head, iterable = relative, ()
        fill(head, iterable)
        self._become(head, policy)

    # inspect.signature() looks here first, so this wraps __init__().
    @functools.wraps(__init__, assigned=(), updated=())  # type: ignore[misc]
    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        return cls._of(Head(True))

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
            checked_policy(policy, head.dtype, self.policy)  # the tree may have a new one by now
            self._head.swap(head, seen)

        with self._gate:
            self._head.whole(become)

    @property
    def _gate(self) -> Any:
        return self._lock._gate

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

    def diff(self, other: Any) -> Iterator[Change[Any]]:
        if not isinstance(other, MapleTree):
            raise TypeError(f"other must be a MapleTree, not {type_name(other)}")
        return Diff(self._fork_head(), other._fork_head())

    def _combined(self, other: Any, convert: Any, combine: Any) -> Any:
        """Return a new tree: convert `other`, then combine both."""
        if not is_iterable(other):
            return NotImplemented
        given = operand_of(other)
        while True:
            right = convert(given, dtype := self.dtype)
            left = self._fork_head()
            if left.dtype == dtype:  # the conversion may have run t.__init__()
                return self._relative(combine(left, right))

    def _combine(self, other: Any, convert: Any, combine: Any) -> None:
        """Give this tree the result: all of it or nothing."""

        def replace(right: Any, seen: int) -> Head:
            return self._replace(seen, lambda left: combine(left, right))

        self._change(operand_of(other), replace, convert)

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

    def __setstate__(self, state: tuple[Any, ...], /) -> None:
        pickling.check_state(self, state)
        policy = checked_policy(*pickling.policy_in(state), self.policy)
        self._require_empty()
        head = pickling.head_of(state, policy)
        pickling.set_attributes(self, state[5])  # this can fail, and can run any code
        self._become(head, policy, if_empty=True)

    def _require_empty(self) -> None:
        if self:
            raise ValueError("__setstate__() requires an empty tree")

    def get(self, index: Any, default: Any = None) -> Any:
        index = index_of(index, "index")
        with self._gate:
            value = load(self._head, index) if 0 <= index <= MAX else GAP
        return default if value is GAP else value

    def __contains__(self, key: Any, /) -> bool:
        if isinstance(key, range | slice | tuple) and not hasattr(type(key), "__index__"):
            raise TypeError(
                f"index must be an integer, not {type_name(key)}: `in` takes one index; use "
                "covers(first, last) or overlaps(first, last) for a range"
            )
        return self.get(key, GAP) is not GAP

    def _first(self, first: int, last: int, way: int = 1) -> Entry[Any] | None:
        """Return the first entry of a window, or with way -1 the last."""
        with self._gate:
            return next(entries_of(self._head, first, last, way), None)

    def entry(self, index: Any) -> Entry[Any] | None:
        index = index_of(index, "index")
        return self._first(index, index) if 0 <= index <= MAX else None

    def find(self, index: Any, last: Any = MAX) -> Entry[Any] | None:
        window = clipped_window(index, last, ("index", "last"))
        return self._first(*window) if window else None

    def find_rev(self, index: Any, first: Any = 0) -> Entry[Any] | None:
        window = clipped_window(first, index, ("first", "index"))
        return self._first(*window, -1) if window else None

    def first_entry(self) -> Entry[Any] | None:
        return self._first(0, MAX)

    def last_entry(self) -> Entry[Any] | None:
        return self._first(0, MAX, -1)

    def next(self, index: Any) -> Entry[Any] | None:
        index = index_of(index, "index")
        return Cursor(self, index).next() if 0 <= index <= MAX else self.find(index)

    def prev(self, index: Any) -> Entry[Any] | None:
        index = index_of(index, "index")
        return Cursor(self, index).prev() if 0 <= index <= MAX else self.find_rev(index)

    def covers(self, first: Any, last: Any) -> bool:
        asked = index_of(first, "first"), index_of(last, "last")
        window = clipped_window(*asked)
        with self._gate:
            return window == asked and covers(self._head, *asked)

    def overlaps(self, first: Any, last: Any) -> bool:
        window = clipped_window(first, last)
        return window is not None and self._first(*window) is not None

    def is_free(self, first: Any, last: Any) -> bool:
        window = clipped_window(first, last)
        return window is None or self._first(*window) is None

    def empty_area(
        self, size: Any, first: Any = 0, last: Any = MAX, *, align: Any = 1, reverse: Any = False
    ) -> int:
        size, window = arguments.positive(size, "size"), clipped_window(first, last)
        request = Request(size, window, arguments.positive(align, "align"), bool(reverse))
        with self._gate:
            return search(self._head, request)

    def __iter__(self) -> Iterator[Entry[Any]]:
        return entries_of(self._fork_head(), 0, MAX)

    def __reversed__(self) -> Iterator[Entry[Any]]:
        return entries_of(self._fork_head(), 0, MAX, -1)

    def _entries(self, first: Any, last: Any, reverse: Any, clip: Any) -> Iterator[Entry[Any]]:
        window, way, clip = clipped_window(first, last), -1 if reverse else 1, bool(clip)
        if window is None:
            return iter(())
        if not clip:
            return entries_of(self._fork_head(), *window, way)
        low, high = window
        # If there is a policy, the slice asks it for the values of cut entries.
        head = self._fork_head() if self.policy is None else self._slice_head(low, high)
        entries = entries_of(head, low, high, way)
        return (Entry(max(a, low), min(b, high), v) for a, b, v in entries)

    def entries(
        self, first: Any = 0, last: Any = MAX, *, reverse: Any = False, clip: Any = False
    ) -> Iterator[Entry[Any]]:
        return self._entries(first, last, reverse, clip)

    def ranges(
        self, first: Any = 0, last: Any = MAX, *, reverse: Any = False, clip: Any = False
    ) -> Iterator[tuple[int, int]]:
        entries = self._entries(first, last, reverse, clip)
        return ((low, high) for low, high, _ in entries)

    def values(
        self, first: Any = 0, last: Any = MAX, *, reverse: Any = False, clip: Any = False
    ) -> Iterator[Any]:
        entries = self._entries(first, last, reverse, clip)
        return (value for _, _, value in entries)

    def items(
        self, first: Any = 0, last: Any = MAX, *, reverse: Any = False, clip: Any = False
    ) -> Iterator[tuple[tuple[int, int], Any]]:
        entries = self._entries(first, last, reverse, clip)
        return (((low, high), value) for low, high, value in entries)

    def gaps(self, first: Any = 0, last: Any = MAX) -> Iterator[Gap]:
        window = clipped_window(first, last)
        return gaps_of(self._fork_head(), *window) if window else iter(())

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

    def _write(self, window: arguments.Window | None, value: Any) -> None:
        def write(value: Any, seen: int) -> Any:
            return window and write_range(self._head, *window, value, seen=seen)

        # The result is what was displaced. It is dropped without the lock: finalizers of values can
        # run any code.
        self._change(value, write)

    def store_range(self, first: Any, last: Any, value: Any) -> None:
        self._write(required_window(first, last), value)

    def insert_range(self, first: Any, last: Any, value: Any) -> None:
        window = required_window(first, last)

        def insert(value: Any, seen: int) -> None:
            occupied = self._first(*window)
            if occupied:
                raise RangeOccupiedError(*window, occupied)
            write_range(self._head, *window, value, seen=seen)

        self._change(value, insert)

    def erase(self, index: Any) -> Entry[Any] | None:
        index = required_index(index, "index")

        def erase(gap: Any, seen: int) -> Entry[Any] | None:
            entry = self._first(index, index)
            if entry:
                write_range(self._head, *entry[:2], gap, seen=seen)
            return entry

        return cast(Entry[Any] | None, self._change(GAP, erase))

    def pop_range(self, first: Any, last: Any) -> list[Entry[Any]]:
        first, last = required_window(first, last)

        def pop(gap: Any, seen: int) -> list[Entry[Any]]:
            # A policy must not write the tree, or this would start again each time.
            with self._head.busy():
                removed = list(self.entries(first, last, clip=True))
            write_range(self._head, first, last, gap, seen=seen)
            return removed

        return cast(list[Entry[Any]], self._change(GAP, pop))

    def alloc_range(
        self,
        size: Any,
        value: Any,
        *,
        first: Any = 0,
        last: Any = MAX,
        align: Any = 1,
        reverse: Any = False,
    ) -> int:
        size, window = arguments.positive(size, "size"), required_window(first, last)
        request = Request(size, window, arguments.positive(align, "align"), bool(reverse))

        def take(value: Any, seen: int) -> int:
            start = search(self._head, request)
            write_range(self._head, start, start + size - 1, value, seen=seen)
            return start

        return int(self._change(value, take))

    def alloc_many(
        self,
        sizes: Any,
        values: Any,
        *,
        first: Any = 0,
        last: Any = MAX,
        align: Any = 1,
        reverse: Any = False,
    ) -> list[int]:
        column = open_column(sizes, "sizes")
        spans = column.converted(functools.partial(arguments.positive, name="size"))
        window = required_window(first, last)
        align, reverse = arguments.positive(align, "align"), bool(reverse)
        requests = [Request(size, window, align, reverse) for size in spans]
        starts: list[int] = []

        def write(head: Head, values: list[Any]) -> Head:
            starts.clear()
            for position, (request, value) in enumerate(zip(requests, values, strict=True)):
                try:
                    start = search(head, request)
                except NoSpaceError as error:
                    raise NoSpaceError(f"position {position}: {error}") from None
                end = start + request.size - 1
                write_range(head, start, end, value, seen=head.generation)
                starts.append(start)
            return head

        def take(values: list[Any], seen: int) -> Head:
            return self._replace(seen, lambda head: write(head, values))

        self._change(values, take, functools.partial(arrays.values_beside, column))
        return starts

    def alloc_cyclic(
        self, value: Any, *, first: Any = 0, last: Any = MAX, next: Any
    ) -> tuple[int, int, bool]:
        low, high = required_window(first, last)
        start = max(required_index(next, "next"), low)

        def look(first: int) -> int:
            return search(self._head, Request(1, (first, high), 1, reverse=False))

        def take(value: Any, seen: int) -> tuple[int, int, bool]:
            wrapped = start > high
            try:
                index = look(low if wrapped else start)
            except NoSpaceError:
                wrapped, index = True, look(low)
            write_range(self._head, index, index, value, seen=seen)
            told = not wrapped and self._head.took_max
            self._head.took_max = index == MAX or (self._head.took_max and not told)
            return index, index + 1 if index < MAX else 0, wrapped or told

        return cast(tuple[int, int, bool], self._change(value, take))

    @classmethod
    def from_arrays(
        cls,
        first: Any,
        last: Any,
        values: Any,
        *,
        dtype: Any = None,
        track_gaps: Any = True,
        policy: Any = None,
        closed: Any = "both",
        sort: Any = False,
        overlap: Any = "error",
    ) -> Self:
        dtype, track_gaps = checked_dtype(dtype), bool(track_gaps)
        layout = layout_of(closed, sort, overlap)
        policy = checked_policy(policy, dtype, None)
        objects = policy is not None and not is_built_in(policy)
        columns = open_ranges(first, last, values, objects)
        return cls._of(arrays.head_of(columns, dtype, track_gaps, policy, layout))

    def to_arrays(self) -> tuple[Any, ...]:
        numpy = import_numpy("to_arrays")
        head = self._fork_head()
        firsts, lasts, values = list(zip(*entries_of(head, 0, MAX), strict=True)) or ((), (), ())
        ends = array_of(numpy, firsts, "u8"), array_of(numpy, lasts, "u8")
        return *ends, array_of(numpy, values, head.dtype)

    def load_many(self, keys: Any, default: Any = NO_DEFAULT, found: Any = False) -> Any:
        found, column = bool(found), open_column(keys, "keys")
        indices = column.converted(functools.partial(index_of, name="key"))
        return arrays.look_up(self._fork_head(), column, indices, default, found)

    def store_many(self, first: Any, last: Any, values: Any) -> None:
        self._change((first, last, values), self._store_all, arrays.stores_of)

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
        window, op = required_window(first, last), checked_operation(op)

        def way(value: Any, dtype: str | None) -> list[Triple]:
            check_dtype(dtype, op, "accumulate")
            return [(*window, convert(value, dtype))]

        self._accumulate(value, op, way)

    def accumulate_many(self, first: Any, last: Any, values: Any, op: Any = "add") -> None:
        op = checked_operation(op)

        def way(given: tuple[Any, Any, Any], dtype: str | None) -> list[Triple]:
            check_dtype(dtype, op, "accumulate_many")
            return arrays.addends_of(given, dtype)

        self._accumulate((first, last, values), op, way)

    def _accumulate(self, given: Any, op: str, way: Callable[..., list[Triple]]) -> None:
        def change(ranges: list[Triple], seen: int) -> Head:
            return self._replace(seen, lambda source: accumulated(source, ranges, op))

        self._change(given, change, way)

    def map_range(self, first: Any, last: Any, function: Any, default: Any = NO_DEFAULT) -> None:
        window = required_window(first, last)
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
    def load(cls, path: Any, *, policy: Any = None) -> Self:
        from samara import _file

        return _file.load(path, policy, lambda *columns: cls._of(arrays.restored(*columns)))

    def __getitem__(self, key: Any, /) -> Any:
        if isinstance(key, slice):
            window = arguments.slice_window(key, clip=True)
            return self._relative(self._slice_head(*window) if window else self._head.empty())
        value = self.get(key, GAP)
        if value is GAP:
            raise KeyError(key)
        return value

    def __setitem__(self, key: Any, value: Any, /) -> None:
        if isinstance(key, slice):
            window = arguments.slice_window(key, clip=False)
        else:
            window = (required_index(key, "index"),) * 2
        self._write(window, value)

    def __delitem__(self, key: Any, /) -> None:
        if isinstance(key, slice):
            self[key] = GAP
            return
        index = required_index(key, "index")

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
        return equal(self._fork_head(), other._fork_head())  # each as it is at one moment

    @reprlib.recursive_repr("...")
    def __repr__(self) -> str:
        with self._gate:
            count, head = self._head.known_counts()[0], dup.fork(self._head)
        shown = display.shortened(entries_of(head, 0, MAX), entries_of(head, 0, MAX, -1))
        parts = ", ".join(
            f"({entry.first}, {entry.last}, {entry.value!r})" if entry else "..." for entry in shown
        )
        if None in shown:
            return f"<{display.caption(self, count)}: {parts}>"
        return f"{type(self).__name__}([{parts}]{display.options(self)})"

    def _repr_html_(self) -> str:
        return display.as_html(self)

    def __rich_repr__(self) -> Iterator[Any]:
        return display.for_rich(self)

    @property
    def covered(self) -> int:
        with self._gate:
            return self._head.known_counts()[1]

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
        return (self.node_count + 1) * NODE_BYTES

    def __sizeof__(self) -> int:
        return self.nbytes

    track_gaps = property(attrgetter("_head.tracks_gaps"))
    dtype = property(attrgetter("_head.dtype"))
    policy = property(attrgetter("_head.policy"))
    lock = property(attrgetter("_lock"))

    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        return GenericAlias(cls, item)

    def cursor(self, first: Any = 0, last: Any = None) -> Cursor:
        return Cursor(self, first, last)

    def check(self) -> None:
        with self._gate:
            validate.check(self._head)

    def dump(self, *, hex: bool = False) -> str:
        with self._gate:
            return dump(self._head, bool(hex))


UNION: Final = sets.stores_from, sets.union
INTERSECTION: Final = sets.ranges_from, sets.intersection
DIFFERENCE: Final = sets.ranges_from, sets.difference


def operand_of(other: Any) -> sets.Given:
    """Return what a set operation takes from its right side: a tree's contents, or items."""
    if isinstance(other, MapleTree) and type(other).__iter__ is MapleTree.__iter__:
        return cast(Head, other._fork_head())
    return tuple(other)


def is_iterable(thing: Any) -> bool:
    return any(hasattr(type(thing), way) for way in ("__iter__", "__getitem__"))
