"""PostgreSQL's own grammar: the only door to libpg_query, the C library that postgast carries.

postgast's Python layer is not used: its protobuf route fails above 47 chained operators, the library's JSON does not.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from ctypes import CDLL, POINTER, Structure, c_char_p, c_int, c_size_t, c_void_p, string_at
from functools import cache
from pathlib import Path
from typing import Any

from pgguard.errors import ConfigError

_FILES = {"darwin": "libpg_query.dylib", "win32": "pg_query.dll"}


class _Error(Structure):
    _fields_ = (
        ("message", c_char_p),
        ("funcname", c_char_p),
        ("filename", c_char_p),
        ("lineno", c_int),
        ("cursorpos", c_int),
        ("context", c_char_p),
    )


class _ParseResult(Structure):
    _fields_ = (("parse_tree", c_char_p), ("stderr_buffer", c_char_p), ("error", POINTER(_Error)))


class _ScanResult(Structure):
    _fields_ = (("len", c_size_t), ("data", c_void_p), ("stderr_buffer", c_char_p), ("error", POINTER(_Error)))


@cache
def _library() -> CDLL:
    package = importlib.util.find_spec("postgast")
    if package is None or package.origin is None:
        raise ConfigError("libpg_query is missing: the package postgast is not installed", exit_code=3)
    path = Path(package.origin).parent / _FILES.get(sys.platform, "libpg_query.so")
    try:
        library = CDLL(str(path))
    except OSError as error:
        raise ConfigError(f"libpg_query cannot be loaded: {error}", exit_code=3) from error
    for verb, result in (("parse", _ParseResult), ("scan", _ScanResult)):
        function = getattr(library, f"pg_query_{verb}")
        function.argtypes = (c_char_p,)
        function.restype = result
        free = getattr(library, f"pg_query_free_{verb}_result")
        free.argtypes = (result,)
        free.restype = None
    return library


def _words(error: Any) -> str:
    message: bytes = error.contents.message or b"cannot be parsed"
    return message.decode("utf-8", "replace")


def parse(text: bytes) -> tuple[bytes, str]:
    """The parse tree as JSON and "", or nothing and PostgreSQL's own error message. ``text`` has no NUL."""
    library = _library()
    result = library.pg_query_parse(text)
    try:
        if result.error:
            return b"", _words(result.error)
        return result.parse_tree or b"", ""
    finally:
        library.pg_query_free_parse_result(result)


# One ScanToken of the protobuf answer: start (left out when 0), end, token, keyword kind (left out when 0).
_VARINT = rb"[\x80-\xff]*+[\x00-\x7f]"
_TOKEN = rb"\x12[\x00-\x7f](?:\x08(%b))?\x10(%b)\x20(%b)(?:\x28[\x00-\x7f])?" % (_VARINT, _VARINT, _VARINT)
_TOKENS = re.compile(_TOKEN, re.DOTALL)
_WHOLE = re.compile(rb"(?:\x08%b)?+(?:%b)*+" % (_VARINT, _TOKEN), re.DOTALL)


def scan(text: bytes) -> list[tuple[bytes, bytes, bytes]] | None:
    """The tokens of ``text``, comments included, as undecoded varints (start, end, kind): comparing them undecoded is
    what keeps this fast. None when the text cannot be scanned."""
    data = _scanned(text)
    return _TOKENS.findall(data) if data is not None else None


def token_kinds(text: bytes) -> Iterator[bytes] | None:
    """Only the kind of each token, one after the other: of a long text a list of them would need too much memory."""
    data = _scanned(text)
    return (token[3] for token in _TOKENS.finditer(data)) if data is not None else None


def _scanned(text: bytes) -> bytes | None:
    library = _library()
    result = library.pg_query_scan(text)
    try:
        if result.error:
            return None
        data = string_at(result.data, result.len) if result.len else b""
    finally:
        library.pg_query_free_scan_result(result)
    return data if _WHOLE.fullmatch(data) is not None else None


def varint(raw: bytes) -> int:
    """The number that a protobuf varint holds; nothing is 0."""
    number = 0
    for byte in reversed(raw):
        number = number << 7 | byte & 0x7F
    return number


def kinds(words: bytes) -> tuple[bytes, ...]:
    """The token kinds of some words, undecoded, asked of the scanner itself: its numbers change between versions."""
    tokens = scan(words)
    assert tokens is not None, words
    return tuple(kind for _, _, kind in tokens)
