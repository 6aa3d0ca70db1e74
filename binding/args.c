/* SPDX-License-Identifier: MIT */
/*
 * Arguments: keyword parsing for vectorcall methods, and numbers.
 *
 * An index is any object with __index__. Look-ups cut what lies outside 0 ... MAX; writes refuse it. The
 * converters here run before the tree is touched, since __index__ can run anything.
 */
#include "binding.h"

static int name_position(const struct signature *signature, PyObject *keyword)
{
	for (int i = 0; i < signature->count; i++) {
		if (PyUnicode_CompareWithASCIIString(keyword, signature->names[i]) == 0)
			return i;
	}
	PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'",
		     signature->function, keyword);
	return -1;
}

int args_parse_slow(const struct signature *signature, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames, PyObject **out)
{
	Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;

	if (nargs > signature->positional) {
		PyErr_Format(PyExc_TypeError,
			     "%s() takes at most %d positional argument%s (%zd given)",
			     signature->function, signature->positional,
			     signature->positional == 1 ? "" : "s", nargs);
		return -1;
	}
	for (int i = 0; i < signature->count; i++)
		out[i] = i < nargs ? args[i] : NULL;
	for (Py_ssize_t i = 0; i < keywords; i++) {
		int position = name_position(signature, PyTuple_GET_ITEM(kwnames, i));

		if (position < 0)
			return -1;
		if (out[position]) {
			PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%s'",
				     signature->function, signature->names[position]);
			return -1;
		}
		out[position] = args[nargs + i];
	}
	for (int i = 0; i < signature->required; i++) {
		if (!out[i]) {
			PyErr_Format(PyExc_TypeError, "%s() missing required argument '%s'",
				     signature->function, signature->names[i]);
			return -1;
		}
	}
	return 0;
}

/* ---- one number ------------------------------------------------------------------------------- */

static int classify(PyObject *number, uint64_t *out)
{
	int overflow;
	long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
	double size;

	if (overflow < 0 || (!overflow && value < 0))
		return INDEX_BELOW;
	if (!overflow) {
		*out = (uint64_t)value;
		return INDEX_IN;
	}
	*out = PyLong_AsUnsignedLongLong(number);
	if (!PyErr_Occurred())
		return INDEX_IN;
	PyErr_Clear();
	/* 2^64 is the one multiple of 2^64 that is equal to it as a float. */
	if (PyLong_AsUnsignedLongLongMask(number) != 0)
		return INDEX_ABOVE;
	size = PyLong_AsDouble(number);
	if (size == -1.0 && PyErr_Occurred())
		PyErr_Clear();
	return size == 18446744073709551616.0 ? INDEX_TOP : INDEX_ABOVE;
}

int index_parse_slow(PyObject *number, const char *name, uint64_t *out)
{
	PyObject *exact;
	int kind;

	if (PyLong_CheckExact(number))
		return classify(number, out);
	if (!PyIndex_Check(number)) {
		PyErr_Format(PyExc_TypeError, "%s must be an integer, not %s", name,
			     Py_TYPE(number)->tp_name);
		return INDEX_ERROR;
	}
	exact = PyNumber_Index(number);
	if (!exact)
		return INDEX_ERROR;
	kind = classify(exact, out);
	Py_DECREF(exact);
	return kind;
}

PyObject *number_shown(PyObject *number)
{
	PyObject *exact = PyNumber_Index(number);
	PyObject *text = exact ? PyObject_Str(exact) : NULL;

	if (exact && !text && PyErr_ExceptionMatches(PyExc_ValueError)) {
		PyErr_Clear();
		text = PyNumber_ToBase(exact, 16);
	}
	Py_XDECREF(exact);
	return text;
}

/* ValueError with the number itself in place of %U. */
static void raise_number(const char *format, const char *name, PyObject *number)
{
	PyObject *text = number_shown(number);

	if (!text)
		return;
	PyErr_Format(PyExc_ValueError, format, name, text);
	Py_DECREF(text);
}

int index_require_failed(PyObject *number, const char *name, int kind)
{
	if (kind != INDEX_ERROR)
		raise_number("%s %U is outside 0 ... 18446744073709551615", name, number);
	return -1;
}

/* ---- closed windows --------------------------------------------------------------------------- */

static int raise_order(const char *first_name, uint64_t first, const char *last_name, uint64_t last)
{
	PyErr_Format(PyExc_ValueError, "%s %llu is above %s %llu", first_name,
		     (unsigned long long)first, last_name, (unsigned long long)last);
	return -1;
}

int window_require(PyObject *first_object, PyObject *last_object, uint64_t *first, uint64_t *last)
{
	*first = 0;
	*last = MAX_INDEX;
	if (first_object && index_require(first_object, "first", first) < 0)
		return -1;
	if (last_object && index_require(last_object, "last", last) < 0)
		return -1;
	if (*first > *last)
		return raise_order("first", *first, "last", *last);
	return 0;
}

static int raise_order_objects(const char *first_name, PyObject *first, const char *last_name,
			       PyObject *last)
{
	PyObject *low = number_shown(first);
	PyObject *high = low ? number_shown(last) : NULL;

	if (high)
		PyErr_Format(PyExc_ValueError, "%s %U is above %s %U", first_name, low, last_name,
			     high);
	Py_XDECREF(low);
	Py_XDECREF(high);
	return -1;
}

int window_clip(PyObject *first_object, const char *first_name, PyObject *last_object,
		const char *last_name, uint64_t *first, uint64_t *last)
{
	int first_kind = INDEX_IN;
	int last_kind = INDEX_IN;

	*first = 0;
	*last = MAX_INDEX;
	if (first_object) {
		first_kind = index_parse(first_object, first_name, first);
		if (first_kind == INDEX_ERROR)
			return -1;
	}
	if (last_object) {
		last_kind = index_parse(last_object, last_name, last);
		if (last_kind == INDEX_ERROR)
			return -1;
	}
	if (first_kind == INDEX_BELOW)
		*first = 0;
	if (last_kind >= INDEX_TOP)
		*last = MAX_INDEX;
	if (first_kind >= INDEX_TOP) {
		if (last_kind == INDEX_BELOW || *last < MAX_INDEX)
			return raise_order_objects(first_name, first_object, last_name,
						   last_object);
		return 0;
	}
	if (last_kind == INDEX_BELOW) {
		if (*first > 0)
			return raise_order_objects(first_name, first_object, last_name,
						   last_object);
		return 0;
	}
	if (*first > *last)
		return raise_order(first_name, *first, last_name, *last);
	return 1;
}

/* ---- half-open slices ------------------------------------------------------------------------- */

/* A bound of a slice: 0 ... 2^64, the top as top = true. */
struct bound {
	uint64_t value;
	bool top;
};

static bool bound_above(const struct bound *a, const struct bound *b)
{
	return a->top ? !b->top : !b->top && a->value > b->value;
}

static int bound_parse(PyObject *number, const char *name, bool clip, struct bound *bound)
{
	int kind = index_parse(number, name, &bound->value);

	bound->top = false;
	switch (kind) {
	case INDEX_ERROR:
		return -1;
	case INDEX_IN:
		return 0;
	case INDEX_TOP:
		bound->top = true;
		return 0;
	default:
		break;
	}
	if (!clip) {
		raise_number("%s %U is outside 0 ... 18446744073709551616", name, number);
		return -1;
	}
	bound->value = 0;
	bound->top = kind == INDEX_ABOVE;
	return 0;
}

static int slice_parse(PyObject *object, bool clip, uint64_t *first, uint64_t *last)
{
	PySliceObject *slice = (PySliceObject *)object;
	struct bound start = {0, false};
	struct bound stop = {0, true};

	if (slice->step != Py_None) {
		PyErr_Format(PyExc_ValueError, "a slice of a tree has no step, got %R",
			     slice->step);
		return -1;
	}
	if (slice->start != Py_None && bound_parse(slice->start, "start", clip, &start) < 0)
		return -1;
	if (slice->stop != Py_None && bound_parse(slice->stop, "stop", clip, &stop) < 0)
		return -1;
	if (bound_above(&start, &stop)) {
		/* The stop is no top here, so both have been given, or start has. */
		return raise_order_objects("start", slice->start, "stop", slice->stop);
	}
	if (start.top || (!stop.top && start.value == stop.value))
		return 0;
	*first = start.value;
	*last = stop.top ? MAX_INDEX : stop.value - 1;
	return 1;
}

int slice_require(PyObject *slice, uint64_t *first, uint64_t *last)
{
	return slice_parse(slice, false, first, last);
}

int slice_clip(PyObject *slice, uint64_t *first, uint64_t *last)
{
	return slice_parse(slice, true, first, last);
}

/* ---- a search for free room ------------------------------------------------------------------- */

int area_size(struct area *area, PyObject *size)
{
	int kind = index_parse(size, "size", &area->size);

	if (kind == INDEX_ERROR)
		return -1;
	if (kind == INDEX_BELOW || (kind == INDEX_IN && area->size == 0)) {
		raise_number("%s %U is not 1 or more", "size", size);
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
			raise_number("%s %U is not 1 or more", "align", align);
			return -1;
		}
		area->align_object = align;
		area->align_above = kind >= INDEX_TOP;
	}
	if (reverse) {
		int truth = PyObject_IsTrue(reverse);

		if (truth < 0)
			return -1;
		area->reverse = truth;
	}
	return 0;
}

/* Starts at 0 or nowhere: the size is the whole domain, or only 0 is aligned. */
static int search_at_zero(struct tree_object *tree, const struct area *area, uint64_t *start)
{
	uint64_t last = area->size_whole ? MAX_INDEX : area->size - 1;
	struct mt_entry entry;

	if (area->first > 0 || area->last < last || mtree_find(&tree->mt, 0, last, &entry))
		return 0;
	*start = 0;
	return 1;
}

int area_search(struct tree_object *tree, const struct area *area, uint64_t *start)
{
	int status;

	if (!tree_tracks_gaps(tree)) {
		PyErr_SetString(PyExc_ValueError,
				"this tree does not track gaps: make it with track_gaps=True to "
				"search for free room");
		return -1;
	}
	if (area->outside || area->size_above) {
		status = 0;
	} else if (area->size_whole || area->align_above) {
		status = search_at_zero(tree, area, start);
	} else if (area->size - 1 > area->last - area->first) {
		status = 0;
	} else {
		status = mt_empty_area(&tree->mt, area->first, area->last, area->size, area->align,
				       area->reverse, start);
		if (status < 0 && status != -EBUSY) {
			raise_status(status);
			return -1;
		}
		status = status == 0;
	}
	if (!status)
		area_raise(tree->state, area);
	return status;
}

void area_raise(const struct core_state *state, const struct area *area)
{
	bool aligned = !area->outside && (area->align_above || area->align > 1);
	PyObject *size = number_shown(area->size_object);
	PyObject *align = size && aligned ? number_shown(area->align_object) : NULL;

	if (!size)
		return;
	if (area->outside)
		PyErr_Format(state->space_error, "no room for %U indices outside 0 ... %llu", size,
			     (unsigned long long)MAX_INDEX);
	else if (align)
		PyErr_Format(state->space_error,
			     "no %U free indices in [%llu, %llu] that begin at a multiple of %U",
			     size, (unsigned long long)area->first, (unsigned long long)area->last,
			     align);
	else if (!aligned)
		PyErr_Format(state->space_error, "no %U free indices in [%llu, %llu]", size,
			     (unsigned long long)area->first, (unsigned long long)area->last);
	Py_XDECREF(align);
	Py_DECREF(size);
}
