# SPDX-License-Identifier: MIT
"""The files behind the VMAs of a kernel's memory, with their paths as /proc/PID/maps shows them.

Owns the walk from a `struct file` to its path, through directory entries and mounts. Called by
`address_space`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from samara.kernel.layout import Layout
from samara.kernel.memory import ByteOrder, Read, read_name, read_word
from samara.mm import File

_DELETED: Final = " (deleted)"
_MOST_PARTS: Final = 4096  # names in a path, and mounts on the way
_MINOR_BITS: Final = 20
# File systems without a place in the tree of directories, and the names of their files.
_NAMELESS: Final = {"sockfs": "socket:[{}]", "pipefs": "pipe:[{}]"}


class UnreadableError(Exception):
    """A part of the memory that is needed cannot be read."""


class Files:
    """The files of one kernel. Each is read once.

    Args:
        read: Returns bytes of the kernel's memory.
        layout: Where the fields are.
        byteorder: "little" or "big".
    """

    def __init__(self, read: Read, layout: Layout, byteorder: ByteOrder) -> None:
        self._read = read
        self._layout = layout
        self._order = byteorder
        self._known: dict[int, File] = {}

    def file(self, address: int) -> File:
        """Return the file of a `struct file`. O(names in its path) the first time.

        Raises:
            UnreadableError: A part of it cannot be read.
        """
        if address not in self._known:
            self._known[address] = self._file(address)
        return self._known[address]

    def _word(self, address: int, size: int = 8) -> int:
        word = read_word(self._read, address, self._order, size)
        if word is None:
            raise UnreadableError(f"nothing can be read at {address:#x}")
        return word

    def _name(self, address: int) -> str:
        name = read_name(self._read, address)
        if name is None:
            raise UnreadableError(f"no name can be read at {address:#x}")
        return name

    def _file(self, address: int) -> File:
        layout = self._layout
        inode = self._word(address + layout.file["f_inode"])
        number = self._word(inode + layout.inode["i_ino"], layout.inode_number)
        super_block = self._word(inode + layout.inode["i_sb"])
        device = self._word(super_block + layout.super_block["s_dev"], 4)
        major, minor = device >> _MINOR_BITS, device & (1 << _MINOR_BITS) - 1
        path = self._path(address, number)
        return File(f"{major:02x}:{minor:02x}", number, path)

    def _path(self, file: int, inode: int) -> str:
        dentry = self._word(file + self._layout.file["f_path.dentry"])
        mount = self._word(file + self._layout.file["f_path.mnt"])
        mount -= self._layout.mount["mnt"]
        layout = self._layout.dentry
        if self._is_internal(mount):
            return self._internal(dentry, mount, inode)
        # An entry that is in no hash table has been removed, unless it is the root.
        unhashed = not self._word(dentry + layout["d_hash.pprev"])
        deleted = unhashed and self._word(dentry + layout["d_parent"]) != dentry
        names = list(self._names(dentry, mount))
        return "/" + "/".join(reversed(names)) + _DELETED * deleted

    def _names(self, dentry: int, mount: int) -> Iterator[str]:
        """Yield the names on the way from a file to the root."""
        dentries, mounts = self._layout.dentry, self._layout.mount
        root = self._word(mount + mounts["mnt.mnt_root"])
        for _ in range(_MOST_PARTS):
            parent = self._word(dentry + dentries["d_parent"])
            if dentry in (root, parent):
                above = self._word(mount + mounts["mnt_parent"])
                if above == mount:
                    return
                dentry, mount = self._word(mount + mounts["mnt_mountpoint"]), above
                root = self._word(mount + mounts["mnt.mnt_root"])
                continue
            yield self._name(self._word(dentry + dentries["d_name.name"]))
            dentry = parent
        raise UnreadableError(f"the path of {dentry:#x} has no end")

    def _is_internal(self, mount: int) -> bool:
        """Return whether the mount is the kernel's own, in no directory."""
        layout = self._layout.mount
        namespace = self._word(mount + layout["mnt_ns"])
        # Where there is a mark of an internal mount, it is an error number or nothing.
        nowhere = namespace == 0 or namespace >= 2**64 - 4096
        return nowhere and self._word(mount + layout["mnt_parent"]) == mount

    def _internal(self, dentry: int, mount: int, inode: int) -> str:
        layout = self._layout
        super_block = self._word(mount + layout.mount["mnt.mnt_sb"])
        kind = self._word(super_block + layout.super_block["s_type"])
        system = self._name(self._word(kind + layout.file_system["name"]))
        if system in _NAMELESS:
            return _NAMELESS[system].format(inode)
        name = self._name(self._word(dentry + layout.dentry["d_name.name"]))
        return f"anon_inode:{name}" if system == "anon_inodefs" else f"/{name}{_DELETED}"
