"""Starting, waking and asking: Step Functions, Lambda and queues as the stages see them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from pydantic import JsonValue

from nightshift.ids import ChannelId, TenantId
from nightshift.model.event import Event

if TYPE_CHECKING:  # ingress loads this and no case
    from nightshift.model.case import CaseInput

__all__ = ["Blobs", "EventQueue", "Executions", "ReadTools", "Secrets"]


class Executions(Protocol):
    """State machine executions and the tokens of their waiting states."""

    def start_case(self, given: "CaseInput") -> None:
        """Start the execution of a case's generation; one that runs or ran already is left alone."""

    def succeed(self, token: str, output: dict[str, JsonValue]) -> bool:
        """Resume the state that waits on a token; False when it does not wait any more."""


class EventQueue(Protocol):
    """The queue between ingress and dispatcher: ordered per subject."""

    def send(self, event: Event) -> None:
        """Send an event; the queue drops a second one of the same delivery for five minutes."""


class Blobs(Protocol):
    """Raw bodies."""

    def put(self, key: str, body: bytes, about: Mapping[str, str]) -> None:
        """Store a body with a few short fields about it; the same key again overwrites with the same."""

    def get(self, key: str) -> bytes:
        """Read a body.

        Raises:
            NotFound: nothing is stored there.
        """

    def about(self, key: str) -> dict[str, str]:
        """The fields a body was stored with.

        Raises:
            NotFound: nothing is stored there.
        """


class Secrets(Protocol):
    """Secrets by reference."""

    def get(self, ref: str, *, fresh: bool = False) -> dict[str, str]:
        """The fields of one secret, cached for a short while; `fresh`: read anew.

        Raises:
            Misconfigured: it is not there or not readable.
        """

    def beside(self, ref: str) -> tuple[dict[str, str], ...]:
        """Its fields as a rotation that is under way has them: the pending ones, then the previous ones."""

    def put(self, ref: str, fields: dict[str, str]) -> None:
        """Store new fields; whoever reads it fresh has them."""


class ReadTools(Protocol):
    """READ tools of the adapters, without a plan; anything but a READ is refused by the adapter."""

    def read(
        self, tenant: TenantId, channel: ChannelId, tool: str, args: dict[str, JsonValue]
    ) -> dict[str, JsonValue]:
        """Run one READ tool in its adapter's Lambda.

        Raises:
            WireError: as the tool raised it.
        """
