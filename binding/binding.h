/* SPDX-License-Identifier: MIT */
/*
 * samara._core, the CPython extension: what each of its files includes, and the rules that all
 * keep.
 *
 *   - All arguments are converted before the tree is touched, since __index__ can run anything.
 *   - tree_enter() comes between the two: it waits while another thread holds the tree's lock, and
 *     may drop the GIL.
 *   - A word read from the tree is a borrowed reference: it is turned into an owned one before
 *     anything else happens, since an allocation can start a garbage collection and that can run
 *     anything.
 *   - Whatever runs anything can give the tree another dtype, through __init__(): a word made
 *     before is none of this tree then. So a value is converted by tree_enter_value(), which looks
 *     again.
 *   - A core call that writes can run anything at its end; what was read before is stale then.
 *
 * The files, each using only those above it:
 *
 *   state                 the module's state, and how a type finds it
 *   errors, args, value   exceptions; arguments and numbers; values, and the words for them
 *   entry, family, lock   results; garbage collection over shared nodes; t.lock and fork()
 *   tree_object           the tree's struct, its life, and what every operation passes through
 *   policy, area, column  a tree's policy; searches for free room; arrays and sequences of numbers
 *   tree_build, tree_iter, cursor, tree_copy, tree_read, tree_write, arrays, pickle
 *                         methods, by what they do
 *   tree                  the type samara.MapleTree, of all these
 *   module                the module, of all types
 */
#ifndef SAMARA_BINDING_H
#define SAMARA_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pythread.h>
#include <structmember.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "maple_tree.h"

#define MAX_INDEX UINT64_MAX

#endif /* SAMARA_BINDING_H */
