/* SPDX-License-Identifier: MIT */
/*
 * parked VMAS: a process with about that many VMAs, and its child by fork(), for reading both out of
 * a memory dump. Both wait for ever.
 *
 * VMAS of 0 means: one of each kind of mapping instead, some of which the child does not inherit.
 * Otherwise single pages, every other one readable, so that no two become one VMA.
 *
 * Prints "parked", VMAS, its process id and that of the child.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096 };

static void fail(const char *what)
{
	fprintf(stderr, "parked: %s: %s\n", what, strerror(errno));
	exit(1);
}

static char *map(size_t pages, int protection, int flags, int file)
{
	if (file < 0)
		flags |= MAP_ANONYMOUS;
	char *address = mmap(NULL, pages * PAGE, protection, flags, file, 0);

	if (address == MAP_FAILED)
		fail("mmap");
	return address;
}

static void map_pages(size_t count)
{
	char *pages = map(count, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE, -1);

	for (size_t i = 1; i < count; i += 2)
		if (mprotect(pages + i * PAGE, PAGE, PROT_READ))
			fail("mprotect");
}

static int make_file(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT, 0600);

	if (file < 0 || ftruncate(file, 16 * PAGE))
		fail(path);
	return file;
}

static void map_one_of_each(void)
{
	enum { READ = PROT_READ, WRITE = PROT_READ | PROT_WRITE, EXECUTE = PROT_READ | PROT_EXEC };
	int kept = make_file("/tmp/kept"), deleted = make_file("/tmp/deleted");
	int odd = make_file("/tmp/a b\\c\nd"), memory = memfd_create("parked", 0);
	char *named = map(4, WRITE, MAP_PRIVATE, -1);

	if (unlink("/tmp/deleted") || memory < 0 || ftruncate(memory, 4 * PAGE))
		fail("files");
	map(2, WRITE, MAP_PRIVATE, kept);
	mmap(NULL, PAGE, READ, MAP_SHARED, kept, 3 * PAGE);
	map(3, EXECUTE, MAP_PRIVATE, kept);
	map(1, WRITE, MAP_SHARED, deleted);
	map(1, READ, MAP_PRIVATE, odd);
	map(4, WRITE, MAP_SHARED, memory);
	map(2, WRITE, MAP_SHARED, -1);
	map(1, WRITE, MAP_SHARED, open("/dev/zero", O_RDWR));
	map(1, READ, MAP_PRIVATE, open("/dev/zero", O_RDWR));
	map(2, WRITE, MAP_PRIVATE | MAP_LOCKED, -1);
	map(2, WRITE, MAP_PRIVATE | MAP_GROWSDOWN, -1);
	map(2, WRITE, MAP_PRIVATE | MAP_NORESERVE, -1);
	/* A name of anonymous memory, where the kernel has been built with them. */
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, named, 4 * PAGE, "parked: memory");
	static const int advice[] = {MADV_DONTFORK,   MADV_WIPEONFORK, MADV_DONTDUMP,
				     MADV_SEQUENTIAL, MADV_RANDOM,     MADV_HUGEPAGE,
				     MADV_NOHUGEPAGE, MADV_MERGEABLE};

	for (size_t i = 0; i < sizeof(advice) / sizeof(*advice); i++) {
		char *advised = map(2, WRITE, MAP_PRIVATE, -1);

		advised[0] = 1;
		/* Some kernels lack some. */
		(void)madvise(advised, 2 * PAGE, advice[i]);
		map(1, READ, MAP_PRIVATE, kept);
	}
	/* mlock2() with MLOCK_ONFAULT. */
	syscall(SYS_mlock2, map(2, WRITE, MAP_PRIVATE, -1), 2 * PAGE, 1);
	if (sbrk(5 * PAGE) == (void *)-1)
		fail("sbrk");
}

int main(int argc, char **argv)
{
	size_t count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	pid_t child;

	if (argc != 2) {
		fprintf(stderr, "usage: parked VMAS\n");
		return 2;
	}
	if (count)
		map_pages(count);
	else
		map_one_of_each();
	child = fork();
	if (child < 0)
		fail("fork");
	if (child) {
		printf("parked %zu %d %d\n", count, (int)getpid(), (int)child);
		fflush(stdout);
	}
	for (;;)
		pause();
}
