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
	size_t item;      /* bytes per item */
	Py_ssize_t step;  /* from the beginning of one item to the next; may be negative */
	PyObject *items;  /* COLUMN_OBJECTS: a tuple, owned */
	uint64_t *made;   /* words, owned, if the buffer is not used in place */
	uint8_t *outside; /* keys and sizes of COLUMN_OBJECTS: 1 where one does not fit; owned */
};

/* 0 or -1. Call column_close() afterwards, even after an error. With `objects` it is taken as a
 * sequence, whatever it is. */
int column_open(struct column *column, PyObject *object, const char *name, bool objects);
void column_close(struct column *column);
/* The column as words: its own memory or the buffer's, valid until column_close(). NULL with an
 * exception. */
const uint64_t *column_indices(struct column *column);
/* Exclusive ends, 1 ... 2^64, as the indices below them. */
const uint64_t *column_ends(struct column *column);
const uint64_t *column_values(struct column *column, enum dtype dtype);
/* Sizes, 1 ... 2^64, each less 1. Where one is larger, `outside` is set. */
const uint64_t *column_sizes(struct column *column);
/* Prepare for look-ups of keys, which may be any integers. 0 or -1. */
int column_keys(struct column *column);
/* column_block(): `count` keys from `at` on, as words, in `scratch` or in place. column_mask(),
 * after the look-up: set `present` to 0 for keys outside 0 ... MAX; false if there can be none.
 * Both need no GIL. */
const uint64_t *column_block(const struct column *column, size_t at, size_t count,
			     uint64_t *scratch);
bool column_mask(const struct column *column, size_t at, size_t count, const uint64_t *words,
		 uint8_t *present);
/* The key at a position as an object: the given one, if there is one. */
PyObject *column_key(const struct column *column, size_t at);

#endif /* SAMARA_COLUMN_H */
