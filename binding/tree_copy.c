/* SPDX-License-Identifier: MIT */
/*
 * Copies of a tree: fork, dup and slices. Each is an instance of the same class, made without
 * __init__(), with a copy of the instance's own attributes. A copy owns its maple tree from
 * tree_adopt() on. A copy that fails before that is dropped as an empty tree.
 */
#include "tree_copy.h"
#include "errors.h"
#include "policy.h"

/* ---- instance attributes -------------------------------------------------------------------- */

PyObject *attributes_get(struct tree_object *tree)
{
	if (Py_IS_TYPE((PyObject *)tree, tree->state->tree_type))
		Py_RETURN_NONE;
	return PyObject_CallOneArg(tree->state->base_state, (PyObject *)tree);
}

static int slots_set(PyObject *target, PyObject *slots)
{
	PyObject *items = PyDict_Items(slots);
	int status = items ? 0 : -1;

	for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(items); i++) {
		PyObject *item = PyList_GET_ITEM(items, i);

		status = PyObject_SetAttr(target, PyTuple_GET_ITEM(item, 0),
					  PyTuple_GET_ITEM(item, 1));
	}
	Py_XDECREF(items);
	return status;
}

int attributes_set(PyObject *target, PyObject *attributes)
{
	PyObject *dict = attributes;
	PyObject *slots = Py_None;
	int status = 0;

	if (PyTuple_Check(attributes)) {
		dict = PyTuple_GET_ITEM(attributes, 0);
		slots = PyTuple_GET_ITEM(attributes, 1);
	}
	if (dict != Py_None) {
		PyObject *own = PyObject_GetAttrString(target, "__dict__");

		status = own ? PyDict_Update(own, dict) : -1;
		Py_XDECREF(own);
	}
	if (status == 0 && slots != Py_None)
		status = slots_set(target, slots);
	return status;
}

PyObject *copy_finish(struct tree_object *self, struct tree_object *copy)
{
	PyObject *attributes;
	int status;

	/* A plain MapleTree has no attributes. */
	if (Py_IS_TYPE((PyObject *)self, self->state->tree_type))
		return (PyObject *)copy;
	attributes = attributes_get(self);
	status = attributes ? attributes_set((PyObject *)copy, attributes) : -1;
	Py_XDECREF(attributes);
	if (status < 0)
		Py_CLEAR(copy);
	return (PyObject *)copy;
}

/* ---- copies --------------------------------------------------------------------------------- */

/* The instance is an empty tree by then, because its __del__() may run. */
void copy_drop(struct tree_object *copy, struct kind *kind)
{
	mt_init_pool(&copy->mt, tree_flags(true), kind->state->pool, dtype_ops(DTYPE_OBJECT));
	tree_adopt(copy, kind);
	Py_DECREF(copy);
}

/* Make an instance that may share nodes with self. No other code runs between this and what the
 * caller does to self. */
static struct tree_object *relative_alloc(struct tree_object *self)
{
	struct tree_object *copy = tree_alloc(self->state, Py_TYPE(self));

	if (!copy || tree_enter_family(self) == 0)
		return copy;
	copy_drop(copy, self->kind);
	return NULL;
}

void copy_begin(struct tree_object *self, bool shares, struct heritage *heritage)
{
	heritage->dtype = self->dtype;
	heritage->policy = (struct policy *)Py_XNewRef((PyObject *)self->policy);
	heritage->family =
		shares ? (struct family *)Py_XNewRef((PyObject *)self->member.family) : NULL;
}

void copy_adopt(struct tree_object *copy, struct kind *kind, struct heritage *heritage)
{
	copy->dtype = heritage->dtype;
	policy_adopt(copy, heritage->policy);
	tree_adopt(copy, kind);
	if (heritage->family)
		family_join(heritage->family, &copy->member, &copy->mt);
	Py_XDECREF((PyObject *)heritage->policy);
	Py_XDECREF((PyObject *)heritage->family);
}

PyObject *tree_fork(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	struct tree_object *copy = relative_alloc(self);
	struct heritage heritage;

	if (!copy)
		return NULL;
	copy_begin(self, true, &heritage);
	mt_fork(&self->mt, &copy->mt);
	copy_adopt(copy, self->kind, &heritage);
	return copy_finish(self, copy);
}

PyObject *tree_slice(struct tree_object *self, mt_key first, mt_key last, bool empty)
{
	struct tree_object *copy = relative_alloc(self);
	struct heritage heritage;
	int status = 0;

	if (!copy)
		return NULL;
	copy_begin(self, true, &heritage);
	if (empty)
		mt_init_pool(&copy->mt, mt_attr(&self->mt), self->state->pool,
			     policy_ops(self->policy, self->dtype));
	else
		status = mt_slice(&self->mt, first, last, &copy->mt);
	copy_adopt(copy, self->kind, &heritage);
	if (status < 0) {
		Py_DECREF(copy);
		return raise_status(status);
	}
	return copy_finish(self, copy);
}

/* Below this, the pool's lock costs up to a tenth of the copy; above, memory is slower than that. */
#define MANY_TO_COPY 65536

/* Whether a packed tree is so large that copying it pays for releasing the GIL. */
static bool is_large(const struct tree_object *tree)
{
	uint64_t entries;

	if (tree->dtype == DTYPE_OBJECT)
		return false;
	return mt_entries_known(&tree->mt, &entries) && entries >= MANY_TO_COPY;
}

/* Initialise `copy` as a duplicate of the tree, or if that fails as empty. `beside`: other threads run
 * meanwhile. 0 or a status. */
static int duplicate(struct tree_object *self, struct maple_tree *copy, bool beside)
{
	struct maple_pool *pool = self->state->pool;
	struct mt_snapshot snapshot;
	PyThreadState *thread;
	int status;

	mt_init_pool(copy, mt_attr(&self->mt), pool, self->mt.ma_ops);
	if (!beside)
		return __mt_dup(&self->mt, copy);
	mt_snapshot_begin(&self->mt, &snapshot);
	thread = parallel_begin(pool);
	status = __mt_dup(&snapshot.tree, copy);
	parallel_end(pool, thread);
	mt_snapshot_end(&self->mt, &snapshot);
	return status;
}

PyObject *tree_dup(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	struct tree_object *copy = tree_alloc(self->state, Py_TYPE(self));
	struct heritage heritage;
	int status;

	if (!copy)
		return NULL;
	if (tree_enter(self) < 0) {
		copy_drop(copy, self->kind);
		return NULL;
	}
	copy_begin(self, false, &heritage);
	status = duplicate(self, &copy->mt, is_large(self));
	copy_adopt(copy, self->kind, &heritage);
	if (status < 0) {
		Py_DECREF(copy);
		return raise_status(status);
	}
	return copy_finish(self, copy);
}

static PyObject *attributes_text(const struct tree_object *tree)
{
	const char *name = dtype_name(tree->dtype);
	const char *quote = name ? "'" : "";

	return PyUnicode_FromFormat("track_gaps=%s, dtype=%s%s%s, policy=%R",
				    tree_tracks_gaps(tree) ? "True" : "False", quote,
				    name ? name : "None", quote, policy_given(tree->policy));
}

static void raise_attributes(const struct tree_object *here, const struct tree_object *there)
{
	PyObject *text[2] = {attributes_text(here), NULL};

	if (text[0])
		text[1] = attributes_text(there);
	if (text[1])
		PyErr_Format(PyExc_ValueError, "other must have the attributes %U, not %U", text[0],
			     text[1]);
	Py_XDECREF(text[0]);
	Py_XDECREF(text[1]);
}

/* Enter both trees, and check that the other one can get a duplicate. 0 or -1. */
static int enter_to_fill(struct tree_object *self, struct tree_object *other)
{
	/* While this waits for the second tree, other threads may use the first. */
	do {
		if (tree_enter(self) < 0 || tree_enter(other) < 0)
			return -1;
	} while (lock_blocks(self->lock));
	if (!mtree_empty(&other->mt)) {
		PyErr_Format(PyExc_ValueError, "other must be empty, but it has %llu ranges",
			     (unsigned long long)mt_entries(&other->mt));
		return -1;
	}
	if (mt_attr(&other->mt) != mt_attr(&self->mt) || other->dtype != self->dtype ||
	    policy_given(other->policy) != policy_given(self->policy)) {
		raise_attributes(self, other);
		return -1;
	}
	return tree_require_idle(other);
}

/* Fill the other tree, which has been entered to be filled. 0; -1; or 1: the tree has changed while other
 * threads ran. */
static int fill_other(struct tree_object *self, struct tree_object *other, bool beside)
{
	uint64_t generation = self->mt.ma_generation;
	struct maple_tree copy;
	int status = duplicate(self, &copy, beside);

	if (status < 0) {
		raise_status(status);
		status = -1;
	} else if (beside) {
		status = enter_to_fill(self, other);
		if (status == 0 && self->mt.ma_generation != generation)
			status = 1;
	}
	if (status != 0) {
		mt_fini(&copy);
		return status;
	}
	/* With a policy, each tree has operations of its own, which do the same. */
	copy.ma_ops = other->mt.ma_ops;
	tree_replace(other, &copy, other->dtype, NULL);
	return 0;
}

PyObject *tree_dup_into(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			PyObject *kwnames)
{
	static const char *const names[] = {"other"};
	static const struct signature signature = {"dup_into", names, 1, 1, 1};
	struct tree_object *other;
	PyObject *given[1];
	bool beside;
	int status;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	if (!PyObject_TypeCheck(given[0], self->state->tree_type))
		return PyErr_Format(PyExc_TypeError, "other must be a MapleTree, not %s",
				    Py_TYPE(given[0])->tp_name);
	other = (struct tree_object *)given[0];
	if (other == self) {
		PyErr_SetString(PyExc_ValueError, "other must not be the tree itself");
		return NULL;
	}
	if (tree_require_like(self, other) < 0 || enter_to_fill(self, other) < 0)
		return NULL;
	beside = is_large(self);
	while ((status = fill_other(self, other, beside)) > 0)
		beside = false;
	if (status < 0)
		return NULL;
	Py_RETURN_NONE;
}
