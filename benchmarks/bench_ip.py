# SPDX-License-Identifier: MIT
"""Look-ups of IP addresses in a real database: samara beside bisect, pytricia, maxminddb, netaddr.

    python benchmarks/bench_ip.py [--quick] [--json FILE]

The database is Debian's tor-geoipdb, with 385,602 ranges of IPv4 and 276,626 of IPv6; apt-get
downloads it into build/. Before anything is timed, all answers are compared. Peers take turns, and
a figure is the median of the rounds, of processor time on one processor. samara must be ahead of
each peer with one look-up and with a million, for texts and for numbers. Exits with 1 if it is not.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import importlib.metadata
import json
import os
import pickle
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import geoip
from bench_run import machine
from geoip import Database
from ip_peers import PEERS, Block, Peer, Samara
from samara import MapleTree
from samara._implementation import PURE
from suite.sections import print_ip

ROUNDS, QUICK_ROUNDS = 5, 3
MANY = 1_000_000
SINGLE = 100_000  # look-ups in a turn of single calls, and of a loop over a list
SLOW = 10_000  # look-ups of netaddr, in any turn
FREE = 20
# Where the first free network is searched: the one with the most ranges before it.
BLOCKS = {
    "ipv4": Block(94 << 24, 8, 24, 32),
    "ipv6": Block(0x2620 << 112, 16, 32, 128),
}
TITLES = {
    "one_text": "get, text",
    "one": "get, number or object",
    "in_text": "in, text",
    "in": "in, number or object",
    "many_text": "a million texts",
    "many": "a million numbers or objects",
    "many_in_text": "in, a million texts",
    "many_in": "in, a million numbers or objects",
    "free": "first free network of a block",
    "load": "load all ranges",
}
Turn = Callable[[], float]


def timed(work: Callable[[], object]) -> float:
    """Return the nanoseconds of processor time."""
    started = time.process_time_ns()
    work()
    return time.process_time_ns() - started


def time_of_each(call: Callable[[Any], object], keys: list[Any]) -> float:
    """Return the nanoseconds of one call, of a loop over the keys."""

    def loop() -> None:
        for key in keys:
            call(key)

    return timed(loop) / len(keys)


class Contest:
    """One family of addresses: its peers, the addresses, and the turns of each operation."""

    def __init__(self, data: Database, folder: Path, rng: random.Random) -> None:
        self.data = data
        self.block = BLOCKS[data.family]
        self.addresses = data.some_addresses(MANY, rng)
        self.texts = [data.text(address) for address in self.addresses]
        self.peers = []
        for kind in PEERS:
            print(f"{data.family}: making {kind.name} ...", file=sys.stderr)
            self.peers.append(kind(data, self.block, folder))
        samara = self.peers[0]
        assert isinstance(samara, Samara)
        self.samara = samara

    def check(self) -> None:
        """Compare all answers, and what comes out of the tree with what went in."""
        expected = self.samara.countries(self.samara.many(self.data.array(self.addresses)))
        for peer in self.peers:
            for count, operation, found in self.answers(peer):
                wanted: list[Any] = expected[:count]
                if operation.startswith("in"):
                    wanted = [country is not None for country in wanted]
                assert found == wanted, f"{peer.name}: {operation} differs"
        places = {peer.name: peer.free() for peer in self.peers if hasattr(peer, "free")}
        assert len(set(places.values())) == 1, places

    def answers(self, peer: Peer) -> Iterator[tuple[int, str, list[Any]]]:
        data = self.data
        for operation, keys in self.single(peer, SLOW).items():
            call = self.call(peer, operation)
            yield SLOW, operation, [call(key) for key in keys]
        if hasattr(peer, "many"):
            found = peer.many(peer.forms(data, self.addresses))
            yield MANY, "many", peer.countries(found)
            yield MANY, "many_text", peer.countries(peer.many_text(self.texts))

    def call(self, peer: Peer, operation: str) -> Callable[[Any], Any]:
        """Return what looks one address up."""
        names = {"in": "is_in", "in_text": "is_in_text"}
        found: Callable[[Any], Any] = getattr(peer, names.get(operation, operation))
        return found

    def single(self, peer: Peer, count: int) -> dict[str, list[Any]]:
        """Return the operations with single look-ups that a peer has, and the keys for them."""
        texts = self.texts[:count]
        objects = [peer.form(self.data, address) for address in self.addresses[:count]]
        names = {"one_text": texts, "one": objects, "in_text": texts, "in": objects}
        has = {"in": "is_in", "in_text": "is_in_text"}
        return {name: keys for name, keys in names.items() if hasattr(peer, has.get(name, name))}

    def turns(self, peer: Peer) -> dict[str, Turn]:
        """Return the operations of a peer; each takes a turn and returns the time of one key."""
        slow = not hasattr(peer, "one")
        found: dict[str, Turn] = {}
        for operation, keys in self.single(peer, SLOW if slow else SINGLE).items():
            found[operation] = partial(time_of_each, self.call(peer, operation), keys)
        if slow:
            keys = [peer.form(self.data, address) for address in self.addresses[:SLOW]]
            texts = self.texts[:SLOW]
            found["many_in"] = lambda: timed(lambda: peer.many_in(keys)) / SLOW
            found["many_in_text"] = lambda: timed(lambda: peer.many_in_text(texts)) / SLOW
        else:
            count = MANY if peer is self.samara else SINGLE
            forms = peer.forms(self.data, self.addresses[:count])
            texts = self.texts[:count]
            found["many"] = lambda: timed(lambda: peer.many(forms)) / count
            found["many_text"] = lambda: timed(lambda: peer.many_text(texts)) / count
            if peer is self.samara:
                found["many_in"], found["many_in_text"] = found["many"], found["many_text"]
            found["load"] = lambda: timed(peer.load) / len(self.data.first)
        if hasattr(peer, "free"):
            free = peer.free
            calls = 1 if slow else FREE
            found["free"] = lambda: timed(lambda: [free() for _ in range(calls)]) / calls
        return found

    def measure(self, rounds: int) -> dict[str, dict[str, list[float]]]:
        """Return the nanoseconds by operation, peer and round."""
        samples: dict[str, dict[str, list[float]]] = {}
        turns = {peer.name: self.turns(peer) for peer in self.peers}
        for turn in range(rounds + 1):  # the first one warms up
            print(f"{self.data.family}: round {turn} of {rounds}", file=sys.stderr)
            for operation in TITLES:
                for name, found in turns.items():
                    if operation in found:
                        value = float(f"{found[operation]():.5g}")
                        if turn:
                            by_peer = samples.setdefault(operation, {})
                            by_peer.setdefault(name, []).append(value)
        return samples

    def round_trip(self, folder: Path) -> dict[str, float]:
        """Check that all ranges come back by each way; return the milliseconds of each."""
        tree: MapleTree[Any, Any] = self.samara.packed
        path = folder / "ranges.npz"
        times = {
            "to_arrays": timed(tree.to_arrays),
            "save": timed(lambda: tree.save(path)),
            "load": timed(lambda: MapleTree.load(path)),
            "pickle": timed(lambda: pickle.loads(pickle.dumps(tree))),
        }
        first, last, values = tree.to_arrays()
        assert (first == self.data.array(self.data.first)).all()
        assert (last == self.data.array(self.data.last)).all()
        names = self.samara.names
        assert [names[value] for value in values.tolist()] == self.data.countries
        assert MapleTree.load(path) == tree == pickle.loads(pickle.dumps(tree))
        assert len(tree) == len(self.data.first)
        return {name: round(nanoseconds / 1e6, 3) for name, nanoseconds in times.items()}


def measure(rounds: int) -> dict[str, Any]:
    """Return the figures of both families."""
    if PURE:
        sys.exit("bench_ip: the pure-Python tree is in use; this measures the extension")
    processors = os.sched_getaffinity(0)
    pinned = max(processors)
    os.sched_setaffinity(0, {pinned})
    gc.disable()
    families: dict[str, Any] = {}
    try:
        for family in geoip.FILES:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                contest = Contest(geoip.read(family), folder, random.Random(1))
                contest.check()
                families[family] = {
                    "ranges": len(contest.data.first),
                    "samples": contest.measure(rounds),
                    "round_trip_ms": contest.round_trip(folder),
                }
    finally:
        gc.enable()
        os.sched_setaffinity(0, processors)
    packages = [kind.package for kind in PEERS if kind.package]
    return {
        "command": ["make", "bench-ip"],
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine() | {"pinned_to": pinned},
        "versions": {
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in packages},
        },
        "rounds": rounds,
        "titles": TITLES,
        "families": families,
    }


def write(data: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    data = measure(QUICK_ROUNDS if options.quick else ROUNDS)
    if options.json:
        write(data, options.json)
    return 0 if print_ip(data) else 1


if __name__ == "__main__":
    sys.exit(main())
