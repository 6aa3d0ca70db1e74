# SPDX-License-Identifier: MIT
"""usage: check_distribution.py FILE...

Fail if a wheel or a source distribution lacks something, or holds anything that does not belong
there. A wheel has the package's files as they are in src/, the extension (unless the wheel is for
any machine), and what the format requires. A source distribution has the files of the checked-out
commit.
"""

import base64
import csv
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAME = f"{PROJECT['name']}-{PROJECT['version']}"
INFO = f"{NAME}.dist-info/"

DATA = {"samara/py.typed", "samara/_core.pyi", "samara/cli/published_forks.csv"}
EXTENSION = r"samara/_core(\.[\w-]+)?\.so"
# Other compiled programs, by their name in the package.
PROGRAMS = {"samara/cli/spawn-loop"}
DESCRIPTION = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
# Files that an installer adds.
INSTALLATION = {"INSTALLER", "REQUESTED", "direct_url.json"}
# The first bytes of compiled files: ELF, ar, Mach-O in either byte order, PE, wasm.
MAGIC = (b"\x7fELF", b"!<arch>", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"MZ", b"\0asm")


def sources() -> dict[str, bytes]:
    """Return the package's files by their names in a wheel."""
    folder = ROOT / "src"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def faults_of_package(files: dict[str, bytes], pure: bool) -> list[str]:
    """Return the faults of the package's files, which a wheel and an installation share."""
    wanted = sources()
    compiled = {name for name in files if re.fullmatch(EXTENSION, name) or name in PROGRAMS}
    faults = [f"{name} is missing" for name in sorted(wanted.keys() | DATA) if name not in files]
    faults += [f"{name} is compiled" for name in sorted(compiled) if pure]
    if len(compiled) != (0 if pure else 1 + len(PROGRAMS)):
        faults.append(f"compiled files: {sorted(compiled)}")
    for name in sorted(files.keys() - compiled):
        if name not in wanted:
            faults.append(f"{name} does not belong there")
        elif files[name] != wanted[name]:
            faults.append(f"{name} is not that of src")
        if not name.endswith(".py") and name not in DATA:
            faults.append(f"{name} is no file of a package")
        if files[name].startswith(MAGIC):
            faults.append(f"{name} is compiled")
    return faults


def faults_of_metadata(text: str) -> list[str]:
    metadata: Message = message_from_string(text)
    extras = sorted(PROJECT["optional-dependencies"])
    wanted = {
        "Name": [PROJECT["name"]],
        "Version": [PROJECT["version"]],
        "Requires-Python": [">=3.11"],
        "License-Expression": ["MIT"],
        "License-File": ["LICENSE"],
        "Provides-Extra": extras,
    }
    faults = []
    for field, values in wanted.items():
        if sorted(metadata.get_all(field, [])) != values:
            faults.append(f"{field} is {metadata.get_all(field)}")
    for requirement in metadata.get_all("Requires-Dist", []):
        # Requirements of an extra; some are for certain machines only.
        if not re.search(r";\s*([^;]*\band\s+)?extra\s*==\s*['\"][\w-]+['\"]$", requirement):
            faults.append(f"asks for {requirement} at run time")
    return faults


def faults_of_record(files: dict[str, bytes]) -> list[str]:
    faults = []
    recorded = set()
    for name, digest, size in csv.reader(io.StringIO(files[INFO + "RECORD"].decode())):
        recorded.add(name)
        if name == INFO + "RECORD":
            continue
        content = files.get(name, b"")
        found = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        if digest != f"sha256={found}" or int(size) != len(content):
            faults.append(f"RECORD is wrong about {name}")
    if recorded != files.keys():
        faults.append(f"RECORD is wrong about {sorted(recorded ^ files.keys())}")
    return faults


def faults_of_wheel(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as wheel:
        members = [member for member in wheel.infolist() if not member.is_dir()]
        files = {member.filename: wheel.read(member) for member in members}
    if absent := {INFO + name for name in DESCRIPTION} - files.keys():
        return [f"{name} is missing" for name in sorted(absent)]
    faults = []
    if len(members) != len(files):
        faults.append("there are two files of one name")
    for member in members:
        mode = member.external_attr >> 16
        runs = bool(re.fullmatch(EXTENSION, member.filename)) or member.filename in PROGRAMS
        if mode & 0o170000 not in (0, 0o100000) or mode & (0o7002 if runs else 0o7113):
            faults.append(f"{member.filename} has mode {mode:o}")

    pure = path.name == f"{NAME}-py3-none-any.whl"
    described = {name for name in files if name.startswith(INFO)}
    faults += faults_of_package({n: files[n] for n in files.keys() - described}, pure)
    extra = described - {INFO + name for name in DESCRIPTION}
    faults += [f"{name} does not belong there" for name in sorted(extra)]
    faults += faults_of_record(files)
    faults += faults_of_metadata(files[INFO + "METADATA"].decode())
    if files[INFO + "licenses/LICENSE"] != (ROOT / "LICENSE").read_bytes():
        faults.append("the licence is not ours")
    if files[INFO + "entry_points.txt"].decode().split() != [
        "[console_scripts]", "samara", "=", "samara.cli:main",
    ]:  # fmt: skip
        faults.append("entry_points.txt has something else than the command samara")

    fields = message_from_string(files[INFO + "WHEEL"].decode())
    if fields["Root-Is-Purelib"] != ("true" if pure else "false"):
        faults.append(f"WHEEL says Root-Is-Purelib: {fields['Root-Is-Purelib']}")
    # The file name has three tags; each lists all of its values, as a.b.c.
    pythons, abis, platforms = (part.split(".") for part in path.stem.split("-")[2:])
    tags = {f"{p}-{a}-{m}" for p in pythons for a in abis for m in platforms}
    if set(fields.get_all("Tag", [])) != tags:
        faults.append(f"WHEEL says Tag: {fields.get_all('Tag')}")
    return faults


def files_of_archive(archive: tarfile.TarFile) -> tuple[dict[str, bytes], list[str]]:
    files, faults = {}, []
    for member in archive.getmembers():
        content = archive.extractfile(member) if member.isreg() else None
        if content:
            files[member.name] = content.read()
        elif not member.isdir():
            faults.append(f"{member.name} is no regular file")
    return files, faults


def faults_of_source_distribution(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        files, faults = files_of_archive(archive)
    command = ["git", "archive", "--format=tar", f"--prefix={NAME}/", "HEAD"]
    commit = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(commit)) as archive:
        wanted, _ = files_of_archive(archive)
    metadata = files.pop(f"{NAME}/PKG-INFO", b"")
    faults += faults_of_metadata(metadata.decode())
    for name in sorted(files.keys() | wanted.keys()):
        if name not in files:
            faults.append(f"{name} is missing")
        elif name not in wanted:
            faults.append(f"{name} does not belong there")
        elif files[name] != wanted[name]:
            faults.append(f"{name} is not that of the commit")
    return faults


def main(*paths: str) -> int:
    status = 0
    for path in map(Path, paths):
        check = faults_of_wheel if path.suffix == ".whl" else faults_of_source_distribution
        for fault in check(path):
            print(f"{path}: {fault}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
