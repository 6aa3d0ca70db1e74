/* SPDX-License-Identifier: MIT */
/* IP addresses as keys: text, and objects of the module ipaddress. */
#ifndef SAMARA_ADDRESSES_H
#define SAMARA_ADDRESSES_H

#include "binding.h"

/* Read a str as ipaddress.IPv4Address and IPv6Address do. False, without an exception, if it is not
 * an exact str, or no address. A zone id ("%eth0") is not accepted. */
bool ipv4_of_text(PyObject *text, uint32_t *address);
bool ipv6_of_text(PyObject *text, uint64_t *high, uint64_t *low);

/* The class of a kind's addresses. */
struct addresses {
	PyTypeObject *type; /* owned, as are the names of its attributes: */
	PyObject *number;   /* "_ip" */
	PyObject *zone;     /* "_scope_id"; NULL for IPv4 */
	PyObject *nothing;  /* an empty tuple */
	bool quick;         /* objects can be made from their attributes */
};

/* From a samara._keys.Kind of addresses: 0 or -1. Call addresses_clear() afterwards, even after an
 * error. */
int addresses_init(struct addresses *addresses, PyObject *kind);
void addresses_clear(struct addresses *addresses);

/* The int of an address of exactly that class, without a zone: an owned reference. NULL, without an
 * exception, for anything else. */
PyObject *address_number(const struct addresses *addresses, PyObject *key);
/* Make an address of an exact int. NULL with an exception. */
PyObject *address_object(const struct addresses *addresses, PyObject *number);

#endif /* SAMARA_ADDRESSES_H */
