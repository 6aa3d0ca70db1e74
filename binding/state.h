/* SPDX-License-Identifier: MIT */
/* The module's state: what all its types share in one interpreter. */
#ifndef SAMARA_STATE_H
#define SAMARA_STATE_H

#include "parallel.h"

struct kind;

/* The types of objects that hold a maple tree, or something of its width. */
struct width_types {
	PyTypeObject *iterator_type;
	PyTypeObject *diff_type;
	PyTypeObject *family_type;
	PyTypeObject *policy_type;
};

struct core_state {
	PyObject *module; /* borrowed: the state lives in it */
	struct maple_pool *pool;
	struct parallel_pool parallel; /* the same pool */
	PyTypeObject *tree_type;
	PyTypeObject *cursor_type;
	PyTypeObject *kind_type;
	PyTypeObject *lock_type;
	struct width_types widths[2]; /* for keys of 64 bits, and of 128 */
	struct kind *uint64;          /* the default kind */
	PyTypeObject *entry_type;     /* samara._entry.Entry, a tuple of 3 */
	PyTypeObject *gap_type;       /* samara._entry.Gap, a tuple of 2 */
	PyTypeObject *change_type;    /* samara._entry.Change, a tuple of 4 */
	PyObject *occupied_error;
	PyObject *space_error;
	PyObject *no_key;  /* samara._errors.NoKey */
	PyObject *kind_of; /* samara._keys.kind_of() */
	PyObject *two_to_64;
	PyObject *two_to_128;
	PyObject *coalesce;   /* samara._policy.COALESCE, */
	PyObject *offset;     /* and OFFSET: policies that are known by identity */
	PyObject *newobj;     /* copyreg.__newobj__ */
	PyObject *base_state; /* object.__getstate__ */
};

/* The types of the width for which this file is compiled. */
#define WIDTH_TYPES(state) (&(state)->widths[MT_KEY_BITS == 128])

/* The module's definition. module.c adds its methods and its types. */
extern struct PyModuleDef core_module;

static inline struct core_state *state_of(PyObject *module)
{
	return PyModule_GetState(module);
}

/* The state of a type of this module or of a subclass. NULL with TypeError. */
static inline struct core_state *state_of_type(PyTypeObject *type)
{
	PyObject *module = PyType_GetModuleByDef(type, &core_module);

	return module ? state_of(module) : NULL;
}

#endif /* SAMARA_STATE_H */
