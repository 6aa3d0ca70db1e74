/* SPDX-License-Identifier: MIT */
/*
 * Families (family.h) of every kind, each made from a seed. After each step the member that was
 * written is checked completely. Every few steps all members are checked, and the references of all
 * values are counted.
 */
#include "family.h"

enum { STEPS_PER_AUDIT = 8 };

static void run(const struct family_kind *kind, size_t steps)
{
	struct family family;

	family_begin(&family, kind);
	for (; steps; steps--) {
		family_step(&family);
		if (steps % STEPS_PER_AUDIT == 0)
			family_audit(&family);
	}
	family_end(&family);
}

static void every_kind_of_family(void)
{
	const size_t kinds = (size_t)family_values_count * family_layout_count * 2;
	struct family_kind kind = {.cells = 600};
	size_t steps = test_steps(160000) / kinds + 1;
	unsigned number = 0;

	for (kind.values = 0; kind.values < family_values_count; kind.values++) {
		for (kind.layout = 0; kind.layout < family_layout_count; kind.layout++) {
			for (kind.flags = 0; kind.flags <= MT_FLAGS_ALLOC_RANGE; kind.flags++) {
				kind.serial = number++ / 2 % 2;
				run(&kind, steps);
			}
		}
	}
}

static const struct test_case cases[] = {
	{"every_kind_of_family", every_kind_of_family},
};

TEST_MAIN(cases)
