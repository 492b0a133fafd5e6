"""Is a tenant's installation healthy?"""

from nightshift.api.desk import Desk
from nightshift.identity.caller import Caller
from nightshift.model.tenant import Channel
from nightshift.model.tool import EffectClass
from nightshift.model.view import ChannelHealth, DoctorReport, QueueDepth

__all__ = ["examine"]

READ_CONFIG = "config:read"


def examine(desk: Desk, caller: Caller) -> DoctorReport:
    """Look at channels, secrets, queues, parked deliveries; name every problem in one sentence.

    Raises:
        NotPermitted: the caller may not read the configuration.
    """
    caller.must(READ_CONFIG)
    halted = desk.config.tenant(caller.tenant).halted
    channels = tuple(_channel(desk, channel) for channel in desk.config.channels(caller.tenant))
    queues = desk.health.queues()
    parked = len(desk.deliveries.parked(caller.tenant))
    return DoctorReport(
        tenant=caller.tenant,
        halted=halted,
        channels=channels,
        queues=queues,
        waiting_approvals=len(desk.approvals.waiting(caller.tenant)),
        parked=parked,
        problems=_problems(halted=halted, channels=channels, queues=queues, parked=parked),
    )


def _channel(desk: Desk, channel: Channel) -> ChannelHealth:
    writes = [
        tool.name
        for tool in desk.tools
        if channel.adapter in tool.adapters and tool.effect is not EffectClass.READ
    ]
    return ChannelHealth(
        channel=channel.id,
        adapter=channel.adapter,
        account=channel.account,
        secret=desk.health.secret_present(channel.secret_ref),
        live=tuple(name for name in writes if name in channel.live_tools),
        shadow=tuple(name for name in writes if name not in channel.live_tools),
    )


def _problems(
    *, halted: bool, channels: tuple[ChannelHealth, ...], queues: tuple[QueueDepth, ...], parked: int
) -> tuple[str, ...]:
    found = ["The tenant is halted: no effect is made until a person lifts it."] if halted else []
    found += ["The tenant has no channel: nothing can come in."] if not channels else []
    found += [
        f"The secret of channel {one.channel} is missing: its webhooks are refused and its tools fail."
        for one in channels
        if not one.secret
    ]
    found += [
        f"The queue {one.queue} gave up on {one.dead} messages: look into its dead-letter queue."
        for one in queues
        if one.dead
    ]
    found += [f"{parked} deliveries are parked: see `/v1/deliveries/parked`."] if parked else []
    return tuple(found)
