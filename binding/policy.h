/* SPDX-License-Identifier: MIT */
/* A tree's policy: what happens to values that are cut, and to neighbours. */
#ifndef SAMARA_POLICY_H
#define SAMARA_POLICY_H

#include "policy_builtin.h"
#include "tree_object.h"

/* Turn an argument into the policy for a new tree: an owned reference in *out, NULL for None. 0, or
 * -1 with an exception. */
int policy_make(struct kind *keys, PyObject *given, enum dtype dtype, struct policy **out);
/* The same for __init__(), of a tree that may have a policy. */
int policy_parse(const struct tree_object *tree, struct kind *kind, PyObject *given,
		 enum dtype dtype, struct policy **out);
/* Give a policy to a tree without one. Takes another reference. */
void policy_adopt(struct tree_object *tree, struct policy *policy);
/* The same for a tree that will get `mt`, which was made with that policy. The tree may have got a
 * policy meanwhile; `mt` then uses that one. 0, or -1 with ValueError if the two differ. */
int policy_settle(struct tree_object *tree, struct policy *policy, struct maple_tree *mt,
		  enum dtype dtype);
/* Whether it is a built-in one, which packed trees can have. Not for NULL. */
bool policy_is_builtin(const struct policy *policy);
/* The value operations for a tree that has this policy, or none. */
const struct mt_value_ops *policy_ops(const struct policy *policy, enum dtype dtype);
/* What the user gave, or None; borrowed. */
PyObject *policy_given(const struct policy *policy);
extern PyType_Spec policy_spec;

#endif /* SAMARA_POLICY_H */
