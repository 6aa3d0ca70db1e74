/* SPDX-License-Identifier: MIT */
/*
 * Checks the invariants of node.h one by one. Reads only. Recursion is as deep as the tree is high.
 * Public: mt_validate(), which debug builds call after each write.
 */
#include "gap.h"
#include "key_text.h"
#include "subtree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct check {
	const struct maple_tree *mt;
	char *reason;
	size_t size;
	uint64_t entries;
	mt_key covered[2];
	bool after_gap; /* the slot before the current one is a gap */
};

__attribute__((format(printf, 4, 5))) static int broken(const struct check *check, mt_key min,
							mt_key max, const char *format, ...)
{
	struct mt_key_text first, last;
	va_list arguments;
	int used;

	if (!check->reason || !check->size)
		return -EINVAL;
	used = snprintf(check->reason, check->size,
			"node [%s, %s]: ", mt_key_text(&first, min, false),
			mt_key_text(&last, max, false));
	if ((size_t)used >= check->size) /* or a negative one */
		return -EINVAL;
	va_start(arguments, format);
	vsnprintf(check->reason + used, check->size - (size_t)used, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int check_limits(const struct check *check, const struct maple_node *node, uint32_t height,
			mt_key min, mt_key max)
{
	enum mt_kind kind = height == 1 ? MT_LEAF : mt_internal_kind(check->mt);
	bool root = node == check->mt->ma_root;
	uint32_t refs = mt_node_count_refs(node);
	unsigned least = mt_min_slots(kind);

	/* First, since a free node may not even be read. */
	if (mt_pool_has_free(mt_pool_of(check->mt), node))
		return broken(check, min, max, "in the tree, but free in its pool");
	if (node->kind != kind)
		return broken(check, min, max, "kind %u where %u belongs", node->kind,
			      (unsigned)kind);
	if (root || max == MT_KEY_MAX)
		least = root && kind != MT_LEAF ? 2 : 1;
	if (node->count < least || node->count > mt_capacity(kind))
		return broken(check, min, max, "%u slots, not %u to %u", node->count, least,
			      mt_capacity(kind));
	if (refs == 0 || (!check->mt->ma_shared && refs != 1))
		return broken(check, min, max, "%" PRIu32 " references", refs);
	if (kind == MT_LEAF ? node->version & 1 : node->version)
		return broken(check, min, max, "version %" PRIu64, (uint64_t)node->version);
	if (node->present & ~mt_slot_mask(0, kind == MT_LEAF ? node->count : 0))
		return broken(check, min, max, "presence bits %#x past its %u slots",
			      (unsigned)node->present, node->count);
	return 0;
}

static int check_pivots(const struct check *check, const struct maple_node *node, mt_key min,
			mt_key max)
{
	unsigned last = node->count - 1u;
	struct mt_key_text number;
	mt_key low = min;

	for (unsigned i = 0; i < last; i++) {
		if (node->pivot[i] < low || node->pivot[i] >= max)
			return broken(check, min, max, "pivot %u, %s, is out of order", i,
				      mt_key_text(&number, node->pivot[i], false));
		low = node->pivot[i] + 1;
	}
	for (unsigned i = last; i < mt_capacity((enum mt_kind)node->kind) - 1; i++)
		if (node->pivot[i] != MT_KEY_MAX)
			return broken(check, min, max, "unused pivot %u is %s", i,
				      mt_key_text(&number, node->pivot[i], false));
	return 0;
}

static int check_leaf(struct check *check, const struct maple_node *node, mt_key min, mt_key max)
{
	for (unsigned i = 0; i < node->count; i++) {
		bool present = mt_slot_present(node, i);

		if (!present && check->after_gap)
			return broken(check, min, max, "slot %u: a gap after a gap", i);
		check->after_gap = !present;
		if (!present && node->wide.slot[i])
			return broken(check, min, max, "slot %u: a gap with a word", i);
		if (!present)
			continue;
		check->entries++;
		mt_covered_add(check->covered, mt_slot_min(node, i, min),
			       mt_slot_max(node, i, max));
	}
	return node->present ? 0 : broken(check, min, max, "a leaf with no value");
}

static int check_subtree(struct check *check, const struct maple_node *node, uint32_t height,
			 mt_key min, mt_key max)
{
	int status = check_limits(check, node, height, min, max);
	struct mt_key_text got, expected;

	if (!status)
		status = check_pivots(check, node, min, max);
	if (status || height == 1)
		return status ? status : check_leaf(check, node, min, max);
	for (unsigned i = 0; i < node->count; i++) {
		const struct maple_node *child = mt_child(node, i);
		mt_key first = mt_slot_min(node, i, min);
		mt_key last = mt_slot_max(node, i, max);

		status = check_subtree(check, child, height - 1, first, last);
		if (status)
			return status;
		if (node->kind == MT_NARROW &&
		    node->narrow.gap[i] != mt_node_gap(child, first, last))
			return broken(
				check, min, max, "gap %u is %s, not %s", i,
				mt_key_text(&got, node->narrow.gap[i], false),
				mt_key_text(&expected, mt_node_gap(child, first, last), false));
	}
	for (unsigned i = node->count; node->kind == MT_NARROW && i < MT_NARROW_SLOTS; i++)
		if (node->narrow.gap[i])
			return broken(check, min, max, "unused gap %u is %s", i,
				      mt_key_text(&got, node->narrow.gap[i], false));
	return 0;
}

int mt_validate(const struct maple_tree *mt, char *reason, size_t size)
{
	struct check check = {.mt = mt, .reason = reason, .size = size};
	uint32_t height = mt_tree_height(mt);
	struct mt_key_text counted, covered;
	int status;

	if (!mt->ma_root || !height || height > MT_MAX_HEIGHT) {
		if (mt->ma_root || height)
			return broken(&check, 0, MT_KEY_MAX,
				      "height %" PRIu32 " does not fit the root", height);
	} else {
		status = check_subtree(&check, mt->ma_root, height, 0, MT_KEY_MAX);
		if (status)
			return status;
	}
	if (mt->ma_busy)
		return broken(&check, 0, MT_KEY_MAX, "a write has not ended");
	if (mt->ma_counted &&
	    (mt->ma_entries != check.entries || mt->ma_covered[0] != check.covered[0] ||
	     mt->ma_covered[1] != check.covered[1]))
		return broken(
			&check, 0, MT_KEY_MAX,
			"counted %" PRIu64 " entries over %u:%s keys, holds %" PRIu64 " over %u:%s",
			mt->ma_entries, (unsigned)mt->ma_covered[1],
			mt_key_text(&counted, mt->ma_covered[0], false), check.entries,
			(unsigned)check.covered[1], mt_key_text(&covered, check.covered[0], false));
	return 0;
}
