/* SPDX-License-Identifier: MIT */
/* The spin lock of trees and pools. A waiting thread yields, so a preempted holder can continue.
 * Trees of both widths use one lock.c, so debug builds check their locks together. */
#ifndef MT_LOCK_H
#define MT_LOCK_H

#include "head.h"

#ifdef MT_SINGLE_THREADED
#include <sys/single_threaded.h>
#endif

void mt_lock_wait(struct mt_lock *lock);
/* Before a look-up tries again, for the first time or once more. */
void mt_read_wait(unsigned tries);

/* Whether the process has one thread. Only that thread can start another one, so between the
 * question and the next statement nothing changes. The start of a thread orders all that its
 * starter did before it. */
static inline bool mt_single_threaded(void)
{
#ifdef MT_SINGLE_THREADED /* glibc counts its threads */
	return __builtin_expect(__libc_single_threaded, 1);
#else
	return false;
#endif
}

/* The atomic exchange takes longer than a look-up in a small tree. A single thread does without. */
static inline void mt_spin_lock(struct mt_lock *lock)
{
	uint32_t held;

	if (mt_single_threaded()) {
		held = lock->held;
		lock->held = 1;
	} else {
		held = __atomic_exchange_n(&lock->held, 1u, __ATOMIC_ACQUIRE);
	}
	if (__builtin_expect(held, 0))
		mt_lock_wait(lock);
}

static inline void mt_spin_unlock(struct mt_lock *lock)
{
	__atomic_store_n(&lock->held, 0u, __ATOMIC_RELEASE);
}

static inline bool mt_locks_itself(const struct maple_tree *mt)
{
	return __builtin_expect(!(mt_flags(mt) & MT_FLAGS_LOCK_EXTERN), 1);
}

#ifdef MT_DEBUG
/* Keep the thread's list of locks, and report misuse. */
void mt_note_lock(const struct mt_lock *lock, int subclass);
void mt_note_unlock(const struct mt_lock *lock);
/* Report that the caller's lock, if it is known, is not held. */
void mt_check_external(const struct mt_external_lock *lock);
#else
static inline void mt_note_lock(const struct mt_lock *lock, int subclass)
{
	(void)lock;
	(void)subclass;
}

static inline void mt_note_unlock(const struct mt_lock *lock)
{
	(void)lock;
}

static inline void mt_check_external(const struct mt_external_lock *lock)
{
	(void)lock;
}
#endif

/* mtree_lock_nested() and mtree_unlock(), inline: a look-up takes about as long as the lock. */
static inline void mt_tree_lock(struct maple_tree *mt, int subclass)
{
	if (mt_locks_itself(mt)) {
		mt_note_lock(&mt->ma_lock, subclass);
		mt_spin_lock(&mt->ma_lock);
	} else {
		mt_check_external(mt->ma_external_lock);
	}
}

static inline void mt_tree_unlock(struct maple_tree *mt)
{
	if (mt_locks_itself(mt)) {
		mt_note_unlock(&mt->ma_lock);
		mt_spin_unlock(&mt->ma_lock);
	}
}

#endif /* MT_LOCK_H */
