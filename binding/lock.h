/* SPDX-License-Identifier: MIT */
/* t.lock, and who has something after a fork(). */
#ifndef SAMARA_LOCK_H
#define SAMARA_LOCK_H

#include "state.h"

/* This process: how many forks it is away from the first one that imported the module, and the
 * thread that came along from its parent. Written in the child of a fork alone, before anything
 * else runs there. */
struct process {
	unsigned long number;
	unsigned long survivor;
};

extern struct process process;
/* Once for all interpreters. 0, or -1 with MemoryError. */
int process_watch(void);

/* Who has something: a thread of a process. */
struct claim {
	unsigned long thread;
	unsigned long process;
};

static inline struct claim claim_now(void)
{
	return (struct claim){PyThread_get_thread_ident(), process.number};
}

/* Whether the thread stayed behind when the process forked: it will never give back what it has. */
static inline bool claim_is_void(const struct claim *claim)
{
	return claim->process != process.number && claim->thread != process.survivor;
}

struct lock_object {
	PyObject_HEAD
	PyThread_type_lock gate; /* held while depth > 0, and for a moment by each waiter */
	struct claim owner;      /* its thread means something where depth > 0 */
	unsigned long depth;
};

static inline bool lock_blocks(const struct lock_object *lock)
{
	return lock && lock->depth && lock->owner.thread != PyThread_get_thread_ident();
}

struct lock_object *lock_new(struct core_state *state);
/* Wait until no other thread holds the lock. 0, or -1 with the exception of a signal. */
int lock_wait(struct lock_object *lock);
extern PyType_Spec lock_spec;

#endif /* SAMARA_LOCK_H */
