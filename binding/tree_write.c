/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: methods that write.
 *
 * Each makes its result before it writes, so that a lack of memory for the result changes nothing.
 * Making the result can run any code, which can write the tree: then they begin again (attempt.h).
 * Compiled once for each width of codes. Only for the type's method table.
 */
#include "tree_write.h"
#include "area.h"
#include "attempt.h"
#include "errors.h"

static const char *const store_names[] = {"first", "last", "value"};
static const char *const index_names[] = {"index"};
static const char *const cyclic_names[] = {"value", "next", "first", "last"};
static const char *const alloc_names[] = {"size", "value", "first", "last", "align", "reverse"};

/* The beginning of stores of a value over a range: parse the arguments, then enter the tree. 0 or
 * -1. */
static inline __attribute__((always_inline)) int
enter_store(struct tree_object *self, const struct signature *signature, PyObject *const *args,
	    Py_ssize_t nargs, PyObject *kwnames, mt_key *first, mt_key *last, uint64_t *word)
{
	PyObject *given[3];

	if (args_parse(signature, args, nargs, kwnames, given) < 0 ||
	    window_require(self->kind, given[0], given[1], first, last) < 0)
		return -1;
	return tree_enter_value(self, given[2], word);
}

PyObject *tree_store_range(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames)
{
	static const struct signature signature = {"store_range", store_names, 3, 3, 3};
	mt_key first, last;
	uint64_t word;
	int status;

	if (enter_store(self, &signature, args, nargs, kwnames, &first, &last, &word) < 0)
		return NULL;
	status = mtree_store_range_word(&self->mt, first, last, word);
	if (status < 0)
		return raise_status(status);
	Py_RETURN_NONE;
}

PyObject *tree_insert_range(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames)
{
	static const struct signature signature = {"insert_range", store_names, 3, 3, 3};
	struct mt_entry occupied;
	PyObject *entry;
	mt_key first, last;
	uint64_t word;
	int status;

	if (enter_store(self, &signature, args, nargs, kwnames, &first, &last, &word) < 0)
		return NULL;
	status = mtree_insert_range_word(&self->mt, first, last, word, &occupied);
	if (status == 0)
		Py_RETURN_NONE;
	if (status != -EEXIST)
		return raise_status(status);
	entry = tree_box_entry(self, &occupied);
	if (entry) {
		raise_occupied(self->kind, first, last, entry);
		Py_DECREF(entry);
	}
	return NULL;
}

PyObject *tree_erase(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		     PyObject *kwnames)
{
	static const struct signature signature = {"erase", index_names, 1, 1, 1};
	struct attempt attempt = {0};
	struct mt_entry entry;
	PyObject *given[1];
	PyObject *result;
	mt_key index;
	int status;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    key_require(self->kind, given[0], "index", &index) < 0)
		return NULL;
	do {
		if (tree_enter(self) < 0)
			return NULL;
		if (!mtree_lookup(&self->mt, index, &entry))
			Py_RETURN_NONE;
		attempt_begin(&attempt, self);
		result = tree_box_entry(self, &entry);
	} while (attempt_end(&attempt, self, &result) == 0);
	if (!result)
		return NULL;
	status = mtree_clear_range(&self->mt, entry.first, entry.last);
	if (status == 0)
		return result;
	Py_DECREF(result);
	return raise_status(status);
}

/* A list of the entries of [first, last] of a maple tree, cut at the ends, as long as nobody writes
 * self; or NULL. They are read from `source`: the tree, or what its policy has cut out of it. */
static PyObject *collect_entries(struct tree_object *self, struct maple_tree *source, mt_key first,
				 mt_key last)
{
	uint64_t generation = self->mt.ma_generation;
	PyObject *list = PyList_New(0);
	struct ma_state mas;

	if (!list)
		return NULL;
	mas_init(&mas, source, first);
	while (self->mt.ma_generation == generation && mas_find_word(&mas, last, false)) {
		PyObject *entry =
			entry_new(self->kind, mas.index < first ? first : mas.index,
				  mas.last > last ? last : mas.last, tree_box(self, mas.word));

		if (!entry || PyList_Append(list, entry) < 0)
			Py_CLEAR(list);
		Py_XDECREF(entry);
		if (!list)
			return NULL;
	}
	return list;
}

/* The same from the tree, which must be idle if it has a policy. */
static PyObject *collect_range(struct tree_object *self, mt_key first, mt_key last)
{
	struct maple_tree pieces;
	PyObject *list = NULL;
	int status;

	if (!self->policy)
		return collect_entries(self, &self->mt, first, last);
	/* The policy must not write the tree: this would begin again each time. */
	self->mt.ma_busy = true;
	status = mt_slice(&self->mt, first, last, &pieces);
	self->mt.ma_busy = false;
	if (status < 0)
		raise_status(status);
	else
		list = collect_entries(self, &pieces, first, last);
	mt_fini(&pieces);
	return list;
}

PyObject *tree_pop_range(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			 PyObject *kwnames)
{
	static const struct signature signature = {"pop_range", store_names, 2, 2, 2};
	struct attempt attempt = {0};
	PyObject *given[2];
	PyObject *removed;
	mt_key first, last;
	int status;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    window_require(self->kind, given[0], given[1], &first, &last) < 0)
		return NULL;
	do {
		if (tree_enter(self) < 0 || (self->policy && tree_require_idle(self) < 0))
			return NULL;
		attempt_begin(&attempt, self);
		removed = collect_range(self, first, last);
	} while (attempt_end(&attempt, self, &removed) == 0);
	if (!removed)
		return NULL;
	status = mtree_clear_range(&self->mt, first, last);
	if (status == 0)
		return removed;
	Py_DECREF(removed);
	return raise_status(status);
}

PyObject *tree_alloc_range(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames)
{
	static const struct signature signature = {"alloc_range", alloc_names, 6, 2, 2};
	struct attempt attempt = {0};
	struct area area = {0};
	PyObject *given[6];
	PyObject *result;
	uint64_t word;
	mt_key start;
	int status;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    area_size(&area, self->kind, given[0]) < 0 ||
	    window_within(self->kind, given[2], given[3], &area.first, &area.last) < 0 ||
	    area_options(&area, given[4], given[5]) < 0)
		return NULL;
	do {
		if (tree_enter_value(self, given[1], &word) < 0 ||
		    area_search(self, &area, &start) <= 0)
			return NULL;
		attempt_begin(&attempt, self);
		result = key_object(self->kind, start);
	} while (attempt_end(&attempt, self, &result) == 0);
	if (!result)
		return NULL;
	status = mtree_store_range_word(&self->mt, start, start + area_span(&area), word);
	if (status == 0)
		return result;
	Py_DECREF(result);
	return raise_status(status);
}

/* Search [first, last] from `next` up, then all of it: 1, or area_search()'s 0 or -1. */
static int search_cyclic(struct tree_object *self, const struct area *area, mt_key next,
			 mt_key *start)
{
	mt_key from = next > area->first ? next : area->first;

	if (from <= area->last &&
	    mt_empty_area(&self->mt, from, area->last, 1, 1, 0, false, start) == 0)
		return 1;
	return area_search(self, area, start);
}

/* (key, the key after it, False). After the last key comes the first. */
static PyObject *cyclic_result(const struct tree_object *self, mt_key start)
{
	PyObject *keys[2] = {key_object(self->kind, start), NULL};
	PyObject *result = NULL;

	if (keys[0])
		keys[1] = key_object(self->kind, start < kind_top(self->kind) ? start + 1 : 0);
	if (keys[1])
		result = PyTuple_Pack(3, keys[0], keys[1], Py_False);
	Py_XDECREF(keys[0]);
	Py_XDECREF(keys[1]);
	return result;
}

static PyObject *alloc_cyclic(struct tree_object *self, PyObject *value, const struct area *area,
			      mt_key next)
{
	struct attempt attempt = {0};
	PyObject *result;
	uint64_t word;
	mt_key start;
	int status;

	do {
		if (tree_enter_value(self, value, &word) < 0 ||
		    search_cyclic(self, area, next, &start) <= 0)
			return NULL;
		attempt_begin(&attempt, self);
		result = cyclic_result(self, start);
	} while (attempt_end(&attempt, self, &result) == 0);
	if (!result)
		return NULL;
	status = mtree_alloc_cyclic_word(&self->mt, &start, word, area->first, area->last, &next);
	if (status < 0) {
		Py_DECREF(result);
		return raise_status(status);
	}
	/* The core does so after its own last key, which can lie above the kind's. */
	if (start == kind_top(self->kind))
		__atomic_fetch_or(&self->mt.ma_flags, MT_FLAGS_ALLOC_WRAPPED, __ATOMIC_RELAXED);
	if (status) {
		PyTuple_SET_ITEM(result, 2, Py_NewRef(Py_True));
		Py_DECREF(Py_False);
	}
	return result;
}

PyObject *tree_alloc_cyclic(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames)
{
	static const struct signature signature = {"alloc_cyclic", cyclic_names, 4, 2, 1};
	struct area area = {.kind = self->kind, .align = 1, .size = 1};
	PyObject *given[4];
	mt_key next;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    window_within(self->kind, given[2], given[3], &area.first, &area.last) < 0 ||
	    key_require(self->kind, given[1], "next", &next) < 0)
		return NULL;
	return alloc_cyclic(self, given[0], &area, next);
}

PyObject *tree_clear_all(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	if (tree_enter(self) < 0 || tree_require_idle(self) < 0)
		return NULL;
	/* An empty tree shares no nodes, so nothing in it depends on its old relatives any more. */
	family_leave(&self->member);
	mtree_destroy(&self->mt);
	Py_RETURN_NONE;
}
