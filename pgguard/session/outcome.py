"""What a measured run can come to."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from pgguard.policy.sqlstates import CANNOT_JUDGE
from pgguard.policy.verdict import Blame, Hold, Refusal, Refuse
from pgguard.session.asks import Ask


class ServerError:
    """The server refused by itself. ``message``: an ErrorResponse that the client was not given yet, or b""."""

    def __init__(self, message: bytes = b"") -> None:
        self.message = message


# None, it may stay; ServerError, the server's own error stands; anything else refuses.
Outcome = None | ServerError | Hold | Refuse | Refusal
Says = Generator[Ask | None, Any, Outcome]


def cannot_judge(why: str) -> Refuse:
    """FAIL CLOSED: PGG05 for what could not be measured."""
    return Refuse(CANNOT_JUDGE, (Blame("unmeasured", why, "unmeasured"),))
