# SPDX-License-Identifier: MIT
"""Fuzz the public Python calls: run `surface.py` and `surface_inputs.py` on a fuzzer's inputs.

    python tools/fuzz_surface.py --seconds 60              all targets, sharing the time
    python tools/fuzz_surface.py --seconds 60 maps         one target
    python tools/fuzz_surface.py maps FILE ...             run found inputs again

Set PYTHONPATH=tests/support, the folder of those two modules.

The fuzzer is atheris: libFuzzer, guided by the coverage of samara's Python code, which includes the
pure-Python tree. So the calls of trees run on both implementations at once, and then on the
extension alone, which is faster. Pickles run on one implementation, then on the other. All share
one corpus. Atheris is not available for every machine; without it, the inputs are random bytes.

Inputs worth keeping stay in build/fuzz-python/, those that break something in its folder `found`.
The exit status is 1 if something broke.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tree_oracle import seeded

try:
    import atheris
except ImportError:
    atheris = None

ROOT = Path(__file__).parent.parent / "build" / "fuzz-python"
LONGEST = 400  # bytes of an input
SEEDS = 64  # random inputs to begin with: libFuzzer's own first inputs are too short
HANGS = 20  # seconds for one input; most take less than 0.01
MEMORY = 4 << 30
MOST_FINDS = 5  # per target: it starts again after each find while there is time
Target = Callable[..., object]
# Target, the tree it runs on, and its share of the time.
RUNS = (
    ("trees_and_cursors", "both", 2),
    ("trees_and_cursors", "c", 2),
    ("address_spaces", "c", 2),
    ("unpickling", "python", 1),
    ("unpickling", "c", 2),
    ("loading", "python", 1),
    ("loading", "c", 1),
    ("maps", "c", 2),
    ("replaying", "c", 2),
)


def load(name: str, which: str) -> Target:
    """Return the function that takes an input."""
    if atheris is not None:
        with atheris.instrument_imports(include=["samara"]):
            import surface
            import surface_inputs
            from samara import _pure
    else:
        import surface
        import surface_inputs
        from samara import _pure
    import samara

    target: Target = getattr(surface, name, None) or getattr(surface_inputs, name)
    if which == "both" and samara.implementation == "c":

        def both(data: bytes) -> None:
            target(data, _pure)
            target(data)

        return both
    return target


def without_atheris_own(target: Target) -> Target:
    """Ignore the error that code instrumented by atheris raises for a loop over a non-iterable."""

    def run_target(data: bytes) -> None:
        try:
            target(data)
        except SystemError as error:
            if "_trace_branch" not in str(error):
                raise

    return run_target


def fuzz(name: str, which: str, seconds: int) -> None:
    """Fuzz in a process of its own until the time is up or something breaks."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    target = load(name, which)
    corpus, found = ROOT / name, ROOT / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    if atheris is None:
        fuzz_blindly(name, target, seconds, found)
        return
    if not any(corpus.iterdir()):
        random = seeded(f"corpus of {name}")
        for number in range(SEEDS):
            data = random.randbytes(random.randrange(LONGEST // 4, LONGEST))
            (corpus / f"{number:02}").write_bytes(data)
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={HANGS}"]
    options += [
        f"-artifact_prefix={found}/{name}-",
        "-print_final_stats=1",
        "-rss_limit_mb=2048",
        "-len_control=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], without_atheris_own(target))
    atheris.Fuzz()


def fuzz_blindly(name: str, target: Target, seconds: int, found: Path) -> None:
    random = seeded(f"fuzz {name}")
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        data = random.randbytes(random.randrange(LONGEST))
        count += 1
        try:
            target(data)
        except BaseException:
            (found / f"{name}-{random.randrange(2**32):08x}").write_bytes(data)
            raise
    print(f"stat::number_of_executed_units: {count}")


def run(name: str, which: str, seconds: int) -> tuple[int, bool]:
    """Run one target for some seconds; return the number of inputs, and whether all passed."""
    environment = os.environ | {"SAMARA_PURE": "1" if which == "python" else "0"}
    end = time.monotonic() + seconds
    count = finds = 0
    while finds < MOST_FINDS and (left := round(end - time.monotonic())) > 0:
        command = [sys.executable, "-X", "faulthandler", __file__, "--inside", which]
        command += ["--seconds", str(left), name]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace"
        )
        text = done.stdout + done.stderr
        count += sum(map(int, re.findall(r"stat::number_of_executed_units: *(\d+)", text)))
        coverage = re.findall(r"cov: (\d+)", text)
        if not done.returncode:
            break
        finds += 1
        print(text[-4000:], flush=True)
    kept = sum(1 for _ in (ROOT / name).glob("*"))
    line = f"{name:20} {which:7} {count:10,} executions, {kept:6,} inputs kept, {finds} finds"
    print(line + (f", coverage {coverage[-1]}" if coverage else ""), flush=True)
    return count, not finds


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the Python surface.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("target", nargs="?", choices=sorted({name for name, *_ in RUNS}))
    parser.add_argument("files", nargs="*", type=Path)
    arguments = parser.parse_args()
    if arguments.files:
        which = next(which for name, which, _ in RUNS if name == arguments.target)
        target = load(arguments.target, which)
        for path in arguments.files:
            print(path, flush=True)
            target(path.read_bytes())
        return 0
    if arguments.inside:
        fuzz(arguments.target, arguments.inside, arguments.seconds)
        return 0
    chosen = [one for one in RUNS if arguments.target in (None, one[0])]
    shares = sum(share for *_, share in chosen)
    total, good = 0, True
    for name, which, share in chosen:
        count, sound = run(name, which, max(arguments.seconds * share // shares, 1))
        total, good = total + count, good and sound
    print(f"{total:,} executions; " + ("nothing broke" if good else f"see {ROOT / 'found'}"))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
