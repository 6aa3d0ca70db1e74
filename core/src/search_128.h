/* SPDX-License-Identifier: MIT */
/*
 * The counts of pivots with vectors, for keys of 128 bits: those that search_descents.h asks for. Only
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

/* ---- AVX-512: two cache lines at a time, eight lanes. Their order does not matter, except that the
 * first bit of the first mask is the header's. An odd last line is taken twice: every second bit of
 * its mask is a lane's. ---- */

/* For keys that have the highest word. */
MT_APART __attribute__((cold)) static unsigned highest_below(const struct maple_node *node,
							     mt_key key, unsigned lines)
{
	return lines == MT_NARROW_SLOTS / 4 ? narrow_portable(node, key) : wide_portable(node, key);
}

/* The lanes of two lines that are below a key. Compact: two comparisons, as with AVX2, of which the
 * second needs the first. Otherwise three, at the same time. */
MT_AVX512 MT_INLINE unsigned two_lines_below(__m512i one, __m512i two, __m512i low, __m512i high,
					     bool compact)
{
	__m512i lows = _mm512_unpacklo_epi64(one, two);
	__m512i highs = _mm512_unpackhi_epi64(one, two);
	__mmask8 low_below = _mm512_cmplt_epu64_mask(lows, low);
	__mmask8 equal, below;

	if (compact) {
		high = _mm512_mask_add_epi64(high, low_below, high, _mm512_set1_epi64(1));
		return _mm512_cmplt_epu64_mask(highs, high);
	}
	equal = _mm512_cmpeq_epu64_mask(highs, high);
	below = _mm512_cmplt_epu64_mask(highs, high);
	return _kor_mask8(below, _kand_mask8(equal, low_below));
}

MT_AVX512 MT_INLINE unsigned lanes_below_avx512(const struct maple_node *node, mt_key key,
						unsigned lines, bool compact)
{
	const __m512i low = _mm512_set1_epi64((int64_t)(uint64_t)key);
	const __m512i high = _mm512_set1_epi64((int64_t)(uint64_t)(key >> 64));
	const __m512i *line = (const __m512i *)node->lane;
	unsigned below = 0;

	if (compact && has_highest_word(key))
		return highest_below(node, key, lines);
	for (unsigned i = 0; i < lines; i += 2) {
		bool odd = i + 1 == lines;
		__m512i one = _mm512_load_si512(line + i);
		__m512i two = odd ? one : _mm512_load_si512(line + i + 1);
		unsigned found = two_lines_below(one, two, low, high, compact);

		below |= (odd ? found & 0x55 : found) << (4 * i);
	}
	return (unsigned)__builtin_popcount(below & ~1u);
}

MT_AVX512 MT_INLINE unsigned narrow_avx512(const struct maple_node *node, mt_key key)
{
	return lanes_below_avx512(node, key, MT_NARROW_SLOTS / 4, false);
}

MT_AVX512 MT_INLINE unsigned wide_avx512(const struct maple_node *node, mt_key key)
{
	return lanes_below_avx512(node, key, MT_WIDE_SLOTS / 4, false);
}

MT_AVX512 MT_INLINE unsigned compact_narrow_avx512(const struct maple_node *node, mt_key key)
{
	return lanes_below_avx512(node, key, MT_NARROW_SLOTS / 4, true);
}

MT_AVX512 MT_INLINE unsigned compact_wide_avx512(const struct maple_node *node, mt_key key)
{
	return lanes_below_avx512(node, key, MT_WIDE_SLOTS / 4, true);
}

#endif
