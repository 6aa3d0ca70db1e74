/* SPDX-License-Identifier: MIT */
/* MapleTree.save(). */
#ifndef SAMARA_FILE_H
#define SAMARA_FILE_H

#include "tree_object.h"

PyObject *tree_save(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames);

#endif /* SAMARA_FILE_H */
