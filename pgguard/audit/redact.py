"""A statement without its literals, for an audit that must not hold personal data."""

from __future__ import annotations

import re

# PostgreSQL's lexical rules (manual, 4.1), as far as they say where a literal ends. Identifiers and quoted identifiers
# are taken whole, so that what looks like a literal inside them stays. A quote without its end takes the rest.
_TOKEN = re.compile(
    r"""
      (?P<escape>   [eE]'(?:[^'\\]++|\\.|'')*+(?:'|\\?\Z) )
    | (?P<string>   (?:[uU]&|[bBxXnN])?'(?:[^']++|'')*+(?:'|\Z) )
    | (?P<quoted>   (?:[uU]&)?"(?:[^"]++|"")*+(?:"|\Z) )
    | (?P<dollar>   \$(?P<tag>(?:[A-Za-z_\u0080-\U0010FFFF][\w\u0080-\U0010FFFF]*)?)\$ )
    | (?P<line>     --[^\n\r]* )
    | (?P<block>    /\* )
    | (?P<name>     [A-Za-z_\u0080-\U0010FFFF][\w$\u0080-\U0010FFFF]* )
    | (?P<param>    \$\d+ )
    | (?P<number>   (?:\d[\w.]*|\.\d[\w.]*)(?:(?<=[eE])[+-]\d[\w.]*)? )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def redact(sql: str) -> str:
    """``sql`` with every literal as ``?`` and every comment emptied. Where it is not sure where a literal ends, the
    rest of the text is left out: a literal never stays."""
    kept: list[str] = []
    pos = 0
    while (found := _TOKEN.search(sql, pos)) is not None:
        kept.append(sql[pos : found.start()])
        pos = found.end()
        match found.lastgroup:
            case "escape" | "number":
                kept.append("?")
            case "string":
                kept.append("?")
                if found[0].endswith("\\'"):
                    # With standard_conforming_strings off the string would go on here.
                    return "".join([*kept, " ..."])
            case "dollar" | "tag":
                end = sql.find(found[0], pos)
                kept.append("?")
                pos = len(sql) if end < 0 else end + len(found[0])
            case "line":
                kept.append("--")
            case "block":
                kept.append("/**/")
                pos = _comment_end(sql, pos)
            case _:
                kept.append(found[0])
    return "".join([*kept, sql[pos:]])


def _comment_end(sql: str, pos: int) -> int:
    depth = 1  # block comments nest
    while depth:
        edge = _COMMENT_EDGE.search(sql, pos)
        if edge is None:
            return len(sql)
        depth += 1 if edge[0] == "/*" else -1
        pos = edge.end()
    return pos
