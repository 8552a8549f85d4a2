"""The console's language: usage lines match what people write, and nothing else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.console.language import Param, match, pattern, resolved, statements

APPROVE = pattern("APPROVE n [AT MOST k] [TOKEN]")
DENY = pattern("DENY n 'reason'")


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("approve 17", {"n": 17}),
        ("Approve 17 AT most 5;", {"n": 17, "k": 5}),
        (" approve /* yes */ 17 -- sure\n token ;;", {"n": 17}),
        ("approve $2 at most $1", {"n": Param(2), "k": Param(1)}),
        ("approve 17 token at most 5", None),
        ("approve", None),
        ("approve 17 18", None),
        ("approve 1.5", None),
        ("approve '17'", None),
        ("xapprove 17", None),
        ("approve 17 atmost 5", None),
    ],
)
def test_approve(text: str, arguments: dict[str, object] | None) -> None:
    (said,) = statements(text)

    assert match(APPROVE, said) == arguments


def test_strings_are_read_as_sql_writes_them() -> None:
    (said,) = statements("deny 3 'it''s; too\nmuch -- no'")

    assert match(DENY, said) == {"n": 3, "reason": "it's; too\nmuch -- no"}


def test_parameters_take_their_values() -> None:
    (said,) = statements("deny $1 $2")

    assert said.params == 2
    assert [resolved(argument, ("7", None)) for argument in said.arguments] == ["7", None]
    assert resolved(5, ()) == 5


def test_several_statements_are_told_apart() -> None:
    assert [said.shape for said in statements("show requests;; approve 1; ' x")] == [
        "SHOW REQUESTS", "APPROVE n", "' X",
    ]  # fmt: skip
    assert statements(" ; -- nothing\n /* never ends") == []


@given(st.text(alphabet="aprove nsp17'$;-/*\"\n\\é", max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    for said in statements(text):
        for wanted in (APPROVE, DENY):
            match(wanted, said)


@given(st.text(max_size=30))
def test_a_quoted_reason_comes_back_as_it_was(reason: str) -> None:
    quoted = reason.replace("'", "''")
    (said,) = statements(f"deny 1 '{quoted}'")

    assert match(DENY, said) == {"n": 1, "reason": reason}


def test_the_longest_message_is_read_in_no_time() -> None:
    start = time.monotonic()
    for hard in ("/*" * 32_000, "'" * 64_001, "$" * 64_000, "--" * 32_000, "1a" * 32_000, "a " * 32_000):
        statements(hard)

    assert time.monotonic() - start < 10


def test_a_parameter_that_pgjdbc_wrote_into_the_text() -> None:
    (said,) = statements("deny ('17'::int4) ('it''s too much')")

    assert (said.shape, said.arguments) == ("DENY n s", (17, "it's too much"))
    assert statements("approve ('²'::int4)")[0].shape == "APPROVE s"
    assert statements("approve ('17'::text)")[0].shape == "APPROVE s"
    assert statements("approve ('17'); deny 1 ('x'")[0].shape == "APPROVE s"
