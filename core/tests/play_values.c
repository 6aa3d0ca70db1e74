/* SPDX-License-Identifier: MIT */
/* The values of a play, with counted references, and its locks. For the threads of fuzz_threads.c. */
#include "play.h"

#include <sched.h>

/* ---- values ---------------------------------------------------------------------------------- */

static struct play *playing;        /* for functions without a context */
static _Thread_local unsigned stop; /* the writer's: how many value operations from now */
static _Thread_local bool refuses;  /* a reader's: whether the next reference is refused */

/* The writer stops here until each reader has made two steps, or may be waiting for its lock. */
static void value_operation(struct play *play)
{
	if (!stop || --stop)
		return;
	for (unsigned i = 0; i < play->readers; i++) {
		struct reader *reader = &play->reader[i];
		size_t steps = __atomic_load_n(&reader->steps, __ATOMIC_RELAXED);

		while (!__atomic_load_n(&reader->locks, __ATOMIC_RELAXED) &&
		       __atomic_load_n(&reader->steps, __ATOMIC_RELAXED) < steps + 2)
			sched_yield();
	}
}

static uint64_t owned(struct play *play, uint64_t word)
{
	CHECK(word < WORDS);
	__atomic_fetch_add(&play->references[word], 1u, __ATOMIC_RELAXED);
	return word;
}

static void disown(struct play *play, uint64_t word)
{
	CHECK(word < WORDS);
	CHECK(__atomic_fetch_sub(&play->references[word], 1u, __ATOMIC_RELAXED) > 0);
}

static void retain(void *context, const uint64_t *words, uint32_t present)
{
	for (; present; present &= present - 1)
		owned(context, words[__builtin_ctz(present)]);
	value_operation(context);
}

static void release(void *context, const uint64_t *words, uint32_t present)
{
	for (; present; present &= present - 1)
		disown(context, words[__builtin_ctz(present)]);
	value_operation(context);
}

static bool equal(void *context, const struct mt_entry *left, const struct mt_entry *right)
{
	value_operation(context);
	return left->word == right->word;
}

static int split(void *context, const struct mt_entry *whole, mt_key first, mt_key last,
		 uint64_t *piece)
{
	(void)last;
	value_operation(context);
	*piece = owned(context, (whole->word + (first - whole->first)) & (WORDS - 1));
	return 0;
}

static int merge(void *context, const struct mt_entry *left, const struct mt_entry *right,
		 const struct mt_entry *stored, uint64_t *word)
{
	(void)stored;
	value_operation(context);
	if (((left->word - left->first) ^ (right->word - right->first)) & (WORDS - 1))
		return 0;
	*word = owned(context, left->word);
	return 1;
}

void play_stop_in(unsigned operation)
{
	stop = operation;
}

void play_refuse(bool refuse)
{
	refuses = refuse;
}

struct mt_value_ops play_value_ops(struct play *play)
{
	struct mt_value_ops ops = {.retain = retain, .release = release, .context = play};

	playing = play;
	if (play->values == PLAIN)
		return (struct mt_value_ops){0};
	if (play->values == EQUAL)
		ops.equal = equal;
	if (play->values == RISING) {
		ops.split = split;
		ops.merge = merge;
	}
	return ops;
}

bool play_take(uint64_t word)
{
	uint64_t count;

	if (refuses)
		return false;
	if (playing->values == PLAIN)
		return true;
	CHECK(word < WORDS);
	count = __atomic_load_n(&playing->references[word], __ATOMIC_RELAXED);
	while (count && !__atomic_compare_exchange_n(&playing->references[word], &count, count + 1,
						     false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return count;
}

void play_give(uint64_t word)
{
	if (playing->values != PLAIN)
		disown(playing, word);
}

/* ---- locks ----------------------------------------------------------------------------------- */

void play_lock_outside(struct play *play)
{
	if (play->flags & MT_FLAGS_LOCK_EXTERN)
		CHECK_EQ(pthread_mutex_lock(&play->mutex), 0);
}

void play_unlock_outside(struct play *play)
{
	if (play->flags & MT_FLAGS_LOCK_EXTERN)
		CHECK_EQ(pthread_mutex_unlock(&play->mutex), 0);
}

void play_lock(struct play *play)
{
	play_lock_outside(play);
	mtree_lock(&play->mt);
}

void play_unlock(struct play *play)
{
	mtree_unlock(&play->mt);
	play_unlock_outside(play);
}

void play_lock_both(struct play *play, struct maple_tree *other)
{
	play_lock(play);
	mtree_lock_nested(other, MT_LOCK_NESTED);
}

void play_unlock_both(struct play *play, struct maple_tree *other)
{
	mtree_unlock(other);
	play_unlock(play);
}
