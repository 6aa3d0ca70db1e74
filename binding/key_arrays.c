/* SPDX-License-Identifier: MIT */
/*
 * Arrays of keys that go out: numpy makes them, and they are filled from codes. Compiled once for each
 * width of codes. Owns nothing. For arrays.c.
 */
#include "key_arrays.h"
#include "floats.h"

/* By the kind in Python, from a list. */
static PyObject *array_in_python(const struct kind *kind, PyObject *numpy, const mt_key *codes,
				 size_t count)
{
	PyObject *list = PyList_New((Py_ssize_t)count);
	PyObject *array = NULL;

	for (size_t i = 0; list && i < count; i++) {
		PyObject *code = code_object(codes[i]);

		if (!code)
			Py_CLEAR(list);
		else
			PyList_SET_ITEM(list, (Py_ssize_t)i, code);
	}
	if (list)
		array = PyObject_CallMethod(kind->object, "array", "OO", numpy, list);
	Py_XDECREF(list);
	return array;
}

#if MT_KEY_BITS == 64

enum { TYPE_CHARS = 32, ITEM = sizeof(uint64_t) };

/* The dtype of an array of keys: false if there is none. `moments` has numpy's unit in their name. */
static bool find_type(const struct kind *kind, char type[TYPE_CHARS])
{
	const char *name;

	switch (kind->encoding) {
	case KEYS_UINT64:
	case KEYS_INT64:
	case KEYS_FLOAT64:
		name = PyUnicode_AsUTF8(kind->name);
		break;
	case KEYS_MOMENTS:
		name = kind->moments.per_second ? PyUnicode_AsUTF8(kind->name) : "datetime64[D]";
		break;
	case KEYS_IPV4:
		name = "uint32";
		break;
	default:
		return false;
	}
	if (!name)
		return false;
	/* "datetime64[us, UTC]" without the zone. */
	snprintf(type, TYPE_CHARS, "%.*s%s", (int)strcspn(name, ","), name,
		 strchr(name, ',') ? "]" : "");
	return true;
}

static PyObject *empty_array(const struct kind *kind, PyObject *numpy, size_t count)
{
	char type[TYPE_CHARS];

	if (!find_type(kind, type))
		return NULL;
	return PyObject_CallMethod(numpy, "empty", "ns", (Py_ssize_t)count, type);
}

static size_t item_size(const struct kind *kind)
{
	return kind->encoding == KEYS_IPV4 ? sizeof(uint32_t) : ITEM;
}

/* The array as a buffer of numbers. */
static PyObject *as_numbers(const struct kind *kind, PyObject *array)
{
	if (kind->encoding == KEYS_MOMENTS)
		return PyObject_CallMethod(array, "view", "s", "i8");
	return Py_NewRef(array);
}

static void fill(const struct kind *kind, void *memory, const mt_key *codes, size_t count)
{
	uint64_t *words = memory;
	uint32_t *halves = memory;

	switch (kind->encoding) {
	case KEYS_FLOAT64:
		for (size_t i = 0; i < count; i++)
			words[i] = bits_of_code(codes[i]);
		break;
	case KEYS_IPV4:
		for (size_t i = 0; i < count; i++)
			halves[i] = (uint32_t)codes[i];
		break;
	default: {
		uint64_t first = kind->encoding == KEYS_INT64     ? UINT64_C(1) << 63
				 : kind->encoding == KEYS_MOMENTS ? (uint64_t)kind->moments.origin
								  : 0;

		for (size_t i = 0; i < count; i++)
			words[i] = codes[i] + first;
	}
	}
}

/* Dates are days in 32 bits. */
void fill_arrow_keys(const struct kind *kind, void *memory, const mt_key *codes, size_t count)
{
	int32_t *days = memory;

	if (kind->encoding != KEYS_MOMENTS || kind->moments.per_second) {
		fill(kind, memory, codes, count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		days[i] = (int32_t)((int64_t)codes[i] + kind->moments.origin);
}

#else

enum { ITEM = sizeof(mt_key) };

/* Rows of two words, the high one first. */
static PyObject *empty_array(const struct kind *kind, PyObject *numpy, size_t count)
{
	if (kind->custom)
		return NULL;
	return PyObject_CallMethod(numpy, "empty", "(ni)s", (Py_ssize_t)count, 2, "uint64");
}

static size_t item_size(const struct kind *Py_UNUSED(kind))
{
	return ITEM;
}

static PyObject *as_numbers(const struct kind *Py_UNUSED(kind), PyObject *array)
{
	return Py_NewRef(array);
}

static void fill(const struct kind *Py_UNUSED(kind), void *memory, const mt_key *codes,
		 size_t count)
{
	uint64_t *words = memory;

	for (size_t i = 0; i < count; i++) {
		words[2 * i] = (uint64_t)(codes[i] >> 64);
		words[2 * i + 1] = (uint64_t)codes[i];
	}
}

/* 16 bytes each, in big-endian order. */
void fill_arrow_keys(const struct kind *kind, void *memory, const mt_key *codes, size_t count)
{
	uint64_t *words = memory;

	fill(kind, memory, codes, count);
	for (size_t i = 0; PY_LITTLE_ENDIAN && i < 2 * count; i++)
		words[i] = __builtin_bswap64(words[i]);
}

#endif

/* Fill the array; 0 or -1. */
static int fill_array(const struct kind *kind, PyObject *array, const mt_key *codes, size_t count)
{
	PyObject *numbers = as_numbers(kind, array);
	Py_buffer view;
	int status = 0;

	if (!numbers || PyObject_GetBuffer(numbers, &view, PyBUF_CONTIG) < 0) {
		Py_XDECREF(numbers);
		return -1;
	}
	if ((size_t)view.len == count * item_size(kind)) {
		fill(kind, view.buf, codes, count);
	} else {
		PyErr_Format(PyExc_TypeError,
			     "numpy.empty() did not return an array of %zu keys (got %R)", count,
			     (PyObject *)Py_TYPE(array));
		status = -1;
	}
	PyBuffer_Release(&view);
	Py_DECREF(numbers);
	return status;
}

PyObject *array_of_keys(const struct kind *kind, PyObject *numpy, const mt_key *codes, size_t count)
{
	PyObject *array = empty_array(kind, numpy, count);

	if (!array)
		return PyErr_Occurred() ? NULL : array_in_python(kind, numpy, codes, count);
	if (fill_array(kind, array, codes, count) < 0)
		Py_CLEAR(array);
	return array;
}
