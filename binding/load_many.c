/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree.load_many(): many look-ups in one call.
 *
 * They run over a snapshot, an O(1) fork, whose nodes are never written, and so without the GIL: they
 * read nodes and the caller's keys, and write memory that nobody else knows yet. Reference counts of
 * nodes change only with the GIL held.
 *
 * A call owns its column, snapshot and results until it returns. Only for the type's method table.
 */
#include "load_many.h"
#include "arrays.h"
#include "errors.h"
#include "key_column.h"
#include "output.h"

enum half { HALF_NONE, HALF_UNSIGNED, HALF_SIGNED, HALF_FLOAT };
enum { IS_ABSENT = 1, DOES_NOT_FIT }; /* statuses of look_up() */

struct look {
	const struct maple_tree *snapshot;
	const struct key_column *keys;
	uint64_t *words;  /* what was found */
	uint8_t *mask;    /* whether something was found, for all keys; or NULL */
	size_t block;     /* this many keys at a time */
	mt_key *scratch;  /* for a block */
	uint8_t *present; /* for a block, if there is no mask */
	bool fill;        /* absent keys get `absent`; if not set, the first absent key ends the
			    * look-up */
	uint64_t absent;
	/* Results of 32 bits: */
	enum half half;
	uint32_t *halves; /* instead of words, which are those of a block */
	uint64_t misfit;  /* the value that does not fit */
	bool is_signed;   /* whether values are */
};

/* For keys that the tree may not be asked about: those outside 0 ... MAX. */
static void fill_absent(const struct look *look, uint64_t *words, const uint8_t *present,
			size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t found = -(uint64_t)present[i];

		words[i] = (words[i] & found) | (look->absent & ~found);
	}
}

/* A value fits in 32 bits if it is, plus `bias`, below a power of two. */
struct room {
	uint64_t bias;
	unsigned bits; /* of the power */
};

static struct room room_of(const struct look *look)
{
	bool both = look->half == HALF_SIGNED && look->is_signed;

	return (struct room){
		.bias = both ? (uint64_t)1 << 31 : 0,
		.bits = look->half == HALF_SIGNED && !both ? 31 : 32,
	};
}

static bool fits(struct room room, uint64_t word)
{
	return (word + room.bias) >> room.bits == 0;
}

/* Write results of 32 bits. Returns the first that does not fit, or the count. */
static size_t narrow(const struct look *look, const uint64_t *words, const uint8_t *present,
		     size_t count, uint32_t *out)
{
	struct room room = room_of(look);
	uint64_t seen = 0;

	if (look->half == HALF_FLOAT) {
		for (size_t i = 0; i < count; i++) {
			float number = (float)double_of(words[i]);

			memcpy(&out[i], &number, sizeof(number));
		}
		return count;
	}
	/* Without branches: hits come in any order. */
	for (size_t i = 0; i < count; i++) {
		out[i] = (uint32_t)words[i];
		seen |= (words[i] + room.bias) & -(uint64_t)present[i];
	}
	for (size_t i = 0; seen >> room.bits && i < count; i++) {
		if (present[i] && !fits(room, words[i]))
			return i;
	}
	return count;
}

/* 0; or a status with the position of the key that it is about. Needs no GIL. */
static int look_up(struct look *look, size_t *bad)
{
	size_t count = look->keys->column.count;

	for (size_t at = 0; at < count; at += look->block) {
		size_t some = count - at < look->block ? count - at : look->block;
		const mt_key *keys = key_column_block(look->keys, at, some, look->scratch);
		uint64_t *words = look->halves ? look->words : look->words + at;
		uint8_t *present = look->mask ? look->mask + at : look->present;
		bool masked;

		mt_load_batch(look->snapshot, keys, some, look->absent, words, present);
		masked = key_column_mask(look->keys, at, some, keys, present);
		if (look->fill && masked) {
			fill_absent(look, words, present, some);
		} else if (!look->fill) {
			const uint8_t *absent = memchr(present, 0, some);

			if (absent) {
				*bad = at + (size_t)(absent - present);
				return IS_ABSENT;
			}
		}
		if (look->halves) {
			size_t misfit = narrow(look, words, present, some, look->halves + at);

			if (misfit < some) {
				*bad = at + misfit;
				look->misfit = words[misfit];
				return DOES_NOT_FIT;
			}
		}
	}
	return 0;
}

static void raise_absent(const struct look *look, size_t bad)
{
	PyObject *key = key_column_key(look->keys, bad);

	if (key)
		raise_key(key);
	Py_XDECREF(key);
}

static void raise_misfit(const struct look *look, size_t bad)
{
	enum dtype dtype = look->is_signed ? DTYPE_I8 : DTYPE_U8;
	PyObject *value = word_to_number(dtype, look->misfit);

	if (value)
		PyErr_Format(PyExc_ValueError, "position %zu: value %R does not fit in 32 bits",
			     bad, value);
	Py_XDECREF(value);
}

/* Look up all keys into look->words, or look->halves. 0; or -1 with KeyError, ValueError or
 * MemoryError. */
static int look_up_all(struct look *look)
{
	size_t count = look->keys->column.count;
	size_t block = mt_batch_size(look->snapshot);
	size_t bad = 0;
	int status;

	look->block = count < block ? count : block;
	look->scratch = PyMem_New(mt_key, look->block);
	look->present = PyMem_New(uint8_t, look->block);
	if (look->halves)
		look->words = PyMem_New(uint64_t, look->block);
	if (!look->scratch || !look->present || !look->words) {
		PyErr_NoMemory();
		status = -1;
	} else if (count < FEW) {
		status = look_up(look, &bad);
	} else {
		Py_BEGIN_ALLOW_THREADS
		status = look_up(look, &bad);
		Py_END_ALLOW_THREADS
	}
	PyMem_Free(look->scratch);
	PyMem_Free(look->present);
	if (look->halves)
		PyMem_Free(look->words);
	if (status == IS_ABSENT)
		raise_absent(look, bad);
	else if (status == DOES_NOT_FIT)
		raise_misfit(look, bad);
	return status == 0 ? 0 : -1;
}

/* (values, mask), or the values alone if there is no mask. Takes over both. */
static PyObject *with_mask(PyObject *values, PyObject *mask)
{
	PyObject *pair = values && mask ? PyTuple_Pack(2, values, mask) : NULL;

	Py_XDECREF(values);
	Py_XDECREF(mask);
	return pair;
}

static PyObject *list_of_bools(const uint8_t *mask, size_t count)
{
	PyObject *list = PyList_New((Py_ssize_t)count);

	for (size_t i = 0; list && i < count; i++)
		PyList_SET_ITEM(list, (Py_ssize_t)i, PyBool_FromLong(mask[i]));
	return list;
}

static PyObject *look_up_objects(struct look *look, bool found)
{
	size_t count = look->keys->column.count;
	PyObject *result = NULL;

	look->words = PyMem_New(uint64_t, count);
	look->mask = found ? PyMem_New(uint8_t, count) : NULL;
	if (!look->words || (found && !look->mask))
		PyErr_NoMemory();
	else if (look_up_all(look) == 0)
		result = list_of_objects(look->words, count);
	if (result && found)
		result = with_mask(result, list_of_bools(look->mask, count));
	PyMem_Free(look->words);
	PyMem_Free(look->mask);
	return result;
}

static const char *const half_types[] =
	{[HALF_UNSIGNED] = "uint32", [HALF_SIGNED] = "int32", [HALF_FLOAT] = "float32"};

static PyObject *look_up_numbers(struct look *look, enum dtype dtype, bool found)
{
	size_t count = look->keys->column.count;
	struct output values = {0};
	struct output mask = {0};
	PyObject *numpy = import_numpy("load_many");
	PyObject *result, *bools;
	int status;

	if (!numpy)
		return NULL;
	if (look->half == HALF_NONE)
		status = output_make(&values, numpy, dtype, count);
	else
		status = output_make_items(&values, numpy, half_types[look->half], sizeof(uint32_t),
					   count);
	if (status == 0 && found)
		status = output_make_items(&mask, numpy, "bool", sizeof(uint8_t), count);
	Py_DECREF(numpy);
	if (status == 0) {
		if (look->half == HALF_NONE)
			look->words = values.view.buf;
		else
			look->halves = values.view.buf;
		look->mask = mask.view.buf;
		status = look_up_all(look);
	}
	result = output_take(&values);
	bools = output_take(&mask);
	if (status < 0)
		Py_CLEAR(result);
	if (found)
		result = with_mask(result, bools);
	return result;
}

/* Read dtype=: 32 bits for the results. 0 or -1. */
static int parse_half(struct look *look, enum dtype dtype, PyObject *given)
{
	PyObject *module, *name;
	const char *text = NULL;

	look->is_signed = dtype == DTYPE_I8;
	if (!given || given == Py_None)
		return 0;
	module = PyImport_ImportModule("samara._dtypes");
	name = module ? PyObject_CallMethod(module, "half_dtype", "Oz", given, dtype_name(dtype))
		      : NULL;
	if (name)
		text = PyUnicode_AsUTF8(name);
	if (text)
		look->half = text[0] == 'u'   ? HALF_UNSIGNED
			     : text[0] == 'i' ? HALF_SIGNED
					      : HALF_FLOAT;
	Py_XDECREF(module);
	Py_XDECREF(name);
	return text ? 0 : -1;
}

/* A default for results of 32 bits: it must fit itself. 0 or -1. */
static int parse_half_absent(struct look *look, PyObject *given)
{
	static const enum dtype dtypes[] = {
		[HALF_UNSIGNED] = DTYPE_U8, [HALF_SIGNED] = DTYPE_I8, [HALF_FLOAT] = DTYPE_F8};
	struct look as_given = {.half = look->half, .is_signed = look->half == HALF_SIGNED};

	if (value_to_word(dtypes[look->half], given, &look->absent) < 0)
		return -1;
	if (look->half == HALF_FLOAT || fits(room_of(&as_given), look->absent))
		return 0;
	PyErr_Format(PyExc_ValueError, "default %R does not fit in 32 bits", given);
	return -1;
}

/* Without a default, an absent key is an error, or if the caller asks for the mask, None or 0. */
static int parse_absent(struct look *look, enum dtype dtype, PyObject *given, bool found)
{
	look->fill = given || found;
	if (given && look->half != HALF_NONE)
		return parse_half_absent(look, given);
	if (given)
		return value_to_word(dtype, given, &look->absent);
	look->absent = dtype == DTYPE_OBJECT ? word_of(Py_None) : 0;
	return 0;
}

PyObject *tree_load_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			 PyObject *kwnames)
{
	static const char *const names[] = {"keys", "default", "found", "dtype"};
	static const struct signature signature = {"load_many", names, 4, 1, 3};
	struct mt_snapshot snapshot;
	struct key_column keys = {0};
	struct look look = {.snapshot = &snapshot.tree, .keys = &keys};
	PyObject *given[4];
	PyObject *result = NULL;
	enum dtype dtype;
	bool found;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    truth_parse(given[2], &found) < 0)
		return NULL;
	if (key_column_open(&keys, self->kind, given[0], "keys") < 0 ||
	    key_column_prepare(&keys) < 0 || tree_enter(self) < 0)
		goto out;
	dtype = self->dtype;
	mt_snapshot_begin(&self->mt, &snapshot);
	if (parse_half(&look, dtype, given[3]) == 0 &&
	    parse_absent(&look, dtype, given[1], found) == 0)
		result = dtype == DTYPE_OBJECT ? look_up_objects(&look, found)
					       : look_up_numbers(&look, dtype, found);
	mt_snapshot_end(&self->mt, &snapshot);
out:
	key_column_close(&keys);
	return result;
}
