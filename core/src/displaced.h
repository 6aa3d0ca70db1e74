/* SPDX-License-Identifier: MIT */
/*
 * What a write has displaced: values, children and whole nodes that are out of the tree, or about
 * to be. They lose their references only after the tree is whole again and unlocked. The writer
 * keeps the struct on its stack. cow.c, leaf.c, rebalance.c and splice.c fill it; the caller of
 * mt_write_range() releases it.
 */
#ifndef MT_DISPLACED_H
#define MT_DISPLACED_H

#include "node.h"
#include "pool.h"

#define MT_EDGES_MAX (4 * MT_MAX_HEIGHT)

/* A node on the edge of a splice. It keeps slots [0, left) and (right, count). The contents of
 * [drop_low, drop_high) are dropped. The rest, internal slots `left` and `right`, are edges of the
 * level below. */
struct mt_edge {
	struct maple_node *node;
	mt_key min;
	mt_key max;
	uint8_t left;
	uint8_t right;
	uint8_t drop_low;
	uint8_t drop_high;
	uint8_t level; /* from the root, 0, down */
	bool owned;    /* private: this tree's path to it is the only one */
	bool borrowed; /* the first shared node on its path: the tree holds one reference to it */
};

struct mt_displaced {
	unsigned edges;
	int kept_level;           /* edges at this level or above stay in the tree; -1: none */
	uint32_t height;          /* of the tree that the edges belong to */
	uint32_t dropped_present; /* values, or children of a node written in place, to release */
	bool dropped_children;
	uint64_t dropped[MT_MAX_SLOTS];
	struct mt_edge edge[MT_EDGES_MAX];
};

/* Nothing is displaced yet. The large arrays stay uninitialised. */
static inline void mt_displaced_init(struct mt_displaced *displaced)
{
	displaced->edges = 0;
	displaced->dropped_present = 0;
	displaced->dropped_children = false;
}

static inline bool mt_displaced_any(const struct mt_displaced *displaced)
{
	return displaced->edges || displaced->dropped_present;
}

/* Release all of it. Runs value operations, which can run anything. */
void mt_release_displaced(struct maple_pool *pool, const struct mt_value_ops *ops,
			  struct mt_displaced *displaced);

#endif /* MT_DISPLACED_H */
