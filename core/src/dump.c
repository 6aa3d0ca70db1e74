/* SPDX-License-Identifier: MIT */
/*
 * Prints a tree: one line for the tree, for each node and for each slot of a leaf. Owns nothing,
 * and only reads. Public: mt_dump(), mt_dump_to().
 */
#include "node.h"
#include "key_text.h"
#include "pool.h"

#include <inttypes.h>
#include <stdio.h>

struct printer {
	const struct maple_tree *mt;
	enum mt_dump_format format;
	void (*write)(void *context, const char *text, size_t length);
	void *context;
};

#define MT_RANGE (2 * sizeof(struct mt_key_text) + 5)
#define MT_LINE (MT_RANGE + 100)

static void print_line(const struct printer *printer, unsigned indent, const char *line)
{
	static const char blanks[] = "                                                            ";
	size_t length = strlen(line);

	printer->write(printer->context, blanks,
		       indent * 2u < sizeof(blanks) - 1 ? indent * 2u : sizeof(blanks) - 1);
	printer->write(printer->context, line, length);
	printer->write(printer->context, "\n", 1);
}

static void format_range(const struct printer *printer, char *text, size_t size, mt_key first,
			 mt_key last)
{
	bool hex = printer->format == mt_dump_hex;
	struct mt_key_text low, high;

	snprintf(text, size, "[%s, %s]", mt_key_text(&low, first, hex),
		 mt_key_text(&high, last, hex));
}

static void print_slots(const struct printer *printer, const struct maple_node *leaf,
			unsigned indent, mt_key min, mt_key max)
{
	char range[MT_RANGE];
	char line[MT_LINE];

	for (unsigned i = 0; i < leaf->count; i++) {
		format_range(printer, range, sizeof(range), mt_slot_min(leaf, i, min),
			     mt_slot_max(leaf, i, max));
		if (mt_slot_present(leaf, i))
			snprintf(line, sizeof(line), "%2u %s: %#" PRIx64, i, range,
				 leaf->wide.slot[i]);
		else
			snprintf(line, sizeof(line), "%2u %s: gap", i, range);
		print_line(printer, indent, line);
	}
}

static void print_node(const struct printer *printer, const struct maple_node *node,
		       unsigned indent, mt_key min, mt_key max)
{
	static const char *const kinds[] = {"leaf", "node", "node with gaps"};
	char range[MT_RANGE];
	struct mt_key_text gap;
	char line[MT_LINE];

	format_range(printer, range, sizeof(range), min, max);
	snprintf(line, sizeof(line), "%s %s: %u slots, %" PRIu32 " references", kinds[node->kind],
		 range, node->count, mt_node_count_refs(node));
	print_line(printer, indent, line);
	if (node->kind == MT_LEAF) {
		print_slots(printer, node, indent + 1, min, max);
		return;
	}
	for (unsigned i = 0; i < node->count; i++) {
		if (node->kind == MT_NARROW) {
			snprintf(line, sizeof(line), "%2u largest gap %s", i,
				 mt_key_text(&gap, node->narrow.gap[i], false));
			print_line(printer, indent + 1, line);
		}
		print_node(printer, mt_child(node, i), indent + 1, mt_slot_min(node, i, min),
			   mt_slot_max(node, i, max));
	}
}

void mt_dump_to(const struct maple_tree *mt, enum mt_dump_format format,
		void (*write)(void *context, const char *text, size_t length), void *context)
{
	struct printer printer = {mt, format, write, context};
	char line[MT_LINE];

	snprintf(line, sizeof(line), "maple tree: height %" PRIu32 ", attributes %#" PRIx32,
		 mt_height(mt), mt_attr(mt));
	print_line(&printer, 0, line);
	if (mt->ma_root)
		print_node(&printer, mt->ma_root, 1, 0, MT_KEY_MAX);
}

static void write_stdout(void *context, const char *text, size_t length)
{
	(void)context;
	fwrite(text, 1, length, stdout);
}

void mt_dump(const struct maple_tree *mt, enum mt_dump_format format)
{
	mt_dump_to(mt, format, write_stdout, NULL);
}
