# SPDX-License-Identifier: MIT
"""Copies of a whole tree: by copying each node, or by sharing all of them.

`duplicate` is the kernel's `__mt_dup()`: one depth-first pre-order pass. A node is copied whole, so
its copy refers to the source's children at first. Then all of its own children are allocated at
once and take their places. If an allocation fails, everything made so far is dropped, and the new
tree stays empty.

        source        copied whole      children allocated    both filled, and put in
          R              R'                 R'   ?  ?                  R'
         / \\            / \\                / \\                        / \\
        A   B          A   B              A   B                      A'  B'
"""

from samara._pure.node import GAP, POOL, Head, Node
from samara._pure.write import write_range


def duplicate(head: Head) -> Head:
    """Return a copy in nodes of its own. O(n)."""
    new = head.empty()
    new.took_max = head.took_max
    if head.root:
        (root,) = POOL.take(1, new.owner)
        copy_node(head.root, root)
        new.root, new.height, new.counts = root, head.height, head.counts
    return new


def copy_node(source: Node, copy: Node) -> None:
    """Copy a node whole, then give the copy children of its own."""
    copy.is_leaf = source.is_leaf
    copy.pivots, copy.slots, copy.gaps = source.pivots, source.slots, source.gaps
    if copy.is_leaf:
        return
    children = POOL.take(len(source.slots), copy.owner)
    for child, own in zip(source.slots, children, strict=True):
        copy_node(child, own)
    copy.slots = tuple(children)


def fork(head: Head) -> Head:
    """Return a copy that shares every node until one of the two trees writes it. O(1)."""
    new = head.empty()
    new.took_max, owner = head.took_max, object()
    # One statement without a call: a finalizer can write the tree, but not within it.
    new.root, new.height, new.counts, head.owner = head.root, head.height, head.counts, owner
    return new


def slice_of(head: Head, first: int, last: int) -> Head:
    """Return a fork with everything outside [first, last] cleared. O(log n).

    Its entries are counted when somebody asks.
    """
    new = fork(head)
    new.counts = None
    if first > 0:
        write_range(new, 0, first - 1, GAP, seen=new.generation)
    if last < new.limit:
        write_range(new, last + 1, new.limit, GAP, seen=new.generation)
    return new
