/* SPDX-License-Identifier: MIT */
/* The general write, over any number of leaves. */
#ifndef MT_SPLICE_H
#define MT_SPLICE_H

struct mt_write;

/* For a plan whose pieces are ready. Takes nodes from write->reserve alone, and so cannot fail. The
 * cursor's path is that of the tree as it was afterwards. */
void mt_splice(struct mt_write *write);

#endif /* MT_SPLICE_H */
