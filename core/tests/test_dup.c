/* SPDX-License-Identifier: MIT */
/*
 * mtree_dup() and test_dup_locked(): duplicates compared node by node, for full trees of each
 * height, for every count of entries, for both refusals, and with each allocation of a duplication
 * failing in turn.
 */
#include "oracle.h"
#include "test.h"

#include "node.h"

#include <stdlib.h>

static const uint32_t both[] = {0, MT_FLAGS_ALLOC_RANGE};

/* Duplicate in both forms and compare. Then show that the trees are independent. */
static void duplicate(struct maple_tree *mt, struct maple_pool *pool)
{
	size_t live = test_live(pool), nodes = mt_node_count(mt);
	struct maple_tree copy, untouched;

	mt_init_pool(&untouched, mt_attr(mt), pool, mt->ma_ops);
	CHECK_EQ(test_dup_locked(mt, &untouched), 0);
	CHECK_EQ(test_live(pool), live + nodes);

	mt_init_pool(&copy, mt_attr(mt), pool, mt->ma_ops);
	CHECK_EQ(mtree_dup(mt, &copy), 0);
	CHECK_EQ(test_live(pool), live + 2 * nodes);
	CHECK_EQ(mt_node_count(&copy), nodes);
	CHECK_VALID(&copy);
	CHECK_SAME_NODES(mt, &copy);
	CHECK_SAME_NODES(mt, &untouched);
	CHECK_EQ(mt_entries(&copy), mt_entries(mt));

	/* Overwrite the whole copy: the source stays. */
	CHECK_EQ(mtree_store(&copy, 5, ENTRY(77)), 0);
	CHECK_EQ(mtree_store_range(&copy, 20, 2000, ENTRY(78)), 0);
	CHECK_EQ(mtree_clear_range(&copy, 100, 200), 0);
	CHECK_VALID(&copy);
	CHECK_VALID(mt);
	CHECK_SAME_NODES(mt, &untouched);

	/* Destroy the copy: the source stays, and so do the values the copy had. */
	mt_fini(&copy);
	CHECK_SAME_NODES(mt, &untouched);
	mt_fini(&untouched);
	CHECK_EQ(test_live(pool), live);
	CHECK_VALID(mt);
}

static size_t full_count(uint32_t flags, uint32_t height)
{
	size_t count = MT_WIDE_SLOTS;

	while (--height)
		count *= flags & MT_FLAGS_ALLOC_RANGE ? MT_NARROW_SLOTS : MT_WIDE_SLOTS;
	return count;
}

/* Every node full, from sorted arrays; without gaps, or with every second slot a gap. */
static void build_full(struct maple_tree *mt, size_t slots, bool gaps)
{
	size_t entries = gaps ? slots / 2 : slots, i;
	mt_key *first = test_array(entries, sizeof(*first));
	mt_key *last = test_array(entries, sizeof(*last));
	uint64_t *words = test_array(entries, sizeof(*words));

	for (i = 0; i < entries; i++) {
		first[i] = i * 10;
		last[i] = i * 10 + (gaps ? 5 : 9);
		words[i] = i;
	}
	if (!gaps)
		last[entries - 1] = MT_KEY_MAX;
	CHECK_EQ(mt_build(mt, first, last, words, entries, NULL), 0);
	free(first);
	free(last);
	free(words);
}

static void full_trees_of_each_height(void)
{
	uint32_t height;
	size_t f, gaps;

	for (f = 0; f < 2; f++) {
		for (gaps = 0; gaps < 2; gaps++) {
			for (height = 1; height <= 3; height++) {
				struct maple_pool *pool = test_pool();
				struct maple_tree mt;

				mt_init_pool(&mt, both[f], pool, NULL);
				build_full(&mt, full_count(both[f], height), gaps);
				CHECK_EQ(mt_height(&mt), height);
				CHECK_FULL(&mt);
				CHECK_VALID(&mt);
				duplicate(&mt, pool);
				mt_fini(&mt);
				test_pool_end(pool);
			}
		}
	}
}

/* The fullest tree of each height that consecutive stores make: one more store makes it higher. */
static void fullest_trees_by_stores(uint32_t flags, bool gaps, bool ascending)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, smaller;
	uint32_t height = 1;
	uint64_t i;

	mt_init_pool(&mt, flags, pool, NULL);
	mt_init_pool(&smaller, flags, pool, NULL);
	for (i = 0; height <= 3; i++) {
		mt_key first = (ascending ? i : 100000 - i) * 10;

		mtree_destroy(&smaller);
		if (i)
			CHECK_EQ(mtree_dup(&mt, &smaller), 0);
		CHECK_EQ(mtree_store_range(&mt, first, first + (gaps ? 5 : 9), ENTRY(i + 1)), 0);
		if (mt_height(&mt) > height) {
			CHECK_EQ(mt_height(&mt), height + 1);
			duplicate(&smaller, pool);
			duplicate(&mt, pool);
			height++;
		}
	}
	mt_fini(&smaller);
	mt_fini(&mt);
	test_pool_end(pool);
}

static void full_trees_by_stores(void)
{
	unsigned way;

	for (way = 0; way < 8; way++)
		fullest_trees_by_stores(both[way & 1], way & 2, way & 4);
}

/* Each count from none to a thousand, grown by stores in ascending, descending and random order. */
static void every_count_of_entries(void)
{
	enum { MOST = 1000 };
	uint64_t order[MOST], swap;
	size_t f, way, i, j;

	for (f = 0; f < 2; f++) {
		for (way = 0; way < 3; way++) {
			struct maple_pool *pool = test_pool();
			struct maple_tree mt;

			for (i = 0; i < MOST; i++)
				order[i] = way == 1 ? MOST - 1 - i : i;
			for (i = MOST; way == 2 && --i;) {
				j = test_below(i + 1);
				swap = order[i];
				order[i] = order[j];
				order[j] = swap;
			}
			mt_init_pool(&mt, both[f], pool, NULL);
			duplicate(&mt, pool);
			for (i = 0; i < MOST; i++) {
				CHECK_EQ(mtree_store_range(&mt, order[i] * 10, order[i] * 10 + 5,
							   ENTRY(order[i] + 1)),
					 0);
				duplicate(&mt, pool);
			}
			mt_fini(&mt);
			test_pool_end(pool);
		}
	}
}

/* EINVAL for a tree of another kind and for a tree that is not empty. Both stay as they were. */
static void refusals(void)
{
	struct maple_pool *pool = test_pool();
	struct test_counts counts;
	struct mt_value_ops ops = test_count_ops(&counts);
	struct maple_tree mt, same, gaps, external, full, kept, other_ops;

	test_counts_init(&counts, 1000);
	mt_init_pool(&mt, 0, pool, NULL);
	for (uint64_t i = 0; i < 500; i++)
		CHECK_EQ(mtree_store_range(&mt, i * 10, i * 10 + 5, ENTRY(i + 1)), 0);
	mt_init_pool(&same, 0, pool, NULL);
	CHECK_EQ(mtree_dup(&mt, &same), 0);
	CHECK_EQ(mtree_dup(&mt, &mt), -EINVAL);

	mt_init_pool(&gaps, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	CHECK_EQ(mtree_dup(&mt, &gaps), -EINVAL);
	CHECK_EQ(test_dup_locked(&mt, &gaps), -EINVAL);
	CHECK(mtree_empty(&gaps));
	CHECK_EQ(mt_attr(&gaps), MT_FLAGS_ALLOC_RANGE);
	CHECK_EQ(mtree_dup(&gaps, &mt), -EINVAL);

	mt_init_pool(&external, MT_FLAGS_LOCK_EXTERN, pool, NULL);
	CHECK_EQ(test_dup_locked(&mt, &external), -EINVAL);
	CHECK(mtree_empty(&external));
	CHECK_EQ(mt_attr(&external), MT_FLAGS_LOCK_EXTERN);

	mt_init_pool(&other_ops, 0, pool, &ops);
	CHECK_EQ(mtree_dup(&mt, &other_ops), -EINVAL);
	CHECK(mtree_empty(&other_ops));
	CHECK_EQ(counts.total, 0);

	mt_init_pool(&full, 0, pool, NULL);
	CHECK_EQ(mtree_store_range(&full, 3, 30, ENTRY(3)), 0);
	mt_init_pool(&kept, 0, pool, NULL);
	CHECK_EQ(mtree_dup(&full, &kept), 0);
	CHECK_EQ(mtree_dup(&mt, &full), -EINVAL);
	CHECK_EQ(test_dup_locked(&mt, &full), -EINVAL);
	CHECK_SAME_NODES(&full, &kept);
	CHECK_VALID(&full);

	CHECK_SAME_NODES(&mt, &same);
	CHECK_VALID(&mt);
	mt_fini(&mt);
	mt_fini(&same);
	mt_fini(&gaps);
	mt_fini(&external);
	mt_fini(&other_ops);
	mt_fini(&full);
	mt_fini(&kept);
	test_counts_end(&counts);
	test_pool_end(pool);
}

/* Every allocation that duplicating this tree makes fails once. */
static void fail_each_allocation(struct maple_tree *mt, struct maple_pool *pool,
				 struct test_counts *counts)
{
	struct maple_tree same, copy;
	uint64_t before, needed, n, references;
	size_t live;

	mt_init_pool(&same, mt_attr(mt), pool, mt->ma_ops);
	before = test_allocated(pool);
	CHECK_EQ(mtree_dup(mt, &same), 0);
	needed = test_allocated(pool) - before;
	CHECK_EQ(needed, mt_node_count(mt));
	live = test_live(pool);
	references = counts->total;
	for (n = 1; n <= needed; n++) {
		mt_init_pool(&copy, mt_attr(mt), pool, mt->ma_ops);
		mt_pool_fail_nth(pool, n);
		CHECK_EQ(n & 1 ? mtree_dup(mt, &copy) : test_dup_locked(mt, &copy), -ENOMEM);
		CHECK(mtree_empty(&copy));
		CHECK_EQ(mt_height(&copy), 0);
		CHECK_EQ(mt_attr(&copy), mt_attr(mt));
		CHECK_VALID(&copy);
		CHECK_EQ(test_live(pool), live);
		CHECK_EQ(counts->total, references);
		CHECK_VALID(mt);
		CHECK_SAME_NODES(mt, &same);
		/* The empty target is usable at once. */
		if (n == needed / 2 + 1) {
			CHECK_EQ(mtree_dup(mt, &copy), 0);
			CHECK_SAME_NODES(mt, &copy);
		}
		mt_fini(&copy);
	}
	/* One more than it makes: nothing fails. */
	mt_init_pool(&copy, mt_attr(mt), pool, mt->ma_ops);
	mt_pool_fail_nth(pool, needed + 1);
	CHECK_EQ(mtree_dup(mt, &copy), 0);
	mt_pool_fail_nth(pool, 0);
	CHECK_SAME_NODES(mt, &copy);
	mt_fini(&copy);
	mt_fini(&same);
}

static void every_allocation_fails(void)
{
	static const size_t counts_of_entries[] = {0, 1, 7, 16, 17, 40, 135, 400, 1000};
	size_t f, i, gaps;

	for (f = 0; f < 2; f++) {
		for (gaps = 0; gaps < 2; gaps++) {
			for (i = 0; i < 9; i++) {
				struct maple_pool *pool = test_pool();
				struct test_counts counts;
				struct mt_value_ops ops = test_count_ops(&counts);
				struct maple_tree mt;

				test_counts_init(&counts, 4096);
				mt_init_pool(&mt, both[f], pool, &ops);
				for (uint64_t k = 0; k < counts_of_entries[i]; k++)
					CHECK_EQ(mtree_store_range_word(&mt, k * 10,
									k * 10 + (gaps ? 5 : 9), k),
						 0);
				fail_each_allocation(&mt, pool, &counts);
				mt_fini(&mt);
				test_counts_end(&counts);
				test_pool_end(pool);
			}
		}
	}
}

static void every_allocation_fails_in_full_trees(void)
{
	uint32_t height;
	size_t f;

	for (f = 0; f < 2; f++) {
		for (height = 1; height <= 3; height++) {
			struct maple_pool *pool = test_pool();
			struct test_counts counts;
			struct mt_value_ops ops = test_count_ops(&counts);
			struct maple_tree mt;

			test_counts_init(&counts, full_count(both[f], height));
			mt_init_pool(&mt, both[f], pool, &ops);
			build_full(&mt, full_count(both[f], height), false);
			CHECK_FULL(&mt);
			fail_each_allocation(&mt, pool, &counts);
			mt_fini(&mt);
			test_counts_end(&counts);
			test_pool_end(pool);
		}
	}
}

/* A duplicate owns one reference for each entry; a fork of the source in between changes
 * nothing. */
static void values_are_retained(void)
{
	struct maple_pool *pool = test_pool();
	struct test_counts counts;
	struct mt_value_ops ops = test_count_ops(&counts);
	struct maple_tree mt, fork, copy;

	test_counts_init(&counts, 1000);
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, &ops);
	for (uint64_t i = 0; i < 700; i++)
		CHECK_EQ(mtree_store_range_word(&mt, i * 10, i * 10 + 5, i), 0);
	test_fork(&mt, &fork);
	CHECK_EQ(counts.total, 700);
	mt_init_pool(&copy, MT_FLAGS_ALLOC_RANGE, pool, &ops);
	CHECK_EQ(mtree_dup(&mt, &copy), 0);
	for (uint64_t i = 0; i < 700; i++)
		CHECK_EQ(counts.references[i], 2);
	CHECK_SAME_NODES(&copy, &fork);
	mt_fini(&mt);
	mt_fini(&fork);
	for (uint64_t i = 0; i < 700; i++)
		CHECK_EQ(counts.references[i], 1);
	CHECK_VALID(&copy);
	mt_fini(&copy);
	test_counts_end(&counts);
	test_pool_end(pool);
}

/* Random trees, as the store test grows them. */
static void random_trees(void)
{
	size_t step, steps = test_steps(2000);
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (step = 0; step < steps; step++) {
		mt_key first = test_below(20000), last = first + test_below(30);

		if (test_below(4))
			CHECK_EQ(mtree_store_range(&mt, first, last, ENTRY(step + 1)), 0);
		else
			CHECK_EQ(mtree_clear_range(&mt, first, last + 200), 0);
		if (step % 4 == 0)
			duplicate(&mt, pool);
	}
	mt_fini(&mt);
	test_pool_end(pool);
}

static const struct test_case cases[] = {
	{"full_trees_of_each_height", full_trees_of_each_height},
	{"full_trees_by_stores", full_trees_by_stores},
	{"every_count_of_entries", every_count_of_entries},
	{"refusals", refusals},
	{"every_allocation_fails", every_allocation_fails},
	{"every_allocation_fails_in_full_trees", every_allocation_fails_in_full_trees},
	{"values_are_retained", values_are_retained},
	{"random_trees", random_trees},
};

TEST_MAIN(cases)
