/* SPDX-License-Identifier: MIT */
/*
 * The oracle of oracle.h. Owns three arrays; everything is a linear scan. Invariant: a range's
 * cells are neighbours and share one number and one word.
 */
#include "oracle.h"

#include "test.h"

#include <stdlib.h>
#include <string.h>

static void init_arrays(struct oracle *oracle, size_t cells)
{
	oracle->cells = cells;
	oracle->first = test_array(cells, sizeof(*oracle->first));
	oracle->range = test_array(cells, sizeof(*oracle->range));
	oracle->word = test_array(cells, sizeof(*oracle->word));
	oracle->ranges = 0;
	oracle->coalesces = false;
	oracle->rises = 0;
}

void oracle_init(struct oracle *oracle, size_t cells)
{
	size_t i;

	init_arrays(oracle, cells);
	for (i = 0; i < cells; i++)
		oracle->first[i] = i;
}

void oracle_init_high(struct oracle *oracle, size_t cells)
{
	size_t i;

	init_arrays(oracle, cells);
	for (i = 1; i < cells; i++)
		oracle->first[i] = MT_KEY_MAX - (cells - 1 - i);
}

#if MT_KEY_BITS == 128
void oracle_init_middle(struct oracle *oracle, size_t cells)
{
	mt_key first = ((mt_key)1 << 64) - cells / 2;
	size_t i;

	init_arrays(oracle, cells);
	for (i = 1; i < cells; i++)
		oracle->first[i] = first + i;
}
#endif

/* The first key of a random cell, often small. */
static mt_key random_first(uint64_t *state)
{
	mt_key first = test_random_from(state);
#if MT_KEY_BITS == 128
	first = first << 64 | test_random_from(state);
	if (test_random_from(state) % 4 == 0)
		return ((mt_key)1 << 64) + test_random_from(state) % 4 - 2;
#endif
	return first >> test_random_from(state) % (MT_KEY_BITS - 4);
}

static int compare_keys(const void *a, const void *b)
{
	mt_key left = *(const mt_key *)a, right = *(const mt_key *)b;

	return (left > right) - (left < right);
}

void oracle_init_random(struct oracle *oracle, size_t cells)
{
	uint64_t state = test_random();
	size_t i, fresh;

	init_arrays(oracle, cells);
	for (i = 1; i < cells; i++)
		oracle->first[i] = i < 4 ? i : MT_KEY_MAX - (cells - 1 - i);
	for (i = 4; i + 4 < cells; i++) {
		oracle->first[i] = random_first(&state);
	}
	/* Equal or colliding edges move up until all differ. */
	do {
		qsort(oracle->first, cells, sizeof(*oracle->first), compare_keys);
		for (i = 1, fresh = 0; i < cells; i++) {
			if (oracle->first[i] == oracle->first[i - 1]) {
				oracle->first[i] =
					random_first(&state) + test_random_from(&state) % 999;
				fresh++;
			}
		}
	} while (fresh);
}

void oracle_copy(const struct oracle *oracle, struct oracle *copy)
{
	init_arrays(copy, oracle->cells);
	memcpy(copy->first, oracle->first, oracle->cells * sizeof(*oracle->first));
	memcpy(copy->range, oracle->range, oracle->cells * sizeof(*oracle->range));
	memcpy(copy->word, oracle->word, oracle->cells * sizeof(*oracle->word));
	copy->ranges = oracle->ranges;
	copy->coalesces = oracle->coalesces;
	copy->rises = oracle->rises;
}

void oracle_fini(struct oracle *oracle)
{
	free(oracle->first);
	free(oracle->range);
	free(oracle->word);
}

mt_key oracle_first(const struct oracle *oracle, size_t cell)
{
	return oracle->first[cell];
}

mt_key oracle_last(const struct oracle *oracle, size_t cell)
{
	return cell + 1 < oracle->cells ? oracle->first[cell + 1] - 1 : MT_KEY_MAX;
}

mt_key oracle_key(const struct oracle *oracle, size_t cell)
{
	mt_key first = oracle_first(oracle, cell), width = oracle_last(oracle, cell) - first;

	switch (test_below(3)) {
	case 0:
		return first;
	case 1:
		return first + width;
	default:
		return width ? first + test_key_below(width) : first;
	}
}

size_t oracle_cell(const struct oracle *oracle, mt_key key)
{
	size_t low = 0, high = oracle->cells - 1;

	while (low < high) {
		size_t middle = (low + high + 1) / 2;

		if (oracle->first[middle] <= key)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

void oracle_replace(struct oracle *oracle, size_t from, size_t to, uint64_t word)
{
	uint32_t number = ++oracle->ranges;
	size_t i;

	if (oracle->rises)
		word = (word - oracle_first(oracle, from)) & oracle->rises;
	for (i = from; i <= to; i++) {
		oracle->range[i] = number;
		oracle->word[i] = word;
	}
}

/* The number of a cell's range, if that range has this word. */
static uint32_t range_with(const struct oracle *oracle, size_t cell, uint64_t word)
{
	return cell < oracle->cells && oracle->word[cell] == word ? oracle->range[cell] : 0;
}

void oracle_store(struct oracle *oracle, size_t from, size_t to, uint64_t word)
{
	uint32_t number, left, right;
	size_t i;

	oracle_replace(oracle, from, to, word);
	if (!oracle->coalesces)
		return;
	number = oracle->range[from];
	left = range_with(oracle, from - 1, oracle->word[from]); /* no cell if from is 0 */
	right = range_with(oracle, to + 1, oracle->word[from]);
	for (i = from; left && i-- > 0 && oracle->range[i] == left;)
		oracle->range[i] = number;
	for (i = to + 1; right && i < oracle->cells && oracle->range[i] == right; i++)
		oracle->range[i] = number;
}

void oracle_clear(struct oracle *oracle, size_t from, size_t to)
{
	size_t i;

	for (i = from; i <= to; i++)
		oracle->range[i] = 0;
}

void oracle_map(struct oracle *oracle, size_t from, size_t to,
		uint64_t (*combine)(const void *context, bool present, uint64_t word),
		const void *context)
{
	size_t cell, high;

	for (cell = from; cell <= to; cell = high + 1) {
		bool present = oracle->range[cell] != 0;

		high = oracle_high(oracle, cell);
		high = high < to ? high : to;
		oracle_replace(oracle, cell, high,
			       combine(context, present, present ? oracle->word[cell] : 0));
	}
}

size_t oracle_low(const struct oracle *oracle, size_t cell)
{
	while (cell && oracle->range[cell - 1] == oracle->range[cell])
		cell--;
	return cell;
}

size_t oracle_high(const struct oracle *oracle, size_t cell)
{
	while (cell + 1 < oracle->cells && oracle->range[cell + 1] == oracle->range[cell])
		cell++;
	return cell;
}

bool oracle_at(const struct oracle *oracle, size_t cell, struct mt_entry *out)
{
	out->first = oracle_first(oracle, oracle_low(oracle, cell));
	out->last = oracle_last(oracle, oracle_high(oracle, cell));
	out->word = oracle->word[cell];
	if (oracle->rises)
		out->word = (out->word + out->first) & oracle->rises;
	return oracle->range[cell] != 0;
}

bool oracle_find(const struct oracle *oracle, size_t cell, size_t max, struct mt_entry *out)
{
	for (; cell <= max; cell++) {
		if (oracle->range[cell])
			return oracle_at(oracle, cell, out);
	}
	return false;
}

bool oracle_find_rev(const struct oracle *oracle, size_t cell, size_t min, struct mt_entry *out)
{
	for (cell++; cell-- > min;) {
		if (oracle->range[cell])
			return oracle_at(oracle, cell, out);
	}
	return false;
}

bool oracle_occupied(const struct oracle *oracle, size_t from, size_t to, struct mt_entry *out)
{
	return oracle_find(oracle, from, to, out);
}

void oracle_union(const struct oracle *a, const struct oracle *b, struct oracle *out)
{
	struct mt_entry range, there;
	size_t cell;

	oracle_copy(a, out);
	for (cell = 0; cell < b->cells; cell = oracle_high(b, cell) + 1) {
		if (!oracle_at(b, cell, &range))
			continue;
		if (!oracle_at(a, cell, &there) || there.first != range.first ||
		    there.last != range.last || there.word != range.word)
			oracle_store(out, cell, oracle_high(b, cell), range.word);
	}
}

void oracle_clear_where(const struct oracle *a, const struct oracle *b, bool covered,
			struct oracle *out)
{
	oracle_copy(a, out);
	for (size_t cell = 0; cell < b->cells; cell++) {
		if ((b->range[cell] != 0) == covered)
			oracle_clear(out, cell, cell);
	}
}

/* The next key at or above (or at or below) `key` whose distance from `zero` is a multiple of
 * `align`, counted in steps from `zero`. */
static bool aligned(mt_key key, mt_key align, mt_key zero, bool up, mt_key *place)
{
	bool above = key > zero;
	mt_key distance = above ? key - zero : zero - key;
	mt_key steps = distance / align;

	if (above == up && distance % align)
		steps++;
	if (steps > (above ? MT_KEY_MAX - zero : zero) / align)
		return false;
	*place = above ? zero + steps * align : zero - steps * align;
	return true;
}

/* The best place in one gap, cut to the window. */
static bool fits(mt_key first, mt_key last, mt_key size, mt_key align, mt_key zero, bool reverse,
		 mt_key *start)
{
	mt_key highest, lowest;

	if (last - first < size - 1 || !aligned(last - (size - 1), align, zero, false, &highest) ||
	    !aligned(first, align, zero, true, &lowest) || lowest > highest)
		return false;
	*start = reverse ? highest : lowest;
	return true;
}

bool oracle_empty_area(const struct oracle *oracle, mt_key min, mt_key max, mt_key size,
		       mt_key align, mt_key zero, bool reverse, mt_key *start)
{
	bool found = false;
	size_t cell, high;

	for (cell = 0; cell < oracle->cells; cell = high + 1) {
		mt_key first = oracle_first(oracle, cell), last;

		high = oracle_high(oracle, cell);
		last = oracle_last(oracle, high);
		if (oracle->range[cell] || last < min || first > max)
			continue;
		first = first < min ? min : first;
		last = last > max ? max : last;
		if (fits(first, last, size, align, zero, reverse, start)) {
			found = true;
			if (!reverse)
				break;
		}
	}
	return found;
}

/* Check the entry `got` of a tree against the oracle's range around `cell`. */
static void check_entry(const char *file, int line, const struct oracle *oracle, size_t cell,
			const struct ma_state *got)
{
	struct mt_entry expected;

	oracle_at(oracle, cell, &expected);
	if (got->index != expected.first || got->last != expected.last ||
	    got->word != expected.word || !got->present)
		test_fail(file, line,
			  "[%s, %s] = %" PRIu64 " where [%s, %s] = %" PRIu64 " should be",
			  test_number(got->index), test_number(got->last), got->word,
			  test_number(expected.first), test_number(expected.last), expected.word);
}

void oracle_check_contents(const char *file, int line, const struct oracle *oracle,
			   struct maple_tree *mt)
{
	struct ma_state mas;
	size_t cell;

	mas_init(&mas, mt, 0);
	for (cell = 0; cell < oracle->cells; cell = oracle_high(oracle, cell) + 1) {
		if (!oracle->range[cell])
			continue;
		if (!mas_find_word(&mas, MT_KEY_MAX, false))
			test_fail(file, line, "no entry where one begins at %s",
				  test_number(oracle_first(oracle, cell)));
		check_entry(file, line, oracle, cell, &mas);
	}
	if (mas_find_word(&mas, MT_KEY_MAX, false))
		test_fail(file, line, "an entry too many at %s", test_number(mas.index));
}

void oracle_check(const char *file, int line, const struct oracle *oracle, struct maple_tree *mt)
{
	uint64_t entries = 0;
	mt_key low = 0, high = 0, got_low, got_high;
	struct ma_state mas;
	size_t cell;

	test_valid(file, line, mt);
	oracle_check_contents(file, line, oracle, mt);

	mas_init(&mas, mt, MT_KEY_MAX);
	for (cell = oracle->cells; cell-- > 0; cell = oracle_low(oracle, cell)) {
		struct mt_entry range;
		mt_key size;

		if (!oracle_at(oracle, cell, &range))
			continue;
		if (!mas_find_rev_word(&mas, 0, false))
			test_fail(file, line, "downwards: no entry where one ends at %s",
				  test_number(range.last));
		check_entry(file, line, oracle, cell, &mas);
		entries++;
		size = range.last - range.first + 1;
		low += size;
		high += size == 0 || low < size;
	}
	if (mas_find_rev_word(&mas, 0, false))
		test_fail(file, line, "downwards: an entry too many at %s", test_number(mas.index));

	if (mt_entries(mt) != entries)
		test_fail(file, line, "mt_entries() is %" PRIu64 ", expected %" PRIu64,
			  mt_entries(mt), entries);
	mt_covered(mt, &got_low, &got_high);
	if (got_low != low || got_high != high)
		test_fail(file, line, "mt_covered() is %s:%s, expected %s:%s",
			  test_number(got_high), test_number(got_low), test_number(high),
			  test_number(low));
	if (mtree_empty(mt) != (entries == 0))
		test_fail(file, line, "mtree_empty() with %" PRIu64 " entries", entries);
}
