/* SPDX-License-Identifier: MIT */
/* Copy-on-write: which nodes of a path are private, and how the others become private. */
#ifndef MT_COW_H
#define MT_COW_H

#include "pool.h"

struct mt_write;

/* How many levels of the cursor's path, from the root down, belong to its tree alone. A node below
 * a shared one is shared, whatever its own count. */
static inline unsigned mas_private_levels(const struct ma_state *mas)
{
	if (!mas->tree->ma_shared)
		return mas->depth;
	for (unsigned i = 0; i < mas->depth; i++)
		if (!mt_node_single(mas->path[i].node))
			return i;
	return mas->depth;
}

static inline bool mas_path_private(const struct ma_state *mas)
{
	return mas_private_levels(mas) == mas->depth;
}

/* Copy the shared nodes of the path (those after the first `levels`) into nodes from the write's
 * reserve. Afterwards the whole path is private. */
void mt_cow_path(struct mt_write *write, unsigned levels);

#endif /* MT_COW_H */
