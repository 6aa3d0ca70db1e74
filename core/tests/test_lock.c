/* SPDX-License-Identifier: MIT */
/*
 * Locks: what takes them, what reports a second one, and two threads on one tree. Only builds with
 * MT_DEBUG report; the others must not report or hang.
 */
#define _POSIX_C_SOURCE 200809L /* dup() and fileno() */

#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef MT_DEBUG
#define REPORTS_EXPECTED 1
#else
#define REPORTS_EXPECTED 0
#endif

static unsigned reports;

static void count_report(const char *message)
{
	CHECK(strlen(message) > 0);
	reports++;
}

static void a_second_lock_without_nesting_is_reported(void)
{
	DEFINE_MTREE(a);
	DEFINE_MTREE(b);
	DEFINE_MTREE(c);

	mt_set_lock_report(count_report);
	reports = 0;
	mtree_lock(&a);
	mtree_lock(&b);
	CHECK_EQ(reports, REPORTS_EXPECTED);
	mtree_unlock(&b);
	mtree_unlock(&a);

	/* The other order, and through cursors. */
	MA_STATE(of_a, &a, 0, 0);
	MA_STATE(of_b, &b, 0, 0);
	reports = 0;
	mas_lock(&of_b);
	mas_lock(&of_a);
	CHECK_EQ(reports, REPORTS_EXPECTED);
	mas_unlock(&of_a);
	mas_unlock(&of_b);

	/* Two nested locks of the same subclass are also wrong. */
	reports = 0;
	mtree_lock(&a);
	mtree_lock_nested(&b, MT_LOCK_NESTED);
	mtree_lock_nested(&c, MT_LOCK_NESTED);
	CHECK_EQ(reports, REPORTS_EXPECTED);
	mtree_unlock(&c);
	mtree_unlock(&b);
	mtree_unlock(&a);

	/* Releasing a lock that nobody holds. */
	reports = 0;
	mtree_unlock(&a);
	CHECK_EQ(reports, REPORTS_EXPECTED);
}

static struct maple_tree *taken_twice;

/* Releases the lock. Otherwise the thread would now wait for it forever. */
static void unlock_what_was_taken_twice(const char *message)
{
	struct maple_tree *mt = taken_twice;

	CHECK(strstr(message, "taken twice"));
	reports++;
	taken_twice = NULL;
	mtree_unlock(mt);
}

static void a_lock_taken_twice_is_reported(void)
{
	DEFINE_MTREE(a);

	if (!REPORTS_EXPECTED)
		return;
	mt_set_lock_report(unlock_what_was_taken_twice);
	reports = 0;
	taken_twice = &a;
	mtree_lock(&a);
	mtree_lock(&a);
	CHECK_EQ(reports, 1);
	CHECK_EQ(a.ma_lock.held, 1);
	mtree_unlock(&a);
	CHECK_EQ(a.ma_lock.held, 0);
}

/* A thread remembers sixteen locks. Any lock beyond is reported when it is taken and when it is
 * released. */
static void too_many_locks_are_reported(void)
{
	enum { MOST = 16, TREES = 18 };
	static struct maple_tree mt[TREES];
	unsigned i;

	mt_set_lock_report(count_report);
	reports = 0;
	for (i = 0; i < TREES; i++) {
		mt_init(&mt[i]);
		mtree_lock_nested(&mt[i], (int)i);
		CHECK_EQ(reports, i < MOST ? 0 : (i + 1 - MOST) * REPORTS_EXPECTED);
		CHECK_EQ(mt[i].ma_lock.held, 1);
	}
	reports = 0;
	for (i = 0; i < TREES; i++)
		mtree_unlock(&mt[i]);
	CHECK_EQ(reports, (TREES - MOST) * REPORTS_EXPECTED);
}

/* Without a report function, a message goes to the standard error stream. */
static void reports_are_printed(void)
{
	FILE *file = tmpfile();
	int error_stream = dup(STDERR_FILENO);
	char text[200];
	bool printed;
	DEFINE_MTREE(a);

	CHECK(file && error_stream >= 0);
	mt_set_lock_report(NULL);
	fflush(stderr);
	CHECK_EQ(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
	mtree_unlock(&a);
	fflush(stderr);
	CHECK_EQ(dup2(error_stream, STDERR_FILENO), STDERR_FILENO);
	close(error_stream);
	rewind(file);
	printed = fgets(text, sizeof(text), file);
	CHECK_EQ(printed, REPORTS_EXPECTED);
	if (printed)
		CHECK(strstr(text, "not held by this thread\n"));
	fclose(file);
}

static void nested_locks_are_not_reported(void)
{
	DEFINE_MTREE(a);
	DEFINE_MTREE(b);
	DEFINE_MTREE(c);
	DEFINE_MTREE(copy);

	mt_set_lock_report(count_report);
	reports = 0;
	mtree_lock(&a);
	mtree_lock_nested(&b, MT_LOCK_NESTED);
	mtree_lock_nested(&c, MT_LOCK_NESTED + 1);
	CHECK_EQ(a.ma_lock.held, 1);
	CHECK_EQ(b.ma_lock.held, 1);
	mtree_unlock(&a);
	mtree_unlock(&c);
	mtree_unlock(&b);
	CHECK_EQ(a.ma_lock.held, 0);
	CHECK_EQ(b.ma_lock.held, 0);

	MA_STATE(of_a, &a, 0, 0);
	MA_STATE(of_b, &b, 0, 0);
	mas_lock(&of_b);
	mas_lock_nested(&of_a, MT_LOCK_NESTED);
	mas_unlock(&of_a);
	mas_unlock(&of_b);

	/* One lock after the other is no nesting. */
	mtree_lock(&a);
	mtree_unlock(&a);
	mtree_lock(&b);
	mtree_unlock(&b);

	/* Duplication nests by itself. */
	CHECK_EQ(mtree_store_range(&a, 1, 9, ENTRY(1)), 0);
	CHECK_EQ(mtree_dup(&a, &copy), 0);
	CHECK_EQ(reports, 0);
	mtree_destroy(&a);
	mtree_destroy(&copy);
}

/* Each call of the normal interface leaves the tree unlocked, failures included. */
static void calls_leave_the_tree_unlocked(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, other;
	DEFINE_MTREE(third);
	struct mt_entry entry;
	mt_key index = 0, next = 0;
	uint64_t word;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	mt_init_pool(&other, 0, pool, NULL);
	mt_set_lock_report(count_report);
/* The reports of a call while the lock of a third tree is held tell whether it takes one. */
#define CALL(call, locks)                                                                          \
	do {                                                                                       \
		reports = 0;                                                                       \
		mtree_lock(&third);                                                                \
		(void)(call);                                                                      \
		mtree_unlock(&third);                                                              \
		CHECK_EQ(reports, (locks)*REPORTS_EXPECTED);                                       \
		CHECK_EQ(mt.ma_lock.held, 0);                                                      \
		CHECK_EQ(other.ma_lock.held, 0);                                                   \
	} while (0)
#define LOCKED(call) CALL(call, 1)
#define FREE(call) CALL(call, 0)
	LOCKED(mtree_store(&mt, 5, ENTRY(1)));
	LOCKED(mtree_store_range(&mt, 9, 5, ENTRY(1)));
	LOCKED(mtree_store_range_word(&mt, 6, 9, 1));
	LOCKED(mtree_insert(&mt, 5, ENTRY(1)));
	LOCKED(mtree_insert_range(&mt, 100, 120, ENTRY(1)));
	LOCKED(mtree_insert_range_word(&mt, 100, 120, 1, &entry));
	LOCKED(mtree_clear_range(&mt, 110, 111));
	LOCKED(mtree_erase(&mt, 5, NULL));
	LOCKED(mtree_alloc_range(&mt, &index, ENTRY(1), 5, 0, 50));
	LOCKED(mtree_alloc_rrange(&mt, &index, ENTRY(1), 5, 0, 3));
	LOCKED(mtree_alloc_cyclic(&mt, &index, ENTRY(1), 0, 50, &next));
	LOCKED(mtree_alloc_cyclic_word(&mt, &index, 1, 0, 50, &next));
	FREE(mtree_load(&mt, 5));
	FREE(mtree_load_word(&mt, 5, &word));
	FREE(mtree_lookup(&mt, 5, &entry));
	FREE(mtree_find(&mt, 5, MT_KEY_MAX, &entry));
	FREE(mtree_find_rev(&mt, 5, 0, &entry));
	FREE(mt_find(&mt, &index, MT_KEY_MAX));
	FREE(mt_find_after(&mt, &index, MT_KEY_MAX));
	FREE(mt_next(&mt, 5, MT_KEY_MAX));
	FREE(mt_prev(&mt, 5, 0));
	LOCKED(mtree_dup(&mt, &other));
	mt_pool_fail_nth(pool, 1);
	LOCKED(mtree_store_range(&mt, 3, 4, ENTRY(1)));
	mt_pool_fail_nth(pool, 0);
	LOCKED(mtree_destroy(&mt));
#undef CALL
#undef LOCKED
#undef FREE
	mt_fini(&mt);
	mt_fini(&other);
	test_pool_end(pool);
}

static bool external_held;

static bool external_is_held(void *context)
{
	CHECK_EQ((uintptr_t)context, (uintptr_t)&external_held);
	return external_held;
}

static void external_locks_are_the_callers(void)
{
	static const struct mt_external_lock lock = {external_is_held, &external_held};
	static const struct mt_external_lock silent = {NULL, NULL};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_set_lock_report(count_report);
	mt_init_pool(&mt, MT_FLAGS_LOCK_EXTERN, pool, NULL);
	/* Taking it twice would hang if there were a lock. */
	mtree_lock(&mt);
	mtree_lock(&mt);
	CHECK_EQ(mt.ma_lock.held, 0);
	mtree_unlock(&mt);
	mtree_unlock(&mt);

	mt_set_external_lock(&mt, &lock);
	reports = 0;
	external_held = true;
	CHECK_EQ(mtree_store(&mt, 1, ENTRY(1)), 0);
	CHECK_EQ((uintptr_t)mtree_load(&mt, 1), 1);
	CHECK_EQ(mt.ma_lock.held, 0);
	CHECK_EQ(reports, 0);
	external_held = false;
	CHECK_EQ(mtree_store(&mt, 2, ENTRY(2)), 0);
	CHECK_EQ(reports > 0, REPORTS_EXPECTED);
	reports = 0;
	CHECK_EQ((uintptr_t)mtree_load(&mt, 1), 1);
	CHECK_EQ(reports, REPORTS_EXPECTED); /* look-ups need it too */
	reports = 0;
	mtree_destroy(&mt);
	CHECK_EQ(reports, REPORTS_EXPECTED);
	reports = 0;
	__mt_destroy(&mt);
	CHECK_EQ(reports, 0);
	/* A lock without is_held() counts as held. */
	mt_set_external_lock(&mt, &silent);
	reports = 0;
	CHECK_EQ(mtree_store(&mt, 3, ENTRY(3)), 0);
	CHECK_EQ(reports, 0);
	mt_fini(&mt);
	test_pool_end(pool);
}

static bool never_equal(void *context, const struct mt_entry *left, const struct mt_entry *right)
{
	(void)context;
	(void)left;
	(void)right;
	return false;
}

/* The trees that a call makes meanwhile are not known to others, and need no lock. */
static void sums_take_one_lock(void)
{
	static const struct mt_external_lock lock = {external_is_held, &external_held};
	static const struct mt_value_ops equal = {.equal = never_equal};
	static const mt_key first[] = {5, 2}, last[] = {24, 21};
	static const uint64_t words[] = {1, 2};
	struct mt_accumulation what = {mt_number_unsigned, mt_op_add, first, last, words, 1, false};
	int way;

	mt_set_lock_report(count_report);
	for (way = 0; way < 8; way++) {
		bool external = way & 1;
		struct maple_pool *pool = test_pool();
		struct maple_tree mt;
		DEFINE_MTREE(other);

		mt_init_pool(&mt, external ? MT_FLAGS_LOCK_EXTERN : 0, pool,
			     way & 2 ? &equal : NULL);
		CHECK_EQ(mtree_store_range_word(&mt, 0, 9, 1), 0);
		CHECK_EQ(mtree_store_range_word(&mt, 20, 29, 2), 0);
		if (external)
			mt_set_external_lock(&mt, &lock);
		what.count = way & 4 ? 2 : 1;
		reports = 0;
		external_held = true;
		CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
		mtree_lock_nested(&other, MT_LOCK_NESTED);
		CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
		mtree_unlock(&other);
		CHECK_EQ(reports, 0);
		mtree_lock(&other);
		external_held = false;
		CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
		mtree_unlock(&other);
		CHECK_EQ(reports, REPORTS_EXPECTED);
		CHECK_EQ(mt.ma_lock.held, 0);
		external_held = true;
		mt_fini(&mt);
		test_pool_end(pool);
	}
}

/* ---- two threads ----------------------------------------------------------------------------- */

enum { THREADS = 2, SPACE = 2000 };

struct worker {
	struct maple_tree *mt;
	unsigned number;
	size_t steps;
	uint64_t stored[SPACE]; /* what this thread last stored at each of its own keys */
};

/* Keys with this thread's remainder belong to it: no other thread writes them, so what it stored is
 * there. */
static void work(void *context)
{
	struct worker *worker = context;
	size_t step;

	for (step = 0; step < worker->steps; step++) {
		uint64_t slot = test_below(SPACE);
		mt_key key = slot * THREADS + worker->number, shared;
		uint64_t word;
		struct mt_entry entry;

		switch (test_below(6)) {
		case 0:
		case 1:
			worker->stored[slot] = step + 1;
			CHECK_EQ(mtree_store(worker->mt, key, ENTRY(step + 1)), 0);
			break;
		case 2:
			worker->stored[slot] = 0;
			CHECK_EQ(mtree_erase(worker->mt, key, NULL), 0);
			break;
		case 3:
			shared = 1000000 + test_below(100) * 10;
			CHECK_EQ(
				mtree_store_range(worker->mt, shared, shared + 25, ENTRY(step + 1)),
				0);
			break;
		case 4:
			mtree_find(worker->mt, key, MT_KEY_MAX, &entry);
			break;
		default:
			CHECK_EQ(mtree_load_word(worker->mt, key, &word),
				 worker->stored[slot] != 0);
			if (worker->stored[slot])
				CHECK_EQ(word, worker->stored[slot]);
		}
	}
}

static void *wait_for_the_lock(void *context)
{
	struct maple_tree *mt = context;

	CHECK_EQ(mtree_store(mt, 5, ENTRY(2)), 0);
	return NULL;
}

/* A thread that comes while the lock is held waits, and is next. */
static void a_second_thread_waits(void)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	DEFINE_MTREE(mt);
	pthread_t thread;
	unsigned round;

	for (round = 0; round < 8; round++) {
		CHECK_EQ(mtree_store(&mt, 5, ENTRY(1)), 0);
		mtree_lock(&mt);
		CHECK_EQ(pthread_create(&thread, NULL, wait_for_the_lock, &mt), 0);
		nanosleep(&pause, NULL);
		MA_STATE(mas, &mt, 5, 5);
		CHECK(mas_load(&mas) == ENTRY(1));
		mtree_unlock(&mt);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		CHECK(mtree_load(&mt, 5) == ENTRY(2));
	}
	mtree_destroy(&mt);
}

static void two_threads_on_one_tree(void)
{
	static struct worker workers[THREADS];
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	unsigned i;
	uint64_t slot;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	memset(workers, 0, sizeof(workers));
	for (i = 0; i < THREADS; i++)
		workers[i] = (struct worker){.mt = &mt, .number = i, .steps = test_steps(20000)};
	test_threads(THREADS, work, workers, sizeof(*workers));
	CHECK_VALID(&mt);
	for (slot = 0; slot < SPACE; slot++) {
		for (i = 0; i < THREADS; i++)
			CHECK_EQ((uintptr_t)mtree_load(&mt, slot * THREADS + i),
				 workers[i].stored[slot]);
	}
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Each thread writes a fork of its own: relatives share nodes and a pool, but no lock. */
static void work_on_a_fork(void *context)
{
	struct worker *worker = context;
	struct maple_tree mine, snapshot;
	size_t step;

	mtree_lock(worker->mt);
	mt_fork(worker->mt, &mine);
	mtree_unlock(worker->mt);
	for (step = 0; step < worker->steps; step++) {
		uint64_t slot = test_below(SPACE);

		worker->stored[slot] = step + SPACE;
		CHECK_EQ(mtree_store(&mine, slot, ENTRY(step + SPACE)), 0);
		if (step % 16 == 0) {
			test_fork(&mine, &snapshot);
			CHECK_EQ((uintptr_t)mtree_load(&snapshot, slot), step + SPACE);
			mt_fini(&snapshot);
		}
	}
	CHECK_VALID(&mine);
	for (step = 0; step < SPACE; step++)
		CHECK_EQ((uintptr_t)mtree_load(&mine, step),
			 worker->stored[step] ? worker->stored[step] : step + 1);
	mt_fini(&mine);
}

static void two_threads_on_two_forks(void)
{
	static struct worker workers[THREADS];
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	unsigned i;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (mt_key key = 0; key < SPACE; key++)
		CHECK_EQ(mtree_store(&mt, key, ENTRY(key + 1)), 0);
	memset(workers, 0, sizeof(workers));
	for (i = 0; i < THREADS; i++)
		workers[i] = (struct worker){.mt = &mt, .number = i, .steps = test_steps(20000)};
	test_threads(THREADS, work_on_a_fork, workers, sizeof(*workers));
	CHECK_VALID(&mt);
	for (mt_key key = 0; key < SPACE; key++)
		CHECK_EQ((uintptr_t)mtree_load(&mt, key), key + 1);
	CHECK_EQ(test_live(pool), mt_node_count(&mt));
	mt_fini(&mt);
	test_pool_end(pool);
}

static const struct test_case cases[] = {
	{"a_second_lock_without_nesting_is_reported", a_second_lock_without_nesting_is_reported},
	{"a_lock_taken_twice_is_reported", a_lock_taken_twice_is_reported},
	{"too_many_locks_are_reported", too_many_locks_are_reported},
	{"reports_are_printed", reports_are_printed},
	{"nested_locks_are_not_reported", nested_locks_are_not_reported},
	{"calls_leave_the_tree_unlocked", calls_leave_the_tree_unlocked},
	{"external_locks_are_the_callers", external_locks_are_the_callers},
	{"sums_take_one_lock", sums_take_one_lock},
	{"a_second_thread_waits", a_second_thread_waits},
	{"two_threads_on_one_tree", two_threads_on_one_tree},
	{"two_threads_on_two_forks", two_threads_on_two_forks},
};

TEST_MAIN(cases)
