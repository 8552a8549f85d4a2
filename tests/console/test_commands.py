"""The table of commands is complete: each is documented, with its columns, and can be told from the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgguard.console.commands import COMMANDS, find
from pgguard.console.language import statements
from pgguard.console.order import Command
from pgguard.console.session_words import Nothing, habit

DOCS = Path(__file__).resolve().parents[2] / "docs" / "console.md"
EXAMPLES = {
    "SHOW REQUESTS": "show requests",
    "SHOW ALL REQUESTS": "show all requests",
    "SHOW REQUEST n": "show request 3",
    "APPROVE n [AT MOST k] [USES u] [FOR 'time'] [TOKEN]": "approve 3 at most 4 uses 5 for 24h token",
    "DENY n 'reason'": "deny 3 'no'",
    "WITHDRAW n": "withdraw 3",
    "SHOW BUDGETS": "show budgets",
    "SHOW SESSIONS": "show sessions",
    "SHOW RULES": "show rules",
    "SHOW STATS": "show stats",
    "RELOAD": "reload",
    "KILL p": "kill 4711",
    "PAUSE ['time']": "pause '2m'",
    "RESUME": "resume",
    "SHOW HELP": "show help",
    "SHOW VERSION": "show version",
}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.usage)
def test_a_command_is_found_by_its_own_words_alone(command: Command) -> None:
    (said,) = statements(EXAMPLES[command.usage])

    assert find(said) is command
    assert [other for other in COMMANDS if other.wanted.fullmatch(said.shape)] == [command]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.usage)
def test_a_command_and_its_columns_are_documented(command: Command) -> None:
    text = DOCS.read_text()
    own = command.usage if command.usage != "SHOW ALL REQUESTS" else "SHOW REQUESTS"
    section = text.split(f"## {own}\n")[1].split("\n## ")[0]

    for column in command.columns:
        assert f"`{column}`" in section


@pytest.mark.parametrize(
    ("text", "tag"),
    [("BEGIN READ ONLY", "BEGIN"), ("start transaction", "START TRANSACTION"), ("commit", "COMMIT"), ("end", "COMMIT"),
     ("rollback", "ROLLBACK"), ("set application_name = 'x'", "SET"), ("set client_encoding to 'utf-8'", "SET"),
     ("reset all", "RESET"), ("discard all", "DISCARD ALL"), ("SELECT pg_advisory_unlock_all()", "SELECT 0")],
)  # fmt: skip
def test_habits_of_drivers_do_nothing(text: str, tag: str) -> None:
    (said,) = statements(text)
    found = habit(said)

    assert isinstance(found, Nothing)
    assert found.tag == tag
    assert bool(found.warning) is (tag in ("BEGIN", "START TRANSACTION"))


def test_another_encoding_is_refused() -> None:
    (said,) = statements("set client_encoding = 'latin1'")

    assert getattr(habit(said), "sqlstate", "") == "0A000"
