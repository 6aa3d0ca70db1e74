/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree as a mapping: len(), bool(), `in` and t[...]. Compiled once for each width of codes.
 * Owns nothing. Only for the type's tables.
 */
#include "tree_mapping.h"
#include "errors.h"
#include "tree_copy.h"

Py_ssize_t tree_length(struct tree_object *self)
{
	uint64_t entries;

	if (tree_enter(self) < 0)
		return -1;
	entries = mt_entries(&self->mt);
	return entries > PY_SSIZE_T_MAX ? PY_SSIZE_T_MAX : (Py_ssize_t)entries;
}

int tree_bool(struct tree_object *self)
{
	if (tree_enter(self) < 0)
		return -1;
	return !mtree_empty(&self->mt);
}

int tree_contains(struct tree_object *self, PyObject *key)
{
	int found = tree_has_value_at(self, key);

	if (found < 0) {
		bool several = PyRange_Check(key) || PySlice_Check(key) || PyTuple_Check(key);

		if (several && !self->kind->custom)
			extend_type_error(": `in` takes one index; use covers(first, last) or "
					  "overlaps(first, last) for a range");
	}
	return found;
}

/* Whether a key can stand for several: a slice, or a network. */
static inline bool may_be_several(const struct tree_object *self, PyObject *key)
{
	return !PyLong_CheckExact(key) && (PySlice_Check(key) || self->kind->networks);
}

PyObject *tree_subscript(struct tree_object *self, PyObject *key)
{
	mt_key first, last;
	PyObject *value;

	if (may_be_several(self, key)) {
		int some = several_clip(self->kind, key, &first, &last);

		if (some < 0)
			return NULL;
		if (some != KEY_IS_ONE) {
			ALONE_IN(self, value = tree_slice(self, first, last, some == 0));
			return value;
		}
	}
	if (tree_value_at(self, key, &value))
		return value;
	raise_key(key);
	return NULL;
}

/* tree_enter(), with a value if there is one. */
static int enter_store(struct tree_object *self, PyObject *value, uint64_t *word)
{
	return value ? tree_enter_value(self, value, word) : tree_enter(self);
}

/* Store over what a slice or a network stands for, or clear it. `some`: whether that is any key. */
static int store_several(struct tree_object *self, bool some, mt_key first, mt_key last,
			 PyObject *value)
{
	uint64_t word;
	int status = 0;

	if (enter_store(self, value, &word) < 0)
		return -1;
	if (some && value)
		status = mtree_store_range_word(&self->mt, first, last, word);
	else if (some)
		status = mtree_clear_range(&self->mt, first, last);
	if (status < 0)
		raise_status(status);
	return status < 0 ? -1 : 0;
}

int tree_store_subscript(struct tree_object *self, PyObject *key, PyObject *value)
{
	mt_key index, last;
	uint64_t word;
	int status;

	if (may_be_several(self, key)) {
		int some = several_require(self->kind, key, &index, &last);

		if (some != KEY_IS_ONE)
			return some < 0 ? -1 : store_several(self, some, index, last, value);
	}
	if (key_require(self->kind, key, "index", &index) < 0 ||
	    enter_store(self, value, &word) < 0)
		return -1;
	if (value) {
		status = mtree_store_range_word(&self->mt, index, index, word);
	} else {
		if (!mtree_load_word(&self->mt, index, &word)) {
			raise_key(key);
			return -1;
		}
		status = mtree_clear_range(&self->mt, index, index);
	}
	if (status < 0)
		raise_status(status);
	return status < 0 ? -1 : 0;
}
