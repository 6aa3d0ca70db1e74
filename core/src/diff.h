/* SPDX-License-Identifier: MIT */
/* Two trees side by side, stretch by stretch: what diff.c's public functions and sets.c build on. */
#ifndef MT_DIFF_H
#define MT_DIFF_H

#include "node.h"

/* A range or gap of one tree, whole. */
struct mt_slot {
	mt_key first;
	mt_key last;
	uint64_t word;
	bool present;
};

/* Keys [first, last]. They are those of a node that both trees share, or of two leaves with the same
 * contents; or else lie in one slot of each tree. */
struct mt_stretch {
	mt_key first;
	mt_key last;
	bool shared;
	struct mt_slot a; /* not set if shared */
	struct mt_slot b;
};

/* Go on to the next stretch. They follow each other from 0 to MT_KEY_MAX. False after the last. */
bool mt_next_stretch(struct mt_diff_walk *walk, struct mt_stretch *out);
/* Whether both slots are the same range with the same word, or the same gap. */
bool mt_same_slots(const struct mt_slot *a, const struct mt_slot *b);

#endif /* MT_DIFF_H */
