# SPDX-License-Identifier: MIT
"""Recorded runs on a real kernel: the model has the kernel's VMAs after every step."""

import copy
import dataclasses
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from places import DATA
from samara.mm import AddressSpace, Limits, ReplayMismatch, Trace, read_trace, replay, write_trace
from samara.mm.trace.format import check_trace, row_of

RECORDINGS = DATA / "mm"
PROGRAMS = ("ls", "perl", "git", "tar", "rand11", "rand12", "rand13", "calls")
ARENA = [0x10000000, 0x10004000, "rw-p", 0, "00:00", 0, ""]


def parts(*cuts: int, path: str = "") -> list[list[Any]]:
    """Return the rows of ARENA cut at these pages; the second has this path."""
    ends = [0, *cuts, 4]
    rows = [
        [ARENA[0] + first * 4096, ARENA[0] + last * 4096, *ARENA[2:]]
        for first, last in zip(ends, ends[1:], strict=False)
    ]
    rows[1][6] = path
    return rows


def steps(*calls: tuple[Any, ...]) -> Trace:
    """Return a trace of ARENA, with (call, arguments, result, rows added, data) for each step."""
    now, found = [ARENA], []
    for call, args, ret, added, *data in calls:
        words = [word % 2**64 for word in (*args, *[0] * (6 - len(args)))]
        step = {"call": call, "args": words, "ret": ret, "removed": now if added else []}
        found.append({**step, "added": added, **({"data": data[0]} if data else {})})
        now = added or now
    return check_trace({"columns": load("ls")["columns"], "initial": [ARENA], "steps": found})


def load(name: str) -> Trace:
    return read_trace(RECORDINGS / f"{name}.mm.json.gz")


@pytest.mark.parametrize("placement", ["recorded", "own"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_no_step_differs(program: str, placement: Any) -> None:
    trace = load(program)
    steps = 0
    for _step, mm in replay(trace, placement):  # noqa: B007 - one living address space
        steps += 1
    assert steps == len(trace["steps"])
    mm.check()
    assert mm.ledger.open == len(mm)
    columns = [
        (vma.start, vma.end, vma.perms, vma.offset, *((vma.file or ("00:00", 0))[:2]), vma.label)
        for vma in mm
    ]
    assert columns == [tuple(row) for row in trace["final"]]


def test_a_step_that_differs_is_shown() -> None:
    """Change one step at a time a little: the model must not match."""
    trace = load("ls")
    for number, step in enumerate(trace["steps"]):
        wrong = copy.deepcopy(trace)
        changed = wrong["steps"][number]
        if step["call"] == "mprotect":
            changed["args"][2] ^= 4
        elif step["call"] == "mmap" and not step["args"][3] & 0x10:
            changed["args"][1] += 0x1000
        elif step["call"] == "munmap":
            changed["args"][1] += 0x100000
        elif step["call"] == "brk" and step["ret"] == step["args"][0]:
            changed["args"][0] += 0x1000
        else:
            continue
        with pytest.raises(ReplayMismatch, match=rf"step {number}, {step['call']}: ") as caught:
            list(replay(wrong))
        error = caught.value
        assert error.number == number and error.step is changed
        assert error.missing or error.unexpected or "returns" in error.problem


def test_a_mapping_of_another_size_is_not_explained_by_writes() -> None:
    """VMAs that the kernel does not merge may be explained by writes; another length may not."""
    trace = load("rand11")
    rows = trace["steps"][31]["added"]
    rows[0][1] += 0x1000
    with pytest.raises(ReplayMismatch, match="step 31"):
        list(replay(trace))


def test_a_wrong_errno_is_shown() -> None:
    trace = load("rand11")
    number = next(n for n, step in enumerate(trace["steps"]) if step["ret"] == -12)
    trace["steps"][number]["ret"] = -22
    with pytest.raises(ReplayMismatch, match=r"returned -12 \(ENOMEM\), the kernel -22 \(EINVAL"):
        list(replay(trace))


def test_external_steps_are_applied_as_they_are() -> None:
    trace = load("ls")
    stack = next(row for row in trace["initial"] if row[6] == "[stack]")
    grown = [stack[0] - 0x10000, *stack[1:]]
    trace["steps"] = [
        {"call": "external", "args": [], "ret": 0, "removed": [stack], "added": [grown]}
    ]
    ((_step, mm),) = replay(trace)
    vma = mm.find(grown[0])
    assert vma is not None and vma.name == "[stack]"
    mm.check()


def test_external_steps_need_no_arguments_and_no_result(tmp_path: Path) -> None:
    """The format has neither for them. Once such a step was refused."""
    trace = load("ls")
    stack = next(row for row in trace["initial"] if row[6] == "[stack]")
    grown = [stack[0] - 0x10000, *stack[1:]]
    trace["steps"] = [{"call": "external", "removed": [stack], "added": [grown]}]
    write_trace(tmp_path / "x", trace)
    assert read_trace(tmp_path / "x") == trace
    ((step, mm),) = replay(trace)
    assert step is trace["steps"][0] and mm.find(grown[0]) is not None
    wrong: Any = {**trace, "steps": [{**trace["steps"][0], "args": ["x"]}]}
    with pytest.raises(ValueError, match="argument outside 0"):
        check_trace(wrong)


@pytest.mark.parametrize(
    "broken",
    [
        [],
        {"columns": ["start"], "initial": [], "steps": []},
        {"initial": [[1, 2, 3]]},
        {"initial": [[0, 4096, "rwxp", 0, "00:00", "x", ""], [4096, 0, "rw-p", 0, "0", 0, ""]]},
        {"steps": [{"call": "mmap", "args": [1, 2], "ret": 0, "removed": [], "added": []}]},
        {"steps": [{"call": "mmap", "args": [-1] * 6, "ret": 0, "removed": [], "added": []}]},
        {"steps": [{"call": "brk", "args": [0] * 6, "ret": "0", "removed": [], "added": []}]},
        {"steps": [{"call": "brk", "args": [0] * 6, "ret": 0, "removed": None, "added": []}]},
        {"steps": [3]},
        {
            "steps": [
                {"call": "brk", "args": [0] * 6, "ret": 0, "removed": [], "added": [], "data": []}
            ]
        },
    ],
)
def test_what_is_no_trace_is_refused(broken: Any, tmp_path: Path) -> None:
    if isinstance(broken, dict) and "columns" not in broken:
        broken = {**load("ls"), **broken}
    with pytest.raises(ValueError, match="trace"):
        check_trace(broken)
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken))
    with pytest.raises(ValueError, match="trace"):
        read_trace(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json.gz"
    path.write_bytes(gzip.compress(b"{}")[:-4])
    with pytest.raises(ValueError, match="not a trace"):
        read_trace(path)
    path.write_bytes(b"\xff{")
    with pytest.raises(ValueError, match="not a trace"):
        read_trace(path)


def test_a_trace_can_be_written_and_read(tmp_path: Path) -> None:
    trace = load("git")
    for name in ("a.json", "a.json.gz"):
        write_trace(tmp_path / name, trace)
        assert read_trace(tmp_path / name) == trace


def test_a_key_in_a_recording_tells_that_the_machine_has_keys() -> None:
    trace = steps(
        ("pkey_alloc", (0, 0), 1, []),
        ("pkey_mprotect", (ARENA[0] + 4096, 4096, 3, 1), 0, parts(1, 2)),
        ("pkey_free", (1,), 0, []),
    )
    *_, (_step, mm) = replay(trace)
    assert [vma.pkey for vma in mm] == [0, 1, 0]


def test_a_recorded_name_is_that_of_the_data_or_of_the_rows() -> None:
    args = (0x53564D41, 0, ARENA[0] + 4096, 4096, 0x7FFF0000)
    rows = parts(1, 2, path="[anon:a]")
    for step in (("prctl", args, 0, rows, "a"), ("prctl", args, 0, rows)):
        ((_step, mm),) = replay(steps(step))
        assert [vma.anon_name for vma in mm] == [None, "a", None]
    with pytest.raises(ReplayMismatch, match="step 0, prctl: the maps differ"):
        list(replay(steps(("prctl", args, 0, rows, "b"))))


def test_a_kernel_without_names_or_a_call() -> None:
    args = (0x53564D41, 0, ARENA[0] + 4096, 4096, 0x7FFF0000)
    trace = steps(("prctl", args, -22, [], "a"), ("mseal", (ARENA[0], 4096, 0), -38, []))
    *_, (_step, mm) = replay(trace)
    assert len(mm) == 1 and not mm.limits.anon_names


def test_recorded_nodes_are_those_of_the_data() -> None:
    args = (ARENA[0] + 4096, 4096, 2, 0x7FFF0000, 64, 0)
    for step in (("mbind", args, 0, parts(1, 2), 1), ("mbind", args, 0, parts(1, 2))):
        ((_step, mm),) = replay(steps(step))
        assert [str(vma.policy) for vma in mm] == ["None", "bind:0", "None"]
    ((_step, mm),) = replay(steps(("mbind", args, -22, [], 2)))
    assert len(mm) == 1


@pytest.mark.parametrize("placement", ["recorded", "own"])
def test_a_trace_of_another_layout(placement: Any) -> None:
    """Once its process was taken for one of x86-64, without random addresses."""
    trace = load("ls")
    text = (DATA / "maps" / "aarch64.txt").read_text()
    initial = [row_of(vma) for vma in AddressSpace.from_maps(text)]
    length, start = 0x3000, 0xFFFF9A8ED000
    row = [start, start + length, "rw-p", 0, "00:00", 0, ""]
    call: Any = {"call": "mmap", "args": [0, length, 3, 0x22, 2**64 - 1, 0], "ret": start}
    trace = {**trace, "initial": initial, "steps": [{**call, "removed": [], "added": [row]}]}
    ((_step, mm),) = replay(trace, placement)
    expected = Limits.of("aarch64", mmap_base=0xFFFF9AA8D000, privileged=True)
    assert mm.limits == expected
    key: Any = {"call": "pkey_alloc", "args": [0] * 6, "ret": 1, "removed": [], "added": []}
    with_key: Trace = {**trace, "steps": [*trace["steps"], key]}
    *_, (_step, mm) = replay(with_key, placement)
    assert mm.limits == dataclasses.replace(expected, pkeys=True)
    limits = Limits.of("aarch64", mmap_base=0xFFFF00000000)
    if placement == "own":
        with pytest.raises(ReplayMismatch, match="returned 0xfffeffffd000"):
            list(replay(trace, placement, limits=limits))


def test_placement_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="'elsewhere'"):
        replay(load("ls"), "elsewhere")  # type: ignore[arg-type]
