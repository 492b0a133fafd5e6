"""How an adapter binds contracts to its vendor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nightshift.errors import Misconfigured
from nightshift.ids import IdempotencyKey
from nightshift.model.base import Noun
from nightshift.model.lane import Breaker, Budget, Lane
from nightshift.model.tenant import Channel
from nightshift.tools.contract import ToolContract
from nightshift.tools.oauth import Grant

if TYPE_CHECKING:
    from nightshift.tools.onboard import Onboard  # a cold start need not build its models

__all__ = ["Adapter", "Binding", "Call", "Done", "Found", "Probe", "Room", "required"]

C = TypeVar("C")


@dataclass(frozen=True, kw_only=True)
class Call(Generic[C]):
    """One call of one tool.

    Args:
        client: the adapter's client for one channel.
        args: the tool's validated input (the contract's `input` type).
        key: the effect's key, the same on every try.
    """

    client: C
    args: Any
    key: IdempotencyKey


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a tool did: its output and the vendor's id of the effect, if it has one."""

    output: Noun
    vendor_ref: str | None = None


class Found(StrEnum):
    """What a probe knows."""

    ABSENT = "absent"  # the vendor has nothing of it (counts only after `settle_after`)
    UNSURE = "unsure"


@dataclass(frozen=True, kw_only=True)
class Room:
    """How much a claim's pool still has at the vendor, in minor units (captured minus refunded)."""

    left: int


Probe = Callable[[Call[Any]], "Done | Found"]


@dataclass(frozen=True, kw_only=True)
class Binding:
    """One tool of one adapter.

    Args:
        contract: the promise.
        call: does it. Raises only wire errors; anything that may have happened is `OutcomeUnknown`.
        probe: finds out whether an effect with this key happened; None: a person must settle it.
        takes_key: the vendor itself refuses a second effect with the same key.
        settle_after: seconds after the attempt before a negative probe counts.
        room: for money: what is left in the claim's pool right now, as the vendor says.
        timeout: seconds the client may take in all; no call is begun that its Lambda leaves less.
        ask_timeout: the same for its probe and for its room.
        cost: units of the adapter's budget that one call usually takes, its room included.
    """

    contract: ToolContract[Any, Any]
    call: Callable[[Call[Any]], Done]
    probe: Probe | None = None
    takes_key: bool = False
    settle_after: float = 10.0
    room: Callable[[Call[Any]], Room] | None = None
    timeout: float = 10.0
    ask_timeout: float = 7.0
    cost: float = 1.0

    def __post_init__(self) -> None:
        if self.contract.money and self.room is None:
            message = f"{self.contract.name} moves money and must say how much is left (room)"
            raise TypeError(message)


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """All tools of one vendor, and how to reach it for one channel.

    `connect(channel, secret)` builds the client; `secret` are the fields of the channel's secret. `budget`
    and `breaker` are per channel and say the same as `adapter.toml`. `grant` asks the vendor for an access
    token where the secret holds none that lasts (`nightshift.tools.oauth`).
    """

    name: str
    bindings: tuple[Binding, ...]
    connect: Callable[[Channel, dict[str, str]], Any]
    onboard: "Onboard | None" = None
    budget: Budget = field(default_factory=Budget)
    breaker: Breaker = field(default_factory=Breaker)
    grant: Grant | None = None
    refresh_lasts: bool = False

    def lane(self, channel: Channel) -> Lane:
        """The lane of one of its channels."""
        return Lane(tenant=channel.tenant, channel=channel.id, budget=self.budget, breaker=self.breaker)

    def binding(self, tool: str) -> Binding | None:
        """The binding of one tool, or None when this adapter has none."""
        return next((b for b in self.bindings if b.contract.name == tool), None)


def required(channel: Channel, secret: Mapping[str, str], *names: str) -> None:
    """What a channel cannot be connected without.

    Raises:
        Misconfigured: `secret.field`: its secret lacks one of these fields, or holds nothing there.
    """
    missing = next((name for name in names if not secret.get(name)), None)
    if missing is not None:
        message = f"the secret of channel {channel.id} has no {missing}"
        raise Misconfigured(message, code="secret.field")
