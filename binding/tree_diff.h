/* SPDX-License-Identifier: MIT */
/* What two trees differ in: t.diff(), and t == u. */
#ifndef SAMARA_TREE_DIFF_H
#define SAMARA_TREE_DIFF_H

#include "tree_object.h"

PyObject *tree_diff(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames);
/* The tree's tp_richcompare. */
PyObject *tree_compare(struct tree_object *self, PyObject *object, int operation);

extern PyType_Spec diff_spec;

#endif /* SAMARA_TREE_DIFF_H */
