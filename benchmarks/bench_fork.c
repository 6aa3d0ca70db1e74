/* SPDX-License-Identifier: MIT */
/*
 * What a fork costs, by number of entries: the series' bench_forking() with each of its parts on
 * its own.
 *
 * The parent is built by ascending stores, entry i at [i * 10, i * 10 + 5], gaps tracked, the lock
 * the caller's; values are numbers. The methods take turns within each run, so that noise hits all
 * of them; each turn repeats its method until the turn has lasted long enough. Prints one line for
 * each size, method and run:
 *
 *     entries  nodes  method  run  repetitions  microseconds (of one repetition)
 *
 * usage: bench_fork CPU RUNS MILLISECONDS ENTRIES...
 */
#define _GNU_SOURCE
#include "maple_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bench {
	uint64_t entries;
	struct maple_pool *pool;
	struct maple_tree parent;
	/* As many bytes as the parent's nodes have. */
	size_t bytes;
	char *source;
	char *target;
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_fork: %s\n", what);
	exit(1);
}

static void *value(uint64_t number)
{
	return (void *)(uintptr_t)number;
}

static void init_tree(struct bench *bench, struct maple_tree *mt)
{
	mt_init_pool(mt, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN, bench->pool, NULL);
}

/* The kernel before the series: each entry into the new tree, one by one. */
static void insert_one_by_one(struct bench *bench)
{
	struct maple_tree child;
	struct ma_state from, to;
	void *entry;

	init_tree(bench, &child);
	mas_init(&from, &bench->parent, 0);
	mas_init(&to, &child, 0);
	mas_for_each(&from, entry, UINT64_MAX)
	{
		mas_set_range(&to, from.index, from.last);
		if (mas_store(&to, entry))
			fail("no memory");
	}
	mt_fini(&child);
}

/* The series: duplicate, then replace each entry. */
static void dup_and_replace(struct bench *bench)
{
	struct maple_tree child;
	struct ma_state mas;
	void *entry;

	init_tree(bench, &child);
	if (__mt_dup(&bench->parent, &child))
		fail("no memory");
	mas_init(&mas, &child, 0);
	mas_for_each(&mas, entry, UINT64_MAX)
	{
		if (mas_store(&mas, value((uintptr_t)entry + 1)))
			fail("no memory");
	}
	mt_fini(&child);
}

static void dup_alone(struct bench *bench)
{
	struct maple_tree child;

	init_tree(bench, &child);
	if (__mt_dup(&bench->parent, &child))
		fail("no memory");
	mt_fini(&child);
}

static void fork_alone(struct bench *bench)
{
	struct maple_tree child;

	mt_fork(&bench->parent, &child);
	mt_fini(&child);
}

static void fork_and_one_store(struct bench *bench)
{
	uint64_t middle = bench->entries / 2;
	struct maple_tree child;

	mt_fork(&bench->parent, &child);
	if (mtree_store_range(&child, middle * 10, middle * 10 + 5, value(1)))
		fail("no memory");
	mt_fini(&child);
}

static void copy_memory(struct bench *bench)
{
	memcpy(bench->target, bench->source, bench->bytes);
	/* The copy counts as used. */
	__asm__ volatile("" : : "r"(bench->target) : "memory");
}

static const struct {
	const char *name;
	void (*once)(struct bench *bench);
} methods[] = {
	{"insert", insert_one_by_one}, {"dup_replace", dup_and_replace},   {"dup", dup_alone},
	{"fork", fork_alone},          {"fork_store", fork_and_one_store}, {"memcpy", copy_memory},
};

enum { METHODS = sizeof(methods) / sizeof(*methods) };

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Repeat for at least so many seconds. Returns the seconds of one repetition. */
static double turn(struct bench *bench, size_t method, double least, uint64_t *repetitions)
{
	uint64_t batch = 1, done = 0, i;
	double start, passed;

	methods[method].once(bench); /* warm */
	start = now();
	do {
		for (i = 0; i < batch; i++)
			methods[method].once(bench);
		done += batch;
		passed = now() - start;
		/* Look at the clock some ten times in a turn. */
		if (passed < least / 10)
			batch *= 2;
	} while (passed < least);
	*repetitions = done;
	return passed / (double)done;
}

static void build_parent(struct bench *bench)
{
	uint64_t i;

	if (mt_pool_create(&bench->pool, NULL))
		fail("no memory");
	init_tree(bench, &bench->parent);
	for (i = 0; i < bench->entries; i++) {
		if (mtree_store_range(&bench->parent, i * 10, i * 10 + 5, value(i + 1)))
			fail("no memory");
	}
	bench->bytes = mt_node_count(&bench->parent) * MT_NODE_BYTES;
	bench->source = aligned_alloc(4096, (bench->bytes + 4095) / 4096 * 4096);
	bench->target = aligned_alloc(4096, (bench->bytes + 4095) / 4096 * 4096);
	if (!bench->source || !bench->target)
		fail("no memory");
	memset(bench->source, 1, bench->bytes);
	memset(bench->target, 2, bench->bytes);
}

static void measure(uint64_t entries, unsigned long runs, double least)
{
	struct bench bench = {.entries = entries};
	unsigned long run;
	size_t method;

	build_parent(&bench);
	for (run = 0; run < runs; run++) {
		for (method = 0; method < METHODS; method++) {
			uint64_t repetitions;
			double seconds = turn(&bench, method, least, &repetitions);

			printf("%" PRIu64 "\t%zu\t%s\t%lu\t%" PRIu64 "\t%.6f\n", entries,
			       bench.bytes / MT_NODE_BYTES, methods[method].name, run, repetitions,
			       seconds * 1e6);
			fflush(stdout);
		}
	}
	mt_fini(&bench.parent);
	mt_pool_put(bench.pool);
	free(bench.source);
	free(bench.target);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t result = strtoull(text, &end, 10);

	if (!*text || *end)
		fail("usage: bench_fork CPU RUNS MILLISECONDS ENTRIES...");
	return result;
}

int main(int argc, char **argv)
{
	cpu_set_t cpus;
	int i;

	if (argc < 5)
		fail("usage: bench_fork CPU RUNS MILLISECONDS ENTRIES...");
	CPU_ZERO(&cpus);
	CPU_SET(number(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		fail("cannot run on that processor");
	for (i = 4; i < argc; i++)
		measure(number(argv[i]), number(argv[2]), (double)number(argv[3]) / 1e3);
	return 0;
}
