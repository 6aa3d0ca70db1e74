/* SPDX-License-Identifier: MIT */
/*
 * A family of trees that fork, duplicate and slice each other and are written with every operation,
 * at times out of memory, each against its own oracle. After each step every member is checked
 * whole; now and then the references of all values are counted by visiting: private leaves of each
 * tree, shared ones once.
 */
#include "oracle.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

enum { MEMBERS = 7, CELLS = 260, WORDS = 500 };

struct member {
	struct maple_tree mt;
	struct oracle oracle;
};

struct family {
	struct maple_pool *pool;
	struct test_counts counts;
	struct mt_value_ops ops;
	uint32_t flags;
	bool random_widths;
	bool coalesces;
	struct oracle blank; /* the cells that all members have */
	struct member member[MEMBERS];
	size_t count;
};

static bool words_equal(void *context, const struct mt_entry *left, const struct mt_entry *right)
{
	(void)context;
	return left->word == right->word;
}

static void add_empty(struct family *family)
{
	struct member *member = &family->member[family->count++];

	mt_init_pool(&member->mt, family->flags, family->pool, &family->ops);
	oracle_copy(&family->blank, &member->oracle);
}

/* Arrays are shorter without holes: the last member moves. A tree is movable; only cursors point at
 * it. */
static void end_member(struct family *family, size_t number)
{
	mt_fini(&family->member[number].mt);
	oracle_fini(&family->member[number].oracle);
	family->member[number] = family->member[--family->count];
}

static uint64_t random_word(const struct family *family)
{
	return test_below(family->coalesces ? 5 : WORDS);
}

static void random_cells(const struct oracle *oracle, size_t *low, size_t *high)
{
	size_t width = 1 + test_below(test_below(6) ? 5 : test_below(4) ? 40 : CELLS);

	*low = test_below(oracle->cells);
	*high = *low + width - 1;
	if (*high >= oracle->cells)
		*high = oracle->cells - 1;
}

/* ---- writes: each of them may be told to run out of memory ----------------------------------- */

static void store(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	uint64_t word = random_word(family);
	size_t low, high;
	int got;

	random_cells(oracle, &low, &high);
	if (test_below(2)) {
		MA_STATE(mas, &member->mt, oracle_first(oracle, low), oracle_last(oracle, high));
		got = mas_store_word(&mas, word);
		if (!got) {
			CHECK(mas.present);
			CHECK_EQ(mas.status, ma_active);
		}
	} else {
		got = mtree_store_range_word(&member->mt, oracle_first(oracle, low),
					     oracle_last(oracle, high), word);
	}
	if (got)
		CHECK_EQ(got, -ENOMEM);
	else
		oracle_store(oracle, low, high, word);
}

static void insert(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	struct mt_entry way, occupied;
	uint64_t word = random_word(family);
	size_t low, high;
	int got;

	random_cells(oracle, &low, &high);
	got = mtree_insert_range_word(&member->mt, oracle_first(oracle, low),
				      oracle_last(oracle, high), word, &occupied);
	if (oracle_occupied(oracle, low, high, &way)) {
		CHECK_EQ(got, -EEXIST);
		CHECK_EQ(occupied.first, way.first);
		CHECK_EQ(occupied.last, way.last);
		CHECK_EQ(occupied.word, way.word);
	} else if (got) {
		CHECK_EQ(got, -ENOMEM);
	} else {
		oracle_store(oracle, low, high, word);
	}
}

static void clear(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	size_t low, high;
	int got;

	(void)family;
	random_cells(oracle, &low, &high);
	got = mtree_clear_range(&member->mt, oracle_first(oracle, low), oracle_last(oracle, high));
	if (got)
		CHECK_EQ(got, -ENOMEM);
	else
		oracle_clear(oracle, low, high);
}

static void erase(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	size_t cell = test_below(oracle->cells);
	int got;

	(void)family;
	if (test_below(2)) {
		MA_STATE(mas, &member->mt, oracle_key(oracle, cell), 0);
		got = mas_erase(&mas, NULL);
	} else {
		got = mtree_erase(&member->mt, oracle_key(oracle, cell), NULL);
	}
	if (got)
		CHECK_EQ(got, -ENOMEM);
	else if (oracle->range[cell])
		oracle_clear(oracle, oracle_low(oracle, cell), oracle_high(oracle, cell));
}

static void allocate(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	uint64_t word = 1 + test_below(4), size = 1 + test_below(9), start = 0, expected = 0;
	size_t min = test_below(CELLS - 1), max = min + test_below(CELLS - 1 - min);
	bool reverse = test_below(2);
	int got;

	/* Only one-key cells can be taken in part. */
	if (family->random_widths || !(family->flags & MT_FLAGS_ALLOC_RANGE))
		return;
	if (size > max - min + 1)
		size = max - min + 1;
	got = (reverse ? mtree_alloc_rrange : mtree_alloc_range)(
		&member->mt, &start, (void *)(uintptr_t)word, size, min, max);
	if (!oracle_empty_area(oracle, min, max, size, 1, reverse, &expected)) {
		CHECK_EQ(got, -EBUSY);
	} else if (got) {
		CHECK_EQ(got, -ENOMEM);
	} else {
		CHECK_EQ(start, expected);
		oracle_store(oracle, start, start + size - 1, word);
	}
}

/* Replace or erase each entry with the cursor that reads them. */
static void sweep(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	struct ma_state mas;
	size_t left = test_below(30);
	int got = 0;

	if (family->coalesces)
		return;
	mas_init(&mas, &member->mt, oracle_key(oracle, test_below(oracle->cells)));
	while (!got && left-- && mas_find_word(&mas, UINT64_MAX, false)) {
		size_t low = oracle_cell(oracle, mas.index), high = oracle_cell(oracle, mas.last);
		uint64_t word = random_word(family);

		if (test_below(4)) {
			got = mas_store_word(&mas, word);
			if (!got)
				oracle_store(oracle, low, high, word);
		} else {
			got = mas_erase(&mas, NULL);
			if (!got)
				oracle_clear(oracle, low, high);
		}
	}
	if (got)
		CHECK_EQ(got, -ENOMEM);
}

static void preallocated(struct family *family, struct member *member)
{
	struct oracle *oracle = &member->oracle;
	uint64_t word = 1 + test_below(4);
	struct ma_state mas;
	size_t low, high;
	int got;

	(void)family;
	random_cells(oracle, &low, &high);
	mas_init(&mas, &member->mt, 0);
	mas_set_range(&mas, oracle_first(oracle, low), oracle_last(oracle, high));
	got = mas_preallocate(&mas, (void *)(uintptr_t)word);
	if (got) {
		CHECK_EQ(got, -ENOMEM);
	} else if (test_below(8)) {
		CHECK_EQ(mas_store_prealloc(&mas, (void *)(uintptr_t)word), 0);
		oracle_store(oracle, low, high, word);
	}
	mas_destroy(&mas);
}

/* ---- reads ----------------------------------------------------------------------------------- */

static void look_up(struct family *family, struct member *member)
{
	const struct oracle *oracle = &member->oracle;
	size_t cell = test_below(oracle->cells), max = cell + test_below(oracle->cells - cell);
	uint64_t key = oracle_key(oracle, cell), word, batch_word;
	uint8_t batch_present;
	struct mt_entry got, expected;
	bool there = oracle_at(oracle, cell, &expected);

	(void)family;
	CHECK_EQ(mtree_lookup(&member->mt, key, &got), there);
	CHECK_EQ(got.first, expected.first);
	CHECK_EQ(got.last, expected.last);
	CHECK_EQ(mtree_load_word(&member->mt, key, &word), there);
	CHECK_EQ(mt_load_batch(&member->mt, &key, 1, 0, &batch_word, &batch_present), there);
	if (there) {
		CHECK_EQ(got.word, expected.word);
		CHECK_EQ(word, expected.word);
		CHECK_EQ(batch_word, expected.word);
	}
	there = oracle_find(oracle, cell, max, &expected);
	CHECK_EQ(mtree_find(&member->mt, key, oracle_last(oracle, max), &got), there);
	if (there)
		CHECK_EQ(got.first, expected.first);
	there = oracle_find_rev(oracle, max, cell, &expected);
	CHECK_EQ(mtree_find_rev(&member->mt, oracle_key(oracle, max), oracle_first(oracle, cell),
				&got),
		 there);
	if (there)
		CHECK_EQ(got.last, expected.last);
}

static void search(struct family *family, struct member *member)
{
	uint64_t min = test_below(CELLS),
		 max = min + test_below(test_below(4) ? CELLS : UINT64_MAX - min),
		 size = 1 + test_below(max - min + 1 < 30 ? max - min + 1 : 30), expected, start,
		 align = 1 + test_below(5);
	bool reverse = test_below(2);

	if (!(family->flags & MT_FLAGS_ALLOC_RANGE))
		return;
	if (oracle_empty_area(&member->oracle, min, max, size, align, reverse, &expected)) {
		CHECK_EQ(mt_empty_area(&member->mt, min, max, size, align, reverse, &start), 0);
		CHECK_EQ(start, expected);
	} else {
		CHECK_EQ(mt_empty_area(&member->mt, min, max, size, align, reverse, &start),
			 -EBUSY);
	}
}

struct differing {
	const struct oracle *a;
	const struct oracle *b;
	size_t next;
};

static bool cells_differ(const struct differing *differing, size_t cell)
{
	const struct oracle *a = differing->a, *b = differing->b;

	return !a->range[cell] != !b->range[cell] ||
	       (a->range[cell] && a->word[cell] != b->word[cell]);
}

static int check_difference(void *context, const struct mt_difference *difference)
{
	struct differing *differing = context;
	size_t cell = oracle_cell(differing->a, difference->first);

	for (; differing->next < cell; differing->next++)
		CHECK(!cells_differ(differing, differing->next));
	cell = oracle_cell(differing->a, difference->last);
	for (; differing->next <= cell; differing->next++)
		CHECK(cells_differ(differing, differing->next));
	return 0;
}

static void compare(struct family *family, struct member *member)
{
	struct member *other = &family->member[test_below(family->count)];
	struct differing differing = {&member->oracle, &other->oracle, 0};

	CHECK_EQ(mt_diff(&member->mt, &other->mt, check_difference, &differing), 0);
	for (; differing.next < CELLS; differing.next++)
		CHECK(!cells_differ(&differing, differing.next));
}

/* ---- relatives ------------------------------------------------------------------------------- */

static struct member *room(struct family *family)
{
	return family->count < MEMBERS ? &family->member[family->count] : NULL;
}

static void fork_one(struct family *family, struct member *member)
{
	struct member *child = room(family);

	if (!child)
		return;
	test_fork(&member->mt, &child->mt);
	oracle_copy(&member->oracle, &child->oracle);
	family->count++;
}

static void duplicate(struct family *family, struct member *member)
{
	struct member *child = room(family);
	int got;

	if (!child)
		return;
	mt_init_pool(&child->mt, family->flags, family->pool, &family->ops);
	got = mtree_dup(&member->mt, &child->mt);
	if (got) {
		CHECK_EQ(got, -ENOMEM);
		CHECK(mtree_empty(&child->mt));
		mt_fini(&child->mt);
		return;
	}
	oracle_copy(&member->oracle, &child->oracle);
	family->count++;
}

static void slice(struct family *family, struct member *member)
{
	struct member *child = room(family);
	size_t low, high;
	int got;

	if (!child)
		return;
	random_cells(&member->oracle, &low, &high);
	mtree_lock(&member->mt);
	got = mt_slice(&member->mt, oracle_first(&member->oracle, low),
		       oracle_last(&member->oracle, high), &child->mt);
	mtree_unlock(&member->mt);
	if (got) {
		CHECK_EQ(got, -ENOMEM);
		CHECK(mtree_empty(&child->mt));
		mt_fini(&child->mt);
		return;
	}
	oracle_copy(&member->oracle, &child->oracle);
	if (low)
		oracle_clear(&child->oracle, 0, low - 1);
	if (high + 1 < CELLS)
		oracle_clear(&child->oracle, high + 1, CELLS - 1);
	family->count++;
}

static void destroy(struct family *family, struct member *member)
{
	if (test_below(3)) {
		end_member(family, (size_t)(member - family->member));
		if (!family->count)
			add_empty(family);
		return;
	}
	mtree_destroy(&member->mt);
	oracle_clear(&member->oracle, 0, CELLS - 1);
}

static int count_visited(void *context, const uint64_t *words, uint32_t present)
{
	uint64_t *visited = context;
	unsigned i;

	for (i = 0; i < MT_MAX_SLOTS; i++) {
		if (present >> i & 1u)
			visited[words[i]]++;
	}
	return 0;
}

/* The family holds as many references to each word as its leaves have places with it. */
static void count_references(struct family *family)
{
	uint64_t visited[WORDS] = {0};
	uint32_t pass = mt_visit_begin(family->pool);
	size_t i;

	for (i = 0; i < family->count; i++) {
		CHECK_EQ(mt_visit_private(&family->member[i].mt, count_visited, visited), 0);
		CHECK_EQ(mt_visit_shared(&family->member[i].mt, pass, count_visited, visited), 0);
	}
	for (i = 0; i < WORDS; i++)
		CHECK_EQ(family->counts.references[i], visited[i]);
}

static void (*const steps_of_a_family[])(struct family *, struct member *) = {
	store,   store,        store,    store,     insert,  insert,  clear,
	erase,   erase,        allocate, sweep,     look_up, look_up, search,
	compare, preallocated, fork_one, duplicate, slice,   destroy,
};

static void run(uint32_t flags, bool random_widths, bool coalesces, bool serial, size_t steps)
{
	struct family family = {
		.flags = flags, .random_widths = random_widths, .coalesces = coalesces};
	size_t step, i;

	family.pool = test_pool();
	if (serial)
		mt_pool_serial(family.pool);
	test_counts_init(&family.counts, WORDS);
	family.ops = test_count_ops(&family.counts);
	if (coalesces)
		family.ops.equal = words_equal;
	if (random_widths)
		oracle_init_random(&family.blank, CELLS);
	else
		oracle_init(&family.blank, CELLS);
	family.blank.coalesces = coalesces;
	add_empty(&family);
	for (step = 0; step < steps; step++) {
		if (test_below(8) == 0)
			mt_pool_fail_nth(family.pool, 1 + test_below(12));
		steps_of_a_family[test_below(sizeof(steps_of_a_family) /
					     sizeof(*steps_of_a_family))](
			&family, &family.member[test_below(family.count)]);
		mt_pool_fail_nth(family.pool, 0);
		for (i = 0; i < family.count; i++)
			CHECK_ORACLE(&family.member[i].oracle, &family.member[i].mt);
		if (step % 16 == 0)
			count_references(&family);
	}
	while (family.count)
		end_member(&family, test_below(family.count));
	test_counts_end(&family.counts);
	oracle_fini(&family.blank);
	test_pool_end(family.pool);
}

static void every_kind_of_family(void)
{
	size_t steps = test_steps(160000) / 16 + 1;
	unsigned kind;

	for (kind = 0; kind < 16; kind++)
		run(kind & 1 ? MT_FLAGS_ALLOC_RANGE : 0, kind & 2, kind & 4, kind & 8, steps);
}

static const struct test_case cases[] = {
	{"every_kind_of_family", every_kind_of_family},
};

TEST_MAIN(cases)
