/* SPDX-License-Identifier: MIT */
/* Sorting rows by a key. */
#ifndef SAMARA_SORTING_H
#define SAMARA_SORTING_H

#include "binding.h"

/* Fill `rows` with 0 ... count - 1, ordered by keys[row]; equal keys keep their order. O(count).
 * 0 or -1. */
int sort_rows(const mt_key *keys, size_t count, size_t *rows);

#endif /* SAMARA_SORTING_H */
