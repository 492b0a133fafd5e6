"""The seam between the fast path and the slow one: whoever proposes, proposes a draft."""

from datetime import datetime
from typing import Protocol

from nightshift.model.base import Noun
from nightshift.model.case import ContextPackage
from nightshift.model.plan import Plan
from nightshift.model.tenant import Tenant

__all__ = ["Draft", "Planner"]


class Draft(Noun):
    """A plan, who it is by, which move it is, and which of its inputs stem from customer text."""

    plan: Plan
    proposed_by: str
    move: str
    tainted: tuple[str, ...] = ()


class Planner(Protocol):
    """Proposes what to do about a case; decides nothing and does nothing."""

    def propose(self, package: ContextPackage, tenant: Tenant, *, at: datetime) -> Draft:
        """A draft for one wake of a case: the same package at the same instant gives the same draft."""
