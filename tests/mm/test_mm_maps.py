# SPDX-License-Identifier: MIT
"""Read and write /proc/PID/maps and smaps; checked against recorded and running processes."""

import copy
import gzip
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from places import DATA
from samara.mm import TASK_SIZE, VMA, AddressSpace, File, Map, Prot, format_vm_flags

MAPS = sorted((DATA / "maps").glob("*.maps"))


@contextmanager
def waiting_process(code: str = "") -> Iterator[int]:
    """Start a Python process that runs `code` and then sleeps."""
    code += "\nimport sys; print('ready', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process.pid
    finally:
        process.communicate()


def without_flags(space: AddressSpace) -> list[VMA]:
    return [vma._replace(vm_flags=frozenset()) for vma in space]


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_recorded_maps_come_out_as_they_went_in(path: Path) -> None:
    text = path.read_text()
    space = AddressSpace.from_maps(text)
    assert space.maps() == text
    assert len(space) == text.count("\n") > 50
    space.check()
    for row, vma in zip(text.splitlines(), space, strict=True):
        first, second = row.split()[:2]
        assert first == f"{vma.start:08x}-{vma.end:08x}"
        assert second == vma.perms
        assert space.find(vma.start) is space.find(vma.end - 1) is vma
    assert {"[heap]", "[stack]", "[vdso]", "[vsyscall]"} <= {vma.name for vma in space}


def test_a_running_process_comes_out_as_the_kernel_shows_it() -> None:
    with waiting_process("import ssl, sqlite3, decimal") as pid:
        space = AddressSpace.from_pid(pid)
        maps = Path(f"/proc/{pid}/maps").read_text()
        smaps = Path(f"/proc/{pid}/smaps").read_text()
    assert space.maps() == maps
    flags = re.findall(r"^VmFlags: (.*?) *$", smaps, re.MULTILINE)
    assert [format_vm_flags(vma.vm_flags) for vma in space] == flags
    assert without_flags(AddressSpace.from_maps(maps)) == without_flags(space)
    assert AddressSpace.from_maps(smaps) == space


def test_own_process() -> None:
    space = AddressSpace.from_pid(os.getpid())
    vma = space.find(id(space))
    assert vma is not None and vma.perms == "rw-p"


def line(columns: str, label: str = "") -> str:
    """Format a line like the kernel: the label is in column 73, or one blank after the rest."""
    return f"{columns} ".ljust(72) + f" {label}\n" if label else f"{columns} \n"


def test_every_kind_of_line() -> None:
    text = (
        line("00010000-00011000 ---p 00000000 00:00 0")
        + line("00400000-00452000 r-xp 00002000 103:0f 12", "/my file  (deleted)")
        + line("00452000-00453000 r--s 00000000 00:01 0", "/SYSV00000000 (deleted)")
        + line("00453000-00454000 rw-s 00000000 00:01 1116", "[anon_shmem:a b]")
        + line("00e03000-00e24000 rw-p 00000000 00:00 0", "[heap]")
        + line("7f00deadb000-7f00deadc000 -w-p 00000000 00:00 0", "[anon:some name]")
        + line(
            "7f00deadc000-7f00deadd000 rwxp 00000000 00:0f 4026531840", "anon_inode:[perf_event]"
        )
        + line("7f00deadd000-7f00deade000 rwxp ffffffff000 1ff:fffff 18446744073709551615", "/long")
        + line("7f00deade000-7f00deadf000 r--p 00000000 fe:00 9", "/a\\012b\x0b\x85c")
        + line("7fff00000000-7fff00021000 rw-p 00000000 00:00 0", "[stack]")
        + line("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0", "[vsyscall]")
    )
    assert text.splitlines()[4].index("[heap]") == 73
    space = AddressSpace.from_maps(text)
    assert space.maps() == text
    guard, program, shm, named, heap, anon, perf, far, newline, stack, vsyscall = space
    assert (guard.prot, guard.flags, guard.file) == (Prot.NONE, Map.PRIVATE | Map.ANONYMOUS, None)
    assert program.file == File("103:0f", 12, "/my file  (deleted)")
    assert program.file.deleted and program.offset == 0x2000
    assert shm.file == File("00:01", 0, "/SYSV00000000 (deleted)")
    assert shm.flags == Map.SHARED
    unnamed = File("00:01", 1116, "/dev/zero (deleted)")
    assert (named.file, named.name) == (unnamed, "[anon_shmem:a b]")
    assert (heap.file, heap.name) == (None, "[heap]")
    assert anon.name == "[anon:some name]" and anon.prot == Prot.WRITE
    assert perf.file == File("00:0f", 4026531840, "anon_inode:[perf_event]")
    assert far.file == File("1ff:fffff", 2**64 - 1, "/long") and far.offset == 0xFFFFFFFF000
    assert newline.file == File("fe:00", 9, "/a\nb\x0b\x85c")
    assert stack.name == "[stack]"
    assert vsyscall.start == 0xFFFFFFFFFF600000 and vsyscall.prot == Prot.EXEC


def test_files_of_the_same_kind_are_one_object() -> None:
    space = AddressSpace.from_maps(MAPS[0].read_text())
    files = [vma.file for vma in space if vma.file is not None]
    assert len({id(file) for file in files}) == len(set(files)) < len(files)


def test_trailing_blanks_may_be_missing() -> None:
    assert len(AddressSpace.from_maps("1000-2000 rw-p 00000000 00:00 0\n\n")) == 1
    assert len(AddressSpace.from_maps("1000-2000 rw-p 00000000 00:00 0")) == 1


def test_no_text_is_an_empty_address_space() -> None:
    space = AddressSpace.from_maps("")
    assert (len(space), space.maps(), space.vmas()) == (0, "", [])


LINE = "00001000-00002000 rw-p 00000000 00:00 0 "


# Lines that begin like a mapping, and one that only seems to.
@pytest.mark.parametrize(
    "bad",
    [
        "00001000-00002000 rw-p 00000000 00:00",
        "00001000-00002000 rw-q 00000000 00:00 0 ",
        "00001000-00002000 wr-p 00000000 00:00 0 ",
        "00001000 rw-p 00000000 00:00 0 ",
        "0x001000-0x002000 rw-p 00000000 00:00 0 ",
        "00001000-00002000 rw-p 00000000 00:00 zero ",
        "00001000-00002000 rw-p 00000000 0000 0 ",
        "000000000000001000-00002000 rw-p 00000000 00:00 0 ",
        "00002000-00001000 rw-p 00000000 00:00 0 ",
        "00001000-00001000 rw-p 00000000 00:00 0 ",
        "00001001-00002000 rw-p 00000000 00:00 0 ",
        "00001000-00002000 rw-p 00000010 00:00 0 ",
        "00001000-00002000 ---p 00000000 00:00 0                          [rollup]",
    ],
)
@pytest.mark.parametrize("before", [0, 1])
def test_a_bad_line_is_named(bad: str, before: int) -> None:
    good = "00000000-00001000 r--p 00000000 00:00 0 \n"
    with pytest.raises(ValueError) as caught:
        AddressSpace.from_maps(good * before + bad + "\n")
    assert f"line {before + 1}" in str(caught.value)
    assert repr(bad.split("\n")[0]) in str(caught.value)


@pytest.mark.parametrize("text", ["hello", "\x7fELF\x00\x01", "\n\nhello\nRSS\n", "Dynamic:\r\n"])
def test_a_text_without_any_mapping(text: str) -> None:
    first = next(line for line in text.replace("\r", "").split("\n") if line)
    number = 3 if text.startswith("\n") else 1
    with pytest.raises(ValueError) as caught:
        AddressSpace.from_maps(text)
    assert str(caught.value) == f"line {number} is not in the format of /proc/PID/maps: {first!r}"


@pytest.mark.parametrize("bad", ["Rss:                   8 kB", "VmFlags: rd"])
def test_a_line_of_smaps_needs_a_vma_above_it(bad: str) -> None:
    with pytest.raises(ValueError, match="line 1 .*" + bad):
        AddressSpace.from_maps(f"{bad}\n{LINE}\n")


def test_a_very_long_bad_line_is_cut_in_the_message() -> None:
    with pytest.raises(ValueError) as caught:
        AddressSpace.from_maps("x" * 10_000)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "second", ["1000-2000", "1000-3000", "2000-4000", "0000-1000", "2000-3000"]
)
def test_overlapping_or_backwards(second: str) -> None:
    first = "00001000-00003000 rw-p 00000000 00:00 0 \n"
    bad = f"{second} rw-p 00000000 00:00 0 "
    with pytest.raises(ValueError, match="line 2.*" + bad):
        AddressSpace.from_maps(first + bad)


def test_neighbours_may_touch() -> None:
    text = "00001000-00003000 rw-p 00000000 00:00 0 \n00003000-00004000 rw-p 00000000 00:00 0 \n"
    space = AddressSpace.from_maps(text)
    assert len(space) == 2 and space.maps() == text


def test_maps_without_vm_flags_imply_them() -> None:
    space = AddressSpace.from_maps("1000-2000 rw-s 00000000 00:01 5 /dev/zero (deleted)")
    assert format_vm_flags(space.vmas()[0].vm_flags) == "rd wr sh mr mw me ms"


def test_smaps_give_each_vma_its_own_vm_flags() -> None:
    text = (
        LINE
        + "\nSize:  4 kB\nVmFlags: rd wr mr mw me dc ac \n"
        + LINE.replace("1000-00002", "2000-00003")
    )
    first, second = AddressSpace.from_maps(text)
    assert format_vm_flags(first.vm_flags) == "rd wr mr mw me dc ac"
    assert format_vm_flags(second.vm_flags) == "rd wr mr mw me ac"


def test_recordings_read_the_same_as_rows_and_as_text() -> None:
    with gzip.open(DATA / "mm" / "fork15.json.gz", "rt") as file:
        rows = json.load(file)["parent"]
    text = "".join(
        f"{start:08x}-{end:08x} {perms} {offset:08x} {dev} {inode} {path}\nVmFlags: {flags} \n"
        for start, end, perms, offset, dev, inode, path, flags in rows
    )
    for row, vma in zip(rows, AddressSpace.from_maps(text), strict=True):
        file_of = vma.file or File("00:00", 0, "")
        assert row == [
            vma.start,
            vma.end,
            vma.perms,
            vma.offset,
            file_of.dev,
            file_of.inode,
            vma.label,
            format_vm_flags(vma.vm_flags),
        ]


# ---- processes that cannot be read ---------------------------------------------------------------


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_no_such_process() -> None:
    pid = ended_process()
    with pytest.raises(ProcessLookupError, match=f"no such process: {pid}"):
        AddressSpace.from_pid(pid)
    with pytest.raises(ProcessLookupError, match="no such process"):
        AddressSpace.from_pid(2**70)


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="this interpreter has no os.waitid")
def test_a_process_that_has_ended_but_is_not_waited_for() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    try:
        with pytest.raises(ProcessLookupError, match="no address space"):
            AddressSpace.from_pid(process.pid)
    finally:
        process.communicate()


@pytest.mark.parametrize("pid", [0, -1])
def test_process_ids_that_cannot_be(pid: int) -> None:
    with pytest.raises(ValueError, match=str(pid)):
        AddressSpace.from_pid(pid)


@pytest.mark.parametrize("pid", ["self", 1.0, True, None])
def test_process_ids_that_are_no_ints(pid: object) -> None:
    with pytest.raises(TypeError, match=repr(pid)):
        AddressSpace.from_pid(pid)  # type: ignore[arg-type]


@pytest.mark.skipif(
    os.geteuid() != 0 and os.stat("/proc/1").st_uid == os.geteuid(),
    reason="needs a process of somebody else",
)
def test_no_permission() -> None:
    # As a user other than the owner of process 1. In a child, since it cannot become root again.
    code = (
        "import os, samara.mm\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: samara.mm.AddressSpace.from_pid(1)\n"
        "except PermissionError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "no permission to read the memory map of process 1" in done.stdout


def test_maps_where_the_kernel_has_no_smaps(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def without_smaps(path: str, mode: str) -> object:
        opened.append(path)
        if path.endswith("smaps"):
            raise FileNotFoundError(2, "No such file or directory", path)
        return open(path, mode)

    monkeypatch.setattr("samara.mm.proc.pid.open", without_smaps, raising=False)
    with waiting_process() as pid:
        space = AddressSpace.from_pid(pid)
        assert space.maps() == Path(f"/proc/{pid}/maps").read_text()
    assert [path.rpartition("/")[2] for path in opened] == ["smaps", "maps", "stat"]


# ---- queries of an address space -----------------------------------------------------------------


def test_find_and_gaps() -> None:
    low, high = VMA(0x1000, 0x3000), VMA(0x8000, 0x9000)
    space = AddressSpace([high, low])
    assert space.vmas() == [low, high]
    assert [space.find(addr) for addr in (0, 0xFFF, 0x1000, 0x2FFF, 0x3000, 0x8FFF, 0x9000)] == [
        None, None, low, low, None, high, None,
    ]  # fmt: skip
    assert space.find(-1) is None and space.find(2**64) is None
    assert list(space.gaps()) == [(0, 0x1000), (0x3000, 0x8000), (0x9000, TASK_SIZE)]
    assert list(space.gaps(0x2000, 0x8000)) == [(0x3000, 0x8000)]
    assert list(space.gaps(0x4000, 0x5000)) == [(0x4000, 0x5000)]
    assert list(space.gaps(0x1000, 0x3000)) == list(space.gaps(5, 5)) == []
    assert list(space.gaps(0x9000, 2**64)) == [(0x9000, 2**64)]


def test_the_whole_of_the_addresses() -> None:
    space = AddressSpace([VMA(2**64 - 0x1000, 2**64)])
    assert space.find(2**64 - 1) == space.vmas()[0]
    assert list(space.gaps(0, 2**64)) == [(0, 2**64 - 0x1000)]


def test_vmas_that_overlap() -> None:
    with pytest.raises(ValueError, match=r"0x2000-0x4000.*overlaps.*0x1000-0x3000"):
        AddressSpace([VMA(0x1000, 0x3000), VMA(0x2000, 0x4000)])


def test_only_vmas() -> None:
    with pytest.raises(TypeError, match="4096"):
        AddressSpace([(4096, 8192)])  # type: ignore[list-item]


def test_equality() -> None:
    vmas = [VMA(0x1000, 0x3000), VMA(0x8000, 0x9000, vm_flags="rd dc")]
    space = AddressSpace(vmas)
    assert space == AddressSpace(reversed(vmas))
    assert space != AddressSpace(vmas[:1])
    assert space != AddressSpace([vmas[0], vmas[1]._replace(vm_flags=frozenset({"rd"}))])
    assert space != vmas
    with pytest.raises(TypeError):
        hash(space)


def test_copies_are_address_spaces_of_their_own() -> None:
    space = AddressSpace([VMA(0x1000, 0x3000), VMA(0x8000, 0x9000, vm_flags="rd dc")])
    for other in (copy.copy(space), copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
        assert other == space and other.tree is not space.tree
        other.check()
        assert other.exit() == 2
        assert other.ledger.open == 0 and space.ledger.open == len(space) == 2


def test_a_text_of_maps_is_a_str() -> None:
    for other in (b"1000-3000 rw-p 00000000 00:00 0", None):
        with pytest.raises(TypeError, match="text must be a str, not"):
            AddressSpace.from_maps(other)  # type: ignore[arg-type]


def test_in_is_about_addresses_and_vmas() -> None:
    vma = VMA(0x1000, 0x3000, Prot.READ)
    space = AddressSpace([vma])
    assert 0x1000 in space and 0x2FFF in space and vma in space
    for other in (0xFFF, 0x3000, -1, 2**70, VMA(0x1000, 0x2000, Prot.READ), "x", None):
        assert other not in space
