/* SPDX-License-Identifier: MIT */
/*
 * spawn-loop CPU VMAS SECONDS ROUNDS: measure how many fork() calls this kernel makes of a process
 * with that many VMAs.
 *
 * The process stays on one processor. It maps single pages, every other one readable, so that no
 * two become one VMA, until it has VMAS VMAs. Then it forks, the child exits at once, and the
 * parent waits for it. It repeats this for SECONDS in each of ROUNDS, and prints a line for each
 * round: forks, a tab, the seconds they took.
 *
 * The pages are never touched, so this measures the copying of VMAs, not of page tables. The
 * process itself is small (see its link options). Together with the C library it has 20 VMAs, fewer
 * than the smallest number in the published table.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096 };

static int failed(const char *what)
{
	int error = errno;

	fprintf(stderr, "spawn-loop: %s: %s\n", what, strerror(error));
	return -error;
}

/* The VMAs that the kernel counts: all except [vsyscall], the only one whose addresses have sixteen
 * digits; the others' have eight to twelve. Read without stdio, which would map a heap. */
static int count_vmas(uint64_t *count)
{
	char text[PAGE];
	int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	unsigned column = 0;
	ssize_t length;
	int error = 0;

	if (maps < 0)
		return failed("/proc/self/maps");
	*count = 0;
	while ((length = read(maps, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < length; i++) {
			*count += text[i] == '-' && column < 16;
			column = text[i] == '\n' ? 0 : column + 1;
		}
	}
	if (length < 0)
		error = failed("/proc/self/maps");
	close(maps);
	return error;
}

static int map_vmas(uint64_t wanted)
{
	uint64_t have, count;
	char *pages;
	int error = count_vmas(&have);

	if (error)
		return error;
	if (wanted < have) {
		fprintf(stderr, "spawn-loop: this process has %" PRIu64 " VMAs of its own\n", have);
		return -EINVAL;
	}
	if (wanted > have) {
		count = wanted - have;
		pages = mmap(NULL, count * PAGE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (pages == MAP_FAILED)
			return failed("mmap");
		for (uint64_t i = 1; i < count; i += 2)
			if (mprotect(pages + i * PAGE, PAGE, PROT_READ))
				return failed("mprotect");
	}
	error = count_vmas(&have);
	if (!error && have != wanted) {
		fprintf(stderr, "spawn-loop: %" PRIu64 " VMAs instead of %" PRIu64 "\n", have,
			wanted);
		error = -EINVAL;
	}
	return error;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int spawn_for(double seconds)
{
	double begin = now(), end = begin;
	uint64_t forks = 0;
	int status;

	while (end - begin < seconds) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		if (child < 0)
			return failed("fork");
		if (waitpid(child, &status, 0) != child)
			return failed("waitpid");
		if (status) {
			fprintf(stderr, "spawn-loop: a child ended with status %d\n", status);
			return -EIO;
		}
		forks++;
		end = now();
	}
	printf("%" PRIu64 "\t%.9f\n", forks, end - begin);
	fflush(stdout);
	return 0;
}

static int keep_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? failed("sched_setaffinity") : 0;
}

static bool parse(int argc, char **argv, long *cpu, uint64_t *vmas, double *seconds, long *rounds)
{
	if (argc != 5)
		return false;
	*cpu = strtol(argv[1], NULL, 10);
	*vmas = strtoull(argv[2], NULL, 10);
	*seconds = strtod(argv[3], NULL);
	*rounds = strtol(argv[4], NULL, 10);
	return *cpu >= 0 && *cpu<CPU_SETSIZE && * vmas && * seconds> 0 && *rounds > 0;
}

int main(int argc, char **argv)
{
	static char output[PAGE];
	long cpu, rounds;
	uint64_t vmas;
	double seconds;
	int error;

	if (!parse(argc, argv, &cpu, &vmas, &seconds, &rounds)) {
		fprintf(stderr, "usage: spawn-loop CPU VMAS SECONDS ROUNDS\n");
		return 2;
	}
	setvbuf(stdout, output, _IOFBF, sizeof(output));
	error = keep_to((int)cpu);
	if (!error)
		error = map_vmas(vmas);
	for (; !error && rounds; rounds--)
		error = spawn_for(seconds);
	return error ? 1 : 0;
}
