/* SPDX-License-Identifier: MIT */
/*
 * The tree and its normal interface. Each call takes the lock, does its work through a cursor on
 * the stack, and releases what it displaced after the unlock. Owns the tree's head: attributes,
 * counts, and the reference to the pool. Public only.
 */
#include "gap.h"
#include "lock.h"
#include "search.h"
#include "subtree.h"
#include "walk.h"
#include "write.h"

#include <errno.h>

/* ---- attributes ---- */

void mt_init_pool(struct maple_tree *mt, uint32_t flags, struct maple_pool *pool,
		  const struct mt_value_ops *ops)
{
	/* As MTREE_INIT() does, but without the bytes that only keep the members apart. */
	mt->ma_root = NULL;
	mt->ma_flags = flags & MT_FLAGS_ATTR_MASK;
	mt->ma_sequence = 0;
	mt->ma_pool = pool;
	mt->ma_ops = ops;
	mt->ma_external_lock = NULL;
	mt->ma_generation = 1;
	mt->ma_entries = 0;
	mt->ma_covered[0] = mt->ma_covered[1] = 0;
	mt->ma_counted = true;
	mt->ma_shared = mt->ma_busy = false;
	mt->ma_forks = 0;
	mt->ma_lock.held = 0;
	mt_pool_get(pool);
}

void mt_init_flags(struct maple_tree *mt, uint32_t flags)
{
	mt_init_pool(mt, flags, NULL, NULL);
}

void mt_init(struct maple_tree *mt)
{
	mt_init_flags(mt, 0);
}

uint32_t mt_attr(const struct maple_tree *mt)
{
	return mt_flags(mt) & MT_FLAGS_ATTR_MASK;
}

uint32_t mt_height(const struct maple_tree *mt)
{
	return mt_tree_height(mt);
}

bool mtree_empty(const struct maple_tree *mt)
{
	return !mt->ma_root;
}

void mt_set_external_lock(struct maple_tree *mt, const struct mt_external_lock *lock)
{
	mt->ma_external_lock = lock;
}

static void count_all(struct maple_tree *mt)
{
	if (mt->ma_counted)
		return;
	assert(mt->ma_root); /* an empty tree is always counted */
	mt->ma_entries = 0;
	mt->ma_covered[0] = mt->ma_covered[1] = 0;
	mt_subtree_count(mt->ma_root, 0, MT_KEY_MAX, false, &mt->ma_entries, mt->ma_covered);
	mt->ma_counted = true;
}

uint64_t mt_entries(struct maple_tree *mt)
{
	count_all(mt);
	return mt->ma_entries;
}

bool mt_entries_known(const struct maple_tree *mt, uint64_t *entries)
{
	*entries = mt->ma_entries;
	return mt->ma_counted;
}

void mt_covered(struct maple_tree *mt, mt_key *low, mt_key *high)
{
	count_all(mt);
	*low = mt->ma_covered[0];
	*high = mt->ma_covered[1];
}

static size_t count_nodes(const struct maple_node *node, uint32_t height)
{
	size_t nodes = 1;

	if (height == 1)
		return 1;
	if (height == 2)
		return 1 + (size_t)node->count;
	for (unsigned i = 0; i < node->count; i++)
		nodes += count_nodes(mt_child(node, i), height - 1);
	return nodes;
}

size_t mt_node_count(const struct maple_tree *mt)
{
	return mt->ma_root ? count_nodes(mt->ma_root, mt_tree_height(mt)) : 0;
}

/* ---- look-ups ---- */

bool mtree_load_word(struct maple_tree *mt, mt_key index, uint64_t *word)
{
	return mt_search.load_word(mt, index, word);
}

void *mtree_load(struct maple_tree *mt, mt_key index)
{
	return mt_search.load(mt, index);
}

static void copy_entry(const struct ma_state *mas, struct mt_entry *out)
{
	out->first = mas->index;
	out->last = mas->last;
	out->word = mas->word;
}

/* A try to look something up. It is repeated until it holds. */
enum attempt { CHANGED = -1, NOT_FOUND = false, FOUND = true };

/* The leaf of a key. `reading` is NULL if nothing can write meanwhile. `steps`: keys probably follow
 * each other. */
MT_INLINE bool look(const struct maple_tree *mt, struct mt_reading *reading, mt_key key, bool steps,
		    struct ma_level *leaf)
{
	uint32_t height;

	if (reading)
		return mt_search.look(reading, key, leaf);
	height = mt_tree_height(mt);
	leaf->node = NULL;
	if (height)
		(steps ? mt_search.locate : mt_search.seek)(mt->ma_root, height, key, leaf);
	return true;
}

/* The values of a leaf. While it is being written, bits after its slots may be set. */
MT_INLINE uint32_t values(const struct maple_node *leaf)
{
	return leaf->present & mt_slot_mask(0, MT_WIDE_SLOTS);
}

MT_INLINE void read_slot(const struct ma_level *leaf, unsigned slot, struct mt_entry *out)
{
	out->first = mt_slot_min(leaf->node, slot, leaf->min);
	out->last = mt_slot_max(leaf->node, slot, leaf->max);
	out->word = leaf->node->wide.slot[slot];
}

/* The range around a key. */
MT_INLINE enum attempt try_lookup(const struct maple_tree *mt, struct mt_reading *reading,
				  mt_key index, struct mt_entry *out)
{
	struct ma_level leaf;

	if (!look(mt, reading, index, false, &leaf))
		return CHANGED;
	if (!leaf.node) {
		*out = (struct mt_entry){0, MT_KEY_MAX, 0};
		return NOT_FOUND;
	}
	read_slot(&leaf, leaf.slot, out);
	return (enum attempt)mt_slot_present(leaf.node, leaf.slot);
}

/* The first entry from the slot of a key on (`from` is -1) or after it (-2) that begins at or below
 * max. Without a cursor: a loop of mt_for_each() descends for each entry. */
MT_INLINE enum attempt try_forward(const struct maple_tree *mt, struct mt_reading *reading,
				   mt_key index, mt_key max, int from, struct mt_entry *out)
{
	struct ma_level leaf;
	uint32_t present;

	if (!look(mt, reading, index, true, &leaf))
		return CHANGED;
	if (!leaf.node)
		return NOT_FOUND;
	present = values(leaf.node) & (uint32_t)from << leaf.slot;
	if (!present) { /* every leaf has a value */
		if (leaf.max >= max)
			return NOT_FOUND;
		if (!look(mt, reading, leaf.max + 1, true, &leaf))
			return CHANGED;
		present = leaf.node ? values(leaf.node) : 0;
		if (reading && !present)
			return CHANGED;
	}
	read_slot(&leaf, (unsigned)__builtin_ctz(present), out);
	return (enum attempt)(out->first <= max);
}

/* The last entry up to the slot of a key (`below` is 1) or before it (0) that ends at or above min. */
MT_INLINE enum attempt try_backward(const struct maple_tree *mt, struct mt_reading *reading,
				    mt_key index, mt_key min, unsigned below, struct mt_entry *out)
{
	struct ma_level leaf;
	uint32_t present;

	if (!look(mt, reading, index, true, &leaf))
		return CHANGED;
	if (!leaf.node)
		return NOT_FOUND;
	present = values(leaf.node) & mt_slot_mask(0, leaf.slot + below);
	if (!present) {
		if (leaf.min <= min)
			return NOT_FOUND;
		if (!look(mt, reading, leaf.min - 1, true, &leaf))
			return CHANGED;
		present = leaf.node ? values(leaf.node) : 0;
		if (reading && !present)
			return CHANGED;
	}
	read_slot(&leaf, 31u - (unsigned)__builtin_clz(present), out);
	return (enum attempt)(out->last >= min);
}

/* Repeat a try, a call with `reading`, until nothing has changed meanwhile. */
#define REPEAT(got, mt, call)                                                                      \
	struct mt_reading state, *const reading = &state;                                          \
	unsigned tries = 0;                                                                        \
                                                                                                   \
	for (;; mt_read_wait(tries++)) {                                                           \
		mt_reading_begin(reading, mt);                                                     \
		(got) = (call);                                                                    \
		if ((got) != CHANGED && mt_reading_holds(reading))                                 \
			break;                                                                     \
	}

/* What is apart: look-ups with nobody beside them do not pay for it. */

static MT_APART bool lookup_beside(const struct maple_tree *mt, mt_key index, struct mt_entry *out)
{
	enum attempt got;

	REPEAT(got, mt, try_lookup(mt, reading, index, out));
	return got == FOUND;
}

bool mtree_lookup(struct maple_tree *mt, mt_key index, struct mt_entry *out)
{
	if (!mt_reads_alone(mt))
		return lookup_beside(mt, index, out);
	return try_lookup(mt, NULL, index, out) == FOUND;
}

int mtree_lookup_take(struct maple_tree *mt, mt_key index, struct mt_entry *out,
		      bool (*take)(uint64_t word), void (*give)(uint64_t word))
{
	struct mt_reading reading;
	enum attempt got;
	unsigned tries = 0;
	bool taken;

	for (;; mt_read_wait(tries++)) {
		mt_reading_begin(&reading, mt);
		got = try_lookup(mt, &reading, index, out);
		if (got == CHANGED || !mt_reading_holds(&reading))
			continue;
		if (got == NOT_FOUND)
			return 0;
		taken = take(out->word);
		if (mt_reading_holds(&reading))
			return taken ? 1 : -EAGAIN;
		if (taken)
			give(out->word);
	}
}

int mtree_load_take(struct maple_tree *mt, mt_key index, uint64_t *word,
		    bool (*take)(uint64_t word), void (*give)(uint64_t word))
{
	struct mt_reading reading;
	bool present, taken;

	for (unsigned tries = 0;; mt_read_wait(tries++)) {
		*word = 0;
		if (!mt_search.load_held(mt, index, word, &present, &reading))
			continue;
		if (!present)
			return 0;
		taken = take(*word);
		if (mt_reading_holds(&reading))
			return taken ? 1 : -EAGAIN;
		if (taken)
			give(*word);
	}
}

static MT_APART bool find_beside(const struct maple_tree *mt, mt_key index, mt_key max, int from,
				 struct mt_entry *out)
{
	enum attempt got;

	REPEAT(got, mt, try_forward(mt, reading, index, max, from, out));
	return got == FOUND;
}

/* Changes *out in any case. */
MT_INLINE bool find(struct maple_tree *mt, mt_key index, mt_key max, int from, struct mt_entry *out)
{
	if (!mt_reads_alone(mt))
		return find_beside(mt, index, max, from, out);
	return try_forward(mt, NULL, index, max, from, out) == FOUND;
}

static MT_APART bool find_rev_beside(const struct maple_tree *mt, mt_key index, mt_key min,
				     unsigned below, struct mt_entry *out)
{
	enum attempt got;

	REPEAT(got, mt, try_backward(mt, reading, index, min, below, out));
	return got == FOUND;
}

MT_INLINE bool find_rev(struct maple_tree *mt, mt_key index, mt_key min, unsigned below,
			struct mt_entry *out)
{
	if (!mt_reads_alone(mt))
		return find_rev_beside(mt, index, min, below, out);
	return try_backward(mt, NULL, index, min, below, out) == FOUND;
}

bool mtree_find(struct maple_tree *mt, mt_key index, mt_key max, struct mt_entry *out)
{
	struct mt_entry entry;

	if (index > max || !find(mt, index, max, -1, &entry))
		return false;
	*out = entry;
	return true;
}

bool mtree_find_rev(struct maple_tree *mt, mt_key index, mt_key min, struct mt_entry *out)
{
	struct mt_entry entry;

	if (index < min || !find_rev(mt, index, min, 1, &entry))
		return false;
	*out = entry;
	return true;
}

void *mt_find(struct maple_tree *mt, mt_key *index, mt_key max)
{
	struct mt_entry entry;

	if (*index > max || !find(mt, *index, max, -1, &entry))
		return NULL;
	*index = entry.last + 1;
	return (void *)(uintptr_t)entry.word;
}

void *mt_find_after(struct maple_tree *mt, mt_key *index, mt_key max)
{
	return *index ? mt_find(mt, index, max) : NULL;
}

void *mt_next(struct maple_tree *mt, mt_key index, mt_key max)
{
	struct mt_entry entry;

	return find(mt, index, max, -2, &entry) ? (void *)(uintptr_t)entry.word : NULL;
}

void *mt_prev(struct maple_tree *mt, mt_key index, mt_key min)
{
	struct mt_entry entry;

	return find_rev(mt, index, min, 0, &entry) ? (void *)(uintptr_t)entry.word : NULL;
}

/* ---- writes under the tree's lock ---- */

/* Unlock, and release what the write displaced. */
static int finish_write(struct maple_tree *mt, int status, struct mt_displaced *displaced)
{
	mt_tree_unlock(mt);
	if (mt_displaced_any(displaced))
		mt_release_displaced(mt_pool_of(mt), mt->ma_ops, displaced);
	return status;
}

static int locked_write(struct maple_tree *mt, mt_key first, mt_key last, uint64_t word,
			bool present)
{
	struct mt_displaced displaced;
	struct ma_state mas;

	mas_init(&mas, mt, first);
	mas.last = last;
	mt_tree_lock(mt, 0);
	return finish_write(mt, mt_write_range(&mas, word, present, &displaced), &displaced);
}

int mtree_store_range_word(struct maple_tree *mt, mt_key first, mt_key last, uint64_t word)
{
	return locked_write(mt, first, last, word, true);
}

int mtree_clear_range(struct maple_tree *mt, mt_key first, mt_key last)
{
	return locked_write(mt, first, last, 0, false);
}

int mtree_store_range(struct maple_tree *mt, mt_key first, mt_key last, void *entry)
{
	return locked_write(mt, first, last, (uint64_t)(uintptr_t)entry, entry != NULL);
}

int mtree_store(struct maple_tree *mt, mt_key index, void *entry)
{
	return mtree_store_range(mt, index, index, entry);
}

static int locked_insert(struct maple_tree *mt, mt_key first, mt_key last, uint64_t word,
			 bool present, struct mt_entry *occupied)
{
	struct mt_displaced displaced;
	struct ma_state mas;
	int status;

	mt_displaced_init(&displaced);
	mas_init(&mas, mt, first);
	mas.last = last;
	mt_tree_lock(mt, 0);
	status = mas_expect_free(&mas);
	if (status == -EEXIST && occupied)
		copy_entry(&mas, occupied);
	if (!status)
		status = mt_write_range(&mas, word, present, &displaced);
	return finish_write(mt, status, &displaced);
}

int mtree_insert_range_word(struct maple_tree *mt, mt_key first, mt_key last, uint64_t word,
			    struct mt_entry *occupied)
{
	return locked_insert(mt, first, last, word, true, occupied);
}

int mtree_insert_range(struct maple_tree *mt, mt_key first, mt_key last, void *entry)
{
	return locked_insert(mt, first, last, (uint64_t)(uintptr_t)entry, entry != NULL, NULL);
}

int mtree_insert(struct maple_tree *mt, mt_key index, void *entry)
{
	return mtree_insert_range(mt, index, index, entry);
}

int mtree_erase(struct maple_tree *mt, mt_key index, void **erased)
{
	struct mt_displaced displaced;
	struct ma_state mas;
	void *entry;
	int status;

	mas_init(&mas, mt, index);
	mt_tree_lock(mt, 0);
	entry = mas_walk(&mas);
	status = mt_write_range(&mas, 0, false, &displaced);
	status = finish_write(mt, status, &displaced);
	if (!status && erased)
		*erased = entry;
	return status;
}

static int locked_alloc(struct maple_tree *mt, mt_key *start, void *entry, mt_key size, mt_key min,
			mt_key max, bool reverse)
{
	struct mt_displaced displaced;
	struct ma_state mas;
	int status;

	if (!entry)
		return -EINVAL;
	mt_displaced_init(&displaced);
	mas_init(&mas, mt, 0);
	mt_tree_lock(mt, 0);
	status = mt_cursor_area(&mas, min, max, size, reverse);
	if (!status)
		status = mt_write_range(&mas, (uint64_t)(uintptr_t)entry, true, &displaced);
	status = finish_write(mt, status, &displaced);
	if (!status)
		*start = mas.index;
	return status;
}

int mtree_alloc_range(struct maple_tree *mt, mt_key *start, void *entry, mt_key size, mt_key min,
		      mt_key max)
{
	return locked_alloc(mt, start, entry, size, min, max, false);
}

int mtree_alloc_rrange(struct maple_tree *mt, mt_key *start, void *entry, mt_key size, mt_key min,
		       mt_key max)
{
	return locked_alloc(mt, start, entry, size, min, max, true);
}

int mtree_alloc_cyclic_word(struct maple_tree *mt, mt_key *start, uint64_t word, mt_key low,
			    mt_key high, mt_key *next)
{
	struct mt_displaced displaced;
	struct ma_state mas;
	int wrapped;
	int status;

	mt_displaced_init(&displaced);
	mas_init(&mas, mt, 0);
	mt_tree_lock(mt, 0);
	status = wrapped = mt_cyclic_area(&mas, low, high, *next);
	if (wrapped >= 0)
		status = mt_write_range(&mas, word, true, &displaced);
	if (!status) {
		*start = mas.index;
		status = mt_cyclic_taken(mt, mas.index, wrapped, next);
	}
	return finish_write(mt, status, &displaced);
}

int mtree_alloc_cyclic(struct maple_tree *mt, mt_key *start, void *entry, mt_key low, mt_key high,
		       mt_key *next)
{
	if (!entry)
		return -EINVAL;
	return mtree_alloc_cyclic_word(mt, start, (uint64_t)(uintptr_t)entry, low, high, next);
}
