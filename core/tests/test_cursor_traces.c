/* SPDX-License-Identifier: MIT */
/*
 * What Linux's cursor answered (tests/data/tree/), step by step, against this one: value, errno,
 * status, index and last of each step, and what each tree holds at the end. The words come from
 * tools/cursor_traces.py.
 */
#define _POSIX_C_SOURCE 200809L /* strtok_r() */

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CURSORS = 3, NUMBERS = 8, STATUS_NOT_BINDING = 4, PLACE_NOT_BINDING = 8 };

static struct {
	FILE *file;
	char line[256];
	size_t number;
	size_t traces, steps;
	struct maple_pool *pool;
	struct maple_tree mt;
	struct ma_state cursor[CURSORS];
	uint64_t seen; /* `end` lines of the trace */
} replay;

static const char *status_word(enum maple_status status)
{
	switch (status) {
	case ma_active:
		return "active";
	case ma_overflow:
		return "overflow";
	case ma_underflow:
		return "underflow";
	case ma_start:
		return "start";
	case ma_pause:
		return "pause";
	case ma_none:
		return "none";
	case ma_error:
		return "error";
	}
	return "?";
}

static void differs(const char *what, uint64_t got)
{
	test_fail(__FILE__, __LINE__, "line %zu: %s is %" PRIu64 " (%#" PRIx64 "): %s",
		  replay.number, what, got, got, replay.line);
}

/* The next word of the line, or NULL. */
static const char *word(char **rest)
{
	return strtok_r(NULL, " \n", rest);
}

static uint64_t number(char **rest)
{
	const char *text = word(rest);

	CHECK(text);
	return strtoull(text, NULL, 10);
}

static void expect(char **rest, const char *what, uint64_t got)
{
	if (got != number(rest))
		differs(what, got);
}

/* ---- steps of a cursor ----------------------------------------------------------------------- */

/* Calls of one cursor with up to three numbers. They return the value or the errno. */
typedef uint64_t (*cursor_call)(struct ma_state *mas, const uint64_t *given);

static uint64_t value(const void *entry)
{
	return (uintptr_t)entry;
}

#define CURSOR_CALL(name, expression)                                                              \
	static uint64_t call_##name(struct ma_state *mas, const uint64_t *given)                   \
	{                                                                                          \
		(void)given;                                                                       \
		return (uint64_t)(expression);                                                     \
	}

CURSOR_CALL(mas_set, (mas_set(mas, given[0]), 0))
CURSOR_CALL(mas_set_range, (mas_set_range(mas, given[0], given[1]), 0))
CURSOR_CALL(mas_reset, (mas_reset(mas), 0))
CURSOR_CALL(mas_pause, (mas_pause(mas), 0))
CURSOR_CALL(mas_walk, value(mas_walk(mas)))
CURSOR_CALL(mas_next, value(mas_next(mas, given[0])))
CURSOR_CALL(mas_next_range, value(mas_next_range(mas, given[0])))
CURSOR_CALL(mas_find, value(mas_find(mas, given[0])))
CURSOR_CALL(mas_find_range, value(mas_find_range(mas, given[0])))
CURSOR_CALL(mas_prev, value(mas_prev(mas, given[0])))
CURSOR_CALL(mas_prev_range, value(mas_prev_range(mas, given[0])))
CURSOR_CALL(mas_find_rev, value(mas_find_rev(mas, given[0])))
CURSOR_CALL(mas_find_range_rev, value(mas_find_range_rev(mas, given[0])))
CURSOR_CALL(mas_store, mas_store(mas, ENTRY(given[0])))
CURSOR_CALL(mas_insert, mas_insert(mas, ENTRY(given[0])))
CURSOR_CALL(mas_empty_area, mas_empty_area(mas, given[0], given[1], given[2]))
CURSOR_CALL(mas_empty_area_rev, mas_empty_area_rev(mas, given[0], given[1], given[2]))

static uint64_t call_mas_erase(struct ma_state *mas, const uint64_t *given)
{
	void *erased = NULL;

	(void)given;
	CHECK_EQ(mas_erase(mas, &erased), 0);
	return value(erased);
}

#define ROW(name, takes, returns)                                                                  \
	{                                                                                          \
#name, call_##name, takes, returns                                                 \
	}

static const struct {
	const char *name;
	cursor_call call;
	unsigned takes;
	bool returns;
} cursor_calls[] = {
	ROW(mas_set, 1, false),           ROW(mas_set_range, 2, false),
	ROW(mas_reset, 0, false),         ROW(mas_pause, 0, false),
	ROW(mas_walk, 0, true),           ROW(mas_next, 1, true),
	ROW(mas_next_range, 1, true),     ROW(mas_find, 1, true),
	ROW(mas_find_range, 1, true),     ROW(mas_prev, 1, true),
	ROW(mas_prev_range, 1, true),     ROW(mas_find_rev, 1, true),
	ROW(mas_find_range_rev, 1, true), ROW(mas_store, 1, true),
	ROW(mas_insert, 1, true),         ROW(mas_erase, 0, true),
	ROW(mas_empty_area, 3, true),     ROW(mas_empty_area_rev, 3, true),
};

static bool cursor_step(const char *name, char **rest)
{
	for (size_t i = 0; i < sizeof(cursor_calls) / sizeof(*cursor_calls); i++) {
		uint64_t given[NUMBERS], got, index, last, flags;
		struct ma_state *mas;
		const char *status;

		if (strcmp(name, cursor_calls[i].name))
			continue;
		mas = &replay.cursor[number(rest)];
		for (unsigned j = 0; j < cursor_calls[i].takes; j++)
			given[j] = number(rest);
		got = cursor_calls[i].call(mas, given);
		if (cursor_calls[i].returns)
			expect(rest, "the result", got);
		status = word(rest);
		index = number(rest);
		last = number(rest);
		flags = number(rest);
		if (!(flags & STATUS_NOT_BINDING) && strcmp(status, status_word(mas->status)))
			test_fail(__FILE__, __LINE__, "line %zu: the status is %s: %s",
				  replay.number, status_word(mas->status), replay.line);
		if (!(flags & PLACE_NOT_BINDING) && mas->index != index)
			differs("index", mas->index);
		if (!(flags & PLACE_NOT_BINDING) && mas->last != last)
			differs("last", mas->last);
		return true;
	}
	return false;
}

/* ---- calls of the tree ----------------------------------------------------------------------- */

static bool is(const char *name, const char *other)
{
	return !strcmp(name, other);
}

static void allocate(const char *name, char **rest)
{
	uint64_t given[4], start = 0;

	for (unsigned i = 0; i < 4; i++)
		given[i] = number(rest);
	if (is(name, "mtree_alloc_cyclic")) {
		expect(rest, "the result",
		       (uint64_t)mtree_alloc_cyclic(&replay.mt, &start, ENTRY(given[3]), given[0],
						    given[1], &given[2]));
		expect(rest, "start", start);
		expect(rest, "next", given[2]);
		return;
	}
	expect(rest, "the result",
	       (uint64_t)(is(name, "mtree_alloc_range") ? mtree_alloc_range : mtree_alloc_rrange)(
		       &replay.mt, &start, ENTRY(given[3]), given[2], given[0], given[1]));
	expect(rest, "start", start);
}

static void tree_call(const char *name, char **rest)
{
	struct maple_tree *mt = &replay.mt;
	uint64_t first, last;

	if (is(name, "mtree_destroy")) {
		mtree_destroy(mt);
		return;
	}
	if (!strncmp(name, "mtree_alloc", strlen("mtree_alloc"))) {
		allocate(name, rest);
		return;
	}
	first = number(rest);
	if (is(name, "mtree_load")) {
		expect(rest, "the value", value(mtree_load(mt, first)));
	} else if (is(name, "mtree_erase")) {
		void *erased = NULL;

		CHECK_EQ(mtree_erase(mt, first, &erased), 0);
		expect(rest, "the value", value(erased));
	} else {
		last = number(rest); /* or the value, or the limit */
		if (is(name, "mt_find") || is(name, "mt_find_after")) {
			expect(rest, "the value",
			       value((is(name, "mt_find") ? mt_find : mt_find_after)(mt, &first,
										     last)));
			expect(rest, "index", first);
		} else if (is(name, "mt_next") || is(name, "mt_prev")) {
			expect(rest, "the value",
			       value((is(name, "mt_next") ? mt_next : mt_prev)(mt, first, last)));
		} else if (is(name, "mtree_insert")) {
			expect(rest, "the result", (uint64_t)mtree_insert(mt, first, ENTRY(last)));
		} else {
			void *entry = ENTRY(number(rest));

			CHECK(is(name, "mtree_store_range") || is(name, "mtree_insert_range"));
			expect(rest, "the result",
			       (uint64_t)(is(name, "mtree_store_range")
						  ? mtree_store_range
						  : mtree_insert_range)(mt, first, last, entry));
		}
	}
}

/* ---- traces ---------------------------------------------------------------------------------- */

static void begin_trace(char **rest)
{
	number(rest); /* the seed */
	mt_init_pool(&replay.mt, (uint32_t)number(rest), replay.pool, NULL);
	for (unsigned i = 0; i < CURSORS; i++)
		mas_init(&replay.cursor[i], &replay.mt, 0);
	replay.traces++;
	replay.seen = 0;
}

static void end_trace(void)
{
	if (!replay.traces)
		return;
	CHECK_VALID(&replay.mt);
	CHECK_EQ(mt_entries(&replay.mt), replay.seen);
	mt_fini(&replay.mt);
}

static void end_entry(char **rest)
{
	uint64_t first = number(rest), last = number(rest);
	struct mt_entry got;

	CHECK(mtree_lookup(&replay.mt, first, &got));
	if (got.first != first || got.last != last)
		differs("the entry's last", got.last);
	expect(rest, "the value", got.word);
	replay.seen++;
}

static void play_line(void)
{
	char copy[sizeof(replay.line)], *rest = NULL;
	const char *name;

	memcpy(copy, replay.line, sizeof(copy));
	name = strtok_r(copy, " \n", &rest);
	CHECK(name);
	if (is(name, "trace")) {
		end_trace();
		begin_trace(&rest);
	} else if (is(name, "build")) {
		uint64_t first = number(&rest), last = number(&rest), entry = number(&rest);

		CHECK_EQ(mtree_store_range(&replay.mt, first, last, ENTRY(entry)), 0);
	} else if (is(name, "end")) {
		end_entry(&rest);
	} else {
		if (!cursor_step(name, &rest))
			tree_call(name, &rest);
		replay.steps++;
	}
	CHECK(!word(&rest));
}

int main(int argc, char **argv)
{
	if (argc != 2 || !(replay.file = fopen(argv[1], "r"))) {
		perror(argc == 2 ? argv[1] : "usage: test_cursor_traces FILE");
		return 2;
	}
	replay.pool = test_pool();
	while (fgets(replay.line, sizeof(replay.line), replay.file)) {
		replay.number++;
		play_line();
	}
	end_trace();
	fclose(replay.file);
	test_pool_end(replay.pool);
	printf("%zu steps of %zu traces\n", replay.steps, replay.traces);
	return replay.traces ? 0 : 2;
}
