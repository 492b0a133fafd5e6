"""What an operator mends: parked deliveries, dead letters, unsettled effects; and the whole at a glance."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from functions.api.routes.asking import Cursor, Limit, asked_of
from nightshift.api.reads import see_parked
from nightshift.api.repair import (
    redrive_queue,
    replay_delivery,
    see_dead_letters,
    see_effects,
    see_queues,
    settle_effect,
)
from nightshift.api.status import see_status
from nightshift.ids import ChannelId, RunId, StepId
from nightshift.model.repair import (
    DeadPage,
    EffectPage,
    QueuePage,
    Redrive,
    Redriven,
    Replayed,
    Settled,
    Settlement,
    Status,
)
from nightshift.model.view import ParkedPage
from nightshift.wiring.http import new_router

__all__ = ["router"]

router = new_router()

QueuePath = Annotated[str, Path(pattern=r"^[a-z]{1,20}$", description="a queue's name")]
ChannelPath = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="a channel's id")]
DeliveryPath = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:+=@-]{0,199}$", description="a delivery's id")
]
RunPath = Annotated[str, Path(pattern=r"^(?:run|undo)_[a-z2-7]{26}$", description="a run's id")]
StepPath = Annotated[str, Path(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$", description="a step's id")]
Occurrence = Annotated[int, Query(ge=0, le=10_000, description="which of a repeated step's effects")]


@router.get("/v1/status", tags=["repair"])
def status() -> Status:
    """Cases by status, what waits, queues, breakers. Needs `config:read`."""
    asked = asked_of(router)
    return see_status(asked.desk, asked.caller)


@router.get("/v1/deliveries/parked", tags=["repair"])
def parked(limit: Limit = 50, cursor: Cursor = "") -> ParkedPage:
    """Deliveries that could not be made events, oldest first. Needs `cases:read`."""
    asked = asked_of(router)
    return see_parked(asked.desk, asked.caller, limit=limit, cursor=cursor)


@router.post("/v1/deliveries/<channel>/<delivery>/replay", tags=["repair"])
def replay(channel: ChannelPath, delivery: DeliveryPath) -> Replayed:
    """Take a parked delivery in once more, from its stored body. Needs `events:send`."""
    asked = asked_of(router)
    return replay_delivery(asked.desk, asked.caller, ChannelId(channel), delivery)


@router.get("/v1/queues", tags=["repair"])
def queues() -> QueuePage:
    """How full the queues are. Needs `config:read`, or a token of the platform."""
    asked = asked_of(router)
    return see_queues(asked.desk, asked.caller)


@router.get("/v1/queues/<queue>/dead", tags=["repair"])
def dead(queue: QueuePath, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> DeadPage:
    """Some of what a queue gave up on. Needs `queues:read`: a token of the platform."""
    asked = asked_of(router)
    return see_dead_letters(asked.desk, asked.caller, queue, limit=limit)


@router.post("/v1/queues/<queue>/redrive", tags=["repair"])
def redrive(queue: QueuePath, body: Redrive) -> Redriven:
    """Move dead letters back, a bounded part. Needs `queues:redrive`: a token of the platform."""
    asked = asked_of(router)
    return redrive_queue(asked.desk, asked.caller, queue, limit=body.limit)


@router.get("/v1/effects/unknown", tags=["repair"])
def unknown(limit: Limit = 50, cursor: Cursor = "") -> EffectPage:
    """Effects that may have happened and are not settled, oldest first. Needs `cases:read`."""
    asked = asked_of(router)
    return see_effects(asked.desk, asked.caller, limit=limit, cursor=cursor)


@router.post("/v1/runs/<run>/steps/<step>/settle", tags=["repair"])
def settle(run: RunPath, step: StepPath, body: Settlement, occurrence: Occurrence = 0) -> Settled:
    """Say what became of an effect. Needs `cases:resolve` and the tool's own permission."""
    asked = asked_of(router)
    return settle_effect(
        asked.desk, asked.caller, RunId(run), StepId(step), occurrence=occurrence, found=body
    )
