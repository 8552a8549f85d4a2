"""Which roles a transaction changes: their logins do not count as a second person for whoever changed them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pgguard.evidence.envelope import Row
from pgguard.evidence.measurement import Rows
from pgguard.evidence.sides import Side

ANY = "*"  # a password was changed, and it is not known whose


def changed_roles(
    outside: Sequence[Row], inside: Sequence[Row], catalogs: Mapping[str, Rows], named: Collection[str]
) -> frozenset[str]:
    """Roles made, dropped, altered, given to another role, or taken from one. Nothing shows a new password but the
    catalog's counter: then it is that of the roles that the statements name, or of any if there are more changes than
    these."""
    before, now = Side.of(outside).lists, Side.of(inside).lists
    roles = before.get("role", {}), now.get("role", {})
    altered = {str(values[0]) for oid, values in roles[0].items() if roles[1].get(oid) != values}
    made = {str(values[0]) for oid, values in roles[1].items() if roles[0].get(oid) != values}
    members = before.get("member", {}), now.get("member", {})
    given = {
        str((members[1].get(key) or members[0][key])[1])
        for key in members[0].keys() | members[1].keys()
        if members[0].get(key) != members[1].get(key)
    }
    seen = sum(oid in roles[1] and roles[1][oid] != values for oid, values in roles[0].items())
    unseen = catalogs.get("pg_authid", Rows()).updated - seen
    plain = [name for name in named if name not in altered]
    hidden = set() if unseen <= 0 else set(plain) if unseen <= len(plain) else {ANY, *plain}
    return frozenset(altered | made | given | hidden)
