/* SPDX-License-Identifier: MIT */
/*
 * Families: garbage collection over shared nodes.
 *
 * A value in a tree is one reference, held by the leaf it lies in. The collector must see each
 * reference exactly once, from the object that owns it. But a leaf can be reached from several
 * trees.
 *
 *        tree A --+              +-- tree B       each member visits its private leaves (1) and
 *          |      +-> family <---+     |          its family; the family visits each shared leaf
 *         (1)     |   |  |  |    |    (1)         (2) once, whichever members reach it
 *                 |  (2)(2)(2)   |
 *            iterator -----------+
 *
 * A family owns a reference to the module, and is owned by its members. For tree_object.c, and for
 * everything that forks a tree.
 *
 * Invariants
 *   - Two members whose trees share a node are in one family. So a tree joins the family of the
 *     tree that it was forked from, and stays.
 *   - A family's list holds exactly its members. Each member owns one reference to the family.
 *   - The contents of shared leaves live as long as any member of the family does, even if that
 *     member does not reach them: a member cannot find out cheaply. A tree leaves only if it
 *     becomes empty.
 *   - A maple tree without a member (a snapshot on the C stack) only makes leaves shared. Their
 *     values are then visited less often than they are referenced, so the collector takes them for
 *     alive.
 */
#include "family.h"
#include "value.h"

struct visit_context {
	visitproc visit;
	void *arg;
};

static int visit_words(void *context, const uint64_t *words, uint32_t present)
{
	struct visit_context *gc = context;

	while (present) {
		int result = gc->visit(object_of(words[__builtin_ctz(present)]), gc->arg);

		if (result)
			return result;
		present &= present - 1;
	}
	return 0;
}

int member_traverse(const struct member *member, const struct maple_tree *mt, visitproc visit,
		    void *arg)
{
	struct visit_context gc = {visit, arg};

	Py_VISIT(member->family);
	return mt_visit_private(mt, visit_words, &gc);
}

struct family *family_new(struct core_state *state)
{
	struct family *family = PyObject_GC_New(struct family, WIDTH_TYPES(state)->family_type);

	if (!family)
		return NULL;
	Py_INCREF(state->module);
	family->state = state;
	family->members = NULL;
	family->lock = (struct short_lock){0};
	PyObject_GC_Track(family);
	return family;
}

void family_join(struct family *family, struct member *member, const struct maple_tree *mt)
{
	Py_INCREF(family);
	member->family = family;
	member->mt = mt;
	member->previous = NULL;
	short_lock_take(&family->lock);
	member->next = family->members;
	if (member->next)
		member->next->previous = member;
	family->members = member;
	short_lock_give(&family->lock);
}

void family_leave(struct member *member)
{
	struct family *family = member->family;

	if (!family)
		return;
	short_lock_take(&family->lock);
	if (member->next)
		member->next->previous = member->previous;
	if (member->previous)
		member->previous->next = member->next;
	else
		family->members = member->next;
	short_lock_give(&family->lock);
	member->family = NULL;
	member->next = NULL;
	member->previous = NULL;
	Py_DECREF(family);
}

static int family_traverse(struct family *self, visitproc visit, void *arg)
{
	struct visit_context gc = {visit, arg};
	uint32_t pass;

	Py_VISIT(Py_TYPE(self));
	Py_VISIT(self->state->module);
	pass = mt_visit_begin(self->state->pool);
	for (struct member *member = self->members; member; member = member->next) {
		int result = mt_visit_shared(member->mt, pass, visit_words, &gc);

		if (result)
			return result;
	}
	return 0;
}

static void family_dealloc(struct family *self)
{
	PyTypeObject *type = Py_TYPE(self);
	PyObject *module = self->state->module;

	PyObject_GC_UnTrack(self);
	PyObject_GC_Del(self);
	Py_DECREF(module);
	Py_DECREF(type);
}

static PyType_Slot family_slots[] = {
	{Py_tp_doc, (void *)PyDoc_STR("Trees that may share nodes.")},
	{Py_tp_traverse, family_traverse},
	{Py_tp_dealloc, family_dealloc},
	{0, NULL},
};

PyType_Spec family_spec = {
	.name = "samara._core.Family",
	.basicsize = sizeof(struct family),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = family_slots,
};
