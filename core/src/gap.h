/* SPDX-License-Identifier: MIT */
/* Gaps: the largest one below each node, and the search for one of a given size. */
#ifndef MT_GAP_H
#define MT_GAP_H

#include "node.h"

/* The size of the largest gap below a node that covers [min, max]. O(slots). */
mt_key mt_node_gap(const struct maple_node *node, mt_key min, mt_key max);
/* The largest gap below the node at path[depth - 1] is now `gap`: correct the sizes above it. The
 * nodes there are private. O(h), but for most writes it ends at once. */
void mt_gap_propagate(struct ma_level *path, unsigned depth, mt_key gap);

/* Bring a cursor to the lowest / highest free `size` keys of [min, max], its path to the gap around
 * them. Returns 0. -EINVAL changes nothing; -EBUSY sets ma_error. */
int mt_cursor_area(struct ma_state *mas, mt_key min, mt_key max, mt_key size, bool reverse);
/* The same for the one key that a cyclic allocation takes. Returns 1 if the search wrapped. */
int mt_cyclic_area(struct ma_state *mas, mt_key low, mt_key high, mt_key next);
/* That key has been stored: set *next, and return what the allocation returns. Its `wrapped` is what
 * mt_cyclic_area() returned. */
int mt_cyclic_taken(struct maple_tree *mt, mt_key key, int wrapped, mt_key *next);

/* Whether a gap within [min, max] is so large that no other one there can be larger. This holds at
 * each level for the gap after the last entry of a growing tree. */
static inline bool mt_gap_dominates(mt_key gap, mt_key min, mt_key max)
{
	return gap > max - min - gap;
}

#endif /* MT_GAP_H */
