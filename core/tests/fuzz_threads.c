/* SPDX-License-Identifier: MIT */
/*
 * One tree in several threads, for one string of bytes. The first bytes choose the kind of tree. The
 * others are a program for the writer and one for each reader. All run at once: look-ups that take no
 * lock, beside writes, forks, duplicates and exchanges of the tree and of its relatives.
 *
 * No check depends on which thread runs when. There is one writer, so what the tree holds after each
 * change is known before the threads start: its history. What a look-up returns must be what it
 * returns in one of these states. That state is not older than
 *
 *     what the same reader has seen before, and
 *     the changes that were complete when the look-up began, if the readers are told of them;
 *
 * and it is not younger than the changes that had begun when the look-up ended. Being told orders a
 * reader after the writer, which may hide a race from ThreadSanitizer. So not all are told.
 *
 * The writer can stop in a value operation until each reader has made two steps. A reader that waited
 * for the writer would wait forever. Forks that readers take are checked in the same way, and are then
 * trees of that reader, with an oracle of their own.
 */
#include "fuzz.h"
#include "play.h"

#include <sched.h>
#include <stdlib.h>

enum { HEADER = 16 }; /* bytes */

struct task {
	struct play *play;
	struct reader *reader; /* NULL: the writer */
};

static void run(void *context)
{
	const struct task *task = context;
	struct play *play = task->play;

	__atomic_fetch_add(&play->started, 1u, __ATOMIC_RELAXED);
	while (__atomic_load_n(&play->started, __ATOMIC_RELAXED) < play->readers + 1)
		sched_yield();
	if (task->reader)
		play_read(task->reader);
	else
		play_write(play);
}

/* The tree before the first change: ranges and gaps of equal width, or nothing. */
static void fill(struct play *play, size_t width, size_t gap)
{
	struct oracle *state = &play->history[0];
	mt_key *first = test_array(state->cells, sizeof(*first));
	mt_key *last = test_array(state->cells, sizeof(*last));
	uint64_t *words = test_array(state->cells, sizeof(*words));
	size_t count = 0;

	for (size_t cell = gap; width && cell + width <= state->cells; cell += width + gap) {
		first[count] = oracle_first(state, cell);
		last[count] = oracle_last(state, cell + width - 1);
		words[count] = CHANGES + 1 + count % 100;
		oracle_replace(state, cell, cell + width - 1, words[count++]);
	}
	CHECK_EQ(mt_build(&play->mt, first, last, words, count, NULL), 0);
	free(first);
	free(last);
	free(words);
}

static void begin(struct play *play)
{
	static void (*const layouts[])(struct oracle * oracle, size_t cells) = {
		oracle_init,
		oracle_init_high,
		oracle_init_random,
#if MT_KEY_BITS == 128
		oracle_init_middle,
#endif
	};
	static const size_t cells[] = {6, 24, 70, 150, 250};
	uint64_t choice = test_below(64);
	struct oracle *state = &play->history[0];

	play->flags = choice & 1 ? MT_FLAGS_ALLOC_RANGE : 0;
	if (choice & 2)
		play->flags |= MT_FLAGS_LOCK_EXTERN | MT_FLAGS_LOCK_WRITERS;
	play->tells = choice & 4;
	play->readers = choice & 8 ? 1 : READERS;
	play->values = (enum values)(choice >> 4);
	play->ops = play_value_ops(play);
	play->pool = test_pool();
	mt_init_pool(&play->mt, play->flags, play->pool, &play->ops);
	CHECK_EQ(pthread_mutex_init(&play->mutex, NULL), 0);
	layouts[test_below(sizeof(layouts) / sizeof(*layouts))](state, cells[test_below(5)]);
	state->coalesces = play->values == EQUAL || play->values == RISING;
	state->rises = play->values == RISING ? WORDS - 1 : 0;
	choice = test_below(12);
	fill(play, choice % 4, choice / 4);
	test_search((unsigned)test_below(4));
}

static void end(struct play *play)
{
	CHECK_ORACLE(&play->history[play->changes], &play->mt);
	mt_fini(&play->mt);
	for (size_t i = 0; i < WORDS; i++)
		CHECK_EQ(play->references[i], 0);
	test_pool_end(play->pool);
	pthread_mutex_destroy(&play->mutex);
	for (size_t i = 0; i <= play->changes; i++)
		oracle_fini(&play->history[i]);
	test_search(TEST_CHOSEN_SEARCH);
	free(play);
}

void fuzz_play(const char *name, const uint8_t *bytes, size_t size)
{
	size_t header = size < HEADER ? size : HEADER, half = (size - header) / 2, part;
	struct play *play = test_array(1, sizeof(*play));
	struct task tasks[READERS + 1] = {{play, NULL}};
	uint64_t rounds;

	test_feed(name, bytes, header);
	begin(play);
	rounds = 1 + test_below(4);
	bytes += header;
	play_plan(play, bytes, half, rounds);
	part = (size - header - half) / play->readers;
	for (unsigned i = 0; i < play->readers; i++) {
		play->reader[i].play = play;
		play->reader[i].bytes = bytes + half + i * part;
		play->reader[i].size = part;
		tasks[i + 1] = (struct task){play, &play->reader[i]};
	}
	test_threads(play->readers + 1, run, tasks, sizeof(*tasks));
	end(play);
}
