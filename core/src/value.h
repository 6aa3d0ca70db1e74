/* SPDX-License-Identifier: MIT */
/*
 * Value operations: references to the values that a tree holds. A leaf owns one reference to each
 * of its values; a tree without operations holds plain numbers.
 */
#ifndef MT_VALUE_H
#define MT_VALUE_H

#include "width.h"

/* Take a reference to words[i] for each bit i of `present`. */
static inline void mt_retain(const struct mt_value_ops *ops, const uint64_t *words,
			     uint32_t present)
{
	if (ops && ops->retain && present)
		ops->retain(ops->context, words, present);
}

/* Give these references back. This can run anything, so the tree must be whole. */
static inline void mt_release(const struct mt_value_ops *ops, const uint64_t *words,
			      uint32_t present)
{
	if (ops && ops->release && present)
		ops->release(ops->context, words, present);
}

#endif /* MT_VALUE_H */
