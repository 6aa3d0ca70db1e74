/* SPDX-License-Identifier: MIT */
/* Dates and moments as keys: objects of Python's datetime, and their codes. */
#ifndef SAMARA_MOMENTS_H
#define SAMARA_MOMENTS_H

#include "binding.h"

/* What one kind of keys says about its moments. Code 0 is `origin`, and each code is one unit: in
 * units since 1970-01-01T00:00, UTC if keys are aware. */
struct moments {
	PyObject *capsule;  /* owned: keeps api */
	const void *api;    /* PyDateTime_CAPI, of the module datetime */
	int64_t per_second; /* units; 0: keys are dates, and the unit is a day */
	int64_t origin;
	uint64_t top;
	PyObject *zone;      /* owned: a tzinfo; NULL: keys are naive */
	bool utc;            /* zone is datetime.timezone.utc */
	PyObject *utcoffset; /* owned: names of methods */
	PyObject *fromutc;
};

/* From a samara._keys.Kind of dates or moments: 0 or -1. Call moments_clear() afterwards, even after
 * an error. */
int moments_init(struct moments *moments, PyObject *kind);
void moments_clear(struct moments *moments);

/* The code of a key: 1; 0 if the kind's own code() in Python must convert it, or refuse it; -1 with
 * what the key's time zone raised. */
int moment_code(const struct moments *moments, PyObject *key, uint64_t *code);
/* The key of a code: 1; 0 if the kind's own key() must make it; -1 with an exception. */
int moment_key(const struct moments *moments, uint64_t code, PyObject **key);

#endif /* SAMARA_MOMENTS_H */
