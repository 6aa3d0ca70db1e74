/* SPDX-License-Identifier: MIT */
/*
 * The rules of Linux's cursor, which samara's cursor follows: where each step leaves it, and whether
 * it finds something. They are written in terms of keys alone and know no nodes. What the tree holds
 * comes from a function that scans plain arrays.
 */
#ifndef CURSOR_RULES_H
#define CURSOR_RULES_H

#include "width.h"

struct rules_place {
	mt_key index;
	mt_key last;
	enum maple_status status;
};

/* What the tree holds: the whole entry or gap around a key. True for an entry. */
struct rules_tree {
	bool (*around)(const void *contents, mt_key key, struct mt_entry *range);
	const void *contents;
};

enum rules_step {
	rules_walk,
	rules_next,
	rules_prev,
	rules_find,
	rules_find_rev,
};

bool rules_empty(const struct rules_tree *tree);
/* Make a step, with `gaps` in its _range form. Returns whether it found something. A walk finds
 * entries only, and has no limit. */
bool rules_move(const struct rules_tree *tree, struct rules_place *place, enum rules_step step,
		mt_key limit, bool gaps);
/* Something else has written to the tree since the cursor's last step or write. */
void rules_catch_up(const struct rules_tree *tree, struct rules_place *place);
/* Where the cursor stands after an erasing store over its place has changed the tree. */
void rules_cleared(const struct rules_tree *tree, struct rules_place *place, bool was_empty);

#endif /* CURSOR_RULES_H */
