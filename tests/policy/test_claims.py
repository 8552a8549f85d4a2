"""What a session that claims another environment, or none, may still do."""

from __future__ import annotations

import pytest

from pgguard.policy import claims
from pgguard.policy.verdict import Caller
from pgguard.sql.read import read
from tests.policy.making import asked, lost, policy

STRICT = policy(environment="production", claims={"missing": "refuse-destroying", "differs": "refuse"})
LAX = policy(environment="production")


@pytest.mark.parametrize(
    ("sql", "passes"),
    [
        ("set pgguard.environment = 'production'", True),
        ("SET PgGuard.Environment TO production", True),
        ("set local pgguard.environment = production", True),
        ("set session pgguard.environment = 'staging'", True),
        ("reset pgguard.environment", True),
        ("reset all", True),
        ("discard all", True),
        ("show pgguard.environment", True),
        ("show all", False),
        ("show server_version", False),
        ("", False),
        ("rollback", True),
        ("abort", True),
        ("rollback; reset pgguard.environment", True),
        ("rollback to savepoint s", False),
        ("rollback prepared 'x'", False),
        ("commit", False),
        ("begin", False),
        ("select 1", False),
        ("set pgguard.token = 'x'", False),
        ("set session_replication_role = replica", False),
        ("discard temp", False),
        ("set pgguard.environment = production; drop table t", False),
        ("select set_config('pgguard.environment', 'production', false)", False),
        ("explain delete from t", False),
        ("not sql at all", False),
    ],
)
def test_differs(sql: str, passes: bool) -> None:
    request = asked(*read(sql.encode()).statements, claim="staging")
    assert (claims.differs(STRICT, request, None) is None) is passes
    assert claims.differs(LAX, request, None) is None
    assert claims.differs(STRICT, asked(*request.statements, claim="production"), None) is None
    assert claims.differs(STRICT, asked(*request.statements), None) is None


def test_differs_says_both_and_no_way_round() -> None:
    refused = claims.differs(STRICT, asked(*read(b"drop table t").statements, claim="staging"), None)
    assert refused is not None
    assert (refused.sqlstate, refused.blames[0].rule) == ("PGG01", "claims")
    assert refused.blames[0].says == 'this is "production", the session claims "staging"'
    assert 'If this was meant for "staging", connect to that server.' in refused.hint


def test_missing() -> None:
    gone = (lost("table public.t"), lost("view public.v"))
    refused = claims.missing(STRICT, asked(), gone, None)
    assert refused is not None
    assert refused.sqlstate == "PGG01"
    assert refused.blames[0].says == (
        "destroys table public.t and 1 more, and the session does not say which environment it means"
    )
    assert refused.hint.startswith("Set pgguard.environment to the name of the environment that you believe")
    assert "production" not in refused.hint  # it must be said, not copied
    assert claims.missing(STRICT, asked(), (), None) is None
    assert claims.missing(STRICT, asked(), None, None) is None
    assert claims.missing(STRICT, asked(claim="production"), gone, None) is None
    assert claims.missing(LAX, asked(), gone, None) is None


@pytest.mark.parametrize(("claim", "expected"), [("", True), ("staging", True), ("production", False)])
def test_speak_of(claim: str, expected: bool) -> None:
    assert claims.speak_of(STRICT, Caller("ann", "shop", "shop", claim=claim)) is expected
    assert claims.speak_of(LAX, Caller("ann", "shop", "shop", claim=claim)) is False


@pytest.mark.parametrize(
    ("environment", "says", "caller", "told"),
    [
        ("production", None, Caller("ann", "shop", application="psql"), 'this is "production"'),
        ("production", None, Caller("ann", "shop", application="psql", claim="staging"),
         'this is "production", the session claims "staging"'),
        ("production", None, Caller("ann", "shop", application="psql", claim="production"), ""),
        ("production", None, Caller("ann", "shop", application="deploy"), ""),
        ("production", "off", Caller("ann", "shop", application="psql"), ""),
        ("production", ["pgAdmin 4*", "pgcli"], Caller("ann", "shop", application="psql"), ""),
        ("production", ["pgAdmin 4*", "pgcli"], Caller("ann", "shop", application="pgAdmin 4 - DB:shop"),
         'this is "production"'),
        ("production", "*", Caller("ann", "shop"), 'this is "production"'),
        ("", None, Caller("ann", "shop", application="psql", claim="staging"), ""),
    ],
)  # fmt: skip
def test_who_is_told_where_he_is(environment: str, says: object, caller: Caller, told: str) -> None:
    keys = {"environment_notice": says} if says is not None else {}
    assert claims.notice(policy(environment=environment, **keys) if environment else policy(**keys), caller) == told


def test_the_server_has_a_name() -> None:
    named = policy(environment="production", server={"name": "shop-primary"})
    assert (
        claims.notice(named, Caller("ann", "shop", application="psql")) == 'this is "production", server "shop-primary"'
    )
