/* SPDX-License-Identifier: MIT */
/*
 * Columns of keys and sizes. Compiled once for each width of codes. A buffer of ints is read in place
 * or widened; everything else is converted item by item. Every error names its position.
 *
 * Owns a column and the codes made of it until key_column_close(). For ranges.c, alloc_many.c and
 * load_many.c.
 */
#include "key_column.h"
#include "errors.h"

/* ---- opening -------------------------------------------------------------------------------- */

/* Whether buffers of ints hold the codes. */
static bool reads_buffers(const struct kind *kind)
{
	return MT_KEY_BITS == 64 && codes_are_keys(kind);
}

int key_column_open(struct key_column *keys, const struct kind *kind, PyObject *object,
		    const char *name)
{
	*keys = (struct key_column){.kind = kind};
	return column_open(&keys->column, object, name, !reads_buffers(kind));
}

int size_column_open(struct key_column *sizes, const struct kind *kind, PyObject *object,
		     const char *name)
{
	return key_column_open(sizes, kind, object, name);
}

int code_column_open(struct key_column *codes, const struct kind *kind, PyObject *object,
		     const char *name)
{
	*codes = (struct key_column){.kind = kind, .coded = true};
	if (column_open(&codes->column, object, name, false) < 0)
		return -1;
	codes->column.count /= sizeof(mt_key) / sizeof(uint64_t);
	if (codes->column.kind == COLUMN_UNSIGNED && column_is_words(&codes->column))
		return 0;
	PyErr_Format(PyExc_TypeError, "%s must be a buffer of codes", name);
	return -1;
}

void key_column_close(struct key_column *keys)
{
	column_close(&keys->column);
	PyMem_Free(keys->made);
	PyMem_Free(keys->outside);
	*keys = (struct key_column){.column = {.kind = COLUMN_OBJECTS}};
}

/* ---- memory --------------------------------------------------------------------------------- */

static bool is_buffer(const struct key_column *keys)
{
	return keys->column.kind != COLUMN_OBJECTS;
}

static PyObject *item_at(const struct key_column *keys, size_t at)
{
	return PyTuple_GET_ITEM(keys->column.items, (Py_ssize_t)at);
}

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

/* ---- keys ----------------------------------------------------------------------------------- */

/* Codes that come as codes. */
static const mt_key *checked_codes(struct key_column *keys)
{
	const uint64_t *words = keys->column.view.buf;
	const mt_key top = kind_top(keys->kind);

	if (!make_codes(keys))
		return NULL;
	for (size_t i = 0; i < keys->column.count; i++) {
		keys->made[i] = key_of_words(words + i * (sizeof(mt_key) / sizeof(*words)));
		if (keys->made[i] > top) {
			PyErr_Format(PyExc_ValueError, "position %zu: %s is above the last key", i,
				     keys->column.name);
			return NULL;
		}
	}
	return keys->made;
}

const mt_key *key_column_codes(struct key_column *keys)
{
	struct column *column = &keys->column;

	if (keys->coded && !(MT_KEY_BITS == 64 && codes_are_keys(keys->kind)))
		return checked_codes(keys);

#if MT_KEY_BITS == 64
	if (is_buffer(keys)) {
		const uint64_t *words =
			column_refuse_floats(column) < 0 ? NULL : column_words(column);

		if (words && column->kind == COLUMN_SIGNED &&
		    column_check_sign(column, column->name, words) < 0)
			return NULL;
		return words;
	}
#endif
	if (!make_codes(keys))
		return NULL;
	for (size_t i = 0; i < column->count; i++) {
		if (key_require(keys->kind, item_at(keys, i), column->name, &keys->made[i]) < 0) {
			locate_error("position", (Py_ssize_t)i);
			return NULL;
		}
	}
	return keys->made;
}

#if MT_KEY_BITS == 64

/* Each number of a buffer less 1. For one below 1, raise ValueError in that format, which takes the
 * noun and the number. */
static const mt_key *buffer_less_1(struct key_column *keys, const char *noun, const char *format)
{
	struct column *column = &keys->column;
	uint64_t negative = column->kind == COLUMN_SIGNED ? UINT64_C(1) << 63 : 0;

	if (column_refuse_floats(column) < 0 || !make_codes(keys))
		return NULL;
	column_widen(column, 0, column->count, keys->made);
	for (size_t i = 0; i < column->count; i++) {
		PyObject *number;

		if (keys->made[i] != 0 && !(keys->made[i] & negative)) {
			keys->made[i]--;
			continue;
		}
		number = PyLong_FromLongLong((long long)keys->made[i]);
		if (number) {
			raise_number(format, noun, number);
			locate_error("position", (Py_ssize_t)i);
			Py_DECREF(number);
		}
		return NULL;
	}
	return keys->made;
}

#endif

const mt_key *key_column_ends(struct key_column *keys)
{
	struct column *column = &keys->column;

#if MT_KEY_BITS == 64
	if (is_buffer(keys))
		return buffer_less_1(keys, column->name,
				     "%s %U is outside 1 ... 18446744073709551616");
#endif
	if (!make_codes(keys))
		return NULL;
	for (size_t i = 0; i < column->count; i++) {
		if (key_require_end(keys->kind, item_at(keys, i), column->name, &keys->made[i]) <
		    0) {
			locate_error("position", (Py_ssize_t)i);
			return NULL;
		}
	}
	return keys->made;
}

/* ---- sizes ---------------------------------------------------------------------------------- */

const mt_key *size_column_counts(struct key_column *sizes)
{
#if MT_KEY_BITS == 64
	if (is_buffer(sizes))
		return buffer_less_1(sizes, "size", "%s must be 1 or more, not %U");
#endif
	if (!make_marked_codes(sizes))
		return NULL;
	for (size_t i = 0; i < sizes->column.count; i++) {
		mt_key *count = &sizes->made[i];
		int place = size_require(sizes->kind, item_at(sizes, i), "size", count);

		if (place == INDEX_ERROR) {
			locate_error("position", (Py_ssize_t)i);
			return NULL;
		}
		sizes->outside[i] = place == INDEX_ABOVE;
		if (place != INDEX_IN)
			*count = 0;
		(*count)--;
	}
	return sizes->made;
}

/* ---- look-ups ------------------------------------------------------------------------------- */

int key_column_prepare(struct key_column *keys)
{
	if (is_buffer(keys))
		return column_refuse_floats(&keys->column);
	if (!make_marked_codes(keys))
		return -1;
	for (size_t i = 0; i < keys->column.count; i++) {
		int place = key_look(keys->kind, item_at(keys, i), "key", &keys->made[i]);

		if (place == INDEX_ERROR) {
			locate_error("position", (Py_ssize_t)i);
			return -1;
		}
		keys->outside[i] = place != INDEX_IN;
		if (place != INDEX_IN)
			keys->made[i] = 0;
	}
	return 0;
}

const mt_key *key_column_block(const struct key_column *keys, size_t at, size_t count,
			       mt_key *scratch)
{
	if (!is_buffer(keys))
		return keys->made + at;
#if MT_KEY_BITS == 64
	if (column_is_words(&keys->column))
		return (const uint64_t *)keys->column.view.buf + at;
	column_widen(&keys->column, at, count, scratch);
#else
	(void)count;
#endif
	return scratch;
}

bool key_column_mask(const struct key_column *keys, size_t at, size_t count, const mt_key *codes,
		     uint8_t *present)
{
	if (keys->column.kind == COLUMN_SIGNED) {
		for (size_t i = 0; i < count; i++)
			present[i] &= (uint8_t) !(codes[i] >> 63);
	} else if (!is_buffer(keys)) {
		for (size_t i = 0; i < count; i++)
			present[i] &= (uint8_t)!keys->outside[at + i];
	} else {
		return false;
	}
	return true;
}

PyObject *key_column_key(const struct key_column *keys, size_t at)
{
	mt_key scratch = 0;
	uint64_t word;

	if (!is_buffer(keys))
		return Py_NewRef(item_at(keys, at));
	word = (uint64_t)*key_column_block(keys, at, 1, &scratch);
	return word_to_value(keys->column.kind == COLUMN_SIGNED ? DTYPE_I8 : DTYPE_U8, word);
}
