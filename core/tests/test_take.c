/* SPDX-License-Identifier: MIT */
/*
 * Look-ups that take a reference to the value while a writer releases values, and contents that are
 * exchanged while they are read. Also meant for ThreadSanitizer (make test-tsan).
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>

#define LOCKS (MT_FLAGS_LOCK_EXTERN | MT_FLAGS_LOCK_WRITERS)

/* ---- objects with counted references, whose memory is used again ------------------------------ */

enum { OBJECTS = 320, KEYS = 256, READERS = 2, TASKS = READERS + 1 };

/* While the count is 0, the writer makes it another object. */
static struct object {
	uint32_t count;
	uint32_t first;
	uint32_t last;
} objects[OBJECTS];

static bool take(uint64_t word)
{
	uint32_t *count = &objects[word].count;
	uint32_t seen = __atomic_load_n(count, __ATOMIC_RELAXED);

	while (seen)
		if (__atomic_compare_exchange_n(count, &seen, seen + 1, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static void give(uint64_t word)
{
	CHECK(__atomic_fetch_sub(&objects[word].count, 1u, __ATOMIC_ACQ_REL) > 0);
}

static bool take_nothing(uint64_t word)
{
	(void)word;
	return false;
}

static void retain_words(void *context, const uint64_t *words, uint32_t present)
{
	(void)context;
	for (; present; present &= present - 1)
		__atomic_fetch_add(&objects[words[__builtin_ctz(present)]].count, 1u,
				   __ATOMIC_RELAXED);
}

static void release_words(void *context, const uint64_t *words, uint32_t present)
{
	(void)context;
	for (; present; present &= present - 1)
		give(words[__builtin_ctz(present)]);
}

static const struct mt_value_ops counting = {.retain = retain_words, .release = release_words};

/* A new object for keys [first, last], with one reference. There are more objects than keys. */
static uint64_t make_object(uint32_t first, uint32_t last)
{
	uint64_t word = test_below(OBJECTS);

	while (__atomic_load_n(&objects[word].count, __ATOMIC_ACQUIRE))
		word = (word + 1) % OBJECTS;
	objects[word].first = first;
	objects[word].last = last;
	__atomic_store_n(&objects[word].count, 1, __ATOMIC_RELEASE);
	return word;
}

/* ---- taking beside a writer ------------------------------------------------------------------- */

struct shared {
	struct maple_tree mt;
	size_t steps;
	bool done;
};

struct task {
	struct shared *shared;
	void (*run)(struct shared *shared);
};

static void run_task(void *context)
{
	struct task *task = context;

	task->run(task->shared);
}

/* The entry there gets another object, by a cursor: only a word changes. */
static void replace_object(struct shared *shared, mt_key key)
{
	MA_STATE(mas, &shared->mt, key, key);
	uint64_t word;

	mas_lock(&mas);
	if (mas_walk_word(&mas)) {
		word = make_object((uint32_t)mas.index, (uint32_t)mas.last);
		CHECK(mas_replace_word(&mas, word));
		give(word);
	}
	mas_unlock(&mas);
}

static void write_objects(struct shared *shared)
{
	for (size_t step = 0; step < shared->steps; step++) {
		uint32_t first = (uint32_t)test_below(KEYS / 8) * 8;
		uint32_t last = first + (uint32_t)test_below(8);
		uint64_t word = make_object(first, last);

		if (test_below(4) == 0)
			CHECK_EQ(mtree_clear_range(&shared->mt, first, last), 0);
		else
			CHECK_EQ(mtree_store_range_word(&shared->mt, first, last, word), 0);
		give(word);
		replace_object(shared, test_below(KEYS));
		if (test_below(2000) == 0)
			mtree_destroy(&shared->mt);
	}
	__atomic_store_n(&shared->done, true, __ATOMIC_RELEASE);
}

/* What was taken is the object that is stored there: not one that has its memory now. */
static void take_objects(struct shared *shared)
{
	while (!__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE)) {
		mt_key key = test_below(KEYS);
		struct mt_entry entry = {key, key, 0};
		int got = test_below(2)
				  ? mtree_lookup_take(&shared->mt, key, &entry, take, give)
				  : mtree_load_take(&shared->mt, key, &entry.word, take, give);

		CHECK(got == 0 || got == 1);
		CHECK(entry.first <= key && key <= entry.last);
		if (!got)
			continue;
		CHECK(objects[entry.word].first <= entry.first);
		CHECK(objects[entry.word].last >= entry.last);
		give(entry.word);
	}
}

static void run_tasks(struct shared *shared, void (*write)(struct shared *shared),
		      void (*read)(struct shared *shared))
{
	struct task tasks[TASKS];

	for (unsigned i = 0; i < TASKS; i++)
		tasks[i] = (struct task){shared, i ? read : write};
	test_threads(TASKS, run_task, tasks, sizeof(*tasks));
}

static void what_is_taken_is_stored_there(void)
{
	for (unsigned variant = 0, version = 0; variant < 6; variant++, version++) {
		struct maple_pool *pool = test_pool();
		struct shared shared = {.steps = test_steps(150000)};

		if (!test_search(version))
			test_search(version = 0);
		mt_init_pool(&shared.mt,
			     (variant & 1 ? MT_FLAGS_ALLOC_RANGE : 0) | (variant & 2 ? LOCKS : 0),
			     pool, &counting);
		run_tasks(&shared, write_objects, take_objects);
		CHECK_VALID(&shared.mt);
		mt_fini(&shared.mt);
		for (size_t i = 0; i < OBJECTS; i++)
			CHECK_EQ(objects[i].count, 0);
		test_pool_end(pool);
	}
	test_search(TEST_CHOSEN_SEARCH);
}

static void take_what_is_refused(void)
{
	struct maple_pool *pool = test_pool();
	struct mt_entry entry;
	struct maple_tree mt;
	uint64_t word = 7;

	mt_init_pool(&mt, 0, pool, NULL);
	CHECK_EQ(mtree_lookup_take(&mt, 7, &entry, take_nothing, give), 0);
	CHECK_EQ(entry.first, 0);
	CHECK_EQ(entry.last, MT_KEY_MAX);
	CHECK_EQ(mtree_store_range_word(&mt, 5, 9, 3), 0);
	CHECK_EQ(mtree_lookup_take(&mt, 7, &entry, take_nothing, give), -EAGAIN);
	CHECK_EQ(mtree_lookup_take(&mt, 10, &entry, take_nothing, give), 0);
	CHECK_EQ(entry.first, 10);
	objects[3].count = 1;
	CHECK_EQ(mtree_lookup_take(&mt, 7, &entry, take, give), 1);
	CHECK_EQ(entry.first, 5);
	CHECK_EQ(entry.last, 9);
	CHECK_EQ(entry.word, 3);
	CHECK_EQ(objects[3].count, 2);
	CHECK_EQ(mtree_load_take(&mt, 4, &word, take, give), 0);
	CHECK_EQ(word, 0);
	CHECK_EQ(mtree_load_take(&mt, 5, &word, take_nothing, give), -EAGAIN);
	CHECK_EQ(mtree_load_take(&mt, 9, &word, take, give), 1);
	CHECK_EQ(word, 3);
	CHECK_EQ(objects[3].count, 3);
	mtree_destroy(&mt);
	CHECK_EQ(mtree_load_take(&mt, 9, &word, take, give), 0);
	objects[3].count = 0;
	mt_fini(&mt);
	test_pool_end(pool);
}

static void who_refuses_an_entry_is_told(void)
{
	for (unsigned version = 0; test_search(version); version++)
		take_what_is_refused();
}

/* ---- a take that changes the tree ------------------------------------------------------------- */

static struct maple_tree *taken_from;
static bool by_cursor;
static unsigned taken, given;

static void replace_entry(struct maple_tree *mt, mt_key first, mt_key last, uint64_t word)
{
	MA_STATE(mas, mt, first, first);

	if (!by_cursor) {
		CHECK_EQ(mtree_store_range_word(mt, first, last, word), 0);
		return;
	}
	CHECK(mas_walk_word(&mas));
	CHECK(mas_replace_word(&mas, word));
}

/* The first time, the value goes before it is taken, and another one comes. */
static bool take_late(uint64_t word)
{
	CHECK_EQ(word, taken ? 2 : 1);
	if (taken++ == 0)
		replace_entry(taken_from, 0, 9, 2);
	return true;
}

static bool take_never(uint64_t word)
{
	take_late(word);
	return false;
}

static void give_late(uint64_t word)
{
	CHECK_EQ(word, 1);
	given++;
}

static void take_what_goes(void)
{
	for (unsigned variant = 0; variant < 4; variant++) {
		bool refuses = variant & 1;
		bool (*taking)(uint64_t word) = refuses ? take_never : take_late;
		struct maple_pool *pool = test_pool();
		struct mt_entry entry;
		struct maple_tree mt;

		mt_init_pool(&mt, LOCKS, pool, NULL);
		CHECK_EQ(mtree_store_range_word(&mt, 0, 9, 1), 0);
		taken_from = &mt;
		taken = given = 0;
		CHECK_EQ(variant & 2 ? mtree_load_take(&mt, 4, &entry.word, taking, give_late)
				     : mtree_lookup_take(&mt, 4, &entry, taking, give_late),
			 refuses ? -EAGAIN : 1);
		CHECK_EQ(entry.word, 2);
		CHECK_EQ(taken, 2);
		CHECK_EQ(given, !refuses);
		mt_fini(&mt);
		test_pool_end(pool);
	}
}

static void what_is_gone_is_given_back(void)
{
	by_cursor = false;
	for (unsigned version = 0; test_search(version); version++)
		take_what_goes();
}

/* A cursor once replaced a word without a trace: what was taken then could be another object, which had
 * got the memory of the one that was gone. */
static void what_a_cursor_replaced_is_given_back(void)
{
	by_cursor = true;
	for (unsigned version = 0; test_search(version); version++)
		take_what_goes();
}

/* ---- exchanging ------------------------------------------------------------------------------- */

/* The contents number 1: one entry. Number 2: one for each key. */
static void write_contents(struct shared *shared)
{
	struct maple_tree spare;

	mt_init_pool(&spare, LOCKS, shared->mt.ma_pool, NULL);
	for (mt_key key = 0; key < KEYS; key++)
		CHECK_EQ(mtree_store_range_word(&spare, key, key, 2), 0);
	for (size_t step = 0; step < shared->steps; step++) {
		mt_exchange(&shared->mt, &spare);
		if (step % 64 == 0) { /* other nodes */
			struct maple_tree copy;

			mt_init_pool(&copy, mt_attr(&spare), spare.ma_pool, NULL);
			CHECK_EQ(mtree_dup(&spare, &copy), 0);
			mt_fini(&spare);
			spare = copy;
		}
	}
	CHECK_VALID(&spare);
	mt_fini(&spare);
	__atomic_store_n(&shared->done, true, __ATOMIC_RELEASE);
}

static void read_contents(struct shared *shared)
{
	while (!__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE)) {
		mt_key key = test_below(KEYS);
		struct mt_entry entry;
		uint64_t word = 0;

		CHECK(mtree_load_word(&shared->mt, key, &word));
		CHECK(word == 1 || word == 2);
		CHECK(mtree_lookup(&shared->mt, key, &entry));
		CHECK_EQ(entry.first, entry.word == 1 ? 0 : key);
		CHECK_EQ(entry.last, entry.word == 1 ? KEYS - 1 : key);
		CHECK(!mtree_find(&shared->mt, KEYS, MT_KEY_MAX, &entry));
	}
}

static void contents_are_exchanged_at_once(void)
{
	struct maple_pool *pool = test_pool();
	struct shared shared = {.steps = test_steps(200000)};

	mt_init_pool(&shared.mt, LOCKS, pool, NULL);
	CHECK_EQ(mtree_store_range_word(&shared.mt, 0, KEYS - 1, 1), 0);
	run_tasks(&shared, write_contents, read_contents);
	CHECK_VALID(&shared.mt);
	mt_fini(&shared.mt);
	test_pool_end(pool);
}

/* Attributes, pools, value operations and counts go with the contents; sequences and cursors notice. */
static void everything_is_exchanged(void)
{
	struct maple_pool *pools[] = {test_pool(), test_pool()};
	struct maple_tree a, b, fork;
	uint32_t sequence;

	mt_init_pool(&a, LOCKS, pools[0], NULL);
	mt_init_pool(&b, MT_FLAGS_ALLOC_RANGE, pools[1], &counting);
	CHECK_EQ(mtree_store_range_word(&a, 1, 4, 7), 0);
	test_fork(&a, &fork);
	for (mt_key key = 0; key < 40; key++)
		CHECK_EQ(mtree_store_range_word(&b, 2 * key, 2 * key, 8), 0);
	CHECK_EQ(objects[8].count, 40);
	sequence = a.ma_sequence;
	{
		MA_STATE(mas, &a, 1, 1);

		CHECK(mas_walk_word(&mas));
		mt_exchange(&a, &b);
		CHECK(mas_next_word(&mas, MT_KEY_MAX, false));
		CHECK_EQ(mas.index, 2); /* the one after key 1 */
	}
	CHECK_EQ(a.ma_sequence, sequence + 2);
	CHECK_EQ(mt_attr(&a), MT_FLAGS_ALLOC_RANGE);
	CHECK_EQ(mt_attr(&b), LOCKS);
	CHECK_EQ(mt_entries(&a), 40);
	CHECK_EQ(mt_entries(&b), 1);
	CHECK_EQ(mt_height(&b), 1);
	CHECK_VALID(&a);
	CHECK_VALID(&b);
	/* The leaf that b has got is shared: it is copied first. */
	CHECK_EQ(mtree_store_range_word(&b, 2, 2, 9), 0);
	CHECK_EQ((uintptr_t)mtree_load(&fork, 2), 7);
	mt_fini(&fork);
	mt_fini(&b);
	CHECK_EQ(test_live(pools[0]), 0);
	mt_fini(&a);
	CHECK_EQ(objects[8].count, 0);
	test_pool_end(pools[0]);
	test_pool_end(pools[1]);
}

static const struct test_case cases[] = {
	{"what_is_taken_is_stored_there", what_is_taken_is_stored_there},
	{"who_refuses_an_entry_is_told", who_refuses_an_entry_is_told},
	{"what_is_gone_is_given_back", what_is_gone_is_given_back},
	{"what_a_cursor_replaced_is_given_back", what_a_cursor_replaced_is_given_back},
	{"contents_are_exchanged_at_once", contents_are_exchanged_at_once},
	{"everything_is_exchanged", everything_is_exchanged},
};

TEST_MAIN(cases)
