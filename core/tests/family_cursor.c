/* SPDX-License-Identifier: MIT */
/*
 * Cursors that are held while their trees are written, forked and emptied. The expected state of a
 * cursor is kept as keys. After a write that it did not make, a cursor walks again from its index.
 * So each step is predicted from index, last and status, and from what the oracle holds now,
 * by the rules of cursor_rules.c.
 */
#include "family.h"

#include <stdlib.h>

void family_cursors_begin(struct member *member)
{
	size_t i;

	for (i = 0; i < FAMILY_CURSORS; i++) {
		struct family_cursor *cursor = &member->cursor[i];

		mas_init(&cursor->mas, &member->mt, 0);
		cursor->place = (struct rules_place){0, 0, ma_start};
	}
}

void family_cursors_end(struct member *member)
{
	size_t i;

	for (i = 0; i < FAMILY_CURSORS; i++)
		mas_destroy(&member->cursor[i].mas);
}

static bool around(const void *contents, mt_key key, struct mt_entry *range)
{
	const struct oracle *oracle = contents;

	return oracle_at(oracle, oracle_cell(oracle, key), range);
}

static struct rules_tree rules_of(const struct oracle *oracle)
{
	return (struct rules_tree){around, oracle};
}

static void check_place(const struct family_cursor *cursor)
{
	CHECK_EQ(cursor->mas.status, cursor->place.status);
	CHECK_EQ(cursor->mas.index, cursor->place.index);
	CHECK_EQ(cursor->mas.last, cursor->place.last);
	CHECK_EQ(mas_is_active(&cursor->mas), cursor->place.status == ma_active);
	CHECK_EQ(mas_is_err(&cursor->mas), cursor->place.status == ma_error);
}

void family_cursor_is_at(struct family_cursor *cursor, mt_key index, mt_key last,
			 enum maple_status status)
{
	cursor->place = (struct rules_place){index, last, status};
	check_place(cursor);
}

static void now_has(struct family_cursor *cursor, enum maple_status status)
{
	cursor->place.status = status;
	check_place(cursor);
}

/* The cursor has just stepped onto a range, or walked: it knows the value. */
static void knows_value(const struct family_cursor *cursor, const struct oracle *oracle)
{
	struct mt_entry there;
	bool present = around(oracle, cursor->place.index, &there);

	check_place(cursor);
	CHECK_EQ(cursor->mas.present, present);
	CHECK_EQ(cursor->mas.word, present ? there.word : 0);
}

/* ---- moves ----------------------------------------------------------------------------------- */

static void set(struct family_cursor *cursor, const struct oracle *oracle)
{
	mt_key index = oracle_key(oracle, test_below(oracle->cells));

	mas_set(&cursor->mas, index);
	family_cursor_is_at(cursor, index, index, ma_start);
}

/* A step without the lock does not know whether something has been written. */
static void has_not_seen(struct family_cursor *cursor, const struct member *member)
{
	cursor->seen_writes = ~member->writes;
}

static void walk(struct family_cursor *cursor, const struct member *member)
{
	const struct oracle *oracle = &member->oracle;
	struct rules_tree rules = rules_of(oracle);
	bool present = rules_move(&rules, &cursor->place, rules_walk, 0, false);
	uint64_t word;

	cursor->seen_writes = member->writes;

	switch (test_below(4)) {
	case 3:
		CHECK_EQ(mas_walk_unlocked(&cursor->mas), present);
		has_not_seen(cursor, member);
		break;
	case 0:
		CHECK_EQ(mas_walk_word(&cursor->mas), present);
		break;
	case 1:
		word = (uintptr_t)mas_load(&cursor->mas);
		CHECK_EQ(word, present ? cursor->mas.word : 0);
		break;
	default:
		word = (uintptr_t)mas_walk(&cursor->mas);
		CHECK_EQ(word, present ? cursor->mas.word : 0);
	}
	knows_value(cursor, oracle);
}

static bool by_word(struct ma_state *mas, enum rules_step step, mt_key limit, bool gaps)
{
	static bool (*const steps[])(struct ma_state *, mt_key, bool) = {
		[rules_next] = mas_next_word,
		[rules_prev] = mas_prev_word,
		[rules_find] = mas_find_word,
		[rules_find_rev] = mas_find_rev_word,
	};

	return steps[step](mas, limit, gaps);
}

static bool unlocked(struct ma_state *mas, enum rules_step step, mt_key limit, bool gaps)
{
	static bool (*const steps[])(struct ma_state *, mt_key, bool) = {
		[rules_next] = mas_next_unlocked,
		[rules_prev] = mas_prev_unlocked,
		[rules_find] = mas_find_unlocked,
		[rules_find_rev] = mas_find_rev_unlocked,
	};

	return steps[step](mas, limit, gaps);
}

/* These return NULL for a gap, for the word 0 and for nothing. */
static void *by_entry(struct ma_state *mas, enum rules_step step, mt_key limit, bool gaps)
{
	static void *(*const steps[][2])(struct ma_state *, mt_key) = {
		[rules_next] = {mas_next, mas_next_range},
		[rules_prev] = {mas_prev, mas_prev_range},
		[rules_find] = {mas_find, mas_find_range},
		[rules_find_rev] = {mas_find_rev, mas_find_range_rev},
	};

	return steps[step][gaps](mas, limit);
}

/* What the step must do. */
static bool moves(struct family_cursor *cursor, const struct member *member, enum rules_step step,
		  mt_key limit, bool gaps)
{
	struct rules_tree rules = rules_of(&member->oracle);

	if (cursor->seen_writes != member->writes)
		rules_catch_up(&rules, &cursor->place);
	cursor->seen_writes = member->writes;
	return rules_move(&rules, &cursor->place, step, limit, gaps);
}

static void step(struct family_cursor *cursor, const struct member *member)
{
	const struct oracle *oracle = &member->oracle;
	uint64_t form = test_below(64);
	bool up = form & 1, gaps = form & 4, found;
	enum rules_step step =
		form & 2 ? (up ? rules_find : rules_find_rev) : (up ? rules_next : rules_prev);
	mt_key limit = form & 16 ? oracle_key(oracle, test_below(oracle->cells))
		       : up      ? MT_KEY_MAX
				 : 0;

	if (form & 32)
		has_not_seen(cursor, member);
	found = moves(cursor, member, step, limit, gaps);
	if (form & 32) {
		CHECK_EQ(unlocked(&cursor->mas, step, limit, gaps), found);
		has_not_seen(cursor, member);
	} else if (form & 8) {
		CHECK_EQ(by_word(&cursor->mas, step, limit, gaps), found);
	} else {
		uint64_t word = (uintptr_t)by_entry(&cursor->mas, step, limit, gaps);

		CHECK_EQ(word, found && cursor->mas.present ? cursor->mas.word : 0);
	}
	check_place(cursor);
	if (found)
		knows_value(cursor, oracle);
}

static void empty_area(struct family *family, struct family_cursor *cursor,
		       const struct member *member)
{
	const struct oracle *oracle = &member->oracle;
	size_t low, high;
	mt_key min, max, size = 1 + test_below(9), start = 0;
	bool reverse = test_below(2);
	int got;

	family_cells(oracle, &low, &high);
	min = oracle_first(oracle, low);
	max = oracle_last(oracle, test_below(2) ? high : oracle->cells - 1);
	got = (reverse ? mas_empty_area_rev : mas_empty_area)(&cursor->mas, min, max, size);
	if (!(family->kind.flags & MT_FLAGS_ALLOC_RANGE) || size - 1 > max - min) {
		CHECK_EQ(got, -EINVAL);
		check_place(cursor);
	} else if (!oracle_empty_area(oracle, min, max, size, 1, 0, reverse, &start)) {
		CHECK_EQ(got, -EBUSY);
		now_has(cursor, ma_error);
	} else {
		struct rules_tree rules = rules_of(oracle);

		CHECK_EQ(got, 0);
		cursor->seen_writes = member->writes;
		family_cursor_is_at(cursor, start, start + (size - 1),
				    rules_empty(&rules) ? ma_none : ma_active);
	}
}

struct family_cursor *family_cursor(struct member *member)
{
	return &member->cursor[test_below(FAMILY_CURSORS)];
}

void family_cursor_move(struct family *family, struct member *member)
{
	struct family_cursor *cursor = family_cursor(member);
	const struct oracle *oracle = &member->oracle;

	mas_lock(&cursor->mas);
	switch (test_below(16)) {
	case 0:
		set(cursor, oracle);
		break;
	case 1:
		mas_reset(&cursor->mas);
		now_has(cursor, ma_start);
		break;
	case 2:
		mas_pause(&cursor->mas);
		now_has(cursor, ma_pause);
		break;
	case 3:
	case 4:
		walk(cursor, member);
		break;
	case 5:
		empty_area(family, cursor, member);
		break;
	default:
		step(cursor, member);
	}
	mas_unlock(&cursor->mas);
}

/* ---- writes ---------------------------------------------------------------------------------- */

/* The cells to write: those of [index, last], or a part of them, if that consists of whole cells; or
 * others. */
static void choose_cells(struct family_cursor *cursor, const struct oracle *oracle, size_t *low,
			 size_t *high)
{
	const struct rules_place *place = &cursor->place;

	if (test_below(2) && family_whole_cells(oracle, place->index, place->last, low, high)) {
		if (test_below(2))
			return;
		*low += test_below(*high - *low + 1);
		*high -= test_below(*high - *low + 1);
		__mas_set_range(&cursor->mas, oracle_first(oracle, *low),
				oracle_last(oracle, *high));
		family_cursor_is_at(cursor, oracle_first(oracle, *low), oracle_last(oracle, *high),
				    place->status);
		return;
	}
	family_cells(oracle, low, high);
	mas_set_range(&cursor->mas, oracle_first(oracle, *low), oracle_last(oracle, *high));
	family_cursor_is_at(cursor, oracle_first(oracle, *low), oracle_last(oracle, *high),
			    ma_start);
}

/* A store over [index, last] has returned. The cursor stands on that range as given, although the
 * entry may have become one with its neighbours, unless it was stored `apart`; or on the whole
 * gap. */
static void stored_as(struct family *family, struct member *member, struct family_cursor *cursor,
		      int got, uint64_t word, bool present, bool apart)
{
	struct oracle *oracle = &member->oracle;
	struct rules_tree rules = rules_of(oracle);
	bool empty = rules_empty(&rules);
	size_t low, high;
	struct mt_entry there;

	if (!family_wrote(family, member, got)) {
		now_has(cursor, ma_error);
		return;
	}
	cursor->seen_writes = member->writes;
	CHECK(family_whole_cells(oracle, cursor->place.index, cursor->place.last, &low, &high));
	CHECK_EQ(cursor->mas.present, present);
	if (!present) {
		oracle_clear(oracle, low, high);
		rules_cleared(&rules, &cursor->place, empty);
		check_place(cursor);
		return;
	}
	now_has(cursor, ma_active);
	if (apart)
		oracle_replace(oracle, low, high, word);
	else
		oracle_store(oracle, low, high, word);
	oracle_at(oracle, low, &there);
	CHECK_EQ(cursor->mas.word, there.word);
}

static void stored(struct family *family, struct member *member, struct family_cursor *cursor,
		   int got, uint64_t word, bool present)
{
	stored_as(family, member, cursor, got, word, present, false);
}

static void store_here(struct family *family, struct member *member, struct family_cursor *cursor)
{
	uint64_t word = family_word(family);
	size_t way = test_below(4);

	if (way == 0)
		stored_as(family, member, cursor, mas_store_apart_word(&cursor->mas, word), word,
			  true, true);
	else if (way == 1)
		stored(family, member, cursor, mas_store_word(&cursor->mas, word), word, true);
	else
		stored(family, member, cursor, mas_store(&cursor->mas, ENTRY(word)), word, word);
}

static void clear_here(struct family *family, struct member *member, struct family_cursor *cursor)
{
	stored(family, member, cursor, mas_clear(&cursor->mas), 0, false);
}

static void insert(struct family *family, struct member *member, struct family_cursor *cursor)
{
	struct oracle *oracle = &member->oracle;
	uint64_t word = family_word(family);
	struct mt_entry way;
	size_t low, high;
	int got;

	choose_cells(cursor, oracle, &low, &high);
	got = mas_insert(&cursor->mas, ENTRY(word));
	if (oracle_occupied(oracle, low, high, &way)) {
		CHECK_EQ(got, -EEXIST);
		now_has(cursor, ma_error);
		return;
	}
	cursor->place.status = ma_start; /* the search for what is in the way left it there */
	stored(family, member, cursor, got, word, word);
}

static void erase(struct family *family, struct member *member, struct family_cursor *cursor)
{
	struct oracle *oracle = &member->oracle;
	struct rules_tree rules = rules_of(oracle);
	size_t cell = oracle_cell(oracle, cursor->place.index);
	struct mt_entry there;
	void *erased = NULL;
	bool present = oracle_at(oracle, cell, &there), empty = rules_empty(&rules);
	int got = mas_erase(&cursor->mas, &erased);

	if (!present) {
		CHECK_EQ(got, 0);
		CHECK(!erased);
	} else if (!family_wrote(family, member, got)) {
		CHECK(!erased);
		now_has(cursor, ma_error);
		return;
	} else {
		CHECK_EQ((uintptr_t)erased, there.word);
		oracle_clear(oracle, oracle_low(oracle, cell), oracle_high(oracle, cell));
	}
	cursor->seen_writes = member->writes;
	rules_cleared(&rules, &cursor->place, empty);
	check_place(cursor);
	CHECK(!cursor->mas.present);
}

static void preallocate(struct family *family, struct member *member, struct family_cursor *cursor)
{
	size_t low, high;

	choose_cells(cursor, &member->oracle, &low, &high);
	if (family_succeeded(family, member, mas_preallocate(&cursor->mas, ENTRY(1)))) {
		CHECK(cursor->mas.reserved > 0);
		cursor->promised_writes = member->writes;
		cursor->promised_index = cursor->place.index;
		cursor->promised_last = cursor->place.last;
	}
	check_place(cursor);
}

static void store_preallocated(struct family *family, struct member *member,
			       struct family_cursor *cursor)
{
	uint64_t word = family_word(family);
	size_t low, high;
	int got;

	if (!family_whole_cells(&member->oracle, cursor->place.index, cursor->place.last, &low,
				&high))
		return;
	if (cursor->mas.reserved && cursor->promised_writes == member->writes &&
	    cursor->promised_index == cursor->place.index &&
	    cursor->promised_last == cursor->place.last)
		family->starved = false; /* the store cannot run out of nodes */
	got = mas_store_prealloc(&cursor->mas, ENTRY(word));
	CHECK_EQ(cursor->mas.reserved, 0);
	stored(family, member, cursor, got, word, word);
}

void family_cursor_write(struct family *family, struct member *member)
{
	struct family_cursor *cursor = family_cursor(member);
	size_t low, high;

	mas_lock(&cursor->mas);
	switch (test_below(8)) {
	case 0:
		insert(family, member, cursor);
		break;
	case 1:
		erase(family, member, cursor);
		break;
	case 2:
		choose_cells(cursor, &member->oracle, &low, &high);
		clear_here(family, member, cursor);
		break;
	case 3:
		preallocate(family, member, cursor);
		break;
	case 4:
		store_preallocated(family, member, cursor);
		break;
	default:
		choose_cells(cursor, &member->oracle, &low, &high);
		store_here(family, member, cursor);
	}
	mas_unlock(&cursor->mas);
}

/* A loop that replaces or erases each entry with the cursor that reads them. */
void family_cursor_sweep(struct family *family, struct member *member)
{
	struct family_cursor *cursor = family_cursor(member);
	const struct oracle *oracle = &member->oracle;
	uint64_t left = test_below(30), writes = member->writes;

	mas_lock(&cursor->mas);
	set(cursor, oracle);
	while (left--) {
		bool found = moves(cursor, member, rules_find, MT_KEY_MAX, false);

		CHECK_EQ(mas_find_word(&cursor->mas, MT_KEY_MAX, false), found);
		check_place(cursor);
		if (!found)
			break;
		knows_value(cursor, oracle);
		if (test_below(4))
			store_here(family, member, cursor);
		else
			erase(family, member, cursor);
		CHECK_VALID(&member->mt);
		if (member->writes == writes)
			break; /* out of memory */
		writes = member->writes;
	}
	mas_unlock(&cursor->mas);
}
