/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: methods that write.
 *
 * Each makes its result before it writes, so that a lack of memory for the result changes nothing.
 * Making the result can start a garbage collection, which can write the tree. So methods that
 * return what they remove compare the tree's generation, and begin again if it has changed. Only
 * for the type's method table.
 */
#include "tree_write.h"
#include "area.h"
#include "collector.h"
#include "errors.h"

static const char *const store_names[] = {"first", "last", "value"};
static const char *const index_names[] = {"index"};
static const char *const cyclic_names[] = {"value", "next", "first", "last"};
static const char *const alloc_names[] = {"size", "value", "first", "last", "align", "reverse"};

/* The beginning of stores of a value over a range: parse the arguments, then enter the tree. 0 or
 * -1. */
static inline __attribute__((always_inline)) int
enter_store(struct tree_object *self, const struct signature *signature, PyObject *const *args,
	    Py_ssize_t nargs, PyObject *kwnames, uint64_t *first, uint64_t *last, uint64_t *word)
{
	PyObject *given[3];

	if (args_parse(signature, args, nargs, kwnames, given) < 0 ||
	    window_require(given[0], given[1], first, last) < 0)
		return -1;
	return tree_enter_value(self, given[2], word);
}

PyObject *tree_store_range(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames)
{
	static const struct signature signature = {"store_range", store_names, 3, 3, 3};
	uint64_t first, last, word;
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
	uint64_t first, last, word;
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
		raise_occupied(self->state, first, last, entry);
		Py_DECREF(entry);
	}
	return NULL;
}

PyObject *tree_erase(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		     PyObject *kwnames)
{
	static const struct signature signature = {"erase", index_names, 1, 1, 1};
	PyObject *given[1];
	uint64_t index;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    index_require(given[0], "index", &index) < 0)
		return NULL;
	for (bool again = false;; again = true) {
		struct mt_entry entry;
		PyObject *result;
		uint64_t generation;
		int status, paused;

		if (tree_enter(self) < 0)
			return NULL;
		if (!mtree_lookup(&self->mt, index, &entry))
			Py_RETURN_NONE;
		generation = self->mt.ma_generation;
		paused = collector_pause(again);
		result = tree_box_entry(self, &entry);
		collector_resume(paused);
		if (!result)
			return NULL;
		if (self->mt.ma_generation != generation) {
			Py_DECREF(result);
			continue;
		}
		status = mtree_clear_range(&self->mt, entry.first, entry.last);
		if (status == 0)
			return result;
		Py_DECREF(result);
		return raise_status(status);
	}
}

/* Collect the entries of [first, last], cut at the ends, as long as nobody writes the tree: 1 with
 * a list; 0 if somebody wrote it; below 0 on error. They are read from `source`: the tree, or what
 * its policy has cut out of it. */
static int collect_entries(struct tree_object *self, struct maple_tree *source, uint64_t first,
			   uint64_t last, PyObject **out)
{
	uint64_t generation = self->mt.ma_generation;
	PyObject *list = PyList_New(0);
	struct ma_state mas;
	int status = 1;

	if (!list)
		return -1;
	mas_init(&mas, source, first);
	while (status == 1 && self->mt.ma_generation == generation &&
	       mas_find_word(&mas, last, false)) {
		PyObject *entry =
			entry_new(self->state, mas.index < first ? first : mas.index,
				  mas.last > last ? last : mas.last, tree_box(self, mas.word));

		if (!entry || PyList_Append(list, entry) < 0)
			status = -1;
		Py_XDECREF(entry);
	}
	if (status == 1 && self->mt.ma_generation != generation)
		status = 0;
	if (status == 1)
		*out = list;
	else
		Py_DECREF(list);
	return status;
}

static int collect_range(struct tree_object *self, uint64_t first, uint64_t last, PyObject **out)
{
	uint64_t generation = self->mt.ma_generation;
	struct maple_tree pieces;
	int status;

	*out = NULL;
	if (!self->policy)
		return collect_entries(self, &self->mt, first, last, out);
	/* The policy must not write the tree: this would begin again each time. */
	if (tree_require_idle(self) < 0)
		return -1;
	self->mt.ma_busy = true;
	status = mt_slice(&self->mt, first, last, &pieces);
	self->mt.ma_busy = false;
	if (status < 0)
		raise_status(status);
	else
		status = collect_entries(self, &pieces, first, last, out);
	mt_fini(&pieces);
	if (status == 1 && self->mt.ma_generation != generation) {
		Py_CLEAR(*out);
		status = 0;
	}
	return status;
}

PyObject *tree_pop_range(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			 PyObject *kwnames)
{
	static const struct signature signature = {"pop_range", store_names, 2, 2, 2};
	PyObject *given[2];
	PyObject *removed;
	uint64_t first, last;
	int status = 0;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    window_require(given[0], given[1], &first, &last) < 0)
		return NULL;
	for (bool again = false; status == 0; again = true) {
		int paused;

		if (tree_enter(self) < 0)
			return NULL;
		paused = collector_pause(again);
		status = collect_range(self, first, last, &removed);
		collector_resume(paused);
	}
	if (status < 0)
		return NULL;
	status = mtree_clear_range(&self->mt, first, last);
	if (status < 0) {
		Py_DECREF(removed);
		return raise_status(status);
	}
	return removed;
}

PyObject *tree_alloc_range(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames)
{
	static const struct signature signature = {"alloc_range", alloc_names, 6, 2, 2};
	struct area area = {0};
	PyObject *given[6];
	PyObject *result;
	uint64_t start, last, word;
	int status;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    area_size(&area, given[0]) < 0 ||
	    window_require(given[2], given[3], &area.first, &area.last) < 0 ||
	    area_options(&area, given[4], given[5]) < 0 ||
	    tree_enter_value(self, given[1], &word) < 0)
		return NULL;
	if (area_search(self, &area, &start) <= 0)
		return NULL;
	/* An int is no container: making one starts no garbage collection, so the place is still
	 * free. */
	result = PyLong_FromUnsignedLongLong(start);
	if (!result)
		return NULL;
	last = area.size_whole ? MAX_INDEX : start + (area.size - 1);
	status = mtree_store_range_word(&self->mt, start, last, word);
	if (status < 0) {
		Py_DECREF(result);
		return raise_status(status);
	}
	return result;
}

/* Search [first, last] from `next` up, then all of it: 1, or area_search()'s 0 or -1. */
static int search_cyclic(struct tree_object *self, const struct area *area, uint64_t next,
			 uint64_t *start)
{
	uint64_t from = next > area->first ? next : area->first;

	if (from <= area->last &&
	    mt_empty_area(&self->mt, from, area->last, 1, 1, 0, false, start) == 0)
		return 1;
	return area_search(self, area, start);
}

static PyObject *alloc_cyclic(struct tree_object *self, PyObject *value, const struct area *area,
			      uint64_t next)
{
	for (bool again = false;; again = true) {
		PyObject *result;
		uint64_t generation, start, word;
		int wrapped, paused;

		if (tree_enter_value(self, value, &word) < 0 ||
		    search_cyclic(self, area, next, &start) <= 0)
			return NULL;
		generation = self->mt.ma_generation;
		paused = collector_pause(again);
		result = Py_BuildValue("KKO", (unsigned long long)start,
				       (unsigned long long)(start + 1), Py_False);
		collector_resume(paused);
		if (!result)
			return NULL;
		if (self->mt.ma_generation != generation) {
			Py_DECREF(result);
			continue;
		}
		wrapped = mtree_alloc_cyclic_word(&self->mt, &start, word, area->first, area->last,
						  &next);
		if (wrapped < 0) {
			Py_DECREF(result);
			return raise_status(wrapped);
		}
		if (wrapped) {
			PyTuple_SET_ITEM(result, 2, Py_NewRef(Py_True));
			Py_DECREF(Py_False);
		}
		return result;
	}
}

PyObject *tree_alloc_cyclic(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames)
{
	static const struct signature signature = {"alloc_cyclic", cyclic_names, 4, 2, 1};
	struct area area = {.align = 1};
	PyObject *given[4];
	PyObject *one, *result;
	uint64_t next;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    window_require(given[2], given[3], &area.first, &area.last) < 0 ||
	    index_require(given[1], "next", &next) < 0)
		return NULL;
	one = PyLong_FromLong(1);
	if (!one)
		return NULL;
	result = area_size(&area, one) < 0 ? NULL : alloc_cyclic(self, given[0], &area, next);
	Py_DECREF(one);
	return result;
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
