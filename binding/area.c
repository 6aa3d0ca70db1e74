/* SPDX-License-Identifier: MIT */
/*
 * Searches for free room: their arguments, the search, and the exception if there is none. Owns
 * nothing: a struct area borrows the arguments, which messages show. For the methods of trees and
 * of cursors.
 */
#include "area.h"
#include "args.h"
#include "errors.h"

int area_size(struct area *area, PyObject *size)
{
	int kind = index_parse(size, "size", &area->size);

	if (kind == INDEX_ERROR)
		return -1;
	if (kind == INDEX_BELOW || (kind == INDEX_IN && area->size == 0)) {
		raise_number("%s must be 1 or more, not %U", "size", size);
		return -1;
	}
	area->size_object = size;
	area->size_whole = kind == INDEX_TOP;
	area->size_above = kind == INDEX_ABOVE;
	return 0;
}

int area_options(struct area *area, PyObject *align, PyObject *reverse)
{
	area->align = 1;
	if (align) {
		int kind = index_parse(align, "align", &area->align);

		if (kind == INDEX_ERROR)
			return -1;
		if (kind == INDEX_BELOW || (kind == INDEX_IN && area->align == 0)) {
			raise_number("%s must be 1 or more, not %U", "align", align);
			return -1;
		}
		area->align_object = align;
		area->align_above = kind >= INDEX_TOP;
	}
	return truth_parse(reverse, &area->reverse);
}

bool area_can_fit(const struct area *area)
{
	if (area->outside || area->size_above)
		return false;
	return (area->size_whole ? MAX_INDEX : area->size - 1) <= area->last - area->first;
}

/* The start can only be 0: the size is the whole domain, or only 0 is aligned. */
static int search_at_zero(struct maple_tree *mt, const struct area *area, uint64_t *start)
{
	uint64_t last = area->size_whole ? MAX_INDEX : area->size - 1;
	struct mt_entry entry;

	if (area->first > 0 || mtree_find(mt, 0, last, &entry))
		return 0;
	*start = 0;
	return 1;
}

void area_raise(const struct core_state *state, const struct area *area)
{
	bool aligned = !area->outside && (area->align_above || area->align > 1);
	PyObject *size = number_shown(area->size_object);
	PyObject *align = size && aligned ? number_shown(area->align_object) : NULL;

	if (!size)
		return;
	if (area->outside)
		PyErr_Format(state->space_error, "no %U free indices outside 0 ... %llu", size,
			     (unsigned long long)MAX_INDEX);
	else if (align)
		PyErr_Format(state->space_error,
			     "no %U free indices in [%llu, %llu] that start at a multiple of %U",
			     size, (unsigned long long)area->first, (unsigned long long)area->last,
			     align);
	else if (!aligned)
		PyErr_Format(state->space_error, "no %U free indices in [%llu, %llu]", size,
			     (unsigned long long)area->first, (unsigned long long)area->last);
	Py_XDECREF(align);
	Py_DECREF(size);
}

int area_find(struct maple_tree *mt, const struct area *area, uint64_t *start)
{
	int status;

	if (!(mt_attr(mt) & MT_FLAGS_ALLOC_RANGE)) {
		PyErr_SetString(PyExc_ValueError,
				"this tree does not track gaps: create it with track_gaps=True to "
				"search for free indices");
		return -1;
	}
	if (!area_can_fit(area))
		return 0;
	if (area->size_whole || area->align_above)
		return search_at_zero(mt, area, start);
	status = mt_empty_area(mt, area->first, area->last, area->size, area->align, 0,
			       area->reverse, start);
	if (status < 0 && status != -EBUSY) {
		raise_status(status);
		return -1;
	}
	return status == 0;
}

int area_search(struct tree_object *tree, const struct area *area, uint64_t *start)
{
	int status = area_find(&tree->mt, area, start);

	if (status == 0)
		area_raise(tree->state, area);
	return status;
}
