/* SPDX-License-Identifier: MIT */
/* Settling a tree's kind of keys. */
#ifndef SAMARA_TREE_SETTLE_H
#define SAMARA_TREE_SETTLE_H

#include "tree_object.h"

/* 0; or -1 with an exception if the tree has another kind. */
int tree_settle(struct tree_object *tree, struct kind *kind);

#endif /* SAMARA_TREE_SETTLE_H */
