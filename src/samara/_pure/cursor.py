"""Cursor: a place in a tree with the path to it, the kernel's ma_state.

The path is good as long as the tree's generation is the one it was walked in; else the next step
walks again, from `index`. A step that meets its limit leaves index and last as they are. The
public docstrings are in `samara/_docs.py`.
"""

from types import GenericAlias
from typing import TYPE_CHECKING, Any, Self

from samara._entry import Entry, Gap
from samara._pure.arguments import clipped_request, index_of, required_index, required_window
from samara._pure.gaps import search
from samara._pure.nodes import GAP, MAX
from samara._pure.walking import Level, descend, load, step
from samara._pure.writing import write_range

if TYPE_CHECKING:
    from samara._pure.tree import MapleTree


class Cursor:
    __slots__ = ("_generation", "_last", "_path", "_status", "_tree", "_value", "_index")
    __class_getitem__: Any = classmethod(GenericAlias)

    def __init__(self, tree: "MapleTree", first: Any = 0, last: Any = None) -> None:
        if not hasattr(type(tree), "_fork_head"):
            name = type(tree).__name__
            raise TypeError(f"Cursor() argument 1 must be samara.MapleTree, not {name}")
        self._tree = tree
        self._path: list[Level] = []
        first = required_index(first, "first")
        self.set_range(first, first if last is None else last)

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'samara.Cursor' object")

    def __init_subclass__(cls) -> None:
        raise TypeError("type 'samara.Cursor' is not an acceptable base type")

    # ---- the place

    def set(self, index: Any) -> None:
        self._index = self._last = required_index(index, "index")
        self.reset()

    def set_range(self, first: Any, last: Any) -> None:
        self._index, self._last = required_window(first, last)
        self.reset()

    def reset(self) -> None:
        self._value, self._status, self._generation = GAP, "start", 0

    def pause(self) -> None:
        self._status, self._generation = "pause", 0

    @property
    def index(self) -> int:
        return self._index

    @property
    def last(self) -> int:
        return self._last

    @property
    def tree(self) -> "MapleTree":
        return self._tree

    def _value_now(self) -> Any:
        """What the range that it stands on holds, also where others have written since."""
        with self._tree._lock.gate:
            head = self._tree._head
            if self._status != "active":
                return GAP
            return self._value if self._generation == head.generation else load(head, self._index)

    @property
    def value(self) -> Any:
        value = self._value_now()
        return None if value is GAP else value

    @property
    def status(self) -> str:
        value = self._value_now()
        return "gap" if self._status == "active" and value is GAP else self._status

    def __repr__(self) -> str:
        return f"<samara.Cursor [{self.index}, {self.last}] {self.status}>"

    # ---- steps

    def walk(self) -> Entry[Any] | None:
        with self._tree._lock.gate:
            self._descend(self._index)
            found = self._settle()
            return found if isinstance(found, Entry) else None

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

    def __next__(self) -> Entry[Any]:
        entry: Entry[Any] | None = self.find()
        if entry is None:
            raise StopIteration
        return entry

    def _step(self, limit: Any, way: int, find: bool, gaps: bool) -> Any:
        """The next Entry (or Gap) before the limit; a find() looks at index itself first."""
        limit = index_of(limit, "max" if way > 0 else "min")
        with self._tree._lock.gate:
            if (limit < 0) if way > 0 else (limit > MAX):
                return self._stop(way)
            if find and self._status == "start":
                if (limit - self._index) * way < 0:
                    return None  # still to be looked at, under a wider limit
                return self._seek(limit, way, gaps, self._index)
            beyond = self._last + 1 if way > 0 else self._index - 1
            if self._status in ("active", "pause") and (limit - beyond) * way < 0:
                return self._stop(way)
            if self._status == "pause":
                return self._seek(limit, way, gaps, beyond)
            return self._seek(limit, way, gaps)

    def _seek(self, limit: int, way: int, gaps: bool, index: int | None = None) -> Any:
        """The first range that counts before the limit: from that around index, or the next one."""
        if index is not None or self._generation != self._tree._head.generation:
            self._descend(self._index if index is None else index)
        path = self._path
        more = step(path, way) if index is None else 0 <= index <= MAX
        while more:
            first, last = (path[-1].slot_first, path[-1].slot_last) if path else (0, MAX)
            if (limit - first if way > 0 else last - limit) < 0:
                break
            if gaps or (path and path[-1].content is not GAP):
                return self._settle()
            more = step(path, way)
        return self._stop(way)

    def _descend(self, index: int) -> None:
        self._generation = self._tree._head.generation
        self._path = descend(self._tree._head, index)

    def _settle(self) -> Entry[Any] | Gap:
        self._index, self._last, self._value, self._status = 0, MAX, GAP, "active"
        if self._path:
            leaf = self._path[-1]
            self._index, self._last, self._value = leaf.slot_first, leaf.slot_last, leaf.content
        if self._value is GAP:
            return Gap(self._index, self._last)
        return Entry(self._index, self._last, self._value)

    def _stop(self, way: int) -> None:
        self._status, self._generation = "overflow" if way > 0 else "underflow", 0

    # ---- writes and free room

    def store(self, value: Any) -> None:
        with self._tree._lock.gate:
            displaced = write_range(self._tree._head, self._index, self._last, value)
            self._value, self._status, self._generation = value, "active", 0
        del displaced  # unlocked: the ends of the values can run anything

    def erase(self) -> Entry[Any] | None:
        with self._tree._lock.gate:
            entry = self.walk()
            if entry:
                self.store(GAP)
            return entry

    def empty_area(self, size: Any, min: Any = 0, max: Any = MAX) -> int:
        return self._take_area(size, min, max, reverse=False)

    def empty_area_rev(self, size: Any, min: Any = 0, max: Any = MAX) -> int:
        return self._take_area(size, min, max, reverse=True)

    def _take_area(self, size: Any, low: Any, high: Any, reverse: bool) -> int:
        request = clipped_request(size, low, high, 1, reverse, ("min", "max"))
        with self._tree._lock.gate:
            start = search(self._tree._head, request)
            self.set_range(start, start + request.size - 1)
            return start
