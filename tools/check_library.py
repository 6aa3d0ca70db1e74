# SPDX-License-Identifier: MIT
"""usage: check_library.py INTERFACE... FILE...

Check a library (.so), and the archives (.a) that it is made of. INTERFACE is the name of a Python
extension's entry point, or a C header. Fail unless

- the library exports exactly the names of all INTERFACEs. The archives together also have internal
  names, but none of them twice: the cores of both widths have no name in common;
- it uses only names of libc and public names of CPython;
- it is linked without anything that weakens the security of a process;
- only functions that are chosen at run time need more than the architecture's first processor.
"""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

# manylinux2014: the oldest glibc that a wheel from here can run on.
LIBC = (2, 17)
# What lock.h asks for. The C library may: unlike a wheel, it is built for the libc at hand.
NEWER_IN_C = "__libc_single_threaded"
INTERNAL = r"(mt|mas|mtree|__mt)(128)?_\w+"
DECLARATION = r"^MT_API\b[^;]*?(\w+)\("
NEEDED = r"lib(c|pthread)\.so\.\d+|ld-linux[\w.-]*|libc\.musl-\w+\.so\.\d+"
# The only names with an underscore that may be used: those behind CPython's public macros.
CPYTHON = (
    r"Py[A-Z]\w+|Py_\w+|_Py\w+_SizeT|_PyObject_(GC_)?New|_PyTrash_\w+|_Py_Dealloc"
    r"|_PyThreadState_UncheckedGet"  # Py_TRASHCAN_BEGIN() of 3.12
    r"|_Py_(None|True|False|NotImplemented)Struct|_Py_EllipsisObject"
)
WIDE = r"%[yz]mm|%k[0-7]\b"


def output(*command: str) -> list[str]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def names(path: str, *options: str) -> list[tuple[str, str]]:
    """Return each name and its kind, as nm shows them."""
    # "name type value size"; each member of an archive has a line of its own.
    lines = output("nm", *options, "--extern-only", "--format=posix", path)
    return [(fields[0], fields[1]) for fields in map(str.split, lines) if len(fields) > 1]


def interface(given: str) -> set[str]:
    if given.endswith(".h"):
        return set(re.findall(DECLARATION, Path(given).read_text(), re.MULTILINE))
    return {given}


def faults_of_exports(path: str, wanted: set[str]) -> list[str]:
    offered = {name for name, _ in names(path, "--dynamic", "--defined-only")}
    faults = [f"exports {name}" for name in sorted(offered - wanted)]
    return faults + [f"does not export {name}" for name in sorted(wanted - offered)]


def faults_of_archives(paths: list[str], wanted: set[str]) -> list[str]:
    found = Counter(name for path in paths for name, _ in names(path, "--defined-only"))
    foreign = {name for name in found.keys() - wanted if not re.fullmatch(INTERNAL, name)}
    faults = [f"exports {name}" for name in sorted(foreign)]
    faults += [f"exports {name} twice" for name in sorted(found) if found[name] > 1]
    faults += [f"does not export {name}" for name in sorted(wanted - found.keys())]
    return [f"{' '.join(paths)}: {fault}" for fault in faults]


def faults_of_imports(path: str, is_extension: bool) -> list[str]:
    faults = []
    allowed = CPYTHON if is_extension else ""
    glibc = False
    for line in output("readelf", "--dynamic", "--wide", path):
        if found := re.search(r"\(NEEDED\).*\[(.+)\]", line):
            glibc = glibc or found[1] == "libc.so.6"
            if not re.fullmatch(NEEDED, found[1]):
                faults.append(f"needs {found[1]}")
    for name, kind in names(path, "--dynamic", "--undefined-only"):
        bare, _, version = name.partition("@")
        if found := re.fullmatch(r"@?GLIBC_(\d+)\.(\d+)[.\d]*", version):
            newer = (int(found[1]), int(found[2])) > LIBC
            if newer and (is_extension or bare != NEWER_IN_C):
                faults.append(f"asks for a libc newer than {LIBC}: {name}")
        # Other libcs have no symbol versions by which to recognise their names.
        elif kind not in "wv" and not re.fullmatch(allowed, bare):
            if glibc or bare.startswith("_Py"):
                faults.append(f"uses {name}")
    return faults


def faults_of_linking(path: str) -> list[str]:
    dynamic = "\n".join(output("readelf", "--dynamic", "--wide", path))
    segments = "\n".join(output("readelf", "--segments", "--wide", path))
    faults = [
        f"has a {tag}"
        for tag in ("TEXTREL", "RPATH", "RUNPATH")
        if re.search(rf"\b{tag}\b", dynamic)
    ]
    if not re.search(r"\(FLAGS\).*\bBIND_NOW\b|\(FLAGS_1\).*\bNOW\b", dynamic):
        faults.append("binds names late")
    if "GNU_RELRO" not in segments:
        faults.append("is not read-only after relocation")
    stack = re.search(r"GNU_STACK(\s+0x[0-9a-f]+){5}\s+([RWE]+)", segments)
    if not stack or "E" in stack[2]:
        faults.append("has an executable stack")
    if re.search(r"LOAD(\s+0x[0-9a-f]+){5}\s+RWE", segments):
        faults.append("has a segment that is written and executed")
    return faults


def faults_of_instructions(path: str) -> list[str]:
    """Report vectors wider than the first x86-64 has, unless the function's name allows them."""
    function = ""
    found = set()
    for line in output("objdump", "--disassemble", "--no-show-raw-insn", path):
        if start := re.fullmatch(r"[0-9a-f]+ <(.+)>:", line):
            function = start[1]
        elif re.search(WIDE, line) and "_avx" not in function:
            found.add(function)
    return [f"asks for a newer processor in {name}" for name in sorted(found)]


def faults_of(path: str, wanted: set[str]) -> list[str]:
    faults = []
    if not path.endswith(".a"):
        faults += faults_of_exports(path, wanted)
        faults += faults_of_imports(path, any(name.startswith("PyInit_") for name in wanted))
        faults += faults_of_linking(path)
    return faults + faults_of_instructions(path)


def main(*arguments: str) -> int:
    paths = [one for one in arguments if one.endswith((".a", ".so")) or ".so." in one]
    wanted = set[str]().union(*(interface(one) for one in arguments if one not in paths))
    archives = [path for path in paths if path.endswith(".a")]
    faults = [f"{path}: {fault}" for path in paths for fault in faults_of(path, wanted)]
    if archives:
        faults += faults_of_archives(archives, wanted)
    print(*faults, sep="\n", end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
