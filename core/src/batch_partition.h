/* SPDX-License-Identifier: MIT */
/* Look-ups of thousands of keys, in an order that the tree chooses. */
#ifndef MT_BATCH_PARTITION_H
#define MT_BATCH_PARTITION_H

#include "search.h"

/* The most keys that are sorted by part at a time. Their results are used after all are looked
 * up. */
#define MT_PARTITION_MAX_KEYS ((size_t)1 << 20)
/* The most keys of a smaller tree: so few that a caller can convert them in the first cache. */
#define MT_BATCH_KEYS ((size_t)1 << 11)

/* Whether this many keys, unsorted, are looked up faster by parts of the tree. */
bool mt_partition_pays(const struct maple_tree *mt, size_t count);
/* mt_load_batch() for these keys; adds to `found`. Returns 0, or -ENOMEM without having done
 * anything. */
int mt_load_partitioned(const struct maple_tree *mt, const mt_key *keys, size_t count,
			uint64_t absent, uint64_t *words, uint8_t *present, size_t *found);

#endif /* MT_BATCH_PARTITION_H */
