/* SPDX-License-Identifier: MIT */
/*
 * Code written for the kernel's documented interface, which compiles unchanged with
 * maple_tree_gfp.h: each function is called as the kernel declares it, and gives what the kernel
 * documents.
 */
#include "maple_tree_gfp.h"
#include "test.h"

static void the_normal_interface(void)
{
	static DEFINE_MTREE(tree);
	static struct maple_tree copy = MTREE_INIT(copy, MT_FLAGS_ALLOC_RANGE);
	uint64_t index = 0, start = 0, next = 200;
	unsigned seen = 0;
	void *entry;

	CHECK_EQ(mtree_store(&tree, 5, ENTRY(1), GFP_KERNEL), 0);
	CHECK_EQ(mtree_store_range(&tree, 10, 19, ENTRY(2), GFP_ATOMIC), 0);
	CHECK_EQ(mtree_insert(&tree, 5, ENTRY(3), GFP_KERNEL), -EEXIST);
	CHECK_EQ(mtree_insert_range(&tree, 6, 9, ENTRY(4), GFP_NOWAIT | __GFP_NOWARN), 0);
	mt_for_each (&tree, entry, index, UINT64_MAX)
		seen++;
	CHECK_EQ(seen, 3);
	CHECK(mtree_erase(&tree, 7) == ENTRY(4));
	CHECK(!mtree_erase(&tree, 7));
	CHECK(mt_next(&tree, 5, UINT64_MAX) == ENTRY(2));
	CHECK(mt_prev(&tree, 10, 0) == ENTRY(1));
	mtree_destroy(&tree);

	mt_init_flags(&tree, MT_FLAGS_ALLOC_RANGE);
	CHECK_EQ(mtree_alloc_range(&tree, &start, ENTRY(1), 10, 100, 200, GFP_KERNEL), 0);
	CHECK_EQ(start, 100);
	CHECK_EQ(mtree_alloc_rrange(&tree, &start, ENTRY(2), 10, 100, 200, GFP_KERNEL), 0);
	CHECK_EQ(start, 191);
	CHECK_EQ(mtree_alloc_cyclic(&tree, &start, ENTRY(3), 100, 200, &next, GFP_KERNEL), 1);
	CHECK_EQ(start, 110);
	CHECK_EQ(mtree_dup(&tree, &copy, GFP_KERNEL), 0);
	CHECK(mtree_load(&copy, 195) == ENTRY(2));
	mtree_destroy(&copy);
	mtree_lock(&tree);
	mtree_lock_nested(&copy, MT_LOCK_NESTED);
	CHECK_EQ(__mt_dup(&tree, &copy, GFP_KERNEL), 0);
	mtree_unlock(&copy);
	mtree_unlock(&tree);
	mtree_destroy(&copy);
	mtree_destroy(&tree);
}

static void the_advanced_interface(void)
{
	static struct maple_tree tree = MTREE_INIT(tree, MT_FLAGS_ALLOC_RANGE);
	MA_STATE(mas, &tree, 10, 19);
	uint64_t start, next = 50;
	unsigned seen = 0;
	void *entry;

	mas_lock(&mas);
	CHECK_EQ(mas_store_gfp(&mas, ENTRY(1), GFP_KERNEL), 0);
	mas_set_range(&mas, 15, 29);
	do {
		CHECK(mas_store(&mas, ENTRY(2)) == ENTRY(1)); /* what was there first */
	} while (mas_nomem(&mas, GFP_KERNEL));
	CHECK(!mas_is_err(&mas));
	mas_set_range(&mas, 40, 49);
	CHECK_EQ(mas_preallocate(&mas, ENTRY(3), GFP_KERNEL), 0);
	mas_store_prealloc(&mas, ENTRY(3));
	CHECK_EQ(mas_alloc_cyclic(&mas, &start, ENTRY(4), 0, 99, &next, GFP_KERNEL), 0);
	CHECK_EQ(start, 50);
	mas_set(&mas, 0);
	mas_for_each(&mas, entry, UINT64_MAX) seen++;
	CHECK_EQ(seen, 4);
	mas_set(&mas, UINT64_MAX);
	mas_for_each_rev(&mas, entry, 0) seen--;
	CHECK_EQ(seen, 0);
	mas_set(&mas, 16);
	CHECK(mas_find(&mas, UINT64_MAX) == ENTRY(2));
	CHECK(mas_is_active(&mas));
	__mas_set_range(&mas, 17, 18);
	CHECK(mas_store(&mas, NULL) == ENTRY(2));
	mas_set(&mas, 12);
	CHECK(mas_erase(&mas) == ENTRY(1));
	CHECK(!mas_erase(&mas));
	CHECK_EQ(mas_empty_area_rev(&mas, 0, 45, 10), 0);
	CHECK_EQ(mas.last, 39);
	mas_unlock(&mas);
	mas_destroy(&mas);
	mtree_destroy(&tree);
}

/* A failed call returns no entry, and the cursor tells. */
static void failures(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree tree, fork;

	mt_init_pool(&tree, 0, pool, NULL);
	CHECK_EQ(mtree_store(&tree, 5, ENTRY(1), GFP_KERNEL), 0);
	CHECK_EQ(mtree_store(&tree, 7, ENTRY(2), GFP_KERNEL), 0);
	test_fork(&tree, &fork);
	MA_STATE(mas, &tree, 5, 5);
	mt_pool_fail_nth(pool, 1);
	CHECK(!mas_erase(&mas));
	CHECK(mas_is_err(&mas));
	mt_pool_fail_nth(pool, 1);
	CHECK(!mas_store(&mas, ENTRY(3)));
	CHECK(mas_is_err(&mas));
	mt_pool_fail_nth(pool, 1);
	CHECK(!mtree_erase(&tree, 5));
	CHECK(mtree_load(&tree, 5) == ENTRY(1));
	mt_fini(&fork);
	mt_fini(&tree);
	test_pool_end(pool);
}

static bool held;

static bool is_held(void *context)
{
	return *(const bool *)context;
}

/* A tree under a lock of the caller's. */
static void externally_locked_trees(void)
{
	static const struct mt_external_lock lock = {is_held, &held};
	static struct maple_tree tree = MTREE_INIT_EXT(tree, MT_FLAGS_ALLOC_RANGE, lock);
	struct maple_tree other;

	held = true;
	CHECK_EQ(mt_attr(&tree), MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN);
	CHECK(tree.ma_external_lock == &lock);
	CHECK_EQ(mtree_store(&tree, 5, ENTRY(1), GFP_KERNEL), 0);
	mtree_destroy(&tree);

	mt_init_flags(&other, MT_FLAGS_LOCK_EXTERN);
	mt_set_external_lock(&other, &lock);
	CHECK_EQ(mtree_store(&other, 5, ENTRY(1), GFP_KERNEL), 0);
	mtree_destroy(&other);
	mt_on_stack(other);
	held = false;
	CHECK_EQ(mtree_store(&other, 5, ENTRY(1), GFP_KERNEL), 0); /* nobody asks for a lock */
	mtree_destroy(&other);
}

static const struct test_case cases[] = {
	{"the_normal_interface", the_normal_interface},
	{"the_advanced_interface", the_advanced_interface},
	{"failures", failures},
	{"externally_locked_trees", externally_locked_trees},
};

TEST_MAIN(cases)
