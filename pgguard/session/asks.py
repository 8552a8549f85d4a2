"""What a session asks of the world outside it. The skin answers each with a value, or with ``Away``; never late:
every ask has a deadline, and a deadline missed is ``Away`` (the session then refuses with PGG06)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgguard.audit.record import AuditRecord
from pgguard.policy.binding import Binding, NewRequest

if TYPE_CHECKING:
    from pgguard.session.outstanding import Unit


@dataclass(frozen=True, slots=True)
class Away:
    """No answer. ``what``: store, audit or admin connection; ``why`` in words."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The client has sent a CancelRequest while it waited for others."""


@dataclass(frozen=True, slots=True)
class Read:
    """Read a text that is too long to be read at once. Answer: sql.statement.ReadText, as sql.examine makes it."""

    text: bytes


@dataclass(frozen=True, slots=True)
class NeedPicture:
    """The catalog picture of the session's database. Answer: catalog.picture.Picture."""


@dataclass(frozen=True, slots=True)
class LookOutside:
    """Run ``sql`` (evidence.victims wrote it) on the admin connection of the session's database, as committed now.
    Answer: list of rows, each a list of text values or None, as in a text-format DataRow."""

    sql: str


@dataclass(frozen=True, slots=True)
class TableTotals:
    """Bounded probes of table sizes for shares: OID -> stop counting at. Answer: dict OID -> rows counted (<= stop)."""

    stops: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class FindApproval:
    """Is there an approval for this? Answer: policy.binding.Approval, NotValid or None."""

    binding: Binding
    token: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """Spend these approvals, all or none, before COMMIT. Answer: "" or, in words, why not."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gather:
    """What a request for this binding would tell besides the measurement, while the transaction of the server process
    ``backend`` is still open. Answer: evidence.particulars.Particulars; None: there is such a request already, or
    nothing could be had, and then it is filed without."""

    binding: Binding
    backend: int
    tables: tuple[int, ...]
    mask: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large these tables are, when the transaction is rolled back. Answer: dict OID -> Size, or None."""

    tables: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RolesChanged:
    """This transaction changes these roles, and is about to be committed. Answer: None."""

    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileRequest:
    """Answer: policy.binding.Filed."""

    request: NewRequest


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """Write to the audit before the client is answered. Answer: None."""

    record: AuditRecord


@dataclass(frozen=True, slots=True)
class WaitForOthers:
    """Wait until the proved writes that are on their way have begun (answered, or sent a tenth of a second ago) and all
    of ``waiting`` were answered, and the same in every other worker, there with the bodies of functions under way if
    ``names``. Answer: whether they were; a while later it is False. Or Cancelled."""

    waiting: frozenset[Unit | str]
    names: bool = False


Ask = (
    Read | WaitForOthers | NeedPicture | LookOutside | TableTotals | FindApproval | Gather | Sizes | RolesChanged
    | Claim | FileRequest | WriteRecord
)  # fmt: skip
