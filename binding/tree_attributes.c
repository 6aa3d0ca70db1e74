/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: the attributes. Compiled once for each width of codes. Owns nothing. Only for the
 * type's table.
 */
#include "tree_attributes.h"
#include "policy.h"

PyObject *tree_get_covered(struct tree_object *self, void *Py_UNUSED(closure))
{
	mt_key low, high;

	if (tree_enter(self) < 0)
		return NULL;
	mt_covered(&self->mt, &low, &high);
	return size_object(self->kind, low, high != 0);
}

PyObject *tree_get_height(struct tree_object *self, void *Py_UNUSED(closure))
{
	if (tree_enter(self) < 0)
		return NULL;
	return PyLong_FromUnsignedLong(mt_height(&self->mt));
}

PyObject *tree_get_node_count(struct tree_object *self, void *Py_UNUSED(closure))
{
	if (tree_enter(self) < 0)
		return NULL;
	return PyLong_FromSize_t(mt_node_count(&self->mt));
}

PyObject *tree_get_nbytes(struct tree_object *self, void *Py_UNUSED(closure))
{
	if (tree_enter(self) < 0)
		return NULL;
	return PyLong_FromSize_t(mt_node_count(&self->mt) * MT_NODE_BYTES +
				 (size_t)Py_TYPE(self)->tp_basicsize);
}

PyObject *tree_sizeof(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	return tree_get_nbytes(self, NULL);
}

PyObject *tree_get_track_gaps(struct tree_object *self, void *Py_UNUSED(closure))
{
	return PyBool_FromLong(tree_tracks_gaps(self));
}

PyObject *tree_get_dtype(struct tree_object *self, void *Py_UNUSED(closure))
{
	return dtype_object(self->dtype);
}

PyObject *tree_get_policy(struct tree_object *self, void *Py_UNUSED(closure))
{
	return Py_NewRef(policy_given(self->policy));
}

PyObject *tree_get_lock(struct tree_object *self, void *Py_UNUSED(closure))
{
	if (!self->lock) {
		struct lock_object *lock = lock_new(self->state, (PyObject *)self, &self->process);

		if (!lock)
			return NULL;
		self->lock = lock;
		tree_not_plain(self);
	}
	return Py_NewRef((PyObject *)self->lock);
}

PyObject *tree_get_first_key(struct tree_object *self, void *Py_UNUSED(closure))
{
	return key_object(self->kind, 0);
}

PyObject *tree_get_last_key(struct tree_object *self, void *Py_UNUSED(closure))
{
	return key_object(self->kind, kind_top(self->kind));
}

PyObject *tree_get_keys_dtype(struct tree_object *self, void *Py_UNUSED(closure))
{
	return Py_NewRef(self->kind->name);
}
