# SPDX-License-Identifier: MIT
"""The docstrings of `MapleTree`. See `samara._docs` for the form."""

from typing import Final

MAPLE_TREE: Final = {
    "MapleTree(iterable=(), /, *, keys='uint64', dtype=None, track_gaps=True, policy=None)": """
An ordered map from ranges of keys to values.

Ranges are closed, [first, last], and do not overlap. Keys are integers in 0 ... MAX = 2**64 - 1,
or of the kind that `keys` says; t.first_key and t.last_key are the limits. An index, which is one
key, without a value lies in a gap. Values are any objects, including None. In a tree with a dtype,
they are 64-bit numbers. In the costs below, n is the number of ranges.

Args:
    iterable: triples (first, last, value), or a MapleTree. From a tree, only the ranges are
        taken, not the attributes; dup() and fork() take both. A later triple overwrites what
        it covers. Sorted triples that do not overlap are stored in O(n), into full nodes;
        any other triple costs O(log n).
    keys: the kind of keys, which the tree keeps:

        - 'uint64', 'int64', 'uint128': integers
        - 'float64': floats from -inf to inf. Two neighbours have no float between them. There are
          no sizes: `covered`, empty_area() and other methods with a size raise TypeError.
        - 'date': datetime.date. 'datetime64[s]', 'datetime64[ms]', 'datetime64[us]': naive
          datetimes. 'datetime64[us, UTC]', or with any other zone: aware datetimes, which come
          out in that zone. 'datetime64[ns]': numpy.datetime64; pandas.Timestamp with a zone.
          Sizes are timedeltas.
        - 'ipv4', 'ipv6': addresses, as objects, text or integers. t[network] is about all
          addresses of a network, as a slice is.
        - an object with the protocol samara.KeyType, for any other keys

    dtype: None for any object. 'u8', 'i8' or 'f8' for a packed tree, whose values are
        unsigned integers, signed integers or floats; numpy's names and types do as well. Values
        are converted when they are stored, and there is no reference counting.
    track_gaps: keep the largest gap of each subtree. empty_area() and the three methods
        alloc_*() need this. Stores are faster without.
    policy: None, or a samara.Policy: an object with the methods split() and merge(). split()
        says what becomes of a value when its range is cut, merge() whether two neighbours
        merge. Raises AttributeError if either method is missing. samara.COALESCE merges equal
        neighbours. With samara.OFFSET, values rise with the index. A packed tree can have only
        these two.

t[i], t[i] = v, del t[i] and i in t are about one index. t[a:b] is half-open, and t[a:] reaches
the last key. All of these are O(log n). Reading t[a:b] returns a tree of the ranges there, cut
at the ends. For a whole range, ask t.covers(first, last) or t.overlaps(first, last), not `in`.

Look-ups take any integer; there is nothing outside the limits. Writes there raise ValueError.
Anything that is not an integer raises TypeError. For other keys it is the same; NaN and NaT lie
outside, and raise ValueError as an end of a window. A packed tree raises TypeError for anything
that is not a number, ValueError for an integer outside its 64 bits, and OverflowError for an
integer too large for a float. MemoryError leaves the tree as it was.

A loop over a tree yields entries, and sees the tree as it was when the loop began. repr() of more
than 20 ranges shows only the first and the last ones.

The methods, by what they are for:

- look up: get, entry, find, find_rev, next, prev, first_entry, last_entry, load_many
- ask about a range: covers, overlaps, is_free
- iterate: entries, ranges, values, items, gaps, cursor
- store: store_range, insert_range, store_many, update
- change values: map_range; the numbers of a packed tree: accumulate, accumulate_many
- remove: erase, pop_range, clear
- find free space: empty_area, alloc_range, alloc_many, alloc_cyclic; samara.common_gaps for
  several trees
- copy: fork, dup, dup_into
- compare: diff
- arrays: from_arrays, to_arrays
- files: save, load
- debug: check, dump

t == u compares the ranges and their values, as diff() does; forks of one tree are compared in
O(log n) for each change. `t | u` has the entries of both, and u's where they overlap (see
update()). `t & u` is what both cover, `t - u` what only t covers, both with t's values, cut at
the ends. u can be any iterable: of triples for `|`, of triples or pairs (first, last) for `&`
and `-`. The result is a tree like t, with its class, attributes and dtype. It shares nodes with
t: for forks of one tree, each costs O(log n) for each change. `|=`, `&=` and `-=` change the
tree itself: wholly, or not at all.

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
>>> t - [(35, 36)]
MapleTree([(30, 34, 'b'), (37, 39, 'b')])
>>> MapleTree([(10, 19, 1.5)], dtype='f8')
MapleTree([(10, 19, 1.5)], dtype='f8')
>>> t = MapleTree(keys='ipv4')
>>> t['10.0.0.0/8'] = 'private'
>>> t['10.1.2.3'], t.find('9.0.0.0').first
('private', IPv4Address('10.0.0.0'))
""",
    "get(index, default=None)": """
Return the value at an index, or default if there is none. O(log n).

>>> t = MapleTree([(10, 19, 'a')])
>>> t.get(19), t.get(20), t.get(20, 'none')
('a', None, 'none')
""",
    "entry(index)": """
Return the whole range around an index with its value, or None in a gap. O(log n).

>>> MapleTree([(10, 19, 'a')]).entry(15)
Entry(first=10, last=19, value='a')
""",
    "find(index, last=None)": """
Return the first entry in [index, last], both ends included. O(log n).

An entry counts if any part of it lies there. Bounds outside the limits are cut. Without the
second one, the window reaches to the limit.

Returns:
    The whole entry, or None.

Raises:
    ValueError: index is above last.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.find(15)
Entry(first=10, last=19, value='a')
>>> t.find(20)
Entry(first=30, last=39, value='b')
>>> t.find(20, 29) is None
True
""",
    "find_rev(index, first=None)": """
Return the last entry in [first, index], both ends included. O(log n).

An entry counts if any part of it lies there. Bounds outside the limits are cut. Without the
second one, the window reaches to the limit.

Returns:
    The whole entry, or None.

Raises:
    ValueError: first is above index.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.find_rev(35)
Entry(first=30, last=39, value='b')
>>> t.find_rev(29)
Entry(first=10, last=19, value='a')
>>> t.find_rev(29, 20) is None
True
""",
    "first_entry()": """
Return the first entry, or None if the tree is empty. O(log n).

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.first_entry()
Entry(first=10, last=19, value='a')
>>> MapleTree().first_entry() is None
True
""",
    "last_entry()": """
Return the last entry, or None if the tree is empty. O(log n).

>>> MapleTree([(10, 19, 'a'), (30, 39, 'b')]).last_entry()
Entry(first=30, last=39, value='b')
""",
    "next(index)": """
Return the next entry after the entry or gap that contains index. O(log n).

An index below the first key lies before all entries.

Returns:
    The entry, or None.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.next(15)
Entry(first=30, last=39, value='b')
>>> t.next(35) is None
True
""",
    "prev(index)": """
Return the last entry before the entry or gap that contains index. O(log n).

An index above the last key lies after all entries.

Returns:
    The entry, or None.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.prev(35)
Entry(first=10, last=19, value='a')
>>> t.prev(15) is None
True
""",
    "entries(first=None, last=None, *, reverse=False, clip=False)": """
Iterate over the entries in [first, last], both ends included.

An entry counts if any part of it lies there. The iterator sees the tree as it is now,
whatever is stored later. It costs O(log n) to make, and O(1) for each entry. Bounds outside
the limits are cut.

Args:
    first: the first index of the window. None: the first key.
    last: the last index of the window. None: the last key.
    reverse: go from the last entry to the first
    clip: cut the first and the last entry at the ends of the window. If the tree has a
        policy, its split() is asked for their values.

Raises:
    ValueError: first is above last.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> [tuple(entry) for entry in t.entries(15, 30)]
[(10, 19, 'a'), (30, 39, 'b')]
>>> [tuple(entry) for entry in t.entries(15, 30, clip=True, reverse=True)]
[(30, 30, 'b'), (15, 19, 'a')]
""",
    "ranges(first=None, last=None, *, reverse=False, clip=False)": """
Iterate over the ranges in [first, last], as pairs (first, last), both ends included.

Arguments, cost and errors are those of entries().

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> list(t.ranges())
[(10, 19), (30, 39)]
>>> list(t.ranges(15, 30, clip=True))
[(15, 19), (30, 30)]
""",
    "values(first=None, last=None, *, reverse=False, clip=False)": """
Iterate over the values of the ranges in [first, last], both ends included.

Each range counts once, however many indices it has. Arguments, cost and errors are those of
entries(). (clip matters only if the tree has a policy.)

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> list(t.values()), list(t.values(30, reverse=True))
(['a', 'b'], ['b'])
""",
    "items(first=None, last=None, *, reverse=False, clip=False)": """
Iterate over ((first, last), value) for the ranges in [first, last], both ends included.

Arguments, cost and errors are those of entries().

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> dict(t.items())
{(10, 19): 'a', (30, 39): 'b'}
""",
    "gaps(first=None, last=None)": """
Iterate over the free ranges in [first, last], cut at its ends.

Each is a Gap: a pair (first, last), both ends included, whose .size is the number of free
indices. The iterator sees the tree as it is now. It does not need gap tracking. It costs
O(log n) to make, and O(1) for each entry that it passes. Bounds outside the limits are cut, and
None means the limit.

Raises:
    ValueError: first is above last.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> list(t.gaps(0, 35))
[Gap(first=0, last=9), Gap(first=20, last=29)]
>>> [gap.size for gap in t.gaps(5, 99)]
[5, 10, 60]
""",
    "covers(first, last)": """
Return whether every index of [first, last], both ends included, has a value.

O(log n). Without gap tracking, O(log n + entries passed) up to the first gap. Several ranges
without a gap between them cover as one does. Indices outside the limits are free.

Raises:
    ValueError: first is above last.

>>> t = MapleTree([(10, 19, 'a'), (20, 29, 'b')])
>>> t.covers(12, 25), t.covers(25, 30)
(True, False)
""",
    "overlaps(first, last)": """
Return whether any index of [first, last], both ends included, has a value. O(log n).

The opposite of is_free(). Indices outside the limits are free.

Raises:
    ValueError: first is above last.

>>> t = MapleTree([(10, 19, 'a')])
>>> t.overlaps(19, 29), t.overlaps(20, 29)
(True, False)
""",
    "is_free(first, last)": """
Return whether [first, last], both ends included, is entirely free. O(log n).

Indices outside the limits are free.

Raises:
    ValueError: first is above last.

>>> t = MapleTree([(10, 19, 'a')])
>>> t.is_free(20, 29), t.is_free(19, 29)
(True, False)
""",
    "empty_area(size, first=None, last=None, *, align=None, reverse=False)": """
Find `size` free indices in [first, last], both ends included.

O(log n). With align, O(log n) for each gap of that size without an aligned place. Bounds
outside the limits are cut.

Args:
    size: how many indices, 1 or more; a timedelta if the keys are dates or datetimes
    first: the first index of the window. None: the first key.
    last: the last index of the window. None: the last key.
    align: the place must be a multiple of this; 1 or more, as a size. Dates and datetimes are
        aligned from a Monday, at midnight in UTC or without a zone.
    reverse: find the highest place, not the lowest

Returns:
    The first of the free indices.

Raises:
    NoSpaceError: There is no such place.
    ValueError: first is above last, size or align is below 1, or the tree has
        track_gaps=False.
    TypeError: The keys are floats, which have no sizes.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.empty_area(10), t.empty_area(11), t.empty_area(10, 0, 99, reverse=True)
(0, 40, 90)
>>> t.empty_area(6, 1, align=8)
24
""",
    "store_range(first, last, value)": """
Store a value over [first, last], both ends included.

Overwrites what is there. An entry that is cut keeps its value on both sides. O(log n), and
O(1) for each entry that is dropped.

Raises:
    ValueError: first is above last, or an end is outside the limits.

>>> t = MapleTree([(10, 19, 'a')])
>>> t.store_range(12, 13, 'b')
>>> t
MapleTree([(10, 11, 'a'), (12, 13, 'b'), (14, 19, 'a')])
""",
    "insert_range(first, last, value)": """
Store a value over [first, last], both ends included, if all of it is free. O(log n).

Raises:
    RangeOccupiedError: It is not free. The error's .entry is the first entry there.
    ValueError: first is above last, or an end is outside the limits.

>>> t = MapleTree([(10, 19, 'a')])
>>> t.insert_range(20, 29, 'b')
>>> t.insert_range(5, 10, 'c')
Traceback (most recent call last):
samara.RangeOccupiedError: [5, 10] is not free: [10, 19] has a value
""",
    "erase(index)": """
Remove the whole range around an index. O(log n).

`del t[index]` removes only the one index.

Returns:
    The removed entry, or None.

Raises:
    ValueError: index is outside the limits.

>>> t = MapleTree([(10, 19, 'a')])
>>> t.erase(12)
Entry(first=10, last=19, value='a')
>>> t.erase(12) is None, len(t)
(True, 0)
""",
    "pop_range(first, last)": """
Clear [first, last], both ends included, and return what was there.

O(log n + removed entries).

Returns:
    A list of the entries, cut at the ends. If the tree has a policy, its split() is asked
    for the values of cut entries.

Raises:
    ValueError: first is above last, or an end is outside the limits.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.pop_range(15, 30)
[Entry(first=15, last=19, value='a'), Entry(first=30, last=30, value='b')]
>>> t
MapleTree([(10, 14, 'a'), (31, 39, 'b')])
""",
    "alloc_range(size, value, *, first=None, last=None, align=None, reverse=False)": """
Find `size` free indices in [first, last], both ends included, and store a value there.

Arguments, cost and errors are those of empty_area(), except that bounds outside the limits
raise ValueError.

Returns:
    The first of the indices.

>>> t = MapleTree([(10, 19, 'a')])
>>> t.alloc_range(5, 'b'), t.alloc_range(16, 'c', align=16)
(0, 32)
>>> t.alloc_range(5, 'd', last=12)
5
>>> t.alloc_range(5, 'e', last=12)
Traceback (most recent call last):
samara.NoSpaceError: no 5 free indices in [0, 12]
""",
    "alloc_many(sizes, values, *, first=None, last=None, align=None, reverse=False)": """
Do what alloc_range() does for each size and its value, in order. All or nothing.

O(log n) for each. The other arguments are those of alloc_range(), and count for all.

Args:
    sizes: a buffer of integers (numpy array, array.array) with one dimension, or a sequence
        of sizes. It must not change during the call.
    values: a value for each size: a sequence; for a packed tree also a buffer of numbers,
        which is converted to its dtype

Returns:
    A list with the first index of each.

Raises:
    NoSpaceError: There is no room for one of them. The message has its position and size.
    ValueError: The two differ in length, a size is below 1, or as in alloc_range().
    TypeError: A size is not an integer, or a value is not a number that the dtype takes.
    MemoryError: As with every error, the tree is as it was.

>>> t = MapleTree([(10, 19, 'a')])
>>> t.alloc_many([5, 8, 3], ['b', 'c', 'd'])
[0, 20, 5]
>>> t.alloc_many([1, 9], ['e', 'f'], last=30)
Traceback (most recent call last):
samara.NoSpaceError: position 1: no 9 free indices in [0, 30]
>>> len(t)
4
""",
    "alloc_cyclic(value, *, first=None, last=None, next)": """
Store a value at one free index of [first, last], both ends included. O(log n).

Searches from next up. If there is no free index, it wraps: it searches again from first. Pass
the `next` that it returns to the next call, so that a freed index is not reused soon.

Args:
    value: what to store
    first: the first index of the window. None: the first key.
    last: the last index of the window. None: the last key.
    next: where to begin, often what the last call returned. Required.

Returns:
    The tuple (index, next, wrapped). The value is now at index. The next call should begin at
    next, which is the key after index, or the first key after the last one. wrapped says
    whether the search has wrapped.

    Taking the last key makes next wrap to the first one. The tree remembers that, even after
    clear(): the first later call whose search does not wrap returns True too. Copies by fork(),
    dup() and copy.copy() remember it; pickles do not.

Raises:
    NoSpaceError: No index of [first, last] is free.
    ValueError: first is above last, a bound is outside the limits, or the tree has
        track_gaps=False.

>>> t = MapleTree()
>>> t.alloc_cyclic('a', first=1, last=2, next=1)
(1, 2, False)
>>> index, next, wrapped = t.alloc_cyclic('b', first=1, last=2, next=2)
>>> index, next, wrapped
(2, 3, False)
>>> del t[1]
>>> t.alloc_cyclic('c', first=1, last=2, next=next)
(1, 2, True)
""",
    "clear()": """
Remove everything.

The attributes (dtype, track_gaps, policy) stay. O(nodes that no other tree shares).

>>> t = MapleTree([(10, 19, 'a')], track_gaps=False)
>>> t.clear()
>>> t
MapleTree([], track_gaps=False)
""",
    "dup()": """
Return a full copy of the tree, in nodes of its own. O(n).

The values are the same objects. All nodes are copied in one pass, which is far cheaper than
building the tree again. fork() is O(1), and copies a node when it is written. Use dup() if
you are going to change the copy all over.

>>> t = MapleTree([(10, 19, 'a')])
>>> u = t.dup()
>>> u[10] = 'b'
>>> t[10]
'a'
""",
    "dup_into(other)": """
Copy the whole tree into another one. O(n).

The other tree must be empty and have the same kind of keys and the same attributes.

Raises:
    ValueError: other is not empty, its keys, dtype or track_gaps differ, or its policy is not
        the same object. Nothing has changed.
    MemoryError: other is still empty.

>>> t = MapleTree([(10, 19, 'a')])
>>> u = MapleTree()
>>> t.dup_into(u)
>>> u == t
True
>>> t.dup_into(u)
Traceback (most recent call last):
ValueError: other must be empty, but it has 1 ranges
""",
    "fork()": """
Return a copy-on-write copy of the tree. O(1).

The two trees are independent, and share nodes until one of them writes. A write first
copies the nodes on its path, in O(log n). copy.copy() does the same.

>>> t = MapleTree([(10, 19, 'a')])
>>> u = t.fork()
>>> t[10] = 'b'
>>> t[10], u[10]
('b', 'a')
""",
    "diff(other)": """
Iterate over the ranges where this tree and another one differ, in order.

Each is a Change (first, last, before, after), both ends included: `before` is this tree's
value, `after` the other's, and None stands for a gap. A Change lies within one entry, or one
gap, of each tree: entries are cut at the ends of both, and neighbouring changes are not
merged. If a tree has a policy, its split() is asked for the value of a part, as for a slice. If
None is a value too, `change.first in t` tells whether there is one.

Values are equal if they are the same object or compare equal. In packed trees, numbers with
the same bits are equal too: a NaN equals the same NaN. Numbers of different dtypes are compared
as Python compares them.

Nodes that both trees share are skipped: for forks of one tree, O(log n) for each change.
Otherwise O(n) for both trees together. The iterator sees both trees as they are now.

Raises:
    TypeError: other is not a MapleTree.
    ValueError: other has another kind of keys.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> u = t.fork()
>>> u[15:25] = 'c'
>>> del u[30:40]
>>> for change in t.diff(u):
...     print(change)
Change(first=15, last=19, before='a', after='c')
Change(first=20, last=24, before=None, after='c')
Change(first=30, last=39, before='b', after=None)
""",
    "update(other)": """
Store each entry of another tree, or each triple of an iterable, in order.

All of them are stored, or none. What they cover is overwritten, as store_range() does.
`t |= other` does the same, and `t | other` makes a new tree.

Nodes that both trees share are skipped, and so are entries that this tree has with the same
ends and the very same value: for forks of one tree, O(log n) for each change. Otherwise
O(log n) for each entry, and O(n) for this tree if other is one.

Args:
    other: a MapleTree; or triples (first, last, value) in any order. Values from a tree of
        another dtype are converted, as any store does.

Raises:
    ValueError: A range of a triple is not within the limits, or its first is above its last; or
        other is a tree with another kind of keys.
    TypeError: other is not iterable, or an item is not a triple.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.update([(15, 20, 'c')])
>>> t
MapleTree([(10, 14, 'a'), (15, 20, 'c'), (30, 39, 'b')])
>>> u = t | MapleTree([(0, 9, 'd')])
>>> u
MapleTree([(0, 9, 'd'), (10, 14, 'a'), (15, 20, 'c'), (30, 39, 'b')])
""",
    "cursor(first=None, last=None)": """
Return a Cursor at [first, last], both ends included. O(1).

Without last, the cursor is at the single index first.

Raises:
    ValueError: first is above last, or an end is outside the limits.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(12)
>>> cursor.walk()
Entry(first=10, last=19, value='a')
""",
    "from_arrays(first, last, values, *, keys='uint64', dtype=None, track_gaps=True, policy=None,"
    " closed='both', sort=False, overlap='error')": """
Make a tree of the ranges [first[i], last[i]], both ends included, with values[i].

O(n), into full nodes. The ranges must be sorted and must not overlap, unless sort or overlap
says otherwise. Buffers must not change during the call. An instance of a subclass is made
without calling __init__().

Args:
    first, last: buffers of integers (numpy array, array.array, memoryview) with one
        dimension, of any size, signed or unsigned; or sequences of integers. For other keys,
        sequences of keys or arrays as to_arrays() returns them. Keys of 128 bits can also be a
        structured array of two uint64 (high, low), or 16-byte strings in big-endian order.
        Also columns of Arrow (pyarrow, polars, pandas), without nulls: numbers, dates,
        timestamps, text of addresses, 16 bytes.
    values: a buffer of numbers, or a sequence of any objects, or a column as above. Columns with
        nulls, and of other types than numbers, are objects, and nulls are None.
    keys: as in MapleTree()
    dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned
        integers, signed integers or floats makes a tree of that dtype; anything else makes
        a tree of objects. So does any buffer with a policy other than samara.COALESCE and
        samara.OFFSET.
    track_gaps: as in MapleTree()
    policy: as in MapleTree(). It is asked about ranges that touch, as if they were stored one
        after the other, in ascending order. Whatever it raises leaves nothing behind.
    closed: 'both': last is included. 'left': last is the exclusive end, first < last. Then
        2**64 means up to MAX.
    sort: the rows may be in any order. They are sorted by first, in C for a packed tree.
        Messages have the positions in the given columns.
    overlap: 'error', or 'last': where ranges overlap, the one in the later row wins, as in
        store_many(). Then first may rise or stay the same from row to row, or fall with sort.
        O(n log n) if any ranges overlap. A policy is asked as by store_many().

Raises:
    ValueError: The three differ in length; an end is outside the limits; a range is empty or
        ends before it begins; ranges overlap or are not in order; or a value is outside its
        dtype's 64 bits. The message gives the position. Also raised for a buffer with
        several dimensions or in another byte order, for a dtype with another policy than
        samara.COALESCE and samara.OFFSET, and for another word as closed or overlap.
    TypeError: An end is not an integer, or a value is not a number that the dtype takes.

>>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> from array import array
>>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
>>> from samara import COALESCE
>>> MapleTree.from_arrays([10, 20], [19, 29], array('d', [1, 1]), policy=COALESCE)
MapleTree([(10, 29, 1.0)], dtype='f8')
>>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
Traceback (most recent call last):
ValueError: position 1: [12, 19] overlaps or is below [10, 12]
>>> MapleTree.from_arrays([20, 0], [30, 10], ['b', 'a'], closed='left', sort=True)
MapleTree([(0, 9, 'a'), (20, 29, 'b')])
>>> MapleTree.from_arrays([0, 5], [9, 6], ['a', 'b'], overlap='last')
MapleTree([(0, 4, 'a'), (5, 6, 'b'), (7, 9, 'a')])
""",
    "to_arrays()": """
Return all ranges as three numpy arrays (first, last, values), both ends included. O(n).

The values have uint64, int64 or float64 as the tree's dtype says, or object. The first two are
uint64, int64, float64 or datetime64 arrays, as t.keys_dtype says: datetime64 in UTC if there is a
zone, datetime64[D] for dates. Addresses of IPv4 are uint32. Keys of 128 bits are rows of two
uint64 (high, low). Keys of a samara.KeyType are objects.

Raises:
    ImportError: numpy is not installed.

>>> first, last, values = MapleTree([(10, 19, 1.5)], dtype='f8').to_arrays()
>>> first, last, values
(array([10], dtype=uint64), array([19], dtype=uint64), array([1.5]))
""",
    "from_arrow(table, *, first='first', last='last', value='value', keys=None, dtype=None,"
    " track_gaps=True, policy=None, closed='both', sort=False, overlap='error')": """
Make a tree of three columns of a table of Arrow. O(n).

A table is any object with the Arrow C stream interface, and so a DataFrame of polars or pandas,
a Table of pyarrow, a relation of duckdb, or another tree. No package is needed to read it.

Args:
    table: the object
    first, last, value: the names of the columns
    keys: the kind of keys, as in MapleTree(). None: the one that the column first has. Signed
        integers are int64, unsigned ones uint64, floats float64, timestamps datetime64 with their
        unit and zone, dates date, 16 bytes uint128. Columns of a tree say themselves whether they
        are addresses; polars forgets that.
    dtype, track_gaps, policy, closed, sort, overlap: as in from_arrays()

Raises:
    ValueError: A column is missing, or a bound is null; and as in from_arrays().
    TypeError: The object is no table, its keys are of no known kind, or values are of a type
        that samara does not read; and as in from_arrays().

>>> MapleTree.from_arrow(MapleTree([(10, 19, 'a'), (30, 39, None)]))
MapleTree([(10, 19, 'a'), (30, 39, None)])

Source: https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
""",
    "__arrow_c_stream__(requested_schema=None)": """
Return the ranges as a table of Arrow with the columns first, last and value. O(n).

So polars.DataFrame(t), pyarrow.table(t), pandas.DataFrame.from_arrow(t) and a query of duckdb
read a tree. Both ends are included.

Keys are uint64, int64, double, date32, or timestamps with unit and zone. Addresses of IPv4 are
uint32; keys of 128 bits are 16 bytes each, in big-endian order. The numbers of a packed tree are
uint64, int64 or double. Values of a tree of objects, and keys of a samara.KeyType, must be of one
type or None: bool, int, float, str, bytes, date or datetime.

Args:
    requested_schema: not used, as the interface allows

Returns:
    A capsule named "arrow_array_stream", which gives one batch.

Raises:
    TypeError: Values are of several types, or of one without a column in Arrow.
    ValueError: Integers do not fit into 64 bits.

>>> MapleTree([(10, 19, 'a')]).__arrow_c_stream__()  # doctest: +ELLIPSIS
<capsule object "arrow_array_stream" at 0x...>

Source: https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
""",
    "load_many(keys, default=..., found=False, *, dtype=None)": """
Look up many indices. O(log n) for each.

The keys are looked up in the tree as it is now, several at once. If there are many, other
threads run meanwhile and may write the tree.

Args:
    keys: a buffer of integers (numpy array, array.array) with one dimension, or a sequence
        of integers; for other keys, as in from_arrays(). It must not change during the call.
        Columns of Arrow and of pandas are read in place; in several chunks, they are put
        together first. Nulls have no value.
    default: returned for a key without a value, and for a key outside the limits. A packed
        tree converts it to its dtype. There is none unless you pass one. In the signature,
        `...` stands for that; passed as an argument, Ellipsis is a value like any other.
    found: also return which keys have a value. No key is then an error. Without a default,
        the others get None, or 0 in a packed tree.
    dtype: 'u4' or 'i4' for a tree of 'u8' or 'i8', 'f4' for one of 'f8': results of 32 bits,
        which take half the memory. The default may then be any number of that dtype.

Returns:
    The values, as a numpy array of the tree's dtype, or of the one that is given; in a tree of
    objects, as a list. With found, the tuple (values, mask). The mask is a numpy array of bools,
    or a list of them.

Raises:
    KeyError: A key has no value, and there is neither a default nor found. The error has
        the first such key.
    TypeError: A key is not an integer, or not of the tree's kind; or there is a dtype, and the
        tree has objects.
    ValueError: A value does not fit in 32 bits, or dtype is another one.
    ImportError: The tree has a dtype, and numpy is not installed.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.load_many([35, 10, 20, -1], None)
['b', 'a', None, None]
>>> t.load_many([35, 20], found=True)
(['b', None], [True, False])
>>> t.load_many(range(19, 22))
Traceback (most recent call last):
KeyError: 20
""",
    "store_many(first, last, values)": """
Store values[i] over [first[i], last[i]], both ends included, for each i in order.

All of them are stored, or none. Each costs O(log n), plus what store_range() costs for
dropped entries. The arguments are those of from_arrays(), but may be in any order and
overlap: a later range overwrites an earlier one. Everything is converted and checked before
the tree changes.

Raises:
    ValueError, TypeError: As in from_arrays().
    MemoryError: The tree is as it was.

>>> t = MapleTree()
>>> t.store_many([30, 10], [39, 33], ['a', 'b'])
>>> t
MapleTree([(10, 33, 'b'), (34, 39, 'a')])
""",
    "accumulate(first, last, value, op='add')": """
Add a number to the values over [first, last], both ends included, or combine them by op.

Only for a packed tree. Each value v there becomes v op value. Entries are cut at both ends and
keep their bounds in between. A gap gets the value itself. O(log n), and O(1) for each entry
that overlaps the range. All of it happens, or nothing.

If the tree has a policy, the range is erased, and its pieces are then stored in ascending
order: cut entries are split and neighbours merge as in any store.

Args:
    value: converted as in a store
    op: 'add'; 'min' or 'max', whose result is NaN if one of the numbers is; 'or' or 'and' of
        the 64 bits, which floats do not have

Raises:
    OverflowError: A sum of integers does not fit the dtype. The message names the first
        range where it does not.
    ValueError: first is above last, a number is outside its limits, or op is unknown.
    TypeError: The tree has no dtype (map_range() is for those), the value is not a number, or
        floats have no such op.

>>> t = MapleTree([(10, 19, 5)], dtype='u8')
>>> t.accumulate(15, 24, 2)
>>> t
MapleTree([(10, 14, 5), (15, 19, 7), (20, 24, 2)], dtype='u8')
>>> t.accumulate(0, 17, 6, 'max')
>>> list(t)[1:3]
[Entry(first=10, last=14, value=6), Entry(first=15, last=17, value=7)]
""",
    "accumulate_many(first, last, values, op='add')": """
Do what accumulate() does for each range [first[i], last[i]] and values[i].

The ranges may be in any order and overlap. With 1 for values, the tree then holds how many
ranges cover each index. The entries are those that single calls would leave: they begin and
end where a range or an entry did. All of it happens, or nothing.

n ranges cost O(n log n) however they overlap, and O(1) for each entry that they cover. Sorted
ranges are fastest. Memory during the call: about 125 bytes for each range, and if there are
many, 50 for each entry. In a tree with a policy, the call costs as much as n single calls.

Sums of integers may leave the dtype on the way; only the final ones must fit. Sums of floats
are rounded in no particular order.

Args:
    first, last: columns, as in store_many()
    values: a column, or one number for all ranges
    op: as in accumulate()

Raises:
    OverflowError, TypeError: As in accumulate().
    ValueError: As in accumulate() and store_many().
    MemoryError: The tree is as it was.

>>> depth = MapleTree(dtype='u8')
>>> depth.accumulate_many([10, 15, 12], [19, 24, 16], 1)
>>> [tuple(entry) for entry in depth]
[(10, 11, 1), (12, 14, 2), (15, 16, 3), (17, 19, 2), (20, 24, 1)]
""",
    "map_range(first, last, function, default=...)": """
Replace each value over [first, last], both ends included, by function(value).

Entries are cut at both ends and keep their bounds in between: the function is called once for
each piece, in ascending order, and the piece gets what it returns. All of it happens, or
nothing. O(log n), and O(log n) for each piece.

The function sees the values of the tree as it was at the call. It may do anything, but if the
tree is written before the last call returns, nothing is stored. Hold t.lock if other threads
write.

If the tree has a policy, a cut entry is split first, and the function gets the value that
split() returned. The range is then erased, and its pieces are stored in ascending order, so
neighbours merge as in any store.

Args:
    function: called with one value. In a packed tree, the result is converted as in a store.
    default: if given, gaps in the range get function(default). In the signature, `...` stands
        for no default; passed as an argument, Ellipsis is a value like any other.

Raises:
    ValueError: first is above last, or a number is outside its limits.
    TypeError: The function is not callable, or its result is not a number for a packed tree.
    RuntimeError: The tree has been written meanwhile. The tree is as it was written.
    Exception: What the function raises. The tree is as it was.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> t.map_range(15, 34, str.upper)
>>> [tuple(entry) for entry in t]
[(10, 14, 'a'), (15, 19, 'A'), (30, 34, 'B'), (35, 39, 'b')]
>>> t.map_range(30, 49, lambda text: text + '!', default='')
>>> t[30], t[45], t.get(20)
('B!', '!', None)
""",
    "save(path)": """
Write the tree to a file, which load() reads. O(n).

The file has the ranges, the values, the names of the keys and of a policy of samara's, dtype, and
track_gaps.
Attributes of a subclass and its instances are not saved. The format is a ZIP archive of numpy
arrays: numpy.load() reads it too. It is written beside the old file, if there is one, and
then takes its place. Whatever goes wrong, the old file stays.

Values are saved if they are None, or of the types bool, int, float, str, bytes, tuple, list
or dict with str keys, nested up to 100 levels. Equal ones are stored once, except lists and
dicts. pickle saves other values.

Args:
    path: a str, bytes or os.PathLike

Raises:
    TypeError: A value has another type. The message has its range. Or path is not a path.
    ValueError: A value is nested too deeply.
    OSError: The file cannot be written.

>>> import os, tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     path = os.path.join(folder, 'tree.npz')
...     MapleTree([(10, 19, 'a')]).save(path)
...     MapleTree.load(path)
MapleTree([(10, 19, 'a')])
""",
    "load(path, *, policy=None, keys=None)": """
Return a tree from a file that save() wrote. O(n), into full nodes.

An instance of a subclass is made without calling __init__(). No code in the file is run. All
of it is checked, so it may come from anyone.

Args:
    path: a str, bytes or os.PathLike
    policy: the tree's policy. Required if the saved tree had one that is not samara's own.
    keys: the tree's samara.KeyType. Required if the saved tree had one.

Raises:
    FileFormatError: The file is not one of save()'s, it is damaged, or it is of a newer
        version. The message says what is wrong.
    ValueError: The saved tree had a policy or a KeyType, and none is given; or the reverse.
    TypeError: path is not a path.
    OSError: The file cannot be read.

>>> import os, tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     path = os.path.join(folder, 'tree.npz')
...     MapleTree([(10, 19, 2.5)], dtype='f8', track_gaps=False).save(path)
...     MapleTree.load(path)
MapleTree([(10, 19, 2.5)], dtype='f8', track_gaps=False)
""",
    "check()": """
Check every invariant of the tree. O(n).

Raises:
    AssertionError: The message says what is broken and where.

>>> MapleTree([(10, 19, 'a')]).check()
""",
    "dump(*, hex=False)": """
Return the tree's nodes and slots as text, one per line. O(n).

A value is shown as its address, or in a packed tree as the 64 bits of the number.

Args:
    hex: show numbers in base 16

>>> print(MapleTree([(10, 19, 'a')]).dump()) # doctest: +ELLIPSIS
maple tree: height 1, attributes 0x...
  leaf [0, 18446744073709551615]: 3 slots, ...
     0 [0, 9]: gap
     1 [10, 19]: 0x...
     2 [20, 18446744073709551615]: gap
<BLANKLINE>
""",
    "_repr_html_()": "Show the tree in a notebook: a table, short as repr() is.",
    "__rich_repr__()": "Show the tree in rich, short as repr() is.",
    "__copy__()": "Support copy.copy(): the same as fork(). O(1).",
    "__reduce__()": "Support pickle and copy.deepcopy(). O(n).",
    "__reduce_ex__(protocol, /)": """
Support pickle: __reduce__(), with buffers from protocol 5 on. O(n).

The columns of a packed tree are then pickle.PickleBuffer objects, which pickle can hand on
out of band: to a socket, a file or shared memory, without a copy.

Args:
    protocol: the version of pickle's format

>>> import pickle
>>> tree, buffers = MapleTree([(10, 19, 1.5)], dtype='f8'), []
>>> data = pickle.dumps(tree, protocol=5, buffer_callback=buffers.append)
>>> [buffer.raw().nbytes for buffer in buffers]
[8, 8, 8]
>>> pickle.loads(data, buffers=buffers) == tree
True
""",
    "__setstate__(state, /)": """
Support pickle: fill an empty tree. O(n).

Raises:
    ValueError: This is not the state of a MapleTree, or the tree is not empty.
""",
    "__reversed__()": "The same as entries(reverse=True).",
    "__sizeof__()": "The same as nbytes.",
    "__class_getitem__(item, /)": "The type of a tree with keys of type K: MapleTree[K, V].",
    "covered": """
The number of indices with a value, up to 2**64, or 2**128 if the keys have 128 bits.

O(1), or O(n) after a write dropped shared nodes. A timedelta if the keys are dates or datetimes;
TypeError if they are floats.

>>> MapleTree([(10, 19, 'a'), (30, 39, 'b')]).covered
20
""",
    "height": """
The number of levels of nodes: 0 for an empty tree, 1 for a single leaf.

>>> MapleTree([(10, 19, 'a')]).height
1
""",
    "node_count": """
The number of nodes, including those shared with other trees. O(nodes above the leaves).

>>> MapleTree([(10, 19, 'a')]).node_count
1
""",
    "nbytes": """
The size of the tree in bytes: 256 for each node, including shared ones, and the object.

512 for each node if the keys have 128 bits. Values are not counted.

>>> t = MapleTree()
>>> t[5] = 'a'
>>> t.nbytes - MapleTree().nbytes
256
""",
    "track_gaps": """
Whether the tree can search for free space. Set when the tree is made.

>>> MapleTree(track_gaps=False).track_gaps
False
""",
    "keys_dtype": """
The kind of keys: a name, or an object with the protocol samara.KeyType.

Set when the tree is made, and kept.

>>> MapleTree().keys_dtype, MapleTree(keys='ipv6').keys_dtype
('uint64', 'ipv6')
""",
    "first_key": """
The first key that the tree can have.

>>> MapleTree().first_key, MapleTree(keys='int64').first_key
(0, -9223372036854775808)
""",
    "last_key": """
The last key that the tree can have.

>>> MapleTree(keys='date').last_key
datetime.date(9999, 12, 31)
""",
    "dtype": """
The type of the values: None for any object, else 'u8', 'i8' or 'f8'.

Set when the tree is made.

>>> MapleTree(dtype='u8').dtype
'u8'
""",
    "policy": """
The samara.Policy of the tree, or None. Set when the tree is made, and kept.

repr() does not show it: most policies have no text from which they could be made again.

>>> MapleTree().policy is None
True
>>> from samara import COALESCE
>>> MapleTree(policy=COALESCE).policy
samara.COALESCE
""",
    "lock": """
A re-entrant lock, for use with `with`. It makes several operations atomic.

A single operation is atomic without it. While one thread holds the lock, all operations of
other threads on this tree wait, look-ups too.

>>> t = MapleTree([(10, 19, 'a')])
>>> with t.lock:
...     t[10] = t[10] + 'b'
>>> t[10]
'ab'
""",
}
