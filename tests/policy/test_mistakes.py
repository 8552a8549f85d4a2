"""The mistakes that people make most often in a policy file: each is met with its line and with what would be right."""

from __future__ import annotations

import pytest

from pgguard.errors import PolicyError
from pgguard.policy.load import loads

GOOD = """\
version: 1
environment: production
callers:
  apps: {roles: [app, worker]}
  people: {not_roles: [app, worker]}
approvers:
  dba: {roles: [dba]}
approval: {by: dba, expires: 30m}
claims: {missing: refuse-destroying, differs: refuse}
limits:
  - {name: people, match: {caller: people}, rows: 100, beyond: approve}
  - {name: most, share: 20%, at_least: 50, beyond: approve}
rules:
  - name: destroys
    match: {destroys: [table, data]}
    except: [{table: "staging.*"}]
    then: approve
budgets:
  - {name: bleed, match: {caller: people}, per: [caller], rows: 500, window: 10m, beyond: approve}
tests:
  - {as: ann, sql: select 1, expect: {decision: allow}}
"""
DESTROYS = "{destroys: [table, data]}"

MISTAKES = [
    # (what would be right, what somebody wrote, line, what the sentence must suggest)
    ("rules:", "rule:", 13, 'did you mean "rules"?'),
    ("caller: people}, rows", "callers: people}, rows", 11, 'did you mean "caller"?'),
    ("{caller: people}, rows", "{user: ann}, rows", 11, 'did you mean "caller"?'),
    ("{caller: people}, rows", "{caller: poeple}, rows", 11, 'did you mean "people"?'),
    ("{caller: people}, rows", "{caller: ann}, rows", 11, "known are apps, people"),
    ("expires: 30m", "expires: 30 minutes", 8, 'did you mean "30m"?'),
    ("expires: 30m", "expires: 1h 30m", 8, 'did you mean "90m"?'),
    ("window: 10m", "window: 10", 19, 'did you mean "10m"?'),
    ("share: 20%", "share: 0.2", 12, 'did you mean "20%"?'),
    ("share: 20%", "share: 20", 12, 'did you mean "20%"?'),
    ("rows: 100,", "rows: 10k,", 11, 'did you mean "10000"?'),
    ("rows: 100,", "rows: 1_000,", 11, 'did you mean "1000"?'),
    ("rows: 100,", "rows: 1,000,", 11, "a comma begins a new key: leave it out"),
    ("then: approve", "then: deny", 17, 'did you mean "refuse"?'),
    ("rows: 100, beyond: approve", "rows: 100, beyond: ask", 11, 'did you mean "approve"?'),
    ("rows: 100, beyond: approve", "rows: 100, then: approve", 11, "known are name, match, rows, share"),
    (DESTROYS, "{destroys: tables}", 15, 'did you mean "table"?'),
    (DESTROYS, "{kind: DELETE}", 15, 'did you mean "delete"?'),
    (DESTROYS, "{kind: drop table}", 15, 'did you mean "drop"?'),
    (DESTROYS, "{check: no_where}", 15, 'did you mean "no-where"?'),
    ('"staging.*"', "*_tmp", 16, "a text that begins with * needs quotes"),
    ("    then: approve", "   then: approve", 17, "is it indented as the lines that it belongs to"),
    ("    then: approve", "\tthen: approve", 17, "a tab where YAML needs spaces"),
    ("match: {destroys", "match {destroys", 15, "with a colon behind its key?"),
    ("data]}", "data}", 15, "is a bracket left open"),
    ("sql: select 1", "sql: select 1, 2", 21, "put the text in quotes"),
    ("sql: select 1", "sql: select now()::date as a: b", 21, "a text with a colon in it"),
    ("by: dba", "by: bob", 8, "known are dba"),
    ("dba: {roles: [dba]}", "dba: [dba]", 7, "write {roles: [dba]}"),
    ("dba: {roles: [dba]}", "dba: {users: [bob]}", 7, 'did you mean "roles"?'),
    ("expect: {decision: allow}", "expect: allow", 21, "write {decision: allow}"),
    ("environment: production", "environment: production\nmode: dry-run", 3, 'did you mean "observe"?'),
    ("environment: production", "environment: production\naudit: true", 3, 'did you mean "required"?'),
    ("version: 1\n", "", 1, '"version" is missing here'),
    ("name: most", "name: people", 12, '"people" is the name of two'),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "line", "suggestion"), MISTAKES)
def test_the_likeliest_mistakes(right: str, wrong: str, line: int, suggestion: str) -> None:
    assert right in GOOD
    with pytest.raises(PolicyError) as caught:
        loads(GOOD.replace(right, wrong, 1), "shop.yaml")
    said = str(caught.value)

    assert said.startswith(f"shop.yaml:{line}: ")
    assert suggestion in said
    assert "\n" not in said


def test_nothing_of_it_is_wrong_with_the_file_that_is_right() -> None:
    assert loads(GOOD).rules_count == 4
