# SPDX-License-Identifier: MIT
"""The command samara spawn: forks of a real process."""

import json
import os
import platform
import resource
import subprocess
from pathlib import Path
from typing import Any

import pytest

import samara.cli.spawn
from interpreter import SANITIZED
from samara.cli import main
from samara.cli.machine import max_map_count
from samara.cli.series import published
from samara.cli.spawn import PROGRAM, Spawned

AXIS = [row.vmas for row in published()]
QUICK = ["--seconds", "0.01"]

real = pytest.mark.skipif(
    not PROGRAM.exists() or platform.system() != "Linux" or SANITIZED,
    reason="the C program comes with the extension, on Linux; sanitizers add VMAs to it",
)


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["spawn", "--json", *QUICK, *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


@real
def test_the_series_axis(capsys: pytest.CaptureFixture[str]) -> None:
    result = document(capsys)
    assert [row["vmas"] for row in result["rows"]] == AXIS
    assert result["left_out"] == [] and result["max_map_count"] == max_map_count()
    for row, theirs in zip(result["rows"], published(), strict=True):
        assert row["series"] == theirs._asdict()
        assert len(row["rounds"]) == 5 and min(row["rounds"]) > 0
        assert sorted(row["rounds"])[2] == row["forks_per_10s"]


@real
def test_the_process_has_as_many_vmas_as_it_is_told_to() -> None:
    """The VMAs are counted in /proc while the process forks."""
    for vmas in (64, 1000):
        command = [PROGRAM, str(max(os.sched_getaffinity(0))), str(vmas), "0.02", "1000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            forks, seconds = process.stdout.readline().split("\t")
            assert int(forks) >= 1 and float(seconds) >= 0.02
            lines = Path(f"/proc/{process.pid}/maps").read_text().splitlines()
            status = Path(f"/proc/{process.pid}/status").read_text()
            process.kill()
        assert sum("[vsyscall]" not in line for line in lines) == vmas
        cpus = next(line for line in status.splitlines() if line.startswith("Cpus_allowed_list"))
        assert cpus.split()[1] == str(max(os.sched_getaffinity(0)))


@real
@pytest.mark.parametrize(
    "arguments",
    [[], ["0"] * 4, ["-1", "21", "1", "1"], ["0", "21", "0", "1"], ["0", "x", "1", "1"]],
)
def test_the_program_refuses(arguments: list[str]) -> None:
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("usage: spawn-loop")


@real
def test_fewer_vmas_than_any_process_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spawn", "--vmas", "3", *QUICK]) == 1
    assert "3 VMAs: this process has " in capsys.readouterr().err


@real
def test_a_fork_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """If the system refuses, the program says so and the command ends."""
    if os.geteuid() == 0:
        # The limit on processes does not apply to root, but the limit on memory does.
        limit = resource.RLIMIT_AS
        least = 16 << 20
    else:
        limit, least = resource.RLIMIT_NPROC, 0
    soft, hard = resource.getrlimit(limit)
    program = [
        PROGRAM, str(max(os.sched_getaffinity(0))), "60000", "0.01", "1",
    ]  # fmt: skip
    done = subprocess.run(
        program,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(limit, (least, hard)),
    )
    assert done.returncode == 1 and done.stderr.startswith("spawn-loop: ")
    assert soft == resource.getrlimit(limit)[0]


def test_more_than_the_kernel_allows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samara.cli.spawn, "max_map_count", lambda: 200)
    assert main(["spawn", "--vmas", "201,300", *QUICK]) == 2
    assert (
        "the number of VMAs must be at most 200 (vm.max_map_count), not 201"
        in capsys.readouterr().err
    )
    if PROGRAM.exists():
        result = document(capsys, "--vmas", "201,128")
        assert [row["vmas"] for row in result["rows"]] == [128] and result["left_out"] == [201]
        assert main(["spawn", "--vmas", "201,128", *QUICK]) == 0
        assert "vm.max_map_count is 200: 201 VMAs" in capsys.readouterr().out


def test_without_the_program(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(samara.cli.spawn, "PROGRAM", tmp_path / "nothing")
    assert main(["spawn", *QUICK]) == 1
    assert "installed without its extension" in capsys.readouterr().err


def test_figures() -> None:
    spawned = Spawned(21, [100.0, 80.0, 90.0])
    assert spawned.forks == 90.0 and spawned.spread == pytest.approx(20 / 90)


@real
def test_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spawn", "--vmas", "64,121", *QUICK]) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines() if line.split()[:1] in (["64"], ["121"])]
    assert [row[-3:-1] for row in rows] == [["-", "-"], ["76261", "83067"]]
