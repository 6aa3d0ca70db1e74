/* SPDX-License-Identifier: MIT */
/* Filling a new tree from triples. */
#ifndef SAMARA_TREE_BUILD_H
#define SAMARA_TREE_BUILD_H

#include "value.h"

/* Fill an empty maple tree from an iterable of triples. 0 or -1. */
int build_from_iterable(struct maple_tree *mt, enum dtype dtype, PyObject *iterable);

#endif /* SAMARA_TREE_BUILD_H */
