/* SPDX-License-Identifier: MIT */
/*
 * The cost of each operation of the core, by number of entries: nanoseconds for one entry or one
 * key.
 *
 * The shape is that of the kernel's own benchmark of its tree. `n` is the number of entries, that
 * is, of ranges with a value. Entry i is [i * 10, i * 10 + 5], and a gap of four keys follows each,
 * so a tree of n entries has 2 n slots in its leaves. "Per entry" means divided by n, not by the
 * slots. Values are numbers.
 *
 *   store_ascending   the n entries in ascending order into an empty tree
 *   store_shuffled    the same in random order
 *   overwrite         an entry chosen at random gets another value, by a store over its range
 *   overwrite_cut     a store of six keys that begins anywhere, and usually cuts existing entries
 *   load              one key at random; six of ten have a value
 *   batch_random      the same keys through mt_load_batch(), all in one call
 *   batch_sorted      the same keys in order, in one call
 *   iterate           mas_for_each() over the tree
 *   dup               __mt_dup() alone, into nodes that earlier copies gave back
 *   destroy           __mt_destroy() of such copies
 *   memcpy            as many bytes as the tree's nodes have, between two blocks
 *
 * Reads, dup and memcpy use the tree that ascending stores made. overwrite_cut has a tree of its
 * own, mixed beforehand by ten stores for each entry. All calls are those of the normal interface,
 * except for the iteration. Methods take turns within each run, so that noise affects all of them.
 * Prints one line for each size, method and run:
 *
 *     entries  nodes  method  run  repetitions  nanoseconds
 *
 * ATTRIBUTES are the tree's flags as in maple_tree.h: 3 tracks gaps and leaves the lock to the
 * caller, 1 takes the tree's own lock in each call.
 *
 * bench_core_128 is the same for keys of 128 bits. Their numbers are those above times 2^60, so that
 * both words of a key differ from entry to entry.
 */
#include "bench.h"

#if MT_KEY_BITS == 128
#include "names_128.h"
#else
#include "maple_tree.h"
#endif

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USAGE "usage: bench_core CPU RUNS MILLISECONDS ATTRIBUTES ENTRIES..."

#if MT_KEY_BITS == 128
#define KEY_SHIFT 60
#else
#define KEY_SHIFT 0
#endif

/* At least this many keys, so that no branch predictor learns them by heart. */
#define KEYS_LEAST 65536u
/* Small trees are made and copied in groups of about this many entries, so that the cost of reading
 * the clock is negligible. */
#define GROUP_ENTRIES 2048u
#define GROUP_MOST 16u

struct bench {
	uint64_t entries;
	uint32_t attributes;
	struct maple_pool *pool;
	struct maple_tree ascending;
	struct maple_tree mixed;
	uint64_t *shuffled; /* the numbers below `entries` */
	uint64_t keys_count;
	mt_key *keys;
	mt_key *keys_sorted;
	uint64_t *words;
	uint8_t *present;
	uint64_t next; /* in keys, for the overwriting methods */
	size_t bytes;  /* of the ascending tree's nodes */
	char *source;
	char *target;
};

static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);
/* Results of reads are added up here, so that the compiler cannot drop the reads. */
static volatile uint64_t sink;

static uint64_t random_below(uint64_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint64_t)((unsigned __int128)random_state * bound >> 64);
}

static void *array(uint64_t count, size_t size)
{
	size_t bytes = (count * size + 4095) / 4096 * 4096;
	void *memory = aligned_alloc(4096, bytes);

	if (!memory)
		bench_fail("no memory");
	memset(memory, 1, bytes);
	return memory;
}

static void init_tree(const struct bench *bench, struct maple_tree *mt)
{
	mt_init_pool(mt, bench->attributes, bench->pool, NULL);
}

static mt_key key_of(uint64_t number)
{
	return (mt_key)number << KEY_SHIFT;
}

static void store(struct maple_tree *mt, uint64_t first, uint64_t word)
{
	if (mtree_store_range_word(mt, key_of(first), key_of(first + 5), word))
		bench_fail("no memory");
}

static void store_in_order(const struct bench *bench, struct maple_tree *mt)
{
	for (uint64_t i = 0; i < bench->entries; i++)
		store(mt, i * 10, i + 1);
}

static void store_shuffled(const struct bench *bench, struct maple_tree *mt)
{
	for (uint64_t i = 0; i < bench->entries; i++)
		store(mt, bench->shuffled[i] * 10, i + 1);
}

static void dup(const struct bench *bench, struct maple_tree *mt)
{
	struct maple_tree *parent = (struct maple_tree *)&bench->ascending;

	if (__mt_dup(parent, mt))
		bench_fail("no memory");
}

/* Make trees `times` times. Returns the seconds that making them took, or else destroying them. */
static double make_trees(struct bench *bench, uint64_t times,
			 void (*make)(const struct bench *bench, struct maple_tree *mt),
			 bool count_destroy)
{
	struct maple_tree group[GROUP_MOST];
	uint64_t most = GROUP_ENTRIES / bench->entries;
	double counted = 0, start, made;

	most = most < 1 ? 1 : most > GROUP_MOST ? GROUP_MOST : most;
	while (times) {
		uint64_t trees = times < most ? times : most;

		for (uint64_t i = 0; i < trees; i++)
			init_tree(bench, &group[i]);
		start = bench_now();
		for (uint64_t i = 0; i < trees; i++)
			make(bench, &group[i]);
		made = bench_now();
		for (uint64_t i = 0; i < trees; i++)
			__mt_destroy(&group[i]);
		counted += count_destroy ? bench_now() - made : made - start;
		for (uint64_t i = 0; i < trees; i++)
			mt_fini(&group[i]);
		times -= trees;
	}
	return counted;
}

static double time_store_ascending(void *context, uint64_t times)
{
	return make_trees(context, times, store_in_order, false);
}

static double time_store_shuffled(void *context, uint64_t times)
{
	return make_trees(context, times, store_shuffled, false);
}

static double time_dup(void *context, uint64_t times)
{
	return make_trees(context, times, dup, false);
}

static double time_destroy(void *context, uint64_t times)
{
	return make_trees(context, times, dup, true);
}

static uint64_t next_key(struct bench *bench)
{
	if (bench->next == bench->keys_count)
		bench->next = 0;
	return (uint64_t)(bench->keys[bench->next++] >> KEY_SHIFT);
}

static double time_overwrite(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();

	for (uint64_t i = 0; i < times * bench->entries; i++) {
		uint64_t key = next_key(bench);

		store(&bench->ascending, key / 10 * 10, key + 1); /* not NULL: that would end
								   * iterations */
	}
	return bench_now() - start;
}

static double time_overwrite_cut(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();

	for (uint64_t i = 0; i < times * bench->entries; i++) {
		uint64_t key = next_key(bench);

		store(&bench->mixed, key, key);
	}
	return bench_now() - start;
}

static double time_load(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();
	uint64_t sum = 0;

	while (times--) {
		for (uint64_t i = 0; i < bench->keys_count; i++) {
			uint64_t word = 0;

			mtree_load_word(&bench->ascending, bench->keys[i], &word);
			sum += word;
		}
	}
	sink += sum;
	return bench_now() - start;
}

static double load_batch(struct bench *bench, const mt_key *keys, uint64_t times)
{
	double start = bench_now();

	while (times--)
		sink += mt_load_batch(&bench->ascending, keys, bench->keys_count, 0, bench->words,
				      bench->present);
	return bench_now() - start;
}

static double time_batch_random(void *context, uint64_t times)
{
	struct bench *bench = context;

	return load_batch(bench, bench->keys, times);
}

static double time_batch_sorted(void *context, uint64_t times)
{
	struct bench *bench = context;

	return load_batch(bench, bench->keys_sorted, times);
}

static double time_iterate(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();
	uint64_t sum = 0;

	while (times--) {
		struct ma_state mas;
		void *entry;

		mas_init(&mas, &bench->ascending, 0);
		mas_for_each(&mas, entry, MT_KEY_MAX) sum +=
			(uintptr_t)entry + (uint64_t)mas.index + (uint64_t)mas.last;
	}
	sink += sum;
	return bench_now() - start;
}

static double time_memcpy(void *context, uint64_t times)
{
	struct bench *bench = context;
	double start = bench_now();

	while (times--) {
		memcpy(bench->target, bench->source, bench->bytes);
		/* Keep the compiler from dropping the copy. */
		__asm__ volatile("" : : "r"(bench->target) : "memory");
	}
	return bench_now() - start;
}

static const struct {
	const char *name;
	bench_times times;
	bool by_keys; /* one repetition is keys_count operations, else `entries` */
} methods[] = {
	{"store_ascending", time_store_ascending, false},
	{"store_shuffled", time_store_shuffled, false},
	{"overwrite", time_overwrite, false},
	{"overwrite_cut", time_overwrite_cut, false},
	{"load", time_load, true},
	{"batch_random", time_batch_random, true},
	{"batch_sorted", time_batch_sorted, true},
	{"iterate", time_iterate, false},
	{"dup", time_dup, false},
	{"destroy", time_destroy, false},
	{"memcpy", time_memcpy, false},
};

enum { METHODS = sizeof(methods) / sizeof(*methods) };

static int compare_keys(const void *left, const void *right)
{
	mt_key a = *(const mt_key *)left;
	mt_key b = *(const mt_key *)right;

	return (a > b) - (a < b);
}

static void prepare(struct bench *bench)
{
	uint64_t entries = bench->entries;

	bench->keys_count = entries < KEYS_LEAST ? KEYS_LEAST : entries;
	bench->keys = array(bench->keys_count, sizeof(mt_key));
	bench->keys_sorted = array(bench->keys_count, sizeof(mt_key));
	bench->words = array(bench->keys_count, sizeof(uint64_t));
	bench->present = array(bench->keys_count, 1);
	for (uint64_t i = 0; i < bench->keys_count; i++)
		bench->keys[i] = key_of(random_below(entries * 10));
	memcpy(bench->keys_sorted, bench->keys, bench->keys_count * sizeof(mt_key));
	qsort(bench->keys_sorted, bench->keys_count, sizeof(mt_key), compare_keys);

	bench->shuffled = array(entries, sizeof(uint64_t));
	for (uint64_t i = 0; i < entries; i++) {
		uint64_t other = random_below(i + 1);

		bench->shuffled[i] = bench->shuffled[other];
		bench->shuffled[other] = i;
	}

	if (mt_pool_create(&bench->pool, NULL))
		bench_fail("no memory");
	init_tree(bench, &bench->ascending);
	store_in_order(bench, &bench->ascending);
	init_tree(bench, &bench->mixed);
	store_in_order(bench, &bench->mixed);
	for (uint64_t i = 0; i < 10 * entries; i++)
		store(&bench->mixed, random_below(entries * 10), i);

	bench->bytes = mt_node_count(&bench->ascending) * MT_NODE_BYTES;
	bench->source = array(bench->bytes, 1);
	bench->target = array(bench->bytes, 1);
}

static void measure(struct bench *bench, unsigned long runs, double least)
{
	for (unsigned long run = 0; run < runs; run++) {
		for (size_t method = 0; method < METHODS; method++) {
			uint64_t operations =
				methods[method].by_keys ? bench->keys_count : bench->entries;
			uint64_t repetitions;
			double seconds =
				bench_turn(methods[method].times, bench, least, &repetitions);

			printf("%" PRIu64 "\t%zu\t%s\t%lu\t%" PRIu64 "\t%.4f\n", bench->entries,
			       bench->bytes / MT_NODE_BYTES, methods[method].name, run, repetitions,
			       seconds * 1e9 / (double)operations);
			fflush(stdout);
		}
	}
}

static void finish(struct bench *bench)
{
	mt_fini(&bench->ascending);
	mt_fini(&bench->mixed);
	mt_pool_put(bench->pool);
	free(bench->shuffled);
	free(bench->keys);
	free(bench->keys_sorted);
	free(bench->words);
	free(bench->present);
	free(bench->source);
	free(bench->target);
}

int main(int argc, char **argv)
{
	if (argc < 6)
		bench_fail(USAGE);
	bench_pin(bench_number(argv[1], USAGE));
	for (int i = 5; i < argc; i++) {
		struct bench bench = {
			.entries = bench_number(argv[i], USAGE),
			.attributes = (uint32_t)bench_number(argv[4], USAGE),
		};

		if (!bench.entries)
			bench_fail(USAGE);
		prepare(&bench);
		measure(&bench, bench_number(argv[2], USAGE),
			(double)bench_number(argv[3], USAGE) / 1e3);
		finish(&bench);
	}
	return 0;
}
