/* SPDX-License-Identifier: MIT */
/* The write within the leaf at the end of the path, for a plan whose pieces are ready. All nodes of
 * the path are private. */
#ifndef MT_LEAF_H
#define MT_LEAF_H

struct mt_write;

/* Replace the leaf's slots, `size` after it, which that one leaf can hold. Afterwards the path
 * leads to the new slot. */
void mt_leaf_write(struct mt_write *write, unsigned size);

/* The parts of it that a write over two leaves needs too. */
/* Account for the slots of the leaf that go, and for the new ones in their place. */
void mt_leaf_count(const struct mt_write *write);
/* Remember the values that go; plain numbers need no release. */
void mt_leaf_drop(const struct mt_write *write);

#endif /* MT_LEAF_H */
