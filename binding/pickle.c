/* SPDX-License-Identifier: MIT */
/*
 * Pickling, and deepcopy through it.
 *
 * The state is a tuple
 *
 *   (1, track_gaps, firsts, lasts, values, attributes)
 *
 *   firsts, lasts  bytes: the codes of the ends of the ranges in order, 8 bytes each, little-endian
 *   values         a list, one value for each range
 *   attributes     what object.__getstate__() returns for an instance of a subclass; else None
 *
 * For a packed tree it is
 *
 *   (2, track_gaps, firsts, lasts, values, attributes, dtype)
 *
 *   values         bytes: the words, 8 bytes each, little-endian
 *   dtype          'u8', 'i8' or 'f8'
 *
 * For a tree with a policy it is
 *
 *   (3, track_gaps, firsts, lasts, values, attributes, policy)
 *
 * For a packed tree with a policy, which is samara.COALESCE or samara.OFFSET, it is
 *
 *   (4, track_gaps, firsts, lasts, values, attributes, dtype, policy)
 *
 * For any tree with another kind of keys than uint64 it is
 *
 *   (5, track_gaps, firsts, lasts, values, attributes, dtype, policy, keys)
 *
 *   firsts, lasts  16 bytes each for codes of 128 bits
 *   dtype, policy  None if the tree has none
 *   keys           the name of the kind, or the user's KeyType
 *
 * With protocol 5, the three columns of a packed tree are pickle.PickleBuffers of these bytes. So a
 * state in a pickle holds bytes; or any buffers, if its columns went out of band.
 *
 * A state comes from outside, so all of it is checked before the tree is touched. What is made of
 * it is owned here until the tree takes it. Compiled once for each width of codes. Only for the type's
 * method table.
 */
#include "pickle.h"
#include "arrays.h"
#include "errors.h"
#include "policy.h"
#include "state_column.h"
#include "tree_build.h"
#include "tree_copy.h"

#define OBJECT_VERSION 1
#define OBJECT_MEMBERS 6
#define PACKED_VERSION 2
#define PACKED_MEMBERS 7
#define POLICY_VERSION 3
#define POLICY_MEMBERS 7
#define PACKED_POLICY_VERSION 4
#define PACKED_POLICY_MEMBERS 8
#define KIND_VERSION 5
#define KEY_BYTES sizeof(mt_key)
#define BUFFERS_PROTOCOL 5 /* the first one that has buffers */

/* A version's tuple: how many items it has, and where its dtype and its policy are; 0: nowhere. */
static const struct form {
	int members;
	int dtype;
	int policy;
} forms[] = {
	[OBJECT_VERSION] = {OBJECT_MEMBERS, 0, 0},
	[PACKED_VERSION] = {PACKED_MEMBERS, 6, 0},
	[POLICY_VERSION] = {POLICY_MEMBERS, 0, 6},
	[PACKED_POLICY_VERSION] = {PACKED_POLICY_MEMBERS, 6, 7},
	[KIND_VERSION] = {KIND_MEMBERS, 6, 7},
};

/* ---- out ------------------------------------------------------------------------------------ */

/* The columns of a snapshot, as a state has them: 0 or -1. */
static int columns_of_snapshot(struct maple_tree *snapshot, enum dtype dtype, bool buffers,
			       PyObject *columns[3])
{
	size_t count = (size_t)mt_entries(snapshot);

	if (snapshot_columns(snapshot, dtype, columns) < 0)
		return -1;
	for (int i = 0; i < 2; i++)
		state_column_swap(PyBytes_AS_STRING(columns[i]), KEY_BYTES, count);
	if (dtype == DTYPE_OBJECT)
		return 0;
	state_column_swap(PyBytes_AS_STRING(columns[2]), sizeof(uint64_t), count);
	return buffers ? state_columns_wrap(columns) : 0;
}

static PyObject *state_of_columns(PyObject *const columns[3], bool tracks_gaps,
				  const struct kind *kind, enum dtype dtype, PyObject *attributes,
				  PyObject *policy)
{
	PyObject *track_gaps = tracks_gaps ? Py_True : Py_False;
	PyObject *firsts = columns[0];
	PyObject *lasts = columns[1];
	PyObject *values = columns[2];
	bool packed = dtype != DTYPE_OBJECT;

	if (MT_KEY_BITS != 64 || !codes_are_keys(kind))
		return Py_BuildValue("(iOOOOOzOO)", KIND_VERSION, track_gaps, firsts, lasts, values,
				     attributes, dtype_name(dtype), policy, kind->name);
	if (packed && policy != Py_None)
		return Py_BuildValue("(iOOOOOsO)", PACKED_POLICY_VERSION, track_gaps, firsts, lasts,
				     values, attributes, dtype_name(dtype), policy);
	if (packed)
		return Py_BuildValue("(iOOOOOs)", PACKED_VERSION, track_gaps, firsts, lasts, values,
				     attributes, dtype_name(dtype));
	if (policy != Py_None)
		return Py_BuildValue("(iOOOOOO)", POLICY_VERSION, track_gaps, firsts, lasts, values,
				     attributes, policy);
	return Py_BuildValue("(iOOOOO)", OBJECT_VERSION, track_gaps, firsts, lasts, values,
			     attributes);
}

/* `buffers`: the columns of a packed tree are to be PickleBuffers. */
static PyObject *reduce(struct tree_object *self, bool buffers)
{
	PyObject *attributes = attributes_get(self);
	PyObject *columns[3] = {NULL};
	PyObject *state = NULL;
	PyObject *result = NULL;
	struct mt_snapshot snapshot;
	struct policy *policy;
	enum dtype dtype;

	if (!attributes || tree_enter(self) < 0)
		goto out;
	dtype = self->dtype;
	policy = (struct policy *)Py_XNewRef((PyObject *)self->policy);
	mt_snapshot_begin(&self->mt, &snapshot);
	if (columns_of_snapshot(&snapshot.tree, dtype, buffers, columns) == 0)
		state = state_of_columns(columns, mt_attr(&snapshot.tree) & MT_FLAGS_ALLOC_RANGE,
					 self->kind, dtype, attributes, policy_given(policy));
	mt_snapshot_end(&self->mt, &snapshot);
	Py_XDECREF((PyObject *)policy);
	if (state)
		result = Py_BuildValue("O(O)O", self->state->newobj, Py_TYPE(self), state);
out:
	for (int i = 0; i < 3; i++)
		Py_XDECREF(columns[i]);
	Py_XDECREF(attributes);
	Py_XDECREF(state);
	return result;
}

PyObject *tree_reduce(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	return reduce(self, false);
}

/* Whether the class has the tree's own __reduce__(): 1, 0 or -1. */
static int reduces_itself(struct tree_object *self)
{
	PyTypeObject *type = Py_TYPE(self);
	PyObject *methods[2] = {NULL};
	int same = -1;

	if (type == self->state->tree_type)
		return 1;
	methods[0] = PyObject_GetAttrString((PyObject *)type, "__reduce__");
	if (methods[0])
		methods[1] =
			PyObject_GetAttrString((PyObject *)self->state->tree_type, "__reduce__");
	if (methods[1])
		same = methods[0] == methods[1];
	Py_XDECREF(methods[0]);
	Py_XDECREF(methods[1]);
	return same;
}

PyObject *tree_reduce_ex(struct tree_object *self, PyObject *protocol)
{
	PyObject *number = PyNumber_Index(protocol);
	int overflow, itself;
	long version;

	if (!number)
		return NULL;
	version = PyLong_AsLongAndOverflow(number, &overflow);
	Py_DECREF(number);
	itself = reduces_itself(self);
	if (itself < 0)
		return NULL;
	if (!itself)
		return PyObject_CallMethod((PyObject *)self, "__reduce__", NULL);
	return reduce(self, overflow > 0 || version >= BUFFERS_PROTOCOL);
}

/* ---- in ------------------------------------------------------------------------------------- */

/* Each name must be one of the class's __slots__. */
static int check_slots(PyObject *self, PyObject *slots)
{
	PyObject *names = PyDict_Keys(slots);
	int status = names ? 0 : -1;

	for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(names); i++) {
		PyObject *name = PyList_GET_ITEM(names, i);
		PyObject *slot = NULL;

		if (PyUnicode_CheckExact(name))
			slot = PyObject_GetAttr((PyObject *)Py_TYPE(self), name);
		if (!slot)
			PyErr_Clear();
		if (!slot || !Py_IS_TYPE(slot, &PyMemberDescr_Type))
			status = state_refuse("attributes for slots that the class does not have");
		Py_XDECREF(slot);
	}
	Py_XDECREF(names);
	return status;
}

static int check_attributes(PyObject *self, PyObject *attributes)
{
	PyObject *dict = attributes;
	PyObject *own;

	if (PyTuple_Check(attributes)) {
		if (PyTuple_GET_SIZE(attributes) != 2 ||
		    !PyDict_Check(PyTuple_GET_ITEM(attributes, 1)))
			return state_refuse("the attributes are not a pair of dicts");
		if (check_slots(self, PyTuple_GET_ITEM(attributes, 1)) < 0)
			return -1;
		dict = PyTuple_GET_ITEM(attributes, 0);
	}
	if (dict == Py_None)
		return 0;
	if (!PyDict_Check(dict))
		return state_refuse("the attributes are not a dict");
	own = PyObject_GetAttrString(self, "__dict__");
	if (!own && PyErr_ExceptionMatches(PyExc_AttributeError))
		return state_refuse("attributes for a class whose instances cannot have any");
	Py_XDECREF(own);
	return own ? 0 : -1;
}

/* The format's version, which tells which members there are; or -1. */
static int check_version(PyObject *state)
{
	PyObject *version, *text;
	long number;

	if (!PyTuple_Check(state) || PyTuple_GET_SIZE(state) < OBJECT_MEMBERS ||
	    PyTuple_GET_SIZE(state) > KIND_MEMBERS)
		return state_refuse("expected a tuple of 6 to 9 items");
	version = PyTuple_GET_ITEM(state, 0);
	if (!PyLong_CheckExact(version))
		return state_refuse("the format is not an integer");
	number = PyLong_AsLong(version);
	PyErr_Clear();
	if (number < OBJECT_VERSION || number > KIND_VERSION) {
		text = number_shown(version);
		if (text)
			PyErr_Format(PyExc_ValueError,
				     "the format of a pickled MapleTree must be 1, 2, 3, 4 or 5, "
				     "not %U",
				     text);
		Py_XDECREF(text);
		return -1;
	}
	if (PyTuple_GET_SIZE(state) == forms[number].members)
		return (int)number;
	PyErr_Format(PyExc_ValueError, "not the state of a MapleTree: expected a tuple of %d items",
		     forms[number].members);
	return -1;
}

/* The dtype of a state of that version. 0 or -1. */
static int check_dtype(PyObject *state, int version, enum dtype *dtype)
{
	int place = forms[version].dtype;
	PyObject *name = place ? PyTuple_GET_ITEM(state, place) : Py_None;

	if (!place || (version == KIND_VERSION && name == Py_None)) {
		*dtype = DTYPE_OBJECT;
		return 0;
	}
	return !dtype_find(name, dtype) || *dtype == DTYPE_OBJECT
		       ? state_refuse("dtype is not 'u8', 'i8' or 'f8'")
		       : 0;
}

/* Open the columns. 0 or -1; close them in both cases. */
static int open_columns(PyObject *state, enum dtype dtype, struct state_column columns[3])
{
	bool packed = dtype != DTYPE_OBJECT;
	PyObject *values = PyTuple_GET_ITEM(state, 4);

	for (int i = 0; i < 2; i++) {
		PyObject *codes = PyTuple_GET_ITEM(state, 2 + i);

		if (!packed && !PyBytes_Check(codes))
			return state_refuse("the ranges are not bytes");
		if (state_column_open(&columns[i], codes, "ranges") < 0)
			return -1;
	}
	if (!packed && !PyList_Check(values))
		return state_refuse("the values are not a list");
	if (packed && state_column_open(&columns[2], values, "values") < 0)
		return -1;
	if (columns[0].view.len != columns[1].view.len ||
	    (size_t)columns[0].view.len % KEY_BYTES != 0)
		return state_refuse("firsts and lasts differ in number");
	return 0;
}

/* Check everything except what can still change, and the order of the ranges, and open the columns.
 * Returns the version, or -1; close the columns in both cases. */
static int check_state(PyObject *self, PyObject *state, enum dtype *dtype,
		       struct state_column columns[3])
{
	int version = check_version(state);

	if (version < 0)
		return -1;
	if (!PyBool_Check(PyTuple_GET_ITEM(state, 1)))
		return state_refuse("track_gaps is not a bool");
	if (check_dtype(state, version, dtype) < 0 || open_columns(state, *dtype, columns) < 0)
		return -1;
	return check_attributes(self, PyTuple_GET_ITEM(state, 5)) < 0 ? -1 : version;
}

static void raise_order(size_t bad, mt_key first, mt_key last)
{
	PyObject *low = code_object(first);
	PyObject *high = low ? code_object(last) : NULL;

	if (high)
		PyErr_Format(PyExc_ValueError,
			     "not the state of a MapleTree: range %zu, [%S, %S], is out of order",
			     bad, low, high);
	Py_XDECREF(low);
	Py_XDECREF(high);
}

/* The objects of a list as words, in memory that the caller frees; or NULL, without an exception. */
static uint64_t *words_of_list(PyObject *list)
{
	size_t count = (size_t)PyList_GET_SIZE(list);
	uint64_t *words = PyMem_New(uint64_t, count);

	for (size_t i = 0; words && i < count; i++)
		words[i] = word_of(PyList_GET_ITEM(list, (Py_ssize_t)i));
	return words;
}

/* Build `mt`, which is empty, from the opened columns of a checked state. Sets the exception for
 * -EINVAL only. */
static int build_from_state(struct maple_tree *mt, const struct kind *kind, enum dtype dtype,
			    PyObject *state, struct state_column columns[3])
{
	PyObject *values = PyTuple_GET_ITEM(state, 4);
	size_t count = (size_t)columns[0].view.len / KEY_BYTES;
	bool packed = dtype != DTYPE_OBJECT;
	const mt_key *firsts, *lasts = NULL;
	const uint64_t *words = NULL;
	uint64_t *made = NULL;
	struct mt_entry end;
	size_t bad = 0;
	int status;

	/* Checked only here, because from here on nothing can change a list. */
	if ((packed ? (size_t)columns[2].view.len : (size_t)PyList_GET_SIZE(values) * 8) !=
	    count * 8) {
		state_refuse("ranges and values differ in number");
		return -EINVAL;
	}
	firsts = state_column_words(&columns[0], KEY_BYTES);
	if (firsts)
		lasts = state_column_words(&columns[1], KEY_BYTES);
	if (lasts && packed)
		words = state_column_words(&columns[2], sizeof(uint64_t));
	else if (lasts)
		words = made = words_of_list(values);
	if (!words)
		return -ENOMEM;
	status = build_tree(mt, &(struct columns){firsts, lasts, words, count}, &bad);
	if (status == 0 && mtree_find_rev(mt, MT_KEY_MAX, 0, &end) && end.last > kind_top(kind)) {
		bad = count - 1;
		status = -EINVAL;
	}
	if (status == -EINVAL)
		raise_order(bad, firsts[bad], lasts[bad]);
	PyMem_Free(made);
	return status;
}

/* 0; or -1 with an exception if the tree is not empty, if it is asking its policy, or if another
 * thread has the lock and a signal arrived. */
static int enter_empty(struct tree_object *self)
{
	if (tree_enter(self) < 0)
		return -1;
	if (mtree_empty(&self->mt))
		return tree_require_idle(self);
	PyErr_SetString(PyExc_ValueError, "__setstate__() requires an empty tree");
	return -1;
}

/* First the contents are made. Then the attributes are set, which can fail and can run anything.
 * Then the tree takes the contents: all of them, or none. */
PyObject *tree_setstate(struct tree_object *self, PyObject *state)
{
	struct state_column columns[3] = {0};
	struct policy *policy = NULL;
	PyObject *given = NULL;
	PyObject *result = NULL;
	struct maple_tree mt;
	enum dtype dtype;
	int version = check_state((PyObject *)self, state, &dtype, columns);
	int status;

	if (version < 0)
		goto out;
	if (forms[version].policy)
		given = PyTuple_GET_ITEM(state, forms[version].policy);
	if (policy_parse(self, self->kind, given, dtype, &policy) < 0 || enter_empty(self) < 0)
		goto out;
	mt_init_pool(&mt, tree_flags(PyTuple_GET_ITEM(state, 1) == Py_True), self->state->pool,
		     policy_ops(policy, dtype));
	status = build_from_state(&mt, self->kind, dtype, state, columns);
	if (status == 0 && attributes_set((PyObject *)self, PyTuple_GET_ITEM(state, 5)) == 0 &&
	    enter_empty(self) == 0 && policy_settle(self, policy, &mt, dtype) == 0) {
		tree_replace(self, &mt, dtype, NULL);
		result = Py_NewRef(Py_None);
	} else {
		mt_fini(&mt);
		if (status < 0 && status != -EINVAL)
			raise_status(status);
	}
out:
	for (int i = 0; i < 3; i++)
		state_column_close(&columns[i]);
	Py_XDECREF((PyObject *)policy);
	return result;
}
