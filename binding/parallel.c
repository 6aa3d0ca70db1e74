/* SPDX-License-Identifier: MIT */
/*
 * Threads that run at the same time.
 *
 * In an interpreter with a GIL, the pool of a module is serial: its lists and the reference counts of
 * its nodes rely on the GIL. While a call writes without it, the pool has a lock and atomic counts.
 * Such a call writes only trees that nobody else knows, and calls nothing of Python.
 *
 * A fork() of another thread must not come while the pool's lists are half written. So the thread that
 * forks holds the pool's locks meanwhile. In the child, calls that were writing are gone. Nobody knows
 * their trees, whose nodes stay allocated.
 *
 * The list of pools has a lock, since interpreters may have GILs of their own. A fork() holds it too.
 * Without the GIL, a fork() stops all other threads; what one of them was about to enter is freed when
 * it is next used. For everything above it.
 */
#include "parallel.h"

#include <pthread.h>

static struct parallel_pool *pools;
static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- fork() --------------------------------------------------------------------------------- */

static void lock_pools(void)
{
	pthread_mutex_lock(&pools_lock);
	for (struct parallel_pool *each = pools; each; each = each->next)
		each->locked = mt_pool_lock(each->pool);
}

static void unlock_pools(void)
{
	for (struct parallel_pool *each = pools; each; each = each->next) {
		if (each->locked)
			mt_pool_unlock(each->pool);
	}
	pthread_mutex_unlock(&pools_lock);
}

static void renew_pools(void)
{
	unlock_pools();
#ifndef SAMARA_NO_GIL
	for (struct parallel_pool *each = pools; each; each = each->next)
		mt_pool_serial(each->pool);
#endif
}

int fork_watch(bool *watched, void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	if (__atomic_exchange_n(watched, true, __ATOMIC_RELAXED) ||
	    !pthread_atfork(prepare, parent, child))
		return 0;
	__atomic_store_n(watched, false, __ATOMIC_RELAXED);
	PyErr_NoMemory();
	return -1;
}

int parallel_watch(struct parallel_pool *pool)
{
	static bool watched;

	if (fork_watch(&watched, lock_pools, unlock_pools, renew_pools) < 0)
		return -1;
	pthread_mutex_lock(&pools_lock);
	pool->next = pools;
	pools = pool;
	pthread_mutex_unlock(&pools_lock);
	return 0;
}

void parallel_forget(struct parallel_pool *pool)
{
	struct parallel_pool **at = &pools;

	pthread_mutex_lock(&pools_lock);
	while (*at && *at != pool)
		at = &(*at)->next;
	if (*at)
		*at = pool->next;
	pthread_mutex_unlock(&pools_lock);
}

/* ---- critical sections ---------------------------------------------------------------------- */

struct process process;

#ifdef SAMARA_NO_GIL

/* How CPython marks what is in the list of a thread's critical sections. */
#define SECTION_LEFT 1 /* while the thread waited */
#define SECTION_OF_TWO 2
#define SECTION_MARKS 3

/* Whether this thread is in a critical section of the mutex, and has not left it while it waited. */
static bool section_is_ours(const PyMutex *mutex)
{
	uintptr_t tag = PyThreadState_Get()->critical_section;

	while (tag && !(tag & SECTION_LEFT)) {
		const PyCriticalSection *section =
			(const PyCriticalSection *)(tag & ~(uintptr_t)SECTION_MARKS);

		if (section->_cs_mutex == mutex ||
		    (tag & SECTION_OF_TWO &&
		     ((const PyCriticalSection2 *)section)->_cs_mutex2 == mutex))
			return true;
		tag = section->_cs_prev;
	}
	return false;
}

void section_renew(PyObject *object, unsigned long *number)
{
	static struct short_lock lock;
	PyMutex *mutex = &object->ob_mutex;

	short_lock_take(&lock);
	if (*number != process.number) {
		bool locked = __atomic_load_n(&mutex->_bits, __ATOMIC_ACQUIRE) & 1;

		if (locked && !section_is_ours(mutex))
			PyMutex_Unlock(mutex);
		__atomic_store_n(number, process.number, __ATOMIC_RELEASE);
	}
	short_lock_give(&lock);
}

#endif

/* ---- the GIL -------------------------------------------------------------------------------- */

PyThreadState *parallel_begin(struct maple_pool *pool)
{
	mt_pool_begin_parallel(pool);
	return PyEval_SaveThread();
}

void parallel_end(struct maple_pool *pool, PyThreadState *thread)
{
	PyEval_RestoreThread(thread);
	mt_pool_end_parallel(pool);
}
