"""Lanes on the limits table: one item per channel, one conditional update per call in the common case.

The update takes from the budget and asks the breaker at once; the answer of a failed condition says why.
DynamoDB knows no maximum of two numbers, so an idle lane (its budget is whole) and a busy one are two
updates; which one is tried first is guessed from what this process saw last. Every call through is
counted in the same update, so that the breaker's share costs a healthy lane no second write.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from nightshift.aws.client import client as aws_client
from nightshift.aws.client import is_transient
from nightshift.aws.items import key, text
from nightshift.ids import ChannelId, TenantId
from nightshift.model.lane import BreakerState, Lane, LaneState
from nightshift.ports.limits import Admitted, Refusal, Refused
from nightshift.tools.breaker import LONGEST_OPEN, open_for, opens
from nightshift.tools.budget import absurd, charge, latest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["DynamoLimits"]

_TRIES = 4
_TRIAL_SECONDS = 60.0  # beyond any Lambda's life: a trial whose Lambda died makes room after it
_READ_SHAPES = 3
_SHAPES_WITHIN = 600.0

_Item = dict[str, Any]


def _pk(tenant: TenantId, channel: ChannelId) -> str:
    return f"lane#{tenant}#{channel}"


def _at(seconds: float) -> _Item:
    return {"N": f"{seconds:.6f}"}


def _number(stored: _Item, name: str) -> float | None:
    return float(stored[name]["N"]) if name in stored else None


class DynamoLimits:
    """The `Limits` port on one table."""

    def __init__(self, table: str, client: "DynamoDBClient | None" = None) -> None:
        self._table = table
        self._client = client or aws_client("dynamodb")
        self._seen: dict[str, tuple[float, float | None]] = {}  # by lane: whole at, the vendor's own rate
        self._owed: dict[str, float] = {}

    def admit(self, lane: Lane, *, cost: float, writes: bool, now: datetime) -> Admitted:
        """Take from the budget, if the breaker lets one through."""
        pk, at = _pk(lane.tenant, lane.channel), now.timestamp()
        due = cost + self._owed.get(pk, 0.0)
        seen, rate = self._seen.get(pk, (0.0, None))
        idle = seen <= at
        for _ in range(_TRIES):
            known = rate or lane.budget.per_second
            taken = self._take(lane, due, idle=idle, writes=writes, rate=known, now=at)
            if isinstance(taken, Admitted):
                self._owed.pop(pk, None)
                return taken
            if "open_until" in taken:
                return self._trial(lane, taken, due, writes=writes, now=at)
            rate, full_at = _number(taken, "per_second"), _number(taken, "full_at") or 0.0
            self._refuse(lane, taken, due, writes=writes, now=at)
            idle = full_at <= at or full_at > absurd(lane.budget, at)
        raise Refused(Refusal.EXHAUSTED, 0.5)

    def _take(
        self, lane: Lane, cost: float, *, idle: bool, writes: bool, rate: float, now: float
    ) -> Admitted | _Item:
        """One try at a closed breaker; the item as it stands where a condition fails."""
        values = {
            ":now": _at(now),
            ":charge": _at(charge(lane.budget, rate, cost)),
            ":one": {"N": "1"},
            ":none": {"N": "0"},
        }
        if idle:
            base, fits = ":now", "(attribute_not_exists(full_at) OR full_at <= :now OR full_at > :absurd)"
            values[":absurd"] = _at(absurd(lane.budget, now))
        else:
            base, fits = "full_at", "full_at BETWEEN :now AND :latest"
            values[":latest"] = _at(latest(lane.budget, rate, cost, now))
        condition = f"{fits} AND attribute_not_exists(open_until)"
        if writes:
            condition += " AND attribute_not_exists(stopped)"
        done, stored = self._update(
            lane,
            f"SET full_at = {base} + :charge, calls = if_not_exists(calls, :none) + :one",
            condition,
            values,
        )
        return self._admitted(lane, stored, rate) if done else stored

    def _admitted(self, lane: Lane, stored: _Item, rate: float, *, trial: bool = False) -> Admitted:
        full_at, heard = float(stored["full_at"]["N"]), _number(stored, "per_second")
        self._seen[_pk(lane.tenant, lane.channel)] = (full_at, heard)
        return Admitted(
            lane=lane,
            full_at=full_at,
            per_second=heard or rate,
            trial=trial,
            opens=int(_number(stored, "opens") or 0),
            stopped="stopped" in stored,
        )

    def _refuse(self, lane: Lane, stored: _Item, cost: float, *, writes: bool, now: float) -> None:
        """Raise what speaks against the call in an item, if something does."""
        if writes and "stopped" in stored:
            raise Refused(Refusal.STOPPED, None)
        full_at, rate = _number(stored, "full_at"), _number(stored, "per_second") or lane.budget.per_second
        if full_at is None or full_at > absurd(lane.budget, now):
            return
        wait = full_at - latest(lane.budget, rate, cost, now)
        if wait > 0:
            self._seen[_pk(lane.tenant, lane.channel)] = (full_at, _number(stored, "per_second"))
            raise Refused(Refusal.EXHAUSTED, wait)

    def _trial(self, lane: Lane, stored: _Item, cost: float, *, writes: bool, now: float) -> Admitted:
        """The one call that may find out whether the vendor is back.

        Raises:
            Refused: it is too early, or another call is finding out.
        """
        if writes and "stopped" in stored:
            raise Refused(Refusal.STOPPED, None)
        until = float(stored["open_until"]["N"])
        if now < until <= now + max(LONGEST_OPEN, lane.breaker.open_seconds) + _TRIAL_SECONDS:
            raise Refused(Refusal.OPEN, until - now)
        rate = _number(stored, "per_second") or lane.budget.per_second
        full_at = max(min(_number(stored, "full_at") or 0.0, absurd(lane.budget, now)), now)
        condition = (
            "open_until = :seen AND (attribute_not_exists(trial_until)"
            " OR NOT trial_until BETWEEN :now AND :longest)"
        )
        if writes:
            condition += " AND attribute_not_exists(stopped)"
        done, left = self._update(
            lane,
            "SET trial_until = :until, full_at = :full",
            condition,
            {
                ":seen": stored["open_until"],
                ":now": _at(now),
                ":longest": _at(now + 2 * _TRIAL_SECONDS),
                ":until": _at(now + _TRIAL_SECONDS),
                ":full": _at(full_at + charge(lane.budget, rate, cost)),
            },
        )
        if not done:
            raise Refused(Refusal.OPEN, max(1.0, (_number(left, "trial_until") or now) - now))
        return self._admitted(lane, left, rate, trial=True)

    def correct(self, admitted: Admitted, full_at: float, *, lower: bool, per_second: float | None) -> None:
        """Set when the budget is whole again to what the vendor says."""
        values = {":to": _at(full_at)}
        if lower:
            condition, values[":mine"] = "full_at = :mine", _at(admitted.full_at)
        else:
            condition = "attribute_not_exists(full_at) OR full_at < :to"
        changes = "SET full_at = :to"
        if per_second is not None:
            changes, values[":rate"] = f"{changes}, per_second = :rate", _at(per_second)
        done, stored = self._reported(lambda: self._update(admitted.lane, changes, condition, values))
        if done:
            pk = _pk(admitted.lane.tenant, admitted.lane.channel)
            self._seen[pk] = (full_at, _number(stored, "per_second"))

    def owe(self, lane: Lane, units: float) -> None:
        """Let the next call of this process pay."""
        pk = _pk(lane.tenant, lane.channel)
        self._owed[pk] = min(self._owed.get(pk, 0.0) + units, lane.budget.burst)

    def troubled(self, admitted: Admitted, *, now: datetime) -> bool:
        """Count a troubled call; True when this opened the breaker."""
        lane, at = admitted.lane, now.timestamp()
        if admitted.trial:
            return self._opened(admitted, admitted.opens + 1, at, "attribute_exists(open_until)")
        for _ in range(_TRIES):
            done, stored = self._reported(lambda: self._count_trouble(lane, at))
            if done:
                troubles, calls = (int(_number(stored, name) or 0) for name in ("troubles", "calls"))
                if not opens(lane.breaker, troubles=troubles, calls=calls):
                    return False
                return self._opened(admitted, 1, at, "attribute_not_exists(open_until)")
        return False

    def _count_trouble(self, lane: Lane, now: float) -> tuple[bool, _Item]:
        """Add to the present window, or begin one with this call."""
        span = lane.breaker.within_seconds
        window = {":from": _at(now - span), ":to": _at(now + span), ":one": {"N": "1"}}
        counted = self._update(
            lane,
            "SET troubles = if_not_exists(troubles, :none) + :one",
            "since BETWEEN :from AND :to",
            window | {":none": {"N": "0"}},
        )
        if counted[0]:
            return counted
        return self._update(
            lane,
            "SET since = :now, troubles = :one, calls = :one",
            "attribute_not_exists(since) OR NOT since BETWEEN :from AND :to",
            window | {":now": _at(now)},
        )

    def _opened(self, admitted: Admitted, times: int, now: float, condition: str) -> bool:
        values = {
            ":until": _at(now + open_for(admitted.lane.breaker, times)),
            ":times": {"N": str(times)},
        }
        changes = "SET open_until = :until, opens = :times REMOVE trial_until, troubles, calls, since"
        return self._reported(lambda: self._update(admitted.lane, changes, condition, values))[0]

    def recovered(self, admitted: Admitted) -> None:
        """Close the breaker."""
        changes = "REMOVE open_until, trial_until, opens, troubles, calls, since"
        self._reported(lambda: self._update(admitted.lane, changes, "attribute_exists(open_until)", {}))

    def undecided(self, admitted: Admitted) -> None:
        """Give a trial back."""
        self._reported(
            lambda: self._update(admitted.lane, "REMOVE trial_until", "attribute_exists(open_until)", {})
        )

    def drifted(self, lane: Lane, *, at_once: bool, why: str, now: datetime) -> bool:
        """Note an unexpected answer; True when this stopped the lane's writes."""
        if not at_once and self._shapes(lane, now.timestamp()) < _READ_SHAPES:
            return False
        values = {":why": text(why), ":at": text(now.isoformat())}
        changes = "SET stopped = :why, stopped_at = :at REMOVE shapes, shapes_since"
        condition = "attribute_not_exists(stopped)"
        return self._reported(lambda: self._update(lane, changes, condition, values))[0]

    def _shapes(self, lane: Lane, now: float) -> int:
        window = {":from": _at(now - _SHAPES_WITHIN), ":to": _at(now + _SHAPES_WITHIN), ":one": {"N": "1"}}
        done, stored = self._reported(
            lambda: self._update(
                lane, "SET shapes = shapes + :one", "shapes_since BETWEEN :from AND :to", window
            )
        )
        if done:
            return int(_number(stored, "shapes") or 0)
        self._reported(
            lambda: self._update(
                lane,
                "SET shapes = :one, shapes_since = :now",
                "attribute_not_exists(shapes_since) OR NOT shapes_since BETWEEN :from AND :to",
                window | {":now": _at(now)},
            )
        )
        return 1

    def hold(self, lane: Lane, name: str, *, seconds: float, now: datetime) -> bool:
        """Take a named turn."""
        at = now.timestamp()
        free = f"attribute_not_exists(held_{name}) OR NOT held_{name} BETWEEN :now AND :longest"
        values = {":now": _at(at), ":until": _at(at + seconds), ":longest": _at(at + 2 * seconds)}
        return self._update(lane, f"SET held_{name} = :until", free, values)[0]

    def let_go(self, lane: Lane, name: str) -> None:
        """Give a turn back."""
        self._reported(
            lambda: self._update(lane, f"REMOVE held_{name}", f"attribute_exists(held_{name})", {})
        )

    def states(self, tenant: TenantId, channels: Sequence[ChannelId]) -> tuple[LaneState, ...]:
        """The lanes of these channels."""
        wanted: list[Any] = [key(_pk(tenant, channel), "lane") for channel in dict.fromkeys(channels)]
        found: dict[str, _Item] = {}
        while wanted:
            answer: Any = self._client.batch_get_item(RequestItems={self._table: {"Keys": wanted[:100]}})
            found |= {stored["pk"]["S"]: stored for stored in answer["Responses"].get(self._table, [])}
            left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            wanted = [*left, *wanted[100:]]
        return tuple(_state(tenant, channel, found.get(_pk(tenant, channel), {})) for channel in channels)

    def release(self, tenant: TenantId, channel: ChannelId) -> bool:
        """Let writes go on."""
        lane = Lane(tenant=tenant, channel=channel)
        changes = "REMOVE stopped, stopped_at, shapes, shapes_since"
        return self._update(lane, changes, "attribute_exists(stopped)", {})[0]

    def _update(self, lane: Lane, changes: str, condition: str, values: _Item) -> tuple[bool, _Item]:
        """Whether the condition held, and the item as it stands now."""
        given: _Item = {"ExpressionAttributeValues": values} if values else {}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=key(_pk(lane.tenant, lane.channel), "lane"),
                UpdateExpression=changes,
                ConditionExpression=condition,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **given,
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            response: Any = exc.response
            return False, response.get("Item", {})
        return True, dict(answer["Attributes"])

    @staticmethod
    def _reported(update: Callable[[], tuple[bool, _Item]]) -> tuple[bool, _Item]:
        """A write after the vendor's answer: what AWS does not take now is lost, the answer must not be."""
        try:
            return update()
        except (ClientError, BotoCoreError) as exc:
            if not is_transient(exc):
                raise
            return False, {}


def _state(tenant: TenantId, channel: ChannelId, stored: _Item) -> LaneState:
    trial = _number(stored, "trial_until")
    until = _number(stored, "open_until")
    breaker = BreakerState.CLOSED
    if until is not None:
        breaker = BreakerState.OPEN if trial is None else BreakerState.HALF_OPEN
    return LaneState(
        tenant=tenant,
        channel=channel,
        full_at=_moment(_number(stored, "full_at")),
        per_second=_number(stored, "per_second"),
        breaker=breaker,
        open_until=_moment(until),
        opens=int(_number(stored, "opens") or 0),
        troubles=int(_number(stored, "troubles") or 0),
        stopped=stored["stopped"]["S"] if "stopped" in stored else None,
        stopped_at=datetime.fromisoformat(stored["stopped_at"]["S"]) if "stopped_at" in stored else None,
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
