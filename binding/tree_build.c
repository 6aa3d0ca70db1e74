/* SPDX-License-Identifier: MIT */
/*
 * Filling a new tree from an iterable of triples, or from columns if it has a policy.
 *
 * As long as the triples are in order and do not overlap, they are gathered in arrays, each with an
 * owned value, and built into full nodes at the end. The first triple that breaks the order ends
 * this: what was gathered is built, and the rest is stored one by one, later triples over earlier
 * ones. A policy is asked the same questions as if all of them were stored one by one: each store
 * asks about the neighbours that are already there.
 *
 * Owns the arrays, and the values in them until the tree has them. For __init__() (tree.c) and
 * from_arrays() (arrays.c).
 */
#include "tree_build.h"
#include "args.h"
#include "errors.h"

struct gathered {
	enum dtype dtype;
	uint64_t *first;
	uint64_t *last;
	uint64_t *words; /* for objects: owned references */
	size_t count;
	size_t size;
};

static void release_word(enum dtype dtype, uint64_t word)
{
	if (dtype == DTYPE_OBJECT)
		Py_DECREF(object_of(word));
}

/* 0, with an owned reference if the word is an object; or -1. */
static int parse_triple(enum dtype dtype, PyObject *item, uint64_t *first, uint64_t *last,
			uint64_t *word)
{
	/* Always a tuple, since converting an index can change a list. */
	PyObject *triple = PyTuple_Check(item) ? Py_NewRef(item) : PySequence_Tuple(item);
	int status = -1;

	if (!triple)
		return -1;
	if (PyTuple_GET_SIZE(triple) != 3)
		PyErr_Format(PyExc_ValueError, "expected (first, last, value), got %zd items",
			     PyTuple_GET_SIZE(triple));
	else
		status = window_require(PyTuple_GET_ITEM(triple, 0), PyTuple_GET_ITEM(triple, 1),
					first, last);
	if (status == 0)
		status = value_to_word(dtype, PyTuple_GET_ITEM(triple, 2), word);
	if (status == 0 && dtype == DTYPE_OBJECT)
		Py_INCREF(object_of(*word));
	Py_DECREF(triple);
	return status;
}

static int gathered_resize(struct gathered *gathered, size_t size)
{
	uint64_t **arrays[] = {&gathered->first, &gathered->last, &gathered->words};

	for (int i = 0; i < 3; i++) {
		uint64_t *larger = PyMem_Realloc(*arrays[i], size * sizeof(uint64_t));

		if (!larger) {
			PyErr_NoMemory();
			return -1;
		}
		*arrays[i] = larger;
	}
	gathered->size = size;
	return 0;
}

/* Free everything. Runs the values' finalizers. */
static void gathered_free(struct gathered *gathered)
{
	const uint64_t *words = gathered->words;
	size_t objects = gathered->dtype == DTYPE_OBJECT ? gathered->count : 0;

	for (size_t i = 0; i < objects; i++)
		Py_DECREF(object_of(words[i]));
	PyMem_Free(gathered->first);
	PyMem_Free(gathered->last);
	PyMem_Free(gathered->words);
	*gathered = (struct gathered){.dtype = gathered->dtype};
}

/* Ask whether the entry `at` of the columns, which is being stored, merges with the last one that
 * is gathered. If so, it does: 1. Otherwise 0, or what the policy returned. */
static int merge_gathered(struct gathered *gathered, const struct mt_value_ops *ops,
			  const struct columns *columns, size_t at)
{
	size_t end = gathered->count - 1;
	uint64_t words[] = {gathered->words[end], columns->words[at]};
	struct mt_entry left = {gathered->first[end], gathered->last[end], words[0]};
	struct mt_entry right = {columns->first[at], columns->last[at], words[1]};
	int status = ops->merge(ops->context, &left, &right, &right, &gathered->words[end]);

	if (status <= 0)
		return status;
	gathered->last[end] = right.last;
	for (int i = 0; i < 2; i++)
		release_word(gathered->dtype, words[i]);
	return 1;
}

/* Gather the entries of the columns from `at` on, and merge the neighbours that the policy merges.
 * If it raises, the rest is gathered as it is. The columns may be what is gathered: an entry is read
 * before its place is written. */
static int gather_coalesced(struct gathered *gathered, const struct mt_value_ops *ops,
			    const struct columns *columns, size_t at)
{
	int status = 0;

	for (; at < columns->count; at++) {
		size_t count = gathered->count;

		if (count && status >= 0 && gathered->last[count - 1] + 1 == columns->first[at]) {
			status = merge_gathered(gathered, ops, columns, at);
			if (status > 0)
				continue;
		}
		gathered->first[count] = columns->first[at];
		gathered->last[count] = columns->last[at];
		gathered->words[count] = columns->words[at];
		gathered->count++;
	}
	return status < 0 ? status : 0;
}

static int gathered_coalesce(struct gathered *gathered, const struct mt_value_ops *ops)
{
	struct columns columns = {gathered->first, gathered->last, gathered->words,
				  gathered->count};

	gathered->count = 0;
	return gather_coalesced(gathered, ops, &columns, 0);
}

/* Build what is gathered, if `status` is 0, and free it. */
static int build_merged(struct maple_tree *mt, struct gathered *gathered, int status)
{
	if (status == 0)
		status = mt_build(mt, gathered->first, gathered->last, gathered->words,
				  gathered->count, NULL);
	if (status < 0)
		raise_status(status);
	gathered_free(gathered);
	return status < 0 ? -1 : 0;
}

static int build(struct maple_tree *mt, struct gathered *gathered)
{
	const struct mt_value_ops *ops = mt->ma_ops;

	return build_merged(mt, gathered, ops && ops->merge ? gathered_coalesce(gathered, ops) : 0);
}

/* Add one triple: gather it while `*sorted`, otherwise store it. */
static int add_triple(struct maple_tree *mt, struct gathered *gathered, bool *sorted,
		      PyObject *item, Py_ssize_t position)
{
	uint64_t first, last, word;
	int status = parse_triple(gathered->dtype, item, &first, &last, &word);

	if (status < 0) {
		locate_error("item", position);
		return -1;
	}
	if (*sorted && gathered->count && first <= gathered->last[gathered->count - 1]) {
		*sorted = false;
		status = build(mt, gathered);
	}
	if (status == 0 && !*sorted) {
		status = mtree_store_range_word(mt, first, last, word);
		if (status < 0)
			raise_status(status);
	}
	if (status == 0 && *sorted && gathered->count == gathered->size)
		status = gathered_resize(gathered, gathered->size ? gathered->size * 2 : 64);
	if (status == 0 && *sorted) {
		gathered->first[gathered->count] = first;
		gathered->last[gathered->count] = last;
		gathered->words[gathered->count] = word;
		gathered->count++;
		return 0;
	}
	release_word(gathered->dtype, word);
	return status < 0 ? -1 : 0;
}

int build_from_iterable(struct maple_tree *mt, enum dtype dtype, PyObject *iterable)
{
	struct gathered gathered = {.dtype = dtype};
	PyObject *iterator = PyObject_GetIter(iterable);
	PyObject *item;
	Py_ssize_t position = 0;
	bool sorted = true;
	int status = 0;

	if (!iterator)
		return -1;
	while (status == 0 && (item = PyIter_Next(iterator))) {
		status = add_triple(mt, &gathered, &sorted, item, position++);
		Py_DECREF(item);
	}
	Py_DECREF(iterator);
	if (status == 0 && PyErr_Occurred())
		status = -1;
	if (status == 0 && sorted && gathered.count)
		return build(mt, &gathered);
	gathered_free(&gathered);
	return status;
}

int build_from_columns(struct maple_tree *mt, enum dtype dtype, const struct columns *columns,
		       size_t alone)
{
	struct gathered gathered = {.dtype = dtype};
	size_t size = alone * sizeof(uint64_t);
	int status;

	if (!columns->count)
		return 0;
	if (gathered_resize(&gathered, columns->count) < 0) {
		gathered_free(&gathered);
		return -1;
	}
	memcpy(gathered.first, columns->first, size);
	memcpy(gathered.last, columns->last, size);
	memcpy(gathered.words, columns->words, size);
	gathered.count = alone;
	if (dtype == DTYPE_OBJECT) {
		for (size_t i = 0; i < alone; i++)
			Py_INCREF(object_of(columns->words[i]));
		return build(mt, &gathered);
	}
	status = gather_coalesced(&gathered, mt->ma_ops, columns, alone);
	return build_merged(mt, &gathered, status);
}
