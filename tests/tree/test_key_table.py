# SPDX-License-Identifier: MIT
"""The table of kinds of keys and operations in docs/reference/keys.md: each cell is tested.

A cell "yes" is checked against an array, at each of the kind's places: its first and last key, and
what is special to it (see `key_universes.py`). Otherwise a cell says what the operation raises.
"""

import copy
import ipaddress
import operator
import pickle
import re

import pytest

from key_universes import CELLS, LINE, LINES, WORDS, Universe
from placed import PlacedTree
from places import ROOT
from samara import COALESCE, MAX, OFFSET, Gap, MapleTree, common_gaps
from tree_oracle import Oracle, seeded

PAGE = ROOT / "docs" / "reference" / "keys.md"
numpy = pytest.importorskip("numpy", reason="the table has operations on arrays")

# The columns that stand for more kinds than they name.
NAIVE = ["datetime64[s]", "datetime64[ms]", "datetime64[us]"]
AWARE = [line.name for line in LINES if "," in line.name and "[ns" not in line.name]
COLUMNS = {
    "datetime64[us]": NAIVE,
    "datetime64[us, Europe/Berlin]": AWARE,
    "datetime64[ns]": [line.name for line in LINES if "[ns" in line.name],
    "KeyType": ["cells", "words"],
}
SIZE = 120


class Scene:
    """A tree and its array, filled so that both ends of the universe have a value."""

    def __init__(self, universe, **options):
        random = seeded(f"table {universe}")
        self.universe, self.base, self.end = universe, *universe.window()
        self.tree = PlacedTree(universe, random=random, **options)
        self.array = Oracle(self.base, universe.size, universe.origin)
        number = options.get("dtype") is not None
        for first, last in ((0, 2), (6, 6), (7, 19), (40, universe.size - 2)):
            self.store(self.base + first, self.base + last, first if number else f"v{first}")
        self.store(self.end, self.end, 99 if number else "end")
        self.places = [self.base + at for at in range(universe.size)]
        self.windows = [(self.base, self.base), (self.base, self.end), (self.end, self.end)]
        self.windows += [(self.base + a, self.base + b) for a, b in ((1, 8), (3, 5), (19, 41))]

    def store(self, first, last, value):
        self.tree.store_range(first, last, value)
        self.array.store(first, last, value)

    def check(self):
        """Compare everything."""
        self.tree.check()
        assert [tuple(entry) for entry in self.tree] == self.array.entries()
        assert len(self.tree) == len(self.array.entries())


def plain(found):
    return [tuple(one) for one in found]


# ---- one function for each row. It gets a scene, and raises what the operation raises.


def read_key(s):
    for place in s.places:
        if s.array.cell(place) is None:
            with pytest.raises(KeyError):
                s.tree[place]
        else:
            assert s.tree[place] == s.array.get(place)


def write_key(s):
    for place in (s.base, s.base + 4, s.base + 10, s.end):
        s.tree[place] = place
        s.array.store(place, place, place)
        s.check()


def delete_key(s):
    for place in (s.base, s.base + 10, s.base + 50, s.end):
        del s.tree[place]
        s.array.clear(place, place)
        s.check()


def contains(s):
    for place in [*s.places, 0, MAX]:
        assert (place in s.tree) is (s.array.cell(place) is not None)


def look_up(name):
    def check(s):
        for place in [*s.places, 0, MAX]:
            assert getattr(s.tree, name)(place) == getattr(s.array, name)(place)

    return check


def first_entry(s):
    assert s.tree.first_entry() == s.array.entries()[0]


def last_entry(s):
    assert s.tree.last_entry() == s.array.entries()[-1]


def read_slice(s):
    for first, last in s.windows:
        assert plain(s.tree[first : last + 1]) == s.array.clipped(first, last)
    assert plain(s.tree[:]) == plain(s.tree[s.base :]) == s.array.entries()
    assert plain(s.tree[: s.base + 7]) == s.array.clipped(0, s.base + 6)


def write_slice(s):
    for number, (first, last) in enumerate([*s.windows[::-1], (s.base + 7, s.base + 9)]):
        s.tree[first : last + 1] = number
        s.array.store(first, last, number)
        s.check()
    s.tree[:] = "all"
    assert plain(s.tree) == [(0, MAX, "all")]


def delete_slice(s):
    for first, last in (s.windows[0], *s.windows[2:]):
        del s.tree[first : last + 1]
        s.array.clear(first, last)
        s.check()
    del s.tree[:]
    assert not s.tree


def networks(s):
    """Yield networks within the universe, as objects and text, with the ends of each."""
    address = s.universe.line.at
    if s.universe.keys not in ("ipv4", "ipv6"):
        yield ipaddress.ip_network("10.0.0.0/24"), s.base, s.base
        return
    for count in (1, 2, 16):
        start = -(-s.universe.start // count) * count
        bits = address(0).max_prefixlen - count.bit_length() + 1
        network = ipaddress.ip_network(f"{address(start)}/{bits}")
        first = s.base + start - s.universe.start
        yield network, first, first + count - 1
        yield str(network), first, first + count - 1


def read_network(s):
    for network, first, last in networks(s):
        found = s.tree.like(s.tree.raw[network])
        assert plain(found) == s.array.clipped(first, last)


def write_network(s):
    for network, first, last in networks(s):
        s.tree.raw[network] = str(network)
        s.array.store(first, last, str(network))
        s.check()


def delete_network(s):
    for network, first, last in networks(s):
        del s.tree.raw[network]
        s.array.clear(first, last)
        s.check()


def store_range(s):
    for number, (first, last) in enumerate(s.windows):
        s.store(first, last, number)
        s.check()


def insert_range(s):
    s.tree.insert_range(s.base + 3, s.base + 5, "new")
    s.array.store(s.base + 3, s.base + 5, "new")
    s.check()
    for first, last in s.windows:
        with pytest.raises(ValueError, match="is not free"):
            s.tree.insert_range(first, last, "new")
    s.check()


def erase(s):
    for place in (s.base, s.base + 10, s.base + 30, s.end):
        assert s.tree.erase(place) == s.array.erase(place)
        s.check()


def pop_range(s):
    for first, last in ((s.base, s.base), (s.base + 1, s.base + 8), (s.base + 50, s.end)):
        assert s.tree.pop_range(first, last) == s.array.pop(first, last)
        s.check()


def iterator(name, part):
    def check(s):
        for first, last in s.windows:
            entries = s.array.within(first, last)
            assert list(getattr(s.tree, name)(first, last)) == list(map(part, entries))
        assert list(getattr(s.tree, name)()) == list(map(part, s.array.entries()))

    return check


def gaps(s):
    for first, last in s.windows:
        assert plain(s.tree.gaps(first, last)) == s.array.gaps(first, last)
    assert plain(s.tree.gaps()) == s.array.gaps()


def asks(name):
    def check(s):
        for first, last in [*s.windows, (s.base + 4, s.base + 4), (s.base + 7, s.base + 19)]:
            expected = {
                "covers": s.array.covers,
                "overlaps": lambda *ends: not s.array.is_free(*ends),
                "is_free": s.array.is_free,
            }[name](first, last)
            assert getattr(s.tree, name)(first, last) is expected

    return check


def cursor(s):
    found = s.tree.cursor(s.base, s.base)
    steps = [found.find()]
    while steps[-1] is not None:
        steps.append(found.next())
    assert steps[:-1] == s.array.entries()
    found = s.tree.cursor(s.base + 3, s.base + 5)
    found.store("by cursor")
    s.array.store(s.base + 3, s.base + 5, "by cursor")
    s.check()


def map_range(s):
    for first, last in s.windows:
        s.tree.map_range(first, last, lambda value: [value])
        s.array.map(first, last, lambda value: [value])
        s.check()


def accumulate(s):
    s = Scene(s.universe, dtype="i8")
    for first, last in s.windows:
        s.tree.accumulate(first, last, 5)
        s.array.accumulate(first, last, 5, "add")
        s.check()


def accumulate_many(s):
    s = Scene(s.universe, dtype="i8")
    columns = list(zip(*s.windows, strict=True))
    keys = [[s.tree.inward(place) for place in column] for column in columns]
    s.tree.raw.accumulate_many(*keys, 5)
    for first, last in s.windows:
        s.array.accumulate(first, last, 5, "add")
    cells = [s.array.get(place) for place in s.places]
    assert [s.tree.get(place) for place in s.places] == cells


def alloc_cyclic(s):
    ends = {"first": s.base, "last": s.end}
    following = s.base + 5
    for expected in (s.base + 5, s.base + 20, s.base + 21):
        index, following, wrapped = s.tree.alloc_cyclic("c", next=following, **ends)
        assert (index, following, wrapped) == (expected, expected + 1, False)
        s.array.store(index, index, "c")
    index, following, wrapped = s.tree.alloc_cyclic("c", next=s.end, **ends)
    assert (index, wrapped) == (s.base + 3, True)
    s.array.store(index, index, "c")
    s.check()


def stops(s):
    for entry in s.tree.raw:
        after = s.universe.position(entry.last) + 1
        if after <= MAX:
            assert s.universe.position(entry.stop) == after
        else:
            assert entry.stop == s.universe.line.after


def sizes(s):
    for entry, expected in zip(s.tree.raw, s.array.entries(), strict=True):
        assert s.universe.count(entry.size) == expected[1] - expected[0] + 1


def covered(s):
    assert s.universe.count(s.tree.raw.covered) == s.array.covered()


def areas(s):
    for size in (1, 3, 20, 21):
        for first, last in s.windows:
            for reverse in (False, True):
                yield size, {"first": first, "last": last, "reverse": reverse}


def empty_area(s, aligns=(1,)):
    for size, options in areas(s):
        for align in aligns:
            place = s.array.empty_area(size, align=align, **options)
            if place is None:
                with pytest.raises(ValueError, match="free"):
                    s.tree.empty_area(size, align=align, **options)
            else:
                assert s.tree.empty_area(size, align=align, **options) == place


def aligned_area(s):
    empty_area(s, aligns=(2, 3, 7, 8, 10))


def alloc_range(s):
    for size, options in list(areas(s))[::2]:
        place = s.array.empty_area(size, **options)
        if place is None:
            with pytest.raises(ValueError, match="free"):
                s.tree.alloc_range(size, "a", **options)
        else:
            assert s.tree.alloc_range(size, "a", **options) == place
            s.array.store(place, place + size - 1, "a")
    s.check()


def alloc_many(s):
    window = {"first": s.base, "last": s.end}
    found = s.tree.alloc_many([2, 5, 1], ["x", "y", "z"], **window)
    assert found == [s.base + 3, s.base + 20, s.base + 5]
    for place, size, value in zip(found, [2, 5, 1], "xyz", strict=True):
        s.array.store(place, place + size - 1, value)
    s.check()


def gaps_in_common(s):
    for size in (1, 3, 4, 20):
        keys = [s.tree.inward(place) for place in (s.base, s.end)]
        found = common_gaps([s.tree.raw], s.tree.size_in(size), first=keys[0], last=keys[1])
        gaps = [gap for gap in s.array.gaps(s.base, s.end) if gap[1] - gap[0] + 1 >= size]
        assert [s.tree.outward(gap) for gap in found] == [Gap(*gap) for gap in gaps]


def columns_of(s):
    firsts, lasts, values = zip(*s.array.entries(), strict=True)
    return [list(map(s.tree.inward, column)) for column in (firsts, lasts)], list(values)


def from_arrays(s):
    ends, values = columns_of(s)
    tree = MapleTree.from_arrays(*ends, values, keys=s.universe.keys)
    assert plain(s.tree.like(tree)) == s.array.entries()
    assert tree.keys_dtype == s.universe.keys
    one = [s.tree.inward(s.end)]
    tree = MapleTree.from_arrays(one, one, ["v"], keys=s.universe.keys)
    assert plain(s.tree.like(tree)) == [(s.end, s.end, "v")]


def store_many(s):
    windows = [(s.base + 1, s.base + 8), (s.base + 8, s.base + 30), (s.end, s.end)]
    s.tree.store_many(*zip(*windows, strict=True), ["x", "y", "z"])
    for (first, last), value in zip(windows, "xyz", strict=True):
        s.array.store(first, last, value)
    s.check()


def load_many(s):
    keys = [s.tree.inward(place) for place in s.places]
    found = s.tree.raw.load_many(keys, default="nothing")
    assert list(found) == [s.array.get(place, "nothing") for place in s.places]


def to_arrays(s):
    """The arrays must give the same tree again."""
    first, last, values = s.tree.raw.to_arrays()
    tree = MapleTree.from_arrays(first, last, values, keys=s.universe.keys)
    assert plain(s.tree.like(tree)) == s.array.entries()


def copied(way):
    def check(s):
        other = way(s.tree)
        assert plain(other) == s.array.entries()
        other[s.base : s.end + 1] = "changed"
        s.check()

    return check


def into(tree):
    other = PlacedTree(tree.universe)
    tree.dup_into(other)
    return other


def other_of(s):
    """Return a tree that differs from the scene's in some places, and its array."""
    other, array = s.tree.fork(), s.array.copy()
    for first, last in ((s.base, s.base), (s.base + 15, s.base + 25), (s.end - 1, s.end)):
        other.store_range(first, last, "other")
        array.store(first, last, "other")
    other.pop_range(s.base + 7, s.base + 9)
    array.clear(s.base + 7, s.base + 9)
    return other, array


def equal(s):
    other, _ = other_of(s)
    assert s.tree == PlacedTree(s.universe, s.array.entries()) and not s.tree != s.tree.dup()
    assert s.tree != other and s.tree.raw != MapleTree(keys=another_kind(s))
    assert MapleTree(keys=s.universe.keys) != MapleTree(keys=another_kind(s))


def another_kind(s):
    return "date" if s.universe.keys != "date" else "float64"


def diff(s):
    other, array = other_of(s)
    assert plain(s.tree.diff(other)) == s.array.diff(array)
    with pytest.raises(ValueError, match="other must have keys"):
        s.tree.raw.diff(MapleTree(keys=another_kind(s)))


def combined(act):
    def check(s):
        other, array = other_of(s)
        made = s.array.copy()
        if act in (operator.or_, "update"):
            made.unite(array)
        else:
            made.clear_where(array, covered=act is operator.sub)
        if act == "update":
            result = s.tree.fork()
            result.update(other)
        else:
            result = act(s.tree, other)
        assert plain(result) == made.entries()
        s.check()
        with pytest.raises(ValueError, match="other must have keys"):
            (operator.ior if act == "update" else act)(s.tree.raw, MapleTree(keys=another_kind(s)))

    return check


def pickled(tree):
    again = pickle.loads(pickle.dumps(tree))
    assert again.raw.keys_dtype == tree.raw.keys_dtype
    return again


def saved(s, folder):
    path = folder / "tree"
    s.tree.raw.save(path)
    return path


def save(s, folder):
    again = MapleTree.load(saved(s, folder), keys=s.universe.keys)
    assert again.keys_dtype == s.universe.keys and plain(s.tree.like(again)) == s.array.entries()


def load(s, folder):
    again = MapleTree.load(saved(s, folder))
    assert again.keys_dtype == s.universe.keys and plain(s.tree.like(again)) == s.array.entries()


def shown(s):
    first, last, value = s.array.entries()[0]
    begin = f"({s.universe.key(first)!r}, {s.universe.key(last)!r}, {value!r})"
    text = repr(s.tree.raw)
    assert text.startswith(f"MapleTree([{begin}, ")
    keys = s.universe.keys
    assert text.endswith("])" if keys == "uint64" else f"], keys={keys!r})")


def coalesce(s):
    s = Scene(s.universe, policy=COALESCE)
    s.tree[s.base + 3 : s.base + 7] = "same"
    s.tree[s.base + 7 : s.base + 12] = "same"
    assert s.tree.entry(s.base + 5) == (s.base + 3, s.base + 11, "same")
    s.tree[s.end - 1] = "end"
    assert s.tree.entry(s.end) == (s.end - 1, s.end, "end")


def offset(s):
    s = Scene(s.universe, policy=OFFSET, dtype="i8")
    s.tree.store_range(s.base, s.end, 1000)
    s.tree[s.base + 4] = 7
    assert plain(s.tree)[0] == (s.base, s.base + 3, 1000)
    assert s.tree.entry(s.end) == (s.base + 5, s.end, 1005)
    assert plain(s.tree[s.base + 9 :]) == [(s.base + 9, s.end, 1009)]


CHECKS = {
    "t[k]": read_key,
    "t[k] = v": write_key,
    "del t[k]": delete_key,
    "k in t": contains,
    "t.get(k)": look_up("get"),
    "t.entry(k)": look_up("entry"),
    "t.find(k)": look_up("find"),
    "t.find_rev(k)": look_up("find_rev"),
    "t.next(k)": look_up("next"),
    "t.prev(k)": look_up("prev"),
    "t.first_entry()": first_entry,
    "t.last_entry()": last_entry,
    "t[a:b]": read_slice,
    "t[a:b] = v": write_slice,
    "del t[a:b]": delete_slice,
    "t[network]": read_network,
    "t[network] = v": write_network,
    "del t[network]": delete_network,
    "t.store_range(a, b, v)": store_range,
    "t.insert_range(a, b, v)": insert_range,
    "t.erase(k)": erase,
    "t.pop_range(a, b)": pop_range,
    "t.entries(a, b)": iterator("entries", lambda entry: entry),
    "t.ranges(a, b)": iterator("ranges", lambda entry: entry[:2]),
    "t.values(a, b)": iterator("values", lambda entry: entry[2]),
    "t.items(a, b)": iterator("items", lambda entry: (entry[:2], entry[2])),
    "t.gaps(a, b)": gaps,
    "t.covers(a, b)": asks("covers"),
    "t.overlaps(a, b)": asks("overlaps"),
    "t.is_free(a, b)": asks("is_free"),
    "t.cursor(a, b)": cursor,
    "t.map_range(a, b, function)": map_range,
    "t.accumulate(a, b, number)": accumulate,
    "t.alloc_cyclic(v, first=a, last=b, next=k)": alloc_cyclic,
    "entry.stop": stops,
    "entry.size": sizes,
    "t.covered": covered,
    "t.empty_area(size)": empty_area,
    "t.empty_area(size, align=size)": aligned_area,
    "t.alloc_range(size, v)": alloc_range,
    "t.alloc_many([size, size], v)": alloc_many,
    "common_gaps([t], size)": gaps_in_common,
    "MapleTree.from_arrays([a], [b], [v], keys=keys)": from_arrays,
    "t.store_many([a], [b], [v])": store_many,
    "t.accumulate_many([a], [b], [number])": accumulate_many,
    "t.load_many([k])": load_many,
    "t.to_arrays()": to_arrays,
    "t.fork()": copied(PlacedTree.fork),
    "t.dup()": copied(PlacedTree.dup),
    "t.dup_into(u)": copied(into),
    "t == u": equal,
    "t.diff(u)": diff,
    "t.update(u)": combined("update"),
    "t | u": combined(operator.or_),
    "t & u": combined(operator.and_),
    "t - u": combined(operator.sub),
    "pickle.dumps(t)": copied(pickled),
    "t.save(path)": save,
    "MapleTree.load(path)": load,
    "repr(t)": shown,
    "MapleTree(keys=keys, policy=COALESCE)": coalesce,
    "MapleTree(keys=keys, policy=OFFSET)": offset,
}
WITH_FILES = (save, load)
# What a cell that is not "yes" means. (A KeyType's encode() decides what it makes of a network.)
RAISED = {"TypeError": TypeError, "encode()": (TypeError, ValueError), "keys=": ValueError}


def read_table():
    """Return {operation: {column: cell}}."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith("| operation |"))
    rows = []
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        rows.append([cell.strip().strip("`").replace("\\|", "|") for cell in cells])
    columns = rows[0][1:]
    return {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows[2:]}


TABLE = read_table()
CELLS_OF_TABLE = [(row, column) for row, cells in TABLE.items() for column in cells]


def test_every_row_has_a_check():
    assert set(TABLE) == set(CHECKS)
    for cells in TABLE.values():
        assert set(cells.values()) <= {"yes", *RAISED}


def test_every_kind_is_in_a_column():
    columns = next(iter(TABLE.values()))
    named = [name for column in columns for name in COLUMNS.get(column, [column])]
    assert sorted(named) == sorted(line.name for line in LINES)


@pytest.mark.parametrize(("row", "column"), CELLS_OF_TABLE)
def test_a_cell(row, column, tmp_path):
    cell, check = TABLE[row][column], CHECKS[row]
    more = [tmp_path] if check in WITH_FILES else []
    for name in COLUMNS.get(column, [column]):
        for place in LINE[name].places:
            scene = Scene(Universe(LINE[name], place, SIZE))
            if cell == "yes":
                check(scene, *more)
                continue
            with pytest.raises(RAISED[cell]):
                check(scene, *more)


# ---- what is outside a kind's limits, or is no key of it


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_what_is_no_key_is_refused_everywhere(line):
    universe = Universe(line, "top", SIZE)
    good = universe.key(universe.base + 4)
    tree = Scene(universe).tree.raw
    before = repr(tree)
    for key in line.junk:
        for call in calls(tree, key, good):
            with pytest.raises(TypeError):
                call()
    assert repr(tree) == before


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_nan_and_others_without_a_place_are_not_written(line):
    universe = Universe(line, "top", SIZE)
    tree, good = Scene(universe).tree.raw, universe.key(universe.base + 4)
    before = repr(tree)
    for key in line.bad:
        for call in writes(tree, key, good):
            with pytest.raises(ValueError):
                call()
    assert repr(tree) == before


def look_ups(tree, key, good):
    yield lambda: tree.get(key)
    yield lambda: tree[key]
    yield lambda: tree.entry(key)
    yield lambda: tree.next(key)
    yield lambda: tree.prev(key)
    yield lambda: tree.find(key)
    yield lambda: tree.find_rev(key)
    yield lambda: tree.covers(key, good)
    yield lambda: tree.overlaps(good, key)
    yield lambda: tree.load_many([good, key])


def writes(tree, key, good):
    yield lambda: tree.__setitem__(key, "x")
    yield lambda: tree.__delitem__(key)
    yield lambda: tree.__setitem__(slice(key, None), "x") if key is not None else tree[1j]
    yield lambda: tree.store_range(key, good, "x")
    yield lambda: tree.store_range(good, key, "x")
    yield lambda: tree.insert_range(key, good, "x")
    yield lambda: tree.erase(key)
    yield lambda: tree.pop_range(key, good)
    yield lambda: tree.map_range(good, key, str)
    yield lambda: tree.store_many([good, key], [good, key], ["x", "y"])
    yield lambda: tree.update([(good, key, "x")])
    yield lambda: tree.__isub__([(key, good)])
    yield lambda: tree.alloc_cyclic("x", next=key)
    yield lambda: tree.cursor().set(key)
    yield lambda: tree.cursor(key if key is not None else 1j)
    yield lambda: MapleTree([(key, good, "x")], keys=tree.keys_dtype)
    yield lambda: MapleTree.from_arrays([key], [good], ["x"], keys=tree.keys_dtype)


def calls(tree, key, good):
    networks = isinstance(key, str) and "/" in key
    for call in [*look_ups(tree, key, good), *writes(tree, key, good)]:
        if not networks:
            yield call
    if networks:  # t[network] is fine, but a network is not one key
        yield lambda: tree.get(key)
        yield lambda: key in tree
        yield lambda: tree.store_range(key, key, "x")


@pytest.mark.parametrize("keys", ["ipv4", "ipv6"])
def test_a_network_is_no_operand(keys):
    """It is an iterable of all its addresses: that would take forever, and all memory."""
    network = ipaddress.ip_network("10.0.0.0/8" if keys == "ipv4" else "fe80::/10")
    tree = MapleTree([(network[0], network[9], "a")], keys=keys)
    for act in (operator.or_, operator.and_, operator.sub, operator.ior, operator.iand):
        with pytest.raises(TypeError, match=f"^other must be a tree or ranges, not .* {network}$"):
            act(tree, network)
    with pytest.raises(TypeError, match="^other must be a tree or ranges"):
        tree.update(network)
    assert len(tree - [(network[0], network[4])]) == 1


def test_copies_keep_the_kind():
    for line in LINES:
        tree = MapleTree(keys=line.keys)
        for other in (tree.fork(), tree.dup(), copy.copy(tree), copy.deepcopy(tree), tree[:]):
            assert other.keys_dtype == line.keys or line.keys in (CELLS, WORDS)
            assert (other.first_key, other.last_key) == (line.at(line.first), line.at(line.last))
