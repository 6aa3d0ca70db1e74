# SPDX-License-Identifier: MIT
"""The layouts in which programs print a line of a memory map.

Owns the regular expressions. Called by the parser of maps.

- /proc/PID/maps itself, also indented, quoted with ">", or with tabs between the columns
- Android's tombstones: inclusive ends, three permissions, a size
- `info proc mappings` of gdb: sizes, permissions since gdb 12, no device and no inode
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

# start, end, permissions, offset, device, inode and label of a mapping, as in /proc/PID/maps
Columns: TypeAlias = tuple[int, int, str, int, str, int, str]

# Possessive quantifiers ("++"), since the matcher then need not remember where to go back.
_INDENT: Final = r"[ \t>]*+"
# start-end perms offset dev inode, then blanks and the name or path
_PROC: Final = re.compile(
    _INDENT + r"([0-9a-f]{1,16}+)-([0-9a-f]{1,16}+)[ \t]++([r-][w-][x-][ps])[ \t]++"
    r"([0-9a-f]{1,16}+)[ \t]++([0-9a-f]{2,8}:[0-9a-f]{2,8})[ \t]++([0-9]{1,20}+)(?:[ \t]++(.*))?",
    re.DOTALL,
)
# start-last perms offset size, then blanks and the name. "--->" marks the address of the fault.
_TOMBSTONE: Final = re.compile(
    r"(?:--->|[ \t>]*)((?:[0-9a-f]{8}')?[0-9a-f]{8})-((?:[0-9a-f]{8}')?[0-9a-f]{8})[ \t]+"
    r"([r-][w-][x-])[ \t]+([0-9a-f]{1,16})[ \t]+([0-9a-f]{1,16})(?:[ \t]+(.*))?",
    re.DOTALL,
)
# What tombstones add to the path of a library
_BUILD: Final = re.compile(r"(?: \(BuildId: [^()]*\))?(?: \(load bias 0x[0-9a-f]+\))?$")
# start end size offset, since gdb 12 the permissions, then blanks and the path
_GDB: Final = re.compile(
    _INDENT + r"0x([0-9a-f]{1,16})[ \t]+0x([0-9a-f]{1,16})[ \t]+0x([0-9a-f]{1,16})[ \t]+"
    r"(?:0x)?([0-9a-f]{1,16})(?:[ \t]+([r-][w-][x-][ps]))?(?:[ \t]+(.*))?",
    re.DOTALL,
)
# Begins like a line of /proc/PID/maps: a range, and then nothing, four characters or a part of the
# permissions; or an address and permissions.
_BEGINS: Final = re.compile(
    _INDENT + r"(?:(?:0x)?[0-9a-f]{4,}-(?:0x)?[0-9a-f]{4,}(?:[ \t]+(?:[^ \t]{4}|[-rwxsp]{1,3}|$)|$)"
    r"|(?:0x)?[0-9a-f]{4,}[ \t]+[r-][w-][x-][ps])(?:[ \t]|$)"
)


def read_columns(line: str) -> Columns | None:
    """Return the columns of a mapping in any of the layouts, or None if the line is none.

    If a layout has no permissions, they are `---p`; if they lack the fourth letter, it is `p`. If a
    layout has no device and inode, they are 00:00 and 0.

    >>> read_columns("1000-3000 rw-p 00000000 00:00 0   [heap]")
    (4096, 12288, 'rw-p', 0, '00:00', 0, '[heap]')
    >>> read_columns("    0x1000  0x3000  0x2000  0x0  r--p  /bin/cat")
    (4096, 12288, 'r--p', 0, '00:00', 0, '/bin/cat')
    >>> read_columns("    00001000-00002fff r-x  0  2000  /system/lib/libc.so")
    (4096, 12288, 'r-xp', 0, '00:00', 0, '/system/lib/libc.so')
    >>> read_columns("Dynamic libraries:")
    """
    match = _PROC.fullmatch(line)
    if match is not None:
        start, end, perms, offset, dev, inode, label = match.groups("")
        return int(start, 16), int(end, 16), perms, int(offset, 16), dev, int(inode), label
    match = _TOMBSTONE.fullmatch(line)
    if match is not None:
        start, last, perms, offset, size, label = match.groups("")
        low, high = int(start.replace("'", ""), 16), int(last.replace("'", ""), 16) + 1
        if high - low == int(size, 16):
            label = _BUILD.sub("", label)
            return low, high, perms + "p", int(offset, 16), "00:00", 0, label
    match = _GDB.fullmatch(line)
    if match is not None:
        start, end, size, offset, perms, label = match.groups("")
        if int(end, 16) - int(start, 16) == int(size, 16):
            label = label.rstrip(" \t")
            return int(start, 16), int(end, 16), perms or "---p", int(offset, 16), "00:00", 0, label
    return None


def begins_like_a_mapping(line: str) -> bool:
    """Return whether a line that is no mapping begins like one: it is probably damaged.

    >>> begins_like_a_mapping("1000-3000 rw-p 00000000"), begins_like_a_mapping("a text")
    (True, False)
    """
    return _BEGINS.match(line) is not None
