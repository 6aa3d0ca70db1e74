# SPDX-License-Identifier: MIT
"""common_gaps(): what is free in several trees, compared with sets of integers."""

import datetime

import pytest

from interpreter import collect, steps
from interpreter import live_nodes as live
from samara import MAX, Gap, MapleTree, common_gaps
from samara._keys import kind_of
from samara.mm import AddressSpace
from tree_oracle import Index, seeded

SIZE = 60


def expected_gaps(busy, size, first, last):
    """Return the runs of [first, last] without the busy indices. The window is small."""
    gaps, start = [], None
    for index in range(first, last + 2):
        free = index <= last and index not in busy
        if free and start is None:
            start = index
        elif not free and start is not None:
            if index - start >= size:
                gaps.append((start, index - 1))
            start = None
    return gaps


class Joins:
    def split(self, entry, first, last):
        return entry.value

    def merge(self, left, right, stored):
        return left.value if left.value == right.value else NotImplemented


KINDS = [
    {},
    {"track_gaps": False},
    {"dtype": "u8"},
    {"dtype": "f8", "track_gaps": False},
    {"policy": Joins()},
]


@pytest.mark.parametrize("base", [0, 2**63 - SIZE // 2, MAX - SIZE + 1])
def test_against_sets_of_integers(base):
    random = seeded(f"common gaps {base}")
    for _ in range(steps(300)):
        busy, trees = set(), []
        for _ in range(random.randrange(4)):
            tree = MapleTree(**random.choice(KINDS))
            for _ in range(random.randrange(14)):
                first = base + random.randrange(SIZE)
                last = min(first + random.choice([0, 0, 1, 4]), base + SIZE - 1)
                tree[first : last + 1] = 7
                busy.update(range(first, last + 1))
            trees.append(tree)
        first, last = sorted(base + random.randrange(SIZE) for _ in range(2))
        size = random.choice([1, 1, 2, 3, 7, SIZE])
        gaps = list(common_gaps(trees, size, first, last))
        assert gaps == expected_gaps(busy, size, first, last)
        assert all(type(gap) is Gap for gap in gaps)


KEYS = ["int64", "uint128", "float64", "date", "datetime64[us]", "datetime64[s, Europe/Berlin]"]
KEYS += ["ipv4", "ipv6"]


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_other_keys_against_sets_of_integers(keys, place):
    random = seeded(f"common gaps {keys} {place}")
    kind = kind_of(keys)
    base = int(place * 2) * (kind.top - SIZE + 1) // 2
    for _ in range(steps(60)):
        busy, trees = set(), [MapleTree(keys=keys)]
        for _ in range(random.randrange(4)):
            tree = MapleTree(keys=keys, **random.choice(KINDS))
            for _ in range(random.randrange(14)):
                first = base + random.randrange(SIZE)
                last = min(first + random.choice([0, 0, 1, 4]), base + SIZE - 1)
                tree.store_range(kind.key(first), kind.key(last), 7)
                busy.update(range(first, last + 1))
            trees.append(tree)
        first, last = sorted(base + random.randrange(SIZE) for _ in range(2))
        count = 1 if keys == "float64" else random.choice([1, 1, 2, 3, 7, SIZE])
        size = None if count == 1 else kind.size(count)
        expected = expected_gaps(busy, count, first, last)
        expected = [tuple(map(kind.key, gap)) for gap in expected]
        gaps = list(common_gaps(trees, size, kind.key(first), kind.key(last)))
        assert gaps == expected
        assert all(type(gap) is kind.gap for gap in gaps)


def test_sizes_and_bounds_are_those_of_the_keys():
    day, days = datetime.date(2024, 1, 1), datetime.timedelta(1)
    a = MapleTree([(day, day + 5 * days, "a")], keys="date")
    b = MapleTree([(day + 8 * days, day + 9 * days, "b")], keys="date", track_gaps=False)
    gaps = list(common_gaps([a, b], 2 * days, day, day + 20 * days))
    assert gaps == [(day + 6 * days, day + 7 * days), (day + 10 * days, day + 20 * days)]
    assert [gap.size for gap in gaps] == [2 * days, 11 * days]
    assert list(common_gaps([a, b]))[-1].last == datetime.date.max
    with pytest.raises(TypeError, match="^size must be a timedelta, not int$"):
        common_gaps([a, b], 2)
    with pytest.raises(ValueError, match="^size must be 1 day, 0:00:00 or more, not 0:00:00$"):
        common_gaps([a, b], 0 * days)
    with pytest.raises(TypeError, match="^first must be a date, not int$"):
        common_gaps([a, b], first=5)
    with pytest.raises(ValueError, match="^first 2024-01-02 is above last 2024-01-01$"):
        common_gaps([a], first=day + days, last=day)
    with pytest.raises(TypeError, match="^float64 keys have no sizes$"):
        common_gaps([MapleTree(keys="float64")], 1)


def test_all_trees_must_have_the_same_keys():
    trees = [MapleTree(keys=keys) for keys in ("ipv4", "ipv4", "uint64")]
    with pytest.raises(ValueError, match="^each tree must have keys 'ipv4', not 'uint64'$"):
        common_gaps(trees)
    assert len(list(common_gaps(trees[:2]))) == 1


@pytest.mark.parametrize("track_gaps", [[True, True], [True, False], [False, False]], ids=str)
def test_larger_trees(track_gaps):
    """Trees with several levels. The sizes of gaps matter: most are too small."""
    random = seeded(f"common gaps of larger trees {track_gaps}")
    busy, trees = set(), []
    for tracks in track_gaps:
        triples, at = [], 0
        while at < 9000:
            at += random.choice([1, 2, 2, 3, 30])
            triples.append((at, at + random.randrange(9), None))
            busy.update(range(at, triples[-1][1] + 1))
            at = triples[-1][1] + 1
        trees.append(MapleTree(triples, track_gaps=tracks))
    for size in (1, 3, 12, 25):
        gaps = list(common_gaps(trees, size, 5, 9500))
        assert gaps == expected_gaps(busy, size, 5, 9500)
        assert list(common_gaps(trees[::-1], size, 5, 9500)) == gaps


def test_the_whole_domain():
    assert list(common_gaps([])) == [(0, MAX)]
    assert list(common_gaps([MapleTree(), MapleTree(track_gaps=False)], 2**64)) == [(0, MAX)]
    assert list(common_gaps([MapleTree()], 2**64 + 1)) == []
    assert list(common_gaps([], 6, 0, 4)) == []
    full = MapleTree([(0, MAX, 1)])
    assert list(common_gaps([MapleTree(), full])) == list(common_gaps([full, MapleTree()])) == []
    ends = MapleTree([(0, 0, 1)]), MapleTree([(MAX, MAX, 1)])
    assert list(common_gaps(ends)) == list(common_gaps(iter(ends))) == [(1, MAX - 1)]


def test_one_tree_has_its_own_gaps():
    for track_gaps in (True, False):
        tree = MapleTree([(10, 19, "a"), (30, 39, "b")], track_gaps=track_gaps)
        assert list(common_gaps([tree])) == list(tree.gaps())
        assert list(common_gaps([tree, tree], 10, 15, 35)) == [(20, 29)]
        assert list(common_gaps([tree], 11, 15, 35)) == []


def test_windows_are_cut_at_the_ends_of_the_domain():
    tree = MapleTree([(10, MAX - 10, "a")])
    assert list(common_gaps([tree], 5, -7, 2**70)) == [(0, 9), (MAX - 9, MAX)]
    assert list(common_gaps([tree], first=2**64)) == list(common_gaps([], first=-9, last=-1)) == []
    assert list(common_gaps([tree], Index(5), Index(5), last=Index(20))) == [(5, 9)]


def test_it_sees_the_trees_as_they_were():
    a, b = MapleTree([(10, 19, 1)]), MapleTree([(30, 39, 1)], track_gaps=False)
    gaps = common_gaps([a, b], last=50)
    a[:] = b[:] = 1
    assert next(gaps) == (0, 9)
    a.clear()
    b.clear()
    assert list(gaps) == [(20, 29), (40, 50)]


def test_an_exhausted_one_stays_so_and_holds_no_nodes():
    collect()
    before = live()
    trees = [MapleTree((n, n, n) for n in range(0, 100, 2)) for _ in range(2)]
    gaps = [common_gaps(trees, size) for size in (1, 2, 2**64)]
    assert [len(list(one)) for one in gaps] == [50, 1, 0]
    for tree in trees:
        for n in range(0, 100, 2):
            tree[n] = "new"
    assert live() == before + sum(tree.node_count for tree in trees)
    assert [next(one, None) for one in gaps] == [None] * 3
    assert all(iter(one) is one for one in gaps)


def test_what_is_refused():
    tree = MapleTree()
    for trees in (tree, 5, None, range):
        with pytest.raises(TypeError, match="trees must be an iterable of MapleTrees, not "):
            common_gaps(trees)
    for thing in (AddressSpace(), (1, 2), None):
        with pytest.raises(TypeError, match="each tree must be a MapleTree, not "):
            common_gaps([tree, thing])
    with pytest.raises(TypeError, match="size must be an integer, not str"):
        common_gaps([tree], "5")
    with pytest.raises(TypeError, match="last must be an integer, not float"):
        common_gaps([tree], last=5.0)
    with pytest.raises(ValueError, match="size must be 1 or more, not 0"):
        common_gaps([tree], 0)
    with pytest.raises(ValueError, match="first 9 is above last 8"):
        common_gaps([tree], 1, 9, 8)


def test_a_subclass_is_a_tree():
    class Room(MapleTree):
        pass

    assert list(common_gaps([Room([(0, 9, "a")])], last=20)) == [(10, 20)]
