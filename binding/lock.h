/* SPDX-License-Identifier: MIT */
/* t.lock, and who owns something after a fork(). */
#ifndef SAMARA_LOCK_H
#define SAMARA_LOCK_H

#include "state.h"

/* This process: how many forks separate it from the first one that imported the module, and the
 * thread that continued in it. Written only in the child of a fork, before anything else runs
 * there. */
struct process {
	unsigned long number;
	unsigned long survivor;
};

extern struct process process;
/* Runs once for all interpreters. 0, or -1 with MemoryError. */
int process_watch(void);

/* A number that no other living thread has. The child of a fork() keeps it. Each store into a tree
 * with a policy asks for it. */
static inline unsigned long this_thread(void)
{
#if defined(__linux__) && defined(__x86_64__) && __GNUC__ >= 11 && !defined(__clang__)
	return (unsigned long)__builtin_thread_pointer();
#else
	return PyThread_get_thread_ident();
#endif
}

/* Who holds something: a thread of a process. */
struct claim {
	unsigned long thread;
	unsigned long process;
};

static inline struct claim claim_now(void)
{
	return (struct claim){this_thread(), process.number};
}

/* Return whether the thread did not survive a fork: it will never give back what it holds. */
static inline bool claim_is_void(const struct claim *claim)
{
	return claim->process != process.number && claim->thread != process.survivor;
}

struct lock_object {
	PyObject_HEAD
	PyThread_type_lock gate; /* held while depth > 0, and for a moment by each waiter */
	struct claim owner;      /* its thread is valid if depth > 0 */
	unsigned long depth;
};

static inline bool lock_blocks(const struct lock_object *lock)
{
	return lock && lock->depth && lock->owner.thread != this_thread();
}

struct lock_object *lock_new(struct core_state *state);
/* Wait until no other thread holds the lock. 0, or -1 with the exception of a signal. */
int lock_wait(struct lock_object *lock);
extern PyType_Spec lock_spec;

#endif /* SAMARA_LOCK_H */
