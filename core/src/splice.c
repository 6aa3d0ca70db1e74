/* SPDX-License-Identifier: MIT */
/*
 * The splice: the general way in which a tree changes shape. Insert, overwrite over many leaves,
 * erase and clear all use this routine, if cow.c, leaf.c and rebalance.c have no faster way.
 *
 * Two edges run from the root to the leaves at the two ends of the write. They part at the lowest
 * common node.
 *
 *                      [ . L . . R . ]              common: keeps what is left of L and right of R
 *                       /         \
 *              [ . . L x ]       [ x R . ]          x: whole subtrees under the range, dropped
 *                   /               \
 *          [ a b|c x ]             [ x x|d e ]      leaves: a b c' NEW d' e
 *
 * The splice works from the leaves up. At each level it makes one list of items: what the left edge
 * keeps, what the level below yielded, and what the right edge keeps. If the list is too short for
 * a node, it takes in a neighbouring node, which moves that edge over. The list goes into one, two
 * or three new nodes. These are what this level yields. The splice ends at the first common node
 * that is private and can hold its list: that node is written in place. Otherwise it ends with a
 * new root.
 *
 * Old nodes are not touched until mt_release_displaced(). Items from private nodes move; those from
 * shared nodes are counted up. The depth is bounded by the height. Nodes come from the reserve, so
 * nothing here can fail.
 */
#include "splice.h"
#include "gap.h"
#include "items.h"
#include "plan.h"
#include "search.h"
#include "sequence.h"
#include "subtree.h"
#include "value.h"

struct splice {
	struct maple_tree *mt;
	struct mt_write *write;
	struct mt_displaced *displaced;
	unsigned depth;
	unsigned level; /* being built */
	struct mt_edge *left[MT_MAX_HEIGHT];
	struct mt_edge *right[MT_MAX_HEIGHT];
	struct mt_items items; /* the list of this level */
	mt_key min;            /* its first key */
	/* The nodes that the level below yielded. */
	unsigned made;
	struct maple_node *made_node[3];
	mt_key made_last[3];
	mt_key made_gap[3];
};

static struct mt_edge *add_edge(struct splice *splice, struct maple_node *node, mt_key min,
				mt_key max, unsigned level, const struct mt_edge *parent)
{
	struct mt_edge *edge;

	assert(splice->displaced->edges < MT_EDGES_MAX);
	edge = &splice->displaced->edge[splice->displaced->edges++];
	edge->node = node;
	edge->min = min;
	edge->max = max;
	edge->level = (uint8_t)level;
	edge->drop_low = edge->drop_high = 0;
	edge->owned =
		(!parent || parent->owned) && (!splice->mt->ma_shared || mt_node_single(node));
	edge->borrowed = (!parent || parent->owned) && !edge->owned;
	return edge;
}

static struct mt_edge *add_child(struct splice *splice, const struct mt_edge *parent, unsigned slot)
{
	return add_edge(splice, mt_child(parent->node, slot),
			mt_slot_min(parent->node, slot, parent->min),
			mt_slot_max(parent->node, slot, parent->max), parent->level + 1u, parent);
}

/* Set what a node on an edge keeps: on the left edge nothing after `left`, on the right edge
 * nothing before `right`. A node on both edges keeps what is outside both. A leaf drops its end
 * slots too, since their remaining pieces belong to the write. */
static void cut_edge(struct mt_edge *edge, bool is_left, bool is_right, unsigned left,
		     unsigned right)
{
	bool leaf = edge->node->kind == MT_LEAF;

	edge->left = (uint8_t)left;
	edge->right = (uint8_t)right;
	edge->drop_low = (uint8_t)(is_left ? left + !leaf : 0);
	edge->drop_high = (uint8_t)(is_right ? right + leaf : edge->node->count);
	if (edge->drop_high < edge->drop_low)
		edge->drop_high = edge->drop_low;
}

static void find_edges(struct splice *splice)
{
	const struct mt_write *write = splice->write;
	struct mt_edge *left = add_edge(splice, splice->mt->ma_root, 0, MT_KEY_MAX, 0, NULL);
	struct mt_edge *right = left;

	for (unsigned level = 0;; level++) {
		unsigned left_slot = mt_search.slot(left->node, write->first);
		unsigned right_slot = mt_search.slot(right->node, write->last);

		splice->left[level] = left;
		splice->right[level] = right;
		cut_edge(left, true, left == right, left_slot, right_slot);
		if (left != right)
			cut_edge(right, false, true, left_slot, right_slot);
		if (level + 1 == splice->depth)
			return;
		if (left == right && left_slot == right_slot) {
			left = right = add_child(splice, left, left_slot);
		} else {
			left = add_child(splice, left, left_slot);
			right = add_child(splice, right, right_slot);
		}
	}
}

/* Account for all that is dropped, and for what the write puts in its place. If a dropped subtree
 * is shared, only a count of the whole tree would tell; it is left until somebody asks for it. */
static void count_splice(struct splice *splice)
{
	struct maple_tree *mt = splice->mt;
	const struct mt_write *write = splice->write;
	uint64_t entries = 0;
	mt_key covered[2] = {0, 0};

	if (!mt->ma_counted)
		return;
	for (unsigned i = 0; i < splice->displaced->edges; i++) {
		const struct mt_edge *edge = &splice->displaced->edge[i];

		for (unsigned slot = edge->drop_low; slot < edge->drop_high; slot++) {
			mt_key first = mt_slot_min(edge->node, slot, edge->min);
			mt_key last = mt_slot_max(edge->node, slot, edge->max);

			if (edge->node->kind != MT_LEAF) {
				if (!edge->owned ||
				    !mt_subtree_count(mt_child(edge->node, slot), first, last, true,
						      &entries, covered)) {
					mt->ma_counted = false;
					return;
				}
			} else if (mt_slot_present(edge->node, slot)) {
				entries++;
				mt_covered_add(covered, first < write->first ? write->first : first,
					       last > write->last ? write->last : last);
			}
		}
	}
	mt->ma_entries -= entries;
	mt->ma_covered[1] -= covered[1] + (mt->ma_covered[0] < covered[0]);
	mt->ma_covered[0] -= covered[0];
	mt->ma_entries += (uint64_t)write->left_present + write->present + write->right_present;
	if (write->present)
		mt_covered_add(mt->ma_covered, write->first, write->last);
}

/* Take references for slots that go into the list, if they come from a shared node. */
static void retain_slots(const struct splice *splice, const struct mt_edge *edge, unsigned low,
			 unsigned high)
{
	const struct maple_node *node = edge->node;
	const struct maple_pool *pool;
	const uint64_t *slots;

	if (edge->owned || low == high)
		return;
	if (node->kind == MT_LEAF) {
		mt_retain(splice->mt->ma_ops, node->wide.slot,
			  node->present & mt_slot_mask(low, high));
		return;
	}
	pool = mt_pool_of(splice->mt);
	slots = mt_slots(edge->node);
	for (unsigned slot = low; slot < high; slot++)
		mt_node_get(pool, (const struct maple_node *)(uintptr_t)slots[slot]);
}

static void append_slots(struct splice *splice, const struct mt_edge *edge, unsigned low,
			 unsigned high)
{
	mt_items_append(&splice->items, edge->node, low, high, edge->max);
	retain_slots(splice, edge, low, high);
}

static void prepend_node(struct splice *splice, const struct mt_edge *edge)
{
	mt_items_prepend(&splice->items, edge->node, edge->max);
	retain_slots(splice, edge, 0, edge->node->count);
	splice->min = edge->min;
}

static void append_made(struct splice *splice)
{
	struct mt_items *items = &splice->items;

	for (unsigned i = 0; i < splice->made; i++) {
		items->gap[items->count] = splice->made_gap[i];
		mt_items_add(items, splice->made_last[i], (uint64_t)(uintptr_t)splice->made_node[i],
			     false);
	}
}

static void list_items(struct splice *splice)
{
	const struct mt_edge *left = splice->left[splice->level];
	const struct mt_edge *right = splice->right[splice->level];

	mt_items_init(&splice->items);
	splice->min = left->min;
	append_slots(splice, left, 0, left->left);
	if (left->node->kind == MT_LEAF)
		mt_items_add_write(&splice->items, splice->write);
	else
		append_made(splice);
	append_slots(splice, right, right->right + 1u, right->node->count);
}

/* The level of the lowest ancestor that still keeps something on that side, or -1. */
static int ancestor_keeping_right(const struct splice *splice)
{
	for (int level = (int)splice->level - 1; level >= 0; level--)
		if (splice->right[level]->right + 1u < splice->right[level]->node->count)
			return level;
	return -1;
}

static int ancestor_keeping_left(const struct splice *splice)
{
	for (int level = (int)splice->level - 1; level >= 0; level--)
		if (splice->left[level]->left > 0)
			return level;
	return -1;
}

/* Move the right edge over to the next node of this level, below the ancestor at `from`, and take
 * in all its slots. */
static void absorb_right(struct splice *splice, unsigned from)
{
	struct mt_edge *edge = splice->right[from];

	edge->right++;
	for (unsigned level = from; level < splice->level; level++) {
		edge = add_child(splice, edge, level == from ? edge->right : 0);
		edge->left = edge->right = 0;
		splice->right[level + 1] = edge;
	}
	append_slots(splice, edge, 0, edge->node->count);
}

static void absorb_left(struct splice *splice, unsigned from)
{
	struct mt_edge *edge = splice->left[from];

	edge->left--;
	for (unsigned level = from; level < splice->level; level++) {
		edge = add_child(splice, edge, level == from ? edge->left : edge->node->count - 1u);
		edge->left = edge->right = (uint8_t)(edge->node->count - 1);
		splice->left[level + 1] = edge;
	}
	prepend_node(splice, edge);
}

/* If there are too few items for a node, take in the nearest neighbour. A node that has not lost
 * slots may stay as thin as it was, unless it is a leaf and has only a gap left. */
static void absorb_neighbours(struct splice *splice, enum mt_kind kind)
{
	const struct mt_edge *left = splice->left[splice->level];

	if (left == splice->right[splice->level] && splice->items.count >= left->node->count &&
	    (kind != MT_LEAF || splice->items.present))
		return;
	while (splice->items.count < mt_min_slots(kind)) {
		int from_right = ancestor_keeping_right(splice);
		int from_left = ancestor_keeping_left(splice);

		if (from_right < 0 && from_left < 0)
			return;
		if (from_right >= from_left)
			absorb_right(splice, (unsigned)from_right);
		else
			absorb_left(splice, (unsigned)from_left);
	}
}

static void make_nodes(struct splice *splice, enum mt_kind kind)
{
	struct mt_write *write = splice->write;
	const struct mt_items *items = &splice->items;
	unsigned capacity = mt_capacity(kind);
	unsigned nodes = (items->count + capacity - 1) / capacity;
	unsigned end = items->count - 1;
	bool at_end =
		nodes > 1 && items->last[end] == MT_KEY_MAX && write->last >= items->last[end - 1];
	mt_key min = splice->min;
	unsigned low = 0;

	splice->made = nodes;
	for (unsigned i = 0; i < nodes; i++) {
		unsigned left = nodes - i;
		unsigned share = (items->count - low + left - 1) / left;
		struct maple_node *node;

		assert(write->reserved);
		node = write->reserve[--write->reserved];
		if (nodes == 2 && i == 0)
			share = mt_split_point(kind, items->count, at_end,
					       items->present >> end & 1);
		mt_items_fill(items, node, kind, low, low + share);
		low += share;
		splice->made_node[i] = node;
		splice->made_last[i] = items->last[low - 1];
		splice->made_gap[i] = mt_tracks_gaps(splice->mt)
					      ? mt_node_gap(node, min, splice->made_last[i])
					      : 0;
		min = splice->made_last[i] + 1;
	}
}

/* The list belongs into one private node that stays where it is. Write it there; this ends the
 * splice. */
static void write_in_place(struct splice *splice, struct mt_edge *edge, enum mt_kind kind)
{
	struct mt_displaced *displaced = splice->displaced;
	struct maple_node *node = edge->node;
	struct ma_level path[MT_MAX_HEIGHT];

	displaced->kept_level = (int)splice->level;
	displaced->dropped_children = kind != MT_LEAF;
	displaced->dropped_present = mt_slot_mask(edge->drop_low, edge->drop_high);
	if (kind == MT_LEAF)
		displaced->dropped_present &= node->present;
	memcpy(displaced->dropped, mt_slots(node), node->count * sizeof(displaced->dropped[0]));
	mt_change_begin(splice->mt);
	mt_items_fill(&splice->items, node, kind, 0, splice->items.count);
	mt_change_end(splice->mt);
	if (!mt_tracks_gaps(splice->mt))
		return;
	for (unsigned i = 0; i <= splice->level; i++) {
		const struct mt_edge *above = splice->left[i];

		path[i] = (struct ma_level){above->node, above->min, above->max, above->left};
	}
	mt_gap_propagate(path, splice->level + 1, mt_node_gap(node, edge->min, edge->max));
}

/* The nodes of the topmost level become the tree, under a new root if there are several. */
static void set_root(struct splice *splice)
{
	struct maple_tree *mt = splice->mt;
	uint32_t height = splice->depth - splice->level;

	if (splice->made > 1) {
		mt_items_init(&splice->items);
		append_made(splice);
		make_nodes(splice, mt_internal_kind(mt));
		height++;
	}
	mt_change_begin(mt);
	mt_set_root(mt, splice->made_node[0], height);
	mt_change_end(mt);
}

void mt_splice(struct mt_write *write)
{
	struct splice splice;
	struct maple_tree *mt = write->mt;

	splice.mt = mt;
	splice.write = write;
	splice.displaced = write->displaced;
	splice.displaced->edges = 0;
	splice.displaced->kept_level = -1;
	splice.depth = mt_tree_height(mt);
	splice.displaced->height = splice.depth;
	splice.made = 0;
	find_edges(&splice);
	count_splice(&splice);

	for (splice.level = splice.depth - 1;; splice.level--) {
		struct mt_edge *left = splice.left[splice.level];
		enum mt_kind kind = (enum mt_kind)left->node->kind;
		bool alone;

		list_items(&splice);
		absorb_neighbours(&splice, kind);
		alone = ancestor_keeping_left(&splice) < 0 && ancestor_keeping_right(&splice) < 0;
		/* A single child was the last level to be built. */
		assert(!alone || splice.items.count > 1 || kind == MT_LEAF);
		if (alone && splice.items.count == 1 && !splice.items.present) {
			mt_change_begin(mt);
			mt_reset_root(mt);
			mt_change_end(mt);
			return;
		}
		if (splice.left[splice.level] == splice.right[splice.level] && left->owned &&
		    splice.items.count <= mt_capacity(kind)) {
			write_in_place(&splice, left, kind);
			return;
		}
		make_nodes(&splice, kind);
		if (splice.level == 0 || (alone && splice.made == 1))
			break;
	}
	set_root(&splice);
}
