/* SPDX-License-Identifier: MIT */
/*
 * The write that overflows a private leaf. Its slots are shared out between the leaf and a sibling,
 * if that has room. Otherwise a new leaf is added, for which its private parent has room.
 *
 *        parent  [ ... | leaf | sibling | ... ]        parent  [ ... | leaf | sibling | ... ]
 *                        /        \            ->                     /        \
 *                 17 slots        9 slots                      13 slots        13 slots
 *
 * Sharing keeps leaves fuller than splitting alone, and takes no memory. The new leaf comes from
 * the reserve, so nothing here can fail. Only for write.c.
 */
#include "rebalance.h"
#include "gap.h"
#include "items.h"
#include "leaf.h"
#include "plan.h"
#include "sequence.h"
#include "walk.h"

/* The most slots that two leaves share. If they were fuller, they would soon have to share
 * again. */
#define MT_SHARED_MAX (2 * MT_WIDE_SLOTS - 6)

/* The leaf's slots after the write. Returns the new slot's place in the list. */
static unsigned add_written(struct mt_items *items, const struct mt_write *write)
{
	const struct ma_level *level = mas_leaf(write->mas);
	const struct maple_node *leaf = level->node;
	unsigned at;

	mt_items_append(items, leaf, 0, write->low, level->max);
	at = mt_items_add_write(items, write);
	mt_items_append(items, leaf, write->high, leaf->count, level->max);
	return at;
}

/* Distribute a list to the children at `slot` and `slot + 1` of the leaf's parent, `share` items to
 * the first. Correct the parent, and bring the path to item `at`. */
static void distribute(struct mt_write *write, const struct mt_items *items, unsigned share,
		       unsigned slot, unsigned at)
{
	struct ma_state *mas = write->mas;
	struct ma_level *level = mas_leaf(mas);
	struct ma_level *parent = level - 1;
	struct maple_node *left = mt_child(parent->node, slot);
	struct maple_node *right = mt_child(parent->node, slot + 1);
	mt_key min = mt_slot_min(parent->node, slot, parent->min);
	mt_key max = items->last[items->count - 1];
	mt_key cut = items->last[share - 1];
	bool in_left = at < share;

	mt_items_fill(items, left, MT_LEAF, 0, share);
	mt_items_fill(items, right, MT_LEAF, share, items->count);
	mt_put_key(&parent->node->pivot[slot], cut);
	if (mt_tracks_gaps(write->mt)) {
		mt_key *gap = parent->node->narrow.gap + slot;

		mt_put_key(&gap[0], mt_node_gap(left, min, cut));
		mt_put_key(&gap[1], mt_node_gap(right, cut + 1, max));
		if (mas->depth > 2)
			mt_gap_propagate(mas->path, mas->depth - 1,
					 mt_node_gap(parent->node, parent->min, parent->max));
	}
	parent->slot = slot + !in_left;
	level->node = in_left ? left : right;
	level->min = in_left ? min : cut + 1;
	level->max = in_left ? cut : max;
	level->slot = in_left ? at : at - share;
}

static bool has_room(const struct mt_write *write, const struct maple_node *sibling, unsigned size)
{
	return sibling->count + size <= MT_SHARED_MAX &&
	       (!write->mt->ma_shared || mt_node_single(sibling));
}

enum mt_sibling mt_leaf_find_sibling(const struct mt_write *write, unsigned size)
{
	const struct ma_state *mas = write->mas;
	const struct ma_level *parent;

	if (mas->depth < 2)
		return MT_NO_SIBLING;
	parent = &mas->path[mas->depth - 2];
	if (parent->slot > 0 && has_room(write, mt_child(parent->node, parent->slot - 1), size))
		return MT_LEFT_SIBLING;
	if (parent->slot + 1u < parent->node->count &&
	    has_room(write, mt_child(parent->node, parent->slot + 1), size))
		return MT_RIGHT_SIBLING;
	return MT_NO_SIBLING;
}

void mt_leaf_share(struct mt_write *write, enum mt_sibling sibling)
{
	const struct ma_level *level = mas_leaf(write->mas);
	const struct ma_level *parent = level - 1;
	const struct maple_node *node = parent->node;
	unsigned slot = sibling == MT_LEFT_SIBLING ? parent->slot - 1 : parent->slot;
	struct mt_items items;
	unsigned at;

	mt_items_init(&items);
	mt_leaf_count(write);
	mt_leaf_drop(write);
	if (sibling == MT_LEFT_SIBLING) {
		const struct maple_node *left = mt_child(node, slot);

		mt_items_append(&items, left, 0, left->count, level->min - 1);
	}
	at = add_written(&items, write);
	if (sibling == MT_RIGHT_SIBLING) {
		const struct maple_node *right = mt_child(node, slot + 1);

		mt_items_append(&items, right, 0, right->count,
				mt_slot_max(node, slot + 1, parent->max));
	}
	mt_change_begin(write->mt);
	distribute(write, &items, (items.count + 1) / 2, slot, at);
	mt_change_end(write->mt);
}

/* Put a node after the child that the path takes at `level`. The caller corrects that child's pivot
 * and the gaps of both. */
static void add_sibling(struct ma_level *level, struct maple_node *sibling)
{
	struct maple_node *node = level->node;
	uint64_t *slots = mt_slots(node);
	unsigned slot = level->slot;

	for (unsigned i = node->count; i-- > slot + 1u;) {
		mt_put(slots[i + 1], slots[i]);
		mt_put_key(&node->pivot[i], node->pivot[i - 1]);
	}
	if (node->kind == MT_NARROW)
		mt_move_bytes(node->narrow.gap + slot + 1, node->narrow.gap + slot,
			      (node->count - slot) * sizeof(node->narrow.gap[0]));
	mt_put(slots[slot + 1], (uintptr_t)sibling);
	mt_put(node->count, node->count + 1);
}

void mt_leaf_split(struct mt_write *write)
{
	const struct ma_level *level = mas_leaf(write->mas);
	struct ma_level *parent = mas_leaf(write->mas) - 1;
	struct mt_items items;
	unsigned at, end, share;

	mt_items_init(&items);
	at = add_written(&items, write);
	end = items.count - 1;
	share = mt_split_point(MT_LEAF, items.count, level->max == MT_KEY_MAX && at + 1 >= end,
			       items.present >> end & 1);
	mt_leaf_count(write);
	mt_leaf_drop(write);
	mt_change_begin(write->mt);
	add_sibling(parent, write->reserve[--write->reserved]);
	distribute(write, &items, share, parent->slot, at);
	mt_change_end(write->mt);
}
