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
#include "sequence.h"

/* ---- replacing slots ---- */

/* The new slot's place. A left piece stays in the slot before it. */
MT_INLINE unsigned new_slot(const struct mt_write *write)
{
	return write->low + write->left_piece;
}

/* The first of the slots that come after the new one. A right piece comes with its slot. */
MT_INLINE unsigned slot_behind(const struct mt_write *write)
{
	return write->high - write->right_piece;
}

/* The presence bits after the write, in a leaf that is large enough. */
MT_INLINE uint32_t present_after(const struct mt_write *write, uint32_t present)
{
	unsigned at = new_slot(write);

	return (present & mt_slot_mask(0, at)) | (uint32_t)write->present << at |
	       present >> slot_behind(write) << (at + 1);
}

MT_INLINE unsigned count_bits(uint64_t bits)
{
	bits -= bits >> 1 & UINT64_C(0x5555555555555555);
	bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
	bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)(bits * UINT64_C(0x0101010101010101) >> 56);
}

/* Account for the slots of the leaf that are dropped, and for the new ones in their place. Returns
 * the size of the largest gap that the write touches; 0: none. */
MT_INLINE mt_key count_slots(const struct mt_write *write, const struct ma_level *leaf)
{
	struct maple_tree *mt = write->mt;
	uint32_t present = leaf->node->present;
	uint32_t gaps = ~present & mt_slot_mask(write->low, write->high);
	mt_key change = write->present ? 0 : write->first - write->last - 1;
	mt_key largest = 0;

	for (; gaps; gaps &= gaps - 1) {
		unsigned slot = (unsigned)__builtin_ctz(gaps);
		mt_key first = mt_slot_min(leaf->node, slot, leaf->min);
		mt_key last = mt_slot_max(leaf->node, slot, leaf->max);
		mt_key size = mt_range_size(first, last);

		largest = size > largest ? size : largest;
		first = first < write->first ? write->first : first;
		last = last > write->last ? write->last : last;
		change += mt_range_size(first, last);
	}
	if (mt->ma_counted) {
		uint64_t clear = (mt_present)~present;

		/* One count for both: the bits after the write, and those that are clear before. */
		mt->ma_entries += count_bits(clear << 32 | present_after(write, present));
		mt->ma_entries -= 8 * sizeof(mt_present);
		/* The tree has a value, so the sum is 0 only if it is 2^64. */
		mt->ma_covered[0] += change;
		mt->ma_covered[1] = !mt->ma_covered[0];
	}
	return largest;
}

void mt_leaf_count(const struct mt_write *write)
{
	count_slots(write, mas_leaf(write->mas));
}

void mt_leaf_drop(const struct mt_write *write)
{
	const struct maple_node *leaf = mas_leaf(write->mas)->node;
	uint32_t dropped = leaf->present & mt_slot_mask(write->low, write->high) & ~write->kept;

	if (!dropped || !write->mt->ma_ops || !write->mt->ma_ops->release)
		return;
	write->displaced->dropped_present = dropped >> write->low;
	write->displaced->dropped[0] = leaf->wide.slot[write->low]; /* most often the only one */
	if (write->high - write->low > 1)
		memcpy(write->displaced->dropped + 1, leaf->wide.slot + write->low + 1,
		       (write->high - write->low - 1) * sizeof(leaf->wide.slot[0]));
}

/* Move the slots from `from` on, with the pivots at their ends, to `to`. Pivots that are no longer
 * used are padded. */
MT_INLINE void move_slots(struct maple_node *leaf, unsigned from, unsigned to)
{
	uint64_t *slot = leaf->wide.slot;
	mt_key *pivot = leaf->pivot;
	unsigned end = leaf->count - 1u; /* without a pivot */

	if (to > from) {
		unsigned by = to - from;

		if (from <= end)
			mt_put(slot[end + by], slot[end]);
		for (unsigned i = end; i-- > from;) {
			mt_put(slot[i + by], slot[i]);
			mt_put_key(&pivot[i + by], pivot[i]);
		}
	} else if (to < from) {
		unsigned by = from - to;

		for (unsigned i = from; i < end; i++) {
			mt_put(slot[i - by], slot[i]);
			mt_put_key(&pivot[i - by], pivot[i]);
		}
		if (from <= end)
			mt_put(slot[end - by], slot[end]);
		/* Most often the only one: no call of memset(). */
		mt_put_key(&pivot[end - 1], MT_KEY_MAX);
		for (unsigned i = end - by; i < end - 1; i++)
			mt_put_key(&pivot[i], MT_KEY_MAX);
	}
}

/*
 * After the write: correct the largest gaps above. Nothing changes if the gaps that it touched
 * (`largest`) were smaller than the leaf's largest and no gap became larger.
 */
MT_INLINE void correct_gaps(const struct mt_write *write, const struct ma_level *leaf,
			    mt_key largest)
{
	struct ma_state *mas = write->mas;
	mt_key known;

	if (!mt_tracks_gaps(write->mt) || mas->depth < 2 || (write->present && !largest))
		return;
	known = leaf[-1].node->narrow.gap[leaf[-1].slot];
	if (!write->present) {
		mt_key made = mt_range_size(write->first, write->last);

		if (made > known)
			mt_gap_propagate(mas->path, mas->depth, made);
	} else if (largest == known) {
		unsigned behind = leaf->slot + 1;
		mt_key rest = 0;

		if (write->right_piece && !mt_slot_present(leaf->node, behind))
			rest = mt_slot_max(leaf->node, behind, leaf->max) - write->last;
		if (!mt_gap_dominates(rest, leaf->min, leaf->max))
			rest = mt_node_gap(leaf->node, leaf->min, leaf->max);
		mt_gap_propagate(mas->path, mas->depth, rest);
	}
}

/* Put the new slot into the leaf, between the pieces of the entries at its ends. A change of the
 * leaf, which the caller ends. */
MT_INLINE void replace_slots(const struct mt_write *write, struct ma_level *level)
{
	struct maple_node *leaf = level->node;
	unsigned at = new_slot(write);
	unsigned from = slot_behind(write);
	uint32_t present = present_after(write, leaf->present);
	mt_key largest = count_slots(write, level);
	unsigned size = mt_leaf_size(write, leaf);

	mt_leaf_change_begin(leaf);
	move_slots(leaf, from, at + 1);
	mt_put(leaf->wide.slot[at], write->word);
	if (write->left_piece)
		mt_put_key(&leaf->pivot[at - 1], write->first - 1);
	if (at + 1 < size)
		mt_put_key(&leaf->pivot[at], write->last);
	mt_put(leaf->present, present);
	mt_put(leaf->count, size);
	level->slot = at;
	correct_gaps(write, level, largest);
}

void mt_leaf_write(struct mt_write *write)
{
	struct ma_level *level = mas_leaf(write->mas);

	mt_leaf_drop(write);
	replace_slots(write, level);
	if (write->left_present)
		mt_put(level->node->wide.slot[level->slot - 1], write->left_word);
	if (write->right_present)
		mt_put(level->node->wide.slot[level->slot + 1], write->right_word);
	mt_leaf_change_end(level->node);
}

/* ---- plain words ---- */

/* A new gap takes in the gaps next to it: two gaps are never neighbours. [first, last] are the keys
 * of slots [low, high). False if a neighbour is in another leaf. */
MT_INLINE bool grow_gap(struct mt_write *write, const struct ma_level *level, mt_key *first,
			mt_key *last)
{
	const struct maple_node *leaf = level->node;

	if (!mt_slot_present(leaf, write->low)) {
		write->first = *first;
	} else if (write->first == *first && write->low > 0) {
		if (!mt_slot_present(leaf, write->low - 1))
			write->first = *first = mt_slot_min(leaf, --write->low, level->min);
	} else if (write->first == *first && *first > 0) {
		return false;
	}
	if (!mt_slot_present(leaf, write->high - 1)) {
		write->last = *last;
	} else if (write->last == *last && write->high < leaf->count) {
		if (!mt_slot_present(leaf, write->high))
			write->last = *last = mt_slot_max(leaf, write->high++, level->max);
	} else if (write->last == *last && *last < MT_KEY_MAX) {
		return false;
	}
	return true;
}

MT_INLINE bool slot_equals(const struct maple_node *leaf, unsigned slot, uint64_t word)
{
	return mt_slot_present(leaf, slot) && leaf->wide.slot[slot] == word;
}

/* Whether the slot beside the leaf, before or after it, is known to be another word. */
MT_INLINE bool differs_beside(const struct mt_write *write, const struct ma_level *level,
			      bool before)
{
	const struct ma_level *parent = level - 1; /* the leaf does not cover all keys */
	unsigned slot = before ? parent->slot - 1 : parent->slot + 1;
	const struct maple_node *leaf;

	if (slot >= parent->node->count) /* below slot 0, too */
		return false;
	leaf = mt_child(parent->node, slot);
	return !slot_equals(leaf, before ? leaf->count - 1u : 0, write->word);
}

/* A new value takes in the equal ones next to it. The rest is as for grow_gap(). */
MT_INLINE bool grow_value(struct mt_write *write, const struct ma_level *level, mt_key *first,
			  mt_key *last)
{
	const struct maple_node *leaf = level->node;

	if (*first < write->first) {
		if (slot_equals(leaf, write->low, write->word))
			write->first = *first;
	} else if (write->low > 0) {
		if (slot_equals(leaf, write->low - 1, write->word))
			write->first = *first = mt_slot_min(leaf, --write->low, level->min);
	} else if (*first > 0 && !differs_beside(write, level, true)) {
		return false;
	}
	if (write->last < *last) {
		if (slot_equals(leaf, write->high - 1, write->word))
			write->last = *last;
	} else if (write->high < leaf->count) {
		if (slot_equals(leaf, write->high, write->word))
			write->last = *last = mt_slot_max(leaf, write->high++, level->max);
	} else if (*last < MT_KEY_MAX && !differs_beside(write, level, false)) {
		return false;
	}
	return true;
}

/* Both ways to store. */
MT_INLINE enum mt_leaf_store leaf_store(struct ma_state *mas, uint64_t word, bool present,
					bool merges, struct mt_write *planned)
{
	struct ma_level *level = mas_leaf(mas);
	const struct maple_node *leaf = level->node;
	unsigned slot = level->slot;
	mt_key first = mt_slot_min(leaf, slot, level->min);
	mt_key last = mt_slot_max(leaf, slot, level->max);
	struct mt_write write;
	unsigned size;

	write.mas = mas;
	write.mt = mas->tree;
	write.first = mas->index;
	write.last = mas->last;
	write.word = word;
	write.present = present;
	write.low = slot;
	if (write.last > level->max)
		return MT_LEAF_NO_PLAN;
	if (write.last > last) {
		slot = mt_search.slot(leaf, write.last);
		last = mt_slot_max(leaf, slot, level->max);
	} else if (!present && !mt_slot_present(leaf, slot)) {
		return MT_LEAF_STORED; /* already a gap */
	}
	write.high = slot + 1;
	if (!present && !grow_gap(&write, level, &first, &last))
		return MT_LEAF_NO_PLAN;
	if (merges && !grow_value(&write, level, &first, &last))
		return MT_LEAF_NO_PLAN;
	write.left_piece = first < write.first;
	write.right_piece = write.last < last;
	size = mt_leaf_size(&write, leaf);
	if (size <= MT_WIDE_SLOTS && !mt_leaf_too_thin(leaf, size, present)) {
		replace_slots(&write, level);
		mt_leaf_change_end(level->node);
		return MT_LEAF_STORED;
	}
	/* Field by field: `write` itself is in registers. */
	planned->first = write.first;
	planned->last = write.last;
	planned->low = write.low;
	planned->high = write.high;
	planned->left_piece = write.left_piece;
	planned->left_word = leaf->wide.slot[write.low];
	planned->left_present = write.left_piece && mt_slot_present(leaf, write.low);
	planned->right_last = last;
	planned->right_piece = write.right_piece;
	planned->right_word = leaf->wide.slot[write.high - 1];
	planned->right_present = write.right_piece && mt_slot_present(leaf, write.high - 1);
	level->slot = write.low;
	return MT_LEAF_PLANNED;
}

enum mt_leaf_store mt_leaf_store(struct ma_state *mas, uint64_t word, bool present,
				 struct mt_write *planned)
{
	return leaf_store(mas, word, present, false, planned);
}

enum mt_leaf_store mt_leaf_store_merging(struct ma_state *mas, uint64_t word,
					 struct mt_write *planned)
{
	return leaf_store(mas, word, true, true, planned);
}
