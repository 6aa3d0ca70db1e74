/* SPDX-License-Identifier: MIT */
/*
 * One store: the plan, the reserve, and the choice of who writes. See write.h for the order of the
 * steps.
 *
 * Owns, until the tree has taken them over, the pieces that split() made of entries at the ends,
 * the word that merge() made, and the nodes of the reserve. The tree does not change before
 * everything that can fail is done. A stored word, and each piece of a cut entry, gets a reference
 * of its own before the tree changes. The entries that were overwritten or cut lose theirs when the
 * caller releases what was displaced.
 *
 * For tree.c, cursor.c and dup.c.
 */
#include "write.h"
#include "cow.h"
#include "leaf.h"
#include "plan.h"
#include "rebalance.h"
#include "sequence.h"
#include "splice.h"
#include "subtree.h"
#include "value.h"
#include "walk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the plan ---- */

static void slot_entry(const struct ma_level *leaf, unsigned slot, struct mt_entry *entry)
{
	entry->first = mt_slot_min(leaf->node, slot, leaf->min);
	entry->last = mt_slot_max(leaf->node, slot, leaf->max);
	entry->word = leaf->node->wide.slot[slot];
}

/* The slot around a key outside the path's leaf. True if it is a value. */
static __attribute__((noinline)) bool slot_elsewhere(struct ma_state *mas, mt_key index,
						     struct mt_entry *around)
{
	const struct ma_level *above = mt_level_above(mas->path, mas->depth, index);
	unsigned depth = mas->depth - (unsigned)(above - mas->path);
	struct ma_level path[MT_MAX_HEIGHT];
	const struct ma_level *leaf = &path[depth - 1];

	path[0] = *above;
	mt_search.descend(path, depth, index);
	slot_entry(leaf, leaf->slot, around);
	return mt_slot_present(leaf->node, leaf->slot);
}

/* The entry in a slot of the path's leaf; if there is no such slot, the one around a key in another
 * leaf. True if it is a value. */
MT_INLINE bool slot_beside(struct ma_state *mas, unsigned slot, mt_key index,
			   struct mt_entry *beside)
{
	const struct ma_level *leaf = mas_leaf(mas);

	if (slot >= leaf->node->count)
		return slot_elsewhere(mas, index, beside);
	slot_entry(leaf, slot, beside);
	return mt_slot_present(leaf->node, slot);
}

/* Find the slots that the write touches, beginning with the path's. */
MT_INLINE void find_slots(struct mt_write *write)
{
	const struct ma_level *leaf = mas_leaf(write->mas);

	write->low = leaf->slot;
	write->high = leaf->slot + 1;
	if (write->last <= mt_slot_max(leaf->node, leaf->slot, leaf->max))
		return;
	if (write->last > leaf->max)
		write->high = 0;
	else if (write->last > mt_slot_max(leaf->node, write->high++, leaf->max))
		write->high = mt_search.slot(leaf->node, write->last) + 1;
}

/* The slots of the keys before and after the write; no slots of the leaf if they are in other
 * leaves. */
MT_INLINE unsigned slot_before(const struct mt_write *write, const struct ma_level *leaf)
{
	return write->low - (write->first == mt_slot_min(leaf->node, write->low, leaf->min));
}

MT_INLINE unsigned slot_after(const struct mt_write *write, const struct ma_level *leaf)
{
	if (!write->high)
		return leaf->node->count;
	return write->high - (write->last < mt_slot_max(leaf->node, write->high - 1, leaf->max));
}

/* The write has grown to the slots [low, high). If these are not all in the leaf, walk again. */
MT_INLINE void follow_growth(struct mt_write *write)
{
	struct ma_level *leaf = mas_leaf(write->mas);

	if (write->low < leaf->node->count && write->high <= leaf->node->count) {
		leaf->slot = write->low;
	} else {
		mas_path_to(write->mas, write->first);
		find_slots(write);
	}
}

/* A new gap takes in the gaps next to it: two gaps are never neighbours. */
static void grow_gap(struct mt_write *write)
{
	struct ma_state *mas = write->mas;
	const struct ma_level *leaf = mas_leaf(mas);
	unsigned before = slot_before(write, leaf);
	unsigned after = slot_after(write, leaf);
	struct mt_entry neighbour;

	if (write->first > 0 && !slot_beside(mas, before, write->first - 1, &neighbour)) {
		write->first = neighbour.first;
		write->low = before;
	}
	if (write->last < MT_KEY_MAX && !slot_beside(mas, after, write->last + 1, &neighbour)) {
		write->last = neighbour.last;
		write->high = after + 1;
	}
	follow_growth(write);
}

/* Whether two entries that will be neighbours become one: 1, with its word in the plan; 0; or an
 * error. One of them is the neighbour, the other is being stored. */
MT_INLINE int coalesce(struct mt_write *write, struct mt_entry *left, struct mt_entry *right,
		       bool stores_left)
{
	const struct mt_value_ops *ops = write->mt->ma_ops;
	uint64_t word;
	int status;

	if (!ops->merge) {
		struct mt_entry before = *left;
		struct mt_entry behind = *right;

		if (before.last >= write->first && before.first < write->first)
			before.last = write->first - 1;
		if (behind.first <= write->last && behind.last > write->last)
			behind.first = write->last + 1;
		if (!ops->equal(ops->context, &before, &behind))
			return 0;
		write->word = left->word;
		return 1;
	}
	status = ops->merge(ops->context, left, right, stores_left ? left : right, &word);
	if (status <= 0)
		return status;
	if (write->owned)
		mt_release(ops, &write->word, 1);
	write->word = word;
	write->owned = true;
	return 1;
}

/* Prefetch the values that the write is about to compare, those around the path's slot, and the end
 * of small ones. Numbers are at hand. */
static void prefetch_around(const struct mt_value_ops *ops, const struct ma_level *leaf)
{
	unsigned slot = leaf->slot ? leaf->slot - 1 : 0;

	if (!ops->retain)
		return;
	for (unsigned i = 0; i < 3 && slot < leaf->node->count; i++) {
		uintptr_t value = (uintptr_t)leaf->node->wide.slot[slot++]; /* 0 in a gap */

		__builtin_prefetch((const void *)value);
		__builtin_prefetch((const void *)(value + 48));
	}
}

/* A new value takes in its neighbours that become one entry with it. */
static int grow_value(struct mt_write *write)
{
	struct ma_state *mas = write->mas;
	const struct ma_level *leaf = mas_leaf(mas);
	unsigned before = slot_before(write, leaf);
	unsigned after = slot_after(write, leaf);
	struct mt_entry stored = {write->first, write->last, write->word};
	struct mt_entry neighbour;
	int status = 0;

	if (write->first > 0 && slot_beside(mas, before, write->first - 1, &neighbour)) {
		status = coalesce(write, &neighbour, &stored, false);
		if (status > 0) {
			write->first = stored.first = neighbour.first;
			write->low = before;
			stored.word = write->word;
		}
	}
	if (status >= 0 && write->last < MT_KEY_MAX &&
	    slot_beside(mas, after, write->last + 1, &neighbour)) {
		status = coalesce(write, &stored, &neighbour, true);
		if (status > 0) {
			write->last = neighbour.last;
			write->high = after + 1;
		}
	}
	if (status < 0)
		return status;
	follow_growth(write);
	return 0;
}

/* The word for the part [first, last] of an entry that is cut. It has a reference of its own only
 * if split() made it. */
static int cut_value(const struct mt_value_ops *ops, const struct mt_entry *whole, mt_key first,
		     mt_key last, uint64_t *piece)
{
	if (ops && ops->split)
		return ops->split(ops->context, whole, first, last, piece);
	*piece = whole->word;
	return 0;
}

/* Prefetch the values that the write drops: they are about to lose a reference. */
static void prefetch_values(const struct mt_value_ops *ops, const struct maple_node *leaf,
			    unsigned low, unsigned high)
{
	if (!ops)
		return;
	for (unsigned slot = low; slot < high; slot++)
		__builtin_prefetch((const void *)(uintptr_t)leaf->wide.slot[slot], 1);
}

/* Find the pieces that remain of the slots at both ends, and take references to those that are
 * values. */
static int cut_ends(struct mt_write *write)
{
	const struct mt_value_ops *ops = write->mt->ma_ops;
	const struct ma_level *leaf = mas_leaf(write->mas);
	struct mt_entry whole;
	bool present = mt_slot_present(leaf->node, write->low);
	int status;

	slot_entry(leaf, write->low, &whole);
	write->left_piece = whole.first < write->first;
	write->left_present = write->left_piece && present;
	if (write->left_present) {
		status = cut_value(ops, &whole, whole.first, write->first - 1, &write->left_word);
		if (status) {
			write->left_present = false;
			return status;
		}
	}
	if (write->high != write->low + 1)
		present = slot_beside(write->mas, write->high - 1, write->last, &whole);
	write->right_last = whole.last;
	write->right_piece = write->last < whole.last;
	write->right_present = write->right_piece && present;
	if (write->right_present) {
		status = cut_value(ops, &whole, write->last + 1, whole.last, &write->right_word);
		if (status) {
			write->right_present = false;
			return status;
		}
	}
	if (write->high)
		prefetch_values(ops, leaf->node, write->low + write->left_present,
				write->high - write->right_present);
	return 0;
}

/* Plan a write into a tree that has a root. Returns 1; 0 if there is nothing to change; or what a
 * value operation returned. Does not change the tree, but moves the cursor's path. */
static int plan_write(struct mt_write *write)
{
	struct ma_state *mas = write->mas;
	const struct mt_value_ops *ops = write->mt->ma_ops;
	int status = 0;

	mas_path_to(mas, write->first);
	find_slots(write);
	if (!write->present) {
		const struct ma_level *leaf = mas_leaf(mas);

		if (!mt_slot_present(leaf->node, leaf->slot) &&
		    write->last <= mt_slot_max(leaf->node, leaf->slot, leaf->max))
			return 0; /* already a gap */
		grow_gap(write);
	} else if (ops && (ops->equal || ops->merge) && !write->apart) {
		prefetch_around(ops, mas_leaf(mas));
		status = grow_value(write);
	}
	if (!status)
		status = cut_ends(write);
	return status ? status : 1;
}

/* Give up a plan. What was made for it is released like displaced values. */
static void drop_plan(struct mt_write *write)
{
	struct mt_displaced *displaced = write->displaced;

	displaced->dropped[0] = write->left_word;
	displaced->dropped[1] = write->right_word;
	displaced->dropped[2] = write->word;
	displaced->dropped_present = (uint32_t)write->owned << 2;
	if (mt_splits_values(write))
		displaced->dropped_present |=
			(uint32_t)write->left_present | (uint32_t)write->right_present << 1;
}

/* ---- the reserve ---- */

/* Take a reference for the word to be stored, if it has none of its own yet. */
static void retain_word(const struct mt_write *write)
{
	if (!write->owned)
		mt_retain(write->mt->ma_ops, &write->word, write->present);
}

/* Nodes for a write that splits a leaf whose parent is full: two for each level that splits, one
 * for each other level that must be copied. */
static unsigned growth_bound(const struct ma_state *mas)
{
	unsigned bound = 2;
	bool split = true;

	for (unsigned i = mas->depth - 1; i-- > 0;) {
		const struct maple_node *node = mas->path[i].node;

		if (split)
			split = node->count + 1u > mt_capacity((enum mt_kind)node->kind);
		if (!split && !mas->tree->ma_shared)
			return bound;
		bound += 1 + split;
	}
	return bound + split;
}

/* Nodes for a write that leaves one leaf too thin. The leaf and a sibling become one or two. So do
 * their parents, as long as they are shared or lose more than they can spare. */
static unsigned shrink_bound(const struct ma_state *mas)
{
	unsigned bound = 2;

	for (unsigned i = mas->depth - 1; i-- > 0;) {
		const struct maple_node *node = mas->path[i].node;
		unsigned least = i ? mt_min_slots((enum mt_kind)node->kind) : 2;

		/* It may lose two children: a thin last node alone may not be enough to fill up its
		 * neighbour. */
		if (!mas->tree->ma_shared && node->count >= least + 2)
			return bound;
		bound += 2;
	}
	return bound;
}

/* The most nodes that any write takes: three for each level, and a new root. */
unsigned mt_write_bound(const struct maple_tree *mt)
{
	return 3 * mt_tree_height(mt) + 1;
}

static void release_reserve(struct mt_write *write)
{
	if (write->reserved)
		mt_pool_free_bulk(mt_pool_of(write->mt), write->reserved, write->reserve);
}

static int reserve_nodes(struct mt_write *write, unsigned count)
{
	struct ma_state *mas = write->mas;

	while (write->reserved < count && mas->reserve) { /* from mas_preallocate() */
		struct maple_node *node = mas->reserve;

		mas->reserve = (struct maple_node *)(uintptr_t)node->wide.slot[0];
		mas->reserved--;
		write->reserve[write->reserved++] = node;
	}
	if (write->reserved == count)
		return 0;
	if (!mt_pool_alloc_bulk(mt_pool_of(write->mt), count - write->reserved,
				write->reserve + write->reserved)) {
		release_reserve(write);
		return -ENOMEM;
	}
	write->reserved = count;
	return 0;
}

/* The first entry of an empty tree. */
static int write_first(struct mt_write *write)
{
	struct maple_tree *mt = write->mt;
	struct maple_node *leaf;
	unsigned slot = write->first > 0;
	int status = reserve_nodes(write, 1);

	if (status)
		return status;
	leaf = write->reserve[--write->reserved];
	mt_put(leaf->kind, MT_LEAF);
	mt_put(leaf->version, 0);
	mt_put(leaf->count, slot + 1 + (write->last < MT_KEY_MAX));
	mt_put(leaf->present, 1u << slot);
	mt_pad_pivots(leaf, 0);
	for (unsigned i = 0; i < MT_WIDE_SLOTS; i++)
		mt_put(leaf->wide.slot[i], 0);
	if (slot)
		mt_put_key(&leaf->pivot[0], write->first - 1);
	mt_put_key(&leaf->pivot[slot], write->last);
	mt_put(leaf->wide.slot[slot], write->word);
	retain_word(write);
	mt_change_begin(mt);
	mt_reset_root(mt);
	mt_set_root(mt, leaf, 1);
	mt_change_end(mt);
	mt->ma_entries = 1;
	mt_covered_add(mt->ma_covered, write->first, write->last);
	return 0;
}

/* Whether the parent of the path's leaf has room for one more child. */
static bool parent_has_room(const struct ma_state *mas)
{
	const struct maple_node *parent;

	if (mas->depth < 2)
		return false;
	parent = mas->path[mas->depth - 2].node;
	return parent->count < mt_capacity((enum mt_kind)parent->kind);
}

/* The slots of the leaf whose references pass to a piece. A slot that is cut in the middle leaves
 * two pieces, and needs one more reference. */
static uint32_t keep_cut_slots(const struct mt_write *write)
{
	uint32_t left = (uint32_t)write->left_present << write->low;
	uint32_t right = (uint32_t)write->right_present << (write->high - 1);

	if (left & right)
		mt_retain(write->mt->ma_ops, &write->right_word, 1);
	return left | right;
}

/* The write whose leaf becomes `size` slots. The leaf has room for them, or the leaf next to it
 * has, or the parent has room for a new leaf. */
static int write_in_leaf(struct mt_write *write, unsigned size, enum mt_sibling sibling)
{
	unsigned depth = write->mas->depth;
	unsigned levels = mas_private_levels(write->mas);
	unsigned needed = depth - levels + (size > MT_WIDE_SLOTS && !sibling);

	if (needed) {
		int status = reserve_nodes(write, needed);

		if (status)
			return status;
	}
	retain_word(write);
	if (levels < depth)
		mt_cow_path(write, levels);
	write->kept = mt_splits_values(write) ? 0 : keep_cut_slots(write);
	if (size <= MT_WIDE_SLOTS)
		mt_leaf_write(write);
	else if (sibling)
		mt_leaf_share(write, sibling);
	else
		mt_leaf_split(write);
	return 0;
}

/* The write into a tree that has a root, planned and cut. */
static int write_planned(struct mt_write *write)
{
	struct ma_state *mas = write->mas;
	unsigned bound = mt_write_bound(write->mt);
	int status;

	if (write->high) {
		const struct maple_node *leaf = mas_leaf(mas)->node;
		unsigned size = mt_leaf_size(write, leaf);
		enum mt_sibling sibling = MT_NO_SIBLING;

		if (mt_leaf_too_thin(leaf, size, write->present)) {
			bound = shrink_bound(mas);
		} else {
			if (size > MT_WIDE_SLOTS && mas_path_private(mas))
				sibling = mt_leaf_find_sibling(write, size);
			if (size <= MT_WIDE_SLOTS || sibling || parent_has_room(mas))
				return write_in_leaf(write, size, sibling);
			bound = growth_bound(mas);
		}
	}
	status = reserve_nodes(write, bound);
	if (status)
		return status;
	retain_word(write);
	if (!mt_splits_values(write)) {
		mt_retain(write->mt->ma_ops, &write->left_word, write->left_present);
		mt_retain(write->mt->ma_ops, &write->right_word, write->right_present);
	}
	mt_splice(write);
	mas->depth = 0; /* the path is that of the tree before the write */
	release_reserve(write);
	return 0;
}

/* Any write, from its plan on, or from the start if it is not planned yet. */
static __attribute__((noinline)) int write_by_plan(struct mt_write *write, bool planned)
{
	struct ma_state *mas = write->mas;
	struct maple_tree *mt = write->mt;
	int status = 1;

	write->owned = false;
	write->reserved = 0;
	if (!planned) {
		write->first = mas->index;
		write->last = mas->last;
		write->left_present = write->right_present = false;
		write->left_word = write->right_word = 0;
	}
	mt->ma_busy = true;
	if (!mt->ma_root) {
		mas->depth = 0;
		status = write->present ? write_first(write) : 0;
	} else {
		if (!planned)
			status = plan_write(write);
		if (status > 0)
			status = write_planned(write);
	}
	if (status)
		drop_plan(write);
	mt->ma_busy = false;
	return status;
}

/* The fast path: words without references in private nodes. */
static inline enum mt_leaf_store write_words(struct ma_state *mas, uint64_t word,
					     enum mt_content content, struct mt_write *planned)
{
	const struct maple_tree *mt = mas->tree;

	if (!mt->ma_root || mt->ma_shared)
		return MT_LEAF_NO_PLAN;
	if (!mt->ma_ops) {
		mas_path_to(mas, mas->index);
		return mt_leaf_store(mas, word, content != MT_GAP, planned);
	}
	if (!mt->ma_ops->merge_equal || content == MT_VALUE_APART)
		return MT_LEAF_NO_PLAN;
	mas_path_to(mas, mas->index);
	if (content == MT_GAP)
		return mt_leaf_store(mas, word, false, planned);
	return mt_leaf_store_merging(mas, word, planned);
}

#ifdef MT_DEBUG
/* Debug builds check the tree after each write: a small tree always, a large one now and then,
 * since the check takes O(n). */
static void check_written(const struct maple_tree *mt)
{
	char reason[200];

	if (mt_tree_height(mt) > 2 && mt->ma_generation % 256)
		return;
	if (mt_validate(mt, reason, sizeof(reason))) { /* GCOVR_EXCL_LINE: no write breaks a tree */
		fprintf(stderr, "maple tree broken by a write: %s\n", reason); /* GCOVR_EXCL_LINE */
		abort();                                                       /* GCOVR_EXCL_LINE */
	}
}
#else
static void check_written(const struct maple_tree *mt)
{
	(void)mt;
}
#endif

int mt_write_range(struct ma_state *mas, uint64_t word, enum mt_content content,
		   struct mt_displaced *displaced)
{
	struct maple_tree *mt = mas->tree;
	bool present = content != MT_GAP;
	enum mt_leaf_store way;
	struct mt_write write;

	mt_displaced_init(displaced);
	if (mas->index > mas->last)
		return -EINVAL;
	if (mt->ma_busy)
		return -EBUSY;
	if (!present)
		word = 0;
	way = write_words(mas, word, content, &write);
	if (way != MT_LEAF_STORED) {
		int status;

		write.mas = mas;
		write.mt = mt;
		write.word = word;
		write.present = present;
		write.apart = content == MT_VALUE_APART;
		write.displaced = displaced;
		status = write_by_plan(&write, way == MT_LEAF_PLANNED);
		if (status) {
			mas_drop_path(mas); /* the plan has moved the path */
			return status;
		}
		word = write.word; /* perhaps merge()'s */
	}
	mt->ma_generation++;
	if (mas->depth)
		mas->generation = mt->ma_generation;
	mas->word = word;
	mas->present = present;
	mas->status = ma_active;
	check_written(mt);
	return 0;
}
