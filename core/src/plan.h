/* SPDX-License-Identifier: MIT */
/*
 * The plan of a write, shared by all files that carry it out: where it begins and ends, what
 * remains of the entries at its ends, and the nodes that it may use.
 *
 *        slots      [   a   |  b  |  gap  |     c     ]
 *        write              first ------- last
 *        pieces     [  a' ] [ NEW             ] [  c' ]      left piece, the new slot, right piece
 */
#ifndef MT_PLAN_H
#define MT_PLAN_H

#include "displaced.h"

struct mt_write {
	struct ma_state *mas; /* its path leads to `first`, with the slot there */
	struct maple_tree *mt;
	mt_key first;
	mt_key last;
	uint64_t word;
	bool present;
	bool apart; /* do not coalesce */
	bool owned; /* the tree owns the word already: merge() made it */
	/* What remains of the entries at the ends, before `first` and after `last`. */
	bool left_piece;
	bool right_piece;
	uint64_t left_word; /* if the piece is a value */
	uint64_t right_word;
	bool left_present;
	bool right_present;
	mt_key right_last; /* last key of the slot around `last` */
	/* The slots [low, high) of the leaf that the write touches; high is 0 if the write goes
	 * beyond the leaf. */
	unsigned low;
	unsigned high;
	uint32_t kept; /* of these: whose references the pieces take over */
	/* Nodes taken but not used yet. */
	unsigned reserved;
	struct maple_node *reserve[3 * MT_MAX_HEIGHT + 1];
	struct mt_displaced *displaced;
};

/* Whether the pieces of a cut entry have values of their own. If not, they have the entry's word,
 * and one of them takes its reference: an object that is only cut is not touched. */
static inline bool mt_splits_values(const struct mt_write *write)
{
	return write->mt->ma_ops && write->mt->ma_ops->split;
}

#endif /* MT_PLAN_H */
