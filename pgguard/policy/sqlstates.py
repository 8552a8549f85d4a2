"""The SQLSTATEs that pgguard gives to its own errors. None is in a class that drivers retry or hang up on."""

from __future__ import annotations

REFUSED = "PGG01"
APPROVAL_REQUIRED = "PGG02"
BEYOND_LIMIT = "PGG03"
APPROVAL_NOT_VALID = "PGG04"
CANNOT_JUDGE = "PGG05"
AWAY = "PGG06"

MEANINGS: dict[str, str] = {
    REFUSED: "refused by policy",
    APPROVAL_REQUIRED: "approval required, a request was filed",
    BEYOND_LIMIT: "beyond a limit, and no approval is possible",
    APPROVAL_NOT_VALID: "approval not valid: used, expired, denied, or for another statement",
    CANNOT_JUDGE: "cannot be judged, and no request was filed",
    AWAY: "pgguard's own store, audit or admin connection is away",
}
