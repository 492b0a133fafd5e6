"""Steering runs that no case carries."""

from typing import Protocol

from nightshift.model.steer import Steer, Steered

__all__ = ["Steering"]


class Steering(Protocol):
    """Safe to repeat."""

    def steer(self, asked: Steer) -> Steered:
        """Do what a person asks of a run.

        Raises:
            Conflict: the run does not stand so that it can be done; says why, and nothing was changed.
            Retryable: the same call again goes on.
        """
