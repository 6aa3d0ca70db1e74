/* SPDX-License-Identifier: MIT */
/*
 * Look-ups of one tree by several threads, each on a processor of its own.
 *
 *   unlocked      one reader of a tree with MT_FLAGS_LOCK_EXTERN, whose look-ups check nothing
 *   one           one reader of a tree that locks itself
 *   two           two readers of it
 *   two_unlocked  two readers of the other one: what two processors can do at most
 *   alone         one reader of the writer's tree
 *   beside        the same, while a writer on the other processor stores without a pause
 *   locked        one reader that takes the tree's lock around each look-up
 *   two_locked    two of these
 *   store         the writer alone
 *   store_beside  the writer, while a reader looks up on the other processor
 *   find          one reader that goes through the tree with mt_find()
 *   cursor        the same with mas_find_unlocked()
 *
 * The trees of the first four share all nodes, so that only the code differs, not the places of the nodes
 * in the caches. A run measures each method once, in turns as short as the caller likes; every other run
 * goes backwards. So what is compared was measured at almost the same time.
 *
 * The time is nanoseconds of the thread's processor time for one call. Columns: ranges, nodes, method, run, calls,
 * time. The key of each look-up is random, as is the range that the writer replaces: it clears a
 * piece of the key space, and stores one range somewhere within it.
 *
 * With METHOD, only that one. Compiled with BENCH_BASE for an older core, which has no steps of
 * cursors without a lock.
 *
 * usage: bench_threads PROCESSOR PROCESSOR RUNS MILLISECONDS RANGES [METHOD]
 */
#define _GNU_SOURCE
#include "bench.h"
#include "maple_tree.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define USAGE "usage: bench_threads PROCESSOR PROCESSOR RUNS MILLISECONDS RANGES [METHOD]"
#define PIECE 16u /* keys for each range */
#define WIDTH 10u
#define BATCH 1024u
#define LINE 64u

static uint64_t ranges;

struct worker {
	_Alignas(LINE) struct maple_tree *mt;
	uint64_t (*batch)(struct maple_tree *mt, uint64_t *random);
	uint64_t processor;
	bool *stop;
	uint64_t calls;
	double seconds;
	uint64_t sum;
	_Alignas(LINE) char end;
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t value = *state;

	value ^= value << 13;
	value ^= value >> 7;
	value ^= value << 17;
	*state = value;
	return value >> 16;
}

static uint64_t look_up(struct maple_tree *mt, uint64_t *random)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < BATCH; i++)
		sum += (uint64_t)(uintptr_t)mtree_load(mt, next_random(random) % (ranges * PIECE));
	return sum;
}

static uint64_t find(struct maple_tree *mt, uint64_t *random)
{
	mt_key index = next_random(random) % (ranges * PIECE);
	uint64_t sum = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		sum += (uint64_t)(uintptr_t)mt_find(mt, &index, MT_KEY_MAX);
		index = index >= ranges * PIECE ? 0 : index;
	}
	return sum;
}

#ifndef BENCH_BASE
static uint64_t step(struct maple_tree *mt, uint64_t *random)
{
	mt_key index = next_random(random) % (ranges * PIECE);
	MA_STATE(mas, mt, index, index);
	uint64_t sum = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		if (mas_find_unlocked(&mas, MT_KEY_MAX, false))
			sum += mas.word;
		else
			mas_set(&mas, 0);
	}
	return sum;
}
#endif

static uint64_t look_up_locked(struct maple_tree *mt, uint64_t *random)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		mt_key key = next_random(random) % (ranges * PIECE);

		mtree_lock(mt);
		sum += (uint64_t)(uintptr_t)mtree_load(mt, key);
		mtree_unlock(mt);
	}
	return sum;
}

static uint64_t replace(struct maple_tree *mt, uint64_t *random)
{
	for (unsigned i = 0; i < BATCH / 2; i++) {
		uint64_t number = next_random(random);
		mt_key piece = number % ranges * PIECE;
		mt_key first = piece + (number >> 40) % (PIECE - WIDTH + 1);

		if (mtree_clear_range(mt, piece, piece + PIECE - 1) ||
		    mtree_store_range_word(mt, first, first + WIDTH - 1, number | 1))
			bench_fail("a store has failed");
	}
	return 0;
}

/* The time that this thread has run: other processes on the machine do not count. */
static double thread_seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void *work(void *context)
{
	struct worker *worker = context;
	uint64_t random = 88172645463325252u + worker->processor;
	uint64_t calls = 0, sum = 0;
	double begin;

	bench_pin(worker->processor);
	for (uint64_t i = 0; i < ranges / BATCH; i++) /* the caches have other trees */
		sum += worker->batch(worker->mt, &random);
	begin = thread_seconds();
	do {
		sum += worker->batch(worker->mt, &random);
		calls += BATCH;
	} while (!__atomic_load_n(worker->stop, __ATOMIC_RELAXED));
	worker->seconds = thread_seconds() - begin;
	worker->calls = calls;
	worker->sum = sum;
	return NULL;
}

/* Run the workers, the first one on the first processor. */
static void turn(struct worker *workers, unsigned count, const uint64_t *processors,
		 double milliseconds)
{
	struct timespec pause = {.tv_sec = (time_t)(milliseconds / 1e3),
				 .tv_nsec = (long)(milliseconds * 1e6) % 1000000000};
	pthread_t threads[2];
	bool stop = false;

	for (unsigned i = 0; i < count; i++) {
		workers[i].stop = &stop;
		workers[i].processor = processors[i];
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			bench_fail("no thread");
	}
	nanosleep(&pause, NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static void print(const struct maple_tree *mt, const char *method, uint64_t run, uint64_t calls,
		  double seconds)
{
	printf("%llu\t%zu\t%s\t%llu\t%llu\t%.4f\n", (unsigned long long)ranges, mt_node_count(mt),
	       method, (unsigned long long)run, (unsigned long long)calls,
	       seconds / (double)calls * 1e9);
	fflush(stdout);
}

static void build(struct maple_tree *mt)
{
	uint64_t random = 1234567;
	struct maple_pool *pool; /* of its own: both have the same memory */

	if (mt_pool_create(&pool, NULL))
		bench_fail("no memory");
	mt_init_pool(mt, 0, pool, NULL);
	mt_pool_put(pool);
	for (uint64_t i = 0; i < ranges; i++)
		if (mtree_store_range_word(mt, i * PIECE, i * PIECE + WIDTH - 1, i + 1))
			bench_fail("a store has failed");
	for (uint64_t i = 0; i < 4 * ranges / BATCH; i++)
		replace(mt, &random);
}

enum tree { WRITTEN, READ, UNLOCKED, TREES };

static const struct method {
	const char *name;
	enum tree tree;
	unsigned workers;
	uint64_t (*first)(struct maple_tree *mt, uint64_t *random);
	uint64_t (*second)(struct maple_tree *mt, uint64_t *random);
} methods[] = {
	{"unlocked", UNLOCKED, 1, look_up, NULL},
	{"one", READ, 1, look_up, NULL},
	{"two", READ, 2, look_up, look_up},
	{"two_unlocked", UNLOCKED, 2, look_up, look_up},
	{"alone", WRITTEN, 1, look_up, NULL},
	{"beside", WRITTEN, 2, look_up, replace},
	{"locked", READ, 1, look_up_locked, NULL},
	{"two_locked", READ, 2, look_up_locked, look_up_locked},
	{"store", WRITTEN, 1, replace, NULL},
	{"store_beside", WRITTEN, 2, replace, look_up},
	{"find", READ, 1, find, NULL},
#ifndef BENCH_BASE
	{"cursor", READ, 1, step, NULL},
#endif
};

enum { METHODS = sizeof(methods) / sizeof(*methods) };

int main(int argc, char **argv)
{
	static struct maple_tree trees[TREES];
	uint64_t processors[2], runs;
	double milliseconds;

	if (argc != 6 && argc != 7)
		bench_fail(USAGE);
	processors[0] = bench_number(argv[1], USAGE);
	processors[1] = bench_number(argv[2], USAGE);
	runs = bench_number(argv[3], USAGE);
	milliseconds = (double)bench_number(argv[4], USAGE);
	ranges = bench_number(argv[5], USAGE);
	build(&trees[WRITTEN]);
	build(&trees[READ]);
	mt_fork(&trees[READ], &trees[UNLOCKED]);
	trees[UNLOCKED].ma_flags |= MT_FLAGS_LOCK_EXTERN; /* nobody reads it yet */
	for (uint64_t run = 0; run < runs; run++) {
		for (unsigned i = 0; i < METHODS; i++) {
			const struct method *method = &methods[run % 2 ? METHODS - 1 - i : i];
			struct maple_tree *mt = &trees[method->tree];
			struct worker workers[2] = {{.mt = mt, .batch = method->first},
						    {.mt = mt, .batch = method->second}};
			bool same = method->first == method->second;
			uint64_t calls;
			double seconds;

			if (argc == 7 && strcmp(argv[6], method->name) != 0)
				continue;
			turn(workers, method->workers, processors, milliseconds);
			calls = workers[0].calls + (same ? workers[1].calls : 0);
			seconds = workers[0].seconds + (same ? workers[1].seconds : 0);
			print(mt, method->name, run, calls, seconds);
		}
	}
	return 0;
}
