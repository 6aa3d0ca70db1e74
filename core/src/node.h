/* SPDX-License-Identifier: MIT */
/*
 * The node: 256 bytes with keys of 64 bits, 512 with keys of 128. Aligned to its size.
 *
 *   64 bits  leaf and wide internal node       narrow internal node (the tree tracks gaps)
 *   0        kind, count, present, version     the same
 *   8        pivot[15]                         pivot[9]
 *   80                                         gap[10]: largest gap below each child
 *   128      slot[16]: values or children
 *   160                                        slot[10]: children
 *
 *   128 bits
 *   0        kind, count, present, version     the same
 *   16       pivot[19]                         pivot[11]
 *   192                                        gap[12]
 *   320      slot[20]
 *   384                                        slot[12]
 *   480      unused                            unused
 *
 * Either way the header takes the room of one key, and the header and the pivots fill whole cache
 * lines, except for a narrow node's last pivots with 64 bits.
 *
 * Slot i holds the range (pivot[i-1], pivot[i]]. The first slot begins at the node's minimum and
 * the last slot ends at its maximum. Neither is stored: both follow from the path to the node.
 *
 * Invariants:
 *   - pivots rise strictly; those from count - 1 on are MT_KEY_MAX, so that a search needs no
 *     count;
 *   - gaps past `count` are 0, as is the version of an internal node; a leaf's is even unless it is
 *     being written;
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

#include "head.h"
#include "races.h"

#include <assert.h>
#include <string.h>

/* For functions whose callers rely on it. Coverage builds keep one copy of each function, and say
 * so. Functions that AddressSanitizer checks cannot become a part of those that it does not. */
#ifndef MT_INLINE
#ifdef MT_UNCHECKED_READS
#define MT_INLINE static inline
#else
#define MT_INLINE static inline __attribute__((always_inline))
#endif
#endif

/* For what a fast path does not pay for. */
#define MT_APART __attribute__((noinline))

enum mt_kind { MT_LEAF, MT_WIDE, MT_NARROW };

#if MT_KEY_BITS == 128
#define MT_WIDE_SLOTS 20u
#define MT_NARROW_SLOTS 12u
typedef uint16_t mt_small;
typedef uint32_t mt_present;
typedef uint64_t mt_version;
#else
#define MT_WIDE_SLOTS 16u
#define MT_NARROW_SLOTS 10u
typedef uint8_t mt_small;
typedef uint16_t mt_present;
typedef uint32_t mt_version;
#endif

struct maple_node {
	union {
		struct {
			mt_small kind;
			mt_small count; /* slots in use, 1 ... */
			mt_present present;
			mt_version version; /* of a leaf, see sequence.h */
			union {
				mt_key pivot[MT_WIDE_SLOTS - 1];
				struct {
					mt_key pivot[MT_WIDE_SLOTS - 1];
					uint64_t slot[MT_WIDE_SLOTS];
				} wide;
				struct {
					mt_key pivot[MT_NARROW_SLOTS - 1];
					mt_key gap[MT_NARROW_SLOTS];
					uint64_t slot[MT_NARROW_SLOTS];
				} narrow;
			};
		};
		mt_key lane[MT_NODE_BYTES / sizeof(mt_key)]; /* all of it, as the search sees it */
	};
};

static_assert(sizeof(struct maple_node) == MT_NODE_BYTES, "nothing is larger");
static_assert(offsetof(struct maple_node, pivot) == sizeof(mt_key), "the header is one lane");
static_assert(2 * sizeof(mt_small) + sizeof(mt_present) + sizeof(mt_version) == sizeof(mt_key),
	      "the header has no padding");
#if MT_KEY_BITS == 128
static_assert(offsetof(struct maple_node, wide.slot) == 320, "wide pivots end a cache line");
static_assert(offsetof(struct maple_node, narrow.gap) == 192, "narrow pivots end a cache line");
static_assert(offsetof(struct maple_node, narrow.slot) == 384, "narrow slots follow the gaps");
#else
static_assert(offsetof(struct maple_node, wide.slot) == 128, "slots fill the last two cache lines");
static_assert(offsetof(struct maple_node, narrow.slot) == 160, "narrow slots follow the gaps");
#endif
static_assert(MT_WIDE_SLOTS <= 8 * sizeof(mt_present), "a bit for each slot");
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
static inline mt_key mt_slot_min(const struct maple_node *node, unsigned slot, mt_key min)
{
	mt_key behind = node->lane[slot] + 1;

	return slot ? behind : min;
}

static inline mt_key mt_slot_max(const struct maple_node *node, unsigned slot, mt_key max)
{
	mt_key pivot = node->lane[slot + 1];

	return slot + 1u < node->count ? pivot : max;
}

/* Mark pivots from this one on as unused. */
static inline void mt_pad_pivots(struct maple_node *node, unsigned from)
{
	for (unsigned i = from; i < mt_capacity((enum mt_kind)node->kind) - 1; i++)
		mt_put_key(&node->pivot[i], MT_KEY_MAX);
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
static inline mt_key mt_range_size(mt_key first, mt_key last)
{
	assert(last - first < MT_KEY_MAX);
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

static inline enum mt_kind mt_internal_kind(const struct maple_tree *mt)
{
	return mt_tracks_gaps(mt) ? MT_NARROW : MT_WIDE;
}

#endif /* MT_NODE_H */
