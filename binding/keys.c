/* SPDX-License-Identifier: MIT */
/*
 * Keys: conversion to codes and back, sizes, windows and slices. Compiled once for each width of
 * codes.
 *
 * Ints, floats, dates, moments and addresses of the most common types are converted in C. Everything
 * else is asked of the Python kind, which can run any code, as an int's __index__() can, and a time
 * zone's methods. Owns nothing. For all files that know keys.
 */
#include "keys.h"
#include "errors.h"
#include "floats.h"

/* ---- ints ----------------------------------------------------------------------------------- */

#if MT_KEY_BITS == 128

/* Read an int of 0 ... 2^128 - 1 from its digits. */
static bool int_is_code(PyObject *number, mt_key *code)
{
#if PyLong_SHIFT == 30 && PY_VERSION_HEX < 0x030F0000
	PyLongObject *integer = (PyLongObject *)number;
	mt_key value = 0;
#if PY_VERSION_HEX >= 0x030C0000
	const digit *digits = integer->long_value.ob_digit;
	uintptr_t size = integer->long_value.lv_tag;

	if ((size & 3) == 2) /* negative */
		return false;
	size = size & 3 ? 0 : size >> 3;
#else
	const digit *digits = integer->ob_digit;
	Py_ssize_t size = Py_SIZE(integer);

	if (size < 0)
		return false;
#endif
	if (size > 5 || (size == 5 && digits[4] >> 8))
		return false;
	for (int i = (int)size; i-- > 0;)
		value = value << PyLong_SHIFT | digits[i];
	*code = value;
	return true;
#else
	(void)number;
	(void)code;
	return false;
#endif
}

/* The place of an int among those of 128 bits, with its two words: an enum index_kind. */
static int split_int(PyObject *number, uint64_t *low, uint64_t *high)
{
	PyObject *shift = PyLong_FromLong(64);
	PyObject *rest = shift ? PyNumber_Rshift(number, shift) : NULL;
	int place = INDEX_ERROR;
	int overflow;
	long long sign;
	double size;

	if (!rest)
		goto out;
	*low = PyLong_AsUnsignedLongLongMask(number);
	*high = PyLong_AsUnsignedLongLong(rest);
	place = INDEX_IN;
	if (!PyErr_Occurred())
		goto out;
	PyErr_Clear();
	sign = PyLong_AsLongLongAndOverflow(rest, &overflow);
	place = overflow < 0 || (!overflow && sign < 0) ? INDEX_BELOW : INDEX_ABOVE;
	if (place == INDEX_BELOW || *low || PyLong_AsUnsignedLongLongMask(rest))
		goto out;
	/* 2^64 is the only multiple of 2^64 that equals it as a float. */
	size = PyLong_AsDouble(rest);
	if (size == -1.0 && PyErr_Occurred())
		PyErr_Clear();
	if (size == 18446744073709551616.0)
		place = INDEX_TOP;
out:
	Py_XDECREF(shift);
	Py_XDECREF(rest);
	return place;
}

int code_parse(PyObject *number, mt_key top, mt_key *code)
{
	if (!int_is_code(number, code)) {
		uint64_t low, high;
		int place = split_int(number, &low, &high);

		if (place != INDEX_IN)
			return place == INDEX_TOP && top < MT_KEY_MAX ? INDEX_ABOVE : place;
		*code = (mt_key)high << 64 | low;
	}
	if (*code <= top)
		return INDEX_IN;
	return *code - top == 1 ? INDEX_TOP : INDEX_ABOVE;
}

PyObject *code_object(mt_key code)
{
	PyObject *low = PyLong_FromUnsignedLongLong((uint64_t)code);
	PyObject *high, *shift, *shifted, *result;

	if (!(code >> 64) || !low)
		return low;
	high = PyLong_FromUnsignedLongLong((uint64_t)(code >> 64));
	shift = PyLong_FromLong(64);
	shifted = high && shift ? PyNumber_Lshift(high, shift) : NULL;
	result = shifted ? PyNumber_Or(shifted, low) : NULL;
	Py_DECREF(low);
	Py_XDECREF(high);
	Py_XDECREF(shift);
	Py_XDECREF(shifted);
	return result;
}

#else

int code_parse(PyObject *number, mt_key top, mt_key *code)
{
	int place = index_parse(number, "index", code);

	if (place != INDEX_IN)
		return place == INDEX_TOP && top < MT_KEY_MAX ? INDEX_ABOVE : place;
	if (*code <= top)
		return INDEX_IN;
	return *code - top == 1 ? INDEX_TOP : INDEX_ABOVE;
}

PyObject *code_object(mt_key code)
{
	return PyLong_FromUnsignedLongLong(code);
}

/* The code of an int of 64 bits with a sign. */
static int signed_parse(PyObject *number, mt_key *code)
{
	const uint64_t zero = UINT64_C(1) << 63;
	int overflow = 0;
	int64_t value;
	uint64_t above;

	if (!signed_int_is_short(number, &value))
		value = PyLong_AsLongLongAndOverflow(number, &overflow);
	if (!overflow) {
		*code = (uint64_t)value ^ zero;
		return INDEX_IN;
	}
	if (overflow < 0)
		return INDEX_BELOW;
	above = PyLong_AsUnsignedLongLong(number);
	if (PyErr_Occurred()) {
		PyErr_Clear();
		return INDEX_ABOVE;
	}
	return above == zero ? INDEX_TOP : INDEX_ABOVE;
}

#endif

/* ---- one key -------------------------------------------------------------------------------- */

static int parse_in_python(const struct kind *kind, PyObject *key, const char *name, mt_key *code)
{
	PyObject *number = PyObject_CallMethod(kind->object, "code", "Os", key, name);
	int place = INDEX_ERROR;

	if (!number)
		return PyErr_ExceptionMatches(kind->state->no_key) ? INDEX_NOWHERE : INDEX_ERROR;
	if (PyLong_CheckExact(number))
		place = code_parse(number, kind_top(kind), code);
	else
		PyErr_Format(PyExc_TypeError, "code() must return an int, not %s",
			     Py_TYPE(number)->tp_name);
	Py_DECREF(number);
	return place;
}

/* Of an exact int. */
static int int_parse(const struct kind *kind, PyObject *number, mt_key *code)
{
#if MT_KEY_BITS == 64
	if (kind->encoding == KEYS_INT64)
		return signed_parse(number, code);
#endif
	return code_parse(number, kind_top(kind), code);
}

#if MT_KEY_BITS == 64

/* Convert a key of the most common types: 1; 0 if the Python kind must be asked; -1. */
static int parse_in_c(const struct kind *kind, PyObject *key, mt_key *code)
{
	uint32_t address;

	switch (kind->encoding) {
	case KEYS_FLOAT64:
		if (!PyFloat_Check(key))
			return 0;
		/* As float.__float__() does, for subclasses too. */
		*code = code_of_double(PyFloat_AS_DOUBLE(key));
		return *code <= FLOAT_TOP;
	case KEYS_MOMENTS:
		return moment_code(&kind->moments, key, code);
	case KEYS_IPV4:
		if (!ipv4_of_text(key, &address))
			return 0;
		*code = address;
		return 1;
	default:
		return 0;
	}
}

#else

static int parse_in_c(const struct kind *kind, PyObject *key, mt_key *code)
{
	uint64_t high, low;

	if (kind->encoding != KEYS_IPV6 || !ipv6_of_text(key, &high, &low))
		return 0;
	*code = (mt_key)high << 64 | low;
	return 1;
}

#endif

/* Of a kind whose keys are not ints. */
static int parse_object(const struct kind *kind, PyObject *key, const char *name, mt_key *code)
{
	int status = parse_in_c(kind, key, code);

	if (status == 0 && kind->networks) {
		PyObject *number = PyLong_CheckExact(key) ? Py_NewRef(key)
							  : address_number(&kind->addresses, key);

		if (number) {
			status = code_parse(number, kind_top(kind), code);
			Py_DECREF(number);
			return status;
		}
	}
	if (status == 0)
		return parse_in_python(kind, key, name, code);
	return status > 0 ? INDEX_IN : INDEX_ERROR;
}

int key_parse_slow(const struct kind *kind, PyObject *key, const char *name, mt_key *code)
{
	PyObject *exact;
	int place;

	if (!kind->whole)
		return parse_object(kind, key, name, code);
	if (PyLong_CheckExact(key))
		return int_parse(kind, key, code);
	if (!PyIndex_Check(key)) {
		PyErr_Format(PyExc_TypeError, "%s must be an integer, not %s", name,
			     Py_TYPE(key)->tp_name);
		return INDEX_ERROR;
	}
	exact = PyNumber_Index(key);
	if (!exact)
		return INDEX_ERROR;
	place = int_parse(kind, exact, code);
	Py_DECREF(exact);
	return place;
}

/* Raise the ValueError for a key outside the limits, from the code `low` on. With `end`, one past the
 * last key is within them. */
static void raise_outside(const struct kind *kind, PyObject *key, const char *name, int low,
			  bool end)
{
	PyObject *method = PyObject_GetAttrString(kind->object, "outside");
	PyObject *args = method ? Py_BuildValue("(Osi)", key, name, low) : NULL;
	PyObject *kwargs = args ? Py_BuildValue("{sO}", "end", end ? Py_True : Py_False) : NULL;
	PyObject *error = kwargs ? PyObject_Call(method, args, kwargs) : NULL;

	if (error)
		PyErr_SetObject(PyExc_ValueError, error);
	Py_XDECREF(method);
	Py_XDECREF(args);
	Py_XDECREF(kwargs);
	Py_XDECREF(error);
}

int key_require_failed(const struct kind *kind, PyObject *key, const char *name, int place)
{
	if (place != INDEX_ERROR && place != INDEX_NOWHERE)
		raise_outside(kind, key, name, 0, false);
	return -1;
}

int key_require_end(const struct kind *kind, PyObject *key, const char *name, mt_key *code)
{
	int place = key_parse(kind, key, name, code);

	if (place == INDEX_ERROR || place == INDEX_NOWHERE)
		return -1;
	if (place == INDEX_TOP)
		*code = kind_top(kind);
	else if (place == INDEX_IN && *code > 0)
		(*code)--;
	else
		raise_outside(kind, key, name, 1, true);
	return PyErr_Occurred() ? -1 : 0;
}

/* Make a float, a date or a moment: false if the Python kind must make the key. */
static bool make_in_c(const struct kind *kind, mt_key code, PyObject **key)
{
	if (kind->encoding == KEYS_FLOAT64) {
		*key = PyFloat_FromDouble(double_of_code((uint64_t)code));
		return true;
	}
	return kind->encoding == KEYS_MOMENTS &&
	       moment_key(&kind->moments, (uint64_t)code, key) != 0;
}

PyObject *key_object_slow(const struct kind *kind, mt_key code)
{
	PyObject *number, *key;

	if (codes_are_keys(kind))
		return code_object(code);
#if MT_KEY_BITS == 64
	if (kind->encoding == KEYS_INT64)
		return PyLong_FromLongLong((long long)(code ^ UINT64_C(1) << 63));
#endif
	if (!kind->networks && make_in_c(kind, code, &key))
		return key;
	number = code_object(code);
	if (!number)
		return NULL;
	if (kind->networks)
		key = address_object(&kind->addresses, number);
	else
		key = PyObject_CallMethod(kind->object, "key", "O", number);
	Py_XDECREF(number);
	return key;
}

PyObject *key_shown(const struct kind *kind, PyObject *key)
{
	if (kind->whole)
		return number_shown(key);
	return PyObject_CallMethod(kind->object, "shown", "(O)", key);
}

PyObject *code_shown(const struct kind *kind, mt_key code)
{
	PyObject *key = key_object(kind, code);
	PyObject *text = key ? key_shown(kind, key) : NULL;

	Py_XDECREF(key);
	return text;
}

/* ---- sizes ---------------------------------------------------------------------------------- */

int size_parse(const struct kind *kind, PyObject *size, const char *name, mt_key *count)
{
	PyObject *number;
	int place;

	if (PyLong_CheckExact(size) && (kind->whole || kind->networks))
		return code_parse(size, MT_KEY_MAX, count);
	number = PyObject_CallMethod(kind->object, "count", "Os", size, name);
	if (!number)
		return INDEX_ERROR;
	place = code_parse(number, MT_KEY_MAX, count);
	Py_DECREF(number);
	return place;
}

PyObject *size_shown(const struct kind *kind, PyObject *size)
{
	PyObject *count, *own, *shown;

	if (kind->whole)
		return number_shown(size);
	/* In the form that the kind's sizes have. */
	count = PyObject_CallMethod(kind->object, "count", "Os", size, "size");
	own = count ? PyObject_CallMethod(kind->object, "size", "O", count) : NULL;
	shown = !own ? NULL : PyLong_Check(own) ? number_shown(own) : PyObject_Str(own);
	Py_XDECREF(count);
	Py_XDECREF(own);
	return shown;
}

PyObject *size_object(const struct kind *kind, mt_key count, bool carry)
{
	PyObject *number = code_object(count);
	PyObject *size;

	if (carry && number)
		Py_SETREF(number, Py_NewRef(MT_KEY_BITS == 128 ? kind->state->two_to_128
							       : kind->state->two_to_64));
	if (!number || kind->whole || kind->networks)
		return number;
	size = PyObject_CallMethod(kind->object, "size", "O", number);
	Py_DECREF(number);
	return size;
}

int size_require_slow(const struct kind *kind, PyObject *size, const char *name, mt_key *count)
{
	int place = size_parse(kind, size, name, count);
	PyObject *least, *texts[2] = {NULL};

	if (place != INDEX_BELOW && (place != INDEX_IN || *count > 0))
		return place;
	least = size_object(kind, 1, false);
	if (least)
		texts[0] = size_shown(kind, least);
	if (texts[0])
		texts[1] = size_shown(kind, size);
	if (texts[1])
		PyErr_Format(PyExc_ValueError, "%s must be %U or more, not %U", name, texts[0],
			     texts[1]);
	Py_XDECREF(least);
	Py_XDECREF(texts[0]);
	Py_XDECREF(texts[1]);
	return INDEX_ERROR;
}

/* ---- closed windows ------------------------------------------------------------------------- */

static int raise_order(const struct kind *kind, const char *first_name, PyObject *first,
		       const char *last_name, PyObject *last)
{
	PyObject *low = key_shown(kind, first);
	PyObject *high = low ? key_shown(kind, last) : NULL;

	if (high)
		PyErr_Format(PyExc_ValueError, "%s %U is above %s %U", first_name, low, last_name,
			     high);
	Py_XDECREF(low);
	Py_XDECREF(high);
	return -1;
}

int window_require_slow(const struct kind *kind, PyObject *first_object, PyObject *last_object,
			mt_key *first, mt_key *last)
{
	*first = 0;
	*last = kind_top(kind);
	if (first_object && key_require(kind, first_object, "first", first) < 0)
		return -1;
	if (last_object && key_require(kind, last_object, "last", last) < 0)
		return -1;
	/* A bound that is not given is a limit: then they are in order. */
	if (*first > *last)
		return raise_order(kind, "first", first_object, "last", last_object);
	return 0;
}

int window_within(const struct kind *kind, PyObject *first_object, PyObject *last_object,
		  mt_key *first, mt_key *last)
{
	return window_require(kind, or_limit(first_object), or_limit(last_object), first, last);
}

/* window_clip(), which also says whether an end was cut. A bound that is NULL is a limit. */
static inline int window_cut(const struct kind *kind, PyObject *first_object,
			     const char *first_name, PyObject *last_object, const char *last_name,
			     mt_key *first, mt_key *last, bool *cut)
{
	int first_place = INDEX_IN;
	int last_place = INDEX_IN;

	*first = 0;
	*last = kind_top(kind);
	if (first_object) {
		first_place = key_parse(kind, first_object, first_name, first);
		if (first_place == INDEX_ERROR || first_place == INDEX_NOWHERE)
			return -1;
	}
	if (last_object) {
		last_place = key_parse(kind, last_object, last_name, last);
		if (last_place == INDEX_ERROR || last_place == INDEX_NOWHERE)
			return -1;
	}
	*cut = first_place != INDEX_IN || last_place != INDEX_IN;
	if (first_place == INDEX_BELOW)
		*first = 0;
	if (last_place == INDEX_TOP || last_place == INDEX_ABOVE)
		*last = kind_top(kind);
	if (first_place == INDEX_TOP || first_place == INDEX_ABOVE) {
		if (last_place == INDEX_BELOW || *last < kind_top(kind))
			return raise_order(kind, first_name, first_object, last_name, last_object);
		return 0;
	}
	if (last_place == INDEX_BELOW) {
		if (*first > 0)
			return raise_order(kind, first_name, first_object, last_name, last_object);
		return 0;
	}
	if (*first > *last)
		return raise_order(kind, first_name, first_object, last_name, last_object);
	return 1;
}

int window_clip_slow(const struct kind *kind, PyObject *first_object, const char *first_name,
		     PyObject *last_object, const char *last_name, mt_key *first, mt_key *last)
{
	bool cut;

	return window_cut(kind, first_object, first_name, last_object, last_name, first, last,
			  &cut);
}

int window_inside(const struct kind *kind, PyObject *first_object, PyObject *last_object,
		  mt_key *first, mt_key *last)
{
	bool cut;
	int some = window_cut(kind, first_object, "first", last_object, "last", first, last, &cut);

	return some > 0 && cut ? 0 : some;
}

/* ---- half-open slices ----------------------------------------------------------------------- */

/* A bound of a slice: a code, or with `top` one past the last code. */
struct bound {
	mt_key value;
	bool top;
};

static bool bound_above(const struct bound *a, const struct bound *b)
{
	return a->top ? !b->top : !b->top && a->value > b->value;
}

static int bound_parse(const struct kind *kind, PyObject *key, const char *name, bool clip,
		       struct bound *bound)
{
	int place = key_parse(kind, key, name, &bound->value);

	bound->top = false;
	switch (place) {
	case INDEX_ERROR:
	case INDEX_NOWHERE:
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
		raise_outside(kind, key, name, 0, true);
		return -1;
	}
	bound->value = 0;
	bound->top = place == INDEX_ABOVE;
	return 0;
}

static int slice_parse(const struct kind *kind, PyObject *object, bool clip, mt_key *first,
		       mt_key *last)
{
	PySliceObject *slice = (PySliceObject *)object;
	struct bound start = {0, false};
	struct bound stop = {0, true};

	if (slice->step != Py_None) {
		PyErr_Format(PyExc_ValueError, "the step of a slice must be None, not %R",
			     slice->step);
		return -1;
	}
	if (slice->start != Py_None && bound_parse(kind, slice->start, "start", clip, &start) < 0)
		return -1;
	if (slice->stop != Py_None && bound_parse(kind, slice->stop, "stop", clip, &stop) < 0)
		return -1;
	if (bound_above(&start, &stop)) {
		/* The stop is not the top here, so either both have been given, or only start. */
		return raise_order(kind, "start", slice->start, "stop", slice->stop);
	}
	if (start.top || (!stop.top && start.value == stop.value))
		return 0;
	*first = start.value;
	*last = stop.top ? kind_top(kind) : stop.value - 1;
	return 1;
}

/* ---- networks ------------------------------------------------------------------------------- */

/* The ends of a network, if the key is one. */
static int network_parse(const struct kind *kind, PyObject *key, mt_key *first, mt_key *last)
{
	PyObject *window;
	int status = KEY_IS_ONE;

	if (!kind->networks || PyLong_CheckExact(key))
		return KEY_IS_ONE;
	window = PyObject_CallMethod(kind->object, "window_of", "(O)", key);
	if (!window)
		return -1;
	if (window != Py_None) {
		status = PyTuple_Check(window) && PyTuple_GET_SIZE(window) == 2 &&
					 code_parse(PyTuple_GET_ITEM(window, 0), kind_top(kind),
						    first) == INDEX_IN &&
					 code_parse(PyTuple_GET_ITEM(window, 1), kind_top(kind),
						    last) == INDEX_IN
				 ? 1
				 : -1;
		if (status < 0)
			PyErr_SetString(PyExc_TypeError, "window_of() must return two codes");
	}
	Py_DECREF(window);
	return status;
}

static int several_parse(const struct kind *kind, PyObject *key, bool clip, mt_key *first,
			 mt_key *last)
{
	if (PySlice_Check(key))
		return slice_parse(kind, key, clip, first, last);
	return network_parse(kind, key, first, last);
}

int several_require(const struct kind *kind, PyObject *key, mt_key *first, mt_key *last)
{
	return several_parse(kind, key, false, first, last);
}

int several_clip(const struct kind *kind, PyObject *key, mt_key *first, mt_key *last)
{
	return several_parse(kind, key, true, first, last);
}
