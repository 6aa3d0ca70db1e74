/* SPDX-License-Identifier: MIT */
/*
 * A process that makes the system calls that it is told to. It reads seven 64-bit words from
 * standard input: the number of a call and its six arguments. It makes the call and writes the
 * result, one word, to standard output. It exits at the end of its input. It has no library and no
 * heap, so its memory map shows only what the calls did.
 *
 * Built with: cc -static -nostdlib -ffreestanding -fno-stack-protector -O2
 */
#include <asm/unistd.h>
#include <stdint.h>

#ifndef __x86_64__
#error "the model is one of x86-64"
#endif

enum { WORDS = 7 };

static int64_t make_call(const uint64_t words[WORDS])
{
	register uint64_t fourth __asm__("r10") = words[4];
	register uint64_t fifth __asm__("r8") = words[5];
	register uint64_t sixth __asm__("r9") = words[6];
	int64_t answer;

	__asm__ volatile("syscall"
			 : "=a"(answer)
			 : "a"(words[0]), "D"(words[1]), "S"(words[2]), "d"(words[3]), "r"(fourth),
			   "r"(fifth), "r"(sixth)
			 : "rcx", "r11", "memory");
	return answer;
}

/* All of `size` bytes, or fewer where the other end is closed. */
static uint64_t transfer(uint64_t call, uint64_t descriptor, void *buffer, uint64_t size)
{
	uint64_t done = 0;

	while (done < size) {
		const uint64_t words[WORDS] = {call, descriptor, (uintptr_t)buffer + done,
					       size - done};
		const int64_t answer = make_call(words);

		if (answer <= 0)
			break;
		done += (uint64_t)answer;
	}
	return done;
}

static _Noreturn void end(uint64_t status)
{
	const uint64_t words[WORDS] = {__NR_exit_group, status};

	for (;;)
		make_call(words);
}

/* Of a fork one process goes on and the other only waits: its map is looked at, then it is
 * killed. */
static _Noreturn void wait_for_the_end(void)
{
	const uint64_t words[WORDS] = {__NR_pause};

	for (;;)
		make_call(words);
}

__attribute__((force_align_arg_pointer)) _Noreturn void _start(void)
{
	uint64_t words[WORDS];

	while (transfer(__NR_read, 0, words, sizeof(words)) == sizeof(words)) {
		const int64_t answer = make_call(words);

		/* The child goes on where fork() has an argument, which it has not for Linux. */
		if (words[0] == __NR_fork && answer == 0) {
			if (!words[1])
				wait_for_the_end();
			continue;
		}
		if (transfer(__NR_write, 1, (void *)&answer, sizeof(answer)) != sizeof(answer))
			end(1);
		if (words[0] == __NR_fork && answer > 0 && words[1])
			wait_for_the_end();
	}
	end(0);
}
