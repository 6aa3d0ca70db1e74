/* SPDX-License-Identifier: MIT */
/*
 * The node: 256 bytes, cache-line aligned.
 *
 *   offset  leaf and wide internal node       narrow internal node (the tree tracks gaps)
 *   0       kind, count, present              the same
 *   8       pivot[15]                         pivot[9]
 *   80                                        gap[10]: largest gap below each child
 *   128     slot[16]: values or children
 *   160                                       slot[10]: children
 *
 * Slot i holds the range (pivot[i-1], pivot[i]]. The first slot begins at the node's minimum and
 * the last slot ends at its maximum. Neither is stored: both follow from the path to the node.
 *
 * Invariants:
 *   - pivots rise strictly; those from count - 1 on are UINT64_MAX, so that a search needs no
 *     count;
 *   - gaps past `count` are 0, as is the unused half of the header;
 *   - a leaf's `present` has a bit for each slot that holds a value, at least one; the slot of a
 *     gap holds 0;
 *   - no two neighbouring slots, not even of neighbouring leaves, are both gaps;
 *   - all leaves are at one depth; a node has at least half of its slots in use, unless it is the
 *     root (an internal root has at least two) or the last node of its level (at least one);
 *   - a node that more than one parent or tree refers to is never written, nor is anything below
 *     it. Reference counts are kept beside the nodes, in the slab's header (pool.h).
 */
#ifndef MT_NODE_H
#define MT_NODE_H

#include "maple_tree.h"

#include <assert.h>
#include <string.h>

/* For functions whose callers rely on it. Coverage builds keep one copy of each function, and say
 * so. */
#ifndef MT_INLINE
#define MT_INLINE static inline __attribute__((always_inline))
#endif

enum mt_kind { MT_LEAF, MT_WIDE, MT_NARROW };

#define MT_WIDE_SLOTS 16u
#define MT_NARROW_SLOTS 10u

struct maple_node {
	union {
		struct {
			uint8_t kind;
			uint8_t count; /* slots in use, 1 ... */
			uint16_t present;
			uint32_t unused;
			union {
				uint64_t pivot[MT_WIDE_SLOTS - 1];
				struct {
					uint64_t pivot[MT_WIDE_SLOTS - 1];
					uint64_t slot[MT_WIDE_SLOTS];
				} wide;
				struct {
					uint64_t pivot[MT_NARROW_SLOTS - 1];
					uint64_t gap[MT_NARROW_SLOTS];
					uint64_t slot[MT_NARROW_SLOTS];
					uint64_t unused[2];
				} narrow;
			};
		};
		uint64_t lane[MT_NODE_BYTES / 8]; /* all of it, as the search sees it */
	};
};

static_assert(sizeof(struct maple_node) == MT_NODE_BYTES, "a node is 256 bytes");
static_assert(offsetof(struct maple_node, pivot) == 8, "pivots follow the header word");
static_assert(offsetof(struct maple_node, wide.slot) == 128, "slots fill the last two cache lines");
static_assert(offsetof(struct maple_node, narrow.slot) == 160, "narrow slots follow the gaps");
static_assert(MT_WIDE_SLOTS == MT_MAX_SLOTS, "the public limit is the node's");

static inline uint64_t *mt_slots(struct maple_node *node)
{
	return node->kind == MT_NARROW ? node->narrow.slot : node->wide.slot;
}

static inline struct maple_node *mt_child(const struct maple_node *node, unsigned slot)
{
	uint64_t word = node->kind == MT_NARROW ? node->narrow.slot[slot] : node->wide.slot[slot];

	return (struct maple_node *)(uintptr_t)word;
}

static inline unsigned mt_capacity(enum mt_kind kind)
{
	return kind == MT_NARROW ? MT_NARROW_SLOTS : MT_WIDE_SLOTS;
}

/* The fewest slots that a node holds, apart from the exceptions in the invariants above. */
static inline unsigned mt_min_slots(enum mt_kind kind)
{
	return mt_capacity(kind) / 2;
}

/* The first and last key of a slot of a node that covers [min, max]. Lane i + 1 is pivot i. It is
 * read in any case, so that a slot at the edge needs no branch that the processor might
 * mispredict. */
static inline uint64_t mt_slot_min(const struct maple_node *node, unsigned slot, uint64_t min)
{
	uint64_t behind = node->lane[slot] + 1;

	return slot ? behind : min;
}

static inline uint64_t mt_slot_max(const struct maple_node *node, unsigned slot, uint64_t max)
{
	uint64_t pivot = node->lane[slot + 1];

	return slot + 1u < node->count ? pivot : max;
}

/* Mark pivots from this one on as unused. */
static inline void mt_pad_pivots(struct maple_node *node, unsigned from)
{
	for (unsigned i = from; i < mt_capacity((enum mt_kind)node->kind) - 1; i++)
		node->pivot[i] = UINT64_MAX;
}

static inline bool mt_slot_present(const struct maple_node *node, unsigned slot)
{
	return node->present >> slot & 1u;
}

/* The same for a slot that is given by its place in its leaf. */
static inline bool mt_place_present(const uint64_t *place)
{
	const struct maple_node *leaf =
		(const struct maple_node *)((uintptr_t)place & ~(uintptr_t)(MT_NODE_BYTES - 1));

	return mt_slot_present(leaf, (unsigned)(place - leaf->wide.slot));
}

/* Bits [low, high) of a slot mask. */
static inline uint32_t mt_slot_mask(unsigned low, unsigned high)
{
	return ((1u << high) - 1u) & ~((1u << low) - 1u);
}

/* The number of keys in [first, last], which must not be the whole key space. */
static inline uint64_t mt_range_size(uint64_t first, uint64_t last)
{
	assert(last - first < UINT64_MAX);
	return last - first + 1;
}

static inline void mt_prefetch_node(const struct maple_node *node)
{
	for (unsigned line = 0; line < MT_NODE_BYTES; line += 64)
		__builtin_prefetch((const char *)node + line);
}

/* A pass over a large tree in order prefetches the leaves this far ahead. */
#define MT_LEAVES_AHEAD 4u

/* Prefetch the leaf that a path reaches after this many steps, if it has the same parent. */
static inline void mt_prefetch_ahead(const struct ma_level *parent, unsigned steps)
{
	unsigned slot = parent->slot + steps;

	if (slot < parent->node->count)
		mt_prefetch_node(mt_child(parent->node, slot));
}

/* The attributes may be read without the lock, while a writer changes the height next to them. */
static inline uint32_t mt_flags(const struct maple_tree *mt)
{
	return __atomic_load_n(&mt->ma_flags, __ATOMIC_RELAXED);
}

static inline bool mt_tracks_gaps(const struct maple_tree *mt)
{
	return mt_flags(mt) & MT_FLAGS_ALLOC_RANGE;
}

static inline enum mt_kind mt_internal_kind(const struct maple_tree *mt)
{
	return mt_tracks_gaps(mt) ? MT_NARROW : MT_WIDE;
}

static inline uint32_t mt_tree_height(const struct maple_tree *mt)
{
	return (mt_flags(mt) & MT_FLAGS_HEIGHT_MASK) >> MT_FLAGS_HEIGHT_SHIFT;
}

static inline void mt_set_root(struct maple_tree *mt, struct maple_node *root, uint32_t height)
{
	uint32_t attributes = mt_flags(mt) & ~MT_FLAGS_HEIGHT_MASK;

	mt->ma_root = root;
	__atomic_store_n(&mt->ma_flags, attributes | height << MT_FLAGS_HEIGHT_SHIFT,
			 __ATOMIC_RELAXED);
}

/* Whether a cyclic allocation took UINT64_MAX: MT_FLAGS_ALLOC_WRAPPED or 0. */
static inline void mt_set_wrapped(struct maple_tree *mt, uint32_t wrapped)
{
	uint32_t others = mt_flags(mt) & ~MT_FLAGS_ALLOC_WRAPPED;

	__atomic_store_n(&mt->ma_flags, others | wrapped, __ATOMIC_RELAXED);
}

/* Make the tree empty: nothing is shared, and the counts are known. */
static inline void mt_reset_root(struct maple_tree *mt)
{
	mt_set_root(mt, NULL, 0);
	mt->ma_shared = false;
	mt->ma_counted = true;
	mt->ma_entries = 0;
	mt->ma_covered[0] = mt->ma_covered[1] = 0;
}

#endif /* MT_NODE_H */
