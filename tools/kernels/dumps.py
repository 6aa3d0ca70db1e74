# SPDX-License-Identifier: MIT
"""Read the maple trees of real kernels out of memory dumps, and prove what is read.

Boots Debian's cloud kernels in QEMU with processes that wait, and their forked children. Dumps the
guest's memory. Then checks, for each kernel:

- the address space of every process equals what the guest's own /proc/PID/smaps said
- before the patch series that added __mt_dup(), the tree of a child has another shape than its
  parent's; with it, it is the same node for node
- each node's gaps, and its number of slots, are what its children and its metadata say
- drgn, which reads the dump on its own, leads to the same address spaces (if it is installed)
- damaged dumps end in a result or in a documented error

The last kernel is booted once more, with 1,000 processes and one of 100,000 VMAs: each must be read
in less than ten seconds of processor time.

Exits with 1 if a check fails. Dumps stay in build/kernels.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from guest import BUILD, HERE, Guest, Kernel, compile_c, fetch

from samara.kernel import Damage, Node, Vmcore, read_nodes, read_tree
from samara.mm import AddressSpace, format_vm_flags

# The sizes of the waiting processes; 0 is one with a mapping of each kind.
PLAIN, EACH_KIND = (150, 2000), 0
LAST_WITHOUT_DUP = (6, 1)  # of the kernels that Debian releases have
# Page tables of four and of five levels.
CPUS = ("max,la57=off", "max")
PROCESSES, VMAS, MOST_SECONDS = 1000, 100_000, 10.0
ROUNDS = 40  # damaged dumps of each kind
USER_END = 1 << 63  # [vsyscall] lies above: it is in no process's tree
SHOWN = 5  # differences that are printed

Texts = dict[int, str]  # what smaps said, by process id


def job(*commands: str) -> str:
    """Return the script of a guest that prints the maps of all processes and then waits."""
    return "\n".join(
        [
            "echo 500000 > /proc/sys/vm/max_map_count",
            *commands,
            "echo maps",
            "for process in /proc/[0-9]*; do",
            '  echo "== ${process#/proc/}"',
            "  grep -E '^[0-9a-f]+-|VmFlags' $process/smaps",
            "done 2>/dev/null | gzip | base64",
            "echo waiting",
            "read line",
        ]
    )


def dump(
    kernel: Kernel, name: str, script: str, memory: int, cpu: str
) -> tuple[Path, Texts, list[str]]:
    """Boot the kernel and dump its memory. Return the dump, the maps, and what the job said."""
    path = BUILD / f"{name}.vmcore"
    path.unlink(missing_ok=True)
    parked = compile_c("parked", HERE / "parked.c")
    said: list[str] = []
    encoded: list[str] | None = None
    with Guest(kernel, script, {"bin/parked": parked}, memory=memory, cpu=cpu) as guest:
        for line in guest.lines():
            if line == "maps":
                encoded = []
            elif line == "waiting":
                break
            elif encoded is None:
                said.append(line)
            else:
                encoded.append(line)
        guest.command("dump-guest-memory", paging=False, protocol=f"file:{path}")
    text = gzip.decompress(base64.b64decode("".join(encoded or [])))
    path.with_suffix(".maps").write_bytes(text)
    return path, texts(text.decode(errors="surrogateescape")), said


def texts(text: str) -> Texts:
    """Return the smaps of each process."""
    parts = (part.partition("\n") for part in text.split("== ")[1:])
    return {int(pid): rest for pid, _, rest in parts}


class Checks:
    """Counts what failed, and prints each check."""

    def __init__(self) -> None:
        self.failed = 0

    def check(self, met: bool, text: str) -> None:
        print(f"{'PASS' if met else 'FAIL'}  {text}", flush=True)
        self.failed += not met


def expected(text: str) -> AddressSpace:
    """Return the address space in a text of smaps."""
    # Linux 6.1 has no name for the flag of mlock2(MLOCK_ONFAULT), and prints "??".
    space = AddressSpace.from_maps(text.replace(" ??", " lf"))
    return AddressSpace(vma for vma in space if vma.start < USER_END)


def differences(space: AddressSpace, wanted: AddressSpace) -> Iterator[str]:
    """Yield the VMAs that are not the same in all fields."""
    have = {vma.start: vma for vma in space}
    want = {vma.start: vma for vma in wanted}
    for start in sorted(have.keys() | want.keys()):
        one, other = have.get(start), want.get(start)
        if one != other:
            flags = [format_vm_flags(vma.vm_flags) if vma else "" for vma in (one, other)]
            yield f"read {one!r} {flags[0]}, but smaps said {other!r} {flags[1]}"


def spaces(vmcore: Vmcore) -> dict[int, AddressSpace]:
    """Return the address spaces of all processes."""
    return {task.pid: vmcore.address_space(task) for task in vmcore.tasks() if task.mm}


def check_spaces(checks: Checks, read: dict[int, AddressSpace], maps: Texts) -> None:
    """Compare all processes with their smaps."""
    faults = []
    for pid, space in read.items():
        wanted = expected(maps.get(pid, ""))
        faults += [f"process {pid}: {fault}" for fault in differences(space, wanted)]
    for fault in faults[:SHOWN]:
        print(f"      {fault}")
    vmas = sum(map(len, read.values()))
    checks.check(
        not faults,
        f"{len(read):,} processes, {vmas:,} VMAs as in /proc/PID/smaps: {len(faults)} differ",
    )


def nodes_of(vmcore: Vmcore, pid: int) -> list[Node]:
    root, _flags = vmcore.tree(vmcore.task(pid))
    return list(read_nodes(vmcore.read, root))


def shape(nodes: list[Node]) -> list[tuple[object, ...]]:
    """Return everything about the nodes but their addresses and those that they hold."""
    return [
        (node.type, node.depth, node.pivots, node.gaps, [word != 0 for word in node.slots])
        for node in nodes
    ]


def check_shape(checks: Checks, vmcore: Vmcore, pairs: dict[int, tuple[int, int]]) -> None:
    """Compare the trees of the plain processes with those of their children."""
    version = tuple(int(part) for part in vmcore.release.split(".")[:2])
    for vmas in PLAIN:
        parent, child = (nodes_of(vmcore, pid) for pid in pairs[vmas])
        apart = not {node.address for node in parent} & {node.address for node in child}
        same = shape(parent) == shape(child)
        if version > LAST_WITHOUT_DUP:
            what = "the child's are the same, at other addresses"
        else:
            what, same = f"the child has {len(child)}, in another shape", not same
        checks.check(apart and same, f"{vmas:,} VMAs, {len(parent)} nodes: {what}")


def check_nodes(checks: Checks, vmcore: Vmcore) -> None:
    """Check what each node says about itself."""
    faults, count = 0, 0
    for task in vmcore.tasks():
        if not task.mm:
            continue
        nodes = nodes_of(vmcore, task.pid)
        largest: dict[int, int] = {}
        for node in reversed(nodes):
            count += 1
            if node.type.is_leaf:
                lows = (node.first, *(pivot + 1 for pivot in node.pivots))
                gaps = [
                    0 if word else last - low + 1
                    for word, last, low in zip(node.slots, node.pivots, lows, strict=False)
                ]
            else:
                gaps = [largest[word & ~0xFF] for word in node.slots]
                faults += tuple(gaps) != node.gaps
                # Linux 6.1 has 15 there if there is no gap.
                named = node.gaps[node.gap] if node.gap < len(gaps) else 0
                faults += named != max(gaps)
            # The last slot in use. A full leaf has its last pivot or entry in that place.
            faults += (not node.type.is_leaf or len(gaps) < 15) and node.end != len(gaps) - 1
            largest[node.address] = max(gaps)
    checks.check(not faults, f"{count:,} nodes: {faults} disagree with their gaps or metadata")


def check_drgn(checks: Checks, path: Path, vmcore: Vmcore, read: dict[int, AddressSpace]) -> None:
    """Read the same by way of drgn, which has its own page tables and table of symbols."""
    if find_spec("drgn") is None:
        print("SKIP  drgn is not installed")
        return
    import drgn
    from drgn.helpers.linux.kallsyms import load_vmlinux_kallsyms

    from samara.kernel import kernel_from_drgn

    info = "".join(f"{name}={value}\n" for name, value in vmcore.info.items())
    prog = drgn.Program(vmcoreinfo=info.encode())
    prog.set_core_dump(path)
    kernel = kernel_from_drgn(prog)
    other = {task.pid: kernel.address_space(task) for task in kernel.tasks() if task.mm}
    prog.register_symbol_finder("kallsyms", load_vmlinux_kallsyms(prog), enable_index=0)
    symbols = all(prog.symbol(name).address == place for name, place in vmcore.symbols.items())
    checks.check(symbols, f"drgn finds the same {len(vmcore.symbols)} symbols")
    checks.check(other == read, f"drgn's memory leads to the same {len(other)} address spaces")


class Damaged:
    """The memory of a dump with some bytes changed, within one process's tree or anywhere."""

    def __init__(self, vmcore: Vmcore) -> None:
        self.vmcore = vmcore
        self.changed: dict[int, bytes] = {}
        self.seen: list[tuple[int, int]] = []

    def read(self, address: int, size: int) -> bytes:
        data = self.vmcore.read(address, size)
        self.seen.append((address, size))
        for place, new in self.changed.items():
            if address < place + len(new) and place < address + size:
                whole = bytearray(data)
                for offset, byte in enumerate(new, place - address):
                    if 0 <= offset < size:
                        whole[offset] = byte
                data = bytes(whole)
        return data


def check_damaged_memory(checks: Checks, vmcore: Vmcore, pids: list[int], seed: int) -> None:
    """Change bytes that reading needs, and read: damage is reported, and reading ends."""
    from samara.kernel import address_space

    chance = random.Random(seed)
    memory = Damaged(vmcore)
    damage: list[Damage] = []
    reported = 0
    for pid in pids:
        task = vmcore.task(pid)
        memory.changed, memory.seen = {}, []
        address_space(memory.read, task.mm, vmcore.layout)
        places = list(memory.seen)
        nodes = nodes_of(vmcore, pid)
        for turn in range(ROUNDS):
            memory.changed = {}
            for _ in range(chance.choice((1, 1, 3, 30))):
                address, size = chance.choice(places)
                new = chance.randbytes(chance.choice((1, 2, 8)))
                memory.changed[address + chance.randrange(size)] = new
            if turn % 4 == 0:  # a circle: a child that is one of its own ancestors
                inner = chance.choice([node for node in nodes if not node.type.is_leaf])
                slot = chance.randrange(len(inner.slots))
                word = (nodes[0].address | 0x1C).to_bytes(8, "little")
                memory.changed[inner.address + 80 + 8 * slot] = word
            damage.clear()
            address_space(memory.read, task.mm, vmcore.layout, report=damage.append)
            reported += bool(damage)
            root, flags = vmcore.tree(task)
            read_tree(memory.read, root, flags=flags, report=damage.append)
    total = ROUNDS * len(pids)
    checks.check(
        reported > total // 2,
        f"{total} address spaces with changed bytes were read, {reported} reported damage",
    )


def check_damaged_files(checks: Checks, path: Path, seed: int) -> None:
    """Overwrite parts of the headers, or cut the file: it opens, or raises a documented error."""
    chance = random.Random(seed)
    copy = path.with_suffix(".damaged")
    shutil.copyfile(path, copy)
    size = path.stat().st_size
    outcomes: Counter[str] = Counter()
    with copy.open("r+b", buffering=0) as file:
        for _ in range(ROUNDS // 4):
            place = chance.randrange(300)
            file.seek(place)
            whole = file.read(16)
            file.seek(place)
            file.write(chance.randbytes(chance.choice((1, 4, 16))))
            outcomes[outcome(copy)] += 1
            file.seek(place)
            file.write(whole)
        cuts = [chance.randrange(size) for _ in range(ROUNDS // 4)]
        for cut in sorted([*cuts, 1000, 200, 63, 0], reverse=True):
            file.truncate(cut)
            outcomes[outcome(copy)] += 1
    copy.unlink()
    text = ", ".join(f"{count} {what}" for what, count in sorted(outcomes.items()))
    checks.check(outcomes["refused"] > 0, f"{outcomes.total()} damaged files: {text}")


def outcome(path: Path) -> str:
    """Read a damaged dump, and return what came of it."""
    damage: list[Damage] = []
    try:
        with Vmcore(path) as vmcore:
            for task in vmcore.tasks(report=damage.append):
                if task.mm:
                    vmcore.address_space(task, report=damage.append)
    except (ValueError, LookupError):
        return "refused"
    return "read with damage" if damage else "read"


def check_kernel(checks: Checks, kernel: Kernel, cpu: str, seed: int) -> None:
    """Boot one kernel and check everything about it."""
    parked = [f"parked {vmas} &" for vmas in (EACH_KIND, *PLAIN)]
    script = job(*parked, "mkfifo /tmp/fifo", "cat /tmp/fifo &", "sleep 2")
    began = time.monotonic()
    path, maps, said = dump(kernel, kernel.suite, script, 256, cpu)
    print(f"\nLinux {kernel.version}, dumped after {time.monotonic() - began:.0f} s: {path}")
    words = [line.split() for line in said if line.startswith("parked ")]
    pairs = {int(vmas): (int(parent), int(child)) for _, vmas, parent, child in words}
    path.with_suffix(".json").write_text(json.dumps(pairs) + "\n")
    with Vmcore(path) as vmcore:
        read = spaces(vmcore)
        check_spaces(checks, read, maps)
        check_shape(checks, vmcore, pairs)
        check_nodes(checks, vmcore)
        check_drgn(checks, path, vmcore, read)
        pids = [pairs[EACH_KIND][0], pairs[PLAIN[0]][1]]
        check_damaged_memory(checks, vmcore, pids, seed)
    check_damaged_files(checks, path, seed)


def timed(what: Callable[[], int]) -> tuple[int, float]:
    """Return a result and the seconds of processor time that it took, however busy the machine."""
    began = time.process_time()
    return what(), time.process_time() - began


def check_large(checks: Checks, kernel: Kernel) -> None:
    """Read many processes and one large one, each with a time."""
    script = job(
        f"parked {VMAS} &",
        f"for i in $(seq {PROCESSES // 2}); do parked 5 & done",
        "sleep 5",
    )
    path, maps, said = dump(kernel, f"{kernel.suite}-large", script, 1024, CPUS[0])
    print(f"\nLinux {kernel.version} with many processes: {path}")
    (large,) = [
        [int(pid) for pid in line.split()[2:]]
        for line in said
        if line.startswith(f"parked {VMAS} ")
    ]

    def processes() -> int:
        with Vmcore(path) as vmcore:
            tasks = [task for task in vmcore.tasks() if task.name == "parked"]
            small = [task for task in tasks if task.pid not in large]
            return sum(1 for task in small if vmcore.address_space(task))

    def vmas() -> int:
        with Vmcore(path) as vmcore:
            return len(vmcore.address_space(vmcore.task(large[0])))

    for name, what, least in (("processes", processes, PROCESSES), ("VMAs", vmas, VMAS)):
        number, seconds = timed(what)
        met = number >= least and seconds < MOST_SECONDS
        text = f"{number:,} {name} in {seconds:.1f} s of processor time, opening the dump included"
        checks.check(met, f"{text}; bound {MOST_SECONDS:g} s")
    with Vmcore(path) as vmcore:
        check_spaces(checks, spaces(vmcore), maps)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("suites", nargs="+", metavar="SUITE", help="a Debian release")
    arguments = parser.parse_args()
    seed = int(os.environ.get("SAMARA_SEED") or random.randrange(2**32))
    print(f"SAMARA_SEED={seed}")
    checks = Checks()
    kernels = [fetch(suite) for suite in arguments.suites]
    for number, kernel in enumerate(kernels):
        check_kernel(checks, kernel, CPUS[number % 2], seed)
    check_large(checks, kernels[-1])
    print(f"\n{checks.failed} checks failed" if checks.failed else "\nall checks passed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
