/* SPDX-License-Identifier: MIT */
/*
 * The writing half of the cursor's interface, and the nodes that a cursor may hold in reserve. They
 * form a list through their first slots. The cursor owns them until a store uses them or
 * mas_destroy() gives them back. Public only. The caller holds the lock.
 */
#include "cow.h"
#include "gap.h"
#include "sequence.h"
#include "subtree.h"
#include "value.h"
#include "walk.h"
#include "write.h"

#include <errno.h>

/* Store a new value for exactly the entry that the cursor stands on, as loops over a tree do: one
 * word changes. Not for a value that may coalesce. */
static inline bool replace_here(struct ma_state *mas, uint64_t word)
{
	struct maple_tree *mt = mas->tree;
	const struct mt_value_ops *ops = mt->ma_ops;
	struct ma_level *leaf;
	uint64_t old;

	if (!mas_has_path(mas) || mas->status != ma_active || mt->ma_busy)
		return false;
	leaf = mas_leaf(mas);
	if (!mt_slot_present(leaf->node, leaf->slot) ||
	    mas->index != mt_slot_min(leaf->node, leaf->slot, leaf->min) ||
	    mas->last != mt_slot_max(leaf->node, leaf->slot, leaf->max) || !mas_path_private(mas))
		return false;
	old = leaf->node->wide.slot[leaf->slot];
	mt_retain(ops, &word, 1);
	mt_leaf_replace(leaf->node, leaf->slot, word);
	mas->word = word;
	mas->generation = mas->seen = ++mt->ma_generation;
	mt_release(ops, &old, 1);
	return true;
}

/* The call fails. The place stays. */
static int fail(struct ma_state *mas, int status)
{
	mas->status = ma_error;
	return status;
}

/* Kept apart, so that a replaced value does not pay for it. */
static __attribute__((noinline)) int cursor_write(struct ma_state *mas, uint64_t word,
						  enum mt_content content)
{
	struct mt_displaced displaced;
	int status = mt_write_range(mas, word, content, &displaced);

	if (status)
		fail(mas, status);
	else
		mas->seen = mas->tree->ma_generation;
	/* Last, since releasing can call back. What that writes is another writer's. */
	if (mt_displaced_any(&displaced))
		mt_release_displaced(mt_pool_of(mas->tree), mas->tree->ma_ops, &displaced);
	return status;
}

static inline int store_word(struct ma_state *mas, uint64_t word)
{
	const struct mt_value_ops *ops = mas->tree->ma_ops;
	bool coalesces = ops && (ops->equal || ops->merge);

	return !coalesces && replace_here(mas, word) ? 0 : cursor_write(mas, word, MT_VALUE);
}

int mas_store_word(struct ma_state *mas, uint64_t word)
{
	return store_word(mas, word);
}

int mas_store_apart_word(struct ma_state *mas, uint64_t word)
{
	return replace_here(mas, word) ? 0 : cursor_write(mas, word, MT_VALUE_APART);
}

bool mas_replace_word(struct ma_state *mas, uint64_t word)
{
	return replace_here(mas, word);
}

int mas_clear(struct ma_state *mas)
{
	bool empty = mtree_empty(mas->tree);
	int status = cursor_write(mas, 0, MT_GAP);

	if (status)
		return status;
	if (empty) {
		mas->status = ma_none;
		return 0;
	}
	if (!mas_has_path(mas))
		mas_descend(mas, mas->index);
	mas_read_slot(mas); /* the whole gap */
	return 0;
}

int mas_store(struct ma_state *mas, void *entry)
{
	return entry ? store_word(mas, (uint64_t)(uintptr_t)entry) : mas_clear(mas);
}

int mas_insert(struct ma_state *mas, void *entry)
{
	mt_key first = mas->index;
	mt_key last = mas->last;
	int status = mas_expect_free(mas);

	if (!status)
		return mas_store(mas, entry);
	mas_set_range(mas, first, last);
	return fail(mas, status);
}

int mas_erase(struct ma_state *mas, void **erased)
{
	mt_key index = mas->index;
	mt_key last = mas->last;
	void *entry = NULL;
	int status = 0;

	if (mtree_empty(mas->tree)) {
		mas_reset(mas);
		mas->seen = mas->tree->ma_generation;
		mas->status = ma_none;
	} else {
		entry = mas_walk(mas);
		if (mas->present)
			status = mas_clear(mas);
	}
	if (status) {
		mas_set_range(mas, index, last);
		return fail(mas, status);
	}
	if (erased)
		*erased = entry;
	return 0;
}

int mas_empty_area(struct ma_state *mas, mt_key min, mt_key max, mt_key size)
{
	return mt_cursor_area(mas, min, max, size, false);
}

int mas_empty_area_rev(struct ma_state *mas, mt_key min, mt_key max, mt_key size)
{
	return mt_cursor_area(mas, min, max, size, true);
}

int mas_alloc_cyclic(struct ma_state *mas, mt_key *start, void *entry, mt_key low, mt_key high,
		     mt_key *next)
{
	mt_key index = mas->index;
	mt_key last = mas->last;
	int wrapped;
	int status;

	if (!entry)
		return -EINVAL;
	wrapped = mt_cyclic_area(mas, low, high, *next);
	if (wrapped < 0)
		return wrapped;
	status = mas_store(mas, entry);
	if (status) {
		mas_set_range(mas, index, last);
		return fail(mas, status);
	}
	*start = mas->index;
	return mt_cyclic_taken(mas->tree, *start, wrapped, next);
}

int mas_preallocate(struct ma_state *mas, void *entry)
{
	struct maple_node *nodes[3 * MT_MAX_HEIGHT + 1];
	unsigned bound = mt_write_bound(mas->tree);

	(void)entry; /* the bound holds for any value */
	if (mas->index > mas->last)
		return -EINVAL;
	if (mas->reserved >= bound)
		return 0;
	bound -= mas->reserved;
	if (!mt_pool_alloc_bulk(mt_pool_of(mas->tree), bound, nodes))
		return -ENOMEM;
	for (unsigned i = 0; i < bound; i++) {
		mt_put(nodes[i]->wide.slot[0], (uintptr_t)mas->reserve);
		mas->reserve = nodes[i];
	}
	mas->reserved += bound;
	return 0;
}

void mas_destroy(struct ma_state *mas)
{
	while (mas->reserve) {
		struct maple_node *node = mas->reserve;

		mas->reserve = (struct maple_node *)(uintptr_t)node->wide.slot[0];
		mt_free_one(mt_pool_of(mas->tree), node);
	}
	mas->reserved = 0;
}

int mas_store_prealloc(struct ma_state *mas, void *entry)
{
	int status = mas_store(mas, entry);

	mas_destroy(mas);
	return status;
}
