/* SPDX-License-Identifier: MIT */
/* The public calls for a tree's lock. Owns nothing: lock.h takes and releases it. */
#include "lock.h"

void mtree_lock_nested(struct maple_tree *mt, int subclass)
{
	mt_tree_lock(mt, subclass);
}

void mtree_lock(struct maple_tree *mt)
{
	mt_tree_lock(mt, 0);
}

void mtree_unlock(struct maple_tree *mt)
{
	mt_tree_unlock(mt);
}

void mas_lock(struct ma_state *mas)
{
	mtree_lock(mas->tree);
}

void mas_lock_nested(struct ma_state *mas, int subclass)
{
	mtree_lock_nested(mas->tree, subclass);
}

void mas_unlock(struct ma_state *mas)
{
	mtree_unlock(mas->tree);
}
