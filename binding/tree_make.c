/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: everything that makes a tree, and so settles its kind of keys: __new__(), __init__(),
 * __setstate__(), from_arrays() and load(). Owns what it makes until it returns it. Only for the type's
 * tables.
 */
#include "tree_make.h"
#include "arrays.h"
#include "pickle.h"
#include "tree_init.h"
#include "tree_settle.h"
#include "wide.h"

WIDE_FORM(tree_fill);
WIDE_FORM(tree_setstate);
WIDE_FORM(tree_from_columns);
WIDE_FORM(tree_from_saved);

/* ---- making one ----------------------------------------------------------------------------- */

PyObject *tree_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	struct core_state *state = state_of_type(type);
	struct tree_object *tree;

	(void)args;
	(void)kwargs;
	if (!state)
		return NULL;
	tree = tree_alloc(state, type);
	if (!tree)
		return NULL;
	tree->state = state;
	tree_start(tree);
	tree_adopt(tree, state->uint64);
	tree->width = 0;
	return (PyObject *)tree;
}

int tree_init(struct tree_object *self, PyObject *args, PyObject *kwargs)
{
	static char *names[] = {"", "keys", "dtype", "track_gaps", "policy", NULL};
	PyObject *iterable = NULL;
	PyObject *keys = NULL;
	PyObject *dtype_given = NULL;
	PyObject *policy = NULL;
	struct kind *kind;
	enum dtype dtype;
	int track_gaps = 1;
	int status;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O$OOpO:MapleTree", names, &iterable, &keys,
					 &dtype_given, &track_gaps, &policy) ||
	    dtype_parse(dtype_given, &dtype) < 0)
		return -1;
	kind = kind_parse(self->state, keys);
	if (!kind)
		return -1;
	status = EITHER_OF_KIND(kind, tree_fill, (self, kind, iterable, dtype, track_gaps, policy));
	Py_DECREF((PyObject *)kind);
	return status;
}

PyObject *tree_restore_state(struct tree_object *self, PyObject *state)
{
	PyObject *keys = NULL;
	struct kind *kind;
	int status;

	/* What else is wrong with the state, tree_setstate() says. */
	if (PyTuple_Check(state) && PyTuple_GET_SIZE(state) == KIND_MEMBERS)
		keys = PyTuple_GET_ITEM(state, KIND_MEMBERS - 1);
	kind = kind_parse(self->state, keys);
	status = kind ? tree_settle(self, kind) : -1;
	Py_XDECREF((PyObject *)kind);
	return status < 0 ? NULL : EITHER(self, tree_setstate, (self, state));
}

/* ---- from columns --------------------------------------------------------------------------- */

/* Make a tree from columns, of keys or of a file that was saved. */
static PyObject *make_tree(PyTypeObject *type, struct core_state *state, PyObject *keys,
			   PyObject *const *given, bool saved)
{
	struct kind *kind = kind_parse(state, keys);
	PyObject *tree;

	if (!kind)
		return NULL;
	tree = saved ? EITHER_OF_KIND(kind, tree_from_saved, (type, kind, given))
		     : EITHER_OF_KIND(kind, tree_from_columns, (type, kind, given));
	Py_DECREF((PyObject *)kind);
	return tree;
}

PyObject *tree_from_arrays(PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames)
{
	static const char *const names[] = {"first",      "last",   "values", "dtype", "keys",
					    "track_gaps", "policy", "closed", "sort",  "overlap"};
	static const struct signature signature = {"from_arrays", names, 10, 3, 3};
	struct core_state *state = state_of_type(type);
	PyObject *given[10];

	if (!state || args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	return make_tree(type, state, given[4], given, false);
}

/* samara._arrow.tables calls from_arrays() of the class with three columns. */
PyObject *tree_from_arrow(PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames)
{
	static const char *const names[] = {"table",  "first", "last",       "value",
					    "keys",   "dtype", "track_gaps", "policy",
					    "closed", "sort",  "overlap"};
	enum { COUNT = sizeof(names) / sizeof(names[0]) };
	static const struct signature signature = {"from_arrow", names, COUNT, 1, 1};
	PyObject *given[COUNT], *passed[COUNT + 1];
	PyObject *module, *function, *result = NULL;
	size_t count = (size_t)nargs;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	if (kwnames)
		count += (size_t)PyTuple_GET_SIZE(kwnames);
	memcpy(passed + 1, args, count * sizeof(*args));
	passed[0] = PyObject_GetAttrString((PyObject *)type, "from_arrays");
	module = passed[0] ? PyImport_ImportModule("samara._arrow.tables") : NULL;
	function = module ? PyObject_GetAttrString(module, "from_arrow") : NULL;
	if (function)
		result = PyObject_Vectorcall(function, passed, (size_t)nargs + 1, kwnames);
	Py_XDECREF(passed[0]);
	Py_XDECREF(module);
	Py_XDECREF(function);
	return result;
}

/* What samara._file calls with the columns that it has read: see columns_of() in file.c. */
static PyObject *restore(PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs,
			 PyObject *kwnames)
{
	static const char *const names[] = {"first", "last",       "values", "keys",
					    "dtype", "track_gaps", "policy"};
	static const struct signature signature = {"restore", names, 7, 7, 7};
	struct core_state *state = state_of_type(type);
	PyObject *given[7];

	if (!state || args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	return make_tree(type, state, given[3], given, true);
}

PyObject *tree_load(PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	static const char *const names[] = {"path", "policy", "keys"};
	static const struct signature signature = {"load", names, 3, 1, 1};
	static PyMethodDef method = {"restore", FASTCALL(restore), NULL};
	PyObject *given[3];
	PyObject *module, *build;
	PyObject *result = NULL;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	module = PyImport_ImportModule("samara._file");
	build = module ? PyCFunction_New(&method, (PyObject *)type) : NULL;
	if (build)
		result = PyObject_CallMethod(module, "load", "OOOO", given[0],
					     given[1] ? given[1] : Py_None,
					     given[2] ? given[2] : Py_None, build);
	Py_XDECREF(module);
	Py_XDECREF(build);
	return result;
}
