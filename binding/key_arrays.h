/* SPDX-License-Identifier: MIT */
/* Arrays of keys that go out. */
#ifndef SAMARA_KEY_ARRAYS_H
#define SAMARA_KEY_ARRAYS_H

#include "keys.h"

/* A numpy array of the keys of codes. For keys without a dtype of numpy's, the Python kind makes it,
 * which can run any code. NULL with an exception. */
PyObject *array_of_keys(const struct kind *kind, PyObject *numpy, const mt_key *codes,
			size_t count);

/* Fill memory for `count` codes with their keys as Arrow has them, for a kind that is converted in C. */
void fill_arrow_keys(const struct kind *kind, void *memory, const mt_key *codes, size_t count);

#endif /* SAMARA_KEY_ARRAYS_H */
