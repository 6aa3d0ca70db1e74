/* SPDX-License-Identifier: MIT */
/* The writer of a play: its changes, and what each does to the oracles. For fuzz_threads.c. */
#include "play.h"

static bool by_cursor(enum kind kind)
{
	return kind == CURSOR_STORE || kind == CURSOR_CLEAR || kind == CURSOR_REPLACE;
}

/* The cells of the i-th store of several. */
static bool store_of_many(const struct change *change, size_t i, size_t cells, size_t *low,
			  size_t *high)
{
	*low = change->low + 3 * i;
	*high = *low + i % 2;
	return i < 6 && *high < cells;
}

static uint64_t either_bit(const void *context, bool present, uint64_t word)
{
	(void)present;
	return word | *(const uint64_t *)context;
}

/* What a change does to the tree and to its twin, if there is one. */
static void foresee(const struct change *change, struct oracle *state, struct oracle *twin)
{
	size_t low = change->low, high = change->high;

	switch (change->kind) {
	case STORE:
	case CURSOR_STORE:
		oracle_store(state, low, high, change->word);
		break;
	case CLEAR:
	case CURSOR_CLEAR:
		oracle_clear(state, low, high);
		break;
	case ERASE:
		oracle_clear(state, oracle_low(state, low), oracle_high(state, low));
		break;
	case INSERT:
		if (!oracle_occupied(state, low, high, &(struct mt_entry){0}))
			oracle_store(state, low, high, change->word);
		break;
	case DESTROY:
		oracle_clear(state, 0, state->cells - 1);
		break;
	case ACCUMULATE:
		oracle_map(state, low, high, either_bit, &change->word);
		break;
	case CURSOR_REPLACE:
		if (state->range[low])
			oracle_replace(state, oracle_low(state, low), oracle_high(state, low),
				       change->word);
		break;
	case STORE_MANY:
		for (size_t i = 0; store_of_many(change, i, state->cells, &low, &high); i++)
			oracle_store(state, low, high, change->word);
		break;
	case FORK:
	case DUPLICATE:
		oracle_fini(twin);
		oracle_copy(state, twin);
		break;
	case EXCHANGE: {
		struct oracle old = *state;

		*state = *twin;
		*twin = old;
		break;
	}
	case TWIN_STORE:
		oracle_store(twin, low, high, change->word);
		break;
	case TWIN_CLEAR:
		oracle_clear(twin, low, high);
		break;
	case COMPARE:
	case KINDS:
		break;
	}
}

static void write_by_cursor(struct play *play, const struct change *change)
{
	const struct oracle *cells = &play->history[0];
	MA_STATE(mas, &play->mt, 0, 0);

	mas_set_range(&mas, oracle_first(cells, change->low), oracle_last(cells, change->high));
	if (change->kind == CURSOR_STORE) {
		CHECK_EQ(mas_store_word(&mas, change->word), 0);
	} else if (change->kind == CURSOR_CLEAR) {
		CHECK_EQ(mas_clear(&mas), 0);
	} else if (mas_walk_word(&mas) && !mas_replace_word(&mas, change->word)) {
		CHECK_EQ(mas_store_apart_word(&mas, change->word), 0); /* a node is shared */
	}
}

/* Store on a fork, which then becomes the tree. */
static void store_many(struct play *play, const struct change *change)
{
	const struct oracle *cells = &play->history[0];
	struct maple_tree fork;
	size_t low, high;

	play_lock(play);
	mt_fork(&play->mt, &fork);
	play_unlock(play);
	for (size_t i = 0; store_of_many(change, i, cells->cells, &low, &high); i++)
		CHECK_EQ(mtree_store_range_word(&fork, oracle_first(cells, low),
						oracle_last(cells, high), change->word),
			 0);
	play_lock_both(play, &fork);
	mt_exchange(&play->mt, &fork);
	play_unlock_both(play, &fork);
	mt_fini(&fork);
}

/* A call that locks a tree itself. */
static void write_by_call(struct play *play, const struct change *change, struct maple_tree *mt)
{
	const struct oracle *cells = &play->history[0];
	mt_key first = oracle_first(cells, change->low), last = oracle_last(cells, change->high);
	struct mt_accumulation what = {mt_number_unsigned, mt_op_or, &first, &last,
				       &change->word,      1,        true};
	int status = 0;

	switch (change->kind) {
	case INSERT:
		status = mtree_insert_range_word(mt, first, last, change->word, NULL);
		CHECK(!status || status == -EEXIST);
		status = 0;
		break;
	case ERASE:
		status = mtree_erase(mt, first, NULL);
		break;
	case DESTROY:
		mtree_destroy(mt);
		break;
	case ACCUMULATE:
		status = mtree_accumulate(mt, &what, NULL);
		break;
	case CLEAR:
	case TWIN_CLEAR:
		status = mtree_clear_range(mt, first, last);
		break;
	default:
		status = mtree_store_range_word(mt, first, last, change->word);
	}
	CHECK_EQ(status, 0);
}

static void make_change(struct play *play, const struct change *change, struct maple_tree *twin,
			const struct oracle *state, const struct oracle *in_twin)
{
	switch (change->kind) {
	case CURSOR_STORE:
	case CURSOR_CLEAR:
	case CURSOR_REPLACE:
		write_by_cursor(play, change);
		break;
	case STORE_MANY:
		store_many(play, change);
		break;
	case FORK:
		mt_fini(twin);
		play_lock(play);
		mt_fork(&play->mt, twin);
		play_unlock(play);
		break;
	case DUPLICATE:
		mt_fini(twin);
		play_lock_outside(play);
		play_duplicate(play, &play->mt, twin);
		play_unlock_outside(play);
		break;
	case EXCHANGE:
		play_lock_both(play, twin);
		mt_exchange(&play->mt, twin);
		play_unlock_both(play, twin);
		break;
	case TWIN_STORE:
	case TWIN_CLEAR:
		write_by_call(play, change, twin);
		break;
	case COMPARE:
		play_lock_both(play, twin);
		play_check_difference(&play->mt, state, twin, in_twin);
		play_unlock_both(play, twin);
		break;
	default:
		play_lock_outside(play);
		write_by_call(play, change, &play->mt);
		play_unlock_outside(play);
	}
}

void play_write(struct play *play)
{
	struct maple_tree twin;
	struct oracle state, in_twin;
	bool locked = false;

	mt_init_pool(&twin, play->flags, play->pool, &play->ops);
	oracle_copy(&play->history[0], &in_twin);
	oracle_clear(&in_twin, 0, in_twin.cells - 1);
	for (size_t i = 0; i < play->changes; i++) {
		const struct change *change = &play->change[i];

		if (by_cursor(change->kind) && !locked)
			play_lock(play);
		locked = change->keeps_lock;
		__atomic_store_n(&play->begun, i + 1, __ATOMIC_RELAXED);
		play_stop_in(change->stop);
		make_change(play, change, &twin, &play->history[i], &in_twin);
		play_stop_in(0);
		__atomic_store_n(&play->complete, i + 1, __ATOMIC_RELEASE);
		if (by_cursor(change->kind) && !locked)
			play_unlock(play);
		oracle_copy(&play->history[i], &state);
		foresee(change, &state, &in_twin);
		oracle_fini(&state);
	}
	__atomic_store_n(&play->ended, true, __ATOMIC_RELEASE);
	CHECK_ORACLE(&in_twin, &twin);
	mt_fini(&twin);
	oracle_fini(&in_twin);
}

static void plan_change(struct play *play, struct change *change, bool locked)
{
	change->kind = (enum kind)test_below(KINDS);
	if (locked && !by_cursor(change->kind))
		change->kind = CURSOR_STORE + change->kind % 3;
	if (change->kind == ACCUMULATE && play->values != PLAIN)
		change->kind = STORE;
	if (change->kind == DESTROY && test_below(4))
		change->kind = STORE;
	change->stop = play->values == PLAIN ? 0 : (unsigned)test_below(8);
	change->keeps_lock = by_cursor(change->kind) && test_below(2);
	family_cells(&play->history[0], &change->low, &change->high);
	/* A word of its own, unless it should be found again. */
	change->word = play->values >= EQUAL ? test_below(4) : play->changes + 1;
}

void play_plan(struct play *play, const uint8_t *bytes, size_t size, size_t rounds)
{
	bool locked = false;
	struct oracle twin;

	oracle_copy(&play->history[0], &twin);
	oracle_clear(&twin, 0, twin.cells - 1);
	for (; rounds && play->changes < CHANGES; rounds--) {
		for (test_feed_thread(bytes, size); !test_fed_up() && play->changes < CHANGES;) {
			struct change *change = &play->change[play->changes];
			struct oracle *next = &play->history[play->changes + 1];

			plan_change(play, change, locked);
			locked = change->keeps_lock;
			oracle_copy(next - 1, next);
			foresee(change, next, &twin);
			play->changes++;
		}
	}
	if (play->changes)
		play->change[play->changes - 1].keeps_lock = false;
	oracle_fini(&twin);
}
