/* SPDX-License-Identifier: MIT */
/*
 * The difference of two trees. Both are walked side by side. A node that both reach over the same
 * keys is skipped whole. Neighbouring stretches with the same two values become one. Owns nothing
 * and writes neither tree. Public: mt_diff().
 */
#include "walk.h"

struct diff {
	int (*emit)(void *context, const struct mt_difference *difference);
	void *context;
	struct mt_difference pending;
	bool has_pending;
};

static int flush(struct diff *diff)
{
	if (!diff->has_pending)
		return 0;
	diff->has_pending = false;
	return diff->emit(diff->context, &diff->pending);
}

static int add(struct diff *diff, const struct mt_difference *found)
{
	struct mt_difference *pending = &diff->pending;
	int status;

	if (diff->has_pending && pending->last + 1 == found->first &&
	    pending->a_present == found->a_present && pending->b_present == found->b_present &&
	    pending->a_word == found->a_word && pending->b_word == found->b_word) {
		pending->last = found->last;
		return 0;
	}
	status = flush(diff);
	diff->pending = *found;
	diff->has_pending = true;
	return status;
}

/* The highest node, counted from the leaves, on both paths. NULL if there is none. */
static const struct ma_level *common_node(const struct ma_state *a, const struct ma_state *b)
{
	unsigned levels = a->depth < b->depth ? a->depth : b->depth;

	for (unsigned up = levels; up > 0; up--) {
		const struct ma_level *in_a = &a->path[a->depth - up];
		const struct ma_level *in_b = &b->path[b->depth - up];

		if (in_a->node == in_b->node) {
			/* A node covers the same keys for its whole life, in every tree. */
			assert(in_a->min == in_b->min && in_a->max == in_b->max);
			return in_a;
		}
	}
	return NULL;
}

/* Compare one stretch, from `key` to the nearer end of the two slots. Sets *last to its last
 * key. */
static int compare_slots(struct diff *diff, struct ma_state *a, struct ma_state *b, mt_key key,
			 mt_key *last)
{
	struct mt_difference found = {.first = key};

	mas_read_slot(a);
	mas_read_slot(b);
	found.last = a->last < b->last ? a->last : b->last;
	found.a_word = a->word;
	found.b_word = b->word;
	found.a_present = a->present;
	found.b_present = b->present;
	*last = found.last;
	if (a->present == b->present && a->word == b->word)
		return 0;
	return add(diff, &found);
}

/* Bring a path to the slot of `key`, which lies in its slot or after it. */
static void go_to(struct ma_state *mas, mt_key key)
{
	if (mas_path_last(mas) >= key)
		return;
	mas_path_next(mas); /* exists: the key lies after this slot */
	if (mas_path_last(mas) < key)
		mas_descend(mas, key);
}

int mt_diff(const struct maple_tree *a, const struct maple_tree *b,
	    int (*emit)(void *context, const struct mt_difference *difference), void *context)
{
	struct diff diff = {.emit = emit, .context = context};
	struct ma_state in_a;
	struct ma_state in_b;
	mt_key key = 0;
	int status;

	/* Cursors need a tree that they may write; these only read. */
	mas_init(&in_a, (struct maple_tree *)(uintptr_t)a, 0);
	mas_init(&in_b, (struct maple_tree *)(uintptr_t)b, 0);
	mas_descend(&in_a, 0);
	mas_descend(&in_b, 0);
	for (;;) {
		const struct ma_level *common = common_node(&in_a, &in_b);
		mt_key last;

		if (common) {
			last = common->max;
		} else {
			status = compare_slots(&diff, &in_a, &in_b, key, &last);
			if (status)
				return status;
		}
		if (last == MT_KEY_MAX)
			return flush(&diff);
		key = last + 1;
		go_to(&in_a, key);
		go_to(&in_b, key);
	}
}
