/* SPDX-License-Identifier: MIT */
/*
 * Results: instances of the NamedTuple classes Entry, Gap and Change, made without calling the classes.
 * Owns nothing. For all files that return entries.
 */
#include "entry.h"

PyObject *entry_new(const struct core_state *state, uint64_t first, uint64_t last, PyObject *value)
{
	PyObject *entry = NULL;
	PyObject *first_object = PyLong_FromUnsignedLongLong(first);
	PyObject *last_object = PyLong_FromUnsignedLongLong(last);

	if (first_object && last_object && value)
		entry = state->entry_type->tp_alloc(state->entry_type, 3);
	if (!entry) {
		Py_XDECREF(first_object);
		Py_XDECREF(last_object);
		Py_XDECREF(value);
		return NULL;
	}
	tuple_forget_hash(entry);
	PyTuple_SET_ITEM(entry, 0, first_object);
	PyTuple_SET_ITEM(entry, 1, last_object);
	PyTuple_SET_ITEM(entry, 2, value);
	return entry;
}

PyObject *gap_new(const struct core_state *state, uint64_t first, uint64_t last)
{
	PyObject *gap = NULL;
	PyObject *first_object = PyLong_FromUnsignedLongLong(first);
	PyObject *last_object = PyLong_FromUnsignedLongLong(last);

	if (first_object && last_object)
		gap = state->gap_type->tp_alloc(state->gap_type, 2);
	if (!gap) {
		Py_XDECREF(first_object);
		Py_XDECREF(last_object);
		return NULL;
	}
	tuple_forget_hash(gap);
	PyTuple_SET_ITEM(gap, 0, first_object);
	PyTuple_SET_ITEM(gap, 1, last_object);
	return gap;
}

PyObject *change_new(const struct core_state *state, uint64_t first, uint64_t last,
		     PyObject *before, PyObject *after)
{
	PyObject *change = NULL;
	PyObject *items[4] = {PyLong_FromUnsignedLongLong(first), PyLong_FromUnsignedLongLong(last),
			      before, after};

	if (items[0] && items[1])
		change = state->change_type->tp_alloc(state->change_type, 4);
	if (change)
		tuple_forget_hash(change);
	for (int i = 0; i < 4; i++) {
		if (change)
			PyTuple_SET_ITEM(change, i, items[i]);
		else
			Py_XDECREF(items[i]);
	}
	return change;
}
