/* SPDX-License-Identifier: MIT */
/* Removals and allocations make their result before they write, and begin again if that changed the
 * tree. */
#ifndef SAMARA_ATTEMPT_H
#define SAMARA_ATTEMPT_H

#include "tree_object.h"

#define MOST_ATTEMPTS 100

/* An attempt to make a result. It can start a garbage collection, which can write the tree. To keep
 * this from repeating, further attempts run without the collector. Keys of a KeyType can be made by
 * code that writes the tree each time. */
struct attempt {
	int number; /* starts at 0 */
	int paused;
	uint64_t generation;
};

/* Before the result is made, after tree_enter(). */
static inline void attempt_begin(struct attempt *attempt, const struct tree_object *tree)
{
	attempt->generation = tree->mt.ma_generation;
#ifdef SAMARA_NO_GIL
	attempt->number++; /* there, no allocation starts a collection */
#else
	attempt->paused = attempt->number++ ? PyGC_Disable() : 0;
#endif
}

/* After it. 1; 0 if the tree has been written or locked meanwhile: begin again; -1 with RuntimeError if
 * that has been done too often, or with the exception if there is no result. Unless it is 1, the
 * result is dropped, and becomes NULL. */
static inline int attempt_end(struct attempt *attempt, const struct tree_object *tree,
			      PyObject **result)
{
	if (attempt->paused)
		PyGC_Enable();
	if (!*result)
		return -1;
	if (tree->mt.ma_generation == attempt->generation && !lock_blocks(tree->lock))
		return 1;
	Py_CLEAR(*result);
	if (attempt->number < MOST_ATTEMPTS)
		return 0;
	PyErr_SetString(PyExc_RuntimeError, "the tree was changed each time its keys were made");
	return -1;
}

#endif /* SAMARA_ATTEMPT_H */
