/* SPDX-License-Identifier: MIT */
/* Code shared by the C benchmarks: the clock, the processor, and turns that repeat a method until
 * they have lasted long enough. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

/* Print what went wrong, after the program's name, and exit. */
_Noreturn void bench_fail(const char *what);
/* Return a number from the command line. If it is invalid, print the usage and exit. */
uint64_t bench_number(const char *text, const char *usage);
/* Pin the process to one processor. */
void bench_pin(uint64_t processor);

/* Seconds on the monotonic clock. */
double bench_now(void);

/* Run the method `times` times. Returns the seconds that count. */
typedef double (*bench_times)(void *context, uint64_t times);
/* Run the method once to warm up, then until at least `least` seconds of those that count have
 * passed. Returns the seconds of one repetition. */
double bench_turn(bench_times method, void *context, double least, uint64_t *repetitions);

#endif /* BENCH_H */
