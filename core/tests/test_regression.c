/* SPDX-License-Identifier: MIT */
/* Bugs that once existed: one case for each, named after what went wrong. */
#include "node.h"
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

/* Ten keys for each entry, without gaps, the last one up to the end of all keys. */
static void store_in_a_row(struct maple_tree *mt, uint64_t entries)
{
	for (uint64_t i = 0; i < entries; i++)
		CHECK_EQ(mtree_store_range_word(mt, i * 10,
						i + 1 < entries ? i * 10 + 9 : MT_KEY_MAX, i + 1),
			 0);
}

/* Clearing the one value of a leaf left a leaf with only a gap. */
static void a_leaf_of_nothing_but_a_gap(void)
{
	for (uint64_t entries = 1; entries < 40; entries++) {
		for (int shared = 0; shared < 2; shared++) {
			struct maple_pool *pool = test_pool();
			struct maple_tree mt, fork;

			mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
			store_in_a_row(&mt, entries);
			mt_fork(&mt, &fork);
			if (!shared)
				mtree_destroy(&fork);
			for (uint64_t i = entries; i-- > 0;) {
				CHECK_EQ(mtree_clear_range(&mt, i * 10, MT_KEY_MAX), 0);
				CHECK_VALID(&mt);
			}
			CHECK(mtree_empty(&mt));
			mt_fini(&mt);
			mt_fini(&fork);
			test_pool_end(pool);
		}
	}
}

/* A failed write had moved the cursor's path to another slot, and the next step used that path. */
static void a_failed_erase_moved_the_cursor(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork;
	void *erased = NULL;

	mt_init_pool(&mt, 0, pool, NULL);
	CHECK_EQ(mtree_store_range_word(&mt, 10, 20, 7), 0);
	mt_fork(&mt, &fork);
	MA_STATE(mas, &mt, 15, 15);
	CHECK(mas_walk(&mas) == ENTRY(7));
	mt_pool_fail_nth(pool, 1);
	CHECK_EQ(mas_erase(&mas, &erased), -ENOMEM);
	CHECK_EQ(mas.index, 10);
	CHECK_EQ(mas.last, 20);
	CHECK_EQ(mas_erase(&mas, &erased), 0);
	CHECK(erased == ENTRY(7));
	CHECK(!mtree_load(&mt, 15));
	mt_fini(&mt);
	mt_fini(&fork);
	test_pool_end(pool);
}

struct release_check {
	struct maple_tree *mt;
	unsigned releases;
};

static int split_to_new_word(void *context, const struct mt_entry *whole, mt_key first, mt_key last,
			     uint64_t *piece)
{
	(void)context;
	(void)first;
	(void)last;
	*piece = whole->word + 1000;
	return 0;
}

static void release_looks_up(void *context, const uint64_t *words, uint32_t present)
{
	struct release_check *check = context;

	(void)words;
	(void)present;
	check->releases++;
	if (check->mt)
		mtree_load(check->mt, 0); /* takes the lock */
}

/* A failed write released the pieces of a cut value under the tree's own lock. */
static void pieces_were_released_under_the_lock(void)
{
	struct maple_pool *pool = test_pool();
	struct release_check check = {NULL, 0};
	struct mt_value_ops ops = {
		.release = release_looks_up, .split = split_to_new_word, .context = &check};
	struct maple_tree mt, fork;

	mt_init_pool(&mt, 0, pool, &ops);
	CHECK_EQ(mtree_store_range_word(&mt, 10, 20, 7), 0);
	mt_fork(&mt, &fork);
	check.mt = &mt;
	mt_pool_fail_nth(pool, 1);
	CHECK_EQ(mtree_store_range_word(&mt, 12, 14, 8), -ENOMEM);
	CHECK_EQ(check.releases, 1); /* both pieces in one call */
	CHECK(mtree_load(&mt, 13) == ENTRY(7));
	mt_fini(&fork);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* A failed search for room after mas_set() made the old path valid again. */
static void a_failed_search_revived_a_path(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	store_in_a_row(&mt, 6);
	MA_STATE(mas, &mt, 35, 35);
	CHECK(mas_walk(&mas) == ENTRY(4));
	mas_set(&mas, 5);
	CHECK_EQ(mas_empty_area(&mas, 0, 100, 1), -EBUSY);
	CHECK(mas_walk(&mas) == ENTRY(1));
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Nodes that a cursor had in reserve were lost if a store needed more and got none. */
static void a_failed_store_lost_the_reserve(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork;

	mt_init_pool(&mt, 0, pool, NULL);
	CHECK_EQ(mtree_store_range_word(&mt, 10, 20, 7), 0);
	MA_STATE(mas, &mt, 15, 15);
	CHECK_EQ(mas_preallocate(&mas, ENTRY(1)), 0);
	store_in_a_row(&mt, 400);
	mt_fork(&mt, &fork);
	mas_set_range(&mas, 100, 3000);
	mt_pool_fail_nth(pool, 1);
	CHECK_EQ(mas_store(&mas, ENTRY(5)), -ENOMEM);
	mas_destroy(&mas);
	mt_fini(&mt);
	mt_fini(&fork);
	test_pool_end(pool);
}

static int split_refused(void *context, const struct mt_entry *whole, mt_key first, mt_key last,
			 uint64_t *piece)
{
	(void)context;
	(void)whole;
	(void)first;
	(void)last;
	(void)piece;
	return -EPERM;
}

/* mas_store_prealloc() could not report that a split() refused, or that index is above last. */
static void a_preallocated_store_vanished(void)
{
	struct maple_pool *pool = test_pool();
	struct mt_value_ops ops = {.split = split_refused};
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, &ops);
	CHECK_EQ(mtree_store_range_word(&mt, 10, 20, 7), 0);
	MA_STATE(mas, &mt, 12, 14);
	CHECK_EQ(mas_preallocate(&mas, ENTRY(8)), 0);
	CHECK_EQ(mas_store_prealloc(&mas, ENTRY(8)), -EPERM);
	CHECK(mtree_load(&mt, 13) == ENTRY(7));
	mas_set_range(&mas, 5, 4);
	CHECK_EQ(mas_preallocate(&mas, ENTRY(8)), -EINVAL);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* A search whose limit lay before its start counted as having looked at the start. */
static void a_limit_before_the_start_skipped_it(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, NULL);
	CHECK_EQ(mtree_store_range_word(&mt, 10, 20, 7), 0);
	MA_STATE(mas, &mt, 15, 15);
	CHECK(!mas_find(&mas, 14));
	CHECK(mas_find(&mas, 100) == ENTRY(7));
	mas_set(&mas, 15);
	CHECK(!mas_find_rev(&mas, 16));
	CHECK(mas_find_rev(&mas, 0) == ENTRY(7));
	mt_fini(&mt);
	test_pool_end(pool);
}

enum { IDLE_RANGES = 300000 };

/* The leaves of a tree of single keys. Returns how many. */
static size_t list_leaves(struct maple_tree *mt, const struct maple_node **leaves)
{
	size_t count = 0;

	MA_STATE(mas, mt, 0, 0);
	while (mas_find_word(&mas, MT_KEY_MAX, false)) {
		const struct maple_node *leaf = mas.path[mas.depth - 1].node;

		if (!count || leaves[count - 1] != leaf)
			leaves[count++] = leaf;
	}
	return count;
}

/* How many of these nodes are in memory whose pages were given back. A node in use has a count. */
static size_t count_zeros(const struct maple_node **nodes, size_t count)
{
	size_t zeros = 0;

#if defined(__linux__) && !defined(TEST_SANITIZED)
	if (sysconf(_SC_PAGESIZE) != 4096)
		return count; /* larger pages stay */
	for (size_t i = 0; i < count; i++)
		zeros += !nodes[i]->count;
#else
	(void)nodes;
	zeros = count; /* not to be read, or not given back */
#endif
	return zeros;
}

/* Memory that became idle while much was in use stayed after nothing was in use any more. A pool
 * that is not serial keeps the memory, for look-ups without a lock, but gives back most pages. */
static void idle_memory_stayed(void)
{
	const struct maple_node **leaves = test_array(IDLE_RANGES, sizeof(*leaves));

	for (int serial = 0; serial < 2; serial++) {
		struct maple_pool *pool = test_pool();
		struct mt_pool_stats peak, after;
		struct maple_tree mt;
		size_t count;

		if (serial)
			mt_pool_serial(pool);
		mt_init_pool(&mt, 0, pool, NULL);
		for (uint64_t i = 0; i < IDLE_RANGES; i++)
			CHECK_EQ(mtree_store_range_word(&mt, i * 2, i * 2, i), 0);
		count = list_leaves(&mt, leaves);
		mt_pool_stats(pool, &peak);
		mtree_destroy(&mt);
		mt_pool_stats(pool, &after);
		CHECK(peak.bytes > (8u << 20));
		if (serial) /* a mebibyte, plus what its chunks hold beyond that */
			CHECK(after.bytes < (4u << 20));
		else
			CHECK(count_zeros(leaves, count) > count / 2);
		mt_pool_trim(pool);
		mt_pool_stats(pool, &after);
		CHECK_EQ(after.bytes, 0);
		mt_fini(&mt);
		test_pool_end(pool);
	}
	free(leaves);
}

/* A cursor stood on a range that then became shorter. It took the old end for the present one, and
 * reported that nothing begins before it. */
static void a_step_believed_an_end_of_before(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, NULL);
	MA_STATE(mas, &mt, 0, 0);
	CHECK(!mas_walk(&mas));
	CHECK_EQ(mas.last, MT_KEY_MAX); /* the gap of an empty tree */
	CHECK_EQ(mtree_store_range_word(&mt, 10, 20, 7), 0);
	CHECK(mas_next(&mas, MT_KEY_MAX) == ENTRY(7));
	CHECK_EQ(mtree_store_range_word(&mt, 15, 17, 8), 0);
	CHECK(mas_next_range(&mas, 17) == ENTRY(8));
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Equal words merge. */
static int merge_equal(void *context, const struct mt_entry *left, const struct mt_entry *right,
		       const struct mt_entry *stored, uint64_t *word)
{
	(void)context;
	(void)stored;
	*word = left->word;
	return left->word == right->word;
}

static bool are_equal(void *context, const struct mt_entry *left, const struct mt_entry *right)
{
	(void)context;
	return left->word == right->word;
}

/* A value stored over exactly the entry where the cursor stands did not merge with its neighbours,
 * although the same store without a walk before did. Now only mas_store_apart_word() keeps it apart,
 * whether equal(), merge() or nobody would be asked, and whether a relative shares the nodes or not. */
static void a_replaced_value_did_not_merge(void)
{
	struct maple_pool *pool = test_pool();
	struct mt_value_ops ops[] = {{.merge = merge_equal},
				     {.equal = are_equal},
				     {.merge = merge_equal, .merge_equal = true}};
	struct maple_tree mt, relative;
	unsigned way;

	for (way = 0; way < 12; way++) {
		bool shared = way & 1, apart = way & 2;

		mt_init_pool(&mt, 0, pool, &ops[way / 4]);
		store_in_a_row(&mt, 3);
		if (shared)
			test_fork(&mt, &relative);
		MA_STATE(mas, &mt, 15, 15);
		CHECK(mas_walk(&mas) == ENTRY(2));
		/* In place only if nothing else has the node. */
		if (apart && !shared)
			CHECK(mas_replace_word(&mas, (uintptr_t)ENTRY(3)));
		else if (apart)
			CHECK(!mas_replace_word(&mas, (uintptr_t)ENTRY(3)));
		if (apart)
			CHECK_EQ(mas_store_apart_word(&mas, (uintptr_t)ENTRY(3)), 0);
		else
			CHECK_EQ(mas_store(&mas, ENTRY(3)), 0);
		CHECK_EQ(mt_entries(&mt), apart ? 3 : 2);
		CHECK(mas_walk(&mas) == ENTRY(3));
		CHECK_EQ(mas.last, apart ? 19 : MT_KEY_MAX);
		CHECK_VALID(&mt);
		if (shared)
			mt_fini(&relative);
		mt_fini(&mt);
	}
	test_pool_end(pool);
}

/* A tree that is busy for its owner, while it is still empty, was filled nevertheless. */
static void an_empty_tree_that_was_busy_was_filled(void)
{
	const mt_key key = 5;
	const uint64_t word = 1;
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, other;

	mt_init_pool(&mt, 0, pool, NULL);
	mt_init_pool(&other, 0, pool, NULL);
	CHECK_EQ(mtree_store(&other, 5, ENTRY(1)), 0);
	mt.ma_busy = true;
	CHECK_EQ(mt_build(&mt, &key, &key, &word, 1, NULL), -EBUSY);
	CHECK_EQ(mtree_dup(&other, &mt), -EBUSY);
	CHECK_EQ(mtree_store(&mt, 5, ENTRY(1)), -EBUSY);
	CHECK(mtree_empty(&mt));
	mt.ma_busy = false;
	CHECK_EQ(mtree_dup(&other, &mt), 0);
	mt_fini(&other);
	mt_fini(&mt);
	test_pool_end(pool);
}

static void keep(void *context, const uint64_t *words, uint32_t present)
{
	(void)context;
	(void)words;
	(void)present;
}

static int stay_apart(void *context, const struct mt_entry *left, const struct mt_entry *right,
		      const struct mt_entry *stored, uint64_t *word)
{
	(void)context;
	(void)left;
	(void)right;
	(void)stored;
	(void)word;
	return 0;
}

/* A store beside the word 0 computed an address from a null pointer: clang's UBSan reports that. */
static void a_null_pointer_was_advanced(void)
{
	const struct mt_value_ops ops = {.retain = keep, .release = keep, .merge = stay_apart};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, &ops);
	for (mt_key key = 5; key < 8; key++)
		CHECK_EQ(mtree_store_range_word(&mt, key, key, 0), 0);
	CHECK_EQ(mt_entries(&mt), 3);
	CHECK_VALID(&mt);
	mt_fini(&mt);
	test_pool_end(pool);
}

static const struct test_case cases[] = {
	{"a_leaf_of_nothing_but_a_gap", a_leaf_of_nothing_but_a_gap},
	{"a_failed_erase_moved_the_cursor", a_failed_erase_moved_the_cursor},
	{"pieces_were_released_under_the_lock", pieces_were_released_under_the_lock},
	{"a_failed_search_revived_a_path", a_failed_search_revived_a_path},
	{"a_failed_store_lost_the_reserve", a_failed_store_lost_the_reserve},
	{"a_preallocated_store_vanished", a_preallocated_store_vanished},
	{"a_limit_before_the_start_skipped_it", a_limit_before_the_start_skipped_it},
	{"idle_memory_stayed", idle_memory_stayed},
	{"a_step_believed_an_end_of_before", a_step_believed_an_end_of_before},
	{"an_empty_tree_that_was_busy_was_filled", an_empty_tree_that_was_busy_was_filled},
	{"a_replaced_value_did_not_merge", a_replaced_value_did_not_merge},
	{"a_null_pointer_was_advanced", a_null_pointer_was_advanced},
};

TEST_MAIN(cases)
