/* SPDX-License-Identifier: MIT */
/*
 * Settling a tree's kind of keys, and so the width of its codes.
 *
 * A tree that only __new__() has made has no kind yet. Its maple tree is empty and has codes of 64 bits
 * until it gets its first contents, or until the first method is called. Then the kind never changes,
 * so what a method converted fits the tree, whatever code ran meanwhile.
 *
 * Owns nothing. For tree_make.c and tree_init.c.
 */
#include "tree_settle.h"
#include "wide.h"

WIDE_FORM(tree_start);

int tree_settle(struct tree_object *tree, struct kind *kind)
{
	int same;

	if (tree->width) {
		same = kinds_same(tree->kind, kind);
		if (same == 0)
			PyErr_Format(PyExc_ValueError, "this tree has keys %R, not %R",
				     tree->kind->name, kind->name);
		return same > 0 ? 0 : -1;
	}
	if (kind->bits == 128) {
		mt_fini(&tree->mt); /* empty */
		WIDE(tree_start, (tree));
	}
	Py_INCREF(kind);
	Py_SETREF(tree->kind, kind);
	tree_note_plain(tree);
	__atomic_store_n(&tree->width, (uint8_t)kind->bits, __ATOMIC_RELEASE);
	return 0;
}
