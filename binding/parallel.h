/* SPDX-License-Identifier: MIT */
/* Work on trees while other threads run. */
#ifndef SAMARA_PARALLEL_H
#define SAMARA_PARALLEL_H

#include "binding.h"

/* For less work than this, releasing the GIL costs more than it gains: keys, or ranges. */
#define FEW 512

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
