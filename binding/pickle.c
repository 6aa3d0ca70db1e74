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
 * A state comes from outside, so all of it is checked before the tree is touched. What is made of
 * it is owned here until the tree takes it. Compiled once for each width of codes. Only for the type's
 * method table.
 */
#include "pickle.h"
#include "errors.h"
#include "policy.h"
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
#define KEY_BYTES ((int)sizeof(mt_key))

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

/* Of 8 bytes, or of as many as a code has. */
static void put_little_endian(char *bytes, mt_key number, int size)
{
	for (int i = 0; i < size; i++)
		bytes[i] = (char)(number >> (8 * i));
}

static mt_key get_little_endian(const char *bytes, int size)
{
	mt_key number = 0;

	for (int i = 0; i < size; i++)
		number |= (mt_key)(unsigned char)bytes[i] << (8 * i);
	return number;
}

/* ---- out ------------------------------------------------------------------------------------ */

/* The state of a snapshot. Nothing else runs between the first item and the last. */
static PyObject *state_of_snapshot(struct maple_tree *snapshot, const struct kind *kind,
				   enum dtype dtype, PyObject *attributes, PyObject *policy)
{
	bool packed = dtype != DTYPE_OBJECT;
	Py_ssize_t count = (Py_ssize_t)mt_entries(snapshot);
	PyObject *firsts = PyBytes_FromStringAndSize(NULL, count * KEY_BYTES);
	PyObject *lasts = firsts ? PyBytes_FromStringAndSize(NULL, count * KEY_BYTES) : NULL;
	PyObject *values = NULL;
	PyObject *track_gaps = mt_attr(snapshot) & MT_FLAGS_ALLOC_RANGE ? Py_True : Py_False;
	PyObject *state = NULL;
	struct ma_state mas;

	if (lasts)
		values = packed ? PyBytes_FromStringAndSize(NULL, count * 8) : PyList_New(count);
	if (!values)
		goto out;
	mas_init(&mas, snapshot, 0);
	for (Py_ssize_t i = 0; i < count && mas_find_word(&mas, MT_KEY_MAX, false); i++) {
		put_little_endian(PyBytes_AS_STRING(firsts) + i * KEY_BYTES, mas.index, KEY_BYTES);
		put_little_endian(PyBytes_AS_STRING(lasts) + i * KEY_BYTES, mas.last, KEY_BYTES);
		if (packed)
			put_little_endian(PyBytes_AS_STRING(values) + i * 8, mas.word, 8);
		else
			PyList_SET_ITEM(values, i, Py_NewRef(object_of(mas.word)));
	}
	if (MT_KEY_BITS != 64 || !codes_are_keys(kind))
		state = Py_BuildValue("(iOOOOOzOO)", KIND_VERSION, track_gaps, firsts, lasts,
				      values, attributes, dtype_name(dtype), policy, kind->name);
	else if (packed && policy != Py_None)
		state = Py_BuildValue("(iOOOOOsO)", PACKED_POLICY_VERSION, track_gaps, firsts,
				      lasts, values, attributes, dtype_name(dtype), policy);
	else if (packed)
		state = Py_BuildValue("(iOOOOOs)", PACKED_VERSION, track_gaps, firsts, lasts,
				      values, attributes, dtype_name(dtype));
	else if (policy != Py_None)
		state = Py_BuildValue("(iOOOOOO)", POLICY_VERSION, track_gaps, firsts, lasts,
				      values, attributes, policy);
	else
		state = Py_BuildValue("(iOOOOO)", OBJECT_VERSION, track_gaps, firsts, lasts, values,
				      attributes);
out:
	Py_XDECREF(firsts);
	Py_XDECREF(lasts);
	Py_XDECREF(values);
	return state;
}

PyObject *tree_reduce(struct tree_object *self, PyObject *Py_UNUSED(unused))
{
	PyObject *attributes = attributes_get(self);
	PyObject *state = NULL;
	PyObject *result = NULL;
	struct maple_tree snapshot;
	enum dtype dtype;

	if (!attributes || tree_enter(self) < 0)
		goto out;
	dtype = self->dtype;
	mt_fork(&self->mt, &snapshot);
	state = state_of_snapshot(&snapshot, self->kind, dtype, attributes,
				  policy_given(self->policy));
	mt_fini(&snapshot);
	if (state)
		result = Py_BuildValue("O(O)O", self->state->newobj, Py_TYPE(self), state);
out:
	Py_XDECREF(attributes);
	Py_XDECREF(state);
	return result;
}

/* ---- in ------------------------------------------------------------------------------------- */

static int refuse(const char *reason)
{
	PyErr_Format(PyExc_ValueError, "not the state of a MapleTree: %s", reason);
	return -1;
}

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
			status = refuse("attributes for slots that the class does not have");
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
			return refuse("the attributes are not a pair of dicts");
		if (check_slots(self, PyTuple_GET_ITEM(attributes, 1)) < 0)
			return -1;
		dict = PyTuple_GET_ITEM(attributes, 0);
	}
	if (dict == Py_None)
		return 0;
	if (!PyDict_Check(dict))
		return refuse("the attributes are not a dict");
	own = PyObject_GetAttrString(self, "__dict__");
	if (!own && PyErr_ExceptionMatches(PyExc_AttributeError))
		return refuse("attributes for a class whose instances cannot have any");
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
		return refuse("expected a tuple of 6 to 9 items");
	version = PyTuple_GET_ITEM(state, 0);
	if (!PyLong_CheckExact(version))
		return refuse("the format is not an integer");
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
		       ? refuse("dtype is not 'u8', 'i8' or 'f8'")
		       : 0;
}

/* Check everything except what can still change, and the order of the ranges. Returns the version,
 * or -1. */
static int check_state(PyObject *self, PyObject *state, enum dtype *dtype)
{
	PyObject *firsts, *lasts, *values;
	int version = check_version(state);
	bool packed;

	if (version < 0)
		return -1;
	firsts = PyTuple_GET_ITEM(state, 2);
	lasts = PyTuple_GET_ITEM(state, 3);
	values = PyTuple_GET_ITEM(state, 4);
	if (!PyBool_Check(PyTuple_GET_ITEM(state, 1)))
		return refuse("track_gaps is not a bool");
	if (!PyBytes_Check(firsts) || !PyBytes_Check(lasts))
		return refuse("the ranges are not bytes");
	if (check_dtype(state, version, dtype) < 0)
		return -1;
	packed = *dtype != DTYPE_OBJECT;
	if (!packed && !PyList_Check(values))
		return refuse("the values are not a list");
	if (packed && !PyBytes_Check(values))
		return refuse("the values are not bytes");
	if (PyBytes_GET_SIZE(firsts) != PyBytes_GET_SIZE(lasts) ||
	    PyBytes_GET_SIZE(firsts) % KEY_BYTES != 0)
		return refuse("firsts and lasts differ in number");
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

/* Build `mt`, which is empty, from a checked state. Sets the exception for -EINVAL only. */
static int build_from_state(struct maple_tree *mt, const struct kind *kind, enum dtype dtype,
			    PyObject *state)
{
	const char *firsts = PyBytes_AS_STRING(PyTuple_GET_ITEM(state, 2));
	const char *lasts = PyBytes_AS_STRING(PyTuple_GET_ITEM(state, 3));
	PyObject *values = PyTuple_GET_ITEM(state, 4);
	size_t count = (size_t)(PyBytes_GET_SIZE(PyTuple_GET_ITEM(state, 2)) / KEY_BYTES);
	uint64_t *words;
	mt_key *codes;
	size_t bad = 0;
	bool packed = dtype != DTYPE_OBJECT;
	int status;

	/* Checked only here, because from here on nothing can change a list. */
	if ((packed ? (size_t)PyBytes_GET_SIZE(values) : (size_t)PyList_GET_SIZE(values) * 8) !=
	    count * 8) {
		refuse("ranges and values differ in number");
		return -EINVAL;
	}
	codes = PyMem_New(mt_key, count * 3 + 1);
	if (!codes)
		return -ENOMEM;
	words = (uint64_t *)(codes + 2 * count);
	for (size_t i = 0; i < count; i++) {
		codes[i] = get_little_endian(firsts + i * sizeof(mt_key), KEY_BYTES);
		codes[count + i] = get_little_endian(lasts + i * sizeof(mt_key), KEY_BYTES);
		words[i] =
			packed ? (uint64_t)get_little_endian(PyBytes_AS_STRING(values) + i * 8, 8)
			       : word_of(PyList_GET_ITEM(values, (Py_ssize_t)i));
	}
	status = mt_build(mt, codes, codes + count, words, count, &bad);
	if (status == 0 && count && codes[2 * count - 1] > kind_top(kind)) {
		bad = count - 1;
		status = -EINVAL;
	}
	if (status == -EINVAL)
		raise_order(bad, codes[bad], codes[count + bad]);
	PyMem_Free(codes);
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
	struct policy *policy = NULL;
	PyObject *given = NULL;
	PyObject *result = NULL;
	struct maple_tree mt;
	enum dtype dtype;
	int version = check_state((PyObject *)self, state, &dtype);
	int status;

	if (version < 0)
		return NULL;
	if (forms[version].policy)
		given = PyTuple_GET_ITEM(state, forms[version].policy);
	if (policy_parse(self, self->kind, given, dtype, &policy) < 0)
		return NULL;
	if (enter_empty(self) < 0)
		goto out;
	mt_init_pool(&mt, tree_flags(PyTuple_GET_ITEM(state, 1) == Py_True), self->state->pool,
		     policy_ops(policy, dtype));
	status = build_from_state(&mt, self->kind, dtype, state);
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
	Py_XDECREF((PyObject *)policy);
	return result;
}
