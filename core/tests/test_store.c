/* SPDX-License-Identifier: MIT */
/*
 * The normal interface against the oracle: stores, insertions, erasures and clears in random order,
 * with every look-up, and a check of the whole tree after each write. Also the corner cases that
 * random order seldom meets.
 */
#include "oracle.h"
#include "test.h"

#include "node.h"

#include <stdlib.h>
#include <string.h>

/* A stretch of cells: mostly short, sometimes long, sometimes everything. */
static void random_cells(const struct oracle *oracle, size_t *from, size_t *to)
{
	size_t width = 1;

	switch (test_below(16)) {
	case 0:
		width = 1 + test_below(oracle->cells);
		break;
	case 1:
	case 2:
		width = 1 + test_below(oracle->cells / 8 + 1);
		break;
	default:
		width = 1 + test_below(4);
	}
	*from = test_below(oracle->cells);
	*to = *from + width - 1;
	if (*to >= oracle->cells)
		*to = oracle->cells - 1;
}

static uint64_t random_word(void)
{
	static const uint64_t corners[] = {0, 1, UINT64_MAX, (uint64_t)1 << 63, 1027};

	return test_below(4) ? test_random() : corners[test_below(5)];
}

static void store_one(struct oracle *oracle, struct maple_tree *mt)
{
	uint64_t word = random_word();
	size_t from, to;

	random_cells(oracle, &from, &to);
	CHECK_EQ(mtree_store_range_word(mt, oracle_first(oracle, from), oracle_last(oracle, to),
					word),
		 0);
	oracle_store(oracle, from, to, word);
}

static void clear_one(struct oracle *oracle, struct maple_tree *mt)
{
	mt_key first, last;
	size_t from, to;

	random_cells(oracle, &from, &to);
	first = oracle_first(oracle, from);
	last = oracle_last(oracle, to);
	if (test_below(2))
		CHECK_EQ(mtree_clear_range(mt, first, last), 0);
	else
		CHECK_EQ(mtree_store_range(mt, first, last, NULL), 0);
	oracle_clear(oracle, from, to);
}

static void insert_one(struct oracle *oracle, struct maple_tree *mt)
{
	struct mt_entry way, occupied;
	uint64_t word = random_word();
	mt_key first, last;
	size_t from, to;
	bool free;

	random_cells(oracle, &from, &to);
	first = oracle_first(oracle, from);
	last = oracle_last(oracle, to);
	free = !oracle_occupied(oracle, from, to, &way);
	if (word && test_below(2)) {
		CHECK_EQ(mtree_insert_range(mt, first, last, ENTRY(word)), free ? 0 : -EEXIST);
	} else {
		CHECK_EQ(mtree_insert_range_word(mt, first, last, word, &occupied),
			 free ? 0 : -EEXIST);
		if (!free) {
			CHECK_EQ(occupied.first, way.first);
			CHECK_EQ(occupied.last, way.last);
			CHECK_EQ(occupied.word, way.word);
		}
	}
	if (free)
		oracle_store(oracle, from, to, word);
}

static void erase_one(struct oracle *oracle, struct maple_tree *mt)
{
	size_t cell = test_below(oracle->cells);
	struct mt_entry there;
	void *erased = mt;
	bool present = oracle_at(oracle, cell, &there);

	CHECK_EQ(mtree_erase(mt, oracle_key(oracle, cell), test_below(8) ? &erased : NULL), 0);
	if (erased != mt)
		CHECK_EQ((uintptr_t)erased, present ? there.word : 0);
	if (present)
		oracle_clear(oracle, oracle_low(oracle, cell), oracle_high(oracle, cell));
}

static void write_one(struct oracle *oracle, struct maple_tree *mt)
{
	switch (test_below(10)) {
	case 0:
	case 1:
	case 2:
	case 3:
		store_one(oracle, mt);
		break;
	case 4:
	case 5:
	case 6:
		insert_one(oracle, mt);
		break;
	case 7:
		clear_one(oracle, mt);
		break;
	default:
		erase_one(oracle, mt);
	}
}

/* Every look-up of the normal interface at one random cell. */
static void look_up_one(const struct oracle *oracle, struct maple_tree *mt)
{
	size_t cell = test_below(oracle->cells), low = oracle_low(oracle, cell),
	       high = oracle_high(oracle, cell);
	size_t max = cell + test_below(oracle->cells - cell), min = test_below(cell + 1);
	mt_key key = oracle_key(oracle, cell), index = key;
	uint64_t word = 0;
	struct mt_entry here, got, expected;
	bool present = oracle_at(oracle, cell, &here), found;
	void *entry;

	CHECK_EQ(mtree_load_word(mt, key, &word), present);
	if (present)
		CHECK_EQ(word, here.word);
	CHECK_EQ((uintptr_t)mtree_load(mt, key), present ? here.word : 0);

	CHECK_EQ(mtree_lookup(mt, key, &got), present);
	CHECK_EQ(got.first, here.first);
	CHECK_EQ(got.last, here.last);
	if (present)
		CHECK_EQ(got.word, here.word);

	found = oracle_find(oracle, cell, max, &expected);
	CHECK_EQ(mtree_find(mt, key, oracle_last(oracle, max), &got), found);
	if (found) {
		CHECK_EQ(got.first, expected.first);
		CHECK_EQ(got.last, expected.last);
		CHECK_EQ(got.word, expected.word);
	}
	entry = mt_find(mt, &index, oracle_last(oracle, max));
	CHECK_EQ((uintptr_t)entry, found ? expected.word : 0);
	if (found && expected.word)
		CHECK_EQ(index, expected.last + 1);

	found = oracle_find_rev(oracle, cell, min, &expected);
	CHECK_EQ(mtree_find_rev(mt, key, oracle_first(oracle, min), &got), found);
	if (found) {
		CHECK_EQ(got.first, expected.first);
		CHECK_EQ(got.last, expected.last);
		CHECK_EQ(got.word, expected.word);
	}

	found = high + 1 < oracle->cells &&
		oracle_find(oracle, high + 1, oracle->cells - 1, &expected);
	CHECK_EQ((uintptr_t)mt_next(mt, key, MT_KEY_MAX), found ? expected.word : 0);
	found = low > 0 && oracle_find_rev(oracle, low - 1, 0, &expected);
	CHECK_EQ((uintptr_t)mt_prev(mt, key, 0), found ? expected.word : 0);
}

static void against_oracle(size_t cells, bool random_widths, uint32_t flags, size_t steps)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	struct oracle oracle;

	mt_init_pool(&mt, flags, pool, NULL);
	if (random_widths)
		oracle_init_random(&oracle, cells);
	else
		oracle_init(&oracle, cells);
	while (steps--) {
		write_one(&oracle, &mt);
		CHECK_ORACLE(&oracle, &mt);
		look_up_one(&oracle, &mt);
	}
	mt_fini(&mt);
	oracle_fini(&oracle);
	test_pool_end(pool);
}

static void random_order(void)
{
	static const size_t cells[] = {60, 150, 400, 1200, 5000};
	size_t i, steps = test_steps(100000);

	for (i = 0; i < sizeof(cells) / sizeof(*cells); i++) {
		size_t share = steps / (8 + cells[i] / 100);

		against_oracle(cells[i], false, 0, share);
		against_oracle(cells[i], false, MT_FLAGS_ALLOC_RANGE, share);
		against_oracle(cells[i], true, 0, share);
		against_oracle(cells[i], true, MT_FLAGS_ALLOC_RANGE, share);
	}
}

/* One key at a time until every key has a value, then until none has: splits and merges at every
 * level. */
static void fill_and_drain(uint32_t flags, bool ascending_fill, bool ascending_drain)
{
	enum { CELLS = 900 };
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	struct oracle oracle;
	size_t i, cell;

	mt_init_pool(&mt, flags, pool, NULL);
	oracle_init(&oracle, CELLS);
	for (i = 0; i < CELLS; i++) {
		cell = ascending_fill ? i : CELLS - 1 - i;
		CHECK_EQ(mtree_insert_range(&mt, oracle_first(&oracle, cell),
					    oracle_last(&oracle, cell), ENTRY(i + 1)),
			 0);
		oracle_store(&oracle, cell, cell, i + 1);
		CHECK_ORACLE(&oracle, &mt);
	}
	for (i = 0; i < CELLS; i++) {
		cell = ascending_drain ? i : CELLS - 1 - i;
		CHECK_EQ(mtree_erase(&mt, oracle_key(&oracle, cell), NULL), 0);
		oracle_clear(&oracle, cell, cell);
		CHECK_ORACLE(&oracle, &mt);
	}
	CHECK(mtree_empty(&mt));
	CHECK_EQ(mt_height(&mt), 0);
	CHECK_EQ(test_live(pool), 0);
	mt_fini(&mt);
	oracle_fini(&oracle);
	test_pool_end(pool);
}

static void fill_and_drain_all_ways(void)
{
	unsigned way;

	for (way = 0; way < 8; way++)
		fill_and_drain(way & 1 ? MT_FLAGS_ALLOC_RANGE : 0, way & 2, way & 4);
}

/* A store over [from, to] of a tree of `cells` one-key entries, for spans from three ranges up to
 * whole subtrees. Then the same span is cleared. */
static void spanning(uint32_t flags, size_t cells)
{
	struct maple_pool *pool = test_pool();
	size_t from, width, i;

	for (width = 2; width < cells; width = width * 3 / 2 + 1) {
		for (from = 0; from + width <= cells; from += 1 + width / 3) {
			size_t to = from + width - 1;
			struct maple_tree mt, cleared;
			struct oracle oracle;

			mt_init_pool(&mt, flags, pool, NULL);
			oracle_init(&oracle, cells);
			for (i = 0; i < cells; i++) {
				CHECK_EQ(mtree_store_range_word(&mt, oracle_first(&oracle, i),
								oracle_last(&oracle, i), i),
					 0);
				oracle_store(&oracle, i, i, i);
			}
			mt_init_pool(&cleared, flags, pool, NULL);
			CHECK_EQ(mtree_dup(&mt, &cleared), 0);

			CHECK_EQ(mtree_store_range_word(&mt, oracle_first(&oracle, from),
							oracle_last(&oracle, to), 7),
				 0);
			oracle_store(&oracle, from, to, 7);
			CHECK_ORACLE(&oracle, &mt);

			CHECK_EQ(mtree_clear_range(&cleared, oracle_first(&oracle, from),
						   oracle_last(&oracle, to)),
				 0);
			oracle_clear(&oracle, from, to);
			CHECK_ORACLE(&oracle, &cleared);
			mt_fini(&mt);
			mt_fini(&cleared);
			oracle_fini(&oracle);
		}
	}
	test_pool_end(pool);
}

static void spanning_stores(void)
{
	spanning(0, 40);
	spanning(MT_FLAGS_ALLOC_RANGE, 40);
	spanning(0, 700);
	spanning(MT_FLAGS_ALLOC_RANGE, 700);
}

static void both_ends_of_the_key_space(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	struct mt_entry got;
	mt_key low, high;
	uint64_t word;

	mt_init_pool(&mt, 0, pool, NULL);
	CHECK_EQ(mtree_store(&mt, 0, ENTRY(1)), 0);
	CHECK_EQ(mtree_store(&mt, MT_KEY_MAX, ENTRY(2)), 0);
	CHECK_VALID(&mt);
	CHECK_EQ((uintptr_t)mtree_load(&mt, 0), 1);
	CHECK_EQ((uintptr_t)mtree_load(&mt, MT_KEY_MAX), 2);
	CHECK(!mtree_load(&mt, 1));
	CHECK(!mtree_load(&mt, MT_KEY_MAX - 1));
	CHECK(!mtree_lookup(&mt, 77, &got));
	CHECK_EQ(got.first, 1);
	CHECK_EQ(got.last, MT_KEY_MAX - 1);
	CHECK_EQ(mt_entries(&mt), 2);

	/* The whole space as one entry: the count of its keys needs the 65th bit. */
	CHECK_EQ(mtree_store_range_word(&mt, 0, MT_KEY_MAX, 0), 0);
	CHECK_VALID(&mt);
	CHECK_EQ(mt_entries(&mt), 1);
	mt_covered(&mt, &low, &high);
	CHECK_EQ(low, 0);
	CHECK_EQ(high, 1);
	CHECK(mtree_load_word(&mt, MT_KEY_MAX, &word));
	CHECK_EQ(word, 0);
	CHECK(mtree_lookup(&mt, 5, &got));
	CHECK_EQ(got.first, 0);
	CHECK_EQ(got.last, MT_KEY_MAX);

	/* A hole in it, and the hole filled. */
	CHECK_EQ(mtree_clear_range(&mt, 10, 19), 0);
	CHECK_VALID(&mt);
	CHECK_EQ(mt_entries(&mt), 2);
	mt_covered(&mt, &low, &high);
	CHECK_EQ(low, (mt_key)0 - 10);
	CHECK_EQ(high, 0);
	CHECK_EQ(mtree_insert_range(&mt, 10, 19, ENTRY(9)), 0);
	CHECK_EQ(mt_entries(&mt), 3);
	mt_covered(&mt, &low, &high);
	CHECK_EQ(low, 0);
	CHECK_EQ(high, 1);
	CHECK_EQ(mtree_clear_range(&mt, 0, MT_KEY_MAX), 0);
	CHECK(mtree_empty(&mt));
	CHECK_VALID(&mt);
	mt_fini(&mt);
	test_pool_end(pool);
}

static void find_walks_every_entry(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	mt_key index = 0, seen = 0;
	void *entry;

	mt_init_pool(&mt, 0, pool, NULL);
	for (uint64_t i = 0; i < 300; i++)
		CHECK_EQ(mtree_store_range(&mt, i * 10, i * 10 + 5, ENTRY(i + 1)), 0);
	/* The last entry ends at the largest key. There the index wraps to 0 and the loop must
	 * end. */
	CHECK_EQ(mtree_store_range(&mt, MT_KEY_MAX - 9, MT_KEY_MAX, ENTRY(301)), 0);
	mt_for_each (&mt, entry, index, MT_KEY_MAX) {
		seen++;
		CHECK_EQ((uintptr_t)entry, seen);
	}
	CHECK_EQ(seen, 301);
	CHECK_EQ(index, 0);
	CHECK(!mt_find_after(&mt, &index, MT_KEY_MAX));

	index = 13;
	CHECK_EQ((uintptr_t)mt_find(&mt, &index, 29), 2);
	CHECK_EQ(index, 16);
	CHECK_EQ((uintptr_t)mt_find(&mt, &index, 20), 3);
	CHECK_EQ(index, 26);
	CHECK(!mt_find(&mt, &index, 29));
	CHECK_EQ((uintptr_t)mt_next(&mt, 13, 20), 3);
	CHECK(!mt_next(&mt, 13, 19));
	CHECK_EQ((uintptr_t)mt_next(&mt, 17, 20), 3);
	CHECK_EQ((uintptr_t)mt_prev(&mt, 13, 5), 1);
	CHECK(!mt_prev(&mt, 13, 6));
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Every refusal, which must change nothing. */
static void bad_arguments(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, before;
	mt_key start = 42, next = 1;

	mt_init_pool(&mt, 0, pool, NULL);
	mt_init_pool(&before, 0, pool, NULL);
	CHECK_EQ(mtree_store_range(&mt, 10, 20, ENTRY(1)), 0);
	CHECK_EQ(mtree_dup(&mt, &before), 0);

	CHECK_EQ(mtree_store_range(&mt, 9, 8, ENTRY(2)), -EINVAL);
	CHECK_EQ(mtree_store_range(&mt, MT_KEY_MAX, 0, NULL), -EINVAL);
	CHECK_EQ(mtree_store_range_word(&mt, 9, 8, 2), -EINVAL);
	CHECK_EQ(mtree_clear_range(&mt, 20, 10), -EINVAL);
	CHECK_EQ(mtree_insert_range(&mt, 9, 8, ENTRY(2)), -EINVAL);
	CHECK_EQ(mtree_insert_range_word(&mt, 9, 8, 2, NULL), -EINVAL);
	/* No gaps are tracked. */
	CHECK_EQ(mtree_alloc_range(&mt, &start, ENTRY(2), 1, 0, 100), -EINVAL);
	CHECK_EQ(mtree_alloc_rrange(&mt, &start, ENTRY(2), 1, 0, 100), -EINVAL);
	CHECK_EQ(mtree_alloc_cyclic(&mt, &start, ENTRY(2), 0, 100, &next), -EINVAL);
	CHECK_EQ(mt_empty_area(&mt, 0, 100, 1, 1, 0, false, &start), -EINVAL);
	CHECK_EQ(start, 42);
	CHECK_VALID(&mt);
	CHECK_SAME_NODES(&mt, &before);
	mt_fini(&mt);
	mt_fini(&before);
	test_pool_end(pool);
}

static void default_pool_and_static_trees(void)
{
	DEFINE_MTREE(mt);
	struct maple_tree other;
	size_t live = test_live(NULL);

	CHECK_EQ(mtree_store_range(&mt, 3, 7, ENTRY(1)), 0);
	CHECK_EQ(test_live(NULL), live + 1);
	mt_init(&other);
	CHECK_EQ(mtree_dup(&mt, &other), 0);
	CHECK_SAME_NODES(&mt, &other);
	CHECK_EQ(test_live(NULL), live + 2);
	mtree_destroy(&mt);
	mtree_destroy(&other);
	CHECK_EQ(test_live(NULL), live);
}

/* A tree with a value at each of the 2^64 keys: the counts need their high word, and lose it
 * again. */
static void every_key_has_a_value(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	mt_key low, high, entries, i, first, last;

	for (entries = 1; entries < 600; entries = entries * 2 + 1) {
		for (first = 5; first < entries * 10; first = first * 3) {
			mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
			for (i = 0; i < entries; i++) {
				last = i + 1 < entries ? i * 10 + 9 : MT_KEY_MAX;
				CHECK_EQ(mtree_store_range_word(&mt, i * 10, last, i), 0);
			}
			/* Many entries become one; then that one is erased; then everything becomes
			 * one. */
			last = first + entries / 2 * 10 + 3;
			CHECK_EQ(mtree_store_range_word(&mt, first, last, 7), 0);
			mt_covered(&mt, &low, &high);
			CHECK_EQ(low, 0);
			CHECK_EQ(high, 1);
			CHECK_VALID(&mt);
			CHECK_EQ(mtree_clear_range(&mt, first, last), 0);
			mt_covered(&mt, &low, &high);
			CHECK_EQ(low, 0 - (last - first + 1));
			CHECK_EQ(high, 0);
			CHECK_VALID(&mt);
			CHECK_EQ(mtree_store_range_word(&mt, 0, MT_KEY_MAX, 8), 0);
			CHECK_EQ(mtree_store_range_word(&mt, 0, MT_KEY_MAX, 9), 0);
			mt_covered(&mt, &low, &high);
			CHECK_EQ(low, 0);
			CHECK_EQ(high, 1);
			CHECK_EQ(mtree_clear_range(&mt, 0, MT_KEY_MAX), 0);
			CHECK(mtree_empty(&mt));
			mt_fini(&mt);
		}
	}
	test_pool_end(pool);
}

/* Loads in ascending order leave all nodes full, except the last of each level, which may have only
 * one slot. Such trees stay valid when they are erased from either end, or from both. */
static void ascending_loads_fill_all_levels(void)
{
	uint64_t entries, i, low, high;
	uint32_t flags;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		uint64_t fan_out = flags ? MT_NARROW_SLOTS : MT_WIDE_SLOTS;

		for (entries = 1; entries < 3000; entries += 1 + entries / 3) {
			struct maple_pool *pool = test_pool();
			struct maple_tree mt, fork;
			uint64_t level = (2 * entries + MT_WIDE_SLOTS - 2) / (MT_WIDE_SLOTS - 1);
			uint64_t most = level;

			mt_init_pool(&mt, flags, pool, NULL);
			for (i = 0; i < entries; i++)
				CHECK_EQ(mtree_store_range(&mt, i * 10, i * 10 + 5, ENTRY(i + 1)),
					 0);
			CHECK_VALID(&mt);
			for (; level > 1; most += level)
				level = (level + fan_out - 1) / fan_out;
			CHECK(mt_node_count(&mt) <= most + 2 * mt_height(&mt));
			for (low = 0, high = entries; low < high;) {
				test_fork(&mt, &fork);
				i = test_below(2) ? low++ : --high;
				CHECK_EQ(mtree_erase(&mt, i * 10, NULL), 0);
				if (entries < 300)
					CHECK_VALID(&mt);
				/* A second time, in nodes that are private by now. */
				if (test_below(2) && low < high) {
					i = test_below(2) ? low++ : --high;
					CHECK_EQ(mtree_erase(&mt, i * 10, NULL), 0);
				}
				mt_fini(&fork);
			}
			CHECK(mtree_empty(&mt));
			mt_fini(&mt);
			test_pool_end(pool);
		}
	}
}

/* A leaf that overflows shares with a neighbour, on either side, and takes no node for it. */
static void an_overflow_is_shared(void)
{
	enum { HALF = MT_WIDE_SLOTS / 2, COUNT = 8 * HALF, AT = 3 * HALF * 10 };
	uint32_t flags;
	int side;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		for (side = -1; side <= 1; side++) {
			struct maple_pool *pool = test_pool();
			struct maple_tree mt, fork;
			uint64_t allocated, i, word;

			mt_init_pool(&mt, flags, pool, NULL);
			/* As many gaps as entries fill a leaf. */
			for (i = 0; i < COUNT; i++)
				CHECK_EQ(mtree_store_range_word(&mt, i * 10, i * 10 + 4, i), 0);
			for (i = 1; side && i < 7; i += i == 5 ? 1 : 2)
				CHECK_EQ(mtree_erase(&mt, ((uint64_t)(3 + side) * HALF + i) * 10,
						     NULL),
					 0);
			allocated = test_allocated(pool);
			CHECK_EQ(mtree_store_range_word(&mt, AT + 37, AT + 37, 1000), 0);
			CHECK_EQ(test_allocated(pool) - allocated, side == 0);
			CHECK_VALID(&mt);
			for (i = 0; i < COUNT; i++) {
				bool erased = side && i / HALF == (uint64_t)(3 + side) &&
					      (0x6a >> i % HALF & 1);

				CHECK_EQ(mtree_load_word(&mt, i * 10 + 4, &word), !erased);
				CHECK(erased || word == i);
			}
			CHECK(mtree_load_word(&mt, AT + 37, &word));
			CHECK_EQ(word, 1000);

			/* Not with a leaf that another tree reads. */
			mt_fork(&mt, &fork);
			CHECK_EQ(mtree_store_range_word(&fork, AT + 10, AT + 10, 1), 0);
			for (i = 0; i < 20; i++)
				CHECK_EQ(mtree_store_range_word(&fork, AT + 11 + 2 * i,
								AT + 11 + 2 * i, i),
					 0);
			CHECK_VALID(&fork);
			CHECK(mtree_load_word(&mt, AT + 37, &word));
			CHECK_EQ(word, 1000);
			CHECK_EQ(mt_entries(&mt), COUNT + (side ? 1 - 4 : 1));
			mt_fini(&fork);
			mt_fini(&mt);
			test_pool_end(pool);
		}
	}
}

static const struct test_case cases[] = {
	{"an_overflow_is_shared", an_overflow_is_shared},
	{"random_order", random_order},
	{"fill_and_drain_all_ways", fill_and_drain_all_ways},
	{"ascending_loads_fill_all_levels", ascending_loads_fill_all_levels},
	{"spanning_stores", spanning_stores},
	{"both_ends_of_the_key_space", both_ends_of_the_key_space},
	{"find_walks_every_entry", find_walks_every_entry},
	{"bad_arguments", bad_arguments},
	{"default_pool_and_static_trees", default_pool_and_static_trees},
	{"every_key_has_a_value", every_key_has_a_value},
};

TEST_MAIN(cases)
