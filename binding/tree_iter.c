/* SPDX-License-Identifier: MIT */
/*
 * Iterators: over the entries of a window of a tree, or over their ranges or values or both, forwards
 * or backwards; or over its gaps.
 *
 * An iterator owns a fork of the tree that nobody writes. So it needs no lock after it is made, and
 * sees the tree as it was. It drops the fork as soon as it is exhausted, so that the tree's next
 * writes copy no nodes.
 *
 * Invariants: `done` is set before the fork is dropped, and a step uses the fork only while it is
 * not set. So a finalizer may call the iterator. `results` are two tuples, reused in turn if nobody
 * else holds them: a loop still holds the last one when it asks for the next. A step
 * without memory for its result goes back, so that the next step finds the same entry.
 *
 * An iterator owns its fork until it is exhausted, a reference to the module and one to the policy.
 */
#include "tree_iter.h"
#include "args.h"
#include "errors.h"
#include "policy.h"

enum iterator_kind {
	ITERATE_ENTRIES, /* Entry(first, last, value) */
	ITERATE_RANGES,  /* (first, last) */
	ITERATE_VALUES,  /* value */
	ITERATE_ITEMS,   /* ((first, last), value) */
	ITERATE_GAPS,    /* Gap(first, last) */
};

struct iteration {
	mt_key first;
	mt_key last;
	enum iterator_kind kind;
	bool empty; /* the window has no index at all */
	bool reverse;
	bool clip;
};

struct iterator_object {
	PyObject_HEAD
	struct core_state *state; /* keeps the module alive */
	struct kind *kind;        /* owned */
	struct maple_tree snapshot;
	enum dtype dtype;
	struct policy *policy; /* owned, or NULL: the snapshot's */
	struct member member;
	PyObject *results[2];
	int turn; /* which of the two is next */
	bool done;
	bool ending; /* the last gap is being made: nothing follows, but it is not done yet */
	bool reverse;
	bool clip;
	enum iterator_kind what;
	mt_key first; /* the window; for gaps `first` moves forward */
	mt_key last;
	struct ma_state mas;
};

/* 0; or below 0 with what the policy raised, if it had to cut the values at the ends. */
static int take_snapshot(struct iterator_object *self, struct tree_object *tree)
{
	/* The policy can empty the tree, which then leaves its family. */
	struct family *family = (struct family *)Py_XNewRef((PyObject *)tree->member.family);
	int status = 0;

	if (self->clip && self->policy)
		status = mt_slice(&tree->mt, self->first, self->last, &self->snapshot);
	else
		mt_fork(&tree->mt, &self->snapshot);
	if (family)
		family_join(family, &self->member, &self->snapshot);
	Py_XDECREF((PyObject *)family);
	mas_init(&self->mas, &self->snapshot, self->reverse ? self->last : self->first);
	self->done = false;
	if (status < 0)
		raise_status(status);
	return status;
}

static PyObject *iterator_new(struct tree_object *tree, const struct iteration *iteration)
{
	struct iterator_object *self;

	self = PyObject_GC_New(struct iterator_object, WIDTH_TYPES(tree->state)->iterator_type);
	if (!self)
		return NULL;
	self->state = tree->state;
	Py_INCREF(self->state->module);
	self->kind = (struct kind *)Py_NewRef((PyObject *)tree->kind);
	self->member = (struct member){0};
	self->policy = NULL;
	self->results[0] = NULL;
	self->results[1] = NULL;
	self->turn = 0;
	self->done = true;
	self->ending = false;
	self->reverse = iteration->reverse;
	self->clip = iteration->clip;
	self->what = iteration->kind;
	self->first = iteration->first;
	self->last = iteration->last;
	if (tree_enter_family(tree) < 0) {
		Py_DECREF(self);
		return NULL;
	}
	self->dtype = tree->dtype;
	self->policy = (struct policy *)Py_XNewRef((PyObject *)tree->policy);
	if (!iteration->empty && take_snapshot(self, tree) < 0) {
		Py_DECREF(self);
		return NULL;
	}
	PyObject_GC_Track(self);
	return (PyObject *)self;
}

/* Drop the snapshot. Runs the values' finalizers. */
static void iterator_finish(struct iterator_object *self)
{
	Py_CLEAR(self->results[0]);
	Py_CLEAR(self->results[1]);
	if (self->done)
		return;
	self->done = true;
	family_leave(&self->member);
	mt_fini(&self->snapshot);
}

/* Make the keys of a range, which may run any code. 0, or -1. */
static inline int make_keys(const struct iterator_object *self, mt_key first, mt_key last,
			    PyObject *keys[2])
{
	keys[0] = key_object(self->kind, first);
	keys[1] = keys[0] ? key_object(self->kind, last) : NULL;
	if (keys[1])
		return 0;
	Py_XDECREF(keys[0]);
	return -1;
}

/* Whether this iterator alone holds a result, so that nobody sees it change. */
static inline bool held_alone(PyObject *result)
{
#ifdef SAMARA_NO_GIL
	return result && PyUnstable_Object_IsUniquelyReferenced(result);
#else
	return result && Py_REFCNT(result) == 1;
#endif
}

/* An Entry: the reusable one whose turn it is, if nobody else holds it; otherwise a new one. Takes
 * over `value`. */
static PyObject *entry_again(struct iterator_object *self, mt_key first, mt_key last,
			     PyObject *value)
{
	PyObject *keys[2];
	PyObject *old[3];
	PyObject *result;
	int turn;

	if (make_keys(self, first, last, keys) < 0) {
		Py_DECREF(value);
		return NULL;
	}
	turn = self->turn;
	result = self->results[turn];
	self->turn = !turn;
	if (!held_alone(result)) {
		PyObject *entry = entry_of_keys(self->kind, keys[0], keys[1], value);

		/* Making it may have run a garbage collection, and that anything, even this
		 * function. */
		if (entry && !self->results[turn])
			self->results[turn] = Py_NewRef(entry);
		return entry;
	}
	Py_INCREF(result);
	for (int i = 0; i < 3; i++)
		old[i] = PyTuple_GET_ITEM(result, i);
	tuple_forget_hash(result);
	PyTuple_SET_ITEM(result, 0, keys[0]);
	PyTuple_SET_ITEM(result, 1, keys[1]);
	PyTuple_SET_ITEM(result, 2, value);
	for (int i = 0; i < 3; i++)
		Py_DECREF(old[i]);
	return result;
}

/* Let the next step find again what lies around these ends. */
static void step_back(struct iterator_object *self, mt_key first, mt_key last)
{
	mas_set(&self->mas, self->reverse ? last : first);
}

/* The next entry, whose value is self->mas.word: whether there is one. */
static inline bool step_word(struct iterator_object *self, mt_key *first, mt_key *last)
{
	bool found = self->reverse ? mas_find_rev_word(&self->mas, self->first, false)
				   : mas_find_word(&self->mas, self->last, false);

	if (!found) {
		iterator_finish(self);
		return false;
	}
	*first = self->mas.index;
	*last = self->mas.last;
	if (self->clip && *first < self->first)
		*first = self->first;
	if (self->clip && *last > self->last)
		*last = self->last;
	return true;
}

/* The same with its value: 1 with an owned *value; 0 at the end; -1. */
static inline int step(struct iterator_object *self, mt_key *first, mt_key *last, PyObject **value)
{
	if (!step_word(self, first, last))
		return 0;
	*value = word_to_value(self->dtype, self->mas.word);
	if (*value)
		return 1;
	step_back(self, *first, *last);
	return -1;
}

int iterator_step(PyObject *iterator, mt_key *first, mt_key *last, PyObject **value)
{
	struct iterator_object *self = (struct iterator_object *)iterator;

	return self->done ? 0 : step(self, first, last, value);
}

uint64_t iterator_entries(PyObject *iterator)
{
	return mt_entries(&((struct iterator_object *)iterator)->snapshot);
}

void iterator_turn(PyObject *iterator)
{
	struct iterator_object *self = (struct iterator_object *)iterator;

	self->reverse = true;
	mas_set(&self->mas, self->last);
}

static PyObject *next_entry(struct iterator_object *self)
{
	mt_key first, last;
	PyObject *value;
	PyObject *entry;

	if (step(self, &first, &last, &value) <= 0)
		return NULL;
	entry = entry_again(self, first, last, value);
	if (!entry)
		step_back(self, first, last);
	return entry;
}

/* Return (one, two). Takes over both, also if it fails; NULL for either: an exception is set. */
static PyObject *pair_new(PyObject *one, PyObject *two)
{
	PyObject *pair = one && two ? PyTuple_New(2) : NULL;

	if (!pair) {
		Py_XDECREF(one);
		Py_XDECREF(two);
		return NULL;
	}
	PyTuple_SET_ITEM(pair, 0, one);
	PyTuple_SET_ITEM(pair, 1, two);
	return pair;
}

/* The same, in `again` if it is a pair that nobody else holds. Returns a new reference. */
static inline PyObject *pair_again(PyObject *again, PyObject *one, PyObject *two)
{
	PyObject *old[2];

	if (!held_alone(again) || !one || !two)
		return pair_new(one, two);
	old[0] = PyTuple_GET_ITEM(again, 0);
	old[1] = PyTuple_GET_ITEM(again, 1);
	Py_INCREF(again);
	tuple_forget_hash(again);
	PyTuple_SET_ITEM(again, 0, one);
	PyTuple_SET_ITEM(again, 1, two);
	Py_DECREF(old[0]);
	Py_DECREF(old[1]);
	return again;
}

/* Return the pair, and keep it to be used again. Making it may have run any code. */
static inline PyObject *keep_pair(struct iterator_object *self, PyObject *pair)
{
	int turn = self->turn;

	self->turn = !turn;
	if (pair && !self->results[turn] && !self->done)
		self->results[turn] = Py_NewRef(pair);
	return pair;
}

static PyObject *next_range(struct iterator_object *self)
{
	PyObject *range = NULL;
	PyObject *keys[2];
	mt_key first, last;

	if (!step_word(self, &first, &last))
		return NULL;
	if (make_keys(self, first, last, keys) == 0)
		range = pair_again(self->results[self->turn], keys[0], keys[1]);
	if (!range)
		step_back(self, first, last);
	return keep_pair(self, range);
}

static PyObject *next_value(struct iterator_object *self)
{
	mt_key first, last;
	PyObject *value;

	return step(self, &first, &last, &value) > 0 ? value : NULL;
}

static PyObject *next_item(struct iterator_object *self)
{
	PyObject *value, *again, *range, *item;
	PyObject *keys[2];
	mt_key first, last;

	if (step(self, &first, &last, &value) <= 0)
		return NULL;
	if (make_keys(self, first, last, keys) < 0) {
		Py_DECREF(value);
		step_back(self, first, last);
		return NULL;
	}
	again = self->results[self->turn];
	range = pair_again(held_alone(again) ? PyTuple_GET_ITEM(again, 0) : NULL, keys[0], keys[1]);
	/* Making a new pair may have run any code. */
	item = pair_again(self->results[self->turn], range, value);
	if (!item)
		step_back(self, first, last);
	/* The collector no longer looks at a pair that held no containers when it last did. */
	else if (!PyObject_GC_IsTracked(item))
		PyObject_GC_Track(item);
	return keep_pair(self, item);
}

/* Go from entry to entry. A gap is what lies between the end of the last one and the next. */
static PyObject *next_gap(struct iterator_object *self)
{
	PyObject *gap = NULL;
	mt_key first, last;
	bool found;

	do {
		first = self->first;
		found = mas_find_word(&self->mas, self->last, false);
		last = found ? self->mas.index - 1 : self->last; /* if the entry begins above it */
		self->ending = !found || self->mas.last >= self->last;
		if (!self->ending)
			self->first = self->mas.last + 1;
	} while (found && self->mas.index <= first && !self->ending);
	if (!found || self->mas.index > first) {
		gap = gap_new(self->kind, first, last);
		if (!gap) {
			self->ending = false;
			self->first = first;
			step_back(self, first, first);
			return NULL;
		}
	}
	if (self->ending)
		iterator_finish(self);
	return gap;
}

static inline PyObject *next_of_kind(struct iterator_object *self)
{
	if (self->done || self->ending)
		return NULL;
	switch (self->what) {
	case ITERATE_RANGES:
		return next_range(self);
	case ITERATE_VALUES:
		return next_value(self);
	case ITERATE_ITEMS:
		return next_item(self);
	case ITERATE_GAPS:
		return next_gap(self);
	default:
		return next_entry(self);
	}
}

static PyObject *iterator_next(struct iterator_object *self)
{
	PyObject *result;

	ALONE(self, result = next_of_kind(self));
	return result;
}

static int iterator_traverse(struct iterator_object *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	Py_VISIT(self->state->module);
	Py_VISIT(self->results[0]);
	Py_VISIT(self->results[1]);
	Py_VISIT((PyObject *)self->kind);
	Py_VISIT((PyObject *)self->policy);
	if (self->done || self->dtype != DTYPE_OBJECT)
		return 0;
	return member_traverse(&self->member, &self->snapshot, visit, arg);
}

static int iterator_clear(struct iterator_object *self)
{
	iterator_finish(self);
	return 0;
}

static void iterator_dealloc(struct iterator_object *self)
{
	PyTypeObject *type = Py_TYPE(self);

	PyObject_GC_UnTrack(self);
	Py_TRASHCAN_BEGIN(self, iterator_dealloc)
	iterator_finish(self);
	Py_XDECREF((PyObject *)self->policy);
	Py_DECREF((PyObject *)self->kind);
	Py_DECREF(self->state->module);
	PyObject_GC_Del(self);
	Py_DECREF(type);
	Py_TRASHCAN_END
}

/* ---- methods of the tree -------------------------------------------------------------------- */

PyObject *tree_iterate(struct tree_object *self)
{
	struct iteration all = {.last = kind_top(self->kind), .kind = ITERATE_ENTRIES};

	return iterator_new(self, &all);
}

static const char *const entries_names[] = {"first", "last", "reverse", "clip"};
static const char *const window_names[] = {"first", "last"};

/* entries() and its kin. */
static PyObject *iterate(struct tree_object *self, const struct signature *signature,
			 enum iterator_kind kind, PyObject *const *args, Py_ssize_t nargs,
			 PyObject *kwnames)
{
	struct iteration iteration = {.kind = kind};
	PyObject *given[4];
	int some;

	if (args_parse(signature, args, nargs, kwnames, given) < 0)
		return NULL;
	some = window_clip(self->kind, or_limit(given[0]), "first", or_limit(given[1]), "last",
			   &iteration.first, &iteration.last);
	if (some < 0 || truth_parse(given[2], &iteration.reverse) < 0 ||
	    truth_parse(given[3], &iteration.clip) < 0)
		return NULL;
	iteration.empty = !some;
	return iterator_new(self, &iteration);
}

PyObject *tree_entries(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		       PyObject *kwnames)
{
	static const struct signature signature = {"entries", entries_names, 4, 0, 2};

	return iterate(self, &signature, ITERATE_ENTRIES, args, nargs, kwnames);
}

PyObject *tree_ranges(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames)
{
	static const struct signature signature = {"ranges", entries_names, 4, 0, 2};

	return iterate(self, &signature, ITERATE_RANGES, args, nargs, kwnames);
}

PyObject *tree_values(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames)
{
	static const struct signature signature = {"values", entries_names, 4, 0, 2};

	return iterate(self, &signature, ITERATE_VALUES, args, nargs, kwnames);
}

PyObject *tree_items(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		     PyObject *kwnames)
{
	static const struct signature signature = {"items", entries_names, 4, 0, 2};

	return iterate(self, &signature, ITERATE_ITEMS, args, nargs, kwnames);
}

PyObject *tree_gaps(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames)
{
	static const struct signature signature = {"gaps", window_names, 2, 0, 2};
	struct iteration iteration = {.kind = ITERATE_GAPS};
	PyObject *given[2];
	int some;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	some = window_clip(self->kind, or_limit(given[0]), "first", or_limit(given[1]), "last",
			   &iteration.first, &iteration.last);
	if (some < 0)
		return NULL;
	iteration.empty = !some;
	return iterator_new(self, &iteration);
}

PyObject *tree_reversed(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	struct iteration iteration = {
		.last = kind_top(self->kind), .kind = ITERATE_ENTRIES, .reverse = true};

	return iterator_new(self, &iteration);
}

/* ---- the type ------------------------------------------------------------------------------- */

static PyType_Slot iterator_slots[] = {
	{Py_tp_doc, (void *)PyDoc_STR("Iterator over a snapshot of a tree.")},
	{Py_tp_traverse, iterator_traverse},
	{Py_tp_clear, iterator_clear},
	{Py_tp_dealloc, iterator_dealloc},
	{Py_tp_iter, PyObject_SelfIter},
	{Py_tp_iternext, iterator_next},
	{0, NULL},
};

PyType_Spec iterator_spec = {
	.name = "samara._core.TreeIterator",
	.basicsize = sizeof(struct iterator_object),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = iterator_slots,
};
