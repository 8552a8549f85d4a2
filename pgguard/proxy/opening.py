"""Between sign-in and session: whether this is the right server, who the caller is, and what he is told."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import structlog

from pgguard.console.connection import ConsoleConnection
from pgguard.errors import UpstreamUnavailable
from pgguard.policy import claims
from pgguard.policy.verdict import Caller
from pgguard.proxy.randomness import fresh
from pgguard.session.connection import Session
from pgguard.session.replies import IDLE
from pgguard.session.talks import LENT
from pgguard.wire.backend import encode_notice, ready_for_query

if TYPE_CHECKING:
    from pgguard.evidence.session_facts import SessionFacts
    from pgguard.proxy.services import Services
    from pgguard.session.signin import SignIn

log = structlog.get_logger()


def _other_server(services: Services, facts: SessionFacts) -> Mapping[str, str]:
    """What is known over the admin connection, and what was approved, is of another server."""
    if facts.system_identifier == services.system_identifier:
        return {}
    log.error("another server", expected=services.system_identifier, found=facts.system_identifier)
    return {
        "C": "PGG06",
        "M": f"this is not the server that pgguard is for: its system_identifier is {facts.system_identifier},"
        f" not {services.system_identifier}",
    }


def _lent(services: Services, facts: SessionFacts) -> Mapping[str, str]:
    """Two of our sessions have one backend: what either sets, the other has. A pooler gives both the one that was idle
    last, so it shows as soon as there are two."""
    same = (client.pid == facts.backend_pid and client.server_started == facts.server_started
            for client in services.clients)  # fmt: skip
    if services.observe or not any(same):
        return {}
    log.error("a pooler stands between pgguard and the server", backend=facts.backend_pid)
    return {"C": "PGG05", "M": LENT}


async def _other_copy(services: Services, facts: SessionFacts) -> Mapping[str, str]:
    """It has the same identifier, and was started at another moment. A standby cannot write: it is left alone."""
    if facts.in_recovery or await services.admin.is_at(facts.database, facts.server_started):
        return {}
    log.error("the admin connection has reached another copy of the server", database=facts.database)
    return {"C": "PGG06", "M": "pgguard's own connection has reached another copy of this server"}


async def open_session(
    services: Services, sign_in: SignIn, address: str, ident: str
) -> tuple[Session, bytes] | Mapping[str, str]:
    """The session and how it greets: ReadyForQuery, behind a notice of the environment where that is to be told. Or
    the fields of the error that ends it."""
    facts = sign_in.facts
    assert facts is not None
    if wrong := _other_server(services, facts) or _lent(services, facts):
        return wrong
    if sign_in.parameters.get("in_hot_standby") == "on" and services.upstreams.is_standby():
        return {"C": "57P03", "M": "the server has become a standby: connect again"}
    try:
        world = await services.world(facts.database)
        # Last: should it move from here on, the session is there and ends (Services.moved).
        if wrong := await _other_copy(services, facts):
            return wrong
    except UpstreamUnavailable as trouble:
        return {"C": "PGG06", "M": f"pgguard cannot judge now: {trouble}"}
    caller = Caller(
        user=facts.session_user, database=facts.database,
        application=sign_in.parameters.get("application_name", ""),
        address=address, role=facts.state.current_user,
        claim=facts.state.settings.get("environment", ""), reason=facts.state.settings.get("reason", ""),
    )  # fmt: skip
    session = Session(world, caller, ident=ident, fresh=fresh, clock=time.monotonic, database_oid=facts.database_oid)
    session.replies.parameters.update(sign_in.parameters)
    session.settings.confirmed(facts)
    told = claims.notice(world.policy, caller) if facts.hears_notices and not world.observe else ""
    notice = encode_notice({"C": "00000", "M": told}) if told else b""
    return session, notice + ready_for_query(IDLE)


async def find_verifier(services: Services, sign_in: SignIn, then: Callable[[], None]) -> None:
    """The server's own SCRAM verifier of who signs in, for the sign-in. ``then``: go on with it."""
    assert services.verifiers is not None
    try:
        sign_in.verifier_is(await services.verifiers.find(sign_in.startup.user))
    except UpstreamUnavailable as trouble:
        log.warning("no SCRAM verifiers", why=str(trouble))
        sign_in.no_verifier()
    then()


async def open_console(
    services: Services, sign_in: SignIn, address: str, write: Callable[[bytes], None], close: Callable[[], None],
    drained: Callable[[], Awaitable[object]],
) -> ConsoleConnection | Mapping[str, str]:  # fmt: skip
    """Who signed in to the database pgguard talks to pgguard itself; or the fields of the error that ends it: at a copy
    of the server logins can have other passwords, and other people can be members."""
    startup, facts = sign_in.startup, sign_in.facts
    assert facts is not None
    try:
        if wrong := _other_server(services, facts) or await _other_copy(services, facts):
            return wrong
    except UpstreamUnavailable as trouble:
        return {"C": "PGG06", "M": f"pgguard cannot tell which server this is: {trouble}"}
    return ConsoleConnection(
        person=startup.user, proved=sign_in.proved, write=write, close=close, desk=services.desk, drained=drained,
        address=address, application=startup.get("application_name"),
    )  # fmt: skip
