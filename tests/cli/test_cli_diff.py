# SPDX-License-Identifier: MIT
"""The command samara diff, for address spaces with different layouts."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from places import DATA
from samara.cli import main
from samara.cli.maps_plot import clusters
from samara.cli.matching import differences_by_content, layouts_differ
from samara.mm import VMA, AddressSpace, File, Map, Prot

MAPS = DATA / "maps"
RANDOMISED = Path("/proc/sys/kernel/randomize_va_space")
LIBRARY = File("fe:00", 7, "/lib/x.so")
OTHER = File("fe:00", 8, "/lib/y.so")
RW = Prot.READ | Prot.WRITE


def elsewhere(vmas: list[VMA]) -> list[VMA]:
    """Return the same VMAs at other addresses. Each cluster moves by another distance, as if the
    kernel had chosen new places for the program, the libraries and the stack."""
    return [
        vma._replace(start=vma.start - by, end=vma.end - by)
        for by, cluster in zip((1 << 30, 1 << 31, 1 << 29), clusters(vmas), strict=True)
        for vma in cluster
    ]


@pytest.fixture
def python() -> list[VMA]:
    return AddressSpace.from_maps((MAPS / "python.maps").read_text()).vmas()


def written(path: Path, vmas: list[VMA]) -> str:
    path.write_text(AddressSpace(vmas).maps())
    return str(path)


def test_vmas_that_only_lie_elsewhere_are_equal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, python: list[VMA]
) -> None:
    """Once, for two runs of one program, every VMA "went" and every VMA "came"."""
    paths = (written(tmp_path / "A", python), written(tmp_path / "B", elsewhere(python)))
    assert main(["diff", *paths]) == 0
    assert capsys.readouterr().out == "nothing differs (addresses ignored)\n"
    assert main(["diff", *paths, "--match", "address"]) == 1
    out = capsys.readouterr().out
    assert out.endswith("310 differences: 155 came, 155 went; 0 VMAs equal\n")


def test_changes_between_different_layouts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, python: list[VMA]
) -> None:
    """Each change is recognised, and no others are reported."""
    moved = elsewhere(python)
    heap = next(n for n, vma in enumerate(moved) if vma.name == "[heap]")
    text = next(n for n, vma in enumerate(moved) if vma.file is not None and vma.prot == 5)
    gone = next(n for n, vma in enumerate(moved) if n > heap and vma.file is not None)
    moved[heap] = moved[heap]._replace(end=moved[heap].end + 0x4000)
    moved[text] = moved[text]._replace(prot=7, vm_flags="rd wr ex mr mw me ac")
    del moved[gone]
    moved.append(VMA(moved[-1].end + 0x1000, moved[-1].end + 0x3000, RW, file=OTHER))
    paths = (written(tmp_path / "A", python), written(tmp_path / "B", moved))
    assert main(["diff", *paths, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    changes = {change["kind"]: change for change in document["changes"]}
    assert document["match"] == "content" and document["equal"] == 152
    assert document["summary"] == {"came": 1, "went": 1, "grew": 1, "protected": 1}
    assert changes["grew"]["after"]["label"] == "[heap]"
    assert changes["protected"]["before"]["start"] == python[text].start
    assert changes["went"]["before"]["start"] == python[gone].start
    assert changes["came"]["after"]["label"] == OTHER.path
    assert main(["diff", *paths]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    counts = "4 differences: 1 came, 1 went, 1 grew, 1 protected"
    assert last == f"{counts}; 152 VMAs equal (addresses ignored)"


def test_one_layout_is_compared_by_address(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, python: list[VMA]
) -> None:
    """By address, unless the user asks for content."""
    after = [vma for vma in python if vma.name != "[heap]"]
    paths = (written(tmp_path / "A", python), written(tmp_path / "B", after))
    for how, word in (("auto", "address"), ("content", "content")):
        assert main(["diff", *paths, "--json", "--match", how]) == 1
        document = json.loads(capsys.readouterr().out)
        assert document["match"] == word and document["summary"] == {"went": 1}
        assert document["equal"] == 154


def test_by_address_each_row_is_a_stretch(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mapped = VMA(0x10000, 0x18000, Prot.READ, file=LIBRARY, offset=0x3000)
    heap = VMA(0x30000, 0x34000, RW)
    before = AddressSpace([mapped, heap])
    after = before.fork()
    after.mprotect(0x12000, 0x1000, Prot.NONE)  # one page in the middle
    after.mmap(0x14000, 0x1000, Prot.READ, Map.PRIVATE | Map.FIXED, OTHER, 0x5000)
    after.munmap(0x17000, 0x1000)
    after.mmap(0x34000, 0x2000, RW, Map.PRIVATE | Map.ANONYMOUS | Map.FIXED)
    paths = []
    for name, space in (("before", before), ("after", after)):
        path = tmp_path / name
        path.write_text(space.maps())
        paths.append(str(path))
    assert main(["diff", *paths]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:-2] == [
        ["protected", "12000", "13000", "4", "KiB", "r--p", "/lib/x.so"],
        ["to", "12000", "13000", "4", "KiB", "---p", "/lib/x.so"],
        ["replaced", "14000", "15000", "4", "KiB", "r--p", "/lib/x.so", "at", "0x7000"],
        ["to", "14000", "15000", "4", "KiB", "r--p", "/lib/y.so", "at", "0x5000"],
        ["shrank", "17000", "18000", "4", "KiB", "r--p", "/lib/x.so"],
        ["grew", "34000", "36000", "8", "KiB", "rw-p", "anonymous"],
    ]
    assert " ".join(lines[-1]).startswith(
        "4 differences: 1 grew, 1 shrank, 1 protected, 1 replaced; 0 VMAs equal"
    )
    assert main(["diff", *paths, "--json"]) == 1
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert [(one["start"], one["end"]) for one in changes][0] == (0x12000, 0x13000)
    assert changes[0]["before"]["start"] == 0x10000 and changes[0]["after"]["start"] == 0x12000


def test_a_look_with_changes_is_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, python: list[VMA]
) -> None:
    """Also with --every, whichever look has the changes."""
    looks = iter([python, python[1:], python[1:]])
    monkeypatch.setattr(AddressSpace, "from_pid", lambda pid: AddressSpace(next(looks)))
    assert main(["diff", "4242", "--every", "0.01", "--times", "2"]) == 1
    out = capsys.readouterr().out
    assert ", 1 changed: 1 went\n" in out and out.endswith(", 0 changed\n")


def test_what_matches_by_content() -> None:
    def kinds(before: list[VMA], after: list[VMA]) -> list[str]:
        found = differences_by_content(AddressSpace(before), AddressSpace(after))
        return [change.kind for change in found]

    code = VMA(0x10000, 0x12000, 5, file=LIBRARY)
    bss = VMA(0x12000, 0x14000, RW)
    far = code._replace(start=0x70000, end=0x72000)
    # A .bss section belongs to its file; other anonymous memory is recognised only if it is equal.
    assert kinds([code, bss], [far, VMA(0x72000, 0x73000, RW)]) == ["shrank"]
    assert kinds([bss], [VMA(0x72000, 0x73000, RW)]) == ["went", "came"]
    assert kinds([bss], [VMA(0x72000, 0x74000, RW)]) == []
    assert kinds([bss], [VMA(0x72000, 0x74000, RW, name="[heap]")]) == ["went", "came"]
    # Another part of a file is a different mapping, and so is another file.
    assert kinds([code], [far._replace(offset=0x1000)]) == ["went", "came"]
    assert kinds([code], [far._replace(file=OTHER)]) == ["went", "came"]
    assert kinds([code], [far._replace(vm_flags="rd ex")]) == ["flagged"]
    # Two equal VMAs count as two.
    assert kinds([code], [code, far]) == ["came"]
    assert kinds([], []) == []
    assert not layouts_differ(AddressSpace([bss]), AddressSpace())


@pytest.mark.skipif(
    not RANDOMISED.exists() or RANDOMISED.read_text().strip() == "0",
    reason="needs a kernel that randomises addresses",
)
def test_two_processes_of_one_program(capsys: pytest.CaptureFixture[str]) -> None:
    program = "import sys; print(flush=True); sys.stdin.read()"
    pids = []
    with ExitStack() as stack:
        for _ in range(2):
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            stack.enter_context(process)
            assert process.stdout is not None
            process.stdout.readline()
            pids.append(str(process.pid))
        if os.stat(f"/proc/{pids[0]}").st_uid != os.geteuid():
            pytest.skip("the processes cannot be read")
        assert main(["diff", *pids, "--json"]) in (0, 1)
    document = json.loads(capsys.readouterr().out)
    assert document["match"] == "content"
    # The sizes and ends of heap and stack may be random too. Files are the same.
    for change in document["changes"]:
        vma = change["before"] or change["after"]
        assert not vma["label"].startswith("/")
