# SPDX-License-Identifier: MIT
"""Only what belongs there is installed, and the check of wheels finds what does not."""

import base64
import hashlib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

import check_distribution
import samara
from check_distribution import DATA, DESCRIPTION, INFO, INSTALLATION, NAME, PROGRAMS, ROOT

PURE = not list(Path(samara.__file__).parent.glob("_core*.so"))
INSTALLED = distribution("samara")
TAGS = [line[5:] for line in INSTALLED.read_text("WHEEL").splitlines() if line.startswith("Tag: ")]


def package():
    folder = Path(samara.__file__).parent.parent
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in (folder / "samara").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_package_that_is_installed():
    assert check_distribution.faults_of_package(package(), PURE) == []
    assert check_distribution.faults_of_metadata(INSTALLED.read_text("METADATA")) == []


def test_what_the_installer_knows_of():
    names = {str(file) for file in INSTALLED.files if "__pycache__" not in file.parts}
    names = {name for name in names if not name.endswith("bin/samara")}
    known = {INFO + name for name in DESCRIPTION | INSTALLATION}
    assert names - known == package().keys()
    assert {INFO + name for name in DESCRIPTION} <= names


def test_one_version():
    assert samara.__version__ == INSTALLED.version == check_distribution.PROJECT["version"]
    assert f"  version: '{samara.__version__}',\n" in (ROOT / "meson.build").read_text()


@pytest.fixture
def files():
    """Return the files of a wheel of the installed package."""
    described = {INFO + name: INSTALLED.read_text(name).encode() for name in DESCRIPTION}
    return package() | described


def faults(files, folder, tag=None, mode=0o644):
    """Return the faults of a wheel of these files. Its record is correct, if it has one."""
    path = folder / f"{NAME}-{tag or TAGS[0]}.whl"
    record = INFO + "RECORD"
    if files.get(record):
        lines = [f"{record},,\n"]
        for name in files.keys() - {record}:
            digest = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).decode()
            lines.append(f"{name},sha256={digest.rstrip('=')},{len(files[name])}\n")
        files[record] = "".join(lines).encode()
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            wheel.writestr(member, content)
    return check_distribution.faults_of_wheel(path)


def test_a_right_wheel(files, tmp_path):
    files[INFO + "WHEEL"] = wheel_of(TAGS[:1])
    assert faults(files, tmp_path) == []


def wheel_of(tags, pure=PURE):
    return "\n".join(
        [f"Root-Is-Purelib: {str(pure).lower()}", *(f"Tag: {tag}" for tag in tags)]
    ).encode()


@pytest.mark.parametrize(
    "name",
    [
        "samara/tests/test_tree.py",
        "samara/__pycache__/_entry.cpython-311.pyc",
        "samara/core/tree.c",
        "samara/_policy.py~",
        "samara/cli/spare.csv",
        "samara/libmaple_tree.so",
        "samara/_other.so",
        "tests/conftest.py",
        "../outside.py",
        f"{NAME}.data/scripts/samara",
        INFO + "top_level.txt",
    ],
)
def test_a_stray_file(name, files, tmp_path):
    files[name] = b"# nothing"
    assert f"{name} does not belong there" in faults(files, tmp_path)


@pytest.mark.parametrize(
    "name", sorted(DATA | {INFO + name for name in DESCRIPTION} | {"samara/_pure/tree.py"})
)
def test_a_missing_file(name, files, tmp_path):
    del files[name]
    assert f"{name} is missing" in faults(files, tmp_path)


def test_a_file_that_is_not_what_it_should_be(files, tmp_path):
    files["samara/_entry.py"] = b"\x7fELF"
    files[INFO + "licenses/LICENSE"] += b"."
    files[INFO + "entry_points.txt"] += b"other = os:system\n"
    files[INFO + "WHEEL"] = wheel_of(["py2-none-any"], not PURE)
    found = faults(files, tmp_path)
    for fault in (
        "samara/_entry.py is not that of src",
        "samara/_entry.py is compiled",
        "the licence is not ours",
        "entry_points.txt has something else than the command samara",
        f"WHEEL says Root-Is-Purelib: {str(not PURE).lower()}",
        "WHEEL says Tag: ['py2-none-any']",
    ):
        assert fault in found


def test_compiled_files_are_those_of_the_tag(files, tmp_path):
    files["samara/_core.so"] = b"\x7fELF"
    found = faults(files, tmp_path, tag="py3-none-any")
    assert "samara/_core.so is compiled" in found
    if not PURE:
        assert any(fault.startswith("compiled files: ") for fault in faults(files, tmp_path))
    for name in [name for name in files if name.endswith(".so") or name in PROGRAMS]:
        del files[name]
    assert "compiled files: []" in faults(files, tmp_path, tag="cp311-cp311-linux_x86_64")


def test_a_record_that_is_wrong(files, tmp_path):
    files[INFO + "RECORD"] = b""
    assert any("RECORD is wrong about ['" in fault for fault in faults(files, tmp_path))


def test_modes(files, tmp_path):
    assert "samara/_entry.py has mode 755" in faults(files, tmp_path, mode=0o755)
    assert "samara/_entry.py has mode 646" in faults(files, tmp_path, mode=0o646)
    assert "samara/_entry.py has mode 120777" in faults(files, tmp_path, mode=0o120777)


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("Name: samara", "Name: maple", "Name is ['maple']"),
        ("\nVersion: ", "\nVersion: 9", "Version is ["),
        ("Requires-Python: >=3.11", "Requires-Python: >=3.8", "Requires-Python is ['>=3.8']"),
        ("License-Expression: MIT", "License-Expression: X", "License-Expression is ['X']"),
        ("License-File: LICENSE", "Note: none", "License-File is None"),
        ("Name: ", "Requires-Dist: rich>=13\nName: ", "asks for rich>=13 at run time"),
        ("Provides-Extra: cli\n", "", "Provides-Extra is ["),
    ],
)
def test_metadata_that_is_wrong(right, wrong, fault):
    text = INSTALLED.read_text("METADATA")
    assert right in text
    found = check_distribution.faults_of_metadata(text.replace(right, wrong, 1))
    assert len(found) == 1 and found[0].startswith(fault)
