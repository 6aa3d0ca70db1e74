/* SPDX-License-Identifier: MIT */
/*
 * The nine small benchmarks that the kernel has for its own maple tree, on this core. Trees track
 * gaps and use their own lock. Values are small numbers.
 *
 *   slot_store    104 ranges [i, i + 5], i = 0, 10 ...: erase [105, 105], store [100, 105],
 *                 which are two operations
 *   node_store    24 such ranges: store [k, k + 15], k = 76, 81 ... 131, again from 76
 *   walk          250 such ranges: a cursor at 1470 walks and is reset
 *   load          the same tree: mtree_load() of 1470
 *   awalk         the same tree without [1470, 1475]: a cursor looks for 10 free keys in [0, 2000],
 *                 from the top, and is reset
 *   mt_for_each   500 ranges [i, i + 4], i = 0, 5 ...: a loop over all, for one entry
 *   mas_for_each  the same with a cursor
 *   mas_prev      the same with a gap of one key after each sixth range, from the top down
 *   forking       135 ranges [i, i + 5], i = 0, 10 ...: mtree_dup(), a store over each entry of the
 *                 copy, mtree_destroy()
 *
 * Uses only the public calls that the kernel has too, so that it also builds with older cores.
 * Methods take turns within each run. Prints one line for each method and run:
 *
 *     entries  nodes  method  run  repetitions  nanoseconds
 */
#include "bench.h"
#include "maple_tree.h"

#include <inttypes.h>
#include <stdio.h>

#define USAGE "usage: bench_kernel CPU RUNS MILLISECONDS"

struct bench {
	struct maple_tree mt;
	uint64_t entries;
	uint64_t next; /* node_store's first key */
};

/* Values that loops read end up here, so that the compiler cannot drop the reads. */
static volatile uintptr_t sink;

static void *value(uint64_t number)
{
	return (void *)(uintptr_t)(number << 1 | 1);
}

static void check(int status)
{
	if (status)
		bench_fail("no memory");
}

static void store(struct maple_tree *mt, uint64_t first, uint64_t last, void *entry)
{
	check(mtree_store_range(mt, first, last, entry));
}

/* Make ranges of `size` keys, one each `step` keys, and a gap of one more key after each sixth if
 * asked to. */
static void fill(struct bench *bench, uint64_t size, uint64_t step, bool sixth)
{
	mt_init_flags(&bench->mt, MT_FLAGS_ALLOC_RANGE);
	for (uint64_t i = 0; i < bench->entries; i++) {
		uint64_t first = i * step + (sixth ? i / 6 : 0);

		store(&bench->mt, first, first + size - 1, value(i));
	}
}

static void fill_spaced(struct bench *bench)
{
	fill(bench, 6, 10, false);
}

static void fill_without_one(struct bench *bench)
{
	fill_spaced(bench);
	store(&bench->mt, 1470, 1475, NULL);
}

static void fill_dense(struct bench *bench)
{
	fill(bench, 5, 5, false);
}

static void fill_dense_with_gaps(struct bench *bench)
{
	fill(bench, 5, 5, true);
}

static double time_slot_store(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();

	while (times--) {
		store(&bench->mt, 105, 105, NULL);
		store(&bench->mt, 100, 105, value(105));
	}
	return bench_now() - start;
}

static double time_node_store(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();

	while (times--) {
		uint64_t key = bench->next;

		store(&bench->mt, key, key + 15, value(key));
		bench->next = key < 131 ? key + 5 : 76;
	}
	return bench_now() - start;
}

static double time_walk(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();

	MA_STATE(mas, &bench->mt, 1470, 1470);
	while (times--) {
		sink = (uintptr_t)mas_walk(&mas);
		mas_reset(&mas);
	}
	return bench_now() - start;
}

static double time_load(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();

	while (times--)
		sink = (uintptr_t)mtree_load(&bench->mt, 1470);
	return bench_now() - start;
}

static double time_awalk(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();

	MA_STATE(mas, &bench->mt, 1470, 1470);
	while (times--) {
		if (mas_empty_area_rev(&mas, 0, 2000, 10))
			bench_fail("no area found");
		mas_reset(&mas);
	}
	return bench_now() - start;
}

static double time_mt_for_each(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();

	while (times--) {
		uint64_t index = 0;
		uintptr_t sum = 0;
		void *entry;

		mt_for_each (&bench->mt, entry, index, UINT64_MAX)
			sum += (uintptr_t)entry;
		sink = sum;
	}
	return bench_now() - start;
}

static double time_mas_for_each(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();

	while (times--) {
		uintptr_t sum = 0;
		void *entry;

		MA_STATE(mas, &bench->mt, 0, 0);
		mas_for_each(&mas, entry, UINT64_MAX) sum += (uintptr_t)entry;
		sink = sum;
	}
	return bench_now() - start;
}

static double time_mas_prev(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();

	while (times--) {
		uintptr_t sum = 0;
		void *entry;

		MA_STATE(mas, &bench->mt, UINT64_MAX, UINT64_MAX);
		while ((entry = mas_prev(&mas, 0)))
			sum += (uintptr_t)entry;
		sink = sum;
	}
	return bench_now() - start;
}

static double time_forking(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();

	while (times--) {
		struct maple_tree child;
		void *entry;

		mt_init_flags(&child, MT_FLAGS_ALLOC_RANGE);
		check(mtree_dup(&bench->mt, &child));
		MA_STATE(mas, &child, 0, 0);
		mas_lock(&mas);
		mas_for_each(&mas, entry, UINT64_MAX) check(mas_store(&mas, entry));
		mas_unlock(&mas);
		mas_destroy(&mas);
		mtree_destroy(&child);
	}
	return bench_now() - start;
}

static const struct {
	const char *name;
	bench_times times;
	void (*fill)(struct bench *bench);
	uint64_t entries;
	uint64_t operations; /* of one repetition */
} methods[] = {
	{"slot_store", time_slot_store, fill_spaced, 104, 2},
	{"node_store", time_node_store, fill_spaced, 24, 1},
	{"walk", time_walk, fill_spaced, 250, 1},
	{"load", time_load, fill_spaced, 250, 1},
	{"awalk", time_awalk, fill_without_one, 250, 1},
	{"mt_for_each", time_mt_for_each, fill_dense, 500, 500},
	{"mas_for_each", time_mas_for_each, fill_dense, 500, 500},
	{"mas_prev", time_mas_prev, fill_dense_with_gaps, 500, 500},
	{"forking", time_forking, fill_spaced, 135, 1},
};

enum { METHODS = sizeof(methods) / sizeof(*methods) };

int main(int argc, char **argv)
{
	struct bench benches[METHODS];

	if (argc != 4)
		bench_fail(USAGE);
	bench_pin(bench_number(argv[1], USAGE));
	for (size_t i = 0; i < METHODS; i++) {
		benches[i].entries = methods[i].entries;
		benches[i].next = 76;
		methods[i].fill(&benches[i]);
	}
	for (uint64_t run = 0; run < bench_number(argv[2], USAGE); run++) {
		for (size_t i = 0; i < METHODS; i++) {
			struct bench *bench = &benches[i];
			uint64_t repetitions;
			double seconds = bench_turn(methods[i].times, bench,
						    (double)bench_number(argv[3], USAGE) / 1e3,
						    &repetitions);

			printf("%" PRIu64 "\t%zu\t%s\t%" PRIu64 "\t%" PRIu64 "\t%.4f\n",
			       bench->entries, mt_node_count(&bench->mt), methods[i].name, run,
			       repetitions, seconds * 1e9 / (double)methods[i].operations);
			fflush(stdout);
		}
	}
	for (size_t i = 0; i < METHODS; i++)
		mtree_destroy(&benches[i].mt);
	return 0;
}
