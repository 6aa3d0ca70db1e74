/* SPDX-License-Identifier: MIT */
/*
 * Out of memory: for each function that writes, the n-th allocation fails for every n that it
 * makes. Each time the tree is the same, node by node, no reference and no node is lost; and then
 * the call succeeds.
 */
#include "test.h"

#include <stdlib.h>

enum { WORDS = 4096, SPACE = 6000 };

struct write {
	uint64_t first;
	uint64_t last;
	uint64_t start;
	uint64_t next;
};

typedef int (*write_fn)(struct maple_tree *mt, struct write *write);

static int store(struct maple_tree *mt, struct write *write)
{
	return mtree_store(mt, write->first, ENTRY(7));
}

static int store_range(struct maple_tree *mt, struct write *write)
{
	return mtree_store_range(mt, write->first, write->last, ENTRY(8));
}

static int store_null(struct maple_tree *mt, struct write *write)
{
	return mtree_store_range(mt, write->first, write->last, NULL);
}

static int store_range_word(struct maple_tree *mt, struct write *write)
{
	return mtree_store_range_word(mt, write->first, write->last, 0);
}

static int clear_range(struct maple_tree *mt, struct write *write)
{
	return mtree_clear_range(mt, write->first, write->last);
}

static int insert(struct maple_tree *mt, struct write *write)
{
	return mtree_insert(mt, write->first, ENTRY(9));
}

static int insert_range(struct maple_tree *mt, struct write *write)
{
	return mtree_insert_range(mt, write->first, write->first + 3, ENTRY(9));
}

static int insert_range_word(struct maple_tree *mt, struct write *write)
{
	return mtree_insert_range_word(mt, write->first, write->first + 3, 10, NULL);
}

static int erase(struct maple_tree *mt, struct write *write)
{
	return mtree_erase(mt, write->first, NULL);
}

static int alloc_range(struct maple_tree *mt, struct write *write)
{
	return mtree_alloc_range(mt, &write->start, ENTRY(11), 4, write->first, UINT64_MAX);
}

static int alloc_rrange(struct maple_tree *mt, struct write *write)
{
	return mtree_alloc_rrange(mt, &write->start, ENTRY(11), 4, 0, write->last + 4);
}

static int alloc_cyclic(struct maple_tree *mt, struct write *write)
{
	return mtree_alloc_cyclic(mt, &write->start, ENTRY(12), 0, SPACE, &write->next);
}

static int by_mas_store(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->last);

	return mas_store(&mas, ENTRY(13));
}

static int by_mas_store_word(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->last);

	return mas_store_word(&mas, 14);
}

static int by_mas_clear(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->last);

	return mas_clear(&mas);
}

static int by_mas_insert(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->first + 3);

	return mas_insert(&mas, ENTRY(15));
}

static int by_mas_erase(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->first);

	return mas_erase(&mas, NULL);
}

static int by_preallocation(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->last);
	int error = mas_preallocate(&mas, ENTRY(16));

	if (!error)
		CHECK_EQ(mas_store_prealloc(&mas, ENTRY(16)), 0);
	mas_destroy(&mas);
	return error;
}

static int by_slice(struct maple_tree *mt, struct write *write)
{
	struct maple_tree slice;
	int error;

	mtree_lock(mt);
	error = mt_slice(mt, write->first, write->last + 1000, &slice);
	mtree_unlock(mt);
	if (error)
		CHECK(mtree_empty(&slice));
	mt_fini(&slice);
	return error;
}

static int by_build(struct maple_tree *mt, struct write *write)
{
	enum { COUNT = 600 };
	uint64_t first[COUNT], last[COUNT], words[COUNT];
	struct maple_tree built;
	size_t i;
	int error;

	for (i = 0; i < COUNT; i++) {
		first[i] = write->first + i * 10;
		last[i] = first[i] + 5;
		words[i] = i;
	}
	mt_init_pool(&built, mt_attr(mt), mt->ma_pool, mt->ma_ops);
	error = mt_build(&built, first, last, words, COUNT, NULL);
	CHECK_EQ(mtree_empty(&built), error != 0);
	CHECK_VALID(&built);
	mt_fini(&built);
	return error;
}

static int by_dup(struct maple_tree *mt, struct write *write)
{
	struct maple_tree copy;
	int error;

	(void)write;
	mt_init_pool(&copy, mt_attr(mt), mt->ma_pool, mt->ma_ops);
	error = mtree_dup(mt, &copy);
	CHECK_EQ(mtree_empty(&copy), error != 0);
	mt_fini(&copy);
	return error;
}

static const struct {
	const char *name;
	write_fn write;
	bool may_need_nothing; /* in place, or refused: no allocation to fail */
} writes[] = {
	{"mtree_store", store, true},
	{"mtree_store_range", store_range, true},
	{"mtree_store_range NULL", store_null, true},
	{"mtree_store_range_word", store_range_word, true},
	{"mtree_clear_range", clear_range, true},
	{"mtree_insert", insert, true},
	{"mtree_insert_range", insert_range, true},
	{"mtree_insert_range_word", insert_range_word, true},
	{"mtree_erase", erase, true},
	{"mtree_alloc_range", alloc_range, true},
	{"mtree_alloc_rrange", alloc_rrange, true},
	{"mtree_alloc_cyclic", alloc_cyclic, true},
	{"mas_store", by_mas_store, true},
	{"mas_store_word", by_mas_store_word, true},
	{"mas_clear", by_mas_clear, true},
	{"mas_insert", by_mas_insert, true},
	{"mas_erase", by_mas_erase, true},
	{"mas_preallocate", by_preallocation, false},
	{"mt_slice", by_slice, true},
	{"mt_build", by_build, false},
	{"mtree_dup", by_dup, false},
};

enum { WRITES = sizeof(writes) / sizeof(*writes) };

static void fill(struct maple_tree *mt)
{
	uint64_t key;

	for (key = 0; key < SPACE; key += 1 + test_below(16))
		CHECK_EQ(mtree_store_range_word(mt, key, key + test_below(8), key % WORDS), 0);
}

/* Returns how many times the call failed before it did not. */
static size_t fail_each(struct maple_tree *mt, size_t which, struct test_counts *counts,
			bool shared)
{
	struct maple_pool *pool = mt->ma_pool;
	struct write write = {.first = test_below(SPACE), .start = 4242};
	struct maple_tree same, relative;
	uint64_t references, entries = mt_entries(mt);
	size_t n, live;
	int got;

	write.last = write.first + test_below(test_below(2) ? 12 : 2000);
	write.next = write.first;
	mt_init_pool(&same, mt_attr(mt), pool, mt->ma_ops);
	CHECK_EQ(mtree_dup(mt, &same), 0);
	if (shared)
		test_fork(mt, &relative);
	live = test_live(pool);
	references = counts->total;
	for (n = 1;; n++) {
		struct write given = write;

		mt_pool_fail_nth(pool, n);
		got = writes[which].write(mt, &write);
		mt_pool_fail_nth(pool, 0);
		if (got != -ENOMEM)
			break;
		CHECK_EQ(test_live(pool), live);
		CHECK_EQ(counts->total, references);
		CHECK_VALID(mt);
		CHECK_SAME_NODES(mt, &same);
		CHECK_EQ(mt_entries(mt), entries);
		CHECK_EQ(write.start, given.start);
		CHECK_EQ(write.next, given.next);
	}
	CHECK(got >= 0 || got == -EEXIST || got == -EBUSY);
	if (n == 1 && !writes[which].may_need_nothing)
		test_fail(__FILE__, __LINE__, "%s allocated nothing", writes[which].name);
	CHECK_VALID(mt);
	if (shared) {
		CHECK_VALID(&relative);
		CHECK_SAME_NODES(&relative, &same);
		mt_fini(&relative);
	}
	mt_fini(&same);
	CHECK_EQ(test_live(pool), mt_node_count(mt));
	CHECK_EQ(counts->total, mt_entries(mt));
	return n - 1;
}

static void every_allocation_of_every_write(bool shared)
{
	size_t which, step, steps = test_steps(4200) / WRITES + 1;

	for (which = 0; which < WRITES; which++) {
		struct maple_pool *pool = test_pool();
		struct test_counts counts;
		struct mt_value_ops ops = test_count_ops(&counts);
		struct maple_tree mt;
		size_t failures = 0;

		test_counts_init(&counts, WORDS);
		mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, &ops);
		fill(&mt);
		/* Each of them needs memory at times, or the test shows nothing. */
		for (step = 0; step < steps || (!failures && step < 100 * steps); step++) {
			failures += fail_each(&mt, which, &counts, shared);
			if (step % 20 == 19) {
				/* In a tree with hardly a gap left, inserts need no memory. */
				if (!failures)
					mtree_destroy(&mt);
				fill(&mt);
			}
		}
		if (!failures)
			test_fail(__FILE__, __LINE__, "%s never failed", writes[which].name);
		mt_fini(&mt);
		test_counts_end(&counts);
		test_pool_end(pool);
	}
}

static void private_trees(void)
{
	every_allocation_of_every_write(false);
}

static void shared_trees(void)
{
	every_allocation_of_every_write(true);
}

static const struct test_case cases[] = {
	{"private_trees", private_trees},
	{"shared_trees", shared_trees},
};

TEST_MAIN(cases)
