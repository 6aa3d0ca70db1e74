/* SPDX-License-Identifier: MIT */
/* mt_build(): a tree built from sorted arrays equals the tree of as many stores, with the fewest
 * nodes. Bad input is refused. */
#include "oracle.h"
#include "test.h"

#include "node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct arrays {
	size_t count;
	mt_key *first;
	mt_key *last;
	uint64_t *words;
};

static void arrays_init(struct arrays *arrays, size_t count)
{
	arrays->count = count;
	arrays->first = test_array(count, sizeof(*arrays->first));
	arrays->last = test_array(count, sizeof(*arrays->last));
	arrays->words = test_array(count, sizeof(*arrays->words));
}

static void arrays_fini(struct arrays *arrays)
{
	free(arrays->first);
	free(arrays->last);
	free(arrays->words);
}

static int build(struct maple_tree *mt, const struct arrays *arrays, size_t *bad)
{
	return mt_build(mt, arrays->first, arrays->last, arrays->words, arrays->count, bad);
}

/* `count` ranges. `gaps` percent of them have a gap before them. The first sometimes begins at
 * 0. */
static void random_arrays(struct arrays *arrays, size_t count, unsigned gaps)
{
	mt_key key = test_below(2) ? 0 : test_below(10);
	size_t i;

	arrays_init(arrays, count);
	for (i = 0; i < count; i++) {
		if (test_below(100) < gaps)
			key += 1 + test_below(5);
		arrays->first[i] = key;
		arrays->last[i] = key + test_below(5);
		arrays->words[i] = test_below(3) ? i : 0;
		key = arrays->last[i] + 1;
	}
	if (count && test_below(4) == 0)
		arrays->last[count - 1] = MT_KEY_MAX;
}

/* The fewest leaves: each has 16 slots for ranges and gaps. */
static size_t fewest_leaves(const struct arrays *arrays)
{
	mt_key next = 0;
	size_t slots = 0, i;
	bool wrapped = false;

	for (i = 0; i < arrays->count; i++) {
		slots += 1 + (arrays->first[i] > next);
		next = arrays->last[i] + 1;
		wrapped = next == 0;
	}
	slots += !wrapped;
	return (slots + MT_MAX_SLOTS - 1) / MT_MAX_SLOTS;
}

/* What is read back is what went in, and nothing is written after it. */
static void check_read(const struct maple_tree *built, const struct arrays *arrays)
{
	struct arrays back;
	size_t count = arrays->count;

	arrays_init(&back, count + 1);
	back.first[count] = back.last[count] = back.words[count] = 77;
	CHECK_EQ(mt_read(built, back.first, back.last, back.words), count);
	CHECK(!memcmp(back.first, arrays->first, count * sizeof(mt_key)));
	CHECK(!memcmp(back.last, arrays->last, count * sizeof(mt_key)));
	CHECK(!memcmp(back.words, arrays->words, count * sizeof(uint64_t)));
	CHECK(back.first[count] == 77 && back.last[count] == 77 && back.words[count] == 77);
	arrays_fini(&back);
}

static void compare(const struct arrays *arrays, uint32_t flags)
{
	struct maple_pool *pool = test_pool();
	struct test_counts counts;
	struct mt_value_ops ops = test_count_ops(&counts);
	struct maple_tree built, stored;
	size_t bad = 77, nodes, i;

	test_counts_init(&counts, arrays->count + 1);
	mt_init_pool(&built, flags, pool, &ops);
	mt_init_pool(&stored, flags, pool, &ops);
	CHECK_EQ(build(&built, arrays, &bad), 0);
	CHECK_EQ(bad, 77);
	CHECK_VALID(&built);
	CHECK_EQ(counts.total, arrays->count);
	check_read(&built, arrays);
	for (i = 0; i < arrays->count; i++)
		CHECK_EQ(mtree_store_range_word(&stored, arrays->first[i], arrays->last[i],
						arrays->words[i]),
			 0);
	check_read(&stored, arrays);
	CHECK_SAME_ENTRIES(&built, &stored);
	CHECK_EQ(mt_entries(&built), arrays->count);

	/* Full leaves; above them, below each node at most one node more than needed. */
	nodes = mt_node_count(&built);
	if (arrays->count) {
		size_t level = fewest_leaves(arrays), fewest = level, above = 0;
		size_t fan = flags & MT_FLAGS_ALLOC_RANGE ? MT_NARROW_SLOTS : MT_WIDE_SLOTS,
		       height = 1;

		while (level > 1) {
			level = (level + fan - 1) / fan;
			fewest += level;
			above += ++height >= 3 ? level : 0;
		}
		CHECK(nodes >= fewest);
		CHECK(nodes <= fewest + 2 * above + 1);
	}

	/* The tree can be written like any other. */
	CHECK_EQ(mtree_store_range_word(&built, 3, 40, 0), 0);
	CHECK_EQ(mtree_store_range_word(&stored, 3, 40, 0), 0);
	CHECK_EQ(mtree_erase(&built, 100, NULL), 0);
	CHECK_EQ(mtree_erase(&stored, 100, NULL), 0);
	CHECK_VALID(&built);
	CHECK_SAME_ENTRIES(&built, &stored);
	mt_fini(&built);
	mt_fini(&stored);
	test_counts_end(&counts);
	test_pool_end(pool);
}

static void built_equals_stored(void)
{
	size_t count, step, steps = test_steps(30000) / 100;
	struct arrays arrays;
	uint32_t flags;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		for (count = 0; count <= 400; count++) {
			random_arrays(&arrays, count, 50);
			compare(&arrays, flags);
			arrays_fini(&arrays);
		}
		for (step = 0; step < steps; step++) {
			random_arrays(&arrays, test_below(8000), (unsigned)test_below(3) * 50);
			compare(&arrays, flags);
			arrays_fini(&arrays);
		}
	}
}

/* One entry out of order, anywhere: it is refused with its number, and the tree is empty and
 * usable. */
static void bad_input_is_named(void)
{
	struct maple_pool *pool = test_pool();
	size_t step, steps = test_steps(4000) / 10;

	for (step = 0; step < steps; step++) {
		struct arrays arrays;
		struct maple_tree mt;
		size_t bad = 0, wrong;

		random_arrays(&arrays, 2 + test_below(600), 50);
		if (arrays.last[arrays.count - 1] == MT_KEY_MAX)
			arrays.last[arrays.count - 1] = arrays.first[arrays.count - 1];
		wrong = 1 + test_below(arrays.count - 1);
		switch (test_below(3)) {
		case 0: /* overlaps the one before */
			arrays.first[wrong] = arrays.last[wrong - 1];
			break;
		case 1: /* begins before the one before */
			arrays.first[wrong] = arrays.first[wrong - 1];
			break;
		default: /* ends before it begins */
			arrays.last[wrong] = arrays.first[wrong] - 1;
			if (arrays.first[wrong] == 0)
				arrays.first[wrong] = 1;
		}
		mt_init_pool(&mt, step & 1, pool, NULL);
		CHECK_EQ(build(&mt, &arrays, &bad), -EINVAL);
		CHECK_EQ(bad, wrong);
		CHECK(mtree_empty(&mt));
		CHECK_EQ(build(&mt, &arrays, NULL), -EINVAL);
		CHECK_EQ(test_live(pool), 0);
		CHECK_EQ(mtree_store(&mt, 1, ENTRY(1)), 0);
		mt_fini(&mt);
		arrays_fini(&arrays);
	}
	test_pool_end(pool);
}

static void corners(void)
{
	struct maple_pool *pool = test_pool();
	struct arrays arrays;
	struct maple_tree mt, same;
	struct mt_entry got;
	size_t bad = 0;

	/* The whole key space as one entry. Nothing may follow it. */
	arrays_init(&arrays, 2);
	arrays.count = 1;
	arrays.last[0] = MT_KEY_MAX;
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	CHECK_EQ(build(&mt, &arrays, NULL), 0);
	CHECK_VALID(&mt);
	CHECK(mtree_lookup(&mt, 5, &got));
	CHECK_EQ(got.first, 0);
	CHECK_EQ(got.last, MT_KEY_MAX);
	mtree_destroy(&mt);
	arrays.count = 2;
	arrays.first[1] = arrays.last[1] = MT_KEY_MAX;
	CHECK_EQ(build(&mt, &arrays, &bad), -EINVAL);
	CHECK_EQ(bad, 1);
	arrays.first[1] = arrays.last[1] = 0;
	CHECK_EQ(build(&mt, &arrays, &bad), -EINVAL);
	CHECK_EQ(bad, 1);
	arrays.last[0] = 3;
	arrays.first[0] = 4;
	CHECK_EQ(build(&mt, &arrays, &bad), -EINVAL);
	CHECK_EQ(bad, 0);

	/* Nothing follows the last entry, though there would be room. */
	for (arrays.count = 1; arrays.count < 40; arrays.count++) {
		mt_key longer[2][41];
		uint64_t words[41];

		for (size_t i = 0; i <= arrays.count; i++) {
			longer[0][i] = i * 10;
			longer[1][i] = i * 10 + 9;
			words[i] = i;
		}
		CHECK_EQ(mt_build(&mt, longer[0], longer[1], words, arrays.count, NULL), 0);
		CHECK_VALID(&mt);
		CHECK_EQ(mt_entries(&mt), arrays.count);
		CHECK(!mtree_lookup(&mt, arrays.count * 10, &got));
		CHECK_EQ(got.last, MT_KEY_MAX);
		mtree_destroy(&mt);
	}
	arrays.count = 2;

	/* A tree that is not empty is left alone. */
	CHECK_EQ(mtree_store(&mt, 9, ENTRY(1)), 0);
	mt_init_pool(&same, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	CHECK_EQ(mtree_dup(&mt, &same), 0);
	arrays.first[0] = 0;
	arrays.first[1] = arrays.last[1] = 20;
	CHECK_EQ(build(&mt, &arrays, &bad), -EINVAL);
	CHECK_SAME_NODES(&mt, &same);
	mt_fini(&mt);
	mt_fini(&same);
	arrays_fini(&arrays);
	test_pool_end(pool);
}

/* An allocator that changes the input, which has been checked by then, when its turn has come. */
struct changer {
	struct arrays *arrays;
	size_t turn;
};

static void *change(void *context, size_t size, size_t align)
{
	struct changer *changer = context;
	struct arrays *arrays = changer->arrays;

	if (arrays->count && changer->turn-- == 0) {
		size_t changes = 1 + test_below(3);

		while (changes--) {
			size_t at = test_below(arrays->count);
			mt_key *end = test_below(2) ? &arrays->first[at] : &arrays->last[at];

			switch (test_below(4)) {
			case 0:
				*end = test_key();
				break;
			case 1:
				*end = test_below(2) ? 0 : MT_KEY_MAX;
				break;
			default:
				*end += test_below(5) - 2;
			}
		}
		/* A gap closes, and another opens. */
		if (test_below(4) == 0) {
			arrays->last[arrays->count - 1] = arrays->first[arrays->count - 1];
			for (size_t at = 1; at < arrays->count; at++)
				arrays->first[at] = arrays->last[at - 1] + 1;
		}
	}
	return aligned_alloc(align, size);
}

static void give_back(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	free(memory);
}

/* Either the tree is sound, or the change is noticed and nothing is left. */
static void input_that_changes_meanwhile(void)
{
	size_t step, steps = test_steps(20000), outcomes[2] = {0};

	for (step = 0; step < steps; step++) {
		struct arrays arrays;
		struct changer changer = {&arrays, test_below(4)};
		struct mt_allocator allocator = {change, give_back, &changer};
		struct maple_pool *pool;
		struct maple_tree mt;
		int status;

		random_arrays(&arrays, test_below(test_below(4) ? 40 : 4000),
			      (unsigned)test_below(101));
		changer.turn++; /* the first call is for the pool */
		CHECK_EQ(mt_pool_create(&pool, &allocator), 0);
		mt_init_pool(&mt, step % 2 ? MT_FLAGS_ALLOC_RANGE : 0, pool, NULL);
		status = build(&mt, &arrays, NULL);
		CHECK_VALID(&mt);
		if (status) {
			CHECK_EQ(status, -EAGAIN);
			CHECK(mtree_empty(&mt));
			CHECK_EQ(test_live(pool), 0);
		} else {
			CHECK_EQ(mt_entries(&mt), arrays.count);
		}
		outcomes[!status]++;
		mt_fini(&mt);
		test_pool_end(pool);
		arrays_fini(&arrays);
	}
	CHECK(outcomes[0] && outcomes[1]);
}

/* An allocator that makes one change, as soon as it has one to make. */
struct plan {
	struct arrays *arrays;
	void (*change)(struct arrays *arrays);
};

static void *change_once(void *context, size_t size, size_t align)
{
	struct plan *plan = context;

	if (plan->change)
		plan->change(plan->arrays);
	plan->change = NULL;
	return aligned_alloc(align, size);
}

/* Neighbours, except for a gap before entry 1, up to the last key. */
static void rows(struct arrays *arrays, size_t count)
{
	arrays_init(arrays, count);
	for (size_t i = 0; i < count; i++) {
		arrays->first[i] = i * 10 + (i == 1);
		arrays->last[i] = i + 1 < count ? i * 10 + 9 : MT_KEY_MAX;
	}
}

/* As many slots as before, and the last one is a gap. */
static void move_the_gap(struct arrays *arrays)
{
	arrays->first[1] = 10;
	arrays->last[arrays->count - 1] -= 7;
}

static void end_early(struct arrays *arrays)
{
	arrays->last[arrays->count - 1] -= 7;
}

/* A slot more, so that the last entry finds none. */
static void open_a_gap(struct arrays *arrays)
{
	arrays->first[2]++;
	arrays->last[arrays->count - 2] = MT_KEY_MAX;
}

static void built_while(void (*change)(struct arrays *arrays), size_t count, int expected)
{
	struct plan plan = {NULL, NULL};
	struct mt_allocator allocator = {change_once, give_back, &plan};
	struct maple_pool *pool;
	struct arrays arrays;
	struct maple_tree mt;

	rows(&arrays, count);
	CHECK_EQ(mt_pool_create(&pool, &allocator), 0);
	plan = (struct plan){&arrays, change};
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	CHECK_EQ(build(&mt, &arrays, NULL), expected);
	CHECK(!plan.change);
	CHECK_VALID(&mt);
	if (expected)
		CHECK(mtree_empty(&mt));
	else
		check_read(&mt, &arrays);
	mt_fini(&mt);
	test_pool_end(pool);
	arrays_fini(&arrays);
}

/* Input that is in order after the change too, but has no place in the tree that was planned: its last
 * leaf would be a gap, or the slots end before the keys do, or before the entries. */
static void input_that_changes_its_shape(void)
{
	for (size_t count = 4; count < 5 * MT_MAX_SLOTS; count++) {
		bool alone = count % MT_MAX_SLOTS == 0; /* count + 1 slots */

		built_while(move_the_gap, count, alone ? -EAGAIN : 0);
		built_while(end_early, count, -EAGAIN);
		built_while(open_a_gap, count, -EAGAIN);
	}
}

static const struct test_case cases[] = {
	{"built_equals_stored", built_equals_stored},
	{"bad_input_is_named", bad_input_is_named},
	{"corners", corners},
	{"input_that_changes_meanwhile", input_that_changes_meanwhile},
	{"input_that_changes_its_shape", input_that_changes_its_shape},
};

TEST_MAIN(cases)
