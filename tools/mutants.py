# SPDX-License-Identifier: MIT
"""Check that the quick C tests notice a wrong core: change it in one place at a time.

Uses the debug build's compiler flags and tests. A mutant is one change to the code that looks up,
writes, duplicates, compares or combines trees, tracks gaps, or owns nodes. It is compiled for both
widths of keys and linked into the test programs of both, which run until one fails: that test has
killed it. A test also fails if it takes ten times its usual time, or asks for too much memory. A
mutant with the same object code as the original does not count.

A seed selects the mutants, spread over files and kinds. Results are saved in the folder as they
come in, and are valid for the sources and tests that they came from. So an interrupted run can
continue.

mutants.toml lists survivors that mean the same as the original, with the reason. An entry names the
file, the function and both texts of the line, so it becomes void when the code changes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import queue
import random
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mutations import Mutation, mutations_of

FILES = [
    *("write.c", "splice.c", "leaf.c", "rebalance.c", "cow.c", "items.c", "displaced.c"),
    *("subtree.c", "gap.c", "dup.c", "build.c", "diff.c", "sets.c", "accumulate.c", "profile.c"),
    *("tree.c", "pool.c", "search.c", "unlocked.c"),
    *("cow.h", "displaced.h", "gap.h", "items.h", "node.h", "number.h", "plan.h", "subtree.h"),
    *("value.h", "pool.h", "search_descents.h", "search_64.h", "search_128.h", "sequence.h"),
]
INCLUDED = re.compile(r'^#include "(.+)"', re.MULTILINE)
HERE = Path(__file__).resolve().parent
EQUIVALENT = HERE / "mutants.toml"
KILLED_LEAST = 0.95
LISTED_MOST = 0.05
MEMORY_MOST = 2 << 30
# A test may take this many times its usual processor time, and some seconds more.
PATIENCE = 10
TESTS_SEED = 1


@dataclass
class Test:
    name: str
    program: str
    arguments: list[str]
    environment: dict[str, str]
    seconds: float = 0.0


@dataclass
class Result:
    """What became of a mutant. `end`: killed, survived, same (object code) or refused (by cc)."""

    digest: str
    file: str
    function: str
    before: str
    after: str
    end: str
    by: str


@dataclass
class Build:
    """The original: the compiler command of each unit, without files; the objects of programs.

    A unit is a source and a width: its name is that of its object.
    """

    root: Path
    folder: Path
    compile: dict[str, list[str]]
    tests: list[Test]
    digest: str
    parts: dict[str, list[str]] = field(default_factory=dict)  # of each program, for the linker

    @property
    def original(self) -> Path:
        return self.folder / "original"


def run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True)


def source_of(unit: str) -> str:
    return unit.partition(".")[0] + ".c"


def digest_of(root: Path, commands: dict[str, list[str]]) -> str:
    """Hash everything that a result depends on."""
    known = hashlib.sha256(json.dumps(commands).encode())
    for folder in ("core/include", "core/src", "core/tests"):
        for path in sorted((root / folder).glob("*.[ch]")):
            known.update(path.name.encode() + b"\0" + path.read_bytes())
    return known.hexdigest()[:16]


def read_build(debug: Path, root: Path, folder: Path) -> Build:
    """Read the flags and the tests of Meson's build."""
    entries = json.loads((debug / "compile_commands.json").read_text())
    commands = {}
    for entry in entries:
        if found := re.search(r"core(_128)?\.a\.p", entry["output"]):
            unit = f"{Path(entry['file']).stem}.{(found[1] or '_64')[1:]}.o"
            words = shlex.split(entry["command"])
            kept = [
                word
                for word in words[: words.index("-MD")]
                if not word.startswith(("-I", "-g", "-W"))
            ]
            # The headers that are made from others are those of the original.
            commands[unit] = [*kept, "-w", "-Icore/include", "-Icore/src", f"-I{debug}"]
    tests = []
    info = subprocess.check_output(["meson", "introspect", str(debug), "--tests"], text=True)
    for test in json.loads(info):
        program = Path(test["cmd"][0])
        if program.parent == debug:
            tests.append(Test(test["name"], program.name, test["cmd"][1:], test["env"]))
    build = Build(root, folder, commands, tests, digest_of(root, commands))
    for part in (build.original, folder / "tests"):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
    for width in ("", "_128"):
        testing = str(folder / f"tests/testing{width}.a")
        run(["ar", "-crs", testing, *objects_in(debug / f"libtesting{width}.a.p")], debug)
    for name in {test.program for test in tests}:
        build.parts[name] = linked_with(debug, name)
        for number, one in enumerate(objects_in(debug / f"{name}.p")):
            build.parts[name].append(str(folder / "tests" / f"{name}.{number}.o"))
            shutil.copy(one, build.parts[name][-1])
        width = "_128" if name.endswith("_128") else ""
        build.parts[name].append(str(folder / f"tests/testing{width}.a"))
    return build


def linked_with(debug: Path, program: str) -> list[str]:
    """Return the linker options that replace functions of libc."""
    command = ["ninja", "-C", str(debug), "-t", "commands", "-s", program]
    words = shlex.split(subprocess.check_output(command, text=True))
    return [word for word in words if word.startswith("-Wl,--wrap")]


def objects_in(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.glob("*.o"))]


class Workplace:
    """A folder with its own copy of the core, in which one file at a time is changed."""

    def __init__(self, build: Build, folder: Path) -> None:
        self.build = build
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        for part in ("core/include", "core/src"):
            shutil.copytree(build.root / part, folder / part)
        self.objects = folder / "objects"
        self.objects.mkdir()

    def compile(self, unit: str, to: Path) -> bool:
        """Compile a unit. Its path is relative, and so the same in each workplace."""
        command = [*self.build.compile[unit], "-c", f"core/src/{source_of(unit)}"]
        command += ["-o", str(to / unit)]
        return not subprocess.run(command, cwd=self.folder, capture_output=True).returncode

    def link(self, program: str, changed: set[str]) -> None:
        objects = [
            str((self.objects if unit in changed else self.build.original) / unit)
            for unit in self.build.compile
        ]
        objects += self.build.parts[program]
        compiler = next(iter(self.build.compile.values()))[0]
        run([compiler, "-pthread", "-s", "-o", program, *objects], self.folder)

    def users(self, file: str) -> list[str]:
        """Return the units that a file is compiled into."""
        includers = {file}
        while True:
            more = {
                path.name
                for path in (self.folder / "core/src").glob("*.[ch]")
                if includers.intersection(INCLUDED.findall(path.read_text()))
            }
            if more <= includers:
                return [unit for unit in self.build.compile if source_of(unit) in includers]
            includers |= more

    def test(self, test: Test) -> str:
        """Return why the test failed, or an empty string."""
        seconds = int(test.seconds * PATIENCE) + 3
        limits = f'ulimit -c 0; ulimit -t {seconds}; ulimit -v {MEMORY_MOST >> 10}; exec "$@"'
        process = subprocess.Popen(
            ["sh", "-c", limits, "sh", f"./{test.program}", *test.arguments],
            cwd=self.folder,
            env={**os.environ, "SAMARA_SEED": str(TESTS_SEED), **test.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout=20 * seconds)
        except subprocess.TimeoutExpired:
            status = -signal.SIGXCPU
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)  # and everything that it forked
            except ProcessLookupError:
                pass
            process.wait()
        if status in (-signal.SIGXCPU, -signal.SIGKILL):
            return "timeout"
        return signal.Signals(-status).name if status < 0 else f"exit {status}" if status else ""

    def try_mutant(self, mutation: Mutation, tests: list[Test]) -> tuple[str, str]:
        path = self.folder / "core/src" / mutation.file
        source = path.read_text()
        changed = set(self.users(mutation.file))
        try:
            path.write_text(mutation.apply(source))
            same = True
            for user in sorted(changed):
                if not self.compile(user, self.objects):
                    return "refused", ""
                original = (self.build.original / user).read_bytes()
                if (self.objects / user).read_bytes() == original:
                    changed.remove(user)
                else:
                    same = False
        finally:
            path.write_text(source)
        if same:
            return "the same", ""
        linked: set[str] = set()
        for test in tests:
            if test.program not in linked:
                self.link(test.program, changed)
                linked.add(test.program)
            if why := self.test(test):
                return "killed", f"{test.name} ({why})"
        return "survived", ""


def measure(workplace: Workplace) -> None:
    """Compile and test the original; note each test's processor time."""
    for unit in workplace.build.compile:
        if not workplace.compile(unit, workplace.build.original):
            sys.exit(f"{unit} does not compile")
    for test in workplace.build.tests:
        workplace.link(test.program, set())
        test.seconds = 60.0
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        why = workplace.test(test)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if why:
            sys.exit(f"{test.name} fails on the core as it is: {why}")
        test.seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def draw(mutations: list[Mutation], seed: int) -> list[Mutation]:
    """Shuffle the mutations so that every prefix is spread evenly over files and kinds."""
    source = random.Random(seed)
    strata: defaultdict[tuple[str, str], list[Mutation]] = defaultdict(list)
    for mutation in mutations:
        strata[mutation.file, mutation.kind].append(mutation)
    placed: list[tuple[float, int, Mutation]] = []
    for stratum in strata.values():
        source.shuffle(stratum)
        for i, mutation in enumerate(stratum):
            placed.append(((i + source.random()) / len(stratum), len(placed), mutation))
    return [mutation for _, _, mutation in sorted(placed, key=lambda place: place[:2])]


def read_listed(mutations: list[Mutation]) -> dict[tuple[str, str, str, str], str]:
    listed = {}
    names = {mutation.name for mutation in mutations}
    for entry in tomllib.loads(EQUIVALENT.read_text()).get("equivalent", []):
        name = entry["file"], entry["function"], entry["before"], entry["after"]
        if name not in names:
            sys.exit(f"{EQUIVALENT.name}: not a change to the code as it is: {name}")
        listed[name] = entry["reason"]
    return listed


class Check:
    """The run: the next mutant, the result of each, and the tests most likely to kill."""

    def __init__(self, build: Build, wanted: int, keep_killed: bool) -> None:
        self.build = build
        self.wanted = wanted
        self.file = build.folder / "results.jsonl"
        self.lock = threading.Lock()
        self.results: dict[tuple[str, str, str, str], Result] = {}
        self.kills: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.tried: list[tuple[Mutation, Result]] = []
        self.began = time.monotonic()
        if self.file.exists():
            for line in self.file.read_text().splitlines():
                result = Result(**json.loads(line))
                name = result.file, result.function, result.before, result.after
                if result.digest == build.digest or (keep_killed and result.end != "survived"):
                    self.results[name] = result

    def counted(self) -> int:
        return sum(result.end in ("killed", "survived") for _, result in self.tried)

    def order(self, file: str) -> list[Test]:
        kills = self.kills[file]
        return sorted(self.build.tests, key=lambda test: (-kills[test.name], test.seconds))

    def note(self, mutation: Mutation, end: str, by: str) -> None:
        result = Result(self.build.digest, *mutation.name, end, by)
        with self.lock:
            if mutation.name not in self.results:
                with self.file.open("a") as file:
                    file.write(json.dumps(asdict(result)) + "\n")
            self.results[mutation.name] = result
            self.kills[mutation.file][by.split(" ")[0]] += end == "killed"
            self.tried.append((mutation, result))
            ends = Counter(result.end for _, result in self.tried)
            if not sys.stdout.isatty() and end != "survived" and len(self.tried) % 20:
                return
            print(
                f"{time.monotonic() - self.began:5.0f} s: {ends['killed']} killed, "
                f"{ends['survived']} survived, {ends['the same']} the same, "
                f"{ends['refused']} refused",
                end="\r" if sys.stdout.isatty() else "\n",
                flush=True,
            )

    def work(self, workplace: Workplace, mutations: Iterator[Mutation]) -> None:
        while True:
            with self.lock:
                # Mutants that other workers are trying may count too, so a few more may be run.
                mutation = next(mutations, None) if self.counted() < self.wanted else None
            if not mutation:
                return
            known = self.results.get(mutation.name)
            if known:
                self.note(mutation, known.end, known.by)
            else:
                self.note(mutation, *workplace.try_mutant(mutation, self.order(mutation.file)))


def print_survivor(mutation: Mutation, reason: str | None) -> None:
    where = f"core/src/{mutation.file}:{mutation.line}, {mutation.function}()"
    print(f"\n{'listed' if reason else 'SURVIVED'}: {where}")
    print(f"  - {mutation.before}\n  + {mutation.after}")
    if reason:
        print(f"  {reason}")


def report(check: Check, listed: dict[tuple[str, str, str, str], str]) -> int:
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for mutation, result in check.tried:
        end = result.end
        if end == "survived" and mutation.name in listed:
            end = "listed"
        if mutation.name in listed and end == "killed":
            print(f"{EQUIVALENT.name} lists a mutant that is killed: {mutation.name}")
        for row in (mutation.file, mutation.kind, "all"):
            table[row][end] += 1
    ends = ["killed", "survived", "listed", "the same", "refused"]
    print(f"\n{'':12}" + "".join(f"{end:>10}" for end in ends))
    kinds = sorted(row for row in table if row not in FILES and row != "all")
    for row in [*FILES, *kinds, "all"]:
        print(f"{row:12}" + "".join(f"{table[row][end]:10}" for end in ends))

    for mutation, result in check.tried:
        if result.end == "survived":
            print_survivor(mutation, listed.get(mutation.name))

    all_of = table["all"]
    made = all_of["killed"] + all_of["survived"] + all_of["listed"]
    judged = made - all_of["listed"]
    share = all_of["killed"] / judged if judged else 1.0
    print(
        f"\n{made} mutants: {all_of['killed']} killed, {all_of['survived']} survived, "
        f"{all_of['listed']} survived and mean the same. Killed of those that do not: "
        f"{share:.1%} (at least {KILLED_LEAST:.0%}); of all: "
        f"{all_of['killed'] / made if made else 1:.1%}"
    )
    few = all_of["listed"] <= LISTED_MOST * made
    if not few:
        print(f"Listed are more than {LISTED_MOST:.0%}.")
    return 0 if share >= KILLED_LEAST and few else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--debug", type=Path, required=True, help="meson's build folder")
    parser.add_argument("--folder", type=Path, required=True, help="where mutants are made")
    parser.add_argument("--mutants", type=int, default=320, help="how many, 0 for all")
    parser.add_argument("--seed", type=int, default=1, help="which")
    parser.add_argument("--files", nargs="+", default=FILES, choices=FILES, help="of which files")
    parser.add_argument("--jobs", type=int, default=2, choices=(1, 2), help="how many at a time")
    parser.add_argument(
        "--keep-killed",
        action="store_true",
        help="do not kill again what an older version of the tests has killed",
    )
    options = parser.parse_args()
    root = HERE.parent
    folder = options.folder.resolve()
    build = read_build(options.debug.resolve(), root, folder)
    workplaces: queue.SimpleQueue[Workplace] = queue.SimpleQueue()
    for i in range(options.jobs):
        workplaces.put(Workplace(build, folder / f"work-{i}"))
    first = workplaces.get()
    measure(first)
    workplaces.put(first)

    mutations = []
    for file in FILES:
        mutations += mutations_of(file, (first.folder / "core/src" / file).read_text())
    chosen = [mutation for mutation in mutations if mutation.file in options.files]
    wanted = options.mutants or len(chosen)
    print(
        f"MUTANTS={wanted} SEED={options.seed}, of {len(chosen)} possible changes; "
        f"{len(build.tests)} tests, {sum(test.seconds for test in build.tests):.0f} s together",
        flush=True,
    )
    listed = read_listed(mutations)
    check = Check(build, wanted, options.keep_killed)
    drawn = iter(draw(chosen, options.seed))
    with ThreadPoolExecutor(options.jobs) as executor:
        for done in [
            executor.submit(check.work, workplaces.get(), drawn) for _ in range(options.jobs)
        ]:
            done.result()
    return report(check, listed)


if __name__ == "__main__":
    sys.exit(main())
