# SPDX-License-Identifier: MIT
"""Columns of IP addresses as text, or as networks, in Arrow.

IPv6 addresses are 16 bytes in network order. So are addresses of both families in one column: an
IPv4 address is then its IPv4-mapped one, ::ffff:0:0/96.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Final

import numpy as np
import pyarrow as pa

from samara.frames.errors import FrameError

MAPPED: Final = bytes(10) + b"\xff\xff"
FAMILY: Final = {"ipv4": "an IPv4 address", "ipv6": "an IPv6 address", "ip": "an IP address"}


def packed_address(text: str, kind: str) -> bytes:
    """Return the bytes of an address: 4 for "ipv4", otherwise 16.

    >>> packed_address("10.1.2.3", "ipv4"), packed_address("::1", "ip")[-2:]
    (b'\\n\\x01\\x02\\x03', b'\\x00\\x01')

    Raises:
        ValueError: The text is not an address of this kind.
    """
    try:
        if kind == "ipv4":
            return inet_pton(AF_INET, text)
        if kind == "ip" and ":" not in text:
            return MAPPED + inet_pton(AF_INET, text)
        return inet_pton(AF_INET6, text)
    except (OSError, ValueError):
        raise ValueError(f"{text!r} is not {FAMILY[kind]}") from None


def parse_addresses(array: Any, kind: str, name: str, start: int = 0) -> Any:
    """Return a column of text as uint32 ("ipv4"), or as 16 bytes.

    Raises:
        FrameError: A text is not an address of this kind.
    """
    packed = []
    for row, text in enumerate(array.to_pylist(), start):
        try:
            packed.append(packed_address(text, kind))
        except ValueError as error:
            raise FrameError(f"row {row} of {name!r}: {error}") from None
    if kind == "ipv4":
        return pa.array(np.frombuffer(b"".join(packed), ">u4").astype("u4"))
    return wide_array(b"".join(packed))


def parse_networks(array: Any, kind: str, name: str) -> tuple[Any, Any, Any]:
    """Return the first and the last addresses of a column of networks such as "10.0.0.0/8".

    The third result has the numbers of addresses, as powers of two. An address alone
    is a network of one address.

    Raises:
        FrameError: A text is not a network of this kind.
    """
    firsts, lasts, sizes = [], [], []
    for row, text in enumerate(array.to_pylist()):
        try:
            network = ip_network(text)
            if kind != "ip" and network.version != int(kind[-1]):
                raise ValueError
        except ValueError as error:
            reason = "has host bits set" if "host bits" in str(error) else "is no network"
            reason = f"{text!r} {reason} of the kind {kind!r}"
            raise FrameError(f"row {row} of {name!r}: {reason}") from None
        prefix = MAPPED if kind == "ip" and network.version == 4 else b""
        firsts.append(prefix + network.network_address.packed)
        lasts.append(prefix + network.broadcast_address.packed)
        sizes.append(network.max_prefixlen - network.prefixlen)
    parts = b"".join(firsts), b"".join(lasts)
    if kind == "ipv4":
        one, two = (pa.array(np.frombuffer(part, ">u4").astype("u4")) for part in parts)
    else:
        one, two = map(wide_array, parts)
    return one, two, np.array(sizes, np.int64)


def wide_array(packed: bytes) -> Any:
    """Return an Arrow array of 16 bytes for each address."""
    return pa.Array.from_buffers(pa.binary(16), len(packed) // 16, [None, pa.py_buffer(packed)])


def wide_from_v4(array: Any) -> Any:
    """Return the IPv4-mapped addresses of a column of uint32.

    >>> wide_from_v4(pa.array([1], pa.uint32()))[0].as_py()[-6:]
    b'\\xff\\xff\\x00\\x00\\x00\\x01'
    """
    wide = np.zeros((len(array), 4), ">u4")
    wide[:, 2] = 0xFFFF
    wide[:, 3] = array.to_numpy(zero_copy_only=False)
    return wide_array(wide.tobytes())


def is_mapped(wide: Any) -> Any:
    """Return which items of an array of 16-byte strings are IPv4-mapped addresses."""
    words = np.ascontiguousarray(wide).view(">u4").reshape(-1, 4)
    return (words[:, 0] == 0) & (words[:, 1] == 0) & (words[:, 2] == 0xFFFF)


def v4_part(wide: Any) -> Any:
    """Return the last four bytes of 16-byte strings as numbers."""
    words = np.ascontiguousarray(wide).view(">u4").reshape(-1, 4)
    return words[:, 3].astype("u4")


def shown_address(value: Any, kind: str) -> str:
    """Return an address for a message.

    >>> shown_address(167772161, "ipv4"), shown_address(MAPPED + bytes([10, 0, 0, 1]), "ip")
    ('10.0.0.1', '10.0.0.1')
    """
    if kind == "ip" and value.startswith(MAPPED):
        return str(ip_address(value[12:]))
    return str(ip_address(value))
