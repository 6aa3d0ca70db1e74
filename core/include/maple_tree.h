/* SPDX-License-Identifier: MIT */
/*
 * The maple tree: an ordered map from non-overlapping closed ranges of 64-bit keys to 64-bit words.
 *
 * Every key of 0 ... UINT64_MAX can be stored. A range with no value is a gap. Two trees may share
 * nodes (mt_fork()); a node that is shared is never written, so each tree behaves as if it were
 * alone.
 *
 * Two layers of names
 *   mtree_*, mt_*  the normal interface: one call does one thing and takes the tree's lock itself,
 *                  unless the tree was made with MT_FLAGS_LOCK_EXTERN: then the caller holds its
 *                  own.
 *   mas_*          the advanced interface: a cursor (struct ma_state) that keeps its place. It
 *                  never takes a lock: hold mas_lock() or the external lock around it.
 *
 * Two layers of values
 *   void *         as the kernel documents: NULL is a gap, and storing NULL erases.
 *   uint64_t       the *_word() functions: every word, 0 included, is a value; gaps are told apart
 *                  by the boolean result.
 *
 * What differs from the kernel's interface
 *   - no allocation flags: memory comes from the tree's pool (struct maple_pool);
 *   - mas_store(), mas_erase() and mtree_erase() return a status, since each may need memory; the
 *     erased entry comes back through a pointer;
 *   - no RCU: readers take the lock, or read a mt_fork() of the tree that nobody else writes.
 *
 * Errors are negative errno values: -EINVAL a bad argument, -EEXIST occupied, -EBUSY no room found
 * or (for writers) a call made from inside one of this tree's value operations, -ENOMEM no memory.
 * A call that fails leaves the tree exactly as it was.
 *
 * Costs: n is the number of ranges, h = O(log n) the height.
 */
#ifndef MAPLE_TREE_H
#define MAPLE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && !defined(_WIN32)
#define MT_API __attribute__((visibility("default")))
#else
#define MT_API
#endif

struct maple_node;
struct maple_pool;

/* ---- attributes ----------------------------------------------------------------------------- */

#define MT_FLAGS_ALLOC_RANGE 0x01u /* track gaps: empty_area and alloc work */
#define MT_FLAGS_LOCK_EXTERN 0x02u /* the caller locks; the tree never does */
#define MT_FLAGS_ATTR_MASK 0x03u   /* what mt_attr() returns */
#define MT_FLAGS_HEIGHT_SHIFT 8u   /* the height lives in the flags, as in the kernel */
#define MT_FLAGS_HEIGHT_MASK 0x1f00u

#define MT_MAX_HEIGHT 20 /* enough for 2^40 nodes, all of them as thin as an invariant allows */
#define MT_MAX_SLOTS 16

/* One range and its value. */
struct mt_entry {
	uint64_t first;
	uint64_t last;
	uint64_t word;
};

/*
 * What a tree does with its values. Any member may be NULL. Without a table, words are plain
 * numbers. The table is borrowed: it must outlive every tree and fork that uses it.
 */
struct mt_value_ops {
	/* Take / give back one reference for each i with bit i of `present` set: words[i].
	 * retain() must not call into the tree. release() runs after the tree is whole: in the
	 * mtree_*() calls unlocked, so that it may call anything but mt_fini() of that tree; in the
	 * mas_*() calls under the caller's lock, so that it must not take that. Only where
	 * mt_build() and mtree_dup() fail does it run locked, for references just taken. */
	void (*retain)(void *context, const uint64_t *words, uint32_t present);
	void (*release)(void *context, const uint64_t *words, uint32_t present);
	/* Coalescing: may `right`, which begins where `left` ends, be one entry with it? The union
	 * keeps left's word. Asked by stores, not by mt_build(). Neither this nor split() may write
	 * the tree, which refuses with -EBUSY, or empty it, or move the cursor that stores. */
	bool (*equal)(void *context, const struct mt_entry *left, const struct mt_entry *right);
	/* The same with a word of its own for the union, in place of equal(): 1 with *word, owned
	 * by the tree; 0 to stay apart; or a negative errno, which the write then returns. Here the
	 * entry beside what is stored comes whole, also where that covers a part of it; the union
	 * goes from left->first to right->last. Not asked where a cursor stores a new value for
	 * just the entry that it stands on. */
	int (*merge)(void *context, const struct mt_entry *left, const struct mt_entry *right,
		     uint64_t *word);
	/* A value whose range is cut: put into *piece a word, owned by the tree, for the part
	 * [first, last] of `whole`. 0 or a negative errno, which the write then returns. */
	int (*split)(void *context, const struct mt_entry *whole, uint64_t first, uint64_t last,
		     uint64_t *piece);
	void *context;
};

struct mt_lock {
	uint32_t held; /* used through atomic operations only */
};

/* For MT_FLAGS_LOCK_EXTERN: lets debug builds check that the caller's lock is held. */
struct mt_external_lock {
	bool (*is_held)(void *context);
	void *context;
};

/*
 * A tree. Owns its nodes (shared ones by reference count) and one reference to its pool.
 * Initialise with mt_init*() or MTREE_INIT; members are private.
 */
struct maple_tree {
	struct maple_node *ma_root; /* NULL: empty */
	uint32_t ma_flags;
	struct mt_lock ma_lock;
	struct maple_pool *ma_pool; /* NULL: the process's default pool */
	const struct mt_value_ops *ma_ops;
	const struct mt_external_lock *ma_external_lock;
	uint64_t ma_generation; /* grows with each write; cursors compare it */
	/* Where ma_counted: the number of ranges, and of keys with a value (low and high word). */
	uint64_t ma_entries;
	uint64_t ma_covered[2];
	bool ma_counted;
	bool ma_shared; /* some node may be shared: false until the first fork */
	bool ma_busy;   /* a value operation is running inside a write */
};

#define MTREE_INIT(name, flags)                                                                    \
	{                                                                                          \
		.ma_flags = (flags)&MT_FLAGS_ATTR_MASK, .ma_generation = 1, .ma_counted = true     \
	}
#define DEFINE_MTREE(name) struct maple_tree name = MTREE_INIT(name, 0)

/* An empty tree over the default pool. O(1). */
MT_API void mt_init(struct maple_tree *mt);
MT_API void mt_init_flags(struct maple_tree *mt, uint32_t flags);
/* The same over `pool` (NULL: the default pool; takes a reference) with value operations `ops`
 * (borrowed; may be NULL). */
MT_API void mt_init_pool(struct maple_tree *mt, uint32_t flags, struct maple_pool *pool,
			 const struct mt_value_ops *ops);

/* The attributes: the flags without the height. */
MT_API uint32_t mt_attr(const struct maple_tree *mt);
/* 0 for an empty tree, 1 for a single leaf. */
MT_API uint32_t mt_height(const struct maple_tree *mt);
MT_API bool mtree_empty(const struct maple_tree *mt);
MT_API void mt_set_external_lock(struct maple_tree *mt, const struct mt_external_lock *lock);

/* Number of ranges; number of keys with a value (high word set only when all 2^64 have one).
 * O(1), or O(n) once after a write dropped nodes that another tree still uses. No lock taken. */
MT_API uint64_t mt_entries(struct maple_tree *mt);
MT_API void mt_covered(struct maple_tree *mt, uint64_t *low, uint64_t *high);
/* Number of nodes the tree reaches, shared ones included. O(number of internal nodes). */
MT_API size_t mt_node_count(const struct maple_tree *mt);
#define MT_NODE_BYTES 256

/* ---- pools ---------------------------------------------------------------------------------- */

/* Where a pool gets its memory. alloc returns `size` bytes aligned to `align`, or NULL. */
struct mt_allocator {
	void *(*alloc)(void *context, size_t size, size_t align);
	void (*free)(void *context, void *memory, size_t size);
	void *context;
};

struct mt_pool_stats {
	size_t live;        /* nodes in use */
	uint64_t allocated; /* nodes ever handed out, reserves included */
	size_t bytes;       /* taken from the allocator */
};

/* A new pool with one reference; `allocator` NULL means the C library. -ENOMEM. Pools are thread
 * safe. */
MT_API int mt_pool_create(struct maple_pool **out, const struct mt_allocator *allocator);
/* From now on the caller lets no two calls run at once that write, fork, copy or end trees of this
 * pool, as under an interpreter's lock: the pool does without its own lock and without atomic
 * counts. Look-ups may run beside each other, and beside writers of other trees, as ever. Call it
 * before the pool has trees. */
MT_API void mt_pool_serial(struct maple_pool *pool);
MT_API void mt_pool_get(struct maple_pool *pool);
MT_API void mt_pool_put(struct maple_pool *pool); /* frees it with the last reference */
MT_API void mt_pool_stats(struct maple_pool *pool, struct mt_pool_stats *stats); /* NULL: default */
/* Make the n-th node allocation from now fail, once (a bulk allocation fails whole). 0: never. */
MT_API void mt_pool_fail_nth(struct maple_pool *pool, uint64_t n);
/* Give chunks with no node in use back to the allocator. */
MT_API void mt_pool_trim(struct maple_pool *pool);

/* ---- locks ---------------------------------------------------------------------------------- */

/* The tree's own lock (a spin lock, not re-entrant). No effect on MT_FLAGS_LOCK_EXTERN trees. */
MT_API void mtree_lock(struct maple_tree *mt);
MT_API void mtree_unlock(struct maple_tree *mt);
/* Take a second tree's lock while one is held. `subclass` > 0 tells debug builds that the order is
 * meant; without it they report a second lock of the same class. */
MT_API void mtree_lock_nested(struct maple_tree *mt, int subclass);
#define MT_LOCK_NESTED 1 /* the subclass that duplication uses */
/* Debug builds call this instead of printing to stderr when the lock rules are broken. */
MT_API void mt_set_lock_report(void (*report)(const char *message));

/* ---- normal interface: look-ups. Each locks; O(h). Values are borrowed. ---------------------- */

MT_API void *mtree_load(struct maple_tree *mt, uint64_t index);
MT_API bool mtree_load_word(struct maple_tree *mt, uint64_t index, uint64_t *word);
/* The whole range around index: true for an entry; false for a gap, with its ends in out->first
 * and out->last. */
MT_API bool mtree_lookup(struct maple_tree *mt, uint64_t index, struct mt_entry *out);
/* The first entry that reaches *index or lies above it, up to max; *index becomes its last + 1
 * (0 where that wraps). mt_find_after() is for going on: it stops at a wrapped *index of 0. */
MT_API void *mt_find(struct maple_tree *mt, uint64_t *index, uint64_t max);
MT_API void *mt_find_after(struct maple_tree *mt, uint64_t *index, uint64_t max);
/* The entry after / before the one (or the gap) at index, no further than max / min. */
MT_API void *mt_next(struct maple_tree *mt, uint64_t index, uint64_t max);
MT_API void *mt_prev(struct maple_tree *mt, uint64_t index, uint64_t min);
/* The same for any word, with the entry's whole range: first entry at or above `index` that begins
 * at or below `max`; last entry at or below `index` that ends at or above `min`. */
MT_API bool mtree_find(struct maple_tree *mt, uint64_t index, uint64_t max, struct mt_entry *out);
MT_API bool mtree_find_rev(struct maple_tree *mt, uint64_t index, uint64_t min,
			   struct mt_entry *out);

/* NULL ends the loops of the void * interface, so they are not for trees that hold the word 0. */
#define mt_for_each(mt, entry, index, max)                                                         \
	for ((entry) = mt_find((mt), &(index), (max)); (entry);                                    \
	     (entry) = mt_find_after((mt), &(index), (max)))

/* Many look-ups: words[i], `absent` where there is none, and, in present[i], 0 or 1, for each
 * keys[i]. Descends several keys at once. Takes no lock: read a fork, or hold the lock. Returns how
 * many are present. O(count * h). */
MT_API size_t mt_load_batch(const struct maple_tree *mt, const uint64_t *keys, size_t count,
			    uint64_t absent, uint64_t *words, uint8_t *present);

/* ---- normal interface: writes. Each locks; O(h) plus what it drops. -------------------------- */
/* The tree takes its own reference to a stored value (ops->retain); the caller's stays the
 * caller's. */

MT_API int mtree_store(struct maple_tree *mt, uint64_t index, void *entry);
/* Overwrite [first, last]; what lies under it is split, cut or dropped. -EINVAL if first is
 * above last. */
MT_API int mtree_store_range(struct maple_tree *mt, uint64_t first, uint64_t last, void *entry);
MT_API int mtree_store_range_word(struct maple_tree *mt, uint64_t first, uint64_t last,
				  uint64_t word);
MT_API int mtree_clear_range(struct maple_tree *mt, uint64_t first, uint64_t last);
/* As store, but -EEXIST if any key of the range has a value. */
MT_API int mtree_insert(struct maple_tree *mt, uint64_t index, void *entry);
MT_API int mtree_insert_range(struct maple_tree *mt, uint64_t first, uint64_t last, void *entry);
/* With the entry that was in the way (borrowed) in *occupied on -EEXIST. */
MT_API int mtree_insert_range_word(struct maple_tree *mt, uint64_t first, uint64_t last,
				   uint64_t word, struct mt_entry *occupied);
/* Remove the whole range around index. *erased (may be NULL) gets what was there, NULL for a gap;
 * with value operations it is the tree's reference that has ended, so do not follow it. */
MT_API int mtree_erase(struct maple_tree *mt, uint64_t index, void **erased);
/* Find the lowest / highest free place of `size` keys in [min, max] and store there. -EBUSY: no
 * such place. -EINVAL: size 0, larger than the window, min > max, a NULL entry, or a tree that
 * tracks no gaps. */
MT_API int mtree_alloc_range(struct maple_tree *mt, uint64_t *start, void *entry, uint64_t size,
			     uint64_t min, uint64_t max);
MT_API int mtree_alloc_rrange(struct maple_tree *mt, uint64_t *start, void *entry, uint64_t size,
			      uint64_t min, uint64_t max);
/* One free key of [low, high], from *next on and then again from low. *next becomes the key after
 * it. 0, or 1 where the search wrapped. */
MT_API int mtree_alloc_cyclic(struct maple_tree *mt, uint64_t *start, void *entry, uint64_t low,
			      uint64_t high, uint64_t *next);
/* The search alone, with alignment: *start a multiple of align (>= 1), lowest or highest. No lock.
 * O(h) with align 1; else O(h) for each gap of at least `size` that has no aligned place. */
MT_API int mt_empty_area(const struct maple_tree *mt, uint64_t min, uint64_t max, uint64_t size,
			 uint64_t align, bool reverse, uint64_t *start);

/* How many keys mt_load_batch() had best be given at a time, where there are so many: as many as
 * stay in a cache until their answers are used; or, of a large tree, so many that it pays to sort
 * them by where they lead to. That takes 18 bytes a key for the time of the call, if they can be
 * had. */
MT_API size_t mt_batch_size(const struct maple_tree *mt);

/* Fill an empty tree from n sorted, non-overlapping ranges: full nodes, O(n). -EINVAL where the
 * tree is not empty or entry *bad (may be NULL) is out of order. */
MT_API int mt_build(struct maple_tree *mt, const uint64_t *first, const uint64_t *last,
		    const uint64_t *words, size_t count, size_t *bad);
/* The way back: all entries in order into arrays of mt_entries() members each. Returns how many
 * there were. O(n); the tree must not be written meanwhile. */
MT_API size_t mt_read(const struct maple_tree *mt, uint64_t *first, uint64_t *last,
		      uint64_t *words);

/* ---- whole trees ---------------------------------------------------------------------------- */

/* A full private copy (the seed): one depth-first pre-order pass, nodes copied whole, all children
 * of a node allocated at once. `new_tree` must be empty and have equal attributes and value
 * operations, else -EINVAL. -ENOMEM leaves it empty. O(n). mtree_dup() locks both trees, the new
 * one nested; for __mt_dup() the caller holds both. */
MT_API int mtree_dup(struct maple_tree *mt, struct maple_tree *new_tree);
MT_API int __mt_dup(struct maple_tree *mt, struct maple_tree *new_tree);
/* Initialise `new_tree` (uninitialised memory) as a second tree with the same contents, attributes,
 * pool and value operations: O(1), no allocation, cannot fail. The caller holds mt's lock. */
MT_API void mt_fork(struct maple_tree *mt, struct maple_tree *new_tree);
/* Initialise `new_tree` as what lies in [first, last], cut at the ends; shares nodes. O(h). On
 * error new_tree is initialised, but empty: it too ends with mt_fini(). The caller holds mt's
 * lock. */
MT_API int mt_slice(struct maple_tree *mt, uint64_t first, uint64_t last,
		    struct maple_tree *new_tree);
/* Drop all contents; the attributes, the pool and the value operations stay. O(nodes not shared).
 * mtree_destroy() locks; values are released after the tree is empty. */
MT_API void mtree_destroy(struct maple_tree *mt);
MT_API void __mt_destroy(struct maple_tree *mt);
/* __mt_destroy() and give back the pool: the end of a tree made by mt_init_pool() or mt_fork(). */
MT_API void mt_fini(struct maple_tree *mt);

/* One stretch [first, last] over which two trees differ; a word counts where its flag is set. */
struct mt_difference {
	uint64_t first;
	uint64_t last;
	uint64_t a_word;
	uint64_t b_word;
	bool a_present;
	bool b_present;
};
/* Call emit for each stretch where a and b differ, in order; words are compared as numbers.
 * Subtrees that both share are skipped: O(h) per difference for relatives. Stops early and returns
 * emit's result where that is not 0. The caller holds both locks; emit must not write either
 * tree. */
MT_API int mt_diff(const struct maple_tree *a, const struct maple_tree *b,
		   int (*emit)(void *context, const struct mt_difference *difference),
		   void *context);

/* Call visit for each leaf's values. _private: leaves that no other tree reaches. _shared: the
 * others, each once per `pass` of the pool however many trees reach it. What a garbage collector
 * needs. Stops at a result other than 0 and returns it. visit must not write any tree. One pass at
 * a time per pool. */
typedef int (*mt_visit_fn)(void *context, const uint64_t *words, uint32_t present);
MT_API int mt_visit_private(const struct maple_tree *mt, mt_visit_fn visit, void *context);
MT_API uint32_t mt_visit_begin(struct maple_pool *pool);
MT_API int mt_visit_shared(const struct maple_tree *mt, uint32_t pass, mt_visit_fn visit,
			   void *context);

/* Check every invariant that one tree can show: 0, or -EINVAL with the reason, and where, in
 * `reason`. (How many owners a shared node should have, only all of them together show.) O(n). */
MT_API int mt_validate(const struct maple_tree *mt, char *reason, size_t size);

enum mt_dump_format { mt_dump_dec, mt_dump_hex };
/* Print the tree, one line for a node or a slot, to stdout or through `write`. */
MT_API void mt_dump(const struct maple_tree *mt, enum mt_dump_format format);
MT_API void mt_dump_to(const struct maple_tree *mt, enum mt_dump_format format,
		       void (*write)(void *context, const char *text, size_t length),
		       void *context);

/* ---- advanced interface: the cursor --------------------------------------------------------- */

enum maple_status {
	ma_start,     /* at index, not walked */
	ma_active,    /* stands on [index, last]: an entry or a gap */
	ma_pause,     /* goes on behind [index, last] */
	ma_none,      /* nothing found */
	ma_overflow,  /* the search met its upper limit; index and last as before it */
	ma_underflow, /* the search met its lower limit; index and last as before it */
};

struct ma_level {
	struct maple_node *node;
	uint64_t min;
	uint64_t max;
	uint32_t slot;
};

/*
 * A cursor: a position in one tree, with the path to it. Borrows the tree. After any write that it
 * did not make itself it walks again from `index`, so it never follows a freed node. Cheap to make:
 * the path is not initialised.
 */
struct ma_state {
	struct maple_tree *tree;
	uint64_t index; /* the range it stands on, or is set to */
	uint64_t last;
	uint64_t word; /* the value on [index, last], where present */
	bool present;
	enum maple_status status;
	uint32_t depth;             /* levels in path */
	uint32_t reserved;          /* nodes in reserve */
	uint64_t generation;        /* the tree's when path was walked; 0: no path */
	struct maple_node *reserve; /* from mas_preallocate() */
	struct ma_level path[MT_MAX_HEIGHT];
};

#define MA_STATE(name, mt, first, end)                                                             \
	struct ma_state name;                                                                      \
	mas_init(&name, mt, first);                                                                \
	name.last = (end)

MT_API void mas_init(struct ma_state *mas, struct maple_tree *mt, uint64_t index);
MT_API void mas_set(struct ma_state *mas, uint64_t index);
MT_API void mas_set_range(struct ma_state *mas, uint64_t first, uint64_t last);
/* Back to index and last, not walked. */
MT_API void mas_reset(struct ma_state *mas);
/* The lock may be dropped; the next step goes on behind [index, last]. */
MT_API void mas_pause(struct ma_state *mas);
/* Give back what mas_preallocate() reserved; before the tree's mt_fini(). */
MT_API void mas_destroy(struct ma_state *mas);
MT_API void mas_lock(struct ma_state *mas);
MT_API void mas_lock_nested(struct ma_state *mas, int subclass);
MT_API void mas_unlock(struct ma_state *mas);

/* Steps return the value where they stop, NULL for a gap or for nothing; index, last, word and
 * present say more. A step that finds nothing leaves index and last alone and sets the status.
 * O(h), O(1) amortised for a run of steps. */
MT_API void *mas_walk(struct ma_state *mas); /* to the range around index */
MT_API void *mas_load(struct ma_state *mas);
/* From where it stands to the next / previous entry (the _range forms: or gap), as long as that
 * begins at or below max / ends at or above min. */
MT_API void *mas_next(struct ma_state *mas, uint64_t max);
MT_API void *mas_next_range(struct ma_state *mas, uint64_t max);
MT_API void *mas_prev(struct ma_state *mas, uint64_t min);
MT_API void *mas_prev_range(struct ma_state *mas, uint64_t min);
/* The first call after mas_set() looks at index itself; later ones go on from there. */
MT_API void *mas_find(struct ma_state *mas, uint64_t max);
MT_API void *mas_find_range(struct ma_state *mas, uint64_t max);
MT_API void *mas_find_rev(struct ma_state *mas, uint64_t min);
MT_API void *mas_find_range_rev(struct ma_state *mas, uint64_t min);

#define mas_for_each(mas, entry, max) while (((entry) = mas_find((mas), (max))) != NULL)

/* The same steps for any word: true where the cursor now stands on something (an entry; for the
 * _range forms possibly a gap, see `present`). */
MT_API bool mas_walk_word(struct ma_state *mas); /* true for an entry */
MT_API bool mas_next_word(struct ma_state *mas, uint64_t max, bool gaps);
MT_API bool mas_prev_word(struct ma_state *mas, uint64_t min, bool gaps);
MT_API bool mas_find_word(struct ma_state *mas, uint64_t max, bool gaps);
MT_API bool mas_find_rev_word(struct ma_state *mas, uint64_t min, bool gaps);

/* Store over [index, last], NULL to erase it. The cursor then stands on what it stored. Values are
 * released before these return, under the caller's lock. */
MT_API int mas_store(struct ma_state *mas, void *entry);
MT_API int mas_store_word(struct ma_state *mas, uint64_t word);
MT_API int mas_clear(struct ma_state *mas);
/* -EEXIST with index, last and word of what is in the way. */
MT_API int mas_insert(struct ma_state *mas, void *entry);
/* Erase the whole range around index; *erased (may be NULL) as in mtree_erase(). The cursor then
 * stands on [first, last] of what was erased, or of the gap that was there. */
MT_API int mas_erase(struct ma_state *mas, void **erased);
/* Reserve the most nodes that a store over [index, last] can need, so that mas_store_prealloc()
 * cannot run out of them; nothing may write the tree in between. -EINVAL where index > last. What
 * is left of it goes back with the store, or with mas_destroy(). The store fails only where a
 * split() does. */
MT_API int mas_preallocate(struct ma_state *mas, void *entry);
MT_API int mas_store_prealloc(struct ma_state *mas, void *entry);
/* Set index and last to the lowest / highest free place of `size` keys in [min, max]. Errors as
 * mtree_alloc_range(). */
MT_API int mas_empty_area(struct ma_state *mas, uint64_t min, uint64_t max, uint64_t size);
MT_API int mas_empty_area_rev(struct ma_state *mas, uint64_t min, uint64_t max, uint64_t size);

#ifdef __cplusplus
}
#endif

#endif /* MAPLE_TREE_H */
