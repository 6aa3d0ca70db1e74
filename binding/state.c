/* SPDX-License-Identifier: MIT */
/*
 * The module's state, and its end. The extension has no globals except constants and the number of
 * the process (lock.c). Each interpreter that imports the module has its own types, its own pool of
 * nodes and its own references, all in the module's state. The state owns them.
 *
 * Instances keep the module alive, trees through their kind, so the state lives as long as they do. It is never
 * cleared before it is freed, so finalizers that run while an interpreter shuts down still find it
 * whole. (The types' own clearing breaks the reference cycle.)
 */
#include "state.h"

#define OWNED_OF_WIDTH(DO, types)                                                                  \
	DO(types.iterator_type);                                                                   \
	DO(types.diff_type);                                                                       \
	DO(types.family_type);                                                                     \
	DO(types.policy_type)

/* All that the state owns, except the pool. */
#define OWNED(DO)                                                                                  \
	DO(tree_type);                                                                             \
	DO(cursor_type);                                                                           \
	DO(kind_type);                                                                             \
	DO(lock_type);                                                                             \
	OWNED_OF_WIDTH(DO, widths[0]);                                                             \
	OWNED_OF_WIDTH(DO, widths[1]);                                                             \
	DO(uint64);                                                                                \
	DO(entry_type);                                                                            \
	DO(gap_type);                                                                              \
	DO(change_type);                                                                           \
	DO(occupied_error);                                                                        \
	DO(space_error);                                                                           \
	DO(no_key);                                                                                \
	DO(kind_of);                                                                               \
	DO(two_to_64);                                                                             \
	DO(two_to_128);                                                                            \
	DO(coalesce);                                                                              \
	DO(offset);                                                                                \
	DO(newobj);                                                                                \
	DO(base_state)

#define VISIT(member) Py_VISIT(state->member)
#define CLEAR(member) Py_CLEAR(state->member)

static int state_traverse(PyObject *module, visitproc visit, void *arg)
{
	struct core_state *state = state_of(module);

	OWNED(VISIT);
	return 0;
}

static void state_free(void *module)
{
	struct core_state *state = state_of(module);

	OWNED(CLEAR);
	parallel_forget(&state->parallel);
	if (state->pool)
		mt_pool_put(state->pool);
	state->pool = NULL;
}

struct PyModuleDef core_module = {
	PyModuleDef_HEAD_INIT,
	.m_name = "samara._core",
	.m_doc = PyDoc_STR("The maple tree in C: use it through the package samara."),
	.m_size = sizeof(struct core_state),
	.m_traverse = state_traverse,
	.m_free = state_free,
};
