/* SPDX-License-Identifier: MIT */
/* Searches for free room: empty_area(), alloc_range(), and the cursor's. */
#ifndef SAMARA_AREA_H
#define SAMARA_AREA_H

#include "tree_object.h"

struct area {
	const struct kind *kind; /* the tree's; set by area_size() */
	PyObject *size_object;   /* borrowed, for messages; so is align_object. NULL: 1 key */
	PyObject *align_object;
	mt_key size;     /* if neither of the next two is set */
	bool size_whole; /* the size is 2^64, or 2^128 */
	bool size_above; /* the size is larger */
	mt_key align;
	bool align_above; /* more than any distance: only the kind's zero is aligned */
	bool reverse;
	bool outside; /* no key is in the window */
	mt_key first;
	mt_key last;
};

int area_size(struct area *area, const struct kind *kind, PyObject *size);
int area_options(struct area *area, PyObject *align, PyObject *reverse);
/* Whether the window holds as many indices, free or not. */
bool area_can_fit(const struct area *area);
/* 1 with *start, 0 if there is no room, -1 with an exception. */
int area_find(struct maple_tree *mt, const struct area *area, mt_key *start);
/* The size that was found to fit, less 1. */
mt_key area_span(const struct area *area);
/* Set NoSpaceError. */
void area_raise(const struct area *area);
/* area_find() in a tree: 0 with NoSpaceError. */
int area_search(struct tree_object *tree, const struct area *area, mt_key *start);

#endif /* SAMARA_AREA_H */
