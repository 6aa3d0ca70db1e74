# SPDX-License-Identifier: MIT
"""Two trees side by side: their differences, and whether they are the same.

Each side stands on a slot of some node: on a subtree, or in a leaf on a range or gap. Both stand
around one key. If both stand on one and the same subtree, they step over it whole. If not, the one
that stands higher goes down, or both do. A side stands on a subtree only if that begins at the key,
so a node that both trees share is always met on both sides at once.
"""

from collections.abc import Iterator
from threading import RLock
from typing import Any, NamedTuple

from samara._entry import Change, Entry
from samara._pure.node import GAP, Head
from samara._pure.packed import part_of, policy_of, word_of
from samara._pure.walk import Level, step


class Side:
    """Where a walk stands in one tree."""

    __slots__ = ("content", "first", "height", "last", "path", "tree_height")

    def __init__(self, head: Head) -> None:
        self.path: list[Level] = []
        self.content: Any = head.root or GAP
        self.first, self.last, self.height = 0, head.limit, head.height
        self.tree_height = head.height

    def _stand(self) -> None:
        level = self.path[-1]
        self.content, self.first, self.last = level.content, level.slot_first, level.slot_last
        self.height = self.tree_height - len(self.path)

    def go_down(self) -> None:
        """Go into the subtree, to its first slot."""
        self.path.append(Level(self.content, self.first, self.last, self.first))
        self._stand()

    def go_on(self) -> None:
        """Go to the next slot, of the lowest node on the path that has one."""
        while self.path[-1].slot + 1 == len(self.path[-1].slots):
            self.path.pop()
        step(self.path, 1)
        self._stand()

    @property
    def slot(self) -> Entry[Any, Any]:
        return Entry(self.first, self.last, self.content)


class Stretch(NamedTuple):
    """Keys that lie in one slot of each tree. `a` and `b` are these slots, whole."""

    first: int
    last: int
    a: Entry[Any, Any]
    b: Entry[Any, Any]


def stretches(a: Head, b: Head) -> Iterator[Stretch | tuple[int, int]]:
    """Go through both trees, from key to key.

    Yields a pair (first, last) for a node that both share.
    """
    sides = one, two = Side(a), Side(b)
    key = 0
    while True:
        while (shared := one.content is two.content and one.height > 0) is False:
            heights = one.height, two.height
            if heights == (0, 0):
                break
            for side, height in zip(sides, heights, strict=True):
                if height == max(heights):
                    side.go_down()
        last = min(one.last, two.last)
        yield (key, last) if shared else Stretch(key, last, one.slot, two.slot)
        if last == a.limit:
            return
        key = last + 1
        for side in sides:
            if side.last == last:
                side.go_on()


def same_word(a: Any, b: Any, dtype: str | None) -> bool:
    """Return whether two contents are the same object, or in a packed tree have the same bits."""
    if dtype is None or a is GAP or b is GAP:
        return a is b
    return word_of(a, dtype) == word_of(b, dtype)


class Diff:
    """An iterator over the differences of two trees that nobody writes, for any number of threads.

    Comparing values can run any code. Code that calls the iterator gets the next difference. If
    comparing fails, the next step tries the same difference again.
    """

    def __init__(self, before: Head, after: Head) -> None:
        self._walk = stretches(before, after)
        self._kind, self._dtypes = before.kind, (before.dtype, after.dtype)
        self._policies = policy_of(before), policy_of(after)
        self._again: Stretch | None = None
        self._taken = 0
        self._lock = RLock()  # a generator refuses a second thread

    def __iter__(self) -> "Diff":
        return self

    def __next__(self) -> Change[Any, Any]:
        while True:
            with self._lock:
                at = self._again or next(self._walk)
                self._again = None
                if not isinstance(at, Stretch):
                    continue
                self._taken += 1
                turn = self._taken
            try:
                a, b = self._values_of(at)
                if not contents_equal(a, b, self._dtypes):
                    shown = (None if value is GAP else value for value in (a, b))
                    kind = self._kind
                    return kind.change(kind.key(at.first), kind.key(at.last), *shown)
            except BaseException:
                if turn == self._taken:
                    self._again = at
                raise

    def _values_of(self, at: Stretch) -> list[Any]:
        """Return what both slots hold. The policies are asked about the parts of entries."""
        same = at.a.value is at.b.value and at.a[:2] == at.b[:2]
        if same or self._policies == (None, None):
            return [at.a.value, at.b.value]
        ends = at.first, at.last
        return [
            slot.value
            if policy is None or slot.value is GAP or slot[:2] == ends
            else part_of(policy, slot, *ends)
            for policy, slot in zip(self._policies, at[2:], strict=True)
        ]


def contents_equal(a: Any, b: Any, dtypes: tuple[str | None, str | None]) -> bool:
    """Return whether two slots hold equal values, or are both gaps. Runs the values' __eq__()."""
    if a is GAP or b is GAP:
        return a is b
    if dtypes[0] == dtypes[1] and same_word(a, b, dtypes[0]):
        return True
    return bool(a == b)


def equal(a: Head, b: Head) -> bool:
    """Return whether both have the same ranges with equal values. Nobody writes them."""
    if a.counts and b.counts and a.counts[0] != b.counts[0]:
        return False
    dtypes = a.dtype, b.dtype
    for at in stretches(a, b):
        if isinstance(at, Stretch):
            if at.a[:2] != at.b[:2] or not contents_equal(at.a.value, at.b.value, dtypes):
                return False
    return True
