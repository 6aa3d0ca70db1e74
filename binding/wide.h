/* SPDX-License-Identifier: MIT */
/*
 * Calls of functions that exist for both widths of codes, from the files that exist once. The second
 * form has the end `_128`.
 */
#ifndef SAMARA_WIDE_H
#define SAMARA_WIDE_H

#include "tree_object.h"

#ifdef SAMARA_WIDE_KEYS
/* Declare the second form. */
#define WIDE_FORM(function) extern __typeof__(function) function##_128
/* Call it. */
#define WIDE(function, arguments) function##_128 arguments
/* Call the form for a tree, or for a kind. */
#define EITHER(tree, function, arguments)                                                          \
	(tree_is_wide(tree) ? function##_128 arguments : function arguments)
#define EITHER_OF_KIND(kind, function, arguments)                                                  \
	((kind)->bits == 128 ? function##_128 arguments : function arguments)
#else
#define WIDE_FORM(function) struct tree_object
#define WIDE(function, arguments) ((void)0)
#define EITHER(tree, function, arguments) ((void)tree_is_wide(tree), function arguments)
#define EITHER_OF_KIND(kind, function, arguments) function arguments
#endif

#endif /* SAMARA_WIDE_H */
