/* SPDX-License-Identifier: MIT */
/* Arguments: keywords of vectorcall methods, and numbers. */
#ifndef SAMARA_ARGS_H
#define SAMARA_ARGS_H

#include "binding.h"

/* A signature: `required` of `count` parameters must be given, `positional` may be by position. */
struct signature {
	const char *function;
	const char *const *names;
	int count;
	int required;
	int positional;
};

int args_parse_slow(const struct signature *signature, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames, PyObject **out);

/* Put borrowed references into out[0 ... count - 1], NULL for those not given. Returns 0 or -1. */
static inline int args_parse(const struct signature *signature, PyObject *const *args,
			     Py_ssize_t nargs, PyObject *kwnames, PyObject **out)
{
	if (__builtin_expect(
		    kwnames || nargs < signature->required || nargs > signature->positional, 0))
		return args_parse_slow(signature, args, nargs, kwnames, out);
	for (int i = 0; i < signature->count; i++)
		out[i] = i < nargs ? args[i] : NULL;
	return 0;
}

enum index_kind {
	INDEX_ERROR = -1, /* with TypeError, or what __index__ raised */
	INDEX_IN = 0,     /* 0 ... MAX */
	INDEX_BELOW,      /* negative */
	INDEX_TOP,        /* 2^64 */
	INDEX_ABOVE,      /* larger */
	INDEX_NOWHERE,    /* no key at all, such as NaN */
};

int index_parse_slow(PyObject *number, const char *name, uint64_t *out);

/* Read an int of one or two digits, 1 ... 2^60 - 1, without a call. Most ints are so small. */
static inline bool int_is_short(PyObject *number, uint64_t *out)
{
	/* The layout of an int is known for these versions. Every test with numbers in it checks
	 * that. */
#if PyLong_SHIFT == 30 && PY_VERSION_HEX < 0x03100000
	PyLongObject *integer = (PyLongObject *)number;
#if PY_VERSION_HEX >= 0x030C0000
	const digit *digits = integer->long_value.ob_digit;
	/* The sign's two bits are 0 for positive numbers. */
	uintptr_t size = integer->long_value.lv_tag;

	size = size & 3 ? 0 : size >> 3;
#else
	const digit *digits = integer->ob_digit;
	Py_ssize_t size = Py_SIZE(integer);
#endif
	if (size == 2) {
		*out = (uint64_t)digits[1] << PyLong_SHIFT | digits[0];
		return true;
	}
	if (size == 1) {
		*out = digits[0];
		return true;
	}
#else
	(void)number;
	(void)out;
#endif
	return false;
}

/* The same with a sign: an int of up to two digits, between -2^60 and 2^60. */
static inline bool signed_int_is_short(PyObject *number, int64_t *out)
{
#if PyLong_SHIFT == 30 && PY_VERSION_HEX < 0x03100000
	PyLongObject *integer = (PyLongObject *)number;
#if PY_VERSION_HEX >= 0x030C0000
	const digit *digits = integer->long_value.ob_digit;
	uintptr_t size = integer->long_value.lv_tag >> 3;
	bool negative = (integer->long_value.lv_tag & 3) == 2;
#else
	const digit *digits = integer->ob_digit;
	size_t size = (size_t)Py_ABS(Py_SIZE(integer));
	bool negative = Py_SIZE(integer) < 0;
#endif
	int64_t value = size > 0 ? digits[0] : 0;

	if (size > 2)
		return false;
	if (size == 2)
		value |= (int64_t)digits[1] << PyLong_SHIFT;
	/* Without a branch: signs are hard to predict. */
	*out = (value ^ -(int64_t)negative) + negative;
	return true;
#else
	(void)number;
	(void)out;
	return false;
#endif
}

/* Whether two exact ints are equal: 1 or 0, without a call; -1 if their layout is not known. */
static inline int ints_equal(PyObject *left, PyObject *right)
{
#if PyLong_SHIFT == 30 && PY_VERSION_HEX < 0x03100000
	const PyLongObject *integers[2] = {(PyLongObject *)left, (PyLongObject *)right};
#if PY_VERSION_HEX >= 0x030C0000
	/* The bit between the sign's two and the size says how long the object lives. */
	uintptr_t tag = integers[0]->long_value.lv_tag & ~(uintptr_t)4;
	const digit *digits[2] = {integers[0]->long_value.ob_digit,
				  integers[1]->long_value.ob_digit};
	size_t size = tag >> 3;

	if (tag != (integers[1]->long_value.lv_tag & ~(uintptr_t)4))
		return 0;
#else
	const digit *digits[2] = {integers[0]->ob_digit, integers[1]->ob_digit};
	size_t size = (size_t)Py_ABS(Py_SIZE(left));

	if (Py_SIZE(left) != Py_SIZE(right))
		return 0;
#endif
	for (size_t i = 0; i < size; i++)
		if (digits[0][i] != digits[1][i])
			return 0;
	return 1;
#else
	(void)left;
	(void)right;
	return -1;
#endif
}

static inline int index_parse(PyObject *number, const char *name, uint64_t *out)
{
	if (__builtin_expect(PyLong_CheckExact(number) && int_is_short(number, out), 1))
		return INDEX_IN;
	return index_parse_slow(number, name, out);
}

/* For writes: 0, or -1 with a ValueError that names the number outside 0 ... MAX. */
int index_require_failed(PyObject *number, const char *name, int kind);
static inline int index_require(PyObject *number, const char *name, uint64_t *out)
{
	int kind = index_parse(number, name, out);

	if (__builtin_expect(kind == INDEX_IN, 1))
		return 0;
	return index_require_failed(number, name, kind);
}

/* A truth value; NULL means false. 0 or -1. */
int truth_parse(PyObject *object, bool *truth);

/* Function and flags for a row of a method table. */
#define FASTCALL(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS
#define CLASS_FASTCALL(function)                                                                   \
	(PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS | METH_CLASS
#define NOARGS(function) (PyCFunction)(function), METH_NOARGS
#define ONE_ARG(function) (PyCFunction)(function), METH_O

#endif /* SAMARA_ARGS_H */
