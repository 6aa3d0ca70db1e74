/* SPDX-License-Identifier: MIT */
/* Keys as text, for messages and dumps. Owns nothing. */
#include "key_text.h"

const char *mt_key_text(struct mt_key_text *buffer, mt_key key, bool hex)
{
	unsigned base = hex ? 16 : 10;
	bool prefix = hex && key;
	char *at = buffer->text + sizeof(buffer->text) - 1;

	*at = '\0';
	do {
		*--at = "0123456789abcdef"[(unsigned)(key % base)];
		key /= base;
	} while (key);
	if (prefix) {
		*--at = 'x';
		*--at = '0';
	}
	return at;
}
