/* SPDX-License-Identifier: MIT */
/*
 * Copy-on-write for the first write after a fork, if it stays in one leaf. The shared nodes of its
 * path are copied whole, and the write then finds a private path. (A write over several leaves
 * copies through its lists: splice.c.)
 *
 *        before    A ---> root <--- B         after    A ---> root'   root <--- B
 *                         /  \                                |   \   /   |
 *                        x    leaf                          leaf'   x    leaf
 *
 * Invariant: a node below a shared one is shared, whatever its own count. Copies come from the
 * reserve, so nothing here can fail. mt_cow_path() is only for write.c. The functions in cow.h are
 * for everything that writes through a cursor.
 */
#include "cow.h"
#include "plan.h"
#include "search.h"
#include "sequence.h"
#include "subtree.h"
#include "value.h"

/* Add a second parent to all children of a node except the one at `except`, which is copied too. */
static void share_children(const struct maple_pool *pool, const struct maple_node *node,
			   unsigned except)
{
	for (unsigned slot = 0; slot < node->count; slot++)
		if (slot != except)
			mt_node_get(pool, mt_child(node, slot));
}

/* The tree's reference to a subtree whose path it has copied. It is given up at the very end: the
 * other owners may have gone by then, and in that case the values go with it. */
static void displace_subtree(struct mt_displaced *displaced, struct maple_node *node,
			     unsigned level, unsigned depth)
{
	displaced->height = depth;
	displaced->kept_level = -1;
	displaced->edges = 1;
	displaced->edge[0] = (struct mt_edge){
		.node = node,
		.level = (uint8_t)level,
		.borrowed = true,
	};
}

static void set_child(const struct ma_level *level, struct maple_node *child)
{
	mt_put(mt_slots(level->node)[level->slot], (uintptr_t)child);
}

/* The copies become part of the tree at once, when all of them are whole. */
void mt_cow_path(struct mt_write *write, unsigned levels)
{
	struct maple_tree *mt = write->mt;
	struct ma_state *mas = write->mas;
	const struct maple_pool *pool = mt_pool_of(mt);

	displace_subtree(write->displaced, mas->path[levels].node, levels, mas->depth);
	for (unsigned i = levels; i < mas->depth; i++) {
		struct ma_level *level = &mas->path[i];
		struct maple_node *copy = write->reserve[--write->reserved];

		mt_search.copy(copy, level->node);
		if (copy->kind == MT_LEAF)
			mt_retain(mt->ma_ops, copy->wide.slot, copy->present);
		else
			share_children(pool, copy, level->slot);
		level->node = copy;
		if (i > levels)
			set_child(&level[-1], copy);
	}
	mt_change_begin(mt);
	if (levels == 0)
		mt_set_root(mt, mas->path[0].node, mas->depth);
	else
		set_child(&mas->path[levels - 1], mas->path[levels].node);
	mt_change_end(mt);
}
