/* SPDX-License-Identifier: MIT */
/*
 * Whole trees: duplicate, fork, slice, destroy. Public only.
 *
 * mtree_dup() is __mt_dup() of the kernel's patch series: one depth-first pre-order pass over the
 * source. A node is copied whole. When the pass meets an internal node, it allocates all children
 * at once, all or nothing. They replace the source's children in the copy. If an allocation fails,
 * everything made so far is freed and the new tree stays empty. Recursion is as deep as the tree is
 * high, at most MT_MAX_HEIGHT.
 *
 *        source   [ a b c ]         copy   [ a b c ]     copied whole: still the source's children
 *                  | | |                    | | |
 *                  A B C                    A'B'C'       allocated at once, then filled one by one
 */
#include "lock.h"
#include "search.h"
#include "sequence.h"
#include "subtree.h"
#include "value.h"
#include "write.h"

#include <errno.h>

/* Replace the children of `copy`, which are still the source's, by copies of their own. `height` is
 * the node's. On error none is left. */
static int dup_children(struct maple_pool *pool, const struct mt_value_ops *ops,
			struct maple_node *copy, uint32_t height)
{
	struct maple_node *children[MT_MAX_SLOTS];
	uint64_t *slots = mt_slots(copy);
	unsigned count = copy->count;
	unsigned done;

	if (!mt_pool_alloc_bulk(pool, count, children))
		return -ENOMEM;
	for (done = 0; done < count; done++) {
		const struct maple_node *source = (const struct maple_node *)(uintptr_t)slots[done];
		struct maple_node *child = children[done];

		if (done + 1 < count)
			mt_prefetch_node((const struct maple_node *)(uintptr_t)slots[done + 1]);
		mt_search.copy(child, source);
		mt_put(slots[done], (uintptr_t)child);
		if (height > 2) {
			if (dup_children(pool, ops, child, height - 1))
				goto undo;
		} else if (ops) {
			mt_retain(ops, source->wide.slot, source->present);
		}
	}
	return 0;

undo:
	/* The child at `done` has lost its own children already. Those after it are not copied
	 * yet. */
	mt_children_free(pool, ops, children, done, count, height - 1);
	return -ENOMEM;
}

static void copy_counts(const struct maple_tree *mt, struct maple_tree *new_tree)
{
	new_tree->ma_counted = mt->ma_counted;
	new_tree->ma_entries = mt->ma_entries;
	new_tree->ma_covered[0] = mt->ma_covered[0];
	new_tree->ma_covered[1] = mt->ma_covered[1];
}

static void copy_state(const struct maple_tree *mt, struct maple_tree *new_tree)
{
	mt_set_wrapped(new_tree, mt_flags(mt) & MT_FLAGS_ALLOC_WRAPPED);
	copy_counts(mt, new_tree);
}

int __mt_dup(struct maple_tree *mt, struct maple_tree *new_tree)
{
	struct maple_pool *pool = mt_pool_of(new_tree);
	struct maple_node *root;

	if (mt_attr(mt) != mt_attr(new_tree) || mt->ma_ops != new_tree->ma_ops ||
	    !mtree_empty(new_tree))
		return -EINVAL;
	if (new_tree->ma_busy)
		return -EBUSY;
	if (!mt->ma_root) {
		copy_state(mt, new_tree);
		return 0;
	}
	if (!mt_pool_alloc_bulk(pool, 1, &root))
		return -ENOMEM;
	mt_search.copy(root, mt->ma_root);
	if (root->kind == MT_LEAF) {
		mt_retain(mt->ma_ops, root->wide.slot, root->present);
	} else if (dup_children(pool, mt->ma_ops, root, mt_tree_height(mt))) {
		mt_free_one(pool, root);
		return -ENOMEM;
	}
	mt_change_begin(new_tree);
	mt_set_root(new_tree, root, mt_tree_height(mt));
	mt_change_end(new_tree);
	copy_state(mt, new_tree);
	new_tree->ma_generation++;
	return 0;
}

int mtree_dup(struct maple_tree *mt, struct maple_tree *new_tree)
{
	int status;

	if (mt == new_tree)
		return -EINVAL;
	mtree_lock(mt);
	mtree_lock_nested(new_tree, MT_LOCK_NESTED);
	status = __mt_dup(mt, new_tree);
	mtree_unlock(new_tree);
	mtree_unlock(mt);
	return status;
}

void mt_fork(struct maple_tree *mt, struct maple_tree *new_tree)
{
	if (mt->ma_root) {
		mt_node_get(mt_pool_of(mt), mt->ma_root);
		mt->ma_shared = true;
	}
	mt->ma_forks++;
	mt_init_pool(new_tree, 0, mt->ma_pool, mt->ma_ops);
	new_tree->ma_external_lock = mt->ma_external_lock;
	new_tree->ma_root = mt->ma_root;
	new_tree->ma_flags = mt_flags(mt); /* the height too */
	new_tree->ma_shared = mt->ma_shared;
	copy_counts(mt, new_tree);
}

void mt_exchange(struct maple_tree *mt, struct maple_tree *other)
{
	/* All but the lock, for which others may be waiting. */
	struct maple_tree old = {.ma_root = mt->ma_root,
				 .ma_flags = mt_flags(mt),
				 .ma_pool = mt->ma_pool,
				 .ma_ops = mt->ma_ops,
				 .ma_shared = mt->ma_shared};

	copy_counts(mt, &old);
	mt_change_begin(mt);
	__atomic_store_n(&mt->ma_root, other->ma_root, MT_FENCED_STORE);
	__atomic_store_n(&mt->ma_flags, mt_flags(other), __ATOMIC_RELAXED);
	mt_change_end(mt);
	mt->ma_pool = other->ma_pool;
	mt->ma_ops = other->ma_ops;
	mt->ma_shared = other->ma_shared;
	copy_counts(other, mt);
	mt->ma_generation++;
	other->ma_root = old.ma_root;
	other->ma_flags = old.ma_flags;
	other->ma_pool = old.ma_pool;
	other->ma_ops = old.ma_ops;
	other->ma_shared = old.ma_shared;
	copy_counts(&old, other);
	other->ma_generation++;
}

void mt_snapshot_begin(struct maple_tree *mt, struct mt_snapshot *snapshot)
{
	snapshot->shared = mt->ma_shared;
	snapshot->generation = mt->ma_generation;
	mt_fork(mt, &snapshot->tree);
	snapshot->forks = mt->ma_forks;
}

void mt_snapshot_end(struct maple_tree *mt, struct mt_snapshot *snapshot)
{
	mt_fini(&snapshot->tree);
	if (mt->ma_forks == snapshot->forks && mt->ma_generation == snapshot->generation)
		mt->ma_shared = snapshot->shared;
}

/* Clear [first, last] of a tree that nobody else knows yet. */
static int clear_range(struct maple_tree *mt, mt_key first, mt_key last)
{
	struct mt_displaced displaced;
	struct ma_state mas;
	int status;

	mas_init(&mas, mt, first);
	mas.last = last;
	status = mt_write_range(&mas, 0, false, &displaced);
	mt_release_displaced(mt_pool_of(mt), mt->ma_ops, &displaced);
	return status;
}

int mt_slice(struct maple_tree *mt, mt_key first, mt_key last, struct maple_tree *new_tree)
{
	int status = first > last ? -EINVAL : 0;

	mt_fork(mt, new_tree);
	if (!status && first > 0)
		status = clear_range(new_tree, 0, first - 1);
	if (!status && last < MT_KEY_MAX)
		status = clear_range(new_tree, last + 1, MT_KEY_MAX);
	if (status)
		__mt_destroy(new_tree);
	return status;
}

/* Empty a tree and drop its contents: unlocked, and after the tree is whole again. `ends`: nobody
 * reads the tree any more. */
MT_INLINE void empty_tree(struct maple_tree *mt, bool lock, bool ends)
{
	struct maple_node *root;
	uint32_t height;

	if (lock)
		mtree_lock(mt);
	assert(!mt->ma_busy);
	root = mt->ma_root;
	height = mt_tree_height(mt);
	if (!ends)
		mt_change_begin(mt);
	mt_reset_root(mt);
	if (!ends)
		mt_change_end(mt);
	mt->ma_generation++;
	if (lock)
		mtree_unlock(mt);
	if (root)
		mt_subtree_put(mt_pool_of(mt), mt->ma_ops, root, height);
}

void __mt_destroy(struct maple_tree *mt)
{
	empty_tree(mt, false, false);
}

void mtree_destroy(struct maple_tree *mt)
{
	empty_tree(mt, true, false);
}

void mt_fini(struct maple_tree *mt)
{
	struct maple_pool *pool = mt->ma_pool;

	empty_tree(mt, false, true);
	mt->ma_pool = NULL;
	mt_pool_put(pool);
}
