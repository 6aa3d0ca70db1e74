/* SPDX-License-Identifier: MIT */
/*
 * The checks, the random source, the threads and the tree comparisons of test.h. Owns only the
 * state of the random source. Comparing nodes needs the inside of the core (node.h): this is the
 * only place in the tests that knows the layout.
 */
#define _POSIX_C_SOURCE 200112L /* posix_memalign() */

#include "test.h"

#include "node.h"
#include "search.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t seed;
static _Thread_local uint64_t state; /* each thread has random numbers of its own */
static const char *running = "";
/* A thread's source of random numbers; NULL: they are generated. */
static _Thread_local const uint8_t *fed;
static _Thread_local size_t fed_left;

_Noreturn void test_fail(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fprintf(stderr, "%s:%d: FAILED in %s", file, line, running);
	if (!fed)
		fprintf(stderr, " (SAMARA_SEED=%" PRIu64 ")", seed);
	fputs(": ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

const char *test_number(mt_key key)
{
	static _Thread_local struct mt_key_text buffers[8];
	static _Thread_local unsigned turn;

	return mt_key_text(&buffers[turn++ % 8], key, false);
}

_Noreturn void test_differs(const char *file, int line, const char *what, mt_key got,
			    const char *of, mt_key expected)
{
	struct mt_key_text hex;

	test_fail(file, line, "%s is %s (%s), expected %s = %s", what, test_number(got),
		  mt_key_text(&hex, got, true), of, test_number(expected));
}

/* splitmix64: every seed is a good one. */
uint64_t test_random_from(uint64_t *from)
{
	uint64_t z = *from += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t fed_number(unsigned bytes)
{
	uint64_t number = 0;

	for (; bytes && fed_left; bytes--, fed_left--)
		number = number << 8 | *fed++;
	return number;
}

uint64_t test_random(void)
{
	return fed ? fed_number(8) : test_random_from(&state);
}

mt_key test_key(void)
{
#if MT_KEY_BITS == 128
	switch (test_below(4)) {
	case 0:
		return ((mt_key)test_random() << 64) | test_random();
	case 1:
		return ((mt_key)1 << 64) + test_below(4) - 2;
	case 2:
		return ((mt_key)test_below(3) << 64) | test_random();
	}
#endif
	return test_random();
}

uint64_t test_below(uint64_t below)
{
	if (!fed)
		return test_random() % below;
	if (below == 1)
		return 0;
	return fed_number(below <= 1u << 8 ? 1 : below <= 1u << 16 ? 2 : 8) % below;
}

mt_key test_key_below(mt_key below)
{
#if MT_KEY_BITS == 128
	if (below >> 64)
		return (((mt_key)test_random() << 64) | test_random()) % below;
#endif
	return test_below((uint64_t)below);
}

bool test_fed_up(void)
{
	return !fed_left;
}

static uint64_t environment_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	char *end;
	uint64_t number;

	if (!text || !*text)
		return otherwise;
	number = strtoull(text, &end, 0);
	if (*end) {
		fprintf(stderr, "%s: not a number: %s\n", name, text);
		exit(2);
	}
	return number;
}

size_t test_steps(size_t normal)
{
	return environment_number("SAMARA_STEPS", normal);
}

/* Only the test of the locks breaks the lock rules. */
static void unexpected_lock_report(const char *message)
{
	test_fail(__FILE__, __LINE__, "%s", message);
}

static void begin(const char *name)
{
	running = name;
	mt_set_lock_report(unexpected_lock_report);
}

void test_feed(const char *name, const uint8_t *bytes, size_t size)
{
	begin(name);
	test_feed_thread(bytes, size);
}

void test_feed_thread(const uint8_t *bytes, size_t size)
{
	fed = bytes;
	fed_left = size;
}

static void run_case(const struct test_case *test)
{
	const char *letter;

	begin(test->name);
	state = seed;
	for (letter = test->name; *letter; letter++)
		state = state * 31 + (unsigned char)*letter;
	printf("%s\n", test->name);
	fflush(stdout);
	test->run();
}

int test_main(int argc, char **argv, const struct test_case *cases, size_t count)
{
	struct timespec now;
	size_t i;
	int argument;

	timespec_get(&now, TIME_UTC);
	seed = environment_number("SAMARA_SEED",
				  ((uint64_t)now.tv_sec * 1000003u ^ (uint64_t)now.tv_nsec) >> 4);
	printf("SAMARA_SEED=%" PRIu64 "\n", seed);
	for (argument = 1; argument < argc; argument++) {
		for (i = 0; i < count && strcmp(cases[i].name, argv[argument]); i++)
			;
		if (i == count) {
			fprintf(stderr, "no case is named %s\n", argv[argument]);
			return 2;
		}
		run_case(&cases[i]);
	}
	for (i = 0; argc == 1 && i < count; i++)
		run_case(&cases[i]);
	/* What the default pool keeps would look lost if only its middle is pointed to. */
	mt_pool_trim(NULL);
	return 0;
}

/* ---- threads --------------------------------------------------------------------------------- */

struct started {
	void (*run)(void *context);
	void *context;
	uint64_t state;
	pthread_t thread;
};

static void *start(void *argument)
{
	struct started *started = argument;

	state = started->state;
	started->run(started->context);
	return NULL;
}

void test_threads(unsigned count, void (*run)(void *context), void *contexts, size_t size)
{
	struct started started[TEST_THREADS_MAX];
	unsigned i;

	CHECK(count <= TEST_THREADS_MAX);
	for (i = 0; i < count; i++) {
		started[i] = (struct started){
			.run = run, .context = (char *)contexts + i * size, .state = test_random()};
		CHECK_EQ(pthread_create(&started[i].thread, NULL, start, &started[i]), 0);
	}
	for (i = 0; i < count; i++)
		CHECK_EQ(pthread_join(started[i].thread, NULL), 0);
}

static void *idle(void *context)
{
	struct test_idler *idler = context;

	while (sem_wait(&idler->end))
		;
	return NULL;
}

void test_idler_begin(struct test_idler *idler)
{
	CHECK_EQ(sem_init(&idler->end, 0, 0), 0);
	CHECK_EQ(pthread_create(&idler->thread, NULL, idle, idler), 0);
}

void test_idler_end(struct test_idler *idler)
{
	sem_post(&idler->end);
	CHECK_EQ(pthread_join(idler->thread, NULL), 0);
	sem_destroy(&idler->end);
}

/* ---- versions of the search ------------------------------------------------------------------ */

bool test_search(unsigned version)
{
	const struct mt_search *search = mt_search_version(version, mt_processor());
	unsigned chosen = 0;

	if (search) {
		mt_search = *search;
		return true;
	}
	while ((search = mt_search_version(chosen++, mt_processor())))
		mt_search = *search; /* the last is the fastest */
	return false;
}

/* ---- pools and memory ------------------------------------------------------------------------ */

struct maple_pool *test_pool(void)
{
	struct maple_pool *pool;

	CHECK_EQ(mt_pool_create(&pool, NULL), 0);
	return pool;
}

size_t test_live(struct maple_pool *pool)
{
	struct mt_pool_stats stats;

	mt_pool_stats(pool, &stats);
	return stats.live;
}

uint64_t test_allocated(struct maple_pool *pool)
{
	struct mt_pool_stats stats;

	mt_pool_stats(pool, &stats);
	return stats.allocated;
}

void test_pool_end(struct maple_pool *pool)
{
	CHECK_EQ(test_live(pool), 0);
	mt_pool_put(pool);
}

static bool exhausted_now;

void test_exhaust(bool exhausted)
{
	exhausted_now = exhausted;
}

/* Replaces the C library's function in every test program. */
void *aligned_alloc(size_t align, size_t size)
{
	void *memory;

	return exhausted_now || posix_memalign(&memory, align, size) ? NULL : memory;
}

void *test_array(size_t count, size_t size)
{
	void *array = calloc(count ? count : 1, size);

	CHECK(array);
	return array;
}

/* ---- trees ----------------------------------------------------------------------------------- */

void test_valid(const char *file, int line, const struct maple_tree *mt)
{
	char reason[256] = "";

	if (mt_validate(mt, reason, sizeof(reason)))
		test_fail(file, line, "not valid: %s", reason);
}

void test_same_entries(const char *file, int line, struct maple_tree *a, struct maple_tree *b)
{
	struct ma_state of_a, of_b;
	bool more_a, more_b;

	mas_init(&of_a, a, 0);
	mas_init(&of_b, b, 0);
	do {
		more_a = mas_find_word(&of_a, MT_KEY_MAX, false);
		more_b = mas_find_word(&of_b, MT_KEY_MAX, false);
		if (more_a != more_b)
			test_fail(file, line, "one tree has more entries");
		if (more_a &&
		    (of_a.index != of_b.index || of_a.last != of_b.last || of_a.word != of_b.word))
			test_fail(file, line, "[%s, %s] = %" PRIu64 " and [%s, %s] = %" PRIu64,
				  test_number(of_a.index), test_number(of_a.last), of_a.word,
				  test_number(of_b.index), test_number(of_b.last), of_b.word);
	} while (more_a);
}

struct pair {
	struct maple_node *a;
	struct maple_node *b;
	uint32_t height;
};

/* Compares all that a node means, spare pivots included. Unused slots mean nothing. */
static bool nodes_equal(const struct maple_node *a, const struct maple_node *b)
{
	size_t pivots = mt_capacity((enum mt_kind)a->kind) - 1;
	unsigned slot;

	if (a->kind != b->kind || a->count != b->count || a->present != b->present ||
	    memcmp(a->pivot, b->pivot, pivots * sizeof(*a->pivot)) != 0)
		return false;
	for (slot = 0; slot < a->count; slot++) {
		if (a->kind == MT_NARROW && a->narrow.gap[slot] != b->narrow.gap[slot])
			return false;
		if (a->kind == MT_LEAF && mt_slot_present(a, slot) &&
		    a->wide.slot[slot] != b->wide.slot[slot])
			return false;
	}
	return true;
}

void test_same_nodes(const char *file, int line, const struct maple_tree *a,
		     const struct maple_tree *b)
{
	/* At most one level's children wait at each height. */
	struct pair waiting[MT_MAX_HEIGHT * MT_MAX_SLOTS], pair;
	size_t count = 0;
	unsigned slot;

	if (mt_height(a) != mt_height(b) || mt_attr(a) != mt_attr(b))
		test_fail(file, line, "heights %u and %u, attributes %#x and %#x", mt_height(a),
			  mt_height(b), mt_attr(a), mt_attr(b));
	if (!a->ma_root != !b->ma_root)
		test_fail(file, line, "one tree is empty");
	if (a->ma_root)
		waiting[count++] = (struct pair){a->ma_root, b->ma_root, mt_height(a)};
	while (count) {
		pair = waiting[--count];
		if (pair.a == pair.b)
			test_fail(file, line, "a node at height %u is in both trees", pair.height);
		if ((pair.a->kind == MT_LEAF) != (pair.height == 1))
			test_fail(file, line, "kind %u at height %u", pair.a->kind, pair.height);
		if (!nodes_equal(pair.a, pair.b))
			test_fail(file, line, "two nodes at height %u differ", pair.height);
		for (slot = 0; pair.height > 1 && slot < pair.a->count; slot++)
			waiting[count++] = (struct pair){mt_child(pair.a, slot),
							 mt_child(pair.b, slot), pair.height - 1};
	}
}

void test_full(const char *file, int line, const struct maple_tree *mt)
{
	struct pair waiting[MT_MAX_HEIGHT * MT_MAX_SLOTS], pair;
	size_t count = 0;
	unsigned slot;

	if (!mt->ma_root)
		test_fail(file, line, "an empty tree is not full");
	waiting[count++] = (struct pair){mt->ma_root, NULL, mt_height(mt)};
	while (count) {
		pair = waiting[--count];
		if (pair.a->count != mt_capacity((enum mt_kind)pair.a->kind))
			test_fail(file, line, "a node at height %u has %u slots in use",
				  pair.height, pair.a->count);
		for (slot = 0; pair.height > 1 && slot < pair.a->count; slot++)
			waiting[count++] =
				(struct pair){mt_child(pair.a, slot), NULL, pair.height - 1};
	}
}

int test_dup_locked(struct maple_tree *mt, struct maple_tree *new_tree)
{
	int error;

	mtree_lock(mt);
	mtree_lock_nested(new_tree, MT_LOCK_NESTED);
	error = __mt_dup(mt, new_tree);
	mtree_unlock(new_tree);
	mtree_unlock(mt);
	return error;
}

void test_fork(struct maple_tree *mt, struct maple_tree *new_tree)
{
	mtree_lock(mt);
	mt_fork(mt, new_tree);
	mtree_unlock(mt);
}

/* ---- value operations that count ------------------------------------------------------------- */

void test_counts_init(struct test_counts *counts, size_t limit)
{
	counts->references = test_array(limit, sizeof(*counts->references));
	counts->limit = limit;
	counts->total = 0;
}

void test_counts_end(struct test_counts *counts)
{
	CHECK_EQ(counts->total, 0);
	free(counts->references);
	counts->references = NULL;
}

static void count_retain(void *context, const uint64_t *words, uint32_t present)
{
	struct test_counts *counts = context;
	unsigned i;

	for (i = 0; i < MT_MAX_SLOTS; i++) {
		if (!(present >> i & 1u))
			continue;
		CHECK(words[i] < counts->limit);
		counts->references[words[i]]++;
		counts->total++;
	}
}

static void count_release(void *context, const uint64_t *words, uint32_t present)
{
	struct test_counts *counts = context;
	unsigned i;

	for (i = 0; i < MT_MAX_SLOTS; i++) {
		if (!(present >> i & 1u))
			continue;
		CHECK(words[i] < counts->limit);
		CHECK(counts->references[words[i]] > 0);
		counts->references[words[i]]--;
		counts->total--;
	}
}

struct mt_value_ops test_count_ops(struct test_counts *counts)
{
	return (struct mt_value_ops){
		.retain = count_retain, .release = count_release, .context = counts};
}
