/* SPDX-License-Identifier: MIT */
/*
 * Look-ups take no lock. A writer stands still inside each of its value operations, and readers go
 * through the whole tree meanwhile: a reader that waited would wait forever. Readers check every
 * result beside writers of the same tree, while other trees use the same pool's nodes.
 *
 * Keys come in cells, and each word says which cells were stored with it. So a result that was put
 * together from two states is noticed. Also meant for ThreadSanitizer (make test-tsan).
 */
#include "node.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* ---- cells ----------------------------------------------------------------------------------- */

/* The keys of one cell. Those of 128 bits have something in both halves. */
#if MT_KEY_BITS == 128
#define CELL_BITS 61
#else
#define CELL_BITS 5
#endif

static mt_key cell_first(size_t cell)
{
	return (mt_key)cell << CELL_BITS;
}

static mt_key cell_last(size_t cell)
{
	return cell_first(cell + 1) - 1;
}

static size_t cell_of(mt_key key)
{
	return (size_t)(key >> CELL_BITS);
}

/* A word for cells [low, high], stored at a time. */
static uint64_t word_for(size_t low, size_t high, uint64_t time)
{
	return time << 32 | (uint64_t)low << 16 | high;
}

static void put_cells(struct maple_tree *mt, size_t low, size_t high, uint64_t word)
{
	CHECK_EQ(mtree_store_range_word(mt, cell_first(low), cell_last(high), word), 0);
}

static size_t word_low(uint64_t word)
{
	return word >> 16 & 0xffff;
}

static size_t word_high(uint64_t word)
{
	return word & 0xffff;
}

static uint64_t word_time(uint64_t word)
{
	return word >> 32;
}

/* ---- one state of a small tree, as an array -------------------------------------------------- */

enum { CELLS = 240 };

struct state {
	bool present[CELLS];
	struct mt_entry entry[CELLS]; /* the range around each cell */
};

/* Read by a cursor. */
static void state_read(struct state *state, struct maple_tree *mt)
{
	MA_STATE(mas, mt, 0, 0);
	size_t cell;

	mas_lock(&mas);
	for (cell = 0; cell < CELLS; cell++) {
		mas_set(&mas, cell_first(cell));
		state->present[cell] = mas_walk_word(&mas);
		state->entry[cell] = (struct mt_entry){mas.index, mas.last, mas.word};
	}
	mas_unlock(&mas);
}

static void check_entry(const struct mt_entry *got, const struct mt_entry *expected)
{
	CHECK_EQ(got->first, expected->first);
	CHECK_EQ(got->last, expected->last);
	CHECK_EQ(got->word, expected->word);
}

/* Every function that looks up, at one cell. */
static void check_cell(const struct state *state, struct maple_tree *mt, size_t cell)
{
	mt_key key = cell_first(cell), index = key;
	size_t after = cell, before = cell, next, prev;
	bool present = state->present[cell];
	struct mt_entry got = {0};
	uint64_t word = 0;

	/* The entries from this cell on and up to it; CELLS if there is none. */
	while (after < CELLS && !state->present[after])
		after++;
	while (before < CELLS && !state->present[before])
		before--;
	/* Those after and before the range around it. */
	for (next = cell; next < CELLS; next++)
		if (state->present[next] && state->entry[next].first > state->entry[cell].first)
			break;
	for (prev = cell; prev < CELLS; prev--)
		if (state->present[prev] && state->entry[prev].first < state->entry[cell].first)
			break;

	CHECK_EQ((uintptr_t)mtree_load(mt, key), present ? state->entry[cell].word : 0);
	CHECK_EQ(mtree_load_word(mt, key, &word), present);
	CHECK_EQ(word, present ? state->entry[cell].word : 0);
	CHECK_EQ(mtree_lookup(mt, key, &got), present);
	check_entry(&got, &state->entry[cell]);
	CHECK_EQ(mtree_find(mt, key, MT_KEY_MAX, &got), after < CELLS);
	if (after < CELLS)
		check_entry(&got, &state->entry[after]);
	CHECK_EQ((uintptr_t)mt_find(mt, &index, MT_KEY_MAX),
		 after < CELLS ? state->entry[after].word : 0);
	if (after < CELLS)
		CHECK_EQ(index, state->entry[after].last + 1);
	CHECK_EQ(mtree_find_rev(mt, key, 0, &got), before < CELLS);
	if (before < CELLS)
		check_entry(&got, &state->entry[before]);
	CHECK_EQ((uintptr_t)mt_next(mt, key, MT_KEY_MAX),
		 next < CELLS ? state->entry[next].word : 0);
	CHECK_EQ((uintptr_t)mt_prev(mt, key, 0), prev < CELLS ? state->entry[prev].word : 0);
	/* Limits: what begins or ends beyond them is not found. */
	if (after < CELLS && state->entry[after].first > key)
		CHECK(!mtree_find(mt, key, state->entry[after].first - 1, &got));
	if (before < CELLS && state->entry[before].last < key)
		CHECK(!mtree_find_rev(mt, key, state->entry[before].last + 1, &got));
	CHECK(!mt_next(mt, key, key));
	CHECK(!mt_prev(mt, key, key));
}

static void check_place(const struct ma_state *mas, const struct state *state, size_t cell)
{
	const struct mt_entry got = {mas->index, mas->last, mas->word};

	check_entry(&got, &state->entry[cell]);
	CHECK_EQ(mas->present, state->present[cell]);
	CHECK_EQ(mas->status, ma_active);
}

/* A cursor goes to all entries, and to all ranges, up and down. */
static void check_cursor(const struct state *state, struct maple_tree *mt)
{
	size_t starts[CELLS + 1], ranges = 0, entries = 0, i;
	MA_STATE(mas, mt, 0, 0);

	for (i = 0; i < CELLS; i++) {
		if (state->entry[i].first != cell_first(i))
			continue;
		starts[ranges++] = i;
		entries += state->present[i];
		if (!state->present[i])
			continue;
		CHECK(mas_find_unlocked(&mas, MT_KEY_MAX, false));
		check_place(&mas, state, i);
	}
	CHECK(!mas_find_unlocked(&mas, MT_KEY_MAX, false));
	if (!entries)
		return;
	mas_set(&mas, 0);
	CHECK_EQ(mas_walk_unlocked(&mas), state->present[0]);
	for (i = 1; i < ranges; i++) {
		check_place(&mas, state, starts[i - 1]);
		CHECK(mas_next_unlocked(&mas, MT_KEY_MAX, true));
	}
	while (i-- > 1) {
		check_place(&mas, state, starts[i]);
		CHECK(mas_prev_unlocked(&mas, 0, true));
	}
	check_place(&mas, state, 0);
	CHECK(!mas_prev_unlocked(&mas, 0, true));
	mas_set(&mas, MT_KEY_MAX);
	for (i = ranges; i-- > 0;) {
		if (!state->present[starts[i]])
			continue;
		CHECK(mas_find_rev_unlocked(&mas, 0, false));
		check_place(&mas, state, starts[i]);
	}
	CHECK(!mas_find_rev_unlocked(&mas, 0, false));
}

/* All cells in one call, the last ones first. */
static void check_batch(const struct state *state, struct maple_tree *mt)
{
	uint64_t words[CELLS];
	uint8_t present[CELLS];
	mt_key keys[CELLS];
	size_t found = 0;

	for (size_t i = 0; i < CELLS; i++)
		keys[i] = cell_last(CELLS - 1 - i);
	found = mtree_load_batch(mt, keys, CELLS, 7, words, present);
	for (size_t i = 0; i < CELLS; i++) {
		size_t cell = CELLS - 1 - i;

		CHECK_EQ(present[i], state->present[cell]);
		CHECK_EQ(words[i], present[i] ? state->entry[cell].word : 7);
		found -= present[i];
	}
	CHECK_EQ(found, 0);
}

static void check_state(const struct state *state, struct maple_tree *mt)
{
	for (size_t cell = 0; cell < CELLS; cell++)
		check_cell(state, mt, cell);
	check_batch(state, mt);
	check_cursor(state, mt);
}

/* ---- a writer that stands still -------------------------------------------------------------- */

enum operation { RETAIN, RELEASE, EQUAL, MERGE, SPLIT, OPERATIONS };

/* The context of the value operations. */
struct stops {
	enum operation where; /* the writer stops in this one */
	bool armed;
	sem_t inside; /* the writer has stopped, or is done */
	sem_t onward;
	bool done;
	size_t count; /* how often it has stopped */
	struct maple_tree *mt;
	/* What the tree holds before the write, and after it. */
	struct state before;
	struct state after;
};

static void stop_in(struct stops *stops, enum operation operation)
{
	if (!stops->armed || operation != stops->where)
		return;
	stops->count++;
	sem_post(&stops->inside);
	while (sem_wait(&stops->onward))
		;
}

static void stop_in_retain(void *context, const uint64_t *words, uint32_t present)
{
	(void)words;
	(void)present;
	stop_in(context, RETAIN);
}

static void stop_in_release(void *context, const uint64_t *words, uint32_t present)
{
	(void)words;
	(void)present;
	stop_in(context, RELEASE);
}

/* Words whose cells begin in the same half of the tree merge. */
static bool alike(uint64_t left, uint64_t right)
{
	return word_time(left) == word_time(right) && word_time(left) % 4 == 0;
}

static bool stop_in_equal(void *context, const struct mt_entry *left, const struct mt_entry *right)
{
	stop_in(context, EQUAL);
	return alike(left->word, right->word);
}

static int stop_in_merge(void *context, const struct mt_entry *left, const struct mt_entry *right,
			 const struct mt_entry *stored, uint64_t *word)
{
	(void)stored;
	stop_in(context, MERGE);
	if (!alike(left->word, right->word))
		return 0;
	*word = left->word;
	return 1;
}

static int stop_in_split(void *context, const struct mt_entry *whole, mt_key first, mt_key last,
			 uint64_t *piece)
{
	stop_in(context, SPLIT);
	*piece = word_for(cell_of(first), cell_of(last), word_time(whole->word));
	return 0;
}

/* Goes through the whole tree each time that the writer has stopped. */
static void *read_at_stops(void *context)
{
	struct stops *stops = context;

	for (;;) {
		while (sem_wait(&stops->inside))
			;
		if (stops->done)
			return NULL;
		/* Displaced values are released after the write. */
		check_state(stops->where == RELEASE ? &stops->after : &stops->before, stops->mt);
		sem_post(&stops->onward);
	}
}

/* One write, a function of its number. */
static void write_cells(struct maple_tree *mt, size_t number)
{
	size_t low = number * 7919 % CELLS;
	size_t width = number % 11 == 10 ? 90 : number % 5 == 4 ? 7 : 1;
	size_t high = low + width < CELLS ? low + width : CELLS - 1;

	if (number % 13 == 12)
		CHECK_EQ(mtree_clear_range(mt, cell_first(low), cell_last(high)), 0);
	else
		CHECK_EQ(mtree_store_range_word(mt, cell_first(low), cell_last(high),
						word_for(low, high, number % 7 + 1)),
			 0);
}

static struct mt_value_ops stopping_ops(struct stops *stops, enum operation where)
{
	struct mt_value_ops ops = {
		.retain = stop_in_retain,
		.release = stop_in_release,
		.split = where == RETAIN ? NULL : stop_in_split, /* else pieces are retained */
		.context = stops,
	};

	if (where == MERGE)
		ops.merge = stop_in_merge;
	else
		ops.equal = stop_in_equal;
	return ops;
}

/* The twin gets each write first, so that what comes after it is known. */
static void write_and_stop(enum operation where, uint32_t flags, bool forks)
{
	static struct stops stops;
	struct mt_value_ops ops = stopping_ops(&stops, where);
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, twin, fork;
	pthread_t reader;
	size_t number;

	memset(&stops, 0, sizeof(stops));
	stops.where = where;
	stops.mt = &mt;
	CHECK_EQ(sem_init(&stops.inside, 0, 0), 0);
	CHECK_EQ(sem_init(&stops.onward, 0, 0), 0);
	mt_init_pool(&mt, flags, pool, &ops);
	mt_init_pool(&twin, flags, pool, &ops);
	mt_init_pool(&fork, flags, pool, &ops);
	CHECK_EQ(pthread_create(&reader, NULL, read_at_stops, &stops), 0);
	for (number = 0; number < 400; number++) {
		if (forks && number % 3 == 0) {
			mt_fini(&fork);
			test_fork(&mt, &fork);
		}
		state_read(&stops.before, &twin);
		write_cells(&twin, number);
		state_read(&stops.after, &twin);
		stops.armed = true;
		write_cells(&mt, number);
		stops.armed = false;
		check_state(&stops.after, &mt);
	}
	CHECK(stops.count > 100);
	stops.done = true;
	sem_post(&stops.inside);
	CHECK_EQ(pthread_join(reader, NULL), 0);
	CHECK_VALID(&mt);
	mt_fini(&mt);
	mt_fini(&twin);
	mt_fini(&fork);
	sem_destroy(&stops.inside);
	sem_destroy(&stops.onward);
	test_pool_end(pool);
}

static void readers_finish_while_a_writer_stands_still(void)
{
	unsigned version = 0;

	for (int where = RETAIN; where < OPERATIONS; where++, version++) {
		if (!test_search(version))
			test_search(version = 0);
		write_and_stop((enum operation)where, 0, false);
		write_and_stop((enum operation)where, MT_FLAGS_ALLOC_RANGE, true);
	}
	test_search(TEST_CHOSEN_SEARCH);
}

/* A thread holds the lock, and looks up itself. So does another one. */
static void *read_whole(void *context)
{
	struct stops *stops = context;

	check_state(&stops->before, stops->mt);
	return NULL;
}

static void readers_finish_while_the_lock_is_held(void)
{
	static struct stops stops;
	struct maple_pool *pool = test_pool();
	struct maple_tree mt;
	struct test_idler idler;
	pthread_t reader;

	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	stops.mt = &mt;
	for (size_t number = 0; number < 300; number++)
		write_cells(&mt, number);
	state_read(&stops.before, &mt);
	mtree_lock(&mt);
	check_state(&stops.before, &mt); /* while the process has one thread */
	test_idler_begin(&idler);
	check_state(&stops.before, &mt);
	CHECK_EQ(pthread_create(&reader, NULL, read_whole, &stops), 0);
	CHECK_EQ(pthread_join(reader, NULL), 0);
	mtree_unlock(&mt);
	test_idler_end(&idler);
	mt_fini(&mt);
	test_pool_end(pool);
}

/* ---- what readers compare -------------------------------------------------------------------- */

/* Whether the tree's sequence has changed since the last call, to another even number. */
static bool sequence_moved(const struct maple_tree *mt, uint32_t *sequence)
{
	bool moved = mt->ma_sequence != *sequence;

	CHECK_EQ(mt->ma_sequence % 2, 0);
	*sequence = mt->ma_sequence;
	return moved;
}

/* Each way to change the shape of a tree changes its sequence. A write within a leaf changes only the
 * leaf's version; writes of other trees change neither. */
static void each_change_is_counted(void)
{
	const uint64_t words[] = {1, 2};
	mt_key first[] = {cell_first(0), cell_first(2)}, last[] = {cell_last(3), cell_last(5)};
	struct mt_accumulation what = {mt_number_unsigned, mt_op_add, first, last, words, 2, false};
	struct maple_pool *pool = test_pool();
	struct maple_tree mt, fork, copy;
	struct maple_node *leaf;
	uint32_t sequence, of_copy;
	mt_version version;
	size_t cell;

	mt_init_pool(&mt, 0, pool, NULL);
	mt_init_pool(&copy, 0, pool, NULL);
	sequence = mt.ma_sequence;
	of_copy = copy.ma_sequence;
	put_cells(&mt, 0, 0, 1);
	CHECK(sequence_moved(&mt, &sequence)); /* the first entry */
	leaf = mt.ma_root;
	version = leaf->version;
	put_cells(&mt, 2, 2, 2);
	CHECK(!sequence_moved(&mt, &sequence));
	CHECK_EQ(leaf->version, (mt_version)(version + 2));
	for (cell = 4; mt_height(&mt) < 2; cell += 2)
		put_cells(&mt, cell, cell, cell);
	CHECK(sequence_moved(&mt, &sequence)); /* a new root */
	for (; mt_entries(&mt) < 8 * MT_MAX_SLOTS; cell += 2) {
		size_t nodes = mt_node_count(&mt);

		put_cells(&mt, cell, cell, cell);
		CHECK_EQ(sequence_moved(&mt, &sequence), mt_node_count(&mt) != nodes);
	}
	test_fork(&mt, &fork);
	CHECK(!sequence_moved(&mt, &sequence));
	put_cells(&mt, 1, 1, 7);
	CHECK(sequence_moved(&mt, &sequence)); /* copies of a path */
	CHECK_EQ(fork.ma_sequence, 0);
	mt_fini(&fork);
	CHECK_EQ(mtree_dup(&mt, &copy), 0);
	CHECK(sequence_moved(&copy, &of_copy));
	CHECK_EQ(mtree_accumulate(&mt, &what, NULL), 0);
	CHECK(sequence_moved(&mt, &sequence)); /* other contents */
	put_cells(&mt, 0, cell, 7);
	CHECK(sequence_moved(&mt, &sequence)); /* a lower tree */
	CHECK_EQ(mtree_clear_range(&mt, 0, MT_KEY_MAX), 0);
	CHECK(sequence_moved(&mt, &sequence));
	CHECK_EQ(mt_build(&mt, first, last, words, 1, NULL), 0);
	CHECK(sequence_moved(&mt, &sequence));
	mtree_destroy(&mt);
	CHECK(sequence_moved(&mt, &sequence));
	CHECK(!sequence_moved(&copy, &of_copy));
	mt_fini(&mt);
	mt_fini(&copy);
	test_pool_end(pool);
}

/* ---- beside writers at full speed ------------------------------------------------------------ */

enum { MANY = 4096, PILLAR = 32, READERS = 2, CHURNERS = 1, TASKS = READERS + CHURNERS + 1 };

/* One tree, with one writer. */
struct arena {
	struct maple_tree mt;
	struct maple_pool *pool;
	/* Each cell whose number is a multiple of PILLAR always has the word of time 0. The cell
	 * after it is always in a gap. */
	bool pillars;
	bool exact; /* split() gives each piece a word of its own: words say exactly where they are */
	bool done;
};

struct task {
	struct arena *arena;
	void (*run)(struct task *task);
	size_t steps;
};

static int split_exactly(void *context, const struct mt_entry *whole, mt_key first, mt_key last,
			 uint64_t *piece)
{
	(void)context;
	*piece = word_for(cell_of(first), cell_of(last), word_time(whole->word));
	return 0;
}

static void put(struct arena *arena, size_t low, size_t high, uint64_t time)
{
	CHECK_EQ(mtree_store_range_word(&arena->mt, cell_first(low), cell_last(high),
					word_for(low, high, time)),
		 0);
}

/* A range without a pillar or its gap. */
static void range_between(size_t *low, size_t *high)
{
	size_t base = test_below(MANY / PILLAR) * PILLAR;

	*low = base + 2 + test_below(PILLAR - 2);
	*high = *low + test_below(base + PILLAR - *low);
}

static void write_arena(struct task *task)
{
	struct arena *arena = task->arena;
	uint64_t time;

	for (time = 1; time <= task->steps; time++) {
		size_t low, high;

		range_between(&low, &high);
		if (!arena->pillars && test_below(64) == 0) {
			low = test_below(MANY);
			high = low + test_below(MANY - low);
		}
		/* Sometimes thin the tree out, or fill it up. */
		if (test_below(time >> 12 & 1 ? 3 : 8) == 0)
			CHECK_EQ(mtree_clear_range(&arena->mt, cell_first(low), cell_last(high)),
				 0);
		else
			put(arena, low, test_below(3) ? low : high, time);
		if (!arena->pillars && test_below(5000) == 0)
			mtree_destroy(&arena->mt);
		if (test_below(512) == 0) {
			struct maple_tree fork;

			test_fork(&arena->mt, &fork);
			CHECK_EQ(mtree_store_range_word(&fork, cell_first(low), cell_last(high),
							word_for(0, 0, 0)),
				 0);
			mt_fini(&fork);
		}
	}
	__atomic_store_n(&arena->done, true, __ATOMIC_RELEASE);
}

/* Other trees take the nodes that this one has given back, and write their own into them. */
static void churn(struct task *task)
{
	struct arena *arena = task->arena;
	uint32_t flags = 0;

	while (!__atomic_load_n(&arena->done, __ATOMIC_ACQUIRE)) {
		struct maple_tree other, copy;

		flags ^= MT_FLAGS_ALLOC_RANGE;
		mt_init_pool(&other, flags, arena->pool, NULL);
		for (size_t i = 0; i < 300; i++) {
			size_t low = test_below(MANY);

			CHECK_EQ(mtree_store_range_word(&other, cell_first(low), cell_last(low),
							~UINT64_C(0) >> 1),
				 0);
			if (test_below(4) == 0)
				CHECK_EQ(mtree_clear_range(&other, cell_first(low / 2),
							   cell_last(low / 2 + 3)),
					 0);
		}
		mt_init_pool(&copy, flags, arena->pool, NULL);
		CHECK_EQ(mtree_dup(&other, &copy), 0);
		mt_fini(&other);
		mt_fini(&copy);
	}
}

/* An entry that a look-up has returned. */
static void check_found(const struct arena *arena, const struct mt_entry *entry)
{
	size_t low = cell_of(entry->first), high = cell_of(entry->last);

	CHECK_EQ(entry->first, cell_first(low));
	CHECK_EQ(entry->last, cell_last(high));
	CHECK(word_low(entry->word) <= low && high <= word_high(entry->word));
	if (arena->exact)
		CHECK(word_low(entry->word) == low && word_high(entry->word) == high);
	if (arena->pillars)
		CHECK(low / PILLAR == high / PILLAR && low % PILLAR != 1 && high % PILLAR != 1);
}

static void check_word(const struct arena *arena, uint64_t word, size_t cell)
{
	CHECK(word_low(word) <= cell && cell <= word_high(word));
	if (arena->pillars)
		CHECK(cell % PILLAR != 1);
}

/* Where a cursor has come to. */
static void check_stop(const struct arena *arena, const struct ma_state *mas)
{
	const struct mt_entry entry = {mas->index, mas->last, mas->word};

	CHECK_EQ(mas->status, ma_active);
	if (mas->present) {
		check_found(arena, &entry);
		return;
	}
	CHECK_EQ(mas->word, 0);
	if (arena->pillars && mas->last != MT_KEY_MAX)
		CHECK(cell_of(mas->index) % PILLAR != 0 &&
		      cell_of(mas->index) / PILLAR == cell_of(mas->last) / PILLAR);
}

static void walk_about(struct arena *arena, size_t cell)
{
	size_t pillar = cell / PILLAR * PILLAR;
	mt_key key = cell_first(cell);
	MA_STATE(mas, &arena->mt, key, key);
	bool up = test_below(2), gaps;

	if (up ? mas_find_unlocked(&mas, MT_KEY_MAX, false)
	       : mas_find_rev_unlocked(&mas, 0, false)) {
		CHECK(mas.present && (up ? mas.last >= key : mas.index <= key));
		check_stop(arena, &mas);
		if (arena->pillars)
			CHECK(up ? mas.index <= cell_first(pillar + PILLAR)
				 : mas.index >= cell_first(pillar));
	} else {
		CHECK(!arena->pillars || (up && pillar + PILLAR == MANY));
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		up = test_below(2);
		gaps = test_below(2);
		key = mas.index;
		if (!(up ? mas_next_unlocked(&mas, MT_KEY_MAX, gaps)
			 : mas_prev_unlocked(&mas, 0, gaps)))
			return;
		CHECK(up ? mas.index > key : mas.index < key);
		CHECK(gaps || mas.present);
		check_stop(arena, &mas);
		mas_pause(&mas);
		gaps = !mas_walk_unlocked(&mas);
		CHECK_EQ(mas.present, !gaps);
		if (mas.status == ma_none)
			return;
		check_stop(arena, &mas);
	}
}

static void look_up(struct arena *arena, size_t cell, uint64_t *times)
{
	struct maple_tree *mt = &arena->mt;
	mt_key key = cell_first(cell), index = key;
	size_t pillar = cell / PILLAR * PILLAR; /* the last one up to here */
	struct mt_entry entry = {0};
	uint64_t word = 0;
	uint8_t present;
	bool found;

	switch (test_below(11)) {
	case 10:
		walk_about(arena, cell);
		break;
	case 9:
		if (!mtree_load_batch(mt, &key, 1, 0, &word, &present))
			CHECK(!present && !word);
		else
			check_word(arena, word, cell);
		break;
	case 0:
		word = (uintptr_t)mtree_load(mt, key);
		if (word)
			check_word(arena, word, cell);
		break;
	case 1:
		if (!mtree_load_word(mt, key, &word))
			break;
		check_word(arena, word, cell);
		CHECK(word_time(word) >= times[cell]); /* nothing older than what was seen */
		times[cell] = word_time(word);
		break;
	case 2:
		found = mtree_lookup(mt, key, &entry);
		CHECK(entry.first <= key && key <= entry.last);
		if (found)
			check_found(arena, &entry);
		else
			CHECK_EQ(entry.word, 0);
		if (arena->pillars)
			CHECK(entry.first >= cell_first(pillar));
		break;
	case 3:
		found = mtree_find(mt, key, MT_KEY_MAX, &entry);
		if (found) {
			CHECK(entry.last >= key);
			check_found(arena, &entry);
		}
		if (arena->pillars && pillar + PILLAR < MANY)
			CHECK(found && entry.first <= cell_first(pillar + PILLAR));
		break;
	case 4:
		found = mtree_find_rev(mt, key, 0, &entry);
		if (found) {
			CHECK(entry.first <= key);
			check_found(arena, &entry);
		}
		if (arena->pillars)
			CHECK(found && entry.first >= cell_first(pillar));
		break;
	case 5:
	case 6:
		index = test_below(16) ? index : 0;
		key = index;
		word = (uintptr_t)(test_below(2) ? mt_find(mt, &index, cell_last(cell))
						 : mt_find_after(mt, &index, cell_last(cell)));
		if (word) {
			CHECK(index > key);
			check_word(arena, word, cell_of(index - 1));
		} else {
			CHECK_EQ(index, key);
		}
		break;
	case 7:
		word = (uintptr_t)mt_next(mt, key, MT_KEY_MAX);
		if (word)
			CHECK(word_high(word) >= cell);
		if (arena->pillars && pillar + PILLAR < MANY)
			CHECK(word && word_low(word) <= pillar + PILLAR);
		break;
	default:
		word = (uintptr_t)mt_prev(mt, key, 0);
		if (word)
			CHECK(word_low(word) <= cell);
		if (arena->pillars && cell > pillar)
			CHECK(word && word_high(word) >= pillar);
	}
	if (arena->pillars && cell == pillar && mtree_load_word(mt, cell_first(pillar), &word))
		CHECK_EQ(word, word_for(pillar, pillar, 1));
	else
		CHECK(!arena->pillars || cell != pillar);
}

static void read_arena(struct task *task)
{
	struct arena *arena = task->arena;
	uint64_t *times = test_array(MANY, sizeof(*times));

	while (!__atomic_load_n(&arena->done, __ATOMIC_ACQUIRE))
		for (unsigned i = 0; i < 64; i++)
			look_up(arena, test_below(MANY), times);
	free(times);
}

static void run_task(void *context)
{
	struct task *task = context;

	task->run(task);
}

static void read_beside_a_writer(uint32_t flags, bool pillars, bool exact)
{
	static const struct mt_value_ops ops = {.split = split_exactly};
	struct maple_pool *pool = test_pool();
	struct arena arena = {.pool = pool, .pillars = pillars, .exact = exact};
	struct task tasks[TASKS];
	unsigned i;

	mt_init_pool(&arena.mt, flags, pool, exact ? &ops : NULL);
	for (size_t cell = 0; pillars && cell < MANY; cell += PILLAR)
		put(&arena, cell, cell, 1);
	for (i = 0; i < TASKS; i++)
		tasks[i] = (struct task){.arena = &arena, .run = read_arena};
	tasks[0].run = write_arena;
	tasks[0].steps = test_steps(60000);
	tasks[1].run = churn;
	test_threads(TASKS, run_task, tasks, sizeof(*tasks));
	CHECK_VALID(&arena.mt);
	mt_fini(&arena.mt);
	test_pool_end(pool);
}

static void readers_beside_a_writer(void)
{
	for (unsigned variant = 0, version = 0; variant < 8; variant++, version++) {
		if (!test_search(version))
			test_search(version = 0);
		read_beside_a_writer(variant & 1 ? MT_FLAGS_ALLOC_RANGE : 0, variant & 2,
				     variant & 4);
	}
	test_search(TEST_CHOSEN_SEARCH);
	/* There is one writer, so it needs no lock. */
	read_beside_a_writer(MT_FLAGS_LOCK_EXTERN | MT_FLAGS_LOCK_WRITERS, true, true);
}

/* ---- two leaves ------------------------------------------------------------------------------ */

enum { WIDTH = 4 };

struct pair {
	struct maple_tree mt;
	size_t steps;
	bool done;
};

/* The last entry of the first leaf is 1, and the first entry of the next leaf is 3, or 4 while there
 * is a 2 between them. All four changes are within a leaf. */
static void write_pair(struct pair *pair)
{
	const size_t border = MT_MAX_SLOTS * WIDTH;

	for (size_t step = 0; step < pair->steps; step++) {
		put_cells(&pair->mt, border - 1, border - 1, 2);
		put_cells(&pair->mt, border, border + WIDTH - 1, 4);
		put_cells(&pair->mt, border, border + WIDTH - 1, 3);
		put_cells(&pair->mt, border - WIDTH, border - 1, 1);
	}
	__atomic_store_n(&pair->done, true, __ATOMIC_RELEASE);
}

static void read_pair(struct pair *pair)
{
	const size_t border = MT_MAX_SLOTS * WIDTH;

	while (!__atomic_load_n(&pair->done, __ATOMIC_ACQUIRE)) {
		uintptr_t next =
			(uintptr_t)mt_next(&pair->mt, cell_first(border - WIDTH), MT_KEY_MAX);

		CHECK(next == 2 || next == 3);
	}
}

struct side {
	struct pair *pair;
	void (*run)(struct pair *pair);
};

static void run_side(void *context)
{
	struct side *side = context;

	side->run(side->pair);
}

static void two_leaves_are_read_at_one_moment(void)
{
	enum { RANGES = 3 * MT_MAX_SLOTS };
	mt_key first[RANGES], last[RANGES];
	uint64_t words[RANGES];
	struct maple_pool *pool = test_pool();
	struct pair pair = {.steps = test_steps(100000)};
	struct side sides[] = {{&pair, write_pair}, {&pair, read_pair}, {&pair, read_pair}};
	struct test_idler idler;

	for (size_t i = 0; i < RANGES; i++) {
		first[i] = cell_first(i * WIDTH);
		last[i] = cell_last(i * WIDTH + WIDTH - 1);
		words[i] = i == MT_MAX_SLOTS - 1 ? 1 : i == MT_MAX_SLOTS ? 3 : 9;
	}
	mt_init_pool(&pair.mt, 0, pool, NULL);
	CHECK_EQ(mt_build(&pair.mt, first, last, words, RANGES, NULL), 0);
	put_cells(&pair.mt, 0, 4 * WIDTH - 1, 9); /* room in the first leaf */
	test_idler_begin(&idler);
	test_threads(3, run_side, sides, sizeof(*sides));
	test_idler_end(&idler);
	mt_fini(&pair.mt);
	test_pool_end(pool);
}

/* A cursor that pauses at an end of the keys does as under the lock. */
static void pauses_at_the_ends(void)
{
	const mt_key ends[] = {0, MT_KEY_MAX};
	struct maple_tree mt;

	mt_init(&mt);
	CHECK_EQ(mtree_store_range_word(&mt, 0, 3, 1), 0);
	CHECK_EQ(mtree_store_range_word(&mt, MT_KEY_MAX - 3, MT_KEY_MAX, 2), 0);
	for (unsigned i = 0; i < 4; i++) {
		bool up = i % 2;
		MA_STATE(locked, &mt, ends[i / 2], ends[i / 2]);
		MA_STATE(mas, &mt, ends[i / 2], ends[i / 2]);

		CHECK(mas_walk_word(&locked) && mas_walk_unlocked(&mas));
		mas_pause(&locked);
		mas_pause(&mas);
		CHECK_EQ(up ? mas_find_unlocked(&mas, MT_KEY_MAX, false)
			    : mas_find_rev_unlocked(&mas, 0, false),
			 up ? mas_find_word(&locked, MT_KEY_MAX, false)
			    : mas_find_rev_word(&locked, 0, false));
		CHECK(mas.index == locked.index && mas.last == locked.last);
		CHECK_EQ(mas.status, locked.status);
		CHECK_EQ(mas.word, locked.word);
	}
	mt_fini(&mt);
}

static const struct test_case cases[] = {
	{"readers_finish_while_a_writer_stands_still", readers_finish_while_a_writer_stands_still},
	{"readers_finish_while_the_lock_is_held", readers_finish_while_the_lock_is_held},
	{"each_change_is_counted", each_change_is_counted},
	{"readers_beside_a_writer", readers_beside_a_writer},
	{"two_leaves_are_read_at_one_moment", two_leaves_are_read_at_one_moment},
	{"pauses_at_the_ends", pauses_at_the_ends},
};

TEST_MAIN(cases)
