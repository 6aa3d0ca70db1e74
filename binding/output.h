/* SPDX-License-Identifier: MIT */
/* Arrays that go out: numpy's, while they are being filled. */
#ifndef SAMARA_OUTPUT_H
#define SAMARA_OUTPUT_H

#include "value.h"

struct output {
	PyObject *array; /* owned */
	Py_buffer view;  /* of its memory, while the array is being filled */
};

/* A new reference; or NULL with an ImportError that says which function needs numpy. */
PyObject *import_numpy(const char *function);
/* Make an array of items of that type, `size` bytes each, whose memory the caller fills. 0; or -1,
 * also if the module named numpy makes something else. */
int output_make_items(struct output *output, PyObject *numpy, const char *type, size_t size,
		      size_t count);
/* The same for words of a dtype. */
int output_make(struct output *output, PyObject *numpy, enum dtype dtype, size_t count);
/* Give the memory back. Returns the array, or NULL if there is none. */
PyObject *output_take(struct output *output);

#endif /* SAMARA_OUTPUT_H */
