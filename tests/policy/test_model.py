"""What a policy says of itself: its rules' digests, its callers, its schema."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from pgguard.policy.fields import PER
from pgguard.policy.match import MATCHERS
from pgguard.policy.model import Policy, named
from tests.policy.making import policy

LIMIT = {"name": "a", "match": {"caller": "people"}, "rows": 100, "beyond": "approve"}
RULE = {"name": "b", "match": {"destroys": "any"}, "except": {"table": "s.*"}, "then": "approve"}


def test_digests_are_of_the_rules_own_content() -> None:
    one, same = policy(LIMIT, RULE), policy(RULE, LIMIT, environment="elsewhere")
    assert one.limits[0].digest == same.limits[0].digest
    assert one.rules[0].digest == same.rules[0].digest
    changes = (
        {**LIMIT, "rows": 101}, {**LIMIT, "beyond": "refuse"}, {**LIMIT, "match": {}}, {**LIMIT, "name": "c"},
        {**LIMIT, "rows": {"deleted": 100}}, {"name": "a", "share": "20%", "at_least": 1, "beyond": "approve"},
    )  # fmt: skip
    digests = {policy(changed).limits[0].digest for changed in changes} | {one.limits[0].digest}
    assert len(digests) == len(changes) + 1
    shares = {policy({**changes[-1], "share": s}).limits[0].digest for s in ("20%", "20.5%", "2%", "20.0%")}
    assert len(shares) == 3
    rules = ({**RULE, "then": "refuse"}, {**RULE, "except": {"table": "t.*"}}, {**RULE, "match": {"destroys": "view"}})
    assert len({policy(r).rules[0].digest for r in (RULE, *rules)}) == 4


def test_digests_last() -> None:
    """Approvals that wait in a store are bound to them: another version may not compute them in another way."""
    assert policy(LIMIT).limits[0].digest == "f41f5e820fb45eb36ef3e2109d8f1161159e1acefd83eb49841d9d366af26955"


def test_groups_of() -> None:
    one = policy(
        callers={"apps": {"roles": ["app"]}, "people": {"not_roles": ["app", "root"]}, "all": {"not_roles": ["x"]}}
    )
    assert one.groups_of("app") == {"apps", "all"}
    assert one.groups_of("ann") == {"people", "all"}
    assert one.groups_of("root") == {"all"}
    assert one.groups_of("APP") == {"people", "all"}


def test_counts_and_name() -> None:
    one = named(policy(LIMIT, RULE), "shop")
    assert (one.name, one.rules_count) == ("shop", 2)


def test_nobody_changes_a_policy() -> None:
    one = policy(LIMIT)
    with pytest.raises(ValidationError):
        one.mode = "observe"  # type: ignore[misc]


def test_the_schema_knows_every_key_and_no_more() -> None:
    schema = Policy.model_json_schema()
    assert json.dumps(schema)
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["version"]
    rule = schema["$defs"]["Rule"]
    assert set(rule["properties"]) == {"name", "match", "except", "then"}
    assert set(rule["properties"]["match"]["properties"]) == {m.key for m in MATCHERS}
    assert rule["properties"]["match"]["additionalProperties"] is False
    assert "notify" not in schema["properties"]
    assert set(schema["$defs"]["Budget"]["properties"]["per"]["anyOf"][0]["enum"]) == set(PER)
