# SPDX-License-Identifier: MIT
"""The commands samara diff, samara replay and samara record."""

import gzip
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import elf
from places import DATA
from samara.cli import main
from samara.mm import (
    VMA,
    AddressSpace,
    Madv,
    Trace,
    format_vm_flags,
    read_trace,
    replay,
    write_trace,
)

LS = DATA / "mm" / "ls.mm.json.gz"
PAGE = 4096


@pytest.fixture
def two_files(tmp_path: Path) -> list[str]:
    before = AddressSpace([VMA(0x10000, 0x14000, 3), VMA(0x20000, 0x21000, 1)])
    after = before.fork()
    after.mprotect(0x10000, 0x4000, 1)
    after.munmap(0x20000, PAGE)
    paths = [tmp_path / "before.maps", tmp_path / "after.maps"]
    for path, mm in zip(paths, (before, after), strict=True):
        path.write_text(mm.maps())
    return [str(path) for path in paths]


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = main(argv)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_diff(capsys: pytest.CaptureFixture[str], two_files: list[str]) -> None:
    status, out, _err = run(capsys, "diff", *two_files)
    lines = [line.split() for line in out.splitlines()]
    assert status == 1
    assert lines[1:-2] == [
        ["protected", "10000", "14000", "16", "KiB", "rw-p", "anonymous"],
        ["to", "10000", "14000", "16", "KiB", "r--p", "anonymous"],
        ["went", "20000", "21000", "4", "KiB", "r--p", "anonymous"],
    ]
    assert out.endswith("\n\n2 differences: 1 went, 1 protected; 0 VMAs equal\n")
    assert run(capsys, "diff", two_files[0], two_files[0]) == (0, "nothing differs\n", "")


def test_diff_names_flags_that_changed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The text of smaps shows locks and advice."""
    mm = AddressSpace([VMA(0x10000, 0x14000, 3, vm_flags="rd wr mr mw me ac")])
    paths = []
    for name in ("before", "after"):
        paths.append(str(tmp_path / name))
        vma = mm.vmas()[0]
        flags = f"VmFlags: {format_vm_flags(vma.vm_flags)}"
        Path(paths[-1]).write_text(f"{mm.maps()}{flags}\n")
        mm.mlock(0x10000, 0x4000)
        mm.madvise(0x10000, 0x4000, Madv.DONTFORK)
    status, out, _err = run(capsys, "diff", *paths)
    assert status == 1
    assert [line.split()[-3:] for line in out.splitlines()[1:-2]] == [
        ["KiB", "rw-p", "anonymous"],
        ["rw-p", "+lo", "+dc"],
    ]


VMA_LINE = "00010000-00014000 rw-p 00000000 00:00 0 \n"


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("has_smaps", [True, False])
def test_diff_without_flags_on_one_side_compares_none(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    has_smaps: bool,
) -> None:
    """Once it said "flagged" for maps, which does not show flags, compared with smaps."""
    smaps = written(tmp_path / "smaps", f"{VMA_LINE}VmFlags: rd wr mr mw me lo \n")
    maps = written(tmp_path / "maps", VMA_LINE)
    for pair in ((maps, smaps), (smaps, maps)):
        assert run(capsys, "diff", *pair) == (0, "nothing differs\n", "")
    # The same for a process: its flags are known if the kernel has smaps.
    mm = AddressSpace([VMA(0x10000, 0x14000, 3, vm_flags="rd wr mr mw me")])
    exists = os.path.exists
    monkeypatch.setattr(AddressSpace, "from_pid", lambda pid: mm)
    monkeypatch.setattr(
        os.path, "exists", lambda path: has_smaps if path == "/proc/self/smaps" else exists(path)
    )
    assert run(capsys, "diff", "4242", maps)[1] == "nothing differs\n"
    assert ("flagged" in run(capsys, "diff", "4242", smaps)[1]) == has_smaps
    named = written(tmp_path / "named", VMA_LINE.replace(" \n", " [anon:x]\n"))
    status, out, _err = run(capsys, "diff", "--json", named, smaps)
    (change,) = json.loads(out)["changes"]
    assert (change["kind"], change["before"]["label"]) == ("flagged", "[anon:x]")
    assert change["before"]["vm_flags"] == change["after"]["vm_flags"] == ""


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (f"{VMA_LINE}VmFlags: rd wr ac\n", f"{VMA_LINE}VmFlags: rd wr\n", "-ac"),
        (f"{VMA_LINE}VmFlags: rd wr ac\n", f"{VMA_LINE}VmFlags: rd ac ?\n", "-wr +?"),
        (VMA_LINE, VMA_LINE.replace("p 00000000", "p 00001000"), "anonymous at 0x1000"),
        (VMA_LINE, VMA_LINE.replace(" \n", " [anon:x]\n"), "[anon:x]"),
    ],
)
def test_what_is_flagged_is_seen(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, before: str, after: str, what: str
) -> None:
    """Once it printed two equal lines if only "ac" differed."""
    paths = [written(tmp_path / "A", before), written(tmp_path / "B", after)]
    status, out, _err = run(capsys, "diff", *paths)
    _head, was, now, _, _summary = out.splitlines()
    assert status == 1 and was.split()[0] == "flagged"
    assert was.endswith("rw-p  anonymous") and now.endswith(f"rw-p  {what}")


def test_diff_as_json(capsys: pytest.CaptureFixture[str], two_files: list[str]) -> None:
    status, out, _err = run(capsys, "diff", "--json", *two_files)
    changes = json.loads(out)["changes"]
    assert status == 1 and [change["kind"] for change in changes] == ["protected", "went"]
    assert changes[1]["after"] is None and changes[1]["before"]["start"] == 0x20000


def test_diff_over_time(capsys: pytest.CaptureFixture[str], two_files: list[str]) -> None:
    arguments = ("diff", two_files[0], "--every", "0.01s", "--times", "2")
    status, out, _err = run(capsys, *arguments)
    assert status == 0 and out.count("2 VMAs, 20 KiB, 0 changed") == 2
    status, out, _err = run(capsys, *arguments, "--json")
    assert [json.loads(line)["changes"] for line in out.splitlines()] == [[], []]


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        (["A"], 2, "expected a second process or file, or --every"),
        (["A", "B", "--every", "1"], 2, "--every takes one process or file, not two"),
        (["A", "B", "--times", "1"], 2, "--times requires --every"),
        (["A", "B"], 2, "A: No such file"),
        (["99999999", "B"], 2, "no such process: 99999999"),
        ([str(LS), "B"], 2, "line 1"),
        (["-", "-"], 2, "standard input (-) can be read only once"),
        (["-", "--every", "0.2"], 2, "standard input (-) can be read only once"),
        (["0", "B"], 2, "pid must be 1 or more, not 0"),
        (["-5", "B"], 2, "pid must be 1 or more, not -5"),
    ],
)
def test_diff_refuses(
    capsys: pytest.CaptureFixture[str], argv: list[str], status: int, words: str
) -> None:
    got, out, err = run(capsys, "diff", *argv)
    assert (got, out) == (status, "") and words in err


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "inf", "nan"])
def test_diff_wants_seconds(seconds: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["diff", "A", f"--every={seconds}"])


@pytest.mark.parametrize("placement", ["recorded", "own"])
def test_replay(capsys: pytest.CaptureFixture[str], placement: str) -> None:
    status, out, _err = run(capsys, "replay", str(LS), "--placement", placement)
    assert status == 0
    assert "39 steps" in out.splitlines()[0] and out.splitlines()[-1] == "no step differs"
    assert out.splitlines()[-3].split() == ["38", "49", "3.74", "MiB", "mmap"]


def changed_trace(tmp_path: Path) -> str:
    trace = read_trace(LS)
    trace["steps"][5]["ret"] += PAGE
    path = tmp_path / "changed.json"
    write_trace(path, trace)
    return str(path)


def test_replay_shows_where_they_part(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, _err = run(capsys, "replay", changed_trace(tmp_path))
    assert status == 1
    assert "model and recording differ at step 5, mmap: the model returned" in out
    status, out, _err = run(capsys, "replay", "--json", changed_trace(tmp_path))
    document = json.loads(out)
    assert status == 1 and document["mismatch"]["step"] == 5
    assert len(document["steps_listed"]) == 5 and document["steps"] == 39


def test_replay_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _err = run(capsys, "replay", "--json", str(LS))
    document = json.loads(out)
    assert status == 0 and document["mismatch"] is None
    assert len(document["steps_listed"]) == document["steps"] == 39


def test_replay_refuses(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("{}")
    assert "not a trace" in run(capsys, "replay", str(path))[2]
    assert run(capsys, "replay", str(path))[2] == (
        f"samara replay: {path}: not a trace: 'columns' is missing or not a list\n"
    )
    path.write_text("what")
    status, out, err = run(capsys, "replay", str(path))  # the message depends on the Python
    assert (status, out) == (2, "") and err.startswith(f"samara replay: {path}: not a trace: ")
    assert err.endswith(": line 1 column 1 (char 0)\n")
    status, out, err = run(capsys, "replay", "nowhere")
    assert (status, out, err) == (2, "", "samara replay: nowhere: No such file or directory\n")


def test_replay_of_a_call_that_no_model_makes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Once it ended in a traceback, and the plot of the steps before was lost."""
    trace = read_trace(LS)
    trace["steps"][5]["call"] = "foo"
    path = tmp_path / "x.json"
    write_trace(path, trace)
    message = f"samara replay: {path}: the model does not know the call 'foo'\n"
    assert run(capsys, "replay", str(path)) == (2, "", message)
    assert run(capsys, "replay", "--json", str(path)) == (2, "", message)


def test_replay_of_an_external_step_that_differs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An external step has no arguments to show."""
    trace = read_trace(LS)
    row = trace["initial"][0]
    trace["steps"] = [{"call": "external", "removed": [], "added": [row]}]
    path = str(tmp_path / "x.json")
    write_trace(path, trace)
    status, out, err = run(capsys, "replay", path)
    assert (status, err) == (1, "") and "differ at step 0, external: VMA(0x" in out
    assert "\n  external()\n" in out
    status, out, err = run(capsys, "replay", "--json", path)
    assert (status, err) == (1, "") and json.loads(out)["mismatch"]["args"] == []


@pytest.mark.parametrize("unpack", [False, True])
def test_replay_of_standard_input(tmp_path: Path, unpack: bool) -> None:
    data = LS.read_bytes()
    command = [sys.executable, "-m", "samara", "replay", "-"]
    done = subprocess.run(
        command, input=gzip.decompress(data) if unpack else data, capture_output=True, check=True
    )
    assert done.stdout.endswith(b"no step differs\n") and done.stderr == b""
    done = subprocess.run(command, input=b"{}", capture_output=True)
    message = b"samara replay: standard input: not a trace: 'columns' is missing or not a list\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", message)


def can_trace() -> bool:
    return (platform.system(), platform.machine()) == ("Linux", "x86_64")


@pytest.mark.skipif(not can_trace(), reason="recording is of x86-64 Linux")
def test_record_and_replay(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("ptrace")
    program = shutil.which("sort")
    assert program is not None
    path = str(tmp_path / "sort.json.gz")
    status, _out, err = run(capsys, "record", "-o", path, "--", program, "/dev/null")
    if status == 125 and "not permitted" in err:
        pytest.skip("tracing is not permitted here")
    assert status == 0 and "steps" in err
    assert read_trace(path)["program"] == "sort"
    arguments = ("record", "--json", "-o", path, "--", program, "/dev/null")
    summary = json.loads(run(capsys, *arguments)[2])
    assert summary["file"] == path and summary["steps"] == len(read_trace(path)["steps"])
    assert summary["status"] == 0
    if platform.release().split(".")[0] >= "6":
        assert run(capsys, "replay", path)[1].endswith("no step differs\n")


def recorded(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Return the status and output of samara record, if recording is permitted."""
    if not can_trace():
        pytest.skip("recording is of x86-64 Linux")
    pytest.importorskip("ptrace")
    status, out, err = run(capsys, "record", *arguments)
    if status == 125 and "not permitted" in err:
        pytest.skip("tracing is not permitted here")
    assert out == ""
    return status, err


@pytest.mark.skipif(not can_trace(), reason="recording is of x86-64 Linux")
def test_no_second_one_of_this_process_goes_on(tmp_path: Path) -> None:
    """Once, a child that could not execute the command unwound its caller's stack, and ran the code
    that the caller runs at its end."""
    pytest.importorskip("ptrace")
    code = (
        "import atexit, os; from samara.cli import main\n"
        "atexit.register(os.write, 1, b'end\\n')\n"
        f"main(['record', '-o', {str(tmp_path / 'x')!r}, '--', 'nosuchcommand'])\n"
        "try: print(os.waitpid(-1, os.WNOHANG))\n"
        "except ChildProcessError: print('no child')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if "not permitted" in done.stderr:
        pytest.skip("tracing is not permitted here")
    assert done.stderr == "samara record: nosuchcommand: No such file or directory\n"
    assert sorted(done.stdout.splitlines()) == ["end", "no child"]


@pytest.mark.parametrize("old", [None, "old"])
@pytest.mark.parametrize(
    ("command", "expected", "message"),
    [("nosuchcommand", 127, "No such file or directory"), (__file__, 126, "Permission denied")],
)
def test_a_command_that_cannot_be_executed(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: str,
    expected: int,
    message: str,
    old: str | None,
) -> None:
    """Once it ended in a traceback. No output is made, and existing output is not lost."""
    path = tmp_path / "x"
    if old is not None:
        path.write_text(old)
    status, err = recorded(capsys, "-o", str(path), "--", command)
    assert (status, err) == (expected, f"samara record: {command}: {message}\n")
    assert (path.read_text() if path.exists() else None) == old


def test_an_output_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Once this was noticed only after the command had run to its end."""
    mark = tmp_path / "mark"
    for output, message in (
        (tmp_path / "missing" / "x", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ):
        status, err = recorded(capsys, "-o", str(output), "--", "touch", str(mark))
        assert (status, err) == (125, f"samara record: {output}: {message}\n")
        assert not mark.exists()
    status, err = recorded(capsys, "-o", "/dev/full", "--", "touch", str(mark))
    assert (status, err) == (125, "samara record: /dev/full: No space left on device\n")
    assert mark.exists()


def test_an_output_behind_a_link(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("x")
    assert recorded(capsys, "-o", str(link), "--", "true")[0] == 0
    assert link.is_symlink() and read_trace(tmp_path / "x")["program"] == "true"


@pytest.mark.parametrize(
    ("code", "status", "words", "expected"),
    [
        ("exit 0", 0, "at the end: ", 0),
        ("exit 3", 3, "at the end, exit status 3: ", 3),
        ("kill -9 $$", -9, "at the end, killed by signal 9: ", 128 + 9),
    ],
)
def test_how_a_recorded_command_ended(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    code: str,
    status: int,
    words: str,
    expected: int,
) -> None:
    """samara record exits with the command's status. Once it was always 0."""
    path = str(tmp_path / "x")
    got, err = recorded(capsys, "-o", path, "--", "sh", "-c", code)
    assert got == expected and err.endswith(f"{words}{path}\n")
    got, err = recorded(capsys, "--json", "-o", path, "--", "sh", "-c", code)
    assert got == expected and json.loads(err)["status"] == status
    assert read_trace(path)["program"] == "sh"


def test_how_a_command_ended_whose_thread_ended_it(tmp_path: Path) -> None:
    if not can_trace():
        pytest.skip("recording is of x86-64 Linux")
    pytest.importorskip("ptrace")
    from samara.mm.trace.record import record_with_status

    program = (
        "import os, threading as t; t.Thread(target=os._exit, args=(7,)).start(); t.Event().wait()"
    )
    try:
        assert record_with_status([sys.executable, "-I", "-c", program]).status == 7
    except PermissionError:
        pytest.skip("tracing is not permitted here")


# After this ptrace() is refused, as by a container's system call filter.
REFUSED = """
import ctypes, os, sys
from samara.cli import main
code = b"".join(
    ctypes.c_uint64(word).value.to_bytes(8, "little")
    for word in (0x20, 101 << 32 | 1 << 24 | 0x15, 0x50001 << 32 | 6, 0x7FFF0000 << 32 | 6)
)
program = ctypes.create_string_buffer(code)
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
libc = ctypes.CDLL(None)
where = ctypes.byref(Filter(4, ctypes.addressof(program)))
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, where, 0, 0):
    sys.exit(77)
sys.exit(main(sys.argv[1:]))
"""


# Makes each call by its number, some with what they point at. The kernel may lack some of them.
NEWER_CALLS = """
import ctypes, mmap
call = ctypes.CDLL(None).syscall
call.restype = ctypes.c_long
def make(*words):
    return call(*(word if isinstance(word, bytes) else ctypes.c_ulong(word) for word in words))
PAGE = 4096
at = make(9, 0, 8 * PAGE, 3, 0x22, 2**64 - 1, 0)
make(237, at, PAGE, 2, (1).to_bytes(8, "little"), 64, 0)
make(237, at, PAGE, 0, 0, 0, 0)
make(157, 0x53564D41, 0, at, PAGE, b"arena\\0")
make(157, 0x53564D41, 0, at, PAGE, 0)
make(157, 15, b"name\\0", 0, 0, 0)
make(462, at + PAGE, PAGE, 0)
make(329, at + 3 * PAGE, PAGE, 1, 2**64 - 1)
make(331, make(330, 0, 0) % 2**64)
shared = make(9, 0, 3 * PAGE, 3, 0x21, 2**64 - 1, 0)
make(216, shared, PAGE, 0, 2, 0)
segment = make(29, 0, 2 * PAGE, 0o1600)
if segment >= 0:
    make(67, make(30, segment, 0, 0))
    make(30, segment, 5, 0)
    make(31, segment, 0, 0)
"""


@pytest.mark.skipif(not can_trace(), reason="recording is of x86-64 Linux")
def test_newer_calls_are_recorded_with_what_they_point_at(tmp_path: Path) -> None:
    pytest.importorskip("ptrace")
    from samara.mm.trace.record import record

    try:
        trace = record([sys.executable, "-I", "-c", NEWER_CALLS])
    except PermissionError:
        pytest.skip("this machine does not permit tracing")
    found = {}
    for step in trace["steps"]:
        found.setdefault(step["call"], []).append(step)
    newer = {"mbind", "mseal", "pkey_alloc", "pkey_free", "pkey_mprotect", "prctl"}
    assert newer | {"remap_file_pages"} <= found.keys()
    assert [step.get("data") for step in found["mbind"]] == [1, None]
    names = [step for step in found["prctl"] if step["args"][2] == found["mbind"][0]["args"][0]]
    assert [step.get("data") for step in names] == ["arena", None]
    assert all(step["args"][0] == 0x53564D41 for step in found["prctl"])
    for placement in ("recorded", "own"):
        assert sum(1 for _ in replay(trace, placement)) == len(trace["steps"])
    write_trace(tmp_path / "x.json.gz", trace)
    assert read_trace(tmp_path / "x.json.gz") == trace


@pytest.mark.skipif(not can_trace(), reason="recording is of x86-64 Linux")
def test_record_where_tracing_is_refused(tmp_path: Path) -> None:
    """It prints one message. Once it was two tracebacks, of this process and of its child."""
    pytest.importorskip("ptrace")
    command = [sys.executable, "-c", REFUSED, "record", "-o", str(tmp_path / "x"), "--", "true"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("no filter of system calls here")
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr == "samara record: true: Operation not permitted\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not can_trace(), reason="recording is of x86-64 Linux")
@pytest.mark.parametrize(
    ("program", "old_kernel"),
    [
        (elf.elf32(elf.EXIT_32), False),
        (elf.elf64(elf.EXIT_32), False),
        (elf.elf32(elf.EXIT_32), True),
    ],
    ids=["32-bit program", "64-bit program", "32-bit program on an old kernel"],
)
def test_record_refuses_32_bit_system_calls(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    program: bytes,
    old_kernel: bool,
) -> None:
    """Once their numbers were taken for those of 64-bit calls, which gave a false trace. Before
    Linux 5.3 only 32-bit programs are noticed, by their code segment."""
    pytest.importorskip("ptrace")
    from samara.mm.trace import record

    path = elf.write_program(tmp_path / "small", program)
    if not elf.runs(path):
        pytest.skip("this kernel has no 32-bit system calls")
    if old_kernel:
        monkeypatch.setattr(record, "_GET_SYSCALL_INFO", 0x7FFF)
    output = tmp_path / "x"
    message = f"samara record: {str(path)!r} makes 32-bit system calls, which cannot be recorded\n"
    for command in ([str(path)], ["sh", "-c", f"exec {path}"]):
        assert recorded(capsys, "-o", str(output), "--", *command) == (125, message)
        assert not output.exists()
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)


@pytest.mark.skipif(not can_trace(), reason="recording is of x86-64 Linux")
def test_ctrl_c_while_recording(tmp_path: Path) -> None:
    """Once python-ptrace warned about the process that it ended."""
    pytest.importorskip("ptrace")
    output = str(tmp_path / "x")
    loop = "echo begun; while :; do :; done"
    with subprocess.Popen(
        [sys.executable, "-m", "samara", "record", "-o", output, "--", "sh", "-c", loop],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # If the tests run in the background, SIGINT may be ignored; the child would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        if process.stdout.readline():
            os.killpg(process.pid, signal.SIGINT)
        err = process.stderr.read()
    if "not permitted" in err:
        pytest.skip("tracing is not permitted here")
    assert (process.returncode, err) == (130, "")
    assert not Path(output).exists()


@pytest.mark.skipif(not can_trace(), reason="recording is of x86-64 Linux")
@pytest.mark.parametrize("events", [5, 60, 200, 400])
def test_a_recording_that_fails_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch, events: int
) -> None:
    """Once it waited for ever for a process with threads that the debugger did not know."""
    pytest.importorskip("ptrace")
    from samara.mm.trace import record

    follow = record._Recording._follow
    left = [events]
    pids = []

    def fail(recording: Any) -> None:
        left[0] -= 1
        pids.append(recording._pid)
        if not left[0]:
            raise KeyboardInterrupt
        follow(recording)

    monkeypatch.setattr(record._Recording, "_follow", fail)
    wait = "t.Thread(target=t.Event().wait, args=(1,)).start()"
    program = f"import threading as t; [{wait} for _ in range(9)]"
    try:
        with pytest.raises(KeyboardInterrupt):
            record.record([sys.executable, "-I", "-c", program])
    except PermissionError:
        pytest.skip("tracing is not permitted here")
    assert not Path(f"/proc/{pids[0]}").exists()


def traces_of(program: str, times: int) -> list[Trace]:
    """Return the traces of a Python program."""
    pytest.importorskip("ptrace")
    from samara.mm.trace.record import record

    try:
        return [record([sys.executable, "-I", "-c", program]) for _ in range(times)]
    except PermissionError:
        pytest.skip("tracing is not permitted here")


@pytest.mark.skipif(not can_trace(), reason="recording is of x86-64 Linux")
def test_a_recorded_external_step_has_neither_arguments_nor_result() -> None:
    """Once it was written with "args" and "ret", which the format does not have for it."""
    program = (
        "import sys, mmap; sys.setrecursionlimit(9000)\n"
        "x = []\nfor _ in range(4000): x = [x]\nrepr(x); mmap.mmap(-1, 4096)"
    )
    (trace,) = traces_of(program, 1)  # its stack grows
    external = [step for step in trace["steps"] if step["call"] == "external"]
    assert external and all(set(step) == {"call", "removed", "added"} for step in external)


@pytest.mark.skipif(not can_trace(), reason="recording is of x86-64 Linux")
def test_busy_threads_let_each_other_go_on() -> None:
    """The first thread waits until the others have made their calls. If it never gets a turn, the
    recording runs for ever."""
    program = """
import mmap, os, threading, time
calls = []
def work():
    while True:
        mmap.mmap(-1, 4096)
        calls.append(1)
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
while len(calls) < 100:
    time.sleep(0.001)
os._exit(0)
"""
    traces = traces_of(program, 3)
    assert all(100 < len(trace["steps"]) < 20_000 for trace in traces)


@pytest.mark.skipif(not can_trace(), reason="recording is of x86-64 Linux")
def test_a_thread_that_ends_while_others_are_looked_at() -> None:
    """Once this sometimes failed with: no such process."""
    program = """
import mmap, os, threading, time
def work():
    while True:
        mmap.mmap(-1, 4096)
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.02)
os._exit(0)
"""
    traces = traces_of(program, 5)
    assert all(len(trace["steps"]) > 50 for trace in traces)


def test_record_refuses(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "x")
    status, _out, err = run(capsys, "record", "-o", path)
    assert (status, err) == (125, "samara record: expected a COMMAND to record\n")
    modules: dict[str, Any] = {"ptrace": None, "ptrace.debugger": None}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    status, _out, err = run(capsys, "record", "-o", path, "--", "true")
    expected = (
        "requires python-ptrace: pip install python-ptrace\n" if can_trace() else "no recording"
    )
    assert status == 125 and expected in err and not Path(path).exists()


def test_the_usage_of_record(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="125"):
        main(["record", "true"])
    err = capsys.readouterr().err
    assert err.startswith("usage: samara record -o FILE [--] COMMAND [ARG ...]\n")


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], 20),
        (["--rows", "5"], 5),
        (["--rows", "1"], 1),
        (["--rows", "39"], 39),
        (["--rows", "1000"], 39),
        (["--all"], 39),
    ],
)
def test_replay_says_how_many_steps_it_shows(
    capsys: pytest.CaptureFixture[str], options: list[str], shown: int
) -> None:
    """Once it showed 20 steps without saying so."""
    status, out, _err = run(capsys, "replay", str(LS), *options)
    heading, table, _end = out.split("\n\n")
    steps = [int(row.split()[0]) for row in table.splitlines()[1:]]
    assert status == 0 and len(set(steps)) == len(steps) == shown and steps[-1] == 38
    part = f"; the table shows {shown} of 39, --all shows each" if shown < 39 else ""
    assert heading.endswith(f": 39 steps{part}")
