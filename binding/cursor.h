/* SPDX-License-Identifier: MIT */
/* Cursors, and the method that makes one. */
#ifndef SAMARA_CURSOR_H
#define SAMARA_CURSOR_H

#include "tree_object.h"

PyObject *tree_cursor(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames);

extern PyType_Spec cursor_spec;

#endif /* SAMARA_CURSOR_H */
