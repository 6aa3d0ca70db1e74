/* SPDX-License-Identifier: MIT */
/*
 * Everything that depends on the processor. A node is searched without branches: the slot of a key
 * is the number of pivots below it. The header word and the pivots fill sixteen 64-bit lanes, two
 * cache lines. Lanes that are not pivots are masked out. The best version for the processor is
 * chosen once, when the program starts. The descents are here too, since each version has its
 * search inlined in them.
 */
#ifndef MT_SEARCH_H
#define MT_SEARCH_H

#include "lock.h"
#include "node.h"
#include "sequence.h"

struct mt_search {
	/* The slot whose range holds the key. */
	unsigned (*slot)(const struct maple_node *node, mt_key key);
	/* mtree_load() and mtree_load_word(). */
	void *(*load)(struct maple_tree *mt, mt_key index);
	bool (*load_word)(struct maple_tree *mt, mt_key index, uint64_t *word);
	/* One try of a look-up beside writers: false if the tree has changed. What was read can be
	 * compared again. */
	bool (*load_held)(const struct maple_tree *mt, mt_key key, uint64_t *word, bool *present,
			  struct mt_reading *reading);
	/* Look-ups of MT_GROUP keys side by side. Each starts from a node of its own, all of one
	 * height. So many of the lowest levels are prefetched. Returns how many are present. Changes
	 * `node`. */
	size_t (*load_group)(const struct maple_node **node, uint32_t height, uint32_t prefetched,
			     const mt_key *keys, uint64_t absent, uint64_t *words,
			     uint8_t *present);
	/* The slot of each of MT_GROUP keys at the bottom of a tree of wide nodes. Slots are
	 * counted from the first one of the node at `lowest`: all nodes of that level are adjacent
	 * in memory. */
	void (*part_group)(const struct maple_node *root, uint32_t height,
			   const struct maple_node *lowest, const mt_key *keys, uint16_t *parts);
	/* load_group() for keys that are nearly sorted: along a path that leads to the first of
	 * them, and at the end to the last. */
	size_t (*walk_group)(struct ma_level *path, unsigned depth, const mt_key *keys,
			     uint64_t absent, uint64_t *words, uint8_t *present);
	/* The descent of a look-up, from a root of the given height to the slot of a key in a leaf:
	 * with branches, for keys that follow each other; and without, for any keys. */
	void (*locate)(const struct maple_node *root, uint32_t height, mt_key key,
		       struct ma_level *leaf);
	void (*seek)(const struct maple_node *root, uint32_t height, mt_key key,
		     struct ma_level *leaf);
	/* The same beside writers, as the next leaf of a reading. Reads of it mean nothing until the
	 * reading is found to hold. No node: the tree is empty. False if the tree has changed. */
	bool (*look)(struct mt_reading *reading, mt_key key, struct ma_level *leaf);
	/* Descend from a level of a path, whose node covers the key, to the leaf's level: `depth`
	 * levels in all. */
	void (*descend)(struct ma_level *level, unsigned depth, mt_key key);
	void (*copy)(struct maple_node *to, const struct maple_node *from);
	const char *name;
	unsigned needs; /* a set of enum mt_processor */
};

/* How many of the lowest levels a batch prefetches in a tree of this height; the root's children are
 * not among them. All other nodes are in some cache of the processor's. With keys of 128 bits, a node
 * has twice as many cache lines: there, it is faster to wait for those of the upper nodes. */
static inline uint32_t mt_prefetched_levels(uint32_t height)
{
	if (height < 5)
		return 0;
	return MT_KEY_BITS == 128 ? 1 : 3;
}

enum mt_processor {
	MT_HAS_AVX2 = 1,   /* and popcnt */
	MT_HAS_AVX512 = 2, /* avx512f and avx512vpopcntdq */
};

#define MT_GROUP 32u

extern struct mt_search mt_search __attribute__((visibility("hidden")));

static inline bool mt_level_covers(const struct ma_level *level, mt_key key)
{
	return key - level->min <= level->max - level->min;
}

/* The lowest level of a path that covers the key. The path's leaf does not cover it. */
static inline struct ma_level *mt_level_above(struct ma_level *path, unsigned depth, mt_key key)
{
	struct ma_level *level = &path[depth - 1];

	do {
		assert(level > path); /* the root covers all keys */
	} while (!mt_level_covers(--level, key));
	return level;
}

/* Which of these this processor has. */
unsigned mt_processor(void);
/* Version `number` of those that a processor can run: the portable one is first, the fastest last.
 * NULL past the last. Constant time. */
const struct mt_search *mt_search_version(unsigned number, unsigned processor);

#endif /* MT_SEARCH_H */
