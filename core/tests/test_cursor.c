/* SPDX-License-Identifier: MIT */
/*
 * The advanced interface against the oracle: cursors that walk, step both ways, store, erase, pause
 * and go on while others write; and the reserve of mas_preallocate().
 */
#include "oracle.h"
#include "test.h"

#include <stdlib.h>

/* Where the oracle says that the cursor stands. */
struct position {
	size_t low; /* cells of the range; before the first step: the cell it is set to, twice */
	size_t high;
	bool walked; /* a step goes on from here rather than looks here */
	bool edge;   /* after an erasure: the gap around may be wider than [low, high] */
};

struct walker {
	struct oracle *oracle;
	struct ma_state mas;
	struct position at;
};

static void set_anywhere(struct walker *walker)
{
	size_t cell = test_below(walker->oracle->cells);

	mas_set(&walker->mas, oracle_key(walker->oracle, cell));
	CHECK_EQ(walker->mas.status, ma_start);
	walker->at = (struct position){cell, cell, false, false};
}

/* The cursor stands on the whole range or gap around `cell`. */
static void stands_on(struct walker *walker, size_t cell)
{
	struct mt_entry expected;
	bool present = oracle_at(walker->oracle, cell, &expected);

	CHECK_EQ(walker->mas.status, ma_active);
	CHECK_EQ(walker->mas.index, expected.first);
	CHECK_EQ(walker->mas.last, expected.last);
	CHECK_EQ(walker->mas.present, present);
	if (present)
		CHECK_EQ(walker->mas.word, expected.word);
	walker->at.low = oracle_low(walker->oracle, cell);
	walker->at.high = oracle_high(walker->oracle, cell);
	walker->at.walked = true;
	walker->at.edge = false;
}

static void walk(struct walker *walker)
{
	struct oracle *oracle = walker->oracle;
	size_t cell = walker->at.low;

	if (test_below(8) == 0) {
		void *entry = mas_load(&walker->mas);

		CHECK_EQ((uintptr_t)entry, oracle->range[cell] ? oracle->word[cell] : 0);
		set_anywhere(walker);
		return;
	}
	if (test_below(2))
		CHECK_EQ(mas_walk_word(&walker->mas), oracle->range[cell] != 0);
	else
		CHECK_EQ((uintptr_t)mas_walk(&walker->mas),
			 oracle->range[cell] ? oracle->word[cell] : 0);
	stands_on(walker, cell);
}

static bool step(struct ma_state *mas, bool find, bool up, uint64_t limit, bool gaps)
{
	bool by_word = test_below(2);

	if (up && find && by_word)
		return mas_find_word(mas, limit, gaps);
	if (up && by_word)
		return mas_next_word(mas, limit, gaps);
	if (find && by_word)
		return mas_find_rev_word(mas, limit, gaps);
	if (by_word)
		return mas_prev_word(mas, limit, gaps);
	/* These answer NULL for a gap and for nothing alike; words are never 0 here. */
	if (up && find && gaps)
		return mas_find_range(mas, limit) || mas->status == ma_active;
	if (up && find)
		return mas_find(mas, limit);
	if (up && gaps)
		return mas_next_range(mas, limit) || mas->status == ma_active;
	if (up)
		return mas_next(mas, limit);
	if (find && gaps)
		return mas_find_range_rev(mas, limit) || mas->status == ma_active;
	if (find)
		return mas_find_rev(mas, limit);
	if (gaps)
		return mas_prev_range(mas, limit) || mas->status == ma_active;
	return mas_prev(mas, limit);
}

static void step_somewhere(struct walker *walker)
{
	struct oracle *oracle = walker->oracle;
	struct position *at = &walker->at;
	bool find = test_below(2), up = test_below(2);
	bool gaps = !at->edge && test_below(2), stops = false;
	uint64_t index = walker->mas.index, last = walker->mas.last;
	size_t cell, limit;
	bool looks_here = find && !at->walked, found;

	/* A step that does not look where the cursor is set leaves the whole range there. */
	if (!looks_here && !at->edge) {
		at->low = oracle_low(oracle, at->low);
		at->high = oracle_high(oracle, at->high);
	}
	if (up) {
		limit = at->high + test_below(oracle->cells - at->high);
		for (cell = looks_here ? at->low : at->high + 1; cell <= limit; cell++) {
			stops = gaps || oracle->range[cell];
			if (stops)
				break;
		}
		found = step(&walker->mas, find, up, oracle_last(oracle, limit), gaps);
	} else {
		limit = test_below(at->low + 1);
		for (cell = (looks_here ? at->high : at->low - 1) + 1; cell-- > limit;) {
			stops = gaps || oracle->range[cell];
			if (stops)
				break;
		}
		found = step(&walker->mas, find, up, oracle_first(oracle, limit), gaps);
	}
	CHECK_EQ(found, stops);
	if (found) {
		stands_on(walker, cell);
		return;
	}
	CHECK(walker->mas.status == ma_none ||
	      walker->mas.status == (up ? ma_overflow : ma_underflow));
	CHECK_EQ(walker->mas.index, index);
	CHECK_EQ(walker->mas.last, last);
	set_anywhere(walker);
}

static void store(struct walker *walker)
{
	struct oracle *oracle = walker->oracle;
	size_t low = walker->at.low, high = walker->at.high;
	uint64_t word = 1 + test_below(1u << 30);

	if (test_below(2) || !walker->at.walked) {
		low = test_below(oracle->cells);
		high = low + test_below(test_below(8) ? 4 : oracle->cells);
		if (high >= oracle->cells)
			high = oracle->cells - 1;
		mas_set_range(&walker->mas, oracle_first(oracle, low), oracle_last(oracle, high));
	}
	switch (test_below(3)) {
	case 0:
		CHECK_EQ(mas_store(&walker->mas, ENTRY(word)), 0);
		break;
	case 1:
		CHECK_EQ(mas_store_word(&walker->mas, word), 0);
		break;
	default:
		CHECK_EQ(mas_preallocate(&walker->mas, ENTRY(word)), 0);
		CHECK_EQ(mas_store_prealloc(&walker->mas, ENTRY(word)), 0);
		CHECK_EQ(walker->mas.reserved, 0);
	}
	oracle_store(oracle, low, high, word);
	stands_on(walker, low);
}

static void insert(struct walker *walker)
{
	struct oracle *oracle = walker->oracle;
	size_t low = test_below(oracle->cells), high = low + test_below(3);
	uint64_t word = 1 + test_below(1u << 30);
	struct mt_entry way;

	if (high >= oracle->cells)
		high = oracle->cells - 1;
	mas_set_range(&walker->mas, oracle_first(oracle, low), oracle_last(oracle, high));
	if (oracle_occupied(oracle, low, high, &way)) {
		CHECK_EQ(mas_insert(&walker->mas, ENTRY(word)), -EEXIST);
		CHECK_EQ(walker->mas.index, way.first);
		CHECK_EQ(walker->mas.last, way.last);
		CHECK_EQ(walker->mas.word, way.word);
		set_anywhere(walker);
		return;
	}
	CHECK_EQ(mas_insert(&walker->mas, ENTRY(word)), 0);
	oracle_store(oracle, low, high, word);
	stands_on(walker, low);
}

static void erase(struct walker *walker)
{
	struct oracle *oracle = walker->oracle;
	size_t cell = walker->at.low, low = oracle_low(oracle, cell),
	       high = oracle_high(oracle, cell);
	struct mt_entry there;
	void *erased = NULL;
	bool present = oracle_at(oracle, cell, &there);

	if (test_below(3) == 0 && walker->at.walked && !walker->at.edge) {
		CHECK_EQ(mas_clear(&walker->mas), 0);
		CHECK(!walker->mas.present);
	} else {
		CHECK_EQ(mas_erase(&walker->mas, &erased), 0);
		CHECK_EQ((uintptr_t)erased, present ? there.word : 0);
	}
	CHECK_EQ(walker->mas.index, there.first);
	CHECK_EQ(walker->mas.last, there.last);
	if (present)
		oracle_clear(oracle, low, high);
	walker->at = (struct position){low, high, true, true};
}

/* Another writer, at cells that the cursor does not stand on. */
static void write_elsewhere(struct walker *walker, struct maple_tree *mt)
{
	struct oracle *oracle = walker->oracle;
	size_t low = test_below(oracle->cells);

	if ((low >= oracle_low(oracle, walker->at.low) &&
	     low <= oracle_high(oracle, walker->at.high)) ||
	    oracle->range[low])
		return;
	CHECK_EQ(mtree_store_range_word(mt, oracle_first(oracle, low), oracle_last(oracle, low),
					low + 1),
		 0);
	oracle_store(oracle, low, low, low + 1);
}

static void against_oracle(size_t cells, bool random_widths, uint32_t flags, size_t steps)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	struct oracle oracle;
	struct walker walker = {.oracle = &oracle};

	mt_init_pool(&mt, flags, pool, NULL);
	if (random_widths)
		oracle_init_random(&oracle, cells);
	else
		oracle_init(&oracle, cells);
	mas_init(&walker.mas, &mt, 0);
	set_anywhere(&walker);
	while (steps--) {
		switch (test_below(16)) {
		case 0:
			set_anywhere(&walker);
			break;
		case 1:
			if (!walker.at.edge)
				walk(&walker);
			break;
		case 2:
		case 3:
			store(&walker);
			CHECK_ORACLE(&oracle, &mt);
			break;
		case 4:
			insert(&walker);
			CHECK_ORACLE(&oracle, &mt);
			break;
		case 5:
			erase(&walker);
			CHECK_ORACLE(&oracle, &mt);
			break;
		case 6:
			if (walker.at.walked) {
				mas_pause(&walker.mas);
				CHECK_EQ(walker.mas.status, ma_pause);
			}
			break;
		case 7:
			write_elsewhere(&walker, &mt);
			CHECK_VALID(&mt);
			break;
		default:
			step_somewhere(&walker);
		}
	}
	mas_destroy(&walker.mas);
	mt_fini(&mt);
	oracle_fini(&oracle);
	test_pool_end(pool);
}

static void random_steps(void)
{
	size_t steps = test_steps(160000) / 8;

	against_oracle(60, false, 0, steps);
	against_oracle(60, true, MT_FLAGS_ALLOC_RANGE, steps);
	against_oracle(500, true, 0, steps);
	against_oracle(500, false, MT_FLAGS_ALLOC_RANGE, steps);
	against_oracle(3000, true, 0, steps / 4);
	against_oracle(3000, false, MT_FLAGS_ALLOC_RANGE, steps / 4);
}

/* A loop that replaces each value with the cursor that reads them, as a forking process does. */
static void replace_while_reading(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	uint64_t seen = 0;
	void *entry;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (uint64_t i = 0; i < 1000; i++)
		CHECK_EQ(mtree_store_range(&mt, i * 10, i * 10 + 5, ENTRY(i + 1)), 0);

	MA_STATE(mas, &mt, 0, 0);
	mas_lock(&mas);
	mas_for_each(&mas, entry, UINT64_MAX)
	{
		CHECK_EQ((uintptr_t)entry, ++seen);
		CHECK_EQ(mas_store(&mas, ENTRY(seen + 5000)), 0);
	}
	mas_unlock(&mas);
	CHECK_EQ(seen, 1000);
	CHECK_VALID(&mt);
	CHECK_EQ(mt_entries(&mt), 1000);
	for (uint64_t i = 0; i < 1000; i++)
		CHECK_EQ((uintptr_t)mtree_load(&mt, i * 10 + i % 6), i + 5001);

	/* The same loop erasing each: nothing is skipped. */
	seen = 0;
	mas_set(&mas, 0);
	mas_for_each(&mas, entry, UINT64_MAX)
	{
		seen++;
		CHECK_EQ(mas_erase(&mas, NULL), 0);
	}
	CHECK_EQ(seen, 1000);
	CHECK(mtree_empty(&mt));
	mt_fini(&mt);
	test_pool_end(pool);
}

/* A paused cursor goes on behind where it stood, whatever happened there meanwhile. */
static void pause_and_go_on(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, NULL);
	for (uint64_t i = 0; i < 200; i++)
		CHECK_EQ(mtree_store_range(&mt, i * 10, i * 10 + 5, ENTRY(i + 1)), 0);

	MA_STATE(mas, &mt, 50, 50);
	CHECK_EQ((uintptr_t)mas_find(&mas, UINT64_MAX), 6);
	mas_pause(&mas);
	CHECK_EQ(mtree_clear_range(&mt, 0, 64), 0);
	CHECK_EQ(mtree_store(&mt, 56, ENTRY(999)), 0);
	CHECK_EQ((uintptr_t)mas_find(&mas, UINT64_MAX), 999);
	mas_pause(&mas);
	CHECK_EQ(mtree_clear_range(&mt, 0, UINT64_MAX), 0);
	CHECK(!mas_find(&mas, UINT64_MAX));
	mt_fini(&mt);
	test_pool_end(pool);
}

static void reserve_is_given_back(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	size_t live;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (uint64_t i = 0; i < 500; i++)
		CHECK_EQ(mtree_store(&mt, i * 2, ENTRY(i + 1)), 0);
	live = test_live(pool);

	MA_STATE(mas, &mt, 100, 300);
	CHECK_EQ(mas_preallocate(&mas, ENTRY(1)), 0);
	CHECK(mas.reserved > 0);
	CHECK_EQ(test_live(pool), live + mas.reserved);
	mas_destroy(&mas);
	CHECK_EQ(mas.reserved, 0);
	CHECK_EQ(test_live(pool), live);
	CHECK_VALID(&mt);

	/* With the reserve a store needs no memory, so the next allocation may fail. */
	mas_set_range(&mas, 100, 300);
	CHECK_EQ(mas_preallocate(&mas, ENTRY(7)), 0);
	mt_pool_fail_nth(pool, 1);
	CHECK_EQ(mas_store_prealloc(&mas, ENTRY(7)), 0);
	mt_pool_fail_nth(pool, 0);
	CHECK_VALID(&mt);
	CHECK_EQ((uintptr_t)mtree_load(&mt, 200), 7);
	CHECK_EQ(test_live(pool), mt_node_count(&mt));

	/* Without memory for the reserve: an error, and nothing held. */
	live = test_live(pool);
	mas_set_range(&mas, 301, 301);
	mt_pool_fail_nth(pool, 1);
	CHECK_EQ(mas_preallocate(&mas, ENTRY(8)), -ENOMEM);
	CHECK_EQ(mas.reserved, 0);
	CHECK_EQ(test_live(pool), live);

	mas_set_range(&mas, 302, 301);
	CHECK_EQ(mas_preallocate(&mas, ENTRY(8)), -EINVAL);
	CHECK_EQ(mas.reserved, 0);
	mas_destroy(&mas);
	mt_fini(&mt);
	test_pool_end(pool);
}

static const struct test_case cases[] = {
	{"random_steps", random_steps},
	{"replace_while_reading", replace_while_reading},
	{"pause_and_go_on", pause_and_go_on},
	{"reserve_is_given_back", reserve_is_given_back},
};

TEST_MAIN(cases)
