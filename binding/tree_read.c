/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: look-ups, searches for free room, and checks. Nothing here writes the tree.
 */
#include "binding.h"

static const char *const index_names[] = {"index", "default"};
static const char *const find_names[] = {"index", "last"};
static const char *const find_rev_names[] = {"index", "first"};
static const char *const window_names[] = {"first", "last"};
static const char *const entries_names[] = {"first", "last", "reverse", "clip"};
static const char *const area_names[] = {"size", "first", "last", "align", "reverse"};
static const char *const dump_names[] = {"hex"};

FASTCALL_METHOD(tree_get)
{
	static const struct signature signature = {"get", index_names, 2, 1, 2};
	PyObject *given[2];
	uint64_t index, word;
	int kind;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	kind = index_parse(given[0], "index", &index);
	if (kind == INDEX_ERROR || tree_enter(self) < 0)
		return NULL;
	if (kind == INDEX_IN && mtree_load_word(&self->mt, index, &word))
		return tree_box(self, word);
	return Py_NewRef(given[1] ? given[1] : Py_None);
}

FASTCALL_METHOD(tree_entry)
{
	static const struct signature signature = {"entry", index_names, 1, 1, 1};
	PyObject *given[1];
	struct mt_entry entry;
	uint64_t index;
	int kind;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	kind = index_parse(given[0], "index", &index);
	if (kind == INDEX_ERROR || tree_enter(self) < 0)
		return NULL;
	if (kind == INDEX_IN && mtree_lookup(&self->mt, index, &entry))
		return entry_box(self, &entry);
	Py_RETURN_NONE;
}

FASTCALL_METHOD(tree_find)
{
	static const struct signature signature = {"find", find_names, 2, 1, 2};
	PyObject *given[2];
	struct mt_entry entry;
	uint64_t first, last;
	int some;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	some = window_clip(given[0], "index", given[1], "last", &first, &last);
	if (some < 0 || tree_enter(self) < 0)
		return NULL;
	if (some && mtree_find(&self->mt, first, last, &entry))
		return entry_box(self, &entry);
	Py_RETURN_NONE;
}

FASTCALL_METHOD(tree_find_rev)
{
	static const struct signature signature = {"find_rev", find_rev_names, 2, 1, 2};
	PyObject *given[2];
	struct mt_entry entry;
	uint64_t first, last;
	int some;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	some = window_clip(given[1], "first", given[0], "index", &first, &last);
	if (some < 0 || tree_enter(self) < 0)
		return NULL;
	if (some && mtree_find_rev(&self->mt, last, first, &entry))
		return entry_box(self, &entry);
	Py_RETURN_NONE;
}

static PyObject *entry_at(const struct tree_object *self, const struct ma_state *mas)
{
	return entry_new(self->state, mas->index, mas->last, tree_box(self, mas->word));
}

FASTCALL_METHOD(tree_next)
{
	static const struct signature signature = {"next", index_names, 1, 1, 1};
	PyObject *given[1];
	struct ma_state mas;
	uint64_t index;
	bool found = false;
	int kind;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	kind = index_parse(given[0], "index", &index);
	if (kind == INDEX_ERROR || tree_enter(self) < 0)
		return NULL;
	if (kind == INDEX_IN) {
		mas_init(&mas, &self->mt, index);
		found = mas_next_word(&mas, MAX_INDEX, false);
	} else if (kind == INDEX_BELOW) {
		mas_init(&mas, &self->mt, 0);
		found = mas_find_word(&mas, MAX_INDEX, false);
	}
	if (found)
		return entry_at(self, &mas);
	Py_RETURN_NONE;
}

FASTCALL_METHOD(tree_prev)
{
	static const struct signature signature = {"prev", index_names, 1, 1, 1};
	PyObject *given[1];
	struct ma_state mas;
	uint64_t index;
	bool found = false;
	int kind;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	kind = index_parse(given[0], "index", &index);
	if (kind == INDEX_ERROR || tree_enter(self) < 0)
		return NULL;
	if (kind == INDEX_IN) {
		mas_init(&mas, &self->mt, index);
		found = mas_prev_word(&mas, 0, false);
	} else if (kind != INDEX_BELOW) {
		mas_init(&mas, &self->mt, MAX_INDEX);
		found = mas_find_rev_word(&mas, 0, false);
	}
	if (found)
		return entry_at(self, &mas);
	Py_RETURN_NONE;
}

/* ---- iterators -------------------------------------------------------------------------------- */

static int parse_truth(PyObject *object, bool *truth)
{
	int value = object ? PyObject_IsTrue(object) : 0;

	*truth = value > 0;
	return value < 0 ? -1 : 0;
}

FASTCALL_METHOD(tree_entries)
{
	static const struct signature signature = {"entries", entries_names, 4, 0, 2};
	struct iteration iteration = {.kind = ITERATE_ENTRIES};
	PyObject *given[4];
	int some;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	some = window_clip(given[0], "first", given[1], "last", &iteration.first, &iteration.last);
	if (some < 0 || parse_truth(given[2], &iteration.reverse) < 0 ||
	    parse_truth(given[3], &iteration.clip) < 0)
		return NULL;
	iteration.empty = !some;
	return iterator_new(self, &iteration);
}

FASTCALL_METHOD(tree_gaps)
{
	static const struct signature signature = {"gaps", window_names, 2, 0, 2};
	struct iteration iteration = {.kind = ITERATE_GAPS};
	PyObject *given[2];
	int some;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	some = window_clip(given[0], "first", given[1], "last", &iteration.first, &iteration.last);
	if (some < 0)
		return NULL;
	iteration.empty = !some;
	return iterator_new(self, &iteration);
}

NOARGS_METHOD(tree_reversed)
{
	struct iteration iteration = {
		.first = 0, .last = MAX_INDEX, .kind = ITERATE_ENTRIES, .reverse = true};

	(void)unused;
	return iterator_new(self, &iteration);
}

/* ---- free room -------------------------------------------------------------------------------- */

FASTCALL_METHOD(tree_is_free)
{
	static const struct signature signature = {"is_free", window_names, 2, 2, 2};
	PyObject *given[2];
	struct mt_entry entry;
	uint64_t first, last;
	int some;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	some = window_clip(given[0], "first", given[1], "last", &first, &last);
	if (some < 0 || tree_enter(self) < 0)
		return NULL;
	return PyBool_FromLong(!some || !mtree_find(&self->mt, first, last, &entry));
}

FASTCALL_METHOD(tree_empty_area)
{
	static const struct signature signature = {"empty_area", area_names, 5, 1, 3};
	struct area area = {0};
	PyObject *given[5];
	uint64_t start;
	int some;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	if (area_size(&area, given[0]) < 0)
		return NULL;
	some = window_clip(given[1], "first", given[2], "last", &area.first, &area.last);
	if (some < 0 || area_options(&area, given[3], given[4]) < 0 || tree_enter(self) < 0)
		return NULL;
	area.outside = !some;
	if (area_search(self, &area, &start) <= 0)
		return NULL;
	return PyLong_FromUnsignedLongLong(start);
}

/* ---- checks ----------------------------------------------------------------------------------- */

NOARGS_METHOD(tree_check)
{
	char reason[256] = "";

	(void)unused;
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

FASTCALL_METHOD(tree_dump)
{
	static const struct signature signature = {"dump", dump_names, 1, 0, 0};
	struct text text = {0};
	PyObject *given[1];
	PyObject *result;
	bool hex;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    parse_truth(given[0], &hex) < 0 || tree_enter(self) < 0)
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
