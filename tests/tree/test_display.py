# SPDX-License-Identifier: MIT
"""A tree looks short in a prompt, a notebook and rich, however many ranges it has."""

import datetime
import html.parser
import math
from ipaddress import IPv4Address

import pytest
from rich import pretty

from samara import MAX, MapleTree


def tree(count, **options):
    return MapleTree(((10 * n, 10 * n + 9, n) for n in range(count)), **options)


def test_a_long_repr():
    t = tree(20)
    assert eval(repr(t)) == t and repr(t).count("(") == 22 - 1
    t[200] = 20
    assert repr(t) == (
        "<MapleTree of 21 ranges: (0, 9, 0), (10, 19, 1), (20, 29, 2), ..., "
        "(180, 189, 18), (190, 199, 19), (200, 200, 20)>"
    )
    with pytest.raises(SyntaxError):
        eval(repr(t))


def test_a_long_repr_has_the_options():
    options = {"dtype": "i8", "track_gaps": False}
    assert repr(tree(50, **options)).startswith(
        "<MapleTree of 50 ranges, dtype='i8', track_gaps=False: (0, 9, 0), "
    )
    assert repr(tree(50, dtype="f8")).endswith(" (490, 499, 49.0)>")


def test_a_long_repr_of_a_subclass():
    class Named(MapleTree):
        def __len__(self):
            return 5

    assert repr(Named(tree(30))).startswith("<Named of 30 ranges: ")


def test_a_repr_after_a_write_that_dropped_shared_nodes():
    """The tree does not know its number of ranges then, and counts again."""
    t = tree(5000)
    relative = t.fork()
    del t[100:40_000]
    assert repr(t).startswith("<MapleTree of 1010 ranges: ")
    assert repr(relative).startswith("<MapleTree of 5000 ranges: ")
    t[MAX] = t
    assert repr(t).endswith(f", ({MAX}, {MAX}, ...)>")


def test_values_that_write_their_tree_are_shown_as_they_were():
    class Clears:
        def __repr__(self):
            t.clear()
            return "clears"

    t = MapleTree((n, n, Clears()) for n in range(30))
    text = repr(t)
    assert text.startswith("<MapleTree of 30 ranges: (0, 0, clears), (1, 1, clears), ")
    assert text.endswith(" (29, 29, clears)>") and not t


class Table(html.parser.HTMLParser):
    """The cells of a table, by row; and the text after it."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.after, self.open = [], "", []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        assert all(name == "style" and "url" not in value for name, value in attributes)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] in (["td"], ["th"]):
            self.rows[-1].append(data)
        elif self.open[-1:] == ["p"]:
            self.after += data


def test_a_repr_has_the_keys():
    t = MapleTree([("10.0.0.0", "10.0.0.9", "a")], keys="ipv4", dtype=None)
    assert repr(t) == (
        "MapleTree([(IPv4Address('10.0.0.0'), IPv4Address('10.0.0.9'), 'a')], keys='ipv4')"
    )
    assert eval(repr(t), {"MapleTree": MapleTree, "IPv4Address": IPv4Address}) == t
    t = MapleTree([(-0.0, 1.5, 2)], keys="float64", dtype="u8", track_gaps=False)
    assert repr(t) == "MapleTree([(0.0, 1.5, 2)], keys='float64', dtype='u8', track_gaps=False)"
    t = MapleTree(((n, n, n) for n in range(-20, 20, 2)), keys="int64")
    t[50] = 1
    assert repr(t).startswith("<MapleTree of 21 ranges, keys='int64': (-20, -20, -20), (-18, ")


class Texts:
    """A KeyType: texts of up to 8 characters."""

    name = "texts"
    bits = 64

    def encode(self, key):
        return int.from_bytes(key.encode("ascii").ljust(8, b"\0"), "big")

    def decode(self, code):
        return code.to_bytes(8, "big").rstrip(b"\0").decode("latin-1")


def test_keys_in_a_notebook():
    day = datetime.date(2024, 2, 28)
    table = Table(MapleTree([(day, day + datetime.timedelta(2), "a")], keys="date")._repr_html_())
    assert table.rows[1:] == [["2024-02-28", "2024-03-01", "3 days, 0:00:00", "'a'"]]
    assert table.after == "MapleTree of 1 range, keys='date'"
    table = Table(MapleTree([(-1.0, math.inf, 5)], keys="float64")._repr_html_())
    assert table.rows[1:] == [["-1.0", "inf", "5"]]  # the size is empty
    table = Table(MapleTree([("<b>", "<b>", 5)], keys=Texts())._repr_html_())
    assert table.rows[1:] == [["<b>", "<b>", "1", "5"]]


def test_keys_in_rich():
    t = MapleTree([("::1", "::2", "a")], keys="ipv6")
    assert pretty.pretty_repr(t) == (
        "MapleTree([(IPv6Address('::1'), IPv6Address('::2'), 'a')], keys='ipv6')"
    )
    assert pretty.pretty_repr(MapleTree(keys=Texts())).startswith("MapleTree([], keys=<test_disp")


def test_in_a_notebook():
    t = MapleTree([(0, 9, "<b>&"), (MAX, MAX, None)])
    assert "<b>" not in t._repr_html_()
    table = Table(t._repr_html_())
    assert table.rows == [
        ["first", "last", "size", "value"],
        ["0", "9", "10", "'<b>&'"],
        [str(MAX), str(MAX), "1", "None"],
    ]
    assert table.after == "MapleTree of 2 ranges"
    assert Table(MapleTree([(5, 5, 1)], dtype="f8")._repr_html_()).after == (
        "MapleTree of 1 range, dtype='f8'"
    )
    assert len(Table(MapleTree()._repr_html_()).rows) == 1


def test_a_long_tree_in_a_notebook():
    assert len(Table(tree(20)._repr_html_()).rows) == 1 + 20
    table = Table(tree(21, track_gaps=False)._repr_html_())
    assert [row[0] for row in table.rows[1:]] == ["0", "10", "20", "...", "180", "190", "200"]
    assert table.rows[4] == ["..."] * 4
    assert table.after == "MapleTree of 21 ranges, track_gaps=False"


def test_a_long_value_in_a_notebook():
    for length, shown in ((198, f"'{'x' * 198}'"), (199, f"'{'x' * 199}...")):
        table = Table(MapleTree([(1, 1, "x" * length)])._repr_html_())
        assert table.rows[1][3] == shown


def test_in_rich():
    t = MapleTree([(0, 9, "a"), (20, 29, "b")])
    assert pretty.pretty_repr(t, max_width=200) == repr(t)
    t = MapleTree([(0, 9, 1)], dtype="u8", track_gaps=False)
    assert pretty.pretty_repr(t, max_width=200) == repr(t)
    assert pretty.pretty_repr(MapleTree()) == "MapleTree([])"
    t[20] = 5
    assert len(pretty.pretty_repr(t, max_width=20).splitlines()) == 12


def test_a_long_tree_in_rich():
    text = pretty.pretty_repr(tree(21, dtype="u8"), max_width=200)
    assert text == (
        "MapleTree(ranges=21, entries=[(0, 9, 0), (10, 19, 1), (20, 29, 2), ..., "
        "(180, 189, 18), (190, 199, 19), (200, 209, 20)], dtype='u8')"
    )
    with pytest.raises(TypeError):
        eval(text)


def test_a_tree_in_itself():
    t = MapleTree()
    t[5] = t
    assert pretty.pretty_repr(t) == "MapleTree([(5, 5, ...)])"
    assert Table(t._repr_html_()).rows[1][3] == "MapleTree([(5, 5, ...)])"
