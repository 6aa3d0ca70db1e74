# SPDX-License-Identifier: MIT
"""The command samara maps --vmcore, on dumps that are made from recordings of real kernels."""

import json

import pytest

from kernel_samples import RELEASES, dump_of, sample
from samara.cli import main
from samara.mm import format_vm_flags


@pytest.fixture(scope="module", params=RELEASES)
def dumped(request, tmp_path_factory):
    """Return a sample, and the path of its dump."""
    path = tmp_path_factory.mktemp("dump") / "vmcore"
    path.write_bytes(dump_of(sample(request.param)))
    return sample(request.param), str(path)


def run(capsys, *arguments):
    assert main(["maps", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def document(capsys, *arguments):
    found = json.loads(run(capsys, *arguments, "--json"))
    assert found["command"] == "maps"
    return found


def ends(capsys, message, status, *arguments):
    try:
        assert main(["maps", *arguments]) == status
    except SystemExit as end:
        assert end.code == status
    out, err = capsys.readouterr()
    assert message in err


def test_processes_are_listed(capsys, tmp_path):
    """Only a whole dump has all of them: in a sample, the others' memory is missing."""
    recorded = sample(RELEASES[0])
    path = tmp_path / "vmcore"
    path.write_bytes(dump_of(recorded))
    assert main(["maps", "--vmcore", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["release"] == recorded.release and found["source"] == str(path)
    assert found["processes"] == len(found["processes_listed"])
    listed = {row["pid"]: row for row in found["processes_listed"]}
    for pid in sum(recorded.processes.values(), []):
        space = recorded.expected(pid)
        expected = {"pid": pid, "name": "parked", "vmas": len(space), "size": space.size}
        assert listed[pid] == expected
    assert listed[1]["vmas"] == 0 and "damaged: the head of the tree cannot be read" in err
    assert main(["maps", "--vmcore", str(path)]) == 0
    out, _ = capsys.readouterr()
    assert out.startswith(f"Linux {recorded.release}: {found['processes']} processes with an")
    rows = [line.split() for line in out.splitlines()[3:]]
    assert [int(row[0]) for row in rows] == list(listed)


def test_a_process_by_its_id(capsys, dumped):
    recorded, path = dumped
    for pid in recorded.processes["each_kind"]:
        found = document(capsys, "--vmcore", path, "--pid", str(pid))
        expected = recorded.expected(pid)
        assert found["vmas"] == len(expected) and found["size"] == expected.size
        assert found["source"] == f"{path}: {pid} (parked)"
        for row, vma in zip(found["vmas_listed"], expected, strict=True):
            assert (row["start"], row["end"], row["label"]) == (vma.start, vma.end, vma.label)
            assert row["vm_flags"] == format_vm_flags(vma.vm_flags)
    text = run(capsys, "--vmcore", path, "--pid", str(pid), "--vmas")
    assert "/tmp/deleted (deleted)" in text and "[heap]" in text


def test_a_process_by_its_name(capsys, dumped):
    recorded, path = dumped
    pids = sum(recorded.processes.values(), [])
    ends(capsys, "the dump has more than one process named 'parked'", 2, *named(path, "parked"))
    ends(capsys, "the dump has no process named 'nobody'", 2, *named(path, "nobody"))
    ends(capsys, "the dump has no process named 'kthreadd'", 2, *named(path, "kthreadd"))
    ends(capsys, "the dump has no process 999999", 2, "--vmcore", path, "--pid", "999999")
    ends(capsys, "process 2 (kthreadd) has no address space", 2, "--vmcore", path, "--pid", "2")
    assert len(pids) == 4


def named(path, name):
    return ["--vmcore", path, "--name", name]


def test_nodes_are_drawn(capsys, dumped):
    recorded, path = dumped
    parent, child = recorded.processes["plain"]
    arguments = ["--vmcore", path, "--nodes", "--pid"]
    text = run(capsys, *arguments, str(parent))
    found = document(capsys, *arguments, str(parent))
    summary, empty, *lines = text.splitlines()
    assert empty == "" and len(lines) == found["nodes"] == len(found["nodes_listed"])
    vmas = len(recorded.expected(parent))
    assert summary.startswith(f"{found['nodes']} nodes on 3 levels: {vmas} entries in ")
    full = sum(line.count("█") for line in lines if "leaf_64" in line)
    assert full == vmas
    for line, node in zip(lines, found["nodes_listed"], strict=True):
        assert line.startswith("  " * node["depth"] + node["type"])
        bar, used = line.split()[1:3]
        slots = {"leaf_64": 16, "arange_64": 10}[node["type"]]
        assert len(bar) == slots and bar.count("█") == sum(word != 0 for word in node["slots"])
        assert used in (f"{len(node['slots'])}/{slots}",)
    same = run(capsys, *arguments, str(child)) == text
    assert same == (not recorded.release.startswith("6.1."))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either PID|FILE or --vmcore DUMP"),
        (["1", "--vmcore", "x"], "give either PID|FILE or --vmcore DUMP"),
        (["1", "--pid", "2"], "--pid, --name and --nodes need --vmcore DUMP"),
        (["1", "--nodes"], "--pid, --name and --nodes need --vmcore DUMP"),
        (["--vmcore", "x", "--nodes"], "--nodes needs --pid PID or --name NAME"),
        (["--vmcore", "x", "--vmas"], "--vmas needs --pid PID or --name NAME"),
        (["--vmcore", "x", "--plot", "a.svg"], "--plot needs --pid PID or --name NAME"),
        (["--vmcore", "x", "--pid", "1", "--name", "a"], "not allowed with argument"),
    ],
)
def test_arguments_that_do_not_fit(capsys, arguments, message):
    ends(capsys, message, 2, *arguments)


def test_files_that_are_no_dumps(capsys, tmp_path):
    path = tmp_path / "file"
    ends(capsys, f"{path}: No such file or directory", 2, "--vmcore", str(path))
    path.write_bytes(b"KDUMP   ")
    ends(capsys, "is not an ELF file: it begins with b'KDUM'", 2, "--vmcore", str(path))


def test_a_dump_without_types(capsys, tmp_path):
    path = tmp_path / "vmcore"
    path.write_bytes(dump_of(sample(RELEASES[0]), with_btf=False))
    ends(capsys, "the kernel has no BTF", 1, "--vmcore", str(path))


def test_damage_is_said_and_the_rest_is_shown(capsys, tmp_path):
    recorded = sample(RELEASES[0])
    pid = recorded.processes["plain"][0]
    leaf = max(
        (address, data) for address, data in recorded.ranges if len(data) == 256
    )  # a node of one of the trees
    data = dump_of(recorded).replace(leaf[1], leaf[1][:8] + b"\1" * 64 + leaf[1][72:])
    path = tmp_path / "vmcore"
    path.write_bytes(data)
    shown = 0
    for pid in sum(recorded.processes.values(), []):
        assert main(["maps", "--vmcore", str(path), "--pid", str(pid), "--json"]) == 0
        out, err = capsys.readouterr()
        left = json.loads(out)["vmas"]
        assert (left < len(recorded.expected(pid))) == ("damaged: " in err)
        shown += "damaged: " in err
    assert shown
