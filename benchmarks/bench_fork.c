/* SPDX-License-Identifier: MIT */
/*
 * The cost of a fork, by number of entries: bench_forking() of the patch series that added
 * __mt_dup(), with each of its parts on its own.
 *
 * The parent is built by ascending stores. Entry i is [i * 10, i * 10 + 5]. Gaps are tracked, and
 * the caller holds the lock. Values are numbers. The methods take turns within each run, so that
 * noise affects all of them. Each turn repeats its method until the turn has lasted long enough.
 * Prints one line for each size, method and run:
 *
 *     entries  nodes  method  run  repetitions  microseconds (of one repetition)
 */
#include "bench.h"
#include "maple_tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USAGE "usage: bench_fork CPU RUNS MILLISECONDS ENTRIES..."

struct bench {
	uint64_t entries;
	struct maple_pool *pool;
	struct maple_tree parent;
	/* As many bytes as the parent's nodes have. */
	size_t bytes;
	char *source;
	char *target;
};

static void *value(uint64_t number)
{
	return (void *)(uintptr_t)number;
}

static void init_tree(struct bench *bench, struct maple_tree *mt)
{
	mt_init_pool(mt, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN, bench->pool, NULL);
}

/* The kernel before the patch series: store each entry into the new tree, one by one. */
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
			bench_fail("no memory");
	}
	mt_fini(&child);
}

/* The patch series: duplicate, then replace each entry. */
static void dup_and_replace(struct bench *bench)
{
	struct maple_tree child;
	struct ma_state mas;
	void *entry;

	init_tree(bench, &child);
	if (__mt_dup(&bench->parent, &child))
		bench_fail("no memory");
	mas_init(&mas, &child, 0);
	mas_for_each(&mas, entry, UINT64_MAX)
	{
		if (mas_store(&mas, value((uintptr_t)entry + 1)))
			bench_fail("no memory");
	}
	mt_fini(&child);
}

static void dup_alone(struct bench *bench)
{
	struct maple_tree child;

	init_tree(bench, &child);
	if (__mt_dup(&bench->parent, &child))
		bench_fail("no memory");
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
		bench_fail("no memory");
	mt_fini(&child);
}

static void copy_memory(struct bench *bench)
{
	memcpy(bench->target, bench->source, bench->bytes);
	/* Keep the compiler from dropping the copy. */
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

struct turn {
	struct bench *bench;
	size_t method;
};

static double time_method(void *context, uint64_t times)
{
	const struct turn *turn = context;
	double start = bench_now();

	while (times--)
		methods[turn->method].once(turn->bench);
	return bench_now() - start;
}

static void build_parent(struct bench *bench)
{
	uint64_t i;

	if (mt_pool_create(&bench->pool, NULL))
		bench_fail("no memory");
	init_tree(bench, &bench->parent);
	for (i = 0; i < bench->entries; i++) {
		if (mtree_store_range(&bench->parent, i * 10, i * 10 + 5, value(i + 1)))
			bench_fail("no memory");
	}
	bench->bytes = mt_node_count(&bench->parent) * MT_NODE_BYTES;
	bench->source = aligned_alloc(4096, (bench->bytes + 4095) / 4096 * 4096);
	bench->target = aligned_alloc(4096, (bench->bytes + 4095) / 4096 * 4096);
	if (!bench->source || !bench->target)
		bench_fail("no memory");
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
			struct turn turn = {&bench, method};
			uint64_t repetitions;
			double seconds = bench_turn(time_method, &turn, least, &repetitions);

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

int main(int argc, char **argv)
{
	if (argc < 5)
		bench_fail(USAGE);
	bench_pin(bench_number(argv[1], USAGE));
	for (int i = 4; i < argc; i++)
		measure(bench_number(argv[i], USAGE), bench_number(argv[2], USAGE),
			(double)bench_number(argv[3], USAGE) / 1e3);
	return 0;
}
