/* SPDX-License-Identifier: MIT */
/*
 * What a tree looks like: in a prompt, in a notebook, and in rich. A long tree shows only its first
 * and its last entries, so showing it is O(1) in the number of ranges.
 *
 * Printing calls itself for trees in trees. So it runs over an iterator, not over a snapshot on the
 * stack: a level of nesting must not take more stack than the interpreter expects.
 *
 * Owns nothing beyond a call. Only for the type's tables.
 */
#include "tree_repr.h"
#include "tree_iter.h"

/* The same numbers as in samara/_display.py. */
#define SHOWN_WHOLE 20 /* the most entries that are all shown */
#define SHOWN_EDGE 3   /* of a longer tree: so many at each end */

/* "(10, 19, 'a')", with the text of the value. */
static PyObject *entry_text(const struct kind *kind, mt_key first, mt_key last, PyObject *value)
{
	PyObject *keys[2] = {key_object(kind, first), NULL};
	PyObject *text = NULL;

	if (keys[0])
		keys[1] = key_object(kind, last);
	if (keys[1])
		text = PyUnicode_FromFormat("(%R, %R, %U)", keys[0], keys[1], value);
	Py_XDECREF(keys[0]);
	Py_XDECREF(keys[1]);
	return text;
}

/* Append the text of the next entries to `parts`, but of no more than `most`. */
static int print_entries(const struct kind *kind, PyObject *iterator, unsigned most,
			 PyObject *parts)
{
	mt_key first, last;
	PyObject *value;
	int status = 0;

	for (; status == 0 && most > 0; most--) {
		int more = iterator_step(iterator, &first, &last, &value);
		PyObject *text, *part;

		if (more <= 0)
			return more;
		text = PyObject_Repr(value);
		Py_DECREF(value);
		part = text ? entry_text(kind, first, last, text) : NULL;
		Py_XDECREF(text);
		status = part ? PyList_Append(parts, part) : -1;
		Py_XDECREF(part);
	}
	return status;
}

/* Append the texts of the last entries to `parts`, in ascending order. */
static int print_last_entries(const struct kind *kind, PyObject *iterator, PyObject *parts)
{
	PyObject *dots = PyUnicode_FromString("...");
	PyObject *texts = dots ? PyList_New(0) : NULL;
	int status = -1;

	iterator_turn(iterator);
	if (texts && PyList_Append(parts, dots) == 0 &&
	    print_entries(kind, iterator, SHOWN_EDGE, texts) == 0 && PyList_Reverse(texts) == 0)
		status = PyList_SetSlice(parts, PY_SSIZE_T_MAX, PY_SSIZE_T_MAX, texts);
	Py_XDECREF(dots);
	Py_XDECREF(texts);
	return status;
}

/* `TreeType([(10, 19, 1)], dtype='u8', track_gaps=False)`, without options that have their default.
 * If there are many entries, `<TreeType of 99 ranges, dtype='u8': (10, 19, 1), ..., (90, 99, 1)>`. */
static PyObject *print_tree(struct tree_object *self, PyObject *iterator)
{
	const char *dtype = dtype_name(self->dtype);
	const char *gaps = tree_tracks_gaps(self) ? "" : ", track_gaps=False";
	uint64_t entries = iterator_entries(iterator);
	bool whole = entries <= SHOWN_WHOLE;
	PyObject *parts = PyList_New(0);
	PyObject *separator = parts ? PyUnicode_FromString(", ") : NULL;
	PyObject *name =
		separator ? PyObject_GetAttrString((PyObject *)Py_TYPE(self), "__name__") : NULL;
	PyObject *keys = NULL;
	PyObject *options = NULL;
	PyObject *joined = NULL;
	PyObject *text = NULL;

	if (name)
		keys = codes_are_keys(self->kind) && MT_KEY_BITS == 64
			       ? PyUnicode_FromString("")
			       : PyUnicode_FromFormat(", keys=%R", self->kind->name);
	if (keys)
		options = PyUnicode_FromFormat("%U%s%s%s%s", keys, dtype ? ", dtype='" : "",
					       dtype ? dtype : "", dtype ? "'" : "", gaps);
	if (options &&
	    print_entries(self->kind, iterator, whole ? SHOWN_WHOLE : SHOWN_EDGE, parts) == 0 &&
	    (whole || print_last_entries(self->kind, iterator, parts) == 0))
		joined = PyUnicode_Join(separator, parts);
	if (joined && whole)
		text = PyUnicode_FromFormat("%S([%U]%U)", name, joined, options);
	else if (joined)
		text = PyUnicode_FromFormat("<%S of %llu ranges%U: %U>", name,
					    (unsigned long long)entries, options, joined);
	Py_XDECREF(parts);
	Py_XDECREF(separator);
	Py_XDECREF(name);
	Py_XDECREF(keys);
	Py_XDECREF(options);
	Py_XDECREF(joined);
	return text;
}

PyObject *tree_repr(struct tree_object *self)
{
	PyObject *text = NULL;
	PyObject *iterator;
	int inside = Py_ReprEnter((PyObject *)self);

	if (inside < 0)
		return NULL;
	if (inside > 0)
		return PyUnicode_FromString("...");
	if (tree_enter(self) == 0) {
		mt_entries(&self->mt); /* counted here, the snapshot need not count again */
		iterator = tree_iterate(self);
		if (iterator)
			text = print_tree(self, iterator);
		Py_XDECREF(iterator);
	}
	Py_ReprLeave((PyObject *)self);
	return text;
}

/* Call a function of samara/_display.py. */
static PyObject *display(struct tree_object *self, const char *function)
{
	PyObject *module = PyImport_ImportModule("samara._display");
	PyObject *result = NULL;

	if (module)
		result = PyObject_CallMethod(module, function, "O", (PyObject *)self);
	Py_XDECREF(module);
	return result;
}

PyObject *tree_repr_html(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	return display(self, "as_html");
}

PyObject *tree_rich_repr(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	return display(self, "for_rich");
}
