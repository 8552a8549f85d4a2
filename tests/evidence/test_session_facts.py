"""What is asked before the first ReadyForQuery, on real servers."""

from __future__ import annotations

from typing import Any

import pytest

from pgguard.errors import ProtocolViolation
from pgguard.evidence.session_facts import SESSION_SQL, parse_session, parse_state


def test_facts_are_the_servers_own(client: Any) -> None:
    facts = parse_session(client.run(SESSION_SQL))
    assert (facts.session_user, facts.database) == ("owner", "postgres")
    assert facts.database_oid == client.run("select oid::int from pg_database where datname = 'postgres'")[0][0]
    assert facts.backend_pid == client.connection.info.backend_pid
    assert str(facts.server_version_num).startswith(client.server.name)
    assert not facts.in_recovery and facts.client_encoding == "UTF8"
    assert facts.system_identifier == client.run("select system_identifier::text from pg_control_system()")[0][0]
    started = client.run("select timestamptz_send(pg_postmaster_start_time())")[0][0]
    assert bytes.fromhex(facts.server_started) == started
    assert facts.hears_notices and not facts.chose_replication
    assert facts.state.current_user == "owner" and facts.state.settings == {} and facts.state.track_counts


def test_settings_of_the_role_are_there(connect: Any) -> None:
    connect("postgres").run("alter role other set pgguard.environment = 'staging'")
    assert parse_session(connect("other").run(SESSION_SQL)).state.settings == {"environment": "staging"}
    connect("postgres").run("alter role other reset all")


def test_who_switched_triggers_off(connect: Any) -> None:
    admin = connect("postgres")
    admin.run("alter role other set session_replication_role = replica")
    given = parse_session(connect("other").run(SESSION_SQL))
    admin.run("alter role other reset all")
    admin.run("set session_replication_role = replica")
    chosen = parse_session(admin.run(SESSION_SQL))

    assert [("replica", "user"), ("replica", "session")] == [
        (facts.state.session_replication_role, facts.replication_source) for facts in (given, chosen)
    ]
    assert (given.chose_replication, chosen.chose_replication) == (False, True)


@pytest.mark.parametrize(("least", "heard"), [("debug1", True), ("log", True), ("warning", False), ("error", False)])
def test_who_wants_to_hear_no_notices(client: Any, least: str, heard: bool) -> None:
    client.run(f"set client_min_messages = {least}")
    assert parse_session(client.run(SESSION_SQL)).hears_notices is heard


@pytest.mark.parametrize("broken", [[], [["5b5d"]], [[b'["u", "d", "5", 1, "150000", false, "UTF8", []]'.hex()]]])
def test_an_answer_that_is_not_whole_raises(broken: list[list[str | None]]) -> None:
    with pytest.raises(ProtocolViolation):
        parse_session(broken)
    with pytest.raises(ProtocolViolation):
        parse_state([])
