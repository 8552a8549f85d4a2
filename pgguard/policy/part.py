"""What all mappings of a policy file have in common: exactly these keys, and a digest that approvals are bound to."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator

from pgguard.policy.fields import Match, RuleName, shown, wrong
from pgguard.policy.suggest import nearest

_PLANNED = ("notify", "backup", "undo", "freeze", "groups")


class Part(BaseModel):
    """A mapping of the file: exactly these keys, and never changed after loading."""

    example: ClassVar[str] = ""  # how one looks
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False, arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            example = f"; write {cls.example}" if cls.example else ""
            raise wrong(f"a mapping is needed here, not {shown(data)}{example}")
        known = {field.alias or name: field for name, field in cls.model_fields.items()}
        for key, value in data.items():
            if key not in known:
                if value is None:
                    comma = "inside { } a comma begins a new key: leave it out, or put the text in quotes"
                    raise wrong(f'"{key}" is not known here; {comma}', key)
                later = " yet: what pgguard does not enforce it does not accept" if key in _PLANNED else ""
                raise wrong(f'"{key}" is not known here{later}{nearest(str(key), known)}', key)
            if value is None:
                raise wrong(f'"{key}" is empty; fill it or leave it out', key)
        for name, field in known.items():
            if field.is_required() and name not in data:
                raise wrong(f'"{name}" is missing here')
        return data


class Named(Part):
    """A rule, limit or budget, whose own content has a digest that approvals are bound to."""

    name: RuleName
    match: Match = {}

    @cached_property
    def digest(self) -> str:
        content = [type(self).__name__, self.model_dump(mode="json", by_alias=True, fallback=str)]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
