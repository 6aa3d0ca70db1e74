/* SPDX-License-Identifier: MIT */
/*
 * Two trees side by side: their differences, and whether they are the same. Owns nothing and writes
 * neither tree. Public: mt_diff_*(), mt_diff(). For sets.c: stretches (diff.h).
 *
 * Each side stands on a slot of some node: on a subtree, or in a leaf on a range or gap. Both stand
 * around one key.
 *
 *        a  [ . | A . . ]    same height: A is B, so both step over it whole; likewise if they
 *                            are leaves with equal contents. A is not B, so both go down
 *        b  [ . . | B . ]    else the one that stands higher goes down
 *
 * Invariants
 *   - A side stands on a subtree only if that begins at the key. So a node that both trees share is
 *     always met on both sides at once, before either side goes into it.
 *   - A node covers the same keys for its whole life, in every tree.
 */
#include "diff.h"

#include <errno.h>

/* How high the subtree is that a side stands on. 0: it stands on a range or gap. */
static uint32_t height_of(const struct mt_diff_side *side)
{
	return side->height - side->depth;
}

static struct maple_node *node_of(const struct mt_diff_side *side)
{
	const struct ma_level *level;

	if (!side->depth)
		return side->root;
	level = &side->path[side->depth - 1];
	return mt_child(level->node, level->slot);
}

static void begin_side(struct mt_diff_side *side, const struct maple_tree *mt)
{
	side->root = mt->ma_root;
	side->height = mt_tree_height(mt);
	side->depth = 0;
	side->first = 0;
	side->last = MT_KEY_MAX;
}

void mt_diff_begin(struct mt_diff_walk *walk, const struct maple_tree *a,
		   const struct maple_tree *b, enum mt_diff_words words)
{
	begin_side(&walk->a, a);
	begin_side(&walk->b, b);
	walk->key = 0;
	walk->words = words;
	walk->done = false;
}

static void stand_on_slot(struct mt_diff_side *side)
{
	const struct ma_level *level = &side->path[side->depth - 1];

	side->first = mt_slot_min(level->node, level->slot, level->min);
	side->last = mt_slot_max(level->node, level->slot, level->max);
}

/* Into the subtree, to its first slot. */
static void go_down(struct mt_diff_side *side)
{
	struct maple_node *node = node_of(side);

	side->path[side->depth++] = (struct ma_level){node, side->first, side->last, 0};
	stand_on_slot(side);
}

/* To the next slot of the lowest node on the path that has one. There must be one. */
static void go_on(struct mt_diff_side *side)
{
	struct ma_level *level = &side->path[side->depth - 1];

	while (level->slot + 1 == level->node->count) {
		side->depth--;
		assert(side->depth);
		level--;
	}
	level->slot++;
	stand_on_slot(side);
}

static void read_slot(const struct mt_diff_side *side, struct mt_slot *out)
{
	const struct ma_level *leaf;

	out->first = side->first;
	out->last = side->last;
	out->word = 0;
	out->present = false;
	if (!side->depth) /* an empty tree */
		return;
	leaf = &side->path[side->depth - 1];
	out->word = leaf->node->wide.slot[leaf->slot];
	out->present = mt_slot_present(leaf->node, leaf->slot);
}

/* Whether both sides stand on leaves with the same contents: trees that share no nodes can still be
 * equal. */
static bool equal_leaves(const struct mt_diff_side *a, const struct mt_diff_side *b)
{
	const struct maple_node *one = node_of(a);
	const struct maple_node *two = node_of(b);

	/* The header and all pivots, which are there whatever the count is. */
	return a->last == b->last && !memcmp(one, two, offsetof(struct maple_node, wide.slot)) &&
	       !memcmp(one->wide.slot, two->wide.slot, one->count * sizeof(uint64_t));
}

/* Whether both sides stand on the same subtree, at heights `in_a` and `in_b`. */
static bool same_below(const struct mt_diff_walk *walk, uint32_t in_a, uint32_t in_b)
{
	if (!in_a || in_a != in_b)
		return false;
	if (node_of(&walk->a) == node_of(&walk->b))
		return true;
	return in_a == 1 && walk->words != mt_diff_apart && equal_leaves(&walk->a, &walk->b);
}

bool mt_next_stretch(struct mt_diff_walk *walk, struct mt_stretch *out)
{
	struct mt_diff_side *a = &walk->a;
	struct mt_diff_side *b = &walk->b;

	if (walk->done)
		return false;
	for (;;) {
		uint32_t in_a = height_of(a);
		uint32_t in_b = height_of(b);

		out->shared = same_below(walk, in_a, in_b);
		if (out->shared || !(in_a || in_b))
			break;
		if (in_a >= in_b)
			go_down(a);
		if (in_b >= in_a)
			go_down(b);
	}
	if (!out->shared) {
		read_slot(a, &out->a);
		read_slot(b, &out->b);
	}
	out->first = walk->key;
	out->last = a->last < b->last ? a->last : b->last;
	walk->done = out->last == MT_KEY_MAX;
	if (walk->done)
		return true;
	walk->key = out->last + 1;
	if (a->last == out->last)
		go_on(a);
	if (b->last == out->last)
		go_on(b);
	return true;
}

static bool same_ends(const struct mt_slot *a, const struct mt_slot *b)
{
	return a->first == b->first && a->last == b->last;
}

static bool same_contents(const struct mt_slot *a, const struct mt_slot *b,
			  enum mt_diff_words words)
{
	if (a->present != b->present)
		return false;
	if (!a->present)
		return true;
	return words != mt_diff_apart && a->word == b->word &&
	       (words == mt_diff_equal || same_ends(a, b));
}

bool mt_same_slots(const struct mt_slot *a, const struct mt_slot *b)
{
	return same_ends(a, b) && same_contents(a, b, mt_diff_equal);
}

static void make_difference(const struct mt_stretch *at, struct mt_difference *out)
{
	out->first = at->first;
	out->last = at->last;
	out->a = (struct mt_entry){at->a.first, at->a.last, at->a.word};
	out->b = (struct mt_entry){at->b.first, at->b.last, at->b.word};
	out->a_present = at->a.present;
	out->b_present = at->b.present;
}

int mt_diff_next_within(struct mt_diff_walk *walk, uint64_t most, struct mt_difference *out)
{
	struct mt_stretch at;

	for (; most && mt_next_stretch(walk, &at); most--) {
		if (at.shared || same_contents(&at.a, &at.b, walk->words))
			continue;
		make_difference(&at, out);
		return 1;
	}
	return walk->done ? 0 : -EAGAIN;
}

bool mt_diff_next(struct mt_diff_walk *walk, struct mt_difference *out)
{
	return mt_diff_next_within(walk, UINT64_MAX, out) > 0;
}

int mt_diff_next_word(struct mt_diff_walk *walk, struct mt_difference *out)
{
	struct mt_stretch at;

	while (mt_next_stretch(walk, &at)) {
		if (at.shared)
			continue;
		if (!same_ends(&at.a, &at.b) || at.a.present != at.b.present)
			return -EINVAL;
		if (same_contents(&at.a, &at.b, walk->words))
			continue;
		make_difference(&at, out);
		return 1;
	}
	return 0;
}

int mt_diff(const struct maple_tree *a, const struct maple_tree *b,
	    int (*emit)(void *context, const struct mt_difference *difference), void *context)
{
	struct mt_difference difference;
	struct mt_diff_walk walk;
	int status = 0;

	mt_diff_begin(&walk, a, b, mt_diff_equal);
	while (!status && mt_diff_next(&walk, &difference))
		status = emit(context, &difference);
	return status;
}
