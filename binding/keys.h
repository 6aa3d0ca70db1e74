/* SPDX-License-Identifier: MIT */
/* Keys: objects to codes and back; sizes, windows and slices. */
#ifndef SAMARA_KEYS_H
#define SAMARA_KEYS_H

#include "args.h"
#include "kind.h"

/* The last code of a kind, and the code from which alignment counts. */
static inline mt_key key_of_words(const uint64_t words[2])
{
#if MT_KEY_BITS == 128
	return (mt_key)words[1] << 64 | words[0];
#else
	return words[0];
#endif
}

static inline mt_key kind_top(const struct kind *kind)
{
	return key_of_words(kind->top);
}

static inline mt_key kind_zero(const struct kind *kind)
{
	return key_of_words(kind->zero);
}

/* Whether this width's codes are the keys themselves, as ints. */
static inline bool codes_are_keys(const struct kind *kind)
{
	return kind->encoding == (MT_KEY_BITS == 128 ? KEYS_UINT128 : KEYS_UINT64);
}

/* Make an int of a code, or of a number of keys. */
PyObject *code_object(mt_key code);
/* Read a code, or a number of keys, from an exact int. INDEX_TOP is top + 1. */
int code_parse(PyObject *number, mt_key top, mt_key *code);

/* ---- one key -------------------------------------------------------------------------------- */

int key_parse_slow(const struct kind *kind, PyObject *key, const char *name, mt_key *code);

/* Convert a key to its code: an enum index_kind. With INDEX_ERROR and INDEX_NOWHERE, an exception is
 * set. */
static inline int key_parse(const struct kind *kind, PyObject *key, const char *name, mt_key *code)
{
	uint64_t number;

	if (__builtin_expect(codes_are_keys(kind) && PyLong_CheckExact(key) &&
				     int_is_short(key, &number),
			     1)) {
		*code = number;
		return INDEX_IN;
	}
	return key_parse_slow(kind, key, name, code);
}

/* For look-ups of one key: the same, without an exception for INDEX_NOWHERE. */
static inline int key_look(const struct kind *kind, PyObject *key, const char *name, mt_key *code)
{
	int place = key_parse(kind, key, name, code);

	if (__builtin_expect(place == INDEX_NOWHERE, 0))
		PyErr_Clear();
	return place;
}

/* For writes: 0, or -1 with a ValueError that names the key outside the limits. */
int key_require_failed(const struct kind *kind, PyObject *key, const char *name, int place);
static inline int key_require(const struct kind *kind, PyObject *key, const char *name,
			      mt_key *code)
{
	int place = key_parse(kind, key, name, code);

	if (__builtin_expect(place == INDEX_IN, 1))
		return 0;
	return key_require_failed(kind, key, name, place);
}

/* The same for an exclusive end, which may be one past the last key: the code below it. */
int key_require_end(const struct kind *kind, PyObject *key, const char *name, mt_key *code);

PyObject *key_object_slow(const struct kind *kind, mt_key code);

/* Make the key of a code. For a kind that is not `whole` this can run any code. */
static inline PyObject *key_object(const struct kind *kind, mt_key code)
{
#if MT_KEY_BITS == 64
	if (__builtin_expect(kind->encoding == KEYS_UINT64, 1))
		return PyLong_FromUnsignedLongLong(code);
#endif
	return key_object_slow(kind, code);
}

/* A key, or the key of a code, in a message. */
PyObject *key_shown(const struct kind *kind, PyObject *key);
PyObject *code_shown(const struct kind *kind, mt_key code);

/* ---- sizes ---------------------------------------------------------------------------------- */

/* Convert a size to a number of keys: an enum index_kind, where INDEX_TOP is 2^64, or 2^128. */
int size_parse(const struct kind *kind, PyObject *size, const char *name, mt_key *count);
/* The same for sizes of one key or more: INDEX_IN, INDEX_TOP, INDEX_ABOVE or INDEX_ERROR. */
int size_require_slow(const struct kind *kind, PyObject *size, const char *name, mt_key *count);
static inline int size_require(const struct kind *kind, PyObject *size, const char *name,
			       mt_key *count)
{
	uint64_t number;

	if (__builtin_expect(kind->plain && PyLong_CheckExact(size) &&
				     int_is_short(size, &number) && number > 0,
			     1)) {
		*count = number;
		return INDEX_IN;
	}
	return size_require_slow(kind, size, name, count);
}
/* A size in a message. */
PyObject *size_shown(const struct kind *kind, PyObject *size);
/* Make a size of a number of keys; with `carry`, of 2^64 or 2^128. */
PyObject *size_object(const struct kind *kind, mt_key count, bool carry);

/* ---- windows -------------------------------------------------------------------------------- */

/* NULL for an argument that is None. */
static inline PyObject *or_limit(PyObject *object)
{
	return object == Py_None ? NULL : object;
}

/* Parse closed windows. A bound that is NULL is the first or the last key.
 * require: both must be within the limits, and first <= last: 0, or -1.
 * clip: ends outside are cut: 1; 0 if the whole window lies outside; -1 if first > last.
 * inside: the same, but 0 if any part of the window lies outside. */
int window_require_slow(const struct kind *kind, PyObject *first_object, PyObject *last_object,
			mt_key *first, mt_key *last);
static inline int window_require(const struct kind *kind, PyObject *first_object,
				 PyObject *last_object, mt_key *first, mt_key *last)
{
	uint64_t low, high;

	if (__builtin_expect(kind->plain && first_object && PyLong_CheckExact(first_object) &&
				     last_object && PyLong_CheckExact(last_object) &&
				     int_is_short(first_object, &low) &&
				     int_is_short(last_object, &high) && low <= high,
			     1)) {
		*first = low;
		*last = high;
		return 0;
	}
	return window_require_slow(kind, first_object, last_object, first, last);
}
/* within: the same as require, but a bound that is None is a limit. */
int window_within(const struct kind *kind, PyObject *first_object, PyObject *last_object,
		  mt_key *first, mt_key *last);
int window_clip_slow(const struct kind *kind, PyObject *first_object, const char *first_name,
		     PyObject *last_object, const char *last_name, mt_key *first, mt_key *last);
/* A bound of a tree whose keys are codes, if it is a short int or not given. */
static inline bool bound_is_short(PyObject *object, mt_key limit, mt_key *bound)
{
	uint64_t number;

	*bound = limit;
	if (!object)
		return true;
	if (!PyLong_CheckExact(object) || !int_is_short(object, &number))
		return false;
	*bound = number;
	return true;
}

static inline int window_clip(const struct kind *kind, PyObject *first_object,
			      const char *first_name, PyObject *last_object, const char *last_name,
			      mt_key *first, mt_key *last)
{
	if (__builtin_expect(kind->plain && bound_is_short(first_object, 0, first) &&
				     bound_is_short(last_object, kind_top(kind), last) &&
				     *first <= *last,
			     1))
		return 1;
	return window_clip_slow(kind, first_object, first_name, last_object, last_name, first,
				last);
}
int window_inside(const struct kind *kind, PyObject *first_object, PyObject *last_object,
		  mt_key *first, mt_key *last);
/* The same for what stands for several keys in t[...]: a half-open slice, or a network. 1 with a
 * closed window; 0 if it is empty; -1; KEY_IS_ONE if it is neither. */
#define KEY_IS_ONE 2
int several_require(const struct kind *kind, PyObject *key, mt_key *first, mt_key *last);
int several_clip(const struct kind *kind, PyObject *key, mt_key *first, mt_key *last);

#endif /* SAMARA_KEYS_H */
