# SPDX-License-Identifier: MIT
"""Where the fields are in a kernel's structs: the offsets that reading an address space needs.

Owns the list of these fields. Called by `address_space`, `Vmcore` and users.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from samara.kernel.btf import Btf

# Fields by struct. A field in another one is written with a dot.
_TASK: Final = ("tasks", "pid", "comm", "mm")
_MM: Final = ("mm_mt", "start_brk", "brk", "start_stack")
_TREE: Final = ("ma_flags", "ma_root")
_VMA: Final = ("vm_start", "vm_end", "vm_flags", "vm_pgoff", "vm_file", "vm_ops", "vm_private_data")
_FILE: Final = ("f_path.mnt", "f_path.dentry", "f_inode")
_DENTRY: Final = ("d_parent", "d_name.name", "d_hash.pprev")
_MOUNT: Final = ("mnt", "mnt_parent", "mnt_mountpoint", "mnt_ns", "mnt.mnt_root", "mnt.mnt_sb")


class AnonName(NamedTuple):
    """The names of anonymous memory (`PR_SET_VMA_ANON_NAME`).

    Attributes:
        vma: the offset in a VMA of the pointer to a `struct anon_vma_name`
        text: the offset of the text in that
        files: whether mappings of files have the pointer too; Linux 6.1 has something else there
    """

    vma: int
    text: int
    files: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Offsets in a kernel's structs, in bytes.

    There is a mapping from fields to offsets for each struct: `task` for `task_struct`, `mm` for
    `mm_struct`, `tree` for `maple_tree`, `vma` for `vm_area_struct`, `mapping` for
    `vm_special_mapping`, and `file`, `inode`, `super_block`, `file_system`, `dentry`, `mount`.
    `anon_name` is where a VMA has its `AnonName`, or None. `inode_number` is the size of an inode's
    number.
    """

    task: Mapping[str, int]
    mm: Mapping[str, int]
    tree: Mapping[str, int]
    vma: Mapping[str, int]
    file: Mapping[str, int]
    inode: Mapping[str, int]
    super_block: Mapping[str, int]
    file_system: Mapping[str, int]
    dentry: Mapping[str, int]
    mount: Mapping[str, int]
    mapping: Mapping[str, int]
    anon_name: AnonName | None
    inode_number: int = 8

    @classmethod
    def from_btf(cls, btf: Btf) -> Layout:
        """Return the layout of the kernel that has these types. O(fields).

        Raises:
            KeyError: A struct or field is missing: the kernel is older than Linux 6.1, or so new
                that its structs have changed.
            ValueError: The BTF is damaged.
        """

        def offsets(struct: str, *fields: str) -> Mapping[str, int]:
            return {name: btf.offset(struct, name) for name in fields}

        anon_name = None
        if btf.has("vm_area_struct", "anon_name"):
            place = btf.offset("vm_area_struct", "anon_name")
            shared = btf.offset("vm_area_struct", "shared")
            anon_name = AnonName(
                place,
                btf.offset("anon_vma_name", "name"),
                not shared <= place < shared + btf.size("vm_area_struct", "shared"),
            )
        return cls(
            task=offsets("task_struct", *_TASK),
            mm=offsets("mm_struct", *_MM),
            tree=offsets("maple_tree", *_TREE),
            vma=offsets("vm_area_struct", *_VMA),
            file=offsets("file", *_FILE),
            inode=offsets("inode", "i_ino", "i_sb"),
            super_block=offsets("super_block", "s_dev", "s_type"),
            file_system=offsets("file_system_type", "name"),
            dentry=offsets("dentry", *_DENTRY),
            mount=offsets("mount", *_MOUNT),
            mapping=offsets("vm_special_mapping", "name"),
            anon_name=anon_name,
            inode_number=btf.size("inode", "i_ino"),
        )
