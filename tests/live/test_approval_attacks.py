"""Roads around the second person: minted approvers, other servers, changed policies, crashes, and hostile texts."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live.endpoint import password_of
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.refusals import VERBOSE, Refused, from_psql
from live.second_person import ended, say
from live.waiting import wait_until

pytestmark = pytest.mark.live

POLICY = """
version: 1
approvers: {dba: {roles: [dba], seen_for: 1h}}
approval: {by: dba, expires: 30m}
limits:
  - {name: small, rows: 10, beyond: approve}
"""
DELETE = "delete from notes where n = 0"


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    with postgres.fresh_database() as name:
        yield name


@pytest.fixture
def guard(postgres: Postgres, start_guard: Callable[..., Pgguard], tmp_path: Path) -> Pgguard:
    return start_guard(postgres, policy_file(tmp_path, POLICY))


def run(guard: Pgguard, database: str, text: str, *, user: str = "ann") -> str | Refused:
    ran = guard.psql(user=user, dbname=database, args=[*VERBOSE, "-c", text])
    return from_psql(ran) if ran.returncode else ran.stdout.strip()


def request(guard: Pgguard, database: str, text: str = DELETE) -> int:
    answer = run(guard, database, text)
    assert isinstance(answer, Refused), answer
    return answer.request


def notes(server: Postgres, database: str) -> int:
    number: int = server.value("select count(*) from notes", dbname=database)
    return number


def older(guard: Pgguard, seconds: float) -> None:
    """The store, and who was seen, as if it had been there for longer."""
    with sqlite3.connect(guard.state) as state:
        state.execute("update pgguard_meta set created = created - ?", (seconds,))
        state.execute("update pgguard_logins set first_seen = first_seen - ?", (seconds,))
    state.close()


def known(guard: Pgguard) -> set[str]:
    """Whose sign-in is written down, which is done behind it."""
    with contextlib.closing(sqlite3.connect(guard.state)) as state:
        return {login for (login,) in state.execute("select login from pgguard_logins")}


def test_an_approver_that_the_requester_made_or_changed(guard: Pgguard, postgres: Postgres, database: str) -> None:
    """Without a rule that holds changes of roles, so that they can be made at all."""
    postgres.sql("alter role ann createrole")
    try:
        number = request(guard, database)
        assert guard.cli("requests", user="bob").returncode == guard.cli("requests", user="eve").returncode == 0
        wait_until(lambda: {"bob", "eve"} <= known(guard))
        older(guard, 7 * 86_400)
        made = "create role mallory login password 'mallory-secret'; grant dba to mallory"
        answer = run(guard, database, made)
        if isinstance(answer, Refused):  # 16 and later: who may grant dba is another question
            postgres.sql("create role mallory login password 'mallory-secret' in role dba")
        ran = guard.cli("approve", str(number), user="mallory")
        assert ran.returncode == 1
        assert "you do not count as a second person" in ran.stderr

        assert not isinstance(run(guard, database, "alter role bob password 'bob-secret'"), Refused)
        ran = guard.cli("approve", str(number), user="bob")
        assert ran.returncode == 1
        assert 'role "bob" was last changed by "ann"' in ran.stderr
        # Hidden from the text: whose password it is shows nowhere, so it may be anybody's.
        hidden = "do $$ begin execute 'alter role ' || 'tess_trust password ''x'''; end $$"
        assert not isinstance(run(guard, database, hidden), Refused)
        postgres.sql("grant dba to eve")
        assert "changed a password" in guard.cli("approve", str(number), user="eve").stderr
        assert notes(postgres, database) == 1000
    finally:
        postgres.sql("revoke dba from eve")
        postgres.sql("drop role if exists mallory")
        postgres.sql("alter role ann nocreaterole")


def test_another_login_or_role_of_the_requester(guard: Pgguard, postgres: Postgres, database: str) -> None:
    """Ann as a member of dba, as herself and as bob by SET ROLE: the console knows the login, and so does the proxy."""
    postgres.sql("grant dba, bob to ann")
    try:
        number = request(guard, database, "set role bob; " + DELETE)
        assert guard.cli("approve", str(number), user="ann").returncode == 1
        ran = guard.psql("set role bob; approve " + str(number), user="ann", dbname="pgguard")
        assert "cannot approve your own request" in ran.stderr
        guard.approve(number)
        assert isinstance(run(guard, database, DELETE), Refused)  # not as herself: another role was approved
        assert isinstance(run(guard, database, "set role bob; " + DELETE, user="app"), Refused)
        assert notes(postgres, database) == 1000
    finally:
        postgres.sql("revoke dba, bob from ann")


def test_the_approval_of_a_text_is_not_one_of_what_it_comes_to(
    guard: Pgguard, postgres: Postgres, database: str
) -> None:
    """The same text, whose function was replaced since: more hazards, or other tables, than were approved."""
    body = "create or replace function job() returns void language plpgsql as $$ begin {} end $$"
    postgres.sql(body.format("delete from public.notes;"), dbname=database)
    number = request(guard, database, "select job()")
    guard.approve(number)
    more = "delete from public.notes; execute 'alter role current_user set work_mem = 65536';"
    for changed in (more, "delete from public.notes; delete from public.invoices where id = 1;"):
        postgres.sql(body.format(changed), dbname=database)
        answer = run(guard, database, "select job()")
        assert isinstance(answer, Refused)
        assert answer.sqlstate == "PGG04", answer
    assert f"pgguard withdraw {number}" in answer.hint
    postgres.sql(body.format("delete from public.notes;"), dbname=database)
    assert not isinstance(run(guard, database, "select job()"), Refused)


def limit(guard: Pgguard) -> str:
    """What the one limit says that is in force."""
    ((_, _, _, says, _),) = say(guard, "show rules")
    return says


def test_a_policy_that_changes_after_the_approval(
    postgres: Postgres, start_guard: Callable[..., Pgguard], tmp_path: Path, database: str
) -> None:
    policy = policy_file(tmp_path, POLICY)
    guard = start_guard(postgres, policy)
    guard.approve(request(guard, database))
    policy.write_text(POLICY + "# a comment changes nothing\n")
    guard.reload()
    guard.wait_for_log("policy reloaded")
    policy.write_text(POLICY.replace("rows: 10", "rows: 9"))
    guard.reload()
    wait_until(lambda: limit(guard) == "9 rows", guard.logs)
    answer = run(guard, database, DELETE)

    assert isinstance(answer, Refused)
    assert "limit 9" in answer.message
    assert answer.sqlstate == "PGG02"
    policy.write_text(POLICY)
    guard.reload()
    wait_until(lambda: limit(guard) == "10 rows", guard.logs)
    assert run(guard, database, DELETE) == "DELETE 1000"  # it is the same rule again


def test_a_crash_behind_the_claim_is_spent_and_said_so(
    postgres: Postgres, start_guard: Callable[..., Pgguard], tmp_path: Path, database: str
) -> None:
    guard = start_guard(postgres, policy_file(tmp_path, POLICY))
    number = request(guard, database)
    guard.approve(number)
    with sqlite3.connect(guard.state) as state:  # as the claim leaves it, and nothing behind it
        state.execute("update pgguard_requests set state = 'used', remaining = 0, used = filed + 1 where number = ?",
                      (number,))  # fmt: skip
    state.close()
    guard.kill()
    guard.start()
    told = json.loads(guard.cli("requests", str(number), "--json").stdout)

    assert (told["state"], told["outcome"]) == ("used", "spent; how its COMMIT ended was not seen")
    answer = run(guard, database, DELETE)
    assert isinstance(answer, Refused)
    assert answer.sqlstate == "PGG02"


def test_a_store_that_is_locked_or_gone(guard: Pgguard, postgres: Postgres, database: str) -> None:
    guard.approve(request(guard, database))
    holder = sqlite3.connect(guard.state, isolation_level=None)
    holder.execute("begin immediate")
    answer = run(guard, database, DELETE)
    assert isinstance(answer, Refused)
    assert answer.sqlstate == "PGG06"
    assert notes(postgres, database) == 1000
    assert run(guard, database, "select 1 as harmless") != ""
    holder.execute("rollback")
    holder.close()
    # What was late may have spent the approval, and never the other way round: rows without an approval.
    run(guard, database, DELETE)
    assert (notes(postgres, database) == 0) == (ended(guard, 1) == "committed")


def test_hostile_text_is_shown_as_what_it_is(guard: Pgguard, postgres: Postgres, database: str) -> None:
    text = "delete from notes where n = 0 or body = '<script>alert(1)</script>\x1b[2J\u202e' -- \r\n or true"
    number = request(guard, database, text)
    for printed in (
        guard.cli("requests", "--json").stdout,
        guard.cli("requests", str(number)).stdout,
        guard.psql(user="bob", dbname="pgguard", args=["-c", f"show request {number}"]).stdout,
    ):
        assert "\x1b" not in printed
        assert "\u202e" not in printed
        assert "<script>" in printed  # plain text, and nothing that a terminal obeys
    assert "\x1b" not in guard.cli("requests").stdout
    guard.approve(number)
    assert isinstance(run(guard, database, text.replace("\u202e", "")), Refused)
    assert run(guard, database, text) == "DELETE 1000"


def test_two_nodes_with_one_state(
    postgres: Postgres, start_guard: Callable[..., Pgguard], tmp_path: Path, database: str
) -> None:
    """Filed at one, approved at the other, used at either, once. When the database that keeps them goes: PGG06."""
    postgres.sql(f"create role keeper login password '{password_of('keeper')}'")
    try:
        with postgres.fresh_database(template="template1") as state:
            postgres.sql(f"alter database {state} owner to keeper")
            options = ("--state", postgres.dsn("keeper", state), "--token-key", str(tmp_path / "key"))
            policy = policy_file(tmp_path, POLICY + "server: {name: shop}\n")
            first, second = (start_guard(postgres, policy, *options) for _ in range(2))
            number = request(first, database)
            second.approve(number)
            raced = [run(guard, database, DELETE) for guard in (first, second)]
            assert raced[0] == "DELETE 1000"
            assert raced[1] == "DELETE 0"  # nothing is left, so nothing has to be approved
            postgres.sql("insert into notes select i from generate_series(1, 1000) i", dbname=database)
            assert isinstance(run(second, database, DELETE), Refused)

            postgres.sql(f"alter database {state} allow_connections false")
            postgres.terminate_backends(f"datname = '{state}'")
            answer = run(first, database, DELETE)
            assert isinstance(answer, Refused)
            assert answer.sqlstate == "PGG06"
            assert run(first, database, "insert into notes values (5000)") == "INSERT 0 1"
    finally:
        postgres.sql("drop role keeper")
