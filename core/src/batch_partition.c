/* SPDX-License-Identifier: MIT */
/*
 * Many look-ups in a tree that is larger than the caches. First, all keys are sorted by the part of
 * the tree (some hundred leaves) that they lead to. Then each part's keys are looked up together,
 * while the part is in the cache. So each leaf is read from memory once, whatever the order of the
 * keys.
 *
 *        index     [ . . . ]              wide nodes over the parts, made for this one call: it is
 *                 /    |    \             smaller and lower than the tree above the parts
 *        parts   P0  P1  P2  ...          nodes of one level of the tree
 *
 *        keys    9 2 7 1  ->  [ 2 1 | 7 | 9 ]     by part, each with its place in the result
 *
 * Owns the index and the sorted keys during the call. Only for batch.c, except mt_batch_size(),
 * which is public.
 */
#include "batch_partition.h"

#include <errno.h>
#include <stdlib.h>

/* This many streams of keys are written side by side. */
#define MAX_PARTS 4096u
/* A smaller tree fits into some cache. Also, each leaf should be needed by a few keys. */
#define MIN_ENTRIES 600000u
#define ENTRIES_PER_KEY 4u

struct item {
	mt_key key;
	uint64_t place;
};

struct parts {
	struct maple_node index[2 * MAX_PARTS / MT_WIDE_SLOTS]; /* the lowest level first */
	const struct maple_node *root;                          /* of the index */
	uint32_t index_height;
	uint32_t height; /* of the parts */
	size_t count;
	const struct maple_node *part[MAX_PARTS];
	mt_key last[MAX_PARTS];
	size_t end[MAX_PARTS]; /* in items */
	struct item items[];   /* followed by the part of each key */
};

static bool is_large(const struct maple_tree *mt)
{
	return mt->ma_counted && mt->ma_entries >= MIN_ENTRIES;
}

size_t mt_batch_size(const struct maple_tree *mt)
{
	return is_large(mt) ? MT_PARTITION_MAX_KEYS : MT_BATCH_KEYS;
}

bool mt_partition_pays(const struct maple_tree *mt, size_t count)
{
	return is_large(mt) && count >= mt->ma_entries / ENTRIES_PER_KEY;
}

/* The number of children of the parts; 0 if the parts are leaves, or the children too many. */
static size_t count_children(const struct parts *parts)
{
	size_t count = 0;

	if (parts->height == 1)
		return 0;
	for (size_t i = 0; i < parts->count; i++)
		count += parts->part[i]->count;
	return count <= MAX_PARTS ? count : 0;
}

/* Find the parts: the lowest level with few enough nodes. */
static void find_parts(struct parts *parts, const struct maple_tree *mt)
{
	size_t count;

	parts->part[0] = mt->ma_root;
	parts->last[0] = MT_KEY_MAX;
	parts->count = 1;
	parts->height = mt_tree_height(mt);
	while ((count = count_children(parts))) {
		size_t at = count;

		/* From the end, so that no part is overwritten before its children are listed. */
		for (size_t i = parts->count; i-- > 0;) {
			const struct maple_node *node = parts->part[i];
			mt_key max = parts->last[i];

			for (unsigned slot = node->count; slot-- > 0;) {
				parts->part[--at] = mt_child(node, slot);
				parts->last[at] = mt_slot_max(node, slot, max);
			}
		}
		parts->count = count;
		parts->height--;
	}
}

/* Add one level of the index over `count` last keys, which become the last keys of its own
 * nodes. */
static size_t add_level(struct maple_node *level, const struct maple_node *below, mt_key *last,
			size_t count)
{
	size_t nodes = (count + MT_WIDE_SLOTS - 1) / MT_WIDE_SLOTS;

	for (size_t i = 0; i < nodes; i++) {
		struct maple_node *node = &level[i];
		size_t from = i * MT_WIDE_SLOTS;

		memset(node, 0xff, sizeof(*node));
		node->kind = MT_WIDE;
		node->count =
			(mt_small)(count - from < MT_WIDE_SLOTS ? count - from : MT_WIDE_SLOTS);
		for (unsigned slot = 0; slot + 1u < node->count; slot++)
			node->pivot[slot] = last[from + slot];
		for (unsigned slot = 0; below && slot < node->count; slot++)
			node->wide.slot[slot] = (uint64_t)(uintptr_t)&below[from + slot];
		last[i] = last[from + node->count - 1u];
	}
	return nodes;
}

static void build_index(struct parts *parts)
{
	struct maple_node *level = parts->index;
	const struct maple_node *below = NULL;
	size_t count = parts->count;

	parts->index_height = 0;
	do {
		count = add_level(level, below, parts->last, count);
		below = level;
		level += count;
		parts->index_height++;
	} while (count > 1);
	parts->root = below;
}

/* Put the part of each key into `part_of`, and the keys, sorted by part, into the items. */
static void sort_keys(struct parts *parts, uint16_t *part_of, const mt_key *keys, size_t count)
{
	size_t sum = 0;

	memset(parts->end, 0, parts->count * sizeof(parts->end[0]));
	for (size_t at = 0; at < count; at += MT_GROUP) {
		mt_search.part_group(parts->root, parts->index_height, parts->index, keys + at,
				     part_of + at);
		for (unsigned i = 0; i < MT_GROUP; i++)
			parts->end[part_of[at + i]]++;
	}
	for (size_t part = 0; part < parts->count; part++) {
		size_t keys_here = parts->end[part];

		parts->end[part] = sum; /* its beginning, until its keys are there */
		sum += keys_here;
	}
	for (size_t i = 0; i < count; i++)
		parts->items[parts->end[part_of[i]]++] = (struct item){keys[i], i};
}

static size_t load_sorted(const struct parts *parts, size_t count, uint64_t absent, uint64_t *words,
			  uint8_t *present)
{
	size_t found = 0;
	size_t part = 0;

	for (size_t at = 0; at < count; at += MT_GROUP) {
		const struct item *items = parts->items + at;
		const struct maple_node *node[MT_GROUP];
		mt_key keys[MT_GROUP];
		uint64_t group_words[MT_GROUP];
		uint8_t group_present[MT_GROUP];

		for (unsigned i = 0; i < MT_GROUP; i++) {
			while (at + i == parts->end[part])
				part++;
			keys[i] = items[i].key;
			node[i] = parts->part[part];
			__builtin_prefetch(words + items[i].place, 1);
			__builtin_prefetch(present + items[i].place, 1);
		}
		found += mt_search.load_group(node, parts->height,
					      mt_prefetched_levels(parts->height), keys, absent,
					      group_words, group_present);
		for (unsigned i = 0; i < MT_GROUP; i++) {
			words[items[i].place] = group_words[i];
			present[items[i].place] = group_present[i];
		}
	}
	return found;
}

int mt_load_partitioned(const struct maple_tree *mt, const mt_key *keys, size_t count,
			uint64_t absent, uint64_t *words, uint8_t *present, size_t *found)
{
	size_t bytes = sizeof(struct parts) + count * (sizeof(struct item) + sizeof(uint16_t));
	struct parts *parts = aligned_alloc(64, (bytes + 63) / 64 * 64);

	static_assert(MAX_PARTS <= UINT16_MAX, "a part's number is 16 bits");
	assert(count % MT_GROUP == 0);
	if (!parts)
		return -ENOMEM;
	find_parts(parts, mt);
	build_index(parts);
	sort_keys(parts, (uint16_t *)(parts->items + count), keys, count);
	*found += load_sorted(parts, count, absent, words, present);
	free(parts);
	return 0;
}
