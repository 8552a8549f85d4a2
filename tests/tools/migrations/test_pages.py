"""What a tool printed is cut down to what its page shows; every tool has its page."""

from __future__ import annotations

import pytest

from tests.tools.migrations.pages import excerpt, page_of
from tests.tools.migrations.tool import Tool
from tests.tools.migrations.tools import TOOLS

TRACE = """\
2026/11/20 19:27:13 running 011
Traceback (most recent call last):
  File "/a/b.py", line 1
    cursor.execute(statement)
2026/11/20 19:27:13 error: approval required: request 17, rule "destroys", destroys column public.a.b
    at parse (parser.js:1)
DETAIL:  column public.a.b: dropped
    length: 363,
HINT:  Ask a member of "dba" to review request 17: pgguard approve 17. Then run the same statement again.
[SQL: alter table a drop column b]
"""


def test_an_excerpt_is_what_people_need() -> None:
    assert excerpt(TRACE).splitlines() == [
        'error: approval required: request 1, rule "destroys", destroys column public.a.b',
        "DETAIL:  column public.a.b: dropped",
        'HINT:  Ask a member of "dba" to review request 1: pgguard approve 1. Then run the same statement again.',
    ]


def test_without_a_hint_it_is_one_line() -> None:
    assert excerpt('x\n\x1b[31merror: approval required: request 3, rule "r"\x1b[0m\nbye') == (
        'error: approval required: request 1, rule "r"'
    )


@pytest.mark.parametrize("tool", TOOLS, ids=str)
def test_every_tool_has_its_page_with_what_a_refusal_looks_like(tool: Tool) -> None:
    page = page_of(tool.page).read_text()

    assert page.startswith(f"# {tool.name.partition(' migrate')[0]}")
    assert 'approval required: request 1, rule "destroys"' in page
    assert "pgguard.environment" in page
    assert "approve 1" in page
