"""The single values of a policy file, and the sentence about each that is wrong."""

from __future__ import annotations

import ipaddress
import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from pgguard.policy import suggest
from pgguard.policy.match import BY_KEY, DESTROYS, MATCHERS
from pgguard.policy.suggest import did_you_mean, nearest
from pgguard.policy.window import moment, window

RESERVED_NAMES = ("claims", "unmeasured")  # they stand in for a rule's name where no rule decided
PER = ("caller", "role", "application", "database", "table")  # what a budget can be kept by


def wrong(sentence: str, *at: str | int) -> PydanticCustomError:
    """A mistake in the file, in our words. ``at``: the way from the value in hand down to the place to point at."""
    # The sentence goes in as context: it may hold braces, which pydantic would take for placeholders.
    return PydanticCustomError("policy", "{sentence}", {"sentence": sentence, "at": at})


def _any_text(value: Any) -> str:
    if not isinstance(value, str):
        quotes = "; put it in quotes" if isinstance(value, (bool, int)) else ""
        raise wrong(f"text is needed here, not {shown(value)}{quotes}")
    return value


def _text(value: Any) -> str:
    text = _any_text(value)
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise wrong("control characters are not allowed here")
    return text


def shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "a mapping" if isinstance(value, dict) else f'"{value}"' if isinstance(value, str) else str(value)


def _texts(value: Any) -> tuple[str, ...]:
    many = value if isinstance(value, (list, tuple)) else (value,)
    if not many:
        raise wrong("an empty list matches nothing; leave the key out or fill it")
    return tuple(_text(one) for one in many)


def _notice(value: Any) -> tuple[str, ...]:
    return () if value == "off" else _texts(value)


def _listed(value: Any) -> tuple[str, ...]:
    return () if value in ([], ()) else _texts(value)


def _version(value: Any) -> int:
    if value is True or value != 1:
        raise wrong(f"version must be 1, not {shown(value)}")
    return 1


def lost_object(value: Any) -> Any:
    """``table invoices`` as a mapping; the kind is the longest that is known."""
    if not isinstance(value, str):
        return value
    for kind in sorted(DESTROYS, key=len, reverse=True):
        if value.startswith(kind + " ") and value[len(kind) :].strip():
            how = "truncated" if kind == "data" else "dropped"
            return {"kind": kind, "name": value[len(kind) :].strip(), "how": how}
    raise wrong(f'"{value}" is not a lost object such as "table invoices"{nearest(value.split(" ")[0], DESTROYS[1:])}')


def count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        meant = did_you_mean(suggest.number(value))
        raise wrong(f"a whole number of 0 or more is needed here, not {shown(value)}{meant}")
    return value


def _name(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", text):
        raise wrong(f'"{text}" cannot be a name: letters, digits, "_", "." and "-" only, at most 63')
    if text in RESERVED_NAMES:
        raise wrong(f'"{text}" is what pgguard calls its own rule; choose another name')
    return text


def _seconds(value: Any) -> float:
    if isinstance(value, float):
        return value
    found = re.fullmatch(r"([0-9]{1,6})(s|m|h|d)", value) if isinstance(value, str) else None
    if not found or int(found[1]) == 0:
        meant = did_you_mean(suggest.duration(value))
        raise wrong(f"a duration such as 30m, 12h or 7d is needed here, not {shown(value)}{meant}")
    return float(int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]])


def _share(value: Any) -> Fraction:
    if isinstance(value, Fraction):
        return value
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%", value) if isinstance(value, str) else None
    if not found or not 0 < Fraction(found[1]) < 100:
        meant = did_you_mean(suggest.share(value))
        raise wrong(f"a share such as 20% (more than 0%, less than 100%) is needed here, not {shown(value)}{meant}")
    return Fraction(found[1]) / 100


def _per(value: Any) -> tuple[str, ...]:
    words = _texts(value)
    for word in words:
        if word not in PER:
            raise wrong(f'a budget cannot be kept per "{word}"{nearest(word, PER)}')
    return tuple(dict.fromkeys(words))


def _identifier(value: Any) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)


def _moment(value: Any) -> float | None:
    if value is None or isinstance(value, float):
        return value
    found = moment(_text(value))
    if isinstance(found, str):
        raise wrong(found)
    return found


def one_of(*choices: str) -> BeforeValidator:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            meant = did_you_mean(suggest.choice(value, choices))
            raise wrong(f"one of {', '.join(choices)} is needed here, not {shown(value)}{meant}")
        return value

    return BeforeValidator(check)


def _match(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise wrong(f"match needs a mapping such as {{caller: people}}, not {shown(value)}")
    return {key: _wanted(key, wanted) for key, wanted in value.items()}


def _wanted(key: str, value: Any) -> tuple[str, ...]:
    matcher = BY_KEY.get(key)
    if matcher is None:
        raise wrong(f'"{key}" is not a match key{nearest(key, BY_KEY)}', key)
    try:
        wanted = _texts(value)
    except PydanticCustomError as mistake:
        raise wrong(str((mistake.context or {})["sentence"]), key) from None
    for word in wanted:
        if matcher.values and word not in matcher.values:
            raise wrong(f'"{word}" is not known to {key}{nearest(word, matcher.values)}', key)
        if not word and key != "claim":
            raise wrong(f"an empty text matches nothing under {key}", key)
        if key == "time" and isinstance(sentence := window(word), str):
            raise wrong(sentence, key)
        if key == "address" and word != "local":
            try:
                ipaddress.ip_network(word, strict=False)
            except ValueError:
                raise wrong(f'"{word}" is not a network such as 10.0.0.0/8, nor local', key) from None
    return wanted


_MANY: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}


def _match_schema() -> dict[str, Any]:
    def values(allowed: tuple[str, ...]) -> dict[str, Any]:
        one = {"enum": list(allowed)} if allowed else {"type": "string"}
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}

    properties = {m.key: {**values(m.values), "description": m.doc} for m in MATCHERS}
    return {"type": "object", "additionalProperties": False, "properties": properties}


Text = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": "string"})]
Sql = Annotated[str, BeforeValidator(_any_text), WithJsonSchema({"type": "string"})]
Version = Annotated[int, BeforeValidator(_version), WithJsonSchema({"const": 1})]
Listed = Annotated[
    tuple[str, ...], BeforeValidator(_listed), WithJsonSchema({"type": "array", "items": {"type": "string"}})
]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts), WithJsonSchema(_MANY)]
Notice = Annotated[tuple[str, ...], BeforeValidator(_notice), WithJsonSchema(_MANY)]
Count = Annotated[int, BeforeValidator(count), WithJsonSchema({"type": "integer", "minimum": 0})]
RuleName = Annotated[str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9]"})]
Match = Annotated[dict[str, tuple[str, ...]], BeforeValidator(_match), WithJsonSchema(_match_schema())]
Duration = Annotated[float, BeforeValidator(_seconds), WithJsonSchema({"type": "string", "pattern": "^[0-9]+[smhd]$"})]
Moment = Annotated[float | None, BeforeValidator(_moment), WithJsonSchema({"type": "string"})]
Share = Annotated[Fraction, BeforeValidator(_share), WithJsonSchema({"type": "string", "pattern": r"^[0-9.]+%$"})]
Per = Annotated[
    tuple[str, ...], BeforeValidator(_per),
    WithJsonSchema({"anyOf": [{"enum": list(PER)}, {"type": "array", "items": {"enum": list(PER)}, "minItems": 1}]}),
]  # fmt: skip
Identifier = Annotated[str, BeforeValidator(_identifier), WithJsonSchema({"type": "string"})]
