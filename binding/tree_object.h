/* SPDX-License-Identifier: MIT */
/*
 * The tree as an object: its struct, its life, and what every operation on it passes through.
 *
 *        struct tree_object (without some flags)
 *        +----------+-------+-------+-------+------+--------+-------+------+--------+-----------+------+
 *        | PyObject | width | plain | dtype | kind | policy | state | lock | member | weak refs |  mt  |
 *        +----------+-------+-------+-------+------+--------+-------+------+---|----+-----------+--|---+
 *                                                                              v                   v
 *                                               family, once nodes have been shared     nodes (maple tree)
 *
 * The maple tree is last: it has one of two types, by the width of the codes. Everything before it
 * is the same for both.
 */
#ifndef SAMARA_TREE_OBJECT_H
#define SAMARA_TREE_OBJECT_H

#include "entry.h"
#include "family.h"
#include "lock.h"
#include "value_ops.h"

struct policy;

struct tree_object {
	PyObject_HEAD
	uint8_t width; /* of the codes: 64 or 128; 0: not settled, and mt has 64 */
	bool plain;    /* codes are the keys, and there is no lock and no policy */
	bool open;   /* there is no lock and no policy, and the dtype stays: see tree_value_at() */
	bool filled; /* has had contents, or __init__() */
	enum dtype dtype;
	struct kind *kind;        /* owned; stays once the width is settled */
	struct policy *policy;    /* owned; NULL: none. A policy stays once set */
	struct core_state *state; /* NULL until the maple tree is initialised */
	struct lock_object *lock; /* NULL until t.lock is first asked for */
	struct claim writer;      /* with a policy: who last entered while it was not busy */
	struct member member;
	unsigned long process; /* see section_ready() */
	PyObject *weak_references;
	struct maple_tree mt;
};

/* Those attributes of all maple trees that say who locks: the GIL, or the tree's critical section. */
#ifdef SAMARA_NO_GIL
#define TREE_LOCKS (MT_FLAGS_LOCK_EXTERN | MT_FLAGS_LOCK_WRITERS)
#else
#define TREE_LOCKS MT_FLAGS_LOCK_EXTERN
#endif

/* The attributes of the maple tree for a new tree object. */
static inline uint32_t tree_flags(bool track_gaps)
{
	return TREE_LOCKS | (track_gaps ? MT_FLAGS_ALLOC_RANGE : 0);
}

static inline bool tree_tracks_gaps(const struct tree_object *tree)
{
	return (mt_attr(&tree->mt) & MT_FLAGS_ALLOC_RANGE) != 0;
}

/* ALONE_IN() for two trees. */
#define ALONE_IN_BOTH(tree, other, ...)                                                            \
	do {                                                                                       \
		struct tree_object *other_ = (other);                                              \
                                                                                                   \
		section_ready((PyObject *)(tree), &(tree)->process);                               \
		section_ready((PyObject *)other_, &other_->process);                               \
		ALONE_WITH(tree, other_, __VA_ARGS__);                                             \
	} while (0)

/* ---- life ----------------------------------------------------------------------------------- */

/* Make an instance of `type`. The caller initialises its maple tree, then calls tree_adopt(). */
struct tree_object *tree_alloc(const struct core_state *state, PyTypeObject *type);
void tree_adopt(struct tree_object *tree, struct kind *kind);
static inline void tree_set_open(struct tree_object *tree, bool open)
{
	__atomic_store_n(&tree->open, open, __ATOMIC_RELEASE);
}

/* The tree got its kind: whether it is plain follows from that, its lock and its policy. */
static inline void tree_note_plain(struct tree_object *tree)
{
	bool open = !tree->lock && !tree->policy;

	tree->plain = tree->kind->plain && open;
	tree_set_open(tree, open);
}

/* From now on it has a lock or a policy. */
static inline void tree_not_plain(struct tree_object *tree)
{
	tree->plain = false;
	tree_set_open(tree, false);
}
/* Initialise the maple tree: empty, with the default attributes. */
void tree_start(struct tree_object *self);
/* Give the tree new contents: `mt` is moved into it. `source` is the family that `mt` shares nodes
 * with, or NULL. Runs the finalizers of the old values. */
void tree_replace(struct tree_object *self, struct maple_tree *mt, enum dtype dtype,
		  struct family *source);
/* A write of many parts, all or nothing: the parts are written to `work`, a fork, which then replaces
 * the tree if `status` is 0. In between nobody may write the tree, or it would lose what they wrote:
 * it counts as asking its policy. Call after tree_require_idle(). tree_end_work() returns
 * `status`. */
void tree_begin_work(struct tree_object *self, struct maple_tree *work);
int tree_end_work(struct tree_object *self, struct maple_tree *work, int status);
/* Whether storing in it runs no other code: a packed tree whose policy is COALESCE, or that has none. */
static inline bool tree_stores_plainly(const struct tree_object *tree)
{
	return tree->dtype != DTYPE_OBJECT && (!tree->mt.ma_ops || tree->mt.ma_ops->merge_equal);
}
/* A write of a tree that stores plainly, which may take long: `write` gets a fork, while other threads
 * run. It then replaces the tree. 0; what `write` or tree_enter() returned; or 1: the tree has been
 * entered again, but has changed meanwhile, and nothing is written. Call as tree_begin_work(). */
int tree_write_beside(struct tree_object *self,
		      int (*write)(struct maple_tree *work, const void *what), const void *what);

/* For the type's slots. */
int tree_visit(struct tree_object *self, visitproc visit, void *arg);
int tree_clear(struct tree_object *self);
/* The end of a tree that the collector no longer tracks. */
void tree_free(struct tree_object *self);

/* For a tree without a kind: it gets the default one. */
bool tree_settle_width(struct tree_object *tree);

/* Whether the codes have 128 bits. Each method asks this first. A tree without a kind gets the
 * default one, and keeps it. */
static inline bool tree_is_wide(struct tree_object *tree)
{
	uint8_t width = __atomic_load_n(&tree->width, __ATOMIC_ACQUIRE);

	if (__builtin_expect(width == 64, 1))
		return false;
	return width == 128 || tree_settle_width(tree);
}

/* ---- keys of two trees ------------------------------------------------------------------------ */

/* 0; or -1 with ValueError if the other tree has another kind of keys. Afterwards both have this
 * width. */
int tree_require_like(const struct tree_object *tree, struct tree_object *other);
/* Whether they have the same kind: 1, 0 or -1. */
int tree_is_like(const struct tree_object *tree, struct tree_object *other);

/* ---- entering ------------------------------------------------------------------------------- */

int tree_enter_guarded(struct tree_object *tree);

/* Every operation calls this after its arguments are converted. 0, or -1 with an exception. */
static inline int tree_enter(struct tree_object *tree)
{
	if (__builtin_expect(!tree->lock && !tree->policy, 1))
		return 0;
	return tree_enter_guarded(tree);
}

int tree_enter_key_slow(struct tree_object *tree, PyObject *key, mt_key *index);

/* The same with a key to look up. Returns an enum index_kind. */
static inline int tree_enter_key(struct tree_object *tree, PyObject *key, mt_key *index)
{
	uint64_t number;

	if (__builtin_expect(tree->plain && PyLong_CheckExact(key) && int_is_short(key, &number),
			     1)) {
		*index = number;
		return INDEX_IN;
	}
	return tree_enter_key_slow(tree, key, index);
}

/* The value of a key: true with an owned *value, or with NULL and an exception; false if there is none. A
 * key that no tree can hold has none. Without the GIL, readers of an open tree do not wait for each other
 * nor for a writer. Not in a critical section. */
#ifdef SAMARA_NO_GIL
bool tree_value_at(struct tree_object *tree, PyObject *key, PyObject **value);
/* The Entry around a key, in the same way. */
bool tree_entry_at(struct tree_object *tree, PyObject *key, PyObject **entry);
/* Whether a key has a value: 1, 0 or -1. */
int tree_has_value_at(struct tree_object *tree, PyObject *key);
#else
static inline bool tree_value_at(struct tree_object *tree, PyObject *key, PyObject **value)
{
	mt_key index;
	uint64_t word;
	int place = tree_enter_key(tree, key, &index);

	*value = NULL;
	if (place == INDEX_ERROR)
		return true;
	if (place != INDEX_IN || !mtree_load_word(&tree->mt, index, &word))
		return false;
	*value = word_to_value(tree->dtype, word);
	return true;
}

static inline bool tree_entry_at(struct tree_object *tree, PyObject *key, PyObject **entry)
{
	struct mt_entry at;
	mt_key index;
	int place = tree_enter_key(tree, key, &index);

	*entry = NULL;
	if (place == INDEX_ERROR)
		return true;
	if (place != INDEX_IN || !mtree_lookup(&tree->mt, index, &at))
		return false;
	*entry = entry_new(tree->kind, at.first, at.last, word_to_value(tree->dtype, at.word));
	return true;
}

static inline int tree_has_value_at(struct tree_object *tree, PyObject *key)
{
	mt_key index;
	uint64_t word;
	int place = tree_enter_key(tree, key, &index);

	if (place == INDEX_ERROR)
		return -1;
	return place == INDEX_IN && mtree_load_word(&tree->mt, index, &word);
}
#endif

/* tree_enter() with a value to store, which is converted to the tree's kind of word. */
static inline int tree_enter_value(struct tree_object *tree, PyObject *value, uint64_t *word)
{
	enum dtype dtype;

	do {
		dtype = tree->dtype;
		if (value_to_word(dtype, value, word) < 0 || tree_enter(tree) < 0)
			return -1;
	} while (__builtin_expect(tree->dtype != dtype, 0));
	return 0;
}

/* tree_enter() for operations that will share nodes: afterwards a tree of objects is in a
 * family. */
int tree_enter_family(struct tree_object *tree);
/* tree_enter() for two trees at one moment. The first will share nodes, as above. */
int tree_enter_two(struct tree_object *tree, struct tree_object *other);
/* The same for two that both will share nodes. */
int tree_enter_families(struct tree_object *tree, struct tree_object *other);
/* 0; or -1 with RuntimeError if the tree is asking its policy, and so must not lose its
 * contents. */
int tree_require_idle(const struct tree_object *tree);

/* ---- results -------------------------------------------------------------------------------- */

static inline PyObject *tree_box(const struct tree_object *tree, uint64_t word)
{
	return word_to_value(tree->dtype, word);
}

/* Make an Entry from what the core just found. The word is still borrowed. */
static inline PyObject *tree_box_entry(const struct tree_object *tree, const struct mt_entry *entry)
{
	return entry_new(tree->kind, entry->first, entry->last, tree_box(tree, entry->word));
}

#endif /* SAMARA_TREE_OBJECT_H */
