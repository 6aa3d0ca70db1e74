/* SPDX-License-Identifier: MIT */
/* Triples: gathering them, and filling a new tree from them. */
#ifndef SAMARA_TREE_BUILD_H
#define SAMARA_TREE_BUILD_H

#include "keys.h"
#include "policy_builtin.h"

/* Triples in arrays. */
struct gathered {
	const struct kind *kind; /* borrowed */
	enum dtype dtype;
	bool ends_only; /* items may be pairs, and values are not taken: all words are 0 */
	mt_key *first;
	mt_key *last;
	uint64_t *words; /* for objects: owned references */
	size_t count;
	size_t size;
};

/* Convert an iterable of triples, in any order. `gathered` has only its kind and dtype. 0; or -1, and then
 * it is as it was. */
int gather_triples(struct gathered *gathered, PyObject *iterable);
/* Free everything. Runs the values' finalizers. */
void gathered_free(struct gathered *gathered);
/* Fill an empty maple tree of plain words with the ranges of an iterable of pairs or triples. 0
 * or -1. */
int build_from_ranges(struct maple_tree *mt, const struct kind *kind, PyObject *iterable);
/* Fill an empty maple tree from an iterable of triples. 0 or -1. */
int build_from_iterable(struct maple_tree *mt, const struct kind *kind, enum dtype dtype,
			PyObject *iterable);
/* The same from sorted ranges that do not overlap. The first `alone` of them do not merge. Objects
 * are all copied first, since what the policy does could change the columns: then it is the count. */
int build_from_columns(struct maple_tree *mt, enum dtype dtype, const struct columns *columns,
		       size_t alone);

/* mt_build() of a tree that no other thread can find. Releases the GIL if that pays. */
int build_tree(struct maple_tree *mt, const struct columns *columns, size_t *bad);
/* Store all ranges, which may overlap, in order. 0 or a status of the core. */
int store_columns(struct maple_tree *mt, const struct columns *columns);

#endif /* SAMARA_TREE_BUILD_H */
