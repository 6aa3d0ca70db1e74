/* SPDX-License-Identifier: MIT */
/* Pickling a tree. */
#ifndef SAMARA_PICKLE_H
#define SAMARA_PICKLE_H

#include "tree_object.h"

/* How many items a state with keys has. The last is the argument keys=. */
#define KIND_MEMBERS 9

PyObject *tree_reduce(struct tree_object *self, PyObject *unused);
PyObject *tree_reduce_ex(struct tree_object *self, PyObject *protocol);
PyObject *tree_setstate(struct tree_object *self, PyObject *state);

#endif /* SAMARA_PICKLE_H */
