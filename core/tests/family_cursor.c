/* SPDX-License-Identifier: MIT */
/*
 * Cursors that are held while their trees are written, forked and emptied. The expected state of a
 * cursor is kept as keys. After a write that it did not make, a cursor walks again from its index.
 * So each step is predicted from index, last and status, and from what the oracle holds now.
 */
#include "family.h"

#include <stdlib.h>

void family_cursors_begin(struct member *member)
{
	size_t i;

	for (i = 0; i < FAMILY_CURSORS; i++) {
		struct family_cursor *cursor = &member->cursor[i];

		mas_init(&cursor->mas, &member->mt, 0);
		cursor->index = cursor->last = 0;
		cursor->status = ma_start;
	}
}

void family_cursors_end(struct member *member)
{
	size_t i;

	for (i = 0; i < FAMILY_CURSORS; i++)
		mas_destroy(&member->cursor[i].mas);
}

static void check_place(const struct family_cursor *cursor)
{
	CHECK_EQ(cursor->mas.status, cursor->status);
	CHECK_EQ(cursor->mas.index, cursor->index);
	CHECK_EQ(cursor->mas.last, cursor->last);
}

static void is_at(struct family_cursor *cursor, uint64_t index, uint64_t last,
		  enum maple_status status)
{
	cursor->index = index;
	cursor->last = last;
	cursor->status = status;
	check_place(cursor);
}

/* The cursor stands on the whole range or gap around `cell`. */
static void stands_on(struct family_cursor *cursor, const struct oracle *oracle, size_t cell)
{
	struct mt_entry there;
	bool present = oracle_at(oracle, cell, &there);

	is_at(cursor, there.first, there.last, ma_active);
	CHECK_EQ(cursor->mas.present, present);
	if (present)
		CHECK_EQ(cursor->mas.word, there.word);
}

/* ---- moves ----------------------------------------------------------------------------------- */

static void set(struct family_cursor *cursor, const struct oracle *oracle)
{
	uint64_t index = oracle_key(oracle, test_below(oracle->cells));

	mas_set(&cursor->mas, index);
	is_at(cursor, index, index, ma_start);
}

static void walk(struct family_cursor *cursor, const struct oracle *oracle)
{
	size_t cell = oracle_cell(oracle, cursor->index);
	struct mt_entry there;
	uint64_t word;
	bool present = oracle_at(oracle, cell, &there);

	switch (test_below(3)) {
	case 0:
		CHECK_EQ(mas_walk_word(&cursor->mas), present);
		break;
	case 1:
		word = (uintptr_t)mas_load(&cursor->mas);
		CHECK_EQ(word, present ? there.word : 0);
		break;
	default:
		word = (uintptr_t)mas_walk(&cursor->mas);
		CHECK_EQ(word, present ? there.word : 0);
	}
	stands_on(cursor, oracle, cell);
}

struct step {
	bool up;
	bool find;
	bool gaps;
	uint64_t limit;
};

static bool step_by_word(struct ma_state *mas, const struct step *step)
{
	if (step->up)
		return (step->find ? mas_find_word : mas_next_word)(mas, step->limit, step->gaps);
	return (step->find ? mas_find_rev_word : mas_prev_word)(mas, step->limit, step->gaps);
}

/* These return NULL for a gap, for the word 0 and for nothing. */
static bool step_by_entry(struct ma_state *mas, const struct step *step)
{
	static void *(*const steps[2][2][2])(struct ma_state *, uint64_t) = {
		{{mas_prev, mas_prev_range}, {mas_find_rev, mas_find_range_rev}},
		{{mas_next, mas_next_range}, {mas_find, mas_find_range}},
	};
	uint64_t word = (uintptr_t)steps[step->up][step->find][step->gaps](mas, step->limit);
	bool found = mas->status == ma_active;

	CHECK_EQ(word, found && mas->present ? mas->word : 0);
	return found;
}

/* The key where a step starts to look. False if that is beyond the last or the first. */
static bool step_start(const struct family_cursor *cursor, const struct oracle *oracle,
		       const struct step *step, uint64_t *key)
{
	uint64_t edge = step->up ? UINT64_MAX : 0, from = cursor->index;

	if (cursor->status == ma_pause) {
		from = step->up ? cursor->last : cursor->index;
	} else if (step->find && (cursor->status == ma_start || cursor->status == ma_none)) {
		*key = from;
		return true;
	} else {
		size_t cell = oracle_cell(oracle, from);

		from = step->up ? oracle_last(oracle, oracle_high(oracle, cell))
				: oracle_first(oracle, oracle_low(oracle, cell));
	}
	*key = step->up ? from + 1 : from - 1;
	return from != edge;
}

/* The slot where a step must stop that starts to look at `key`. */
static bool step_end(const struct oracle *oracle, const struct step *step, uint64_t key,
		     size_t *cell)
{
	struct mt_entry range;
	bool present;

	if (step->up ? key > step->limit : key < step->limit)
		return false;
	for (*cell = oracle_cell(oracle, key);;) {
		present = oracle_at(oracle, *cell, &range);
		if (step->up ? range.first > step->limit : range.last < step->limit)
			return false;
		if (present || step->gaps)
			return true;
		if (step->up ? range.last == UINT64_MAX : range.first == 0)
			return false;
		*cell = step->up ? oracle_high(oracle, *cell) + 1 : oracle_low(oracle, *cell) - 1;
	}
}

static void step(struct family_cursor *cursor, const struct oracle *oracle)
{
	uint64_t form = test_below(32), key = 0;
	struct step step = {.up = form & 1, .find = form & 2, .gaps = form & 4};
	enum maple_status otherwise = step.up ? ma_overflow : ma_underflow;
	bool in_range, expected, found;
	size_t cell = 0;

	step.limit = form & 16 ? oracle_key(oracle, test_below(oracle->cells))
		     : step.up ? UINT64_MAX
			       : 0;
	in_range = step_start(cursor, oracle, &step, &key);
	expected = in_range && step_end(oracle, &step, key, &cell);
	/* A search whose limit lies before its start has not looked anywhere. */
	if (step.find && (cursor->status == ma_start || cursor->status == ma_none) &&
	    (step.up ? key > step.limit : key < step.limit))
		otherwise = cursor->status;
	found = (form & 8 ? step_by_word : step_by_entry)(&cursor->mas, &step);
	CHECK_EQ(found, expected);
	if (found)
		stands_on(cursor, oracle, cell);
	else
		is_at(cursor, cursor->index, cursor->last, otherwise);
}

static void empty_area(struct family *family, struct family_cursor *cursor,
		       const struct oracle *oracle)
{
	size_t low, high;
	uint64_t min, max, size = 1 + test_below(9), start = 0;
	bool reverse = test_below(2);
	int got;

	family_cells(oracle, &low, &high);
	min = oracle_first(oracle, low);
	max = oracle_last(oracle, test_below(2) ? high : oracle->cells - 1);
	got = (reverse ? mas_empty_area_rev : mas_empty_area)(&cursor->mas, min, max, size);
	if (!(family->kind.flags & MT_FLAGS_ALLOC_RANGE) || size - 1 > max - min) {
		CHECK_EQ(got, -EINVAL);
		check_place(cursor);
	} else if (!oracle_empty_area(oracle, min, max, size, 1, reverse, &start)) {
		CHECK_EQ(got, -EBUSY);
		is_at(cursor, cursor->index, cursor->last, ma_none);
	} else {
		CHECK_EQ(got, 0);
		is_at(cursor, start, start + (size - 1), ma_start);
	}
}

static struct family_cursor *some_cursor(struct member *member)
{
	return &member->cursor[test_below(FAMILY_CURSORS)];
}

void family_cursor_move(struct family *family, struct member *member)
{
	struct family_cursor *cursor = some_cursor(member);
	const struct oracle *oracle = &member->oracle;

	mas_lock(&cursor->mas);
	switch (test_below(16)) {
	case 0:
		set(cursor, oracle);
		break;
	case 1:
		mas_reset(&cursor->mas);
		is_at(cursor, cursor->index, cursor->last, ma_start);
		break;
	case 2:
		mas_pause(&cursor->mas);
		is_at(cursor, cursor->index, cursor->last, ma_pause);
		break;
	case 3:
	case 4:
		walk(cursor, oracle);
		break;
	case 5:
		empty_area(family, cursor, oracle);
		break;
	default:
		step(cursor, oracle);
	}
	mas_unlock(&cursor->mas);
}

/* ---- writes ---------------------------------------------------------------------------------- */

/* The cells to write: those of [index, last] if that consists of whole cells, or others. */
static void choose_cells(struct family_cursor *cursor, const struct oracle *oracle, size_t *low,
			 size_t *high)
{
	if (test_below(2) && family_whole_cells(oracle, cursor->index, cursor->last, low, high))
		return;
	family_cells(oracle, low, high);
	mas_set_range(&cursor->mas, oracle_first(oracle, *low), oracle_last(oracle, *high));
	is_at(cursor, oracle_first(oracle, *low), oracle_last(oracle, *high), ma_start);
}

/* A store over [index, last] has returned. The cursor stands on that range as given, although the
 * entry may have become one with its neighbours, unless it was stored `apart`. */
static void stored_as(struct family *family, struct member *member, struct family_cursor *cursor,
		      int got, uint64_t word, bool present, bool apart)
{
	struct oracle *oracle = &member->oracle;
	size_t low, high;
	struct mt_entry there;

	if (!family_wrote(family, member, got)) {
		check_place(cursor);
		return;
	}
	CHECK(family_whole_cells(oracle, cursor->index, cursor->last, &low, &high));
	is_at(cursor, cursor->index, cursor->last, ma_active);
	CHECK_EQ(cursor->mas.present, present);
	if (!present) {
		oracle_clear(oracle, low, high);
		return;
	}
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
		stands_on(cursor, oracle, oracle_cell(oracle, way.first));
		return;
	}
	cursor->status = ma_start; /* the search for what is in the way left it there */
	stored(family, member, cursor, got, word, word);
}

static void erase(struct family *family, struct member *member, struct family_cursor *cursor)
{
	struct oracle *oracle = &member->oracle;
	size_t cell = oracle_cell(oracle, cursor->index);
	struct mt_entry there;
	void *erased = NULL;
	bool present = oracle_at(oracle, cell, &there), gone;
	int got = mas_erase(&cursor->mas, &erased);

	is_at(cursor, there.first, there.last, ma_active);
	if (!present) {
		CHECK_EQ(got, 0);
		CHECK(!erased);
		return;
	}
	gone = family_wrote(family, member, got);
	CHECK_EQ((uintptr_t)erased, gone ? there.word : 0);
	if (gone)
		oracle_clear(oracle, oracle_low(oracle, cell), oracle_high(oracle, cell));
}

static void preallocate(struct family *family, struct member *member, struct family_cursor *cursor)
{
	size_t low, high;

	choose_cells(cursor, &member->oracle, &low, &high);
	if (family_succeeded(family, member, mas_preallocate(&cursor->mas, ENTRY(1)))) {
		CHECK(cursor->mas.reserved > 0);
		cursor->promised_writes = member->writes;
		cursor->promised_index = cursor->index;
		cursor->promised_last = cursor->last;
	}
	check_place(cursor);
}

static void store_preallocated(struct family *family, struct member *member,
			       struct family_cursor *cursor)
{
	uint64_t word = family_word(family);
	size_t low, high;
	int got;

	if (!family_whole_cells(&member->oracle, cursor->index, cursor->last, &low, &high))
		return;
	if (cursor->mas.reserved && cursor->promised_writes == member->writes &&
	    cursor->promised_index == cursor->index && cursor->promised_last == cursor->last)
		family->starved = false; /* the store cannot run out of nodes */
	got = mas_store_prealloc(&cursor->mas, ENTRY(word));
	CHECK_EQ(cursor->mas.reserved, 0);
	stored(family, member, cursor, got, word, word);
}

void family_cursor_write(struct family *family, struct member *member)
{
	struct family_cursor *cursor = some_cursor(member);
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
	struct family_cursor *cursor = some_cursor(member);
	const struct step upwards = {.up = true, .find = true, .limit = UINT64_MAX};
	const struct oracle *oracle = &member->oracle;
	uint64_t left = test_below(30), writes = member->writes, key;
	size_t cell;

	mas_lock(&cursor->mas);
	set(cursor, oracle);
	while (left--) {
		bool expected = step_start(cursor, oracle, &upwards, &key) &&
				step_end(oracle, &upwards, key, &cell);

		CHECK_EQ(mas_find_word(&cursor->mas, UINT64_MAX, false), expected);
		if (!expected) {
			is_at(cursor, cursor->index, cursor->last, ma_overflow);
			break;
		}
		stands_on(cursor, oracle, cell);
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
