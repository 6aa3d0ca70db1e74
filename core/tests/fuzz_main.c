/* SPDX-License-Identifier: MIT */
/*
 * Gives strings of bytes to fuzz_play(). libFuzzer makes them. Without it, main() plays the files
 * named on the command line: a corpus (fuzz_corpus.py), or one input.
 */
#include "fuzz.h"

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size)
		fuzz_play("the input", bytes, size);
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
		fuzz_play(name, bytes + 2, length);
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
			fuzz_play(argv[argument], bytes, size);
			count++;
		}
		free(bytes);
	}
	printf("%zu inputs played\n", count);
	return count ? 0 : 2;
}

#endif
