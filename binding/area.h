/* SPDX-License-Identifier: MIT */
/* Searches for free room: empty_area(), alloc_range(), and the cursor's. */
#ifndef SAMARA_AREA_H
#define SAMARA_AREA_H

#include "tree_object.h"

struct area {
	PyObject *size_object; /* borrowed, for messages; so is align_object */
	PyObject *align_object;
	uint64_t size;   /* if neither of the next two is set */
	bool size_whole; /* the size is 2^64 */
	bool size_above; /* the size is larger than 2^64 */
	uint64_t align;
	bool align_above; /* more than MAX: only 0 is a multiple */
	bool reverse;
	bool outside; /* no index is in the window */
	uint64_t first;
	uint64_t last;
};

int area_size(struct area *area, PyObject *size);
int area_options(struct area *area, PyObject *align, PyObject *reverse);
/* Whether the window holds as many indices, free or not. */
bool area_can_fit(const struct area *area);
/* 1 with *start, 0 if there is no room, -1 with an exception. */
int area_find(struct maple_tree *mt, const struct area *area, uint64_t *start);
/* Set NoSpaceError. */
void area_raise(const struct core_state *state, const struct area *area);
/* area_find() in a tree: 0 with NoSpaceError. */
int area_search(struct tree_object *tree, const struct area *area, uint64_t *start);

#endif /* SAMARA_AREA_H */
