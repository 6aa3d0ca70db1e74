/* SPDX-License-Identifier: MIT */
/*
 * Building a tree from sorted ranges, and reading them back. First the input is checked and its
 * slots (entries and the gaps between them) are counted, so the shape is known: full leaves, and
 * above them nodes whose children differ by at most one leaf in what they hold. Then one pass over
 * the input fills the tree depth-first. All children of a node are allocated at once.
 *
 * Owns the nodes that it makes until the last one is filled; then the tree owns them. Public:
 * mt_build(), mt_read().
 */
#include "gap.h"
#include "sequence.h"
#include "subtree.h"
#include "value.h"

#include <errno.h>

#define MT_READ_AHEAD 4u /* leaves */

struct build {
	struct maple_tree *mt;
	struct maple_pool *pool;
	const mt_key *first;
	const mt_key *last;
	const uint64_t *words;
	size_t count;
	size_t at;    /* the next entry */
	mt_key key;   /* the first key not yet in a slot */
	size_t slots; /* still to come */
	bool trailing_gap;
	uint32_t gap;   /* 1 if the last slot was one */
	uint32_t gaps;  /* not 0: a gap followed another, or is alone in a leaf */
	unsigned falls; /* slots that do not end above the one before; the first counts as such */
	mt_key covered; /* keys in entries so far, less one for each entry */
};

/* Whether what is filled so far is a row of slots that are in order. The input is in memory that
 * others can write after it has been checked. */
static bool in_order(const struct build *build)
{
	return build->falls == 1 && !build->gaps;
}

static int check_input(struct build *build, size_t *bad)
{
	build->key = 0;
	build->slots = build->count;
	for (size_t i = 0; i < build->count; i++) {
		if (build->first[i] > build->last[i] ||
		    (i && build->first[i] <= build->last[i - 1])) {
			if (bad)
				*bad = i;
			return -EINVAL;
		}
		build->slots += build->first[i] > build->key;
		build->key = build->last[i] + 1;
	}
	build->trailing_gap = build->key != 0;
	build->slots += build->trailing_gap;
	build->key = 0;
	return 0;
}

/* Fill the next leaf. It is full, except for the last one, and for the one before it if otherwise
 * the last would hold only a gap. */
static void fill_leaf(struct build *build, struct maple_node *leaf)
{
	size_t slots = build->slots < MT_WIDE_SLOTS ? build->slots : MT_WIDE_SLOTS;
	const mt_key *firsts = build->first;
	const mt_key *lasts = build->last;
	const uint64_t *words = build->words;
	size_t count = build->count;
	size_t at = build->at;
	mt_key key = build->key;
	mt_present present = 0;
	mt_key before = key - 1;
	mt_key covered = 0;
	unsigned falls = 0;
	uint32_t gaps;

	if (build->slots == MT_WIDE_SLOTS + 1 && build->trailing_gap)
		slots--;
	build->slots -= slots;
	mt_put(leaf->kind, MT_LEAF);
	mt_put(leaf->version, 0);
	mt_put(leaf->count, slots);
	for (unsigned i = 0; i < slots; i++) {
		mt_key last;

		if (at < count && firsts[at] == key) {
			mt_put(leaf->wide.slot[i], words[at]);
			present |= (mt_present)(1u << i);
			last = lasts[at++];
			covered += last - key;
		} else {
			mt_put(leaf->wide.slot[i], 0);
			last = at < count ? firsts[at] - 1 : MT_KEY_MAX;
		}
		falls += last <= before;
		before = last;
		if (i + 1 < slots)
			mt_put_key(&leaf->pivot[i], last);
		key = last + 1;
	}
	mt_put(leaf->present, present);
	build->at = at;
	build->key = key;
	build->covered += covered;
	build->falls += falls;
	gaps = ~(uint32_t)present & mt_slot_mask(0, (unsigned)slots);
	build->gaps |= gaps & (gaps << 1 | build->gap | (slots == 1));
	build->gap = gaps >> (slots - 1);
	mt_pad_pivots(leaf, leaf->count - 1u);
	mt_retain(build->mt->ma_ops, leaf->wide.slot, present);
}

/* Fill `node`, of that height, with `leaves` leaves below it. `below` of them fit under one
 * child. */
static int fill_internal(struct build *build, struct maple_node *node, uint32_t height,
			 size_t leaves, size_t below)
{
	enum mt_kind kind = mt_internal_kind(build->mt);
	struct maple_node *children[MT_MAX_SLOTS];
	unsigned count = (unsigned)((leaves + below - 1) / below);
	unsigned done;

	if (!mt_pool_alloc_bulk(build->pool, count, children))
		return -ENOMEM;
	mt_put(node->kind, kind);
	mt_put(node->version, 0);
	mt_put(node->present, 0);
	mt_put(node->count, count);
	if (kind == MT_NARROW)
		for (unsigned i = 0; i < MT_NARROW_SLOTS; i++)
			mt_put_key(&node->narrow.gap[i], 0);
	for (done = 0; done < count; done++) {
		mt_key min = build->key;
		size_t share = leaves / (count - done);

		mt_put(mt_slots(node)[done], (uintptr_t)children[done]);
		leaves -= share;
		if (height == 2)
			fill_leaf(build, children[done]);
		else if (fill_internal(build, children[done], height - 1, share,
				       below / mt_capacity(kind)))
			goto undo;
		if (done + 1 < count)
			mt_put_key(&node->pivot[done], build->key - 1);
		if (kind == MT_NARROW && in_order(build))
			mt_put_key(&node->narrow.gap[done],
				   mt_node_gap(children[done], min, build->key - 1));
	}
	mt_pad_pivots(node, count - 1);
	return 0;

undo:
	mt_children_free(build->pool, build->mt->ma_ops, children, done, count, height - 1);
	return -ENOMEM;
}

int mt_build(struct maple_tree *mt, const mt_key *first, const mt_key *last, const uint64_t *words,
	     size_t count, size_t *bad)
{
	struct build build = {
		.mt = mt,
		.pool = mt_pool_of(mt),
		.first = first,
		.last = last,
		.words = words,
		.count = count,
	};
	struct maple_node *root = NULL;
	uint32_t height = 1;
	size_t leaves, below = 1;
	int status;

	mtree_lock(mt);
	status = mtree_empty(mt) ? check_input(&build, bad) : -EINVAL;
	if (!status && mt->ma_busy)
		status = -EBUSY;
	if (status || !count)
		goto out;
	leaves = (build.slots + MT_WIDE_SLOTS - 1) / MT_WIDE_SLOTS;
	status = -ENOMEM;
	if (!mt_pool_alloc_bulk(build.pool, 1, &root))
		goto out;
	if (leaves == 1) {
		fill_leaf(&build, root);
	} else {
		for (height = 2; leaves > below * mt_capacity(mt_internal_kind(mt)); height++)
			below *= mt_capacity(mt_internal_kind(mt));
		if (fill_internal(&build, root, height, leaves, below)) {
			mt_free_one(build.pool, root);
			goto out;
		}
	}
	if (!in_order(&build) || build.key || build.at != count) {
		mt_subtree_put(build.pool, mt->ma_ops, root, height);
		status = -EAGAIN;
		goto out;
	}
	mt_change_begin(mt);
	mt_set_root(mt, root, height);
	mt_change_end(mt);
	mt->ma_entries = count;
	mt->ma_covered[0] = build.covered + count;
	mt->ma_covered[1] = !mt->ma_covered[0]; /* all keys */
	mt->ma_generation++;
	status = 0;
out:
	mtree_unlock(mt);
	return status;
}

/* ---- reading back --------------------------------------------------------------------------- */

struct reader {
	mt_key *first;
	mt_key *last;
	uint64_t *words;
};

/* Each slot is written to the place of the next entry, and kept if it is an entry. Whether it is
 * one is unpredictable for the processor. If a leaf ends with a gap, another leaf follows, except
 * after the tree's last one. */
static void read_leaf(struct reader *to, const struct maple_node *leaf, mt_key min, mt_key max)
{
	unsigned count = leaf->count;
	size_t at = 0;

	if (!mt_slot_present(leaf, count - 1u) && max == MT_KEY_MAX)
		count--;
	for (unsigned i = 0; i < count; i++) {
		mt_key end = i + 1u < leaf->count ? leaf->pivot[i] : max;

		to->first[at] = min;
		to->last[at] = end;
		to->words[at] = leaf->wide.slot[i];
		at += mt_slot_present(leaf, i);
		min = end + 1;
	}
	to->first += at;
	to->last += at;
	to->words += at;
}

static void read_subtree(struct reader *to, const struct maple_node *node, mt_key min, mt_key max)
{
	if (node->kind == MT_LEAF) {
		read_leaf(to, node, min, max);
		return;
	}
	for (unsigned i = 0; i < node->count; i++) {
		if (i + MT_READ_AHEAD < node->count)
			mt_prefetch_node(mt_child(node, i + MT_READ_AHEAD));
		read_subtree(to, mt_child(node, i), mt_slot_min(node, i, min),
			     mt_slot_max(node, i, max));
	}
}

size_t mt_read(const struct maple_tree *mt, mt_key *first, mt_key *last, uint64_t *words)
{
	struct reader reader = {first, last, words};

	if (mt->ma_root)
		read_subtree(&reader, mt->ma_root, 0, MT_KEY_MAX);
	return (size_t)(reader.first - first);
}
