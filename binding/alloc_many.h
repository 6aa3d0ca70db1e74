/* SPDX-License-Identifier: MIT */
/* MapleTree.alloc_many(). */
#ifndef SAMARA_ALLOC_MANY_H
#define SAMARA_ALLOC_MANY_H

#include "tree_object.h"

PyObject *tree_alloc_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames);

#endif /* SAMARA_ALLOC_MANY_H */
