"""Records become hash-chained lines, and a walk over the lines finds the first broken link."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pgguard.audit.record import AuditRecord

FIELDS = (
    "seq", "time", "node", "session", "caller", "role", "client", "application", "database", "server", "statement",
    "digest", "kind", "verdict", "rule", "checks", "measured", "destroyed", "request", "requester", "approval",
    "approved_by", "duration_ms", "prev", "hash",
)  # fmt: skip
NOTE = "note"  # the kind of a line that pgguard writes about the file itself
TORN = "torn-line"  # a note's rule: the line before was cut short; ``digest`` is its SHA-256
DROPPED = "dropped"  # a note's rule: so many records did not fit into the queue
CONTINUED = "continued"  # a note's rule: the first line of a file whose chain began in an earlier one

_text = json.encoder.encode_basestring_ascii
_HASH = re.compile(rb',"hash":"([0-9a-f]{64})"\}\Z')
_ANY_HASH = re.compile(rb',"hash":"[0-9a-f]{64}"')  # cannot stand in a value: JSON escapes its quotes


@dataclass(frozen=True, slots=True)
class Link:
    """The end of a chain: where the next line goes on. The default is the beginning of a file."""

    seq: int = 0
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """The first broken link: ``line`` counts from 1, ``what`` is wrong there, in words."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Whole:
    """An unbroken chain of so many lines. ``torn``: lines cut short by a crash and vouched for. ``begin``: the end of
    the earlier file that it goes on from. ``node``: who wrote its last record."""

    end: Link
    lines: int
    torn: int = 0
    begin: Link = Link()
    node: str = ""


def seal(record: AuditRecord, link: Link, *, time: float, node: str, server: str) -> tuple[bytes, Link]:
    """The record's line, its line feed included, and the chain's new end."""
    seq = link.seq + 1
    # By hand, in the order of FIELDS: one is sealed for every proved write, and a dictionary and its encoder cost three
    # times as much. ASCII only: a lone surrogate or a control character can neither fail to encode nor end the line.
    body = (
        f'{{"seq":{seq},"time":"{iso(time)}","node":{_text(node)},"session":{_text(record.session)},'
        f'"caller":{_text(record.caller)},"role":{_text(record.role)},"client":{_text(record.client)},'
        f'"application":{_text(record.application)},"database":{_text(record.database)},"server":{_text(server)},'
        f'"statement":{_text(record.statement)},"digest":{_text(record.digest)},"kind":{_text(record.kind)},'
        f'"verdict":{_text(record.verdict)},"rule":{_text(record.rule)},"checks":{_texts(record.checks)},'
        f'"measured":{_measured(record.measured)},"destroyed":{_texts(record.destroyed)},"request":{_number(record.request)},'
        f'"requester":{_text(record.requester)},"approval":{_number(record.approval)},'
        f'"approved_by":{_text(record.approved_by)},'
        f'"duration_ms":{round(record.duration_ms, 3)},"prev":"{link.hash}"'
    ).encode("ascii")
    digest = hashlib.sha256(body + b"}").hexdigest()
    return body + b',"hash":"' + digest.encode() + b'"}\n', Link(seq, digest)


def _measured(measured: Mapping[str, Mapping[str, int]]) -> str:
    return "{" + ",".join([f"{_text(table)}:{_rows(rows)}" for table, rows in measured.items()]) + "}"


def _texts(texts: tuple[str, ...]) -> str:
    return f"[{','.join(map(_text, texts))}]"


def _rows(rows: Mapping[str, int]) -> str:
    return "{" + ",".join([f"{_text(verb)}:{number}" for verb, number in rows.items()]) + "}"


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)


def note(rule: str, text: str, digest: str = "") -> AuditRecord:
    """A line about the file itself."""
    return AuditRecord("", "", "", "", "", "", text, digest, NOTE, "error", rule=rule)


def continued_note(end: Link, missing: int = 0) -> AuditRecord:
    """The note behind which a chain goes on from ``end``: in a new file, or where ``missing`` records are not there."""
    if missing:
        return note(CONTINUED, f"goes on from record {end.seq}; the {missing} records up to it are not in this file")
    return note(CONTINUED, f"goes on from record {end.seq} of an earlier file")


def torn_note(torn: bytes) -> AuditRecord:
    """The note that must follow lines that were cut short; ``torn`` is all of them, line feeds included."""
    return note(TORN, f"a crash cut the record before this one short: {len(torn)} bytes",
                hashlib.sha256(torn).hexdigest())  # fmt: skip


def read(line: bytes) -> dict[str, Any] | str:
    """The fields of one line (without its line feed) whose hash is right; else what is wrong with it."""
    found = _HASH.search(line)
    if found is None:
        return "not a record"
    if hashlib.sha256(line[: found.start()] + b"}").hexdigest().encode() != found[1]:
        return "the record was changed: its hash does not fit its content"
    try:
        values = json.loads(line)
    except ValueError:
        return "not a record"
    if not isinstance(values, dict) or tuple(values) != FIELDS or type(values["seq"]) is not int:
        return "not a record"
    return values


def walk(lines: Iterable[bytes], after: Link | None = None, known: Link | None = None) -> Whole | Broken:
    """Follows the chain from its beginning. The lines come with their line feeds, as a binary file yields them.

    ``after``: the end of the file before, where there is one. ``known``: a record that must be there, or have been
    there before, with this hash: what was kept elsewhere finds an end that was cut off, or a chain written anew.
    """
    begin = end = after or Link()
    first_torn: Broken | None = None
    torn = b""
    node = ""
    count = torn_lines = 0
    for number, line in enumerate(lines, 1):
        count = number
        values = read(line[:-1]) if line.endswith(b"\n") else "the line was cut short"
        if isinstance(values, str):
            first_torn = first_torn or Broken(number, values)
            if not cut_short(line, end):
                return first_torn
            torn += line
            torn_lines += 1
            continue
        vouched = hashlib.sha256(torn).hexdigest() if torn else None
        if vouched != (values["digest"] if values["kind"] == NOTE and values["rule"] == TORN else None):
            return first_torn or Broken(number, "the cut-off line that this record speaks of is missing")
        if number == 1 and after is None and values["kind"] == NOTE and values["rule"] == CONTINUED:
            begin = end = Link(values["seq"] - 1, values["prev"])
        if (what := _misfit(values, end) or _stranger(values, known)) is not None:
            return Broken(number, what)
        end = Link(values["seq"], values["hash"])
        first_torn, torn, node = None, b"", values["node"]
    if first_torn is not None:
        return first_torn
    if known is not None and end.seq < known.seq:
        return Broken(count, f"{_records(end.seq + 1, known.seq)} missing at the end")
    return Whole(end, count, torn_lines, begin, node)


def cut_short(line: bytes, link: Link) -> bool:
    """Whether a line that is no record can be the beginning of the one that was to follow ``link``, cut by a crash."""
    line = line.removesuffix(b"\n")
    begins = b'{"seq":%d,' % (link.seq + 1)
    return _ANY_HASH.search(line) is None and (line.startswith(begins) or begins.startswith(line))


def _misfit(values: dict[str, Any], end: Link) -> str | None:
    if values["seq"] == end.seq + 1 and values["prev"] == end.hash:
        return None
    if values["seq"] > end.seq + 1:
        return f"{_records(end.seq + 1, values['seq'] - 1)} missing before record {values['seq']}"
    if values["seq"] <= end.seq:
        return f"record {values['seq']} stands behind record {end.seq}"
    return f"record {values['seq']} does not follow from the record before it"


def _stranger(values: dict[str, Any], known: Link | None) -> str | None:
    if known is None or values["seq"] != known.seq or values["hash"] == known.hash:
        return None
    return f"record {known.seq} is not the one that the state store knows"


def _records(first: int, last: int) -> str:
    return f"record {first} is" if first == last else f"records {first} to {last} are"


def iso(seconds: float) -> str:
    """A moment as ISO 8601 in UTC, to the microsecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
