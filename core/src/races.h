/* SPDX-License-Identifier: MIT */
/*
 * Look-ups read nodes while they are written, and believe nothing of it (sequence.h). These are the
 * writes to nodes, and the fences around them. Outside of sanitizers they are plain writes.
 *
 *   mt_get()          read a number that tells of changes, after a fence
 *   mt_put()          write a member of a node
 *   mt_put_key()      the same for a key
 *   mt_put_bytes()    memcpy() into a node: whole words
 *   mt_move_bytes()   memmove() within a node: whole words
 *   MT_FENCED_LOAD    the order of an atomic operation that only needs a fence beside it
 *   MT_FENCED_STORE
 *   MT_RACY           marks a function that reads such nodes
 *   MT_RACES          defined in builds with a sanitizer that sees these reads
 *
 * With ThreadSanitizer both sides are atomic operations, so that it finds all other races. It does
 * not know fences: there each operation has the fence's order. AddressSanitizer does not check these
 * reads, since the node may be free by then.
 */
#ifndef MT_RACES_H
#define MT_RACES_H

#include "width.h"

#include <string.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MT_ATOMIC_NODES 1
#endif
#if __has_feature(address_sanitizer)
#define MT_UNCHECKED_READS 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define MT_ATOMIC_NODES 1
#endif
#ifdef __SANITIZE_ADDRESS__
#define MT_UNCHECKED_READS 1
#endif

#if defined(MT_ATOMIC_NODES) || defined(MT_UNCHECKED_READS)
#define MT_RACES 1
#endif
#ifdef MT_UNCHECKED_READS
#define MT_RACY __attribute__((no_sanitize("address")))
#else
#define MT_RACY
#endif

#ifdef MT_ATOMIC_NODES

#define MT_FENCED_LOAD __ATOMIC_ACQUIRE
#define MT_FENCED_STORE __ATOMIC_RELEASE
#define mt_get(place) __atomic_load_n(&(place), __ATOMIC_ACQUIRE)

static inline void mt_fence_release(void)
{
}

static inline void mt_fence_acquire(void)
{
}

static inline void mt_move_bytes(void *to, const void *from, size_t size)
{
	uint64_t *target = to;
	const uint64_t *source = from;
	size_t words = size / sizeof(*target);

	if (target <= source)
		for (size_t i = 0; i < words; i++)
			__atomic_store_n(target + i, source[i], __ATOMIC_RELEASE);
	else
		for (size_t i = words; i-- > 0;)
			__atomic_store_n(target + i, source[i], __ATOMIC_RELEASE);
}

static inline void mt_put_bytes(void *to, const void *from, size_t size)
{
	mt_move_bytes(to, from, size);
}

static inline void mt_put_key(mt_key *place, mt_key key)
{
	mt_put_bytes(place, &key, sizeof(key));
}

#define mt_put(place, value)                                                                       \
	__atomic_store_n(&(place), (__typeof__(place))(value), __ATOMIC_RELEASE)

#else

#define MT_FENCED_LOAD __ATOMIC_RELAXED
#define MT_FENCED_STORE __ATOMIC_RELAXED
#define mt_get(place) (place)

static inline void mt_fence_release(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void mt_fence_acquire(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static inline void mt_put_bytes(void *to, const void *from, size_t size)
{
	memcpy(to, from, size);
}

static inline void mt_move_bytes(void *to, const void *from, size_t size)
{
	memmove(to, from, size);
}

static inline void mt_put_key(mt_key *place, mt_key key)
{
	*place = key;
}

#define mt_put(place, value) ((place) = (__typeof__(place))(value))

#endif

#ifdef MT_RACES

/* The readers' side. The order is that of the fence that follows in other builds. */
MT_RACY static inline uint64_t mt_get_word(const uint64_t *place)
{
	return __atomic_load_n(place, __ATOMIC_ACQUIRE);
}

MT_RACY static inline void mt_get_bytes(void *to, const void *from, size_t size)
{
	uint64_t *target = to;
	const uint64_t *source = from;

	for (size_t i = 0; i < size / sizeof(*target); i++)
		target[i] = __atomic_load_n(source + i, __ATOMIC_ACQUIRE);
}

#endif

#endif /* MT_RACES_H */
