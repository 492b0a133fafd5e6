"""Single reads without a plan, for the context stage: READ tools and nothing else."""

from pydantic import JsonValue, ValidationError

from nightshift.errors import Misconfigured, NotFound, Rejected
from nightshift.ids import ChannelId, IdempotencyKey, TenantId
from nightshift.model.base import Noun
from nightshift.model.tool import EffectClass
from nightshift.tools.binding import Done
from nightshift.tools.door import Door, checked
from nightshift.tools.line import Line
from nightshift.tools.witness import Witness

__all__ = ["ReadCall", "read"]


class ReadCall(Noun):
    """Which READ tool over which channel."""

    tenant: TenantId
    channel: ChannelId
    tool: str
    args: dict[str, JsonValue]


def read(door: Door, given: ReadCall) -> dict[str, JsonValue]:
    """Run one READ tool and give back its output.

    Raises:
        Misconfigured: not a READ, no such channel, or this adapter does not bind the tool on it.
        Throttled: the channel's rate budget is used up or its breaker is open.
        WireError: as the tool raised it.
    """
    with Witness(door) as witness:
        witness.tool(given.tenant, given.channel, given.tool)
        done = _read(door, given, witness)
        witness.answered()
    return done.output.model_dump(mode="json")


def _read(door: Door, given: ReadCall, witness: Witness) -> Done:
    try:
        channel = door.config.channel(given.tenant, given.channel)
    except NotFound as exc:
        raise Misconfigured(str(exc), code="record.missing") from exc
    binding = door.adapter.binding(given.tool)
    if binding is None or channel.adapter != door.adapter.name:
        message = f"{door.adapter.name} does not serve {given.tool} on this channel"
        raise Misconfigured(message, code="tool.unbound")
    if binding.contract.effect is not EffectClass.READ:
        message = f"{given.tool} changes the world and needs an authorised plan"
        raise Misconfigured(message, code="tool.not_a_read")
    try:
        args = binding.contract.input.model_validate(given.args)
    except ValidationError as exc:
        message = f"{given.tool}: the arguments do not fit"
        raise Rejected(message, code="arguments.invalid") from exc
    line = Line(door, channel)
    witness.call(line, args)
    line.admit(binding, writes=False)
    return checked(
        binding, line.ask(binding.call, args=args, key=IdempotencyKey(""), seconds=binding.timeout)
    )
