# SPDX-License-Identifier: MIT
"""Run bench_core, print its table beside the figures of the kernel's tree, and store its figures.

Times are nanoseconds for one entry or one key, the median of the runs. bench_core.c says what each
method does. The kernel's figures are for the tree of Linux 6.12, compiled for user space with an
ideal slab allocator, on a machine of this kind. Exits with 1 if a bound is not met. The figures and
the bounds are for keys of 64 bits: bench_core_128 has neither.
"""

from __future__ import annotations

import sys

from bench_run import Times, measure, medians, number, options, turn, write_json

SIZES = [135, 821, 6421, 51221, 1000000]
QUICK = [135, 6421, 51221]
GAPS = 1
CALLERS_LOCK = 2

# For each method: the kernel's figures by size, and the bounds that samara sets itself.
KERNEL: dict[str, list[float]] = {
    "store_ascending": [119, 150, 176, 189, 255],
    "store_shuffled": [256, 427, 556, 627, 1210],
    "load": [31, 45, 60, 93, 279],
    "iterate": [10.6, 11, 12, 13, 24],
    "dup": [3.1, 3.3, 3.7, 4.8, 24],
}
BOUNDS: dict[str, dict[int, float]] = {
    "load": {51221: 45, 1000000: 190},
    "batch_random": {51221: 16, 1000000: 50},
    "store_ascending": {51221: 60, 1000000: 80},
    "store_shuffled": {51221: 220, 1000000: 500},
    "overwrite": {51221: 220, 1000000: 500},
    "iterate": {51221: 3.5, 1000000: 8},
    "dup": {51221: 2.2, 1000000: 9},
}


def print_row(name: str, cells: list[str]) -> None:
    print(f"{name:<18}" + "".join(f"{cell:>12}" for cell in cells))


def print_table(table: dict[int, Times], kernel: dict[str, list[float]]) -> None:
    print("nanoseconds for one entry or key, median of the runs")
    print_row("entries", [f"{entries:,}" for entries in table])
    for method in next(iter(table.values())):
        print_row(method, [number(times[method]) for times in table.values()])
        if method in kernel:
            known = dict(zip(SIZES, kernel[method], strict=True))
            print_row("  the kernel's", [f"{known[entries]:g}" for entries in table])


def check_bounds(table: dict[int, Times]) -> list[dict[str, object]]:
    return [
        {
            "bound": f"{method} at {entries:,} entries <= {most:g}",
            "value": table[entries][method],
            "met": table[entries][method] <= most,
        }
        for method, bounds in BOUNDS.items()
        for entries, most in bounds.items()
        if entries in table
    ]


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--no-gaps", action="store_true", help="trees that track no gaps")
    parser.add_argument("--own-lock", action="store_true", help="each call takes the tree's lock")
    arguments = parser.parse_args()

    sizes = QUICK if arguments.quick else SIZES
    attributes = GAPS * (not arguments.no_gaps) + CALLERS_LOCK * (not arguments.own_lock)
    command, output, nodes = measure(
        arguments.program, [arguments.runs, turn(arguments), attributes], sizes
    )
    table = medians(output)
    wide = arguments.program.name.endswith("_128")
    results = [] if wide else check_bounds(table)

    print(f"keys of {128 if wide else 64} bits")
    print_table(table, {} if wide else KERNEL)
    print()
    for result in results:
        print(f"{'PASS' if result['met'] else 'FAIL'}  {result['bound']}: {result['value']:.3g}")
    figures: dict[str, object] = {
        "attributes": attributes,
        "nanoseconds": {str(entries): times for entries, times in table.items()},
        "bounds": results,
    }
    write_json(arguments, command, output, nodes, figures)
    return 0 if all(result["met"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
