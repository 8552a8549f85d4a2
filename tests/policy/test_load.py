"""What a policy file may not say, each mistake with its line and what would have been right."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgguard.errors import PolicyError
from pgguard.policy import load as loading
from pgguard.policy.load import load, loads

POLICIES = Path(__file__).resolve().parents[2] / "policies"

GOOD = """\
version: 1
environment: production
callers:
  people: {not_roles: [app]}
approvers:
  dba: {roles: [dba]}
approval: {by: dba, needs: 1, expires: 30m}
claims: {missing: refuse-destroying, differs: refuse}
limits:
  - {name: people, match: {caller: people}, rows: 100, beyond: approve}
  - {name: most, share: 20%, at_least: 50, beyond: approve}
rules:
  - name: destroys
    match: {destroys: [table, data]}
    except: [{table: "staging.*"}, {rows_at_most: 0}]
    then: approve
tests:
  - {as: ann, sql: select 1, expect: {decision: allow}}
"""

MISTAKES = [
    # (what is there, what somebody wrote instead, line, the sentence)
    ("version: 1", "version: 2", 1, "version must be 1, not 2"),
    ("version: 1", "version: true", 1, "version must be 1, not true"),
    ("version: 1\n", "", 1, '"version" is missing here'),
    ("environment:", "enviroment:", 2, '"enviroment" is not known here, did you mean "environment"?'),
    ("environment: production\n", "", 7, "claims needs the environment that is the right one to claim"),
    ("environment: production", "environment: 7", 2, "text is needed here, not 7; put it in quotes"),
    ("environment: production", "environment: true", 2, "text is needed here, not true; put it in quotes"),
    ("environment: production", "environment:", 2, '"environment" is empty; fill it or leave it out'),
    ("environment: production", "version: 1", 2, '"version" stands here twice, first in line 1'),
    ("limits:", "mode: on\nlimits:", 9, 'one of enforce, observe is needed here, not "on"'),
    ("limits:", "audit: no\nlimits:", 9, 'one of required is needed here, not "no"'),
    ("limits:", "unmeasured: allow\nlimits:", 9, 'one of refuse, approve is needed here, not "allow"'),
    ("{not_roles: [app]}", "{not_role: [app]}", 4, '"not_role" is not known here, did you mean "not_roles"?'),
    ("{not_roles: [app]}", "{not_roles: [app], roles: [b]}", 4, "a caller group needs either roles or not_roles"),
    ("{not_roles: [app]}", "{not_roles: []}", 4, "an empty list matches nothing; leave the key out or fill it"),
    ("{not_roles: [app]}", "{not_roles: [app, 7]}", 4, "text is needed here, not 7; put it in quotes"),
    ("{not_roles: [app]}", "[app]", 4, "a mapping is needed here, not a list"),
    ("by: dba", "by: dbas", 7, '"dbas" is not a group under approvers, did you mean "dba"?'),
    ("needs: 1", "needs: 10", 7, "needs must be a number from 1 to 9, not 10"),
    ("needs: 1", "needs: 1_0", 7, 'a whole number of 0 or more is needed here, not "1_0"'),
    ("expires: 30m", "expires: 22:00", 7, 'a duration such as 30m, 12h or 7d is needed here, not "22:00"'),
    ("expires: 30m", "expires: 30", 7, "a duration such as 30m, 12h or 7d is needed here, not 30"),
    ("missing: refuse-destroying", "missing: refuse", 8, 'one of refuse-destroying is needed here, not "refuse"'),
    ("rows: 100", "rows: 1_000", 10, "rows needs a whole number of 0 or more, or a mapping of deleted and updated"),
    ("rows: 100", "rows: 0x10", 10, "rows needs a whole number of 0 or more, or a mapping of deleted and updated"),
    ("rows: 100", "rows: 0100", 10, "rows needs a whole number of 0 or more, or a mapping of deleted and updated"),
    ("rows: 100", "rows: 1:40", 10, "rows needs a whole number of 0 or more, or a mapping of deleted and updated"),
    ("rows: 100", "rows: 1e2", 10, "rows needs a whole number of 0 or more, or a mapping of deleted and updated"),
    ("rows: 100", "rows: -1", 10, "rows needs a whole number of 0 or more, or a mapping of deleted and updated"),
    ("rows: 100", "rows: true", 10, "rows needs a whole number of 0 or more, or a mapping of deleted and updated"),
    ("rows: 100", "rows: {delete: 5}", 10, '"delete" is not known here, did you mean "deleted"?'),
    ("rows: 100", "rows: {}", 10, "rows needs a number, or a mapping of deleted, updated or both"),
    ("rows: 100", "rows: {deleted: many}", 10, 'a whole number of 0 or more is needed here, not "many"'),
    (", rows: 100", "", 10, "a limit needs either rows or share"),
    ("rows: 100", "rows: 1, share: 5%, at_least: 1", 10, "a limit needs either rows or share"),
    ("beyond: approve}\n  - {name: most", "then: approve}\n  - {name: most", 10, '"then" is not known here'),
    ("rows: 100, beyond: approve", "rows: 100", 10, '"beyond" is missing here'),
    ("beyond: approve}\n  - {name: most", "beyond: off}\n  - {name: most", 10, "one of approve, refuse is needed"),
    ("{caller: people}", "{caller: peple}", 10, '"peple" is not a group under callers, did you mean "people"?'),
    ("{caller: people}", "{kind: delete}", 10, 'a limit speaks of every statement, "kind" belongs in a rule'),
    ("{caller: people}", "people", 10, 'match needs a mapping such as {caller: people}, not "people"'),
    ("{caller: people}", "{address: 10.0.0.0/80}", 10, '"10.0.0.0/80" is not a network such as 10.0.0.0/8, nor local'),
    ("name: people", "name: claims", 10, '"claims" is what pgguard calls its own rule; choose another name'),
    ("name: people", 'name: "a b"', 10, '"a b" cannot be a name'),
    ("name: people", "name: most", 11, '"most" is the name of two rules, limits or budgets'),
    ("share: 20%", "share: 20", 11, "a share such as 20% (more than 0%, less than 100%) is needed here, not 20"),
    ("share: 20%", "share: 120%", 11, "a share such as 20%"),
    (", at_least: 50", "", 11, "share and at_least belong together: a limit needs both or neither"),
    ("match: {destroys: [table, data]}", "match: {destroy: table}", 14,
     '"destroy" is not a match key, did you mean "destroys"?'),
    ("[table, data]", "[table, views]", 14, '"views" is not known to destroys, did you mean "view"?'),
    ("[table, data]", "[]", 14, "an empty list matches nothing; leave the key out or fill it"),
    ("    match: {destroys: [table, data]}\n", "", 13, "a rule needs a match"),
    ("{destroys: [table, data]}", "{check: no-wher}", 14, '"no-wher" is not known to check, did you mean "no-where"?'),
    ("{destroys: [table, data]}", "{kind: [drop]}", 15, "except speaks of lost objects, so the match needs destroys"),
    ("rows_at_most: 0", "rows_at_mst: 0", 15, '"rows_at_mst" is not known here, did you mean "rows_at_most"?'),
    ("[{table: \"staging.*\"}, {rows_at_most: 0}]", "[{}]", 15, "an exception needs table, rows_at_most or both"),
    ("then: approve\n", "then: allow\n", 16, 'one of approve, refuse, allow-unmeasured is needed here, not "allow"'),
    ("    except: [{table: \"staging.*\"}, {rows_at_most: 0}]\n    then: approve", "    then: allow-unmeasured", 14,
     "allow-unmeasured needs call or kind in its match"),
    ("decision: allow", "decision: maybe", 18, "one of allow, measure, approve, refuse is needed"),
    ("decision: allow", "decision: refuse", 18,
     'test 1 failed: decision of "select 1" as ann: expected refuse, got allow'),
    ("tests:", "budgets: [{name: b, per: caler, rows: 1, window: 1m, beyond: refuse}]\ntests:", 17,
     'a budget cannot be kept per "caler", did you mean "caller"?'),
    ("{as: ann, sql: select 1", "{as: ann, given: {spent: {bled: 1}}, sql: select 1", 18, '"bled" is not a budget'),
    ("tests:", "notify: []\ntests:", 17,
     '"notify" is not known here yet: what pgguard does not enforce it does not accept'),
    ("approval: {by: dba, needs: 1, expires: 30m}\n", "", 9, '"people" says approve, but the policy has no approval'),
    ("rules:", "rules:\n\t- x", 13, "a tab where YAML needs spaces"),
    ("rules:", "rules: [{", 13, "this is not YAML"),
    ("rules:", "rules: *nothing\nother:", 12, 'unknown alias \'nothing\''),
    ("rules:", "rules: !!python/object:os.system x\nother:", 12, "has no place in a policy"),
    ("rules:", "rules: !!set {a}\nother:", 12, 'the tag "tag:yaml.org,2002:set" has no place in a policy'),
    ("rules:", "<<: {mode: observe}\nrules:", 12, '"<<" is not known here'),
    ("rules:", "? [a, b]\n: c\nrules:", 12, "a key must be a word"),
    ("[table, data]}\n", "[table, data]}\n    <<: 1\n", 15, '"<<" is not known here'),
    ("limits:", '"li\\nmits": 1\nlimits:', 9, '"li\\nmits" is not known here, did you mean "limits"?'),
    ("callers:\n  people: {not_roles: [app]}", "callers: [people]", 3, "a mapping is needed here"),
    ("tests:\n  - {as: ann, sql: select 1, expect: {decision: allow}}", "tests: none", 17, "a list is needed here"),
    ("select 1", "select 1\x00", 18, "a character that YAML does not allow"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "line", "sentence"), MISTAKES)
def test_mistakes(right: str, wrong: str, line: int, sentence: str) -> None:
    assert right in GOOD
    with pytest.raises(PolicyError) as caught:
        loads(GOOD.replace(right, wrong, 1), "shop.yaml")
    assert sentence in caught.value.what
    assert (caught.value.file, caught.value.line) == ("shop.yaml", line)
    assert str(caught.value) == f"shop.yaml:{line}: {caught.value.what}"
    assert "\n" not in str(caught.value)


def test_the_good_one_is_good() -> None:
    policy = loads(GOOD, "dir/shop.yaml")
    assert (policy.name, policy.rules_count, policy.mode, policy.unmeasured) == ("shop", 3, "enforce", "refuse")
    assert policy.approval is not None
    assert policy.approval.expires == 1800


def test_half_a_file_is_an_error_or_loads_whole_rules() -> None:
    """Wherever the file breaks off, nothing but PolicyError comes of it, and no rule is half there."""
    whole = loads(GOOD)
    errors: list[PolicyError] = []
    for end in range(1, len(GOOD) - 1):
        try:
            half = loads(GOOD[:end])
        except PolicyError as error:
            errors.append(error)
            continue
        assert half.limits == whole.limits[: len(half.limits)], GOOD[:end]
        assert [rule.name for rule in half.rules] == [rule.name for rule in whole.rules[: len(half.rules)]], GOOD[:end]
    assert all(error.line for error in errors)
    assert len(errors) > len(GOOD) * 0.8


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the file is empty"),
        ("# only a comment\n", "the file is empty"),
        ("---\n", "a mapping is needed here, not nothing"),
        ("- version: 1\n", "a mapping is needed here, not a list"),
        ("version: 1\n---\nversion: 1\n", "this is not YAML: but found another document"),
        ("version: 1\nlimits: [{name: a, rows: 1", "the file ends too early; what began in line 2 is not closed"),
        ('version: 1\nenvironment: "prod', "the file ends too early; what began in line 2 is not closed"),
        ("version: 1\nlimits: " + "[" * 10_000, "nested too deeply for a policy"),
        ("version: 1\nlimits: &a [*a]\n", "nested too deeply for a policy (or an alias inside of what it stands for)"),
        (
            "version: 1\na: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{c}: &{c} [{', '.join([f'*{p}'] * 10)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            "aliases make this policy too large",
        ),
    ],
)
def test_broken_files(text: str, sentence: str) -> None:
    with pytest.raises(PolicyError) as caught:
        loads(text)
    assert caught.value.what == sentence


def test_files_that_are_not_text(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"version: 1\nenvironment: caf\xe9\n")
    with pytest.raises(PolicyError, match=r"latin\.yaml:2: this is not UTF-8"):
        load(latin)
    with pytest.raises(PolicyError, match="cannot be read: Is a directory"):
        load(tmp_path)
    with pytest.raises(PolicyError, match="cannot be read: No such file or directory"):
        load(tmp_path / "nosuch.yaml")
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (600 * 1024))
    with pytest.raises(PolicyError, match="614400 bytes are too many for a policy"):
        load(large)
    marked = tmp_path / "marked.yaml"
    marked.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load(marked).name == "marked"


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "off", "y", "22:00", "1_000", "1e3", "0o17", "0x1f", "007", ".inf", "2024-01-01", "="]
)
def test_words_of_yaml_1_1_stay_words(word: str) -> None:
    policy = loads(f"version: 1\ncallers: {{g: {{roles: [{word}]}}}}\n")
    assert policy.callers["g"].roles == (word,)


def test_keys_of_yaml_1_1_stay_words() -> None:
    assert set(loads("version: 1\ncallers: {no: {roles: a}, 1: {roles: b}}\n").callers) == {"no", "1"}


def test_aliases_say_the_same_again() -> None:
    policy = loads("version: 1\ncallers: {a: &g {roles: [x]}, b: *g}\n")
    assert policy.callers["a"] == policy.callers["b"]


def test_a_system_identifier_needs_no_quotes() -> None:
    for written in ("7710169664855417377", '"7710169664855417377"', "771016966485541737"):
        policy = loads(f"version: 1\nserver: {{system_identifier: {written}}}\n")
        assert policy.server.system_identifier == written.strip('"')


@pytest.mark.parametrize("file", sorted(POLICIES.glob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_policies_pass_their_own_tests(file: Path) -> None:
    policy = load(file)
    assert policy.name == file.stem
    assert policy.tests


def test_evidence_of_the_command_line_is_read_alike() -> None:
    assert loading.given("{bound: 3}") == loading.given('{"bound": 3}')
    with pytest.raises(PolicyError, match=r'--given:1: "bond" is not known here, did you mean "bound"\?'):
        loading.given("{bond: 3}")
