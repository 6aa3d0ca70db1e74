# SPDX-License-Identifier: MIT
"""Cut small samples out of dumps, for tests/data/kernel/: python tools/kernels/samples.py SUITE...

A sample has the bytes that reading a few processes needs, and what the guest's /proc said. Run
`make test-kernels` first, which leaves the dumps in build/kernels.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import sys
from pathlib import Path

from dumps import EACH_KIND, PLAIN, texts
from guest import BUILD, ROOT

from samara.kernel import Kernel, Vmcore

FOLDER = ROOT / "tests" / "data" / "kernel"


class Recorder:
    """Remembers what was read."""

    def __init__(self, vmcore: Vmcore) -> None:
        self._vmcore = vmcore
        self._seen: dict[int, bytes] = {}

    def read(self, address: int, size: int) -> bytes:
        data = self._vmcore.read(address, size)
        if len(data) > len(self._seen.get(address, b"")):
            self._seen[address] = data
        return data

    def ranges(self) -> list[tuple[int, str]]:
        """Return the bytes that were read, as ranges that do not touch."""
        joined: list[tuple[int, bytearray]] = []
        for address, data in sorted(self._seen.items()):
            if joined and address <= joined[-1][0] + len(joined[-1][1]):
                start, known = joined[-1]
                known[address - start : address - start + len(data)] = data
            else:
                joined.append((address, bytearray(data)))
        return [(address, bytes(data).hex()) for address, data in joined]


def sample(suite: str) -> Path:
    """Write the sample of a kernel, and return its path."""
    dump = BUILD / f"{suite}.vmcore"
    maps = texts(dump.with_suffix(".maps").read_text(errors="surrogateescape"))
    pairs = json.loads(dump.with_suffix(".json").read_text())
    chosen = {"each_kind": pairs[str(EACH_KIND)], "plain": pairs[str(PLAIN[0])]}
    pids = [pid for pair in chosen.values() for pid in pair]
    with Vmcore(dump) as vmcore:
        recorder = Recorder(vmcore)
        kernel = Kernel(recorder.read, vmcore.info, btf=vmcore.btf)
        kernel.symbols = vmcore.symbols
        tasks = list(kernel.tasks())
        for task in tasks:
            if task.pid in pids:
                kernel.address_space(task)
        content = {
            "release": kernel.release,
            "info": {
                name: value
                for name, value in kernel.info.items()
                if name.startswith("SYMBOL(kallsyms")
                or name
                in (
                    *("OSRELEASE", "SYMBOL(_stext)", "SYMBOL(init_uts_ns)"),
                    *("SYMBOL(swapper_pg_dir)", "NUMBER(pgtable_l5_enabled)"),
                )
            },
            "symbols": kernel.symbols,
            "layout": dataclasses.asdict(kernel.layout),
            "processes": chosen,
            "smaps": {pid: maps[pid] for pid in pids},
            "trees": {task.pid: kernel.tree(task) for task in tasks if task.pid in pids},
            "memory": recorder.ranges(),
        }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"linux_{'_'.join(kernel.release.split('.')[:2])}.json.gz"
    path.write_bytes(gzip.compress(json.dumps(content).encode(), mtime=0))
    return path


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"wrote {sample(name)}")
