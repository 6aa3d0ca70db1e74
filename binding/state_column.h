/* SPDX-License-Identifier: MIT */
/* One column of a pickled state: a buffer of little-endian words. */
#ifndef SAMARA_STATE_COLUMN_H
#define SAMARA_STATE_COLUMN_H

#include "binding.h"

struct state_column {
	Py_buffer view; /* held while `open` */
	bool open;
	void *made; /* owned: the words, if the buffer is not used in place */
};

/* Raise ValueError for a state that is none. Returns -1. */
int state_refuse(const char *reason);
/* Wrap three columns of bytes for pickle, which can then hand them on without a copy. 0 or -1. */
int state_columns_wrap(PyObject *columns[3]);
/* Turn `count` words of `size` bytes from this machine's byte order to little-endian, or back. */
void state_column_swap(void *words, size_t size, size_t count);

/* Open a column that is all zero: 0; or -1 with ValueError, or what the buffer's own methods raise.
 * Call state_column_close() in both cases. `noun` is for messages. */
int state_column_open(struct state_column *column, PyObject *object, const char *noun);
/* Its words of `size` bytes in this machine's order: the buffer itself or the column's copy, valid
 * until state_column_close(). NULL, without an exception, if there is no memory. */
const void *state_column_words(struct state_column *column, size_t size);
void state_column_close(struct state_column *column);

#endif /* SAMARA_STATE_COLUMN_H */
