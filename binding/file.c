/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: save() and load(). The files are written and read in Python, by samara._file.
 * This makes the columns that are written, from a snapshot, and hands it a function that makes a
 * tree of columns. Owns both until they return. Only for the type's method table.
 */
#include "file.h"
#include "arrays.h"
#include "policy.h"

/* (first, last, values, keys, dtype, track_gaps, policy): the first three as snapshot_columns() makes
 * them. */
static PyObject *columns_of(struct maple_tree *snapshot, const struct kind *kind, enum dtype dtype,
			    PyObject *policy)
{
	PyObject *track_gaps = mt_attr(snapshot) & MT_FLAGS_ALLOC_RANGE ? Py_True : Py_False;
	PyObject *name = dtype_object(dtype);
	PyObject *columns[3] = {NULL};
	PyObject *result = NULL;

	if (name && snapshot_columns(snapshot, dtype, columns) == 0)
		result = PyTuple_Pack(7, columns[0], columns[1], columns[2], kind->name, name,
				      track_gaps, policy);
	Py_XDECREF(name);
	for (int i = 0; i < 3; i++)
		Py_XDECREF(columns[i]);
	return result;
}

/* Call a function of samara._file. */
static PyObject *call_file(const char *function, PyObject *const *args, size_t count)
{
	PyObject *module = PyImport_ImportModule("samara._file");
	PyObject *callable = module ? PyObject_GetAttrString(module, function) : NULL;
	PyObject *result = callable ? PyObject_Vectorcall(callable, args, count, NULL) : NULL;

	Py_XDECREF(module);
	Py_XDECREF(callable);
	return result;
}

PyObject *tree_save(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames)
{
	static const char *const names[] = {"path"};
	static const struct signature signature = {"save", names, 1, 1, 1};
	struct mt_snapshot snapshot;
	PyObject *given[2];
	PyObject *result = NULL;
	enum dtype dtype;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 || tree_enter(self) < 0)
		return NULL;
	dtype = self->dtype;
	mt_snapshot_begin(&self->mt, &snapshot);
	given[1] = columns_of(&snapshot.tree, self->kind, dtype, policy_given(self->policy));
	mt_snapshot_end(&self->mt, &snapshot);
	if (given[1])
		result = call_file("save", given, 2);
	Py_XDECREF(given[1]);
	return result;
}
