"""Transcripts as tests: what goes into a session, line by line, and everything that must come out of it.

    client sends   Query delete from t
    server gets    Query [flush] | unnamed [BEGIN] | Query delete from t | Query [counts]
    server sends   Query [flush] | ReadyForQuery I | unnamed [BEGIN] | CommandComplete DELETE 12
    server sends   ReadyForQuery T | Query [counts] t 0 0 12 | ReadyForQuery T
    asks           FindApproval
    answers        nothing

Lines with ``sends`` and ``answers`` are played; all others are what came out, and the whole is compared as a text.
Messages have the manual's names, ``|`` stands between two, ``-`` is an empty name. Brackets are pgguard's own queries:
Parse, Bind, Execute, Close, Close under a fresh name, or all their replies. No name of those is ever compared. Behind
``Query`` they are one, behind ``unnamed`` Parse, Bind, Execute without a name.
"""

from __future__ import annotations

import difflib
import re
import struct
from collections.abc import Mapping
from textwrap import dedent

from pgguard.session.connection import Session
from pgguard.wire import frontend
from pgguard.wire.backend import encode_error, encode_notice, error_fields, ready_for_query
from pgguard.wire.framing import frames
from tests.session import model_answers, shop
from tests.session.model_database import Database
from tests.session.model_messages import data_row, message, row_description

_OWN = (  # what is in the text of a query of ours -> how it is called here
    ("pg_stat_force_next_flush", "[flush]"), ("server_version_num", "[session]"),
    ("pg_relation_size", "[victims]"), ("held AS MATERIALIZED", "[reading all]"),
    ("concat_ws", "[counts]"), ("pg_stat_get_xact_tuples_inserted", "[reading]"), (" refused", "[must fail]"),
)  # fmt: skip
_BARE = {
    "ParseComplete": b"1", "BindComplete": b"2", "CloseComplete": b"3", "NoData": b"n", "EmptyQueryResponse": b"I",
    "PortalSuspended": b"s", "CopyDone": b"c", "Sync": b"S", "Flush": b"H", "Terminate": b"X",
}  # fmt: skip
_UNNAMED_BIND = frontend.encode_bind(b"", b"")
_COPY_IN = struct.pack("!bh", 0, 0)


class Playbook:
    """Plays transcripts with one session. ``answers``: what the words behind ``answers`` stand for."""

    def __init__(self, session: Session, answers: Mapping[str, object] | None = None) -> None:
        self.session = session
        self._answers = {"nothing": None, **(answers or {})}

    def play(self, transcript: str) -> None:
        """Raises AssertionError with a diff when anything else comes out, or in another order."""
        expected = [_line(line) for line in dedent(transcript).splitlines() if line.strip()]
        found: list[str] = []
        for line in expected:
            who, what, rest = (line + " ").split(" ", 2)
            if (who, what) == ("client", "sends"):
                self.session.client_data(b"".join(_client(part) for part in _parts(rest)))
            elif (who, what) == ("server", "sends"):
                self.session.server_data(b"".join(_server(part) for part in _parts(rest)))
            elif who == "answers":
                self.session.answered(self._answers[f"{what} {rest}".strip()])
            else:
                continue
            found.append(line)
            found += self._came_out()
        difference = "\n".join(difflib.unified_diff(expected, found, "expected", "what happened", lineterm="", n=50))
        assert expected == found, f"\n{difference}"

    def _came_out(self) -> list[str]:
        session = self.session
        lines = []
        for who, out in (("server gets", session.to_server), ("client gets", session.to_client)):
            if out:
                shown = _shown(frames(b"".join(out)), from_client=who == "server gets")
                lines.append(f"{who} {' | '.join(shown)}")
                out.clear()
        lines += [f"asks {type(ask).__name__}" for ask in session.asks]
        session.asks.clear()
        if session.closing:
            lines.append("both sides are closed")
        return lines


def _line(line: str) -> str:
    return re.sub(r"\s+", " ", line).strip()


def _parts(rest: str) -> list[str]:
    return [part.strip() for part in rest.split("|") if part.strip()]


def _name(word: str) -> bytes:
    return b"" if word == "-" else word.encode()


def _client(text: str) -> bytes:
    word, _, rest = text.partition(" ")
    if word in _BARE:
        return message(_BARE[word])
    first, _, second = rest.partition(" ")
    match word:
        case "Query":
            return frontend.encode_query(rest.encode())
        case "Parse":
            return frontend.encode_parse(_name(first), second.encode())
        case "Bind":
            return frontend.encode_bind(_name(first), _name(second))
        case "Execute":
            return frontend.encode_execute(_name(rest))
        case "Close" | "Describe":
            close = frontend.encode_close(first.encode(), _name(second))
            return close if word == "Close" else b"D" + close[1:]
        case "CopyData":
            return message(b"d", rest.encode() + b"\n")
    raise ValueError(f"no message of a client: {text}")


def _server(text: str) -> bytes:
    word, _, rest = text.partition(" ")
    if word in _BARE:
        return message(_BARE[word])
    if "[" in text:
        return _own_reply(text)
    match word:
        case "RowDescription":
            return row_description()
        case "DataRow":
            return data_row(rest.encode())
        case "CommandComplete":
            return message(b"C", rest.encode() + b"\0")
        case "ReadyForQuery":
            return ready_for_query(ord(rest))
        case "CopyInResponse":
            return message(b"G", _COPY_IN)
        case "ErrorResponse" | "NoticeResponse":
            sqlstate, _, words = rest.partition(" ")
            encode = encode_error if word == "ErrorResponse" else encode_notice
            return encode({"C": sqlstate, "M": words})
        case "ParameterStatus":
            name, _, value = rest.partition(" ")
            return message(b"S", name.encode() + b"\0" + value.encode() + b"\0")
    raise ValueError(f"no message of a server: {text}")


def _own_reply(text: str) -> bytes:
    """All replies to a query of ours; behind ``[reading]``: table, rows inserted, updated, deleted."""
    form, _, named = text.partition("[")
    label, _, rest = named.partition("]")
    label = f"[{label}]"
    words = rest.split()
    rows: list[bytes] = []
    if label in ("[counts]", "[reading]", "[reading all]"):
        db = Database()
        for at in range(0, len(words), 4):
            db.counters[shop.OIDS[words[at]]] = [int(number) for number in words[at + 1 : at + 4]]
            db.lock(words[at], "RowExclusiveLock")
        sql = f"'{{{model_answers.PG_CLASS},{','.join(str(oid) for oid in db.counters)}}}'::pg_catalog.oid[]"
        sql += " held AS MATERIALIZED" if "all" in label else ""
        if label == "[counts]":
            sql = " ".join(["concat_ws", *(f"'{oid}'::pg_catalog.oid" for oid in db.counters for _ in range(3))])
        rows = model_answers.reading(sql.replace(",}", "}"), db, {}, {})
    elif label == "[session]":
        _, rows = model_answers.answer("server_version_num", Database(), {}, {})
    tag = label.strip("[]").encode() if label in ("[BEGIN]", "[COMMIT]") else b"SELECT %d" % len(rows)
    done = message(b"C", tag + b"\0")
    answer = b"".join(map(data_row, rows)) + done
    if form.startswith("Query"):
        return row_description() + answer if rows else answer
    return message(b"1") + message(b"2") + answer + (b"" if form.startswith("unnamed") else message(b"3") * 2)


def _shown(found: list[bytes], *, from_client: bool) -> list[str]:
    shown = []
    while found:
        one = found.pop(0)
        if from_client and one[:1] == b"P" and b"pgguard_" in one[:20]:
            text = frontend.parse(one).text.decode()
            label = _own(text.encode()) or f"[{text}]"
            shown.append(label)
            if label != "[must fail]":
                codes = b"".join(m[:1] for m in found[:4])
                assert codes == b"BECC" and all(b"pgguard_" in m for m in found[:4]), "a query of ours is not whole"
                del found[:4]
        elif from_client and one[:1] == b"Q" and (label := _own(frontend.query_text(one))):
            shown.append(f"Query {label}")
        elif from_client and one == frontend.encode_parse(b"", b"BEGIN") and found[:1] == [_UNNAMED_BIND]:
            shown.append("unnamed [BEGIN]")
            del found[:2]
        else:
            shown.append(_from_client(one) if from_client else _from_server(one))
    return shown


def _own(text: bytes) -> str:
    return next((label for part, label in _OWN if part.encode() in text), "") if b"pgguard" in text else ""


def _from_client(one: bytes) -> str:
    code = one[:1]
    for name in ("CopyDone", "Sync", "Flush", "Terminate"):
        if _BARE[name] == code:
            return name
    if code == b"Q":
        return _line(f"Query {frontend.query_text(one).decode()}")
    if code == b"P":
        parsed = frontend.parse(one)
        return _line(f"Parse {parsed.name.decode() or '-'} {parsed.text.decode()}")
    if code == b"B":
        bound = frontend.bind(one)
        return f"Bind {bound.portal.decode() or '-'} {bound.statement.decode() or '-'}"
    if code == b"E":
        return f"Execute {frontend.execute(one).portal.decode() or '-'}"
    if code in b"CD":
        target = frontend.target(one)
        return f"{'Close' if code == b'C' else 'Describe'} {target.kind.decode()} {target.name.decode() or '-'}"
    return _line(f"CopyData {one[5:].decode()}") if code == b"d" else repr(one)


def _from_server(one: bytes) -> str:
    code = one[:1]
    for name, bare in _BARE.items():
        if bare == code and name not in ("Sync", "Flush", "Terminate"):
            return name
    match code:
        case b"T":
            return "RowDescription"
        case b"D":
            return f"DataRow {one[11:].decode()}"
        case b"C":
            return f"CommandComplete {one[5:-1].decode()}"
        case b"Z":
            return f"ReadyForQuery {chr(one[5])}"
        case b"G":
            return "CopyInResponse"
        case b"E" | b"N":
            fields = error_fields(one)
            return _line(f"{'Error' if code == b'E' else 'Notice'}Response {fields['C']} {fields['M']}")
        case b"S":
            name, value = one[5:-1].decode().split("\0")
            return f"ParameterStatus {name} {value}"
    return repr(one)
