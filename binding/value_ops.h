/* SPDX-License-Identifier: MIT */
/* What the core does with the words of a tree: the value operations of each dtype. */
#ifndef SAMARA_VALUE_OPS_H
#define SAMARA_VALUE_OPS_H

#include "value.h"

/* The value operations for words of a dtype. */
const struct mt_value_ops *dtype_ops(enum dtype dtype);

#endif /* SAMARA_VALUE_OPS_H */
