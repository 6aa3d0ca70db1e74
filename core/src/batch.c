/* SPDX-License-Identifier: MIT */
/*
 * Many look-ups at once. A single descent waits for memory at each level; a group of keys going
 * down side by side, each child's cache lines asked for one level ahead, waits for all of them
 * together.
 */
#include "search.h"

/* Fewer keys than a group: the last one stands in for those that are missing. */
static size_t load_rest(const struct maple_tree *mt, const uint64_t *keys, size_t count,
			uint64_t *words, uint8_t *present)
{
	uint64_t padded[MT_GROUP];
	uint64_t group_words[MT_GROUP];
	uint8_t group_present[MT_GROUP];
	size_t found = 0;

	for (size_t i = 0; i < MT_GROUP; i++)
		padded[i] = keys[i < count ? i : count - 1];
	mt_search.load_group(mt->ma_root, mt_tree_height(mt), padded, group_words, group_present);
	for (size_t i = 0; i < count; i++) {
		words[i] = group_words[i];
		present[i] = group_present[i];
		found += present[i];
	}
	return found;
}

size_t mt_load_batch(const struct maple_tree *mt, const uint64_t *keys, size_t count,
		     uint64_t *words, uint8_t *present)
{
	uint32_t height = mt_tree_height(mt);
	size_t found = 0;
	size_t at;

	if (!mt->ma_root) {
		memset(words, 0, count * sizeof(*words));
		memset(present, 0, count);
		return 0;
	}
	for (at = 0; count - at >= MT_GROUP; at += MT_GROUP)
		found += mt_search.load_group(mt->ma_root, height, keys + at, words + at,
					      present + at);
	if (at < count)
		found += load_rest(mt, keys + at, count - at, words + at, present + at);
	return found;
}
