/* SPDX-License-Identifier: MIT */
/*
 * Many look-ups at once. A single descent waits for memory at each level; a group of keys going
 * down side by side, each child's cache lines asked for one level ahead, waits for all of them
 * together.
 */
#include "search.h"

#define MT_GROUP 16

static size_t load_group(const struct maple_tree *mt, const uint64_t *keys, size_t count,
			 uint64_t *words, uint8_t *present)
{
	const struct maple_node *node[MT_GROUP];
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		node[i] = mt->ma_root;
	for (uint32_t height = mt_tree_height(mt); height > 1; height--) {
		for (size_t i = 0; i < count; i++) {
			node[i] = mt_child(node[i], mt_search.slot(node[i], keys[i]));
			mt_prefetch_node(node[i]);
		}
	}
	for (size_t i = 0; i < count; i++) {
		unsigned slot = mt_search.slot(node[i], keys[i]);

		present[i] = mt_slot_present(node[i], slot);
		words[i] = present[i] ? node[i]->wide.slot[slot] : 0;
		found += present[i];
	}
	return found;
}

size_t mt_load_batch(const struct maple_tree *mt, const uint64_t *keys, size_t count,
		     uint64_t *words, uint8_t *present)
{
	size_t found = 0;

	if (!mt->ma_root) {
		memset(words, 0, count * sizeof(*words));
		memset(present, 0, count);
		return 0;
	}
	for (size_t i = 0; i < count; i += MT_GROUP) {
		size_t group = count - i < MT_GROUP ? count - i : MT_GROUP;

		found += load_group(mt, keys + i, group, words + i, present + i);
	}
	return found;
}
