/* SPDX-License-Identifier: MIT */
/*
 * Arrays that go out. numpy makes them, and is imported on first use. An array lends its memory to be
 * filled. Owns nothing: an output owns its array until output_take(). For arrays.c and load_many.c.
 */
#include "output.h"

PyObject *import_numpy(const char *function)
{
	PyObject *numpy = PyImport_ImportModule("numpy");
	PyObject *type, *cause, *error, *traceback;

	if (numpy || !PyErr_ExceptionMatches(PyExc_ImportError))
		return numpy;
	PyErr_Fetch(&type, &cause, &traceback);
	PyErr_NormalizeException(&type, &cause, &traceback);
	Py_XDECREF(traceback);
	Py_DECREF(type);
	PyErr_Format(PyExc_ImportError, "%s() requires numpy: pip install numpy", function);
	PyErr_Fetch(&type, &error, &traceback);
	PyErr_NormalizeException(&type, &error, &traceback);
	PyException_SetCause(error, cause);
	PyErr_Restore(type, error, traceback);
	return NULL;
}

int output_make_items(struct output *output, PyObject *numpy, const char *type, size_t size,
		      size_t count)
{
	bool objects;

	output->array = PyObject_CallMethod(numpy, "empty", "ns", (Py_ssize_t)count, type);
	if (!output->array)
		return -1;
	if (PyObject_GetBuffer(output->array, &output->view, PyBUF_CONTIG | PyBUF_FORMAT) < 0) {
		Py_CLEAR(output->array);
		return -1;
	}
	objects = output->view.format && strcmp(output->view.format, "O") == 0;
	if ((size_t)output->view.itemsize == size && objects == (strcmp(type, "object") == 0) &&
	    (size_t)output->view.len == count * size)
		return 0;
	PyErr_Format(PyExc_TypeError,
		     "numpy.empty() did not return an array of %zu %s items (got %R)", count, type,
		     (PyObject *)Py_TYPE(output->array));
	Py_CLEAR(output->array);
	PyBuffer_Release(&output->view);
	return -1;
}

int output_make(struct output *output, PyObject *numpy, enum dtype dtype, size_t count)
{
	static const char *const types[] = {"object", "uint64", "int64", "float64"};

	return output_make_items(output, numpy, types[dtype], sizeof(uint64_t), count);
}

PyObject *output_take(struct output *output)
{
	PyObject *array = output->array;

	if (array)
		PyBuffer_Release(&output->view);
	output->array = NULL;
	return array;
}
