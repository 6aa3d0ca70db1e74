/* SPDX-License-Identifier: MIT */
/* t.lock, and who owns something after a fork(). */
#ifndef SAMARA_LOCK_H
#define SAMARA_LOCK_H

#include "state.h"

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
	unsigned long process;       /* see section_ready() */
	PyObject *tree;              /* whose lock it is: borrowed, NULL once the tree has ended */
	unsigned long *tree_process; /* of the tree, for section_ready() */
};

/* Operations of the tree ask this while others may take or release the lock. */
static inline bool lock_blocks(const struct lock_object *lock)
{
	return lock && __atomic_load_n(&lock->depth, __ATOMIC_ACQUIRE) &&
	       __atomic_load_n(&lock->owner.thread, __ATOMIC_RELAXED) != this_thread();
}

/* The lock of a tree, which calls lock_forget() at its end. */
struct lock_object *lock_new(struct core_state *state, PyObject *tree, unsigned long *tree_process);
void lock_forget(struct lock_object *lock);
/* Wait until no other thread holds the lock. 0, or -1 with the exception of a signal. */
int lock_wait(struct lock_object *lock);
extern PyType_Spec lock_spec;

#endif /* SAMARA_LOCK_H */
