/* SPDX-License-Identifier: MIT */
/* The methods of a tree that take or return arrays. */
#ifndef SAMARA_ARRAYS_H
#define SAMARA_ARRAYS_H

#include "tree_object.h"

/* from_arrays(), with its arguments: first, last, values, keys, dtype, track_gaps, policy, closed, sort,
 * overlap. */
PyObject *tree_from_columns(PyTypeObject *type, struct kind *kind, PyObject *const *given);
/* For load(): the same from checked columns of codes in order, without asking the policy. Takes the first
 * seven, as they come from columns_of(). */
PyObject *tree_from_saved(PyTypeObject *type, struct kind *kind, PyObject *const *given);
PyObject *tree_to_arrays(struct tree_object *self, PyObject *unused);
PyObject *tree_store_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames);

/* mt_read() of a snapshot with `count` entries. Releases the GIL if they are many. */
void snapshot_read(const struct maple_tree *snapshot, size_t count, mt_key *firsts, mt_key *lasts,
		   uint64_t *words);
/* Make the columns of a snapshot: codes as bytes, in this machine's byte order; the values of a packed
 * tree in the same way, those of others as a list. 0 or -1; `columns` owns what was made. */
int snapshot_columns(struct maple_tree *snapshot, enum dtype dtype, PyObject *columns[3]);
/* The objects that these words are, as a new list; or NULL. */
PyObject *list_of_objects(const uint64_t *words, size_t count);

#endif /* SAMARA_ARRAYS_H */
