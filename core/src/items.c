/* SPDX-License-Identifier: MIT */
/*
 * Lists of slots. Owns nothing: whoever moves slots through a list also moves, or takes, their
 * references. Only for rebalance.c and splice.c.
 *
 *        [ a b c ] [ d e ]    ->    a b c NEW d e    ->    [ a b c ] [ NEW d e ]
 */
#include "items.h"
#include "plan.h"

/* Put slots [low, high) of a node into the list, from `at` on. */
static void put_slots(struct mt_items *items, unsigned at, const struct maple_node *node,
		      unsigned low, unsigned high, mt_key max)
{
	const uint64_t *slots = node->kind == MT_NARROW ? node->narrow.slot : node->wide.slot;
	unsigned count = high - low;

	if (low == high)
		return;
	/* Lane i + 1 is pivot i. */
	memcpy(items->last + at, node->lane + low + 1, count * sizeof(items->last[0]));
	memcpy(items->word + at, slots + low, count * sizeof(items->word[0]));
	if (node->kind == MT_NARROW)
		memcpy(items->gap + at, node->narrow.gap + low, count * sizeof(items->gap[0]));
	items->present |= (uint64_t)(node->present & mt_slot_mask(low, high)) >> low << at;
	if (high == node->count)
		items->last[at + (high - low) - 1] = max;
}

void mt_items_append(struct mt_items *items, const struct maple_node *node, unsigned low,
		     unsigned high, mt_key max)
{
	put_slots(items, items->count, node, low, high, max);
	items->count += high - low;
}

void mt_items_prepend(struct mt_items *items, const struct maple_node *node, mt_key max)
{
	unsigned more = node->count;

	memmove(items->last + more, items->last, items->count * sizeof(items->last[0]));
	memmove(items->word + more, items->word, items->count * sizeof(items->word[0]));
	memmove(items->gap + more, items->gap, items->count * sizeof(items->gap[0]));
	items->present <<= more;
	put_slots(items, 0, node, 0, more, max);
	items->count += more;
}

unsigned mt_items_add_write(struct mt_items *items, const struct mt_write *write)
{
	unsigned at;

	if (write->left_piece)
		mt_items_add(items, write->first - 1, write->left_word, write->left_present);
	at = items->count;
	mt_items_add(items, write->last, write->word, write->present);
	if (write->right_piece)
		mt_items_add(items, write->right_last, write->right_word, write->right_present);
	return at;
}

void mt_items_fill(const struct mt_items *items, struct maple_node *node, enum mt_kind kind,
		   unsigned low, unsigned high)
{
	unsigned count = high - low;

	mt_put(node->kind, kind);
	mt_put(node->count, count);
	mt_put(node->present, items->present >> low & mt_slot_mask(0, count));
	mt_put(node->version, 0);
	mt_put_bytes(mt_slots(node), items->word + low, count * sizeof(items->word[0]));
	if (kind == MT_NARROW) {
		mt_put_bytes(node->narrow.gap, items->gap + low, count * sizeof(items->gap[0]));
		for (unsigned i = count; i < MT_NARROW_SLOTS; i++)
			mt_put_key(&node->narrow.gap[i], 0);
	}
	mt_put_bytes(node->pivot, items->last + low, (count - 1) * sizeof(node->pivot[0]));
	mt_pad_pivots(node, count - 1);
}
