# SPDX-License-Identifier: MIT
"""Writing: one recursive splice does everything: insert, overwrite, erase, split, rebalance.

Two paths run from the root to the leaves at both ends of the range [first, last]:

              left   right               1. in the leaves: what the left one keeps before the
           [ a | b | c | d ]                range, pieces of the entries that are cut, the new
              /         \\                   value, what the right one keeps: one list of items;
       [ e | f ]      [ g | h ]          2. a list too short for a node takes in a neighbour;
           /            \\                3. the list becomes one to three new nodes;
    [ . . : . ]      [ . : . . ]         4. these stand, one level up, between what is kept on the
          first          last               left of b and on the right of c; and so on.

Subtrees between the paths are dropped without reading them. The splice ends at the lowest node that
may be written and can hold its list, or with a new root. Everything is made separately and then put
into the tree by one assignment. So a write is atomic, however it is interrupted: by an allocation
that fails, by Ctrl-C, or by a finalizer that writes this same tree. In the last case, the caller
starts again.
"""

from collections.abc import Callable
from typing import Any

from samara._entry import Entry
from samara._policy import Policy
from samara._pure.node import (
    GAP,
    Head,
    Item,
    Node,
    OvertakenError,
    content_of,
    deal,
    even_shares,
)
from samara._pure.packed import part_of, policy_of
from samara._pure.walk import Level, descend, entries_of, room_beside, step


def write_range(
    head: Head,
    first: int,
    last: int,
    value: Any,
    *,
    seen: int,
    merge: bool = True,
) -> list[Any]:
    """Store a value, or GAP, over [first, last]. O(log n), and O(1) for each entry dropped.

    Without `merge`, the value does not merge with its neighbours.

    Returns:
        What was displaced. Drop it after the tree is unlocked: a value's finalizer can run any
        code.

    Raises:
        OvertakenError: The tree no longer has the generation `seen`.
    """
    head.require_idle()
    splice = Splice(head, first, last, value, seen)
    try:
        done = splice.run(merge)
    except Exception:
        # If another write came in between, the two paths may just not have fitted together.
        if head.generation == seen:
            raise
        done = False
    if not done:
        raise OvertakenError
    return splice.displaced


def merged(
    policy: Policy[Any], left: Entry[Any, Any], right: Entry[Any, Any], stored: Entry[Any, Any]
) -> Any:
    """Return the value of the merged entry, or NotImplemented. `stored` is left or right."""
    value = policy.merge(left, right, stored)
    if value is None and left.value is not None and right.value is not None:
        raise TypeError(
            "the policy's merge() returned None: return NotImplemented to keep the entries apart"
        )
    return value


class Splice:
    """One write in progress. Unless it is committed, its new nodes go away with it."""

    def __init__(self, head: Head, first: int, last: int, value: Any, seen: int) -> None:
        self.head, self.first, self.last, self.value = head, first, last, value
        self.seen = seen
        self.target: Node | None = None
        self.displaced: list[Any] = []
        self.height = 0

    def run(self, merge: bool) -> bool:
        """Do the write. Returns False if the tree has been written or forked meanwhile."""
        policy = policy_of(self.head)
        if merge and self.value is not GAP and policy is not None:
            self._merge(policy)
        self.counts = self._counts()
        if self.value is GAP:
            self._widen()
        self.left, self.right = descend(self.head, self.first), descend(self.head, self.last)
        if self.value is GAP and not (self.left and self._cuts_value()):
            return self._leave()
        items = self._replace(0) if self.left else self._pieces()
        if not self.target and (len(items) > 1 or not self.left):
            items = self._nodes(items, depth=-1)
        return self._commit(items)

    def _leave(self) -> bool:
        """Leave the tree as it is: what is to be a gap is one already. This counts as a write."""
        if self.head.generation != self.seen:
            return False
        self.head.generation = self.seen + 1
        return True

    def _commit(self, items: list[Item]) -> bool:
        """Put the new nodes into the tree.

        There is no call between the last check and the end, so no other code can run in between.
        """
        head, target = self.head, self.target
        content = content_of(items)
        root = items[0][1]
        self.displaced = [target.slots if target else head.root]
        if head.generation != self.seen or (target and target.owner is not head.owner):
            return False
        if target:
            target.pivots, target.slots, target.gaps = content
        else:
            head.root, head.height = (None, 0) if root is GAP else (root, self.height)
        head.counts, head.generation = self.counts, self.seen + 1
        return True

    def _counts(self) -> tuple[int, int] | None:
        """Return the numbers of entries and covered keys after the write."""
        if self.head.counts is None:
            return None
        entries, covered = self.head.counts
        for first, last, _ in entries_of(self.head, self.first, self.last):
            entries += (first < self.first) + (last > self.last) - 1
            covered -= min(last, self.last) - max(first, self.first) + 1
        if self.value is not GAP:
            entries, covered = entries + 1, covered + self.last - self.first + 1
        return entries, covered

    def _widen(self) -> None:
        """Extend a new gap over the gaps beside it: two gaps are never neighbours."""
        before = descend(self.head, max(self.first - 1, 0))
        behind = descend(self.head, min(self.last + 1, self.head.limit))
        if before and before[-1].content is GAP:
            self.first = min(self.first, before[-1].slot_first)
        if behind and behind[-1].content is GAP:
            self.last = max(self.last, behind[-1].slot_last)

    def _ask(self, method: Callable[..., Any], *given: Any) -> Any:
        with self.head.busy():
            return method(*given)

    def _merge(self, policy: Policy[Any]) -> None:
        """Extend a new value over the neighbours that merge with it."""
        for way, index in ((-1, self.first - 1), (1, self.last + 1)):
            inside = 0 <= index <= self.head.limit
            beside = next(entries_of(self.head, index, index), None) if inside else None
            if beside:
                stored = Entry(self.first, self.last, self.value)
                pair = [beside, stored][::-way]
                value = self._ask(merged, policy, *pair, stored)
                if value is not NotImplemented:
                    self.first, self.last = pair[0].first, pair[1].last
                    self.value = value

    def _piece(self, level: Level, first: int, last: int) -> Any:
        """Return the content of a slot that is cut to [first, last]."""
        policy, value = policy_of(self.head), level.content
        if policy is None or value is GAP:
            return value
        whole = Entry(level.slot_first, level.slot_last, value)
        return self._ask(part_of, policy, whole, first, last)

    def _cuts_value(self) -> bool:
        return self.left[-1].content is not GAP or self.left[-1].slot_last < self.last

    def _replace(self, depth: int) -> list[Item]:
        """Return the replacement for everything from the left path to the right one.

        It is a list of the parent's items. But if one node can hold the list of its own level, that
        node becomes the target, and its list is returned.
        """
        is_leaf = self.left[depth].node.is_leaf
        middle = self._pieces() if is_leaf else self._replace(depth + 1)
        if self.target:
            return middle
        left, right = self.left[depth], self.right[depth]  # a pull below may have moved them
        items = left.items(0, left.slot) + middle + right.items(right.slot + 1, len(right.slots))
        items = self._fill_up(items, depth)
        alone = max(self._room(depth, -1), self._room(depth, 1)) < 0
        if alone and len(items) == 1 and (not is_leaf or items[0][1] is GAP):
            return items  # a single child without neighbours is the new root; or nothing is left
        if self._fits(items, depth):
            self.target = left.node
            return items
        return self._nodes(items, depth)

    def _pieces(self) -> list[Item]:
        """Return the new slot, and the remains of the slots that it cuts."""
        low, high = 0, self.head.limit
        if self.left:
            low, high = self.left[-1].slot_first, self.right[-1].slot_last
        pieces = [(self.first, self.last, self.value)]
        for at, path, first, last in (
            (0, self.left, low, self.first - 1),
            (2, self.right, self.last + 1, high),
        ):
            if first <= last:
                value = self._piece(path[-1], first, last) if path else GAP
                pieces.insert(at, (first, last, value))
        return [
            (last, content, last - first + 1 if content is GAP and self.head.tracks_gaps else 0)
            for first, last, content in pieces
        ]

    def _room(self, depth: int, way: int) -> int:
        return room_beside((self.right if way > 0 else self.left)[:depth], way)

    def _fill_up(self, items: list[Item], depth: int) -> list[Item]:
        """If there are too few items for a node, add those of the nearest neighbour."""
        left, is_leaf = self.left[depth], self.left[depth].node.is_leaf
        if is_leaf and left.node is self.right[depth].node and len(items) >= len(left.slots):
            if any(content is not GAP for _, content, _ in items):
                return items  # the last leaf may have few slots, and this one has lost none
        while len(items) < self.head.capacity(is_leaf) // 2:
            from_left, from_right = self._room(depth, -1), self._room(depth, 1)
            if max(from_left, from_right) < 0:
                break
            if from_right >= from_left:
                items = items + self._pull(self.right, depth, 1)
            else:
                items = self._pull(self.left, depth, -1) + items
        return items

    def _pull(self, path: list[Level], depth: int, way: int) -> list[Item]:
        """Move a path to the next node of this level, and return all slots of that node."""
        above = path[:depth]
        step(above, way)
        beside = above[-1].enter_from(-way)
        path[: depth + 1] = [*above, beside]
        return beside.items(0, len(beside.slots))

    def _fits(self, items: list[Item], depth: int) -> bool:
        """Return whether the node can hold the list, and nothing above it has to change."""
        node, above = self.left[depth].node, self.left[:depth]
        if node is not self.right[depth].node or node.owner is not self.head.owner:
            return False
        if above and max(item[2] for item in items) != above[-1].gaps[above[-1].slot]:
            return False
        return len(items) <= self.head.capacity(node.is_leaf)

    def _nodes(self, items: list[Item], depth: int) -> list[Item]:
        """Make new nodes of these items. At depth -1, make a new root."""
        is_leaf = depth + 1 == len(self.left)
        most, at_end = self.head.capacity(is_leaf), items[-1][0] == self.head.limit
        shares = even_shares(len(items), most)
        if is_leaf and len(shares) == 2 and at_end and self.last >= items[-2][0]:
            # Loads in ascending order write at the very end. The first leaf is unlikely to get
            # more, so it is filled. A leaf must not contain only the last gap.
            first = most - (len(items) == most + 1 and items[-1][1] is GAP)
            shares = [first, len(items) - first]
        self.height = len(self.left) - depth
        return deal(items, shares, is_leaf, self.head.owner)
