"""The attacks as data: every entry of ``cases/*.yaml``, one Case for each form in which it is sent.

A file is one family::

    family: no-where
    harm: rows                        # what each case does to a plain server; a case may say otherwise
    scenes: {name: SQL}               # settings that cases share
    cases:
      name: SQL                       # one text
      name: [step, step ...]
      name:
        setup: SQL or a scene         # as ann over a direct connection, before anything else; a list: one by one
        superuser: SQL or a scene     # the same as the superuser, in front of ``setup``
        forms: [simple, extended]     # how a step that is a plain text is sent
        steps: [...]                  # see steps.py; or do: a single one
        harm: object
        by: ann                       # who attacks
        options: -c name=value        # what else its StartupMessage asks for
        cleanup: SQL                  # the same behind it, for what is not in the database (roles)
        servers: [15]                 # where it does harm; the embedded server of 18 is built without libxml
        quiet: true                   # pgguard may stop it without an error of its own
        known: why                    # it gets through today
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).with_name("cases")
TEN = 10
HARMS = frozenset({"rows", "object", "safeguard", "rights"})
KEYS = frozenset(
    {"setup", "superuser", "forms", "steps", "harm", "by", "options", "cleanup", "servers", "quiet", "known", "do"}
)


@dataclass(frozen=True, eq=False)
class Case:
    """One attack in one form."""

    name: str  # family/name, and the form when there are several
    steps: tuple[Any, ...]
    harm: str
    form: str = "simple"
    setup: tuple[str, ...] = ()
    superuser: tuple[str, ...] = ()
    by: str = "ann"
    options: str = ""
    cleanup: tuple[str, ...] = ()
    servers: tuple[int, ...] = (15, 18)
    quiet: bool = False
    known: str = ""
    first: bool = True  # the first of its forms

    @property
    def family(self) -> str:
        return self.name.split("/")[0]


def load() -> list[Case]:
    """All of them, in the order of the files."""
    found = [case for path in sorted(FOLDER.glob("*.yaml")) for case in _family(yaml.safe_load(path.read_text()))]
    names = [case.name for case in found]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"these names are there twice: {twice}"
    return found


def sample(cases: list[Case]) -> list[Case]:
    """In few minutes: ten of each family, spread over it, in one form each, and all that get through today."""
    families: dict[str, list[Case]] = {}
    for case in cases:
        family = families.setdefault(case.family, [])
        if case.first:
            family.append(case)
    chosen = {case for family in families.values() for case in family[:: -(-len(family) // TEN)]}
    return [case for case in cases if case in chosen or case.known]


def _family(file: Mapping[str, Any]) -> Iterator[Case]:
    for name, entry in file["cases"].items():
        known: Mapping[str, Any] = entry if isinstance(entry, dict) else {"steps": entry}
        label = f"{file['family']}/{name}"
        assert known.keys() <= KEYS, f"{label}: unknown keys {known.keys() - KEYS}"
        steps = known.get("steps", known.get("do"))
        assert steps, f"{label} has no steps"
        harm = known.get("harm", file.get("harm", "rows"))
        assert harm in HARMS, f"{label}: {harm} is no harm"
        forms = known.get("forms", file.get("forms", ["simple"]))
        for number, form in enumerate(forms):
            yield Case(
                name=f"{label}-{form}" if len(forms) > 1 else label,
                steps=tuple(steps) if isinstance(steps, list) else (steps,),
                harm=harm,
                form=form,
                setup=_sql(known.get("setup"), file),
                superuser=_sql(known.get("superuser"), file),
                by=known.get("by", "ann"),
                options=known.get("options", ""),
                cleanup=_sql(known.get("cleanup"), file),
                servers=tuple(known.get("servers", (15, 18))),
                quiet=known.get("quiet", False),
                known=known.get("known", ""),
                first=not number,
            )


def _sql(said: str | list[str] | None, file: Mapping[str, Any]) -> tuple[str, ...]:
    parts = said if isinstance(said, list) else [said] if said else []
    scenes = file.get("scenes", {})
    return tuple(scenes.get(part, part) for part in parts)
