/* SPDX-License-Identifier: MIT */
/* What the C benchmarks share: the clock, the processor, and turns that repeat a method until they
 * have lasted long enough. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

/* Print what went wrong, after the program's name, and exit. */
_Noreturn void bench_fail(const char *what);
/* A number from the command line, or the usage and the end. */
uint64_t bench_number(const char *text, const char *usage);
/* Stay on one processor. */
void bench_pin(uint64_t processor);

/* Seconds by the monotonic clock. */
double bench_now(void);

/* Do it so many times; returns the seconds that count. */
typedef double (*bench_times)(void *context, uint64_t times);
/* Once to warm, then for at least so many seconds of those that count. Returns the seconds of one
 * repetition. */
double bench_turn(bench_times method, void *context, double least, uint64_t *repetitions);

#endif /* BENCH_H */
