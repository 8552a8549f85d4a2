"""What SET, RESET, DISCARD and set_config do to which setting."""

from __future__ import annotations

from collections.abc import Iterator

from pgguard.sql import tree as t
from pgguard.sql.statement import Setting
from pgguard.sql.tree import Tree

# SET TRANSACTION and SET SESSION CHARACTERISTICS set several at once.
_SEVERAL = {
    "TRANSACTION": ("transaction", True),
    "SESSION CHARACTERISTICS": ("session characteristics", False),
    "TRANSACTION SNAPSHOT": ("transaction snapshot", True),
}
_BARE_SELECT = frozenset({"targetList", "limitOption", "op", "groupDistinct"})
_BARE_CALL = frozenset({"funcname", "args", "funcformat", "location"})


def setting(node: Tree) -> Setting | None:
    """The setting that a VariableSetStmt changes; None for a form that is not known."""
    kind, name, local = node.get("kind"), node.get("name", ""), bool(node.get("is_local"))
    arguments = node.get("args", ())
    if kind == "VAR_RESET_ALL":
        return Setting("all", None)
    if kind in ("VAR_RESET", "VAR_SET_DEFAULT"):
        return Setting(name.lower(), None, local)
    if kind == "VAR_SET_VALUE":
        return Setting(name.lower(), ", ".join(t.constant(argument) for argument in arguments), local)
    if kind == "VAR_SET_MULTI" and name in _SEVERAL:
        name, local = _SEVERAL[name]
        return Setting(name, ", ".join(_one_of_several(argument) for argument in arguments), local)
    return None


def called_setting(call: Tree) -> Iterator[Setting]:
    """What a call of set_config with plain literals sets; nothing when one of them is something else."""
    words = [t.constant(argument) for argument in call.get("args", ())]
    if len(words) == 3 and all("A_Const" in argument or "TypeCast" in argument for argument in call["args"]):
        yield Setting(words[0].lower(), words[1], words[2] in ("on", "t", "true"))


def set_by_call(select: Tree) -> Setting | None:
    """What ``SELECT set_config('search_path', ...)`` sets, which is how pgjdbc's setSchema and pg_dump say SET; or
    asyncpg's of jit, with current_setting beside it. None of any other SELECT. The new value may be a parameter: a
    path is asked for behind it, as behind every SET of it, and jit means nothing to anybody."""
    if not select.keys() <= _BARE_SELECT:
        return None
    calls = [target.get("ResTarget", {}).get("val", {}).get("FuncCall", {}) for target in select.get("targetList", ())]
    setting = [call for call in calls if not _only_shows(call)]
    return _one_call(setting[0]) if len(setting) == 1 else None


def _only_shows(call: Tree) -> bool:
    arguments = call.get("args", ())
    named = call.keys() <= _BARE_CALL and t.dotted(call.get("funcname", ())).name == "current_setting"
    return named and len(arguments) == 1 and "A_Const" in arguments[0]


def _one_call(call: Tree) -> Setting | None:
    arguments = call.get("args", ())
    if not call.keys() <= _BARE_CALL or t.dotted(call.get("funcname", ())).name != "set_config" or len(arguments) != 3:
        return None
    name, value, local = arguments
    if "A_Const" not in name or "A_Const" not in local or not ("A_Const" in value or "ParamRef" in value):
        return None
    if t.constant(name).lower() not in ("search_path", "jit"):
        return None
    return Setting(t.constant(name).lower(), t.constant(value) or None, t.constant(local) == "on")


def _one_of_several(argument: Tree) -> str:
    element = argument.get("DefElem")
    if element is None:
        return t.constant(argument)
    return f"{element['defname']} = {t.constant(element.get('arg', {}))}"
