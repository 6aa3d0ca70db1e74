/* SPDX-License-Identifier: MIT */
/* References to subtrees, and what a subtree holds. */
#ifndef MT_SUBTREE_H
#define MT_SUBTREE_H

#include "pool.h"

/* Give up one reference to a subtree of a height. The last reference takes with it everything below
 * that no other tree holds. */
void mt_subtree_put(struct maple_pool *pool, const struct mt_value_ops *ops,
		    struct maple_node *node, uint32_t height);
/* Add up the entries and covered keys of a subtree. If `private_only` is set and a part of it is
 * shared, return false with unfinished sums. */
bool mt_subtree_count(const struct maple_node *node, uint64_t min, uint64_t max, bool private_only,
		      uint64_t *entries, uint64_t covered[2]);

/* Undo the filling of a node's children, which were allocated at once. The first `done` are whole.
 * The one at `done`, if any, has undone what was below it. The others are blank. `height` is the
 * children's. */
void mt_children_free(struct maple_pool *pool, const struct mt_value_ops *ops,
		      struct maple_node **children, unsigned done, unsigned count, uint32_t height);

/* Add to the sum of covered keys. The sum is at most 2^64, which alone needs the high word. */
static inline void mt_covered_add(uint64_t covered[2], uint64_t first, uint64_t last)
{
	covered[0] += last - first; /* one less than the number of keys, so that 2^64 fits */
	assert(!covered[1] && covered[0] >= last - first);
	covered[1] = ++covered[0] == 0;
}

#endif /* MT_SUBTREE_H */
