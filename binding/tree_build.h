/* SPDX-License-Identifier: MIT */
/* Filling a new tree from triples. */
#ifndef SAMARA_TREE_BUILD_H
#define SAMARA_TREE_BUILD_H

#include "value.h"

/* Fill an empty maple tree from an iterable of triples. 0 or -1. */
int build_from_iterable(struct maple_tree *mt, enum dtype dtype, PyObject *iterable);
/* The same from sorted ranges that do not overlap, with objects as values. What the policy does
 * cannot change them: they are copied first. */
int build_from_columns(struct maple_tree *mt, const uint64_t *first, const uint64_t *last,
		       const uint64_t *words, size_t count);

#endif /* SAMARA_TREE_BUILD_H */
