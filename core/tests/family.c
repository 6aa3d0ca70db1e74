/* SPDX-License-Identifier: MIT */
/*
 * The life of a family: how its members come and go, what its values do, and what is checked after
 * each step. Owns the members (separately allocated, since cursors point at trees) and the pool.
 */
#include "family.h"

#include <stdlib.h>
#include <string.h>

/* ---- values ---------------------------------------------------------------------------------- */

static bool words_equal(void *context, const struct mt_entry *left, const struct mt_entry *right)
{
	(void)context;
	CHECK_EQ(left->last + 1, right->first);
	return left->word == right->word;
}

static bool refuses(struct family *family)
{
	if (!family->refuse || --family->refuse)
		return false;
	family->refused = true;
	return true;
}

/* The word, with a reference that the tree then owns. */
static uint64_t owned(struct family *family, uint64_t word)
{
	family->counts.references[word]++;
	family->counts.total++;
	return word;
}

static int split_rising(void *context, const struct mt_entry *whole, mt_key first, mt_key last,
			uint64_t *piece)
{
	struct family *family = context;

	CHECK(first >= whole->first && last <= whole->last && first <= last);
	CHECK(first > whole->first || last < whole->last);
	CHECK(family->counts.references[whole->word] > 0);
	if (refuses(family))
		return -EPERM;
	*piece = owned(family, (whole->word + (first - whole->first)) & (FAMILY_WORDS - 1));
	return 0;
}

static int merge_rising(void *context, const struct mt_entry *left, const struct mt_entry *right,
			const struct mt_entry *stored, uint64_t *word)
{
	struct family *family = context;

	CHECK(stored == left || stored == right);
	CHECK(left->first <= right->first || left->last <= right->last);
	CHECK(right->first <= left->last || right->first == left->last + 1);
	if (((left->word - left->first) ^ (right->word - right->first)) & (FAMILY_WORDS - 1))
		return 0;
	if (refuses(family))
		return -EPERM;
	*word = owned(family, left->word);
	return 1;
}

uint64_t family_word(const struct family *family)
{
	static const uint64_t corners[] = {0, 1, UINT64_MAX, (uint64_t)1 << 63};
	uint64_t word;

	switch (family->kind.values) {
	case family_plain:
		word = test_below(256);
		return word < 4 ? corners[word] : word;
	case family_equal:
		return test_below(5);
	case family_merge:
		return test_below(4); /* few numbers, so that many continue their neighbours */
	default:
		return test_below(FAMILY_WORDS);
	}
}

static int count_visited(void *context, const uint64_t *words, uint32_t present)
{
	uint64_t *visited = context;
	unsigned i;

	for (i = 0; i < MT_MAX_SLOTS; i++) {
		if (present >> i & 1u)
			visited[words[i]]++;
	}
	return 0;
}

/* The family holds as many references to each word as its leaves have slots with it. */
static void count_references(struct family *family)
{
	uint64_t visited[FAMILY_WORDS] = {0};
	uint32_t pass = mt_visit_begin(family->pool);
	size_t i;

	for (i = 0; i < family->count; i++) {
		struct maple_tree *mt = &family->member[i]->mt;

		CHECK_EQ(mt_visit_private(mt, count_visited, visited), 0);
		CHECK_EQ(mt_visit_shared(mt, pass, count_visited, visited), 0);
	}
	for (i = 0; i < FAMILY_WORDS; i++)
		CHECK_EQ(family->counts.references[i], visited[i]);
}

/* ---- members --------------------------------------------------------------------------------- */

static const struct mt_value_ops *family_ops(const struct family *family)
{
	return family->kind.values == family_plain ? NULL : &family->ops;
}

/* One more member, whose tree is not made yet. It does not count while that may fail. NULL: no
 * room. */
static struct member *room(struct family *family)
{
	return family->count < FAMILY_MEMBERS ? test_array(1, sizeof(struct member)) : NULL;
}

static void join(struct family *family, struct member *member, const struct oracle *oracle)
{
	oracle_copy(oracle, &member->oracle);
	family_cursors_begin(member);
	family->member[family->count++] = member;
}

static void add_empty(struct family *family)
{
	struct member *member = room(family);

	mt_init_pool(&member->mt, family->kind.flags, family->pool, family_ops(family));
	join(family, member, &family->blank);
}

static void end_member(struct family *family, struct member *member)
{
	size_t number = 0;

	while (family->member[number] != member)
		number++;
	family->member[number] = family->member[--family->count];
	family_cursors_end(member);
	mt_fini(&member->mt);
	oracle_fini(&member->oracle);
	free(member);
}

static void check_member(struct family *family, struct member *member)
{
	CHECK_EQ(mt_attr(&member->mt), family->kind.flags);
	CHECK_EQ(mt_height(&member->mt) == 0, mtree_empty(&member->mt));
	CHECK_ORACLE(&member->oracle, &member->mt);
}

/* ---- relatives ------------------------------------------------------------------------------- */

static void fork_one(struct family *family, struct member *member)
{
	struct member *child = room(family);

	if (!child)
		return;
	test_fork(&member->mt, &child->mt);
	join(family, child, &member->oracle);
	child->wrapped = member->wrapped;
}

static void duplicate(struct family *family, struct member *member)
{
	struct member *child = room(family);

	if (!child)
		return;
	mt_init_pool(&child->mt, family->kind.flags, family->pool, family_ops(family));
	if (family_succeeded(family, member, mtree_dup(&member->mt, &child->mt))) {
		join(family, child, &member->oracle);
		child->wrapped = member->wrapped;
		return;
	}
	CHECK(mtree_empty(&child->mt));
	mt_fini(&child->mt);
	free(child);
}

static void slice(struct family *family, struct member *member)
{
	struct member *child = room(family);
	size_t low, high, cells = member->oracle.cells;
	int got;

	if (!child)
		return;
	family_cells(&member->oracle, &low, &high);
	mtree_lock(&member->mt);
	got = mt_slice(&member->mt, oracle_first(&member->oracle, low),
		       oracle_last(&member->oracle, high), &child->mt);
	mtree_unlock(&member->mt);
	if (family_succeeded(family, member, got)) {
		join(family, child, &member->oracle);
		child->wrapped = member->wrapped;
		if (low)
			oracle_clear(&child->oracle, 0, low - 1);
		if (high + 1 < cells)
			oracle_clear(&child->oracle, high + 1, cells - 1);
		return;
	}
	CHECK(mtree_empty(&child->mt));
	mt_fini(&child->mt);
	free(child);
}

/* A new member from two: union, intersection or difference. */
static void combine(struct family *family, struct member *member)
{
	struct member *other = family->member[test_below(family->count)], *child = room(family);
	uint64_t way = test_below(3);
	int got;

	if (!child)
		return;
	mtree_lock(&member->mt);
	if (other != member)
		mtree_lock_nested(&other->mt, MT_LOCK_NESTED);
	got = (way == 0   ? mt_union
	       : way == 1 ? mt_intersect
			  : mt_subtract)(&member->mt, &other->mt, &child->mt);
	if (other != member)
		mtree_unlock(&other->mt);
	mtree_unlock(&member->mt);
	if (family_succeeded(family, member, got)) {
		struct oracle expected;

		if (way == 0)
			oracle_union(&member->oracle, &other->oracle, &expected);
		else
			oracle_clear_where(&member->oracle, &other->oracle, way == 2, &expected);
		join(family, child, &expected);
		oracle_fini(&expected);
		child->wrapped = member->wrapped;
		return;
	}
	CHECK(mtree_empty(&child->mt));
	mt_fini(&child->mt);
	free(child);
}

/* Cursors stay with their trees, and find the other contents there. */
static void exchange(struct family *family, struct member *member)
{
	struct member *other = family->member[test_below(family->count)];
	struct oracle oracle = member->oracle;
	bool wrapped = member->wrapped;

	if (other == member)
		return;
	mtree_lock(&member->mt);
	mtree_lock_nested(&other->mt, MT_LOCK_NESTED);
	mt_exchange(&member->mt, &other->mt);
	mtree_unlock(&other->mt);
	mtree_unlock(&member->mt);
	member->oracle = other->oracle;
	member->wrapped = other->wrapped;
	other->oracle = oracle;
	other->wrapped = wrapped;
	other->writes++;
	CHECK(family_wrote(family, member, 0));
	check_member(family, other);
}

static void destroy(struct family *family, struct member *member)
{
	if (test_below(8) == 0) {
		family_empty(family, member);
		return;
	}
	end_member(family, member);
	if (!family->count)
		add_empty(family);
}

static void trim(struct family *family, struct member *member)
{
	(void)member;
	mt_pool_trim(family->pool);
}

/* ---- steps ----------------------------------------------------------------------------------- */

void family_cells(const struct oracle *oracle, size_t *low, size_t *high)
{
	uint64_t choice = test_below(80);
	size_t width = 1 + test_below(choice >= 8 ? 3 : choice ? 40 : oracle->cells);

	*low = test_below(oracle->cells);
	*high = *low + width - 1;
	if (*high >= oracle->cells)
		*high = oracle->cells - 1;
}

bool family_whole_cells(const struct oracle *oracle, mt_key first, mt_key last, size_t *low,
			size_t *high)
{
	*low = oracle_cell(oracle, first);
	*high = oracle_cell(oracle, last);
	return first <= last && first == oracle_first(oracle, *low) &&
	       last == oracle_last(oracle, *high);
}

static void forget_before(struct family *family)
{
	if (family->kept)
		mt_fini(&family->before);
	family->kept = NULL;
}

bool family_succeeded(struct family *family, struct member *member, int got)
{
	if (!got)
		return true;
	CHECK_EQ(got, family->refused ? -EPERM : -ENOMEM);
	CHECK(family->refused || family->starved);
	if (family->kept == member)
		CHECK_SAME_NODES(&family->before, &member->mt);
	return false;
}

bool family_wrote(struct family *family, struct member *member, int got)
{
	if (!family_succeeded(family, member, got))
		return false;
	if (family->kept == member)
		forget_before(family);
	member->writes++;
	return true;
}

void family_empty(struct family *family, struct member *member)
{
	mtree_destroy(&member->mt);
	oracle_clear(&member->oracle, 0, member->oracle.cells - 1);
	CHECK(family_wrote(family, member, 0));
}

static const family_action actions[] = {
	family_store,
	family_store,
	family_store,
	family_store_many,
	family_store_many,
	family_insert,
	family_clear,
	family_erase,
	family_erase,
	family_allocate,
	family_allocate,
	family_allocate_cyclic,
	family_build,
	family_refusals,
	family_look_up,
	family_look_up_many,
	family_search,
	family_compare,
	family_cursor_move,
	family_cursor_move,
	family_cursor_move,
	family_cursor_move,
	family_cursor_write,
	family_cursor_write,
	family_cursor_write,
	family_cursor_write,
	family_cursor_sweep,
	fork_one,
	duplicate,
	slice,
	destroy,
	exchange,
	trim,
	family_accumulate,
	combine,
};

/* Sometimes a step meets a failure: of an allocation, or of a value operation. */
static void prepare_failure(struct family *family, struct member *member)
{
	uint64_t choice = test_below(32);

	family->starved = choice < 4;
	family->refused = false;
	family->refuse = choice >= 4 && choice < 8 ? choice - 3 : 0;
	if (choice >= 8)
		return;
	mt_init_pool(&family->before, family->kind.flags, family->pool, family_ops(family));
	CHECK_EQ(mtree_dup(&member->mt, &family->before), 0);
	family->kept = member;
	if (family->starved)
		mt_pool_fail_nth(family->pool, 1 + test_below(choice ? 12 : 100));
}

static void end_failure(struct family *family)
{
	mt_pool_fail_nth(family->pool, 0);
	family->starved = family->refused = false;
	family->refuse = 0;
	forget_before(family);
}

void family_step(struct family *family)
{
	struct member *member = family->member[test_below(family->count)];
	family_action action = actions[test_below(sizeof(actions) / sizeof(*actions))];
	size_t i;

	prepare_failure(family, member);
	action(family, member);
	end_failure(family);
	for (i = 0; i < family->count; i++) {
		if (family->member[i] == member)
			check_member(family, member);
	}
}

void family_cursor_step(struct family *family)
{
	struct member *member = family->member[0];
	uint64_t choice = test_below(16), writes = member->writes;

	if (choice >= 6)
		family_cursor_move(family, member);
	else if (choice >= 2)
		family_cursor_write(family, member);
	else
		(choice ? family_store_many : family_insert)(family, member);
	if (member->writes != writes)
		check_member(family, member);
}

void family_check(struct family *family)
{
	size_t i;

	for (i = 0; i < family->count; i++)
		check_member(family, family->member[i]);
}

void family_audit(struct family *family)
{
	size_t i, nodes = 0;

	family_check(family);
	if (family->kind.values != family_plain)
		count_references(family);
	if (family->count > 1)
		return; /* sharing cannot be predicted */
	for (i = 0; i < FAMILY_CURSORS; i++)
		nodes += family->member[0]->cursor[i].mas.reserved;
	CHECK_EQ(test_live(family->pool), nodes + mt_node_count(&family->member[0]->mt));
}

static void (*const init_oracle[family_layout_count])(struct oracle *oracle, size_t cells) = {
	[family_low] = oracle_init,
	[family_high] = oracle_init_high,
	[family_random] = oracle_init_random,
#if MT_KEY_BITS == 128
	[family_middle] = oracle_init_middle,
#endif
};

void family_begin(struct family *family, const struct family_kind *kind)
{
	memset(family, 0, sizeof(*family));
	family->kind = *kind;
	family->pool = test_pool();
	if (kind->serial)
		mt_pool_serial(family->pool);
	test_counts_init(&family->counts, FAMILY_WORDS);
	family->ops = test_count_ops(&family->counts);
	family->ops.context = family;
	if (kind->values == family_equal)
		family->ops.equal = words_equal;
	if (kind->values == family_split || kind->values == family_merge)
		family->ops.split = split_rising;
	if (kind->values == family_merge)
		family->ops.merge = merge_rising;
	init_oracle[kind->layout](&family->blank, kind->cells);
	family->blank.coalesces = kind->values == family_equal || kind->values == family_merge;
	family->blank.rises = family->ops.split ? FAMILY_WORDS - 1 : 0;
	add_empty(family);
}

void family_end(struct family *family)
{
	family_audit(family);
	while (family->count)
		end_member(family, family->member[test_below(family->count)]);
	test_counts_end(&family->counts);
	oracle_fini(&family->blank);
	test_pool_end(family->pool);
}
