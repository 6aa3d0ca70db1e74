/* SPDX-License-Identifier: MIT */
/* The steps of a cursor that other parts of the core use. None takes a lock. */
#ifndef MT_WALK_H
#define MT_WALK_H

#include "node.h"
#include "search.h"

/* The leaf's level of a cursor that has a path. */
static inline struct ma_level *mas_leaf(struct ma_state *mas)
{
	return &mas->path[mas->depth - 1];
}

/* Whether the path leads through the tree as it is now. */
static inline bool mas_has_path(const struct ma_state *mas)
{
	return mas->generation == mas->tree->ma_generation;
}

/* The path is no longer valid: the next step walks again, from index. */
static inline void mas_drop_path(struct ma_state *mas)
{
	mas->generation = 0; /* no tree's */
}

/* Walk from the root to the slot of `index`. An empty tree gives a path of depth 0. */
void mas_descend(struct ma_state *mas, mt_key index);
/* The same, but from the leaf where a valid path ends if that covers the key. */
void mas_path_to(struct ma_state *mas, mt_key index);
/* Set index, last, word, present and status to those of the slot where the path ends. */
void mas_read_slot(struct ma_state *mas);
/* Move the path to the next slot. There must be one. */
void mas_path_next(struct ma_state *mas);

/* 0 if [index, last] has no value; -EEXIST, with the cursor on the first one there; -EINVAL if
 * index > last. */
int mas_expect_free(struct ma_state *mas);

#endif /* MT_WALK_H */
