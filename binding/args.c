/* SPDX-License-Identifier: MIT */
/*
 * Arguments: keyword parsing for vectorcall methods, and numbers.
 *
 * An index is any object with __index__. Look-ups clip what lies outside 0 ... MAX; writes refuse
 * it. The converters here run before the tree is touched, since __index__ can run anything. Owns
 * nothing; the arguments that they return are borrowed references.
 */
#include "args.h"
#include "errors.h"

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

/* ---- one number ----------------------------------------------------------------------------- */

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
	/* 2^64 is the only multiple of 2^64 that equals it as a float. */
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

int index_require_failed(PyObject *number, const char *name, int kind)
{
	if (kind != INDEX_ERROR)
		raise_number("%s %U is outside 0 ... 18446744073709551615", name, number);
	return -1;
}

/* ---- closed windows ------------------------------------------------------------------------- */

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

/* window_clip(), which also says whether an end was cut. */
static inline int window_cut(PyObject *first_object, const char *first_name, PyObject *last_object,
			     const char *last_name, uint64_t *first, uint64_t *last, bool *cut)
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
	*cut = first_kind != INDEX_IN || last_kind != INDEX_IN;
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

int window_clip(PyObject *first_object, const char *first_name, PyObject *last_object,
		const char *last_name, uint64_t *first, uint64_t *last)
{
	bool cut;

	return window_cut(first_object, first_name, last_object, last_name, first, last, &cut);
}

int window_inside(PyObject *first_object, PyObject *last_object, uint64_t *first, uint64_t *last)
{
	bool cut;
	int some = window_cut(first_object, "first", last_object, "last", first, last, &cut);

	return some > 0 && cut ? 0 : some;
}

/* ---- half-open slices ----------------------------------------------------------------------- */

/* A bound of a slice: 0 ... 2^64, with 2^64 as top = true. */
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
		PyErr_Format(PyExc_ValueError, "the step of a slice must be None, not %R",
			     slice->step);
		return -1;
	}
	if (slice->start != Py_None && bound_parse(slice->start, "start", clip, &start) < 0)
		return -1;
	if (slice->stop != Py_None && bound_parse(slice->stop, "stop", clip, &stop) < 0)
		return -1;
	if (bound_above(&start, &stop)) {
		/* The stop is not the top here, so either both have been given, or only start. */
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

/* ---- truth ---------------------------------------------------------------------------------- */

int truth_parse(PyObject *object, bool *truth)
{
	int value = object ? PyObject_IsTrue(object) : 0;

	*truth = value > 0;
	return value < 0 ? -1 : 0;
}
