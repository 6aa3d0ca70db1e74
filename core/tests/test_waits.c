/* SPDX-License-Identifier: MIT */
/*
 * What happens by chance between threads, made to happen: look-ups while a change is under way, and
 * changes between the two reads of one look-up. The test itself begins a change, and ends it when a
 * call that waits for it yields. So the tests cover every line of each version of the search.
 *
 * Also meant for ThreadSanitizer (make test-tsan).
 */
#include "pool.h"
#include "search.h"
#include "test.h"

#include <sched.h>
#include <stdlib.h>

static void (*at_yield)(void); /* what the next thread that yields does instead */

/* Replaces the C library's function in this program. */
int sched_yield(void)
{
	void (*run)(void) = at_yield;

#ifndef TEST_SANITIZED /* sanitizers yield too */
	CHECK(run);
#endif
	at_yield = NULL;
	if (run)
		run();
	return 0;
}

/* ---- trees whose contents follow from their size --------------------------------------------- */

/* Range n covers n % 12 + 1 of the twelve cells from cell 12 * n on, and has the word n + 1. So some
 * ranges have a gap after them. Keys of 128 bits have something in both halves. */
enum { SIZES = 7 };
static const size_t sizes[SIZES] = {0, 1, 5, 65, 240, 3000, 17000};

#if MT_KEY_BITS == 128
#define CELL_BITS 60
#else
#define CELL_BITS 4
#endif

static mt_key cell_first(size_t cell)
{
	return (mt_key)cell << CELL_BITS;
}

static struct mt_entry range(size_t n)
{
	return (struct mt_entry){cell_first(12 * n), cell_first(12 * n + n % 12 + 1) - 1, n + 1};
}

/* The gap after a range, if there is one. */
static struct mt_entry gap_after(size_t n, size_t count)
{
	mt_key last = n + 1 < count ? range(n + 1).first - 1 : MT_KEY_MAX;

	return (struct mt_entry){range(n).last + 1, last, 0};
}

static void fill(struct maple_tree *mt, uint32_t flags, struct maple_pool *pool, size_t count)
{
	mt_key *first = test_array(count, sizeof(*first));
	mt_key *last = test_array(count, sizeof(*last));
	uint64_t *words = test_array(count, sizeof(*words));

	for (size_t n = 0; n < count; n++) {
		first[n] = range(n).first;
		last[n] = range(n).last;
		words[n] = range(n).word;
	}
	mt_init_pool(mt, flags, pool, NULL);
	CHECK_EQ(mt_build(mt, first, last, words, count, NULL), 0);
	free(first);
	free(last);
	free(words);
}

/* Call run() for trees of all sizes, without and with gap tracking, with each version of the search,
 * beside another thread. */
static void on_each_tree(void (*run)(struct maple_tree *mt, size_t count))
{
	struct maple_pool *pool = test_pool();
	struct test_idler idler;
	uint32_t heights = 0;

	test_idler_begin(&idler);
	for (uint32_t flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags += MT_FLAGS_ALLOC_RANGE) {
		for (unsigned size = 0; size < SIZES; size++) {
			struct maple_tree mt;

			fill(&mt, flags, pool, sizes[size]);
			heights |= 1u << mt_height(&mt);
			for (unsigned version = 0; test_search(version); version++)
				run(&mt, sizes[size]);
			CHECK_VALID(&mt);
			mt_fini(&mt);
		}
	}
	CHECK_EQ(heights & 0x1f, 0x1f);
	test_idler_end(&idler);
	test_pool_end(pool);
}

/* A key in the tree, or after its last range. */
static mt_key some_key(size_t count)
{
	mt_key key = cell_first(test_below(12 * count + 12));

	switch (test_below(8)) {
	case 0:
		return 0;
	case 1:
		return MT_KEY_MAX;
	case 2:
		return key ? key - 1 : key;
	default:
		return key + test_below(1u << CELL_BITS % 32);
	}
}

/* ---- every look-up, and what it has to return ------------------------------------------------ */

static bool take(uint64_t word)
{
	return word != 0;
}

static void give(uint64_t word)
{
	test_fail(__FILE__, __LINE__, "%" PRIu64 " is given back", word);
}

struct expected {
	size_t below; /* the number of the last range that begins at or below the key */
	bool there;   /* it has the key */
	struct mt_entry around;
};

static struct expected expect(size_t count, mt_key key)
{
	struct expected expected = {0, false, {0, MT_KEY_MAX, 0}};

	if (!count)
		return expected;
	expected.below = (size_t)(key >> CELL_BITS) / 12;
	if (expected.below >= count)
		expected.below = count - 1;
	expected.around = range(expected.below);
	expected.there = key <= expected.around.last;
	if (!expected.there)
		expected.around = gap_after(expected.below, count);
	return expected;
}

static void check_entry(const struct mt_entry *got, struct mt_entry expected)
{
	CHECK_EQ(got->first, expected.first);
	CHECK_EQ(got->last, expected.last);
	CHECK_EQ(got->word, expected.word);
}

/* Whether an entry was found: range n, or none if there is none of that number. */
static void check_found(bool found, const struct mt_entry *got, size_t n, size_t count)
{
	CHECK_EQ(found, n < count);
	if (found)
		check_entry(got, range(n));
}

enum { LOOK_UPS = 11 };

static void check_look_up(unsigned which, struct maple_tree *mt, size_t count, mt_key key)
{
	struct expected expected = expect(count, key);
	uint64_t word = expected.there ? expected.around.word : 0, got = 0;
	/* Ranges from the key on, and after and before what is around it. SIZE_MAX: none. */
	size_t next = count ? expected.below + 1 : 0;
	size_t from = expected.there ? expected.below : next;
	size_t upto = count ? expected.below : SIZE_MAX;
	size_t before = expected.there ? expected.below - 1 : upto;
	struct mt_entry entry = {0};
	mt_key index = key;
	uint8_t present;

	switch (which) {
	case 0:
		CHECK_EQ((uintptr_t)mtree_load(mt, key), word);
		break;
	case 1:
		CHECK_EQ(mtree_load_word(mt, key, &got), expected.there);
		CHECK_EQ(got, word);
		break;
	case 2:
		CHECK_EQ(mtree_lookup(mt, key, &entry), expected.there);
		check_entry(&entry, expected.around);
		break;
	case 3:
		CHECK_EQ(mtree_lookup_take(mt, key, &entry, take, give), expected.there);
		check_entry(&entry, expected.around);
		break;
	case 4:
		CHECK_EQ(mtree_load_take(mt, key, &got, take, give), expected.there);
		CHECK_EQ(got, word);
		break;
	case 5:
		check_found(mtree_find(mt, key, MT_KEY_MAX, &entry), &entry, from, count);
		break;
	case 6:
		check_found(mtree_find_rev(mt, key, 0, &entry), &entry, upto, count);
		break;
	case 7:
		CHECK_EQ((uintptr_t)mt_find(mt, &index, MT_KEY_MAX), from < count ? from + 1 : 0);
		CHECK_EQ(index, from < count ? range(from).last + 1 : key);
		break;
	case 8:
		CHECK_EQ((uintptr_t)mt_next(mt, key, MT_KEY_MAX), next < count ? next + 1 : 0);
		break;
	case 9:
		CHECK_EQ((uintptr_t)mt_prev(mt, key, 0), before < count ? before + 1 : 0);
		break;
	default:
		CHECK_EQ(mtree_load_batch(mt, &key, 1, 7, &got, &present), expected.there);
		CHECK_EQ(present, expected.there);
		CHECK_EQ(got, present ? word : 7);
	}
}

static void look_everything_up(struct maple_tree *mt, size_t count)
{
	for (unsigned i = 0; i < 60; i++)
		check_look_up(i % LOOK_UPS, mt, count, some_key(count));
}

static void every_version_finds_the_same(void)
{
	on_each_tree(look_everything_up);
}

/* ---- a change that is under way -------------------------------------------------------------- */

static bool try_to_load(struct maple_tree *mt, size_t count, mt_key key, struct mt_reading *reading)
{
	struct expected expected = expect(count, key);
	uint64_t word = 0;
	bool present;

	if (!mt_search.load_held(mt, key, &word, &present, reading))
		return false;
	CHECK_EQ(present, expected.there);
	CHECK_EQ(word, present ? expected.around.word : 0);
	CHECK_EQ(reading->leaves, count > 0);
	return true;
}

/* Returns the leaf. */
static const struct maple_node *look(struct maple_tree *mt, size_t count, mt_key key,
				     struct mt_reading *reading)
{
	struct mt_entry around = expect(count, key).around;
	struct ma_level leaf;

	mt_reading_begin(reading, mt);
	if (!mt_search.look(reading, key, &leaf)) {
		CHECK(mt_height(mt) > 1); /* it compares before it follows a pointer */
		return NULL;
	}
	CHECK_EQ(!leaf.node, !count);
	if (!count)
		return NULL;
	CHECK(mt_level_covers(&leaf, key));
	CHECK_EQ(mt_slot_min(leaf.node, leaf.slot, leaf.min), around.first);
	CHECK_EQ(mt_slot_max(leaf.node, leaf.slot, leaf.max), around.last);
	CHECK_EQ(reading->leaves, 1);
	return reading->leaf[0];
}

/* What begins during a change fails. What has been read holds until the next change. */
static void try_during_changes(struct maple_tree *mt, size_t count)
{
	mt_key key = some_key(count);
	struct mt_reading loaded, looked;
	struct maple_node *leaf;

	CHECK(try_to_load(mt, count, key, &loaded));
	leaf = (struct maple_node *)look(mt, count, key, &looked);
	CHECK(mt_reading_holds(&loaded));
	CHECK(mt_reading_holds(&looked));
	mt_change_begin(mt);
	CHECK(!mt_reading_holds(&loaded));
	CHECK(!mt_reading_holds(&looked));
	CHECK(!try_to_load(mt, count, key, &loaded));
	CHECK(!look(mt, count, key, &looked) || !mt_reading_holds(&looked));
	mt_change_end(mt);
	CHECK(!mt_reading_holds(&looked));
	CHECK(try_to_load(mt, count, key, &loaded));
	if (!leaf)
		return;
	CHECK(look(mt, count, key, &looked) == leaf);
	mt_leaf_change_begin(leaf);
	CHECK(!mt_reading_holds(&loaded));
	CHECK(!mt_reading_holds(&looked));
	CHECK(!try_to_load(mt, count, key, &loaded));
	CHECK(look(mt, count, key, &looked) == leaf);
	CHECK(!mt_reading_holds(&looked));
	mt_leaf_change_end(leaf);
	CHECK(!mt_reading_holds(&looked));
	CHECK(try_to_load(mt, count, key, &loaded));
	CHECK(mt_reading_holds(&loaded));
}

static void a_change_under_way_is_noticed(void)
{
	on_each_tree(try_during_changes);
}

/* Meanwhile a word of an inner node may be anything: at each level in turn it leads nowhere. */
static void try_with_bad_pointers(struct maple_tree *mt, size_t count)
{
	mt_key key = some_key(count);
	struct maple_node *node = mt->ma_root;

	for (uint32_t height = mt_height(mt); height > 1; height--) {
		unsigned slot = mt_search.slot(node, key);
		struct maple_node *child = mt_child(node, slot);
		struct mt_reading reading;

		mt_change_begin(mt);
		mt_slots(node)[slot] = UINT64_C(0xdeadbeef00000);
		CHECK(!try_to_load(mt, count, key, &reading));
		CHECK(!look(mt, count, key, &reading));
		mt_slots(node)[slot] = (uintptr_t)child;
		mt_change_end(mt);
		CHECK(try_to_load(mt, count, key, &reading));
		node = child;
	}
}

static void a_pointer_of_a_changed_tree_is_not_followed(void)
{
	on_each_tree(try_with_bad_pointers);
}

/* A change of the tree, or of this leaf. While it is under way, the leaf's values may be hidden. */
static struct {
	struct maple_tree *mt;
	struct maple_node *leaf;
	mt_present hidden;
} change;

static void end_change(void)
{
	if (change.leaf) {
		mt_put(change.leaf->present, change.leaf->present | change.hidden);
		mt_leaf_change_end(change.leaf);
	} else {
		mt_change_end(change.mt);
	}
}

/* Begin a change that ends when somebody has waited for it. */
static void begin_change(struct maple_tree *mt, struct maple_node *leaf)
{
	change.mt = mt;
	change.leaf = leaf;
	change.hidden = 0;
	if (leaf)
		mt_leaf_change_begin(leaf);
	else
		mt_change_begin(mt);
	at_yield = end_change;
}

static void wait_for_changes(struct maple_tree *mt, size_t count)
{
	for (unsigned which = 0; which < LOOK_UPS; which++) {
		mt_key key = some_key(count);
		struct mt_reading reading;
		struct maple_node *leaf = (struct maple_node *)look(mt, count, key, &reading);

		begin_change(mt, NULL);
		check_look_up(which, mt, count, key);
		CHECK(!at_yield);
		if (!leaf)
			continue;
		begin_change(mt, leaf);
		check_look_up(which, mt, count, key);
		CHECK(!at_yield);
	}
}

static void look_ups_wait_for_the_end_of_a_change(void)
{
	on_each_tree(wait_for_changes);
}

/* ---- a change between the reads of two leaves ------------------------------------------------ */

enum {
	RANGES = 240,
	OTHER = 7777, /* a word of no range */
};

enum event {
	THE_TREE_IS_EMPTIED,
	A_CHANGE_BEGINS,
	THE_OTHER_LEAF_IS_IN_PARTS, /* its values are hidden */
	THE_ENTRY_IS_REPLACED,
	ANOTHER_ENTRY_COMES, /* in the leaf that was read already */
	EVENTS,
};

/* What happens before the second leaf of a look-up is read. */
static struct {
	struct maple_tree *mt;
	enum event event;
	struct mt_entry entry; /* that is to be stored then */
	unsigned looks;
	bool (*look)(struct mt_reading *reading, mt_key key, struct ma_level *leaf);
} between;

static void happen(mt_key key)
{
	struct mt_reading reading;
	struct maple_node *leaf;
	struct ma_level level;

	switch (between.event) {
	case THE_TREE_IS_EMPTIED:
		mtree_destroy(between.mt);
		break;
	case A_CHANGE_BEGINS:
		begin_change(between.mt, NULL);
		break;
	case THE_OTHER_LEAF_IS_IN_PARTS:
		mt_reading_begin(&reading, between.mt);
		CHECK(between.look(&reading, key, &level));
		leaf = (struct maple_node *)reading.leaf[0];
		begin_change(between.mt, leaf);
		change.hidden = leaf->present;
		mt_put(leaf->present, 0);
		break;
	default:
		CHECK_EQ(mtree_store_range_word(between.mt, between.entry.first, between.entry.last,
						OTHER),
			 0);
	}
}

static bool look_and_happen(struct mt_reading *reading, mt_key key, struct ma_level *leaf)
{
	if (++between.looks == 2)
		happen(key);
	return between.look(reading, key, leaf);
}

enum direction { FIND, FIND_REV, NEXT, PREV, STEP, STEP_BACK, DIRECTIONS };

/* From the gap after range n, or from range n itself, to its neighbour. Returns false if there is no
 * such look-up, or if it reads only one leaf. */
static bool something_happens(struct maple_tree *mt, enum event event, enum direction direction,
			      size_t n)
{
	bool from_gap = direction == FIND || direction == FIND_REV;
	bool forward = direction == FIND || direction == NEXT || direction == STEP;
	struct mt_entry from = from_gap ? gap_after(n, RANGES) : range(n);
	struct mt_entry wanted = range(forward ? n + 1 : from_gap ? n : n - 1);
	struct mt_entry got = {0};
	MA_STATE(mas, mt, from.first, from.first);

	if (from.first > from.last || (!from_gap && event == ANOTHER_ENTRY_COMES))
		return false;
	between.mt = mt;
	between.event = event;
	between.entry = wanted;
	between.looks = 0;
	if (event == ANOTHER_ENTRY_COMES)
		between.entry = (struct mt_entry){from.first, from.first, OTHER};
	if (direction == FIND)
		mtree_find(mt, from.first, MT_KEY_MAX, &got);
	else if (direction == FIND_REV)
		mtree_find_rev(mt, from.first, 0, &got);
	else if (direction == NEXT || direction == PREV)
		got.word = (uintptr_t)(forward ? mt_next(mt, from.first, MT_KEY_MAX)
					       : mt_prev(mt, from.first, 0));
	else if (forward ? mas_next_unlocked(&mas, MT_KEY_MAX, false)
			 : mas_prev_unlocked(&mas, 0, false))
		got.word = mas.word;
	CHECK(!at_yield);
	if (between.looks < 2) {
		CHECK_EQ(got.word, wanted.word);
		return false;
	}
	if (event == THE_TREE_IS_EMPTIED)
		wanted = (struct mt_entry){0};
	else if (event >= THE_ENTRY_IS_REPLACED)
		wanted = between.entry, wanted.word = OTHER;
	CHECK_EQ(got.word, wanted.word);
	if (from_gap)
		check_entry(&got, wanted);
	return true;
}

static void two_leaves_with_a_change_between_them(void)
{
	struct maple_pool *pool = test_pool();
	struct test_idler idler;

	test_idler_begin(&idler);
	for (unsigned turn = 0; turn < 2 * EVENTS * DIRECTIONS; turn++) {
		uint32_t flags = turn % 2 ? MT_FLAGS_ALLOC_RANGE : 0;
		enum event event = (enum event)(turn / 2 % EVENTS);
		enum direction direction = (enum direction)(turn / 2 / EVENTS);
		unsigned happened = 0;

		between.look = mt_search.look;
		mt_search.look = look_and_happen;
		for (size_t n = 1; n + 1 < RANGES; n++) {
			struct maple_tree mt;

			fill(&mt, flags, pool, RANGES);
			happened += something_happens(&mt, event, direction, n);
			CHECK_VALID(&mt);
			mt_fini(&mt);
		}
		mt_search.look = between.look;
		if (event != ANOTHER_ENTRY_COMES || direction == FIND || direction == FIND_REV)
			CHECK(happened > 0);
	}
	test_idler_end(&idler);
	test_pool_end(pool);
}

/* ---- the locks of a pool --------------------------------------------------------------------- */

static struct mt_lock *held;

static void let_go(void)
{
	mt_spin_unlock(held);
}

/* Hold a lock until somebody waits for it. */
static void hold(struct mt_lock *lock)
{
	mt_spin_lock(lock);
	held = lock;
	at_yield = let_go;
}

/* Whether somebody has waited. If not, let go. */
static bool was_waited_for(void)
{
	if (!at_yield)
		return true;
	at_yield = NULL;
	let_go();
	return false;
}

/* Those that look after all shards; then those of one node, in the shard of this thread. */
static void use_locks(struct maple_pool *pool, bool wait)
{
	struct maple_node *node, *other;
	struct mt_pool_stats stats;
	struct mt_lock *own;

	for (unsigned i = 0; i < MT_SHARDS; i++) {
		hold(&pool->shards[i].lock);
		mt_pool_stats(pool, &stats);
		CHECK_EQ(was_waited_for(), wait);
		hold(&pool->shards[i].lock);
		mt_pool_trim(pool);
		CHECK_EQ(was_waited_for(), wait);
		hold(&pool->shards[i].lock);
		pool->pass = UINT32_MAX; /* old passes are forgotten */
		CHECK_EQ(mt_visit_begin(pool), 1);
		CHECK_EQ(was_waited_for(), wait);
		hold(&pool->shards[i].lock);
		CHECK_EQ(mt_pool_lock(pool), wait);
		if (wait)
			mt_pool_unlock(pool);
		CHECK_EQ(was_waited_for(), wait);
	}
	hold(&pool->lock);
	mt_pool_fail_nth(pool, 0);
	CHECK_EQ(was_waited_for(), wait);
	hold(&pool->lock);
	mt_visit_begin(pool);
	CHECK_EQ(was_waited_for(), wait);
	hold(&pool->lock);
	CHECK_EQ(mt_pool_lock(pool), wait);
	if (wait)
		mt_pool_unlock(pool);
	CHECK_EQ(was_waited_for(), wait);

	CHECK_EQ(mt_pool_alloc_bulk(pool, 1, &node), 1);
	own = &pool->shards[mt_slab_of(node)->shard].lock;
	hold(own);
	CHECK_EQ(mt_pool_alloc_bulk(pool, 1, &other), 1);
	CHECK_EQ(was_waited_for(), wait);
	hold(own);
	CHECK(!mt_pool_has_free(pool, node));
	CHECK_EQ(was_waited_for(), wait);
	hold(own);
	mt_free_one(pool, other);
	CHECK_EQ(was_waited_for(), wait);
	mt_free_one(pool, node);
}

static void each_call_takes_the_locks_it_needs(void)
{
	struct test_idler idler;

	test_idler_begin(&idler);
	for (int serial = 0; serial < 2; serial++) {
		struct maple_pool *pool = test_pool();

		if (serial)
			mt_pool_serial(pool);
		use_locks(pool, !serial);
		test_pool_end(pool);
	}
	test_idler_end(&idler);
}

/* Another thread has the pool's lock, and its allocation fails meanwhile. */
static struct maple_pool *failing;

static void end_failure(void)
{
	failing->fail_in = 0;
	let_go();
}

static void a_failure_strikes_one_thread(void)
{
	struct maple_node *nodes[3];

	failing = test_pool();
	mt_pool_fail_nth(failing, 2);
	hold(&failing->lock);
	at_yield = end_failure;
	CHECK_EQ(mt_pool_alloc_bulk(failing, 3, nodes), 3);
	CHECK(!at_yield);
	mt_pool_free_bulk(failing, 3, nodes);
	test_pool_end(failing);
}

static const struct test_case cases[] = {
	{"every_version_finds_the_same", every_version_finds_the_same},
	{"a_change_under_way_is_noticed", a_change_under_way_is_noticed},
	{"a_pointer_of_a_changed_tree_is_not_followed",
	 a_pointer_of_a_changed_tree_is_not_followed},
	{"look_ups_wait_for_the_end_of_a_change", look_ups_wait_for_the_end_of_a_change},
	{"two_leaves_with_a_change_between_them", two_leaves_with_a_change_between_them},
	{"each_call_takes_the_locks_it_needs", each_call_takes_the_locks_it_needs},
	{"a_failure_strikes_one_thread", a_failure_strikes_one_thread},
};

TEST_MAIN(cases)
