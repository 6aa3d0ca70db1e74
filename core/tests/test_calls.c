/* SPDX-License-Identifier: MIT */
/*
 * The functions that need no memory. Each is called while every request would fail, and must make
 * no request to the pool, to its allocator or to the C library. Functions that need memory are in
 * test_fail.c; check_calls.py finds any that is in neither.
 */
#include "memory.h"

#include <stdlib.h>

enum { ENTRIES = 300, STEP = 10, KEYS = 64 };

struct scene {
	struct test_memory memory;
	struct maple_pool *pool;
	struct maple_tree mt;      /* several levels, with gaps */
	struct maple_tree other;   /* a relative of it; two entries differ */
	struct maple_tree spare;   /* empty */
	struct maple_tree outside; /* not initialised */
	struct mt_snapshot snapshot;
	struct ma_state mas;      /* over mt, at an entry */
	struct ma_state prepared; /* over mt, with a reserve for a store */
	struct mt_diff_walk walk; /* over mt and other */
	struct mt_difference difference;
	struct mt_entry entry;
	mt_key index;
	mt_key high;
	uint64_t word;
	mt_key keys[2][ENTRIES + 2];
	uint64_t words[ENTRIES + 2];
};

static void no_report(const char *message)
{
	(void)message;
}

static int no_difference(void *context, const struct mt_difference *difference)
{
	(void)difference;
	++*(uint64_t *)context;
	return 0;
}

static int no_values(void *context, const uint64_t *words, uint32_t present)
{
	(void)words;
	*(uint64_t *)context += present;
	return 0;
}

static void no_text(void *context, const char *text, size_t length)
{
	(void)text;
	*(uint64_t *)context += length;
}

static bool any_word(uint64_t word)
{
	(void)word;
	return true;
}

static void no_word(uint64_t word)
{
	(void)word;
}

#define QUIET(name, ...)                                                                           \
	static void quiet_##name(struct scene *s)                                                  \
	{                                                                                          \
		(void)s;                                                                           \
		__VA_ARGS__;                                                                       \
	}

/* The pool and whole trees. */
QUIET(mt_init, mt_init(&s->outside))
QUIET(mt_init_flags, mt_init_flags(&s->outside, MT_FLAGS_ALLOC_RANGE))
QUIET(mt_init_pool, mt_init_pool(&s->outside, 0, s->pool, NULL); mt_fini(&s->outside))
QUIET(mt_attr, CHECK_EQ(mt_attr(&s->mt), MT_FLAGS_ALLOC_RANGE))
QUIET(mt_height, CHECK(mt_height(&s->mt) > 2))
QUIET(mt_set_external_lock, mt_set_external_lock(&s->mt, NULL))
QUIET(mt_entries, CHECK_EQ(mt_entries(&s->mt), ENTRIES))
QUIET(mt_entries_known, CHECK(mt_entries_known(&s->mt, &s->word)); CHECK_EQ(s->word, ENTRIES))
QUIET(mt_covered, mt_covered(&s->mt, &s->index, &s->high); CHECK_EQ(s->index, 5 * ENTRIES))
QUIET(mt_node_count, CHECK(mt_node_count(&s->mt) > 10))
QUIET(mt_pool_serial, mt_pool_serial(s->pool))
QUIET(mt_pool_begin_parallel, mt_pool_begin_parallel(s->pool); mt_pool_end_parallel(s->pool))
QUIET(mt_pool_end_parallel, mt_pool_begin_parallel(s->pool); mt_pool_end_parallel(s->pool))
QUIET(mt_pool_lock, CHECK(mt_pool_lock(s->pool)); mt_pool_unlock(s->pool))
QUIET(mt_pool_unlock, CHECK(mt_pool_lock(s->pool)); mt_pool_unlock(s->pool))
QUIET(mt_pool_get, mt_pool_get(s->pool); mt_pool_put(s->pool))
QUIET(mt_pool_put, mt_pool_get(s->pool); mt_pool_put(s->pool))
QUIET(mt_pool_stats, CHECK(test_live(s->pool) > 0))
QUIET(mt_pool_fail_nth, mt_pool_fail_nth(s->pool, 0))
QUIET(mt_pool_trim, mt_pool_trim(s->pool))
QUIET(mtree_lock, mtree_lock(&s->mt); mtree_unlock(&s->mt))
QUIET(mtree_unlock, mtree_lock(&s->mt); mtree_unlock(&s->mt))
QUIET(mtree_lock_nested, mtree_lock_nested(&s->mt, MT_LOCK_NESTED); mtree_unlock(&s->mt))
QUIET(mt_set_lock_report, mt_set_lock_report(no_report))
QUIET(mt_fork, mt_fork(&s->mt, &s->outside); mt_fini(&s->outside))
QUIET(mt_snapshot_begin, mt_snapshot_begin(&s->mt, &s->snapshot);
      mt_snapshot_end(&s->mt, &s->snapshot))
QUIET(mt_snapshot_end, mt_snapshot_begin(&s->mt, &s->snapshot);
      mt_snapshot_end(&s->mt, &s->snapshot))
QUIET(mt_exchange, mt_fork(&s->mt, &s->outside); mt_exchange(&s->mt, &s->outside);
      mt_fini(&s->outside))
QUIET(mtree_destroy, mtree_destroy(&s->mt))
QUIET(__mt_destroy, mtree_lock(&s->mt); __mt_destroy(&s->mt); mtree_unlock(&s->mt))
QUIET(mt_fini, mt_fork(&s->mt, &s->outside); mt_fini(&s->outside))
QUIET(mt_read, CHECK_EQ(mt_read(&s->mt, s->keys[0], s->keys[1], s->words), ENTRIES))
QUIET(mt_batch_size, CHECK(mt_batch_size(&s->mt) > 0))
QUIET(mt_diff, s->word = 0; CHECK_EQ(mt_diff(&s->mt, &s->other, no_difference, &s->word), 0);
      CHECK_EQ(s->word, 2))
QUIET(mt_diff_begin, mt_diff_begin(&s->walk, &s->mt, &s->other, mt_diff_equal))
QUIET(mt_diff_next, CHECK(mt_diff_next(&s->walk, &s->difference)); CHECK_EQ(s->difference.first, 5))
QUIET(mt_diff_next_within, CHECK_EQ(mt_diff_next_within(&s->walk, 1, &s->difference), -EAGAIN))
QUIET(mt_set_begin, struct mt_set_walk set;
      mt_set_begin(&set, mt_set_union, &s->mt, &s->other, &s->outside); mt_fini(&s->outside))
QUIET(mt_diff_next_word, CHECK_EQ(mt_diff_next_word(&s->walk, &s->difference), -EINVAL))
QUIET(mt_visit_private, CHECK_EQ(mt_visit_private(&s->mt, no_values, &s->word), 0))
QUIET(mt_visit_begin, CHECK(mt_visit_begin(s->pool) > 0))
QUIET(mt_visit_shared,
      CHECK_EQ(mt_visit_shared(&s->mt, mt_visit_begin(s->pool), no_values, &s->word), 0))
QUIET(mt_validate, CHECK_VALID(&s->mt))
QUIET(mt_dump, mt_dump(&s->spare, mt_dump_hex))
QUIET(mt_dump_to, s->word = 0; mt_dump_to(&s->mt, mt_dump_dec, no_text, &s->word);
      CHECK(s->word > 1000))

/* Look-ups. */
QUIET(mtree_empty, CHECK(!mtree_empty(&s->mt)))
QUIET(mtree_load, CHECK(mtree_load(&s->mt, 14) == ENTRY(2)))
QUIET(mtree_load_word, CHECK(mtree_load_word(&s->mt, 14, &s->word)))
QUIET(mtree_lookup, CHECK(mtree_lookup(&s->mt, 14, &s->entry)))
QUIET(mtree_lookup_take, CHECK_EQ(mtree_lookup_take(&s->mt, 14, &s->entry, any_word, no_word), 1))
QUIET(mtree_load_take, CHECK_EQ(mtree_load_take(&s->mt, 14, &s->word, any_word, no_word), 1))
QUIET(mtree_load_batch, s->index = 14;
      CHECK_EQ(mtree_load_batch(&s->mt, &s->index, 1, 0, s->words, (uint8_t *)&s->word), 1))
QUIET(mt_find, s->index = 5; CHECK(mt_find(&s->mt, &s->index, 99) == ENTRY(2)))
QUIET(mt_find_after, s->index = 5; CHECK(mt_find_after(&s->mt, &s->index, 99) == ENTRY(2)))
QUIET(mt_next, CHECK(mt_next(&s->mt, 3, 99) == ENTRY(2)))
QUIET(mt_prev, CHECK(mt_prev(&s->mt, 25, 0) == ENTRY(3)))
QUIET(mtree_find, CHECK(mtree_find(&s->mt, 6, 99, &s->entry)))
QUIET(mtree_find_rev, CHECK(mtree_find_rev(&s->mt, 9, 0, &s->entry)))
QUIET(mt_empty_area, CHECK_EQ(mt_empty_area(&s->mt, 1, 9999, 7, 1, 0, false, &s->index), 0))

/* Cursors. */
QUIET(mas_init, mas_init(&s->mas, &s->mt, 5))
QUIET(mas_set, mas_set(&s->mas, 5))
QUIET(mas_set_range, mas_set_range(&s->mas, 5, 6))
QUIET(__mas_set_range, __mas_set_range(&s->mas, 14, 14))
QUIET(mas_reset, mas_reset(&s->mas))
QUIET(mas_pause, mas_pause(&s->mas))
QUIET(mas_destroy, mas_destroy(&s->prepared))
QUIET(mas_lock, mas_lock(&s->mas); mas_unlock(&s->mas))
QUIET(mas_lock_nested, mas_lock_nested(&s->mas, MT_LOCK_NESTED); mas_unlock(&s->mas))
QUIET(mas_unlock, mas_lock(&s->mas); mas_unlock(&s->mas))
QUIET(mas_walk, CHECK(mas_walk(&s->mas) == ENTRY(2)))
QUIET(mas_load, CHECK(mas_load(&s->mas) == ENTRY(2)))
QUIET(mas_next, CHECK(mas_next(&s->mas, MT_KEY_MAX) == ENTRY(3)))
QUIET(mas_next_range, CHECK(!mas_next_range(&s->mas, MT_KEY_MAX)))
QUIET(mas_prev, CHECK(mas_prev(&s->mas, 0) == ENTRY(1)))
QUIET(mas_prev_range, CHECK(!mas_prev_range(&s->mas, 0)))
QUIET(mas_find, CHECK(mas_find(&s->mas, MT_KEY_MAX) == ENTRY(3)))
QUIET(mas_find_range, CHECK(!mas_find_range(&s->mas, MT_KEY_MAX)))
QUIET(mas_find_rev, CHECK(mas_find_rev(&s->mas, 0) == ENTRY(1)))
QUIET(mas_find_range_rev, CHECK(!mas_find_range_rev(&s->mas, 0)))
QUIET(mas_walk_word, CHECK(mas_walk_word(&s->mas)))
QUIET(mas_next_word, CHECK(mas_next_word(&s->mas, MT_KEY_MAX, true)))
QUIET(mas_prev_word, CHECK(mas_prev_word(&s->mas, 0, true)))
QUIET(mas_find_word, CHECK(mas_find_word(&s->mas, MT_KEY_MAX, false)))
QUIET(mas_find_rev_word, CHECK(mas_find_rev_word(&s->mas, 0, false)))
QUIET(mas_walk_unlocked, CHECK(mas_walk_unlocked(&s->mas)))
QUIET(mas_next_unlocked, CHECK(mas_next_unlocked(&s->mas, MT_KEY_MAX, true)))
QUIET(mas_prev_unlocked, CHECK(mas_prev_unlocked(&s->mas, 0, true)))
QUIET(mas_find_unlocked, CHECK(mas_find_unlocked(&s->mas, MT_KEY_MAX, false)))
QUIET(mas_find_rev_unlocked, CHECK(mas_find_rev_unlocked(&s->mas, 0, false)))
QUIET(mas_replace_word, CHECK(mas_walk_word(&s->mas)); CHECK(mas_replace_word(&s->mas, 7)))
QUIET(mas_store_prealloc, CHECK_EQ(mas_store_prealloc(&s->prepared, ENTRY(7)), 0))
QUIET(mas_empty_area, CHECK_EQ(mas_empty_area(&s->mas, 1, 9999, 7), 0))
QUIET(mas_empty_area_rev, CHECK_EQ(mas_empty_area_rev(&s->mas, 1, 9999, 7), 0))

static const struct {
	const char *name;
	void (*call)(struct scene *s);
} calls[] = {
	{"mt_init", quiet_mt_init},
	{"mt_init_flags", quiet_mt_init_flags},
	{"mt_init_pool", quiet_mt_init_pool},
	{"mt_attr", quiet_mt_attr},
	{"mt_height", quiet_mt_height},
	{"mt_set_external_lock", quiet_mt_set_external_lock},
	{"mt_entries", quiet_mt_entries},
	{"mt_entries_known", quiet_mt_entries_known},
	{"mt_covered", quiet_mt_covered},
	{"mt_node_count", quiet_mt_node_count},
	{"mt_pool_serial", quiet_mt_pool_serial},
	{"mt_pool_begin_parallel", quiet_mt_pool_begin_parallel},
	{"mt_pool_end_parallel", quiet_mt_pool_end_parallel},
	{"mt_pool_lock", quiet_mt_pool_lock},
	{"mt_pool_unlock", quiet_mt_pool_unlock},
	{"mt_pool_get", quiet_mt_pool_get},
	{"mt_pool_put", quiet_mt_pool_put},
	{"mt_pool_stats", quiet_mt_pool_stats},
	{"mt_pool_fail_nth", quiet_mt_pool_fail_nth},
	{"mt_pool_trim", quiet_mt_pool_trim},
	{"mtree_lock", quiet_mtree_lock},
	{"mtree_unlock", quiet_mtree_unlock},
	{"mtree_lock_nested", quiet_mtree_lock_nested},
	{"mt_set_lock_report", quiet_mt_set_lock_report},
	{"mt_fork", quiet_mt_fork},
	{"mt_exchange", quiet_mt_exchange},
	{"mt_snapshot_begin", quiet_mt_snapshot_begin},
	{"mt_snapshot_end", quiet_mt_snapshot_end},
	{"mtree_destroy", quiet_mtree_destroy},
	{"__mt_destroy", quiet___mt_destroy},
	{"mt_fini", quiet_mt_fini},
	{"mt_read", quiet_mt_read},
	{"mt_batch_size", quiet_mt_batch_size},
	{"mt_diff", quiet_mt_diff},
	{"mt_diff_begin", quiet_mt_diff_begin},
	{"mt_diff_next", quiet_mt_diff_next},
	{"mt_diff_next_within", quiet_mt_diff_next_within},
	{"mt_set_begin", quiet_mt_set_begin},
	{"mt_diff_next_word", quiet_mt_diff_next_word},
	{"mt_visit_private", quiet_mt_visit_private},
	{"mt_visit_begin", quiet_mt_visit_begin},
	{"mt_visit_shared", quiet_mt_visit_shared},
	{"mt_validate", quiet_mt_validate},
	{"mt_dump", quiet_mt_dump},
	{"mt_dump_to", quiet_mt_dump_to},
	{"mtree_empty", quiet_mtree_empty},
	{"mtree_load", quiet_mtree_load},
	{"mtree_load_word", quiet_mtree_load_word},
	{"mtree_lookup", quiet_mtree_lookup},
	{"mtree_lookup_take", quiet_mtree_lookup_take},
	{"mtree_load_take", quiet_mtree_load_take},
	{"mtree_load_batch", quiet_mtree_load_batch},
	{"mt_find", quiet_mt_find},
	{"mt_find_after", quiet_mt_find_after},
	{"mt_next", quiet_mt_next},
	{"mt_prev", quiet_mt_prev},
	{"mtree_find", quiet_mtree_find},
	{"mtree_find_rev", quiet_mtree_find_rev},
	{"mt_empty_area", quiet_mt_empty_area},
	{"mas_init", quiet_mas_init},
	{"mas_set", quiet_mas_set},
	{"mas_set_range", quiet_mas_set_range},
	{"__mas_set_range", quiet___mas_set_range},
	{"mas_reset", quiet_mas_reset},
	{"mas_pause", quiet_mas_pause},
	{"mas_destroy", quiet_mas_destroy},
	{"mas_lock", quiet_mas_lock},
	{"mas_lock_nested", quiet_mas_lock_nested},
	{"mas_unlock", quiet_mas_unlock},
	{"mas_walk", quiet_mas_walk},
	{"mas_load", quiet_mas_load},
	{"mas_next", quiet_mas_next},
	{"mas_next_range", quiet_mas_next_range},
	{"mas_prev", quiet_mas_prev},
	{"mas_prev_range", quiet_mas_prev_range},
	{"mas_find", quiet_mas_find},
	{"mas_find_range", quiet_mas_find_range},
	{"mas_find_rev", quiet_mas_find_rev},
	{"mas_find_range_rev", quiet_mas_find_range_rev},
	{"mas_walk_word", quiet_mas_walk_word},
	{"mas_next_word", quiet_mas_next_word},
	{"mas_prev_word", quiet_mas_prev_word},
	{"mas_find_word", quiet_mas_find_word},
	{"mas_find_rev_word", quiet_mas_find_rev_word},
	{"mas_walk_unlocked", quiet_mas_walk_unlocked},
	{"mas_next_unlocked", quiet_mas_next_unlocked},
	{"mas_prev_unlocked", quiet_mas_prev_unlocked},
	{"mas_find_unlocked", quiet_mas_find_unlocked},
	{"mas_find_rev_unlocked", quiet_mas_find_rev_unlocked},
	{"mas_replace_word", quiet_mas_replace_word},
	{"mas_store_prealloc", quiet_mas_store_prealloc},
	{"mas_empty_area", quiet_mas_empty_area},
	{"mas_empty_area_rev", quiet_mas_empty_area_rev},
};

static void scene_open(struct scene *s)
{
	struct mt_allocator allocator = test_allocator(&s->memory);
	uint64_t n;

	s->memory = (struct test_memory){0};
	CHECK_EQ(mt_pool_create(&s->pool, &allocator), 0);
	mt_init_pool(&s->mt, MT_FLAGS_ALLOC_RANGE, s->pool, NULL);
	mt_init_pool(&s->spare, 0, s->pool, NULL);
	for (n = 0; n < ENTRIES; n++)
		CHECK_EQ(mtree_store_range_word(&s->mt, STEP * n, STEP * n + 4, n + 1), 0);
	test_fork(&s->mt, &s->other);
	CHECK_EQ(mtree_store(&s->other, 5, ENTRY(1)), 0);
	CHECK_EQ(mtree_store(&s->other, STEP * ENTRIES, ENTRY(1)), 0);
	mt_diff_begin(&s->walk, &s->mt, &s->other, mt_diff_equal);
	mas_init(&s->mas, &s->mt, 14);
	CHECK(mas_walk(&s->mas));
	mas_init(&s->prepared, &s->mt, 33);
	s->prepared.last = 77;
	CHECK_EQ(mas_preallocate(&s->prepared, ENTRY(7)), 0);
}

static void scene_close(struct scene *s)
{
	mas_destroy(&s->prepared);
	mt_fini(&s->mt);
	mt_fini(&s->other);
	mt_fini(&s->spare);
	test_pool_end(s->pool);
	CHECK_EQ(s->memory.bytes, 0);
}

static void nothing_is_asked_for(void)
{
	static struct scene s;
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		uint64_t requests, allocated, of_libc;

		scene_open(&s);
		requests = s.memory.calls;
		allocated = test_allocated(s.pool);
		of_libc = test_libc.calls;
		test_memory_fail(&s.memory, 1, true);
		test_memory_fail(&test_libc, 1, true);
		calls[i].call(&s);
		test_memory_fail(&test_libc, 0, false);
		if (s.memory.calls != requests || test_allocated(s.pool) != allocated ||
		    test_libc.calls != of_libc)
			test_fail(__FILE__, __LINE__, "%s asks for memory", calls[i].name);
		mt_set_lock_report(NULL);
		scene_close(&s);
	}
}

static const struct test_case cases[] = {
	{"nothing_is_asked_for", nothing_is_asked_for},
};

TEST_MAIN(cases)
