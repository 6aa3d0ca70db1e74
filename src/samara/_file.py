# SPDX-License-Identifier: MIT
"""The files of `MapleTree.save()` and `load()`, for both implementations.

A file is a ZIP archive of uncompressed members, as numpy's .npz files are:

    samara.json    a JSON object: format, version, keys, dtype, track_gaps, policy
    first.npy      the code of the first key of each range, in ascending order
    last.npy       the code of the last key of each range
    values.npy     the values of a packed tree; otherwise their places in the table
    table.json     not for a packed tree: a JSON list of the distinct values

The arrays have 64-bit items, little-endian. Codes of 128 bits are two of them, the low word first,
in arrays of the shape (n, 2). Keys of "uint64" are their own codes; a file of these has version 1
and no member `keys`, so any samara can read it. Of a KeyType, the file has the name and the bits.

`encode` says how values become JSON. Lists and dicts
that are different objects have entries of their own in the table, so they are also different
objects after loading.

What is read comes from outside: everything is checked, sizes before anything is made of them. A
file is read once and not copied again, and the arrays are built into a tree in place.
"""

import base64
import errno
import json
import math
import os
import re
import secrets
import stat
import struct
import sys
import zipfile
import zlib
from array import array
from collections.abc import Callable
from io import BytesIO
from typing import Any, BinaryIO, Final, NamedTuple, NoReturn, TypeVar

from samara._arguments import MAX
from samara._errors import FileFormatError, type_name
from samara._keys import UINT64, Kind, kind_of
from samara._policy import COALESCE, OFFSET

T = TypeVar("T")
Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

FORMAT: Final = "samara.MapleTree"
PLAIN: Final = 1  # version of a file with keys of "uint64"
VERSION: Final = 2  # of others
DESCRIPTION: Final = "samara.json"
TABLE: Final = "table.json"
ARRAYS: Final = ("first.npy", "last.npy", "values.npy")
CODES: Final[dict[str, Any]] = {"u8": "Q", "i8": "q", "f8": "d"}  # of memoryview.cast()
POLICIES: Final[dict[str, Any]] = {"COALESCE": COALESCE, "OFFSET": OFFSET}  # samara's own
OTHER: Final = "other"
DEEPEST: Final = 100  # levels of nested values
WIDEST: Final = 64  # bits of an integer that is written as a JSON number
ALIGNMENT: Final = 64  # of the arrays in the file
LOCAL_HEADER: Final = struct.Struct("<4s22xHH")  # signature, sizes of the name and of the extra
NPY: Final = re.compile(
    rb"\x93NUMPY\x01\x00(..)\{'descr': '<([uif]8)', 'fortran_order': False, "
    rb"'shape': \((\d{1,19}),( 2|)\), \} *\n",
    re.DOTALL,
)


class Columns(NamedTuple):
    """What a tree consists of.

    `first` and `last` are words in this machine's order, one for each range; for codes of 128 bits
    two, the low one first. The values of a packed tree are words too. Others are a list.
    """

    first: Any
    last: Any
    values: Any
    keys: Any  # as MapleTree(keys=...) takes it
    dtype: str | None
    track_gaps: bool
    policy: Any


# ---- values as JSON ------------------------------------------------------------------------------


class Table:
    """The distinct values of a tree: equal ones once, unless they can change."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.strings: dict[str, int] = {}  # a short cut for the most frequent kind of values
        self.places: dict[str | int, int] = {}  # by text; by id if the value can change

    def place_of(self, value: Any) -> int:
        if type(value) is str:
            place = self.strings.get(value)
            if place is None:
                place = self.strings[value] = self.append(text_of(value))
            return place
        text = text_of(value)
        key = id(value) if can_change(value) else text
        if key not in self.places:
            self.places[key] = self.append(text)
        return self.places[key]

    def append(self, text: str) -> int:
        self.texts.append(text)
        return len(self.texts) - 1

    def to_json(self) -> bytes:
        return ("[" + ",\n".join(self.texts) + "]").encode("ascii")


def text_of(value: Any) -> str:
    return json.dumps(encode(value, DEEPEST), separators=(",", ":"))


def can_change(value: Any) -> bool:
    if type(value) is tuple:
        return any(map(can_change, value))
    return type(value) in (list, dict)


def encode(value: Any, levels: int) -> Any:
    """Return what stands for a value in JSON.

    None, bool, and str without surrogates are themselves; so are a finite float, an int of up to
    64 bits, and a list. Everything else is an object with one member, whose name is the type.
    """
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if value.bit_length() <= WIDEST else {"int": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"float": struct.pack(">d", value).hex()}
    if kind is str:
        if value.isascii() or not re.search("[\ud800-\udfff]", value):
            return value
        return {"str": value.encode("utf-8", "surrogatepass").hex()}
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode("ascii")}
    if kind not in (tuple, list, dict):
        raise TypeError(type_name(value))
    if not levels:
        raise ValueError
    below = levels - 1
    if kind is list:
        return [encode(member, below) for member in value[:]]
    if kind is tuple:
        return {"tuple": [encode(member, below) for member in value]}
    members = list(value.items())
    for key, _ in members:
        if type(key) is not str:
            raise TypeError(f"dict with a key of type {type_name(key)}")
    return {"dict": [[encode(key, below), encode(member, below)] for key, member in members]}


def decode(thing: Any) -> Any:
    """Return the value that something in JSON stands for. Raises ValueError for anything else."""
    if isinstance(thing, list):
        return [decode(member) for member in thing]
    if not isinstance(thing, dict):
        return thing
    if len(thing) != 1:
        raise ValueError("an object with more or fewer members than one")
    ((kind, given),) = thing.items()
    if kind == "tuple" and isinstance(given, list):
        return tuple(decode(member) for member in given)
    if kind == "dict" and isinstance(given, list):
        return dict(decoded_member(member) for member in given)
    if kind in TEXTS and isinstance(given, str):
        return TEXTS[kind](given)
    raise ValueError(f"an object with the member {kind!r}")


def decoded_member(member: Any) -> tuple[str, Any]:
    if not isinstance(member, list) or len(member) != 2:
        raise ValueError("a member of a dict that is not a pair")
    key = decode(member[0])
    if not isinstance(key, str):
        raise ValueError("a key of a dict that is not a string")
    return key, decode(member[1])


TEXTS: Final[dict[str, Callable[[str], Any]]] = {
    "int": lambda text: int(text, 16),
    "float": lambda text: struct.unpack(">d", bytes.fromhex(text))[0],
    "str": lambda text: bytes.fromhex(text).decode("utf-8", "surrogatepass"),
    "bytes": lambda text: base64.b64decode(text, validate=True),
}


def refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def read_json(data: memoryview) -> Any:
    return json.loads(bytes(data).decode("ascii"), parse_constant=refuse_constant)


# ---- writing -------------------------------------------------------------------------------------


def save(path: Path, columns: tuple[Any, ...]) -> None:
    """Write a tree's columns to a file, which takes the place of an old one when it is whole."""
    name = name_of(path)
    target = os.path.realpath(name)
    members = members_of(Columns(*columns))
    mode = mode_of(target)
    temporary = os.path.join(os.path.dirname(target), f".samara-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            write_archive(file, members)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException as error:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename == temporary:
            error.filename = name
        raise


def name_of(path: Path) -> str:
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(f"path must be a str, bytes or os.PathLike, not {type_name(path)}")
    return os.fsdecode(path)


def mode_of(target: str) -> int | None:
    """Return the permissions of an old file, or None if there is none."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        code = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(code, f"cannot save a tree there: {os.strerror(code)}", target)
    return stat.S_IMODE(mode)


def members_of(columns: Columns) -> list[tuple[str, bytes, Any]]:
    """Return the members of the archive: each with its name, its header and its contents."""
    table = Table()
    values, dtype, kind = columns.values, columns.dtype, kind_of(columns.keys)
    if dtype is None:
        places = array("Q", bytes(8 * len(values)))
        for number, value in enumerate(values):
            try:
                places[number] = table.place_of(value)
            except (TypeError, ValueError) as error:
                raise located(error, columns, kind, number) from None
        values = memoryview(places).cast("B")
    plain = kind is UINT64
    description = {
        "format": FORMAT,
        "version": PLAIN if plain else VERSION,
        **({} if plain else {"keys": described(kind)}),
        "dtype": dtype,
        "track_gaps": columns.track_gaps,
        "policy": policy_name(columns.policy),
    }
    members: list[tuple[str, bytes, Any]] = [(DESCRIPTION, b"", json.dumps(description).encode())]
    for name, data in zip(ARRAYS, (columns.first, columns.last, values), strict=True):
        is_value = name == ARRAYS[-1]
        header = npy_header(
            len(data) // 8, dtype if is_value else None, 1 if is_value else words_of(kind)
        )
        members.append((name, header, swapped(data)))
    if dtype is None:
        members.append((TABLE, b"", table.to_json()))
    return members


def words_of(kind: Kind) -> int:
    return kind.bits // 64


def described(kind: Kind) -> str | dict[str, Any]:
    """Return what stands for a kind of keys in JSON."""
    if isinstance(kind.name, str):
        return kind.name
    return {"name": kind.name.name, "bits": kind.bits}


def code_at(words: memoryview, kind: Kind, number: int) -> int:
    if words_of(kind) == 1:
        return int(words[number])
    return int(words[2 * number] | words[2 * number + 1] << 64)


def located(error: Exception, columns: Columns, kind: Kind, number: int) -> Exception:
    """Return the error of a value that cannot be saved, with its range."""
    ends = (memoryview(end).cast("Q") for end in columns[:2])
    first, last = (kind.shown(kind.key(code_at(end, kind, number))) for end in ends)
    if isinstance(error, TypeError):
        return TypeError(f"cannot save the value of [{first}, {last}], {error}: use pickle")
    text = f"the value of [{first}, {last}] must not be nested more than {DEEPEST} levels deep"
    return ValueError(text)


def policy_name(policy: Any) -> str | None:
    if policy is None:
        return None
    return next((name for name, own in POLICIES.items() if own is policy), OTHER)


def swapped(data: Any) -> Any:
    """Return words of this machine as those of the file, and back."""
    if sys.byteorder == "little":
        return data
    words = array("Q", bytes(data))
    words.byteswap()
    return memoryview(words).cast("B")


def npy_header(count: int, dtype: str | None, width: int = 1) -> bytes:
    """Return the beginning of a .npy file, as numpy writes it, for rows of `width` words."""
    shape = f"({count},)" if width == 1 else f"({count // width}, {width})"
    text = f"{{'descr': '<{dtype or 'u8'}', 'fortran_order': False, 'shape': {shape}, }}"
    padding = -(10 + len(text) + 1) % ALIGNMENT
    return struct.pack("<6sBBH", b"\x93NUMPY", 1, 0, len(text) + padding + 1) + (
        text + " " * padding + "\n"
    ).encode("ascii")


def write_archive(file: BinaryIO, members: list[tuple[str, bytes, Any]]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, header, data in members:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            # An extra field of zeros, so that the contents begin at a multiple of ALIGNMENT: after
            # 30 bytes, the name, this field and zipfile's own one.
            padding = -(file.tell() + 30 + len(name) + 4 + 20) % ALIGNMENT
            info.extra = struct.pack("<HH", 0xD935, padding) + bytes(padding)
            with archive.open(info, "w", force_zip64=True) as member:
                member.write(header)
                member.write(data)


# ---- reading -------------------------------------------------------------------------------------


def load(path: Path, policy: Any, keys: Any, build: Callable[..., T]) -> T:
    """Read a file, and return what `build` makes of the fields of its Columns."""
    name = name_of(path)
    data = read(name)
    try:
        columns = columns_of(data)
    except MemoryError:
        raise
    except Exception as error:  # whatever is wrong, it is in the data
        raise FileFormatError(f"{name!r}: {reason_of(error)}") from None
    chosen = columns._replace(
        keys=chosen_keys(name, columns.keys, keys),
        policy=chosen_policy(name, columns.policy, policy),
    )
    try:
        return build(*chosen)
    except ValueError as error:
        raise FileFormatError(f"{name!r}: {error}") from None


def reason_of(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "values are nested too deeply"
    return str(error) or type(error).__name__


def read(name: str) -> bytes:
    with open(name, "rb", buffering=0) as file:
        if file.read(4) != b"PK\3\4":
            raise FileFormatError(f"{name!r}: not a file of MapleTree.save(), which is an archive")
        file.seek(0)
        return file.readall()


def expect(sound: bool, reason: str) -> None:
    if not sound:
        raise ValueError(reason)


def columns_of(data: bytes) -> Columns:
    """Return the columns in an archive, with the policy and the keys as they are in JSON."""
    members = read_archive(data)
    expect(DESCRIPTION in members, f"there is no {DESCRIPTION} in it")
    keys, dtype, track_gaps, policy = read_description(members.pop(DESCRIPTION))
    names = {*ARRAYS, TABLE} if dtype is None else {*ARRAYS}
    for name in sorted(names - members.keys()):
        raise ValueError(f"there is no {name} in it")
    for name in sorted(members.keys() - names):
        raise ValueError(f"it has an unknown member {name!r}")
    bits, top = limits_of(keys)
    width = bits // 64
    forms = ("u8", width), ("u8", width), (dtype or "u8", 1)
    arrays = zip(ARRAYS, forms, strict=True)
    first, last, values = [read_array(name, members[name], *form) for name, form in arrays]
    lengths = [len(first) // width, len(last) // width, len(values)]
    expect(len({*lengths}) == 1, f"its arrays must have the same length, not {lengths}")
    if top < MAX:
        highest = max(max(end, default=0) for end in (first, last))
        expect(highest <= top, f"{highest} is no code of a key: they are 0 ... {top}")
    if dtype is None:
        values = read_values(values, members[TABLE])
    return Columns(first, last, values, keys, dtype, track_gaps, policy)


def read_archive(data: bytes) -> dict[str, memoryview]:
    """Return the contents of each member, whose checksums are right."""
    view, members = memoryview(data), {}
    with zipfile.ZipFile(BytesIO(data)) as archive:
        for info in archive.infolist():
            name, size = info.filename, info.file_size
            expect(name not in members, f"it has two members {name!r}")
            expect(info.compress_type == zipfile.ZIP_STORED, f"{name} is compressed")
            expect(not info.flag_bits & 1, f"{name} is encrypted")
            header = view[info.header_offset :][: LOCAL_HEADER.size]
            expect(len(header) == LOCAL_HEADER.size, f"{name} is cut off")
            signature, *sizes = LOCAL_HEADER.unpack(header)
            expect(signature == b"PK\3\4", f"{name} is not where the directory says")
            start = info.header_offset + LOCAL_HEADER.size + sum(sizes)
            contents = view[start : start + size]
            expect(
                len(contents) == size == info.compress_size, f"{name} does not have {size} bytes"
            )
            expect(zlib.crc32(contents) == info.CRC, f"{name} is damaged: its checksum is wrong")
            members[name] = contents
    return members


def limits_of(keys: Any) -> tuple[int, int]:
    """Return the bits and the last code of keys as they are in JSON. ValueError if unknown."""
    if isinstance(keys, str):
        kind = kind_of(keys)
        return kind.bits, kind.top
    members = sorted(keys) if isinstance(keys, dict) else None
    expect(members == ["bits", "name"], "its keys must be a name, or an object with name and bits")
    bits, name = keys["bits"], keys["name"]
    expect(isinstance(name, str), f"the name of its keys must be a string, not {name!r}")
    expect(
        type(bits) is int and bits in (64, 128), f"its keys must have 64 or 128 bits, not {bits!r}"
    )
    return bits, 2**bits - 1


def read_description(data: memoryview) -> tuple[Any, str | None, bool, str | None]:
    found = read_json(data)
    expect(isinstance(found, dict) and found.get("format") == FORMAT, "it has no MapleTree")
    version = found.get("version")
    text = f"its version must be {PLAIN} or {VERSION}, not {version!r}: it may need a newer samara"
    expect(type(version) is int and version in (PLAIN, VERSION), text)
    names = ["dtype", "format", "policy", "track_gaps", "version"]
    if version == VERSION:
        names.insert(2, "keys")
    expect(sorted(found) == names, f"{DESCRIPTION} must have the members {', '.join(names)}")
    dtype, track_gaps, policy = found["dtype"], found["track_gaps"], found["policy"]
    expect(dtype in (None, *CODES), f"its dtype must be null, u8, i8 or f8, not {dtype!r}")
    expect(isinstance(track_gaps, bool), f"track_gaps must be true or false, not {track_gaps!r}")
    known = (None, OTHER, *POLICIES)
    expect(policy in known, f"its policy must be one of {known}, not {policy!r}")
    expect(policy != OTHER or dtype is None, "a tree with a dtype cannot have that policy")
    return found.get("keys", UINT64.name), dtype, track_gaps, policy


def read_array(name: str, data: memoryview, dtype: str, width: int) -> Any:
    header = NPY.match(data)
    expect(header is not None, f"{name} is not an array of 64-bit numbers, little-endian")
    assert header
    size, kind, count, pairs = header.groups()
    shape = "(n,)" if width == 1 else f"(n, {width})"
    expect(bool(pairs) == (width == 2), f"{name} must have the shape {shape}")
    expect(int.from_bytes(size, "little") == header.end() - 10, f"the header of {name} is damaged")
    expect(kind.decode() == dtype, f"{name} must be of type {dtype}, not {kind.decode()}")
    words, bytes_in_all = data[header.end() :], 8 * width * int(count)
    expect(len(words) == bytes_in_all, f"{name} must have {bytes_in_all} bytes")
    return memoryview(swapped(words)).cast(CODES[dtype])


def read_values(places: memoryview, data: memoryview) -> list[Any]:
    table = read_json(data)
    expect(isinstance(table, list), f"{TABLE} must be a list")
    values = decode(table)
    expect(max(places, default=-1) < len(values), "a value is not in the table")
    return [values[place] for place in places]


def chosen_keys(name: str, saved: Any, given: Any) -> Any:
    """Return the tree's keys: those saved by name, or the KeyType from the caller."""
    own = saved if isinstance(saved, str) else None
    if given is None:
        if own is None:
            text = f"the tree was saved with the KeyType {saved['name']!r}"
            raise ValueError(f"{name!r}: {text}: load it with load(path, keys=...)")
        return own
    kind = kind_of(given)
    if described(kind) != saved:
        shown = (
            f"the keys {own!r}" if own else f"the KeyType {saved['name']!r} of {saved['bits']} bits"
        )
        raise ValueError(f"{name!r}: the tree was saved with {shown}, not with {given!r}")
    return kind.name


def chosen_policy(name: str, saved: str | None, given: Any) -> Any:
    """Return the tree's policy: one of samara's own by its name, any other from the caller."""
    if saved == OTHER:
        if given is None:
            text = "the tree was saved with a policy: load it with load(path, policy=...)"
            raise ValueError(f"{name!r}: {text}")
        return given
    own = None if saved is None else POLICIES[saved]
    if given is not None and given is not own:
        text = "without a policy" if own is None else f"with samara.{saved}"
        raise ValueError(f"{name!r}: the tree was saved {text}, not with {given!r}")
    return own
