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
 * Owns the arrays, and the values in them until the tree has them. For __init__() (tree.c),
 * from_arrays() (arrays.c) and set operations (tree_sets.c).
 */
#include "tree_build.h"
#include "args.h"
#include "errors.h"

static void release_word(enum dtype dtype, uint64_t word)
{
	if (dtype == DTYPE_OBJECT)
		Py_DECREF(object_of(word));
}

static int check_size(const struct gathered *gathered, Py_ssize_t size)
{
	if (size == 3 || (size == 2 && gathered->ends_only))
		return 0;
	PyErr_Format(PyExc_ValueError, "expected %s(first, last, value), got %zd items",
		     gathered->ends_only ? "(first, last) or " : "", size);
	return -1;
}

/* Convert an item. 0, with an owned reference if the word is an object; or -1. */
static int parse_item(const struct gathered *gathered, PyObject *item, mt_key *first, mt_key *last,
		      uint64_t *word)
{
	/* Always a tuple, since converting an index can change a list. */
	PyObject *tuple = PyTuple_Check(item) ? Py_NewRef(item) : PySequence_Tuple(item);
	int status;

	if (!tuple)
		return -1;
	*word = 0;
	status = check_size(gathered, PyTuple_GET_SIZE(tuple));
	if (status == 0)
		status = window_require(gathered->kind, PyTuple_GET_ITEM(tuple, 0),
					PyTuple_GET_ITEM(tuple, 1), first, last);
	if (status == 0 && !gathered->ends_only)
		status = value_to_word(gathered->dtype, PyTuple_GET_ITEM(tuple, 2), word);
	if (status == 0 && gathered->dtype == DTYPE_OBJECT)
		Py_INCREF(object_of(*word));
	Py_DECREF(tuple);
	return status;
}

static int gathered_resize(struct gathered *gathered, size_t size)
{
	mt_key **keys[] = {&gathered->first, &gathered->last};
	uint64_t *words;

	for (int i = 0; i < 2; i++) {
		mt_key *larger = PyMem_Realloc(*keys[i], size * sizeof(mt_key));

		if (!larger) {
			PyErr_NoMemory();
			return -1;
		}
		*keys[i] = larger;
	}
	words = PyMem_Realloc(gathered->words, size * sizeof(uint64_t));
	if (!words) {
		PyErr_NoMemory();
		return -1;
	}
	gathered->words = words;
	gathered->size = size;
	return 0;
}

void gathered_free(struct gathered *gathered)
{
	const uint64_t *words = gathered->words;
	size_t objects = gathered->dtype == DTYPE_OBJECT ? gathered->count : 0;

	for (size_t i = 0; i < objects; i++)
		Py_DECREF(object_of(words[i]));
	PyMem_Free(gathered->first);
	PyMem_Free(gathered->last);
	PyMem_Free(gathered->words);
	*gathered = (struct gathered){
		.kind = gathered->kind, .dtype = gathered->dtype, .ends_only = gathered->ends_only};
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

/* Add a triple at the end. The value is taken over if there is memory. 0 or -1. */
static int gathered_add(struct gathered *gathered, mt_key first, mt_key last, uint64_t word)
{
	if (gathered->count == gathered->size &&
	    gathered_resize(gathered, gathered->size ? gathered->size * 2 : 64) < 0)
		return -1;
	gathered->first[gathered->count] = first;
	gathered->last[gathered->count] = last;
	gathered->words[gathered->count] = word;
	gathered->count++;
	return 0;
}

int gather_triples(struct gathered *gathered, PyObject *iterable)
{
	PyObject *iterator = PyObject_GetIter(iterable);
	PyObject *item;
	Py_ssize_t position = 0;
	int status = 0;

	if (!iterator)
		return -1;
	while (status == 0 && (item = PyIter_Next(iterator))) {
		mt_key first, last;
		uint64_t word;

		status = parse_item(gathered, item, &first, &last, &word);
		if (status < 0) {
			locate_error(gathered->kind->state, "item", position);
		} else {
			status = gathered_add(gathered, first, last, word);
			if (status < 0)
				release_word(gathered->dtype, word);
		}
		Py_DECREF(item);
		position++;
	}
	Py_DECREF(iterator);
	if (PyErr_Occurred()) {
		gathered_free(gathered);
		return -1;
	}
	return 0;
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
	struct columns columns = {gathered->first, gathered->last, gathered->words,
				  gathered->count};

	if (status == 0)
		status = build_tree(mt, &columns, NULL);
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
	mt_key first, last;
	uint64_t word;
	int status = parse_item(gathered, item, &first, &last, &word);

	if (status < 0) {
		locate_error(gathered->kind->state, "item", position);
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
	if (status == 0 && *sorted) {
		status = gathered_add(gathered, first, last, word);
		if (status == 0)
			return 0;
	}
	release_word(gathered->dtype, word);
	return status < 0 ? -1 : 0;
}

/* Fill an empty maple tree. `gathered` is empty. 0 or -1. */
static int build_from(struct maple_tree *mt, struct gathered *gathered, PyObject *iterable)
{
	PyObject *iterator = PyObject_GetIter(iterable);
	PyObject *item;
	Py_ssize_t position = 0;
	bool sorted = true;
	int status = 0;

	if (!iterator)
		return -1;
	while (status == 0 && (item = PyIter_Next(iterator))) {
		status = add_triple(mt, gathered, &sorted, item, position++);
		Py_DECREF(item);
	}
	Py_DECREF(iterator);
	if (status == 0 && PyErr_Occurred())
		status = -1;
	if (status == 0 && sorted && gathered->count)
		return build(mt, gathered);
	gathered_free(gathered);
	return status;
}

int build_from_iterable(struct maple_tree *mt, const struct kind *kind, enum dtype dtype,
			PyObject *iterable)
{
	struct gathered gathered = {.kind = kind, .dtype = dtype};

	return build_from(mt, &gathered, iterable);
}

int build_from_ranges(struct maple_tree *mt, const struct kind *kind, PyObject *iterable)
{
	struct gathered gathered = {.kind = kind, .dtype = DTYPE_U8, .ends_only = true};

	return build_from(mt, &gathered, iterable);
}

int build_from_columns(struct maple_tree *mt, enum dtype dtype, const struct columns *columns,
		       size_t alone)
{
	struct gathered gathered = {.dtype = dtype};
	size_t size = alone * sizeof(mt_key);
	int status;

	if (!columns->count)
		return 0;
	if (gathered_resize(&gathered, columns->count) < 0) {
		gathered_free(&gathered);
		return -1;
	}
	memcpy(gathered.first, columns->first, size);
	memcpy(gathered.last, columns->last, size);
	memcpy(gathered.words, columns->words, alone * sizeof(uint64_t));
	gathered.count = alone;
	if (dtype == DTYPE_OBJECT) {
		for (size_t i = 0; i < alone; i++)
			Py_INCREF(object_of(columns->words[i]));
		return build(mt, &gathered);
	}
	status = gather_coalesced(&gathered, mt->ma_ops, columns, alone);
	return build_merged(mt, &gathered, status);
}

int build_tree(struct maple_tree *mt, const struct columns *columns, size_t *bad)
{
	bool packed = !mt->ma_ops || !mt->ma_ops->retain;
	bool parallel = packed && columns->count >= FEW;
	PyThreadState *thread = parallel ? parallel_begin(mt->ma_pool) : NULL;
	int status =
		mt_build(mt, columns->first, columns->last, columns->words, columns->count, bad);

	if (parallel)
		parallel_end(mt->ma_pool, thread);
	return status;
}

int store_columns(struct maple_tree *mt, const struct columns *columns)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < columns->count; i++)
		status = mtree_store_range_word(mt, columns->first[i], columns->last[i],
						columns->words[i]);
	return status;
}
