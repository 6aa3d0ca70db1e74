/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: the type, with methods from all files below. The rest is in this file:
 * __init__(), the mapping protocol, and the attributes.
 *
 * Owns nothing beyond a call: tree_object.c has the tree's life. Only for module.c.
 */
#include "tree.h"
#include "alloc_many.h"
#include "arrays.h"
#include "cursor.h"
#include "errors.h"
#include "file.h"
#include "load_many.h"
#include "pickle.h"
#include "policy.h"
#include "tree_accumulate.h"
#include "tree_build.h"
#include "tree_copy.h"
#include "tree_diff.h"
#include "tree_iter.h"
#include "tree_map.h"
#include "tree_object.h"
#include "tree_read.h"
#include "tree_repr.h"
#include "tree_sets.h"
#include "tree_write.h"
#include "docs.h"

/* ---- making one ----------------------------------------------------------------------------- */

static PyObject *tree_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	struct core_state *state = state_of_type(type);
	struct tree_object *tree;

	(void)args;
	(void)kwargs;
	if (!state)
		return NULL;
	tree = tree_alloc(type);
	if (!tree)
		return NULL;
	mt_init_pool(&tree->mt, tree_flags(true), state->pool, dtype_ops(DTYPE_OBJECT));
	tree_adopt(tree, state);
	return (PyObject *)tree;
}

/* Contents from another tree: a fork. 1, or 0 if the attributes differ, or -1. */
static int init_from_tree(struct tree_object *self, struct tree_object *other, uint32_t flags,
			  enum dtype dtype, struct policy *policy)
{
	struct maple_tree mt;

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

static int init_from_iterable(struct tree_object *self, PyObject *iterable, uint32_t flags,
			      enum dtype dtype, struct policy *policy)
{
	struct maple_tree mt;
	int status = 0;

	mt_init_pool(&mt, flags, self->state->pool, policy_ops(policy, dtype));
	if (iterable)
		status = build_from_iterable(&mt, dtype, iterable);
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

static int tree_init(struct tree_object *self, PyObject *args, PyObject *kwargs)
{
	static char *names[] = {"", "dtype", "track_gaps", "policy", NULL};
	PyObject *iterable = NULL;
	PyObject *dtype_given = NULL;
	PyObject *policy_argument = NULL;
	struct policy *policy;
	enum dtype dtype;
	int track_gaps = 1;
	int status = 0;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O$OpO:MapleTree", names, &iterable,
					 &dtype_given, &track_gaps, &policy_argument) ||
	    dtype_parse(dtype_given, &dtype) < 0 ||
	    policy_parse(self, policy_argument, dtype, &policy) < 0)
		return -1;
	if (iterable && PyObject_TypeCheck(iterable, self->state->tree_type) &&
	    Py_TYPE(iterable)->tp_iter == (getiterfunc)tree_iter)
		status = init_from_tree(self, (struct tree_object *)iterable,
					tree_flags(track_gaps), dtype, policy);
	if (status == 0)
		status = init_from_iterable(self, iterable, tree_flags(track_gaps), dtype, policy);
	Py_XDECREF((PyObject *)policy);
	return status < 0 ? -1 : 0;
}

/* ---- the mapping protocol ------------------------------------------------------------------- */

static Py_ssize_t tree_length(struct tree_object *self)
{
	uint64_t entries;

	if (tree_enter(self) < 0)
		return -1;
	entries = mt_entries(&self->mt);
	return entries > PY_SSIZE_T_MAX ? PY_SSIZE_T_MAX : (Py_ssize_t)entries;
}

static int tree_bool(struct tree_object *self)
{
	if (tree_enter(self) < 0)
		return -1;
	return !mtree_empty(&self->mt);
}

/* For `in`: 0; or -1 with TypeError if the key stands for several indices. */
static int refuse_several(PyObject *key)
{
	bool several = PyRange_Check(key) || PySlice_Check(key) || PyTuple_Check(key);

	if (!several || PyIndex_Check(key))
		return 0;
	PyErr_Format(
		PyExc_TypeError,
		"index must be an integer, not %s: `in` takes one index; use covers(first, last) "
		"or overlaps(first, last) for a range",
		Py_TYPE(key)->tp_name);
	return -1;
}

static int tree_contains(struct tree_object *self, PyObject *key)
{
	mt_key index;
	uint64_t word;
	int kind;

	if (!PyLong_CheckExact(key) && refuse_several(key) < 0)
		return -1;
	kind = tree_enter_index(self, key, &index);
	if (kind == INDEX_ERROR)
		return -1;
	return kind == INDEX_IN && mtree_load_word(&self->mt, index, &word);
}

static PyObject *tree_subscript(struct tree_object *self, PyObject *key)
{
	mt_key index;
	uint64_t word;
	int kind;

	if (PySlice_Check(key)) {
		mt_key last;

		kind = slice_clip(key, &index, &last);
		return kind < 0 ? NULL : tree_slice(self, index, last, kind == 0);
	}
	kind = tree_enter_index(self, key, &index);
	if (kind == INDEX_ERROR)
		return NULL;
	if (kind == INDEX_IN && mtree_load_word(&self->mt, index, &word))
		return tree_box(self, word);
	PyErr_SetObject(PyExc_KeyError, key);
	return NULL;
}

/* tree_enter(), with a value if there is one. */
static int enter_store(struct tree_object *self, PyObject *value, uint64_t *word)
{
	return value ? tree_enter_value(self, value, word) : tree_enter(self);
}

static int store_slice(struct tree_object *self, PyObject *key, PyObject *value)
{
	mt_key first, last;
	uint64_t word;
	int status = slice_require(key, &first, &last);

	if (status < 0 || enter_store(self, value, &word) < 0)
		return -1;
	if (status == 0)
		return 0;
	if (value)
		status = mtree_store_range_word(&self->mt, first, last, word);
	else
		status = mtree_clear_range(&self->mt, first, last);
	if (status < 0)
		raise_status(status);
	return status < 0 ? -1 : 0;
}

static int tree_store_subscript(struct tree_object *self, PyObject *key, PyObject *value)
{
	mt_key index;
	uint64_t word;
	int status;

	if (PySlice_Check(key))
		return store_slice(self, key, value);
	if (index_require(key, "index", &index) < 0 || enter_store(self, value, &word) < 0)
		return -1;
	if (value) {
		status = mtree_store_range_word(&self->mt, index, index, word);
	} else {
		if (!mtree_load_word(&self->mt, index, &word)) {
			PyErr_SetObject(PyExc_KeyError, key);
			return -1;
		}
		status = mtree_clear_range(&self->mt, index, index);
	}
	if (status < 0)
		raise_status(status);
	return status < 0 ? -1 : 0;
}

/* ---- attributes ----------------------------------------------------------------------------- */

static PyObject *tree_get_covered(struct tree_object *self, void *Py_UNUSED(closure))
{
	uint64_t low, high;

	if (tree_enter(self) < 0)
		return NULL;
	mt_covered(&self->mt, &low, &high);
	return high ? Py_NewRef(self->state->two_to_64) : PyLong_FromUnsignedLongLong(low);
}

static PyObject *tree_get_height(struct tree_object *self, void *Py_UNUSED(closure))
{
	if (tree_enter(self) < 0)
		return NULL;
	return PyLong_FromUnsignedLong(mt_height(&self->mt));
}

static PyObject *tree_get_node_count(struct tree_object *self, void *Py_UNUSED(closure))
{
	if (tree_enter(self) < 0)
		return NULL;
	return PyLong_FromSize_t(mt_node_count(&self->mt));
}

static PyObject *tree_get_nbytes(struct tree_object *self, void *Py_UNUSED(closure))
{
	if (tree_enter(self) < 0)
		return NULL;
	return PyLong_FromSize_t(mt_node_count(&self->mt) * MT_NODE_BYTES +
				 (size_t)Py_TYPE(self)->tp_basicsize);
}

static PyObject *tree_sizeof(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	return tree_get_nbytes(self, NULL);
}

static PyObject *tree_get_track_gaps(struct tree_object *self, void *Py_UNUSED(closure))
{
	return PyBool_FromLong(tree_tracks_gaps(self));
}

static PyObject *tree_get_dtype(struct tree_object *self, void *Py_UNUSED(closure))
{
	return dtype_object(self->dtype);
}

static PyObject *tree_get_policy(struct tree_object *self, void *Py_UNUSED(closure))
{
	return Py_NewRef(policy_given(self->policy));
}

static PyObject *tree_get_lock(struct tree_object *self, void *Py_UNUSED(closure))
{
	if (!self->lock) {
		struct lock_object *lock = lock_new(self->state);

		if (!lock)
			return NULL;
		self->lock = lock;
	}
	return Py_NewRef((PyObject *)self->lock);
}

static PyGetSetDef tree_getset[] = {
	{"covered", (getter)tree_get_covered, NULL, DOC_MapleTree_covered, NULL},
	{"height", (getter)tree_get_height, NULL, DOC_MapleTree_height, NULL},
	{"node_count", (getter)tree_get_node_count, NULL, DOC_MapleTree_node_count, NULL},
	{"nbytes", (getter)tree_get_nbytes, NULL, DOC_MapleTree_nbytes, NULL},
	{"track_gaps", (getter)tree_get_track_gaps, NULL, DOC_MapleTree_track_gaps, NULL},
	{"dtype", (getter)tree_get_dtype, NULL, DOC_MapleTree_dtype, NULL},
	{"policy", (getter)tree_get_policy, NULL, DOC_MapleTree_policy, NULL},
	{"lock", (getter)tree_get_lock, NULL, DOC_MapleTree_lock, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef tree_members[] = {
	{"__weaklistoffset__", T_PYSSIZET, offsetof(struct tree_object, weak_references), READONLY,
	 NULL},
	{NULL, 0, 0, 0, NULL},
};

/* ---- the type ------------------------------------------------------------------------------- */

static PyMethodDef tree_methods[] = {
	{"get", FASTCALL(tree_get), DOC_MapleTree_get},
	{"entry", FASTCALL(tree_entry), DOC_MapleTree_entry},
	{"find", FASTCALL(tree_find), DOC_MapleTree_find},
	{"find_rev", FASTCALL(tree_find_rev), DOC_MapleTree_find_rev},
	{"first_entry", NOARGS(tree_first_entry), DOC_MapleTree_first_entry},
	{"last_entry", NOARGS(tree_last_entry), DOC_MapleTree_last_entry},
	{"next", FASTCALL(tree_next), DOC_MapleTree_next},
	{"prev", FASTCALL(tree_prev), DOC_MapleTree_prev},
	{"entries", FASTCALL(tree_entries), DOC_MapleTree_entries},
	{"ranges", FASTCALL(tree_ranges), DOC_MapleTree_ranges},
	{"values", FASTCALL(tree_values), DOC_MapleTree_values},
	{"items", FASTCALL(tree_items), DOC_MapleTree_items},
	{"gaps", FASTCALL(tree_gaps), DOC_MapleTree_gaps},
	{"covers", FASTCALL(tree_covers), DOC_MapleTree_covers},
	{"overlaps", FASTCALL(tree_overlaps), DOC_MapleTree_overlaps},
	{"is_free", FASTCALL(tree_is_free), DOC_MapleTree_is_free},
	{"empty_area", FASTCALL(tree_empty_area), DOC_MapleTree_empty_area},
	{"store_range", FASTCALL(tree_store_range), DOC_MapleTree_store_range},
	{"insert_range", FASTCALL(tree_insert_range), DOC_MapleTree_insert_range},
	{"erase", FASTCALL(tree_erase), DOC_MapleTree_erase},
	{"pop_range", FASTCALL(tree_pop_range), DOC_MapleTree_pop_range},
	{"alloc_range", FASTCALL(tree_alloc_range), DOC_MapleTree_alloc_range},
	{"alloc_many", FASTCALL(tree_alloc_many), DOC_MapleTree_alloc_many},
	{"alloc_cyclic", FASTCALL(tree_alloc_cyclic), DOC_MapleTree_alloc_cyclic},
	{"clear", NOARGS(tree_clear_all), DOC_MapleTree_clear},
	{"dup", NOARGS(tree_dup), DOC_MapleTree_dup},
	{"dup_into", FASTCALL(tree_dup_into), DOC_MapleTree_dup_into},
	{"fork", NOARGS(tree_fork), DOC_MapleTree_fork},
	{"diff", FASTCALL(tree_diff), DOC_MapleTree_diff},
	{"update", FASTCALL(tree_update), DOC_MapleTree_update},
	{"cursor", FASTCALL(tree_cursor), DOC_MapleTree_cursor},
	{"from_arrays", CLASS_FASTCALL(tree_from_arrays), DOC_MapleTree_from_arrays},
	{"to_arrays", NOARGS(tree_to_arrays), DOC_MapleTree_to_arrays},
	{"load_many", FASTCALL(tree_load_many), DOC_MapleTree_load_many},
	{"store_many", FASTCALL(tree_store_many), DOC_MapleTree_store_many},
	{"accumulate", FASTCALL(tree_accumulate), DOC_MapleTree_accumulate},
	{"accumulate_many", FASTCALL(tree_accumulate_many), DOC_MapleTree_accumulate_many},
	{"map_range", FASTCALL(tree_map_range), DOC_MapleTree_map_range},
	{"save", FASTCALL(tree_save), DOC_MapleTree_save},
	{"load", CLASS_FASTCALL(tree_load), DOC_MapleTree_load},
	{"check", NOARGS(tree_check), DOC_MapleTree_check},
	{"dump", FASTCALL(tree_dump), DOC_MapleTree_dump},
	{"_repr_html_", NOARGS(tree_repr_html), DOC_MapleTree__repr_html_},
	{"__rich_repr__", NOARGS(tree_rich_repr), DOC_MapleTree___rich_repr__},
	{"__copy__", NOARGS(tree_fork), DOC_MapleTree___copy__},
	{"__reduce__", NOARGS(tree_reduce), DOC_MapleTree___reduce__},
	{"__setstate__", ONE_ARG(tree_setstate), DOC_MapleTree___setstate__},
	{"__reversed__", NOARGS(tree_reversed), DOC_MapleTree___reversed__},
	{"__sizeof__", NOARGS(tree_sizeof), DOC_MapleTree___sizeof__},
	{"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
	 DOC_MapleTree___class_getitem__},
	{NULL, NULL, 0, NULL},
};

static PyType_Slot tree_slots[] = {
	{Py_tp_doc, (void *)DOC_MapleTree},
	{Py_tp_new, tree_new},
	{Py_tp_init, tree_init},
	{Py_tp_dealloc, tree_dealloc},
	{Py_tp_traverse, tree_traverse},
	{Py_tp_clear, tree_clear},
	{Py_tp_repr, tree_repr},
	{Py_tp_hash, PyObject_HashNotImplemented},
	{Py_tp_richcompare, tree_compare},
	{Py_tp_iter, tree_iter},
	{Py_tp_methods, tree_methods},
	{Py_tp_getset, tree_getset},
	{Py_tp_members, tree_members},
	{Py_mp_length, tree_length},
	{Py_mp_subscript, tree_subscript},
	{Py_mp_ass_subscript, tree_store_subscript},
	{Py_sq_contains, tree_contains},
	{Py_nb_bool, tree_bool},
	{Py_nb_or, tree_or},
	{Py_nb_and, tree_and},
	{Py_nb_subtract, tree_subtract},
	{Py_nb_inplace_or, tree_or_in_place},
	{Py_nb_inplace_and, tree_and_in_place},
	{Py_nb_inplace_subtract, tree_subtract_in_place},
	{0, NULL},
};

PyType_Spec tree_spec = {
	.name = "samara.MapleTree",
	.basicsize = sizeof(struct tree_object),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE |
		 Py_TPFLAGS_IMMUTABLETYPE,
	.slots = tree_slots,
};
