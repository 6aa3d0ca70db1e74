/* SPDX-License-Identifier: MIT */
/*
 * The value operations of trees without a policy. Objects are counted; packed numbers are words
 * without operations. Compiled once for each width of codes. Owns nothing but constants. For all files
 * that make trees.
 */
#include "value_ops.h"

static const struct mt_value_ops object_ops = {
	.retain = objects_retain,
	.release = objects_release,
};

const struct mt_value_ops *dtype_ops(enum dtype dtype)
{
	return dtype == DTYPE_OBJECT ? &object_ops : NULL;
}
