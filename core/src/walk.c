/* SPDX-License-Identifier: MIT */
/*
 * Walking: the cursor's path and the steps along it. The steps are public. walk.h has what other
 * parts of the core need of them.
 *
 * A path holds, for each level from the root down, the node, the keys it covers and the slot taken.
 * It is valid as long as the tree's generation is the one in which it was walked. If it is valid and
 * the status is active, overflow or underflow, it ends at the range around `index`: the next step
 * starts from there. In any other status a step begins with a walk.
 *
 * What a step returns follows from index, last, status and the tree's contents alone. The path only
 * saves a walk. If anything else has written to the tree since the cursor's last step (`seen`), the
 * cursor first catches up: its place becomes the range that is around index now.
 *
 *        path[0]   root   [ . | . | x ]      slot 2: keys 500 to the end
 *        path[1]   node       [ x | . ]      slot 0: keys 500 to 719
 *        path[2]   leaf     [ a | x | b ]    slot 1: index to last
 */
#include "walk.h"

#include <errno.h>

void mas_init(struct ma_state *mas, struct maple_tree *mt, mt_key index)
{
	mas->tree = mt;
	mas->reserve = NULL;
	mas->reserved = 0;
	mas_drop_path(mas);
	mas->depth = 0;
	mas_set(mas, index);
}

void __mas_set_range(struct ma_state *mas, mt_key first, mt_key last)
{
	mas->index = first;
	mas->last = last;
}

void mas_set_range(struct ma_state *mas, mt_key first, mt_key last)
{
	__mas_set_range(mas, first, last);
	mas_reset(mas);
}

void mas_set(struct ma_state *mas, mt_key index)
{
	mas_set_range(mas, index, index);
}

/* The path stays where it is. As long as the tree does not change, a store nearby starts from its
 * leaf. */
void mas_reset(struct ma_state *mas)
{
	mas->word = 0;
	mas->present = false;
	mas->status = ma_start;
}

void mas_pause(struct ma_state *mas)
{
	mas->status = ma_pause;
	mas_drop_path(mas);
}

static inline void enter_child(struct ma_level *child, const struct ma_level *parent)
{
	child->node = mt_child(parent->node, parent->slot);
	child->min = mt_slot_min(parent->node, parent->slot, parent->min);
	child->max = mt_slot_max(parent->node, parent->slot, parent->max);
}

void mas_descend(struct ma_state *mas, mt_key index)
{
	const struct maple_tree *mt = mas->tree;
	struct ma_level *level = mas->path;

	mas->generation = mas->seen = mt->ma_generation;
	mas->depth = mt_tree_height(mt);
	if (!mas->depth)
		return;
	level->node = mt->ma_root;
	level->min = 0;
	level->max = MT_KEY_MAX;
	mt_search.descend(level, mas->depth, index);
}

/* ---- the slot where a path ends -------------------------------------------------------------- */

static inline mt_key slot_first(const struct ma_level *leaf)
{
	return mt_slot_min(leaf->node, leaf->slot, leaf->min);
}

static inline mt_key slot_last(const struct ma_level *leaf)
{
	return mt_slot_max(leaf->node, leaf->slot, leaf->max);
}

static inline bool slot_present(const struct ma_level *leaf)
{
	return mt_slot_present(leaf->node, leaf->slot);
}

/* The bits of the values after the slot in its leaf. */
static inline uint32_t present_behind(const struct ma_level *leaf)
{
	return leaf->node->present & -2u << leaf->slot;
}

static inline void read_slot(struct ma_state *mas, const struct ma_level *leaf)
{
	mas->index = slot_first(leaf);
	mas->last = slot_last(leaf);
	mas->word = leaf->node->wide.slot[leaf->slot]; /* 0 for a gap */
	mas->present = slot_present(leaf);
	mas->status = ma_active;
}

void mas_read_slot(struct ma_state *mas)
{
	if (mas->depth) {
		read_slot(mas, mas_leaf(mas));
		return;
	}
	mas_set_range(mas, 0, MT_KEY_MAX);
	mas->status = ma_none;
}

/* ---- the path -------------------------------------------------------------------------------- */

void mas_path_to(struct ma_state *mas, mt_key index)
{
	if (mas_has_path(mas) && mas->depth) {
		struct ma_level *leaf = mas_leaf(mas);

		if (index >= slot_first(leaf) && index <= slot_last(leaf))
			return;
		if (mt_level_covers(leaf, index)) {
			leaf->slot = mt_search.slot(leaf->node, index);
			return;
		}
	}
	mas_descend(mas, index);
}

/* Loops stay in one leaf for most of their steps, and below one node for most of the others. The
 * functions for the rest are kept apart, so that those steps do not pay for them. */
#define RARE __attribute__((noinline))

/* There is a next / previous leaf, so some level above is not at its last / first slot. */

static RARE void next_leaf_elsewhere(struct ma_level *leaf)
{
	struct ma_level *level = leaf - 1;

	while (level->slot + 1 == level->node->count)
		level--;
	for (level->slot++; level < leaf; level++) {
		enter_child(level + 1, level);
		level[1].slot = 0;
	}
	for (unsigned steps = 1; steps < MT_LEAVES_AHEAD; steps++)
		mt_prefetch_ahead(leaf - 1, steps);
}

static inline void next_leaf(struct ma_level *leaf)
{
	struct ma_level *parent = leaf - 1;

	if (parent->slot + 1 == parent->node->count) {
		next_leaf_elsewhere(leaf);
		return;
	}
	parent->slot++;
	mt_prefetch_ahead(parent, MT_LEAVES_AHEAD);
	enter_child(leaf, parent);
	leaf->slot = 0;
}

static RARE void prev_leaf(struct ma_level *leaf)
{
	struct ma_level *level = leaf - 1;

	while (!level->slot)
		level--;
	for (level->slot--; level < leaf; level++) {
		enter_child(level + 1, level);
		level[1].slot = level[1].node->count - 1u;
	}
}

static inline void path_next(struct ma_level *leaf)
{
	if (leaf->slot + 1 < leaf->node->count)
		leaf->slot++;
	else
		next_leaf(leaf);
}

void mas_path_next(struct ma_state *mas)
{
	path_next(mas_leaf(mas));
}

static inline void path_prev(struct ma_level *leaf)
{
	if (leaf->slot)
		leaf->slot--;
	else
		prev_leaf(leaf);
}

/* ---- steps from the range around index ------------------------------------------------------- */

/* Whether the path ends at the range around index. */
static inline bool at_index(const struct ma_state *mas)
{
	return mas->status <= ma_underflow && mas_has_path(mas);
}

/* Something else may have written to the tree. If so, the place becomes the range around index. */
static inline void catch_up(struct ma_state *mas)
{
	enum maple_status status = mas->status;

	if (status > ma_none || mas->seen == mas->tree->ma_generation)
		return;
	mas_walk_word(mas);
	if (mas->depth)
		mas->status = status;
}

/* Bring the path to the range around index. The place stays. False if the tree is empty, where the
 * cursor has met a limit before it looked. */
static inline bool path_to_index(struct ma_state *mas)
{
	if (!at_index(mas))
		mas_path_to(mas, mas->index);
	if (mas->depth)
		return true;
	mas_read_slot(mas);
	return false;
}

/* The limit is met by the range that the path has moved to. */
static bool stop_there(struct ma_state *mas, enum maple_status status)
{
	mas_read_slot(mas);
	mas->status = status;
	return false;
}

/* The limit is met by the place as it is. */
static bool stop_here(struct ma_state *mas, enum maple_status status)
{
	if (!at_index(mas))
		mas_drop_path(mas);
	mas->seen = mas->tree->ma_generation;
	mas->status = status;
	return false;
}

/* From the range where the path ends to the next entry, or with `gaps` the next range. Two gaps are
 * never neighbours. */
static inline bool onward(struct ma_state *mas, mt_key max, bool gaps)
{
	struct ma_level *leaf = mas_leaf(mas);

	if (slot_last(leaf) >= max)
		return stop_here(mas, ma_overflow);
	if (!gaps && leaf->max < max && !present_behind(leaf))
		leaf->slot = leaf->node->count - 1u; /* over the gap that may end the leaf */
	path_next(leaf);
	if (!gaps && !slot_present(leaf)) {
		if (slot_last(leaf) >= max)
			return stop_there(mas, ma_overflow);
		path_next(leaf);
	}
	read_slot(mas, leaf);
	return true;
}

static RARE bool back(struct ma_state *mas, mt_key min, bool gaps)
{
	struct ma_level *leaf = mas_leaf(mas);

	if (slot_first(leaf) <= min)
		return stop_here(mas, ma_underflow);
	path_prev(leaf);
	if (!gaps && !slot_present(leaf)) {
		if (slot_first(leaf) <= min)
			return stop_there(mas, ma_underflow);
		path_prev(leaf);
	}
	read_slot(mas, leaf);
	return true;
}

/* Most steps of a loop end in the leaf where they begin. For these, the next two functions do what
 * onward() and back() do. They return false, and change nothing, if the step ends elsewhere. */

static inline bool next_in_leaf(struct ma_state *mas, mt_key max)
{
	struct ma_level *leaf;
	uint32_t behind;
	unsigned slot;
	mt_key first;

	if (!mas_has_path(mas) || mas->status != ma_active)
		return false;
	leaf = mas_leaf(mas);
	behind = present_behind(leaf);
	if (!behind)
		return false;
	slot = (unsigned)__builtin_ctz(behind);
	first = leaf->node->lane[slot] + 1; /* after pivot slot - 1 */
	if (first > max)
		return false;
	leaf->slot = slot;
	mas->index = first;
	mas->last = mt_slot_max(leaf->node, slot, leaf->max);
	mas->word = leaf->node->wide.slot[slot];
	mas->present = true;
	return true;
}

static inline bool prev_in_leaf(struct ma_state *mas, mt_key min)
{
	struct ma_level *leaf;
	uint32_t before;
	unsigned slot;
	mt_key last;

	if (!mas_has_path(mas) || mas->status != ma_active)
		return false;
	leaf = mas_leaf(mas);
	before = leaf->node->present & ~(-1u << leaf->slot);
	if (!before)
		return false;
	slot = 31u - (unsigned)__builtin_clz(before);
	last = leaf->node->pivot[slot];
	if (last < min)
		return false;
	leaf->slot = slot;
	mas->index = mt_slot_min(leaf->node, slot, leaf->min);
	mas->last = last;
	mas->word = leaf->node->wide.slot[slot];
	mas->present = true;
	return true;
}

/* ---- the steps by status --------------------------------------------------------------------- */

bool mas_walk_word(struct ma_state *mas)
{
	mas_path_to(mas, mas->index);
	mas_read_slot(mas);
	return mas->present;
}

/* Begin a step to the next entry or range, in the direction whose limit is `same`. Afterwards the
 * path ends at the range around index, which the step leaves. False if the tree is empty, or if
 * index has the answer: if the limit on the `other` side was met before, the step turns round, and
 * an entry under the cursor comes first. */
static inline bool leave_index(struct ma_state *mas, enum maple_status same,
			       enum maple_status other)
{
	bool turns_round = mas->status == other;

	if (mas->status == ma_active || mas->status == same)
		return path_to_index(mas);
	mas_walk_word(mas);
	return mas->depth && !(turns_round && mas->present);
}

static RARE bool next_elsewhere(struct ma_state *mas, mt_key max, bool gaps)
{
	catch_up(mas);
	if (mas->last >= max)
		return stop_here(mas, ma_overflow);
	if (!leave_index(mas, ma_overflow, ma_underflow))
		return mas->status == ma_active;
	return onward(mas, max, gaps);
}

static RARE bool prev_elsewhere(struct ma_state *mas, mt_key min, bool gaps)
{
	catch_up(mas);
	if (mas->index <= min)
		return stop_here(mas, ma_underflow);
	if (!leave_index(mas, ma_underflow, ma_overflow))
		return mas->status == ma_active;
	return back(mas, min, gaps);
}

/* A search for entries stays active if it meets its limit, so that it can go on to a larger one. */
static inline bool find_onward(struct ma_state *mas, mt_key max, bool gaps)
{
	bool found = onward(mas, max, gaps);

	if (!found && !gaps)
		mas->status = ma_active;
	return found;
}

/* The first look of a search: at index itself. */
static bool find_from_index(struct ma_state *mas, mt_key max, bool gaps)
{
	if (mas_walk_word(mas))
		return true;
	if (mas->status == ma_none || mas->index == max)
		return false;
	return find_onward(mas, max, gaps);
}

static bool find_back_from_index(struct ma_state *mas, mt_key min, bool gaps)
{
	if (mas_walk_word(mas))
		return true;
	if (mas->status == ma_none || mas->index < min)
		return false;
	return back(mas, min, gaps);
}

static RARE bool find_elsewhere(struct ma_state *mas, mt_key max, bool gaps)
{
	catch_up(mas);
	switch (mas->status) {
	case ma_start:
	case ma_error:
		if (mas->index > max)
			return false;
		break;
	case ma_underflow:
		if (mas->index >= max)
			return stop_here(mas, ma_overflow);
		break;
	default:
		if (mas->last >= max)
			return false;
		if (mas->status == ma_active) {
			path_to_index(mas); /* an active cursor is in a tree that is not empty */
			return find_onward(mas, max, gaps);
		}
		if (mas->status == ma_pause)
			mas->index = mas->last + 1;
		if (mas->status == ma_none)
			mas->index = mas->last;
	}
	return find_from_index(mas, max, gaps);
}

static RARE bool find_rev_elsewhere(struct ma_state *mas, mt_key min, bool gaps)
{
	catch_up(mas);
	switch (mas->status) {
	case ma_start:
	case ma_error:
		return mas->index >= min && find_back_from_index(mas, min, gaps);
	case ma_none:
		return mas->index > min && find_back_from_index(mas, min, gaps);
	case ma_active:
		if (mas->index < min)
			return false;
		break;
	default:
		if (mas->index <= min)
			return stop_here(mas, ma_underflow);
		if (mas->status == ma_pause) {
			mas->index--;
			return find_back_from_index(mas, min, gaps);
		}
	}
	return path_to_index(mas) && back(mas, min, gaps);
}

bool mas_next_word(struct ma_state *mas, mt_key max, bool gaps)
{
	return (!gaps && next_in_leaf(mas, max)) || next_elsewhere(mas, max, gaps);
}

bool mas_prev_word(struct ma_state *mas, mt_key min, bool gaps)
{
	return (!gaps && prev_in_leaf(mas, min)) || prev_elsewhere(mas, min, gaps);
}

bool mas_find_word(struct ma_state *mas, mt_key max, bool gaps)
{
	return (!gaps && next_in_leaf(mas, max)) || find_elsewhere(mas, max, gaps);
}

bool mas_find_rev_word(struct ma_state *mas, mt_key min, bool gaps)
{
	return (!gaps && prev_in_leaf(mas, min)) || find_rev_elsewhere(mas, min, gaps);
}

/* Whether [index, last] is entirely free. If not, the cursor stands on the first value there. */
int mas_expect_free(struct ma_state *mas)
{
	mt_key first = mas->index;
	mt_key last = mas->last;

	if (first > last)
		return -EINVAL;
	mas_reset(mas);
	if (mas_find_word(mas, last, false))
		return -EEXIST;
	mas_set_range(mas, first, last);
	return 0;
}

static void *stopped_at(const struct ma_state *mas, bool found)
{
	return found && mas->present ? (void *)(uintptr_t)mas->word : NULL;
}

void *mas_walk(struct ma_state *mas)
{
	return stopped_at(mas, mas_walk_word(mas));
}

void *mas_load(struct ma_state *mas)
{
	return mas_walk(mas);
}

static RARE void *next_entry(struct ma_state *mas, mt_key max)
{
	return stopped_at(mas, next_elsewhere(mas, max, false));
}

static RARE void *prev_entry(struct ma_state *mas, mt_key min)
{
	return stopped_at(mas, prev_elsewhere(mas, min, false));
}

static RARE void *find_entry(struct ma_state *mas, mt_key max)
{
	struct ma_level *leaf;

	if (mas->status != ma_active || !mas_has_path(mas) || mas->last >= max)
		return stopped_at(mas, find_elsewhere(mas, max, false));
	leaf = mas_leaf(mas);
	if (leaf->max >= max)
		return stopped_at(mas, find_onward(mas, max, false));
	/* The step of a loop that leaves its leaf, which has no more values: next_in_leaf() would
	 * have found them. Loops are faster with it than with onward(). */
	next_leaf(leaf);
	if (!slot_present(leaf)) {
		if (slot_last(leaf) >= max)
			return stopped_at(mas, stop_there(mas, ma_active));
		leaf->slot++; /* two gaps are never neighbours */
	}
	read_slot(mas, leaf);
	return (void *)(uintptr_t)mas->word;
}

static RARE void *find_rev_entry(struct ma_state *mas, mt_key min)
{
	return stopped_at(mas, find_rev_elsewhere(mas, min, false));
}

void *mas_next(struct ma_state *mas, mt_key max)
{
	return next_in_leaf(mas, max) ? (void *)(uintptr_t)mas->word : next_entry(mas, max);
}

void *mas_next_range(struct ma_state *mas, mt_key max)
{
	return stopped_at(mas, next_elsewhere(mas, max, true));
}

void *mas_prev(struct ma_state *mas, mt_key min)
{
	return prev_in_leaf(mas, min) ? (void *)(uintptr_t)mas->word : prev_entry(mas, min);
}

void *mas_prev_range(struct ma_state *mas, mt_key min)
{
	return stopped_at(mas, prev_elsewhere(mas, min, true));
}

/* Aligned, since loops take up to 3 % longer if it begins elsewhere. */
__attribute__((aligned(32))) void *mas_find(struct ma_state *mas, mt_key max)
{
	return next_in_leaf(mas, max) ? (void *)(uintptr_t)mas->word : find_entry(mas, max);
}

void *mas_find_range(struct ma_state *mas, mt_key max)
{
	return stopped_at(mas, find_elsewhere(mas, max, true));
}

void *mas_find_rev(struct ma_state *mas, mt_key min)
{
	return prev_in_leaf(mas, min) ? (void *)(uintptr_t)mas->word : find_rev_entry(mas, min);
}

void *mas_find_range_rev(struct ma_state *mas, mt_key min)
{
	return stopped_at(mas, find_rev_elsewhere(mas, min, true));
}
