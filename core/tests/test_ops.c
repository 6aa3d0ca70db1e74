/* SPDX-License-Identifier: MIT */
/*
 * Value operations: references balance exactly, whatever is written; neighbours coalesce if equal()
 * says so; cut values are split; and nothing is released before the tree is whole.
 */
#include "oracle.h"
#include "test.h"

#include <stdlib.h>

enum { WORDS = 64, CELLS = 300 };

/* One reference for each entry with the word. This is exact for trees that share no node. */
static void check_references(const struct test_counts *counts, const struct oracle *oracle)
{
	uint64_t expected[WORDS] = {0};
	size_t cell;

	for (cell = 0; cell < oracle->cells; cell = oracle_high(oracle, cell) + 1) {
		if (oracle->range[cell])
			expected[oracle->word[cell]]++;
	}
	for (cell = 0; cell < WORDS; cell++)
		CHECK_EQ(counts->references[cell], expected[cell]);
}

static void write_one(struct oracle *oracle, struct maple_tree *mt)
{
	size_t low = test_below(oracle->cells), high = low + test_below(test_below(8) ? 5 : 100);
	uint64_t word = test_below(oracle->coalesces ? 4 : WORDS);
	mt_key first, last;
	struct mt_entry way;

	if (high >= oracle->cells)
		high = oracle->cells - 1;
	first = oracle_first(oracle, low);
	last = oracle_last(oracle, high);
	switch (test_below(8)) {
	case 0:
		CHECK_EQ(mtree_clear_range(mt, first, last), 0);
		oracle_clear(oracle, low, high);
		break;
	case 1:
	case 2:
		CHECK_EQ(mtree_erase(mt, first, NULL), 0);
		if (oracle->range[low])
			oracle_clear(oracle, oracle_low(oracle, low), oracle_high(oracle, low));
		break;
	case 3:
		if (mtree_insert_range_word(mt, first, last, word, &way) == 0)
			oracle_store(oracle, low, high, word);
		break;
	default:
		CHECK_EQ(mtree_store_range_word(mt, first, last, word), 0);
		oracle_store(oracle, low, high, word);
	}
}

static bool words_equal(void *context, const struct mt_entry *left, const struct mt_entry *right)
{
	(void)context;
	CHECK_EQ(left->last + 1, right->first);
	return left->word == right->word;
}

static void random_writes(uint32_t flags, bool coalesces)
{
	struct maple_pool *pool = test_pool();
	struct test_counts counts;
	struct mt_value_ops ops = test_count_ops(&counts);
	size_t steps = test_steps(40000) / 4;
	struct maple_tree mt, copy;
	struct oracle oracle;

	test_counts_init(&counts, WORDS);
	if (coalesces)
		ops.equal = words_equal;
	mt_init_pool(&mt, flags, pool, &ops);
	oracle_init(&oracle, CELLS);
	oracle.coalesces = coalesces;
	while (steps--) {
		write_one(&oracle, &mt);
		CHECK_ORACLE(&oracle, &mt);
		check_references(&counts, &oracle);
	}
	/* A duplicate takes one reference for each entry of its own. */
	mt_init_pool(&copy, flags, pool, &ops);
	CHECK_EQ(mtree_dup(&mt, &copy), 0);
	CHECK_EQ(counts.total, 2 * mt_entries(&mt));
	mtree_destroy(&mt);
	CHECK(mtree_empty(&mt));
	check_references(&counts, &oracle);
	mt_fini(&copy);
	mt_fini(&mt);
	test_counts_end(&counts);
	oracle_fini(&oracle);
	test_pool_end(pool);
}

static void references_balance(void)
{
	random_writes(0, false);
	random_writes(MT_FLAGS_ALLOC_RANGE, false);
}

static void equal_neighbours_coalesce(void)
{
	random_writes(0, true);
	random_writes(MT_FLAGS_ALLOC_RANGE, true);
}

static int merge_equal_words(void *context, const struct mt_entry *left,
			     const struct mt_entry *right, const struct mt_entry *stored,
			     uint64_t *word)
{
	size_t *asked = context;

	CHECK(stored == left || stored == right);
	++*asked;
	*word = left->word;
	return left->word == right->word;
}

/* Numbers that merge if they are equal: in nodes of its own the tree compares them itself, even
 * with the leaves next to it. */
static void equal_numbers_coalesce(void)
{
	struct maple_pool *pool = test_pool();
	size_t asked = 0, before = 0, steps = test_steps(40000) / 4, cell, i;
	struct mt_value_ops ops = {
		.merge = merge_equal_words, .merge_equal = true, .context = &asked};
	uint32_t flags;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		struct maple_tree mt, fork;
		struct oracle oracle;

		mt_init_pool(&mt, flags, pool, &ops);
		oracle_init(&oracle, CELLS);
		oracle.coalesces = true;
		for (i = 0; i < steps; i++) {
			/* From here on, some leaves are shared. */
			if (i == steps / 2)
				before = asked;
			if (i >= steps / 2 && i % 64 == 0)
				test_fork(&mt, &fork);
			write_one(&oracle, &mt);
			/* Each cell a word of its own or its neighbour's, so that many are alone. */
			cell = test_below(CELLS);
			CHECK_EQ(mtree_store_range_word(&mt, oracle_first(&oracle, cell),
							oracle_last(&oracle, cell), cell / 2 * 2),
				 0);
			oracle_store(&oracle, cell, cell, cell / 2 * 2);
			CHECK_ORACLE(&oracle, &mt);
			if (i >= steps / 2 && i % 64 == 0)
				mt_fini(&fork);
		}
		/* Only those beside a leaf that may merge go the long way. */
		CHECK(before < steps);
		asked = before = 0;
		mt_fini(&mt);
		oracle_fini(&oracle);
	}
	test_pool_end(pool);
}

static void equal_numbers_stay_apart(void)
{
	struct maple_pool *pool = test_pool();
	size_t asked = 0;
	struct mt_value_ops ops = {
		.merge = merge_equal_words, .merge_equal = true, .context = &asked};
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, &ops);
	CHECK_EQ(mtree_store_range_word(&mt, 10, 19, 1), 0);
	MA_STATE(mas, &mt, 20, 29);
	CHECK_EQ(mas_store_apart_word(&mas, 1), 0);
	CHECK_EQ(mt_entries(&mt), 2);
	CHECK_EQ(mtree_store_range_word(&mt, 20, 29, 1), 0);
	CHECK_EQ(mt_entries(&mt), 1);
	CHECK_EQ(asked, 0);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Each number in turn becomes equal to the one before it and to the one behind, which may be in
 * another leaf, below the same node or another one. */
static void equal_numbers_in_a_large_tree(void)
{
	enum { RANGES = 2000 };
	struct maple_pool *pool = test_pool();
	size_t asked = 0;
	struct mt_value_ops ops = {
		.merge = merge_equal_words, .merge_equal = true, .context = &asked};
	struct mt_entry entry;
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, &ops);
	for (uint64_t i = 0; i < RANGES; i++)
		CHECK_EQ(mtree_store_range_word(&mt, i * 10, i * 10 + 9, i), 0);
	CHECK(mt_height(&mt) >= 3);
	for (uint64_t i = 1; i < RANGES - 1; i++) {
		for (uint64_t word = i - 1; word <= i + 1; word += 2) {
			CHECK_EQ(mtree_store_range_word(&mt, i * 10, i * 10 + 9, word), 0);
			CHECK_EQ(mt_entries(&mt), RANGES - 1);
			CHECK(mtree_lookup(&mt, i * 10, &entry));
			CHECK_EQ(entry.first, word < i ? i * 10 - 10 : i * 10);
			CHECK_EQ(entry.last, entry.first + 19);
			CHECK_EQ(mtree_store_range_word(&mt, i * 10, i * 10 + 9, i), 0);
			CHECK_EQ(mt_entries(&mt), RANGES);
		}
	}
	CHECK_VALID(&mt);
	mt_fini(&mt);
	test_pool_end(pool);
}

static bool same_last_digit(void *context, const struct mt_entry *left,
			    const struct mt_entry *right)
{
	(void)context;
	return left->word % 10 == right->word % 10;
}

/* The union of two values that are equal but not identical keeps the word on the left, with its
 * reference. */
static void unions_keep_the_left_word(void)
{
	struct maple_pool *pool = test_pool();
	struct test_counts counts;
	struct mt_value_ops ops = test_count_ops(&counts);
	struct maple_tree mt;
	struct mt_entry got;

	test_counts_init(&counts, 100);
	ops.equal = same_last_digit;
	mt_init_pool(&mt, 0, pool, &ops);
	CHECK_EQ(mtree_store_range_word(&mt, 10, 19, 11), 0);
	CHECK_EQ(mtree_store_range_word(&mt, 30, 39, 31), 0);
	CHECK_EQ(mtree_store_range_word(&mt, 40, 49, 41), 0);
	CHECK(mtree_lookup(&mt, 45, &got));
	CHECK_EQ(got.first, 30);
	CHECK_EQ(got.last, 49);
	CHECK_EQ(got.word, 31);
	/* Between the two: the stored value joins the left one, and the right one joins both. */
	CHECK_EQ(mtree_store_range_word(&mt, 20, 29, 21), 0);
	CHECK(mtree_lookup(&mt, 45, &got));
	CHECK_EQ(got.first, 10);
	CHECK_EQ(got.last, 49);
	CHECK_EQ(got.word, 11);
	CHECK_EQ(counts.total, 1);
	CHECK_EQ(counts.references[11], 1);
	/* Before an equal one. */
	CHECK_EQ(mtree_store_range_word(&mt, 5, 9, 1), 0);
	CHECK(mtree_lookup(&mt, 45, &got));
	CHECK_EQ(got.first, 5);
	CHECK_EQ(got.word, 1);
	CHECK_EQ(counts.total, 1);
	CHECK_VALID(&mt);
	mt_fini(&mt);
	test_counts_end(&counts);
	test_pool_end(pool);
}

/* ---- split: values that know where they begin ------------------------------------------------ */

/* Value number w stands for `offset[w]` at the first key of its entry, and rises with the key. */
struct offsets {
	struct test_counts counts; /* first: the context that the counting operations expect */
	uint64_t *offset;
	size_t used;
	size_t limit;
	size_t fail; /* the n-th split from now fails; 0: none */
};

static uint64_t new_offset(struct offsets *offsets, uint64_t offset)
{
	CHECK(offsets->used < offsets->limit);
	offsets->offset[offsets->used] = offset;
	return offsets->used++;
}

static int split_offset(void *context, const struct mt_entry *whole, mt_key first, mt_key last,
			uint64_t *piece)
{
	struct offsets *offsets = context;

	CHECK(first >= whole->first && last <= whole->last && first <= last);
	CHECK(first > whole->first || last < whole->last);
	CHECK(offsets->counts.references[whole->word] > 0);
	if (offsets->fail && --offsets->fail == 0)
		return -ENOMEM;
	*piece = new_offset(offsets, offsets->offset[whole->word] + (first - whole->first));
	/* The piece comes with the reference that the tree now owns. */
	offsets->counts.references[*piece]++;
	offsets->counts.total++;
	return 0;
}

/* Two values merge if their offsets continue each other: the offset of key 0 is then equal. */
static int merge_offsets(void *context, const struct mt_entry *left, const struct mt_entry *right,
			 const struct mt_entry *stored, uint64_t *word)
{
	struct offsets *offsets = context;

	CHECK(stored == left || stored == right);
	CHECK(left->first <= right->first || left->last <= right->last);
	CHECK(right->first <= left->last + 1);
	if (offsets->offset[left->word] - left->first !=
	    offsets->offset[right->word] - right->first)
		return 0;
	if (offsets->fail && --offsets->fail == 0)
		return -ENOMEM;
	*word = new_offset(offsets, offsets->offset[left->word]);
	offsets->counts.references[*word]++;
	offsets->counts.total++;
	return 1;
}

static void check_offsets(const struct oracle *oracle, struct maple_tree *mt,
			  const struct offsets *offsets)
{
	struct ma_state mas;

	CHECK_VALID(mt);
	mas_init(&mas, mt, 0);
	while (mas_find_word(&mas, MT_KEY_MAX, false)) {
		size_t cell = oracle_cell(oracle, mas.index);

		CHECK(oracle->range[cell]);
		CHECK_EQ(oracle_first(oracle, oracle_low(oracle, cell)), mas.index);
		CHECK_EQ(oracle_last(oracle, oracle_high(oracle, cell)), mas.last);
		/* The oracle keeps the offset that key 0 would have. */
		CHECK_EQ(offsets->offset[mas.word], oracle->word[cell] + mas.index);
	}
	CHECK_EQ(offsets->counts.total, mt_entries(mt));
}

static void random_offsets(bool merges)
{
	struct maple_pool *pool = test_pool();
	size_t step, steps = test_steps(6000);
	struct offsets offsets = {.used = 0};
	struct mt_value_ops ops;
	struct maple_tree mt, before, fork, slice;
	struct oracle oracle, sliced;
	uint64_t word;

	offsets.limit = steps * 12 + 16;
	offsets.offset = test_array(offsets.limit, sizeof(*offsets.offset));
	test_counts_init(&offsets.counts, offsets.limit);
	ops = test_count_ops(&offsets.counts);
	ops.split = split_offset;
	if (merges)
		ops.merge = merge_offsets;
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, &ops);
	oracle_init(&oracle, CELLS);
	oracle.coalesces = merges;
	for (step = 0; step < steps; step++) {
		size_t low = test_below(CELLS - 1), high = low + test_below(30);
		size_t failing = test_below(3);
		bool starved = test_below(4) == 0;
		int got;

		if (high >= CELLS - 1)
			high = CELLS - 2;
		/* Few different offsets of key 0, so that neighbours often continue each other. */
		word = new_offset(&offsets, low + (merges ? test_below(3) : test_random()));
		mt_init_pool(&before, MT_FLAGS_ALLOC_RANGE, pool, &ops);
		CHECK_EQ(mtree_dup(&mt, &before), 0);
		/* A shared path is copied, which needs nodes. */
		test_fork(&mt, &fork);
		offsets.fail = failing;
		mt_pool_fail_nth(pool, starved);
		if (test_below(4))
			got = mtree_store_range_word(&mt, low, high, word);
		else {
			got = mtree_clear_range(&mt, low, high);
			word = UINT64_MAX;
		}
		if (got) {
			/* A split failed, or there were no nodes: nothing has changed. */
			CHECK_EQ(got, -ENOMEM);
			CHECK(starved || (failing && offsets.fail == 0));
			CHECK_SAME_NODES(&mt, &before);
		} else if (word == UINT64_MAX) {
			oracle_clear(&oracle, low, high);
		} else {
			oracle_store(&oracle, low, high, offsets.offset[word] - low);
		}
		offsets.fail = 0;
		mt_pool_fail_nth(pool, 0);
		mt_fini(&fork);
		mt_fini(&before);
		check_offsets(&oracle, &mt, &offsets);
	}

	/* A slice cuts at both ends. */
	for (step = 0; step < 50; step++) {
		size_t low = test_below(CELLS - 1), high = low + test_below(CELLS - 1 - low);

		CHECK_EQ(mt_slice(&mt, low, high, &slice), 0);
		CHECK_VALID(&slice);
		oracle_copy(&oracle, &sliced);
		if (low)
			oracle_clear(&sliced, 0, low - 1);
		oracle_clear(&sliced, high + 1, CELLS - 1);
		for (size_t cell = low; cell <= high; cell++) {
			struct mt_entry got;

			CHECK_EQ(mtree_lookup(&slice, cell, &got), sliced.range[cell] != 0);
			if (sliced.range[cell])
				CHECK_EQ(offsets.offset[got.word], sliced.word[cell] + got.first);
		}
		CHECK(!mtree_find(&slice, high + 1, MT_KEY_MAX, &(struct mt_entry){0}));
		mt_fini(&slice);
		oracle_fini(&sliced);
	}
	check_offsets(&oracle, &mt, &offsets);
	mt_fini(&mt);
	test_counts_end(&offsets.counts);
	free(offsets.offset);
	oracle_fini(&oracle);
	test_pool_end(pool);
}

/* ---- releases that call back ----------------------------------------------------------------- */

struct caller {
	struct test_counts counts; /* first, as above */
	struct maple_tree *mt;
	struct maple_tree *other;
	size_t calls;
	unsigned depth;
	void (*count_release)(void *context, const uint64_t *words, uint32_t present);
};

/* Sees a whole tree at every release, reads it, and writes to it and to another one. */
static void release_and_call_back(void *context, const uint64_t *words, uint32_t present)
{
	struct caller *caller = context;
	struct mt_entry entry;
	mt_key key = 1000 + test_below(500);

	caller->count_release(&caller->counts, words, present);
	caller->calls++;
	CHECK_VALID(caller->mt);
	CHECK_VALID(caller->other);
	mtree_find(caller->mt, 0, MT_KEY_MAX, &entry);
	if (caller->depth >= 3)
		return;
	caller->depth++;
	CHECK_EQ(mtree_store_range_word(caller->mt, key, key + test_below(40), caller->depth), 0);
	CHECK_EQ(mtree_store_range_word(caller->other, key, key + test_below(40), caller->depth),
		 0);
	CHECK_VALID(caller->mt);
	caller->depth--;
}

static void release_finds_a_whole_tree(void)
{
	struct maple_pool *pool = test_pool();
	struct caller caller = {.calls = 0};
	struct maple_tree mt, other, fork;
	size_t step, steps = test_steps(3000);
	struct mt_value_ops ops;

	test_counts_init(&caller.counts, WORDS);
	ops = test_count_ops(&caller.counts);
	caller.count_release = ops.release;
	ops.release = release_and_call_back;
	caller.mt = &mt;
	caller.other = &other;
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, &ops);
	mt_init_pool(&other, 0, pool, &ops);
	for (step = 0; step < steps; step++) {
		mt_key first = test_below(1000), last = first + test_below(20);

		switch (test_below(16)) {
		case 0:
			/* A spanning store drops many values at once. */
			CHECK_EQ(mtree_store_range_word(&mt, first / 2, first, step % WORDS), 0);
			break;
		case 1:
			CHECK_EQ(mtree_erase(&mt, first, NULL), 0);
			break;
		case 2:
			CHECK_EQ(mtree_clear_range(&mt, first, last), 0);
			break;
		case 3:
			/* A tree that loses its last sharer releases too. */
			test_fork(&mt, &fork);
			CHECK_EQ(mtree_store_range_word(&fork, first, last, step % WORDS), 0);
			mt_fini(&fork);
			break;
		default:
			CHECK_EQ(mtree_store_range_word(&mt, first, last, step % WORDS), 0);
		}
		CHECK_VALID(&mt);
	}
	CHECK(caller.calls > steps / 8);
	/* Destroying: the releases see an empty tree, and fill it again. */
	mtree_destroy(&other);
	mtree_destroy(&mt);
	CHECK_VALID(&mt);
	caller.depth = 3;
	mt_fini(&mt);
	mt_fini(&other);
	test_counts_end(&caller.counts);
	test_pool_end(pool);
}

/* Leaves that overflow, are shared out and split release the entries that were cut: their pieces
 * are other values. */
static void cut_entries_end_in_leaves_that_overflow(void)
{
	enum { ENTRIES = 400, LIMIT = 8 * ENTRIES };
	struct maple_pool *pool = test_pool();
	struct offsets offsets = {.limit = LIMIT};
	struct mt_value_ops ops;
	struct maple_tree mt;
	uint64_t i;

	offsets.offset = test_array(LIMIT, sizeof(*offsets.offset));
	test_counts_init(&offsets.counts, LIMIT);
	ops = test_count_ops(&offsets.counts);
	ops.split = split_offset;
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, &ops);
	for (i = 0; i < ENTRIES; i++)
		CHECK_EQ(mtree_store_range_word(&mt, i * 10, i * 10 + 9, new_offset(&offsets, 0)),
			 0);
	for (i = 0; i < ENTRIES; i++) {
		uint64_t at = test_below(ENTRIES) * 10;

		CHECK_EQ(mtree_store_range_word(&mt, at + 3, at + (i % 2 ? 5 : 9),
						new_offset(&offsets, 0)),
			 0);
		CHECK_VALID(&mt);
		CHECK_EQ(offsets.counts.total, mt_entries(&mt));
	}
	mt_fini(&mt);
	test_counts_end(&offsets.counts);
	free(offsets.offset);
	test_pool_end(pool);
}

/* Writing the tree from inside retain, equal or split is refused and harmless. */
static int refused;

static bool equal_that_writes(void *context, const struct mt_entry *left,
			      const struct mt_entry *right)
{
	(void)left;
	(void)right;
	refused = mas_store_word(context, 99);
	return false;
}

static int split_that_writes(void *context, const struct mt_entry *whole, mt_key first, mt_key last,
			     uint64_t *piece)
{
	(void)first;
	(void)last;
	*piece = whole->word;
	refused = mas_store_word(context, 99);
	return 0;
}

/* Also by a cursor that stands on an entry, where only its word would be replaced. */
static void writes_from_inside_are_refused(void)
{
	struct maple_pool *pool = test_pool();
	struct ma_state inner;
	struct mt_value_ops ops[] = {
		{.equal = equal_that_writes, .context = &inner},
		{.split = split_that_writes, .context = &inner},
	};
	unsigned which, stands;

	for (which = 0; which < 2; which++) {
		for (stands = 0; stands < 2; stands++) {
			struct maple_tree mt;
			uint64_t word;

			mt_init_pool(&mt, MT_FLAGS_LOCK_EXTERN, pool, &ops[which]);
			CHECK_EQ(mtree_store_range_word(&mt, 0, 9, 1), 0);
			mas_init(&inner, &mt, 3);
			if (stands)
				CHECK(mas_walk_word(&inner));
			refused = 0;
			CHECK_EQ(mtree_store_range_word(&mt, which ? 5 : 10, 19, 2), 0);
			CHECK_EQ(refused, -EBUSY);
			CHECK_VALID(&mt);
			CHECK(mtree_load_word(&mt, 3, &word));
			CHECK_EQ(word, 1);
			CHECK(mtree_load_word(&mt, 10, &word));
			CHECK_EQ(word, 2);
			mt_fini(&mt);
		}
	}
	test_pool_end(pool);
}

/* The word of the union is that of the entry that is being stored. */
static int keep_stored(void *context, const struct mt_entry *left, const struct mt_entry *right,
		       const struct mt_entry *stored, uint64_t *word)
{
	(void)context;
	CHECK(stored == left || stored == right);
	CHECK(stored->word == 9);
	CHECK_EQ(right->first, left->last + 1);
	*word = stored->word;
	return 1;
}

/* On either side, and on both, where the entry that is stored has merged once already. */
static void merge_is_told_which_one_is_stored(void)
{
	struct maple_pool *pool = test_pool();
	struct mt_value_ops ops = {.merge = keep_stored};
	struct maple_tree mt;
	struct mt_entry got;
	unsigned sides;

	for (sides = 1; sides < 4; sides++) {
		mt_init_pool(&mt, 0, pool, &ops);
		if (sides & 1)
			CHECK_EQ(mtree_store_range_word(&mt, 0, 9, 1), 0);
		if (sides & 2)
			CHECK_EQ(mtree_store_range_word(&mt, 20, 29, 2), 0);
		CHECK_EQ(mtree_store_range_word(&mt, 10, 19, 9), 0);
		CHECK_EQ(mt_entries(&mt), 1);
		CHECK(mtree_lookup(&mt, 15, &got));
		CHECK_EQ(got.first, sides & 1 ? 0 : 10);
		CHECK_EQ(got.last, sides & 2 ? 29 : 19);
		CHECK_EQ(got.word, 9);
		mt_fini(&mt);
	}
	test_pool_end(pool);
}

static void cut_values_are_split(void)
{
	random_offsets(false);
}

static void neighbours_merge(void)
{
	random_offsets(true);
}

static const struct test_case cases[] = {
	{"references_balance", references_balance},
	{"equal_neighbours_coalesce", equal_neighbours_coalesce},
	{"equal_numbers_coalesce", equal_numbers_coalesce},
	{"equal_numbers_stay_apart", equal_numbers_stay_apart},
	{"equal_numbers_in_a_large_tree", equal_numbers_in_a_large_tree},
	{"unions_keep_the_left_word", unions_keep_the_left_word},
	{"cut_values_are_split", cut_values_are_split},
	{"neighbours_merge", neighbours_merge},
	{"merge_is_told_which_one_is_stored", merge_is_told_which_one_is_stored},
	{"cut_entries_end_in_leaves_that_overflow", cut_entries_end_in_leaves_that_overflow},
	{"release_finds_a_whole_tree", release_finds_a_whole_tree},
	{"writes_from_inside_are_refused", writes_from_inside_are_refused},
};

TEST_MAIN(cases)
