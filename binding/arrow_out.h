/* SPDX-License-Identifier: MIT */
/* A tree as a table of Arrow. */
#ifndef SAMARA_ARROW_OUT_H
#define SAMARA_ARROW_OUT_H

#include "tree_object.h"

PyObject *tree_arrow_stream(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames);

#endif /* SAMARA_ARROW_OUT_H */
