/* SPDX-License-Identifier: MIT */
/*
 * Codes of floats: the doubles from -inf to inf in order, as 0 ... FLOAT_TOP. Between two that are
 * neighbours there is no other double, so their codes differ by 1. -0.0 has the code of 0.0.
 *
 * No branches, so loops over arrays become vector instructions. NaN is no key: its code is above
 * FLOAT_TOP. For moments, keys and columns of keys.
 */
#ifndef SAMARA_FLOATS_H
#define SAMARA_FLOATS_H

#include <stdint.h>
#include <string.h>

#define FLOAT_ZERO UINT64_C(0x7FF0000000000000) /* the code of 0.0, and the bits of infinity */
#define FLOAT_TOP (2 * FLOAT_ZERO)

/* Of a double's bits. */
static inline uint64_t code_of_bits(uint64_t bits)
{
	uint64_t magnitude = bits & (uint64_t)INT64_MAX;
	uint64_t negative = -(bits >> 63);

	return FLOAT_ZERO + ((magnitude ^ negative) - negative);
}

/* The bits of a double. Needs code <= FLOAT_TOP. */
static inline uint64_t bits_of_code(uint64_t code)
{
	uint64_t distance = code - FLOAT_ZERO;
	uint64_t negative = -(distance >> 63);

	return ((distance ^ negative) - negative) | negative << 63;
}

static inline uint64_t code_of_double(double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	return code_of_bits(bits);
}

static inline double double_of_code(uint64_t code)
{
	uint64_t bits = bits_of_code(code);
	double number;

	memcpy(&number, &bits, sizeof(number));
	return number;
}

#endif /* SAMARA_FLOATS_H */
