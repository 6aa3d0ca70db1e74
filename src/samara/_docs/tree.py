# SPDX-License-Identifier: MIT
"""The docstrings of `MapleTree`. See `samara._docs` for the form."""

from typing import Final

MAPLE_TREE: Final = {
    "MapleTree(iterable=(), /, *, dtype=None, track_gaps=True, policy=None)": """
An ordered map from ranges of integers to values.

Ranges are closed, [first, last], within 0 ... MAX = 2**64 - 1, and do not overlap. An index
without a value lies in a gap. Values are any objects, None too; with a dtype they are numbers
of 64 bits. n is the number of ranges.

Args:
    iterable: triples (first, last, value), or a MapleTree. Of a tree the ranges are taken, but
        not the attributes, unlike with dup() and fork(). A later triple overwrites what it
        covers. Sorted triples that do not overlap: O(n), into full nodes; any other triple:
        O(log n).
    dtype: None for any object. 'u8', 'i8' or 'f8' for a packed tree, whose values are unsigned
        integers, signed ones or floats: values are converted when they are stored, and there
        are no reference counts.
    track_gaps: keep the largest gap of each subtree, which empty_area() and alloc_range() need.
        Stores are faster without.
    policy: None, or a samara.Policy: an object with the methods split() and merge(), which say
        what becomes of a value whose range is cut, and whether two neighbours merge. Raises
        AttributeError if either method is missing.

t[i], t[i] = v and del t[i] are about one index; t[a:b] is half-open, and t[a:] reaches MAX.
All are O(log n). Reading t[a:b] gives a tree of what lies there, cut at the ends.

Look-ups take any integer: outside 0 ... MAX there is nothing. Writes refuse those with
ValueError. What is no integer is a TypeError. A packed tree refuses what its dtype cannot hold:
TypeError for what is no number, ValueError for an integer outside its 64 bits, OverflowError for
one that is too large for a float. Out of memory is a MemoryError and changes nothing.

Iterating runs over the tree as it was when the loop began.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t[15], 20 in t, len(t)
('a', False, 2)
>>> t[12:14] = 'c'
>>> t
MapleTree([(10, 11, 'a'), (12, 13, 'c'), (14, 19, 'a'), (30, 39, 'b')])
>>> t[13:35]
MapleTree([(13, 13, 'c'), (14, 19, 'a'), (30, 34, 'b')])
>>> del t[:20]
>>> [value for first, last, value in t]
['b']
>>> MapleTree([(10, 19, 1.5)], dtype='f8')
MapleTree([(10, 19, 1.5)], dtype='f8')
""",
    "get(index, default=None)": """
The value at an index; default where there is none. O(log n).

>>> t = MapleTree([(10, 19, 'a')])
>>> t.get(19), t.get(20), t.get(20, 'none')
('a', None, 'none')
""",
    "entry(index)": """
The whole range around an index, both ends included, with its value; None in a gap. O(log n).

>>> MapleTree([(10, 19, 'a')]).entry(15)
Entry(first=10, last=19, value='a')
""",
    "find(index, last=MAX)": """
The first entry that reaches index or lies above it, and begins at or below last; or None.
O(log n).

Bounds outside 0 ... MAX are cut. ValueError where index is above last.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.find(15)
Entry(first=10, last=19, value='a')
>>> t.find(20)
Entry(first=30, last=39, value='b')
>>> t.find(20, 29) is None
True
""",
    "find_rev(index, first=0)": """
The last entry that reaches index or lies below it, and ends at or above first; or None.
O(log n).

Bounds outside 0 ... MAX are cut. ValueError where first is above index.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.find_rev(35)
Entry(first=30, last=39, value='b')
>>> t.find_rev(29)
Entry(first=10, last=19, value='a')
>>> t.find_rev(29, 20) is None
True
""",
    "next(index)": """
The entry after the one, or after the gap, that index lies in; or None. O(log n).

A negative index lies before all entries.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.next(15)
Entry(first=30, last=39, value='b')
>>> t.next(35) is None
True
""",
    "prev(index)": """
The entry before the one, or before the gap, that index lies in; or None. O(log n).

An index above MAX lies behind all entries.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.prev(35)
Entry(first=10, last=19, value='a')
>>> t.prev(15) is None
True
""",
    "entries(first=0, last=MAX, *, reverse=False, clip=False)": """
An iterator of the entries that lie in [first, last] or reach into it, both ends included.

It runs over the tree as it is now, whatever is stored meanwhile. O(log n) to make, O(1) for
each entry.

Args:
    reverse: from the last entry to the first
    clip: cut the first and the last entry at the ends of the window; if the tree has a policy,
        it is asked for their values

Bounds outside 0 ... MAX are cut. ValueError where first is above last.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> [tuple(entry) for entry in t.entries(15, 30)]
[(10, 19, 'a'), (30, 39, 'b')]
>>> [tuple(entry) for entry in t.entries(15, 30, clip=True, reverse=True)]
[(30, 30, 'b'), (15, 19, 'a')]
""",
    "gaps(first=0, last=MAX)": """
An iterator of the free ranges in [first, last] as pairs (first, last), all ends included,
cut at the window.

It runs over the tree as it is now, and works without gap tracking. O(log n) to make, then
O(1) for each entry that it passes. Bounds outside 0 ... MAX are cut. ValueError where first
is above last.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> list(t.gaps(0, 35))
[Gap(first=0, last=9), Gap(first=20, last=29)]
""",
    "is_free(first, last)": """
Has no index of [first, last], both ends included, a value? O(log n).

Nothing outside 0 ... MAX has one. ValueError where first is above last.

>>> t = MapleTree([(10, 19, 'a')])
>>> t.is_free(20, 29), t.is_free(19, 29)
(True, False)
""",
    "empty_area(size, first=0, last=MAX, *, align=1, reverse=False)": """
Where `size` free indices begin in [first, last], both ends included: the lowest place, or
the highest.

O(log n); with align, O(log n) for each gap of that size without an aligned place.

Args:
    size: a number of indices, 1 or more
    align: the place is a multiple of it; 1 or more
    reverse: the highest place

NoSpaceError where none fits. Bounds outside 0 ... MAX are cut. ValueError where first is
above last, for a size or align below 1, and for a tree with track_gaps=False.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.empty_area(10), t.empty_area(11), t.empty_area(10, 0, 99, reverse=True)
(0, 40, 90)
>>> t.empty_area(6, 1, align=8)
24
""",
    "store_range(first, last, value)": """
Store a value over [first, last], both ends included. O(log n), and O(1) for each entry that
it drops.

What lies there is overwritten; an entry that is cut keeps its value on both sides.
ValueError where first is above last or an end is outside 0 ... MAX.

>>> t = MapleTree([(10, 19, 'a')])
>>> t.store_range(12, 13, 'b')
>>> t
MapleTree([(10, 11, 'a'), (12, 13, 'b'), (14, 19, 'a')])
""",
    "insert_range(first, last, value)": """
Store a value over [first, last], both ends included, if all of it is free. O(log n).

RangeOccupiedError, with the first entry in the way as its .entry, where it is not.
ValueError where first is above last or an end is outside 0 ... MAX.

>>> t = MapleTree([(10, 19, 'a')])
>>> t.insert_range(20, 29, 'b')
>>> t.insert_range(5, 10, 'c')
Traceback (most recent call last):
samara.RangeOccupiedError: [5, 10] is not free: [10, 19] has a value
""",
    "erase(index)": """
Remove the whole range around an index. The entry that was there, or None. O(log n).

`del t[index]` removes the one index. ValueError where index is outside 0 ... MAX.

>>> t = MapleTree([(10, 19, 'a')])
>>> t.erase(12)
Entry(first=10, last=19, value='a')
>>> t.erase(12) is None, len(t)
(True, 0)
""",
    "pop_range(first, last)": """
Clear [first, last], both ends included. A list of what was there, cut at the ends, where a
policy is asked for the values. O(log n + removed entries).

ValueError where first is above last or an end is outside 0 ... MAX.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.pop_range(15, 30)
[Entry(first=15, last=19, value='a'), Entry(first=30, last=30, value='b')]
>>> t
MapleTree([(10, 14, 'a'), (31, 39, 'b')])
""",
    "alloc_range(value, size, first=0, last=MAX, *, align=1, reverse=False)": """
Find `size` free indices in [first, last], both ends included, store a value there, and
return where they begin.

The arguments, the cost and the errors are those of empty_area(); bounds outside 0 ... MAX
are refused.

>>> t = MapleTree([(10, 19, 'a')])
>>> t.alloc_range('b', 5), t.alloc_range('c', 16, align=16)
(0, 32)
>>> t.alloc_range('d', 5, 0, 12)
5
>>> t.alloc_range('e', 5, 0, 12)
Traceback (most recent call last):
samara.NoSpaceError: no 5 free indices in [0, 12]
""",
    "clear()": """
Remove everything. The attributes (dtype, track_gaps, policy) stay. O(nodes that no other
tree shares).

>>> t = MapleTree([(10, 19, 'a')], track_gaps=False)
>>> t.clear()
>>> t
MapleTree([], track_gaps=False)
""",
    "dup()": """
A full copy of the tree, in nodes of its own; the values are the same objects. O(n).

All nodes are copied in one pass, so it is far cheaper than building the tree again. fork()
is O(1), and copies nodes later, when they are written; dup() where the copy will be changed
all over.

>>> t = MapleTree([(10, 19, 'a')])
>>> u = t.dup()
>>> u[10] = 'b'
>>> t[10]
'a'
""",
    "dup_into(other)": """
A full copy of the tree in another one, which must be empty and have the same attributes. O(n).

ValueError where other is not empty, differs in dtype or track_gaps, or has not this very
policy; nothing is changed then.
MemoryError leaves other empty.

>>> t = MapleTree([(10, 19, 'a')])
>>> u = MapleTree()
>>> t.dup_into(u)
>>> u == t
True
>>> t.dup_into(u)
Traceback (most recent call last):
ValueError: other is not empty: it holds 1 ranges
""",
    "fork()": """
A copy of the tree that shares its nodes until one of the two writes them. O(1).

The two are independent: a write copies the nodes on its path first, O(log n). copy.copy()
is this.

>>> t = MapleTree([(10, 19, 'a')])
>>> u = t.fork()
>>> t[10] = 'b'
>>> t[10], u[10]
('b', 'a')
""",
    "cursor(first=0, last=None)": """
A Cursor at [first, last], both ends included; without last at the single index first. O(1).

ValueError where first is above last or an end is outside 0 ... MAX.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(12)
>>> cursor.walk()
Entry(first=10, last=19, value='a')
""",
    "from_arrays(first, last, values, *, dtype=None, track_gaps=True)": """
A tree of the ranges [first[i], last[i]], both ends included, with values[i]. O(n), into full
nodes.

The ranges must be sorted and must not overlap. A class method; a subclass's instance is made
without __init__().

Args:
    first, last: buffers of integers (numpy arrays, array.array, memoryview ... with one dimension,
        of any size, signed or unsigned) or sequences of integers
    values: the same, also of floats, or a sequence of any objects
    dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned integers,
        signed ones or floats makes a tree of that dtype; anything else makes a tree of objects.

ValueError where the three differ in length, an end is outside 0 ... MAX, a first is above its last,
a range overlaps or lies below the one before, or a value is outside its dtype's 64 bits, each with
its position; for a buffer of several dimensions or of another byte order. TypeError for what is no
number. Buffers must not change meanwhile.

>>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> from array import array
>>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
>>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
Traceback (most recent call last):
ValueError: position 1: [12, 19] overlaps or lies below [10, 12]
""",
    "to_arrays()": """
All ranges as three numpy arrays (first, last, values), both ends included. O(n).

The first two are of uint64; the values of uint64, int64 or float64 by the dtype, or of objects.
ImportError where there is no numpy.

>>> first, last, values = MapleTree([(10, 19, 1.5)], dtype='f8').to_arrays()
>>> first, last, values
(array([10], dtype=uint64), array([19], dtype=uint64), array([1.5]))
""",
    "load_many(keys, default=...)": """
The values at many indices: a numpy array of the tree's dtype, or for a tree of objects a list.
O(log n) for each key.

The keys are looked up in the tree as it is now, several at once. Where there are many, other
threads run meanwhile, and may write the tree.

Args:
    keys: a buffer of integers (numpy array, array.array ... with one dimension) or a sequence of
        integers. It must not change meanwhile.
    default: what stands for a key without a value, and for one outside 0 ... MAX; a packed tree
        converts it to its dtype. Without a default, such a key raises KeyError with the first one.

TypeError for keys that are no integers. ImportError where the tree has a dtype and there is no
numpy.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.load_many([35, 10, 20, -1], None)
['b', 'a', None, None]
>>> t.load_many(range(19, 22))
Traceback (most recent call last):
KeyError: 20
""",
    "store_many(first, last, values)": """
Store values[i] over [first[i], last[i]], both ends included, for each i in order: all or none.
O(log n) for each, beside what store_range() says.

The arguments are those of from_arrays(), in any order, and may overlap: a later range overwrites an
earlier one. All of it is converted and checked before the tree changes. ValueError and TypeError as
there; MemoryError leaves the tree as it was.

>>> t = MapleTree()
>>> t.store_many([30, 10], [39, 33], ['a', 'b'])
>>> t
MapleTree([(10, 33, 'b'), (34, 39, 'a')])
""",
    "check()": """
Check every invariant of the tree; AssertionError says what is broken and where. O(n).

>>> MapleTree([(10, 19, 'a')]).check()
""",
    "dump(*, hex=False)": """
The tree's nodes and slots as text, one to a line; words are the values' addresses, or the 64
bits of a packed tree's numbers. O(n).

Args:
    hex: numbers in base 16

>>> print(MapleTree([(10, 19, 'a')]).dump()) # doctest: +ELLIPSIS
maple tree: height 1, attributes 0x3
  leaf [0, 18446744073709551615]: 3 slots, ...
     0 [0, 9]: gap
     1 [10, 19]: 0x...
     2 [20, 18446744073709551615]: gap
<BLANKLINE>
""",
    "__copy__()": "fork(), for copy.copy(). O(1).",
    "__reduce__()": "For pickle and copy.deepcopy(). O(n).",
    "__setstate__(state, /)": """
For pickle: fill an empty tree. ValueError for what is no state of a MapleTree. O(n).
""",
    "__reversed__()": "entries(reverse=True).",
    "__sizeof__()": "nbytes.",
    "__class_getitem__(item, /)": "MapleTree[V]: a tree with values of type V.",
    "covered": """
How many indices have a value, up to 2**64. O(1), or O(n) after a write dropped shared nodes.

>>> MapleTree([(10, 19, 'a'), (30, 39, 'b')]).covered
20
""",
    "height": """
Levels of nodes: 0 for an empty tree, 1 for a single leaf.

>>> MapleTree([(10, 19, 'a')]).height
1
""",
    "node_count": """
Nodes that the tree reaches, those that it shares with others included. O(nodes above the
leaves).

>>> MapleTree([(10, 19, 'a')]).node_count
1
""",
    "nbytes": """
Bytes of the tree: 256 for each of its nodes, shared ones included, and the object. Values
are not counted.

>>> t = MapleTree()
>>> t[5] = 'a'
>>> t.nbytes - MapleTree().nbytes
256
""",
    "track_gaps": """
Can this tree search for free room? Given when the tree is made.

>>> MapleTree(track_gaps=False).track_gaps
False
""",
    "dtype": """
What the values are: None for any object, else 'u8', 'i8' or 'f8'. Given when the tree is made.

>>> MapleTree(dtype='u8').dtype
'u8'
""",
    "policy": """
The samara.Policy that the tree asks about its values, or None. Given when the tree is made, and
kept.

>>> MapleTree().policy is None
True
""",
    "lock": """
A re-entrant lock, used by `with`: several operations as one. Each single operation is whole
without it.

While a thread holds it, every operation of other threads on this tree waits, look-ups too.

>>> t = MapleTree([(10, 19, 'a')])
>>> with t.lock:
...     t[10] = t[10] + 'b'
>>> t[10]
'ab'
""",
}
