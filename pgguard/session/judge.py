"""From a text to what may be done with it: read, prove, check, decide, without running anything.

A ``Judged`` belongs to a text, its parameter types and a desk (caller, policy, picture). It says how the text may go
to the server as long as nothing in the transaction speaks against it; the session adds what the transaction knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pgguard import checks
from pgguard.catalog.alone import with_what_it_names
from pgguard.catalog.proof import Bounded, Harmless, Proof, Unproved
from pgguard.catalog.prove import prove
from pgguard.checks.disables_safety import stops_counting
from pgguard.checks.finding import Finding
from pgguard.evidence.session_facts import is_on
from pgguard.policy.decide import decide
from pgguard.policy.sqlstates import CANNOT_JUDGE
from pgguard.policy.verdict import Allow, Asked, Blame, Caller, Evidence, Measure, Refuse, Verdict
from pgguard.sql.read import read
from pgguard.sql.shape import shape
from pgguard.sql.statement import Control, Effect, Name, ReadText, Statement, StatementKind
from pgguard.wire.frontend import values

if TYPE_CHECKING:
    from pgguard.catalog.picture import Picture
    from pgguard.evidence.measurement import Measurement, Rows
    from pgguard.policy.model import Policy
    from pgguard.session.world import Desk

# Kinds whose verdict cannot depend on the value of a literal (policy rules speak of kinds, names and checks).
_LITERALS_DO_NOT_MATTER = frozenset(
    {StatementKind.SELECT, StatementKind.INSERT, StatementKind.UPDATE, StatementKind.DELETE}
)
_NOT_BY_PICTURE = frozenset({StatementKind.TRANSACTION, StatementKind.SESSION, StatementKind.EMPTY})
# DDL behind which every name in a function's body means what it meant before.
_NAMES_STAY = frozenset({
    "IndexStmt", "CreateStatsStmt", "CreateSeqStmt", "CreatePublicationStmt", "TruncateStmt",
})  # fmt: skip
_CHANGES_THE_SESSION = frozenset({
    StatementKind.SESSION, StatementKind.PREPARE, StatementKind.DEALLOCATE, StatementKind.CURSOR, StatementKind.LOCK,
})  # fmt: skip
Counted = tuple[tuple[int, "Rows"], ...]  # rows of each relation


@dataclass(frozen=True)
class Judged:
    """What was said of one text.

    fast       may be forwarded as it stands, in any state: harmless, allowed, changes nothing that judging depends on
    verdict    of the text standing alone in a transaction of its own
    bounds     (table OID, rows, deletes) of each statement proved bounded
    proved     harmless or bounded throughout: nothing in it must be measured (limits may still ask for it)
    opaque     anything may have happened when it ran
    relations  OIDs whose counters can move; None when only the locks can tell
    targets    OIDs that the text itself names as what it changes
    allowed    what it did, alone in a transaction, and was allowed by its counters; shared by all texts of its shape
    """

    text: bytes
    statements: tuple[Statement, ...]
    proofs: tuple[Proof, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict
    error: str = ""  # libpg_query could not read it
    fast: bool = False
    bounds: tuple[tuple[int, int, bool], ...] = ()
    control: bool = False  # has transaction control in it
    barrier: bool = False  # changes what later judgements depend on: wait for its end
    inserts: bool = False  # rows may be added: counters are not at zero afterwards
    calls: bool = False  # bodies of functions run, and names in them are looked up when they first do
    shifts_names: bool = False  # what names mean can be different behind it, in every session
    copy_in: bool = False
    tries: bool = False  # it switches pgguard.dry_run on
    renames: bool = False  # PREPARE, DEALLOCATE, DECLARE ...: names mean something else afterwards
    needs_names: bool = False  # EXECUTE, FETCH ...: what it runs depends on this session's names
    measurable: bool = True  # False: it cannot run in a transaction, or no ROLLBACK takes it back
    alone: bool = False  # PostgreSQL runs it only outside a transaction block, and commits before and behind it
    changes_objects: bool = False
    deferrable: bool = False
    why: str = ""
    read: ReadText | None = None  # of a long text: what was read of it elsewhere
    meaning: bytes = b""  # what the names in it stood for: an approval is bound to that as well
    kind: str = "empty"
    proved: bool = True
    opaque: bool = False
    relations: frozenset[int] | None = frozenset()
    targets: frozenset[int] = frozenset()
    allowed: dict[Counted, Measurement] = field(default_factory=dict)

    def of(self, text: bytes) -> Judged:
        """The same, said of a text of the same shape. (``replace`` would take ten times as long.)"""
        twin = object.__new__(Judged)
        twin.__dict__.update(self.__dict__)
        twin.__dict__["text"] = text
        return twin

    @property
    def only_control(self) -> Control | None:
        """The transaction statement, when the text is just that."""
        return self.statements[0].control if len(self.statements) == 1 else None


def assemble(
    policy: Policy, caller: Caller, text: bytes, statements: tuple[Statement, ...], proofs: tuple[Proof, ...],
    *, findings: tuple[Finding, ...] = (), error: str = "", needs_names: bool = False,
) -> Judged:  # fmt: skip
    """Put the parts together and ask ``decide`` for the text standing alone."""
    harmless = all(isinstance(p, Harmless) for p in proofs)
    proved = not any(isinstance(p, Unproved) for p in proofs)
    bounds = tuple((p.oid, p.rows, p.deletes) for p in proofs if isinstance(p, Bounded))
    unwrapped = len(statements) == 1 and statements[0].outside_block and isinstance(proofs[0], Unproved)
    beyond = next((f.says for f in findings if f.check in checks.BEYOND_ROLLBACK), "")
    uncounted = len(statements) > 1 and any(map(stops_counting, statements))
    measurable = not unwrapped and not beyond and not uncounted
    beyond = beyond or ("track_counts is changed in it, so its rows would not be counted" if uncounted else "")
    why = beyond or next((p.why for p in proofs if isinstance(p, Unproved)), "")
    evidence = Evidence(
        harmless=harmless,
        bound=sum(b[1] for b in bounds) if proved and bounds else None,
        bound_deleted=sum(b[1] for b in bounds if b[2]),
        measurable=measurable,
        why=why,
    )
    verdict = decide(policy, Asked(caller, statements, findings), evidence)
    if isinstance(verdict, Measure) and measurable and len(statements) == 1 and statements[0].outside_block:
        measurable, why = False, "it cannot run inside a transaction"  # proved, and a rule still speaks of it
        evidence = replace(evidence, harmless=False, measurable=False, why=why)
        verdict = decide(policy, Asked(caller, statements, findings), evidence)
    control = any(s.control is not None for s in statements)
    session = any(s.kind in _CHANGES_THE_SESSION or s.setting is not None for s in statements)
    ddl = any(isinstance(p, Harmless) and p.ddl for p in proofs)
    alone = any(s.outside_block for s in statements)
    barrier = control or session or ddl or alone or not proved
    return Judged(
        text=text,
        statements=statements,
        proofs=proofs,
        findings=findings,
        verdict=verdict,
        error=error,
        fast=harmless and isinstance(verdict, Allow) and not barrier and not needs_names,
        bounds=bounds,
        control=control,
        barrier=barrier,
        inserts=any(isinstance(p, Harmless) and p.inserts for p in proofs),
        calls=any(isinstance(p, Harmless | Bounded) and p.calls for p in proofs),
        shifts_names=any(_shifts_names(s, p) for s, p in zip(statements, proofs, strict=False)),
        copy_in=any(s.copy_in for s in statements),
        tries=any(
            s.setting is not None and s.setting.name.lower() == "pgguard.dry_run" and is_on(s.setting.value)
            for s in statements
        ),
        renames=any(renames(s) for s in statements),
        needs_names=needs_names,
        measurable=measurable,
        alone=alone,
        changes_objects=ddl or any(isinstance(p, Unproved) and p.changes_objects for p in proofs),
        deferrable=any(not isinstance(p, Bounded) and p.deferrable for p in proofs),
        why=why,
        **summary(statements, proofs),
    )


def _shifts_names(statement: Statement, proof: Proof) -> bool:
    if isinstance(proof, Bounded) or statement.node in _NAMES_STAY or statement.temporary:
        return False
    if isinstance(proof, Harmless):
        return proof.ddl and statement.node != "AlterTableStmt"
    return proof.changes_objects


def summary(statements: tuple[Statement, ...], proofs: tuple[Proof, ...]) -> dict[str, Any]:
    """The fields of Judged that put statements and proofs into few words."""
    return {
        "kind": ", ".join(dict.fromkeys(s.kind.value for s in statements)) or "empty",
        "proved": not any(isinstance(p, Unproved) for p in proofs),
        "opaque": any(isinstance(p, Unproved) and p.opaque for p in proofs),
        "relations": _relations(proofs),
        "targets": frozenset(oid for p in proofs if not isinstance(p, Harmless) for oid in _named_by(p)),
    }


def _relations(proofs: tuple[Proof, ...]) -> frozenset[int] | None:
    oids: set[int] = set()
    for proof in proofs:
        if isinstance(proof, Unproved):
            if proof.relations is None:
                return None
            oids |= proof.relations
        elif isinstance(proof, Bounded):
            oids.add(proof.oid)
    return frozenset(oids)


def _named_by(proof: Unproved | Bounded) -> frozenset[int]:
    return frozenset({proof.oid}) if isinstance(proof, Bounded) else proof.targets


def opaque(desk: Desk, text: bytes, why: str, calls: tuple[Name, ...] = ()) -> Judged:
    """A text of which nothing is known: not readable, or not meant to the server as it reads to us."""
    kind, effects = StatementKind.OPAQUE, frozenset({Effect.OPAQUE})
    statement = Statement(kind, effects, "", 0, len(text), trouble=why, calls=calls)
    findings = checks.find(statement, "", only=checks.BEYOND_ROLLBACK)
    return assemble(desk.world.policy, desk.caller, text, (statement,), (Unproved(why),), findings=findings, error=why)


def judge(
    desk: Desk, picture: Picture | None, text: bytes, param_types: tuple[int, ...] = (), found: ReadText | None = None
) -> Judged:
    """What is to be said of ``text`` for the callers of ``desk``; kept for the next time. Without a picture (it is
    being renewed) nothing is proved. ``found``: what was read of a long text, which is not read here."""
    if picture is None:
        return _judge(desk, None, text, param_types, found)
    form = None if param_types or found is not None else shape(text)
    if form is not None:
        known = desk.shapes.get(form)
        if known is not None:
            return known if known.fast else known.of(text)
    known = desk.kept.get((text, param_types))
    if known is not None:
        return known
    judged = _judge(desk, picture, text, param_types, found)
    if len(desk.kept) + len(desk.shapes) >= desk.MOST:
        desk.kept.clear()
        desk.shapes.clear()
    by_shape = form is not None and (judged.proved or not desk.values_matter)
    if by_shape and form is not None and all(s.kind in _LITERALS_DO_NOT_MATTER for s in judged.statements):
        desk.shapes[form] = judged
    elif len(text) <= 16_384:
        desk.kept[text, param_types] = judged
    return judged


def _judge(
    desk: Desk, picture: Picture | None, text: bytes, param_types: tuple[int, ...], elsewhere: ReadText | None
) -> Judged:
    found = elsewhere or read(text)
    if found.error:
        return opaque(desk, text, found.error)
    statements = found.statements
    if picture is not None:
        statements = tuple(with_what_it_names(statement, picture) for statement in statements)
    proofs = _proofs(statements, picture, param_types)
    findings: dict[Finding, None] = {}
    if desk.values_matter:  # else it is asked when somebody is refused
        findings.update(dict.fromkeys(by_value(text, statements, elsewhere, picture)))
    for statement, proof in zip(statements, proofs, strict=True):
        if not isinstance(proof, Harmless) or proof.ddl:
            # What runs in a transaction is looked at in the catalog afterwards (``evidence.made``), and that knows.
            reaches = isinstance(proof, Unproved) and proof.opaque and statement.outside_block
            words = text[statement.start : statement.start + statement.length].decode("utf-8", "replace")
            findings.update(dict.fromkeys(checks.find(statement, words, reaches, only=checks.NOT_BY_VALUE)))
        elif statement.kind is StatementKind.SESSION or statement.files:
            findings.update(dict.fromkeys(checks.find(statement, "", False)))
    judged = assemble(
        desk.world.policy, desk.caller, text, statements, proofs,
        findings=tuple(findings), needs_names=any(named(s) for s in statements),
    )  # fmt: skip
    return replace(judged, read=elsewhere) if elsewhere is not None else judged


def by_value(
    text: bytes, statements: tuple[Statement, ...], elsewhere: ReadText | None, picture: Picture | None,
    params: bytes = b"",
) -> tuple[Finding, ...]:  # fmt: skip
    """What the checks say that look at the values of literals and, of ``params``, of a Bind."""

    def not_null(name: Name) -> frozenset[str]:
        relations = picture.named_relations(name) if picture is not None else ()
        columns = [frozenset(c.name for c in relation.columns if c.not_null) for relation in relations]
        return frozenset.intersection(*columns) if columns else frozenset()

    known = elsewhere.always_true if elsewhere is not None else None
    return checks.by_value(statements, text, known, values(params) if params else None, not_null)


def with_values(desk: Desk, picture: Picture | None, judged: Judged, params: bytes) -> Judged:
    """The same with what the values of a Bind add to it, where a rule asks for that."""
    if judged.proved or not desk.values_matter:
        return judged
    said = by_value(judged.text, judged.statements, judged.read, picture, params)
    findings = tuple(dict.fromkeys((*judged.findings, *said)))
    if len(findings) == len(judged.findings):
        return judged
    asked = Asked(desk.caller, judged.statements, findings)
    evidence = Evidence(measurable=judged.measurable, why=judged.why)
    return replace(judged, findings=findings, verdict=decide(desk.world.policy, asked, evidence), allowed={})


def _proofs(
    statements: tuple[Statement, ...], picture: Picture | None, param_types: tuple[int, ...]
) -> tuple[Proof, ...]:
    """One for each. What follows DDL or unread code in one text is not what the picture shows any more."""
    proofs: list[Proof] = []
    why = "" if picture is not None else "the picture of the catalog is being renewed"
    known: dict[Statement, Proof] = {}  # a script of many INSERTs is one INSERT, many times
    for statement in statements:
        if picture is not None and (not why or statement.kind in _NOT_BY_PICTURE):
            found = known.get(statement) if len(statements) > 1 else None
            proof = found or prove(statement, picture, param_types)
            known[statement] = proof
        else:
            proof = Harmless() if statement.kind is StatementKind.TRANSACTION else Unproved(why)
        if ends_trust(proof):
            why = why or f"it follows {statement.kind.value} in one string"
        proofs.append(proof)
    return tuple(proofs)


def renames(statement: Statement) -> bool:
    kinds = (StatementKind.PREPARE, StatementKind.DEALLOCATE, StatementKind.CURSOR)
    return statement.kind in kinds or statement.node == "DiscardStmt"


def ends_trust(proof: Proof) -> bool:
    """DDL or unread code: the picture is not true any more for what follows."""
    if isinstance(proof, Unproved):
        return proof.opaque or proof.changes_objects
    return isinstance(proof, Harmless) and proof.ddl


def named(statement: Statement) -> bool:
    """Whether it runs something that only a name stands for."""
    if statement.kind is StatementKind.EXECUTE or statement.node == "FetchStmt":
        return True
    return any(named(inner) for inner in statement.inner) and statement.kind is not StatementKind.PREPARE


def prepared_by(desk: Desk, picture: Picture | None, text: bytes, elsewhere: ReadText | None = None) -> Judged:
    """What ``text``, a PREPARE, will run: judged as its own, with the parameter types that PREPARE declares."""
    found = elsewhere or read(text)
    if len(found.statements) != 1 or len(found.statements[0].inner) != 1:
        return opaque(desk, text, "what it prepares is not known")
    inner = found.statements[0].inner[0]
    proofs = _proofs((inner,), picture, ())
    findings = checks.find(inner, "", only=checks.NOT_BY_VALUE)
    judged = assemble(desk.world.policy, desk.caller, text, (inner,), proofs, findings=findings)
    return replace(judged, read=elsewhere) if elsewhere is not None else judged


def never(judged: Judged) -> Judged:
    """A transaction statement under a name that unread code may have given to something else: not to be run."""
    blame = Blame("unmeasured", "what this name stands for is not known any more: parse it again", "unmeasured")
    return replace(judged, verdict=Refuse(CANNOT_JUDGE, (blame,)), fast=False)
