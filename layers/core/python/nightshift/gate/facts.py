"""What the gate has to know to decide; everything `decide` looks at stands here or in the proposal."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nightshift.errors import Misconfigured
from nightshift.ids import ChannelId, TenantId
from nightshift.model.base import Noun
from nightshift.model.plan import Principal
from nightshift.model.policy import Policy
from nightshift.model.tool import ToolSpec
from nightshift.ports.windows import WindowCounter

__all__ = ["ChannelFacts", "GateFacts", "day_began"]


class ChannelFacts(Noun):
    """A channel as the gate sees it.

    Args:
        adapter: which serves it.
        live_tools: the tools a person turned on.
        open_until: until when its breaker lets no call through; None: it does.
        stopped: whether its writes are stopped until a person releases them.
    """

    adapter: str
    live_tools: frozenset[str] = frozenset()
    open_until: datetime | None = None
    stopped: bool = False


class GateFacts(Noun):
    """The world at the moment of the decision.

    Args:
        now: the moment, in UTC.
        day_began: when the tenant's current day began, in UTC.
        permissions: what the requester's role holds; None: policy does not know the role.
        tools: the catalog by name.
        channels: the tenant's channels that the plan names; an unknown one is left out.
        tainted: the plan's inputs that stem from customer or supplier text.
        counters: one for each of `gate.windows.window_keys`, at the versions a reservation is bound to.
        two_factor: whether a second factor can be asked for at all.
    """

    now: datetime
    day_began: datetime
    tenant: TenantId
    requester: Principal
    permissions: frozenset[str] | None
    policy: Policy
    tools: dict[str, ToolSpec]
    channels: dict[ChannelId, ChannelFacts]
    halted: bool
    locked: bool
    tainted: frozenset[str]
    counters: tuple[WindowCounter, ...]
    two_factor: bool


def day_began(now: datetime, timezone: str) -> datetime:
    """When the current day began in a time zone, in UTC.

    Raises:
        Misconfigured: there is no such time zone.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        message = f"the policy names the time zone {timezone}, which does not exist"
        raise Misconfigured(message, code="policy.timezone") from exc
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
