"""Questions to the JSON tree, where a field that is zero, false or empty is left out."""

from __future__ import annotations

import pytest

from pgguard.sql import tree as t
from pgguard.sql.statement import Name


def parts(*names: str) -> list[t.Tree]:
    return [{"String": {"sval": name}} for name in names]


def test_dotted_names() -> None:
    assert Name("a") == t.dotted(parts("a"))
    assert Name("a", "s") == t.dotted(parts("s", "a")) == t.dotted(parts("database", "s", "a"))
    assert Name("") == t.dotted([])


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"A_Const": {"ival": {}}}, "0"),
        ({"A_Const": {"ival": {"ival": -5}}}, "-5"),
        ({"A_Const": {"fval": {"fval": "1.50"}}}, "1.50"),
        ({"A_Const": {"sval": {}}}, ""),
        ({"A_Const": {"boolval": {}}}, "off"),
        ({"A_Const": {"boolval": {"boolval": True}}}, "on"),
        ({"A_Const": {"isnull": True}}, ""),
        ({"String": {"sval": "x"}}, "x"),
        ({"Integer": {}}, "0"),
        ({"TypeCast": {"arg": {"A_Const": {"sval": {"sval": "1"}}}}}, "1"),
        ({"ColumnRef": {}}, ""),
    ],
)
def test_constants(node: t.Tree, words: str) -> None:
    assert words == t.constant(node)


def test_only_an_option_that_is_plainly_off_is_off() -> None:
    def option(*arguments: t.Tree | None) -> list[t.Tree]:
        return [{"DefElem": {"defname": "x", **({"arg": each} if each else {})}} for each in arguments]

    assert not t.switched_on([], "x")
    assert not t.switched_on(option({"String": {"sval": "OFF"}}), "x")
    assert not t.switched_on(option({"Integer": {}}), "x")
    assert t.switched_on(option(None), "x")
    assert t.switched_on(option({"String": {"sval": "perhaps"}}), "x")
    assert t.switched_on(option({"Integer": {"ival": 1}}, {"Integer": {}}), "x")
