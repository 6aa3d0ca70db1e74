/* SPDX-License-Identifier: MIT */
/* len(), bool(), `in` and t[...]. */
#ifndef SAMARA_TREE_MAPPING_H
#define SAMARA_TREE_MAPPING_H

#include "tree_object.h"

Py_ssize_t tree_length(struct tree_object *self);
int tree_bool(struct tree_object *self);
int tree_contains(struct tree_object *self, PyObject *key);
PyObject *tree_subscript(struct tree_object *self, PyObject *key);
/* t[key] = value; del t[key] if it is NULL. */
int tree_store_subscript(struct tree_object *self, PyObject *key, PyObject *value);

#endif /* SAMARA_TREE_MAPPING_H */
