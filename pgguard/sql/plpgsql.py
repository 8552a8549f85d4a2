"""The structure of a PL/pgSQL body: every piece of SQL that it can run, cut out for PostgreSQL's own grammar to read.

Follows src/pl/plpgsql/src/pl_gram.y: which word begins which statement, and at which word an expression ends. It reads
no SQL: a piece becomes a statement again ("SELECT " in front of an expression, INTO targets blanked), and libpg_query
says what it is. libpg_query's own PL/pgSQL parser is not used: its answer leaves out the default of a record
variable, for triggers it is not even JSON, and while it works it takes standard error away from the whole process.

FAIL CLOSED: every token must have its place. EXECUTE, CALL, DO, cursors, transaction control and any word that is not
known end the reading; what could be taken in two ways is not read.
"""

from __future__ import annotations

from collections.abc import Callable

from pgguard.sql.words import Unexpected, Words

_MAX_BLOCKS = 50  # one inside another

# pl_reserved_kwlist.h: these are keywords wherever they stand.
_RESERVED = frozenset(
    "all begin by case declare else end execute for foreach from if in into loop not null or strict then to using when"
    " while".split()
)
_ASSIGNS = (":=", "=")
_RAISE_LEVELS = frozenset("debug log info notice warning exception".split())
_ROW_OF_TRIGGER = frozenset(("new", "old"))
_SQL = frozenset(("select", "insert", "with", "values"))


class PlPgSql(Words):
    """``found``: every SQL text of the body. ``sets``: the columns of NEW and OLD that it assigns; ``any_row``: any of
    them, because it can return another row. Raises Unexpected for what is not understood."""

    def __init__(self, source: bytes, tokens: list[tuple[bytes, bytes, bytes]]) -> None:
        super().__init__(source, tokens, _RESERVED)
        self.depth = 0
        self.found: list[bytes] = []
        self.sets: set[str] = set()
        self.any_row = False
        self.function()

    def target(self) -> None:
        """A variable that gets a value. Only what happens to the row of a trigger matters."""
        if self.word[:1] == "$" and self.word[1:].isdigit():
            self.at += 1
            return
        path = self.path()
        for place, part in enumerate(path):
            if part in _ROW_OF_TRIGGER:
                self.sets.update(path[place + 1 : place + 2])
                self.any_row = self.any_row or place + 1 == len(path)

    def targets(self) -> None:
        self.target()
        while self.take(","):
            self.target()

    def expression(self, *ends: str) -> None:
        start = self.at
        text = self.until(*ends)
        if not text:
            raise Unexpected("cannot be read: an expression is missing")
        if self.at - start > 1:  # a constant or a variable alone runs nothing
            self.found.append(b"SELECT " + text)

    # Blocks.

    def function(self) -> None:
        while self.take("#"):
            self.expect("variable_conflict", "print_strict_params", "option")
            self.name()
        self.label()
        self.block()
        self.take(";")
        if self.word:
            raise Unexpected(f"cannot be read: {self.word} stands behind its end")

    def label(self) -> None:
        if self.take("<<"):
            self.name()
            self.expect(">>")

    def block(self) -> None:
        if self.take("declare"):
            while self.word != "begin":
                if not self.take("declare"):
                    self.declaration()
        self.expect("begin")
        self.statements("end", "exception")
        if self.take("exception"):
            while self.take("when"):
                self.condition()
                while self.take("or"):
                    self.condition()
                self.expect("then")
                self.statements("when", "end")
        self.expect("end")
        if self.word not in ("", ";"):
            self.name()

    def condition(self) -> None:
        if self.take("sqlstate"):
            self.skip()
        else:
            self.name()

    def declaration(self) -> None:
        self.name()
        if self.take("alias"):
            self.expect("for")
            if self.word[:1] == "$":
                self.skip()
            else:
                self.any_row = self.any_row or bool(_ROW_OF_TRIGGER & set(self.path()))
            self.expect(";")
            return
        if self.word in ("cursor", "no", "scroll"):
            raise Unexpected("declares a cursor")
        self.take("constant")
        self.type()
        if self.take("collate"):
            self.path()
        if self.take("not"):
            self.expect("null")
        if self.take(":=", "=", "default"):
            self.expression(";")
        self.expect(";")

    def type(self) -> None:
        start = self.at
        text = self.until(";", ",", "collate", "not", "=", ":=", "default")
        words = self.words[start : self.at]
        if "%" not in words:
            self.found.append(b"SELECT NULL::" + text)
            return
        # table.column%TYPE and table%ROWTYPE: whatever the columns of that table are; x%TYPE is another variable's.
        place = words.index("%")
        rest = "".join(words[place + 1 :])
        if rest.strip("[]0123456789") not in ("type", "rowtype", "typearray", "rowtypearray"):
            raise Unexpected(f"cannot be read: {rest} is not a type")
        table = place if rest.startswith("rowtype") else place - 2
        if table > 0:
            self.found.append(b"SELECT NULL::" + self.text(start, start + table))

    def statements(self, *ends: str) -> None:
        self.depth += 1
        if self.depth > _MAX_BLOCKS:
            raise Unexpected("is too deeply nested")
        while self.word not in ends or self.next_word in (*_ASSIGNS, "[", "."):
            self.statement()
        self.depth -= 1

    def statement(self) -> None:
        word = self.word
        # As plpgsql_yylex has it: in front of these an unreserved word is a variable.
        if word[:1] == "$" or self.next_word in (*_ASSIGNS, "[", "."):
            self.assignment()
            return
        self.label()
        word = self.word
        read = _STATEMENTS.get(word)
        if read is not None:
            self.at += 1
            read(self)
        elif word in ("begin", "declare"):
            self.block()
        elif word in _SQL:
            self.sql()
        else:
            raise Unexpected(
                f"runs {word.upper()}" if word.isalpha() else f"cannot be read: {word or 'the end'} was not expected"
            )
        self.expect(";")

    def assignment(self) -> None:
        start = self.at
        self.target()
        name = self.at
        while self.word in (".", "["):
            if self.take("."):
                self.name()
            else:
                self.at += 1
                self.until("]")
                self.expect("]")
        if self.at > name:
            self.found.append(b"SELECT " + self.text(start, self.at))
        self.expect(*_ASSIGNS)
        self.expression(";")
        self.expect(";")

    def sql(self) -> None:
        """A statement whose INTO names variables, wherever it stands; that part is blanked, as the server does."""
        start = self.at
        blank: tuple[int, int] | None = None
        while self.word != ";":
            if not self.word:
                raise Unexpected("cannot be read: a statement does not end")
            if self.word == "into" and self.words[self.at - 1] not in ("insert", "merge"):
                if blank is not None:
                    raise Unexpected("cannot be read: INTO stands there twice")
                first = self.at
                self.at += 1
                self.take("strict")
                self.targets()
                blank = first, self.at
            else:
                self.at += 1
        if blank is None:
            self.found.append(self.text(start, self.at))
            return
        front, back = self.text(start, blank[0]), self.text(blank[1], self.at)
        self.found.append(front + b" " + back)

    # Statements, behind their first word.

    def if_(self) -> None:
        self.arm("elsif", "elseif", "else", "end")
        while self.take("elsif", "elseif"):
            self.arm("elsif", "elseif", "else", "end")
        self.last_arm("if")

    def case(self) -> None:
        if self.word != "when":
            self.expression("when")
            self.found.append(b"SELECT NULL = NULL")
        while self.take("when"):
            self.arm("when", "else", "end")
        self.last_arm("case")

    def arm(self, *ends: str) -> None:
        self.expression("then")
        self.expect("then")
        self.statements(*ends)

    def last_arm(self, word: str) -> None:
        if self.take("else"):
            self.statements("end")
        self.expect("end")
        self.expect(word)

    def loop(self) -> None:
        self.statements("end")
        self.expect("end")
        self.expect("loop")
        if self.word != ";":
            self.name()

    def while_(self) -> None:
        self.expression("loop")
        self.expect("loop")
        self.loop()

    def for_(self) -> None:
        self.targets()
        self.expect("in")
        if self.word == "execute":
            raise Unexpected("runs EXECUTE")
        self.take("reverse")
        text = self.until("..", "loop")
        if self.take(".."):
            self.found.append(b"SELECT " + text)
            self.expression("loop", "by")
            if self.take("by"):
                self.expression("loop")
        else:
            self.found.append(text)
        self.expect("loop")
        self.loop()

    def foreach(self) -> None:
        self.targets()
        if self.take("slice"):
            self.skip()
        self.expect("in")
        self.expect("array")
        self.while_()

    def exit(self) -> None:
        if self.word not in ("when", ";"):
            self.name()
        if self.take("when"):
            self.expression(";")

    def return_(self) -> None:
        if self.take("query"):
            if self.word == "execute":
                raise Unexpected("runs EXECUTE")
            self.found.append(self.until(";"))
            return
        self.take("next")
        start = self.at
        if self.word == ";":
            return
        self.expression(";")
        if self.at - start != 1 or self.words[start] not in ("new", "old", "null"):
            self.any_row = True

    def raise_(self) -> None:
        if self.word in _RAISE_LEVELS:
            self.at += 1
        if self.word[:1] in ("'", "$", "e") and self.word[-1:] in ("'", "$"):  # the format
            self.at += 1
            while self.take(","):
                self.expression(",", ";", "using")
        elif self.word not in (";", "using"):
            self.condition()
        option = "using"
        while self.take(option):
            self.name()
            self.expect(*_ASSIGNS)
            self.expression(",", ";")
            option = ","

    def diagnostics(self) -> None:
        self.take("current", "stacked")
        self.expect("diagnostics")
        while True:
            self.target()
            self.expect(*_ASSIGNS)
            self.name()
            if not self.take(","):
                return


_STATEMENTS: dict[str, Callable[[PlPgSql], None]] = {
    "if": PlPgSql.if_,
    "case": PlPgSql.case,
    "loop": PlPgSql.loop,
    "while": PlPgSql.while_,
    "for": PlPgSql.for_,
    "foreach": PlPgSql.foreach,
    "exit": PlPgSql.exit,
    "continue": PlPgSql.exit,
    "return": PlPgSql.return_,
    "raise": PlPgSql.raise_,
    "assert": lambda reader: reader.expression(";"),
    "perform": lambda reader: reader.expression(";"),
    "get": PlPgSql.diagnostics,
    "null": lambda reader: None,
}
