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
 * A column owns its view, its items and the words made of them until column_close(). For ranges.c,
 * alloc_many.c and arrays.c.
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

int column_open(struct column *column, PyObject *object, const char *name, bool objects)
{
	int status = 0;

	*column = (struct column){.name = name, .kind = COLUMN_OBJECTS};
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

void column_close(struct column *column)
{
	PyMem_Free(column->made);
	PyMem_Free(column->outside);
	if (column->kind != COLUMN_OBJECTS)
		PyBuffer_Release(&column->view);
	Py_XDECREF(column->items);
	*column = (struct column){.kind = COLUMN_OBJECTS};
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Return whether the buffer itself can be used as the words. */
static bool in_place(const struct column *column)
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
static void widen(const struct column *column, size_t at, size_t count, uint64_t *out)
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

/* The words of a buffer, by kind. */
static const uint64_t *buffer_words(struct column *column)
{
	if (in_place(column))
		return column->view.buf;
	if (make_words(column))
		widen(column, 0, column->count, column->made);
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

static int check_sign(const struct column *column, const char *noun, const uint64_t *words)
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

static int refuse_floats(const struct column *column)
{
	if (column->kind != COLUMN_FLOATS)
		return 0;
	PyErr_Format(PyExc_TypeError, "%s must hold integers, not items of format '%s'",
		     column->name, column->view.format);
	return -1;
}

const uint64_t *column_indices(struct column *column)
{
	const uint64_t *words;

	if (column->kind != COLUMN_OBJECTS) {
		if (refuse_floats(column) < 0)
			return NULL;
		words = buffer_words(column);
		if (words && column->kind == COLUMN_SIGNED &&
		    check_sign(column, column->name, words) < 0)
			return NULL;
		return words;
	}
	if (!make_words(column))
		return NULL;
	for (size_t i = 0; i < column->count; i++) {
		PyObject *item = PyTuple_GET_ITEM(column->items, (Py_ssize_t)i);

		if (index_require(item, column->name, &column->made[i]) < 0) {
			locate_error("position", (Py_ssize_t)i);
			return NULL;
		}
	}
	return column->made;
}

/* Each number of a buffer less 1. For one below 1, raise ValueError in that format, which takes the
 * noun and the number. */
static const uint64_t *buffer_less_1(struct column *column, const char *noun, const char *format)
{
	uint64_t negative = column->kind == COLUMN_SIGNED ? UINT64_C(1) << 63 : 0;

	if (refuse_floats(column) < 0 || !make_words(column))
		return NULL;
	widen(column, 0, column->count, column->made);
	for (size_t i = 0; i < column->count; i++) {
		PyObject *number;

		if (column->made[i] != 0 && !(column->made[i] & negative)) {
			column->made[i]--;
			continue;
		}
		number = PyLong_FromLongLong((long long)column->made[i]);
		if (number) {
			raise_number(format, noun, number);
			locate_error("position", (Py_ssize_t)i);
			Py_DECREF(number);
		}
		return NULL;
	}
	return column->made;
}

static const uint64_t *items_less_1(struct column *column, const char *noun, const char *format)
{
	column->outside = PyMem_New(uint8_t, column->count);
	if (!column->outside) {
		PyErr_NoMemory();
		return NULL;
	}
	if (!make_words(column))
		return NULL;
	for (size_t i = 0; i < column->count; i++) {
		PyObject *item = PyTuple_GET_ITEM(column->items, (Py_ssize_t)i);
		uint64_t *word = &column->made[i];
		int kind = index_parse(item, noun, word);

		column->outside[i] = kind == INDEX_ABOVE;
		if (kind >= INDEX_TOP)
			*word = 0;
		else if (kind == INDEX_BELOW || (kind == INDEX_IN && *word == 0))
			raise_number(format, noun, item);
		if (PyErr_Occurred()) {
			locate_error("position", (Py_ssize_t)i);
			return NULL;
		}
		(*word)--;
	}
	return column->made;
}

/* Numbers of 1 ... 2^64, each less 1. `outside` is set where one is larger. */
static const uint64_t *numbers_less_1(struct column *column, const char *noun, const char *format)
{
	return column->kind == COLUMN_OBJECTS ? items_less_1(column, noun, format)
					      : buffer_less_1(column, noun, format);
}

const uint64_t *column_sizes(struct column *column)
{
	return numbers_less_1(column, "size", "%s must be 1 or more, not %U");
}

const uint64_t *column_ends(struct column *column)
{
	const char *format = "%s %U is outside 1 ... 18446744073709551616";
	const uint64_t *words = numbers_less_1(column, column->name, format);

	for (size_t i = 0; words && column->outside && i < column->count; i++) {
		if (column->outside[i]) {
			raise_number(format, column->name,
				     PyTuple_GET_ITEM(column->items, (Py_ssize_t)i));
			locate_error("position", (Py_ssize_t)i);
			return NULL;
		}
	}
	return words;
}

/* ---- values --------------------------------------------------------------------------------- */

static const uint64_t *items_as_values(struct column *column, enum dtype dtype)
{
	if (!make_words(column))
		return NULL;
	for (size_t i = 0; i < column->count; i++) {
		PyObject *item = PyTuple_GET_ITEM(column->items, (Py_ssize_t)i);

		if (value_to_word(dtype, item, &column->made[i]) < 0) {
			locate_error("position", (Py_ssize_t)i);
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
	widen(column, 0, column->count, column->made);
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
		return column->kind == COLUMN_FLOATS ? buffer_words(column)
						     : integers_as_floats(column);
	if (refuse_floats(column) < 0)
		return NULL;
	words = buffer_words(column);
	if (words && column->kind != same && check_sign(column, "value", words) < 0)
		return NULL;
	return words;
}

/* ---- keys ----------------------------------------------------------------------------------- */

int column_keys(struct column *column)
{
	if (column->kind != COLUMN_OBJECTS)
		return refuse_floats(column);
	column->outside = PyMem_New(uint8_t, column->count);
	if (!column->outside) {
		PyErr_NoMemory();
		return -1;
	}
	if (!make_words(column))
		return -1;
	for (size_t i = 0; i < column->count; i++) {
		PyObject *item = PyTuple_GET_ITEM(column->items, (Py_ssize_t)i);
		int kind = index_parse(item, "key", &column->made[i]);

		if (kind == INDEX_ERROR) {
			locate_error("position", (Py_ssize_t)i);
			return -1;
		}
		column->outside[i] = kind != INDEX_IN;
		if (kind != INDEX_IN)
			column->made[i] = 0;
	}
	return 0;
}

const uint64_t *column_block(const struct column *column, size_t at, size_t count,
			     uint64_t *scratch)
{
	if (column->kind == COLUMN_OBJECTS)
		return column->made + at;
	if (in_place(column))
		return (const uint64_t *)column->view.buf + at;
	widen(column, at, count, scratch);
	return scratch;
}

bool column_mask(const struct column *column, size_t at, size_t count, const uint64_t *words,
		 uint8_t *present)
{
	if (column->kind == COLUMN_SIGNED) {
		for (size_t i = 0; i < count; i++)
			present[i] &= (uint8_t) ~(words[i] >> 63);
	} else if (column->kind == COLUMN_OBJECTS) {
		for (size_t i = 0; i < count; i++)
			present[i] &= (uint8_t)!column->outside[at + i];
	} else {
		return false;
	}
	return true;
}

PyObject *column_key(const struct column *column, size_t at)
{
	uint64_t scratch;
	uint64_t word;

	if (column->kind == COLUMN_OBJECTS)
		return Py_NewRef(PyTuple_GET_ITEM(column->items, (Py_ssize_t)at));
	word = *column_block(column, at, 1, &scratch);
	return word_to_value(column->kind == COLUMN_SIGNED ? DTYPE_I8 : DTYPE_U8, word);
}
