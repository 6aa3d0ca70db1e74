/* SPDX-License-Identifier: MIT */
/* Iterators over a tree, and the methods that make them. */
#ifndef SAMARA_TREE_ITER_H
#define SAMARA_TREE_ITER_H

#include "tree_object.h"

/* Iterate over all entries. The tree's tp_iter. */
PyObject *tree_iterate(struct tree_object *self);
/* One step of an iterator of entries: 1 with an owned *value, 0 at the end, -1 with MemoryError. */
int iterator_step(PyObject *iterator, mt_key *first, mt_key *last, PyObject **value);
/* How many entries the whole snapshot of an iterator has that is not at its end. */
uint64_t iterator_entries(PyObject *iterator);
/* Let it go on from its last entry, backwards. It must not be at its end. */
void iterator_turn(PyObject *iterator);

PyObject *tree_entries(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		       PyObject *kwnames);
PyObject *tree_ranges(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames);
PyObject *tree_values(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames);
PyObject *tree_items(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		     PyObject *kwnames);
PyObject *tree_gaps(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames);
PyObject *tree_reversed(struct tree_object *self, PyObject *unused);

extern PyType_Spec iterator_spec;

#endif /* SAMARA_TREE_ITER_H */
