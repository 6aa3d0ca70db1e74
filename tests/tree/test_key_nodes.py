# SPDX-License-Identifier: MIT
"""The nodes of trees by kind of keys: those with keys of 128 bits are larger."""

from datetime import timedelta

import pytest

from samara import MapleTree


@pytest.mark.parametrize("track_gaps", [True, False])
@pytest.mark.parametrize("keys", ["int64", "ipv4", "date", "uint128", "ipv6"])
def test_nodes_of_built_trees(keys, track_gaps):
    """Leaves are full: of 16 slots, or of 20 if the keys have 128 bits."""
    first = MapleTree(keys=keys).first_key
    step = timedelta(1) if keys == "date" else 1
    wide = keys in ("uint128", "ipv6")
    leaf, branch = (20, 12 if track_gaps else 20) if wide else (16, 10 if track_gaps else 16)
    for count in (1, 7, 8, 9, 10, 11, 79, 80, 81, 200):
        ends = [first + 2 * step * i for i in range(count)]
        tree = MapleTree.from_arrays(ends, ends, ends, keys=keys, track_gaps=track_gaps)
        level, nodes, height = -(-2 * count // leaf), 0, 1  # a gap follows each range
        while level > 1:
            nodes, level, height = nodes + level, -(-level // branch), height + 1
        tree.check()
        assert (tree.node_count, tree.height) == (nodes + 1, height), count
        assert tree.nbytes - MapleTree(keys=keys).nbytes == tree.node_count * (512 if wide else 256)


@pytest.mark.parametrize("keys", ["ipv4", "date", "float64", "datetime64[s]"])
def test_nothing_shows_what_lies_above_the_last_key(keys):
    tree = MapleTree(keys=keys)
    last = tree.last_key
    cursor = tree.cursor(last)
    assert cursor.walk() is None and cursor.last == last
    assert [tuple(gap) for gap in tree.gaps()] == [(tree.first_key, last)]
    tree.store_range(last, last, "a")
    cursor.set(last)
    assert cursor.next() is None and cursor.index == cursor.last == last
    assert cursor.prev_range().last == last and cursor.prev_range().last < last
    assert tree.next(last) is None and not tree.covers(tree.first_key, last)
    del tree[last]
    cursor.set(last)
    cursor.clear()
    assert cursor.last == last and not tree
    tree.store_range(tree.first_key, last, "b")
    tree.check()
    assert tree.covers(tree.first_key, last) and list(tree.gaps()) == []
    assert [tuple(entry) for entry in tree] == [(tree.first_key, last, "b")]
