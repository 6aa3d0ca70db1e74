/* SPDX-License-Identifier: MIT */
/* Look-ups by the thousand, in an order of the tree's choosing. */
#ifndef MT_BATCH_PARTITION_H
#define MT_BATCH_PARTITION_H

#include "search.h"

/* So many keys at a time are sorted by part; so many are answered before the answers are used. */
#define MT_PARTITION_MAX_KEYS ((size_t)1 << 20)
#define MT_BATCH_KEYS ((size_t)1 << 14)

/* Whether so many keys, in no order, are looked up faster by parts of the tree. */
bool mt_partition_pays(const struct maple_tree *mt, size_t count);
/* mt_load_batch() of them, `found` added up. 0; or -ENOMEM, and nothing done. */
int mt_load_partitioned(const struct maple_tree *mt, const uint64_t *keys, size_t count,
			uint64_t absent, uint64_t *words, uint8_t *present, size_t *found);

#endif /* MT_BATCH_PARTITION_H */
