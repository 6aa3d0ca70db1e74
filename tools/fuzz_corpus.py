# SPDX-License-Identifier: MIT
"""fuzz_corpus.py pack|unpack CORPUS DIRECTORY: many inputs for the fuzzer, kept as one file.

CORPUS starts with a line that says what it is. The inputs follow, each after its length in two
bytes, the low byte first. In DIRECTORY each input is a file named by its hash, as in libFuzzer.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

MAGIC = b"samara fuzz corpus\n"
LONGEST = 0xFFFF


def pack(inputs: set[bytes]) -> bytes:
    ordered = sorted(inputs, key=lambda content: (len(content), content))
    return MAGIC + b"".join(len(content).to_bytes(2, "little") + content for content in ordered)


def unpack(packed: bytes) -> Iterator[bytes]:
    if not packed.startswith(MAGIC):
        sys.exit("fuzz_corpus: not a corpus")
    at = len(MAGIC)
    while at < len(packed):
        end = at + 2 + int.from_bytes(packed[at : at + 2], "little")
        yield packed[at + 2 : end]
        at = end


def main(action: str, corpus: Path, directory: Path) -> None:
    if action == "pack":
        inputs = {path.read_bytes() for path in directory.iterdir()} - {b""}
        if max(map(len, inputs), default=0) > LONGEST:
            sys.exit(f"fuzz_corpus: an input is longer than {LONGEST} bytes")
        corpus.write_bytes(pack(inputs))
        print(f"{corpus}: {len(inputs)} inputs, {corpus.stat().st_size} bytes")
    else:
        directory.mkdir(parents=True, exist_ok=True)
        for content in unpack(corpus.read_bytes()):
            (directory / hashlib.sha1(content).hexdigest()).write_bytes(content)


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("pack", "unpack"):
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
