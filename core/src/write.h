/* SPDX-License-Identifier: MIT */
/*
 * Writing: one store (of a value, or of a gap) over a range.
 *
 *   plan      where it begins and ends, extended over neighbours that become one slot with it,
 *             and values for cut entries (plan.h);
 *   reserve   the most nodes that may be needed: the last step that can fail;
 *   write     by leaf.c or rebalance.c if one private leaf, alone or with one next to it, can take
 *             it, after cow.c has made its path private; otherwise by splice.c;
 *   release   what the write displaced, after the tree is whole again and unlocked (displaced.c).
 */
#ifndef MT_WRITE_H
#define MT_WRITE_H

#include "displaced.h"

/* What to write. A `bool present` converts to the first two. */
enum mt_content {
	MT_GAP = false,
	MT_VALUE = true,
	MT_VALUE_APART, /* a value that does not coalesce with its neighbours */
};

/* Store the word, or a gap, over the cursor's [index, last]. On success the cursor stands on that
 * range. On error it stays where it was, without a path. Either way the caller releases `displaced`:
 * it holds what was displaced, or the pieces of values that were cut in vain. */
int mt_write_range(struct ma_state *mas, uint64_t word, enum mt_content content,
		   struct mt_displaced *displaced);
/* The most nodes that any store into the tree can take. */
unsigned mt_write_bound(const struct maple_tree *mt);

#endif /* MT_WRITE_H */
