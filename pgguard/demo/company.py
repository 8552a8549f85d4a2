"""The sample company in a server: its roles, its database, and what is in it at a given moment."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from pgguard.demo.client import Login, Psql
from pgguard.demo.embedded import Embedded
from pgguard.errors import ConfigError

DATABASE = "shop"
ADMIN = "pgguard_admin"
ROWS = {
    "accounts": 2_000,
    "users": 6_000,
    "inventory": 50_000,
    "transactions": 200_000,
    "orders": 20_000,
    "order_items": 60_000,
    "returns": 3_000,
    "events": 20_000,
    "activity_log": 0,
}

OBJECTS = """
select format('relation %s %s %s', relname, relkind, relfilenode) from pg_class
    where relnamespace = 'public'::regnamespace
union all select format('column %s.%s %s', attrelid::regclass, attname, atttypid::regtype) from pg_attribute
    where attnum > 0 and not attisdropped
    and attrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
union all select format('constraint %s', conname) from pg_constraint where connamespace = 'public'::regnamespace
union all select format('trigger %s %s', tgname, tgenabled) from pg_trigger where not tgisinternal
union all select format('function %s %s', oid::regprocedure, md5(prosrc)) from pg_proc
    where pronamespace = 'public'::regnamespace
"""
TABLES = """
select relname from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
order by oid
"""


@dataclass(frozen=True, slots=True)
class Content:
    """One table's rows: how many, and a checksum over all of them."""

    rows: int
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """Everything in the company's database, as committed at one moment."""

    tables: Mapping[str, Content]
    objects: frozenset[str] = frozenset()


@dataclass(slots=True)
class Company:
    """The company in ``server``. ``passwords``: of every role that signs in."""

    server: Embedded
    psql: Psql
    passwords: dict[str, str] = field(default_factory=dict)

    def load(self) -> None:
        """Create roles, database and data; takes a few seconds. Raises ConfigError where the server says no."""
        # People have to type theirs. Nobody has to type the one that can read everything.
        self.passwords = {"app": "app", "ann": "ann", "bob": "bob", ADMIN: secrets.token_urlsafe(18)}
        variables = "".join(f"\\set {role}_password '{secret}'\n" for role, secret in self.passwords.items())
        self._run("postgres", variables + _text("roles.sql"))
        self._run(DATABASE, _text("company.sql"))

    def login(self, role: str, *, host: str = "", port: int = 0, database: str = DATABASE) -> Login:
        """``role``'s own login: directly at the server, or at another ``host`` and ``port`` in front of it."""
        return Login(host or self.server.host, port or self.server.port, role, self.passwords[role], database)

    def state(self) -> State:
        """What is there now, seen over a direct connection."""
        names = self._run(DATABASE, TABLES).split()
        counts = " union all ".join(
            f"select '{name}', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) from \"{name}\" t"
            for name in names
        )
        lines = self._run(DATABASE, counts).split() if names else []
        found = {name: Content(int(count), checksum) for name, count, checksum in (line.split("|") for line in lines)}
        tables = {name: found[name] for name in names}
        return State(tables, frozenset(self._run(DATABASE, OBJECTS).splitlines()))

    def _run(self, database: str, sql: str) -> str:
        login = Login(self.server.host, self.server.port, self.server.user, self.server.password, database)
        answer = self.psql.run(login, sql, as_file=sql.startswith("\\") or "\\g" in sql)
        if answer.exit_code != 0:
            raise ConfigError(f"the sample company: {answer.complained.strip()}", exit_code=3)
        return answer.said


def _text(name: str) -> str:
    return files("pgguard.demo").joinpath(name).read_text(encoding="utf-8")
