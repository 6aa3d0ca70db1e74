# SPDX-License-Identifier: MIT
"""samara.kernel.Vmcore and address_space(): dumps that are made from recordings of real kernels."""

import os
import random

import pytest

from interpreter import scaled
from kernel_samples import RELEASES, Changed, btf_of, dump_of, sample
from samara.kernel import Btf, DamagedMemoryError, Vmcore, address_space
from samara.mm import AddressSpace

SEED = int(os.environ.get("SAMARA_SEED") or random.randrange(2**32))


@pytest.fixture(params=RELEASES)
def recorded(request):
    return sample(request.param)


def opened(folder, data, **options):
    path = folder / "dump"
    path.write_bytes(data)
    return Vmcore(path, **options)


def pids(recorded):
    return sum(recorded.processes.values(), [])


@pytest.mark.parametrize(
    ("encoding", "note"), [("base", True), ("negative", True), ("place", True), ("base", False)]
)
def test_every_process_is_as_proc_said(tmp_path, recorded, encoding, note):
    with opened(tmp_path, dump_of(recorded, encoding=encoding, note=note)) as dump:
        assert dump.release == recorded.release
        assert dump.layout == recorded.layout
        assert dump.symbols["init_task"] == recorded.symbols["init_task"]
        tasks = {task.pid: task for task in dump.tasks()}
        assert len(tasks) > 10 and tasks[1].name == "init"
        for pid in pids(recorded):
            assert tasks[pid].name == "parked"
            assert dump.task(pid) == tasks[pid]
            assert dump.address_space(tasks[pid]) == recorded.expected(pid)
        kernel_thread = next(task for task in tasks.values() if not task.mm)
        with pytest.raises(ProcessLookupError, match="has no address space"):
            dump.address_space(kernel_thread)
        with pytest.raises(ProcessLookupError, match="has no address space"):
            dump.tree(kernel_thread)
        with pytest.raises(ProcessLookupError, match="the dump has no process 999999"):
            dump.task(999999)
    with pytest.raises(OSError):
        dump.read(recorded.symbols["init_task"] + 8192, 8)


def test_types_that_are_not_in_the_dump(tmp_path, recorded):
    data = dump_of(recorded, with_btf=False)
    with opened(tmp_path, data) as dump, pytest.raises(ValueError, match="give it as btf="):
        list(dump.tasks())
    with opened(tmp_path, data, btf=Btf(btf_of(recorded.layout))) as dump:
        pid = pids(recorded)[0]
        assert dump.address_space(dump.task(pid)) == recorded.expected(pid)


def test_the_child_has_the_vmas_that_fork_leaves(recorded):
    """The kernel's own fork, against the model's."""
    kernel = recorded.kernel()
    parent, child = (
        kernel.address_space(kernel.task(pid)) for pid in recorded.processes["each_kind"]
    )
    left = {vma.start for vma in parent} - {vma.start for vma in child}
    dropped = {vma.start for vma in parent if "dc" in vma.vm_flags}
    assert left == dropped and len(dropped) == 1
    forked = parent.fork()
    assert [vma.start for vma in forked] == [vma.start for vma in child]
    assert forked.maps() == child.maps()


def test_an_entry_that_is_no_vma(recorded):
    """A VMA that was freed meanwhile, and one whose fields make no sense."""
    kernel = recorded.kernel()
    task = kernel.task(recorded.processes["plain"][0])
    whole = kernel.address_space(task)
    seen = []

    def recorder(address, size):
        seen.append((address, size))
        return recorded.read(address, size)

    address_space(recorder, task.mm, recorded.layout)
    at = recorded.layout.vma
    sizes = [size for _, size in seen]
    vmas = [address for address, size in seen if sizes.count(size) >= len(whole) and size != 256]
    assert len(vmas) == len(whole)
    for field, value in (("vm_start", 0x1234000), ("vm_end", 0x555), ("vm_file", 0x10)):
        for victim in (vmas[0], vmas[10], vmas[-1]):
            changed = Changed(recorded.read, {victim + at[field]: value.to_bytes(8, "little")})
            damage = []
            rest = address_space(changed.read, task.mm, recorded.layout, report=damage.append)
            assert len(rest) == len(whole) - 1 and len(damage) == 1
            assert damage[0].address == victim
            (missing,) = set(whole) - set(rest)
            assert (damage[0].first, damage[0].last) == (missing.start, missing.end - 1)
            with pytest.raises(DamagedMemoryError):
                address_space(changed.read, task.mm, recorded.layout)


def test_no_tree_at_all(recorded):
    damage = []
    assert not address_space(recorded.read, 0x10, recorded.layout, report=damage.append)
    assert damage[0].what == "the head of the tree cannot be read"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not an ELF file: it begins with b''"),
        (b"KDUMP   " + bytes(100), "is not an ELF file: it begins with b'KDUM'"),
        (b"\x7fELF\1\1\1" + bytes(100), "is not of a little-endian 64-bit machine"),
        (b"\x7fELF\2\1\1" + bytes(9) + b"\3\0" + bytes(100), "is not a core file: its type is 3"),
        (b"\x7fELF\2\1\1" + bytes(9) + b"\4\0" + bytes(100), "is damaged: 0 program headers"),
    ],
)
def test_files_that_are_no_dumps(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        opened(tmp_path, data)


@pytest.mark.parametrize(
    ("place", "size"),
    [(16 + 16, 8), (16 + 24, 8), (64 + 8, 8), (64 + 32, 8), (120 + 8, 8), (120 + 32, 8), (56, 2)],
)
@pytest.mark.parametrize("word", [2**64 - 1, 2**63, 2**62, 2**40, 0])
def test_headers_that_promise_more_than_the_file_has(tmp_path, place, size, word):
    """Once an OverflowError, or a search through memory that is not there and has no end."""
    data = bytearray(dump_of(sample(RELEASES[0]), note=False))
    data[place : place + size] = (word % 2 ** (8 * size)).to_bytes(8, "little")[:size]
    found = outcome(tmp_path, bytes(data))
    assert isinstance(found, list) or found in ("ValueError", "LookupError", "OSError")


def test_a_core_file_of_a_process(tmp_path):
    data = dump_of(sample(RELEASES[0])).replace(b"VMCOREINFO\0\0", b"VMCOREINFA\0\0")
    data = data.replace(b"OSRELEASE=", b"OSRELEASF=")
    with pytest.raises(ValueError, match="has no VMCOREINFO"):
        opened(tmp_path, data)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        Vmcore(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        Vmcore(tmp_path)


def outcome(folder, data):
    """Read all processes of a dump; return the damage, or the name of the error."""
    damage = []
    try:
        with opened(folder, data) as dump:
            for task in dump.tasks(report=damage.append):
                if task.mm:
                    space = dump.address_space(task, report=damage.append)
                    assert isinstance(space, AddressSpace)
    except (ValueError, LookupError, OSError) as error:
        return type(error).__name__
    return damage


def test_damaged_dumps_end_in_a_documented_error(tmp_path, recorded):
    """Random bytes anywhere, and files that are cut."""
    print(f"SAMARA_SEED={SEED}")
    chance = random.Random(SEED)
    whole = dump_of(recorded)
    as_it_is = outcome(tmp_path, whole)
    node = max(data for _, data in recorded.ranges if len(data) == 256)
    assert len(outcome(tmp_path, whole.replace(node, bytes(256)))) > len(as_it_is)
    assert outcome(tmp_path, whole[:200]) == "ValueError"
    for turn in range(scaled(60, 15)):
        data = bytearray(whole)
        if turn % 3 == 0:
            del data[chance.randrange(len(data)) :]
        reach = chance.choice((400, 5000, len(whole)))
        for _ in range(chance.choice((1, 5, 500))):
            if data:
                data[chance.randrange(min(reach, len(data)))] = chance.randrange(256)
        outcome(tmp_path, bytes(data))


def test_a_list_of_processes_in_a_circle(recorded):
    kernel = recorded.kernel()
    tasks = list(kernel.tasks())
    at = recorded.layout.task["tasks"]
    circle = {tasks[5].address + at: (tasks[2].address + at).to_bytes(8, "little")}
    damage = []
    changed = recorded.kernel(Changed(recorded.read, circle).read)
    assert list(changed.tasks(report=damage.append)) == tasks[:6]
    assert damage[0].what == "the list of tasks is a circle without init_task"
    nowhere = {tasks[5].address + at: (0x4000 + at).to_bytes(8, "little")}
    changed = recorded.kernel(Changed(recorded.read, nowhere).read)
    with pytest.raises(DamagedMemoryError, match="a task cannot be read"):
        list(changed.tasks())
