/* SPDX-License-Identifier: MIT */
/*
 * Node search in its versions. A version consists of functions that count the pivots below a key, for
 * wide nodes (and leaves) and for narrow ones, and of the descents of search_descents.h with these
 * inlined. Owns nothing. The whole core calls through `mt_search`, which is written
 * once, before main().
 */
#include "search.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define MT_HAVE_X86 1
#include <immintrin.h>
#endif
#if defined(__aarch64__) && defined(__ARM_NEON)
#define MT_HAVE_NEON 1
#include <arm_neon.h>
#endif

/* A height in its place in the flags. */
#define HEIGHT(levels) ((uint32_t)(levels) << MT_FLAGS_HEIGHT_SHIFT)

MT_INLINE const struct maple_node *as_node(uint64_t word)
{
	return (const struct maple_node *)(uintptr_t)word;
}

/* Prefetch the cache lines of a node that hold the bytes [from, to). */
MT_INLINE void prefetch_lines(const struct maple_node *node, size_t from, size_t to)
{
	for (size_t at = from / 64 * 64; at < to; at += 64)
		__builtin_prefetch((const char *)node + at);
}

/* Prefetch the pivots and slots of a node, but not the gaps between them. */
MT_INLINE void prefetch_searched(const struct maple_node *node, bool narrow)
{
	prefetch_lines(node, 0, offsetof(struct maple_node, narrow.gap));
	if (!narrow)
		prefetch_lines(node, (offsetof(struct maple_node, narrow.gap) + 63) / 64 * 64,
			       offsetof(struct maple_node, narrow.slot) / 64 * 64);
	prefetch_lines(node, offsetof(struct maple_node, narrow.slot), MT_NODE_BYTES);
}

/* Prefetch what is searched of a leaf in a group. A leaf with keys of 128 bits has eight cache lines,
 * so its slot is prefetched when it is known. */
MT_INLINE void prefetch_leaf(const struct maple_node *leaf)
{
	if (MT_KEY_BITS == 128)
		prefetch_lines(leaf, 0, offsetof(struct maple_node, wide.slot));
	else
		prefetch_searched(leaf, false);
}

/* Prefetch only the slots: the search reads all pivots at once. */
MT_INLINE void prefetch_slots(const struct maple_node *node, bool narrow)
{
	if (narrow)
		prefetch_lines(node, offsetof(struct maple_node, narrow.slot), MT_NODE_BYTES);
	else
		prefetch_lines(node, offsetof(struct maple_node, wide.slot), MT_NODE_BYTES);
}

/* What a look-up returns that ends in a leaf's slot. */
/* Branch-free: whether a key has a value is often unpredictable. */
MT_INLINE bool take_slot(const struct maple_node *leaf, unsigned slot, uint64_t absent,
			 uint64_t *word, uint8_t *present)
{
	uint64_t there = mt_slot_present(leaf, slot);

	*word = absent ^ ((leaf->wide.slot[slot] ^ absent) & -there);
	*present = (uint8_t)there;
	return there;
}

/* Whether all keys of a group lie in the slot where a path ends. Branch-free. */
MT_INLINE bool all_in_slot(const struct ma_level *leaf, const mt_key *keys)
{
	mt_key min = mt_slot_min(leaf->node, leaf->slot, leaf->min);
	mt_key size = mt_slot_max(leaf->node, leaf->slot, leaf->max) - min;
	mt_key outside = 0;

	for (unsigned i = 0; i < MT_GROUP; i++)
		outside |= keys[i] - min > size;
	return !outside;
}

/* What a look-up returns that ends in this slot, for a whole group. */
MT_INLINE size_t repeat_slot(const struct maple_node *leaf, unsigned slot, uint64_t absent,
			     uint64_t *words, uint8_t *present)
{
	bool there = take_slot(leaf, slot, absent, words, present);

	for (unsigned i = 1; i < MT_GROUP; i++)
		words[i] = words[0];
	memset(present, there, MT_GROUP);
	return there ? MT_GROUP : 0;
}

/* The slot of a key, with a branch for each pivot. */
MT_INLINE unsigned scan_pivots(const struct maple_node *node, mt_key key)
{
	unsigned last = node->count - 1u;
	unsigned slot = 0;

	while (slot < last && node->pivot[slot] < key)
		slot++;
	return slot;
}

#ifdef MT_RACES

/* What the descents beside writers read, in builds whose sanitizer sees it: nodes as atomic words,
 * with the portable search. */

MT_RACY static unsigned racy_below(const struct maple_node *node, mt_key key, unsigned pivots)
{
	unsigned below = 0;

	for (unsigned i = 0; i < pivots; i++) {
		mt_key pivot;

		mt_get_bytes(&pivot, node->pivot + i, sizeof(pivot));
		below += pivot < key;
	}
	return below;
}

#define RACY_NARROW(node, key) racy_below(node, key, MT_NARROW_SLOTS - 1)
#define RACY_WIDE(node, key) racy_below(node, key, MT_WIDE_SLOTS - 1)
#define RACY_COMPACT_NARROW(node, key) RACY_NARROW(node, key)
#define RACY_COMPACT_WIDE(node, key) RACY_WIDE(node, key)
#define RACY_WORD(place) mt_get_word(place)
#define RACY_PRESENT(node) __atomic_load_n(&(node)->present, __ATOMIC_ACQUIRE)
#define RACY_COUNT(node) __atomic_load_n(&(node)->count, __ATOMIC_ACQUIRE)

MT_RACY static mt_key racy_lane(const struct maple_node *node, unsigned lane)
{
	mt_key key;

	mt_get_bytes(&key, node->lane + lane, sizeof(key));
	return key;
}

#define RACY_LANE(node, lane) racy_lane(node, lane)

#else

#define RACY_NARROW(node, key) MT_NAMED(narrow)(node, key)
#define RACY_WIDE(node, key) MT_NAMED(wide)(node, key)
#define RACY_COMPACT_NARROW(node, key) MT_NAMED(compact_narrow)(node, key)
#define RACY_COMPACT_WIDE(node, key) MT_NAMED(compact_wide)(node, key)
#define RACY_WORD(place) (*(place))
#define RACY_PRESENT(node) ((node)->present)
#define RACY_COUNT(node) ((node)->count)
#define RACY_LANE(node, number) ((node)->lane[number])

#endif

/* `yes` or `no`, by arithmetic: compilers turn the operator into a branch here, which in random
 * order the processor cannot predict. */
MT_INLINE mt_key choose(bool condition, mt_key yes, mt_key no)
{
	return no ^ ((yes ^ no) & -(mt_key)condition);
}

/* Whether the key lies in the node's last slot. */
MT_INLINE bool behind_last_pivot(const struct maple_node *node, mt_key key)
{
	return node->count == 1 || node->pivot[node->count - 2] < key;
}

/* ---- portable ---- */

#if MT_KEY_BITS == 128

/* A comparison takes four instructions. So these look at one pivot of each group first, and then at
 * the group that has the key, which should be there by then. */
#define MT_PREFETCH prefetch_searched

MT_INLINE unsigned count_below(const struct maple_node *node, unsigned from, unsigned count,
			       mt_key key)
{
	unsigned below = 0;

	for (unsigned i = from; i < from + count; i++)
		below += node->pivot[i] < key;
	return below;
}

MT_INLINE unsigned narrow_portable(const struct maple_node *node, mt_key key)
{
	unsigned group = (unsigned)(node->pivot[3] < key) + (unsigned)(node->pivot[7] < key);

	static_assert(MT_NARROW_SLOTS == 3 * 4, "three groups of four");
	return 4 * group + count_below(node, 4 * group, 3, key);
}

MT_INLINE unsigned wide_portable(const struct maple_node *node, mt_key key)
{
	unsigned group = (unsigned)(node->pivot[4] < key) + (unsigned)(node->pivot[9] < key) +
			 (unsigned)(node->pivot[14] < key);

	static_assert(MT_WIDE_SLOTS == 4 * 5, "four groups of five");
	return 5 * group + count_below(node, 5 * group, 4, key);
}

#else

#define MT_PREFETCH prefetch_slots

MT_INLINE unsigned narrow_portable(const struct maple_node *node, mt_key key)
{
	unsigned below = 0;

	for (unsigned i = 0; i < MT_NARROW_SLOTS - 1; i++)
		below += node->pivot[i] < key;
	return below;
}

MT_INLINE unsigned wide_portable(const struct maple_node *node, mt_key key)
{
	unsigned below = narrow_portable(node, key);

	for (unsigned i = MT_NARROW_SLOTS - 1; i < MT_WIDE_SLOTS - 1; i++)
		below += node->pivot[i] < key;
	return below;
}

#endif

static void copy_portable(struct maple_node *to, const struct maple_node *from)
{
	mt_put_bytes(to, from, sizeof(*to));
}

#define MT_VERSION portable
#define MT_TARGET
#define compact_wide_portable wide_portable
#define compact_narrow_portable narrow_portable
#include "search_descents.h"

/* ---- versions with vectors ---- */

#ifdef MT_HAVE_X86
#define MT_AVX2 __attribute__((target("avx2,popcnt")))
#define MT_AVX512 __attribute__((target("avx512f,avx512dq,avx512vpopcntdq,avx2,popcnt")))
#endif

#if MT_KEY_BITS == 128
#include "search_128.h"
#else
#include "search_64.h"
#endif

#ifdef MT_HAVE_X86
MT_AVX2 static void copy_avx2(struct maple_node *to, const struct maple_node *from)
{
#ifdef MT_ATOMIC_NODES
	copy_portable(to, from);
#else
	const __m256i *source = (const __m256i *)from;
	__m256i *target = (__m256i *)to;

	for (unsigned i = 0; i < MT_NODE_BYTES / sizeof(*source); i++)
		_mm256_store_si256(target + i, _mm256_load_si256(source + i));
#endif
}
#endif

#ifdef MT_COUNTS_AVX2
#define MT_VERSION avx2
#define MT_TARGET MT_AVX2
#define MT_PREFETCH prefetch_slots
#define compact_wide_avx2 wide_avx2
#define compact_narrow_avx2 narrow_avx2
#include "search_descents.h"
#endif

#ifdef MT_COUNTS_AVX512
#define MT_VERSION avx512
#define MT_TARGET MT_AVX512
#define MT_PREFETCH prefetch_slots
#include "search_descents.h"
#endif

#ifdef MT_COUNTS_NEON
#define MT_VERSION neon
#define MT_TARGET
#define MT_PREFETCH prefetch_slots
#define compact_wide_neon wide_neon
#define compact_narrow_neon narrow_neon
#include "search_descents.h"
#endif

#define MT_FUNCTIONS(version, copy)                                                                \
	slot_##version, load_##version, load_word_##version, load_held_##version,                  \
		load_group_##version, part_group_##version, walk_group_##version,                  \
		locate_##version, seek_##version, look_##version, descend_##version, copy,         \
		#version

/* Each version needs what the ones before it need. */
static const struct mt_search versions[] = {
	{MT_FUNCTIONS(portable, copy_portable), 0},
#ifdef MT_COUNTS_AVX2
	{MT_FUNCTIONS(avx2, copy_avx2), MT_HAS_AVX2},
#endif
#ifdef MT_COUNTS_AVX512
	{MT_FUNCTIONS(avx512, copy_avx2), MT_HAS_AVX2 | MT_HAS_AVX512},
#endif
#ifdef MT_COUNTS_NEON
	{MT_FUNCTIONS(neon, copy_portable), 0},
#endif
};

struct mt_search mt_search = {MT_FUNCTIONS(portable, copy_portable), 0};

/* Processors with vpopcntdq do not slow down for 512-bit comparisons. */
unsigned mt_processor(void)
{
#ifdef MT_HAVE_X86
	unsigned avx2 = !!__builtin_cpu_supports("avx2") & !!__builtin_cpu_supports("popcnt");
	unsigned avx512 = !!__builtin_cpu_supports("avx512f") &
			  !!__builtin_cpu_supports("avx512dq") &
			  !!__builtin_cpu_supports("avx512vpopcntdq");

	return avx2 * MT_HAS_AVX2 + avx512 * MT_HAS_AVX512;
#else
	return 0;
#endif
}

const struct mt_search *mt_search_version(unsigned number, unsigned processor)
{
	if (number >= sizeof(versions) / sizeof(versions[0]) || versions[number].needs & ~processor)
		return NULL;
	return &versions[number];
}

__attribute__((constructor)) static void choose_search(void)
{
	const struct mt_search *best;
	unsigned processor;

#ifdef MT_HAVE_X86
	__builtin_cpu_init();
#endif
	processor = mt_processor();
	for (unsigned i = 0; (best = mt_search_version(i, processor)); i++)
		mt_search = *best;
}
