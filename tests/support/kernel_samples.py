# SPDX-License-Identifier: MIT
"""Recorded pieces of kernels' memory (tests/data/kernel, by tools/kernels/samples.py), and small
dumps that are made from them: ELF, page tables, VMCOREINFO, symbols and BTF."""

import gzip
import json
import struct
from bisect import bisect_right
from functools import cache

from places import DATA
from samara.kernel import Kernel, Layout
from samara.kernel.layout import AnonName
from samara.mm import AddressSpace

FOLDER = DATA / "kernel"
RELEASES = sorted(path.name.removesuffix(".json.gz") for path in FOLDER.glob("*.json.gz"))
USER_END = 1 << 63
PAGE = 4096
KERNEL_MAP = 0xFFFFFFFF80000000


class Sample:
    """A recording: some memory of a kernel, and what its /proc said."""

    def __init__(self, name):
        content = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
        self.release = content["release"]
        self.info = content["info"]
        self.symbols = content["symbols"]
        layout = content["layout"]
        if layout["anon_name"] is not None:
            layout["anon_name"] = AnonName(*layout["anon_name"])
        self.layout = Layout(**layout)
        self.processes = content["processes"]
        self.smaps = {int(pid): text for pid, text in content["smaps"].items()}
        self.ranges = [(address, bytes.fromhex(text)) for address, text in content["memory"]]
        self.starts = [address for address, _ in self.ranges]

    def read(self, address, size):
        position = bisect_right(self.starts, address) - 1
        start, data = self.ranges[position]
        into = address - start
        if position < 0 or into + size > len(data):
            raise LookupError(f"{address:#x} was not recorded")
        return data[into : into + size]

    def kernel(self, read=None):
        """Return the kernel, with the symbols and the layout that were recorded."""
        kernel = Kernel(read or self.read, self.info)
        kernel.symbols, kernel.layout = self.symbols, self.layout
        return kernel

    def expected(self, pid):
        """Return the address space that /proc showed."""
        # Linux 6.1 has no name for the flag of mlock2(MLOCK_ONFAULT), and prints "??".
        space = AddressSpace.from_maps(self.smaps[pid].replace(" ??", " lf"))
        return AddressSpace(vma for vma in space if vma.start < USER_END)


@cache
def sample(name):
    return Sample(name)


class Changed:
    """Memory with some bytes replaced."""

    def __init__(self, read, changes):
        self.memory, self.changes = read, changes

    def read(self, address, size):
        data = bytearray(self.memory(address, size))
        for place, new in self.changes.items():
            for offset, byte in enumerate(new, place - address):
                if 0 <= offset < size:
                    data[offset] = byte
        return bytes(data)


def btf_of(layout, order="<"):
    """Return BTF with structs that have these fields at these places, and nothing else."""
    structs = {
        "task_struct": layout.task,
        "mm_struct": layout.mm,
        "maple_tree": layout.tree,
        "vm_area_struct": dict(layout.vma),
        "inode": layout.inode,
        "super_block": layout.super_block,
        "file_system_type": layout.file_system,
        "dentry": layout.dentry,
        "file": layout.file,
        "mount": layout.mount,
        "vm_special_mapping": layout.mapping,
    }
    if layout.anon_name is not None:
        structs["vm_area_struct"]["anon_name"] = layout.anon_name.vma
        apart = 0x1000 if layout.anon_name.files else layout.anon_name.vma
        structs["vm_area_struct"]["shared"] = apart
        structs["anon_vma_name"] = {"name": layout.anon_name.text}
    return Types(order).of(structs)


class Types:
    """Writes BTF. Type 1 is a number of 8 bytes, type 2 a number of 4, type 3 a typedef of 1."""

    def __init__(self, order="<"):
        self.order = order
        self.strings = b"\0"
        self.types = []
        self.add("u64", 1 << 24, 8, 0)
        self.add("u32", 1 << 24, 4, 0)
        self.add("word", 8 << 24, 1)

    def text(self, name):
        if not name:
            return 0
        self.strings += name.encode() + b"\0"
        return len(self.strings) - len(name) - 1

    def add(self, name, info, size, *rest):
        words = [self.text(name), info, size, *rest]
        self.types.append(struct.pack(f"{self.order}{len(words)}I", *words))
        return len(self.types)

    def struct(self, name, fields, kind=4):
        """Add a struct of (name, type, offset in bytes) fields."""
        rest = []
        for field, number, offset in fields:
            rest += [self.text(field), number, offset * 8]
        return self.add(name, kind << 24 | len(fields), 4096, *rest)

    def of(self, structs):
        """Return the BTF of structs given as {struct: {field: offset}}."""
        for name, fields in structs.items():
            flat = [(field, 3, at) for field, at in fields.items() if "." not in field]
            inner = {}
            for field, at in fields.items():
                if "." in field:
                    outer, _, rest = field.partition(".")
                    inner.setdefault(outer, {})[rest] = at
            for outer, parts in inner.items():
                base = fields.get(outer, min(parts.values()))
                number = self.struct("", [(part, 3, at - base) for part, at in parts.items()])
                flat = [field for field in flat if field[0] != outer] + [(outer, number, base)]
            self.struct(name, flat)
        return self.data()

    def data(self):
        types = b"".join(self.types)
        header = struct.pack(
            f"{self.order}HBBIIIII",
            *(0xEB9F, 1, 0, 24),
            *(0, len(types), len(types), len(self.strings)),
        )
        return header + types + self.strings


def symbol_table(info, symbols, encoding):
    """Return memory, by address, with a table of these symbols in one of the three encodings."""
    place = int(info["SYMBOL(kallsyms_offsets)"], 16)
    base = min(symbols.values()) - 0x1000
    # A name of more than 127 tokens has a length of two bytes.
    entries = [("x" * 199, base), *sorted(symbols.items())]
    tokens = [bytes([code]) if 32 < code < 127 else b"" for code in range(256)]
    tokens[1], tokens[2] = b"init_", b"_"
    table, index, names, offsets = b"", [], b"", b""
    for token in tokens:
        index.append(len(table))
        table += token + b"\0"
    for position, (name, address) in enumerate(entries):
        text = b"D" + name.encode().replace(b"init_", b"\1").replace(b"_", b"\2")
        size = len(text)
        names += bytes([size] if size < 128 else [size & 0x7F | 0x80, size >> 7]) + text
        offset = {
            "base": address - base,
            "negative": base - 1 - address,
            "place": address - place - 4 * position,
        }[encoding]
        offsets += struct.pack("<i", offset)
    return {
        int(info["SYMBOL(kallsyms_num_syms)"], 16): struct.pack("<I", len(entries)),
        int(info["SYMBOL(kallsyms_names)"], 16): names,
        int(info["SYMBOL(kallsyms_token_table)"], 16): table,
        int(info["SYMBOL(kallsyms_token_index)"], 16): struct.pack("<256H", *index),
        place: offsets,
    }


def dump_of(sample, *, encoding="base", note=True, with_btf=True):
    """Return a dump, an ELF file: the memory of the sample, with small symbols and BTF."""
    symbols = dict(sample.symbols)
    memory = dict(sample.ranges)
    btf = btf_of(sample.layout)
    # The recorded kernel's BTF is left out, and a small one is in its place.
    start = symbols["__start_BTF"]
    symbols["__stop_BTF"] = start + len(btf) if with_btf else start
    memory[start] = btf
    memory |= symbol_table(sample.info, symbols, encoding)
    levels = 5 if sample.info["NUMBER(pgtable_l5_enabled)"] == "1" else 4
    pages = {}
    for address, data in sorted(memory.items()):
        while data:
            page, into = address // PAGE, address % PAGE
            piece = data[: PAGE - into]
            pages.setdefault(page, bytearray(PAGE))[into : into + len(piece)] = piece
            address, data = address + len(piece), data[len(piece) :]
    # Reading goes on for a while after the last name.
    last = int(sample.info["SYMBOL(kallsyms_names)"], 16) // PAGE
    for page in range(last, last + 20):
        pages.setdefault(page, bytearray(PAGE))
    physical = Physical(levels)
    for page, data in pages.items():
        physical.map(page, physical.add(data))
    root = int(sample.info["SYMBOL(swapper_pg_dir)"], 16) - KERNEL_MAP
    info = sample.info | {
        "NUMBER(phys_base)": str(physical.root - root),
        "SYMBOL(_stext)": f"{symbols['_stext']:x}",
        "SYMBOL(init_uts_ns)": f"{symbols['init_uts_ns']:x}",
    }
    text = "".join(f"{name}={value}\n" for name, value in info.items()).encode()
    return physical.elf(text, note)


class Physical:
    """Physical memory: pages, and the page tables that map them."""

    def __init__(self, levels):
        self.pages = []
        self.levels = levels
        self.tables = {}
        self.root = self.table(())

    def add(self, data):
        self.pages.append(data)
        return (len(self.pages) - 1) * PAGE + PAGE  # nothing is at 0

    def table(self, path):
        if path not in self.tables:
            self.tables[path] = self.add(bytearray(PAGE))
            if path:
                parent = self.table(path[:-1])
                self.enter(parent, path[-1], self.tables[path])
        return self.tables[path]

    def enter(self, table, index, address):
        page = self.pages[table // PAGE - 1]
        page[index * 8 : index * 8 + 8] = struct.pack("<Q", address | 0x8000000000000063)

    def map(self, page, address):
        path = tuple(page >> 9 * level & 511 for level in reversed(range(self.levels)))
        self.enter(self.table(path[:-1]), path[-1], address)

    def elf(self, info, note):
        """Return a core file with this memory, in two segments, and VMCOREINFO.

        It is a note of the file, or else a note in memory.
        """
        record = struct.pack("<III", 11, len(info), 0) + b"VMCOREINFO\0\0" + info
        record += bytes(-len(record) % 4)
        if not note:
            padded = record + bytes(-len(record) % PAGE)
            for place in range(0, len(padded), PAGE):
                self.add(padded[place : place + PAGE])
            record = struct.pack("<III", 5, 0, 1) + b"CORE\0\0\0\0"
        body = b"".join(map(bytes, self.pages))
        half = len(self.pages) // 2 * PAGE
        offset = 64 + 3 * 56
        headers = [
            (4, 0, offset, 0, 0, len(record), len(record), 0),
            (1, 7, offset + len(record), 0, PAGE, half, half, 0),
            (
                *(1, 7, offset + len(record) + half, 0, PAGE + half),
                *(len(body) - half, len(body) - half, 0),
            ),
        ]
        ident = b"\x7fELF\2\1\1" + bytes(9)
        head = ident + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, 3, 0, 0, 0)
        return head + b"".join(struct.pack("<IIQQQQQQ", *one) for one in headers) + record + body
