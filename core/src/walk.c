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

void mas_init(struct ma_state *mas, struct maple_tree *mt, uint64_t index)
{
	mas->tree = mt;
	mas->reserve = NULL;
	mas->reserved = 0;
	mas_drop_path(mas);
	mas->depth = 0;
	mas_set(mas, index);
}

void __mas_set_range(struct ma_state *mas, uint64_t first, uint64_t last)
{
	mas->index = first;
	mas->last = last;
}

void mas_set_range(struct ma_state *mas, uint64_t first, uint64_t last)
{
	__mas_set_range(mas, first, last);
	mas_reset(mas);
}

void mas_set(struct ma_state *mas, uint64_t index)
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

void mas_descend(struct ma_state *mas, uint64_t index)
{
	const struct maple_tree *mt = mas->tree;
	struct ma_level *level = mas->path;

	mas->generation = mas->seen = mt->ma_generation;
	mas->depth = mt_tree_height(mt);
	if (!mas->depth)
		return;
	level->node = mt->ma_root;
	level->min = 0;
	level->max = UINT64_MAX;
	mt_search.descend(level, mas->depth, index);
}

uint64_t mas_path_first(struct ma_state *mas)
{
	const struct ma_level *leaf;

	if (!mas->depth)
		return 0;
	leaf = mas_leaf(mas);
	return mt_slot_min(leaf->node, leaf->slot, leaf->min);
}

uint64_t mas_path_last(struct ma_state *mas)
{
	const struct ma_level *leaf;

	if (!mas->depth)
		return UINT64_MAX;
	leaf = mas_leaf(mas);
	return mt_slot_max(leaf->node, leaf->slot, leaf->max);
}

static inline bool path_present(struct ma_state *mas)
{
	return mt_slot_present(mas_leaf(mas)->node, mas_leaf(mas)->slot);
}

void mas_read_slot(struct ma_state *mas)
{
	mas->index = mas_path_first(mas);
	mas->last = mas_path_last(mas);
	mas->present = mas->depth && path_present(mas);
	mas->word = mas->present ? mas_leaf(mas)->node->wide.slot[mas_leaf(mas)->slot] : 0;
	mas->status = mas->depth ? ma_active : ma_none;
}

/* ---- the path -------------------------------------------------------------------------------- */

void mas_path_to(struct ma_state *mas, uint64_t index)
{
	if (mas_has_path(mas) && mas->depth) {
		struct ma_level *leaf = mas_leaf(mas);

		if (mt_level_covers(leaf, index)) {
			leaf->slot = mt_search.slot(leaf->node, index);
			return;
		}
	}
	mas_descend(mas, index);
}

/* The lowest level above the leaf that has a slot after / before the path's. There is one. */
static struct ma_level *level_with_next(struct ma_state *mas)
{
	struct ma_level *level = mas_leaf(mas);

	do {
		assert(level > mas->path);
		level--;
	} while (level->slot + 1 == level->node->count);
	return level;
}

static struct ma_level *level_with_prev(struct ma_state *mas)
{
	struct ma_level *level = mas_leaf(mas);

	do {
		assert(level > mas->path);
		level--;
	} while (!level->slot);
	return level;
}

static __attribute__((noinline)) void next_leaf(struct ma_state *mas)
{
	struct ma_level *leaf = mas_leaf(mas);
	struct ma_level *level = level_with_next(mas);

	level->slot++;
	if (level + 1 == leaf)
		mt_prefetch_ahead(level, MT_LEAVES_AHEAD);
	for (; level < leaf; level++) {
		enter_child(level + 1, level);
		level[1].slot = 0;
		if (level + 2 == leaf)
			for (unsigned steps = 1; steps < MT_LEAVES_AHEAD; steps++)
				mt_prefetch_ahead(level + 1, steps);
	}
}

static __attribute__((noinline)) void prev_leaf(struct ma_state *mas)
{
	struct ma_level *leaf = mas_leaf(mas);
	struct ma_level *level = level_with_prev(mas);

	for (level->slot--; level < leaf; level++) {
		enter_child(level + 1, level);
		level[1].slot = level[1].node->count - 1u;
	}
}

void mas_path_next(struct ma_state *mas)
{
	struct ma_level *leaf = mas_leaf(mas);

	if (leaf->slot + 1 < leaf->node->count)
		leaf->slot++;
	else
		next_leaf(mas);
}

static void path_prev(struct ma_state *mas)
{
	struct ma_level *leaf = mas_leaf(mas);

	if (leaf->slot)
		leaf->slot--;
	else
		prev_leaf(mas);
}

/* ---- steps from the range around index ------------------------------------------------------- */

/* Whether the path ends at the range around index. */
static inline bool at_index(const struct ma_state *mas)
{
	return mas->status <= ma_underflow && mas_has_path(mas);
}

/* Something else may have written to the tree. If so, the place becomes the range around index. */
static void catch_up(struct ma_state *mas)
{
	enum maple_status status = mas->status;

	if (status > ma_none || mas->seen == mas->tree->ma_generation)
		return;
	mas_walk_word(mas);
	if (mas->depth)
		mas->status = status;
}

/* Bring the path to the range around index. The place stays. False, with status none, if the tree
 * is empty. */
static bool path_to_index(struct ma_state *mas)
{
	if (at_index(mas))
		return true;
	mas_path_to(mas, mas->index);
	if (!mas->depth)
		mas_read_slot(mas);
	return mas->depth;
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
static bool onward(struct ma_state *mas, uint64_t max, bool gaps)
{
	if (mas_path_last(mas) >= max)
		return stop_here(mas, ma_overflow);
	mas_path_next(mas);
	if (!gaps && !path_present(mas)) {
		if (mas_path_last(mas) >= max)
			return stop_there(mas, ma_overflow);
		mas_path_next(mas);
	}
	mas_read_slot(mas);
	return true;
}

static bool back(struct ma_state *mas, uint64_t min, bool gaps)
{
	if (mas_path_first(mas) <= min)
		return stop_here(mas, ma_underflow);
	path_prev(mas);
	if (!gaps && !path_present(mas)) {
		if (mas_path_first(mas) <= min)
			return stop_there(mas, ma_underflow);
		path_prev(mas);
	}
	mas_read_slot(mas);
	return true;
}

/* Most steps of a loop end in the leaf where they begin. For these, the next two functions do what
 * onward() and back() do. They return false, and change nothing, if the step ends elsewhere. */

static inline bool next_in_leaf(struct ma_state *mas, uint64_t max)
{
	struct ma_level *leaf;
	uint32_t behind;
	unsigned slot;
	uint64_t first;

	if (mas->status != ma_active || !mas_has_path(mas))
		return false;
	leaf = mas_leaf(mas);
	behind = leaf->node->present & -2u << leaf->slot;
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

static inline bool prev_in_leaf(struct ma_state *mas, uint64_t min)
{
	struct ma_level *leaf;
	uint32_t before;
	unsigned slot;
	uint64_t last;

	if (mas->status != ma_active || !mas_has_path(mas))
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

bool mas_next_word(struct ma_state *mas, uint64_t max, bool gaps)
{
	if (!gaps && next_in_leaf(mas, max))
		return true;
	catch_up(mas);
	if (mas->last >= max)
		return stop_here(mas, ma_overflow);
	if (!leave_index(mas, ma_overflow, ma_underflow))
		return mas->status == ma_active;
	return onward(mas, max, gaps);
}

bool mas_prev_word(struct ma_state *mas, uint64_t min, bool gaps)
{
	if (!gaps && prev_in_leaf(mas, min))
		return true;
	catch_up(mas);
	if (mas->index <= min)
		return stop_here(mas, ma_underflow);
	if (!leave_index(mas, ma_underflow, ma_overflow))
		return mas->status == ma_active;
	return back(mas, min, gaps);
}

/* A search for entries stays active if it meets its limit, so that it can go on to a larger one. */
static bool find_onward(struct ma_state *mas, uint64_t max, bool gaps)
{
	bool found = onward(mas, max, gaps);

	if (!gaps)
		mas->status = ma_active;
	return found;
}

/* The first look of a search: at index itself. */
static bool find_from_index(struct ma_state *mas, uint64_t max, bool gaps)
{
	if (mas_walk_word(mas))
		return true;
	if (mas->status == ma_none || mas->index == max)
		return false;
	return find_onward(mas, max, gaps);
}

static bool find_back_from_index(struct ma_state *mas, uint64_t min, bool gaps)
{
	if (mas_walk_word(mas))
		return true;
	if (mas->status == ma_none || mas->index < min)
		return false;
	return back(mas, min, gaps);
}

bool mas_find_word(struct ma_state *mas, uint64_t max, bool gaps)
{
	if (!gaps && next_in_leaf(mas, max))
		return true;
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
		if (mas->status == ma_active)
			return path_to_index(mas) && find_onward(mas, max, gaps);
		if (mas->status == ma_pause)
			mas->index = mas->last + 1;
		if (mas->status == ma_none)
			mas->index = mas->last;
	}
	return find_from_index(mas, max, gaps);
}

bool mas_find_rev_word(struct ma_state *mas, uint64_t min, bool gaps)
{
	if (!gaps && prev_in_leaf(mas, min))
		return true;
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

/* Whether [index, last] is entirely free. If not, the cursor stands on the first value there. */
int mas_expect_free(struct ma_state *mas)
{
	uint64_t first = mas->index;
	uint64_t last = mas->last;

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

/* These are separate functions, so that steps that stay in their leaf do not pay for them. */

static __attribute__((noinline)) void *next_elsewhere(struct ma_state *mas, uint64_t max)
{
	return stopped_at(mas, mas_next_word(mas, max, false));
}

static __attribute__((noinline)) void *prev_elsewhere(struct ma_state *mas, uint64_t min)
{
	return stopped_at(mas, mas_prev_word(mas, min, false));
}

static __attribute__((noinline)) void *find_elsewhere(struct ma_state *mas, uint64_t max)
{
	return stopped_at(mas, mas_find_word(mas, max, false));
}

static __attribute__((noinline)) void *find_rev_elsewhere(struct ma_state *mas, uint64_t min)
{
	return stopped_at(mas, mas_find_rev_word(mas, min, false));
}

void *mas_next(struct ma_state *mas, uint64_t max)
{
	return next_in_leaf(mas, max) ? (void *)(uintptr_t)mas->word : next_elsewhere(mas, max);
}

void *mas_next_range(struct ma_state *mas, uint64_t max)
{
	return stopped_at(mas, mas_next_word(mas, max, true));
}

void *mas_prev(struct ma_state *mas, uint64_t min)
{
	return prev_in_leaf(mas, min) ? (void *)(uintptr_t)mas->word : prev_elsewhere(mas, min);
}

void *mas_prev_range(struct ma_state *mas, uint64_t min)
{
	return stopped_at(mas, mas_prev_word(mas, min, true));
}

void *mas_find(struct ma_state *mas, uint64_t max)
{
	return next_in_leaf(mas, max) ? (void *)(uintptr_t)mas->word : find_elsewhere(mas, max);
}

void *mas_find_range(struct ma_state *mas, uint64_t max)
{
	return stopped_at(mas, mas_find_word(mas, max, true));
}

void *mas_find_rev(struct ma_state *mas, uint64_t min)
{
	return prev_in_leaf(mas, min) ? (void *)(uintptr_t)mas->word : find_rev_elsewhere(mas, min);
}

void *mas_find_range_rev(struct ma_state *mas, uint64_t min)
{
	return stopped_at(mas, mas_find_rev_word(mas, min, true));
}
