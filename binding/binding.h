/* SPDX-License-Identifier: MIT */
/*
 * samara._core, the CPython extension: the includes of all its files, and the rules for all of
 * them.
 *
 *   - Convert all arguments before touching the tree, since __index__ can run anything.
 *   - Call tree_enter() between the two. It waits while another thread holds the tree's lock, and
 *     may release the GIL.
 *   - A word read from the tree is a borrowed reference. Turn it into an owned one before anything
 *     else happens: an allocation can start a garbage collection, and that can run anything.
 *   - Anything that runs other code can give the tree another dtype, through __init__(). A word
 *     made before that does not fit this tree any more. So tree_enter_value() converts a value: it
 *     checks the dtype again.
 *   - A core call that writes can run anything at its end. What was read before is stale then.
 *
 * The files, each using only those above it:
 *
 *   parallel              work without the GIL
 *   state                 the module's state, and how a type finds it
 *   errors, args, value   exceptions; arguments and numbers; values, and the words for them
 *   entry, family, lock   results; garbage collection over shared nodes; t.lock and fork()
 *   tree_object           the tree's struct, its life, and the checks that start every operation
 *   moments, addresses    dates and datetimes, IP addresses: objects and texts to numbers and back
 *   kind, keys            kinds of keys; keys to codes and back
 *   policy_builtin        COALESCE and OFFSET
 *   policy, area, column  a tree's policy; searches for free room; arrays and sequences of numbers
 *   key_words, key_column, key_arrays
 *                         columns of keys in, and arrays of them out
 *   sorting, ranges       sorting rows; ranges as three columns
 *   state_column          the columns of a pickled state
 *   tree_build, tree_iter, tree_diff, cursor, tree_copy, tree_sets, tree_read, tree_write,
 *   alloc_many, arrays, file, pickle
 *                         methods, by what they do
 *   tree                  the type samara.MapleTree, from all these
 *   module                the module, with all types
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

/* The width of this file's codes of keys: see ARCHITECTURE.md. */
#ifndef MT_KEY_BITS
#define MT_KEY_BITS 64
#endif

#if MT_KEY_BITS == 128
#include "names_128.h"
#include "binding_names_128.h"
#else
#include "maple_tree.h"
#endif

#endif /* SAMARA_BINDING_H */
