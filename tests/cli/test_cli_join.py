# SPDX-License-Identifier: MIT
"""`samara join`: files of each kind in and out, layouts of IP ranges, and messages."""

import bz2
import csv
import gzip
import io
import subprocess
import sys

import pytest

from interpreter import scaled
from samara.cli import main

pa = pytest.importorskip("pyarrow")
pytest.importorskip("narwhals")
pq = pytest.importorskip("pyarrow.parquet")

PRICES = "since,until,price,name\n2026-01-01,2026-02-01,9.5,winter\n2026-02-01,2026-03-01,8,sale\n"
ORDERS = 'at,note\n2026-01-05,"a, b"\n,"say ""hi"""\n2026-02-28,\n2027-01-01,"two\nlines"\n'
JOINED = [
    ["at", "note", "price", "name"],
    ["2026-01-05", "a, b", "9.5", "winter"],
    ["", 'say "hi"', "", ""],
    ["2026-02-28", "", "8", "sale"],
    ["2027-01-01", "two\nlines", "", ""],
]
BOUNDS = ["--first", "since", "--end", "until", "--on", "at"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices.csv").write_text(PRICES)
    (tmp_path / "orders.csv").write_text(ORDERS)
    return tmp_path


def rows_of(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def test_standard_output(folder, capsys):
    assert main(["join", "prices.csv", "orders.csv", *BOUNDS]) == 0
    out, err = capsys.readouterr()
    assert rows_of(out) == JOINED
    # Only what needs quotes has them.
    assert '2026-01-05,"a, b",9.5,winter\n' in out
    assert err.startswith("samara join: 4 rows in ")


def test_inner_and_chosen_columns(folder, capsys):
    options = ["--how", "inner", "--columns", "name,price"]
    assert main(["join", "prices.csv", "orders.csv", *BOUNDS, *options]) == 0
    assert rows_of(capsys.readouterr().out) == [
        ["at", "note", "name", "price"],
        ["2026-01-05", "a, b", "winter", "9.5"],
        ["2026-02-28", "", "sale", "8"],
    ]


def write_orders(path):
    table = pa.table(
        {
            "at": pa.array([row[0] or None for row in JOINED[1:]]).cast(pa.date32()),
            "note": [row[1] for row in JOINED[1:]],
        }
    )
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        kind = pa.ipc.new_stream if path.stem == "stream" else pa.ipc.new_file
        with pa.OSFile(str(path), "wb") as sink, kind(sink, table.schema) as writer:
            writer.write_table(table, 3)


@pytest.mark.parametrize("name", ["o.parquet", "o.arrow", "stream.arrow", "o.csv.gz", "o.csv.bz2"])
def test_files_that_come_in(folder, capsys, name):
    path = folder / name
    if ".csv" in name:
        opener = gzip.open if name.endswith("gz") else bz2.open
        with opener(path, "wt") as file:
            file.write(ORDERS)
    else:
        write_orders(path)
    assert main(["join", "prices.csv", name, *BOUNDS]) == 0
    assert rows_of(capsys.readouterr().out) == JOINED


@pytest.mark.parametrize(
    "name", ["out.csv", "out.tsv", "out.csv.gz", "out.csv.bz2", "out.parquet", "out.arrow"]
)
def test_files_that_go_out(folder, capsys, name):
    assert main(["join", "prices.csv", "orders.csv", *BOUNDS, "-o", name]) == 0
    assert capsys.readouterr().out == ""
    path = folder / name
    if "sv" in name:
        opener = {".gz": gzip.open, ".bz2": bz2.open}.get(path.suffix, open)
        with opener(path, "rt", newline="") as file:
            delimiter = "\t" if "tsv" in name else ","
            assert list(csv.reader(file, delimiter=delimiter)) == JOINED
    else:
        if name == "out.parquet":
            table = pq.read_table(path)
        else:
            table = pa.ipc.open_file(path).read_all()
        assert table["price"].to_pylist() == [9.5, None, 8.0, None]
        assert table["at"].to_pylist() == [row[0] for row in JOINED[1:]]
    assert sorted(file.name for file in folder.iterdir()) == sorted(
        {"prices.csv", "orders.csv", name}
    )


def test_tables_that_samara_has_written(folder, capsys):
    from samara.frames import RangeTable
    from samara.frames.batches import read_whole

    table = RangeTable.from_frame(read_whole("prices.csv"), first="since", end="until")
    table.write_parquet("prices.parquet")
    table.write_ipc("prices.arrow")
    for name in ("prices.parquet", "prices.arrow"):
        assert main(["join", name, "orders.csv", "--on", "at"]) == 0
        assert rows_of(capsys.readouterr().out) == JOINED


def test_many_batches(folder, capsys):
    """A file of several blocks has the rows of one; messages count rows of the whole file."""
    count = scaled(400_000)
    lines = [f"{n % 1000},{'x' * 20}" for n in range(count)]
    (folder / "many.csv").write_text("key,text\n" + "\n".join(lines) + "\n")
    (folder / "t.csv").write_text("a,b,v\n0,499,7\n600,998,8\n")
    options = ["--first", "a", "--last", "b", "--on", "key"]
    assert main(["join", "t.csv", "many.csv", *options]) == 0
    rows = rows_of(capsys.readouterr().out)[1:]
    values = [
        ("7" if n % 1000 < 500 else "8" if 600 <= n % 1000 < 999 else "") for n in range(count)
    ]
    assert [row[2] for row in rows] == values
    (folder / "many.csv").write_text("key,text\n" + "\n".join([*lines, "no,x"]) + "\n")
    assert main(["join", "t.csv", "many.csv", *options, "-o", "out.csv"]) == 2
    assert f"row {count} of 'key': 'no' is no int64" in capsys.readouterr().err
    assert not (folder / "out.csv").exists() and not (folder / "out.csv.part").exists()
    assert main(["join", "t.csv", "many.csv", *options, "-o", "out.csv", "--skip-invalid"]) == 0
    assert (folder / "out.csv").read_text().endswith("\nno,x,\n")


def test_standard_input(folder):
    command = [sys.executable, "-m", "samara", "join", "prices.csv", "-", *BOUNDS]
    found = subprocess.run(command, input=ORDERS, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert rows_of(found.stdout) == JOINED


def test_no_rows(folder, capsys):
    (folder / "none.csv").write_text("at,note\n")
    assert main(["join", "prices.csv", "none.csv", *BOUNDS]) == 0
    assert rows_of(capsys.readouterr().out) == JOINED[:1]


@pytest.mark.parametrize(
    ("table", "keys", "expected"),
    [
        ("a,b,v\n1.5,2.5,x\n", ["1.5", "2.4", "2.5", ""], ["x", "x", "", ""]),
        ("a,b,v\n5,10,x\n", ["5", "10", "-3", "9"], ["x", "", "", "x"]),
        (
            "a,b,v\n2026-01-01 10:00:00,2026-01-01 11:00:00,x\n",
            ["2026-01-01T10:59:59.999999", "2026-01-01 11:00:00", "2026-01-01", "x"],
            ["x", "", "", ""],
        ),
        (
            "a,b,v\n2026-01-01T10:00:00Z,2026-01-01T11:00:00Z,x\n",
            ["2026-01-01T12:30:00+02:00", "2026-01-01T10:30:00Z"],
            ["x", "x"],
        ),
    ],
)
def test_kinds_of_keys(folder, capsys, table, keys, expected):
    (folder / "t.csv").write_text(table)
    (folder / "k.csv").write_text("k,n\n" + "".join(f"{key},1\n" for key in keys))
    options = ["--first", "a", "--end", "b", "--on", "k", "--skip-invalid"]
    assert main(["join", "t.csv", "k.csv", *options]) == 0
    assert [row[2] for row in rows_of(capsys.readouterr().out)[1:]] == expected


LOG = "client,n\n1.0.0.7,1\n2001:200::5,2\n::ffff:1.0.0.7,3\n,4\n16777223,5\n9.9.9.9,6\n"
COUNTRIES = ["AU", "JP", "AU", "", "AU", ""]


@pytest.mark.parametrize(
    "files",
    [
        # Debian's tor-geoipdb
        {"geoip": "# c\n#\n16777216,16777471,AU\n", "geoip6": "# c\n2001:200::,2001:200::9,JP\n"},
        # text, with a header and without
        {"a.csv": "start,end,country\n1.0.0.0,1.0.0.255,AU\n2001:200::,2001:200::9,JP\n"},
        {"a.csv": '"1.0.0.0","1.0.0.255","AU"\n"2001:200::","2001:200::9","JP"\n'},
        # numbers, and of 128 bits
        {
            "4.csv": '"16777216","16777471","AU"\n',
            "6.csv": f"{0x20010200 << 96},{(0x20010200 << 96) + 9},JP\n",
        },
        {
            "6.csv": f"{0xFFFF01000000},{0xFFFF010000FF},AU\n"
            f"{0x20010200 << 96},{0x20010201 << 96},JP\n"
        },
        # networks, some inside others
        {"n.csv": "network,country\n1.0.0.0/24,AU\n1.0.0.0/8,\n2001:200::/32,JP\n"},
        {"n.csv": "1.0.0.0/24,AU\n2001:200::/32,JP\n"},
        {"n.csv": "1.0.0.0/24;AU\n2001:200::/32;JP\n"},
        {"n.csv": "\ufeff1.0.0.0/24\tAU\r\n2001:200::/32\tJP\r\n"},
    ],
)
def test_layouts_of_ip_ranges(folder, capsys, files):
    (folder / "geo").mkdir()
    for name, text in files.items():
        (folder / "geo" / name).write_bytes(text.encode())
    (folder / "log.csv").write_text(LOG)
    assert main(["join", "--geoip", "geo", "log.csv", "--on", "client"]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert [row[2] for row in rows] == ["country", *COUNTRIES]


def test_columns_without_a_header(folder, capsys):
    (folder / "g.csv").write_text("1.0.0.0,1.0.0.255,AU,Sydney,x\n")
    (folder / "log.csv").write_text("client\n1.0.0.1\n")
    assert main(["join", "--geoip", "g.csv", "log.csv", "--on", "client"]) == 0
    assert capsys.readouterr().out == "client,column3,column4,column5\n1.0.0.1,AU,Sydney,x\n"


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        (["prices.csv", "orders.csv", "--on", "at"], 2, "name the bounds of TABLE: --first and"),
        (["prices.csv", "none.csv", *BOUNDS], 1, "none.csv: No such file or directory"),
        (["none.csv", "orders.csv", *BOUNDS], 1, "none.csv"),
        (["--geoip", "none", "orders.csv", "--on", "at"], 1, "none"),
        (["prices.csv", "orders.xls", *BOUNDS], 2, "orders.xls: the name must end in one of"),
        (["prices.csv", "orders.csv", *BOUNDS, "-o", "x.doc"], 2, "x.doc: the name must end in"),
        (["prices.csv", "orders.csv", *BOUNDS, "-o", "no/x.csv"], 1, "No such file or directory"),
        (["prices.csv", "orders.csv", *BOUNDS[:-1], "ate"], 2, "no column 'ate' in the frame; did"),
        (["prices.csv", "orders.csv", *BOUNDS, "--last", "x"], 2, "give first and one of last and"),
        (["prices.csv", "orders.csv", *BOUNDS, "--columns", "cost"], 2, "no column 'cost'"),
        (["prices.csv", "empty.csv", *BOUNDS], 2, "empty.csv: the file is empty"),
        (["prices.csv", "bad.parquet", *BOUNDS], 2, "bad.parquet: "),
        (["bad.arrow", "orders.csv", "--on", "at"], 2, "bad.arrow"),
        (["prices.csv", "ragged.csv", *BOUNDS], 2, "ragged.csv: CSV parse error"),
        (["--geoip", "prices.csv", "orders.csv", "--on", "at"], 2, "does not begin with an addr"),
        (["--geoip", "empty.csv", "orders.csv", "--on", "at"], 2, "there is no range in it"),
        (["--geoip", "x", "orders.csv", "--on", "at", "--first", "y"], 2, "by itself: leave"),
        (["--geoip", "mixed.csv", "orders.csv", "--on", "at"], 2, "row 1 of mixed.csv: last: 'x'"),
    ],
)
def test_messages(folder, capsys, command, status, message):
    (folder / "empty.csv").write_text("")
    (folder / "bad.parquet").write_text("not one")
    (folder / "bad.arrow").write_text("not one")
    (folder / "ragged.csv").write_text("at,note\n1,2\n1,2,3\n")
    (folder / "mixed.csv").write_text("1.0.0.0,1.0.0.1,A\n1.0.1.0,x,A\n")
    assert main(["join", *command]) == status
    out, err = capsys.readouterr()
    assert err.startswith("samara join: ") and message in err and err.count("\n") == 1
