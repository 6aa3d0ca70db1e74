# SPDX-License-Identifier: MIT
"""Trees with keys of 128 bits: the ends, numbers beyond 64 and 128 bits, nodes, copies, pickles.

What does not depend on the width is tested with keys of each kind: `test_tree_oracle.py`,
`test_key_table.py`, `test_key_differential.py`.
"""

import copy
import gc
import ipaddress
import pickle
import sys
import weakref

import pytest
from test_tree_edges import look_ups, writes

from interpreter import (
    DEEP,
    PURE,
    collect,
    counts_references,
    live_nodes,
    references,
    scaled,
)
from key_universes import WORDS
from samara import MAX, OFFSET, Entry, Gap, MapleTree, NoSpaceError, RangeOccupiedError, _pure
from tree_oracle import Index, seeded

TOP = 2**128 - 1
WORD = 2**64
BELOW = [-1, -(2**63), -WORD, -(2**127), -(2**128), -(10**50)]
ABOVE = [2**128, 2**128 + 1, 2**129, 2**192, 2**191, 10**50, 2**2000]
SPECIAL = [0, 1, 2**63, WORD - 1, WORD, WORD + 1, 2**96, 2**127 - 1, 2**127, TOP - 1, TOP]
KINDS = {"uint128": int, "ipv6": ipaddress.IPv6Address}
kinds = pytest.mark.parametrize("keys", KINDS)


def wide(iterable=(), **options):
    return MapleTree(iterable, keys="uint128", **options)


def tree():
    return wide([(10, 19, "a"), (30, 39, "b")])


def plain(entries):
    return [tuple(entry) for entry in entries]


# ---- the ends, and the words


@kinds
@pytest.mark.parametrize("track_gaps", [True, False])
def test_every_key_can_be_stored(keys, track_gaps):
    t = MapleTree(keys=keys, track_gaps=track_gaps)
    for key in SPECIAL:
        t[key] = key
    for key in SPECIAL:
        assert t[key] == key
        assert plain([t.entry(key)]) == [(KINDS[keys](key), KINDS[keys](key), key)]
    assert t.covered == len(t) == len(SPECIAL)
    assert [int(entry.first) for entry in t] == SPECIAL
    assert [int(entry.first) for entry in reversed(t)] == SPECIAL[::-1]
    t.check()
    for key in SPECIAL:
        del t[key]
    assert not t and t.covered == 0


def test_one_range_over_everything():
    t = wide()
    t[:] = None
    assert plain(t) == [(0, TOP, None)]
    assert t.covered == 2**128
    assert list(t.gaps()) == []
    assert t[0] is None and t[TOP] is None and TOP in t and WORD in t
    (entry,) = t
    assert entry.size == entry.stop == 2**128
    assert t.next(0) is None and t.prev(TOP) is None
    assert t.fork().covered == t.dup().covered == pickle.loads(pickle.dumps(t)).covered == 2**128
    with pytest.raises(NoSpaceError):
        t.empty_area(1)
    assert t.erase(2**127) == (0, TOP, None)
    assert t.covered == 0 and not t and t.height == 0
    t.store_range(0, TOP, 1)
    del t[TOP]
    assert t.covered == TOP
    assert list(t.gaps()) == [(TOP, TOP)]
    del t[WORD]
    assert t.covered == TOP - 1
    del t[0]
    assert plain(t) == [(1, WORD - 1, 1), (WORD + 1, TOP - 1, 1)]
    t.check()


def test_covered_over_many_ranges_that_carry():
    """The sum needs more than 64 bits in many steps, and 129 at the end."""
    t = wide()
    t[:] = "all"
    for n in range(1, 200):
        t[n * 2**120 - 1 : n * 2**120 + 1] = n
    assert t.covered == 2**128
    expected = 2**128
    for n in range(1, 200):
        del t[n * 2**120 : (n << 120) + (n << 60)]
        expected -= n << 60 if n > 0 else 0
        assert t.covered == expected
    assert sum(entry.size for entry in t) == expected
    assert sum(gap.size for gap in t.gaps()) == 2**128 - expected
    t.check()


def test_the_top_of_the_key_space():
    t = wide()
    t[TOP:] = "top"
    t[TOP - 10 : TOP] = "below"
    assert plain(t) == [(TOP - 10, TOP - 1, "below"), (TOP, TOP, "top")]
    assert t.find(TOP) == t.find_rev(TOP) == t.next(TOP - 1) == (TOP, TOP, "top")
    assert t.prev(TOP) == (TOP - 10, TOP - 1, "below")
    assert plain(t[TOP - 1 :]) == [(TOP - 1, TOP - 1, "below"), (TOP, TOP, "top")]
    assert plain(t[TOP : 2**128]) == [(TOP, TOP, "top")]
    assert t.pop_range(TOP - 1, TOP) == [(TOP - 1, TOP - 1, "below"), (TOP, TOP, "top")]


def test_ranges_across_the_words():
    t = wide()
    t[WORD - 5 : WORD + 5] = "across"
    assert plain(t) == [(WORD - 5, WORD + 4, "across")]
    assert WORD - 6 not in t and WORD - 5 in t and WORD + 4 in t and WORD + 5 not in t
    # The same low words, other high words.
    for key in (WORD - 5, 2 * WORD - 5, WORD + 4 + WORD, (1 << 100) + 3, MAX):
        assert (key in t) is (WORD - 5 <= key <= WORD + 4)
    assert 5 not in t and 2**127 not in t
    t[WORD] = "one"
    assert plain(t) == [
        (WORD - 5, WORD - 1, "across"),
        (WORD, WORD, "one"),
        (WORD + 1, WORD + 4, "across"),
    ]
    assert plain(t[WORD - 1 : WORD + 1]) == [
        (WORD - 1, WORD - 1, "across"),
        (WORD, WORD, "one"),
    ]
    assert list(t.gaps(0, WORD)) == [Gap(0, WORD - 6)]
    assert t.erase(WORD) == (WORD, WORD, "one")
    assert list(t.gaps(WORD - 3, 2 * WORD)) == [Gap(WORD, WORD), Gap(WORD + 5, 2 * WORD)]


@pytest.mark.parametrize("high", [0, 1, 2**31, 2**63 - 1, 2**63, MAX])
@pytest.mark.parametrize("low", [0, 1, 2**31, 2**63 - 1, 2**63, MAX])
def test_words_are_compared_without_sign(high, low):
    """Keys whose words are small, large, and of either sign if read as signed."""
    random = seeded(f"words {high} {low}")
    middle = high << 64 | low
    others = {random.randrange(TOP + 1) for _ in range(200)} | set(SPECIAL) | {middle}
    others |= {(high ^ 1 << random.randrange(64)) << 64 | low for _ in range(20)}
    others |= {high << 64 | low ^ 1 << random.randrange(64) for _ in range(20)}
    keys = sorted(others)
    t = wide((key, key, key) for key in keys)
    t.check()
    assert [entry.value for entry in t] == keys
    for number, key in enumerate(keys):
        assert t[key] == key
        assert (t.next(key) or (None,))[0] == (keys[number + 1 : number + 2] or [None])[0]
        assert (t.prev(key) or (None,))[0] == (keys[max(number - 1, 0) : number] or [None])[0]
    assert list(t.load_many(keys)) == keys
    random.shuffle(keys)
    assert list(t.load_many(keys)) == keys


# ---- keys outside


@pytest.mark.parametrize("index", BELOW + ABOVE)
def test_writes_outside_are_refused_and_name_the_number(index):
    t = tree()
    for call in writes(t, index):
        with pytest.raises(ValueError, match=rf"(?<!\d){index} is outside 0 \.\.\. {TOP}"):
            call()
    assert t == tree()


@pytest.mark.parametrize("index", BELOW + ABOVE)
def test_nothing_is_there_outside(index):
    t = tree()
    assert t.get(index) is None and t.get(index, "d") == "d"
    assert index not in t and t.entry(index) is None
    assert list(t.load_many([index, 15], default="d")) == ["d", "a"]
    with pytest.raises(KeyError) as caught:
        t[index]
    assert caught.value.args == (index,)


@pytest.mark.parametrize("index", ["15", 1.0, b"1", [1], 1j], ids=repr)
def test_what_is_no_integer_is_a_type_error(index):
    t = tree()
    for call in [*look_ups(t, index), *writes(t, index)]:
        with pytest.raises(TypeError, match="must be an integer, not "):
            call()
    assert t == tree()


@pytest.mark.parametrize("index", BELOW)
def test_searches_from_below(index):
    t = tree()
    assert t.find(index) == (10, 19, "a") and t.find(index, 5) is None
    assert t.find_rev(index) is None and t.find_rev(15, index) == (10, 19, "a")
    assert t.next(index) == (10, 19, "a") and t.prev(index) is None
    assert plain(t.entries(index, 15)) == [(10, 19, "a")] and plain(t.entries(0, index)) == []
    assert plain(t.gaps(index, 15)) == [(0, 9)]
    assert t.is_free(index, 9) and not t.is_free(index, 10) and t.is_free(index, -1)
    assert plain(t[index:15]) == [(10, 14, "a")] and plain(t[:index]) == []
    assert t.empty_area(10, index, 15) == 0
    with pytest.raises(ValueError, match=f"index 7 is above last {index}"):
        t.find(7, index)


@pytest.mark.parametrize("index", ABOVE)
def test_searches_from_above(index):
    t = tree()
    assert t.find(index) is None and t.find(35, index) == (30, 39, "b")
    assert t.find_rev(index) == (30, 39, "b") and t.find_rev(index, 40) is None
    assert t.next(index) is None and t.prev(index) == (30, 39, "b")
    assert plain(t.entries(35, index)) == [(30, 39, "b")] and plain(t.entries(index)) == []
    assert plain(t.gaps(35, index)) == [(40, TOP)] and plain(t.gaps(index)) == []
    assert t.is_free(40, index) and not t.is_free(39, index) and t.is_free(index, index)
    assert not t.covers(index, index) and not t.covers(35, index)
    assert plain(t[35:index]) == [(35, 39, "b")] and plain(t[index:]) == []
    assert t.empty_area(5, 0, index, reverse=True) == TOP - 4
    with pytest.raises(NoSpaceError):
        t.empty_area(1, index)
    with pytest.raises(ValueError, match=f"index {index} is above last 7"):
        t.find(index, 7)


def test_slices_may_end_one_past_the_last_key():
    t = tree()
    t[TOP : 2**128] = "top"
    t[2**128 :] = "nothing"
    del t[2**128 : 2**128]
    assert t.entry(TOP) == (TOP, TOP, "top") and t.entry(TOP).stop == 2**128
    for number in [*BELOW, *ABOVE[1:]]:
        with pytest.raises(ValueError, match=f"{number} is outside 0 ... {2**128}"):
            t[min(number, 0) : max(number, 10)] = "x"
    with pytest.raises(ValueError, match=f"start {2**128} is above stop {TOP}"):
        t[2**128 : TOP]
    assert t[Index(TOP)] == "top" and plain(t[Index(12) : Index(14)]) == [(12, 13, "a")]


def test_first_above_last_names_both():
    t = tree()
    for call in (
        lambda: t.store_range(WORD, 10, "x"),
        lambda: t.entries(WORD, 10),
        lambda: t.empty_area(1, WORD, 10),
        lambda: t.cursor(WORD, 10),
        lambda: wide([(WORD, 10, "x")]),
    ):
        with pytest.raises(ValueError, match=f"first {WORD} is above last 10"):
            call()
    assert t == tree()


# ---- free room


def test_sizes_beyond_64_and_128_bits():
    t = wide()
    assert t.empty_area(2**128) == 0
    assert t.empty_area(2**127, reverse=True) == 2**127
    for size in (2**128 + 1, 2**129, 2**192, 10**50):
        with pytest.raises(NoSpaceError, match=f"no {size} free "):
            t.empty_area(size)
    t[2**100] = "x"
    with pytest.raises(NoSpaceError, match=f"no {2**128} free "):
        t.empty_area(2**128)
    assert t.empty_area(2**100) == 0
    assert t.empty_area(2**100 + 1) == 2**100 + 1
    assert t.empty_area(TOP - 2**100) == 2**100 + 1
    with pytest.raises(NoSpaceError):
        t.empty_area(TOP - 2**100 + 1)
    for size in (0, -1, -(2**128)):
        with pytest.raises(ValueError, match=f"size must be 1 or more, not {size}"):
            t.empty_area(size)
    assert wide().alloc_range(2**128, "all") == 0


@pytest.mark.parametrize("align", [2, 3, 10, 2**63, WORD, WORD + 1, 2**100, 2**127, TOP, 2**128])
@pytest.mark.parametrize("reverse", [False, True])
def test_alignment(align, reverse):
    """Against arithmetic, in a tree with a few entries."""
    t = wide([(0, 0, 0), (align, align, 1), (2**120, 2**120 + 5, 2)] if align < 2**119 else [])
    gaps = [(gap.first, gap.last) for gap in t.gaps()]
    for size in (1, 5, WORD, 2**100):
        found = []
        for first, last in gaps:
            start = -(-first // align) * align
            if reverse:
                start = (last - size + 1) // align * align
            if start >= first and start + size - 1 <= last:
                found.append(start)
        if found:
            expected = found[-1 if reverse else 0]
            assert t.empty_area(size, align=align, reverse=reverse) == expected
        else:
            with pytest.raises(NoSpaceError):
                t.empty_area(size, align=align, reverse=reverse)


@pytest.mark.parametrize("reverse", [False, True])
def test_prefixes_of_a_block(reverse):
    """Each free /64 of a /48, until there is none."""
    block = ipaddress.ip_network("2001:db8:7::/48")
    t = MapleTree(keys="ipv6")
    count = scaled(2000, least=100)
    taken = []
    window = {"first": block[0], "last": block[-1]}
    for _ in range(count):
        start = t.alloc_range(WORD, "n", align=WORD, reverse=reverse, **window)
        taken.append((int(start) - int(block[0])) // WORD)
    expected = range(2**16 - 1, 2**16 - 1 - count, -1) if reverse else range(count)
    assert taken == list(expected)
    t[block] = "all"
    with pytest.raises(NoSpaceError, match=f"no {WORD} free indices in .2001:db8:7::, "):
        t.empty_area(WORD, align=WORD, **window)


def test_cyclic_allocation_comes_round():
    t = wide()
    following = TOP - 1
    found = []
    for _ in range(4):
        key, following, wrapped = t.alloc_cyclic("x", first=WORD, next=following)
        found.append((key, following, wrapped))
    expected = [(TOP - 1, TOP, False), (TOP, 0, False), (WORD, WORD + 1, True)]
    assert found == [*expected, (WORD + 1, WORD + 2, False)]


# ---- nodes and sizes


@pytest.mark.parametrize("track_gaps", [True, False])
def test_nodes(track_gaps):
    t = wide(track_gaps=track_gaps)
    empty = t.nbytes
    for key in range(1000):
        t[key << 60] = key
    assert t.nbytes == empty + 512 * t.node_count
    assert t.__sizeof__() == t.nbytes <= sys.getsizeof(t, t.nbytes)
    assert t.dump().count(" slots, ") == t.node_count
    assert f"[{999 << 60}, {999 << 60}]" in t.dump() and f"{999 << 60:x}" in t.dump(hex=True)


@pytest.mark.skipif(PURE, reason="compares the extension with the pure-Python tree")
@pytest.mark.parametrize("track_gaps", [True, False])
def test_both_implementations_have_the_same_nodes(track_gaps):
    random = seeded(f"wide nodes {track_gaps}")
    other = _pure.MapleTree(keys="uint128", track_gaps=track_gaps)
    t = wide(track_gaps=track_gaps)
    for number in range(600):
        first = random.randrange(2**70)
        stop = first + random.choice([1, 5, 2**60])
        for each in (t, other):
            each[first:stop] = number
    assert plain(t) == plain(other)
    one, two = (
        wide(t.entries(), track_gaps=track_gaps),
        _pure.MapleTree(t.entries(), keys="uint128", track_gaps=track_gaps),
    )
    assert (one.height, one.node_count) == (two.height, two.node_count)


def test_sorted_input_makes_full_nodes():
    t = wide((2 * key, 2 * key, key) for key in range(20 * 20))
    # A leaf has 20 slots, and each entry here needs two: its own and a gap's.
    assert t.node_count <= 400 * 2 / 19 + 5
    t.check()


# ---- copies, iterators, the collector


@pytest.fixture
def nothing_is_left():
    collect()
    before = live_nodes()
    yield
    collect()
    assert live_nodes() == before


@pytest.mark.usefixtures("nothing_is_left")
@pytest.mark.parametrize("way", [MapleTree.fork, MapleTree.dup, copy.copy, copy.deepcopy])
def test_a_copy_is_equal_and_independent(way):
    t = wide((key << 62, (key << 62) + 5, key) for key in range(500))
    u = way(t)
    assert u == t and u.keys_dtype == "uint128" and u.covered == t.covered
    u[5 : 2**80] = "u"
    t[2**90] = "t"
    assert len(u) < len(t) and 2**90 not in u and t[1 << 62] == 1
    for each in (t, u):
        each.check()
    assert list(t.diff(u))


@pytest.mark.usefixtures("nothing_is_left")
@counts_references
def test_no_reference_stays():
    value = object()
    start = references([value])
    t = wide()
    t.store_range(10, 2**100, value)
    t[50] = value
    t[WORD : WORD + 5] = None
    u, v, w = t.fork(), t.dup(), t[0:WORD]
    list(u), list(v.gaps()), repr(w), t == u, copy.copy(t), t.pop_range(0, WORD), t.erase(2**99)
    t.insert_range(1, 2, value)
    t.alloc_range(2**66, value)
    t.cursor(1).store(value)
    t.load_many([1, 2, 2**99], None)
    t.clear()
    v[5:] = None
    assert references([value]) > start
    del u, v, w
    assert references([value]) == start


class Value:
    def __init__(self, held=None):
        self.held = held


@pytest.mark.usefixtures("nothing_is_left")
def test_families_in_cycles():
    for count in (1, 100):
        t = wide((key << 64, key << 64, Value()) for key in range(count))
        u = t.fork()
        for each, other in ((t, u), (u, t)):
            each[2**127] = Value([other, iter(other), other.cursor(), other.lock])
        gone = [weakref.ref(each) for each in (t, u)]
        gone += [weakref.ref(each[0]) for each in (t, u)]
        collect()
        assert all(reference() is not None for reference in gone)
        del t, u, each, other
        collect()
        assert [reference() for reference in gone] == [None] * 4


@pytest.mark.usefixtures("nothing_is_left")
def test_a_fork_that_is_alive_keeps_what_is_shared():
    t = wide((key << 64, key << 64, Value(key)) for key in range(100))
    u = t.fork()
    t[2**127] = Value(t)
    del t
    collect()
    assert [entry.value.held for entry in u] == list(range(100))


@pytest.mark.usefixtures("nothing_is_left")
def test_an_iterator_outlives_its_tree():
    t = wide((key << 64, key << 64, key) for key in range(100))
    found, backwards, gaps = iter(t), reversed(t), t.gaps()
    assert next(found) == (0, 0, 0)
    t.clear()
    del t
    collect()
    assert [entry.value for entry in found] == list(range(1, 100))
    assert [entry.value for entry in backwards] == list(range(99, -1, -1))
    assert len(list(gaps)) == 100
    assert next(found, None) is None


@pytest.mark.usefixtures("nothing_is_left")
def test_trees_of_both_widths_hold_each_other():
    """They share the pool, and the collector sees through both."""
    narrow, t = MapleTree(), wide()
    for key in range(300):
        narrow[3 * key] = t if key == 150 else key
        t[key << 70] = narrow if key == 150 else key
    gone = weakref.ref(narrow), weakref.ref(t)
    fork = narrow.fork()
    del narrow, t
    collect()
    assert fork[450][150 << 70][3 * 7] == 7
    del fork
    collect()
    assert [reference() for reference in gone] == [None, None]


@counts_references
@pytest.mark.usefixtures("nothing_is_left")
def test_deep_nesting_ends_without_using_up_the_stack():
    t = wide()
    for _ in range(DEEP):
        t = wide([(2**127, TOP, t)])
    del t
    gc.collect()


# ---- pickles


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("count", [0, 1, 21, 1000])
def test_pickles(protocol, count):
    t = wide(((key << 63, (key << 63) + 5, f"v{key}") for key in range(count)), track_gaps=False)
    u = pickle.loads(pickle.dumps(t, protocol))
    assert u == t and u.covered == t.covered and not u.track_gaps and u.keys_dtype == "uint128"
    u.check()


def test_the_format():
    t = wide([(1, WORD, "a"), (2**127, TOP, "b")])
    state = t.__reduce__()[2]
    firsts = b"".join(key.to_bytes(16, "little") for key in (1, 2**127))
    lasts = b"".join(key.to_bytes(16, "little") for key in (WORD, TOP))
    assert state == (5, True, firsts, lasts, ["a", "b"], None, None, None, "uint128")
    u = wide()
    u.__setstate__(state)
    assert u == t


GOOD = (5, True, bytes(16), bytes([5]) + bytes(15), ["a"], None, None, None, "uint128")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({2: bytes(8)}, ValueError),
        ({3: bytes(24)}, ValueError),
        ({2: bytes(32)}, ValueError),
        ({2: bytes(15) + b"\x01"}, ValueError),  # first above last
        ({4: []}, ValueError),
        ({4: ["a", "b"]}, ValueError),
        ({8: "uint64"}, ValueError),
        ({8: "int128"}, ValueError),
        ({8: 5}, (TypeError, ValueError)),
        ({8: None}, (TypeError, ValueError)),
        ({0: 6}, ValueError),
        ({0: 4}, ValueError),
    ],
)
def test_a_forged_state_is_refused(change, error):
    state = list(GOOD)
    for place, item in change.items():
        state[place] = item
    t = wide()
    with pytest.raises(error):
        t.__setstate__(tuple(state))
    assert not t
    t.__setstate__(GOOD)
    assert plain(t) == [(0, 5, "a")]
    with pytest.raises(ValueError, match="this tree has keys 'uint64', not 'uint128'"):
        MapleTree().__setstate__(GOOD)


def test_codes_of_a_forged_state_must_be_keys():
    for keys, top in (("ipv4", 2**32 - 1), ("date", 3652058), ("float64", 2 * 0x7FF0 << 48)):
        good, bad = (top).to_bytes(8, "little"), (top + 1).to_bytes(8, "little")
        for code in (good, bad):
            t = MapleTree.__new__(MapleTree)
            state = (5, True, code, code, ["a"], None, None, None, keys)
            if code is good:
                t.__setstate__(state)
                assert t.last_entry().first == t.last_key
                continue
            with pytest.raises(ValueError):
                t.__setstate__(state)
            assert not t
            t.check()


# ---- other methods that meet both words


def test_errors_name_the_whole_key():
    t = wide([(WORD, 2**100, "a")])
    with pytest.raises(RangeOccupiedError) as caught:
        t.insert_range(0, TOP, "x")
    error = caught.value
    assert error.entry == Entry(WORD, 2**100, "a") and (error.first, error.last) == (0, TOP)
    assert str(error) == f"[0, {TOP}] is not free: [{WORD}, {2**100}] has a value"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    with pytest.raises(KeyError, match=str(2**101)):
        del t[2**101]


@pytest.mark.parametrize("dtype", ["u8", "i8", "f8"])
def test_arithmetic_over_both_words(dtype):
    t = wide(dtype=dtype)
    t.accumulate(WORD - 2, WORD + 2, 5)
    t.accumulate(WORD, 2**127, 2)
    t.accumulate_many([0, TOP, WORD + 1], [WORD, TOP, WORD + 1], 1)
    assert plain(t) == [
        (0, WORD - 3, 1),
        (WORD - 2, WORD - 1, 6),
        (WORD, WORD, 8),
        (WORD + 1, WORD + 1, 8),
        (WORD + 2, WORD + 2, 7),
        (WORD + 3, 2**127, 2),
        (TOP, TOP, 1),
    ]
    t.check()


def test_offsets_count_keys_beyond_64_bits():
    t = wide([(0, TOP, 7)], policy=OFFSET)
    t[2**100] = 5
    assert plain(t) == [(0, 2**100 - 1, 7), (2**100, 2**100, 5), (2**100 + 1, TOP, 2**100 + 8)]


def test_set_operations_and_differences():
    random = seeded("wide sets")
    for _ in range(scaled(200, least=10)):
        sets, trees = [], []
        for _ in range(2):
            chosen = random.sample(SPECIAL, random.randrange(len(SPECIAL)))
            sets.append(set(chosen))
            trees.append(wide((key, key, "v") for key in sorted(chosen)))
        (a, b), (t, u) = sets, trees
        assert {e.first for e in t | u} == a | b
        assert {e.first for e in t & u} == a & b
        assert {e.first for e in t - u} == a - b
        assert {e.first for e in t.diff(u)} <= a ^ b
        assert sum(change.size for change in t.diff(u)) == len(a ^ b)
        assert (t == u) is (a == b)


def test_custom_keys_of_128_bits():
    t = MapleTree(keys=WORDS)
    t[b"a" * 16 : b"b" * 16] = "a"
    assert t[b"azzzzzzzzzzzzzzz"] == "a" and t.get(b"b" * 16) is None
    assert t.entry(b"a" * 16).stop == b"b" * 16
    assert t.covered == int.from_bytes(b"b" * 16, "big") - int.from_bytes(b"a" * 16, "big")
    assert t.first_key == bytes(16) and t.last_key == b"\xff" * 16
    t[:] = "all"
    assert t.first_entry().stop is None and t.covered == 2**128
