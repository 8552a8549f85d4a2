"""The corpus: statements with what they must be read as, in comments in front of them.

``-- kind: effects; fact; fact`` then the statement, up to an empty line. Facts: ``reads=a b``, ``writes=t:delete``,
``calls=``, ``operators=``, ``types=``, ``columns=``, ``drops=table:a``, ``name=``, ``control=``, ``subcommands=a, b``,
``set=name value`` and the flags. A fact that is not written must not hold, but for those in UNWRITTEN.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pgguard.sql.classify import classify
from pgguard.sql.read import read
from pgguard.sql.statement import Effect, Statement, StatementKind

CORPUS = Path(__file__).parent / "corpus"
FLAGS = ("chain", "outside_block", "temporary", "copy_in", "files", "with_hold", "excludes")
UNWRITTEN = ("operators", "types", "columns", "details")


def cases() -> list[tuple[str, str, str]]:
    found = []
    for file in sorted(CORPUS.glob("*.sql")):
        for block in file.read_text().strip().split("\n\n"):
            head, _, sql = block.partition("\n")
            found.append((file.stem, head.removeprefix("-- "), sql))
    return found


def _facts(statement: Statement) -> dict[str, str]:
    facts = {
        "reads": " ".join(map(str, statement.reads)),
        "writes": " ".join(f"{write.relation}:{write.effect}" for write in statement.writes),
        "calls": " ".join(map(str, statement.calls)),
        "operators": " ".join(map(str, statement.operators)),
        "types": " ".join(map(str, statement.types)),
        "columns": " ".join(statement.columns),
        "drops": " ".join(f"{drop.kind}:{drop.name}" for drop in statement.drops),
        "name": statement.name,
        "control": statement.control or "",
        "subcommands": ", ".join(statement.subcommands),
        "set": f"{statement.setting.name} {statement.setting.value}" if statement.setting else "",
        "details": ", ".join(statement.details),
        "inner": " ".join(inner.kind for inner in statement.inner),
        "no_where": "" if statement.has_where else "yes",
    }
    facts.update({flag: "yes" for flag in FLAGS if getattr(statement, flag)})
    return {name: value for name, value in facts.items() if value}


@pytest.mark.parametrize(("file", "head", "sql"), cases(), ids=lambda value: value[:60])
def test_the_corpus_is_read_as_it_says(file: str, head: str, sql: str) -> None:
    expected_kind, _, rest = head.partition(": ")
    effects, *written = rest.split("; ")
    expected = dict(fact.split("=", 1) if "=" in fact else (fact, "yes") for fact in written)
    result = read(sql.encode())

    assert "" == result.error
    (statement,) = result.statements
    facts = _facts(statement)
    for name in UNWRITTEN:
        if name not in expected:
            facts.pop(name, None)

    assert file == expected_kind == statement.kind
    assert set(effects.split()) == set(statement.effects)
    assert expected == facts


def test_every_kind_has_a_corpus_file() -> None:
    """EMPTY never comes from a text with a statement, OPAQUE never from one that is understood."""
    kinds = {str(kind) for kind in StatementKind} - {"empty", "opaque"}

    assert kinds == {file.stem for file in CORPUS.glob("*.sql")}


def test_an_unknown_statement_is_opaque() -> None:
    statement = classify({"InventedStmt": {}}, 0, 5)

    assert (StatementKind.OPAQUE, {Effect.OPAQUE}) == (statement.kind, statement.effects)
    assert "unknown statement InventedStmt" == statement.trouble


def test_an_unknown_node_anywhere_makes_the_statement_opaque() -> None:
    inside = {"SelectStmt": {"targetList": [{"ResTarget": {"val": {"InventedExpr": {}}}}]}}

    for statement in (inside, {"ExplainStmt": {"query": inside}}, {"CreateTableAsStmt": {"query": inside}}):
        assert "unknown node InventedExpr" == classify(statement, 0, 1).trouble


def test_unknown_forms_are_opaque() -> None:
    for body in (
        {"TransactionStmt": {"kind": "TRANS_STMT_INVENTED"}},
        {"VariableSetStmt": {"kind": "VAR_SET_INVENTED"}},
        {"MergeStmt": {"relation": {"relname": "t"}, "mergeWhenClauses": [{"MergeWhenClause": {"commandType": "X"}}]}},
    ):
        assert StatementKind.OPAQUE == classify(body, 0, 1).kind
