"""``python -m tests.tools.migrations.install`` installs the migration tools at their current versions.

What cannot be had is said, and its tests are skipped, as with everything that ``tests.tools.workshop`` installs.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import Final

from tests.tools.workshop import HOME as TOOLS
from tests.tools.workshop import install, program, run

HOME: Final = TOOLS / "migrations"
PYTHON: Final = ("alembic", "django", "psycopg[binary]")
NODE: Final = ("pg", "knex", "node-pg-migrate", "typeorm", "drizzle-orm", "dbmate")
# Without drivers of other databases: some of them cannot be had everywhere, and PostgreSQL's alone builds in seconds.
GOOSE: Final = " ".join(
    f"no_{name}" for name in ("clickhouse", "libsql", "mssql", "mysql", "sqlite3", "vertica", "ydb", "spanner", "turso")
)
POM: Final = """\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>tools</groupId><artifactId>{name}</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{dependencies}</dependencies>
</project>
"""
DEPENDENCY: Final = (
    "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>RELEASE</version></dependency>"
)
DRIVER: Final = ("org.postgresql", "postgresql")


def python() -> None:
    interpreter = HOME / "python" / "bin" / "python"
    if not interpreter.exists():
        run(sys.executable, "-m", "venv", str(HOME / "python"))
    run(str(interpreter), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-U", *PYTHON)


def node() -> None:
    packages = [f"{name}@latest" for name in NODE]
    run(program("npm"), "install", "--silent", "--no-audit", "--no-fund", *packages, into="migrations/node")


def go() -> None:
    compiler, env = program("go"), {"GOBIN": str(HOME / "go"), "GOFLAGS": "-p=1"}
    goose, migrate = "github.com/pressly/goose/v3/cmd/goose", "github.com/golang-migrate/migrate/v4/cmd/migrate"
    run(compiler, "install", "-tags", GOOSE, f"{goose}@latest", into="migrations/go", **env)
    run(compiler, "install", "-tags", "postgres", f"{migrate}@latest", into="migrations/go", **env)


def rust() -> None:
    features = ["--no-default-features", "--features", "native-tls,postgres"]
    command = [program("cargo"), "install", "-q", "-j1", "--root", str(HOME / "rust"), "sqlx-cli"]
    run(*command, *features, into="migrations/rust")


def jars(name: str, *artifacts: tuple[str, str]) -> None:
    """The jars of these artifacts, and what they need, in a folder of their own; those of an earlier time go."""
    shutil.rmtree(HOME / name, ignore_errors=True)
    (HOME / name).mkdir(parents=True)
    dependencies = "".join(DEPENDENCY.format(*artifact) for artifact in (*artifacts, DRIVER))
    (HOME / name / "pom.xml").write_text(POM.format(name=name, dependencies=dependencies))
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
    run(program("mvn"), "-q", "-B", goal, "-DincludeScope=runtime", "-DoutputDirectory=.", into=f"migrations/{name}")


def flyway() -> None:
    jars("flyway", ("org.flywaydb", "flyway-core"), ("org.flywaydb", "flyway-database-postgresql"))


def liquibase() -> None:
    jars("liquibase", ("org.liquibase", "liquibase-core"), ("info.picocli", "picocli"))


def sqitch() -> None:
    program("sqitch")


TOOLS_BY_HOME: Final[dict[str, Callable[[], None]]] = {
    "python": python, "node": node, "go": go, "rust": rust, "flyway": flyway, "liquibase": liquibase, "sqitch": sqitch,
}  # fmt: skip


if __name__ == "__main__":
    sys.exit(install(TOOLS_BY_HOME, "migrations, "))
