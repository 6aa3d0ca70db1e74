/* SPDX-License-Identifier: MIT */
/* The general write, over any number of leaves. */
#ifndef MT_SPLICE_H
#define MT_SPLICE_H

struct mt_write;

/* Carry out a plan whose pieces are ready. Takes nodes only from write->reserve, and so cannot
 * fail. Afterwards the cursor's path is still that of the tree before the write. */
void mt_splice(struct mt_write *write);

#endif /* MT_SPLICE_H */
