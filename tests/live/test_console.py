"""The console of a running pgguard: who is connected, what statements came to, and steering it, on a real server."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.refusals import from_psycopg
from live.waiting import wait_until

pytestmark = pytest.mark.live

POLICY = """
version: 1
approvers: {dba: {roles: [dba], seen_for: 1s}}
approval: {by: dba}
console: {admins: [dba]}
limits:
  - {name: small, rows: 10, beyond: approve}
"""
DELETE = "delete from notes where n = 0"


@pytest.fixture
def own(start_guard: Callable[..., Pgguard], server: Postgres, database: str, tmp_path: Path) -> Pgguard:
    return start_guard(server, policy_file(tmp_path, POLICY))


def console(guard: Pgguard, text: str, user: str = "bob") -> list[tuple[str, ...]]:
    with guard.connect(user, "pgguard") as connection:
        cursor = connection.execute(text)
        return cursor.fetchall() if cursor.description else []


def column(guard: Pgguard, user: str, name: str) -> list[str]:
    with guard.connect("bob", "pgguard") as connection:
        cursor = connection.execute("show sessions")
        names = [each.name for each in cursor.description or ()]
        return [row[names.index(name)] for row in cursor.fetchall() if row[names.index("user")] == user]


def test_sessions_are_shown_as_they_are(own: Pgguard, server: Postgres, database: str) -> None:
    with own.connect("ann", database, application_name="reports") as ann:
        pid = ann.info.backend_pid

        assert column(own, "ann", "pid") == [str(pid)]
        assert column(own, "ann", "state") == ["idle"]
        assert column(own, "ann", "application") == ["reports"]
        assert column(own, "ann", "database") == [database]

        ann.execute("set application_name = 'other'")
        ann.execute("begin")

        assert column(own, "ann", "state") == ["idle in transaction"]
        assert column(own, "ann", "application") == ["other"]

        with pytest.raises(psycopg.Error):
            ann.execute("select 1/0")

        assert column(own, "ann", "state") == ["idle in transaction (aborted)"]

        ann.execute("rollback")
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(ann.execute, "select pg_sleep(120)")
            wait_until(lambda: column(own, "ann", "state") == ["active"])

            assert column(own, "ann", "waits_for") == ["server"]

            ann.cancel_safe()
            with pytest.raises(psycopg.errors.QueryCanceled):
                slow.result()
    assert "console" in column(own, "bob", "state")


def test_what_statements_came_to_is_counted(own: Pgguard, server: Postgres, database: str) -> None:
    with own.connect("ann", database) as ann:
        for text in (
            "select 1",
            "select 2",
            "update notes set n = 5 where id = 1",
            "update notes set n = n where id < 5",
        ):
            ann.execute(text)
        with pytest.raises(psycopg.Error):
            ann.execute(DELETE)
        with pytest.raises(psycopg.Error):
            ann.execute("do $$ begin commit; end $$")
    (row,) = [row for row in console(own, "show stats") if row[0] == database]
    counts = dict(zip(("statements", "proved", "measured", "held", "refused"), map(int, row[1:]), strict=True))

    assert (counts["proved"], counts["held"]) == (1, 1)
    assert counts["measured"] >= 2
    assert counts["statements"] >= 6


def test_kill_ends_a_session_and_what_it_runs(own: Pgguard, server: Postgres, database: str) -> None:
    with own.connect("ann", database) as ann, ThreadPoolExecutor(1) as pool:
        pid = ann.info.backend_pid
        slow = pool.submit(ann.execute, "update notes set n = 1 where pg_sleep(0.02) is not null")
        wait_until(lambda: column(own, "ann", "state") == ["active"])

        assert console(own, f"kill {pid}") == []

        with pytest.raises(psycopg.OperationalError, match="terminating connection due to administrator command"):
            slow.result()
    wait_until(lambda: server.value(f"select count(*) from pg_stat_activity where pid = {pid}") == 0)

    assert server.value("select count(*) from notes where n = 1", dbname=database) == 0
    with pytest.raises(psycopg.errors.UndefinedObject, match=f"there is no session {pid}"):
        console(own, f"kill {pid}")


def test_only_admins_steer(own: Pgguard, server: Postgres, database: str) -> None:
    for text in ("reload", "pause", "resume", "kill 1"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            console(own, text, "ann")
    assert own.sql("select 1", user="ann", dbname=database) == [(1,)]


def test_pause_lets_transactions_end_and_nothing_new_begin(own: Pgguard, server: Postgres, database: str) -> None:
    with own.connect("ann", database) as inside, own.connect("ann", database) as idle, ThreadPoolExecutor(3) as pool:
        inside.execute("begin")
        inside.execute("update notes set n = 7 where id = 1")
        pausing = pool.submit(console, own, "pause '1m'")
        own.wait_for_log('"paused"')
        waiting = pool.submit(idle.execute, "select count(*) from notes where n = 7")
        inside.execute("update notes set n = 7 where id = 2")
        inside.execute("commit")
        ((until, busy),) = pausing.result()

        assert busy == "0"
        assert until.endswith("Z")
        wait_until(lambda: "resume" in column(own, "ann", "waits_for"))
        newcomer = pool.submit(own.sql, "select 3", user="ann", dbname=database)
        time.sleep(0.3)  # neither of them goes on
        assert not waiting.done()
        assert not newcomer.done()

        assert console(own, "resume") == []
        assert waiting.result().fetchone() == (2,)
        assert newcomer.result() == [(3,)]


def test_a_pause_ends_by_itself_and_says_what_is_still_busy(own: Pgguard, server: Postgres, database: str) -> None:
    with own.connect("ann", database) as inside:
        inside.execute("begin")
        ((_, busy),) = console(own, "pause '2s'")

        assert busy == "1"
        assert own.sql("select 1", user="ann", dbname=database) == [(1,)]

        inside.execute("rollback")


def test_a_client_that_leaves_in_a_pause_is_gone_behind_it(own: Pgguard, server: Postgres, database: str) -> None:
    idle = own.connect("ann", database)
    console(own, "pause '1m'")
    idle.close()
    console(own, "resume")
    wait_until(lambda: column(own, "ann", "pid") == [])


def test_reload_takes_a_good_policy_and_says_what_is_wrong_with_a_bad_one(
    own: Pgguard, server: Postgres, database: str
) -> None:
    own.policies.write_text(POLICY.replace("rows: 10", "rows: 100000"))
    console(own, "reload")

    assert own.sql("select 1", user="ann", dbname=database) == [(1,)]
    assert own.psql(user="ann", dbname=database, args=["-c", DELETE]).stdout == "DELETE 1000\n"

    own.policies.write_text(POLICY.replace("rows: 10", "row: 10"))
    with pytest.raises(psycopg.errors.ConfigFileError, match=r'own.yaml:7: "row" is not known here'):
        console(own, "reload")
    own.policies.write_text(POLICY)


def approve_once_known(guard: Pgguard, number: int) -> None:
    """Bob must have been seen for a second, from when it was written down that he was, behind his first sign-in."""

    def approved() -> bool:
        try:
            console(guard, f"approve {number}")
        except psycopg.errors.InsufficientPrivilege as error:
            if "second person" not in str(error):
                raise
            return False
        return True

    wait_until(approved)


def test_decisions_stand_in_the_audit_with_both_persons(own: Pgguard, server: Postgres, database: str) -> None:
    def tried() -> int:
        with own.connect("ann", database) as ann, pytest.raises(psycopg.Error) as error:
            ann.execute(DELETE)
        return from_psycopg(error.value).request

    console(own, "show version")  # so that bob is known
    number = tried()
    with pytest.raises(psycopg.Error):
        console(own, f"approve {number}", "ann")
    approve_once_known(own, number)

    assert own.psql(user="ann", dbname=database, args=["-c", DELETE]).stdout == "DELETE 1000\n"

    records = own.records_with(lambda record: record["verdict"] == "committed")
    told = [(r["caller"], r["verdict"], r["request"], r["requester"], r["approval"], r["approved_by"]) for r in records]
    assert ("ann", "hold", number, "", None, "") in told
    assert ("ann", "refuse", number, "ann", None, "") in told
    assert ("bob", "approve", number, "ann", None, "") in told
    assert ("ann", "measured", None, "", number, "bob") in told
    assert ("ann", "committed", None, "", number, "") in told
    assert own.cli("audit", "verify", str(own.audit)).returncode == 0
