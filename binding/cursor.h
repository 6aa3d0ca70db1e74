/* SPDX-License-Identifier: MIT */
/* A cursor's methods. */
#ifndef SAMARA_CURSOR_H
#define SAMARA_CURSOR_H

#include "tree_object.h"

/* The state is last: it has one of two types, by the width of the tree's codes. */
struct cursor_object {
	PyObject_HEAD
	struct tree_object *tree; /* owned */
	struct ma_state mas;
};

/* A cursor over [first, last]. If last is NULL or None: over the one key first. */
PyObject *cursor_new(struct tree_object *tree, PyObject *first_object, PyObject *last_object);
/* Give back the nodes that it has in reserve. */
void cursor_end(struct cursor_object *self);
PyObject *tree_cursor(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames);

/* For the type's tables. */
PyObject *cursor_set(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
		     PyObject *kwnames);
PyObject *cursor_set_range(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames);
PyObject *cursor_next(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames);
PyObject *cursor_next_range(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames);
PyObject *cursor_prev(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames);
PyObject *cursor_prev_range(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames);
PyObject *cursor_find(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames);
PyObject *cursor_find_range(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames);
PyObject *cursor_find_rev(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames);
PyObject *cursor_find_range_rev(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
				PyObject *kwnames);
PyObject *cursor_store(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
		       PyObject *kwnames);
PyObject *cursor_insert(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			PyObject *kwnames);
PyObject *cursor_empty_area(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames);
PyObject *cursor_empty_area_rev(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
				PyObject *kwnames);
PyObject *cursor_walk(struct cursor_object *self, PyObject *unused);
PyObject *cursor_clear(struct cursor_object *self, PyObject *unused);
PyObject *cursor_erase(struct cursor_object *self, PyObject *unused);
PyObject *cursor_pause(struct cursor_object *self, PyObject *unused);
PyObject *cursor_reset(struct cursor_object *self, PyObject *unused);
PyObject *cursor_get_index(struct cursor_object *self, void *closure);
PyObject *cursor_get_last(struct cursor_object *self, void *closure);
PyObject *cursor_get_value(struct cursor_object *self, void *closure);
PyObject *cursor_get_status(struct cursor_object *self, void *closure);
PyObject *cursor_repr(struct cursor_object *self);
PyObject *cursor_iternext(struct cursor_object *self);

#endif /* SAMARA_CURSOR_H */
