/* SPDX-License-Identifier: MIT */
/*
 * A tree's policy: a Python object whose methods decide what happens to a value whose range is cut,
 * and whether neighbours merge. It implements the value operations of its trees. Owns references to
 * that object and to its two methods. The methods of samara.COALESCE and samara.OFFSET are not
 * called: policy_builtin.c has their operations. For all files that make or replace a tree's
 * contents.
 *
 * Invariants
 *   - The operations outlive all trees that were made with them. Each tree and each iterator owns a
 *     reference to the policy, and a tree never changes its policy. So a snapshot on the C stack is
 *     safe as long as its tree is.
 *   - A tree is busy while one of its core writes is asking the policy. The core then refuses other
 *     writes, and tree_require_idle() refuses whatever would replace the tree's contents.
 */
#include "policy.h"
#include "errors.h"

struct policy {
	PyObject_HEAD
	struct core_state *state; /* keeps the module alive */
	struct kind *keys;        /* owned: of its trees */
	enum policy_kind kind;
	struct mt_value_ops ops;             /* for POLICY_PYTHON; at first those of any object */
	struct mt_value_ops counted[DTYPES]; /* for POLICY_OFFSET: with `keys`, for messages */
	PyObject *given;
	PyObject *split; /* NULL for the other kinds, */
	PyObject *merge; /* as this */
};

static PyObject *entry_of(const struct policy *policy, const struct mt_entry *entry)
{
	return entry_new(policy->keys, entry->first, entry->last,
			 Py_NewRef(object_of(entry->word)));
}

static void raise_none(const struct policy *policy, mt_key first, mt_key last)
{
	PyObject *low = code_shown(policy->keys, first);
	PyObject *high = low ? code_shown(policy->keys, last) : NULL;

	if (high)
		PyErr_Format(PyExc_TypeError, "the policy's split() returned None for [%U, %U]",
			     low, high);
	Py_XDECREF(low);
	Py_XDECREF(high);
}

/* The core's split(). On an exception of the method it returns -ECANCELED. */
static int ask_split(void *context, const struct mt_entry *whole, mt_key first, mt_key last,
		     uint64_t *piece)
{
	struct policy *policy = context;
	PyObject *given[3] = {entry_of(policy, whole), NULL, NULL};
	PyObject *result = NULL;

	if (given[0])
		given[1] = key_object(policy->keys, first);
	if (given[1])
		given[2] = key_object(policy->keys, last);
	if (given[0] && given[1] && given[2])
		result = PyObject_Vectorcall(policy->split, given, 3, NULL);
	for (int i = 0; i < 3; i++)
		Py_XDECREF(given[i]);
	if (result == Py_None && object_of(whole->word) != Py_None) {
		raise_none(policy, first, last);
		Py_CLEAR(result);
	}
	if (!result)
		return -ECANCELED;
	*piece = word_of(result);
	return 0;
}

/* The core's merge(). */
static int ask_merge(void *context, const struct mt_entry *left, const struct mt_entry *right,
		     const struct mt_entry *stored, uint64_t *word)
{
	struct policy *policy = context;
	PyObject *given[3] = {entry_of(policy, left), entry_of(policy, right)};
	PyObject *result = NULL;

	given[2] = given[stored == right]; /* the very object: no other reference is needed */
	if (given[0] && given[1])
		result = PyObject_Vectorcall(policy->merge, given, 3, NULL);
	Py_XDECREF(given[0]);
	Py_XDECREF(given[1]);
	if (result == Py_None && object_of(left->word) != Py_None &&
	    object_of(right->word) != Py_None) {
		PyErr_SetString(PyExc_TypeError, "the policy's merge() returned None: return "
						 "NotImplemented to keep the entries apart");
		Py_CLEAR(result);
	}
	if (!result)
		return -ECANCELED;
	if (result == Py_NotImplemented) {
		Py_DECREF(result);
		return 0;
	}
	*word = word_of(result);
	return 1;
}

static PyObject *method_of(PyObject *given, const char *name)
{
	PyObject *method = PyObject_GetAttrString(given, name);

	if (method && !PyCallable_Check(method)) {
		PyErr_Format(PyExc_TypeError, "the policy's %s must be callable, not %R", name,
			     method);
		Py_CLEAR(method);
	}
	return method;
}

static enum policy_kind kind_of(const struct core_state *state, const PyObject *given)
{
	if (given == state->coalesce)
		return POLICY_COALESCE;
	return given == state->offset ? POLICY_OFFSET : POLICY_PYTHON;
}

static struct policy *policy_new(struct kind *keys, PyObject *given)
{
	struct core_state *state = keys->state;
	enum policy_kind kind = kind_of(state, given);
	bool asks = kind == POLICY_PYTHON;
	PyObject *split = asks ? method_of(given, "split") : NULL;
	PyObject *merge = split ? method_of(given, "merge") : NULL;
	struct policy *policy = NULL;

	if (merge || !asks)
		policy = PyObject_GC_New(struct policy, WIDTH_TYPES(state)->policy_type);
	if (!policy) {
		Py_XDECREF(split);
		Py_XDECREF(merge);
		return NULL;
	}
	Py_INCREF(state->module);
	policy->state = state;
	policy->keys = (struct kind *)Py_NewRef((PyObject *)keys);
	policy->kind = kind;
	policy->ops = *dtype_ops(DTYPE_OBJECT);
	policy->ops.split = ask_split;
	policy->ops.merge = ask_merge;
	policy->ops.context = policy;
	for (int dtype = 0; dtype < DTYPES; dtype++) {
		policy->counted[dtype] = *policy_builtin_ops(POLICY_OFFSET, (enum dtype)dtype);
		policy->counted[dtype].context = keys;
	}
	policy->given = Py_NewRef(given);
	policy->split = split;
	policy->merge = merge;
	PyObject_GC_Track(policy);
	return policy;
}

/* 0; or -1 with ValueError if a tree with a policy would get a different one. */
static int check_kept(const struct tree_object *tree, PyObject *given)
{
	if (tree->policy->given == given)
		return 0;
	PyErr_Format(PyExc_ValueError, "cannot change the policy of a tree from %R to %R",
		     tree->policy->given, given);
	return -1;
}

int policy_make(struct kind *keys, PyObject *given, enum dtype dtype, struct policy **out)
{
	*out = NULL;
	if (!given || given == Py_None)
		return 0;
	if (dtype != DTYPE_OBJECT && kind_of(keys->state, given) == POLICY_PYTHON) {
		PyErr_Format(PyExc_ValueError,
			     "the policy of a tree with dtype '%s' must be samara.COALESCE or "
			     "samara.OFFSET, not %R",
			     dtype_name(dtype), given);
		return -1;
	}
	*out = policy_new(keys, given);
	return *out ? 0 : -1;
}

int policy_parse(const struct tree_object *tree, struct kind *kind, PyObject *given,
		 enum dtype dtype, struct policy **out)
{
	*out = NULL;
	if (tree->policy && check_kept(tree, given ? given : Py_None) < 0)
		return -1;
	if (!tree->policy || dtype != DTYPE_OBJECT)
		return policy_make(kind, given, dtype, out);
	*out = (struct policy *)Py_NewRef((PyObject *)tree->policy);
	return 0;
}

void policy_adopt(struct tree_object *tree, struct policy *policy)
{
	if (!policy || tree->policy)
		return;
	tree->policy = (struct policy *)Py_NewRef((PyObject *)policy);
	tree_not_plain(tree);
}

int policy_settle(struct tree_object *tree, struct policy *policy, struct maple_tree *mt,
		  enum dtype dtype)
{
	if (tree->policy && check_kept(tree, policy_given(policy)) < 0)
		return -1;
	policy_adopt(tree, policy);
	if (tree->policy)
		mt->ma_ops = policy_ops(tree->policy, dtype);
	return 0;
}

bool policy_is_builtin(const struct policy *policy)
{
	return policy->kind != POLICY_PYTHON;
}

const struct mt_value_ops *policy_ops(const struct policy *policy, enum dtype dtype)
{
	if (!policy)
		return dtype_ops(dtype);
	if (policy->kind == POLICY_OFFSET)
		return &policy->counted[dtype];
	return policy_is_builtin(policy) ? policy_builtin_ops(policy->kind, dtype) : &policy->ops;
}

PyObject *policy_given(const struct policy *policy)
{
	return policy ? policy->given : Py_None;
}

static int policy_traverse(struct policy *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	Py_VISIT(self->state->module);
	Py_VISIT((PyObject *)self->keys);
	Py_VISIT(self->given);
	Py_VISIT(self->split);
	Py_VISIT(self->merge);
	return 0;
}

/* Breaks cycles through objects without a tp_clear of their own. Calls after that get a
 * TypeError. */
static int policy_clear(struct policy *self)
{
	if (self->kind != POLICY_PYTHON) /* has no methods, and stays what it is */
		return 0;
	Py_SETREF(self->given, Py_NewRef(Py_None));
	Py_SETREF(self->split, Py_NewRef(Py_None));
	Py_SETREF(self->merge, Py_NewRef(Py_None));
	return 0;
}

static void policy_dealloc(struct policy *self)
{
	PyTypeObject *type = Py_TYPE(self);
	PyObject *module = self->state->module;

	PyObject_GC_UnTrack(self);
	Py_DECREF((PyObject *)self->keys);
	Py_DECREF(self->given);
	Py_XDECREF(self->split);
	Py_XDECREF(self->merge);
	PyObject_GC_Del(self);
	Py_DECREF(module);
	Py_DECREF(type);
}

static PyType_Slot policy_slots[] = {
	{Py_tp_doc, (void *)PyDoc_STR("A policy, as its trees' value operations.")},
	{Py_tp_traverse, policy_traverse},
	{Py_tp_dealloc, policy_dealloc},
	{Py_tp_clear, policy_clear},
	{0, NULL},
};

PyType_Spec policy_spec = {
	.name = "samara._core.Policy",
	.basicsize = sizeof(struct policy),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = policy_slots,
};
