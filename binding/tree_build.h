/* SPDX-License-Identifier: MIT */
/* Filling a new tree from triples. */
#ifndef SAMARA_TREE_BUILD_H
#define SAMARA_TREE_BUILD_H

#include "policy_builtin.h"

/* Fill an empty maple tree from an iterable of triples. 0 or -1. */
int build_from_iterable(struct maple_tree *mt, enum dtype dtype, PyObject *iterable);
/* The same from sorted ranges that do not overlap. The first `alone` of them do not merge. Objects
 * are all copied first, since what the policy does could change the columns: then it is the count. */
int build_from_columns(struct maple_tree *mt, enum dtype dtype, const struct columns *columns,
		       size_t alone);

#endif /* SAMARA_TREE_BUILD_H */
