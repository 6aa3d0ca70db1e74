/* SPDX-License-Identifier: MIT */
/*
 * The tree's struct, and its life. Compiled once for each width of codes. A tree owns one maple tree,
 * its kind of keys (which keeps the module's state alive), its lock object, its policy and its place in
 * a family. A value in it is one strong reference. The leaf that the value lies in holds it, however
 * many trees share that leaf. A packed tree (one with a dtype) holds numbers and no references.
 *
 * Invariants
 *   - state is NULL only between tree_alloc() and tree_adopt(). After it is set, everything else is
 *     valid.
 *   - mt was made with the policy's value operations, or else dtype's, over the module's pool and
 *     MT_FLAGS_LOCK_EXTERN: the GIL is the lock.
 *   - A packed tree is in no family: the garbage collector has nothing to see in it.
 *
 * For all files with methods of trees, iterators or cursors.
 */
#include "tree_object.h"
#include "errors.h"

/* ---- life ----------------------------------------------------------------------------------- */

struct tree_object *tree_alloc(const struct core_state *state, PyTypeObject *type)
{
	struct tree_object *tree;

	/* An unfinished tree must not be visible to code that asks the collector for its
	 * objects. */
	if (__builtin_expect(type == state->tree_type, 1)) {
		tree = PyObject_GC_New(struct tree_object, type);
		if (tree)
			memset(&tree->width, 0,
			       (size_t)type->tp_basicsize - offsetof(struct tree_object, width));
	} else {
		tree = (struct tree_object *)type->tp_alloc(type, 0);
		if (tree)
			PyObject_GC_UnTrack(tree);
	}
	return tree;
}

void tree_adopt(struct tree_object *tree, struct kind *kind)
{
	tree->state = kind->state;
	tree->kind = (struct kind *)Py_NewRef((PyObject *)kind);
	tree->width = MT_KEY_BITS;
	tree_note_plain(tree);
	PyObject_GC_Track(tree);
}

void tree_start(struct tree_object *self)
{
	mt_init_pool(&self->mt, tree_flags(true), self->state->pool, dtype_ops(DTYPE_OBJECT));
}

void tree_replace(struct tree_object *self, struct maple_tree *mt, enum dtype dtype,
		  struct family *source)
{
	struct maple_tree old = self->mt;

	self->mt = *mt;
	self->dtype = dtype;
	self->mt.ma_generation = old.ma_generation + 1; /* cursors compare it */
	Py_XINCREF(source);
	family_leave(&self->member);
	if (source)
		family_join(source, &self->member, &self->mt);
	Py_XDECREF(source);
	mt_fini(&old);
}

void tree_begin_work(struct tree_object *self, struct maple_tree *work)
{
	mt_fork(&self->mt, work);
	self->mt.ma_busy = true;
}

int tree_end_work(struct tree_object *self, struct maple_tree *work, int status)
{
	self->mt.ma_busy = false;
	if (status == 0)
		tree_replace(self, work, self->dtype, self->member.family);
	else
		mt_fini(work);
	return status;
}

int tree_visit(struct tree_object *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	if (!self->state)
		return 0;
	Py_VISIT((PyObject *)self->kind);
	Py_VISIT((PyObject *)self->policy);
	if (self->dtype != DTYPE_OBJECT)
		return 0;
	return member_traverse(&self->member, &self->mt, visit, arg);
}

int tree_clear(struct tree_object *self)
{
	if (self->state)
		mtree_destroy(&self->mt);
	return 0;
}

void tree_free(struct tree_object *self)
{
	PyTypeObject *type = Py_TYPE(self);

	if (self->weak_references)
		PyObject_ClearWeakRefs((PyObject *)self);
	family_leave(&self->member);
	if (self->state)
		mt_fini(&self->mt);
	Py_XDECREF((PyObject *)self->policy);
	Py_XDECREF((PyObject *)self->kind);
	Py_XDECREF(self->lock);
	type->tp_free(self);
	Py_DECREF(type);
}

/* ---- keys of two trees ------------------------------------------------------------------------ */

/* Settle the other tree's kind: as the one that it has by default. */
static const struct kind *kind_of_other(struct tree_object *other)
{
	tree_is_wide(other);
	return other->kind;
}

int tree_require_like(const struct tree_object *tree, struct tree_object *other)
{
	return kind_require_same(tree->kind, kind_of_other(other));
}

int tree_is_like(const struct tree_object *tree, struct tree_object *other)
{
	return kinds_same(tree->kind, kind_of_other(other));
}

/* ---- entering ------------------------------------------------------------------------------- */

/* For a tree with a lock or a policy. Between this and a write no other thread runs. So the thread
 * that entered last is the one that writes, and asks the policy. */
int tree_enter_guarded(struct tree_object *tree)
{
	if (__builtin_expect(tree->lock != NULL, 0) && lock_wait(tree->lock) < 0)
		return -1;
	if (__builtin_expect(!tree->mt.ma_busy, 1) || claim_is_void(&tree->writer)) {
		/* The thread of this write did not survive a fork. It was asking the policy, and
		 * had changed nothing yet. */
		tree->mt.ma_busy = false;
		tree->writer = claim_now();
	}
	return 0;
}

int tree_enter_key_slow(struct tree_object *tree, PyObject *key, mt_key *index)
{
	int place = key_look(tree->kind, key, "index", index);

	return place == INDEX_ERROR || tree_enter(tree) < 0 ? INDEX_ERROR : place;
}

static bool lacks_family(const struct tree_object *tree)
{
	return tree->dtype == DTYPE_OBJECT && !tree->member.family;
}

int tree_enter_family(struct tree_object *tree)
{
	if (tree_enter(tree) < 0)
		return -1;
	/* Making a family can run a finalizer, and waiting lets other threads in. Either can also
	 * make a family, or empty the tree, which then leaves it. */
	while (lacks_family(tree)) {
		struct family *family = family_new(tree->state);

		if (!family)
			return -1;
		if (lacks_family(tree))
			family_join(family, &tree->member, &tree->mt);
		Py_DECREF(family);
		if (tree_enter(tree) < 0)
			return -1;
	}
	return 0;
}

/* While the second tree is entered, other code runs: it may lock the first one, or empty it. */
int tree_enter_two(struct tree_object *tree, struct tree_object *other)
{
	do {
		if (tree_enter_family(tree) < 0 || tree_enter(other) < 0)
			return -1;
	} while (lock_blocks(tree->lock) || lacks_family(tree));
	return 0;
}

int tree_enter_families(struct tree_object *tree, struct tree_object *other)
{
	do {
		if (tree_enter_family(tree) < 0 || tree_enter_family(other) < 0)
			return -1;
	} while (lock_blocks(tree->lock) || lacks_family(tree));
	return 0;
}

int tree_require_idle(const struct tree_object *tree)
{
	if (!tree->mt.ma_busy)
		return 0;
	raise_status(-EBUSY);
	return -1;
}
