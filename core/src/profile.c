/* SPDX-License-Identifier: MIT */
/*
 * The profile of many ranges: for each key, the result of all words whose ranges cover it.
 *
 *     ranges      [ 5          ]              the ends of all ranges, sorted, cut the keys into
 *                      [ 2 ]      [ 1 ]       elementary stretches; a binary tree stands on these
 *     stretches   [ 5 |  7 | 5 ]  [ 1 ]
 *
 * Each range is applied to the O(log n) nodes that it is made of. One pass from the root down then
 * brings what a node got to the stretches below it. So n ranges cost O(n log n), however they
 * overlap. The order in which numbers are combined is that of samara/_pure/accumulate.py, so sums
 * of floats are equal to the bit.
 *
 * All memory is one block, in words; a key takes k of them, 1 or 2. The counts of the sort; what is
 * made of n ranges, (6k + 2)n + k; if needed, the high words of the nodes, 4n; and the ranges in
 * order, (2k + 1)n. The second part is used so:
 *
 *     by nodes     keys 2kn | low words of the nodes 4n | which nodes have a word 4n bytes |
 *                  last 2kn if k = 2, in the place of the ends
 *     by counting  first 2kn | last 2kn | low 2n | ends 2kn + k
 *
 * For both, the ends of the ranges are sorted in the last 2kn. When all are keys, the nodes' bytes
 * come there if k = 1, and last keys if k = 2. The ranges are sorted in memory that is not used yet.
 *
 * If another thread changes the caller's arrays meanwhile, the result is wrong, but no other memory
 * is read or written. Owns the block until mt_profile_free(). Only for accumulate.c.
 */
#include "profile.h"
#include "number.h"

#include <errno.h>
#include <stdlib.h>

#define DIGIT_BITS 8u
#define DIGITS (MT_KEY_BITS / DIGIT_BITS)
#define BUCKETS (1u << DIGIT_BITS)
#define KEY_WORDS (sizeof(mt_key) / sizeof(uint64_t))
/* Words for each range: before the place where the ends are sorted, and of the range in order. */
#define ENDS_AT (4 * KEY_WORDS + 2)
#define IN_ORDER (2 * KEY_WORDS + 1)
/* The words behind two arrays of keys. */
#define WORDS_BEHIND(keys, count) ((uint64_t *)((keys) + 2 * (count)))

/* The binary tree. Node i has the children 2i and 2i + 1, and the stretches are the nodes from
 * `stretches` on. */
struct nodes {
	const struct mt_accumulation *what;
	size_t stretches;
	uint64_t *low;
	uint64_t *high; /* NULL: no sum needs two words */
	bool *touched;  /* the node has a word */
};

/* ---- sorting --------------------------------------------------------------------------------- */

static bool is_sorted(const mt_key *keys, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (keys[i] < keys[i - 1])
			return false;
	}
	return true;
}

static inline size_t digit_of(mt_key key, unsigned digit)
{
	return (size_t)(key >> digit * DIGIT_BITS) & (BUCKETS - 1);
}

/* A radix sort, from the lowest digit up, which keeps the order of equal keys. It works in pairs of
 * arrays. The keys are in the first one, and so are their places, if they are to be sorted with
 * them. Digits that all keys share are left out. Returns which of the arrays are sorted. */
static unsigned sort_keys(mt_key *const keys[2], uint64_t *const places[2], size_t count,
			  uint64_t (*buckets)[BUCKETS])
{
	unsigned at = 0;

	memset(buckets, 0, DIGITS * sizeof(*buckets));
	for (size_t i = 0; i < count; i++) {
		for (unsigned digit = 0; digit < DIGITS; digit++)
			buckets[digit][digit_of(keys[0][i], digit)]++;
	}
	for (unsigned digit = 0; digit < DIGITS; digit++) {
		uint64_t *next = buckets[digit];
		uint64_t sum = 0;

		if (next[digit_of(keys[0][0], digit)] == count)
			continue;
		for (unsigned i = 0; i < BUCKETS; i++) {
			uint64_t some = next[i];

			next[i] = sum;
			sum += some;
		}
		for (size_t i = 0; i < count; i++) {
			mt_key key = keys[at][i];
			uint64_t to = next[digit_of(key, digit)]++;

			keys[!at][to] = key;
			if (places)
				places[!at][to] = places[at][i];
		}
		at = !at;
	}
	return at;
}

/* Put the ranges into the order of their first keys, in arrays of their own. */
static void sort_ranges(struct mt_accumulation *what, mt_key *sorted, mt_key *scratch,
			uint64_t (*buckets)[BUCKETS])
{
	size_t count = what->count;
	mt_key *const keys[] = {scratch, scratch + count};
	uint64_t *const places[] = {WORDS_BEHIND(scratch, count),
				    WORDS_BEHIND(scratch, count) + count};
	unsigned at;

	for (size_t i = 0; i < count; i++) {
		keys[0][i] = what->first[i];
		places[0][i] = i;
	}
	at = sort_keys(keys, places, count, buckets);
	for (size_t i = 0; i < count; i++) {
		size_t place = places[at][i];

		sorted[i] = keys[at][i];
		sorted[count + i] = what->last[place];
		if (!what->same)
			WORDS_BEHIND(sorted, count)[i] = what->words[place];
	}
	what->first = sorted;
	what->last = sorted + count;
	if (!what->same)
		what->words = WORDS_BEHIND(sorted, count);
}

/* The keys after the ends of the ranges, sorted. There is none after the last key. Returns where
 * they are in the scratch memory. */
static mt_key *sort_ends(const struct mt_accumulation *what, mt_key *scratch,
			 uint64_t (*buckets)[BUCKETS], size_t *ends)
{
	mt_key *const keys[] = {scratch, scratch + what->count};
	size_t count = 0;

	for (size_t i = 0; i < what->count; i++) {
		keys[0][count] = what->last[i] + 1;
		count += what->last[i] != MT_KEY_MAX;
	}
	*ends = count;
	return is_sorted(keys[0], count) ? keys[0] : keys[sort_keys(keys, NULL, count, buckets)];
}

/* Merge two sorted arrays, and keep each key once. The lowest key is the first one of `firsts`.
 * Returns how many keys there are. Which array has the next key is unpredictable for the
 * processor. */
static size_t merge_keys(const mt_key *firsts, size_t count, const mt_key *ends, size_t more,
			 mt_key *keys)
{
	size_t i = 1, j = 0, merged = 1;

	keys[0] = firsts[0];
	while (i < count && j < more) {
		mt_key a = firsts[i], b = ends[j];
		mt_key key = a < b ? a : b;

		i += a <= b;
		j += b <= a;
		keys[merged] = key;
		merged += key != keys[merged - 1];
	}
	for (; i < count; i++) {
		keys[merged] = firsts[i];
		merged += firsts[i] != keys[merged - 1];
	}
	for (; j < more; j++) {
		keys[merged] = ends[j];
		merged += ends[j] != keys[merged - 1];
	}
	return merged;
}

/* The position of the last key that is not above `key`, from `low` on. Searched for in steps that
 * double. */
static size_t find_key(const mt_key *keys, size_t count, mt_key key, size_t low)
{
	size_t step = 1, high;

	while (step < count - low && keys[low + step] <= key) {
		low += step;
		step *= 2;
	}
	high = step < count - low ? low + step : count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (keys[middle] <= key)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* ---- the binary tree ------------------------------------------------------------------------- */

static inline void join(const struct nodes *nodes, size_t node, uint64_t low, uint64_t high)
{
	const struct mt_accumulation *what = nodes->what;
	uint64_t old;

	if (!nodes->touched[node]) {
		nodes->touched[node] = true;
		nodes->low[node] = low;
		if (nodes->high)
			nodes->high[node] = high;
		return;
	}
	old = nodes->low[node];
	low = mt_number_combine(what->number, what->operation, old, low);
	nodes->low[node] = low;
	if (nodes->high)
		nodes->high[node] += high + (low < old);
}

/* Combine a word with those of the stretches [from, to). */
static void join_stretches(const struct nodes *nodes, size_t from, size_t to, uint64_t low,
			   uint64_t high)
{
	from += nodes->stretches;
	to += nodes->stretches;
	for (; from < to; from /= 2, to /= 2) {
		if (from % 2)
			join(nodes, from++, low, high);
		if (to % 2)
			join(nodes, --to, low, high);
	}
}

static void join_ranges(const struct nodes *nodes, const mt_key *keys)
{
	const struct mt_accumulation *what = nodes->what;
	size_t count = nodes->stretches;
	size_t from = 0;

	for (size_t i = 0; i < what->count; i++) {
		uint64_t word = what->words[what->same ? 0 : i];
		mt_key end = what->last[i] + 1;
		size_t to;

		from = find_key(keys, count, what->first[i], from);
		to = end ? find_key(keys, count, end, from) : count;
		join_stretches(nodes, from, to, word, mt_high_word(what->number, word));
	}
}

/* Bring what each node has to the stretches below it. */
static void push_down(const struct nodes *nodes)
{
	for (size_t node = 1; node < nodes->stretches; node++) {
		if (!nodes->touched[node])
			continue;
		for (size_t child = 2 * node; child <= 2 * node + 1; child++)
			join(nodes, child, nodes->low[node], nodes->high ? nodes->high[node] : 0);
	}
}

/* ---- the profile of any numbers -------------------------------------------------------------- */

/* Whether some sum of integers might not fit into a word. */
static bool may_overflow(const struct mt_accumulation *what)
{
	bool is_signed = what->number == mt_number_signed;
	uint64_t limit = is_signed ? INT64_MAX : UINT64_MAX;
	uint64_t sum = 0;

	for (size_t i = 0; i < what->count; i++) {
		uint64_t word = what->words[what->same ? 0 : i];

		if (is_signed && word >> 63)
			word = -word;
		if (word > limit - sum)
			return true;
		sum += word;
	}
	return false;
}

/* Keep the stretches with a word. They move down: the first into the keys, the last into `last`. */
static void keep_touched(struct mt_profile *profile, const struct nodes *nodes, mt_key *keys,
			 mt_key *last)
{
	size_t stretches = nodes->stretches;
	size_t kept = 0;

	profile->first = keys;
	profile->last = last;
	profile->low = nodes->low + stretches;
	profile->high = nodes->high ? nodes->high + stretches : NULL;
	for (size_t i = 0; i < stretches; i++) {
		if (!nodes->touched[stretches + i])
			continue;
		profile->first[kept] = keys[i];
		profile->last[kept] = i + 1 < stretches ? keys[i + 1] - 1 : MT_KEY_MAX;
		profile->low[kept] = profile->low[i];
		if (profile->high)
			profile->high[kept] = profile->high[i];
		kept++;
	}
	profile->count = kept;
}

static void make_by_nodes(struct mt_profile *profile, const struct mt_accumulation *what,
			  const mt_key *ends, size_t more, uint64_t *memory, uint64_t *high)
{
	mt_key *keys = (mt_key *)memory;
	struct nodes nodes = {
		.what = what,
		.low = memory + 2 * KEY_WORDS * what->count,
		.high = high,
		.touched = (bool *)(memory + (2 * KEY_WORDS + 4) * what->count),
	};
	/* Inner nodes are not needed any more, if a key has room in one. Nor are the ends. */
	uint64_t *last = KEY_WORDS == 1 ? nodes.low : memory + ENDS_AT * what->count;

	nodes.stretches = merge_keys(what->first, what->count, ends, more, keys);
	memset(nodes.touched, 0, 2 * nodes.stretches);
	join_ranges(&nodes, keys);
	push_down(&nodes);
	keep_touched(profile, &nodes, keys, (mt_key *)last);
}

/* ---- the profile of a number ----------------------------------------------------------------- */

struct sweep {
	mt_key first;   /* of the stretch in progress */
	uint64_t depth; /* ranges that cover it */
	size_t count;   /* of stretches with a range */
};

/* End the stretch before `key`. It is written to the place of the next one, and kept if some range
 * covers it: the processor cannot predict that. */
static inline void end_stretch(struct mt_profile *profile, struct sweep *sweep, mt_key key,
			       uint64_t word)
{
	profile->first[sweep->count] = sweep->first;
	profile->last[sweep->count] = key - 1;
	profile->low[sweep->count] = sweep->depth * word;
	sweep->count += sweep->depth && key != sweep->first;
	sweep->first = key;
}

/* If all ranges have the same integer, one pass over the ends counts how many ranges there are.
 * `ends` has room for one more. */
static void make_by_counting(struct mt_profile *profile, const struct mt_accumulation *what,
			     mt_key *ends, size_t more, mt_key *memory)
{
	size_t room = 2 * what->count;
	struct sweep sweep = {.first = what->first[0]};
	uint64_t word = *what->words;
	size_t i = 0, j = 0;

	profile->first = memory;
	profile->last = memory + room;
	profile->low = WORDS_BEHIND(memory, room);
	ends[more] = MT_KEY_MAX;
	while (i < what->count) {
		mt_key first = what->first[i], end = ends[j];
		bool begins = first <= end;

		end_stretch(profile, &sweep, begins ? first : end, word);
		sweep.depth += begins ? 1 : UINT64_MAX;
		i += begins;
		j += !begins;
	}
	for (; j < more; j++) {
		end_stretch(profile, &sweep, ends[j], word);
		sweep.depth--;
	}
	/* Ranges that are left end with the last key. */
	profile->first[sweep.count] = sweep.first;
	profile->last[sweep.count] = MT_KEY_MAX;
	profile->low[sweep.count] = sweep.depth * word;
	profile->count = sweep.count + (sweep.depth != 0);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool all_same(const struct mt_accumulation *what)
{
	for (size_t i = 1; !what->same && i < what->count; i++) {
		if (what->words[i] != what->words[0])
			return false;
	}
	return true;
}

int mt_profile_make(struct mt_profile *profile, const struct mt_accumulation *what)
{
	size_t count = what->count, more;
	bool sums = what->operation == mt_op_add && what->number != mt_number_double;
	bool wide = sums && may_overflow(what);
	bool counts = sums && !wide && all_same(what);
	bool sorted = is_sorted(what->first, count);
	size_t most = (6 * KEY_WORDS + 2) * count + KEY_WORDS;
	size_t words =
		DIGITS * BUCKETS + most + (wide ? 4 : 0) * count + (sorted ? 0 : IN_ORDER) * count;
	uint64_t *block = malloc(words * sizeof(*block));
	uint64_t(*buckets)[BUCKETS] = (uint64_t(*)[BUCKETS])block;
	uint64_t *memory = block + DIGITS * BUCKETS;
	struct mt_accumulation in_order = *what;
	mt_key *ends;

	*profile = (struct mt_profile){.memory = block};
	if (!block)
		return -ENOMEM;
	in_order.same = what->same || counts;
	if (!sorted)
		sort_ranges(&in_order, (mt_key *)(block + words - IN_ORDER * count),
			    (mt_key *)memory, buckets);
	ends = sort_ends(&in_order, (mt_key *)(memory + ENDS_AT * count), buckets, &more);
	if (counts)
		make_by_counting(profile, &in_order, ends, more, (mt_key *)memory);
	else
		make_by_nodes(profile, &in_order, ends, more, memory, wide ? memory + most : NULL);
	return 0;
}

void mt_profile_free(struct mt_profile *profile)
{
	free(profile->memory);
}
