/* SPDX-License-Identifier: MIT */
/* Kinds of keys: what a tree's keys are, and the numbers that stand for them. */
#ifndef SAMARA_KIND_H
#define SAMARA_KIND_H

#include "addresses.h"
#include "moments.h"
#include "state.h"

/* How keys become codes: in C, or in the Python kind. */
enum key_encoding {
	KEYS_UINT64, /* the code is the key */
	KEYS_INT64,
	KEYS_UINT128, /* the code is the key */
	KEYS_FLOAT64,
	KEYS_MOMENTS, /* dates too */
	KEYS_IPV4,
	KEYS_IPV6,
	KEYS_PYTHON,
};

struct kind {
	PyObject_HEAD
	struct core_state *state; /* keeps the module alive */
	enum key_encoding encoding;
	int bits;         /* of a code: 64 or 128 */
	bool plain;       /* codes are the keys */
	bool whole;       /* keys are ints: results are plain Entry, Gap and Change */
	bool custom;      /* a KeyType of the user's */
	bool networks;    /* some keys stand for a whole network */
	uint64_t top[2];  /* the last code: its low word, and its high one */
	uint64_t zero[2]; /* the code from which alignment counts */
	struct moments moments;
	struct addresses addresses;
	PyObject *object; /* the Python kind, of samara._keys */
	PyObject *name;   /* what keys_dtype returns */
	PyTypeObject *entry_type;
	PyTypeObject *gap_type;
	PyTypeObject *change_type;
};

/* Turn an argument keys= into a kind; NULL is "uint64". An owned reference, or NULL. */
struct kind *kind_parse(struct core_state *state, PyObject *keys);
/* Whether two kinds are the same: 1, 0 or -1. For two of the user's it can run any code. */
int kinds_same(const struct kind *kind, const struct kind *other);
/* 0; or -1 with ValueError if the other tree's kind is not the same. */
int kind_require_same(const struct kind *kind, const struct kind *other);
extern PyType_Spec kind_spec;

#endif /* SAMARA_KIND_H */
