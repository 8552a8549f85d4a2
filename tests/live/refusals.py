"""What a refusal said, however the client got it, and what must be as it was before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from live.backend import Message
from live.endpoint import Ran
from live.postgres import Postgres

CLAIM = {"PGOPTIONS": "-c pgguard.environment=production"}
VERBOSE = ("-v", "VERBOSITY=verbose")
_PSQL = re.compile(
    r"^(?:psql:\S+ )?ERROR:  (?P<state>\w{5}): (?P<message>.*(?:\n(?!DETAIL:|HINT:|LOCATION:|ERROR:).*)*)", re.M
)
_ROWS = re.compile(r"(?P<name>\S+): (?P<number>\d+) rows? (?P<verb>updated|deleted)(?P<how>.*)")


@dataclass(frozen=True)
class Refused:
    """An error as the client sees it."""

    sqlstate: str
    message: str
    detail: str = ""
    hint: str = ""

    @property
    def request(self) -> int:
        """The request's number, which the message must have."""
        found = re.search(r"\brequest (\d+)\b", self.message)
        assert found, f"no request in: {self.message}"
        return int(found.group(1))

    @property
    def lines(self) -> list[str]:
        """The detail line by line, the schema public left out."""
        return self.detail.replace("public.", "").splitlines()

    @property
    def rows(self) -> dict[str, tuple[int, str]]:
        """What the detail says of rows: table -> (number, verb); a table with both verbs is there as "t" and "t+"."""
        rows: dict[str, tuple[int, str]] = {}
        for found in filter(None, map(_ROWS.fullmatch, self.lines)):
            name = found["name"]
            rows[name + "+" if name in rows else name] = (int(found["number"]), found["verb"])
        return rows

    @property
    def by_cascade(self) -> set[str]:
        """The tables whose rows went by cascade or trigger."""
        return {m["name"] for m in map(_ROWS.fullmatch, self.lines) if m and "by cascade" in m["how"]}


def from_psql(ran: Ran) -> Refused:
    """The last error in psql's output, which was run with VERBOSE."""
    found = list(_PSQL.finditer(ran.stderr))
    assert found, f"psql shows no error: {ran.stdout!r} {ran.stderr!r}"
    last = found[-1]
    rest = ran.stderr[last.end() :]
    return Refused(last["state"], last["message"], _block(rest, "DETAIL"), _block(rest, "HINT"))


def _block(text: str, title: str) -> str:
    found = re.search(rf"^{title}:  (.*(?:\n(?!DETAIL:|HINT:|LOCATION:|ERROR:).*)*)", text, re.MULTILINE)
    return found.group(1).rstrip("\n") if found else ""


def from_psycopg(error: psycopg.Error) -> Refused:
    diag = error.diag
    return Refused(diag.sqlstate or "", diag.message_primary or "", diag.message_detail or "", diag.message_hint or "")


def from_raw(messages: list[Message]) -> Refused:
    """The one ErrorResponse among these messages."""
    errors = [message.fields for message in messages if message.kind == "E"]
    assert len(errors) == 1, errors
    fields = errors[0]
    return Refused(fields["C"], fields["M"], fields.get("D", ""), fields.get("H", ""))


# Temporary objects go some time after the session that made them.
_TEMPORARY = "(select oid from pg_namespace where nspname ~ '^pg_(toast_)?temp_')"
_OF_TEMPORARY = f"(select oid from pg_class where relnamespace in {_TEMPORARY})"
SNAPSHOT = {
    "relations": "select c.oid::regclass, relkind, relowner, relrowsecurity, relfilenode from pg_class c "
    "join pg_namespace n on n.oid = relnamespace where nspname !~ '^pg_' and nspname <> 'information_schema'",
    "columns": "select attrelid::regclass, attname, atttypid, attnotnull from pg_attribute "
    "join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace "
    "where attnum > 0 and nspname !~ '^pg_' and nspname <> 'information_schema'",
    "functions": "select oid, proname, md5(prosrc) from pg_proc "
    f"where oid >= 16384 and pronamespace not in {_TEMPORARY}",
    "constraints": "select oid, conname, conrelid from pg_constraint "
    f"where oid >= 16384 and connamespace not in {_TEMPORARY}",
    "triggers": f"select oid, tgname, tgenabled from pg_trigger where tgrelid not in {_OF_TEMPORARY}",
    "grants": "select oid::regclass, relacl::text from pg_class "
    f"where oid >= 16384 and relnamespace not in {_TEMPORARY}",
    "policies": f"select oid, polname from pg_policy where polrelid not in {_OF_TEMPORARY}",
    "types": f"select oid, typname from pg_type where oid >= 16384 and typnamespace not in {_TEMPORARY}",
    "schemas": "select oid, nspname from pg_namespace where nspname !~ '^pg_'",
    "large objects": "select oid from pg_largeobject_metadata",
    "roles": "select rolname from pg_roles",
    "prepared": "select gid from pg_prepared_xacts where database = current_database()",
}


def snapshot(server: Postgres, dbname: str) -> dict[str, object]:
    """Every row of every table and every object, seen by the superuser over a direct connection."""
    seen: dict[str, object] = {}
    with server.connect("postgres", dbname) as connection:
        for name, query in SNAPSHOT.items():
            seen[name] = sorted(map(repr, connection.execute(query.encode()).fetchall()))
        tables = connection.execute(
            "select oid::regclass::text from pg_class where relkind = 'r' and oid >= 16384 and relpersistence <> 't' "
            "and relnamespace not in (select oid from pg_namespace where nspname ~ '^pg_')"
        ).fetchall()
        for (table,) in tables:
            digest = f"select count(*), md5(coalesce(string_agg(t::text, ',' order by t::text), '')) from {table} t"
            seen[f"rows of {table}"] = connection.execute(digest.encode()).fetchone()
    return seen


@contextmanager
def unharmed(server: Postgres, dbname: str) -> Iterator[None]:
    """Nothing has changed when the block is over: no row, no object."""
    before = snapshot(server, dbname)
    yield
    after = snapshot(server, dbname)
    changed = {name: (before.get(name), after.get(name)) for name in before.keys() | after.keys()}
    changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
    assert not changed, f"changed: {changed}"
