/* SPDX-License-Identifier: MIT */
/* Columns of keys and of sizes, as codes and numbers of keys. */
#ifndef SAMARA_KEY_COLUMN_H
#define SAMARA_KEY_COLUMN_H

#include "column.h"
#include "keys.h"

struct key_column {
	struct column column;
	const struct kind *kind; /* borrowed */
	mt_key *made;            /* owned: codes, if the buffer is not used in place */
	uint8_t *outside;        /* owned: 1 where a key or a size does not fit; or NULL */
	bool coded;              /* the buffer has codes, not keys: words, the low one first */
};

/* 0 or -1. Call key_column_close() afterwards, even after an error. */
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
