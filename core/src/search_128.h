/* SPDX-License-Identifier: MIT */
/*
 * The counts of pivots with vectors, for keys of 128 bits: narrow_VERSION() and wide_VERSION(). Only
 * for search.c. A version for which MT_COUNTS_VERSION is not defined does not pay for this width.
 *
 * A key is two 64-bit words, the low one first. A pivot is below a key if its high word is, or if
 * the high words are equal and its low word is.
 */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low word is first");

#ifdef MT_HAVE_X86

#define MT_COUNTS_AVX2 1
#define MT_COUNTS_AVX512 1

/* ---- AVX2. The lanes are in groups of four: a cache line each, and lane 0 is the header. First,
 * find the last group whose first lane is below the key; then, four lanes at a time, low words apart
 * from high words. AVX2 compares signed numbers, so all words have their top bit flipped. Where the
 * low word of the wanted key is above a pivot's, its high word is taken to be one more: then it is
 * above the pivot's high word exactly if the key is above the pivot. There is no word above the
 * highest one, so keys that have it are searched without vectors. ---- */

MT_INLINE bool has_highest_word(mt_key key)
{
	return __builtin_expect((uint64_t)(key >> 64) == UINT64_MAX, false);
}

MT_AVX2 MT_INLINE unsigned lanes_below_avx2(const struct maple_node *node, mt_key key,
					    unsigned groups)
{
	const __m256i flip = _mm256_set1_epi64x(INT64_MIN);
	const __m256i low = _mm256_xor_si256(_mm256_set1_epi64x((int64_t)(uint64_t)key), flip);
	const __m256i high =
		_mm256_xor_si256(_mm256_set1_epi64x((int64_t)(uint64_t)(key >> 64)), flip);
	const __m256i *lanes;
	__m256i even, odd, carry, less;
	unsigned group = 0;
	unsigned below;

	for (unsigned i = 1; i < groups; i++)
		group += node->lane[4 * i] < key;
	lanes = (const __m256i *)(node->lane + 4 * group);
	even = _mm256_xor_si256(_mm256_load_si256(lanes), flip);
	odd = _mm256_xor_si256(_mm256_load_si256(lanes + 1), flip);
	carry = _mm256_cmpgt_epi64(low, _mm256_unpacklo_epi64(even, odd));
	less = _mm256_cmpgt_epi64(_mm256_sub_epi64(high, carry), _mm256_unpackhi_epi64(even, odd));
	below = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(less));
	/* The lowest bit is lane 0's, or that of a pivot that is below the key. */
	return 4 * group + (unsigned)__builtin_popcount(below | 1u) - 1;
}

MT_AVX2 MT_INLINE unsigned narrow_avx2(const struct maple_node *node, mt_key key)
{
	return has_highest_word(key) ? narrow_portable(node, key)
				     : lanes_below_avx2(node, key, MT_NARROW_SLOTS / 4);
}

MT_AVX2 MT_INLINE unsigned wide_avx2(const struct maple_node *node, mt_key key)
{
	return has_highest_word(key) ? wide_portable(node, key)
				     : lanes_below_avx2(node, key, MT_WIDE_SLOTS / 4);
}

/* ---- AVX-512: four keys at a time. Bit i of the masks is word i of the lanes: the header has the
 * lowest two, and pivot i has bits 2 * i + 2 and 2 * i + 3. ---- */

MT_AVX512 MT_INLINE unsigned lanes_below_avx512(const struct maple_node *node, mt_key key,
						unsigned vectors)
{
	const int64_t low = (int64_t)(uint64_t)key;
	const int64_t high = (int64_t)(uint64_t)(key >> 64);
	const __m512i wanted = _mm512_set_epi64(high, low, high, low, high, low, high, low);
	uint64_t below = 0;
	uint64_t equal = 0;

	for (unsigned i = 0; i < vectors; i++) {
		__m512i words = _mm512_load_si512((const char *)node + 64 * i);

		below |= (uint64_t)_mm512_cmplt_epu64_mask(words, wanted) << (8 * i);
		equal |= (uint64_t)_mm512_cmpeq_epi64_mask(words, wanted) << (8 * i);
	}
	below |= equal & below << 1;
	return (unsigned)__builtin_popcountll(below & UINT64_C(0xaaaaaaaaaaaaaaa8));
}

MT_AVX512 MT_INLINE unsigned narrow_avx512(const struct maple_node *node, mt_key key)
{
	return lanes_below_avx512(node, key, MT_NARROW_SLOTS / 4);
}

MT_AVX512 MT_INLINE unsigned wide_avx512(const struct maple_node *node, mt_key key)
{
	return lanes_below_avx512(node, key, MT_WIDE_SLOTS / 4);
}

#define compact_avx512 wide_avx512

#endif
