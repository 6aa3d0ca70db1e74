/* SPDX-License-Identifier: MIT */
/*
 * Writing: one store (of a value, or of a gap) over a range.
 *
 *   plan      where it begins and ends, grown over neighbours that become one slot with it;
 *   reserve   values for cut entries, and the most nodes that may be needed: all that can fail;
 *   write     by leaf.c where one private leaf, or that and a new one beside it, can take it, else
 *             by splice.c;
 *   release   what the write displaced, when the tree is whole again, and unlocked.
 */
#ifndef MT_WRITE_H
#define MT_WRITE_H

#include "pool.h"

#define MT_EDGES_MAX (4 * MT_MAX_HEIGHT)

/* A node holds at least this many slots, but for those that the invariants in node.h except. */
static inline unsigned mt_min_slots(enum mt_kind kind)
{
	return mt_capacity(kind) / 2;
}

/* A node on the edge of a splice. It keeps slots [0, left) and (right, count); what stands in
 * [drop_low, drop_high) goes; the rest, internal slots `left` and `right`, are edges of the level
 * below. */
struct mt_edge {
	struct maple_node *node;
	uint64_t min;
	uint64_t max;
	uint8_t left;
	uint8_t right;
	uint8_t drop_low;
	uint8_t drop_high;
	uint8_t level; /* from the root, 0, down */
	bool owned;    /* private: this tree's path to it is the only one */
	bool borrowed; /* the first shared node on its path: the tree holds one reference to it */
};

/* What a write displaced. Edges at or above `kept_level` are still in the tree; -1: none is. */
struct mt_displaced {
	unsigned edges;
	int kept_level;
	uint32_t height;          /* of the tree that the edges belong to */
	uint32_t dropped_present; /* values, or children of a node written in place, to let go */
	bool dropped_children;
	uint64_t dropped[MT_MAX_SLOTS];
	struct mt_edge edge[MT_EDGES_MAX];
};

/* Nothing displaced yet. The large arrays stay uninitialised. */
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

struct mt_write {
	struct ma_state *mas; /* its path leads to `first`, with the slot there */
	struct maple_tree *mt;
	uint64_t first;
	uint64_t last;
	uint64_t word;
	bool present;
	bool owned; /* the word is the tree's already: merge() made it */
	/* The parts left over of the entries at the ends, before `first` and behind `last`. */
	bool left_piece;
	bool right_piece;
	uint64_t left_word; /* where the piece is a value */
	uint64_t right_word;
	bool left_present;
	bool right_present;
	uint64_t right_last; /* last key of the slot around `last` */
	uint64_t gap_hit;    /* the size of the largest gap that it touches, or more; 0: none */
	/* The slots [low, high) of the leaf that the write touches; high is 0 where it goes beyond
	 * the leaf. */
	unsigned low;
	unsigned high;
	uint32_t kept; /* of these: whose references the pieces take over */
	/* Nodes taken and not used yet. */
	unsigned reserved;
	struct maple_node *reserve[3 * MT_MAX_HEIGHT + 1];
	struct mt_displaced *displaced;
};

/* Store over the cursor's [index, last]; present false makes a gap. On success the cursor stands on
 * that; on error it stays where it was, without a path. Either way the caller releases `displaced`: it
 * holds what was displaced, or the pieces of values that were cut in vain. */
int mt_write_range(struct ma_state *mas, uint64_t word, bool present,
		   struct mt_displaced *displaced);
/* Release what a write displaced. May run value operations, and through them anything. */
void mt_release_displaced(struct maple_pool *pool, const struct mt_value_ops *ops,
			  struct mt_displaced *displaced);
/* The most nodes that a store over [first, last] may take. */
unsigned mt_write_bound(const struct maple_tree *mt);

/*
 * How many of `items`, too many for one node, go into the first of two: half of them, but for a write
 * at the very end of the tree, as loads in ascending order do: there the first node is left full,
 * since nothing more is likely to come into it. `last_present`: whether the last item is a value.
 */
static inline unsigned mt_split_point(enum mt_kind kind, unsigned items, bool at_end,
				      bool last_present)
{
	if (!at_end)
		return (items + 1) / 2;
	/* A leaf of nothing but the last gap would be no leaf. */
	return mt_capacity(kind) - (kind == MT_LEAF && items == MT_WIDE_SLOTS + 1 && !last_present);
}

/* cow.c: copy the nodes of the path that others share, which are those behind the first `levels`,
 * into nodes from write->reserve. Afterwards the whole path is private. */
void mt_cow_path(struct mt_write *write, unsigned levels);

/* leaf.c: the write within the leaf at the end of the path, for a plan whose pieces are ready. All
 * nodes of the path are private. `size` slots after it, that one leaf can hold. Afterwards the path
 * leads to the new slot. */
void mt_leaf_write(struct mt_write *write, unsigned size);
/* Account for the slots of the leaf that go, and for the new ones in their place. */
void mt_leaf_count(const struct mt_write *write);
/* Remember the values that go; plain numbers need no release. */
void mt_leaf_drop(const struct mt_write *write);

/* rebalance.c: the same where the slots become too many for one leaf. */
/* Which leaf has room for a share of them. */
enum mt_sibling { MT_NO_SIBLING, MT_LEFT_SIBLING, MT_RIGHT_SIBLING };
enum mt_sibling mt_leaf_find_sibling(const struct mt_write *write, unsigned size);
void mt_leaf_share(struct mt_write *write, enum mt_sibling sibling);
/* With a new leaf, from write->reserve, that the parent has room for. */
void mt_leaf_split(struct mt_write *write);

/* splice.c: the general write, for a plan whose pieces are ready. Takes nodes from write->reserve
 * alone. */
void mt_splice(struct mt_write *write);

/* Give up one reference to a subtree of a height; with the last one goes all below that no other
 * tree holds. */
void mt_subtree_put(struct maple_pool *pool, const struct mt_value_ops *ops,
		    struct maple_node *node, uint32_t height);
/* Add up the entries and covered keys of a subtree; false, with the sums unfinished, where
 * `private_only` is set and a part of it is shared. */
bool mt_subtree_count(const struct maple_node *node, uint64_t min, uint64_t max, bool private_only,
		      uint64_t *entries, uint64_t covered[2]);

/* The way out of filling a node's children, allocated at once: the first `done` are whole; the one
 * at `done`, if any, has undone what was below it; the others are blank. `height` is the
 * children's. */
void mt_children_free(struct maple_pool *pool, const struct mt_value_ops *ops,
		      struct maple_node **children, unsigned done, unsigned count, uint32_t height);

/* How many levels of the cursor's path, from the root down, belong to its tree alone: a node below a
 * shared one is shared, whatever its own count. */
static inline unsigned mas_private_levels(const struct ma_state *mas)
{
	if (!mas->tree->ma_shared)
		return mas->depth;
	for (unsigned i = 0; i < mas->depth; i++)
		if (!mt_node_single(mas->path[i].node))
			return i;
	return mas->depth;
}

static inline bool mas_path_private(const struct ma_state *mas)
{
	return mas_private_levels(mas) == mas->depth;
}

/* Sums of covered keys: no more than 2^64, the one that needs the high word. */
static inline void mt_covered_add(uint64_t covered[2], uint64_t first, uint64_t last)
{
	covered[0] += last - first; /* one less than the number of keys, so that 2^64 fits */
	assert(!covered[1] && covered[0] >= last - first);
	covered[1] = ++covered[0] == 0;
}

static inline void mt_covered_subtract(uint64_t covered[2], uint64_t first, uint64_t last)
{
	uint64_t distance = last - first;

	covered[1] -= covered[0] < distance;
	covered[0] -= distance;
	covered[1] -= covered[0] == 0;
	covered[0] -= 1;
}

static inline void mt_retain(const struct mt_value_ops *ops, const uint64_t *words,
			     uint32_t present)
{
	if (ops && ops->retain && present)
		ops->retain(ops->context, words, present);
}

static inline void mt_release(const struct mt_value_ops *ops, const uint64_t *words,
			      uint32_t present)
{
	if (ops && ops->release && present)
		ops->release(ops->context, words, present);
}

#endif /* MT_WRITE_H */
