/* SPDX-License-Identifier: MIT */
/*
 * The maple tree: an ordered map from non-overlapping closed ranges of 64-bit keys to 64-bit words.
 * maple_tree_128.h, which is made from this file, has the same for keys of 128 bits.
 *
 * Every key of 0 ... MT_KEY_MAX can be stored. A range without a value is a gap. Trees are
 * copy-on-write: two trees may share nodes (mt_fork()), and a shared node is never written. So each
 * tree behaves as if it were alone.
 *
 * Two layers of names
 *   mtree_*, mt_*  the normal interface. One call does one thing. A write takes the tree's lock
 *                  itself; a look-up needs none. In a tree made with MT_FLAGS_LOCK_EXTERN neither
 *                  does: the caller holds a lock.
 *   mas_*          the advanced interface: a cursor (struct ma_state) that keeps its place. It
 *                  never takes a lock: hold mas_lock() or the external lock around it.
 *
 * Two layers of values
 *   void *         as the kernel documents: NULL is a gap, and storing NULL erases.
 *   uint64_t       the *_word() functions: every word, 0 included, is a value. The boolean result
 *                  tells a value from a gap.
 *
 * What differs from the kernel's interface
 *   - No allocation flags: memory comes from the tree's pool (struct maple_pool).
 *   - mas_store(), mas_erase() and mtree_erase() return a status, since each may need memory. The
 *     erased entry comes back through a pointer.
 *   - maple_tree_gfp.h turns these two back: code for the kernel's functions compiles with it.
 *   - No RCU: look-ups of the normal interface run beside a writer, but cursors need the lock, or an
 *     mt_fork() of the tree that nobody else writes.
 *   - Any word can be stored. The kernel refuses words below 4096 whose low two bits are 10, and
 *     never shows its own marker for a reserved range (a zero entry). There are no such words here.
 *   - Locks are those of this header: the tree's spin lock, or with MT_FLAGS_LOCK_EXTERN any lock
 *     of the caller's. A flag for interrupts has no meaning. There is no lockdep: debug builds
 *     check as mtree_lock_nested() and struct mt_external_lock say.
 *   - The cursor's statuses are the kernel's, except ma_root: no entry is kept in the root pointer,
 *     so an entry at key 0 alone is ma_active.
 *   - Code that sets members of struct ma_state by hand: index and last may be set before
 *     mas_store(), mas_insert(), mas_preallocate() or mas_reset(), and the status to ma_start. All
 *     other members, and `node` and `offset` of the kernel's structure, are not for callers.
 *   - Writes by others do not break a cursor. The kernel asks for mas_pause(), mas_reset() or
 *     mas_set() after one. Here a cursor without it walks again.
 *
 * Errors are negative errno values: -EINVAL for a bad argument, -EEXIST if the range is occupied,
 * -ENOMEM if memory runs out, and -EBUSY if there is no room. A write also returns -EBUSY if it is
 * called from inside one of this tree's value operations. A call that fails leaves the tree exactly
 * as it was.
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

#define MT_FLAGS_ALLOC_RANGE 0x01u   /* track gaps, for empty_area and alloc */
#define MT_FLAGS_LOCK_EXTERN 0x02u   /* the caller locks; the tree never does */
#define MT_FLAGS_ALLOC_WRAPPED 0x04u /* set by the tree: a cyclic allocation took MT_KEY_MAX */
#define MT_FLAGS_LOCK_WRITERS 0x08u  /* with LOCK_EXTERN: the caller locks only writes */
#define MT_FLAGS_ATTR_MASK 0x0bu     /* what mt_attr() returns */
#define MT_FLAGS_HEIGHT_SHIFT 8u     /* the height is part of the flags, as in the kernel */
#define MT_FLAGS_HEIGHT_MASK 0x1f00u

typedef uint64_t mt_key; /* a key, or a number of keys */
#define MT_KEY_MAX UINT64_MAX

#define MT_MAX_HEIGHT 20 /* enough for 2^40 nodes, each with the fewest slots allowed */
#define MT_MAX_SLOTS 16

/* One range and its value. */
struct mt_entry {
	mt_key first;
	mt_key last;
	uint64_t word;
};

/*
 * What a tree does with its values. Any member may be NULL. Without a table, words are plain
 * numbers. The tree borrows the table: it must outlive every tree and fork that uses it.
 */
struct mt_value_ops {
	/* Take / give back one reference to words[i] for each bit i of `present`.
	 *
	 * retain() must not call into the tree. release() runs after the tree is whole again. In
	 * the mtree_*() calls it runs unlocked, and may call anything except mt_fini() of that
	 * tree. In the mas_*() calls it runs under the caller's lock, and must not take that lock.
	 * There is one exception: if mt_build() or mtree_dup() fails, release() runs locked, for
	 * the references just taken. */
	void (*retain)(void *context, const uint64_t *words, uint32_t present);
	void (*release)(void *context, const uint64_t *words, uint32_t present);
	/* Coalescing: return whether `right`, which begins right after `left`, may become one entry
	 * with it. The union keeps left's word. Stores call this, mt_build() does not. Neither
	 * equal() nor split() may write the tree (which refuses with -EBUSY), empty it, or move the
	 * cursor that stores. */
	bool (*equal)(void *context, const struct mt_entry *left, const struct mt_entry *right);
	/* Coalescing in which the union gets a word of its own; used instead of equal(). Return 1
	 * with *word, owned by the tree; 0 to keep the entries separate; or a negative errno, which
	 * the write then returns. `stored` is `left` or `right`: the one that is being stored, after
	 * it has merged with its other neighbour. The neighbour is passed whole, even if the store
	 * covers a part of it. The union is [left->first, right->last]. */
	int (*merge)(void *context, const struct mt_entry *left, const struct mt_entry *right,
		     const struct mt_entry *stored, uint64_t *word);
	/* The same for numbers that merge if they are equal: stores do it without calling merge(),
	 * which must say the same. Only if retain(), release(), equal() and split() are NULL. */
	bool merge_equal;
	/* Called if the range of a value is cut: set *piece to a word, owned by the tree, for the
	 * part [first, last] of `whole`. Return 0 or a negative errno, which the write then
	 * returns. */
	int (*split)(void *context, const struct mt_entry *whole, mt_key first, mt_key last,
		     uint64_t *piece);
	void *context;
};

struct mt_lock {
	uint32_t held; /* only lock.h and lock.c access it */
};

/* For MT_FLAGS_LOCK_EXTERN: debug builds use it to check that the caller's lock is held. */
struct mt_external_lock {
	bool (*is_held)(void *context);
	void *context;
};

/*
 * A tree. It owns its nodes (shared ones by reference count) and one reference to its pool.
 * Initialise it with mt_init*() or MTREE_INIT. The members are private.
 */
struct maple_tree {
	struct maple_node *ma_root; /* NULL: empty */
	uint32_t ma_flags;
	uint32_t ma_sequence;       /* odd while the tree's shape changes; look-ups compare it */
	struct maple_pool *ma_pool; /* NULL: the process's default pool */
	const struct mt_value_ops *ma_ops;
	const struct mt_external_lock *ma_external_lock;
	/* Each write changes what follows. Look-ups read what is above: it is in another cache line. */
	uint64_t ma_apart[4];
	uint64_t ma_generation; /* increases with each write; cursors compare it */
	/* If ma_counted: the number of ranges, and of keys with a value (low part and carry). */
	uint64_t ma_entries;
	mt_key ma_covered[2];
	bool ma_counted;
	bool ma_shared;    /* some node may be shared: false until the first fork */
	bool ma_busy;      /* a value operation is running inside a write */
	uint32_t ma_forks; /* how many times it has been forked; only compared */
	struct mt_lock ma_lock;
};

/* A tree at compile time. MTREE_INIT_EXT: one with MT_FLAGS_LOCK_EXTERN, and a struct
 * mt_external_lock. */
#define MTREE_INIT(name, flags)                                                                    \
	{                                                                                          \
		.ma_flags = (flags)&MT_FLAGS_ATTR_MASK, .ma_generation = 1, .ma_counted = true     \
	}
#define MTREE_INIT_EXT(name, flags, lock)                                                          \
	{                                                                                          \
		.ma_flags = ((flags) | MT_FLAGS_LOCK_EXTERN) & MT_FLAGS_ATTR_MASK,                 \
		.ma_external_lock = &(lock), .ma_generation = 1, .ma_counted = true                \
	}
#define DEFINE_MTREE(name) struct maple_tree name = MTREE_INIT(name, 0)

/* Initialise an empty tree over the default pool. O(1). */
MT_API void mt_init(struct maple_tree *mt);
MT_API void mt_init_flags(struct maple_tree *mt, uint32_t flags);
/* The same over `pool` with value operations `ops`. The tree takes a reference to the pool; NULL is
 * the default pool. It borrows `ops`, which may be NULL. */
MT_API void mt_init_pool(struct maple_tree *mt, uint32_t flags, struct maple_pool *pool,
			 const struct mt_value_ops *ops);

/* The attributes: the flags without the height. */
MT_API uint32_t mt_attr(const struct maple_tree *mt);
/* The height: 0 for an empty tree, 1 for a single leaf. */
MT_API uint32_t mt_height(const struct maple_tree *mt);
MT_API bool mtree_empty(const struct maple_tree *mt);
/* The lock of a tree with MT_FLAGS_LOCK_EXTERN. The tree borrows it. NULL: not checked. */
MT_API void mt_set_external_lock(struct maple_tree *mt, const struct mt_external_lock *lock);
/* Say that no lock protects this tree, which only its owner can reach. */
#define mt_on_stack(mt) ((mt).ma_external_lock = NULL)

/* The number of ranges, and the number of keys with a value. That number has one bit more than a
 * key: *high is 1 only if all keys have a value, and then *low is 0. O(1), but O(n) once after a
 * write that dropped nodes another tree still uses. Takes no lock. */
MT_API uint64_t mt_entries(struct maple_tree *mt);
MT_API void mt_covered(struct maple_tree *mt, mt_key *low, mt_key *high);
/* The number of ranges if it is known: false after such a write. O(1). Takes no lock. */
MT_API bool mt_entries_known(const struct maple_tree *mt, uint64_t *entries);
/* The number of nodes that the tree reaches, shared ones included. O(number of internal nodes). */
MT_API size_t mt_node_count(const struct maple_tree *mt);
#define MT_NODE_BYTES 256

/* ---- pools ---------------------------------------------------------------------------------- */

/* Where a pool gets its memory. alloc() returns `size` bytes aligned to `align`, or NULL. */
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

/* Create a pool with one reference. If `allocator` is NULL it uses the C library. Returns 0 or
 * -ENOMEM. Pools are thread-safe. */
MT_API int mt_pool_create(struct maple_pool **out, const struct mt_allocator *allocator);
/* Make a pool work without its own lock and without atomic reference counts. From now on the caller
 * must serialise all calls that write, fork, copy or end trees of this pool, as the GIL does.
 * Look-ups may still run at the same time as each other, and as writers of other trees, but not
 * beside a writer of the same tree. Call this before the pool has trees. */
MT_API void mt_pool_serial(struct maple_pool *pool);
/* Between these two a serial pool works as others do. So a caller that has called the first may write
 * a tree of its own, even one that shares nodes, without what serialises the others. Both calls are
 * serialised themselves. They can nest, in any number of threads. */
MT_API void mt_pool_begin_parallel(struct maple_pool *pool);
MT_API void mt_pool_end_parallel(struct maple_pool *pool);
/* Keep all others out of the pool while a process with several threads forks: lock it before. Returns
 * false for a pool that is serial at that moment, which has no lock. Otherwise unlock it after, in the
 * parent and the child. In the child of a serial pool, call mt_pool_serial()
 * again after that. What threads that did not survive were writing stays allocated there. */
MT_API bool mt_pool_lock(struct maple_pool *pool);
MT_API void mt_pool_unlock(struct maple_pool *pool);
MT_API void mt_pool_get(struct maple_pool *pool);
MT_API void mt_pool_put(struct maple_pool *pool); /* the last reference frees it */
MT_API void mt_pool_stats(struct maple_pool *pool, struct mt_pool_stats *stats); /* NULL: default */
/* Make the n-th node allocation from now fail, once. A bulk allocation fails as a whole. 0:
 * never. */
MT_API void mt_pool_fail_nth(struct maple_pool *pool, uint64_t n);
/* Return chunks without a node in use to the allocator. A pool that is not serial does so only here
 * and at its end. Not while a look-up of a tree of this pool runs beside a writer of that tree: it
 * may still read memory that the writer has given back. */
MT_API void mt_pool_trim(struct maple_pool *pool);

/* ---- locks ---------------------------------------------------------------------------------- */

/* Take / release the tree's own lock: a spin lock, not re-entrant. No effect on trees with
 * MT_FLAGS_LOCK_EXTERN.
 * With glibc 2.32 or newer, a process that has one thread takes and releases it without an atomic
 * operation. */
MT_API void mtree_lock(struct maple_tree *mt);
MT_API void mtree_unlock(struct maple_tree *mt);
/* Take a second tree's lock while one is held. `subclass` > 0 tells debug builds that the order is
 * intended. Without it they report a second lock of the same class. */
MT_API void mtree_lock_nested(struct maple_tree *mt, int subclass);
#define MT_LOCK_NESTED 1 /* the subclass that duplication uses */
/* Set what debug builds call if the lock rules are broken. By default they print to stderr. */
MT_API void mt_set_lock_report(void (*report)(const char *message));

/* ---- normal interface: look-ups. O(h). Values are borrowed. ----------------------------------- */

/* They take no lock, and write nothing that another thread reads. A look-up beside a writer of the
 * same tree returns what was there at some moment of the call: it tries again if the nodes that it
 * reads have changed meanwhile. It never waits for a value operation, nor for a thread that holds the
 * lock; only, by trying again, for one that has lost its processor between two steps of a change.
 * Whether the value is still alive is for the caller to know: a writer may release it at any time.
 */

MT_API void *mtree_load(struct maple_tree *mt, mt_key index);
MT_API bool mtree_load_word(struct maple_tree *mt, mt_key index, uint64_t *word);
/* Look up the whole range around index. True for an entry. False for a gap, whose ends are in
 * out->first and out->last. */
MT_API bool mtree_lookup(struct maple_tree *mt, mt_key index, struct mt_entry *out);
/* The first entry that ends at or above *index, up to max. Sets *index to the entry's last + 1,
 * which is 0 after the last key. mt_find_after() continues such a search: it stops if *index has
 * wrapped to 0. */
MT_API void *mt_find(struct maple_tree *mt, mt_key *index, mt_key max);
MT_API void *mt_find_after(struct maple_tree *mt, mt_key *index, mt_key max);
/* The entry after / before the entry (or gap) at index, no further than max / min. */
MT_API void *mt_next(struct maple_tree *mt, mt_key index, mt_key max);
MT_API void *mt_prev(struct maple_tree *mt, mt_key index, mt_key min);
/* Look up, and take a reference to the value, which a writer may release at any time. take() gets a word
 * that was in the tree a moment ago, and says whether it got a reference. It must bear that what the word
 * refers to is gone, or has become something else. If the tree has changed by then, give() gives the
 * reference back, and the look-up tries again. Returns 1 for an entry; 0 for a gap; -EAGAIN if take()
 * refused an entry that was in the tree all the time. */
MT_API int mtree_lookup_take(struct maple_tree *mt, mt_key index, struct mt_entry *out,
			     bool (*take)(uint64_t word), void (*give)(uint64_t word));
/* The same for the word alone, which is faster. *word is 0 for a gap. */
MT_API int mtree_load_take(struct maple_tree *mt, mt_key index, uint64_t *word,
			   bool (*take)(uint64_t word), void (*give)(uint64_t word));
/* The same for any word, with the entry's whole range. mtree_find(): the first entry at or above
 * `index` that begins at or below `max`. mtree_find_rev(): the last entry at or below `index` that
 * ends at or above `min`. */
MT_API bool mtree_find(struct maple_tree *mt, mt_key index, mt_key max, struct mt_entry *out);
MT_API bool mtree_find_rev(struct maple_tree *mt, mt_key index, mt_key min, struct mt_entry *out);

/* NULL ends the loops of the void * interface, so do not use them on trees that hold the word 0. */
#define mt_for_each(mt, entry, index, max)                                                         \
	for ((entry) = mt_find((mt), &(index), (max)); (entry);                                    \
	     (entry) = mt_find_after((mt), &(index), (max)))

/* Look up many keys. For each keys[i], words[i] is its word, or `absent` if there is none, and
 * present[i] is 1 or 0. Descends for several keys at once. Takes no lock: read a fork, or hold the
 * lock. Returns how many keys are present. O(count * h). */
MT_API size_t mt_load_batch(const struct maple_tree *mt, const mt_key *keys, size_t count,
			    uint64_t absent, uint64_t *words, uint8_t *present);
/* The same beside a writer: each key by itself, as mtree_load_word() does. So the results are of
 * different moments. */
MT_API size_t mtree_load_batch(struct maple_tree *mt, const mt_key *keys, size_t count,
			       uint64_t absent, uint64_t *words, uint8_t *present);

/* ---- normal interface: writes. Each locks; O(h) plus what it drops. -------------------------- */
/* The tree takes its own reference to a stored value (ops->retain). The caller keeps its own. */

MT_API int mtree_store(struct maple_tree *mt, mt_key index, void *entry);
/* Overwrite [first, last]. What was there is split, cut or dropped. -EINVAL if first is above
 * last. */
MT_API int mtree_store_range(struct maple_tree *mt, mt_key first, mt_key last, void *entry);
MT_API int mtree_store_range_word(struct maple_tree *mt, mt_key first, mt_key last, uint64_t word);
MT_API int mtree_clear_range(struct maple_tree *mt, mt_key first, mt_key last);
/* Store, but return -EEXIST if any key of the range has a value. */
MT_API int mtree_insert(struct maple_tree *mt, mt_key index, void *entry);
MT_API int mtree_insert_range(struct maple_tree *mt, mt_key first, mt_key last, void *entry);
/* The same. On -EEXIST, *occupied is the entry that was in the way (borrowed). */
MT_API int mtree_insert_range_word(struct maple_tree *mt, mt_key first, mt_key last, uint64_t word,
				   struct mt_entry *occupied);
/* Remove the whole range around index. *erased (may be NULL) gets what was there, NULL for a gap.
 * With value operations the tree has already given up its reference, so do not dereference it. */
MT_API int mtree_erase(struct maple_tree *mt, mt_key index, void **erased);
/* Find the lowest / highest free place of `size` keys in [min, max] and store there. -EBUSY if
 * there is none. -EINVAL if size is 0 or larger than the window, if min > max, if the entry is
 * NULL, or if the tree does not track gaps. */
MT_API int mtree_alloc_range(struct maple_tree *mt, mt_key *start, void *entry, mt_key size,
			     mt_key min, mt_key max);
MT_API int mtree_alloc_rrange(struct maple_tree *mt, mt_key *start, void *entry, mt_key size,
			      mt_key min, mt_key max);
/* Find and store one free key of [low, high]: search from *next up, and then again from low. *next
 * becomes the key after it. Returns 0, or 1 if the search wrapped. After MT_KEY_MAX, *next is 0.
 * The tree remembers that, and so do its duplicates and forks: the first call from then on whose
 * search does not wrap returns 1 too. */
MT_API int mtree_alloc_cyclic(struct maple_tree *mt, mt_key *start, void *entry, mt_key low,
			      mt_key high, mt_key *next);
MT_API int mtree_alloc_cyclic_word(struct maple_tree *mt, mt_key *start, uint64_t word, mt_key low,
				   mt_key high, mt_key *next);
/* Only search, with alignment: *start is the lowest or highest place whose distance from the key
 * `zero` is a multiple of align (>= 1). With zero 0, places are multiples of align. `zero` may lie
 * above the place, or outside the window; only its remainder by align matters. Takes no lock. O(h)
 * if align is 1; otherwise O(h) for each gap of at least `size` without an aligned place. */
MT_API int mt_empty_area(const struct maple_tree *mt, mt_key min, mt_key max, mt_key size,
			 mt_key align, mt_key zero, bool reverse, mt_key *start);

/* How many keys to pass to mt_load_batch() at a time, if there are that many. Usually as many as
 * stay in a cache until their results are used. For a large tree, so many that it pays to sort them
 * by the part of the tree they lead to. Sorting takes the key and ten bytes more for each during
 * the call, if that memory is available. */
MT_API size_t mt_batch_size(const struct maple_tree *mt);

/* Fill an empty tree from n sorted, non-overlapping ranges. The nodes are full. O(n). -EINVAL if
 * the tree is not empty or if entry *bad (may be NULL) is out of order. -EAGAIN if another thread
 * changed the keys meanwhile, so that they were no longer in order. */
MT_API int mt_build(struct maple_tree *mt, const mt_key *first, const mt_key *last,
		    const uint64_t *words, size_t count, size_t *bad);
/* The reverse of mt_build(): read all entries in order into arrays of mt_entries() members each.
 * Returns how many there were. O(n). Do not write the tree meanwhile. */
MT_API size_t mt_read(const struct maple_tree *mt, mt_key *first, mt_key *last, uint64_t *words);

/* ---- numbers -------------------------------------------------------------------------------- */

/* What the words of a tree are, and what is done to them. or and and are not for doubles. A minimum
 * or maximum with a NaN is a NaN. */
enum mt_number { mt_number_unsigned, mt_number_signed, mt_number_double };
enum mt_operation { mt_op_add, mt_op_min, mt_op_max, mt_op_or, mt_op_and };

struct mt_accumulation {
	enum mt_number number;
	enum mt_operation operation;
	const mt_key *first; /* `count` ranges, in any order; they may overlap */
	const mt_key *last;
	const uint64_t *words; /* one for each range; if `same`, one for all */
	size_t count;
	bool same;
};
/* For each range, replace each word w by (w op the range's word). Entries are cut at the ends of the
 * range, and what was free gets the range's word. All of it happens, or nothing.
 *
 * -EINVAL if a range ends before it begins, for an operation that the numbers do not have, or if the
 * tree has a retain() or release(): words must be plain numbers. -ERANGE if a sum of integers does
 * not fit in the end; *bad (may be NULL) is then the first piece where it does not, with the old
 * word or 0. Sums of doubles are added in no particular order.
 *
 * One range costs O(h), and O(1) for each entry that it covers. n ranges cost O(n (log n + h)), and
 * O(1) for each entry that they cover, however they overlap. The call takes memory from the C
 * library: for many ranges about 100 bytes for each, and 50 for each entry. In a tree that cuts or
 * coalesces its values (split(), equal(), merge()) n ranges cost as much as n calls. Such a range
 * is first erased, and its pieces are then stored from the first to the last. */
MT_API int mtree_accumulate(struct maple_tree *mt, const struct mt_accumulation *what,
			    struct mt_entry *bad);

/* ---- whole trees ---------------------------------------------------------------------------- */

/* Make a full private copy, as __mt_dup() of the kernel does: one depth-first pre-order pass that
 * copies nodes whole and allocates all children of a node at once. `new_tree` must be empty and
 * have equal attributes and value operations, else -EINVAL. -ENOMEM leaves it empty. O(n).
 * mtree_dup() locks both trees, the new one nested. For __mt_dup() the caller holds both locks. */
MT_API int mtree_dup(struct maple_tree *mt, struct maple_tree *new_tree);
MT_API int __mt_dup(struct maple_tree *mt, struct maple_tree *new_tree);
/* Initialise `new_tree` (uninitialised memory) as a second tree with the same contents, attributes,
 * pool and value operations. O(1), copy-on-write, no allocation, cannot fail. The caller holds mt's
 * lock. */
MT_API void mt_fork(struct maple_tree *mt, struct maple_tree *new_tree);
/* Exchange the contents of two trees, with their attributes, pools and value operations. O(1). A look-up
 * beside it in `mt` finds all of the old contents or all of the new; there must be none in `other`. The
 * caller holds both locks. */
MT_API void mt_exchange(struct maple_tree *mt, struct maple_tree *other);
/* A fork that is only read, and ends before anything else happens to the tree, or not: */
struct mt_snapshot {
	struct maple_tree tree;
	uint64_t generation; /* these three: what the tree had */
	uint32_t forks;
	bool shared;
};
/* Fork for reading. mt_snapshot_end() ends the fork. If the tree has neither been written nor forked
 * since, it then owns all its nodes again, and is written as fast as before. O(1), but ending takes
 * what mt_fini() does. The caller holds mt's lock for both. */
MT_API void mt_snapshot_begin(struct maple_tree *mt, struct mt_snapshot *snapshot);
MT_API void mt_snapshot_end(struct maple_tree *mt, struct mt_snapshot *snapshot);
/* Initialise `new_tree` with the contents of [first, last], cut at the ends. Shares nodes. O(h). On
 * error new_tree is initialised but empty, and needs mt_fini() too. The caller holds mt's lock. */
MT_API int mt_slice(struct maple_tree *mt, mt_key first, mt_key last, struct maple_tree *new_tree);
/* Drop all contents. The attributes, the pool and the value operations stay. O(nodes not shared).
 * mtree_destroy() takes the lock. Values are released after the tree is empty. */
MT_API void mtree_destroy(struct maple_tree *mt);
MT_API void __mt_destroy(struct maple_tree *mt);
/* Destroy the contents and give back the pool. Ends a tree made by mt_init_pool() or mt_fork(). */
MT_API void mt_fini(struct maple_tree *mt);

/* One stretch [first, last] over which two trees differ, and the whole ranges in which it lies. A
 * range is valid only if its flag is set; otherwise the stretch lies in a gap. */
struct mt_difference {
	mt_key first;
	mt_key last;
	struct mt_entry a;
	struct mt_entry b;
	bool a_present;
	bool b_present;
};
/* Call emit for each stretch where a and b differ, in order. Words are compared as numbers. A
 * stretch lies within one range or gap of each tree: ranges are cut at the ends of both.
 * Subtrees that both share are skipped: O(h) per difference for related trees. If emit returns
 * anything but 0, stop and return that. The caller holds both locks; emit must not write either
 * tree. mt_diff_next() below returns the same stretches one by one. */
MT_API int mt_diff(const struct maple_tree *a, const struct maple_tree *b,
		   int (*emit)(void *context, const struct mt_difference *difference),
		   void *context);

/* Call visit for the values of each leaf, for a garbage collector. mt_visit_private() visits the
 * leaves that no other tree reaches. mt_visit_shared() visits the others, each once per `pass` of
 * the pool, however many trees reach it. If visit returns anything but 0, stop and return that.
 * visit must not write any tree. Only one pass at a time per pool. */
typedef int (*mt_visit_fn)(void *context, const uint64_t *words, uint32_t present);
MT_API int mt_visit_private(const struct maple_tree *mt, mt_visit_fn visit, void *context);
MT_API uint32_t mt_visit_begin(struct maple_pool *pool);
MT_API int mt_visit_shared(const struct maple_tree *mt, uint32_t pass, mt_visit_fn visit,
			   void *context);

/* Check every invariant that can be checked on one tree. Returns 0, or -EINVAL with the reason and
 * the place in `reason`. (The right number of owners of a shared node is known only from all its
 * trees.) O(n). */
MT_API int mt_validate(const struct maple_tree *mt, char *reason, size_t size);

enum mt_dump_format { mt_dump_dec, mt_dump_hex };
/* Print the tree, one line for each node or slot, to stdout or through `write`. */
MT_API void mt_dump(const struct maple_tree *mt, enum mt_dump_format format);
MT_API void mt_dump_to(const struct maple_tree *mt, enum mt_dump_format format,
		       void (*write)(void *context, const char *text, size_t length),
		       void *context);

/* ---- advanced interface: the cursor --------------------------------------------------------- */

enum maple_status {
	ma_active,    /* stands on [index, last]: an entry, a gap, or a part of a gap */
	ma_overflow,  /* the last step forwards met its max */
	ma_underflow, /* the last step backwards met its min */
	ma_none,      /* looked up, and the tree is empty */
	ma_start,     /* set, not walked: the next step begins with a walk to index */
	ma_pause,     /* the next step walks again, and continues after [index, last] */
	ma_error,     /* the call failed; the next step begins with a walk to index */
};

struct ma_level {
	struct maple_node *node;
	mt_key min;
	mt_key max;
	uint32_t slot;
};

/*
 * A cursor: a place [index, last] in one tree, a status, and the path to the place. It borrows the
 * tree. It is cheap to make: the path is not initialised.
 *
 * A step begins at the place, as the status says. Something else may have written to the tree since
 * the cursor's last step or write. Unless the status is start, pause or error, the step then first
 * makes the range around `index`, as it is now, the place. So a cursor never follows a freed node.
 */
struct ma_state {
	struct maple_tree *tree;
	mt_key index; /* the range it stands on, or is set to */
	mt_key last;
	uint64_t word; /* the value on [index, last], if present */
	bool present;
	enum maple_status status;
	uint32_t depth;             /* levels in path */
	uint32_t reserved;          /* nodes in reserve */
	uint64_t generation;        /* the tree's when the path was walked; 0: no path */
	uint64_t seen;              /* the tree's at the last step or write of this cursor */
	struct maple_node *reserve; /* from mas_preallocate() */
	struct ma_level path[MT_MAX_HEIGHT];
};

#define MA_STATE(name, mt, first, end)                                                             \
	struct ma_state name;                                                                      \
	mas_init(&name, mt, first);                                                                \
	name.last = (end)

/* Whether the cursor stands on a range of the tree. */
static inline bool mas_is_active(const struct ma_state *mas)
{
	return mas->status == ma_active;
}

/* Whether the last call failed. */
static inline bool mas_is_err(const struct ma_state *mas)
{
	return mas->status == ma_error;
}

MT_API void mas_init(struct ma_state *mas, struct maple_tree *mt, mt_key index);
MT_API void mas_set(struct ma_state *mas, mt_key index);
MT_API void mas_set_range(struct ma_state *mas, mt_key first, mt_key last);
/* Make [first, last], a part of the range that the cursor stands on, its place, and change nothing
 * else: for a store over that part, which then needs no walk. */
MT_API void __mas_set_range(struct ma_state *mas, mt_key first, mt_key last);
/* Keep the place, not walked: the next step begins with a walk to index. */
MT_API void mas_reset(struct ma_state *mas);
/* Pause a walk. Afterwards the lock may be dropped. mas_find() then continues after last, and
 * mas_find_rev() before index. */
MT_API void mas_pause(struct ma_state *mas);
/* Give back what mas_preallocate() reserved. Call it before the tree's mt_fini(). */
MT_API void mas_destroy(struct ma_state *mas);
MT_API void mas_lock(struct ma_state *mas);
MT_API void mas_lock_nested(struct ma_state *mas, int subclass);
MT_API void mas_unlock(struct ma_state *mas);

/* Steps return the value where they stop, NULL for a gap or for nothing. index, last, word and
 * present say more. They follow the rules of the kernel's cursor. O(h); O(1) amortised for a run of
 * steps. */
/* To the range around index, whatever the status. In an empty tree: none, on [0, MT_KEY_MAX]. */
MT_API void *mas_walk(struct ma_state *mas);
MT_API void *mas_load(struct ma_state *mas);
/* Move to the next / previous entry (the _range functions: or gap) that begins at or below max /
 * ends at or above min. What lies at index itself is not the answer, with one exception below. If
 * last >= max / index <= min, nothing moves. If the limit is met later, the cursor stays on the
 * last range that it looked at. Either way the status becomes overflow / underflow. A step in the
 * other direction then turns round: it begins with the entry that the cursor is on. */
MT_API void *mas_next(struct ma_state *mas, mt_key max);
MT_API void *mas_next_range(struct ma_state *mas, mt_key max);
MT_API void *mas_prev(struct ma_state *mas, mt_key min);
MT_API void *mas_prev_range(struct ma_state *mas, mt_key min);
/* Find the next entry (the _range functions: or gap). The first call after mas_set() looks at index
 * itself: an entry there is the answer, a gap is not. Later calls continue from there. If the limit
 * is met, mas_find() stays active, so that a later call with a larger max goes on;
 * mas_find_range() ends with overflow, the other two with underflow. */
MT_API void *mas_find(struct ma_state *mas, mt_key max);
MT_API void *mas_find_range(struct ma_state *mas, mt_key max);
MT_API void *mas_find_rev(struct ma_state *mas, mt_key min);
MT_API void *mas_find_range_rev(struct ma_state *mas, mt_key min);

#define mas_for_each(mas, entry, max) while (((entry) = mas_find((mas), (max))) != NULL)
#define mas_for_each_rev(mas, entry, min) while (((entry) = mas_find_rev((mas), (min))) != NULL)

/* The same steps for any word. They return whether they found something: an entry, or with `gaps`
 * possibly a gap (see `present`). */
MT_API bool mas_walk_word(struct ma_state *mas); /* true for an entry */
MT_API bool mas_next_word(struct ma_state *mas, mt_key max, bool gaps);
MT_API bool mas_prev_word(struct ma_state *mas, mt_key min, bool gaps);
MT_API bool mas_find_word(struct ma_state *mas, mt_key max, bool gaps);
MT_API bool mas_find_rev_word(struct ma_state *mas, mt_key min, bool gaps);

/* The same for a caller who does not hold the lock, in a tree whose writers do (as for mtree_load()). They
 * never wait for a writer. Each shows one moment of the tree. It first makes the range around index its
 * place, as if something had been written since the last step. The word is borrowed: a writer may release
 * it. O(h) each. A cursor still belongs to one thread at a time, which may mix these with other calls. */
MT_API bool mas_walk_unlocked(struct ma_state *mas);
MT_API bool mas_next_unlocked(struct ma_state *mas, mt_key max, bool gaps);
MT_API bool mas_prev_unlocked(struct ma_state *mas, mt_key min, bool gaps);
MT_API bool mas_find_unlocked(struct ma_state *mas, mt_key max, bool gaps);
MT_API bool mas_find_rev_unlocked(struct ma_state *mas, mt_key min, bool gaps);

/* If a write through a cursor fails, index and last stay, and the status becomes ma_error. The next
 * step begins with a walk to index. Values are released before these return, under the caller's
 * lock. */
/* Store over [index, last], whatever the status; NULL erases. The cursor then stands on exactly
 * [index, last], or after erasing on the whole gap. If the tree is empty after erasing: none. */
MT_API int mas_store(struct ma_state *mas, void *entry);
MT_API int mas_store_word(struct ma_state *mas, uint64_t word);
/* Store without coalescing: equal() and merge() are not called. */
MT_API int mas_store_apart_word(struct ma_state *mas, uint64_t word);
/* The same if the cursor stands on exactly one entry, whose nodes no other tree shares: one word
 * changes, in O(1), and the only value operations called are retain() and release(). Otherwise
 * returns false and does nothing. */
MT_API bool mas_replace_word(struct ma_state *mas, uint64_t word);
MT_API int mas_clear(struct ma_state *mas);
/* Store, but return -EEXIST if any key of [index, last] has a value. */
MT_API int mas_insert(struct ma_state *mas, void *entry);
/* Erase the whole range around index; *erased (may be NULL) is as in mtree_erase(). The cursor then
 * stands on the whole gap. If the tree is empty: none. */
MT_API int mas_erase(struct ma_state *mas, void **erased);
/* Reserve as many nodes as a store over [index, last] can need, so that mas_store_prealloc() cannot
 * run out of memory. Nothing may write the tree in between. -EINVAL if index > last. The store, or
 * mas_destroy(), gives back what is left. The store can fail only if a split() does. */
MT_API int mas_preallocate(struct ma_state *mas, void *entry);
MT_API int mas_store_prealloc(struct ma_state *mas, void *entry);
/* Set index and last to the lowest / highest free place of `size` keys in [min, max]. The cursor
 * then stands on that part of a gap, for a store. Errors as for mtree_alloc_range(): -EINVAL
 * changes nothing, -EBUSY sets ma_error. */
MT_API int mas_empty_area(struct ma_state *mas, mt_key min, mt_key max, mt_key size);
MT_API int mas_empty_area_rev(struct ma_state *mas, mt_key min, mt_key max, mt_key size);
/* mtree_alloc_cyclic() at a cursor, which then stands on the key that was taken. If it fails, index
 * and last stay. */
MT_API int mas_alloc_cyclic(struct ma_state *mas, mt_key *start, void *entry, mt_key low,
			    mt_key high, mt_key *next);

/* ---- two trees ------------------------------------------------------------------------------- */

/* When the words of two ranges are the same value. Where they are not, a stretch counts as
 * different, for the caller to compare. */
enum mt_diff_words {
	mt_diff_equal,    /* if they are equal */
	mt_diff_in_place, /* if they are equal and the ranges have the same ends: a value depends on
			   * where its range begins, as with a split() that changes it */
	mt_diff_apart,    /* never: the trees have words of different kinds */
};

/* A walk over two trees side by side. It borrows both, allocates nothing and needs no end. Nothing
 * may write either tree meanwhile: walk over forks if anything might. The members are private. */
struct mt_diff_side {
	struct maple_node *root;
	uint32_t height;
	uint32_t depth; /* levels in path */
	mt_key first;   /* what it stands on: a subtree, a range or a gap */
	mt_key last;
	struct ma_level path[MT_MAX_HEIGHT];
};
struct mt_diff_walk {
	struct mt_diff_side a;
	struct mt_diff_side b;
	mt_key key; /* how far it has come */
	enum mt_diff_words words;
	bool done;
};

/* Begin a walk. The caller holds both locks until it ends. O(1). */
MT_API void mt_diff_begin(struct mt_diff_walk *walk, const struct maple_tree *a,
			  const struct maple_tree *b, enum mt_diff_words words);
/* The next stretch where the trees differ, as for mt_diff(). False after the last. */
MT_API bool mt_diff_next(struct mt_diff_walk *walk, struct mt_difference *out);
/* The same, for a caller who wants to do something else meanwhile: 1. 0 after the last; -EAGAIN after
 * `most` stretches that do not differ. The next call goes on from there. */
MT_API int mt_diff_next_within(struct mt_diff_walk *walk, uint64_t most, struct mt_difference *out);
/* The next range that both trees have with the same ends, but with different words: 1. 0 after the
 * last. -EINVAL as soon as a range of either tree is not one of the other, with the same ends. If a
 * walk of these calls comes to 0 without any 1, both trees are the same. Subtrees that both share
 * are skipped. */
MT_API int mt_diff_next_word(struct mt_diff_walk *walk, struct mt_difference *out);

/* Initialise `new_tree` (uninitialised memory) as a fork of `a`, changed as below. It shares nodes
 * with `a`. O(h) for each difference of related trees; for others O(ranges of both), and O(h) for
 * each write. Values are cut, merged and counted as by any store. On error new_tree is initialised
 * but empty, and needs mt_fini() too. The caller holds the locks of both. Nothing may write `a` or
 * `b` meanwhile: pass forks if a value operation might.
 *
 * mt_union() stores each range of `b` in order, except those that `a` has with the same ends and
 * the same word. mt_intersect() keeps what both cover, with a's words; mt_subtract() what
 * `a` covers and `b` does not. */
MT_API int mt_union(struct maple_tree *a, const struct maple_tree *b, struct maple_tree *new_tree);
MT_API int mt_intersect(struct maple_tree *a, const struct maple_tree *b,
			struct maple_tree *new_tree);
MT_API int mt_subtract(struct maple_tree *a, const struct maple_tree *b,
		       struct maple_tree *new_tree);

/* The same in parts, for a caller who wants to do something else in between. The members are private. */
enum mt_set_operation { mt_set_union, mt_set_intersect, mt_set_subtract };
struct mt_set_walk {
	struct mt_diff_walk walk;
	struct ma_state mas;
	enum mt_set_operation operation;
	bool pending;
};

/* Begin. Nothing may write the three trees until the end, except mt_set_go_on(). O(1). */
MT_API void mt_set_begin(struct mt_set_walk *set, enum mt_set_operation operation,
			 struct maple_tree *a, const struct maple_tree *b,
			 struct maple_tree *new_tree);
/* Go on, over at most this many stretches (at least 1) that lie in one range or gap of each tree, or are
 * skipped. 0: `new_tree` is complete. -EAGAIN: call this again; or give up, and end `new_tree` with
 * mt_fini(). Other errors as above. */
MT_API int mt_set_go_on(struct mt_set_walk *set, uint64_t most);

#ifdef __cplusplus
}
#endif

#endif /* MAPLE_TREE_H */
