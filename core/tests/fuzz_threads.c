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
#include "family.h"
#include "fuzz.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { READERS = 2, CHANGES = 400, WORDS = 512, BATCH = 12, HEADER = 16 };

enum values {
	PLAIN,   /* numbers, without value operations */
	COUNTED, /* with counted references, as all below */
	EQUAL,   /* neighbours with equal words coalesce */
	RISING, /* words rise with the key: cut entries split, and neighbours that continue each other merge */
	VALUES,
};

enum kind {
	STORE,
	CLEAR,
	ERASE,
	INSERT,
	DESTROY,
	ACCUMULATE,
	CURSOR_STORE,
	CURSOR_CLEAR,
	CURSOR_REPLACE,
	STORE_MANY,
	/* With the twin, a second tree of the writer: */
	FORK,
	DUPLICATE,
	EXCHANGE,
	TWIN_STORE,
	TWIN_CLEAR,
	COMPARE,
	KINDS,
};

/* What the writer does. */
struct change {
	enum kind kind;
	size_t low; /* cells */
	size_t high;
	uint64_t word;
	unsigned stop;   /* it stops in this value operation; 0: in none */
	bool keeps_lock; /* the next change is under the same lock, and made by a cursor too */
};

struct play;

struct reader {
	struct play *play;
	const uint8_t *bytes;
	size_t size;
	size_t oldest; /* nothing older than this state of the history may be seen */
	struct ma_state mas;
	struct rules_place place; /* the cursor's */
	/* A relative, and what it holds. */
	bool has_fork;
	struct maple_tree fork;
	struct oracle oracle;
	/* For the writer: */
	size_t steps;
	bool locks; /* it may be waiting for the lock */
};

struct play {
	enum values values;
	uint32_t flags;
	bool tells; /* readers know which changes are complete */
	unsigned readers;
	struct maple_pool *pool;
	struct mt_value_ops ops;
	struct maple_tree mt;
	pthread_mutex_t mutex; /* the lock of a tree with MT_FLAGS_LOCK_EXTERN */
	struct change change[CHANGES];
	size_t changes;
	struct oracle history[CHANGES + 1]; /* the state before each change, and the last one */
	struct reader reader[READERS];
	uint64_t references[WORDS];
	/* Atomic: */
	unsigned started; /* threads */
	size_t begun;     /* changes */
	size_t complete;
	bool ended;
};

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

static struct mt_value_ops value_ops(struct play *play)
{
	struct mt_value_ops ops = {.retain = retain, .release = release, .context = play};

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

/* A reader takes a reference, unless the last one is gone. */
static bool take(uint64_t word)
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

static void give(uint64_t word)
{
	if (playing->values != PLAIN)
		disown(playing, word);
}

/* ---- locks ----------------------------------------------------------------------------------- */

/* The caller's lock, if the tree takes none. */
static void lock_outside(struct play *play)
{
	if (play->flags & MT_FLAGS_LOCK_EXTERN)
		CHECK_EQ(pthread_mutex_lock(&play->mutex), 0);
}

static void unlock_outside(struct play *play)
{
	if (play->flags & MT_FLAGS_LOCK_EXTERN)
		CHECK_EQ(pthread_mutex_unlock(&play->mutex), 0);
}

/* For functions that take no lock. */
static void lock(struct play *play)
{
	lock_outside(play);
	mtree_lock(&play->mt);
}

static void unlock(struct play *play)
{
	mtree_unlock(&play->mt);
	unlock_outside(play);
}

static void lock_both(struct play *play, struct maple_tree *other)
{
	lock(play);
	mtree_lock_nested(other, MT_LOCK_NESTED);
}

static void unlock_both(struct play *play, struct maple_tree *other)
{
	mtree_unlock(other);
	unlock(play);
}

/* ---- states ---------------------------------------------------------------------------------- */

static bool state_at(const struct oracle *state, mt_key key, struct mt_entry *range)
{
	bool present = oracle_at(state, oracle_cell(state, key), range);

	if (!present)
		range->word = 0;
	return present;
}

static bool around(const void *contents, mt_key key, struct mt_entry *range)
{
	return state_at(contents, key, range);
}

static bool same_entry(const struct mt_entry *a, const struct mt_entry *b)
{
	return a->first == b->first && a->last == b->last && a->word == b->word;
}

/* What a reader has asked, and what it got. */
struct seen {
	mt_key key;
	mt_key limit;
	bool found;
	struct mt_entry entry;
	/* A cursor's step: */
	enum rules_step step;
	bool gaps;
	bool present;
	struct rules_place before;
	struct rules_place after;
	/* A whole tree: */
	size_t count;
	const mt_key *first;
	const mt_key *last;
	const uint64_t *words;
};

/* Whether a look-up in this state returns what was seen. */
typedef bool (*fits_fn)(const struct oracle *state, const struct seen *seen);

static bool fits_word(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	return state_at(state, seen->key, &range) == seen->found && range.word == seen->entry.word;
}

/* The interface that returns NULL for a gap and for 0. */
static bool fits_pointer(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	state_at(state, seen->key, &range);
	return range.word == seen->entry.word;
}

static bool fits_range(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	return state_at(state, seen->key, &range) == seen->found &&
	       same_entry(&range, &seen->entry);
}

static bool fits_entry(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	return state_at(state, seen->key, &range);
}

/* `found`: what the oracle says, with a range if that is true. */
static bool fits_found(const struct seen *seen, bool found, const struct mt_entry *range)
{
	return seen->found == found && (!found || same_entry(range, &seen->entry));
}

static bool fits_find(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;
	bool found = oracle_find(state, oracle_cell(state, seen->key),
				 oracle_cell(state, seen->limit), &range);

	return fits_found(seen, found, &range);
}

static bool fits_find_rev(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;
	bool found = oracle_find_rev(state, oracle_cell(state, seen->key),
				     oracle_cell(state, seen->limit), &range);

	return fits_found(seen, found, &range);
}

/* mt_find() moves the key. */
static bool fits_mt_find(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	if (!oracle_find(state, oracle_cell(state, seen->key), oracle_cell(state, seen->limit),
			 &range))
		return !seen->entry.word && seen->entry.first == seen->key;
	return seen->entry.word == range.word && seen->entry.first == range.last + 1;
}

static bool fits_next(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	state_at(state, seen->key, &range);
	if (range.last == MT_KEY_MAX || !oracle_find(state, oracle_cell(state, range.last + 1),
						     oracle_cell(state, seen->limit), &range))
		return !seen->entry.word;
	return seen->entry.word == range.word;
}

static bool fits_prev(const struct oracle *state, const struct seen *seen)
{
	struct mt_entry range;

	state_at(state, seen->key, &range);
	if (range.first == 0 || !oracle_find_rev(state, oracle_cell(state, range.first - 1),
						 oracle_cell(state, seen->limit), &range))
		return !seen->entry.word;
	return seen->entry.word == range.word;
}

static bool fits_step(const struct oracle *state, const struct seen *seen)
{
	struct rules_tree rules = {around, state};
	struct rules_place place = seen->before;
	struct mt_entry range;
	bool found;

	if (seen->step != rules_walk)
		rules_catch_up(&rules, &place);
	found = rules_move(&rules, &place, seen->step, seen->limit, seen->gaps);
	if (found != seen->found || place.index != seen->after.index ||
	    place.last != seen->after.last || place.status != seen->after.status)
		return false;
	if (!found && seen->step != rules_walk)
		return true;
	return state_at(state, place.index, &range) == seen->present &&
	       range.word == seen->entry.word;
}

static bool fits_tree(const struct oracle *state, const struct seen *seen)
{
	size_t at = 0;

	for (size_t cell = 0; cell < state->cells; cell = oracle_high(state, cell) + 1) {
		struct mt_entry range;

		if (!oracle_at(state, cell, &range))
			continue;
		if (at == seen->count || seen->first[at] != range.first ||
		    seen->last[at] != range.last || seen->words[at] != range.word)
			return false;
		at++;
	}
	return at == seen->count;
}

/* The oldest state from `oldest` on that fits. */
static size_t state_of(const struct reader *reader, size_t oldest, fits_fn fits,
		       const struct seen *seen)
{
	const struct play *play = reader->play;
	size_t youngest = __atomic_load_n(&play->begun, __ATOMIC_RELAXED);

	for (size_t i = oldest; i <= youngest; i++)
		if (fits(&play->history[i], seen))
			return i;
	test_fail(__FILE__, __LINE__,
		  "reader %d saw what was not there in states %zu to %zu: key %s, limit %s, "
		  "%s [%s, %s] = %" PRIu64,
		  (int)(reader - play->reader), oldest, youngest, test_number(seen->key),
		  test_number(seen->limit), seen->found ? "found" : "not found",
		  test_number(seen->entry.first), test_number(seen->entry.last), seen->entry.word);
}

static void check_seen(struct reader *reader, fits_fn fits, const struct seen *seen)
{
	reader->oldest = state_of(reader, reader->oldest, fits, seen);
}

/* ---- two trees ------------------------------------------------------------------------------- */

struct marks {
	const struct oracle *oracle;
	bool *differs; /* each cell */
};

static int mark(void *context, const struct mt_difference *difference)
{
	struct marks *marks = context;
	size_t low, high;

	CHECK(family_whole_cells(marks->oracle, difference->first, difference->last, &low, &high));
	for (; low <= high; low++) {
		CHECK(!marks->differs[low]);
		marks->differs[low] = true;
	}
	return 0;
}

/* The caller holds the locks. */
static void check_difference(const struct maple_tree *a, const struct oracle *in_a,
			     const struct maple_tree *b, const struct oracle *in_b)
{
	struct marks marks = {in_a, test_array(in_a->cells, sizeof(bool))};

	CHECK_EQ(mt_diff(a, b, mark, &marks), 0);
	for (size_t cell = 0; cell < in_a->cells; cell++) {
		mt_key key = oracle_first(in_a, cell);
		struct mt_entry left, right;
		bool differs = state_at(in_a, key, &left) != state_at(in_b, key, &right) ||
			       left.word != right.word;

		CHECK_EQ(marks.differs[cell], differs);
	}
	free(marks.differs);
}

static void duplicate(struct play *play, struct maple_tree *mt, struct maple_tree *copy)
{
	mt_init_pool(copy, play->flags, play->pool, &play->ops);
	CHECK_EQ(mtree_dup(mt, copy), 0);
}

/* ---- the writer ------------------------------------------------------------------------------ */

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

	lock(play);
	mt_fork(&play->mt, &fork);
	unlock(play);
	for (size_t i = 0; store_of_many(change, i, cells->cells, &low, &high); i++)
		CHECK_EQ(mtree_store_range_word(&fork, oracle_first(cells, low),
						oracle_last(cells, high), change->word),
			 0);
	lock_both(play, &fork);
	mt_exchange(&play->mt, &fork);
	unlock_both(play, &fork);
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
		lock(play);
		mt_fork(&play->mt, twin);
		unlock(play);
		break;
	case DUPLICATE:
		mt_fini(twin);
		lock_outside(play);
		duplicate(play, &play->mt, twin);
		unlock_outside(play);
		break;
	case EXCHANGE:
		lock_both(play, twin);
		mt_exchange(&play->mt, twin);
		unlock_both(play, twin);
		break;
	case TWIN_STORE:
	case TWIN_CLEAR:
		write_by_call(play, change, twin);
		break;
	case COMPARE:
		lock_both(play, twin);
		check_difference(&play->mt, state, twin, in_twin);
		unlock_both(play, twin);
		break;
	default:
		lock_outside(play);
		write_by_call(play, change, &play->mt);
		unlock_outside(play);
	}
}

static void write_all(struct play *play)
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
			lock(play);
		locked = change->keeps_lock;
		__atomic_store_n(&play->begun, i + 1, __ATOMIC_RELAXED);
		stop = change->stop;
		make_change(play, change, &twin, &play->history[i], &in_twin);
		stop = 0;
		__atomic_store_n(&play->complete, i + 1, __ATOMIC_RELEASE);
		if (by_cursor(change->kind) && !locked)
			unlock(play);
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

/* Read the writer's program, again and again, and foresee its effects. */
static void plan(struct play *play, const uint8_t *bytes, size_t size, size_t rounds)
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

/* ---- readers --------------------------------------------------------------------------------- */

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
		check_seen(reader, fits_pointer, &seen);
	} else {
		seen.found = mtree_load_word(mt, seen.key, &seen.entry.word);
		if (!seen.found) /* a try that was repeated may have left a word */
			seen.entry.word = 0;
		check_seen(reader, fits_word, &seen);
	}
}

static void see_range(struct reader *reader)
{
	struct seen seen = {.key = key_of(reader)};

	seen.found = mtree_lookup(&reader->play->mt, seen.key, &seen.entry);
	check_seen(reader, fits_range, &seen);
}

static void see_found(struct reader *reader)
{
	struct maple_tree *mt = &reader->play->mt;
	bool up = test_below(2);
	struct seen seen = {.key = key_of(reader)};

	seen.limit = limit_for(reader, seen.key, up);
	seen.found = (up ? mtree_find : mtree_find_rev)(mt, seen.key, seen.limit, &seen.entry);
	check_seen(reader, up ? fits_find : fits_find_rev, &seen);
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
		check_seen(reader, fits_prev, &seen);
		break;
	case 1:
		seen.entry.word = (uintptr_t)mt_next(mt, seen.key, seen.limit);
		check_seen(reader, fits_next, &seen);
		break;
	default:
		seen.entry.first = seen.key;
		seen.entry.word = (uintptr_t)(which == 2 || !seen.key ? mt_find : mt_find_after)(
			mt, &seen.entry.first, seen.limit);
		check_seen(reader, fits_mt_find, &seen);
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
		size_t state = state_of(reader, oldest, fits_word, &seen);

		reader->oldest = state > reader->oldest ? state : reader->oldest;
		found -= present[i];
	}
	CHECK_EQ(found, 0);
}

static void see_taken(struct reader *reader)
{
	struct maple_tree *mt = &reader->play->mt;
	struct seen seen = {.key = key_of(reader)};
	bool whole = test_below(2);
	int got;

	refuses = test_below(8) == 0;
	got = whole ? mtree_lookup_take(mt, seen.key, &seen.entry, take, give)
		    : mtree_load_take(mt, seen.key, &seen.entry.word, take, give);
	CHECK(got != -EAGAIN || refuses);
	seen.found = got == 1;
	if (got == -EAGAIN)
		check_seen(reader, fits_entry, &seen);
	else
		check_seen(reader, whole ? fits_range : fits_word, &seen);
	if (got == 1)
		give(seen.entry.word);
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
	check_seen(reader, fits_step, &seen);
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
	check_seen(reader, fits_step, &seen);
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
	lock(play);
	mt_fork(&play->mt, &fork);
	unlock(play);
	__atomic_store_n(&reader->locks, false, __ATOMIC_RELAXED);
	CHECK(mt_entries(&fork) <= cells);
	seen.count = mt_read(&fork, first, last, words);
	check_seen(reader, fits_tree, &seen);
	free(first);
	free(last);
	free(words);
	if (reader->has_fork)
		check_difference(&reader->fork, &reader->oracle, &fork,
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
		duplicate(reader->play, fork, &copy);
		check_difference(fork, oracle, &copy, oracle);
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

/* Play the program until the writer has ended, and once more. */
static void read_all(struct reader *reader)
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

/* ---- a play ---------------------------------------------------------------------------------- */

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
		read_all(task->reader);
	else
		write_all(play);
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
	play->ops = value_ops(play);
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
	struct play *play = playing = test_array(1, sizeof(*play));
	struct task tasks[READERS + 1] = {{play, NULL}};
	uint64_t rounds;

	test_feed(name, bytes, header);
	begin(play);
	rounds = 1 + test_below(4);
	bytes += header;
	plan(play, bytes, half, rounds);
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
