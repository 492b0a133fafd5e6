"""Asking what the gate would say of a plan, and how it would run, without running it."""

from typing import Protocol

from nightshift.model.dryrun import DryRun
from nightshift.model.plan import Proposal
from nightshift.model.verdict import Verdict

__all__ = ["DryRuns"]


class DryRuns(Protocol):
    """Nothing is stored, reserved or changed."""

    def check(self, proposal: Proposal) -> Verdict:
        """What the gate would say of a plan now.

        Raises:
            Retryable: nobody could say; the same call again may.
        """

    def dry_run(self, proposal: Proposal) -> DryRun:
        """How a plan would run now; its reads are carried out.

        Raises:
            Retryable: nobody could say; the same call again may.
        """
