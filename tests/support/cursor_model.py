# SPDX-License-Identifier: MIT
"""A flat model of the cursor: the rules of Linux's `struct ma_state` over a list of entries.

There are no nodes and no paths, so nothing here can share a fault with a tree. A value is a
positive number; 0 means "nothing". Steps return (first, last, value) of the range that they found,
or None. Writes return an errno where Linux's do.

A FlatCursor can also stand on another model of a tree. It needs is_empty(), around() and changes,
and store() and clear() if it writes.
"""

import errno
from bisect import bisect_left, bisect_right

from samara import MAX

STOPPED = {1: "overflow", -1: "underflow"}
LOOKED_UP = ("active", "none", "overflow", "underflow")


class FlatTree:
    """Entries in order, as (first, last, value)."""

    def __init__(self, tracks_gaps=True):
        self.tracks_gaps = tracks_gaps
        self.entries = []
        self.changes = 0
        self.took_max = False  # by alloc_cyclic(), in a call whose successor has not said so yet

    # ---- look-ups

    def is_empty(self):
        return not self.entries

    def within(self, first, last):
        """Return the slice of the entries that overlap [first, last]."""
        low = bisect_left(self.entries, first, key=lambda entry: entry[1])
        high = bisect_right(self.entries, last, key=lambda entry: entry[0])
        return slice(low, max(low, high))

    def around(self, index):
        """Return the entry around an index, or the whole gap with the value 0."""
        here = self.within(index, index)
        if here.start < here.stop:
            return self.entries[here.start]
        before, behind = self.entries[: here.start][-1:], self.entries[here.start :][:1]
        return (
            before[0][1] + 1 if before else 0,
            behind[0][0] - 1 if behind else MAX,
            0,
        )

    def load(self, index):
        return self.around(index)[2]

    def find(self, index, limit):
        """Return the entry around index, or the first one above, that begins at or below limit."""
        found = self.entries[self.within(index, limit)] if index <= limit else []
        return found[0] if found else None

    def area(self, low, high, size, reverse=False):
        """Return the lowest or highest place of `size` free keys; an errno below 0 if none."""
        if not self.tracks_gaps or size < 1 or low > high or size > high - low + 1:
            return -errno.EINVAL
        starts = []
        at = low
        while at <= high:
            first, last, value = self.around(at)
            if not value and min(last, high) - max(first, low) + 1 >= size:
                starts.append(min(last, high) - size + 1 if reverse else max(first, low))
            at = last + 1
        return starts[-1 if reverse else 0] if starts else -errno.EBUSY

    # ---- writes

    def store(self, first, last, value):
        """Store over [first, last]. Cuts what is there; joins nothing."""
        if first > last:
            return -errno.EINVAL
        hit = self.within(first, last)
        pieces = [(first, last, value)] if value else []
        for low, high, old in self.entries[hit]:
            if low < first:
                pieces.insert(0, (low, first - 1, old))
            if high > last:
                pieces.append((last + 1, high, old))
        self.entries[hit] = pieces
        self.changes += 1
        return 0

    def clear(self, first, last):
        return self.store(first, last, 0)

    def insert(self, first, last, value):
        if first > last:
            return -errno.EINVAL
        hit = self.within(first, last)
        return -errno.EEXIST if hit.start < hit.stop else self.store(first, last, value)

    def erase(self, index):
        first, last, value = self.around(index)
        if value:
            self.clear(first, last)
        return value

    def destroy(self):
        self.entries = []
        self.changes += 1

    def alloc(self, low, high, size, value, reverse=False):
        """Return (errno, start)."""
        start = self.area(low, high, size, reverse)
        if start < 0:
            return start, 0
        self.store(start, start + size - 1, value)
        return 0, start

    def alloc_cyclic(self, low, high, following, value):
        """Return (errno or whether it wrapped, key, the next call's `following`)."""
        wrapped = False
        start = -errno.EBUSY
        if low > high:
            start = -errno.EINVAL
        elif following <= high:
            start = self.area(max(low, following), high, 1)
        if start == -errno.EBUSY:
            wrapped = True
            start = self.area(low, high, 1)
        if start < 0:
            return start, 0, following
        self.store(start, start, value)
        if not wrapped and self.took_max:
            wrapped, self.took_max = True, False
        if start == MAX:
            self.took_max = True
        return int(wrapped), start, (start + 1) & MAX


class FlatCursor:
    """A place in a FlatTree. `seen` is the number of the tree's changes until the last step."""

    def __init__(self, tree, first=0, last=None):
        self.tree, self.seen = tree, 0
        self.set_range(first, first if last is None else last)

    # ---- setting

    def set_range(self, first, last):
        self.index, self.last, self.status = first, last, "start"

    def set(self, index):
        self.set_range(index, index)

    def reset(self):
        self.status = "start"

    def pause(self):
        self.status = "pause"

    def state(self):
        value = self.tree.around(self.index)[2] if self.status == "active" else 0
        return self.status, self.index, self.last, value

    # ---- the range around index, and beyond it

    def stand(self, index):
        """Take the range around an index as the place. Returns what a step returns."""
        self.index, self.last, value = self.tree.around(index)
        self.status = "none" if self.tree.is_empty() else "active"
        self.seen = self.tree.changes
        return self.index, self.last, value

    def onward(self, limit, way, gaps, end):
        """Go on from the range around index. `end` is the status if the limit is met.

        If that range itself meets the limit, the place does not change, even if it is a part.
        """
        if self.tree.is_empty():
            self.stand(self.index)
            return None
        first, last, _ = self.tree.around(self.index)
        while last < limit if way > 0 else first > limit:
            found = first, last, value = self.stand(last + 1 if way > 0 else first - 1)
            if value or gaps:
                return found
        self.status = end
        return None

    def first_look(self, limit, way, gaps, end):
        found = first, _, value = self.stand(self.index)
        if value:
            return found
        if first == limit if way > 0 else first < limit:
            return None
        return self.onward(limit, way, gaps, end)

    def catch_up(self):
        """If another writer has changed the tree, look up again what was looked up before."""
        status = self.status
        if self.seen != self.tree.changes and status in LOOKED_UP:
            self.stand(self.index)
            self.status = "none" if self.tree.is_empty() else status
        self.seen = self.tree.changes

    # ---- steps

    def walk(self):
        found = self.stand(self.index)
        return found if found[2] else None

    def step(self, limit, way, gaps):
        self.catch_up()
        limit = max(0, min(limit, MAX))
        if self.last >= limit if way > 0 else self.index <= limit:
            self.status = STOPPED[way]
            return None
        if self.status not in ("active", STOPPED[way]):
            turned = self.status == STOPPED[-way]
            found = self.stand(self.index)
            if turned and found[2]:
                return found
        return self.onward(limit, way, gaps, STOPPED[way])

    def next(self, limit=MAX):
        return self.step(limit, 1, gaps=False)

    def next_range(self, limit=MAX):
        return self.step(limit, 1, gaps=True)

    def prev(self, limit=0):
        return self.step(limit, -1, gaps=False)

    def prev_range(self, limit=0):
        return self.step(limit, -1, gaps=True)

    def find_up(self, limit, gaps):
        if limit < 0 and self.status in ("active", "none", "start", "error"):
            return None
        self.catch_up()
        limit = max(0, min(limit, MAX))
        end = "overflow" if gaps else "active"
        if self.status in ("start", "error"):
            stops = self.index > limit
        elif self.status == "underflow":
            stops = self.index >= limit
            self.status = "overflow" if stops else self.status
        else:
            stops = self.last >= limit
        if stops:
            return None
        if self.status == "active":
            return self.onward(limit, 1, gaps, end)
        if self.status == "pause":
            self.index = self.last + 1
        elif self.status == "none":
            self.index = self.last
        return self.first_look(limit, 1, gaps, end)

    def find_down(self, limit, gaps):
        if limit > MAX and self.status in ("active", "none", "start", "error"):
            return None
        self.catch_up()
        limit = max(0, min(limit, MAX))
        if self.status in ("active", "start", "error"):
            stops = self.index < limit
        else:
            stops = self.index <= limit
        if stops:
            if self.status in ("pause", "overflow"):
                self.status = "underflow"
            return None
        if self.status in ("active", "overflow", "underflow"):
            return self.onward(limit, -1, gaps, "underflow")
        if self.status == "pause":
            self.index -= 1
        return self.first_look(limit, -1, gaps, "underflow")

    def find(self, limit=MAX):
        return self.find_up(limit, gaps=False)

    def find_range(self, limit=MAX):
        return self.find_up(limit, gaps=True)

    def find_rev(self, limit=0):
        return self.find_down(limit, gaps=False)

    def find_range_rev(self, limit=0):
        return self.find_down(limit, gaps=True)

    # ---- writes

    def store(self, value):
        """Return an errno, like the other writes."""
        status = self.tree.store(self.index, self.last, value)
        self.status = "active"
        self.seen = self.tree.changes
        return status

    def clear(self):
        was_empty = self.tree.is_empty()
        self.tree.clear(self.index, self.last)
        if was_empty:
            self.status, self.seen = "none", self.tree.changes
        else:
            self.stand(self.index)
        return 0

    def erase(self):
        if self.tree.is_empty():
            self.status, self.seen = "none", self.tree.changes
            return None
        found = self.walk()
        if found:
            self.clear()
        return found

    def insert(self, value):
        if self.tree.find(self.index, self.last):
            self.status = "error"
            return -errno.EEXIST
        return self.store(value)

    def empty_area(self, low, high, size, reverse=False):
        """Return the start, or an errno below 0."""
        start = self.tree.area(low, high, size, reverse)
        if start == -errno.EBUSY:
            self.status = "error"
        if start < 0:
            return start
        self.index, self.last = start, start + size - 1
        self.status = "none" if self.tree.is_empty() else "active"
        self.seen = self.tree.changes
        return start
