/* SPDX-License-Identifier: MIT */
/*
 * The advanced interface against the oracle: cursors that walk, step both ways, store, erase, pause
 * and continue while others write (one member of a family); and the reserve of mas_preallocate().
 */
#include "family.h"

#include "node.h"

static void against_oracle(enum family_layout layout, uint32_t flags, size_t cells, size_t steps)
{
	struct family_kind kind = {.flags = flags, .layout = layout, .cells = cells};
	struct family family;

	family_begin(&family, &kind);
	while (steps--)
		family_cursor_step(&family);
	family_end(&family);
}

static void random_steps(void)
{
	size_t steps = test_steps(160000) / 8;

	against_oracle(family_low, 0, 60, steps);
	against_oracle(family_random, MT_FLAGS_ALLOC_RANGE, 60, steps);
	against_oracle(family_random, 0, 500, steps);
	against_oracle(family_low, MT_FLAGS_ALLOC_RANGE, 500, steps);
	against_oracle(family_random, 0, 3000, steps / 4);
	against_oracle(family_high, MT_FLAGS_ALLOC_RANGE, 3000, steps / 4);
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
	mas_for_each(&mas, entry, MT_KEY_MAX)
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

	/* The same loop erasing each entry: nothing is skipped. */
	seen = 0;
	mas_set(&mas, 0);
	mas_for_each(&mas, entry, MT_KEY_MAX)
	{
		seen++;
		CHECK_EQ(mas_erase(&mas, NULL), 0);
	}
	CHECK_EQ(seen, 1000);
	CHECK(mtree_empty(&mt));
	mt_fini(&mt);
	test_pool_end(pool);
}

/* A paused cursor continues after where it stood, whatever happened there meanwhile. */
static void pause_and_go_on(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, NULL);
	for (uint64_t i = 0; i < 200; i++)
		CHECK_EQ(mtree_store_range(&mt, i * 10, i * 10 + 5, ENTRY(i + 1)), 0);

	MA_STATE(mas, &mt, 50, 50);
	CHECK_EQ((uintptr_t)mas_find(&mas, MT_KEY_MAX), 6);
	mas_pause(&mas);
	CHECK_EQ(mtree_clear_range(&mt, 0, 64), 0);
	CHECK_EQ(mtree_store(&mt, 56, ENTRY(999)), 0);
	CHECK_EQ((uintptr_t)mas_find(&mas, MT_KEY_MAX), 999);
	/* Its end, or its beginning, is the limit. */
	mas_pause(&mas);
	CHECK(!mas_find(&mas, 56));
	CHECK_EQ(mas.status, ma_pause);
	mas_set(&mas, 56);
	CHECK_EQ((uintptr_t)mas_find(&mas, MT_KEY_MAX), 999);
	mas_pause(&mas);
	CHECK(!mas_find_rev(&mas, 56));
	CHECK_EQ(mas.status, ma_underflow);
	CHECK_EQ(mas.index, 56);
	mas_pause(&mas);
	CHECK_EQ(mtree_clear_range(&mt, 0, MT_KEY_MAX), 0);
	CHECK(!mas_find(&mas, MT_KEY_MAX));
	/* An empty tree that the cursor stands in has no next entry either. */
	mas_set(&mas, 7);
	CHECK(!mas_walk(&mas));
	CHECK_EQ(mas.status, ma_none);
	CHECK_EQ(mas.last, MT_KEY_MAX);
	mas_set(&mas, 7);
	CHECK(!mas_next(&mas, MT_KEY_MAX));
	CHECK_EQ(mas.status, ma_none);
	/* Nothing comes after the last key, or before the first. */
	CHECK_EQ(mtree_store_range(&mt, 0, MT_KEY_MAX, ENTRY(5)), 0);
	mas_set(&mas, 7);
	CHECK(mas_find(&mas, MT_KEY_MAX) == ENTRY(5));
	mas_pause(&mas);
	CHECK(!mas_find(&mas, MT_KEY_MAX));
	CHECK_EQ(mas.status, ma_pause);
	mas_set(&mas, 7);
	CHECK(mas_find(&mas, MT_KEY_MAX) == ENTRY(5));
	mas_pause(&mas);
	CHECK(!mas_find_rev(&mas, 0));
	CHECK_EQ(mas.status, ma_underflow);
	mt_fini(&mt);
	test_pool_end(pool);
}

#define CHECK_PLACE(mas, first, end, state)                                                        \
	do {                                                                                       \
		CHECK_EQ((mas)->index, (first));                                                   \
		CHECK_EQ((mas)->last, (end));                                                      \
		CHECK_EQ((mas)->status, (state));                                                  \
	} while (0)

/* Off either end and back, the first step back gives the entry last left. */
static void a_step_turns_round_at_a_limit(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, NULL);
	CHECK_EQ(mtree_store_range(&mt, 10, 19, ENTRY(1)), 0);
	CHECK_EQ(mtree_store_range(&mt, 30, 39, ENTRY(2)), 0);
	MA_STATE(mas, &mt, 32, 32);
	CHECK(!mas_next(&mas, MT_KEY_MAX));
	CHECK_PLACE(&mas, 40, MT_KEY_MAX, ma_overflow);
	CHECK(!mas_next(&mas, MT_KEY_MAX));
	CHECK_PLACE(&mas, 40, MT_KEY_MAX, ma_overflow);
	CHECK(mas_prev(&mas, 0) == ENTRY(2));
	CHECK(mas_prev(&mas, 0) == ENTRY(1));
	CHECK(!mas_prev_range(&mas, 5));
	CHECK_PLACE(&mas, 0, 9, ma_active);
	CHECK(!mas_prev_range(&mas, 0));
	CHECK_PLACE(&mas, 0, 9, ma_underflow);
	CHECK(mas_next_range(&mas, MT_KEY_MAX) == ENTRY(1));
	/* The entry cannot be left: it ends above max. So it is the first on the way back. */
	CHECK(!mas_next(&mas, 15));
	CHECK_PLACE(&mas, 10, 19, ma_overflow);
	CHECK(mas_prev(&mas, 0) == ENTRY(1));
	CHECK(!mas_prev(&mas, 15));
	CHECK_PLACE(&mas, 10, 19, ma_underflow);
	CHECK(mas_next(&mas, MT_KEY_MAX) == ENTRY(1));
	CHECK_PLACE(&mas, 10, 19, ma_active);
	/* A limit met in a gap leaves the cursor on that gap, and a larger one goes on from there. */
	CHECK(!mas_next(&mas, 25));
	CHECK_PLACE(&mas, 20, 29, ma_overflow);
	CHECK(mas_next(&mas, 30) == ENTRY(2));
	mt_fini(&mt);
	test_pool_end(pool);
}

/* A search that met its limit goes on from there if a later call allows more. */
static void a_search_goes_on_with_a_larger_limit(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, NULL);
	CHECK_EQ(mtree_store_range(&mt, 10, 19, ENTRY(1)), 0);
	CHECK_EQ(mtree_store_range(&mt, 30, 39, ENTRY(2)), 0);
	MA_STATE(mas, &mt, 0, 0);
	CHECK(mas_find(&mas, 25) == ENTRY(1));
	CHECK(!mas_find(&mas, 25));
	CHECK_PLACE(&mas, 20, 29, ma_active);
	CHECK(!mas_find(&mas, 29));
	CHECK(mas_find(&mas, 30) == ENTRY(2));
	mas_set(&mas, 0);
	CHECK(mas_find_range(&mas, 25) == ENTRY(1));
	CHECK(!mas_find_range(&mas, 25));
	CHECK_PLACE(&mas, 20, 29, ma_active);
	CHECK(!mas_find_range(&mas, 28));
	CHECK_PLACE(&mas, 20, 29, ma_active);
	CHECK(mas_find_range(&mas, 35) == ENTRY(2));
	CHECK(!mas_find_range(&mas, 36));
	CHECK_PLACE(&mas, 30, 39, ma_active);
	mas_set(&mas, 35);
	CHECK(!mas_find_rev(&mas, 36));
	CHECK(mas_find_rev(&mas, 0) == ENTRY(2));
	CHECK(!mas_find_rev(&mas, 25));
	CHECK_PLACE(&mas, 20, 29, ma_underflow);
	CHECK(mas_find_rev(&mas, 0) == ENTRY(1));
	mt_fini(&mt);
	test_pool_end(pool);
}

/* What the writes of a cursor leave: exactly what was stored, or the whole gap. */
static void a_write_leaves_the_entry_or_the_whole_gap(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	void *erased = ENTRY(9);

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	MA_STATE(mas, &mt, 5, 7);
	CHECK_EQ(mas_store(&mas, NULL), 0);
	CHECK_PLACE(&mas, 5, 7, ma_none);
	CHECK_EQ(mas_erase(&mas, &erased), 0);
	CHECK(!erased);
	CHECK_PLACE(&mas, 5, 7, ma_none);
	CHECK_EQ(mas_empty_area(&mas, 40, 60, 10), 0);
	CHECK_PLACE(&mas, 40, 49, ma_none);
	CHECK_EQ(mas_store(&mas, ENTRY(1)), 0);
	CHECK_PLACE(&mas, 40, 49, ma_active);
	mas_set_range(&mas, 10, 19);
	CHECK_EQ(mas_insert(&mas, ENTRY(2)), 0);
	CHECK_PLACE(&mas, 10, 19, ma_active);
	mas_set_range(&mas, 15, 25);
	CHECK_EQ(mas_insert(&mas, ENTRY(3)), -EEXIST);
	CHECK_PLACE(&mas, 15, 25, ma_error);
	mas_reset(&mas);
	CHECK_EQ(mas_store(&mas, NULL), 0);
	CHECK_PLACE(&mas, 15, 39, ma_active);
	CHECK_EQ(mas_empty_area_rev(&mas, 0, 35, 5), 0);
	CHECK_PLACE(&mas, 31, 35, ma_active);
	CHECK(mas_next(&mas, MT_KEY_MAX) == ENTRY(1));
	CHECK_EQ(mas_erase(&mas, NULL), 0);
	CHECK_PLACE(&mas, 15, MT_KEY_MAX, ma_active);
	CHECK(mas_prev(&mas, 0) == ENTRY(2));
	CHECK_EQ(mas_erase(&mas, &erased), 0);
	CHECK(erased == ENTRY(2));
	CHECK_PLACE(&mas, 0, MT_KEY_MAX, ma_none);
	mas_set_range(&mas, 6, 7);
	CHECK_EQ(mas_store(&mas, NULL), 0);
	CHECK(!mas_find_rev(&mas, 0));
	CHECK_PLACE(&mas, 0, MT_KEY_MAX, ma_none);
	mas_set_range(&mas, 6, 7);
	CHECK_EQ(mas_store(&mas, NULL), 0);
	CHECK_EQ(mtree_store_range(&mt, 2, 3, ENTRY(4)), 0);
	CHECK(mas_find_rev(&mas, 0) == ENTRY(4));
	mas_set_range(&mas, 6, 5);
	CHECK_EQ(mas_store(&mas, ENTRY(1)), -EINVAL);
	CHECK_PLACE(&mas, 6, 5, ma_error);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* After a write that it did not make, a cursor first makes the range around index its place. */
static void a_cursor_catches_up_with_other_writers(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, NULL);
	CHECK_EQ(mtree_store_range(&mt, 10, 99, ENTRY(1)), 0);
	MA_STATE(mas, &mt, 50, 50);
	CHECK(mas_walk(&mas) == ENTRY(1));
	CHECK_EQ(mtree_store_range(&mt, 40, 49, ENTRY(2)), 0);
	CHECK(!mas_next(&mas, 39));
	CHECK_PLACE(&mas, 10, 39, ma_overflow);
	CHECK(mas_next(&mas, 99) == ENTRY(2));
	CHECK(mas_next(&mas, 99) == ENTRY(1));
	CHECK_PLACE(&mas, 50, 99, ma_active);
	/* Set, paused or failed, it knows nothing that could be out of date. */
	mas_pause(&mas);
	CHECK_EQ(mtree_store_range(&mt, 60, 69, ENTRY(3)), 0);
	CHECK(!mas_find(&mas, 99));
	CHECK_PLACE(&mas, 50, 99, ma_pause);
	CHECK(!mas_find_rev(&mas, 50));
	CHECK_PLACE(&mas, 50, 99, ma_underflow);
	CHECK_EQ(mtree_clear_range(&mt, 0, MT_KEY_MAX), 0);
	CHECK(!mas_next(&mas, MT_KEY_MAX));
	CHECK_EQ(mas.index, 0);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* The limit is met before anything is looked up, so the step does not learn that the tree is
 * empty. The next one does. */
static void a_limit_is_met_in_an_empty_tree(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, NULL);
	MA_STATE(mas, &mt, 5, 6);
	for (unsigned way = 0; way < 4; way++) {
		mas_set_range(&mas, 5, 6);
		CHECK(!mas_next(&mas, 6));
		CHECK_PLACE(&mas, 5, 6, ma_overflow);
		if (way == 0)
			CHECK(!mas_next(&mas, 9));
		else if (way == 1)
			CHECK(!mas_find(&mas, 9));
		else if (way == 2)
			CHECK(!mas_prev_range(&mas, 1));
		else
			CHECK(!mas_find_rev(&mas, 1));
		CHECK_PLACE(&mas, 0, MT_KEY_MAX, ma_none);
	}
	mt_fini(&mt);
	test_pool_end(pool);
}

static bool words_equal(void *context, const struct mt_entry *left, const struct mt_entry *right)
{
	(void)context;
	return left->word == right->word;
}

/* A store where the cursor stands replaces one word. Three cases look the same but are written as
 * any store: a gap, a part of the entry, or a value that merges with its neighbour. */
static void a_store_where_it_stands(void)
{
	struct mt_value_ops coalescing = {.equal = words_equal};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	struct mt_entry got;
	mt_key low, high;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	MA_STATE(mas, &mt, 15, 15);
	CHECK(!mas_walk_word(&mas));
	CHECK_EQ(mas_store_word(&mas, 1), 0);
	mt_covered(&mt, &low, &high);
	CHECK_EQ(low, 0);
	CHECK_EQ(high, 1);

	CHECK_EQ(mtree_clear_range(&mt, 20, 29), 0);
	mas_set(&mas, 25);
	CHECK(!mas_walk_word(&mas));
	CHECK_EQ(mas_store_word(&mas, 2), 0);
	CHECK(mtree_lookup(&mt, 20, &got));
	CHECK_EQ(got.last, 29);
	CHECK_EQ(got.word, 2);

	/* Its end moved inwards, or its beginning. */
	mas.last = 24;
	CHECK_EQ(mas_store_word(&mas, 3), 0);
	CHECK(mtree_lookup(&mt, 24, &got));
	CHECK_EQ(got.first, 20);
	CHECK_EQ(got.word, 3);
	mas_set(&mas, 25);
	CHECK(mas_walk_word(&mas));
	CHECK_EQ(mas.word, 2);
	mas.index = 26;
	CHECK_EQ(mas_store_word(&mas, 4), 0);
	CHECK(mtree_lookup(&mt, 25, &got));
	CHECK_EQ(got.last, 25);
	CHECK_EQ(got.word, 2);
	CHECK_VALID(&mt);
	CHECK_EQ(mt_entries(&mt), 5);
	mt_fini(&mt);

	mt_init_pool(&mt, 0, pool, &coalescing);
	CHECK_EQ(mtree_store_range_word(&mt, 0, 9, 1), 0);
	CHECK_EQ(mtree_store_range_word(&mt, 10, 19, 2), 0);
	mas_init(&mas, &mt, 10);
	CHECK(mas_walk_word(&mas));
	CHECK_EQ(mas_store_word(&mas, 1), 0);
	CHECK(mtree_lookup(&mt, 10, &got));
	CHECK_EQ(got.first, 0);
	CHECK_EQ(mt_entries(&mt), 1);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* A cursor keeps its path over its own writes if they do not change the tree's shape: the next step
 * need not walk. */
static void a_store_keeps_the_path(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, NULL);
	MA_STATE(mas, &mt, 0, 0);
	for (mt_key key = 0; key < 200; key++) {
		size_t nodes = mt_node_count(&mt);

		mas_set_range(&mas, key * 10, key * 10 + 5);
		CHECK_EQ(mas_store_word(&mas, key), 0);
		if (mt_node_count(&mt) == nodes)
			CHECK_EQ(mas.generation, mt.ma_generation);
	}
	mas_set_range(&mas, 1000, 1007);
	CHECK_EQ(mas_store_word(&mas, 7), 0);
	CHECK_EQ(mas.generation, mt.ma_generation);
	CHECK_EQ(mas.path[mas.depth - 1].node->pivot[mas.path[mas.depth - 1].slot], 1007);
	CHECK(mas_next(&mas, MT_KEY_MAX) == ENTRY(101));
	CHECK_EQ(mas.index, 1010);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Whatever empties a tree, or fills it at once, is a write like any other: a cursor walks again. */
static void a_cursor_sees_whole_trees_come_and_go(void)
{
	static const mt_key first[] = {5, 50}, last[] = {9, 59};
	static const uint64_t words[] = {1, 2};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, other;
	struct ma_state mas, old, late;
	unsigned way;

	mt_init_pool(&other, 0, pool, NULL);
	CHECK_EQ(mtree_store_range(&other, 5, 9, ENTRY(1)), 0);
	for (way = 0; way < 4; way++) {
		mt_init_pool(&mt, 0, pool, NULL);
		for (uint64_t i = 0; i < 500; i++)
			CHECK_EQ(mtree_store_range(&mt, i * 10, i * 10 + 9, ENTRY(i + 10)), 0);
		mas_init(&old, &mt, 300);
		CHECK(mas_walk(&old) == ENTRY(40));
		CHECK_EQ(mtree_store_range(&mt, 300, 309, ENTRY(5)), 0);
		mas_init(&mas, &mt, 300);
		CHECK(mas_walk(&mas) == ENTRY(5));
		late = mas;
		if (way % 2)
			mtree_destroy(&mt);
		else
			CHECK_EQ(mtree_clear_range(&mt, 0, MT_KEY_MAX), 0);
		CHECK(!mas_next(&late, MT_KEY_MAX));
		CHECK(!mas_next(&old, MT_KEY_MAX));

		/* The first store of an empty tree, by a cursor with a path through the old
		 * contents. */
		mas_set_range(&mas, 310, 319);
		CHECK_EQ(mas_store_word(&mas, 6), 0);
		CHECK(!mas_next(&mas, MT_KEY_MAX));
		CHECK_EQ(mas.index, 320);
		mas_set(&mas, 319);
		CHECK(mas_walk(&mas) == ENTRY(6));
		CHECK_EQ(mas.index, 310);
		CHECK_VALID(&mt);
		mtree_destroy(&mt);

		mas_init(&mas, &mt, 0);
		CHECK(!mas_walk(&mas));
		if (way < 2)
			CHECK_EQ(mtree_dup(&other, &mt), 0);
		else
			CHECK_EQ(mt_build(&mt, first, last, words, 2, NULL), 0);
		mas_set_range(&mas, 20, 29);
		CHECK_EQ(mas_store_word(&mas, 3), 0);
		CHECK_VALID(&mt);
		CHECK(mas_prev(&mas, 0) == ENTRY(1));
		CHECK_EQ(mas.index, 5);
		CHECK(mas_next(&mas, MT_KEY_MAX) == ENTRY(3));
		mt_fini(&mt);
	}
	mt_fini(&other);
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
	CHECK_EQ(mas.reserved, 3 * mt_height(&mt) + 1);
	CHECK_EQ(test_live(pool), live + mas.reserved);
	/* Reserving once is enough. */
	CHECK_EQ(mas_preallocate(&mas, ENTRY(1)), 0);
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

	/* A reserve for a small tree is used up if the tree has grown, since a store then takes
	 * more. */
	mtree_destroy(&mt);
	mas_set_range(&mas, 100, 10000);
	CHECK_EQ(mas_preallocate(&mas, ENTRY(7)), 0);
	CHECK_EQ(mas.reserved, 1); /* a leaf */
	for (uint64_t i = 0; i < 5000; i++)
		CHECK_EQ(mtree_store(&mt, i * 4, ENTRY(i + 1)), 0);
	CHECK_EQ(test_live(pool), mt_node_count(&mt) + 1);
	CHECK_EQ(mas_store_prealloc(&mas, ENTRY(7)), 0);
	CHECK_VALID(&mt);
	CHECK_EQ(test_live(pool), mt_node_count(&mt));

	/* Without memory for the reserve: an error, and nothing is held. */
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

/* Leaves that begin with a gap, which a loop steps over as it enters them. A limit may lie in that
 * gap; then the loop goes on from there. */
static void a_loop_enters_leaves_that_begin_with_gaps(void)
{
	enum { COUNT = 3 * MT_MAX_SLOTS };
	struct maple_pool *pool = test_pool();
	mt_key first[COUNT], last[COUNT];
	uint64_t words[COUNT], seen = 0;
	struct maple_tree mt;
	void *entry;

	for (uint64_t i = 0; i < COUNT; i++) {
		first[i] = i * 10 + 5;
		last[i] = i * 10 + 9;
		words[i] = i + 1;
	}
	mt_init_pool(&mt, 0, pool, NULL);
	CHECK_EQ(mt_build(&mt, first, last, words, COUNT, NULL), 0);
	MA_STATE(mas, &mt, 0, 0);
	mas_for_each(&mas, entry, MT_KEY_MAX) CHECK_EQ((uintptr_t)entry, ++seen);
	CHECK_EQ(seen, COUNT);
	mas_set(&mas, 0);
	for (uint64_t i = 0; i < COUNT; i++) {
		CHECK(!mas_find(&mas, i * 10 + 2));
		CHECK(!mas_find(&mas, i * 10 + 4));
		CHECK(mas_find(&mas, i * 10 + 5) == ENTRY(i + 1));
	}
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Searches that begin at a limit met before, or in an empty tree. */
static void a_search_begins_where_another_ended(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	struct mt_entry found;
	mt_key index = 15;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	MA_STATE(mas, &mt, 0, 0);
	CHECK_EQ(mas_empty_area(&mas, 10, 100, 5), 0);
	CHECK_PLACE(&mas, 10, 14, ma_none);
	CHECK(!mas_find(&mas, 1000));
	CHECK_PLACE(&mas, 0, MT_KEY_MAX, ma_none);
	CHECK(!mtree_find(&mt, 5, 4, &found));
	CHECK(!mtree_find_rev(&mt, 4, 5, &found));
	CHECK(!mtree_find(&mt, 5, 9, &found));
	CHECK_EQ(mtree_store_range(&mt, 10, 19, ENTRY(1)), 0);
	CHECK(!mtree_find(&mt, 15, 14, &found));
	CHECK(!mtree_find_rev(&mt, 15, 16, &found));
	CHECK(!mt_find(&mt, &index, 14));
	CHECK_EQ(index, 15);
	mas_set(&mas, 12);
	CHECK(!mas_prev(&mas, 5));
	CHECK_EQ(mas.status, ma_underflow);
	CHECK(!mas_find(&mas, mas.index));
	CHECK_EQ(mas.status, ma_overflow);
	mt_fini(&mt);
	test_pool_end(pool);
}

static const struct test_case cases[] = {
	{"a_loop_enters_leaves_that_begin_with_gaps", a_loop_enters_leaves_that_begin_with_gaps},
	{"a_search_begins_where_another_ended", a_search_begins_where_another_ended},
	{"random_steps", random_steps},
	{"replace_while_reading", replace_while_reading},
	{"pause_and_go_on", pause_and_go_on},
	{"a_step_turns_round_at_a_limit", a_step_turns_round_at_a_limit},
	{"a_search_goes_on_with_a_larger_limit", a_search_goes_on_with_a_larger_limit},
	{"a_write_leaves_the_entry_or_the_whole_gap", a_write_leaves_the_entry_or_the_whole_gap},
	{"a_cursor_catches_up_with_other_writers", a_cursor_catches_up_with_other_writers},
	{"a_limit_is_met_in_an_empty_tree", a_limit_is_met_in_an_empty_tree},
	{"a_store_where_it_stands", a_store_where_it_stands},
	{"a_store_keeps_the_path", a_store_keeps_the_path},
	{"a_cursor_sees_whole_trees_come_and_go", a_cursor_sees_whole_trees_come_and_go},
	{"reserve_is_given_back", reserve_is_given_back},
};

TEST_MAIN(cases)
