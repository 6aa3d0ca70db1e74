/* SPDX-License-Identifier: MIT */
/* Results: Entry, Gap and Change. */
#ifndef SAMARA_ENTRY_H
#define SAMARA_ENTRY_H

#include "state.h"

/* NULL: an exception is set. entry_new() takes over the reference to `value`, also if it fails. */
PyObject *entry_new(const struct core_state *state, uint64_t first, uint64_t last, PyObject *value);
PyObject *gap_new(const struct core_state *state, uint64_t first, uint64_t last);
/* Takes over both values, also if it fails. */
PyObject *change_new(const struct core_state *state, uint64_t first, uint64_t last,
		     PyObject *before, PyObject *after);

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
