/* SPDX-License-Identifier: MIT */
/*
 * The counts of pivots with vectors, for keys of 64 bits: those that search_descents.h asks for. Only
 * for search.c. A version for which MT_COUNTS_VERSION is not defined does not pay for this width.
 */

#ifdef MT_HAVE_X86

#define MT_COUNTS_AVX2 1
#define MT_COUNTS_AVX512 1

/* A narrow node's pivots after the first seven. This does not use a vector: a vector would also
 * load gaps, and a gap written just now would delay the search. */
MT_INLINE unsigned last_two_below(const struct maple_node *node, mt_key key)
{
	static_assert(MT_NARROW_SLOTS == 10, "a narrow node has nine pivots");
	return (unsigned)(node->pivot[7] < key) + (node->pivot[8] < key);
}

/* ---- AVX2: four lanes at a time ---- */

/* AVX2 compares signed numbers, so both sides have their top bit flipped. */
MT_AVX2 MT_INLINE unsigned lanes_below_avx2(const struct maple_node *node, mt_key key,
					    unsigned vectors)
{
	const __m256i *lanes = (const __m256i *)node;
	const __m256i flip = _mm256_set1_epi64x(INT64_MIN);
	const __m256i wanted = _mm256_xor_si256(_mm256_set1_epi64x((int64_t)key), flip);
	unsigned below = 0;

	for (unsigned i = 0; i < vectors; i++) {
		__m256i pivots = _mm256_xor_si256(_mm256_load_si256(lanes + i), flip);
		__m256i less = _mm256_cmpgt_epi64(wanted, pivots);

		below |= (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(less)) << (4 * i);
	}
	return (unsigned)__builtin_popcount(below & ~1u);
}

MT_AVX2 MT_INLINE unsigned narrow_avx2(const struct maple_node *node, mt_key key)
{
	return lanes_below_avx2(node, key, 2) + last_two_below(node, key);
}

MT_AVX2 MT_INLINE unsigned wide_avx2(const struct maple_node *node, mt_key key)
{
	return lanes_below_avx2(node, key, 4);
}

/* ---- AVX-512: eight lanes at a time, compared unsigned; the pivots are the comparison's memory
 * operand ---- */

MT_AVX512 MT_INLINE unsigned low_lanes_below_avx512(const struct maple_node *node, __m512i wanted)
{
	return (unsigned)__builtin_popcount(
		_mm512_mask_cmpgt_epu64_mask(0xfe, wanted, _mm512_load_si512(node)));
}

MT_AVX512 MT_INLINE unsigned narrow_avx512(const struct maple_node *node, mt_key key)
{
	return low_lanes_below_avx512(node, _mm512_set1_epi64((int64_t)key)) +
	       last_two_below(node, key);
}

MT_AVX512 MT_INLINE unsigned wide_avx512(const struct maple_node *node, mt_key key)
{
	const __m512i wanted = _mm512_set1_epi64((int64_t)key);
	__mmask8 high = _mm512_cmpgt_epu64_mask(wanted, _mm512_load_si512((const char *)node + 64));

	return low_lanes_below_avx512(node, wanted) + (unsigned)__builtin_popcount(high);
}

#define compact_narrow_avx512 narrow_avx512

/* Both masks are counted at once, though joining them takes time. */
MT_AVX512 MT_INLINE unsigned compact_wide_avx512(const struct maple_node *node, mt_key key)
{
	const __m512i wanted = _mm512_set1_epi64((int64_t)key);
	__mmask8 low = _mm512_cmpgt_epu64_mask(wanted, _mm512_load_si512(node));
	__mmask8 high = _mm512_cmpgt_epu64_mask(wanted, _mm512_load_si512((const char *)node + 64));

	return (unsigned)__builtin_popcount(_mm512_kunpackb(high, low) & ~1u);
}

#endif

#ifdef MT_HAVE_NEON

#define MT_COUNTS_NEON 1

/* ---- NEON: two lanes at a time ---- */

/* Pairs, and one pivot over. A true comparison is -1. */
MT_INLINE unsigned pivots_below_neon(const struct maple_node *node, mt_key key, unsigned last)
{
	const uint64x2_t wanted = vdupq_n_u64(key);
	uint64x2_t count = vdupq_n_u64(0);

	for (unsigned i = 0; i < last; i += 2)
		count = vaddq_u64(count, vcltq_u64(vld1q_u64(node->pivot + i), wanted));
	return (unsigned)(0 - vaddvq_u64(count)) + (node->pivot[last] < key);
}

MT_INLINE unsigned narrow_neon(const struct maple_node *node, mt_key key)
{
	return pivots_below_neon(node, key, MT_NARROW_SLOTS - 2);
}

MT_INLINE unsigned wide_neon(const struct maple_node *node, mt_key key)
{
	return pivots_below_neon(node, key, MT_WIDE_SLOTS - 2);
}

#endif
