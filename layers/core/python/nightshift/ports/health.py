"""What the doctor asks of the installation, without reading any secret or message."""

from typing import Protocol

from nightshift.model.view import QueueDepth

__all__ = ["Health"]


class Health(Protocol):
    """Reads only."""

    def secret_present(self, ref: str) -> bool:
        """Whether a secret with a value stands under this name."""

    def queues(self) -> tuple[QueueDepth, ...]:
        """The queues of the path and what their dead-letter queues hold (approximate, as SQS counts)."""
