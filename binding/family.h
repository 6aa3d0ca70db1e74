/* SPDX-License-Identifier: MIT */
/* Families of trees that may share nodes: garbage collection over them. */
#ifndef SAMARA_FAMILY_H
#define SAMARA_FAMILY_H

#include "state.h"

/* Something that may share nodes: embedded in a tree and in an iterator. */
struct member {
	struct member *next;
	struct member *previous;
	const struct maple_tree *mt;
	struct family *family; /* owned; NULL: none, this member owns all its nodes alone */
};

struct family {
	PyObject_HEAD
	struct core_state *state; /* keeps the module alive */
	struct short_lock lock;   /* guards the list: members may be of several threads */
	struct member *members;   /* not owned */
};

struct family *family_new(struct core_state *state);
void family_join(struct family *family, struct member *member, const struct maple_tree *mt);
void family_leave(struct member *member);
/* Visit what only this member reaches, and its family. */
int member_traverse(const struct member *member, const struct maple_tree *mt, visitproc visit,
		    void *arg);
extern PyType_Spec family_spec;

#endif /* SAMARA_FAMILY_H */
