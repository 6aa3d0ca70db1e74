/* SPDX-License-Identifier: MIT */
/*
 * The module samara._core: it makes the types and fills its state (state.c), which owns everything.
 * Also hooks for tests. Only the interpreter calls this file.
 */
#include "args.h"
#include "cursor_type.h"
#include "family.h"
#include "kind.h"
#include "lock.h"
#include "policy.h"
#include "state.h"
#include "tree.h"
#include "tree_diff.h"
#include "tree_iter.h"
#include "wide.h"

/* ---- hooks for tests ------------------------------------------------------------------------ */

PyDoc_STRVAR(pool_stats_doc,
	     "_pool_stats($module)\n--\n\n"
	     "(nodes in use, nodes handed out so far, bytes taken) of the pool of all trees.");

static PyObject *pool_stats(PyObject *module, PyObject *Py_UNUSED(unused))
{
	struct mt_pool_stats stats;

	mt_pool_stats(state_of(module)->pool, &stats);
	return Py_BuildValue("(nKn)", (Py_ssize_t)stats.live, (unsigned long long)stats.allocated,
			     (Py_ssize_t)stats.bytes);
}

PyDoc_STRVAR(fail_nth_doc, "_fail_nth($module, n, /)\n--\n\n"
			   "Make the n-th node allocation from now fail, once; 0: none.");

static PyObject *fail_nth(PyObject *module, PyObject *number)
{
	uint64_t n;

	if (index_require(number, "n", &n) < 0)
		return NULL;
	mt_pool_fail_nth(state_of(module)->pool, n);
	Py_RETURN_NONE;
}

static PyMethodDef module_methods[] = {
	{"_pool_stats", pool_stats, METH_NOARGS, pool_stats_doc},
	{"_fail_nth", fail_nth, METH_O, fail_nth_doc},
	{NULL, NULL, 0, NULL},
};

/* ---- life ----------------------------------------------------------------------------------- */

static int import_name(const char *module_name, const char *name, PyObject **out)
{
	PyObject *module = PyImport_ImportModule(module_name);

	if (!module)
		return -1;
	*out = PyObject_GetAttrString(module, name);
	Py_DECREF(module);
	return *out ? 0 : -1;
}

static int import_type(const char *name, PyTypeObject **out)
{
	PyObject *type;

	if (import_name("samara._entry", name, &type) < 0)
		return -1;
	if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, &PyTuple_Type)) {
		PyErr_Format(PyExc_TypeError, "samara._entry.%s must be a subclass of tuple", name);
		Py_DECREF(type);
		return -1;
	}
	*out = (PyTypeObject *)type;
	return 0;
}

static int make_type(PyObject *module, PyType_Spec *spec, PyTypeObject **out)
{
	*out = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
	return *out ? 0 : -1;
}

WIDE_FORM(iterator_spec);
WIDE_FORM(diff_spec);
WIDE_FORM(family_spec);
WIDE_FORM(policy_spec);

/* The types that have two forms. */
static int make_types_of_widths(PyObject *module)
{
	struct width_types *types = state_of(module)->widths;

	if (make_type(module, &iterator_spec, &types[0].iterator_type) < 0 ||
	    make_type(module, &diff_spec, &types[0].diff_type) < 0 ||
	    make_type(module, &family_spec, &types[0].family_type) < 0 ||
	    make_type(module, &policy_spec, &types[0].policy_type) < 0)
		return -1;
#ifdef SAMARA_WIDE_KEYS
	if (make_type(module, &iterator_spec_128, &types[1].iterator_type) < 0 ||
	    make_type(module, &diff_spec_128, &types[1].diff_type) < 0 ||
	    make_type(module, &family_spec_128, &types[1].family_type) < 0 ||
	    make_type(module, &policy_spec_128, &types[1].policy_type) < 0)
		return -1;
#endif
	return 0;
}

static struct kind *default_kind(struct core_state *state)
{
	PyObject *name = PyUnicode_FromString("uint64");
	struct kind *kind = name ? kind_parse(state, name) : NULL;

	Py_XDECREF(name);
	return kind;
}

/* Free-threaded CPython 3.13 turns the GIL on for this module, which does not declare that it needs none;
 * unless the user forced it off. 0, or -1 with ImportError. */
static int require_interpreter_lock(void)
{
#if defined(Py_GIL_DISABLED) && !defined(SAMARA_NO_GIL)
	PyObject *enabled = PySys_GetObject("_is_gil_enabled"); /* borrowed */
	int is_enabled = -1;

	if (enabled) {
		PyObject *answer = PyObject_CallNoArgs(enabled);

		is_enabled = answer ? PyObject_IsTrue(answer) : -1;
		Py_XDECREF(answer);
	}
	if (is_enabled < 0)
		return PyErr_Occurred() ? -1 : 0;
	if (!is_enabled) {
		PyErr_SetString(
			PyExc_ImportError,
			"samara._core requires the GIL: unset PYTHON_GIL=0, or use the pure-Python "
			"tree with SAMARA_PURE=1");
		return -1;
	}
#endif
	return 0;
}

static int module_exec(PyObject *module)
{
	struct core_state *state = state_of(module);

	state->module = module;
	if (require_interpreter_lock() < 0 || process_watch() < 0)
		return -1;
	if (mt_pool_create(&state->pool, NULL) < 0) {
		PyErr_NoMemory();
		return -1;
	}
#ifndef SAMARA_NO_GIL
	/* The GIL is held for everything except look-ups, and what parallel.c allows. */
	mt_pool_serial(state->pool);
#endif
	state->parallel.pool = state->pool;
	if (parallel_watch(&state->parallel) < 0 || import_type("Entry", &state->entry_type) < 0 ||
	    import_type("Gap", &state->gap_type) < 0 ||
	    import_type("Change", &state->change_type) < 0 ||
	    import_name("samara._errors", "RangeOccupiedError", &state->occupied_error) < 0 ||
	    import_name("samara._errors", "NoSpaceError", &state->space_error) < 0 ||
	    import_name("samara._policy", "COALESCE", &state->coalesce) < 0 ||
	    import_name("samara._policy", "OFFSET", &state->offset) < 0 ||
	    import_name("samara._errors", "NoKey", &state->no_key) < 0 ||
	    import_name("samara._keys", "kind_of", &state->kind_of) < 0 ||
	    import_name("copyreg", "__newobj__", &state->newobj) < 0)
		return -1;
	state->base_state = PyObject_GetAttrString((PyObject *)&PyBaseObject_Type, "__getstate__");
	if (!state->base_state)
		return -1;
	state->two_to_64 = PyLong_FromString("0x10000000000000000", NULL, 16);
	state->two_to_128 = PyLong_FromString("0x100000000000000000000000000000000", NULL, 16);
	if (!state->two_to_64 || !state->two_to_128)
		return -1;
	if (make_type(module, &tree_spec, &state->tree_type) < 0 ||
	    make_type(module, &cursor_spec, &state->cursor_type) < 0 ||
	    make_type(module, &kind_spec, &state->kind_type) < 0 ||
	    make_type(module, &lock_spec, &state->lock_type) < 0 ||
	    make_types_of_widths(module) < 0)
		return -1;
	state->uint64 = default_kind(state);
	if (!state->uint64)
		return -1;
	if (PyModule_AddType(module, state->tree_type) < 0 ||
	    PyModule_AddType(module, state->cursor_type) < 0 ||
	    PyModule_AddType(module, state->lock_type) < 0)
		return -1;
	return 0;
}

static PyModuleDef_Slot module_slots[] = {
	{Py_mod_exec, module_exec},
#ifdef Py_mod_multiple_interpreters
	/* Interpreters share nothing but constants and the number of the process. */
	{Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef SAMARA_NO_GIL
	{Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
	{0, NULL},
};

PyMODINIT_FUNC PyInit__core(void)
{
	core_module.m_methods = module_methods;
	core_module.m_slots = module_slots;
	return PyModuleDef_Init(&core_module);
}
