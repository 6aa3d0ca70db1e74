/* SPDX-License-Identifier: MIT */
/*
 * The states of a play: what look-ups return in each, by the oracle and by the cursor's rules; and
 * whether two trees differ as their oracles do. For the threads of fuzz_threads.c.
 */
#include "play.h"

#include <stdlib.h>

/* ---- states ---------------------------------------------------------------------------------- */

bool play_state_at(const struct oracle *state, mt_key key, struct mt_entry *range)
{
	bool present = oracle_at(state, oracle_cell(state, key), range);

	if (!present)
		range->word = 0;
	return present;
}

static bool around(const void *contents, mt_key key, struct mt_entry *range)
{
	return play_state_at(contents, key, range);
}

static bool same_entry(const struct mt_entry *a, const struct mt_entry *b)
{
	return a->first == b->first && a->last == b->last && a->word == b->word;
}

bool play_fits_word(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	return play_state_at(state, seen->key, &range) == seen->found &&
	       range.word == seen->entry.word;
}

/* The interface that returns NULL for a gap and for 0. */
bool play_fits_pointer(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	play_state_at(state, seen->key, &range);
	return range.word == seen->entry.word;
}

bool play_fits_range(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	return play_state_at(state, seen->key, &range) == seen->found &&
	       same_entry(&range, &seen->entry);
}

bool play_fits_entry(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	return play_state_at(state, seen->key, &range);
}

/* `found`: what the oracle says, with a range if that is true. */
static bool fits_found(const struct seen *seen, bool found, const struct mt_entry *range)
{
	return seen->found == found && (!found || same_entry(range, &seen->entry));
}

bool play_fits_find(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;
	bool found = oracle_find(state, oracle_cell(state, seen->key),
				 oracle_cell(state, seen->limit), &range);

	return fits_found(seen, found, &range);
}

bool play_fits_find_rev(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;
	bool found = oracle_find_rev(state, oracle_cell(state, seen->key),
				     oracle_cell(state, seen->limit), &range);

	return fits_found(seen, found, &range);
}

/* mt_find() moves the key. */
bool play_fits_mt_find(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	if (!oracle_find(state, oracle_cell(state, seen->key), oracle_cell(state, seen->limit),
			 &range))
		return !seen->entry.word && seen->entry.first == seen->key;
	return seen->entry.word == range.word && seen->entry.first == range.last + 1;
}

bool play_fits_next(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	play_state_at(state, seen->key, &range);
	if (range.last == MT_KEY_MAX || !oracle_find(state, oracle_cell(state, range.last + 1),
						     oracle_cell(state, seen->limit), &range))
		return !seen->entry.word;
	return seen->entry.word == range.word;
}

bool play_fits_prev(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	play_state_at(state, seen->key, &range);
	if (range.first == 0 || !oracle_find_rev(state, oracle_cell(state, range.first - 1),
						 oracle_cell(state, seen->limit), &range))
		return !seen->entry.word;
	return seen->entry.word == range.word;
}

bool play_fits_step(const struct oracle *state, const struct seen *seen)
{
	struct rules_tree rules = {around, state};
	struct rules_place place = seen->before;
	struct mt_entry range;
	bool found;

	if (seen->step != rules_walk)
		rules_catch_up(&rules, &place);
	found = rules_move(&rules, &place, seen->step, seen->limit, seen->gaps);
	if (found != seen->found || place.index != seen->after.index ||
	    place.last != seen->after.last || place.status != seen->after.status)
		return false;
	if (!found && seen->step != rules_walk)
		return true;
	return play_state_at(state, place.index, &range) == seen->present &&
	       range.word == seen->entry.word;
}

bool play_fits_tree(const struct oracle *state, const struct seen *seen)
{
	size_t at = 0;

	for (size_t cell = 0; cell < state->cells; cell = oracle_high(state, cell) + 1) {
		struct mt_entry range;

		if (!oracle_at(state, cell, &range))
			continue;
		if (at == seen->count || seen->first[at] != range.first ||
		    seen->last[at] != range.last || seen->words[at] != range.word)
			return false;
		at++;
	}
	return at == seen->count;
}

size_t play_state_of(const struct reader *reader, size_t oldest, fits_fn fits,
		     const struct seen *seen)
{
	const struct play *play = reader->play;
	size_t youngest = __atomic_load_n(&play->begun, __ATOMIC_RELAXED);

	for (size_t i = oldest; i <= youngest; i++)
		if (fits(&play->history[i], seen))
			return i;
	test_fail(__FILE__, __LINE__,
		  "reader %d saw what was not there in states %zu to %zu: key %s, limit %s, "
		  "%s [%s, %s] = %" PRIu64,
		  (int)(reader - play->reader), oldest, youngest, test_number(seen->key),
		  test_number(seen->limit), seen->found ? "found" : "not found",
		  test_number(seen->entry.first), test_number(seen->entry.last), seen->entry.word);
}

void play_check_seen(struct reader *reader, fits_fn fits, const struct seen *seen)
{
	reader->oldest = play_state_of(reader, reader->oldest, fits, seen);
}

/* ---- two trees ------------------------------------------------------------------------------- */

struct marks {
	const struct oracle *oracle;
	bool *differs; /* each cell */
};

static int mark(void *context, const struct mt_difference *difference)
{
	struct marks *marks = context;
	size_t low, high;

	CHECK(family_whole_cells(marks->oracle, difference->first, difference->last, &low, &high));
	for (; low <= high; low++) {
		CHECK(!marks->differs[low]);
		marks->differs[low] = true;
	}
	return 0;
}

void play_check_difference(const struct maple_tree *a, const struct oracle *in_a,
			   const struct maple_tree *b, const struct oracle *in_b)
{
	struct marks marks = {in_a, test_array(in_a->cells, sizeof(bool))};

	CHECK_EQ(mt_diff(a, b, mark, &marks), 0);
	for (size_t cell = 0; cell < in_a->cells; cell++) {
		mt_key key = oracle_first(in_a, cell);
		struct mt_entry left, right;
		bool differs =
			play_state_at(in_a, key, &left) != play_state_at(in_b, key, &right) ||
			left.word != right.word;

		CHECK_EQ(marks.differs[cell], differs);
	}
	free(marks.differs);
}

void play_duplicate(struct play *play, struct maple_tree *mt, struct maple_tree *copy)
{
	mt_init_pool(copy, play->flags, play->pool, &play->ops);
	CHECK_EQ(mtree_dup(mt, copy), 0);
}
