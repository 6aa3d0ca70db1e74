/* SPDX-License-Identifier: MIT */
/*
 * Look-ups beside a writer, without the tree's lock. A reader believes what it has read only if no
 * change has begun meanwhile. There are two kinds of numbers; each is odd while a change is under
 * way:
 *
 *   the tree's sequence   counts changes to its shape: the root, a pointer to a child, several
 *                         nodes at once;
 *   a leaf's version      counts changes within that leaf, which are most.
 *
 * A reader follows a pointer only if the sequence is still the same after it has read the pointer.
 * So the node was in the tree at some moment since the reader began. By the time it is read, it may
 * be free, or in use by another tree: pools keep its memory readable. Whoever writes it then has seen
 * the first writer's change of the sequence, and passes it on by a release fence: when a pool hands a
 * node out, and when a change begins. So a reader that sees any of it sees the new sequence too.
 *
 * Value operations, allocations and the filling of new nodes are outside of changes. So a reader
 * never waits for the caller's code: only for a writer that has lost its processor within a change.
 */
#ifndef MT_SEQUENCE_H
#define MT_SEQUENCE_H

#include "lock.h"
#include "node.h"

/* ---- writers --------------------------------------------------------------------------------- */

static inline void mt_change_begin(struct maple_tree *mt)
{
	__atomic_store_n(&mt->ma_sequence, mt->ma_sequence + 1, __ATOMIC_RELAXED);
	mt_fence_release();
}

static inline void mt_change_end(struct maple_tree *mt)
{
	__atomic_store_n(&mt->ma_sequence, mt->ma_sequence + 1, __ATOMIC_RELEASE);
}

static inline void mt_leaf_change_begin(struct maple_node *leaf)
{
	mt_put(leaf->version, leaf->version + 1);
	mt_fence_release();
}

static inline void mt_leaf_change_end(struct maple_node *leaf)
{
	mt_fence_release();
	mt_put(leaf->version, leaf->version + 1);
}

/* Replace one word. What it refers to was written before. Readers find the old word or the new one. The
 * version tells those that take a reference before the old word is released. */
static inline void mt_leaf_replace(struct maple_node *leaf, unsigned slot, uint64_t word)
{
	__atomic_store_n(&leaf->wide.slot[slot], word, __ATOMIC_RELEASE);
	mt_fence_release();
	mt_put(leaf->version, leaf->version + 2);
}

/* ---- readers --------------------------------------------------------------------------------- */

/* Whether nothing can write the tree during a look-up: its caller holds a lock, or there is no other
 * thread. */
static inline bool mt_reads_alone(const struct maple_tree *mt)
{
	const uint32_t locks = MT_FLAGS_LOCK_EXTERN | MT_FLAGS_LOCK_WRITERS;

	if (__builtin_expect((mt_flags(mt) & locks) != MT_FLAGS_LOCK_EXTERN, 1))
		return mt_single_threaded();
	mt_check_external(mt->ma_external_lock);
	return true;
}

/* The sequence from which a look-up starts. If a change is under way, no later one is equal. */
static inline uint32_t mt_sequence(const struct maple_tree *mt)
{
	return __atomic_load_n(&mt->ma_sequence, __ATOMIC_ACQUIRE) & ~1u;
}

/* Whether the tree may have changed its shape before the last read. */
static inline bool mt_sequence_moved(const struct maple_tree *mt, uint32_t sequence)
{
	mt_fence_acquire();
	return __builtin_expect(mt_get(mt->ma_sequence) != sequence, 0);
}

static inline struct maple_node *mt_root(const struct maple_tree *mt)
{
	return __atomic_load_n(&mt->ma_root, MT_FENCED_LOAD);
}

/* A leaf's version before it is read. If it is being written, no later one is equal. */
MT_RACY static inline mt_version mt_leaf_version(const struct maple_node *leaf)
{
	return __atomic_load_n(&leaf->version, __ATOMIC_ACQUIRE) & ~(mt_version)1;
}

/* Whether the leaf may have changed before the last read. */
MT_RACY static inline bool mt_leaf_moved(const struct maple_node *leaf, mt_version version)
{
	mt_fence_acquire();
	return __builtin_expect(mt_get(leaf->version) != version, 0);
}

/* A look-up that reads one leaf, or two that are neighbours. */
struct mt_reading {
	const struct maple_tree *mt;
	uint32_t sequence;
	unsigned leaves;
	const struct maple_node *leaf[2];
	mt_version version[2];
#ifdef MT_RACES
	_Alignas(64) struct maple_node copy; /* of the last leaf */
#endif
};

/* Begin, or begin again. */
static inline void mt_reading_begin(struct mt_reading *reading, const struct maple_tree *mt)
{
	reading->mt = mt;
	reading->leaves = 0;
	reading->sequence = mt_sequence(mt);
}

/* Whether all that was read was in the tree at one moment. */
static inline bool mt_reading_holds(const struct mt_reading *reading)
{
	for (unsigned i = 0; i < reading->leaves; i++)
		if (mt_leaf_moved(reading->leaf[i], reading->version[i]))
			return false;
	return !mt_sequence_moved(reading->mt, reading->sequence);
}

#endif /* MT_SEQUENCE_H */
