/* SPDX-License-Identifier: MIT */
/*
 * The work of fork, as check_forking() of the patch series that added __mt_dup() does it: duplicate
 * a tree of 135 entries under both locks and replace every entry of the copy. Then the same by
 * insertion and by mt_fork(). All three must give the same child.
 */
#include "test.h"

enum { ENTRIES = 135 };

static void fill(struct maple_tree *mt)
{
	for (uint64_t i = 0; i < ENTRIES; i++)
		CHECK_EQ(mtree_store_range(mt, i * 10, i * 10 + 5, ENTRY(i + 1)), 0);
}

/* The entry that fork puts in place of each value. */
static void *replacement(void *entry)
{
	return ENTRY((uintptr_t)entry + 1000);
}

static void replace_every_entry(struct maple_tree *mt)
{
	uint64_t count = 0;
	void *entry;

	MA_STATE(mas, mt, 0, 0);
	mas_for_each(&mas, entry, MT_KEY_MAX)
	{
		CHECK_EQ(mas_store(&mas, replacement(entry)), 0);
		count++;
	}
	CHECK_EQ(count, ENTRIES);
}

/* The parent is unchanged. */
static void check_parent(struct maple_tree *mt)
{
	struct maple_tree fresh;

	mt_init_flags(&fresh, mt_attr(mt));
	fill(&fresh);
	CHECK_VALID(mt);
	CHECK_SAME_ENTRIES(mt, &fresh);
	mtree_destroy(&fresh);
}

static void check_child(struct maple_tree *child)
{
	CHECK_VALID(child);
	CHECK_EQ(mt_entries(child), ENTRIES);
	for (mt_key key = 0; key < ENTRIES * 10; key++) {
		uint64_t expected = key % 10 <= 5 ? key / 10 + 1 + 1000 : 0;

		CHECK_EQ((uintptr_t)mtree_load(child, key), expected);
	}
}

static void duplicate_and_replace(uint32_t flags)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree parent, child, by_insertion, by_fork;
	void *entry;

	mt_init_pool(&parent, flags, pool, NULL);
	fill(&parent);

	mt_init_pool(&child, flags, pool, NULL);
	CHECK_EQ(test_dup_locked(&parent, &child), 0);
	CHECK_SAME_NODES(&parent, &child);
	replace_every_entry(&child);
	check_child(&child);
	check_parent(&parent);

	mt_init_pool(&by_insertion, flags, pool, NULL);
	MA_STATE(from, &parent, 0, 0);
	MA_STATE(to, &by_insertion, 0, 0);
	mas_for_each(&from, entry, MT_KEY_MAX)
	{
		mas_set_range(&to, from.index, from.last);
		CHECK_EQ(mas_store(&to, replacement(entry)), 0);
	}
	check_child(&by_insertion);
	CHECK_SAME_ENTRIES(&child, &by_insertion);

	test_fork(&parent, &by_fork);
	replace_every_entry(&by_fork);
	check_child(&by_fork);
	check_parent(&parent);
	CHECK_SAME_ENTRIES(&child, &by_fork);

	/* The parent may end first. */
	mt_fini(&parent);
	check_child(&child);
	check_child(&by_fork);
	mt_fini(&child);
	mt_fini(&by_insertion);
	mt_fini(&by_fork);
	test_pool_end(pool);
}

static void check_forking(void)
{
	duplicate_and_replace(0);
	duplicate_and_replace(MT_FLAGS_ALLOC_RANGE);
	duplicate_and_replace(MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN);
}

/* A duplication that fails half-way leaves a child that only needs destroying. */
static void check_failing_fork(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree parent, child;
	size_t live;
	uint64_t n;

	mt_init_pool(&parent, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	fill(&parent);
	live = test_live(pool);
	for (n = 1; n <= live; n++) {
		mt_init_pool(&child, MT_FLAGS_ALLOC_RANGE, pool, NULL);
		mt_pool_fail_nth(pool, n);
		CHECK_EQ(test_dup_locked(&parent, &child), -ENOMEM);
		mtree_destroy(&child);
		CHECK_EQ(test_live(pool), live);
		mt_fini(&child);
		check_parent(&parent);
	}
	mt_fini(&parent);
	test_pool_end(pool);
}

static const struct test_case cases[] = {
	{"check_forking", check_forking},
	{"check_failing_fork", check_failing_fork},
};

TEST_MAIN(cases)
