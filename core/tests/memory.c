/* SPDX-License-Identifier: MIT */
/*
 * The failing allocators of memory.h. With -Wl,--wrap=malloc the linker turns calls of malloc()
 * into calls of __wrap_malloc(), and calls of __real_malloc() here into calls of malloc() itself.
 * Nothing may be freed that the C library has allocated by itself.
 */
#include "memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

struct test_memory test_libc;

void test_memory_fail(struct test_memory *memory, uint64_t n, bool rest)
{
	memory->fail_from = n ? memory->calls + n : 0;
	memory->fail_to = rest ? UINT64_MAX : memory->fail_from;
}

static bool may_have(struct test_memory *memory, size_t size)
{
	uint64_t call;

	if (memory->most && size > memory->most)
		return false;
	call = ++memory->calls;
	return !memory->fail_from || call < memory->fail_from || call > memory->fail_to;
}

static void *take(void *context, size_t size, size_t align)
{
	struct test_memory *memory = context;
	void *taken = may_have(memory, size) ? aligned_alloc(align, size) : NULL;

	if (taken)
		memory->bytes += size;
	return taken;
}

static void give(void *context, void *given, size_t size)
{
	struct test_memory *memory = context;

	CHECK(memory->bytes >= size);
	memory->bytes -= size;
	free(given);
}

struct mt_allocator test_allocator(struct test_memory *memory)
{
	return (struct mt_allocator){take, give, memory};
}

#ifdef TEST_WRAPS_LIBC
/* A block has a margin of known bytes behind it, and its size at the end of what malloc() gave.
 * free() checks them. AddressSanitizer sees more without them. */
#ifdef __SANITIZE_ADDRESS__
enum { MARGIN = 0 };
#else
enum { MARGIN = 64 };
#endif
enum { MARGIN_BYTE = 0xa5 };

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void __real_free(void *given);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void __wrap_free(void *given);

static void *with_margin(void *taken, size_t size)
{
	size_t room;

	if (!taken || !MARGIN)
		return taken;
	room = malloc_usable_size(taken);
	memset((char *)taken + size, MARGIN_BYTE, room - size);
	memcpy((char *)taken + room - sizeof(size), &size, sizeof(size));
	test_libc.bytes += size;
	return taken;
}

static void check_margin(const void *given)
{
	const unsigned char *bytes = given;
	size_t room, size;

	if (!given || !MARGIN)
		return;
	room = malloc_usable_size((void *)(uintptr_t)given) - sizeof(size);
	memcpy(&size, bytes + room, sizeof(size));
	CHECK(size < room);
	test_libc.bytes -= size;
	for (; size < room; size++)
		CHECK_EQ(bytes[size], MARGIN_BYTE);
}

void *__wrap_malloc(size_t size)
{
	return may_have(&test_libc, size) ? with_margin(__real_malloc(size + MARGIN), size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	size *= count;
	return may_have(&test_libc, size) ? with_margin(__real_calloc(1, size + MARGIN), size)
					  : NULL;
}

void *__wrap_realloc(void *old, size_t size)
{
	check_margin(old);
	return may_have(&test_libc, size) ? with_margin(__real_realloc(old, size + MARGIN), size)
					  : NULL;
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return may_have(&test_libc, size)
		       ? with_margin(__real_aligned_alloc(align, size + MARGIN), size)
		       : NULL;
}

void __wrap_free(void *given)
{
	check_margin(given);
	__real_free(given);
}
#endif
