/* SPDX-License-Identifier: MIT */
/* Copies of a tree, and the attributes of instances. */
#ifndef SAMARA_TREE_COPY_H
#define SAMARA_TREE_COPY_H

#include "tree_object.h"

PyObject *tree_fork(struct tree_object *self, PyObject *unused);
PyObject *tree_dup(struct tree_object *self, PyObject *unused);
PyObject *tree_dup_into(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			PyObject *kwnames);
/* t[first:last]. `empty`: the slice has no index at all. */
PyObject *tree_slice(struct tree_object *self, mt_key first, mt_key last, bool empty);

/* What a copy gets from its tree, besides nodes. Other code may change it in the tree while the copy is
 * made. */
struct heritage {
	enum dtype dtype;
	struct policy *policy; /* owned, or NULL */
	struct family *family; /* owned, or NULL: they share no nodes with values */
};

/* The steps of all copies, after tree_alloc(). copy_drop() ends an instance that did not become a copy, and
 * whose maple tree is not initialised. Otherwise copy_begin() notes what an entered tree has, and
 * copy_adopt() gives it to the copy, once its maple tree is initialised: it is whole then. `shares`: it
 * shares nodes with the tree. */
void copy_drop(struct tree_object *copy, struct kind *kind);
void copy_begin(struct tree_object *self, bool shares, struct heritage *heritage);
void copy_adopt(struct tree_object *copy, struct kind *kind, struct heritage *heritage);
/* The last step: the instance's own attributes. Takes over `copy`. */
PyObject *copy_finish(struct tree_object *self, struct tree_object *copy);

/* None; a dict; or a pair (dict or None, dict of __slots__): what object.__getstate__() returns. */
PyObject *attributes_get(struct tree_object *tree);
/* The reverse of attributes_get(). 0 or -1. */
int attributes_set(PyObject *target, PyObject *attributes);

#endif /* SAMARA_TREE_COPY_H */
