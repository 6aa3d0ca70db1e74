/* SPDX-License-Identifier: MIT */
/*
 * Walking: the cursor's path and the steps along it. The steps are public. walk.h has what other
 * parts of the core need of them.
 *
 * A path holds, for each level from the root down, the node, the keys it covers and the slot taken.
 * It is valid as long as the tree's generation is the one in which it was walked. Every public
 * function below checks that, and otherwise walks again from `index`. A step that stops at its
 * limit leaves index and last alone and drops the path.
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

void mas_set_range(struct ma_state *mas, uint64_t first, uint64_t last)
{
	mas->index = first;
	mas->last = last;
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

	mas->generation = mt->ma_generation;
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
	return mas->depth && mt_slot_present(mas_leaf(mas)->node, mas_leaf(mas)->slot);
}

void mas_read_slot(struct ma_state *mas)
{
	mas->index = mas_path_first(mas);
	mas->last = mas_path_last(mas);
	mas->present = path_present(mas);
	mas->word = mas->present ? mas_leaf(mas)->node->wide.slot[mas_leaf(mas)->slot] : 0;
	mas->status = ma_active;
}

/* Go down from level `from` along the first or the last slots. */
static void path_edge(struct ma_state *mas, unsigned from, bool last)
{
	for (unsigned i = from; i + 1 < mas->depth; i++) {
		struct ma_level *child = &mas->path[i + 1];

		enter_child(child, &mas->path[i]);
		child->slot = last ? child->node->count - 1u : 0;
		if (i + 3 == mas->depth && !last)
			for (unsigned steps = 1; steps < MT_LEAVES_AHEAD; steps++)
				mt_prefetch_ahead(child, steps);
	}
}

/* Go to the next slot of the lowest of the first `levels` levels that has one, and down from
 * there. */
static inline bool path_next(struct ma_state *mas, unsigned levels)
{
	for (unsigned i = levels; i-- > 0;) {
		struct ma_level *level = &mas->path[i];

		if (level->slot + 1 < level->node->count) {
			level->slot++;
			path_edge(mas, i, false);
			return true;
		}
	}
	return false;
}

bool mas_path_next(struct ma_state *mas)
{
	return path_next(mas, mas->depth);
}

bool mas_path_prev(struct ma_state *mas)
{
	for (unsigned i = mas->depth; i-- > 0;) {
		struct ma_level *level = &mas->path[i];

		if (level->slot > 0) {
			level->slot--;
			path_edge(mas, i, true);
			return true;
		}
	}
	return false;
}

/* A search reached its limit. index and last stay. The path, which has moved past them, is
 * dropped. */
static bool stop_at_limit(struct ma_state *mas, enum maple_status status)
{
	mas->status = status;
	mas_drop_path(mas);
	return false;
}

/* The path stands on a candidate slot. Take it, or go on to the next one that is wanted and within
 * max. */
static bool take_or_next(struct ma_state *mas, uint64_t max, bool gaps, bool here)
{
	for (;; here = true) {
		if (!here && !mas_path_next(mas))
			return stop_at_limit(mas, ma_overflow);
		if (mas_path_first(mas) > max)
			return stop_at_limit(mas, ma_overflow);
		if (gaps || path_present(mas))
			break;
		if (!mas_path_next(mas))
			return stop_at_limit(mas, ma_overflow);
	}
	mas_read_slot(mas);
	return true;
}

static bool take_or_prev(struct ma_state *mas, uint64_t min, bool gaps, bool here)
{
	for (;; here = true) {
		if (!here && !mas_path_prev(mas))
			return stop_at_limit(mas, ma_underflow);
		if (mas_path_last(mas) < min)
			return stop_at_limit(mas, ma_underflow);
		if (gaps || path_present(mas))
			break;
		if (!mas_path_prev(mas))
			return stop_at_limit(mas, ma_underflow);
	}
	mas_read_slot(mas);
	return true;
}

static inline bool stands_in_leaf(const struct ma_state *mas)
{
	return mas_has_path(mas) && mas->status == ma_active && mas->depth;
}

/* The next value of the leaf that the cursor stands in. Most steps of a loop end here. */
static inline bool next_in_leaf(struct ma_state *mas, uint64_t max)
{
	struct ma_level *leaf;
	uint32_t behind;
	unsigned slot;
	uint64_t first;

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

/* The first entry of the next leaf. Each leaf has one. */
static bool next_leaf(struct ma_state *mas, uint64_t max)
{
	struct ma_level *leaf = mas_leaf(mas);
	struct ma_level *parent = leaf - 1;

	if (mas->last >= max)
		return stop_at_limit(mas, ma_overflow);
	if (mas->depth > 1 && parent->slot + 1 < parent->node->count) {
		parent->slot++;
		mt_prefetch_ahead(parent, MT_LEAVES_AHEAD);
		enter_child(leaf, parent);
	} else if (!path_next(mas, mas->depth - 1)) {
		return stop_at_limit(mas, ma_overflow);
	}
	leaf->slot = (unsigned)__builtin_ctz(leaf->node->present);
	if (mas_path_first(mas) > max)
		return stop_at_limit(mas, ma_overflow);
	mas_read_slot(mas);
	return true;
}

static bool next_from(struct ma_state *mas, uint64_t max, bool gaps)
{
	if (!gaps && stands_in_leaf(mas))
		return next_in_leaf(mas, max) || next_leaf(mas, max);
	/* Without a path, `last` may belong to a range that no longer exists. */
	if (mas->last >= max && mas->status == ma_active && mas_has_path(mas))
		return stop_at_limit(mas, ma_overflow);
	if (!mas_has_path(mas) || mas->status == ma_start)
		mas_descend(mas, mas->index);
	return take_or_next(mas, max, gaps, false);
}

static bool prev_from(struct ma_state *mas, uint64_t min, bool gaps)
{
	if (mas->index <= min && mas->status == ma_active)
		return stop_at_limit(mas, ma_underflow);
	if (!mas_has_path(mas) || mas->status == ma_start)
		mas_descend(mas, mas->index);
	return take_or_prev(mas, min, gaps, false);
}

/* The slot around `index` itself, or the first wanted one above it. */
static bool find_from(struct ma_state *mas, uint64_t index, uint64_t max, bool gaps)
{
	if (index > max)
		return stop_at_limit(mas, ma_overflow);
	mas_descend(mas, index);
	return take_or_next(mas, max, gaps, true);
}

static bool find_rev_from(struct ma_state *mas, uint64_t index, uint64_t min, bool gaps)
{
	if (index < min)
		return stop_at_limit(mas, ma_underflow);
	mas_descend(mas, index);
	return take_or_prev(mas, min, gaps, true);
}

bool mas_walk_word(struct ma_state *mas)
{
	if (!mas_has_path(mas) || mas->status == ma_start)
		mas_descend(mas, mas->index);
	mas_read_slot(mas);
	return mas->present;
}

static bool after_pause(struct ma_state *mas, uint64_t max, bool gaps)
{
	if (mas->last == UINT64_MAX)
		return stop_at_limit(mas, ma_overflow);
	return find_from(mas, mas->last + 1, max, gaps);
}

static bool before_pause(struct ma_state *mas, uint64_t min, bool gaps)
{
	if (mas->index == 0)
		return stop_at_limit(mas, ma_underflow);
	return find_rev_from(mas, mas->index - 1, min, gaps);
}

bool mas_next_word(struct ma_state *mas, uint64_t max, bool gaps)
{
	return mas->status == ma_pause ? after_pause(mas, max, gaps) : next_from(mas, max, gaps);
}

bool mas_prev_word(struct ma_state *mas, uint64_t min, bool gaps)
{
	return mas->status == ma_pause ? before_pause(mas, min, gaps) : prev_from(mas, min, gaps);
}

bool mas_find_word(struct ma_state *mas, uint64_t max, bool gaps)
{
	switch (mas->status) {
	case ma_start:
	case ma_none: /* index itself has not been looked at yet, or only under a narrower limit */
		return mas->index <= max && find_from(mas, mas->index, max, gaps);
	case ma_pause:
		return after_pause(mas, max, gaps);
	default:
		return next_from(mas, max, gaps);
	}
}

bool mas_find_rev_word(struct ma_state *mas, uint64_t min, bool gaps)
{
	switch (mas->status) {
	case ma_start:
	case ma_none:
		return mas->index >= min && find_rev_from(mas, mas->index, min, gaps);
	case ma_pause:
		return before_pause(mas, min, gaps);
	default:
		return prev_from(mas, min, gaps);
	}
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

void *mas_next(struct ma_state *mas, uint64_t max)
{
	return stopped_at(mas, mas_next_word(mas, max, false));
}

void *mas_next_range(struct ma_state *mas, uint64_t max)
{
	return stopped_at(mas, mas_next_word(mas, max, true));
}

void *mas_prev(struct ma_state *mas, uint64_t min)
{
	return stopped_at(mas, mas_prev_word(mas, min, false));
}

void *mas_prev_range(struct ma_state *mas, uint64_t min)
{
	return stopped_at(mas, mas_prev_word(mas, min, true));
}

/* Both are separate functions, so that steps that stay in their leaf (most steps of a loop) do not
 * pay for them. */
static __attribute__((noinline)) void *find_in_next_leaf(struct ma_state *mas, uint64_t max)
{
	return stopped_at(mas, next_leaf(mas, max));
}

static __attribute__((noinline)) void *find_by_walk(struct ma_state *mas, uint64_t max)
{
	return stopped_at(mas, mas_find_word(mas, max, false));
}

void *mas_find(struct ma_state *mas, uint64_t max)
{
	if (!stands_in_leaf(mas))
		return find_by_walk(mas, max);
	return next_in_leaf(mas, max) ? (void *)(uintptr_t)mas->word : find_in_next_leaf(mas, max);
}

void *mas_find_range(struct ma_state *mas, uint64_t max)
{
	return stopped_at(mas, mas_find_word(mas, max, true));
}

void *mas_find_rev(struct ma_state *mas, uint64_t min)
{
	return stopped_at(mas, mas_find_rev_word(mas, min, false));
}

void *mas_find_range_rev(struct ma_state *mas, uint64_t min)
{
	return stopped_at(mas, mas_find_rev_word(mas, min, true));
}
