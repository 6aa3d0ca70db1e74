/* SPDX-License-Identifier: MIT */
/*
 * What depends on the processor. Searching a node without branches: the slot of a key is the number
 * of pivots below it. The header word and the pivots fill sixteen 64-bit lanes, two cache lines;
 * lanes that are no pivots are masked out. The best version that the processor has is chosen once,
 * when the program starts. The descents stand here too, since each version has its search inlined
 * in them.
 */
#ifndef MT_SEARCH_H
#define MT_SEARCH_H

#include "node.h"

struct mt_search {
	/* The slot whose range holds the key. */
	unsigned (*slot)(const struct maple_node *node, uint64_t key);
	/* The whole descent of a look-up from a root of the given height (>= 1). */
	bool (*load)(const struct maple_node *root, uint32_t height, uint64_t key, uint64_t *word);
	/* The same for MT_GROUP keys side by side. Returns how many are present. */
	size_t (*load_group)(const struct maple_node *root, uint32_t height, const uint64_t *keys,
			     uint64_t *words, uint8_t *present);
	/* From a level of a path, whose node covers the key, down to that of the leaf: `depth` levels
	 * in all. */
	void (*descend)(struct ma_level *level, unsigned depth, uint64_t key);
	void (*copy)(struct maple_node *to, const struct maple_node *from);
	const char *name;
};

#define MT_GROUP 32u

extern struct mt_search mt_search;

/* Every version that this processor can run, the portable one first; NULL past the last. For tests.
 */
const struct mt_search *mt_search_version(unsigned number);

#endif /* MT_SEARCH_H */
