/* SPDX-License-Identifier: MIT */
/* What a fuzzed test program is made of: a function that plays one string of bytes, and fuzz_main.c. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Do what the bytes say, at least one. A failed check prints `name`. */
void fuzz_play(const char *name, const uint8_t *bytes, size_t size);

#endif /* FUZZ_H */
