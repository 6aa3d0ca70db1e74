/* SPDX-License-Identifier: MIT */
/* What a tree looks like: in a prompt, in a notebook, and in rich. */
#ifndef SAMARA_TREE_REPR_H
#define SAMARA_TREE_REPR_H

#include "tree_object.h"

PyObject *tree_repr(struct tree_object *self);
PyObject *tree_repr_html(struct tree_object *self, PyObject *unused);
PyObject *tree_rich_repr(struct tree_object *self, PyObject *unused);

#endif /* SAMARA_TREE_REPR_H */
