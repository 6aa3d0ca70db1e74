/* SPDX-License-Identifier: MIT */
/*
 * The steps of a cursor whose caller holds no lock. What a step does follows from the cursor's place
 * and at most three ranges. These are read as look-ups read them (sequence.h). They become a tree of one
 * leaf on the stack, in which the cursor makes an ordinary step. So the rules of the steps are only in
 * walk.c, and nothing there reads what a writer changes.
 *
 *     the tree           ... [ a  b ] [ .  c  d ] ...     the key is in b
 *     its part, upwards      [ -  b  .  c  -    ]         the range around the key; the next one; and
 *                                                         if that is a gap, another one
 *
 * What lies before and after them (-) is a gap there, to which no step comes. Owns nothing. Public only.
 */
#include "search.h"
#include "sequence.h"
#include "walk.h"

#define RANGES 3u

static_assert(RANGES + 2 <= MT_WIDE_SLOTS, "they fit into a leaf");

struct part {
	_Alignas(64) struct maple_node leaf; /* the search loads whole lines */
	struct maple_tree mt;
	bool up;       /* ranges are read upwards */
	unsigned most; /* of them */
	unsigned count;
	struct mt_entry range[RANGES];
	bool present[RANGES];
};

/* Add the range in a slot. Whether it is the last one that a step can need. */
static bool add_range(struct part *part, const struct ma_level *leaf)
{
	unsigned at = part->count++;

	part->range[at].first = mt_slot_min(leaf->node, leaf->slot, leaf->min);
	part->range[at].last = mt_slot_max(leaf->node, leaf->slot, leaf->max);
	part->range[at].word = leaf->node->wide.slot[leaf->slot];
	part->present[at] = mt_slot_present(leaf->node, leaf->slot);
	if (part->up ? part->range[at].last == MT_KEY_MAX : part->range[at].first == 0)
		return true;
	return at + 1 == part->most || (at && part->present[at]);
}

/* Move to the next slot, which may be in another leaf. False if the tree has changed. */
static bool next_slot(struct mt_reading *reading, struct ma_level *leaf, bool up)
{
	if (up && leaf->slot + 1 < MT_WIDE_SLOTS && leaf->slot + 1 < leaf->node->count) {
		leaf->slot++;
		return true;
	}
	if (!up && leaf->slot) {
		leaf->slot--;
		return true;
	}
	/* Each leaf has a value, so nothing is needed from a third one: this leaf is being written. */
	if (reading->leaves == 2) /* GCOVR_EXCL_LINE: chance */
		return false;     /* GCOVR_EXCL_LINE: chance */
	return mt_search.look(reading, up ? leaf->max + 1 : leaf->min - 1, leaf) && leaf->node;
}

static bool try_ranges(struct mt_reading *reading, mt_key key, struct part *part)
{
	struct ma_level leaf;

	part->count = 0;
	if (!mt_search.look(reading, key, &leaf))
		return false;
	if (!leaf.node)
		return true;
	while (!add_range(part, &leaf)) {
		if (!next_slot(reading, &leaf, part->up))
			return false;
	}
	return true;
}

static void add_slot(struct maple_node *leaf, mt_key last, uint64_t word, bool present)
{
	leaf->pivot[leaf->count] = last;
	leaf->wide.slot[leaf->count] = word;
	leaf->present |= (mt_present)((unsigned)present << leaf->count++);
}

/* Make the tree of the ranges. */
static void make_tree(struct part *part)
{
	uint32_t height = part->count ? 1u << MT_FLAGS_HEIGHT_SHIFT : 0;
	struct maple_node *leaf = &part->leaf;
	mt_key first, last = 0;

	part->mt = (struct maple_tree){.ma_root = height ? leaf : NULL,
				       .ma_flags = MT_FLAGS_LOCK_EXTERN | height,
				       .ma_generation = 1};
	leaf->kind = MT_LEAF;
	leaf->count = 0;
	leaf->present = 0;
	for (unsigned i = 0; i < part->count; i++) {
		unsigned at = part->up ? i : part->count - 1 - i;

		first = part->range[at].first;
		last = part->range[at].last;
		if (!i && first)
			add_slot(leaf, first - 1, 0, false);
		add_slot(leaf, last, part->range[at].word, part->present[at]);
	}
	if (last != MT_KEY_MAX)
		add_slot(leaf, MT_KEY_MAX, 0, false);
	mt_pad_pivots(leaf, leaf->count - 1u);
}

static bool walk(struct ma_state *mas, mt_key limit, bool gaps)
{
	(void)limit;
	(void)gaps;
	return mas_walk_word(mas);
}

static bool step_unlocked(struct ma_state *mas, mt_key key, bool up,
			  bool (*step)(struct ma_state *mas, mt_key limit, bool gaps), mt_key limit,
			  bool gaps)
{
	struct maple_tree *mt = mas->tree;
	struct mt_reading reading;
	unsigned tries = 0;
	struct part part;
	bool found;

	part.up = up;
	part.most = step == walk ? 1 : RANGES;
	for (;; mt_read_wait(tries++)) {
		mt_reading_begin(&reading, mt);
		if (try_ranges(&reading, key, &part) && mt_reading_holds(&reading))
			break;
	}
	make_tree(&part);
	mas->tree = &part.mt;
	mas->seen = 0; /* no tree's */
	mas_drop_path(mas);
	found = step(mas, limit, gaps);
	mas->tree = mt;
	mas->seen = 0;
	mas_drop_path(mas);
	return found;
}

bool mas_walk_unlocked(struct ma_state *mas)
{
	return step_unlocked(mas, mas->index, true, walk, 0, false);
}

bool mas_next_unlocked(struct ma_state *mas, mt_key max, bool gaps)
{
	return step_unlocked(mas, mas->index, true, mas_next_word, max, gaps);
}

bool mas_prev_unlocked(struct ma_state *mas, mt_key min, bool gaps)
{
	return step_unlocked(mas, mas->index, false, mas_prev_word, min, gaps);
}

/* After a pause, searches begin next to the place. */

bool mas_find_unlocked(struct ma_state *mas, mt_key max, bool gaps)
{
	bool beyond = mas->status == ma_pause && mas->last != MT_KEY_MAX;

	return step_unlocked(mas, beyond ? mas->last + 1 : mas->index, true, mas_find_word, max,
			     gaps);
}

bool mas_find_rev_unlocked(struct ma_state *mas, mt_key min, bool gaps)
{
	bool beyond = mas->status == ma_pause && mas->index;

	return step_unlocked(mas, beyond ? mas->index - 1 : mas->index, false, mas_find_rev_word,
			     min, gaps);
}
