/* SPDX-License-Identifier: MIT */
/* Ranges as three columns: opened, converted, checked and sorted. */
#ifndef SAMARA_RANGES_H
#define SAMARA_RANGES_H

#include "key_column.h"

/* firsts, lasts and words are valid after ranges_convert(). */
struct ranges {
	struct key_column first;
	struct key_column last;
	struct column values;
	PyObject *number; /* borrowed: one value for all of them, instead of the column */
	const mt_key *firsts;
	const mt_key *lasts;
	const uint64_t *words; /* if `number`, only one: */
	uint64_t word;
	size_t count;
	bool half_open; /* the column `last` has exclusive ends. Set it after ranges_open() */
	bool any_order; /* the caller may give the rows in any order: for messages */
	size_t *rows;   /* owned: where a sorted row was in the caller's columns; NULL: there */
	const struct kind *kind; /* borrowed */
	mt_key *made;            /* owned: the three columns, if they are no longer the caller's */
};

/* From first, last and values: 0 or -1; call ranges_close() in both cases. `objects`: take the
 * values as objects, not as numbers. */
int ranges_open(struct ranges *ranges, const struct kind *kind, PyObject *const *given,
		bool objects);
/* The same from columns of codes. */
int ranges_open_codes(struct ranges *ranges, const struct kind *kind, PyObject *const *given,
		      bool objects);
void ranges_close(struct ranges *ranges);
/* Convert to words. 0 or -1. */
int ranges_convert(struct ranges *ranges, enum dtype dtype);
/* Close what was read before, then open, convert and check ranges in any order for a tree of that
 * dtype. 0 or -1. `or_number`: the third column may be one number for all of them. */
int ranges_read(struct ranges *ranges, const struct kind *kind, PyObject *const *given,
		enum dtype dtype, bool or_number);
/* Copy what was read, so that the caller's arrays may change. 0 or -1. */
int ranges_keep(struct ranges *ranges);

/* Check that no range ends before it begins; ranges_require_rising() also that none begins before
 * the one above it, ranges_require_apart() also that they are in order and do not overlap. 0 or -1
 * with ValueError. */
int ranges_require_sound(const struct ranges *ranges);
int ranges_require_rising(const struct ranges *ranges);
int ranges_require_apart(const struct ranges *ranges);
bool ranges_are_apart(const struct ranges *ranges);
/* Raise what is wrong with the range at that position, or with it and the one before. */
void ranges_raise(const struct ranges *ranges, size_t at);

/* Sort by `first`; equal ones keep their order. O(n). 0 or -1. */
int ranges_sort(struct ranges *ranges);
/* Make sorted ranges that do not overlap out of sorted ones that do: where several cover an index,
 * the last one in the caller's order wins. O(n log n). 0 or -1. */
int ranges_overlay(struct ranges *ranges);

#endif /* SAMARA_RANGES_H */
