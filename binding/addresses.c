/* SPDX-License-Identifier: MIT */
/*
 * IP addresses in text, with the rules of Python's module ipaddress: four numbers without leading
 * zeros; eight groups of one to four hexadecimal digits, of which the last two may be an IPv4
 * address, and "::" once, for one group of zeros or more.
 *
 * Owns nothing. For the kinds of keys, which leave all other texts, and the messages about them, to
 * Python.
 */
#include "addresses.h"

enum { GROUPS = 8 };

/* The text that is left to read. */
struct text {
	const char *at;
	const char *end;
};

static bool text_open(PyObject *object, struct text *text)
{
	if (!PyUnicode_CheckExact(object) || !PyUnicode_IS_COMPACT_ASCII(object))
		return false;
	text->at = (const char *)PyUnicode_1BYTE_DATA(object);
	text->end = text->at + PyUnicode_GET_LENGTH(object);
	return true;
}

static bool skip(struct text *text, char expected)
{
	if (text->at == text->end || *text->at != expected)
		return false;
	text->at++;
	return true;
}

/* ---- IPv4 ----------------------------------------------------------------------------------- */

static bool read_octet(struct text *text, uint32_t *octet)
{
	const char *from = text->at;

	*octet = 0;
	while (text->at < text->end && *text->at >= '0' && *text->at <= '9' && text->at - from < 3)
		*octet = *octet * 10 + (uint32_t)(*text->at++ - '0');
	return text->at > from && *octet <= 255 && (*from != '0' || text->at - from == 1);
}

/* All that is left must be the address. */
static bool read_ipv4(struct text *text, uint32_t *address)
{
	uint32_t octet;

	*address = 0;
	for (int i = 0; i < 4; i++) {
		if ((i > 0 && !skip(text, '.')) || !read_octet(text, &octet))
			return false;
		*address = *address << 8 | octet;
	}
	return text->at == text->end;
}

bool ipv4_of_text(PyObject *object, uint32_t *address)
{
	struct text text;

	return text_open(object, &text) && read_ipv4(&text, address);
}

/* ---- IPv6 ----------------------------------------------------------------------------------- */

/* The value of a hexadecimal digit, or 16. */
static unsigned digit_of(char letter)
{
	if (letter >= '0' && letter <= '9')
		return (unsigned)(letter - '0');
	letter |= 'a' ^ 'A';
	return letter >= 'a' && letter <= 'f' ? (unsigned)(letter - 'a') + 10 : 16;
}

struct groups {
	uint16_t group[GROUPS];
	int count;
	int gap; /* "::" stands before this group; -1: nowhere */
};

/* Read one group, or an IPv4 address, which ends the text. */
static bool read_group(struct text *text, struct groups *groups)
{
	const char *from = text->at;
	unsigned group = 0;
	uint32_t ipv4;

	while (text->at < text->end && digit_of(*text->at) < 16 && text->at - from < 4)
		group = group << 4 | digit_of(*text->at++);
	if (text->at == from || groups->count == GROUPS)
		return false;
	if (text->at == text->end || *text->at != '.') {
		groups->group[groups->count++] = (uint16_t)group;
		return true;
	}
	text->at = from;
	if (groups->count > GROUPS - 2 || !read_ipv4(text, &ipv4))
		return false;
	groups->group[groups->count++] = (uint16_t)(ipv4 >> 16);
	groups->group[groups->count++] = (uint16_t)ipv4;
	return true;
}

static bool read_groups(struct text *text, struct groups *groups)
{
	groups->count = 0;
	groups->gap = -1;
	if (skip(text, ':')) {
		if (!skip(text, ':'))
			return false;
		groups->gap = 0;
		if (text->at == text->end)
			return true;
	}
	for (;;) {
		if (!read_group(text, groups))
			return false;
		if (text->at == text->end)
			return true;
		if (!skip(text, ':'))
			return false;
		if (skip(text, ':')) {
			if (groups->gap >= 0)
				return false;
			groups->gap = groups->count;
			if (text->at == text->end)
				return true;
		}
	}
}

bool ipv6_of_text(PyObject *object, uint64_t *high, uint64_t *low)
{
	uint64_t halves[2] = {0, 0};
	struct groups groups;
	struct text text;

	if (!text_open(object, &text) || !read_groups(&text, &groups))
		return false;
	if (groups.gap < 0 ? groups.count < GROUPS : groups.count == GROUPS)
		return false;
	for (int i = 0; i < groups.count; i++) {
		int place = groups.gap < 0 || i < groups.gap ? i : i + GROUPS - groups.count;

		halves[place / 4] |= (uint64_t)groups.group[i] << (48 - place % 4 * 16);
	}
	*high = halves[0];
	*low = halves[1];
	return true;
}
