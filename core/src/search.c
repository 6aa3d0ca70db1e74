/* SPDX-License-Identifier: MIT */
/*
 * Node search in its versions. Each version is a pair of functions: the count of pivots below a
 * key, and the look-up's descent with that count inlined. Owns nothing; `mt_search` is written
 * once, before main().
 */
#include "search.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define MT_HAVE_AVX2 1
#include <immintrin.h>
#endif
#if defined(__aarch64__) && defined(__ARM_NEON)
#define MT_HAVE_NEON 1
#include <arm_neon.h>
#endif

#define MT_INLINE static inline __attribute__((always_inline))

/* The lanes of each kind that hold pivots; lane 0 is the header. */
#define MT_WIDE_LANES 0xfffeu
#define MT_NARROW_LANES 0x03feu

MT_INLINE unsigned portable_slot(const struct maple_node *node, uint64_t key)
{
	const uint64_t *pivot = node->pivot;
	unsigned low = 0;
	unsigned high = 0;

	for (unsigned i = 0; i < MT_NARROW_SLOTS - 1; i++)
		low += pivot[i] < key;
	if (node->kind == MT_NARROW)
		return low;
	for (unsigned i = MT_NARROW_SLOTS - 1; i < MT_WIDE_SLOTS - 1; i++)
		high += pivot[i] < key;
	return low + high;
}

/* The body of every load(): `slot` is a constant in each caller and inlined there. */
#define MT_DEFINE_LOAD(name, slot_of)                                                              \
	static bool name(const struct maple_node *node, uint32_t height, uint64_t key,             \
			 uint64_t *word)                                                           \
	{                                                                                          \
		unsigned slot;                                                                     \
                                                                                                   \
		while (--height)                                                                   \
			node = mt_child(node, slot_of(node, key));                                 \
		slot = slot_of(node, key);                                                         \
		*word = node->wide.slot[slot];                                                     \
		return mt_slot_present(node, slot);                                                \
	}

static unsigned slot_portable(const struct maple_node *node, uint64_t key)
{
	return portable_slot(node, key);
}

MT_DEFINE_LOAD(load_portable, portable_slot)

static void copy_portable(struct maple_node *to, const struct maple_node *from)
{
	memcpy(to, from, sizeof(*to));
}

#ifdef MT_HAVE_AVX2

#define MT_AVX2 __attribute__((target("avx2,popcnt")))

/* Four lanes at a time; AVX2 compares signed, so both sides have their top bit flipped. */
MT_AVX2 MT_INLINE unsigned avx2_slot(const struct maple_node *node, uint64_t key)
{
	const __m256i *lanes = (const __m256i *)node;
	const __m256i flip = _mm256_set1_epi64x(INT64_MIN);
	const __m256i wanted = _mm256_xor_si256(_mm256_set1_epi64x((int64_t)key), flip);
	unsigned below = 0;

	for (unsigned i = 0; i < 4; i++) {
		__m256i pivots = _mm256_xor_si256(_mm256_load_si256(lanes + i), flip);
		__m256i less = _mm256_cmpgt_epi64(wanted, pivots);

		below |= (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(less)) << (4 * i);
	}
	below &= node->kind == MT_NARROW ? MT_NARROW_LANES : MT_WIDE_LANES;
	return (unsigned)__builtin_popcount(below);
}

MT_AVX2 static unsigned slot_avx2(const struct maple_node *node, uint64_t key)
{
	return avx2_slot(node, key);
}

MT_AVX2 MT_DEFINE_LOAD(load_avx2, avx2_slot)

MT_AVX2 static void copy_avx2(struct maple_node *to, const struct maple_node *from)
{
	const __m256i *source = (const __m256i *)from;
	__m256i *target = (__m256i *)to;

	for (unsigned i = 0; i < MT_NODE_BYTES / sizeof(*source); i++)
		_mm256_store_si256(target + i, _mm256_load_si256(source + i));
}

#endif

#ifdef MT_HAVE_NEON

MT_INLINE unsigned neon_slot(const struct maple_node *node, uint64_t key)
{
	const uint64x2_t wanted = vdupq_n_u64(key);
	unsigned last = (node->kind == MT_NARROW ? MT_NARROW_SLOTS : MT_WIDE_SLOTS) - 2;
	uint64x2_t count = vdupq_n_u64(0);

	/* Pairs, and one pivot over; a true comparison is -1. */
	for (unsigned i = 0; i < last; i += 2)
		count = vaddq_u64(count, vcltq_u64(vld1q_u64(node->pivot + i), wanted));
	return (unsigned)(0 - vaddvq_u64(count)) + (node->pivot[last] < key);
}

static unsigned slot_neon(const struct maple_node *node, uint64_t key)
{
	return neon_slot(node, key);
}

MT_DEFINE_LOAD(load_neon, neon_slot)

#endif

static const struct mt_search versions[] = {
	{slot_portable, load_portable, copy_portable, "portable"},
#ifdef MT_HAVE_AVX2
	{slot_avx2, load_avx2, copy_avx2, "avx2"},
#endif
#ifdef MT_HAVE_NEON
	{slot_neon, load_neon, copy_portable, "neon"},
#endif
};

struct mt_search mt_search = {slot_portable, load_portable, copy_portable, "portable"};

const struct mt_search *mt_search_version(unsigned number)
{
	if (number >= sizeof(versions) / sizeof(versions[0]))
		return NULL;
#ifdef MT_HAVE_AVX2
	if (versions[number].slot == slot_avx2 &&
	    !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt")))
		return NULL;
#endif
	return &versions[number];
}

__attribute__((constructor)) static void choose_search(void)
{
	const struct mt_search *best;

#ifdef MT_HAVE_AVX2
	__builtin_cpu_init();
#endif
	for (unsigned i = 0; (best = mt_search_version(i)); i++)
		mt_search = *best;
}
