/* SPDX-License-Identifier: MIT */
/*
 * Words as numbers: the operations of mtree_accumulate(). An addend of integers has two words, low
 * and high, in two's complement, so that a sum may leave the range on its way. For accumulate.c and
 * profile.c.
 */
#ifndef MT_NUMBER_H
#define MT_NUMBER_H

#include "width.h"

#include <string.h>

static inline double mt_double_of(uint64_t word)
{
	double number;

	memcpy(&number, &word, sizeof(number));
	return number;
}

static inline uint64_t mt_word_of(double number)
{
	uint64_t word;

	memcpy(&word, &number, sizeof(word));
	return word;
}

/* The word above a signed number's own one. */
static inline uint64_t mt_sign(uint64_t word)
{
	return -(word >> 63);
}

/* The high word of an addend that is a word of the tree. */
static inline uint64_t mt_high_word(enum mt_number number, uint64_t word)
{
	return number == mt_number_signed ? mt_sign(word) : 0;
}

static inline bool mt_number_below(enum mt_number number, uint64_t a, uint64_t b)
{
	switch (number) {
	case mt_number_unsigned:
		return a < b;
	case mt_number_signed:
		return (int64_t)a < (int64_t)b;
	default:
		return mt_double_of(a) < mt_double_of(b);
	}
}

static inline bool mt_number_is_nan(enum mt_number number, uint64_t word)
{
	return number == mt_number_double && word << 1 > (uint64_t)0x7ff << 53;
}

/* The lesser or greater of two; the first one if they are equal, and a NaN if one is. */
static inline uint64_t mt_number_choose(enum mt_number number, uint64_t a, uint64_t b, bool greater)
{
	if (mt_number_is_nan(number, a))
		return a;
	if (mt_number_is_nan(number, b))
		return b;
	return (greater ? mt_number_below(number, a, b) : mt_number_below(number, b, a)) ? b : a;
}

/* a op b, where a sum of integers wraps. */
static inline uint64_t mt_number_combine(enum mt_number number, enum mt_operation operation,
					 uint64_t a, uint64_t b)
{
	switch (operation) {
	case mt_op_add:
		return number == mt_number_double ? mt_word_of(mt_double_of(a) + mt_double_of(b))
						  : a + b;
	case mt_op_min:
		return mt_number_choose(number, a, b, false);
	case mt_op_max:
		return mt_number_choose(number, a, b, true);
	case mt_op_or:
		return a | b;
	default:
		return a & b;
	}
}

/* Whether the integer `word` plus an addend, which has wrapped to `sum`, fits into a word. */
static inline bool mt_sum_fits(enum mt_number number, uint64_t word, uint64_t high, uint64_t sum)
{
	bool carry = sum < word;

	if (number == mt_number_unsigned)
		return high + carry == 0;
	return mt_sign(word) + high + carry == mt_sign(sum);
}

#endif /* MT_NUMBER_H */
