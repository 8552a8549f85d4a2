"""Where SCRAM verifiers come from when both legs are encrypted, and what is said when there are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from live.certificates import Authority
from live.endpoint import password_of
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres
from live.test_start import one_line, serve
from live.test_tls_settings import presenting, refused, works
from live.waiting import wait_until

pytestmark = pytest.mark.live

Start = Callable[..., Pgguard]
BOUND = {"channel_binding": "require"}
LOOKUP = """
create schema if not exists pgguard;
create or replace function pgguard.verifier(of text, out username text, out verifier text) language sql stable
    security definer set search_path = pg_catalog
    as 'select rolname, rolpassword from pg_authid where rolname = of and rolcanlogin';
revoke all on function pgguard.verifier from public;
grant usage on schema pgguard to pgguard_poor;
grant execute on function pgguard.verifier to pgguard_poor;
"""


@pytest.fixture
def flags(authority: Authority) -> list[str]:
    return [*presenting(authority.issue("guard")), "--upstream-tls", "require"]


@pytest.fixture(scope="module")
def poor_dsn(secure: Postgres) -> str:
    """An admin role that may not read pg_authid, as on managed services."""
    secure.sql(f"create role pgguard_poor login password '{password_of('pgguard_poor')}' in role pg_monitor")
    return secure.dsn("pgguard_poor")


def userlist(secure: Postgres, directory: Path, *users: str) -> Path:
    found = secure.sql("select rolname, rolpassword from pg_authid where rolname = any(%s)", [list(users)])
    path = directory / "userlist.txt"
    path.write_text("; made by hand\n" + "".join(f'"{name}" "{verifier}"\n' for name, verifier in found))
    return path


def test_pg_authid_is_read_where_that_is_allowed(secure: Postgres, start_guard: Start, flags: list[str]) -> None:
    assert works(start_guard(secure, PRODUCTION, *flags), **BOUND)


def test_none(secure: Postgres, start_guard: Start, flags: list[str], poor_dsn: str) -> None:
    guard = start_guard(secure, PRODUCTION, *flags, "--admin-dsn", poor_dsn)

    assert "no SCRAM verifiers" in guard.logs()
    said = refused(guard)
    assert "pgguard has no SCRAM verifiers" in said
    assert "auth-query" in said
    assert works(guard, channel_binding="disable")
    assert works(guard, "paul_password")
    assert works(guard, "mary_md5")


def test_a_query(secure: Postgres, start_guard: Start, flags: list[str], poor_dsn: str) -> None:
    secure.sql(LOOKUP)
    query = "select * from pgguard.verifier($1)"
    guard = start_guard(secure, PRODUCTION, *flags, "--admin-dsn", poor_dsn, "--auth-query", query)

    assert works(guard, **BOUND)
    assert "password authentication failed" in refused(guard, password="wrong")
    assert "password authentication failed" in refused(guard, "nobody_here")


def test_a_query_that_does_not_work(secure: Postgres, tmp_path: Path, authority: Authority) -> None:
    certificate, key = authority.issue("guard")
    ran = serve(secure, tmp_path, tls_cert=str(certificate), tls_key=str(key), auth_query="select nosuch from nosuch")

    one_line(ran, "auth-query", "nosuch", exit_code=3)


def test_a_query_that_stops_working(secure: Postgres, start_guard: Start, flags: list[str], poor_dsn: str) -> None:
    secure.sql(LOOKUP)
    query = "select * from pgguard.verifier($1)"
    guard = start_guard(secure, PRODUCTION, *flags, "--admin-dsn", poor_dsn, "--auth-query", query)
    secure.sql("revoke all on function pgguard.verifier from pgguard_poor")

    said = refused(guard)
    assert "pgguard cannot look up SCRAM verifiers now" in said
    assert "permission" not in said
    guard.wait_for_log("permission denied")


def test_a_file(secure: Postgres, start_guard: Start, flags: list[str], poor_dsn: str, tmp_path: Path) -> None:
    path = userlist(secure, tmp_path, "ann")
    guard = start_guard(secure, PRODUCTION, *flags, "--admin-dsn", poor_dsn, "--auth-file", str(path))

    assert works(guard, **BOUND)
    assert "password authentication failed" in refused(guard, password="wrong")
    assert "password authentication failed" in refused(guard, "bob")  # who is not in it

    userlist(secure, tmp_path, "ann", "bob")
    wait_until(lambda: knows(guard, "bob"), guard.logs)


def knows(guard: Pgguard, user: str) -> bool:
    try:
        return works(guard, user, **BOUND)
    except psycopg.OperationalError:
        return False


def test_a_file_that_is_older_than_the_password(
    secure: Postgres, start_guard: Start, flags: list[str], poor_dsn: str, tmp_path: Path
) -> None:
    secure.sql("create role forgetful login password 'one'")
    path = userlist(secure, tmp_path, "forgetful")
    secure.sql("alter role forgetful password 'two'")
    guard = start_guard(secure, PRODUCTION, *flags, "--admin-dsn", poor_dsn, "--auth-file", str(path))

    for password in ("one", "two"):
        assert "password authentication failed" in refused(guard, "forgetful", password=password)
    guard.wait_for_log("the server has another verifier than pgguard")


def test_lines_that_are_no_verifiers(secure: Postgres, start_guard: Start, flags: list[str], tmp_path: Path) -> None:
    path = tmp_path / "userlist.txt"
    path.write_text('"ann" "secret"\n"bob" "md5aaaa"\nnonsense\n')
    guard = start_guard(secure, PRODUCTION, *flags, "--auth-file", str(path))

    assert "no SCRAM verifier in lines 1, 2, 3" in guard.logs()
    assert works(guard, **BOUND)  # by the query


def test_no_secret_is_logged(secure: Postgres, start_guard: Start, flags: list[str]) -> None:
    guard = start_guard(secure, PRODUCTION, *flags, "--log-level", "debug")
    works(guard, **BOUND)
    with pytest.raises(psycopg.OperationalError):
        works(guard, password="wrong")

    assert "SCRAM-SHA-256$" not in guard.logs()
    assert password_of("ann") not in guard.logs()
