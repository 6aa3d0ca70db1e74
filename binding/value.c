/* SPDX-License-Identifier: MIT */
/*
 * Values: what a tree's 64-bit words stand for, by its dtype.
 *
 * The words of an object tree are references, which the core takes and gives back. The words of a packed tree are numbers. They are converted when they are stored, and
 * made into new objects when they are read. To the core they are words without operations.
 *
 * Owns nothing: a reference belongs to the leaf that its word lies in. For all files.
 */
#include "value.h"
#include "args.h"
#include "errors.h"

/* ---- references ----------------------------------------------------------------------------- */

void objects_retain(void *context, const uint64_t *words, uint32_t present)
{
	(void)context;
	while (present) {
		Py_INCREF(object_of(words[__builtin_ctz(present)]));
		present &= present - 1;
	}
}

void objects_release(void *context, const uint64_t *words, uint32_t present)
{
	(void)context;
	while (present) {
		Py_DECREF(object_of(words[__builtin_ctz(present)]));
		present &= present - 1;
	}
}

/* ---- dtypes --------------------------------------------------------------------------------- */

static const char *const names[] = {
	[DTYPE_OBJECT] = NULL,
	[DTYPE_U8] = "u8",
	[DTYPE_I8] = "i8",
	[DTYPE_F8] = "f8",
};

const char *dtype_name(enum dtype dtype)
{
	return names[dtype];
}

PyObject *dtype_object(enum dtype dtype)
{
	if (dtype == DTYPE_OBJECT)
		Py_RETURN_NONE;
	return PyUnicode_InternFromString(names[dtype]);
}

bool dtype_find(PyObject *object, enum dtype *dtype)
{
	*dtype = DTYPE_OBJECT;
	if (!object || object == Py_None)
		return true;
	for (int i = DTYPE_U8; i <= DTYPE_F8 && PyUnicode_Check(object); i++) {
		if (PyUnicode_CompareWithASCIIString(object, names[i]) == 0) {
			*dtype = (enum dtype)i;
			return true;
		}
	}
	return false;
}

int dtype_parse(PyObject *object, enum dtype *dtype)
{
	PyObject *module, *name;

	if (dtype_find(object, dtype))
		return 0;
	/* One of numpy's names or types; otherwise this raises. */
	module = PyImport_ImportModule("samara._dtypes");
	name = module ? PyObject_CallMethod(module, "checked_dtype", "(O)", object) : NULL;
	Py_XDECREF(module);
	if (name)
		dtype_find(name, dtype);
	Py_XDECREF(name);
	return name ? 0 : -1;
}

/* ---- numbers -------------------------------------------------------------------------------- */

static int signed_to_word(PyObject *value, uint64_t *word)
{
	PyObject *exact;
	PyObject *text;
	long long number;
	int overflow;

	if (!PyIndex_Check(value)) {
		PyErr_Format(PyExc_TypeError, "value must be an integer, not %s",
			     Py_TYPE(value)->tp_name);
		return -1;
	}
	exact = PyNumber_Index(value);
	if (!exact)
		return -1;
	number = PyLong_AsLongLongAndOverflow(exact, &overflow);
	text = overflow ? number_shown(exact) : NULL;
	if (text)
		PyErr_Format(PyExc_ValueError,
			     "value %U is outside -9223372036854775808 ... 9223372036854775807",
			     text);
	Py_XDECREF(text);
	Py_DECREF(exact);
	*word = (uint64_t)number;
	return overflow ? -1 : 0;
}

static int float_to_word(PyObject *value, uint64_t *word)
{
	PyNumberMethods *methods = Py_TYPE(value)->tp_as_number;
	double number;

	if (!PyFloat_Check(value) && !PyIndex_Check(value) && !(methods && methods->nb_float)) {
		PyErr_Format(PyExc_TypeError, "value must be a number, not %s",
			     Py_TYPE(value)->tp_name);
		return -1;
	}
	number = PyFloat_AsDouble(value);
	if (number == -1.0 && PyErr_Occurred())
		return -1;
	*word = word_of_double(number);
	return 0;
}

int number_to_word(enum dtype dtype, PyObject *value, uint64_t *word)
{
	switch (dtype) {
	case DTYPE_U8:
		return index_require(value, "value", word);
	case DTYPE_I8:
		return signed_to_word(value, word);
	default:
		return float_to_word(value, word);
	}
}

PyObject *word_to_number(enum dtype dtype, uint64_t word)
{
	switch (dtype) {
	case DTYPE_U8:
		return PyLong_FromUnsignedLongLong(word);
	case DTYPE_I8:
		return PyLong_FromLongLong((long long)word);
	default:
		return PyFloat_FromDouble(double_of(word));
	}
}
