/* SPDX-License-Identifier: MIT */
/* Attributes: the flags without the height, which stay when a tree is emptied. And freeing a single
 * node. */
#include "test.h"

#include "pool.h"

#include <string.h>

static const uint32_t attributes[] = {
	0,
	MT_FLAGS_ALLOC_RANGE,
	MT_FLAGS_LOCK_EXTERN,
	MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN,
};

static void the_height_is_no_attribute(void)
{
	size_t i;

	for (i = 0; i < 4; i++) {
		struct maple_pool *pool = test_pool();
		struct maple_tree mt;
		uint32_t height = 0;

		mt_init_pool(&mt, attributes[i], pool, NULL);
		CHECK_EQ(mt_attr(&mt), attributes[i]);
		CHECK_EQ(mt_height(&mt), 0);
		for (mt_key key = 0; mt_height(&mt) < 4; key++) {
			CHECK_EQ(mtree_store(&mt, key * 2, ENTRY(key + 1)), 0);
			CHECK_EQ(mt_attr(&mt), attributes[i]);
			CHECK(mt_height(&mt) >= height);
			height = mt_height(&mt);
			CHECK_EQ((mt.ma_flags & MT_FLAGS_HEIGHT_MASK) >> MT_FLAGS_HEIGHT_SHIFT,
				 height);
		}
		CHECK_VALID(&mt);
		mt_fini(&mt);
		test_pool_end(pool);
	}
}

static void attributes_survive_destroy(void)
{
	size_t i, way;

	for (i = 0; i < 4; i++) {
		for (way = 0; way < 3; way++) {
			struct maple_pool *pool = test_pool();
			struct test_counts counts;
			struct mt_value_ops ops = test_count_ops(&counts);
			struct maple_tree mt, fork;

			test_counts_init(&counts, 1000);
			mt_init_pool(&mt, attributes[i], pool, &ops);
			for (mt_key key = 0; key < 1000; key++)
				CHECK_EQ(mtree_store_range_word(&mt, key * 2, key * 2, key), 0);
			test_fork(&mt, &fork);
			CHECK_EQ(mt_attr(&fork), attributes[i]);
			if (way == 0) {
				mtree_destroy(&mt);
			} else if (way == 1) {
				mtree_lock(&mt);
				__mt_destroy(&mt);
				mtree_unlock(&mt);
			} else {
				CHECK_EQ(mtree_clear_range(&mt, 0, MT_KEY_MAX), 0);
			}
			CHECK(mtree_empty(&mt));
			CHECK_EQ(mt_attr(&mt), attributes[i]);
			CHECK_EQ(mt_height(&mt), 0);
			CHECK_EQ(mt_entries(&mt), 0);
			CHECK(!mt.ma_shared);
			CHECK_VALID(&mt);
			/* Destroying an empty tree does nothing. */
			mtree_destroy(&mt);
			CHECK_EQ(mt_attr(&mt), attributes[i]);

			/* The pool, the operations and gap tracking still work. */
			CHECK_EQ(mtree_store_range_word(&mt, 10, 19, 7), 0);
			CHECK_EQ(counts.references[7], 2);
			if (attributes[i] & MT_FLAGS_ALLOC_RANGE) {
				mt_key start;

				CHECK_EQ(mtree_alloc_range(&mt, &start, ENTRY(8), 15, 0, 100), 0);
				CHECK_EQ(start, 20);
			}
			CHECK_VALID(&mt);
			CHECK_VALID(&fork);
			CHECK_EQ(mt_entries(&fork), 1000);
			mt_fini(&mt);
			mt_fini(&fork);
			test_counts_end(&counts);
			test_pool_end(pool);
		}
	}
}

static void a_single_node_is_freed(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_node *nodes[3], *again;

	CHECK_EQ(mt_pool_alloc_bulk(pool, 3, nodes), 3);
	mt_free_one(pool, nodes[1]);
	CHECK_EQ(test_live(pool), 2);
	/* Its memory is reused; that of the others is not touched. */
	CHECK_EQ(mt_pool_alloc_bulk(pool, 1, &again), 1);
	CHECK(again != nodes[0] && again != nodes[2]);
	CHECK_EQ(test_live(pool), 3);
	mt_free_one(pool, nodes[0]);
	mt_free_one(pool, again);
	mt_free_one(pool, nodes[2]);
	test_pool_end(pool);
}

/* mt_init_pool() sets all members, whatever the memory held: ma_forks was left out. */
static void a_new_tree_has_no_old_bytes(void)
{
	static const struct maple_tree whole = MTREE_INIT(whole, MT_FLAGS_ALLOC_RANGE);
	struct maple_tree mt;

	memset(&mt, 0xa5, sizeof(mt));
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, NULL, NULL);
	CHECK(mt.ma_root == whole.ma_root && mt.ma_pool == whole.ma_pool);
	CHECK(mt.ma_ops == whole.ma_ops && mt.ma_external_lock == whole.ma_external_lock);
	CHECK_EQ(mt.ma_flags, whole.ma_flags);
	CHECK_EQ(mt.ma_sequence, whole.ma_sequence);
	CHECK_EQ(mt.ma_generation, whole.ma_generation);
	CHECK_EQ(mt.ma_entries, whole.ma_entries);
	CHECK_EQ(mt.ma_covered[0], whole.ma_covered[0]);
	CHECK_EQ(mt.ma_covered[1], whole.ma_covered[1]);
	CHECK_EQ(mt.ma_counted, whole.ma_counted);
	CHECK_EQ(mt.ma_shared, whole.ma_shared);
	CHECK_EQ(mt.ma_busy, whole.ma_busy);
	CHECK_EQ(mt.ma_forks, whole.ma_forks);
	CHECK_EQ(mt.ma_lock.held, whole.ma_lock.held);
	mt_fini(&mt);
}

static const struct test_case cases[] = {
	{"the_height_is_no_attribute", the_height_is_no_attribute},
	{"attributes_survive_destroy", attributes_survive_destroy},
	{"a_single_node_is_freed", a_single_node_is_freed},
	{"a_new_tree_has_no_old_bytes", a_new_tree_has_no_old_bytes},
};

TEST_MAIN(cases)
