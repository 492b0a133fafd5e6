"""Saved workflows, their occurrences, and what wants to be heard or looked at."""

from datetime import datetime
from typing import Protocol

from pydantic import Field

from nightshift.ids import ChannelId, TenantId
from nightshift.model.base import Document
from nightshift.model.event import Event, EventKind
from nightshift.model.workflow import Armed, Occurrence, Watch, Workflow, WorkflowHead
from nightshift.money import Money

__all__ = ["Offers", "PriceWatch", "PricesSeen", "Watches", "Workflows"]


class Workflows(Protocol):
    """Reads are strongly consistent but where said otherwise."""

    def save(self, workflow: Workflow, head: WorkflowHead, before: WorkflowHead | None) -> None:
        """Store a version and how the workflow stands from now on, in one transaction.

        Raises:
            Conflict: it stands otherwise than `before` by now; read it again.
        """

    def change(self, head: WorkflowHead, before: WorkflowHead) -> None:
        """Store how a workflow stands.

        Raises:
            Conflict: it stands otherwise than `before` by now; read it again.
        """

    def head(self, tenant: TenantId, name: str) -> WorkflowHead:
        """How a workflow stands.

        Raises:
            NotFound: none was saved under this name.
        """

    def heads(self, tenant: TenantId) -> tuple[WorkflowHead, ...]:
        """All of a tenant, by name."""

    def version(self, tenant: TenantId, name: str, version: int) -> Workflow:
        """One version.

        Raises:
            NotFound: there is none.
        """

    def versions(self, tenant: TenantId, name: str, limit: int) -> tuple[Workflow, ...]:
        """The newest versions, the newest first."""

    def due(self, now: datetime, limit: int) -> tuple[WorkflowHead, ...]:
        """Those of all tenants whose time has come, the longest overdue first (eventually consistent)."""

    def postpone(self, head: WorkflowHead, until: datetime) -> None:
        """Look at a workflow that is due later; its times stay as they are."""

    def hearing(self, tenant: TenantId, kind: EventKind) -> tuple[str, ...]:
        """The names of those that want to hear events of a kind."""

    def find(self, tenant: TenantId, name: str, key: str) -> Occurrence | None:
        """An occurrence, or None."""

    def claim(self, occurrence: Occurrence, *, subject: str = "", armed: Armed | None = None) -> Occurrence:
        """Take an occurrence; the one that was taken first stands and is returned.

        `armed` is how the workflow stands about `subject` once it was taken, in the same transaction.

        Raises:
            Conflict: about this subject it stands otherwise by now; look again.
        """

    def armed(self, tenant: TenantId, name: str, subject: str) -> Armed:
        """How a workflow stands about a subject; never ran: armed."""

    def rearm(self, tenant: TenantId, name: str, subject: str, armed: Armed) -> None:
        """Store how a workflow stands about a subject.

        Raises:
            Conflict: it stands otherwise by now; look again.
        """

    def occurrences(self, tenant: TenantId, name: str, limit: int) -> tuple[Occurrence, ...]:
        """Some of the last occurrences, in no order that means anything; kept for 90 days."""


class PriceWatch(Document):
    """What one workflow wants to have looked at."""

    tenant: TenantId
    workflow: str
    watch: Watch


class PricesSeen(Document):
    """What a feed said of one product when it was looked at last; `seq` counts the looks that changed it."""

    seq: int = Field(default=0, ge=0)
    as_of: datetime | None = None
    prices: dict[str, Money] = Field(default_factory=dict, description="by competitor, opaque")


class Watches(Protocol):
    """What workflows want to have looked at, and what was seen when it was looked at last."""

    def due(self, now: datetime, limit: int) -> tuple[PriceWatch, ...]:
        """Those of all tenants that are to be looked at, the longest overdue first."""

    def looked(self, watch: PriceWatch, again: datetime) -> None:
        """Look again then; one that is not wanted any more stays away."""

    def seen(self, tenant: TenantId, channel: ChannelId, sku: str) -> PricesSeen:
        """What was seen last; nothing yet: of `seq` 0."""

    def see(self, tenant: TenantId, channel: ChannelId, sku: str, *, seen: PricesSeen) -> None:
        """Remember what was seen.

        Raises:
            Conflict: somebody else has looked meanwhile.
        """


class Offers(Protocol):
    """Events offered to workflows, once they are with their case or noted."""

    def offer(self, event: Event) -> None:
        """Have workflows that want such an event run; the same event again changes nothing.

        Raises:
            WireError: they could not be told; offer it again.
        """
