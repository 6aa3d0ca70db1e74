/* SPDX-License-Identifier: MIT */
/*
 * Memory that runs out, at the n-th request or from the n-th on: an allocator for a pool, and the C
 * library's own functions, if the linker can wrap them (TEST_WRAPS_LIBC).
 *
 * Both count their requests, so that a test can show that a call makes none. When a block of the C
 * library is freed, nothing may have been written behind it.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include "test.h"

struct test_memory {
	uint64_t calls;     /* requests so far */
	uint64_t fail_from; /* the first that fails; 0: none does */
	uint64_t fail_to;   /* the last */
	size_t bytes;       /* handed out and not yet taken back */
	size_t most;        /* larger requests also fail, uncounted; 0: none does */
};

/* Make the n-th request from now fail, and with `rest` all that follow; n 0: none. */
void test_memory_fail(struct test_memory *memory, uint64_t n, bool rest);
/* `memory` must outlive the pool. */
struct mt_allocator test_allocator(struct test_memory *memory);

/* The requests to the C library by the core and the tests. */
extern struct test_memory test_libc;

#endif /* MEMORY_H */
