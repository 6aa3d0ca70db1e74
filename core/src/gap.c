/* SPDX-License-Identifier: MIT */
/*
 * Gaps. A narrow node keeps the size of the largest gap below each child, in keys. No gap spans two
 * leaves, so the largest gap of a leaf depends only on that leaf.
 *
 *        narrow   [ 12 |  0 |  40 ]            the largest gap below each child
 *                  /      |      \
 *              12, 3     none     40, 7        the gaps in the leaves
 *
 * Writers call mt_node_gap() and mt_gap_propagate(). The search for free room is public.
 */
#include "gap.h"
#include "search.h"
#include "walk.h"

#include <errno.h>

/* Sizes are one less until the end. The presence bits tell whether a leaf has gaps at all. */
static mt_key leaf_gap(const struct maple_node *leaf, mt_key min, mt_key max)
{
	unsigned end = leaf->count - 1u;
	uint32_t gaps = ~(uint32_t)leaf->present & mt_slot_mask(0, end + 1);
	uint32_t inner = gaps & ~(1u | 1u << end);
	mt_key largest, at_end;

	if (!gaps)
		return 0;
	assert(end); /* a leaf with a gap also has a value */
	/* By arithmetic: whether a leaf begins or ends with a gap cannot be predicted. */
	largest = (leaf->pivot[0] - min) & -(mt_key)(gaps & 1);
	at_end = (max - leaf->lane[end] - 1) & -(mt_key)(gaps >> end & 1);
	largest = at_end > largest ? at_end : largest;
	for (; inner; inner &= inner - 1) {
		unsigned slot = (unsigned)__builtin_ctz(inner);
		mt_key size = leaf->pivot[slot] - leaf->lane[slot] - 1;

		largest = size > largest ? size : largest;
	}
	return mt_range_size(0, largest);
}

/* Unused gaps are 0, so this needs no count and no loop. */
static mt_key narrow_gap(const struct maple_node *node)
{
	mt_key even = node->narrow.gap[0];
	mt_key odd = node->narrow.gap[1];

	static_assert(MT_NARROW_SLOTS % 2 == 0, "gaps come in pairs");
	for (unsigned i = 2; i < MT_NARROW_SLOTS; i += 2) {
		even = node->narrow.gap[i] > even ? node->narrow.gap[i] : even;
		odd = node->narrow.gap[i + 1] > odd ? node->narrow.gap[i + 1] : odd;
	}
	return even > odd ? even : odd;
}

mt_key mt_node_gap(const struct maple_node *node, mt_key min, mt_key max)
{
	assert(node->kind == MT_LEAF || node->kind == MT_NARROW);
	return node->kind == MT_LEAF ? leaf_gap(node, min, max) : narrow_gap(node);
}

void mt_gap_propagate(struct ma_level *path, unsigned depth, mt_key gap)
{
	for (struct ma_level *level = &path[depth - 1]; level-- > path;) {
		mt_key *below = &level->node->narrow.gap[level->slot];
		mt_key before = *below;
		mt_key known;

		if (before == gap)
			return;
		mt_put_key(below, gap);
		if (level == path)
			return;
		known = level[-1].node->narrow.gap[level[-1].slot];
		if (gap < known) {
			if (before < known)
				return; /* another one is the largest */
			if (!mt_gap_dominates(gap, level->min, level->max))
				gap = narrow_gap(level->node);
		}
	}
}

/* What a search looks for: `size` keys inside [min, max], starting at a key that leaves the
 * remainder `phase` when divided by `align`. */
struct gap_request {
	mt_key min;
	mt_key max;
	mt_key size;
	mt_key align;
	mt_key phase; /* less than align */
	bool reverse;
};

/* How far a key lies above the aligned place at or below it. That place may be below key 0. */
static mt_key past_aligned(const struct gap_request *request, mt_key key)
{
	mt_key past;

	if (request->align == 1)
		return 0; /* most searches; a division takes longer than the branch */
	past = key % request->align;
	if (past >= request->phase)
		return past - request->phase;
	return past + (request->align - request->phase);
}

/* The lowest (or highest) start in the gap [first, last] that fits the request. */
MT_INLINE bool fit(const struct gap_request *request, mt_key first, mt_key last, mt_key *start)
{
	mt_key room, past;

	if (first < request->min)
		first = request->min;
	if (last > request->max)
		last = request->max;
	assert(first <= last); /* the gap reaches into the window */
	if (last - first < request->size - 1)
		return false;
	room = last - first - (request->size - 1); /* the starts are [first, first + room] */
	if (request->reverse) {
		past = past_aligned(request, first + room);
		*start = first + room - past;
		return past <= room;
	}
	past = past_aligned(request, first);
	*start = past ? first + (request->align - past) : first;
	return !past || request->align - past <= room;
}

/*
 * From `slot` on, in the direction of the search: the next slot that reaches into the window and
 * whose gap may fit, or -1. In a leaf the gap itself is tested.
 */
static int next_candidate(const struct gap_request *request, const struct ma_level *level, int slot,
			  mt_key *start)
{
	const struct maple_node *node = level->node;
	int step = request->reverse ? -1 : 1;

	for (; slot >= 0 && slot < node->count; slot += step) {
		mt_key first = mt_slot_min(node, (unsigned)slot, level->min);
		mt_key last = mt_slot_max(node, (unsigned)slot, level->max);

		if (request->reverse ? last < request->min : first > request->max)
			return -1;
		if (node->kind == MT_LEAF) {
			if (!mt_slot_present(node, (unsigned)slot) &&
			    fit(request, first, last, start))
				return slot;
		} else if (node->narrow.gap[slot] >= request->size) {
			return slot;
		}
	}
	return -1;
}

/* Leads `path` to the gap that was found. Depth-first over the subtrees whose largest gap may fit. At most one path on each side of the
 * window is walked in vain. Every other subtree entered has a gap of the size. */
static int search_gaps(const struct maple_tree *mt, const struct gap_request *request,
		       struct ma_level *path, mt_key *start)
{
	mt_key from = request->reverse ? request->max : request->min;
	int step = request->reverse ? -1 : 1;
	unsigned depth = 1;
	int slot;

	path[0] = (struct ma_level){mt->ma_root, 0, MT_KEY_MAX, 0};
	slot = (int)mt_search.slot(mt->ma_root, from);
	for (;;) {
		struct ma_level *level = &path[depth - 1];

		slot = next_candidate(request, level, slot, start);
		if (slot < 0) {
			if (--depth == 0)
				return -EBUSY;
			slot = (int)path[depth - 1].slot + step;
			continue;
		}
		level->slot = (unsigned)slot;
		if (level->node->kind == MT_LEAF)
			return 0;
		level[1].node = mt_child(level->node, level->slot);
		level[1].min = mt_slot_min(level->node, level->slot, level->min);
		level[1].max = mt_slot_max(level->node, level->slot, level->max);
		/* The first or the last slot, if the search began outside this node. */
		slot = (int)mt_search.slot(level[1].node, from);
		depth++;
	}
}

static int find_area(const struct maple_tree *mt, const struct gap_request *request,
		     struct ma_level *path, mt_key *start)
{
	if (!mt_tracks_gaps(mt) || !request->size || !request->align ||
	    request->min > request->max || request->size - 1 > request->max - request->min)
		return -EINVAL;
	if (!mt->ma_root)
		return fit(request, 0, MT_KEY_MAX, start) ? 0 : -EBUSY;
	return search_gaps(mt, request, path, start);
}

int mt_empty_area(const struct maple_tree *mt, mt_key min, mt_key max, mt_key size, mt_key align,
		  mt_key zero, bool reverse, mt_key *start)
{
	struct gap_request request = {min,    max, size, align, zero && align ? zero % align : 0,
				      reverse};
	struct ma_level path[MT_MAX_HEIGHT];
	mt_key found;
	int status = find_area(mt, &request, path, &found);

	if (!status)
		*start = found;
	return status;
}

int mt_cursor_area(struct ma_state *mas, mt_key min, mt_key max, mt_key size, bool reverse)
{
	struct gap_request request = {min, max, size, 1, 0, reverse};
	const struct maple_tree *mt = mas->tree;
	mt_key start;
	int status = find_area(mt, &request, mas->path, &start);

	if (status == -EINVAL)
		return status;
	mas_drop_path(mas);
	if (status) {
		mas->status = ma_error;
		return status;
	}
	mas_set_range(mas, start, start + (size - 1));
	mas->status = ma_none;
	mas->seen = mt->ma_generation;
	mas->depth = mt_tree_height(mt);
	if (mas->depth) {
		mas->status = ma_active;
		mas->generation = mt->ma_generation;
	}
	return 0;
}

/* ---- cyclic allocation ---- */

int mt_cyclic_area(struct ma_state *mas, mt_key low, mt_key high, mt_key next)
{
	int status;

	if (low <= high && next > high)
		status = -EBUSY;
	else
		status = mt_cursor_area(mas, next > low ? next : low, high, 1, false);
	if (status != -EBUSY)
		return status;
	status = mt_cursor_area(mas, low, high, 1, false);
	return status ? status : 1;
}

int mt_cyclic_taken(struct maple_tree *mt, mt_key key, int wrapped, mt_key *next)
{
	*next = key + 1;
	if (!wrapped && mt_flags(mt) & MT_FLAGS_ALLOC_WRAPPED) {
		mt_set_wrapped(mt, 0);
		wrapped = 1;
	}
	if (key == MT_KEY_MAX)
		mt_set_wrapped(mt, MT_FLAGS_ALLOC_WRAPPED);
	return wrapped;
}
