/* SPDX-License-Identifier: MIT */
/* Keys as text: printf() has no format for 128 bits. */
#ifndef MT_KEY_TEXT_H
#define MT_KEY_TEXT_H

#include "width.h"

struct mt_key_text {
	char text[40]; /* 2^128 - 1 has 39 digits */
};

/* Write a key in decimal, or as printf()'s %#x does. Returns the text in the buffer. */
const char *mt_key_text(struct mt_key_text *buffer, mt_key key, bool hex);

#endif /* MT_KEY_TEXT_H */
