/* SPDX-License-Identifier: MIT */
/*
 * Columns: the arguments of array operations, as 64-bit words.
 *
 * A column is a buffer of numbers with one dimension, or any other iterable. A contiguous buffer of
 * 64-bit numbers is used in place. Other buffers are widened into memory that the column owns, and
 * the items of a sequence are converted into such memory.
 *
 * Invariants: `view` is held unless the kind is COLUMN_OBJECTS; `items` is a tuple, which nothing
 * can change. Every error names its position.
 *
 * A column owns its view, its items and the words made of them until column_close(). For
 * key_column.c, ranges.c, alloc_many.c and arrays.c.
 */
#include "column.h"
#include "args.h"
#include "errors.h"

#define EIGHT sizeof(uint64_t)

/* ---- opening -------------------------------------------------------------------------------- */

static bool native_order(char mark)
{
	return mark == (PY_LITTLE_ENDIAN ? '<' : '>') || (mark == '!' && !PY_LITTLE_ENDIAN) ||
	       mark == '@' || mark == '=';
}

static enum column_kind kind_of_code(char code, size_t item)
{
	bool whole = item == 1 || item == 2 || item == 4 || item == 8;

	if (whole && strchr("bhilqn", code))
		return COLUMN_SIGNED;
	if (whole && strchr("BHILQN", code))
		return COLUMN_UNSIGNED;
	if ((code == 'e' && item == 2) || (code == 'f' && item == sizeof(float)) ||
	    (code == 'd' && item == sizeof(double)) || (code == 'g' && item == sizeof(long double)))
		return COLUMN_FLOATS;
	return COLUMN_OBJECTS;
}

/* Set the kind; COLUMN_OBJECTS if the items are not numbers. -1 for a byte order that is not
 * supported. */
static int check_format(struct column *column)
{
	const char *format = column->view.format ? column->view.format : "B";
	const char *code = format[0] && strchr("@=<>!", format[0]) ? format + 1 : format;

	if (!code[0] || code[1])
		return 0;
	column->kind = kind_of_code(code[0], (size_t)column->view.itemsize);
	if (column->kind == COLUMN_OBJECTS || code == format || native_order(format[0]))
		return 0;
	column->kind = COLUMN_OBJECTS;
	PyErr_Format(PyExc_ValueError, "%s must have the native byte order, not format '%s'",
		     column->name, format);
	return -1;
}

/* Get a view of a buffer of numbers: 1; 0 if the object is not such a buffer; -1. */
static int open_buffer(struct column *column, PyObject *object)
{
	int status;

	if (PyObject_GetBuffer(object, &column->view, PyBUF_RECORDS_RO) < 0) {
		/* It has a buffer that cannot be described, such as numpy's dates. */
		if (!PyErr_ExceptionMatches(PyExc_BufferError) &&
		    !PyErr_ExceptionMatches(PyExc_ValueError))
			return -1;
		PyErr_Clear();
		return 0;
	}
	if (column->view.ndim != 1) {
		PyErr_Format(PyExc_ValueError, "%s must have one dimension, not %d", column->name,
			     column->view.ndim);
		status = -1;
	} else {
		status = check_format(column);
	}
	if (column->kind == COLUMN_OBJECTS) {
		PyBuffer_Release(&column->view);
		return status;
	}
	column->item = (size_t)column->view.itemsize;
	column->count = (size_t)(column->view.len / column->view.itemsize);
	/* ctypes gives no strides for contiguous buffers. */
	column->step = column->view.strides ? column->view.strides[0] : column->view.itemsize;
	return 1;
}

int type_has(PyObject *object, const char *name)
{
	PyObject *method = PyObject_GetAttrString((PyObject *)Py_TYPE(object), name);

	if (method) {
		Py_DECREF(method);
		return 1;
	}
	if (!PyErr_ExceptionMatches(PyExc_AttributeError))
		return -1;
	PyErr_Clear();
	return 0;
}

int column_is_foreign(PyObject *object)
{
	static const char *const methods[] = {"__array__", "__arrow_c_stream__",
					      "__arrow_c_array__"};
	int has = 0;

	if (PyList_CheckExact(object) || PyTuple_CheckExact(object) || PyObject_CheckBuffer(object))
		return 0;
	for (int i = 0; i < 3 && !has; i++)
		has = type_has(object, methods[i]);
	return has;
}

/* What samara._arrow makes of a column of Arrow or of pandas: a buffer or a sequence, or the object
 * itself if it is no such column. NULL with an exception. */
static PyObject *open_foreign(PyObject *object, bool objects)
{
	PyObject *module = PyImport_ImportModule("samara._arrow.intake");
	PyObject *opened = NULL;

	if (module)
		opened = PyObject_CallMethod(module, "opened_values", "OO", object,
					     objects ? Py_True : Py_False);
	Py_XDECREF(module);
	if (opened == Py_None)
		Py_SETREF(opened, Py_NewRef(object));
	return opened;
}

/* Open a buffer of numbers, or with `objects` any sequence. 0 or -1. */
static int open_object(struct column *column, PyObject *object, const char *name, bool objects)
{
	int status = 0;

	if (!objects && PyObject_CheckBuffer(object))
		status = open_buffer(column, object);
	if (status != 0)
		return status < 0 ? -1 : 0;
	if (!Py_TYPE(object)->tp_iter && !PySequence_Check(object)) {
		PyErr_Format(PyExc_TypeError, "%s must be a buffer or a sequence, not %s", name,
			     Py_TYPE(object)->tp_name);
		return -1;
	}
	column->items = PySequence_Tuple(object);
	if (!column->items)
		return -1;
	column->count = (size_t)PyTuple_GET_SIZE(column->items);
	return 0;
}

int column_open(struct column *column, PyObject *object, const char *name, bool objects)
{
	int foreign = column_is_foreign(object);
	PyObject *opened = NULL;
	int status = -1;

	column->name = name;
	if (foreign == 0)
		return open_object(column, object, name, objects);
	if (foreign > 0)
		opened = open_foreign(object, objects);
	if (opened)
		status = open_object(column, opened, name, objects);
	Py_XDECREF(opened);
	return status;
}

void column_close(struct column *column)
{
	PyMem_Free(column->made);
	if (column->kind != COLUMN_OBJECTS)
		PyBuffer_Release(&column->view);
	Py_XDECREF(column->items);
	column->kind = COLUMN_OBJECTS;
	column->items = NULL;
	column->made = NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

bool column_is_words(const struct column *column)
{
	return column->kind != COLUMN_OBJECTS && column->item == EIGHT && column->step == EIGHT &&
	       (uintptr_t)column->view.buf % EIGHT == 0;
}

#define WIDEN(type, word)                                                                          \
	for (size_t i = 0; i < count; i++, from += column->step) {                                 \
		type number;                                                                       \
		memcpy(&number, from, sizeof(number));                                             \
		out[i] = (word);                                                                   \
	}                                                                                          \
	break

/* Integers are extended with their sign; floats become the bits of a double. */
void column_widen(const struct column *column, size_t at, size_t count, uint64_t *out)
{
	const char *from = (const char *)column->view.buf + (Py_ssize_t)at * column->step;

	switch (column->kind * 16 + column->item) {
	case COLUMN_UNSIGNED * 16 + 1:
		WIDEN(uint8_t, number);
	case COLUMN_UNSIGNED * 16 + 2:
		WIDEN(uint16_t, number);
	case COLUMN_UNSIGNED * 16 + 4:
		WIDEN(uint32_t, number);
	case COLUMN_SIGNED * 16 + 1:
		WIDEN(int8_t, (uint64_t)number);
	case COLUMN_SIGNED * 16 + 2:
		WIDEN(int16_t, (uint64_t)number);
	case COLUMN_SIGNED * 16 + 4:
		WIDEN(int32_t, (uint64_t)number);
	case COLUMN_FLOATS * 16 + 2:
		for (size_t i = 0; i < count; i++, from += column->step)
			out[i] = word_of_double(PyFloat_Unpack2(from, PY_LITTLE_ENDIAN));
		break;
	case COLUMN_FLOATS * 16 + sizeof(float):
		WIDEN(float, word_of_double(number));
	case COLUMN_FLOATS * 16 + sizeof(long double):
		WIDEN(long double, word_of_double((double)number));
	default: /* eight bytes of any kind */
		WIDEN(uint64_t, number);
	}
}

/* Memory for the words, owned by the column. */
static uint64_t *make_words(struct column *column)
{
	column->made = PyMem_New(uint64_t, column->count);
	if (!column->made)
		PyErr_NoMemory();
	return column->made;
}

const uint64_t *column_words(struct column *column)
{
	if (column_is_words(column))
		return column->view.buf;
	if (make_words(column))
		column_widen(column, 0, column->count, column->made);
	return column->made;
}

/* The first word with its highest bit set: a negative integer, or one too large for a signed
 * one. */
static size_t highest_bit(const uint64_t *words, size_t count)
{
	size_t i = 0;

	while (i < count && !(words[i] >> 63))
		i++;
	return i;
}

int column_check_sign(const struct column *column, const char *noun, const uint64_t *words)
{
	size_t bad = highest_bit(words, column->count);

	if (bad == column->count)
		return 0;
	if (column->kind == COLUMN_SIGNED)
		PyErr_Format(PyExc_ValueError,
			     "position %zu: %s %lld is outside 0 ... 18446744073709551615", bad,
			     noun, (long long)words[bad]);
	else
		PyErr_Format(PyExc_ValueError,
			     "position %zu: %s %llu is outside -9223372036854775808 ... "
			     "9223372036854775807",
			     bad, noun, (unsigned long long)words[bad]);
	return -1;
}

int column_refuse_floats(const struct column *column)
{
	if (column->kind != COLUMN_FLOATS)
		return 0;
	PyErr_Format(PyExc_TypeError, "%s must hold integers, not items of format '%s'",
		     column->name, column->view.format);
	return -1;
}

/* ---- values --------------------------------------------------------------------------------- */

static const uint64_t *items_as_values(struct column *column, enum dtype dtype)
{
	if (!make_words(column))
		return NULL;
	for (size_t i = 0; i < column->count; i++) {
		PyObject *item = PyTuple_GET_ITEM(column->items, (Py_ssize_t)i);

		if (value_to_word(dtype, item, &column->made[i]) < 0) {
			locate_error(NULL, "position", (Py_ssize_t)i);
			return NULL;
		}
	}
	return column->made;
}

static const uint64_t *integers_as_floats(struct column *column)
{
	bool is_signed = column->kind == COLUMN_SIGNED;

	if (!make_words(column))
		return NULL;
	column_widen(column, 0, column->count, column->made);
	for (size_t i = 0; i < column->count; i++) {
		uint64_t word = column->made[i];

		column->made[i] = word_of_double(is_signed ? (double)(int64_t)word : (double)word);
	}
	return column->made;
}

const uint64_t *column_values(struct column *column, enum dtype dtype)
{
	enum column_kind same = dtype == DTYPE_U8 ? COLUMN_UNSIGNED : COLUMN_SIGNED;
	const uint64_t *words;

	if (column->kind == COLUMN_OBJECTS)
		return items_as_values(column, dtype);
	if (dtype == DTYPE_F8)
		return column->kind == COLUMN_FLOATS ? column_words(column)
						     : integers_as_floats(column);
	if (column_refuse_floats(column) < 0)
		return NULL;
	words = column_words(column);
	if (words && column->kind != same && column_check_sign(column, "value", words) < 0)
		return NULL;
	return words;
}
