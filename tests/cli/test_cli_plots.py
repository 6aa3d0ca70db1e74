# SPDX-License-Identifier: MIT
"""The plots of the commands."""

import re
import sys
from pathlib import Path

import pytest

import samara.cli.maps_plot
from interpreter import SANITIZED
from places import DATA
from samara.cli import main
from samara.cli.maps_plot import APART, clusters, extent, rows
from samara.cli.plot import draw
from samara.cli.spawn import PROGRAM, Spawned, _plot
from samara.mm import VMA, AddressSpace, read_trace, synthetic, write_trace

# Matplotlib's C++ code throws exceptions. AddressSanitizer cannot handle them if it is preloaded
# into a Python that was built without it.
pytestmark = pytest.mark.skipif(SANITIZED, reason="matplotlib ends under AddressSanitizer")

PYTHON = str(DATA / "maps" / "python.maps")
LS = str(DATA / "mm" / "ls.mm.json.gz")
COMMANDS = [
    ["maps", PYTHON],
    ["replay", LS],
    pytest.param(
        ["spawn", "--vmas", "64,121", "--seconds", "0.01"],
        marks=pytest.mark.skipif(
            not PROGRAM.exists(), reason="the C program comes with the extension"
        ),
    ),
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", ["svg", "png", "SVG"])
def test_draws(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: list[str], kind: str
) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"out.{kind}"
    assert main([*command, "--plot", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out and err == f"wrote {path}\n"  # once it said nothing
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG" if kind == "png" else b"<?xml")


def test_the_axes_of_spawn_are_numbers(tmp_path: Path) -> None:
    """Once they were "$\\mathdefault{10^{3}}$", since no text of a plot is read as TeX."""
    pytest.importorskip("matplotlib")
    path = tmp_path / "out.svg"
    results = [Spawned(21, [100000.0]), Spawned(51221, [500.0])]
    draw(path, 6.4, 4.2, lambda figure: _plot(figure, results))
    text = path.read_text()
    assert "mathdefault" not in text
    assert all(f">{number}</text>" in text for number in ("100", "1,000", "10,000"))


@pytest.mark.parametrize("command", [["maps", PYTHON], ["replay", LS]])
def test_the_same_figures_make_the_same_file(tmp_path: Path, command: list[str]) -> None:
    pytest.importorskip("matplotlib")
    for name in ("one.svg", "two.svg"):
        assert main([*command, "--plot", str(tmp_path / name)]) == 0
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


@pytest.mark.parametrize("command", [["maps", PYTHON], ["replay", LS], ["spawn"]])
def test_refuses(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: list[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--plot", "out.gif"])
    assert "*.svg or *.png, not 'out.gif'" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main([*command, "--plot", str(tmp_path / "out.svg")]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.endswith(": plots need matplotlib: pip install matplotlib\n")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert main(["maps", PYTHON, "--plot", str(tmp_path / "nowhere" / "out.svg")]) == 1
    assert "out.svg: No such file" in capsys.readouterr().err


def test_a_run_that_cannot_go_on(tmp_path: Path) -> None:
    """Steps that were replayed before a call that no model can make are drawn."""
    pytest.importorskip("matplotlib")
    trace = read_trace(LS)
    trace["steps"][5]["call"] = "foo"
    write_trace(tmp_path / "x", trace)
    assert main(["replay", str(tmp_path / "x"), "--plot", str(tmp_path / "out.svg")]) == 2
    assert "MiB mapped" in (tmp_path / "out.svg").read_text()


def test_paths_of_any_bytes(tmp_path: Path) -> None:
    """Once they caused a traceback: invalid UTF-8 in matplotlib, and two "$" as bad maths."""
    pytest.importorskip("matplotlib")
    path = tmp_path / "$\\a$\udcff.maps"
    names = (b"/tmp/\xff\xfelibrary", b"/tmp/$\\frac$library")
    lines = [
        b"%x-%x r-xp 00000000 00:01 7".ljust(73) % (at << 28, (at << 28) + (1 << 24)) + name
        for at, name in enumerate(names, 1)
    ]
    path.write_bytes(b"\n".join(lines))
    for kind in ("svg", "png"):
        assert main(["maps", str(path), "--plot", str(tmp_path / f"out.{kind}")]) == 0
    text = (tmp_path / "out.svg").read_text()
    assert all(name in text for name in ("$\\a$?.maps: 2 VMAs", "??library", "$\\frac$library"))


def test_the_clusters_of_a_real_process(tmp_path: Path) -> None:
    """The program, its libraries and its stack are separate; the picture names each."""
    mm = AddressSpace.from_maps(Path(PYTHON).read_text())
    parted = clusters(mm)
    assert [[vma.label for vma in cluster][-1] for cluster in parted] == [
        "[heap]",
        "/files/ld-linux-x86-64.so.2",
        "[stack]",
    ]
    assert sum(map(len, parted)) == len(mm) - 1  # [vsyscall] is not in user space
    for one, two in zip(parted, parted[1:], strict=False):
        assert two[0].start - one[-1].end >= APART
    pytest.importorskip("matplotlib")
    assert main(["maps", PYTHON, "--plot", str(tmp_path / "out.svg")]) == 0
    texts = re.findall(r">([^<>]+)</text>", (tmp_path / "out.svg").read_text())
    for name in ("[heap]", "libc.so.6", "libcrypto.so.3", "[stack]", "41.68 TiB free"):
        assert any(name in text for text in texts), name
    for cluster in parted:
        assert f"{cluster[0].start:x}" in texts


@pytest.mark.parametrize("width", [1.0, 20.0, 130.0, 1e9])
def test_rows_hold_each_vma_once(width: float) -> None:
    vmas = synthetic(500).vmas()
    lines = rows(vmas, width)
    assert [bar.vma for line in lines for bar in line.bars] == vmas
    for line in lines:
        assert len(line.bars) == 1 or line.width <= width
        for one, two in zip(line.bars, line.bars[1:], strict=False):
            assert one.at + one.width <= two.at
        assert line.width == line.bars[-1].at + extent(line.bars[-1].vma.size)


def test_nothing_and_very_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "out.svg"
    samara.cli.maps_plot.plot_maps(path, AddressSpace(), "nothing")
    assert "0 VMAs" in path.read_text()
    samara.cli.maps_plot.plot_maps(path, synthetic(5000), "much")
    assert "5,000 VMAs" in path.read_text()
    samara.cli.maps_plot.plot_maps(path, AddressSpace([VMA(0, 1 << 47, 3)]), "all of it")
    assert "128.00 TiB" in path.read_text()


@pytest.mark.parametrize(
    ("name", "tick"),
    [("i386", "3584 MiB"), ("aarch64", "224 TiB"), ("tombstone", "448 GiB")],
)
def test_the_axis_ends_where_user_addresses_end(tmp_path: Path, name: str, tick: str) -> None:
    """Once it always ended at 128 TiB."""
    pytest.importorskip("matplotlib")
    path = tmp_path / "out.svg"
    assert main(["maps", str(DATA / "maps" / f"{name}.txt"), "--plot", str(path)]) == 0
    assert f">{tick}</text>" in path.read_text()
