/* SPDX-License-Identifier: MIT */
/* One argument of an array operation: a buffer of numbers or a sequence. */
#ifndef SAMARA_COLUMN_H
#define SAMARA_COLUMN_H

#include "value.h"

enum column_kind { COLUMN_OBJECTS = 0, COLUMN_UNSIGNED, COLUMN_SIGNED, COLUMN_FLOATS };
struct column {
	const char *name; /* for messages */
	enum column_kind kind;
	size_t count;
	Py_buffer view;  /* not of COLUMN_OBJECTS */
	size_t item;     /* bytes per item */
	Py_ssize_t step; /* from the beginning of one item to the next; may be negative */
	PyObject *items; /* COLUMN_OBJECTS: a tuple, owned */
	uint64_t *made;  /* words, owned, if the buffer is not used in place */
};

/* Open a column that is all zero, or closed: 0 or -1. Call column_close() afterwards, even after an
 * error. With `objects` it is taken as a sequence, whatever it is. */
int column_open(struct column *column, PyObject *object, const char *name, bool objects);
/* Whether an object's type has an attribute: 1, 0 or -1. */
int type_has(PyObject *object, const char *name);
/* Whether an object may be a column of Arrow or of pandas, and is no buffer itself: 1, 0 or -1. */
int column_is_foreign(PyObject *object);
void column_close(struct column *column);
/* 0; or -1 with TypeError if the column is a buffer of floats. */
int column_refuse_floats(const struct column *column);
/* The buffer's numbers as words: its own memory or the column's, valid until column_close(). NULL with
 * an exception. */
const uint64_t *column_words(struct column *column);
/* Whether the buffer itself can be used as the words. */
bool column_is_words(const struct column *column);
/* `count` numbers of a buffer from `at` on, as words. Needs no GIL. */
void column_widen(const struct column *column, size_t at, size_t count, uint64_t *out);
/* 0; or -1 with ValueError if the highest bit of a word is set: a negative integer, or one too large
 * for a signed one. */
int column_check_sign(const struct column *column, const char *noun, const uint64_t *words);
/* The column as words of a dtype. NULL with an exception. */
const uint64_t *column_values(struct column *column, enum dtype dtype);

#endif /* SAMARA_COLUMN_H */
