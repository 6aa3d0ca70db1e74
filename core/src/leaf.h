/* SPDX-License-Identifier: MIT */
/* The write within the leaf at the end of the path. The plan's pieces are ready, and all nodes of
 * the path are private. */
#ifndef MT_LEAF_H
#define MT_LEAF_H

struct mt_write;

/* Replace the leaf's slots. Afterwards there are `size`, and this one leaf can hold them. The path
 * then leads to the new slot. */
void mt_leaf_write(struct mt_write *write, unsigned size);

/* The parts of it that a write over two leaves also needs. */
/* Account for the slots of the leaf that are dropped, and for the new ones in their place. */
void mt_leaf_count(const struct mt_write *write);
/* Remember the values that are dropped. Plain numbers need no release. */
void mt_leaf_drop(const struct mt_write *write);

#endif /* MT_LEAF_H */
