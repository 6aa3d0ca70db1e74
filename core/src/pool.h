/* SPDX-License-Identifier: MIT */
/*
 * The pool that nodes come from.
 *
 * Memory is taken in chunks and cut into slabs of 16 KiB, aligned to their size:
 *
 *   slab    +0    header: free bits, list links, reference counts of its 62 nodes (512 bytes)
 *           +512  node 2
 *           ...
 *           +16128 node 63
 *
 * So the address of a node gives its slab and its number in the slab. The counts are kept beside
 * the nodes because two operations need many of them: a fork's first write counts up every child of
 * each node on its path, and a destroy checks whether each node is shared. Both then touch one
 * dense line instead of one line per node.
 *
 * The pool's lock guards the free bits, lists and statistics. Reference counts are atomic. A serial
 * pool, whose caller lets no two writers run at once, does without both. An atomic instruction
 * costs as much as ten others, and the first write after a fork counts up some fifty children.
 */
#ifndef MT_POOL_H
#define MT_POOL_H

#include "lock.h"
#include "node.h"

#define MT_SLAB_BYTES 16384u
#define MT_SLAB_NODES 64u
#define MT_SLAB_HEADER_NODES 2u
#define MT_SLAB_ALL_FREE (UINT64_MAX << MT_SLAB_HEADER_NODES)

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
};

struct mt_slab {
	struct mt_link link; /* in the list of partly used or of empty slabs; full slabs are in
			      * none */
	uint64_t free;       /* bit i: node i is free */
	struct mt_chunk *chunk;
	uint64_t visited; /* nodes seen in visiting pass number `pass` */
	uint32_t pass;
	uint32_t unused[5];
	uint32_t refs[MT_SLAB_NODES];
	struct mt_chunk own_chunk; /* in a chunk's first slab */
};

static_assert(sizeof(struct mt_slab) <= MT_SLAB_HEADER_NODES * MT_NODE_BYTES, "the header fits");
static_assert(offsetof(struct mt_slab, refs) % 64 == 0, "counts start on a cache line");
static_assert(MT_SLAB_NODES * MT_NODE_BYTES == MT_SLAB_BYTES, "a slab is full of nodes");

struct maple_pool {
	struct mt_lock lock;
	uint32_t refs;
	bool serial;
	uint32_t pass;
	struct mt_link *partial;
	struct mt_link *empty;
	struct mt_link *busy; /* chunks with a slab in use */
	struct mt_link *idle; /* the others */
	size_t used_slabs;
	size_t empty_slabs;
	size_t live;
	uint64_t allocated;
	uint64_t fail_in; /* the n-th node allocation from now fails; 0: none */
	struct mt_allocator allocator;
};

/* The pool that a tree allocates from. */
struct maple_pool *mt_pool_of(const struct maple_tree *mt);

/* All or nothing: put `count` nodes with one reference each into `out`; or return 0 and take
 * nothing. */
size_t mt_pool_alloc_bulk(struct maple_pool *pool, size_t count, struct maple_node **out);
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
	return (unsigned)((uintptr_t)node / MT_NODE_BYTES % MT_SLAB_NODES);
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
