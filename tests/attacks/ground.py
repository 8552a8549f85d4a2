"""Where an attack takes place: a copy of the company for each, looked at over a direct connection before and after."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from live.endpoint import Endpoint
from live.postgres import Postgres

from tests.attacks.cases import Case
from tests.attacks.harm import Harm, Look, harm, look
from tests.attacks.steps import Attack, filled

_NOBODY_LEFT = (
    "select not exists (select from pg_stat_activity where datname = '{}' and backend_type = 'client backend'"
    " and usename not in ('pgguard_admin', 'postgres'))"
)


class Ground:
    """One server and what is known of the settings that cases make on it."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self._numbers = itertools.count(1)
        self._befores: dict[tuple[tuple[str, ...], tuple[str, ...]], Look] = {}

    def attack(self, case: Case, endpoint: Endpoint) -> tuple[list[Harm], list[str]]:
        """The harm that is done through ``endpoint``, and the SQLSTATEs that the attacker saw."""
        with self._fresh(case) as database:
            before = self._before(case, database)
            states = Attack(case, self.server, endpoint, database).run()
            self.server.wait_until(_NOBODY_LEFT.format(database))
            for (gid,) in self.server.sql("select gid from pg_prepared_xacts where database = %s", [database]):
                self.server.sql(f"rollback prepared '{gid}'", dbname=database)  # it holds locks
            return harm(before, look(self.server, database, before)), states

    def _before(self, case: Case, database: str) -> Look:
        setting = (case.superuser, case.setup)
        if setting not in self._befores:
            self._befores[setting] = look(self.server, database)
        return self._befores[setting]

    @contextmanager
    def _fresh(self, case: Case) -> Iterator[str]:
        """A database for this case alone."""
        name = f"test{next(self._numbers)}"
        # With little in it, copying the files is several times faster than writing them to the log.
        self.server.sql(f"create database {name} template company owner ann strategy file_copy")
        try:
            self._prepare("postgres", name, case.superuser)
            self._prepare("ann", name, case.setup)
            yield name
        finally:
            self.server.sql(f"drop database if exists {name} with (force)")
            if case.cleanup:
                self._prepare("postgres", "postgres", case.cleanup)
                self._befores.clear()  # roles belong to all databases, and are not quite what they were

    def _prepare(self, user: str, database: str, scripts: tuple[str, ...]) -> None:
        if scripts:
            with self.server.connect(user, database) as direct:
                for script in scripts:
                    direct.execute(filled(script, self.server, database).encode())
