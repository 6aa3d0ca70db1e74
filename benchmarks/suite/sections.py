# SPDX-License-Identifier: MIT
"""The figures of bench_ip, bench_keys and bench_frames: ratios, bounds, tables in the terminal."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from bench_run import number

SAMARA, UINT64 = "samara", "uint64"
# Operations of bench_ip that are not about look-ups, and have no bounds.
UNBOUND = ("free", "load")
Samples = dict[str, list[float]]  # by name, a figure for each round


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def ip_ratios(data: dict[str, Any]) -> Iterator[tuple[str, str, str, float]]:
    """Yield family, operation, peer, and samara's ratio to it, for all look-ups."""
    for family, figures in data["families"].items():
        for operation, samples in figures["samples"].items():
            for name, theirs in samples.items():
                if operation not in UNBOUND and name != SAMARA:
                    yield family, operation, name, ratio(samples[SAMARA], theirs)


def ip_peers(data: dict[str, Any]) -> list[str]:
    found: dict[str, None] = {}
    for figures in data["families"].values():
        for samples in figures["samples"].values():
            found.update(dict.fromkeys(samples))
    return list(found)


def print_ip(data: dict[str, Any]) -> bool:
    """Print the section IP; return whether samara is ahead of each peer in each look-up."""
    titles, peers = data["titles"], ip_peers(data)
    for family, figures in data["families"].items():
        print(f"\nIP: {family}, {figures['ranges']:,} ranges, nanoseconds")
        print(" " * 34 + "".join(f"{name:>13}" for name in peers))
        for operation, samples in figures["samples"].items():
            cells = [
                number(statistics.median(samples[name])) if name in samples else "-"
                for name in peers
            ]
            print(f"{titles[operation]:<34}" + "".join(f"{cell:>13}" for cell in cells))
        times = ", ".join(f"{name} {ms:g} ms" for name, ms in figures["round_trip_ms"].items())
        print(f"round trip of all ranges: {times}")
    behind = [case for case in ip_ratios(data) if case[3] >= 1]
    for family, operation, name, value in behind:
        print(f"MISSED: {family}, {titles[operation]}: {value:.2f} x {name}")
    if not behind:
        print("samara is ahead of each peer in each look-up: met")
    return not behind


def key_ratios(
    data: dict[str, Any],
) -> Iterator[tuple[str, str, float | None, dict[int, float]]]:
    """Yield operation, kind of keys, its bound if any, and by size its ratio to uint64."""
    for operation, bounds in data["bounds"].items():
        for name, bound in bounds.items():
            found = {
                int(n): ratio(samples[operation][name], samples[operation][UINT64])
                for n, samples in data["samples"].items()
                if name in samples[operation]
            }
            yield operation, name, bound, found


def print_keys(data: dict[str, Any]) -> bool:
    """Print the ratios of all kinds; return whether all bounds are met."""
    sizes = [int(n) for n in data["samples"]]
    print(f"{'':<38}" + "".join(f"{n:>12,}" for n in sizes))
    for operation in data["bounds"]:
        medians = [statistics.median(data["samples"][str(n)][operation][UINT64]) for n in sizes]
        cells = "".join(f"{number(median):>12}" for median in medians)
        print(f"{f'{operation}, {UINT64}, ns':<38}{cells}")
    missed = 0
    for operation, name, bound, found in key_ratios(data):
        cells = "".join(f"{found[n]:>12.2f}" if n in found else f"{'-':>12}" for n in sizes)
        verdict = ""
        if bound is not None:
            met = max(found.values()) <= bound
            missed += not met
            verdict = f"   bound {bound:g}: {'met' if met else 'MISSED'}"
        print(f"{f'{operation}, {name} / {UINT64}':<38}{cells}{verdict}")
    return not missed


def print_frames(data: dict[str, Any]) -> bool:
    """Print all figures of bench_frames; return whether the bounds are met."""
    for case, times in data["figures"].items():
        print(f"\n{case}: {data['rows']:,} rows, ns for each")
        for name, value in times.items():
            print(f"  {name:40} {value:10,.1f}")
    for name, found in data.get("engines", {}).items():
        print(f"\n{name}: " + ", ".join(f"{key} {value:,}" for key, value in found.items()))
    print()
    for what, found, most in data["bounds"]:
        verdict = "ok" if found <= most else "MISS"
        print(f"  {verdict:4} {what:50} {found:8.2f}  (at most {most:.2f})")
    return all(found <= most for _, found, most in data["bounds"])


def frame_peers(times: dict[str, float]) -> Iterator[tuple[str, str, float]]:
    """Yield the library, the name and the figure of each join that is not samara's."""
    for name, value in times.items():
        library, _, peer = name.partition(": ")
        if peer:
            yield library, peer, value
