/* SPDX-License-Identifier: MIT */
/* Many look-ups in one call. */
#ifndef SAMARA_LOAD_MANY_H
#define SAMARA_LOAD_MANY_H

#include "tree_object.h"

PyObject *tree_load_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			 PyObject *kwnames);

#endif /* SAMARA_LOAD_MANY_H */
