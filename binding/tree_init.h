/* SPDX-License-Identifier: MIT */
/* The contents that __init__() gives a tree. */
#ifndef SAMARA_TREE_INIT_H
#define SAMARA_TREE_INIT_H

#include "tree_object.h"

/* Give a tree a kind, contents and attributes, or new contents and attributes. 0 or -1. */
int tree_fill(struct tree_object *self, struct kind *kind, PyObject *iterable, enum dtype dtype,
	      bool track_gaps, PyObject *policy_argument);

#endif /* SAMARA_TREE_INIT_H */
