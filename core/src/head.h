/* SPDX-License-Identifier: MIT */
/* The head of a tree: its root and attributes. Nothing here needs to know what a node is. */
#ifndef MT_HEAD_H
#define MT_HEAD_H

#include "races.h"

/* The attributes may be read without the lock, while a writer changes the height next to them. */
static inline uint32_t mt_flags(const struct maple_tree *mt)
{
	return __atomic_load_n(&mt->ma_flags, __ATOMIC_RELAXED);
}

static inline bool mt_tracks_gaps(const struct maple_tree *mt)
{
	return mt_flags(mt) & MT_FLAGS_ALLOC_RANGE;
}

static inline uint32_t mt_tree_height(const struct maple_tree *mt)
{
	return (mt_flags(mt) & MT_FLAGS_HEIGHT_MASK) >> MT_FLAGS_HEIGHT_SHIFT;
}

static inline void mt_set_root(struct maple_tree *mt, struct maple_node *root, uint32_t height)
{
	uint32_t attributes = mt_flags(mt) & ~MT_FLAGS_HEIGHT_MASK;

	__atomic_store_n(&mt->ma_root, root, MT_FENCED_STORE);
	__atomic_store_n(&mt->ma_flags, attributes | height << MT_FLAGS_HEIGHT_SHIFT,
			 __ATOMIC_RELAXED);
}

/* Whether a cyclic allocation took MT_KEY_MAX: MT_FLAGS_ALLOC_WRAPPED or 0. */
static inline void mt_set_wrapped(struct maple_tree *mt, uint32_t wrapped)
{
	uint32_t others = mt_flags(mt) & ~MT_FLAGS_ALLOC_WRAPPED;

	__atomic_store_n(&mt->ma_flags, others | wrapped, __ATOMIC_RELAXED);
}

/* Make the tree empty: nothing is shared, and the counts are known. */
static inline void mt_reset_root(struct maple_tree *mt)
{
	mt_set_root(mt, NULL, 0);
	mt->ma_shared = false;
	mt->ma_counted = true;
	mt->ma_entries = 0;
	mt->ma_covered[0] = mt->ma_covered[1] = 0;
}

#endif /* MT_HEAD_H */
