"""Statements about the session and its transaction: BEGIN to ROLLBACK, cursors, PREPARE, SET, DO, VACUUM."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.session import model_answers
from tests.session.model_database import PgError

if TYPE_CHECKING:
    from tests.session.model_server import ModelServer

Done = tuple[list[bytes] | None, str]


def control(server: ModelServer, text: str, params: list[bytes]) -> Done | None:
    """What ``text`` comes to; None: it is about data."""
    if text.startswith(model_answers.MARK):
        tag, rows = model_answers.answer(text, server.db, server.parameters, server.settings)
        return rows, tag
    words = text.lower()
    for transaction in (_transaction, _session, _cursors, _prepared, _unread):
        done = transaction(server, words, params)
        if done is not None:
            return done
    return None


def _in_block(server: ModelServer) -> bool:
    return server.block in ("block", "failed")


def _needs_block(server: ModelServer, what: str) -> None:
    if not _in_block(server) and not server.several:
        raise PgError("25P01", f"{what} can only be used in transaction blocks")


def _transaction(server: ModelServer, words: str, params: list[bytes]) -> Done | None:
    from tests.session.model_messages import warning

    if words in ("begin", "start transaction"):
        if _in_block(server):
            server.put(warning("25001", "there is already a transaction in progress"))
        server.block = "block"
        return None, "BEGIN"
    if words in ("commit", "commit and chain", "end"):
        return _commit(server, words)
    if words in ("rollback", "rollback and chain"):
        if not _in_block(server):
            if "chain" in words:
                raise PgError("25P01", "ROLLBACK AND CHAIN can only be used in transaction blocks")
            server.put(warning("25P01", "there is no transaction in progress"))
        server.end_transaction(commit=False)
        if "chain" in words:
            server.block = "block"
        return None, "ROLLBACK"
    if found := re.fullmatch(r"(savepoint|release|rollback to) (\w+)", words):
        if not _in_block(server):
            raise PgError("25P01", f"{found[1].upper()} can only be used in transaction blocks")
        if found[1] == "savepoint":
            server.db.savepoint(found[2])
        elif found[1] == "release":
            server.db.release(found[2])
        else:
            server.db.rollback_to(found[2])
            server.block = "block"
        return None, found[1].split()[0].upper()
    return None


def _commit(server: ModelServer, words: str) -> Done:
    from tests.session.model_messages import warning

    if server.block == "failed":
        server.end_transaction(commit=False)
        if "chain" in words:
            server.block = "block"
        return None, "ROLLBACK"
    if not _in_block(server):
        if "chain" in words:
            raise PgError("25P01", "COMMIT AND CHAIN can only be used in transaction blocks")
        server.put(warning("25P01", "there is no transaction in progress"))
    server.end_transaction(commit=True)
    if "chain" in words:
        server.block = "block"
    return None, "COMMIT"


def _session(server: ModelServer, words: str, params: list[bytes]) -> Done | None:
    from tests.session.model_messages import message

    if words.startswith("set constraints all "):
        server.db.constraints_immediate = words.endswith("immediate")
        if server.db.constraints_immediate:
            server.db.fire()
        return None, "SET CONSTRAINTS"
    if found := re.fullmatch(r"set application_name = '(\w+)'", words):
        server.parameters["application_name"] = found[1]
        server.put(message(b"S", f"application_name\0{found[1]}\0".encode()))
        return None, "SET"
    if found := re.fullmatch(r"set pgguard\.(\w+) = '(\w+)'", words):
        server.settings[found[1]] = found[2]
        return None, "SET"
    if found := re.fullmatch(r"lock table (\w+)", words):
        _needs_block(server, "LOCK TABLE")
        server.db.table(found[1])
        return None, "LOCK TABLE"
    if words == "vacuum":
        if _in_block(server) or server.several or server.executed:
            raise PgError("25001", "VACUUM cannot run inside a transaction block")
        server.end_transaction(commit=True)  # it commits what was planned before it
        server.block = "implicit"
        return None, "VACUUM"
    if words == "discard all":
        if _in_block(server) or server.several or server.executed:
            raise PgError("25001", "DISCARD ALL cannot run inside a transaction block")
        server.statements.clear()
        server.end_transaction(commit=True)
        server.block = "implicit"
        return None, "DISCARD ALL"
    return None


def _cursors(server: ModelServer, words: str, params: list[bytes]) -> Done | None:
    from tests.session.model_messages import Portal

    if found := re.fullmatch(r"declare (\w+) cursor (with hold )?for (.*)", words):
        name = found[1].encode()
        if not found[2]:
            _needs_block(server, "DECLARE CURSOR")
        if name in server.portals:
            raise PgError("42P03", f'cursor "{found[1]}" already exists')
        server.portals[name] = Portal(found[3], [])
        if found[2]:
            server.db.holds[found[1]] = found[3]
            if found[3] == "select imm()":
                server.db.purge()
        return None, "DECLARE CURSOR"
    if found := re.fullmatch(r"fetch (\w+)", words):
        portal = server.portals.get(found[1].encode())
        if portal is None:
            raise PgError("34000", f'cursor "{found[1]}" does not exist')
        if portal.done:
            return [], "FETCH 0"
        portal.done = True
        rows, _ = server.run(portal.text, portal.params)
        return rows or [], f"FETCH {len(rows or [])}"
    if found := re.fullmatch(r"close (\w+)", words):
        if server.portals.pop(found[1].encode(), None) is None:
            raise PgError("34000", f'cursor "{found[1]}" does not exist')
        server.db.holds.pop(found[1], None)
        return None, "CLOSE CURSOR"
    return None


def _prepared(server: ModelServer, words: str, params: list[bytes]) -> Done | None:
    from tests.session.model_messages import Prepared

    if found := re.fullmatch(r"prepare (\w+) as (.*)", words):
        if found[1].encode() in server.statements:
            raise PgError("42P05", f'prepared statement "{found[1]}" already exists')
        server.statements[found[1].encode()] = Prepared(found[2])
        return None, "PREPARE"
    if found := re.fullmatch(r"execute (\w+)", words):
        prepared = server.statements.get(found[1].encode())
        if prepared is None:
            raise PgError("26000", f'prepared statement "{found[1]}" does not exist')
        if prepared.text == "select imm()":
            server.db.purge()
        return server.run(prepared.text, [])
    if words == "deallocate all":
        server.statements.clear()
        return None, "DEALLOCATE ALL"
    if found := re.fullmatch(r"deallocate (\w+)", words):
        if server.statements.pop(found[1].encode(), None) is None:
            raise PgError("26000", f'prepared statement "{found[1]}" does not exist')
        return None, "DEALLOCATE"
    return None


def _unread(server: ModelServer, words: str, params: list[bytes]) -> Done | None:
    """DO: ``do $$purge$$``, ``do $$nothing$$``, ``do $$make$$`` (a function), ``do $$commit$$``,
    ``do $$prepare NAME$$`` (as delete from t)."""
    from tests.session.model_messages import Portal, Prepared

    found = re.fullmatch(r"do \$\$(\w+) ?(\w*)\$\$", words)
    if found is None:
        return None
    server.db.unread = True
    name = found[2].encode()
    if found[1] == "purge":
        server.db.purge()
    elif found[1] == "make":
        server.db.now.catalog_writes += 1
    elif found[1] == "commit":
        server.db.purge()
        if _in_block(server) or server.several:
            raise PgError("2D000", "invalid transaction termination")
        server.end_transaction(commit=True)
        server.block = "implicit"
    elif found[1] == "prepare":
        server.statements[name] = Prepared("delete from t")
    elif found[1] == "declare":
        server.portals[name] = Portal("select purge()", [])
    elif found[1] == "hold":
        server.db.holds["h"] = "select purge()"
    return None, "DO"
