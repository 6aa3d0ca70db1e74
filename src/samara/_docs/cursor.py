# SPDX-License-Identifier: MIT
"""The docstrings of `Cursor`. See `samara._docs` for the form."""

from typing import Final

CURSOR: Final = {
    "Cursor(tree, first=0, last=None)": """
A place in a tree, with the path to it: the kernel's ma_state.

A run of steps along the tree costs O(1) for each, where a look-up by index costs O(log n).
A cursor keeps its tree alive. After another writer has changed the tree it walks again from
its index; it never reads what is gone.

It begins at [first, last], both ends included, or at the single index first, with status
"start". `for entry in cursor` goes on from the cursor as find() does.

>>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
>>> cursor = t.cursor(15)
>>> [entry.value for entry in cursor]
['a', 'b']
""",
    "index": """
The first index of the range that the cursor stands on or is set to.

>>> MapleTree().cursor(10, 19).index
10
""",
    "last": """
The last index of the range that the cursor stands on or is set to.

>>> MapleTree().cursor(10, 19).last
19
""",
    "value": """
The value where the cursor stands; None on a gap and where it has not walked.

After another writer changed the tree: what is at index now. O(log n) then, else O(1).

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(12)
>>> cursor.value is None
True
>>> entry = cursor.walk()
>>> cursor.value
'a'
""",
    "status": """
What the cursor knows of its place, as a string.

- "start": set, not walked
- "active": stands on an entry
- "gap": stands on a gap
- "pause": goes on after its range
- "none": the last step found nothing
- "overflow": the last step met its upper limit; index and last are as before it
- "underflow": the last step met its lower limit; index and last are as before it

>>> cursor = MapleTree().cursor()
>>> cursor.status
'start'
>>> cursor.walk() is None, cursor.status
(True, 'gap')
""",
    "tree": """
The tree.

>>> t = MapleTree()
>>> t.cursor().tree is t
True
""",
    "set(index)": """
Set the cursor to one index, not walked. O(1). ValueError where it is outside 0 ... MAX.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor()
>>> cursor.set(15)
>>> cursor.walk()
Entry(first=10, last=19, value='a')
""",
    "set_range(first, last)": """
Set the cursor to [first, last], both ends included, not walked. O(1).

ValueError where first is above last or an end is outside 0 ... MAX.

>>> t = MapleTree()
>>> cursor = t.cursor()
>>> cursor.set_range(10, 19)
>>> cursor.store('a')
>>> t
MapleTree([(10, 19, 'a')])
""",
    "walk()": """
Walk to the range around index: its entry, or None for a gap, whose ends are then index and
last. O(log n).

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(5)
>>> cursor.walk() is None, cursor.index, cursor.last
(True, 0, 9)
""",
    "next(max=MAX)": """
Go on to the next entry that begins at or below max; None where there is none. O(1) amortised.

From a place that has not been walked: the entry after the range around index.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(10)
>>> cursor.next()
Entry(first=30, last=39, value='b')
>>> cursor.next() is None
True
""",
    "next_range(max=MAX)": """
As next(), but stop at gaps too.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(10)
>>> cursor.next_range()
Gap(first=20, last=29)
""",
    "prev(min=0)": """
Go back to the entry before that ends at or above min; None where there is none. O(1) amortised.

From a place that has not been walked: the entry before the range around index.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(30)
>>> cursor.prev()
Entry(first=10, last=19, value='a')
""",
    "prev_range(min=0)": """
As prev(), but stop at gaps too.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(30)
>>> cursor.prev_range()
Gap(first=20, last=29)
""",
    "find(max=MAX)": """
The first entry at or above index that begins at or below max; then the next one with each
call; or None.

The first call after set() looks at index itself, later ones go on behind. O(1) amortised.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(15)
>>> cursor.find()
Entry(first=10, last=19, value='a')
>>> cursor.find(29) is None
True
""",
    "find_range(max=MAX)": """
As find(), but stop at gaps too.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(15)
>>> cursor.find_range(99)
Entry(first=10, last=19, value='a')
>>> cursor.find_range(99)
Gap(first=20, last=18446744073709551615)
""",
    "find_rev(min=0)": """
The last entry at or below index that ends at or above min; then the one before with each
call; or None.

The first call after set() looks at index itself, later ones go on below. O(1) amortised.

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(35)
>>> cursor.find_rev()
Entry(first=30, last=39, value='b')
>>> cursor.find_rev()
Entry(first=10, last=19, value='a')
""",
    "find_range_rev(min=0)": """
As find_rev(), but stop at gaps too.

>>> cursor = MapleTree([(10, 19, 'a')]).cursor(25)
>>> cursor.find_range_rev()
Gap(first=20, last=18446744073709551615)
>>> cursor.find_range_rev()
Entry(first=10, last=19, value='a')
""",
    "find_rev_range(min=0)": """
Another name of find_range_rev().

>>> MapleTree().cursor(25).find_rev_range()
Gap(first=0, last=18446744073709551615)
""",
    "store(value)": """
Store a value over [index, last], both ends included. The cursor then stands on it. O(log n).

>>> t = MapleTree([(10, 19, 'a')])
>>> cursor = t.cursor(12, 13)
>>> cursor.store('b')
>>> t
MapleTree([(10, 11, 'a'), (12, 13, 'b'), (14, 19, 'a')])
""",
    "erase()": """
Remove the whole range around index. The entry that was there, or None. O(log n).

>>> t = MapleTree([(10, 19, 'a')])
>>> t.cursor(12).erase()
Entry(first=10, last=19, value='a')
>>> len(t)
0
""",
    "empty_area(size, min=0, max=MAX)": """
Set the cursor to the lowest `size` free indices in [min, max], both ends included. Where
they begin. O(log n).

Errors as MapleTree.empty_area(); the cursor then stays where it is.

>>> t = MapleTree([(10, 19, 'a')])
>>> cursor = t.cursor()
>>> cursor.empty_area(11)
20
>>> cursor.store('b')
>>> t.entry(30)
Entry(first=20, last=30, value='b')
""",
    "empty_area_rev(size, min=0, max=MAX)": """
As empty_area(), but the highest place.

>>> MapleTree([(10, 19, 'a')]).cursor().empty_area_rev(5, 0, 19)
5
""",
    "pause()": """
Let go of the path: the next step goes on behind the range that the cursor stands on. O(1).

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor()
>>> cursor.find()
Entry(first=10, last=19, value='a')
>>> cursor.pause()
>>> cursor.find()
Entry(first=30, last=39, value='b')
""",
    "reset()": """
Forget the path; index and last stay. The next step begins anew, at index. O(1).

>>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor()
>>> cursor.find()
Entry(first=10, last=19, value='a')
>>> cursor.reset()
>>> cursor.find()
Entry(first=10, last=19, value='a')
""",
    "__class_getitem__(item, /)": "Cursor[V]: a cursor of a MapleTree[V].",
}
