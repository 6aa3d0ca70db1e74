/* SPDX-License-Identifier: MIT */
/*
 * Writing trees without the GIL. The pool of a module is serial: its lists and the reference counts of
 * its nodes rely on the GIL. While a call writes without it, the pool has a lock and atomic counts.
 * Such a call writes only trees that nobody else knows, and calls nothing of Python.
 *
 * A fork() of another thread must not come while the pool's lists are half written. So the thread that
 * forks holds the pool's lock meanwhile. In the child, calls that were writing are gone. Nobody knows
 * their trees, whose nodes stay allocated.
 *
 * The list of pools has a lock, since interpreters may have GILs of their own. A fork() holds it too. For
 * everything above it.
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
	for (struct parallel_pool *each = pools; each; each = each->next)
		mt_pool_serial(each->pool);
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
