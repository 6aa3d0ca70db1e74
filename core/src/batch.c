/* SPDX-License-Identifier: MIT */
/*
 * Many look-ups at once. A single descent waits for memory at each level. A group of keys descends
 * side by side, and each child's cache lines are prefetched one level ahead, so the group waits
 * only once per level. Keys that are nearly sorted and close together need no descents: the path
 * walks to them from leaf to leaf. Each group decides for itself.
 *
 * Owns nothing, and writes only the caller's arrays. Public: mt_load_batch() and
 * mtree_load_batch().
 */
#include "batch_partition.h"

#define SAMPLES 16u
/* A node with so few pivots is searched with a comparison for each. */
#define FEW_PIVOTS 2u

/* The root's child for each key of a group. */
static void step_from_root(const struct maple_node *root, const mt_key *keys,
			   const struct maple_node **node)
{
	unsigned pivots = root->count - 1u;

	for (unsigned i = 0; i < MT_GROUP; i++) {
		unsigned slot = 0;

		for (unsigned pivot = 0; pivot < pivots; pivot++)
			slot += root->pivot[pivot] < keys[i];
		node[i] = mt_child(root, slot);
	}
}

static size_t load_group(const struct maple_tree *mt, const mt_key *keys, uint64_t absent,
			 uint64_t *words, uint8_t *present)
{
	const struct maple_node *node[MT_GROUP];
	uint32_t height = mt_tree_height(mt);
	uint32_t prefetched = mt_prefetched_levels(height);

	if (height > 1 && mt->ma_root->count <= FEW_PIVOTS + 1) {
		step_from_root(mt->ma_root, keys, node);
		height--;
	} else {
		for (unsigned i = 0; i < MT_GROUP; i++)
			node[i] = mt->ma_root;
	}
	return mt_search.load_group(node, height, prefetched, keys, absent, words, present);
}

/* Fewer keys than a group: the last key fills the group up. */
static size_t load_rest(const struct maple_tree *mt, const mt_key *keys, size_t count,
			uint64_t absent, uint64_t *words, uint8_t *present)
{
	mt_key padded[MT_GROUP];
	uint64_t group_words[MT_GROUP];
	uint8_t group_present[MT_GROUP];
	size_t found = 0;

	for (size_t i = 0; i < MT_GROUP; i++)
		padded[i] = keys[i < count ? i : count - 1];
	load_group(mt, padded, absent, group_words, group_present);
	for (size_t i = 0; i < count; i++) {
		words[i] = group_words[i];
		present[i] = group_present[i];
		found += present[i];
	}
	return found;
}

static bool nearly_sorted(const mt_key *keys)
{
	unsigned falls = 0;

	for (unsigned i = 1; i < MT_GROUP; i++)
		falls += keys[i] < keys[i - 1];
	return falls <= MT_GROUP / 8;
}

/* Bring the path to the first key. Returns whether the last key is so near that walking pays. */
static bool walk_to_group(struct ma_level *path, unsigned depth, const mt_key *keys)
{
	struct ma_level *leaf = &path[depth - 1];
	const struct ma_level *parent = depth > 1 ? leaf - 1 : leaf;

	if (mt_level_covers(leaf, keys[0])) {
		leaf->slot = mt_search.slot(leaf->node, keys[0]);
	} else {
		struct ma_level *level = mt_level_above(path, depth, keys[0]);

		mt_search.descend(level, depth - (unsigned)(level - path), keys[0]);
	}
	return keys[MT_GROUP - 1] - keys[0] <= parent->max - parent->min;
}

/* Whether most of the keys are in order, judged by a sample of the groups. */
static bool mostly_sorted(const mt_key *keys, size_t count)
{
	unsigned sorted = 0;

	for (size_t i = 0; i < SAMPLES; i++)
		sorted += nearly_sorted(keys + count / SAMPLES * i);
	return sorted > SAMPLES / 2;
}

/* Look up by parts as many of the keys as pays. Returns how many. */
static size_t load_parts(const struct maple_tree *mt, const mt_key *keys, size_t count,
			 uint64_t absent, uint64_t *words, uint8_t *present, size_t *found)
{
	size_t at = 0;

	for (;;) {
		size_t some = count - at < MT_PARTITION_MAX_KEYS
				      ? (count - at) / MT_GROUP * MT_GROUP
				      : MT_PARTITION_MAX_KEYS;

		if (some < SAMPLES * MT_GROUP || !mt_partition_pays(mt, some) ||
		    mostly_sorted(keys + at, some) ||
		    mt_load_partitioned(mt, keys + at, some, absent, words + at, present + at,
					found))
			return at;
		at += some;
	}
}

size_t mt_load_batch(const struct maple_tree *mt, const mt_key *keys, size_t count, uint64_t absent,
		     uint64_t *words, uint8_t *present)
{
	struct ma_level path[MT_MAX_HEIGHT];
	uint32_t height = mt_tree_height(mt);
	bool has_path = false;
	size_t found = 0;
	size_t at;

	if (!mt->ma_root) {
		for (at = 0; at < count; at++)
			words[at] = absent;
		memset(present, 0, count);
		return 0;
	}
	at = load_parts(mt, keys, count, absent, words, present, &found);
	for (; count - at >= MT_GROUP; at += MT_GROUP) {
		if (nearly_sorted(keys + at)) {
			if (!has_path) {
				path[0] = (struct ma_level){mt->ma_root, 0, MT_KEY_MAX, 0};
				mt_search.descend(path, height, keys[at]);
				has_path = true;
			}
			if (walk_to_group(path, height, keys + at)) {
				found += mt_search.walk_group(path, height, keys + at, absent,
							      words + at, present + at);
				continue;
			}
		}
		found += load_group(mt, keys + at, absent, words + at, present + at);
	}
	if (at < count)
		found += load_rest(mt, keys + at, count - at, absent, words + at, present + at);
	return found;
}

size_t mtree_load_batch(struct maple_tree *mt, const mt_key *keys, size_t count, uint64_t absent,
			uint64_t *words, uint8_t *present)
{
	size_t found = 0;

	if (mt_reads_alone(mt))
		return mt_load_batch(mt, keys, count, absent, words, present);
	for (size_t i = 0; i < count; i++) {
		uint64_t word;

		present[i] = mt_search.load_word(mt, keys[i], &word);
		words[i] = present[i] ? word : absent;
		found += present[i];
	}
	return found;
}
