/* SPDX-License-Identifier: MIT */
/*
 * Code that every C test uses: checks that end the program with a message, a seeded random source,
 * and pools that must end without a node in use.
 *
 * The seed is printed; SAMARA_SEED sets it. SAMARA_STEPS sets the length of the random tests. A
 * test program runs all its cases, or those named on its command line.
 */
#ifndef TEST_H
#define TEST_H

#include "key_text.h"
#include "width.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether a sanitizer is built in that takes addresses and much of the stack. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_SANITIZED 1
#endif
#endif

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			test_fail(__FILE__, __LINE__, "%s", #condition);                           \
	} while (0)

/* Compares both as keys, and prints them if they differ. */
#define CHECK_EQ(got, expected)                                                                    \
	do {                                                                                       \
		mt_key got_ = (mt_key)(got), expected_ = (mt_key)(expected);                       \
		if (got_ != expected_)                                                             \
			test_differs(__FILE__, __LINE__, #got, got_, #expected, expected_);        \
	} while (0)

_Noreturn void test_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void test_differs(const char *file, int line, const char *what, mt_key got,
			    const char *of, mt_key expected);
/* A key as text, in one of a few buffers that take turns. */
const char *test_number(mt_key key);

struct test_case {
	const char *name;
	void (*run)(void);
};

/* Run the cases, or those that the command line names. main() returns this. */
int test_main(int argc, char **argv, const struct test_case *cases, size_t count);
#define TEST_MAIN(cases)                                                                           \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		return test_main(argc, argv, cases, sizeof(cases) / sizeof(*(cases)));             \
	}

/* ---- random numbers: each case starts from the seed and its own name, each of its threads from a
 * number of the case's ------------------------------------------------------------------------- */

uint64_t test_random(void);
/* Any key, often one around 2^64 if there are keys above. */
mt_key test_key(void);
/* The same from a state that the caller keeps. */
uint64_t test_random_from(uint64_t *state);
/* One of 0 ... below - 1. */
uint64_t test_below(uint64_t below);
mt_key test_key_below(mt_key below);
/* From now on, this thread reads random numbers from these bytes. Each takes as few bytes as its
 * limit needs. After the last byte, all numbers are 0. A failed check prints `name`. */
void test_feed(const char *name, const uint8_t *bytes, size_t size);
/* The same for another thread, after test_feed() in the first one. */
void test_feed_thread(const uint8_t *bytes, size_t size);
bool test_fed_up(void);
/* SAMARA_STEPS if it is set, else `normal`. */
size_t test_steps(size_t normal);

/* ---- threads --------------------------------------------------------------------------------- */

#define TEST_THREADS_MAX 8

/* Call run() for each of `count` contexts of that size, each in its own thread, and wait for all
 * threads. */
void test_threads(unsigned count, void (*run)(void *context), void *contexts, size_t size);

/* A thread that only exists: with it the process has more than one. */
struct test_idler {
	pthread_t thread;
	sem_t end;
};

void test_idler_begin(struct test_idler *idler);
void test_idler_end(struct test_idler *idler);

/* ---- versions of the search ------------------------------------------------------------------ */

/* From now on, search nodes with this version, counted from 0. If this processor has fewer: with the
 * one that it chose, and return false. No other thread may be looking something up. */
bool test_search(unsigned version);
#define TEST_CHOSEN_SEARCH UINT_MAX /* as a version: there is none */

/* ---- pools and memory ------------------------------------------------------------------------ */

/* A pool for one test. test_pool_end() checks that no node is in use, and frees the pool. */
struct maple_pool *test_pool(void);
void test_pool_end(struct maple_pool *pool);
size_t test_live(struct maple_pool *pool);
/* Nodes handed out so far. */
uint64_t test_allocated(struct maple_pool *pool);
/* Set whether the C library has run out of aligned memory, which is where nodes come from. */
void test_exhaust(bool exhausted);
/* calloc() that cannot fail. */
void *test_array(size_t count, size_t size);

/* ---- trees ----------------------------------------------------------------------------------- */

#define ENTRY(number) ((void *)(uintptr_t)(number))

/* mt_validate(), which prints its reason if it fails. */
#define CHECK_VALID(mt) test_valid(__FILE__, __LINE__, (mt))
void test_valid(const char *file, int line, const struct maple_tree *mt);

/* The same ranges with the same words. */
#define CHECK_SAME_ENTRIES(a, b) test_same_entries(__FILE__, __LINE__, (a), (b))
void test_same_entries(const char *file, int line, struct maple_tree *a, struct maple_tree *b);

/* The same nodes in the same places, equal except for the addresses of children; none in common. */
#define CHECK_SAME_NODES(a, b) test_same_nodes(__FILE__, __LINE__, (a), (b))
void test_same_nodes(const char *file, int line, const struct maple_tree *a,
		     const struct maple_tree *b);

/* Every node has as many slots in use as it can have. */
#define CHECK_FULL(mt) test_full(__FILE__, __LINE__, (mt))
void test_full(const char *file, int line, const struct maple_tree *mt);

/* __mt_dup() under both locks, the new tree's nested. */
int test_dup_locked(struct maple_tree *mt, struct maple_tree *new_tree);
/* mt_fork() under the lock. */
void test_fork(struct maple_tree *mt, struct maple_tree *new_tree);

/* ---- value operations that count ------------------------------------------------------------- */

/* References to each word below `limit`: the context of test_count_ops. A release of a word without
 * a reference fails the test, as does a word out of range. */
struct test_counts {
	uint64_t *references;
	size_t limit;
	uint64_t total;
};

void test_counts_init(struct test_counts *counts, size_t limit);
/* Every count must be back to zero. */
void test_counts_end(struct test_counts *counts);
/* retain and release over `counts`; add equal or split to it as a test needs. */
struct mt_value_ops test_count_ops(struct test_counts *counts);

#endif /* TEST_H */
