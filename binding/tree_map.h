/* SPDX-License-Identifier: MIT */
/* The method of a tree that replaces values by what a function returns. */
#ifndef SAMARA_TREE_MAP_H
#define SAMARA_TREE_MAP_H

#include "tree_object.h"

PyObject *tree_map_range(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			 PyObject *kwnames);

#endif /* SAMARA_TREE_MAP_H */
