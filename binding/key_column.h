/* SPDX-License-Identifier: MIT */
/* Columns of keys and of sizes, as codes and numbers of keys. */
#ifndef SAMARA_KEY_COLUMN_H
#define SAMARA_KEY_COLUMN_H

#include "column.h"
#include "key_words.h"
#include "keys.h"

enum key_layout {
	LAYOUT_ITEMS, /* objects, in the column's tuple */
	LAYOUT_WORDS, /* a buffer of numbers */
	LAYOUT_PAIRS, /* a buffer of keys of 128 bits, as two words each, */
	LAYOUT_BYTES, /* or as 16 bytes, big-endian */
	LAYOUT_CODES, /* a buffer of the codes themselves, the low word first */
};

struct key_column {
	struct column column;
	const struct kind *kind; /* borrowed */
	enum key_layout layout;
	struct key_words words; /* LAYOUT_WORDS: how they become codes */
	mt_key low;             /* of codes read from a buffer: those below, */
	mt_key span;            /* and those more than this above, are none */
	Py_ssize_t high_at;     /* LAYOUT_PAIRS: where an item's high word is, */
	Py_ssize_t low_at;      /* and its low one */
	PyObject *array;        /* owned: numpy's array that was given, if it may be asked */
	PyObject *opened;       /* owned: what was made of a column of Arrow, or NULL */
	PyObject *item;         /* of that, borrowed: makes a key of the number of a moment */
	const uint8_t *nulls;   /* of that: 1 where there is no key, or NULL */
	mt_key *made;           /* owned: codes, if the buffer is not used in place */
	uint8_t *outside;       /* owned: 1 where a key or a size does not fit; or NULL */
};

/* Open a column that is all zero: 0 or -1. Call key_column_close() afterwards, even after an error. */
int key_column_open(struct key_column *keys, const struct kind *kind, PyObject *object,
		    const char *name);
/* The same for a column of sizes. */
int size_column_open(struct key_column *sizes, const struct kind *kind, PyObject *object,
		     const char *name);
/* The same for a buffer of the codes themselves. */
int code_column_open(struct key_column *codes, const struct kind *kind, PyObject *object,
		     const char *name);
void key_column_close(struct key_column *keys);
/* The codes of the keys, valid until key_column_close(). NULL with an exception. */
const mt_key *key_column_codes(struct key_column *keys);
/* Exclusive ends, of which one may be past the last key, as the codes below them. */
const mt_key *key_column_ends(struct key_column *keys);
/* Sizes of 1 or more, each less 1. Where one is larger than all keys, `outside` is set. */
const mt_key *size_column_counts(struct key_column *sizes);
/* Prepare for look-ups of keys, which may be any. 0 or -1. */
int key_column_prepare(struct key_column *keys);
/* key_column_block(): `count` keys from `at` on, as codes, in `scratch` or in place.
 * key_column_mask(), after the look-up: set `present` to 0 for keys outside the limits; false if there
 * can be none. Both need no GIL. */
const mt_key *key_column_block(const struct key_column *keys, size_t at, size_t count,
			       mt_key *scratch);
bool key_column_mask(const struct key_column *keys, size_t at, size_t count, const mt_key *codes,
		     uint8_t *present);
/* The key at a position as an object: the given one, if there is one. */
PyObject *key_column_key(const struct key_column *keys, size_t at);

#endif /* SAMARA_KEY_COLUMN_H */
