/* SPDX-License-Identifier: MIT */
/*
 * The locks of trees and pools. In debug builds (MT_DEBUG) each thread keeps a list of the tree locks that it holds,
 * with the subclass of each. Taking a second lock of the same subclass can cause a lock-order
 * deadlock, so it is reported. The list belongs to the thread. Only the lock words and the
 * reporting function are shared. Compiled once, for trees of both widths.
 *
 * Public: mt_set_lock_report().
 */
#include "lock.h"

#include <sched.h>
#include <stdio.h>

#define MT_READ_TRIES 64u /* until a waiting look-up yields */

static void (*lock_report)(const char *message);

void mt_set_lock_report(void (*report)(const char *message))
{
	__atomic_store_n(&lock_report, report, __ATOMIC_RELEASE);
}

void mt_lock_wait(struct mt_lock *lock)
{
	/* Whether another thread is quicker after the lock is free, is chance. */
	do {
		while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
			sched_yield();
	} while (__atomic_exchange_n(&lock->held, 1u, __ATOMIC_ACQUIRE)); /* GCOVR_EXCL_LINE */
}

/* A change takes less than a microsecond, unless its thread has lost the processor. */
void mt_read_wait(unsigned tries)
{
	if (tries >= MT_READ_TRIES)
		sched_yield();
}

#ifdef MT_DEBUG

#define MT_HELD_MAX 16

struct held_lock {
	const struct mt_lock *lock;
	int subclass;
};

static _Thread_local struct held_lock held[MT_HELD_MAX];
static _Thread_local unsigned held_count;

static void report_lock(const char *what, const void *lock, int subclass)
{
	void (*report)(const char *) = __atomic_load_n(&lock_report, __ATOMIC_ACQUIRE);
	char message[160];

	snprintf(message, sizeof(message), "maple tree lock %p, subclass %d: %s", lock, subclass,
		 what);
	if (report)
		report(message);
	else
		fprintf(stderr, "%s\n", message);
}

void mt_note_lock(const struct mt_lock *lock, int subclass)
{
	for (unsigned i = 0; i < held_count; i++) {
		if (held[i].lock == lock)
			report_lock("taken twice by one thread", lock, subclass);
		else if (held[i].subclass == subclass)
			report_lock("a lock of the same subclass is held: nesting not declared",
				    lock, subclass);
	}
	if (held_count < MT_HELD_MAX)
		held[held_count++] = (struct held_lock){lock, subclass};
	else
		report_lock("too many tree locks held", lock, subclass);
}

void mt_note_unlock(const struct mt_lock *lock)
{
	for (unsigned i = held_count; i-- > 0;) {
		if (held[i].lock != lock)
			continue;
		held[i] = held[--held_count];
		return;
	}
	report_lock("released but not held by this thread", lock, 0);
}

void mt_check_external(const struct mt_external_lock *lock)
{
	if (lock && lock->is_held && !lock->is_held(lock->context))
		report_lock("the external lock is not held", lock, 0);
}

#endif
