/* SPDX-License-Identifier: MIT */
/*
 * Exceptions. Each function sets one and leaves the tree alone. Owns nothing. For all files.
 */
#include "errors.h"

PyObject *raise_status(int status)
{
	if (status == -ENOMEM)
		return PyErr_NoMemory();
	if (status == -ECANCELED) /* a policy's method has raised */
		return NULL;
	if (status == -EBUSY) {
		PyErr_SetString(PyExc_RuntimeError,
				"cannot change a tree while it calls its policy");
		return NULL;
	}
	if (status == -EAGAIN) {
		PyErr_SetString(PyExc_RuntimeError, "the ranges were changed during the call");
		return NULL;
	}
	return PyErr_Format(PyExc_SystemError, "the maple tree returned status %d", status);
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

void raise_number(const char *format, const char *name, PyObject *number)
{
	PyObject *text = number_shown(number);

	if (!text)
		return;
	PyErr_Format(PyExc_ValueError, format, name, text);
	Py_DECREF(text);
}

void raise_key(PyObject *key)
{
	PyObject *error = PyObject_CallOneArg(PyExc_KeyError, key);

	if (!error)
		return;
	PyErr_SetObject(PyExc_KeyError, error);
	Py_DECREF(error);
}

void locate_error(const struct core_state *state, const char *noun, Py_ssize_t position)
{
	PyObject *type, *value, *traceback;

	PyErr_Fetch(&type, &value, &traceback);
	if (state && type == state->no_key)
		Py_SETREF(type, Py_NewRef(PyExc_ValueError));
	if (value && (type == PyExc_TypeError || type == PyExc_ValueError)) {
		PyErr_Format(type, "%s %zd: %S", noun, position, value);
		Py_DECREF(type);
		Py_DECREF(value);
		Py_XDECREF(traceback);
	} else {
		PyErr_Restore(type, value, traceback);
	}
}

void extend_type_error(const char *hint)
{
	PyObject *type, *value, *traceback;

	PyErr_Fetch(&type, &value, &traceback);
	if (value && type == PyExc_TypeError) {
		PyErr_Format(type, "%S%s", value, hint);
		Py_DECREF(type);
		Py_DECREF(value);
		Py_XDECREF(traceback);
	} else {
		PyErr_Restore(type, value, traceback);
	}
}
