# SPDX-License-Identifier: MIT
"""Each method that takes or gives keys, as a call of a tree with keys of any kind.

Each call gets a tree with entries at k(0) ... k(4), k(10) ... k(14) and so on up to k(114), and k,
which makes keys and sizes:

    k(n)       the n-th key, or something that means it
    k.size(n)  the size of n keys
    k.far      a key above all that are used here
"""

from samara import MapleTree, common_gaps

COUNT = 12  # entries


def filled(keys, k, count=COUNT, **options):
    triples = [(k(10 * n), k(10 * n + 4), n) for n in range(count)]
    return MapleTree(triples, keys=keys, **options)


class Ints:
    """For trees whose keys are ints."""

    far = 9000

    def __call__(self, number):
        return number

    def size(self, count):
        return count


class InUniverse:
    """The keys of a universe of `key_universes.py`, made beforehand: no call makes any."""

    def __init__(self, universe):
        self.keys = [universe.key(universe.base + number) for number in range(universe.size)]
        sized = universe.unit is not None
        self.sizes = [universe.length(count) if sized else count for count in range(60)]
        self.far = self.keys[-1]

    def __call__(self, number):
        return self.keys[number]

    def size(self, count):
        return self.sizes[count]


def walked(cursor):
    cursor.walk()
    return cursor


READS = {
    "get": lambda t, k: t.get(k(13)),
    "getitem": lambda t, k: t[k(13)],
    "contains": lambda t, k: k(13) in t,
    "entry": lambda t, k: t.entry(k(13)),
    "find": lambda t, k: t.find(k(15), k(40)),
    "find_rev": lambda t, k: t.find_rev(k(19), k(3)),
    "next": lambda t, k: t.next(k(13)),
    "prev": lambda t, k: t.prev(k(13)),
    "first_entry": lambda t, k: t.first_entry(),
    "last_entry": lambda t, k: t.last_entry(),
    "slice": lambda t, k: t[k(12) : k(33)],
    "entries": lambda t, k: list(t.entries(k(12), k(33))),
    "clipped": lambda t, k: list(t.entries(k(12), k(33), clip=True, reverse=True)),
    "ranges": lambda t, k: list(t.ranges(k(12), k(33))),
    "values": lambda t, k: list(t.values(k(12), k(33))),
    "items": lambda t, k: list(t.items(k(12), k(33))),
    "gaps": lambda t, k: list(t.gaps(k(12), k(33))),
    "iter": lambda t, k: list(iter(t)),
    "reversed": lambda t, k: list(reversed(t)),
    "covers": lambda t, k: t.covers(k(12), k(33)),
    "overlaps": lambda t, k: t.overlaps(k(12), k(33)),
    "is_free": lambda t, k: t.is_free(k(12), k(33)),
    "empty_area": lambda t, k: t.empty_area(k.size(3), k(12), k(90), align=k.size(2)),
    "no empty_area": lambda t, k: t.empty_area(k.size(50), k(12), k(90)),
    "common_gaps": lambda t, k: list(common_gaps([t, t.fork()], k.size(2), first=k(3), last=k(90))),
    "diff": lambda t, k: list(t.diff(t[k(30) :])),
    "or": lambda t, k: t | [(k(3), k(7), "x"), (k(12), k(33), "y")],
    "and": lambda t, k: t & [(k(3), k(7)), (k(12), k(33))],
    "sub": lambda t, k: t - [(k(3), k(7)), (k(12), k(33))],
    "repr": lambda t, k: repr(t),
    "html": lambda t, k: t._repr_html_(),
    "rich": lambda t, k: list(t.__rich_repr__()),
    "dump": lambda t, k: t.dump(),
    "equal": lambda t, k: t == t.fork(),
    "first_key": lambda t, k: (t.first_key, t.last_key),
    "covered": lambda t, k: t.covered,
    "load_many": lambda t, k: t.load_many([k(13), k(15), k(27)]),
    "to_arrays": lambda t, k: t.to_arrays(),
    "from_arrays": lambda t, k: type(t).from_arrays(
        [k(1), k(5)], [k(2), k(9)], "ab", keys=t.keys_dtype
    ),
    "new": lambda t, k: MapleTree([(k(1), k(2), "a"), (k(5), k(9), "b")], keys=t.keys_dtype),
    "stop": lambda t, k: [entry.stop for entry in t],
    "size": lambda t, k: [entry.size for entry in t],
    "cursor": lambda t, k: t.cursor(k(12), k(33)),
    "walk": lambda t, k: t.cursor(k(12)).walk(),
    "cursor steps": lambda t, k: [
        t.cursor(k(12)).find(k(90)),
        t.cursor(k(12)).prev(k(3)),
        t.cursor(k(25)).walk(),
    ],
    "cursor gaps": lambda t, k: [
        t.cursor(k(12)).next_range(k(90)),
        t.cursor(k(12)).prev_range(k(3)),
    ],
    "cursor place": lambda t, k: [walked(t.cursor(k(12))).index, walked(t.cursor(k(12))).last],
    "cursor area": lambda t, k: t.cursor().empty_area(k.size(3), k(12), k(90)),
    "cursor loop": lambda t, k: list(t.cursor(k(12))),
    "cursor repr": lambda t, k: repr(t.cursor(k(12))),
}
WRITES = {
    "setitem": lambda t, k: t.__setitem__(k(13), "x"),
    "set slice": lambda t, k: t.__setitem__(slice(k(13), k(33)), "x"),
    "delitem": lambda t, k: t.__delitem__(k(13)),
    "delete slice": lambda t, k: t.__delitem__(slice(k(13), k(33))),
    "store_range": lambda t, k: t.store_range(k(13), k(33), "x"),
    "insert_range": lambda t, k: t.insert_range(k(15), k(17), "x"),
    "insert_range refused": lambda t, k: t.insert_range(k(15), k(33), "x"),
    "erase": lambda t, k: t.erase(k(13)),
    "pop_range": lambda t, k: t.pop_range(k(13), k(33)),
    "alloc_range": lambda t, k: t.alloc_range(k.size(3), "x", first=k(12), last=k(90)),
    "alloc_many": lambda t, k: t.alloc_many(
        [k.size(3), k.size(2), k.size(1)], "xyz", first=k(12), last=k(90)
    ),
    "alloc_cyclic": lambda t, k: t.alloc_cyclic("x", first=k(3), last=k(90), next=k(13)),
    "map_range": lambda t, k: t.map_range(k(13), k(33), lambda value: [value]),
    "store_many": lambda t, k: t.store_many([k(3), k(15)], [k(7), k(33)], "xy"),
    "update": lambda t, k: t.update([(k(3), k(7), "x"), (k(12), k(33), "y")]),
    "update of unsorted": lambda t, k: t.update([(k(12), k(33), "y"), (k(3), k(7), "x")]),
    "ior": lambda t, k: t.__ior__([(k(3), k(7), "x"), (k(12), k(33), "y")]),
    "iand": lambda t, k: t.__iand__([(k(3), k(7)), (k(12), k.far)]),
    "isub": lambda t, k: t.__isub__([(k(3), k(7)), (k(12), k(33))]),
    "cursor store": lambda t, k: t.cursor(k(13), k(33)).store("x"),
    "cursor insert": lambda t, k: t.cursor(k(15), k(17)).insert("x"),
    "cursor insert refused": lambda t, k: t.cursor(k(15), k(33)).insert("x"),
    "cursor clear": lambda t, k: t.cursor(k(13), k(33)).clear(),
    "cursor erase": lambda t, k: t.cursor(k(13)).erase(),
}
REPLACES = {
    "init": lambda t, k: t.__init__([(k(3), k(7), "x"), (k(12), k(33), "y")], keys=t.keys_dtype),
    "init with itself": lambda t, k: t.__init__(t.entries(), keys=t.keys_dtype),
    "setstate": lambda t, k: MapleTree.__new__(MapleTree).__setstate__(t.__reduce__()[2]),
    "clear": lambda t, k: t.clear(),
    "set all": lambda t, k: t.__setitem__(slice(None), "x"),
}
