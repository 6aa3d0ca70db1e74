/* SPDX-License-Identifier: MIT */
/* The write within the leaf at the end of the path. The plan's pieces are ready, and all nodes of
 * the path are private. */
#ifndef MT_LEAF_H
#define MT_LEAF_H

#include "plan.h"
#include "walk.h"

/* The leaf's slots after the write. */
static inline unsigned mt_leaf_size(const struct mt_write *write, const struct maple_node *leaf)
{
	return leaf->count - (write->high - write->low) + write->left_piece + 1 +
	       write->right_piece;
}

/* Whether a leaf may not keep so few slots, or only a gap. */
static inline bool mt_leaf_too_thin(const struct maple_node *leaf, unsigned size, bool present)
{
	return (size < leaf->count && size < mt_min_slots(MT_LEAF)) || (size == 1 && !present);
}

enum mt_leaf_store {
	MT_LEAF_STORED,
	MT_LEAF_PLANNED, /* not stored: the leaf cannot hold it, but it is planned */
	MT_LEAF_NO_PLAN, /* neither: the write goes beyond the leaf */
};

/* Store over the cursor's [index, last], where its path leads, a gap or a value that does not merge.
 * Only for trees of plain words without shared nodes. Sets `planned` only if it returns
 * MT_LEAF_PLANNED: its keys, slots and pieces. */
enum mt_leaf_store mt_leaf_store(struct ma_state *mas, uint64_t word, bool present,
				 struct mt_write *planned);
/* The same for a value that merges with equal ones. MT_LEAF_NO_PLAN also if one of these may be in
 * another leaf. */
enum mt_leaf_store mt_leaf_store_merging(struct ma_state *mas, uint64_t word,
					 struct mt_write *planned);
/* Replace the leaf's slots by those of the plan, for which it has room. The path then leads to the
 * new slot. */
void mt_leaf_write(struct mt_write *write);

/* The parts of it that a write over two leaves also needs. */
/* Account for the slots of the leaf that are dropped, and for the new ones in their place. */
void mt_leaf_count(const struct mt_write *write);
/* Remember the values that are dropped. Plain numbers need no release. */
void mt_leaf_drop(const struct mt_write *write);

#endif /* MT_LEAF_H */
