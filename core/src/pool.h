/* SPDX-License-Identifier: MIT */
/*
 * The pool that nodes come from.
 *
 * Memory is taken in chunks and cut into slabs of 16 KiB, aligned to their size. A slab has 64
 * places of 256 bytes:
 *
 *   slab    +0    header: free bits, list links, reference counts of its nodes (two places)
 *           +512  place 2
 *           ...
 *           +16128 place 63
 *
 * A node with keys of 64 bits takes one place. One with keys of 128 bits takes two, and is numbered
 * by the first. All nodes of a slab have one size; it is chosen when the first of them is taken. So
 * trees of both kinds can have one pool. This file and lock.c are compiled once for both.
 *
 * The address of a node gives its slab and its number in the slab. The counts are kept beside
 * the nodes because two operations need many of them: a fork's first write counts up every child of
 * each node on its path, and a destroy checks whether each node is shared. Both then touch one
 * dense line instead of one line per node.
 *
 * Threads that write at once seldom meet, even in trees that share nodes: slabs are parted into
 * shards. A thread takes nodes from the shard that it was given; a node returns to its slab's. A shard's
 * lock guards its free bits, lists and statistics; the pool's guards the rest. Reference counts are
 * atomic. A serial pool, whose caller lets no two writers run at once, does without all this, and uses
 * its first shard. An atomic instruction costs as much as ten others, and the first write after a fork
 * counts up some fifty children.
 *
 * `serial` changes only while nobody uses the pool in parallel, so those who do may read it.
 *
 * Look-ups that take no lock may still read a node that is free, or in use elsewhere (sequence.h). So
 * a pool that is not serial keeps its chunks mapped until mt_pool_trim(). Of memory that has not been
 * needed for a while, it gives the system the pages, whose bytes then read as zeros.
 */
#ifndef MT_POOL_H
#define MT_POOL_H

#include "lock.h"

#include <assert.h>
#include <stddef.h>

#define MT_SLAB_BYTES 16384u
#define MT_SLAB_PLACES 64u
#define MT_SLAB_HEADER_PLACES 2u
#define MT_PLACE_BYTES 256u
#define MT_NODE_PLACES (MT_NODE_BYTES / MT_PLACE_BYTES)

struct mt_slab;

/* The first member of everything that is in one of the pool's lists. */
struct mt_link {
	struct mt_link *next;
	struct mt_link *previous;
};

/* A stretch of slabs from one allocation. Lives in the header of its first slab. */
struct mt_chunk {
	struct mt_link link;
	size_t slabs;
	size_t used; /* slabs with at least one node in use */
	bool vacant; /* idle, and its pages are given back to the system */
};

struct mt_slab {
	struct mt_link link; /* in the list of partly used or of empty slabs; full slabs are in
			      * none */
	uint64_t free;       /* bit i: node i is free */
	struct mt_chunk *chunk;
	uint64_t visited; /* nodes seen in visiting pass number `pass` */
	uint32_t pass;
	uint32_t places; /* of a node */
	uint64_t all;    /* the bits of all nodes */
	uint32_t shard;  /* that it belongs to; never changes */
	uint32_t unused;
	uint32_t refs[MT_SLAB_PLACES];
	struct mt_chunk own_chunk; /* in a chunk's first slab */
};

static_assert(sizeof(struct mt_slab) <= MT_SLAB_HEADER_PLACES * MT_PLACE_BYTES, "the header fits");
static_assert(offsetof(struct mt_slab, refs) % 64 == 0, "counts start on a cache line");
static_assert(MT_SLAB_PLACES * MT_PLACE_BYTES == MT_SLAB_BYTES, "a slab is full of places");
static_assert(MT_NODE_PLACES == 1 || MT_NODE_PLACES == 2, "the pool has two sizes of nodes");

#define MT_SHARDS 8u

struct mt_shard {
	_Alignas(64) struct mt_lock lock; /* no two are in one cache line */
	struct mt_link *partial[2];       /* by size */
	struct mt_link *empty;
	struct mt_link *busy;   /* chunks with a slab in use */
	struct mt_link *idle;   /* the others, as long as they keep their pages */
	struct mt_link *vacant; /* those that do not */
	size_t used_slabs;
	size_t empty_slabs;
	size_t vacant_slabs; /* of the empty ones: in vacant chunks */
	size_t live;
	uint64_t allocated;
};

struct maple_pool {
	struct mt_lock lock;
	uint32_t refs;
	bool serial;       /* the callers let only one at a time use it */
	bool made_serial;  /* the same, except while some are parallel: */
	uint32_t parallel; /* calls of mt_pool_begin_parallel() without their end */
	uint32_t pass;
	uint64_t fail_in; /* the n-th node allocation from now fails; 0: none */
	struct mt_allocator allocator;
	struct mt_shard shards[MT_SHARDS];
};

/* The process's default pool. */
extern struct maple_pool mt_default_pool __attribute__((visibility("hidden")));

/* All or nothing: put `count` nodes of one place (of two) with one reference each into `out`; or
 * return 0 and take nothing. */
size_t mt_pool_alloc_single(struct maple_pool *pool, size_t count, struct maple_node **out);
size_t mt_pool_alloc_double(struct maple_pool *pool, size_t count, struct maple_node **out);
/* The same for nodes of this core's width. */
static inline size_t mt_pool_alloc_bulk(struct maple_pool *pool, size_t count,
					struct maple_node **out)
{
	return MT_NODE_PLACES == 1 ? mt_pool_alloc_single(pool, count, out)
				   : mt_pool_alloc_double(pool, count, out);
}
/* Give nodes back, whatever their counts. Does not look at their contents. */
void mt_pool_free_bulk(struct maple_pool *pool, size_t count, struct maple_node **nodes);
void mt_free_one(struct maple_pool *pool, struct maple_node *node);
/* Whether the pool considers the node free. For validation. */
bool mt_pool_has_free(struct maple_pool *pool, const struct maple_node *node);

static inline struct mt_slab *mt_slab_of(const struct maple_node *node)
{
	return (struct mt_slab *)((uintptr_t)node & ~(uintptr_t)(MT_SLAB_BYTES - 1));
}

static inline unsigned mt_slab_index(const struct maple_node *node)
{
	return (unsigned)((uintptr_t)node / MT_PLACE_BYTES % MT_SLAB_PLACES);
}

static inline uint32_t *mt_node_refs(const struct maple_node *node)
{
	return &mt_slab_of(node)->refs[mt_slab_index(node)];
}

static inline uint32_t mt_node_count_refs(const struct maple_node *node)
{
	return __atomic_load_n(mt_node_refs(node), __ATOMIC_ACQUIRE);
}

/* Whether there is only one reference. Acquires what the last other owner did before it let go. */
static inline bool mt_node_single(const struct maple_node *node)
{
	return mt_node_count_refs(node) == 1;
}

static inline void mt_node_get(const struct maple_pool *pool, const struct maple_node *node)
{
	uint32_t *refs = mt_node_refs(node);

	if (pool->serial)
		__atomic_store_n(refs, *refs + 1, __ATOMIC_RELAXED);
	else
		__atomic_fetch_add(refs, 1u, __ATOMIC_RELAXED);
}

/* Drop a reference. Returns true if it was the last; the caller then frees the node. Only an owner
 * can add a reference, so a count of one cannot rise meanwhile and needs no atomic subtraction. */
static inline bool mt_node_put(const struct maple_pool *pool, const struct maple_node *node)
{
	uint32_t *refs = mt_node_refs(node);

	if (mt_node_single(node))
		return true;
	if (!pool->serial)
		return __atomic_fetch_sub(refs, 1u, __ATOMIC_ACQ_REL) == 1;
	__atomic_store_n(refs, *refs - 1, __ATOMIC_RELAXED);
	return false;
}

#endif /* MT_POOL_H */
