/* SPDX-License-Identifier: MIT */
/* Exceptions: for the core's statuses, and those with numbers or positions in their messages. */
#ifndef SAMARA_ERRORS_H
#define SAMARA_ERRORS_H

#include "state.h"

/* Set the exception for a negative status of the core. Always returns NULL. */
PyObject *raise_status(int status);

/* A number's text for a message, in base 16 if it has more digits than Python writes in base 10.
 * NULL with an exception. */
PyObject *number_shown(PyObject *number);
/* Set ValueError from a format with %s for the name and %U for the number. */
void raise_number(const char *format, const char *name, PyObject *number);

/* Set KeyError for a key, which may be a tuple. */
void raise_key(PyObject *key);

/* Put "item N: " (or another noun) before the message of a TypeError or ValueError. NoKey becomes a
 * ValueError; without a state there is none. */
void locate_error(const struct core_state *state, const char *noun, Py_ssize_t position);

/* Put a hint behind the message of an exact TypeError. */
void extend_type_error(const char *hint);

#endif /* SAMARA_ERRORS_H */
