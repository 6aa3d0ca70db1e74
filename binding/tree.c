/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: the type. Its methods are in all files below, most of them in two forms: for codes of
 * 64 and of 128 bits. The rows of its tables are functions of this file, which call the form that a
 * tree needs.
 *
 * Owns nothing beyond a call: tree_object.c has the tree's life. Only for module.c.
 */
#include "tree.h"
#include "alloc_many.h"
#include "arrays.h"
#include "arrow_out.h"
#include "cursor.h"
#include "file.h"
#include "load_many.h"
#include "pickle.h"
#include "tree_accumulate.h"
#include "tree_attributes.h"
#include "tree_copy.h"
#include "tree_diff.h"
#include "tree_iter.h"
#include "tree_make.h"
#include "tree_map.h"
#include "tree_mapping.h"
#include "tree_read.h"
#include "tree_repr.h"
#include "tree_sets.h"
#include "tree_write.h"
#include "wide.h"
#include "docs.h"

/* The maple tree is last in the struct, and larger with codes of 128 bits. */
#ifdef SAMARA_WIDE_KEYS
#include "maple_tree_128.h"
#define TREE_SIZE (offsetof(struct tree_object, mt) + sizeof(struct maple_tree_128))
static_assert(sizeof(struct maple_tree) <= sizeof(struct maple_tree_128), "both fit");
static_assert(_Alignof(struct maple_tree_128) == _Alignof(struct maple_tree), "at one place");
#else
#define TREE_SIZE sizeof(struct tree_object)
#endif

/* ---- both forms ----------------------------------------------------------------------------- */

/* either_NAME() calls the form of NAME() that a tree needs, alone with that tree. */
#define DISPATCH_WITH(type, name, parameters, with, arguments)                                     \
	WIDE_FORM(name);                                                                           \
	static type either_##name parameters                                                       \
	{                                                                                          \
		type result;                                                                       \
                                                                                                   \
		with(result = EITHER(self, name, arguments));                                      \
		return result;                                                                     \
	}
#define WITH_SELF(...) ALONE_IN(self, __VA_ARGS__)
#define WITH_OTHER(...) ALONE_IN_BOTH(self, tree_among(self, args, nargs, kwnames), __VA_ARGS__)
#define WITH_OPERAND(...) ALONE_IN_BOTH(self, tree_or_self(self, object), __VA_ARGS__)
#define WITH_NOTHING(...) __VA_ARGS__
#define DISPATCH(type, name, parameters, arguments)                                                \
	DISPATCH_WITH(type, name, parameters, WITH_SELF, arguments)
#define FAST_WITH(name, with)                                                                      \
	DISPATCH_WITH(PyObject *, name,                                                            \
		      (struct tree_object * self, PyObject *const *args, Py_ssize_t nargs,         \
		       PyObject *kwnames),                                                         \
		      with, (self, args, nargs, kwnames))
/* A method with arguments; one whose argument may be another tree; one that looks a key up, and takes
 * what it needs itself; one without arguments; and an attribute. */
#define FAST(name) FAST_WITH(name, WITH_SELF)
#define FAST_TWO(name) FAST_WITH(name, WITH_OTHER)
#define FAST_LOOK(name) FAST_WITH(name, WITH_NOTHING)
#define PLAIN(name)                                                                                \
	DISPATCH(PyObject *, name, (struct tree_object * self, PyObject * unused), (self, unused))
#define GETTER(name)                                                                               \
	DISPATCH(PyObject *, name, (struct tree_object * self, void *closure), (self, closure))
/* A binary operator. The left operand may be anything. */
#define OPERATOR(name)                                                                             \
	WIDE_FORM(name);                                                                           \
	static PyObject *either_##name(PyObject *left, PyObject *object)                           \
	{                                                                                          \
		struct tree_object *self = as_tree(left);                                          \
		PyObject *result;                                                                  \
                                                                                                   \
		if (!self)                                                                         \
			Py_RETURN_NOTIMPLEMENTED;                                                  \
		WITH_OPERAND(result = EITHER(self, name, (self, object)));                         \
		return result;                                                                     \
	}

/* The object as a tree; or NULL, without an exception. */
static struct tree_object *as_tree(PyObject *object)
{
	struct core_state *state = state_of_type(Py_TYPE(object));

	if (!state)
		PyErr_Clear();
	return state && PyObject_TypeCheck(object, state->tree_type) ? (struct tree_object *)object
								     : NULL;
}

#ifdef SAMARA_NO_GIL
static struct tree_object *tree_or_self(struct tree_object *self, PyObject *object)
{
	return PyObject_TypeCheck(object, self->state->tree_type) ? (struct tree_object *)object
								  : self;
}

/* The tree among the arguments of a method that takes one; or self. */
static struct tree_object *tree_among(struct tree_object *self, PyObject *const *args,
				      Py_ssize_t nargs, PyObject *kwnames)
{
	bool any = nargs || (kwnames && PyTuple_GET_SIZE(kwnames));

	return any ? tree_or_self(self, args[0]) : self;
}

/* The same for __init__(). */
static struct tree_object *tree_of_init(struct tree_object *self, PyObject *args)
{
	return PyTuple_GET_SIZE(args) ? tree_or_self(self, PyTuple_GET_ITEM(args, 0)) : self;
}
#else
#define tree_or_self(self, object) (self)
#define tree_among(self, args, nargs, kwnames) (self)
#define tree_of_init(self, args) (self)
#endif

/* clang-format off: one row for each */
FAST_LOOK(tree_get)
FAST_LOOK(tree_entry)
FAST(tree_find)
FAST(tree_find_rev)
FAST(tree_next)
FAST(tree_prev)
FAST(tree_entries)
FAST(tree_ranges)
FAST(tree_values)
FAST(tree_items)
FAST(tree_gaps)
FAST(tree_covers)
FAST(tree_overlaps)
FAST(tree_is_free)
FAST(tree_empty_area)
FAST(tree_store_range)
FAST(tree_insert_range)
FAST(tree_erase)
FAST(tree_pop_range)
FAST(tree_alloc_range)
FAST(tree_alloc_many)
FAST(tree_alloc_cyclic)
FAST_TWO(tree_dup_into)
FAST_TWO(tree_diff)
FAST_TWO(tree_update)
FAST(tree_cursor)
FAST(tree_arrow_stream)
FAST(tree_load_many)
FAST(tree_store_many)
FAST(tree_accumulate)
FAST(tree_accumulate_many)
FAST(tree_map_range)
FAST(tree_save)
FAST(tree_dump)
PLAIN(tree_first_entry)
PLAIN(tree_last_entry)
PLAIN(tree_clear_all)
PLAIN(tree_dup)
PLAIN(tree_fork)
PLAIN(tree_to_arrays)
PLAIN(tree_check)
PLAIN(tree_repr_html)
PLAIN(tree_rich_repr)
PLAIN(tree_reduce)
PLAIN(tree_reduce_ex)
PLAIN(tree_reversed)
PLAIN(tree_sizeof)
GETTER(tree_get_covered)
GETTER(tree_get_height)
GETTER(tree_get_node_count)
GETTER(tree_get_nbytes)
GETTER(tree_get_track_gaps)
GETTER(tree_get_dtype)
GETTER(tree_get_policy)
GETTER(tree_get_lock)
GETTER(tree_get_first_key)
GETTER(tree_get_last_key)
GETTER(tree_get_keys_dtype)
DISPATCH(PyObject *, tree_repr, (struct tree_object * self), (self))
DISPATCH(PyObject *, tree_iterate, (struct tree_object * self), (self))
DISPATCH_WITH(PyObject *, tree_subscript, (struct tree_object * self, PyObject *key), WITH_NOTHING,
	      (self, key))
DISPATCH(int, tree_store_subscript, (struct tree_object * self, PyObject *key, PyObject *value),
	 (self, key, value))
DISPATCH_WITH(int, tree_contains, (struct tree_object * self, PyObject *key), WITH_NOTHING,
	      (self, key))
DISPATCH(Py_ssize_t, tree_length, (struct tree_object * self), (self))
DISPATCH(int, tree_bool, (struct tree_object * self), (self))
DISPATCH_WITH(PyObject *, tree_compare,
	      (struct tree_object * self, PyObject *object, int operation), WITH_OPERAND,
	      (self, object, operation))
OPERATOR(tree_or)
OPERATOR(tree_and)
OPERATOR(tree_subtract)
OPERATOR(tree_or_in_place)
OPERATOR(tree_and_in_place)
OPERATOR(tree_subtract_in_place)
/* clang-format on */

/* For the collector and the end of a tree, which settle nothing. */
WIDE_FORM(tree_visit);
WIDE_FORM(tree_clear);
WIDE_FORM(tree_free);

static int tree_traverse(struct tree_object *self, visitproc visit, void *arg)
{
#ifdef SAMARA_WIDE_KEYS
	if (self->width == 128)
		return tree_visit_128(self, visit, arg);
#endif
	return tree_visit(self, visit, arg);
}

static int tree_drop(struct tree_object *self)
{
#ifdef SAMARA_WIDE_KEYS
	if (self->width == 128)
		return tree_clear_128(self);
#endif
	return tree_clear(self);
}

static void tree_dealloc(struct tree_object *self)
{
	PyObject_GC_UnTrack(self);
	/* Deeply nested trees in trees must not use up the C stack. */
	Py_TRASHCAN_BEGIN(self, tree_dealloc)
#ifdef SAMARA_WIDE_KEYS
	if (self->width == 128)
		tree_free_128(self);
	else
#endif
		tree_free(self);
	Py_TRASHCAN_END
}

/* ---- new contents ---------------------------------------------------------------------------- */

static int init(struct tree_object *self, PyObject *args, PyObject *kwargs)
{
	int status;

	ALONE_IN_BOTH(self, tree_of_init(self, args), status = tree_init(self, args, kwargs));
	return status;
}

static PyObject *restore_state(struct tree_object *self, PyObject *state)
{
	PyObject *result;

	ALONE_IN(self, result = tree_restore_state(self, state));
	return result;
}

/* ---- tables --------------------------------------------------------------------------------- */

static PyGetSetDef tree_getset[] = {
	{"covered", (getter)either_tree_get_covered, NULL, DOC_MapleTree_covered, NULL},
	{"height", (getter)either_tree_get_height, NULL, DOC_MapleTree_height, NULL},
	{"node_count", (getter)either_tree_get_node_count, NULL, DOC_MapleTree_node_count, NULL},
	{"nbytes", (getter)either_tree_get_nbytes, NULL, DOC_MapleTree_nbytes, NULL},
	{"track_gaps", (getter)either_tree_get_track_gaps, NULL, DOC_MapleTree_track_gaps, NULL},
	{"dtype", (getter)either_tree_get_dtype, NULL, DOC_MapleTree_dtype, NULL},
	{"policy", (getter)either_tree_get_policy, NULL, DOC_MapleTree_policy, NULL},
	{"keys_dtype", (getter)either_tree_get_keys_dtype, NULL, DOC_MapleTree_keys_dtype, NULL},
	{"first_key", (getter)either_tree_get_first_key, NULL, DOC_MapleTree_first_key, NULL},
	{"last_key", (getter)either_tree_get_last_key, NULL, DOC_MapleTree_last_key, NULL},
	{"lock", (getter)either_tree_get_lock, NULL, DOC_MapleTree_lock, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef tree_members[] = {
	{"__weaklistoffset__", T_PYSSIZET, offsetof(struct tree_object, weak_references), READONLY,
	 NULL},
	{NULL, 0, 0, 0, NULL},
};

/* ---- the type ------------------------------------------------------------------------------- */

static PyMethodDef tree_methods[] = {
	{"get", FASTCALL(either_tree_get), DOC_MapleTree_get},
	{"entry", FASTCALL(either_tree_entry), DOC_MapleTree_entry},
	{"find", FASTCALL(either_tree_find), DOC_MapleTree_find},
	{"find_rev", FASTCALL(either_tree_find_rev), DOC_MapleTree_find_rev},
	{"first_entry", NOARGS(either_tree_first_entry), DOC_MapleTree_first_entry},
	{"last_entry", NOARGS(either_tree_last_entry), DOC_MapleTree_last_entry},
	{"next", FASTCALL(either_tree_next), DOC_MapleTree_next},
	{"prev", FASTCALL(either_tree_prev), DOC_MapleTree_prev},
	{"entries", FASTCALL(either_tree_entries), DOC_MapleTree_entries},
	{"ranges", FASTCALL(either_tree_ranges), DOC_MapleTree_ranges},
	{"values", FASTCALL(either_tree_values), DOC_MapleTree_values},
	{"items", FASTCALL(either_tree_items), DOC_MapleTree_items},
	{"gaps", FASTCALL(either_tree_gaps), DOC_MapleTree_gaps},
	{"covers", FASTCALL(either_tree_covers), DOC_MapleTree_covers},
	{"overlaps", FASTCALL(either_tree_overlaps), DOC_MapleTree_overlaps},
	{"is_free", FASTCALL(either_tree_is_free), DOC_MapleTree_is_free},
	{"empty_area", FASTCALL(either_tree_empty_area), DOC_MapleTree_empty_area},
	{"store_range", FASTCALL(either_tree_store_range), DOC_MapleTree_store_range},
	{"insert_range", FASTCALL(either_tree_insert_range), DOC_MapleTree_insert_range},
	{"erase", FASTCALL(either_tree_erase), DOC_MapleTree_erase},
	{"pop_range", FASTCALL(either_tree_pop_range), DOC_MapleTree_pop_range},
	{"alloc_range", FASTCALL(either_tree_alloc_range), DOC_MapleTree_alloc_range},
	{"alloc_many", FASTCALL(either_tree_alloc_many), DOC_MapleTree_alloc_many},
	{"alloc_cyclic", FASTCALL(either_tree_alloc_cyclic), DOC_MapleTree_alloc_cyclic},
	{"clear", NOARGS(either_tree_clear_all), DOC_MapleTree_clear},
	{"dup", NOARGS(either_tree_dup), DOC_MapleTree_dup},
	{"dup_into", FASTCALL(either_tree_dup_into), DOC_MapleTree_dup_into},
	{"fork", NOARGS(either_tree_fork), DOC_MapleTree_fork},
	{"diff", FASTCALL(either_tree_diff), DOC_MapleTree_diff},
	{"update", FASTCALL(either_tree_update), DOC_MapleTree_update},
	{"cursor", FASTCALL(either_tree_cursor), DOC_MapleTree_cursor},
	{"from_arrays", CLASS_FASTCALL(tree_from_arrays), DOC_MapleTree_from_arrays},
	{"from_arrow", CLASS_FASTCALL(tree_from_arrow), DOC_MapleTree_from_arrow},
	{"__arrow_c_stream__", FASTCALL(either_tree_arrow_stream),
	 DOC_MapleTree___arrow_c_stream__},
	{"to_arrays", NOARGS(either_tree_to_arrays), DOC_MapleTree_to_arrays},
	{"load_many", FASTCALL(either_tree_load_many), DOC_MapleTree_load_many},
	{"store_many", FASTCALL(either_tree_store_many), DOC_MapleTree_store_many},
	{"accumulate", FASTCALL(either_tree_accumulate), DOC_MapleTree_accumulate},
	{"accumulate_many", FASTCALL(either_tree_accumulate_many), DOC_MapleTree_accumulate_many},
	{"map_range", FASTCALL(either_tree_map_range), DOC_MapleTree_map_range},
	{"save", FASTCALL(either_tree_save), DOC_MapleTree_save},
	{"load", CLASS_FASTCALL(tree_load), DOC_MapleTree_load},
	{"check", NOARGS(either_tree_check), DOC_MapleTree_check},
	{"dump", FASTCALL(either_tree_dump), DOC_MapleTree_dump},
	{"_repr_html_", NOARGS(either_tree_repr_html), DOC_MapleTree__repr_html_},
	{"__rich_repr__", NOARGS(either_tree_rich_repr), DOC_MapleTree___rich_repr__},
	{"__copy__", NOARGS(either_tree_fork), DOC_MapleTree___copy__},
	{"__reduce__", NOARGS(either_tree_reduce), DOC_MapleTree___reduce__},
	{"__reduce_ex__", ONE_ARG(either_tree_reduce_ex), DOC_MapleTree___reduce_ex__},
	{"__setstate__", ONE_ARG(restore_state), DOC_MapleTree___setstate__},
	{"__reversed__", NOARGS(either_tree_reversed), DOC_MapleTree___reversed__},
	{"__sizeof__", NOARGS(either_tree_sizeof), DOC_MapleTree___sizeof__},
	{"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
	 DOC_MapleTree___class_getitem__},
	{NULL, NULL, 0, NULL},
};

static PyType_Slot tree_slots[] = {
	{Py_tp_doc, (void *)DOC_MapleTree},
	{Py_tp_new, tree_new},
	{Py_tp_init, init},
	{Py_tp_dealloc, tree_dealloc},
	{Py_tp_traverse, tree_traverse},
	{Py_tp_clear, tree_drop},
	{Py_tp_repr, either_tree_repr},
	{Py_tp_hash, PyObject_HashNotImplemented},
	{Py_tp_richcompare, either_tree_compare},
	{Py_tp_iter, either_tree_iterate},
	{Py_tp_methods, tree_methods},
	{Py_tp_getset, tree_getset},
	{Py_tp_members, tree_members},
	{Py_mp_length, either_tree_length},
	{Py_mp_subscript, either_tree_subscript},
	{Py_mp_ass_subscript, either_tree_store_subscript},
	{Py_sq_contains, either_tree_contains},
	{Py_nb_bool, either_tree_bool},
	{Py_nb_or, either_tree_or},
	{Py_nb_and, either_tree_and},
	{Py_nb_subtract, either_tree_subtract},
	{Py_nb_inplace_or, either_tree_or_in_place},
	{Py_nb_inplace_and, either_tree_and_in_place},
	{Py_nb_inplace_subtract, either_tree_subtract_in_place},
	{0, NULL},
};

PyType_Spec tree_spec = {
	.name = "samara.MapleTree",
	.basicsize = TREE_SIZE,
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE |
		 Py_TPFLAGS_IMMUTABLETYPE,
	.slots = tree_slots,
};
