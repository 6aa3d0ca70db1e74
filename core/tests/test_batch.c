/* SPDX-License-Identifier: MIT */
/* Many look-ups in one call, checked against single look-ups; and every way of searching a node,
 * checked against a plain count. */
#include "test.h"

#include "batch_partition.h"
#include "pool.h"
#include "search.h"

#include <stdio.h>
#include <stdlib.h>

static int compare_keys(const void *left, const void *right)
{
	mt_key a = *(const mt_key *)left;
	mt_key b = *(const mt_key *)right;

	return (a > b) - (a < b);
}

/* Keys over the whole space, or close together. */
static mt_key *random_keys(mt_key space, size_t count)
{
	mt_key *keys = test_array(count, sizeof(*keys));
	mt_key near = 1 + test_below(test_below(2) ? space : 300), from = test_below(space);
	size_t i;

	for (i = 0; i < count; i++) {
		keys[i] = test_below(2) ? from + test_below(near) : test_below(space);
		if (test_below(50) == 0)
			keys[i] = test_below(2) ? MT_KEY_MAX - test_below(3) : test_below(3);
	}
	return keys;
}

/* Look keys up: all at once, or by parts, which a batch does only for large trees. */
static void compare_keys_of(struct maple_tree *mt, const mt_key *keys, size_t count, bool parts)
{
	uint64_t *words = test_array(count, sizeof(*words)), absent = test_random();
	uint8_t *present = test_array(count, sizeof(*present));
	size_t i, found = 0;

	for (i = 0; i < count; i++) {
		words[i] = 0xdead;
		present[i] = 0xaa;
	}
	mtree_lock(mt);
	if (parts)
		CHECK_EQ(mt_load_partitioned(mt, keys, count, absent, words, present, &found), 0);
	else
		found = mt_load_batch(mt, keys, count, absent, words, present);
	mtree_unlock(mt);
	for (i = 0; i < count; i++) {
		uint64_t word = 0;
		bool there = mtree_load_word(mt, keys[i], &word);

		CHECK_EQ(present[i], there);
		CHECK_EQ(words[i], there ? word : absent);
		found -= there;
	}
	CHECK_EQ(found, 0);
	free(words);
	free(present);
}

/* Keys in order, nearly in order, or not at all. */
static void compare(struct maple_tree *mt, mt_key space, size_t count)
{
	mt_key *keys = random_keys(space, count);
	size_t i;

	if (test_below(3)) {
		qsort(keys, count, sizeof(*keys), compare_keys);
		for (i = count; i > 40 && test_below(3); i -= 40)
			keys[i - 1 - test_below(30)] = test_below(space);
	}
	compare_keys_of(mt, keys, count, false);
	free(keys);
}

static void compare_parts(struct maple_tree *mt, mt_key space, size_t count)
{
	mt_key *keys = random_keys(space, count);

	compare_keys_of(mt, keys, count, true);
	free(keys);
}

/* Ranges of all lengths up to twelve, starting twelve keys apart. Returns the keys that they
 * take. */
static uint64_t store_ranges(struct maple_tree *mt, size_t ranges)
{
	for (uint64_t n = 0; n < ranges; n++)
		CHECK_EQ(mtree_store_range_word(mt, n * 12, n * 12 + n % 12, n), 0);
	return ranges * 12 + 20;
}

static void batches_equal_single_look_ups(void)
{
	static const size_t ranges[] = {0, 1, 5, 16, 17, 200, 3000, 30000};
	size_t i, round;
	uint32_t flags;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		for (i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
			struct maple_pool *pool = test_pool();
			struct maple_tree mt;
			mt_key space;

			mt_init_pool(&mt, flags, pool, NULL);
			space = store_ranges(&mt, ranges[i]);
			if (ranges[i] == 200) {
				CHECK_EQ(mtree_store(&mt, MT_KEY_MAX, ENTRY(1)), 0);
				CHECK_EQ(mtree_store(&mt, 0, ENTRY(2)), 0);
			}
			for (round = 0; round < 40; round++)
				compare(&mt, space, round);
			compare(&mt, space, 1000);
			compare(&mt, space, 5003);
			/* From a single leaf on. Parts take whole groups of keys. */
			for (round = 1; ranges[i] && round <= 1000; round *= 30)
				compare_parts(&mt, space, round * MT_GROUP);
			mt_fini(&mt);
			test_pool_end(pool);
		}
	}
}

/* A tree large enough for parts to pay: `count` ranges, twelve keys apart. */
static void build_ranges(struct maple_tree *mt, size_t count)
{
	mt_key *first = test_array(count, sizeof(*first));
	mt_key *last = test_array(count, sizeof(*last));
	uint64_t *words = test_array(count, sizeof(*words));
	size_t i;

	for (i = 0; i < count; i++) {
		first[i] = words[i] = i * 12;
		last[i] = i * 12 + i % 11;
	}
	CHECK_EQ(mt_build(mt, first, last, words, count, NULL), 0);
	free(words);
	free(first);
	free(last);
}

/* More nodes on the second level than there may be parts, and so many levels that only the lowest
 * are prefetched. Checked with every version of the search. */
static void parts_of_a_high_tree(void)
{
	enum { COUNT = 350000 };
	unsigned version;
	uint32_t flags;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		struct maple_pool *pool = test_pool();
		struct maple_tree mt;

		mt_init_pool(&mt, flags, pool, NULL);
		build_ranges(&mt, COUNT);
		CHECK(mt_height(&mt) >= 5);
		for (version = 0; test_search(version); version++) {
			compare_parts(&mt, COUNT * 12, 300 * MT_GROUP);
			compare(&mt, COUNT * 12, 300 * MT_GROUP);
		}
		mt_fini(&mt);
		test_pool_end(pool);
	}
}

/* Batches on a tree that is large enough, unsorted and sorted. */
static void large_trees(void)
{
	size_t count = 700000, i;
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork;
	mt_key *keys;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	CHECK(!mt_partition_pays(&mt, SIZE_MAX));
	build_ranges(&mt, count);
	CHECK(mt_partition_pays(&mt, count));
	CHECK(!mt_partition_pays(&mt, 1000));
	CHECK_EQ(mt_batch_size(&mt), MT_PARTITION_MAX_KEYS);
	for (i = 0; i < 4; i++)
		compare(&mt, count * 12, count / 2 + test_below(1000));

	/* More keys than are sorted at a time; no sorting if there is no memory for it; and keys
	 * that come in order. */
	keys = random_keys(count * 12, MT_PARTITION_MAX_KEYS + 1000);
	compare_keys_of(&mt, keys, MT_PARTITION_MAX_KEYS + 1000, false);
	test_exhaust(true);
	compare_keys_of(&mt, keys, count / 2, false);
	test_exhaust(false);
	qsort(keys, count / 2, sizeof(*keys), compare_keys);
	compare_keys_of(&mt, keys, count / 2, false);
	free(keys);

	/* A tree that has not been counted is not considered large. */
	test_fork(&mt, &fork);
	CHECK_EQ(mtree_clear_range(&mt, 12, 12 * 10000), 0);
	CHECK(!mt_partition_pays(&mt, count));
	CHECK_EQ(mt_batch_size(&mt), MT_BATCH_KEYS);
	CHECK(mt_entries(&mt) < count);
	CHECK(mt_partition_pays(&mt, count));
	mt_fini(&fork);
	mt_fini(&mt);
	test_pool_end(pool);
}

static mt_key random_step(void)
{
	return (mt_key)(test_random() >> 8) << test_below(MT_KEY_BITS - 63);
}

/* A node with random pivots, sometimes as close as possible, and sometimes the last of them just
 * below MT_KEY_MAX. */
static void random_node(struct maple_node *node, enum mt_kind kind)
{
	unsigned capacity = mt_capacity(kind), i;
	mt_key pivot = test_below(2) ? test_below(20) : random_step(), up;

	for (i = 0; i < sizeof(*node); i++)
		((unsigned char *)node)[i] = (unsigned char)test_random();
	node->kind = (uint8_t)kind;
	node->count = (uint8_t)(1 + test_below(capacity));
	for (i = 0; i + 1 < capacity; i++) {
		node->pivot[i] = i + 1 < node->count ? pivot : MT_KEY_MAX;
		pivot += 1 + (test_below(2) ? test_below(3) : random_step());
	}
	if (node->count == 1 || test_below(2))
		return;
	up = MT_KEY_MAX - 1 - node->pivot[node->count - 2];
	for (i = 0; i + 1u < node->count; i++)
		node->pivot[i] += up;
}

static unsigned count_pivots_below(const struct maple_node *node, mt_key key)
{
	unsigned slot = 0;

	while (slot + 1u < node->count && node->pivot[slot] < key)
		slot++;
	return slot;
}

static void every_search_counts_the_same(void)
{
	static const enum mt_kind kinds[] = {MT_LEAF, MT_WIDE, MT_NARROW};
	const struct mt_search *search;
	size_t step, steps = test_steps(30000);
	struct maple_pool *pool = test_pool();
	struct maple_node *node, *copy;
	unsigned version, i;

	CHECK_EQ(mt_pool_alloc_bulk(pool, 1, &node), 1);
	CHECK_EQ(mt_pool_alloc_bulk(pool, 1, &copy), 1);
	for (version = 0; (search = mt_search_version(version, mt_processor())); version++) {
		printf("  %s\n", search->name);
		for (step = 0; step < steps; step++) {
			mt_key keys[8] = {0, MT_KEY_MAX, test_key(), test_below(60)};

			keys[7] = MT_KEY_MAX - test_below(60);
			random_node(node, kinds[test_below(3)]);
			i = (unsigned)test_below(node->count);
			if (i + 1u < node->count) {
				keys[4] = node->pivot[i];
				keys[5] = node->pivot[i] + 1;
				keys[6] = node->pivot[i] - 1;
			}
			for (i = 0; i < 8; i++)
				CHECK_EQ(search->slot(node, keys[i]),
					 count_pivots_below(node, keys[i]));
			search->copy(copy, node);
			CHECK_EQ(memcmp(copy, node, sizeof(*node)), 0);
		}
	}
	CHECK(version > 0);
	mt_free_one(pool, node);
	mt_free_one(pool, copy);
	test_pool_end(pool);
}

/* Groups side by side, and along a path, against the version's single look-up. */
static void check_groups(const struct mt_search *search, struct maple_tree *mt, mt_key from)
{
	const struct maple_node *node[MT_GROUP];
	mt_key keys[MT_GROUP];
	uint64_t words[2][MT_GROUP];
	uint8_t present[2][MT_GROUP];
	struct ma_level path[MT_MAX_HEIGHT];
	uint32_t height = mt_height(mt);
	size_t found[2];
	unsigned i;

	for (i = 0; i < MT_GROUP; i++)
		keys[i] = test_below(8) ? from + i * 7 : test_key();
	path[0] = (struct ma_level){mt->ma_root, 0, MT_KEY_MAX, 0};
	search->descend(path, height, keys[0]);
	for (i = 0; i < MT_GROUP; i++)
		node[i] = mt->ma_root;
	found[0] = search->load_group(node, height, test_below(4), keys, 0, words[0], present[0]);
	found[1] = search->walk_group(path, height, keys, 0, words[1], present[1]);
	CHECK(mt_level_covers(&path[height - 1], keys[MT_GROUP - 1]));
	CHECK_EQ(found[0], found[1]);
	for (i = 0; i < MT_GROUP; i++) {
		uint64_t word;
		bool there = search->load_word(mt, keys[i], &word);
		struct ma_level leaf, sought;

		CHECK_EQ(present[0][i], there);
		CHECK_EQ(present[1][i], there);
		CHECK_EQ(words[0][i], word); /* 0 for a gap */
		CHECK_EQ(words[1][i], word);
		CHECK_EQ((uintptr_t)search->load(mt, keys[i]), word);
		search->descend(path, height, keys[i]);
		search->locate(mt->ma_root, height, keys[i], &leaf);
		CHECK_EQ(leaf.slot, path[height - 1].slot);
		CHECK_EQ(leaf.min, path[height - 1].min);
		CHECK_EQ(leaf.max, path[height - 1].max);
		CHECK(leaf.node == path[height - 1].node);
		search->seek(mt->ma_root, height, keys[i], &sought);
		CHECK(sought.node == leaf.node && sought.slot == leaf.slot);
		CHECK(sought.min == leaf.min && sought.max == leaf.max);
		CHECK_EQ(leaf.node->wide.slot[leaf.slot], word);
		found[0] -= there;
	}
	CHECK_EQ(found[0], 0);
}

static void every_look_up_bears_an_empty_tree(void)
{
	const struct mt_search *search;
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	unsigned version;
	uint64_t word = 7;

	mt_init_pool(&mt, 0, pool, NULL);
	for (version = 0; (search = mt_search_version(version, mt_processor())); version++) {
		CHECK(!search->load(&mt, 5));
		CHECK(!search->load_word(&mt, 5, &word));
		CHECK_EQ(word, 7);
	}
	mt_fini(&mt);
	test_pool_end(pool);
}

static void every_descent_finds_the_same(void)
{
	const struct mt_search *search;
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	unsigned version;
	uint32_t flags;
	uint64_t n, word;
	mt_key key;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		mt_init_pool(&mt, flags, pool, NULL);
		for (n = 0; n < 3000; n++) {
			CHECK_EQ(mtree_store_range_word(&mt, n * 12, n * 12 + n % 12, n), 0);
			if (n > 20 && n < 2990)
				continue;
			for (version = 0; (search = mt_search_version(version, mt_processor()));
			     version++) {
				for (key = n > 100 ? (n - 100) * 12 : 0; key < n * 12 + 30; key++) {
					bool there = key / 12 <= n && (key % 12 <= key / 12 % 12);

					CHECK_EQ(search->load_word(&mt, key, &word), there);
					CHECK_EQ(word, there ? key / 12 : 0);
				}
				CHECK(!search->load_word(&mt, MT_KEY_MAX, &word));
				check_groups(search, &mt, test_below(n * 12 + 30));
			}
		}
		mt_fini(&mt);
	}
	test_pool_end(pool);
}

/* On any processor: which versions another processor would run. */
static void the_processor_decides_which_search(void)
{
	const unsigned all = MT_HAS_AVX2 | MT_HAS_AVX512;
	const struct mt_search *search, *best = NULL;
	unsigned processor, version;

	CHECK(!strcmp(mt_search_version(0, 0)->name, "portable"));
	for (processor = 0; processor <= all; processor++) {
		for (version = 0; (search = mt_search_version(version, processor)); version++) {
			CHECK_EQ(search->needs & ~processor, 0);
			best = search;
		}
		CHECK(!mt_search_version(version + 1, processor));
		if (processor == mt_processor())
			CHECK(!strcmp(mt_search.name, best->name));
#ifdef __x86_64__
		CHECK(!strcmp(best->name, processor == all          ? "avx512"
					  : processor & MT_HAS_AVX2 ? "avx2"
								    : "portable"));
#endif
	}
}

static const struct test_case cases[] = {
	{"the_processor_decides_which_search", the_processor_decides_which_search},
	{"batches_equal_single_look_ups", batches_equal_single_look_ups},
	{"parts_of_a_high_tree", parts_of_a_high_tree},
	{"large_trees", large_trees},
	{"every_search_counts_the_same", every_search_counts_the_same},
	{"every_look_up_bears_an_empty_tree", every_look_up_bears_an_empty_tree},
	{"every_descent_finds_the_same", every_descent_finds_the_same},
};

TEST_MAIN(cases)
