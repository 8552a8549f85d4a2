"""Exactly the keys that a mapping has, and digests that only the content moves."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pgguard.policy.model import Claims, Limit, Rule


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"mising": "refuse-destroying"}, 'did you mean "missing"'),
        ({"notify": "x"}, "what pgguard does not enforce it does not accept"),
        ({"missing": None}, "fill it or leave it out"),
        ("missing", "a mapping is needed here"),
    ],
)
def test_other_keys_are_mistakes(data: object, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Claims.model_validate(data)


def test_a_digest_is_of_the_content() -> None:
    one = {"name": "people", "rows": 100, "beyond": "approve"}

    assert Limit.model_validate(one).digest == Limit.model_validate(dict(reversed(one.items()))).digest
    assert Limit.model_validate(one).digest != Limit.model_validate({**one, "rows": 101}).digest
    rule = {"name": "people", "match": {"kind": "drop"}, "then": "approve"}
    assert Limit.model_validate(one).digest != Rule.model_validate(rule).digest
