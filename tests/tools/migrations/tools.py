"""The migration tools that are tried: where each is, how its project is laid out, and what its own table says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.tools.migrations.tool import CLAIM_IN_URL, HISTORY, Tool, from_history, installed, own_project

PYTHON: Final = str(installed("python", "bin", "python"))
NODE: Final = {"DATABASE_URL": "{url}", "NODE_PATH": str(installed("node", "node_modules"))}
JDBC: Final = "jdbc:postgresql://{host}:{port}/{database}?user={user}&password={password}"


def node(name: str) -> Path:
    return installed("node", "node_modules", ".bin", name)


def package_version(name: str) -> tuple[str, ...]:
    """Not every tool's own --version is one."""
    package = node("..") / name / "package.json"
    return ("node", "-p", f"JSON.parse(require('fs').readFileSync('{package}')).version")


def lay_out_drizzle(folder: Path, last: int) -> None:
    """As ``drizzle-kit generate`` writes it: a file for each, breakpoints between statements, and a journal. All that
    is not applied yet runs in one transaction, so the index cannot be made concurrently."""
    own_project("drizzle")(folder, last)
    target = folder / "drizzle" / "meta"
    target.mkdir(parents=True, exist_ok=True)
    entries = []
    for index, path in enumerate(HISTORY[:last]):
        tag = f"{index:04}_{path.stem[4:]}"
        text = path.read_text().replace("index concurrently", "index").rstrip()
        (folder / "drizzle" / f"{tag}.sql").write_text(text.replace(";\n", ";\n--> statement-breakpoint\n"))
        when = 1700000000000 + index
        entries.append({"idx": index, "version": "7", "when": when, "tag": tag, "breakpoints": True})
    (target / "_journal.json").write_text(json.dumps({"version": "7", "dialect": "postgresql", "entries": entries}))


def lay_out_sqitch(folder: Path, last: int) -> None:
    """A plan, and deploy scripts with a transaction of their own."""
    from_history("deploy/{title}.sql", "begin;\n", behind="commit;\n", alone="")(folder, last)
    (folder / "sqitch.conf").write_text("[core]\n\tengine = pg\n[user]\n\tname = Ann\n\temail = ann@shop.example\n")
    lines = [f"{path.stem[4:]} 2026-01-01T00:00:00Z Ann <ann@shop.example> # {path.stem}" for path in HISTORY[:last]]
    (folder / "sqitch.plan").write_text("%syntax-version=1.0.0\n%project=shop\n\n" + "\n".join(lines) + "\n")


def lay_out_flyway(folder: Path, last: int) -> None:
    own_project("flyway")(folder, last)
    from_history("sql/V{number}__{title}.sql")(folder, last)


TOOLS: Final = [
    Tool(
        "Alembic", "alembic", installed("python"), own_project("alembic"),
        up=(PYTHON, "-m", "alembic", "upgrade", "head"),
        applied="select version_num from alembic_version",
        version=(PYTHON, "-m", "alembic", "--version"),
        url="postgresql+psycopg://{user}:{password}@{host}:{port}/{database}?sslmode=disable",
        env={"DATABASE_URL": "{url}"},
    ),
    Tool(
        "Django migrate", "django", installed("python"), own_project("django"),
        up=(PYTHON, "-m", "django", "migrate"),
        first=(PYTHON, "-m", "django", "migrate", "auth"),
        applied="select app || name from django_migrations order by 1",
        version=(PYTHON, "-m", "django", "--version"),
        env={
            "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": ".", "DB_HOST": "{host}", "DB_PORT": "{port}",
            "DB_NAME": "{database}", "DB_USER": "{user}",
        },
        rounds={13: 4},  # the ORM deletes in pieces
    ),
    Tool(
        "Flyway", "flyway", installed("flyway"), lay_out_flyway,
        up=("java", "-cp", str(installed("flyway", "*")), "Migrate.java"),
        applied="select version from flyway_schema_history where success order by 1",
        version=("ls", str(installed("flyway"))), number=r"flyway-core-(\S+)\.jar",
        url="jdbc:postgresql://{host}:{port}/{database}?sslmode=disable", claim=CLAIM_IN_URL,
        env={"FLYWAY_URL": "{url}", "FLYWAY_USER": "{user}", "FLYWAY_PASSWORD": "{password}"},
    ),
    Tool(
        "Liquibase", "liquibase", installed("liquibase"), own_project("liquibase"),
        up=("java", "-cp", str(installed("liquibase", "*")), "liquibase.integration.commandline.LiquibaseCommandLine",
            "--changelog-file=changelog.yaml", "--url={url}", "update"),
        applied="select id from databasechangelog union all select 'locked' from databasechangeloglock where locked "
                "order by 1",
        version=("ls", str(installed("liquibase"))), number=r"liquibase-core-(\S+)\.jar",
        url=JDBC + "&sslmode=disable", claim=CLAIM_IN_URL,
    ),
    Tool(
        "golang-migrate", "golang-migrate", installed("go", "migrate"),
        from_history("migrations/{number}_{title}.up.sql"),
        up=(str(installed("go", "migrate")), "-path", "migrations", "-database", "{url}", "up"),
        applied="select version from schema_migrations",
        version=("go", "version", "-m", str(installed("go", "migrate"))), number=r"mod\s\S+/migrate/v4\s+v(\S+)",
        claim=CLAIM_IN_URL,
        repair=(str(installed("go", "migrate")), "-path", "migrations", "-database", "{url}", "force", "{last}"),
        note="works; a migration that failed, also by a refusal, wants `force`",
    ),
    Tool(
        "goose", "goose", installed("go", "goose"),
        from_history(
            "migrations/{number}_{title}.sql", "-- +goose Up\n", alone="-- +goose NO TRANSACTION\n-- +goose Up\n"
        ),
        up=(str(installed("go", "goose")), "-dir", "migrations", "postgres", "{url}", "up"),
        applied="select version_id from goose_db_version order by 1",
        version=(str(installed("go", "goose")), "--version"),
        claim=CLAIM_IN_URL,
    ),
    Tool(
        "dbmate", "dbmate", node("dbmate"),
        from_history(
            "db/migrations/{number}_{title}.sql", "-- migrate:up\n", behind="-- migrate:down\n",
            alone="-- migrate:up transaction:false\n",
        ),
        up=(str(node("dbmate")), "--url", "{url}", "--no-dump-schema", "migrate"),
        applied="select version from schema_migrations order by 1",
        version=(str(node("dbmate")), "--version"),
        claim=CLAIM_IN_URL,
    ),
    Tool(
        "sqlx migrate", "sqlx", installed("rust", "bin", "sqlx"),
        from_history("migrations/{number}_{title}.sql", alone="-- no-transaction\n"),
        up=(str(installed("rust", "bin", "sqlx")), "migrate", "run", "--database-url", "{url}"),
        applied="select version from _sqlx_migrations where success order by 1",
        version=(str(installed("rust", "bin", "sqlx")), "--version"),
        claim=CLAIM_IN_URL,
    ),
    Tool(
        "Knex", "knex", node("knex"), own_project("knex"),
        up=(str(node("knex")), "migrate:latest", "--knexfile", "knexfile.cjs"),
        applied="select name from knex_migrations union all "
                "select 'locked' from knex_migrations_lock where is_locked = 1 order by 1",
        version=package_version("knex"),
        env=NODE,
        rounds={12: 2},  # it drops NOT NULL in front of the change of type, and sets it again
    ),
    Tool(
        "node-pg-migrate", "node-pg-migrate", node("node-pg-migrate"), own_project("node_pg_migrate"),
        up=(str(node("node-pg-migrate")), "up", "--no-single-transaction"),
        applied="select name from pgmigrations order by 1",
        version=package_version("node-pg-migrate"),
        claim=CLAIM_IN_URL,
        env=NODE,
    ),
    Tool(
        "TypeORM", "typeorm", node("typeorm"), own_project("typeorm"),
        up=(str(node("typeorm")), "migration:run", "-d", "datasource.cjs"),
        applied="select name from migrations order by 1",
        version=package_version("typeorm"),
        env=NODE,
    ),
    Tool(
        "Drizzle", "drizzle", installed("node", "node_modules", "drizzle-orm"), lay_out_drizzle,
        up=("node", "migrate.cjs"),
        applied="select created_at from drizzle.__drizzle_migrations order by 1",
        version=package_version("drizzle-orm"),
        claim=CLAIM_IN_URL,
        env=NODE,
        note="works; `drizzle-kit migrate` shows no error of any server",
    ),
    Tool(
        "Sqitch", "sqitch", Path("/usr/bin/sqitch"), lay_out_sqitch,
        up=("sqitch", "deploy", "--target", "{url}"),
        applied="select change from sqitch.changes order by 1",
        version=("sqitch", "--version"),
        url="db:pg://{user}:{password}@{host}:{port}/{database}?sslmode=disable",
    ),
]  # fmt: skip
