/* SPDX-License-Identifier: MIT */
/*
 * Visits values for a garbage collector. A leaf holds its values once, however many trees reach it.
 * So each tree visits the leaves that only it reaches. Shared leaves are visited once per pass, and
 * marked in their slab. Public only.
 *
 * Invariants: a node below a shared one is shared, whatever its own count. A slab's marks belong to
 * the pass whose number it bears.
 */
#include "node.h"
#include "pool.h"

struct visit {
	mt_visit_fn visit;
	void *context;
	uint32_t pass;
};

static int visit_private(const struct visit *visit, const struct maple_node *node)
{
	int status = 0;

	if (!mt_node_single(node))
		return 0;
	if (node->kind == MT_LEAF)
		return visit->visit(visit->context, node->wide.slot, node->present);
	for (unsigned i = 0; i < node->count && !status; i++)
		status = visit_private(visit, mt_child(node, i));
	return status;
}

int mt_visit_private(const struct maple_tree *mt, mt_visit_fn visit, void *context)
{
	struct visit state = {visit, context, 0};

	return mt->ma_root ? visit_private(&state, mt->ma_root) : 0;
}

/* Mark the node. Returns whether it is the first time in this pass. */
static bool mark(const struct maple_node *node, uint32_t pass)
{
	struct mt_slab *slab = mt_slab_of(node);
	uint64_t bit = UINT64_C(1) << mt_slab_index(node);

	if (slab->pass != pass) {
		slab->pass = pass;
		slab->visited = 0;
	}
	if (slab->visited & bit)
		return false;
	slab->visited |= bit;
	return true;
}

static int visit_shared(const struct visit *visit, const struct maple_node *node, bool shared)
{
	int status = 0;

	shared = shared || !mt_node_single(node);
	if (shared && !mark(node, visit->pass))
		return 0;
	if (node->kind == MT_LEAF)
		return shared ? visit->visit(visit->context, node->wide.slot, node->present) : 0;
	for (unsigned i = 0; i < node->count && !status; i++)
		status = visit_shared(visit, mt_child(node, i), shared);
	return status;
}

int mt_visit_shared(const struct maple_tree *mt, uint32_t pass, mt_visit_fn visit, void *context)
{
	struct visit state = {visit, context, pass};

	return mt->ma_root && mt->ma_shared ? visit_shared(&state, mt->ma_root, false) : 0;
}
