/* SPDX-License-Identifier: MIT */
/*
 * The docstrings of samara.Cursor: each method's example is run by tests/test_tree_doctests.py.
 */
#ifndef SAMARA_CURSOR_DOC_H
#define SAMARA_CURSOR_DOC_H

#include "binding.h"

PyDoc_STRVAR(
	cursor_type_doc,
	"Cursor(tree, first=0, last=None)\n--\n\n"
	"A place in a tree, with the path to it: the kernel's ma_state.\n\n"
	"A run of steps along the tree costs O(1) for each, where a look-up by index costs O(log n). A cursor keeps its tree\n"
	"alive. After another writer has changed the tree it walks again from its index; it never reads what is gone.\n\n"
	"It begins at [first, last], both ends included, or at the single index first, with status \"start\".\n"
	"`for entry in cursor` goes on from the cursor as find() does.\n\n"
	">>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])\n"
	">>> cursor = t.cursor(15)\n"
	">>> [entry.value for entry in cursor]\n"
	"['a', 'b']");

PyDoc_STRVAR(cursor_index_doc,
	     "The first index of the range that the cursor stands on or is set to.\n\n"
	     ">>> MapleTree().cursor(10, 19).index\n"
	     "10");

PyDoc_STRVAR(cursor_last_doc,
	     "The last index of the range that the cursor stands on or is set to.\n\n"
	     ">>> MapleTree().cursor(10, 19).last\n"
	     "19");

PyDoc_STRVAR(
	cursor_value_doc,
	"The value where the cursor stands; None on a gap and where it has not walked.\n\n"
	"After another writer changed the tree: what is at index now. O(log n) then, else O(1).\n\n"
	">>> cursor = MapleTree([(10, 19, 'a')]).cursor(12)\n"
	">>> cursor.value is None\n"
	"True\n"
	">>> entry = cursor.walk()\n"
	">>> cursor.value\n"
	"'a'");

PyDoc_STRVAR(cursor_status_doc,
	     "What the cursor knows of its place, as a string.\n\n"
	     "\"start\"      set, not walked\n"
	     "\"active\"     stands on an entry\n"
	     "\"gap\"        stands on a gap\n"
	     "\"pause\"      goes on behind its range\n"
	     "\"none\"       the last step found nothing\n"
	     "\"overflow\"   the last step met its upper limit; index and last are as before it\n"
	     "\"underflow\"  the last step met its lower limit; index and last are as before it\n\n"
	     ">>> cursor = MapleTree().cursor()\n"
	     ">>> cursor.status\n"
	     "'start'\n"
	     ">>> cursor.walk() is None, cursor.status\n"
	     "(True, 'gap')");

PyDoc_STRVAR(cursor_tree_doc, "The tree.\n\n"
			      ">>> t = MapleTree()\n"
			      ">>> t.cursor().tree is t\n"
			      "True");

PyDoc_STRVAR(
	cursor_set_doc,
	"set($self, index)\n--\n\n"
	"Set the cursor to one index, not walked. O(1). ValueError where it is outside 0 ... MAX.\n\n"
	">>> cursor = MapleTree([(10, 19, 'a')]).cursor()\n"
	">>> cursor.set(15)\n"
	">>> cursor.walk()\n"
	"Entry(first=10, last=19, value='a')");

PyDoc_STRVAR(cursor_set_range_doc,
	     "set_range($self, first, last)\n--\n\n"
	     "Set the cursor to [first, last], both ends included, not walked. O(1).\n\n"
	     "ValueError where first is above last or an end is outside 0 ... MAX.\n\n"
	     ">>> t = MapleTree()\n"
	     ">>> cursor = t.cursor()\n"
	     ">>> cursor.set_range(10, 19)\n"
	     ">>> cursor.store('a')\n"
	     ">>> t\n"
	     "MapleTree([(10, 19, 'a')])");

PyDoc_STRVAR(
	cursor_walk_doc,
	"walk($self)\n--\n\n"
	"Walk to the range around index: its entry, or None for a gap, whose ends are then index and last. O(log n).\n\n"
	">>> cursor = MapleTree([(10, 19, 'a')]).cursor(5)\n"
	">>> cursor.walk() is None, cursor.index, cursor.last\n"
	"(True, 0, 9)");

PyDoc_STRVAR(
	cursor_next_doc,
	"next($self, max=18446744073709551615)\n--\n\n"
	"Go on to the next entry that begins at or below max; None where there is none. O(1) amortised.\n\n"
	"From a place that has not been walked: the entry after the range around index.\n\n"
	">>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(10)\n"
	">>> cursor.next()\n"
	"Entry(first=30, last=39, value='b')\n"
	">>> cursor.next() is None\n"
	"True");

PyDoc_STRVAR(cursor_next_range_doc,
	     "next_range($self, max=18446744073709551615)\n--\n\n"
	     "As next(), but stop at gaps too.\n\n"
	     ">>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(10)\n"
	     ">>> cursor.next_range()\n"
	     "Gap(first=20, last=29)");

PyDoc_STRVAR(
	cursor_prev_doc,
	"prev($self, min=0)\n--\n\n"
	"Go back to the entry before that ends at or above min; None where there is none. O(1) amortised.\n\n"
	"From a place that has not been walked: the entry before the range around index.\n\n"
	">>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(30)\n"
	">>> cursor.prev()\n"
	"Entry(first=10, last=19, value='a')");

PyDoc_STRVAR(cursor_prev_range_doc,
	     "prev_range($self, min=0)\n--\n\n"
	     "As prev(), but stop at gaps too.\n\n"
	     ">>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(30)\n"
	     ">>> cursor.prev_range()\n"
	     "Gap(first=20, last=29)");

PyDoc_STRVAR(
	cursor_find_doc,
	"find($self, max=18446744073709551615)\n--\n\n"
	"The first entry at or above index that begins at or below max; then the next one with each call; or None.\n\n"
	"The first call after set() looks at index itself, later ones go on behind. O(1) amortised.\n\n"
	">>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(15)\n"
	">>> cursor.find()\n"
	"Entry(first=10, last=19, value='a')\n"
	">>> cursor.find(29) is None\n"
	"True");

PyDoc_STRVAR(cursor_find_range_doc, "find_range($self, max=18446744073709551615)\n--\n\n"
				    "As find(), but stop at gaps too.\n\n"
				    ">>> cursor = MapleTree([(10, 19, 'a')]).cursor(15)\n"
				    ">>> cursor.find_range(99)\n"
				    "Entry(first=10, last=19, value='a')\n"
				    ">>> cursor.find_range(99)\n"
				    "Gap(first=20, last=18446744073709551615)");

PyDoc_STRVAR(
	cursor_find_rev_doc,
	"find_rev($self, min=0)\n--\n\n"
	"The last entry at or below index that ends at or above min; then the one before with each call; or None.\n\n"
	"The first call after set() looks at index itself, later ones go on below. O(1) amortised.\n\n"
	">>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(35)\n"
	">>> cursor.find_rev()\n"
	"Entry(first=30, last=39, value='b')\n"
	">>> cursor.find_rev()\n"
	"Entry(first=10, last=19, value='a')");

PyDoc_STRVAR(cursor_find_range_rev_doc, "find_range_rev($self, min=0)\n--\n\n"
					"As find_rev(), but stop at gaps too.\n\n"
					">>> cursor = MapleTree([(10, 19, 'a')]).cursor(25)\n"
					">>> cursor.find_range_rev()\n"
					"Gap(first=20, last=18446744073709551615)\n"
					">>> cursor.find_range_rev()\n"
					"Entry(first=10, last=19, value='a')");

PyDoc_STRVAR(cursor_find_rev_range_doc, "find_rev_range($self, min=0)\n--\n\n"
					"Another name of find_range_rev().\n\n"
					">>> MapleTree().cursor(25).find_rev_range()\n"
					"Gap(first=0, last=18446744073709551615)");

PyDoc_STRVAR(
	cursor_store_doc,
	"store($self, value)\n--\n\n"
	"Store a value over [index, last], both ends included. The cursor then stands on it. O(log n).\n\n"
	">>> t = MapleTree([(10, 19, 'a')])\n"
	">>> cursor = t.cursor(12, 13)\n"
	">>> cursor.store('b')\n"
	">>> t\n"
	"MapleTree([(10, 11, 'a'), (12, 13, 'b'), (14, 19, 'a')])");

PyDoc_STRVAR(cursor_erase_doc,
	     "erase($self)\n--\n\n"
	     "Remove the whole range around index. The entry that was there, or None. O(log n).\n\n"
	     ">>> t = MapleTree([(10, 19, 'a')])\n"
	     ">>> t.cursor(12).erase()\n"
	     "Entry(first=10, last=19, value='a')\n"
	     ">>> len(t)\n"
	     "0");

PyDoc_STRVAR(
	cursor_empty_area_doc,
	"empty_area($self, size, min=0, max=18446744073709551615)\n--\n\n"
	"Set the cursor to the lowest `size` free indices in [min, max], both ends included. Where they begin. O(log n).\n\n"
	"Errors as MapleTree.empty_area(); the cursor then stays where it is.\n\n"
	">>> t = MapleTree([(10, 19, 'a')])\n"
	">>> cursor = t.cursor()\n"
	">>> cursor.empty_area(11)\n"
	"20\n"
	">>> cursor.store('b')\n"
	">>> t.entry(30)\n"
	"Entry(first=20, last=30, value='b')");

PyDoc_STRVAR(cursor_empty_area_rev_doc,
	     "empty_area_rev($self, size, min=0, max=18446744073709551615)\n--\n\n"
	     "As empty_area(), but the highest place.\n\n"
	     ">>> MapleTree([(10, 19, 'a')]).cursor().empty_area_rev(5, 0, 19)\n"
	     "5");

PyDoc_STRVAR(
	cursor_pause_doc,
	"pause($self)\n--\n\n"
	"Let go of the path: the next step goes on behind the range that the cursor stands on. O(1).\n\n"
	">>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor()\n"
	">>> cursor.find()\n"
	"Entry(first=10, last=19, value='a')\n"
	">>> cursor.pause()\n"
	">>> cursor.find()\n"
	"Entry(first=30, last=39, value='b')");

PyDoc_STRVAR(cursor_reset_doc,
	     "reset($self)\n--\n\n"
	     "Forget the path; index and last stay. The next step begins anew, at index. O(1).\n\n"
	     ">>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor()\n"
	     ">>> cursor.find()\n"
	     "Entry(first=10, last=19, value='a')\n"
	     ">>> cursor.reset()\n"
	     ">>> cursor.find()\n"
	     "Entry(first=10, last=19, value='a')");

PyDoc_STRVAR(cursor_class_getitem_doc, "Cursor[V]: a cursor of a MapleTree[V].");

#endif /* SAMARA_CURSOR_DOC_H */
