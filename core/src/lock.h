/* SPDX-License-Identifier: MIT */
/* The spin lock of trees and pools. A waiting thread yields, so a preempted holder can continue. */
#ifndef MT_LOCK_H
#define MT_LOCK_H

#include "node.h"

void mt_lock_wait(struct mt_lock *lock);

static inline void mt_spin_lock(struct mt_lock *lock)
{
	if (__atomic_exchange_n(&lock->held, 1u, __ATOMIC_ACQUIRE))
		mt_lock_wait(lock);
}

static inline void mt_spin_unlock(struct mt_lock *lock)
{
	__atomic_store_n(&lock->held, 0u, __ATOMIC_RELEASE);
}

/* Trees without a lock of their own only check, in debug builds, that the caller's lock is held. */
static inline bool mt_locks_itself(const struct maple_tree *mt)
{
	return !(mt_flags(mt) & MT_FLAGS_LOCK_EXTERN);
}

#endif /* MT_LOCK_H */
