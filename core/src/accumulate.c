/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic on the words of ranges. All work is done on a second tree, which takes the place of
 * the first one at the end; before that, nothing has changed. There are three ways:
 *
 *   alone     one range within one slot: a single store, which needs no second tree;
 *   store     a fork, into which each piece of a range is stored;
 *   rebuild   many ranges for the size of the tree: one pass over the tree and the ranges makes
 *             all entries, and mt_build() makes a tree of them.
 *
 * Many ranges first become stretches that do not overlap (profile.c), except in a tree whose value
 * operations cut or merge entries: what these return may depend on each store, so the ranges are
 * done one by one.
 *
 * Owns the second tree and the arrays for mt_build() during the call. Public only.
 */
#include "lock.h"
#include "number.h"
#include "profile.h"
#include "sequence.h"
#include "walk.h"
#include "write.h"

#include <errno.h>
#include <stdlib.h>

/* If there are this many entries for each stretch or fewer, one pass over all of them costs less
 * than a store for each stretch. */
#define ENTRIES_PER_STRETCH 16u

struct accumulate {
	const struct mt_accumulation *what;
	struct maple_tree *mt;
	struct mt_entry *bad;
};

/* A new entry for the part [first, last] of a slot of the old tree: 0, or -ERANGE. */
static inline int apply(const struct accumulate *call, const struct ma_state *old, mt_key first,
			mt_key last, uint64_t low, uint64_t high, uint64_t *word)
{
	enum mt_number number = call->what->number;

	if (call->what->operation == mt_op_add && number != mt_number_double) {
		uint64_t before = old->present ? old->word : 0;

		*word = before + low;
		if (mt_sum_fits(number, before, high, *word))
			return 0;
		if (call->bad)
			*call->bad = (struct mt_entry){first, last, before};
		return -ERANGE;
	}
	*word = old->present ? mt_number_combine(number, call->what->operation, old->word, low)
			     : low;
	return 0;
}

/* Store the pieces of one stretch: of each slot of the old tree that it covers. */
static int store_stretch(const struct accumulate *call, struct ma_state *old, struct ma_state *to,
			 mt_key first, mt_key last, uint64_t low, uint64_t high)
{
	old->index = first;
	mas_walk_word(old);
	for (;;) {
		mt_key end = old->last < last ? old->last : last;
		uint64_t word;
		int status = apply(call, old, first, end, low, high, &word);

		if (status)
			return status;
		mas_set_range(to, first, end);
		status = mas_store_word(to, word);
		if (status || end == last)
			return status;
		mas_path_next(old);
		mas_read_slot(old);
		first = end + 1;
	}
}

static uint64_t high_of(const struct accumulate *call, const struct mt_profile *profile, size_t i)
{
	return profile->high ? profile->high[i] : mt_high_word(call->what->number, profile->low[i]);
}

static int store_profile(const struct accumulate *call, struct maple_tree *work,
			 const struct mt_profile *profile)
{
	struct ma_state old, to;
	int status = 0;

	mas_init(&old, call->mt, 0);
	mas_init(&to, work, 0);
	for (size_t i = 0; !status && i < profile->count; i++)
		status = store_stretch(call, &old, &to, profile->first[i], profile->last[i],
				       profile->low[i], high_of(call, profile, i));
	return status;
}

/* ---- in a tree that cuts or merges its values ------------------------------------------------ */

static int store_range(const struct accumulate *call, struct maple_tree *work, size_t i)
{
	const struct mt_accumulation *what = call->what;
	uint64_t word = what->words[what->same ? 0 : i];
	struct maple_tree pieces;
	struct ma_state old, to;
	int status = mt_slice(work, what->first[i], what->last[i], &pieces);

	mas_init(&old, &pieces, 0);
	mas_init(&to, work, what->first[i]);
	to.last = what->last[i];
	if (!status)
		status = mas_clear(&to);
	if (!status)
		status = store_stretch(call, &old, &to, what->first[i], what->last[i], word,
				       mt_high_word(what->number, word));
	mt_fini(&pieces);
	return status;
}

static int store_ranges(const struct accumulate *call, struct maple_tree *work)
{
	int status = 0;

	for (size_t i = 0; !status && i < call->what->count; i++)
		status = store_range(call, work, i);
	return status;
}

/* ---- rebuild --------------------------------------------------------------------------------- */

struct entries {
	size_t count;
	mt_key *first;
	mt_key *last;
	uint64_t *words;
};

/* Where the next piece ends that begins at `first`, in a slot that ends at `last`: with the slot, or
 * where stretch i of the profile begins or ends. Sets `covered` if the stretch covers it. */
static inline mt_key piece_end(const struct mt_profile *profile, size_t i, mt_key first,
			       mt_key last, bool *covered)
{
	mt_key end;

	if (i == profile->count || profile->first[i] > last)
		return last;
	*covered = profile->first[i] <= first;
	end = *covered ? profile->last[i] : profile->first[i] - 1;
	return end < last ? end : last;
}

/* List the pieces of all slots and stretches that have a value. */
static int list_pieces(const struct accumulate *call, const struct mt_profile *profile,
		       struct entries *entries)
{
	mt_key first = 0;
	struct ma_state old;
	size_t i = 0;

	mas_init(&old, call->mt, 0);
	mas_walk_word(&old);
	for (;;) {
		bool covered = false;
		mt_key end = piece_end(profile, i, first, old.last, &covered);
		uint64_t word = old.word;

		if (covered) {
			int status = apply(call, &old, first, end, profile->low[i],
					   high_of(call, profile, i), &word);

			if (status)
				return status;
			i += end == profile->last[i];
		}
		entries->first[entries->count] = first;
		entries->last[entries->count] = end;
		entries->words[entries->count] = word;
		entries->count += covered || old.present;
		if (end == MT_KEY_MAX)
			return 0;
		first = end + 1;
		if (end == old.last) {
			mas_path_next(&old);
			mas_read_slot(&old);
		}
	}
}

/* The new tree of an empty one has the stretches as they are. */
static int build_stretches(const struct accumulate *call, struct maple_tree *work,
			   const struct mt_profile *profile)
{
	const struct ma_state gap = {.present = false};
	int status = 0;

	for (size_t i = 0; !status && i < profile->count; i++)
		status = apply(call, &gap, profile->first[i], profile->last[i], profile->low[i],
			       high_of(call, profile, i), &profile->low[i]);
	return status ? status
		      : mt_build(work, profile->first, profile->last, profile->low, profile->count,
				 NULL);
}

/* A new tree, in `work`. Each piece begins where an entry or a stretch begins, or after one, and
 * none begins after the last of them. So the arrays have room for one more than there are: a gap is
 * written to the place of the next piece. */
static int rebuild(const struct accumulate *call, struct maple_tree *work,
		   const struct mt_profile *profile)
{
	size_t room = 2 * (mt_entries(call->mt) + profile->count);
	struct entries entries = {0};
	void *memory;
	int status;

	if (mtree_empty(call->mt))
		return build_stretches(call, work, profile);
	memory = calloc(room, 2 * sizeof(mt_key) + sizeof(uint64_t));
	if (!memory)
		return -ENOMEM;
	entries.first = memory;
	entries.last = entries.first + room;
	entries.words = (uint64_t *)(entries.last + room);
	status = list_pieces(call, profile, &entries);
	if (!status)
		status = mt_build(work, entries.first, entries.last, entries.words, entries.count,
				  NULL);
	free(memory);
	return status;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Exchange what the two trees hold. Others may be waiting for the tree's lock: it is not touched. */
static void swap_contents(struct maple_tree *mt, struct maple_tree *work)
{
	struct maple_node *root = mt->ma_root;
	uint32_t height = mt_tree_height(mt);

	mt_change_begin(mt);
	mt_set_root(mt, work->ma_root, mt_tree_height(work));
	mt_change_end(mt);
	mt->ma_entries = work->ma_entries;
	mt->ma_covered[0] = work->ma_covered[0];
	mt->ma_covered[1] = work->ma_covered[1];
	mt->ma_counted = work->ma_counted;
	mt->ma_shared = work->ma_shared;
	mt->ma_generation++;
	mt_set_root(work, root, height);
}

static int by_fork(const struct accumulate *call, const struct mt_profile *profile)
{
	struct maple_tree *mt = call->mt;
	bool shared = mt->ma_shared;
	struct maple_tree work;
	int status;

	mt_fork(mt, &work);
	mt->ma_busy = true;
	status = profile ? store_profile(call, &work, profile) : store_ranges(call, &work);
	mt->ma_busy = false;
	if (!status)
		swap_contents(mt, &work);
	mt_fini(&work);
	/* Without the fork, only nodes that were shared before are shared. */
	mt->ma_shared = shared;
	return status;
}

static int by_rebuild(const struct accumulate *call, const struct mt_profile *profile)
{
	struct maple_tree *mt = call->mt;
	struct maple_tree work;
	int status;

	mt_init_pool(&work, mt_attr(mt) | MT_FLAGS_LOCK_EXTERN, mt->ma_pool, mt->ma_ops);
	status = rebuild(call, &work, profile);
	if (!status)
		swap_contents(mt, &work);
	mt_fini(&work);
	return status;
}

static int one_range(const struct accumulate *call)
{
	const struct mt_accumulation *what = call->what;
	mt_key first = *what->first, last = *what->last;
	uint64_t low = *what->words, word;
	struct mt_profile profile = {1, &first, &last, &low, NULL, NULL};
	struct ma_state mas;
	int status;

	mas_init(&mas, call->mt, first);
	mas_walk_word(&mas);
	if (mas.last < last)
		return by_fork(call, &profile);
	status = apply(call, &mas, first, last, low, mt_high_word(what->number, low), &word);
	if (status)
		return status;
	mas_set_range(&mas, first, last);
	return mas_store_word(&mas, word);
}

static int many_ranges(const struct accumulate *call)
{
	uint64_t entries = mt_entries(call->mt);
	struct mt_profile profile;
	int status = mt_profile_make(&profile, call->what);

	if (!status)
		status = entries / ENTRIES_PER_STRETCH <= profile.count ? by_rebuild(call, &profile)
									: by_fork(call, &profile);
	mt_profile_free(&profile);
	return status;
}

static int check(const struct accumulate *call)
{
	const struct mt_accumulation *what = call->what;
	const struct mt_value_ops *ops = call->mt->ma_ops;

	if (what->count > SIZE_MAX / 128 / (sizeof(mt_key) / 8)) /* more than memory can hold */
		return -ENOMEM;
	if (what->number == mt_number_double && what->operation >= mt_op_or)
		return -EINVAL;
	if (ops && (ops->retain || ops->release))
		return -EINVAL;
	for (size_t i = 0; i < what->count; i++) {
		if (what->first[i] > what->last[i])
			return -EINVAL;
	}
	return call->mt->ma_busy ? -EBUSY : 0;
}

static int checked(const struct accumulate *call)
{
	const struct mt_value_ops *ops = call->mt->ma_ops;

	if (!call->what->count) {
		call->mt->ma_generation++;
		return 0;
	}
	if (ops && (ops->split || ops->equal || ops->merge))
		return by_fork(call, NULL);
	return call->what->count == 1 ? one_range(call) : many_ranges(call);
}

int mtree_accumulate(struct maple_tree *mt, const struct mt_accumulation *what,
		     struct mt_entry *bad)
{
	const struct accumulate call = {what, mt, bad};
	int status;

	mt_tree_lock(mt, 0);
	status = check(&call);
	if (!status)
		status = checked(&call);
	mt_tree_unlock(mt);
	return status;
}
