"""How answers of our own queries arrive unharmed: each row is one text, hexadecimal digits of UTF-8 JSON.

The client chooses client_encoding, and a table name that its encoding does not have would be an error in the middle of
its transaction. Digits are the same in every encoding, and inside and outside can be compared byte for byte."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from pgguard.errors import ProtocolViolation

PREFIX = "/* pgguard */ "

Row = Sequence[bytes | str | None]  # one column; bytes from the wire, str from a driver


def sealed(value: str) -> str:
    """SQL for one json expression as hexadecimal digits."""
    return f"pg_catalog.encode(pg_catalog.convert_to(({value})::pg_catalog.text, 'UTF8'), 'hex')"


def array(*values: str) -> str:
    """SQL for a json array of SQL expressions of built-in types (of other types it would call their casts)."""
    return f"pg_catalog.json_build_array({', '.join(values)})"


def oids(values: Collection[int]) -> str:
    """SQL for a constant array of OIDs."""
    return "'{" + ",".join(str(int(value)) for value in sorted(values)) + "}'::pg_catalog.oid[]"


def equal(left: str, right: str) -> str:
    return f"{left} OPERATOR(pg_catalog.=) {right}"


def among(left: str, right: str) -> str:
    """SQL for membership in an array; IN would look its operator up along the search_path."""
    return f"{left} OPERATOR(pg_catalog.=) ANY ({right})"


def chars(values: str) -> str:
    """SQL for an array of "char", one for each character."""
    return "'{" + ",".join(values) + "}'::pg_catalog.\"char\"[]"


def opened(rows: Sequence[Row]) -> list[list[Any]]:
    """The JSON arrays in ``rows``. Raises ProtocolViolation for anything that ``sealed`` would not have made."""
    answer = []
    for row in rows:
        try:
            (digits,) = row
            if digits is None:
                raise ValueError("null")
            text = digits.decode("ascii") if isinstance(digits, bytes) else digits
            # A SQL_ASCII database holds names in any bytes; they only have to compare equal and be printable.
            value = json.loads(bytes.fromhex(text).decode("utf-8", "backslashreplace"))
        except ValueError as trouble:
            what = f"an answer to pgguard's own query cannot be read: {trouble}"
            raise ProtocolViolation("server", what) from trouble
        if not isinstance(value, list):
            raise ProtocolViolation("server", "an answer to pgguard's own query is not a list")
        answer.append(value)
    return answer
