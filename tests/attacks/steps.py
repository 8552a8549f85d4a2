"""The steps of an attack, sent message by message over one or several connections.

A step is one of

- a text: a simple Query, or in the form ``extended`` Parse, Bind, Describe, Execute and Sync; DATABASE and PORT stand
  for the name of the database and the server's own port;
- a list of messages, in one write: ``Sync``, ``Flush``, ``CopyDone``, ``{Query: text}``, ``{bytes: text}`` for a Query
  of just these bytes, ``{Parse: text, name:, types: [name]}``, ``{Bind: [values], statement:, portal:}``,
  ``{Describe: S}``, ``{Execute: portal, rows: n}``, ``{Close: S, name:}``, ``{FunctionCall: function, arguments:}``,
  ``{CopyData: text}``, ``{Run: text, values: [...]}`` for Parse to Execute, and ``{Binary: text, values: [hex]}``;
- ``{by: b, do: step}``: over the connection of that name (of that user, when it is the name of one of the roles);
- ``{by: b, send: step}``: the same without waiting for the answer;
- ``{wait: SQL}``: until that is true over a direct connection, for a while; ``{wait: blocked}``: somebody waits for a
  lock; ``{pause: seconds}``;
- ``{approve: user}``: through pgguard, a second person approves what was asked for last;
- ``{vanish: b}``: the connection is cut.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any

import psycopg
from live import frontend as f
from live.backend import Message
from live.endpoint import Endpoint
from live.postgres import ROLES, Postgres
from live.raw import Raw
from live.waiting import PATIENCE

from tests.attacks.cases import Case

CLAIM = "-c pgguard.environment=production"
BLOCKED = "select exists (select from pg_locks where not granted)"
QUIET = 0.4  # seconds of silence after which nothing more is expected of an answer whose length is not known
LONG = 12.0


class Attack:
    """One case on its way. ``states``: the SQLSTATEs that the attacker saw."""

    def __init__(self, case: Case, server: Postgres, endpoint: Endpoint, database: str) -> None:
        self.case = case
        self.server = server
        self.endpoint = endpoint
        self.database = database
        self.states: list[str] = []
        self.last_error = ""
        self._open: dict[str, Raw] = {}
        self._has_copy_data = False  # what was sent last answers a CopyInResponse itself
        self._owed: dict[str, int] = {}  # ReadyForQuery messages that are still to come; -1: nobody knows

    def run(self) -> list[str]:
        """All the steps; the SQLSTATEs that were seen."""
        with ExitStack() as stack:
            stack.callback(self._close)
            for step in self.case.steps:
                self._step(step, "a")
            for name in list(self._owed):
                self._read(name)
        return self.states

    def _close(self) -> None:
        for raw in self._open.values():
            raw.close()

    def _step(self, step: Any, name: str) -> None:
        match step:
            case str():
                self._send(name, [step])
                self._read(name)
            case list():
                self._send(name, step)
                self._read(name)
            case {"do": inner}:
                self._step(inner, step.get("by", name))
            case {"send": inner}:
                self._send(step.get("by", name), inner if isinstance(inner, list) else [inner])
            case {"wait": condition}:
                self._wait(BLOCKED if condition == "blocked" else condition)
            case {"pause": seconds}:
                time.sleep(seconds)
            case {"approve": user}:
                self._approve(user)
            case {"vanish": other}:
                self._owed.pop(other, None)
                self._open.pop(other).vanish()
            case _:
                self._step([step], name)

    def _connection(self, name: str) -> Raw:
        if name not in self._open:
            user = name if name in ROLES else self.case.by
            options = {"options": f"{CLAIM} {self.case.options}"}
            self._open[name] = Raw.connect(self.endpoint, user, self.database, parameters=options)
        return self._open[name]

    def _send(self, name: str, messages: list[Any]) -> None:
        raw = self._connection(name)
        if self._owed.get(name):
            self._read(name)
        sent = [part for message in messages for part in self._message(message)]
        self._owed[name] = _owed(sent)
        self._has_copy_data = any(message[:1] == b"c" for message in sent)
        with suppress(OSError):
            raw.send(*sent)

    def _read(self, name: str) -> None:
        """What comes until every ReadyForQuery is there, copy data is wanted, or nothing more comes."""
        raw, owed = self._open[name], self._owed.pop(name, 0)
        raw.socket.settimeout(LONG)
        try:
            while owed:
                if owed < 0 and raw.is_quiet(QUIET):
                    return
                message = raw.read()
                self._note(message)
                if message.kind == "Z" and owed > 0:
                    owed -= 1
                elif message.kind == "G" and not self._has_copy_data:
                    return
        except (EOFError, OSError):
            self.states.append("closed")

    def _note(self, message: Message) -> None:
        if message.kind == "E":
            self.states.append(message.fields.get("C", ""))
            self.last_error = message.fields.get("M", "")

    def _message(self, message: Any) -> list[bytes]:
        match message:
            case "Sync":
                return [f.sync()]
            case "Flush":
                return [f.flush()]
            case "CopyDone":
                return [f.copy_done()]
            case str():
                text = self._filled(message)
                return [f.run(text), f.sync()] if self.case.form == "extended" else [f.query(text)]
            case {"bytes": text}:
                return [f.query(text.encode("latin-1"))]
            case {"Query": text}:
                return [f.query(self._filled(text))]
            case {"Parse": text}:
                return [f.parse(self._filled(text), message.get("name", ""), self._types(message))]
            case {"Bind": values}:
                return [f.bind(_values(values), message.get("statement", ""), message.get("portal", ""))]
            case {"Describe": kind}:
                return [f.describe(kind, message.get("name", ""))]
            case {"Execute": portal}:
                return [f.execute(portal or "", message.get("rows", 0))]
            case {"Close": kind}:
                return [f.close(kind, message.get("name", ""))]
            case {"FunctionCall": function}:
                return [f.function_call(self._oid(f"{function}", "regprocedure"), _values(message.get("arguments")))]
            case {"CopyData": data}:
                return [f.copy_data(data)]
            case {"Run": text}:
                return [f.run(self._filled(text), _values(message.get("values")), types=self._types(message))]
            case {"Binary": text}:
                values = [bytes.fromhex(value) for value in message["values"]]
                return [f.parse(self._filled(text)), f.bind(values, formats=[1]), f.execute()]
        raise AssertionError(f"{self.case.name}: {message!r} is no message")

    def _filled(self, text: str) -> str:
        return filled(text, self.server, self.database)

    def _types(self, message: Mapping[str, Any]) -> list[int]:
        return [self._oid(name, "regtype") if name else 0 for name in message.get("types", ())]

    def _oid(self, name: str, kind: str) -> int:
        found: int = self.server.value(f"select %s::{kind}::oid", [name], dbname=self.database)
        return found

    def _wait(self, condition: str) -> None:
        # What pgguard refused will never come true.
        deadline = time.monotonic() + (PATIENCE if self.endpoint is self.server else 3)
        while not self.server.value(condition, dbname=self.database) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _approve(self, user: str) -> None:
        request = re.search(r"\brequest (\d+)\b", self.last_error)
        if request is None or self.endpoint is self.server:
            return
        with self.endpoint.connect(user, "pgguard") as console, suppress(psycopg.Error):
            console.execute(f"APPROVE {request[1]}".encode())


def filled(text: str, server: Postgres, database: str) -> str:
    """With the name of the database and the server's own port in it."""
    return text.replace("DATABASE", database).replace("PORT", str(server.port))


def _owed(sent: list[bytes]) -> int:
    """How many ReadyForQuery messages will come; -1 where an error in front could swallow one."""
    kinds = [message[:1] for message in sent]
    ends = sum(kind in (b"S", b"Q", b"F", b"c") for kind in kinds)
    if b"c" in kinds and b"S" in kinds:
        ends -= 1
    extended = any(kind in (b"P", b"B", b"E") for kind in kinds)
    return -1 if not ends or (extended and (b"Q" in kinds or b"F" in kinds or kinds[-1] != b"S")) else ends


def _values(values: list[Any] | None) -> list[str | None]:
    return [None if value is None else str(value) for value in values or ()]
