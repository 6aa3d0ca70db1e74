# SPDX-License-Identifier: MIT
"""Cursor: a place in a tree, the kernel's ma_state. Its docstrings are in `samara/_docs/cursor.py`.

The rules are Linux's. The place is [index, last]; the range around index is the entry that holds
index, or the whole gap. Steps up and down are mirror images: `way` is 1 or -1, and `limit` is max
or min.

The C core keeps the path to the place as long as nobody else writes. Here each step walks again
from `index`, in O(log n): a path would keep values alive that are no longer in the tree. `_seen` is
the tree's generation at the cursor's last step. If it has changed, there was another writer, and
what was looked up before may be out of date.

All of it works on codes. Results, and `index` and `last` for callers, are made of them at the end.
"""

from operator import attrgetter
from types import GenericAlias
from typing import Any, Protocol, Self, cast

from samara._entry import Entry, Gap
from samara._errors import NoSpaceError, RangeOccupiedError, type_name
from samara._keys import Kind
from samara._keys.windows import clipped_window, required_code, required_count, required_window
from samara._pure.gap import Request, search
from samara._pure.node import GAP, Head
from samara._pure.results import Keys, entry_of, keys_once, shown_range
from samara._pure.walk import Level, descend, entries_of, load, step
from samara._pure.write import write_range

Found = Entry[Any, Any] | Gap[Any]
STOPPED = {1: "overflow", -1: "underflow"}
SEARCH_STOPS = ("pause", "overflow", "underflow")  # others stay if a search finds nothing at all
LOOKED_UP = ("active", "none", "overflow", "underflow")


class Tree(Protocol):
    """What a cursor needs of its tree, a MapleTree. (That module imports this one.)"""

    _head: Head

    @property
    def _gate(self) -> Any: ...

    @property
    def _kind(self) -> Kind: ...

    def _change(self, given: Any, change: Any, way: Any = ...) -> Any: ...


class Cursor:
    __slots__ = ("_index", "_last", "_seen", "_status", "_tree")

    _tree: Tree
    _seen: int

    # Not __init__(): there must be no cursor without a tree.
    def __new__(cls, tree: Tree, first: Any = None, last: Any = None) -> Self:
        if not hasattr(type(tree), "_fork_head"):
            raise TypeError(f"Cursor() argument 1 must be samara.MapleTree, not {type_name(tree)}")
        low = 0 if first is None else required_code(tree._kind, first, "first")
        self = object.__new__(cls)
        self._tree, self._seen = tree, 0
        self._index = self._last = low
        self._status = "start"
        if last is not None:
            self._index, self._last = required_window(tree._kind, first, last, optional=True)
        return self

    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        return GenericAlias(cls, item)

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'samara.Cursor' object")

    def __init_subclass__(cls) -> None:
        raise TypeError("type 'samara.Cursor' is not an acceptable base type")

    def set(self, index: Any) -> None:
        self._index = self._last = required_code(self._tree._kind, index, "index")
        self._status = "start"

    def set_range(self, first: Any, last: Any) -> None:
        self._index, self._last = required_window(self._tree._kind, first, last)
        self._status = "start"

    def reset(self) -> None:
        self._status = "start"

    def pause(self) -> None:
        self._status = "pause"

    @property
    def index(self) -> Any:
        return self._tree._kind.key(self._index)

    @property
    def last(self) -> Any:
        return self._tree._kind.key(self._last)

    status = property(attrgetter("_status"))
    tree = property(attrgetter("_tree"))

    @property
    def value(self) -> Any:
        with self._tree._gate:
            active = self._status == "active"
            value = load(self._tree._head, self._index) if active else GAP
        return None if value is GAP else value

    def __repr__(self) -> str:
        place = shown_range(self._tree._kind, self._index, self._last)
        return f"<samara.Cursor {place} {self.status}>"

    # ---- the range around index, and from there on

    def _catch_up(self) -> None:
        """If another writer has written the tree, look up again what was looked up before."""
        status, generation = self._status, self._tree._head.generation
        if self._seen != generation and status in LOOKED_UP:
            path = self._descend()
            self._stand(path)
            self._status = status if path else "none"
        self._seen = generation

    def _descend(self) -> list[Level]:
        head = self._tree._head
        self._seen = head.generation
        return descend(head, self._index)

    def _stand(self, path: list[Level]) -> Found:
        """Take the range where a path ends as the place. Returns its Entry or Gap."""
        here = self._found_at(path)
        self._index, self._last = here[:2]
        self._status = "active" if path else "none"
        return here

    def _found_at(self, path: list[Level]) -> Found:
        """Return the Entry or the Gap where a path ends. In an empty tree, all is one gap."""
        top = self._tree._kind.top
        if not path:
            return Gap(0, top)
        first, last, content = path[-1].slot_first, path[-1].slot_last, path[-1].content
        return Gap(first, min(last, top)) if content is GAP else Entry(first, last, content)

    def _onward(
        self, path: list[Level], limit: int, way: int, gaps: bool, end: str
    ) -> Found | None:
        """Move to the next Entry, or with `gaps` to the next Gap too.

        A range that meets the limit is the end: the cursor stays on it, with the status `end`.
        """
        here = self._found_at(path) if path else self._stand(path)
        while not (here.last >= limit if way > 0 else here.first <= limit):
            step(path, way)
            here = self._stand(path)
            if gaps or isinstance(here, Entry):
                return here
        self._status = end if path else "none"
        return None

    def _first_look(self, limit: int, way: int, gaps: bool, end: str) -> Found | None:
        """Look at the range around index itself, then go on."""
        path = self._descend()
        here = self._stand(path)
        if isinstance(here, Entry):
            return here
        if here.first == limit if way > 0 else here.first < limit:
            return None
        return self._onward(path, limit, way, gaps, end)

    # ---- steps

    def walk(self) -> Any:
        with self._tree._gate:
            here = self._stand(self._descend())
        return entry_of(self._tree._kind, here) if isinstance(here, Entry) else None

    def next(self, max: Any = None) -> Any:
        return self._step(max, 1, find=False, gaps=False)

    def next_range(self, max: Any = None) -> Any:
        return self._step(max, 1, find=False, gaps=True)

    def prev(self, min: Any = None) -> Any:
        return self._step(min, -1, find=False, gaps=False)

    def prev_range(self, min: Any = None) -> Any:
        return self._step(min, -1, find=False, gaps=True)

    def find(self, max: Any = None) -> Any:
        return self._step(max, 1, find=True, gaps=False)

    def find_range(self, max: Any = None) -> Any:
        return self._step(max, 1, find=True, gaps=True)

    def find_rev(self, min: Any = None) -> Any:
        return self._step(min, -1, find=True, gaps=False)

    def find_range_rev(self, min: Any = None) -> Any:
        return self._step(min, -1, find=True, gaps=True)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        entry = self.find()
        if entry is None:
            raise StopIteration
        return entry

    def _step(self, limit: Any, way: int, find: bool, gaps: bool) -> Found | None:
        kind = self._tree._kind
        if limit is None:
            limit = kind.top if way > 0 else 0
        else:
            limit = kind.code(limit, "max" if way > 0 else "min")
        with self._tree._gate:
            here = self._stepped(limit, way, find, gaps)
        if isinstance(here, Entry):
            return entry_of(kind, here)
        return kind.gap(*map(kind.key, here)) if here else None

    def _stepped(self, limit: int, way: int, find: bool, gaps: bool) -> Found | None:
        top = self._tree._kind.top
        beyond_all = limit < 0 if way > 0 else limit > top
        if find and beyond_all and self._status not in SEARCH_STOPS:
            return None
        self._catch_up()
        limit = min(max(limit, 0), top)
        if not find:
            return self._leave(limit, way, gaps)
        return self._find(limit, gaps) if way > 0 else self._find_rev(limit, gaps)

    def _leave(self, limit: int, way: int, gaps: bool) -> Found | None:
        """next() and prev(): what lies at index itself is not a result, unless they turn round."""
        if self._last >= limit if way > 0 else self._index <= limit:
            self._status = STOPPED[way]
            return None
        status = self._status
        path = self._descend()
        if status not in ("active", STOPPED[way]):
            here = self._stand(path)
            if status == STOPPED[-way] and isinstance(here, Entry):
                return here
        return self._onward(path, limit, way, gaps, STOPPED[way])

    def _find(self, limit: int, gaps: bool) -> Found | None:
        status = self._status
        if status in ("start", "error"):
            stops = self._index > limit
        elif status == "underflow":
            stops = self._index >= limit
            self._status = "overflow" if stops else status
        else:
            stops = self._last >= limit
        if stops:
            return None
        end = "overflow" if gaps else "active"
        if status == "active":
            return self._onward(self._descend(), limit, 1, gaps, end)
        if status == "pause":
            self._index = self._last + 1
        elif status == "none":
            self._index = self._last
        return self._first_look(limit, 1, gaps, end)

    def _find_rev(self, limit: int, gaps: bool) -> Found | None:
        status = self._status
        if status in ("active", "start", "error"):
            stops = self._index < limit
        else:
            stops = self._index <= limit
        if stops:
            if status in ("pause", "overflow"):
                self._status = "underflow"
            return None
        if status in ("active", "overflow", "underflow"):
            return self._onward(self._descend(), limit, -1, gaps, "underflow")
        if status == "pause":
            self._index -= 1
        return self._first_look(limit, -1, gaps, "underflow")

    # ---- writes

    def store(self, value: Any, *, merge: Any = True) -> None:
        merge = bool(merge)

        def write(value: Any, seen: int) -> list[Any]:
            return self._write(value, seen, merge)

        self._tree._change(value, write)  # returns what was displaced, to be dropped unlocked

    def insert(self, value: Any) -> None:
        key = keys_once(self._tree._kind)

        def insert(value: Any, seen: int) -> list[Any]:
            return self._insert(value, seen, key)

        self._tree._change(value, insert)

    def _write(self, value: Any, seen: int, merge: bool = True) -> list[Any]:
        here = (self._index, self._last)
        displaced = write_range(self._tree._head, *here, value, seen=seen, merge=merge)
        (self._index, self._last), self._status = here, "active"  # a policy may have moved it
        self._seen = seen + 1
        return displaced

    def _insert(self, value: Any, seen: int, key: Keys) -> list[Any]:
        here = (self._index, self._last)
        occupied = next(entries_of(self._tree._head, *here), None)
        if occupied:
            self._status = "error"
            occupied = entry_of(self._tree._kind, occupied, key)
            raise RangeOccupiedError(key(here[0]), key(here[1]), occupied)
        return self._write(value, seen)

    def clear(self) -> None:
        def clear(gap: Any, seen: int) -> list[Any]:
            return self._vacate(self._index, self._last, seen)

        self._tree._change(GAP, clear)

    def erase(self) -> Entry[Any, Any] | None:
        kind = self._tree._kind
        key = keys_once(kind)

        def erase(gap: Any, seen: int) -> Entry[Any, Any] | None:
            entry = next(entries_of(self._tree._head, self._index, self._index), None)
            if entry:
                result = entry_of(kind, entry, key)
                self._vacate(entry.first, entry.last, seen)
                return result
            if self._tree._head.root:
                self._stand(self._descend())
            else:
                self._status, self._seen = "none", seen
            return None

        return cast(Entry[Any, Any] | None, self._tree._change(GAP, erase))

    def _vacate(self, first: int, last: int, seen: int) -> list[Any]:
        """Remove everything in [first, last]. The place becomes the whole gap."""
        head = self._tree._head
        was_empty = not head.root
        displaced = write_range(head, first, last, GAP, seen=seen)
        if was_empty:
            self._status, self._seen = "none", seen + 1
        else:
            self._index = first  # a policy may have moved the cursor
            self._stand(self._descend())
        return displaced

    # ---- free room

    def empty_area(self, size: Any, min: Any = None, max: Any = None) -> Any:
        return self._take_area(size, (min, max), reverse=False)

    def empty_area_rev(self, size: Any, min: Any = None, max: Any = None) -> Any:
        return self._take_area(size, (min, max), reverse=True)

    def _take_area(self, size: Any, ends: tuple[Any, Any], reverse: bool) -> Any:
        kind = self._tree._kind
        size = required_count(kind, size, "size")
        window = clipped_window(kind, *ends, ("min", "max"))
        request = Request(size, window, reverse=reverse)
        with self._tree._gate:
            head = self._tree._head
            try:
                start = search(head, request)
            except NoSpaceError:
                if window and size <= window[1] - window[0] + 1:
                    self._status = "error"
                raise
            self._index, self._last = start, start + request.size - 1
            self._status, self._seen = "active" if head.root else "none", head.generation
        return kind.key(start)
