/* SPDX-License-Identifier: MIT */
/* The attributes of a tree. */
#ifndef SAMARA_TREE_ATTRIBUTES_H
#define SAMARA_TREE_ATTRIBUTES_H

#include "tree_object.h"

PyObject *tree_get_covered(struct tree_object *self, void *closure);
PyObject *tree_get_height(struct tree_object *self, void *closure);
PyObject *tree_get_node_count(struct tree_object *self, void *closure);
PyObject *tree_get_nbytes(struct tree_object *self, void *closure);
PyObject *tree_get_track_gaps(struct tree_object *self, void *closure);
PyObject *tree_get_dtype(struct tree_object *self, void *closure);
PyObject *tree_get_policy(struct tree_object *self, void *closure);
PyObject *tree_get_lock(struct tree_object *self, void *closure);
PyObject *tree_get_first_key(struct tree_object *self, void *closure);
PyObject *tree_get_last_key(struct tree_object *self, void *closure);
PyObject *tree_get_keys_dtype(struct tree_object *self, void *closure);
PyObject *tree_sizeof(struct tree_object *self, PyObject *unused);

#endif /* SAMARA_TREE_ATTRIBUTES_H */
