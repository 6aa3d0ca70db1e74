/* SPDX-License-Identifier: MIT */
/*
 * samara.Cursor: the type. Its methods are in cursor.c, in two forms: for codes of 64 and of 128 bits. The
 * rows of its tables call the form that the cursor's tree needs.
 *
 * A cursor owns a reference to its tree. Only for module.c.
 */
#include "cursor_type.h"
#include "cursor.h"
#include "wide.h"
#include "docs.h"

/* The state is last in the struct, and larger with codes of 128 bits. */
#ifdef SAMARA_WIDE_KEYS
#include "maple_tree_128.h"
#define CURSOR_SIZE (offsetof(struct cursor_object, mas) + sizeof(struct ma_state_128))
static_assert(sizeof(struct ma_state) <= sizeof(struct ma_state_128), "both fit");
static_assert(_Alignof(struct ma_state_128) == _Alignof(struct ma_state), "at one place");
#else
#define CURSOR_SIZE sizeof(struct cursor_object)
#endif

/* ---- both forms ----------------------------------------------------------------------------- */

/* either_NAME() calls the form of NAME() that the cursor's tree needs, alone with that tree. So no two
 * threads move one cursor at once. */
#define DISPATCH(name, parameters, arguments)                                                      \
	WIDE_FORM(name);                                                                           \
	static PyObject *either_##name parameters                                                  \
	{                                                                                          \
		PyObject *result;                                                                  \
                                                                                                   \
		ALONE_IN(self->tree, result = EITHER(self->tree, name, arguments));                \
		return result;                                                                     \
	}
#define FAST(name)                                                                                 \
	DISPATCH(name,                                                                             \
		 (struct cursor_object * self, PyObject *const *args, Py_ssize_t nargs,            \
		  PyObject *kwnames),                                                              \
		 (self, args, nargs, kwnames))
#define PLAIN(name) DISPATCH(name, (struct cursor_object * self, PyObject * unused), (self, unused))
#define GETTER(name) DISPATCH(name, (struct cursor_object * self, void *closure), (self, closure))

/* clang-format off: one row for each */
FAST(cursor_set)
FAST(cursor_set_range)
FAST(cursor_next)
FAST(cursor_next_range)
FAST(cursor_prev)
FAST(cursor_prev_range)
FAST(cursor_find)
FAST(cursor_find_range)
FAST(cursor_find_rev)
FAST(cursor_find_range_rev)
FAST(cursor_store)
FAST(cursor_insert)
FAST(cursor_empty_area)
FAST(cursor_empty_area_rev)
PLAIN(cursor_walk)
PLAIN(cursor_clear)
PLAIN(cursor_erase)
PLAIN(cursor_pause)
PLAIN(cursor_reset)
GETTER(cursor_get_index)
GETTER(cursor_get_last)
GETTER(cursor_get_value)
GETTER(cursor_get_status)
DISPATCH(cursor_repr, (struct cursor_object * self), (self))
DISPATCH(cursor_iternext, (struct cursor_object * self), (self))
WIDE_FORM(cursor_new);
WIDE_FORM(cursor_end);
/* clang-format on */

/* ---- life ----------------------------------------------------------------------------------- */

static PyObject *cursor_call(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	static char *names[] = {"tree", "first", "last", NULL};
	struct core_state *state = state_of_type(type);
	struct tree_object *tree;
	PyObject *first = NULL;
	PyObject *last = NULL;
	PyObject *cursor;

	if (!state)
		return NULL;
	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!|OO:Cursor", names, state->tree_type,
					 &tree, &first, &last))
		return NULL;
	ALONE_IN(tree, cursor = EITHER(tree, cursor_new, (tree, first, last)));
	return cursor;
}

/* No tp_clear: a cycle through a cursor goes through its tree, which can be cleared. */
static int cursor_traverse(struct cursor_object *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	Py_VISIT(self->tree);
	return 0;
}

static void cursor_dealloc(struct cursor_object *self)
{
	PyTypeObject *type = Py_TYPE(self);
	struct tree_object *tree = self->tree;

	PyObject_GC_UnTrack(self);
	EITHER(tree, cursor_end, (self));
	PyObject_GC_Del(self);
	Py_DECREF(tree);
	Py_DECREF(type);
}

static PyObject *cursor_get_tree(struct cursor_object *self, void *Py_UNUSED(closure))
{
	return Py_NewRef((PyObject *)self->tree);
}

/* ---- tables --------------------------------------------------------------------------------- */

static PyGetSetDef cursor_getset[] = {
	{"index", (getter)either_cursor_get_index, NULL, DOC_Cursor_index, NULL},
	{"last", (getter)either_cursor_get_last, NULL, DOC_Cursor_last, NULL},
	{"value", (getter)either_cursor_get_value, NULL, DOC_Cursor_value, NULL},
	{"status", (getter)either_cursor_get_status, NULL, DOC_Cursor_status, NULL},
	{"tree", (getter)cursor_get_tree, NULL, DOC_Cursor_tree, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef cursor_methods[] = {
	{"set", FASTCALL(either_cursor_set), DOC_Cursor_set},
	{"set_range", FASTCALL(either_cursor_set_range), DOC_Cursor_set_range},
	{"walk", NOARGS(either_cursor_walk), DOC_Cursor_walk},
	{"next", FASTCALL(either_cursor_next), DOC_Cursor_next},
	{"next_range", FASTCALL(either_cursor_next_range), DOC_Cursor_next_range},
	{"prev", FASTCALL(either_cursor_prev), DOC_Cursor_prev},
	{"prev_range", FASTCALL(either_cursor_prev_range), DOC_Cursor_prev_range},
	{"find", FASTCALL(either_cursor_find), DOC_Cursor_find},
	{"find_range", FASTCALL(either_cursor_find_range), DOC_Cursor_find_range},
	{"find_rev", FASTCALL(either_cursor_find_rev), DOC_Cursor_find_rev},
	{"find_range_rev", FASTCALL(either_cursor_find_range_rev), DOC_Cursor_find_range_rev},
	{"store", FASTCALL(either_cursor_store), DOC_Cursor_store},
	{"insert", FASTCALL(either_cursor_insert), DOC_Cursor_insert},
	{"clear", NOARGS(either_cursor_clear), DOC_Cursor_clear},
	{"erase", NOARGS(either_cursor_erase), DOC_Cursor_erase},
	{"empty_area", FASTCALL(either_cursor_empty_area), DOC_Cursor_empty_area},
	{"empty_area_rev", FASTCALL(either_cursor_empty_area_rev), DOC_Cursor_empty_area_rev},
	{"pause", NOARGS(either_cursor_pause), DOC_Cursor_pause},
	{"reset", NOARGS(either_cursor_reset), DOC_Cursor_reset},
	{"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, DOC_Cursor___class_getitem__},
	{NULL, NULL, 0, NULL},
};

static PyType_Slot cursor_slots[] = {
	{Py_tp_doc, (void *)DOC_Cursor},
	{Py_tp_new, cursor_call},
	{Py_tp_dealloc, cursor_dealloc},
	{Py_tp_traverse, cursor_traverse},
	{Py_tp_repr, either_cursor_repr},
	{Py_tp_iter, PyObject_SelfIter},
	{Py_tp_iternext, either_cursor_iternext},
	{Py_tp_methods, cursor_methods},
	{Py_tp_getset, cursor_getset},
	{0, NULL},
};

PyType_Spec cursor_spec = {
	.name = "samara.Cursor",
	.basicsize = CURSOR_SIZE,
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
	.slots = cursor_slots,
};
