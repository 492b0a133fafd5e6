"""Stopping, carrying on and trying again a run that no case carries: what is kept is put away, never lost."""

from typing import Protocol

from nightshift.ids import RunId, StepId
from nightshift.model.base import Noun

__all__ = ["Reruns", "Standing"]


class Standing(Noun):
    """How a run without a case stands: its generation, from 1, and whether a person stopped it."""

    generation: int = 1
    stopped: bool = False


class Reruns(Protocol):
    """Every method is one conditional write or one consistent read, and safe to repeat."""

    def standing(self, run: RunId) -> Standing:
        """Which generation carries the run, and whether it is stopped."""

    def advance(self, run: RunId, *, to: int) -> None:
        """Put a run into its next generation, stopped; nothing an earlier one has under way makes an effect.

        Raises:
            Conflict: it is not in the generation before that one.
        """

    def release(self, run: RunId, *, generation: int) -> None:
        """The run is stopped no more.

        Raises:
            Conflict: it is in another generation.
        """

    def set_aside(self, run: RunId, step: StepId, *, generation: int) -> None:
        """Put away the effect and the result of a step that did nothing, so that it may be tried again.

        Both are kept beside, under the generation that follows them. A step without either is left alone.

        Raises:
            Conflict: the effect happened, or may have.
        """

    def reopen(self, run: RunId, *, generation: int) -> None:
        """Put away how a run ended, and let it make effects again. A run that has not ended is left alone."""
