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
 *     TREE_LOCKS: the GIL is the lock, or the tree's critical section.
 *   - A packed tree is in no family: the garbage collector has nothing to see in it.
 *
 * For all files with methods of trees, iterators or cursors.
 */
#include "tree_object.h"
#include "errors.h"
#include "parallel.h"

#include <errno.h>

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
	tree->process = process.number;
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
	Py_XINCREF(source);
	family_leave(&self->member);
	/* Readers that do not wait find words of one dtype: see value_beside(). */
	if (self->filled && dtype != self->dtype)
		tree_not_plain(self);
	self->filled = true;
	__atomic_store_n(&self->dtype, dtype, __ATOMIC_RELAXED);
	mt_exchange(&self->mt, mt); /* cursors see another generation */
	if (source)
		family_join(source, &self->member, &self->mt);
	Py_XDECREF(source);
	mt_fini(mt);
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

int tree_write_beside(struct tree_object *self,
		      int (*write)(struct maple_tree *work, const void *what), const void *what)
{
	struct maple_pool *pool = self->state->pool;
	uint64_t generation = self->mt.ma_generation;
	struct maple_tree work;
	PyThreadState *thread;
	int status;

	mt_fork(&self->mt, &work);
	thread = parallel_begin(pool);
	status = write(&work, what);
	parallel_end(pool, thread);
	if (status == 0 && tree_enter(self) < 0)
		status = -ECANCELED;
	else if (status == 0 && self->mt.ma_generation != generation)
		status = 1;
	if (status == 0)
		tree_replace(self, &work, self->dtype, NULL);
	else
		mt_fini(&work);
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

#ifndef SAMARA_NO_GIL
	if (self->weak_references)
#endif
		PyObject_ClearWeakRefs((PyObject *)self);
	if (self->lock)
		lock_forget(self->lock);
	family_leave(&self->member);
	if (self->state)
		mt_fini(&self->mt);
	Py_XDECREF((PyObject *)self->policy);
	Py_XDECREF((PyObject *)self->kind);
	Py_XDECREF(self->lock);
	type->tp_free(self);
	Py_DECREF(type);
}

bool tree_settle_width(struct tree_object *tree)
{
	ALONE_IN(tree, {
		if (!tree->width)
			__atomic_store_n(&tree->width, 64, __ATOMIC_RELEASE);
	});
	return tree->width == 128;
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
	if (__builtin_expect(tree->lock != NULL, 0)) {
		/* Without the GIL, waiting in the lock's critical section leaves the tree's. It is entered
		 * again when lock_wait() returns, and another thread may have taken the lock before. */
		do {
			if (lock_wait(tree->lock) < 0)
				return -1;
		} while (lock_blocks(tree->lock));
	}
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

#ifdef SAMARA_NO_GIL

static bool take_object(uint64_t word)
{
	return PyUnstable_TryIncRef(object_of(word));
}

static void give_object(uint64_t word)
{
	Py_DECREF(object_of(word));
}

static bool is_open(const struct tree_object *tree)
{
	return __atomic_load_n(&tree->open, __ATOMIC_ACQUIRE);
}

/* A word with a reference of its own, and its dtype. */
struct taken {
	struct mt_entry at;
	enum dtype dtype;
};

/* What a look-up is for: to know whether there is a value, to get it, or with its whole range. */
enum want { PRESENCE, VALUE, RANGE };

/*
 * Look up beside writers, without the critical section. 1, 0, or -EAGAIN: do it in the critical section.
 *
 * The tree must be open before and after. If meanwhile it has got a lock, a policy or values of another
 * dtype, it is no longer open. Only the first contents may change the dtype of an open tree: so it is read
 * twice too. The look-up ends with an acquire fence, so the second reads stay behind it.
 */
static inline __attribute__((always_inline)) int look_beside(struct tree_object *tree, mt_key index,
							     enum want want, struct taken *taken)
{
	bool counted;
	int found;

	if (!is_open(tree))
		return -EAGAIN;
	taken->dtype = (enum dtype)__atomic_load_n(&tree->dtype, __ATOMIC_RELAXED);
	counted = want != PRESENCE && taken->dtype == DTYPE_OBJECT;
	if (want == RANGE)
		found = counted ? mtree_lookup_take(&tree->mt, index, &taken->at, take_object,
						    give_object)
				: mtree_lookup(&tree->mt, index, &taken->at);
	else
		found = counted ? mtree_load_take(&tree->mt, index, &taken->at.word, take_object,
						  give_object)
				: mtree_load_word(&tree->mt, index, &taken->at.word);
	if (is_open(tree) &&
	    taken->dtype == (enum dtype)__atomic_load_n(&tree->dtype, __ATOMIC_RELAXED))
		return found;
	if (counted && found > 0)
		give_object(taken->at.word);
	return -EAGAIN;
}

/* The same in the critical section: 1, 0 or -1. `inside`: the tree can hold the key. */
static int look_alone(struct tree_object *tree, mt_key index, bool inside, enum want want,
		      struct taken *taken)
{
	if (tree_enter(tree) < 0)
		return -1;
	taken->dtype = tree->dtype;
	if (!inside || !mtree_lookup(&tree->mt, index, &taken->at))
		return 0;
	if (want != PRESENCE && taken->dtype == DTYPE_OBJECT) {
		/* Other threads than the one that made the object can then take it beside writers. */
		PyUnstable_EnableTryIncRef(object_of(taken->at.word));
		Py_INCREF(object_of(taken->at.word));
	}
	return 1;
}

static inline __attribute__((always_inline)) int look(struct tree_object *tree, PyObject *key,
						      enum want want, struct taken *taken)
{
	int place = INDEX_IN;
	uint64_t number;
	mt_key index;
	int found;

	if (__builtin_expect(
		    tree->kind->plain && PyLong_CheckExact(key) && int_is_short(key, &number), 1))
		index = number;
	else
		place = key_look(tree->kind, key, "index", &index);
	if (place == INDEX_ERROR)
		return -1;
	if (place != INDEX_IN && is_open(tree))
		return 0;
	found = place == INDEX_IN ? look_beside(tree, index, want, taken) : -EAGAIN;
	if (found == -EAGAIN)
		ALONE_IN(tree, found = look_alone(tree, index, place == INDEX_IN, want, taken));
	return found;
}

/* The value of what look() took. */
static PyObject *value_of(const struct taken *taken)
{
	return taken->dtype == DTYPE_OBJECT ? object_of(taken->at.word)
					    : word_to_value(taken->dtype, taken->at.word);
}

bool tree_value_at(struct tree_object *tree, PyObject *key, PyObject **value)
{
	struct taken taken;
	int found = look(tree, key, VALUE, &taken);

	*value = found > 0 ? value_of(&taken) : NULL;
	return found != 0;
}

bool tree_entry_at(struct tree_object *tree, PyObject *key, PyObject **entry)
{
	struct taken taken;
	int found = look(tree, key, RANGE, &taken);

	*entry = found > 0 ? entry_new(tree->kind, taken.at.first, taken.at.last, value_of(&taken))
			   : NULL;
	return found != 0;
}

int tree_has_value_at(struct tree_object *tree, PyObject *key)
{
	struct taken taken;

	return look(tree, key, PRESENCE, &taken);
}

#endif

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
