/* SPDX-License-Identifier: MIT */
/*
 * The docstrings of samara.MapleTree: each method's example is run by tests/test_tree_doctests.py.
 */
#ifndef SAMARA_TREE_DOC_H
#define SAMARA_TREE_DOC_H

#include "binding.h"

PyDoc_STRVAR(
	tree_doc,
	"MapleTree(iterable=(), /, *, track_gaps=True)\n--\n\n"
	"An ordered map from ranges of integers to values.\n\n"
	"Ranges are closed, [first, last], within 0 ... MAX = 2**64 - 1, and do not overlap. An index without a value lies\n"
	"in a gap. Values are any objects, None too. n is the number of ranges.\n\n"
	"iterable    triples (first, last, value), or a MapleTree; a later triple overwrites what it covers.\n"
	"            Sorted triples that do not overlap: O(n), into full nodes; each other one O(log n).\n"
	"track_gaps  keep the largest gap of each subtree, which empty_area() and alloc_range() need; stores\n"
	"            are faster without.\n\n"
	"t[i], t[i] = v and del t[i] are about one index; t[a:b] is half-open, and t[a:] reaches MAX. All are O(log n).\n"
	"Reading t[a:b] gives a tree of what lies there, cut at the ends.\n\n"
	"Look-ups take any integer: outside 0 ... MAX there is nothing. Writes refuse those with ValueError. What is no\n"
	"integer is a TypeError. Out of memory is a MemoryError and changes nothing.\n\n"
	"Iterating runs over the tree as it was when the loop began.\n\n"
	">>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])\n"
	">>> t[15], 20 in t, len(t)\n"
	"('a', False, 2)\n"
	">>> t[12:14] = 'c'\n"
	">>> t\n"
	"MapleTree([(10, 11, 'a'), (12, 13, 'c'), (14, 19, 'a'), (30, 39, 'b')])\n"
	">>> t[13:35]\n"
	"MapleTree([(13, 13, 'c'), (14, 19, 'a'), (30, 34, 'b')])\n"
	">>> del t[:20]\n"
	">>> [value for first, last, value in t]\n"
	"['b']");

PyDoc_STRVAR(get_doc, "get($self, index, default=None)\n--\n\n"
		      "The value at an index; default where there is none. O(log n).\n\n"
		      ">>> t = MapleTree([(10, 19, 'a')])\n"
		      ">>> t.get(19), t.get(20), t.get(20, 'none')\n"
		      "('a', None, 'none')");

PyDoc_STRVAR(
	entry_doc,
	"entry($self, index)\n--\n\n"
	"The whole range around an index, both ends included, with its value; None in a gap. O(log n).\n\n"
	">>> MapleTree([(10, 19, 'a')]).entry(15)\n"
	"Entry(first=10, last=19, value='a')");

PyDoc_STRVAR(
	find_doc,
	"find($self, index, last=18446744073709551615)\n--\n\n"
	"The first entry that reaches index or lies above it, and begins at or below last; or None. O(log n).\n\n"
	"Bounds outside 0 ... MAX are cut. ValueError where index is above last.\n\n"
	">>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])\n"
	">>> t.find(15)\n"
	"Entry(first=10, last=19, value='a')\n"
	">>> t.find(20)\n"
	"Entry(first=30, last=39, value='b')\n"
	">>> t.find(20, 29) is None\n"
	"True");

PyDoc_STRVAR(
	find_rev_doc,
	"find_rev($self, index, first=0)\n--\n\n"
	"The last entry that reaches index or lies below it, and ends at or above first; or None. O(log n).\n\n"
	"Bounds outside 0 ... MAX are cut. ValueError where first is above index.\n\n"
	">>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])\n"
	">>> t.find_rev(35)\n"
	"Entry(first=30, last=39, value='b')\n"
	">>> t.find_rev(29)\n"
	"Entry(first=10, last=19, value='a')\n"
	">>> t.find_rev(29, 20) is None\n"
	"True");

PyDoc_STRVAR(next_doc,
	     "next($self, index)\n--\n\n"
	     "The entry after the one, or after the gap, that index lies in; or None. O(log n).\n\n"
	     "A negative index lies before all entries.\n\n"
	     ">>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])\n"
	     ">>> t.next(15)\n"
	     "Entry(first=30, last=39, value='b')\n"
	     ">>> t.next(35) is None\n"
	     "True");

PyDoc_STRVAR(
	prev_doc,
	"prev($self, index)\n--\n\n"
	"The entry before the one, or before the gap, that index lies in; or None. O(log n).\n\n"
	"An index above MAX lies behind all entries.\n\n"
	">>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])\n"
	">>> t.prev(35)\n"
	"Entry(first=10, last=19, value='a')\n"
	">>> t.prev(15) is None\n"
	"True");

PyDoc_STRVAR(
	entries_doc,
	"entries($self, first=0, last=18446744073709551615, *, reverse=False, clip=False)\n--\n\n"
	"An iterator of the entries that lie in [first, last] or reach into it, both ends included.\n\n"
	"It runs over the tree as it is now, whatever is stored meanwhile. O(log n) to make, O(1) for each entry.\n\n"
	"reverse  from the last entry to the first\n"
	"clip     cut the first and the last entry at the ends of the window\n\n"
	"Bounds outside 0 ... MAX are cut. ValueError where first is above last.\n\n"
	">>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])\n"
	">>> [tuple(entry) for entry in t.entries(15, 30)]\n"
	"[(10, 19, 'a'), (30, 39, 'b')]\n"
	">>> [tuple(entry) for entry in t.entries(15, 30, clip=True, reverse=True)]\n"
	"[(30, 30, 'b'), (15, 19, 'a')]");

PyDoc_STRVAR(
	gaps_doc,
	"gaps($self, first=0, last=18446744073709551615)\n--\n\n"
	"An iterator of the free ranges in [first, last] as pairs (first, last), all ends included, cut at the window.\n\n"
	"It runs over the tree as it is now, and works without gap tracking. O(log n) to make, then O(1) for each entry\n"
	"that it passes. Bounds outside 0 ... MAX are cut. ValueError where first is above last.\n\n"
	">>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])\n"
	">>> list(t.gaps(0, 35))\n"
	"[Gap(first=0, last=9), Gap(first=20, last=29)]");

PyDoc_STRVAR(is_free_doc,
	     "is_free($self, first, last)\n--\n\n"
	     "Has no index of [first, last], both ends included, a value? O(log n).\n\n"
	     "Nothing outside 0 ... MAX has one. ValueError where first is above last.\n\n"
	     ">>> t = MapleTree([(10, 19, 'a')])\n"
	     ">>> t.is_free(20, 29), t.is_free(19, 29)\n"
	     "(True, False)");

PyDoc_STRVAR(
	empty_area_doc,
	"empty_area($self, size, first=0, last=18446744073709551615, *, align=1, reverse=False)\n--\n\n"
	"Where `size` free indices begin in [first, last], both ends included: the lowest place, or the highest.\n\n"
	"O(log n); with align, O(log n) for each gap of that size without an aligned place.\n\n"
	"size     a number of indices, 1 or more\n"
	"align    the place is a multiple of it; 1 or more\n"
	"reverse  the highest place\n\n"
	"NoSpaceError where none fits. Bounds outside 0 ... MAX are cut. ValueError where first is above last, for a size or\n"
	"align below 1, and for a tree with track_gaps=False.\n\n"
	">>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])\n"
	">>> t.empty_area(10), t.empty_area(11), t.empty_area(10, 0, 99, reverse=True)\n"
	"(0, 40, 90)\n"
	">>> t.empty_area(6, 1, align=8)\n"
	"24");

PyDoc_STRVAR(
	store_range_doc,
	"store_range($self, first, last, value)\n--\n\n"
	"Store a value over [first, last], both ends included. O(log n), and O(1) for each entry that it drops.\n\n"
	"What lies there is overwritten; an entry that is cut keeps its value on both sides.\n"
	"ValueError where first is above last or an end is outside 0 ... MAX.\n\n"
	">>> t = MapleTree([(10, 19, 'a')])\n"
	">>> t.store_range(12, 13, 'b')\n"
	">>> t\n"
	"MapleTree([(10, 11, 'a'), (12, 13, 'b'), (14, 19, 'a')])");

PyDoc_STRVAR(
	insert_range_doc,
	"insert_range($self, first, last, value)\n--\n\n"
	"Store a value over [first, last], both ends included, if all of it is free. O(log n).\n\n"
	"RangeOccupiedError, with the first entry in the way as its .entry, where it is not.\n"
	"ValueError where first is above last or an end is outside 0 ... MAX.\n\n"
	">>> t = MapleTree([(10, 19, 'a')])\n"
	">>> t.insert_range(20, 29, 'b')\n"
	">>> t.insert_range(5, 10, 'c')\n"
	"Traceback (most recent call last):\n"
	"samara.RangeOccupiedError: [5, 10] is not free: [10, 19] has a value");

PyDoc_STRVAR(
	erase_doc,
	"erase($self, index)\n--\n\n"
	"Remove the whole range around an index. The entry that was there, or None. O(log n).\n\n"
	"`del t[index]` removes the one index. ValueError where index is outside 0 ... MAX.\n\n"
	">>> t = MapleTree([(10, 19, 'a')])\n"
	">>> t.erase(12)\n"
	"Entry(first=10, last=19, value='a')\n"
	">>> t.erase(12) is None, len(t)\n"
	"(True, 0)");

PyDoc_STRVAR(
	pop_range_doc,
	"pop_range($self, first, last)\n--\n\n"
	"Clear [first, last], both ends included. A list of what was there, cut at the ends. O(log n + removed entries).\n\n"
	"ValueError where first is above last or an end is outside 0 ... MAX.\n\n"
	">>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])\n"
	">>> t.pop_range(15, 30)\n"
	"[Entry(first=15, last=19, value='a'), Entry(first=30, last=30, value='b')]\n"
	">>> t\n"
	"MapleTree([(10, 14, 'a'), (31, 39, 'b')])");

PyDoc_STRVAR(
	alloc_range_doc,
	"alloc_range($self, value, size, first=0, last=18446744073709551615, *, align=1, reverse=False)\n--\n\n"
	"Find `size` free indices in [first, last], both ends included, store a value there, and return where they begin.\n\n"
	"The arguments, the cost and the errors are those of empty_area(); bounds outside 0 ... MAX are refused.\n\n"
	">>> t = MapleTree([(10, 19, 'a')])\n"
	">>> t.alloc_range('b', 5), t.alloc_range('c', 16, align=16)\n"
	"(0, 32)\n"
	">>> t.alloc_range('d', 5, 0, 12)\n"
	"5\n"
	">>> t.alloc_range('e', 5, 0, 12)\n"
	"Traceback (most recent call last):\n"
	"samara.NoSpaceError: no 5 free indices in [0, 12]");

PyDoc_STRVAR(
	clear_doc,
	"clear($self)\n--\n\n"
	"Remove everything. The attributes (track_gaps) stay. O(nodes that no other tree shares).\n\n"
	">>> t = MapleTree([(10, 19, 'a')], track_gaps=False)\n"
	">>> t.clear()\n"
	">>> t\n"
	"MapleTree([], track_gaps=False)");

PyDoc_STRVAR(
	dup_doc,
	"dup($self)\n--\n\n"
	"A full copy of the tree, in nodes of its own; the values are the same objects. O(n).\n\n"
	"All nodes are copied in one pass, so it is far cheaper than building the tree again. fork() is O(1), and copies\n"
	"nodes later, when they are written; dup() where the copy will be changed all over.\n\n"
	">>> t = MapleTree([(10, 19, 'a')])\n"
	">>> u = t.dup()\n"
	">>> u[10] = 'b'\n"
	">>> t[10]\n"
	"'a'");

PyDoc_STRVAR(
	dup_into_doc,
	"dup_into($self, other)\n--\n\n"
	"A full copy of the tree in another one, which must be empty and have the same attributes. O(n).\n\n"
	"ValueError where other is not empty or differs in track_gaps; nothing is changed then. MemoryError leaves other\n"
	"empty.\n\n"
	">>> t = MapleTree([(10, 19, 'a')])\n"
	">>> u = MapleTree()\n"
	">>> t.dup_into(u)\n"
	">>> u == t\n"
	"True\n"
	">>> t.dup_into(u)\n"
	"Traceback (most recent call last):\n"
	"ValueError: other is not empty: it holds 1 ranges");

PyDoc_STRVAR(
	fork_doc,
	"fork($self)\n--\n\n"
	"A copy of the tree that shares its nodes until one of the two writes them. O(1).\n\n"
	"The two are independent: a write copies the nodes on its path first, O(log n). copy.copy() is this.\n\n"
	">>> t = MapleTree([(10, 19, 'a')])\n"
	">>> u = t.fork()\n"
	">>> t[10] = 'b'\n"
	">>> t[10], u[10]\n"
	"('b', 'a')");

PyDoc_STRVAR(
	cursor_doc,
	"cursor($self, first=0, last=None)\n--\n\n"
	"A Cursor at [first, last], both ends included; without last at the single index first. O(1).\n\n"
	"ValueError where first is above last or an end is outside 0 ... MAX.\n\n"
	">>> cursor = MapleTree([(10, 19, 'a')]).cursor(12)\n"
	">>> cursor.walk()\n"
	"Entry(first=10, last=19, value='a')");

PyDoc_STRVAR(
	check_doc,
	"check($self)\n--\n\n"
	"Check every invariant of the tree; AssertionError says what is broken and where. O(n).\n\n"
	">>> MapleTree([(10, 19, 'a')]).check()");

PyDoc_STRVAR(
	dump_doc,
	"dump($self, *, hex=False)\n--\n\n"
	"The tree's nodes and slots as text, one to a line; words are the values' addresses. O(n).\n\n"
	"hex  numbers in base 16\n\n"
	">>> print(MapleTree([(10, 19, 'a')]).dump()) # doctest: +ELLIPSIS\n"
	"maple tree: height 1, attributes 0x3\n"
	"  leaf [0, 18446744073709551615]: 3 slots, 1 references\n"
	"     0 [0, 9]: gap\n"
	"     1 [10, 19]: 0x...\n"
	"     2 [20, 18446744073709551615]: gap\n"
	"<BLANKLINE>");

PyDoc_STRVAR(copy_doc, "__copy__($self)\n--\n\n"
		       "fork(), for copy.copy(). O(1).");

PyDoc_STRVAR(reduce_doc, "__reduce__($self)\n--\n\n"
			 "For pickle and copy.deepcopy(). O(n).");

PyDoc_STRVAR(
	setstate_doc,
	"__setstate__($self, state, /)\n--\n\n"
	"For pickle: fill an empty tree. ValueError for what is no state of a MapleTree. O(n).");

PyDoc_STRVAR(reversed_doc, "__reversed__($self)\n--\n\n"
			   "entries(reverse=True).");

PyDoc_STRVAR(sizeof_doc, "__sizeof__($self)\n--\n\n"
			 "nbytes.");

PyDoc_STRVAR(class_getitem_doc, "MapleTree[V]: a tree with values of type V.");

PyDoc_STRVAR(
	covered_doc,
	"How many indices have a value, up to 2**64. O(1), or O(n) after a write dropped shared nodes.\n\n"
	">>> MapleTree([(10, 19, 'a'), (30, 39, 'b')]).covered\n"
	"20");

PyDoc_STRVAR(height_doc, "Levels of nodes: 0 for an empty tree, 1 for a single leaf.\n\n"
			 ">>> MapleTree([(10, 19, 'a')]).height\n"
			 "1");

PyDoc_STRVAR(
	node_count_doc,
	"Nodes that the tree reaches, those that it shares with others included. O(nodes above the leaves).\n\n"
	">>> MapleTree([(10, 19, 'a')]).node_count\n"
	"1");

PyDoc_STRVAR(
	nbytes_doc,
	"Bytes of the tree: 256 for each of its nodes, shared ones included, and the object. Values are not counted.\n\n"
	">>> t = MapleTree()\n"
	">>> t[5] = 'a'\n"
	">>> t.nbytes - MapleTree().nbytes\n"
	"256");

PyDoc_STRVAR(track_gaps_doc, "Can this tree search for free room? Given when the tree is made.\n\n"
			     ">>> MapleTree(track_gaps=False).track_gaps\n"
			     "False");

PyDoc_STRVAR(
	lock_doc,
	"A re-entrant lock, used by `with`: several operations as one. Each single operation is whole without it.\n\n"
	"While a thread holds it, every operation of other threads on this tree waits, look-ups too.\n\n"
	">>> t = MapleTree([(10, 19, 'a')])\n"
	">>> with t.lock:\n"
	"...     t[10] = t[10] + 'b'\n"
	">>> t[10]\n"
	"'ab'");

#endif /* SAMARA_TREE_DOC_H */
