/* SPDX-License-Identifier: MIT */
/* Many ranges with a word each, as stretches that do not overlap. */
#ifndef MT_PROFILE_H
#define MT_PROFILE_H

#include "width.h"

/* Stretch i has first[i] ... last[i] and the result of all words whose ranges cover it: low[i], and
 * for a sum of integers the word above, which is high[i], or without `high` follows from low[i].
 * In ascending order. */
struct mt_profile {
	size_t count;
	mt_key *first;
	mt_key *last;
	uint64_t *low;
	uint64_t *high;
	void *memory;
};

/* 0 or -ENOMEM. The ranges must be in order, each on its own. mt_profile_free() afterwards, also
 * after an error. */
int mt_profile_make(struct mt_profile *profile, const struct mt_accumulation *what);
void mt_profile_free(struct mt_profile *profile);

#endif /* MT_PROFILE_H */
