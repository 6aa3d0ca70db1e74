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

#define MT_COUNTS_AVX512 1

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

#endif
