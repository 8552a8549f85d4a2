"""The client's settings that change what a statement means or who its caller is: followed, confirmed, never guessed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pgguard.catalog.proof import Harmless
from pgguard.evidence.measurement import Reading
from pgguard.evidence.session_facts import SessionFacts, SessionState, is_on
from pgguard.policy.verdict import Allow, Caller
from pgguard.session.judge import Judged, prepared_by
from pgguard.session.meaning import identifier
from pgguard.session.names import Portal, Prepared
from pgguard.sql.statement import Setting, Statement, StatementKind

if TYPE_CHECKING:
    from pgguard.session.connection import Session
    from pgguard.session.world import Desk

# Here 0x5C, the backslash, can be the second byte of a character: the text is not to the server what it is to us.
UNSAFE_ENCODINGS = frozenset({"SJIS", "SHIFT_JIS_2004", "BIG5", "GBK", "UHC", "GB18030", "JOHAB"})
# What Python calls PostgreSQL's other encodings, in all of which ASCII bytes stand for themselves.
_CODECS = {
    "LATIN1": "iso8859-1", "LATIN2": "iso8859-2", "LATIN3": "iso8859-3", "LATIN4": "iso8859-4", "LATIN5": "iso8859-9",
    "LATIN6": "iso8859-10", "LATIN7": "iso8859-13", "LATIN8": "iso8859-14", "LATIN9": "iso8859-15",
    "LATIN10": "iso8859-16", "ISO_8859_5": "iso8859-5", "ISO_8859_6": "iso8859-6", "ISO_8859_7": "iso8859-7",
    "ISO_8859_8": "iso8859-8", "KOI8R": "koi8-r", "KOI8U": "koi8-u", "WIN866": "cp866", "WIN874": "cp874",
    "WIN1250": "cp1250", "WIN1251": "cp1251", "WIN1252": "cp1252", "WIN1253": "cp1253", "WIN1254": "cp1254",
    "WIN1255": "cp1255", "WIN1256": "cp1256", "WIN1257": "cp1257", "WIN1258": "cp1258", "EUC_JP": "euc_jp",
    "EUC_KR": "euc_kr", "EUC_CN": "gb2312",
}  # fmt: skip
_LEXING = ("standard_conforming_strings", "client_encoding", "names")
_WHO = ("role", "session_authorization", "all", "application_name", "search_path", "session_replication_role")


def as_utf8(parameters: dict[str, str], text: bytes) -> bytes:
    """``text`` as it is to be read. What cannot be converted stays, and is not valid UTF-8 then: nothing is proved."""
    codec = _CODECS.get(parameters.get("client_encoding", "UTF8").upper())
    if codec is None:
        return text
    try:
        return text.decode(codec).encode()
    except UnicodeDecodeError:
        return text


class Settings:
    """``stale``: ask again at idle before the next statement is judged."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self.stale = False
        self.token = ""
        self.report = False
        self.dry_run = False
        self.current_user = caller.role
        self.search_path = ""
        self._lexing_touched = False  # it was changed at some time in this session
        self.backend_pid = 0
        # Triggers and foreign keys do not run, and neither the administrator nor an approval has said so: nothing that
        # is proved of writes is true, so all of them are measured, and the policy is asked.
        self.guards_off = False
        self._replication_allowed = "origin"
        self.lexing_unknown = False  # it is being changed; the server says how only with ReadyForQuery

    def lexing_trouble(self, parameters: dict[str, str], text: bytes) -> str:
        """Why ``text`` does not mean to the server what it means to the parser; "" when it does. Without a backslash,
        and without bytes beyond ASCII, it means the same in every state."""
        slash = b"\\" in text
        if slash and parameters.get("standard_conforming_strings", "on") != "on":
            return "standard_conforming_strings is off, and there is a backslash in the text"
        if text.isascii() and not slash:
            return ""
        if self.lexing_unknown:
            return "standard_conforming_strings or client_encoding is being changed"
        encoding = parameters.get("client_encoding", "UTF8").upper()
        if encoding in UNSAFE_ENCODINGS and not text.isascii():
            return f"client_encoding is {encoding}"
        return ""

    def caller(self, parameters: dict[str, str]) -> Caller:
        """Who the session is to the policy now."""
        application = parameters.get("application_name", self._caller.application)
        if application != self._caller.application:
            self._caller = replace(self._caller, application=application)
        return self._caller

    def confirmed(self, facts: SessionFacts) -> None:
        """The answer to the question asked at idle."""
        self.stale = False
        self.backend_pid = facts.backend_pid
        if not facts.chose_replication:
            self._replication_allowed = facts.state.session_replication_role
        self._believe(facts.state)

    def follow(self, reading: Reading) -> None:
        """What a reading says of the settings inside the transaction."""
        self._believe(reading)

    def _believe(self, now: SessionState | Reading) -> None:
        current_user, ours = now.current_user, now.settings
        self.current_user = current_user
        self.search_path = now.search_path
        self.guards_off = now.session_replication_role not in ("origin", self._replication_allowed)
        self.token = ours.get("token", "")
        self.report = is_on(ours.get("report", ""))
        self.dry_run = is_on(ours.get("dry_run", ""))
        new = replace(
            self._caller, role=current_user, claim=ours.get("environment", ""), reason=ours.get("reason", "")
        )
        if new != self._caller:
            self._caller = new

    def sending(self, judged: Judged) -> None:
        """``judged`` goes out: from here until ReadyForQuery its SETs may be in force or not."""
        for statement in judged.statements:
            setting = statement.setting
            if setting is not None and setting.name.lower() in (*_LEXING, "all"):
                self.lexing_unknown = self._lexing_touched = True
            elif statement.control is not None or statement.node == "DiscardStmt":
                self.lexing_unknown = self.lexing_unknown or self._lexing_touched  # ROLLBACK undoes a SET

    def unread_code(self) -> None:
        """Code ran that nobody read: any setting may be another one."""
        self.stale = self._lexing_touched = True

    def apply(self, session: Session, judged: Judged) -> None:
        """``judged`` ran without an error. What a SET becomes at the end of its block is asked at idle (``stale``)."""
        for statement in judged.statements:
            if statement.setting is not None:
                self._set(statement.setting)
            elif statement.kind is StatementKind.PREPARE:
                self._prepared(session, judged, statement)
            elif statement.kind is StatementKind.DEALLOCATE:
                self._deallocated(session, statement.name)
            elif statement.kind is StatementKind.CURSOR:
                self._cursor(session, judged, statement)
            elif statement.node == "DiscardStmt":
                session.names.taint()
                self.stale = True

    def _set(self, setting: Setting) -> None:
        name = setting.name.lower()
        if name in _WHO or name.startswith("pgguard."):
            self.stale = True
        if name == "pgguard.environment":
            # believed at once, for what comes in the same block; asked again at idle
            self._caller = replace(self._caller, claim=setting.value or "")
        elif name == "role":
            role = setting.value if setting.value not in (None, "none") else self._caller.user
            self._caller = replace(self._caller, role=role or "")
        elif name == "session_replication_role":
            self._replication_allowed = setting.value or self._replication_allowed  # the policy let it pass
        elif name == "pgguard.dry_run":
            self.dry_run = self.dry_run or is_on(setting.value)

    def _prepared(self, session: Session, judged: Judged, statement: Statement) -> None:
        name = identifier(statement.name)
        if len(judged.statements) != 1 or session.desk.silent:
            session.names.statements.pop(name, None)
            return
        inner = prepared_by(session.desk, session.world.picture, judged.text, judged.read)
        session.names.statements[name] = Prepared(judged.text, (), inner, session.desk.version, by_sql=True)

    def _deallocated(self, session: Session, name: str) -> None:
        if name:
            session.names.statements.pop(identifier(name), None)
        else:
            session.names.statements.clear()

    def _cursor(self, session: Session, judged: Judged, statement: Statement) -> None:
        name = identifier(statement.name)
        if statement.node == "DeclareCursorStmt":
            if len(judged.statements) == 1 and all(isinstance(p, Harmless) for p in judged.proofs):
                session.names.portals[name] = Portal(judged, b"", holds=statement.with_hold)
            else:
                session.names.portals.pop(name, None)
        elif statement.node == "ClosePortalStmt":
            session.names.portals.pop(name, None)

    def free(self, desk: Desk, text: bytes) -> Judged:
        """For a caller of whom no limit, rule or claim speaks: nothing is read."""
        return Judged(text, (), (), (), Allow(), fast=True)
