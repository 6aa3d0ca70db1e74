/* SPDX-License-Identifier: MIT */
/* Garbage collection while a result is made. */
#ifndef SAMARA_COLLECTOR_H
#define SAMARA_COLLECTOR_H

#include "binding.h"

/* A removal makes its result first, and begins again where a collection that this started has
 * written the tree. Lest each does, the next attempts go without the collector:
 * collector_pause(attempt > 0) ... collector_resume(). */
static inline int collector_pause(bool pause)
{
	return pause ? PyGC_Disable() : 0;
}

static inline void collector_resume(int paused)
{
	if (paused)
		PyGC_Enable();
}

#endif /* SAMARA_COLLECTOR_H */
