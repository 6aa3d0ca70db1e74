/* SPDX-License-Identifier: MIT */
/*
 * The failing allocators of memory.h. With -Wl,--wrap=malloc the linker turns calls of malloc()
 * into calls of __wrap_malloc(), and calls of __real_malloc() here into calls of malloc() itself.
 */
#include "memory.h"

#include <stdlib.h>

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
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

void *__wrap_malloc(size_t size)
{
	return may_have(&test_libc, size) ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return may_have(&test_libc, count * size) ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size)
{
	return may_have(&test_libc, size) ? __real_realloc(old, size) : NULL;
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return may_have(&test_libc, size) ? __real_aligned_alloc(align, size) : NULL;
}
#endif
