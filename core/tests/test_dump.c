/* SPDX-License-Identifier: MIT */
/* A tree in print: what mt_dump() shows, and where. */
#define _POSIX_C_SOURCE 200809L /* dup() and fileno() */

#include "test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A tree in print. */
struct print {
	char text[8192];
	size_t length;
};

static void append_text(void *context, const char *text, size_t length)
{
	struct print *print = context;

	CHECK(print->length + length < sizeof(print->text));
	memcpy(print->text + print->length, text, length);
	print->length += length;
	print->text[print->length] = '\0';
}

static size_t count_lines(const char *text, const char *part)
{
	size_t lines = 0;

	for (; (text = strstr(text, part)); text++)
		lines++;
	return lines;
}

static void check_print(const struct maple_tree *mt, enum mt_dump_format format,
			const char *expected)
{
	struct print print = {.length = 0};

	mt_dump_to(mt, format, append_text, &print);
	if (strcmp(print.text, expected))
		test_fail(__FILE__, __LINE__, "printed\n%s\ninstead of\n%s", print.text, expected);
}

#if MT_KEY_BITS == 128
#define MAX_DEC "340282366920938463463374607431768211455"
#define MAX_HEX "0xffffffffffffffffffffffffffffffff"
#else
#define MAX_DEC "18446744073709551615"
#define MAX_HEX "0xffffffffffffffff"
#endif

/* One line for the tree, for each node and slot, and for the largest gap below each child; in
 * decimal or hexadecimal. */
static void dump_shows_every_node_and_slot(void)
{
	struct maple_pool *pool = test_pool();
	struct print print = {.length = 0};
	struct maple_tree mt;
	size_t leaves;
	uint32_t flags;

	for (flags = 0; flags <= MT_FLAGS_ALLOC_RANGE; flags++) {
		mt_init_pool(&mt, flags, pool, NULL);
		for (uint64_t i = 0; i < 30; i++)
			CHECK_EQ(mtree_store_range(&mt, i * 10, i * 10 + 5, ENTRY(i + 1)), 0);
		print.length = 0;
		mt_dump_to(&mt, mt_dump_dec, append_text, &print);
		leaves = mt_node_count(&mt) - 1;
		CHECK_EQ(leaves, (60 + MT_MAX_SLOTS - 1) / MT_MAX_SLOTS);
		CHECK_EQ(count_lines(print.text, "leaf ["), leaves);
		CHECK_EQ(count_lines(print.text, flags ? "node with gaps [" : "node ["), 1);
		CHECK_EQ(count_lines(print.text, "largest gap 4\n"), flags * (leaves - 1));
		CHECK_EQ(count_lines(print.text, "largest gap "), flags * leaves);
		CHECK_EQ(count_lines(print.text, "]: 0x"), mt_entries(&mt));
		CHECK_EQ(count_lines(print.text, "]: gap\n"), 30);
		CHECK_EQ(count_lines(print.text, "\n"),
			 1 + mt_node_count(&mt) + flags * leaves + mt_entries(&mt) + 30);
		mt_fini(&mt);
	}
	mt_init_pool(&mt, MT_FLAGS_ALLOC_RANGE, pool, NULL);
	check_print(&mt, mt_dump_dec, "maple tree: height 0, attributes 0x1\n");
	CHECK_EQ(mtree_store_range(&mt, 10, 19, ENTRY(7)), 0);
	check_print(&mt, mt_dump_dec,
		    "maple tree: height 1, attributes 0x1\n"
		    "  leaf [0, " MAX_DEC "]: 3 slots, 1 references\n"
		    "     0 [0, 9]: gap\n"
		    "     1 [10, 19]: 0x7\n"
		    "     2 [20, " MAX_DEC "]: gap\n");
	check_print(&mt, mt_dump_hex,
		    "maple tree: height 1, attributes 0x1\n"
		    "  leaf [0, " MAX_HEX "]: 3 slots, 1 references\n"
		    "     0 [0, 0x9]: gap\n"
		    "     1 [0xa, 0x13]: 0x7\n"
		    "     2 [0x14, " MAX_HEX "]: gap\n");
	mt_fini(&mt);
	test_pool_end(pool);
}

/* mt_dump() prints to the standard output stream, which this test replaces. */
static void dump_goes_to_the_output(void)
{
	struct print print = {.length = 0};
	FILE *file = tmpfile();
	int output = dup(STDOUT_FILENO);
	char text[sizeof(print.text)];
	DEFINE_MTREE(mt);

	CHECK(file && output >= 0);
	CHECK_EQ(mtree_store_range(&mt, 10, 19, ENTRY(7)), 0);
	mt_dump_to(&mt, mt_dump_hex, append_text, &print);
	fflush(stdout);
	CHECK_EQ(dup2(fileno(file), STDOUT_FILENO), STDOUT_FILENO);
	mt_dump(&mt, mt_dump_hex);
	fflush(stdout);
	CHECK_EQ(dup2(output, STDOUT_FILENO), STDOUT_FILENO);
	close(output);
	rewind(file);
	CHECK_EQ(fread(text, 1, sizeof(text), file), print.length);
	CHECK_EQ(memcmp(text, print.text, print.length), 0);
	fclose(file);
	mtree_destroy(&mt);
}

static const struct test_case cases[] = {
	{"dump_shows_every_node_and_slot", dump_shows_every_node_and_slot},
	{"dump_goes_to_the_output", dump_goes_to_the_output},
};

TEST_MAIN(cases)
