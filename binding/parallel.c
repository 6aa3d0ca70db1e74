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
 * The list of pools is read and written with the GIL held. For everything above it.
 */
#include "parallel.h"

#include <pthread.h>

static struct parallel_pool *pools;

/* ---- fork() --------------------------------------------------------------------------------- */

static void lock_pools(void)
{
	for (struct parallel_pool *each = pools; each; each = each->next)
		each->locked = mt_pool_lock(each->pool);
}

static void unlock_pools(void)
{
	for (struct parallel_pool *each = pools; each; each = each->next) {
		if (each->locked)
			mt_pool_unlock(each->pool);
	}
}

static void renew_pools(void)
{
	unlock_pools();
	for (struct parallel_pool *each = pools; each; each = each->next)
		mt_pool_serial(each->pool);
}

int parallel_watch(struct parallel_pool *pool)
{
	static bool watched;

	if (!watched && pthread_atfork(lock_pools, unlock_pools, renew_pools)) {
		PyErr_NoMemory();
		return -1;
	}
	watched = true;
	pool->next = pools;
	pools = pool;
	return 0;
}

void parallel_forget(struct parallel_pool *pool)
{
	for (struct parallel_pool **at = &pools; *at; at = &(*at)->next) {
		if (*at == pool) {
			*at = pool->next;
			return;
		}
	}
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
