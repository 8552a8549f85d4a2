"""The environment that a client says it is in, against the one that it is in."""

from __future__ import annotations

import hashlib
import json

from pgguard.evidence.measurement import Destroyed, Measurement
from pgguard.policy.match import glob
from pgguard.policy.model import Policy
from pgguard.policy.sqlstates import REFUSED
from pgguard.policy.verdict import Asked, Blame, Caller, Refuse
from pgguard.sql.statement import Control, Statement, StatementKind

SETTING = "pgguard.environment"


def differs(policy: Policy, asked: Asked, measurement: Measurement | None) -> Refuse | None:
    """A refusal for everything but changing the claim and ROLLBACK, when it names another environment."""
    if not _other(policy, asked.caller) or (asked.statements and all(_way_out(s) for s in asked.statements)):
        return None
    claim = asked.caller.claim
    says = f'this is "{policy.environment}", the session claims "{claim}"'
    hint = (
        f'If this was meant for "{claim}", connect to that server. If not, find out why {SETTING} says "{claim}" '
        "before anything else runs here."
    )
    return Refuse(REFUSED, (_blame(policy, says),), measurement, asked.findings, hint)


def missing(
    policy: Policy, asked: Asked, lost: tuple[Destroyed, ...] | None, measurement: Measurement | None
) -> Refuse | None:
    """A refusal for what destroys objects, when the session claims no environment."""
    if not policy.claims.missing or asked.caller.claim or not lost:
        return None
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    says = f"destroys {lost[0].kind} {lost[0].name}{more}, and the session does not say which environment it means"
    hint = f"Set {SETTING} to the name of the environment that you believe to be connected to, then run it again."
    return Refuse(REFUSED, (_blame(policy, says),), measurement, asked.findings, hint)


def notice(policy: Policy, caller: Caller) -> str:
    """What a person is told who has just connected; "" for whoever knows it, or is a program."""
    told = any(glob(application, caller.application) for application in policy.environment_notice)
    if not policy.environment or caller.claim == policy.environment or not told:
        return ""
    named = f', server "{policy.server.name}"' if policy.server.name else ""
    claims = f', the session claims "{caller.claim}"' if caller.claim else ""
    return f'this is "{policy.environment}"{named}{claims}'


def speak_of(policy: Policy, caller: Caller) -> bool:
    """Whether this session's claim can still matter."""
    return _other(policy, caller) or (bool(policy.claims.missing) and not caller.claim)


def _other(policy: Policy, caller: Caller) -> bool:
    return bool(policy.claims.differs) and bool(caller.claim) and caller.claim != policy.environment


def _way_out(statement: Statement) -> bool:
    """SET, RESET, SHOW of the claim, RESET ALL and DISCARD ALL (which poolers send), ROLLBACK, and nothing at all."""
    if statement.kind is StatementKind.EMPTY or statement.control is Control.ROLLBACK:
        return True
    if statement.kind is not StatementKind.SESSION:
        return False
    setting = statement.setting
    if statement.node == "VariableShowStmt":
        return statement.name.lower() == SETTING
    return setting is not None and (setting.name == SETTING or (setting.name == "all" and setting.value is None))


def _blame(policy: Policy, says: str) -> Blame:
    content = json.dumps([policy.environment, policy.claims.missing, policy.claims.differs])
    return Blame("claims", says, hashlib.sha256(content.encode()).hexdigest())
