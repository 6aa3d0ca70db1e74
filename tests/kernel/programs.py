# SPDX-License-Identifier: MIT
"""Record real programs on the running kernel, and replay them: no step may differ.

python tests/kernel/programs.py
"""

from __future__ import annotations

import os
import shutil
import sys

from oracle import cannot_run

from samara.mm import Trace, replay
from samara.mm.trace.record import record

WANTED = 5
THREADS = """
import threading
def work():
    return [bytearray(300_000) for _ in range(20)]
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
# Commands that map something. The first ones that this machine has are used.
COMMANDS = (
    ("python3", "-I", "-c", THREADS),
    ("ls", "-lR", "/etc"),
    ("perl", "-e", "@list = (1..200000); $sum += $_ for @list"),
    ("tar", "--create", "--file", os.devnull, "src"),
    ("git", "--version"),
    ("sort", "Makefile"),
    ("awk", "BEGIN { for (i = 0; i < 100000; i++) a[i] = i }"),
    ("find", "src", "-name", "*.py"),
)


def replayed(trace: Trace, own: bool) -> int:
    """Replay a trace and return its number of steps. ReplayMismatch if one differs."""
    return sum(1 for _ in replay(trace, "own" if own else "recorded"))


def main() -> int:
    reason = cannot_run()
    if reason:
        print(f"not run: {reason}")
        return 0
    done = 0
    output = os.dup(1)
    for command in COMMANDS:
        program = shutil.which(command[0])
        if program is None or done == WANTED:
            continue
        # Discard what the program prints.
        with open(os.devnull, "w") as sink:
            os.dup2(sink.fileno(), 1)
            try:
                trace = record([program, *command[1:]])
            finally:
                os.dup2(output, 1)
        steps = replayed(trace, own=False)
        replayed(trace, own=True)
        print(f"{command[0]}: {steps} steps recorded and replayed, none differs", flush=True)
        done += 1
    if done < WANTED:
        print(f"only {done} of {WANTED} programs are on this machine", file=sys.stderr)
    return int(done < WANTED)


if __name__ == "__main__":
    sys.exit(main())
