/* SPDX-License-Identifier: MIT */
/* Keys as text: printf() has no format for 128 bits. */
#ifndef MT_NUMBER_H
#define MT_NUMBER_H

#include "width.h"

struct mt_number {
	char text[40]; /* 2^128 - 1 has 39 digits */
};

/* Write a key in decimal, or as printf()'s %#x does. Returns the text in `number`. */
const char *mt_number(struct mt_number *number, mt_key key, bool hex);

#endif /* MT_NUMBER_H */
