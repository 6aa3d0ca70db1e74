# SPDX-License-Identifier: MIT
"""The command samara maps."""

import io
import json
import sys
from pathlib import Path

import pytest

from places import DATA
from samara.cli import main
from samara.cli.kinds import KINDS
from samara.mm import TASK_SIZE, AddressSpace

MAPS = DATA / "maps"


@pytest.mark.parametrize("name", ["python", "node", "java"])
def test_figures_add_up(capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = MAPS / f"{name}.maps"
    assert main(["maps", "--json", str(path)]) == 0
    figures = json.loads(capsys.readouterr().out)
    mm = AddressSpace.from_maps(path.read_text())
    rows = path.read_text().splitlines()
    outside = [row for row in rows if row.startswith("ffffffffff6")]
    assert len(figures["not_counted"]) == len(outside) == 1
    assert figures["not_counted"][0]["label"] == "[vsyscall]"
    assert figures["vmas"] == len(figures["vmas_listed"]) == len(rows) - 1
    for groups in (figures["groups"], figures["kinds"]):
        assert sum(group["vmas"] for group in groups) == figures["vmas"]
        assert sum(group["size"] for group in groups) == figures["size"]
        sizes = [group["size"] for group in groups]
        assert sizes == sorted(sizes, reverse=True)
        assert len({group["what"] for group in groups}) == len(groups)
        for group in groups:
            assert group["writable"] <= group["size"] >= group["executable"]
    assert {group["what"] for group in figures["kinds"]} <= set(KINDS)
    assert "[vsyscall]" not in {group["what"] for group in figures["groups"]}
    text = next(group for group in figures["kinds"] if group["what"] == "text")
    assert text["vmas"] == sum(" r-xp " in row and "/" in row for row in rows)
    free = sorted(mm.gaps(), key=lambda gap: gap[0] - gap[1])
    gaps = figures["gaps"]
    assert gaps["free"] == sum(end - start for start, end in free)
    assert [tuple(gap) for gap in gaps["largest"]] == free[:5]
    assert gaps["within"] == len(free) - 2  # all but the lowest and the highest


def test_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    path = MAPS / "python.maps"
    assert main(["maps", str(path)]) == 0
    plain = capsys.readouterr().out
    assert "155 VMAs, 0.2% of vm.max_map_count (65,530)" in plain
    assert main(["maps", "--vmas", str(path)]) == 0
    listed = capsys.readouterr().out
    assert listed.endswith(plain)
    assert listed.count("\n") == plain.count("\n") + 155 + 2  # 2: a header and an empty line


def test_one_number_of_vmas(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Once the text said 155 VMAs, but its tables had 156: [vsyscall] is not part of a process's
    map, and is not counted."""
    path = MAPS / "python.maps"
    assert "[vsyscall]" in path.read_text()
    assert main(["maps", "--vmas", str(path)]) == 0
    out = capsys.readouterr().out
    assert "[vsyscall]" not in out
    listed, kinds, groups, text = out.split("\n\n")
    assert len(listed.splitlines()) - 1 == 155
    for table in (kinds, groups):
        assert sum(int(row.split()[0]) for row in table.splitlines()[1:]) == 155
    assert text.startswith("155 VMAs, ")
    assert main(["fork", "--maps", str(path), "--seconds", "0.001", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["vmas"] == 155
    without = tmp_path / "without.maps"
    without.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert main(["diff", str(path), str(without)]) == 0
    assert capsys.readouterr().out == "nothing differs\n"


def test_nothing_but_vsyscall(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text((MAPS / "python.maps").read_text().splitlines()[-1])
    assert main(["maps", str(path)]) == 2
    assert capsys.readouterr().err == f"samara maps: {path}: there is no VMA in it\n"


def test_one_vma(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_text("10000-11000 rw-p 00000000 00:00 0\n")
    assert main(["maps", str(path)]) == 0
    out = capsys.readouterr().out
    assert "\n1 VMA, " in out and "; 0 gaps between VMAs, 0 of them" in out
    heading = "largest free ranges, including those below and above all VMAs:\n"
    assert len(out.partition(heading)[2].splitlines()) == 2
    with path.open("a") as file:
        file.write("12000-13000 rw-p 00000000 00:00 0\n")
    assert main(["maps", str(path)]) == 0
    assert "; 1 gap between VMAs, 1 of them" in capsys.readouterr().out
    assert main(["diff", str(path), "--every", "0.01", "--times", "1"]) == 0
    assert ": 2 VMAs, 8 KiB, 0 changed\n" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["maps", "-"], ["diff", str(MAPS / "python.maps"), "-"]])
def test_standard_input_with_nothing_mapped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """Once, without input, an entirely free address space was shown."""
    for text in (b"", b"\n"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
        assert main(command) == 2
        message = f"samara {command[0]}: standard input: there is no VMA in it\n"
        assert capsys.readouterr() == ("", message)


def test_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["maps", "/nowhere"]) == 2
    assert "/nowhere: No such file" in capsys.readouterr().err
    assert main(["maps", "9" * 5000]) == 2  # not a process, but the name of a file
    assert "File name too long" in capsys.readouterr().err
    assert main(["maps", __file__]) == 2
    assert "line 1" in capsys.readouterr().err
    for number in ("0", "-5"):
        assert main(["maps", number]) == 2
        message = f"samara maps: a process id is at least 1, not {number}\n"
        assert capsys.readouterr() == ("", message)


def test_a_file_whose_name_is_a_number(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("0").write_bytes((MAPS / "python.maps").read_bytes())
    assert main(["maps", "./0"]) == 0
    assert "155 VMAs" in capsys.readouterr().out


# For each text: its VMAs without those that are not counted, and the end of user addresses.
LAYOUTS = {
    "aarch64": (9, 1 << 48),
    "aarch64_64k": (12, 1 << 48),
    "arm": (12, 0xBF000000),
    "crlf": (3, TASK_SIZE),
    "gdb_new": (8, TASK_SIZE),
    "gdb_old": (8, TASK_SIZE),
    "gdb_perms": (8, TASK_SIZE),
    "hs_err": (12, TASK_SIZE),
    "i386": (20, 0xFFFFE000),
    "pasted": (3, TASK_SIZE),
    "smaps_5.8": (3, TASK_SIZE),
    "smaps_qemu": (2, TASK_SIZE),
    "tombstone": (9, 1 << 39),
    "tombstone_32": (4, 0xBF000000),
    "x86_64_5level": (5, 0xFFFFFFFFFFF000),
}


def test_every_text_has_its_figures() -> None:
    assert {path.stem for path in MAPS.glob("*.txt")} == set(LAYOUTS)


@pytest.mark.parametrize("name", LAYOUTS)
def test_maps_of_other_layouts(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Once nine lines of aarch64 gave "0 VMAs, 128 TiB free", and 32-bit processes had 128 TiB
    free."""
    vmas, end = LAYOUTS[name]
    path = MAPS / f"{name}.txt"
    assert main(["maps", "--json", str(path)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["vmas"] == len(figures["vmas_listed"]) == vmas
    assert figures["size"] == sum(vma["end"] - vma["start"] for vma in figures["vmas_listed"])
    assert figures["size"] + figures["gaps"]["free"] == end
    assert {vma["label"] for vma in figures["not_counted"]} <= {"[vsyscall]", "[vectors]"}
    assert main(["maps", str(path)]) == 0
    assert f"\n{vmas} VMAs, " in capsys.readouterr().out
    assert main(["diff", "--match", "address", str(path), str(path)]) == 0


def test_gaps_of_one_page_have_the_size_of_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["maps", "--json", str(MAPS / "aarch64_64k.txt")]) == 0
    assert json.loads(capsys.readouterr().out)["gaps"]["single_pages"] == 0
    text = (MAPS / "aarch64_64k.txt").read_text().replace("ffff9aab0000", "ffff9aaa0000", 1)
    assert AddressSpace.from_maps(text).limits.page_size == 65536
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert main(["maps", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["gaps"]["single_pages"] == 1


@pytest.mark.parametrize("command", ["maps", "diff", "diff --every", "fork"])
def test_what_was_skipped_is_reported(capsys: pytest.CaptureFixture[str], command: str) -> None:
    path = str(MAPS / "hs_err.txt")
    report = f"{path}: skipped 29 lines that are not mappings; the first is line 1, '#'\n"
    arguments = {
        "maps": ["maps", path],
        "diff": ["diff", path, path],
        "diff --every": ["diff", path, "--every", "0.01", "--times", "3"],
        "fork": ["fork", "--maps", path, "--seconds", "0.001"],
    }[command]
    assert main(arguments) == 0
    assert capsys.readouterr().err == report * (2 if command == "diff" else 1)


def test_vm_flags_of_indented_smaps_are_compared(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, codes in (("a", "rd wr mr"), ("b", "rd wr mr lo")):
        text = f"  10000-11000 rw-p 00000000 00:00 0\r\n  VmFlags:{codes}\r\n"
        (tmp_path / name).write_text(text, newline="")
    assert main(["diff", str(tmp_path / "a"), str(tmp_path / "b")]) == 1
    assert "+lo" in capsys.readouterr().out
