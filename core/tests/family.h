/* SPDX-License-Identifier: MIT */
/*
 * A family of trees that fork, duplicate and slice each other. They are written and read with every
 * operation, at times out of memory, and each is checked against its own oracle. All choices come
 * from test_below(), so a seed, or the bytes given to test_feed(), reproduces a family.
 *
 * Each member has cursors that are held across everything that happens to its tree. Where they must
 * stand is kept beside them as keys, and what they must find comes from the oracle.
 */
#ifndef FAMILY_H
#define FAMILY_H

#include "cursor_rules.h"
#include "oracle.h"
#include "test.h"

enum { FAMILY_MEMBERS = 7, FAMILY_CURSORS = 3, FAMILY_WORDS = 512 };

enum family_values {
	family_plain,   /* any word, with no value operations */
	family_counted, /* words below FAMILY_WORDS, with counted references; so are all below */
	family_equal,   /* neighbours with equal words coalesce */
	family_split, /* words rise with the key: the piece of a cut entry has a word of its own */
	family_merge, /* the same, and neighbours that continue each other become one */
	family_values_count,
};

enum family_layout {
	family_low,    /* one-key cells from 0 on, and one wide cell */
	family_high,   /* the same up to MT_KEY_MAX */
	family_random, /* cells of random widths, some at both ends one key wide */
#if MT_KEY_BITS == 128
	family_middle, /* one-key cells below and above 2^64 */
#endif
	family_layout_count,
};

struct family_kind {
	uint32_t flags;
	enum family_values values;
	enum family_layout layout;
	size_t cells;
	bool serial; /* mt_pool_serial() */
};

/* A cursor, and its expected state. */
struct family_cursor {
	struct ma_state mas;
	struct rules_place place;
	uint64_t seen_writes; /* the member's at the last step or write of this cursor */
	/* The reserve is enough for a store over these keys, as long as the tree has been written
	 * this often. */
	uint64_t promised_writes;
	mt_key promised_index;
	mt_key promised_last;
};

struct member {
	struct maple_tree mt;
	struct oracle oracle;
	uint64_t writes;
	bool wrapped; /* a cyclic allocation took MT_KEY_MAX, and none has reported it */
	struct family_cursor cursor[FAMILY_CURSORS];
};

struct family {
	struct test_counts counts; /* first: the context that the counting operations expect */
	struct family_kind kind;
	struct maple_pool *pool;
	struct mt_value_ops ops;
	struct oracle blank; /* the cells that all members have */
	struct member *member[FAMILY_MEMBERS];
	size_t count;
	/* While a step runs: */
	bool starved;              /* an allocation was told to fail */
	size_t refuse;             /* the n-th value operation that can fail will fail; 0: none */
	bool refused;              /* it has failed */
	const struct member *kept; /* `before` has the nodes that this member had; NULL: none */
	struct maple_tree before;
};

/* Start with one empty tree, or more if there are many cells. */
void family_begin(struct family *family, const struct family_kind *kind);
/* Do any operation on any member, then check the member completely. */
void family_step(struct family *family);
/* Do something with one of the first member's cursors, or a write beside them, without memory
 * failures. */
void family_cursor_step(struct family *family);
/* Check every member against its oracle. */
void family_check(struct family *family);
/* The same; also the references of all values, counted by visiting, and the nodes in use. */
void family_audit(struct family *family);
/* End the family. Nothing may be left. */
void family_end(struct family *family);

/* ---- for the steps --------------------------------------------------------------------------- */

/* Check the status of a call that may fail, and return whether it succeeded. If not, it must have
 * had a reason, and the tree must have the nodes that it had before. */
bool family_succeeded(struct family *family, struct member *member, int got);
/* The same for a write of the member's tree. */
bool family_wrote(struct family *family, struct member *member, int got);
/* A word to store, sometimes 0. */
uint64_t family_word(const struct family *family);
/* Some neighbouring cells: few, many or all. */
void family_cells(const struct oracle *oracle, size_t *low, size_t *high);
/* Whether [first, last] is made of whole cells, and which. */
bool family_whole_cells(const struct oracle *oracle, mt_key first, mt_key last, size_t *low,
			size_t *high);

/* Drop everything that a member holds. */
void family_empty(struct family *family, struct member *member);

typedef void (*family_action)(struct family *family, struct member *member);

/* family_tree.c: the normal interface. */
void family_store(struct family *family, struct member *member);
void family_store_many(struct family *family, struct member *member);
void family_insert(struct family *family, struct member *member);
void family_clear(struct family *family, struct member *member);
void family_erase(struct family *family, struct member *member);
void family_allocate(struct family *family, struct member *member);
void family_allocate_cyclic(struct family *family, struct member *member);
void family_build(struct family *family, struct member *member);
void family_accumulate(struct family *family, struct member *member);
void family_refusals(struct family *family, struct member *member);
void family_look_up(struct family *family, struct member *member);
void family_look_up_many(struct family *family, struct member *member);
void family_search(struct family *family, struct member *member);
void family_compare(struct family *family, struct member *member);

/* family_cursor.c */
void family_cursors_begin(struct member *member);
void family_cursors_end(struct member *member);
struct family_cursor *family_cursor(struct member *member);
/* Check that the cursor is where it must be now. */
void family_cursor_is_at(struct family_cursor *cursor, mt_key index, mt_key last,
			 enum maple_status status);
void family_cursor_move(struct family *family, struct member *member);
void family_cursor_write(struct family *family, struct member *member);
void family_cursor_sweep(struct family *family, struct member *member);

#endif /* FAMILY_H */
