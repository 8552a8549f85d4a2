"""The documentation is complete: what users can name has its heading, examples load, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pgguard import __version__, checks
from pgguard.audit.chain import FIELDS
from pgguard.cli.configuration import Configuration, configure
from pgguard.console.commands import COMMANDS
from pgguard.policy.load import load, loads
from pgguard.policy.match import MATCHERS
from pgguard.policy.sqlstates import MEANINGS
from tests.docs.generated import commands, pages, with_part
from tests.docs.transcript import blocks

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def text_of(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def headings(page: str) -> list[str]:
    """The headings of a page, without what only looks like one in a block."""
    plain = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#+ (.+)$", plain, re.MULTILINE)


def anchors(page: str) -> set[str]:
    """What can stand behind # in a link to the page."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(page)}


@pytest.mark.parametrize("check", [name for name, _ in checks.ALL])
def test_every_check_has_its_heading(check: str) -> None:
    assert check in headings(text_of("checks.md"))


@pytest.mark.parametrize("key", [matcher.key for matcher in MATCHERS])
def test_every_match_key_stands_below_its_heading(key: str) -> None:
    _, _, behind = text_of("policy.md").partition("## Match keys")
    assert f"| `{key}` |" in behind
    assert f"\n### {key}\n" in behind


@pytest.mark.parametrize("name", Configuration.model_fields)
def test_every_setting_has_its_heading(name: str) -> None:
    assert name.replace("_", "-") in headings(text_of("configuration.md"))


@pytest.mark.parametrize("command", [name for name, _ in commands()])
def test_every_subcommand_has_its_heading(command: str) -> None:
    assert command in headings(text_of("reference/cli.md"))


@pytest.mark.parametrize("usage", [command.usage for command in COMMANDS])
def test_every_command_of_the_console_has_its_heading(usage: str) -> None:
    assert usage in headings(text_of("console.md"))


@pytest.mark.parametrize("column", sorted({column for command in COMMANDS for column in command.columns}))
def test_every_column_of_the_console_is_described(column: str) -> None:
    assert f"`{column}`" in text_of("console.md")


@pytest.mark.parametrize("sqlstate", MEANINGS)
def test_every_sqlstate_has_its_heading_and_its_meaning(sqlstate: str) -> None:
    page = text_of("errors.md")
    assert sqlstate in headings(page)
    section = page.partition(f"## {sqlstate}\n")[2].partition("\n## ")[0]
    words = " ".join(section.lower().split())
    assert all(part in words for part in MEANINGS[sqlstate].lower().split(", ")), MEANINGS[sqlstate]


@pytest.mark.parametrize("sqlstate", sorted(set(re.findall(
    r'(?:refuse_connection|_refuse)\(\s*"(\w{5})"',
    "".join(path.read_text() for path in (ROOT / "pgguard").rglob("*.py")),
))))  # fmt: skip
def test_every_fatal_sqlstate_is_listed(sqlstate: str) -> None:
    assert f"`{sqlstate}`" in text_of("errors.md").partition("## When a connection ends")[2]


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_the_audit_is_described(field: str) -> None:
    rows = [row for row in text_of("audit.md").partition("## Fields")[2].splitlines() if row.startswith("| `")]
    assert any(f"`{field}`" in row.split("|")[1] for row in rows)


@pytest.mark.parametrize("verdict", sorted(set(re.findall(
    r'(?:record\(\s*\w+, |verdict=)"(\w+)"',
    "".join(path.read_text() for room in ("session", "proxy") for path in (ROOT / "pgguard" / room).glob("*.py")),
))))  # fmt: skip
def test_every_verdict_of_the_audit_is_described(verdict: str) -> None:
    assert f"| `{verdict}` |" in text_of("audit.md")


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_generated_pages_are_up_to_date(path: Path) -> None:
    assert path.read_text() == pages()[path], "run: python -m tests.docs.generated"


def test_a_page_without_its_markers_is_found() -> None:
    with pytest.raises(ValueError, match="markers of settings"):
        with_part("# Configuration\n", "settings", "")


@pytest.mark.parametrize("path", sorted((ROOT / "policies").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_policies_load_and_pass_their_own_tests(path: Path) -> None:
    assert load(path).tests or path.name == "open.yaml"


YAML = [(page.name, block) for page in PAGES for block in blocks(page.read_text(), "yaml")]


@pytest.mark.parametrize(("page", "block"), YAML, ids=[f"{page}-{n}" for n, (page, _) in enumerate(YAML)])
def test_examples_load(page: str, block: str, tmp_path: Path) -> None:
    if page != "configuration.md":
        assert loads(block).version == 1
        return
    file = tmp_path / "pgguard.yaml"
    file.write_text(block)
    assert configure({"admin_dsn": "postgresql://a@b/c"}, {}, file).policies


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(path.read_text()):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target.read_text()), link


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = (link.partition("#")[0] for link in LINK.findall(page.read_text()) if "://" not in link)
        waiting += [(page.parent / link).resolve() for link in links if link]
    assert set(PAGES) - reached - {ROOT / "CHANGELOG.md"} == set()


def test_the_readme_is_short_and_shows_first_what_it_is() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) < 250
    first = "\n".join(lines[:50])
    assert all(words in first for words in ("shop=> DELETE FROM", "make demo", "make test", "does not protect against"))


def test_the_changelog_names_this_version() -> None:
    assert any(heading.startswith(__version__) for heading in headings((ROOT / "CHANGELOG.md").read_text()))


def test_rules_in_the_ready_line_are_those_of_the_shipped_policy() -> None:
    count = load(ROOT / "policies" / "production.yaml").rules_count
    for page in PAGES:
        for shown in re.findall(r"policy=production rules=(\d+)", page.read_text()):
            assert int(shown) == count, page
