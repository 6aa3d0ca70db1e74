# SPDX-License-Identifier: MIT
"""The extension exports only the interpreter's entry point, uses only public names, and is linked
without anything that weakens the security of a process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from interpreter import SANITIZED, c_only
from places import ROOT

SCRIPT = ROOT / "tools" / "check_library.py"
HEADER = ROOT / "core" / "include" / "maple_tree.h"
# Everything that the check looks for, except what no linker of today does. (glibc 2.34 gave its
# thread functions new versions.)
WRONG = """
#include <immintrin.h>
#include <pthread.h>
#include <stdlib.h>
extern int _Py_IsFinalizing(void), elsewhere(void);
int mt_secret(void) { return _Py_IsFinalizing() + elsewhere(); }
int mt_wait(pthread_t thread) { return pthread_join(thread, NULL); }
extern char __libc_single_threaded;
int mt_alone(void) { return __libc_single_threaded; }
void mt_init(long *to) { _mm256_storeu_si256((__m256i *)to, _mm256_set1_epi64x(rand())); }
"""
OPTIONS = (
    "-shared -fPIC -O1 -mavx2 -Wl,-z,norelro -Wl,-z,lazy -Wl,-z,execstack -Wl,-rpath,/nowhere"
    " -Wl,--no-as-needed -lresolv"
)


def check(*arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@c_only
@pytest.mark.skipif(SANITIZED, reason="sanitizers add names")
@pytest.mark.skipif(not shutil.which("objdump"), reason="there are no binutils")
def test_the_extension():
    from samara import _core

    assert check("PyInit__core", _core.__file__) == (0, "")
    status, text = check("PyInit_other", _core.__file__)
    assert status == 1
    assert text.splitlines() == [
        f"{_core.__file__}: exports PyInit__core",
        f"{_core.__file__}: does not export PyInit_other",
    ]


@pytest.mark.skipif(
    os.uname().machine != "x86_64" or not shutil.which("cc"),
    reason="asks for a compiler for x86-64",
)
@pytest.mark.skipif(
    os.confstr_names.get("CS_GNU_LIBC_VERSION") is None
    or os.confstr("CS_GNU_LIBC_VERSION") < "glibc 2.34",
    reason="asks for glibc 2.34",
)
def test_the_check_finds_what_it_looks_for(tmp_path):
    source, library = tmp_path / "wrong.c", tmp_path / "wrong.so"
    source.write_text(WRONG)
    subprocess.run(["cc", source, "-o", library, *OPTIONS.split()], check=True)
    for interface in (HEADER, "PyInit__core"):
        status, text = check(interface, library)
        assert status == 1
        for fault in (
            "exports mt_secret",
            "needs libresolv.so.2",
            "uses _Py_IsFinalizing",
            "uses elsewhere",
            "asks for a libc newer than (2, 17): pthread_join@",
            "has a RUNPATH",
            "binds names late",
            "is not read-only after relocation",
            "has an executable stack",
            "asks for a newer processor in mt_init",
        ):
            assert f"{library}: {fault}" in text
    assert "exports mt_init\n" in text
    assert "libc newer than (2, 17): __libc_single_threaded@" in text
    text = check(HEADER, library)[1]
    assert "__libc_single_threaded" not in text  # the C library may ask for it
    assert "does not export mt_fork\n" in text
    assert "exports mt_init\n" not in text


@pytest.mark.skipif(
    not shutil.which("cc") or not shutil.which("ar"), reason="asks for a compiler and binutils"
)
def test_no_name_is_in_two_archives(tmp_path):
    for number, names in enumerate(("mt_init mt_inside", "mt_inside mt128_inside secret")):
        source, archive = tmp_path / f"{number}.c", tmp_path / f"{number}.a"
        source.write_text("".join(f"int {name}(void) {{ return 1; }}\n" for name in names.split()))
        subprocess.run(["cc", "-c", source, "-o", source.with_suffix(".o")], check=True)
        subprocess.run(["ar", "-cr", archive, source.with_suffix(".o")], check=True)
    status, text = check(HEADER, tmp_path / "0.a", tmp_path / "1.a")
    assert status == 1
    assert "exports mt_inside twice\n" in text
    assert "exports secret\n" in text
    assert "mt128_inside" not in text
    assert "exports mt_init\n" not in text
    assert "does not export mt_fork\n" in text
