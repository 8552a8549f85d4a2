"""``python -m tests.docs.rewrite [PAGE...]`` types the transcripts of pages again and writes down what appears now.

Look at the difference before you keep it: a page that says something else than before is a change that users see.
"""

from __future__ import annotations

import sys
from pathlib import Path

from live.postgres import Postgres

from tests.docs.stand import Shown, company_server, stand
from tests.docs.transcript import FENCE, Replay, Typed, comparable, taken_apart


def rewritten(server: Postgres, page: str) -> str:
    """The page with its transcripts as they are today."""
    with stand(server, page) as (guard, replay):
        found = list(FENCE.finditer(page))
        fresh = {match: _block(match[2], guard, replay) for match in found if match[1] == "console"}
    for match in reversed(found):
        if match in fresh:
            page = page[: match.start(2)] + fresh[match] + page[match.end(2) :]
    return page


def _block(block: str, guard: Shown, replay: Replay) -> str:
    parts = taken_apart(block)
    texts = [f"$ {typed.command}\n{_printed(typed, guard, replay)}" for typed in parts]
    return "".join(texts)


def _printed(typed: Typed, guard: Shown, replay: Replay) -> str:
    text = comparable(guard.said(typed) or replay.again(typed))
    return text + "\n" if text else ""


def main() -> None:
    """Rewrites the pages in place."""
    with company_server(15) as server:
        for name in sys.argv[1:]:
            page = Path(name)
            before = page.read_text()
            after = rewritten(server, before)
            if before != after:
                page.write_text(after)
                print(f"{name}: rewritten")


if __name__ == "__main__":
    main()
