"""What a session asks is answered here, each within its deadline; what does not answer is ``Away``."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable
from typing import TYPE_CHECKING, assert_never

import structlog

from pgguard.audit.record import AuditRecord
from pgguard.catalog.proof import Bounded
from pgguard.errors import PgguardError, StoreUnavailable, UpstreamUnavailable
from pgguard.policy.mask import hides
from pgguard.session.asks import (
    Ask,
    Away,
    Claim,
    FileRequest,
    FindApproval,
    Gather,
    LookOutside,
    NeedPicture,
    Read,
    RolesChanged,
    Sizes,
    TableTotals,
    WaitForOthers,
    WriteRecord,
)
from pgguard.session.judge import Judged
from pgguard.sql.tokens import shown

if TYPE_CHECKING:
    from pgguard.proxy.services import Services
    from pgguard.session.connection import Session
    from pgguard.session.outstanding import Unit
    from pgguard.session.world import World

log = structlog.get_logger()

# Asked while the client's transaction holds its locks.
STORE_SECONDS = 0.25
# Nobody holds locks any more.
FILE_SECONDS = 2.0
LOOK_SECONDS = 3.0
BEGUN_SECONDS = 0.1
TURN_SECONDS = 5.0
TELL_SECONDS = 0.6
LATER = object()


async def carry_out(services: Services, session: Session, ask: Ask) -> object:
    """The answer that ``session.asks`` promises for this ask. Never raises."""
    what = "audit" if isinstance(ask, WriteRecord) else "store"
    if isinstance(ask, LookOutside | TableTotals | NeedPicture):
        what = "admin connection"
    try:
        return await _answer(services, session, ask)
    except TimeoutError:
        why = "no answer in time"
    except (StoreUnavailable, UpstreamUnavailable) as trouble:
        why = str(trouble)
    except (PgguardError, OSError) as trouble:
        why = str(trouble)
    except Exception as trouble:  # FAIL CLOSED: whatever went wrong, the session must hear of it and refuse
        log.exception("an ask failed", ask=type(ask).__name__)
        why = f"{type(trouble).__name__}"
    log.warning("away", what=what, why=why, session=session.ident)
    return Away(what, why)


async def _answer(services: Services, session: Session, ask: Ask) -> object:
    database = session.desk.caller.database
    match ask:
        case Read(text):
            return await services.readers.read(text)
        case NeedPicture():
            await services.picture(database)
            return None
        case WaitForOthers(waiting, names):
            here = await begun(session.world, waiting)
            workers = services.workers
            return here and (workers is None or await workers.begun(database, names=names))
        case LookOutside(sql):
            return await _within(LOOK_SECONDS, services.admin.look(database, sql))
        case TableTotals(stops):
            return await _within(LOOK_SECONDS, services.admin.totals(database, dict(stops)))
        case FindApproval(binding, token):
            return await _within(STORE_SECONDS, services.store.find(binding, token))
        case Gather():
            return await _gathered(services, database, ask)
        case Sizes(tables):
            return await _if_there_is_time(services.admin.sizes(database, tables, TELL_SECONDS))
        case RolesChanged(roles):
            return await _within(STORE_SECONDS, services.store.roles_changed(roles, session.desk.caller.user))
        case Claim(numbers):
            return await _within(STORE_SECONDS, services.store.claim(numbers))
        case FileRequest(request):
            if request.review:
                rule, caller = request.blames[0].rule, request.binding.caller
                log.warning("break-glass", caller=caller, rule=rule, rows=request.rows, reason=request.reason)
            return await _within(FILE_SECONDS, services.store.file(request))
        case WriteRecord(record):
            if services.audit is not None:
                await _within(FILE_SECONDS, services.audit.write(record))
            return None
        case _:
            assert_never(ask)


async def _gathered(services: Services, database: str, ask: Gather) -> object:
    if await _if_there_is_time(services.store.is_known(ask.binding)) is not False:
        return None

    def hidden(schema: str, table: str, column: str) -> bool:
        return hides(ask.mask, schema, table, column)

    return await _if_there_is_time(services.admin.witness(database, ask.backend, ask.tables, hidden, TELL_SECONDS))


async def _if_there_is_time(work: Awaitable[object]) -> object:
    """Nothing depends on it: it is for people to read."""
    try:
        return await _within(TELL_SECONDS, work)
    except (TimeoutError, PgguardError) as trouble:
        log.info("a request tells less", why=str(trouble) or "no answer in time")
        return None


async def begun(world: World, waiting: frozenset[Unit | str]) -> bool:
    """Whether what is on its way in this process has begun and all of ``waiting`` was answered; after a while False."""
    for _ in range(int(BEGUN_SECONDS / 0.002)):
        if not world.writing and not waiting & (world.waiting | world.calling):
            return True
        await asyncio.sleep(0.002)
    for _ in range(int(TURN_SECONDS / 0.01)):
        if not waiting & (world.waiting | world.calling):
            return True
        await asyncio.sleep(0.01)
    return False


def at_once(services: Services, ask: Ask) -> object:
    """The answer to an ask that nobody has to wait for, or LATER."""
    if not isinstance(ask, WriteRecord):
        return LATER
    if services.audit is None:
        return None
    if services.audit.waits_for_disk:
        return LATER
    try:
        services.audit.write_now(ask.record)
    except StoreUnavailable as trouble:
        return Away("audit", str(trouble))
    return None


async def _within(seconds: float, work: Awaitable[object]) -> object:
    async with asyncio.timeout(seconds):
        return await work


async def write_outcomes(services: Services, session: Session) -> None:
    """What became of the transactions that approvals let through, when there is time: it is for people to know."""
    outcomes, session.spending.outcomes = session.spending.outcomes, []
    for numbers, outcome in outcomes:
        _record_outcome(services, session, numbers, outcome)
        try:
            await services.store.ended(numbers, outcome)
        except StoreUnavailable as trouble:
            log.warning("the end of an approved transaction was not written down", requests=numbers, why=str(trouble))


def _record_outcome(services: Services, session: Session, numbers: tuple[int, ...], outcome: str) -> None:
    """What was approved and measured was recorded before the COMMIT; this is what the server made of it."""
    if services.audit is None:
        return
    caller = session.desk.caller
    for number in numbers:
        services.audit.queue(
            AuditRecord(
                session=session.ident, caller=caller.user, role=caller.role, client=caller.address,
                application=caller.application, database=caller.database, statement="", digest="", kind="transaction",
                verdict=outcome, approval=number,
            )
        )  # fmt: skip


def write_proved(services: Services, session: Session) -> None:
    """Proved writes, off the path: queued, and written when there is time."""
    records, session.records = session.records, []
    if services.audit is None:
        return
    for caller, judged, tag in records:
        services.audit.queue(
            AuditRecord(
                session=session.ident, caller=caller.user, role=caller.role, client=caller.address,
                application=caller.application, database=caller.database,
                statement=shown(judged.text).decode("utf-8", "replace"), digest=_digest(judged),
                kind=judged.kind, verdict="proved", measured=_measured(judged, tag),
            )
        )  # fmt: skip


def _digest(judged: Judged) -> str:
    whole = judged.read.digest.encode() if judged.read is not None else judged.text
    return hashlib.sha256(whole).hexdigest()[:16]


def _measured(judged: Judged, tag: str) -> dict[str, dict[str, int]]:
    """What one proved write did, from its CommandComplete; of several in one string only the tags are known."""
    proofs = [proof for proof in judged.proofs if isinstance(proof, Bounded)]
    words = tag.split()
    if len(proofs) != 1 or len(judged.proofs) != 1 or len(words) != 2 or not words[1].isdigit():
        return {proof.table: {"at_most": proof.rows} for proof in proofs}
    return {proofs[0].table: {"deleted" if proofs[0].deletes else "updated": int(words[1])}}
