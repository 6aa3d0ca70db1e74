# SPDX-License-Identifier: MIT
"""The docstrings of `Cursor`. See `samara._docs` for the form."""

from typing import Final

CURSOR: Final = {
    "Cursor(tree, first=0, last=None)": """
A position in a tree, with the path to it: the kernel's ma_state.

Each step of a cursor along the tree costs O(1); a look-up by index costs O(log n). A cursor
keeps its tree alive. If another writer has changed the tree, the cursor walks again from its
index. It never reads anything that has been removed.

`for entry in cursor` continues from the cursor's position, like find().

Args:
    tree: the MapleTree
    first: the first index of the range to start at
    last: the last index of that range, included. Without it, the range is the index first
        alone. The status is "start" in both cases.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> cursor = t.cursor(15)
>>> [entry.value for entry in cursor]
['a', 'b']
""",
    "index": """
The first index of the range that the cursor is on or set to.

>>> MapleTree().cursor(10, 19).index
10
""",
    "last": """
The last index of the range that the cursor is on or set to.

>>> MapleTree().cursor(10, 19).last
19
""",
    "value": """
The value at the cursor. None on a gap, or if the cursor has not walked yet.

O(1). If another writer has changed the tree: the value that is at index now, in O(log n).

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(12)
>>> cursor.value is None
True
>>> entry = cursor.walk()
>>> cursor.value
'a'
""",
    "status": """
The state of the cursor, as a string.

- "start": set, but not walked yet
- "active": on an entry
- "gap": on a gap
- "pause": the next step starts after the cursor's range
- "none": the last step found nothing
- "overflow": the last step met its upper limit; index and last have not changed
- "underflow": the last step met its lower limit; index and last have not changed

>>> cursor = MapleTree().cursor()
>>> cursor.status
'start'
>>> cursor.walk() is None, cursor.status
(True, 'gap')
""",
    "tree": """
The tree that the cursor belongs to.

>>> t = MapleTree()
>>> t.cursor().tree is t
True
""",
    "set(index)": """
Set the cursor to one index, without walking there. O(1).

Raises:
    ValueError: index is outside 0 ... MAX.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor()
>>> cursor.set(15)
>>> cursor.walk()
Entry(first=10, last=19, value='a')
""",
    "set_range(first, last)": """
Set the cursor to [first, last], both ends included, without walking there. O(1).

Raises:
    ValueError: first is above last, or an end is outside 0 ... MAX.

>>> t = MapleTree()
>>> cursor = t.cursor()
>>> cursor.set_range(10, 19)
>>> cursor.store('a')
>>> t
MapleTree([(10, 19, 'a')])
""",
    "walk()": """
Walk to the range around index. O(log n).

Returns:
    The entry there, or None if there is a gap. index and last are then the ends of the
    entry or gap.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(5)
>>> cursor.walk() is None, cursor.index, cursor.last
(True, 0, 9)
""",
    "next(max=MAX)": """
Move to the next entry, if it begins at or below max. O(1) amortised.

If the cursor has not walked yet, it moves to the entry after the range around index.

Returns:
    The entry, or None.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(10)
>>> cursor.next()
Entry(first=30, last=39, value='b')
>>> cursor.next() is None
True
""",
    "next_range(max=MAX)": """
Like next(), but stop at gaps too.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(10)
>>> cursor.next_range()
Gap(first=20, last=29)
""",
    "prev(min=0)": """
Move to the previous entry, if it ends at or above min. O(1) amortised.

If the cursor has not walked yet, it moves to the entry before the range around index.

Returns:
    The entry, or None.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(30)
>>> cursor.prev()
Entry(first=10, last=19, value='a')
""",
    "prev_range(min=0)": """
Like prev(), but stop at gaps too.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(30)
>>> cursor.prev_range()
Gap(first=20, last=29)
""",
    "find(max=MAX)": """
Find the first entry at or above index that begins at or below max. O(1) amortised.

The first call after set() looks at index itself. Each later call finds the next entry.

Returns:
    The entry, or None.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(15)
>>> cursor.find()
Entry(first=10, last=19, value='a')
>>> cursor.find(29) is None
True
""",
    "find_range(max=MAX)": """
Like find(), but stop at gaps too.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(15)
>>> cursor.find_range(99)
Entry(first=10, last=19, value='a')
>>> cursor.find_range(99)
Gap(first=20, last=18446744073709551615)
""",
    "find_rev(min=0)": """
Find the last entry at or below index that ends at or above min. O(1) amortised.

The first call after set() looks at index itself. Each later call finds the entry before.

Returns:
    The entry, or None.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(35)
>>> cursor.find_rev()
Entry(first=30, last=39, value='b')
>>> cursor.find_rev()
Entry(first=10, last=19, value='a')
""",
    "find_range_rev(min=0)": """
Like find_rev(), but stop at gaps too.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(25)
>>> cursor.find_range_rev()
Gap(first=20, last=18446744073709551615)
>>> cursor.find_range_rev()
Entry(first=10, last=19, value='a')
""",
    "find_rev_range(min=0)": """
The same as find_range_rev().

>>> MapleTree().cursor(25).find_rev_range()
Gap(first=0, last=18446744073709551615)
""",
    "store(value, *, merge=True)": """
Store a value over [index, last], both ends included. O(log n).

The cursor is then on the new entry.

Args:
    value: any object, or in a packed tree a number
    merge: if the tree has a policy, ask its merge() about the neighbours, as every store does.
        With False, the value stays apart from them: a loop can replace the value of each entry,
        and none of them becomes another. O(1) if the cursor is on exactly that entry.

>>> t = MapleTree([(10, 19, 'a')])
>>> cursor = t.cursor(12, 13)
>>> cursor.store('b')
>>> t
MapleTree([(10, 11, 'a'), (12, 13, 'b'), (14, 19, 'a')])
""",
    "erase()": """
Remove the whole range around index. O(log n).

Returns:
    The removed entry, or None.

>>> t = MapleTree([(10, 19, 'a')])
>>> t.cursor(12).erase()
Entry(first=10, last=19, value='a')
>>> len(t)
0
""",
    "empty_area(size, min=0, max=MAX)": """
Set the cursor to the lowest `size` free indices in [min, max]. O(log n).

Both ends are included.

Returns:
    The first of these indices.

Raises:
    NoSpaceError, ValueError: As in MapleTree.empty_area(). The cursor does not move.

>>> t = MapleTree([(10, 19, 'a')])
>>> cursor = t.cursor()
>>> cursor.empty_area(11)
20
>>> cursor.store('b')
>>> t.entry(30)
Entry(first=20, last=30, value='b')
""",
    "empty_area_rev(size, min=0, max=MAX)": """
Like empty_area(), but choose the highest free indices.

>>> MapleTree([(10, 19, 'a')]).cursor().empty_area_rev(5, 0, 19)
5
""",
    "pause()": """
Drop the path. The next step starts after the cursor's current range. O(1).

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor()
>>> cursor.find()
Entry(first=10, last=19, value='a')
>>> cursor.pause()
>>> cursor.find()
Entry(first=30, last=39, value='b')
""",
    "reset()": """
Drop the path, but keep index and last. The next step starts again at index. O(1).

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor()
>>> cursor.find()
Entry(first=10, last=19, value='a')
>>> cursor.reset()
>>> cursor.find()
Entry(first=10, last=19, value='a')
""",
    "__class_getitem__(item, /)": "The type of a cursor of a MapleTree[V]: Cursor[V].",
}
