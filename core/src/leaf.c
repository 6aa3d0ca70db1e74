/* SPDX-License-Identifier: MIT */
/*
 * The write that stays inside one private leaf: its slots replaced in place, or, where they have
 * become too many, shared out between it and one new leaf that its private parent has room for. Most
 * writes are one of the two; all others are splice.c's.
 */
#include "gap.h"
#include "walk.h"
#include "write.h"

/* A full leaf, its pieces and the new slot. */
#define MT_SPLIT_MAX (MT_WIDE_SLOTS + 2)

static void pad_pivots(struct maple_node *leaf, unsigned from, unsigned end)
{
	for (unsigned i = from; i < end; i++)
		leaf->pivot[i] = UINT64_MAX;
}

/* Account for the slots of the leaf that go, and for the new ones in their place. */
static void count_in_leaf(const struct mt_write *write)
{
	struct maple_tree *mt = write->mt;
	const struct ma_level *leaf = mas_leaf(write->mas);
	uint32_t present = leaf->node->present & mt_slot_mask(write->low, write->high);

	if (!mt->ma_counted)
		return;
	for (; present; present &= present - 1) {
		unsigned slot = (unsigned)__builtin_ctz(present);
		uint64_t first = mt_slot_min(leaf->node, slot, leaf->min);
		uint64_t last = mt_slot_max(leaf->node, slot, leaf->max);

		mt->ma_entries--;
		mt_covered_subtract(mt->ma_covered, first < write->first ? write->first : first,
				    last > write->last ? write->last : last);
	}
	mt->ma_entries += (uint64_t)write->left_present + write->present + write->right_present;
	if (write->present)
		mt_covered_add(mt->ma_covered, write->first, write->last);
}

/* Remember the values that go; plain numbers need no burial. */
static void drop_values(const struct mt_write *write)
{
	const struct maple_node *leaf = mas_leaf(write->mas)->node;
	uint32_t dropped = leaf->present & mt_slot_mask(write->low, write->high) & ~write->kept;

	if (!write->mt->ma_ops || !dropped)
		return;
	write->grave->dropped_present = dropped >> write->low;
	memcpy(write->grave->dropped, leaf->wide.slot + write->low,
	       (write->high - write->low) * sizeof(leaf->wide.slot[0]));
}

/* The presence bits of the leaf's slots after the write. */
static uint32_t present_after(const struct mt_write *write)
{
	uint32_t present = mas_leaf(write->mas)->node->present;
	unsigned at = write->low + write->left_piece;

	return (present & mt_slot_mask(0, write->low)) |
	       (uint32_t)write->left_present << write->low | (uint32_t)write->present << at |
	       (uint32_t)write->right_present << (at + 1) |
	       present >> write->high << (at + 1 + write->right_piece);
}

/* Move the slots from `high` on, with the pivots in front of them, to `behind`. */
static void move_slots(struct maple_node *leaf, unsigned high, unsigned behind)
{
	uint64_t *slot = leaf->wide.slot;
	uint64_t *pivot = leaf->pivot;
	unsigned count = leaf->count;

	if (behind > high) {
		unsigned by = behind - high;

		for (unsigned i = count; i-- > high;) {
			slot[i + by] = slot[i];
			pivot[i + by - 1] = pivot[i - 1];
		}
	} else if (behind < high) {
		unsigned by = high - behind;

		for (unsigned i = high; i < count; i++) {
			slot[i - by] = slot[i];
			if (i > by)
				pivot[i - by - 1] = pivot[i - 1];
		}
		pad_pivots(leaf, count - by - 1, count - 1);
	}
}

/*
 * After the write: correct the largest gaps above. Gaps that were smaller than the leaf's largest,
 * and no gap made larger, change nothing.
 */
static void correct_gaps(const struct mt_write *write)
{
	struct ma_state *mas = write->mas;
	struct ma_level *leaf = mas_leaf(mas);
	uint64_t known;

	if (!mt_tracks_gaps(write->mt) || mas->depth < 2 || (write->present && !write->gap_hit))
		return;
	known = leaf[-1].node->narrow.gap[leaf[-1].slot];
	if (!write->present) {
		uint64_t made = mt_range_size(write->first, write->last);

		if (made > known)
			mt_gap_up(mas->path, mas->depth, made);
	} else if (write->gap_hit >= known) {
		uint64_t rest = write->right_piece ? write->right_last - write->last : 0;

		if (write->right_present || !mt_gap_rules(rest, leaf->min, leaf->max))
			rest = mt_node_gap(leaf->node, leaf->min, leaf->max);
		mt_gap_up(mas->path, mas->depth, rest);
	}
}

void mt_leaf_write(struct mt_write *write, unsigned size)
{
	struct ma_level *level = mas_leaf(write->mas);
	struct maple_node *leaf = level->node;
	uint64_t *pivot = leaf->pivot;
	unsigned low = write->low;
	unsigned at = low + write->left_piece;
	uint32_t present = present_after(write);

	count_in_leaf(write);
	drop_values(write);
	move_slots(leaf, write->high, at + 1 + write->right_piece);
	if (write->left_piece) {
		pivot[low] = write->first - 1;
		leaf->wide.slot[low] = write->left_word;
	}
	leaf->wide.slot[at] = write->word;
	if (at + 1 < size)
		pivot[at] = write->last;
	if (write->right_piece) {
		leaf->wide.slot[at + 1] = write->right_word;
		if (at + 2 < size)
			pivot[at + 1] = write->right_last;
	}
	leaf->present = (uint16_t)present;
	leaf->count = (uint8_t)size;
	level->slot = at;
	correct_gaps(write);
}

/* Make a leaf of items [low, high) of a list. */
static void fill_leaf(struct maple_node *leaf, const uint64_t *last, const uint64_t *word,
		      uint32_t present, unsigned low, unsigned high)
{
	unsigned count = high - low;

	leaf->kind = MT_LEAF;
	leaf->count = (uint8_t)count;
	leaf->present = (uint16_t)(present >> low & mt_slot_mask(0, count));
	leaf->unused = 0;
	memcpy(leaf->pivot, last + low, (count - 1) * sizeof(last[0]));
	pad_pivots(leaf, count - 1, MT_WIDE_SLOTS - 1);
	memcpy(leaf->wide.slot, word + low, count * sizeof(word[0]));
}

/* Put a node behind the child that the path takes at `level`; `cut` is that child's new last key. */
static void add_sibling(struct ma_level *level, struct maple_node *sibling, uint64_t cut)
{
	struct maple_node *node = level->node;
	uint64_t *slots = mt_slots(node);
	unsigned slot = level->slot;

	for (unsigned i = node->count; i-- > slot + 1u;) {
		slots[i + 1] = slots[i];
		node->pivot[i] = node->pivot[i - 1];
	}
	if (node->kind == MT_NARROW)
		memmove(node->narrow.gap + slot + 1, node->narrow.gap + slot,
			(node->count - slot) * sizeof(node->narrow.gap[0]));
	node->pivot[slot] = cut;
	slots[slot + 1] = (uint64_t)(uintptr_t)sibling;
	node->count++;
}

void mt_leaf_split(struct mt_write *write, unsigned size)
{
	struct ma_state *mas = write->mas;
	struct ma_level *level = mas_leaf(mas);
	struct ma_level *parent = level - 1;
	struct maple_node *leaf = level->node;
	struct maple_node *sibling = write->reserve[--write->reserved];
	uint64_t last[MT_SPLIT_MAX];
	uint64_t word[MT_SPLIT_MAX];
	uint32_t present = present_after(write);
	unsigned low = write->low;
	unsigned at = low + write->left_piece;
	unsigned behind = at + 1 + write->right_piece;
	unsigned count = leaf->count;
	unsigned share;
	uint64_t cut;

	count_in_leaf(write);
	drop_values(write);
	memcpy(last, leaf->pivot, low * sizeof(last[0]));
	memcpy(word, leaf->wide.slot, low * sizeof(word[0]));
	if (write->left_piece) {
		last[low] = write->first - 1;
		word[low] = write->left_word;
	}
	last[at] = write->last;
	word[at] = write->word;
	if (write->right_piece) {
		last[at + 1] = write->right_last;
		word[at + 1] = write->right_word;
	}
	if (write->high < count) {
		memcpy(last + behind, leaf->pivot + write->high,
		       (count - 1 - write->high) * sizeof(last[0]));
		memcpy(word + behind, leaf->wide.slot + write->high,
		       (count - write->high) * sizeof(word[0]));
	}
	last[size - 1] = level->max;

	share = mt_first_share(MT_LEAF, size, level->max == UINT64_MAX && at + 2 >= size,
			       present >> (size - 1) & 1);
	cut = last[share - 1];
	fill_leaf(leaf, last, word, present, 0, share);
	fill_leaf(sibling, last, word, present, share, size);
	add_sibling(parent, sibling, cut);
	if (mt_tracks_gaps(write->mt)) {
		uint64_t *gap = parent->node->narrow.gap + parent->slot;

		gap[0] = mt_node_gap(leaf, level->min, cut);
		gap[1] = mt_node_gap(sibling, cut + 1, level->max);
		if (mas->depth > 2)
			mt_gap_up(mas->path, mas->depth - 1,
				  mt_node_gap(parent->node, parent->min, parent->max));
	}
	if (at < share) {
		level->max = cut;
		level->slot = at;
	} else {
		parent->slot++;
		level->node = sibling;
		level->min = cut + 1;
		level->slot = at - share;
	}
}
