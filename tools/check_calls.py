# SPDX-License-Identifier: MIT
"""usage: check_calls.py HEADER TEST_FAIL_C TEST_CALLS_C

Fail if a function of the header is in neither of the tests' two tables, or in both. One table has
the functions whose allocations fail in turn, the other those that allocate nothing.
"""

import re
import sys
from pathlib import Path

from check_library import interface

# Functions in neither table, with the case of test_fail.c that tests them.
CASES = {
    "mt_pool_create": "pools_refused",
    "mt_load_batch": "look_ups_without_memory",
    "mtree_accumulate": "accumulated_without_memory",
}


def names_in(source: str, table: str) -> set[str]:
    """Return the first word of the first member of each row."""
    start = source.index(f"}} {table}[] = {{")
    rows = source[start : source.index("\n};", start)]
    return set(re.findall(r'^\t\{"(\w+)', rows, re.MULTILINE))


def main(header: str, test_fail: str, test_calls: str) -> int:
    failing = Path(test_fail).read_text()
    asking = names_in(failing, "writes") | CASES.keys()
    quiet = names_in(Path(test_calls).read_text(), "calls")
    missing_cases = [case for case in CASES.values() if f'{{"{case}", {case}}}' not in failing]
    offered = interface(header)
    wrong = {
        "in no table": offered - asking - quiet,
        "in both tables": asking & quiet,
        "not offered": (asking | quiet) - offered,
        "no case": missing_cases,
    }
    for problem, names in wrong.items():
        if names:
            print(f"{problem}: {' '.join(sorted(names))}")
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
