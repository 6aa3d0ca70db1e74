/* SPDX-License-Identifier: MIT */
/*
 * Threads that share one tree: many writers under its own lock, and readers at the same time as a
 * writer, under a lock of the caller's. Tests what docs/threads.md promises for that;
 * test_threads.c tests the rest.
 *
 * Also meant for ThreadSanitizer (make test-tsan): whatever threads share here is guarded by the
 * core, or by a lock or an atomic operation that the test names.
 */
#define _POSIX_C_SOURCE 200809L /* read-write locks */

#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 4, PLACES = 3000 };

/* ---- many writers of one tree --------------------------------------------------------------- */

struct claims {
	struct maple_tree *mt;
	uint64_t number; /* of the thread, from 1 */
	size_t won;
	uint8_t *taken; /* places; atomic */
};

/* Every thread tries every key, and one gets it. */
static void claim_keys(void *context)
{
	struct claims *claims = context;
	mt_key key = test_below(PLACES);

	for (size_t i = 0; i < PLACES; i++, key = (key + 1) % PLACES) {
		struct mt_entry occupied;
		int status = mtree_insert_range_word(claims->mt, key * 3, key * 3 + 1,
						     claims->number, &occupied);

		CHECK(status == 0 || status == -EEXIST);
		if (status == 0)
			claims->won++;
		else
			CHECK(occupied.first == key * 3 && occupied.word != claims->number);
	}
}

static void an_insert_has_one_winner(void)
{
	struct maple_pool *pool = test_pool();
	struct claims threads[THREADS];
	struct maple_tree mt;
	size_t won = 0;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		threads[i] = (struct claims){.mt = &mt, .number = i + 1};
	test_threads(THREADS, claim_keys, threads, sizeof(*threads));
	CHECK_VALID(&mt);
	CHECK_EQ(mt_entries(&mt), PLACES);
	for (unsigned i = 0; i < THREADS; i++) {
		size_t mine = 0;

		for (mt_key key = 0; key < PLACES; key++)
			mine += (uintptr_t)mtree_load(&mt, key * 3) == threads[i].number;
		CHECK_EQ(mine, threads[i].won);
		won += mine;
	}
	CHECK_EQ(won, PLACES);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* What one thread was given stays its own until it gives it back. */
static void take_and_give_back(void *context)
{
	struct claims *claims = context;
	size_t steps = test_steps(3000);

	for (size_t step = 0; step < steps; step++) {
		mt_key size = 1 + test_below(9), start;
		void *erased = NULL;
		int status;

		if (test_below(2))
			status = mtree_alloc_range(claims->mt, &start, ENTRY(claims->number), size,
						   0, PLACES - 1);
		else
			status = mtree_alloc_rrange(claims->mt, &start, ENTRY(claims->number), size,
						    0, PLACES - 1);
		CHECK_EQ(status, 0);
		for (mt_key key = start; key < start + size; key++)
			CHECK_EQ(__atomic_exchange_n(&claims->taken[key], 1, __ATOMIC_RELAXED), 0);
		for (mt_key key = start; key < start + size; key++)
			__atomic_store_n(&claims->taken[key], 0, __ATOMIC_RELAXED);
		CHECK_EQ(mtree_erase(claims->mt, start, &erased), 0);
		CHECK_EQ((uintptr_t)erased, claims->number);
	}
}

static void an_allocated_place_has_one_owner(void)
{
	struct maple_pool *pool = test_pool();
	struct claims threads[THREADS];
	uint8_t *taken = test_array(PLACES, 1);
	struct maple_tree mt;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		threads[i] = (struct claims){.mt = &mt, .number = i + 1, .taken = taken};
	test_threads(THREADS, take_and_give_back, threads, sizeof(*threads));
	CHECK(mtree_empty(&mt));
	mt_fini(&mt);
	free(taken);
	test_pool_end(pool);
}

/* Several calls as one under mtree_lock(): no count is lost. */
static void count_up(void *context)
{
	struct claims *claims = context;
	size_t steps = test_steps(2000);

	for (size_t step = 0; step < steps; step++) {
		struct ma_state mas;

		mas_init(&mas, claims->mt, test_below(50));
		mas_lock(&mas);
		CHECK(mas_walk_word(&mas));
		CHECK_EQ(mas_store_word(&mas, mas.word + 1), 0);
		mas_unlock(&mas);
	}
	claims->won = steps;
}

static void count_in_threads(void (*count)(void *context))
{
	struct maple_pool *pool = test_pool();
	struct claims threads[THREADS];
	uint64_t sum = 0, won = 0, word;
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, NULL);
	for (mt_key key = 0; key < 50; key++)
		CHECK_EQ(mtree_store_range_word(&mt, key, key, 0), 0);
	for (unsigned i = 0; i < THREADS; i++)
		threads[i] = (struct claims){.mt = &mt, .number = i + 1};
	test_threads(THREADS, count, threads, sizeof(*threads));
	for (mt_key key = 0; key < 50; key++) {
		CHECK(mtree_load_word(&mt, key, &word));
		sum += word;
	}
	for (unsigned i = 0; i < THREADS; i++)
		won += threads[i].won;
	CHECK_EQ(sum, won);
	mt_fini(&mt);
	test_pool_end(pool);
}

static void several_calls_under_the_lock_are_one(void)
{
	count_in_threads(count_up);
}

/* Contents that are exchanged once raced with threads that waited for the tree's lock: the lock was copied
 * too. ThreadSanitizer shows it. */
static void exchange_contents(void *context)
{
	struct claims *claims = context;
	mt_key keys[] = {0, 0};
	const uint64_t one = 1;
	const struct mt_accumulation what = {
		mt_number_unsigned, mt_op_add, keys, keys, &one, 2, true};
	size_t steps = test_steps(300);

	for (size_t step = 0; step < steps; step++) {
		struct maple_tree fork;
		MA_STATE(mas, &fork, test_below(50), 0);

		keys[0] = test_below(50);
		keys[1] = test_below(50);
		CHECK_EQ(mtree_accumulate(claims->mt, &what, NULL), 0);
		mtree_lock(claims->mt);
		mt_fork(claims->mt, &fork);
		mtree_lock_nested(&fork, MT_LOCK_NESTED);
		CHECK(mas_walk_word(&mas));
		CHECK_EQ(mas_store_word(&mas, mas.word + 1), 0);
		mt_exchange(claims->mt, &fork);
		mtree_unlock(&fork);
		mtree_unlock(claims->mt);
		mt_fini(&fork);
	}
	claims->won = 3 * steps;
}

static void contents_are_exchanged_while_others_wait(void)
{
	count_in_threads(exchange_contents);
}

/* ---- a lock of the caller's ----------------------------------------------------------------- */

struct guarded {
	struct maple_tree *mt;
	pthread_rwlock_t *lock;
	bool writes;
	size_t steps;
};

/* Every entry is as long as its word, at any moment at which a reader looks. Each lies in a block
 * of its own. */
static void use_guarded(void *context)
{
	const struct guarded *guarded = context;

	for (size_t step = 0; step < guarded->steps; step++) {
		mt_key key = test_below(1000), last, start, seen = 0;
		struct maple_tree *mt = guarded->mt;
		struct mt_entry entry;
		struct ma_state mas;

		if (guarded->writes) {
			key -= key % 50;
			last = key + test_below(50);
			pthread_rwlock_wrlock(guarded->lock);
			CHECK_EQ(mtree_clear_range(mt, key, key + 49), 0);
			CHECK_EQ(mtree_store_range_word(mt, key, last, last - key), 0);
			pthread_rwlock_unlock(guarded->lock);
			continue;
		}
		/* Look-ups, cursors and searches only read, so any number of them may run at
		 * once. */
		pthread_rwlock_rdlock(guarded->lock);
		if (mtree_find(mt, key, MT_KEY_MAX, &entry))
			CHECK_EQ(entry.last - entry.first, entry.word);
		if (mtree_find_rev(mt, key, 0, &entry))
			CHECK_EQ(entry.last - entry.first, entry.word);
		mas_init(&mas, mt, 0);
		while (mas_find_word(&mas, MT_KEY_MAX, false)) {
			CHECK(mas.index >= seen);
			CHECK_EQ(mas.last - mas.index, mas.word);
			seen = mas.last + 1;
		}
		CHECK_EQ(mt_empty_area(mt, 0, MT_KEY_MAX, 5, 1, 0, true, &start), 0);
		CHECK_VALID(mt);
		pthread_rwlock_unlock(guarded->lock);
	}
}

static void look_ups_share_a_lock_of_the_callers(void)
{
	pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
	struct maple_pool *pool = test_pool();
	struct guarded threads[THREADS];
	struct maple_tree mt;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN, pool, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		threads[i] = (struct guarded){
			.mt = &mt, .lock = &lock, .writes = i == 0, .steps = test_steps(1500)};
	test_threads(THREADS, use_guarded, threads, sizeof(*threads));
	CHECK_EQ(mt.ma_lock.held, 0);
	mt_fini(&mt);
	test_pool_end(pool);
}

static const struct test_case cases[] = {
	{"an_insert_has_one_winner", an_insert_has_one_winner},
	{"an_allocated_place_has_one_owner", an_allocated_place_has_one_owner},
	{"several_calls_under_the_lock_are_one", several_calls_under_the_lock_are_one},
	{"contents_are_exchanged_while_others_wait", contents_are_exchanged_while_others_wait},
	{"look_ups_share_a_lock_of_the_callers", look_ups_share_a_lock_of_the_callers},
};

TEST_MAIN(cases)
