/* SPDX-License-Identifier: MIT */
/*
 * IP addresses as keys, without a call of Python code. The kind in Python gets all that is not
 * converted here, and raises all errors.
 *
 * Text has the rules of the module ipaddress: four numbers without leading zeros; eight groups of
 * one to four hexadecimal digits, of which the last two may be an IPv4 address, and "::" once, for
 * one group of zeros or more. Owns nothing but what a struct addresses holds. For the kinds of keys.
 */
#include "addresses.h"

enum { GROUPS = 8 };

/* The text that is left to read. */
struct text {
	const char *at;
	const char *end;
};

static bool text_open(PyObject *object, struct text *text)
{
	if (!PyUnicode_CheckExact(object) || !PyUnicode_IS_COMPACT_ASCII(object))
		return false;
	text->at = (const char *)PyUnicode_1BYTE_DATA(object);
	text->end = text->at + PyUnicode_GET_LENGTH(object);
	return true;
}

static bool skip(struct text *text, char expected)
{
	if (text->at == text->end || *text->at != expected)
		return false;
	text->at++;
	return true;
}

/* ---- IPv4 ----------------------------------------------------------------------------------- */

static bool read_octet(struct text *text, uint32_t *octet)
{
	const char *from = text->at;

	*octet = 0;
	while (text->at < text->end && *text->at >= '0' && *text->at <= '9' && text->at - from < 3)
		*octet = *octet * 10 + (uint32_t)(*text->at++ - '0');
	return text->at > from && *octet <= 255 && (*from != '0' || text->at - from == 1);
}

/* All that is left must be the address. */
static bool read_ipv4(struct text *text, uint32_t *address)
{
	uint32_t octet;

	*address = 0;
	for (int i = 0; i < 4; i++) {
		if ((i > 0 && !skip(text, '.')) || !read_octet(text, &octet))
			return false;
		*address = *address << 8 | octet;
	}
	return text->at == text->end;
}

bool ipv4_of_text(PyObject *object, uint32_t *address)
{
	struct text text;

	return text_open(object, &text) && read_ipv4(&text, address);
}

/* ---- IPv6 ----------------------------------------------------------------------------------- */

/* The value of a hexadecimal digit, or 16. */
static unsigned digit_of(char letter)
{
	if (letter >= '0' && letter <= '9')
		return (unsigned)(letter - '0');
	letter |= 'a' ^ 'A';
	return letter >= 'a' && letter <= 'f' ? (unsigned)(letter - 'a') + 10 : 16;
}

struct groups {
	uint16_t group[GROUPS];
	int count;
	int gap; /* "::" stands before this group; -1: nowhere */
};

/* Read one group, or an IPv4 address, which ends the text. */
static bool read_group(struct text *text, struct groups *groups)
{
	const char *from = text->at;
	unsigned group = 0;
	uint32_t ipv4;

	while (text->at < text->end && digit_of(*text->at) < 16 && text->at - from < 4)
		group = group << 4 | digit_of(*text->at++);
	if (text->at == from || groups->count == GROUPS)
		return false;
	if (text->at == text->end || *text->at != '.') {
		groups->group[groups->count++] = (uint16_t)group;
		return true;
	}
	text->at = from;
	if (groups->count > GROUPS - 2 || !read_ipv4(text, &ipv4))
		return false;
	groups->group[groups->count++] = (uint16_t)(ipv4 >> 16);
	groups->group[groups->count++] = (uint16_t)ipv4;
	return true;
}

static bool read_groups(struct text *text, struct groups *groups)
{
	groups->count = 0;
	groups->gap = -1;
	if (skip(text, ':')) {
		if (!skip(text, ':'))
			return false;
		groups->gap = 0;
		if (text->at == text->end)
			return true;
	}
	for (;;) {
		if (!read_group(text, groups))
			return false;
		if (text->at == text->end)
			return true;
		if (!skip(text, ':'))
			return false;
		if (skip(text, ':')) {
			if (groups->gap >= 0)
				return false;
			groups->gap = groups->count;
			if (text->at == text->end)
				return true;
		}
	}
}

bool ipv6_of_text(PyObject *object, uint64_t *high, uint64_t *low)
{
	uint64_t halves[2] = {0, 0};
	struct groups groups;
	struct text text;

	if (!text_open(object, &text) || !read_groups(&text, &groups))
		return false;
	if (groups.gap < 0 ? groups.count < GROUPS : groups.count == GROUPS)
		return false;
	for (int i = 0; i < groups.count; i++) {
		int place = groups.gap < 0 || i < groups.gap ? i : i + GROUPS - groups.count;

		halves[place / 4] |= (uint64_t)groups.group[i] << (48 - place % 4 * 16);
	}
	*high = halves[0];
	*low = halves[1];
	return true;
}

/* ---- objects -------------------------------------------------------------------------------- */

/* Make an address as copy.copy() would: allocate it, and set its attributes. */
static PyObject *from_attributes(const struct addresses *addresses, PyObject *number)
{
	PyObject *address = addresses->type->tp_new(addresses->type, addresses->nothing, NULL);

	if (address &&
	    (PyObject_SetAttr(address, addresses->number, number) < 0 ||
	     (addresses->zone && PyObject_SetAttr(address, addresses->zone, Py_None) < 0)))
		Py_CLEAR(address);
	return address;
}

/* Whether from_attributes() makes what the class itself does: 1, 0 or -1. */
static int can_be_quick(const struct addresses *addresses)
{
	PyObject *number = PyLong_FromLong(1);
	PyObject *address =
		number ? PyObject_CallOneArg((PyObject *)addresses->type, number) : NULL;
	PyObject *quick = address ? from_attributes(addresses, number) : NULL;
	PyObject *text = quick ? PyObject_Str(quick) : NULL;
	int same = -1;

	if (text)
		same = PyObject_RichCompareBool(address, quick, Py_EQ);
	else if (address && !PyErr_ExceptionMatches(PyExc_MemoryError)) {
		PyErr_Clear();
		same = 0;
	}
	Py_XDECREF(number);
	Py_XDECREF(address);
	Py_XDECREF(quick);
	Py_XDECREF(text);
	return same;
}

int addresses_init(struct addresses *addresses, PyObject *kind)
{
	PyObject *type = PyObject_GetAttrString(kind, "address");
	PyObject *zones;
	int quick;

	*addresses = (struct addresses){0};
	if (!type)
		return -1;
	if (!PyType_Check(type)) {
		PyErr_Format(PyExc_TypeError, "address of %R must be a class", kind);
		Py_DECREF(type);
		return -1;
	}
	addresses->type = (PyTypeObject *)type;
	addresses->number = PyUnicode_InternFromString("_ip");
	addresses->nothing = PyTuple_New(0);
	if (!addresses->number || !addresses->nothing)
		return -1;
	zones = PyObject_GetAttrString(type, "scope_id");
	if (zones) {
		Py_DECREF(zones);
		addresses->zone = PyUnicode_InternFromString("_scope_id");
		if (!addresses->zone)
			return -1;
	} else if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
		return -1;
	}
	PyErr_Clear();
	quick = can_be_quick(addresses);
	addresses->quick = quick > 0;
	return quick < 0 ? -1 : 0;
}

void addresses_clear(struct addresses *addresses)
{
	Py_CLEAR(addresses->type);
	Py_CLEAR(addresses->number);
	Py_CLEAR(addresses->zone);
	Py_CLEAR(addresses->nothing);
}

PyObject *address_number(const struct addresses *addresses, PyObject *key)
{
	PyObject *number;

	if (!addresses->quick || !Py_IS_TYPE(key, addresses->type))
		return NULL;
	if (addresses->zone) {
		PyObject *zone = PyObject_GetAttr(key, addresses->zone);
		bool has_zone = zone != Py_None;

		Py_XDECREF(zone);
		if (has_zone) {
			PyErr_Clear();
			return NULL;
		}
	}
	number = PyObject_GetAttr(key, addresses->number);
	if (!number)
		PyErr_Clear();
	else if (!PyLong_CheckExact(number))
		Py_CLEAR(number);
	return number;
}

PyObject *address_object(const struct addresses *addresses, PyObject *number)
{
	if (addresses->quick)
		return from_attributes(addresses, number);
	return PyObject_CallOneArg((PyObject *)addresses->type, number);
}
