# SPDX-License-Identifier: MIT
"""Checking a tree's invariants."""

from samara._pure.node import GAP, Head, count
from samara._pure.walk import Level


def expect(sound: bool, level: Level, reason: str) -> None:
    if not sound:
        raise AssertionError(f"node [{level.first}, {level.last}]: {reason}")


def check(head: Head) -> None:
    """Raise AssertionError, saying what is broken and where, unless the tree is valid. O(n)."""
    if head.root:
        check_subtree(head, Level(head.root, 0, head.limit, 0), head.height, after_gap=False)
    elif head.height:
        raise AssertionError(f"height {head.height} does not fit the root")
    held = count(head.root, 0, head.limit)
    if head.counts not in (None, held):
        raise AssertionError(f"(entries, keys) are {held}, but {head.counts} are counted")


def check_subtree(head: Head, level: Level, height: int, after_gap: bool) -> bool:
    """Check a subtree. Return whether its last slot is a gap."""
    node, is_leaf = level.node, height == 1
    most = head.capacity(is_leaf)
    least = most // 2
    if node is head.root or (is_leaf and level.last == head.limit):
        least = 1 if is_leaf else 2
    size, ends = len(node.slots), [level.first - 1, *level.pivots, level.last]
    expect(node.is_leaf == is_leaf, level, "a leaf above the lowest level, or another node in it")
    expect(least <= size <= most, level, f"{size} slots, not {least} to {most}")
    expect(len(ends) == size + 1, level, f"{len(node.pivots)} pivots for {size} slots")
    expect(sorted(set(ends)) == ends, level, f"the pivots {node.pivots} are out of order")
    valued = not is_leaf or any(value is not GAP for value in node.slots)
    expect(valued, level, "a leaf with no value")
    for slot, content in enumerate(level.slots):
        level.slot = slot
        if is_leaf:
            expect(not (after_gap and content is GAP), level, f"slot {slot}: a gap after a gap")
            after_gap = content is GAP
            largest = (level.slot_last - level.slot_first + 1) * (after_gap and head.tracks_gaps)
        else:
            after_gap = check_subtree(head, level.enter(0), height - 1, after_gap)
            largest = max(content.gaps)
        known = level.gaps[slot]
        expect(known == largest, level, f"gap {slot} is {known}, not {largest}")
    return after_gap
