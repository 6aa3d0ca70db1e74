/* SPDX-License-Identifier: MIT */
/* The type samara.Cursor. */
#ifndef SAMARA_CURSOR_TYPE_H
#define SAMARA_CURSOR_TYPE_H

#include "binding.h"

extern PyType_Spec cursor_spec;

#endif /* SAMARA_CURSOR_TYPE_H */
