"""Approvals as records."""

from datetime import datetime
from typing import Protocol

from nightshift.ids import ApprovalId, CaseId, TenantId
from nightshift.model.approval import Approval, ApprovalStatus
from nightshift.model.plan import Principal

__all__ = ["Approvals"]


class Approvals(Protocol):
    """One conditional write decides. The token of the waiting state is kept beside the record."""

    def ask(self, approval: Approval, token: str, generation: int) -> Approval:
        """Store a PENDING approval, or, when it is stored, take the newer token; returns the record.

        The token of an older generation (a message that came late) is not taken.
        """

    def get(self, approval: ApprovalId) -> Approval:
        """One approval, strongly consistent.

        Raises:
            NotFound: no such approval.
        """

    def find(self, approval: ApprovalId) -> Approval | None:
        """One approval, strongly consistent, or None."""

    def of_case(self, case: CaseId) -> tuple[Approval, ...]:
        """The approvals a case asked for, as its index knows them (eventually consistent)."""

    def waiting(self, tenant: TenantId) -> tuple[Approval, ...]:
        """All PENDING approvals of a tenant, oldest first."""

    def decide(
        self,
        approval: ApprovalId,
        status: ApprovalStatus,
        *,
        by: Principal | None,
        at: datetime,
        note: str,
    ) -> Approval:
        """Decide a PENDING approval.

        Raises:
            Conflict: it is not PENDING any more.
        """

    def unresumed(self, limit: int) -> tuple[Approval, ...]:
        """Decided approvals whose run was not given the answer yet, as their index knows them."""

    def resumed(self, approval: ApprovalId) -> None:
        """The answer was given to whatever waited for it, if anything did."""

    def token(self, approval: ApprovalId) -> str | None:
        """The token of the state that waits for the answer."""
