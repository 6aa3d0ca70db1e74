/* SPDX-License-Identifier: MIT */
/*
 * mt_validate() against trees that are broken on purpose, one invariant at a time. Each breakage is
 * found and named, and the repaired tree passes again.
 */
#include "test.h"

#include "node.h"
#include "pool.h"

/* A tree of height 3, and one node of it at each height. */
struct victim {
	struct maple_tree mt;
	struct maple_node *root;
	struct maple_node *middle;
	struct maple_node *leaf;
};

static void set_count(struct maple_node *node, unsigned count)
{
	node->count = (mt_small)count;
}

static void height_too_low(struct victim *victim)
{
	mt_set_root(&victim->mt, victim->root, 2);
}

static void height_without_root(struct victim *victim)
{
	victim->mt.ma_root = NULL;
}

static void wrong_kind(struct victim *victim)
{
	victim->leaf->kind = victim->middle->kind;
}

static void root_with_one_child(struct victim *victim)
{
	set_count(victim->root, 1);
}

static void thin_internal_node(struct victim *victim)
{
	set_count(victim->middle, mt_capacity((enum mt_kind)victim->middle->kind) / 2 - 1);
}

static void thin_leaf(struct victim *victim)
{
	set_count(victim->leaf, MT_WIDE_SLOTS / 2 - 1);
}

static void overfull_leaf(struct victim *victim)
{
	set_count(victim->leaf, MT_WIDE_SLOTS + 1);
}

static void pivots_out_of_order(struct victim *victim)
{
	victim->leaf->pivot[3] = victim->leaf->pivot[2];
}

static void pivot_past_the_node(struct victim *victim)
{
	victim->leaf->pivot[victim->leaf->count - 2] = 1u << 30;
}

static void pivot_below_the_node(struct victim *victim)
{
	victim->leaf->pivot[0] = 0;
}

static void spare_pivot_in_use(struct victim *victim)
{
	victim->root->pivot[victim->root->count - 1] = 7;
}

static void header_in_use(struct victim *victim)
{
	victim->middle->version = 2;
}

static void presence_past_the_count(struct victim *victim)
{
	victim->middle->present = 1;
}

static void two_gaps_side_by_side(struct victim *victim)
{
	victim->leaf->present &= (uint16_t)~mt_slot_mask(4, 6);
}

static void gap_with_a_word(struct victim *victim)
{
	unsigned slot = (unsigned)__builtin_ctz(~(unsigned)victim->leaf->present);

	victim->leaf->wide.slot[slot] = 1;
}

static void leaf_without_values(struct victim *victim)
{
	victim->leaf->present = 0;
}

static void reference_too_many(struct victim *victim)
{
	mt_node_get(victim->mt.ma_pool, victim->leaf);
}

static void no_reference(struct victim *victim)
{
	*mt_node_refs(victim->leaf) = 0;
}

static void no_height(struct victim *victim)
{
	mt_set_root(&victim->mt, victim->root, 0);
}

static void height_beyond_all_trees(struct victim *victim)
{
	mt_set_root(&victim->mt, victim->root, MT_MAX_HEIGHT + 1);
}

static void write_without_end(struct victim *victim)
{
	victim->mt.ma_busy = true;
}

static void entries_miscounted(struct victim *victim)
{
	victim->mt.ma_entries++;
}

static void keys_miscounted(struct victim *victim)
{
	victim->mt.ma_covered[0]--;
}

static void keys_miscounted_by_2_to_64(struct victim *victim)
{
	victim->mt.ma_covered[1]++;
}

static void gap_too_large(struct victim *victim)
{
	victim->root->narrow.gap[0]++;
}

static void gap_too_small(struct victim *victim)
{
	victim->middle->narrow.gap[1]--;
}

static void spare_gap_in_use(struct victim *victim)
{
	victim->root->narrow.gap[victim->root->count] = 1;
}

static const struct {
	const char *name;
	void (*breaks)(struct victim *victim);
	bool of_gaps; /* only trees that track gaps can be broken this way */
} breakages[] = {
	{"height too low", height_too_low, false},
	{"height without root", height_without_root, false},
	{"wrong kind", wrong_kind, false},
	{"root with one child", root_with_one_child, false},
	{"thin internal node", thin_internal_node, false},
	{"thin leaf", thin_leaf, false},
	{"overfull leaf", overfull_leaf, false},
	{"pivots out of order", pivots_out_of_order, false},
	{"pivot past the node", pivot_past_the_node, false},
	{"pivot below the node", pivot_below_the_node, false},
	{"spare pivot in use", spare_pivot_in_use, false},
	{"header in use", header_in_use, false},
	{"presence past the count", presence_past_the_count, false},
	{"two gaps side by side", two_gaps_side_by_side, false},
	{"gap with a word", gap_with_a_word, false},
	{"leaf without values", leaf_without_values, false},
	{"reference too many", reference_too_many, false},
	{"no reference", no_reference, false},
	{"no height", no_height, false},
	{"height beyond all trees", height_beyond_all_trees, false},
	{"write without end", write_without_end, false},
	{"entries miscounted", entries_miscounted, false},
	{"keys miscounted", keys_miscounted, false},
	{"keys miscounted by 2^64", keys_miscounted_by_2_to_64, false},
	{"gap too large", gap_too_large, true},
	{"gap too small", gap_too_small, true},
	{"spare gap in use", spare_gap_in_use, true},
};

/* The second child of the second child: not at either end of the tree. */
static void make_victim(struct victim *victim, uint32_t flags, struct maple_pool *pool)
{
	mt_init_pool(&victim->mt, flags, pool, NULL);
	for (mt_key key = 0; mt_height(&victim->mt) < 3 || key < 3000; key += 10)
		CHECK_EQ(mtree_store_range(&victim->mt, key, key + 5, ENTRY(key + 1)), 0);
	victim->root = victim->mt.ma_root;
	victim->middle = mt_child(victim->root, 1);
	victim->leaf = mt_child(victim->middle, 1);
	CHECK(victim->root->count < mt_capacity((enum mt_kind)victim->root->kind));
	CHECK_EQ(victim->leaf->kind, MT_LEAF);
}

static void every_breakage_is_found(void)
{
	uint32_t flags;
	size_t i;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		struct maple_pool *pool = test_pool();
		struct victim victim, whole;
		struct maple_node root, middle, leaf;
		uint32_t references;

		make_victim(&victim, flags, pool);
		CHECK_VALID(&victim.mt);
		whole = victim;
		root = *victim.root;
		middle = *victim.middle;
		leaf = *victim.leaf;
		references = *mt_node_refs(victim.leaf);
		for (i = 0; i < sizeof(breakages) / sizeof(*breakages); i++) {
			char reason[200] = "", little[8] = "";

			if (breakages[i].of_gaps && !flags)
				continue;
			breakages[i].breaks(&victim);
			if (mt_validate(&victim.mt, reason, sizeof(reason)) != -EINVAL)
				test_fail(__FILE__, __LINE__, "%s: not found", breakages[i].name);
			if (!strstr(reason, "node ["))
				test_fail(__FILE__, __LINE__, "%s: the reason is '%s'",
					  breakages[i].name, reason);
			/* With little room for the reason, or none, the result is the same. */
			CHECK_EQ(mt_validate(&victim.mt, little, sizeof(little)), -EINVAL);
			CHECK_EQ(strlen(little) < sizeof(little), true);
			CHECK_EQ(mt_validate(&victim.mt, NULL, 0), -EINVAL);
			CHECK_EQ(mt_validate(&victim.mt, little, 0), -EINVAL);

			victim = whole;
			*victim.root = root;
			*victim.middle = middle;
			*victim.leaf = leaf;
			*mt_node_refs(victim.leaf) = references;
			CHECK_VALID(&victim.mt);
		}
		mt_fini(&victim.mt);
		test_pool_end(pool);
	}
}

/* The root may be thin, but a leaf must have a value. */
static void a_root_without_values_is_found(void)
{
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	struct maple_node leaf;
	char reason[200] = "";

	mt_init_pool(&mt, 0, pool, NULL);
	CHECK_EQ(mtree_store(&mt, 0, ENTRY(1)), 0);
	leaf = *mt.ma_root;
	set_count(mt.ma_root, 1);
	mt.ma_root->pivot[0] = MT_KEY_MAX;
	mt.ma_root->present = 0;
	mt.ma_root->wide.slot[0] = 0;
	CHECK_EQ(mt_validate(&mt, reason, sizeof(reason)), -EINVAL);
	CHECK(strstr(reason, "no value"));
	*mt.ma_root = leaf;
	CHECK_VALID(&mt);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* A leaf that the tree still refers to goes back to the pool, and is then allocated from there
 * again. */
static void a_freed_node_is_found(void)
{
	enum { MOST = 64 };
	struct maple_pool *pool = test_pool();
	struct maple_node *taken[MOST], leaf;
	struct victim victim;
	size_t count = 0, i;

	make_victim(&victim, MT_FLAGS_ALLOC_RANGE, pool);
	leaf = *victim.leaf;
	mt_free_one(pool, victim.leaf);
	CHECK_EQ(mt_validate(&victim.mt, NULL, 0), -EINVAL);
	do {
		CHECK(count < MOST);
		CHECK_EQ(mt_pool_alloc_bulk(pool, 1, &taken[count]), 1);
	} while (taken[count++] != victim.leaf);
	for (i = 0; i + 1 < count; i++)
		mt_free_one(pool, taken[i]);
	*victim.leaf = leaf;
	CHECK_VALID(&victim.mt);
	mt_fini(&victim.mt);
	test_pool_end(pool);
}

static const struct test_case cases[] = {
	{"every_breakage_is_found", every_breakage_is_found},
	{"a_root_without_values_is_found", a_root_without_values_is_found},
	{"a_freed_node_is_found", a_freed_node_is_found},
};

TEST_MAIN(cases)
