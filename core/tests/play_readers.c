/* SPDX-License-Identifier: MIT */
/* The readers of a play: look-ups, cursors and forks beside the writer. For fuzz_threads.c. */
#include "play.h"

#include <sched.h>
#include <stdlib.h>

enum { BATCH = 12 };

static mt_key key_of(const struct reader *reader)
{
	const struct oracle *cells = &reader->play->history[0];

	return oracle_key(cells, test_below(cells->cells));
}

/* Sometimes a limit on this side of the key. */
static mt_key limit_for(const struct reader *reader, mt_key key, bool up)
{
	mt_key limit = test_below(2) ? key_of(reader) : up ? MT_KEY_MAX : 0;

	return (up ? limit < key : limit > key) ? key : limit;
}

static void see_word(struct reader *reader)
{
	struct maple_tree *mt = &reader->play->mt;
	struct seen seen = {.key = key_of(reader)};

	if (test_below(2)) {
		seen.entry.word = (uintptr_t)mtree_load(mt, seen.key);
		play_check_seen(reader, play_fits_pointer, &seen);
	} else {
		seen.found = mtree_load_word(mt, seen.key, &seen.entry.word);
		if (!seen.found) /* a try that was repeated may have left a word */
			seen.entry.word = 0;
		play_check_seen(reader, play_fits_word, &seen);
	}
}

static void see_range(struct reader *reader)
{
	struct seen seen = {.key = key_of(reader)};

	seen.found = mtree_lookup(&reader->play->mt, seen.key, &seen.entry);
	play_check_seen(reader, play_fits_range, &seen);
}

static void see_found(struct reader *reader)
{
	struct maple_tree *mt = &reader->play->mt;
	bool up = test_below(2);
	struct seen seen = {.key = key_of(reader)};

	seen.limit = limit_for(reader, seen.key, up);
	seen.found = (up ? mtree_find : mtree_find_rev)(mt, seen.key, seen.limit, &seen.entry);
	play_check_seen(reader, up ? play_fits_find : play_fits_find_rev, &seen);
}

static void see_entries(struct reader *reader)
{
	struct maple_tree *mt = &reader->play->mt;
	struct seen seen = {.key = key_of(reader)};
	uint64_t which = test_below(4);

	seen.limit = limit_for(reader, seen.key, which);
	switch (which) {
	case 0:
		seen.entry.word = (uintptr_t)mt_prev(mt, seen.key, seen.limit);
		play_check_seen(reader, play_fits_prev, &seen);
		break;
	case 1:
		seen.entry.word = (uintptr_t)mt_next(mt, seen.key, seen.limit);
		play_check_seen(reader, play_fits_next, &seen);
		break;
	default:
		seen.entry.first = seen.key;
		seen.entry.word = (uintptr_t)(which == 2 || !seen.key ? mt_find : mt_find_after)(
			mt, &seen.entry.first, seen.limit);
		play_check_seen(reader, play_fits_mt_find, &seen);
	}
}

/* Each key is looked up at a moment of its own. */
static void see_batch(struct reader *reader)
{
	size_t count = 1 + test_below(BATCH), oldest = reader->oldest, found = 0;
	uint64_t words[BATCH];
	uint8_t present[BATCH];
	mt_key keys[BATCH];

	for (size_t i = 0; i < count; i++)
		keys[i] = key_of(reader);
	found = mtree_load_batch(&reader->play->mt, keys, count, 0, words, present);
	for (size_t i = 0; i < count; i++) {
		struct seen seen = {
			.key = keys[i], .found = present[i], .entry = {.word = words[i]}};
		size_t state = play_state_of(reader, oldest, play_fits_word, &seen);

		reader->oldest = state > reader->oldest ? state : reader->oldest;
		found -= present[i];
	}
	CHECK_EQ(found, 0);
}

static void see_taken(struct reader *reader)
{
	struct maple_tree *mt = &reader->play->mt;
	struct seen seen = {.key = key_of(reader)};
	bool whole = test_below(2), refuses = test_below(8) == 0;
	int got;

	play_refuse(refuses);
	got = whole ? mtree_lookup_take(mt, seen.key, &seen.entry, play_take, play_give)
		    : mtree_load_take(mt, seen.key, &seen.entry.word, play_take, play_give);
	CHECK(got != -EAGAIN || refuses);
	seen.found = got == 1;
	if (got == -EAGAIN)
		play_check_seen(reader, play_fits_entry, &seen);
	else
		play_check_seen(reader, whole ? play_fits_range : play_fits_word, &seen);
	if (got == 1)
		play_give(seen.entry.word);
}

static void move_cursor(struct reader *reader)
{
	static bool (*const steps[])(struct ma_state *, mt_key, bool) = {
		[rules_next] = mas_next_unlocked,
		[rules_prev] = mas_prev_unlocked,
		[rules_find] = mas_find_unlocked,
		[rules_find_rev] = mas_find_rev_unlocked,
	};
	uint64_t form = test_below(32);
	struct seen seen = {.before = reader->place, .gaps = form & 8};
	struct ma_state *mas = &reader->mas;

	seen.step = (enum rules_step)(rules_next + form % 4);
	seen.limit = form & 16                                            ? key_of(reader)
		     : seen.step == rules_next || seen.step == rules_find ? MT_KEY_MAX
									  : 0;
	seen.found = steps[seen.step](mas, seen.limit, seen.gaps);
	seen.after = reader->place = (struct rules_place){mas->index, mas->last, mas->status};
	seen.present = mas->present;
	seen.entry = (struct mt_entry){mas->index, mas->last, mas->word};
	play_check_seen(reader, play_fits_step, &seen);
}

static void set_cursor(struct reader *reader)
{
	struct seen seen = {.step = rules_walk};
	struct ma_state *mas = &reader->mas;

	switch (test_below(4)) {
	case 0:
		mas_pause(mas);
		reader->place.status = ma_pause;
		return;
	case 1:
		mas_reset(mas);
		reader->place.status = ma_start;
		return;
	case 2:
		mas_set(mas, key_of(reader));
		reader->place = (struct rules_place){mas->index, mas->index, ma_start};
		return;
	}
	seen.before = reader->place;
	seen.found = mas_walk_unlocked(mas);
	seen.after = reader->place = (struct rules_place){mas->index, mas->last, mas->status};
	seen.present = mas->present;
	seen.entry = (struct mt_entry){mas->index, mas->last, mas->word};
	play_check_seen(reader, play_fits_step, &seen);
}

static void end_fork(struct reader *reader)
{
	if (!reader->has_fork)
		return;
	CHECK_ORACLE(&reader->oracle, &reader->fork);
	mt_fini(&reader->fork);
	oracle_fini(&reader->oracle);
	reader->has_fork = false;
}

/* A fork is one moment of the tree. */
static void see_fork(struct reader *reader)
{
	struct play *play = reader->play;
	size_t cells = play->history[0].cells;
	mt_key *first = test_array(cells, sizeof(*first)), *last = test_array(cells, sizeof(*last));
	uint64_t *words = test_array(cells, sizeof(*words));
	struct seen seen = {.first = first, .last = last, .words = words};
	struct maple_tree fork;

	__atomic_store_n(&reader->locks, true, __ATOMIC_RELAXED);
	play_lock(play);
	mt_fork(&play->mt, &fork);
	play_unlock(play);
	__atomic_store_n(&reader->locks, false, __ATOMIC_RELAXED);
	CHECK(mt_entries(&fork) <= cells);
	seen.count = mt_read(&fork, first, last, words);
	play_check_seen(reader, play_fits_tree, &seen);
	free(first);
	free(last);
	free(words);
	if (reader->has_fork)
		play_check_difference(&reader->fork, &reader->oracle, &fork,
				      &play->history[reader->oldest]);
	end_fork(reader);
	reader->fork = fork;
	oracle_copy(&play->history[reader->oldest], &reader->oracle);
	reader->has_fork = true;
}

static void use_fork(struct reader *reader)
{
	struct oracle *oracle = &reader->oracle;
	struct maple_tree *fork = &reader->fork, copy;
	size_t low, high;
	uint64_t word;

	if (!reader->has_fork)
		return;
	family_cells(oracle, &low, &high);
	switch (test_below(8)) {
	case 0:
		end_fork(reader);
		break;
	case 1:
		play_duplicate(reader->play, fork, &copy);
		play_check_difference(fork, oracle, &copy, oracle);
		mt_fini(fork);
		*fork = copy;
		break;
	case 2:
		CHECK_CONTENTS(oracle, fork);
		break;
	case 3:
	case 4:
		CHECK_EQ(mtree_clear_range(fork, oracle_first(oracle, low),
					   oracle_last(oracle, high)),
			 0);
		oracle_clear(oracle, low, high);
		break;
	default:
		word = test_below(4);
		CHECK_EQ(mtree_store_range_word(fork, oracle_first(oracle, low),
						oracle_last(oracle, high), word),
			 0);
		oracle_store(oracle, low, high, word);
	}
}

static void let_others_run(struct reader *reader)
{
	(void)reader;
	sched_yield();
}

static void (*const reader_steps[])(struct reader *reader) = {
	see_word,    see_word,  see_range,  see_range, see_found,   see_found,
	see_entries, see_taken, see_taken,  see_batch, move_cursor, move_cursor,
	move_cursor, see_fork,  set_cursor, use_fork,  use_fork,    let_others_run,
};

void play_read(struct reader *reader)
{
	struct play *play = reader->play;
	bool ended;

	mas_init(&reader->mas, &play->mt, 0);
	reader->place = (struct rules_place){0, 0, ma_start};
	do {
		ended = __atomic_load_n(&play->ended, __ATOMIC_ACQUIRE);
		test_feed_thread(reader->bytes, reader->size);
		do {
			size_t complete = play->tells || ended ? __atomic_load_n(&play->complete,
										 __ATOMIC_ACQUIRE)
							       : 0;

			reader->oldest = complete > reader->oldest ? complete : reader->oldest;
			reader_steps[test_below(sizeof(reader_steps) / sizeof(*reader_steps))](
				reader);
			__atomic_fetch_add(&reader->steps, 1u, __ATOMIC_RELAXED);
		} while (!test_fed_up());
	} while (!ended);
	end_fork(reader);
}
