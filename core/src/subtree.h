/* SPDX-License-Identifier: MIT */
/* References to subtrees, the pool that they come from, and what a subtree holds. */
#ifndef MT_SUBTREE_H
#define MT_SUBTREE_H

#include "node.h"
#include "pool.h"

/* The pool that a tree allocates from. */
struct maple_pool *mt_pool_of(const struct maple_tree *mt);

/* Give up one reference to a subtree of a height. The last reference takes with it everything below
 * that no other tree holds. */
void mt_subtree_put(struct maple_pool *pool, const struct mt_value_ops *ops,
		    struct maple_node *node, uint32_t height);
/* Add up the entries and covered keys of a subtree. If `private_only` is set and a part of it is
 * shared, return false with unfinished sums. */
bool mt_subtree_count(const struct maple_node *node, mt_key min, mt_key max, bool private_only,
		      uint64_t *entries, mt_key covered[2]);

/* Undo the filling of a node's children, which were allocated at once. The first `done` are whole.
 * The one at `done`, if any, has undone what was below it. The others are blank. `height` is the
 * children's. */
void mt_children_free(struct maple_pool *pool, const struct mt_value_ops *ops,
		      struct maple_node **children, unsigned done, unsigned count, uint32_t height);

/* Add to the sum of covered keys. The sum is at most the size of the key space, which alone needs the
 * high word. */
static inline void mt_covered_add(mt_key covered[2], mt_key first, mt_key last)
{
	covered[0] += last - first; /* one less than the number of keys: the whole key space fits */
	assert(!covered[1] && covered[0] >= last - first);
	covered[1] = ++covered[0] == 0;
}

#endif /* MT_SUBTREE_H */
