/* SPDX-License-Identifier: MIT */
/*
 * Kinds of keys. The Python objects of samara._keys say what each kind is; this holds what the
 * extension needs often, and finds it again: the Python kind keeps the object made here in its
 * attribute `extension`.
 *
 * A kind owns references to its module, to the Python kind and to the classes of its results. It
 * never changes. Each tree, iterator and policy owns a reference to its kind. For all files that
 * know keys.
 */
#include "kind.h"

/* ---- reading the Python kind ---------------------------------------------------------------- */

static int read_type(PyObject *object, const char *name, PyTypeObject **out)
{
	PyObject *type = PyObject_GetAttrString(object, name);

	if (!type)
		return -1;
	if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, &PyTuple_Type)) {
		PyErr_Format(PyExc_TypeError, "%s of %R must be a subclass of tuple", name, object);
		Py_DECREF(type);
		return -1;
	}
	*out = (PyTypeObject *)type;
	return 0;
}

/* Read a number of up to 128 bits; None is 0. */
static int read_number(PyObject *object, const char *name, uint64_t out[2])
{
	PyObject *number = PyObject_GetAttrString(object, name);
	PyObject *shift = number ? PyLong_FromLong(64) : NULL;
	PyObject *high = shift && number != Py_None ? PyNumber_Rshift(number, shift) : NULL;

	out[0] = out[1] = 0;
	if (high) {
		out[0] = PyLong_AsUnsignedLongLongMask(number);
		out[1] = PyLong_AsUnsignedLongLong(high);
	}
	Py_XDECREF(number);
	Py_XDECREF(shift);
	Py_XDECREF(high);
	return PyErr_Occurred() ? -1 : 0;
}

static int read_bits(struct kind *kind)
{
	PyObject *bits = PyObject_GetAttrString(kind->object, "bits");

	if (!bits)
		return -1;
	kind->bits = (int)PyLong_AsLong(bits);
	Py_DECREF(bits);
	if (PyErr_Occurred())
		return -1;
	if (kind->bits == 64)
		return 0;
#ifdef SAMARA_WIDE_KEYS
	if (kind->bits == 128)
		return 0;
#endif
	PyErr_Format(PyExc_ValueError, "this build of samara has no keys of %d bits", kind->bits);
	return -1;
}

static int find_encoding(struct kind *kind)
{
	static const struct {
		const char *name;
		enum key_encoding encoding;
	} known[] = {
		{"uint64", KEYS_UINT64},   {"int64", KEYS_INT64},  {"uint128", KEYS_UINT128},
		{"float64", KEYS_FLOAT64}, {"date", KEYS_MOMENTS}, {"ipv4", KEYS_IPV4},
		{"ipv6", KEYS_IPV6},
	};
	const char *name;

	kind->custom = !PyUnicode_Check(kind->name);
	kind->encoding = KEYS_PYTHON;
	if (kind->custom)
		return 0;
	name = PyUnicode_AsUTF8(kind->name);
	if (!name)
		return -1;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(name, known[i].name) == 0)
			kind->encoding = known[i].encoding;
	}
	if (strncmp(name, "datetime64[", 11) == 0)
		kind->encoding = KEYS_MOMENTS;
	kind->networks = kind->encoding == KEYS_IPV4 || kind->encoding == KEYS_IPV6;
	if (kind->networks)
		return addresses_init(&kind->addresses, kind->object);
	if (kind->encoding == KEYS_MOMENTS) {
		if (moments_init(&kind->moments, kind->object) < 0)
			return -1;
		if (!kind->moments.api)
			kind->encoding = KEYS_PYTHON;
	}
	return 0;
}

static struct kind *kind_new(struct core_state *state, PyObject *object)
{
	struct kind *kind = (struct kind *)state->kind_type->tp_alloc(state->kind_type, 0);

	if (!kind)
		return NULL;
	Py_INCREF(state->module);
	kind->state = state;
	kind->object = Py_NewRef(object);
	kind->name = PyObject_GetAttrString(object, "name");
	if (!kind->name || read_bits(kind) < 0 || read_number(object, "top", kind->top) < 0 ||
	    read_number(object, "zero", kind->zero) < 0 ||
	    read_type(object, "entry", &kind->entry_type) < 0 ||
	    read_type(object, "gap", &kind->gap_type) < 0 ||
	    read_type(object, "change", &kind->change_type) < 0 || find_encoding(kind) < 0) {
		Py_DECREF(kind);
		return NULL;
	}
	kind->plain = kind->encoding == KEYS_UINT64 || kind->encoding == KEYS_UINT128;
	kind->whole = kind->entry_type == state->entry_type;
	return kind;
}

struct kind *kind_parse(struct core_state *state, PyObject *keys)
{
	PyObject *object, *extension;

	if (!keys)
		return (struct kind *)Py_NewRef((PyObject *)state->uint64);
	object = PyObject_CallOneArg(state->kind_of, keys);
	if (!object)
		return NULL;
	extension = PyObject_GetAttrString(object, "extension");
	if (extension && !Py_IS_TYPE(extension, state->kind_type)) {
		Py_SETREF(extension, (PyObject *)kind_new(state, object));
		if (extension && PyObject_SetAttrString(object, "extension", extension) < 0)
			Py_CLEAR(extension);
	}
	Py_DECREF(object);
	return (struct kind *)extension;
}

/* ---- comparing ------------------------------------------------------------------------------ */

int kinds_same(const struct kind *kind, const struct kind *other)
{
	PyObject *answer;
	int same;

	/* A module that is loaded twice in one interpreter has kinds of its own. */
	if (kind->object == other->object)
		return 1;
	if (!kind->custom || !other->custom)
		return 0;
	answer = PyObject_CallMethod(kind->object, "same_as", "O", other->object);
	same = answer ? PyObject_IsTrue(answer) : -1;
	Py_XDECREF(answer);
	return same;
}

int kind_require_same(const struct kind *kind, const struct kind *other)
{
	int same = kinds_same(kind, other);

	if (same == 0)
		PyErr_Format(PyExc_ValueError, "other must have keys %R, not %R", kind->name,
			     other->name);
	return same > 0 ? 0 : -1;
}

/* ---- the type ------------------------------------------------------------------------------- */

static int kind_traverse(struct kind *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	if (self->state)
		Py_VISIT(self->state->module);
	Py_VISIT(self->moments.zone);
	Py_VISIT(self->addresses.type);
	Py_VISIT(self->object);
	Py_VISIT(self->name);
	Py_VISIT(self->entry_type);
	Py_VISIT(self->gap_type);
	Py_VISIT(self->change_type);
	return 0;
}

/* No tp_clear: a cycle through a kind goes through the Python kind, whose attributes can be
 * cleared. */
static void kind_dealloc(struct kind *self)
{
	PyTypeObject *type = Py_TYPE(self);
	PyObject *module = self->state ? self->state->module : NULL;

	PyObject_GC_UnTrack(self);
	moments_clear(&self->moments);
	addresses_clear(&self->addresses);
	Py_XDECREF(self->object);
	Py_XDECREF(self->name);
	Py_XDECREF(self->entry_type);
	Py_XDECREF(self->gap_type);
	Py_XDECREF(self->change_type);
	type->tp_free(self);
	Py_XDECREF(module);
	Py_DECREF(type);
}

static PyType_Slot kind_slots[] = {
	{Py_tp_doc, (void *)PyDoc_STR("A kind of keys, as the extension uses it.")},
	{Py_tp_traverse, kind_traverse},
	{Py_tp_dealloc, kind_dealloc},
	{0, NULL},
};

PyType_Spec kind_spec = {
	.name = "samara._core.Kind",
	.basicsize = sizeof(struct kind),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = kind_slots,
};
