/* SPDX-License-Identifier: MIT */
/*
 * The oracle: the expected contents of a tree, kept in plain arrays and looked up by scanning them.
 *
 * The key space 0 ... MT_KEY_MAX is cut into cells that never change. Every write covers whole
 * cells. Cell i holds the number of the range that lies there, or 0 for a gap. Neighbouring cells
 * with one number are one range, so two ranges with equal words stay separate.
 *
 * If values rise, a range's word increases with its keys: a piece that begins n keys into it has a
 * word higher by n. For such a range the oracle keeps the word that key 0 would have.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "width.h"

struct oracle {
	size_t cells;
	mt_key *first;   /* of each cell; the last cell ends at MT_KEY_MAX */
	uint32_t *range; /* of each cell; 0: a gap */
	uint64_t *word;  /* of each cell with a range */
	uint32_t ranges; /* numbers handed out */
	bool coalesces;  /* a stored value becomes one range with neighbours that have its word */
	uint64_t rises;  /* values rise, in the bits of this mask; 0: they do not */
};

/* All gaps. The first `cells` - 1 cells are one key wide, from 0 on. */
void oracle_init(struct oracle *oracle, size_t cells);
/* All gaps. The last `cells` - 1 cells are one key wide, up to MT_KEY_MAX. */
void oracle_init_high(struct oracle *oracle, size_t cells);
#if MT_KEY_BITS == 128
/* All gaps. All cells but the first and the last are one key wide, below and above 2^64. */
void oracle_init_middle(struct oracle *oracle, size_t cells);
#endif
/* All gaps, in cells of random widths over the whole key space; some at both ends one key wide. */
void oracle_init_random(struct oracle *oracle, size_t cells);
/* Copy the contents into uninitialised memory. */
void oracle_copy(const struct oracle *oracle, struct oracle *copy);
void oracle_fini(struct oracle *oracle);

mt_key oracle_first(const struct oracle *oracle, size_t cell);
mt_key oracle_last(const struct oracle *oracle, size_t cell);
/* Any key of the cell: its first, its last or one between. */
mt_key oracle_key(const struct oracle *oracle, size_t cell);
/* The cell of a key. */
size_t oracle_cell(const struct oracle *oracle, mt_key key);

/* Write over the cells [from, to]. */
void oracle_store(struct oracle *oracle, size_t from, size_t to, uint64_t word);
/* The same, but without coalescing with a neighbour. */
void oracle_replace(struct oracle *oracle, size_t from, size_t to, uint64_t word);
void oracle_clear(struct oracle *oracle, size_t from, size_t to);
/* Replace the word of each range or gap in the cells [from, to] by what combine() returns. Ranges
 * are cut at both ends, and stay apart. Values must not rise. */
void oracle_map(struct oracle *oracle, size_t from, size_t to,
		uint64_t (*combine)(const void *context, bool present, uint64_t word),
		const void *context);

/* Make `out`, uninitialised memory, a copy of `a`, with each range of `b` stored that `a` does not
 * have with the same ends and word; or with all cells cleared where `b` has a range (`covered`) or
 * has none. */
void oracle_union(const struct oracle *a, const struct oracle *b, struct oracle *out);
void oracle_clear_where(const struct oracle *a, const struct oracle *b, bool covered,
			struct oracle *out);

/* The whole range or gap around a cell: true for a range. */
bool oracle_at(const struct oracle *oracle, size_t cell, struct mt_entry *out);
/* The first cell of the range or gap around `cell`, and the last. */
size_t oracle_low(const struct oracle *oracle, size_t cell);
size_t oracle_high(const struct oracle *oracle, size_t cell);
/* oracle_find(): the first range that reaches `cell` or lies above it, and begins at or below
 * `max`. The other is its mirror image. */
bool oracle_find(const struct oracle *oracle, size_t cell, size_t max, struct mt_entry *out);
bool oracle_find_rev(const struct oracle *oracle, size_t cell, size_t min, struct mt_entry *out);
/* The first range of the cells [from, to], if any. */
bool oracle_occupied(const struct oracle *oracle, size_t from, size_t to, struct mt_entry *out);
/* The lowest or highest key with `size` free keys from there on, all within [min, max], that is a
 * multiple of `align` away from `zero`. */
bool oracle_empty_area(const struct oracle *oracle, mt_key min, mt_key max, mt_key size,
		       mt_key align, mt_key zero, bool reverse, mt_key *start);

/* Check that the tree is valid and holds exactly this, read upwards and downwards, and that its
 * counts agree. */
#define CHECK_ORACLE(oracle, mt) oracle_check(__FILE__, __LINE__, (oracle), (mt))
void oracle_check(const char *file, int line, const struct oracle *oracle, struct maple_tree *mt);
/* Check only the contents, which costs less. */
#define CHECK_CONTENTS(oracle, mt) oracle_check_contents(__FILE__, __LINE__, (oracle), (mt))
void oracle_check_contents(const char *file, int line, const struct oracle *oracle,
			   struct maple_tree *mt);

#endif /* ORACLE_H */
