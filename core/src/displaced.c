/* SPDX-License-Identifier: MIT */
/*
 * Releases what a write has displaced, for tree.c, cursor.c and dup.c. Runs after the tree is whole
 * again, because releasing a value can run anything, even writes to this tree. Until then the
 * struct owns the references to everything in it.
 */
#include "displaced.h"
#include "subtree.h"
#include "value.h"

void mt_release_displaced(struct maple_pool *pool, const struct mt_value_ops *ops,
			  struct mt_displaced *displaced)
{
	uint32_t dropped = displaced->dropped_present;

	for (unsigned i = 0; i < displaced->edges; i++) {
		const struct mt_edge *edge = &displaced->edge[i];
		uint32_t height = displaced->height - edge->level;
		struct maple_node *node = edge->node;

		if (edge->level <= displaced->kept_level)
			continue;
		if (edge->borrowed)
			mt_subtree_put(pool, ops, node, height);
		if (!edge->owned)
			continue;
		if (height == 1)
			mt_release(ops, node->wide.slot,
				   node->present & mt_slot_mask(edge->drop_low, edge->drop_high));
		else
			for (unsigned slot = edge->drop_low; slot < edge->drop_high; slot++)
				mt_subtree_put(pool, ops, mt_child(node, slot), height - 1);
		mt_free_one(pool, node);
	}
	if (!displaced->dropped_children) {
		mt_release(ops, displaced->dropped, dropped);
		return;
	}
	for (; dropped; dropped &= dropped - 1) {
		uint64_t child = displaced->dropped[__builtin_ctz(dropped)];

		mt_subtree_put(pool, ops, (struct maple_node *)(uintptr_t)child,
			       displaced->height - (uint32_t)displaced->kept_level - 1);
	}
}
