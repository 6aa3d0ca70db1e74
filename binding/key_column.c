/* SPDX-License-Identifier: MIT */
/*
 * Columns of keys and sizes. Compiled once for each width of codes. Every error names its position.
 *
 * Buffers of numbers, numpy's arrays of datetime64, and arrays of 128-bit numbers are converted block
 * by block. What such a block has no code for, and everything else, is converted item by item: a
 * tuple of objects, which the kind in Python can make out of a numpy array.
 *
 * Owns a column and the codes made of it until key_column_close(). For ranges.c, alloc_many.c and
 * load_many.c.
 */
#include "key_column.h"
#include "errors.h"

enum { CHUNK = 512 }; /* words at a time, where they need memory of their own */

/* ---- opening: arrays ------------------------------------------------------------------------ */

/* Return an object as a numpy array, or NULL: it is not a column that has one; or with an
 * exception. */
static PyObject *as_array(const struct kind *kind, PyObject *object)
{
	PyObject *array;

	if (type_has(object, "__array__") <= 0)
		return NULL;
	array = PyObject_CallMethod(kind->object, "as_array", "O", object);
	if (array == Py_None)
		Py_CLEAR(array);
	return array;
}

#if MT_KEY_BITS == 64

/* Whether an array has one dimension: 1, 0 or -1. */
static int is_row(PyObject *array)
{
	PyObject *number = PyObject_GetAttrString(array, "ndim");
	long dimensions = number ? PyLong_AsLong(number) : -1;

	Py_XDECREF(number);
	return PyErr_Occurred() ? -1 : dimensions == 1;
}

/* Open an array that this width of codes can read as a whole, here one of datetime64: 1; 0 if it is
 * another array; -1. */
static int open_array(struct key_column *keys, PyObject *array, const char *name)
{
	bool moments = keys->kind->encoding == KEYS_MOMENTS;
	PyObject *type = moments ? PyObject_GetAttrString(array, "dtype") : NULL;
	PyObject *text = type ? PyObject_GetAttrString(type, "str") : NULL;
	const char *chars = text && PyUnicode_Check(text) ? PyUnicode_AsUTF8(text) : NULL;
	PyObject *numbers = NULL;
	int status = 0;

	if (chars && chars[0] && chars[1] == 'M' && is_row(array) > 0 &&
	    key_words_of_moments(&keys->words, &keys->kind->moments, chars)) {
		numbers = PyObject_CallMethod(array, "view", "s", "i8");
		status = numbers ? column_open(&keys->column, numbers, name, false) : -1;
		keys->layout = LAYOUT_WORDS;
		keys->span = kind_top(keys->kind);
		status = status < 0 ? -1 : 1;
	}
	Py_XDECREF(type);
	Py_XDECREF(text);
	Py_XDECREF(numbers);
	return PyErr_Occurred() ? -1 : status;
}

#else

/* Whether a struct has just two words. */
static bool is_pair(const char *format)
{
	const char *second;

	if (strncmp(format, "T{", 2) != 0 || !strchr("LQ", format[2]) || format[3] != ':')
		return false;
	second = strchr(format + 4, ':');
	if (!second || !second[1] || !strchr("LQ", second[1]) || second[2] != ':')
		return false;
	second = strchr(second + 3, ':');
	return second && strcmp(second, ":}") == 0;
}

/* Set the layout of an array of 128-bit numbers, if the view is one. */
static bool find_layout(struct key_column *keys, const Py_buffer *view)
{
	const char *format = view->format;

	if (!format || !view->strides)
		return false;
	keys->high_at = 0;
	keys->low_at = 8;
	keys->layout = LAYOUT_PAIRS;
	if (view->ndim == 2) {
		keys->low_at = view->strides[1];
		return view->shape[1] == 2 && view->itemsize == 8 && format[0] &&
		       strchr("LQ", format[0]) && !format[1];
	}
	if (view->ndim != 1 || view->itemsize != 16)
		return false;
	if (is_pair(format))
		return true;
	keys->layout = LAYOUT_BYTES;
	return strcmp(format, "16s") == 0 || strcmp(format, "16x") == 0;
}

/* Open an array of 128-bit numbers: 1; 0 if it is another array; -1. */
static int open_array(struct key_column *keys, PyObject *array, const char *name)
{
	Py_buffer *view = &keys->column.view;

	if (keys->kind->custom)
		return 0;
	if (PyObject_GetBuffer(array, view, PyBUF_RECORDS_RO) < 0) {
		if (!PyErr_ExceptionMatches(PyExc_BufferError) &&
		    !PyErr_ExceptionMatches(PyExc_ValueError))
			return -1;
		PyErr_Clear();
		return 0;
	}
	if (!find_layout(keys, view)) {
		PyBuffer_Release(view);
		keys->layout = LAYOUT_ITEMS;
		return 0;
	}
	keys->span = MT_KEY_MAX;
	keys->column.name = name;
	keys->column.kind = COLUMN_UNSIGNED;
	keys->column.count = (size_t)view->shape[0];
	keys->column.item = 16;
	keys->column.step = view->strides[0];
	return 1;
}

#endif

/* ---- opening: numbers ----------------------------------------------------------------------- */

/* How a buffer of numbers becomes codes: false if it does not, except item by item. */
static bool find_words(struct key_column *keys)
{
	enum column_kind column = keys->column.kind;
	bool is_signed = column == COLUMN_SIGNED;

	keys->words = (struct key_words){.are = WORDS_ARE_CODES};
	keys->low = 0;
	keys->span = kind_top(keys->kind);
	switch (keys->kind->encoding) {
	case KEYS_UINT64:
	case KEYS_UINT128:
	case KEYS_IPV6:
		if (is_signed)
			keys->span = INT64_MAX;
		break;
	case KEYS_INT64:
		keys->words.are = WORDS_ARE_SIGNED;
		if (!is_signed) {
			keys->low = (mt_key)1 << 63;
			keys->span = INT64_MAX;
		}
		break;
	case KEYS_FLOAT64:
		keys->words.are = is_signed                 ? WORDS_ARE_INTS
				  : column == COLUMN_FLOATS ? WORDS_ARE_FLOATS
							    : WORDS_ARE_NATURALS;
		return true;
	case KEYS_IPV4:
		break;
	default:
		return false;
	}
	/* Kinds of ints refuse all floats at once, when they are converted. */
	return column != COLUMN_FLOATS || keys->kind->whole;
}

/* A number of a buffer as an object. */
static PyObject *number_at(const struct column *column, size_t at)
{
	static const enum dtype dtypes[] = {[COLUMN_UNSIGNED] = DTYPE_U8,
					    [COLUMN_SIGNED] = DTYPE_I8,
					    [COLUMN_FLOATS] = DTYPE_F8};
	uint64_t word;

	column_widen(column, at, 1, &word);
	return word_to_value(dtypes[column->kind], word);
}

/* Turn a buffer of numbers into a tuple of them. */
static int numbers_to_items(struct column *column)
{
	const char *name = column->name;
	PyObject *items = PyTuple_New((Py_ssize_t)column->count);
	int status;

	for (size_t i = 0; items && i < column->count; i++) {
		PyObject *number = number_at(column, i);

		if (!number)
			Py_CLEAR(items);
		else
			PyTuple_SET_ITEM(items, (Py_ssize_t)i, number);
	}
	if (!items)
		return -1;
	column_close(column);
	status = column_open(column, items, name, true);
	Py_DECREF(items);
	return status;
}

/* ---- opening: items ------------------------------------------------------------------------- */

/* Open what the kind in Python makes of an array: 1; 0 if that is just its items; -1. */
static int open_items(struct key_column *keys, PyObject *array, const char *name)
{
	PyObject *items = PyObject_CallMethod(keys->kind->object, "items", "O", array);
	int status = 0;

	if (!items)
		return -1;
	if (items != Py_None)
		status = column_open(&keys->column, items, name, true) < 0 ? -1 : 1;
	Py_DECREF(items);
	return status;
}

/* Open a buffer of numbers, or any sequence. */
static int open_column(struct key_column *keys, PyObject *object, const char *name)
{
	if (column_open(&keys->column, object, name, false) < 0)
		return -1;
	if (keys->column.kind == COLUMN_OBJECTS)
		return 0;
	if (!find_words(keys))
		return numbers_to_items(&keys->column);
	keys->layout = LAYOUT_WORDS;
	return 0;
}

/* ---- opening: columns of Arrow -------------------------------------------------------------- */

/* Open the numbers of moments. The unit is as numpy writes it. Without datetime's functions in C, the
 * kind in Python makes a key of each. 0 or -1. */
static int open_moments(struct key_column *keys, PyObject *data, const char *unit, const char *name)
{
	PyObject *items;
	int status;

#if MT_KEY_BITS == 64
	if (keys->kind->encoding == KEYS_MOMENTS &&
	    key_words_of_moments(&keys->words, &keys->kind->moments, unit)) {
		keys->layout = LAYOUT_WORDS;
		keys->span = kind_top(keys->kind);
		return column_open(&keys->column, data, name, false);
	}
#else
	(void)unit;
#endif
	items = PyObject_CallFunctionObjArgs((PyObject *)&PyMap_Type, keys->item, data, NULL);
	status = items ? column_open(&keys->column, items, name, true) : -1;
	Py_XDECREF(items);
	return status;
}

/* Open keys of 16 bytes each. */
static int open_bytes(struct key_column *keys, PyObject *data, const char *name)
{
	if (column_open(&keys->column, data, name, false) < 0)
		return -1;
	keys->layout = LAYOUT_BYTES;
	keys->span = MT_KEY_MAX;
	keys->column.count /= 16;
	keys->column.item = 16;
	keys->column.step = 16;
	return 0;
}

/* Open a column that may be one of Arrow or of pandas: 1; 0 if it is another object; -1. */
static int open_arrow(struct key_column *keys, PyObject *object, const char *name)
{
	PyObject *module = PyImport_ImportModule("samara._arrow.intake");
	const char *layout, *unit;
	PyObject *data, *nulls;
	int status;

	keys->opened = module ? PyObject_CallMethod(module, "opened_keys", "OOs",
						    keys->kind->object, object, name)
			      : NULL;
	Py_XDECREF(module);
	if (!keys->opened || keys->opened == Py_None)
		return keys->opened ? 0 : -1;
	if (!PyArg_ParseTuple(keys->opened, "sOOzO", &layout, &data, &nulls, &unit, &keys->item))
		return -1;
	if (strcmp(layout, "moments") == 0)
		status = open_moments(keys, data, unit, name);
	else if (strcmp(layout, "bytes") == 0)
		status = open_bytes(keys, data, name);
	else if (strcmp(layout, "numbers") == 0)
		status = open_column(keys, data, name);
	else
		status = column_open(&keys->column, data, name, true);
	if (status == 0 && nulls != Py_None)
		keys->nulls = (const uint8_t *)PyBytes_AsString(nulls);
	return PyErr_Occurred() ? -1 : 1;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* Whether a kind's keys come in arrays of their own, which are no buffers of numbers. */
static bool has_arrays(const struct kind *kind)
{
	return kind->encoding != KEYS_UINT64 && kind->encoding != KEYS_INT64 &&
	       kind->encoding != KEYS_FLOAT64;
}

/* Open the numbers in the array of an object that is no buffer itself, or else its own items. */
static int open_foreign(struct key_column *keys, PyObject *object, const char *name)
{
	if (!PyObject_CheckBuffer(object)) {
		if (open_column(keys, keys->array, name) < 0)
			return -1;
		if (keys->layout == LAYOUT_WORDS)
			return 0;
		column_close(&keys->column);
		keys->layout = LAYOUT_ITEMS;
	}
	return open_column(keys, object, name);
}

int key_column_open(struct key_column *keys, const struct kind *kind, PyObject *object,
		    const char *name)
{
	int status;

	keys->kind = kind;
	if (PyList_CheckExact(object) || PyTuple_CheckExact(object) ||
	    (!has_arrays(kind) && PyObject_CheckBuffer(object)))
		return open_column(keys, object, name);
	status = column_is_foreign(object);
	if (status > 0)
		status = open_arrow(keys, object, name);
	if (status != 0)
		return status < 0 ? -1 : 0;
	keys->array = as_array(kind, object);
	if (!keys->array)
		return PyErr_Occurred() ? -1 : open_column(keys, object, name);
	status = open_array(keys, keys->array, name);
	if (status == 0)
		status = open_items(keys, keys->array, name);
	if (status == 0)
		status = open_foreign(keys, object, name);
	return status < 0 ? -1 : 0;
}

int size_column_open(struct key_column *sizes, const struct kind *kind, PyObject *object,
		     const char *name)
{
	sizes->kind = kind;
	if (column_open(&sizes->column, object, name, !kind->whole) < 0)
		return -1;
	if (sizes->column.kind == COLUMN_OBJECTS)
		return 0;
	if (MT_KEY_BITS == 128 && sizes->column.kind != COLUMN_FLOATS)
		return numbers_to_items(&sizes->column);
	sizes->layout = LAYOUT_WORDS;
	return 0;
}

int code_column_open(struct key_column *codes, const struct kind *kind, PyObject *object,
		     const char *name)
{
	codes->kind = kind;
	codes->layout = LAYOUT_CODES;
	codes->span = MT_KEY_MAX;
	if (column_open(&codes->column, object, name, false) < 0)
		return -1;
	codes->column.count /= sizeof(mt_key) / sizeof(uint64_t);
	/* In a file that another program has written, they need not be aligned. */
	if (codes->column.kind == COLUMN_UNSIGNED && codes->column.item == sizeof(uint64_t) &&
	    codes->column.step == (Py_ssize_t)sizeof(uint64_t))
		return 0;
	PyErr_Format(PyExc_TypeError, "%s must be a buffer of codes", name);
	return -1;
}

void key_column_close(struct key_column *keys)
{
	column_close(&keys->column);
	Py_XDECREF(keys->array);
	Py_XDECREF(keys->opened);
	PyMem_Free(keys->made);
	PyMem_Free(keys->outside);
	keys->array = NULL;
	keys->opened = NULL;
	keys->nulls = NULL;
	keys->made = NULL;
	keys->outside = NULL;
}

/* ---- blocks of a buffer --------------------------------------------------------------------- */

/* Whether the buffer's memory can be used as the codes. */
static bool in_place(const struct key_column *keys)
{
	bool are_codes = keys->layout == LAYOUT_CODES ||
			 (MT_KEY_BITS == 64 && keys->layout == LAYOUT_WORDS &&
			  keys->words.are == WORDS_ARE_CODES);

	return are_codes && column_is_words(&keys->column) &&
	       (uintptr_t)keys->column.view.buf % _Alignof(mt_key) == 0;
}

#if MT_KEY_BITS == 64

static void read_block(const struct key_column *keys, size_t at, size_t count, mt_key *codes)
{
	const struct column *column = &keys->column;
	const uint64_t *from = codes;

	if (column_is_words(column))
		from = (const uint64_t *)column->view.buf + at;
	else
		column_widen(column, at, count, codes);
	if (from != codes || keys->words.are != WORDS_ARE_CODES)
		key_words_convert(&keys->words, from, count, codes);
}

#else

static uint64_t word_at(const char *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	return word;
}

static uint64_t big_endian_at(const char *from)
{
	uint64_t word = word_at(from);

	return PY_LITTLE_ENDIAN ? __builtin_bswap64(word) : word;
}

static void read_words(const struct column *column, size_t at, size_t count, mt_key *codes)
{
	uint64_t words[CHUNK];

	while (count) {
		size_t some = count < CHUNK ? count : CHUNK;

		column_widen(column, at, some, words);
		for (size_t i = 0; i < some; i++)
			codes[i] = words[i];
		at += some;
		codes += some;
		count -= some;
	}
}

/* Pairs that lie one after the other, the high word first: there are vector instructions for them. */
static void swap_pairs(const char *from, size_t count, mt_key *codes)
{
	char *to = (char *)codes;

	for (size_t i = 0; i < count; i++, from += 16, to += 16) {
		uint64_t high = word_at(from);
		uint64_t low = word_at(from + 8);

		memcpy(to, &low, sizeof(low));
		memcpy(to + 8, &high, sizeof(high));
	}
}

static void read_pairs(const struct key_column *keys, const char *from, size_t count, mt_key *codes)
{
	for (size_t i = 0; i < count; i++, from += keys->column.step)
		codes[i] =
			(mt_key)word_at(from + keys->high_at) << 64 | word_at(from + keys->low_at);
}

static void read_block(const struct key_column *keys, size_t at, size_t count, mt_key *codes)
{
	const struct column *column = &keys->column;
	const char *from = (const char *)column->view.buf + (Py_ssize_t)at * column->step;

	switch (keys->layout) {
	case LAYOUT_WORDS:
		read_words(column, at, count, codes);
		break;
	case LAYOUT_BYTES:
		for (size_t i = 0; i < count; i++, from += column->step)
			codes[i] = (mt_key)big_endian_at(from) << 64 | big_endian_at(from + 8);
		break;
	case LAYOUT_PAIRS:
		if (column->step == 16 && keys->high_at == 0 && keys->low_at == 8)
			swap_pairs(from, count, codes);
		else
			read_pairs(keys, from, count, codes);
		break;
	default: /* codes that are not aligned */
		memcpy(codes, (const char *)column->view.buf + at * sizeof(mt_key),
		       count * sizeof(mt_key));
		break;
	}
}

#endif

static bool is_inside(const struct key_column *keys, mt_key code)
{
	return code - keys->low <= keys->span;
}

const mt_key *key_column_block(const struct key_column *keys, size_t at, size_t count,
			       mt_key *scratch)
{
	if (keys->made)
		return keys->made + at;
	if (in_place(keys))
		return (const mt_key *)keys->column.view.buf + at;
	read_block(keys, at, count, scratch);
	return scratch;
}

/* Set `present` to 0 where `absent` is 1. */
static void take_away(uint8_t *present, const uint8_t *absent, size_t count)
{
	for (size_t i = 0; i < count; i++)
		present[i] &= (uint8_t)!absent[i];
}

/* 1 or 0, so that loops have vector instructions. */
static inline uint64_t outside(mt_key code, mt_key low, mt_key span)
{
#if MT_KEY_BITS == 64
	return word_above(code - low, span) >> 63;
#else
	return code - low > span;
#endif
}

static bool any_outside(const mt_key *codes, size_t count, mt_key low, mt_key span)
{
	uint64_t any = 0;

	for (size_t i = 0; i < count; i++)
		any |= outside(codes[i], low, span);
	return any;
}

bool key_column_mask(const struct key_column *keys, size_t at, size_t count, const mt_key *codes,
		     uint8_t *present)
{
	mt_key low = keys->low;
	mt_key span = keys->span;

	if (keys->nulls)
		take_away(present, keys->nulls + at, count);
	if (keys->layout == LAYOUT_ITEMS) {
		take_away(present, keys->outside + at, count);
		return true;
	}
	if (span == MT_KEY_MAX || !any_outside(codes, count, low, span))
		return keys->nulls != NULL;
	for (size_t i = 0; i < count; i++)
		present[i] &= (uint8_t)~outside(codes[i], low, span);
	return true;
}

/* The first code from `at` on that is none, or the number of all. */
static size_t next_outside(const struct key_column *keys, const mt_key *codes, size_t at)
{
	size_t count = keys->column.count;

	if (keys->span == MT_KEY_MAX)
		return count;
	while (at < count && __builtin_expect(is_inside(keys, codes[at]), 1))
		at++;
	return at;
}

/* ---- one key -------------------------------------------------------------------------------- */

/* What the kind in Python takes for an item of an array. */
static PyObject *item_of_array(const struct key_column *keys, size_t at)
{
	PyObject *slice = PySequence_GetSlice(keys->array, (Py_ssize_t)at, (Py_ssize_t)at + 1);
	PyObject *items =
		slice ? PyObject_CallMethod(keys->kind->object, "items", "O", slice) : NULL;
	PyObject *tuple = items ? PySequence_Tuple(items == Py_None ? slice : items) : NULL;
	PyObject *item = NULL;

	if (tuple && PyTuple_GET_SIZE(tuple) == 1)
		item = Py_NewRef(PyTuple_GET_ITEM(tuple, 0));
	else if (tuple)
		PyErr_Format(PyExc_RuntimeError, "%s was changed while it was read",
			     keys->column.name);
	Py_XDECREF(slice);
	Py_XDECREF(items);
	Py_XDECREF(tuple);
	return item;
}

/* The same for a number of moments, in an array of numpy's or of Arrow's. */
static PyObject *item_of_moments(const struct key_column *keys, size_t at)
{
	uint64_t word;

	if (!keys->item)
		return item_of_array(keys, at);
	column_widen(&keys->column, at, 1, &word);
	return PyObject_CallFunction(keys->item, "L", (long long)word);
}

PyObject *key_column_key(const struct key_column *keys, size_t at)
{
	mt_key code;

	if (keys->nulls && keys->nulls[at])
		Py_RETURN_NONE;
	switch (keys->layout) {
	case LAYOUT_ITEMS:
		return Py_NewRef(PyTuple_GET_ITEM(keys->column.items, (Py_ssize_t)at));
	case LAYOUT_WORDS:
		if (keys->words.are == WORDS_ARE_MOMENTS)
			return item_of_moments(keys, at);
		return number_at(&keys->column, at);
	default:
		return code_object(*key_column_block(keys, at, 1, &code));
	}
}

typedef int convert_function(const struct kind *kind, PyObject *key, const char *name,
			     mt_key *code);

/* Convert one key on its own. An error names its position. */
static int convert_at(const struct key_column *keys, size_t at, convert_function *convert,
		      const char *name, mt_key *code)
{
	PyObject *key = key_column_key(keys, at);
	int status = key ? convert(keys->kind, key, name, code) : -1;

	Py_XDECREF(key);
	if (status < 0)
		locate_error(keys->kind->state, "position", (Py_ssize_t)at);
	return status;
}

/* ---- whole columns -------------------------------------------------------------------------- */

static mt_key *make_codes(struct key_column *keys)
{
	keys->made = PyMem_New(mt_key, keys->column.count);
	if (!keys->made)
		PyErr_NoMemory();
	return keys->made;
}

/* Memory for codes, and for the marks of those that do not fit. */
static mt_key *make_marked_codes(struct key_column *keys)
{
	keys->outside = PyMem_New(uint8_t, keys->column.count);
	if (!keys->outside) {
		PyErr_NoMemory();
		return NULL;
	}
	return make_codes(keys);
}

/* Convert each item. Inline, so that `convert` is inlined too. */
static inline const mt_key *convert_items(struct key_column *keys, convert_function *convert)
{
	PyObject *items = keys->column.items;

	if (!make_codes(keys))
		return NULL;
	for (size_t i = 0; i < keys->column.count; i++) {
		PyObject *item = PyTuple_GET_ITEM(items, (Py_ssize_t)i);

		if (convert(keys->kind, item, keys->column.name, &keys->made[i]) < 0) {
			locate_error(keys->kind->state, "position", (Py_ssize_t)i);
			return NULL;
		}
	}
	return keys->made;
}

/* Kinds of ints take no buffer of floats. */
static int refuse_floats(const struct key_column *keys)
{
	return keys->kind->whole ? column_refuse_floats(&keys->column) : 0;
}

/* Keys that are stored may not be null. */
static int refuse_nulls(const struct key_column *keys)
{
	const uint8_t *null = keys->nulls ? memchr(keys->nulls, 1, keys->column.count) : NULL;

	if (!null)
		return 0;
	PyErr_Format(PyExc_ValueError, "position %zd: %s is null", (Py_ssize_t)(null - keys->nulls),
		     keys->column.name);
	return -1;
}

/* key_require(), which is inline. */
static int require(const struct kind *kind, PyObject *key, const char *name, mt_key *code)
{
	return key_require(kind, key, name, code);
}

const mt_key *key_column_codes(struct key_column *keys)
{
	size_t count = keys->column.count;
	const mt_key *codes;

	if (refuse_floats(keys) < 0 || refuse_nulls(keys) < 0)
		return NULL;
	if (keys->layout == LAYOUT_ITEMS)
		return convert_items(keys, require);
	codes = keys->column.view.buf;
	if (!in_place(keys)) {
		if (!make_codes(keys))
			return NULL;
		read_block(keys, 0, count, keys->made);
		codes = keys->made;
	}
	for (size_t i = next_outside(keys, codes, 0); i < count;
	     i = next_outside(keys, codes, i + 1)) {
		mt_key code;

		if (convert_at(keys, i, require, keys->column.name, &code) < 0)
			return NULL;
		/* Somebody has just changed the buffer. */
		if (keys->made)
			keys->made[i] = code;
	}
	return codes;
}

const mt_key *key_column_ends(struct key_column *keys)
{
	size_t count = keys->column.count;

	if (refuse_floats(keys) < 0 || refuse_nulls(keys) < 0)
		return NULL;
	if (keys->layout == LAYOUT_ITEMS)
		return convert_items(keys, key_require_end);
	if (!make_codes(keys))
		return NULL;
	if (in_place(keys))
		memcpy(keys->made, keys->column.view.buf, count * sizeof(mt_key));
	else
		read_block(keys, 0, count, keys->made);
	for (size_t i = 0; i < count; i++) {
		mt_key *code = &keys->made[i];

		if (__builtin_expect(is_inside(keys, *code) && *code > 0, 1))
			(*code)--;
		else if (convert_at(keys, i, key_require_end, keys->column.name, code) < 0)
			return NULL;
	}
	return keys->made;
}

/* ---- look-ups ------------------------------------------------------------------------------- */

static int look_at_items(struct key_column *keys)
{
	if (!make_marked_codes(keys))
		return -1;
	for (size_t i = 0; i < keys->column.count; i++) {
		int place = INDEX_ABOVE;

		if (!keys->nulls || !keys->nulls[i])
			place = key_look(keys->kind,
					 PyTuple_GET_ITEM(keys->column.items, (Py_ssize_t)i), "key",
					 &keys->made[i]);

		if (place == INDEX_ERROR) {
			locate_error(keys->kind->state, "position", (Py_ssize_t)i);
			return -1;
		}
		keys->outside[i] = place != INDEX_IN;
		if (place != INDEX_IN)
			keys->made[i] = 0;
	}
	return 0;
}

/* Moments that are finer than the kind's unit are an error in look-ups too. If there may be some,
 * convert all of them. */
static int refuse_finer(struct key_column *keys)
{
	size_t count = keys->column.count;

	if (keys->words.are != WORDS_ARE_MOMENTS || keys->words.divisor == 1)
		return 0;
	if (!make_codes(keys))
		return -1;
	read_block(keys, 0, count, keys->made);
	for (size_t i = 0; i < count; i++) {
		uint64_t word;
		mt_key code;

		if (__builtin_expect(is_inside(keys, keys->made[i]), 1) ||
		    (keys->nulls && keys->nulls[i]))
			continue;
		column_widen(&keys->column, i, 1, &word);
		if (key_words_is_finer(&keys->words, word) &&
		    convert_at(keys, i, require, "key", &code) < 0)
			return -1;
	}
	return 0;
}

int key_column_prepare(struct key_column *keys)
{
	if (keys->layout == LAYOUT_ITEMS)
		return look_at_items(keys);
	return refuse_floats(keys) < 0 ? -1 : refuse_finer(keys);
}

/* ---- sizes ---------------------------------------------------------------------------------- */

#if MT_KEY_BITS == 64

/* Each number of a buffer less 1. */
static const mt_key *size_words(struct key_column *sizes)
{
	struct column *column = &sizes->column;
	mt_key top = column->kind == COLUMN_SIGNED ? INT64_MAX : MT_KEY_MAX;

	if (column_refuse_floats(column) < 0 || !make_codes(sizes))
		return NULL;
	column_widen(column, 0, column->count, sizes->made);
	for (size_t i = 0; i < column->count; i++) {
		mt_key *count = &sizes->made[i];

		if ((*count == 0 || *count > top) &&
		    convert_at(sizes, i, size_require, "size", count) != 0)
			return NULL;
		(*count)--;
	}
	return sizes->made;
}

#endif

const mt_key *size_column_counts(struct key_column *sizes)
{
#if MT_KEY_BITS == 64
	if (sizes->layout == LAYOUT_WORDS)
		return size_words(sizes);
#else
	if (column_refuse_floats(&sizes->column) < 0)
		return NULL;
#endif
	if (!make_marked_codes(sizes))
		return NULL;
	for (size_t i = 0; i < sizes->column.count; i++) {
		mt_key *count = &sizes->made[i];
		int place = convert_at(sizes, i, size_require, "size", count);

		if (place == INDEX_ERROR)
			return NULL;
		sizes->outside[i] = place == INDEX_ABOVE;
		if (place != INDEX_IN)
			*count = 0;
		(*count)--;
	}
	return sizes->made;
}
