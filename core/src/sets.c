/* SPDX-License-Identifier: MIT */
/*
 * Set operations: union, intersection and difference of two trees. Each makes a fork of `a` and
 * writes to it, so the result shares nodes with `a`. What to write comes from walking both trees
 * side by side (diff.c). Nodes that both share are skipped, or cleared without being read.
 *
 * An operation can be done in parts. Between two of them its walk and its cursor stay where they are.
 * It owns the new tree until it returns. Public only.
 */
#include "diff.h"

#include <errno.h>

void mt_set_begin(struct mt_set_walk *set, enum mt_set_operation operation, struct maple_tree *a,
		  const struct maple_tree *b, struct maple_tree *new_tree)
{
	mt_fork(a, new_tree);
	mas_init(&set->mas, new_tree, 0);
	mt_diff_begin(&set->walk, a, b, mt_diff_equal);
	set->operation = operation;
	set->pending = false;
}

/* An entry of b is stored once, at the first of its stretches. */
static inline int store_stretch(struct ma_state *mas, const struct mt_stretch *at)
{
	if (at->shared || !at->b.present || at->b.first != at->first ||
	    mt_same_slots(&at->a, &at->b))
		return 0;
	mas_set_range(mas, at->b.first, at->b.last);
	return mas_store_word(mas, at->b.word);
}

static int clear_pending(struct mt_set_walk *set)
{
	if (!set->pending)
		return 0;
	set->pending = false;
	return mas_clear(&set->mas);
}

/* What of a's entries lies where b has entries too (`covered`), or where it has none, goes. Neither
 * what lies between two such stretches nor what is a gap in a matters: so stretches without
 * anything to keep between them are cleared at once. */
static inline int clear_stretch(struct mt_set_walk *set, const struct mt_stretch *at, bool covered)
{
	struct ma_state *mas = &set->mas;

	if (!at->shared && !at->a.present)
		return 0;
	if ((at->shared || at->b.present) != covered)
		return clear_pending(set);
	mas_set_range(mas, set->pending ? mas->index : at->first, at->last);
	set->pending = true;
	return 0;
}

int mt_set_go_on(struct mt_set_walk *set, uint64_t most)
{
	enum mt_set_operation operation = set->operation;
	struct mt_stretch at;
	int status = 0;

	for (; !status && mt_next_stretch(&set->walk, &at); most--) {
		if (operation == mt_set_union)
			status = store_stretch(&set->mas, &at);
		else
			status = clear_stretch(set, &at, operation == mt_set_subtract);
		if (most == 1 && !status)
			return -EAGAIN;
	}
	if (!status)
		status = clear_pending(set);
	if (status)
		__mt_destroy(set->mas.tree);
	return status;
}

static int do_all(enum mt_set_operation operation, struct maple_tree *a, const struct maple_tree *b,
		  struct maple_tree *new_tree)
{
	struct mt_set_walk set;

	mt_set_begin(&set, operation, a, b, new_tree);
	return mt_set_go_on(&set, UINT64_MAX);
}

int mt_union(struct maple_tree *a, const struct maple_tree *b, struct maple_tree *new_tree)
{
	return do_all(mt_set_union, a, b, new_tree);
}

int mt_intersect(struct maple_tree *a, const struct maple_tree *b, struct maple_tree *new_tree)
{
	return do_all(mt_set_intersect, a, b, new_tree);
}

int mt_subtract(struct maple_tree *a, const struct maple_tree *b, struct maple_tree *new_tree)
{
	return do_all(mt_set_subtract, a, b, new_tree);
}
