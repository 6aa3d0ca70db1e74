/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: update(), |, & and -, and their in-place forms.
 *
 * The right operand is a tree, which the core walks side by side with the left one; or an iterable.
 * Of that, `|` needs triples, which are stored in order; the others need only where its ranges lie,
 * and get a tree of those.
 *
 * A policy, which is asked while a result is made, can write both operands. So a result is made
 * from forks on the stack. A tree that will itself get the result is busy meanwhile: it would lose
 * what was written. Everything that is overwritten is held by the forks until the end.
 *
 * If no policy is asked and no reference counted, other threads run after the first part of a long
 * operation. If they have changed a tree that was to get the result, all is done again without them.
 *
 * Owns the operand of a call until the call returns. For the type's table; tree_store_all() also for
 * arrays.c and tree_map.c.
 */
#include "tree_sets.h"
#include "errors.h"
#include "policy.h"
#include "tree_build.h"
#include "tree_copy.h"
#include "tree_iter.h"

#include <errno.h>

/* A right operand. */
struct operand {
	enum mt_set_operation operation;
	struct tree_object *tree; /* borrowed; or NULL: */
	PyObject *items;          /* a tuple, which union converts to triples, */
	bool converted;
	struct gathered triples;
	struct maple_tree mt; /* and the others to the ranges in it. Of a tree: its fork */
};

/* ---- the right operand ---------------------------------------------------------------------- */

static void operand_close(struct operand *operand)
{
	Py_XDECREF(operand->items);
	gathered_free(&operand->triples);
	mt_fini(&operand->mt);
}

/* 0 or -1; call operand_close() in both cases. A tree whose class has an iterator of its own is an
 * iterable. */
static int operand_open(struct operand *operand, struct tree_object *self, PyObject *right,
			enum mt_set_operation operation)
{
	struct core_state *state = self->state;

	*operand = (struct operand){.operation = operation, .triples = {.kind = self->kind}};
	mt_init_pool(&operand->mt, tree_flags(false), state->pool, NULL);
	if (PyObject_TypeCheck(right, state->tree_type) &&
	    Py_TYPE(right)->tp_iter == state->tree_type->tp_iter) {
		operand->tree = (struct tree_object *)right;
		return tree_require_like(self, operand->tree);
	}
	operand->items = self->kind->networks ? PyObject_CallMethod(self->kind->object, "ranges_in",
								    "(O)", right)
					      : PySequence_Tuple(right);
	if (!operand->items)
		return -1;
	return operation == mt_set_union
		       ? 0
		       : build_from_ranges(&operand->mt, self->kind, operand->items);
}

/* Convert the triples for a tree of that dtype. 0 or -1. */
static int operand_convert(struct operand *operand, enum dtype dtype)
{
	gathered_free(&operand->triples);
	operand->triples.dtype = dtype;
	if (!operand->items)
		operand->items = PySequence_Tuple((PyObject *)operand->tree);
	if (!operand->items)
		return -1;
	operand->tree = NULL;
	return gather_triples(&operand->triples, operand->items);
}

/* Whether the values of the operand are what a tree of that dtype stores. */
static bool operand_fits(const struct operand *operand, enum dtype dtype)
{
	if (operand->operation != mt_set_union)
		return true;
	if (operand->tree)
		return operand->tree->dtype == dtype;
	return operand->converted && operand->triples.dtype == dtype;
}

/* Enter the tree, and the operand if that is one. Afterwards no other code runs until the operand
 * is used. Its values then fit the tree: other code may have given the tree another dtype. */
static int operand_enter(struct operand *operand, struct tree_object *self)
{
	for (;;) {
		int status = operand->tree ? tree_enter_two(self, operand->tree)
					   : tree_enter_family(self);

		if (status < 0 || operand_fits(operand, self->dtype))
			return status;
		if (operand_convert(operand, self->dtype) < 0)
			return -1;
		operand->converted = true;
	}
}

/* ---- results -------------------------------------------------------------------------------- */

int tree_store_all(struct tree_object *self, const struct columns *columns, bool erase)
{
	struct maple_tree work;
	int status = 0;

	/* Between the first and the last store only a policy can run, since the tree or the caller
	 * still holds everything that is overwritten. */
	tree_begin_work(self, &work);
	if (erase)
		status = mtree_clear_range(&work, columns->first[0],
					   columns->last[columns->count - 1]);
	if (status == 0)
		status = store_columns(&work, columns);
	return tree_end_work(self, &work, status);
}

/* Make the result from a fork of the left operand. `result` is initialised in any case. `beside`: other
 * threads run meanwhile, once it has taken a while. 0 or a status. */
static int make_result(struct maple_tree *left, struct operand *right, struct maple_tree *result,
		       bool beside)
{
	const struct gathered *triples = &right->triples;
	struct columns columns = {triples->first, triples->last, triples->words, triples->count};
	bool stores = right->operation == mt_set_union && !right->tree;
	struct maple_pool *pool = left->ma_pool;
	struct mt_set_walk walk;
	PyThreadState *thread;
	int status = -EAGAIN;

	if (stores) {
		mt_fork(left, result);
		if (!beside || columns.count < FEW)
			return store_columns(result, &columns);
	} else {
		mt_set_begin(&walk, right->operation, left, &right->mt, result);
		status = mt_set_go_on(&walk, beside ? FEW : UINT64_MAX);
		if (!beside || status != -EAGAIN)
			return status;
	}
	thread = parallel_begin(pool);
	status = stores ? store_columns(result, &columns) : mt_set_go_on(&walk, UINT64_MAX);
	parallel_end(pool, thread);
	return status;
}

/* Fork both, right after operand_enter(). */
static void fork_both(struct tree_object *self, struct operand *operand, struct maple_tree *left)
{
	mt_fork(&self->mt, left);
	if (!operand->tree)
		return;
	mt_fini(&operand->mt); /* empty */
	mt_fork(&operand->tree->mt, &operand->mt);
}

/* A new tree like self. */
static PyObject *new_tree(struct tree_object *self, struct operand *operand)
{
	struct tree_object *copy = tree_alloc(self->state, Py_TYPE(self));
	struct heritage heritage;
	struct maple_tree left;
	int status;

	if (!copy)
		return NULL;
	if (operand_enter(operand, self) < 0) {
		copy_drop(copy, self->kind);
		return NULL;
	}
	copy_begin(self, true, &heritage);
	fork_both(self, operand, &left);
	status = make_result(&left, operand, &copy->mt, tree_stores_plainly(self));
	copy_adopt(copy, self->kind, &heritage);
	mt_fini(&left);
	if (status < 0) {
		raise_status(status);
		Py_DECREF(copy);
		return NULL;
	}
	return copy_finish(self, copy);
}

/* Give self the result. `beside`: let other threads run, if storing runs no other code. 0; -1; or 1: the
 * tree has changed meanwhile. */
static int try_replace(struct tree_object *self, struct operand *operand, bool beside)
{
	struct maple_tree left, result;
	uint64_t generation;
	int status;

	if (operand_enter(operand, self) < 0 || tree_require_idle(self) < 0)
		return -1;
	beside = beside && tree_stores_plainly(self);
	generation = self->mt.ma_generation;
	fork_both(self, operand, &left);
	self->mt.ma_busy = !beside;
	status = make_result(&left, operand, &result, beside);
	if (!beside)
		self->mt.ma_busy = false;
	else if (status == 0 && tree_enter(self) < 0)
		status = -ECANCELED;
	else if (status == 0 && self->mt.ma_generation != generation)
		status = 1;
	if (status == 0)
		tree_replace(self, &result, self->dtype, self->member.family);
	else
		mt_fini(&result);
	mt_fini(&left);
	if (status < 0)
		raise_status(status);
	return status < 0 ? -1 : status;
}

static int replace_tree(struct tree_object *self, struct operand *operand)
{
	int status = try_replace(self, operand, true);

	if (status <= 0)
		return status;
	if (operand->tree) { /* it is forked again; ranges are still in operand->mt */
		mt_fini(&operand->mt);
		mt_init_pool(&operand->mt, tree_flags(false), self->state->pool, NULL);
	}
	return try_replace(self, operand, false);
}

/* ---- methods -------------------------------------------------------------------------------- */

static bool is_iterable(PyObject *object)
{
	return Py_TYPE(object)->tp_iter || PySequence_Check(object);
}

static PyObject *operate(struct tree_object *self, PyObject *right, enum mt_set_operation operation)
{
	PyObject *result = NULL;
	struct operand operand;

	if (!is_iterable(right))
		Py_RETURN_NOTIMPLEMENTED;
	if (operand_open(&operand, self, right, operation) == 0)
		result = new_tree(self, &operand);
	operand_close(&operand);
	return result;
}

static int operate_in_place(struct tree_object *self, PyObject *right,
			    enum mt_set_operation operation)
{
	struct operand operand;
	int status = operand_open(&operand, self, right, operation);

	if (status == 0)
		status = replace_tree(self, &operand);
	operand_close(&operand);
	return status;
}

static PyObject *assign(struct tree_object *self, PyObject *right, enum mt_set_operation operation)
{
	if (!is_iterable(right))
		Py_RETURN_NOTIMPLEMENTED;
	if (operate_in_place(self, right, operation) < 0)
		return NULL;
	return Py_NewRef((PyObject *)self);
}

PyObject *tree_or(struct tree_object *self, PyObject *right)
{
	return operate(self, right, mt_set_union);
}

PyObject *tree_and(struct tree_object *self, PyObject *right)
{
	return operate(self, right, mt_set_intersect);
}

PyObject *tree_subtract(struct tree_object *self, PyObject *right)
{
	return operate(self, right, mt_set_subtract);
}

PyObject *tree_or_in_place(struct tree_object *self, PyObject *right)
{
	return assign(self, right, mt_set_union);
}

PyObject *tree_and_in_place(struct tree_object *self, PyObject *right)
{
	return assign(self, right, mt_set_intersect);
}

PyObject *tree_subtract_in_place(struct tree_object *self, PyObject *right)
{
	return assign(self, right, mt_set_subtract);
}

PyObject *tree_update(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames)
{
	static const char *const names[] = {"other"};
	static const struct signature signature = {"update", names, 1, 1, 1};
	PyObject *given[1];

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    operate_in_place(self, given[0], mt_set_union) < 0)
		return NULL;
	Py_RETURN_NONE;
}
