/* SPDX-License-Identifier: MIT */
/*
 * One family of trees (family.h) for one string of bytes. The first bytes choose the kind of
 * family, the others everything that happens to it.
 */
#include "family.h"
#include "fuzz.h"

enum { STEPS_PER_AUDIT = 16 };

void fuzz_play(const char *name, const uint8_t *bytes, size_t size)
{
	static const size_t cells[] = {6, 40, 200, 600, 1500};
	struct family_kind kind;
	struct family family;
	size_t step;

	test_feed(name, bytes, size);
	kind.flags = (uint32_t)test_below(4); /* MT_FLAGS_ALLOC_RANGE, MT_FLAGS_LOCK_EXTERN */
	kind.values = (enum family_values)test_below(family_values_count);
	kind.layout = (enum family_layout)test_below(family_layout_count);
	kind.cells = cells[test_below(sizeof(cells) / sizeof(*cells))];
	kind.serial = test_below(2);
	family_begin(&family, &kind);
	for (step = 1; !test_fed_up(); step++) {
		family_step(&family);
		if (step % STEPS_PER_AUDIT == 0)
			family_audit(&family);
	}
	family_end(&family);
}
