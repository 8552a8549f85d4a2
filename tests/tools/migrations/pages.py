"""``python -m tests.tools.migrations.pages`` writes what a refusal looks like in each tool into docs/tools/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.docs.generated import DOCS, with_part
from tests.tools.migrations.install import HOME
from tests.tools.migrations.tool import Tool

SEEN: Final = HOME / "seen"
PART: Final = "refused"
MOST: Final = 12  # lines
_NOISE = re.compile(r"^\s*(at |File |\.\.\. |[a-zA-Z]+: undefined|length: |\^)|^\s*[\^~]+$|^[}{\s]*$")


def keep(tool: Tool, said: str) -> None:
    """What it printed when its migration was held, for the page."""
    SEEN.mkdir(parents=True, exist_ok=True)
    (SEEN / f"{tool.page}.txt").write_text(excerpt(said))


def excerpt(said: str) -> str:
    """From the first line that says it to the hint, without stack traces, paths and colours."""
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]|^\d{4}/\d\d/\d\d [\d:]+ ", "", said, flags=re.MULTILINE)
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", plain) if not _NOISE.search(line)]
    first = next(at for at, line in enumerate(lines) if "approval required" in line)
    hints = [at for at, line in enumerate(lines[first : first + MOST], first) if "Then run the same" in line]
    wanted = lines[first : hints[0] + 1 if hints else first + 1]
    return re.sub(r"request \d+|pgguard approve \d+", _first_request, "\n".join(wanted))


def _first_request(found: re.Match[str]) -> str:
    return re.sub(r"\d+", "1", found[0])


def page_of(name: str) -> Path:
    return DOCS / "tools" / f"{name}.md"


def main() -> None:
    for seen in sorted(SEEN.glob("*.txt")):
        page = page_of(seen.stem)
        page.write_text(with_part(page.read_text(), PART, f"```text\n{seen.read_text()}\n```"))


if __name__ == "__main__":
    main()
