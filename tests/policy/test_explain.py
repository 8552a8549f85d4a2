"""The exact words of refusals: what a tired person reads, and what programs that print MESSAGE only print."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pgguard.evidence.measurement import TableEffect
from pgguard.evidence.particulars import Particulars, Sample, Size
from pgguard.policy import explain
from pgguard.policy.binding import Filed, NotValid
from pgguard.policy.decide import decide
from pgguard.policy.verdict import Blame, Hold, Refuse
from tests.policy.making import asked, lost, measured, policy, statement, table, unmeasurable

PEOPLE = {"name": "people", "match": {"caller": "people"}, "rows": 100, "beyond": "approve"}
MOST = {"name": "most-of-a-table", "share": "20%", "at_least": 50, "beyond": "approve"}
EFFECT = measured(
    table("public.inventory", 50000, total=10**6), table("public.accounts", 2000, named=True, total=2000)
)  # fmt: skip


def hold(*parts: dict[str, Any], evidence: Any = EFFECT, checks: tuple[str, ...] = ()) -> Hold:
    verdict = decide(policy(*parts), asked(statement("delete", "accounts"), checks=checks), evidence)
    assert isinstance(verdict, Hold)
    return verdict


def test_a_hold() -> None:
    said = explain.refusal(hold(PEOPLE, MOST, checks=("always-true",)), request=Filed(17))

    assert said.sqlstate == "PGG02"
    assert said.message == 'approval required: request 17, rule "people", 52000 rows (limit 100)'
    assert said.detail.splitlines() == [
        "accounts: 2000 rows deleted",
        "inventory: 50000 rows deleted by cascade or trigger",
        'Also: rule "most-of-a-table", 2000 of 2000 rows of public.accounts (limit 20%)',
        "always-true: always-true says so",
    ]
    assert said.hint == (
        'Ask a member of "dba" to review request 17: pgguard approve 17. Then run the same statement again.'
    )


def test_objects() -> None:
    destroys = {"name": "destroys", "match": {"destroys": "any"}, "then": "approve"}
    evidence = measured(
        lost("table public.invoices", rows=12000), lost("view public.v"), lost("data p.t", "truncated", 1)
    )
    said = explain.refusal(hold(destroys, evidence=evidence), request=Filed(3, tries=4))

    assert said.message == 'approval required: request 3, rule "destroys", destroys table public.invoices and 2 more'
    assert said.detail.splitlines() == [
        "table public.invoices: dropped (about 12000 rows)",
        "view public.v: dropped",
        "data p.t: truncated (about 1 row)",
        "request 3 was tried 4 times.",
    ]


def test_both_verbs_on_one_line() -> None:
    evidence = measured(table("public.a", 1, 2, 3, named=True), table("s.b", updated=200))
    detail = explain.refusal(hold(PEOPLE, evidence=evidence), request=Filed(1)).detail
    assert detail.splitlines() == ["a: 1 row deleted, 2 rows updated", "s.b: 200 rows updated by cascade or trigger"]


def test_a_hold_that_could_not_be_filed_has_no_number() -> None:
    said = explain.refusal(hold(PEOPLE), not_filed="20 requests of ann are open")
    assert said.sqlstate == "PGG03"
    assert said.message == (
        "approval required, but no request was filed (20 requests of ann are open): "
        'rule "people", 52000 rows (limit 100)'
    )


def test_a_denied_request() -> None:
    said = explain.refusal(hold(PEOPLE), request=Filed(17, denied="not\ntoday"))
    assert said.sqlstate == "PGG04"
    assert said.message == (
        'approval not valid: request 17 was denied: not\\ntoday, rule "people", 52000 rows (limit 100)'
    )


@pytest.mark.parametrize(
    ("parts", "evidence", "sqlstate", "message"),
    [
        ({"match": {"kind": "delete"}, "then": "refuse"}, EFFECT, "PGG01", 'refused: rule "r1", kind delete'),
        ({"rows": 5, "beyond": "refuse"}, EFFECT, "PGG03", 'beyond a limit: rule "r1", 52000 rows (limit 5)'),
        (PEOPLE, unmeasurable("VACUUM runs alone"), "PGG05", 'cannot be judged: rule "unmeasured", VACUUM runs alone'),
    ],
)
def test_refusals(parts: dict[str, Any], evidence: Any, sqlstate: str, message: str) -> None:
    verdict = decide(policy(parts), asked(statement("delete", "accounts")), evidence)
    assert isinstance(verdict, Refuse)
    said = explain.refusal(verdict)
    assert (said.sqlstate, said.message) == (sqlstate, message)
    assert said.hint.startswith("Nothing was changed")


def test_a_claim_keeps_its_own_hint() -> None:
    rules = policy(environment="production", claims={"differs": "refuse"})
    verdict = decide(rules, asked(statement("delete", "t"), claim="stag\x1b[31ming"), EFFECT)
    assert isinstance(verdict, Refuse)
    said = explain.refusal(verdict)
    assert said.message == 'refused: rule "claims", this is "production", the session claims "stag\\x1b[31ming"'
    assert "\x1b" not in said.hint
    assert "stag\\x1b[31ming" in said.hint


def test_approvals_that_do_not_hold() -> None:
    said = explain.not_valid(NotValid("it was used already", 17))
    assert (said.sqlstate, said.message) == ("PGG04", "approval not valid: request 17, it was used already")
    assert "request 17" in said.hint
    assert explain.not_valid(NotValid("it was signed by another server")).message == (
        "approval not valid: it was signed by another server"
    )
    said = explain.beyond_approval(17, "public.a: 3 rows, approved were 2", hold(PEOPLE))
    assert said.message == "approval not valid: request 17 does not go so far, public.a: 3 rows, approved were 2"
    assert said.detail.startswith("accounts: 2000 rows deleted\n")


def test_away() -> None:
    said = explain.away("store", "no answer within 250 ms")
    assert (said.sqlstate, said.message) == (
        "PGG06",
        "pgguard cannot judge now: store is away: no answer within 250 ms",
    )


def test_report() -> None:
    effect = measured(
        table("public.a", 1, named=True), table("public.log", inserted=7), lost("view public.v")
    ).measurement
    assert effect is not None
    assert explain.report(effect) == (
        "pgguard measured: a: 1 row deleted; log: 7 rows inserted by cascade or trigger; view public.v: dropped"
    )
    nothing = measured().measurement
    assert nothing is not None
    assert explain.report(nothing) == "pgguard measured: nothing was changed"


def test_long_effects_are_cut_and_say_so() -> None:
    effect = measured(
        *(table(f"p.t{i:03}", i) for i in range(1, 31)), *(lost(f"view p.v{i}") for i in range(25))
    ).measurement
    assert effect is not None
    lines = explain.effect_lines(effect)
    assert lines[0].startswith("p.t030: 30 rows deleted")
    assert lines[20] == "10 more tables: 55 rows"
    assert lines[-1] == "5 more objects"
    assert len(lines) == 42


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain, ä 表", "plain, ä 表"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[2J", "\\x1b[2J"),
        ("abc\u202egnp", "abc\\u202egnp"),
        ("\ud800", "\\ud800"),
        ("a\x00b", "a\\x00b"),
    ],
)
def test_visible(text: str, seen: str) -> None:
    assert explain.visible(text) == seen


def test_names_of_objects_cannot_paint_the_terminal() -> None:
    evidence = measured(table("public.a\x1b[2K\nb: 0 rows deleted", 500, named=True), lost("table p.x\ry"))
    verdict = Hold((Blame("r", "says\x07", "d"),), "d\nba", 60.0, evidence.measurement)
    said = explain.refusal(verdict, request=Filed(1))
    whole = said.message + said.hint + said.detail.replace("\n", "", 1)
    assert whole.isprintable()
    assert len(said.detail.splitlines()) == 2


@pytest.mark.parametrize(
    ("effect", "size", "words"),
    [
        (table("public.a", 2000, named=True, total=2000), None, " of 2000 (100%)"),
        (table("public.a", 20, total=2000, capped=True), Size(60000, 45 << 20), " of about 60000 (below 1%, 45 MB)"),
        (table("public.a", 500), Size(1000, 900), " of about 1000 (50%, 900 bytes)"),
        (table("public.a", 500), Size(100, 8192), " of about 100 (100%, 8192 bytes)"),  # as old as the statistics
        (table("public.a", 500), Size(None, 81920), " (80 kB)"),
        (table("public.a", 500), None, ""),
        (table("public.a", inserted=5), Size(1000, 8192), " of about 1000 (8192 bytes)"),
    ],
)
def test_how_much_of_a_table(effect: TableEffect, size: Size | None, words: str) -> None:
    assert explain.share(effect, size) == words


def test_by_which_path() -> None:
    reached = table("public.inventory", 50000, via="public.accounts")

    assert explain.table_line(reached) == "inventory: 50000 rows deleted, probably by cascade from accounts"
    assert explain.table_line(reached, of=" of 60000") == (
        "inventory: 50000 rows deleted of 60000, probably by cascade from accounts"
    )
    assert explain.table_line(table("public.inventory", 1)) == "inventory: 1 row deleted by cascade or trigger"


def test_what_else_a_request_tells() -> None:
    row = (("id", "1"), ("note", "a\x1b[2J"), ("gone", None))
    found = Particulars(
        12.4, (("public.a", "RowExclusiveLock"),), (Sample("public.a", (row,), masked=2),),
        dependents=("view public.v reads public.a",),
    )  # fmt: skip

    assert explain.particular_lines(found) == [
        ("duration", "12 ms until it was judged"),
        ("lock", "a: RowExclusiveLock"),
        ("dependent", "view public.v reads public.a"),
    ]
    assert explain.sample_lines(found) == ["a: id=1, note=a\\x1b[2J, gone=NULL (and 2 masked)"]
    assert explain.particular_lines(Particulars()) == []


def test_somebody_said_yes_and_it_is_not_enough() -> None:
    said = explain.refusal(replace(hold(PEOPLE), needs=2), request=Filed(17, tries=2, votes=1))

    assert 'request 17 has 1 approval so far; it needs 2 members of "dba".' in said.detail.splitlines()
    assert said.hint.startswith('Ask 2 members of "dba" to review request 17')


def test_going_alone_is_said_out_loud() -> None:
    message, detail = explain.broken_glass(9, hold(PEOPLE))

    assert message == 'break-glass: request 9 to review, rule "people", 52000 rows (limit 100)'
    assert "accounts: 2000 rows deleted" in detail
