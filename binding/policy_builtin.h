/* SPDX-License-Identifier: MIT */
/* samara.COALESCE and samara.OFFSET, the policies that run without Python. */
#ifndef SAMARA_POLICY_BUILTIN_H
#define SAMARA_POLICY_BUILTIN_H

#include "value.h"

enum policy_kind {
	POLICY_PYTHON, /* its methods are called */
	POLICY_COALESCE,
	POLICY_OFFSET,
};

/* The value operations of trees with such a policy, which is not POLICY_PYTHON. They live as long
 * as the process. */
const struct mt_value_ops *policy_builtin_ops(enum policy_kind kind, enum dtype dtype);

/* Ranges in order, in three arrays. */
struct columns {
	const mt_key *first;
	const mt_key *last;
	const uint64_t *words;
	size_t count;
};

/* The position of the first range that merges with the one before it; the count if none does. For
 * the operations of packed numbers. Ranges out of order do no harm. */
size_t policy_first_merge(const struct mt_value_ops *ops, const struct columns *columns);

#endif /* SAMARA_POLICY_BUILTIN_H */
