/* SPDX-License-Identifier: MIT */
/*
 * References to subtrees. A tree owns one reference to its root, a node one to each of its
 * children, a leaf one to each of its values. Whatever drops a reference to a node calls this file.
 * The last reference takes with it the node, its values, and everything below it that no other tree
 * holds.
 *
 * For all parts of the core that write, copy or end trees. Recursion is as deep as the tree is
 * high.
 */
#include "subtree.h"
#include "value.h"

struct maple_pool *mt_pool_of(const struct maple_tree *mt)
{
	return mt->ma_pool ? mt->ma_pool : &mt_default_pool;
}

/* Give up all children of an internal node that is being freed, and free at once those that were
 * its own. `height` is the node's. If values are plain words, the leaves themselves are not read:
 * their counts are in the slab's header. Aligned, because the short loop takes a tenth longer if it
 * begins late in a line of the instruction cache. */
__attribute__((aligned(64))) static void put_children(struct maple_pool *pool,
						      const struct mt_value_ops *ops,
						      struct maple_node *node, uint32_t height)
{
	struct maple_node *gone[MT_MAX_SLOTS];
	const uint64_t *slots = mt_slots(node);
	unsigned count = node->count;
	unsigned freed = 0;

	for (unsigned i = 0; i < count; i++) {
		struct maple_node *child = (struct maple_node *)(uintptr_t)slots[i];

		if (!mt_node_put(pool, child))
			continue;
		if (height > 2)
			put_children(pool, ops, child, height - 1);
		else if (ops)
			mt_release(ops, child->wide.slot, child->present);
		gone[freed++] = child;
	}
	if (freed)
		mt_pool_free_bulk(pool, freed, gone);
}

void mt_subtree_put(struct maple_pool *pool, const struct mt_value_ops *ops,
		    struct maple_node *node, uint32_t height)
{
	if (!mt_node_put(pool, node))
		return;
	if (height == 1)
		mt_release(ops, node->wide.slot, node->present);
	else
		put_children(pool, ops, node, height);
	mt_free_one(pool, node);
}

bool mt_subtree_count(const struct maple_node *node, mt_key min, mt_key max, bool private_only,
		      uint64_t *entries, mt_key covered[2])
{
	if (private_only && !mt_node_single(node))
		return false;
	for (unsigned i = 0; i < node->count; i++) {
		mt_key first = mt_slot_min(node, i, min);
		mt_key last = mt_slot_max(node, i, max);

		if (node->kind != MT_LEAF) {
			if (!mt_subtree_count(mt_child(node, i), first, last, private_only, entries,
					      covered))
				return false;
		} else if (mt_slot_present(node, i)) {
			++*entries;
			mt_covered_add(covered, first, last);
		}
	}
	return true;
}

void mt_children_free(struct maple_pool *pool, const struct mt_value_ops *ops,
		      struct maple_node **children, unsigned done, unsigned count, uint32_t height)
{
	assert(height > 1); /* leaves are not read */
	for (unsigned i = 0; i < done; i++)
		put_children(pool, ops, children[i], height);
	mt_pool_free_bulk(pool, count, children);
}
