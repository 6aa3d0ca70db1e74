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

/* ---- truth ---------------------------------------------------------------------------------- */

int truth_parse(PyObject *object, bool *truth)
{
	int value = object ? PyObject_IsTrue(object) : 0;

	*truth = value > 0;
	return value < 0 ? -1 : 0;
}
