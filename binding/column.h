/* SPDX-License-Identifier: MIT */
/* One argument of an array operation: a buffer of numbers or a sequence. */
#ifndef SAMARA_COLUMN_H
#define SAMARA_COLUMN_H

#include "value.h"

enum column_kind { COLUMN_OBJECTS, COLUMN_UNSIGNED, COLUMN_SIGNED, COLUMN_FLOATS };
struct column {
	const char *name; /* for messages */
	enum column_kind kind;
	size_t count;
	Py_buffer view;   /* not of COLUMN_OBJECTS */
	size_t item;      /* bytes, and what is between two */
	Py_ssize_t step;  /* begin of one to begin of the next, may be negative */
	PyObject *items;  /* COLUMN_OBJECTS: a tuple, owned */
	uint64_t *made;   /* words, owned, where the buffer is not used as it is */
	uint8_t *outside; /* keys of COLUMN_OBJECTS: 1 where one is outside 0 ... MAX; owned */
};

/* 0 or -1. Afterwards column_close(), also where it fails. With `objects` a sequence, whatever it
 * is. */
int column_open(struct column *column, PyObject *object, const char *name, bool objects);
void column_close(struct column *column);
/* The column as words: its own memory or the buffer's, until column_close(). NULL with an
 * exception. */
const uint64_t *column_indices(struct column *column);
const uint64_t *column_values(struct column *column, enum dtype dtype);
/* Make ready for the look-ups of keys: any integers. 0 or -1. */
int column_keys(struct column *column);
/* `count` keys from `at` on: their words, in `scratch` or where they are. Then, when they have been
 * looked up, 0 in `present` for those outside 0 ... MAX: false where there can be none. Both need
 * no interpreter lock. */
const uint64_t *column_block(const struct column *column, size_t at, size_t count,
			     uint64_t *scratch);
bool column_mask(const struct column *column, size_t at, size_t count, const uint64_t *words,
		 uint8_t *present);
/* The key at a position as an object, the one that was given if there is one. */
PyObject *column_key(const struct column *column, size_t at);

#endif /* SAMARA_COLUMN_H */
