/* SPDX-License-Identifier: MIT */
/* How the numbers in an array of the caller's become codes of 64 bits. */
#ifndef SAMARA_KEY_WORDS_H
#define SAMARA_KEY_WORDS_H

#include "moments.h"

enum words_are {
	WORDS_ARE_CODES,
	WORDS_ARE_SIGNED,   /* of kind int64: its code 2^63 is 0 */
	WORDS_ARE_FLOATS,   /* the bits of doubles, */
	WORDS_ARE_INTS,     /* ints that become doubles, */
	WORDS_ARE_NATURALS, /* and unsigned ones */
	WORDS_ARE_MOMENTS,  /* numpy's datetime64 */
};

struct key_words {
	enum words_are are;
	/* Moments: a word divided by `divisor` is a number of units of `factor` codes. Those below
	 * `lowest`, and those more than `span` above it, are outside the limits. */
	int64_t divisor;
	int64_t factor;
	int64_t lowest;
	uint64_t span;
	int64_t origin;
};

/* Whether a word is above a limit, in the top bit: the carry of word + ~limit. Processors without
 * AVX-512 compare unsigned words one by one, but have vector instructions for this. */
static inline uint64_t word_above(uint64_t word, uint64_t limit)
{
	uint64_t rest = ~limit;

	return (word & rest) | ((word | rest) & ~(word + rest));
}

/* For a numpy array whose dtype.str is that, "<M8[us]" or the like: false if its unit, or its byte
 * order, is not supported. */
bool key_words_of_moments(struct key_words *words, const struct moments *moments, const char *type);
/* Convert a block; `codes` may be `from`. Moments outside the limits, NaT, and those that are finer
 * than the kind's unit become UINT64_MAX. NaN becomes a code above the top. Needs no GIL. */
void key_words_convert(const struct key_words *words, const uint64_t *from, size_t count,
		       uint64_t *codes);
/* Whether a moment is finer than the kind's unit. */
bool key_words_is_finer(const struct key_words *words, uint64_t word);

#endif /* SAMARA_KEY_WORDS_H */
