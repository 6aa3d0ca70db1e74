# SPDX-License-Identifier: MIT
"""The tables, in the terminal and between the markers of docs/performance.md:

<!-- bench:NAME -->
what is generated
<!-- end -->
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable
from typing import Any

from .bounds import PYTHON, Case, judge
from .figures import Figures
from .sections import UINT64, frame_peers, ip_peers, ip_ratios, key_ratios

BLOCK = re.compile(r"(<!-- bench:([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def number(value: float) -> str:
    """Format a number with three significant digits."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def compact_json(data: dict[str, Any]) -> str:
    """Return JSON with one line for each list of numbers."""
    text = json.dumps(data, indent=1, ensure_ascii=False)
    return re.sub(r"\[[^][{}]*\]", lambda match: " ".join(match[0].split()), text) + "\n"


# ---- the terminal -------------------------------------------------------------------------------


def print_bounds(figures: Figures) -> bool:
    """Print the bounds; return whether all are met."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="bounds: medians of the rounds, ratios within the run")
    for head in ("operation", "bound", "measured, by n", ""):
        table.add_column(head, overflow="fold")
    results = judge(figures)
    for bound, cases in results:
        table.add_row(
            bound.operation.replace("`", ""), bound.claim.replace("`", ""),
            measured(cases), verdict(cases),
            style="red" if any(not case.met for case in cases) else None,
        )  # fmt: skip
    console = Console(width=None)
    console.print(table)
    for line in left_out_lines(figures):
        console.print(line, highlight=False)
    return all(case.met for _, cases in results for case in cases)


def measured(cases: list[Case]) -> str:
    return "; ".join(f"{short(case.n)}: {case_number(case)}" for case in cases) or "not measured"


def case_number(case: Case) -> str:
    """Format a value, with more digits if it is a miss but would look equal to its limit."""
    text = number(case.value)
    return text if case.met or text != number(case.limit) else f"{case.value:.4g}"


def verdict(cases: list[Case]) -> str:
    if not cases:
        return "–"
    return "pass" if all(case.met for case in cases) else "miss"


def short(n: int) -> str:
    return f"{n // 1_000_000}M" if n >= 1_000_000 else f"{n:,}"


def left_out_lines(figures: Figures) -> list[str]:
    """Return lines about peers that were not measured because one step took too long."""
    found: dict[tuple[str, int], list[str]] = {}
    for entry in figures.data["left_out"]:
        title = figures.title(entry["operation"])
        titles = found.setdefault((entry["peer"], entry["n"]), [])
        if title not in titles:
            titles.append(title)
    built = figures.title("build")
    return [
        f"{peer} is left out at {short(n)}"
        + (": building" if built in titles else f" for {', '.join(titles)}: it")
        + f" took more than {figures.data['patience']:g} s"
        for (peer, n), titles in found.items()
    ]


# ---- the page -----------------------------------------------------------------------------------


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(heads) - 1)
    return "".join("| " + " | ".join(row) + " |\n" for row in [heads, rule, *rows])


def bounds_block(figures: Figures) -> str:
    rows = [
        [bound.operation, bound.claim, measured(cases), f"**{verdict(cases)}**"
         if verdict(cases) == "miss" else verdict(cases)]
        for bound, cases in judge(figures)
    ]  # fmt: skip
    heads = ["operation", "bound", "measured, by n", ""]
    lines = [heads, ["---"] * 4, *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def machine_block(figures: Figures) -> str:
    data = figures.data
    machine = data["machine"]
    load = data["load"]
    names = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    return (
        f"- {data['date'][:10]}, `{' '.join(data['command'])}`\n"
        f"- {machine['processor']} ({machine['architecture']}), "
        f"{machine['processors']} processors, Linux {machine['kernel']}; pinned to one of them\n"
        f"- load average of the machine before and after: {load['before'][0]:.1f} and "
        f"{load['after'][0]:.1f}, this run included\n"
        f"- {names}\n"
        f"- {data['rounds']} rounds\n"
    )


def operation_table(figures: Figures, operation: str) -> str:
    unit = figures.data["operations"][operation]["unit"]
    scale = 1000 if unit.startswith("µs") else 1
    sizes = figures.sizes(operation)
    rows = []
    for peer in figures.peers(operation):
        medians = [figures.median(operation, peer, n) for n in sizes]
        cells = ["–" if value is None else number(value / scale) for value in medians]
        rows.append([peer, *cells])
    return markdown([unit, *map(short, sizes)], rows)


def growth_block(figures: Figures) -> str:
    """Return the table of samara's own figures over all sizes, in nanoseconds."""
    operations = list(figures.data["growth"])
    sizes = figures.sizes("get", "growth")
    rows = []
    for operation in operations:
        cells = []
        for n in sizes:
            value = own_median(figures, operation, n)
            cells.append("–" if value is None else number(value))
        rows.append([figures.title(operation), *cells])
    return markdown(["ns", *map(short, sizes)], rows)


def own_median(figures: Figures, operation: str, n: int) -> float | None:
    """Return the median of object trees, else of packed ones; for a whole copy, per range."""
    value = figures.median(operation, "samara", n, "growth")
    if value is None or operation == "build":
        value = figures.median(operation, "samara, packed", n, "growth")
    whole = operation in ("dup", "dup_packed")
    return value / n if value is not None and whole else value


def memory_block(figures: Figures) -> str:
    by_size = figures.data["memory"]
    states = list(next(iter(by_size.values()), {}))
    rows = [[state, *(number(by_size[n][state]) for n in by_size)] for state in states]
    heads = ["bytes per range of a tree", *(short(int(n)) for n in by_size)]
    return markdown(heads, rows)


def footprints_block(figures: Figures) -> str:
    by_size = figures.data["footprints"]
    peers = list(dict.fromkeys(peer for sizes in by_size.values() for peer in sizes))
    rows = [
        [peer, *(number(by_size[n][peer]) if peer in by_size[n] else "–" for n in by_size)]
        for peer in peers
    ]
    heads = ["bytes per range that the process grows by", *(short(int(n)) for n in by_size)]
    return markdown(heads, rows)


def threads_block(figures: Figures) -> str:
    rows = []
    for n in figures.data["threads"]:
        gain = figures.gain_of_threads(int(n))
        assert gain is not None
        rows.append([short(int(n)), f"{gain:.2f}"])
    return markdown(["n", "two threads / one thread"], rows)


def left_out_block(figures: Figures) -> str:
    return "".join(f"- {line}\n" for line in left_out_lines(figures)) or "- Nobody.\n"


def units_block(figures: Figures) -> str:
    """Return the table that compares single calls on a small tree with an empty C call."""
    n = figures.sizes("get")[0]
    empty = figures.median("get", "empty C call", n) or 0.0
    rows = [["empty C call", number(empty), ""]]
    python = figures.median("get", PYTHON, n) or 0.0
    rows.append([PYTHON, number(python), number(python - empty)])
    for operation in ("subscript", "contains", "get", "entry", "fork", "store", "iterate"):
        value = figures.median(operation, "samara", n)
        if value is not None:
            rows.append([figures.title(operation), number(value), number(value - empty)])
    return markdown([f"n = {n}", "ns", "above an empty C call"], rows)


def kernel_block(figures: Figures) -> str:
    """Return the table of the kernel's small benchmarks, this core beside the one before."""
    data = figures.kernel
    base = data["base"]
    rows = [
        [f"`{name}`", number(base["nanoseconds"][name]), number(time),
         f"{data['ratios'][name]:.2f}", f"{data['bounds'][name]:.2f}"]
        for name, time in data["nanoseconds"].items()
    ]  # fmt: skip
    heads = ["ns per operation", f"core of `{base['commit']}`", "now", "ratio", "bound"]
    machine = data["machine"]
    return markdown(heads, rows) + (
        f"\n{data['date'][:10]}, {machine['processor']}, {machine['processors']} processors, "
        f"pinned to one of them; medians of {data['runs']} runs, in which the two cores took "
        "turns.\n"
    )


def about(data: dict[str, Any], processors: str = "pinned to one of them") -> str:
    """Return a line about a run of its own."""
    machine = data["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    return (
        f"\n{data['date'][:10]}, {machine['processor']}, {machine['processors']} processors, "
        f"{processors}; medians of {data['rounds']} rounds; {versions}.\n"
    )


def ip_block(figures: Figures) -> str:
    """Return a table for each family of addresses, and how far the closest peer is."""
    data = figures.ip
    peers = ip_peers(data)
    text = ""
    for family, found in data["families"].items():
        rows = []
        for operation, samples in found["samples"].items():
            cells = [
                number(statistics.median(samples[name])) if name in samples else "–"
                for name in peers
            ]
            rows.append([data["titles"][operation], *cells])
        text += markdown([f"ns, {family}, {found['ranges']:,} ranges", *peers], rows) + "\n"
    family, operation, peer, worst = max(ip_ratios(data), key=lambda case: case[3])
    verdict = "pass" if worst < 1 else "**miss**"
    return text + (
        f"Bound: ahead of each peer in each look-up: {verdict}. The closest is {peer} with "
        f"`{data['titles'][operation]}`, {family}: samara takes {worst:.2f} of its time.\n"
        + about(data)
    )


def keys_block(figures: Figures) -> str:
    """Return the table of other kinds of keys, relative to uint64."""
    data = figures.keys
    sizes = [int(n) for n in data["samples"]]
    rows = []
    for operation in data["bounds"]:
        by_size = [data["samples"][str(n)][operation][UINT64] for n in sizes]
        cells = [number(statistics.median(rounds)) for rounds in by_size]
        rows.append([f"`{operation}`, {UINT64}, ns", *cells, "", ""])
        for name, bound, found in (case[1:] for case in key_ratios(data) if case[0] == operation):
            cells = [f"{found[n]:.2f}" if n in found else "–" for n in sizes]
            met = bound is None or max(found.values()) <= bound
            verdict = "" if bound is None else "pass" if met else "**miss**"
            rows.append([f"{name} / {UINT64}", *cells, f"≤ {bound:g}" if bound else "", verdict])
    return markdown(["", *map(short, sizes), "bound", ""], rows) + about(data)


def frames_block(figures: Figures) -> str:
    """Return a table for each kind of keys, that of the bounds, and the engines' figures."""
    data = figures.frames
    text = ""
    for case, times in data["figures"].items():
        peers: dict[str, list[str]] = {}
        for library, peer, value in frame_peers(times):
            peers.setdefault(library, []).append(f"{peer} {number(value)}")
        rows = []
        for name in (name for name in times if f"{name}, strings" in times):
            also = (times.get(f"{name}, {what}") for what in ("one thread", "strings"))
            cells = [number(value) if value else "–" for value in (times[name], *also)]
            rows.append([name, *cells, ", ".join(peers.get(name, ["–"]))])
        title = f"ns per row, {case}, {data['ranges'][case]:,} ranges"
        heads = [title, f"{data['threads']} threads", "one thread", "strings", "the library's own"]
        text += markdown(heads, rows) + "\n"
        others = [name for name in times if name.startswith("numpy") or name.endswith("rows")]
        text += "; ".join(f"{name}: {number(times[name])}" for name in others) + ".\n\n"
    verdicts = [
        [what, f"≤ {most:,.2f}", f"{found:,.2f}", "pass" if found <= most else "**miss**"]
        for what, found, most in data["bounds"]
    ]
    text += markdown(["", "bound", "measured", ""], verdicts) + "\n"
    for name, found in data.get("engines", {}).items():
        memory = f"{found['most_memory'] / 2**20:,.0f} MiB"
        text += (
            f"- {name}: {found['rows']:,} rows in {found['seconds']:,} seconds, "
            f"{found['rows_per_second']:,} rows per second; at most {memory} in a process\n"
        )
    return f"{data['rows']:,} rows.\n\n{text}{about(data, 'all of them used')}"


BLOCKS: dict[str, Callable[[Figures], str]] = {
    "machine": machine_block,
    "bounds": bounds_block,
    "units": units_block,
    "memory": memory_block,
    "footprints": footprints_block,
    "threads": threads_block,
    "left-out": left_out_block,
    "growth": growth_block,
    "kernel": kernel_block,
    "ip": ip_block,
    "keys": keys_block,
    "frames": frames_block,
}


def fill_page(page: str, figures: Figures) -> str:
    """Return the page with all blocks generated again. KeyError for an unknown block."""
    return BLOCK.sub(lambda match: f"{match[1]}\n{block_text(match[2], figures)}\n{match[3]}", page)


def block_text(name: str, figures: Figures) -> str:
    """Return the text of a named block, or the table of an operation."""
    block = BLOCKS.get(name)
    return block(figures) if block else operation_table(figures, name)
