/* SPDX-License-Identifier: MIT */
/*
 * The maple tree as code for the kernel calls it. Include this in place of <linux/maple_tree.h>.
 *
 * Macros give the functions of maple_tree.h the kernel's parameters and return values:
 *   - allocation flags are accepted and ignored: memory comes from the tree's pool;
 *   - mtree_erase(), mas_erase() and mas_store() return an entry instead of a status.
 *
 * The return values of the last three cannot tell a failed call from an empty range. After
 * mas_erase() and mas_store(), mas_is_err() can. To tell after mtree_erase(), use
 * (mtree_erase)(mt, index, &erased), which is the function of maple_tree.h.
 *
 * Keys are uint64_t. Code that passes the address of an unsigned long needs a system on which the
 * two are the same type, such as 64-bit Linux.
 *
 * "What differs" in maple_tree.h has the other differences.
 */
#ifndef MAPLE_TREE_GFP_H
#define MAPLE_TREE_GFP_H

#include "maple_tree.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- allocation flags: ignored -------------------------------------------------------------- */

#ifndef GFP_KERNEL
typedef unsigned int gfp_t;
#define GFP_KERNEL 0u
#define GFP_KERNEL_ACCOUNT 0u
#define GFP_ATOMIC 0u
#define GFP_NOWAIT 0u
#define GFP_NOFS 0u
#define GFP_NOIO 0u
#define __GFP_NOFAIL 0u
#define __GFP_NOWARN 0u
#define __GFP_ZERO 0u
#endif

/* ---- functions that return an entry --------------------------------------------------------- */

static inline void *mt_gfp_erase(struct maple_tree *mt, uint64_t index)
{
	void *erased = NULL;

	return mtree_erase(mt, index, &erased) ? NULL : erased;
}

static inline void *mas_gfp_erase(struct ma_state *mas)
{
	void *erased = NULL;

	return mas_erase(mas, &erased) ? NULL : erased;
}

/* Returns the first entry of [index, last] before the store. */
static inline void *mas_gfp_store(struct ma_state *mas, void *entry)
{
	struct ma_state before;
	void *first;

	mas_init(&before, mas->tree, mas->index);
	first = mas_find(&before, mas->last);
	return mas_store(mas, entry) ? NULL : first;
}

#define mtree_erase(mt, index) mt_gfp_erase((mt), (index))
#define mas_erase(mas) mas_gfp_erase(mas)
#define mas_store(mas, entry) mas_gfp_store((mas), (entry))

/* ---- the normal interface ------------------------------------------------------------------- */

#define mtree_store(mt, index, entry, gfp) ((void)(gfp), (mtree_store)((mt), (index), (entry)))
#define mtree_store_range(mt, first, last, entry, gfp)                                             \
	((void)(gfp), (mtree_store_range)((mt), (first), (last), (entry)))
#define mtree_insert(mt, index, entry, gfp) ((void)(gfp), (mtree_insert)((mt), (index), (entry)))
#define mtree_insert_range(mt, first, last, entry, gfp)                                            \
	((void)(gfp), (mtree_insert_range)((mt), (first), (last), (entry)))
#define mtree_alloc_range(mt, start, entry, size, min, max, gfp)                                   \
	((void)(gfp), (mtree_alloc_range)((mt), (start), (entry), (size), (min), (max)))
#define mtree_alloc_rrange(mt, start, entry, size, min, max, gfp)                                  \
	((void)(gfp), (mtree_alloc_rrange)((mt), (start), (entry), (size), (min), (max)))
#define mtree_alloc_cyclic(mt, start, entry, low, high, next, gfp)                                 \
	((void)(gfp), (mtree_alloc_cyclic)((mt), (start), (entry), (low), (high), (next)))
#define mtree_dup(mt, new_tree, gfp) ((void)(gfp), (mtree_dup)((mt), (new_tree)))
#define __mt_dup(mt, new_tree, gfp) ((void)(gfp), (__mt_dup)((mt), (new_tree)))

/* ---- the advanced interface ----------------------------------------------------------------- */

#define mas_store_gfp(mas, entry, gfp) ((void)(gfp), (mas_store)((mas), (entry)))
#define mas_preallocate(mas, entry, gfp) ((void)(gfp), (mas_preallocate)((mas), (entry)))
#define mas_alloc_cyclic(mas, start, entry, low, high, next, gfp)                                  \
	((void)(gfp), (mas_alloc_cyclic)((mas), (start), (entry), (low), (high), (next)))
/* Whether to try again after taking memory: never, since a call has done so by itself. */
#define mas_nomem(mas, gfp) ((void)(gfp), (void)(mas), false)

#ifdef __cplusplus
}
#endif

#endif /* MAPLE_TREE_GFP_H */
