/* SPDX-License-Identifier: MIT */
/* Pools: all-or-nothing bulk allocation, failure on demand, counts, trimming, and the allocator's
 * hooks. */
#ifdef __linux__
#define _POSIX_C_SOURCE 200112L /* sysconf() */
#include <unistd.h>
#endif

#include "test.h"

#include "node.h"
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Bulks of every size, whose n-th node fails for each n: nothing is kept, and nothing counts as
 * live. */
static void bulk_is_all_or_nothing(void)
{
	enum { MOST = 80 };
	struct maple_pool *pool = test_pool();
	struct maple_node *nodes[MOST], *other, *spare;
	size_t count, n, i;

	CHECK_EQ(mt_pool_alloc_bulk(pool, 1, &other), 1);
	for (count = 1; count <= MOST; count++) {
		for (n = 1; n <= count; n++) {
			mt_pool_fail_nth(pool, n);
			CHECK_EQ(mt_pool_alloc_bulk(pool, count, nodes), 0);
			CHECK_EQ(test_live(pool), 1);
		}
		mt_pool_fail_nth(pool, count + 1);
		CHECK_EQ(mt_pool_alloc_bulk(pool, count, nodes), count);
		CHECK_EQ(test_live(pool), 1 + count);
		for (i = 0; i < count; i++) {
			CHECK_EQ((uintptr_t)nodes[i] % 64, 0);
			CHECK_EQ(*mt_node_refs(nodes[i]), 1);
			CHECK(nodes[i] != other);
			memset(nodes[i], (int)i + 1, MT_NODE_BYTES);
		}
		for (i = 0; i < count; i++) {
			CHECK_EQ(((unsigned char *)nodes[i])[0], i + 1);
			CHECK_EQ(((unsigned char *)nodes[i])[MT_NODE_BYTES - 1], i + 1);
		}
		/* A pending failure strikes the next allocation. */
		CHECK_EQ(mt_pool_alloc_bulk(pool, 1, &spare), 0);
		mt_pool_free_bulk(pool, count, nodes);
		CHECK_EQ(test_live(pool), 1);
	}
	mt_free_one(pool, other);
	test_pool_end(pool);
}

static void failure_strikes_once(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_node *nodes[20];
	struct mt_pool_stats stats;

	mt_pool_fail_nth(pool, 12);
	CHECK_EQ(mt_pool_alloc_bulk(pool, 5, nodes), 5);
	CHECK_EQ(mt_pool_alloc_bulk(pool, 5, nodes + 5), 5);
	CHECK_EQ(mt_pool_alloc_bulk(pool, 5, nodes + 10), 0);
	CHECK_EQ(mt_pool_alloc_bulk(pool, 5, nodes + 10), 5);
	CHECK_EQ(mt_pool_alloc_bulk(pool, 5, nodes + 15), 5);
	mt_pool_stats(pool, &stats);
	CHECK_EQ(stats.live, 20);
	CHECK(stats.bytes >= (size_t)20 * MT_NODE_BYTES);
	mt_pool_fail_nth(pool, 1);
	mt_pool_fail_nth(pool, 0);
	mt_pool_free_bulk(pool, 10, nodes);
	CHECK_EQ(mt_pool_alloc_bulk(pool, 10, nodes), 10);
	mt_pool_free_bulk(pool, 20, nodes);
	test_pool_end(pool);
}

/* Random bulks and frees over many slabs: no node is handed out twice. */
static void nodes_are_handed_out_once(void)
{
	enum { MOST = 3000 };
	struct maple_pool *pool = test_pool();
	struct maple_node **held = test_array(MOST, sizeof(*held));
	size_t count = 0, step, steps = test_steps(20000), i;

	for (step = 0; step < steps; step++) {
		size_t bulk = 1 + test_below(40);

		if (test_below(2) && count + bulk <= MOST) {
			CHECK_EQ(mt_pool_alloc_bulk(pool, bulk, held + count), bulk);
			/* A node knows its place in `held`. */
			for (i = count; i < count + bulk; i++)
				memcpy(held[i], &i, sizeof(i));
			count += bulk;
		} else if (bulk <= count) {
			for (i = count - bulk; i < count; i++)
				CHECK(memcmp(held[i], &i, sizeof(i)) == 0);
			count -= bulk;
			mt_pool_free_bulk(pool, bulk, held + count);
		}
		CHECK_EQ(test_live(pool), count);
		if (step % 1000 == 0)
			mt_pool_trim(pool);
	}
	for (i = 0; i < count; i++) {
		CHECK(memcmp(held[i], &i, sizeof(i)) == 0);
		mt_free_one(pool, held[i]);
	}
	CHECK_EQ(test_live(pool), 0);
	free(held);
	test_pool_end(pool);
}

/* ---- the allocator's hooks ------------------------------------------------------------------- */

struct hooks {
	size_t bytes; /* out now */
	size_t calls;
	size_t fail_from; /* calls from this one on fail; 0: none */
	size_t largest;   /* calls for more bytes fail; 0: none */
};

static void *hook_alloc(void *context, size_t size, size_t align)
{
	struct hooks *hooks = context;
	void *memory;

	hooks->calls++;
	if (hooks->fail_from && hooks->calls >= hooks->fail_from)
		return NULL;
	if (hooks->largest && size > hooks->largest)
		return NULL;
	memory = aligned_alloc(align, (size + align - 1) / align * align);
	CHECK(memory);
	hooks->bytes += size;
	return memory;
}

static void hook_free(void *context, void *memory, size_t size)
{
	struct hooks *hooks = context;

	CHECK(memory);
	CHECK(hooks->bytes >= size);
	hooks->bytes -= size;
	free(memory);
}

static void all_memory_comes_through_the_hooks(void)
{
	struct hooks hooks = {0};
	struct mt_allocator allocator = {hook_alloc, hook_free, &hooks};
	struct mt_pool_stats stats;
	struct maple_pool *pool;
	struct maple_tree mt;
	size_t own, full;

	CHECK_EQ(mt_pool_create(&pool, &allocator), 0);
	own = hooks.bytes;
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (uint64_t i = 0; i < 20000; i++)
		CHECK_EQ(mtree_store_range(&mt, i * 10, i * 10 + 5, ENTRY(i + 1)), 0);
	mt_pool_stats(pool, &stats);
	CHECK_EQ(stats.bytes, hooks.bytes - own);
	CHECK_EQ(stats.live, mt_node_count(&mt));
	CHECK(stats.bytes >= stats.live * MT_NODE_BYTES);

	/* Empty chunks go back; those in use stay. */
	full = stats.bytes;
	CHECK_EQ(mtree_clear_range(&mt, 1000, MT_KEY_MAX), 0);
	mt_pool_trim(pool);
	mt_pool_stats(pool, &stats);
	CHECK_EQ(stats.bytes, hooks.bytes - own);
	CHECK(stats.bytes < full);
	CHECK_VALID(&mt);
	mtree_destroy(&mt);
	mt_pool_trim(pool);
	CHECK_EQ(hooks.bytes, own);

	/* The tree's own reference keeps the pool. */
	mt_pool_put(pool);
	CHECK(hooks.bytes > 0);
	CHECK_EQ(mtree_store(&mt, 1, ENTRY(1)), 0);
	mt_fini(&mt);
	CHECK_EQ(hooks.bytes, 0);

	/* It ends once: after that there is no pool to give back. */
	CHECK_EQ(mt_pool_create(&pool, &allocator), 0);
	mt_init_pool(&mt, 0, pool, NULL);
	mt_fini(&mt);
	mt_fini(&mt);
	CHECK_EQ(hooks.bytes, own);
	mt_pool_put(pool);
	CHECK_EQ(hooks.bytes, 0);
}

/* The allocator itself fails, from each of its calls on. */
static void a_failing_allocator(void)
{
	size_t from, stored = 0;

	for (from = 1; stored < 3000; from++) {
		struct hooks hooks = {.fail_from = from};
		struct mt_allocator allocator = {hook_alloc, hook_free, &hooks};
		struct maple_pool *pool;
		struct maple_tree mt;
		int got;

		got = mt_pool_create(&pool, &allocator);
		if (got) {
			CHECK_EQ(got, -ENOMEM);
			CHECK_EQ(hooks.bytes, 0);
			continue;
		}
		mt_init_pool(&mt, 0, pool, NULL);
		for (stored = 0; stored < 3000; stored++) {
			got = mtree_store(&mt, stored * 3, ENTRY(stored + 1));
			if (got)
				break;
		}
		if (stored < 3000)
			CHECK_EQ(got, -ENOMEM);
		CHECK_VALID(&mt);
		CHECK_EQ(mt_entries(&mt), stored);
		CHECK_EQ(test_live(pool), mt_node_count(&mt));
		/* With memory again it continues. */
		hooks.fail_from = 0;
		CHECK_EQ(mtree_store(&mt, 99999, ENTRY(1)), 0);
		CHECK_VALID(&mt);
		mt_fini(&mt);
		test_pool_end(pool);
		CHECK_EQ(hooks.bytes, 0);
	}
	CHECK(from > 2);
}

enum { SLAB = (MT_SLAB_PLACES - MT_SLAB_HEADER_PLACES) / MT_NODE_PLACES }; /* nodes */

/* An allocator with little memory left: a pool that gets no large chunk asks for a slab, and a pool that
 * gets no slab does not ask again. */
static void small_chunks_are_better_than_none(void)
{
	enum { SLABS = 20 };
	struct hooks hooks = {.largest = MT_SLAB_BYTES};
	struct mt_allocator allocator = {hook_alloc, hook_free, &hooks};
	struct maple_node *nodes[SLABS * SLAB];
	struct maple_pool *pool;
	size_t calls;

	CHECK_EQ(mt_pool_create(&pool, &allocator), 0);
	for (size_t slab = 0; slab < SLABS; slab++) {
		if (slab < 2) { /* a chunk has one slab then */
			calls = hooks.calls;
			hooks.fail_from = calls + 1;
			CHECK_EQ(mt_pool_alloc_bulk(pool, SLAB, nodes), 0);
			CHECK_EQ(hooks.calls, calls + 1);
			hooks.fail_from = 0;
		}
		calls = hooks.calls;
		CHECK_EQ(mt_pool_alloc_bulk(pool, SLAB, nodes + slab * SLAB), SLAB);
		CHECK_EQ(hooks.calls, calls + (slab < 2 ? 1 : 2));
	}
	mt_pool_free_bulk(pool, (size_t)SLABS * SLAB, nodes);
	test_pool_end(pool);
	CHECK_EQ(hooks.bytes, 0);
}

/* The C library has no memory left: for a pool, for its first slab, or for a chunk (chunks grow
 * with the pool up to a huge page). Expected: an error, and nothing taken. With memory again
 * everything continues. */
static void no_memory_at_all(void)
{
	enum { CHUNKS = 9, MOST = 256 * SLAB };
	struct maple_node **nodes;
	struct mt_pool_stats before, after;
	struct maple_pool *pool;
	struct maple_tree mt;
	size_t live = 0;

	if (getenv("SAMARA_VALGRIND"))
		return; /* it has an aligned_alloc() of its own */
	nodes = test_array(MOST, sizeof(*nodes));
	test_exhaust(true);
	CHECK_EQ(mt_pool_create(&pool, NULL), -ENOMEM);
	test_exhaust(false);
	pool = test_pool();
	mt_init_pool(&mt, 0, pool, NULL);
	for (unsigned chunk = 0; chunk < CHUNKS; chunk++) {
		test_exhaust(true);
		CHECK_EQ(mtree_store(&mt, 5, ENTRY(1)), -ENOMEM);
		CHECK_EQ(mt_pool_alloc_bulk(pool, SLAB, nodes + live), 0);
		CHECK_EQ(test_live(pool), live);
		test_exhaust(false);
		mt_pool_stats(pool, &before);
		do {
			CHECK(live < MOST);
			CHECK_EQ(mt_pool_alloc_bulk(pool, SLAB, nodes + live), SLAB);
			live += SLAB;
			mt_pool_stats(pool, &after);
		} while (live / SLAB * MT_SLAB_BYTES < after.bytes);
		CHECK_EQ(after.bytes - before.bytes,
			 MT_SLAB_BYTES * (chunk ? (size_t)1 << (chunk - 1) : 1));
	}
	CHECK_EQ(after.bytes - before.bytes, (size_t)2 << 20);
	mt_pool_free_bulk(pool, live, nodes);
	free(nodes);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Look-ups without a lock may still read nodes that are free. So their memory stays until the pool is
 * trimmed, whether or not its pages are given back meanwhile. A serial pool returns it at once. */
static void free_memory_stays_mapped(void)
{
	enum { RANGES = 40000 };

	for (int serial = 0; serial < 2; serial++) {
		struct mt_pool_stats full, after;
		struct maple_pool *pool = test_pool();
		struct maple_tree mt;

		if (serial)
			mt_pool_serial(pool);
		mt_init_pool(&mt, 0, pool, NULL);
		for (int round = 0; round < 3; round++) {
			volatile const char *node;

			for (mt_key key = 0; key < RANGES; key++)
				CHECK_EQ(mtree_store(&mt, key * 2, ENTRY(key + 1)), 0);
			CHECK_VALID(&mt);
			CHECK_EQ(mt_entries(&mt), RANGES);
			node = (volatile const char *)mt.ma_root;
			mt_pool_stats(pool, &full);
			mtree_destroy(&mt);
			mt_pool_stats(pool, &after);
			CHECK_EQ(after.live, 0);
			if (serial) {
				CHECK(after.bytes < full.bytes);
				continue;
			}
			CHECK_EQ(after.bytes, full.bytes);
			(void)node;
#ifndef TEST_SANITIZED
			for (size_t byte = 0; byte < MT_NODE_BYTES; byte++)
				(void)node[byte];
#endif
		}
		mt_visit_begin(pool);
		mt_pool_trim(pool);
		mt_pool_stats(pool, &after);
		CHECK_EQ(after.bytes, 0);
		mt_fini(&mt);
		test_pool_end(pool);
	}
}

static size_t vacant_slabs(const struct maple_pool *pool)
{
	size_t vacant = 0;

	for (unsigned i = 0; i < MT_SHARDS; i++)
		vacant += pool->shards[i].vacant_slabs;
	return vacant;
}

/* Pages are given back as 4 KiB, if the system has no larger ones. */
static bool gives_pages_back(void)
{
#if defined(__linux__) && !defined(TEST_SANITIZED)
	return sysconf(_SC_PAGESIZE) == 4096;
#else
	return false;
#endif
}

/* Of 128 slabs that become free, as many are kept as are promised: in a serial pool they stay, in
 * others they keep their pages. The others' pages are given back, except the first of each slab. */
static void some_empty_slabs_are_kept(void)
{
	enum { SLABS = 128, KEPT = 64, NODES = SLABS * SLAB, FIRST_PAGE = 4096 };
	struct maple_node **nodes = test_array(NODES, sizeof(struct maple_node *));

	for (int serial = 0; serial < 2; serial++) {
		struct maple_pool *pool = test_pool();
		struct mt_pool_stats stats;

		if (serial)
			mt_pool_serial(pool);
		CHECK_EQ(mt_pool_alloc_bulk(pool, NODES, nodes), NODES);
		for (size_t i = 0; i < NODES; i++)
			memset(nodes[i], 7, MT_NODE_BYTES);
		for (size_t i = NODES; i-- > 0;) {
			mt_free_one(pool, nodes[i]);
			if (i == NODES / 2) /* as many are in use */
				CHECK_EQ(vacant_slabs(pool), 0);
		}
		mt_pool_stats(pool, &stats);
		CHECK_EQ(stats.bytes, MT_SLAB_BYTES * (serial ? KEPT : SLABS));
		CHECK_EQ(vacant_slabs(pool), serial ? 0 : SLABS - KEPT);
		for (size_t i = 0; !serial && gives_pages_back() && i < NODES; i++) {
			volatile const uint64_t *words = (volatile const uint64_t *)nodes[i];
			bool gone = mt_slab_of(nodes[i])->chunk->vacant &&
				    (uintptr_t)nodes[i] % MT_SLAB_BYTES >= FIRST_PAGE;

			CHECK_EQ(words[0], gone ? 0 : UINT64_C(0x0707070707070707));
		}
		test_pool_end(pool);
	}
	free(nodes);
}

/* Chunks whose pages were given back while a pool was parallel stay with it until it is trimmed. What
 * becomes free afterwards is returned at once, as by any serial pool. */
static void a_pool_is_serial_again(void)
{
	enum { RANGES = 40000 };
	struct mt_pool_stats parallel, after;
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_pool_serial(pool);
	mt_init_pool(&mt, 0, pool, NULL);
	mt_pool_begin_parallel(pool);
	for (mt_key key = 0; key < RANGES; key++)
		CHECK_EQ(mtree_store(&mt, key * 2, ENTRY(key + 1)), 0);
	mtree_destroy(&mt);
	mt_pool_stats(pool, &parallel);
	CHECK(pool->shards[0].vacant_slabs > 0);
	mt_pool_end_parallel(pool);
	CHECK_EQ(mtree_store(&mt, 1, ENTRY(1)), 0);
	mtree_destroy(&mt);
	mt_pool_stats(pool, &after);
	CHECK(pool->shards[0].vacant_slabs > 0);
	CHECK(after.bytes >= pool->shards[0].vacant_slabs * MT_SLAB_BYTES);
	CHECK(after.bytes < parallel.bytes);
	for (mt_key key = 0; key < RANGES; key++)
		CHECK_EQ(mtree_store(&mt, key * 2, ENTRY(key + 1)), 0);
	CHECK_VALID(&mt);
	mt_fini(&mt);
	mt_pool_trim(pool);
	mt_pool_stats(pool, &after);
	CHECK_EQ(after.bytes, 0);
	test_pool_end(pool);
}

/* NULL is the default pool, for every function that takes a pool. */
static void the_default_pool(void)
{
	struct mt_pool_stats full, after;
	DEFINE_MTREE(mt);
	uint32_t pass;

	for (mt_key key = 0; key < 5000; key++)
		CHECK_EQ(mtree_store(&mt, key * 2, ENTRY(key + 1)), 0);
	mt_pool_stats(NULL, &full);
	CHECK_EQ(full.live, mt_node_count(&mt));
	mt_pool_fail_nth(NULL, 1);
	CHECK_EQ(mtree_store_range(&mt, 100, 3000, ENTRY(1)), -ENOMEM);
	CHECK_EQ(mtree_store_range(&mt, 100, 3000, ENTRY(1)), 0);
	pass = mt_visit_begin(NULL);
	CHECK_EQ(mt_visit_begin(NULL), pass + 1);
	mt_fini(&mt);
	mt_pool_trim(NULL);
	mt_pool_stats(NULL, &after);
	CHECK_EQ(after.live, 0);
	CHECK_EQ(after.bytes, 0);
}

/* ---- visiting -------------------------------------------------------------------------------- */

struct visitor {
	size_t leaves;
	size_t stop_at;
};

static int visit(void *context, const uint64_t *words, uint32_t present)
{
	struct visitor *visitor = context;

	CHECK(words && present);
	return ++visitor->leaves == visitor->stop_at ? 7 : 0;
}

static size_t visited(const struct maple_tree *mt, uint32_t pass)
{
	struct visitor visitor = {0};

	CHECK_EQ(mt_visit_shared(mt, pass, visit, &visitor), 0);
	return visitor.leaves;
}

/* Private leaves are visited by one call, shared ones by the other, once per pass; and a visit can
 * stop. Pass numbers begin again from 1 at some time: an old pass of the same number is then
 * forgotten, in slabs in use and in idle ones. */
static void leaves_are_visited_once_in_a_pass(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_node *idle[2 * MT_SLAB_PLACES];
	struct visitor visitor = {0};
	struct maple_tree mt, fork;
	size_t leaves;
	uint32_t pass;

	mt_init_pool(&mt, 0, pool, NULL);
	CHECK_EQ(mt_visit_private(&mt, visit, &visitor), 0);
	CHECK_EQ(visitor.leaves, 0);
	for (mt_key key = 0; key < 3000; key++)
		CHECK_EQ(mtree_store(&mt, key * 2, ENTRY(key + 1)), 0);
	CHECK_EQ(mt_visit_private(&mt, visit, &visitor), 0);
	leaves = visitor.leaves;
	CHECK(leaves > 100);
	CHECK_EQ(visited(&mt, mt_visit_begin(pool)), 0);
	visitor = (struct visitor){.stop_at = 30};
	CHECK_EQ(mt_visit_private(&mt, visit, &visitor), 7);
	CHECK_EQ(visitor.leaves, 30);

	test_fork(&mt, &fork);
	visitor = (struct visitor){.stop_at = 30};
	CHECK_EQ(mt_visit_private(&mt, visit, &visitor), 0);
	CHECK_EQ(visitor.leaves, 0);
	CHECK_EQ(mt_visit_shared(&mt, mt_visit_begin(pool), visit, &visitor), 7);
	CHECK_EQ(visitor.leaves, 30);
	pass = mt_visit_begin(pool);
	CHECK_EQ(visited(&mt, pass), leaves);
	CHECK_EQ(visited(&fork, pass), 0);

	/* Each tree now has one leaf of its own. */
	CHECK_EQ(mtree_store(&fork, 2000, ENTRY(1)), 0);
	pass = mt_visit_begin(pool);
	CHECK_EQ(visited(&fork, pass), leaves - 1);
	CHECK_EQ(visited(&mt, pass), 0);
	visitor = (struct visitor){0};
	CHECK_EQ(mt_visit_private(&mt, visit, &visitor), 0);
	CHECK_EQ(mt_visit_private(&fork, visit, &visitor), 0);
	CHECK_EQ(visitor.leaves, 2);

	CHECK_EQ(mt_pool_alloc_bulk(pool, 2 * MT_SLAB_PLACES, idle), 2 * MT_SLAB_PLACES);
	mt_pool_free_bulk(pool, 2 * MT_SLAB_PLACES, idle);
	pool->pass = 0;
	CHECK_EQ(visited(&mt, mt_visit_begin(pool)), leaves - 1);
	pool->pass = UINT32_MAX;
	pass = mt_visit_begin(pool);
	CHECK_EQ(pass, 1);
	CHECK_EQ(visited(&mt, pass), leaves - 1);
	mt_fini(&mt);
	mt_fini(&fork);
	test_pool_end(pool);
}

/* How many leaves a pass visits of a tree that shares them all. */
static size_t visited_of_a_large_tree(struct maple_pool *pool, uint32_t pass)
{
	enum { RANGES = 60000 };
	struct maple_tree mt, fork;
	size_t leaves;

	mt_init_pool(&mt, 0, pool, NULL);
	for (mt_key key = 0; key < RANGES; key++)
		CHECK_EQ(mtree_store(&mt, key * 2, ENTRY(key + 1)), 0);
	test_fork(&mt, &fork);
	leaves = visited(&mt, pass);
	mt_fini(&mt);
	mt_fini(&fork);
	return leaves;
}

/* Slabs whose pages were given back keep their headers: they too forget the pass. */
static void passes_are_forgotten_in_vacant_memory(void)
{
	struct maple_pool *pool = test_pool();
	size_t leaves = visited_of_a_large_tree(pool, 1);

	CHECK(leaves > 3000);
	CHECK(vacant_slabs(pool) > 0);
	pool->pass = UINT32_MAX;
	CHECK_EQ(mt_visit_begin(pool), 1);
	CHECK_EQ(visited_of_a_large_tree(pool, 1), leaves);
	test_pool_end(pool);
}

/* What a caller's allocator hands out may not be made of pages. */
static void memory_of_a_callers_allocator_is_not_vacated(void)
{
	struct hooks hooks = {0};
	struct mt_allocator allocator = {hook_alloc, hook_free, &hooks};
	struct maple_pool *pool;

	CHECK_EQ(mt_pool_create(&pool, &allocator), 0);
	CHECK(visited_of_a_large_tree(pool, 1) > 3000);
	CHECK_EQ(vacant_slabs(pool), 0);
	test_pool_end(pool);
	CHECK_EQ(hooks.bytes, 0);
}

/* A serial pool has a lock, and atomic counts, while somebody uses it in parallel. */
static void parallel_use_nests(void)
{
	struct maple_pool *pool = test_pool();

	mt_pool_begin_parallel(pool); /* nothing new for a pool that is not serial */
	mt_pool_end_parallel(pool);
	CHECK(!pool->serial);
	mt_pool_serial(pool);
	CHECK(pool->serial);
	CHECK(!mt_pool_lock(pool));
	CHECK(!pool->lock.held);
	mt_pool_begin_parallel(pool);
	mt_pool_begin_parallel(pool);
	CHECK(!pool->serial);
	mt_pool_end_parallel(pool);
	CHECK(!pool->serial);
	CHECK(mt_pool_lock(pool));
	CHECK(pool->lock.held);
	for (unsigned i = 0; i < MT_SHARDS; i++)
		CHECK(pool->shards[i].lock.held);
	mt_pool_unlock(pool);
	CHECK(!pool->lock.held);
	for (unsigned i = 0; i < MT_SHARDS; i++)
		CHECK(!pool->shards[i].lock.held);
	mt_pool_end_parallel(pool);
	CHECK(pool->serial);
	mt_pool_begin_parallel(pool);
	mt_pool_serial(pool); /* as in the child of a fork: those who began are not there */
	CHECK(pool->serial);
	mt_pool_begin_parallel(pool);
	CHECK(!pool->serial);
	mt_pool_end_parallel(pool);
	CHECK(pool->serial);
	test_pool_end(pool);
}

/* ---- shards ---- */

struct taker {
	struct maple_pool *pool;
	struct maple_node *nodes[3];
};

static void *take_three(void *context)
{
	struct taker *taker = context;

	CHECK_EQ(mt_pool_alloc_bulk(taker->pool, 3, taker->nodes), 3);
	return NULL;
}

/* Threads that follow each other take nodes from different shards. Whoever gives them back, they return
 * to the shard that they came from, also if they come mixed. */
static void threads_have_shards_of_their_own(void)
{
	struct maple_pool *pool = test_pool();
	struct taker takers[MT_SHARDS];
	struct maple_node *mixed[3 * MT_SHARDS];
	struct mt_pool_stats stats;
	bool seen[MT_SHARDS] = {false};
	unsigned i;

	for (i = 0; i < MT_SHARDS; i++) {
		pthread_t thread;
		uint32_t shard;

		takers[i] = (struct taker){.pool = pool};
		CHECK_EQ(pthread_create(&thread, NULL, take_three, &takers[i]), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		shard = mt_slab_of(takers[i].nodes[0])->shard;
		CHECK_EQ(mt_slab_of(takers[i].nodes[2])->shard, shard);
		CHECK(!seen[shard]);
		seen[shard] = true;
		CHECK_EQ(pool->shards[shard].live, 3);
		for (unsigned j = 0; j < 3; j++)
			mixed[j * MT_SHARDS + i] = takers[i].nodes[j];
	}
	mt_pool_stats(pool, &stats);
	CHECK_EQ(stats.live, 3 * MT_SHARDS);
	CHECK_EQ(stats.allocated, 3 * MT_SHARDS);
	CHECK_EQ(stats.bytes, MT_SHARDS * MT_SLAB_BYTES);
	mt_pool_free_bulk(pool, 2 * MT_SHARDS + 1, mixed);
	for (i = 0; i < MT_SHARDS; i++) {
		CHECK(mt_pool_has_free(pool, takers[i].nodes[1]));
		CHECK_EQ(pool->shards[mt_slab_of(takers[i].nodes[0])->shard].live, i > 0);
	}
	mt_pool_free_bulk(pool, MT_SHARDS - 1, mixed + 2 * MT_SHARDS + 1);
	CHECK_EQ(test_live(pool), 0);
	mt_pool_trim(pool);
	mt_pool_stats(pool, &stats);
	CHECK_EQ(stats.bytes, 0);
	test_pool_end(pool);
}

/* A serial pool uses one shard, whichever thread asks. */
static void a_serial_pool_has_one_shard(void)
{
	struct maple_pool *pool = test_pool();
	struct taker takers[2];

	mt_pool_serial(pool);
	for (unsigned i = 0; i < 2; i++) {
		pthread_t thread;

		takers[i] = (struct taker){.pool = pool};
		CHECK_EQ(pthread_create(&thread, NULL, take_three, &takers[i]), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
	}
	CHECK_EQ(pool->shards[0].live, 6);
	for (unsigned i = 0; i < 2; i++)
		mt_pool_free_bulk(pool, 3, takers[i].nodes);
	test_pool_end(pool);
}

static const struct test_case cases[] = {
	{"bulk_is_all_or_nothing", bulk_is_all_or_nothing},
	{"failure_strikes_once", failure_strikes_once},
	{"nodes_are_handed_out_once", nodes_are_handed_out_once},
	{"all_memory_comes_through_the_hooks", all_memory_comes_through_the_hooks},
	{"a_failing_allocator", a_failing_allocator},
	{"small_chunks_are_better_than_none", small_chunks_are_better_than_none},
	{"no_memory_at_all", no_memory_at_all},
	{"free_memory_stays_mapped", free_memory_stays_mapped},
	{"some_empty_slabs_are_kept", some_empty_slabs_are_kept},
	{"a_pool_is_serial_again", a_pool_is_serial_again},
	{"the_default_pool", the_default_pool},
	{"leaves_are_visited_once_in_a_pass", leaves_are_visited_once_in_a_pass},
	{"passes_are_forgotten_in_vacant_memory", passes_are_forgotten_in_vacant_memory},
	{"memory_of_a_callers_allocator_is_not_vacated",
	 memory_of_a_callers_allocator_is_not_vacated},
	{"parallel_use_nests", parallel_use_nests},
	{"threads_have_shards_of_their_own", threads_have_shards_of_their_own},
	{"a_serial_pool_has_one_shard", a_serial_pool_has_one_shard},
};

TEST_MAIN(cases)
