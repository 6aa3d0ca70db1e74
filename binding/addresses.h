/* SPDX-License-Identifier: MIT */
/* IP addresses in text. */
#ifndef SAMARA_ADDRESSES_H
#define SAMARA_ADDRESSES_H

#include "binding.h"

/* Read a str as ipaddress.IPv4Address and IPv6Address do. False, without an exception, if it is not
 * an exact str, or no address. A zone id ("%eth0") is not accepted. */
bool ipv4_of_text(PyObject *text, uint32_t *address);
bool ipv6_of_text(PyObject *text, uint64_t *high, uint64_t *low);

#endif /* SAMARA_ADDRESSES_H */
