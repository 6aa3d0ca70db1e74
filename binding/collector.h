/* SPDX-License-Identifier: MIT */
/* Garbage collection while a result is made. */
#ifndef SAMARA_COLLECTOR_H
#define SAMARA_COLLECTOR_H

#include "binding.h"

/* A removal makes its result first. If that starts a garbage collection that writes the tree, the
 * removal begins again. To keep this from repeating, further attempts run without the collector:
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
