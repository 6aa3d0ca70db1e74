/* SPDX-License-Identifier: MIT */
/* Lists of slots on their way from old nodes to new ones, for rebalance.c and splice.c. */
#ifndef MT_ITEMS_H
#define MT_ITEMS_H

#include "node.h"

struct mt_write;

/* Left slots and piece, new, piece and right slots; or less than half a node and a whole
 * neighbour. */
#define MT_ITEMS_MAX (2 * MT_WIDE_SLOTS + 8)

struct mt_items {
	unsigned count;
	uint64_t present; /* bit i: item i is a value; no bits for children */
	mt_key last[MT_ITEMS_MAX];
	uint64_t word[MT_ITEMS_MAX]; /* value or child */
	mt_key gap[MT_ITEMS_MAX];    /* for children, if the tree tracks gaps: the largest below */
};

/* An empty list. The large arrays stay uninitialised. */
static inline void mt_items_init(struct mt_items *items)
{
	items->count = 0;
	items->present = 0;
}

static inline void mt_items_add(struct mt_items *items, mt_key last, uint64_t word, bool present)
{
	unsigned at = items->count++;

	items->last[at] = last;
	items->word[at] = word;
	items->present |= (uint64_t)present << at;
}

/* Append slots [low, high) of a node that ends at `max`. */
void mt_items_append(struct mt_items *items, const struct maple_node *node, unsigned low,
		     unsigned high, mt_key max);
/* Prepend all slots of a node. */
void mt_items_prepend(struct mt_items *items, const struct maple_node *node, mt_key max);
/* Append the write's left piece, its new slot and its right piece. Returns the new slot's place in
 * the list. */
unsigned mt_items_add_write(struct mt_items *items, const struct mt_write *write);
/* Make a node of items [low, high). */
void mt_items_fill(const struct mt_items *items, struct maple_node *node, enum mt_kind kind,
		   unsigned low, unsigned high);

/*
 * How many of `count` items, too many for one node, go into the first of two. Usually half of them.
 * But a write at the very end of the tree, as in a load in ascending order, leaves the first node
 * full, since it will hardly get more items. `last_present`: whether the last item is a value.
 */
static inline unsigned mt_split_point(enum mt_kind kind, unsigned count, bool at_end,
				      bool last_present)
{
	if (!at_end)
		return (count + 1) / 2;
	/* A leaf with only the last gap would not be valid. */
	return mt_capacity(kind) - (kind == MT_LEAF && count == MT_WIDE_SLOTS + 1 && !last_present);
}

static_assert(MT_ITEMS_MAX < 64, "a list has 64 presence bits");

#endif /* MT_ITEMS_H */
