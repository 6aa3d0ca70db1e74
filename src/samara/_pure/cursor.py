# SPDX-License-Identifier: MIT
"""Cursor: a place in a tree, the kernel's ma_state. Its docstrings are in `samara/_docs/cursor.py`.

The C core keeps the path to the place as long as nobody else writes. Here each step walks again
from `index`, in O(log n): a path would keep values alive that are no longer in the tree.
"""

from operator import attrgetter
from types import GenericAlias
from typing import Any, Protocol, Self, cast

from samara import _arguments as arguments
from samara._arguments import MAX, clipped_window, index_of, required_index, required_window
from samara._entry import Entry, Gap
from samara._errors import type_name
from samara._pure.gap import Request, search
from samara._pure.node import GAP, Head
from samara._pure.walk import descend, load, step
from samara._pure.write import write_range

Found = Entry[Any] | Gap | None
STOPPED = {1: "overflow", -1: "underflow"}  # at the limit; index and last stay the same


class Tree(Protocol):
    """What a cursor needs of its tree, a MapleTree. (That module imports this one.)"""

    _head: Head

    @property
    def _gate(self) -> Any: ...

    def _change(self, given: Any, change: Any, way: Any = ...) -> Any: ...


class Cursor:
    __slots__ = ("_index", "_last", "_status", "_tree")

    _tree: Tree

    # Not __init__(): there must be no cursor without a tree.
    def __new__(cls, tree: Tree, first: Any = 0, last: Any = None) -> Self:
        if not hasattr(type(tree), "_fork_head"):
            raise TypeError(f"Cursor() argument 1 must be samara.MapleTree, not {type_name(tree)}")
        first = required_index(first, "first")
        self = object.__new__(cls)
        self._tree = tree
        self.set_range(first, first if last is None else last)
        return self

    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        return GenericAlias(cls, item)

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'samara.Cursor' object")

    def __init_subclass__(cls) -> None:
        raise TypeError("type 'samara.Cursor' is not an acceptable base type")

    def set(self, index: Any) -> None:
        self._index = self._last = required_index(index, "index")
        self._status = "start"

    def set_range(self, first: Any, last: Any) -> None:
        self._index, self._last = required_window(first, last)
        self._status = "start"

    def reset(self) -> None:
        self._status = "start"

    def pause(self) -> None:
        self._status = "pause"

    index = property(attrgetter("_index"))
    last = property(attrgetter("_last"))
    tree = property(attrgetter("_tree"))

    def _content(self) -> Any:
        """Return what is now at the cursor's position."""
        with self._tree._gate:
            return load(self._tree._head, self._index) if self._status == "active" else GAP

    @property
    def value(self) -> Any:
        value = self._content()
        return None if value is GAP else value

    @property
    def status(self) -> str:
        value = self._content()
        return "gap" if self._status == "active" and value is GAP else self._status

    def __repr__(self) -> str:
        return f"<samara.Cursor [{self.index}, {self.last}] {self.status}>"

    def walk(self) -> Any:
        with self._tree._gate:
            entry = self._seek(self._index, MAX, 1, here=True, gaps=True)
            return entry if isinstance(entry, Entry) else None

    def next(self, max: Any = MAX) -> Any:
        return self._step(max, 1, find=False, gaps=False)

    def next_range(self, max: Any = MAX) -> Any:
        return self._step(max, 1, find=False, gaps=True)

    def prev(self, min: Any = 0) -> Any:
        return self._step(min, -1, find=False, gaps=False)

    def prev_range(self, min: Any = 0) -> Any:
        return self._step(min, -1, find=False, gaps=True)

    def find(self, max: Any = MAX) -> Any:
        return self._step(max, 1, find=True, gaps=False)

    def find_range(self, max: Any = MAX) -> Any:
        return self._step(max, 1, find=True, gaps=True)

    def find_rev(self, min: Any = 0) -> Any:
        return self._step(min, -1, find=True, gaps=False)

    def find_range_rev(self, min: Any = 0) -> Any:
        return self._step(min, -1, find=True, gaps=True)

    def find_rev_range(self, min: Any = 0) -> Any:
        return self._step(min, -1, find=True, gaps=True)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        entry = self.find()
        if entry is None:
            raise StopIteration
        return entry

    def _step(self, limit: Any, way: int, find: bool, gaps: bool) -> Found:
        """Return the next Entry, or Gap, up to the limit. A find() first looks at index itself."""
        limit = index_of(limit, "max" if way > 0 else "min")
        with self._tree._gate:
            beyond = self._last + 1 if way > 0 else self._index - 1
            paused = self._status == "pause"
            at_end = paused and ((limit - beyond) * way < 0 or not 0 <= beyond <= MAX)
            if at_end or ((limit < 0) if way > 0 else (limit > MAX)):
                self._status = STOPPED[way]
                return None
            if find and self._status == "start":
                if (limit - self._index) * way < 0:
                    return None  # a later call with a wider limit will look at it
                return self._seek(self._index, limit, way, here=True, gaps=gaps)
            return self._seek(beyond if paused else self._index, limit, way, here=paused, gaps=gaps)

    def _seek(self, index: int, limit: int, way: int, here: bool, gaps: bool) -> Found:
        """Return the first Entry, or with `gaps` also a Gap, up to the limit.

        Starts at the range around index if `here`, else at the next one.
        """
        path = descend(self._tree._head, index)
        more = here or step(path, way)
        while more:
            first, last = (path[-1].slot_first, path[-1].slot_last) if path else (0, MAX)
            if (limit - first if way > 0 else last - limit) < 0:
                break
            content = path[-1].content if path else GAP
            if gaps or content is not GAP:
                self._index, self._last, self._status = first, last, "active"
                return Gap(first, last) if content is GAP else Entry(first, last, content)
            more = step(path, way)
        self._status = STOPPED[way]
        return None

    def store(self, value: Any, *, merge: Any = True) -> None:
        merge = bool(merge)

        def write(value: Any, seen: int) -> list[Any]:
            place = self._index, self._last
            displaced = write_range(self._tree._head, *place, value, seen=seen, merge=merge)
            # A policy may have moved the cursor.
            self._index, self._last, self._status = *place, "active"
            return displaced

        self._tree._change(value, write)  # returns what was displaced, to be dropped unlocked

    def erase(self) -> Entry[Any] | None:
        place = self._index, self._last, self._status

        def erase(gap: Any, seen: int) -> Any:
            try:
                entry = self.walk()
                if entry:
                    write_range(self._tree._head, entry.first, entry.last, gap, seen=seen)
            except BaseException:
                self._index, self._last, self._status = place
                raise
            return entry

        return cast(Entry[Any] | None, self._tree._change(GAP, erase))

    def empty_area(self, size: Any, min: Any = 0, max: Any = MAX) -> int:
        return self._take_area(size, (min, max), reverse=False)

    def empty_area_rev(self, size: Any, min: Any = 0, max: Any = MAX) -> int:
        return self._take_area(size, (min, max), reverse=True)

    def _take_area(self, size: Any, window: tuple[Any, Any], reverse: bool) -> int:
        size, ends = arguments.positive(size, "size"), clipped_window(*window, ("min", "max"))
        request = Request(size, ends, 1, reverse)
        with self._tree._gate:
            start = search(self._tree._head, request)
            self.set_range(start, start + request.size - 1)
            return start
