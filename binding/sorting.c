/* SPDX-License-Identifier: MIT */
/*
 * A stable radix sort: one pass for each byte of the keys, from the lowest. A byte that is the same
 * in all keys needs no pass, so keys below 2^24 take three. Owns its memory until it returns. For
 * ranges.c.
 */
#include "sorting.h"

#define DIGITS sizeof(mt_key)
#define DIGIT_BITS 8
#define BUCKETS (1u << DIGIT_BITS)

struct pair {
	mt_key key;
	size_t row;
};

static unsigned digit_of(mt_key key, unsigned digit)
{
	return (unsigned)(key >> (digit * DIGIT_BITS)) & (BUCKETS - 1);
}

/* Move all pairs to their buckets, of which `sizes` has the sizes. */
static void deal(const struct pair *from, struct pair *to, size_t count, unsigned digit,
		 const size_t *sizes)
{
	size_t places[BUCKETS];
	size_t place = 0;

	for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
		places[bucket] = place;
		place += sizes[bucket];
	}
	for (size_t i = 0; i < count; i++)
		to[places[digit_of(from[i].key, digit)]++] = from[i];
}

static void sort_pairs(struct pair *pairs, struct pair *spare, size_t count, size_t *rows)
{
	size_t sizes[DIGITS][BUCKETS] = {{0}};

	for (size_t i = 0; i < count; i++) {
		for (unsigned digit = 0; digit < DIGITS; digit++)
			sizes[digit][digit_of(pairs[i].key, digit)]++;
	}
	for (unsigned digit = 0; digit < DIGITS; digit++) {
		struct pair *dealt = spare;

		if (sizes[digit][digit_of(pairs[0].key, digit)] == count)
			continue;
		deal(pairs, spare, count, digit, sizes[digit]);
		spare = pairs;
		pairs = dealt;
	}
	for (size_t i = 0; i < count; i++)
		rows[i] = pairs[i].row;
}

int sort_rows(const mt_key *keys, size_t count, size_t *rows)
{
	struct pair *pairs = PyMem_New(struct pair, count);
	struct pair *spare = PyMem_New(struct pair, count);
	int status = -1;

	if (pairs && spare) {
		for (size_t i = 0; i < count; i++)
			pairs[i] = (struct pair){keys[i], i};
		if (count)
			sort_pairs(pairs, spare, count, rows);
		status = 0;
	} else {
		PyErr_NoMemory();
	}
	PyMem_Free(pairs);
	PyMem_Free(spare);
	return status;
}
