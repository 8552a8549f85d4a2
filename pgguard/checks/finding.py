"""What a check says of a statement, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pgguard.sql.statement import Statement


@dataclass(frozen=True, slots=True)
class Finding:
    """A hazard that a check saw in a statement. ``check`` is its public name, ``says`` one sentence for people.
    ``catalog``: once it has run, ``evidence.made`` sees in the catalog whether it is so; until then it may be."""

    check: str
    says: str
    catalog: bool = False


def said(check: str, statement: Statement, words: Iterable[str], sentences: Mapping[str, str]) -> Finding | None:
    """The finding that has a sentence for each of the ``words`` (of ALTER TABLE and its kin) that ask for one."""
    found = dict.fromkeys(sentences[word] for word in words if word in sentences)
    if not found:
        return None
    tables = ", ".join(dict.fromkeys(str(write.relation) for write in statement.writes))
    return Finding(check, "the statement " + " and ".join(found) + (f" ({tables})" if tables else ""))
