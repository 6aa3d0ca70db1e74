# SPDX-License-Identifier: MIT
"""usage: check_exports.py PATTERN FILE...

Fail where a library (.so or .a) offers a global name that does not match the whole PATTERN.
"""

import re
import subprocess
import sys


def exported_names(path: str) -> list[str]:
    options = ["--dynamic"] if ".so" in path else []
    command = ["nm", *options, "--defined-only", "--extern-only", "--format=posix", path]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    # "name type value size"; an archive's members have a line of their own.
    return [fields[0] for fields in map(str.split, lines) if len(fields) > 2]


def main(pattern: str, *paths: str) -> int:
    status = 0
    for path in paths:
        names = exported_names(path)
        foreign = [name for name in names if not re.fullmatch(pattern, name)]
        if foreign or not names:
            print(f"{path}: of {len(names)} names these are not ours: {' '.join(foreign)}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
