/* SPDX-License-Identifier: MIT */
/* The type samara.MapleTree. */
#ifndef SAMARA_TREE_H
#define SAMARA_TREE_H

#include "binding.h"

extern PyType_Spec tree_spec;

#endif /* SAMARA_TREE_H */
