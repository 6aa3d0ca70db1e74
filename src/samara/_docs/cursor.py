# SPDX-License-Identifier: MIT
"""The docstrings of `Cursor`. See `samara._docs` for the form."""

from typing import Final

CURSOR: Final = {
    "Cursor(tree, first=None, last=None)": """
A place in a tree, with the path to it: the kernel's ma_state.

The place is [index, last]. A step moves it to another range of the tree and returns that range,
an Entry. Steps whose names contain "range" also stop at gaps and return a Gap.

A step has a limit: it finds ranges that begin at or below max, or that end at or above min. If
there is none, it returns None, and the place is the last range that the step looked at.

================  ===========================  ===================
step              begins, after set()          status at the limit
================  ===========================  ===================
next, next_range  after the range at index     overflow
prev, prev_range  before the range at index    underflow
find              at index itself              active
find_range        at an entry at index, or     overflow
                  after the gap there
find_rev          at index itself              underflow
find_range_rev    at an entry at index, or     underflow
                  before the gap there
================  ===========================  ===================

Later steps go on from the place. `for entry in cursor` does the same as find().

A limit outside the tree's limits is cut, and None is the limit of the tree. Nothing lies at or
below a max that is below the first key, or at or above a min that is above the last key: the step
does not move the cursor.

Values, status, index and last follow the rules of Linux's cursor. They are in the reference
manual, status by status. A step costs O(1), a look-up by index O(log n).

A cursor keeps its tree alive. If another writer has changed the tree, an active cursor first
walks to its index again. It never reads anything that has been removed.

Args:
    tree: the MapleTree
    first: the first index of the range to start at. None: the first key.
    last: the last index of that range, included. Without it, the range is the index first
        alone. The status is "start" in both cases.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> cursor = t.cursor(15)
>>> [entry.value for entry in cursor]
['a', 'b']
""",
    "index": """
The first index of the place.

>>> MapleTree().cursor(10, 19).index
10
""",
    "last": """
The last index of the place, included.

>>> MapleTree().cursor(10, 19).last
19
""",
    "value": """
The value at index, if the status is "active"; otherwise None. None on a gap.

O(1). O(log n) if another writer has changed the tree.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(12)
>>> cursor.value is None
True
>>> entry = cursor.walk()
>>> cursor.value
'a'
""",
    "status": """
What is known about the place, as a string.

- "start": it was set and not looked up yet. The next step begins with a walk to index.
- "active": the cursor is on an entry or a gap, or on the part of a gap that a search for
  free indices has found
- "none": it was looked up, and the tree is empty
- "pause": the next step looks it up again. find() goes on after it, find_rev() before it.
- "overflow": the last step met its max
- "underflow": the last step met its min
- "error": insert() or a search for free indices failed. The next step begins as from "start".

>>> cursor = MapleTree([(10, 19, 'a')]).cursor()
>>> cursor.status
'start'
>>> cursor.walk() is None, cursor.status
(True, 'active')
>>> cursor.next(), cursor.status
(Entry(first=10, last=19, value='a'), 'active')
>>> cursor.next() is None, cursor.status
(True, 'overflow')
>>> cursor.index, cursor.last
(20, 18446744073709551615)
""",
    "tree": """
The tree that the cursor belongs to.

>>> t = MapleTree()
>>> t.cursor().tree is t
True
""",
    "set(index)": """
Set the place to one index, without looking there. The status becomes "start". O(1).

Raises:
    ValueError: index is outside the limits.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor()
>>> cursor.set(15)
>>> cursor.walk()
Entry(first=10, last=19, value='a')
""",
    "set_range(first, last)": """
Set the place to [first, last], both ends included, without looking there. O(1).

The status becomes "start".

Raises:
    ValueError: first is above last, or an end is outside the limits.

>>> t = MapleTree()
>>> cursor = t.cursor()
>>> cursor.set_range(10, 19)
>>> cursor.store('a')
>>> t
MapleTree([(10, 19, 'a')])
""",
    "walk()": """
Walk to the range around index: an entry, or the whole gap. O(log n).

Works with any status.

Returns:
    The entry there, or None if there is a gap. The place becomes that range.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(5)
>>> cursor.walk() is None, cursor.index, cursor.last
(True, 0, 9)
""",
    "next(max=None)": """
Move to the next entry, if it begins at or below max. O(1) amortised.

What lies at index itself is not a result, with one exception: if the last step met its min,
next() turns round, and an entry under the cursor comes first.

If last is at or above max, the cursor does not move, and the status is "overflow".

Returns:
    The entry, or None.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(10)
>>> cursor.next()
Entry(first=30, last=39, value='b')
>>> cursor.next() is None
True
""",
    "next_range(max=None)": """
Like next(), but stop at gaps too.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(10)
>>> cursor.next_range()
Gap(first=20, last=29)
""",
    "prev(min=None)": """
Move to the previous entry, if it ends at or above min. O(1) amortised.

What lies at index itself is not a result, with one exception: if the last step met its max,
prev() turns round, and an entry under the cursor comes first.

If index is at or below min, the cursor does not move, and the status is "underflow".

Returns:
    The entry, or None.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(30)
>>> cursor.prev()
Entry(first=10, last=19, value='a')
""",
    "prev_range(min=None)": """
Like prev(), but stop at gaps too.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(30)
>>> cursor.prev_range()
Gap(first=20, last=29)
""",
    "find(max=None)": """
Find the first entry at or above index that begins at or below max. O(1) amortised.

The first call after set() looks at index itself. Each later call finds the next entry. A
search that has ended goes on after its place if it is called with a larger max.

Returns:
    The entry, or None.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(15)
>>> cursor.find()
Entry(first=10, last=19, value='a')
>>> cursor.find(29) is None, cursor.find()
(True, Entry(first=30, last=39, value='b'))
""",
    "find_range(max=None)": """
Like find(), but stop at gaps too, except at a gap around index in the first call.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(5)
>>> cursor.find_range()
Entry(first=10, last=19, value='a')
>>> cursor.find_range()
Gap(first=20, last=18446744073709551615)
""",
    "find_rev(min=None)": """
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
    "find_range_rev(min=None)": """
Like find_rev(), but stop at gaps too, except at a gap around index in the first call.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(25)
>>> cursor.find_range_rev()
Entry(first=10, last=19, value='a')
>>> cursor.find_range_rev()
Gap(first=0, last=9)
""",
    "store(value, *, merge=True)": """
Store a value over [index, last], both ends included. O(log n).

Works with any status. The place stays, and the cursor is then on it, active.

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
    "insert(value)": """
Store a value over [index, last], both ends included, if that is entirely free. O(log n).

Raises:
    RangeOccupiedError: An entry is in the way. The tree and the place do not change; the
        status is "error".

>>> t = MapleTree([(10, 19, 'a')])
>>> cursor = t.cursor(20, 29)
>>> cursor.insert('b')
>>> t.cursor(15, 25).insert('c')
Traceback (most recent call last):
samara.RangeOccupiedError: [15, 25] is not free: [10, 19] has a value
""",
    "clear()": """
Remove everything in [index, last], both ends included. O(log n), O(1) for each entry removed.

Entries that reach out of the range are cut. The place becomes the whole gap that results. If
the tree was empty, the place stays. The status is "active", or "none" if the tree is empty.

>>> t = MapleTree([(10, 19, 'a')])
>>> cursor = t.cursor(15, 24)
>>> cursor.clear()
>>> t
MapleTree([(10, 14, 'a')])
>>> cursor.index, cursor.last
(15, 18446744073709551615)
""",
    "erase()": """
Remove the whole entry around index. O(log n).

The place becomes the whole gap that results, or that was there. If the tree was empty, the
place stays. The status is "active", or "none" if the tree is empty.

Returns:
    The removed entry, or None.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> cursor = t.cursor(12)
>>> cursor.erase()
Entry(first=10, last=19, value='a')
>>> cursor.index, cursor.last
(0, 29)
""",
    "empty_area(size, min=None, max=None)": """
Set the place to the lowest `size` free indices in [min, max]. O(log n).

Both ends are included. Bounds outside the limits are cut. The status is "active", or "none" if
the tree is empty. The place can be a part of a gap; a later step goes on from the whole gap.

Returns:
    The first of these indices.

Raises:
    NoSpaceError: There is no such place. index and last do not change; the status is "error".
        If size is larger than the window, nothing changes.
    ValueError: As in MapleTree.empty_area(). Nothing changes.

>>> t = MapleTree([(10, 19, 'a')])
>>> cursor = t.cursor()
>>> cursor.empty_area(11)
20
>>> cursor.store('b')
>>> t.entry(30)
Entry(first=20, last=30, value='b')
""",
    "empty_area_rev(size, min=None, max=None)": """
Like empty_area(), but choose the highest free indices.

>>> MapleTree([(10, 19, 'a')]).cursor().empty_area_rev(5, 0, 19)
5
""",
    "pause()": """
Drop the path. The next step looks its place up again. O(1).

find() then goes on after the place, find_rev() before it, whatever is stored there meanwhile.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor()
>>> cursor.find()
Entry(first=10, last=19, value='a')
>>> cursor.pause()
>>> cursor.find()
Entry(first=30, last=39, value='b')
""",
    "reset()": """
Return to the status "start" and keep index and last. O(1).

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor()
>>> cursor.find()
Entry(first=10, last=19, value='a')
>>> cursor.reset()
>>> cursor.find()
Entry(first=10, last=19, value='a')
""",
    "__class_getitem__(item, /)": "The type of a cursor of a MapleTree[K, V]: Cursor[K, V].",
}
