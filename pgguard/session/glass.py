"""Breaking the glass: a role that the policy names goes ahead alone with what needs approval, saying why, loudly.

Only what somebody could approve: what is refused for good, or cannot be judged, stays refused. Everybody hears of it
before the COMMIT: the audit, the log, the client, and a request that somebody has to review.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.policy import explain
from pgguard.policy.binding import Filed
from pgguard.policy.verdict import Hold
from pgguard.session import settle, telling
from pgguard.session.asks import Away, FileRequest
from pgguard.session.outcome import Says
from pgguard.wire.backend import encode_notice

if TYPE_CHECKING:
    from pgguard.session.connection import Session


def breaks(s: Session, verdict: Hold) -> bool:
    """Whether this may go ahead alone; noted, and told before the COMMIT. PostgreSQL itself has let the session become
    the role that it runs as, so SET ROLE counts as well as the login."""
    allowed = s.world.policy.break_glass
    if allowed is None or not settle.reason_given(s).strip():
        return False
    if s.desk.caller.user not in allowed.roles and s.settings.current_user not in allowed.roles:
        return False
    s.tx.glass = verdict
    return True


def tell(s: Session) -> Says:
    """Before the COMMIT. FAIL CLOSED: without a request to review it does not go ahead."""
    verdict = s.tx.glass
    if verdict is None:
        return None
    particulars = s.tx.particulars
    request = settle.new_request(s, verdict, particulars if particulars is not None else telling.NOTHING, review=True)
    answer = yield FileRequest(request)
    if isinstance(answer, Away):
        return explain.away(answer.what, answer.why)
    number = answer.number if isinstance(answer, Filed) else None
    away = yield from settle.record(s, "break-glass", verdict, verdict.measurement, request=number)
    if away is not None:
        return away
    message, detail = explain.broken_glass(number or 0, verdict)
    s.to_client.append(encode_notice({"C": "01000", "M": message, "D": detail}, severity="WARNING"))
    return None
