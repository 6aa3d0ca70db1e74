/* SPDX-License-Identifier: MIT */
/*
 * The descents of one version of the search. search.c includes this file once for each version,
 * after it has defined
 *
 *   MT_VERSION      the version's name
 *   MT_TARGET       the attribute that lets the compiler use its instructions, or nothing
 *   MT_PREFETCH     which part of a child to prefetch before it is searched: a function
 *   wide_VERSION(), narrow_VERSION()
 *                   its count of pivots, for leaves and wide nodes and for narrow ones, with the
 *                   result as soon as possible: for a caller that waits for it
 *   compact_wide_VERSION(), compact_narrow_VERSION()
 *                   the same in as few instructions as possible: for groups of keys, and for
 *                   mtree_load() beside writers, whose callers in C look up one key after the other
 *
 * No include guard, on purpose. A leaf's slots are prefetched before its pivots are searched: the
 * leaves of a large tree are in no cache, so both are loaded in one wait.
 */
#define MT_JOIN_NAMES(left, right) left##_##right
#define MT_JOIN(left, right) MT_JOIN_NAMES(left, right)
#define MT_NAMED(name) MT_JOIN(name, MT_VERSION)

MT_TARGET MT_INLINE unsigned MT_NAMED(any)(const struct maple_node *node, mt_key key)
{
	return node->kind == MT_NARROW ? MT_NAMED(narrow)(node, key) : MT_NAMED(wide)(node, key);
}

MT_TARGET static unsigned MT_NAMED(slot)(const struct maple_node *node, mt_key key)
{
	return MT_NAMED(any)(node, key);
}

/* One level down a look-up. `below` is whether the child is narrow too. */
MT_TARGET MT_INLINE const struct maple_node *MT_NAMED(down)(const struct maple_node *node,
							    mt_key key, bool narrow, bool below)
{
	const uint64_t *slots = narrow ? node->narrow.slot : node->wide.slot;

	node = as_node(slots[narrow ? MT_NAMED(narrow)(node, key) : MT_NAMED(wide)(node, key)]);
	MT_PREFETCH(node, below);
	return node;
}

/* The leaf of a key. The height is in its place in the tree's flags. The lowest levels are not a
 * loop: in a small tree that is faster. */
MT_TARGET MT_INLINE const struct maple_node *
MT_NAMED(leaf)(const struct maple_node *node, uint32_t height, mt_key key, bool narrow)
{
	for (; height > HEIGHT(3); height -= HEIGHT(1))
		node = MT_NAMED(down)(node, key, narrow, narrow);
	if (height > HEIGHT(2))
		node = MT_NAMED(down)(node, key, narrow, narrow);
	if (height > HEIGHT(1))
		node = MT_NAMED(down)(node, key, narrow, false);
	return node;
}

/* The place of a key's slot; NULL in an empty tree. */
MT_TARGET MT_INLINE const uint64_t *MT_NAMED(place)(const struct maple_tree *mt, mt_key key)
{
	uint32_t height = mt_flags(mt) & MT_FLAGS_HEIGHT_MASK;
	const struct maple_node *node = mt->ma_root;

	if (!node)
		return NULL;
	if (node->kind == MT_NARROW)
		node = MT_NAMED(leaf)(node, height, key, true);
	else
		node = MT_NAMED(leaf)(node, height, key, false);
	return &node->wide.slot[MT_NAMED(wide)(node, key)];
}

/* ---- beside writers ---- */

MT_TARGET MT_RACY MT_INLINE unsigned MT_NAMED(racy_slot)(const struct maple_node *node, mt_key key,
							 bool narrow, bool compact)
{
	if (narrow)
		return compact ? RACY_COMPACT_NARROW(node, key) : RACY_NARROW(node, key);
	return compact ? RACY_COMPACT_WIDE(node, key) : RACY_WIDE(node, key);
}

/* One level down. False if the tree has changed: a pointer is followed only if it has not. */
MT_TARGET MT_RACY MT_INLINE bool MT_NAMED(down_beside)(const struct maple_tree *mt,
						       uint32_t sequence,
						       const struct maple_node **node, mt_key key,
						       bool narrow, bool below, bool compact)
{
	const uint64_t *slots = narrow ? (*node)->narrow.slot : (*node)->wide.slot;
	unsigned slot = MT_NAMED(racy_slot)(*node, key, narrow, compact);

	*node = as_node(RACY_WORD(slots + slot));
	MT_PREFETCH(*node, below);
	return !mt_sequence_moved(mt, sequence);
}

/* The leaf of a key. The lowest levels are not a loop, as above. */
MT_TARGET MT_RACY MT_INLINE bool MT_NAMED(leaf_beside)(const struct maple_tree *mt,
						       uint32_t sequence,
						       const struct maple_node **node,
						       uint32_t height, mt_key key, bool narrow,
						       bool compact)
{
	for (; height > HEIGHT(3); height -= HEIGHT(1))
		if (!MT_NAMED(down_beside)(mt, sequence, node, key, narrow, narrow, compact))
			return false;
	if (height > HEIGHT(2) &&
	    !MT_NAMED(down_beside)(mt, sequence, node, key, narrow, narrow, compact))
		return false;
	return height <= HEIGHT(1) ||
	       MT_NAMED(down_beside)(mt, sequence, node, key, narrow, false, compact);
}

/* One try of a look-up. False if the tree has changed. The root and the height are not compared at
 * once: a root can always be read, and its child is followed only if both are of one moment. `reading`
 * (may be NULL) becomes one that can be compared again. `compact`: with the counts of that name. */
MT_TARGET MT_RACY MT_INLINE bool MT_NAMED(try_load)(const struct maple_tree *mt, mt_key key,
						    bool compact, uint64_t *word, bool *present,
						    struct mt_reading *reading)
{
	uint32_t sequence = mt_sequence(mt);
	const struct maple_node *node = mt_root(mt);
	uint32_t flags = mt_flags(mt);
	uint32_t height = flags & MT_FLAGS_HEIGHT_MASK;
	mt_version version;
	unsigned slot;

	*present = false;
	if (reading) {
		reading->mt = mt;
		reading->sequence = sequence;
		reading->leaves = 0;
	}
	if (!node)
		return !mt_sequence_moved(mt, sequence);
	if (flags & MT_FLAGS_ALLOC_RANGE) {
		if (!MT_NAMED(leaf_beside)(mt, sequence, &node, height, key, true, compact))
			return false;
	} else {
		if (!MT_NAMED(leaf_beside)(mt, sequence, &node, height, key, false, compact))
			return false;
	}
	version = mt_leaf_version(node);
	if (reading) {
		reading->leaf[0] = node;
		reading->version[0] = version;
		reading->leaves = 1;
	}
	slot = MT_NAMED(racy_slot)(node, key, false, compact);
	*word = RACY_WORD(node->wide.slot + slot);
	*present = RACY_PRESENT(node) >> slot & 1u;
	return !mt_leaf_moved(node, version) && !mt_sequence_moved(mt, sequence);
}

MT_TARGET MT_RACY static bool MT_NAMED(look)(struct mt_reading *reading, mt_key key,
					     struct ma_level *leaf)
{
	const struct maple_tree *mt = reading->mt;
	const struct maple_node *node = mt_root(mt);
	uint32_t flags = mt_flags(mt);
	uint32_t height = flags & MT_FLAGS_HEIGHT_MASK;
	bool narrow = flags & MT_FLAGS_ALLOC_RANGE;
	mt_key min = 0;
	mt_key max = MT_KEY_MAX;

	leaf->node = NULL;
	if (!node)
		return true;
	for (; height > HEIGHT(1); height -= HEIGHT(1)) {
		unsigned slot = MT_NAMED(racy_slot)(node, key, narrow, false);
		const uint64_t *slots = narrow ? node->narrow.slot : node->wide.slot;

		min = slot ? RACY_LANE(node, slot) + 1 : min;
		max = slot + 1u < RACY_COUNT(node) ? RACY_LANE(node, slot + 1) : max;
		node = as_node(RACY_WORD(slots + slot));
		if (mt_sequence_moved(mt, reading->sequence))
			return false;
	}
	reading->leaf[reading->leaves] = node;
	reading->version[reading->leaves++] = mt_leaf_version(node);
#ifdef MT_RACES
	mt_get_bytes(&reading->copy, node, sizeof(*node));
	node = &reading->copy;
#endif
	leaf->node = (struct maple_node *)node;
	leaf->min = min;
	leaf->max = max;
	leaf->slot = MT_NAMED(wide)(node, key);
	return true;
}

MT_TARGET MT_RACY static bool MT_NAMED(load_held)(const struct maple_tree *mt, mt_key key,
						  uint64_t *word, bool *present,
						  struct mt_reading *reading)
{
	return MT_NAMED(try_load)(mt, key, false, word, present, reading);
}

/* All tries but the first. Kept apart, as is the first: a look-up does not pay for what it does not
 * need. */
MT_TARGET MT_RACY static MT_APART void *MT_NAMED(load_again)(const struct maple_tree *mt,
							     mt_key index)
{
	bool present;

	for (unsigned tries = 0;; tries++) {
		uint64_t word = 0; /* for a gap, and in an empty tree */

		mt_read_wait(tries);
		if (MT_NAMED(try_load)(mt, index, true, &word, &present, NULL))
			return (void *)(uintptr_t)word;
	}
}

MT_TARGET MT_RACY static MT_APART void *MT_NAMED(load_beside)(const struct maple_tree *mt,
							      mt_key index)
{
	uint64_t word = 0;
	bool present;

	if (__builtin_expect(MT_NAMED(try_load)(mt, index, true, &word, &present, NULL), 1))
		return (void *)(uintptr_t)word;
	return MT_NAMED(load_again)(mt, index);
}

MT_TARGET MT_RACY static MT_APART bool MT_NAMED(load_word_again)(const struct maple_tree *mt,
								 mt_key index, uint64_t *word)
{
	unsigned tries = 0;
	bool present;

	do {
		mt_read_wait(tries++);
	} while (!MT_NAMED(try_load)(mt, index, false, word, &present, NULL));
	return present;
}

MT_TARGET MT_RACY static MT_APART bool MT_NAMED(load_word_beside)(const struct maple_tree *mt,
								  mt_key index, uint64_t *word)
{
	bool present;

	if (__builtin_expect(MT_NAMED(try_load)(mt, index, false, word, &present, NULL), 1))
		return present;
	return MT_NAMED(load_word_again)(mt, index, word);
}

/* ---- look-ups ---- */

MT_TARGET static void *MT_NAMED(load)(struct maple_tree *mt, mt_key index)
{
	const uint64_t *place;

	if (!mt_reads_alone(mt))
		return MT_NAMED(load_beside)(mt, index);
	place = MT_NAMED(place)(mt, index);
	return place ? (void *)(uintptr_t)*place : NULL; /* 0 for a gap */
}

MT_TARGET static bool MT_NAMED(load_word)(struct maple_tree *mt, mt_key index, uint64_t *word)
{
	const uint64_t *place;

	if (!mt_reads_alone(mt))
		return MT_NAMED(load_word_beside)(mt, index, word);
	place = MT_NAMED(place)(mt, index);
	if (!place)
		return false;
	*word = *place; /* no branch on whether there is a value: that is unpredictable */
	return mt_place_present(place);
}

MT_TARGET static void MT_NAMED(locate)(const struct maple_node *node, uint32_t height, mt_key key,
				       struct ma_level *leaf)
{
	mt_key min = 0;
	mt_key max = MT_KEY_MAX;

	while (--height) {
		unsigned slot = scan_pivots(node, key);

		min = slot ? node->pivot[slot - 1] + 1 : min;
		max = slot + 1u < node->count ? node->pivot[slot] : max;
		node = mt_child(node, slot);
	}
	leaf->node = (struct maple_node *)node;
	leaf->min = min;
	leaf->max = max;
	leaf->slot = MT_NAMED(wide)(node, key);
}

/* Down to the leaf of a key, with the limits of each node. */
MT_TARGET MT_INLINE void MT_NAMED(seek_leaf)(const struct maple_node *node, uint32_t height,
					     mt_key key, struct ma_level *leaf, bool narrow)
{
	mt_key min = 0;
	mt_key max = MT_KEY_MAX;

	for (; height > 1; height--) {
		unsigned slot = narrow ? MT_NAMED(narrow)(node, key) : MT_NAMED(wide)(node, key);

		min = mt_slot_min(node, slot, min);
		max = choose(slot + 1u < node->count, node->lane[slot + 1], max);
		node = as_node(narrow ? node->narrow.slot[slot] : node->wide.slot[slot]);
		MT_PREFETCH(node, false);
	}
	leaf->node = (struct maple_node *)node;
	leaf->min = min;
	leaf->max = max;
	leaf->slot = MT_NAMED(wide)(node, key);
}

MT_TARGET static void MT_NAMED(seek)(const struct maple_node *node, uint32_t height, mt_key key,
				     struct ma_level *leaf)
{
	if (node->kind == MT_NARROW)
		MT_NAMED(seek_leaf)(node, height, key, leaf, true);
	else
		MT_NAMED(seek_leaf)(node, height, key, leaf, false);
}

/* Move all keys of a group down by one level, perhaps to the leaves. If the children may be far away,
 * prefetch them. */
MT_TARGET MT_INLINE void MT_NAMED(step)(const struct maple_node **node, const mt_key *keys,
					bool narrow, bool far, bool leaf)
{
	for (unsigned i = 0; i < MT_GROUP; i++) {
		const uint64_t *slots = narrow ? node[i]->narrow.slot : node[i]->wide.slot;
		unsigned slot = narrow ? MT_NAMED(compact_narrow)(node[i], keys[i])
				       : MT_NAMED(compact_wide)(node[i], keys[i]);

		node[i] = as_node(slots[slot]);
		if (far && leaf)
			prefetch_leaf(node[i]);
		else if (far)
			prefetch_searched(node[i], narrow);
	}
}

/* The results of a group in its leaves. First all slots are found and prefetched. */
MT_TARGET MT_INLINE size_t MT_NAMED(take_slots)(const struct maple_node **leaf, const mt_key *keys,
						uint64_t absent, uint64_t *words, uint8_t *present)
{
	unsigned slot[MT_GROUP];
	size_t found = 0;

	for (unsigned i = 0; i < MT_GROUP; i++) {
		slot[i] = MT_NAMED(compact_wide)(leaf[i], keys[i]);
		__builtin_prefetch(&leaf[i]->wide.slot[slot[i]]);
	}
	for (unsigned i = 0; i < MT_GROUP; i++)
		found += take_slot(leaf[i], slot[i], absent, words + i, present + i);
	return found;
}

MT_TARGET static size_t MT_NAMED(load_group)(const struct maple_node **node, uint32_t height,
					     uint32_t prefetched, const mt_key *keys,
					     uint64_t absent, uint64_t *words, uint8_t *present)
{
	bool narrow = node[0]->kind == MT_NARROW;
	size_t found = 0;

	while (--height) {
		if (height > prefetched)
			narrow ? MT_NAMED(step)(node, keys, true, false, false)
			       : MT_NAMED(step)(node, keys, false, false, false);
		else
			narrow ? MT_NAMED(step)(node, keys, true, true, height == 1)
			       : MT_NAMED(step)(node, keys, false, true, height == 1);
	}
	if (MT_KEY_BITS == 128) {
		found = MT_NAMED(take_slots)(node, keys, absent, words, present);
	} else {
		for (unsigned i = 0; i < MT_GROUP; i++)
			found += take_slot(node[i], MT_NAMED(compact_wide)(node[i], keys[i]),
					   absent, words + i, present + i);
	}
	return found;
}

MT_TARGET static void MT_NAMED(part_group)(const struct maple_node *root, uint32_t height,
					   const struct maple_node *lowest, const mt_key *keys,
					   uint16_t *parts)
{
	const struct maple_node *node[MT_GROUP];

	for (unsigned i = 0; i < MT_GROUP; i++)
		node[i] = root;
	while (--height)
		MT_NAMED(step)(node, keys, false, false, false);
	for (unsigned i = 0; i < MT_GROUP; i++)
		parts[i] = (uint16_t)((size_t)(node[i] - lowest) * MT_WIDE_SLOTS +
				      MT_NAMED(compact_wide)(node[i], keys[i]));
}

/* A level of a path. At the right edge the last slot is tested first, by itself: stores in
 * ascending order all go there, and a vector load of words written just now would have to wait for
 * them. Narrow nodes need no vectors: nine comparisons end before a vector's mask arrives. */
MT_TARGET MT_INLINE unsigned MT_NAMED(set_level)(struct ma_level *level,
						 const struct maple_node *node, mt_key min,
						 mt_key max, mt_key key, bool narrow)
{
	unsigned slot;

	if (max == MT_KEY_MAX && behind_last_pivot(node, key))
		slot = node->count - 1u;
	else
		slot = narrow ? narrow_portable(node, key) : MT_NAMED(wide)(node, key);
	level->node = (struct maple_node *)node;
	level->min = min;
	level->max = max;
	level->slot = slot;
	return slot;
}

MT_TARGET MT_INLINE void MT_NAMED(set_levels)(struct ma_level *level, unsigned depth, mt_key key,
					      bool narrow)
{
	const struct maple_node *node = level->node;
	mt_key min = level->min;
	mt_key max = level->max;

	for (; depth > 1; depth--) {
		unsigned slot = MT_NAMED(set_level)(level++, node, min, max, key, narrow);

		min = mt_slot_min(node, slot, min);
		max = choose(slot + 1u < node->count, node->lane[slot + 1], max);
		node = as_node(narrow ? node->narrow.slot[slot] : node->wide.slot[slot]);
		MT_PREFETCH(node, false);
	}
	MT_NAMED(set_level)(level, node, min, max, key, false);
}

MT_TARGET static void MT_NAMED(descend)(struct ma_level *level, unsigned depth, mt_key key)
{
	if (level->node->kind == MT_NARROW)
		MT_NAMED(set_levels)(level, depth, key, true);
	else
		MT_NAMED(set_levels)(level, depth, key, false);
}

MT_TARGET static size_t MT_NAMED(walk_group)(struct ma_level *path, unsigned depth,
					     const mt_key *keys, uint64_t absent, uint64_t *words,
					     uint8_t *present)
{
	const struct ma_level *leaf = &path[depth - 1];
	size_t found = 0;

	if (all_in_slot(leaf, keys))
		return repeat_slot(leaf->node, leaf->slot, absent, words, present);
	for (unsigned i = 0; i < MT_GROUP; i++) {
		unsigned slot;

		if (mt_level_covers(leaf, keys[i])) {
			slot = MT_NAMED(wide)(leaf->node, keys[i]);
		} else {
			struct ma_level *level = mt_level_above(path, depth, keys[i]);

			MT_NAMED(descend)(level, depth - (unsigned)(level - path), keys[i]);
			slot = leaf->slot;
			if (depth > 1)
				mt_prefetch_ahead(leaf - 1, MT_LEAVES_AHEAD);
		}
		found += take_slot(leaf->node, slot, absent, words + i, present + i);
	}
	return found;
}

#undef MT_NAMED
#undef MT_JOIN
#undef MT_JOIN_NAMES
#undef MT_TARGET
#undef MT_PREFETCH
#undef MT_VERSION
