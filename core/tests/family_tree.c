/* SPDX-License-Identifier: MIT */
/*
 * What happens to a member through the normal interface. The oracle gives the expected result
 * before a write, and gets the write after it has succeeded.
 */
#include "family.h"

#include <stdlib.h>

enum { KEYS_MANY = 40, ACCUMULATED = 24 };

/* ---- writes ---------------------------------------------------------------------------------- */

/* NULL erases if entries are pointers. */
static void stored(struct member *member, size_t low, size_t high, uint64_t word, bool present)
{
	if (present)
		oracle_store(&member->oracle, low, high, word);
	else
		oracle_clear(&member->oracle, low, high);
}

void family_store(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	uint64_t word = family_word(family);
	mt_key first, last;
	bool present = true;
	size_t low, high;
	int got;

	family_cells(oracle, &low, &high);
	first = oracle_first(oracle, low);
	last = oracle_last(oracle, high);
	switch (test_below(3)) {
	case 0:
		got = mtree_store_range_word(&member->mt, first, last, word);
		break;
	case 1: {
		MA_STATE(mas, &member->mt, first, last);
		got = mas_store_word(&mas, word);
		break;
	}
	default:
		present = word != 0;
		got = first == last ? mtree_store(&member->mt, first, ENTRY(word))
				    : mtree_store_range(&member->mt, first, last, ENTRY(word));
	}
	if (family_wrote(family, member, got))
		stored(member, low, high, word, present);
}

/* Consecutive stores, upwards or downwards, adjacent or apart, until memory runs out. */
void family_store_many(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	size_t cells = oracle->cells, cell = test_below(cells), width = 1 + test_below(2),
	       apart = width + test_below(2), left = test_below(64);
	bool down = test_below(2);
	uint64_t word = family_word(family);

	for (; left; left--) {
		size_t high = cell + width <= cells ? cell + width - 1 : cells - 1;

		if (!family_wrote(family, member,
				  mtree_store_range_word(&member->mt, oracle_first(oracle, cell),
							 oracle_last(oracle, high), word)))
			break;
		CHECK_VALID(&member->mt);
		oracle_store(oracle, cell, high, word);
		word = (word + 1) % FAMILY_WORDS;
		cell = (cell + (down ? cells - apart : apart)) % cells;
	}
}

void family_insert(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	struct mt_entry way, occupied;
	uint64_t word = family_word(family);
	mt_key first, last;
	bool by_word = test_below(2);
	size_t low, high;
	int got;

	family_cells(oracle, &low, &high);
	first = oracle_first(oracle, low);
	last = oracle_last(oracle, high);
	if (by_word)
		got = mtree_insert_range_word(&member->mt, first, last, word, &occupied);
	else if (first == last)
		got = mtree_insert(&member->mt, first, ENTRY(word));
	else
		got = mtree_insert_range(&member->mt, first, last, ENTRY(word));
	if (!oracle_occupied(oracle, low, high, &way)) {
		if (family_wrote(family, member, got))
			stored(member, low, high, word, by_word || word);
		return;
	}
	CHECK_EQ(got, -EEXIST);
	if (by_word) {
		CHECK_EQ(occupied.first, way.first);
		CHECK_EQ(occupied.last, way.last);
		CHECK_EQ(occupied.word, way.word);
	}
}

void family_clear(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	size_t low, high;

	family_cells(oracle, &low, &high);
	if (family_wrote(family, member,
			 mtree_clear_range(&member->mt, oracle_first(oracle, low),
					   oracle_last(oracle, high))))
		oracle_clear(oracle, low, high);
}

void family_erase(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	size_t cell = test_below(oracle->cells);
	void *erased = NULL;
	struct mt_entry there;
	bool present = oracle_at(oracle, cell, &there);
	int got = mtree_erase(&member->mt, oracle_key(oracle, cell), &erased);

	if (!present)
		CHECK_EQ(got, 0);
	if (family_wrote(family, member, got)) {
		CHECK_EQ((uintptr_t)erased, present ? there.word : 0);
		oracle_clear(oracle, oracle_low(oracle, cell), oracle_high(oracle, cell));
	}
}

/* A window of keys, and a size that may fit into it. */
static void random_window(const struct oracle *oracle, mt_key *min, mt_key *max, mt_key *size)
{
	size_t low = test_below(oracle->cells),
	       high = test_below(4) ? oracle->cells - 1 : low + test_below(oracle->cells - low);

	*min = oracle_first(oracle, low);
	*max = oracle_last(oracle, high);
	*size = 1 + test_below(9);
	if (test_below(4) == 0) { /* as wide as some cells */
		low = test_below(oracle->cells);
		high = low + test_below(oracle->cells - low);
		*size = oracle_last(oracle, high) - oracle_first(oracle, low) + 1;
	}
}

/* The status that a search for room must return, apart from a lack of memory. */
static int room_status(const struct family *family, const struct oracle *oracle, mt_key min,
		       mt_key max, mt_key size, mt_key align, mt_key zero, bool reverse,
		       mt_key *start)
{
	if (!(family->kind.flags & MT_FLAGS_ALLOC_RANGE) || !size || size - 1 > max - min)
		return -EINVAL;
	return oracle_empty_area(oracle, min, max, size, align, zero, reverse, start) ? 0 : -EBUSY;
}

void family_allocate(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	uint64_t word = family_word(family);
	mt_key min, max, size, start = 1, expected = 1;
	bool reverse = test_below(2);
	size_t low, high;
	int status, got;

	random_window(oracle, &min, &max, &size);
	status = word ? room_status(family, oracle, min, max, size, 1, 0, reverse, &expected)
		      : -EINVAL;
	/* A result that takes a part of a cell cannot be stored in the oracle, so it is not
	 * requested. */
	if (!status && !family_whole_cells(oracle, expected, expected + (size - 1), &low, &high))
		return;
	got = (reverse ? mtree_alloc_rrange : mtree_alloc_range)(&member->mt, &start, ENTRY(word),
								 size, min, max);
	if (status) {
		CHECK_EQ(got, status);
	} else if (family_wrote(family, member, got)) {
		CHECK_EQ(start, expected);
		oracle_store(oracle, low, high, word);
		return;
	}
	CHECK_EQ(start, 1);
}

void family_allocate_cyclic(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	uint64_t word = family_word(family);
	mt_key low, high, size, from, next, start = 1, expected = 1;
	struct family_cursor *cursor = test_below(2) ? family_cursor(member) : NULL;
	bool wraps = false;
	size_t cell, same;
	int status, got;

	random_window(oracle, &low, &high, &size);
	if (test_below(4) == 0)
		high = MT_KEY_MAX;
	next = oracle_key(oracle, test_below(oracle->cells));
	from = next < low || next > high ? low : next;
	status =
		word ? room_status(family, oracle, from, high, 1, 1, 0, false, &expected) : -EINVAL;
	if (status == -EBUSY && from > low)
		status = room_status(family, oracle, low, from - 1, 1, 1, 0, false, &expected);
	wraps = next > high || expected < from;
	if (!status && !family_whole_cells(oracle, expected, expected, &cell, &same))
		return;
	from = next;
	if (cursor) {
		mas_lock(&cursor->mas);
		got = mas_alloc_cyclic(&cursor->mas, &start, ENTRY(word), low, high, &next);
		mas_unlock(&cursor->mas);
		if (got >= 0)
			family_cursor_is_at(cursor, expected, expected, ma_active);
		else
			family_cursor_is_at(cursor, cursor->place.index, cursor->place.last,
					    got == -EINVAL ? cursor->place.status : ma_error);
	} else {
		got = mtree_alloc_cyclic(&member->mt, &start, ENTRY(word), low, high, &next);
	}
	if (status) {
		CHECK_EQ(got, status);
	} else if (got >= 0) {
		CHECK(family_wrote(family, member, 0));
		if (cursor)
			cursor->seen_writes = member->writes;
		CHECK_EQ(got, wraps || member->wrapped);
		member->wrapped = expected == MT_KEY_MAX || (wraps && member->wrapped);
		CHECK_EQ(start, expected);
		CHECK_EQ(next, expected + 1);
		oracle_store(oracle, cell, cell, word);
		return;
	} else {
		CHECK(!family_succeeded(family, member, got));
	}
	CHECK_EQ(start, 1);
	CHECK_EQ(next, from);
}

/* Consecutive entries, with gaps or without, into a tree that is usually emptied first. One of them
 * may be out of order. */
void family_build(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	size_t cell = test_below(4) ? 0 : test_below(oracle->cells), width = 1 + test_below(2),
	       gap = test_below(2), count = 0, wrong = 0, bad = SIZE_MAX, i;
	mt_key *first = test_array(oracle->cells, sizeof(*first)),
	       *last = test_array(oracle->cells, sizeof(*last));
	uint64_t *words = test_array(oracle->cells, sizeof(*words)), word = family_word(family);
	size_t limit = test_below(4) ? oracle->cells : 1 + test_below(30);
	bool empty;
	int got;

	if (test_below(4))
		family_empty(family, member);
	empty = mtree_empty(&member->mt);
	/* mt_build() does not coalesce. */
	if (oracle->coalesces)
		gap++;
	for (; cell + width <= oracle->cells && count < limit; cell += width + gap) {
		first[count] = oracle_first(oracle, cell);
		last[count] = oracle_last(oracle, cell + width - 1);
		words[count++] = family->kind.values == family_plain ? word + cell : word;
		word = family->kind.values == family_plain ? word : (word + 7) % FAMILY_WORDS;
	}
	if (count > 1 && test_below(8) == 0) {
		wrong = 1 + test_below(count - 1);
		first[wrong] = last[wrong - 1];
	}
	got = mt_build(&member->mt, first, last, words, count, &bad);
	if (!empty) {
		CHECK_EQ(got, -EINVAL);
	} else if (wrong) {
		CHECK_EQ(got, -EINVAL);
		CHECK_EQ(bad, wrong);
	} else if (family_wrote(family, member, got)) {
		for (i = 0; i < count; i++)
			oracle_store(oracle, oracle_cell(oracle, first[i]),
				     oracle_cell(oracle, last[i]), words[i]);
	}
	free(first);
	free(last);
	free(words);
}

struct operand {
	enum mt_operation operation;
	uint64_t word;
	bool *overflows;
};

static uint64_t accumulated(const void *context, bool present, uint64_t word)
{
	const struct operand *operand = context;

	if (!present)
		return operand->word;
	switch (operand->operation) {
	case mt_op_add:
		*operand->overflows |= word + operand->word < word;
		return word + operand->word;
	case mt_op_min:
		return word < operand->word ? word : operand->word;
	case mt_op_max:
		return word > operand->word ? word : operand->word;
	case mt_op_or:
		return word | operand->word;
	default:
		return word & operand->word;
	}
}

/* Ranges in any order, or one. Only words without operations are numbers. */
void family_accumulate(struct family *family, struct member *member)
{
	mt_key first[ACCUMULATED], last[ACCUMULATED];
	uint64_t words[ACCUMULATED];
	size_t count = test_below(2) ? 1 : test_below(ACCUMULATED), low, high, i;
	struct mt_accumulation what = {.number = mt_number_unsigned,
				       .operation = (enum mt_operation)test_below(5),
				       .first = first,
				       .last = last,
				       .words = words,
				       .count = count,
				       .same = test_below(2)};
	bool overflows = false;
	struct oracle after;
	int got;

	oracle_copy(&member->oracle, &after);
	for (i = 0; i < count; i++) {
		struct operand operand = {what.operation, 0, &overflows};

		family_cells(&after, &low, &high);
		first[i] = oracle_first(&after, low);
		last[i] = oracle_last(&after, high);
		words[i] = family_word(family);
		operand.word = words[what.same ? 0 : i];
		if (family->kind.values == family_plain)
			oracle_map(&after, low, high, accumulated, &operand);
	}
	got = mtree_accumulate(&member->mt, &what, NULL);
	if (family->kind.values != family_plain) {
		CHECK_EQ(got, -EINVAL);
	} else if (overflows && !family->starved) {
		CHECK_EQ(got, -ERANGE);
	} else if (got != -ERANGE && family_wrote(family, member, got)) {
		struct oracle before = member->oracle;

		member->oracle = after;
		after = before;
	}
	CHECK(overflows || got != -ERANGE);
	oracle_fini(&after);
}

/* Calls with bad arguments change nothing. */
void family_refusals(struct family *family, struct member *member)
{
	struct maple_tree *mt = &member->mt, *other = &family->member[0]->mt;
	mt_key first = oracle_key(&member->oracle, test_below(member->oracle.cells)), start = 0;
	struct mt_entry entry;

	if (first) {
		CHECK_EQ(mtree_store_range_word(mt, first, first - 1, 1), -EINVAL);
		CHECK_EQ(mtree_store_range(mt, first, first - 1, ENTRY(1)), -EINVAL);
		CHECK_EQ(mtree_clear_range(mt, first, 0), -EINVAL);
		CHECK_EQ(mtree_insert_range_word(mt, first, 0, 1, &entry), -EINVAL);
		CHECK_EQ(mt_empty_area(mt, first, 0, 1, 1, 0, false, &start), -EINVAL);
		MA_STATE(mas, mt, first, first - 1);
		CHECK_EQ(mas_store_word(&mas, 1), -EINVAL);
		CHECK_EQ(mas_insert(&mas, ENTRY(1)), -EINVAL);
		CHECK_EQ(mas_preallocate(&mas, ENTRY(1)), -EINVAL);
		CHECK_EQ(mas.reserved, 0);
	}
	CHECK_EQ(mt_empty_area(mt, 0, first, 0, 1, 0, false, &start), -EINVAL);
	CHECK_EQ(mt_empty_area(mt, 0, first, 1, 0, 0, true, &start), -EINVAL);
	CHECK_EQ(mtree_alloc_range(mt, &start, ENTRY(1), 0, 0, first), -EINVAL);
	CHECK_EQ(start, 0);
	if (other != mt && !mtree_empty(other))
		CHECK_EQ(mtree_dup(mt, other), -EINVAL);
}

/* ---- reads ----------------------------------------------------------------------------------- */

static void find_both_ways(struct member *member, size_t low, size_t high)
{
	const struct oracle *oracle = &member->oracle;
	mt_key key = oracle_key(oracle, low), above = oracle_key(oracle, high), index;
	struct mt_entry got, expected;
	bool there;

	if (above < key)
		above = key;
	there = oracle_find(oracle, low, high, &expected) && expected.first <= above;
	CHECK_EQ(mtree_find(&member->mt, key, above, &got), there);
	index = key;
	CHECK_EQ((uintptr_t)mt_find(&member->mt, &index, above), there ? expected.word : 0);
	CHECK_EQ(index, there ? expected.last + 1 : key);
	index = key;
	CHECK_EQ((uintptr_t)mt_find_after(&member->mt, &index, above),
		 there && key ? expected.word : 0);
	if (there) {
		CHECK_EQ(got.first, expected.first);
		CHECK_EQ(got.last, expected.last);
		CHECK_EQ(got.word, expected.word);
	}
	there = oracle_find_rev(oracle, high, low, &expected) && expected.last >= key;
	CHECK_EQ(mtree_find_rev(&member->mt, above, key, &got), there);
	if (there) {
		CHECK_EQ(got.first, expected.first);
		CHECK_EQ(got.last, expected.last);
		CHECK_EQ(got.word, expected.word);
	}
	/* Beyond the range or gap around the key. */
	there = oracle_high(oracle, low) < high &&
		oracle_find(oracle, oracle_high(oracle, low) + 1, high, &expected) &&
		expected.first <= above;
	CHECK_EQ((uintptr_t)mt_next(&member->mt, key, above), there ? expected.word : 0);
	there = oracle_low(oracle, high) > low &&
		oracle_find_rev(oracle, oracle_low(oracle, high) - 1, low, &expected) &&
		expected.last >= key;
	CHECK_EQ((uintptr_t)mt_prev(&member->mt, above, key), there ? expected.word : 0);
}

void family_look_up(struct family *family, struct member *member)
{
	const struct oracle *oracle = &member->oracle;
	size_t cell = test_below(oracle->cells), high = cell + test_below(oracle->cells - cell);
	mt_key key = oracle_key(oracle, cell);
	uint64_t word = 0;
	struct mt_entry got, expected;
	bool there = oracle_at(oracle, cell, &expected);

	(void)family;
	CHECK_EQ(mtree_lookup(&member->mt, key, &got), there);
	CHECK_EQ(got.first, expected.first);
	CHECK_EQ(got.last, expected.last);
	CHECK_EQ(mtree_load_word(&member->mt, key, &word), there);
	CHECK_EQ((uintptr_t)mtree_load(&member->mt, key), there ? expected.word : 0);
	if (there) {
		CHECK_EQ(got.word, expected.word);
		CHECK_EQ(word, expected.word);
	}
	find_both_ways(member, cell, high);
}

/* Look-ups in one batch, and all entries at once. */
void family_look_up_many(struct family *family, struct member *member)
{
	const struct oracle *oracle = &member->oracle;
	size_t count = test_below(KEYS_MANY), cell = test_below(oracle->cells), found = 0,
	       step = 1 + test_below(oracle->cells), entries = mt_entries(&member->mt), i;
	mt_key keys[KEYS_MANY], *first = test_array(entries, sizeof(*first)),
				*last = test_array(entries, sizeof(*last));
	uint64_t words[KEYS_MANY], absent = family_word(family),
				   *all = test_array(entries, sizeof(*all));
	uint8_t present[KEYS_MANY];
	struct mt_entry expected;

	for (i = 0; i < count; i++) {
		keys[i] = i % 2 ? oracle_first(oracle, cell) : oracle_last(oracle, cell);
		found += oracle_at(oracle, cell, &expected);
		cell = (cell + step) % oracle->cells;
	}
	CHECK_EQ(mt_load_batch(&member->mt, keys, count, absent, words, present), found);
	for (i = 0; i < count; i++) {
		CHECK_EQ(present[i], oracle_at(oracle, oracle_cell(oracle, keys[i]), &expected));
		CHECK_EQ(words[i], present[i] ? expected.word : absent);
	}

	CHECK_EQ(mt_read(&member->mt, first, last, all), entries);
	for (i = 0, cell = 0; i < entries; i++) {
		CHECK(oracle_find(oracle, cell, oracle->cells - 1, &expected));
		CHECK_EQ(first[i], expected.first);
		CHECK_EQ(last[i], expected.last);
		CHECK_EQ(all[i], expected.word);
		cell = oracle_cell(oracle, expected.last) + 1;
	}
	free(first);
	free(last);
	free(all);
}

void family_search(struct family *family, struct member *member)
{
	mt_key min, max, size,
		start = 1, expected = 1,
		align = test_below(4) ? 1 + test_below(5) : (mt_key)1 << test_below(MT_KEY_BITS),
		zero = test_below(2) ? 0 : test_key();
	bool reverse = test_below(2);
	int status;

	random_window(&member->oracle, &min, &max, &size);
	status = room_status(family, &member->oracle, min, max, size, align, zero, reverse,
			     &expected);
	CHECK_EQ(mt_empty_area(&member->mt, min, max, size, align, zero, reverse, &start), status);
	CHECK_EQ(start, status ? 1 : expected);
}

struct differing {
	const struct oracle *a;
	const struct oracle *b;
	size_t next; /* the first cell that has not been compared */
};

/* Check that there is no difference up to the cell before `end`, one stretch of both after the
 * other. */
static void same_until(struct differing *differing, size_t end)
{
	while (differing->next < end) {
		struct mt_entry a, b;
		bool there = oracle_at(differing->a, differing->next, &a);
		size_t cell;

		CHECK_EQ(oracle_at(differing->b, differing->next, &b), there);
		CHECK(!there || a.word == b.word);
		cell = oracle_cell(differing->a, a.last < b.last ? a.last : b.last);
		differing->next = cell < end ? cell + 1 : end;
	}
}

/* The stretches come in order, each from one range or gap of both. */
static int check_difference(void *context, const struct mt_difference *difference)
{
	struct differing *differing = context;
	struct mt_entry a, b;
	size_t low, high;

	CHECK(family_whole_cells(differing->a, difference->first, difference->last, &low, &high));
	CHECK(low >= differing->next);
	same_until(differing, low);
	CHECK_EQ(difference->a_present, oracle_at(differing->a, low, &a));
	CHECK_EQ(difference->b_present, oracle_at(differing->b, low, &b));
	CHECK(!difference->a_present || difference->a.word == a.word);
	CHECK(!difference->b_present || difference->b.word == b.word);
	CHECK(difference->a_present != difference->b_present || a.word != b.word);
	CHECK_EQ(difference->first, a.first > b.first ? a.first : b.first);
	CHECK_EQ(difference->last, a.last < b.last ? a.last : b.last);
	differing->next = high + 1;
	return 0;
}

/* The next range above those of `cell` that both have with the same ends, but with other words. If
 * they come to a range that is not in both, the status says so. */
static int next_word(const struct differing *differing, size_t *cell, struct mt_entry *a,
		     struct mt_entry *b)
{
	size_t at = *cell;

	while (at < differing->a->cells) {
		bool there = oracle_at(differing->a, at, a);

		if (oracle_at(differing->b, at, b) != there || a->first != b->first ||
		    a->last != b->last)
			return -EINVAL;
		at = oracle_high(differing->a, at) + 1;
		*cell = at;
		if (there && a->word != b->word)
			return 1;
	}
	return 0;
}

static void compare_words(const struct differing *differing, const struct maple_tree *a,
			  const struct maple_tree *b)
{
	struct mt_difference difference;
	struct mt_diff_walk walk;
	struct mt_entry in_a, in_b;
	size_t cell = 0;
	int status;

	mt_diff_begin(&walk, a, b, mt_diff_equal);
	do {
		status = next_word(differing, &cell, &in_a, &in_b);
		CHECK_EQ(mt_diff_next_word(&walk, &difference), status);
		if (status == 1) {
			CHECK_EQ(difference.first, in_a.first);
			CHECK_EQ(difference.last, in_a.last);
			CHECK_EQ(difference.a.word, in_a.word);
			CHECK_EQ(difference.b.word, in_b.word);
			CHECK(difference.a_present && difference.b_present);
		}
	} while (status == 1);
}

void family_compare(struct family *family, struct member *member)
{
	struct member *other = family->member[test_below(family->count)];
	struct differing differing = {&member->oracle, &other->oracle, 0};

	CHECK_EQ(mt_diff(&member->mt, &other->mt, check_difference, &differing), 0);
	same_until(&differing, member->oracle.cells);
	compare_words(&differing, &member->mt, &other->mt);
}
