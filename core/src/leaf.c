/* SPDX-License-Identifier: MIT */
/*
 * The write that stays inside one private leaf: its slots are replaced in place. Most writes are of
 * this kind. If the slots become too many, rebalance.c does the write; splice.c does all others.
 *
 *        before   [ a | b | gap | c ]        low = 1, high = 3: slots that the write touches
 *        after    [ a | b' | NEW | g' | c ]  pieces left and right of the new slot
 *
 * Nothing here can fail. For write.c; rebalance.c shares the accounting.
 */
#include "leaf.h"
#include "gap.h"
#include "plan.h"
#include "subtree.h"
#include "walk.h"

static void pad_pivots(struct maple_node *leaf, unsigned from, unsigned end)
{
	for (unsigned i = from; i < end; i++)
		leaf->pivot[i] = UINT64_MAX;
}

void mt_leaf_count(const struct mt_write *write)
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

void mt_leaf_drop(const struct mt_write *write)
{
	const struct maple_node *leaf = mas_leaf(write->mas)->node;
	uint32_t dropped = leaf->present & mt_slot_mask(write->low, write->high) & ~write->kept;

	if (!write->mt->ma_ops || !dropped)
		return;
	write->displaced->dropped_present = dropped >> write->low;
	memcpy(write->displaced->dropped, leaf->wide.slot + write->low,
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

/* Move the slots from `high` on, with the pivots before them, to `behind`. That is after the new
 * slot, so never the leaf's first slot. */
static void move_slots(struct maple_node *leaf, unsigned high, unsigned behind)
{
	uint64_t *slot = leaf->wide.slot;
	uint64_t *pivot = leaf->pivot;
	unsigned count = leaf->count;

	assert(behind);
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
			pivot[i - by - 1] = pivot[i - 1];
		}
		pad_pivots(leaf, count - by - 1, count - 1);
	}
}

/*
 * After the write: correct the largest gaps above. Nothing changes if the old gaps were smaller
 * than the leaf's largest and no gap became larger.
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
			mt_gap_propagate(mas->path, mas->depth, made);
	} else if (write->gap_hit >= known) {
		uint64_t rest = write->right_piece ? write->right_last - write->last : 0;

		if (write->right_present || !mt_gap_dominates(rest, leaf->min, leaf->max))
			rest = mt_node_gap(leaf->node, leaf->min, leaf->max);
		mt_gap_propagate(mas->path, mas->depth, rest);
	}
}

void mt_leaf_write(struct mt_write *write, unsigned size)
{
	struct ma_level *level = mas_leaf(write->mas);
	struct maple_node *leaf = level->node;
	uint64_t *pivot = leaf->pivot;
	unsigned low = write->low;
	unsigned at = low + write->left_piece; /* its pivot comes with those after it, or is new */
	uint32_t present = present_after(write);

	mt_leaf_count(write);
	mt_leaf_drop(write);
	move_slots(leaf, write->high, at + 1 + write->right_piece);
	if (write->left_piece) {
		pivot[low] = write->first - 1;
		leaf->wide.slot[low] = write->left_word;
	}
	leaf->wide.slot[at] = write->word;
	if (write->right_piece) {
		pivot[at] = write->last;
		leaf->wide.slot[at + 1] = write->right_word;
	}
	leaf->present = (uint16_t)present;
	leaf->count = (uint8_t)size;
	level->slot = at;
	correct_gaps(write);
}
