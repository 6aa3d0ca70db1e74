/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: look-ups, searches for free room, and checks. Nothing here writes the tree, and
 * nothing is owned beyond a call. Only for the type's method table.
 */
#include "tree_read.h"
#include "area.h"
#include "errors.h"

static const char *const index_names[] = {"index", "default"};
static const char *const find_names[] = {"index", "last"};
static const char *const find_rev_names[] = {"index", "first"};
static const char *const window_names[] = {"first", "last"};
static const char *const area_names[] = {"size", "first", "last", "align", "reverse"};
static const char *const dump_names[] = {"hex"};

/* The beginning of look-ups at an index: parse the arguments, the first of which is the index, then
 * enter the tree. Returns an enum index_kind. */
static inline __attribute__((always_inline)) int
enter_index(struct tree_object *self, const struct signature *signature, PyObject *const *args,
	    Py_ssize_t nargs, PyObject *kwnames, PyObject **given, mt_key *index)
{
	if (args_parse(signature, args, nargs, kwnames, given) < 0)
		return INDEX_ERROR;
	return tree_enter_key(self, given[0], index);
}

/* The same for a window of the first two arguments; its lower end is the argument at `low`. The
 * second may be None, if it need not be given. 1; 0 if no key is in the window; -1. */
static inline __attribute__((always_inline)) int
enter_window(struct tree_object *self, const struct signature *signature, int low,
	     PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, PyObject **given,
	     mt_key *first, mt_key *last)
{
	int some;

	if (args_parse(signature, args, nargs, kwnames, given) < 0)
		return -1;
	if (signature->required < 2)
		given[1] = or_limit(given[1]);
	some = window_clip(self->kind, given[low], signature->names[low], given[!low],
			   signature->names[!low], first, last);
	return some < 0 || tree_enter(self) < 0 ? -1 : some;
}

PyObject *tree_get(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		   PyObject *kwnames)
{
	static const struct signature signature = {"get", index_names, 2, 1, 2};
	PyObject *given[2];
	PyObject *value;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	if (tree_value_at(self, given[0], &value))
		return value;
	return Py_NewRef(given[1] ? given[1] : Py_None);
}

PyObject *tree_entry(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		     PyObject *kwnames)
{
	static const struct signature signature = {"entry", index_names, 1, 1, 1};
	PyObject *given[1];
	PyObject *entry;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	if (tree_entry_at(self, given[0], &entry))
		return entry;
	Py_RETURN_NONE;
}

/* The first entry of a window, or the last one. */
static inline PyObject *find_in_window(struct tree_object *self, const struct signature *signature,
				       bool reverse, PyObject *const *args, Py_ssize_t nargs,
				       PyObject *kwnames)
{
	PyObject *given[2];
	struct mt_entry entry;
	mt_key first, last;
	int some =
		enter_window(self, signature, reverse, args, nargs, kwnames, given, &first, &last);

	if (some < 0)
		return NULL;
	if (some && (reverse ? mtree_find_rev(&self->mt, last, first, &entry)
			     : mtree_find(&self->mt, first, last, &entry)))
		return tree_box_entry(self, &entry);
	Py_RETURN_NONE;
}

PyObject *tree_find(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames)
{
	static const struct signature signature = {"find", find_names, 2, 1, 2};

	return find_in_window(self, &signature, false, args, nargs, kwnames);
}

PyObject *tree_find_rev(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			PyObject *kwnames)
{
	static const struct signature signature = {"find_rev", find_rev_names, 2, 1, 2};

	return find_in_window(self, &signature, true, args, nargs, kwnames);
}

static PyObject *outermost_entry(struct tree_object *self, bool reverse)
{
	struct mt_entry entry;

	if (tree_enter(self) < 0)
		return NULL;
	if (reverse ? mtree_find_rev(&self->mt, kind_top(self->kind), 0, &entry)
		    : mtree_find(&self->mt, 0, kind_top(self->kind), &entry))
		return tree_box_entry(self, &entry);
	Py_RETURN_NONE;
}

PyObject *tree_first_entry(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	return outermost_entry(self, false);
}

PyObject *tree_last_entry(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	return outermost_entry(self, true);
}

static PyObject *entry_at(const struct tree_object *self, const struct ma_state *mas)
{
	return entry_new(self->kind, mas->index, mas->last, tree_box(self, mas->word));
}

/* The next entry after an index, or the last one before it. If the index lies outside all that the
 * tree can hold, on the far side, that is the tree's first entry, or its last. */
static inline PyObject *step_from(struct tree_object *self, const struct signature *signature,
				  bool reverse, PyObject *const *args, Py_ssize_t nargs,
				  PyObject *kwnames)
{
	PyObject *given[1];
	struct ma_state mas;
	mt_key index;
	bool found = false;
	int kind = enter_index(self, signature, args, nargs, kwnames, given, &index);

	if (kind == INDEX_ERROR)
		return NULL;
	if (kind == INDEX_IN) {
		mas_init(&mas, &self->mt, index);
		found = reverse ? mas_prev_word(&mas, 0, false)
				: mas_next_word(&mas, MT_KEY_MAX, false);
	} else if (kind != INDEX_NOWHERE && reverse != (kind == INDEX_BELOW)) {
		mas_init(&mas, &self->mt, reverse ? MT_KEY_MAX : 0);
		found = reverse ? mas_find_rev_word(&mas, 0, false)
				: mas_find_word(&mas, MT_KEY_MAX, false);
	}
	if (found)
		return entry_at(self, &mas);
	Py_RETURN_NONE;
}

PyObject *tree_next(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames)
{
	static const struct signature signature = {"next", index_names, 1, 1, 1};

	return step_from(self, &signature, false, args, nargs, kwnames);
}

PyObject *tree_prev(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames)
{
	static const struct signature signature = {"prev", index_names, 1, 1, 1};

	return step_from(self, &signature, true, args, nargs, kwnames);
}

/* ---- free room ------------------------------------------------------------------------------ */

/* Whether any index of a window has a value: 1, 0 or -1. */
static inline int window_occupied(struct tree_object *self, const struct signature *signature,
				  PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	PyObject *given[2];
	struct mt_entry entry;
	mt_key first, last;
	int some = enter_window(self, signature, 0, args, nargs, kwnames, given, &first, &last);

	return some > 0 ? mtree_find(&self->mt, first, last, &entry) : some;
}

PyObject *tree_is_free(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		       PyObject *kwnames)
{
	static const struct signature signature = {"is_free", window_names, 2, 2, 2};
	int occupied = window_occupied(self, &signature, args, nargs, kwnames);

	return occupied < 0 ? NULL : PyBool_FromLong(!occupied);
}

PyObject *tree_overlaps(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			PyObject *kwnames)
{
	static const struct signature signature = {"overlaps", window_names, 2, 2, 2};
	int occupied = window_occupied(self, &signature, args, nargs, kwnames);

	return occupied < 0 ? NULL : PyBool_FromLong(occupied);
}

/* Whether every index of [first, last] has a value, in a tree that does not track gaps. */
static bool covered_by_steps(struct maple_tree *mt, mt_key first, mt_key last)
{
	struct ma_state mas;

	mas_init(&mas, mt, first);
	while (mas_find_word(&mas, last, false) && mas.index <= first) {
		if (mas.last >= last)
			return true;
		first = mas.last + 1;
	}
	return false;
}

PyObject *tree_covers(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames)
{
	static const struct signature signature = {"covers", window_names, 2, 2, 2};
	PyObject *given[2];
	mt_key first, last, start;
	bool covered;
	int inside;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	inside = window_inside(self->kind, given[0], given[1], &first, &last);
	if (inside < 0 || tree_enter(self) < 0)
		return NULL;
	if (!inside)
		covered = false;
	else if (tree_tracks_gaps(self))
		covered = mt_empty_area(&self->mt, first, last, 1, 1, 0, false, &start) == -EBUSY;
	else
		covered = covered_by_steps(&self->mt, first, last);
	return PyBool_FromLong(covered);
}

PyObject *tree_empty_area(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames)
{
	static const struct signature signature = {"empty_area", area_names, 5, 1, 3};
	struct area area = {0};
	PyObject *given[5];
	mt_key start;
	int some;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	if (area_size(&area, self->kind, given[0]) < 0)
		return NULL;
	some = window_clip(self->kind, or_limit(given[1]), "first", or_limit(given[2]), "last",
			   &area.first, &area.last);
	if (some < 0 || area_options(&area, given[3], given[4]) < 0 || tree_enter(self) < 0)
		return NULL;
	area.outside = !some;
	if (area_search(self, &area, &start) <= 0)
		return NULL;
	return key_object(self->kind, start);
}

/* ---- checks --------------------------------------------------------------------------------- */

PyObject *tree_check(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	char reason[256] = "";

	if (tree_enter(self) < 0)
		return NULL;
	if (mt_validate(&self->mt, reason, sizeof(reason)) < 0) {
		PyErr_SetString(PyExc_AssertionError, reason);
		return NULL;
	}
	Py_RETURN_NONE;
}

struct text {
	char *bytes;
	size_t length;
	size_t size;
	bool failed;
};

static void text_append(void *context, const char *bytes, size_t length)
{
	struct text *text = context;

	if (text->failed || length == 0)
		return;
	if (length > text->size - text->length) {
		size_t size = (text->length + length) * 2;
		char *larger = PyMem_Realloc(text->bytes, size);

		if (!larger) {
			text->failed = true;
			return;
		}
		text->bytes = larger;
		text->size = size;
	}
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
}

PyObject *tree_dump(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames)
{
	static const struct signature signature = {"dump", dump_names, 1, 0, 0};
	struct text text = {0};
	PyObject *given[1];
	PyObject *result;
	bool hex;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    truth_parse(given[0], &hex) < 0 || tree_enter(self) < 0)
		return NULL;
	mt_dump_to(&self->mt, hex ? mt_dump_hex : mt_dump_dec, text_append, &text);
	if (text.failed)
		result = PyErr_NoMemory();
	else
		result = PyUnicode_DecodeUTF8(text.bytes ? text.bytes : "", (Py_ssize_t)text.length,
					      "replace");
	PyMem_Free(text.bytes);
	return result;
}
