"""Replay tokens: a recorded case as one short word, and back, without trusting the word.

A token is the base64url encoding of one version byte, four bytes of CRC-32, and the raw deflate of
a compact JSON list. Nothing in it is executed, and it is never inflated beyond `LARGEST`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any, TypeAlias

from needle_cli.records.trusted import TokenError, trusted

Record: TypeAlias = dict[str, Any]
"""A recorded case as plain data; `encoding.py` makes it from a `Case`."""

VERSION = 1
LARGEST = 4 * 2**20
"""A token is refused if its inflated size is larger; no real case comes near it."""

SHORTEST_LISTED = 1200
"""Longer tokens are not printed; a line with the seed is printed instead."""

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
FIELDS = (
    "op", "check", "device", "dtype", "file", "inputs", "params", "cotangent", "judged", "silent",
    "seed", "tags", "label",
)  # fmt: skip
EMPTY: Mapping[str, Any] = {
    "device": "cpu", "dtype": "float64", "file": "", "params": {}, "cotangent": None,
    "silent": [], "seed": 0, "tags": [], "label": "",
}  # fmt: skip


def encode(record: Record) -> str:
    """Return the token of a record."""
    text = json.dumps(_pack(record), separators=(",", ":"), allow_nan=False)
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = engine.compress(text.encode()) + engine.flush()
    head = bytes([VERSION]) + zlib.crc32(body).to_bytes(4, "big")
    return base64.urlsafe_b64encode(head + body).decode().rstrip("=")


def decode(token: str) -> Record:
    """Return the record of a token; raises `TokenError` if the token is not complete and valid."""
    token = token.strip()
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise TokenError("this is not a replay token: it is not base64url text") from error
    if len(raw) < 6:
        raise TokenError("this is not a replay token: it is too short")
    if raw[0] != VERSION:
        raise TokenError(
            f"this token has version {raw[0]}, this needle reads version {VERSION}: "
            "ask again with the needle that printed it"
        )
    body = raw[5:]
    if zlib.crc32(body).to_bytes(4, "big") != raw[1:5]:
        raise TokenError("this token is damaged (checksum differs): copy it whole, in one line")
    return trusted(_unpack(_parse(_inflate(body))))


def identify(record: Record) -> str:
    """Return the six-letter ID of a record, a hash of its content."""
    text = json.dumps(_pack(record), separators=(",", ":"), sort_keys=True)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    letters = []
    for _ in range(6):
        number, rest = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[rest])
    return "".join(letters)


def leaves(record: Record) -> list[tuple[str, Record]]:
    """Return name and array of every input leaf of a record: `a`, or `xs[1]` for a member."""
    found: list[tuple[str, Record]] = []
    for name, value in record["inputs"].items():
        if isinstance(value, list):
            found.extend((f"{name}[{i}]", item) for i, item in enumerate(value))
        else:
            found.append((name, value))
    return found


def is_id(word: str) -> bool:
    """Whether a word has the form of an ID."""
    return len(word) == 6 and all(letter in ALPHABET for letter in word)


def _inflate(body: bytes) -> bytes:
    engine = zlib.decompressobj(-15)
    try:
        data = engine.decompress(body, LARGEST)
    except zlib.error as error:
        raise TokenError(f"this token is damaged: {error}") from error
    if engine.unconsumed_tail or len(data) >= LARGEST:
        raise TokenError(f"this token is refused: it unpacks to more than {LARGEST} bytes")
    if not engine.eof or engine.unused_data:
        raise TokenError("this token is damaged: its end is missing or something follows it")
    return data


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise TokenError("this token is damaged: its content is not a case") from error


def _pack(record: Record) -> list[Any]:
    """Return a record as a list without names and without trailing defaults."""
    dtype = record.get("dtype", "float64")
    row: list[Any] = []
    for name in FIELDS:
        value: Any = record.get(name, EMPTY.get(name))
        if name == "inputs":
            value = [[key, _pack_input(item, dtype)] for key, item in value.items()]
        elif name == "params":
            value = [[key, item] for key, item in value.items()]
        elif name == "cotangent" and value is not None:
            value = [_pack_array(item, dtype) for item in value]
        elif name in EMPTY and value == EMPTY[name]:
            value = None
        row.append(value or None if name == "params" else value)
    while row and row[-1] is None:
        row.pop()
    return row


def _unpack(row: Any) -> Record:
    if not isinstance(row, list) or not 6 <= len(row) <= len(FIELDS):
        raise TokenError("this token is damaged: its content is not a case")
    record: Record = {}
    try:
        for name, value in zip(FIELDS, row + [None] * (len(FIELDS) - len(row)), strict=True):
            record[name] = EMPTY.get(name) if value is None else value
        dtype = record["dtype"]
        record["inputs"] = {key: _unpack_input(item, dtype) for key, item in record["inputs"]}
        if row[6:7] and row[6] is not None:
            record["params"] = dict(record["params"])
        if record["cotangent"] is not None:
            record["cotangent"] = [_unpack_array(item, dtype) for item in record["cotangent"]]
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise TokenError("this token is damaged: its content is not a case") from error
    return record


def _pack_input(value: Any, dtype: str) -> Any:
    if isinstance(value, list):
        return {"m": [_pack_array(item, dtype) for item in value]}
    return _pack_array(value, dtype)


def _unpack_input(value: Any, dtype: str) -> Any:
    if isinstance(value, dict):
        return [_unpack_array(item, dtype) for item in value["m"]]
    return _unpack_array(value, dtype)


def _pack_array(array: Mapping[str, Any], dtype: str) -> list[Any]:
    row = [array["shape"], array["values"]]
    strides = array.get("strides")
    if array["dtype"] != dtype or strides is not None:
        row.append(array["dtype"])
    if strides is not None:
        row.append(strides)
    return row


def _unpack_array(row: Any, dtype: str) -> Record:
    array: Record = {"dtype": row[2] if len(row) > 2 else dtype, "shape": row[0], "values": row[1]}
    if len(row) > 3:
        array["strides"] = row[3]
    return array
