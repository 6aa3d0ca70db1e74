/* SPDX-License-Identifier: MIT */
/*
 * Keys of 128 bits where 64 would not do, called by the names of maple_tree_128.h; and trees of both
 * widths in one pool. Everything else about them is tested by the other programs, which are compiled
 * for each width.
 */
#include "test.h"

#include "maple_tree_128.h"
#include "pool.h"

#include <stdlib.h>
#include <string.h>

#define KEY(high, low) ((mt128_key)(high) << 64 | (low))

/* End a tree of the default pool, which keeps no memory. */
static void end_tree(struct maple_tree_128 *mt)
{
	mtree128_destroy(mt);
	mt_pool_trim(NULL);
}

/* The networks of 64 bits in one of 32 bits: each is 2^64 keys wide and begins at a multiple of its
 * size. The first free one is found whatever is in the way. */
static void the_first_free_network(void)
{
	const mt128_key size = KEY(1, 0), first = KEY(0x20010db800000000, 0),
			last = KEY(0x20010db8ffffffff, UINT64_MAX);
	struct maple_tree_128 mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	mt128_key start = 7, used = first;

	CHECK(mt128_empty_area(&mt, first, last, size, size, 0, false, &start) == 0);
	CHECK(start == first);
	CHECK(mt128_empty_area(&mt, first, last, size, size, 0, true, &start) == 0);
	CHECK(start == last - (size - 1));
	for (uint64_t i = 0; i < 3000; i++) {
		CHECK(mt128_empty_area(&mt, first, last, size, size, 0, false, &start) == 0);
		CHECK(start == used);
		if (i % 3 == 0) { /* one key in the middle is enough */
			start += test_random();
			CHECK(mtree128_store_range_word(&mt, start, start, i) == 0);
		} else {
			CHECK(mtree128_store_range_word(&mt, start, start + (size - 1), i) == 0);
		}
		used += size;
	}
	CHECK(mt128_validate(&mt, NULL, 0) == 0);
	/* The gaps beside the single keys are too small by that key, or not aligned. */
	CHECK(mt128_empty_area(&mt, first, used - 1, size, size, 0, false, &start) == -EBUSY);
	CHECK(mtree128_clear_range(&mt, first + 77 * size, first + 78 * size - 1) == 0);
	CHECK(mt128_empty_area(&mt, first, last, size, size, 0, false, &start) == 0);
	CHECK(start == first + 77 * size);
	/* Any place for the whole network, for half of the key space, and for a key too many. */
	CHECK(mt128_empty_area(&mt, 0, MT128_KEY_MAX, KEY(UINT64_C(1) << 32, 0),
			       KEY(UINT64_C(1) << 32, 0), 0, true, &start) == 0);
	CHECK(start == KEY(0xffffffff00000000, 0));
	CHECK(mt128_empty_area(&mt, 0, MT128_KEY_MAX, KEY(UINT64_C(1) << 63, 0), 1, 0, false,
			       &start) == 0);
	CHECK(start == used);
	CHECK(mt128_empty_area(&mt, 0, MT128_KEY_MAX, MT128_KEY_MAX - used + 2, 1, 0, false,
			       &start) == -EBUSY);
	end_tree(&mt);
}

static void covered_is(struct maple_tree_128 *mt, mt128_key high, mt128_key low)
{
	mt128_key got_high, got_low;

	mt128_covered(mt, &got_low, &got_high);
	CHECK(got_low == low);
	CHECK(got_high == high);
}

/* The number of keys with a value needs a bit more than a key, and no less. */
static void covered_needs_129_bits(void)
{
	struct maple_tree_128 mt = MTREE_INIT(mt, 0), fork;

	covered_is(&mt, 0, 0);
	CHECK(mtree128_store_range_word(&mt, 0, UINT64_MAX, 1) == 0);
	covered_is(&mt, 0, KEY(1, 0));
	CHECK(mtree128_store_range_word(&mt, KEY(1, 0), MT128_KEY_MAX, 2) == 0);
	covered_is(&mt, 1, 0);
	mtree128_lock(&mt);
	mt128_fork(&mt, &fork);
	mtree128_unlock(&mt);
	CHECK(mtree128_clear_range(&mt, UINT64_MAX, UINT64_MAX) == 0);
	covered_is(&mt, 0, MT128_KEY_MAX);
	CHECK(mt128_entries(&mt) == 2);
	CHECK(mtree128_clear_range(&mt, 0, KEY(1, 1)) == 0);
	covered_is(&mt, 0, MT128_KEY_MAX - KEY(1, 1));
	covered_is(&fork, 1, 0);
	mtree128_destroy(&fork);
	end_tree(&mt);
}

/* Keys whose high words differ and whose low words would lead elsewhere. */
static void both_words_count(void)
{
	static const uint64_t words[] = {0, 1, 5, UINT64_C(1) << 63, UINT64_MAX - 1, UINT64_MAX};
	enum { COUNT = sizeof(words) / sizeof(*words) };
	struct maple_tree_128 mt = MTREE_INIT(mt, 0);
	struct mt128_entry entry;
	mt128_key index = 0;
	uint64_t word, n = 0;

	for (uint64_t high = 0; high < COUNT; high++)
		for (uint64_t low = 0; low < COUNT; low += 2)
			CHECK(mtree128_store_range_word(&mt, KEY(words[high], words[low]),
							KEY(words[high], words[low]),
							high * COUNT + low + 1) == 0);
	for (uint64_t high = 0; high < COUNT; high++) {
		for (uint64_t low = 0; low < COUNT; low++) {
			bool there = mtree128_load_word(&mt, KEY(words[high], words[low]), &word);

			CHECK_EQ(there, low % 2 == 0);
			CHECK(!there || word == high * COUNT + low + 1);
		}
	}
	for (void *found; (found = mt128_find(&mt, &index, MT128_KEY_MAX)); n++)
		CHECK(found == ENTRY(n / 3 * COUNT + n % 3 * 2 + 1));
	CHECK_EQ(n, COUNT * COUNT / 2);
	CHECK(!mtree128_lookup(&mt, KEY(1, 1), &entry));
	CHECK(entry.first == KEY(1, 1) && entry.last == KEY(1, 4));
	end_tree(&mt);
}

/* Arrays of keys need no more alignment than 8 bytes. */
static void keys_may_be_aligned_to_8_bytes(void)
{
	enum { COUNT = 5000 };
	uint64_t *memory = test_array(4 * COUNT + 1, 8), *words = test_array(COUNT, 8);
	mt128_key *first = (mt128_key *)(memory + 1), *last = first + COUNT;
	uint8_t *present = test_array(COUNT, 1);
	struct maple_tree_128 mt = MTREE_INIT(mt, 0);

	if ((uintptr_t)first % 16 == 0)
		first = (mt128_key *)memory, last = first + COUNT;
	for (uint64_t i = 0; i < COUNT; i++) {
		first[i] = KEY(i / 3, i * 10);
		last[i] = first[i] + 5;
		words[i] = i;
	}
	CHECK(mt128_build(&mt, first, last, words, COUNT, NULL) == 0);
	CHECK_EQ(mt128_load_batch(&mt, last, COUNT, 9, words, present), COUNT);
	memset(memory, 0, (4 * COUNT + 1) * 8);
	CHECK_EQ(mt128_read(&mt, first, last, words), COUNT);
	for (uint64_t i = 0; i < COUNT; i++)
		CHECK(first[i] == KEY(i / 3, i * 10) && last[i] == first[i] + 5 && words[i] == i);
	end_tree(&mt);
	free(memory);
	free(words);
	free(present);
}

/* Nodes of both sizes come from one pool. Slabs that have become empty serve either. */
static void one_pool_for_both_widths(void)
{
	struct maple_pool *pool = test_pool();
	struct mt_pool_stats stats, again;
	struct maple_tree narrow;
	struct maple_tree_128 wide;
	uint64_t word;

	mt_init_pool(&narrow, 0, pool, NULL);
	mt128_init_pool(&wide, 0, pool, NULL);
	for (unsigned round = 0; round < 4; round++) {
		for (uint64_t i = 0; i < 4000; i++) {
			CHECK_EQ(mtree_store_range_word(&narrow, i * 10, i * 10 + 5, i), 0);
			CHECK(mtree128_store_range_word(&wide, KEY(i, 0), KEY(i, 5), i) == 0);
		}
		mt_pool_stats(pool, &stats);
		CHECK_EQ(stats.live, mt_node_count(&narrow) + mt128_node_count(&wide));
		for (uint64_t i = 0; i < 4000; i++) {
			CHECK(mtree_load_word(&narrow, i * 10, &word) && word == i);
			CHECK(mtree128_load_word(&wide, KEY(i, 3), &word) && word == i);
		}
		CHECK_VALID(&narrow);
		CHECK(mt128_validate(&wide, NULL, 0) == 0);
		/* All memory goes to one of them, in turn. */
		mtree_destroy(&narrow);
		mtree128_destroy(&wide);
		for (uint64_t i = 0; i < 8000; i++) {
			if (round % 2)
				CHECK_EQ(mtree_store(&narrow, i * 2, ENTRY(1)), 0);
			else
				CHECK(mtree128_store(&wide, i * 2, ENTRY(1)) == 0);
		}
		mt_pool_stats(pool, &again);
		CHECK(again.bytes <= 2 * stats.bytes);
		mtree_destroy(&narrow);
		mtree128_destroy(&wide);
	}
	mt_fini(&narrow);
	mt128_fini(&wide);
	test_pool_end(pool);
}

/* A slab has the same addresses and numbers for nodes of either size, and twice as many of the
 * smaller ones. */
static void slabs_have_nodes_of_one_size(void)
{
	enum { SINGLE = MT_SLAB_PLACES - MT_SLAB_HEADER_PLACES, DOUBLE = SINGLE / 2 };
	struct maple_pool *pool = test_pool();
	struct maple_node *single[SINGLE + 1], *doubled[DOUBLE + 1];

	CHECK_EQ(mt_pool_alloc_single(pool, 1, single), 1);
	CHECK_EQ(mt_pool_alloc_double(pool, DOUBLE + 1, doubled), DOUBLE + 1);
	CHECK_EQ(mt_pool_alloc_single(pool, SINGLE, single + 1), SINGLE);
	CHECK_EQ(test_live(pool), SINGLE + DOUBLE + 2);
	for (unsigned i = 0; i < DOUBLE; i++) {
		CHECK(mt_slab_of(doubled[i]) == mt_slab_of(doubled[0]));
		CHECK_EQ((uintptr_t)doubled[i] % (2 * MT_PLACE_BYTES), 0);
		CHECK_EQ(mt_slab_index(doubled[i]), MT_SLAB_HEADER_PLACES + 2 * i);
		CHECK_EQ(mt_node_count_refs(doubled[i]), 1);
		memset((void *)doubled[i], 0xff, (size_t)2 * MT_PLACE_BYTES);
	}
	for (unsigned i = 0; i < SINGLE; i++) {
		CHECK(mt_slab_of(single[i]) == mt_slab_of(single[0]));
		CHECK_EQ(mt_slab_index(single[i]), MT_SLAB_HEADER_PLACES + i);
		memset((void *)single[i], 0xff, MT_PLACE_BYTES);
	}
	CHECK(mt_slab_of(single[0]) != mt_slab_of(doubled[0]));
	CHECK(mt_slab_of(single[SINGLE]) != mt_slab_of(single[0]));
	CHECK(mt_slab_of(doubled[DOUBLE]) != mt_slab_of(doubled[0]));
	mt_pool_free_bulk(pool, DOUBLE, doubled);
	CHECK(mt_pool_has_free(pool, doubled[0]));
	mt_pool_free_bulk(pool, 1, doubled + DOUBLE);
	/* The slabs that were theirs have room for the others. */
	CHECK_EQ(mt_pool_alloc_single(pool, 1, &doubled[0]), 1);
	mt_pool_free_bulk(pool, 1, doubled);
	mt_pool_free_bulk(pool, SINGLE + 1, single);
	test_pool_end(pool);
}

static const struct test_case cases[] = {
	{"the_first_free_network", the_first_free_network},
	{"covered_needs_129_bits", covered_needs_129_bits},
	{"both_words_count", both_words_count},
	{"keys_may_be_aligned_to_8_bytes", keys_may_be_aligned_to_8_bytes},
	{"one_pool_for_both_widths", one_pool_for_both_widths},
	{"slabs_have_nodes_of_one_size", slabs_have_nodes_of_one_size},
};

TEST_MAIN(cases)
