/* SPDX-License-Identifier: MIT */
/*
 * Many ranges, a long chain of forks, many forks of one tree: made, used, and ended in either
 * order, on a small stack. Prints the time of each step, and the pool's memory.
 *
 * SAMARA_STEPS is the number of ranges; the number of forks follows from it. The default is small,
 * for the quick tests; `make test-scale` uses 50 million.
 */
#define _DEFAULT_SOURCE /* pthread_attr_setstacksize() */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Half of what the smallest of the systems' threads have. Sanitizers use much more stack. */
#ifdef TEST_SANITIZED
#define STACK ((size_t)1 << 20)
#else
#define STACK ((size_t)64 << 10)
#endif

enum { STEP = 10, WIDTH = 5, CHAINED = 300 };

static size_t ranges(void)
{
	return test_steps(500000);
}

/* 100,000 for 50 million ranges, and a million. */
static size_t generations(void)
{
	return ranges() / 500;
}

static size_t forks(void)
{
	return ranges() / 50;
}

static struct timespec began;

static void begin(void)
{
	timespec_get(&began, TIME_UTC);
}

static void report(const char *what, size_t count, struct maple_pool *pool)
{
	struct mt_pool_stats stats;
	struct timespec now;
	double seconds;

	timespec_get(&now, TIME_UTC);
	mt_pool_stats(pool, &stats);
	seconds = (double)(now.tv_sec - began.tv_sec) + (double)(now.tv_nsec - began.tv_nsec) / 1e9;
	printf("  %-34s %10zu in %8.3f s, %7.1f ns each; %zu nodes, %zu MiB\n", what, count,
	       seconds, seconds * 1e9 / (double)count, stats.live, stats.bytes >> 20);
	fflush(stdout);
	begin();
}

static void many_ranges(void)
{
	size_t count = ranges(), i, found, looked = count / 5 + 1;
	struct maple_pool *pool = test_pool();
	mt_key *first = test_array(count, sizeof(*first));
	mt_key *last = test_array(count, sizeof(*last));
	uint64_t *words = test_array(count, sizeof(*words));
	struct maple_tree mt, fork, copy;
	struct mt_entry entry;
	uint64_t word = 0;

	for (i = 0; i < count; i++) {
		first[i] = STEP * i;
		last[i] = STEP * i + WIDTH - 1;
		words[i] = i * 3;
	}
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	begin();
	CHECK_EQ(mt_build(&mt, first, last, words, count, NULL), 0);
	report("built", count, pool);
	for (i = 0, found = 0; i < looked; i++) {
		mt_key key = test_below(STEP * count);

		if (mtree_load_word(&mt, key, &word)) {
			CHECK_EQ(word, key / STEP * 3);
			found++;
		}
	}
	CHECK(found > looked / 3 && found < looked);
	report("looked up, one by one", looked, pool);
	CHECK_EQ(mt_read(&mt, first, last, words), count);
	report("read into arrays", count, pool);
	test_fork(&mt, &fork);
	report("forked", 1, pool);
	CHECK_EQ(mtree_store_range_word(&fork, WIDTH, STEP - 1, 7), 0);
	report("first write to the fork", 1, pool);
	mt_init_pool(&copy, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	CHECK_EQ(mtree_dup(&fork, &copy), 0);
	report("duplicated", count, pool);
	{
		MA_STATE(mas, &copy, 0, 0);

		for (i = 0; mas_find_word(&mas, MT_KEY_MAX, false); i++)
			word ^= mas.word;
	}
	CHECK_EQ(i, count + 1);
	report("iterated over", count, pool);
	CHECK(mtree_lookup(&copy, WIDTH, &entry) && entry.word == 7);
	CHECK(!mtree_load_word(&mt, WIDTH, &word));
	CHECK_VALID(&copy);
	report("checked", count, pool);
	mt_fini(&mt);
	report("destroyed, its nodes shared", count, pool);
	mt_fini(&copy);
	report("destroyed", count, pool);
	CHECK_EQ(mt_entries(&fork), count + 1);
	mt_fini(&fork);
	report("destroyed, the last that shared", count, pool);
	test_pool_end(pool);
	free(first);
	free(last);
	free(words);
}

/* A tree of CHAINED entries, whose words are their own numbers. */
static void chained(struct maple_tree *mt, struct maple_pool *pool)
{
	uint64_t n;

	mt_init_pool(mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (n = 0; n < CHAINED; n++)
		CHECK_EQ(mtree_store_range_word(mt, STEP * n, STEP * n + WIDTH - 1, n), 0);
}

/* Generation g has changed entry g % CHAINED to CHAINED + g. It also has all changes before
 * that. */
static void check_generation(struct maple_tree *mt, size_t generation)
{
	uint64_t place = test_below(CHAINED), word;
	uint64_t rounds = generation / CHAINED - (place > generation % CHAINED);

	CHECK(mtree_load_word(mt, STEP * place, &word));
	CHECK_EQ(word, rounds + 1 ? CHAINED + rounds * CHAINED + place : place);
}

static void fork_chain(void)
{
	size_t count = generations(), i;
	struct maple_tree *trees = test_array(count + 1, sizeof(*trees));

	for (int backwards = 0; backwards < 2; backwards++) {
		struct maple_pool *pool = test_pool();
		size_t largest = 0;

		chained(&trees[count], pool);
		begin();
		for (i = 0; i < count; i++) {
			test_fork(i ? &trees[i - 1] : &trees[count], &trees[i]);
			CHECK_EQ(mtree_store_range_word(&trees[i], STEP * (i % CHAINED),
							STEP * (i % CHAINED) + WIDTH - 1,
							CHAINED + i),
				 0);
		}
		report("generations, a change each", count, pool);
		largest = test_live(pool);
		for (i = 0; i < count; i++)
			check_generation(&trees[i], i);
		report("looked up in each", count, pool);
		mt_fini(&trees[count]);
		for (i = 0; i < count; i++) {
			mt_fini(&trees[backwards ? count - 1 - i : i]);
			/* Each frees what nobody shares any more. */
			if (i == count / 2 && count > 3 * CHAINED)
				CHECK(test_live(pool) < largest * 3 / 4);
		}
		report(backwards ? "destroyed, the newest first" : "destroyed, the oldest first",
		       count, pool);
		test_pool_end(pool);
	}
	free(trees);
}

static void many_forks(void)
{
	size_t count = forks(), i;
	struct maple_tree *trees = test_array(count, sizeof(*trees));

	for (int backwards = 0; backwards < 2; backwards++) {
		struct maple_pool *pool = test_pool();
		struct maple_tree mt;
		size_t nodes;

		chained(&mt, pool);
		nodes = test_live(pool);
		begin();
		for (i = 0; i < count; i++)
			test_fork(&mt, &trees[i]);
		report("forks of one tree, all alive", count, pool);
		CHECK_EQ(test_live(pool), nodes);
		CHECK_EQ(mtree_store_range_word(&trees[count / 2], 0, WIDTH - 1, 99), 0);
		report("a write to one of them", 1, pool);
		CHECK_EQ(test_live(pool), nodes + mt_height(&mt));
		CHECK(!mtree_load(&trees[count / 2 + 1], 0) && !mtree_load(&mt, 0));
		mt_fini(&mt);
		for (i = 0; i < count; i++)
			mt_fini(&trees[backwards ? count - 1 - i : i]);
		report(backwards ? "destroyed, the newest first" : "destroyed, the oldest first",
		       count, pool);
		test_pool_end(pool);
	}
	free(trees);
}

static void *run(void *what)
{
	(*(void (**)(void))what)();
	return NULL;
}

static void on_a_small_stack(void (*what)(void))
{
	pthread_attr_t attributes;
	pthread_t thread;

	CHECK_EQ(pthread_attr_init(&attributes), 0);
	CHECK_EQ(pthread_attr_setstacksize(&attributes, STACK), 0);
	CHECK_EQ(pthread_create(&thread, &attributes, run, &what), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attributes);
}

static void ranges_on_a_small_stack(void)
{
	on_a_small_stack(many_ranges);
}

static void fork_chain_on_a_small_stack(void)
{
	on_a_small_stack(fork_chain);
}

static void forks_on_a_small_stack(void)
{
	on_a_small_stack(many_forks);
}

static const struct test_case cases[] = {
	{"ranges", ranges_on_a_small_stack},
	{"fork_chain", fork_chain_on_a_small_stack},
	{"forks", forks_on_a_small_stack},
};

TEST_MAIN(cases)
