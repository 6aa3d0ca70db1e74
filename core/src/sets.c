/* SPDX-License-Identifier: MIT */
/*
 * Set operations: union, intersection and difference of two trees. Each makes a fork of `a` and
 * writes to it, so the result shares nodes with `a`. What to write comes from walking both trees
 * side by side (diff.c). Nodes that both share are skipped, or cleared without being read.
 *
 * Owns the new tree until it returns. Public only.
 */
#include "diff.h"

int mt_union(struct maple_tree *a, const struct maple_tree *b, struct maple_tree *new_tree)
{
	struct mt_diff_walk walk;
	struct mt_stretch at;
	struct ma_state mas;
	int status = 0;

	mt_fork(a, new_tree);
	mas_init(&mas, new_tree, 0);
	mt_diff_begin(&walk, a, b, mt_diff_equal);
	while (!status && mt_next_stretch(&walk, &at)) {
		/* An entry of b is stored once, at the first of its stretches. */
		if (at.shared || !at.b.present || at.b.first != at.first ||
		    mt_same_slots(&at.a, &at.b))
			continue;
		mas_set_range(&mas, at.b.first, at.b.last);
		status = mas_store_word(&mas, at.b.word);
	}
	if (status)
		__mt_destroy(new_tree);
	return status;
}

/* What of a's entries lies where b has entries too (`covered`), or where it has none, goes. Neither
 * what lies between two such stretches nor what is a gap in a matters: so stretches without
 * anything to keep between them are cleared at once. */
static int clear_where(struct maple_tree *a, const struct maple_tree *b, bool covered,
		       struct maple_tree *new_tree)
{
	struct mt_diff_walk walk;
	struct mt_stretch at;
	struct ma_state mas;
	bool pending = false; /* the cursor's range has to be cleared */
	int status = 0;

	mt_fork(a, new_tree);
	mas_init(&mas, new_tree, 0);
	mt_diff_begin(&walk, a, b, mt_diff_equal);
	while (!status && mt_next_stretch(&walk, &at)) {
		if (!at.shared && !at.a.present)
			continue;
		if ((at.shared || at.b.present) == covered) {
			mas_set_range(&mas, pending ? mas.index : at.first, at.last);
			pending = true;
		} else if (pending) {
			status = mas_clear(&mas);
			pending = false;
		}
	}
	if (pending)
		status = mas_clear(&mas);
	if (status)
		__mt_destroy(new_tree);
	return status;
}

int mt_intersect(struct maple_tree *a, const struct maple_tree *b, struct maple_tree *new_tree)
{
	return clear_where(a, b, false, new_tree);
}

int mt_subtract(struct maple_tree *a, const struct maple_tree *b, struct maple_tree *new_tree)
{
	return clear_where(a, b, true, new_tree);
}
