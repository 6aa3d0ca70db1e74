/* SPDX-License-Identifier: MIT */
/*
 * Slabs, bulk allocation, and allocation failure on demand. Owns all node memory of a pool. See
 * pool.h for the layout and for the calls that other parts of the core may use.
 *
 * Invariants, under a shard's lock: a slab is in the `partial` list of its size if some but not all
 * of its nodes are free, in `empty` if all are, and in no list if none is. `used_slabs` + `empty_slabs` is the
 * number of slabs. A chunk belongs to one shard. Who takes several locks takes the pool's first, then
 * the shards' in order.
 */
#ifdef __linux__
#define _DEFAULT_SOURCE /* madvise() */
#include <sys/mman.h>
#endif

#include "pool.h"
#include "races.h"

#include <errno.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MT_POISON 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define MT_POISON 1
#endif
#ifdef MT_POISON
#include <sanitizer/asan_interface.h>
#endif

#define MT_HUGE_PAGE ((size_t)2 << 20)
#ifdef MADV_DONTNEED
#define MT_PAGE_BYTES 4096u /* the smallest there are: larger ones stay */
#endif
#define MT_CHUNK_SLABS_MAX (MT_HUGE_PAGE / MT_SLAB_BYTES)
#define MT_EMPTY_SLABS_KEPT                                                                        \
	64u /* plus as many as are in use, so that fork loops reuse their memory */

#define MT_POOL_BYTES ((sizeof(struct maple_pool) + 63) / 64 * 64) /* rounded up, as C11 requires */

struct maple_pool mt_default_pool;

/* A chunk of a large tree asks for a huge page. Otherwise each look-up pays for TLB misses. */
static void *libc_alloc(void *context, size_t size, size_t align)
{
	void *memory;

	(void)context;
	if (size % MT_HUGE_PAGE)
		return aligned_alloc(align, size);
	memory = aligned_alloc(MT_HUGE_PAGE, size);
#ifdef MADV_HUGEPAGE
	if (memory)
		madvise(memory, size, MADV_HUGEPAGE);
#endif
	return memory;
}

static void libc_free(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	free(memory);
}

static void *pool_take(struct maple_pool *pool, size_t size, size_t align)
{
	const struct mt_allocator *allocator = &pool->allocator;

	return allocator->alloc ? allocator->alloc(allocator->context, size, align)
				: libc_alloc(NULL, size, align);
}

static void pool_give(struct maple_pool *pool, void *memory, size_t size)
{
	const struct mt_allocator *allocator = &pool->allocator;

	if (allocator->alloc)
		allocator->free(allocator->context, memory, size);
	else
		libc_free(NULL, memory, size);
}

static inline void pool_lock(struct maple_pool *pool)
{
	if (!pool->serial)
		mt_spin_lock(&pool->lock);
}

static inline void pool_unlock(struct maple_pool *pool)
{
	if (!pool->serial)
		mt_spin_unlock(&pool->lock);
}

static inline void shard_lock(const struct maple_pool *pool, struct mt_shard *shard)
{
	if (!pool->serial)
		mt_spin_lock(&shard->lock);
}

static inline void shard_unlock(const struct maple_pool *pool, struct mt_shard *shard)
{
	if (!pool->serial)
		mt_spin_unlock(&shard->lock);
}

/* The shard that this thread takes nodes from. Threads get them in turn; a serial pool has one. */
static struct mt_shard *shard_of_thread(struct maple_pool *pool)
{
	static _Thread_local unsigned number; /* plus 1 */
	static unsigned threads;

	if (pool->made_serial)
		return &pool->shards[0];
	if (!number)
		number = __atomic_fetch_add(&threads, 1u, __ATOMIC_RELAXED) % MT_SHARDS + 1;
	return &pool->shards[number - 1];
}

static struct mt_shard *shard_of_slab(struct maple_pool *pool, const struct mt_slab *slab)
{
	return &pool->shards[slab->shard];
}

int mt_pool_create(struct maple_pool **out, const struct mt_allocator *allocator)
{
	struct mt_allocator chosen = {libc_alloc, libc_free, NULL};
	struct maple_pool *pool;

	if (allocator)
		chosen = *allocator;
	pool = chosen.alloc(chosen.context, MT_POOL_BYTES, 64);
	if (!pool)
		return -ENOMEM;
	*pool = (struct maple_pool){.refs = 1, .allocator = chosen};
	*out = pool;
	return 0;
}

void mt_pool_serial(struct maple_pool *pool)
{
	pool->made_serial = pool->serial = true;
	pool->parallel = 0;
}

void mt_pool_begin_parallel(struct maple_pool *pool)
{
	if (pool->made_serial && pool->parallel++ == 0)
		pool->serial = false;
}

void mt_pool_end_parallel(struct maple_pool *pool)
{
	if (pool->made_serial && --pool->parallel == 0)
		pool->serial = true;
}

bool mt_pool_lock(struct maple_pool *pool)
{
	if (pool->serial)
		return false;
	mt_spin_lock(&pool->lock);
	for (unsigned i = 0; i < MT_SHARDS; i++)
		mt_spin_lock(&pool->shards[i].lock);
	return true;
}

void mt_pool_unlock(struct maple_pool *pool)
{
	for (unsigned i = MT_SHARDS; i-- > 0;)
		mt_spin_unlock(&pool->shards[i].lock);
	mt_spin_unlock(&pool->lock);
}

void mt_pool_get(struct maple_pool *pool)
{
	if (!pool)
		return;
	if (pool->serial)
		pool->refs++;
	else
		__atomic_fetch_add(&pool->refs, 1u, __ATOMIC_RELAXED);
}

/* AddressSanitizer cannot see that a node in a slab is free: tell it. */
static void poison_places(void *first, size_t count)
{
#ifdef MT_POISON
	ASAN_POISON_MEMORY_REGION(first, count * MT_PLACE_BYTES);
#else
	(void)first;
	(void)count;
#endif
}

static void unpoison_places(void *first, size_t count)
{
#ifdef MT_POISON
	ASAN_UNPOISON_MEMORY_REGION(first, count * MT_PLACE_BYTES);
#else
	(void)first;
	(void)count;
#endif
}

static void list_push(struct mt_link **list, struct mt_link *link)
{
	link->previous = NULL;
	link->next = *list;
	if (link->next)
		link->next->previous = link;
	*list = link;
}

static void list_remove(struct mt_link **list, struct mt_link *link)
{
	if (link->previous)
		link->previous->next = link->next;
	else
		*list = link->next;
	if (link->next)
		link->next->previous = link->previous;
}

static struct mt_slab *chunk_slab(struct mt_chunk *chunk, size_t number)
{
	char *first = (char *)chunk - offsetof(struct mt_slab, own_chunk);

	return (struct mt_slab *)(first + number * MT_SLAB_BYTES);
}

/* Take a chunk and put its slabs into the empty list, lowest address first. It doubles the shard. */
static int shard_grow(struct maple_pool *pool, struct mt_shard *shard)
{
	size_t slabs = shard->used_slabs; /* there is no other */
	struct mt_chunk *chunk;
	struct mt_slab *first;

	assert(!shard->empty_slabs);
	if (slabs < 1)
		slabs = 1;
	if (slabs > MT_CHUNK_SLABS_MAX)
		slabs = MT_CHUNK_SLABS_MAX;
	first = pool_take(pool, slabs * MT_SLAB_BYTES, MT_SLAB_BYTES);
	if (!first && slabs > 1) { /* little memory left: take the least that helps */
		slabs = 1;
		first = pool_take(pool, MT_SLAB_BYTES, MT_SLAB_BYTES);
	}
	if (!first)
		return -ENOMEM;
	chunk = &first->own_chunk;
	*chunk = (struct mt_chunk){.slabs = slabs};
	list_push(&shard->idle, &chunk->link);
	for (size_t i = slabs; i-- > 0;) {
		struct mt_slab *slab = chunk_slab(chunk, i);

		slab->chunk = chunk;
		slab->shard = (uint32_t)(shard - pool->shards);
		slab->visited = 0;
		slab->pass = 0;
		poison_places((char *)slab + MT_SLAB_HEADER_PLACES * MT_PLACE_BYTES,
			      MT_SLAB_PLACES - MT_SLAB_HEADER_PLACES);
		list_push(&shard->empty, &slab->link);
	}
	shard->empty_slabs += slabs;
	return 0;
}

/* The list of a chunk without a slab in use. */
static struct mt_link **idle_list(struct mt_shard *shard, const struct mt_chunk *chunk)
{
	return chunk->vacant ? &shard->vacant : &shard->idle;
}

static void chunk_release(struct maple_pool *pool, struct mt_shard *shard, struct mt_chunk *chunk)
{
	size_t slabs = chunk->slabs;

	for (size_t i = 0; i < slabs; i++)
		list_remove(&shard->empty, &chunk_slab(chunk, i)->link);
	shard->empty_slabs -= slabs;
	list_remove(idle_list(shard, chunk), &chunk->link);
	unpoison_places(chunk_slab(chunk, 0), slabs * MT_SLAB_PLACES);
	pool_give(pool, chunk_slab(chunk, 0), slabs * MT_SLAB_BYTES);
}

/* Give back the pages of a slab, but not the first one, which has its header. */
static void slab_vacate(struct mt_slab *slab)
{
#ifdef MT_PAGE_BYTES
	madvise((char *)slab + MT_PAGE_BYTES, MT_SLAB_BYTES - MT_PAGE_BYTES, MADV_DONTNEED);
#else
	(void)slab;
#endif
}

/* Give back the pages of idle chunks, as long as at least `kept` empty slabs keep theirs. */
static void vacate_idle(struct maple_pool *pool, struct mt_shard *shard, size_t kept)
{
	if (pool->allocator.alloc && pool->allocator.alloc != libc_alloc)
		return; /* other memory may not be made of pages */
	while (shard->idle) {
		struct mt_chunk *chunk = (struct mt_chunk *)shard->idle;

		if (shard->empty_slabs - shard->vacant_slabs - chunk->slabs < kept)
			return;
		for (size_t i = 0; i < chunk->slabs; i++)
			slab_vacate(chunk_slab(chunk, i));
		list_remove(&shard->idle, &chunk->link);
		list_push(&shard->vacant, &chunk->link);
		shard->vacant_slabs += chunk->slabs;
		chunk->vacant = true;
	}
}

static void chunk_used(struct mt_shard *shard, struct mt_chunk *chunk)
{
	list_remove(idle_list(shard, chunk), &chunk->link);
	list_push(&shard->busy, &chunk->link);
	if (chunk->vacant)
		shard->vacant_slabs -= chunk->slabs;
	chunk->vacant = false;
}

/* Give idle chunks back, as long as at least `kept` empty slabs stay. */
static void release_idle(struct maple_pool *pool, struct mt_shard *shard, size_t kept)
{
	while (shard->vacant && !kept) {
		struct mt_chunk *chunk = (struct mt_chunk *)shard->vacant;

		shard->vacant_slabs -= chunk->slabs;
		chunk_release(pool, shard, chunk);
	}
	while (shard->idle) {
		struct mt_chunk *chunk = (struct mt_chunk *)shard->idle;

		if (shard->empty_slabs - chunk->slabs < kept)
			return;
		chunk_release(pool, shard, chunk);
	}
}

/* The slabs with nodes of that size of which some but not all are free. */
static struct mt_link **partial_list(struct mt_shard *shard, unsigned places)
{
	return &shard->partial[places - 1];
}

/* The bits of a slab's nodes, each at its first place. */
static uint64_t all_nodes(unsigned places)
{
	uint64_t bits = places == 1 ? UINT64_MAX : UINT64_C(0x5555555555555555);

	return bits << MT_SLAB_HEADER_PLACES;
}

/* A slab with a free node of that size, at the head of its partial list. NULL if there is no
 * memory. */
static struct mt_slab *shard_slab(struct maple_pool *pool, struct mt_shard *shard, unsigned places)
{
	struct mt_link **partial = partial_list(shard, places);
	struct mt_slab *slab = (struct mt_slab *)*partial;

	if (slab)
		return slab;
	if (!shard->empty && shard_grow(pool, shard))
		return NULL;
	slab = (struct mt_slab *)shard->empty;
	list_remove(&shard->empty, &slab->link);
	list_push(partial, &slab->link);
	slab->places = places;
	slab->free = slab->all = all_nodes(places);
	if (slab->chunk->used++ == 0)
		chunk_used(shard, slab->chunk);
	shard->empty_slabs--;
	shard->used_slabs++;
	return slab;
}

static void slab_emptied(struct maple_pool *pool, struct mt_shard *shard, struct mt_slab *slab)
{
	struct mt_chunk *chunk = slab->chunk;

	list_remove(partial_list(shard, slab->places), &slab->link);
	list_push(&shard->empty, &slab->link);
	shard->empty_slabs++;
	shard->used_slabs--;
	if (--chunk->used == 0) {
		list_remove(&shard->busy, &chunk->link);
		list_push(&shard->idle, &chunk->link);
	}
	if (pool->serial)
		release_idle(pool, shard, shard->used_slabs + MT_EMPTY_SLABS_KEPT);
	else
		vacate_idle(pool, shard, shard->used_slabs + MT_EMPTY_SLABS_KEPT);
}

/* Only a build that poisons reads the slab's line for this. */
static void poison_node(const struct mt_slab *slab, struct maple_node *node)
{
#ifdef MT_POISON
	poison_places(node, slab->places);
#else
	(void)slab;
	(void)node;
#endif
}

/* Consecutive nodes of one slab, such as siblings, are freed in one step. */
static void free_in_shard(struct maple_pool *pool, struct mt_shard *shard, size_t count,
			  struct maple_node **nodes)
{
	size_t i = 0;

	while (i < count) {
		struct mt_slab *slab = mt_slab_of(nodes[i]);
		uint64_t bits = 0;

		do {
			assert(!((slab->free | bits) >> mt_slab_index(nodes[i]) & 1));
			bits |= UINT64_C(1) << mt_slab_index(nodes[i]);
			poison_node(slab, nodes[i]);
		} while (++i < count && mt_slab_of(nodes[i]) == slab);
		if (__builtin_expect(!slab->free, 0))
			list_push(partial_list(shard, slab->places), &slab->link);
		slab->free |= bits;
		if (__builtin_expect(slab->free == slab->all, 0))
			slab_emptied(pool, shard, slab);
	}
	shard->live -= count;
}

/* The same for nodes of several shards. */
static __attribute__((noinline)) void free_in_shards(struct maple_pool *pool, size_t count,
						     struct maple_node **nodes)
{
	while (count) {
		struct mt_shard *shard = shard_of_slab(pool, mt_slab_of(nodes[0]));
		size_t some = 1;

		while (some < count && shard_of_slab(pool, mt_slab_of(nodes[some])) == shard)
			some++;
		mt_spin_lock(&shard->lock);
		free_in_shard(pool, shard, some, nodes);
		mt_spin_unlock(&shard->lock);
		nodes += some;
		count -= some;
	}
}

void mt_pool_free_bulk(struct maple_pool *pool, size_t count, struct maple_node **nodes)
{
	if (pool->serial)
		free_in_shard(pool, &pool->shards[0], count, nodes);
	else
		free_in_shards(pool, count, nodes);
}

/* How many of `count` nodes may be allocated, if one is to fail. */
static size_t count_to_failure(struct maple_pool *pool, size_t count)
{
	size_t allowed = count;

	pool_lock(pool);
	if (pool->fail_in && pool->fail_in <= count) {
		allowed = pool->fail_in - 1;
		__atomic_store_n(&pool->fail_in, 0, __ATOMIC_RELAXED);
	} else if (pool->fail_in) {
		__atomic_store_n(&pool->fail_in, pool->fail_in - count, __ATOMIC_RELAXED);
	}
	pool_unlock(pool);
	return allowed;
}

static inline size_t alloc_bulk(struct maple_pool *pool, size_t count, struct maple_node **out,
				unsigned places)
{
	struct mt_shard *shard = shard_of_thread(pool);
	size_t allowed = count;
	size_t got = 0;

	if (__builtin_expect(__atomic_load_n(&pool->fail_in, __ATOMIC_RELAXED) != 0, 0))
		allowed = count_to_failure(pool, count);
	shard_lock(pool, shard);
	while (got < allowed) {
		struct mt_slab *slab = shard_slab(pool, shard, places);
		uint64_t free_bits;

		if (!slab)
			break;
		for (free_bits = slab->free; free_bits && got < allowed;
		     free_bits &= free_bits - 1) {
			unsigned index = (unsigned)__builtin_ctzll(free_bits);

			__atomic_store_n(&slab->refs[index], 1u, __ATOMIC_RELAXED);
			out[got] = (struct maple_node *)((char *)slab + index * MT_PLACE_BYTES);
			unpoison_places(out[got++], places);
		}
		slab->free = free_bits;
		if (!free_bits)
			list_remove(partial_list(shard, places), &slab->link);
	}
	shard->live += got;
	if (__builtin_expect(got == count, 1))
		shard->allocated += got;
	shard_unlock(pool, shard);
	if (__builtin_expect(got < count, 0)) {
		mt_pool_free_bulk(pool, got, out);
		got = 0;
	}
	mt_fence_release(); /* for look-ups that still read what the nodes held before: sequence.h */
	return got;
}

size_t mt_pool_alloc_single(struct maple_pool *pool, size_t count, struct maple_node **out)
{
	return alloc_bulk(pool, count, out, 1);
}

size_t mt_pool_alloc_double(struct maple_pool *pool, size_t count, struct maple_node **out)
{
	return alloc_bulk(pool, count, out, 2);
}

void mt_free_one(struct maple_pool *pool, struct maple_node *node)
{
	mt_pool_free_bulk(pool, 1, &node);
}

bool mt_pool_has_free(struct maple_pool *pool, const struct maple_node *node)
{
	const struct mt_slab *slab = mt_slab_of(node);
	struct mt_shard *shard = shard_of_slab(pool, slab);
	bool is_free;

	shard_lock(pool, shard);
	is_free = slab->free >> mt_slab_index(node) & 1;
	shard_unlock(pool, shard);
	return is_free;
}

void mt_pool_trim(struct maple_pool *pool)
{
	if (!pool)
		pool = &mt_default_pool;
	for (unsigned i = 0; i < MT_SHARDS; i++) {
		shard_lock(pool, &pool->shards[i]);
		release_idle(pool, &pool->shards[i], 0);
		shard_unlock(pool, &pool->shards[i]);
	}
}

void mt_pool_put(struct maple_pool *pool)
{
	if (!pool)
		return;
	if (pool->serial ? --pool->refs : __atomic_sub_fetch(&pool->refs, 1u, __ATOMIC_ACQ_REL))
		return;
	for (unsigned i = 0; i < MT_SHARDS; i++) {
		assert(pool->shards[i].live == 0);
		release_idle(pool, &pool->shards[i], 0);
	}
	pool_give(pool, pool, MT_POOL_BYTES);
}

void mt_pool_stats(struct maple_pool *pool, struct mt_pool_stats *stats)
{
	if (!pool)
		pool = &mt_default_pool;
	*stats = (struct mt_pool_stats){0};
	for (unsigned i = 0; i < MT_SHARDS; i++) {
		struct mt_shard *shard = &pool->shards[i];

		shard_lock(pool, shard);
		stats->live += shard->live;
		stats->allocated += shard->allocated;
		stats->bytes += (shard->used_slabs + shard->empty_slabs) * MT_SLAB_BYTES;
		shard_unlock(pool, shard);
	}
}

void mt_pool_fail_nth(struct maple_pool *pool, uint64_t n)
{
	if (!pool)
		pool = &mt_default_pool;
	pool_lock(pool);
	__atomic_store_n(&pool->fail_in, n, __ATOMIC_RELAXED);
	pool_unlock(pool);
}

static void forget_pass(struct mt_link *chunks)
{
	for (; chunks; chunks = chunks->next) {
		struct mt_chunk *chunk = (struct mt_chunk *)chunks;

		for (size_t i = 0; i < chunk->slabs; i++)
			chunk_slab(chunk, i)->pass = 0;
	}
}

static void forget_passes(const struct maple_pool *pool, struct mt_shard *shard)
{
	shard_lock(pool, shard);
	forget_pass(shard->busy);
	forget_pass(shard->idle);
	forget_pass(shard->vacant);
	shard_unlock(pool, shard);
}

uint32_t mt_visit_begin(struct maple_pool *pool)
{
	uint32_t pass;

	if (!pool)
		pool = &mt_default_pool;
	pool_lock(pool);
	if (++pool->pass == 0) { /* wrapped: no slab may still bear this number from an old pass */
		for (unsigned i = 0; i < MT_SHARDS; i++)
			forget_passes(pool, &pool->shards[i]);
		pool->pass = 1;
	}
	pass = pool->pass;
	pool_unlock(pool);
	return pass;
}
