/* SPDX-License-Identifier: MIT */
/* Gaps: the largest one below each node, and finding one of a size. */
#ifndef MT_GAP_H
#define MT_GAP_H

#include "node.h"

/* The size of the largest gap below a node that covers [min, max]. O(slots). */
uint64_t mt_node_gap(const struct maple_node *node, uint64_t min, uint64_t max);
/* After the node at path[depth - 1] changed: correct the sizes above it. The nodes there are
 * private. */
void mt_gaps_up(struct ma_level *path, unsigned depth);

#endif /* MT_GAP_H */
