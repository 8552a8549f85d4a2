"""Every transcript in README.md and docs/ is what really appears, on the oldest and on the newest PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from live.pgguard import ROOT
from live.postgres import Postgres

from tests.docs.stand import stand
from tests.docs.transcript import blocks, comparable, taken_apart

PAGES = [
    path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if blocks(path.read_text(), "console")
]


@pytest.mark.live
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_transcripts(server: Postgres, page: Path) -> None:
    text = page.read_text()
    with stand(server, text) as (guard, replay):
        for block in blocks(text, "console"):
            for typed in taken_apart(block):
                printed = guard.said(typed) or replay.again(typed)
                assert comparable(printed) == comparable(typed.printed), typed.command


def test_a_transcript_that_is_not_true_is_found(server: Postgres) -> None:
    sums = "shop=> select 1 + 1 as n;\n n\n---\n 3\n(1 row)\n\n"
    (typed,) = taken_apart(f'$ psql "host=127.0.0.1 port=6432 user=ann dbname=shop"\n{sums}')
    with stand(server, "") as (_, replay):
        printed = replay.again(typed)
    assert comparable(printed) != comparable(typed.printed)
    assert comparable(printed) == comparable(typed.printed).replace("3", "2")


def test_the_readme_is_replayed() -> None:
    assert PAGES[0].name == "README.md"
