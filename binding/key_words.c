/* SPDX-License-Identifier: MIT */
/*
 * Blocks of numbers that become codes. The loops have no branches. Owns nothing. For key_column.c.
 */
#include "key_words.h"
#include "floats.h"

/* ---- the units of numpy --------------------------------------------------------------------- */

struct unit {
	const char *name;
	int64_t seconds; /* so many; 0: a part of a second, */
	int64_t parts;   /* one of so many */
};

static const struct unit units[] = {
	{"W", 7 * 86400, 1},
	{"D", 86400, 1},
	{"h", 3600, 1},
	{"m", 60, 1},
	{"s", 1, 1},
	{"ms", 0, 1000},
	{"us", 0, 1000000},
	{"ns", 0, 1000000000},
	{"ps", 0, INT64_C(1000000000000)},
	{"fs", 0, INT64_C(1000000000000000)},
	{"as", 0, INT64_C(1000000000000000000)},
};

/* Read "<M8[25us]": the unit, or NULL, and how many of them. */
static const struct unit *read_unit(const char *type, long *multiple)
{
	const char *at = strchr(type, '[');
	char *name;

	if (!at)
		return NULL;
	*multiple = strtol(at + 1, &name, 10);
	if (name == at + 1)
		*multiple = 1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t length = strlen(units[i].name);

		if (strncmp(name, units[i].name, length) == 0 && name[length] == ']')
			return &units[i];
	}
	return NULL;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
	while (b) {
		int64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Set divisor and factor for units of `number` / `parts` codes. */
static void set_ratio(struct key_words *words, int64_t number, int64_t parts)
{
	int64_t divisor = common_divisor(number, parts);

	words->factor = number / divisor;
	words->divisor = parts / divisor;
}

/* The same for a unit of numpy's; false if the numbers are too large. */
static bool set_unit(struct key_words *words, const struct unit *unit, int64_t multiple,
		     int64_t per_second)
{
	int64_t number = multiple * (unit->seconds ? unit->seconds : 1);

	if (per_second == 0) {
		/* As DateKind.items() in Python: nothing below nanoseconds. */
		if (unit->parts > 1000000000)
			return false;
		set_ratio(words, number, unit->parts * 86400);
		return true;
	}
	if (__builtin_mul_overflow(number, per_second, &number))
		return false;
	set_ratio(words, number, unit->parts);
	return true;
}

static int64_t floor_divided(int64_t number, int64_t divisor)
{
	return number / divisor - (number % divisor < 0);
}

bool key_words_of_moments(struct key_words *words, const struct moments *moments, const char *type)
{
	long multiple;
	const struct unit *unit = read_unit(type, &multiple);
	int64_t last = (int64_t)((uint64_t)moments->origin + moments->top);

	*words = (struct key_words){.are = WORDS_ARE_MOMENTS, .origin = moments->origin};
	if (type[0] == (PY_LITTLE_ENDIAN ? '>' : '<') || !unit ||
	    !set_unit(words, unit, multiple, moments->per_second))
		return false;
	words->lowest = -floor_divided(-moments->origin, words->factor);
	words->span = (uint64_t)floor_divided(last, words->factor) - (uint64_t)words->lowest;
	return true;
}

/* ---- blocks --------------------------------------------------------------------------------- */

/* Inline, so that `factor` may be a constant. */
static inline void convert_whole(const struct key_words *words, uint64_t factor,
				 const uint64_t *from, size_t count, uint64_t *codes)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t outside = word_above(from[i] - (uint64_t)words->lowest, words->span) >> 63;

		codes[i] = (from[i] * factor - (uint64_t)words->origin) | -outside;
	}
}

static void convert_moments(const struct key_words *words, const uint64_t *from, size_t count,
			    uint64_t *codes)
{
	if (words->factor == 1)
		convert_whole(words, 1, from, count, codes);
	else
		convert_whole(words, (uint64_t)words->factor, from, count, codes);
}

/* NaT, and a word that is finer than the kind's unit, become UINT64_MAX. */
static inline void convert_divided(const struct key_words *words, int64_t divisor,
				   const uint64_t *from, size_t count, uint64_t *codes)
{
	for (size_t i = 0; i < count; i++) {
		int64_t word = (int64_t)from[i];
		int64_t whole = word / divisor;
		uint64_t inside = (uint64_t)whole - (uint64_t)words->lowest <= words->span &&
				  whole * divisor == word && word != INT64_MIN;

		codes[i] = ((uint64_t)whole * (uint64_t)words->factor - (uint64_t)words->origin) |
			   (inside - 1);
	}
}

/* To divide by a constant takes no division. */
static void convert_finer(const struct key_words *words, const uint64_t *from, size_t count,
			  uint64_t *codes)
{
	switch (words->divisor) {
	case 1000:
		convert_divided(words, 1000, from, count, codes);
		break;
	case 1000000:
		convert_divided(words, 1000000, from, count, codes);
		break;
	case 1000000000:
		convert_divided(words, 1000000000, from, count, codes);
		break;
	default:
		convert_divided(words, words->divisor, from, count, codes);
		break;
	}
}

void key_words_convert(const struct key_words *words, const uint64_t *from, size_t count,
		       uint64_t *codes)
{
	switch (words->are) {
	case WORDS_ARE_CODES:
		memmove(codes, from, count * sizeof(*codes));
		break;
	case WORDS_ARE_SIGNED:
		for (size_t i = 0; i < count; i++)
			codes[i] = from[i] ^ UINT64_C(1) << 63;
		break;
	case WORDS_ARE_FLOATS:
		for (size_t i = 0; i < count; i++)
			codes[i] = code_of_bits(from[i]);
		break;
	case WORDS_ARE_INTS:
		for (size_t i = 0; i < count; i++)
			codes[i] = code_of_double((double)(int64_t)from[i]);
		break;
	case WORDS_ARE_NATURALS:
		for (size_t i = 0; i < count; i++)
			codes[i] = code_of_double((double)from[i]);
		break;
	case WORDS_ARE_MOMENTS:
		(words->divisor == 1 ? convert_moments : convert_finer)(words, from, count, codes);
		break;
	}
}

bool key_words_is_finer(const struct key_words *words, uint64_t word)
{
	return (int64_t)word % words->divisor != 0 && (int64_t)word != INT64_MIN;
}
