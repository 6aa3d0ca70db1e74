/* SPDX-License-Identifier: MIT */
/* Results: Entry, Gap and Change. */
#ifndef SAMARA_ENTRY_H
#define SAMARA_ENTRY_H

#include "keys.h"

/* Results hold the keys of codes. NULL: an exception is set. entry_new() takes over the reference to
 * `value`, also if it fails. */
PyObject *entry_new(const struct kind *kind, mt_key first, mt_key last, PyObject *value);
/* The same from keys, which it takes over too. */
PyObject *entry_of_keys(const struct kind *kind, PyObject *first, PyObject *last, PyObject *value);
PyObject *gap_new(const struct kind *kind, mt_key first, mt_key last);
/* Takes over both values, also if it fails. */
PyObject *change_new(const struct kind *kind, mt_key first, mt_key last, PyObject *before,
		     PyObject *after);

/* Set RangeOccupiedError for [first, last], which that entry occupies. */
void raise_occupied(const struct kind *kind, mt_key first, mt_key last, PyObject *entry);

/* For a tuple made without tuple's own constructor, or filled again: since 3.14 a tuple remembers
 * its hash. */
static inline void tuple_forget_hash(PyObject *tuple)
{
#if PY_VERSION_HEX >= 0x030E0000
	((PyTupleObject *)tuple)->ob_hash = -1;
#else
	(void)tuple;
#endif
}

#endif /* SAMARA_ENTRY_H */
