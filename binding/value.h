/* SPDX-License-Identifier: MIT */
/* A value, and the 64-bit word that stands for it in a tree. */
#ifndef SAMARA_VALUE_H
#define SAMARA_VALUE_H

#include "binding.h"

enum dtype {
	DTYPE_OBJECT, /* the address of an object; the leaf owns a reference to it */
	DTYPE_U8,     /* packed: an unsigned integer, */
	DTYPE_I8,     /* a signed one, */
	DTYPE_F8,     /* the bits of a double */
	DTYPES        /* how many there are */
};

/* Whether an object is None or one of samara's names of dtypes. NULL: None. */
bool dtype_find(PyObject *object, enum dtype *dtype);
/* The same, or what numpy has for these. 0, or -1 with ValueError. */
int dtype_parse(PyObject *object, enum dtype *dtype);
/* "u8" ...; NULL for DTYPE_OBJECT. */
const char *dtype_name(enum dtype dtype);
/* Its name as an object, or None. */
PyObject *dtype_object(enum dtype dtype);

/* Take / give back references: the value operations of objects. */
void objects_retain(void *context, const uint64_t *words, uint32_t present);
void objects_release(void *context, const uint64_t *words, uint32_t present);

int number_to_word(enum dtype dtype, PyObject *value, uint64_t *word);
PyObject *word_to_number(enum dtype dtype, uint64_t word);

static inline uint64_t word_of(PyObject *object)
{
	return (uint64_t)(uintptr_t)object;
}

static inline PyObject *object_of(uint64_t word)
{
	return (PyObject *)(uintptr_t)word;
}

static inline uint64_t word_of_double(double number)
{
	uint64_t word;

	memcpy(&word, &number, sizeof(word));
	return word;
}

static inline double double_of(uint64_t word)
{
	double number;

	memcpy(&number, &word, sizeof(number));
	return number;
}

/* 0; or -1 with TypeError, ValueError or what the value's own methods raised. The word of an object
 * is borrowed. */
static inline int value_to_word(enum dtype dtype, PyObject *value, uint64_t *word)
{
	if (__builtin_expect(dtype != DTYPE_OBJECT, 0))
		return number_to_word(dtype, value, word);
	*word = word_of(value);
	return 0;
}

/* Return a reference that the caller owns; NULL with MemoryError. Starts no garbage collection: an
 * int or a float is no container. */
static inline PyObject *word_to_value(enum dtype dtype, uint64_t word)
{
	if (__builtin_expect(dtype != DTYPE_OBJECT, 0))
		return word_to_number(dtype, word);
	return Py_NewRef(object_of(word));
}

#endif /* SAMARA_VALUE_H */
