/* SPDX-License-Identifier: MIT */
/* See bench.h. */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void bench_fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(1);
}

uint64_t bench_number(const char *text, const char *usage)
{
	char *end;
	uint64_t result = strtoull(text, &end, 10);

	if (!*text || *end)
		bench_fail(usage);
	return result;
}

void bench_pin(uint64_t processor)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(processor, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		bench_fail("cannot run on that processor");
}

double bench_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

double bench_turn(bench_times method, void *context, double least, uint64_t *repetitions)
{
	uint64_t batch = 1, done = 0;
	double counted = 0;

	method(context, 1); /* warm-up */
	do {
		counted += method(context, batch);
		done += batch;
		/* Look at the clock about ten times per turn. */
		if (counted < least / 10)
			batch *= 2;
	} while (counted < least);
	*repetitions = done;
	return counted / (double)done;
}
