/* SPDX-License-Identifier: MIT */
/* Searching and allocating free ranges, against a scan of every gap. */
#include "oracle.h"
#include "test.h"

#include "node.h"

/* A tree of random ranges over cells of one key. The last cell, which is everything above, may be
 * taken too. */
static void fill(struct oracle *oracle, struct maple_tree *mt, size_t cells, unsigned percent)
{
	size_t from, to;

	oracle_init(oracle, cells);
	for (from = 0; from < cells; from = to + 1) {
		to = from + test_below(test_below(10) ? 4 : 40);
		if (to >= cells)
			to = cells - 1;
		if (test_below(100) >= percent)
			continue;
		CHECK_EQ(mtree_store_range_word(mt, oracle_first(oracle, from),
						oracle_last(oracle, to), from),
			 0);
		oracle_store(oracle, from, to, from);
	}
	CHECK_ORACLE(oracle, mt);
}

static void random_window(size_t cells, mt_key *min, mt_key *max, mt_key *size)
{
	*min = test_below(cells);
	*max = *min + test_below(cells - *min);
	if (test_below(16) == 0)
		*min = 0;
	if (test_below(16) == 0)
		*max = MT_KEY_MAX;
	*size = 1 + test_below(test_below(4) ? 8 : 60);
	if (*size - 1 > *max - *min)
		*size = *max - *min + 1;
}

static mt_key random_align(void)
{
	static const mt_key align[] = {1, 1, 1, 2, 3, 4, 7, 8, 10, 16, 64, 100};

	return align[test_below(sizeof(align) / sizeof(*align))];
}

/* Inside, or far above. */
static mt_key random_zero(size_t cells)
{
	return test_below(2) ? test_below(cells) : test_key();
}

static void search_one(const struct oracle *oracle, struct maple_tree *mt)
{
	mt_key min, max, size, align = random_align(), expected = 0, start = 12345;
	mt_key zero = random_zero(oracle->cells);
	bool reverse = test_below(2), found;

	random_window(oracle->cells, &min, &max, &size);
	found = oracle_empty_area(oracle, min, max, size, align, zero, reverse, &expected);
	CHECK_EQ(mt_empty_area(mt, min, max, size, align, zero, reverse, &start),
		 found ? 0 : -EBUSY);
	CHECK_EQ(start, found ? expected : 12345);
}

static void search_by_cursor(const struct oracle *oracle, struct maple_tree *mt)
{
	mt_key min, max, size, expected = 0;
	bool reverse = test_below(2), found;
	struct ma_state mas;

	random_window(oracle->cells, &min, &max, &size);
	found = oracle_empty_area(oracle, min, max, size, 1, 0, reverse, &expected);
	mas_init(&mas, mt, test_below(oracle->cells));
	CHECK_EQ((reverse ? mas_empty_area_rev : mas_empty_area)(&mas, min, max, size),
		 found ? 0 : -EBUSY);
	if (!found)
		return;
	CHECK_EQ(mas.index, expected);
	CHECK_EQ(mas.last, expected + size - 1);
	/* The cursor is ready to store there. */
	if (expected + size < oracle->cells && test_below(2)) {
		uint64_t word = mas.index;

		CHECK_EQ(mas_insert(&mas, ENTRY(word + 1)), 0);
		CHECK_EQ(mas_erase(&mas, NULL), 0);
	}
}

/* Allocate within the one-key cells, then sometimes free something. */
static void allocate_one(struct oracle *oracle, struct maple_tree *mt)
{
	mt_key min, max, size, expected = 0, start = 12345;
	bool reverse = test_below(2), found;

	random_window(oracle->cells - 1, &min, &max, &size);
	if (max > oracle->cells - 2)
		max = oracle->cells - 2;
	if (size - 1 > max - min)
		size = max - min + 1;
	found = oracle_empty_area(oracle, min, max, size, 1, 0, reverse, &expected);
	CHECK_EQ((reverse ? mtree_alloc_rrange : mtree_alloc_range)(mt, &start, ENTRY(min + 1),
								    size, min, max),
		 found ? 0 : -EBUSY);
	CHECK_EQ(start, found ? expected : 12345);
	if (found)
		oracle_store(oracle, start, start + size - 1, min + 1);
}

static void free_one(struct oracle *oracle, struct maple_tree *mt)
{
	size_t cell = test_below(oracle->cells);

	CHECK_EQ(mtree_erase(mt, cell, NULL), 0);
	if (oracle->range[cell])
		oracle_clear(oracle, oracle_low(oracle, cell), oracle_high(oracle, cell));
}

/* The largest gap below a node, from the slots of its leaves. Also checks that each narrow node on
 * the way has the right sizes. */
static mt_key largest_gap(const struct maple_node *node, mt_key min, mt_key max)
{
	mt_key largest = 0, low = min;
	unsigned slot;

	for (slot = 0; slot < node->count; slot++) {
		mt_key high = slot + 1u < node->count ? node->pivot[slot] : max, size = 0;

		if (node->kind != MT_LEAF) {
			size = largest_gap(mt_child(node, slot), low, high);
			CHECK_EQ(node->narrow.gap[slot], size);
		} else if (!(node->present >> slot & 1u)) {
			size = high - low + 1;
		}
		largest = size > largest ? size : largest;
		low = high + 1;
	}
	return largest;
}

static void random_searches(void)
{
	static const size_t sizes[] = {60, 300, 2000};
	static const unsigned percents[] = {0, 30, 60, 90, 98, 100};
	size_t i, j, step, steps = test_steps(54000) / 18;

	for (i = 0; i < 3; i++) {
		for (j = 0; j < 6; j++) {
			struct maple_pool *pool = test_pool();
			struct maple_tree mt;
			struct oracle oracle;

			mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
			fill(&oracle, &mt, sizes[i], percents[j]);
			for (step = 0; step < steps; step++) {
				search_one(&oracle, &mt);
				search_by_cursor(&oracle, &mt);
				allocate_one(&oracle, &mt);
				if (test_below(2))
					free_one(&oracle, &mt);
				CHECK_ORACLE(&oracle, &mt);
				if (mt.ma_root)
					largest_gap(mt.ma_root, 0, MT_KEY_MAX);
			}
			mt_fini(&mt);
			oracle_fini(&oracle);
			test_pool_end(pool);
		}
	}
}

static void windows_at_the_ends(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	mt_key start;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	/* Empty: everything is one gap. */
	CHECK_EQ(mt_empty_area(&mt, 0, MT_KEY_MAX, MT_KEY_MAX, 1, 0, false, &start), 0);
	CHECK_EQ(start, 0);
	CHECK_EQ(mt_empty_area(&mt, 0, MT_KEY_MAX, MT_KEY_MAX, 1, 0, true, &start), 0);
	CHECK_EQ(start, 1);
	CHECK_EQ(mt_empty_area(&mt, 0, MT_KEY_MAX, 4096, 4096, 0, true, &start), 0);
	CHECK_EQ(start, (mt_key)0 - 4096);
	CHECK_EQ(mt_empty_area(&mt, MT_KEY_MAX, MT_KEY_MAX, 1, 1, 0, false, &start), 0);
	CHECK_EQ(start, MT_KEY_MAX);
	/* There is none above the largest multiple: rounding up must not wrap. */
	CHECK_EQ(mt_empty_area(&mt, MT_KEY_MAX - 5, MT_KEY_MAX, 1, 4096, 0, false, &start), -EBUSY);
	CHECK_EQ(mt_empty_area(&mt, 1, 4095, 1, 4096, 0, true, &start), -EBUSY);
	CHECK_EQ(mt_empty_area(&mt, 1, 4095, 1, (uint64_t)1 << 63, 0, true, &start), -EBUSY);

	CHECK_EQ(mtree_store_range(&mt, 10, MT_KEY_MAX - 10, ENTRY(1)), 0);
	CHECK_EQ(mt_empty_area(&mt, 0, MT_KEY_MAX, 10, 1, 0, false, &start), 0);
	CHECK_EQ(start, 0);
	CHECK_EQ(mt_empty_area(&mt, 0, MT_KEY_MAX, 10, 1, 0, true, &start), 0);
	CHECK_EQ(start, MT_KEY_MAX - 9);
	CHECK_EQ(mt_empty_area(&mt, 0, MT_KEY_MAX, 11, 1, 0, false, &start), -EBUSY);
	CHECK_EQ(mt_empty_area(&mt, 3, MT_KEY_MAX - 1, 8, 1, 0, false, &start), 0);
	CHECK_EQ(start, MT_KEY_MAX - 9);
	CHECK_EQ(mt_empty_area(&mt, 3, MT_KEY_MAX - 1, 9, 1, 0, true, &start), 0);
	CHECK_EQ(start, MT_KEY_MAX - 9);
	CHECK_EQ(mt_empty_area(&mt, 3, MT_KEY_MAX - 2, 9, 1, 0, true, &start), -EBUSY);

	/* No gap at all. */
	CHECK_EQ(mtree_store_range(&mt, 0, MT_KEY_MAX, ENTRY(2)), 0);
	CHECK_EQ(mt_empty_area(&mt, 0, MT_KEY_MAX, 1, 1, 0, false, &start), -EBUSY);
	CHECK_EQ(mt_empty_area(&mt, 0, MT_KEY_MAX, 1, 1, 0, true, &start), -EBUSY);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Places are counted from a key inside, above or below the window: nothing wraps. */
static void places_from_any_key(void)
{
	static const struct {
		mt_key min, max, size, align, zero;
		bool found;
		mt_key low, high;
	} searches[] = {
		{0, 99, 10, 10, 3, true, 3, 83},
		{0, 99, 10, 10, 93, true, 3, 83},
		{50, 99, 1, 10, 50, true, 50, 90},
		{5, 9, 1, 10, 4, false, 0, 0},
		{5, 9, 1, 10, MT_KEY_MAX, true, MT_KEY_MAX % 10, MT_KEY_MAX % 10},
		{0, 5, 1, MT_KEY_MAX, 5, true, 5, 5},
		{0, 4, 1, MT_KEY_MAX, 5, false, 0, 0},
		{0, MT_KEY_MAX, 1, MT_KEY_MAX, MT_KEY_MAX, true, 0, MT_KEY_MAX},
		{0, MT_KEY_MAX, 1, MT_KEY_MAX, MT_KEY_MAX - 1, true, MT_KEY_MAX - 1,
		 MT_KEY_MAX - 1},
		{MT_KEY_MAX - 3, MT_KEY_MAX, 1, MT_KEY_MAX, 0, true, MT_KEY_MAX, MT_KEY_MAX},
		{0, MT_KEY_MAX, MT_KEY_MAX, 2, 1, true, 1, 1},
		{0, MT_KEY_MAX, MT_KEY_MAX, 2, MT_KEY_MAX - 1, true, 0, 0},
	};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (size_t i = 0; i < 2 * sizeof(searches) / sizeof(*searches); i++) {
		bool reverse = i % 2;
		mt_key expected = reverse ? searches[i / 2].high : searches[i / 2].low, start = 7;

		CHECK_EQ(mt_empty_area(&mt, searches[i / 2].min, searches[i / 2].max,
				       searches[i / 2].size, searches[i / 2].align,
				       searches[i / 2].zero, reverse, &start),
			 searches[i / 2].found ? 0 : -EBUSY);
		CHECK_EQ(start, searches[i / 2].found ? expected : 7);
	}
	mt_fini(&mt);
	test_pool_end(pool);
}

/* The last leaf has two keys: a value, and the tree's smallest gap, which is then filled. */
static void a_gap_of_the_last_key(void)
{
	enum { ENTRIES = 2 * MT_WIDE_SLOTS };
	mt_key keys[ENTRIES];
	uint64_t words[ENTRIES], i;
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	for (i = 0; i < ENTRIES; i++)
		keys[i] = MT_KEY_MAX - ENTRIES + (words[i] = i);
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	CHECK_EQ(mt_build(&mt, keys, keys, words, ENTRIES, NULL), 0);
	CHECK_EQ(mt.ma_root->narrow.gap[2], 1);
	CHECK_EQ(mtree_store(&mt, MT_KEY_MAX, ENTRY(1)), 0);
	CHECK_EQ(mt.ma_root->narrow.gap[2], 0);
	CHECK_EQ(largest_gap(mt.ma_root, 0, MT_KEY_MAX), MT_KEY_MAX - ENTRIES);
	mt_fini(&mt);
	test_pool_end(pool);
}

static void refusals(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	mt_key start = 42, next = 43;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	CHECK_EQ(mt_empty_area(&mt, 0, 100, 0, 1, 0, false, &start), -EINVAL);
	CHECK_EQ(mt_empty_area(&mt, 5, 4, 1, 1, 0, false, &start), -EINVAL);
	CHECK_EQ(mt_empty_area(&mt, 5, 9, 6, 1, 0, false, &start), -EINVAL);
	CHECK_EQ(mt_empty_area(&mt, 5, 9, 1, 0, 0, false, &start), -EINVAL);
	CHECK_EQ(mt_empty_area(&mt, 5, 9, 1, 0, 7, false, &start), -EINVAL);
	CHECK_EQ(mtree_alloc_range(&mt, &start, ENTRY(1), 0, 0, 100), -EINVAL);
	CHECK_EQ(mtree_alloc_range(&mt, &start, ENTRY(1), 1, 5, 4), -EINVAL);
	CHECK_EQ(mtree_alloc_rrange(&mt, &start, ENTRY(1), 6, 5, 9), -EINVAL);
	CHECK_EQ(mtree_alloc_range(&mt, &start, NULL, 1, 0, 100), -EINVAL);
	CHECK_EQ(mtree_alloc_cyclic(&mt, &start, NULL, 0, 100, &next), -EINVAL);
	CHECK_EQ(next, 43);
	MA_STATE(mas, &mt, 3, 3);
	CHECK_EQ(mas_empty_area(&mas, 5, 9, 6), -EINVAL);
	CHECK_EQ(mas_empty_area_rev(&mas, 5, 9, 0), -EINVAL);
	CHECK_EQ(mas.status, ma_start);
	CHECK_EQ(mtree_store_range(&mt, 5, 9, ENTRY(1)), 0);
	CHECK_EQ(mas_empty_area(&mas, 5, 9, 3), -EBUSY);
	CHECK(mas_is_err(&mas));
	mas_set(&mas, 3);
	CHECK_EQ(mas_empty_area_rev(&mas, 5, 9, 3), -EBUSY);
	CHECK(mas_is_err(&mas));
	CHECK_EQ(mas.index, 3);
	mtree_destroy(&mt);
	CHECK_EQ(start, 42);
	CHECK(mtree_empty(&mt));
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Keys handed out cyclically: each search starts after the last key, and wraps. */
static void cyclic(void)
{
	enum { LOW = 20, HIGH = 219 };
	struct maple_pool *pool = test_pool();
	bool taken[HIGH + 1] = {false};
	struct maple_tree mt;
	mt_key start, next = LOW, key;
	size_t step, steps = test_steps(20000), full = 0;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (step = 0; step < steps; step++) {
		int expected = 0, got;

		if (test_below(100) < (step / 1000 % 2 ? 30 : 70)) {
			for (key = next < LOW ? LOW : next; key <= HIGH && taken[key]; key++)
				;
			if (key > HIGH) {
				expected = 1;
				for (key = LOW; key <= HIGH && taken[key]; key++)
					;
			}
			if (key > HIGH) {
				expected = -EBUSY;
				full++;
			}
			got = mtree_alloc_cyclic(&mt, &start, ENTRY(step + 1), LOW, HIGH, &next);
			CHECK_EQ(got, expected);
			if (got >= 0) {
				CHECK_EQ(start, key);
				CHECK_EQ(next, key + 1);
				taken[key] = true;
			}
		} else {
			key = LOW + test_below(HIGH - LOW + 1);
			CHECK_EQ(mtree_erase(&mt, key, NULL), 0);
			taken[key] = false;
		}
		CHECK_VALID(&mt);
	}
	CHECK(full > 0 || steps < 2000);

	/* From below the window the search starts at its lowest key. From above the window it has
	 * wrapped. */
	mtree_destroy(&mt);
	next = LOW - 5;
	CHECK_EQ(mtree_alloc_cyclic(&mt, &start, ENTRY(1), LOW, HIGH, &next), 0);
	CHECK_EQ(start, LOW);
	next = HIGH + 5;
	CHECK_EQ(mtree_alloc_cyclic(&mt, &start, ENTRY(1), LOW, HIGH, &next), 1);
	CHECK_EQ(start, LOW + 1);
	CHECK_EQ(next, LOW + 2);
	/* If there is no room from the lowest key on, there is nothing to wrap to. */
	next = LOW;
	CHECK_EQ(mtree_alloc_cyclic(&mt, &start, ENTRY(1), LOW, LOW + 1, &next), -EBUSY);
	CHECK_EQ(next, LOW);
	CHECK_EQ(start, LOW + 1);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* A cyclic allocation that takes the last key makes *next 0. The tree remembers that, and so do its
 * copies: the first allocation from there on that does not wrap reports it. */
static void the_wrap_past_the_last_key_is_reported_once(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, copy[3];
	mt_key start, next = MT_KEY_MAX;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	CHECK_EQ(mtree_alloc_cyclic(&mt, &start, ENTRY(1), 10, MT_KEY_MAX, &next), 0);
	CHECK_EQ(start, MT_KEY_MAX);
	CHECK_EQ(next, 0);
	CHECK_EQ(mt_attr(&mt), MT_FLAGS_ALLOC_RANGE);
	test_fork(&mt, &copy[0]);
	mt_init_pool(&copy[1], MT_FLAGS_ALLOC_RANGE, pool, NULL);
	CHECK_EQ(mtree_dup(&mt, &copy[1]), 0);
	mtree_destroy(&mt);
	mt_init_pool(&copy[2], MT_FLAGS_ALLOC_RANGE, pool, NULL);
	CHECK_EQ(mtree_dup(&mt, &copy[2]), 0); /* of an empty tree */
	/* One that fails, and one that wraps by itself, do not report it. */
	CHECK_EQ(mtree_store(&mt, 12, ENTRY(2)), 0);
	CHECK_EQ(mtree_alloc_cyclic(&mt, &start, ENTRY(1), 12, 12, &next), -EBUSY);
	next = 13;
	CHECK_EQ(mtree_alloc_cyclic(&mt, &start, ENTRY(1), 10, 12, &next), 1);
	next = 0;
	CHECK_EQ(mtree_alloc_cyclic(&mt, &start, ENTRY(1), 10, MT_KEY_MAX, &next), 1);
	CHECK_EQ(start, 11);
	CHECK_EQ(mtree_alloc_cyclic(&mt, &start, ENTRY(1), 10, MT_KEY_MAX, &next), 0);
	/* Any word: 0 too. */
	CHECK_EQ(mtree_alloc_cyclic_word(&mt, &start, 0, 10, MT_KEY_MAX, &next), 0);
	CHECK_EQ(start, next - 1);
	uint64_t word = 1;
	CHECK(mtree_load_word(&mt, start, &word));
	CHECK_EQ(word, 0);
	mt_fini(&mt);
	for (unsigned i = 0; i < 3; i++) {
		next = 0;
		CHECK_EQ(mtree_alloc_cyclic(&copy[i], &start, ENTRY(1), 10, 99, &next), 1);
		CHECK_EQ(mtree_alloc_cyclic(&copy[i], &start, ENTRY(1), 10, 99, &next), 0);
		mt_fini(&copy[i]);
	}
	test_pool_end(pool);
}

/* The same at a cursor, which then stands on the key. */
static void cyclic_at_a_cursor(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	mt_key start = 5, next = MT_KEY_MAX;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	MA_STATE(mas, &mt, 7, 9);
	CHECK_EQ(mas_alloc_cyclic(&mas, &start, NULL, 10, 11, &next), -EINVAL);
	CHECK_EQ(mas_alloc_cyclic(&mas, &start, ENTRY(1), 11, 10, &next), -EINVAL);
	CHECK_EQ(mas.status, ma_start);
	CHECK_EQ(mas.index, 7);
	mt_pool_fail_nth(pool, 1);
	CHECK_EQ(mas_alloc_cyclic(&mas, &start, ENTRY(1), 10, MT_KEY_MAX, &next), -ENOMEM);
	CHECK(mas_is_err(&mas));
	CHECK_EQ(mas.index, 7);
	CHECK_EQ(mas.last, 9);
	CHECK_EQ(start, 5);
	CHECK_EQ(next, MT_KEY_MAX);
	CHECK_EQ(mas_alloc_cyclic(&mas, &start, ENTRY(1), 10, MT_KEY_MAX, &next), 0);
	CHECK(mas_is_active(&mas));
	CHECK_EQ(mas.index, MT_KEY_MAX);
	CHECK_EQ(next, 0);
	CHECK_EQ(mas_alloc_cyclic(&mas, &start, ENTRY(2), 10, 11, &next), 1);
	CHECK_EQ(mas_alloc_cyclic(&mas, &start, ENTRY(3), 10, 11, &next), 0);
	CHECK_EQ(mas.last, 11);
	CHECK(mas_next(&mas, MT_KEY_MAX) == ENTRY(1));
	CHECK_EQ(mas_alloc_cyclic(&mas, &start, ENTRY(3), 10, 11, &next), -EBUSY);
	CHECK(mas_is_err(&mas));
	CHECK_EQ(start, 11);
	CHECK_EQ(next, 12);
	mt_fini(&mt);
	test_pool_end(pool);
}

static const struct test_case cases[] = {
	{"random_searches", random_searches},
	{"windows_at_the_ends", windows_at_the_ends},
	{"places_from_any_key", places_from_any_key},
	{"a_gap_of_the_last_key", a_gap_of_the_last_key},
	{"refusals", refusals},
	{"cyclic", cyclic},
	{"the_wrap_past_the_last_key_is_reported_once",
	 the_wrap_past_the_last_key_is_reported_once},
	{"cyclic_at_a_cursor", cyclic_at_a_cursor},
};

TEST_MAIN(cases)
