/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: from arrays, to arrays, and many look-ups or stores in one call.
 *
 * Buffers come in through columns (column.c). Arrays that go out are made by numpy, which is
 * imported on first use. It makes the array, and the array lends its memory to be filled.
 *
 * Look-ups and reading run over a snapshot, an O(1) fork. The nodes of a snapshot are never
 * written. So the long loops over a packed tree, and the look-ups in any tree, run without the GIL:
 * they read nodes and the caller's keys, and write memory that nobody else knows yet. Reference
 * counts of nodes change only with the GIL held.
 *
 * Each call owns its columns, snapshot and arrays until it returns. For the type's method table;
 * ranges also for tree_accumulate.c and tree_map.c.
 */
#include "arrays.h"
#include "column.h"
#include "errors.h"
#include "policy.h"
#include "tree_build.h"
#include "tree_sets.h"

/* For less work than this, releasing the GIL costs more than it gains. */
#define FEW 512

/* ---- numpy ---------------------------------------------------------------------------------- */

struct output {
	PyObject *array; /* owned */
	Py_buffer view;  /* of its memory, while the array is being filled */
};

static PyObject *import_numpy(const char *function)
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

/* Make an array of words of that dtype, whose memory the caller fills. 0; or -1, also if the module
 * named numpy makes something else. */
static int output_make(struct output *output, PyObject *numpy, enum dtype dtype, size_t count)
{
	static const char *const types[] = {"object", "uint64", "int64", "float64"};
	bool objects;

	output->array = PyObject_CallMethod(numpy, "empty", "ns", (Py_ssize_t)count, types[dtype]);
	if (!output->array)
		return -1;
	if (PyObject_GetBuffer(output->array, &output->view, PyBUF_CONTIG | PyBUF_FORMAT) < 0) {
		Py_CLEAR(output->array);
		return -1;
	}
	objects = output->view.format && strcmp(output->view.format, "O") == 0;
	if (output->view.itemsize == sizeof(uint64_t) && objects == (dtype == DTYPE_OBJECT) &&
	    (size_t)output->view.len == count * sizeof(uint64_t))
		return 0;
	PyErr_Format(PyExc_TypeError,
		     "numpy.empty() did not return an array of %zu %s items (got %R)", count,
		     types[dtype], (PyObject *)Py_TYPE(output->array));
	Py_CLEAR(output->array);
	PyBuffer_Release(&output->view);
	return -1;
}

/* Give the memory back. Returns the array, or NULL if there is none. */
static PyObject *output_take(struct output *output)
{
	PyObject *array = output->array;

	if (array)
		PyBuffer_Release(&output->view);
	output->array = NULL;
	return array;
}

/* ---- ranges in ------------------------------------------------------------------------------ */

void ranges_close(struct ranges *ranges)
{
	column_close(&ranges->first);
	column_close(&ranges->last);
	column_close(&ranges->values);
}

int ranges_open(struct ranges *ranges, PyObject *const *given, bool objects)
{
	*ranges = (struct ranges){0};
	if (column_open(&ranges->first, given[0], "first", false) < 0 ||
	    column_open(&ranges->last, given[1], "last", false) < 0 ||
	    column_open(&ranges->values, given[2], "values", objects) < 0)
		return -1;
	ranges->count = ranges->first.count;
	if (ranges->last.count == ranges->count && ranges->values.count == ranges->count)
		return 0;
	PyErr_Format(PyExc_ValueError,
		     "first, last and values must have the same length, not %zu, %zu, %zu",
		     ranges->count, ranges->last.count, ranges->values.count);
	return -1;
}

/* Whether an object is one number rather than a column of them. */
static bool is_number(PyObject *object)
{
	const PyNumberMethods *methods = Py_TYPE(object)->tp_as_number;

	return !Py_TYPE(object)->tp_iter &&
	       (PyIndex_Check(object) || (methods && methods->nb_float));
}

int ranges_open_with_number(struct ranges *ranges, PyObject *const *given)
{
	if (!is_number(given[2]))
		return ranges_open(ranges, given, false);
	*ranges = (struct ranges){.number = given[2]};
	if (column_open(&ranges->first, given[0], "first", false) < 0 ||
	    column_open(&ranges->last, given[1], "last", false) < 0)
		return -1;
	ranges->count = ranges->first.count;
	if (ranges->last.count == ranges->count)
		return 0;
	PyErr_Format(PyExc_ValueError, "first and last must have the same length, not %zu, %zu",
		     ranges->count, ranges->last.count);
	return -1;
}

int ranges_convert(struct ranges *ranges, enum dtype dtype)
{
	ranges->firsts = column_indices(&ranges->first);
	ranges->lasts = ranges->firsts ? column_indices(&ranges->last) : NULL;
	if (ranges->lasts && ranges->number) {
		ranges->words = &ranges->word;
		return number_to_word(dtype, ranges->number, &ranges->word);
	}
	ranges->words = ranges->lasts ? column_values(&ranges->values, dtype) : NULL;
	return ranges->words ? 0 : -1;
}

/* Raise what ranges_check_order() or mt_build() has found at that position. */
static void raise_order(const struct ranges *ranges, size_t at)
{
	if (ranges->firsts[at] > ranges->lasts[at])
		PyErr_Format(PyExc_ValueError, "position %zu: first %llu is above last %llu", at,
			     (unsigned long long)ranges->firsts[at],
			     (unsigned long long)ranges->lasts[at]);
	else
		PyErr_Format(PyExc_ValueError,
			     "position %zu: [%llu, %llu] overlaps or is below [%llu, %llu]", at,
			     (unsigned long long)ranges->firsts[at],
			     (unsigned long long)ranges->lasts[at],
			     (unsigned long long)ranges->firsts[at - 1],
			     (unsigned long long)ranges->lasts[at - 1]);
}

/* The dtype that a buffer's format stands for. */
static enum dtype dtype_of(const struct column *values)
{
	switch (values->kind) {
	case COLUMN_UNSIGNED:
		return DTYPE_U8;
	case COLUMN_SIGNED:
		return DTYPE_I8;
	case COLUMN_FLOATS:
		return DTYPE_F8;
	default:
		return DTYPE_OBJECT;
	}
}

int ranges_check_order(const struct ranges *ranges, bool rising)
{
	for (size_t i = 0; i < ranges->count; i++) {
		if (ranges->firsts[i] > ranges->lasts[i] ||
		    (rising && i && ranges->firsts[i] <= ranges->lasts[i - 1])) {
			raise_order(ranges, i);
			return -1;
		}
	}
	return 0;
}

/* Fill a new maple tree from converted ranges. 0, or -1 with an exception. */
static int fill_tree(struct maple_tree *mt, enum dtype dtype, const struct ranges *ranges,
		     bool asks_policy)
{
	struct columns columns = {ranges->firsts, ranges->lasts, ranges->words, ranges->count};
	size_t alone = ranges->count;
	size_t bad = 0;
	int status;

	/* Packed numbers of which none merge need no copy. */
	if (asks_policy && dtype != DTYPE_OBJECT) {
		alone = policy_first_merge(mt->ma_ops, &columns);
		asks_policy = alone < ranges->count;
	}
	if (asks_policy) {
		if (ranges_check_order(ranges, true) < 0)
			return -1;
		return build_from_columns(mt, dtype, &columns, alone);
	}
	status = mt_build(mt, ranges->firsts, ranges->lasts, ranges->words, ranges->count, &bad);
	if (status == -EINVAL)
		raise_order(ranges, bad);
	else if (status < 0)
		raise_status(status);
	return status < 0 ? -1 : 0;
}

/* Make an instance of `type` from converted ranges, without __init__(). Nobody can get hold of it
 * before it is whole. */
static PyObject *build_ranges(PyTypeObject *type, struct core_state *state,
			      const struct ranges *ranges, enum dtype dtype, bool track_gaps,
			      struct policy *policy)
{
	struct tree_object *tree = NULL;
	struct maple_tree mt;

	mt_init_pool(&mt, tree_flags(track_gaps), state->pool, policy_ops(policy, dtype));
	if (fill_tree(&mt, dtype, ranges, policy != NULL) == 0)
		tree = tree_alloc(type);
	if (!tree) {
		mt_fini(&mt);
		return NULL;
	}
	tree->mt = mt;
	tree->dtype = dtype;
	policy_adopt(tree, policy);
	tree_adopt(tree, state);
	return (PyObject *)tree;
}

PyObject *tree_from_arrays(PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames)
{
	static const char *const names[] = {"first", "last",       "values",
					    "dtype", "track_gaps", "policy"};
	static const struct signature signature = {"from_arrays", names, 6, 3, 3};
	struct core_state *state = state_of_type(type);
	struct policy *policy;
	PyObject *given[6];
	PyObject *tree = NULL;
	struct ranges ranges;
	enum dtype dtype;
	bool track_gaps = true;

	if (!state || args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    dtype_parse(given[3], &dtype) < 0 ||
	    (given[4] && truth_parse(given[4], &track_gaps) < 0) ||
	    policy_make(state, given[5], dtype, &policy) < 0)
		return NULL;
	if (ranges_open(&ranges, given, policy && !policy_is_builtin(policy)) == 0) {
		if (dtype == DTYPE_OBJECT)
			dtype = dtype_of(&ranges.values);
		if (ranges_convert(&ranges, dtype) == 0)
			tree = build_ranges(type, state, &ranges, dtype, track_gaps, policy);
	}
	ranges_close(&ranges);
	Py_XDECREF((PyObject *)policy);
	return tree;
}

PyObject *tree_store_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames)
{
	static const char *const names[] = {"first", "last", "values"};
	static const struct signature signature = {"store_many", names, 3, 3, 3};
	PyObject *given[3];
	struct ranges ranges = {0};
	enum dtype dtype;
	int status;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	do {
		ranges_close(&ranges);
		dtype = self->dtype;
		status = ranges_open(&ranges, given, dtype == DTYPE_OBJECT);
		if (status == 0)
			status = ranges_convert(&ranges, dtype);
		if (status == 0)
			status = ranges_check_order(&ranges, false);
		if (status == 0)
			status = tree_enter(self);
	} while (status == 0 && self->dtype != dtype);
	if (status == 0)
		status = tree_require_idle(self);
	if (status == 0) {
		struct columns columns = {ranges.firsts, ranges.lasts, ranges.words, ranges.count};

		status = tree_store_all(self, &columns, false);
		if (status < 0)
			raise_status(status);
	}
	ranges_close(&ranges);
	if (status < 0)
		return NULL;
	Py_RETURN_NONE;
}

/* ---- ranges out ----------------------------------------------------------------------------- */

/* The memory of an array of objects holds references, to None or NULL. Replace them by references
 * to `words`. */
static void fill_objects(PyObject **objects, const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		PyObject *old = objects[i];

		objects[i] = Py_NewRef(object_of(words[i]));
		Py_XDECREF(old);
	}
}

/* Fill the three arrays; 0 or -1. */
static int fill_outputs(struct maple_tree *snapshot, enum dtype dtype, size_t count,
			struct output *outputs)
{
	uint64_t *firsts = outputs[0].view.buf;
	uint64_t *lasts = outputs[1].view.buf;
	uint64_t *words = outputs[2].view.buf;

	if (dtype == DTYPE_OBJECT) {
		words = PyMem_New(uint64_t, count);
		if (!words) {
			PyErr_NoMemory();
			return -1;
		}
		mt_read(snapshot, firsts, lasts, words);
		fill_objects(outputs[2].view.buf, words, count);
		PyMem_Free(words);
	} else if (count < FEW) {
		mt_read(snapshot, firsts, lasts, words);
	} else {
		Py_BEGIN_ALLOW_THREADS
		mt_read(snapshot, firsts, lasts, words);
		Py_END_ALLOW_THREADS
	}
	return 0;
}

PyObject *tree_to_arrays(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	struct output outputs[3] = {0};
	struct maple_tree snapshot;
	PyObject *numpy = import_numpy("to_arrays");
	PyObject *result = NULL;
	PyObject *arrays[3];
	enum dtype dtype;
	size_t count;
	int status;

	if (!numpy)
		return NULL;
	if (tree_enter(self) < 0) {
		Py_DECREF(numpy);
		return NULL;
	}
	dtype = self->dtype;
	mt_fork(&self->mt, &snapshot);
	count = mt_entries(&snapshot);
	status = output_make(&outputs[0], numpy, DTYPE_U8, count);
	if (status == 0)
		status = output_make(&outputs[1], numpy, DTYPE_U8, count);
	if (status == 0)
		status = output_make(&outputs[2], numpy, dtype, count);
	if (status == 0)
		status = fill_outputs(&snapshot, dtype, count, outputs);
	for (int i = 0; i < 3; i++)
		arrays[i] = output_take(&outputs[i]);
	if (status == 0)
		result = PyTuple_Pack(3, arrays[0], arrays[1], arrays[2]);
	for (int i = 0; i < 3; i++)
		Py_XDECREF(arrays[i]);
	Py_DECREF(numpy);
	mt_fini(&snapshot);
	return result;
}

/* ---- look-ups ------------------------------------------------------------------------------- */

struct look {
	const struct maple_tree *snapshot;
	const struct column *keys;
	uint64_t *words;   /* what was found */
	size_t block;      /* this many keys at a time */
	uint64_t *scratch; /* for a block */
	uint8_t *present;  /* for a block */
	bool fill;         /* absent keys get `absent`; if not set, the first absent key ends the
			    * look-up */
	uint64_t absent;
};

/* For keys that the tree may not be asked about: those outside 0 ... MAX. */
static void fill_absent(const struct look *look, uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t found = -(uint64_t)look->present[i];

		words[i] = (words[i] & found) | (look->absent & ~found);
	}
}

/* 0; or 1 with the position of a key that is absent. Needs no GIL. */
static int look_up(const struct look *look, size_t *bad)
{
	size_t count = look->keys->count;

	for (size_t at = 0; at < count; at += look->block) {
		size_t some = count - at < look->block ? count - at : look->block;
		const uint64_t *keys = column_block(look->keys, at, some, look->scratch);
		uint64_t *words = look->words + at;

		bool masked;

		mt_load_batch(look->snapshot, keys, some, look->absent, words, look->present);
		masked = column_mask(look->keys, at, some, keys, look->present);
		if (look->fill && masked) {
			fill_absent(look, words, some);
		} else if (!look->fill) {
			const uint8_t *absent = memchr(look->present, 0, some);

			if (absent) {
				*bad = at + (size_t)(absent - look->present);
				return 1;
			}
		}
	}
	return 0;
}

/* Look up all keys into look->words. 0, or -1 with KeyError or MemoryError. */
static int look_up_all(struct look *look)
{
	size_t count = look->keys->count;
	size_t block = mt_batch_size(look->snapshot);
	size_t bad = 0;
	int status;

	look->block = count < block ? count : block;
	look->scratch = PyMem_New(uint64_t, look->block);
	look->present = PyMem_New(uint8_t, look->block);
	if (!look->scratch || !look->present) {
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
	if (status > 0) {
		PyObject *key = column_key(look->keys, bad);

		if (key)
			PyErr_SetObject(PyExc_KeyError, key);
		Py_XDECREF(key);
	}
	return status == 0 ? 0 : -1;
}

static PyObject *look_up_objects(struct look *look)
{
	size_t count = look->keys->count;
	PyObject *list = NULL;

	look->words = PyMem_New(uint64_t, count);
	if (!look->words)
		return PyErr_NoMemory();
	if (look_up_all(look) == 0)
		list = PyList_New((Py_ssize_t)count);
	for (size_t i = 0; list && i < count; i++)
		PyList_SET_ITEM(list, (Py_ssize_t)i, Py_NewRef(object_of(look->words[i])));
	PyMem_Free(look->words);
	return list;
}

static PyObject *look_up_numbers(struct look *look, enum dtype dtype)
{
	struct output output = {0};
	PyObject *numpy = import_numpy("load_many");
	PyObject *array;
	int status;

	if (!numpy)
		return NULL;
	status = output_make(&output, numpy, dtype, look->keys->count);
	Py_DECREF(numpy);
	if (status < 0)
		return NULL;
	look->words = output.view.buf;
	status = look_up_all(look);
	array = output_take(&output);
	if (status < 0)
		Py_CLEAR(array);
	return array;
}

PyObject *tree_load_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			 PyObject *kwnames)
{
	static const char *const names[] = {"keys", "default"};
	static const struct signature signature = {"load_many", names, 2, 1, 2};
	struct maple_tree snapshot;
	struct column keys;
	struct look look = {.snapshot = &snapshot, .keys = &keys};
	PyObject *given[2];
	PyObject *result = NULL;
	enum dtype dtype;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	if (column_open(&keys, given[0], "keys", false) < 0 || column_keys(&keys) < 0 ||
	    tree_enter(self) < 0)
		goto out;
	dtype = self->dtype;
	mt_fork(&self->mt, &snapshot);
	look.fill = given[1] && given[1] != Py_Ellipsis;
	if (!look.fill || value_to_word(dtype, given[1], &look.absent) == 0)
		result = dtype == DTYPE_OBJECT ? look_up_objects(&look)
					       : look_up_numbers(&look, dtype);
	mt_fini(&snapshot);
out:
	column_close(&keys);
	return result;
}
