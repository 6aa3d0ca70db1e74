/* SPDX-License-Identifier: MIT */
/*
 * Forks that share nodes. Each member of a family behaves as if it were alone, whoever writes,
 * forks or ends first. Also slices, differences, set operations, and a family's references, counted
 * exactly.
 */
#include "diff.h"
#include "oracle.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

enum { CELLS = 400, WORDS = 4096 };

static void random_store(struct oracle *oracle, struct maple_tree *mt)
{
	size_t low = test_below(oracle->cells), high = low + test_below(test_below(8) ? 4 : 80);
	uint64_t word = test_below(WORDS);

	if (high >= oracle->cells)
		high = oracle->cells - 1;
	if (test_below(4)) {
		CHECK_EQ(mtree_store_range_word(mt, oracle_first(oracle, low),
						oracle_last(oracle, high), word),
			 0);
		oracle_store(oracle, low, high, word);
	} else {
		CHECK_EQ(
			mtree_clear_range(mt, oracle_first(oracle, low), oracle_last(oracle, high)),
			0);
		oracle_clear(oracle, low, high);
	}
}

static void grow(struct oracle *oracle, struct maple_tree *mt, size_t stores)
{
	while (stores--)
		random_store(oracle, mt);
}

/* A fork takes no node. Each write on either side is visible only on that side. */
static void forks_diverge(uint32_t flags)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork;
	struct oracle oracle, forked;
	size_t step, steps = test_steps(6000);
	uint64_t allocated;

	mt_init_pool(&mt, flags, pool, NULL);
	oracle_init(&oracle, CELLS);
	grow(&oracle, &mt, 400);
	allocated = test_allocated(pool);
	test_fork(&mt, &fork);
	CHECK_EQ(test_allocated(pool), allocated);
	CHECK_EQ(test_live(pool), mt_node_count(&mt));
	CHECK_EQ(mt_attr(&fork), flags);
	oracle_copy(&oracle, &forked);
	CHECK_ORACLE(&forked, &fork);
	for (step = 0; step < steps; step++) {
		if (test_below(2))
			random_store(&oracle, &mt);
		else
			random_store(&forked, &fork);
		CHECK_ORACLE(&oracle, &mt);
		CHECK_ORACLE(&forked, &fork);
	}
	mt_fini(&mt);
	CHECK_ORACLE(&forked, &fork);
	CHECK_EQ(test_live(pool), mt_node_count(&fork));
	mt_fini(&fork);
	oracle_fini(&oracle);
	oracle_fini(&forked);
	test_pool_end(pool);
}

static void forks_diverge_with_and_without_gaps(void)
{
	forks_diverge(0);
	forks_diverge(MT_FLAGS_ALLOC_RANGE);
}

/* One store after a fork copies its path and nothing else. */
static void a_store_copies_one_path(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork;
	uint64_t before;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (uint64_t i = 0; i < 5000; i++)
		CHECK_EQ(mtree_store_range(&mt, i * 10, i * 10 + 5, ENTRY(i + 1)), 0);
	test_fork(&mt, &fork);
	before = test_live(pool);
	CHECK_EQ(mtree_store_range(&fork, 25000, 25005, ENTRY(7)), 0);
	CHECK_EQ(test_live(pool), before + mt_height(&mt));
	/* A second store at the same place: the path is private by now. */
	CHECK_EQ(mtree_store_range(&fork, 25000, 25005, ENTRY(8)), 0);
	CHECK_EQ(test_live(pool), before + mt_height(&mt));
	CHECK_EQ((uintptr_t)mtree_load(&mt, 25003), 2501);
	CHECK_EQ((uintptr_t)mtree_load(&fork, 25003), 8);
	mt_fini(&fork);
	CHECK_EQ(test_live(pool), before);
	/* After the fork has ended, the first tree is written in place. */
	CHECK_EQ(mtree_store_range(&mt, 25000, 25005, ENTRY(9)), 0);
	CHECK_EQ(test_live(pool), before);
	CHECK_VALID(&mt);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Chains and stars of forks, each written, ended in every order. */
static void families_end_in_every_order(void)
{
	enum { MEMBERS = 5 };
	unsigned order, kind, i;

	for (order = 0; order < 120; order++) {
		for (kind = 0; kind < 2; kind++) {
			struct maple_pool *pool = test_pool();
			struct maple_tree members[MEMBERS];
			struct oracle oracles[MEMBERS];
			bool ended[MEMBERS] = {false};
			unsigned rest = order, left, nth, at;

			mt_init_pool(&members[0], kind ? MT_FLAGS_ALLOC_RANGE : 0, pool, NULL);
			oracle_init(&oracles[0], CELLS);
			grow(&oracles[0], &members[0], 150);
			for (i = 1; i < MEMBERS; i++) {
				unsigned parent = test_below(2) ? i - 1 : 0;

				test_fork(&members[parent], &members[i]);
				oracle_copy(&oracles[parent], &oracles[i]);
				grow(&oracles[i], &members[i], test_below(20));
				grow(&oracles[parent], &members[parent], test_below(20));
			}
			for (left = MEMBERS; left; left--) {
				nth = rest % left;
				rest /= left;
				for (at = 0; ended[at] || nth; at++)
					nth -= !ended[at];
				ended[at] = true;
				mt_fini(&members[at]);
				oracle_fini(&oracles[at]);
				for (i = 0; i < MEMBERS; i++) {
					if (!ended[i])
						CHECK_ORACLE(&oracles[i], &members[i]);
				}
			}
			test_pool_end(pool);
		}
	}
}

/* A cursor into a fork reads the tree as it was, whatever is stored meanwhile. */
static void a_fork_is_a_snapshot(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, snapshot;
	uint64_t seen = 0;
	void *entry;

	mt_init_pool(&mt, 0, pool, NULL);
	for (uint64_t i = 0; i < 500; i++)
		CHECK_EQ(mtree_store(&mt, i * 2, ENTRY(i + 1)), 0);
	test_fork(&mt, &snapshot);
	MA_STATE(mas, &snapshot, 0, 0);
	mas_for_each(&mas, entry, MT_KEY_MAX)
	{
		CHECK_EQ((uintptr_t)entry, ++seen);
		CHECK_EQ(mtree_clear_range(&mt, 0, seen * 4), 0);
		CHECK_EQ(mtree_store_range(&mt, seen, seen + 300, ENTRY(9999)), 0);
	}
	CHECK_EQ(seen, 500);
	CHECK_VALID(&mt);
	mt_fini(&snapshot);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* The contents of a window, cut at its ends, against the oracle cleared outside. */
static void slices(uint32_t flags)
{
	struct maple_pool *pool = test_pool();
	struct test_counts counts;
	struct mt_value_ops ops = test_count_ops(&counts);
	size_t step, steps = test_steps(4000);
	struct maple_tree mt, slice;
	struct oracle oracle, sliced;

	test_counts_init(&counts, WORDS);
	mt_init_pool(&mt, flags, pool, &ops);
	oracle_init(&oracle, CELLS);
	for (step = 0; step < steps; step++) {
		size_t low = test_below(CELLS), high = low + test_below(CELLS - low);

		if (test_below(10) == 0)
			low = 0;
		if (test_below(10) == 0)
			high = CELLS - 1;
		grow(&oracle, &mt, 3);
		CHECK_EQ(mt_slice(&mt, oracle_first(&oracle, low), oracle_last(&oracle, high),
				  &slice),
			 0);
		oracle_copy(&oracle, &sliced);
		if (low)
			oracle_clear(&sliced, 0, low - 1);
		if (high + 1 < CELLS)
			oracle_clear(&sliced, high + 1, CELLS - 1);
		CHECK_ORACLE(&sliced, &slice);
		CHECK_ORACLE(&oracle, &mt);
		/* A slice can be written like any other tree. */
		grow(&sliced, &slice, 3);
		CHECK_ORACLE(&sliced, &slice);
		CHECK_ORACLE(&oracle, &mt);
		mt_fini(&slice);
		oracle_fini(&sliced);
		CHECK_EQ(test_live(pool), mt_node_count(&mt));
	}
	CHECK_EQ(mt_slice(&mt, 5, 4, &slice), -EINVAL);
	CHECK(mtree_empty(&slice));
	mt_fini(&slice);
	CHECK_EQ(counts.total, mt_entries(&mt));
	mt_fini(&mt);
	test_counts_end(&counts);
	oracle_fini(&oracle);
	test_pool_end(pool);
}

static void slices_are_cut(void)
{
	slices(0);
	slices(MT_FLAGS_ALLOC_RANGE);
}

struct differing {
	const struct oracle *a;
	const struct oracle *b;
	size_t next; /* cells below are done */
	size_t calls;
	size_t stop_at;
};

static bool cells_differ(const struct oracle *a, const struct oracle *b, size_t cell)
{
	return !a->range[cell] != !b->range[cell] ||
	       (a->range[cell] && a->word[cell] != b->word[cell]);
}

static int emit(void *context, const struct mt_difference *difference)
{
	struct differing *differing = context;
	const struct oracle *a = differing->a, *b = differing->b;
	size_t cell = oracle_cell(a, difference->first);
	struct mt_entry in_a, in_b;

	for (; differing->next < cell; differing->next++)
		CHECK(!cells_differ(a, b, differing->next));
	CHECK_EQ(differing->next, cell);
	CHECK(cells_differ(a, b, cell));
	CHECK_EQ(difference->a_present, oracle_at(a, cell, &in_a));
	CHECK_EQ(difference->b_present, oracle_at(b, cell, &in_b));
	CHECK_EQ(difference->a.word, difference->a_present ? in_a.word : 0);
	CHECK_EQ(difference->b.word, difference->b_present ? in_b.word : 0);
	/* All of the stretch that both have there, and nothing else. */
	CHECK_EQ(difference->first, in_a.first > in_b.first ? in_a.first : in_b.first);
	CHECK_EQ(difference->last, in_a.last < in_b.last ? in_a.last : in_b.last);
	differing->next = oracle_cell(a, difference->last) + 1;
	differing->calls++;
	return differing->calls == differing->stop_at ? 42 : 0;
}

static void compare(const struct oracle *of_a, const struct maple_tree *a,
		    const struct oracle *of_b, const struct maple_tree *b)
{
	struct differing differing = {.a = of_a, .b = of_b};
	size_t calls;

	CHECK_EQ(mt_diff(a, b, emit, &differing), 0);
	for (; differing.next < of_a->cells; differing.next++)
		CHECK(!cells_differ(of_a, of_b, differing.next));
	calls = differing.calls;
	if (!calls)
		return;
	/* A result other than 0 ends it there. */
	differing = (struct differing){.a = of_a, .b = of_b, .stop_at = 1 + test_below(calls)};
	CHECK_EQ(mt_diff(a, b, emit, &differing), 42);
	CHECK_EQ(differing.calls, differing.stop_at);
}

static void differences(void)
{
	size_t step, steps = test_steps(5000);
	uint32_t flags;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		struct maple_pool *pool = test_pool();
		struct maple_tree a, b, copy;
		struct oracle of_a, of_b;

		mt_init_pool(&a, flags, pool, NULL);
		oracle_init(&of_a, CELLS);
		mt_init_pool(&b, flags, pool, NULL);
		oracle_init(&of_b, CELLS);
		for (step = 0; step < steps; step++) {
			grow(&of_a, &a, test_below(4));
			grow(&of_b, &b, test_below(4));
			compare(&of_a, &a, &of_b, &b);
			compare(&of_b, &b, &of_a, &a);
			compare(&of_a, &a, &of_a, &a);
			if (test_below(8))
				continue;
			/* The trees are relatives from here on. */
			mt_fini(&b);
			oracle_fini(&of_b);
			test_fork(&a, &b);
			oracle_copy(&of_a, &of_b);
			compare(&of_a, &a, &of_b, &b);
			mt_init_pool(&copy, flags, pool, NULL);
			CHECK_EQ(mtree_dup(&a, &copy), 0);
			compare(&of_a, &a, &of_b, &copy);
			mt_fini(&copy);
		}
		mt_fini(&a);
		mt_fini(&b);
		oracle_fini(&of_a);
		oracle_fini(&of_b);
		test_pool_end(pool);
	}
}

/* Few changes in a large tree: nodes are skipped, and the ends of what is skipped fit together. */
static void few_changes_in_a_large_tree(void)
{
	enum { RANGES = 20000, CHANGES = 9 };
	struct maple_pool *pool = test_pool();
	size_t step, steps = test_steps(300);
	struct mt_difference difference;
	struct mt_diff_walk walk;
	struct maple_tree mt, fork;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (uint64_t i = 0; i < RANGES; i++)
		CHECK_EQ(mtree_store_range_word(&mt, i * 10, i * 10 + 4, i), 0);
	for (step = 0; step < steps; step++) {
		mt_key key = test_below(RANGES / CHANGES), apart = test_below(RANGES / CHANGES);
		size_t changes = test_below(CHANGES + 1), i;

		test_fork(&mt, &fork);
		apart += apart == 0;
		for (i = 0; i < changes; i++)
			CHECK_EQ(mtree_store_range_word(&fork, (key + i * apart) * 10 + 1,
							(key + i * apart) * 10 + 7, RANGES),
				 0);
		mt_diff_begin(&walk, &mt, &fork, mt_diff_equal);
		for (i = 0; i < changes; i++) {
			CHECK(mt_diff_next(&walk, &difference));
			CHECK_EQ(difference.first, (key + i * apart) * 10 + 1);
			CHECK_EQ(difference.last, difference.first + 3);
			CHECK_EQ(difference.a.word, key + i * apart);
			CHECK_EQ(difference.b.word, RANGES);
			CHECK(difference.a_present && difference.b_present);
			CHECK(mt_diff_next(&walk, &difference));
			CHECK_EQ(difference.first, (key + i * apart) * 10 + 5);
			CHECK_EQ(difference.last, difference.first + 2);
			CHECK(!difference.a_present && difference.b_present);
		}
		CHECK(!mt_diff_next(&walk, &difference));
		CHECK(!mt_diff_next(&walk, &difference));
		mt_fini(&fork);
	}
	mt_fini(&mt);
	test_pool_end(pool);
}

/* An empty tree has one gap, whose word is 0. */
static void stretches_of_an_empty_tree(void)
{
	struct mt_diff_walk walk;
	struct mt_stretch at;
	DEFINE_MTREE(empty);
	DEFINE_MTREE(mt);

	CHECK_EQ(mtree_store_range_word(&mt, 10, 19, 7), 0);
	mt_diff_begin(&walk, &empty, &mt, mt_diff_equal);
	for (int i = 0; i < 3; i++) {
		memset(&at, 0xff, sizeof(at));
		CHECK(mt_next_stretch(&walk, &at));
		CHECK(!at.shared && !at.a.present);
		CHECK_EQ(at.a.first, 0);
		CHECK_EQ(at.a.last, MT_KEY_MAX);
		CHECK_EQ(at.a.word, 0);
		CHECK_EQ(at.b.present, i == 1);
		CHECK_EQ(at.b.word, i == 1 ? 7 : 0);
	}
	CHECK(!mt_next_stretch(&walk, &at));
	mt_fini(&mt);
}

/* The stretches of a walk. `shared` is the number of those that were skipped as the same. */
static size_t count_stretches(const struct maple_tree *a, const struct maple_tree *b,
			      enum mt_diff_words words, size_t *shared)
{
	struct mt_diff_walk walk;
	struct mt_stretch at;
	size_t count = 0;

	*shared = 0;
	for (mt_diff_begin(&walk, a, b, words); mt_next_stretch(&walk, &at); count++)
		*shared += at.shared;
	return count;
}

/* A node that both trees have is skipped whole, and so is a leaf with the same contents. */
static void what_is_the_same_is_skipped(void)
{
	enum { RANGES = 1000 };
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork, copy;
	size_t shared;

	mt_init_pool(&mt, 0, pool, NULL);
	for (uint64_t i = 0; i < RANGES; i++)
		CHECK_EQ(mtree_store_range_word(&mt, i * 10, i * 10 + 9, i), 0);
	test_fork(&mt, &fork);
	mt_init_pool(&copy, 0, pool, NULL);
	CHECK_EQ(mtree_dup(&mt, &copy), 0);
	CHECK_EQ(count_stretches(&mt, &fork, mt_diff_equal, &shared), 1);
	CHECK_EQ(shared, 1);
	CHECK(count_stretches(&mt, &copy, mt_diff_equal, &shared) < RANGES / 8);
	CHECK(shared > RANGES / 32);
	CHECK_EQ(count_stretches(&mt, &copy, mt_diff_apart, &shared), RANGES + 1);
	CHECK_EQ(shared, 0);
	mt_fini(&mt);
	mt_fini(&fork);
	mt_fini(&copy);
	test_pool_end(pool);
}

/* Words of two kinds are never equal, whatever they are. Gaps are. */
static void words_of_two_kinds(void)
{
	struct maple_pool *pool = test_pool();
	struct mt_difference difference;
	struct mt_diff_walk walk;
	struct maple_tree a, b;

	mt_init_pool(&a, 0, pool, NULL);
	mt_init_pool(&b, 0, pool, NULL);
	for (uint64_t i = 0; i < 100; i++) {
		CHECK_EQ(mtree_store_range_word(&a, i * 10, i * 10 + 4, i / 2), 0);
		CHECK_EQ(mtree_store_range_word(&b, i * 10, i * 10 + 4, i / 2), 0);
	}
	mt_diff_begin(&walk, &a, &b, mt_diff_equal);
	CHECK(!mt_diff_next(&walk, &difference));
	mt_diff_begin(&walk, &a, &b, mt_diff_equal);
	CHECK_EQ(mt_diff_next_word(&walk, &difference), 0);
	for (int way = 0; way < 2; way++) {
		mt_diff_begin(&walk, &a, &b, mt_diff_apart);
		for (uint64_t i = 0; i < 100; i++) {
			CHECK(way ? mt_diff_next(&walk, &difference)
				  : mt_diff_next_word(&walk, &difference) == 1);
			CHECK_EQ(difference.first, i * 10);
			CHECK_EQ(difference.last, i * 10 + 4);
			CHECK_EQ(difference.a.word, difference.b.word);
		}
		CHECK(!(way ? mt_diff_next(&walk, &difference)
			    : mt_diff_next_word(&walk, &difference)));
	}
	/* The same ends, but once a gap. */
	CHECK_EQ(mtree_clear_range(&b, 0, 4), 0);
	CHECK_EQ(mtree_clear_range(&a, 5, 14), 0);
	CHECK_EQ(mtree_store_range_word(&b, 0, 4, 1), 0);
	mt_diff_begin(&walk, &a, &b, mt_diff_equal);
	CHECK_EQ(mt_diff_next_word(&walk, &difference), 1);
	CHECK_EQ(mt_diff_next_word(&walk, &difference), -EINVAL);
	CHECK_EQ(mtree_store_range_word(&b, 5, 19, 1), 0);
	mt_diff_begin(&walk, &a, &b, mt_diff_equal);
	CHECK_EQ(mt_diff_next_word(&walk, &difference), 1);
	CHECK_EQ(mt_diff_next_word(&walk, &difference), -EINVAL);
	mt_fini(&a);
	mt_fini(&b);
	test_pool_end(pool);
}

/* Words that depend on where their range begins are equal only in ranges with the same ends. */
static void words_in_place(void)
{
	struct mt_difference difference;
	struct mt_diff_walk walk;
	DEFINE_MTREE(a);
	DEFINE_MTREE(b);

	CHECK_EQ(mtree_store_range_word(&a, 0, 9, 1), 0);
	CHECK_EQ(mtree_store_range_word(&b, 0, 9, 1), 0);
	CHECK_EQ(mtree_store_range_word(&a, 20, 29, 2), 0);
	CHECK_EQ(mtree_store_range_word(&b, 20, 24, 2), 0);
	CHECK_EQ(mtree_store_range_word(&b, 25, 29, 2), 0);
	CHECK_EQ(mtree_store_range_word(&a, 30, 39, 3), 0);
	CHECK_EQ(mtree_store_range_word(&b, 30, 39, 4), 0);
	mt_diff_begin(&walk, &a, &b, mt_diff_equal);
	CHECK(mt_diff_next(&walk, &difference));
	CHECK_EQ(difference.first, 30);
	CHECK(!mt_diff_next(&walk, &difference));
	mt_diff_begin(&walk, &a, &b, mt_diff_in_place);
	for (uint64_t first = 20; first < 30; first += 5) {
		CHECK(mt_diff_next(&walk, &difference));
		CHECK_EQ(difference.first, first);
		CHECK_EQ(difference.last, first + 4);
		CHECK_EQ(difference.a.word, difference.b.word);
	}
	CHECK(mt_diff_next(&walk, &difference));
	CHECK_EQ(difference.first, 30);
	CHECK(!mt_diff_next(&walk, &difference));
	mt_fini(&a);
	mt_fini(&b);
}

static void check_sets(const struct oracle *of_a, struct maple_tree *a, const struct oracle *of_b,
		       const struct maple_tree *b)
{
	struct maple_tree made;
	struct oracle expected;

	CHECK_EQ(mt_union(a, b, &made), 0);
	oracle_union(of_a, of_b, &expected);
	CHECK_ORACLE(&expected, &made);
	CHECK_EQ(mt_attr(&made), mt_attr(a));
	mt_fini(&made);
	oracle_fini(&expected);

	CHECK_EQ(mt_intersect(a, b, &made), 0);
	oracle_clear_where(of_a, of_b, false, &expected);
	CHECK_ORACLE(&expected, &made);
	mt_fini(&made);
	oracle_fini(&expected);

	CHECK_EQ(mt_subtract(a, b, &made), 0);
	oracle_clear_where(of_a, of_b, true, &expected);
	CHECK_ORACLE(&expected, &made);
	/* It can be written like any other tree. */
	grow(&expected, &made, 3);
	CHECK_ORACLE(&expected, &made);
	CHECK_ORACLE(of_a, a);
	mt_fini(&made);
	oracle_fini(&expected);
}

/* Of relatives and of strangers, against the cells of both. */
static void sets(void)
{
	size_t step, steps = test_steps(2500);
	uint32_t flags;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		struct maple_pool *pool = test_pool();
		struct test_counts counts;
		struct mt_value_ops ops = test_count_ops(&counts);
		struct maple_tree a, b;
		struct oracle of_a, of_b;

		test_counts_init(&counts, WORDS);
		mt_init_pool(&a, flags, pool, &ops);
		oracle_init(&of_a, CELLS);
		mt_init_pool(&b, flags, pool, &ops);
		oracle_init(&of_b, CELLS);
		for (step = 0; step < steps; step++) {
			grow(&of_a, &a, test_below(4));
			grow(&of_b, &b, test_below(4));
			check_sets(&of_a, &a, &of_b, &b);
			check_sets(&of_b, &b, &of_a, &a);
			check_sets(&of_a, &a, &of_a, &a);
			if (test_below(16))
				continue;
			mt_fini(&b);
			oracle_fini(&of_b);
			test_fork(&a, &b);
			oracle_copy(&of_a, &of_b);
		}
		mt_fini(&a);
		mt_fini(&b);
		test_counts_end(&counts);
		oracle_fini(&of_a);
		oracle_fini(&of_b);
		test_pool_end(pool);
	}
}

/* What relatives share is neither copied nor written. */
static void sets_share_nodes(void)
{
	enum { RANGES = 20000 };
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork, made;
	uint64_t allocated;
	size_t live;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (uint64_t i = 0; i < RANGES; i++)
		CHECK_EQ(mtree_store_range_word(&mt, i * 10, i * 10 + 4, i), 0);
	test_fork(&mt, &fork);
	allocated = test_allocated(pool);
	CHECK_EQ(mt_union(&mt, &fork, &made), 0);
	mt_fini(&made);
	CHECK_EQ(mt_intersect(&mt, &fork, &made), 0);
	mt_fini(&made);
	CHECK_EQ(mt_subtract(&mt, &fork, &made), 0);
	CHECK(mtree_empty(&made));
	mt_fini(&made);
	/* Clearing everything takes its reserve, and gives it back. */
	CHECK(test_allocated(pool) <= allocated + 64);

	CHECK_EQ(mtree_store_range_word(&fork, 70000, 70004, RANGES), 0);
	CHECK_EQ(mtree_clear_range(&fork, 90000, 90004), 0);
	live = test_live(pool);
	CHECK_EQ(mt_union(&mt, &fork, &made), 0);
	CHECK(test_live(pool) <= live + 2 * mt_height(&mt));
	CHECK_EQ(mt_entries(&made), RANGES);
	mt_fini(&made);
	CHECK_EQ(mt_intersect(&mt, &fork, &made), 0);
	CHECK(test_live(pool) <= live + 2 * mt_height(&mt));
	CHECK_EQ(mt_entries(&made), RANGES - 1);
	mt_fini(&made);
	CHECK_EQ(mt_subtract(&mt, &fork, &made), 0);
	CHECK(test_live(pool) <= live + 1);
	CHECK_EQ(mt_entries(&made), 1);
	CHECK_EQ((uintptr_t)mtree_load(&made, 90004), 9000);
	mt_fini(&made);
	CHECK_EQ(test_live(pool), live);
	mt_fini(&fork);

	/* All between what is kept is cleared at once, though the other tree has ranges there. */
	mt_init_pool(&fork, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (uint64_t i = 0; i < RANGES; i++)
		CHECK_EQ(mtree_store_range_word(&fork, i * 10 + 5, i * 10 + 9, i), 0);
	allocated = test_allocated(pool);
	CHECK_EQ(mt_intersect(&mt, &fork, &made), 0);
	CHECK(mtree_empty(&made));
	CHECK(test_allocated(pool) <= allocated + 64);
	mt_fini(&made);
	mt_fini(&mt);
	mt_fini(&fork);
	test_pool_end(pool);
}

static bool count_neighbours(void *context, const struct mt_entry *left,
			     const struct mt_entry *right)
{
	CHECK(left->word != right->word);
	++*(size_t *)context;
	return false;
}

/* A union stores each range once, and none that is there already. Here one has a neighbour. */
static void a_union_stores_once(void)
{
	struct maple_pool *pool = test_pool();
	size_t asked = 0;
	struct mt_value_ops ops = {.equal = count_neighbours, .context = &asked};
	struct maple_tree a, b, made;

	mt_init_pool(&a, 0, pool, &ops);
	mt_init_pool(&b, 0, pool, &ops);
	CHECK_EQ(mtree_store_range_word(&a, 10, 19, 1), 0);
	CHECK_EQ(mtree_store_range_word(&a, 20, 29, 2), 0);
	CHECK_EQ(mtree_store_range_word(&a, 30, 39, 3), 0);
	CHECK_EQ(mtree_store_range_word(&b, 10, 19, 1), 0);
	CHECK_EQ(mtree_store_range_word(&b, 20, 39, 9), 0);
	asked = 0;
	CHECK_EQ(mt_union(&a, &b, &made), 0);
	CHECK_EQ(asked, 1);
	CHECK_EQ(mt_entries(&made), 2);
	mt_fini(&made);
	mt_fini(&a);
	mt_fini(&b);
	test_pool_end(pool);
}

/* Two trees with a few ranges, some of which the second has from the first. */
static void make_pair(struct maple_tree *a, struct maple_tree *b, struct maple_pool *pool)
{
	mt_init_pool(a, 0, pool, NULL);
	for (int i = 0; i < 60; i++)
		CHECK_EQ(mtree_store_range_word(a, test_below(900), 900 + test_below(9), i % 7), 0);
	for (int i = 0; i < 300; i++) {
		mt_key first = test_below(1000);

		CHECK_EQ(mtree_store_range_word(a, first, first + test_below(5), first % 7), 0);
	}
	test_fork(a, b);
	for (uint64_t i = test_below(100); i > 0; i--) {
		mt_key first = test_below(1000);

		CHECK_EQ(mtree_clear_range(b, first, first + test_below(9)), 0);
		CHECK_EQ(mtree_store_range_word(b, first, first + test_below(5), 9), 0);
	}
}

/* Operations and differences in parts are the same as at once. A part is no longer than it may be:
 * none is longer than a walk of all stretches, so there are as many as that needs. */
static void what_is_done_in_parts(void)
{
	static int (*const whole[])(struct maple_tree *, const struct maple_tree *,
				    struct maple_tree *) = {mt_union, mt_intersect, mt_subtract};
	struct maple_pool *pool = test_pool();
	struct maple_tree a, b, made, parts;
	size_t step, steps = test_steps(100);

	for (step = 0; step < steps; step++) {
		uint64_t most = 1 + test_below(step % 2 ? 1000 : 10), calls = 0, at_once = 0;
		struct mt_difference one, other;
		struct mt_diff_walk walks[2];
		int got;

		make_pair(&a, &b, pool);
		for (int way = 0; way < 3; way++) {
			struct mt_set_walk set;

			CHECK_EQ(whole[way](&a, &b, &made), 0);
			for (uint64_t part = 1;; part = most) {
				mt_set_begin(&set, (enum mt_set_operation)way, &a, &b, &parts);
				for (calls = 1; (got = mt_set_go_on(&set, part)); calls++)
					CHECK_EQ(got, -EAGAIN);
				CHECK_VALID(&parts);
				mt_diff_begin(&walks[0], &made, &parts, mt_diff_equal);
				CHECK(!mt_diff_next(&walks[0], &one));
				mt_fini(&parts);
				at_once = part == 1 ? calls - 1 : at_once; /* stretches */
				if (part == most)
					break;
			}
			CHECK_EQ(calls, at_once / most + 1);
			mt_fini(&made);
		}
		mt_diff_begin(&walks[0], &a, &b, mt_diff_equal);
		mt_diff_begin(&walks[1], &a, &b, mt_diff_equal);
		while (mt_diff_next(&walks[0], &one)) {
			for (calls = 1; (got = mt_diff_next_within(&walks[1], 1, &other)) != 1;
			     calls++)
				CHECK_EQ(got, -EAGAIN);
			CHECK_EQ(other.first, one.first);
			CHECK_EQ(other.last, one.last);
			CHECK_EQ(other.a.word, one.a.word);
			at_once -= calls;
		}
		while ((got = mt_diff_next_within(&walks[1], 1, &other))) {
			CHECK_EQ(got, -EAGAIN);
			at_once--;
		}
		CHECK(at_once <= 1); /* -EAGAIN is not returned at the end */
		CHECK_EQ(mt_diff_next_within(&walks[1], 1, &other), 0);
		mt_fini(&a);
		mt_fini(&b);
	}
	test_pool_end(pool);
}

struct cuts {
	struct test_counts counts; /* first: the counting operations look here */
	size_t asked;
	size_t refuse; /* the n-th time; 0: never */
};

static int count_cuts(void *context, const struct mt_entry *whole, mt_key first, mt_key last,
		      uint64_t *piece)
{
	struct cuts *cuts = context;

	CHECK(first >= whole->first && last <= whole->last);
	if (++cuts->asked == cuts->refuse)
		return -EPERM;
	*piece = whole->word + 1;
	cuts->counts.references[*piece]++;
	cuts->counts.total++;
	return 0;
}

/* Values that are cut are asked for, once for each piece. A refusal leaves nothing behind. */
static void sets_cut_values(void)
{
	static int (*const makes[])(struct maple_tree *, const struct maple_tree *,
				    struct maple_tree *) = {mt_union, mt_intersect, mt_subtract};
	static const size_t cuts_of[] = {5, 4, 4};
	struct maple_pool *pool = test_pool();
	struct maple_tree a, b, made;
	struct cuts cuts = {.asked = 0};
	struct mt_value_ops ops;
	uint64_t total;
	size_t i;

	test_counts_init(&cuts.counts, WORDS);
	ops = test_count_ops(&cuts.counts);
	ops.split = count_cuts;
	mt_init_pool(&a, 0, pool, &ops);
	mt_init_pool(&b, 0, pool, &ops);
	CHECK_EQ(mtree_store_range_word(&a, 10, 49, 100), 0);
	CHECK_EQ(mtree_store_range_word(&a, 60, 99, 200), 0);
	CHECK_EQ(mtree_store_range_word(&b, 20, 24, 7), 0);
	CHECK_EQ(mtree_store_range_word(&b, 25, 29, 8), 0);
	CHECK_EQ(mtree_store_range_word(&b, 40, 69, 9), 0);
	total = cuts.counts.total;
	for (i = 0; i < 3; i++) {
		cuts.asked = 0;
		CHECK_EQ(makes[i](&a, &b, &made), 0);
		CHECK_EQ(cuts.asked, cuts_of[i]);
		CHECK_VALID(&made);
		mt_fini(&made);
		for (cuts.refuse = 1; cuts.refuse <= cuts_of[i]; cuts.refuse++) {
			cuts.asked = 0;
			CHECK_EQ(makes[i](&a, &b, &made), -EPERM);
			CHECK_EQ(cuts.asked, cuts.refuse);
			CHECK(mtree_empty(&made));
			mt_fini(&made);
			CHECK_EQ(cuts.counts.total, total);
		}
		cuts.refuse = 0;
	}
	mt_fini(&a);
	mt_fini(&b);
	test_counts_end(&cuts.counts);
	test_pool_end(pool);
}

/* A write that drops what another tree still uses leaves the counting until somebody asks for it. A
 * write that drops only nodes of its own does not, nor does one that drops nothing. */
static void shared_nodes_are_counted_when_asked(void)
{
	enum { RANGES = 20000 };
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork;
	mt_key low, high;
	uint64_t entries;

	mt_init_pool(&mt, 0, pool, NULL);
	for (uint64_t i = 0; i < RANGES; i++)
		CHECK_EQ(mtree_store_range_word(&mt, i * 10, i * 10 + 4, i), 0);
	CHECK(mt_height(&mt) >= 4);
	CHECK_EQ(mtree_clear_range(&mt, 10, 10 * 5000 + 9), 0);
	CHECK(mt.ma_counted);
	CHECK_EQ(mt_entries(&mt), RANGES - 5000);

	test_fork(&mt, &fork);
	CHECK_EQ(mtree_store_range_word(&fork, 10 * 10000, 10 * 10000 + 9, 7), 0);
	CHECK(fork.ma_counted);
	/* The nodes on the path of that write are its own; those next to it are not. */
	CHECK_EQ(mtree_clear_range(&fork, 10 * 9000, 10 * 11000 + 9), 0);
	CHECK(!fork.ma_counted);
	CHECK(!mt_entries_known(&fork, &entries));
	CHECK_EQ(mt_entries(&fork), RANGES - 5000 - 2001);
	CHECK(fork.ma_counted);
	CHECK(mt_entries_known(&fork, &entries));
	CHECK_EQ(entries, RANGES - 5000 - 2001);
	mt_covered(&fork, &low, &high);
	CHECK_EQ(low, (RANGES - 5000 - 2001) * 5);
	CHECK_EQ(high, 0);
	CHECK_EQ(mtree_clear_range(&fork, 10 * 12000, 10 * 14000 + 9), 0);
	CHECK(!fork.ma_counted);
	mt_covered(&fork, &low, &high);
	CHECK_EQ(low, (RANGES - 5000 - 2001 - 2001) * 5);
	/* The node that is dropped whole, with sixteen leaves, is its own, but not all of the
	 * leaves are. */
	CHECK_EQ(mtree_store_range_word(&fork, 10 * 16064, 10 * 16064 + 4, 7), 0);
	CHECK(fork.ma_counted);
	CHECK_EQ(mtree_clear_range(&fork, 10 * 15999, 10 * 16128 + 9), 0);
	CHECK(!fork.ma_counted);
	CHECK_EQ(mt_entries(&fork), RANGES - 5000 - 2001 - 2001 - 130);
	CHECK_VALID(&fork);
	CHECK_VALID(&mt);
	mt_fini(&mt);
	mt_fini(&fork);
	test_pool_end(pool);
}

/* All keys were covered, which takes one bit more than a key has. */
static void all_keys_are_counted_when_asked(void)
{
	enum { RANGES = 20000 };
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork;
	mt_key low, high;

	mt_init_pool(&mt, 0, pool, NULL);
	for (uint64_t i = 0; i < RANGES; i++)
		CHECK_EQ(mtree_store_range_word(&mt, i * 10,
						i + 1 < RANGES ? i * 10 + 9 : MT_KEY_MAX, i),
			 0);
	mt_covered(&mt, &low, &high);
	CHECK_EQ(low, 0);
	CHECK_EQ(high, 1);
	test_fork(&mt, &fork);
	CHECK_EQ(mtree_clear_range(&fork, 10 * 9000, 10 * 11000 + 9), 0);
	CHECK(!fork.ma_counted);
	mt_covered(&fork, &low, &high);
	CHECK_EQ(low, 0 - (mt_key)10 * 2001);
	CHECK_EQ(high, 0);
	CHECK_VALID(&fork);
	mt_fini(&mt);
	mt_fini(&fork);
	test_pool_end(pool);
}

struct leaving {
	struct test_counts counts; /* first: the counting operations look here */
	struct maple_tree *fork;
	void (*retain)(void *context, const uint64_t *words, uint32_t present);
};

static void retain_and_end_the_fork(void *context, const uint64_t *words, uint32_t present)
{
	struct leaving *leaving = context;
	struct maple_tree *fork = leaving->fork;

	leaving->retain(&leaving->counts, words, present);
	leaving->fork = NULL;
	if (fork)
		mt_fini(fork);
}

/* The other owner of the path ends while a write copies the path: the write has to free the old
 * nodes. */
static void the_other_owner_goes_meanwhile(void)
{
	mt_key key, entries;

	for (entries = 5; entries < 3000; entries *= 5) {
		struct maple_pool *pool = test_pool();
		struct leaving leaving = {.fork = NULL};
		struct mt_value_ops ops;
		struct maple_tree mt, fork;

		test_counts_init(&leaving.counts, 4000);
		ops = test_count_ops(&leaving.counts);
		leaving.retain = ops.retain;
		ops.retain = retain_and_end_the_fork;
		mt_init_pool(&mt, 0, pool, &ops);
		for (key = 0; key < entries; key++)
			CHECK_EQ(mtree_store_range_word(&mt, key * 10, key * 10 + 5, key), 0);
		for (key = 0; key < entries; key += 3) {
			test_fork(&mt, &fork);
			leaving.fork = &fork;
			CHECK_EQ(mtree_store_range_word(&mt, key * 10, key * 10 + 5, 3999), 0);
			CHECK(!leaving.fork);
			CHECK_EQ(test_live(pool), mt_node_count(&mt));
			CHECK_EQ(leaving.counts.total, entries);
		}
		CHECK_VALID(&mt);
		mt_fini(&mt);
		test_counts_end(&leaving.counts);
		test_pool_end(pool);
	}
}

/* Every allocation that a store into a shared tree makes fails once: nothing changes in any
 * tree. */
static void a_failing_store_changes_no_relative(void)
{
	struct maple_pool *pool = test_pool();
	size_t step, steps = test_steps(6000) / 20, failures = 0;
	struct maple_tree mt, fork, same;
	uint64_t n;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (uint64_t i = 0; i < 800; i++)
		CHECK_EQ(mtree_store_range(&mt, i * 10, i * 10 + 5, ENTRY(i + 1)), 0);
	mt_init_pool(&same, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	CHECK_EQ(mtree_dup(&mt, &same), 0);
	for (step = 0; step < steps; step++) {
		mt_key first = test_below(8000), last = first + test_below(step % 2 ? 20 : 3000);
		size_t live;

		test_fork(&mt, &fork);
		live = test_live(pool);
		for (n = 1;; n++) {
			int got;

			mt_pool_fail_nth(pool, n);
			got = mtree_store_range(&fork, first, last, ENTRY(9999));
			mt_pool_fail_nth(pool, 0);
			if (got == 0)
				break;
			failures++;
			CHECK_EQ(got, -ENOMEM);
			CHECK_EQ(test_live(pool), live);
			CHECK_SAME_NODES(&fork, &same);
		}
		CHECK(n > 1);
		CHECK_VALID(&fork);
		CHECK_VALID(&mt);
		CHECK_SAME_NODES(&mt, &same);
		mt_fini(&fork);
		CHECK_EQ(test_live(pool), live);
	}
	CHECK(failures >= steps);
	mt_fini(&mt);
	mt_fini(&same);
	test_pool_end(pool);
}

/* Equal words in ranges with other ends are the same value, or not; or no words are. */
static void equal_words_in_other_ranges(void)
{
	static const mt_key first[][4] = {
		[mt_diff_equal] = {50},
		[mt_diff_in_place] = {10, 15, 50},
		[mt_diff_apart] = {10, 15, 30, 50},
	};
	static const size_t counts[] = {1, 3, 4};
	struct maple_pool *pool = test_pool();
	struct mt_difference difference;
	struct mt_diff_walk walk;
	struct maple_tree a, b;

	mt_init_pool(&a, 0, pool, NULL);
	mt_init_pool(&b, 0, pool, NULL);
	CHECK_EQ(mtree_store_range_word(&a, 10, 19, 7), 0);
	CHECK_EQ(mtree_store_range_word(&a, 30, 39, 8), 0);
	CHECK_EQ(mtree_store_range_word(&b, 10, 14, 7), 0);
	CHECK_EQ(mtree_store_range_word(&b, 15, 19, 7), 0);
	CHECK_EQ(mtree_store_range_word(&b, 30, 39, 8), 0);
	CHECK_EQ(mtree_store_range_word(&b, 50, 50, 9), 0);
	for (unsigned words = mt_diff_equal; words <= mt_diff_apart; words++) {
		size_t i = 0;

		mt_diff_begin(&walk, &a, &b, (enum mt_diff_words)words);
		while (mt_diff_next(&walk, &difference)) {
			CHECK(i < counts[words]);
			CHECK_EQ(difference.first, first[words][i++]);
		}
		CHECK_EQ(i, counts[words]);
	}
	mt_fini(&a);
	mt_fini(&b);
	test_pool_end(pool);
}

/* A write drops a node that belongs to the tree alone, with leaves below that it shares. Then only
 * a count of the whole tree tells what is left. */
static void a_dropped_node_has_shared_leaves(void)
{
	enum { RANGES = 5000 };
	const mt_key middle = RANGES / 2 * 10;
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork;
	mt_key low, high;

	mt_init_pool(&mt, 0, pool, NULL);
	for (uint64_t i = 0; i < RANGES; i++)
		CHECK_EQ(mtree_store_range(&mt, i * 10, i * 10 + 5, ENTRY(i + 1)), 0);
	CHECK(mt_height(&mt) >= 3);
	test_fork(&mt, &fork);
	CHECK_EQ(mtree_store_range(&fork, middle, middle + 5, ENTRY(7)), 0);
	/* All of the node above the leaf, and one range on each side of it. */
	MA_STATE(mas, &fork, middle, middle);
	CHECK(mas_walk(&mas) == ENTRY(7));
	low = (mas.path[mas.depth - 2].min / 10 - 1) * 10;
	high = mas.path[mas.depth - 2].max / 10 * 10 + 19;
	CHECK(fork.ma_counted);
	CHECK_EQ(mtree_clear_range(&fork, low, high), 0);
	CHECK(!fork.ma_counted);
	CHECK_EQ(mt_entries(&fork), RANGES - (high + 1 - low) / 10);
	mt_covered(&fork, &low, &high);
	CHECK_EQ(low, 6 * mt_entries(&fork));
	CHECK_EQ(high, 0);
	CHECK_EQ(mt_entries(&mt), RANGES);
	mt_fini(&fork);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* A snapshot that has ended leaves a tree that is written in place, unless others share its nodes.
 * Whatever happens between its begin and its end, the tree and its relatives stay what they are. */
static void a_snapshot_leaves_no_trace(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork;
	struct mt_snapshot snapshot, inner;
	struct oracle oracle, forked, before;
	size_t step, steps = test_steps(2000), in_place = 0;

	mt_init_pool(&mt, 0, pool, NULL);
	oracle_init(&oracle, CELLS);
	grow(&oracle, &mt, 400);
	for (step = 0; step < steps; step++) {
		bool forks = test_below(4) == 0, writes = test_below(4) == 0;
		bool nests = test_below(4) == 0, was_shared = mt.ma_shared;
		uint64_t allocated;

		mt_snapshot_begin(&mt, &snapshot);
		oracle_copy(&oracle, &before);
		if (nests)
			mt_snapshot_begin(&mt, &inner);
		if (forks) {
			test_fork(&mt, &fork);
			oracle_copy(&oracle, &forked);
			random_store(&forked, &fork);
		}
		if (writes)
			random_store(&oracle, &mt);
		CHECK_ORACLE(&before, &snapshot.tree);
		if (nests)
			mt_snapshot_end(&mt, &inner);
		mt_snapshot_end(&mt, &snapshot);
		CHECK_VALID(&mt);
		if (!forks && !writes && !nests)
			CHECK_EQ(mt.ma_shared, was_shared);
		if (!mt.ma_shared) {
			mt_key key = oracle_first(&oracle, 0);
			uint64_t word = test_below(WORDS);

			/* A store over a whole range takes no node of an unshared tree. */
			CHECK_EQ(mtree_store_range_word(&mt, key, oracle_last(&oracle, 0), word),
				 0);
			oracle_store(&oracle, 0, 0, word);
			allocated = test_allocated(pool);
			CHECK_EQ(
				mtree_store_range_word(&mt, key, oracle_last(&oracle, 0), word + 1),
				0);
			oracle_store(&oracle, 0, 0, word + 1);
			CHECK_EQ(test_allocated(pool), allocated);
			in_place++;
		}
		random_store(&oracle, &mt);
		CHECK_ORACLE(&oracle, &mt);
		if (forks) {
			CHECK_ORACLE(&forked, &fork);
			mt_fini(&fork);
			oracle_fini(&forked);
		}
		oracle_fini(&before);
		if (test_below(8) == 0) { /* a tree that shares nothing */
			mtree_destroy(&mt);
			oracle_clear(&oracle, 0, CELLS - 1);
			grow(&oracle, &mt, 100);
		}
	}
	CHECK(in_place);
	mt_fini(&mt);
	oracle_fini(&oracle);
	test_pool_end(pool);
}

static const struct test_case cases[] = {
	{"a_dropped_node_has_shared_leaves", a_dropped_node_has_shared_leaves},
	{"equal_words_in_other_ranges", equal_words_in_other_ranges},
	{"forks_diverge_with_and_without_gaps", forks_diverge_with_and_without_gaps},
	{"a_store_copies_one_path", a_store_copies_one_path},
	{"families_end_in_every_order", families_end_in_every_order},
	{"a_fork_is_a_snapshot", a_fork_is_a_snapshot},
	{"a_snapshot_leaves_no_trace", a_snapshot_leaves_no_trace},
	{"slices_are_cut", slices_are_cut},
	{"differences", differences},
	{"few_changes_in_a_large_tree", few_changes_in_a_large_tree},
	{"stretches_of_an_empty_tree", stretches_of_an_empty_tree},
	{"what_is_the_same_is_skipped", what_is_the_same_is_skipped},
	{"words_of_two_kinds", words_of_two_kinds},
	{"words_in_place", words_in_place},
	{"sets", sets},
	{"sets_share_nodes", sets_share_nodes},
	{"a_union_stores_once", a_union_stores_once},
	{"what_is_done_in_parts", what_is_done_in_parts},
	{"sets_cut_values", sets_cut_values},
	{"shared_nodes_are_counted_when_asked", shared_nodes_are_counted_when_asked},
	{"all_keys_are_counted_when_asked", all_keys_are_counted_when_asked},
	{"the_other_owner_goes_meanwhile", the_other_owner_goes_meanwhile},
	{"a_failing_store_changes_no_relative", a_failing_store_changes_no_relative},
};

TEST_MAIN(cases)
