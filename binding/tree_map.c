/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: a function applied to the values of a range.
 *
 * The function can run anything. So the pieces of the range are read from a slice, which keeps
 * their values alive, and all results are collected before the tree is written. If something else
 * has written the tree by then, nothing is stored.
 *
 * A call owns the slice, its arrays and the results until it returns. Only for the type's method
 * table.
 */
#include "tree_map.h"
#include "errors.h"
#include "tree_sets.h"

struct pieces {
	struct maple_tree slice;
	enum dtype dtype;
	size_t count;
	mt_key *memory;
	mt_key *first;
	mt_key *last;
	uint64_t *words; /* at first the values, borrowed from the slice; 0 for a gap */
	bool *is_gap;
	size_t done; /* so many words are results; if objects, owned */
};

/* Read the slice's entries, and with `gaps` the gaps between them. 0 or -1. */
static int pieces_read(struct pieces *pieces, mt_key first, mt_key last, bool gaps)
{
	struct maple_tree *slice = &pieces->slice;
	size_t most = (size_t)mt_entries(slice) * (gaps ? 2 : 1) + 1;
	mt_key *memory = PyMem_Calloc(most, 2 * sizeof(mt_key) + sizeof(uint64_t) + sizeof(bool));
	struct ma_state mas;
	size_t count = 0;

	if (!memory) {
		PyErr_NoMemory();
		return -1;
	}
	pieces->memory = memory;
	pieces->first = memory;
	pieces->last = memory + most;
	pieces->words = (uint64_t *)(memory + 2 * most);
	pieces->is_gap = (bool *)(pieces->words + most);
	mas_init(&mas, slice, first);
	mas_walk_word(&mas);
	for (;;) {
		pieces->first[count] = mas.index < first ? first : mas.index;
		pieces->last[count] = mas.last > last ? last : mas.last;
		pieces->words[count] = mas.word;
		pieces->is_gap[count] = !mas.present;
		count += gaps || mas.present;
		if (mas.last >= last || !mas_next_word(&mas, last, true))
			break;
	}
	pieces->count = count;
	return 0;
}

/* Cut the range out of the tree, which has been entered. */
static int pieces_open(struct pieces *pieces, struct tree_object *self, mt_key first, mt_key last,
		       bool gaps)
{
	int status;

	*pieces = (struct pieces){.dtype = self->dtype};
	if (self->policy && tree_require_idle(self) < 0) {
		mt_init_pool(&pieces->slice, 0, self->state->pool, NULL);
		return -1;
	}
	self->mt.ma_busy = self->policy != NULL;
	status = mt_slice(&self->mt, first, last, &pieces->slice);
	self->mt.ma_busy = false;
	if (status < 0) {
		raise_status(status);
		return -1;
	}
	return pieces_read(pieces, first, last, gaps);
}

/* Drop everything. Runs finalizers. */
static void pieces_close(struct pieces *pieces)
{
	size_t objects = pieces->dtype == DTYPE_OBJECT ? pieces->done : 0;

	for (size_t i = 0; i < objects; i++)
		Py_DECREF(object_of(pieces->words[i]));
	PyMem_Free(pieces->memory);
	mt_fini(&pieces->slice);
}

/* Replace the value of piece `done` by the function's result. */
static int pieces_call(struct pieces *pieces, PyObject *function, PyObject *gap)
{
	size_t at = pieces->done;
	uint64_t word;
	PyObject *value = pieces->is_gap[at] ? Py_NewRef(gap)
					     : word_to_value(pieces->dtype, pieces->words[at]);
	PyObject *result = value ? PyObject_CallOneArg(function, value) : NULL;
	int status = result ? value_to_word(pieces->dtype, result, &word) : -1;

	Py_XDECREF(value);
	if (status < 0 || pieces->dtype != DTYPE_OBJECT)
		Py_XDECREF(result);
	if (status < 0)
		return -1;
	pieces->words[at] = word;
	pieces->done++;
	return 0;
}

/* Store the results, unless the tree has been written since it had that generation. */
static int pieces_store(struct pieces *pieces, struct tree_object *self, uint64_t generation)
{
	const struct columns columns = {pieces->first, pieces->last, pieces->words, pieces->count};
	int status;

	if (tree_enter(self) < 0)
		return -1;
	if (self->mt.ma_generation != generation) {
		PyErr_SetString(PyExc_RuntimeError,
				"the tree has changed while map_range() called the function");
		return -1;
	}
	if (tree_require_idle(self) < 0)
		return -1;
	status = tree_store_all(self, &columns, self->policy != NULL);
	if (status < 0)
		raise_status(status);
	return status;
}

PyObject *tree_map_range(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			 PyObject *kwnames)
{
	static const char *const names[] = {"first", "last", "function", "default"};
	static const struct signature signature = {"map_range", names, 4, 3, 4};
	PyObject *given[4];
	mt_key first, last;
	uint64_t generation;
	struct pieces pieces;
	bool gaps;
	int status;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    window_require(self->kind, given[0], given[1], &first, &last) < 0)
		return NULL;
	if (!PyCallable_Check(given[2]))
		return PyErr_Format(PyExc_TypeError, "function must be callable, not %s",
				    Py_TYPE(given[2])->tp_name);
	if (tree_enter(self) < 0)
		return NULL;
	gaps = given[3] != NULL;
	generation = self->mt.ma_generation;
	status = pieces_open(&pieces, self, first, last, gaps);
	while (status == 0 && pieces.done < pieces.count)
		status = pieces_call(&pieces, given[2], given[3]);
	if (status == 0 && pieces.count)
		status = pieces_store(&pieces, self, generation);
	pieces_close(&pieces);
	if (status < 0)
		return NULL;
	Py_RETURN_NONE;
}
