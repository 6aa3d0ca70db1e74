/* SPDX-License-Identifier: MIT */
/* A tree's policy: what becomes of values that are cut, and of neighbours. */
#ifndef SAMARA_POLICY_H
#define SAMARA_POLICY_H

#include "tree_object.h"

/* The policy that an argument of __init__() means for a tree: an owned reference in *out, NULL for
 * None. 0, or -1 with an exception. */
int policy_parse(const struct tree_object *tree, PyObject *given, enum dtype dtype,
		 struct policy **out);
/* Make it that of a tree that has none: another reference. */
void policy_adopt(struct tree_object *tree, struct policy *policy);
/* The same for a tree that will get `mt`, made with that policy: it may have got one meanwhile, and
 * `mt` then comes to use that. 0, or -1 with ValueError where it is another. */
int policy_settle(struct tree_object *tree, struct policy *policy, struct maple_tree *mt);
/* What the core does with the words of a tree that has this policy, or none. */
const struct mt_value_ops *policy_ops(const struct policy *policy, enum dtype dtype);
/* What the user gave, or None; borrowed. */
PyObject *policy_given(const struct policy *policy);
extern PyType_Spec policy_spec;

#endif /* SAMARA_POLICY_H */
