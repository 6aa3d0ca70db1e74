"""Writing: one recursive splice does it all: insert, overwrite, erase, split and rebalance.

Two paths run from the root to the leaves at both ends of the range [first, last]:

              left   right               1. in the leaves: what the left one keeps before the
           [ a | b | c | d ]                range, pieces of the entries that are cut, the new
              /         \\                   value, what the right one keeps: one list of items;
       [ e | f ]      [ g | h ]          2. a list too short for a node takes in a neighbour;
           /            \\                3. the list becomes one to three new nodes;
    [ . . : . ]      [ . : . . ]         4. these stand, one level up, between what is kept on the
          first          last               left of b and on the right of c; and so on.

Subtrees between the paths are dropped unread. The splice ends at the lowest node that may be
written and can take its list, or with a new root. All is made aside and hung in by one assignment,
so that a write happens whole or not at all, however it is interrupted: by an allocation that fails,
by Ctrl-C, or by a finalizer that writes this very tree, after which the caller begins again.
"""

from collections.abc import Callable
from typing import Any

from samara._arguments import MAX
from samara._entry import Entry
from samara._policy import Policy
from samara._pure.node import (
    GAP,
    Head,
    Item,
    Node,
    OvertakenError,
    capacity,
    content_of,
    deal,
    even_shares,
)
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
    """Store a value, or GAP, over [first, last]. O(log n), and O(1) for each entry dropped. Only in
    a tree that is still of that generation: OvertakenError where it is not. Without `merge` the
    policy is not asked about what stands beside it.

    The answer keeps what was displaced, to be dropped when the tree is unlocked: the end of a value
    can run anything.
    """
    head.require_idle()
    splice = Splice(head, first, last, value, seen)
    try:
        done = splice.run(merge)
    except Exception:
        # Where another write came in between, the paths may just not have fitted together.
        if head.generation == seen:
            raise
        done = False
    if not done:
        raise OvertakenError
    return splice.displaced


class Splice:
    """One write in the making. What it has made goes with it unless it is hung in."""

    def __init__(self, head: Head, first: int, last: int, value: Any, seen: int) -> None:
        self.head, self.first, self.last, self.value = head, first, last, value
        self.seen = seen
        self.target: Node | None = None
        self.displaced: list[Any] = []
        self.height = 0

    def run(self, merge: bool) -> bool:
        """False where something else has written, or forked, the tree meanwhile."""
        if merge and self.value is not GAP and self.head.policy is not None:
            self._merge(self.head.policy)
        self.counts = self._counts()
        if self.value is GAP:
            self._widen()
        self.left, self.right = descend(self.head, self.first), descend(self.head, self.last)
        if self.value is GAP and not (self.left and self._cuts_value()):
            return self.head.generation == self.seen
        items = self._replace(0) if self.left else self._pieces()
        if not self.target and (len(items) > 1 or not self.left):
            items = self._nodes(items, depth=-1)
        return self._commit(items)

    def _commit(self, items: list[Item]) -> bool:
        """Hang it in. There is no call, and so no way in, between the last look and the end."""
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
        """The entries and covered keys after the write."""
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
        """A new gap takes in the gaps beside it: two never stand side by side."""
        before = descend(self.head, max(self.first - 1, 0))
        behind = descend(self.head, min(self.last + 1, MAX))
        if before and before[-1].content is GAP:
            self.first = min(self.first, before[-1].slot_first)
        if behind and behind[-1].content is GAP:
            self.last = max(self.last, behind[-1].slot_last)

    def _ask(self, method: Callable[..., Any], *given: Any) -> Any:
        with self.head.busy():
            return method(*given)

    def _merge(self, policy: Policy[Any]) -> None:
        """A new value takes in those beside it that become one with it."""
        for way, index in ((-1, self.first - 1), (1, self.last + 1)):
            beside = next(entries_of(self.head, index, index), None) if 0 <= index <= MAX else None
            if beside:
                pair = [beside, Entry(self.first, self.last, self.value)][::-way]
                value = self._ask(policy.merge, *pair)
                if value is None and all(entry.value is not None for entry in pair):
                    raise TypeError(
                        "policy's merge() answered None for two entries with values: "
                        "NotImplemented keeps them apart"
                    )
                if value is not NotImplemented:
                    self.first, self.last = pair[0].first, pair[1].last
                    self.value = value

    def _piece(self, level: Level, first: int, last: int) -> Any:
        """What a slot holds of which only [first, last] stays."""
        policy, value = self.head.policy, level.content
        if policy is None or value is GAP:
            return value
        whole = Entry(level.slot_first, level.slot_last, value)
        part = self._ask(policy.split, whole, first, last)
        if part is None and value is not None:
            raise TypeError(
                f"policy's split() answered None for [{first}, {last}] of an entry with a value"
            )
        return part

    def _cuts_value(self) -> bool:
        return self.left[-1].content is not GAP or self.left[-1].slot_last < self.last

    def _replace(self, depth: int) -> list[Item]:
        """What takes the place of all from the left path to the right one, as the parent's items.

        Where one node takes the list of its level instead, it is the target, and that the answer.
        """
        is_leaf = self.left[depth].node.is_leaf
        middle = self._pieces() if is_leaf else self._replace(depth + 1)
        if self.target:
            return middle
        left, right = self.left[depth], self.right[depth]  # where a pull below has put them
        items = left.items(0, left.slot) + middle + right.items(right.slot + 1, len(right.slots))
        items = self._fill_up(items, depth)
        alone = max(self._room(depth, -1), self._room(depth, 1)) < 0
        if alone and len(items) == 1 and (not is_leaf or items[0][1] is GAP):
            return items  # one child and no neighbour: it is the tree; or nothing is left
        if self._fits(items, depth):
            self.target = left.node
            return items
        return self._nodes(items, depth)

    def _pieces(self) -> list[Item]:
        """The new slot, and what is left of the slots that it cuts."""
        low, high = (self.left[-1].slot_first, self.right[-1].slot_last) if self.left else (0, MAX)
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
        """Too few items for a node: take in the nearest neighbour."""
        left, is_leaf = self.left[depth], self.left[depth].node.is_leaf
        if is_leaf and left.node is self.right[depth].node and len(items) >= len(left.slots):
            if any(content is not GAP for _, content, _ in items):
                return items  # the last leaf may be thin, and this one has lost nothing
        while len(items) < capacity(is_leaf, self.head.tracks_gaps) // 2:
            from_left, from_right = self._room(depth, -1), self._room(depth, 1)
            if max(from_left, from_right) < 0:
                break
            if from_right >= from_left:
                items = items + self._pull(self.right, depth, 1)
            else:
                items = self._pull(self.left, depth, -1) + items
        return items

    def _pull(self, path: list[Level], depth: int, way: int) -> list[Item]:
        """Move a path over to the next node of this level, and take in all its slots."""
        above = path[:depth]
        step(above, way)
        beside = above[-1].enter(MAX if way > 0 else 0)
        path[: depth + 1] = [*above, beside]
        return beside.items(0, len(beside.slots))

    def _fits(self, items: list[Item], depth: int) -> bool:
        """Can the node where both paths pass take the list, and nothing above it need change?"""
        node, above = self.left[depth].node, self.left[:depth]
        if node is not self.right[depth].node or node.owner is not self.head.owner:
            return False
        if above and max(item[2] for item in items) != above[-1].gaps[above[-1].slot]:
            return False
        return len(items) <= capacity(node.is_leaf, self.head.tracks_gaps)

    def _nodes(self, items: list[Item], depth: int) -> list[Item]:
        """New nodes of these; at depth -1 one above all that is."""
        is_leaf = depth + 1 == len(self.left)
        shares = even_shares(len(items), capacity(is_leaf, self.head.tracks_gaps))
        if is_leaf and len(shares) == 2 and items[-1][0] == MAX and self.last >= items[-2][0]:
            # Loads in ascending order write at the very end: nothing more is likely to come into
            # the first leaf, so it is full. A leaf of nothing but the last gap would be no leaf.
            first = 15 if len(items) == 17 and items[-1][1] is GAP else 16
            shares = [first, len(items) - first]
        self.height = len(self.left) - depth
        return deal(items, shares, is_leaf, self.head.owner)
