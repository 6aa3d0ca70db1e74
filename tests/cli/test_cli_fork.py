# SPDX-License-Identifier: MIT
"""The command `samara fork`, in this process and as a user runs it."""

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from interpreter import HANGS
from places import DATA
from samara.cli import _parser, main
from samara.cli.measure import METHODS, measure, verify_children
from samara.cli.series import nearest, published
from samara.cli.table import print_table
from samara.mm import FORK_METHODS, VMA, AddressSpace, synthetic

MAPS = DATA / "maps"
AXIS = [21, 121, 221, 421, 821, 1621, 3221, 6421, 12821, 25621, 51221]
QUICK = ["--seconds", "0.001"]
COMMAND = [sys.executable, "-m", "samara"]


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["fork", "--json", *QUICK, *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


# ---- the table of the patch series ---------------------------------------------------------------


def test_published_figures() -> None:
    table = published()
    assert [row.vmas for row in table] == AXIS
    assert table[0][1:] == (112100, 114558, 2.19)
    assert table[-1][1:] == (393, 599, 52.42)
    for row in table:
        assert (row.dup / row.insert - 1) * 100 == pytest.approx(row.gain_percent, abs=0.01)


def test_published_figures_are_the_shipped_file() -> None:
    text = resources.files("samara.cli").joinpath("published_forks.csv").read_text()
    rows = [list(map(float, row)) for row in csv.reader(io.StringIO(text)) if row[0].isdigit()]
    assert rows == [list(row) for row in published()]


def test_nearest() -> None:
    table = published()
    for vmas, row in ((21, 21), (11, 21), (42, 21), (163, 121), (164, 221), (102442, 51221)):
        found = nearest(vmas, table)
        assert found is not None and found.vmas == row
    for vmas in (1, 10, 102443):
        assert nearest(vmas, table) is None
    assert nearest(135, table, exact=True) is None
    assert nearest(121, table, exact=True) == table[1]


# ---- what it prints ------------------------------------------------------------------------------


def test_made_up_address_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    result = document(capsys, "--vmas", "21, 135,121")
    assert [row["vmas"] for row in result["rows"]] == [21, 135, 121]
    assert [row["series"] and row["series"]["vmas"] for row in result["rows"]] == [21, None, 121]
    assert result["rows"][0]["series"]["gain_percent"] == 2.19
    for row in result["rows"]:
        assert row["children_equal"] is True
        assert row["changed_by_fork"] == 0
        assert set(row["microseconds"]) == set(row["forks_per_10s"]) == {"insert", "dup", "cow"}
        forks = row["forks_per_10s"]
        for method in METHODS:
            assert forks[method] == pytest.approx(1e7 / row["microseconds"][method])
        for method in ("dup", "cow"):
            assert row["speedup"][method] == pytest.approx(forks[method] / forks["insert"])
    assert {"system", "processor", "cores", "python", "samara", "implementation"} <= set(
        result["machine"]
    )


def test_the_axis_without_a_list() -> None:
    assert _parser().parse_args(["fork", "--vmas"]).vmas == AXIS
    assert _parser().parse_args(["fork"]).vmas is None


@pytest.mark.parametrize("name", ["java", "node", "python"])
def test_a_file(capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = MAPS / f"{name}.maps"
    result = document(capsys, "--maps", str(path))
    assert result["source"] == str(path)
    lines = path.read_text().splitlines()
    assert result["rows"][0]["vmas"] == sum("[vsyscall]" not in line for line in lines)


def test_standard_input() -> None:
    text = (
        "00001000-00002000 rw-p 00000000 00:00 0 \nVmFlags: rd wr dc \n"
        "00002000-00003000 rw-p 00000000 00:00 0 \nVmFlags: rd wr lo \n"
        "00003000-00004000 rw-p 00000000 00:00 0                          [\udcff]\n"
    )
    done = subprocess.run(
        [*COMMAND, "fork", "--maps", "-", "--json", *QUICK],
        input=os.fsencode(text),
        capture_output=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert result["source"] == "standard input"
    assert (result["rows"][0]["vmas"], result["rows"][0]["changed_by_fork"]) == (3, 2)


def test_a_running_process(capsys: pytest.CaptureFixture[str]) -> None:
    result = document(capsys, "--pid", str(os.getpid()))
    name = Path("/proc/self/comm").read_text().strip()
    assert result["source"] == f"process {os.getpid()} ({name})"
    assert result["rows"][0]["vmas"] > 20


def test_without_arguments_a_real_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fork", *QUICK]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = re.match(r"process (\d+) \(.*\): forks in ten seconds\n", out)
    assert found is not None
    assert not Path(f"/proc/{found[1]}").exists(), "the process that it started has ended"
    lines = out.splitlines()
    heading = next(i for i, line in enumerate(lines) if line.lstrip().startswith("VMAs"))
    assert lines[heading].split() == [
        "VMAs", "insert", "dup", "cow", "gain", "gain", "before", "after", "gain",
    ]  # fmt: skip
    figures = lines[heading + 1].split()
    assert len(figures) == 9 and int(figures[0]) > 50
    series = nearest(int(figures[0]), published())
    assert series is not None and figures[6:8] == [str(series.insert), str(series.dup)]
    assert f"has figures for {series.vmas} VMAs" in out or series.vmas == int(figures[0])


def test_the_table_of_made_up_address_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    """Gains are "2.1x", "2.1 times as many forks", as the note says. Once they were "+110.0%"."""
    assert main(["fork", "--vmas", "21,30", *QUICK]) == 0
    out = capsys.readouterr().out
    assert "%" not in out and "2.1 times as many forks" in " ".join(out.split())
    lines = out.splitlines()
    rows = [line.split() for line in lines if line.lstrip()[:2] in ("21", "30")]
    assert rows[0][-3:] == ["112100", "114558", "1.02x"]
    assert all(re.fullmatch(r"[0-9.,]+x", gain) for gain in rows[0][4:6])
    assert rows[1][-3:] == ["-", "-", "-"]
    assert max(map(len, lines)) <= 100


def on_terminal(*arguments: str, environment: dict[str, str]) -> str:
    """Return what the command writes to a terminal with 100 columns."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
    )
    os.close(theirs)
    chunks = []
    try:
        while chunk := os.read(ours, 4096):
            chunks.append(chunk)
    except OSError:  # the other end has closed
        pass
    os.close(ours)
    assert process.wait() == 0
    return b"".join(chunks).decode()


def test_on_a_terminal_with_rich() -> None:
    pytest.importorskip("rich")
    text = on_terminal("fork", "--vmas", "21", *QUICK, environment={})
    assert "\x1b[1m" in text and "━" in text
    assert "112100" in text and "fork by cow" in text


def test_on_a_terminal_without_rich(tmp_path: Path) -> None:
    (tmp_path / "rich.py").write_text("raise ImportError\n")
    search = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    text = on_terminal("fork", "--vmas", "21", *QUICK, environment={"PYTHONPATH": search})
    assert "\x1b" not in text and "[#" in text
    assert "112100" in text and "fork by cow" in text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("text_last", [False, True])
@pytest.mark.parametrize("columns", range(20, 60))
def test_figures_are_whole_on_narrow_terminals(
    monkeypatch: pytest.MonkeyPatch, columns: int, text_last: bool
) -> None:
    """Once they were cut: 639… for 639,000. Wrapping the row is better."""
    pytest.importorskip("rich")
    rows = [["51221", "3.28 TiB", "/usr/lib/libc.so.6"], ["7", "16 KiB", "[heap]"]]
    shown = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", shown)
    print_table(("VMAs", "size", "what"), rows, text_last=text_last)
    lines = [re.sub("\x1b[^m]*m", "", line) for line in shown.getvalue().splitlines()]
    fits = columns >= (5 + 2 + 8 + 2 + (12 if text_last else 18))
    assert ("\x1b" in shown.getvalue()) == fits
    for (vmas, size, what), line in zip(rows, lines[-2:], strict=True):
        assert line.startswith(f"{vmas:>5}  {size:>8}  ")
        if text_last and fits and columns < 5 + 2 + 8 + 2 + 18:
            what = what.replace("/usr/lib", "…")
        assert line[17:].strip() == what and (len(line.rstrip()) <= columns or not fits)


# ---- what it refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vmas", ""], "empty"),
        (["--vmas", " , "], "empty"),
        (["--vmas", "21,,121"], "not ''"),
        (["--vmas", "21,x"], "not 'x'"),
        (["--vmas", "1.5"], "not '1.5'"),
        (["--vmas", "0"], "at least 1, not 0"),
        (["--vmas", "21,-3"], "at least 1, not -3"),
        (["--vmas", "10000001"], "10000001 VMAs are more than 10,000,000"),
        (["--pid", "x"], "not 'x'"),
        (["--pid", "0"], "at least 1, not 0"),
        (["--pid", "1", "--maps", "x"], "not allowed with"),
        (["--pid", "1", "--vmas"], "not allowed with"),
        (["--seconds", "0"], "not '0'"),
        (["--seconds", "nan"], "not 'nan'"),
        (["--seconds", "soon"], "not 'soon'"),
        (["--what"], "--what"),
    ],
)
def test_bad_arguments(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["fork", *arguments])
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err


@pytest.mark.parametrize("arguments", [[], ["spoon"]])
def test_no_such_command(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: samara" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no VMA in it"),
        (b"hello\n", "line 1 is not in the format of /proc/PID/maps: 'hello'"),
        (b"\x7fELF\x02\x00\xff", r"line 1 is not in the format of /proc/PID/maps: '\x7fELF"),
        (b"1000-2000 r--p 0 00:00 0\n1000-2000 r--p 0 00:00 0\n", "line 2 starts below 0x2000"),
    ],
)
def test_bad_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "bad.maps"
    path.write_bytes(content)
    assert main(["fork", "--maps", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"samara fork: {path}: ") and message in err
    assert err.count("\n") == 1


def test_files_that_cannot_be_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["fork", "--maps", str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err
    assert main(["fork", "--maps", str(tmp_path)]) == 2
    assert "Is a directory" in capsys.readouterr().err


def test_no_such_process(capsys: pytest.CaptureFixture[str]) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert main(["fork", "--pid", str(process.pid)]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"samara fork: no process {process.pid}\n")


@pytest.mark.skipif(
    os.geteuid() != 0 and os.stat("/proc/1").st_uid == os.geteuid(),
    reason="needs a process of somebody else",
)
def test_no_permission() -> None:
    code = (
        "import os, sys, samara.cli\n"
        "parser = samara.cli._parser()  # reads its files while it may\n"
        "samara.cli._parser = lambda: parser\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "sys.exit(samara.cli.main(['fork', '--pid', '1']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "samara fork: no permission to read the memory map of process 1\n"


# ---- the proof -----------------------------------------------------------------------------------


Tamper = Callable[[AddressSpace, Any], None]


def lose_one(parent: AddressSpace, child: Any) -> None:
    child.erase(parent.vmas()[7].start)


def change_one(parent: AddressSpace, child: Any) -> None:
    vma = parent.vmas()[7]
    child.store_range(vma.start, vma.end - 1, vma._replace(vm_flags=frozenset({"rd"})))


def add_one(parent: AddressSpace, child: Any) -> None:
    child.store_range(0x5000, 0x5FFF, VMA(0x5000, 0x6000))


def change_the_parent(parent: AddressSpace, child: Any) -> None:
    change_one(parent, parent.tree)


def leave_one_open(parent: AddressSpace, child: Any) -> None:
    parent.ledger.note_opened(1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (lose_one, "VMA 7 of the child"),
        (change_one, "VMA 7 of the child"),
        (add_one, "VMA 0 of the child"),
        (change_the_parent, "changed the parent"),
        (leave_one_open, "1 VMA of the children left open"),
    ],
)
def test_a_wrong_fork_is_found(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    method: Any,
    tamper: Tamper,
    message: str,
) -> None:
    space = synthetic(30)
    assert verify_children(space) is None
    right = FORK_METHODS[method]

    def wrong(parent: Any, changed: Any, failing: Any) -> Any:
        child = right(parent, changed, failing)
        tamper(space, child)
        return child

    monkeypatch.setitem(FORK_METHODS, method, wrong)
    monkeypatch.setattr("samara.cli.fork.synthetic", lambda count: space)
    assert main(["fork", "--vmas", "30", *QUICK]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "30 VMAs: " in err and message in err


def test_measuring_leaves_nothing_open() -> None:
    space = synthetic(100)
    turns: list[str] = []
    measured = measure(space, 0.01, turns.append)
    assert turns and set(turns) == set(METHODS)
    assert measured.vmas == 100 and all(seconds > 0 for seconds in measured.seconds.values())
    assert measured.speedup("insert") == 1
    assert space.ledger.open == len(space) == 100


# ---- how it ends ---------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [["--vmas"], []])
def test_ctrl_c(source: list[str]) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "fork", "--seconds", str(HANGS), *source],
        stdout=subprocess.PIPE,
        stderr=theirs,
        # If the tests run in the background, SIGINT may be ignored; the child would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(theirs)
    shown = b""
    while b"fork by" not in shown:
        shown += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # the other end has closed
        pass
    os.close(ours)
    out, _ = process.communicate(timeout=HANGS)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in shown


def test_a_reader_that_goes_away() -> None:
    with subprocess.Popen(
        [*COMMAND, "fork", "--vmas", "21", *QUICK],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, text in (
        (["--help"], "fork"),
        (["fork", "--help"], "--maps FILE"),
        (["--version"], "samara "),
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        assert text in capsys.readouterr().out
