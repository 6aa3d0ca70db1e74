/* SPDX-License-Identifier: MIT */
/*
 * The shape that writes give a tree: how many nodes each write requests from the pool (exactly what
 * it may need), and how full it leaves the leaves that it shares out or splits. None of this is
 * visible in the contents of a tree.
 */
#include "test.h"

#include "node.h"

enum { RANGES = 5000 };

/* The nodes that a store requests, reserves included. */
static uint64_t asked_for(struct maple_tree *mt, struct maple_pool *pool, mt_key first, mt_key last)
{
	uint64_t before = test_allocated(pool);

	CHECK_EQ(mtree_store_range(mt, first, last, ENTRY(first + 1)), 0);
	return test_allocated(pool) - before;
}

/* One leaf of six entries, with gaps before and after each. It has no parent to ask for room. */
static void a_write_in_one_leaf_takes_none(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	mt_key key;

	mt_init_pool(&mt, 0, pool, NULL);
	CHECK_EQ(asked_for(&mt, pool, 1, 5), 1);
	for (key = 1; key < 6; key++)
		CHECK_EQ(asked_for(&mt, pool, key * 10 + 1, key * 10 + 5), 0);
	CHECK_EQ(mtree_clear_range(&mt, 12, 13), 0);
	CHECK_EQ(asked_for(&mt, pool, 11, 24), 0);
	CHECK_EQ(mtree_erase(&mt, 33, NULL), 0);
	CHECK_EQ(test_allocated(pool), 1);
	CHECK_VALID(&mt);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* Stores in ascending order fill leaf after leaf. A new leaf alone takes one node. If nodes above
 * it split too, each level that does takes two, and the new root one. */
static void ascending_stores_take_what_they_need(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	mt_key key, asked;
	uint32_t flags;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		mt_init_pool(&mt, flags, pool, NULL);
		for (key = 0; key < RANGES; key++) {
			uint32_t height = mt_height(&mt);
			size_t nodes = mt_node_count(&mt);

			asked = asked_for(&mt, pool, key * 10, key * 10 + 5);
			nodes = mt_node_count(&mt) - nodes;
			if (nodes > 1 || mt_height(&mt) > height)
				nodes = 2 * nodes - (mt_height(&mt) - height);
			CHECK_EQ(asked, nodes);
		}
		for (key = 0; key < RANGES; key += 7) {
			CHECK_EQ(asked_for(&mt, pool, key * 10, key * 10 + 5), 0);
			CHECK_EQ(asked_for(&mt, pool, key * 10, key * 10 + 6), 0);
		}
		CHECK_VALID(&mt);
		mt_fini(&mt);
	}
	test_pool_end(pool);
}

/* If nothing changes, nothing is copied: clearing a gap, or a part of it. */
static void a_gap_is_cleared_for_nothing(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork;
	uint64_t asked;

	mt_init_pool(&mt, 0, pool, NULL);
	for (mt_key key = 0; key < 100; key++)
		CHECK_EQ(mtree_store_range(&mt, key * 10, key * 10 + 5, ENTRY(1)), 0);
	test_fork(&mt, &fork);
	asked = test_allocated(pool);
	CHECK_EQ(mtree_clear_range(&mt, 106, 109), 0);
	CHECK_EQ(mtree_clear_range(&mt, 106, 108), 0);
	CHECK_EQ(mtree_clear_range(&mt, 107, 109), 0);
	CHECK_EQ(mtree_clear_range(&mt, 996, MT_KEY_MAX), 0);
	CHECK_EQ(mtree_erase(&mt, 108, NULL), 0);
	CHECK_EQ(test_allocated(pool), asked);
	CHECK_EQ(mtree_clear_range(&mt, 105, 109), 0);
	CHECK_EQ(test_allocated(pool), asked + mt_height(&mt));
	mt_fini(&mt);
	mt_fini(&fork);
	test_pool_end(pool);
}

/* In a fork the path is copied too: the nodes of the path, and those that the tree gets. A second
 * write into the same leaf finds the path copied. */
static void a_fork_takes_its_path_as_well(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork;
	mt_key key, asked;
	uint32_t flags;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		mt_init_pool(&mt, flags, pool, NULL);
		CHECK_EQ(asked_for(&mt, pool, 0, 5), 1);
		for (key = 1; key < RANGES; key++) {
			uint32_t height = mt_height(&mt);
			size_t nodes = mt_node_count(&mt);

			test_fork(&mt, &fork);
			asked = asked_for(&mt, pool, key * 10, key * 10 + 5);
			CHECK_EQ(asked, height + mt_node_count(&mt) - nodes);
			CHECK_EQ(asked_for(&mt, pool, key * 10, key * 10 + 5), 0);
			mt_fini(&fork);
		}
		CHECK_VALID(&mt);
		mt_fini(&mt);
	}
	test_pool_end(pool);
}

/* A leaf that an erasure leaves too thin becomes one or two with its neighbour. This takes two
 * nodes, and two for each node above that cannot spare two of its children. The last leaf is an
 * exception: it may be thin. */
static void a_thin_leaf_takes_two_for_each_level(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	uint32_t flags;
	size_t thin = 0;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		mt_init_pool(&mt, flags, pool, NULL);
		for (mt_key key = 0; key < 1000; key++)
			CHECK_EQ(mtree_store(&mt, key, ENTRY(key + 1)), 0);
		for (unsigned step = 0; step < 2000; step++) {
			mt_key key = test_below(1000), asked = test_allocated(pool), expected = 2;
			struct ma_state mas;
			const struct maple_node *leaf;
			unsigned slot, count, low, high, i;

			mas_init(&mas, &mt, key);
			if (!mas_walk(&mas))
				continue;
			leaf = mas.path[mas.depth - 1].node;
			slot = mas.path[mas.depth - 1].slot;
			count = leaf->count;
			/* The new gap takes in its neighbouring gaps in this leaf. */
			low = slot && !mt_slot_present(leaf, slot - 1) ? slot - 1 : slot;
			high = slot + 1 < count && !mt_slot_present(leaf, slot + 1) ? slot + 1
										    : slot;
			if ((key > 0 && !mtree_load(&mt, key - 1) && low == slot) ||
			    (!mtree_load(&mt, key + 1) && high == slot) ||
			    mas.path[mas.depth - 1].max == MT_KEY_MAX) {
				/* Beyond the leaf, or at the end. */
				CHECK_EQ(mtree_erase(&mt, key, NULL), 0);
				continue;
			}
			count -= high - low;
			for (i = mas.depth - 1; i-- > 0;) {
				const struct maple_node *node = mas.path[i].node;
				unsigned least = mt_capacity((enum mt_kind)node->kind) / 2;

				if (node->count >= (i ? least : 2u) + 2u)
					break;
				expected += 2;
			}
			if (count >= MT_WIDE_SLOTS / 2 || count == leaf->count)
				expected = 0;
			thin += expected > 0;
			CHECK_EQ(mtree_erase(&mt, key, NULL), 0);
			CHECK_EQ(test_allocated(pool) - asked, expected);
			CHECK_VALID(&mt);
		}
		mt_fini(&mt);
	}
	CHECK(thin > 20);
	test_pool_end(pool);
}

/* ---- leaves that overflow -------------------------------------------------------------------- */

/* A full leaf; the most slots of a leaf that still shares with a full one; what each of the two then
 * has; and the larger half of a leaf that splits. */
enum {
	LEAVES = 3,
	KEYS = MT_WIDE_SLOTS * 10,
	FULL = MT_WIDE_SLOTS,
	ROOM = FULL - 8,
	EVEN = FULL - 3,
	HALF = FULL / 2 + 1,
};

/* Build three full leaves without a gap; then take this many slots from some of them. */
static void build_leaves(struct maple_tree *mt, struct maple_pool *pool, uint32_t flags,
			 const unsigned *slots)
{
	mt_key first[LEAVES * MT_WIDE_SLOTS], last[LEAVES * MT_WIDE_SLOTS];
	uint64_t words[LEAVES * MT_WIDE_SLOTS];
	unsigned i;

	for (i = 0; i < LEAVES * MT_WIDE_SLOTS; i++) {
		first[i] = words[i] = i * 10;
		last[i] = i * 10 + 9;
	}
	last[i - 1] = MT_KEY_MAX;
	mt_init_pool(mt, flags, pool, NULL);
	CHECK_EQ(mt_build(mt, first, last, words, i, NULL), 0);
	for (i = 0; i < LEAVES; i++) {
		unsigned gone = MT_WIDE_SLOTS - slots[i];

		/* One entry takes the place of this many, and of one more. */
		if (gone)
			CHECK_EQ(asked_for(mt, pool, i * KEYS + 10, i * KEYS + 10 * gone + 19), 0);
		CHECK_EQ(mt_child(mt->ma_root, i)->count, slots[i]);
	}
}

static void check_leaves(struct maple_tree *mt, unsigned leaves, const unsigned *slots)
{
	CHECK_VALID(mt);
	CHECK_EQ(mt_height(mt), 2);
	CHECK_EQ(mt->ma_root->count, leaves);
	for (unsigned i = 0; i < leaves; i++)
		CHECK_EQ(mt_child(mt->ma_root, i)->count, slots[i]);
}

/* Cutting an entry of a full leaf in three makes two slots too many. With a neighbour of up to ROOM
 * slots, the sum is at most what two leaves share. With one more there is a new leaf. The leaf
 * before is tried first. Afterwards the cursor stands on what it stored, and its path leads
 * there. */
static void neighbours_share_up_to_a_bound(void)
{
	static const struct {
		unsigned slots[LEAVES];
		unsigned full;
		unsigned after[LEAVES + 1];
	} shapes[] = {
		{{FULL, ROOM, FULL}, 0, {EVEN, EVEN, FULL}},
		{{FULL, ROOM + 1, FULL}, 0, {HALF, HALF, ROOM + 1, FULL}},
		{{ROOM, FULL, FULL}, 1, {EVEN, EVEN, FULL}},
		{{ROOM + 1, FULL, FULL}, 1, {ROOM + 1, HALF, HALF, FULL}},
		{{FULL, FULL, ROOM}, 1, {FULL, EVEN, EVEN}},
		{{FULL, FULL, ROOM + 1}, 1, {FULL, HALF, HALF, ROOM + 1}},
		{{FULL, ROOM, FULL}, 2, {FULL, EVEN, EVEN}},
		{{FULL, ROOM + 1, FULL}, 2, {FULL, ROOM + 1, HALF, HALF}},
		{{ROOM, FULL, ROOM}, 1, {EVEN, EVEN, ROOM}},
		{{ROOM + 1, FULL, ROOM}, 1, {ROOM + 1, EVEN, EVEN}},
	};
	struct maple_pool *pool = test_pool();
	uint32_t flags;
	size_t i;
	unsigned slot;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		for (i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
			for (slot = 1; slot + 2 < MT_WIDE_SLOTS; slot++) {
				uint64_t at = shapes[i].full * KEYS + slot * 10;
				unsigned leaves = shapes[i].after[LEAVES] ? LEAVES + 1 : LEAVES;
				uint64_t before = test_allocated(pool), entries;
				const struct ma_level *leaf;
				struct maple_tree mt;

				build_leaves(&mt, pool, flags, shapes[i].slots);
				entries = mt_entries(&mt);
				before = test_allocated(pool);
				MA_STATE(mas, &mt, at + 3, at + 5);
				CHECK_EQ(mas_store_word(&mas, 7), 0);
				CHECK_EQ(test_allocated(pool) - before, leaves - LEAVES);
				check_leaves(&mt, leaves, shapes[i].after);
				CHECK_EQ(mt_entries(&mt), entries + 2);
				CHECK_EQ((uintptr_t)mtree_load(&mt, at + 2), at);
				CHECK_EQ((uintptr_t)mtree_load(&mt, at + 6), at);
				CHECK_EQ(mas.generation, mt.ma_generation);
				leaf = &mas.path[mas.depth - 1];
				CHECK_EQ(mt_slot_min(leaf->node, leaf->slot, leaf->min), at + 3);
				CHECK_EQ(mt_slot_max(leaf->node, leaf->slot, leaf->max), at + 5);
				CHECK(mas_next(&mas, MT_KEY_MAX) == ENTRY(at));
				CHECK_EQ(mas.index, at + 6);
				CHECK(mas_prev(&mas, 0) == ENTRY(7));
				CHECK(mas_prev(&mas, 0) == ENTRY(at));
				CHECK_EQ(mas.last, at + 2);
				mt_fini(&mt);
			}
		}
	}
	test_pool_end(pool);
}

/* Cutting an entry of a full leaf in two makes one slot too many: the first of two leaves has one
 * more. */
static void one_slot_too_many_makes_halves(void)
{
	static const unsigned full[] = {FULL, FULL, FULL};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	build_leaves(&mt, pool, 0, full);
	CHECK_EQ(asked_for(&mt, pool, 45, 49), 1);
	check_leaves(&mt, LEAVES + 1, (const unsigned[]){HALF, HALF - 1, FULL, FULL});
	mt_fini(&mt);
	/* The same without a parent yet. */
	mt_init_pool(&mt, 0, pool, NULL);
	for (uint64_t i = 0; i < FULL / 2 - 1; i++)
		CHECK_EQ(mtree_store_range(&mt, i * 10 + 5, i * 10 + 9, ENTRY(1)), 0);
	CHECK_EQ(mtree_store_range(&mt, 0, 4, ENTRY(1)), 0);
	CHECK_EQ(mt.ma_root->count, FULL - 1);
	CHECK_EQ(mtree_store_range(&mt, 7, 7, ENTRY(1)), 0);
	check_leaves(&mt, 2, (const unsigned[]){HALF, HALF - 1});
	mt_fini(&mt);
	test_pool_end(pool);
}

/* A leaf that has become too thin takes in the one after it, if there are two. */
static void a_thin_leaf_takes_in_the_one_behind(void)
{
	static const unsigned slots[] = {FULL, FULL / 2, FULL};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;

	build_leaves(&mt, pool, MT_FLAGS_ALLOC_RANGE, slots);
	CHECK_EQ(asked_for(&mt, pool, 2 * KEYS - 20, 2 * KEYS - 1), 4);
	check_leaves(&mt, LEAVES, (const unsigned[]){FULL, FULL * 3 / 4, FULL * 3 / 4 - 1});
	mt_fini(&mt);
	test_pool_end(pool);
}

/* The same in a fork, as soon as both leaves are its own. */
static void forks_share_out_what_is_their_own(void)
{
	static const unsigned slots[] = {FULL, ROOM, FULL};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork;

	build_leaves(&mt, pool, 0, slots);
	test_fork(&mt, &fork);
	CHECK_EQ(asked_for(&fork, pool, 40, 49), 2);
	CHECK_EQ(asked_for(&fork, pool, KEYS, KEYS + 9), 1);
	CHECK_EQ(asked_for(&fork, pool, 43, 45), 0);
	check_leaves(&fork, LEAVES, (const unsigned[]){EVEN, EVEN, FULL});
	check_leaves(&mt, LEAVES, slots);
	mt_fini(&fork);
	/* Not with a leaf that both trees have. */
	test_fork(&mt, &fork);
	CHECK_EQ(asked_for(&fork, pool, 40, 49), 2);
	CHECK_EQ(asked_for(&fork, pool, 43, 45), 1);
	check_leaves(&fork, LEAVES + 1, (const unsigned[]){HALF, HALF, ROOM, FULL});
	check_leaves(&mt, LEAVES, slots);
	mt_fini(&fork);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* A write at the very end of the tree leaves the leaf before the new one full, since loads continue
 * there. Anywhere else in the last leaf, the two leaves get halves. */
static void the_end_splits_off_little(void)
{
	static const unsigned full[] = {FULL, FULL, FULL};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	uint32_t flags;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		uint64_t end = LEAVES * KEYS - 10;

		/* The last entry alone; one whose rest stays after it; one further in. */
		build_leaves(&mt, pool, flags, full);
		CHECK_EQ(asked_for(&mt, pool, end + 5, MT_KEY_MAX), 1);
		check_leaves(&mt, LEAVES + 1, (const unsigned[]){FULL, FULL, FULL, 1});
		mt_fini(&mt);
		build_leaves(&mt, pool, flags, full);
		CHECK_EQ(asked_for(&mt, pool, end + 5, end + 8), 1);
		check_leaves(&mt, LEAVES + 1, (const unsigned[]){FULL, FULL, FULL, 2});
		mt_fini(&mt);
		build_leaves(&mt, pool, flags, full);
		CHECK_EQ(asked_for(&mt, pool, end - 5, end - 2), 1);
		check_leaves(&mt, LEAVES + 1, (const unsigned[]){FULL, FULL, HALF, HALF});
		mt_fini(&mt);

		/* A gap alone is no leaf: the full leaf gives it a value. */
		build_leaves(&mt, pool, flags, full);
		CHECK_EQ(mtree_clear_range(&mt, end + 5, MT_KEY_MAX), 0);
		check_leaves(&mt, LEAVES + 1, (const unsigned[]){FULL, FULL, FULL - 1, 2});
		mt_fini(&mt);

		/* The same without a parent yet. */
		for (unsigned gap = 0; gap < 2; gap++) {
			mt_init_pool(&mt, flags, pool, NULL);
			for (uint64_t i = 0; i < MT_WIDE_SLOTS; i++) {
				bool is_last = i + 1 == MT_WIDE_SLOTS;
				mt_key last = is_last ? MT_KEY_MAX : i * 10 + 9;

				CHECK_EQ(mtree_store_range(&mt, i * 10, last, ENTRY(1)), 0);
			}
			CHECK_EQ(
				mtree_store_range(&mt, KEYS - 5, MT_KEY_MAX, gap ? NULL : ENTRY(2)),
				0);
			check_leaves(&mt, 2, (const unsigned[]){FULL - gap, 1 + gap});
			mt_fini(&mt);
		}
	}
	test_pool_end(pool);
}

static const struct test_case cases[] = {
	{"a_write_in_one_leaf_takes_none", a_write_in_one_leaf_takes_none},
	{"ascending_stores_take_what_they_need", ascending_stores_take_what_they_need},
	{"a_gap_is_cleared_for_nothing", a_gap_is_cleared_for_nothing},
	{"a_fork_takes_its_path_as_well", a_fork_takes_its_path_as_well},
	{"a_thin_leaf_takes_two_for_each_level", a_thin_leaf_takes_two_for_each_level},
	{"neighbours_share_up_to_a_bound", neighbours_share_up_to_a_bound},
	{"one_slot_too_many_makes_halves", one_slot_too_many_makes_halves},
	{"a_thin_leaf_takes_in_the_one_behind", a_thin_leaf_takes_in_the_one_behind},
	{"forks_share_out_what_is_their_own", forks_share_out_what_is_their_own},
	{"the_end_splits_off_little", the_end_splits_off_little},
};

TEST_MAIN(cases)
