/* SPDX-License-Identifier: MIT */
/* mtree_accumulate(): one range and many ranges equal what a plain array gives, in every kind of
 * number; sums that do not fit change nothing. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "memory.h"
#include "oracle.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CELLS = 60, RANGES_MOST = 80 };

static uint64_t word_of(double number)
{
	uint64_t word;

	memcpy(&word, &number, sizeof(word));
	return word;
}

static double double_of(uint64_t word)
{
	double number;

	memcpy(&number, &word, sizeof(number));
	return number;
}

/* ---- the expected result --------------------------------------------------------------------- */

struct operand {
	enum mt_number number;
	enum mt_operation operation;
	uint64_t word;
};

static bool is_less(enum mt_number number, uint64_t a, uint64_t b)
{
	return number == mt_number_unsigned ? a < b
	       : number == mt_number_signed ? (a ^ (uint64_t)1 << 63) < (b ^ (uint64_t)1 << 63)
					    : double_of(a) < double_of(b);
}

/* Without overflow. */
static uint64_t combine(const void *context, bool present, uint64_t a)
{
	const struct operand *operand = context;
	uint64_t b = operand->word;
	bool nan =
		operand->number == mt_number_double && (isnan(double_of(a)) || isnan(double_of(b)));

	if (!present)
		return b;
	switch (operand->operation) {
	case mt_op_add:
		return operand->number == mt_number_double ? word_of(double_of(a) + double_of(b))
							   : a + b;
	case mt_op_min:
		return nan ? word_of(NAN) : is_less(operand->number, b, a) ? b : a;
	case mt_op_max:
		return nan ? word_of(NAN) : is_less(operand->number, a, b) ? b : a;
	case mt_op_or:
		return a | b;
	default:
		return a & b;
	}
}

/* A word that fits if up to RANGES_MOST of them are added. Doubles are whole and small, so their
 * sums are exact in every order. */
static uint64_t random_word(enum mt_number number)
{
	uint64_t word = test_below(4) ? test_below(100) : test_below((uint64_t)1 << 50);

	if (number == mt_number_double)
		return test_below(20) ? word_of((double)(word % 1000) - 500) : word_of(NAN);
	return number == mt_number_signed && test_below(2) ? -word : word;
}

static enum mt_operation random_operation(enum mt_number number)
{
	return (enum mt_operation)test_below(number == mt_number_double ? 3 : 5);
}

/* ---- against the plain array ----------------------------------------------------------------- */

static const struct mt_accumulation *one(enum mt_number number, enum mt_operation operation,
					 const mt_key *first, const mt_key *last,
					 const uint64_t *word)
{
	static struct mt_accumulation what;

	what = (struct mt_accumulation){number, operation, first, last, word, 1, false};
	return &what;
}

static void accumulate_here(struct maple_tree *mt, enum mt_number number, mt_key first, mt_key last,
			    uint64_t word)
{
	CHECK_EQ(mtree_accumulate(mt, one(number, mt_op_add, &first, &last, &word), NULL), 0);
}

static void load_is(struct maple_tree *mt, mt_key key, uint64_t expected)
{
	uint64_t word;

	CHECK(mtree_load_word(mt, key, &word));
	CHECK_EQ(word, expected);
}

static void random_cells(const struct oracle *oracle, size_t *low, size_t *high)
{
	size_t width = test_below(4) ? 1 + test_below(4) : 1 + test_below(oracle->cells);

	*low = test_below(oracle->cells);
	*high = *low + width <= oracle->cells ? *low + width - 1 : oracle->cells - 1;
}

static void random_oracle(struct oracle *oracle)
{
#if MT_KEY_BITS == 128
	if (test_below(4) == 0) {
		oracle_init_middle(oracle, CELLS);
		return;
	}
#endif
	switch (test_below(3)) {
	case 0:
		oracle_init(oracle, CELLS);
		break;
	case 1:
		oracle_init_high(oracle, CELLS);
		break;
	default:
		oracle_init_random(oracle, CELLS);
	}
}

static void fill(struct oracle *oracle, struct maple_tree *mt, enum mt_number number)
{
	size_t stores = test_below(3) ? test_below(30) : 0, low, high;

	while (stores--) {
		uint64_t word = random_word(number);

		random_cells(oracle, &low, &high);
		CHECK_EQ(mtree_store_range_word(mt, oracle_first(oracle, low),
						oracle_last(oracle, high), word),
			 0);
		oracle_store(oracle, low, high, word);
	}
}

/* The doubles are compared as numbers: which NaN it is does not matter. */
static void same_nans(struct maple_tree *mt)
{
	MA_STATE(mas, mt, 0, 0);

	while (mas_find_word(&mas, MT_KEY_MAX, false)) {
		if (isnan(double_of(mas.word)))
			CHECK_EQ(mas_store_word(&mas, word_of(NAN)), 0);
	}
}

static void check_trees(const struct oracle *oracle, struct maple_tree *mt, enum mt_number number)
{
	CHECK_VALID(mt);
	if (number == mt_number_double)
		same_nans(mt);
	CHECK_ORACLE(oracle, mt);
}

/* An array that ends where memory ends that may be read. */
static void *array_at_the_edge(size_t which, size_t count, size_t size)
{
	enum { PLACES = 3 };
	static char *edges[PLACES];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!edges[which]) {
		char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		CHECK(pages != MAP_FAILED);
		edges[which] = pages + page;
		CHECK_EQ(mprotect(edges[which], page, PROT_NONE), 0);
	}
	CHECK(count * size <= page);
	return edges[which] - count * size;
}

/* Apply some ranges, which come in any order or sorted, to a tree and to the array. */
static void random_ranges(struct oracle *oracle, struct maple_tree *mt, enum mt_number number)
{
	size_t count = test_below(8) ? 1 + test_below(5) : test_below(RANGES_MOST), i;
	mt_key *first = array_at_the_edge(0, count, sizeof(*first));
	mt_key *last = array_at_the_edge(1, count, sizeof(*last));
	uint64_t *words = array_at_the_edge(2, count, sizeof(*words));
	struct mt_accumulation what = {number, random_operation(number), first, last, words,
				       count,  test_below(4) == 0};
	bool sorted = test_below(2);
	size_t low = 0, high = 0, from = 0;

	for (i = 0; i < count; i++) {
		struct operand operand = {number, what.operation, 0};

		random_cells(oracle, &low, &high);
		if (sorted) {
			size_t width = high - low;

			from += test_below(3);
			low = from < oracle->cells ? from : oracle->cells - 1;
			high = low + width < oracle->cells ? low + width : oracle->cells - 1;
		}
		first[i] = oracle_first(oracle, low);
		last[i] = oracle_last(oracle, high);
		words[i] = random_word(number);
		operand.word = words[what.same ? 0 : i];
		oracle_map(oracle, low, high, combine, &operand);
	}
	CHECK_EQ(mtree_accumulate(mt, &what, NULL), 0);
}

/* The NaNs of the array are all the same one. */
static void check_relative(const struct oracle *before, struct maple_tree *relative,
			   enum mt_number number)
{
	check_trees(before, relative, number);
	mt_fini(relative);
}

static void random_trees(void)
{
	size_t step, steps = test_steps(6000);

	for (step = 0; step < steps; step++) {
		enum mt_number number = (enum mt_number)test_below(3);
		struct maple_pool *pool = test_pool();
		struct oracle oracle, before;
		struct maple_tree mt, relative;
		bool shares = test_below(3) == 0;
		size_t times = 1 + test_below(4);

		random_oracle(&oracle);
		mt_init_pool(&mt, (uint32_t)test_below(2), pool, NULL);
		fill(&oracle, &mt, number);
		oracle_copy(&oracle, &before);
		if (shares)
			test_fork(&mt, &relative);
		while (times--)
			random_ranges(&oracle, &mt, number);
		if (!shares)
			CHECK(!mt.ma_shared);
		check_trees(&oracle, &mt, number);
		if (shares)
			check_relative(&before, &relative, number);
		mt_fini(&mt);
		oracle_fini(&oracle);
		oracle_fini(&before);
		test_pool_end(pool);
	}
}

/* ---- many ranges ----------------------------------------------------------------------------- */

enum { KEYS = 3000, MANY = 20000 };

/* Each range is added to an array with one member for each key. */
static void many_ranges(uint64_t spread, bool sorted, bool filled)
{
	mt_key *first = test_array(MANY, sizeof(*first)), *last = test_array(MANY, sizeof(*last));
	uint64_t *words = test_array(MANY, sizeof(*words));
	uint64_t *sums = test_array(KEYS + 1, sizeof(*sums));
	uint8_t *ends = test_array(KEYS + 2, 1), *covered = test_array(KEYS + 1, 1);
	struct mt_accumulation what = {
		mt_number_signed, mt_op_add, first, last, words, MANY, false};
	struct maple_pool *pool = test_pool();
	uint64_t entries = 0, word;
	mt_key key;
	struct maple_tree mt;
	size_t i;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	for (key = 0; filled && key < KEYS; key += 7) {
		CHECK_EQ(mtree_store_range_word(&mt, key, key + 2, key), 0);
		for (i = 0; i < 3 && key + i <= KEYS; i++) {
			sums[key + i] = key;
			covered[key + i] = 1;
		}
		ends[key] = ends[key + 3 <= KEYS ? key + 3 : KEYS + 1] = 1;
	}
	for (i = 0; i < MANY; i++) {
		first[i] = sorted ? i * (KEYS - spread) / MANY : test_below(KEYS - spread);
		last[i] = first[i] + test_below(spread);
		words[i] = test_below(2) ? test_below(1000) : -test_below(1000);
		ends[first[i]] = ends[last[i] + 1] = 1;
		for (key = first[i]; key <= last[i]; key++) {
			sums[key] += words[i];
			covered[key] = 1;
		}
	}
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK_VALID(&mt);
	for (key = 0; key <= KEYS; key++) {
		CHECK_EQ(mtree_load_word(&mt, key, &word), covered[key]);
		if (covered[key])
			CHECK_EQ(word, sums[key]);
		entries += covered[key] && (ends[key] || !key || !covered[key - 1]);
	}
	CHECK_EQ(mt_entries(&mt), entries);
	mt_fini(&mt);
	test_pool_end(pool);
	free(first);
	free(last);
	free(words);
	free(sums);
	free(ends);
	free(covered);
}

static void many_in_any_order(void)
{
	many_ranges(20, true, false);
	many_ranges(20, false, true);
	many_ranges(KEYS - 1, false, false);
	many_ranges(KEYS - 1, true, true);
	many_ranges(1, false, false);
}

/* n ranges inside each other: n log n steps, and each key has its own depth. */
static void nested(void)
{
	mt_key *first = test_array(MANY, sizeof(*first)), *last = test_array(MANY, sizeof(*last));
	uint64_t depth = 1, word;
	struct mt_accumulation what = {
		mt_number_unsigned, mt_op_add, first, last, &depth, MANY, true};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	size_t i;

	mt_init_pool(&mt, 0, pool, NULL);
	for (i = 0; i < MANY; i++) {
		first[i] = i;
		last[i] = MT_KEY_MAX - i;
	}
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK_VALID(&mt);
	CHECK_EQ(mt_entries(&mt), 2 * MANY - 1);
	for (i = 0; i < MANY; i++) {
		CHECK(mtree_load_word(&mt, i, &word));
		CHECK_EQ(word, i + 1);
		CHECK(mtree_load_word(&mt, MT_KEY_MAX - i, &word));
		CHECK_EQ(word, i + 1);
	}
	mt_fini(&mt);
	test_pool_end(pool);
	free(first);
	free(last);
}

/* Keys that differ in one byte only. */
static void keys_of_one_byte(void)
{
	static const mt_key bytes[] = {9, 255, 4, 1, 200, 7};
	enum { COUNT = sizeof(bytes) / sizeof(*bytes) };
	const mt_key others = MT_KEY_MAX / 255; /* each byte is 1 */
	uint64_t words[COUNT], word;
	mt_key keys[COUNT];
	struct mt_accumulation what = {
		mt_number_unsigned, mt_op_add, keys, keys, words, COUNT, false};
	struct maple_tree mt;

	mt_init(&mt);
	for (unsigned shift = 0; shift < MT_KEY_BITS; shift += 8) {
		for (size_t i = 0; i < COUNT; i++) {
			keys[i] = (others & ~((mt_key)255 << shift)) | bytes[i] << shift;
			words[i] = i;
		}
		CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
		CHECK_VALID(&mt);
		CHECK_EQ(mt_entries(&mt), COUNT);
		for (size_t i = 0; i < COUNT; i++) {
			CHECK(mtree_load_word(&mt, keys[i], &word));
			CHECK_EQ(word, i);
		}
		mtree_destroy(&mt);
	}
	mt_fini(&mt);
}

/* The whole key space, three times, with the same number and with others. */
static void whole_key_space(void)
{
	static const mt_key first[] = {0, 0, 0}, last[] = {MT_KEY_MAX, MT_KEY_MAX, MT_KEY_MAX};
	static const uint64_t words[] = {7, 8, 9};
	struct mt_accumulation what = {mt_number_unsigned, mt_op_add, first, last, words, 3, true};
	struct maple_tree mt;
	struct mt_entry entry;

	mt_init(&mt);
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK_EQ(mt_entries(&mt), 1);
	CHECK(mtree_lookup(&mt, 5, &entry));
	CHECK_EQ(entry.word, 21);
	CHECK_EQ(entry.last, MT_KEY_MAX);
	what.same = false;
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK_EQ(mt_entries(&mt), 1);
	CHECK(mtree_lookup(&mt, 5, &entry));
	CHECK_EQ(entry.word, 45);
	mt_fini(&mt);
}

/* A range within one slot needs no second tree. A new tree shares no node with anybody. */
static void in_place_if_it_can_be(void)
{
	static const mt_key first[] = {15, 12}, last[] = {19, 16};
	static const uint64_t words[] = {7, 9};
	struct mt_accumulation what = {mt_number_unsigned, mt_op_add, first, last, words, 1, true};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork;
	uint64_t allocated;

	mt_init_pool(&mt, 0, pool, NULL);
	CHECK_EQ(mtree_store_range_word(&mt, 10, 19, 1), 0);
	allocated = test_allocated(pool);
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK_EQ(test_allocated(pool), allocated);
	load_is(&mt, 14, 1);
	load_is(&mt, 19, 8);
	test_fork(&mt, &fork);
	what.count = 2;
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK(!mt.ma_shared);
	load_is(&mt, 16, 22);
	load_is(&fork, 16, 8);
	mt_fini(&fork);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Equal words, one for each range, give what one word for all gives. */
static void equal_words(void)
{
	static const mt_key first[] = {8, 5, 8}, last[] = {20, 9, 12};
	static const uint64_t words[] = {3, 3, 3};
	struct mt_accumulation what = {mt_number_unsigned, mt_op_add, first, last, words, 3, false};
	struct maple_tree mt, same;

	mt_init(&mt);
	mt_init(&same);
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	what.same = true;
	CHECK_EQ(mtree_accumulate(&same, &what, NULL), 0);
	CHECK_SAME_ENTRIES(&mt, &same);
	CHECK_EQ(mt_entries(&mt), 4);
	CHECK_EQ((uintptr_t)mtree_load(&mt, 7), 3);
	CHECK_EQ((uintptr_t)mtree_load(&mt, 9), 9);
	CHECK_EQ((uintptr_t)mtree_load(&mt, 12), 6);
	CHECK_EQ((uintptr_t)mtree_load(&mt, 20), 3);
	mt_fini(&mt);
	mt_fini(&same);
}

/* A few ranges in a large tree leave the rest of its nodes as they are. */
static void few_in_a_large_tree(void)
{
	static const mt_key first[] = {50000, 100, 102}, last[] = {50009, 130, 110};
	static const uint64_t words[] = {5, 1, 2};
	struct mt_accumulation what = {mt_number_unsigned, mt_op_add, first, last, words, 3, false};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	uint64_t allocated, word;
	mt_key key;

	mt_init_pool(&mt, 0, pool, NULL);
	for (key = 0; key < 10000; key++)
		CHECK_EQ(mtree_store_range_word(&mt, 10 * key, 10 * key + 4, 7), 0);
	allocated = test_allocated(pool);
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK(test_allocated(pool) - allocated < 30);
	CHECK_VALID(&mt);
	CHECK(!mt.ma_shared);
	for (key = 95; key < 135; key++) {
		bool in = key >= 100 && key <= 130, there = key % 10 < 5;

		CHECK_EQ(mtree_load_word(&mt, key, &word), in || there);
		if (in || there)
			CHECK_EQ(word, 7u * there + in + 2u * (key >= 102 && key <= 110));
	}
	CHECK(mtree_load_word(&mt, 50009, &word));
	CHECK_EQ(word, 5);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* ---- memory ---------------------------------------------------------------------------------- */

enum { SUMS = 300 };
/* The words of a key. Those of the profile, for each range: of all ranges, of those whose sums may
 * need two words, and of those that are sorted. */
enum {
	KEY_WORDS = MT_KEY_BITS / 64,
	OF_ALL = KEY_WORDS == 1 ? 8 : 14,
	OF_WIDE = 4,
	OF_SORTED = KEY_WORDS == 1 ? 3 : 5,
};

/* The ranges of a call, with words before and behind that must not be read. */
struct sums {
	mt_key first[1 + SUMS + 1];
	mt_key last[1 + SUMS + 1];
	uint64_t words[1 + SUMS + 1];
	struct mt_accumulation what;
};

/* Ranges in order, some with the same ends. They sum up to no more than `most`. */
static void make_sums(struct sums *sums, enum mt_number number, uint64_t most)
{
	memset(sums, 0, sizeof(*sums));
	sums->what = (struct mt_accumulation){
		number, mt_op_add, sums->first + 1, sums->last + 1, sums->words + 1, SUMS, false};
	for (size_t i = 0; i < SUMS; i++) {
		sums->first[1 + i] = 50 + i / 2 * 20;
		sums->last[1 + i] = 50 + i / 2 * 20 + 30;
	}
	sums->words[1] = most;
	sums->first[0] = sums->last[0] = MT_KEY_MAX;
	sums->words[0] = sums->words[1 + SUMS] = most;
}

/* The call takes this memory and no more, and gives it back. */
static void takes(struct maple_tree *mt, const struct sums *sums, size_t bytes)
{
	struct maple_tree same;
	size_t held;

	mt_init_pool(&same, 0, mt->ma_pool, NULL);
	CHECK_EQ(mtree_dup(mt, &same), 0);
	/* The nodes come first: the pool keeps them. */
	CHECK_EQ(mtree_accumulate(&same, &sums->what, NULL), 0);
	mtree_destroy(&same);
	CHECK_EQ(mtree_dup(mt, &same), 0);
	held = test_libc.bytes;
#ifdef TEST_WRAPS_LIBC
	test_libc.most = bytes - 1;
	CHECK_EQ(mtree_accumulate(mt, &sums->what, NULL), -ENOMEM);
	test_libc.most = bytes;
#endif
	CHECK_SAME_NODES(mt, &same);
	CHECK_EQ(mtree_accumulate(mt, &sums->what, NULL), 0);
	test_libc.most = 0;
	CHECK_EQ(test_libc.bytes, held);
	CHECK_VALID(mt);
	mt_fini(&same);
}

static void profile_takes(const struct sums *sums, size_t words_of_each)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, NULL);
	takes(&mt, sums, 8 * (KEY_WORDS * 8 * 256 + words_of_each * SUMS + KEY_WORDS));
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Sums need two words only if one word might not be enough, and ranges in order are not sorted. */
static void memory_of_many_ranges(void)
{
	const uint64_t most = INT64_MAX;
	static struct sums sums;

	make_sums(&sums, mt_number_unsigned, UINT64_MAX);
	profile_takes(&sums, OF_ALL);
	sums.words[SUMS] = 1;
	profile_takes(&sums, OF_ALL + OF_WIDE);
	sums.first[SUMS] = sums.last[SUMS] = 1;
	profile_takes(&sums, OF_ALL + OF_WIDE + OF_SORTED);
	sums.words[SUMS] = 0;
	profile_takes(&sums, OF_ALL + OF_SORTED);
	make_sums(&sums, mt_number_unsigned, UINT64_MAX / SUMS);
	sums.what.same = true;
	sums.words[2] = UINT64_MAX;
	profile_takes(&sums, OF_ALL);
	sums.words[1]++;
	profile_takes(&sums, OF_ALL + OF_WIDE);

	make_sums(&sums, mt_number_signed, most);
	profile_takes(&sums, OF_ALL);
	sums.words[2] = (uint64_t)-1;
	profile_takes(&sums, OF_ALL + OF_WIDE);
	sums.words[1] = -(most - 1);
	profile_takes(&sums, OF_ALL);
	sums.words[1] = most - 1;
	profile_takes(&sums, OF_ALL);
	sums.words[1] = (uint64_t)1 << 62;
	profile_takes(&sums, OF_ALL);
	sums.what.operation = mt_op_max;
	sums.words[2] = most;
	profile_takes(&sums, OF_ALL);
	sums.words[2] = word_of(1e300);
	sums.what.number = mt_number_double;
	sums.what.operation = mt_op_add;
	profile_takes(&sums, OF_ALL);
}

/* A pass over all entries lists them, with room for all that the ranges may add. */
static void memory_of_a_pass(void)
{
	enum { ENTRIES = 2000, STRETCHES = SUMS - 1 };
	static struct sums sums;
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, NULL);
	make_sums(&sums, mt_number_unsigned, 1);
	for (uint64_t i = 0; i < ENTRIES; i++)
		CHECK_EQ(mtree_store_range_word(&mt, 20000 + i * 10, 20000 + i * 10 + 4, i), 0);
	takes(&mt, &sums, (ENTRIES + STRETCHES) * 2 * 8 * (2 * KEY_WORDS + 1));
	mt_fini(&mt);
	test_pool_end(pool);
}

/* ---- sums that do not fit -------------------------------------------------------------------- */

static void must_not_fit(struct maple_tree *mt, const struct mt_accumulation *what, mt_key first,
			 mt_key last, uint64_t word)
{
	struct maple_tree same;
	struct mt_entry bad = {1, 0, 0};

	mt_init_pool(&same, mt_attr(mt), mt->ma_pool, mt->ma_ops);
	CHECK_EQ(mtree_dup(mt, &same), 0);
	CHECK_EQ(mtree_accumulate(mt, what, NULL), -ERANGE);
	CHECK_EQ(mtree_accumulate(mt, what, &bad), -ERANGE);
	CHECK_EQ(bad.first, first);
	CHECK_EQ(bad.last, last);
	CHECK_EQ(bad.word, word);
	CHECK_SAME_NODES(mt, &same);
	CHECK(!mt->ma_shared);
	mt_fini(&same);
}

static void sums_of_unsigned(void)
{
	static const mt_key first[] = {10, 0, 30}, last[] = {19, 14, 39};
	static const uint64_t words[] = {UINT64_MAX, 0, UINT64_MAX - 1};
	struct mt_accumulation what = {mt_number_unsigned, mt_op_add, first, last, words, 3, false};
	mt_key key, low = 0, high = MT_KEY_MAX;
	uint64_t two = 2;
	struct maple_tree mt;

	mt_init(&mt);
	/* The sum of all three does not fit, but no key has it. */
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK_VALID(&mt);
	load_is(&mt, 9, 0);
	load_is(&mt, 14, UINT64_MAX);
	load_is(&mt, 35, UINT64_MAX - 1);
	CHECK_EQ(mt_entries(&mt), 4);
	accumulate_here(&mt, mt_number_unsigned, 30, 31, 1);
	load_is(&mt, 31, UINT64_MAX);
	must_not_fit(&mt, &what, 10, 14, UINT64_MAX);
	must_not_fit(&mt, one(mt_number_unsigned, mt_op_add, &low, &high, &two), 10, 14,
		     UINT64_MAX);
	key = 12;
	must_not_fit(&mt, one(mt_number_unsigned, mt_op_add, &key, &key, &two), 12, 12, UINT64_MAX);
	/* The sum of the ranges needs two words, and the old word carries into the second one. */
	what.first = (const mt_key[]){10, 10};
	what.last = (const mt_key[]){19, 19};
	what.words = (const uint64_t[]){UINT64_MAX, UINT64_MAX};
	what.count = 2;
	must_not_fit(&mt, &what, 10, 14, UINT64_MAX);
	what.first = first;
	what.last = last;
	what.words = words;
	/* In many ranges over a gap, and in few over a large tree. */
	what.count = 2;
	what.same = true;
	mtree_destroy(&mt);
	must_not_fit(&mt, &what, 10, 14, 0);
	for (key = 0; key < 1000; key++)
		CHECK_EQ(mtree_store_range_word(&mt, 100 + key, 100 + key, key), 0);
	must_not_fit(&mt, &what, 10, 14, 0);
	CHECK_EQ(mtree_store_range_word(&mt, 16, 16, 1), 0);
	what.first = (const mt_key[]){16, 500};
	what.last = (const mt_key[]){16, 500};
	must_not_fit(&mt, &what, 16, 16, 1);
	mt_fini(&mt);
}

static void sums_of_signed(void)
{
	const uint64_t most = INT64_MAX, least = (uint64_t)INT64_MIN;
	const mt_key first[] = {10, 12, 10}, last[] = {19, 19, 15};
	const uint64_t words[] = {most, most, least};
	struct mt_accumulation what = {mt_number_signed, mt_op_add, first, last, words, 3, false};
	mt_key first_gap = 0, last_gap = 5;
	struct maple_tree mt;

	mt_init(&mt);
	CHECK_EQ(mtree_store_range_word(&mt, 10, 19, (uint64_t)-1), 0);
	/* At 12 the sum is MAX + MAX + MIN - 1. At 16 it is MAX + MAX - 1. */
	must_not_fit(&mt, &what, 16, 19, (uint64_t)-1);
	CHECK_EQ(mtree_store_range_word(&mt, 16, 19, least), 0);
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK_VALID(&mt);
	load_is(&mt, 10, (uint64_t)-2);
	load_is(&mt, 12, most - 2);
	load_is(&mt, 19, most - 1);
	accumulate_here(&mt, mt_number_signed, 19, 19, 1);
	load_is(&mt, 19, most);
	must_not_fit(&mt, one(mt_number_signed, mt_op_add, &last[0], &last[0], &(uint64_t){1}), 19,
		     19, most);
	/* The sum of both is the lowest number. Once more, and it is below. */
	what.count = 2;
	what.first = (const mt_key[]){0, 0};
	what.last = (const mt_key[]){5, 5};
	what.words = (const uint64_t[]){least + 1, (uint64_t)-1};
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	load_is(&mt, 5, least);
	must_not_fit(
		&mt,
		one(mt_number_signed, mt_op_add, &first_gap, &last_gap, &(uint64_t){(uint64_t)-1}),
		0, 5, least);
	must_not_fit(&mt, &what, 0, 5, least);
	mt_fini(&mt);
}

/* Numbers of any size, whose sums need two words on the way. The expected sums have 32 bits in each
 * part. */
static void sums_of_two_words(void)
{
	enum { SPACE = 40, COUNT = 12 };
	size_t step, steps = test_steps(20000), fits = 0;

	for (step = 0; step < steps; step++) {
		bool is_signed = test_below(2);
		mt_key first[COUNT], last[COUNT];
		uint64_t words[COUNT], sums[SPACE][2] = {{0}};
		struct mt_accumulation what = {is_signed ? mt_number_signed : mt_number_unsigned,
					       mt_op_add,
					       first,
					       last,
					       words,
					       1 + test_below(COUNT),
					       false};
		bool covered[SPACE] = {false}, good = true;
		struct maple_tree mt;
		size_t i, key, bad = SPACE;
		struct mt_entry entry;
		int status;

		mt_init(&mt);
		for (i = 0; i < what.count; i++) {
			first[i] = test_below(SPACE);
			last[i] = first[i] + test_below(test_below(2) ? 4 : SPACE - first[i]);
			last[i] = last[i] < SPACE ? last[i] : SPACE - 1;
			words[i] = test_random() >> test_below(4) * (is_signed ? 0 : 8);
			for (key = first[i]; key <= last[i]; key++) {
				sums[key][0] += words[i] & UINT32_MAX;
				sums[key][1] += is_signed ? (uint64_t)((int64_t)words[i] >> 32)
							  : words[i] >> 32;
				covered[key] = true;
			}
		}
		status = mtree_accumulate(&mt, &what, &entry);
		for (key = SPACE; key-- > 0;) {
			uint64_t high = sums[key][1] + (sums[key][0] >> 32);

			good = is_signed ? (int64_t)high >= INT32_MIN && (int64_t)high <= INT32_MAX
					 : high <= UINT32_MAX;
			sums[key][0] = high << 32 | (sums[key][0] & UINT32_MAX);
			bad = covered[key] && !good ? key : bad;
		}
		CHECK_EQ(status, bad < SPACE ? -ERANGE : 0);
		if (status)
			CHECK_EQ(entry.first, bad);
		for (key = 0; key < SPACE && !status; key++) {
			CHECK_EQ(mtree_load(&mt, key) != NULL || covered[key], covered[key]);
			if (covered[key])
				load_is(&mt, key, sums[key][0]);
		}
		fits += !status;
		mt_fini(&mt);
	}
	CHECK(fits > steps / 20 && fits < steps - steps / 20);
}

/* ---- doubles --------------------------------------------------------------------------------- */

static void doubles(void)
{
	const uint64_t zero = word_of(0.0), minus = word_of(-0.0), nan = word_of(NAN);
	const uint64_t infinite = word_of(INFINITY), huge = word_of(1.7e308);
	mt_key low = 0, high = 9;
	struct maple_tree mt;

	mt_init(&mt);
	/* A gap gets the number itself. */
	accumulate_here(&mt, mt_number_double, 0, 9, minus);
	load_is(&mt, 5, minus);
	/* Of two equal numbers, the tree keeps its own. */
	CHECK_EQ(mtree_accumulate(&mt, one(mt_number_double, mt_op_min, &low, &high, &zero), NULL),
		 0);
	load_is(&mt, 5, minus);
	CHECK_EQ(mtree_accumulate(&mt, one(mt_number_double, mt_op_max, &low, &high, &zero), NULL),
		 0);
	load_is(&mt, 5, minus);
	accumulate_here(&mt, mt_number_double, 0, 9, huge);
	accumulate_here(&mt, mt_number_double, 0, 9, huge);
	load_is(&mt, 5, infinite);
	CHECK_EQ(mtree_accumulate(&mt, one(mt_number_double, mt_op_min, &low, &high, &infinite),
				  NULL),
		 0);
	load_is(&mt, 5, infinite);
	CHECK_EQ(mtree_accumulate(&mt, one(mt_number_double, mt_op_max, &low, &high, &nan), NULL),
		 0);
	load_is(&mt, 5, nan);
	CHECK_EQ(mtree_accumulate(&mt, one(mt_number_double, mt_op_min, &low, &high, &zero), NULL),
		 0);
	load_is(&mt, 5, nan);
	mt_fini(&mt);
}

/* ---- value operations ------------------------------------------------------------------------ */

static bool same_word(void *context, const struct mt_entry *left, const struct mt_entry *right)
{
	++*(uint64_t *)context;
	return left->word == right->word;
}

/* Words rise with the key. */
static int rising(void *context, const struct mt_entry *whole, mt_key first, mt_key last,
		  uint64_t *piece)
{
	uint64_t *left = context;

	(void)last;
	if (!*left)
		return -EPERM;
	--*left;
	*piece = whole->word + (first - whole->first);
	return 0;
}

static void coalescing(void)
{
	static const mt_key first[] = {10, 20, 30, 10}, last[] = {19, 29, 39, 19};
	static const uint64_t words[] = {1, 2, 2, 1};
	uint64_t asked = 0;
	struct mt_value_ops ops = {.equal = same_word, .context = &asked};
	struct mt_accumulation what = {mt_number_unsigned, mt_op_add, first, last, words, 3, false};
	struct maple_tree mt;
	struct mt_entry entry;

	mt_init_pool(&mt, 0, NULL, &ops);
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK_VALID(&mt);
	CHECK(asked > 0);
	CHECK_EQ(mt_entries(&mt), 2);
	CHECK(mtree_lookup(&mt, 25, &entry));
	CHECK_EQ(entry.first, 20);
	CHECK_EQ(entry.last, 39);
	/* One range after the other: at the end the whole is one entry. */
	what.first = first + 3;
	what.last = last + 3;
	what.words = words + 3;
	what.count = 1;
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK_VALID(&mt);
	CHECK(mtree_lookup(&mt, 25, &entry));
	CHECK_EQ(entry.first, 10);
	CHECK_EQ(entry.last, 39);
	CHECK_EQ(entry.word, 2);
	CHECK(!mt.ma_shared);
	mtree_destroy(&mt);
	what.count = 3;
	what.first = first;
	what.last = last;
	what.same = true;
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK_EQ(mt_entries(&mt), 1);
	load_is(&mt, 39, 1);
	mt_fini(&mt);
	/* A table without operations makes no difference. */
	ops.equal = NULL;
	mt_init_pool(&mt, 0, NULL, &ops);
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK_EQ(mt_entries(&mt), 3);
	mt_fini(&mt);
}

/* The old pieces are erased in whole subtrees, which are not counted before somebody asks. */
static void a_large_range(void)
{
	enum { RANGES = 20000 };
	static const mt_key first = 1000, last = 150009;
	static const uint64_t word = 5;
	uint64_t asked = 0;
	const struct mt_value_ops ops = {.equal = same_word, .context = &asked};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	mt_init_pool(&mt, 0, pool, &ops);
	for (uint64_t i = 0; i < RANGES; i++)
		CHECK_EQ(mtree_store_range_word(&mt, i * 10, i * 10 + 4, i), 0);
	CHECK_EQ(mtree_accumulate(&mt, one(mt_number_unsigned, mt_op_add, &first, &last, &word),
				  NULL),
		 0);
	CHECK_EQ(mt_entries(&mt), RANGES + 14901);
	CHECK_VALID(&mt);
	load_is(&mt, 999 - 5, 99);
	load_is(&mt, 1000, 105);
	load_is(&mt, 150009, 5);
	load_is(&mt, 150010, 15001);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* A piece that is cut out begins with the word that split() gives it. */
static void splitting(void)
{
	static const mt_key first = 15, last = 24;
	static const uint64_t word = 1000;
	const struct mt_accumulation *what =
		one(mt_number_unsigned, mt_op_add, &first, &last, &word);
	uint64_t splits;
	struct mt_value_ops ops = {.split = rising, .context = &splits};
	uint64_t n;

	for (n = 0;; n++) {
		struct maple_tree mt, same;
		int status;

		splits = UINT64_MAX;
		mt_init_pool(&mt, 0, NULL, &ops);
		CHECK_EQ(mtree_store_range_word(&mt, 10, 19, 100), 0);
		CHECK_EQ(mtree_store_range_word(&mt, 22, 29, 200), 0);
		mt_init_pool(&same, 0, NULL, &ops);
		CHECK_EQ(mtree_dup(&mt, &same), 0);
		splits = n;
		status = mtree_accumulate(&mt, what, NULL);
		CHECK_VALID(&mt);
		CHECK(!mt.ma_shared);
		CHECK(!mt.ma_busy);
		if (status) {
			CHECK_EQ(status, -EPERM);
			CHECK_SAME_NODES(&mt, &same);
		} else {
			CHECK_EQ(mt_entries(&mt), 5);
			load_is(&mt, 10, 100);
			load_is(&mt, 15, 1105);
			load_is(&mt, 20, 1000);
			load_is(&mt, 22, 1200);
			load_is(&mt, 25, 203);
		}
		mt_fini(&mt);
		mt_fini(&same);
		if (!status)
			break;
	}
	CHECK_EQ(n, 4); /* two pieces inside, two outside */
}

static int merge_as_sum(void *context, const struct mt_entry *left, const struct mt_entry *right,
			const struct mt_entry *stored, uint64_t *word)
{
	static const mt_key key = 5;
	static const uint64_t five = 5;

	(void)stored;
	CHECK_EQ(mtree_accumulate(context, one(mt_number_unsigned, mt_op_add, &key, &key, &five),
				  NULL),
		 -EBUSY);
	*word = left->word + right->word;
	return 1;
}

/* merge() sees the pieces in order, each as it is stored. Meanwhile the tree refuses writes. */
static void merging(void)
{
	struct mt_value_ops ops = {.merge = merge_as_sum};
	struct maple_tree mt;
	struct mt_entry entry;

	mt_init_pool(&mt, MT_FLAGS_LOCK_EXTERN, NULL, &ops);
	ops.context = &mt;
	CHECK_EQ(mtree_store_range_word(&mt, 10, 19, 1), 0);
	CHECK_EQ(mtree_store_range_word(&mt, 30, 39, 2), 0);
	accumulate_here(&mt, mt_number_unsigned, 10, 34, 100);
	CHECK_VALID(&mt);
	CHECK_EQ(mt_entries(&mt), 1);
	CHECK(mtree_lookup(&mt, 10, &entry));
	/* 101 and 100 and 102, and the 2 that is left of the last entry. */
	CHECK_EQ(entry.word, 305);
	CHECK_EQ(entry.last, 39);
	mt_fini(&mt);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void refusals(void)
{
	mt_key first[] = {5, 9}, last[] = {7, 8};
	uint64_t word = 1, generation;
	struct mt_accumulation what = {mt_number_unsigned, mt_op_add, first, last, &word, 2, true};
	struct test_counts counts;
	struct mt_value_ops ops;
	struct maple_tree mt;

	mt_init(&mt);
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), -EINVAL);
	last[1] = 9;
	last[0] = 4;
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), -EINVAL);
	last[0] = 5;
	what.number = mt_number_double;
	what.operation = mt_op_or;
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), -EINVAL);
	what.operation = mt_op_and;
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), -EINVAL);
	what.count = SIZE_MAX / 128 / KEY_WORDS + 1;
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), -ENOMEM);
	CHECK(mtree_empty(&mt));
	what.count = SIZE_MAX / 128 / KEY_WORDS;
	what.operation = mt_op_add;
	last[1] = 8;
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), -EINVAL);
	what.count = 1;
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	mtree_destroy(&mt);
	what.count = 0;
	what.operation = mt_op_max;
	generation = mt.ma_generation;
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK(mtree_empty(&mt));
	CHECK(mt.ma_generation > generation);
	mt_fini(&mt);

	test_counts_init(&counts, 8);
	ops = test_count_ops(&counts);
	what.count = 1;
	mt_init_pool(&mt, 0, NULL, &ops);
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), -EINVAL);
	ops.retain = NULL;
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), -EINVAL);
	mt_fini(&mt);
	test_counts_end(&counts);
}

static const struct test_case cases[] = {
	{"random_trees", random_trees},
	{"many_in_any_order", many_in_any_order},
	{"nested", nested},
	{"keys_of_one_byte", keys_of_one_byte},
	{"whole_key_space", whole_key_space},
	{"in_place_if_it_can_be", in_place_if_it_can_be},
	{"equal_words", equal_words},
	{"few_in_a_large_tree", few_in_a_large_tree},
	{"memory_of_many_ranges", memory_of_many_ranges},
	{"memory_of_a_pass", memory_of_a_pass},
	{"sums_of_unsigned", sums_of_unsigned},
	{"sums_of_signed", sums_of_signed},
	{"sums_of_two_words", sums_of_two_words},
	{"doubles", doubles},
	{"coalescing", coalescing},
	{"a_large_range", a_large_range},
	{"splitting", splitting},
	{"merging", merging},
	{"refusals", refusals},
};

TEST_MAIN(cases)
