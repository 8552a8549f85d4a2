"""Hostile texts are stopped before the native parser, and ordinary large ones are not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pgguard.sql import grammar, limits
from pgguard.sql.read import read

# How a text of n links is made. Each is read in a process of its own: a wrong limit is a segmentation fault there.
SHAPES = {
    "plus": "'select ' + '1+' * n + '1'",
    "plus-over-between": "'select a' + ' between 1 and 2 is null' * n",
    "plus-in-case-arms": "'select ' + 'case when a then b end + ' * n + '1'",
    "not": "'select ' + 'not ' * n + 'a'",
    "minus": "'select ' + '- ' * n + 'a'",
    "parentheses": "'select ' + '(' * n + '1' + ')' * n",
    "parentheses-with-chains": "'select ' + '(1,1+1+1+' * n + '1' + ')' * n",
    "subqueries": "'select * from ' + '(select * from ' * n + 't' + ') x' * n",
    "case": "'select ' + 'case when a then ' * n + '1' + ' end' * n",
    "union": "'select 1' + ' union select 1, 2' * n",
    "union-values": "'values (1),(2)' + ' union values (1),(2)' * n",
    "join": "'select * from t' + ' join t on a and b' * n",
    "cast": "'select 1' + '::int' * n",
    "is-null": "'select a' + ' is null' * n",
    "collate": "'select a' + ' collate \"C\"' * n",
    "time-zone": "'select a' + ' at time zone b' * n",
    "arrays": "'select array' + '[' * n + '1' + ']' * n",
    "calls": "'select ' + 'f(' * n + '1' + ')' * n",
    "nested-with": "'with a as (' * n + 'select 1' + ') select 1' * n",
    "many-with": "'with ' + ','.join(f'a{i} as (select 1)' for i in range(n)) + ' select 1'",
    "string-commas": "'select ' + \"',,,' || \" * n + 'a'",
    "operator-run": "'select ' + '+' * n + '1'",
    "operator-runs": "'select ' + ('+' * 499 + '1;') * (n // 50)",
    "comment-run": "'/*' * n + '*/' * n + 'select 1'",
}
PROGRAM = """
import sys
from pgguard.sql.read import read
from pgguard.sql.predicate import always_true
from pgguard.sql.tokens import leading_comment, token_digest
for n in (100, 1000, 2400, 4900, 30000, 100000):
    text = eval(sys.argv[1])
    raw = text.encode()
    assert read(raw) is not None
    always_true(text), token_digest(raw), leading_comment(raw)
print("survived")
"""


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_no_text_ends_the_process(shape: str) -> None:
    """Whatever is chained or nested, and however often, the answer comes and the process lives."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, SHAPES[shape]], capture_output=True, text=True, timeout=120, check=False
    )

    assert (0, "survived\n") == (run.returncode, run.stdout), run.stderr[-500:]


@pytest.mark.parametrize(
    "shape",
    "plus plus-over-between plus-in-case-arms union union-values join string-commas operator-run".split(),
)
def test_too_long_a_chain_is_refused_before_parsing(shape: str) -> None:
    """The limit itself speaks: these shapes would otherwise reach the native recursion."""
    text = eval(SHAPES[shape], {"n": 100_000})[: limits.MAX_COUNTED]

    assert limits.too_much(text.encode()) != ""


@pytest.mark.parametrize(
    "text",
    [
        b"insert into t values " + b"(1)," * 100_000 + b"(1)",
        b"select * from t where id in (" + b"1," * 30_000 + b"1)",
        b"select * from t where " + b"a = 1 or b = 2 and " * 10_000 + b"c",
        b"update t set a = case id " + b"when 1 then 'x' " * 10_000 + b"end where id in (1)",
        b"select 1;" * 5_000,
        b"select '" + b"=" * 20_000 + b"'",
        b"--" + b"-" * 20_000 + b"\nselect 1",
        b"select '" + b"a/* " * 5_000 + b"'",
    ],
    ids=["rows", "in-list", "and-or", "case-arms", "statements", "string", "dashes", "stars-in-string"],
)
def test_flat_texts_pass_whatever_their_length(text: bytes) -> None:
    """Lists are flat: a bulk INSERT is no attack."""
    assert "" == read(text).error


def test_depth_counts_what_is_open_and_what_is_chained() -> None:
    """The bound is the tokens on one path: a comma starts a new chain, an AND does unless BETWEEN waits for it."""

    def depth(text: bytes) -> int:
        tokens = grammar.scan(text)
        assert tokens is not None
        return limits.measure([kind for _, _, kind in tokens])[0]

    assert depth(b"a+a+a+a") == 7
    assert depth(b"a+a,a+a") == 3
    assert depth(b"a and a and a") == 1
    assert depth(b"a between a and a") == 5
    assert depth(b"(a+(a+a))") == 7


def test_the_limits_say_why() -> None:
    assert "NUL" in limits.too_much(b"select \0")
    assert "longer" in limits.too_much(b" " * (limits.MAX_COUNTED + 1))
    assert not limits.too_much(b" " * (limits.MAX_COUNTED + 1), apart=True)
    assert "longer" in limits.too_much(b" " * (limits.MAX_BYTES + 1), apart=True)
    assert "nested or chained" in limits.too_much(b"select " + b"1+" * 9_000 + b"1")
    assert "joins" in limits.too_much(b"select 1" + b" union select 1," * 1_100 + b"1")
    assert "operator characters" in limits.too_much(b"select " + b"+" * 5_000 + b"1")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (b"select 1", True),
        (b"select " + b"1," * 4_000 + b"1", True),
        (b"select " + b"1," * 5_000 + b"1", False),
        (b"select 1;" * 100, True),
        (b"select 1;" * 200, False),
        (b"select '" + b" " * 1_000 + b"'" + b"+" * 300 + b"1", False),
    ],
    ids=["one", "under-8-kB", "over-8-kB", "statements-in-1-kB", "statements", "operators"],
)
def test_what_others_can_wait_for_is_short(text: bytes, short: bool) -> None:
    assert short == limits.short(text)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"select 1;" * 10_001, "more than 10000 statements"),
        (b"select " + b",".join(b"f%d()" % n for n in range(20_100)), "more than 20000 things"),
        (b"drop table " + b",".join(b"t%d" % n for n in range(20_100)), "more than 20000 things"),
        (b"prepare p as select " + b",".join(b"a%d" % n for n in range(20_100)), "more than 20000 things"),
    ],
    ids=["statements", "calls", "drops", "inner"],
)
def test_what_would_take_long_to_judge_is_opaque(text: bytes, error: str) -> None:
    """Everything that is named is looked up in the catalog while others wait."""
    assert error in read(text).error
