/* SPDX-License-Identifier: MIT */
/* Work on trees while other threads run. */
#ifndef SAMARA_PARALLEL_H
#define SAMARA_PARALLEL_H

#include "binding.h"

#include <sched.h>

/* Whether the extension runs without the GIL, if the interpreter does. CPython 3.13 lacks what that
 * needs. */
#if defined(Py_GIL_DISABLED) && PY_VERSION_HEX >= 0x030E0000
#define SAMARA_NO_GIL 1
#endif

/* A statement that no other thread interrupts with one of the same object; or of two objects. As with the
 * GIL, others come in while it waits, or runs code that does. */
#ifdef SAMARA_NO_GIL
#define ALONE(object, ...)                                                                         \
	do {                                                                                       \
		Py_BEGIN_CRITICAL_SECTION(object);                                                 \
		__VA_ARGS__;                                                                       \
		Py_END_CRITICAL_SECTION();                                                         \
	} while (0)
#define ALONE_WITH(object, other, ...)                                                             \
	do {                                                                                       \
		Py_BEGIN_CRITICAL_SECTION2(object, other);                                         \
		__VA_ARGS__;                                                                       \
		Py_END_CRITICAL_SECTION2();                                                        \
	} while (0)
#else
#define ALONE(object, ...) __VA_ARGS__
#define ALONE_WITH(object, other, ...)                                                             \
	do {                                                                                       \
		(void)(other);                                                                     \
		__VA_ARGS__;                                                                       \
	} while (0)
#endif

/* This process: how many forks separate it from the first one that imported the module, and the
 * thread that continued in it. Written only in the child of a fork, before anything else runs
 * there. */
struct process {
	unsigned long number;
	unsigned long survivor;
};

extern struct process process;

/* In the child of a fork(), a thread that was about to enter an object's critical section can own it, and
 * does not exist. Call this before the first entry there. `*number` is the process that the object was
 * last used in. */
#ifdef SAMARA_NO_GIL
void section_renew(PyObject *object, unsigned long *number);
#endif

static inline void section_ready(PyObject *object, unsigned long *number)
{
#ifdef SAMARA_NO_GIL
	if (__builtin_expect(__atomic_load_n(number, __ATOMIC_ACQUIRE) != process.number, 0))
		section_renew(object, number);
#else
	(void)object;
	(void)number;
#endif
}

/* ALONE() for a tree or a lock, whose member `process` is for section_ready(). */
#define ALONE_IN(object, ...)                                                                      \
	do {                                                                                       \
		section_ready((PyObject *)(object), &(object)->process);                           \
		ALONE(object, __VA_ARGS__);                                                        \
	} while (0)

/* A lock for a few instructions that call nothing of Python. So its holder never stops. */
struct short_lock {
	uint8_t held;
};

static inline void short_lock_take(struct short_lock *lock)
{
#ifdef SAMARA_NO_GIL
	while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE))
		sched_yield();
#else
	(void)lock;
#endif
}

static inline void short_lock_give(struct short_lock *lock)
{
#ifdef SAMARA_NO_GIL
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
#else
	(void)lock;
#endif
}

/* For less work than this, releasing the GIL costs more than it gains: keys, or ranges. */
#define FEW 512

/* Whether other threads run during a call on so many. */
static inline bool others_run(size_t count)
{
#ifdef SAMARA_NO_GIL
	(void)count;
	return true;
#else
	return count >= FEW;
#endif
}

/* A module's pool, in the list of those that a fork() must not interrupt. */
struct parallel_pool {
	struct maple_pool *pool;
	bool locked; /* by a fork() that is going on */
	struct parallel_pool *next;
};

/* Have a fork() call these; `*watched` says whether it already does. Interpreters with GILs of their own
 * may ask for it at the same time. 0, or -1 with MemoryError. */
int fork_watch(bool *watched, void (*prepare)(void), void (*parent)(void), void (*child)(void));
/* Add a pool, with the GIL held. 0, or -1 with MemoryError. */
int parallel_watch(struct parallel_pool *pool);
/* Remove it, if it is there. */
void parallel_forget(struct parallel_pool *pool);

/* Release the GIL, to write packed trees of this pool that no other thread can find. They may share
 * nodes with others. No object may be touched meanwhile. */
PyThreadState *parallel_begin(struct maple_pool *pool);
void parallel_end(struct maple_pool *pool, PyThreadState *thread);

#endif /* SAMARA_PARALLEL_H */
