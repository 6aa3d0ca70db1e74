/* SPDX-License-Identifier: MIT */
/*
 * Out of memory. For each function that writes, the n-th allocation fails, for every n that it
 * makes. Each time the tree is the same, node by node, and no reference and no node is lost. Then
 * the call succeeds.
 *
 * Memory runs out in three ways: the pool refuses its n-th node; its allocator refuses once; or it
 * refuses everything from then on. For the last two the pool has no free node left when the call
 * begins. Functions that need no memory are in test_calls.c; check_calls.py finds any that is in
 * neither.
 */
#if defined(__unix__)
#define _DEFAULT_SOURCE /* fork(), setrlimit() */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 4096, SPACE = 6000 };

enum way { REFUSED_NODE, REFUSED_ONCE, REFUSED_FROM_THEN_ON };

/* A pool whose allocator hands out little at a time, and cursors that hold its free nodes. */
enum { HOLDERS = 8192, LITTLE = 16384 };

struct store {
	struct maple_pool *pool;
	struct test_memory memory;
	struct maple_tree empty;
	struct ma_state holder[HOLDERS];
	size_t holders;
};

struct write {
	mt_key first;
	mt_key last;
	mt_key start;
	mt_key next;
};

typedef int (*write_fn)(struct maple_tree *mt, struct write *write);

static int store(struct maple_tree *mt, struct write *write)
{
	return mtree_store(mt, write->first, ENTRY(7));
}

static int store_range(struct maple_tree *mt, struct write *write)
{
	return mtree_store_range(mt, write->first, write->last, ENTRY(8));
}

static int store_null(struct maple_tree *mt, struct write *write)
{
	return mtree_store_range(mt, write->first, write->last, NULL);
}

static int store_range_word(struct maple_tree *mt, struct write *write)
{
	return mtree_store_range_word(mt, write->first, write->last, 0);
}

static int clear_range(struct maple_tree *mt, struct write *write)
{
	return mtree_clear_range(mt, write->first, write->last);
}

static int insert(struct maple_tree *mt, struct write *write)
{
	return mtree_insert(mt, write->first, ENTRY(9));
}

static int insert_range(struct maple_tree *mt, struct write *write)
{
	return mtree_insert_range(mt, write->first, write->first + 3, ENTRY(9));
}

static int insert_range_word(struct maple_tree *mt, struct write *write)
{
	return mtree_insert_range_word(mt, write->first, write->first + 3, 10, NULL);
}

static int erase(struct maple_tree *mt, struct write *write)
{
	return mtree_erase(mt, write->first, NULL);
}

static int alloc_range(struct maple_tree *mt, struct write *write)
{
	return mtree_alloc_range(mt, &write->start, ENTRY(11), 4, write->first, MT_KEY_MAX);
}

static int alloc_rrange(struct maple_tree *mt, struct write *write)
{
	return mtree_alloc_rrange(mt, &write->start, ENTRY(11), 4, 0, write->last + 4);
}

static int alloc_cyclic(struct maple_tree *mt, struct write *write)
{
	return mtree_alloc_cyclic(mt, &write->start, ENTRY(12), 0, SPACE, &write->next);
}

static int alloc_cyclic_word(struct maple_tree *mt, struct write *write)
{
	return mtree_alloc_cyclic_word(mt, &write->start, 0, 0, SPACE, &write->next);
}

static int by_mas_alloc_cyclic(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->last);

	return mas_alloc_cyclic(&mas, &write->start, ENTRY(12), 0, SPACE, &write->next);
}

static int by_mas_store(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->last);

	return mas_store(&mas, ENTRY(13));
}

static int by_mas_store_apart_word(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->last);

	return mas_store_apart_word(&mas, 16);
}

static int by_mas_store_word(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->last);

	return mas_store_word(&mas, 14);
}

static int by_mas_clear(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->last);

	return mas_clear(&mas);
}

static int by_mas_insert(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->first + 3);

	return mas_insert(&mas, ENTRY(15));
}

static int by_mas_erase(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->first);

	return mas_erase(&mas, NULL);
}

static int by_preallocation(struct maple_tree *mt, struct write *write)
{
	MA_STATE(mas, mt, write->first, write->last);
	int error = mas_preallocate(&mas, ENTRY(16));

	if (!error)
		CHECK_EQ(mas_store_prealloc(&mas, ENTRY(16)), 0);
	mas_destroy(&mas);
	return error;
}

static int by_slice(struct maple_tree *mt, struct write *write)
{
	struct maple_tree slice;
	int error;

	mtree_lock(mt);
	error = mt_slice(mt, write->first, write->last + 1000, &slice);
	mtree_unlock(mt);
	if (error)
		CHECK(mtree_empty(&slice));
	mt_fini(&slice);
	return error;
}

/* Of the tree and a part of it. */
static int by_sets(struct maple_tree *mt, struct write *write, bool part_first,
		   int (*make)(struct maple_tree *a, const struct maple_tree *b,
			       struct maple_tree *new_tree))
{
	struct maple_tree part, made;
	int error;

	mtree_lock(mt);
	error = mt_slice(mt, write->first, write->last + 1000, &part);
	if (!error) {
		error = part_first ? make(&part, mt, &made) : make(mt, &part, &made);
		if (error)
			CHECK(mtree_empty(&made));
		mt_fini(&made);
	}
	mtree_unlock(mt);
	mt_fini(&part);
	return error;
}

static int by_union(struct maple_tree *mt, struct write *write)
{
	return by_sets(mt, write, true, mt_union);
}

static int by_intersect(struct maple_tree *mt, struct write *write)
{
	return by_sets(mt, write, false, mt_intersect);
}

static int by_subtract(struct maple_tree *mt, struct write *write)
{
	return by_sets(mt, write, false, mt_subtract);
}

static int in_parts(struct maple_tree *a, const struct maple_tree *b, struct maple_tree *new_tree)
{
	struct mt_set_walk set;
	int error;

	mt_set_begin(&set, mt_set_union, a, b, new_tree);
	do {
		error = mt_set_go_on(&set, 1);
	} while (error == -EAGAIN);
	return error;
}

static int by_parts(struct maple_tree *mt, struct write *write)
{
	return by_sets(mt, write, true, in_parts);
}

static int by_build(struct maple_tree *mt, struct write *write)
{
	enum { COUNT = 600 };
	mt_key first[COUNT], last[COUNT];
	uint64_t words[COUNT];
	struct maple_tree built;
	size_t i;
	int error;

	for (i = 0; i < COUNT; i++) {
		first[i] = write->first + i * 10;
		last[i] = first[i] + 5;
		words[i] = i;
	}
	mt_init_pool(&built, mt_attr(mt), mt->ma_pool, mt->ma_ops);
	error = mt_build(&built, first, last, words, COUNT, NULL);
	CHECK_EQ(mtree_empty(&built), error != 0);
	CHECK_VALID(&built);
	mt_fini(&built);
	return error;
}

static int by_dup(struct maple_tree *mt, struct write *write)
{
	struct maple_tree copy;
	int error;

	(void)write;
	mt_init_pool(&copy, mt_attr(mt), mt->ma_pool, mt->ma_ops);
	error = mtree_dup(mt, &copy);
	CHECK_EQ(mtree_empty(&copy), error != 0);
	mt_fini(&copy);
	return error;
}

static int by_locked_dup(struct maple_tree *mt, struct write *write)
{
	struct maple_tree copy;
	int error;

	(void)write;
	mt_init_pool(&copy, mt_attr(mt), mt->ma_pool, mt->ma_ops);
	error = test_dup_locked(mt, &copy);
	CHECK_EQ(mtree_empty(&copy), error != 0);
	mt_fini(&copy);
	return error;
}

static const struct {
	const char *name;
	write_fn write;
	bool may_need_nothing; /* in place, or refused: there may be no allocation to fail */
} writes[] = {
	{"mtree_store", store, true},
	{"mtree_store_range", store_range, true},
	{"mtree_store_range NULL", store_null, true},
	{"mtree_store_range_word", store_range_word, true},
	{"mtree_clear_range", clear_range, true},
	{"mtree_insert", insert, true},
	{"mtree_insert_range", insert_range, true},
	{"mtree_insert_range_word", insert_range_word, true},
	{"mtree_erase", erase, true},
	{"mtree_alloc_range", alloc_range, true},
	{"mtree_alloc_rrange", alloc_rrange, true},
	{"mtree_alloc_cyclic", alloc_cyclic, true},
	{"mtree_alloc_cyclic_word", alloc_cyclic_word, true},
	{"mas_alloc_cyclic", by_mas_alloc_cyclic, true},
	{"mas_store", by_mas_store, true},
	{"mas_store_word", by_mas_store_word, true},
	{"mas_store_apart_word", by_mas_store_apart_word, true},
	{"mas_clear", by_mas_clear, true},
	{"mas_insert", by_mas_insert, true},
	{"mas_erase", by_mas_erase, true},
	{"mas_preallocate", by_preallocation, false},
	{"mt_slice", by_slice, true},
	{"mt_union", by_union, true},
	{"mt_intersect", by_intersect, true},
	{"mt_subtract", by_subtract, true},
	{"mt_set_go_on", by_parts, true},
	{"mt_build", by_build, false},
	{"mtree_dup", by_dup, false},
	{"__mt_dup", by_locked_dup, false},
};

enum { WRITES = sizeof(writes) / sizeof(*writes) };

static void fill(struct maple_tree *mt)
{
	mt_key key;

	for (key = 0; key < SPACE; key += 1 + test_below(16))
		CHECK_EQ(mtree_store_range_word(mt, key, key + test_below(8), key % WORDS), 0);
}

/* Hold all nodes that the pool could hand out without requesting memory. */
static void use_up(struct store *store)
{
	test_memory_fail(&store->memory, 1, true);
	mt_pool_trim(store->pool);
	for (;; store->holders++) {
		CHECK(store->holders < HOLDERS);
		mas_init(&store->holder[store->holders], &store->empty, 0);
		if (mas_preallocate(&store->holder[store->holders], NULL))
			break;
	}
	test_memory_fail(&store->memory, 0, false);
}

static void let_go(struct store *store)
{
	while (store->holders)
		mas_destroy(&store->holder[--store->holders]);
}

static void begin_failing(struct store *store, enum way way, size_t n)
{
	if (way == REFUSED_NODE) {
		mt_pool_fail_nth(store->pool, n);
		return;
	}
	mt_pool_trim(store->pool);
	test_memory_fail(&store->memory, n, way == REFUSED_FROM_THEN_ON);
}

static void end_failing(struct store *store)
{
	mt_pool_fail_nth(store->pool, 0);
	test_memory_fail(&store->memory, 0, false);
}

/* Returns how many times the call failed before it succeeded. */
static size_t fail_each(struct store *store, struct maple_tree *mt, size_t which, enum way way,
			struct test_counts *counts, bool shared)
{
	struct maple_pool *pool = store->pool;
	struct write write = {.first = test_below(SPACE), .start = 4242};
	struct maple_tree same, relative;
	uint64_t references, entries = mt_entries(mt);
	size_t n, live;
	int got;

	write.last = write.first + test_below(test_below(2) ? 12 : 2000);
	write.next = write.first;
	mt_init_pool(&same, mt_attr(mt), pool, mt->ma_ops);
	CHECK_EQ(mtree_dup(mt, &same), 0);
	if (shared)
		test_fork(mt, &relative);
	if (way != REFUSED_NODE)
		use_up(store);
	live = test_live(pool);
	references = counts->total;
	for (n = 1;; n++) {
		struct write given = write;

		begin_failing(store, way, n);
		got = writes[which].write(mt, &write);
		end_failing(store);
		if (got != -ENOMEM)
			break;
		CHECK_EQ(test_live(pool), live);
		CHECK_EQ(counts->total, references);
		CHECK_VALID(mt);
		CHECK_SAME_NODES(mt, &same);
		CHECK_EQ(mt_entries(mt), entries);
		CHECK_EQ(write.start, given.start);
		CHECK_EQ(write.next, given.next);
	}
	CHECK(got >= 0 || got == -EEXIST || got == -EBUSY);
	if (n == 1 && way == REFUSED_NODE && !writes[which].may_need_nothing)
		test_fail(__FILE__, __LINE__, "%s allocated nothing", writes[which].name);
	CHECK_VALID(mt);
	if (shared) {
		CHECK_VALID(&relative);
		CHECK_SAME_NODES(&relative, &same);
		mt_fini(&relative);
	}
	mt_fini(&same);
	let_go(store);
	CHECK_EQ(test_live(pool), mt_node_count(mt));
	CHECK_EQ(counts->total, mt_entries(mt));
	return n - 1;
}

static void store_open(struct store *store)
{
	struct mt_allocator allocator = test_allocator(&store->memory);

	store->memory = (struct test_memory){.most = LITTLE};
	store->holders = 0;
	CHECK_EQ(mt_pool_create(&store->pool, &allocator), 0);
	mt_init_pool(&store->empty, 0, store->pool, NULL);
}

static void store_close(struct store *store)
{
	mt_fini(&store->empty);
	test_pool_end(store->pool);
	CHECK_EQ(store->memory.bytes, 0);
}

/* Returns how many times it failed. */
static size_t every_allocation_of(size_t which, enum way way, bool shared)
{
	static struct store store;
	struct test_counts counts;
	struct mt_value_ops ops = test_count_ops(&counts);
	struct maple_tree mt;
	size_t step, steps = test_steps(4200) / WRITES / (way == REFUSED_NODE ? 1 : 4) + 1;
	size_t failures = 0;

	store_open(&store);
	test_counts_init(&counts, WORDS);
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, store.pool, &ops);
	fill(&mt);
	/* Each function must need memory at times, or the test shows nothing. */
	for (step = 0; step < steps || (!failures && step < 100 * steps); step++) {
		failures += fail_each(&store, &mt, which, way, &counts, shared);
		if (step % 20 == 19) {
			/* In a tree with hardly a gap left, inserts need no memory. */
			if (!failures)
				mtree_destroy(&mt);
			fill(&mt);
		}
	}
	if (!failures)
		test_fail(__FILE__, __LINE__, "%s never failed", writes[which].name);
	mt_fini(&mt);
	test_counts_end(&counts);
	store_close(&store);
	return failures;
}

static void every_allocation(enum way way)
{
	size_t failures = 0;

	for (size_t which = 0; which < WRITES; which++) {
		failures += every_allocation_of(which, way, false);
		failures += every_allocation_of(which, way, true);
	}
	printf("  %zu calls failed, of %d functions\n", failures, WRITES);
}

static void nodes_refused(void)
{
	every_allocation(REFUSED_NODE);
}

static void memory_refused_once(void)
{
	every_allocation(REFUSED_ONCE);
}

static void memory_refused_from_then_on(void)
{
	every_allocation(REFUSED_FROM_THEN_ON);
}

static void pools_refused(void)
{
	struct test_memory memory = {0};
	struct mt_allocator allocator = test_allocator(&memory);
	struct maple_pool *pool = NULL;

	test_memory_fail(&memory, 1, false);
	CHECK_EQ(mt_pool_create(&pool, &allocator), -ENOMEM);
	CHECK(!pool);
	CHECK_EQ(memory.bytes, 0);
	CHECK_EQ(mt_pool_create(&pool, &allocator), 0);
	mt_pool_put(pool);
	CHECK_EQ(memory.bytes, 0);
#ifdef TEST_WRAPS_LIBC
	test_memory_fail(&test_libc, 1, false);
	CHECK_EQ(mt_pool_create(&pool, NULL), -ENOMEM);
	CHECK_EQ(mt_pool_create(&pool, NULL), 0);
	mt_pool_put(pool);
#endif
}

/* Many look-ups in a large tree are sorted if there is memory for it. Without memory they still
 * work. */
static void look_ups_without_memory(void)
{
	enum { ENTRIES = 700000, KEYS = 1 << 18 };
	struct maple_pool *pool = test_pool();
	uint64_t *words = test_array(ENTRIES, sizeof(*words));
	mt_key *keys = test_array(2 * ENTRIES, sizeof(*keys));
	uint8_t *present = test_array(2 * KEYS, 1);
	struct maple_tree mt;
	size_t found[2], i;

	mt_init_pool(&mt, 0, pool, NULL);
	for (i = 0; i < ENTRIES; i++) {
		keys[i] = i * 10;
		keys[ENTRIES + i] = i * 10 + 5;
		words[i] = i * 3;
	}
	CHECK_EQ(mt_build(&mt, keys, keys + ENTRIES, words, ENTRIES, NULL), 0);
	for (i = 0; i < KEYS; i++)
		keys[i] = test_below(ENTRIES * 10);
	found[0] = mt_load_batch(&mt, keys, KEYS, 7, words, present);
	test_memory_fail(&test_libc, 1, true);
	i = test_libc.calls;
	found[1] = mt_load_batch(&mt, keys, KEYS, 7, words + KEYS, present + KEYS);
	test_memory_fail(&test_libc, 0, false);
#ifdef TEST_WRAPS_LIBC
	CHECK(test_libc.calls > i);
#endif
	CHECK_EQ(found[0], found[1]);
	CHECK(memcmp(words, words + KEYS, KEYS * sizeof(*words)) == 0);
	CHECK(memcmp(present, present + KEYS, KEYS) == 0);
	mt_fini(&mt);
	test_pool_end(pool);
	free(words);
	free(keys);
	free(present);
}

/* One way of mtree_accumulate() through a tree of numbers: few ranges or many, in order or not, with
 * sums of one or two words. Returns how often it failed. */
static size_t accumulate_failing(struct store *store, size_t count, bool sorted, uint64_t word,
				 bool filled, enum way way)
{
	enum { MOST = 300 };
	mt_key first[MOST], last[MOST];
	struct mt_accumulation what = {
		mt_number_signed, mt_op_add, first, last, &word, count, true};
	struct maple_tree mt, same;
	size_t i, n, live;

	CHECK(count <= MOST);
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, store->pool, NULL);
	mt_init_pool(&same, MT_FLAGS_ALLOC_RANGE, store->pool, NULL);
	for (i = 0; i < count; i++) {
		first[i] = sorted ? 20 * i + 4 : 20 * (count - i);
		last[i] = first[i] + 25;
	}
	if (filled)
		fill(&mt);
	CHECK_EQ(mtree_dup(&mt, &same), 0);
	if (way != REFUSED_NODE)
		use_up(store);
	live = test_live(store->pool);
	for (n = 1;; n++) {
		int got;

		begin_failing(store, way, n);
		got = mtree_accumulate(&mt, &what, NULL);
		end_failing(store);
		if (!got)
			break;
		CHECK_EQ(got, -ENOMEM);
		CHECK_EQ(test_live(store->pool), live);
		CHECK_VALID(&mt);
		CHECK_SAME_NODES(&mt, &same);
		CHECK(!mt.ma_shared);
	}
	CHECK_VALID(&mt);
#ifdef TEST_WRAPS_LIBC
	/* The C library refuses: many ranges need its memory, as the pool may do. */
	for (i = 1;; i++) {
		int got;

		mtree_destroy(&mt);
		if (filled)
			fill(&mt);
		test_memory_fail(&test_libc, i, false);
		got = mtree_accumulate(&mt, &what, NULL);
		test_memory_fail(&test_libc, 0, false);
		if (!got)
			break;
		CHECK_EQ(got, -ENOMEM);
		CHECK_VALID(&mt);
		CHECK(!mt.ma_shared);
	}
	CHECK(count == 1 || i - 1 >= 1u + filled);
#endif
	mt_fini(&mt);
	mt_fini(&same);
	let_go(store);
	return n - 1;
}

static void accumulated_without_memory(void)
{
	static const uint64_t two_words = (uint64_t)1 << 56;
	static struct store store;
	size_t failures = 0;

	store_open(&store);
	for (size_t i = 0; i < 16; i++) {
		bool sorted = i & 1, filled = i & 2;
		uint64_t word = i & 4 ? two_words : 1;
		enum way way = i & 8 ? REFUSED_FROM_THEN_ON : REFUSED_NODE;

		failures += accumulate_failing(&store, 300, sorted, word, filled, way);
		failures += accumulate_failing(&store, 1, sorted, word, filled, way);
	}
	CHECK(failures > 100);
	store_close(&store);
}

/* Fill a tree until there is no memory left. Before that, put a few entries into `spare`, of the
 * same pool. Returns how many entries the tree took. */
static uint64_t fill_to_the_end(struct maple_tree *mt, struct maple_tree *spare, uint64_t least)
{
	uint64_t n = 0;
	int error;

	for (; n < 500; n++)
		CHECK_EQ(mtree_store_range_word(spare, n, n, n), 0);
	n = 0;

	while (!(error = mtree_store_range_word(mt, 10 * n, 10 * n + 4, n)))
		n++;
	CHECK_EQ(error, -ENOMEM);
	CHECK(n > least);
	CHECK_EQ(mt_entries(mt), n);
	CHECK_VALID(mt);
	return n;
}

/* Erase half the entries, and store them again with other words. Erasing one can take nodes before
 * it gives some back: those of the spare tree. */
static void use_when_full(struct maple_tree *mt, struct maple_tree *spare, uint64_t count)
{
	uint64_t n, word;

	mtree_destroy(spare);

	for (n = count / 2; n < count; n++)
		CHECK_EQ(mtree_erase(mt, 10 * n, NULL), 0);
	CHECK_VALID(mt);
	CHECK_EQ(mt_entries(mt), count / 2);
	for (n = count / 2; n < count; n++)
		CHECK_EQ(mtree_store_range_word(mt, 10 * n, 10 * n + 4, n + 1), 0);
	CHECK_VALID(mt);
	for (n = 0; n < count; n++) {
		CHECK(mtree_load_word(mt, 10 * n + 4, &word));
		CHECK_EQ(word, n < count / 2 ? n : n + 1);
	}
	mtree_destroy(mt);
	CHECK_EQ(mtree_store_range_word(mt, 0, MT_KEY_MAX, 1), 0);
}

/* The allocator refuses, in a pool of the test's own and in the default pool. */
static void filled_until_refused(void)
{
	struct test_memory memory = {0};
	struct mt_allocator allocator = test_allocator(&memory);
	struct maple_pool *pool;
	struct maple_tree mt, spare;

	CHECK_EQ(mt_pool_create(&pool, &allocator), 0);
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	mt_init_pool(&spare, 0, pool, NULL);
	test_memory_fail(&memory, 7, true);
	use_when_full(&mt, &spare, fill_to_the_end(&mt, &spare, 300));
	mt_fini(&mt);
	mt_fini(&spare);
	test_pool_end(pool);
	CHECK_EQ(memory.bytes, 0);
#ifdef TEST_WRAPS_LIBC
	mt_init(&mt);
	mt_init(&spare);
	test_memory_fail(&test_libc, 7, true);
	use_when_full(&mt, &spare, fill_to_the_end(&mt, &spare, 300));
	mt_fini(&mt);
	mt_fini(&spare);
	test_memory_fail(&test_libc, 0, false);
	mt_pool_trim(NULL);
#endif
}

/* The same under RLIMIT_AS, in a separate process: the system refuses. Not run if a sanitizer or
 * valgrind has reserved the addresses. */
static void filled_to_the_address_space_limit(void)
{
#if defined(__linux__) && !defined(TEST_SANITIZED)
	const size_t more = (size_t)8 << 20;
	struct rlimit limit = {0};
	unsigned long pages = 0;
	FILE *statm;
	pid_t child;
	int status;

	if (getenv("SAMARA_VALGRIND"))
		return;
	fflush(NULL);
	child = fork();
	CHECK(child >= 0);
	if (!child) {
		DEFINE_MTREE(mt);
		DEFINE_MTREE(spare);

		statm = fopen("/proc/self/statm", "r");
		CHECK(statm && fscanf(statm, "%lu", &pages) == 1);
		fclose(statm);
		limit.rlim_cur = limit.rlim_max = pages * (size_t)sysconf(_SC_PAGESIZE) + more;
		CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
		use_when_full(&mt, &spare, fill_to_the_end(&mt, &spare, more / 100));
		mt_fini(&mt);
		mt_fini(&spare);
		_exit(0);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
#endif
}

static const struct test_case cases[] = {
	{"nodes_refused", nodes_refused},
	{"memory_refused_once", memory_refused_once},
	{"memory_refused_from_then_on", memory_refused_from_then_on},
	{"pools_refused", pools_refused},
	{"look_ups_without_memory", look_ups_without_memory},
	{"accumulated_without_memory", accumulated_without_memory},
	{"filled_until_refused", filled_until_refused},
	{"filled_to_the_address_space_limit", filled_to_the_address_space_limit},
};

TEST_MAIN(cases)
