/* SPDX-License-Identifier: MIT */
/*
 * The columns of a pickled state: keys and packed values.
 *
 * Going out, a column is a bytes object. With protocol 5 it is wrapped in a pickle.PickleBuffer, which
 * pickle writes as bytes, or hands to its buffer_callback as it is.
 *
 * Coming in, a column is any object with a buffer: contiguous, of bytes or of 64-bit numbers,
 * little-endian. It is used in place if the machine can read it there. Its contents can change as
 * long as other code runs; whoever reads the words checks what it reads.
 *
 * A column owns its view and its copy until it is closed. For pickle.c.
 */
#include "state_column.h"

int state_refuse(const char *reason)
{
	PyErr_Format(PyExc_ValueError, "not the state of a MapleTree: %s", reason);
	return -1;
}

/* ---- out ------------------------------------------------------------------------------------ */

int state_columns_wrap(PyObject *columns[3])
{
	for (int i = 0; i < 3; i++) {
		PyObject *buffer = PyPickleBuffer_FromObject(columns[i]);

		if (!buffer)
			return -1;
		Py_SETREF(columns[i], buffer);
	}
	return 0;
}

void state_column_swap(void *words, size_t size, size_t count)
{
	unsigned char *word = words;

	if (PY_LITTLE_ENDIAN)
		return;
	for (size_t i = 0; i < count; i++, word += size) {
		for (size_t low = 0, high = size - 1; low < high; low++, high--) {
			unsigned char byte = word[low];

			word[low] = word[high];
			word[high] = byte;
		}
	}
}

/* ---- in ------------------------------------------------------------------------------------- */

/* Whether the items are bytes, or words as a state has them. */
static bool format_fits(const Py_buffer *view)
{
	const char *format = view->format ? view->format : "B";
	bool little = PY_LITTLE_ENDIAN;

	if (format[0] && strchr("@=<>!", format[0])) {
		if (format[0] == '<')
			little = true;
		else if (format[0] == '>' || format[0] == '!')
			little = false;
		format++;
	}
	if (!format[0] || format[1])
		return false;
	if (view->itemsize == 1)
		return strchr("bBc", format[0]) != NULL;
	return view->itemsize == 8 && little && strchr("qQlLd", format[0]);
}

static int refuse_column(const char *noun, const char *reason)
{
	PyErr_Format(PyExc_ValueError, "not the state of a MapleTree: the %s %s", noun, reason);
	return -1;
}

int state_column_open(struct state_column *column, PyObject *object, const char *noun)
{
	Py_buffer *view = &column->view;

	if (!PyObject_CheckBuffer(object))
		return refuse_column(noun, "are not bytes");
	if (PyObject_GetBuffer(object, view, PyBUF_FULL_RO) < 0) {
		/* It has a buffer that cannot be described, or has none any more. */
		if (!PyErr_ExceptionMatches(PyExc_BufferError) &&
		    !PyErr_ExceptionMatches(PyExc_ValueError) &&
		    !PyErr_ExceptionMatches(PyExc_TypeError))
			return -1;
		PyErr_Clear();
		return refuse_column(noun, "are not bytes");
	}
	column->open = true;
	if (view->ndim != 1 || !PyBuffer_IsContiguous(view, 'C'))
		return refuse_column(noun, "are not one row of bytes");
	if (!format_fits(view))
		return refuse_column(noun, "are neither bytes nor little-endian words");
	return 0;
}

const void *state_column_words(struct state_column *column, size_t size)
{
	size_t bytes = (size_t)column->view.len;

	if (PY_LITTLE_ENDIAN && (uintptr_t)column->view.buf % size == 0)
		return column->view.buf;
	column->made = PyMem_Malloc(bytes);
	if (!column->made)
		return NULL;
	memcpy(column->made, column->view.buf, bytes);
	state_column_swap(column->made, size, bytes / size);
	return column->made;
}

void state_column_close(struct state_column *column)
{
	PyMem_Free(column->made);
	column->made = NULL;
	if (column->open)
		PyBuffer_Release(&column->view);
	column->open = false;
}
