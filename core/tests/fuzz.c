/* SPDX-License-Identifier: MIT */
/*
 * One family of trees (family.h) for one string of bytes. The first bytes choose the kind of
 * family, the others everything that happens to it. libFuzzer makes the bytes. Without it, main()
 * plays the files named on the command line: a corpus (fuzz_corpus.py), or one input.
 */
#include "family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_PER_AUDIT = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void play(const char *name, const uint8_t *bytes, size_t size)
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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size)
		play("the input", bytes, size);
	return 0;
}

#ifndef FUZZ_LIBFUZZER

static const char corpus_magic[] = "samara fuzz corpus\n";

static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes;
	long end;

	if (!file || fseek(file, 0, SEEK_END) || (end = ftell(file)) < 0 ||
	    fseek(file, 0, SEEK_SET)) {
		perror(path);
		exit(2);
	}
	*size = (size_t)end;
	bytes = test_array(*size, 1);
	CHECK_EQ(fread(bytes, 1, *size, file), *size);
	fclose(file);
	return bytes;
}

/* Inputs one after the other, each after its length: two bytes, the low one first. */
static size_t play_corpus(const char *path, const uint8_t *bytes, size_t size)
{
	size_t count, length;
	char name[256];

	for (count = 0; size; count++) {
		CHECK(size > 2);
		length = bytes[0] | (size_t)bytes[1] << 8;
		CHECK(length && length <= size - 2);
		snprintf(name, sizeof(name), "input %zu of %s", count, path);
		play(name, bytes + 2, length);
		bytes += 2 + length;
		size -= 2 + length;
	}
	return count;
}

int main(int argc, char **argv)
{
	const size_t magic = sizeof(corpus_magic) - 1;
	size_t count = 0, size;
	int argument;

	for (argument = 1; argument < argc; argument++) {
		uint8_t *bytes = read_file(argv[argument], &size);

		if (size >= magic && !memcmp(bytes, corpus_magic, magic)) {
			count += play_corpus(argv[argument], bytes + magic, size - magic);
		} else if (size) {
			play(argv[argument], bytes, size);
			count++;
		}
		free(bytes);
	}
	printf("%zu inputs played\n", count);
	return count ? 0 : 2;
}

#endif
