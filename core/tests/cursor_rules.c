/* SPDX-License-Identifier: MIT */
/* The rules as tests/data/tree/CURSOR.md words them. */
#include "cursor_rules.h"

bool rules_empty(const struct rules_tree *tree)
{
	struct mt_entry range;

	return !tree->around(tree->contents, 0, &range) && range.last == MT_KEY_MAX;
}

static bool stand(struct rules_place *place, const struct mt_entry *range, enum maple_status status)
{
	*place = (struct rules_place){range->first, range->last, status};
	return true;
}

/* The place becomes the range around index. True for an entry. In an empty tree: none. */
static bool walk(const struct rules_tree *tree, struct rules_place *place)
{
	struct mt_entry range;
	bool entry = tree->around(tree->contents, place->index, &range);

	stand(place, &range, rules_empty(tree) ? ma_none : ma_active);
	return entry;
}

static bool fails(struct rules_place *place, enum maple_status status)
{
	place->status = status;
	return false;
}

/* From the range around index upwards. Where max is met, the cursor stays on the last range that it
 * looked at. */
static bool onward(const struct rules_tree *tree, struct rules_place *place, mt_key max, bool gaps)
{
	struct mt_entry range;
	bool entry;

	if (rules_empty(tree))
		return walk(tree, place);
	tree->around(tree->contents, place->index, &range);
	if (range.last >= max)
		return fails(place, ma_overflow);
	for (;;) {
		entry = tree->around(tree->contents, range.last + 1, &range);
		if (entry || gaps)
			return stand(place, &range, ma_active);
		if (range.last >= max)
			return !stand(place, &range, ma_overflow);
	}
}

static bool back(const struct rules_tree *tree, struct rules_place *place, mt_key min, bool gaps)
{
	struct mt_entry range;
	bool entry;

	if (rules_empty(tree))
		return walk(tree, place);
	tree->around(tree->contents, place->index, &range);
	if (range.first <= min)
		return fails(place, ma_underflow);
	for (;;) {
		entry = tree->around(tree->contents, range.first - 1, &range);
		if (entry || gaps)
			return stand(place, &range, ma_active);
		if (range.first <= min)
			return !stand(place, &range, ma_underflow);
	}
}

static bool next(const struct rules_tree *tree, struct rules_place *place, mt_key max, bool gaps)
{
	enum maple_status before = place->status;

	if (place->last >= max)
		return fails(place, ma_overflow);
	if (before != ma_active && before != ma_overflow) {
		bool entry = walk(tree, place);

		if (entry && before == ma_underflow)
			return true;
	}
	return onward(tree, place, max, gaps);
}

static bool prev(const struct rules_tree *tree, struct rules_place *place, mt_key min, bool gaps)
{
	enum maple_status before = place->status;

	if (place->index <= min)
		return fails(place, ma_underflow);
	if (before != ma_active && before != ma_underflow) {
		bool entry = walk(tree, place);

		if (entry && before == ma_overflow)
			return true;
	}
	return back(tree, place, min, gaps);
}

static bool find_onward(const struct rules_tree *tree, struct rules_place *place, mt_key max,
			bool gaps)
{
	bool found = onward(tree, place, max, gaps);

	if (!gaps && place->status == ma_overflow)
		place->status = ma_active;
	return found;
}

static bool find(const struct rules_tree *tree, struct rules_place *place, mt_key max, bool gaps)
{
	switch (place->status) {
	case ma_active:
		return place->last < max && find_onward(tree, place, max, gaps);
	case ma_start:
	case ma_error: /* the recordings do not say */
		if (place->index > max)
			return false;
		break;
	case ma_pause:
		if (place->last >= max)
			return false;
		place->index = place->last + 1;
		break;
	case ma_none:
		if (place->last >= max)
			return false;
		place->index = place->last;
		break;
	case ma_overflow:
		if (place->last >= max)
			return false;
		break;
	case ma_underflow:
		if (place->index >= max)
			return fails(place, ma_overflow);
		break;
	}
	if (walk(tree, place))
		return true;
	if (place->status == ma_none || place->index == max)
		return false;
	return find_onward(tree, place, max, gaps);
}

static bool find_rev(const struct rules_tree *tree, struct rules_place *place, mt_key min,
		     bool gaps)
{
	switch (place->status) {
	case ma_active:
		return place->index >= min && back(tree, place, min, gaps);
	case ma_overflow:
	case ma_underflow:
		if (place->index <= min)
			return fails(place, ma_underflow);
		return back(tree, place, min, gaps);
	case ma_start:
	case ma_error: /* the recordings do not say */
		if (place->index < min)
			return false;
		break;
	case ma_pause:
		if (place->index <= min)
			return fails(place, ma_underflow);
		place->index--;
		break;
	case ma_none:
		if (place->index <= min)
			return false;
		break;
	}
	if (walk(tree, place))
		return true;
	if (place->status == ma_none || place->index < min)
		return false;
	return back(tree, place, min, gaps);
}

bool rules_move(const struct rules_tree *tree, struct rules_place *place, enum rules_step step,
		mt_key limit, bool gaps)
{
	switch (step) {
	case rules_walk:
		return walk(tree, place);
	case rules_next:
		return next(tree, place, limit, gaps);
	case rules_prev:
		return prev(tree, place, limit, gaps);
	case rules_find:
		return find(tree, place, limit, gaps);
	case rules_find_rev:
		return find_rev(tree, place, limit, gaps);
	}
	return false;
}

void rules_catch_up(const struct rules_tree *tree, struct rules_place *place)
{
	enum maple_status before = place->status;

	if (before == ma_start || before == ma_pause || before == ma_error)
		return;
	walk(tree, place);
	if (!rules_empty(tree))
		place->status = before;
}

void rules_cleared(const struct rules_tree *tree, struct rules_place *place, bool was_empty)
{
	if (was_empty)
		place->status = ma_none;
	else
		walk(tree, place);
}
