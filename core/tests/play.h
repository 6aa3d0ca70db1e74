/* SPDX-License-Identifier: MIT */
/*
 * A play: one tree in several threads. fuzz_threads.c says what it checks. One struct holds all of it:
 * the writer's program with the history that it makes, and the readers.
 */
#ifndef SAMARA_TEST_PLAY_H
#define SAMARA_TEST_PLAY_H

#include "family.h"

enum { READERS = 2, CHANGES = 400, WORDS = 512 };

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

/* ---- values, play_values.c: words with counted references, and the locks ---- */

/* The value operations of a play, which is the only one from now on. */
struct mt_value_ops play_value_ops(struct play *play);
/* The writer stops in the value operation that is so many from now; 0: in none. */
void play_stop_in(unsigned operation);
/* A reader takes a reference, unless the last one is gone, or it refuses the next ones. */
void play_refuse(bool refuse);
bool play_take(uint64_t word);
void play_give(uint64_t word);

/* The caller's lock, if the tree takes none. */
void play_lock_outside(struct play *play);
void play_unlock_outside(struct play *play);
/* For functions that take no lock. */
void play_lock(struct play *play);
void play_unlock(struct play *play);
void play_lock_both(struct play *play, struct maple_tree *other);
void play_unlock_both(struct play *play, struct maple_tree *other);

/* ---- states, play_states.c: what a look-up returns in a state, and whether one was seen ---- */

bool play_state_at(const struct oracle *state, mt_key key, struct mt_entry *range);
bool play_fits_word(const struct oracle *state, const struct seen *seen);
bool play_fits_pointer(const struct oracle *state, const struct seen *seen);
bool play_fits_range(const struct oracle *state, const struct seen *seen);
bool play_fits_entry(const struct oracle *state, const struct seen *seen);
bool play_fits_find(const struct oracle *state, const struct seen *seen);
bool play_fits_find_rev(const struct oracle *state, const struct seen *seen);
bool play_fits_mt_find(const struct oracle *state, const struct seen *seen);
bool play_fits_next(const struct oracle *state, const struct seen *seen);
bool play_fits_prev(const struct oracle *state, const struct seen *seen);
bool play_fits_step(const struct oracle *state, const struct seen *seen);
bool play_fits_tree(const struct oracle *state, const struct seen *seen);
/* The oldest state from `oldest` on that fits. */
size_t play_state_of(const struct reader *reader, size_t oldest, fits_fn fits,
		     const struct seen *seen);
/* The reader sees nothing older from now on. */
void play_check_seen(struct reader *reader, fits_fn fits, const struct seen *seen);
/* Two trees differ where their oracles do. The caller holds the locks. */
void play_check_difference(const struct maple_tree *a, const struct oracle *in_a,
			   const struct maple_tree *b, const struct oracle *in_b);
void play_duplicate(struct play *play, struct maple_tree *mt, struct maple_tree *copy);

/* ---- the threads ---- */

/* Read the writer's program, again and again, and foresee its effects: play_writer.c. */
void play_plan(struct play *play, const uint8_t *bytes, size_t size, size_t rounds);
void play_write(struct play *play);
/* Play a reader's program until the writer has ended, and once more: play_readers.c. */
void play_read(struct reader *reader);

#endif /* SAMARA_TEST_PLAY_H */
