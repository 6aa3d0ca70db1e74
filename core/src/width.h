/* SPDX-License-Identifier: MIT */
/*
 * The width of this core's keys. All of the core, except pool.c and lock.c, is compiled once for
 * each width: MT_KEY_BITS is 64 or 128. The sources have the names of the 64-bit core. For 128 bits,
 * names_128.h gives each function, variable and public type the name that it has in
 * maple_tree_128.h. Both headers are made by header_128.py, which has the rule.
 */
#ifndef MT_WIDTH_H
#define MT_WIDTH_H

#ifndef MT_KEY_BITS
#define MT_KEY_BITS 64
#endif

#if MT_KEY_BITS == 128
#include "names_128.h"
#else
#include "maple_tree.h"
#endif

#endif /* MT_WIDTH_H */
