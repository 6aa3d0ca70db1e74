/* SPDX-License-Identifier: MIT */
/*
 * Pickling, and deepcopy through it.
 *
 * The state is a tuple
 *
 *   (1, track_gaps, firsts, lasts, values, attributes)
 *
 *   firsts, lasts  bytes: the ends of the ranges in order, 8 bytes each, little-endian
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
 * A state comes from outside, so all of it is checked before the tree is touched. What is made of
 * it is owned here until the tree takes it. Only for the type's method table.
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

static void put_little_endian(char *bytes, uint64_t number)
{
	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(number >> (8 * i));
}

static uint64_t get_little_endian(const char *bytes)
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
	return number;
}

/* ---- out ------------------------------------------------------------------------------------ */

/* The state of a snapshot. Nothing else runs between the first item and the last. */
static PyObject *state_of_snapshot(struct maple_tree *snapshot, enum dtype dtype,
				   PyObject *attributes, PyObject *policy)
{
	bool packed = dtype != DTYPE_OBJECT;
	Py_ssize_t count = (Py_ssize_t)mt_entries(snapshot);
	PyObject *firsts = PyBytes_FromStringAndSize(NULL, count * 8);
	PyObject *lasts = firsts ? PyBytes_FromStringAndSize(NULL, count * 8) : NULL;
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
		put_little_endian(PyBytes_AS_STRING(firsts) + i * 8, mas.index);
		put_little_endian(PyBytes_AS_STRING(lasts) + i * 8, mas.last);
		if (packed)
			put_little_endian(PyBytes_AS_STRING(values) + i * 8, mas.word);
		else
			PyList_SET_ITEM(values, i, Py_NewRef(object_of(mas.word)));
	}
	if (packed && policy != Py_None)
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
	state = state_of_snapshot(&snapshot, dtype, attributes, policy_given(self->policy));
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
	Py_ssize_t members;
	long number;

	if (!PyTuple_Check(state) || PyTuple_GET_SIZE(state) < OBJECT_MEMBERS ||
	    PyTuple_GET_SIZE(state) > PACKED_POLICY_MEMBERS)
		return refuse("expected a tuple of 6 to 8 items");
	version = PyTuple_GET_ITEM(state, 0);
	if (!PyLong_CheckExact(version))
		return refuse("the format is not an integer");
	number = PyLong_AsLong(version);
	PyErr_Clear();
	if (number < OBJECT_VERSION || number > PACKED_POLICY_VERSION) {
		text = number_shown(version);
		if (text)
			PyErr_Format(PyExc_ValueError,
				     "the format of a pickled MapleTree must be 1, 2, 3 or 4, not "
				     "%U",
				     text);
		Py_XDECREF(text);
		return -1;
	}
	members = PyTuple_GET_SIZE(state);
	if (number == OBJECT_VERSION && members != OBJECT_MEMBERS)
		return refuse("expected a tuple of 6 items");
	if (number == PACKED_POLICY_VERSION && members != PACKED_POLICY_MEMBERS)
		return refuse("expected a tuple of 8 items");
	static_assert(PACKED_MEMBERS == POLICY_MEMBERS, "one message does for both");
	if ((number == PACKED_VERSION || number == POLICY_VERSION) && members != PACKED_MEMBERS)
		return refuse("expected a tuple of 7 items");
	return (int)number;
}

static int check_state(PyObject *self, PyObject *state, enum dtype *dtype)
{
	PyObject *firsts, *lasts, *values;
	int version = check_version(state);
	bool packed = version == PACKED_VERSION || version == PACKED_POLICY_VERSION;

	if (version < 0)
		return -1;
	firsts = PyTuple_GET_ITEM(state, 2);
	lasts = PyTuple_GET_ITEM(state, 3);
	values = PyTuple_GET_ITEM(state, 4);
	if (!PyBool_Check(PyTuple_GET_ITEM(state, 1)))
		return refuse("track_gaps is not a bool");
	if (!PyBytes_Check(firsts) || !PyBytes_Check(lasts))
		return refuse("the ranges are not bytes");
	if (!packed && !PyList_Check(values))
		return refuse("the values are not a list");
	if (packed && !PyBytes_Check(values))
		return refuse("the values are not bytes");
	if (PyBytes_GET_SIZE(firsts) != PyBytes_GET_SIZE(lasts) ||
	    PyBytes_GET_SIZE(firsts) % 8 != 0)
		return refuse("firsts and lasts differ in number");
	*dtype = DTYPE_OBJECT;
	if (packed) {
		if (dtype_parse(PyTuple_GET_ITEM(state, 6), dtype) < 0)
			PyErr_Clear();
		if (*dtype == DTYPE_OBJECT)
			return refuse("dtype is not 'u8', 'i8' or 'f8'");
	}
	return check_attributes(self, PyTuple_GET_ITEM(state, 5));
}

/* Build `mt`, which is empty, from a checked state. Sets the exception for -EINVAL only. */
static int build_from_state(struct maple_tree *mt, enum dtype dtype, PyObject *state)
{
	const char *firsts = PyBytes_AS_STRING(PyTuple_GET_ITEM(state, 2));
	const char *lasts = PyBytes_AS_STRING(PyTuple_GET_ITEM(state, 3));
	PyObject *values = PyTuple_GET_ITEM(state, 4);
	size_t count = (size_t)PyBytes_GET_SIZE(PyTuple_GET_ITEM(state, 2)) / 8;
	uint64_t *numbers;
	size_t bad = 0;
	bool packed = dtype != DTYPE_OBJECT;
	int status;

	/* Checked only here, because from here on nothing can change a list. */
	if ((packed ? (size_t)PyBytes_GET_SIZE(values) : (size_t)PyList_GET_SIZE(values) * 8) !=
	    count * 8) {
		refuse("ranges and values differ in number");
		return -EINVAL;
	}
	numbers = PyMem_New(uint64_t, count * 3 + 1);
	if (!numbers)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		numbers[i] = get_little_endian(firsts + i * 8);
		numbers[count + i] = get_little_endian(lasts + i * 8);
		numbers[2 * count + i] =
			packed ? get_little_endian(PyBytes_AS_STRING(values) + i * 8)
			       : word_of(PyList_GET_ITEM(values, (Py_ssize_t)i));
	}
	status = mt_build(mt, numbers, numbers + count, numbers + 2 * count, count, &bad);
	if (status == -EINVAL)
		PyErr_Format(
			PyExc_ValueError,
			"not the state of a MapleTree: range %zu, [%llu, %llu], is out of order",
			bad, (unsigned long long)numbers[bad],
			(unsigned long long)numbers[count + bad]);
	PyMem_Free(numbers);
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
	long version;
	int status;

	if (check_state((PyObject *)self, state, &dtype) < 0)
		return NULL;
	version = PyLong_AsLong(PyTuple_GET_ITEM(state, 0));
	if (version == POLICY_VERSION || version == PACKED_POLICY_VERSION)
		given = PyTuple_GET_ITEM(state, PyTuple_GET_SIZE(state) - 1);
	if (policy_parse(self, given, dtype, &policy) < 0)
		return NULL;
	if (enter_empty(self) < 0)
		goto out;
	mt_init_pool(&mt, tree_flags(PyTuple_GET_ITEM(state, 1) == Py_True), self->state->pool,
		     policy_ops(policy, dtype));
	status = build_from_state(&mt, dtype, state);
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
