/* SPDX-License-Identifier: MIT */
/*
 * The tree as an object: its struct, its life, and what every operation on it passes through.
 *
 *        struct tree_object
 *        +----------+------+-------+--------+-------+------+--------+--------------+
 *        | PyObject |  mt  | dtype | policy | state | lock | member | weak refs    |
 *        +----------+--|---+-------+--------+-------+------+---|----+--------------+
 *                      v                                       v
 *                  nodes (maple tree)                       family, once nodes have been shared
 */
#ifndef SAMARA_TREE_OBJECT_H
#define SAMARA_TREE_OBJECT_H

#include "args.h"
#include "entry.h"
#include "family.h"
#include "lock.h"
#include "state.h"
#include "value.h"

struct policy;

struct tree_object {
	PyObject_HEAD
	struct maple_tree mt;
	enum dtype dtype;
	struct policy *policy;    /* owned; NULL: none. Once there is one it stays */
	struct core_state *state; /* NULL until the maple tree is initialised */
	struct lock_object *lock; /* NULL until t.lock is first asked for */
	struct claim writer; /* with a policy: who was the last to enter while it was not busy */
	struct member member;
	PyObject *weak_references;
};

/* The attributes of a maple tree that is to become a tree's. */
static inline uint32_t tree_flags(bool track_gaps)
{
	return MT_FLAGS_LOCK_EXTERN | (track_gaps ? MT_FLAGS_ALLOC_RANGE : 0);
}

static inline bool tree_tracks_gaps(const struct tree_object *tree)
{
	return (mt_attr(&tree->mt) & MT_FLAGS_ALLOC_RANGE) != 0;
}

/* ---- life ----------------------------------------------------------------------------------- */

/* An instance of `type` whose maple tree the caller initialises, then tree_adopt(). */
struct tree_object *tree_alloc(PyTypeObject *type);
void tree_adopt(struct tree_object *tree, struct core_state *state);
/* Give the tree new contents: `mt` is moved into it. `source` is the family it shares nodes with,
 * or NULL. Runs what the old values' ends run. */
void tree_replace(struct tree_object *self, struct maple_tree *mt, enum dtype dtype,
		  struct family *source);

/* For the type's slots. */
int tree_traverse(struct tree_object *self, visitproc visit, void *arg);
int tree_clear(struct tree_object *self);
void tree_dealloc(struct tree_object *self);

/* ---- entering ------------------------------------------------------------------------------- */

int tree_enter_guarded(struct tree_object *tree);

/* Every operation passes here after its arguments are converted. 0, or -1 with an exception. */
static inline int tree_enter(struct tree_object *tree)
{
	if (__builtin_expect(!tree->lock && !tree->policy, 1))
		return 0;
	return tree_enter_guarded(tree);
}

/* The same with an index to be looked up. An enum index_kind. */
static inline int tree_enter_index(struct tree_object *tree, PyObject *key, uint64_t *index)
{
	int kind = index_parse(key, "index", index);

	return kind == INDEX_ERROR || tree_enter(tree) < 0 ? INDEX_ERROR : kind;
}

/* The same with a value to be stored, which becomes the tree's kind of word. */
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

/* As tree_enter(), for what comes to share nodes: a tree of objects is in a family then. */
int tree_enter_family(struct tree_object *tree);
/* 0; or -1 with RuntimeError where the tree is asking its policy, and must not lose its
 * contents. */
int tree_require_idle(const struct tree_object *tree);

/* ---- results -------------------------------------------------------------------------------- */

static inline PyObject *tree_box(const struct tree_object *tree, uint64_t word)
{
	return word_to_value(tree->dtype, word);
}

/* An Entry of what the core just found, the word still borrowed. */
static inline PyObject *tree_box_entry(const struct tree_object *tree, const struct mt_entry *entry)
{
	return entry_new(tree->state, entry->first, entry->last, tree_box(tree, entry->word));
}

#endif /* SAMARA_TREE_OBJECT_H */
