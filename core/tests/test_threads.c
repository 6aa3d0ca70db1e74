/* SPDX-License-Identifier: MIT */
/*
 * Threads: what docs/threads.md promises for the core. Relatives over one pool are read, written,
 * forked, duplicated and ended in several threads at once, each with an oracle of its own. Batches
 * read snapshots while their relatives are written. Pools are made, shared and trimmed. Memory runs
 * out. At the end no node and no value is in use. test_writers.c tests one tree in several threads.
 *
 * Also meant for ThreadSanitizer (make test-tsan): whatever threads share here is guarded by the
 * core, or by a lock or an atomic operation that the test names.
 */
#define _POSIX_C_SOURCE 200809L /* fork() */

#include "oracle.h"
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, CELLS = 300, WORDS = 4096, MEMBERS = 5, SHELF = 6 };

/* ---- value operations that several threads call ---------------------------------------------- */

/* test_counts is for one thread; here each count is atomic. */
struct shared_counts {
	uint64_t references[WORDS];
	uint64_t total;
};

static void shared_retain(void *context, const uint64_t *words, uint32_t present)
{
	struct shared_counts *counts = context;

	for (; present; present &= present - 1) {
		uint64_t word = words[__builtin_ctz(present)];

		CHECK(word < WORDS);
		__atomic_fetch_add(&counts->references[word], 1u, __ATOMIC_RELAXED);
		__atomic_fetch_add(&counts->total, 1u, __ATOMIC_RELAXED);
	}
}

static void shared_release(void *context, const uint64_t *words, uint32_t present)
{
	struct shared_counts *counts = context;

	for (; present; present &= present - 1) {
		uint64_t word = words[__builtin_ctz(present)];

		CHECK(word < WORDS);
		CHECK(__atomic_fetch_sub(&counts->references[word], 1u, __ATOMIC_RELAXED) > 0);
		__atomic_fetch_sub(&counts->total, 1u, __ATOMIC_RELAXED);
	}
}

/* ---- families over one pool ----------------------------------------------------------------- */

struct member {
	bool alive;
	struct maple_tree mt;
	struct oracle oracle;
};

/* Where threads leave a tree for others to take. So a tree is written, and ends, in other threads
 * than the one that made it, and relatives of one tree are in all threads. The mutex guards which
 * thread has which tree. */
struct shelf {
	pthread_mutex_t mutex;
	struct member places[SHELF];
};

struct family {
	struct maple_pool *pool;
	const struct mt_value_ops *ops;
	struct shelf *shelf;
	size_t steps;
	bool fails;      /* nodes run out sometimes */
	size_t failures; /* of this thread's writes */
};

static void end_member(struct member *member)
{
	if (!member->alive)
		return;
	mt_fini(&member->mt);
	oracle_fini(&member->oracle);
	member->alive = false;
}

/* A whole member moves. Trees may be moved while nobody uses them. */
static void swap_with_shelf(struct shelf *shelf, struct member *member)
{
	struct member *place = &shelf->places[test_below(SHELF)];
	struct member taken;

	pthread_mutex_lock(&shelf->mutex);
	taken = *place;
	*place = *member;
	pthread_mutex_unlock(&shelf->mutex);
	*member = taken;
}

/* One write, which fails or succeeds as a whole. */
static void write_member(struct family *family, struct member *member)
{
	size_t low = test_below(CELLS), high = low + test_below(test_below(8) ? 4 : 60);
	bool clears = test_below(4) == 0;
	mt_key first, last, word = test_below(WORDS);
	int status;

	if (high >= CELLS)
		high = CELLS - 1;
	first = oracle_first(&member->oracle, low);
	last = oracle_last(&member->oracle, high);
	if (family->fails && test_below(3) == 0)
		mt_pool_fail_nth(family->pool, 1 + test_below(6));
	if (clears)
		status = mtree_clear_range(&member->mt, first, last);
	else
		status = mtree_store_range_word(&member->mt, first, last, word);
	if (status) {
		CHECK(family->fails);
		CHECK_EQ(status, -ENOMEM);
		family->failures++;
		CHECK_CONTENTS(&member->oracle, &member->mt);
	} else if (clears) {
		oracle_clear(&member->oracle, low, high);
	} else {
		oracle_store(&member->oracle, low, high, word);
	}
}

/* Make `to` a fork or a duplicate of `from`. */
static void copy_member(struct family *family, struct member *from, struct member *to, bool dup)
{
	int status = 0;

	if (to == from)
		return;
	end_member(to);
	if (dup) {
		mt_init_pool(&to->mt, mt_attr(&from->mt), family->pool, family->ops);
		status = mtree_dup(&from->mt, &to->mt);
	} else {
		test_fork(&from->mt, &to->mt);
	}
	if (status) {
		CHECK(family->fails);
		CHECK_EQ(status, -ENOMEM);
		CHECK(mtree_empty(&to->mt));
		mt_fini(&to->mt);
		family->failures++;
		return;
	}
	oracle_copy(&from->oracle, &to->oracle);
	to->alive = true;
}

static void read_member(const struct member *member, struct maple_tree *mt)
{
	size_t cell = test_below(CELLS);
	struct mt_entry got, expected = {0};
	bool there = oracle_find(&member->oracle, cell, CELLS - 1, &expected);

	CHECK_EQ(mtree_find(mt, oracle_first(&member->oracle, cell), MT_KEY_MAX, &got), there);
	if (there) {
		CHECK_EQ(got.first, expected.first);
		CHECK_EQ(got.last, expected.last);
		CHECK_EQ(got.word, expected.word);
	}
}

static void live_in_a_family(void *context)
{
	struct family *family = context;
	struct member members[MEMBERS] = {0};

	for (size_t step = 0; step < family->steps; step++) {
		struct member *member = &members[test_below(MEMBERS)];

		if (!member->alive) {
			swap_with_shelf(family->shelf, member);
			continue;
		}
		switch (test_below(16)) {
		case 0:
			swap_with_shelf(family->shelf, member);
			break;
		case 1:
			end_member(member);
			break;
		case 2:
		case 3:
			copy_member(family, member, &members[test_below(MEMBERS)], false);
			break;
		case 4:
			copy_member(family, member, &members[test_below(MEMBERS)], true);
			break;
		case 5:
			CHECK_ORACLE(&member->oracle, &member->mt);
			break;
		case 6:
		case 7:
		case 8:
			read_member(member, &member->mt);
			break;
		default:
			write_member(family, member);
		}
	}
	for (unsigned i = 0; i < MEMBERS; i++) {
		if (members[i].alive)
			CHECK_ORACLE(&members[i].oracle, &members[i].mt);
		end_member(&members[i]);
	}
}

static void families(bool fails)
{
	static struct shared_counts counts;
	static const struct mt_value_ops ops = {
		.retain = shared_retain, .release = shared_release, .context = &counts};
	struct maple_pool *pool = test_pool();
	struct family threads[THREADS];
	size_t failures = 0;

	for (uint32_t flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		struct shelf shelf = {.mutex = PTHREAD_MUTEX_INITIALIZER};
		struct family first = {.pool = pool, .ops = &ops, .shelf = &shelf};
		struct member *root = &shelf.places[0];

		/* At first all are forks of one tree. */
		mt_init_pool(&root->mt, flags, pool, &ops);
		oracle_init(&root->oracle, CELLS);
		root->alive = true;
		for (unsigned i = 0; i < 150; i++)
			write_member(&first, root);
		for (unsigned i = 1; i < SHELF; i++)
			copy_member(&first, root, &shelf.places[i], false);
		for (unsigned i = 0; i < THREADS; i++) {
			threads[i] = first;
			threads[i].fails = fails;
			threads[i].steps = test_steps(20000);
		}
		test_threads(THREADS, live_in_a_family, threads, sizeof(*threads));
		mt_pool_fail_nth(pool, 0);
		for (unsigned i = 0; i < THREADS; i++)
			failures += threads[i].failures;
		for (unsigned i = 0; i < SHELF; i++) {
			if (shelf.places[i].alive)
				CHECK_ORACLE(&shelf.places[i].oracle, &shelf.places[i].mt);
			end_member(&shelf.places[i]);
		}
		CHECK_EQ(counts.total, 0);
		CHECK_EQ(test_live(pool), 0);
	}
	CHECK_EQ(failures > 0, fails);
	for (size_t word = 0; word < WORDS; word++)
		CHECK_EQ(counts.references[word], 0);
	test_pool_end(pool);
}

static void relatives_in_all_threads(void)
{
	families(false);
}

/* A failing allocation strikes whichever thread comes next. That write changes nothing, and no
 * other tree is affected. */
static void memory_runs_out_in_all_threads(void)
{
	families(true);
}

/* ---- snapshots read while a relative is written --------------------------------------------- */

enum { PAIRS = 600, READERS = 3 };

struct pairs {
	struct maple_tree *mt;
	pthread_mutex_t
		*writers; /* held by whoever writes, forks or ends: for a serial pool; or NULL */
	bool writes;
	bool parallel; /* uses a serial pool outside of the mutex */
	bool forks;    /* forks the process */
	size_t steps;
};

static void enter(const struct pairs *pairs)
{
	if (pairs->writers)
		pthread_mutex_lock(pairs->writers);
}

static void leave(const struct pairs *pairs)
{
	if (pairs->writers)
		pthread_mutex_unlock(pairs->writers);
}

/* Key i and key i + PAIRS always have one word: both are written under the lock. */
static void write_pairs(const struct pairs *pairs)
{
	for (size_t step = 0; step < pairs->steps; step++) {
		mt_key key = test_below(PAIRS), word = test_random();
		struct ma_state mas;

		enter(pairs);
		mas_init(&mas, pairs->mt, key);
		mas_lock(&mas);
		CHECK_EQ(mas_store_word(&mas, word), 0);
		mas_set(&mas, key + PAIRS);
		CHECK_EQ(mas_store_word(&mas, word), 0);
		mas_unlock(&mas);
		leave(pairs);
	}
}

/* A batch, and the whole snapshot in order: both see one moment of the tree. No lock is held. */
static void check_snapshot(const struct maple_tree *snapshot)
{
	enum { ALL = 2 * PAIRS };
	mt_key keys[ALL], first[ALL], last[ALL];
	uint64_t words[ALL], in_order[ALL];
	uint8_t present[ALL];

	for (unsigned i = 0; i < ALL; i++)
		keys[i] = i * 7 % ALL;
	CHECK_EQ(mt_load_batch(snapshot, keys, ALL, 0, words, present), ALL);
	CHECK_EQ(mt_read(snapshot, first, last, in_order), ALL);
	for (unsigned i = 0; i < ALL; i++)
		CHECK_EQ(words[i], in_order[keys[i]]);
	for (unsigned i = 0; i < PAIRS; i++)
		CHECK_EQ(in_order[i], in_order[i + PAIRS]);
}

static void read_pairs(const struct pairs *pairs)
{
	for (size_t step = 0; step < pairs->steps / 4; step++) {
		struct maple_tree snapshot;

		enter(pairs);
		test_fork(pairs->mt, &snapshot);
		leave(pairs);
		check_snapshot(&snapshot);
		enter(pairs);
		mt_fini(&snapshot);
		leave(pairs);
	}
}

/* Write, duplicate and end forks outside of the mutex. They share nodes with the tree that is written
 * under it. */
static void write_forks(const struct pairs *pairs)
{
	for (size_t step = 0; step < pairs->steps / 40; step++) {
		struct maple_pool *pool = pairs->mt->ma_pool;
		struct maple_tree fork, copy;
		struct pairs own = {.mt = &fork, .steps = test_below(200)};

		enter(pairs);
		mt_pool_begin_parallel(pool);
		test_fork(pairs->mt, &fork);
		mt_init_pool(&copy, mt_attr(&fork), pool, NULL);
		leave(pairs);
		write_pairs(&own);
		check_snapshot(&fork);
		CHECK_EQ(mtree_dup(&fork, &copy), 0);
		mtree_destroy(&fork);
		own.mt = &copy;
		write_pairs(&own);
		check_snapshot(&copy);
		CHECK_VALID(&copy);
		mtree_destroy(&copy);
		enter(pairs);
		mt_fini(&fork);
		mt_fini(&copy);
		mt_pool_end_parallel(pool);
		leave(pairs);
	}
}

/* What the child of a fork() does: everything with the tree that was written under the mutex. */
static void live_in_child(const struct pairs *pairs)
{
	struct pairs own = {.mt = pairs->mt, .steps = 300};
	struct maple_pool *pool = pairs->mt->ma_pool;
	struct maple_tree copy;

	mt_pool_serial(pool);
	check_snapshot(pairs->mt);
	mt_init_pool(&copy, mt_attr(pairs->mt), pool, NULL);
	CHECK_EQ(mtree_dup(pairs->mt, &copy), 0);
	write_pairs(&own);
	CHECK_VALID(pairs->mt);
	check_snapshot(pairs->mt);
	mt_fini(&copy);
	__mt_destroy(pairs->mt);
}

static void fork_process(const struct pairs *pairs)
{
	for (size_t step = 0; step < pairs->steps / 100 + 1; step++) {
		struct maple_pool *pool = pairs->mt->ma_pool;
		bool locked;
		pid_t child;
		int status;

		enter(pairs);
		locked = mt_pool_lock(pool);
		child = fork();
		if (locked)
			mt_pool_unlock(pool);
		if (child == 0) {
			alarm(600);
			live_in_child(pairs);
			/* Checkers of leaks must not see what other threads had: end as another program. */
			execlp("true", "true", (char *)NULL);
			_exit(1);
		}
		leave(pairs);
		CHECK(child > 0);
		CHECK_EQ(waitpid(child, &status, 0), child);
		CHECK_EQ(status, 0);
	}
}

static void use_pairs(void *context)
{
	const struct pairs *pairs = context;

	if (pairs->forks)
		fork_process(pairs);
	else if (pairs->writes)
		write_pairs(pairs);
	else if (pairs->parallel)
		write_forks(pairs);
	else
		read_pairs(pairs);
}

static void batches_beside_writers(bool serial, bool parallel, bool forks)
{
	pthread_mutex_t writers = PTHREAD_MUTEX_INITIALIZER;
	struct maple_pool *pool = test_pool();
	struct pairs threads[1 + READERS];
	struct maple_tree mt;

	if (serial)
		mt_pool_serial(pool);
	mt_init_pool(&mt, 0, pool, NULL);
	for (mt_key key = 0; key < (uint64_t)2 * PAIRS; key++)
		CHECK_EQ(mtree_store_range_word(&mt, key, key, 1), 0);
	for (unsigned i = 0; i <= READERS; i++)
		threads[i] = (struct pairs){.mt = &mt,
					    .writers = serial ? &writers : NULL,
					    .writes = i == 0,
					    .parallel = parallel && i > 1,
					    .forks = forks && i == 1,
					    .steps = test_steps(8000)};
	test_threads(1 + READERS, use_pairs, threads, sizeof(*threads));
	CHECK_VALID(&mt);
	check_snapshot(&mt);
	CHECK_EQ(test_live(pool), mt_node_count(&mt));
	mt_fini(&mt);
	test_pool_end(pool);
}

static void snapshots_are_read_beside_writers(void)
{
	batches_beside_writers(false, false, false);
}

/* In a serial pool the caller lets only one thread at a time write, fork or end. Look-ups need no
 * lock. */
static void a_serial_pool_lets_look_ups_run_beside_one_writer(void)
{
	batches_beside_writers(true, false, false);
}

/* Those who say so need none for writing either. */
static void a_serial_pool_is_written_in_parallel(void)
{
	batches_beside_writers(true, true, false);
}

/* A child has one of the threads, and all trees as they were, except those that the others were
 * writing. */
static void a_fork_beside_parallel_writers(void)
{
	batches_beside_writers(true, true, true);
}

struct heir {
	struct maple_tree fork; /* of the tree that the other thread writes */
	struct maple_tree *mt;
	uint64_t round;
};

/* One thread reads a fork and ends it. The other writes the tree. After the fork has ended, the
 * nodes belong to the tree alone, and it writes them in place. These writes must come after all
 * reads of the first thread. Only the reference counts of the nodes order them. */
static void inherit(void *context)
{
	struct heir *heir = context;
	mt_key first[PAIRS], last[PAIRS];
	uint64_t words[PAIRS];

	if (heir->mt) {
		for (unsigned pass = 0; pass < 4; pass++)
			for (mt_key key = 0; key < PAIRS; key++)
				CHECK_EQ(mtree_store_range_word(heir->mt, key, key, heir->round),
					 0);
		return;
	}
	CHECK_EQ(mt_read(&heir->fork, first, last, words), PAIRS);
	for (unsigned i = 0; i < PAIRS; i++)
		CHECK_EQ(words[i], heir->round - 1);
	mt_fini(&heir->fork);
}

static void the_last_owner_writes_after_the_others_reads(void)
{
	struct maple_pool *pool = test_pool();
	size_t rounds = test_steps(2000) / 10;
	struct heir threads[2] = {0};
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, NULL);
	for (mt_key key = 0; key < PAIRS; key++)
		CHECK_EQ(mtree_store_range_word(&mt, key, key, 0), 0);
	threads[1].mt = &mt;
	for (uint64_t round = 1; round <= rounds; round++) {
		threads[0].round = threads[1].round = round;
		test_fork(&mt, &threads[0].fork);
		test_threads(2, inherit, threads, sizeof(*threads));
		CHECK_EQ(test_live(pool), mt_node_count(&mt));
	}
	CHECK_VALID(&mt);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* ---- pools ---------------------------------------------------------------------------------- */

/* Several threads may call an allocator at once. */
static void *counting_alloc(void *context, size_t size, size_t align)
{
	__atomic_fetch_add((size_t *)context, size, __ATOMIC_RELAXED);
	return aligned_alloc(align, size);
}

static void counting_free(void *context, void *memory, size_t size)
{
	__atomic_fetch_sub((size_t *)context, size, __ATOMIC_RELAXED);
	free(memory);
}

struct pools {
	struct maple_pool *shared; /* this thread owns one reference */
	size_t *bytes;
	size_t steps;
};

static void fill_and_end(struct maple_pool *pool, uint64_t ranges)
{
	struct maple_tree mt, fork;

	mt_init_pool(&mt, 0, pool, NULL);
	for (mt_key key = 0; key < ranges; key++)
		CHECK_EQ(mtree_store_range_word(&mt, key * 2, key * 2, key), 0);
	test_fork(&mt, &fork);
	CHECK_EQ(mtree_clear_range(&fork, ranges, MT_KEY_MAX), 0);
	CHECK_VALID(&mt);
	mt_fini(&mt);
	CHECK_VALID(&fork);
	mt_fini(&fork);
}

static void use_pools(void *context)
{
	struct pools *pools = context;
	struct mt_allocator allocator = {counting_alloc, counting_free, pools->bytes};

	for (size_t step = 0; step < pools->steps; step++) {
		struct maple_pool *own;
		struct mt_pool_stats stats;

		CHECK_EQ(mt_pool_create(&own, &allocator), 0);
		mt_pool_get(pools->shared);
		fill_and_end(own, test_below(300));
		fill_and_end(pools->shared, test_below(2000));
		fill_and_end(NULL, test_below(300)); /* the default pool */
		mt_pool_trim(pools->shared);
		mt_pool_stats(pools->shared, &stats);
		CHECK(stats.bytes >= stats.live * MT_NODE_BYTES);
		mt_pool_put(pools->shared);
		test_pool_end(own);
	}
	mt_pool_put(pools->shared);
}

static void pools_are_shared_and_trimmed(void)
{
	size_t bytes = 0;
	struct mt_allocator allocator = {counting_alloc, counting_free, &bytes};
	struct pools threads[THREADS];
	struct maple_pool *shared;

	CHECK_EQ(mt_pool_create(&shared, &allocator), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		mt_pool_get(shared);
		threads[i] = (struct pools){
			.shared = shared, .bytes = &bytes, .steps = test_steps(400) / 10 + 1};
	}
	/* The last reference is dropped in one of the threads. */
	mt_pool_put(shared);
	test_threads(THREADS, use_pools, threads, sizeof(*threads));
	CHECK_EQ(bytes, 0);
	CHECK_EQ(test_live(NULL), 0);
	mt_pool_trim(NULL);
}

/* A thread in the middle of an allocation, under the pool's lock. */
struct gate {
	struct maple_pool *pool;
	bool inside;
	bool asked;
	bool left;
};

static void *slow_alloc(void *context, size_t size, size_t align)
{
	struct gate *gate = context;

	__atomic_store_n(&gate->inside, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&gate->asked, __ATOMIC_ACQUIRE))
		sched_yield();
	/* Give the other thread every chance to go on too early. */
	for (unsigned i = 0; i < 1000; i++)
		sched_yield();
	__atomic_store_n(&gate->left, true, __ATOMIC_RELEASE);
	return aligned_alloc(align, size);
}

static void slow_free(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	free(memory);
}

struct gate_user {
	struct gate *gate;
	bool allocates;
};

static void use_gate(void *context)
{
	const struct gate_user *user = context;
	struct gate *gate = user->gate;
	struct maple_tree mt;

	if (user->allocates) {
		mt_init_pool(&mt, 0, gate->pool, NULL);
		CHECK_EQ(mtree_store_range_word(&mt, 1, 2, 3), 0);
		mt_fini(&mt);
		return;
	}
	while (!__atomic_load_n(&gate->inside, __ATOMIC_ACQUIRE))
		sched_yield();
	__atomic_store_n(&gate->asked, true, __ATOMIC_RELEASE);
	CHECK(mt_pool_lock(gate->pool));
	CHECK(__atomic_load_n(&gate->left, __ATOMIC_ACQUIRE));
	mt_pool_unlock(gate->pool);
}

static void who_forks_waits_for_the_pool(void)
{
	struct gate gate = {.asked = true};
	struct mt_allocator allocator = {slow_alloc, slow_free, &gate};
	struct gate_user threads[2] = {{&gate, true}, {&gate, false}};

	CHECK_EQ(mt_pool_create(&gate.pool, &allocator), 0);
	mt_pool_serial(gate.pool);
	gate.inside = gate.asked = gate.left = false;
	mt_pool_begin_parallel(gate.pool);
	test_threads(2, use_gate, threads, sizeof(*threads));
	mt_pool_end_parallel(gate.pool);
	test_pool_end(gate.pool);
}

static const struct test_case cases[] = {
	{"relatives_in_all_threads", relatives_in_all_threads},
	{"memory_runs_out_in_all_threads", memory_runs_out_in_all_threads},
	{"snapshots_are_read_beside_writers", snapshots_are_read_beside_writers},
	{"a_serial_pool_lets_look_ups_run_beside_one_writer",
	 a_serial_pool_lets_look_ups_run_beside_one_writer},
	{"a_serial_pool_is_written_in_parallel", a_serial_pool_is_written_in_parallel},
	{"a_fork_beside_parallel_writers", a_fork_beside_parallel_writers},
	{"who_forks_waits_for_the_pool", who_forks_waits_for_the_pool},
	{"the_last_owner_writes_after_the_others_reads",
	 the_last_owner_writes_after_the_others_reads},
	{"pools_are_shared_and_trimmed", pools_are_shared_and_trimmed},
};

TEST_MAIN(cases)
