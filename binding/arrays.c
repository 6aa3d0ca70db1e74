/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: from arrays, to arrays, and many stores in one call.
 *
 * Buffers come in through columns (ranges.c, column.c), and go out as numpy's arrays (output.c).
 *
 * Reading runs over a snapshot, an O(1) fork. The nodes of a snapshot are never written. So the long
 * loop over a packed tree runs without the GIL: it reads nodes, and writes memory that nobody else
 * knows yet. Reference counts of nodes change only with the GIL held.
 *
 * Each call owns its columns, snapshot and arrays until it returns. For the type's method table, and
 * for file.c and load_many.c.
 */
#include "arrays.h"
#include "errors.h"
#include "key_arrays.h"
#include "output.h"
#include "policy.h"
#include "ranges.h"
#include "tree_build.h"
#include "tree_sets.h"

/* ---- ranges in ------------------------------------------------------------------------------ */

/* How the caller's rows are laid out. */
struct layout {
	bool half_open; /* `last` is exclusive */
	bool sort;      /* the rows may be in any order */
	bool last_wins; /* where ranges overlap, the later row wins; otherwise it is an error */
};

/* One of two words; NULL means the first. 0 or -1. */
static int word_parse(PyObject *given, const char *name, const char *first, const char *second,
		      bool *is_second)
{
	*is_second = false;
	if (!given)
		return 0;
	if (PyUnicode_Check(given)) {
		*is_second = PyUnicode_CompareWithASCIIString(given, second) == 0;
		if (*is_second || PyUnicode_CompareWithASCIIString(given, first) == 0)
			return 0;
	}
	PyErr_Format(PyExc_ValueError, "%s must be '%s' or '%s', not %R", name, first, second,
		     given);
	return -1;
}

static int layout_parse(PyObject *const *given, struct layout *layout)
{
	if (word_parse(given[0], "closed", "both", "left", &layout->half_open) < 0 ||
	    truth_parse(given[1], &layout->sort) < 0)
		return -1;
	return word_parse(given[2], "overlap", "error", "last", &layout->last_wins);
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

static struct columns as_columns(const struct ranges *ranges)
{
	return (struct columns){ranges->firsts, ranges->lasts, ranges->words, ranges->count};
}

/* Build from sorted ranges. What mt_build() refuses overlaps: then the later row wins, or it is an
 * error. */
static int build(struct maple_tree *mt, struct ranges *ranges, bool last_wins)
{
	struct columns columns = as_columns(ranges);
	size_t bad = 0;
	int status = build_tree(mt, &columns, &bad);

	if (status == -EINVAL && last_wins) {
		/* The caller's arrays may have changed since they were checked. */
		if (ranges_require_rising(ranges) < 0 || ranges_overlay(ranges) < 0)
			return -1;
		columns = as_columns(ranges);
		status = build_tree(mt, &columns, &bad);
	}
	if (status == -EINVAL)
		ranges_raise(ranges, bad);
	else if (status < 0)
		raise_status(status);
	return status < 0 ? -1 : 0;
}

/* Build from sorted ranges, and ask the policy which of them merge. */
static int build_merged(struct maple_tree *mt, enum dtype dtype, struct ranges *ranges)
{
	struct columns columns = as_columns(ranges);
	size_t alone = columns.count;

	/* Packed numbers of which none merge need no copy. */
	if (dtype != DTYPE_OBJECT) {
		alone = policy_first_merge(mt->ma_ops, &columns);
		if (alone == columns.count)
			return build(mt, ranges, false);
	}
	if (ranges_require_apart(ranges) < 0)
		return -1;
	return build_from_columns(mt, dtype, &columns, alone);
}

/* Store row by row: a policy decides about each cut and each neighbour when it comes about. */
static int store_rows(struct maple_tree *mt, const struct ranges *ranges)
{
	struct columns columns = as_columns(ranges);
	int status = store_columns(mt, &columns);

	if (status < 0)
		raise_status(status);
	return status < 0 ? -1 : 0;
}

/* Fill a new maple tree from converted ranges. 0, or -1 with an exception. */
static int fill_tree(struct maple_tree *mt, enum dtype dtype, struct ranges *ranges,
		     const struct layout *layout, bool asks_policy)
{
	int status = 0;

	if (layout->sort)
		status = ranges_require_sound(ranges);
	else if (layout->last_wins)
		status = ranges_require_rising(ranges);
	if (status == 0 && asks_policy && layout->last_wins && !ranges_are_apart(ranges))
		return store_rows(mt, ranges);
	if (status == 0 && layout->sort)
		status = ranges_sort(ranges);
	if (status < 0)
		return -1;
	return asks_policy ? build_merged(mt, dtype, ranges) : build(mt, ranges, layout->last_wins);
}

/* Make an instance of `type` from converted ranges, without __init__(). Nobody can get hold of it
 * before it is whole. */
static PyObject *build_ranges(PyTypeObject *type, struct kind *kind, struct ranges *ranges,
			      const struct layout *layout, enum dtype dtype, bool track_gaps,
			      struct policy *policy, bool asks_policy)
{
	struct tree_object *tree = NULL;
	struct maple_tree mt;

	mt_init_pool(&mt, tree_flags(track_gaps), kind->state->pool, policy_ops(policy, dtype));
	if (fill_tree(&mt, dtype, ranges, layout, asks_policy) == 0)
		tree = tree_alloc(kind->state, type);
	if (!tree) {
		mt_fini(&mt);
		return NULL;
	}
	tree->mt = mt;
	tree->dtype = dtype;
	policy_adopt(tree, policy);
	tree_adopt(tree, kind);
	return (PyObject *)tree;
}

PyObject *tree_from_columns(PyTypeObject *type, struct kind *kind, PyObject *const *given)
{
	struct policy *policy;
	PyObject *tree = NULL;
	struct layout layout;
	struct ranges ranges;
	enum dtype dtype;
	bool track_gaps = true;

	if (dtype_parse(given[3], &dtype) < 0 ||
	    (given[5] && truth_parse(given[5], &track_gaps) < 0) ||
	    layout_parse(given + 7, &layout) < 0 || policy_make(kind, given[6], dtype, &policy) < 0)
		return NULL;
	if (ranges_open(&ranges, kind, given, policy && !policy_is_builtin(policy)) == 0) {
		ranges.half_open = layout.half_open;
		ranges.any_order = layout.sort;
		if (dtype == DTYPE_OBJECT)
			dtype = dtype_of(&ranges.values);
		if (ranges_convert(&ranges, dtype) == 0)
			tree = build_ranges(type, kind, &ranges, &layout, dtype, track_gaps, policy,
					    policy != NULL);
	}
	ranges_close(&ranges);
	Py_XDECREF((PyObject *)policy);
	return tree;
}

PyObject *tree_from_saved(PyTypeObject *type, struct kind *kind, PyObject *const *given)
{
	struct layout layout = {0};
	struct policy *policy;
	PyObject *tree = NULL;
	struct ranges ranges;
	enum dtype dtype;
	bool track_gaps;

	if (dtype_parse(given[4], &dtype) < 0 || truth_parse(given[5], &track_gaps) < 0 ||
	    policy_make(kind, given[6], dtype, &policy) < 0)
		return NULL;
	if (ranges_open_codes(&ranges, kind, given, dtype == DTYPE_OBJECT) == 0 &&
	    ranges_convert(&ranges, dtype) == 0)
		tree = build_ranges(type, kind, &ranges, &layout, dtype, track_gaps, policy, false);
	ranges_close(&ranges);
	Py_XDECREF((PyObject *)policy);
	return tree;
}

static int store_all(struct maple_tree *work, const void *columns)
{
	return store_columns(work, columns);
}

/* Store all ranges, which were read for that dtype, in an entered tree. 0; a status of the core; or 1:
 * the tree has another dtype now. */
static int store_ranges(struct tree_object *self, const struct ranges *ranges, enum dtype dtype)
{
	struct columns columns = as_columns(ranges);
	int status = 1;

	if (columns.count >= FEW && tree_stores_plainly(self))
		status = tree_write_beside(self, store_all, &columns);
	if (status > 0 && self->dtype == dtype)
		status = tree_store_all(self, &columns, false);
	return status == -EINVAL ? -EAGAIN : status; /* no range ended before it began */
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
		dtype = self->dtype;
		if (ranges_read(&ranges, self->kind, given, dtype, false) < 0 ||
		    tree_enter(self) < 0 || tree_require_idle(self) < 0)
			status = -ECANCELED;
		else
			status = self->dtype == dtype ? store_ranges(self, &ranges, dtype) : 1;
	} while (status > 0);
	if (status < 0)
		raise_status(status);
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

PyObject *list_of_objects(const uint64_t *words, size_t count)
{
	PyObject *list = PyList_New((Py_ssize_t)count);

	for (size_t i = 0; list && i < count; i++)
		PyList_SET_ITEM(list, (Py_ssize_t)i, Py_NewRef(object_of(words[i])));
	return list;
}

void snapshot_read(const struct maple_tree *snapshot, size_t count, mt_key *firsts, mt_key *lasts,
		   uint64_t *words)
{
	if (count < FEW) {
		mt_read(snapshot, firsts, lasts, words);
	} else {
		Py_BEGIN_ALLOW_THREADS
		mt_read(snapshot, firsts, lasts, words);
		Py_END_ALLOW_THREADS
	}
}

int snapshot_columns(struct maple_tree *snapshot, enum dtype dtype, PyObject *columns[3])
{
	size_t count = (size_t)mt_entries(snapshot);
	char *memory[3];

	for (int i = 0; i < 3; i++) {
		size_t item = i < 2 ? sizeof(mt_key) : sizeof(uint64_t);

		columns[i] = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(count * item));
		if (!columns[i])
			return -1;
		memory[i] = PyBytes_AS_STRING(columns[i]);
	}
	snapshot_read(snapshot, count, (mt_key *)memory[0], (mt_key *)memory[1],
		      (uint64_t *)memory[2]);
	if (dtype == DTYPE_OBJECT)
		Py_SETREF(columns[2], list_of_objects((uint64_t *)memory[2], count));
	return columns[2] ? 0 : -1;
}

/* Fill the three arrays, of codes and of values; 0 or -1. */
static int fill_outputs(struct maple_tree *snapshot, enum dtype dtype, size_t count,
			struct output *outputs)
{
	mt_key *firsts = outputs[0].view.buf;
	mt_key *lasts = outputs[1].view.buf;
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
	} else {
		snapshot_read(snapshot, count, firsts, lasts, words);
	}
	return 0;
}

/* The three arrays of a tree whose codes are no array of numpy's: 0 or -1. */
static int convert_outputs(struct maple_tree *snapshot, const struct kind *kind, PyObject *numpy,
			   enum dtype dtype, size_t count, PyObject *arrays[3])
{
	mt_key *codes = PyMem_New(mt_key, 2 * count);
	uint64_t *words = PyMem_New(uint64_t, count);
	struct output values = {0};
	int status = -1;

	if (!codes || !words) {
		PyErr_NoMemory();
		goto out;
	}
	status = output_make(&values, numpy, dtype, count);
	if (status < 0)
		goto out;
	snapshot_read(snapshot, count, codes, codes + count, words);
	if (dtype == DTYPE_OBJECT)
		fill_objects(values.view.buf, words, count);
	else
		memcpy(values.view.buf, words, count * sizeof(uint64_t));
	arrays[2] = output_take(&values);
	arrays[0] = array_of_keys(kind, numpy, codes, count);
	arrays[1] = arrays[0] ? array_of_keys(kind, numpy, codes + count, count) : NULL;
	status = arrays[1] ? 0 : -1;
out:
	PyMem_Free(codes);
	PyMem_Free(words);
	return status;
}

/* The three arrays of a tree whose codes are uint64 keys: 0 or -1. */
static int make_outputs(struct maple_tree *snapshot, PyObject *numpy, enum dtype dtype,
			size_t count, PyObject *arrays[3])
{
	struct output outputs[3] = {0};
	int status = output_make(&outputs[0], numpy, DTYPE_U8, count);

	if (status == 0)
		status = output_make(&outputs[1], numpy, DTYPE_U8, count);
	if (status == 0)
		status = output_make(&outputs[2], numpy, dtype, count);
	if (status == 0)
		status = fill_outputs(snapshot, dtype, count, outputs);
	for (int i = 0; i < 3; i++)
		arrays[i] = output_take(&outputs[i]);
	return status;
}

PyObject *tree_to_arrays(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	struct mt_snapshot snapshot;
	PyObject *numpy = import_numpy("to_arrays");
	PyObject *result = NULL;
	PyObject *arrays[3] = {NULL};
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
	mt_snapshot_begin(&self->mt, &snapshot);
	count = mt_entries(&snapshot.tree);
	if (MT_KEY_BITS == 64 && codes_are_keys(self->kind))
		status = make_outputs(&snapshot.tree, numpy, dtype, count, arrays);
	else
		status = convert_outputs(&snapshot.tree, self->kind, numpy, dtype, count, arrays);
	if (status == 0)
		result = PyTuple_Pack(3, arrays[0], arrays[1], arrays[2]);
	for (int i = 0; i < 3; i++)
		Py_XDECREF(arrays[i]);
	Py_DECREF(numpy);
	mt_snapshot_end(&self->mt, &snapshot);
	return result;
}
