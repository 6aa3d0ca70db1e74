/* SPDX-License-Identifier: MIT */
/*
 * What two trees differ in: the iterator that t.diff() returns, and t == u.
 *
 * The iterator owns a fork of each tree, and a walk of the core over both. Nobody writes the forks,
 * so it needs no lock after it is made, and sees the trees as they were. It drops the forks as soon
 * as it is exhausted. Comparing for == uses the same object: comparing calls itself for trees in
 * trees, and a level of nesting must not take more stack than the interpreter expects.
 *
 * Invariants: `done` is set before the forks are dropped, and a step uses them only while it is not
 * set. A step takes a difference out of the walk before other code runs, so that code may call the
 * iterator: it gets the next one. A step that fails puts its difference back, for the next step to
 * try again; unless another step went on meanwhile. A step that finds nothing for a while goes on without
 * the GIL, on a copy of the walk.
 *
 * An iterator owns its forks until it is exhausted, a reference to the module and one to each
 * policy.
 */
#include "tree_diff.h"
#include "args.h"
#include "errors.h"
#include "parallel.h"
#include "policy.h"

#include <errno.h>

struct diff_side {
	struct maple_tree snapshot;
	enum dtype dtype;
	struct policy *policy; /* owned, or NULL: the snapshot's */
	struct member member;
};

struct diff_object {
	PyObject_HEAD
	struct core_state *state; /* keeps the module alive */
	struct kind *kind;        /* owned */
	struct diff_side side[2];
	bool done;
	bool again;     /* the next step begins with `at` */
	uint64_t taken; /* differences taken out of the walk */
	struct mt_difference at;
	struct mt_diff_walk walk;
};

/* ---- life ----------------------------------------------------------------------------------- */

static void side_init(struct diff_side *side, struct tree_object *tree)
{
	side->dtype = tree->dtype;
	side->policy = (struct policy *)Py_XNewRef((PyObject *)tree->policy);
	mt_fork(&tree->mt, &side->snapshot);
	if (tree->member.family)
		family_join(tree->member.family, &side->member, &side->snapshot);
}

/* A policy can give the parts of an entry values of their own. */
static enum mt_diff_words words_of(const struct diff_side side[2])
{
	if (side[0].dtype != side[1].dtype)
		return mt_diff_apart;
	return side[0].policy || side[1].policy ? mt_diff_in_place : mt_diff_equal;
}

static struct diff_object *diff_new(struct tree_object *before, struct tree_object *after)
{
	struct diff_object *self =
		PyObject_GC_New(struct diff_object, WIDTH_TYPES(before->state)->diff_type);

	if (!self)
		return NULL;
	self->state = before->state;
	Py_INCREF(self->state->module);
	self->kind = (struct kind *)Py_NewRef((PyObject *)before->kind);
	self->done = true;
	self->again = false;
	self->taken = 0;
	for (int i = 0; i < 2; i++) {
		self->side[i].member = (struct member){0};
		self->side[i].policy = NULL;
	}
	if (tree_enter_families(before, after) < 0) {
		Py_DECREF(self);
		return NULL;
	}
	side_init(&self->side[0], before);
	side_init(&self->side[1], after);
	mt_diff_begin(&self->walk, &self->side[0].snapshot, &self->side[1].snapshot,
		      words_of(self->side));
	self->done = false;
	PyObject_GC_Track(self);
	return self;
}

/* Drop the forks. Runs the values' finalizers. */
static void diff_finish(struct diff_object *self)
{
	if (self->done)
		return;
	self->done = true;
	for (int i = 0; i < 2; i++)
		family_leave(&self->side[i].member);
	for (int i = 0; i < 2; i++)
		mt_fini(&self->side[i].snapshot);
}

static int diff_traverse(struct diff_object *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	Py_VISIT(self->state->module);
	Py_VISIT((PyObject *)self->kind);
	for (int i = 0; i < 2; i++) {
		struct diff_side *side = &self->side[i];
		int result;

		Py_VISIT((PyObject *)side->policy);
		if (self->done || side->dtype != DTYPE_OBJECT)
			continue;
		result = member_traverse(&side->member, &side->snapshot, visit, arg);
		if (result)
			return result;
	}
	return 0;
}

static int diff_clear(struct diff_object *self)
{
	diff_finish(self);
	return 0;
}

static void diff_dealloc(struct diff_object *self)
{
	PyTypeObject *type = Py_TYPE(self);

	PyObject_GC_UnTrack(self);
	Py_TRASHCAN_BEGIN(self, diff_dealloc)
	diff_finish(self);
	for (int i = 0; i < 2; i++)
		Py_XDECREF((PyObject *)self->side[i].policy);
	Py_DECREF((PyObject *)self->kind);
	Py_DECREF(self->state->module);
	PyObject_GC_Del(self);
	Py_DECREF(type);
	Py_TRASHCAN_END
}

/* ---- values --------------------------------------------------------------------------------- */

static bool doubles_equal(double left, double right)
{
	return left == right || word_of_double(left) == word_of_double(right);
}

/* The value of a side, owned; None for a gap. */
static PyObject *box_side(const struct diff_side *side, bool present, uint64_t word)
{
	if (!present)
		Py_RETURN_NONE;
	return word_to_value(side->dtype, word);
}

/* Replace the value of a whole range by that of the part in question: the policy may be asked. 0
 * or -1. */
static int cut_side(const struct diff_side *side, const struct mt_difference *at, bool present,
		    const struct mt_entry *whole, PyObject **value)
{
	const struct mt_value_ops *ops = policy_ops(side->policy, side->dtype);
	PyObject *part;
	uint64_t word;
	int status;

	if (!side->policy || !present || (whole->first == at->first && whole->last == at->last))
		return 0;
	status = ops->split ? ops->split(ops->context, whole, at->first, at->last, &word) : 0;
	if (status < 0)
		raise_status(status);
	if (status < 0 || !ops->split)
		return status;
	part = side->dtype == DTYPE_OBJECT ? object_of(word) : word_to_value(side->dtype, word);
	if (!part)
		return -1;
	Py_SETREF(*value, part);
	return 0;
}

/* Both values of a difference, owned, or none. 0 or -1. A policy could use up the iterator, and so
 * drop the forks: but both values are held before it is asked. */
static int box_both(const struct diff_object *self, const struct mt_difference *at,
		    PyObject *values[2])
{
	values[0] = box_side(&self->side[0], at->a_present, at->a.word);
	values[1] = values[0] ? box_side(&self->side[1], at->b_present, at->b.word) : NULL;
	if (values[1] && cut_side(&self->side[0], at, at->a_present, &at->a, &values[0]) == 0 &&
	    cut_side(&self->side[1], at, at->b_present, &at->b, &values[1]) == 0)
		return 0;
	Py_XDECREF(values[0]);
	Py_XDECREF(values[1]);
	return -1;
}

/* Whether the two are equal: 1, 0 or -1. Runs the values' __eq__(). */
static int values_equal(const struct diff_object *self, const struct mt_difference *at,
			PyObject *values[2])
{
	if (!at->a_present || !at->b_present)
		return 0;
	if (self->side[0].dtype == DTYPE_F8 && self->side[1].dtype == DTYPE_F8)
		return doubles_equal(PyFloat_AS_DOUBLE(values[0]), PyFloat_AS_DOUBLE(values[1]));
	return PyObject_RichCompareBool(values[0], values[1], Py_EQ);
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* The Change of a difference; NULL without an exception if the values are equal. */
static PyObject *make_change(const struct diff_object *self, const struct mt_difference *at)
{
	PyObject *values[2];
	int equal;

	if (box_both(self, at, values) < 0)
		return NULL;
	equal = values_equal(self, at, values);
	if (equal == 0)
		return change_new(self->kind, at->first, at->last, values[0], values[1]);
	Py_DECREF(values[0]);
	Py_DECREF(values[1]);
	return NULL;
}

/* The next difference, while other threads run. They may use the iterator: if one has taken a difference
 * meanwhile, -EAGAIN. Otherwise 1, or 0: there is none. Forks of the forks keep the nodes. */
static int seek_beside(struct diff_object *self, struct mt_difference *at)
{
	struct mt_diff_walk walk = self->walk;
	struct maple_tree kept[2];
	uint64_t turn = self->taken;
	int found;

	for (int i = 0; i < 2; i++)
		mt_fork(&self->side[i].snapshot, &kept[i]);
	Py_BEGIN_ALLOW_THREADS
	found = mt_diff_next_within(&walk, UINT64_MAX, at);
	Py_END_ALLOW_THREADS
	if (self->taken != turn)
		found = -EAGAIN;
	else
		self->walk = walk;
	for (int i = 0; i < 2; i++)
		mt_fini(&kept[i]); /* which are the last ones only if it is done */
	return found;
}

/* Take the next difference out of the walk. False: there is none. */
static bool take_difference(struct diff_object *self, struct mt_difference *at)
{
	while (!self->done) {
		int found = 1;

		if (self->again) {
			*at = self->at;
		} else {
			found = mt_diff_next_within(&self->walk, FEW, at);
			if (found == -EAGAIN)
				found = seek_beside(self, at);
		}
		if (found == -EAGAIN)
			continue;
		self->again = false;
		self->taken++; /* before other code runs */
		if (!found)
			diff_finish(self);
		return found;
	}
	return false;
}

static PyObject *next_change(struct diff_object *self)
{
	struct mt_difference at;

	while (take_difference(self, &at)) {
		uint64_t turn = self->taken;
		PyObject *change = make_change(self, &at);

		if (change)
			return change;
		if (!PyErr_Occurred())
			continue;
		if (turn == self->taken) {
			self->at = at;
			self->again = true;
		}
		return NULL;
	}
	return NULL;
}

static PyObject *diff_next(struct diff_object *self)
{
	PyObject *change;

	ALONE(self, change = next_change(self));
	return change;
}

/* ---- comparing ------------------------------------------------------------------------------ */

/* Whether two maple trees of one dtype are equal. Needs no GIL. */
static bool words_equal(const struct maple_tree *left, const struct maple_tree *right,
			enum dtype dtype)
{
	struct mt_difference at;
	struct mt_diff_walk walk;
	int found;

	mt_diff_begin(&walk, left, right, mt_diff_equal);
	do {
		found = mt_diff_next_word(&walk, &at);
	} while (found == 1 && dtype == DTYPE_F8 &&
		 doubles_equal(double_of(at.a.word), double_of(at.b.word)));
	return found == 0;
}

/* Whether two packed trees of one dtype are equal. Runs no other code, but other threads if they are
 * large. */
static bool packed_equal(struct tree_object *left, struct tree_object *right)
{
	struct mt_snapshot snapshots[2];
	enum dtype dtype = left->dtype;
	uint64_t entries;
	bool equal;

	if (left == right || (mt_entries_known(&left->mt, &entries) && entries < FEW))
		return words_equal(&left->mt, &right->mt, dtype);
	mt_snapshot_begin(&left->mt, &snapshots[0]);
	mt_snapshot_begin(&right->mt, &snapshots[1]);
	Py_BEGIN_ALLOW_THREADS
	equal = words_equal(&snapshots[0].tree, &snapshots[1].tree, dtype);
	Py_END_ALLOW_THREADS
	mt_snapshot_end(&right->mt, &snapshots[1]);
	mt_snapshot_end(&left->mt, &snapshots[0]);
	return equal;
}

/* The same for any two trees: 1, 0 or -1. Runs the values' __eq__(). */
static int objects_equal(struct diff_object *self)
{
	struct mt_difference at;
	PyObject *values[2];
	int equal = 1;

	/* An __eq__() can find this object among the collector's, and use it up. */
	while (equal == 1 && !self->done) {
		int found = mt_diff_next_word(&self->walk, &at);

		if (found != 1)
			return found == 0;
		if (box_both(self, &at, values) < 0)
			return -1;
		equal = values_equal(self, &at, values);
		Py_DECREF(values[0]);
		Py_DECREF(values[1]);
	}
	return equal;
}

static bool sizes_differ(const struct tree_object *left, const struct tree_object *right)
{
	uint64_t entries[2];

	return mt_entries_known(&left->mt, &entries[0]) &&
	       mt_entries_known(&right->mt, &entries[1]) && entries[0] != entries[1];
}

static int trees_equal(struct tree_object *left, struct tree_object *right)
{
	struct diff_object *diff;
	int equal;

	/* While this waits for the other tree, a thread may take this tree's lock. */
	do {
		if (tree_enter(left) < 0 || tree_enter(right) < 0)
			return -1;
	} while (lock_blocks(left->lock));
	if (sizes_differ(left, right))
		return 0;
	if (left->dtype != DTYPE_OBJECT && left->dtype == right->dtype)
		return packed_equal(left, right);
	diff = diff_new(left, right);
	if (!diff)
		return -1;
	equal = objects_equal(diff);
	Py_DECREF(diff);
	return equal;
}

PyObject *tree_compare(struct tree_object *self, PyObject *object, int operation)
{
	int equal;

	if ((operation != Py_EQ && operation != Py_NE) ||
	    !PyObject_TypeCheck(object, self->state->tree_type))
		Py_RETURN_NOTIMPLEMENTED;
	equal = tree_is_like(self, (struct tree_object *)object);
	if (equal > 0)
		equal = trees_equal(self, (struct tree_object *)object);
	return equal < 0 ? NULL : PyBool_FromLong(equal == (operation == Py_EQ));
}

/* ---- the method and the type ---------------------------------------------------------------- */

PyObject *tree_diff(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames)
{
	static const char *const names[] = {"other"};
	static const struct signature signature = {"diff", names, 1, 1, 1};
	PyObject *given[1];

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	if (!PyObject_TypeCheck(given[0], self->state->tree_type))
		return PyErr_Format(PyExc_TypeError, "other must be a MapleTree, not %s",
				    Py_TYPE(given[0])->tp_name);
	if (tree_require_like(self, (struct tree_object *)given[0]) < 0)
		return NULL;
	return (PyObject *)diff_new(self, (struct tree_object *)given[0]);
}

static PyType_Slot diff_slots[] = {
	{Py_tp_doc, (void *)PyDoc_STR("Iterator over the differences of two trees.")},
	{Py_tp_traverse, diff_traverse},
	{Py_tp_clear, diff_clear},
	{Py_tp_dealloc, diff_dealloc},
	{Py_tp_iter, PyObject_SelfIter},
	{Py_tp_iternext, diff_next},
	{0, NULL},
};

PyType_Spec diff_spec = {
	.name = "samara._core.DiffIterator",
	.basicsize = sizeof(struct diff_object),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = diff_slots,
};
