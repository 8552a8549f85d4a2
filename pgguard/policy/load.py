"""Reading a policy file: YAML without YAML 1.1's surprises, mistakes with their line, its own tests passed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pgguard.errors import PolicyError
from pgguard.policy import suggest
from pgguard.policy.explain import visible
from pgguard.policy.model import Policy, named
from pgguard.policy.trial import run
from pgguard.policy.trial_shape import Given

_MOST_BYTES = 512 * 1024
_MOST_NODES = 50_000
_DEEPEST = 40

_IMPLICIT = tuple(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)

# Pydantic's own complaints about shapes, in the words of the others.
_SHAPES = {
    "tuple_type": "a list is needed here",
    "dict_type": "a mapping is needed here: a name, a colon, and what it stands for",
}

Place = tuple[str | int, ...]


def load(path: Path) -> Policy:
    """The policy in this file. Raises PolicyError for whatever is wrong with it, its failing tests included."""
    return loads(_text(path), str(path))


def loads(text: str, file: str = "policy.yaml") -> Policy:
    """The policy in this text, under the stem of ``file``. Raises PolicyError."""
    policy, lines = _shaped(text, file)
    for index, trial in enumerate(policy.tests):
        outcome = run(policy, trial)
        if outcome.wrong:
            raise PolicyError(f"test {index + 1} failed: {outcome.wrong}", file=file, line=lines.get(("tests", index)))
    return policy


def untested(path: Path) -> tuple[Policy, tuple[int, ...]]:
    """The policy in this file whether its tests pass or not, and the line of each: only for showing how they fail."""
    policy, lines = _shaped(_text(path), str(path))
    return policy, tuple(lines.get(("tests", index), 1) for index in range(len(policy.tests)))


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PolicyError(f"cannot be read: {error.strerror or error}", file=str(path)) from None
    if len(data) > _MOST_BYTES:
        raise PolicyError(f"{len(data)} bytes are too many for a policy (limit {_MOST_BYTES})", file=str(path))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyError("this is not UTF-8", file=str(path), line=line) from None


def given(text: str) -> Given:
    """The evidence of a test, as YAML or JSON. Raises PolicyError."""
    value, lines = plain(text, "--given")
    try:
        return Given.model_validate(value)
    except ValidationError as error:
        raise _sentence(error, lines, "--given") from None


def _shaped(text: str, file: str) -> tuple[Policy, dict[Place, int]]:
    value, lines = plain(text, file)
    try:
        policy = Policy.model_validate(value)
    except ValidationError as error:
        raise _sentence(error, lines, file) from None
    return named(policy, Path(file).stem), lines


def _sentence(error: ValidationError, lines: Mapping[Place, int], file: str) -> PolicyError:
    """The first mistake as one sentence. Pydantic's place can hold names of branches that are not in the file, and of
    two branches that both fail it reports both: ours says more."""
    mistakes = error.errors(include_url=False)
    mistake = next((one for one in mistakes if one["type"] == "policy"), mistakes[0])
    context = mistake.get("ctx") or {}
    place: Place = ()
    for step in (*mistake["loc"], *context.get("at", ())):
        if (*place, step) in lines:
            place = (*place, step)
    sentence = context.get("sentence") or _SHAPES.get(mistake["type"]) or mistake["msg"]
    return PolicyError(visible(str(sentence)), file=file, line=lines.get(place, 1))


def plain(text: str, file: str) -> tuple[Any, dict[Place, int]]:
    """The text as plain data, and the line of everything in it."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise _not_yaml(error, text, file) from None
    except RecursionError:
        raise PolicyError("nested too deeply for a policy", file=file) from None
    if root is None:
        raise PolicyError("the file is empty", file=file, line=1)
    walk = _Walk(file)
    return walk.value(root, (), 0), walk.lines


def _not_yaml(error: yaml.YAMLError, text: str, file: str) -> PolicyError:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read")
    line = mark.line + 1 if mark is not None else None
    if line is None and isinstance(error, yaml.reader.ReaderError):
        return PolicyError(f"a character that YAML does not allow: {error.character!r}", file=file,
                           line=text.count("\n", 0, error.position) + 1)  # fmt: skip
    if mark is not None and not text[mark.index :].strip():
        context = getattr(error, "context_mark", None)
        began = f"; what began in line {context.line + 1} is not closed" if context is not None else ""
        return PolicyError(f"the file ends too early{began}", file=file, line=line)
    if "'\\t'" in problem:
        return PolicyError("a tab where YAML needs spaces", file=file, line=line)
    if "undefined alias" in problem:
        problem = problem.replace("found undefined alias", "unknown alias")
        return PolicyError(problem + suggest.for_yaml(problem), file=file, line=line)
    return PolicyError(f"this is not YAML: {problem}{suggest.for_yaml(problem)}", file=file, line=line)


class _Walk:
    """YAML's nodes as plain data. Only true and false are booleans, only plain decimal digits are numbers: YAML 1.1
    would read ``on`` as true, ``22:00`` as 1320 and ``1_000`` as 1000, and a policy would be wrong without an error."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Place, int] = {}
        self.nodes = 0

    def wrong(self, what: str, node: yaml.Node) -> PolicyError:
        return PolicyError(visible(what), file=self.file, line=node.start_mark.line + 1)

    def value(self, node: yaml.Node, place: Place, depth: int) -> Any:
        # An alias is the same node again: counting visits bounds what aliases of aliases can grow to.
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise self.wrong("aliases make this policy too large", node)
        if depth > _DEEPEST:
            raise self.wrong("nested too deeply for a policy (or an alias inside of what it stands for)", node)
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            self._no_tag(node, "tag:yaml.org,2002:map")
            return self._mapping(node, place, depth)
        if isinstance(node, yaml.SequenceNode):
            self._no_tag(node, "tag:yaml.org,2002:seq")
            return [self.value(one, (*place, i), depth + 1) for i, one in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, place: Place, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.wrong("a key must be a word", key_node)
            key = str(key_node.value)
            if key in result:
                first = self.lines[(*place, key)]
                raise self.wrong(f'"{key}" stands here twice, first in line {first}', key_node)
            self.lines[(*place, key)] = key_node.start_mark.line + 1
            result[key] = self.value(value_node, (*place, key), depth + 1)
        return result

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text = str(node.value)
        if node.style is not None:
            self._no_tag(node, "tag:yaml.org,2002:str")
            return text
        # Without quotes the resolvers of YAML 1.1 have tagged it already; only their own tags are passed over.
        if node.tag not in _IMPLICIT:
            raise self.wrong(f'the tag "{node.tag}" has no place in a policy', node)
        if text in ("", "~", "null"):
            return None
        if text in ("true", "false"):
            return text == "true"
        if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text):
            return int(text)
        return text

    def _no_tag(self, node: yaml.Node, own: str) -> None:
        if node.tag != own:
            raise self.wrong(f'the tag "{node.tag}" has no place in a policy', node)
