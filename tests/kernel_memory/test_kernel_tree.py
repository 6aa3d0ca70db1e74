# SPDX-License-Identifier: MIT
"""samara.kernel.read_nodes(), read_tree(): recordings of real kernels, trees made by hand."""

import os
import pickle
import random
import struct

import pytest

import samara
from interpreter import scaled
from kernel_samples import RELEASES, Changed, sample
from samara.kernel import (
    Damage,
    DamagedMemoryError,
    NodeType,
    ReservedEntry,
    ValueEntry,
    decode_entry,
    is_node,
    read_nodes,
    read_tree,
)

SEED = int(os.environ.get("SAMARA_SEED") or random.randrange(2**32))
MAX = samara.MAX
NO_GAP = 15  # in the metadata of Linux 6.1
LEAF, RANGE, ARANGE = NodeType.LEAF_64, NodeType.RANGE_64, NodeType.ARANGE_64


@pytest.fixture(params=RELEASES)
def recorded(request):
    return sample(request.param)


def head(recorded, pid):
    """Return the root and the flags of a process's tree."""
    kernel = recorded.kernel()
    return kernel.tree(kernel.task(pid))


def nodes(recorded, pid):
    return list(read_nodes(recorded.read, head(recorded, pid)[0]))


def shape(tree):
    return [
        (node.type, node.depth, node.first, node.pivots, node.gaps, [w != 0 for w in node.slots])
        for node in tree
    ]


def test_there_are_kernels_from_before_and_after_the_patch_series():
    assert {"linux_6_1", "linux_6_12"} <= set(RELEASES)


def test_the_ranges_are_the_vmas(recorded):
    for pid in sum(recorded.processes.values(), []):
        root, flags = head(recorded, pid)
        tree = read_tree(recorded.read, root, flags=flags)
        wanted = [(vma.start, vma.end - 1) for vma in recorded.expected(pid)]
        assert [(first, last) for first, last, _ in tree] == wanted
        assert all(isinstance(value, int) for _, _, value in tree)
        tree.check()


def test_a_child_is_node_for_node_its_parent_since_the_patch_series(recorded):
    parent, child = (nodes(recorded, pid) for pid in recorded.processes["plain"])
    assert not {node.address for node in parent} & {node.address for node in child}
    same = shape(parent) == shape(child)
    assert same == (not recorded.release.startswith("6.1."))
    assert {node.first for node in parent if node.depth == 0} == {0}


def test_gaps_and_metadata_are_those_of_the_children(recorded):
    for pid in sum(recorded.processes.values(), []):
        largest = {}
        for node in reversed(nodes(recorded, pid)):
            lows = (node.first, *(pivot + 1 for pivot in node.pivots))
            if node.type is LEAF:
                gaps = [
                    0 if word else last - low + 1
                    for word, low, last in zip(node.slots, lows, node.pivots, strict=False)
                ]
            else:
                assert node.type is ARANGE
                gaps = [largest[word & ~0xFF] for word in node.slots]
                assert tuple(gaps) == node.gaps
                named = node.gaps[node.gap] if node.gap != NO_GAP else 0
                assert named == max(gaps)
            if node.type is ARANGE or len(node.slots) < 15:
                assert node.end == len(node.slots) - 1
            largest[node.address] = max(gaps)


def test_a_parent_points_to_the_slot(recorded):
    for pid in sum(recorded.processes.values(), []):
        slots = {}
        for node in nodes(recorded, pid):
            slots |= {word & ~0xFF: (node.address, at) for at, word in enumerate(node.slots)}
            if node.depth:
                assert (node.parent & ~0xFF, node.parent >> 3 & 0x1F) == slots[node.address]
            else:
                assert node.parent & 1


def test_changed_bytes_end_in_damage_or_a_tree(recorded):
    """Random bytes in the nodes: reading ends, and what is left is in order."""
    print(f"SAMARA_SEED={SEED}")
    chance = random.Random(SEED)
    for pid in sum(recorded.processes.values(), []):
        root, flags = head(recorded, pid)
        addresses = [node.address for node in nodes(recorded, pid)]
        for _ in range(scaled(400, 20)):
            changes = {
                chance.choice(addresses) + chance.randrange(256): chance.randbytes(
                    chance.choice((1, 8))
                )
                for _ in range(chance.choice((1, 2, 20)))
            }
            damage = []
            changed = Changed(recorded.read, changes)
            tree = read_tree(changed.read, root, flags=flags, report=damage.append)
            tree.check()
            # Nothing is reported as missing that is there.
            for one in damage:
                if one.what.startswith("the tree has"):
                    continue  # the height, which is about the whole tree
                assert not list(tree.entries(one.first, one.last)), one


def test_each_leaf_that_is_lost_is_reported(recorded):
    pid = recorded.processes["plain"][0]
    root, flags = head(recorded, pid)
    whole = list(read_tree(recorded.read, root, flags=flags))
    for leaf in (node for node in nodes(recorded, pid) if node.type is LEAF):

        def read(address, size, lost=leaf.address):
            if address == lost:
                raise LookupError("a hole")
            return recorded.read(address, size)

        damage = []
        tree = read_tree(read, root, flags=flags, report=damage.append)
        assert damage == [Damage(leaf.address, "a node cannot be read", leaf.first, leaf.last)]
        assert list(tree) == [e for e in whole if not leaf.first <= e.first <= leaf.last]


# ---- trees made by hand ------------------------------------------------------------------------


class Memory:
    """Nodes by address. Counts what is read."""

    def __init__(self, order="<"):
        self.order, self.data, self.reads = order, {}, 0

    def add(self, address, parent, pivots=(), slots=(), gaps=(), type_=LEAF, meta=b"\0\0"):
        count, slot = {ARANGE: (9, 10), NodeType.DENSE: (0, 31)}.get(type_, (15, 16))
        words = [parent, *pivots, *[0] * (count - len(pivots))]
        words += [*slots, *[0] * (slot - len(slots))]
        if type_ is ARANGE:
            words += [*gaps, *[0] * (10 - len(gaps))]
        words += [0] * (32 - len(words))
        data = bytearray(struct.pack(f"{self.order}32Q", *words))
        if meta != b"\0\0":
            place = 240 if type_ is ARANGE else 248
            data[place : place + 2] = meta
        self.data[address] = bytes(data)
        return address | type_ << 3 | 4

    def read(self, address, size):
        self.reads += 1
        return self.data[address][:size]


def test_an_entry_in_the_head():
    assert list(read_tree(Memory().read, 0)) == []
    assert list(read_tree(Memory().read, 0x8000)) == [(0, 0, 0x8000)]
    assert list(read_tree(Memory().read, 0x406)) == [(0, 0, ReservedEntry(0x406))]
    assert list(read_tree(Memory().read, 7)) == [(0, 0, ValueEntry(3))]
    assert not any(map(is_node, (0, 7, 0x406, 0x8000, 0xFFFF888003D5500C)))


def test_flags():
    assert read_tree(Memory().read, 0, flags=0).empty_area is not None
    with pytest.raises(ValueError, match="gap"):
        read_tree(Memory().read, 0x8000, flags=0).empty_area(1)
    assert read_tree(Memory().read, 0x8000, flags=1).empty_area(1) == 1
    memory = Memory()
    root = memory.add(0x1000, 1, [9, MAX], [0x10, 0x20]) | 2
    assert len(read_tree(memory.read, root, flags=1 | 1 << 2)) == 2
    with pytest.raises(DamagedMemoryError, match="has 1 levels, but its flags say 3"):
        read_tree(memory.read, root, flags=1 | 3 << 2)


@pytest.mark.parametrize("order", ["little", "big"])
def test_every_type_of_node(order):
    memory = Memory("<" if order == "little" else ">")
    leaf = memory.add(0x3000, 0x2006, [19, 20], [0x100, 0, 0x406])
    dense = memory.add(0x4000, 0x200E, slots=[0x200, 0, 15, 0x300], type_=NodeType.DENSE)
    full = memory.add(0x5000, 0x2016, range(110, 125), [0x100 * n for n in range(1, 17)])
    inner = memory.add(0x2000, 0x1006, [99, 103], [leaf, dense, full], type_=RANGE)
    last = memory.add(0x6000, 0x100E, [MAX], [0x500])
    slots, gaps = [inner, last], [1, 0]
    root = memory.add(0x1000, 1, [199, MAX], slots, gaps, ARANGE, b"\1\0") | 2
    found = list(read_nodes(memory.read, root, byteorder=order))
    assert [(node.type.name, node.depth) for node in found] == [
        ("ARANGE_64", 0), ("RANGE_64", 1), ("LEAF_64", 2), ("DENSE", 2), ("LEAF_64", 2),
        ("LEAF_64", 1),
    ]  # fmt: skip
    assert found[0].gaps == (1, 0) and (found[0].end, found[0].gap) == (1, 0)
    assert found[1].pivots == (99, 103, 199)
    assert found[3].pivots == (100, 101, 102, 103)
    tree = read_tree(memory.read, root, byteorder=order)
    wanted = [(0, 19, 0x100), (21, 99, ReservedEntry(0x406))]
    wanted += [(100, 100, 0x200), (102, 102, ValueEntry(7)), (103, 103, 0x300), (104, 110, 0x100)]
    wanted += [(n, n, 0x100 * (n - 109)) for n in range(111, 125)]
    wanted += [(125, 199, 0x1000), (200, MAX, 0x500)]
    assert list(tree) == wanted


def damaged(memory, root, **options):
    """Return the entries that are left, and what is damaged."""
    damage = []
    tree = read_tree(memory.read, root, report=damage.append, **options)
    with pytest.raises(DamagedMemoryError) as caught:
        read_tree(memory.read, root, **options)
    assert caught.value.damage == damage[0]
    assert pickle.loads(pickle.dumps(caught.value)).damage == damage[0]
    assert str(caught.value) == str(damage[0])
    return list(tree), damage


def two_leaves(second, parent=0x100E):
    """Return memory with a root of two leaves, of which the second is this word."""
    memory = Memory()
    first = memory.add(0x2000, 0x1006, [99], [0x100])
    memory.add(0x3000, parent, [MAX], [0x200])
    return memory, memory.add(0x1000, 1, [99, MAX], [first, second], type_=RANGE) | 2


GOOD = 0x3000 | LEAF << 3 | 4
LEFT = [(0, 99, 0x100)]


def test_the_other_leaf_is_good():
    assert list(read_tree(two_leaves(GOOD)[0].read, two_leaves(GOOD)[1])) == [
        *LEFT,
        (100, MAX, 0x200),
    ]


@pytest.mark.parametrize(
    ("word", "what"),
    [
        (0x1000 | RANGE << 3 | 4, "a node is in the tree twice"),
        (0x2000 | LEAF << 3 | 4, "a node is in the tree twice"),
        (0x9000 | LEAF << 3 | 4, "a node cannot be read"),
        (0, "0x0 is no pointer to a node"),
        (0x3000 | 15 << 3 | 4, "0x307c is no pointer to a node"),
        (0x3001 | LEAF << 3 | 4, "0x300d is no pointer to a node"),
        (GOOD | 2, "0x300e is no pointer to a node"),
    ],
)
def test_a_pointer_that_leads_nowhere(word, what):
    memory, root = two_leaves(word)
    left, damage = damaged(memory, root)
    assert left == LEFT
    assert [(one.what, one.first, one.last) for one in damage] == [(what, 100, MAX)]


def test_a_node_of_another_parent_was_freed_meanwhile():
    memory, root = two_leaves(GOOD, parent=0x3000)
    left, [damage] = damaged(memory, root)
    assert left == LEFT
    assert damage == Damage(
        0x3000, "a node has another parent, 0x3000, than the node 0x1000 above it", 100, MAX
    )


@pytest.mark.parametrize("pivots", [[50, 40], [50, 50], [200], [0, 0, 5]])
def test_pivots_out_of_order(pivots):
    memory = Memory()
    first = memory.add(0x2000, 0x1006, pivots, [0x100] * 16)
    second = memory.add(0x3000, 0x100E, [MAX], [0x200])
    root = memory.add(0x1000, 1, [99, MAX], [first, second], type_=RANGE) | 2
    if pivots == [0, 0, 5]:  # a pivot of 0 ends the list, except in the first place
        assert list(read_tree(memory.read, root))[:2] == [(0, 0, 0x100), (1, 99, 0x100)]
        return
    left, [damage] = damaged(memory, root)
    assert left == [(100, MAX, 0x200)]
    assert damage.what.startswith("the pivots of a node are out of order: ")


def test_a_tree_without_end():
    """Each read makes another node, one level further down."""

    class Deep(Memory):
        def read(self, address, size):
            self.reads += 1
            self.add(address, (address - 0x100) | 6, [MAX], [(address + 0x100) | 0x14], type_=RANGE)
            return super().read(address, size)

    memory = Deep()
    left, [damage] = damaged(memory, 0x10016)
    assert left == [] and memory.reads <= 4 * 31
    assert damage.what == "the tree has more than 31 levels"


def test_a_tree_without_bounds():
    """Each read makes another node with sixteen children."""

    class Wide(Memory):
        def read(self, address, size):
            self.reads += 1
            parent, first, last = self.known[address]
            step = (last - first + 1) // 16
            pivots = [first + n * step - 1 for n in range(1, 16)]
            slots = [(self.reads * 16 + n) * 0x100 + 0x100000 | 0x14 for n in range(16)]
            self.add(address, parent, pivots, slots, type_=RANGE)
            for n, slot in enumerate(slots):
                below = first + n * step, first + (n + 1) * step - 1
                self.known[slot & ~0xFF] = address | 6, *below
            return self.data[address]

        known = {0x10000: (1, 0, MAX)}

    memory, damage = Wide(), []
    found = list(read_nodes(memory.read, 0x10016, most=50, report=damage.append))
    assert 0 < len(found) <= 50
    assert damage[-1].what == "the tree has more than 50 nodes"


@pytest.mark.parametrize("error", [OSError, ValueError, KeyError, EOFError, "short"])
def test_a_callback_that_fails(error):
    def read(address, size):
        if error == "short":
            return b"\0"
        raise error("no")

    with pytest.raises(DamagedMemoryError, match="a node cannot be read"):
        read_tree(read, 0x1000E)


def test_other_errors_of_the_callback_are_the_callers():
    def read(address, size):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read_tree(read, 0x1000E)


def test_entries():
    assert decode_entry(0) == 0
    assert decode_entry(1) == ValueEntry(0)
    assert decode_entry(MAX) == ValueEntry(MAX >> 1)
    assert decode_entry(0x1002) == 0x1002
