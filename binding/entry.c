/* SPDX-License-Identifier: MIT */
/*
 * Results: instances of a kind's NamedTuple classes Entry, Gap and Change, made without calling the
 * classes. Compiled once for each width of codes. Owns nothing. For all files that return entries.
 */
#include "entry.h"

PyObject *entry_of_keys(const struct kind *kind, PyObject *first, PyObject *last, PyObject *value)
{
	PyObject *entry = NULL;

	if (first && last && value)
		entry = kind->entry_type->tp_alloc(kind->entry_type, 3);
	if (!entry) {
		Py_XDECREF(first);
		Py_XDECREF(last);
		Py_XDECREF(value);
		return NULL;
	}
	tuple_forget_hash(entry);
	PyTuple_SET_ITEM(entry, 0, first);
	PyTuple_SET_ITEM(entry, 1, last);
	PyTuple_SET_ITEM(entry, 2, value);
	return entry;
}

PyObject *entry_new(const struct kind *kind, mt_key first, mt_key last, PyObject *value)
{
	PyObject *first_object = key_object(kind, first);
	PyObject *last_object = first_object ? key_object(kind, last) : NULL;

	return entry_of_keys(kind, first_object, last_object, value);
}

PyObject *gap_new(const struct kind *kind, mt_key first, mt_key last)
{
	PyObject *gap = NULL;
	PyObject *first_object = key_object(kind, first);
	PyObject *last_object = first_object ? key_object(kind, last) : NULL;

	if (first_object && last_object)
		gap = kind->gap_type->tp_alloc(kind->gap_type, 2);
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

PyObject *change_new(const struct kind *kind, mt_key first, mt_key last, PyObject *before,
		     PyObject *after)
{
	PyObject *change = NULL;
	PyObject *first_object = key_object(kind, first);
	PyObject *last_object = first_object ? key_object(kind, last) : NULL;
	PyObject *items[4] = {first_object, last_object, before, after};

	if (items[0] && items[1])
		change = kind->change_type->tp_alloc(kind->change_type, 4);
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

void raise_occupied(const struct kind *kind, mt_key first, mt_key last, PyObject *entry)
{
	PyObject *low = key_object(kind, first);
	PyObject *high = low ? key_object(kind, last) : NULL;
	PyObject *error = NULL;

	if (high)
		error = PyObject_CallFunctionObjArgs(kind->state->occupied_error, low, high, entry,
						     NULL);
	if (error)
		PyErr_SetObject(kind->state->occupied_error, error);
	Py_XDECREF(low);
	Py_XDECREF(high);
	Py_XDECREF(error);
}
