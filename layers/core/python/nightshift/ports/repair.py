"""Dead letters and stored bodies, taken up once more."""

from typing import Protocol

from nightshift.ids import TenantId
from nightshift.model.repair import DeadLetter, Redriven

__all__ = ["DeadLetters", "Replays"]


class DeadLetters(Protocol):
    """What the queues gave up on. Names are those of `Health.queues`."""

    def names(self) -> tuple[str, ...]:
        """The queues that can be looked at."""

    def look(self, queue: str, limit: int) -> tuple[DeadLetter, ...]:
        """Some of a queue's dead letters; they stay where they are."""

    def redrive(self, queue: str, limit: int) -> Redriven:
        """Move dead letters back, each sent before it is deleted, so that none is lost.

        One that was sent and not deleted is sent once more by the next redrive; whoever takes it knows it
        again. A letter that cannot be sent stays.
        """


class Replays(Protocol):
    """Stored bodies, taken in once more by the function that took them in."""

    def replay(self, tenant: TenantId, adapter: str, *, channel: str, ref: str) -> str:
        """Take a stored body in again, with the same ids; says what was done.

        Raises:
            WireError: the function did not answer; nothing was lost.
        """
