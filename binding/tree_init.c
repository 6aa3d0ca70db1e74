/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree.__init__(): the first contents of a tree, or new ones. Compiled once for each width of
 * codes. Owns what it makes until the tree takes it. Only for tree_make.c.
 */
#include "tree_init.h"
#include "policy.h"
#include "tree_build.h"
#include "tree_settle.h"

/* Contents from another tree: a fork. 1, or 0 if the attributes differ, or -1. */
static int init_from_tree(struct tree_object *self, struct kind *kind, struct tree_object *other,
			  uint32_t flags, enum dtype dtype, struct policy *policy)
{
	struct maple_tree mt;

	if (tree_settle(self, kind) < 0)
		return -1;
	do {
		if (tree_enter(self) < 0 || tree_enter_family(other) < 0)
			return -1;
	} while (lock_blocks(self->lock));
	if (mt_attr(&other->mt) != flags || other->dtype != dtype ||
	    policy_given(other->policy) != policy_given(policy))
		return 0;
	if (tree_require_idle(self) < 0)
		return -1;
	mt_fork(&other->mt, &mt);
	mt.ma_ops = policy_ops(policy, dtype); /* its own operations, for the same policy */
	if (policy_settle(self, policy, &mt, dtype) < 0) {
		mt_fini(&mt);
		return -1;
	}
	tree_replace(self, &mt, dtype, other->member.family);
	return 1;
}

static int init_from_iterable(struct tree_object *self, struct kind *kind, PyObject *iterable,
			      uint32_t flags, enum dtype dtype, struct policy *policy)
{
	struct maple_tree mt;
	int status = 0;

	mt_init_pool(&mt, flags, self->state->pool, policy_ops(policy, dtype));
	if (iterable)
		status = build_from_iterable(&mt, kind, dtype, iterable);
	if (status == 0)
		status = tree_settle(self, kind);
	if (status == 0)
		status = tree_enter(self);
	if (status == 0)
		status = tree_require_idle(self);
	if (status == 0)
		status = policy_settle(self, policy, &mt, dtype);
	if (status == 0)
		tree_replace(self, &mt, dtype, NULL);
	else
		mt_fini(&mt);
	return status;
}

/* Whether an object is a tree with these keys, whose class has no iterator of its own: 1, 0 or -1. */
static int is_like_tree(const struct kind *kind, PyObject *iterable)
{
	const struct core_state *state = kind->state;

	if (!iterable || !PyObject_TypeCheck(iterable, state->tree_type) ||
	    Py_TYPE(iterable)->tp_iter != state->tree_type->tp_iter)
		return 0;
	tree_is_wide((struct tree_object *)iterable); /* settles it */
	return kinds_same(kind, ((struct tree_object *)iterable)->kind);
}

int tree_fill(struct tree_object *self, struct kind *kind, PyObject *iterable, enum dtype dtype,
	      bool track_gaps, PyObject *policy_argument)
{
	struct policy *policy;
	int status;

	if (policy_parse(self, kind, policy_argument, dtype, &policy) < 0)
		return -1;
	status = is_like_tree(kind, iterable);
	if (status > 0)
		status = init_from_tree(self, kind, (struct tree_object *)iterable,
					tree_flags(track_gaps), dtype, policy);
	if (status == 0)
		status = init_from_iterable(self, kind, iterable, tree_flags(track_gaps), dtype,
					    policy);
	Py_XDECREF((PyObject *)policy);
	return status < 0 ? -1 : 0;
}
