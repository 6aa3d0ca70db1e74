/* SPDX-License-Identifier: MIT */
/* The write whose slots become too many for its leaf. The plan's pieces are ready, and all nodes of
 * the path are private. Afterwards the path leads to the new slot. */
#ifndef MT_REBALANCE_H
#define MT_REBALANCE_H

struct mt_write;

enum mt_sibling { MT_NO_SIBLING, MT_LEFT_SIBLING, MT_RIGHT_SIBLING };

/* Return which sibling of the leaf has room for a share of `size` slots. */
enum mt_sibling mt_leaf_find_sibling(const struct mt_write *write, unsigned size);
/* Share the slots between the leaf and that sibling. */
void mt_leaf_share(struct mt_write *write, enum mt_sibling sibling);
/* Split the leaf: the same with a new leaf from write->reserve. The parent has room for it. */
void mt_leaf_split(struct mt_write *write);

#endif /* MT_REBALANCE_H */
