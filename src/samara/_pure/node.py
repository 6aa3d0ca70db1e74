# SPDX-License-Identifier: MIT
"""Nodes: what a tree is made of, how trees share them, and the pool they come from.

                [ 99 | 499 ]                    pivots of a branch
               /      |     \\
    [ 40 | 79 ]  [ 149 ]  [ ... ]               pivots of leaves
     a   -   b    c   d

Slot i of a node holds the range from behind pivot i - 1 to pivot i. The ends of the first and the
last slot are the node's own, and only the path to it knows them. A leaf's slots hold values, or
GAP; a branch's hold nodes. In trees that track gaps, `gaps` has the size of the largest gap in each
slot; in others it is all 0.

Trees share nodes. Python counts the references to them; who may write one is a matter of `owner`:
only the tree whose owner it bears, and a fork gives both trees new ones. (Counts like the C core's,
taken back in `__del__`, could be too low: Python runs the finalizers of what may be garbage before
it is sure.) A node is written by giving it new tuples at once, so nobody sees half a write.
"""

import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from samara._arguments import MAX
from samara._policy import Policy
from samara._pure.process import Claim

GAP: Final[Any] = type("Gap", (), {"__slots__": (), "__repr__": lambda self: "-"})()
NODE_BYTES: Final = 256  # of a node of the extension
Answer = TypeVar("Answer")
Item = tuple[int, Any, int]  # a slot outside a node: its last key, what is in it, its largest gap


class OvertakenError(Exception):
    """Something has written, or forked, the tree since a change of it looked."""


class Node:
    __slots__ = ("gaps", "is_leaf", "owner", "pivots", "slots")

    is_leaf: bool
    pivots: tuple[int, ...]
    slots: tuple[Any, ...]
    gaps: tuple[int, ...]

    def __init__(self, owner: object) -> None:
        self.owner = owner

    def __del__(self) -> None:
        POOL.live -= 1


class Pool:
    """Hands out nodes and counts them. It can be told to fail, as where memory has run out.

    The counts are for tests, and exact where one thread at a time makes and drops nodes.
    """

    def __init__(self) -> None:
        self.live = self.allocated = self.fail_nth = 0

    def take(self, count: int, owner: object) -> list[Node]:
        """All or none: MemoryError where one of them fails."""
        if self.fail_nth:
            self.fail_nth = max(self.fail_nth - count, 0)
            if not self.fail_nth:
                raise MemoryError
        self.live += count
        self.allocated += count
        return [Node(owner) for _ in range(count)]


POOL: Final = Pool()


class Head:
    """A tree's own part: its root, and what is known of all below.

    `tracks_gaps`, `dtype` and `policy` are its attributes, which all its copies have too.
    `asking` is, while a write asks the policy, the claim of its thread.
    `counts`, of the entries and of the keys they cover, is None where a cut left them unknown.
    `generation` moves with each change: a path is good as long as it stays.
    """

    __slots__ = (
        "asking",
        "counts",
        "dtype",
        "generation",
        "height",
        "owner",
        "policy",
        "root",
        "tracks_gaps",
    )

    def __init__(
        self, tracks_gaps: bool, dtype: str | None = None, policy: Policy[Any] | None = None
    ) -> None:
        self.tracks_gaps, self.dtype, self.policy = tracks_gaps, dtype, policy
        self.asking: Claim | None = None
        self.owner = object()
        self.root: Node | None = None
        self.counts: tuple[int, int] | None = (0, 0)
        self.height, self.generation = 0, 1

    def is_like(self, other: "Head") -> bool:
        """Are the attributes those of the other?"""
        same = self.tracks_gaps == other.tracks_gaps and self.dtype == other.dtype
        return same and self.policy is other.policy

    def attributes(self) -> str:
        return f"track_gaps={self.tracks_gaps}, dtype={self.dtype!r}, policy={self.policy!r}"

    def empty(self) -> "Head":
        return Head(self.tracks_gaps, self.dtype, self.policy)

    def require_idle(self) -> None:
        if self.asking and not self.asking.is_void():
            raise RuntimeError("this tree is being written: it is asking its policy")

    @contextmanager
    def busy(self) -> Generator[None, None, None]:
        """While its policy, if there is one, may be asked: nothing has changed yet, and nobody else
        may write."""
        self.require_idle()
        self.asking = Claim() if self.policy is not None else None
        try:
            yield
        finally:
            self.asking = None

    def whole(self, change: Callable[[int], Answer]) -> Answer:
        """Of change(the generation that it may write): again, where something that ran meanwhile,
        as a finalizer, has written the tree. From then on without the collector, lest garbage that
        renews itself does so each time."""
        paused = False
        try:
            while True:
                try:
                    return change(self.generation)
                except OvertakenError:
                    if gc.isenabled():
                        gc.disable()
                        paused = True
        finally:
            if paused:
                gc.enable()

    def known_counts(self) -> tuple[int, int]:
        return self.counts or self.whole(self._count)

    def _count(self, seen: int) -> tuple[int, int]:
        counts = count(self.root, 0, MAX)
        if self.generation != seen:
            raise OvertakenError
        self.counts = counts
        return counts

    def swap(self, other: "Head", seen: int) -> None:
        """Trade contents and attributes, if this tree is still of the generation."""
        self.require_idle()
        if self.generation != seen:
            raise OvertakenError
        self.policy, other.policy = other.policy, self.policy
        self.tracks_gaps, other.tracks_gaps = other.tracks_gaps, self.tracks_gaps
        self.dtype, other.dtype = other.dtype, self.dtype
        self.root, other.root = other.root, self.root
        self.height, other.height = other.height, self.height
        self.owner, other.owner = other.owner, self.owner
        self.counts, other.counts = other.counts, self.counts
        self.generation += 1


def capacity(is_leaf: bool, tracks_gaps: bool) -> int:
    """The most slots of a node; all but the root and the last leaf have at least half as many.

    Branches that keep gaps have fewer, as in the extension, where all nodes are of one size.
    """
    return 10 if tracks_gaps and not is_leaf else 16


def even_shares(count: int, most: int) -> list[int]:
    nodes = -(-count // most)
    return [(count + i) // nodes for i in reversed(range(nodes))]


def content_of(items: list[Item]) -> tuple[tuple[int, ...], tuple[Any, ...], tuple[int, ...]]:
    lasts, slots, gaps = zip(*items, strict=True)
    return lasts[:-1], slots, gaps


def deal(items: list[Item], shares: list[int], is_leaf: bool, owner: object) -> list[Item]:
    """Fill new nodes with these; the answer is they, as items of their parent."""
    made, start = [], 0
    for node, share in zip(POOL.take(len(shares), owner), shares, strict=True):
        own, start = items[start : start + share], start + share
        node.is_leaf = is_leaf
        node.pivots, node.slots, node.gaps = content_of(own)
        made.append((own[-1][0], node, max(node.gaps)))
    return made


def node_count(node: Node | None) -> int:
    if node is None:
        return 0
    return 1 if node.is_leaf else 1 + sum(map(node_count, node.slots))


def count(node: Node | None, first: int, last: int) -> tuple[int, int]:
    """The entries of a subtree over [first, last], and the keys that they cover. O(n)."""
    entries = covered = 0
    slots, pivots = (node.slots, node.pivots) if node else ((), ())
    for content, end in zip(slots, (*pivots, last), strict=False):
        if isinstance(content, Node):
            below = count(content, first, end)
        else:
            below = (0, 0) if content is GAP else (1, end - first + 1)
        entries, covered, first = entries + below[0], covered + below[1], end + 1
    return entries, covered
