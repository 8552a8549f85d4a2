"""Whether the WHERE of an UPDATE or DELETE holds for every row: sqlglot gives its atoms, ``truth`` the verdict.

It only makes verdicts stricter, so what is too big, or what sqlglot cannot read, is answered with "not known".
PostgreSQL's own scanner cuts the WHEREs out; sqlglot, which reads less of PostgreSQL than there is, sees only those.
It is imported with the module: 75 ms at the start, by which a client's first DELETE would hold up the loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, NamedTuple

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.optimizer.simplify import simplify

from pgguard.sql import grammar, limits
from pgguard.sql.truth import FALSE, TRUE, Formula, holds

MAX_BYTES = 20 * 1024
MAX_WHERE_BYTES = 8 * 1024
MAX_TOKENS = 400  # of sqlglot, in all WHEREs of a text
MAX_DEPTH = 24  # sqlglot raises RecursionError at 60 parentheses
MAX_BRACKETS = 3
MAX_COST = 1_500  # of _cost, in all WHEREs of a text; measured at 5 to 10 us each


class _Token(NamedTuple):
    start: int
    end: int
    word: str  # of those that matter here, else ""


_BEFORE_A_CHANGE = frozenset("; ( ) as analyze verbose explain also instead do".split())
_WORDS = _BEFORE_A_CHANGE.union("update delete from only where returning set is not unknown [ ] .".split())

_SQLGLOT = Postgres()
_ORDERS: dict[type, str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.GT: ">", exp.LTE: "<=", exp.GTE: ">=",
    exp.NullSafeEQ: "=", exp.NullSafeNEQ: "<>",
}  # fmt: skip
_SPELLED = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_FLIPPED = str.maketrans("<>", "><")
_MATCHES = (exp.Like, exp.ILike, exp.RegexpLike, exp.RegexpILike)
_QUANTIFIERS = frozenset(("any", "some", "all"))
_EVERYTHING = frozenset(("", ".*", "^.*", ".*$", "^.*$", "^"))
_MAX_DIGITS = 18  # a bigint and no more
_MAX_SUM = 16  # numbers and operators: simplify needs 15 ms for 400
_SUMS = (exp.Add, exp.Sub, exp.Mul)
_NOT_CALLS = frozenset("( , [ = < > <= >= <> != + - * / AND OR NOT IN ANY SOME ALL EXISTS SELECT WHERE ON WHEN".split())


def always_true(sql: str) -> str | None:
    """A sentence when the WHERE of an UPDATE or DELETE anywhere in ``sql`` holds for every row whose columns are not
    NULL; None when it does not, or when that is not known. Never raises."""
    return next(every_always_true(sql), None)


def every_always_true(sql: str) -> Iterator[str]:
    """One sentence for each such WHERE. The limits are those of the whole text, however many statements it has."""
    text = sql.encode("utf-8", "surrogatepass")
    if len(text) > MAX_BYTES or 0 in text or limits.lexes_slowly(text):
        return
    tokens_left, bytes_left, cost_left = MAX_TOKENS, MAX_WHERE_BYTES, float(MAX_COST)
    for verb, table, where in _changes(text):
        size = where[-1].end - where[0].start
        if len(where) > tokens_left or size > bytes_left:
            continue
        tokens_left, bytes_left = tokens_left - len(where), bytes_left - size
        # sqlglot promises nothing about what it raises, and "not known" is always a right answer.
        try:
            spelled = _spelled(text, where)
            tokens = _SQLGLOT.tokenize(spelled)
            cost = _cost(tokens)
            if len(tokens) > MAX_TOKENS or cost > cost_left:
                continue
            cost_left -= cost
            (condition,) = _SQLGLOT.parser().parse_into(exp.Condition, tokens, spelled)
            if holds(_formula(condition)):
                yield f"the WHERE of {verb} on {table} is true for every row whose columns are not NULL"
        except Exception:
            continue


@cache
def _words() -> dict[bytes, str]:
    return {kind: word for word in _WORDS for kind in grammar.kinds(word.encode())}


@cache
def _comments() -> frozenset[bytes]:
    return frozenset(grammar.kinds(b"/* comment */ -- comment"))


def _changes(text: bytes) -> Iterator[tuple[str, str, list[_Token]]]:
    """Verb, table and the tokens of WHERE of each UPDATE and DELETE that has one, in one pass."""
    words, comments = _words(), _comments()
    raw = [token for token in grammar.scan(text) or () if token[2] not in comments]
    found = [words.get(kind, "") for _, _, kind in raw]
    if "where" not in found:
        return
    raw.append((b"", b"", b""))
    found.append(";")
    # Of each open bracket, and outside of all: where a change began and where its WHERE begins, 0 when there is none.
    levels = [(-1, 0)]
    for index, word in enumerate(found):
        if not word:
            continue
        if word in (")", "]", ";", "returning"):
            begin, where = levels[-1]
            levels[-1] = (-1, 0)
            if where and where < index:
                name = _table(text, _tokens(raw, found, range(begin + 1, min(begin + 9, where))))
                yield found[begin].upper(), name, _tokens(raw, found, range(where, min(index, where + MAX_TOKENS + 1)))
            if word in (")", "]") and len(levels) > 1:
                levels.pop()
        elif word in ("(", "["):
            levels.append((-1, 0))
        elif word in ("update", "delete") and _begins(word, found[index - 1] if index else ";", found[index + 1]):
            levels[-1] = (index, 0)
        elif word == "where" and levels[-1][0] >= 0 and not levels[-1][1]:
            levels[-1] = (levels[-1][0], index + 1)


def _begins(verb: str, before: str, after: str) -> bool:
    """Whether the word UPDATE or DELETE begins a change: in FOR UPDATE and ON CONFLICT DO UPDATE SET it does not."""
    return before in _BEFORE_A_CHANGE and (after == "from" if verb == "delete" else after != "set")


def _tokens(raw: list[tuple[bytes, bytes, bytes]], found: list[str], places: range) -> list[_Token]:
    return [_Token(grammar.varint(raw[i][0]), grammar.varint(raw[i][1]), found[i]) for i in places]


def _table(text: bytes, tokens: list[_Token]) -> str:
    while len(tokens) > 1 and tokens[0].word in ("from", "only", "("):
        tokens = tokens[1:]
    count = 1
    while len(tokens) > count + 1 and tokens[count].word == ".":
        count += 2
    return ".".join(_name(text[name.start : name.end]) for name in tokens[:count:2])


def _name(spelled: bytes) -> str:
    quoted = spelled.startswith(b'"') and spelled.endswith(b'"')
    name = spelled[1:-1].replace(b'""', b'"') if quoted else spelled.lower()
    return name.decode("utf-8", "replace")


def _spelled(text: bytes, tokens: list[_Token]) -> str:
    """The tokens without comments, and with IS UNKNOWN as IS '': sqlglot takes it for IS NULL, which chooses rows."""
    pieces: list[bytes] = []
    last = ("", "")
    end = tokens[0].start
    for token in tokens:
        unknown = token.word == "unknown" and (last[1] == "is" or last == ("is", "not"))
        pieces += (b" " if token.start > end else b"", b"''" if unknown else text[token.start : token.end])
        end, last = token.end, (last[1], token.word)
    return b"".join(pieces).decode("utf-8", "replace")


def _cost(tokens: list[Any]) -> float:
    """How long sqlglot may take, in tokens. It reads ARRAY[, calls of types such as date( and JOIN twice over, and
    so at each level again: a token costs double for each of those that it stands in or behind."""
    cost, doubled, brackets, before = 0.0, 0, 0, "("
    outer: list[int] = []
    for token in tokens:
        word = token.text.upper()
        if word in ("(", "["):
            outer.append(doubled)
            brackets += word == "["
            doubled += word == "[" or before not in _NOT_CALLS
            if len(outer) > MAX_DEPTH or brackets > MAX_BRACKETS:
                return float("inf")
        elif word in (")", "]"):
            brackets -= word == "]"
            doubled = outer.pop() if outer else 0
        elif word == "JOIN":
            doubled += 1
        cost += 2.0**doubled
        before = word
    return cost


def _formula(node: Any) -> Formula:
    kind = type(node)
    if kind is exp.Paren:
        return _formula(node.this)
    if kind in (exp.And, exp.Or):
        return ("and" if kind is exp.And else "or", [_formula(part) for part in node.flatten()])
    if kind is exp.Not and not (isinstance(node.this, _MATCHES) and _quantified(node.this.expression)):
        return ("not", _formula(node.this))
    if kind is exp.Boolean:
        return TRUE if node.this else FALSE
    if kind is exp.Null:
        return FALSE
    if kind in (exp.Is, exp.In, exp.Between, exp.Escape, *_MATCHES):
        inner = node.this if kind is exp.Escape else node
        if _quantified(inner.args.get("expression")):  # a NOT LIKE ANY (...) is no complement of a LIKE ANY (...)
            return ("is", ("atom", _key(node), None), "=")
        positive = _predicate(node, inner)
        return ("not", positive) if inner.args.get("negate") else positive
    if kind in _ORDERS:
        return _comparison(node.this, _ORDERS[kind], node.expression)
    if kind is exp.Operator:
        operator = str(node.args["operator"]).removeprefix("pg_catalog.")
        if operator in _SPELLED:
            return _comparison(node.this, _SPELLED[operator], node.expression)
    return ("is", ("atom", _key(node), None), "=")


def _predicate(node: Any, inner: Any) -> Formula:
    """What ``node`` says, a negation that sqlglot keeps in ``inner`` left aside."""
    subject, given = inner.this, inner.args.get("expression")
    match inner:
        case exp.Is():
            if isinstance(given, exp.Null):
                return ("is", ("null", _key(subject), None), "=")
            if isinstance(given, exp.Boolean):
                return _formula(subject) if given.this else ("not", _formula(subject))
            if isinstance(given, exp.Literal):
                return FALSE  # IS UNKNOWN
        case exp.In() if inner.expressions:
            return ("or", [_comparison(subject, "=", item) for item in inner.expressions])
        case exp.Between() if not inner.args.get("symmetric"):
            low, high = inner.args["low"], inner.args["high"]
            return ("and", [_comparison(subject, ">=", low), _comparison(subject, "<=", high)])
        case exp.Like() | exp.ILike() | exp.RegexpLike() | exp.RegexpILike():
            if node is inner and isinstance(given, exp.Literal) and given.is_string:
                pattern = given.this
                like = isinstance(inner, exp.Like | exp.ILike)
                if bool(pattern) and not pattern.strip("%") if like else pattern in _EVERYTHING:
                    return TRUE
            escape = _key(node.expression) if node is not inner else ""
            return ("is", (type(inner).__name__, _key(subject) + _key(given) + escape, None), "=")
    return ("is", ("atom", _key(node), None), "=")


def _quantified(node: Any) -> bool:
    return isinstance(node, exp.Any | exp.All) or (
        isinstance(node, exp.Anonymous) and str(node.this).lower() in _QUANTIFIERS
    )


def _comparison(left: Any, orders: str, right: Any) -> Formula:
    if _quantified(left) or _quantified(right):
        return ("is", ("atom", orders + _key(left) + _key(right), None), "=")
    for truth, other in ((left, right), (right, left)):
        if isinstance(truth, exp.Boolean) and orders in ("=", "<>"):
            return _formula(other) if truth.this == (orders == "=") else ("not", _formula(other))
    first, second = _constant(left), _constant(right)
    if first is not None and second is not None:
        if isinstance(first, Decimal) and isinstance(second, Decimal):
            return ("const", ("<" if first < second else ">" if first > second else "=") in orders)
        if first == second:
            return ("const", "=" in orders)
        if type(first) is type(second) and orders in ("=", "<>"):
            return ("const", orders == "<>")
        return ("is", ("pair", _key(left) + _key(right), None), orders)
    if first is not None:
        left, right, second, orders = right, left, first, orders.translate(_FLIPPED)
    subject, other = _key(left), _key(right)
    if second is not None:
        return ("is", ("value", subject, second), orders)
    if subject == other:
        return ("const", "=" in orders)
    if subject > other:
        subject, other, orders = other, subject, orders.translate(_FLIPPED)
    return ("is", ("pair", subject + other, None), orders)


def _constant(node: Any) -> Decimal | str | None:
    if isinstance(node, exp.Literal) and node.is_string:
        return str(node.this)
    folded = _folded(node)
    sign = 1
    while isinstance(folded, exp.Neg | exp.Paren):
        sign = -sign if isinstance(folded, exp.Neg) else sign
        folded = folded.this
    if not isinstance(folded, exp.Literal) or folded.is_string:
        return None
    try:
        number = Decimal(folded.this)
    except InvalidOperation:
        return None
    return number.copy_negate() if sign < 0 else number


def _folded(node: Any) -> Any:
    """Sums and products of whole numbers, by sqlglot. Nothing else: its divisions and dates are not PostgreSQL's."""
    if not isinstance(node.unnest(), _SUMS):
        return node
    parts = list(node.walk())
    if len(parts) > _MAX_SUM:
        return node
    for part in parts:
        if isinstance(part, exp.Literal):
            if part.is_string or not part.this.isdigit() or len(part.this) > _MAX_DIGITS:
                return node
        elif not isinstance(part, (*_SUMS, exp.Neg, exp.Paren)):
            return node
    return simplify(node.copy(), dialect=_SQLGLOT)


def _key(node: Any) -> str:
    """The same for two expressions that differ in nothing but parentheses and the case of their names."""
    if isinstance(node, list):
        return "[" + ",".join(map(_key, node)) + "]"
    if not isinstance(node, exp.Expr):
        return repr(node)
    if isinstance(node, exp.Paren):
        return _key(node.this)
    if isinstance(node, exp.Identifier):
        return repr(node.this if node.args.get("quoted") else node.this.lower())
    if isinstance(node, exp.Anonymous) and isinstance(node.this, str):
        return f"{node.this.lower()}({_key(node.expressions)})"
    parts = (f"{name}={_key(part)}" for name, part in sorted(node.args.items()) if part not in (None, False, []))
    return f"{type(node).__name__}({','.join(parts)})"
