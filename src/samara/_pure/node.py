# SPDX-License-Identifier: MIT
"""Nodes: what a tree is made of, how trees share them, and the pool that allocates them.

                [ 99 | 499 ]                    pivots of a branch
               /      |     \\
    [ 40 | 79 ]  [ 149 ]  [ ... ]               pivots of leaves
     a   -   b    c   d

Slot i of a node holds the range that starts after pivot i - 1 and ends at pivot i. The first key of
the first slot and the last key of the last slot are the node's own ends; only the path to the node
knows them. A leaf's slots hold values or GAP; a branch's slots hold nodes. In trees that track
gaps, `gaps` has the size of the largest gap in each slot. In other trees, it is all 0.

Trees share nodes. A node may only be written by the tree that has the same `owner` object. A fork
gives both trees new owners, so that neither may write the shared nodes. (Reference counts like the
C core's, decreased in `__del__`, could be too low: Python runs finalizers of possible garbage
before it is sure that it is garbage.) A write gives a node new tuples in one step, so nobody sees
half of it.
"""

import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from samara._keys import Kind, kind_of
from samara._policy import Policy
from samara._pure.process import Claim

GAP: Final[Any] = type("Gap", (), {"__slots__": (), "__repr__": lambda self: "-"})()
UINT64: Final = kind_of("uint64")
NODE_BYTES: Final = {64: 256, 128: 512}  # of a node of the extension, by the width of keys
Answer = TypeVar("Answer")
Item = tuple[int, Any, int]  # a slot outside a node: its last key, its content, its largest gap


class OvertakenError(Exception):
    """The tree has been written or forked since this change looked at it."""


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
    """Allocates nodes and counts them. It can be told to fail, as if memory had run out.

    The counts are for tests. They are exact if only one thread at a time makes and drops nodes.
    """

    def __init__(self) -> None:
        self.live = self.allocated = self.fail_nth = 0

    def take(self, count: int, owner: object) -> list[Node]:
        """Allocate all of the nodes or none. Raises MemoryError if one of them fails."""
        if self.fail_nth:
            self.fail_nth = max(self.fail_nth - count, 0)
            if not self.fail_nth:
                raise MemoryError
        self.live += count
        self.allocated += count
        return [Node(owner) for _ in range(count)]


POOL: Final = Pool()


class Head:
    """A tree's own part: its root, and what is known about the nodes below.

    `tracks_gaps`, `dtype`, `policy` and `kind` are the attributes. All copies of the tree have the
    same. The nodes hold codes of keys, and reach to `limit`, the last code of that width, as in the
    core. Whatever lies above `kind.top` is free, and no caller sees it.
    `settled` is whether the kind can no longer change.
    `asking` is the claim of the thread whose write is asking the policy, or None.
    `counts` has the numbers of entries and of covered keys; None if a cut left them unknown.
    `generation` increases with each write. A path is valid as long as it stays the same.
    `took_max` is whether alloc_cyclic() has taken the last key and no call has told of it yet.
    """

    __slots__ = (
        "asking",
        "counts",
        "dtype",
        "generation",
        "height",
        "kind",
        "limit",
        "owner",
        "policy",
        "root",
        "settled",
        "took_max",
        "tracks_gaps",
    )

    def __init__(
        self,
        tracks_gaps: bool,
        dtype: str | None = None,
        policy: Policy[Any] | None = None,
        kind: Kind = UINT64,
    ) -> None:
        self.tracks_gaps, self.dtype, self.policy = tracks_gaps, dtype, policy
        self.kind, self.limit = kind, 2**kind.bits - 1
        self.settled = True
        self.asking: Claim | None = None
        self.owner = object()
        self.root: Node | None = None
        self.counts: tuple[int, int] | None = (0, 0)
        self.height, self.generation = 0, 1
        self.took_max = False

    def settle(self, kind: Kind) -> None:
        """Give an empty tree its kind, unless it has got one."""
        if not self.settled:
            self.kind, self.limit, self.settled = kind, 2**kind.bits - 1, True

    def is_like(self, other: "Head") -> bool:
        """Return whether the attributes are the same, apart from the kind."""
        same = self.tracks_gaps == other.tracks_gaps and self.dtype == other.dtype
        return same and self.policy is other.policy

    def attributes(self) -> str:
        return f"track_gaps={self.tracks_gaps}, dtype={self.dtype!r}, policy={self.policy!r}"

    def empty(self) -> "Head":
        return Head(self.tracks_gaps, self.dtype, self.policy, self.kind)

    def capacity(self, is_leaf: bool) -> int:
        """Return the most slots of a node. All but the root and the last leaf have at least half.

        Branches that track gaps have fewer, as in the extension, where all nodes have the same
        size.
        """
        most, narrow = (16, 10) if self.kind.bits == 64 else (20, 12)
        return narrow if self.tracks_gaps and not is_leaf else most

    def require_idle(self) -> None:
        if self.asking and not self.asking.is_void():
            raise RuntimeError("cannot change a tree while it calls its policy")

    @contextmanager
    def busy(self) -> Generator[None, None, None]:
        """Allow the tree's policy, if it has one, to be asked inside the `with` block.

        Nothing has changed yet, and nobody else may write.
        """
        self.require_idle()
        self.asking = Claim() if self.policy is not None else None
        try:
            yield
        finally:
            self.asking = None

    def whole(self, change: Callable[[int], Answer]) -> Answer:
        """Return change(generation), where generation is the one that it may write.

        If something that ran meanwhile, such as a finalizer, has written the tree, try again. The
        garbage collector is then off, so that garbage that recreates itself cannot cause this each
        time.
        """
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
        counts = count(self.root, 0, self.limit)
        if self.generation != seen:
            raise OvertakenError
        self.counts = counts
        return counts

    def swap(self, other: "Head", seen: int) -> None:
        """Swap contents and attributes, if this tree still has the generation `seen`.

        The kinds are the same, or equal: each tree keeps its own.
        """
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
        self.took_max, other.took_max = other.took_max, self.took_max
        self.generation += 1


def even_shares(count: int, most: int) -> list[int]:
    nodes = -(-count // most)
    return [(count + i) // nodes for i in reversed(range(nodes))]


def content_of(items: list[Item]) -> tuple[tuple[int, ...], tuple[Any, ...], tuple[int, ...]]:
    lasts, slots, gaps = zip(*items, strict=True)
    return lasts[:-1], slots, gaps


def deal(items: list[Item], shares: list[int], is_leaf: bool, owner: object) -> list[Item]:
    """Fill new nodes with these items, and return the nodes as items of their parent."""
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
    """Count the entries of a subtree over [first, last], and the keys that they cover. O(n)."""
    entries = covered = 0
    slots, pivots = (node.slots, node.pivots) if node else ((), ())
    for content, end in zip(slots, (*pivots, last), strict=False):
        if isinstance(content, Node):
            below = count(content, first, end)
        else:
            below = (0, 0) if content is GAP else (1, end - first + 1)
        entries, covered, first = entries + below[0], covered + below[1], end + 1
    return entries, covered
