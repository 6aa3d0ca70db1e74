# SPDX-License-Identifier: MIT
"""Read maps and smaps of other kernels and tools, and maps in other text. `tests/data/maps` has
the texts."""

import warnings
from pathlib import Path

import pytest

from places import DATA
from samara.mm import VMA, AddressSpace, File, Map, Prot, SkippedLine, format_vm_flags

LINE = "00001000-00002000 rw-p 00000000 00:00 0 "


def text_of(name: str) -> str:
    return (DATA / "maps" / f"{name}.txt").read_bytes().decode()


def read(text: str) -> tuple[AddressSpace, list[str]]:
    """Return what a text holds, and the lines that were skipped. Each has its number."""
    skipped: list[SkippedLine] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        space = AddressSpace.from_maps(text, skipped=skipped)
    space.check()
    lines = text.split("\n")
    assert all(lines[number - 1].rstrip("\r") == line for number, line in skipped)
    return space, [line for _number, line in skipped]


def flags_of(space: AddressSpace) -> list[str]:
    return [format_vm_flags(vma.vm_flags) for vma in space]


# ---- smaps of other kernels ----------------------------------------------------------------------


def test_smaps_of_linux_5_8() -> None:
    """It has tabs after THPeligible, so that no process of such a kernel could be read."""
    text = text_of("smaps_5.8")
    assert "THPeligible:\t\t0" in text and "FutureField\t:\t7" in text
    space, skipped = read(text)
    assert skipped == []
    assert flags_of(space) == [
        "rd mr mw me sd dw",
        "rd wr mr mw me ac sd",
        "rd wr mr mw me gd ac",
        "ex",
    ]


def test_vm_flags_of_qemu() -> None:
    """QEMU writes no blank after "VmFlags:"; its text was refused."""
    space, skipped = read(text_of("smaps_qemu"))
    assert skipped == [] and flags_of(space) == ["rd ex mr mw me", "rd wr mr mw me"]


@pytest.mark.parametrize(
    "field", ["New: 5 kB", "New:\t5", "New_1:5", "new :  5  kB ", "New:", "  New: 1"]
)
def test_an_unknown_field_of_smaps_in_any_spacing(field: str) -> None:
    space, skipped = read(f"{LINE}\n{field}\nVmFlags: rd wr\n")
    assert skipped == [] and flags_of(space) == ["rd wr"]


def test_an_unknown_field_that_is_no_amount_is_reported() -> None:
    space, skipped = read(f"{LINE}\nPolicy: interleave\nVmFlags: rd wr\n")
    assert skipped == ["Policy: interleave"] and flags_of(space) == ["rd wr"]


def test_fields_after_a_skipped_line_belong_to_nothing() -> None:
    """The VMA above them may be the one that was skipped."""
    space, skipped = read(f"{LINE}\nVmFlags: rd\nsome text\nSize: 4 kB\n")
    assert skipped == ["some text", "Size: 4 kB"] and flags_of(space) == ["rd"]
    with pytest.raises(ValueError, match="line 4 of smaps has no VMA above it: 'VmFlags: wr'"):
        AddressSpace.from_maps(f"{LINE}\nVmFlags: rd\nsome text\nVmFlags: wr\n")


# ---- CR LF, and other text -----------------------------------------------------------------------


def test_lines_that_end_in_cr_lf() -> None:
    """Once the names ended in "\\r", silently."""
    space, skipped = read(text_of("crlf"))
    assert "\r\n" in text_of("crlf") and skipped == []
    assert [vma.label for vma in space] == ["/usr/bin/a b", "", "[stack]"]
    smaps = f"{LINE}\r\nTHPeligible:\t\t0\r\nVmFlags: rd wr \r\n\r\n"
    assert flags_of(read(smaps)[0]) == ["rd wr"]


def test_a_name_never_ends_in_cr() -> None:
    for end in ("\r", "\r\r", "\r\r\n", "\r\n" + LINE.replace("1000-00002", "2000-00003")):
        space, _ = read(f"00001000-00002000 r--p 00000000 08:01 5 /x{end}")
        assert space.vmas()[0].label == "/x"


def test_a_paste_that_is_indented_quoted_or_has_tabs() -> None:
    space, skipped = read(text_of("pasted"))
    assert skipped == ["The map of the process:", "So it looks."]
    assert space.vmas() == read(text_of("crlf"))[0].vmas()


def test_a_log_of_java() -> None:
    text = text_of("hs_err")
    space, skipped = read(text)
    rows = [row for row in text.split("\n") if " 00:00 0" in row or " fd:01 " in row]
    assert space.maps() == "".join(row + "\n" for row in rows[:-1])
    assert len(space) == 13
    assert "[vsyscall]" in rows[-1] and rows[-1] == rows[-2] and skipped.count(rows[-1]) == 1
    assert "Dynamic libraries:" in skipped and "AnonHugePages:         0 kB" in skipped


def test_two_vsyscall_lines() -> None:
    first = "ffffffffff600000-ffffffffff601000 r-xp 00000000 00:00 0                  [vsyscall]"
    second = first.replace("r-xp", "--xp")
    space, skipped = read(f"{LINE}\n{first}\n{second}\n")
    assert skipped == [second] and space.maps() == f"{LINE}\n{first}\n"
    with pytest.raises(ValueError, match="line 3 starts below"):
        AddressSpace.from_maps(f"{LINE}\n{first}\n{second.replace('[vsyscall]', '[vdso]')}\n")


def test_a_tombstone_of_android() -> None:
    space, skipped = read(text_of("tombstone"))
    assert [(hex(vma.start), hex(vma.end), vma.perms, vma.label) for vma in space] == [
        ("0x12c00000", "0x32c00000", "rw-p", "[anon:dalvik-main space]"),
        ("0x5b12344000", "0x5b12345000", "r--p", "/system/bin/demo"),
        ("0x5b12345000", "0x5b12347000", "r-xp", "/system/bin/demo"),
        ("0x5b12348000", "0x5b12349000", "rw-p", "/system/bin/demo"),
        ("0x7b9c000000", "0x7b9c400000", "rw-p", "[anon:scudo:primary]"),
        ("0x7ba5e4d000", "0x7ba5f0d000", "r-xp", "/apex/com.android.runtime/lib64/bionic/libc.so"),
        ("0x7ba5f0d000", "0x7ba5f0e000", "---p", ""),
        ("0x7ba6000000", "0x7ba6001000", "r-xp", "[vdso]"),
        ("0x7fd5dec000", "0x7fd5e0d000", "rw-p", "[stack]"),
    ]
    assert [vma.offset for vma in space][1:4] == [0, 0x1000, 0x3000]
    assert len(skipped) == 14 and skipped[-1] == "    fd 0: /dev/null (unowned)"


def test_a_tombstone_of_32_bits() -> None:
    space, skipped = read(text_of("tombstone_32"))
    assert skipped == ["ABI: 'arm'", "memory map:"]
    assert [(hex(vma.start), hex(vma.end), vma.label) for vma in space][::3] == [
        ("0x12c00000", "0x12e00000", "/dev/ashmem/dalvik-main space (deleted)"),
        ("0xbec93000", "0xbecb4000", "[stack]"),
    ] and space.vmas()[4].name == "[vectors]"  # fmt: skip


GDB = [
    (0x400000, 0x40C000, 0, "/usr/bin/cat"),
    (0x60B000, 0x60D000, 0xB000, "/usr/bin/cat"),
    (0x60D000, 0x62E000, 0, "[heap]"),
    (0x7FFFF7A0D000, 0x7FFFF7BCD000, 0, "/lib/x86_64-linux-gnu/libc-2.23.so"),
    (0x7FFFF7DD7000, 0x7FFFF7DFD000, 0, "/lib/x86_64-linux-gnu/ld-2.23.so"),
    (0x7FFFF7FFC000, 0x7FFFF7FFE000, 0x25000, "/lib/x86_64-linux-gnu/ld-2.23.so"),
    (0x7FFFF7FFE000, 0x7FFFF7FFF000, 0, ""),
    (0x7FFFFFFDE000, 0x7FFFFFFFF000, 0, "[stack]"),
    (0xFFFFFFFFFF600000, 0xFFFFFFFFFF601000, 0, "[vsyscall]"),
]


@pytest.mark.parametrize("name", ["gdb_old", "gdb_perms", "gdb_new"])
def test_info_proc_mappings_of_gdb(name: str) -> None:
    """Before gdb 12 it has no permissions; since gdb 17 the columns are aligned to the left."""
    space, skipped = read(text_of(name))
    assert [(vma.start, vma.end, vma.offset, vma.label) for vma in space] == GDB
    assert space.vmas()[0].file == File("00:00", 0, "/usr/bin/cat")
    perms = [vma.perms for vma in space]
    if name == "gdb_old":
        assert set(perms) == {"---p"}
    else:
        assert perms == ["r-xp", "rw-p", "rw-p", "r-xp", "r-xp", "rw-p", "rw-p", "rw-p", "--xp"]
    assert len(skipped) == (2 if name == "gdb_new" else 5)


@pytest.mark.parametrize(
    "line",
    [
        "0x00007f3f1b3ee850 0x00007f3f1b3ee8a0 0x1000 0x0",  # the size is another
        "be83e000-be85f000 [stack]",
        "a list of words, and dead-beef",
        "Total number of mappings: 13",
    ],
)
def test_what_only_resembles_a_mapping_is_skipped(line: str) -> None:
    space, skipped = read(f"{line}\n{LINE}\n{line}")
    assert len(space) == 1 and skipped == [line, line]


@pytest.mark.parametrize(
    "line",
    [
        "12c00000-12dfffff rw-         0    300000  /x",  # the size is another
        "12c00000-12dff000 rw",
        "12c00000-12dff000 r",
        "12c00000-12dff000 ",
        "12c00000-12dff000",
        "12c00000-12dff000 rw-p 00000000 fe:00",
        "\t12c00000-12dff000\trw-p\t00000000\tfe:00\t",
    ],
)
def test_a_damaged_mapping_is_an_error(line: str) -> None:
    """It would be lost without a trace of where it lay."""
    with pytest.raises(ValueError) as caught:
        AddressSpace.from_maps(f"text\n{LINE}\n{line}\r\n")
    assert str(caught.value) == f"line 3 is not in the format of /proc/PID/maps: {line!r}"


# ---- what was skipped ----------------------------------------------------------------------------


def test_a_warning_says_what_was_skipped() -> None:
    text = f"one\n{LINE}\n\ntwo\n"
    with pytest.warns(UserWarning) as caught:
        AddressSpace.from_maps(text)
    (warning,) = caught
    message = "skipped 2 lines that are not mappings; the first is line 1, 'one'"
    assert str(warning.message) == message and Path(warning.filename) == Path(__file__)
    skipped = [SkippedLine(0, "before")]
    AddressSpace.from_maps(text, skipped=skipped)
    assert skipped == [(0, "before"), (1, "one"), (4, "two")]


def test_a_text_of_the_kernel_skips_nothing(recwarn: pytest.WarningsRecorder) -> None:
    for path in sorted((DATA / "maps").glob("*.maps")):
        AddressSpace.from_maps(path.read_text())
    assert not recwarn.list


def test_overlapping_lines_in_other_text_are_an_error() -> None:
    for second in ("0x1000 0x3000 0x2000 0x0", "00001000-00001fff rw- 0 1000"):
        with pytest.raises(ValueError, match=f"line 3 starts below 0x2000.*{second}"):
            AddressSpace.from_maps(f"text\n{LINE}\n{second}\n")


def test_a_mapping_that_cannot_be_names_its_line() -> None:
    with pytest.raises(ValueError, match="line 2: .* is no multiple of 4096: '0x1001 0x2001"):
        AddressSpace.from_maps("text\n0x1001 0x2001 0x1000 0x0\n")


def test_a_mapping_without_permissions_is_private() -> None:
    (vma,) = read("0x1000 0x2000 0x1000 0x0")[0]
    assert vma == VMA(0x1000, 0x2000, Prot.NONE, Map.PRIVATE | Map.ANONYMOUS)
