/* SPDX-License-Identifier: MIT */
/*
 * Searches for free room: their arguments, the search, and the exception if there is none. Owns
 * nothing: a struct area borrows the arguments, which messages show. For the methods of trees and
 * of cursors.
 */
#include "area.h"
#include "args.h"
#include "errors.h"

int area_size(struct area *area, const struct kind *kind, PyObject *size)
{
	int place = size_require(kind, size, "size", &area->size);

	if (place == INDEX_ERROR)
		return -1;
	area->kind = kind;
	area->size_object = size;
	area->size_whole = place == INDEX_TOP;
	area->size_above = place == INDEX_ABOVE;
	return 0;
}

int area_options(struct area *area, PyObject *align, PyObject *reverse)
{
	area->align = 1;
	area->reverse = false;
	if (!align && !reverse)
		return 0;
	if (align && align != Py_None) {
		int place = size_require(area->kind, align, "align", &area->align);

		if (place == INDEX_ERROR)
			return -1;
		area->align_object = align;
		area->align_above = place == INDEX_TOP || place == INDEX_ABOVE;
	}
	return truth_parse(reverse, &area->reverse);
}

mt_key area_span(const struct area *area)
{
	return area->size_whole ? MT_KEY_MAX : area->size - 1;
}

bool area_can_fit(const struct area *area)
{
	if (area->outside || area->size_above)
		return false;
	return area_span(area) <= area->last - area->first;
}

/* Whether the keys can only begin at one place: the size is that of the whole domain, or only the
 * kind's zero is aligned. */
static bool has_one_place(const struct area *area, mt_key *start)
{
	*start = area->align_above ? kind_zero(area->kind) : 0;
	return area->size_whole || area->align_above;
}

/* 1 if the keys fit there, else 0. */
static int search_at(struct maple_tree *mt, const struct area *area, mt_key start)
{
	struct mt_entry entry;

	if (start < area->first || start > area->last || area_span(area) > area->last - start)
		return 0;
	if (!area->align_above && kind_zero(area->kind) % area->align)
		return 0;
	return !mtree_find(mt, start, start + area_span(area), &entry);
}

void area_raise(const struct area *area)
{
	const struct kind *kind = area->kind;
	PyObject *space_error = kind->state->space_error;
	bool aligned = !area->outside && (area->align_above || area->align > 1);
	PyObject *align = NULL;
	PyObject *first = NULL;
	PyObject *last = NULL;
	PyObject *size =
		area->size_object ? size_shown(kind, area->size_object) : PyUnicode_FromString("1");

	if (size && aligned)
		align = size_shown(kind, area->align_object);
	if (size && (align || !aligned))
		first = code_shown(kind, area->outside ? 0 : area->first);
	if (first)
		last = code_shown(kind, area->outside ? kind_top(kind) : area->last);
	if (!last)
		goto out;
	if (area->outside)
		PyErr_Format(space_error, "no %U free indices outside %U ... %U", size, first,
			     last);
	else if (align)
		PyErr_Format(space_error,
			     "no %U free indices in [%U, %U] that start at a multiple of %U", size,
			     first, last, align);
	else
		PyErr_Format(space_error, "no %U free indices in [%U, %U]", size, first, last);
out:
	Py_XDECREF(size);
	Py_XDECREF(align);
	Py_XDECREF(first);
	Py_XDECREF(last);
}

int area_find(struct maple_tree *mt, const struct area *area, mt_key *start)
{
	mt_key zero = kind_zero(area->kind);
	int status;

	if (!(mt->ma_flags & MT_FLAGS_ALLOC_RANGE)) {
		PyErr_SetString(PyExc_ValueError,
				"this tree does not track gaps: create it with track_gaps=True to "
				"search for free indices");
		return -1;
	}
	if (!area_can_fit(area))
		return 0;
	if (has_one_place(area, start))
		return search_at(mt, area, *start);
	status = mt_empty_area(mt, area->first, area->last, area->size, area->align, zero,
			       area->reverse, start);
	if (status < 0 && status != -EBUSY) {
		raise_status(status);
		return -1;
	}
	return status == 0;
}

int area_search(struct tree_object *tree, const struct area *area, mt_key *start)
{
	int status = area_find(&tree->mt, area, start);

	if (status == 0)
		area_raise(area);
	return status;
}
